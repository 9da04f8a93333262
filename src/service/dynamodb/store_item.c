/* store_item.c — SQL statements on items and index rows. See dynamodb.h and item.h. */
#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/vec.h"
#include "service/dynamodb/item.h"

static const char sql_find_item[] =
    "SELECT item FROM dynamodb_item WHERE table_key = $1 AND hash = $2 AND range = $3";

static const char sql_put_item[] =
    "INSERT INTO dynamodb_item (table_key, hash, range, size, expires_at, item)\n"
    "VALUES ($1, $2, $3, $4, $5, $6)\n"
    "ON CONFLICT (table_key, hash, range) DO UPDATE\n"
    "SET size = excluded.size, expires_at = excluded.expires_at, item = excluded.item";

static const char sql_delete_item[] =
    "DELETE FROM dynamodb_item WHERE table_key = $1 AND hash = $2 AND range = $3";

static const char sql_put_index_item[] =
    "INSERT INTO dynamodb_index_item\n"
    "    (index_key, hash, range, table_hash, table_range, size, item)\n"
    "VALUES ($1, $2, $3, $4, $5, $6, $7)\n"
    "ON CONFLICT (index_key, hash, range, table_hash, table_range) DO UPDATE\n"
    "SET size = excluded.size, item = excluded.item";

static const char sql_delete_index_item[] =
    "DELETE FROM dynamodb_index_item\n"
    "WHERE index_key = $1 AND hash = $2 AND range = $3 AND table_hash = $4 AND table_range = $5";

static const char sql_collection_size[] =
    "SELECT coalesce(sum(size), 0) FROM dynamodb_item WHERE table_key = $1 AND hash = $2";

static const char sql_find_token[] =
    "SELECT digest FROM dynamodb_token\n"
    "WHERE account = $1 AND region = $2 AND token = $3 AND expires_at > $4";

static const char sql_put_token[] =
    "INSERT INTO dynamodb_token (account, region, token, digest, expires_at)\n"
    "VALUES ($1, $2, $3, $4, $5)\n"
    "ON CONFLICT (account, region, token) DO UPDATE\n"
    "SET digest = excluded.digest, expires_at = excluded.expires_at";

static const char sql_drop_tokens[] = "DELETE FROM dynamodb_token WHERE expires_at <= $1";

/* Ranges. All read hash, range, table_hash, table_range, size, item; parameters are
 * $1 table_key or index_key, $2 hash (queries), $3 low, $4 high, $5.. the row to start behind,
 * then the limit; joined ones take the table's key last. */
#define TABLE_COLUMNS "SELECT hash, range, hash, range, size, item FROM dynamodb_item\n"
#define INDEX_COLUMNS                                                                              \
    "SELECT i.hash, i.range, i.table_hash, i.table_range, i.size, i.item\n"                        \
    "FROM dynamodb_index_item i\n"
#define JOINED_COLUMNS                                                                             \
    "SELECT i.hash, i.range, i.table_hash, i.table_range, t.size, t.item\n"                        \
    "FROM dynamodb_index_item i\n"                                                                 \
    "JOIN dynamodb_item t ON t.table_key = $9 AND t.hash = i.table_hash\n"                         \
    "    AND t.range = i.table_range\n"

static const char sql_query[] =
    TABLE_COLUMNS "WHERE table_key = $1 AND hash = $2 AND range >= $3 AND range < $4\n"
                  "ORDER BY range LIMIT $5";
static const char sql_query_backward[] =
    TABLE_COLUMNS "WHERE table_key = $1 AND hash = $2 AND range >= $3 AND range < $4\n"
                  "ORDER BY range DESC LIMIT $5";
static const char sql_scan[] = TABLE_COLUMNS "WHERE table_key = $1 AND hash >= $2 AND hash < $3\n"
                                             "    AND (hash, range) > ($4, $5)\n"
                                             "ORDER BY hash, range LIMIT $6";

#define INDEX_QUERY_FORWARD                                                                        \
    "WHERE i.index_key = $1 AND i.hash = $2 AND i.range >= $3 AND i.range < $4\n"                  \
    "    AND (i.range, i.table_hash, i.table_range) > ($5, $6, $7)\n"                              \
    "ORDER BY i.range, i.table_hash, i.table_range LIMIT $8"
#define INDEX_QUERY_BACKWARD                                                                       \
    "WHERE i.index_key = $1 AND i.hash = $2 AND i.range >= $3 AND i.range < $4\n"                  \
    "    AND (i.range, i.table_hash, i.table_range) < ($5, $6, $7)\n"                              \
    "ORDER BY i.range DESC, i.table_hash DESC, i.table_range DESC LIMIT $8"
