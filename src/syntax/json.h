/* json.h — JSON as a tree in an arena, as pulled tokens, and as a writer.
 *
 * Rules, the same everywhere:
 *  - RFC 8259, UTF-8 only. Invalid UTF-8, lone surrogate escapes, raw control characters, leading
 *    zeros, trailing commas and text after the value are errors.
 *  - Numbers stay text: 9007199254740993 and 1.10 pass through unchanged.
 *  - \u0000 is kept: a str may contain NUL.
 *  - A duplicate key keeps the last value in the tree, at the place of the first (what the JSON
 *    parsers of AWS's services do); JSON_REFUSE_DUPLICATES makes it an error.
 *  - Depth is limited to JSON_MAX_DEPTH, arrays and objects together.
 */
#pragma once

#include "base/buf.h"
#include "base/str.h"

struct arena;

enum {
    JSON_MAX_DEPTH = 100, /* DynamoDB allows 32 levels, Step Functions and templates stay below */
};

enum json_kind {
    JSON_NULL,
    JSON_FALSE,
    JSON_TRUE,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT,
};

enum json_flags {
    JSON_REFUSE_DUPLICATES = 1 << 0,
};

/* One value. Children of arrays and objects are linked in source order. */
struct json {
    enum json_kind kind;
    uint32_t offset;    /* byte where the value starts in the source; 0 for built values */
    struct str key;     /* when the parent is an object */
    struct str text;    /* string: decoded bytes; number: as written */
    struct json *first; /* array and object: children */
    struct json *last;
    struct json *next; /* sibling */
    size_t count;      /* number of children */
};

struct json_error {
    size_t offset;       /* byte at which parsing stopped */
    uint32_t line;       /* 1-based */
    uint32_t column;     /* 1-based, in bytes */
    const char *message; /* static text, e.g. "unexpected end of input" */
};

/* Parses the whole of `text`. Strings without escapes and numbers borrow from `text`, so it must
 * live as long as the tree. Returns 0; -EINVAL (malformed, `out_error` filled if not NULL);
 * -E2BIG (too deep). */
MUST_CHECK int json_parse(struct arena *arena, struct str text, unsigned flags,
                          struct json **out_value, struct json_error *out_error);

/* The member `key` of an object, or NULL (also when `value` is NULL or no object). */
struct json *json_find(const struct json *value, struct str key);
struct json *json_find_cstr(const struct json *value, const char *key);
/* The text of a string member, or an absent str. */
struct str json_find_str(const struct json *value, const char *key);
bool json_is_string(const struct json *value); /* NULL is none of these */
bool json_is_object(const struct json *value);
bool json_is_array(const struct json *value);
/* Deep equality; numbers compare as text, objects regardless of order. */
bool json_equal(const struct json *a, const struct json *b);

/* Building. `text` is borrowed. */
struct json *json_new(struct arena *arena, enum json_kind kind);
struct json *json_new_string(struct arena *arena, struct str text);
struct json *json_new_number(struct arena *arena, int64_t value);
struct json *json_new_bool(struct arena *arena, bool value);
/* Appends without looking for the key: the caller knows that it is new. */
void json_append(struct json *parent, struct json *child);
void json_append_member(struct json *object, struct str key, struct json *value);
/* Replaces in place or appends. */
void json_set(struct json *object, struct str key, struct json *value);
/* Removes a member if present. Returns whether it was there. */
bool json_remove(struct json *object, struct str key);
/* Deep copy, bytes included. */
struct json *json_copy(struct arena *arena, const struct json *value);

/* Writing a tree: compact, or indented by `indent` spaces when indent > 0. */
void json_write(struct buf *out, const struct json *value, int indent);
struct str json_to_str(struct arena *arena, const struct json *value);

/* Writing piece by piece. The writer places commas; key() only inside objects. */
struct json_writer {
    struct buf *out;
    uint32_t depth;
    bool is_first; /* no comma before the next item */
};

void json_writer_init(struct json_writer *writer, struct buf *out);
void json_begin_object(struct json_writer *writer);
void json_end_object(struct json_writer *writer);
void json_begin_array(struct json_writer *writer);
void json_end_array(struct json_writer *writer);
void json_key(struct json_writer *writer, struct str key);
void json_string(struct json_writer *writer, struct str text);
void json_number_text(struct json_writer *writer, struct str digits); /* already valid JSON */
void json_i64(struct json_writer *writer, int64_t value);
/* Shortest that reads back; "NaN", "Infinity" and "-Infinity" as strings. */
void json_f64(struct json_writer *writer, double value);
void json_bool(struct json_writer *writer, bool value);
void json_null(struct json_writer *writer);
void json_value(struct json_writer *writer, const struct json *value);
/* Appends the quoted, escaped form of `text` and nothing else. Bytes that are no UTF-8 become
 * U+FFFD, so the output always is. */
void json_write_string(struct buf *out, struct str text);

/* Pull reader: one token at a time over a whole text in memory, without building a tree. */
enum json_token {
    JSON_TOKEN_END,   /* the value is complete and only white space follows */
    JSON_TOKEN_ERROR, /* reader->error tells */
    JSON_TOKEN_NULL,
    JSON_TOKEN_FALSE,
    JSON_TOKEN_TRUE,
    JSON_TOKEN_NUMBER, /* reader->text */
    JSON_TOKEN_STRING, /* reader->text, decoded */
    JSON_TOKEN_KEY,    /* reader->text, decoded; a value token follows */
    JSON_TOKEN_BEGIN_OBJECT,
    JSON_TOKEN_END_OBJECT,
    JSON_TOKEN_BEGIN_ARRAY,
    JSON_TOKEN_END_ARRAY,
};

struct json_reader {
    struct arena *arena; /* decoded strings that had escapes live here */
    struct str source;
    size_t at;
    struct str text;     /* of the last token; borrows from source unless it had escapes */
    size_t token_offset; /* where the last token started */
    struct json_error error;
    uint32_t depth;
    uint8_t state;                                  /* what may come next; private to json.c */
    uint64_t is_object[(JSON_MAX_DEPTH + 64) / 64]; /* bit per open level: object or array */
};

void json_reader_init(struct json_reader *reader, struct arena *arena, struct str source);
enum json_token json_read(struct json_reader *reader);
/* After BEGIN_OBJECT, BEGIN_ARRAY or KEY (or before any value: `first` is JSON_TOKEN_END): reads
 * over the whole value. Returns 0 or -EINVAL. */
MUST_CHECK int json_skip(struct json_reader *reader, enum json_token first);
/* Builds the tree of the value whose first token was just read. Same errors as json_parse. */
MUST_CHECK int json_read_tree(struct json_reader *reader, enum json_token first,
                              struct json **out_value);
