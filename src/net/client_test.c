/* client_test.c — outgoing requests against the server of this layer. */
#include "net/client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "net/server_for_test.h"
#include "net/tls.h"

struct fixture {
    struct arena *arena;
    struct tls_context *tls;
    struct test_server *server;
    struct loop *loop;
    struct http_client *client;
    char dir[64];
};

struct outcome {
    struct fixture *fixture;
    int status;
    struct str body;
    struct str type;
    char *error;
    int calls;
    int *waiting; /* the loop stops when it gets to 0 */
};

static int set_up(void **state)
{
    static const struct http_server_options options = {0};
    struct fixture *fixture = mem_new(sizeof(*fixture));
    fixture->arena = arena_new();
    snprintf(fixture->dir, sizeof(fixture->dir), "/tmp/virga-client-test-XXXXXX");
    assert_non_null(mkdtemp(fixture->dir));
    struct str message = {0};
    assert_int_equal(
        tls_context_open(fixture->arena, str_from_cstr(fixture->dir), &fixture->tls, &message), 0);
    fixture->server = test_server_start(fixture->tls, &options);
    fixture->loop = loop_new();
    fixture->client = http_client_new(fixture->loop);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    static const char *const files[] = {"ca.pem", "ca-key.pem", "ca.lock"};
    struct fixture *fixture = *state;
    http_client_free(fixture->client);
    loop_free(fixture->loop);
    test_server_stop(fixture->server);
    tls_context_close(fixture->tls);
    for (size_t i = 0; i < ARRAY_LEN(files); i++)
        unlink(str_format(fixture->arena, "%s/%s", fixture->dir, files[i]).ptr);
    rmdir(fixture->dir);
    arena_free(fixture->arena);
    mem_free(fixture);
    return 0;
}

static void on_done(void *context, const struct http_client_response *response)
{
    struct outcome *outcome = context;
    struct arena *arena = outcome->fixture->arena;
    outcome->calls++;
    outcome->status = response->status;
    outcome->body = str_copy(arena, response->body);
    for (size_t i = 0; i < response->header_count; i++) {
        if (str_eq_nocase(response->headers[i].name, STR("content-type")))
            outcome->type = str_copy(arena, response->headers[i].value);
    }
    outcome->error = response->error ? str_to_cstr(arena, str_from_cstr(response->error)) : NULL;
    if (outcome->waiting && --*outcome->waiting == 0)
        loop_stop(outcome->fixture->loop);
}

static struct str url_of(struct fixture *fixture, const char *scheme, const char *path)
{
    return str_format(fixture->arena, "%s://127.0.0.1:%d%s", scheme, fixture->server->port, path);
}

static struct outcome send_one(struct fixture *fixture, const struct http_client_request *request)
{
    int waiting = 1;
    struct outcome outcome = {.fixture = fixture, .waiting = &waiting};
    http_client_send(fixture->client, request, on_done, &outcome);
    assert_int_equal(outcome.calls, 0);
    loop_run(fixture->loop);
    assert_int_equal(outcome.calls, 1);
    return outcome;
}

static void gets_and_posts(void **state)
{
    struct fixture *fixture = *state;
    struct outcome got = send_one(fixture, &(struct http_client_request){
                                               .method = STR("GET"),
                                               .url = url_of(fixture, "http", "/x?y"),
                                           });
    assert_null(got.error);
    assert_int_equal(got.status, 200);
    assert_true(str_starts_with(got.body, STR("GET|/x|y|127.0.0.1:")));
    assert_true(str_eq_cstr(got.type, "text/plain"));
    const struct http_header headers[] = {{STR("X-Empty"), STR("")}, {STR("X-A"), STR("b")}};
    got = send_one(fixture, &(struct http_client_request){
                                .method = STR("POST"),
                                .url = url_of(fixture, "http", "/echo"),
                                .headers = headers,
                                .header_count = ARRAY_LEN(headers),
                                .body = STR("hello\0world"),
                            });
    assert_int_equal(got.status, 200);
    assert_true(str_eq(got.body, STR("hello\0world")));
    got = send_one(fixture, &(struct http_client_request){
                                .method = STR("DELETE"),
                                .url = url_of(fixture, "http", "/x"),
                            });
    assert_true(str_starts_with(got.body, STR("DELETE|/x|")));
    got = send_one(fixture, &(struct http_client_request){
                                .method = STR("HEAD"),
                                .url = url_of(fixture, "http", "/x"),
                            });
    assert_int_equal(got.status, 200);
    assert_int_equal(got.body.len, 0);
}

