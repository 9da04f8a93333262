/* clock.h — the time, which tests and `virga clock advance` can move.
 *
 * Wall time is real time plus an offset that is part of the store's state; monotonic time is never
 * moved and serves time-outs of connections. Thread-safe.
 */
#pragma once

#include <stdint.h>

/* Milliseconds since 1970-01-01 UTC, moved by the offset. */
int64_t clock_now_ms(void);

/* The present offset in milliseconds, and setting it. */
int64_t clock_offset_ms(void);
void clock_set_offset_ms(int64_t offset_ms);

/* Monotonic time that no test moves: for measuring and for connection time-outs. */
int64_t clock_monotonic_us(void);
