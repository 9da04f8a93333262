/* gzip_test.c — compressing and its inverse; files that are none. */
#include "syntax/gzip.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"

enum {
    MAX_BYTES = 4 * 1024 * 1024,
};

static void what_was_compressed_comes_back(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    for (size_t size = 0; size < 3000000; size = size * 3 + 7) {
        char *text = arena_alloc_text(arena, size + 1);
        uint32_t seed = 7;
        for (size_t i = 0; i < size; i++) {
            seed = seed * 1664525U + 1013904223U;
            text[i] = (char)(unsigned char)(size % 2 == 0 ? 'a' : seed >> 24);
        }
        struct str out = {0};
        struct str file = gzip_compress(arena, str_of(text, size));
        assert_int_equal(gzip_decompress(arena, file, MAX_BYTES, &out), 0);
        assert_true(str_eq(out, str_of(text, size)));
    }
}

static void members_are_joined(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct str out = {0};
    struct str file =
        str_concat(arena, gzip_compress(arena, STR("one ")), gzip_compress(arena, STR("two")));
    assert_int_equal(gzip_decompress(arena, file, MAX_BYTES, &out), 0);
    assert_true(str_eq_cstr(out, "one two"));
}

static void damaged_files_are_refused(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct str out = STR("untouched");
    struct str file = gzip_compress(arena, STR("hello hello hello hello"));
    for (size_t len = 0; len < file.len; len++)
        assert_int_equal(gzip_decompress(arena, str_slice(file, 0, len), MAX_BYTES, &out), -EINVAL);
    assert_int_equal(gzip_decompress(arena, STR("no gzip"), MAX_BYTES, &out), -EINVAL);
    assert_int_equal(gzip_decompress(arena, file, 5, &out), -EFBIG);
    assert_true(str_eq_cstr(out, "untouched"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_compressed_comes_back),
        cmocka_unit_test(members_are_joined),
        cmocka_unit_test(damaged_files_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
