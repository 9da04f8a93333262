/* pattern_test.c — tables of patterns and events: what matches, what does not, what is no pattern.
 * Cases follow the examples of the EventBridge user guide, "Comparison operators".
 */
#include "service/events/pattern.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/arena.h"
#include "syntax/json.h"

static struct arena *arena;

static bool matches(const char *pattern_text, const char *event_text)
{
    const struct event_pattern *pattern = NULL;
    struct json *event = NULL;
    struct str reason = {0};
    if (event_pattern_compile(arena, str_from_cstr(pattern_text), &pattern, &reason) < 0)
        fail_msg("%s: " STR_FMT, pattern_text, STR_ARG(reason));
    assert_int_equal(json_parse(arena, str_from_cstr(event_text), 0, &event, NULL), 0);
    return event_pattern_matches(pattern, event);
}

static const struct {
    const char *pattern;
    const char *event;
    bool matches;
} cases[] = {
    /* exact */
    {"{\"a\":[\"x\"]}", "{\"a\":\"x\"}", true},
    {"{\"a\":[\"x\"]}", "{\"a\":\"X\"}", false},
    {"{\"a\":[\"x\"]}", "{}", false},
    {"{\"a\":[\"x\",\"y\"]}", "{\"a\":\"y\"}", true},
    {"{\"a\":[\"x\"],\"b\":[\"y\"]}", "{\"a\":\"x\",\"b\":\"z\"}", false},
    {"{\"a\":[1]}", "{\"a\":1.0}", true},
    {"{\"a\":[1]}", "{\"a\":\"1\"}", false},
    {"{\"a\":[3.018e2]}", "{\"a\":301.8}", true},
    {"{\"a\":[9007199254740993]}", "{\"a\":9007199254740993}", true},
    {"{\"a\":[9007199254740993]}", "{\"a\":9007199254740992}", false},
    {"{\"a\":[true]}", "{\"a\":true}", true},
    {"{\"a\":[true]}", "{\"a\":false}", false},
    {"{\"a\":[null]}", "{\"a\":null}", true},
    {"{\"a\":[null]}", "{\"a\":\"\"}", false},
    {"{\"a\":[\"\"]}", "{\"a\":\"\"}", true},
    {"{\"a\":{\"b\":{\"c\":[1]}}}", "{\"a\":{\"b\":{\"c\":1,\"d\":2}}}", true},
    {"{\"a\":{\"b\":[1]}}", "{\"a\":1}", false},
    {"{\"a\":[{\"exactly\":\"x\"}]}", "{\"a\":\"x\"}", true},
    /* arrays in the event */
    {"{\"a\":[\"x\"]}", "{\"a\":[\"y\",\"x\"]}", true},
    {"{\"a\":[\"x\"]}", "{\"a\":[[\"y\"],[\"x\"]]}", true},
    {"{\"a\":{\"b\":[1],\"c\":[2]}}", "{\"a\":[{\"b\":1,\"c\":3},{\"b\":1,\"c\":2}]}", true},
    {"{\"a\":{\"b\":[1],\"c\":[2]}}", "{\"a\":[{\"b\":1,\"c\":3},{\"b\":2,\"c\":2}]}", false},
    {"{\"a\":[\"x\"]}", "{\"a\":[]}", false},
    /* prefix, suffix, case */
    {"{\"a\":[{\"prefix\":\"ab\"}]}", "{\"a\":\"abc\"}", true},
    {"{\"a\":[{\"prefix\":\"ab\"}]}", "{\"a\":\"a\"}", false},
    {"{\"a\":[{\"prefix\":\"\"}]}", "{\"a\":\"x\"}", true},
    {"{\"a\":[{\"prefix\":\"1\"}]}", "{\"a\":12}", false},
    {"{\"a\":[{\"prefix\":{\"equals-ignore-case\":\"AB\"}}]}", "{\"a\":\"abc\"}", true},
    {"{\"a\":[{\"suffix\":\".png\"}]}", "{\"a\":\"x.png\"}", true},
    {"{\"a\":[{\"suffix\":\".png\"}]}", "{\"a\":\"x.PNG\"}", false},
    {"{\"a\":[{\"suffix\":{\"equals-ignore-case\":\".png\"}}]}", "{\"a\":\"x.PNG\"}", true},
    {"{\"a\":[{\"equals-ignore-case\":\"alice\"}]}", "{\"a\":\"ALICE\"}", true},
    {"{\"a\":[{\"equals-ignore-case\":\"alice\"}]}", "{\"a\":\"ALICES\"}", false},
    /* wildcard */
    {"{\"a\":[{\"wildcard\":\"dir/*.png\"}]}", "{\"a\":\"dir/a/b.png\"}", true},
    {"{\"a\":[{\"wildcard\":\"dir/*.png\"}]}", "{\"a\":\"dir/a.jpg\"}", false},
    {"{\"a\":[{\"wildcard\":\"*a*b\"}]}", "{\"a\":\"xaxbxab\"}", true},
    {"{\"a\":[{\"wildcard\":\"*\"}]}", "{\"a\":\"\"}", true},
    {"{\"a\":[{\"wildcard\":\"a\\\\*b\"}]}", "{\"a\":\"a*b\"}", true},
    {"{\"a\":[{\"wildcard\":\"a\\\\*b\"}]}", "{\"a\":\"axb\"}", false},
    {"{\"a\":[{\"wildcard\":\"a\\\\\\\\b\"}]}", "{\"a\":\"a\\\\b\"}", true},
    /* anything-but */
    {"{\"a\":[{\"anything-but\":\"x\"}]}", "{\"a\":\"y\"}", true},
    {"{\"a\":[{\"anything-but\":\"x\"}]}", "{\"a\":\"x\"}", false},
    {"{\"a\":[{\"anything-but\":\"x\"}]}", "{}", false},
    {"{\"a\":[{\"anything-but\":\"x\"}]}", "{\"a\":5}", true},
    {"{\"a\":[{\"anything-but\":[\"x\",\"y\"]}]}", "{\"a\":\"y\"}", false},
    {"{\"a\":[{\"anything-but\":[\"x\",\"y\"]}]}", "{\"a\":[\"x\",\"z\"]}", true},
    {"{\"a\":[{\"anything-but\":[1,2]}]}", "{\"a\":2.0}", false},
    {"{\"a\":[{\"anything-but\":100}]}", "{\"a\":\"x\"}", true},
    {"{\"a\":[{\"anything-but\":{\"prefix\":\"in\"}}]}", "{\"a\":\"out\"}", true},
    {"{\"a\":[{\"anything-but\":{\"prefix\":[\"in\",\"out\"]}}]}", "{\"a\":\"outer\"}", false},
    {"{\"a\":[{\"anything-but\":{\"suffix\":\".txt\"}}]}", "{\"a\":\"a.txt\"}", false},
    {"{\"a\":[{\"anything-but\":{\"equals-ignore-case\":[\"x\"]}}]}", "{\"a\":\"X\"}", false},
    {"{\"a\":[{\"anything-but\":{\"wildcard\":\"*/lib/*\"}}]}", "{\"a\":\"/lib/x\"}", false},
    {"{\"a\":[{\"anything-but\":{\"wildcard\":\"*/lib/*\"}}]}", "{\"a\":\"/usr/x\"}", true},
    /* numeric */
    {"{\"a\":[{\"numeric\":[\">\",0,\"<=\",5]}]}", "{\"a\":5}", true},
    {"{\"a\":[{\"numeric\":[\">\",0,\"<=\",5]}]}", "{\"a\":0}", false},
    {"{\"a\":[{\"numeric\":[\"=\",301.8]}]}", "{\"a\":3.018e2}", true},
    {"{\"a\":[{\"numeric\":[\"<\",10]}]}", "{\"a\":\"5\"}", false},
    {"{\"a\":[{\"numeric\":[\">=\",-3]}]}", "{\"a\":-3}", true},
    /* exists */
    {"{\"a\":[{\"exists\":true}]}", "{\"a\":null}", true},
    {"{\"a\":[{\"exists\":true}]}", "{\"a\":{\"b\":1}}", false},
    {"{\"a\":[{\"exists\":true}]}", "{\"b\":1}", false},
    {"{\"a\":[{\"exists\":false}]}", "{\"b\":1}", true},
    {"{\"a\":[{\"exists\":false}]}", "{\"a\":1}", false},
    {"{\"a\":{\"b\":[{\"exists\":false}]}}", "{}", true},
    {"{\"a\":{\"b\":[{\"exists\":false}]}}", "{\"a\":[{\"b\":1},{\"c\":1}]}", false},
    {"{\"a\":[\"x\",{\"exists\":false}]}", "{\"b\":1}", true},
    {"{\"a\":[\"x\",{\"exists\":false}]}", "{\"a\":\"y\"}", false},
    /* cidr */
    {"{\"a\":[{\"cidr\":\"10.0.0.0/24\"}]}", "{\"a\":\"10.0.0.255\"}", true},
    {"{\"a\":[{\"cidr\":\"10.0.0.0/24\"}]}", "{\"a\":\"10.0.1.0\"}", false},
    {"{\"a\":[{\"cidr\":\"10.0.0.0/23\"}]}", "{\"a\":\"10.0.1.0\"}", true},
    {"{\"a\":[{\"cidr\":\"2001:db8::/32\"}]}", "{\"a\":\"2001:db8:1::1\"}", true},
    {"{\"a\":[{\"cidr\":\"2001:db8::/128\"}]}", "{\"a\":\"2001:db8::\"}", true},
    {"{\"a\":[{\"cidr\":\"0.0.0.0/0\"}]}", "{\"a\":\"2001:db8::\"}", false},
    /* $or */
    {"{\"$or\":[{\"a\":[1]},{\"b\":[2]}]}", "{\"b\":2}", true},
    {"{\"$or\":[{\"a\":[1]},{\"b\":[2]}]}", "{\"b\":3}", false},
    {"{\"c\":[3],\"$or\":[{\"a\":[1]},{\"b\":[2]}]}", "{\"a\":1}", false},
    {"{\"d\":{\"$or\":[{\"a\":[1]},{\"$or\":[{\"b\":[2]},{\"b\":[3]}]}]}}", "{\"d\":{\"b\":3}}",
     true},
};

