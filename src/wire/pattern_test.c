/* pattern_test.c — the patterns of models as Java would match them. */
#include "wire/pattern.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/arena.h"

static void matches_as_java_does(void **state UNUSED)
{
    static const struct {
        const char *pattern;
        const char *text;
        bool matches;
    } cases[] = {
        {"[a-z]+", "abc", true},
        {"[a-z]+", "abc1", false}, /* the whole value, anchors or not */
        {"^[a-z]+$", "abc\n", false},
        {"[\\w+=,.@-]+", "a_b@c", true},
        {"a|ab", "ab", true},
        {".*", "line\nbreak", false},
        {"[\\u0020-\\u00FF]+", "\xc3\xa9", true},
        {"[\\u0020-\\uD7FF\\uE000-\\uFFFD\\uD800\\uDC00-\\uDBFF\\uDFFF\\r\\n\\t]*",
         "\xf0\x9f\x98\x80 \xe2\x82\xac", true},
        {"[\\u0020-\\u00FF]+", "\xe2\x82\xac", false},
        {"[\\p{L}\\p{Z}]*", "\xc3\xa9 a", true},
        {"(unclosed", "anything", true}, /* does not compile: no constraint */
        {"", "", true},
        {"[a-z]+", "\xff", false}, /* not UTF-8 */
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (pattern_matches(cases[i].pattern, str_from_cstr(cases[i].text)) != cases[i].matches)
            fail_msg("%s on %s", cases[i].pattern, cases[i].text);
}

static void gives_up_on_endless_matches(void **state UNUSED)
{
    assert_false(pattern_matches("(a+)+b", STR("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac")));
}

static void matches_long_values(void **state UNUSED)
{
    enum { LENGTH = 10000 };
    struct arena *arena = arena_new();
    char *text = arena_alloc_text(arena, LENGTH);
    for (size_t i = 0; i < LENGTH; i++)
        text[i] = i % 2 ? 'a' : 'b';
    assert_true(pattern_matches("(a|b)*", str_of(text, LENGTH)));
    assert_true(pattern_matches("[a-z]*", str_of(text, LENGTH)));
    arena_free(arena);
}

/* More patterns than the cache starts with. */
static void keeps_many_patterns(void **state UNUSED)
{
    enum { COUNT = 200 };
    static char patterns[COUNT][8];
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < COUNT; i++) {
            if (round == 0) {
                patterns[i][0] = 'a';
                patterns[i][1] = (char)('0' + i % 10);
            }
            const char text[] = {'a', (char)('0' + i % 10), '\0'};
            assert_true(pattern_matches(patterns[i], str_from_cstr(text)));
            assert_false(pattern_matches(patterns[i], STR("b")));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_as_java_does),
        cmocka_unit_test(gives_up_on_endless_matches),
        cmocka_unit_test(matches_long_values),
        cmocka_unit_test(keeps_many_patterns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