#define INDEX_SCAN                                                                                 \
    "WHERE i.index_key = $1 AND i.hash >= $2 AND i.hash < $3\n"                                    \
    "    AND (i.hash, i.range, i.table_hash, i.table_range) > ($4, $5, $6, $7)\n"                  \
    "ORDER BY i.hash, i.range, i.table_hash, i.table_range LIMIT $8"

static const char sql_index_query[] = INDEX_COLUMNS INDEX_QUERY_FORWARD;
static const char sql_index_query_backward[] = INDEX_COLUMNS INDEX_QUERY_BACKWARD;
static const char sql_index_scan[] = INDEX_COLUMNS INDEX_SCAN;
static const char sql_joined_query[] = JOINED_COLUMNS INDEX_QUERY_FORWARD;
static const char sql_joined_query_backward[] = JOINED_COLUMNS INDEX_QUERY_BACKWARD;
static const char sql_joined_scan[] = JOINED_COLUMNS INDEX_SCAN;

/* ---- items ---- */

int ddb_item_find(struct db *db, struct arena *arena, int64_t table_key, struct str hash,
                  struct str range, struct str *out_blob)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find_item, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, table_key);
    stmt_bind_blob(stmt, 2, hash);
    stmt_bind_blob(stmt, 3, range);
    rc = stmt_step(stmt);
    if (rc == 1)
        *out_blob = stmt_str(stmt, 0, arena);
    return rc;
}

static int run(struct stmt *stmt)
{
    int64_t changed = stmt_run(stmt);
    return changed < 0 ? (int)changed : 0;
}

int ddb_store_put_item(struct db *db, int64_t table_key, struct str hash, struct str range,
                       size_t size, struct opt_i64 expires_at, struct str blob)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_put_item, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, table_key);
    stmt_bind_blob(stmt, 2, hash);
    stmt_bind_blob(stmt, 3, range);
    stmt_bind_i64(stmt, 4, (int64_t)size);
    if (expires_at.is_set)
        stmt_bind_i64(stmt, 5, expires_at.value);
    else
        stmt_bind_null(stmt, 5);
    stmt_bind_blob(stmt, 6, blob);
    return run(stmt);
}

int ddb_store_delete_item(struct db *db, int64_t table_key, struct str hash, struct str range)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_delete_item, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, table_key);
    stmt_bind_blob(stmt, 2, hash);
    stmt_bind_blob(stmt, 3, range);
    return run(stmt);
}

int ddb_store_put_index_item(struct db *db, int64_t index_key, struct str hash, struct str range,
                             struct str table_hash, struct str table_range, size_t size,
                             struct str blob)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_put_index_item, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, index_key);
    stmt_bind_blob(stmt, 2, hash);
    stmt_bind_blob(stmt, 3, range);
    stmt_bind_blob(stmt, 4, table_hash);
    stmt_bind_blob(stmt, 5, table_range);
    stmt_bind_i64(stmt, 6, (int64_t)size);
    stmt_bind_blob(stmt, 7, blob);
    return run(stmt);
}

int ddb_store_delete_index_item(struct db *db, int64_t index_key, struct str hash, struct str range,
                                struct str table_hash, struct str table_range)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_delete_index_item, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, index_key);
    stmt_bind_blob(stmt, 2, hash);
    stmt_bind_blob(stmt, 3, range);
    stmt_bind_blob(stmt, 4, table_hash);
    stmt_bind_blob(stmt, 5, table_range);
    return run(stmt);
}

int ddb_store_collection_size(struct db *db, int64_t table_key, struct str hash, int64_t *out_size)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_collection_size, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, table_key);
    stmt_bind_blob(stmt, 2, hash);
    rc = stmt_step(stmt);
    if (rc < 0)
        return rc;
    *out_size = stmt_i64(stmt, 0);
    return 0;
}

/* ---- ranges ---- */

/* Above every key: keys are shorter, and nothing is greater than these bytes. */
static struct str above_all(struct arena *arena)
{
    enum { LENGTH = 4 * DDB_HASH_BYTES_MAX + 16 };
    char *bytes = arena_alloc_text(arena, LENGTH);
    memset(bytes, 0xFF, LENGTH);
    return str_of(bytes, LENGTH);
}

