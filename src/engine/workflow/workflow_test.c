/* workflow_test.c — steps in due order, exactly once, again after failures, across crashes of the
 * runner and moves of the clock. One thread: the test runs the loop until it has seen enough.
 */
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
#include "engine/workflow/workflow.h"
#include "net/loop.h"
#include "syntax/json.h"
#include "wire/executor.h"
#include "wire/identity.h"
#include "wire/waiters.h"

enum {
    PATIENCE_MS = 5000, /* a test that waits longer has failed */
};

struct fixture {
    struct arena *arena;
    struct runtime runtime;
    struct loop *loop;
    struct db *db;
    struct executor *executor;
    struct workflow_runner *runner;
    struct loop_timer *patience;
    char trace[512];   /* ids of the steps run, in order */
    size_t until_len;  /* stop when the trace is this long */
    int failures_left; /* steps of "fails" that fail */
    uint32_t most_failures;
};

static struct fixture *fixture; /* steps have no other way to it */

static void note(const char *id)
{
    size_t len = strlen(fixture->trace);
    snprintf(fixture->trace + len, sizeof(fixture->trace) - len, "%s ", id);
    if (strlen(fixture->trace) >= fixture->until_len)
        loop_stop(fixture->loop);
}

static enum status step(struct call *call, struct workflow *workflow, enum workflow_next *out_next)
{
    const char *id = str_to_cstr(call->arena, workflow->id);
    struct str todo = str_or(json_find_str(workflow->state, "todo"), STR("once"));
    note(id);
    if (workflow->failure_count > fixture->most_failures)
        fixture->most_failures = workflow->failure_count;
    if (str_eq_cstr(todo, "fail") && fixture->failures_left-- > 0) {
        /* Undone with the step. */
        workflow->state = json_new(call->arena, JSON_OBJECT);
        return call_fail_internal(call, -EIO, "a step that fails");
    }
    if (str_eq_cstr(todo, "wait"))
        return call_wait(call, STR("x"), call->now_ms + 1);
    *out_next = WORKFLOW_DONE;
    if (!str_eq_cstr(todo, "three") && !str_eq_cstr(todo, "later"))
        return STATUS_DONE;
    int64_t count = 0;
    const struct json *found = json_find_cstr(workflow->state, "count");
    CHECK(!found || str_to_i64(found->text, &count) == 0);
    if (count < (str_eq_cstr(todo, "three") ? 2 : 1)) {
        struct json *state = json_new(call->arena, JSON_OBJECT);
        json_append_member(state, STR("todo"), json_new_string(call->arena, todo));
        json_append_member(state, STR("count"), json_new_number(call->arena, count + 1));
        workflow->state = state;
        *out_next = WORKFLOW_AGAIN;
        if (str_eq_cstr(todo, "later"))
            workflow->run_at_ms = call->now_ms + 3600 * 1000;
    }
    return STATUS_DONE;
}

static const struct workflow_kind kind = {.name = STR_INIT("test"), .step = step};
static const struct workflow_kind *const kinds[] = {&kind};

struct start {
    const char *id;
    const char *todo;
};

static enum status start_in_task(struct call *call, void *context)
{
    const struct start *start = context;
    struct json *state = json_new(call->arena, JSON_OBJECT);
    json_append_member(state, STR("todo"),
                       json_new_string(call->arena, str_from_cstr(start->todo)));
    return workflow_start(call, STR("test"), str_from_cstr(start->id), state);
}

static enum status wake_in_task(struct call *call, void *context)
{
    return workflow_wake(call, STR("test"), str_from_cstr(context));
}

static enum status is_there(struct call *call, void *context)
{
    int *found = context;
    *found = workflow_exists(call, STR("test"), STR("a"));
    return STATUS_DONE;
}

static enum status go_back(struct call *call, void *context)
{
    (void)context;
    return workflow_clock_goes_back(call);
}

static int run_task(executor_task_fn *task, void *context)
{
    const struct principal nobody = {.kind = PRINCIPAL_SERVICE};
    struct call_error error = {0};
    const struct scope scope = {.account = STR("111122223333"), .region = STR("eu-west-1")};
    return executor_run_task(fixture->executor, fixture->arena, &nobody, scope, task, context,
                             &error);
}

static void start_workflow(const char *id, const char *todo)
{
    struct start start = {.id = id, .todo = todo};
    assert_int_equal(run_task(start_in_task, &start), 0);
}

static bool has_a(void)
{
    int found = -1;
    assert_int_equal(run_task(is_there, &found), 0);
    return found == 1;
}

static void start_runner(void)
{
    fixture->runner = workflow_runner_new(fixture->executor, kinds, ARRAY_LEN(kinds));
    fixture->runtime.workflows = fixture->runner;
}

static void drop_runner(void)
{
    fixture->runtime.workflows = NULL;
    workflow_runner_free(TAKE(fixture->runner));
}

static void give_up(void *context)
{
    loop_stop(context);
}

/* Runs until the trace has become so long. */
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

/* Runs long enough for anything that is due. */
static void run_a_little(void)
{
    fixture->until_len = SIZE_MAX;
    loop_timer_start(fixture->patience, 50);
    loop_run(fixture->loop);
}

static void a_workflow_runs_once_and_is_gone(void **state)
{
    (void)state;
    start_runner();
    start_workflow("a", "once");
    assert_true(has_a());
    run_until("a ");
    run_a_little();
    assert_string_equal(fixture->trace, "a ");
    assert_false(has_a());
}

