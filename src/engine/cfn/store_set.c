/* store_set.c — every SQL statement of stack sets. Their tables are made in store.c. */
#include "engine/cfn/store_set.h"

#include "base/arena.h"
#include "base/vec.h"
#include "syntax/json.h"

#define SET_COLUMNS "id, account, region, name, status, created_at, data"

static const char sql_put_set[] =
    "INSERT INTO cfn_set (" SET_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7) "
    "ON CONFLICT (id) DO UPDATE SET status = excluded.status, data = excluded.data";
static const char sql_find_set[] =
    "SELECT " SET_COLUMNS " FROM cfn_set "
    "WHERE account = $1 AND region = $2 AND name = $3 AND status = 'ACTIVE'";
static const char sql_find_set_by_id[] = "SELECT " SET_COLUMNS " FROM cfn_set WHERE id = $1 "
                                         "AND account = $2 AND region = $3";
static const char sql_list_sets[] =
    "SELECT " SET_COLUMNS " FROM cfn_set WHERE account = $1 AND region = $2 "
    "AND (status = $3 OR $3 = '') AND id > $4 ORDER BY id LIMIT $5";

static const char sql_put_instance[] =
    "INSERT INTO cfn_set_instance (set_id, account, region, data) VALUES ($1, $2, $3, $4) "
    "ON CONFLICT (set_id, account, region) DO UPDATE SET data = excluded.data";
static const char sql_delete_instance[] =
    "DELETE FROM cfn_set_instance WHERE set_id = $1 AND account = $2 AND region = $3";
static const char sql_list_instances[] =
    "SELECT account, region, data FROM cfn_set_instance WHERE set_id = $1 "
    "ORDER BY account, region";

static const char sql_put_operation[] =
    "INSERT INTO cfn_set_operation (set_id, id, sequence, status, data) "
    "VALUES ($1, $2, $3, $4, $5) ON CONFLICT (set_id, id) DO UPDATE SET "
    "status = excluded.status, data = excluded.data";
static const char sql_find_operation[] =
    "SELECT id, sequence, status, data FROM cfn_set_operation WHERE set_id = $1 AND id = $2";
static const char sql_list_operations[] =
    "SELECT id, sequence, status, data FROM cfn_set_operation WHERE set_id = $1 "
    "AND sequence < $2 ORDER BY sequence DESC LIMIT $3";

static int run(struct stmt *stmt)
{
    int64_t changed = stmt_run(stmt);
    return changed < 0 ? (int)changed : 0;
}

static struct json *column_json(struct stmt *stmt, int column, struct arena *arena)
{
    struct json *value = NULL;
    if (json_parse(arena, stmt_str(stmt, column, arena), 0, &value, NULL) < 0)
        return json_new(arena, JSON_OBJECT);
    return value;
}

static void bind_json(struct stmt *stmt, int index, const struct json *value, struct arena *arena)
{
    stmt_bind_str(stmt, index, json_to_str(arena, value));
}

int cfn_store_put_set(struct db *db, const struct cfn_set *set)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_put_set, &stmt);
    if (rc < 0)
        return rc;
    struct arena *arena = arena_new();
    stmt_bind_str(stmt, 1, set->id);
    stmt_bind_str(stmt, 2, set->scope.account);
    stmt_bind_str(stmt, 3, set->scope.region);
    stmt_bind_str(stmt, 4, set->name);
    stmt_bind_str(stmt, 5, set->status);
    stmt_bind_i64(stmt, 6, set->created_at_ms);
    bind_json(stmt, 7, set->data, arena);
    rc = run(stmt);
    arena_free(arena);
    return rc;
}

static struct cfn_set set_from_row(struct stmt *stmt, struct arena *arena)
{
    return (struct cfn_set){
        .id = stmt_str(stmt, 0, arena),
        .scope = {.account = stmt_str(stmt, 1, arena), .region = stmt_str(stmt, 2, arena)},
        .name = stmt_str(stmt, 3, arena),
        .status = stmt_str(stmt, 4, arena),
        .created_at_ms = stmt_i64(stmt, 5),
        .data = column_json(stmt, 6, arena),
    };
}

int cfn_store_find_set(struct db *db, struct arena *arena, struct scope scope, struct str name,
                       struct cfn_set *out_set)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find_set, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, scope);
    stmt_bind_str(stmt, 3, name);
    rc = stmt_step(stmt);
    if (rc == 1)
        *out_set = set_from_row(stmt, arena);
    return rc;
}

