/* value_test.c — attribute values: what requests may hold, rows, sizes, sets, order. */
#include "service/dynamodb/value.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/arena.h"

static struct ddb_value accept(struct arena *arena, const struct dynamodb_attribute_value *in)
{
    struct ddb_value value;
    struct str message = {0};
    if (ddb_value_from_api(arena, in, &value, &message) < 0)
        fail_msg("%s", str_to_cstr(arena, message));
    return value;
}

/* A value with everything in it. */
static struct ddb_value sample(struct arena *arena)
{
    static struct str texts[] = {STR_INIT("b"), STR_INIT("a")};
    static struct str numbers[] = {STR_INIT("10"), STR_INIT("9.50"), STR_INIT("-1")};
    static struct dynamodb_attribute_value items[] = {{.s = STR_INIT("")},
                                                      {.null = {true, true}},
                                                      {.bool_ = {true, true}},
                                                      {.bool_ = {true, false}}};
    static struct dynamodb_map_attribute_value_entry entries[4];
    entries[0].key = STR("z");
    entries[0].value.ss = (struct dynamodb_string_set_attribute_value){texts, 2, true};
    entries[1].key = STR("a");
    entries[1].value.ns = (struct dynamodb_number_set_attribute_value){numbers, 3, true};
    entries[2].key = STR("m");
    entries[2].value.l = (struct dynamodb_list_attribute_value){items, 4, true};
    entries[3].key = STR("b");
    entries[3].value.b = str_of("\0\xFF", 2);
    const struct dynamodb_attribute_value in = {
        .m = (struct dynamodb_map_attribute_value){entries, 4, true}};
    return accept(arena, &in);
}

static void values_are_in_normal_form(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    const struct ddb_value value = sample(arena);
    static const char *const names[] = {"a", "b", "m", "z"};
    assert_int_equal(value.count, ARRAY_LEN(names));
    for (uint32_t i = 0; i < value.count; i++)
        assert_true(str_eq_cstr(value.items[i].name, names[i]));
    const struct ddb_value *numbers = ddb_map_find(&value, STR("a"));
    static const char *const sorted[] = {"-1", "9.5", "10"};
    for (uint32_t i = 0; i < numbers->count; i++)
        assert_true(str_eq_cstr(numbers->items[i].text, sorted[i]));
    assert_true(str_eq_cstr(ddb_map_find(&value, STR("z"))->items[0].text, "a"));
}

static void rows_give_back_what_was_written(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    const struct ddb_value value = sample(arena);
    const struct str blob = ddb_value_to_blob(arena, &value);
    struct ddb_value again;
    assert_int_equal(ddb_value_from_blob(arena, blob, &again), 0);
    assert_true(ddb_value_equal(&value, &again));
    for (size_t len = 0; len < blob.len; len++)
        assert_true(ddb_value_from_blob(arena, str_slice(blob, 0, len), &again) < 0);
    struct dynamodb_attribute_value out = {0};
    ddb_value_to_api(arena, &value, &out);
    const struct ddb_value back = accept(arena, &out);
    assert_true(ddb_value_equal(&value, &back));
}

/* AWS: "DynamoDB item sizes and formats". */
static void sizes_follow_the_rules(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    const struct ddb_value value = sample(arena);
    /* 3 and 1 for each member of a document; names; a: -1 is 3, 9.5 is 3, 10 is 2; b: 2;
     * m: 3 + 4 members of 1 with 0, 1, 1, 1; z: 1 + 1. */
    assert_int_equal(ddb_value_size(&value), 3 + 4 + 4 + (3 + 3 + 2) + 2 + (3 + 4 + 3) + 2);
    assert_int_equal(ddb_item_size(&value), ddb_value_size(&value) - 3 - 4);
}

static void maps_change_in_place(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct ddb_value map = {.type = DDB_M};
    const struct ddb_value one = ddb_text_value(DDB_N, STR("1"));
    const struct ddb_value two = ddb_text_value(DDB_N, STR("2"));
    ddb_map_set(arena, &map, STR("b"), &one);
    ddb_map_set(arena, &map, STR("a"), &one);
    ddb_map_set(arena, &map, STR("c"), &one);
    ddb_map_set(arena, &map, STR("b"), &two);
    assert_int_equal(map.count, 3);
    assert_true(ddb_value_equal(ddb_map_find(&map, STR("b")), &two));
    ddb_map_remove(&map, STR("b"));
    ddb_map_remove(&map, STR("x"));
    assert_int_equal(map.count, 2);
    assert_null(ddb_map_find(&map, STR("b")));
    assert_true(str_eq_cstr(map.items[1].name, "c"));
}

static struct ddb_value text_set(struct arena *arena, const char *letters)
{
    const struct str all = str_from_cstr(letters);
    struct ddb_value set = {.type = DDB_SS, .count = (uint32_t)all.len};
    set.items = arena_alloc_array(arena, all.len, sizeof(*set.items));
    for (size_t i = 0; i < all.len; i++)
        set.items[i] = ddb_text_value(DDB_S, str_slice(all, i, 1));
    return set;
}

static void sets_unite_and_differ(void **state)
{
    (void)state;
    static const struct {
        const char *a;
        const char *b;
        const char *both;
        const char *rest;
    } cases[] = {
        {"ac", "bd", "abcd", "ac"}, {"abc", "b", "abc", "ac"}, {"", "ab", "ab", ""},
        {"ab", "", "ab", "ab"},     {"ab", "ab", "ab", ""},
    };
    AUTO(arena) struct arena *arena = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct ddb_value a = text_set(arena, cases[i].a);
        const struct ddb_value b = text_set(arena, cases[i].b);
        const struct ddb_value both = ddb_set_union(arena, &a, &b);
        const struct ddb_value rest = ddb_set_difference(arena, &a, &b);
        const struct ddb_value expected_both = text_set(arena, cases[i].both);
        const struct ddb_value expected_rest = text_set(arena, cases[i].rest);
        assert_true(ddb_value_equal(&both, &expected_both));
        assert_true(ddb_value_equal(&rest, &expected_rest));
    }
}

static void deep_values_are_refused(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct dynamodb_attribute_value levels[DDB_DEPTH_MAX + 1] = {{.s = STR_INIT("leaf")}};
    struct ddb_value value;
    struct str message = {0};
    for (size_t i = 1; i < ARRAY_LEN(levels); i++)
        levels[i].l = (struct dynamodb_list_attribute_value){&levels[i - 1], 1, true};
    value = accept(arena, &levels[DDB_DEPTH_MAX - 1]);
    struct ddb_value item = {.type = DDB_M};
    ddb_map_set(arena, &item, STR("v"), &value);
    struct ddb_value again;
    assert_int_equal(ddb_value_from_blob(arena, ddb_value_to_blob(arena, &item), &again), 0);
    assert_true(ddb_value_from_api(arena, &levels[DDB_DEPTH_MAX], &value, &message) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_in_normal_form),
        cmocka_unit_test(rows_give_back_what_was_written),
        cmocka_unit_test(sizes_follow_the_rules),
        cmocka_unit_test(maps_change_in_place),
        cmocka_unit_test(sets_unite_and_differ),
        cmocka_unit_test(deep_values_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
