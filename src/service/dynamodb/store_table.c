/* store_table.c — the schema of DynamoDB's tables and the SQL of everything but items as requests
 * see them (store_item.c).
 *
 * What belongs to a table is keyed by its number and is cleared in bounded pieces after the table
 * is gone (life.c). In dynamodb_item and dynamodb_index_item the large column comes last, so that
 * counting and looking for expired items reads no overflow pages.
 */
#include <errno.h>

#include "base/arena.h"
#include "service/dynamodb/dynamodb.h"

static const char *const migrations[] = {
    "CREATE TABLE dynamodb_serial (\n"
    "    id integer NOT NULL PRIMARY KEY,\n"
    "    last integer NOT NULL\n"
    ");\n"
    "CREATE TABLE dynamodb_table (\n"
    "    account text NOT NULL,\n"
    "    region text NOT NULL,\n"
    "    name text NOT NULL,\n"
    "    table_key integer NOT NULL,\n"
    "    policy text,\n"
    "    stream_policy text,\n"
    "    hot blob NOT NULL,\n"
    "    detail text NOT NULL,\n"
    "    PRIMARY KEY (account, region, name)\n"
    ");\n"
    "CREATE UNIQUE INDEX dynamodb_table_by_key ON dynamodb_table (table_key);\n"
    "CREATE TABLE dynamodb_token (\n"
    "    account text NOT NULL,\n"
    "    region text NOT NULL,\n"
    "    token text NOT NULL,\n"
    "    digest blob NOT NULL,\n"
    "    expires_at integer NOT NULL,\n"
    "    PRIMARY KEY (account, region, token)\n"
    ");\n"
    "CREATE INDEX dynamodb_token_by_expiry ON dynamodb_token (expires_at);\n"
    "CREATE TABLE dynamodb_item (\n"
    "    table_key integer NOT NULL,\n"
    "    hash blob NOT NULL,\n"
    "    range blob NOT NULL,\n"
    "    size integer NOT NULL,\n"
    "    expires_at integer,\n"
    "    item blob NOT NULL,\n"
    "    PRIMARY KEY (table_key, hash, range)\n"
    ");\n"
    "CREATE INDEX dynamodb_item_by_expiry ON dynamodb_item (table_key, expires_at) "
    "WHERE expires_at IS NOT NULL;\n"
    "CREATE TABLE dynamodb_index_item (\n"
    "    index_key integer NOT NULL,\n"
    "    hash blob NOT NULL,\n"
    "    range blob NOT NULL,\n"
    "    table_hash blob NOT NULL,\n"
    "    table_range blob NOT NULL,\n"
    "    size integer NOT NULL,\n"
    "    item blob,\n"
    "    PRIMARY KEY (index_key, hash, range, table_hash, table_range)\n"
    ");\n"
    "CREATE TABLE dynamodb_change (\n"
    "    table_key integer NOT NULL,\n"
    "    hash blob NOT NULL,\n"
    "    range blob NOT NULL,\n"
    "    number integer NOT NULL,\n"
    "    changed_at integer NOT NULL,\n"
    "    epoch integer NOT NULL,\n"
    "    old_item blob,\n"
    "    PRIMARY KEY (table_key, hash, range, number)\n"
    ");\n"
    "CREATE INDEX dynamodb_change_by_time ON dynamodb_change (table_key, changed_at);\n"
    "CREATE TABLE dynamodb_stream (\n"
    "    stream_key integer NOT NULL PRIMARY KEY,\n"
    "    table_key integer NOT NULL,\n"
    "    account text NOT NULL,\n"
    "    region text NOT NULL,\n"
    "    table_name text NOT NULL,\n"
    "    label text NOT NULL,\n"
    "    view_type text NOT NULL,\n"
    "    key_schema text NOT NULL,\n"
    "    created_at integer NOT NULL,\n"
    "    disabled_at integer NOT NULL\n"
    ");\n"
    "CREATE UNIQUE INDEX dynamodb_stream_by_label ON dynamodb_stream "
    "(account, region, table_name, label);\n"
    "CREATE TABLE dynamodb_stream_shard (\n"
    "    stream_key integer NOT NULL,\n"
    "    id text NOT NULL,\n"
    "    parent_id text NOT NULL,\n"
    "    slot integer NOT NULL,\n"
    "    first_number integer NOT NULL,\n"
    "    last_number integer NOT NULL,\n"
    "    closed_at integer NOT NULL,\n"
    "    PRIMARY KEY (stream_key, id)\n"
    ");\n"
    "CREATE TABLE dynamodb_stream_slot (\n"
    "    stream_key integer NOT NULL,\n"
    "    slot integer NOT NULL,\n"
    "    number integer NOT NULL,\n"
    "    shard_id text NOT NULL,\n"
    "    opened_at integer NOT NULL,\n"
    "    PRIMARY KEY (stream_key, slot)\n"
    ");\n"
    "CREATE TABLE dynamodb_stream_record (\n"
    "    stream_key integer NOT NULL,\n"
    "    slot integer NOT NULL,\n"
    "    number integer NOT NULL,\n"
    "    created_at integer NOT NULL,\n"
    "    event_name text NOT NULL,\n"
    "    is_expiry integer NOT NULL,\n"
    "    size integer NOT NULL,\n"
    "    item_keys blob NOT NULL,\n"
    "    new_image blob,\n"
    "    old_image blob,\n"
    "    PRIMARY KEY (stream_key, slot, number)\n"
    ");\n"
    "CREATE TABLE dynamodb_backup (\n"
    "    account text NOT NULL,\n"
    "    region text NOT NULL,\n"
    "    id text NOT NULL,\n"
    "    name text NOT NULL,\n"
    "    table_name text NOT NULL,\n"
    "    table_id text NOT NULL,\n"
    "    created_at integer NOT NULL,\n"
    "    status text NOT NULL,\n"
    "    backup_type text NOT NULL,\n"
    "    expires_at integer NOT NULL,\n"
    "    items_key integer NOT NULL,\n"
    "    item_count integer NOT NULL,\n"
    "    size integer NOT NULL,\n"
    "    hot blob NOT NULL,\n"
    "    detail text NOT NULL,\n"
    "    PRIMARY KEY (account, region, id)\n"
    ");\n",
    "CREATE TABLE dynamodb_bucket (\n"
    "    bucket_key integer NOT NULL,\n"
    "    is_write integer NOT NULL,\n"
    "    tokens real NOT NULL,\n"
    "    filled_at integer NOT NULL,\n"
    "    PRIMARY KEY (bucket_key, is_write)\n"
    ");\n"
    "CREATE TABLE dynamodb_transfer (\n"
    "    account text NOT NULL,\n"
    "    region text NOT NULL,\n"
    "    id text NOT NULL,\n"
    "    is_import integer NOT NULL,\n"
    "    table_arn text NOT NULL,\n"
    "    token text NOT NULL,\n"
    "    digest text NOT NULL,\n"
    "    created_at integer NOT NULL,\n"
    "    description text NOT NULL,\n"
    "    PRIMARY KEY (account, region, id)\n"
    ");\n"
    "CREATE INDEX dynamodb_transfer_by_token ON dynamodb_transfer (account, region, token);\n",
};

