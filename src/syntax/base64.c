/* base64.c — base64, base64url and hex by table lookup.
 *
 * Decoding tables hold the digit's value plus one, so that the zero of every byte not listed means
 * "no digit". Both decoders refuse bits that no encoder writes: two texts never give the same
 * bytes, which matters where a text is compared or signed.
 *
 * RFC: 4648 sections 4, 5 and 8.
 */
#include "syntax/base64.h"

#include <errno.h>

#include "base/arena.h"

static const char base64_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char base64url_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static const char hex_alphabet[] = "0123456789abcdef";

#define LETTERS_AND_DIGITS                                                                         \
    ['A'] = 1, ['B'] = 2, ['C'] = 3, ['D'] = 4, ['E'] = 5, ['F'] = 6, ['G'] = 7, ['H'] = 8,        \
    ['I'] = 9, ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16, \
    ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23,            \
    ['X'] = 24, ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30,            \
    ['e'] = 31, ['f'] = 32, ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37,            \
    ['l'] = 38, ['m'] = 39, ['n'] = 40, ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44,            \
    ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48, ['w'] = 49, ['x'] = 50, ['y'] = 51,            \
    ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56, ['4'] = 57, ['5'] = 58,            \
    ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62

static const uint8_t base64_digits[256] = {LETTERS_AND_DIGITS, ['+'] = 63, ['/'] = 64};
static const uint8_t base64url_digits[256] = {LETTERS_AND_DIGITS, ['-'] = 63, ['_'] = 64};
static const uint8_t hex_digits[256] = {
    ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
    ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
    ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};

/* Length of the coded form without padding: 8 bits in, 6 bits out, rounded up. */
static size_t unpadded_len(size_t byte_count)
{
    return byte_count / 3 * 4 + (byte_count % 3 ? byte_count % 3 + 1 : 0);
}

/* Writes unpadded_len(bytes.len) characters to `out`. */
static void encode_to(char *out, struct str bytes, const char *alphabet)
{
    const unsigned char *in = (const unsigned char *)bytes.ptr;
    size_t left = bytes.len;
    for (; left >= 3; left -= 3, in += 3) {
        uint32_t group = (uint32_t)in[0] << 16 | (uint32_t)in[1] << 8 | in[2];
        *out++ = alphabet[group >> 18];
        *out++ = alphabet[group >> 12 & 63];
        *out++ = alphabet[group >> 6 & 63];
        *out++ = alphabet[group & 63];
    }
    if (left == 0)
        return;
    uint32_t group = (uint32_t)in[0] << 16 | (left == 2 ? (uint32_t)in[1] << 8 : 0);
    *out++ = alphabet[group >> 18];
    *out++ = alphabet[group >> 12 & 63];
    if (left == 2)
        *out = alphabet[group >> 6 & 63];
}

static void encode_padded(char *out, struct str bytes)
{
    encode_to(out, bytes, base64_alphabet);
    for (size_t at = unpadded_len(bytes.len); at % 4 != 0; at++)
        out[at] = '=';
}

void base64_encode(struct buf *out, struct str bytes)
{
    size_t len = (bytes.len + 2) / 3 * 4;
    char *room = len > 0 ? buf_reserve(out, len) : NULL;
    if (!room)
        return;
    encode_padded(room, bytes);
    out->len += len;
}

struct str base64_encode_str(struct arena *arena, struct str bytes)
{
    size_t len = (bytes.len + 2) / 3 * 4;
    char *text = arena_alloc_text(arena, len + 1);
    encode_padded(text, bytes);
    text[len] = '\0';
    return str_of(text, len);
}

struct str base64url_encode_str(struct arena *arena, struct str bytes)
{
    size_t len = unpadded_len(bytes.len);
    char *text = arena_alloc_text(arena, len + 1);
    encode_to(text, bytes, base64url_alphabet);
    text[len] = '\0';
    return str_of(text, len);
}

