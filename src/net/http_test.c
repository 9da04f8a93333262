/* http_test.c — the server over real sockets: framing, streaming, limits, time, and the end. */
#include "net/http.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "net/server_for_test.h"

#define HOST "Host: h\r\n"

struct fixture {
    struct test_server *server;
    struct arena *arena;
};

static const struct http_server_options usual_options = {
    .head_timeout_ms = 150,
    .body_idle_ms = 150,
    .keep_alive_ms = 5000,
    .write_idle_ms = 300,
};

static int set_up_with(void **state, const struct http_server_options *options)
{
    struct fixture *fixture = mem_new(sizeof(*fixture));
    fixture->server = test_server_start(NULL, options);
    fixture->arena = arena_new();
    *state = fixture;
    return 0;
}

static int set_up(void **state)
{
    return set_up_with(state, &usual_options);
}

static int set_up_impatient(void **state)
{
    static const struct http_server_options options = {.keep_alive_ms = 100};
    return set_up_with(state, &options);
}

static int set_up_small(void **state)
{
    static const struct http_server_options options = {.max_connections = 2};
    return set_up_with(state, &options);
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    test_server_stop(fixture->server);
    arena_free(fixture->arena);
    mem_free(fixture);
    return 0;
}

/* Sends all of it, and returns everything until the server closes. */
static struct str talk(struct fixture *fixture, struct str request)
{
    int fd = test_dial(fixture->server);
    test_say(fd, request);
    struct str answer = test_hear_all(fixture->arena, fd, 8 * 1024 * 1024);
    close(fd);
    return answer;
}

static size_t count_of(struct str text, struct str needle)
{
    size_t count = 0;
    for (ptrdiff_t at = str_find(text, needle); at >= 0; at = str_find(text, needle)) {
        text = str_from(text, (size_t)at + needle.len);
        count++;
    }
    return count;
}

static void answers_byte_by_byte_requests(void **state)
{
    struct fixture *fixture = *state;
    const struct str request = STR("POST /echo HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello");
    int fd = test_dial(fixture->server);
    for (int turn = 0; turn < 2; turn++) {
        for (size_t i = 0; i < request.len; i++)
            test_say(fd, str_slice(request, i, 1));
        struct str answer = test_hear_answer(fixture->arena, fd);
        assert_int_equal(test_status(answer), 200);
        assert_true(str_eq_cstr(test_body(answer), "hello"));
    }
    close(fd);
}

static void describes_the_request(void **state)
{
    struct fixture *fixture = *state;
    struct str answer =
        talk(fixture, STR("GET /a%20b?c=d HTTP/1.1\r\nHost: x:1\r\nConnection: close\r\n\r\n"));
    assert_true(str_eq_cstr(test_body(answer), "GET|/a%20b|c=d|x:1|loopback|plain|"));
    assert_true(str_contains(answer, STR("\r\nConnection: close\r\n")));
    assert_true(str_contains(answer, STR("\r\nDate: ")));
    assert_true(str_contains(answer, STR("\r\nContent-Type: text/plain\r\n")));
}

static void answers_pipelined_requests_in_order(void **state)
{
    struct fixture *fixture = *state;
    struct buf request;
    buf_init(&request, fixture->arena, 1024 * 1024);
    enum { COUNT = 300 };
    for (int i = 0; i < COUNT; i++)
        buf_append_format(&request, "%s /%s HTTP/1.1\r\n" HOST "%s\r\n", i % 3 ? "GET" : "POST",
                          i % 2 ? "later" : "echo", i % 3 ? "" : "Content-Length: 0\r\n");
    buf_append(&request, STR("GET /last HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n"));
    struct str answer = talk(fixture, buf_str(&request));
    assert_int_equal(count_of(answer, STR("HTTP/1.1 200 OK\r\n")), COUNT + 1);
    assert_int_equal(count_of(answer, STR("\r\n\r\nlater")), COUNT / 2);
    assert_true(str_ends_with(answer, STR("GET|/last||h|loopback|plain|")));
}

