/* delivery_test.c — attempts in the sender's transaction, pauses, dead letters, and targets behind
 * HTTP; over rows of the test's own and a store in memory. One thread: the test runs the loop until
 * it has seen enough, and moves the clock.
 */
#include "engine/events/delivery.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/mem.h"
#include "net/http.h"
#include "net/loop.h"
#include "syntax/json.h"
#include "wire/executor.h"
#include "wire/identity.h"
#include "wire/waiters.h"

enum {
    PATIENCE_MS = 5000, /* a test that waits longer has failed */
    A_WHILE_MS = 50,    /* long enough for what is due */
};

struct fixture {
    struct arena *arena;
    struct runtime runtime;
    struct loop *loop;
    struct db *db;
    struct executor *executor;
    struct workflow_runner *runner;
    struct loop_timer *patience;
    struct http_server *server;
    uint16_t port;
    char trace[512]; /* what reached the targets, in order */
    size_t until_len;
    int failures_left;     /* attempts that the target "fake" asks to be repeated */
    bool refuses;          /* it refuses instead */
    int statuses[4];       /* what the server answers (-1: nothing); then 200 */
    size_t request_count;  /* to the server */
    struct str dead_extra; /* of the last dead letter */
    struct str dead_role;  /* who sent it */
    enum delivery_result first_result;
};

static struct fixture *fixture; /* rows have no other way to it */

static const char *const migrations[] = {
    "CREATE TABLE took (id integer NOT NULL PRIMARY KEY);\n",
};
static const struct migration_set took_migrations = {
    .component = "took", .migrations = migrations, .count = ARRAY_LEN(migrations)};
static const char sql_take[] = "INSERT INTO took (id) SELECT count(*) + 1 FROM took";
static const char sql_count[] = "SELECT count(*) FROM took";

static void note(const char *what, struct str body)
{
    size_t len = strlen(fixture->trace);
    snprintf(fixture->trace + len, sizeof(fixture->trace) - len, "%s(" STR_FMT ") ", what,
             STR_ARG(body));
    if (strlen(fixture->trace) >= fixture->until_len)
        loop_stop(fixture->loop);
}

static const struct api_error busy = {.code = STR_INIT("ThrottlingException"), .http_status = 400};
static const struct api_error gone = {.code = STR_INIT("QueueDoesNotExist"), .http_status = 400};

/* Writes a row before it says no: the savepoint must undo that. */
static enum delivery_result take(struct call *call, const struct delivery *delivery,
                                 const struct principal *principal, const struct scope *scope,
                                 struct call_error *out_error)
{
    assert_string_equal(str_to_cstr(call->arena, scope->region), "eu-west-1");
    assert_true(str_eq(call->principal->source_arn, principal->source_arn));
    AUTO(stmt) struct stmt *stmt = NULL;
    assert_int_equal(db_prepare(call->db, sql_take, &stmt), 0);
    assert_int_equal(stmt_run(stmt), 1);
    if (fixture->refuses) {
        *out_error = (struct call_error){.error = &gone, .message = STR("no queue")};
        note("refused", delivery->body);
        return delivery_result_of(out_error);
    }
    if (fixture->failures_left > 0) {
        fixture->failures_left--;
        *out_error = (struct call_error){.error = &busy, .message = STR("slow down")};
        note("busy", delivery->body);
        return delivery_result_of(out_error);
    }
    note("took", delivery->body);
    return DELIVERY_DONE;
}

static enum delivery_result bury(struct call *call, const struct delivery *delivery,
                                 const struct principal *principal, const struct scope *scope,
                                 struct call_error *out_error)
{
    (void)scope;
    (void)out_error;
    fixture->dead_extra = str_copy(fixture->arena, json_to_str(call->arena, delivery->extra));
    fixture->dead_role = str_copy(fixture->arena, principal->name);
    note("dead", delivery->body);
    return DELIVERY_DONE;
}

/* Delivers on to itself, each time with one letter less. */
static enum delivery_result pass_on(struct call *call, const struct delivery *delivery,
                                    const struct principal *principal, const struct scope *scope,
                                    struct call_error *out_error)
{
    (void)principal;
    (void)scope;
    (void)out_error;
    struct delivery next = *delivery;
    next.body = str_from(delivery->body, 1);
    note("passed", delivery->body);
    if (next.body.len > 0)
        assert_int_equal(delivery_send(call, &next, NULL), STATUS_DONE);
    return DELIVERY_DONE;
}

