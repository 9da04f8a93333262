/* waiters.c — counters per bucket instead of a shared list.
 *
 * Invariant that rules out lost wake-ups: notify (1) raises the bucket's sequence, (2) reads the
 * bucket's waiter count; add (1) raises the count, (2) reads the sequence. All four are
 * sequentially consistent, so at least one of the two sides sees the other.
 */
#include "wire/waiters.h"

#include <stdatomic.h>

#include "base/mem.h"

enum {
    BUCKET_COUNT = 4096, /* a power of two; a collision only costs a needless look */
};

struct bucket {
    _Atomic uint64_t last_sequence;
    _Atomic uint32_t waiter_count;
};

struct waiters {
    _Atomic uint64_t sequence;
    struct bucket buckets[BUCKET_COUNT];
};

struct waiters *waiters_new(void)
{
    return mem_new(sizeof(struct waiters));
}

void waiters_free(struct waiters *waiters)
{
    mem_free(waiters);
}

static struct bucket *bucket_of(struct waiters *waiters, struct str channel)
{
    return &waiters->buckets[str_hash(channel) & (BUCKET_COUNT - 1)];
}

uint64_t waiters_sequence(const struct waiters *waiters)
{
    return atomic_load(&waiters->sequence);
}

bool waiters_add(struct waiters *waiters, struct str channel, uint64_t sequence)
{
    struct bucket *bucket = bucket_of(waiters, channel);
    atomic_fetch_add(&bucket->waiter_count, 1);
    return atomic_load(&bucket->last_sequence) > sequence;
}

void waiters_remove(struct waiters *waiters, struct str channel)
{
    uint32_t before = atomic_fetch_sub(&bucket_of(waiters, channel)->waiter_count, 1);
    CHECK(before > 0);
}

bool waiters_notify(struct waiters *waiters, struct str channel)
{
    struct bucket *bucket = bucket_of(waiters, channel);
    uint64_t sequence = atomic_fetch_add(&waiters->sequence, 1) + 1;
    uint64_t last = atomic_load(&bucket->last_sequence);
    while (last < sequence &&
           !atomic_compare_exchange_weak(&bucket->last_sequence, &last, sequence)) {
    }
    return atomic_load(&bucket->waiter_count) > 0;
}