static void a_body_may_be_chunked_and_followed_by_another_request(void **state)
{
    struct fixture *fixture = *state;
    struct str answer =
        talk(fixture, STR("POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
                          "5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nT: v\r\n\r\n"
                          "GET /next HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n"));
    assert_int_equal(count_of(answer, STR("200 OK")), 2);
    assert_true(str_contains(answer, STR("\r\n\r\nhello worldHTTP/1.1 200 OK")));
}

static void answers_may_be_chunked(void **state)
{
    struct fixture *fixture = *state;
    struct str answer =
        talk(fixture, STR("GET /chunked HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n"));
    assert_true(str_contains(answer, STR("\r\nTransfer-Encoding: chunked\r\n")));
    assert_true(
        str_eq_cstr(test_body(answer), "4\r\none,\r\n4\r\ntwo,\r\n5\r\nthree\r\n0\r\n\r\n"));
}

static void http10_gets_no_chunks_and_is_closed(void **state)
{
    struct fixture *fixture = *state;
    struct str answer = talk(fixture, STR("GET /chunked HTTP/1.0\r\n\r\n"));
    assert_false(str_contains(answer, STR("Transfer-Encoding")));
    assert_true(str_eq_cstr(test_body(answer), "one,two,three"));
    answer = talk(fixture, STR("GET /chunked HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
    assert_true(str_contains(answer, STR("Connection: close\r\n")));
    answer = talk(fixture, STR("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
                               "GET /b HTTP/1.0\r\n\r\n"));
    assert_int_equal(count_of(answer, STR("200 OK")), 2);
    assert_int_equal(count_of(answer, STR("Connection: keep-alive\r\n")), 1);
    assert_int_equal(count_of(answer, STR("Connection: close\r\n")), 1);
}

static void head_and_no_content_have_no_body(void **state)
{
    struct fixture *fixture = *state;
    struct str answer = talk(fixture, STR("HEAD /later HTTP/1.1\r\n" HOST "\r\n"
                                          "HEAD /chunked HTTP/1.1\r\n" HOST "\r\n"
                                          "HEAD /stream?9 HTTP/1.1\r\n" HOST "\r\n"
                                          "GET /nocontent HTTP/1.1\r\n" HOST "\r\n"
                                          "HEAD /x HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n"));
    assert_int_equal(count_of(answer, STR("HTTP/1.1 20")), 5);
    assert_int_equal(count_of(answer, STR("\r\n\r\n")), 5);
    assert_int_equal(count_of(answer, STR("Content-Length: 5\r\n")), 1);
    assert_int_equal(count_of(answer, STR("Content-Length: 9\r\n")), 1);
    assert_int_equal(count_of(answer, STR("Content-Length")), 3);
    assert_true(str_ends_with(answer, STR("\r\n\r\n")));
}

static void expect_continue_is_answered_when_the_body_is_wanted(void **state)
{
    struct fixture *fixture = *state;
    int fd = test_dial(fixture->server);
    test_say(fd, STR("POST /echo HTTP/1.1\r\n" HOST
                     "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n"));
    struct str go_on = test_hear_until(fixture->arena, fd, STR("\r\n\r\n"));
    assert_true(str_eq_cstr(go_on, "HTTP/1.1 100 Continue\r\n\r\n"));
    test_say(fd, STR("hello"));
    assert_true(str_eq_cstr(test_body(test_hear_answer(fixture->arena, fd)), "hello"));
    close(fd);
}

static void expect_continue_is_not_answered_when_it_is_not(void **state)
{
    struct fixture *fixture = *state;
    struct str answer = talk(fixture, STR("POST /early HTTP/1.1\r\n" HOST
                                          "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n"));
    assert_int_equal(test_status(answer), 403);
    assert_true(str_contains(answer, STR("Connection: close\r\n")));
    answer = talk(fixture, STR("POST /echo HTTP/1.1\r\n" HOST
                               "Content-Length: 5000000\r\nExpect: 100-continue\r\n\r\n"));
    assert_int_equal(test_status(answer), 413);
    assert_int_equal(count_of(answer, STR("HTTP/1.1")), 1);
    /* A body that came anyway needs no invitation. */
    answer = talk(fixture, STR("POST /echo HTTP/1.1\r\n" HOST "Connection: close\r\n"
                               "Content-Length: 2\r\nExpect: 100-continue\r\n\r\nhi"));
    assert_int_equal(test_status(answer), 200);
    assert_int_equal(count_of(answer, STR("HTTP/1.1")), 1);
}

static void an_early_answer_drops_a_small_body_and_keeps_the_connection(void **state)
{
    struct fixture *fixture = *state;
    int fd = test_dial(fixture->server);
    test_say(fd, STR("POST /early HTTP/1.1\r\n" HOST "Content-Length: 100000\r\n\r\n"));
    struct str answer = test_hear_answer(fixture->arena, fd);
    assert_int_equal(test_status(answer), 403);
    assert_false(str_contains(answer, STR("Connection: close")));
    test_say(fd, str_of(arena_alloc(fixture->arena, 100000), 100000));
    test_say(fd, STR("GET /x HTTP/1.1\r\n" HOST "\r\n"));
    assert_int_equal(test_status(test_hear_answer(fixture->arena, fd)), 200);
    close(fd);
}

static void an_early_answer_arrives_though_a_large_body_is_still_sent(void **state)
{
    struct fixture *fixture = *state;
    enum { SIZE = 3 * 1024 * 1024 };
    struct str answer = talk(
        fixture, str_concat(fixture->arena,
                            STR("POST /early HTTP/1.1\r\n" HOST "Content-Length: 3145728\r\n\r\n"),
                            str_of(arena_alloc(fixture->arena, SIZE), SIZE)));
    assert_int_equal(test_status(answer), 403);
    assert_true(str_contains(answer, STR("Connection: close\r\n")));
}

static void a_body_over_the_maximum_is_the_applications_to_refuse(void **state)
{
    struct fixture *fixture = *state;
    enum { SIZE = TEST_BODY_MAX + 1 };
    struct str body = str_of(arena_alloc(fixture->arena, SIZE), SIZE);
    struct str answer = talk(
        fixture,
        str_concat(fixture->arena,
                   STR("POST /echo HTTP/1.1\r\n" HOST "Content-Length: 1048577\r\n\r\n"), body));
    assert_int_equal(test_status(answer), 413);
    assert_true(str_eq_cstr(test_body(answer), "too large"));
    answer = talk(fixture, str_concat3(fixture->arena,
                                       STR("POST /echo HTTP/1.1\r\n" HOST
                                           "Transfer-Encoding: chunked\r\n\r\n100001\r\n"),
                                       body, STR("\r\n0\r\n\r\n")));
    assert_int_equal(test_status(answer), 413);
    assert_true(str_contains(answer, STR("Connection: close\r\n")));
}

/* Bytes that differ, so that lost or doubled pieces are seen. */
static struct str pattern(struct arena *arena, size_t size)
{
    char *bytes = arena_alloc_text(arena, size);
    uint32_t value = 1;
    for (size_t i = 0; i < size; i++) {
        value = value * 1664525 + 1013904223;
        bytes[i] = (char)('a' + (value >> 24) % 26);
    }
    return str_of(bytes, size);
}

static uint64_t sum_of(struct str bytes)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < bytes.len; i++)
        sum = sum * 31 + (unsigned char)bytes.ptr[i];
    return sum;
}