static const struct delivery_target chain_target = {.service = STR_INIT("chain"),
                                                    .deliver = pass_on};
static const struct delivery_target fake_target = {.service = STR_INIT("fake"), .deliver = take};
static const struct delivery_target queue_target = {.service = STR_INIT("sqs"), .deliver = bury};
const struct delivery_target *const delivery_targets[] = {&fake_target, &queue_target,
                                                          &chain_target};
const size_t delivery_target_count = ARRAY_LEN(delivery_targets);

static int assume(struct call *call, struct str role_arn, const struct principal *service,
                  struct principal *out_principal)
{
    (void)call;
    assert_int_equal(service->kind, PRINCIPAL_SERVICE);
    if (!str_ends_with(role_arn, STR("role/good")))
        return 0;
    *out_principal = (struct principal){.kind = PRINCIPAL_ASSUMED_ROLE, .name = STR("good")};
    return 1;
}
delivery_assume_fn *const delivery_assume = assume;

static const struct workflow_kind *const kinds[] = {&delivery_kind};

/* ---- A server -------------------------------------------------------------------------------- */

static void on_head(void *app, struct http_exchange *exchange)
{
    (void)app;
    http_buffer_body(exchange, 1024);
}

static void on_body(void *app, struct http_exchange *exchange, struct str piece)
{
    (void)app;
    (void)exchange;
    (void)piece;
}

static void on_end(void *app, struct http_exchange *exchange)
{
    (void)app;
    size_t number = fixture->request_count++;
    int status = number < ARRAY_LEN(fixture->statuses) && fixture->statuses[number] != 0
                     ? fixture->statuses[number]
                     : 200;
    struct str header = http_header(exchange, "x-test");
    note(str_to_cstr(exchange->arena, str_format(exchange->arena, STR_FMT STR_FMT,
                                                 STR_ARG(exchange->method), STR_ARG(header))),
         exchange->body);
    if (status > 0)
        http_respond(exchange, status, NULL, 0, STR("well"));
}

static void on_close(void *app, struct http_exchange *exchange)
{
    (void)app;
    (void)exchange;
}

static const struct http_handler handler = {
    .on_head = on_head, .on_body = on_body, .on_end = on_end, .on_close = on_close};

/* ---- Driving --------------------------------------------------------------------------------- */

static enum status send_in_task(struct call *call, void *context)
{
    return delivery_send(call, context, &fixture->first_result);
}

static int send(const struct delivery *delivery)
{
    const struct principal nobody = {.kind = PRINCIPAL_SERVICE};
    const struct scope scope = {.account = STR("111122223333"), .region = STR("eu-west-1")};
    struct call_error error = {0};
    struct delivery copy = *delivery;
    return executor_run_task(fixture->executor, fixture->arena, &nobody, scope, send_in_task, &copy,
                             &error);
}

static enum status count_in_task(struct call *call, void *context)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    assert_int_equal(db_prepare(call->db, sql_count, &stmt), 0);
    assert_int_equal(stmt_step(stmt), 1);
    *(int64_t *)context = stmt_i64(stmt, 0);
    return STATUS_DONE;
}

static int64_t taken(void)
{
    const struct principal nobody = {.kind = PRINCIPAL_SERVICE};
    struct call_error error = {0};
    int64_t count = -1;
    assert_int_equal(executor_run_task(fixture->executor, fixture->arena, &nobody,
                                       (struct scope){0}, count_in_task, &count, &error),
                     0);
    return count;
}

static void run_until(const char *trace)
{
    fixture->until_len = strlen(trace);
    if (strlen(fixture->trace) < fixture->until_len) {
        loop_timer_start(fixture->patience, PATIENCE_MS);
        loop_run(fixture->loop);
        loop_timer_stop(fixture->patience);
    }
    assert_string_equal(fixture->trace, trace);
}

static void run_a_little(void)
{
    fixture->until_len = SIZE_MAX;
    loop_timer_start(fixture->patience, A_WHILE_MS);
    loop_run(fixture->loop);
}

static void advance(int64_t ms)
{
    clock_set_offset_ms(clock_offset_ms() + ms);
    workflow_runner_wake(fixture->runner);
}

