/* store.c — every SQL statement of the stack engine. */
#include "engine/cfn/store.h"

#include "base/arena.h"
#include "base/vec.h"
#include "syntax/json.h"

static const char *const migrations[] = {
    "CREATE TABLE cfn_stack (\n"
    "    id text NOT NULL PRIMARY KEY,\n"
    "    account text NOT NULL,\n"
    "    region text NOT NULL,\n"
    "    name text NOT NULL,\n"
    "    status text NOT NULL,\n"
    "    reason text NOT NULL,\n"
    "    created_at integer NOT NULL,\n"
    "    updated_at integer NOT NULL,\n"
    "    deleted_at integer NOT NULL,\n"
    "    spec text NOT NULL,\n"
    "    saved_spec text,\n"
    "    options text NOT NULL,\n"
    "    request text\n"
    ");\n"
    "CREATE UNIQUE INDEX cfn_stack_live ON cfn_stack (account, region, name) WHERE deleted_at = "
    "0;\n"
    "CREATE INDEX cfn_stack_by_age ON cfn_stack (account, region, created_at, id);\n"
    "CREATE TABLE cfn_template (\n"
    "    owner text NOT NULL,\n"
    "    generation integer NOT NULL,\n"
    "    original text NOT NULL,\n"
    "    processed text NOT NULL,\n"
    "    PRIMARY KEY (owner, generation)\n"
    ");\n"
    "CREATE TABLE cfn_resource (\n"
    "    stack_id text NOT NULL,\n"
    "    logical_id text NOT NULL,\n"
    "    position integer NOT NULL,\n"
    "    type text NOT NULL,\n"
    "    physical_id text NOT NULL,\n"
    "    status text NOT NULL,\n"
    "    reason text NOT NULL,\n"
    "    updated_at integer NOT NULL,\n"
    "    applied text,\n"
    "    change text NOT NULL,\n"
    "    saved text,\n"
    "    action text NOT NULL,\n"
    "    progress text NOT NULL,\n"
    "    run_at integer NOT NULL,\n"
    "    wanted text,\n"
    "    state text,\n"
    "    PRIMARY KEY (stack_id, logical_id)\n"
    ");\n"
    "CREATE INDEX cfn_resource_by_physical ON cfn_resource (physical_id);\n"
    "CREATE TABLE cfn_event (\n"
    "    stack_id text NOT NULL,\n"
    "    sequence integer NOT NULL,\n"
    "    event_id text NOT NULL,\n"
    "    at integer NOT NULL,\n"
    "    logical_id text NOT NULL,\n"
    "    physical_id text NOT NULL,\n"
    "    type text NOT NULL,\n"
    "    status text NOT NULL,\n"
    "    reason text,\n"
    "    token text,\n"
    "    properties text,\n"
    "    PRIMARY KEY (stack_id, sequence)\n"
    ");\n"
    "CREATE TABLE cfn_output (\n"
    "    stack_id text NOT NULL,\n"
    "    position integer NOT NULL,\n"
    "    account text NOT NULL,\n"
    "    region text NOT NULL,\n"
    "    name text NOT NULL,\n"
    "    value text NOT NULL,\n"
    "    description text,\n"
    "    export_name text,\n"
    "    stack_name text NOT NULL,\n"
    "    PRIMARY KEY (stack_id, position)\n"
    ");\n"
    "CREATE UNIQUE INDEX cfn_export ON cfn_output (account, region, export_name)\n"
    "    WHERE export_name IS NOT NULL;\n"
    "CREATE TABLE cfn_import (\n"
    "    account text NOT NULL,\n"
    "    region text NOT NULL,\n"
    "    export_name text NOT NULL,\n"
    "    stack_name text NOT NULL,\n"
    "    stack_id text NOT NULL,\n"
    "    PRIMARY KEY (account, region, export_name, stack_name)\n"
    ");\n"
    "CREATE INDEX cfn_import_by_stack ON cfn_import (stack_id);\n"
    "CREATE TABLE cfn_change_set (\n"
    "    id text NOT NULL PRIMARY KEY,\n"
    "    stack_id text NOT NULL,\n"
    "    name text NOT NULL,\n"
    "    status text NOT NULL,\n"
    "    execution_status text NOT NULL,\n"
    "    reason text NOT NULL,\n"
    "    created_at integer NOT NULL,\n"
    "    data text NOT NULL,\n"
    "    changes text NOT NULL\n"
    ");\n"
    "CREATE UNIQUE INDEX cfn_change_set_by_name ON cfn_change_set (stack_id, name);\n",
    "CREATE TABLE cfn_signal (\n"
    "    stack_id text NOT NULL,\n"
    "    target text NOT NULL,\n"
    "    unique_id text NOT NULL,\n"
    "    status text NOT NULL,\n"
    "    reason text NOT NULL,\n"
    "    data text NOT NULL,\n"
    "    at integer NOT NULL,\n"
    "    PRIMARY KEY (stack_id, target, unique_id)\n"
    ");\n"
    "CREATE TABLE cfn_callback (\n"
    "    token text NOT NULL PRIMARY KEY,\n"
    "    account text NOT NULL,\n"
    "    region text NOT NULL,\n"
    "    stack_id text NOT NULL,\n"
    "    logical_id text NOT NULL,\n"
    "    kind text NOT NULL,\n"
    "    request_id text NOT NULL,\n"
    "    answer text,\n"
    "    made_at integer NOT NULL\n"
    ");\n"
    "CREATE INDEX cfn_callback_by_stack ON cfn_callback (stack_id);\n",
    "CREATE TABLE cfn_drift (\n"
    "    stack_id text NOT NULL,\n"
    "    logical_id text NOT NULL,\n"
    "    data text NOT NULL,\n"
    "    PRIMARY KEY (stack_id, logical_id)\n"
    ");\n"
    "CREATE TABLE cfn_detection (\n"
    "    id text NOT NULL PRIMARY KEY,\n"
    "    stack_id text NOT NULL,\n"
    "    data text NOT NULL\n"
    ");\n"
    "CREATE INDEX cfn_detection_by_stack ON cfn_detection (stack_id);\n",
    "CREATE TABLE cfn_set (\n"
    "    id text NOT NULL PRIMARY KEY,\n"
    "    account text NOT NULL,\n"
    "    region text NOT NULL,\n"
    "    name text NOT NULL,\n"
    "    status text NOT NULL,\n"
    "    created_at integer NOT NULL,\n"
    "    data text NOT NULL\n"
    ");\n"
    "CREATE UNIQUE INDEX cfn_set_active ON cfn_set (account, region, name) WHERE status = "
    "'ACTIVE';\n"
    "CREATE INDEX cfn_set_by_scope ON cfn_set (account, region, id);\n"
    "CREATE TABLE cfn_set_instance (\n"
    "    set_id text NOT NULL,\n"
    "    account text NOT NULL,\n"
    "    region text NOT NULL,\n"
    "    data text NOT NULL,\n"
    "    PRIMARY KEY (set_id, account, region)\n"
    ");\n"
    "CREATE TABLE cfn_set_operation (\n"
    "    set_id text NOT NULL,\n"
    "    id text NOT NULL,\n"
    "    sequence integer NOT NULL,\n"
    "    status text NOT NULL,\n"
    "    data text NOT NULL,\n"
    "    PRIMARY KEY (set_id, id)\n"
    ");\n"
    "CREATE INDEX cfn_set_operation_by_age ON cfn_set_operation (set_id, sequence);\n",
    "ALTER TABLE cfn_event ADD COLUMN operation_id text;\n",
};