const struct migration_set dynamodb_migrations = {
    .component = "dynamodb",
    .migrations = migrations,
    .count = ARRAY_LEN(migrations),
};

/* Runs a prepared statement that gives no rows. */
static int run(struct stmt *stmt)
{
    int64_t changed = stmt_run(stmt);
    return changed < 0 ? (int)changed : 0;
}

/* --- tables --- */

static const char sql_next_key[] =
    "INSERT INTO dynamodb_serial (id, last) VALUES (1, 1) "
    "ON CONFLICT (id) DO UPDATE SET last = dynamodb_serial.last + 1 RETURNING last";
static const char sql_find_table[] =
    "SELECT name, table_key, policy, stream_policy, hot FROM dynamodb_table "
    "WHERE account = $1 AND region = $2 AND name = $3";
static const char sql_find_table_detail[] =
    "SELECT name, table_key, policy, stream_policy, hot, detail FROM dynamodb_table "
    "WHERE account = $1 AND region = $2 AND name = $3";
static const char sql_find_key[] =
    "SELECT name, table_key, policy, stream_policy, hot, detail, account, region "
    "FROM dynamodb_table WHERE table_key = $1";
static const char sql_insert_table[] =
    "INSERT INTO dynamodb_table (account, region, name, table_key, policy, stream_policy, hot, "
    "detail) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