int cfn_store_find_set_by_id(struct db *db, struct arena *arena, struct scope scope, struct str id,
                             struct cfn_set *out_set)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find_set_by_id, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, id);
    stmt_bind_str(stmt, 2, scope.account);
    stmt_bind_str(stmt, 3, scope.region);
    rc = stmt_step(stmt);
    if (rc == 1)
        *out_set = set_from_row(stmt, arena);
    return rc;
}

int64_t cfn_store_list_sets(struct db *db, struct arena *arena, struct scope scope,
                            struct str status, struct str after, int64_t limit,
                            struct cfn_set **out_sets)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_list_sets, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, scope);
    stmt_bind_str(stmt, 3, str_or(status, STR("")));
    stmt_bind_str(stmt, 4, str_or(after, STR("")));
    stmt_bind_i64(stmt, 5, limit);
    struct vec sets;
    vec_init(&sets, arena, sizeof(struct cfn_set));
    while ((rc = stmt_step(stmt)) == 1)
        *(struct cfn_set *)vec_push(&sets) = set_from_row(stmt, arena);
    *out_sets = sets.items;
    return rc < 0 ? rc : (int64_t)sets.count;
}

int cfn_store_put_instance(struct db *db, const struct cfn_instance *instance)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_put_instance, &stmt);
    if (rc < 0)
        return rc;
    struct arena *arena = arena_new();
    stmt_bind_str(stmt, 1, instance->set_id);
    stmt_bind_str(stmt, 2, instance->account);
    stmt_bind_str(stmt, 3, instance->region);
    bind_json(stmt, 4, instance->data, arena);
    rc = run(stmt);
    arena_free(arena);
    return rc;
}

int cfn_store_delete_instance(struct db *db, const struct cfn_instance *instance)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_delete_instance, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, instance->set_id);
    stmt_bind_str(stmt, 2, instance->account);
    stmt_bind_str(stmt, 3, instance->region);
    return run(stmt);
}

int64_t cfn_store_list_instances(struct db *db, struct arena *arena, struct str set_id,
                                 struct cfn_instance **out_instances)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_list_instances, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, set_id);
    struct vec instances;
    vec_init(&instances, arena, sizeof(struct cfn_instance));
    while ((rc = stmt_step(stmt)) == 1)
        *(struct cfn_instance *)vec_push(&instances) = (struct cfn_instance){
            .set_id = set_id,
            .account = stmt_str(stmt, 0, arena),
            .region = stmt_str(stmt, 1, arena),
            .data = column_json(stmt, 2, arena),
        };
    *out_instances = instances.items;
    return rc < 0 ? rc : (int64_t)instances.count;
}

int cfn_store_put_operation(struct db *db, const struct cfn_set_operation *operation)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_put_operation, &stmt);
    if (rc < 0)
        return rc;
    struct arena *arena = arena_new();
    stmt_bind_str(stmt, 1, operation->set_id);
    stmt_bind_str(stmt, 2, operation->id);
    stmt_bind_i64(stmt, 3, operation->sequence);
    stmt_bind_str(stmt, 4, operation->status);
    bind_json(stmt, 5, operation->data, arena);
    rc = run(stmt);
    arena_free(arena);
    return rc;
}

static struct cfn_set_operation operation_from_row(struct stmt *stmt, struct str set_id,
                                                   struct arena *arena)
{
    return (struct cfn_set_operation){
        .set_id = set_id,
        .id = stmt_str(stmt, 0, arena),
        .sequence = stmt_i64(stmt, 1),
        .status = stmt_str(stmt, 2, arena),
        .data = column_json(stmt, 3, arena),
    };
}

int cfn_store_find_operation(struct db *db, struct arena *arena, struct str set_id, struct str id,
                             struct cfn_set_operation *out_operation)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find_operation, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, set_id);
    stmt_bind_str(stmt, 2, id);
    rc = stmt_step(stmt);
    if (rc == 1)
        *out_operation = operation_from_row(stmt, set_id, arena);
    return rc;
}

int64_t cfn_store_list_operations(struct db *db, struct arena *arena, struct str set_id,
                                  int64_t before, int64_t limit,
                                  struct cfn_set_operation **out_operations)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_list_operations, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, set_id);
    stmt_bind_i64(stmt, 2, before);
    stmt_bind_i64(stmt, 3, limit);
    struct vec operations;
    vec_init(&operations, arena, sizeof(struct cfn_set_operation));
    while ((rc = stmt_step(stmt)) == 1)
        *(struct cfn_set_operation *)vec_push(&operations) =
            operation_from_row(stmt, set_id, arena);
    *out_operations = operations.items;
    return rc < 0 ? rc : (int64_t)operations.count;
}
