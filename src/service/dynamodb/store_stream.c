/* store_stream.c — the SQL of streams: streams, shards, slots, records (schema: store_table.c).
 *
 * A slot's row holds the last number given. A writer takes the next one by updating that row inside
 * its own transaction, so numbers are in the order of the commits, on PostgreSQL too: of two
 * writers that took the same number one is run again. A reader therefore never sees a number before
 * all smaller ones of the slot are there.
 */
#include <errno.h>

#include "base/arena.h"
#include "service/dynamodb/dynamodb.h"

#define STREAM_COLUMNS                                                                             \
    "stream_key, table_key, account, region, table_name, label, view_type, key_schema, "           \
    "created_at, disabled_at"
#define RECORD_COLUMNS                                                                             \
    "slot, number, created_at, event_name, is_expiry, size, item_keys, new_image, old_image"

static const char sql_insert_stream[] = "INSERT INTO dynamodb_stream (" STREAM_COLUMNS ") "
                                        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
static const char sql_close_stream[] =
    "UPDATE dynamodb_stream SET disabled_at = $2 WHERE stream_key = $1";
static const char sql_find_stream[] =
    "SELECT " STREAM_COLUMNS " FROM dynamodb_stream "
    "WHERE account = $1 AND region = $2 AND table_name = $3 AND label = $4";
static const char sql_find_stream_key[] =
    "SELECT " STREAM_COLUMNS " FROM dynamodb_stream WHERE stream_key = $1";
static const char sql_list_streams[] =
    "SELECT " STREAM_COLUMNS " FROM dynamodb_stream WHERE account = $1 AND region = $2 "
    "AND ($3 = '' OR table_name = $3) AND (table_name, label) > ($4, $5) "
    "ORDER BY table_name, label LIMIT $6";
static const char sql_delete_stream[] = "DELETE FROM dynamodb_stream WHERE stream_key = $1";
static const char sql_delete_slots[] = "DELETE FROM dynamodb_stream_slot WHERE stream_key = $1";
static const char sql_delete_shards[] = "DELETE FROM dynamodb_stream_shard WHERE stream_key = $1";
static const char sql_insert_shard[] =
    "INSERT INTO dynamodb_stream_shard (stream_key, id, parent_id, slot, first_number, "
    "last_number, closed_at) VALUES ($1, $2, $3, $4, $5, $6, 0)";
static const char sql_close_shard[] =
    "UPDATE dynamodb_stream_shard SET last_number = $3, closed_at = $4 "
    "WHERE stream_key = $1 AND id = $2";
static const char sql_list_shards[] =
    "SELECT id, parent_id, slot, first_number, last_number FROM dynamodb_stream_shard "
    "WHERE stream_key = $1 ORDER BY id LIMIT $2";
static const char sql_trim_shards[] = "DELETE FROM dynamodb_stream_shard "
                                      "WHERE stream_key = $1 AND closed_at > 0 AND closed_at < $2";
static const char sql_open_slot[] =
    "INSERT INTO dynamodb_stream_slot (stream_key, slot, number, shard_id, opened_at) "
    "VALUES ($1, $2, 0, $3, $4) ON CONFLICT (stream_key, slot) DO UPDATE SET "
    "shard_id = excluded.shard_id, opened_at = excluded.opened_at";
static const char sql_take_number[] =
    "UPDATE dynamodb_stream_slot SET number = number + 1 WHERE stream_key = $1 AND slot = $2 "
    "RETURNING number, shard_id, opened_at";
static const char sql_last_number[] = "SELECT coalesce(max(number), 0) FROM dynamodb_stream_slot "
                                      "WHERE stream_key = $1 AND slot = $2";
static const char sql_first_number[] =
    "SELECT coalesce(min(number), 0) FROM dynamodb_stream_record "
    "WHERE stream_key = $1 AND slot = $2";
static const char sql_insert_record[] =
    "INSERT INTO dynamodb_stream_record (stream_key, " RECORD_COLUMNS ") "
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
static const char sql_page_records[] =
    "SELECT " RECORD_COLUMNS " FROM dynamodb_stream_record "
    "WHERE stream_key = $1 AND slot = $2 AND number >= $3 AND number <= $4 "
    "ORDER BY number LIMIT $5";
static const char sql_trim_records[] =
    "DELETE FROM dynamodb_stream_record WHERE stream_key = $1 AND slot = $2 AND number IN "
    "(SELECT number FROM (SELECT number, created_at FROM dynamodb_stream_record "
    "WHERE stream_key = $1 AND slot = $2 ORDER BY number LIMIT $4) AS oldest "
    "WHERE created_at < $3)";

static int run(struct stmt *stmt)
{
    int64_t changed = stmt_run(stmt);
    return changed < 0 ? (int)changed : 0;
}