static const char sql_update_table[] =
    "UPDATE dynamodb_table SET policy = $5, stream_policy = $6, hot = $7, detail = $8 "
    "WHERE account = $1 AND region = $2 AND name = $3 AND table_key = $4";
static const char sql_delete_table[] = "DELETE FROM dynamodb_table WHERE table_key = $1";
static const char sql_list_tables[] =
    "SELECT name FROM dynamodb_table WHERE account = $1 AND region = $2 AND name > $3 "
    "ORDER BY name LIMIT $4";
static const char sql_measure_items[] =
    "SELECT count(*), coalesce(sum(size), 0) FROM "
    "(SELECT size FROM dynamodb_item WHERE table_key = $1 LIMIT $2) AS sample";
static const char sql_measure_index[] =
    "SELECT count(*), coalesce(sum(size), 0) FROM "
    "(SELECT size FROM dynamodb_index_item WHERE index_key = $1 LIMIT $2) AS sample";

int ddb_store_next_key(struct db *db, int64_t *out_key)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_next_key, &stmt);
    if (rc < 0)
        return rc;
    rc = stmt_step(stmt);
    if (rc <= 0)
        return rc < 0 ? rc : -EIO;
    *out_key = stmt_i64(stmt, 0);
    return 0;
}

static int table_from_row(struct stmt *stmt, struct arena *arena, struct scope scope,
                          bool with_detail, struct ddb_table **out_table)
{
    struct ddb_table *table = arena_alloc(arena, sizeof(*table));
    *table = (struct ddb_table){
        .scope = scope,
        .name = stmt_str(stmt, 0, arena),
        .table_key = stmt_i64(stmt, 1),
        .policy = stmt_str(stmt, 2, arena),
        .stream_policy = stmt_str(stmt, 3, arena),
    };
    if (with_detail)
        table->detail_text = stmt_str(stmt, 5, arena);
    table->arn = ddb_table_arn(arena, scope, table->name);
    int rc = ddb_hot_decode(arena, stmt_str(stmt, 4, arena), table);
    if (rc < 0)
        return rc;
    *out_table = table;
    return 1;
}

int ddb_store_find_table(struct db *db, struct arena *arena, struct scope scope, struct str name,
                         bool with_detail, struct ddb_table **out_table)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, with_detail ? sql_find_table_detail : sql_find_table, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, scope);
    stmt_bind_str(stmt, 3, name);
    rc = stmt_step(stmt);
    return rc <= 0 ? rc : table_from_row(stmt, arena, scope, with_detail, out_table);
}

int ddb_store_find_key(struct db *db, struct arena *arena, int64_t table_key,
                       struct ddb_table **out_table)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find_key, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, table_key);
    rc = stmt_step(stmt);
    if (rc <= 0)
        return rc;
    const struct scope scope = {
        .account = stmt_str(stmt, 6, arena),
        .region = stmt_str(stmt, 7, arena),
    };
    return table_from_row(stmt, arena, scope, true, out_table);
}

static int write_table(struct db *db, const char *sql, const struct ddb_table *table,
                       struct str hot, struct str detail)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, table->scope);
    stmt_bind_str(stmt, 3, table->name);
    stmt_bind_i64(stmt, 4, table->table_key);
    stmt_bind_str(stmt, 5, table->policy);
    stmt_bind_str(stmt, 6, table->stream_policy);
    stmt_bind_blob(stmt, 7, hot);
    stmt_bind_str(stmt, 8, detail);
    return run(stmt);
}

