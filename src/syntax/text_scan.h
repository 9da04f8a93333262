/* text_scan.h — the inner loops that the readers and writers of this folder share: eight bytes at a
 * time over plain ASCII, one sequence at a time over the rest of UTF-8. Private to src/syntax.
 */
#pragma once

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/base.h"

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
              "scan_json_plain finds the first byte of a word as its lowest");

/* The same byte in all eight places of a word. */
static inline uint64_t scan_splat(unsigned char byte)
{
    return UINT64_C(0x0101010101010101) * byte;
}

/* Sets the high bit of bytes that are zero. Bytes above the first hit may be set wrongly, so only
 * the lowest one counts. */
static inline uint64_t scan_zero_bytes(uint64_t word)
{
    return (word - scan_splat(0x01)) & ~word & scan_splat(0x80);
}

/* First byte in [at, end) that is not plain inside of a JSON string: a quote, a backslash, a
 * control character or a byte beyond ASCII; `end` when there is none. */
static inline const char *scan_json_plain(const char *at, const char *end)
{
    for (; end - at >= 8; at += 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        uint64_t control = (word - scan_splat(0x20)) & ~word & scan_splat(0x80);
        uint64_t found = control | scan_zero_bytes(word ^ scan_splat('"')) |
                         scan_zero_bytes(word ^ scan_splat('\\')) | (word & scan_splat(0x80));
        if (found != 0)
            return at + __builtin_ctzll(found) / 8;
    }
    while (at < end && (unsigned char)*at >= 0x20 && (unsigned char)*at < 0x80 && *at != '"' &&
           *at != '\\')
        at++;
    return at;
}

/* Length of the well-formed UTF-8 sequence at `at` (< end), or 0. RFC 3629 section 4. */
static inline size_t scan_utf8(const char *at, const char *end)
{
    const unsigned char *s = (const unsigned char *)at;
    size_t left = (size_t)(end - at);
    if (s[0] < 0x80)
        return 1;
    if (s[0] < 0xC2 || s[0] > 0xF4 || left < 2)
        return 0;
    if (s[0] < 0xE0)
        return (s[1] & 0xC0) == 0x80 ? 2 : 0;
    /* The second byte is narrower than 80..BF where overlong forms, surrogates or values above
     * U+10FFFF would begin. */
    unsigned char low = s[0] == 0xE0 ? 0xA0 : s[0] == 0xF0 ? 0x90 : 0x80;
    unsigned char high = s[0] == 0xED ? 0x9F : s[0] == 0xF4 ? 0x8F : 0xBF;
    if (s[1] < low || s[1] > high || left < 3 || (s[2] & 0xC0) != 0x80)
        return 0;
    if (s[0] < 0xF0)
        return 3;
    return left >= 4 && (s[3] & 0xC0) == 0x80 ? 4 : 0;
}
