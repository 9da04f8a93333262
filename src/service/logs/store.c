/* store.c — every SQL statement of CloudWatch Logs. See logs.h for what the rows mean. */
#include "service/logs/logs.h"

#include <errno.h>

#include "base/arena.h"

static const char *const migrations[] = {
    "CREATE TABLE logs_group (\n"
    "    id integer NOT NULL PRIMARY KEY,\n"
    "    account text NOT NULL,\n"
    "    region text NOT NULL,\n"
    "    name text NOT NULL,\n"
    "    created_at integer NOT NULL,\n"
    "    retention_days integer NOT NULL,\n"
    "    class_name text NOT NULL,\n"
    "    kms_key_id text NOT NULL,\n"
    "    tags text NOT NULL,\n"
    "    is_protected integer NOT NULL,\n"
    "    is_subscribed integer NOT NULL,\n"
    "    UNIQUE (account, region, name)\n"
    ");\n"
    "CREATE TABLE logs_stream (\n"
    "    id integer NOT NULL PRIMARY KEY,\n"
    "    group_id integer NOT NULL,\n"
    "    name text NOT NULL,\n"
    "    created_at integer NOT NULL,\n"
    "    first_at integer NOT NULL,\n"
    "    last_at integer NOT NULL,\n"
    "    ingested_at integer NOT NULL,\n"
    "    stored_bytes integer NOT NULL,\n"
    "    sequence integer NOT NULL,\n"
    "    UNIQUE (group_id, name)\n"
    ");\n"
    "CREATE INDEX logs_stream_by_time ON logs_stream (group_id, last_at, name);\n"
    "CREATE TABLE logs_batch (\n"
    "    stream_id integer NOT NULL,\n"
    "    sequence integer NOT NULL,\n"
    "    group_id integer NOT NULL,\n"
    "    first_at integer NOT NULL,\n"
    "    last_at integer NOT NULL,\n"
    "    event_count integer NOT NULL,\n"
    "    byte_count integer NOT NULL,\n"
    "    ingested_at integer NOT NULL,\n"
    "    events blob NOT NULL,\n"
    "    PRIMARY KEY (stream_id, sequence)\n"
    ");\n"
    "CREATE INDEX logs_batch_by_group ON logs_batch (group_id, first_at, stream_id, sequence);\n"
    "CREATE INDEX logs_batch_by_stream ON logs_batch (stream_id, first_at, sequence);\n"
    "CREATE INDEX logs_batch_by_end ON logs_batch (stream_id, last_at, sequence);\n"
    "CREATE INDEX logs_batch_by_age ON logs_batch (group_id, last_at);\n"
    "CREATE TABLE logs_item (\n"
    "    account text NOT NULL,\n"
    "    region text NOT NULL,\n"
    "    kind text NOT NULL,\n"
    "    owner text NOT NULL,\n"
    "    name text NOT NULL,\n"
    "    created_at integer NOT NULL,\n"
    "    value text NOT NULL,\n"
    "    PRIMARY KEY (account, region, kind, owner, name)\n"
    ");\n",
};

const struct migration_set logs_migrations = {
    .component = "logs",
    .migrations = migrations,
    .count = ARRAY_LEN(migrations),
};

#define GROUP_COLUMNS                                                                              \
    "id, account, region, name, created_at, retention_days, class_name, kms_key_id, tags, "        \
    "is_protected, is_subscribed"
#define GROUP_COUNTS                                                                               \
    ", (SELECT coalesce(sum(s.stored_bytes), 0) FROM logs_stream s WHERE s.group_id = "            \
    "logs_group.id), (SELECT count(*) FROM logs_item i WHERE i.account = logs_group.account AND "  \
    "i.region = logs_group.region AND i.kind = 'metric' AND i.owner = logs_group.name)"
#define STREAM_COLUMNS                                                                             \
    "id, group_id, name, created_at, first_at, last_at, ingested_at, stored_bytes, sequence"
#define BATCH_COLUMNS                                                                              \
    "stream_id, sequence, group_id, first_at, last_at, event_count, byte_count, ingested_at, "     \
    "events"
#define ITEM_COLUMNS "kind, owner, name, created_at, value"