int ddb_store_insert_table(struct db *db, const struct ddb_table *table, struct str hot,
                           struct str detail)
{
    return write_table(db, sql_insert_table, table, hot, detail);
}

int ddb_store_update_table(struct db *db, const struct ddb_table *table, struct str hot,
                           struct str detail)
{
    return write_table(db, sql_update_table, table, hot, detail);
}

/* A statement whose only parameter is a number. */
static int run_by_key(struct db *db, const char *sql, int64_t key)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, key);
    return run(stmt);
}

int ddb_store_delete_table(struct db *db, int64_t table_key)
{
    return run_by_key(db, sql_delete_table, table_key);
}

int64_t ddb_store_list_tables(struct db *db, struct arena *arena, struct scope scope,
                              struct str after, int64_t limit, struct str *out_names)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_list_tables, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, scope);
    stmt_bind_str(stmt, 3, after);
    stmt_bind_i64(stmt, 4, limit);
    int64_t count = 0;
    while ((rc = stmt_step(stmt)) == 1)
        out_names[count++] = stmt_str(stmt, 0, arena);
    return rc < 0 ? rc : count;
}

int ddb_store_measure(struct db *db, bool is_index, int64_t key, int64_t limit, int64_t *out_count,
                      int64_t *out_bytes)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, is_index ? sql_measure_index : sql_measure_items, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, key);
    stmt_bind_i64(stmt, 2, limit);
    rc = stmt_step(stmt);
    if (rc <= 0)
        return rc < 0 ? rc : -EIO;
    *out_count = stmt_i64(stmt, 0);
    *out_bytes = stmt_i64(stmt, 1);
    return 0;
}

static const char sql_count_items[] =
    "SELECT size, hash, range FROM dynamodb_item "
    "WHERE table_key = $1 AND (hash, range) > ($2, $3) ORDER BY hash, range LIMIT $4";
static const char sql_count_index[] =
    "SELECT size, hash, range, table_hash, table_range FROM dynamodb_index_item "
    "WHERE index_key = $1 AND (hash, range, table_hash, table_range) > ($2, $3, $5, $6) "
    "ORDER BY hash, range, table_hash, table_range LIMIT $4";

int ddb_store_count_on(struct db *db, struct arena *arena, bool is_index, int64_t key,
                       int64_t limit, struct ddb_count_place *place)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, is_index ? sql_count_index : sql_count_items, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, key);
    stmt_bind_blob(stmt, 2, place->key[0]);
    stmt_bind_blob(stmt, 3, place->key[1]);
    stmt_bind_i64(stmt, 4, limit);
    if (is_index) {
        stmt_bind_blob(stmt, 5, place->key[2]);
        stmt_bind_blob(stmt, 6, place->key[3]);
    }
    struct ddb_count_place next = *place;
    int64_t seen = 0;
    while ((rc = stmt_step(stmt)) == 1) {
        next.bytes += stmt_i64(stmt, 0);
        /* Only the last row's key is needed: copying all would fill the arena. */
        if (++seen < limit)
            continue;
        for (int i = 0; i < (is_index ? DDB_COUNT_KEYS : 2); i++)
            next.key[i] = stmt_str(stmt, i + 1, arena);
    }
    if (rc < 0)
        return rc;
    next.count += seen;
    *place = next;
    return seen == limit;
}

/* --- tokens of throughput --- */

static const char sql_find_bucket[] =
    "SELECT tokens, filled_at FROM dynamodb_bucket WHERE bucket_key = $1 AND is_write = $2";
static const char sql_put_bucket[] =
    "INSERT INTO dynamodb_bucket (bucket_key, is_write, tokens, filled_at) "
    "VALUES ($1, $2, $3, $4) ON CONFLICT (bucket_key, is_write) DO UPDATE SET "
    "tokens = excluded.tokens, filled_at = excluded.filled_at";
