/* fault_test.c — every step of create, update and delete dies once, every call of an adapter fails
 * once, and every pair of calls: what is left is what AWS's rules say.
 *
 * The type keeps its things in a table of the test, so that a step that is undone undoes them, too.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "engine/cfn/resource.h"
#include "engine/cfn/stack.h"
#include "service/events/events_public.h"
#include "syntax/json.h"
#include "wire/runtime.h"

enum {
    MAX_STEPS = 200,
};

static const char *const thing_migrations[] = {
    "CREATE TABLE thing (id text NOT NULL PRIMARY KEY, content text NOT NULL);\n",
};
static const struct migration_set thing_tables = {
    .component = "thing", .migrations = thing_migrations, .count = 1};

static const char sql_put[] = "INSERT INTO thing (id, content) VALUES ($1, $2) "
                              "ON CONFLICT (id) DO UPDATE SET content = excluded.content";
static const char sql_drop[] = "DELETE FROM thing WHERE id = $1";
static const char sql_list[] = "SELECT content FROM thing ORDER BY content";

/* The calls of adapters from now on: which of them fail (0: none). */
static int calls;
static int first_fault;
static int second_fault;

static bool strikes(void)
{
    calls++;
    return calls == first_fault || calls == second_fault;
}

static void run(struct call *call, const char *sql, struct str id, struct str content)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    assert_int_equal(db_prepare(call->db, sql, &stmt), 0);
    stmt_bind_str(stmt, 1, id);
    if (content.ptr)
        stmt_bind_str(stmt, 2, content);
    assert_true(stmt_run(stmt) >= 0);
}

static struct str content_of(const struct resource_call *rc)
{
    return str_format(rc->call->arena, STR_FMT ":" STR_FMT "=" STR_FMT, STR_ARG(rc->logical_id),
                      STR_ARG(resource_string(rc->properties, "Name")),
                      STR_ARG(resource_string(rc->properties, "Value")));
}

static enum resource_result create_thing(struct resource_call *rc)
{
    rc->physical_id = resource_physical_name(rc, 64, STR(""));
    run(rc->call, sql_put, rc->physical_id, content_of(rc));
    return strikes() ? resource_fail(rc, "Struck") : RESOURCE_DONE;
}

static enum resource_result update_thing(struct resource_call *rc)
{
    run(rc->call, sql_put, rc->physical_id, content_of(rc));
    return strikes() ? resource_fail(rc, "Struck") : RESOURCE_DONE;
}

static enum resource_result remove_thing(struct resource_call *rc)
{
    run(rc->call, sql_drop, rc->physical_id, (struct str){0});
    return strikes() ? resource_fail(rc, "Struck") : RESOURCE_DONE;
}

static const struct resource_property thing_properties[] = {
    {.name = STR_INIT("Name"), .type = PROPERTY_STRING, .update = UPDATE_REPLACEMENT},
    {.name = STR_INIT("Value"), .type = PROPERTY_STRING},
};

