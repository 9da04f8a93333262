/* buf_test.c — growth, the maximum, and both kinds of memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"

static void check_buf(const struct buf *buf, const char *expected)
{
    if (!str_eq_cstr(buf_str(buf), expected))
        fail_msg("got '" STR_FMT "', wanted '%s'", STR_ARG(buf_str(buf)), expected);
}

static void an_unused_buffer_is_an_empty_text(void **state)
{
    (void)state;
    AUTO(buf) struct buf buf;
    buf_init(&buf, NULL, 10);
    assert_true(str_is_set(buf_str(&buf)));
    assert_int_equal(buf_str(&buf).len, 0);
    buf_append(&buf, STR(""));
    buf_append(&buf, (struct str){0});
    buf_consume(&buf, 0);
    assert_false(buf.is_full);
}

static void pieces_are_appended(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct arena *const homes[] = {NULL, arena};
    for (size_t i = 0; i < ARRAY_LEN(homes); i++) {
        AUTO(buf) struct buf buf;
        buf_init(&buf, homes[i], 100);
        buf_append(&buf, STR("a"));
        buf_append_cstr(&buf, "bc");
        buf_append_char(&buf, 'd');
        buf_append_i64(&buf, INT64_MIN);
        buf_append_i64(&buf, 0);
        buf_append_i64(&buf, INT64_MAX);
        buf_append_format(&buf, "<%s|%03d>", "x", 7);
        check_buf(&buf, "abcd-922337203685477580809223372036854775807<x|007>");
        buf_consume(&buf, 3);
        check_buf(&buf, "d-922337203685477580809223372036854775807<x|007>");
        buf_clear(&buf);
        check_buf(&buf, "");
        buf_append(&buf, STR("again"));
        check_buf(&buf, "again");
    }
}

static void content_survives_growth(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct arena *const homes[] = {NULL, arena};
    for (size_t i = 0; i < ARRAY_LEN(homes); i++) {
        AUTO(buf) struct buf buf;
        buf_init(&buf, homes[i], 1000000);
        for (int k = 0; k < 100000; k++)
            buf_append_char(&buf, (char)('a' + k % 26));
        assert_int_equal(buf.len, 100000);
        for (int k = 0; k < 100000; k++)
            assert_int_equal(buf.ptr[k], 'a' + k % 26);
    }
}

static void what_exceeds_the_maximum_is_refused_whole(void **state)
{
    (void)state;
    AUTO(buf) struct buf buf;
    buf_init(&buf, NULL, 5);
    buf_append(&buf, STR("abc"));
    buf_append(&buf, STR("def"));
    assert_true(buf.is_full);
    check_buf(&buf, "abc");
    buf_append(&buf, STR("de"));
    check_buf(&buf, "abcde");
    assert_true(buf.is_full); /* until it is cleared */
    buf_append_char(&buf, 'f');
    check_buf(&buf, "abcde");
    buf_clear(&buf);
    assert_false(buf.is_full);
    assert_null(buf_reserve(&buf, 6));
    assert_true(buf.is_full);
    buf_clear(&buf);
    assert_null(buf_reserve(&buf, SIZE_MAX));
}

static void a_format_may_fill_the_buffer_to_the_last_byte(void **state)
{
    (void)state;
    AUTO(buf) struct buf buf;
    buf_init(&buf, NULL, 5);
    buf_append_format(&buf, "%s", "abcde");
    check_buf(&buf, "abcde");
    assert_false(buf.is_full);
    buf_append_format(&buf, "%s", "");
    assert_false(buf.is_full);
    buf_append_format(&buf, "%s", "f");
    assert_true(buf.is_full);
    check_buf(&buf, "abcde");
}

static void reserved_room_is_counted_by_the_caller(void **state)
{
    (void)state;
    AUTO(buf) struct buf buf;
    buf_init(&buf, NULL, 100);
    char *room = buf_reserve(&buf, 100);
    assert_non_null(room);
    memset(room, 'x', 100);
    buf.len += 3;
    check_buf(&buf, "xxx");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_unused_buffer_is_an_empty_text),
        cmocka_unit_test(pieces_are_appended),
        cmocka_unit_test(content_survives_growth),
        cmocka_unit_test(what_exceeds_the_maximum_is_refused_whole),
        cmocka_unit_test(a_format_may_fill_the_buffer_to_the_last_byte),
        cmocka_unit_test(reserved_room_is_counted_by_the_caller),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