/* Decodes text without padding. `out` has room for text.len / 4 * 3 + 2 bytes. */
static int decode_to(char *out, struct str text, const uint8_t *digits, size_t *out_len)
{
    const unsigned char *in = (const unsigned char *)text.ptr;
    char *at = out;
    size_t left = text.len;
    for (; left >= 4; left -= 4, in += 4) {
        uint32_t a = digits[in[0]], b = digits[in[1]], c = digits[in[2]], d = digits[in[3]];
        if (a == 0 || b == 0 || c == 0 || d == 0)
            return -EINVAL;
        uint32_t group = (a - 1) << 18 | (b - 1) << 12 | (c - 1) << 6 | (d - 1);
        *at++ = (char)(group >> 16);
        *at++ = (char)(group >> 8 & 0xFF);
        *at++ = (char)(group & 0xFF);
    }
    if (left == 1)
        return -EINVAL;
    if (left > 1) {
        uint32_t a = digits[in[0]], b = digits[in[1]], c = left == 3 ? digits[in[2]] : 1;
        if (a == 0 || b == 0 || c == 0)
            return -EINVAL;
        uint32_t group = (a - 1) << 18 | (b - 1) << 12 | (c - 1) << 6;
        uint32_t stray_bits = left == 2 ? group & 0xFFFF : group & 0xFF;
        if (stray_bits != 0)
            return -EINVAL;
        *at++ = (char)(group >> 16);
        if (left == 3)
            *at++ = (char)(group >> 8 & 0xFF);
    }
    *out_len = (size_t)(at - out);
    return 0;
}

static struct str without_padding(struct str text)
{
    size_t most = 2;
    while (most-- > 0 && text.len > 0 && text.ptr[text.len - 1] == '=')
        text.len--;
    return text;
}

static int decode(struct arena *arena, struct str text, const uint8_t *digits,
                  struct str *out_bytes)
{
    char *bytes = arena_alloc_text(arena, text.len / 4 * 3 + 3);
    size_t len = 0;
    int rc = decode_to(bytes, text, digits, &len);
    if (rc < 0)
        return rc;
    bytes[len] = '\0';
    *out_bytes = str_of(bytes, len);
    return 0;
}

int base64_decode(struct arena *arena, struct str text, struct str *out_bytes)
{
    if (text.len % 4 != 0)
        return -EINVAL;
    return decode(arena, without_padding(text), base64_digits, out_bytes);
}

int base64url_decode(struct arena *arena, struct str text, struct str *out_bytes)
{
    /* Padding may be left out, but where it is present it must be complete. */
    struct str digits = without_padding(text);
    if (digits.len != text.len && text.len % 4 != 0)
        return -EINVAL;
    return decode(arena, digits, base64url_digits, out_bytes);
}

struct str hex_encode(struct arena *arena, struct str bytes)
{
    char *text = arena_alloc_text(arena, bytes.len * 2 + 1);
    char *at = text;
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char byte = (unsigned char)bytes.ptr[i];
        *at++ = hex_alphabet[byte >> 4];
        *at++ = hex_alphabet[byte & 0x0F];
    }
    *at = '\0';
    return str_of(text, bytes.len * 2);
}

int hex_decode(struct arena *arena, struct str text, struct str *out_bytes)
{
    if (text.len % 2 != 0)
        return -EINVAL;
    char *bytes = arena_alloc_text(arena, text.len / 2 + 1);
    for (size_t i = 0; i < text.len; i += 2) {
        uint32_t high = hex_digits[(unsigned char)text.ptr[i]];
        uint32_t low = hex_digits[(unsigned char)text.ptr[i + 1]];
        if (high == 0 || low == 0)
            return -EINVAL;
        bytes[i / 2] = (char)((high - 1) << 4 | (low - 1));
    }
    bytes[text.len / 2] = '\0';
    *out_bytes = str_of(bytes, text.len / 2);
    return 0;
}