static const char sql_delete_buckets[] = "DELETE FROM dynamodb_bucket WHERE bucket_key = $1";

int ddb_store_find_bucket(struct db *db, int64_t key, bool is_write, double *out_tokens,
                          int64_t *out_filled_at_ms)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find_bucket, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, key);
    stmt_bind_i64(stmt, 2, is_write);
    rc = stmt_step(stmt);
    if (rc != 1)
        return rc;
    *out_tokens = stmt_f64(stmt, 0);
    *out_filled_at_ms = stmt_i64(stmt, 1);
    return 1;
}

int ddb_store_put_bucket(struct db *db, int64_t key, bool is_write, double tokens,
                         int64_t filled_at_ms)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_put_bucket, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, key);
    stmt_bind_i64(stmt, 2, is_write);
    stmt_bind_f64(stmt, 3, tokens);
    stmt_bind_i64(stmt, 4, filled_at_ms);
    return run(stmt);
}

int ddb_store_delete_buckets(struct db *db, int64_t key)
{
    return run_by_key(db, sql_delete_buckets, key);
}

/* --- clearing, a piece at a time --- */

static const char sql_clear_items[] =
    "DELETE FROM dynamodb_item WHERE table_key = $1 AND (hash, range) IN "
    "(SELECT hash, range FROM dynamodb_item WHERE table_key = $1 LIMIT $2)";
static const char sql_clear_index[] =
    "DELETE FROM dynamodb_index_item WHERE index_key = $1 AND "
    "(hash, range, table_hash, table_range) IN "
    "(SELECT hash, range, table_hash, table_range FROM dynamodb_index_item "
    "WHERE index_key = $1 LIMIT $2)";
static const char sql_clear_changes[] =
    "DELETE FROM dynamodb_change WHERE table_key = $1 AND (hash, range, number) IN "
    "(SELECT hash, range, number FROM dynamodb_change WHERE table_key = $1 LIMIT $2)";

static int64_t clear(struct db *db, const char *sql, int64_t key, int64_t limit)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, key);
    stmt_bind_i64(stmt, 2, limit);
    return stmt_run(stmt);
}

int64_t ddb_store_clear_items(struct db *db, int64_t table_key, int64_t limit)
{
    return clear(db, sql_clear_items, table_key, limit);
}

int64_t ddb_store_clear_index(struct db *db, int64_t index_key, int64_t limit)
{
    return clear(db, sql_clear_index, index_key, limit);
}

int64_t ddb_store_clear_changes(struct db *db, int64_t table_key, int64_t limit)
{
    return clear(db, sql_clear_changes, table_key, limit);
}

/* --- items, for workflows --- */

static const char sql_page_items[] =
    "SELECT hash, range, size, item FROM dynamodb_item "
    "WHERE table_key = $1 AND (hash, range) > ($2, $3) ORDER BY hash, range LIMIT $4";
static const char sql_put_row[] =
    "INSERT INTO dynamodb_item (table_key, hash, range, size, item) VALUES ($1, $2, $3, $4, $5) "
    "ON CONFLICT (table_key, hash, range) DO UPDATE SET size = excluded.size, "
    "item = excluded.item";
static const char sql_delete_row[] =
    "DELETE FROM dynamodb_item WHERE table_key = $1 AND hash = $2 AND range = $3";
static const char sql_set_expiry[] =
    "UPDATE dynamodb_item SET expires_at = $4 WHERE table_key = $1 AND hash = $2 AND range = $3";
static const char sql_page_expired[] =
    "SELECT hash, range, size, item FROM dynamodb_item "
    "WHERE table_key = $1 AND expires_at IS NOT NULL AND expires_at >= $2 AND expires_at <= $3 "
    "ORDER BY expires_at LIMIT $4";
