/* http_head.h — the head of a request: where it ends, and what it says.
 *
 * Pure functions over bytes, no connection: the fuzzer calls them directly.
 */
#pragma once

#include "net/http.h"

struct http_head {
    struct str method;
    struct str target;
    struct str raw_path;
    struct str raw_query;        /* absent without '?' */
    struct str host;             /* empty when an HTTP/1.0 request has none */
    struct http_header *headers; /* the caller's, HTTP_MAX_HEADERS long */
    size_t header_count;
    int64_t content_length; /* -1: none */
    bool is_chunked;
    bool is_http10;
    bool keeps_alive; /* the client allows another request on this connection */
    bool expects_continue;
};

/* Looks for the end of the head from *position (0 at first), which it advances over bytes that need
 * no second look. Returns the length of the head with its empty line, 0 when more bytes are
 * needed, or -EBADMSG for a control character, a bare CR or LF, or a folded line. */
MUST_CHECK ptrdiff_t http_head_scan(struct str bytes, size_t *position);

/* Reads a whole head that http_head_scan accepted. Everything in `out_head` borrows from `bytes`.
 * Returns 0, or the HTTP status to refuse the request with. */
MUST_CHECK int http_head_parse(struct str bytes, struct http_head *out_head);
