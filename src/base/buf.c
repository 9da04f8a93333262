/* buf.c — growth by doubling, refusal at the maximum. */
#include "base/buf.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/mem.h"

enum {
    FIRST_CAPACITY = 256,
};

void buf_init(struct buf *buf, struct arena *arena, size_t max)
{
    *buf = (struct buf){.max = max, .arena = arena};
}

void buf_deinit(struct buf *buf)
{
    if (!buf->arena)
        mem_free(buf->ptr);
    *buf = (struct buf){.max = buf->max, .arena = buf->arena};
}

void buf_autoclose(struct buf *buf)
{
    buf_deinit(buf);
}

void buf_clear(struct buf *buf)
{
    buf->len = 0;
    buf->is_full = false;
}

static void grow(struct buf *buf, size_t needed)
{
    size_t capacity = buf->capacity ? buf->capacity : FIRST_CAPACITY;
    while (capacity < needed)
        capacity *= 2;
    if (buf->arena) {
        char *grown = arena_alloc_text(buf->arena, capacity);
        if (buf->len > 0)
            memcpy(grown, buf->ptr, buf->len);
        buf->ptr = grown;
    } else {
        buf->ptr = mem_resize(buf->ptr, capacity);
    }
    buf->capacity = capacity;
}

char *buf_reserve(struct buf *buf, size_t size)
{
    if (size > buf->max - buf->len) {
        buf->is_full = true;
        return NULL;
    }
    if (buf->len + size > buf->capacity)
        grow(buf, buf->len + size);
    return buf->ptr + buf->len;
}

void buf_append(struct buf *buf, struct str s)
{
    if (s.len == 0)
        return;
    char *room = buf_reserve(buf, s.len);
    if (!room)
        return;
    memcpy(room, s.ptr, s.len);
    buf->len += s.len;
}

void buf_append_cstr(struct buf *buf, const char *cstr)
{
    buf_append(buf, str_from_cstr(cstr));
}

void buf_append_i64(struct buf *buf, int64_t value)
{
    char digits[24];
    size_t at = sizeof(digits);
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do {
        digits[--at] = (char)('0' + (char)(rest % 10));
        rest /= 10;
    } while (rest > 0);
    if (value < 0)
        digits[--at] = '-';
    buf_append(buf, str_of(digits + at, sizeof(digits) - at));
}

void buf_append_format(struct buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    CHECK(len >= 0);
    if ((size_t)len > buf->max - buf->len) {
        buf->is_full = true;
    } else {
        /* vsnprintf writes a NUL behind the text: it needs memory, but counts for no maximum. */
        if (buf->len + (size_t)len + 1 > buf->capacity)
            grow(buf, buf->len + (size_t)len + 1);
        vsnprintf(buf->ptr + buf->len, (size_t)len + 1, format, again);
        buf->len += (size_t)len;
    }
    va_end(again);
}

void buf_consume(struct buf *buf, size_t count)
{
    CHECK(count <= buf->len);
    if (count == 0)
        return;
    memmove(buf->ptr, buf->ptr + count, buf->len - count);
    buf->len -= count;
}