static const struct resource_type types[] = {
    {
        .name = STR_INIT("Test::Fault::Thing"),
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

#define THING(id, name, value, more)                                                               \
    "\"" id "\":{\"Type\":\"Test::Fault::Thing\",\"Properties\":{\"Name\":\"" name                 \
    "\",\"Value\":\"" value "\"}" more "}"
#define AFTER(id) ",\"DependsOn\":\"" id "\""

static const char template_one[] = "{\"Resources\":{" THING("A", "a", "1", "") "," THING(
    "B", "b", "1", AFTER("A")) "," THING("C", "c", "1", "") "}}";
/* A is changed, B replaced, C removed, D added. */
static const char template_two[] = "{\"Resources\":{" THING("A", "a", "2", "") "," THING(
    "B", "b2", "1", AFTER("A")) "," THING("D", "d", "1", AFTER("B")) "}}";
static const char things_one[] = "A:a=1 B:b=1 C:c=1 ";
static const char things_two[] = "A:a=2 B:b2=1 D:d=1 ";

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
    int steps;
};

static struct fixture *open_fixture(void)
{
    struct arena *arena = arena_new();
    struct fixture *fixture = arena_alloc(arena, sizeof(*fixture));
    const struct migration_set sets[] = {cfn_migrations, *events_service.migrations,
                                         workflow_migrations, thing_tables};
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
    return fixture;
}

static void close_fixture(struct fixture *fixture)
{
    db_close(fixture->db);
    store_close(fixture->store);
    arena_free(fixture->arena);
}

/* Begins an operation; `template` NULL: the stack keeps its own. */
static void begin(struct fixture *fixture, const char *phase, const char *status,
                  const char *template)
{
    struct cfn_stack *stack = &fixture->stack;
    const struct cfn_begin begin = {.phase = phase, .prior_status = stack->status};
    assert_int_equal(db_begin(fixture->db, TX_WRITE), 0);
    if (template) {
        int64_t generation = cfn_number(stack->options, "LastGeneration") + 1;
        struct str text = str_from_cstr(template);
        stack->saved_spec = stack->spec;
        stack->spec = json_new(fixture->arena, JSON_OBJECT);
        cfn_set_number(fixture->arena, stack->options, "LastGeneration", generation);
        cfn_set_number(fixture->arena, stack->spec, "Generation", generation);
        assert_int_equal(cfn_store_put_template(fixture->db, stack->id, generation, text, text), 0);
    }
    stack->status = str_from_cstr(status);
    assert_int_equal(cfn_store_put_stack(fixture->db, stack), 0);
    assert_int_equal(db_commit(fixture->db), 0);
    fixture->workflow = (struct workflow){
        .kind = STR(CFN_WORKFLOW),
        .id = stack->id,
        .scope = stack->scope,
        .state = cfn_operation_state(&fixture->call, &begin),
    };
    fixture->is_over = false;
    fixture->steps = 0;
}

/* One step; `dies`: nothing of it is left, as when the process is killed before the commit. */
static void step(struct fixture *fixture, bool dies)
{
    enum workflow_next next = WORKFLOW_DONE;
    struct workflow before = fixture->workflow;
    struct cfn_stack stack = fixture->stack;
    before.state = json_copy(fixture->arena, fixture->workflow.state);
    assert_int_equal(db_begin(fixture->db, TX_WRITE), 0);
    assert_int_equal(cfn_step(&fixture->call, &fixture->workflow, &fixture->principal, &next),
                     STATUS_DONE);
    assert_int_equal(
        cfn_store_find_stack(fixture->db, fixture->arena, fixture->workflow.id, &fixture->stack),
        1);
    if (dies) {
        db_rollback(fixture->db);
        fixture->workflow = before;
        fixture->stack = stack;
        return;
    }
    assert_int_equal(db_commit(fixture->db), 0);
    fixture->is_over = next == WORKFLOW_DONE;
    fixture->steps++;
}

/* Runs to the end; the step `dying` (from 1; 0: none) dies once. */
static void finish(struct fixture *fixture, int dying)
{
    for (int i = 1; i < MAX_STEPS && !fixture->is_over; i++) {
        if (i == dying)
            step(fixture, true);
        step(fixture, false);
    }
    assert_true(fixture->is_over);
}

static void list_things(struct fixture *fixture, struct str *text)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    assert_int_equal(db_prepare(fixture->db, sql_list, &stmt), 0);
    while (stmt_step(stmt) == 1)
        *text = str_concat3(fixture->arena, *text, stmt_str(stmt, 0, fixture->arena), STR(" "));
}

/* What there is, as "A:a=1 B:b=1 ". */
static const char *things(struct fixture *fixture)
{
    struct str text = STR("");
    assert_int_equal(db_begin(fixture->db, TX_READ), 0);
    list_things(fixture, &text);
    assert_int_equal(db_commit(fixture->db), 0);
    return str_to_cstr(fixture->arena, text);
}

/* The events without their times. */
static const char *events(struct fixture *fixture)
{
    struct cfn_event *list = NULL;
    struct str text = STR("");
    assert_int_equal(db_begin(fixture->db, TX_READ), 0);
    int64_t count = cfn_store_list_events(fixture->db, fixture->arena, fixture->stack.id, INT64_MAX,
                                          MAX_STEPS, &list);
    assert_int_equal(db_commit(fixture->db), 0);
    for (int64_t i = count - 1; i >= 0; i--)
        text = str_format(fixture->arena, STR_FMT STR_FMT " " STR_FMT " " STR_FMT "\n",
                          STR_ARG(text), STR_ARG(list[i].logical_id), STR_ARG(list[i].status),
                          STR_ARG(str_or(list[i].reason, STR(""))));
    return str_to_cstr(fixture->arena, text);
}

static bool is_status(const struct fixture *fixture, const char *status)
{
    return str_eq_cstr(fixture->stack.status, status);
}

enum deed {
    CREATE,
    UPDATE,
    DELETE,
    OPERATION_COUNT,
};

/* A stack up to the beginning of the operation. */
static struct fixture *prepare(enum deed operation)
{
    struct fixture *fixture = open_fixture();
    calls = 0;
    first_fault = 0;
    second_fault = 0;
    begin(fixture, "CREATE", "CREATE_IN_PROGRESS", template_one);
    if (operation == CREATE)
        return fixture;
    finish(fixture, 0);
    assert_string_equal(things(fixture), things_one);
    begin(fixture, "UPDATE", "UPDATE_IN_PROGRESS", template_two);
    if (operation == UPDATE)
        return fixture;
    finish(fixture, 0);
    assert_string_equal(things(fixture), things_two);
    begin(fixture, "DELETE", "DELETE_IN_PROGRESS", NULL);
    return fixture;
}

