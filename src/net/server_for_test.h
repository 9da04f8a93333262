/* server_for_test.h — an HTTP server in a thread, and a blunt client, for the tests of net.
 *
 * The application answers by path; see test_on_end. Counters are read when the server has stopped,
 * or are atomic.
 */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/mem.h"
#include "net/http.h"
#include "net/loop.h"

enum {
    TEST_BODY_MAX = 1024 * 1024,
    TEST_QUEUE = 64,
    TEST_STREAM_PIECE = 32 * 1024,
    TEST_ANSWER_MAX = 64 * 1024,
    TEST_PATIENCE_S = 10, /* no test waits longer */
};

struct test_server {
    struct loop *loop;
    struct http_server *http;
    uint16_t port;
    pthread_t thread;
    char file_path[64]; /* served at /file */
    int64_t file_size;
    struct http_exchange *queue[TEST_QUEUE]; /* answered or resumed when the round ends */
    size_t queue_len;
    struct http_exchange *never; /* the last of /never */
    _Atomic int closed_count;
    _Atomic int head_count;
    _Atomic int drained_count;
    _Atomic size_t most_pending;
    _Atomic int64_t pause_count;
};

/* What a request for /count or /stream has done so far. */
struct test_progress {
    int64_t bytes;
    uint64_t sum;
    int64_t to_send;
};

static inline int64_t test_query_number(const struct http_exchange *exchange)
{
    int64_t number = 0;
    return str_to_i64(exchange->raw_query, &number) == 0 ? number : 0;
}

static inline bool test_is(const struct http_exchange *exchange, const char *path)
{
    return str_eq_cstr(exchange->raw_path, path);
}

static inline void test_text(struct http_exchange *exchange, int status, struct str body)
{
    const struct http_header headers[] = {{STR("Content-Type"), STR("text/plain")}};
    http_respond(exchange, status, headers, ARRAY_LEN(headers), body);
}

static inline void test_on_head(void *app, struct http_exchange *exchange)
{
    struct test_server *server = app;
    atomic_fetch_add(&server->head_count, 1);
    if (test_is(exchange, "/early")) {
        test_text(exchange, 403, STR("no"));
    } else if (test_is(exchange, "/abort")) {
        http_abort(exchange);
    } else if (test_is(exchange, "/count") || test_is(exchange, "/slowcount") ||
               test_is(exchange, "/mirror")) {
        exchange->context = arena_alloc(exchange->arena, sizeof(struct test_progress));
        if (test_is(exchange, "/mirror"))
            http_respond_begin(exchange, 200, NULL, 0, -1);
        http_stream_body(exchange);
    } else if (!test_is(exchange, "/undecided")) {
        http_buffer_body(exchange, TEST_BODY_MAX);
    }
}

static inline void test_on_body(void *app, struct http_exchange *exchange, struct str piece)
{
    struct test_server *server = app;
    struct test_progress *progress = exchange->context;
    if (test_is(exchange, "/mirror")) {
        http_write(exchange, piece);
        return;
    }
    progress->bytes += (int64_t)piece.len;
    for (size_t i = 0; i < piece.len; i++)
        progress->sum = progress->sum * 31 + (unsigned char)piece.ptr[i];
    if (test_is(exchange, "/slowcount") && server->queue_len < TEST_QUEUE) {
        http_pause(exchange);
        atomic_fetch_add(&server->pause_count, 1);
        server->queue[server->queue_len++] = exchange;
    }
}

/* Keeps at most a few pieces queued. */
static inline void test_send_more(void *app, struct http_exchange *exchange)
{
    static const char piece[TEST_STREAM_PIECE] = {'v'};
    struct test_server *server = app;
    struct test_progress *progress = exchange->context;
    while (progress->to_send > 0 && http_pending_bytes(exchange) < 4 * sizeof(piece)) {
        size_t len =
            progress->to_send < (int64_t)sizeof(piece) ? (size_t)progress->to_send : sizeof(piece);
        http_write(exchange, str_of(piece, len));
        progress->to_send -= (int64_t)len;
        if (http_pending_bytes(exchange) > atomic_load(&server->most_pending))
            atomic_store(&server->most_pending, http_pending_bytes(exchange));
    }
    if (progress->to_send > 0)
        http_on_drain(exchange, test_send_more);
    else
        http_end(exchange);
}