static void two_of_one_name_are_refused(void **state)
{
    (void)state;
    start_workflow("a", "once");
    struct start again = {.id = "a", .todo = "once"};
    assert_int_equal(run_task(start_in_task, &again), -ECANCELED);
}

static void what_an_earlier_process_left_goes_on(void **state)
{
    (void)state;
    start_runner();
    start_workflow("a", "later");
    run_until("a "); /* between two steps, */
    drop_runner();   /* the process dies */
    clock_set_offset_ms(clock_offset_ms() + 3600 * 1000);
    start_runner();
    run_until("a a ");
    run_a_little();
    assert_string_equal(fixture->trace, "a a ");
    assert_false(has_a());
}

static void who_goes_on_at_once_lets_others_in(void **state)
{
    (void)state;
    start_workflow("a", "three");
    clock_set_offset_ms(clock_offset_ms() + 5);
    start_workflow("b", "three");
    clock_set_offset_ms(clock_offset_ms() + 5);
    start_workflow("c", "once");
    clock_set_offset_ms(clock_offset_ms() + 5);
    start_runner();
    fixture->until_len = strlen("a b c a b a b ");
    loop_timer_start(fixture->patience, PATIENCE_MS);
    loop_run(fixture->loop);
    /* Who is due in the same millisecond comes in any order. */
    assert_int_equal(strlen(fixture->trace), fixture->until_len);
    assert_memory_equal(fixture->trace, "a b c ", 6);
}

static void a_failing_step_is_run_again_with_a_growing_pause(void **state)
{
    (void)state;
    fixture->failures_left = 3;
    start_workflow("a", "fail");
    start_runner();
    int64_t before_ms = clock_monotonic_us() / 1000;
    run_until("a a a a ");
    int64_t took_ms = clock_monotonic_us() / 1000 - before_ms;
    assert_true(took_ms >= 200 + 400 + 800 - 10);
    assert_int_equal(fixture->most_failures, 3);
    run_a_little();
    assert_false(has_a());
}

static void a_broken_workflow_stops_no_other(void **state)
{
    (void)state;
    fixture->failures_left = 1000;
    start_workflow("a", "fail");
    clock_set_offset_ms(clock_offset_ms() + 5);
    start_workflow("b", "three");
    start_runner();
    run_until("a b b b ");
}

static void a_step_that_would_wait_is_a_failure(void **state)
{
    (void)state;
    start_workflow("a", "wait");
    start_runner();
    run_until("a a ");
    assert_int_equal(fixture->most_failures, 1);
}

static void a_moved_clock_makes_it_due(void **state)
{
    (void)state;
    start_runner();
    start_workflow("a", "later");
    run_until("a ");
    run_a_little();
    assert_string_equal(fixture->trace, "a ");
    clock_set_offset_ms(clock_offset_ms() + 3600 * 1000);
    workflow_runner_wake(fixture->runner);
    run_until("a a ");
}

static void a_wake_up_makes_it_due(void **state)
{
    (void)state;
    start_runner();
    start_workflow("a", "later");
    run_until("a ");
    run_a_little();
    char id[] = "a";
    assert_int_equal(run_task(wake_in_task, id), 0);
    run_until("a a ");
}

static void a_clock_that_goes_back_leaves_due_what_is_due(void **state)
{
    (void)state;
    clock_set_offset_ms(86400 * 1000);
    start_workflow("a", "once");
    assert_int_equal(run_task(go_back, NULL), 0);
    clock_set_offset_ms(0);
    start_runner();
    run_until("a ");
}

static void wake(void *context, struct str channel)
{
    (void)context;
    if (str_eq_cstr(channel, WORKFLOW_CHANNEL) && fixture->runtime.workflows)
        workflow_runner_wake(fixture->runtime.workflows);
}

static int setup(void **state)
{
    (void)state;
    fixture = mem_new(sizeof(*fixture));
    fixture->arena = arena_new();
    const struct store_options options = {.url = STR("memory:"), .dir = STR("/tmp")};
    struct str message = STR("");
    CHECK(store_open(fixture->arena, &options, &workflow_migrations, 1, &fixture->runtime.store,
                     &message) == 0);
    store_set_wake(fixture->runtime.store, wake, NULL);
    fixture->runtime.waiters = waiters_new();
    fixture->loop = loop_new();
    CHECK(db_open(fixture->runtime.store, &fixture->db) == 0);
    fixture->executor = executor_new(&fixture->runtime, fixture->loop, fixture->db);
    fixture->patience = loop_timer_new(fixture->loop, give_up, fixture->loop);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    clock_set_offset_ms(0);
    drop_runner();
    db_close(fixture->db);
    store_close(fixture->runtime.store);
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
        FRESH(a_workflow_runs_once_and_is_gone),
        FRESH(two_of_one_name_are_refused),
        FRESH(what_an_earlier_process_left_goes_on),
        FRESH(who_goes_on_at_once_lets_others_in),
        FRESH(a_failing_step_is_run_again_with_a_growing_pause),
        FRESH(a_broken_workflow_stops_no_other),
        FRESH(a_step_that_would_wait_is_a_failure),
        FRESH(a_moved_clock_makes_it_due),
        FRESH(a_wake_up_makes_it_due),
        FRESH(a_clock_that_goes_back_leaves_due_what_is_due),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
