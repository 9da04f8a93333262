/* http_connection_fuzz.c — a whole connection of the server, fed with anything in any pieces.
 *
 * The first byte chooses how the application behaves and how the bytes are cut; the rest goes down
 * one end of a socket pair whose other end the server has adopted. What is checked besides memory:
 * callbacks come in order, each exchange ends once, and the answers are the server's own words.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "net/http_private.h"
#include "net/loop.h"

enum {
    BODY_MAX = 64,
    TURNS_MAX = 200,
    BUFFERS = 1,   /* the first byte's bits: buffer the body, or stream it */
    LATER = 2,     /* answer when the round ends */
    EARLY = 4,     /* answer in on_head */
    CHUNKED = 8,   /* answer in chunks */
    PAUSES = 16,   /* pause at each piece */
    CUT_SHIFT = 5, /* the upper bits: size of the pieces */
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct subject {
    int behaviour;
    struct http_exchange *live; /* handed up and neither answered nor closed */
    bool is_paused;
    bool is_due; /* to be answered when the round ends */
    int64_t body_bytes;
};

static void answer(struct subject *subject, struct http_exchange *exchange)
{
    CHECK(subject->live == exchange);
    subject->live = NULL;
    subject->is_due = false;
    if (!(subject->behaviour & CHUNKED)) {
        http_respond(exchange, 200, exchange->headers, 0, exchange->body);
        return;
    }
    http_respond_begin(exchange, 200, NULL, 0, -1);
    http_write(exchange, exchange->target);
    http_write(exchange, exchange->host);
    http_end(exchange);
}

static void on_head(void *app, struct http_exchange *exchange)
{
    struct subject *subject = app;
    CHECK(subject->live == NULL); /* one at a time */
    CHECK(exchange->has_body == (exchange->is_chunked || exchange->content_length > 0));
    subject->live = exchange;
    subject->body_bytes = 0;
    subject->is_paused = false;
    if (subject->behaviour & EARLY)
        answer(subject, exchange);
    else if (subject->behaviour & BUFFERS)
        http_buffer_body(exchange, BODY_MAX);
    else
        http_stream_body(exchange);
}

static void on_body(void *app, struct http_exchange *exchange, struct str piece)
{
    struct subject *subject = app;
    CHECK(subject->live == exchange && !subject->is_paused && piece.len > 0);
    subject->body_bytes += (int64_t)piece.len;
    if (subject->behaviour & PAUSES) {
        subject->is_paused = true;
        http_pause(exchange);
    }
}

static void on_end(void *app, struct http_exchange *exchange)
{
    struct subject *subject = app;
    CHECK(subject->live == exchange && !subject->is_paused);
    if (exchange->content_length > 0 && !exchange->is_too_large) {
        int64_t got =
            subject->behaviour & BUFFERS ? (int64_t)exchange->body.len : subject->body_bytes;
        CHECK(got == exchange->content_length);
    }
    CHECK(exchange->body.len <= BODY_MAX);
    if (subject->behaviour & LATER)
        subject->is_due = true;
    else
        answer(subject, exchange);
}

static void on_close(void *app, struct http_exchange *exchange)
{
    struct subject *subject = app;
    CHECK(subject->live == exchange);
    subject->live = NULL;
    subject->is_due = false;
    subject->is_paused = false;
}

static void on_round_end(void *context)
{
    struct subject *subject = context;
    if (subject->live && subject->is_paused) {
        subject->is_paused = false;
        http_resume(subject->live);
    } else if (subject->live && subject->is_due) {
        answer(subject, subject->live);
    }
}

static const struct http_handler handler = {
    .on_head = on_head,
    .on_body = on_body,
    .on_end = on_end,
    .on_close = on_close,
};

/* Takes what the server has said, so that it never waits for us. False when it has closed. */
static bool listen_to(int fd, bool *is_first)
{
    char bytes[4096];
    ssize_t got = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    if (got > 0 && *is_first) {
        CHECK(got >= 9 && memcmp(bytes, "HTTP/1.1 ", 9) == 0);
        *is_first = false;
    }
    return got != 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct subject subject = {.behaviour = data[0] & ((1 << CUT_SHIFT) - 1)};
    size_t cut = (size_t)1 << (2 * (data[0] >> CUT_SHIFT));
    struct loop *loop = loop_new();
    struct http_server *server = http_server_new(loop, http_listen(STR("127.0.0.1"), 0, false),
                                                 NULL, NULL, &handler, &subject);
    loop_set_round_end(loop, on_round_end, &subject);
    int pair[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
    http_server_adopt(server, pair[1]);

    bool is_first = true;
    bool is_open = true;
    struct str rest = str_of((const char *)data + 1, size - 1);
    for (int turn = 0; turn < TURNS_MAX && is_open; turn++) {
        struct str now = str_slice(rest, 0, turn < TURNS_MAX / 2 ? cut : rest.len);
        ssize_t sent = now.len > 0 ? send(pair[0], now.ptr, now.len, MSG_NOSIGNAL) : 0;
        rest = str_from(rest, sent > 0 ? (size_t)sent : 0);
        uv_run(loop_uv(loop), UV_RUN_NOWAIT);
        is_open = listen_to(pair[0], &is_first);
        if (rest.len == 0 && turn > 4 && !subject.is_paused && !subject.is_due)
            break;
    }
    close(pair[0]);
    uv_run(loop_uv(loop), UV_RUN_NOWAIT);
    http_server_free(server);
    CHECK(subject.live == NULL);
    loop_free(loop);
    return 0;
}
