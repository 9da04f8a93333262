/* step_test.c — stack operations step by step over a type that takes its time, on a store in
 * memory: what no resource that exists does at the right moment.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/arena.h"
#include "engine/cfn/resource.h"
#include "engine/cfn/stack.h"
#include "service/events/events_public.h"
#include "syntax/json.h"
#include "wire/runtime.h"

enum {
    RETRY_MS = 1000,
    MAX_STEPS = 200,
};

/* Test::Slow::Thing: Delay is how often its adapter asks to be run again; Fail is what fails. */
static const struct resource_property thing_properties[] = {
    {.name = STR_INIT("Name"), .type = PROPERTY_STRING, .update = UPDATE_REPLACEMENT},
    {.name = STR_INIT("Value"), .type = PROPERTY_STRING},
    {.name = STR_INIT("Delay"), .type = PROPERTY_INTEGER},
    {.name = STR_INIT("Fail"), .type = PROPERTY_STRING},
};

static enum resource_result wait_or(struct resource_call *rc, enum resource_result done)
{
    int64_t waited = cfn_number(rc->state, "Waited");
    int64_t delay = resource_integer(rc->properties, "Delay").value;
    if (waited >= delay)
        return done;
    rc->state = json_new(rc->call->arena, JSON_OBJECT);
    cfn_set_number(rc->call->arena, rc->state, "Waited", waited + 1);
    rc->retry_at_ms = rc->call->now_ms + RETRY_MS;
    return RESOURCE_IN_PROGRESS;
}

static bool fails(const struct resource_call *rc, const char *what)
{
    return str_eq_cstr(resource_string(rc->properties, "Fail"), what);
}

static enum resource_result create_thing(struct resource_call *rc)
{
    if (fails(rc, "create"))
        return resource_fail(rc, "No room");
    if (!rc->physical_id.ptr)
        rc->physical_id = resource_physical_name(rc, 64, STR(""));
    return wait_or(rc, RESOURCE_DONE);
}

static enum resource_result update_thing(struct resource_call *rc)
{
    return fails(rc, "update") ? resource_fail(rc, "No change") : wait_or(rc, RESOURCE_DONE);
}

static enum resource_result remove_thing(struct resource_call *rc)
{
    return fails(rc, "delete") ? resource_fail(rc, "Stuck") : RESOURCE_DONE;
}

static const struct resource_type types[] = {
    {
        .name = STR_INIT("Test::Slow::Thing"),
        .properties = thing_properties,
        .property_count = ARRAY_LEN(thing_properties),
        .create = create_thing,
        .update = update_thing,
        .remove = remove_thing,
    },
};

static const struct service service = {
    .resource_types = types,
    .resource_type_count = ARRAY_LEN(types),
};
static const struct service *const test_services[] = {&service};

struct fixture {
    struct arena *arena;
    struct store *store;
    struct db *db;
    struct runtime runtime;
    struct principal principal;
    struct call call;
    struct workflow workflow;
    struct cfn_stack stack;
    bool is_over;
};

static int setup(void **state)
{
    struct arena *arena = arena_new();
    struct fixture *fixture = arena_alloc(arena, sizeof(*fixture));
    const struct migration_set sets[] = {cfn_migrations, *events_service.migrations,
                                         workflow_migrations};
    const struct store_options options = {.url = STR("memory:"), .dir = STR("/nonexistent")};
    struct str message = {0};
    fixture->arena = arena;
    assert_int_equal(store_open(arena, &options, sets, ARRAY_LEN(sets), &fixture->store, &message),
                     0);
    assert_int_equal(db_open(fixture->store, &fixture->db), 0);
    fixture->runtime.services = test_services;
    fixture->runtime.service_count = ARRAY_LEN(test_services);
    fixture->principal.kind = PRINCIPAL_ROOT;
    fixture->principal.account = STR("111111111111");
    fixture->call = (struct call){
        .arena = arena,
        .db = fixture->db,
        .scope = {.account = STR("111111111111"), .region = STR("us-east-1")},
        .principal = &fixture->principal,
        .runtime = &fixture->runtime,
        .now_ms = 1000,
    };
    fixture->stack = (struct cfn_stack){
        .id = STR("arn:aws:cloudformation:us-east-1:111111111111:stack/s/1"),
        .name = STR("s"),
        .scope = fixture->call.scope,
        .status = STR("CREATE_IN_PROGRESS"),
        .options = json_new(arena, JSON_OBJECT),
    };
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    db_close(fixture->db);
    store_close(fixture->store);
    arena_free(fixture->arena);
    return 0;
}

