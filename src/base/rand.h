/* rand.h — randomness for identifiers, secrets and hash seeds.
 *
 * rand_bytes is cryptographic (getrandom, buffered per thread). Thread-safe.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct arena;

/* Fills `size` bytes with unpredictable ones. */
void rand_bytes(void *out, size_t size);
/* Uniform in [0, limit); limit > 0. */
uint64_t rand_below(uint64_t limit);
/* A random (version 4) UUID in lower case, 36 characters. */
struct str rand_uuid(struct arena *arena);
/* `len` characters drawn from `alphabet` (at most 256 characters). */
struct str rand_text(struct arena *arena, struct str alphabet, size_t len);
/* One seed for all hash tables of this process. */
uint64_t rand_process_seed(void);