static struct delivery example(void)
{
    return (struct delivery){
        .target = STR("arn:aws:fake:eu-west-1:444455556666:thing/a"),
        .body = STR("hello"),
        .service = STR("events.amazonaws.com"),
        .source_arn = STR("arn:aws:events:eu-west-1:111122223333:rule/r"),
        .policy = {.max_attempts = 3, .min_delay_ms = 1000, .max_delay_ms = 60000},
        .dead_letter_arn = STR("arn:aws:sqs:eu-west-1:111122223333:dead"),
        .has_error_attributes = true,
    };
}

static struct delivery to_url(const char *path)
{
    struct delivery delivery = example();
    delivery.target = str_format(fixture->arena, "http://127.0.0.1:%d%s", (int)fixture->port, path);
    return delivery;
}

/* ---- Tests ----------------------------------------------------------------------------------- */

static void a_target_in_the_store_has_it_at_once(void **state)
{
    (void)state;
    const struct delivery delivery = example();
    assert_int_equal(send(&delivery), 0);
    assert_int_equal(fixture->first_result, DELIVERY_DONE);
    assert_string_equal(fixture->trace, "took(hello) ");
    assert_int_equal(taken(), 1);
}

static void a_busy_target_gets_it_later_and_once(void **state)
{
    (void)state;
    const struct delivery delivery = example();
    fixture->failures_left = 2;
    assert_int_equal(send(&delivery), 0);
    assert_int_equal(fixture->first_result, DELIVERY_RETRY);
    assert_int_equal(taken(), 0); /* what it wrote is undone */
    run_a_little();
    assert_string_equal(fixture->trace, "busy(hello) ");
    advance(1001);
    run_until("busy(hello) busy(hello) ");
    run_a_little();
    advance(1001); /* the second pause is two seconds */
    run_a_little();
    assert_string_equal(fixture->trace, "busy(hello) busy(hello) ");
    advance(1001);
    run_until("busy(hello) busy(hello) took(hello) ");
    advance(3600 * 1000);
    run_a_little();
    assert_string_equal(fixture->trace, "busy(hello) busy(hello) took(hello) ");
    assert_int_equal(taken(), 1);
}

static void attempts_used_up_make_a_dead_letter(void **state)
{
    (void)state;
    struct delivery delivery = example();
    delivery.policy.max_attempts = 2;
    fixture->failures_left = 10;
    assert_int_equal(send(&delivery), 0);
    advance(1001);
    run_until("busy(hello) busy(hello) dead(hello) ");
    assert_string_equal(
        fixture->dead_extra.ptr,
        "{\"MessageAttributes\":{"
        "\"ERROR_CODE\":{\"DataType\":\"String\",\"StringValue\":\"ThrottlingException\"},"
        "\"ERROR_MESSAGE\":{\"DataType\":\"String\",\"StringValue\":\"slow down\"},"
        "\"RETRY_ATTEMPTS\":{\"DataType\":\"String\",\"StringValue\":\"1\"},"
        "\"EXHAUSTED_RETRY_CONDITION\":{\"DataType\":\"String\",\"StringValue\":"
        "\"MaximumRetryAttempts\"}}}");
    assert_int_equal(taken(), 0);
}

static void age_used_up_makes_a_dead_letter(void **state)
{
    (void)state;
    struct delivery delivery = example();
    delivery.policy.max_attempts = 100;
    delivery.policy.max_age_ms = 2000;
    fixture->failures_left = 10;
    assert_int_equal(send(&delivery), 0);
    advance(1001);
    run_until("busy(hello) busy(hello) dead(hello) ");
    assert_true(str_contains(fixture->dead_extra, STR("MaximumEventAgeInSeconds")));
}

static void what_is_refused_is_dead_at_once(void **state)
{
    (void)state;
    struct delivery delivery = example();
    delivery.dead_letter_body = STR("late");
    delivery.has_error_classes = true;
    fixture->refuses = true;
    assert_int_equal(send(&delivery), 0);
    assert_int_equal(fixture->first_result, DELIVERY_REFUSED);
    assert_string_equal(fixture->trace, "refused(hello) dead(late) ");
    assert_true(str_contains(fixture->dead_extra, STR("NO_RESOURCE")));
    assert_false(str_contains(fixture->dead_extra, STR("EXHAUSTED")));
    assert_string_equal(fixture->dead_role.ptr, "events.amazonaws.com");
}