static const char sql_next_expiry[] =
    "SELECT coalesce(min(expires_at), 0) FROM dynamodb_item "
    "WHERE table_key = $1 AND expires_at IS NOT NULL AND expires_at >= $2";

static int64_t item_rows(struct stmt *stmt, struct arena *arena, struct ddb_item_row *out_rows)
{
    int64_t count = 0;
    int rc;
    while ((rc = stmt_step(stmt)) == 1) {
        out_rows[count++] = (struct ddb_item_row){
            .hash = stmt_str(stmt, 0, arena),
            .range = stmt_str(stmt, 1, arena),
            .size = stmt_i64(stmt, 2),
            .blob = stmt_str(stmt, 3, arena),
        };
    }
    return rc < 0 ? rc : count;
}

int64_t ddb_store_page_items(struct db *db, struct arena *arena, int64_t table_key,
                             struct str after_hash, struct str after_range, int64_t limit,
                             struct ddb_item_row *out_rows)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_page_items, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, table_key);
    stmt_bind_blob(stmt, 2, str_or(after_hash, STR("")));
    stmt_bind_blob(stmt, 3, str_or(after_range, STR("")));
    stmt_bind_i64(stmt, 4, limit);
    return item_rows(stmt, arena, out_rows);
}

int ddb_store_put_row(struct db *db, int64_t table_key, const struct ddb_item_row *row)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_put_row, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, table_key);
    stmt_bind_blob(stmt, 2, row->hash);
    stmt_bind_blob(stmt, 3, str_or(row->range, STR("")));
    stmt_bind_i64(stmt, 4, row->size);
    stmt_bind_blob(stmt, 5, row->blob);
    return run(stmt);
}

static int prepare_row(struct db *db, const char *sql, int64_t table_key, struct str hash,
                       struct str range, struct stmt **out_stmt)
{
    int rc = db_prepare(db, sql, out_stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(*out_stmt, 1, table_key);
    stmt_bind_blob(*out_stmt, 2, hash);
    stmt_bind_blob(*out_stmt, 3, str_or(range, STR("")));
    return 0;
}

int ddb_store_delete_row(struct db *db, int64_t table_key, struct str hash, struct str range)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = prepare_row(db, sql_delete_row, table_key, hash, range, &stmt);
    return rc < 0 ? rc : run(stmt);
}

int ddb_store_set_expiry(struct db *db, int64_t table_key, struct str hash, struct str range,
                         struct opt_i64 expires_at)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = prepare_row(db, sql_set_expiry, table_key, hash, range, &stmt);
    if (rc < 0)
        return rc;
    if (expires_at.is_set)
        stmt_bind_i64(stmt, 4, expires_at.value);
    else
        stmt_bind_null(stmt, 4);
    return run(stmt);
}

int64_t ddb_store_page_expired(struct db *db, struct arena *arena, int64_t table_key, int64_t from,
                               int64_t until, int64_t limit, struct ddb_item_row *out_rows)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_page_expired, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, table_key);
    stmt_bind_i64(stmt, 2, from);
    stmt_bind_i64(stmt, 3, until);
    stmt_bind_i64(stmt, 4, limit);
    return item_rows(stmt, arena, out_rows);
}

/* The one number that a statement with these parameters gives. */
static int number_of(struct db *db, const char *sql, int64_t first, int64_t second,
                     int64_t *out_number)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, first);
    stmt_bind_i64(stmt, 2, second);
    rc = stmt_step(stmt);
    if (rc <= 0)
        return rc < 0 ? rc : -EIO;
    *out_number = stmt_i64(stmt, 0);
    return 0;
}

int ddb_store_next_expiry(struct db *db, int64_t table_key, int64_t from, int64_t *out_expires_at)
{
    return number_of(db, sql_next_expiry, table_key, from, out_expires_at);
}

/* --- the log of changes --- */

static const char sql_log[] =
    "INSERT INTO dynamodb_change (table_key, hash, range, number, changed_at, epoch, old_item) "
    "VALUES ($1, $2, $3, (SELECT coalesce(max(number), 0) + 1 FROM dynamodb_change "
    "WHERE table_key = $1 AND hash = $2 AND range = $3), $4, $5, $6)";