static void a_step_that_dies_is_taken_again(void **state)
{
    static const struct {
        const char *status;
        const char *things;
    } ends[] = {
        [CREATE] = {"CREATE_COMPLETE", things_one},
        [UPDATE] = {"UPDATE_COMPLETE", things_two},
        [DELETE] = {"DELETE_COMPLETE", ""},
    };
    (void)state;
    for (enum deed operation = CREATE; operation < OPERATION_COUNT; operation++) {
        struct fixture *whole = prepare(operation);
        finish(whole, 0);
        for (int dying = 1; dying <= whole->steps; dying++) {
            struct fixture *fixture = prepare(operation);
            finish(fixture, dying);
            assert_true(is_status(fixture, ends[operation].status));
            assert_string_equal(things(fixture), ends[operation].things);
            assert_string_equal(events(fixture), events(whole));
            close_fixture(fixture);
        }
        close_fixture(whole);
    }
}

/* What is left behind must have been told. */
static void check_left_behind(struct fixture *fixture, const char *expected)
{
    if (strcmp(things(fixture), expected) != 0)
        assert_non_null(strstr(events(fixture), "DELETE_FAILED Struck"));
}

/* The rules, by the status that the stack has in the end. */
static void check_end(struct fixture *fixture, enum deed operation)
{
    if (is_status(fixture, "CREATE_COMPLETE"))
        assert_string_equal(things(fixture), things_one);
    else if (is_status(fixture, "ROLLBACK_COMPLETE") || is_status(fixture, "DELETE_COMPLETE"))
        assert_string_equal(things(fixture), "");
    else if (is_status(fixture, "UPDATE_COMPLETE"))
        check_left_behind(fixture, things_two);
    else if (is_status(fixture, "UPDATE_ROLLBACK_COMPLETE"))
        check_left_behind(fixture, things_one);
    else
        fail_msg("operation %d ended as " STR_FMT, (int)operation, STR_ARG(fixture->stack.status));
}

/* Statuses out of which the user helps: by going on, or by deleting the stack. */
static bool help(struct fixture *fixture, bool gives_up)
{
    if (is_status(fixture, "UPDATE_ROLLBACK_FAILED") && !gives_up)
        begin(fixture, "RESTORE", "UPDATE_ROLLBACK_IN_PROGRESS", NULL);
    else if (str_ends_with(fixture->stack.status, STR("_FAILED")))
        begin(fixture, "DELETE", "DELETE_IN_PROGRESS", NULL);
    else
        return false;
    finish(fixture, 0);
    return true;
}

static void a_call_that_fails_is_undone(void **state)
{
    (void)state;
    for (enum deed operation = CREATE; operation < OPERATION_COUNT; operation++) {
        for (int fault = 1;; fault++) {
            struct fixture *fixture = prepare(operation);
            calls = 0;
            first_fault = fault;
            finish(fixture, 0);
            bool is_struck = calls >= fault;
            if (is_status(fixture, "DELETE_FAILED"))
                assert_true(help(fixture, false));
            check_end(fixture, operation);
            if (is_struck && operation == CREATE)
                assert_true(is_status(fixture, "ROLLBACK_COMPLETE"));
            close_fixture(fixture);
            if (!is_struck)
                break;
        }
    }
}

static void try_pairs(bool gives_up)
{
    for (enum deed operation = CREATE; operation < OPERATION_COUNT; operation++) {
        bool is_first_struck = true;
        for (int first = 1; is_first_struck; first++) {
            bool is_second_struck = true;
            for (int second = first + 1; is_second_struck; second++) {
                struct fixture *fixture = prepare(operation);
                calls = 0;
                first_fault = first;
                second_fault = second;
                finish(fixture, 0);
                is_first_struck = calls >= first;
                is_second_struck = calls >= second;
                first_fault = 0;
                second_fault = 0;
                for (int i = 0; i < 2; i++)
                    help(fixture, gives_up);
                check_end(fixture, operation);
                close_fixture(fixture);
            }
        }
    }
}

static void two_calls_that_fail_have_a_way_out(void **state)
{
    (void)state;
    try_pairs(false);
}

static void a_stack_that_cannot_go_back_can_be_deleted(void **state)
{
    (void)state;
    try_pairs(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_that_dies_is_taken_again),
        cmocka_unit_test(a_call_that_fails_is_undone),
        cmocka_unit_test(two_calls_that_fail_have_a_way_out),
        cmocka_unit_test(a_stack_that_cannot_go_back_can_be_deleted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