const struct migration_set cfn_migrations = {
    .component = "cloudformation",
    .migrations = migrations,
    .count = ARRAY_LEN(migrations),
};

#define STACK_COLUMNS                                                                              \
    "id, account, region, name, status, reason, created_at, updated_at, deleted_at, spec, "        \
    "saved_spec, options, request"
#define RESOURCE_COLUMNS                                                                           \
    "stack_id, logical_id, position, type, physical_id, status, reason, updated_at, applied, "     \
    "change, saved, action, progress, run_at, wanted, state"
#define EVENT_COLUMNS                                                                              \
    "stack_id, sequence, event_id, at, logical_id, physical_id, type, status, reason, token, "     \
    "properties, operation_id"
#define CHANGE_SET_COLUMNS                                                                         \
    "id, stack_id, name, status, execution_status, reason, created_at, data, changes"

static const char sql_put_stack[] =
    "INSERT INTO cfn_stack (" STACK_COLUMNS ") "
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) "
    "ON CONFLICT (id) DO UPDATE SET status = excluded.status, reason = excluded.reason, "
    "updated_at = excluded.updated_at, deleted_at = excluded.deleted_at, spec = excluded.spec, "
    "saved_spec = excluded.saved_spec, options = excluded.options, request = excluded.request";
static const char sql_find_stack[] = "SELECT " STACK_COLUMNS " FROM cfn_stack WHERE id = $1";
static const char sql_find_live[] =
    "SELECT " STACK_COLUMNS " FROM cfn_stack "
    "WHERE account = $1 AND region = $2 AND name = $3 AND deleted_at = 0";
static const char sql_list_stacks[] =
    "SELECT " STACK_COLUMNS " FROM cfn_stack WHERE account = $1 AND region = $2 "
    "AND (deleted_at = 0 OR $3 <> 0) AND (created_at < $4 OR (created_at = $4 AND id > $5)) "
    "ORDER BY created_at DESC, id LIMIT $6";

static const char sql_put_template[] =
    "INSERT INTO cfn_template (owner, generation, original, processed) VALUES ($1, $2, $3, $4) "
    "ON CONFLICT (owner, generation) DO UPDATE SET original = excluded.original, "
    "processed = excluded.processed";
static const char sql_find_template[] =
    "SELECT original, processed FROM cfn_template WHERE owner = $1 AND generation = $2";
static const char sql_trim_templates[] =
    "DELETE FROM cfn_template WHERE owner = $1 AND generation <> $2";

static const char sql_put_resource[] =
    "INSERT INTO cfn_resource (" RESOURCE_COLUMNS ") "
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) "
    "ON CONFLICT (stack_id, logical_id) DO UPDATE SET position = excluded.position, "
    "type = excluded.type, physical_id = excluded.physical_id, status = excluded.status, "
    "reason = excluded.reason, updated_at = excluded.updated_at, applied = excluded.applied, "
    "change = excluded.change, saved = excluded.saved, action = excluded.action, "
    "progress = excluded.progress, run_at = excluded.run_at, wanted = excluded.wanted, "
    "state = excluded.state";