/* Makes the template the stack's and begins the phase. */
static void begin(struct fixture *fixture, const char *template, const char *status,
                  const struct cfn_begin *begin)
{
    struct cfn_stack *stack = &fixture->stack;
    int64_t generation = cfn_number(stack->options, "LastGeneration") + 1;
    assert_int_equal(db_begin(fixture->db, TX_WRITE), 0);
    stack->saved_spec = stack->spec;
    stack->spec = json_new(fixture->arena, JSON_OBJECT);
    cfn_set_number(fixture->arena, stack->options, "LastGeneration", generation);
    cfn_set_number(fixture->arena, stack->spec, "Generation", generation);
    struct str text = str_from_cstr(template);
    assert_int_equal(cfn_store_put_template(fixture->db, stack->id, generation, text, text), 0);
    stack->status = str_from_cstr(status);
    assert_int_equal(cfn_store_put_stack(fixture->db, stack), 0);
    assert_int_equal(db_commit(fixture->db), 0);
    fixture->workflow = (struct workflow){
        .kind = STR(CFN_WORKFLOW),
        .id = stack->id,
        .scope = stack->scope,
        .state = cfn_operation_state(&fixture->call, begin),
    };
    fixture->is_over = false;
}

static void step(struct fixture *fixture, const struct principal *principal)
{
    enum workflow_next next = WORKFLOW_DONE;
    assert_int_equal(db_begin(fixture->db, TX_WRITE), 0);
    assert_int_equal(cfn_step(&fixture->call, &fixture->workflow, principal, &next), STATUS_DONE);
    assert_int_equal(
        cfn_store_find_stack(fixture->db, fixture->arena, fixture->workflow.id, &fixture->stack),
        1);
    assert_int_equal(db_commit(fixture->db), 0);
    fixture->is_over = next == WORKFLOW_DONE;
}

/* Steps until the operation is over, or waits beyond `until_ms`. */
static void run_until(struct fixture *fixture, int64_t until_ms)
{
    for (int i = 0; i < MAX_STEPS && !fixture->is_over; i++) {
        if (fixture->workflow.run_at_ms > until_ms)
            return;
        if (fixture->workflow.run_at_ms > fixture->call.now_ms)
            fixture->call.now_ms = fixture->workflow.run_at_ms;
        step(fixture, &fixture->principal);
    }
    assert_true(fixture->is_over);
}

static struct cfn_resource row_of(struct fixture *fixture, const char *logical_id)
{
    struct cfn_resource *rows = NULL;
    assert_int_equal(db_begin(fixture->db, TX_READ), 0);
    int64_t count = cfn_store_list_resources(fixture->db, fixture->arena, fixture->stack.id, &rows);
    assert_int_equal(db_commit(fixture->db), 0);
    for (int64_t i = 0; i < count; i++) {
        if (str_eq_cstr(rows[i].logical_id, logical_id))
            return rows[i];
    }
    return (struct cfn_resource){0};
}

/* How many events of that resource have the status. */
static int count_events(struct fixture *fixture, const char *logical_id, const char *status)
{
    struct cfn_event *events = NULL;
    int found = 0;
    assert_int_equal(db_begin(fixture->db, TX_READ), 0);
    int64_t count = cfn_store_list_events(fixture->db, fixture->arena, fixture->stack.id, INT64_MAX,
                                          MAX_STEPS, &events);
    assert_int_equal(db_commit(fixture->db), 0);
    for (int64_t i = 0; i < count; i++)
        found +=
            str_eq_cstr(events[i].logical_id, logical_id) && str_eq_cstr(events[i].status, status);
    return found;
}

