/* cache.c — the rules of a bus as PutEvents needs them: patterns compiled, targets read.
 *
 * One cache per thread, from the id of a bus to what it has, good for the version that it was read
 * at. Versions are random numbers, so what a transaction that was rolled back had cached fits no
 * later one. A thread frees its cache when it ends.
 */
#include <errno.h>
#include <pthread.h>

#include "base/arena.h"
#include "base/map.h"
#include "base/vec.h"
#include "service/events/archive.h"
#include "service/events/events.h"

enum {
    MAX_BYTES = 16 * 1024 * 1024, /* per thread; then the cache starts anew */
};

struct cache {
    struct arena *arena;
    struct map buses;  /* id as text -> struct events_live_bus */
    size_t user_count; /* whoever walks through what is in it: buses deliver to buses */
};

static _Thread_local struct cache cache;
static pthread_key_t end_key;
static pthread_once_t key_once = PTHREAD_ONCE_INIT;

static void end_thread(void *arena)
{
    arena_free(arena);
    cache = (struct cache){0};
}

static void make_key(void)
{
    CHECK(pthread_key_create(&end_key, end_thread) == 0);
}

static void prepare(void)
{
    if (cache.arena && (cache.user_count > 0 || arena_used(cache.arena) < MAX_BYTES))
        return;
    if (!cache.arena) {
        pthread_once(&key_once, make_key);
        cache.arena = arena_new();
        CHECK(pthread_setspecific(end_key, cache.arena) == 0);
    } else {
        arena_reset(cache.arena);
    }
    map_init(&cache.buses, cache.arena);
}

static struct str key_of(const struct events_bus_row *bus)
{
    return str_of((const char *)&bus->id, sizeof(bus->id));
}

/* The targets of one rule among those of the bus, which are sorted by rule. */
static int take_targets(const struct vec *rows, size_t *at, struct str rule,
                        struct events_target_list *out)
{
    while (*at < rows->count &&
           str_compare(((struct events_target_row *)vec_at(rows, *at))->rule, rule) < 0)
        (*at)++;
    size_t first = *at;
    while (*at < rows->count && str_eq(((struct events_target_row *)vec_at(rows, *at))->rule, rule))
        (*at)++;
    out->items = arena_alloc_array(cache.arena, *at - first + 1, sizeof(*out->items));
    for (size_t i = first; i < *at; i++) {
        const struct events_target_row *row = vec_at(rows, i);
        int rc = events_target_of(cache.arena, row->body, &out->items[out->count++]);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int compile(struct str text, const struct event_pattern **out_pattern)
{
    struct str reason = {0};
    *out_pattern = NULL;
    return text.len == 0 ? 0 : event_pattern_compile(cache.arena, text, out_pattern, &reason);
}

static int read_rules(struct call *call, const struct events_bus_row *bus,
                      struct events_live_bus *live)
{
    const struct events_page page = {
        .after = STR(""), .prefix = STR(""), .limit = EVENTS_MAX_RULES + 1};
    struct vec rules;
    struct vec targets;
    size_t at = 0;
    vec_init(&rules, cache.arena, sizeof(struct events_rule_row));
    vec_init(&targets, cache.arena, sizeof(struct events_target_row));
    int rc = events_store_list_rules(call->db, cache.arena, bus->id, &page, &rules);
    if (rc == 0)
        rc = events_store_list_all_targets(call->db, cache.arena, bus->id, &targets);
    struct events_live_rule *list = arena_alloc_array(cache.arena, rules.count + 1, sizeof(*list));
    for (size_t i = 0; rc == 0 && i < rules.count; i++) {
        const struct events_rule_row *rule = vec_at(&rules, i);
        struct events_live_rule *one = &list[live->rule_count];
        if (!str_starts_with(rule->state, STR("ENABLED")) || rule->pattern.len == 0)
            continue;
        one->arn = events_rule_arn(cache.arena, bus->scope, bus->name, rule->name);
        rc = compile(rule->pattern, &one->pattern);
        if (rc == 0)
            rc = take_targets(&targets, &at, rule->name, &one->targets);
        live->rule_count++;
    }
    live->rules = list;
    return rc;
}

static int read_archives(struct call *call, const struct events_bus_row *bus,
                         struct events_live_bus *live)
{
    struct vec rows;
    vec_init(&rows, cache.arena, sizeof(struct events_archive_row));
    int rc = events_store_list_archives_of_bus(call->db, cache.arena, bus->id, &rows);
    struct events_live_archive *list =
        arena_alloc_array(cache.arena, rows.count + 1, sizeof(*list));
    for (size_t i = 0; rc == 0 && i < rows.count; i++) {
        const struct events_archive_row *row = vec_at(&rows, i);
        list[i].id = row->id;
        rc = compile(row->pattern, &list[i].pattern);
    }
    live->archives = list;
    live->archive_count = rows.count;
    return rc;
}

void events_live_done(void)
{
    CHECK(cache.user_count > 0);
    cache.user_count--;
}

enum status events_live(struct call *call, const struct events_bus_row *bus,
                        const struct events_live_bus **out_live)
{
    static const struct events_live_bus nothing = {0};
    *out_live = &nothing;
    if (bus->id == 0) {
        cache.user_count++;
        return STATUS_DONE;
    }
    prepare();
    struct events_live_bus *live = map_find(&cache.buses, key_of(bus));
    if (!live || live->version != bus->version) {
        live = arena_alloc(cache.arena, sizeof(*live));
        live->version = bus->version;
        int rc = read_rules(call, bus, live);
        if (rc == 0)
            rc = read_archives(call, bus, live);
        if (rc < 0)
            return call_fail_internal(call, rc, "events: read the rules of a bus");
        map_set(&cache.buses, str_copy(cache.arena, key_of(bus)), live);
    }
    cache.user_count++;
    *out_live = live;
    return STATUS_DONE;
}
