/* vec_test.c — pushing, popping and sorting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/vec.h"

static int compare_ints(const void *a, const void *b)
{
    const int *left = a;
    const int *right = b;
    return (*left > *right) - (*left < *right);
}

static void items_keep_their_place_while_it_grows(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct vec vec;
    vec_init(&vec, arena, sizeof(int));
    for (int i = 0; i < 5000; i++) {
        int *item = vec_push(&vec);
        assert_int_equal(*item, 0);
        *item = i;
    }
    assert_int_equal(vec.count, 5000);
    for (size_t i = 0; i < vec.count; i++)
        assert_int_equal(*(int *)vec_at(&vec, i), i);
}

static void a_popped_place_is_zeroed_when_used_again(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct vec vec;
    vec_init(&vec, arena, sizeof(int));
    *(int *)vec_push(&vec) = 1;
    *(int *)vec_push(&vec) = 2;
    vec_pop(&vec);
    assert_int_equal(vec.count, 1);
    assert_int_equal(*(int *)vec_push(&vec), 0);
}

static void items_are_sorted(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct vec vec;
    vec_init(&vec, arena, sizeof(int));
    vec_sort(&vec, compare_ints); /* nothing is sorted already */
    for (int i = 0; i < 1000; i++)
        *(int *)vec_push(&vec) = i * 617 % 1000;
    vec_sort(&vec, compare_ints);
    for (size_t i = 0; i < vec.count; i++)
        assert_int_equal(*(int *)vec_at(&vec, i), i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_keep_their_place_while_it_grows),
        cmocka_unit_test(a_popped_place_is_zeroed_when_used_again),
        cmocka_unit_test(items_are_sorted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