static int prepare(struct db *db, const char *sql, int64_t stream_key, struct stmt **out_stmt)
{
    int rc = db_prepare(db, sql, out_stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(*out_stmt, 1, stream_key);
    return 0;
}

int ddb_store_insert_stream(struct db *db, const struct ddb_stream *stream)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = prepare(db, sql_insert_stream, stream->stream_key, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 2, stream->table_key);
    stmt_bind_str(stmt, 3, stream->scope.account);
    stmt_bind_str(stmt, 4, stream->scope.region);
    stmt_bind_str(stmt, 5, stream->table_name);
    stmt_bind_str(stmt, 6, stream->label);
    stmt_bind_str(stmt, 7, stream->view_type);
    stmt_bind_str(stmt, 8, stream->key_schema);
    stmt_bind_i64(stmt, 9, stream->created_at_ms);
    stmt_bind_i64(stmt, 10, stream->disabled_at_ms);
    return run(stmt);
}

int ddb_store_close_stream(struct db *db, int64_t stream_key, int64_t at_ms)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = prepare(db, sql_close_stream, stream_key, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 2, at_ms);
    return run(stmt);
}

static struct ddb_stream stream_from_row(struct stmt *stmt, struct arena *arena)
{
    struct ddb_stream stream = {
        .stream_key = stmt_i64(stmt, 0),
        .table_key = stmt_i64(stmt, 1),
        .scope = {.account = stmt_str(stmt, 2, arena), .region = stmt_str(stmt, 3, arena)},
        .table_name = stmt_str(stmt, 4, arena),
        .label = stmt_str(stmt, 5, arena),
        .view_type = stmt_str(stmt, 6, arena),
        .key_schema = stmt_str(stmt, 7, arena),
        .created_at_ms = stmt_i64(stmt, 8),
        .disabled_at_ms = stmt_i64(stmt, 9),
    };
    stream.is_enabled = stream.disabled_at_ms == 0;
    stream.arn = ddb_stream_arn(arena, stream.scope, stream.table_name, stream.label);
    return stream;
}

int ddb_store_find_stream(struct db *db, struct arena *arena, struct scope scope,
                          struct str table_name, struct str label, struct ddb_stream *out_stream)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find_stream, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, scope);
    stmt_bind_str(stmt, 3, table_name);
    stmt_bind_str(stmt, 4, label);
    rc = stmt_step(stmt);
    if (rc == 1)
        *out_stream = stream_from_row(stmt, arena);
    return rc;
}

int ddb_store_find_stream_key(struct db *db, struct arena *arena, int64_t stream_key,
                              struct ddb_stream *out_stream)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = prepare(db, sql_find_stream_key, stream_key, &stmt);
    if (rc < 0)
        return rc;
    rc = stmt_step(stmt);
    if (rc == 1)
        *out_stream = stream_from_row(stmt, arena);
    return rc;
}

int64_t ddb_store_list_streams(struct db *db, struct arena *arena, struct scope scope,
                               struct str table_name, struct str after_table,
                               struct str after_label, int64_t limit,
                               struct ddb_stream *out_streams)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_list_streams, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, scope);
    stmt_bind_str(stmt, 3, str_or(table_name, STR("")));
    stmt_bind_str(stmt, 4, str_or(after_table, STR("")));
    stmt_bind_str(stmt, 5, str_or(after_label, STR("")));
    stmt_bind_i64(stmt, 6, limit);
    int64_t count = 0;
    while ((rc = stmt_step(stmt)) == 1)
        out_streams[count++] = stream_from_row(stmt, arena);
    return rc < 0 ? rc : count;
}

int ddb_store_delete_stream(struct db *db, int64_t stream_key)
{
    static const char *const texts[] = {sql_delete_stream, sql_delete_slots, sql_delete_shards};
    int rc = 0;
    for (size_t i = 0; i < ARRAY_LEN(texts) && rc == 0; i++) {
        AUTO(stmt) struct stmt *stmt = NULL;
        rc = prepare(db, texts[i], stream_key, &stmt);
        if (rc == 0)
            rc = run(stmt);
    }
    return rc;
}

int ddb_store_insert_shard(struct db *db, int64_t stream_key, const struct ddb_stream_shard *shard)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = prepare(db, sql_insert_shard, stream_key, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 2, shard->id);
    stmt_bind_str(stmt, 3, str_or(shard->parent_id, STR("")));
    stmt_bind_i64(stmt, 4, shard->slot);
    stmt_bind_i64(stmt, 5, shard->first);
    stmt_bind_i64(stmt, 6, shard->last);
    return run(stmt);
}

int ddb_store_close_shard(struct db *db, int64_t stream_key, struct str id, int64_t last,
                          int64_t at_ms)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = prepare(db, sql_close_shard, stream_key, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 2, id);
    stmt_bind_i64(stmt, 3, last);
    stmt_bind_i64(stmt, 4, at_ms);
    return run(stmt);
}

