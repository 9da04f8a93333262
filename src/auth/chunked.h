/* chunked.h — the aws-chunked body coding with chunk signatures and trailers, as a push decoder.
 *
 * Docs: "Signature calculations ... transferring payload in multiple chunks" and "... including
 * trailing headers" (S3 API reference). Works on pieces of any size; keeps at most one chunk header
 * or trailer line in memory. Chunks of signed streams are hashed as they pass and checked when they
 * end: the data callback runs before the check, so the consumer must not commit before `done`.
 */
#pragma once

#include "auth/sigv4.h"

struct aws_chunked;

enum {
    AWS_CHUNKED_MAX_LINE = 16 * 1024,           /* chunk header or trailer line */
    AWS_CHUNKED_MAX_CHUNK = 1024 * 1024 * 1024, /* one chunk, by its header */
    AWS_CHUNKED_MIN_CHUNK = 8 * 1024,           /* every chunk but the last with data */
    AWS_CHUNKED_MAX_TRAILERS = 32,              /* S3 defines less than ten */
};

struct aws_chunked_options {
    enum sig_payload payload;
    const struct sig *sig;    /* for signed streams: seed signature, scope and date */
    struct str secret_key;    /* absent: nobody knows it, and signatures are read but not compared
                                 (keys that nobody issued: wire/identity.h) */
    int64_t decoded_length;   /* x-amz-decoded-content-length, or -1 */
    struct str trailer_names; /* x-amz-trailer, or absent */
};

typedef int aws_chunked_data_fn(void *context, struct str data); /* 0 or -errno */
typedef int aws_chunked_trailer_fn(void *context, struct str name, struct str value);

/* The decoder and its copies live in the arena. */
struct aws_chunked *aws_chunked_new(struct arena *arena, const struct aws_chunked_options *options,
                                    aws_chunked_data_fn *on_data,
                                    aws_chunked_trailer_fn *on_trailer, void *context);
/* Takes the next piece. Returns 0; -EINVAL (malformed), -EKEYREJECTED (chunk or trailer signature
 * wrong), -EMSGSIZE (a limit or the decoded length exceeded), -ERANGE (a chunk below the minimum
 * that is not the last: S3's InvalidChunkSizeError), or what a callback returned. Trailers are
 * handed over once they are complete and their signature is right. After a failure every further
 * call gives the same error. */
MUST_CHECK int aws_chunked_feed(struct aws_chunked *decoder, struct str piece);
/* At the end of the body. Returns 0, -EINVAL when it ended early or the length does not match, or
 * -ENODATA when a trailer that x-amz-trailer announced did not come. */
MUST_CHECK int aws_chunked_finish(struct aws_chunked *decoder);
