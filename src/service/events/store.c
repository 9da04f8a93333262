/* store.c — SQL of buses, rules and targets, and the tables of EventBridge. */
#include "base/arena.h"
#include "base/vec.h"
#include "service/events/events.h"

static const char *const migrations[] = {
    "CREATE TABLE events_bus (\n"
    "    id integer NOT NULL PRIMARY KEY,\n"
    "    account text NOT NULL,\n"
    "    region text NOT NULL,\n"
    "    name text NOT NULL,\n"
    "    created_at integer NOT NULL,\n"
    "    modified_at integer NOT NULL,\n"
    "    version integer NOT NULL,\n"
    "    policy text NOT NULL,\n"
    "    description text,\n"
    "    kms_key text,\n"
    "    dead_letter text,\n"
    "    log_config text,\n"
    "    tags text NOT NULL,\n"
    "    UNIQUE (account, region, name)\n"
    ");\n"
    "CREATE TABLE events_rule (\n"
    "    bus_id integer NOT NULL,\n"
    "    name text NOT NULL,\n"
    "    pattern text,\n"
    "    schedule text,\n"
    "    description text,\n"
    "    role_arn text,\n"
    "    state text NOT NULL,\n"
    "    tags text NOT NULL,\n"
    "    created_by text NOT NULL,\n"
    "    scheduled_at integer NOT NULL,\n"
    "    PRIMARY KEY (bus_id, name)\n"
    ");\n"
    "CREATE TABLE events_target (\n"
    "    bus_id integer NOT NULL,\n"
    "    rule text NOT NULL,\n"
    "    id text NOT NULL,\n"
    "    arn text NOT NULL,\n"
    "    body text NOT NULL,\n"
    "    PRIMARY KEY (bus_id, rule, id)\n"
    ");\n"
    "CREATE INDEX events_target_by_arn ON events_target (bus_id, arn, rule);\n"
    "CREATE TABLE events_archive (\n"
    "    id integer NOT NULL PRIMARY KEY,\n"
    "    account text NOT NULL,\n"
    "    region text NOT NULL,\n"
    "    name text NOT NULL,\n"
    "    bus_id integer NOT NULL,\n"
    "    bus_arn text NOT NULL,\n"
    "    description text,\n"
    "    pattern text,\n"
    "    kms_key text,\n"
    "    retention_days integer NOT NULL,\n"
    "    created_at integer NOT NULL,\n"
    "    size_bytes integer NOT NULL,\n"
    "    event_count integer NOT NULL,\n"
    "    UNIQUE (account, region, name)\n"
    ");\n"
    "CREATE INDEX events_archive_by_bus ON events_archive (bus_id);\n"
    "CREATE TABLE events_archived (\n"
    "    archive_id integer NOT NULL,\n"
    "    archived_at integer NOT NULL,\n"
    "    id integer NOT NULL,\n"
    "    body text NOT NULL,\n"
    "    PRIMARY KEY (archive_id, archived_at, id)\n"
    ");\n"
    "CREATE TABLE events_replay (\n"
    "    account text NOT NULL,\n"
    "    region text NOT NULL,\n"
    "    name text NOT NULL,\n"
    "    archive_id integer NOT NULL,\n"
    "    archive_arn text NOT NULL,\n"
    "    description text,\n"
    "    state text NOT NULL,\n"
    "    state_reason text,\n"
    "    destination text NOT NULL,\n"
    "    from_at integer NOT NULL,\n"
    "    until_at integer NOT NULL,\n"
    "    last_replayed_at integer NOT NULL,\n"
    "    last_id integer NOT NULL,\n"
    "    started_at integer NOT NULL,\n"
    "    ended_at integer NOT NULL,\n"
    "    PRIMARY KEY (account, region, name)\n"
    ");\n"
    "CREATE TABLE events_connection (\n"
    "    account text NOT NULL,\n"
    "    region text NOT NULL,\n"
    "    name text NOT NULL,\n"
    "    uuid text NOT NULL,\n"
    "    description text,\n"
    "    auth_type text NOT NULL,\n"
    "    state text NOT NULL,\n"
    "    state_reason text,\n"
    "    kms_key text,\n"
    "    secret blob NOT NULL,\n"
    "    token blob,\n"
    "    token_expires_at integer NOT NULL,\n"
    "    created_at integer NOT NULL,\n"
    "    modified_at integer NOT NULL,\n"
    "    authorized_at integer NOT NULL,\n"
    "    PRIMARY KEY (account, region, name)\n"
    ");\n"
    "CREATE TABLE events_destination (\n"
    "    account text NOT NULL,\n"
    "    region text NOT NULL,\n"
    "    name text NOT NULL,\n"
    "    uuid text NOT NULL,\n"
    "    description text,\n"
    "    connection_arn text NOT NULL,\n"
    "    endpoint text NOT NULL,\n"
    "    method text NOT NULL,\n"
    "    rate_limit integer NOT NULL,\n"
    "    created_at integer NOT NULL,\n"
    "    modified_at integer NOT NULL,\n"
    "    PRIMARY KEY (account, region, name)\n"
    ");\n"
    "CREATE TABLE events_key (id integer NOT NULL PRIMARY KEY, secret blob NOT NULL);\n",
};

