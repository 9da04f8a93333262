/* expression_test.c — filter expressions against one trace. Source: X-Ray developer guide, "Using
 * filter expressions" (examples). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/arena.h"
#include "service/xray/expression.h"
#include "service/xray/trace.h"
#include "syntax/json.h"

static const char *const documents[] = {
    "{\"id\":\"0000000000000001\",\"trace_id\":\"1-58406520-a006649127e371903a2de979\","
    "\"name\":\"api\",\"origin\":\"AWS::EC2::Instance\",\"start_time\":100.0,\"end_time\":106.5,"
    "\"user\":\"mary\",\"http\":{\"request\":{\"url\":\"http://api.example.com/p/1\",\"method\":"
    "\"GET\",\"client_ip\":\"1.2.3.4\",\"user_agent\":\"curl\"},\"response\":{\"status\":200}},"
    "\"annotations\":{\"tier\":\"gold\",\"size\":12.5,\"beta\":true},"
    "\"aws\":{\"ec2\":{\"availability_zone\":\"us-west-2c\",\"instance_id\":\"i-1\"}},"
    "\"subsegments\":[{\"id\":\"0000000000000002\",\"name\":\"DynamoDB\",\"namespace\":\"aws\","
    "\"start_time\":101.0,\"end_time\":102.0,\"throttle\":true,\"aws\":{\"table_name\":\"t\"},"
    "\"cause\":{\"exceptions\":[{\"message\":\"too fast\"}]}},"
    "{\"id\":\"0000000000000003\",\"name\":\"back\",\"namespace\":\"remote\",\"start_time\":103.0,"
    "\"end_time\":105.0}]}",
    "{\"id\":\"0000000000000004\",\"trace_id\":\"1-58406520-a006649127e371903a2de979\","
    "\"parent_id\":\"0000000000000003\",\"name\":\"back\",\"start_time\":103.5,\"end_time\":104.5,"
    "\"fault\":true,\"http\":{\"response\":{\"status\":500}}}",
};

static const struct xray_tree *build(struct arena *arena)
{
    const struct json **parsed =
        arena_alloc_array(arena, ARRAY_LEN(documents), sizeof(const struct json *));
    for (size_t i = 0; i < ARRAY_LEN(documents); i++) {
        struct json *document = NULL;
        assert_int_equal(json_parse(arena, str_from_cstr(documents[i]), 0, &document, NULL), 0);
        assert_null(xray_check_document(document));
        parsed[i] = document;
    }
    return xray_trace_build(arena, STR("1"), parsed, ARRAY_LEN(documents));
}

static void expressions_take_or_leave_a_trace(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool takes;
    } cases[] = {
        {"", true},
        {"ok", true},
        {"!OK", false},
        {"fault", false},
        {"fault = false", true},
        {"fault != false", false},
        {"responsetime > 5", true},
        {"responsetime<=5", false},
        {"duration >= 6.5 AND duration < 7", true},
        {"http.status != 200", false},
        {"http.url CONTAINS \"/p/\"", true},
        {"http.url BEGINSWITH \"https\" OR http.method = \"GET\"", true},
        {"http.useragent ENDSWITH \"rl\" AND http.clientip = \"1.2.3.4\"", true},
        {"user = \"mary\"", true},
        {"user = \"bob\"", false},
        {"annotation.tier = \"gold\"", true},
        {"annotation[size] > 12", true},
        {"annotation[\"size\"] > 13", false},
        {"annotation.beta", true},
        {"annotation.beta = false", false},
        {"annotation.none", false},
        {"availabilityzone = \"us-west-2c\" AND instance.id = \"i-1\"", true},
        {"message CONTAINS \"fast\"", true},
        {"service(\"api\")", true},
        {"service(\"none\")", false},
        {"service(\"api\") { fault }", false},
        {"service(\"back\") { fault }", true},
        {"service() { fault = true AND http.status = 500 }", true},
        {"service(id(name: \"api\", type: \"AWS::EC2::Instance\"))", true},
        {"service(id(\"t\", \"AWS::DynamoDB::Table\")) { throttle AND inferred }", true},
        {"service(id(\"t\", \"AWS::SQS::Queue\"))", false},
        {"service(\"back\") { last }", true},
        {"service(\"api\") { last }", false},
        {"service(\"api\") { root AND first }", true},
        {"edge(\"api\", \"back\") { fault }", true},
        {"edge(\"back\", \"api\")", false},
        {"edge(\"api\", id(name: \"t\")) { responsetime = 1 }", true},
        {"partial", false},
        {"(fault OR ok) AND !(user = \"bob\")", true},
        {"NOT fault and not error", true},
        {"group.name = \"g\"", false}, /* not resolved */
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *arena = arena_new();
        struct xray_expression *expression = NULL;
        struct str message = {0};
        if (xray_expression_parse(arena, str_from_cstr(cases[i].text), &expression, &message) < 0)
            fail_msg("%s: %.*s", cases[i].text, STR_ARG(message));
        if (xray_expression_takes(expression, build(arena)) != cases[i].takes)
            fail_msg("%s", cases[i].text);
    }
}

static struct str find_group(void *context, struct str name)
{
    (void)context;
    return str_eq_cstr(name, "g") ? STR("service(\"back\") { fault }") : (struct str){0};
}

static void groups_stand_for_their_expressions(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool takes;
    } cases[] = {{"group.name = \"g\"", true}, {"ok AND !group.name = \"none\"", true}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *arena = arena_new();
        struct xray_expression *expression = NULL;
        struct str message = {0};
        assert_int_equal(
            xray_expression_parse(arena, str_from_cstr(cases[i].text), &expression, &message), 0);
        assert_int_equal(xray_expression_resolve(arena, expression, find_group, NULL, &message), 0);
        assert_int_equal(xray_expression_takes(expression, build(arena)), cases[i].takes);
    }
}

static void bad_expressions_are_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "nonsense",
        "fault =",
        "fault = 5",
        "fault > true",
        "duration",
        "duration = \"x\"",
        "http.url > \"x\"",
        "user CONTAINS 5",
        "service(",
        "service(\"a\"",
        "service(id(x: \"a\"))",
        "edge(\"a\")",
        "(fault",
        "fault)",
        "fault fault",
        "annotation[",
        "annotation[a",
        "\"unfinished",
        "fault AND",
        "group.name != \"x\"",
        "service() { }",
        "user = \"a\\",
        "@",
        "duration > 1.2.3",
        "((((((((((((((((((((((((((((((((((fault))))))))))))))))))))))))))))))))))",
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *arena = arena_new();
        struct xray_expression *expression = NULL;
        struct str message = {0};
        if (xray_expression_parse(arena, str_from_cstr(cases[i]), &expression, &message) == 0)
            fail_msg("%s was taken", cases[i]);
        assert_true(str_starts_with(message, STR("Invalid filter expression: ")));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expressions_take_or_leave_a_trace),
        cmocka_unit_test(groups_stand_for_their_expressions),
        cmocka_unit_test(bad_expressions_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