static inline void test_send_file(struct test_server *server, struct http_exchange *exchange)
{
    http_respond_begin(exchange, 200, NULL, 0, server->file_size + 11);
    http_write(exchange, STR("<file"));
    http_write(exchange, STR(">"));
    int fd = open(server->file_path, O_RDONLY | O_CLOEXEC);
    CHECK(fd >= 0);
    http_send_file(exchange, fd, 0, server->file_size);
    http_write(exchange, STR("<!-->"));
    http_end(exchange);
}

static inline void test_describe(struct http_exchange *exchange)
{
    test_text(exchange, 200,
              str_format(exchange->arena, STR_FMT "|" STR_FMT "|" STR_FMT "|" STR_FMT "|%s|%s|%s",
                         STR_ARG(exchange->method), STR_ARG(exchange->raw_path),
                         STR_ARG(exchange->raw_query), STR_ARG(exchange->host),
                         exchange->is_loopback ? "loopback" : "far",
                         exchange->is_tls ? "tls" : "plain",
                         str_to_cstr(exchange->arena, exchange->tls_server_name)));
}

static inline void test_on_end(void *app, struct http_exchange *exchange)
{
    struct test_server *server = app;
    struct test_progress *progress = exchange->context;
    if (exchange->is_too_large) {
        test_text(exchange, 413, STR("too large"));
    } else if (test_is(exchange, "/echo")) {
        test_text(exchange, 200, str_or(exchange->body, STR("")));
    } else if (test_is(exchange, "/count") || test_is(exchange, "/slowcount")) {
        test_text(exchange, 200,
                  str_format(exchange->arena, "%lld %llu", (long long)progress->bytes,
                             (unsigned long long)progress->sum));
    } else if (test_is(exchange, "/mirror")) {
        http_end(exchange);
    } else if (test_is(exchange, "/chunked")) {
        http_respond_begin(exchange, 200, NULL, 0, -1);
        http_write(exchange, STR("one,"));
        http_write(exchange, STR(""));
        http_write(exchange, STR("two,"));
        http_write(exchange, STR("three"));
        http_end(exchange);
    } else if (test_is(exchange, "/short")) {
        http_respond_begin(exchange, 200, NULL, 0, 10);
        http_write(exchange, STR("12345"));
        http_end(exchange);
    } else if (test_is(exchange, "/stream")) {
        progress = arena_alloc(exchange->arena, sizeof(*progress));
        progress->to_send = test_query_number(exchange);
        exchange->context = progress;
        http_respond_begin(exchange, 200, NULL, 0, progress->to_send);
        test_send_more(server, exchange);
    } else if (test_is(exchange, "/file")) {
        test_send_file(server, exchange);
    } else if (test_is(exchange, "/nocontent")) {
        http_respond(exchange, 204, NULL, 0, STR(""));
    } else if (test_is(exchange, "/never")) {
        server->never = exchange;
    } else if (test_is(exchange, "/later")) {
        server->queue[server->queue_len++] = exchange;
    } else {
        test_describe(exchange);
    }
}

static inline void test_on_close(void *app, struct http_exchange *exchange)
{
    struct test_server *server = app;
    atomic_fetch_add(&server->closed_count, 1);
    size_t kept = 0;
    for (size_t i = 0; i < server->queue_len; i++) {
        if (server->queue[i] != exchange)
            server->queue[kept++] = server->queue[i];
    }
    server->queue_len = kept;
    if (server->never == exchange)
        server->never = NULL;
}

static inline void test_round_end(void *context)
{
    struct test_server *server = context;
    size_t count = server->queue_len;
    server->queue_len = 0;
    for (size_t i = 0; i < count; i++) {
        if (test_is(server->queue[i], "/later"))
            test_text(server->queue[i], 200, STR("later"));
        else
            http_resume(server->queue[i]);
    }
}

static const struct http_handler test_handler = {
    .on_head = test_on_head,
    .on_body = test_on_body,
    .on_end = test_on_end,
    .on_close = test_on_close,
};

static inline void *test_thread(void *context)
{
    struct test_server *server = context;
    loop_run(server->loop);
    return NULL;
}

