/* jwt_test.c — the published example of RFC 7515, tokens made by another library, and what must be
 * refused. */
#include "auth/jwt.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/arena.h"
#include "syntax/json.h"

/* RFC 7515, appendix A.3. */
#define ES256_TOKEN                                                                                \
    "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"        \
    "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5d"        \
    "jxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
#define ES256_KEY                                                                                  \
    "{\"kty\":\"EC\",\"crv\":\"P-256\","                                                           \
    "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","                                       \
    "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}"

/* Made with Python's cryptography, one key. */
static const char rsa_modulus[] =
    "2kvLrv7uyTCsr0qiYLA7Aam_wJOM3S1W3QPQUtqF57ny18omjHVBx5UQi6nRigR0YAs62JnAa1IthbLDeRqcFWBs"
    "oX3KGb3r2Qi8WM4lZKEWa7MP3dPuItClpSE2GhyJm3npPF-3SGdvp-obAMKnocJAlU-hadXJBPEvsyuwrId-Wj4f"
    "vyhRJeSkMK4Ocx1nRirAXLmBd_HkIbNz3jiz26MIU9nyzm8Ctik4MV7ZEkagVMMyf9tqpIAXxBgZEx3LsLgTU_3Q"
    "HJgjjQeH-IWKfD7LFoCfMUKe-Pl3-Adl_5Cf--C02PdUAEMOzP4GAWMyd4Pbft-iMSJavnsDy_aJYQ";
static const char rs256_token[] =
    "eyJhbGciOiAiUlMyNTYiLCAia2lkIjogIm9uZSJ9.eyJzdWIiOiAibWUifQ.wHCsBeNIPHUmFUcD50JffojkhgAR"
    "8OfZ-2mKQeA3EnOqXXfKAvZEmzd3qQgHU47JpfDD9Mfz_K1xIRNyYS381K5itXhDt_a4wypKYHiaT2FTh4TVmCVC"
    "dAmrNQo-B_t1qsirSJcQXiwiaz0RrSkGJXuW3zTD0R8pY13DCBZJNwprJcBD38sNQLPiuEHzPGNk9y8Zbu0uzzKT"
    "GemC-W9YtQgvd5UC2F6v2J2T_WPEUjZzq4Z4tdYsCprqJmkEYBAyMY3D1-1BLu-KdMlyzqk0KS6vzJOOIYRfJwvj"
    "88USVIqIGEw52a6efUbkNhGcdYVMluE-yDQJYjr8isSOmi1iNA";
static const char ps384_token[] =
    "eyJhbGciOiAiUFMzODQiLCAia2lkIjogIm9uZSJ9.eyJzdWIiOiAibWUifQ.UTFXD7hwtanIQuyGUIwd_LdDNI4o"
    "2kfH-Mt4wZY05LDoJQ9eArmxSvtS7nVG4yC9XbQvRUmYTeQfRTV922pwDC7uvt6pZ-TCKUd4VyCu_-syRzuluwra"
    "eH6Mst3uWqigjOFM7poQdoeasCFrQJJZHqdhuaZOWByg_Bz1FkWc5jYi4sDKspz_6rYFSS7oXy1pa0BzE3zp5UG3"
    "lEAqzuUnwyflfCisNfRNP1uklsMO3Jlj3nNUn-T62eHw66dMPLSafCFrYfH80Z6QFgG_IQNPvHTcb8OWrgIwlEzb"
    "6dMc80sqAfcA-Q34TBn1di-oMQlsv51gvFOnjdPlCYChYJh_ww";

static int set_up(void **state)
{
    *state = arena_new();
    return 0;
}

static int tear_down(void **state)
{
    arena_free(*state);
    return 0;
}

static struct json *parse(struct arena *arena, struct str text)
{
    struct json *value = NULL;
    assert_int_equal(json_parse(arena, text, 0, &value, NULL), 0);
    return value;
}

static int verify(struct arena *arena, const char *token, struct str keys)
{
    struct jwt jwt = {0};
    struct str set = str_concat3(arena, STR("{\"keys\":["), keys, STR("]}"));
    assert_int_equal(jwt_parse(arena, str_from_cstr(token), &jwt), 0);
    return jwt_verify(arena, &jwt, parse(arena, set));
}

