/* executor_test.c — transactions, batches, reruns, waiting: through real sockets, with a service
 * that misbehaves when asked to.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "syntax/time.h"
#include "wire/server_for_test.h"

static struct str ask_url(struct fake_server *server, const char *name)
{
    int fd = fake_dial(server);
    fake_say_url(fd, server->arena, name);
    struct str answer = test_hear_answer(server->arena, fd);
    close(fd);
    return answer;
}

static struct str send_one(struct fake_server *server, const char *queue, const char *text)
{
    int fd = fake_dial(server);
    fake_say_send(fd, server->arena, queue, text);
    struct str answer = test_hear_answer(server->arena, fd);
    close(fd);
    return answer;
}

static struct str receive_one(struct fake_server *server, const char *queue, int wait_s)
{
    int fd = fake_dial(server);
    fake_say_receive(fd, server->arena, queue, wait_s);
    struct str answer = test_hear_answer(server->arena, fd);
    close(fd);
    return answer;
}

static void assert_holds(struct str answer, const char *text)
{
    if (!str_contains(answer, str_from_cstr(text)))
        fail_msg("'%s' is not in: " STR_FMT, text, STR_ARG(answer));
}

static void a_read_runs_once(void **state)
{
    struct fake_server *server = *state;
    assert_holds(ask_url(server, "reads"), "{\"QueueUrl\":\"1\"}");
}

static void a_first_write_is_run_again_in_a_write_transaction(void **state)
{
    struct fake_server *server = *state;
    assert_holds(ask_url(server, "writes"), "{\"QueueUrl\":\"2\"}");
    /* From now on the operation is known to write. */
    assert_holds(ask_url(server, "writes"), "{\"QueueUrl\":\"1\"}");
    assert_holds(receive_one(server, "writes", 0), "\"Body\":\"writes\"");
    assert_holds(receive_one(server, "writes", 0), "\"Body\":\"writes\"");
    assert_int_equal(str_find(receive_one(server, "writes", 0), STR("Body")), -1);
}

static void a_handler_that_ignores_the_refusal_of_its_write_is_run_again(void **state)
{
    struct fake_server *server = *state;
    assert_holds(ask_url(server, "writes-and-ignores-errors"), "{\"QueueUrl\":\"2\"}");
    assert_holds(receive_one(server, "writes-and-ignores-errors", 0), "\"Body\"");
}

static void a_failed_call_leaves_nothing(void **state)
{
    struct fake_server *server = *state;
    assert_int_equal(test_status(ask_url(server, "writes-then-fails")), 400);
    assert_int_equal(str_find(receive_one(server, "writes-then-fails", 0), STR("Body")), -1);
}

static void a_write_inside_a_nested_call_is_run_again(void **state)
{
    struct fake_server *server = *state;
    assert_int_equal(test_status(send_one(server, "nested", "x")), 200);
    struct fake_server *fresh = fake_server_start(1); /* knows of no writes yet */
    assert_int_equal(test_status(send_one(fresh, "nested", "x")), 200);
    assert_holds(ask_url(fresh, "nests-a-write"), "{\"QueueUrl\":\"2\"}");
    assert_int_equal(str_find(receive_one(fresh, "nested", 0), STR("Body")), -1);
    fake_server_stop(fresh);
}

static void a_nested_call_that_would_wait_fails(void **state)
{
    assert_int_equal(test_status(ask_url(*state, "nests-a-wait")), 500);
}

static void a_handler_that_fails_without_an_error_is_a_fault_of_ours(void **state)
{
    struct str answer = ask_url(*state, "fails-without-error");
    assert_int_equal(test_status(answer), 500);
    assert_holds(answer, "InternalFailure");
}