static const char sql_delete_resource[] =
    "DELETE FROM cfn_resource WHERE stack_id = $1 AND logical_id = $2";
static const char sql_list_resources[] = "SELECT " RESOURCE_COLUMNS " FROM cfn_resource "
                                         "WHERE stack_id = $1 ORDER BY position, logical_id";
static const char sql_find_by_physical[] =
    "SELECT s.id FROM cfn_resource r JOIN cfn_stack s ON s.id = r.stack_id "
    "WHERE s.account = $1 AND s.region = $2 AND r.physical_id = $3 AND s.deleted_at = 0 LIMIT 1";

static const char sql_wake_resources[] =
    "UPDATE cfn_resource SET run_at = $2 WHERE stack_id = $1 AND progress = 'RUNNING' "
    "AND run_at > $2";

static const char sql_put_signal[] =
    "INSERT INTO cfn_signal (stack_id, target, unique_id, status, reason, data, at) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (stack_id, target, unique_id) DO UPDATE SET "
    "status = excluded.status, reason = excluded.reason, data = excluded.data, at = excluded.at";
static const char sql_list_signals[] =
    "SELECT unique_id, status, reason, data, at FROM cfn_signal "
    "WHERE stack_id = $1 AND target = $2 AND at >= $3 ORDER BY at, unique_id";
static const char sql_forget_signals[] = "DELETE FROM cfn_signal WHERE stack_id = $1";
static const char sql_put_callback[] =
    "INSERT INTO cfn_callback (token, account, region, stack_id, logical_id, kind, request_id, "
    "answer, made_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) "
    "ON CONFLICT (token) DO UPDATE SET answer = excluded.answer";
static const char sql_find_callback[] =
    "SELECT account, region, stack_id, logical_id, kind, request_id, answer, made_at "
    "FROM cfn_callback WHERE token = $1";
static const char sql_delete_callback[] = "DELETE FROM cfn_callback WHERE token = $1";
static const char sql_forget_callbacks[] = "DELETE FROM cfn_callback WHERE stack_id = $1";

static const char sql_put_drift[] =
    "INSERT INTO cfn_drift (stack_id, logical_id, data) VALUES ($1, $2, $3) "
    "ON CONFLICT (stack_id, logical_id) DO UPDATE SET data = excluded.data";
static const char sql_list_drifts[] = "SELECT logical_id, data FROM cfn_drift WHERE stack_id = $1 "
                                      "ORDER BY logical_id";
static const char sql_forget_drifts[] = "DELETE FROM cfn_drift WHERE stack_id = $1";
static const char sql_add_detection[] =
    "INSERT INTO cfn_detection (id, stack_id, data) VALUES ($1, $2, $3)";
static const char sql_find_detection[] = "SELECT stack_id, data FROM cfn_detection WHERE id = $1";
static const char sql_forget_detections[] = "DELETE FROM cfn_detection WHERE stack_id = $1";

static const char sql_last_event[] =
    "SELECT coalesce(max(sequence), 0) FROM cfn_event WHERE stack_id = $1";
static const char sql_add_event[] = "INSERT INTO cfn_event (" EVENT_COLUMNS ") "
                                    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
static const char sql_list_operation_events[] =
    "SELECT " EVENT_COLUMNS " FROM cfn_event WHERE stack_id = $1 AND sequence < $2 "
    "AND (operation_id = $4 OR $4 = '') AND ($5 = 0 OR status LIKE '%\\_FAILED' ESCAPE '\\') "
    "ORDER BY sequence DESC LIMIT $3";
static const char sql_list_events[] = "SELECT " EVENT_COLUMNS " FROM cfn_event WHERE stack_id = $1 "
                                      "AND sequence < $2 ORDER BY sequence DESC LIMIT $3";

static const char sql_clear_outputs[] = "DELETE FROM cfn_output WHERE stack_id = $1";
static const char sql_add_output[] =
    "INSERT INTO cfn_output (stack_id, position, account, region, name, value, description, "
    "export_name, stack_name) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
static const char sql_list_outputs[] = "SELECT name, value, description, export_name "
                                       "FROM cfn_output WHERE stack_id = $1 ORDER BY position";
static const char sql_find_export[] =
    "SELECT stack_id, stack_name, export_name, value FROM cfn_output "
    "WHERE account = $1 AND region = $2 AND export_name = $3";
static const char sql_list_exports[] =
    "SELECT stack_id, stack_name, export_name, value FROM cfn_output "
    "WHERE account = $1 AND region = $2 AND export_name > $3 ORDER BY export_name LIMIT $4";

static const char sql_add_import[] =
    "INSERT INTO cfn_import (account, region, export_name, stack_name, stack_id) "
    "VALUES ($1, $2, $3, $4, $5) ON CONFLICT (account, region, export_name, stack_name) "
    "DO UPDATE SET stack_id = excluded.stack_id";
