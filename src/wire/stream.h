/* stream.h — bodies that are never held whole: what streaming operations get and give.
 *
 * In. The head of a request tells its operation. When that streams its input, the caller is
 * identified, the head's members are decoded and checked, the operation is authorized, and the
 * service's `plan_body` hook is asked, all before the body is let in: a refused upload is answered
 * at once. Then the body passes through: coding of aws-chunked taken off, digests made, enciphered
 * when the plan says so, into memory while it is small and else into a file (store/bodies.h). What
 * the signature says of the body is checked at its end. Only then does the handler run, like any
 * other, with call->body. A body whose handler does not keep it is removed.
 *
 * Out. A handler names the pieces of its answer by call_send; they leave after the commit: memory
 * from memory, files by sendfile, enciphered ones through a buffer, with back-pressure.
 */
#pragma once

#include "auth/checksum.h"
#include "wire/call.h"

enum {
    BODY_INLINE_BYTES = 32 * 1024, /* up to this a body is handed over in memory */
    BODY_KEY_BYTES = 32,           /* AES-256-CTR */
    BODY_IV_BYTES = 16,
};

/* Key and counter under which stored bytes are enciphered; byte N of the text is byte N of the
 * file, so any range can be read. No key (absent): stored as it came. */
struct body_cipher {
    struct str key;
    struct str iv;
};

/* What is to be done with a body that is about to come. */
struct body_plan {
    uint32_t checksums;                /* 1u << enum checksum_kind, of the decoded bytes */
    int64_t max_bytes;                 /* decoded; 0: no bound */
    const struct api_error *too_large; /* with this text: the body exceeds max_bytes */
    struct str too_large_message;
    struct body_cipher cipher;
};

/* A body that has come. */
struct call_body {
    int64_t size; /* of the text, decoded */
    /* Where it is, enciphered as planned: in `bytes` (up to BODY_INLINE_BYTES), or in the stored
     * body `id`. */
    struct str bytes;
    struct str id;
    struct body_cipher cipher;
    struct str checksums[CHECKSUM_KIND_COUNT]; /* raw; absent unless planned */
    const struct http_header *trailers;        /* of aws-chunked */
    size_t trailer_count;
    bool is_kept; /* by call_keep_body */
};

/* The row that names call->body->id was written: the file stays when this call commits. */
void call_keep_body(struct call *call);
/* Removes a stored body after the commit; a row that named it went in this transaction. What is
 * being sent at the time is sent to its end. */
void call_remove_body(struct call *call, struct str id);

/* A piece of an answer's body. */
struct body_piece {
    struct str bytes; /* from memory (lives until the call is answered), or absent: */
    struct str id;    /* from a stored body */
    int64_t offset;   /* in the text of this body */
    int64_t length;
    struct body_cipher cipher; /* of bytes and file alike */
};

/* What a handler says about its answer besides the output struct. Reset before each run. */
struct call_answer {
    int status; /* 0: the model's. 206 ... */
    struct http_header *headers;
    size_t header_count;
    size_t header_capacity;
    const struct body_piece *pieces;
    size_t piece_count;
    size_t pinned_count; /* of the pieces, so many have their files pinned (store/bodies.h) */
    bool has_pieces;
};

/* Adds a header to the answer, success or failure. Text as in call_fail; no effect in calls made by
 * engines. */
void call_add_header(struct call *call, struct str name, struct str value);
void call_set_status(struct call *call, int status);
/* The body of a streaming output. Pieces live in call->arena. STATUS_FAILED when a file is gone. */
enum status call_send(struct call *call, const struct body_piece *pieces, size_t piece_count);

/* For engines. An operation with a streaming input or output, called as by call_invoke: `body` is
 * what it gets (may be NULL), *out_answer what it sends. */
enum status call_invoke_stream(struct call *call, const struct principal *principal,
                               const struct scope *scope, const struct service_model *service,
                               const struct operation *operation, struct call_body *body,
                               const void *in, void *out, struct call_answer *out_answer,
                               struct call_error *out_error);
/* A body from memory, as if it had come with a request: checksums made, stored when it is large. */
MUST_CHECK int call_make_body(struct call *call, const struct body_plan *plan, struct str text,
                              struct call_body **out_body);
/* The pieces of an answer as one text, deciphered, into the arena. 0, -EMSGSIZE beyond max_bytes,
 * -EIO. */
MUST_CHECK int call_read_pieces(struct call *call, const struct call_answer *answer,
                                size_t max_bytes, struct str *out_text);

/* Enciphers or deciphers in place; `offset` is the place of the first byte in the text. */
void body_crypt(const struct body_cipher *cipher, int64_t offset, char *bytes, size_t len);