static void assert_status(const struct fixture *fixture, const char *status)
{
    assert_string_equal(str_to_cstr(fixture->arena, fixture->stack.status), status);
}

static const struct cfn_begin create = {.phase = "CREATE"};
static const struct cfn_begin update = {.phase = "UPDATE"};
static const struct cfn_begin delete = {.phase = "DELETE"};

#define SLOW(more)                                                                                 \
    "{\"Resources\":{\"A\":{\"Type\":\"Test::Slow::Thing\",\"Properties\":{" more "}}}}"

static void a_slow_resource_is_run_again_until_it_is_there(void **state)
{
    struct fixture *fixture = *state;
    begin(fixture, SLOW("\"Delay\":\"3\""), "CREATE_IN_PROGRESS", &create);
    run_until(fixture, 2500);
    assert_status(fixture, "CREATE_IN_PROGRESS");
    struct cfn_resource row = row_of(fixture, "A");
    assert_string_equal(str_to_cstr(fixture->arena, row.progress), "RUNNING");
    assert_true(row.physical_id.len > 0);
    run_until(fixture, 100000);
    assert_status(fixture, "CREATE_COMPLETE");
    assert_int_equal(fixture->call.now_ms, 1000 + 3 * RETRY_MS);
    /* One when it starts, one when the physical resource is there. */
    assert_int_equal(count_events(fixture, "A", "CREATE_IN_PROGRESS"), 2);
    assert_string_equal(str_to_cstr(fixture->arena, row_of(fixture, "A").physical_id),
                        str_to_cstr(fixture->arena, row.physical_id));
}

static void a_creation_that_takes_too_long_is_rolled_back(void **state)
{
    struct fixture *fixture = *state;
    const struct cfn_begin timed = {.phase = "CREATE", .deadline_ms = 3500};
    begin(fixture, SLOW("\"Delay\":100"), "CREATE_IN_PROGRESS", &timed);
    run_until(fixture, 100000);
    assert_status(fixture, "ROLLBACK_COMPLETE");
    assert_int_equal(fixture->call.now_ms, 3500);
    assert_int_equal(count_events(fixture, "A", "CREATE_FAILED"), 1);
    /* Half made is made: it is deleted. */
    assert_int_equal(count_events(fixture, "A", "DELETE_IN_PROGRESS"), 1);
    assert_int_equal(count_events(fixture, "A", "DELETE_COMPLETE"), 1);
}

static void a_cancelled_slow_update_is_changed_back(void **state)
{
    struct fixture *fixture = *state;
    begin(fixture, SLOW("\"Value\":\"1\""), "CREATE_IN_PROGRESS", &create);
    run_until(fixture, 100000);
    begin(fixture, SLOW("\"Value\":\"2\",\"Delay\":50"), "UPDATE_IN_PROGRESS", &update);
    run_until(fixture, 3000);
    assert_int_equal(db_begin(fixture->db, TX_WRITE), 0);
    fixture->stack.request = json_new(fixture->arena, JSON_OBJECT);
    cfn_set_text(fixture->arena, fixture->stack.request, "Action", STR("CANCEL"));
    assert_int_equal(cfn_store_put_stack(fixture->db, &fixture->stack), 0);
    assert_int_equal(db_commit(fixture->db), 0);
    run_until(fixture, 1000000);
    assert_status(fixture, "UPDATE_ROLLBACK_COMPLETE");
    struct cfn_resource row = row_of(fixture, "A");
    assert_string_equal(
        str_to_cstr(fixture->arena,
                    json_find_str(json_find_cstr(row.applied, "Properties"), "Value")),
        "1");
    assert_int_equal(count_events(fixture, "A", "UPDATE_FAILED"), 1);
}