static void large_bodies_are_buffered(void **state)
{
    struct fixture *fixture = *state;
    struct str body = pattern(fixture->arena, TEST_BODY_MAX);
    struct str head = str_format(fixture->arena,
                                 "POST /echo HTTP/1.1\r\n" HOST
                                 "Connection: close\r\nContent-Length: %zu\r\n\r\n",
                                 body.len);
    struct str answer = talk(fixture, str_concat(fixture->arena, head, body));
    assert_true(str_eq(test_body(answer), body));
}

static struct str chunked(struct arena *arena, struct str body)
{
    struct buf out;
    buf_init(&out, arena, body.len * 2 + 64);
    for (size_t at = 0, size = 1; at < body.len; at += size, size = size * 3 % 40009 + 1) {
        struct str piece = str_slice(body, at, size);
        buf_append_format(&out, "%zX\r\n", piece.len);
        buf_append(&out, piece);
        buf_append(&out, STR("\r\n"));
    }
    buf_append(&out, STR("0\r\n\r\n"));
    return buf_str(&out);
}

static void streamed_bodies_arrive_whole_with_and_without_pauses(void **state)
{
    struct fixture *fixture = *state;
    static const char *const paths[] = {"/count", "/slowcount"};
    struct str body = pattern(fixture->arena, 3 * 1024 * 1024);
    struct str wanted =
        str_format(fixture->arena, "%zu %llu", body.len, (unsigned long long)sum_of(body));
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        struct str head = str_format(fixture->arena,
                                     "POST %s HTTP/1.1\r\n" HOST
                                     "Connection: close\r\nContent-Length: %zu\r\n\r\n",
                                     paths[i], body.len);
        struct str answer = talk(fixture, str_concat(fixture->arena, head, body));
        assert_true(str_eq(test_body(answer), wanted));
        head = str_format(fixture->arena,
                          "POST %s HTTP/1.1\r\n" HOST
                          "Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n",
                          paths[i]);
        answer = talk(fixture, str_concat(fixture->arena, head, chunked(fixture->arena, body)));
        assert_true(str_eq(test_body(answer), wanted));
    }
    assert_true(atomic_load(&fixture->server->pause_count) > 10);
}