static const char sql_clear_imports[] = "DELETE FROM cfn_import WHERE stack_id = $1";
static const char sql_list_importers[] =
    "SELECT stack_name FROM cfn_import WHERE account = $1 AND region = $2 AND export_name = $3 "
    "AND stack_name > $4 ORDER BY stack_name LIMIT $5";

static const char sql_put_change_set[] =
    "INSERT INTO cfn_change_set (" CHANGE_SET_COLUMNS ") "
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO UPDATE SET "
    "status = excluded.status, execution_status = excluded.execution_status, "
    "reason = excluded.reason, data = excluded.data, changes = excluded.changes";
static const char sql_find_change_set[] =
    "SELECT " CHANGE_SET_COLUMNS " FROM cfn_change_set WHERE id = $1";
static const char sql_find_change_set_by_name[] =
    "SELECT " CHANGE_SET_COLUMNS " FROM cfn_change_set WHERE stack_id = $1 AND name = $2";
static const char sql_list_change_sets[] =
    "SELECT " CHANGE_SET_COLUMNS " FROM cfn_change_set WHERE stack_id = $1 "
    "AND (created_at < $2 OR (created_at = $2 AND id > $3)) ORDER BY created_at DESC, id LIMIT $4";
static const char sql_delete_change_set[] = "DELETE FROM cfn_change_set WHERE id = $1";

/* Runs a prepared statement whose count of rows does not matter. */
static int run(struct stmt *stmt)
{
    int64_t changed = stmt_run(stmt);
    return changed < 0 ? (int)changed : 0;
}

static struct str json_or_null(struct arena *arena, const struct json *value)
{
    return value ? json_to_str(arena, value) : (struct str){0};
}

/* Our own text: what does not parse is a damaged row and reads as absent. */
static struct json *column_json(struct stmt *stmt, int column, struct arena *arena)
{
    struct str text = stmt_str(stmt, column, arena);
    struct json *value = NULL;
    if (!text.ptr || json_parse(arena, text, 0, &value, NULL) < 0)
        return NULL;
    return value;
}

int cfn_store_put_stack(struct db *db, const struct cfn_stack *stack)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_put_stack, &stmt);
    if (rc < 0)
        return rc;
    struct arena *arena = arena_new();
    stmt_bind_str(stmt, 1, stack->id);
    stmt_bind_str(stmt, 2, stack->scope.account);
    stmt_bind_str(stmt, 3, stack->scope.region);
    stmt_bind_str(stmt, 4, stack->name);
    stmt_bind_str(stmt, 5, stack->status);
    stmt_bind_str(stmt, 6, str_or(stack->reason, STR("")));
    stmt_bind_i64(stmt, 7, stack->created_at_ms);
    stmt_bind_i64(stmt, 8, stack->updated_at_ms);
    stmt_bind_i64(stmt, 9, stack->deleted_at_ms);
    stmt_bind_str(stmt, 10, json_to_str(arena, stack->spec));
    stmt_bind_str(stmt, 11, json_or_null(arena, stack->saved_spec));
    stmt_bind_str(stmt, 12, json_to_str(arena, stack->options));
    stmt_bind_str(stmt, 13, json_or_null(arena, stack->request));
    rc = run(stmt);
    arena_free(arena);
    return rc;
}

static struct cfn_stack stack_from_row(struct stmt *stmt, struct arena *arena)
{
    return (struct cfn_stack){
        .id = stmt_str(stmt, 0, arena),
        .scope = {.account = stmt_str(stmt, 1, arena), .region = stmt_str(stmt, 2, arena)},
        .name = stmt_str(stmt, 3, arena),
        .status = stmt_str(stmt, 4, arena),
        .reason = stmt_str(stmt, 5, arena),
        .created_at_ms = stmt_i64(stmt, 6),
        .updated_at_ms = stmt_i64(stmt, 7),
        .deleted_at_ms = stmt_i64(stmt, 8),
        .spec = column_json(stmt, 9, arena),
        .saved_spec = column_json(stmt, 10, arena),
        .options = column_json(stmt, 11, arena),
        .request = column_json(stmt, 12, arena),
    };
}

int cfn_store_find_stack(struct db *db, struct arena *arena, struct str id,
                         struct cfn_stack *out_stack)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find_stack, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, id);
    rc = stmt_step(stmt);
    if (rc == 1)
        *out_stack = stack_from_row(stmt, arena);
    return rc;
}

int cfn_store_find_live(struct db *db, struct arena *arena, struct scope scope, struct str name,
                        struct cfn_stack *out_stack)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find_live, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, scope);
    stmt_bind_str(stmt, 3, name);
    rc = stmt_step(stmt);
    if (rc == 1)
        *out_stack = stack_from_row(stmt, arena);
    return rc;
}

int64_t cfn_store_list_stacks(struct db *db, struct arena *arena, struct scope scope,
                              bool with_deleted, int64_t before_ms, struct str before_id,
                              int64_t limit, struct cfn_stack **out_stacks)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_list_stacks, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, scope);
    stmt_bind_i64(stmt, 3, with_deleted);
    stmt_bind_i64(stmt, 4, before_ms);
    stmt_bind_str(stmt, 5, str_or(before_id, STR("")));
    stmt_bind_i64(stmt, 6, limit);
    struct vec stacks;
    vec_init(&stacks, arena, sizeof(struct cfn_stack));
    while ((rc = stmt_step(stmt)) == 1)
        *(struct cfn_stack *)vec_push(&stacks) = stack_from_row(stmt, arena);
    *out_stacks = stacks.items;
    return rc < 0 ? rc : (int64_t)stacks.count;
}