static inline void test_make_file(struct test_server *server, int64_t size)
{
    snprintf(server->file_path, sizeof(server->file_path), "/tmp/virga-http-test-XXXXXX");
    int fd = mkstemp(server->file_path);
    CHECK(fd >= 0);
    char bytes[4096];
    for (int64_t at = 0; at < size; at += (int64_t)sizeof(bytes)) {
        memset(bytes, 'a' + (int)(at / (int64_t)sizeof(bytes) % 26), sizeof(bytes));
        CHECK(write(fd, bytes, sizeof(bytes)) == (ssize_t)sizeof(bytes));
    }
    close(fd);
    server->file_size = size;
}

static inline struct test_server *test_server_start(struct tls_context *tls,
                                                    const struct http_server_options *options)
{
    struct test_server *server = mem_new(sizeof(*server));
    server->loop = loop_new();
    int fd = http_listen(STR("127.0.0.1"), 0, false);
    CHECK(fd >= 0);
    server->port = http_listen_port(fd);
    test_make_file(server, 4 * 1024 * 1024);
    server->http = http_server_new(server->loop, fd, tls, options, &test_handler, server);
    loop_set_round_end(server->loop, test_round_end, server);
    CHECK(pthread_create(&server->thread, NULL, test_thread, server) == 0);
    return server;
}

static inline void test_server_stop(struct test_server *server)
{
    loop_stop(server->loop);
    pthread_join(server->thread, NULL);
    http_server_free(server->http);
    loop_free(server->loop);
    unlink(server->file_path);
    mem_free(server);
}

/* The client: a blocking socket. */

static inline int test_dial(const struct test_server *server)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(server->port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const struct timeval patience = {.tv_sec = TEST_PATIENCE_S};
    CHECK(fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0);
    CHECK(connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0);
    return fd;
}

/* Sends all of it, or until the peer has closed. */
static inline void test_say(int fd, struct str bytes)
{
    while (bytes.len > 0) {
        ssize_t sent = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        bytes = str_from(bytes, (size_t)sent);
    }
}

/* All until the peer closes, NUL-terminated in the arena. */
static inline struct str test_hear_all(struct arena *arena, int fd, size_t max)
{
    char *bytes = arena_alloc_text(arena, max + 1);
    size_t len = 0;
    while (len < max) {
        ssize_t got = recv(fd, bytes + len, max - len, 0);
        CHECK(got >= 0 || errno == ECONNRESET);
        if (got <= 0)
            break;
        len += (size_t)got;
    }
    bytes[len] = '\0';
    return str_of(bytes, len);
}

/* Reads until `mark` was read. */
static inline struct str test_hear_until(struct arena *arena, int fd, struct str mark)
{
    char *bytes = arena_alloc_text(arena, TEST_ANSWER_MAX + 1);
    size_t len = 0;
    while (len < TEST_ANSWER_MAX && !str_ends_with(str_of(bytes, len), mark)) {
        ssize_t got = recv(fd, bytes + len, 1, 0);
        CHECK(got >= 0);
        if (got == 0)
            break;
        len++;
    }
    bytes[len] = '\0';
    return str_of(bytes, len);
}

/* One answer with a Content-Length; returns head and body. */
static inline struct str test_hear_answer(struct arena *arena, int fd)
{
    struct str head = test_hear_until(arena, fd, STR("\r\n\r\n"));
    const struct str name = STR("Content-Length: ");
    ptrdiff_t at = str_find(head, name);
    if (at < 0)
        return head;
    struct str rest = str_from(head, (size_t)at + name.len);
    int64_t length = 0;
    CHECK(str_to_i64(str_slice(rest, 0, (size_t)str_index(rest, '\r')), &length) == 0);
    char *body = arena_alloc_text(arena, (size_t)length + 1);
    for (int64_t len = 0; len < length;) {
        ssize_t got = recv(fd, body + len, (size_t)(length - len), 0);
        CHECK(got > 0);
        len += got;
    }
    return str_concat(arena, head, str_of(body, (size_t)length));
}

static inline int test_status(struct str answer)
{
    int64_t status = 0;
    if (!str_starts_with(answer, STR("HTTP/1.1 ")))
        return 0;
    return str_to_i64(str_slice(answer, 9, 3), &status) == 0 ? (int)status : 0;
}

static inline struct str test_body(struct str answer)
{
    ptrdiff_t end = str_find(answer, STR("\r\n\r\n"));
    return end < 0 ? STR("") : str_from(answer, (size_t)end + 4);
}
