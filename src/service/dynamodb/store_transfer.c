/* store_transfer.c — the SQL of exports and imports (schema: store_table.c). */
#include "base/arena.h"
#include "service/dynamodb/transfer.h"

#define TRANSFER_COLUMNS                                                                           \
    "account, region, id, is_import, table_arn, token, digest, created_at, description"

static const char sql_put[] =
    "INSERT INTO dynamodb_transfer (" TRANSFER_COLUMNS ") "
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (account, region, id) "
    "DO UPDATE SET description = excluded.description";
static const char sql_find[] = "SELECT " TRANSFER_COLUMNS " FROM dynamodb_transfer "
                               "WHERE account = $1 AND region = $2 AND id = $3";
static const char sql_find_token[] =
    "SELECT " TRANSFER_COLUMNS " FROM dynamodb_transfer WHERE account = $1 AND region = $2 "
    "AND token = $3 AND is_import = $4 AND created_at >= $5 ORDER BY id DESC LIMIT 1";
static const char sql_list[] =
    "SELECT " TRANSFER_COLUMNS " FROM dynamodb_transfer WHERE account = $1 AND region = $2 "
    "AND id > $3 AND is_import = $4 AND ($5 = '' OR table_arn = $5) ORDER BY id LIMIT $6";

int ddb_store_put_transfer(struct db *db, const struct ddb_transfer *transfer)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_put, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, transfer->scope);
    stmt_bind_str(stmt, 3, transfer->id);
    stmt_bind_i64(stmt, 4, transfer->is_import);
    stmt_bind_str(stmt, 5, transfer->table_arn);
    stmt_bind_str(stmt, 6, transfer->token);
    stmt_bind_str(stmt, 7, transfer->digest);
    stmt_bind_i64(stmt, 8, transfer->created_at_ms);
    stmt_bind_str(stmt, 9, transfer->description);
    int64_t changed = stmt_run(stmt);
    return changed < 0 ? (int)changed : 0;
}

static struct ddb_transfer from_row(struct stmt *stmt, struct arena *arena)
{
    return (struct ddb_transfer){
        .scope = {.account = stmt_str(stmt, 0, arena), .region = stmt_str(stmt, 1, arena)},
        .id = stmt_str(stmt, 2, arena),
        .is_import = stmt_i64(stmt, 3) != 0,
        .table_arn = stmt_str(stmt, 4, arena),
        .token = stmt_str(stmt, 5, arena),
        .digest = stmt_str(stmt, 6, arena),
        .created_at_ms = stmt_i64(stmt, 7),
        .description = stmt_str(stmt, 8, arena),
    };
}

static int prepare(struct db *db, const char *sql, struct scope scope, struct str text,
                   struct stmt **out_stmt)
{
    int rc = db_prepare(db, sql, out_stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(*out_stmt, scope);
    stmt_bind_str(*out_stmt, 3, text);
    return 0;
}

int ddb_store_find_transfer(struct db *db, struct arena *arena, struct scope scope, struct str id,
                            struct ddb_transfer *out)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = prepare(db, sql_find, scope, id, &stmt);
    if (rc < 0)
        return rc;
    rc = stmt_step(stmt);
    if (rc == 1)
        *out = from_row(stmt, arena);
    return rc;
}

int ddb_store_find_transfer_token(struct db *db, struct arena *arena, struct scope scope,
                                  bool is_import, struct str token, int64_t since_ms,
                                  struct ddb_transfer *out)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = prepare(db, sql_find_token, scope, token, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 4, is_import);
    stmt_bind_i64(stmt, 5, since_ms);
    rc = stmt_step(stmt);
    if (rc == 1)
        *out = from_row(stmt, arena);
    return rc;
}

int64_t ddb_store_list_transfers(struct db *db, struct arena *arena, struct scope scope,
                                 bool is_import, struct str table_arn, struct str after,
                                 int64_t limit, struct ddb_transfer *out)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = prepare(db, sql_list, scope, after, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 4, is_import);
    stmt_bind_str(stmt, 5, table_arn);
    stmt_bind_i64(stmt, 6, limit);
    int64_t count = 0;
    while ((rc = stmt_step(stmt)) == 1)
        out[count++] = from_row(stmt, arena);
    return rc < 0 ? rc : count;
}
