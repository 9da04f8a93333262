/* waiters.h — who waits for which channel, over all workers of the process.
 *
 * A notification reaches a worker only when somebody may be waiting: channels are hashed into
 * buckets with a count of waiters. No wake-up is lost: every notification takes a sequence number,
 * a call notes the number before it looks at the store, and parking compares (see waiters.c).
 */
#pragma once

#include "base/str.h"

struct waiters;
struct executor;

struct waiters *waiters_new(void);
void waiters_free(struct waiters *waiters);

/* The sequence number to note before looking. Thread-safe. */
uint64_t waiters_sequence(const struct waiters *waiters);
/* Registers interest in a channel. Returns true when the channel was (or may have been) notified
 * since `sequence`: then look again at once. Thread-safe. */
bool waiters_add(struct waiters *waiters, struct str channel, uint64_t sequence);
void waiters_remove(struct waiters *waiters, struct str channel);
/* Returns true when somebody may wait for the channel. Thread-safe. */
bool waiters_notify(struct waiters *waiters, struct str channel);
