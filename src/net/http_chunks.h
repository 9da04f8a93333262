/* http_chunks.h — reads a body in chunked transfer coding (RFC 9112 section 7.1).
 *
 * A pure state machine over whatever bytes have come. Strict: CR LF only, no white space around
 * the size, bounded extensions and trailers. Trailers are checked and dropped.
 */
#pragma once

#include "base/str.h"

enum http_chunks_event {
    HTTP_CHUNKS_MORE, /* the input is used up */
    HTTP_CHUNKS_DATA, /* a piece of the body */
    HTTP_CHUNKS_END,  /* the body is complete; what is left of the input is not part of it */
    HTTP_CHUNKS_BAD,  /* not a chunked body; final */
};

/* Zero-initialised at the start of a body. */
struct http_chunks {
    int state;
    uint64_t left; /* of the size line: the size so far; in data: bytes to come */
    size_t digit_count;
    size_t overhead_bytes; /* extensions and trailers so far */
};

/* Takes what it can from *input, which it advances. Sets *out_piece for HTTP_CHUNKS_DATA. */
enum http_chunks_event http_chunks_next(struct http_chunks *chunks, struct str *input,
                                        struct str *out_piece);
