/* totp_test.c — one-time passwords against the vectors of RFC 6238, appendix B (their last six
 * digits). */
#include "base/arena.h"
#include "service/iam/iam_account.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* "12345678901234567890" */
static const char seed[] = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

static void codes_are_those_of_the_rfc(void **state)
{
    (void)state;
    static const struct {
        int64_t seconds;
        const char *code;
    } cases[] = {
        {59, "287082"},         {1111111109, "081804"}, {1111111111, "050471"},
        {1234567890, "005924"}, {2000000000, "279037"}, {20000000000, "353130"},
    };
    AUTO(arena) struct arena *arena = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char code[7];
        assert_int_equal(iam_totp_code(arena, str_from_cstr(seed),
                                       cases[i].seconds * 1000 / IAM_TOTP_STEP_MS, code),
                         0);
        assert_string_equal(code, cases[i].code);
    }
}

static void a_seed_that_is_not_base32_is_refused(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    char code[7];
    assert_true(iam_totp_code(arena, STR("not base32"), 1, code) < 0);
}

static void seeds_have_64_characters_and_differ(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct str first = iam_totp_seed(arena);
    assert_int_equal(first.len, 64);
    assert_false(str_eq(first, iam_totp_seed(arena)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_are_those_of_the_rfc),
        cmocka_unit_test(a_seed_that_is_not_base32_is_refused),
        cmocka_unit_test(seeds_have_64_characters_and_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
