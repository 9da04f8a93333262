/* json.c — reading JSON: scanning of scalars, the pull reader, and trees built at full speed.
 *
 * Both readers share the scanners of strings and numbers. json_read is a state machine that hands
 * out one token per call; build_tree walks whole values in one loop with the open containers on
 * its own stack and touches the reader's state only at both ends. Nothing recurses.
 *
 * A string is scanned twice only when it has escapes: the first pass finds its end and checks the
 * bytes, so most strings are borrowed from the source; the second decodes into the arena.
 *
 * Invariants:
 *  1. `at` never passes the end of the source, and stands at the broken byte after an error.
 *  2. After an error the state is FAILED or TOO_DEEP for good.
 *  3. is_object has a bit for every level below depth; depth <= JSON_MAX_DEPTH.
 *
 * RFC: 8259; 3629 (UTF-8).
 */
#include "syntax/json.h"

#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/map.h"
#include "syntax/text_scan.h"

/* What may come next.
 *
 *     VALUE ──scalar──► AFTER_VALUE ──','──► VALUE or KEY
 *       │ '['  '{'          ▲  │ ']' '}' (depth falls)
 *       ▼                   │  ▼
 *     FIRST_ITEM, FIRST_KEY ┘  AFTER_VALUE; at depth 0 only the end is left
 *
 * A key is read with its colon and leads to VALUE. */
enum reader_state {
    STATE_VALUE,
    STATE_FIRST_ITEM, /* a value or ']' */
    STATE_FIRST_KEY,  /* a key or '}' */
    STATE_AFTER_VALUE,
    STATE_FAILED,
    STATE_TOO_DEEP, /* as FAILED, but a limit was broken, not the grammar */
};

enum {
    FEW_MEMBERS = 16, /* up to here a bit filter finds duplicate keys faster than a hash table */
};

static void locate(struct json_error *error, struct str source, size_t offset, const char *message)
{
    *error = (struct json_error){.offset = offset, .line = 1, .column = 1, .message = message};
    for (size_t i = 0; i < offset; i++) {
        if (source.ptr[i] == '\n') {
            error->line++;
            error->column = 1;
        } else {
            error->column++;
        }
    }
}

static int fail_with(struct json_reader *reader, const char *at, const char *message,
                     enum reader_state state)
{
    reader->at = (size_t)(at - reader->source.ptr);
    locate(&reader->error, reader->source, reader->at, message);
    reader->state = (uint8_t)state;
    return state == STATE_TOO_DEEP ? -E2BIG : -EINVAL;
}

static int fail(struct json_reader *reader, const char *at, const char *message)
{
    const char *end = reader->source.ptr + reader->source.len;
    return fail_with(reader, at, at == end ? "unexpected end of input" : message, STATE_FAILED);
}

static const char *source_end(const struct json_reader *reader)
{
    return reader->source.ptr + reader->source.len;
}

static const char *skip_space(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t'))
        at++;
    return at;
}

/* ---- Strings ----------------------------------------------------------------------------------
 */

/* Four hex digits at `at`, or -1. */
static int32_t hex4(const char *at, const char *end)
{
    if (end - at < 4)
        return -1;
    int32_t value = 0;
    for (int i = 0; i < 4; i++) {
        char c = at[i];
        int32_t digit = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
        if (digit < 0)
            return -1;
        value = value << 4 | digit;
    }
    return value;
}