const struct migration_set events_migrations = {
    .component = "events",
    .migrations = migrations,
    .count = ARRAY_LEN(migrations),
};

#define BUS_COLUMNS                                                                                \
    "id, account, region, name, created_at, modified_at, version, policy, description, kms_key, "  \
    "dead_letter, log_config, tags"
#define RULE_COLUMNS                                                                               \
    "bus_id, name, pattern, schedule, description, role_arn, state, tags, created_by, "            \
    "scheduled_at"
/* AWS's names have no character above '~', so a prefix and everything behind it is a range. */
#define PAGE(column) column " > $3 AND " column " >= $4 AND " column " < $5"

static const char sql_insert_bus[] = "INSERT INTO events_bus (" BUS_COLUMNS ") VALUES ($1, $2, $3, "
                                     "$4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
static const char sql_update_bus[] =
    "UPDATE events_bus SET modified_at = $2, policy = $3, description = $4, kms_key = $5, "
    "dead_letter = $6, log_config = $7, tags = $8 WHERE id = $1";
static const char sql_set_version[] = "UPDATE events_bus SET version = $2 WHERE id = $1";
static const char sql_find_bus[] =
    "SELECT " BUS_COLUMNS " FROM events_bus WHERE account = $1 AND region = $2 AND name = $3";
static const char sql_delete_bus[] = "DELETE FROM events_bus WHERE id = $1";
static const char sql_list_buses[] =
    "SELECT " BUS_COLUMNS " FROM events_bus WHERE account = $1 AND region = $2 AND " PAGE(
        "name") " ORDER BY name LIMIT $6";
static const char sql_put_rule[] =
    "INSERT INTO events_rule (" RULE_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) "
    "ON CONFLICT (bus_id, name) DO UPDATE SET pattern = excluded.pattern, schedule = "
    "excluded.schedule, description = excluded.description, role_arn = excluded.role_arn, state = "
    "excluded.state, tags = excluded.tags, scheduled_at = excluded.scheduled_at";
static const char sql_find_rule[] =
    "SELECT " RULE_COLUMNS " FROM events_rule WHERE bus_id = $1 AND name = $2";
static const char sql_delete_rule[] = "DELETE FROM events_rule WHERE bus_id = $1 AND name = $2";
static const char sql_list_rules[] =
    "SELECT " RULE_COLUMNS " FROM events_rule WHERE bus_id = $1 AND name > $2 AND name >= $3 AND "
    "name < $4 ORDER BY name LIMIT $5";
static const char sql_count_rules[] = "SELECT count(*) FROM events_rule WHERE bus_id = $1";
static const char sql_rules_by_target[] =
    "SELECT DISTINCT rule FROM events_target WHERE bus_id = $1 AND arn = $2 AND rule > $3 ORDER BY "
    "rule LIMIT $4";
static const char sql_put_target[] =
    "INSERT INTO events_target (bus_id, rule, id, arn, body) VALUES ($1, $2, $3, $4, $5) ON "
    "CONFLICT (bus_id, rule, id) DO UPDATE SET arn = excluded.arn, body = excluded.body";
static const char sql_delete_target[] =
    "DELETE FROM events_target WHERE bus_id = $1 AND rule = $2 AND id = $3";
static const char sql_list_targets[] = "SELECT bus_id, rule, id, arn, body FROM events_target "
                                       "WHERE bus_id = $1 AND rule = $2 AND id > "
                                       "$3 ORDER BY id LIMIT $4";
static const char sql_list_all_targets[] =
    "SELECT bus_id, rule, id, arn, body FROM events_target WHERE bus_id = $1 ORDER BY rule, id";

static int run(struct stmt *stmt)
{
    int64_t changed = stmt_run(stmt);
    return changed < 0 ? (int)changed : 0;
}

