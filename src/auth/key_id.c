/* key_id.c — 80 bits in base32: 1, account (40 bits), 23 random bits, 16 check bits.
 *
 * The place of the account (bits 46 to 7 of the first 48) is AWS's own, so that tools which read
 * the account out of a key id read ours, too.
 */
#include "auth/key_id.h"

#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/rand.h"

static const char base32[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

enum {
    PREFIX_LEN = 4,
    BODY_LEN = 16, /* characters: 80 bits */
    BODY_BYTES = 10,
};

static uint16_t check_of(const unsigned char *bytes)
{
    /* CRC-16/CCITT over the first eight bytes. */
    uint32_t crc = 0xFFFF;
    for (size_t i = 0; i < BODY_BYTES - 2; i++) {
        crc ^= (uint32_t)bytes[i] << 8;
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 0x8000 ? (crc << 1 ^ 0x1021) & 0xFFFF : (crc << 1) & 0xFFFF;
    }
    return (uint16_t)crc;
}

struct str key_id_new(struct arena *arena, struct str prefix, struct str account)
{
    CHECK(prefix.len == PREFIX_LEN);
    int64_t number = 0;
    int rc = str_to_i64(account, &number);
    CHECK(rc == 0);
    unsigned char bytes[BODY_BYTES];
    rand_bytes(bytes, sizeof(bytes));
    uint64_t head = 1ULL << 47 | (uint64_t)number << 7 | (bytes[5] & 0x7F);
    for (size_t i = 0; i < 6; i++)
        bytes[i] = (unsigned char)(head >> (8 * (5 - i)));
    uint16_t check = check_of(bytes);
    bytes[8] = (unsigned char)(check >> 8);
    bytes[9] = (unsigned char)check;
    char *text = arena_alloc_text(arena, PREFIX_LEN + BODY_LEN + 1);
    memcpy(text, prefix.ptr, PREFIX_LEN);
    for (size_t i = 0; i < BODY_LEN; i++) {
        size_t bit = i * 5;
        uint32_t pair =
            (uint32_t)bytes[bit / 8] << 8 | (bit / 8 + 1 < BODY_BYTES ? bytes[bit / 8 + 1] : 0U);
        text[PREFIX_LEN + i] = base32[pair >> (11 - bit % 8) & 31];
    }
    text[PREFIX_LEN + BODY_LEN] = '\0';
    return str_of(text, PREFIX_LEN + BODY_LEN);
}

static int decode(struct str key_id, unsigned char *out_bytes)
{
    if (key_id.len != PREFIX_LEN + BODY_LEN)
        return -EINVAL;
    memset(out_bytes, 0, BODY_BYTES);
    for (size_t i = 0; i < BODY_LEN; i++) {
        const char *found = memchr(base32, key_id.ptr[PREFIX_LEN + i], sizeof(base32) - 1);
        if (!found)
            return -EINVAL;
        uint32_t value = (uint32_t)(found - base32);
        for (size_t bit = 0; bit < 5; bit++) {
            size_t at = i * 5 + bit;
            if (value >> (4 - bit) & 1)
                out_bytes[at / 8] |= (unsigned char)(0x80 >> at % 8);
        }
    }
    return 0;
}

static bool has_key_prefix(struct str key_id)
{
    return str_starts_with(key_id, STR("AKIA")) || str_starts_with(key_id, STR("ASIA"));
}

int key_id_account(struct arena *arena, struct str key_id, struct str *out_account)
{
    unsigned char bytes[BODY_BYTES];
    if (!has_key_prefix(key_id) || decode(key_id, bytes) < 0)
        return -EINVAL;
    uint64_t head = 0;
    for (size_t i = 0; i < 6; i++)
        head = head << 8 | bytes[i];
    uint64_t account = (head & 0x7fffffffff80ULL) >> 7;
    if (account > 999999999999ULL)
        return -EINVAL;
    *out_account = str_format(arena, "%012llu", (unsigned long long)account);
    return 0;
}

bool key_id_is_issued(struct str key_id)
{
    unsigned char bytes[BODY_BYTES];
    if (!has_key_prefix(key_id) || decode(key_id, bytes) < 0)
        return false;
    uint16_t check = check_of(bytes);
    return bytes[8] == check >> 8 && bytes[9] == (check & 0xFF);
}

struct str unique_id_new(struct arena *arena, struct str prefix)
{
    struct str body = rand_text(arena, STR("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"), 17);
    return str_concat(arena, prefix, body);
}

struct str secret_key_new(struct arena *arena)
{
    return rand_text(arena, STR("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"),
                     40);
}
