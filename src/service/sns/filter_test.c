/* filter_test.c — filter policies: what they let through, and how bad ones are refused.
 *
 * Sources: SNS developer guide, "Subscription filter policies" (examples of each operator);
 * OBSERVED (2024-05) as in filter.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "service/sns/filter.h"

static bool body_passes(const char *policy, const char *body)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct sns_filter *filter = NULL;
    struct str message = {0};
    int rc = sns_filter_parse(arena, str_from_cstr(policy), SNS_FILTER_BODY, &filter, &message);
    if (rc < 0)
        fail_msg("%s: %.*s", policy, STR_ARG(message));
    return sns_filter_takes_body(arena, filter, str_from_cstr(body));
}

static bool attribute_passes(const char *policy, const char *type, const char *value)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct sns_filter *filter = NULL;
    struct str message = {0};
    int rc =
        sns_filter_parse(arena, str_from_cstr(policy), SNS_FILTER_ATTRIBUTES, &filter, &message);
    if (rc < 0)
        fail_msg("%s: %.*s", policy, STR_ARG(message));
    const struct sns_filter_attribute attribute = {STR("key"), str_from_cstr(type),
                                                   str_from_cstr(value)};
    return sns_filter_takes_attributes(arena, filter, &attribute, type[0] ? 1 : 0);
}

static void attributes_are_matched_by_every_operator(void **state)
{
    (void)state;
    static const struct {
        const char *policy;
        const char *type;
        const char *value;
        bool passes;
    } cases[] = {
        {"{}", "", "", true},
        {"{\"key\":[\"rugby\",\"tennis\"]}", "String", "rugby", true},
        {"{\"key\":[\"rugby\"]}", "String", "football", false},
        {"{\"key\":[\"rugby\"]}", "", "", false},
        {"{\"key\":[\"rugby\"]}", "String.Array", "[\"golf\",\"rugby\"]", true},
        {"{\"key\":[true]}", "String.Array", "[true,null]", true},
        {"{\"key\":[null]}", "String.Array", "[true,null]", true},
        {"{\"key\":[\"100\"]}", "Number", "100", false},
        {"{\"key\":[100]}", "Number", "100.0", true},
        {"{\"key\":[100]}", "String", "100", false},
        {"{\"key\":[{\"prefix\":\"bas\"}]}", "String", "baseball", true},
        {"{\"key\":[{\"prefix\":\"bas\"}]}", "String", "rugby", false},
        {"{\"key\":[{\"suffix\":\"ball\"}]}", "String", "baseball", true},
        {"{\"key\":[{\"equals-ignore-case\":\"TENNIS\"}]}", "String", "tennis", true},
        {"{\"key\":[{\"equals-ignore-case\":\"TENNIS\"}]}", "String", "tennisx", false},
        {"{\"key\":[{\"anything-but\":[\"rugby\",\"tennis\"]}]}", "String", "baseball", true},
        {"{\"key\":[{\"anything-but\":[\"rugby\",\"tennis\"]}]}", "String", "rugby", false},
        {"{\"key\":[{\"anything-but\":[\"rugby\"]}]}", "String.Array", "[\"rugby\",\"golf\"]",
         true},
        {"{\"key\":[{\"anything-but\":[\"rugby\"]}]}", "String.Array", "[\"rugby\"]", false},
        {"{\"key\":[{\"anything-but\":[\"rugby\"]}]}", "", "", false},
        {"{\"key\":[{\"anything-but\":{\"prefix\":\"order-\"}}]}", "String", "order-1", false},
        {"{\"key\":[{\"anything-but\":{\"prefix\":\"order-\"}}]}", "String", "data-1", true},
        {"{\"key\":[{\"anything-but\":[100,500]}]}", "Number", "101", true},
        {"{\"key\":[{\"anything-but\":100}]}", "Number", "100", false},
        {"{\"key\":[{\"numeric\":[\"=\",301.5]}]}", "Number", "3.015e2", true},
        {"{\"key\":[{\"numeric\":[\">\",0,\"<=\",150]}]}", "Number", "150", true},
        {"{\"key\":[{\"numeric\":[\">\",0,\"<=\",150]}]}", "Number", "0", false},
        {"{\"key\":[{\"numeric\":[\"<\",10]}]}", "Number", "-5", true},
        {"{\"key\":[{\"numeric\":[\">=\",10]}]}", "String", "50", false},
        {"{\"key\":[{\"cidr\":\"10.0.0.0/24\"}]}", "String", "10.0.0.255", true},
        {"{\"key\":[{\"cidr\":\"10.0.0.0/24\"}]}", "String", "10.1.1.0", false},
        {"{\"key\":[{\"cidr\":\"2001:db8::/33\"}]}", "String", "2001:db8:7fff::1", true},
        {"{\"key\":[{\"cidr\":\"2001:db8::/33\"}]}", "String", "2001:db8:8000::1", false},
        {"{\"key\":[{\"exists\":true}]}", "String", "x", true},
        {"{\"key\":[{\"exists\":true}]}", "", "", false},
        {"{\"key\":[{\"exists\":true}]}", "Binary", "x", false},
        {"{\"key\":[{\"exists\":false}]}", "", "", true},
        {"{\"key\":[{\"exists\":false}]}", "Number", "1", false},
        {"{\"key\":[null,{\"anything-but\":\"whatever\"}]}", "", "", true},
        {"{\"key\":[null,{\"anything-but\":\"whatever\"}]}", "String", "whatever", false},
        {"{\"$or\":[{\"key\":[\"a\"]},{\"other\":[\"b\"]}]}", "String", "a", true},
        {"{\"$or\":[{\"key\":[\"a\"]},{\"other\":[\"b\"]}]}", "String", "b", false},
        {"{\"$or\":[{\"prefix\":\"a\"}]}", "String", "a", false}, /* a key like any other */
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        if (attribute_passes(cases[i].policy, cases[i].type, cases[i].value) != cases[i].passes)
            fail_msg("case %zu: %s against %s", i, cases[i].policy, cases[i].value);
    }
}

