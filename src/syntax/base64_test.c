/* base64_test.c — base64, base64url and hex: RFC 4648's vectors, and what must be refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/rand.h"
#include "syntax/base64.h"

static void check_str(struct str actual, struct str expected)
{
    if (!str_eq(actual, expected))
        fail_msg("got '" STR_FMT "', wanted '" STR_FMT "'", STR_ARG(actual), STR_ARG(expected));
}

/* RFC 4648 section 10, and bytes that need the last two digits of each alphabet. */
static const struct {
    struct str bytes;
    const char *base64;
    const char *base64url;
    const char *hex;
} vectors[] = {
    {STR_INIT(""), "", "", ""},
    {STR_INIT("f"), "Zg==", "Zg", "66"},
    {STR_INIT("fo"), "Zm8=", "Zm8", "666f"},
    {STR_INIT("foo"), "Zm9v", "Zm9v", "666f6f"},
    {STR_INIT("foob"), "Zm9vYg==", "Zm9vYg", "666f6f62"},
    {STR_INIT("fooba"), "Zm9vYmE=", "Zm9vYmE", "666f6f6261"},
    {STR_INIT("foobar"), "Zm9vYmFy", "Zm9vYmFy", "666f6f626172"},
    {STR_INIT("\xFB\xEF\xFF"), "++//", "--__", "fbefff"},
    {STR_INIT("\xFF"), "/w==", "_w", "ff"},
    {STR_INIT("\0\0\0\0"), "AAAAAA==", "AAAAAA", "00000000"},
};

static void vectors_are_coded_and_decoded(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
        AUTO(arena) struct arena *arena = arena_new();
        struct str base64 = str_from_cstr(vectors[i].base64);
        struct str base64url = str_from_cstr(vectors[i].base64url);
        struct str hex = str_from_cstr(vectors[i].hex);
        struct buf out;
        buf_init(&out, arena, 100);
        buf_append_char(&out, '>');
        base64_encode(&out, vectors[i].bytes);
        check_str(str_from(buf_str(&out), 1), base64);
        check_str(base64_encode_str(arena, vectors[i].bytes), base64);
        check_str(base64url_encode_str(arena, vectors[i].bytes), base64url);
        check_str(hex_encode(arena, vectors[i].bytes), hex);
        struct str bytes = {0};
        assert_int_equal(base64_decode(arena, base64, &bytes), 0);
        assert_true(str_is_set(bytes));
        check_str(bytes, vectors[i].bytes);
        assert_int_equal(base64url_decode(arena, base64url, &bytes), 0);
        check_str(bytes, vectors[i].bytes);
        assert_int_equal(hex_decode(arena, hex, &bytes), 0);
        check_str(bytes, vectors[i].bytes);
        assert_int_equal(hex_decode(arena, str_upper(arena, hex), &bytes), 0);
        check_str(bytes, vectors[i].bytes);
    }
}

static void what_no_encoder_writes_is_refused(void **state)
{
    (void)state;
    static const struct str cases[] = {
        STR_INIT("Zg"),       STR_INIT("Zg="),   STR_INIT("Zg==="),    STR_INIT("="),
        STR_INIT("=="),       STR_INIT("===="),  STR_INIT("Z==="),     STR_INIT("Z"),
        STR_INIT("Zm9v\n"),   STR_INIT("Zm9v "), STR_INIT(" Zm9"),     STR_INIT("Zm 9"),
        STR_INIT("Zh=="),     STR_INIT("Zm9="),  STR_INIT("Zm8=Zm8="), STR_INIT("Z=g="),
        STR_INIT("--__"),     STR_INIT("Zm9\0"), STR_INIT("Zm9\xC3"),  STR_INIT("Zm9*"),
        STR_INIT("Zg==Zm9v"),
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *arena = arena_new();
        struct str bytes = {0};
        if (base64_decode(arena, cases[i], &bytes) != -EINVAL)
            fail_msg("accepted '" STR_FMT "'", STR_ARG(cases[i]));
        assert_false(str_is_set(bytes));
    }
}

static void base64url_takes_padding_but_only_whole(void **state)
{
    (void)state;
    static const struct {
        struct str text;
        int rc;
    } cases[] = {
        {STR_INIT("Zg=="), 0},        {STR_INIT("Zm8="), 0},           {STR_INIT("Zg="), -EINVAL},
        {STR_INIT("Zm9v="), -EINVAL}, {STR_INIT("Zm9v===="), -EINVAL}, {STR_INIT("++//"), -EINVAL},
        {STR_INIT("Zh"), -EINVAL},    {STR_INIT("Z"), -EINVAL},        {STR_INIT("="), -EINVAL},
        {STR_INIT("Zm9"), -EINVAL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *arena = arena_new();
        struct str bytes = {0};
        if (base64url_decode(arena, cases[i].text, &bytes) != cases[i].rc)
            fail_msg("wrong answer for '" STR_FMT "'", STR_ARG(cases[i].text));
    }
}

static void bad_hex_is_refused(void **state)
{
    (void)state;
    static const struct str cases[] = {STR_INIT("0"),    STR_INIT("0g"),  STR_INIT("g0"),
                                       STR_INIT("0x00"), STR_INIT(" 00"), STR_INIT("00 "),
                                       STR_INIT("0\0")};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *arena = arena_new();
        struct str bytes = {0};
        assert_int_equal(hex_decode(arena, cases[i], &bytes), -EINVAL);
    }
}

static void random_bytes_survive(void **state)
{
    (void)state;
    for (size_t len = 0; len < 200; len++) {
        AUTO(arena) struct arena *arena = arena_new();
        char bytes[200];
        rand_bytes(bytes, sizeof(bytes));
        struct str input = str_of(bytes, len);
        struct str output = {0};
        assert_int_equal(base64_decode(arena, base64_encode_str(arena, input), &output), 0);
        check_str(output, input);
        assert_int_equal(base64url_decode(arena, base64url_encode_str(arena, input), &output), 0);
        check_str(output, input);
        assert_int_equal(hex_decode(arena, hex_encode(arena, input), &output), 0);
        check_str(output, input);
    }
}

static void a_full_buffer_is_marked(void **state)
{
    (void)state;
    AUTO(buf) struct buf out;
    buf_init(&out, NULL, 7);
    base64_encode(&out, STR("foobar"));
    assert_true(out.is_full);
    assert_int_equal(out.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_are_coded_and_decoded),
        cmocka_unit_test(what_no_encoder_writes_is_refused),
        cmocka_unit_test(base64url_takes_padding_but_only_whole),
        cmocka_unit_test(bad_hex_is_refused),
        cmocka_unit_test(random_bytes_survive),
        cmocka_unit_test(a_full_buffer_is_marked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
