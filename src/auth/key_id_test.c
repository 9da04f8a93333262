/* key_id_test.c — access key ids carry their account and a check. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "auth/key_id.h"
#include "base/arena.h"

static void a_key_id_gives_its_account_back(void **state)
{
    struct arena *arena = *state;
    static const char *const accounts[] = {"000000000000", "123456789012", "999999999999"};
    for (size_t i = 0; i < ARRAY_LEN(accounts); i++) {
        struct str id = key_id_new(arena, STR("AKIA"), str_from_cstr(accounts[i]));
        struct str account = STR("");
        assert_int_equal(id.len, 20);
        assert_true(key_id_is_issued(id));
        assert_int_equal(key_id_account(arena, id, &account), 0);
        assert_true(str_eq_cstr(account, accounts[i]));
    }
}

/* OBSERVED: by T. Be'ery ("A short note on AWS KEY ID", 2023): ASIAQNZGKIQY56JQ7WML belongs to
 * 029608264753. */
static void a_key_id_of_aws_is_read(void **state)
{
    struct str account = STR("");
    assert_int_equal(key_id_account(*state, STR("ASIAQNZGKIQY56JQ7WML"), &account), 0);
    assert_true(str_eq_cstr(account, "029608264753"));
    assert_false(key_id_is_issued(STR("ASIAQNZGKIQY56JQ7WML")));
}

static void a_changed_key_id_was_not_issued_here(void **state)
{
    struct arena *arena = *state;
    struct str id = key_id_new(arena, STR("ASIA"), STR("123456789012"));
    for (size_t i = 4; i < id.len; i++) {
        char *changed = str_to_cstr(arena, id);
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        assert_false(key_id_is_issued(str_of(changed, id.len)));
    }
}

static void what_is_no_key_id_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "AKIA",
        "AKIA1",
        "AKIAAAAAAAAAAAAAAAA",
        "AKIAAAAAAAAAAAAAAAAAA",
        "AIDAAAAAAAAAAAAAAAAA",
        "AKIAAAAAAAAAAAAAAAA1",
        "AKIAaaaaaaaaaaaaaaaa",
        "000000000000",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct str account = STR("untouched");
        assert_int_equal(key_id_account(*state, str_from_cstr(texts[i]), &account), -EINVAL);
        assert_true(str_eq_cstr(account, "untouched"));
        assert_false(key_id_is_issued(str_from_cstr(texts[i])));
    }
}

static void two_ids_or_secrets_are_never_the_same(void **state)
{
    struct arena *arena = *state;
    struct str account = STR("123456789012");
    assert_false(
        str_eq(key_id_new(arena, STR("AKIA"), account), key_id_new(arena, STR("AKIA"), account)));
    assert_false(str_eq(secret_key_new(arena), secret_key_new(arena)));
    assert_int_equal(secret_key_new(arena).len, 40);
    struct str unique = unique_id_new(arena, STR("AROA"));
    assert_int_equal(unique.len, 21);
    assert_true(str_starts_with(unique, STR("AROA")));
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
        cmocka_unit_test_setup_teardown(a_key_id_gives_its_account_back, setup, teardown),
        cmocka_unit_test_setup_teardown(a_key_id_of_aws_is_read, setup, teardown),
        cmocka_unit_test_setup_teardown(a_changed_key_id_was_not_issued_here, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_key_id_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(two_ids_or_secrets_are_never_the_same, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
