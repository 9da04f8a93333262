/* uri_test.c — percent coding as SigV4 wants it, and form pairs. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/rand.h"
#include "syntax/uri.h"

static void check_str(struct str actual, struct str expected)
{
    if (!str_eq(actual, expected))
        fail_msg("got '" STR_FMT "', wanted '" STR_FMT "'", STR_ARG(actual), STR_ARG(expected));
}

static void only_unreserved_characters_stay(void **state)
{
    (void)state;
    static const struct {
        struct str text;
        bool keep_slash;
        const char *coded;
    } cases[] = {
        {STR_INIT(""), false, ""},
        {STR_INIT("AZaz09-_.~"), false, "AZaz09-_.~"},
        {STR_INIT("a b"), false, "a%20b"},
        {STR_INIT("a+b"), false, "a%2Bb"},
        {STR_INIT("a/b"), false, "a%2Fb"},
        {STR_INIT("a/b c"), true, "a/b%20c"},
        {STR_INIT("!*'();:@&=$,?%#[]"), false,
         "%21%2A%27%28%29%3B%3A%40%26%3D%24%2C%3F%25%23%5B%5D"},
        {STR_INIT("\xE1\x88\xB4"), false, "%E1%88%B4"},
        {STR_INIT("\0\x7F\xFF"), false, "%00%7F%FF"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *arena = arena_new();
        struct str coded = str_from_cstr(cases[i].coded);
        check_str(uri_encode_str(arena, cases[i].text, cases[i].keep_slash), coded);
        struct buf out;
        buf_init(&out, arena, 200);
        buf_append(&out, STR("/"));
        uri_encode(&out, cases[i].text, cases[i].keep_slash);
        check_str(str_from(buf_str(&out), 1), coded);
        struct str decoded = {0};
        assert_int_equal(uri_decode(arena, coded, false, &decoded), 0);
        check_str(decoded, cases[i].text);
    }
}

static void escapes_and_plus_are_decoded(void **state)
{
    (void)state;
    static const struct {
        struct str text;
        bool plus_is_space;
        struct str decoded;
    } cases[] = {
        {STR_INIT("a+b"), true, STR_INIT("a b")},
        {STR_INIT("a+b"), false, STR_INIT("a+b")},
        {STR_INIT("%2b%2B+"), true, STR_INIT("++ ")},
        {STR_INIT("%e1%88%B4"), false, STR_INIT("\xE1\x88\xB4")},
        {STR_INIT("%00"), false, STR_INIT("\0")},
        {STR_INIT("%2541"), false, STR_INIT("%41")},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *arena = arena_new();
        struct str decoded = {0};
        assert_int_equal(uri_decode(arena, cases[i].text, cases[i].plus_is_space, &decoded), 0);
        check_str(decoded, cases[i].decoded);
    }
}

static void broken_escapes_are_refused(void **state)
{
    (void)state;
    static const struct str cases[] = {STR_INIT("%"),    STR_INIT("%2"),  STR_INIT("a%"),
                                       STR_INIT("%zz"),  STR_INIT("%2g"), STR_INIT("%g2"),
                                       STR_INIT("%%41"), STR_INIT("%-1"), STR_INIT("ab%4")};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *arena = arena_new();
        struct str decoded = {0};
        struct form form = {0};
        assert_int_equal(uri_decode(arena, cases[i], false, &decoded), -EINVAL);
        assert_false(str_is_set(decoded));
        assert_int_equal(form_parse(arena, cases[i], true, &form), -EINVAL);
        assert_int_equal(form_parse(arena, str_concat(arena, STR("a="), cases[i]), true, &form),
                         -EINVAL);
        assert_null(form.fields);
    }
}

static void uncoded_text_is_borrowed(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct str text = STR("plain/text");
    struct str decoded = {0};
    assert_int_equal(uri_decode(arena, text, true, &decoded), 0);
    assert_ptr_equal(decoded.ptr, text.ptr);
    assert_int_equal(arena_used(arena), 0);
}

static void pairs_are_cut_and_decoded(void **state)
{
    (void)state;
    static const struct {
        struct str name;
        struct str value;
        bool has_equals;
    } expected[] = {
        {STR_INIT("Action"), STR_INIT("SendMessage"), true},
        {STR_INIT("acl"), STR_INIT(""), false},
        {STR_INIT("empty"), STR_INIT(""), true},
        {STR_INIT(""), STR_INIT("no name"), true},
        {STR_INIT("a b"), STR_INIT("c&d=e"), true},
        {STR_INIT("x"), STR_INIT("1=2"), true},
        {STR_INIT("Action"), STR_INIT("second"), true},
    };
    AUTO(arena) struct arena *arena = arena_new();
    struct form form = {0};
    struct str text = STR("&Action=SendMessage&acl&&empty=&=no+name&a%20b=c%26d%3De&x=1=2&"
                          "Action=second&");
    assert_int_equal(form_parse(arena, text, true, &form), 0);
    assert_int_equal(form.count, ARRAY_LEN(expected));
    for (size_t i = 0; i < form.count; i++) {
        check_str(form.fields[i].name, expected[i].name);
        check_str(form.fields[i].value, expected[i].value);
        assert_int_equal(form.fields[i].has_equals, expected[i].has_equals);
    }
    check_str(form_find(&form, STR("Action")), STR("SendMessage"));
    assert_true(str_is_set(form_find(&form, STR("acl"))));
    assert_false(str_is_set(form_find(&form, STR("action"))));
}

static void nothing_gives_no_pairs(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    static const struct str cases[] = {{0}, STR_INIT(""), STR_INIT("&"), STR_INIT("&&&")};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct form form = {.count = 9};
        assert_int_equal(form_parse(arena, cases[i], true, &form), 0);
        assert_int_equal(form.count, 0);
        assert_false(str_is_set(form_find(&form, STR("a"))));
    }
}

static void fields_are_limited(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct buf out;
    buf_init(&out, arena, 1024 * 1024);
    for (int i = 0; i < FORM_MAX_FIELDS; i++)
        buf_append(&out, STR("a=1&"));
    struct form form = {0};
    assert_int_equal(form_parse(arena, buf_str(&out), true, &form), 0);
    assert_int_equal(form.count, FORM_MAX_FIELDS);
    buf_append(&out, STR("a"));
    assert_int_equal(form_parse(arena, buf_str(&out), true, &form), -E2BIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_unreserved_characters_stay),
        cmocka_unit_test(escapes_and_plus_are_decoded),
        cmocka_unit_test(broken_escapes_are_refused),
        cmocka_unit_test(uncoded_text_is_borrowed),
        cmocka_unit_test(pairs_are_cut_and_decoded),
        cmocka_unit_test(nothing_gives_no_pairs),
        cmocka_unit_test(fields_are_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