static void a_role_that_cannot_be_assumed_refuses(void **state)
{
    (void)state;
    struct delivery delivery = example();
    delivery.role_arn = STR("arn:aws:iam::111122223333:role/bad");
    delivery.dead_letter_role_arn = STR("arn:aws:iam::111122223333:role/good");
    assert_int_equal(send(&delivery), 0);
    assert_string_equal(fixture->trace, "dead(hello) ");
    assert_true(str_contains(fixture->dead_extra, STR("FAILED_TO_ASSUME_ROLE")));
    assert_string_equal(fixture->dead_role.ptr, "good");
}

static void an_unknown_kind_of_target_refuses(void **state)
{
    (void)state;
    struct delivery delivery = example();
    delivery.target = STR("arn:aws:ground:eu-west-1:111122223333:station/x");
    assert_int_equal(send(&delivery), 0);
    assert_string_equal(fixture->trace, "dead(hello) ");
    assert_false(delivery_knows(delivery.target));
    assert_false(delivery_knows(STR("nonsense")));
    assert_true(delivery_knows(example().target));
    assert_true(delivery_knows(STR("https://example.com/hook")));
}

static void without_a_queue_it_is_dropped(void **state)
{
    (void)state;
    struct delivery delivery = example();
    delivery.dead_letter_arn = (struct str){0};
    fixture->refuses = true;
    assert_int_equal(send(&delivery), 0);
    run_a_little();
    assert_string_equal(fixture->trace, "refused(hello) ");
}

static void a_url_gets_a_request_after_the_commit(void **state)
{
    (void)state;
    struct delivery delivery = to_url("/hook");
    struct json *headers = json_new(fixture->arena, JSON_OBJECT);
    json_append_member(headers, STR("X-Test"), json_new_string(fixture->arena, STR("-yes")));
    delivery.extra = json_new(fixture->arena, JSON_OBJECT);
    json_append_member(delivery.extra, STR("Headers"), headers);
    assert_int_equal(send(&delivery), 0);
    assert_int_equal(fixture->first_result, DELIVERY_PENDING);
    assert_string_equal(fixture->trace, "");
    run_until("POST-yes(hello) ");
    run_a_little();
    advance(3600 * 1000); /* no lease is left */
    run_a_little();
    assert_int_equal(fixture->request_count, 1);
}

static void a_url_that_fails_is_asked_again(void **state)
{
    (void)state;
    const struct delivery delivery = to_url("/hook");
    fixture->statuses[0] = 500;
    fixture->statuses[1] = 429;
    assert_int_equal(send(&delivery), 0);
    run_until("POST(hello) ");
    run_a_little();
    advance(1001);
    run_until("POST(hello) POST(hello) ");
    run_a_little();
    advance(2001);
    run_until("POST(hello) POST(hello) POST(hello) ");
    run_a_little();
    advance(3600 * 1000);
    run_a_little();
    assert_int_equal(fixture->request_count, 3);
}

static void a_url_that_refuses_makes_a_dead_letter(void **state)
{
    (void)state;
    const struct delivery delivery = to_url("/hook");
    fixture->statuses[0] = 404;
    assert_int_equal(send(&delivery), 0);
    run_until("POST(hello) dead(hello) ");
    assert_true(
        str_contains(fixture->dead_extra, STR("Request failed with status code 404. well")));
}

static void a_long_chain_is_delivered_to_its_end(void **state)
{
    (void)state;
    struct delivery delivery = example();
    delivery.target = STR("arn:aws:chain:eu-west-1:444455556666:x");
    delivery.body = STR("abcdefghijkl");
    assert_int_equal(send(&delivery), 0);
    /* Two in the sender's transaction, the others behind it. */
    assert_string_equal(fixture->trace, "passed(abcdefghijkl) passed(bcdefghijkl) ");
    run_until("passed(abcdefghijkl) passed(bcdefghijkl) passed(cdefghijkl) passed(defghijkl) "
              "passed(efghijkl) passed(fghijkl) passed(ghijkl) passed(hijkl) passed(ijkl) "
              "passed(jkl) passed(kl) passed(l) ");
}

