/* checksum_test.c — the check values of the CRC catalogue, and joining texts. */
#include "auth/checksum.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "base/arena.h"

static void assert_checksum(enum checksum_kind kind, struct str text, const char *expected_hex)
{
    struct checksums checksums;
    unsigned char out[CHECKSUM_MAX_SIZE];
    struct arena *arena = arena_new();
    checksums_init(&checksums, 1U << kind);
    for (size_t i = 0; i < text.len; i++) /* in pieces */
        checksums_update(&checksums, str_slice(text, i, 1));
    size_t size = checksums_final(&checksums, kind, out);
    assert_int_equal(size, checksum_size(kind));
    assert_string_equal(str_to_cstr(arena, digest_hex(arena, out, size)), expected_hex);
    checksums_init(&checksums, 1U << kind);
    checksums_update(&checksums, text); /* at once */
    size = checksums_final(&checksums, kind, out);
    assert_string_equal(str_to_cstr(arena, digest_hex(arena, out, size)), expected_hex);
    arena_free(arena);
}

/* "Catalogue of parametrised CRC algorithms": check is the CRC of "123456789". */
static void crcs_match_the_catalogue(void **state)
{
    (void)state;
    assert_checksum(CHECKSUM_CRC32, STR("123456789"), "cbf43926");
    assert_checksum(CHECKSUM_CRC32C, STR("123456789"), "e3069283");
    assert_checksum(CHECKSUM_CRC64NVME, STR("123456789"), "ae8b14860a799888");
    assert_checksum(CHECKSUM_CRC64NVME, STR(""), "0000000000000000");
    assert_checksum(CHECKSUM_CRC32, STR(""), "00000000");
    assert_checksum(CHECKSUM_SHA1, STR("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
    assert_checksum(CHECKSUM_MD5, STR("abc"), "900150983cd24fb0d6963f7d28e17f72");
}

static void several_kinds_are_made_in_one_pass(void **state)
{
    (void)state;
    struct checksums checksums;
    unsigned char out[CHECKSUM_MAX_SIZE];
    checksums_init(&checksums, 1U << CHECKSUM_MD5 | 1U << CHECKSUM_CRC32);
    checksums_update(&checksums, STR("123456789"));
    assert_int_equal(checksums_final(&checksums, CHECKSUM_MD5, out), 16);
    assert_int_equal(out[0], 0x25); /* 25f9e794323b453885f5181f1b624d0b */
    assert_int_equal(checksums_final(&checksums, CHECKSUM_CRC32, out), 4);
    assert_int_equal(out[0], 0xCB);
}

static void crcs_of_two_texts_give_the_crc_of_both(void **state)
{
    (void)state;
    static char text[70001];
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = (char)(i * 7 + i / 251);
    static const size_t cuts[] = {0, 1, 8, 65536, 70000, 70001};
    static const enum checksum_kind kinds[] = {CHECKSUM_CRC32, CHECKSUM_CRC32C, CHECKSUM_CRC64NVME};
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        for (size_t i = 0; i < ARRAY_LEN(cuts); i++) {
            struct str texts[] = {str_of(text, cuts[i]),
                                  str_of(text + cuts[i], sizeof(text) - cuts[i]),
                                  str_of(text, sizeof(text))};
            unsigned char values[3][CHECKSUM_MAX_SIZE];
            for (size_t j = 0; j < 3; j++) {
                struct checksums checksums;
                checksums_init(&checksums, 1U << kinds[k]);
                checksums_update(&checksums, texts[j]);
                checksums_final(&checksums, kinds[k], values[j]);
            }
            unsigned char joined[CHECKSUM_MAX_SIZE];
            checksum_combine(kinds[k], values[0], values[1], (int64_t)texts[1].len, joined);
            assert_memory_equal(joined, values[2], checksum_size(kinds[k]));
        }
    }
}

/* Long texts are folded in blocks, single bytes walk the tables: both give the same, at every
 * length and from every start. */
static void a_long_text_gives_what_its_bytes_give(void **state)
{
    (void)state;
    static char text[400];
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = (char)(i * 31 + i / 7);
    static const enum checksum_kind kinds[] = {CHECKSUM_CRC32, CHECKSUM_CRC32C, CHECKSUM_CRC64NVME};
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        struct checksums by_bytes;
        checksums_init(&by_bytes, 1U << kinds[k]);
        for (size_t len = 0; len <= sizeof(text); len++) {
            struct checksums at_once;
            unsigned char values[2][CHECKSUM_MAX_SIZE];
            size_t cut = len % 37;
            checksums_init(&at_once, 1U << kinds[k]);
            checksums_update(&at_once, str_of(text, cut));
            checksums_update(&at_once, str_of(text + cut, len - cut));
            struct checksums so_far = by_bytes;
            checksums_final(&at_once, kinds[k], values[0]);
            size_t size = checksums_final(&so_far, kinds[k], values[1]);
            assert_memory_equal(values[0], values[1], size);
            if (len < sizeof(text))
                checksums_update(&by_bytes, str_of(text + len, 1));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crcs_match_the_catalogue),
        cmocka_unit_test(several_kinds_are_made_in_one_pass),
        cmocka_unit_test(crcs_of_two_texts_give_the_crc_of_both),
        cmocka_unit_test(a_long_text_gives_what_its_bytes_give),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