static void a_cancelled_slow_replacement_is_deleted(void **state)
{
    struct fixture *fixture = *state;
    begin(fixture, SLOW("\"Name\":\"1\""), "CREATE_IN_PROGRESS", &create);
    run_until(fixture, 100000);
    struct str before = row_of(fixture, "A").physical_id;
    begin(fixture,
          "{\"Resources\":{\"A\":{\"Type\":\"Test::Slow::Thing\","
          "\"Properties\":{\"Name\":\"2\",\"Delay\":50}},"
          "\"B\":{\"Type\":\"Test::Slow::Thing\",\"Properties\":{\"Fail\":\"create\"}}}}",
          "UPDATE_IN_PROGRESS", &update);
    run_until(fixture, 1000000);
    assert_status(fixture, "UPDATE_ROLLBACK_COMPLETE");
    assert_string_equal(str_to_cstr(fixture->arena, row_of(fixture, "A").physical_id),
                        str_to_cstr(fixture->arena, before));
    assert_int_equal(count_events(fixture, "A", "DELETE_COMPLETE"), 1);
    assert_null(row_of(fixture, "B").logical_id.ptr);
}

static void a_role_that_is_gone_fails_the_resource(void **state)
{
    struct fixture *fixture = *state;
    const struct cfn_begin roled = {.phase = "CREATE", .role_arn = STR("arn:aws:iam::1:role/r")};
    begin(fixture, SLOW("\"Value\":\"1\""), "CREATE_IN_PROGRESS", &roled);
    for (int i = 0; i < MAX_STEPS && !fixture->is_over; i++)
        step(fixture, NULL);
    assert_status(fixture, "ROLLBACK_COMPLETE");
    assert_int_equal(count_events(fixture, "A", "CREATE_FAILED"), 1);
}

static void an_adapter_that_breaks_again_and_again_fails_its_resource(void **state)
{
    struct fixture *fixture = *state;
    begin(fixture, SLOW("\"Value\":\"1\""), "CREATE_IN_PROGRESS", &create);
    fixture->workflow.failure_count = 5;
    run_until(fixture, 100000);
    assert_status(fixture, "ROLLBACK_COMPLETE");
}

static void a_deletion_that_fails_can_be_forced(void **state)
{
    struct fixture *fixture = *state;
    begin(fixture, SLOW("\"Fail\":\"delete\""), "CREATE_IN_PROGRESS", &create);
    run_until(fixture, 100000);
    assert_status(fixture, "CREATE_COMPLETE");
    fixture->workflow.state = cfn_operation_state(&fixture->call, &delete);
    fixture->is_over = false;
    run_until(fixture, 100000);
    assert_status(fixture, "DELETE_FAILED");
    assert_string_equal(str_to_cstr(fixture->arena, fixture->stack.reason),
                        "The following resource(s) failed to delete: [A]. ");
    assert_int_equal(db_begin(fixture->db, TX_WRITE), 0);
    cfn_set_text(fixture->arena, fixture->stack.options, "DeletionMode", STR("FORCE_DELETE_STACK"));
    assert_int_equal(cfn_store_put_stack(fixture->db, &fixture->stack), 0);
    assert_int_equal(db_commit(fixture->db), 0);
    fixture->workflow.state = cfn_operation_state(&fixture->call, &delete);
    fixture->is_over = false;
    run_until(fixture, 100000);
    assert_status(fixture, "DELETE_COMPLETE");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_slow_resource_is_run_again_until_it_is_there, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_creation_that_takes_too_long_is_rolled_back, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_cancelled_slow_update_is_changed_back, setup, teardown),
        cmocka_unit_test_setup_teardown(a_cancelled_slow_replacement_is_deleted, setup, teardown),
        cmocka_unit_test_setup_teardown(a_role_that_is_gone_fails_the_resource, setup, teardown),
        cmocka_unit_test_setup_teardown(an_adapter_that_breaks_again_and_again_fails_its_resource,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_deletion_that_fails_can_be_forced, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
