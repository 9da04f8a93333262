/* arena_test.c — alignment, zeroing, growth and reset of arenas. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"

static bool is_zero(const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] != 0)
            return false;
    }
    return true;
}

static void objects_are_aligned_and_zeroed(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    for (size_t size = 0; size < 3000; size += 7) {
        arena_alloc_text(arena, size % 5); /* moves the bump pointer off its alignment */
        char *object = arena_alloc(arena, size);
        assert_int_equal((uintptr_t)object % 16, 0);
        assert_true(is_zero(object, size));
        memset(object, 0xFF, size);
    }
}

static void objects_do_not_overlap(void **state)
{
    (void)state;
    enum {
        COUNT = 2000,
    };
    AUTO(arena) struct arena *arena = arena_new();
    char *objects[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        objects[i] = i % 2 ? arena_alloc(arena, i) : arena_alloc_text(arena, i);
        memset(objects[i], (int)(i % 251), i);
    }
    for (size_t i = 0; i < COUNT; i++) {
        for (size_t k = 0; k < i; k++)
            assert_int_equal((unsigned char)objects[i][k], i % 251);
    }
}

static void a_large_object_gets_its_own_room(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    size_t size = 5 * 1024 * 1024;
    char *large = arena_alloc(arena, size);
    assert_true(is_zero(large, size));
    memset(large, 1, size);
    char *small = arena_alloc(arena, 10);
    assert_true(is_zero(small, 10));
}

static void nothing_is_a_valid_size(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    assert_non_null(arena_alloc(arena, 0));
    assert_non_null(arena_alloc_text(arena, 0));
    assert_non_null(arena_alloc_array(arena, 0, 8));
    assert_ptr_not_equal(arena_alloc(arena, 0), arena_alloc(arena, 0));
}

static void a_reset_arena_gives_zeroed_memory_again(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    char *first = arena_alloc(arena, 100);
    memset(first, 0xFF, 100);
    arena_alloc(arena, 100000);
    assert_true(arena_used(arena) >= 100100);
    arena_reset(arena);
    assert_int_equal(arena_used(arena), 0);
    char *again = arena_alloc(arena, 100);
    assert_ptr_equal(again, first); /* the first chunk is kept */
    assert_true(is_zero(again, 100));
}

static void arrays_are_zeroed(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    const char *items = arena_alloc_array(arena, 100, 24);
    assert_true(is_zero(items, 2400));
}

static void freeing_nothing_is_allowed(void **state)
{
    (void)state;
    arena_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_are_aligned_and_zeroed),
        cmocka_unit_test(objects_do_not_overlap),
        cmocka_unit_test(a_large_object_gets_its_own_room),
        cmocka_unit_test(nothing_is_a_valid_size),
        cmocka_unit_test(a_reset_arena_gives_zeroed_memory_again),
        cmocka_unit_test(arrays_are_zeroed),
        cmocka_unit_test(freeing_nothing_is_allowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
