/* seal_test.c — what was sealed opens with its key only, and unchanged only. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "auth/seal.h"
#include "base/arena.h"

static const char key_bytes[SEAL_KEY_BYTES + 1] = "0123456789abcdef0123456789abcdef";
static const char other_bytes[SEAL_KEY_BYTES + 1] = "0123456789abcdef0123456789abcdeg";

static struct str key_of(const char *bytes)
{
    return str_of(bytes, SEAL_KEY_BYTES);
}

static void what_was_sealed_opens(void **state)
{
    struct arena *arena = *state;
    char *longest = arena_alloc_text(arena, 64 * 1024);
    memset(longest, 'z', 64 * 1024);
    const struct str texts[] = {STR(""), STR("x"), str_of("a\0b", 3), str_of(longest, 64 * 1024)};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct str sealed = seal(arena, key_of(key_bytes), texts[i]);
        struct str plain = STR("untouched");
        assert_int_equal(unseal(arena, key_of(key_bytes), sealed, &plain), 0);
        assert_true(str_eq(plain, texts[i]));
    }
}

static void the_same_text_is_never_sealed_alike(void **state)
{
    struct arena *arena = *state;
    assert_false(
        str_eq(seal(arena, key_of(key_bytes), STR("x")), seal(arena, key_of(key_bytes), STR("x"))));
}

static void another_key_does_not_open_it(void **state)
{
    struct arena *arena = *state;
    struct str plain = STR("untouched");
    struct str sealed = seal(arena, key_of(key_bytes), STR("secret"));
    assert_int_equal(unseal(arena, key_of(other_bytes), sealed, &plain), -EBADMSG);
    assert_true(str_eq_cstr(plain, "untouched"));
}

static void no_bit_of_it_may_change(void **state)
{
    struct arena *arena = *state;
    struct str sealed = seal(arena, key_of(key_bytes), STR("secret"));
    for (size_t i = 0; i < sealed.len * 8; i++) {
        char *changed = str_to_cstr(arena, sealed);
        changed[i / 8] = (char)(changed[i / 8] ^ (1 << (i % 8)));
        struct str plain = {0};
        assert_int_equal(unseal(arena, key_of(key_bytes), str_of(changed, sealed.len), &plain),
                         -EBADMSG);
    }
    for (size_t len = 0; len < sealed.len; len++) {
        struct str plain = {0};
        assert_int_equal(unseal(arena, key_of(key_bytes), str_slice(sealed, 0, len), &plain),
                         -EBADMSG);
    }
}

static int setup(void **state)
{
    *state = arena_new();
    return 0;
}

static int teardown(void **state)
{
    arena_free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_sealed_opens, setup, teardown),
        cmocka_unit_test_setup_teardown(the_same_text_is_never_sealed_alike, setup, teardown),
        cmocka_unit_test_setup_teardown(another_key_does_not_open_it, setup, teardown),
        cmocka_unit_test_setup_teardown(no_bit_of_it_may_change, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
