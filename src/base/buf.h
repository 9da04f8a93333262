/* buf.h — a growable byte buffer with a maximum.
 *
 * Appending past the maximum changes nothing and sets `is_full`, which the owner checks once at
 * the end instead of after every append. Lives on the heap, or in an arena when one is given.
 */
#pragma once

#include "base/str.h"

struct buf {
    char *ptr;
    size_t len;
    size_t capacity;
    size_t max;          /* largest len */
    struct arena *arena; /* where it grows; NULL: heap, then buf_deinit frees it */
    bool is_full;        /* an append was refused */
};

/* `arena` may be NULL for the heap. `max` is the largest length in bytes. */
void buf_init(struct buf *buf, struct arena *arena, size_t max);
/* Frees heap memory; nothing to do for an arena. */
void buf_deinit(struct buf *buf);
void buf_autoclose(struct buf *buf);
/* Empties, keeps the memory, clears is_full. */
void buf_clear(struct buf *buf);

void buf_append(struct buf *buf, struct str s);
void buf_append_cstr(struct buf *buf, const char *cstr);
void buf_append_i64(struct buf *buf, int64_t value);
void buf_append_format(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);
/* Returns room for `size` bytes behind len (not yet counted), or NULL when that exceeds max.
 * The caller adds what it used to len. */
char *buf_reserve(struct buf *buf, size_t size);
/* Drops the first `count` bytes. */
void buf_consume(struct buf *buf, size_t count);

/* Inline, as writers of markup call it for every bracket. */
static inline void buf_append_char(struct buf *buf, char c)
{
    char *room =
        buf->len < buf->capacity && buf->len < buf->max ? buf->ptr + buf->len : buf_reserve(buf, 1);
    if (!room)
        return;
    *room = c;
    buf->len++;
}

static inline struct str buf_str(const struct buf *buf)
{
    return str_of(buf->ptr ? buf->ptr : "", buf->len);
}