static void an_answer_may_be_written_while_the_body_is_read(void **state)
{
    struct fixture *fixture = *state;
    int fd = test_dial(fixture->server);
    test_say(fd, STR("POST /mirror HTTP/1.1\r\n" HOST "Content-Length: 10\r\n\r\nabc"));
    struct str answer = test_hear_until(fixture->arena, fd, STR("3\r\nabc\r\n"));
    assert_int_equal(test_status(answer), 200);
    test_say(fd, STR("defghij"));
    test_hear_until(fixture->arena, fd, STR("0\r\n\r\n"));
    test_say(fd, STR("GET /x HTTP/1.1\r\n" HOST "\r\n"));
    assert_int_equal(test_status(test_hear_answer(fixture->arena, fd)), 200);
    close(fd);
}

static void streamed_answers_wait_for_a_slow_reader(void **state)
{
    struct fixture *fixture = *state;
    enum { SIZE = 20 * 1024 * 1024 };
    int fd = test_dial(fixture->server);
    test_say(fd, STR("GET /stream?20971520 HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n"));
    struct str answer = test_hear_all(fixture->arena, fd, SIZE + 1024);
    assert_int_equal(test_body(answer).len, SIZE);
    /* Never more queued than the application wanted: the rest waited in it. */
    assert_true(atomic_load(&fixture->server->most_pending) <= (size_t)5 * TEST_STREAM_PIECE);
    close(fd);
}

static void files_are_sent_between_written_bytes(void **state)
{
    struct fixture *fixture = *state;
    struct str answer = talk(fixture, STR("GET /file HTTP/1.1\r\n" HOST "\r\n"
                                          "HEAD /file HTTP/1.1\r\n" HOST "\r\n"
                                          "GET /x HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n"));
    struct str body = test_body(answer);
    size_t size = (size_t)fixture->server->file_size;
    assert_true(str_starts_with(body, STR("<file>aaaa")));
    for (size_t at = 0; at < size; at += 4096)
        assert_int_equal(body.ptr[6 + at], 'a' + (int)(at / 4096 % 26));
    assert_true(str_starts_with(str_from(body, 6 + size), STR("<!-->HTTP/1.1 200 OK")));
    assert_int_equal(count_of(answer, STR("HTTP/1.1 200 OK")), 3);
}