static const char sql_find_group[] =
    "SELECT " GROUP_COLUMNS " FROM logs_group WHERE account = $1 AND region = $2 AND name = $3";
static const char sql_insert_group[] = "INSERT INTO logs_group (" GROUP_COLUMNS
                                       ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
static const char sql_update_group[] =
    "UPDATE logs_group SET retention_days = $2, class_name = $3, kms_key_id = $4, tags = $5, "
    "is_protected = $6, is_subscribed = $7 WHERE id = $1";
static const char sql_delete_group[] = "DELETE FROM logs_group WHERE id = $1";
static const char sql_delete_streams[] = "DELETE FROM logs_stream WHERE group_id = $1";
static const char sql_delete_batches[] = "DELETE FROM logs_batch WHERE group_id = $1";
static const char sql_delete_filters[] = "DELETE FROM logs_item WHERE account = $1 AND region = $2 "
                                         "AND kind IN ('metric', 'subscription') AND owner = $3";
static const char sql_list_groups[] =
    "SELECT " GROUP_COLUMNS GROUP_COUNTS " FROM logs_group WHERE account = $1 AND region = $2 "
    "AND name > $3 AND name >= $4 AND substr(name, 1, length($4)) = $4 "
    "AND ($5 = '' OR name LIKE $5 ESCAPE '\\') AND ($6 = '' OR class_name = $6) "
    "ORDER BY name LIMIT $7";
static const char sql_find_stream[] =
    "SELECT " STREAM_COLUMNS " FROM logs_stream WHERE group_id = $1 AND name = $2";
static const char sql_find_stream_by_id[] =
    "SELECT " STREAM_COLUMNS " FROM logs_stream WHERE id = $1";
static const char sql_insert_stream[] =
    "INSERT INTO logs_stream (" STREAM_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
static const char sql_update_stream[] =
    "UPDATE logs_stream SET first_at = $2, last_at = $3, ingested_at = $4, stored_bytes = $5, "
    "sequence = $6 WHERE id = $1";
static const char sql_delete_stream[] = "DELETE FROM logs_stream WHERE id = $1";
static const char sql_delete_stream_batches[] = "DELETE FROM logs_batch WHERE stream_id = $1";

#define STREAMS_OF                                                                                 \
    "SELECT " STREAM_COLUMNS " FROM logs_stream WHERE group_id = $1 AND name >= $2 "               \
    "AND substr(name, 1, length($2)) = $2 "
static const char *const sql_list_streams[2][2] = {
    {STREAMS_OF "AND ($3 = 0 OR name > $5) AND $4 = $4 ORDER BY name LIMIT $6",
     STREAMS_OF "AND ($3 = 0 OR name < $5) AND $4 = $4 ORDER BY name DESC LIMIT $6"},
    {STREAMS_OF "AND ($3 = 0 OR (last_at, name) > ($4, $5)) ORDER BY last_at, name LIMIT $6",
     STREAMS_OF
     "AND ($3 = 0 OR (last_at, name) < ($4, $5)) ORDER BY last_at DESC, name DESC LIMIT $6"},
};

static const char sql_insert_batch[] =
    "INSERT INTO logs_batch (" BATCH_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
static const char sql_find_batch[] =
    "SELECT " BATCH_COLUMNS " FROM logs_batch WHERE stream_id = $1 AND sequence = $2";
/* $2 is a day before $4: a batch spans no more. */
static const char sql_list_of_group[] =
    "SELECT " BATCH_COLUMNS " FROM logs_batch WHERE group_id = $1 AND first_at >= $2 "
    "AND first_at <= $3 AND last_at >= $4 AND (first_at, stream_id, sequence) > ($5, $6, $7) "
    "ORDER BY first_at, stream_id, sequence LIMIT $8";
static const char sql_list_of_stream[] =
    "SELECT " BATCH_COLUMNS " FROM logs_batch WHERE stream_id = $1 AND first_at >= $2 "
    "AND first_at <= $3 AND last_at >= $4 AND (first_at, sequence) > ($5, $6) "
    "ORDER BY first_at, sequence LIMIT $7";
