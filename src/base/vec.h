/* vec.h — a growable array of equal items in an arena.
 *
 * `struct vec ids; vec_init(&ids, arena, sizeof(struct id)); *(struct id *)vec_push(&ids) = id;`
 * Items move when it grows: keep indexes, not pointers, while pushing.
 */
#pragma once

#include <stddef.h>

#include "base/base.h"

struct arena;

struct vec {
    void *items;
    size_t count;
    size_t capacity;
    size_t item_size;
    struct arena *arena;
};

void vec_init(struct vec *vec, struct arena *arena, size_t item_size);
/* Adds a zeroed item and returns it. */
void *vec_push(struct vec *vec);
/* The item at `index`, which must exist. */
void *vec_at(const struct vec *vec, size_t index);
/* Removes the last item; there must be one. */
void vec_pop(struct vec *vec);
/* Sorts in place; `compare` as for qsort. Not stable. */
void vec_sort(struct vec *vec, int (*compare)(const void *, const void *));