static void an_answer_that_ends_early_is_closed(void **state)
{
    struct fixture *fixture = *state;
    struct str answer = talk(fixture, STR("GET /short HTTP/1.1\r\n" HOST "\r\n"));
    assert_true(str_eq_cstr(test_body(answer), "12345"));
    answer = talk(fixture, STR("GET /abort HTTP/1.1\r\n" HOST "\r\n"));
    assert_int_equal(answer.len, 0);
    assert_int_equal(atomic_load(&fixture->server->closed_count), 0);
}

static void smuggled_requests_are_refused_and_the_connection_closed(void **state)
{
    struct fixture *fixture = *state;
    static const struct str cases[] = {
        STR_INIT("POST /x HTTP/1.1\r\n" HOST
                 "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        STR_INIT("POST /x HTTP/1.1\r\n" HOST "Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde"),
        STR_INIT("POST /x HTTP/1.1\r\n" HOST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
        STR_INIT("POST /x HTTP/1.1\r\nHost: h\r\n Content-Length: 4\r\n\r\nabcd"),
        STR_INIT("GET /x HTTP/1.1\nHost: h\n\n"),
        STR_INIT("GET /x HTTP/1.1\r\nHost: h\r\n\rX"),
        STR_INIT("GET /x HTTP/1.1\r\nHost : h\r\n\r\n"),
        STR_INIT("GET /x HTTP/1.1\r\nHost: h\0\r\n\r\n"),
        STR_INIT("POST /x HTTP/1.1\r\n" HOST "Content-Length: -4\r\n\r\nabcd"),
        STR_INIT("POST /x HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999\r\n\r\nabcd"),
        STR_INIT("POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n4\nabcd"),
        STR_INIT("POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n-4\r\nabcd"),
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        /* What follows would be the smuggled request. */
        struct str answer =
            talk(fixture, str_concat(fixture->arena, cases[i],
                                     STR("GET /smuggled HTTP/1.1\r\n" HOST "\r\n")));
        if (test_status(answer) != 400 || count_of(answer, STR("HTTP/1.1")) != 1 ||
            !str_contains(answer, STR("Connection: close\r\n")))
            fail_msg("case %zu: " STR_FMT, i, STR_ARG(answer));
    }
}

static void heads_are_limited(void **state)
{
    struct fixture *fixture = *state;
    enum { SIZE = HTTP_MAX_HEAD_BYTES + 10 };
    struct str filler = pattern(fixture->arena, SIZE);
    struct str answer =
        talk(fixture, str_concat(fixture->arena, STR("GET / HTTP/1.1\r\n" HOST "A: "), filler));
    assert_int_equal(test_status(answer), 431);
    answer = talk(fixture, str_concat(fixture->arena, STR("GET /"), filler));
    assert_int_equal(test_status(answer), 431);
    /* The largest that is taken, with a body behind it. */
    struct str most = str_slice(filler, 0, HTTP_MAX_HEAD_BYTES - 80);
    answer = talk(fixture, str_concat3(fixture->arena,
                                       STR("POST /echo HTTP/1.1\r\n" HOST
                                           "Content-Length: 2\r\nConnection: close\r\nA: "),
                                       most, STR("\r\n\r\nhi")));
    assert_int_equal(test_status(answer), 200);
    assert_true(str_eq_cstr(test_body(answer), "hi"));
}

static void slow_heads_and_bodies_time_out(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(test_status(talk(fixture, STR("GET / HTTP/1.1\r\nHo"))), 408);
    struct str answer =
        talk(fixture, STR("POST /echo HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhel"));
    assert_int_equal(test_status(answer), 408);
    assert_int_equal(atomic_load(&fixture->server->closed_count), 1);
    answer = talk(fixture,
                  STR("POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n5\r\nhe"));
    assert_int_equal(test_status(answer), 408);
    assert_int_equal(atomic_load(&fixture->server->closed_count), 2);
}

static void idle_connections_are_closed_silently(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(talk(fixture, STR("")).len, 0);
    struct str answer = talk(fixture, STR("GET / HTTP/1.1\r\n" HOST "\r\n"));
    assert_int_equal(count_of(answer, STR("HTTP/1.1")), 1);
}

static void a_peer_that_takes_nothing_is_dropped(void **state)
{
    struct fixture *fixture = *state;
    int fd = test_dial(fixture->server);
    test_say(fd, STR("GET /stream?2000000000 HTTP/1.1\r\n" HOST "\r\n"));
    /* Reading nothing; the server reports it by closing the exchange. */
    while (atomic_load(&fixture->server->closed_count) == 0)
        sched_yield();
    close(fd);
}

static void a_peer_that_goes_away_is_reported(void **state)
{
    struct fixture *fixture = *state;
    int fd = test_dial(fixture->server);
    test_say(fd, STR("GET /never HTTP/1.1\r\n" HOST "\r\n"));
    while (atomic_load(&fixture->server->head_count) == 0)
        sched_yield();
    close(fd);
    while (atomic_load(&fixture->server->closed_count) == 0)
        sched_yield();
    fd = test_dial(fixture->server);
    test_say(fd, STR("POST /count HTTP/1.1\r\n" HOST "Content-Length: 10\r\n\r\nabc"));
    close(fd);
    while (atomic_load(&fixture->server->closed_count) == 1)
        sched_yield();
}

static void an_undecided_body_waits(void **state)
{
    struct fixture *fixture = *state;
    int fd = test_dial(fixture->server);
    test_say(fd, STR("POST /undecided HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc"));
    while (atomic_load(&fixture->server->head_count) == 0)
        sched_yield();
    close(fd);
}

static void further_connections_wait_for_room(void **state)
{
    struct fixture *fixture = *state;
    const struct str request = STR("GET / HTTP/1.1\r\n" HOST "\r\n");
    int first = test_dial(fixture->server);
    int second = test_dial(fixture->server);
    test_say(first, request);
    test_say(second, request);
    test_hear_answer(fixture->arena, first);
    test_hear_answer(fixture->arena, second);
    int third = test_dial(fixture->server);
    test_say(third, request);
    close(first);
    assert_int_equal(test_status(test_hear_answer(fixture->arena, third)), 200);
    close(second);
    close(third);
}

static void on_drained(void *context)
{
    struct test_server *server = context;
    atomic_fetch_add(&server->drained_count, 1);
}

static void drain_with_grace(void *context)
{
    struct test_server *server = context;
    http_server_drain(server->http, 60 * 1000, on_drained, server);
}

static void drain_shortly(void *context)
{
    struct test_server *server = context;
    http_server_drain(server->http, 50, on_drained, server);
}

static void answer_never(void *context)
{
    struct test_server *server = context;
    test_text(server->never, 200, STR("at last"));
}

static void drain_closes_the_idle_and_waits_for_the_busy(void **state)
{
    struct fixture *fixture = *state;
    int idle = test_dial(fixture->server);
    test_say(idle, STR("GET / HTTP/1.1\r\n" HOST "\r\n"));
    test_hear_answer(fixture->arena, idle);
    int busy = test_dial(fixture->server);
    test_say(busy, STR("GET /never HTTP/1.1\r\n" HOST "\r\n"));
    while (atomic_load(&fixture->server->head_count) < 2)
        sched_yield();
    loop_post(fixture->server->loop, drain_with_grace, fixture->server);
    assert_int_equal(test_hear_all(fixture->arena, idle, 100).len, 0);
    assert_int_equal(atomic_load(&fixture->server->drained_count), 0);
    loop_post(fixture->server->loop, answer_never, fixture->server);
    struct str answer = test_hear_all(fixture->arena, busy, 1000);
    assert_int_equal(test_status(answer), 200);
    assert_true(str_contains(answer, STR("Connection: close\r\n")));
    while (atomic_load(&fixture->server->drained_count) == 0)
        sched_yield();
    close(idle);
    close(busy);
}

static void drain_ends_with_the_grace(void **state)
{
    struct fixture *fixture = *state;
    int busy = test_dial(fixture->server);
    test_say(busy, STR("GET /never HTTP/1.1\r\n" HOST "\r\n"));
    while (atomic_load(&fixture->server->head_count) < 1)
        sched_yield();
    loop_post(fixture->server->loop, drain_shortly, fixture->server);
    assert_int_equal(test_hear_all(fixture->arena, busy, 100).len, 0);
    while (atomic_load(&fixture->server->drained_count) == 0)
        sched_yield();
    assert_int_equal(atomic_load(&fixture->server->closed_count), 1);
    close(busy);
}

static void a_server_may_be_freed_with_work_in_hand(void **state)
{
    struct fixture *fixture = *state;
    int busy = test_dial(fixture->server);
    test_say(busy, STR("GET /never HTTP/1.1\r\n" HOST "\r\n"));
    while (atomic_load(&fixture->server->head_count) < 1)
        sched_yield();
    close(busy); /* tear_down frees */
}

static void addresses_are_literal(void **state)
{
    (void)state;
    assert_int_equal(http_listen(STR("localhost"), 0, false), -EINVAL);
    assert_int_equal(http_listen(STR(""), 0, false), -EINVAL);
    int fd = http_listen(STR("127.0.0.1"), 0, true);
    assert_true(fd >= 0);
    int again = http_listen(STR("127.0.0.1"), http_listen_port(fd), true);
    assert_true(again >= 0);
    assert_int_equal(http_listen_port(again), http_listen_port(fd));
    assert_int_equal(http_listen(STR("127.0.0.1"), http_listen_port(fd), false), -EADDRINUSE);
    close(again);
    close(fd);
}

#define SERVED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVED(answers_byte_by_byte_requests),
        SERVED(describes_the_request),
        SERVED(answers_pipelined_requests_in_order),
        SERVED(a_body_may_be_chunked_and_followed_by_another_request),
        SERVED(answers_may_be_chunked),
        SERVED(http10_gets_no_chunks_and_is_closed),
        SERVED(head_and_no_content_have_no_body),
        SERVED(expect_continue_is_answered_when_the_body_is_wanted),
        SERVED(expect_continue_is_not_answered_when_it_is_not),
        SERVED(an_early_answer_drops_a_small_body_and_keeps_the_connection),
        SERVED(an_early_answer_arrives_though_a_large_body_is_still_sent),
        SERVED(a_body_over_the_maximum_is_the_applications_to_refuse),
        SERVED(large_bodies_are_buffered),
        SERVED(streamed_bodies_arrive_whole_with_and_without_pauses),
        SERVED(an_answer_may_be_written_while_the_body_is_read),
        SERVED(streamed_answers_wait_for_a_slow_reader),
        SERVED(files_are_sent_between_written_bytes),
        SERVED(an_answer_that_ends_early_is_closed),
        SERVED(smuggled_requests_are_refused_and_the_connection_closed),
        SERVED(heads_are_limited),
        SERVED(slow_heads_and_bodies_time_out),
        cmocka_unit_test_setup_teardown(idle_connections_are_closed_silently, set_up_impatient,
                                        tear_down),
        SERVED(a_peer_that_takes_nothing_is_dropped),
        SERVED(a_peer_that_goes_away_is_reported),
        SERVED(an_undecided_body_waits),
        cmocka_unit_test_setup_teardown(further_connections_wait_for_room, set_up_small, tear_down),
        SERVED(drain_closes_the_idle_and_waits_for_the_busy),
        SERVED(drain_ends_with_the_grace),
        SERVED(a_server_may_be_freed_with_work_in_hand),
        cmocka_unit_test(addresses_are_literal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
