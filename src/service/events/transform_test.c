/* transform_test.c — paths and templates over one event. */
#include "service/events/transform.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "syntax/json.h"

static struct arena *arena;
static struct json *event;

static const char event_text[] =
    "{\"id\":\"7\",\"time\":\"2026-01-01T00:00:00Z\",\"resources\":[\"a\",\"b\"],"
    "\"detail\":{\"state\":\"on\",\"n\":1.50,\"o\":{\"x\":[{\"y\":1},{\"y\":2}]},\"a b\":true,"
    "\"q\":\"say \\\"x\\\"\"}}";

static const struct {
    const char *path;
    const char *value; /* JSON; NULL: nothing there */
} paths[] = {
    {"$", event_text},
    {"$.id", "\"7\""},
    {"$.detail.n", "1.50"},
    {"$.detail.o.x[1].y", "2"},
    {"$.detail.o.x[*].y", "[1,2]"},
    {"$.detail['a b']", "true"},
    {"$['detail']['state']", "\"on\""},
    {"$.resources", "[\"a\",\"b\"]"},
    {"$.resources[2]", NULL},
    {"$.detail.none", NULL},
    {"$.id.x", NULL},
};

static void paths_find_what_is_there(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        struct str path = str_from_cstr(paths[i].path);
        assert_true(event_path_is_valid(path));
        const struct json *value = event_path_find(arena, path, event);
        if (!paths[i].value)
            assert_null(value);
        else
            assert_string_equal(str_to_cstr(arena, json_to_str(arena, value)), paths[i].value);
    }
}

static void what_is_no_path_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",     "detail", ".a",    "$a",   "$.",   "$..a",
                                      "$.a[", "$.a[x]", "$[-1]", "$.a]", "$['a]"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        if (event_path_is_valid(str_from_cstr(bad[i])))
            fail_msg("%s", bad[i]);
    }
}

static const struct event_path names[] = {
    {STR_INIT("state"), STR_INIT("$.detail.state")}, {STR_INIT("n"), STR_INIT("$.detail.n")},
    {STR_INIT("o"), STR_INIT("$.detail.o")},         {STR_INIT("list"), STR_INIT("$.resources")},
    {STR_INIT("none"), STR_INIT("$.detail.none")},   {STR_INIT("q"), STR_INIT("$.detail.q")},
};

static const struct {
    const char *text;
    const char *filled;
} templates[] = {
    {"\"It is <state>, <n>.\"", "\"It is on, 1.50.\""},
    {"{\"a\": <state>, \"b\": \"x <state>\", \"c\": <n>}",
     "{\"a\": \"on\", \"b\": \"x on\", \"c\": 1.50}"},
    {"{\"o\":<o>,\"l\":<list>}", "{\"o\":{\"x\":[{\"y\":1},{\"y\":2}]},\"l\":[\"a\",\"b\"]}"},
    {"\"<o> <list>\"", "\"{x:[{y:1},{y:2}]} [a,b]\""},
    {"{\"a\":<none>,\"b\":\"<none>\"}", "{\"a\":\"\",\"b\":\"\"}"},
    {"{\"q\":\"\\\"<q>\"}", "{\"q\":\"\\\"say \"x\"\"}"},
    {"<aws.events.rule-arn>", "\"arn:aws:events:eu-west-1:111122223333:rule/bus/r\""},
    {"\"<aws.events.rule-name>\"", "\"r\""},
    {"<aws.events.event.ingestion-time>", "\"1970-01-01T00:00:01Z\""},
    {"<aws.events.event>",
     "{\"id\":\"7\",\"time\":\"2026-01-01T00:00:00Z\",\"resources\":[\"a\",\"b\"]}"},
    {"<aws.events.event.json>", event_text},
    {"a < b <> <state", "a < b <> <state"},
};

static void templates_are_filled(void **state)
{
    (void)state;
    const struct event_variables variables = {
        .event = event,
        .rule_arn = STR("arn:aws:events:eu-west-1:111122223333:rule/bus/r"),
        .ingested_at_ms = 1000,
    };
    for (size_t i = 0; i < ARRAY_LEN(templates); i++) {
        struct str filled = event_template_fill(arena, str_from_cstr(templates[i].text), names,
                                                ARRAY_LEN(names), &variables);
        assert_string_equal(str_to_cstr(arena, filled), templates[i].filled);
    }
}

static void unknown_placeholders_are_told(void **state)
{
    (void)state;
    struct str unknown = event_template_unknown(STR("<state> <x> <y>"), names, ARRAY_LEN(names));
    assert_true(str_eq_cstr(unknown, "x"));
    unknown = event_template_unknown(STR("<aws.events.event> <n>"), names, ARRAY_LEN(names));
    assert_false(str_is_set(unknown));
}

static int setup(void **state)
{
    (void)state;
    arena = arena_new();
    return json_parse(arena, str_from_cstr(event_text), 0, &event, NULL);
}

static int teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_find_what_is_there),
        cmocka_unit_test(what_is_no_path_is_refused),
        cmocka_unit_test(templates_are_filled),
        cmocka_unit_test(unknown_placeholders_are_told),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