static struct str rsa_jwk(struct arena *arena, const char *kid)
{
    return str_format(
        arena, "{\"kty\":\"RSA\",\"use\":\"sig\",\"kid\":\"%s\",\"e\":\"AQAB\",\"n\":\"%s\"}", kid,
        rsa_modulus);
}

static void published_and_foreign_tokens_verify(void **state)
{
    struct arena *arena = *state;
    assert_int_equal(verify(arena, ES256_TOKEN, STR(ES256_KEY)), 0);
    assert_int_equal(verify(arena, rs256_token, rsa_jwk(arena, "one")), 0);
    assert_int_equal(verify(arena, ps384_token, rsa_jwk(arena, "one")), 0);
    struct jwt jwt = {0};
    assert_int_equal(jwt_parse(arena, STR(ES256_TOKEN), &jwt), 0);
    assert_true(str_eq_cstr(json_find_str(jwt.claims, "iss"), "joe"));
    assert_false(jwt.key_id.ptr);
}

static void the_right_key_is_found_among_others(void **state)
{
    struct arena *arena = *state;
    struct str both =
        str_concat3(arena, STR(ES256_KEY ",null,1,{},"), rsa_jwk(arena, "one"), STR(""));
    assert_int_equal(verify(arena, rs256_token, both), 0);
    assert_int_equal(verify(arena, rs256_token, STR(ES256_KEY)), -ENOKEY);
    assert_int_equal(verify(arena, rs256_token, rsa_jwk(arena, "two")), -ENOKEY);
    assert_int_equal(verify(arena, rs256_token, STR("")), -ENOKEY);
}

static void what_was_changed_does_not_verify(void **state)
{
    struct arena *arena = *state;
    char *token = str_to_cstr(arena, str_from_cstr(rs256_token));
    struct str text = str_from_cstr(token);
    ptrdiff_t last = str_last_index(text, '.');
    for (size_t i = 0; i < 40; i++) {
        size_t at = (size_t)last + 1 + i * 8;
        char before = token[at];
        token[at] = before == 'A' ? 'B' : 'A';
        assert_int_equal(verify(arena, token, rsa_jwk(arena, "one")), -EKEYREJECTED);
        token[at] = before;
    }
    assert_int_equal(verify(arena, token, rsa_jwk(arena, "one")), 0);
}

/* RFC 8725: an attacker may choose the algorithm, but not one that needs no secret. */
static void none_and_symmetric_algorithms_never_verify(void **state)
{
    struct arena *arena = *state;
    assert_int_equal(verify(arena, "eyJhbGciOiJub25lIn0.e30.", rsa_jwk(arena, "one")), -ENOTSUP);
    assert_int_equal(verify(arena, "eyJhbGciOiJIUzI1NiJ9.e30.AAAA", rsa_jwk(arena, "one")),
                     -ENOTSUP);
}

static void malformed_tokens_are_refused(void **state)
{
    struct arena *arena = *state;
    static const char *const tokens[] = {
        "",
        ".",
        "..",
        "...",
        "e30",
        "e30.e30",
        "e30.e30.",
        "e30.e30.e30.e30",
        "eyJhbGciOjF9.e30.AA",          /* alg is a number */
        "eyJhbGciOiJSUzI1NiJ9.W10.AA",  /* claims are an array */
        "eyJhbGciOiJSUzI1NiJ9.e30.A!A", /* not base64url */
        "eyJhbGciOiJSUzI1NiJ9.eyJh.AA", /* not JSON */
    };
    for (size_t i = 0; i < ARRAY_LEN(tokens); i++) {
        struct jwt jwt = {0};
        assert_int_equal(jwt_parse(arena, str_from_cstr(tokens[i]), &jwt), -EINVAL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_and_foreign_tokens_verify),
        cmocka_unit_test(the_right_key_is_found_among_others),
        cmocka_unit_test(what_was_changed_does_not_verify),
        cmocka_unit_test(none_and_symmetric_algorithms_never_verify),
        cmocka_unit_test(malformed_tokens_are_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
