/* digest_test.c — the published vectors of RFC 1321, FIPS 180-4, RFC 2202 and RFC 4231. */
#include "auth/digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "base/arena.h"

static struct arena *arena;

static int set_up(void **state)
{
    (void)state;
    arena = arena_new();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static void assert_str(struct str actual, const char *expected)
{
    assert_string_equal(str_to_cstr(arena, actual), expected);
}

static void assert_bytes(const unsigned char *bytes, size_t size, const char *expected_hex)
{
    assert_str(digest_hex(arena, bytes, size), expected_hex);
}

static void digests_match_the_published_vectors(void **state)
{
    (void)state;
    static const struct {
        const char *text, *md5, *sha1, *sha256;
    } cases[] = {
        {"", "d41d8cd98f00b204e9800998ecf8427e", "da39a3ee5e6b4b0d3255bfef95601890afd80709",
         "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "900150983cd24fb0d6963f7d28e17f72", "a9993e364706816aba3e25717850c26c9cd0d89d",
         "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "8215ef0796a20bcaaae116d3876c664a", "84983e441c3bd26ebaae4aa1f95129e5e54670f1",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str text = str_from_cstr(cases[i].text);
        unsigned char out[DIGEST_MAX_SIZE];
        digest_md5(text, out);
        assert_bytes(out, DIGEST_MD5_SIZE, cases[i].md5);
        digest_sha1(text, out);
        assert_bytes(out, DIGEST_SHA1_SIZE, cases[i].sha1);
        digest_sha256(text, out);
        assert_bytes(out, DIGEST_SHA256_SIZE, cases[i].sha256);
        assert_str(digest_sha256_hex(arena, text), cases[i].sha256);
    }
}

static void an_absent_str_is_hashed_as_empty(void **state)
{
    (void)state;
    assert_str(digest_sha256_hex(arena, (struct str){0}),
               "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void pieces_of_any_size_give_the_same_digest(void **state)
{
    (void)state;
    char text[300];
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = (char)(i * 7);
    for (int kind = DIGEST_MD5; kind <= DIGEST_SHA256; kind++) {
        struct digest whole;
        unsigned char expected[DIGEST_MAX_SIZE];
        digest_init(&whole, (enum digest_kind)kind);
        digest_update(&whole, str_of(text, sizeof(text)));
        size_t size = digest_final(&whole, expected);
        assert_int_equal(size, digest_size((enum digest_kind)kind));
        for (size_t step = 1; step < 130; step++) {
            struct digest digest;
            unsigned char actual[DIGEST_MAX_SIZE];
            digest_init(&digest, (enum digest_kind)kind);
            for (size_t at = 0; at < sizeof(text); at += step)
                digest_update(&digest, str_slice(str_of(text, sizeof(text)), at, step));
            digest_final(&digest, actual);
            assert_memory_equal(actual, expected, size);
        }
    }
}

static void a_copied_digest_goes_on_by_itself(void **state)
{
    (void)state;
    struct digest first;
    digest_init(&first, DIGEST_SHA256);
    digest_update(&first, STR("a"));
    struct digest fork = first;
    digest_update(&first, STR("xyz"));
    digest_update(&fork, STR("bc"));
    unsigned char out[DIGEST_SHA256_SIZE];
    digest_final(&fork, out);
    assert_bytes(out, sizeof(out),
                 "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void hmac_matches_rfc_4231_and_2202(void **state)
{
    (void)state;
    unsigned char out[DIGEST_SHA256_SIZE];
    digest_hmac_sha256(STR("Jefe"), STR("what do ya want for nothing?"), out);
    assert_bytes(out, sizeof(out),
                 "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    char key[131];
    memset(key, 0xaa, sizeof(key));
    digest_hmac_sha256(str_of(key, sizeof(key)),
                       STR("Test Using Larger Than Block-Size Key - Hash Key First"), out);
    assert_bytes(out, sizeof(out),
                 "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    digest_hmac_sha1(STR("Jefe"), STR("what do ya want for nothing?"), out);
    assert_bytes(out, DIGEST_SHA1_SIZE, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
}

static void a_prepared_key_signs_many_messages(void **state)
{
    (void)state;
    struct digest_hmac_key key;
    digest_hmac_key_init(&key, DIGEST_SHA256, STR("Jefe"));
    for (int i = 0; i < 3; i++) {
        unsigned char out[DIGEST_SHA256_SIZE];
        digest_hmac(&key, STR("what do ya want for nothing?"), out);
        assert_bytes(out, sizeof(out),
                     "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(digests_match_the_published_vectors, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_absent_str_is_hashed_as_empty, set_up, tear_down),
        cmocka_unit_test_setup_teardown(pieces_of_any_size_give_the_same_digest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_copied_digest_goes_on_by_itself, set_up, tear_down),
        cmocka_unit_test_setup_teardown(hmac_matches_rfc_4231_and_2202, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_prepared_key_signs_many_messages, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