static const char sql_page_changes[] =
    "SELECT hash, range, number, old_item FROM dynamodb_change "
    "WHERE table_key = $1 AND (hash, range, number) > ($2, $3, $4) AND epoch > $5 "
    "AND changed_at > $6 ORDER BY hash, range, number LIMIT $7";
static const char sql_trim_changes[] =
    "DELETE FROM dynamodb_change WHERE table_key = $1 AND (hash, range, number) IN "
    "(SELECT hash, range, number FROM dynamodb_change WHERE table_key = $1 AND changed_at < $2 "
    "ORDER BY changed_at LIMIT $3)";

int ddb_store_log(struct db *db, const struct ddb_table *table, struct str hash, struct str range,
                  int64_t at_ms, struct str old_blob)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = prepare_row(db, sql_log, table->table_key, hash, range, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 4, at_ms);
    stmt_bind_i64(stmt, 5, table->epoch);
    stmt_bind_blob(stmt, 6, old_blob);
    return run(stmt);
}

int64_t ddb_store_page_changes(struct db *db, struct arena *arena, int64_t table_key,
                               const struct ddb_change_row *after, int64_t epoch, int64_t at_ms,
                               int64_t limit, struct ddb_change_row *out_rows)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = prepare_row(db, sql_page_changes, table_key, str_or(after->hash, STR("")),
                         after->range, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 4, after->number);
    stmt_bind_i64(stmt, 5, epoch);
    stmt_bind_i64(stmt, 6, at_ms);
    stmt_bind_i64(stmt, 7, limit);
    int64_t count = 0;
    while ((rc = stmt_step(stmt)) == 1) {
        out_rows[count++] = (struct ddb_change_row){
            .hash = stmt_str(stmt, 0, arena),
            .range = stmt_str(stmt, 1, arena),
            .number = stmt_i64(stmt, 2),
            .old_blob = stmt_str(stmt, 3, arena),
        };
    }
    return rc < 0 ? rc : count;
}

int64_t ddb_store_trim_changes(struct db *db, int64_t table_key, int64_t before_ms, int64_t limit)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_trim_changes, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, table_key);
    stmt_bind_i64(stmt, 2, before_ms);
    stmt_bind_i64(stmt, 3, limit);
    return stmt_run(stmt);
}

/* --- backups --- */

#define BACKUP_COLUMNS                                                                             \
    "account, region, id, name, table_name, table_id, created_at, status, backup_type, "           \
    "expires_at, items_key, item_count, size, hot, detail"

static const char sql_insert_backup[] =
    "INSERT INTO dynamodb_backup (" BACKUP_COLUMNS ") "
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";
static const char sql_update_backup[] =
    "UPDATE dynamodb_backup SET status = $4, item_count = $5, size = $6 "
    "WHERE account = $1 AND region = $2 AND id = $3";
static const char sql_find_backup[] =
    "SELECT " BACKUP_COLUMNS
    " FROM dynamodb_backup WHERE account = $1 AND region = $2 AND id = $3 AND table_name = $4";
static const char sql_delete_backup[] =
    "DELETE FROM dynamodb_backup WHERE account = $1 AND region = $2 AND id = $3 "
    "AND table_name = $4";
static const char sql_list_backups[] =
    "SELECT " BACKUP_COLUMNS " FROM dynamodb_backup WHERE account = $1 AND region = $2 AND id > $3 "
    "AND ($4 = '' OR table_name = $4) AND ($5 = '' OR backup_type = $5) "
    "AND created_at >= $6 AND created_at < $7 ORDER BY id LIMIT $8";

