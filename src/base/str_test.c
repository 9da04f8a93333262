/* str_test.c — comparing, cutting, copying, numbers, hashing and UTF-8. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/str.h"

static const struct str absent = {0};

static void check_str(struct str actual, struct str expected)
{
    if (!str_eq(actual, expected))
        fail_msg("got '" STR_FMT "', wanted '" STR_FMT "'", STR_ARG(actual), STR_ARG(expected));
}

static void absent_and_empty_are_equal_but_not_the_same(void **state)
{
    (void)state;
    assert_true(str_eq(absent, STR("")));
    assert_false(str_is_set(absent));
    assert_true(str_is_set(STR("")));
    assert_false(str_is_set(str_from_cstr(NULL)));
    check_str(str_or(absent, STR("x")), STR("x"));
    check_str(str_or(STR(""), STR("x")), STR(""));
}

static void text_is_compared_byte_by_byte(void **state)
{
    (void)state;
    assert_true(str_eq(STR("a\0b"), STR("a\0b")));
    assert_false(str_eq(STR("a\0b"), STR("a\0c")));
    assert_false(str_eq(STR("a"), STR("ab")));
    assert_true(str_eq_cstr(STR("abc"), "abc"));
    assert_true(str_eq_nocase(STR("Content-TYPE[@`{"), STR("cONTENT-type[@`{")));
    assert_false(str_eq_nocase(STR("@"), STR("`")));
    assert_false(str_eq_nocase(STR("a"), STR("ab")));
    assert_true(str_eq_secret(STR("abc"), STR("abc")));
    assert_false(str_eq_secret(STR("abc"), STR("abd")));
    assert_false(str_eq_secret(STR("abc"), STR("ab")));
    assert_true(str_eq_secret(absent, STR("")));
}

static void order_is_that_of_unsigned_bytes(void **state)
{
    (void)state;
    static const struct str ordered[] = {STR_INIT(""),        STR_INIT("\0"), STR_INIT("A"),
                                         STR_INIT("AB"),      STR_INIT("B"),  STR_INIT("a"),
                                         STR_INIT("\xC3\xA9")};
    for (size_t i = 0; i < ARRAY_LEN(ordered); i++) {
        for (size_t k = 0; k < ARRAY_LEN(ordered); k++) {
            int order = str_compare(ordered[i], ordered[k]);
            assert_int_equal((order > 0) - (order < 0), (i > k) - (i < k));
        }
    }
    assert_int_equal(str_compare(absent, STR("")), 0);
}

static void parts_are_found(void **state)
{
    (void)state;
    struct str text = STR("abcabc");
    assert_int_equal(str_index(text, 'b'), 1);
    assert_int_equal(str_last_index(text, 'b'), 4);
    assert_int_equal(str_index(text, 'x'), -1);
    assert_int_equal(str_index(absent, 'x'), -1);
    assert_int_equal(str_last_index(absent, 'x'), -1);
    assert_int_equal(str_find(text, STR("ca")), 2);
    assert_int_equal(str_find(text, STR("")), 0);
    assert_int_equal(str_find(STR("ab"), text), -1);
    assert_int_equal(str_find(absent, STR("a")), -1);
    assert_true(str_contains(text, STR("bca")));
    assert_true(str_starts_with(text, STR("abc")));
    assert_true(str_starts_with(text, absent));
    assert_false(str_starts_with(STR("ab"), text));
    assert_true(str_ends_with(text, STR("bc")));
    assert_false(str_ends_with(text, STR("b")));
    assert_true(str_ends_with(absent, absent));
}

static void slices_are_clipped(void **state)
{
    (void)state;
    struct str text = STR("abc");
    check_str(str_slice(text, 1, 1), STR("b"));
    check_str(str_slice(text, 1, 100), STR("bc"));
    check_str(str_slice(text, 100, 1), STR(""));
    check_str(str_slice(text, 2, SIZE_MAX), STR("c"));
    check_str(str_from(text, 3), STR(""));
    assert_true(str_is_set(str_from(text, 3)));
    assert_false(str_is_set(str_slice(absent, 0, 1)));
    check_str(str_trim(STR(" \t\r\n a b \n")), STR("a b"));
    check_str(str_trim(STR("  ")), STR(""));
    check_str(str_trim(absent), STR(""));
}

static void text_is_split_at_each_separator(void **state)
{
    (void)state;
    static const char *const pieces[] = {"a", "", "b", ""};
    struct str rest = STR("a,,b,");
    struct str piece;
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        assert_true(str_split_next(&rest, ',', &piece));
        check_str(piece, str_from_cstr(pieces[i]));
    }
    assert_false(str_split_next(&rest, ',', &piece));
    rest = STR("");
    assert_true(str_split_next(&rest, ',', &piece));
    check_str(piece, STR(""));
    assert_false(str_split_next(&rest, ',', &piece));
    rest = absent;
    assert_false(str_split_next(&rest, ',', &piece));
}

static void copies_end_with_nul(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct str copy = str_copy(arena, STR("abc"));
    assert_string_equal(copy.ptr, "abc");
    assert_false(str_is_set(str_copy(arena, absent)));
    assert_true(str_is_set(str_copy(arena, STR(""))));
    assert_string_equal(str_to_cstr(arena, absent), "");
    check_str(str_format(arena, "%d-%s", 5, "x"), STR("5-x"));
    assert_string_equal(str_format(arena, "%1000d", 1).ptr + 999, "1");
    check_str(str_concat(arena, STR("a"), absent), STR("a"));
    check_str(str_concat3(arena, STR("a"), STR("b\0"), STR("c")), STR("ab\0c"));
    check_str(str_lower(arena, STR("AZ[\xC3\x89")), STR("az[\xC3\x89"));
    check_str(str_upper(arena, STR("az{\xC3\xA9")), STR("AZ{\xC3\xA9"));
}

static void every_occurrence_is_replaced(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *from;
        const char *to;
        const char *result;
    } cases[] = {
        {"", "a", "b", ""},       {"xyz", "a", "b", "xyz"},  {"aaa", "a", "bb", "bbbbbb"},
        {"aaa", "aa", "b", "ba"}, {"a-b-c", "-", "", "abc"}, {"abab", "ab", "ab", "abab"},
        {"xab", "ab", "y", "xy"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *arena = arena_new();
        struct str result = str_replace(arena, str_from_cstr(cases[i].text),
                                        str_from_cstr(cases[i].from), str_from_cstr(cases[i].to));
        check_str(result, str_from_cstr(cases[i].result));
    }
}

static void integers_are_parsed_whole(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int rc;
        int64_t value;
    } cases[] = {
        {"0", 0, 0},
        {"-0", 0, 0},
        {"007", 0, 7},
        {"9223372036854775807", 0, INT64_MAX},
        {"-9223372036854775808", 0, INT64_MIN},
        {"9223372036854775808", -ERANGE, 0},
        {"-9223372036854775809", -ERANGE, 0},
        {"99999999999999999999", -ERANGE, 0},
        {"", -EINVAL, 0},
        {"-", -EINVAL, 0},
        {"+1", -EINVAL, 0},
        {" 1", -EINVAL, 0},
        {"1 ", -EINVAL, 0},
        {"1.0", -EINVAL, 0},
        {"0x1", -EINVAL, 0},
        {"--1", -EINVAL, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t value = 0;
        int rc = str_to_i64(str_from_cstr(cases[i].text), &value);
        if (rc != cases[i].rc || value != cases[i].value)
            fail_msg("'%s': %d, %lld", cases[i].text, rc, (long long)value);
    }
}

static void equal_text_has_equal_hashes(void **state)
{
    (void)state;
    char bytes[64];
    memset(bytes, 'x', sizeof(bytes));
    for (size_t len = 0; len + 9 < sizeof(bytes); len++) {
        /* Wherever it lies and whatever lies behind it. */
        uint64_t hash = str_hash(str_of(bytes, len));
        assert_int_equal(hash, str_hash(str_of(bytes + 9, len)));
        assert_int_not_equal(hash, str_hash(str_of(bytes, len + 1)));
    }
    assert_int_equal(str_hash(absent), str_hash(STR("")));
    assert_int_not_equal(str_hash(STR("\0")), str_hash(STR("")));
    assert_int_not_equal(str_hash(STR("abcdefgh1")), str_hash(STR("abcdefgh2")));
}