static void an_error_status_is_an_answer(void **state)
{
    struct fixture *fixture = *state;
    struct outcome got = send_one(fixture, &(struct http_client_request){
                                               .method = STR("POST"),
                                               .url = url_of(fixture, "http", "/early"),
                                               .body = STR("x"),
                                           });
    assert_null(got.error);
    assert_int_equal(got.status, 403);
}

static void many_run_at_once(void **state)
{
    struct fixture *fixture = *state;
    enum { COUNT = 40 };
    static struct outcome outcomes[COUNT];
    int waiting = COUNT;
    for (int i = 0; i < COUNT; i++) {
        outcomes[i] = (struct outcome){.fixture = fixture, .waiting = &waiting};
        http_client_send(fixture->client,
                         &(struct http_client_request){
                             .method = STR("GET"),
                             .url = url_of(fixture, "http", i % 2 ? "/later" : "/chunked"),
                         },
                         on_done, &outcomes[i]);
    }
    loop_run(fixture->loop);
    for (int i = 0; i < COUNT; i++)
        assert_true(str_eq_cstr(outcomes[i].body, i % 2 ? "later" : "one,two,three"));
}

static void https_trusts_the_given_ca(void **state)
{
    struct fixture *fixture = *state;
    struct str pem = {0};
    assert_int_equal(tls_ca_pem(fixture->arena, str_from_cstr(fixture->dir), &pem), 0);
    struct http_client_request request = {
        .method = STR("GET"),
        .url = url_of(fixture, "https", "/x"),
        .ca_pem = pem,
    };
    assert_int_equal(send_one(fixture, &request).status, 200);
    request.ca_pem = (struct str){0};
    struct outcome got = send_one(fixture, &request);
    assert_int_equal(got.status, 0);
    assert_non_null(got.error);
}

static void failures_come_later_with_a_reason(void **state)
{
    struct fixture *fixture = *state;
    struct outcome got = send_one(fixture, &(struct http_client_request){
                                               .method = STR("GET"),
                                               .url = STR("file:///etc/passwd"),
                                           });
    assert_non_null(got.error);
    assert_int_equal(got.status, 0);
    got = send_one(fixture, &(struct http_client_request){.method = STR("GET"), .url = STR("")});
    assert_non_null(got.error);
    got = send_one(fixture, &(struct http_client_request){
                                .method = STR("GET"),
                                .url = STR("http://127.0.0.1:1/"),
                            });
    assert_non_null(got.error);
    got = send_one(fixture, &(struct http_client_request){
                                .method = STR("GET"),
                                .url = url_of(fixture, "http", "/never"),
                                .timeout_ms = 50,
                            });
    assert_non_null(got.error);
    got = send_one(fixture, &(struct http_client_request){
                                .method = STR("GET"),
                                .url = url_of(fixture, "http", "/stream?100000"),
                                .max_response_bytes = 1000,
                            });
    assert_string_equal(got.error, "the answer is too large");
}

static void what_is_pending_is_cancelled(void **state)
{
    struct fixture *fixture = *state;
    struct http_client *client = http_client_new(fixture->loop);
    struct outcome outcome = {.fixture = fixture};
    http_client_send(client,
                     &(struct http_client_request){
                         .method = STR("GET"),
                         .url = url_of(fixture, "http", "/never"),
                     },
                     on_done, &outcome);
    http_client_free(client);
    assert_int_equal(outcome.calls, 1);
    assert_string_equal(outcome.error, "cancelled");
    http_client_free(NULL);
}

#define SERVED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    /* The tests talk to this machine only. */
    setenv("NO_PROXY", "*", 1);
    const struct CMUnitTest tests[] = {
        SERVED(gets_and_posts),
        SERVED(an_error_status_is_an_answer),
        SERVED(many_run_at_once),
        SERVED(https_trusts_the_given_ca),
        SERVED(failures_come_later_with_a_reason),
        SERVED(what_is_pending_is_cancelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
