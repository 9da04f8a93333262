/* store.c — every SQL statement of EventBridge Scheduler. */
#include "base/arena.h"
#include "base/vec.h"
#include "service/scheduler/scheduler.h"

static const char *const migrations[] = {
    "CREATE TABLE scheduler_group (\n"
    "    account text NOT NULL,\n"
    "    region text NOT NULL,\n"
    "    name text NOT NULL,\n"
    "    created_at integer NOT NULL,\n"
    "    modified_at integer NOT NULL,\n"
    "    tags text NOT NULL,\n"
    "    token text NOT NULL,\n"
    "    PRIMARY KEY (account, region, name)\n"
    ");\n"
    "CREATE TABLE scheduler_schedule (\n"
    "    account text NOT NULL,\n"
    "    region text NOT NULL,\n"
    "    group_name text NOT NULL,\n"
    "    name text NOT NULL,\n"
    "    expression text NOT NULL,\n"
    "    zone text,\n"
    "    description text,\n"
    "    kms_key text,\n"
    "    state text NOT NULL,\n"
    "    start_at integer NOT NULL,\n"
    "    end_at integer NOT NULL,\n"
    "    window_minutes integer NOT NULL,\n"
    "    is_deleted_after integer NOT NULL,\n"
    "    target text NOT NULL,\n"
    "    created_at integer NOT NULL,\n"
    "    modified_at integer NOT NULL,\n"
    "    token text NOT NULL,\n"
    "    PRIMARY KEY (account, region, group_name, name)\n"
    ");\n",
};

const struct migration_set scheduler_migrations = {
    .component = "scheduler",
    .migrations = migrations,
    .count = ARRAY_LEN(migrations),
};

#define GROUP_COLUMNS "account, region, name, created_at, modified_at, tags, token"
#define SCHEDULE_COLUMNS                                                                           \
    "account, region, group_name, name, expression, zone, description, kms_key, state, start_at, " \
    "end_at, window_minutes, is_deleted_after, target, created_at, modified_at, token"

static const char sql_put_group[] =
    "INSERT INTO scheduler_group (" GROUP_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7) ON "
    "CONFLICT (account, region, name) DO UPDATE SET modified_at = excluded.modified_at, tags = "
    "excluded.tags";
static const char sql_find_group[] =
    "SELECT " GROUP_COLUMNS
    " FROM scheduler_group WHERE account = $1 AND region = $2 AND name = $3";
static const char sql_delete_group[] =
    "DELETE FROM scheduler_group WHERE account = $1 AND region = $2 AND name = $3";
static const char sql_list_groups[] =
    "SELECT " GROUP_COLUMNS " FROM scheduler_group WHERE account = $1 AND region = $2 AND name > "
    "$3 AND name >= $4 AND name < $5 ORDER BY name LIMIT $6";
static const char sql_put[] =
    "INSERT INTO scheduler_schedule (" SCHEDULE_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, "
    "$9, $10, $11, $12, $13, $14, $15, $16, $17) ON CONFLICT (account, region, group_name, name) "
    "DO UPDATE SET expression = excluded.expression, zone = excluded.zone, description = "
    "excluded.description, kms_key = excluded.kms_key, state = excluded.state, start_at = "
    "excluded.start_at, end_at = excluded.end_at, window_minutes = excluded.window_minutes, "
    "is_deleted_after = excluded.is_deleted_after, target = excluded.target, modified_at = "
    "excluded.modified_at";
static const char sql_find[] =
    "SELECT " SCHEDULE_COLUMNS " FROM scheduler_schedule WHERE account = $1 AND region = $2 AND "
    "group_name = $3 AND name = $4";
static const char sql_delete[] = "DELETE FROM scheduler_schedule WHERE account = $1 AND region = "
                                 "$2 AND group_name = $3 AND name = $4";
static const char sql_list_group[] =
    "SELECT " SCHEDULE_COLUMNS " FROM scheduler_schedule WHERE account = $1 AND region = $2 AND "
    "group_name = $3 AND name > $4 AND name >= $5 AND name < $6 AND (cast($7 AS text) IS NULL OR "
    "state = $7) ORDER BY name LIMIT $8";
static const char sql_list_all[] =
    "SELECT " SCHEDULE_COLUMNS " FROM scheduler_schedule WHERE account = $1 AND region = $2 AND "
    "(group_name, name) > ($3, $4) AND name >= $5 AND name < $6 AND (cast($7 AS text) IS NULL OR "
    "state = $7) ORDER BY group_name, name LIMIT $8";

static int run(struct stmt *stmt)
{
    int64_t changed = stmt_run(stmt);
    return changed < 0 ? (int)changed : 0;
}

int scheduler_store_put_group(struct db *db, const struct scheduler_group_row *row)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_put_group, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, row->scope);
    stmt_bind_str(stmt, 3, row->name);
    stmt_bind_i64(stmt, 4, row->created_at_ms);
    stmt_bind_i64(stmt, 5, row->modified_at_ms);
    stmt_bind_str(stmt, 6, row->tags);
    stmt_bind_str(stmt, 7, row->token);
    return run(stmt);
}