static const char sql_list_backwards[] =
    "SELECT " BATCH_COLUMNS " FROM logs_batch WHERE stream_id = $1 AND last_at >= $2 "
    "AND first_at <= $3 AND (last_at, sequence) < ($4, $5) "
    "ORDER BY last_at DESC, sequence DESC LIMIT $6";
static const char sql_expire[] = "DELETE FROM logs_batch WHERE group_id = $1 AND last_at < $2";
static const char sql_resize[] =
    "UPDATE logs_stream SET stored_bytes = (SELECT coalesce(sum(b.byte_count), 0) "
    "FROM logs_batch b WHERE b.stream_id = logs_stream.id) WHERE group_id = $1";
static const char sql_oldest[] =
    "SELECT coalesce(min(last_at), 0) FROM logs_batch WHERE group_id = $1";

#define OF_ITEM "account = $1 AND region = $2 AND kind = $3 AND owner = $4 AND name = $5"
static const char sql_find_item[] = "SELECT " ITEM_COLUMNS " FROM logs_item WHERE " OF_ITEM;
static const char sql_put_item[] =
    "INSERT INTO logs_item (account, region, " ITEM_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7) "
    "ON CONFLICT (account, region, kind, owner, name) DO UPDATE SET value = excluded.value";
static const char sql_delete_item[] = "DELETE FROM logs_item WHERE " OF_ITEM;
static const char sql_list_items[] =
    "SELECT " ITEM_COLUMNS " FROM logs_item WHERE account = $1 AND region = $2 AND kind = $3 "
    "AND ($4 = '' OR owner = $4) AND substr(name, 1, length($5)) = $5 "
    "AND (owner, name) > ($6, $7) ORDER BY owner, name LIMIT $8";

static int run(struct stmt *stmt)
{
    int64_t changed = stmt_run(stmt);
    return changed < 0 ? (int)changed : 0;
}

static int run_with_id(struct db *db, const char *sql, int64_t id)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, id);
    return run(stmt);
}

/* --- groups --- */

static void group_from_row(struct stmt *stmt, struct arena *arena, bool has_counts,
                           struct log_group *out)
{
    int column = 0;
    *out = (struct log_group){0};
    out->id = stmt_i64(stmt, column++);
    out->scope.account = stmt_str(stmt, column++, arena);
    out->scope.region = stmt_str(stmt, column++, arena);
    out->name = stmt_str(stmt, column++, arena);
    out->created_at_ms = stmt_i64(stmt, column++);
    out->retention_days = stmt_i64(stmt, column++);
    out->class_name = stmt_str(stmt, column++, arena);
    out->kms_key_id = stmt_str(stmt, column++, arena);
    out->tags = stmt_str(stmt, column++, arena);
    out->is_protected = stmt_i64(stmt, column++) != 0;
    out->is_subscribed = stmt_i64(stmt, column++) != 0;
    if (has_counts) {
        out->stored_bytes = stmt_i64(stmt, column++);
        out->metric_filter_count = stmt_i64(stmt, column++);
    }
    out->arn = logs_group_arn(arena, out->scope, out->name);
}

int logs_store_find_group(struct db *db, struct arena *arena, struct scope scope, struct str name,
                          struct log_group *out_group)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find_group, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, scope);
    stmt_bind_str(stmt, 3, name);
    rc = stmt_step(stmt);
    if (rc == 1)
        group_from_row(stmt, arena, false, out_group);
    return rc;
}

int logs_store_insert_group(struct db *db, const struct log_group *group)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_insert_group, &stmt);
    if (rc < 0)
        return rc;
    int index = 1;
    stmt_bind_i64(stmt, index++, group->id);
    stmt_bind_str(stmt, index++, group->scope.account);
    stmt_bind_str(stmt, index++, group->scope.region);
    stmt_bind_str(stmt, index++, group->name);
    stmt_bind_i64(stmt, index++, group->created_at_ms);
    stmt_bind_i64(stmt, index++, group->retention_days);
    stmt_bind_str(stmt, index++, group->class_name);
    stmt_bind_str(stmt, index++, group->kms_key_id);
    stmt_bind_str(stmt, index++, group->tags);
    stmt_bind_i64(stmt, index++, group->is_protected ? 1 : 0);
    stmt_bind_i64(stmt, index++, group->is_subscribed ? 1 : 0);
    return run(stmt);
}

