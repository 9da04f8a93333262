/* http_private.h — what the files of the HTTP server share: connections, blocks, the server.
 *
 *   http_server.c     accepts, keeps time, drains, owns the pools
 *   http_conn.c       one connection: reads requests, calls the application, finishes exchanges
 *   http_answer.c     words answers, queues and sends them
 *   http_transport.c  bytes in and out of a socket, plain or TLS
 *   http_head.c, http_chunks.c   pure parsers
 */
#pragma once

#include <sys/types.h>
#include <uv.h>

#include "base/buf.h"
#include "net/http.h"
#include "net/http_chunks.h"
#include "net/http_head.h"
#include "net/loop_private.h"

struct ssl_st;

enum {
    /* A head with its small body nearly always fits the first. */
    BLOCK_SMALL_BYTES = 16 * 1024 - 64,
    /* Holds the largest head and is one good read of a large body. */
    BLOCK_BIG_BYTES = 128 * 1024 - 64,
    /* Less room than this behind the received bytes is not worth a read. */
    LEAST_READ_BYTES = 4096,
    /* An unread body up to this length is read and dropped to keep the connection. */
    DRAIN_MAX_BYTES = 256 * 1024,
    /* Requests of one connection in a row before the others get their turn. */
    REQUESTS_PER_TURN = 16,
    /* Reads of one connection in a row before the others get their turn. */
    READS_PER_TURN = 4,
    /* File bytes sent in a row before the others get their turn. */
    FILE_BYTES_PER_TURN = 4 * 1024 * 1024,
};

_Static_assert((int)BLOCK_BIG_BYTES >= (int)HTTP_MAX_HEAD_BYTES + (int)LEAST_READ_BYTES,
               "a big block holds the largest head");

/* Where received bytes are kept. */
struct block {
    struct block *next; /* in a pool */
    size_t capacity;
    char data[];
};

/* What a connection waits for. All waits of one kind are equally long, so each kind has a queue in
 * order of deadline. */
enum wait_kind {
    WAIT_NONE,   /* for the application: without limit */
    WAIT_IDLE,   /* for the next request */
    WAIT_HEAD,   /* for the rest of a head, or of a TLS handshake */
    WAIT_BODY,   /* for more of a body */
    WAIT_WRITE,  /* for the peer to take bytes */
    WAIT_LINGER, /* for the peer to close */
    WAIT_KINDS,
};

enum stage {
    STAGE_SNIFF,     /* TLS or plain? */
    STAGE_HANDSHAKE, /* TLS */
    STAGE_OPEN,
    STAGE_LINGER, /* answered and shut down; reading until the peer closes, too */
    STAGE_CLOSED, /* waiting for libuv to let go */
};

enum input {
    INPUT_HEAD, /* no exchange */
    INPUT_BODY,
    INPUT_DONE, /* the request is read, or is not going to be */
};

enum body_mode {
    BODY_UNDECIDED, /* the application has not said */
    BODY_BUFFER,
    BODY_STREAM,
    BODY_DROP,
};

enum output {
    OUTPUT_NONE,
    OUTPUT_STREAM, /* http_respond_begin */
    OUTPUT_GIVEN,  /* the application has handed over its answer and is called no more */
};

/* A piece of the output: bytes, or a range of a file. */
struct piece {
    struct piece *next;
    int fd; /* -1: bytes */
    int64_t file_offset;
    int64_t file_left;
    size_t start; /* of data; sent up to here */
    size_t end;
    size_t capacity;
    char data[];
};

struct conn {
    struct http_exchange exchange; /* first: an exchange is a connection */
    struct http_server *server;
    struct conn *next; /* of all connections of the server */
    struct conn *previous;
    struct conn *wait_next; /* of the same wait */
    struct conn *wait_previous;
    struct conn *touched_next; /* of those to advance when the round ends */
    struct conn *touched_previous;
    int64_t deadline_ms;
    uv_poll_t poll;
    int fd;
    int interest; /* what `poll` is started with */
    struct ssl_st *ssl;
    char *tls_server_name; /* owned copy; NULL without SNI */

    enum wait_kind wait;
    enum stage stage;
    enum input input;
    enum output output;
    enum body_mode body_mode;

    /* Received bytes not yet consumed are in->data[start, end). */
    struct block *in;
    struct block *pinned; /* holds the present exchange's head; often the same as `in` */
    size_t start;
    size_t end;
    size_t scanned; /* of the head, from start */

    int64_t body_left; /* with Content-Length */
    size_t body_max;
    struct buf body; /* buffered body that did not come with the head */
    struct http_chunks chunks;

    struct piece *out_first;
    struct piece *out_last;
    size_t pending;      /* bytes in `out` */
    int64_t answer_left; /* of the promised length; -1: chunked or until close */
    void (*on_drain)(void *app, struct http_exchange *exchange);
    int64_t linger_until_ms;