static void utf8_is_checked_by_rfc_3629(void **state)
{
    (void)state;
    static const struct str good[] = {
        {0},
        STR_INIT("abc"),
        STR_INIT("\0"),
        STR_INIT("\xC2\x80\xDF\xBF"),
        STR_INIT("\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80\xEF\xBF\xBF"),
        STR_INIT("\xF0\x90\x80\x80\xF4\x8F\xBF\xBF"),
    };
    static const struct str bad[] = {
        STR_INIT("\x80"),
        STR_INIT("\xC1\xBF"),
        STR_INIT("\xC3"),
        STR_INIT("\xC3("),
        STR_INIT("\xE0\x9F\xBF"),
        STR_INIT("\xE2\x82"),
        STR_INIT("\xED\xA0\x80"),
        STR_INIT("\xF0\x8F\xBF\xBF"),
        STR_INIT("\xF0\x9F\x98"),
        STR_INIT("\xF4\x90\x80\x80"),
        STR_INIT("\xF5\x80\x80\x80"),
        STR_INIT("\xFF"),
        STR_INIT("abc\xFF"),
    };
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        assert_true(str_is_utf8(good[i]));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(str_is_utf8(bad[i]));
    assert_int_equal(str_utf8_length(STR("a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80")), 4);
    assert_int_equal(str_utf8_length(absent), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(absent_and_empty_are_equal_but_not_the_same),
        cmocka_unit_test(text_is_compared_byte_by_byte),
        cmocka_unit_test(order_is_that_of_unsigned_bytes),
        cmocka_unit_test(parts_are_found),
        cmocka_unit_test(slices_are_clipped),
        cmocka_unit_test(text_is_split_at_each_separator),
        cmocka_unit_test(copies_end_with_nul),
        cmocka_unit_test(every_occurrence_is_replaced),
        cmocka_unit_test(integers_are_parsed_whole),
        cmocka_unit_test(equal_text_has_equal_hashes),
        cmocka_unit_test(utf8_is_checked_by_rfc_3629),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