int cfn_store_put_template(struct db *db, struct str owner, int64_t generation, struct str original,
                           struct str processed)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_put_template, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, owner);
    stmt_bind_i64(stmt, 2, generation);
    stmt_bind_str(stmt, 3, original);
    stmt_bind_str(stmt, 4, processed);
    return run(stmt);
}

int cfn_store_find_template(struct db *db, struct arena *arena, struct str owner,
                            int64_t generation, struct str *out_original, struct str *out_processed)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find_template, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, owner);
    stmt_bind_i64(stmt, 2, generation);
    rc = stmt_step(stmt);
    if (rc == 1) {
        *out_original = stmt_str(stmt, 0, arena);
        *out_processed = stmt_str(stmt, 1, arena);
    }
    return rc;
}

int cfn_store_trim_templates(struct db *db, struct str owner, int64_t keep)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_trim_templates, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, owner);
    stmt_bind_i64(stmt, 2, keep);
    return run(stmt);
}

int cfn_store_put_resource(struct db *db, const struct cfn_resource *resource)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_put_resource, &stmt);
    if (rc < 0)
        return rc;
    struct arena *arena = arena_new();
    stmt_bind_str(stmt, 1, resource->stack_id);
    stmt_bind_str(stmt, 2, resource->logical_id);
    stmt_bind_i64(stmt, 3, resource->position);
    stmt_bind_str(stmt, 4, resource->type);
    stmt_bind_str(stmt, 5, str_or(resource->physical_id, STR("")));
    stmt_bind_str(stmt, 6, str_or(resource->status, STR("")));
    stmt_bind_str(stmt, 7, str_or(resource->reason, STR("")));
    stmt_bind_i64(stmt, 8, resource->updated_at_ms);
    stmt_bind_str(stmt, 9, json_or_null(arena, resource->applied));
    stmt_bind_str(stmt, 10, str_or(resource->change, STR("")));
    stmt_bind_str(stmt, 11, json_or_null(arena, resource->saved));
    stmt_bind_str(stmt, 12, str_or(resource->action, STR("")));
    stmt_bind_str(stmt, 13, str_or(resource->progress, STR("")));
    stmt_bind_i64(stmt, 14, resource->run_at_ms);
    stmt_bind_str(stmt, 15, json_or_null(arena, resource->wanted));
    stmt_bind_str(stmt, 16, json_or_null(arena, resource->state));
    rc = run(stmt);
    arena_free(arena);
    return rc;
}

int cfn_store_delete_resource(struct db *db, struct str stack_id, struct str logical_id)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_delete_resource, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, stack_id);
    stmt_bind_str(stmt, 2, logical_id);
    return run(stmt);
}

static struct cfn_resource resource_from_row(struct stmt *stmt, struct arena *arena)
{
    return (struct cfn_resource){
        .stack_id = stmt_str(stmt, 0, arena),
        .logical_id = stmt_str(stmt, 1, arena),
        .position = stmt_i64(stmt, 2),
        .type = stmt_str(stmt, 3, arena),
        .physical_id = stmt_str(stmt, 4, arena),
        .status = stmt_str(stmt, 5, arena),
        .reason = stmt_str(stmt, 6, arena),
        .updated_at_ms = stmt_i64(stmt, 7),
        .applied = column_json(stmt, 8, arena),
        .change = stmt_str(stmt, 9, arena),
        .saved = column_json(stmt, 10, arena),
        .action = stmt_str(stmt, 11, arena),
        .progress = stmt_str(stmt, 12, arena),
        .run_at_ms = stmt_i64(stmt, 13),
        .wanted = column_json(stmt, 14, arena),
        .state = column_json(stmt, 15, arena),
    };
}

int64_t cfn_store_list_resources(struct db *db, struct arena *arena, struct str stack_id,
                                 struct cfn_resource **out_resources)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_list_resources, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, stack_id);
    struct vec resources;
    vec_init(&resources, arena, sizeof(struct cfn_resource));
    while ((rc = stmt_step(stmt)) == 1)
        *(struct cfn_resource *)vec_push(&resources) = resource_from_row(stmt, arena);
    *out_resources = resources.items;
    return rc < 0 ? rc : (int64_t)resources.count;
}

int cfn_store_find_by_physical(struct db *db, struct arena *arena, struct scope scope,
                               struct str physical_id, struct str *out_stack_id)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find_by_physical, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, scope);
    stmt_bind_str(stmt, 3, physical_id);
    rc = stmt_step(stmt);
    if (rc == 1)
        *out_stack_id = stmt_str(stmt, 0, arena);
    return rc;
}

int cfn_store_wake_resources(struct db *db, struct str stack_id, int64_t now_ms)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_wake_resources, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, stack_id);
    stmt_bind_i64(stmt, 2, now_ms);
    return run(stmt);
}

