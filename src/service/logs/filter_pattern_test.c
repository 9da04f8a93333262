/* filter_pattern_test.c — the examples of the documentation, and what it leaves open. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "service/logs/filter_pattern.h"

struct match_case {
    const char *pattern;
    const char *event;
    bool matches;
};

static void check(const struct match_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        AUTO(arena) struct arena *arena = arena_new();
        AUTO(arena) struct arena *scratch = arena_new();
        struct filter_pattern *pattern = NULL;
        int rc = filter_pattern_parse(arena, str_from_cstr(cases[i].pattern), &pattern);
        if (rc != 0)
            fail_msg("%s does not parse", cases[i].pattern);
        bool matches = filter_pattern_matches(pattern, scratch, str_from_cstr(cases[i].event));
        if (matches != cases[i].matches)
            fail_msg("%s on %s gives %d", cases[i].pattern, cases[i].event, matches);
    }
}

static void terms_match_as_documented(void **state)
{
    (void)state;
    static const struct match_case cases[] = {
        {"", "anything", true},
        {"ERROR", "[ERROR 400] BAD REQUEST", true},
        {"ERROR", "error", false},
        {"ERROR", "ERRORS", false},
        {"ERROR", "UNERROR", false},
        {"ERROR ARGUMENTS", "[ERROR 419] MISSING ARGUMENTS", true},
        {"ERROR ARGUMENTS", "[ERROR 400] BAD REQUEST", false},
        {"?ERROR ?ARGUMENTS", "MISSING ARGUMENTS", true},
        {"?ERROR ?ARGUMENTS", "nothing", false},
        {"?ERROR REQUEST", "[INFO] REQUEST FAILED", true},
        {"?ERROR REQUEST", "[ERROR] x", false},
        {"\"INTERNAL SERVER ERROR\"", "[ERROR 500] INTERNAL SERVER ERROR", true},
        {"\"INTERNAL SERVER ERROR\"", "INTERNAL ERROR", false},
        {"ERROR -ARGUMENTS", "[ERROR 400] BAD REQUEST", true},
        {"ERROR -ARGUMENTS", "[ERROR 419] MISSING ARGUMENTS", false},
        {"-ERROR", "fine", true},
        {"%AUTHORIZED%", "[ERROR 401] UNAUTHORIZED REQUEST", true},
        {"%AUTHORIZED%", "[SUCCESS 200] OK", false},
        {"%colou?r%", "a color", true},
        {"\"a \\\"b\\\"\"", "say a \"b\" c", true},
    };
    check(cases, ARRAY_LEN(cases));
}

static void json_matches_as_documented(void **state)
{
    (void)state;
    static const char event[] =
        "{\"eventType\":\"UpdateTrail\",\"sourceIPAddress\":\"111.111.111.111\","
        "\"arrayKey\":[\"value\",\"another value\"],\"objectList\":[{\"name\":\"a\",\"id\":1},"
        "{\"name\":\"b\",\"id\":2}],\"SomeObject\":null,\"cluster.name\":\"c\",\"yes\":true,"
        "\"latency\":51.5,\"code\":\"404\",\"user\":{\"id\":1,\"email\":\"John@example.com\"}}";
    static const struct match_case cases[] = {
        {"{ $.eventType = \"UpdateTrail\" }", event, true},
        {"{ $.eventType = UpdateTrail }", event, true},
        {"{ $.eventType = \"Trail\" }", event, false},
        {"{ $.eventType = %Trail% }", event, true},
        {"{ $.eventType = \"*Trail\" }", event, true},
        {"{ $.sourceIPAddress != 123.123.* }", event, true},
        {"{ $.sourceIPAddress != 111.111.* }", event, false},
        {"{ $.arrayKey[0] = \"value\" }", event, true},
        {"{ $.arrayKey[1] = \"value\" }", event, false},
        {"{ $.arrayKey[*] = \"another value\" }", event, true},
        {"{ $.objectList[1].id = 2 }", event, true},
        {"{ $.SomeObject IS NULL }", event, true},
        {"{ $.SomeOtherObject NOT EXISTS }", event, true},
        {"{ $.SomeObject EXISTS }", event, true},
        {"{ $.SomeOtherObject = x }", event, false},
        {"{ $.SomeOtherObject != x }", event, false},
        {"{ $.yes IS TRUE }", event, true},
        {"{ $.yes IS FALSE }", event, false},
        {"{ $.['cluster.name'] = \"c\" }", event, true},
        {"{ $.latency > 50 && $.latency <= 5.15e1 }", event, true},
        {"{ $.latency >= 60 }", event, false},
        {"{ $.code = 404 }", event, true},
        {"{ $.code > 400 }", event, false},
        {"{ ($.user.id = 1) && ($.user.email = \"John@example.com\") }", event, true},
        {"{ ($.user.id = 2 && $.yes IS TRUE) || $.user.id = 1 }", event, true},
        {"{ $.user.id = 2 && ($.yes IS TRUE || $.user.id = 1) }", event, false},
        {"{ $.a = 1 }", "not json", false},
    };
    check(cases, ARRAY_LEN(cases));
}

static void fields_match_as_documented(void **state)
{
    (void)state;
    static const char event[] = "127.0.0.1 Prod frank [10/Oct/2000:13:25:15 -0700] "
                                "\"GET /index.html HTTP/1.0\" 404 1534";
    static const struct match_case cases[] = {
        {"[ip, server, username, timestamp, request, status_code, bytes]", event, true},
        {"[ip, server, username, timestamp, request, status_code]", event, false},
        {"[ip, server, username, timestamp, request, status_code=4*, bytes>1000]", event, true},
        {"[ip, server, username, timestamp, request =*html*, status_code = 4*, bytes]", event,
         true},
        {"[..., status_code=404, bytes]", event, true},
        {"[ip=127.0.0.1, ...]", event, true},
        {"[ip!=127.0.0.1, ...]", event, false},
        {"[ip, ..., bytes < 1000]", event, false},
        {"[..., status=404 || status=410, bytes]", event, true},
        {"[..., status=4* && status!=404, bytes]", event, false},
        {"[w1=ERROR || w1=%WARN%, w2]", "WARNING text", true},
        {"[w1=ERROR || w1=%WARN%, w2]", "INFO text", false},
        {"[]", "anything at all", true},
        {"[a, b=\"x y\"]", "1 \"x y\"", true},
    };
    check(cases, ARRAY_LEN(cases));
}

static void what_is_no_pattern_is_refused(void **state)
{
    (void)state;
    static const char *const patterns[] = {
        "{ $.a }",
        "{ a = 1 }",
        "{ $.a = 1",
        "{ $.a = 1 } x",
        "{ $.a IS MAYBE }",
        "[a, b",
        "[..., a, ...]",
        "\"open",
        "%open",
        "%a(b)%",
        "a!b",
        "{ $. = 1 }",
        "{ ($.a = 1 }",
        "%[%",
        "[a=]",
        "{ $.a[x] = 1 }",
        "{ $.a = 1 && }",
        "? x",
    };
    for (size_t i = 0; i < ARRAY_LEN(patterns); i++) {
        AUTO(arena) struct arena *arena = arena_new();
        struct filter_pattern *pattern = NULL;
        if (filter_pattern_parse(arena, str_from_cstr(patterns[i]), &pattern) == 0)
            fail_msg("%s parses", patterns[i]);
    }
}

static void values_are_extracted(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct filter_pattern *pattern = NULL;
    struct filter_value values[8];
    assert_int_equal(filter_pattern_parse(arena, STR("[ip, ..., status = 4*, bytes]"), &pattern),
                     0);
    size_t count = filter_pattern_extract(pattern, arena, STR("1.1.1.1 a b 404 12"), values, 8);
    assert_int_equal(count, 3);
    assert_true(str_eq_cstr(values[0].name, "$ip") && str_eq_cstr(values[0].value, "1.1.1.1"));
    assert_true(str_eq_cstr(values[1].name, "$status") && str_eq_cstr(values[1].value, "404"));
    assert_int_equal(
        filter_pattern_parse(arena, STR("{ $.a.b = * && $.n > 1 && $.n < 9 }"), &pattern), 0);
    count = filter_pattern_extract(pattern, arena, STR("{\"a\":{\"b\":\"x\"},\"n\":2}"), values, 8);
    assert_int_equal(count, 2);
    assert_true(str_eq_cstr(values[0].name, "$.a.b") && str_eq_cstr(values[0].value, "x"));
    assert_true(str_eq_cstr(values[1].name, "$.n") && str_eq_cstr(values[1].value, "2"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(terms_match_as_documented),
        cmocka_unit_test(json_matches_as_documented),
        cmocka_unit_test(fields_match_as_documented),
        cmocka_unit_test(what_is_no_pattern_is_refused),
        cmocka_unit_test(values_are_extracted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
