/* vec.c — doubling array. */
#include "base/vec.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

void vec_init(struct vec *vec, struct arena *arena, size_t item_size)
{
    *vec = (struct vec){.item_size = item_size, .arena = arena};
}

void *vec_push(struct vec *vec)
{
    if (vec->count == vec->capacity) {
        size_t capacity = vec->capacity ? vec->capacity * 2 : 8;
        char *grown = arena_alloc_array(vec->arena, capacity, vec->item_size);
        if (vec->count > 0)
            memcpy(grown, vec->items, vec->count * vec->item_size);
        vec->items = grown;
        vec->capacity = capacity;
    }
    void *item = (char *)vec->items + vec->count * vec->item_size;
    memset(item, 0, vec->item_size);
    vec->count++;
    return item;
}

void *vec_at(const struct vec *vec, size_t index)
{
    CHECK(index < vec->count);
    return (char *)vec->items + index * vec->item_size;
}

void vec_pop(struct vec *vec)
{
    CHECK(vec->count > 0);
    vec->count--;
}

void vec_sort(struct vec *vec, int (*compare)(const void *, const void *))
{
    if (vec->count > 1)
        qsort(vec->items, vec->count, vec->item_size, compare);
}