int64_t ddb_store_list_shards(struct db *db, struct arena *arena, int64_t stream_key, int64_t limit,
                              struct ddb_stream_shard *out_shards)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = prepare(db, sql_list_shards, stream_key, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 2, limit);
    int64_t count = 0;
    while ((rc = stmt_step(stmt)) == 1) {
        out_shards[count++] = (struct ddb_stream_shard){
            .id = stmt_str(stmt, 0, arena),
            .parent_id = stmt_str(stmt, 1, arena),
            .slot = stmt_i64(stmt, 2),
            .first = stmt_i64(stmt, 3),
            .last = stmt_i64(stmt, 4),
        };
    }
    return rc < 0 ? rc : count;
}

int ddb_store_trim_shards(struct db *db, int64_t stream_key, int64_t before_ms)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = prepare(db, sql_trim_shards, stream_key, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 2, before_ms);
    return run(stmt);
}

int ddb_store_open_slot(struct db *db, int64_t stream_key, int64_t slot, struct str shard_id,
                        int64_t at_ms)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = prepare(db, sql_open_slot, stream_key, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 2, slot);
    stmt_bind_str(stmt, 3, shard_id);
    stmt_bind_i64(stmt, 4, at_ms);
    return run(stmt);
}

int ddb_store_take_number(struct db *db, struct arena *arena, int64_t stream_key, int64_t slot,
                          int64_t *out_number, struct str *out_shard_id, int64_t *out_opened_at_ms)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = prepare(db, sql_take_number, stream_key, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 2, slot);
    rc = stmt_step(stmt);
    if (rc != 1)
        return rc;
    *out_number = stmt_i64(stmt, 0);
    *out_shard_id = stmt_str(stmt, 1, arena);
    *out_opened_at_ms = stmt_i64(stmt, 2);
    return 1;
}

static int number_of(struct db *db, const char *sql, int64_t stream_key, int64_t slot,
                     int64_t *out_number)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = prepare(db, sql, stream_key, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 2, slot);
    rc = stmt_step(stmt);
    if (rc <= 0)
        return rc < 0 ? rc : -EIO;
    *out_number = stmt_i64(stmt, 0);
    return 0;
}

int ddb_store_last_number(struct db *db, int64_t stream_key, int64_t slot, int64_t *out_number)
{
    return number_of(db, sql_last_number, stream_key, slot, out_number);
}

int ddb_store_first_number(struct db *db, int64_t stream_key, int64_t slot, int64_t *out_number)
{
    return number_of(db, sql_first_number, stream_key, slot, out_number);
}

int ddb_store_insert_record(struct db *db, int64_t stream_key,
                            const struct ddb_stream_record *record)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = prepare(db, sql_insert_record, stream_key, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 2, record->slot);
    stmt_bind_i64(stmt, 3, record->number);
    stmt_bind_i64(stmt, 4, record->created_at_ms);
    stmt_bind_str(stmt, 5, record->event_name);
    stmt_bind_i64(stmt, 6, record->is_expiry);
    stmt_bind_i64(stmt, 7, record->size_bytes);
    stmt_bind_blob(stmt, 8, record->keys);
    stmt_bind_blob(stmt, 9, record->new_image);
    stmt_bind_blob(stmt, 10, record->old_image);
    return run(stmt);
}

int64_t ddb_store_page_records(struct db *db, struct arena *arena, int64_t stream_key, int64_t slot,
                               int64_t from, int64_t to, int64_t limit,
                               struct ddb_stream_record *out_records)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = prepare(db, sql_page_records, stream_key, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 2, slot);
    stmt_bind_i64(stmt, 3, from);
    stmt_bind_i64(stmt, 4, to);
    stmt_bind_i64(stmt, 5, limit);
    int64_t count = 0;
    int64_t bytes = 0;
    while (bytes < DDB_STREAM_BYTES_MAX && (rc = stmt_step(stmt)) == 1) {
        struct ddb_stream_record *record = &out_records[count++];
        *record = (struct ddb_stream_record){
            .slot = stmt_i64(stmt, 0),
            .number = stmt_i64(stmt, 1),
            .created_at_ms = stmt_i64(stmt, 2),
            .event_name = stmt_str(stmt, 3, arena),
            .is_expiry = stmt_i64(stmt, 4) != 0,
            .size_bytes = stmt_i64(stmt, 5),
            .keys = stmt_str(stmt, 6, arena),
            .new_image = stmt_str(stmt, 7, arena),
            .old_image = stmt_str(stmt, 8, arena),
        };
        bytes += record->size_bytes;
    }
    return rc < 0 ? rc : count;
}

int64_t ddb_store_trim_records(struct db *db, int64_t stream_key, int64_t slot, int64_t before_ms,
                               int64_t limit)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = prepare(db, sql_trim_records, stream_key, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 2, slot);
    stmt_bind_i64(stmt, 3, before_ms);
    stmt_bind_i64(stmt, 4, limit);
    return stmt_run(stmt);
}
