/* store.c — every SQL statement of the workflow engine. */
#include "engine/workflow/store.h"

static const char *const migrations[] = {
    "CREATE TABLE workflow (\n"
    "    kind text NOT NULL,\n"
    "    id text NOT NULL,\n"
    "    account text NOT NULL,\n"
    "    region text NOT NULL,\n"
    "    state text NOT NULL,\n"
    "    run_at integer NOT NULL,\n"
    "    failure_count integer NOT NULL,\n"
    "    PRIMARY KEY (kind, id)\n"
    ");\n"
    "CREATE INDEX workflow_by_run_at ON workflow (run_at);\n",
};

const struct migration_set workflow_migrations = {
    .component = "workflow",
    .migrations = migrations,
    .count = ARRAY_LEN(migrations),
};

static const char sql_insert[] =
    "INSERT INTO workflow (kind, id, account, region, state, run_at, failure_count) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7)";
static const char sql_set_run_at[] = "UPDATE workflow SET run_at = $3 WHERE kind = $1 AND id = $2";
static const char sql_put_off[] = "UPDATE workflow SET run_at = $3, failure_count = $4 "
                                  "WHERE kind = $1 AND id = $2 AND run_at = $5 AND state = $6";
static const char sql_wake_all[] = "UPDATE workflow SET run_at = 0";
static const char sql_has[] = "SELECT 1 FROM workflow WHERE kind = $1 AND id = $2";
static const char sql_next[] =
    "SELECT kind, id, account, region, state, run_at, failure_count FROM workflow "
    "ORDER BY run_at LIMIT 1";
static const char sql_find[] =
    "SELECT kind, id, account, region, state, run_at, failure_count FROM workflow "
    "WHERE kind = $1 AND id = $2";
static const char sql_update[] = "UPDATE workflow SET state = $3, run_at = $4, failure_count = $5 "
                                 "WHERE kind = $1 AND id = $2";
static const char sql_delete[] = "DELETE FROM workflow WHERE kind = $1 AND id = $2";

/* Runs a prepared statement whose count of rows does not matter. */
static int run(struct stmt *stmt)
{
    int64_t changed = stmt_run(stmt);
    return changed < 0 ? (int)changed : 0;
}

int workflow_store_insert(struct db *db, const struct workflow_row *row)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_insert, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, row->kind);
    stmt_bind_str(stmt, 2, row->id);
    stmt_bind_str(stmt, 3, row->scope.account);
    stmt_bind_str(stmt, 4, row->scope.region);
    stmt_bind_str(stmt, 5, row->state_text);
    stmt_bind_i64(stmt, 6, row->run_at_ms);
    stmt_bind_i64(stmt, 7, row->failure_count);
    return run(stmt);
}

int workflow_store_set_run_at(struct db *db, struct str kind, struct str id, int64_t run_at_ms)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_set_run_at, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, kind);
    stmt_bind_str(stmt, 2, id);
    stmt_bind_i64(stmt, 3, run_at_ms);
    return run(stmt);
}

int workflow_store_put_off(struct db *db, const struct workflow_row *row, int64_t run_at_ms)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_put_off, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, row->kind);
    stmt_bind_str(stmt, 2, row->id);
    stmt_bind_i64(stmt, 3, run_at_ms);
    stmt_bind_i64(stmt, 4, row->failure_count + 1);
    stmt_bind_i64(stmt, 5, row->run_at_ms);
    stmt_bind_str(stmt, 6, row->state_text);
    return run(stmt);
}

int workflow_store_wake_all(struct db *db)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_wake_all, &stmt);
    return rc < 0 ? rc : run(stmt);
}

int workflow_store_has(struct db *db, struct str kind, struct str id)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_has, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, kind);
    stmt_bind_str(stmt, 2, id);
    return stmt_step(stmt);
}

static int read_row(struct stmt *stmt, struct arena *arena, struct workflow_row *out_row)
{
    int rc = stmt_step(stmt);
    if (rc == 1)
        *out_row = (struct workflow_row){
            .kind = stmt_str(stmt, 0, arena),
            .id = stmt_str(stmt, 1, arena),
            .scope = {.account = stmt_str(stmt, 2, arena), .region = stmt_str(stmt, 3, arena)},
            .state_text = stmt_str(stmt, 4, arena),
            .run_at_ms = stmt_i64(stmt, 5),
            .failure_count = stmt_i64(stmt, 6),
        };
    return rc;
}

int workflow_store_next(struct db *db, struct arena *arena, struct workflow_row *out_row)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_next, &stmt);
    return rc < 0 ? rc : read_row(stmt, arena, out_row);
}

int workflow_store_find(struct db *db, struct arena *arena, struct str kind, struct str id,
                        struct workflow_row *out_row)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, kind);
    stmt_bind_str(stmt, 2, id);
    return read_row(stmt, arena, out_row);
}

int workflow_store_update(struct db *db, const struct workflow_row *row)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_update, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, row->kind);
    stmt_bind_str(stmt, 2, row->id);
    stmt_bind_str(stmt, 3, row->state_text);
    stmt_bind_i64(stmt, 4, row->run_at_ms);
    stmt_bind_i64(stmt, 5, row->failure_count);
    return run(stmt);
}

int workflow_store_delete(struct db *db, struct str kind, struct str id)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_delete, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, kind);
    stmt_bind_str(stmt, 2, id);
    return run(stmt);
}
