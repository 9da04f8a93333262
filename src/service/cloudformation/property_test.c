/* property_test.c — properties against rows: what is coerced, what is refused, what replaces; tags
 * and names.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "base/arena.h"
#include "engine/cfn/property.h"
#include "syntax/json.h"

static const struct resource_property inner[] = {
    {.name = STR_INIT("Must"), .type = PROPERTY_STRING, .is_required = true},
    {.name = STR_INIT("Fixed"), .type = PROPERTY_STRING, .update = UPDATE_REPLACEMENT},
};

static const struct resource_property rows[] = {
    {.name = STR_INIT("Text"), .type = PROPERTY_STRING},
    {.name = STR_INIT("Count"), .type = PROPERTY_INTEGER},
    {.name = STR_INIT("Ratio"), .type = PROPERTY_DOUBLE},
    {.name = STR_INIT("Flag"), .type = PROPERTY_BOOLEAN},
    {.name = STR_INIT("Policy"), .type = PROPERTY_JSON},
    {.name = STR_INIT("Names"), .type = PROPERTY_LIST},
    {.name = STR_INIT("Free"), .type = PROPERTY_MAP},
    {.name = STR_INIT("One"), .type = PROPERTY_OBJECT, .members = inner, .member_count = 2},
    {.name = STR_INIT("Many"), .type = PROPERTY_LIST, .members = inner, .member_count = 2},
    {.name = STR_INIT("Perhaps"), .type = PROPERTY_STRING, .update = UPDATE_CONDITIONAL},
};

static enum resource_result nothing(struct resource_call *rc)
{
    (void)rc;
    return RESOURCE_DONE;
}

/* Perhaps: only the value "x" replaces. */
static bool is_x(const struct json *old_properties, const struct json *properties)
{
    (void)old_properties;
    return str_eq(json_find_str(properties, "Perhaps"), STR("x"));
}

static const struct resource_type type = {
    .name = STR_INIT("Test::A::B"),
    .properties = rows,
    .property_count = ARRAY_LEN(rows),
    .update = nothing,
    .needs_replacement = is_x,
};

static struct json *parse(struct arena *arena, const char *text)
{
    struct json *value = NULL;
    assert_int_equal(json_parse(arena, str_from_cstr(text), 0, &value, NULL), 0);
    return value;
}

static void values_are_coerced_or_refused(void **state)
{
    (void)state;
    static const struct {
        const char *given;
        const char *expected; /* the result, or the message */
        bool is_refused;
    } cases[] = {
        {"{\"Text\":1,\"Count\":\"30\"}", "{\"Text\":\"1\",\"Count\":30}", false},
        {"{\"Text\":true,\"Flag\":\"True\"}", "{\"Text\":\"true\",\"Flag\":true}", false},
        {"{\"Ratio\":\"1.50\"}", "{\"Ratio\":1.50}", false},
        {"{\"Names\":[1,\"b\"]}", "{\"Names\":[\"1\",\"b\"]}", false},
        {"{\"Policy\":{\"a\":1}}", "{\"Policy\":{\"a\":1}}", false},
        {"{\"Many\":[{\"Must\":2}]}", "{\"Many\":[{\"Must\":\"2\"}]}", false},
        {"{\"Nope\":1}", "Encountered unsupported property Nope", true},
        {"{\"One\":{\"Must\":\"a\",\"Nope\":1}}", "Encountered unsupported property Nope", true},
        {"{\"One\":{}}", "Property Must cannot be empty.", true},
        {"{\"Count\":\"1.5\"}", "Value of property Count must be of type Integer", true},
        {"{\"Count\":\"\"}", "Value of property Count must be of type Integer", true},
        {"{\"Flag\":\"yes\"}", "Value of property Flag must be of type Boolean", true},
        {"{\"Text\":[]}", "Value of property Text must be of type String", true},
        {"{\"Names\":\"a\"}", "Value of property Names must be of type List", true},
        {"{\"Free\":[]}", "Value of property Free must be an object", true},
        {"{\"Many\":[1]}", "Value of property Many must be a list of objects", true},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena *arena = arena_new();
        struct json *checked = NULL;
        struct str message = {0};
        int rc =
            cfn_check_properties(arena, &type, parse(arena, cases[i].given), &checked, &message);
        assert_int_equal(rc, cases[i].is_refused ? -EINVAL : 0);
        struct str found = cases[i].is_refused ? message : json_to_str(arena, checked);
        assert_string_equal(str_to_cstr(arena, found), cases[i].expected);
        arena_free(arena);
    }
}

