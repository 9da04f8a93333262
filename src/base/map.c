/* map.c — open addressing over an ordered entry array. No removal: nothing needs it. */
#include "base/map.h"

#include <string.h>

#include "base/arena.h"

void map_init(struct map *map, struct arena *arena)
{
    *map = (struct map){.arena = arena};
}

static uint32_t *find_slot(const struct map *map, struct str key, uint64_t hash)
{
    size_t mask = map->slot_count - 1;
    for (size_t at = (size_t)hash & mask;; at = (at + 1) & mask) {
        uint32_t index = map->slots[at];
        if (index == 0)
            return &map->slots[at];
        const struct map_entry *entry = &map->entries[index - 1];
        if (entry->hash == hash && str_eq(entry->key, key))
            return &map->slots[at];
    }
}

static void rebuild(struct map *map)
{
    size_t capacity = map->capacity ? map->capacity * 2 : 8;
    struct map_entry *entries = arena_alloc_array(map->arena, capacity, sizeof(*entries));
    if (map->count > 0)
        memcpy(entries, map->entries, map->count * sizeof(*entries));
    map->entries = entries;
    map->capacity = capacity;
    map->slot_count = capacity * 2;
    map->slots = arena_alloc_array(map->arena, map->slot_count, sizeof(*map->slots));
    for (size_t i = 0; i < map->count; i++)
        *find_slot(map, entries[i].key, entries[i].hash) = (uint32_t)i + 1;
}

static struct map_entry *find_entry(const struct map *map, struct str key)
{
    if (map->count == 0)
        return NULL;
    uint32_t index = *find_slot(map, key, str_hash(key));
    return index ? &map->entries[index - 1] : NULL;
}

void *map_find(const struct map *map, struct str key)
{
    const struct map_entry *entry = find_entry(map, key);
    return entry ? entry->value : NULL;
}

bool map_has(const struct map *map, struct str key)
{
    return find_entry(map, key) != NULL;
}

bool map_set(struct map *map, struct str key, void *value)
{
    struct map_entry *found = find_entry(map, key);
    if (found) {
        found->value = value;
        return false;
    }
    if (map->count == map->capacity)
        rebuild(map);
    uint64_t hash = str_hash(key);
    map->entries[map->count] = (struct map_entry){.key = key, .value = value, .hash = hash};
    map->count++;
    *find_slot(map, key, hash) = (uint32_t)map->count;
    return true;
}
