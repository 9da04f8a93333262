/* str.c — comparing, cutting, copying and formatting of {ptr, len} text. */
#include "base/str.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/rand.h"

struct str str_from_cstr(const char *cstr)
{
    return (struct str){.ptr = cstr, .len = cstr ? strlen(cstr) : 0};
}

bool str_eq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool str_eq_cstr(struct str a, const char *b)
{
    return str_eq(a, str_from_cstr(b));
}

static char lower_char(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static char upper_char(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - ('a' - 'A')) : c;
}

bool str_eq_nocase(struct str a, struct str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++) {
        if (lower_char(a.ptr[i]) != lower_char(b.ptr[i]))
            return false;
    }
    return true;
}

int str_compare(struct str a, struct str b)
{
    size_t shorter = a.len < b.len ? a.len : b.len;
    int order = shorter ? memcmp(a.ptr, b.ptr, shorter) : 0;
    if (order != 0)
        return order;
    return a.len == b.len ? 0 : a.len < b.len ? -1 : 1;
}

bool str_starts_with(struct str s, struct str prefix)
{
    return s.len >= prefix.len && str_eq(str_of(s.ptr, prefix.len), prefix);
}

bool str_ends_with(struct str s, struct str suffix)
{
    return s.len >= suffix.len && str_eq(str_from(s, s.len - suffix.len), suffix);
}

bool str_contains(struct str s, struct str needle)
{
    return str_find(s, needle) >= 0;
}

ptrdiff_t str_index(struct str s, char c)
{
    const char *found = s.len ? memchr(s.ptr, c, s.len) : NULL;
    return found ? found - s.ptr : -1;
}

ptrdiff_t str_last_index(struct str s, char c)
{
    const char *found = s.len ? memrchr(s.ptr, c, s.len) : NULL;
    return found ? found - s.ptr : -1;
}

ptrdiff_t str_find(struct str s, struct str needle)
{
    if (needle.len == 0)
        return 0;
    if (s.len < needle.len)
        return -1;
    const char *found = memmem(s.ptr, s.len, needle.ptr, needle.len);
    return found ? found - s.ptr : -1;
}

struct str str_slice(struct str s, size_t start, size_t len)
{
    if (start > s.len)
        start = s.len;
    if (len > s.len - start)
        len = s.len - start;
    return (struct str){.ptr = s.ptr ? s.ptr + start : NULL, .len = len};
}

