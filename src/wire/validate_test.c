/* validate_test.c — constraints of the model, in AWS's words. */
#include "wire/protocol_check.h"

static void assert_invalid(const struct fix_limits *in, const char *message)
{
    struct arena *arena = arena_new();
    struct str text = {0};
    assert_int_equal(wire_validate(arena, &fix_limits_shape, in, &text), -EINVAL);
    assert_str(text, message);
    arena_free(arena);
}

static void accepts_what_fits(void **state UNUSED)
{
    struct arena *arena = arena_new();
    struct str codes[] = {STR("abc"), STR("abd")};
    struct fix_attribute attributes[] = {{STR("abc"), STR("RED")}};
    const struct fix_limits in = {
        .name = STR("abc"),
        .count = opt_i32(10),
        .color = STR("GREEN"),
        .secret = STR("123456"),
        .codes = {codes, 2, true},
        .attributes = {attributes, 1, true},
    };
    struct str message = {0};
    assert_int_equal(wire_validate(arena, &fix_limits_shape, &in, &message), 0);
    arena_free(arena);
}

static void names_each_violation(void **state UNUSED)
{
    assert_invalid(&(struct fix_limits){0},
                   "1 validation error detected: Value null at 'queueName' failed to satisfy "
                   "constraint: Member must not be null");
    assert_invalid(&(struct fix_limits){.name = STR("abcdef"), .count = opt_i32(0)},
                   "2 validation errors detected: Value 'abcdef' at 'queueName' failed to satisfy "
                   "constraint: Member must have length less than or equal to 5; Value '0' at "
                   "'count' failed to satisfy constraint: Member must have value greater than or "
                   "equal to 1");
    assert_invalid(&(struct fix_limits){.name = STR("A")},
                   "2 validation errors detected: Value 'A' at 'queueName' failed to satisfy "
                   "constraint: Member must have length greater than or equal to 2; Value 'A' at "
                   "'queueName' failed to satisfy constraint: Member must satisfy regular "
                   "expression pattern: [a-z]+");
    assert_invalid(&(struct fix_limits){.name = STR("abc"), .color = STR("BLUE")},
                   "1 validation error detected: Value 'BLUE' at 'color' failed to satisfy "
                   "constraint: Member must satisfy enum value set: [RED, GREEN]");
    assert_invalid(&(struct fix_limits){.name = STR("abc"), .secret = STR("x")},
                   "1 validation error detected: Value at 'password' failed to satisfy constraint: "
                   "Member must have length greater than or equal to 6");
}

static void counts_characters_not_bytes(void **state UNUSED)
{
    struct arena *arena = arena_new();
    struct str message = {0};
    const struct fix_limits in = {.name = STR("abc"), .secret = STR("\xc3\xa9\xc3\xa9\xc3\xa9")};
    assert_int_equal(wire_validate(arena, &fix_limits_shape, &in, &message), -EINVAL);
    arena_free(arena);
}

static void reports_items_of_simple_collections_at_the_collection(void **state UNUSED)
{
    struct str codes[] = {STR("abc"), STR("A")};
    assert_invalid(&(struct fix_limits){.name = STR("abc"), .codes = {codes, 2, true}},
                   "1 validation error detected: Value '[abc, A]' at 'codes' failed to satisfy "
                   "constraint: Member must satisfy constraint: [Member must have length less than "
                   "or equal to 5, Member must have length greater than or equal to 2, Member must "
                   "satisfy regular expression pattern: [a-z]+]");
    struct str twice[] = {STR("abc"), STR("abc")};
    assert_invalid(&(struct fix_limits){.name = STR("abc"), .codes = {twice, 2, true}},
                   "1 validation error detected: Value '[abc, abc]' at 'codes' failed to satisfy "
                   "constraint: Member must have unique values");
    struct fix_attribute attributes[] = {{STR("abc"), STR("BLUE")}};
    assert_invalid(&(struct fix_limits){.name = STR("abc"), .attributes = {attributes, 1, true}},
                   "1 validation error detected: Value '{abc=BLUE}' at 'attributes' failed to "
                   "satisfy constraint: Map value must satisfy constraint: [Member must satisfy "
                   "enum value set: [RED, GREEN]]");
}

static void reports_structures_in_lists_by_path(void **state UNUSED)
{
    struct fix_inner deep = {0};
    struct fix_inner inners[] = {{.text = STR("a")}, {.text = STR("b"), .next = &deep}};
    assert_invalid(&(struct fix_limits){.name = STR("abc"), .inners = {inners, 2, true}},
                   "1 validation error detected: Value null at 'inners.2.member.next.text' failed "
                   "to satisfy constraint: Member must not be null");
}

static void lists_at_most_ten(void **state UNUSED)
{
    struct arena *arena = arena_new();
    struct fix_inner inners[20] = {{.next = NULL}};
    struct str message = {0};
    const struct fix_limits in = {.name = STR("abc"), .inners = {inners, 20, true}};
    assert_int_equal(wire_validate(arena, &fix_limits_shape, &in, &message), -EINVAL);
    assert_true(str_starts_with(message, STR("10 validation errors detected: ")));
    assert_false(str_contains(message, STR("inners.11")));
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_what_fits),
        cmocka_unit_test(names_each_violation),
        cmocka_unit_test(counts_characters_not_bytes),
        cmocka_unit_test(reports_items_of_simple_collections_at_the_collection),
        cmocka_unit_test(reports_structures_in_lists_by_path),
        cmocka_unit_test(lists_at_most_ten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