static void a_clock_moved_meanwhile_sends_no_second_request(void **state)
{
    (void)state;
    const struct delivery delivery = to_url("/hook");
    assert_int_equal(send(&delivery), 0);
    advance(24 * 3600 * 1000);
    run_until("POST(hello) ");
    advance(24 * 3600 * 1000); /* past the lease, before the answer is read */
    run_a_little();
    assert_int_equal(fixture->request_count, 1);
}

static void a_request_lost_with_its_process_is_sent_again(void **state)
{
    (void)state;
    const struct delivery delivery = to_url("/hook");
    fixture->statuses[0] = -1;
    assert_int_equal(send(&delivery), 0);
    run_until("POST(hello) ");
    run_a_little(); /* no answer yet, */
    fixture->runtime.workflows = NULL;
    workflow_runner_free(TAKE(fixture->runner)); /* the process dies */
    fixture->runner = workflow_runner_new(fixture->executor, kinds, ARRAY_LEN(kinds));
    fixture->runtime.workflows = fixture->runner;
    run_a_little();
    assert_int_equal(fixture->request_count, 1);
    advance(60 * 1000);
    run_until("POST(hello) POST(hello) ");
}

/* ---- Fixture --------------------------------------------------------------------------------- */

static void wake(void *context, struct str channel)
{
    (void)context;
    if (str_eq_cstr(channel, WORKFLOW_CHANNEL) && fixture->runtime.workflows)
        workflow_runner_wake(fixture->runtime.workflows);
}

static void give_up(void *context)
{
    loop_stop(context);
}

static int setup(void **state)
{
    (void)state;
    static const struct http_server_options defaults = {0};
    fixture = mem_new(sizeof(*fixture));
    fixture->arena = arena_new();
    const struct store_options options = {.url = STR("memory:"), .dir = STR("/tmp")};
    const struct migration_set sets[] = {workflow_migrations, took_migrations};
    struct str message = STR("");
    CHECK(store_open(fixture->arena, &options, sets, ARRAY_LEN(sets), &fixture->runtime.store,
                     &message) == 0);
    store_set_wake(fixture->runtime.store, wake, NULL);
    fixture->runtime.waiters = waiters_new();
    fixture->loop = loop_new();
    CHECK(db_open(fixture->runtime.store, &fixture->db) == 0);
    fixture->executor = executor_new(&fixture->runtime, fixture->loop, fixture->db);
    fixture->patience = loop_timer_new(fixture->loop, give_up, fixture->loop);
    int fd = http_listen(STR("127.0.0.1"), 0, false);
    CHECK(fd >= 0);
    fixture->port = http_listen_port(fd);
    fixture->server = http_server_new(fixture->loop, fd, NULL, &defaults, &handler, fixture);
    fixture->runner = workflow_runner_new(fixture->executor, kinds, ARRAY_LEN(kinds));
    fixture->runtime.workflows = fixture->runner;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    clock_set_offset_ms(0);
    fixture->runtime.workflows = NULL;
    http_server_free(fixture->server);
    db_close(fixture->db);
    store_close(fixture->runtime.store);
    workflow_runner_free(fixture->runner);
    loop_timer_free(fixture->patience);
    executor_free(fixture->executor);
    loop_free(fixture->loop);
    waiters_free(fixture->runtime.waiters);
    identity_thread_end();
    arena_free(fixture->arena);
    mem_free(TAKE(fixture));
    return 0;
}

#define FRESH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FRESH(a_target_in_the_store_has_it_at_once),
        FRESH(a_busy_target_gets_it_later_and_once),
        FRESH(attempts_used_up_make_a_dead_letter),
        FRESH(age_used_up_makes_a_dead_letter),
        FRESH(what_is_refused_is_dead_at_once),
        FRESH(a_role_that_cannot_be_assumed_refuses),
        FRESH(an_unknown_kind_of_target_refuses),
        FRESH(without_a_queue_it_is_dropped),
        FRESH(a_url_gets_a_request_after_the_commit),
        FRESH(a_url_that_fails_is_asked_again),
        FRESH(a_url_that_refuses_makes_a_dead_letter),
        FRESH(a_long_chain_is_delivered_to_its_end),
        FRESH(a_clock_moved_meanwhile_sends_no_second_request),
        FRESH(a_request_lost_with_its_process_is_sent_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