static void bodies_are_matched_at_all_levels(void **state)
{
    (void)state;
#define RECORDS                                                                                    \
    "{\"Records\":[{\"name\":\"put\",\"s3\":{\"object\":[[{\"key\":\"auto-1\"}]]}},"               \
    "{\"name\":\"delete\",\"s3\":{\"object\":{\"key\":\"home-1\"}}}]}"
    static const struct {
        const char *policy;
        const char *body;
        bool passes;
    } cases[] = {
        {"{\"a\":[1]}", "{\"a\":1,\"b\":2}", true},
        {"{\"a\":[1]}", "{\"a\":\"1\"}", false},
        {"{\"a\":[1]}", "not json", false},
        {"{\"a\":[1]}", "[{\"a\":1}]", false},
        {"{}", "not json", true},
        {"{\"a\":{\"b\":[\"x\"]}}", "{\"a\":{\"b\":\"x\"}}", true},
        {"{\"a\":{\"b\":[\"x\"]}}", "{\"a.b\":\"x\"}", true},
        {"{\"a.b\":[\"x\"]}", "{\"a\":{\"b\":\"x\"}}", true},
        {"{\"a\":{\"b\":{\"c\":[\"x\"]}}}", "{\"a.b\":{\"c\":\"x\"}}", true},
        {"{\"a\":{\"b\":{\"c\":[\"x\"]}}}", "{\"a\":{\"b.c\":\"x\"}}", true},
        {"{\"a\":{\"b\":[1],\"c\":[2]}}", "{\"a.b\":1,\"a\":{\"c\":2}}", true},
        {"{\"a\":[\"x\"]}", "{\"a\":[\"y\",\"x\"]}", true},
        {"{\"a\":[\"x\"]}", "{\"a\":{\"x\":1}}", false},
        {"{\"a\":[null]}", "{\"a\":null}", true},
        {"{\"a\":[null]}", "{}", false},
        {"{\"a\":[{\"exists\":false}]}", "{\"b\":1}", true},
        {"{\"a\":[{\"exists\":false}]}", "{\"a\":1}", false},
        {"{\"a\":[{\"exists\":true}]}", "{\"a\":{\"b\":1}}", false},
        {"{\"a\":{\"b\":[{\"exists\":true}]}}", "{\"a\":{\"b\":null}}", true},
        {"{\"a\":{\"b\":[{\"exists\":false}]}}", "{\"a\":1}", true},
        {"{\"Records\":{\"name\":[\"put\"],\"s3\":{\"object\":{\"key\":[{\"prefix\":\"auto-\"}]}}}"
         "}",
         RECORDS, true},
        {"{\"Records\":{\"name\":[\"delete\"],\"s3\":{\"object\":{\"key\":[{\"prefix\":\"auto-\"}]"
         "}}}}",
         RECORDS, false}, /* not in the same record */
        {"{\"source\":[\"cw\"],\"$or\":[{\"metric\":[\"cpu\"]},{\"ns\":[\"ec2\",\"es\"]}]}",
         "{\"source\":\"cw\",\"ns\":\"es\"}", true},
        {"{\"source\":[\"cw\"],\"$or\":[{\"metric\":[\"cpu\"]},{\"ns\":[\"ec2\",\"es\"]}]}",
         "{\"source\":\"cw\",\"ns\":\"x\"}", false},
        {"{\"a\":{\"$or\":[{\"b\":[1]},{\"c\":[{\"numeric\":[\">\",5]}]}]}}",
         "{\"a\":{\"b\":2,\"c\":6}}", true},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        if (body_passes(cases[i].policy, cases[i].body) != cases[i].passes)
            fail_msg("case %zu: %s against %s", i, cases[i].policy, cases[i].body);
    }
}