int cfn_store_put_signal(struct db *db, const struct cfn_signal *signal)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_put_signal, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, signal->stack_id);
    stmt_bind_str(stmt, 2, signal->target);
    stmt_bind_str(stmt, 3, signal->unique_id);
    stmt_bind_str(stmt, 4, signal->status);
    stmt_bind_str(stmt, 5, str_or(signal->reason, STR("")));
    stmt_bind_str(stmt, 6, str_or(signal->data, STR("")));
    stmt_bind_i64(stmt, 7, signal->at_ms);
    return run(stmt);
}

int64_t cfn_store_list_signals(struct db *db, struct arena *arena, struct str stack_id,
                               struct str target, int64_t since_ms, struct cfn_signal **out_signals)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_list_signals, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, stack_id);
    stmt_bind_str(stmt, 2, target);
    stmt_bind_i64(stmt, 3, since_ms);
    struct vec signals;
    vec_init(&signals, arena, sizeof(struct cfn_signal));
    while ((rc = stmt_step(stmt)) == 1)
        *(struct cfn_signal *)vec_push(&signals) = (struct cfn_signal){
            .stack_id = stack_id,
            .target = target,
            .unique_id = stmt_str(stmt, 0, arena),
            .status = stmt_str(stmt, 1, arena),
            .reason = stmt_str(stmt, 2, arena),
            .data = stmt_str(stmt, 3, arena),
            .at_ms = stmt_i64(stmt, 4),
        };
    *out_signals = signals.items;
    return rc < 0 ? rc : (int64_t)signals.count;
}

int cfn_store_put_callback(struct db *db, const struct cfn_callback *callback)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_put_callback, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, callback->token);
    stmt_bind_str(stmt, 2, callback->scope.account);
    stmt_bind_str(stmt, 3, callback->scope.region);
    stmt_bind_str(stmt, 4, callback->stack_id);
    stmt_bind_str(stmt, 5, callback->logical_id);
    stmt_bind_str(stmt, 6, callback->kind);
    stmt_bind_str(stmt, 7, str_or(callback->request_id, STR("")));
    stmt_bind_str(stmt, 8, callback->answer);
    stmt_bind_i64(stmt, 9, callback->made_at_ms);
    return run(stmt);
}

int cfn_store_find_callback(struct db *db, struct arena *arena, struct str token,
                            struct cfn_callback *out_callback)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find_callback, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, token);
    rc = stmt_step(stmt);
    if (rc == 1)
        *out_callback = (struct cfn_callback){
            .token = token,
            .scope = {.account = stmt_str(stmt, 0, arena), .region = stmt_str(stmt, 1, arena)},
            .stack_id = stmt_str(stmt, 2, arena),
            .logical_id = stmt_str(stmt, 3, arena),
            .kind = stmt_str(stmt, 4, arena),
            .request_id = stmt_str(stmt, 5, arena),
            .answer = stmt_str(stmt, 6, arena),
            .made_at_ms = stmt_i64(stmt, 7),
        };
    return rc;
}

/* A statement with one text. */
static int run_with(struct db *db, const char *sql, struct str text)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, text);
    return run(stmt);
}

int cfn_store_delete_callback(struct db *db, struct str token)
{
    return run_with(db, sql_delete_callback, token);
}

int cfn_store_put_drift(struct db *db, struct str stack_id, struct str logical_id, struct str data)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_put_drift, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, stack_id);
    stmt_bind_str(stmt, 2, logical_id);
    stmt_bind_str(stmt, 3, data);
    return run(stmt);
}

int cfn_store_list_drifts(struct db *db, struct arena *arena, struct str stack_id,
                          struct json **out_drifts)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_list_drifts, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, stack_id);
    struct json *drifts = json_new(arena, JSON_OBJECT);
    while ((rc = stmt_step(stmt)) == 1) {
        struct json *data = column_json(stmt, 1, arena);
        if (data)
            json_append_member(drifts, stmt_str(stmt, 0, arena), data);
    }
    *out_drifts = drifts;
    return rc;
}

int cfn_store_add_detection(struct db *db, struct str id, struct str stack_id, struct str data)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_add_detection, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, id);
    stmt_bind_str(stmt, 2, stack_id);
    stmt_bind_str(stmt, 3, data);
    return run(stmt);
}

int cfn_store_find_detection(struct db *db, struct arena *arena, struct str id,
                             struct str *out_stack_id, struct json **out_data)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find_detection, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, id);
    rc = stmt_step(stmt);
    if (rc == 1) {
        *out_stack_id = stmt_str(stmt, 0, arena);
        *out_data = column_json(stmt, 1, arena);
    }
    return rc;
}

int cfn_store_forget_drifts(struct db *db, struct str stack_id)
{
    int rc = run_with(db, sql_forget_drifts, stack_id);
    return rc < 0 ? rc : run_with(db, sql_forget_detections, stack_id);
}

int cfn_store_forget_signals(struct db *db, struct str stack_id)
{
    int rc = run_with(db, sql_forget_signals, stack_id);
    return rc < 0 ? rc : run_with(db, sql_forget_callbacks, stack_id);
}

static int last_event(struct db *db, struct str stack_id, int64_t *out_sequence)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_last_event, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, stack_id);
    rc = stmt_step(stmt);
    if (rc == 1)
        *out_sequence = stmt_i64(stmt, 0);
    return rc < 0 ? rc : 0;
}