/* Binds after, prefix and the end of the prefix's range at $first and behind, then the limit. */
static void bind_page(struct stmt *stmt, int first, const struct events_page *page,
                      struct arena *arena)
{
    stmt_bind_str(stmt, first, page->after);
    stmt_bind_str(stmt, first + 1, page->prefix);
    stmt_bind_str(stmt, first + 2, str_concat(arena, page->prefix, STR("\x7F")));
    stmt_bind_i64(stmt, first + 3, (int64_t)page->limit);
}

int events_store_insert_bus(struct db *db, const struct events_bus_row *bus)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_insert_bus, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, bus->id);
    stmt_bind_str(stmt, 2, bus->scope.account);
    stmt_bind_str(stmt, 3, bus->scope.region);
    stmt_bind_str(stmt, 4, bus->name);
    stmt_bind_i64(stmt, 5, bus->created_at_ms);
    stmt_bind_i64(stmt, 6, bus->modified_at_ms);
    stmt_bind_i64(stmt, 7, bus->version);
    stmt_bind_str(stmt, 8, bus->policy);
    stmt_bind_str(stmt, 9, bus->description);
    stmt_bind_str(stmt, 10, bus->kms_key);
    stmt_bind_str(stmt, 11, bus->dead_letter);
    stmt_bind_str(stmt, 12, bus->log_config);
    stmt_bind_str(stmt, 13, bus->tags);
    return run(stmt);
}

int events_store_update_bus(struct db *db, const struct events_bus_row *bus)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_update_bus, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, bus->id);
    stmt_bind_i64(stmt, 2, bus->modified_at_ms);
    stmt_bind_str(stmt, 3, bus->policy);
    stmt_bind_str(stmt, 4, bus->description);
    stmt_bind_str(stmt, 5, bus->kms_key);
    stmt_bind_str(stmt, 6, bus->dead_letter);
    stmt_bind_str(stmt, 7, bus->log_config);
    stmt_bind_str(stmt, 8, bus->tags);
    return run(stmt);
}

int events_store_set_version(struct db *db, int64_t bus_id, int64_t version)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_set_version, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, bus_id);
    stmt_bind_i64(stmt, 2, version);
    return run(stmt);
}

static struct events_bus_row read_bus(struct stmt *stmt, struct arena *arena)
{
    return (struct events_bus_row){
        .id = stmt_i64(stmt, 0),
        .scope = {.account = stmt_str(stmt, 1, arena), .region = stmt_str(stmt, 2, arena)},
        .name = stmt_str(stmt, 3, arena),
        .created_at_ms = stmt_i64(stmt, 4),
        .modified_at_ms = stmt_i64(stmt, 5),
        .version = stmt_i64(stmt, 6),
        .policy = stmt_str(stmt, 7, arena),
        .description = stmt_str(stmt, 8, arena),
        .kms_key = stmt_str(stmt, 9, arena),
        .dead_letter = stmt_str(stmt, 10, arena),
        .log_config = stmt_str(stmt, 11, arena),
        .tags = stmt_str(stmt, 12, arena),
    };
}

int events_store_find_bus(struct db *db, struct arena *arena, struct scope scope, struct str name,
                          struct events_bus_row *out)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find_bus, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, scope);
    stmt_bind_str(stmt, 3, name);
    rc = stmt_step(stmt);
    if (rc == 1)
        *out = read_bus(stmt, arena);
    return rc;
}

int events_store_delete_bus(struct db *db, int64_t bus_id)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_delete_bus, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, bus_id);
    return run(stmt);
}

int events_store_list_buses(struct db *db, struct arena *arena, struct scope scope,
                            const struct events_page *page, struct vec *out)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_list_buses, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, scope);
    bind_page(stmt, 3, page, arena);
    while ((rc = stmt_step(stmt)) == 1)
        *(struct events_bus_row *)vec_push(out) = read_bus(stmt, arena);
    return rc;
}

int events_store_put_rule(struct db *db, const struct events_rule_row *rule)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_put_rule, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, rule->bus_id);
    stmt_bind_str(stmt, 2, rule->name);
    stmt_bind_str(stmt, 3, rule->pattern);
    stmt_bind_str(stmt, 4, rule->schedule);
    stmt_bind_str(stmt, 5, rule->description);
    stmt_bind_str(stmt, 6, rule->role_arn);
    stmt_bind_str(stmt, 7, rule->state);
    stmt_bind_str(stmt, 8, rule->tags);
    stmt_bind_str(stmt, 9, rule->created_by);
    stmt_bind_i64(stmt, 10, rule->scheduled_at_ms);
    return run(stmt);
}