static void changes_mean_what_the_rows_say(void **state)
{
    (void)state;
    static const struct {
        const char *before;
        const char *after;
        enum cfn_effect effect;
    } cases[] = {
        {"{\"Text\":\"a\"}", "{\"Text\":\"a\"}", CFN_NO_CHANGE},
        {"{\"Text\":\"a\"}", "{\"Text\":\"b\"}", CFN_IN_PLACE},
        {"{}", "{\"Flag\":true}", CFN_IN_PLACE},
        {"{\"One\":{\"Must\":\"a\",\"Fixed\":\"1\"}}", "{\"One\":{\"Must\":\"b\",\"Fixed\":\"1\"}}",
         CFN_IN_PLACE},
        {"{\"One\":{\"Must\":\"a\",\"Fixed\":\"1\"}}", "{\"One\":{\"Must\":\"a\",\"Fixed\":\"2\"}}",
         CFN_REPLACE},
        {"{\"Perhaps\":\"a\"}", "{\"Perhaps\":\"b\"}", CFN_IN_PLACE},
        {"{\"Perhaps\":\"a\"}", "{\"Perhaps\":\"x\"}", CFN_REPLACE},
    };
    struct arena *arena = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(cfn_effect_of(arena, &type, parse(arena, cases[i].before),
                                       parse(arena, cases[i].after)),
                         cases[i].effect);
    struct resource_type fixed = type;
    fixed.update = NULL;
    assert_int_equal(
        cfn_effect_of(arena, &fixed, parse(arena, "{}"), parse(arena, "{\"Text\":\"a\"}")),
        CFN_REPLACE);
    arena_free(arena);
}

static void attributes_may_end_in_a_wildcard(void **state)
{
    (void)state;
    static const struct str attributes[] = {STR_INIT("Arn"), STR_INIT("Outputs.*")};
    struct resource_type with = type;
    with.attributes = attributes;
    with.attribute_count = ARRAY_LEN(attributes);
    assert_true(cfn_type_has_attribute(&with, STR("Arn")));
    assert_true(cfn_type_has_attribute(&with, STR("Outputs.X")));
    assert_false(cfn_type_has_attribute(&with, STR("Name")));
}

static void names_fit_and_tags_merge(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct call call = {.arena = arena};
    struct resource_call rc = {
        .call = &call,
        .stack_name = STR("a-stack-with-a-rather-long-name-for-this"),
        .logical_id = STR("ALogicalIdThatIsLongAsWell"),
        .properties = parse(arena, "{\"Tags\":[{\"Key\":\"a\",\"Value\":\"own\"}]}"),
        .old_properties = parse(arena, "{\"Tags\":[{\"Key\":\"a\",\"Value\":\"own\"}]}"),
        .stack_tags = parse(arena, "[{\"Key\":\"a\",\"Value\":\"stack\"},"
                                   "{\"Key\":\"b\",\"Value\":\"1\"}]"),
    };
    for (size_t max_len = 20; max_len <= 100; max_len += 5) {
        struct str name = resource_physical_name(&rc, max_len, STR(".fifo"));
        assert_true(name.len <= max_len);
        assert_true(str_ends_with(name, STR(".fifo")));
    }
    assert_string_equal(str_to_cstr(arena, json_to_str(arena, resource_tags(&rc, "Tags"))),
                        "[{\"Key\":\"a\",\"Value\":\"own\"},{\"Key\":\"b\",\"Value\":\"1\"}]");
    assert_false(resource_changed(&rc, "Tags"));
    rc.old_stack_tags = parse(arena, "[{\"Key\":\"a\",\"Value\":\"stack\"},"
                                     "{\"Key\":\"b\",\"Value\":\"2\"}]");
    assert_true(resource_changed(&rc, "Tags"));
    rc.old_stack_tags = rc.stack_tags;
    assert_false(resource_changed(&rc, "Tags"));
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_coerced_or_refused),
        cmocka_unit_test(changes_mean_what_the_rows_say),
        cmocka_unit_test(attributes_may_end_in_a_wildcard),
        cmocka_unit_test(names_fit_and_tags_merge),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