int logs_store_update_group(struct db *db, const struct log_group *group)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_update_group, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, group->id);
    stmt_bind_i64(stmt, 2, group->retention_days);
    stmt_bind_str(stmt, 3, group->class_name);
    stmt_bind_str(stmt, 4, group->kms_key_id);
    stmt_bind_str(stmt, 5, group->tags);
    stmt_bind_i64(stmt, 6, group->is_protected ? 1 : 0);
    stmt_bind_i64(stmt, 7, group->is_subscribed ? 1 : 0);
    return run(stmt);
}

int logs_store_delete_group(struct db *db, const struct log_group *group)
{
    static const char *const statements[] = {sql_delete_batches, sql_delete_streams,
                                             sql_delete_group};
    for (size_t i = 0; i < ARRAY_LEN(statements); i++) {
        int rc = run_with_id(db, statements[i], group->id);
        if (rc < 0)
            return rc;
    }
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_delete_filters, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, group->scope);
    stmt_bind_str(stmt, 3, group->name);
    return run(stmt);
}

int64_t logs_store_list_groups(struct db *db, struct arena *arena, struct scope scope,
                               const struct log_group_list *list, int64_t limit,
                               struct log_group *out_groups)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_list_groups, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, scope);
    stmt_bind_str(stmt, 3, str_or(list->after, STR("")));
    stmt_bind_str(stmt, 4, str_or(list->prefix, STR("")));
    stmt_bind_str(stmt, 5, str_or(list->pattern, STR("")));
    stmt_bind_str(stmt, 6, str_or(list->class_name, STR("")));
    stmt_bind_i64(stmt, 7, limit);
    int64_t count = 0;
    while ((rc = stmt_step(stmt)) == 1)
        group_from_row(stmt, arena, true, &out_groups[count++]);
    return rc < 0 ? rc : count;
}

/* --- streams --- */

static void stream_from_row(struct stmt *stmt, struct arena *arena, struct log_stream *out)
{
    *out = (struct log_stream){
        .id = stmt_i64(stmt, 0),
        .group_id = stmt_i64(stmt, 1),
        .name = stmt_str(stmt, 2, arena),
        .created_at_ms = stmt_i64(stmt, 3),
        .first_at_ms = stmt_i64(stmt, 4),
        .last_at_ms = stmt_i64(stmt, 5),
        .ingested_at_ms = stmt_i64(stmt, 6),
        .stored_bytes = stmt_i64(stmt, 7),
        .sequence = stmt_i64(stmt, 8),
    };
}

int logs_store_find_stream(struct db *db, struct arena *arena, int64_t group_id, struct str name,
                           struct log_stream *out_stream)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find_stream, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, group_id);
    stmt_bind_str(stmt, 2, name);
    rc = stmt_step(stmt);
    if (rc == 1)
        stream_from_row(stmt, arena, out_stream);
    return rc;
}

int logs_store_find_stream_by_id(struct db *db, struct arena *arena, int64_t id,
                                 struct log_stream *out_stream)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find_stream_by_id, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, id);
    rc = stmt_step(stmt);
    if (rc == 1)
        stream_from_row(stmt, arena, out_stream);
    return rc;
}

int logs_store_insert_stream(struct db *db, const struct log_stream *stream)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_insert_stream, &stmt);
    if (rc < 0)
        return rc;
    int index = 1;
    stmt_bind_i64(stmt, index++, stream->id);
    stmt_bind_i64(stmt, index++, stream->group_id);
    stmt_bind_str(stmt, index++, stream->name);
    stmt_bind_i64(stmt, index++, stream->created_at_ms);
    stmt_bind_i64(stmt, index++, stream->first_at_ms);
    stmt_bind_i64(stmt, index++, stream->last_at_ms);
    stmt_bind_i64(stmt, index++, stream->ingested_at_ms);
    stmt_bind_i64(stmt, index++, stream->stored_bytes);
    stmt_bind_i64(stmt, index++, stream->sequence);
    return run(stmt);
}

