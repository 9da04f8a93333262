/* map.h — a hash map from str to pointer that remembers insertion order.
 *
 * Lives in an arena. Keys are borrowed: the caller keeps them alive as long as the map. Iteration
 * is by index in insertion order, so results do not depend on hashing.
 */
#pragma once

#include "base/str.h"

struct arena;

struct map_entry {
    struct str key;
    void *value;
    uint64_t hash;
};

struct map {
    struct map_entry *entries; /* insertion order */
    size_t count;
    size_t capacity;
    uint32_t *slots; /* index + 1 into entries; 0: free */
    size_t slot_count;
    struct arena *arena;
};

void map_init(struct map *map, struct arena *arena);
/* The value, or NULL when the key is not there (or its value is NULL). */
void *map_find(const struct map *map, struct str key);
bool map_has(const struct map *map, struct str key);
/* Sets or replaces. Returns true when the key is new. */
bool map_set(struct map *map, struct str key, void *value);