struct str str_from(struct str s, size_t start)
{
    return str_slice(s, start, s.len);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct str str_trim(struct str s)
{
    while (s.len > 0 && is_blank(s.ptr[0]))
        s = str_from(s, 1);
    while (s.len > 0 && is_blank(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

bool str_split_next(struct str *rest, char separator, struct str *out_piece)
{
    if (!rest->ptr)
        return false;
    ptrdiff_t end = str_index(*rest, separator);
    if (end < 0) {
        *out_piece = *rest;
        *rest = (struct str){0};
        return true;
    }
    *out_piece = str_slice(*rest, 0, (size_t)end);
    *rest = str_from(*rest, (size_t)end + 1);
    return true;
}

struct str str_copy(struct arena *arena, struct str s)
{
    if (!s.ptr)
        return s;
    return str_of(str_to_cstr(arena, s), s.len);
}

char *str_to_cstr(struct arena *arena, struct str s)
{
    char *copy = arena_alloc_text(arena, s.len + 1);
    if (s.len > 0)
        memcpy(copy, s.ptr, s.len);
    copy[s.len] = '\0';
    return copy;
}

struct str str_vformat(struct arena *arena, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    CHECK(len >= 0);
    char *text = arena_alloc_text(arena, (size_t)len + 1);
    vsnprintf(text, (size_t)len + 1, format, again);
    va_end(again);
    return str_of(text, (size_t)len);
}

struct str str_format(struct arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct str text = str_vformat(arena, format, args);
    va_end(args);
    return text;
}

struct str str_concat(struct arena *arena, struct str a, struct str b)
{
    return str_concat3(arena, a, b, STR(""));
}

struct str str_concat3(struct arena *arena, struct str a, struct str b, struct str c)
{
    size_t len = a.len + b.len + c.len;
    char *text = arena_alloc_text(arena, len + 1);
    size_t at = 0;
    const struct str pieces[] = {a, b, c};
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        if (pieces[i].len > 0)
            memcpy(text + at, pieces[i].ptr, pieces[i].len);
        at += pieces[i].len;
    }
    text[len] = '\0';
    return str_of(text, len);
}

struct str str_lower(struct arena *arena, struct str s)
{
    char *text = str_to_cstr(arena, s);
    for (size_t i = 0; i < s.len; i++)
        text[i] = lower_char(text[i]);
    return str_of(text, s.len);
}

struct str str_upper(struct arena *arena, struct str s)
{
    char *text = str_to_cstr(arena, s);
    for (size_t i = 0; i < s.len; i++)
        text[i] = upper_char(text[i]);
    return str_of(text, s.len);
}

struct str str_replace(struct arena *arena, struct str s, struct str from, struct str to)
{
    CHECK(from.len > 0);
    size_t count = 0;
    struct str rest = s;
    for (ptrdiff_t at = str_find(rest, from); at >= 0; at = str_find(rest, from)) {
        count++;
        rest = str_from(rest, (size_t)at + from.len);
    }
    if (count == 0)
        return s;
    size_t len = s.len - count * from.len + count * to.len;
    char *text = arena_alloc_text(arena, len + 1);
    char *end = text;
    rest = s;
    for (ptrdiff_t at = str_find(rest, from); at >= 0; at = str_find(rest, from)) {
        end = (char *)mempcpy(end, rest.ptr, (size_t)at);
        if (to.len > 0)
            end = (char *)mempcpy(end, to.ptr, to.len);
        rest = str_from(rest, (size_t)at + from.len);
    }
    if (rest.len > 0)
        end = (char *)mempcpy(end, rest.ptr, rest.len);
    *end = '\0';
    return str_of(text, len);
}

int str_to_i64(struct str s, int64_t *out_value)
{
    bool is_negative = s.len > 0 && s.ptr[0] == '-';
    struct str digits = is_negative ? str_from(s, 1) : s;
    if (digits.len == 0)
        return -EINVAL;
    int64_t value = 0;
    for (size_t i = 0; i < digits.len; i++) {
        if (digits.ptr[i] < '0' || digits.ptr[i] > '9')
            return -EINVAL;
        int64_t digit = digits.ptr[i] - '0';
        if (__builtin_mul_overflow(value, (int64_t)10, &value) ||
            __builtin_sub_overflow(value, digit, &value))
            return -ERANGE;
    }
    if (!is_negative && __builtin_sub_overflow((int64_t)0, value, &value))
        return -ERANGE;
    *out_value = value;
    return 0;
}

uint64_t str_hash(struct str s)
{
    /* Multiply-fold over 8-byte words; the seed keeps outsiders from choosing collisions. */
    uint64_t hash = rand_process_seed() ^ (s.len * 0x9E3779B97F4A7C15ULL);
    size_t at = 0;
    for (; at + 8 <= s.len; at += 8) {
        uint64_t word = 0;
        memcpy(&word, s.ptr + at, 8);
        __uint128_t product = (__uint128_t)(hash ^ word) * 0xD6E8FEB86659FD93ULL;
        hash = (uint64_t)product ^ (uint64_t)(product >> 64);
    }
    uint64_t tail = 0;
    if (at < s.len)
        memcpy(&tail, s.ptr + at, s.len - at);
    __uint128_t product =
        (__uint128_t)(hash ^ tail ^ 0xA0761D6478BD642FULL) * 0xE7037ED1A0B428DBULL;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

bool str_eq_secret(struct str a, struct str b)
{
    if (a.len != b.len)
        return false;
    unsigned char difference = 0;
    for (size_t i = 0; i < a.len; i++)
        difference |= (unsigned char)((unsigned char)a.ptr[i] ^ (unsigned char)b.ptr[i]);
    return difference == 0;
}

/* Length of the well-formed sequence at s, or 0. RFC 3629 section 4. */
static size_t utf8_sequence(const unsigned char *s, size_t len)
{
    if (s[0] < 0x80)
        return 1;
    size_t need = s[0] >= 0xF0 ? 4 : s[0] >= 0xE0 ? 3 : 2;
    if (s[0] < 0xC2 || s[0] > 0xF4 || len < need)
        return 0;
    for (size_t i = 1; i < need; i++) {
        if ((s[i] & 0xC0) != 0x80)
            return 0;
    }
    bool is_overlong = (s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xF0 && s[1] < 0x90);
    bool is_surrogate = s[0] == 0xED && s[1] > 0x9F;
    bool is_too_large = s[0] == 0xF4 && s[1] > 0x8F;
    return is_overlong || is_surrogate || is_too_large ? 0 : need;
}

bool str_is_utf8(struct str s)
{
    for (size_t at = 0; at < s.len;) {
        size_t step = utf8_sequence((const unsigned char *)s.ptr + at, s.len - at);
        if (step == 0)
            return false;
        at += step;
    }
    return true;
}

size_t str_utf8_length(struct str s)
{
    size_t count = 0;
    for (size_t i = 0; i < s.len; i++)
        count += ((unsigned char)s.ptr[i] & 0xC0) != 0x80;
    return count;
}