static void bad_policies_are_refused_with_the_words_of_aws(void **state)
{
    (void)state;
    static const struct {
        const char *policy;
        const char *what;
        int column; /* 0: AWS names no place */
    } cases[] = {
        {"{\"key\":[[\"value\"]]}", "Match value must be String, number, true, false, or null", 10},
        {"{\"key\":[{\"wrong-operator\":true}]}", "Unrecognized match type wrong-operator", 31},
        {"{\"key\":[{\"suffix\":\"value\",\"prefix\":\"value2\"}]}",
         "Only one key allowed in match expression", 37},
        {"{\"key\":[{\"suffix\":100}]}", "suffix match pattern must be a string", 22},
        {"{\"key\":[{\"suffix\":null}]}", "suffix match pattern must be a string", 23},
        {"{\"key\":{\"suffix\":\"value\"}}", "\"suffix\" must be an object or an array", 19},
        {"{\"key\":[{\"suffix\":[]}]}", "suffix match pattern must be a string", 20},
        {"{\"key\":[{\"numeric\":[]}]}", "Invalid member in numeric match: ]", 22},
        {"{\"key\":[{\"numeric\":[\"operator\"]}]}",
         "Unrecognized numeric range operator: operator", 32},
        {"{\"key\":[{\"numeric\":[1,\"<=\"]}]}", "Invalid member in numeric match: 1", 22},
        {"{\"key\":[{\"numeric\":[\"=\",\"000\"]}]}", "Value of equals must be numeric", 26},
        {"{\"key\":[{\"numeric\":[\">=\"]}]}", "Value of >= must be numeric", 26},
        {"{\"key\":[{\"numeric\":[\"<\",100,\">\",10]}]}",
         "Too many elements in numeric expression", 30},
        {"{\"key\":[{\"numeric\":[\">=\",1,\">\",2]}]}", "Bad numeric range operator: >", 31},
        {"{\"key\":[{\"numeric\":[\">\",3,\"<\",1]}]}", "Bottom must be less than top", 33},
        {"{\"key\":[{\"numeric\":[\">\",20,\"<=\"]}]}", "Value of <= must be numeric", 33},
        {"{\"key\":[{\"numeric\":[\">\",20,30]}]}", "Bad value in numeric range: 30", 30},
        {"{\"key\":[{\"numeric\":[\">\",20,\"test\"]}]}", "Bad numeric range operator: test", 34},
        {"{\"key\":[{\"numeric\":[\">\",20,\"<\",\"30\"]}]}", "Value of < must be numeric", 33},
        {"{\"key\":[{\"numeric\":[\">\",20,\"<\",30,\"<\",50]}]}",
         "Too many terms in numeric range expression", 36},
        {"{\"key\":[{\"exists\":null}]}", "exists match pattern must be either true or false.", 23},
        {"{\"key\":[{\"exists\":\"no\"}]}", "exists match pattern must be either true or false.",
         20},
        {"{\"key\":[{\"anything-but\":{\"wrong-operator\":null}}]}",
         "Unsupported anything-but pattern: wrong-operator", 47},
        {"{\"key\":[{\"anything-but\":{\"suffix\":\"test\"}}]}",
         "Unsupported anything-but pattern: suffix", 36},
        {"{\"key\":[{\"anything-but\":{\"prefix\":false}}]}",
         "prefix match pattern must be a string", 40},
        {"{\"key_a\":\"value_one\"}", "\"key_a\" must be an object or an array", 11},
        {"{\"a\":[1],\"b\":[1],\"c\":[1],\"d\":[1],\"e\":[1],\"f\":[1]}",
         "Filter policy can not have more than 5 keys", 0},
        {"{\"a\":{\"b\":{\"c\":[1,2,3,4,5,6,7]}},\"d\":{\"e\":[1,2,3,4]}}",
         "Filter policy is too complex", 0}, /* 7 * 3 * 4 * 2 */
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *arena = arena_new();
        struct sns_filter *filter = NULL;
        struct str message = {0};
        int rc = sns_filter_parse(arena, str_from_cstr(cases[i].policy), SNS_FILTER_BODY, &filter,
                                  &message);
        assert_true(rc < 0);
        struct str wanted = str_format(arena, "FilterPolicy: %s", cases[i].what);
        if (cases[i].column > 0)
            wanted = str_format(arena,
                                STR_FMT "\n at [Source: REDACTED (`StreamReadFeature.INCLUDE_"
                                        "SOURCE_IN_LOCATION` disabled); line: 1, column: %d]",
                                STR_ARG(wanted), cases[i].column);
        if (!str_eq(message, wanted))
            fail_msg("case %zu: %.*s instead of %.*s", i, STR_ARG(message), STR_ARG(wanted));
    }
}

static void attributes_do_not_nest(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct sns_filter *filter = NULL;
    struct str message = {0};
    assert_true(sns_filter_parse(arena, STR("{\"a\":{\"b\":[1]}}"), SNS_FILTER_ATTRIBUTES, &filter,
                                 &message) < 0);
    assert_true(str_eq_cstr(
        message, "Filter policy scope MessageAttributes does not support nested filter policy"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attributes_are_matched_by_every_operator),
        cmocka_unit_test(bodies_are_matched_at_all_levels),
        cmocka_unit_test(bad_policies_are_refused_with_the_words_of_aws),
        cmocka_unit_test(attributes_do_not_nest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
