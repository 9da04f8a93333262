/* rand.c — getrandom(2) behind a small per-thread buffer, so a UUID costs no system call. */
#include "base/rand.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/random.h>

#include "base/arena.h"

enum {
    POOL_SIZE = 256, /* getrandom never returns short for up to 256 bytes: random(7) */
};

struct pool {
    unsigned char bytes[POOL_SIZE];
    size_t used;
    bool is_filled;
};

static _Thread_local struct pool pool;

static void fill_pool(void)
{
    ssize_t got = 0;
    do {
        got = getrandom(pool.bytes, POOL_SIZE, 0);
    } while (got < 0 && errno == EINTR);
    CHECK(got == POOL_SIZE);
    pool.used = 0;
    pool.is_filled = true;
}

void rand_bytes(void *out, size_t size)
{
    unsigned char *at = out;
    while (size > 0) {
        if (!pool.is_filled || pool.used == POOL_SIZE)
            fill_pool();
        size_t step = POOL_SIZE - pool.used < size ? POOL_SIZE - pool.used : size;
        memcpy(at, pool.bytes + pool.used, step);
        memset(pool.bytes + pool.used, 0, step); /* what was handed out is not kept */
        pool.used += step;
        at += step;
        size -= step;
    }
}

uint64_t rand_below(uint64_t limit)
{
    CHECK(limit > 0);
    /* Rejection keeps it uniform: throw away the part of the range that does not divide evenly. */
    uint64_t threshold = (0 - limit) % limit;
    uint64_t value = 0;
    do {
        rand_bytes(&value, sizeof(value));
    } while (value < threshold);
    return value % limit;
}

struct str rand_uuid(struct arena *arena)
{
    static const char hex[] = "0123456789abcdef";
    unsigned char bytes[16];
    rand_bytes(bytes, sizeof(bytes));
    bytes[6] = (unsigned char)((bytes[6] & 0x0F) | 0x40); /* RFC 4122: version 4 */
    bytes[8] = (unsigned char)((bytes[8] & 0x3F) | 0x80); /* RFC 4122: variant 1 */
    char *text = arena_alloc_text(arena, 37);
    size_t at = 0;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            text[at++] = '-';
        text[at++] = hex[bytes[i] >> 4];
        text[at++] = hex[bytes[i] & 0x0F];
    }
    text[at] = '\0';
    return str_of(text, at);
}

struct str rand_text(struct arena *arena, struct str alphabet, size_t len)
{
    CHECK(alphabet.len > 0 && alphabet.len <= 256);
    char *text = arena_alloc_text(arena, len + 1);
    for (size_t i = 0; i < len; i++)
        text[i] = alphabet.ptr[rand_below(alphabet.len)];
    text[len] = '\0';
    return str_of(text, len);
}

uint64_t rand_process_seed(void)
{
    static _Atomic uint64_t seed;
    uint64_t value = atomic_load_explicit(&seed, memory_order_relaxed);
    if (value != 0)
        return value;
    uint64_t fresh = 0;
    rand_bytes(&fresh, sizeof(fresh));
    fresh |= 1;
    uint64_t none = 0;
    return atomic_compare_exchange_strong(&seed, &none, fresh) ? fresh : none;
}