static struct events_rule_row read_rule(struct stmt *stmt, struct arena *arena)
{
    return (struct events_rule_row){
        .bus_id = stmt_i64(stmt, 0),
        .name = stmt_str(stmt, 1, arena),
        .pattern = stmt_str(stmt, 2, arena),
        .schedule = stmt_str(stmt, 3, arena),
        .description = stmt_str(stmt, 4, arena),
        .role_arn = stmt_str(stmt, 5, arena),
        .state = stmt_str(stmt, 6, arena),
        .tags = stmt_str(stmt, 7, arena),
        .created_by = stmt_str(stmt, 8, arena),
        .scheduled_at_ms = stmt_i64(stmt, 9),
    };
}

int events_store_find_rule(struct db *db, struct arena *arena, int64_t bus_id, struct str name,
                           struct events_rule_row *out)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find_rule, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, bus_id);
    stmt_bind_str(stmt, 2, name);
    rc = stmt_step(stmt);
    if (rc == 1)
        *out = read_rule(stmt, arena);
    return rc;
}

int events_store_delete_rule(struct db *db, int64_t bus_id, struct str name)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_delete_rule, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, bus_id);
    stmt_bind_str(stmt, 2, name);
    return run(stmt);
}

int events_store_list_rules(struct db *db, struct arena *arena, int64_t bus_id,
                            const struct events_page *page, struct vec *out)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_list_rules, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, bus_id);
    bind_page(stmt, 2, page, arena);
    while ((rc = stmt_step(stmt)) == 1)
        *(struct events_rule_row *)vec_push(out) = read_rule(stmt, arena);
    return rc;
}

int events_store_count_rules(struct db *db, int64_t bus_id, int64_t *out_count)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_count_rules, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, bus_id);
    rc = stmt_step(stmt);
    if (rc == 1)
        *out_count = stmt_i64(stmt, 0);
    return rc < 0 ? rc : 0;
}

int events_store_list_rules_by_target(struct db *db, struct arena *arena, int64_t bus_id,
                                      struct str arn, const struct events_page *page,
                                      struct vec *out_names)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_rules_by_target, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, bus_id);
    stmt_bind_str(stmt, 2, arn);
    stmt_bind_str(stmt, 3, page->after);
    stmt_bind_i64(stmt, 4, (int64_t)page->limit);
    while ((rc = stmt_step(stmt)) == 1)
        *(struct str *)vec_push(out_names) = stmt_str(stmt, 0, arena);
    return rc;
}

int events_store_put_target(struct db *db, const struct events_target_row *target)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_put_target, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, target->bus_id);
    stmt_bind_str(stmt, 2, target->rule);
    stmt_bind_str(stmt, 3, target->id);
    stmt_bind_str(stmt, 4, target->arn);
    stmt_bind_str(stmt, 5, target->body);
    return run(stmt);
}

int events_store_delete_target(struct db *db, int64_t bus_id, struct str rule, struct str id)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_delete_target, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, bus_id);
    stmt_bind_str(stmt, 2, rule);
    stmt_bind_str(stmt, 3, id);
    return (int)stmt_run(stmt);
}

static int read_targets(struct stmt *stmt, struct arena *arena, struct vec *out)
{
    int rc = 0;
    while ((rc = stmt_step(stmt)) == 1)
        *(struct events_target_row *)vec_push(out) = (struct events_target_row){
            .bus_id = stmt_i64(stmt, 0),
            .rule = stmt_str(stmt, 1, arena),
            .id = stmt_str(stmt, 2, arena),
            .arn = stmt_str(stmt, 3, arena),
            .body = stmt_str(stmt, 4, arena),
        };
    return rc;
}

int events_store_list_targets(struct db *db, struct arena *arena, int64_t bus_id, struct str rule,
                              const struct events_page *page, struct vec *out)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_list_targets, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, bus_id);
    stmt_bind_str(stmt, 2, rule);
    stmt_bind_str(stmt, 3, page->after);
    stmt_bind_i64(stmt, 4, (int64_t)page->limit);
    return read_targets(stmt, arena, out);
}

int events_store_list_all_targets(struct db *db, struct arena *arena, int64_t bus_id,
                                  struct vec *out)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_list_all_targets, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, bus_id);
    return read_targets(stmt, arena, out);
}
