/* arena.h — memory that is freed all at once.
 *
 * A request, a job or a parse allocates from an arena and frees nothing; the owner resets or frees
 * the arena when the work is done. Not thread-safe: an arena belongs to one thread at a time.
 * Under ASan, memory that was reset is poisoned, so a pointer that outlives its arena is caught.
 */
#pragma once

#include <stddef.h>

#include "base/base.h"

struct arena;

/* Returns an empty arena. The first chunk is kept over resets. */
struct arena *arena_new(void);

/* Frees the arena and everything in it. Accepts NULL. */
void arena_free(struct arena *arena);
void arena_autoclose(struct arena **slot);

/* Forgets every allocation but keeps the first chunk for reuse. */
void arena_reset(struct arena *arena);

/* Returns `size` zeroed bytes aligned for any object. A size of 0 gives a valid pointer. */
void *arena_alloc(struct arena *arena, size_t size);

/* Returns zeroed room for `count` items; aborts if the product overflows. */
void *arena_alloc_array(struct arena *arena, size_t count, size_t size);

/* Returns `size` bytes, not zeroed, aligned to 1: for text. */
char *arena_alloc_text(struct arena *arena, size_t size);

/* Bytes handed out since the last reset, for limits and tests. */
size_t arena_used(const struct arena *arena);
