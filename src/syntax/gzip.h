/* gzip.h — gzip files (RFC 1952) in memory. Thread-safe. */
#pragma once

#include "base/str.h"

struct arena;

/* The bytes as one gzip member. */
struct str gzip_compress(struct arena *arena, struct str bytes);
/* All members of a gzip file. Returns 0, -EINVAL (no gzip, damaged or cut off) or -EFBIG (more than
 * `max_bytes`). */
MUST_CHECK int gzip_decompress(struct arena *arena, struct str file, size_t max_bytes,
                               struct str *out_bytes);