int cfn_store_add_event(struct db *db, const struct cfn_event *event)
{
    int64_t sequence = 0;
    int rc = last_event(db, event->stack_id, &sequence);
    if (rc < 0)
        return rc;
    AUTO(stmt) struct stmt *stmt = NULL;
    rc = db_prepare(db, sql_add_event, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, event->stack_id);
    stmt_bind_i64(stmt, 2, sequence + 1);
    stmt_bind_str(stmt, 3, event->event_id);
    stmt_bind_i64(stmt, 4, event->at_ms);
    stmt_bind_str(stmt, 5, event->logical_id);
    stmt_bind_str(stmt, 6, str_or(event->physical_id, STR("")));
    stmt_bind_str(stmt, 7, event->type);
    stmt_bind_str(stmt, 8, event->status);
    stmt_bind_str(stmt, 9, event->reason);
    stmt_bind_str(stmt, 10, event->token);
    stmt_bind_str(stmt, 11, event->properties);
    stmt_bind_str(stmt, 12, event->operation_id);
    return run(stmt);
}

static int64_t events_of(struct stmt *stmt, struct arena *arena, struct cfn_event **out_events)
{
    int rc = 0;
    struct vec events;
    vec_init(&events, arena, sizeof(struct cfn_event));
    while ((rc = stmt_step(stmt)) == 1) {
        *(struct cfn_event *)vec_push(&events) = (struct cfn_event){
            .stack_id = stmt_str(stmt, 0, arena),
            .sequence = stmt_i64(stmt, 1),
            .event_id = stmt_str(stmt, 2, arena),
            .at_ms = stmt_i64(stmt, 3),
            .logical_id = stmt_str(stmt, 4, arena),
            .physical_id = stmt_str(stmt, 5, arena),
            .type = stmt_str(stmt, 6, arena),
            .status = stmt_str(stmt, 7, arena),
            .reason = stmt_str(stmt, 8, arena),
            .token = stmt_str(stmt, 9, arena),
            .properties = stmt_str(stmt, 10, arena),
            .operation_id = stmt_str(stmt, 11, arena),
        };
    }
    *out_events = events.items;
    return rc < 0 ? rc : (int64_t)events.count;
}

int64_t cfn_store_list_events(struct db *db, struct arena *arena, struct str stack_id,
                              int64_t before, int64_t limit, struct cfn_event **out_events)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_list_events, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, stack_id);
    stmt_bind_i64(stmt, 2, before);
    stmt_bind_i64(stmt, 3, limit);
    return events_of(stmt, arena, out_events);
}

int64_t cfn_store_list_operation_events(struct db *db, struct arena *arena, struct str stack_id,
                                        struct str operation_id, bool only_failed, int64_t before,
                                        int64_t limit, struct cfn_event **out_events)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_list_operation_events, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, stack_id);
    stmt_bind_i64(stmt, 2, before);
    stmt_bind_i64(stmt, 3, limit);
    stmt_bind_str(stmt, 4, str_or(operation_id, STR("")));
    stmt_bind_i64(stmt, 5, only_failed);
    return events_of(stmt, arena, out_events);
}

static int add_output(struct db *db, const struct cfn_stack *stack, int64_t position,
                      const struct cfn_output *output)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_add_output, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, stack->id);
    stmt_bind_i64(stmt, 2, position);
    stmt_bind_str(stmt, 3, stack->scope.account);
    stmt_bind_str(stmt, 4, stack->scope.region);
    stmt_bind_str(stmt, 5, output->name);
    stmt_bind_str(stmt, 6, output->value);
    stmt_bind_str(stmt, 7, output->description);
    stmt_bind_str(stmt, 8, output->export_name);
    stmt_bind_str(stmt, 9, stack->name);
    return run(stmt);
}

int cfn_store_set_outputs(struct db *db, const struct cfn_stack *stack,
                          const struct cfn_output *outputs, size_t count)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_clear_outputs, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, stack->id);
    rc = run(stmt);
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = add_output(db, stack, (int64_t)i, &outputs[i]);
    return rc;
}

int64_t cfn_store_list_outputs(struct db *db, struct arena *arena, struct str stack_id,
                               struct cfn_output **out_outputs)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_list_outputs, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, stack_id);
    struct vec outputs;
    vec_init(&outputs, arena, sizeof(struct cfn_output));
    while ((rc = stmt_step(stmt)) == 1) {
        *(struct cfn_output *)vec_push(&outputs) = (struct cfn_output){
            .name = stmt_str(stmt, 0, arena),
            .value = stmt_str(stmt, 1, arena),
            .description = stmt_str(stmt, 2, arena),
            .export_name = stmt_str(stmt, 3, arena),
        };
    }
    *out_outputs = outputs.items;
    return rc < 0 ? rc : (int64_t)outputs.count;
}

static struct cfn_export export_from_row(struct stmt *stmt, struct arena *arena)
{
    return (struct cfn_export){
        .stack_id = stmt_str(stmt, 0, arena),
        .stack_name = stmt_str(stmt, 1, arena),
        .name = stmt_str(stmt, 2, arena),
        .value = stmt_str(stmt, 3, arena),
    };
}