int logs_store_update_stream(struct db *db, const struct log_stream *stream)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_update_stream, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, stream->id);
    stmt_bind_i64(stmt, 2, stream->first_at_ms);
    stmt_bind_i64(stmt, 3, stream->last_at_ms);
    stmt_bind_i64(stmt, 4, stream->ingested_at_ms);
    stmt_bind_i64(stmt, 5, stream->stored_bytes);
    stmt_bind_i64(stmt, 6, stream->sequence);
    return run(stmt);
}

int logs_store_delete_stream(struct db *db, const struct log_stream *stream)
{
    int rc = run_with_id(db, sql_delete_stream_batches, stream->id);
    return rc < 0 ? rc : run_with_id(db, sql_delete_stream, stream->id);
}

int64_t logs_store_list_streams(struct db *db, struct arena *arena, int64_t group_id,
                                const struct log_stream_list *list, int64_t limit,
                                struct log_stream *out_streams)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_list_streams[list->by_time][list->is_descending], &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, group_id);
    stmt_bind_str(stmt, 2, str_or(list->prefix, STR("")));
    stmt_bind_i64(stmt, 3, list->has_start ? 1 : 0);
    stmt_bind_i64(stmt, 4, list->after_ms);
    stmt_bind_str(stmt, 5, str_or(list->after, STR("")));
    stmt_bind_i64(stmt, 6, limit);
    int64_t count = 0;
    while ((rc = stmt_step(stmt)) == 1)
        stream_from_row(stmt, arena, &out_streams[count++]);
    return rc < 0 ? rc : count;
}

/* --- batches --- */

static void batch_from_row(struct stmt *stmt, struct arena *arena, struct log_batch *out)
{
    *out = (struct log_batch){
        .stream_id = stmt_i64(stmt, 0),
        .sequence = stmt_i64(stmt, 1),
        .group_id = stmt_i64(stmt, 2),
        .first_at_ms = stmt_i64(stmt, 3),
        .last_at_ms = stmt_i64(stmt, 4),
        .count = stmt_i64(stmt, 5),
        .byte_count = stmt_i64(stmt, 6),
        .ingested_at_ms = stmt_i64(stmt, 7),
        .events = stmt_str(stmt, 8, arena),
    };
}

int logs_store_insert_batch(struct db *db, const struct log_batch *batch)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_insert_batch, &stmt);
    if (rc < 0)
        return rc;
    int index = 1;
    stmt_bind_i64(stmt, index++, batch->stream_id);
    stmt_bind_i64(stmt, index++, batch->sequence);
    stmt_bind_i64(stmt, index++, batch->group_id);
    stmt_bind_i64(stmt, index++, batch->first_at_ms);
    stmt_bind_i64(stmt, index++, batch->last_at_ms);
    stmt_bind_i64(stmt, index++, batch->count);
    stmt_bind_i64(stmt, index++, batch->byte_count);
    stmt_bind_i64(stmt, index++, batch->ingested_at_ms);
    stmt_bind_blob(stmt, index++, batch->events);
    return run(stmt);
}

static void bind_batch_list(struct stmt *stmt, const struct log_batch_list *list, int64_t limit)
{
    int64_t before = list->has_start ? list->after_ms : list->is_descending ? INT64_MAX : INT64_MIN;
    int index = 1;
    stmt_bind_i64(stmt, index++, list->stream_id != 0 ? list->stream_id : list->group_id);
    if (!list->is_descending)
        stmt_bind_i64(stmt, index++, list->from_ms - LOGS_DAY_MS);
    else
        stmt_bind_i64(stmt, index++, list->from_ms);
    stmt_bind_i64(stmt, index++, list->to_ms);
    if (!list->is_descending)
        stmt_bind_i64(stmt, index++, list->from_ms);
    stmt_bind_i64(stmt, index++, before);
    if (list->stream_id == 0)
        stmt_bind_i64(stmt, index++, list->after_stream);
    stmt_bind_i64(stmt, index++, list->after_sequence);
    stmt_bind_i64(stmt, index++, limit);
}