static const char *range_sql(const struct ddb_range *range)
{
    if (range->index_key == 0)
        return range->is_scan ? sql_scan : range->is_backward ? sql_query_backward : sql_query;
    if (range->is_joined)
        return range->is_scan       ? sql_joined_scan
               : range->is_backward ? sql_joined_query_backward
                                    : sql_joined_query;
    return range->is_scan       ? sql_index_scan
           : range->is_backward ? sql_index_query_backward
                                : sql_index_query;
}

/* The row to start behind; without one, before everything, or behind it when going backward. */
static int bind_start(struct stmt *stmt, struct arena *arena, const struct ddb_range *range,
                      int next)
{
    const bool is_index = range->index_key != 0;
    const struct str edge = range->is_backward && !range->has_start ? above_all(arena) : STR("");
    if (range->is_scan)
        stmt_bind_blob(stmt, next++, range->has_start ? range->start_hash : edge);
    stmt_bind_blob(stmt, next++, range->has_start ? range->start_range : edge);
    if (is_index) {
        stmt_bind_blob(stmt, next++, range->has_start ? range->start_table_hash : edge);
        stmt_bind_blob(stmt, next++, range->has_start ? range->start_table_range : edge);
    }
    return next;
}

/* The row to start behind is a bound, too, so that no page goes over the rows of those before it.
 * A table's range is the key within a hash: there it is the bound itself. */
static void bind_bounds(struct stmt *stmt, struct arena *arena, const struct ddb_range *range,
                        int next)
{
    struct str low = str_or(range->low, STR(""));
    struct str high = str_is_set(range->high) ? range->high : above_all(arena);
    const struct str start = range->is_scan ? range->start_hash : range->start_range;
    const bool is_whole = range->index_key == 0 && !range->is_scan;
    if (range->has_start && range->is_backward)
        high = is_whole ? start : str_concat(arena, start, str_of("\0", 1));
    else if (range->has_start)
        low = is_whole ? str_concat(arena, start, str_of("\0", 1)) : start;
    stmt_bind_blob(stmt, next, low);
    stmt_bind_blob(stmt, next + 1, high);
}

static int read_rows(struct stmt *stmt, struct arena *arena, struct vec *rows)
{
    int rc = 0;
    while ((rc = stmt_step(stmt)) == 1) {
        struct ddb_row *row = vec_push(rows);
        row->hash = stmt_str(stmt, 0, arena);
        row->range = stmt_str(stmt, 1, arena);
        row->table_hash = stmt_str(stmt, 2, arena);
        row->table_range = stmt_str(stmt, 3, arena);
        row->size = stmt_i64(stmt, 4);
        row->blob = stmt_str(stmt, 5, arena);
    }
    return rc;
}

int ddb_store_read_range(struct db *db, struct arena *arena, const struct ddb_range *range,
                         int64_t limit, struct ddb_row **out_rows, size_t *out_count)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, range_sql(range), &stmt);
    if (rc < 0)
        return rc;
    int next = 1;
    stmt_bind_i64(stmt, next++, range->index_key ? range->index_key : range->table_key);
    if (!range->is_scan)
        stmt_bind_blob(stmt, next++, range->hash);
    bind_bounds(stmt, arena, range, next);
    next += 2;
    if (range->index_key != 0 || range->is_scan)
        next = bind_start(stmt, arena, range, next);
    stmt_bind_i64(stmt, next++, limit);
    if (range->is_joined)
        stmt_bind_i64(stmt, next, range->table_key);
    struct vec rows;
    vec_init(&rows, arena, sizeof(struct ddb_row));
    rc = read_rows(stmt, arena, &rows);
    if (rc < 0)
        return rc;
    *out_rows = rows.items;
    *out_count = rows.count;
    return 0;
}

/* ---- tokens ---- */

int ddb_store_find_token(struct db *db, struct arena *arena, struct scope scope, struct str token,
                         int64_t now_ms, struct str *out_digest)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find_token, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, scope);
    stmt_bind_str(stmt, 3, token);
    stmt_bind_i64(stmt, 4, now_ms);
    rc = stmt_step(stmt);
    if (rc == 1)
        *out_digest = stmt_str(stmt, 0, arena);
    return rc;
}

int ddb_store_drop_tokens(struct db *db, int64_t now_ms)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_drop_tokens, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, now_ms);
    return run(stmt);
}

int ddb_store_put_token(struct db *db, struct scope scope, struct str token, struct str digest,
                        int64_t expires_at_ms)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_put_token, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, scope);
    stmt_bind_str(stmt, 3, token);
    stmt_bind_blob(stmt, 4, digest);
    stmt_bind_i64(stmt, 5, expires_at_ms);
    return run(stmt);
}