/* All in one round: one transaction, and what breaks in one call stays there. */
static void a_broken_statement_poisons_no_other_call_of_its_batch(void **state)
{
    struct fake_server *server = *state;
    assert_int_equal(test_status(ask_url(server, "writes")), 200); /* seen to write */
    static const char *const names[] = {
        "writes", "breaks", "writes", "ignores-a-broken-statement", "fails", "writes",
    };
    static const int statuses[] = {200, 500, 200, 500, 400, 200};
    int fds[ARRAY_LEN(names)];
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        fds[i] = fake_dial(server);
    fake_hold(server);
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        fake_say_url(fds[i], server->arena, names[i]);
    fake_release(server);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        assert_int_equal(test_status(test_hear_answer(server->arena, fds[i])), statuses[i]);
        close(fds[i]);
    }
    int count = 0;
    while (str_contains(receive_one(server, "writes", 0), STR("Body")))
        count++;
    assert_int_equal(count, 4);
}

static void a_client_that_leaves_before_the_commit_is_forgotten(void **state)
{
    struct fake_server *server = *state;
    for (int i = 0; i < 20; i++) {
        int gone = fake_dial(server);
        int stays = fake_dial(server);
        fake_hold(server);
        fake_say_send(gone, server->arena, "left", "x");
        close(gone);
        fake_say_send(stays, server->arena, "left", "y");
        fake_release(server);
        assert_int_equal(test_status(test_hear_answer(server->arena, stays)), 200);
        close(stays);
    }
}

static void a_full_batch_is_committed_in_between(void **state)
{
    struct fake_server *server = *state;
    enum {
        COUNT = 200, /* more than BATCH_MAX_CALLS */
    };
    static int fds[COUNT];
    assert_int_equal(test_status(send_one(server, "many", "first")), 200);
    for (size_t i = 0; i < COUNT; i++)
        fds[i] = fake_dial(server);
    fake_hold(server);
    for (size_t i = 0; i < COUNT; i++)
        fake_say_send(fds[i], server->arena, "many", "x");
    fake_release(server);
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(test_status(test_hear_answer(server->arena, fds[i])), 200);
        close(fds[i]);
    }
}

static struct str ask_raw(struct fake_server *server, struct str text)
{
    int fd = fake_dial(server);
    test_say(fd, text);
    struct str answer = test_hear_answer(server->arena, fd);
    close(fd);
    return answer;
}