static void patterns_match_what_they_should(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        if (matches(cases[i].pattern, cases[i].event) != cases[i].matches)
            fail_msg("%s on %s: not %d", cases[i].pattern, cases[i].event, cases[i].matches);
    }
}

static const struct {
    const char *pattern;
    const char *reason; /* begins so */
} errors[] = {
    {"{", "unexpected end"},
    {"[]", "Filter is not an object"},
    {"{}", "Empty objects are not allowed"},
    {"{\"source\":\"foo\"}", "\"source\" must be an object or an array\n at [Source: "
                             "(String)\"{\"source\":\"foo\"}\"; line: 1, column: 12]"},
    {"{\"a\":[]}", "Empty arrays are not allowed\n at [Source: (String)\"{\"a\":[]}\"; line: 1, "
                   "column: 8]"},
    {"{\"a\":{}}", "Empty objects are not allowed"},
    {"{\"a\":[[1]]}", "Match value must be String, number, true, false, or null"},
    {"{\"a\":[{}]}", "Match expression name not found"},
    {"{\"a\":[{\"like\":\"x\"}]}", "Unrecognized match type like"},
    {"{\"a\":[{\"prefix\":1}]}", "prefix match pattern must be a string"},
    {"{\"a\":[{\"suffix\":{\"x\":\"y\"}}]}", "Unsupported suffix pattern: x"},
    {"{\"a\":[{\"prefix\":\"x\",\"suffix\":\"y\"}]}", "Only one key allowed in match expression"},
    {"{\"a\":[{\"exists\":1}]}", "exists match pattern must be either true or false."},
    {"{\"a\":[{\"equals-ignore-case\":1}]}", "equals-ignore-case match pattern must be a string"},
    {"{\"a\":[{\"wildcard\":\"a**b\"}]}", "Consecutive wildcard characters at pos 2"},
    {"{\"a\":[{\"wildcard\":\"a\\\\b\"}]}", "Invalid escape character at pos 2"},
    {"{\"a\":[{\"numeric\":1}]}", "Value of numeric must be an array."},
    {"{\"a\":[{\"numeric\":[]}]}", "Invalid member in numeric match: ]"},
    {"{\"a\":[{\"numeric\":[\"~\",1]}]}", "Unrecognized numeric range operator: ~"},
    {"{\"a\":[{\"numeric\":[\"=\",\"1\"]}]}", "Value of equals must be numeric"},
    {"{\"a\":[{\"numeric\":[\">\",5,\"<\",1]}]}", "Bottom must be less than top"},
    {"{\"a\":[{\"numeric\":[\"<\",5,\">\",1]}]}", "Too many elements in numeric expression"},
    {"{\"a\":[{\"numeric\":[\">\",5,\">\",1]}]}", "Bad numeric range operator: >"},
    {"{\"a\":[{\"cidr\":\"10.0.0.0\"}]}", "Malformed CIDR, one '/' required"},
    {"{\"a\":[{\"cidr\":\"10.0.0.0/x\"}]}", "Malformed CIDR, mask bits must be an integer"},
    {"{\"a\":[{\"cidr\":\"10.0.0/8\"}]}", "Nonstandard IP address: 10.0.0"},
    {"{\"a\":[{\"cidr\":\"10.0.0.0/33\"}]}", "IPv4 mask bits must be < 32"},
    {"{\"a\":[{\"anything-but\":null}]}",
     "Value of anything-but must be an array or single string/number value."},
    {"{\"a\":[{\"anything-but\":[1,\"x\"]}]}",
     "Inside anything but list, either all values are number or string"},
    {"{\"a\":[{\"anything-but\":[null]}]}",
     "Inside anything but list, start|null|boolean is not supported."},
    {"{\"a\":[{\"anything-but\":{\"numeric\":[1]}}]}", "Unsupported anything-but pattern: numeric"},
    {"{\"a\":[{\"anything-but\":{\"prefix\":\"\"}}]}", "Null prefix/suffix not allowed"},
    {"{\"$or\":[{\"a\":[1]}]}", "There must have at least 2 Objects in $or relationship."},
    {"{\"$or\":{}}", "It must be an Array followed with $or."},
    {"{\"$or\":[1,2]}", "Only JSON object is allowed in array of $or relationship."},
    {"{\"$or\":[{\"prefix\":[1]},{\"a\":[1]}]}",
     "prefix is Ruler reserved fieldName which cannot be used inside $or."},
};

static void what_is_no_pattern_is_told_why(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
        const struct event_pattern *pattern = NULL;
        struct str reason = {0};
        int rc = event_pattern_compile(arena, str_from_cstr(errors[i].pattern), &pattern, &reason);
        if (rc == 0 || !str_starts_with(reason, str_from_cstr(errors[i].reason)))
            fail_msg("%s: %d " STR_FMT, errors[i].pattern, rc, STR_ARG(reason));
    }
}

static int setup(void **state)
{
    (void)state;
    arena = arena_new();
    return 0;
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
        cmocka_unit_test(patterns_match_what_they_should),
        cmocka_unit_test(what_is_no_pattern_is_told_why),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