int64_t logs_store_list_batches(struct db *db, struct arena *arena,
                                const struct log_batch_list *list, int64_t limit,
                                struct log_batch *out_batches)
{
    const char *sql = list->is_descending    ? sql_list_backwards
                      : list->stream_id != 0 ? sql_list_of_stream
                                             : sql_list_of_group;
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql, &stmt);
    if (rc < 0)
        return rc;
    bind_batch_list(stmt, list, limit);
    int64_t count = 0;
    while ((rc = stmt_step(stmt)) == 1)
        batch_from_row(stmt, arena, &out_batches[count++]);
    return rc < 0 ? rc : count;
}

int logs_store_find_batch(struct db *db, struct arena *arena, int64_t stream_id, int64_t sequence,
                          struct log_batch *out_batch)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find_batch, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, stream_id);
    stmt_bind_i64(stmt, 2, sequence);
    rc = stmt_step(stmt);
    if (rc == 1)
        batch_from_row(stmt, arena, out_batch);
    return rc;
}

int logs_store_expire(struct db *db, int64_t group_id, int64_t before_ms)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_expire, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, group_id);
    stmt_bind_i64(stmt, 2, before_ms);
    int64_t changed = stmt_run(stmt);
    if (changed <= 0)
        return (int)changed;
    return run_with_id(db, sql_resize, group_id);
}

int logs_store_oldest(struct db *db, int64_t group_id, int64_t *out_ms)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_oldest, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, group_id);
    rc = stmt_step(stmt);
    if (rc < 0)
        return rc;
    *out_ms = stmt_i64(stmt, 0);
    return 0;
}

/* --- items --- */

static void item_from_row(struct stmt *stmt, struct arena *arena, struct log_item *out)
{
    *out = (struct log_item){
        .kind = stmt_str(stmt, 0, arena),
        .owner = stmt_str(stmt, 1, arena),
        .name = stmt_str(stmt, 2, arena),
        .created_at_ms = stmt_i64(stmt, 3),
        .value = stmt_str(stmt, 4, arena),
    };
}

static void bind_item(struct stmt *stmt, struct scope scope, struct str kind, struct str owner,
                      struct str name)
{
    stmt_bind_scope(stmt, scope);
    stmt_bind_str(stmt, 3, kind);
    stmt_bind_str(stmt, 4, str_or(owner, STR("")));
    stmt_bind_str(stmt, 5, str_or(name, STR("")));
}

int logs_store_find_item(struct db *db, struct arena *arena, struct scope scope, struct str kind,
                         struct str owner, struct str name, struct log_item *out_item)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find_item, &stmt);
    if (rc < 0)
        return rc;
    bind_item(stmt, scope, kind, owner, name);
    rc = stmt_step(stmt);
    if (rc == 1)
        item_from_row(stmt, arena, out_item);
    return rc;
}

int logs_store_put_item(struct db *db, struct scope scope, const struct log_item *item)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_put_item, &stmt);
    if (rc < 0)
        return rc;
    bind_item(stmt, scope, item->kind, item->owner, item->name);
    stmt_bind_i64(stmt, 6, item->created_at_ms);
    stmt_bind_str(stmt, 7, item->value);
    return run(stmt);
}

int logs_store_delete_item(struct db *db, struct scope scope, struct str kind, struct str owner,
                           struct str name)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_delete_item, &stmt);
    if (rc < 0)
        return rc;
    bind_item(stmt, scope, kind, owner, name);
    int64_t changed = stmt_run(stmt);
    return changed > 1 ? 1 : (int)changed;
}

int64_t logs_store_list_items(struct db *db, struct arena *arena, struct scope scope,
                              const struct log_item_list *list, int64_t limit,
                              struct log_item *out_items)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_list_items, &stmt);
    if (rc < 0)
        return rc;
    bind_item(stmt, scope, list->kind, list->owner, list->prefix);
    stmt_bind_str(stmt, 6, str_or(list->after_owner, STR("")));
    stmt_bind_str(stmt, 7, str_or(list->after_name, STR("")));
    stmt_bind_i64(stmt, 8, limit);
    int64_t count = 0;
    while ((rc = stmt_step(stmt)) == 1)
        item_from_row(stmt, arena, &out_items[count++]);
    return rc < 0 ? rc : count;
}