    bool is_exchange : 1;  /* handed up, not finished */
    bool is_advancing : 1; /* inside conn_advance */
    bool is_touched : 1;   /* on the server's list */
    bool is_paused : 1;
    bool is_eof : 1;           /* the peer sends no more */
    bool is_broken : 1;        /* a write failed; the peer is gone */
    bool is_write_blocked : 1; /* the socket took less than it was given */
    bool has_progress : 1;     /* bytes moved since the wait was last looked at */
    bool is_http10 : 1;
    bool keeps_alive : 1;
    bool expects_continue : 1; /* and has not got it */
    bool must_linger : 1;      /* unread input would turn our close into a reset */
    bool is_head_request : 1;
    bool is_chunked_answer : 1;
    bool is_bodyless_answer : 1; /* HEAD, 204, 304 */
    bool is_loopback : 1;
    char peer[46]; /* INET6_ADDRSTRLEN */
};

struct wait_queue {
    struct conn *first;
    struct conn *last;
    int64_t wait_ms;
};

struct http_server {
    struct loop *loop;
    const struct http_handler *handler;
    void *app;
    struct tls_context *tls;
    size_t max_connections;
    int door;

    uv_poll_t accept_poll;
    int listen_fd;
    bool is_accepting;
    int64_t accept_again_ms; /* after running out of descriptors; 0: not waiting */

    uv_timer_t timer;
    int64_t timer_at_ms; /* 0: not armed */
    struct wait_queue waits[WAIT_KINDS];

    struct conn *conns;
    size_t conn_count;
    struct conn *touched;  /* to advance when the round ends */
    struct conn *settling; /* being advanced; the others of `touched` come after a round end */
    struct loop_hook hook;

    bool is_draining;
    int64_t drain_at_ms; /* end of the grace; 0: none */
    void (*drained)(void *context);
    void *drained_context;

    bool is_freed;
    size_t open_handles; /* of libuv; the memory goes with the last */

    struct block *small_blocks;
    size_t small_block_count;
    struct block *big_blocks;
    size_t big_block_count;
    struct arena **arenas; /* pool */
    size_t arena_count;
    struct http_header headers[HTTP_MAX_HEADERS]; /* while a head is parsed */
    char *scratch;                                /* BLOCK_BIG_BYTES, for streamed bodies */

    int64_t date_s;         /* of `date` */
    uint64_t date_round_ms; /* time of the loop's round in which it was looked at */
    char date[48];          /* "Date: Sun, 30 Aug 2015 12:36:00 GMT\r\n" */
    size_t date_len;
};

/* http_server.c */

struct block *server_take_block(struct http_server *server, bool is_big);
void server_give_block(struct http_server *server, struct block *block); /* accepts NULL */
struct arena *server_take_arena(struct http_server *server);
void server_give_arena(struct http_server *server, struct arena *arena); /* accepts NULL */
/* Puts `conn` last in the queue of `kind`, with a new deadline. */
void server_wait(struct http_server *server, struct conn *conn, enum wait_kind kind);
/* Forgets a connection that was closed. */
void server_remove(struct http_server *server, struct conn *conn);
/* libuv let go of a handle: frees a freed server with the last. */
void server_handle_closed(struct http_server *server);
/* Has the connection advanced at the end of the round. */
void server_touch(struct http_server *server, struct conn *conn);
/* The Date header of this second. */
struct str server_date(struct http_server *server);
int64_t server_now_ms(const struct http_server *server);
/* Serves a connected stream socket as if it had been accepted. Takes over `fd`. */
void http_server_adopt(struct http_server *server, int fd);

/* http_conn.c */

void conn_start(struct conn *conn);
/* Does all that can be done without waiting. Does nothing when it is already at it. */
void conn_advance(struct conn *conn);
/* The same, and reads what TLS has taken in already. */
void conn_run(struct conn *conn);
/* Called by an API function outside or inside a callback: has conn_advance run soon. */
void conn_touch(struct conn *conn);
/* The time of its present wait is over. */
void conn_time_out(struct conn *conn);
/* Ends it now; the application is told when it is still owed that. */
void conn_lose(struct conn *conn);
void conn_close(struct conn *conn);
/* Is it between requests, with nothing received? */
bool conn_is_idle(const struct conn *conn);

/* http_answer.c */

/* Sends what the socket takes. Sets is_write_blocked or is_broken. */
void answer_flush(struct conn *conn);
/* An answer of the server itself: refuses the request and closes. */
void answer_refuse(struct conn *conn, int status);
void answer_continue(struct conn *conn);
void answer_forget(struct conn *conn); /* drops the queue */

/* http_transport.c: all return bytes moved, or -EAGAIN, or another negative errno; 0 from
 * transport_read is the end of the stream. */

ssize_t transport_read(struct conn *conn, char *out, size_t size);
ssize_t transport_write(struct conn *conn, struct str first, struct str second);
ssize_t transport_send_file(struct conn *conn, int fd, int64_t offset, size_t size);
/* 1: the first byte says TLS; 0: it does not; -EAGAIN; or a negative errno (-EPIPE: closed). */
int transport_sniff(struct conn *conn);
/* Goes on with the handshake: 0 when done, -EAGAIN, or -EPROTO. *out_events is what to poll for. */
int transport_handshake(struct conn *conn, int *out_events);
/* Are received bytes waiting where poll does not see them? */
bool transport_has_more(const struct conn *conn);
void transport_shutdown(struct conn *conn);
void transport_close(struct conn *conn);