int cfn_store_find_export(struct db *db, struct arena *arena, struct scope scope, struct str name,
                          struct cfn_export *out_export)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find_export, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, scope);
    stmt_bind_str(stmt, 3, name);
    rc = stmt_step(stmt);
    if (rc == 1)
        *out_export = export_from_row(stmt, arena);
    return rc;
}

int64_t cfn_store_list_exports(struct db *db, struct arena *arena, struct scope scope,
                               struct str after, int64_t limit, struct cfn_export **out_exports)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_list_exports, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, scope);
    stmt_bind_str(stmt, 3, str_or(after, STR("")));
    stmt_bind_i64(stmt, 4, limit);
    struct vec exports;
    vec_init(&exports, arena, sizeof(struct cfn_export));
    while ((rc = stmt_step(stmt)) == 1)
        *(struct cfn_export *)vec_push(&exports) = export_from_row(stmt, arena);
    *out_exports = exports.items;
    return rc < 0 ? rc : (int64_t)exports.count;
}

int cfn_store_add_import(struct db *db, const struct cfn_stack *stack, struct str export_name)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_add_import, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, stack->scope);
    stmt_bind_str(stmt, 3, export_name);
    stmt_bind_str(stmt, 4, stack->name);
    stmt_bind_str(stmt, 5, stack->id);
    return run(stmt);
}

int cfn_store_clear_imports(struct db *db, struct str stack_id)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_clear_imports, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, stack_id);
    return run(stmt);
}

int64_t cfn_store_list_importers(struct db *db, struct arena *arena, struct scope scope,
                                 struct str export_name, struct str after, int64_t limit,
                                 struct str **out_names)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_list_importers, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, scope);
    stmt_bind_str(stmt, 3, export_name);
    stmt_bind_str(stmt, 4, str_or(after, STR("")));
    stmt_bind_i64(stmt, 5, limit);
    struct vec names;
    vec_init(&names, arena, sizeof(struct str));
    while ((rc = stmt_step(stmt)) == 1)
        *(struct str *)vec_push(&names) = stmt_str(stmt, 0, arena);
    *out_names = names.items;
    return rc < 0 ? rc : (int64_t)names.count;
}

int cfn_store_put_change_set(struct db *db, const struct cfn_change_set *set)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_put_change_set, &stmt);
    if (rc < 0)
        return rc;
    struct arena *arena = arena_new();
    stmt_bind_str(stmt, 1, set->id);
    stmt_bind_str(stmt, 2, set->stack_id);
    stmt_bind_str(stmt, 3, set->name);
    stmt_bind_str(stmt, 4, set->status);
    stmt_bind_str(stmt, 5, set->execution_status);
    stmt_bind_str(stmt, 6, str_or(set->reason, STR("")));
    stmt_bind_i64(stmt, 7, set->created_at_ms);
    stmt_bind_str(stmt, 8, json_to_str(arena, set->data));
    stmt_bind_str(stmt, 9, json_to_str(arena, set->changes));
    rc = run(stmt);
    arena_free(arena);
    return rc;
}

static struct cfn_change_set change_set_from_row(struct stmt *stmt, struct arena *arena)
{
    return (struct cfn_change_set){
        .id = stmt_str(stmt, 0, arena),
        .stack_id = stmt_str(stmt, 1, arena),
        .name = stmt_str(stmt, 2, arena),
        .status = stmt_str(stmt, 3, arena),
        .execution_status = stmt_str(stmt, 4, arena),
        .reason = stmt_str(stmt, 5, arena),
        .created_at_ms = stmt_i64(stmt, 6),
        .data = column_json(stmt, 7, arena),
        .changes = column_json(stmt, 8, arena),
    };
}

int cfn_store_find_change_set(struct db *db, struct arena *arena, struct str id,
                              struct cfn_change_set *out_set)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find_change_set, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, id);
    rc = stmt_step(stmt);
    if (rc == 1)
        *out_set = change_set_from_row(stmt, arena);
    return rc;
}

int cfn_store_find_change_set_by_name(struct db *db, struct arena *arena, struct str stack_id,
                                      struct str name, struct cfn_change_set *out_set)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find_change_set_by_name, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, stack_id);
    stmt_bind_str(stmt, 2, name);
    rc = stmt_step(stmt);
    if (rc == 1)
        *out_set = change_set_from_row(stmt, arena);
    return rc;
}

int64_t cfn_store_list_change_sets(struct db *db, struct arena *arena, struct str stack_id,
                                   int64_t before_ms, struct str before_id, int64_t limit,
                                   struct cfn_change_set **out_sets)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_list_change_sets, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, stack_id);
    stmt_bind_i64(stmt, 2, before_ms);
    stmt_bind_str(stmt, 3, str_or(before_id, STR("")));
    stmt_bind_i64(stmt, 4, limit);
    struct vec sets;
    vec_init(&sets, arena, sizeof(struct cfn_change_set));
    while ((rc = stmt_step(stmt)) == 1)
        *(struct cfn_change_set *)vec_push(&sets) = change_set_from_row(stmt, arena);
    *out_sets = sets.items;
    return rc < 0 ? rc : (int64_t)sets.count;
}

int cfn_store_delete_change_set(struct db *db, struct str id)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_delete_change_set, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, id);
    return run(stmt);
}
