/* str.h — text and bytes as {ptr, len}, by value.
 *
 * A str borrows its bytes. An absent str has ptr NULL (and len 0); an empty one has a non-NULL ptr.
 * Not NUL-terminated unless a contract says so. All functions are thread-safe.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"

struct arena;

struct str {
    const char *ptr;
    size_t len;
};

/* A str over a string literal; also valid in static initialisers. */
#define STR(literal) ((struct str){.ptr = ("" literal), .len = sizeof(literal) - 1})
#define STR_INIT(literal)                                                                          \
    {                                                                                              \
        .ptr = ("" literal), .len = sizeof(literal) - 1                                            \
    }

/* For printf: `"%.*s", STR_ARG(s)`; STR_FMT spells the conversion. */
#define STR_FMT "%.*s"
#define STR_ARG(s) (int)(s).len, (s).ptr ? (s).ptr : ""

static inline struct str str_of(const char *ptr, size_t len)
{
    return (struct str){.ptr = ptr, .len = len};
}

/* A str over a C string; NULL gives an absent str. */
struct str str_from_cstr(const char *cstr);

static inline bool str_is_set(struct str s)
{
    return s.ptr != NULL;
}

/* `s`, or `fallback` when s is absent. */
static inline struct str str_or(struct str s, struct str fallback)
{
    return s.ptr ? s : fallback;
}

bool str_eq(struct str a, struct str b); /* byte for byte; absent equals empty */
bool str_eq_cstr(struct str a, const char *b);
bool str_eq_nocase(struct str a, struct str b); /* ASCII letters only */
int str_compare(struct str a, struct str b);    /* unsigned bytes, as memcmp orders them */
bool str_starts_with(struct str s, struct str prefix);
bool str_ends_with(struct str s, struct str suffix);
bool str_contains(struct str s, struct str needle);

/* Index of the first / last `c`, or of `needle`, or -1. */
ptrdiff_t str_index(struct str s, char c);
ptrdiff_t str_last_index(struct str s, char c);
ptrdiff_t str_find(struct str s, struct str needle);

/* The part from `start`, at most `len` bytes; both are clipped to s. */
struct str str_slice(struct str s, size_t start, size_t len);
/* Everything from `start` on. */
struct str str_from(struct str s, size_t start);
/* Without ASCII space, tab, CR and LF at both ends. */
struct str str_trim(struct str s);

/* Cuts off the text before the next `separator` and advances *rest past it. Returns false when
 * *rest is absent; the last piece leaves *rest absent. "a,,b" gives "a", "", "b"; "" gives "". */
bool str_split_next(struct str *rest, char separator, struct str *out_piece);

/* Copies into the arena (NUL added behind the bytes). An absent str stays absent. */
struct str str_copy(struct arena *arena, struct str s);
/* The same as a C string; an absent str gives "". Bytes after a NUL inside are kept but unseen. */
char *str_to_cstr(struct arena *arena, struct str s);
/* printf into the arena; the result is NUL-terminated. */
struct str str_format(struct arena *arena, const char *format, ...) PRINTF_LIKE(2, 3);
struct str str_vformat(struct arena *arena, const char *format, va_list args) PRINTF_LIKE(2, 0);
/* Joins two or three pieces. */
struct str str_concat(struct arena *arena, struct str a, struct str b);
struct str str_concat3(struct arena *arena, struct str a, struct str b, struct str c);
struct str str_lower(struct arena *arena, struct str s); /* ASCII letters only */
struct str str_upper(struct arena *arena, struct str s);
/* Every `from` becomes `to`. */
struct str str_replace(struct arena *arena, struct str s, struct str from, struct str to);

/* Parses the whole of s as a decimal integer with optional '-'. Returns 0 or -EINVAL (not a number)
 * or -ERANGE. */
MUST_CHECK int str_to_i64(struct str s, int64_t *out_value);

/* 64-bit hash for tables in memory; seeded per process, so never store it. */
uint64_t str_hash(struct str s);
/* Same time whatever the content; false at once when lengths differ. For secrets. */
bool str_eq_secret(struct str a, struct str b);

/* True when s is well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms). */
bool str_is_utf8(struct str s);
/* Number of code points in well-formed UTF-8: what AWS counts as characters. */
size_t str_utf8_length(struct str s);
