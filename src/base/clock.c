/* clock.c — CLOCK_REALTIME plus an atomic offset. */
#include "base/clock.h"

#include <stdatomic.h>
#include <time.h>

static _Atomic int64_t offset_ms;

int64_t clock_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t real_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    return real_ms + atomic_load_explicit(&offset_ms, memory_order_relaxed);
}

int64_t clock_offset_ms(void)
{
    return atomic_load_explicit(&offset_ms, memory_order_relaxed);
}

void clock_set_offset_ms(int64_t offset)
{
    atomic_store_explicit(&offset_ms, offset, memory_order_relaxed);
}

int64_t clock_monotonic_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}
