/* rand_test.c — form and spread of random values; what chance decides is tested with wide margins.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/map.h"
#include "base/rand.h"

static void bytes_of_any_count_are_filled(void **state)
{
    (void)state;
    unsigned char ored[1000] = {0};
    for (int round = 0; round < 64; round++) {
        unsigned char bytes[1000];
        rand_bytes(bytes, sizeof(bytes));
        for (size_t i = 0; i < sizeof(bytes); i++)
            ored[i] |= bytes[i];
    }
    /* A bit stays 0 in 64 rounds with probability 2^-64. */
    for (size_t i = 0; i < sizeof(ored); i++)
        assert_int_equal(ored[i], 0xFF);
    rand_bytes(ored, 0);
}

static void limits_are_kept_and_reached(void **state)
{
    (void)state;
    bool seen[7] = {false};
    for (int i = 0; i < 2000; i++) {
        uint64_t value = rand_below(7);
        assert_true(value < 7);
        seen[value] = true;
    }
    for (size_t i = 0; i < ARRAY_LEN(seen); i++)
        assert_true(seen[i]);
    assert_int_equal(rand_below(1), 0);
    assert_true(rand_below(UINT64_MAX) < UINT64_MAX);
}

static void uuids_are_version_4_and_differ(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct map seen;
    map_init(&seen, arena);
    for (int i = 0; i < 1000; i++) {
        struct str uuid = rand_uuid(arena);
        assert_int_equal(uuid.len, 36);
        assert_int_equal(strspn(uuid.ptr, "0123456789abcdef-"), 36);
        assert_int_equal(uuid.ptr[8], '-');
        assert_int_equal(uuid.ptr[13], '-');
        assert_int_equal(uuid.ptr[14], '4');
        assert_int_equal(uuid.ptr[18], '-');
        assert_non_null(strchr("89ab", uuid.ptr[19]));
        assert_int_equal(uuid.ptr[23], '-');
        assert_true(map_set(&seen, uuid, NULL));
    }
}

static void text_is_drawn_from_the_alphabet(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct str text = rand_text(arena, STR("abc"), 500);
    assert_int_equal(text.len, 500);
    assert_int_equal(strspn(text.ptr, "abc"), 500);
    assert_true(str_contains(text, STR("a")) && str_contains(text, STR("c")));
    assert_int_equal(rand_text(arena, STR("abc"), 0).len, 0);
}

static void the_seed_of_a_process_stays(void **state)
{
    (void)state;
    assert_int_not_equal(rand_process_seed(), 0);
    assert_int_equal(rand_process_seed(), rand_process_seed());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_of_any_count_are_filled),
        cmocka_unit_test(limits_are_kept_and_reached),
        cmocka_unit_test(uuids_are_version_4_and_differ),
        cmocka_unit_test(text_is_drawn_from_the_alphabet),
        cmocka_unit_test(the_seed_of_a_process_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