int ddb_store_insert_backup(struct db *db, const struct ddb_backup *backup)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_insert_backup, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, backup->scope);
    stmt_bind_str(stmt, 3, backup->id);
    stmt_bind_str(stmt, 4, backup->name);
    stmt_bind_str(stmt, 5, backup->table_name);
    stmt_bind_str(stmt, 6, backup->table_id);
    stmt_bind_i64(stmt, 7, backup->created_at_ms);
    stmt_bind_str(stmt, 8, backup->status);
    stmt_bind_str(stmt, 9, backup->type);
    stmt_bind_i64(stmt, 10, backup->expires_at_ms);
    stmt_bind_i64(stmt, 11, backup->items_key);
    stmt_bind_i64(stmt, 12, backup->item_count);
    stmt_bind_i64(stmt, 13, backup->size_bytes);
    stmt_bind_blob(stmt, 14, backup->hot);
    stmt_bind_str(stmt, 15, backup->detail);
    return run(stmt);
}

int ddb_store_update_backup(struct db *db, const struct ddb_backup *backup)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_update_backup, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, backup->scope);
    stmt_bind_str(stmt, 3, backup->id);
    stmt_bind_str(stmt, 4, backup->status);
    stmt_bind_i64(stmt, 5, backup->item_count);
    stmt_bind_i64(stmt, 6, backup->size_bytes);
    return run(stmt);
}

static struct ddb_backup backup_from_row(struct stmt *stmt, struct arena *arena)
{
    return (struct ddb_backup){
        .scope = {.account = stmt_str(stmt, 0, arena), .region = stmt_str(stmt, 1, arena)},
        .id = stmt_str(stmt, 2, arena),
        .name = stmt_str(stmt, 3, arena),
        .table_name = stmt_str(stmt, 4, arena),
        .table_id = stmt_str(stmt, 5, arena),
        .created_at_ms = stmt_i64(stmt, 6),
        .status = stmt_str(stmt, 7, arena),
        .type = stmt_str(stmt, 8, arena),
        .expires_at_ms = stmt_i64(stmt, 9),
        .items_key = stmt_i64(stmt, 10),
        .item_count = stmt_i64(stmt, 11),
        .size_bytes = stmt_i64(stmt, 12),
        .hot = stmt_str(stmt, 13, arena),
        .detail = stmt_str(stmt, 14, arena),
    };
}

static int prepare_backup(struct db *db, const char *sql, struct scope scope, struct str table_name,
                          struct str id, struct stmt **out_stmt)
{
    int rc = db_prepare(db, sql, out_stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(*out_stmt, scope);
    stmt_bind_str(*out_stmt, 3, id);
    stmt_bind_str(*out_stmt, 4, table_name);
    return 0;
}

int ddb_store_find_backup(struct db *db, struct arena *arena, struct scope scope,
                          struct str table_name, struct str id, struct ddb_backup *out_backup)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = prepare_backup(db, sql_find_backup, scope, table_name, id, &stmt);
    if (rc < 0)
        return rc;
    rc = stmt_step(stmt);
    if (rc == 1)
        *out_backup = backup_from_row(stmt, arena);
    return rc;
}

int ddb_store_delete_backup(struct db *db, struct scope scope, struct str table_name, struct str id)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = prepare_backup(db, sql_delete_backup, scope, table_name, id, &stmt);
    return rc < 0 ? rc : run(stmt);
}

int64_t ddb_store_list_backups(struct db *db, struct arena *arena, struct scope scope,
                               struct str table_name, struct str type, int64_t from_ms,
                               int64_t to_ms, struct str after, int64_t limit,
                               struct ddb_backup *out_backups)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = prepare_backup(db, sql_list_backups, scope, str_or(table_name, STR("")),
                            str_or(after, STR("")), &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 5, str_or(type, STR("")));
    stmt_bind_i64(stmt, 6, from_ms);
    stmt_bind_i64(stmt, 7, to_ms);
    stmt_bind_i64(stmt, 8, limit);
    int64_t count = 0;
    while ((rc = stmt_step(stmt)) == 1)
        out_backups[count++] = backup_from_row(stmt, arena);
    return rc < 0 ? rc : count;
}