static struct scheduler_group_row read_group(struct stmt *stmt, struct arena *arena)
{
    return (struct scheduler_group_row){
        .scope = {.account = stmt_str(stmt, 0, arena), .region = stmt_str(stmt, 1, arena)},
        .name = stmt_str(stmt, 2, arena),
        .created_at_ms = stmt_i64(stmt, 3),
        .modified_at_ms = stmt_i64(stmt, 4),
        .tags = stmt_str(stmt, 5, arena),
        .token = stmt_str(stmt, 6, arena),
    };
}

int scheduler_store_find_group(struct db *db, struct arena *arena, struct scope scope,
                               struct str name, struct scheduler_group_row *out)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find_group, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, scope);
    stmt_bind_str(stmt, 3, name);
    rc = stmt_step(stmt);
    if (rc == 1)
        *out = read_group(stmt, arena);
    return rc;
}

int scheduler_store_delete_group(struct db *db, struct scope scope, struct str name)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_delete_group, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, scope);
    stmt_bind_str(stmt, 3, name);
    return run(stmt);
}

int scheduler_store_list_groups(struct db *db, struct arena *arena, struct scope scope,
                                const struct scheduler_page *page, struct vec *out)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_list_groups, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, scope);
    stmt_bind_str(stmt, 3, page->after);
    stmt_bind_str(stmt, 4, page->prefix);
    stmt_bind_str(stmt, 5, str_concat(arena, page->prefix, STR("\x7F")));
    stmt_bind_i64(stmt, 6, (int64_t)page->limit);
    while ((rc = stmt_step(stmt)) == 1)
        *(struct scheduler_group_row *)vec_push(out) = read_group(stmt, arena);
    return rc;
}

int scheduler_store_put(struct db *db, const struct scheduler_row *row)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_put, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, row->scope);
    stmt_bind_str(stmt, 3, row->group);
    stmt_bind_str(stmt, 4, row->name);
    stmt_bind_str(stmt, 5, row->expression);
    stmt_bind_str(stmt, 6, row->zone);
    stmt_bind_str(stmt, 7, row->description);
    stmt_bind_str(stmt, 8, row->kms_key);
    stmt_bind_str(stmt, 9, row->state);
    stmt_bind_i64(stmt, 10, row->start_ms);
    stmt_bind_i64(stmt, 11, row->end_ms);
    stmt_bind_i64(stmt, 12, row->window_minutes);
    stmt_bind_i64(stmt, 13, row->is_deleted_after);
    stmt_bind_str(stmt, 14, row->target);
    stmt_bind_i64(stmt, 15, row->created_at_ms);
    stmt_bind_i64(stmt, 16, row->modified_at_ms);
    stmt_bind_str(stmt, 17, row->token);
    return run(stmt);
}

static struct scheduler_row read_row(struct stmt *stmt, struct arena *arena)
{
    return (struct scheduler_row){
        .scope = {.account = stmt_str(stmt, 0, arena), .region = stmt_str(stmt, 1, arena)},
        .group = stmt_str(stmt, 2, arena),
        .name = stmt_str(stmt, 3, arena),
        .expression = stmt_str(stmt, 4, arena),
        .zone = stmt_str(stmt, 5, arena),
        .description = stmt_str(stmt, 6, arena),
        .kms_key = stmt_str(stmt, 7, arena),
        .state = stmt_str(stmt, 8, arena),
        .start_ms = stmt_i64(stmt, 9),
        .end_ms = stmt_i64(stmt, 10),
        .window_minutes = stmt_i64(stmt, 11),
        .is_deleted_after = stmt_i64(stmt, 12) != 0,
        .target = stmt_str(stmt, 13, arena),
        .created_at_ms = stmt_i64(stmt, 14),
        .modified_at_ms = stmt_i64(stmt, 15),
        .token = stmt_str(stmt, 16, arena),
    };
}

int scheduler_store_find(struct db *db, struct arena *arena, struct scope scope, struct str group,
                         struct str name, struct scheduler_row *out)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, scope);
    stmt_bind_str(stmt, 3, group);
    stmt_bind_str(stmt, 4, name);
    rc = stmt_step(stmt);
    if (rc == 1)
        *out = read_row(stmt, arena);
    return rc;
}

int scheduler_store_delete(struct db *db, struct scope scope, struct str group, struct str name)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_delete, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, scope);
    stmt_bind_str(stmt, 3, group);
    stmt_bind_str(stmt, 4, name);
    return run(stmt);
}

int scheduler_store_list(struct db *db, struct arena *arena, struct scope scope, struct str group,
                         struct str state, const struct scheduler_page *page, struct vec *out)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    bool is_all = group.len == 0;
    ptrdiff_t slash = str_index(page->after, '/');
    int rc = db_prepare(db, is_all ? sql_list_all : sql_list_group, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, scope);
    stmt_bind_str(stmt, 3,
                  is_all ? str_slice(page->after, 0, slash < 0 ? 0 : (size_t)slash) : group);
    stmt_bind_str(stmt, 4, str_from(page->after, (size_t)(slash + 1)));
    stmt_bind_str(stmt, 5, page->prefix);
    stmt_bind_str(stmt, 6, str_concat(arena, page->prefix, STR("\x7F")));
    stmt_bind_str(stmt, 7, state);
    stmt_bind_i64(stmt, 8, (int64_t)page->limit);
    while ((rc = stmt_step(stmt)) == 1)
        *(struct scheduler_row *)vec_push(out) = read_row(stmt, arena);
    return rc;
}