static char *put_utf8(char *out, int32_t code)
{
    if (code < 0x80) {
        *out++ = (char)code;
    } else if (code < 0x800) {
        *out++ = (char)(0xC0 | code >> 6);
        *out++ = (char)(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
        *out++ = (char)(0xE0 | code >> 12);
        *out++ = (char)(0x80 | (code >> 6 & 0x3F));
        *out++ = (char)(0x80 | (code & 0x3F));
    } else {
        *out++ = (char)(0xF0 | code >> 18);
        *out++ = (char)(0x80 | (code >> 12 & 0x3F));
        *out++ = (char)(0x80 | (code >> 6 & 0x3F));
        *out++ = (char)(0x80 | (code & 0x3F));
    }
    return out;
}

/* Decodes \uXXXX, or a pair of them, at *at (behind the 'u'). Returns the code point or -1. */
static int32_t unicode_escape(const char **at, const char *end)
{
    int32_t code = hex4(*at, end);
    if (code < 0)
        return -1;
    *at += 4;
    if (code < 0xD800 || code > 0xDFFF)
        return code;
    bool is_pair = code <= 0xDBFF && end - *at >= 6 && (*at)[0] == '\\' && (*at)[1] == 'u';
    int32_t low = is_pair ? hex4(*at + 2, end) : -1;
    if (low < 0xDC00 || low > 0xDFFF)
        return -1;
    *at += 6;
    return 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
}

/* The byte that a one-letter escape stands for, or 0. */
static char simple_escape(char c)
{
    switch (c) {
    case '"':
    case '\\':
    case '/':
        return c;
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return '\0';
    }
}

/* Decodes the inside of a string that has escapes. It cannot become longer: \uXXXX is six bytes
 * for at most three, a pair is twelve for four. */
static int decode_string(struct json_reader *reader, const char *at, const char *end,
                         struct str *out_text)
{
    char *text = arena_alloc_text(reader->arena, (size_t)(end - at));
    char *out = text;
    while (at < end) {
        const char *escape = memchr(at, '\\', (size_t)(end - at));
        size_t run = (size_t)((escape ? escape : end) - at);
        memcpy(out, at, run);
        out += run;
        at += run;
        if (!escape)
            break;
        /* The first pass made sure that a byte follows the backslash. */
        at = escape + 2;
        if (escape[1] == 'u') {
            int32_t code = unicode_escape(&at, end);
            if (code < 0)
                return fail(reader, escape, "invalid \\u escape");
            out = put_utf8(out, code);
        } else {
            char c = simple_escape(escape[1]);
            if (c == '\0')
                return fail(reader, escape, "invalid escape");
            *out++ = c;
        }
    }
    *out_text = str_of(text, (size_t)(out - text));
    return 0;
}

/* Reads the string whose opening quote is at `at`; leaves reader->at behind the closing one. */
static int scan_string(struct json_reader *reader, const char *at, struct str *out_text)
{
    const char *end = source_end(reader);
    const char *start = at + 1;
    bool has_escapes = false;
    for (at = start;;) {
        at = scan_json_plain(at, end);
        if (at == end)
            return fail(reader, at, NULL);
        if (*at == '"')
            break;
        if (*at == '\\') {
            if (end - at < 2)
                return fail(reader, end, NULL);
            has_escapes = true;
            at += 2;
            continue;
        }
        if ((unsigned char)*at < 0x20)
            return fail(reader, at, "control character in a string");
        size_t step = scan_utf8(at, end);
        if (step == 0)
            return fail(reader, at, "invalid UTF-8");
        at += step;
    }
    reader->at = (size_t)(at + 1 - reader->source.ptr);
    if (has_escapes)
        return decode_string(reader, start, at, out_text);
    *out_text = str_of(start, (size_t)(at - start));
    return 0;
}

/* Reads a key with its colon. */
static int scan_key(struct json_reader *reader, const char *at, struct str *out_key)
{
    const char *end = source_end(reader);
    if (at == end || *at != '"')
        return fail(reader, at, "expected a key in quotes");
    int rc = scan_string(reader, at, out_key);
    if (rc < 0)
        return rc;
    at = skip_space(reader->source.ptr + reader->at, end);
    if (at == end || *at != ':')
        return fail(reader, at, "expected ':'");
    reader->at = (size_t)(at + 1 - reader->source.ptr);
    return 0;
}

/* ---- Numbers and literals ----------------------------------------------------------------------
 */

static const char *skip_digits(const char *at, const char *end)
{
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    return at;
}

static int scan_number(struct json_reader *reader, const char *at, struct str *out_text)
{
    const char *end = source_end(reader);
    const char *start = at;
    at += *at == '-';
    const char *digits = at;
    at = skip_digits(at, end);
    if (at == digits)
        return fail(reader, at, "expected a digit");
    if (*digits == '0' && at - digits > 1)
        return fail(reader, digits, "leading zero");
    if (at < end && *at == '.') {
        const char *fraction = ++at;
        at = skip_digits(at, end);
        if (at == fraction)
            return fail(reader, at, "expected a digit");
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        at++;
        at += at < end && (*at == '+' || *at == '-');
        const char *exponent = at;
        at = skip_digits(at, end);
        if (at == exponent)
            return fail(reader, at, "expected a digit");
    }
    reader->at = (size_t)(at - reader->source.ptr);
    *out_text = str_of(start, (size_t)(at - start));
    return 0;
}

static int scan_literal(struct json_reader *reader, const char *at, struct str word)
{
    const char *end = source_end(reader);
    if ((size_t)(end - at) < word.len || memcmp(at, word.ptr, word.len) != 0)
        return fail(reader, at, "unexpected character");
    reader->at = (size_t)(at + word.len - reader->source.ptr);
    return 0;
}

/* Reads the scalar at `at`, which is not the end. */
static int scan_scalar(struct json_reader *reader, const char *at, enum json_kind *out_kind,
                       struct str *out_text)
{
    switch (*at) {
    case '"':
        *out_kind = JSON_STRING;
        return scan_string(reader, at, out_text);
    case 't':
        *out_kind = JSON_TRUE;
        return scan_literal(reader, at, STR("true"));
    case 'f':
        *out_kind = JSON_FALSE;
        return scan_literal(reader, at, STR("false"));
    case 'n':
        *out_kind = JSON_NULL;
        return scan_literal(reader, at, STR("null"));
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9':
        *out_kind = JSON_NUMBER;
        return scan_number(reader, at, out_text);
    default:
        return fail(reader, at, "unexpected character");
    }
}

/* ---- Pull reader -------------------------------------------------------------------------------
 */

void json_reader_init(struct json_reader *reader, struct arena *arena, struct str source)
{
    *reader = (struct json_reader){
        .arena = arena,
        .source = str_or(source, STR("")),
        .state = STATE_VALUE,
    };
    if (reader->source.len > UINT32_MAX) /* offsets in nodes have 32 bits */
        fail_with(reader, reader->source.ptr, "text too large", STATE_TOO_DEEP);
}

static bool is_in_object(const struct json_reader *reader)
{
    uint32_t level = reader->depth - 1;
    return reader->depth > 0 && (reader->is_object[level / 64] >> (level % 64) & 1);
}

static enum json_token open_container(struct json_reader *reader, const char *at)
{
    if (reader->depth == JSON_MAX_DEPTH) {
        fail_with(reader, at, "nested too deeply", STATE_TOO_DEEP);
        return JSON_TOKEN_ERROR;
    }
    bool is_object = *at == '{';
    uint64_t bit = UINT64_C(1) << (reader->depth % 64);
    if (is_object)
        reader->is_object[reader->depth / 64] |= bit;
    else
        reader->is_object[reader->depth / 64] &= ~bit;
    reader->depth++;
    reader->at++;
    reader->state = is_object ? STATE_FIRST_KEY : STATE_FIRST_ITEM;
    return is_object ? JSON_TOKEN_BEGIN_OBJECT : JSON_TOKEN_BEGIN_ARRAY;
}

static enum json_token close_container(struct json_reader *reader)
{
    bool is_object = is_in_object(reader);
    reader->depth--;
    reader->at++;
    reader->state = STATE_AFTER_VALUE;
    return is_object ? JSON_TOKEN_END_OBJECT : JSON_TOKEN_END_ARRAY;
}

static enum json_token read_key(struct json_reader *reader, const char *at)
{
    if (scan_key(reader, at, &reader->text) < 0)
        return JSON_TOKEN_ERROR;
    reader->state = STATE_VALUE;
    return JSON_TOKEN_KEY;
}

static enum json_token read_value(struct json_reader *reader, const char *at)
{
    static const enum json_token tokens[] = {
        [JSON_NULL] = JSON_TOKEN_NULL,     [JSON_FALSE] = JSON_TOKEN_FALSE,
        [JSON_TRUE] = JSON_TOKEN_TRUE,     [JSON_NUMBER] = JSON_TOKEN_NUMBER,
        [JSON_STRING] = JSON_TOKEN_STRING,
    };
    if (at < source_end(reader) && (*at == '{' || *at == '['))
        return open_container(reader, at);
    enum json_kind kind = JSON_NULL;
    int rc = at < source_end(reader) ? scan_scalar(reader, at, &kind, &reader->text)
                                     : fail(reader, at, NULL);
    if (rc < 0)
        return JSON_TOKEN_ERROR;
    reader->state = STATE_AFTER_VALUE;
    return tokens[kind];
}

/* A comma with what follows it, the end of the container, or the end of the text. */
static enum json_token read_after_value(struct json_reader *reader, const char *at)
{
    const char *end = source_end(reader);
    if (reader->depth == 0) {
        if (at == end)
            return JSON_TOKEN_END;
        fail(reader, at, "text after the value");
        return JSON_TOKEN_ERROR;
    }
    bool is_object = is_in_object(reader);
    if (at < end && *at == (is_object ? '}' : ']'))
        return close_container(reader);
    if (at == end || *at != ',') {
        fail(reader, at, is_object ? "expected ',' or '}'" : "expected ',' or ']'");
        return JSON_TOKEN_ERROR;
    }
    at = skip_space(at + 1, end);
    reader->at = (size_t)(at - reader->source.ptr);
    reader->token_offset = reader->at;
    return is_object ? read_key(reader, at) : read_value(reader, at);
}

enum json_token json_read(struct json_reader *reader)
{
    const char *end = source_end(reader);
    const char *at = skip_space(reader->source.ptr + reader->at, end);
    if (reader->state == STATE_FAILED || reader->state == STATE_TOO_DEEP)
        return JSON_TOKEN_ERROR;
    reader->text = (struct str){0};
    reader->at = (size_t)(at - reader->source.ptr);
    reader->token_offset = reader->at;
    switch ((enum reader_state)reader->state) {
    case STATE_VALUE:
        return read_value(reader, at);
    case STATE_FIRST_ITEM:
        return at < end && *at == ']' ? close_container(reader) : read_value(reader, at);
    case STATE_FIRST_KEY:
        return at < end && *at == '}' ? close_container(reader) : read_key(reader, at);
    case STATE_AFTER_VALUE:
        return read_after_value(reader, at);
    case STATE_FAILED:
    case STATE_TOO_DEEP:
        break;
    }
    return JSON_TOKEN_ERROR;
}

int json_skip(struct json_reader *reader, enum json_token first)
{
    enum json_token token = first;
    if (token == JSON_TOKEN_KEY || token == JSON_TOKEN_END)
        token = json_read(reader);
    if (token == JSON_TOKEN_BEGIN_OBJECT || token == JSON_TOKEN_BEGIN_ARRAY) {
        uint32_t outside = reader->depth - 1;
        while (reader->depth > outside && token != JSON_TOKEN_ERROR)
            token = json_read(reader);
        return token == JSON_TOKEN_ERROR ? -EINVAL : 0;
    }
    bool is_scalar = token >= JSON_TOKEN_NULL && token <= JSON_TOKEN_STRING;
    return is_scalar ? 0 : -EINVAL;
}

/* ---- Trees -------------------------------------------------------------------------------------
 */

/* Gives the earlier of two members with one key the value of the later, and unlinks the later. */
static void drop_duplicate(struct json *object, struct json *earlier, struct json *before_later)
{
    struct json *later = before_later->next;
    before_later->next = later->next;
    if (object->last == later)
        object->last = before_later;
    object->count--;
    earlier->kind = later->kind;
    earlier->offset = later->offset;
    earlier->text = later->text;
    earlier->first = later->first;
    earlier->last = later->last;
    earlier->count = later->count;
}

/* A number below 64 that is equal for equal keys. */
static unsigned key_bit(struct str key)
{
    if (key.len == 0)
        return 0;
    unsigned first = (unsigned char)key.ptr[0];
    unsigned middle = (unsigned char)key.ptr[key.len / 2];
    unsigned last = (unsigned char)key.ptr[key.len - 1];
    return (first + middle * 5 + last * 3 + (unsigned)key.len * 7) % 64;
}

/* Finds the member before `stop` that has its key. */
static struct json *find_earlier(const struct json *object, const struct json *stop)
{
    for (struct json *member = object->first; member != stop; member = member->next) {
        if (str_eq(member->key, stop->key))
            return member;
    }
    return NULL;
}

/* Resolves duplicate keys of an object that was just closed. Returns the first later one and
 * changes nothing when duplicates are refused, else NULL. */
static const struct json *merge_duplicates(struct arena *arena, struct json *object,
                                           bool is_refused)
{
    struct map seen;
    map_init(&seen, arena);
    bool is_large = object->count > FEW_MEMBERS;
    uint64_t seen_bits = 0;
    struct json *before = NULL;
    for (struct json *member = object->first; member; member = member->next) {
        struct json *earlier = NULL;
        if (is_large) {
            earlier = map_find(&seen, member->key);
            if (!earlier)
                map_set(&seen, member->key, member);
        } else {
            uint64_t bit = UINT64_C(1) << key_bit(member->key);
            if (seen_bits & bit)
                earlier = find_earlier(object, member);
            seen_bits |= bit;
        }
        if (earlier && is_refused)
            return member;
        if (earlier)
            drop_duplicate(object, earlier, before);
        else
            before = member;
    }
    return NULL;
}

/* The containers that build_tree has open. */
struct tree_builder {
    struct json_reader *reader;
    bool refuses_duplicates;
    uint32_t open_count;
    struct json *open[JSON_MAX_DEPTH];
};

static int close_node(struct tree_builder *builder, const char *at)
{
    struct json *node = builder->open[builder->open_count - 1];
    if (node->kind == JSON_OBJECT && node->count > 1) {
        const struct json *duplicate =
            merge_duplicates(builder->reader->arena, node, builder->refuses_duplicates);
        if (duplicate)
            return fail(builder->reader, builder->reader->source.ptr + duplicate->offset,
                        "duplicate key");
    }
    builder->open_count--;
    builder->reader->at = (size_t)(at + 1 - builder->reader->source.ptr);
    return 0;
}

static int open_node(struct tree_builder *builder, struct json *node, const char *at)
{
    struct json_reader *reader = builder->reader;
    /* The reader counts the outermost container of this tree already. */
    if (builder->open_count > 0 && reader->depth + builder->open_count > JSON_MAX_DEPTH)
        return fail_with(reader, at, "nested too deeply", STATE_TOO_DEEP);
    builder->open[builder->open_count++] = node;
    return 0;
}

/* Reads the next member or item into the innermost container, which may open another one. */
static int read_child(struct tree_builder *builder, const char *at)
{
    struct json_reader *reader = builder->reader;
    struct json *parent = builder->open[builder->open_count - 1];
    const char *end = source_end(reader);
    struct str key = {0};
    if (parent->kind == JSON_OBJECT) {
        int rc = scan_key(reader, at, &key);
        if (rc < 0)
            return rc;
        at = skip_space(reader->source.ptr + reader->at, end);
    }
    if (at == end)
        return fail(reader, at, NULL);
    enum json_kind kind = *at == '{' ? JSON_OBJECT : JSON_ARRAY;
    struct str text = {0};
    bool is_container = *at == '{' || *at == '[';
    if (!is_container) {
        int rc = scan_scalar(reader, at, &kind, &text);
        if (rc < 0)
            return rc;
    }
    struct json *node = json_new(reader->arena, kind);
    node->offset = (uint32_t)(at - reader->source.ptr);
    node->key = key;
    node->text = text;
    json_append(parent, node);
    if (!is_container)
        return 0;
    reader->at = (size_t)(at + 1 - reader->source.ptr);
    return open_node(builder, node, at);
}

/* Fills the outermost container, whose opening bracket has been read. */
static int build_tree(struct tree_builder *builder)
{
    struct json_reader *reader = builder->reader;
    const char *end = source_end(reader);
    while (builder->open_count > 0) {
        const struct json *parent = builder->open[builder->open_count - 1];
        char closing = parent->kind == JSON_OBJECT ? '}' : ']';
        const char *at = skip_space(reader->source.ptr + reader->at, end);
        int rc = 0;
        if (at < end && *at == closing)
            rc = close_node(builder, at);
        else if (parent->count == 0)
            rc = read_child(builder, at);
        else if (at < end && *at == ',')
            rc = read_child(builder, skip_space(at + 1, end));
        else
            rc = fail(reader, at, closing == '}' ? "expected ',' or '}'" : "expected ',' or ']'");
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int read_tree(struct json_reader *reader, enum json_token first, unsigned flags,
                     struct json **out_value)
{
    static const enum json_kind kinds[] = {
        [JSON_TOKEN_NULL] = JSON_NULL,         [JSON_TOKEN_FALSE] = JSON_FALSE,
        [JSON_TOKEN_TRUE] = JSON_TRUE,         [JSON_TOKEN_NUMBER] = JSON_NUMBER,
        [JSON_TOKEN_STRING] = JSON_STRING,     [JSON_TOKEN_BEGIN_OBJECT] = JSON_OBJECT,
        [JSON_TOKEN_BEGIN_ARRAY] = JSON_ARRAY,
    };
    bool is_scalar = first >= JSON_TOKEN_NULL && first <= JSON_TOKEN_STRING;
    bool is_container = first == JSON_TOKEN_BEGIN_OBJECT || first == JSON_TOKEN_BEGIN_ARRAY;
    if (!is_scalar && !is_container)
        return reader->state == STATE_TOO_DEEP ? -E2BIG : -EINVAL;
    struct json *root = json_new(reader->arena, kinds[first]);
    root->offset = (uint32_t)reader->token_offset;
    root->text = reader->text;
    if (is_container) {
        struct tree_builder builder = {.reader = reader};
        builder.refuses_duplicates = flags & JSON_REFUSE_DUPLICATES;
        builder.open[builder.open_count++] = root;
        int rc = build_tree(&builder);
        if (rc < 0)
            return rc;
        reader->depth--;
        reader->state = STATE_AFTER_VALUE;
    }
    *out_value = root;
    return 0;
}

int json_read_tree(struct json_reader *reader, enum json_token first, struct json **out_value)
{
    return read_tree(reader, first, 0, out_value);
}

int json_parse(struct arena *arena, struct str text, unsigned flags, struct json **out_value,
               struct json_error *out_error)
{
    struct json_reader reader;
    json_reader_init(&reader, arena, text);
    struct json *root = NULL;
    int rc = read_tree(&reader, json_read(&reader), flags, &root);
    if (rc == 0 && json_read(&reader) != JSON_TOKEN_END)
        rc = -EINVAL;
    if (rc < 0) {
        if (out_error)
            *out_error = reader.error;
        return rc;
    }
    *out_value = root;
    return 0;
}
