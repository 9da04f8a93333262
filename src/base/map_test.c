/* map_test.c — finding, replacing, and the order of insertion. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/map.h"

static void an_empty_map_has_nothing(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct map map;
    map_init(&map, arena);
    assert_null(map_find(&map, STR("a")));
    assert_false(map_has(&map, STR("")));
}

static void a_key_is_set_once_and_then_replaced(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct map map;
    map_init(&map, arena);
    int one = 1;
    int two = 2;
    assert_true(map_set(&map, STR("a"), &one));
    assert_false(map_set(&map, STR("a"), &two));
    assert_ptr_equal(map_find(&map, STR("a")), &two);
    assert_true(map_set(&map, STR(""), NULL));
    assert_true(map_has(&map, STR("")));
    assert_null(map_find(&map, STR("")));
    assert_true(map_set(&map, STR("a\0"), &one));
    assert_int_equal(map.count, 3);
}

static void many_keys_are_found_and_stay_in_order(void **state)
{
    (void)state;
    enum {
        COUNT = 20000,
    };
    AUTO(arena) struct arena *arena = arena_new();
    struct map map;
    map_init(&map, arena);
    int *values = arena_alloc_array(arena, COUNT, sizeof(int));
    for (int i = 0; i < COUNT; i++) {
        values[i] = i;
        assert_true(map_set(&map, str_format(arena, "key-%d", i), &values[i]));
    }
    assert_int_equal(map.count, COUNT);
    for (int i = 0; i < COUNT; i++) {
        assert_ptr_equal(map_find(&map, str_format(arena, "key-%d", i)), &values[i]);
        assert_ptr_equal(map.entries[i].value, &values[i]);
    }
    assert_null(map_find(&map, STR("key-20000")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_map_has_nothing),
        cmocka_unit_test(a_key_is_set_once_and_then_replaced),
        cmocka_unit_test(many_keys_are_found_and_stay_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
