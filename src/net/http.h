/* http.h — the HTTP/1.1 server: connections in, exchanges up, answers out.
 *
 * One server per worker (own listening socket with SO_REUSEPORT, or one accepted descriptor shared
 * by all), one loop per server. For each request the application gets an exchange:
 *
 *   on_head   the head was read and passed the strict check. The application says what to do with
 *             the body: http_buffer_body (whole, up to a maximum) or http_stream_body, or answers
 * at once (the rest of the body is then drained or the connection closed). on_body   streamed only:
 * the next piece; http_pause/http_resume give back-pressure. on_end    the request is complete
 * (body buffered in exchange->body, or fully streamed). on_close  the connection went away before
 * the answer was sent; the exchange must not be used after this returns. Called at most once, never
 * after the answer was sent completely.
 *
 * The answer may be given in any of these callbacks or later on the loop's thread. Pipelined
 * requests are handed up one at a time, in order. `Expect: 100-continue` is answered when the
 * application chooses to read the body. Head, body, idle and write phases have time-outs; a slow or
 * malformed peer gets 408 / 400 / 413 / 431 and the connection is closed.
 *
 * The head passes one strict scan before llhttp: bare CR, bare LF, obs-fold, NUL, space before the
 * colon, several or non-numeric Content-Length, Content-Length with Transfer-Encoding, a
 * Transfer-Encoding other than "chunked", several Host headers and HTTP/1.1 without Host are
 * refused (RFC 9112 sections 2.2, 3.2, 5.1, 6.3).
 */
#pragma once

#include "base/str.h"

struct arena;
struct loop;
struct http_server;
struct tls_context;

enum {
    HTTP_MAX_HEAD_BYTES = 64 * 1024, /* AWS allows 8-16 KiB of headers plus long query strings */
    HTTP_MAX_HEADERS = 200,
};

struct http_header {
    struct str name;  /* as sent */
    struct str value; /* trimmed */
};

struct http_exchange {
    struct arena *arena; /* lives until the answer was sent or on_close returned */
    struct str method;
    struct str target;    /* as sent: "/a%20b?x=1" */
    struct str raw_path;  /* undecoded, up to '?' */
    struct str raw_query; /* undecoded, behind '?'; absent when there is no '?' */
    const struct http_header *headers;
    size_t header_count;
    struct str host;        /* of Host header or absolute-form target, with port, as sent */
    int64_t content_length; /* -1: chunked or none */
    bool is_chunked;
    bool has_body;
    bool is_tls;
    bool is_loopback;           /* the peer's address is 127.0.0.0/8 or ::1 */
    int door;                   /* of the options of the server that took the connection */
    struct str tls_server_name; /* SNI; empty without */
    struct str peer;            /* "127.0.0.1" */
    struct str body;            /* buffered body, at on_end */
    bool is_too_large;          /* the body went over the maximum of http_buffer_body */
    void *context;              /* the application's */
};

struct http_handler {
    void (*on_head)(void *app, struct http_exchange *exchange);
    void (*on_body)(void *app, struct http_exchange *exchange, struct str piece);
    void (*on_end)(void *app, struct http_exchange *exchange);
    void (*on_close)(void *app, struct http_exchange *exchange);
};

/* First header of that name (any case), or an absent str. */
struct str http_header(const struct http_exchange *exchange, const char *name);

/* Body of the request; from on_head only. When the body turns out larger than `max_bytes`, on_end
 * is called with `is_too_large` set and no body: the application words the answer (413 or its own),
 * after which the connection closes. */
void http_buffer_body(struct http_exchange *exchange, size_t max_bytes);
void http_stream_body(struct http_exchange *exchange);
void http_pause(struct http_exchange *exchange);
void http_resume(struct http_exchange *exchange);

/* Answers. Header names and values are copied; CR and LF in values are a CHECK failure, so callers
 * strip what comes from outside. `Date`, `Content-Length`/`Transfer-Encoding` and `Connection` are
 * the server's. A HEAD request gets the head only (with the length of `body` unless an explicit
 * Content-Length header is among `headers`). */
void http_respond(struct http_exchange *exchange, int status, const struct http_header *headers,
                  size_t header_count, struct str body);
/* Streamed answer: length -1 means chunked (or close for HTTP/1.0). */
void http_respond_begin(struct http_exchange *exchange, int status,
                        const struct http_header *headers, size_t header_count, int64_t length);
/* Queues a copy. When http_pending_bytes grows beyond what the caller likes, it waits for on_drain.
 */
void http_write(struct http_exchange *exchange, struct str bytes);
size_t http_pending_bytes(const struct http_exchange *exchange);
void http_on_drain(struct http_exchange *exchange, void (*fn)(void *app, struct http_exchange *));
/* Sends `length` bytes of a file from `offset` (sendfile on plain connections); takes over `fd`. */
void http_send_file(struct http_exchange *exchange, int fd, int64_t offset, int64_t length);
void http_end(struct http_exchange *exchange);
/* Closes without an (or in the middle of an) answer. */
void http_abort(struct http_exchange *exchange);

struct http_server_options {
    int64_t head_timeout_ms; /* whole head, from its first byte; default 10 s */
    int64_t body_idle_ms;    /* no byte of a body for so long; default 60 s */
    int64_t keep_alive_ms;   /* idle between requests; default 75 s */
    int64_t write_idle_ms;   /* peer takes nothing for so long; default 60 s */
    size_t max_connections;  /* per server; further ones wait in the backlog; default 10000 */
    int door;                /* the application's name for this listener: exchange->door */
};

/* `listen_fd` is a listening non-blocking socket (shared by workers or not); the server takes it
 * over. `tls` is NULL for plain; when set, a connection whose first byte is 0x16 is TLS and any
 * other is plain HTTP (one port serves both). */
struct http_server *http_server_new(struct loop *loop, int listen_fd, struct tls_context *tls,
                                    const struct http_server_options *options,
                                    const struct http_handler *handler, void *app);
/* Stops accepting and closes idle connections; `done` runs when the last exchange has been answered
 * or `grace_ms` passed. */
void http_server_drain(struct http_server *server, int64_t grace_ms, void (*done)(void *),
                       void *app);
void http_server_free(struct http_server *server);

/* Opens a listening socket on a literal address. Returns the descriptor or a negative errno. */
MUST_CHECK int http_listen(struct str address, uint16_t port, bool reuse_port);
uint16_t http_listen_port(int listen_fd);