static void requests_nobody_can_answer_are_refused(void **state)
{
    struct fake_server *server = *state;
    struct str answer = ask_raw(server, STR("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
    assert_int_equal(test_status(answer), 403);
    assert_holds(answer, "MissingAuthenticationToken");
    answer = ask_raw(server, STR("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n"));
    assert_int_equal(test_status(answer), 403);
    /* Neither of these signs the request. */
    static const char *const schemes[] = {"Bearer abc", "Basic YTpi"};
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
        answer = ask_raw(server, str_format(server->arena,
                                            "POST / HTTP/1.1\r\nHost: h\r\nAuthorization: %s\r\n"
                                            "X-Amz-Target: AmazonSQS.ListQueues\r\n"
                                            "Content-Type: application/x-amz-json-1.0\r\n"
                                            "Content-Length: 2\r\n\r\n{}",
                                            schemes[i]));
        assert_holds(answer, "MissingAuthenticationTokenException");
    }
}

static void the_signature_is_judged_before_the_body(void **state)
{
    struct fake_server *server = *state;
    struct str answer =
        ask_raw(server, STR("POST / HTTP/1.1\r\nHost: h\r\nX-Amz-Date: 20260101T000000Z\r\n"
                            "X-Amz-Target: AmazonSQS.ListQueues\r\n"
                            "Content-Type: application/x-amz-json-1.0\r\n"
                            "Authorization: AWS4-HMAC-SHA256 Credential=AKIAX/20260101/eu-west-1/"
                            "sqs/aws4_request, SignedHeaders=host;x-amz-date, Signature=00\r\n"
                            "Content-Length: 3\r\n\r\n{[}"));
    assert_holds(answer, "UnrecognizedClientException");
}

/* A link of the account's own key, which ends after a minute though nobody can check who signed. */
static struct str ask_presigned(struct fake_server *server, int64_t signed_at_ms)
{
    struct str date = time_basic(server->arena, signed_at_ms);
    struct str request =
        str_format(server->arena,
                   "GET /?Action=GetQueueUrl&QueueName=reads&Version=2012-11-05"
                   "&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=111122223333%%2F" STR_FMT
                   "%%2Feu-west-1%%2Fsqs%%2Faws4_request&X-Amz-Date=" STR_FMT "&X-Amz-Expires=60"
                   "&X-Amz-SignedHeaders=host&X-Amz-Signature=00 HTTP/1.1\r\nHost: h\r\n\r\n",
                   STR_ARG(str_slice(date, 0, 8)), STR_ARG(date));
    return ask_raw(server, request);
}

/* The parameters of a presigned URL are no members, and no bar to the operation's own. */
static void a_presigned_query_is_taken(void **state)
{
    struct str answer = ask_presigned(*state, clock_now_ms());
    assert_int_equal(test_status(answer), 200);
    assert_holds(answer, "<GetQueueUrlResult>");
    answer = ask_presigned(*state, clock_now_ms() - 61 * 1000);
    assert_int_equal(test_status(answer), 403);
    assert_holds(answer, "Signature expired");
}

static void a_body_over_the_limit_is_refused(void **state)
{
    struct fake_server *server = *state;
    struct str answer = ask_raw(server, STR("POST / HTTP/1.1\r\nHost: h\r\n"
                                            "Content-Length: 99999999\r\n\r\nabc"));
    assert_int_equal(test_status(answer), 413);
}

static enum status insert_and_fail(struct call *call, void *context)
{
    int rc = fake_add(call, STR("task"), STR("x"));
    if (rc < 0)
        return call_fail_internal(call, rc, "add");
    return context ? call_fail(call, &ERROR_VALIDATION, "no") : STATUS_DONE;
}

struct task_run {
    struct fake_server *server;
    int results[2];
    struct call_error error;
};

static void run_tasks(void *context)
{
    struct task_run *run = context;
    struct executor *executor = run->server->workers[0].executor;
    const struct principal nobody = {.kind = PRINCIPAL_SERVICE};
    const struct scope scope = {0};
    for (int i = 0; i < 2; i++)
        run->results[i] = executor_run_task(executor, run->server->arena, &nobody, scope,
                                            insert_and_fail, i == 0 ? run : NULL, &run->error);
    CHECK(sem_post(&run->server->is_held) == 0);
}

static void a_task_commits_or_leaves_nothing(void **state)
{
    struct fake_server *server = *state;
    struct task_run run = {.server = server};
    loop_post(server->workers[0].loop, run_tasks, &run);
    while (sem_wait(&server->is_held) < 0)
        continue;
    assert_int_equal(run.results[0], -ECANCELED);
    assert_int_equal(run.results[1], 0);
    assert_ptr_equal(run.error.error, &ERROR_VALIDATION);
    assert_holds(receive_one(server, "task", 0), "Body");
    assert_int_equal(str_find(receive_one(server, "task", 0), STR("Body")), -1);
}

static int start(void **state)
{
    *state = fake_server_start(1);
    return 0;
}

static int stop(void **state)
{
    fake_server_stop(*state);
    return 0;
}

#define SERVED(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVED(a_read_runs_once),
        SERVED(a_first_write_is_run_again_in_a_write_transaction),
        SERVED(a_handler_that_ignores_the_refusal_of_its_write_is_run_again),
        SERVED(a_failed_call_leaves_nothing),
        SERVED(a_write_inside_a_nested_call_is_run_again),
        SERVED(a_nested_call_that_would_wait_fails),
        SERVED(a_handler_that_fails_without_an_error_is_a_fault_of_ours),
        SERVED(a_broken_statement_poisons_no_other_call_of_its_batch),
        SERVED(a_client_that_leaves_before_the_commit_is_forgotten),
        SERVED(a_full_batch_is_committed_in_between),
        SERVED(requests_nobody_can_answer_are_refused),
        SERVED(the_signature_is_judged_before_the_body),
        SERVED(a_presigned_query_is_taken),
        SERVED(a_body_over_the_limit_is_refused),
        SERVED(a_task_commits_or_leaves_nothing),
    };
    int failed = cmocka_run_group_tests_name("sqlite", tests, NULL, NULL);
    return failed +
           cmocka_run_group_tests_name("postgres", tests, fake_postgres_start, fake_postgres_stop);
}
