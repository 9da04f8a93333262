/* mem.h — heap memory for what outlives a request. Exhaustion aborts: every size that comes from
 * outside is limited before it gets here. Thread-safe.
 */
#pragma once

#include <stddef.h>

#include "base/base.h"

/* Returns `size` zeroed bytes. */
void *mem_new(size_t size);

/* Returns zeroed room for `count` items of `size` bytes; aborts if the product overflows. */
void *mem_new_array(size_t count, size_t size);

/* Grows or shrinks; new bytes are not zeroed. `old` may be NULL. */
void *mem_resize(void *old, size_t size);

/* Returns a heap copy of `len` bytes with a NUL added. */
char *mem_copy(const void *ptr, size_t len);

/* Accepts NULL. */
void mem_free(void *ptr);

/* For AUTO(mem): frees `*(void **)slot`. */
void mem_autoclose(void *slot);
