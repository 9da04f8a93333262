/* store.c — every SQL statement of SQS. See sqs.h for what the rows mean. */
#include "service/sqs/sqs.h"

#include <errno.h>

#include "base/arena.h"

static const char *const migrations[] = {
    "CREATE TABLE sqs_queue (\n"
    "    id integer NOT NULL PRIMARY KEY,\n"
    "    account text NOT NULL,\n"
    "    region text NOT NULL,\n"
    "    name text NOT NULL,\n"
    "    created_at integer NOT NULL,\n"
    "    modified_at integer NOT NULL,\n"
    "    visibility_timeout integer NOT NULL,\n"
    "    maximum_message_size integer NOT NULL,\n"
    "    retention integer NOT NULL,\n"
    "    delay integer NOT NULL,\n"
    "    wait integer NOT NULL,\n"
    "    is_fifo integer NOT NULL,\n"
    "    content_dedup integer NOT NULL,\n"
    "    dedup_by_group integer NOT NULL,\n"
    "    limit_by_group integer NOT NULL,\n"
    "    managed_sse integer NOT NULL,\n"
    "    policy text NOT NULL,\n"
    "    redrive_policy text NOT NULL,\n"
    "    dlq_arn text NOT NULL,\n"
    "    max_receive_count integer NOT NULL,\n"
    "    redrive_allow_policy text NOT NULL,\n"
    "    kms_key_id text NOT NULL,\n"
    "    kms_reuse integer NOT NULL,\n"
    "    tags text NOT NULL,\n"
    "    purged_at integer NOT NULL,\n"
    "    UNIQUE (account, region, name)\n"
    ");\n"
    "CREATE INDEX sqs_queue_by_dlq ON sqs_queue (dlq_arn);\n"
    "CREATE TABLE sqs_sequence (\n"
    "    queue_id integer NOT NULL PRIMARY KEY,\n"
    "    last integer NOT NULL\n"
    ");\n"
    "CREATE TABLE sqs_message (\n"
    "    id integer NOT NULL PRIMARY KEY,\n"
    "    queue_id integer NOT NULL,\n"
    "    visible_at integer NOT NULL,\n"
    "    receive_count integer NOT NULL,\n"
    "    receipt integer NOT NULL,\n"
    "    sent_at integer NOT NULL,\n"
    "    first_received_at integer NOT NULL,\n"
    "    received_at integer NOT NULL,\n"
    "    sequence integer NOT NULL,\n"
    "    message_id text NOT NULL,\n"
    "    sender_id text NOT NULL,\n"
    "    group_id text,\n"
    "    dedup_id text,\n"
    "    source_arn text,\n"
    "    trace_header text,\n"
    "    attributes text,\n"
    "    body text NOT NULL\n"
    ");\n"
    "CREATE INDEX sqs_message_by_visible ON sqs_message (queue_id, visible_at);\n"
    "CREATE INDEX sqs_message_by_group ON sqs_message (queue_id, group_id, sequence)\n"
    "    WHERE group_id IS NOT NULL;\n"
    "CREATE TABLE sqs_group (\n"
    "    queue_id integer NOT NULL,\n"
    "    group_id text NOT NULL,\n"
    "    head_sequence integer NOT NULL,\n"
    "    visible_at integer NOT NULL,\n"
    "    PRIMARY KEY (queue_id, group_id)\n"
    ");\n"
    "CREATE INDEX sqs_group_by_visible ON sqs_group (queue_id, visible_at);\n"
    "CREATE TABLE sqs_dedup (\n"
    "    queue_id integer NOT NULL,\n"
    "    scope text NOT NULL,\n"
    "    dedup_id text NOT NULL,\n"
    "    message_id text NOT NULL,\n"
    "    sequence integer NOT NULL,\n"
    "    expires_at integer NOT NULL,\n"
    "    PRIMARY KEY (queue_id, scope, dedup_id)\n"
    ");\n"
    "CREATE INDEX sqs_dedup_by_expiry ON sqs_dedup (expires_at);\n"
    "CREATE TABLE sqs_move_task (\n"
    "    handle text NOT NULL PRIMARY KEY,\n"
    "    status text NOT NULL,\n"
    "    source_arn text NOT NULL,\n"
    "    destination_arn text NOT NULL,\n"
    "    per_second integer NOT NULL,\n"
    "    moved integer NOT NULL,\n"
    "    to_move integer NOT NULL,\n"
    "    failure text NOT NULL,\n"
    "    started_at integer NOT NULL\n"
    ");\n"
    "CREATE INDEX sqs_move_task_by_source ON sqs_move_task (source_arn, started_at);\n",
};

const struct migration_set sqs_migrations = {
    .component = "sqs",
    .migrations = migrations,
    .count = ARRAY_LEN(migrations),
};

#define QUEUE_COLUMNS                                                                              \
    "id, account, region, name, created_at, modified_at, visibility_timeout, "                     \
    "maximum_message_size, retention, delay, wait, is_fifo, content_dedup, dedup_by_group, "       \
    "limit_by_group, managed_sse, policy, redrive_policy, dlq_arn, max_receive_count, "            \
    "redrive_allow_policy, kms_key_id, kms_reuse, tags, purged_at"
#define MESSAGE_COLUMNS                                                                            \
    "id, queue_id, visible_at, receive_count, receipt, sent_at, first_received_at, "               \
    "received_at, sequence, message_id, sender_id, group_id, dedup_id, source_arn, trace_header, " \
    "attributes, body"

static const char sql_find_queue[] =
    "SELECT " QUEUE_COLUMNS " FROM sqs_queue WHERE account = $1 AND region = $2 AND name = $3";
static const char sql_insert_queue[] =
    "INSERT INTO sqs_queue (" QUEUE_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, "
    "$8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25)";
static const char sql_update_queue[] =
    "UPDATE sqs_queue SET account = $2, region = $3, name = $4, created_at = $5, "
    "modified_at = $6, visibility_timeout = $7, maximum_message_size = $8, retention = $9, "
    "delay = $10, wait = $11, is_fifo = $12, content_dedup = $13, dedup_by_group = $14, "
    "limit_by_group = $15, managed_sse = $16, policy = $17, redrive_policy = $18, dlq_arn = $19, "
    "max_receive_count = $20, redrive_allow_policy = $21, kms_key_id = $22, kms_reuse = $23, "
    "tags = $24, purged_at = $25 WHERE id = $1";
static const char sql_delete_queue[] = "DELETE FROM sqs_queue WHERE id = $1";
static const char sql_list_queues[] =
    "SELECT name FROM sqs_queue WHERE account = $1 AND region = $2 AND name > $3 "
    "AND name >= $4 AND substr(name, 1, length($4)) = $4 ORDER BY name LIMIT $5";
static const char sql_list_sources[] =
    "SELECT account, region, name FROM sqs_queue WHERE dlq_arn = $1 AND name > $2 "
    "ORDER BY name LIMIT $3";
/* A table of its own: the queue's row is long, and read by everybody. */
static const char sql_next_sequence[] =
    "INSERT INTO sqs_sequence (queue_id, last) VALUES ($1, 1) "
    "ON CONFLICT (queue_id) DO UPDATE SET last = sqs_sequence.last + 1 RETURNING last";
static const char sql_delete_sequence[] = "DELETE FROM sqs_sequence WHERE queue_id = $1";
static const char sql_insert_message[] =
    "INSERT INTO sqs_message (" MESSAGE_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, "
    "$10, $11, $12, $13, $14, $15, $16, $17) ON CONFLICT (id) DO NOTHING";
static const char sql_find_message[] = "SELECT " MESSAGE_COLUMNS " FROM sqs_message WHERE id = $1";
static const char sql_visible[] =
    "SELECT " MESSAGE_COLUMNS " FROM sqs_message WHERE queue_id = $1 AND visible_at <= $2 "
    "ORDER BY visible_at LIMIT $3";
static const char sql_group_messages[] =
    "SELECT " MESSAGE_COLUMNS " FROM sqs_message WHERE queue_id = $1 AND group_id = $2 "
    "ORDER BY sequence LIMIT $3";
static const char sql_group_head[] =
    "SELECT sequence, visible_at FROM sqs_message WHERE queue_id = $1 AND group_id = $2 "
    "ORDER BY sequence LIMIT 1";
static const char sql_open_groups[] =
    "SELECT group_id FROM sqs_group WHERE queue_id = $1 AND visible_at <= $2 "
    "ORDER BY head_sequence LIMIT $3";
static const char sql_put_group[] =
    "INSERT INTO sqs_group (queue_id, group_id, head_sequence, visible_at) VALUES ($1, $2, $3, $4) "
    "ON CONFLICT (queue_id, group_id) DO UPDATE SET head_sequence = excluded.head_sequence, "
    "visible_at = excluded.visible_at";
static const char sql_delete_group[] =
    "DELETE FROM sqs_group WHERE queue_id = $1 AND group_id = $2";
static const char sql_next_visible[] =
    "SELECT min(visible_at) FROM sqs_message WHERE queue_id = $1 AND visible_at > $2";
static const char sql_next_group[] =
    "SELECT min(visible_at) FROM sqs_group WHERE queue_id = $1 AND visible_at > $2";
static const char sql_mark_received[] =
    "UPDATE sqs_message SET visible_at = $2, receive_count = $3, receipt = $4, "
    "first_received_at = $5, received_at = $6 WHERE id = $1";
static const char sql_set_visible[] = "UPDATE sqs_message SET visible_at = $2 WHERE id = $1";
static const char sql_move[] =
    "UPDATE sqs_message SET queue_id = $2, visible_at = $3, receive_count = 0, receipt = 0, "
    "sent_at = $4, first_received_at = 0, received_at = 0, sequence = $5, message_id = $6, "
    "source_arn = $7 WHERE id = $1";
static const char sql_delete_message[] = "DELETE FROM sqs_message WHERE id = $1";
static const char sql_delete_received[] =
    "DELETE FROM sqs_message WHERE id = $1 AND queue_id = $2 AND receive_count > 0";
static const char sql_purge_messages[] = "DELETE FROM sqs_message WHERE queue_id = $1";
static const char sql_purge_groups[] = "DELETE FROM sqs_group WHERE queue_id = $1";
static const char sql_purge_dedup[] = "DELETE FROM sqs_dedup WHERE queue_id = $1";
static const char sql_expire[] =
    "DELETE FROM sqs_message WHERE id IN (SELECT id FROM sqs_message WHERE queue_id = $1 AND "
    "sent_at < $2 LIMIT $3)";
static const char sql_count[] =
    "SELECT coalesce(sum(CASE WHEN visible_at <= $2 THEN 1 ELSE 0 END), 0), "
    "coalesce(sum(CASE WHEN visible_at > $2 AND receive_count > 0 THEN 1 ELSE 0 END), 0), "
    "coalesce(sum(CASE WHEN visible_at > $2 AND receive_count = 0 THEN 1 ELSE 0 END), 0) "
    "FROM sqs_message WHERE queue_id = $1 AND sent_at >= $3";
static const char sql_find_dedup[] = "SELECT message_id, sequence FROM sqs_dedup WHERE "
                                     "queue_id = $1 AND scope = $2 AND dedup_id = $3 "
                                     "AND expires_at > $4";
static const char sql_put_dedup[] =
    "INSERT INTO sqs_dedup (queue_id, scope, dedup_id, message_id, sequence, expires_at) "
    "VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (queue_id, scope, dedup_id) DO UPDATE SET "
    "message_id = excluded.message_id, sequence = excluded.sequence, "
    "expires_at = excluded.expires_at";
static const char sql_expire_dedup[] = "DELETE FROM sqs_dedup WHERE expires_at <= $1";
static const char sql_sweep_queues[] =
    "SELECT id, retention FROM sqs_queue WHERE id > $1 ORDER BY id LIMIT $2";
#define TASK_COLUMNS                                                                               \
    "handle, status, source_arn, destination_arn, per_second, moved, to_move, failure, started_at"
static const char sql_insert_task[] = "INSERT INTO sqs_move_task (" TASK_COLUMNS ") VALUES "
                                      "($1, $2, $3, $4, $5, $6, $7, $8, $9)";
static const char sql_update_task[] = "UPDATE sqs_move_task SET status = $2, moved = $3, "
                                      "failure = $4 WHERE handle = $1";
static const char sql_find_task[] = "SELECT " TASK_COLUMNS " FROM sqs_move_task WHERE handle = $1";
static const char sql_list_tasks[] =
    "SELECT " TASK_COLUMNS " FROM sqs_move_task WHERE source_arn = $1 "
    "ORDER BY started_at DESC, handle LIMIT $2";

/* Runs a statement with one integer parameter. */
static int run_with_id(struct db *db, const char *sql, int64_t id)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, id);
    int64_t changed = stmt_run(stmt);
    return changed < 0 ? (int)changed : 0;
}

static int run(struct stmt *stmt)
{
    int64_t changed = stmt_run(stmt);
    return changed < 0 ? (int)changed : 0;
}

static void queue_from_row(struct stmt *stmt, struct arena *arena, struct sqs_queue *out)
{
    int column = 0;
    *out = (struct sqs_queue){0};
    out->id = stmt_i64(stmt, column++);
    out->account = stmt_str(stmt, column++, arena);
    out->region = stmt_str(stmt, column++, arena);
    out->name = stmt_str(stmt, column++, arena);
    out->created_at_ms = stmt_i64(stmt, column++);
    out->modified_at_ms = stmt_i64(stmt, column++);
    out->visibility_timeout_s = stmt_i64(stmt, column++);
    out->maximum_message_size = stmt_i64(stmt, column++);
    out->retention_s = stmt_i64(stmt, column++);
    out->delay_s = stmt_i64(stmt, column++);
    out->wait_s = stmt_i64(stmt, column++);
    out->is_fifo = stmt_i64(stmt, column++) != 0;
    out->has_content_dedup = stmt_i64(stmt, column++) != 0;
    out->dedup_by_group = stmt_i64(stmt, column++) != 0;
    out->limit_by_group = stmt_i64(stmt, column++) != 0;
    out->has_managed_sse = stmt_i64(stmt, column++) != 0;
    out->policy = stmt_str(stmt, column++, arena);
    out->redrive_policy = stmt_str(stmt, column++, arena);
    out->dlq_arn = stmt_str(stmt, column++, arena);
    out->max_receive_count = stmt_i64(stmt, column++);
    out->redrive_allow_policy = stmt_str(stmt, column++, arena);
    out->kms_key_id = stmt_str(stmt, column++, arena);
    out->kms_reuse_s = stmt_i64(stmt, column++);
    out->tags = stmt_str(stmt, column++, arena);
    out->purged_at_ms = stmt_i64(stmt, column++);
}

static void bind_queue(struct stmt *stmt, const struct sqs_queue *queue)
{
    int index = 1;
    stmt_bind_i64(stmt, index++, queue->id);
    stmt_bind_str(stmt, index++, queue->account);
    stmt_bind_str(stmt, index++, queue->region);
    stmt_bind_str(stmt, index++, queue->name);
    stmt_bind_i64(stmt, index++, queue->created_at_ms);
    stmt_bind_i64(stmt, index++, queue->modified_at_ms);
    stmt_bind_i64(stmt, index++, queue->visibility_timeout_s);
    stmt_bind_i64(stmt, index++, queue->maximum_message_size);
    stmt_bind_i64(stmt, index++, queue->retention_s);
    stmt_bind_i64(stmt, index++, queue->delay_s);
    stmt_bind_i64(stmt, index++, queue->wait_s);
    stmt_bind_i64(stmt, index++, queue->is_fifo);
    stmt_bind_i64(stmt, index++, queue->has_content_dedup);
    stmt_bind_i64(stmt, index++, queue->dedup_by_group);
    stmt_bind_i64(stmt, index++, queue->limit_by_group);
    stmt_bind_i64(stmt, index++, queue->has_managed_sse);
    stmt_bind_str(stmt, index++, str_or(queue->policy, STR("")));
    stmt_bind_str(stmt, index++, str_or(queue->redrive_policy, STR("")));
    stmt_bind_str(stmt, index++, str_or(queue->dlq_arn, STR("")));
    stmt_bind_i64(stmt, index++, queue->max_receive_count);
    stmt_bind_str(stmt, index++, str_or(queue->redrive_allow_policy, STR("")));
    stmt_bind_str(stmt, index++, str_or(queue->kms_key_id, STR("")));
    stmt_bind_i64(stmt, index++, queue->kms_reuse_s);
    stmt_bind_str(stmt, index++, str_or(queue->tags, STR("{}")));
    stmt_bind_i64(stmt, index++, queue->purged_at_ms);
}

int sqs_store_find_queue(struct db *db, struct arena *arena, struct scope scope, struct str name,
                         struct sqs_queue **out_queue)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find_queue, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, scope);
    stmt_bind_str(stmt, 3, name);
    rc = stmt_step(stmt);
    if (rc < 0)
        return rc;
    *out_queue = NULL;
    if (rc == 1) {
        *out_queue = arena_alloc(arena, sizeof(**out_queue));
        queue_from_row(stmt, arena, *out_queue);
    }
    return 0;
}

int sqs_store_insert_queue(struct db *db, const struct sqs_queue *queue)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_insert_queue, &stmt);
    if (rc < 0)
        return rc;
    bind_queue(stmt, queue);
    return run(stmt);
}

int sqs_store_update_queue(struct db *db, const struct sqs_queue *queue)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_update_queue, &stmt);
    if (rc < 0)
        return rc;
    bind_queue(stmt, queue);
    return run(stmt);
}

int sqs_store_purge(struct db *db, int64_t queue_id)
{
    int rc = run_with_id(db, sql_purge_messages, queue_id);
    return rc < 0 ? rc : run_with_id(db, sql_purge_groups, queue_id);
}

int sqs_store_delete_queue(struct db *db, int64_t queue_id)
{
    int rc = sqs_store_purge(db, queue_id);
    if (rc == 0)
        rc = run_with_id(db, sql_purge_dedup, queue_id);
    if (rc == 0)
        rc = run_with_id(db, sql_delete_sequence, queue_id);
    return rc < 0 ? rc : run_with_id(db, sql_delete_queue, queue_id);
}

int64_t sqs_store_list_queues(struct db *db, struct arena *arena, struct scope scope,
                              struct str prefix, struct str after, int64_t limit,
                              struct str *out_names)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_list_queues, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, scope);
    stmt_bind_str(stmt, 3, after);
    stmt_bind_str(stmt, 4, prefix);
    stmt_bind_i64(stmt, 5, limit);
    int64_t count = 0;
    while (count < limit && (rc = stmt_step(stmt)) == 1)
        out_names[count++] = stmt_str(stmt, 0, arena);
    return rc < 0 ? rc : count;
}

int64_t sqs_store_list_sources(struct db *db, struct arena *arena, struct str dlq_arn,
                               struct str after, int64_t limit, struct str *out_arns)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_list_sources, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, dlq_arn);
    stmt_bind_str(stmt, 2, after);
    stmt_bind_i64(stmt, 3, limit);
    int64_t count = 0;
    while (count < limit && (rc = stmt_step(stmt)) == 1) {
        const struct sqs_queue queue = {
            .account = stmt_str(stmt, 0, arena),
            .region = stmt_str(stmt, 1, arena),
            .name = stmt_str(stmt, 2, arena),
        };
        out_arns[count++] = sqs_queue_arn(arena, &queue);
    }
    return rc < 0 ? rc : count;
}

int sqs_store_next_sequence(struct db *db, int64_t queue_id, int64_t *out_sequence)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_next_sequence, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, queue_id);
    rc = stmt_step(stmt);
    if (rc < 1)
        return rc < 0 ? rc : -ENOENT;
    *out_sequence = stmt_i64(stmt, 0);
    return 0;
}

/* Empty text is stored as NULL where most messages have none. */
static struct str null_if_empty(struct str text)
{
    return text.len > 0 ? text : (struct str){0};
}

int sqs_store_insert_message(struct db *db, const struct sqs_message_row *message)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_insert_message, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, message->id);
    stmt_bind_i64(stmt, 2, message->queue_id);
    stmt_bind_i64(stmt, 3, message->visible_at_ms);
    stmt_bind_i64(stmt, 4, message->receive_count);
    stmt_bind_i64(stmt, 5, message->receipt);
    stmt_bind_i64(stmt, 6, message->sent_at_ms);
    stmt_bind_i64(stmt, 7, message->first_received_at_ms);
    stmt_bind_i64(stmt, 8, message->received_at_ms);
    stmt_bind_i64(stmt, 9, message->sequence);
    stmt_bind_str(stmt, 10, message->message_id);
    stmt_bind_str(stmt, 11, message->sender_id);
    stmt_bind_str(stmt, 12, null_if_empty(message->group_id));
    stmt_bind_str(stmt, 13, null_if_empty(message->dedup_id));
    stmt_bind_str(stmt, 14, null_if_empty(message->source_arn));
    stmt_bind_str(stmt, 15, null_if_empty(message->trace_header));
    stmt_bind_str(stmt, 16, null_if_empty(message->attributes));
    stmt_bind_str(stmt, 17, message->body);
    int64_t inserted = stmt_run(stmt);
    return inserted < 0 ? (int)inserted : inserted == 0 ? -EEXIST : 0;
}

static void message_from_row(struct stmt *stmt, struct arena *arena, struct sqs_message_row *out)
{
    *out = (struct sqs_message_row){
        .id = stmt_i64(stmt, 0),
        .queue_id = stmt_i64(stmt, 1),
        .visible_at_ms = stmt_i64(stmt, 2),
        .receive_count = stmt_i64(stmt, 3),
        .receipt = stmt_i64(stmt, 4),
        .sent_at_ms = stmt_i64(stmt, 5),
        .first_received_at_ms = stmt_i64(stmt, 6),
        .received_at_ms = stmt_i64(stmt, 7),
        .sequence = stmt_i64(stmt, 8),
        .message_id = stmt_str(stmt, 9, arena),
        .sender_id = stmt_str(stmt, 10, arena),
        .group_id = stmt_str(stmt, 11, arena),
        .dedup_id = stmt_str(stmt, 12, arena),
        .source_arn = stmt_str(stmt, 13, arena),
        .trace_header = stmt_str(stmt, 14, arena),
        .attributes = stmt_str(stmt, 15, arena),
        .body = stmt_str(stmt, 16, arena),
    };
}

int sqs_store_find_message(struct db *db, struct arena *arena, int64_t id,
                           struct sqs_message_row **out_message)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find_message, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, id);
    rc = stmt_step(stmt);
    if (rc < 0)
        return rc;
    *out_message = NULL;
    if (rc == 1) {
        *out_message = arena_alloc(arena, sizeof(**out_message));
        message_from_row(stmt, arena, *out_message);
    }
    return 0;
}

/* Steps through message rows. Count or -errno. */
static int64_t read_messages(struct stmt *stmt, struct arena *arena, int64_t limit,
                             struct sqs_message_row **out_messages)
{
    struct sqs_message_row *rows = arena_alloc_array(arena, (size_t)limit, sizeof(*rows));
    int64_t count = 0;
    int rc = 0;
    while (count < limit && (rc = stmt_step(stmt)) == 1)
        message_from_row(stmt, arena, &rows[count++]);
    if (rc < 0)
        return rc;
    *out_messages = rows;
    return count;
}

int64_t sqs_store_visible(struct db *db, struct arena *arena, int64_t queue_id, int64_t now_ms,
                          int64_t limit, struct sqs_message_row **out_messages)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_visible, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, queue_id);
    stmt_bind_i64(stmt, 2, now_ms);
    stmt_bind_i64(stmt, 3, limit);
    return read_messages(stmt, arena, limit, out_messages);
}

int64_t sqs_store_group_messages(struct db *db, struct arena *arena, int64_t queue_id,
                                 struct str group_id, int64_t limit,
                                 struct sqs_message_row **out_messages)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_group_messages, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, queue_id);
    stmt_bind_str(stmt, 2, group_id);
    stmt_bind_i64(stmt, 3, limit);
    return read_messages(stmt, arena, limit, out_messages);
}

int sqs_store_group_head(struct db *db, int64_t queue_id, struct str group_id,
                         int64_t *out_sequence, int64_t *out_visible_at_ms)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_group_head, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, queue_id);
    stmt_bind_str(stmt, 2, group_id);
    rc = stmt_step(stmt);
    if (rc == 1) {
        *out_sequence = stmt_i64(stmt, 0);
        *out_visible_at_ms = stmt_i64(stmt, 1);
    }
    return rc;
}

int64_t sqs_store_open_groups(struct db *db, struct arena *arena, int64_t queue_id, int64_t now_ms,
                              int64_t limit, struct str *out_groups)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_open_groups, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, queue_id);
    stmt_bind_i64(stmt, 2, now_ms);
    stmt_bind_i64(stmt, 3, limit);
    int64_t count = 0;
    while (count < limit && (rc = stmt_step(stmt)) == 1)
        out_groups[count++] = stmt_str(stmt, 0, arena);
    return rc < 0 ? rc : count;
}

int sqs_store_put_group(struct db *db, int64_t queue_id, struct str group_id, int64_t head_sequence,
                        int64_t visible_at_ms)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_put_group, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, queue_id);
    stmt_bind_str(stmt, 2, group_id);
    stmt_bind_i64(stmt, 3, head_sequence);
    stmt_bind_i64(stmt, 4, visible_at_ms);
    return run(stmt);
}

int sqs_store_delete_group(struct db *db, int64_t queue_id, struct str group_id)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_delete_group, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, queue_id);
    stmt_bind_str(stmt, 2, group_id);
    return run(stmt);
}

int sqs_store_next_visible(struct db *db, const struct sqs_queue *queue, int64_t now_ms,
                           int64_t *out_visible_at_ms)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, queue->is_fifo ? sql_next_group : sql_next_visible, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, queue->id);
    stmt_bind_i64(stmt, 2, now_ms);
    rc = stmt_step(stmt);
    if (rc < 0)
        return rc;
    *out_visible_at_ms = rc == 1 ? stmt_i64(stmt, 0) : 0; /* min() of nothing is NULL, read as 0 */
    return 0;
}

int sqs_store_mark_received(struct db *db, const struct sqs_message_row *message)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_mark_received, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, message->id);
    stmt_bind_i64(stmt, 2, message->visible_at_ms);
    stmt_bind_i64(stmt, 3, message->receive_count);
    stmt_bind_i64(stmt, 4, message->receipt);
    stmt_bind_i64(stmt, 5, message->first_received_at_ms);
    stmt_bind_i64(stmt, 6, message->received_at_ms);
    return run(stmt);
}

int sqs_store_set_visible(struct db *db, int64_t id, int64_t visible_at_ms)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_set_visible, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, id);
    stmt_bind_i64(stmt, 2, visible_at_ms);
    return run(stmt);
}

int sqs_store_move(struct db *db, const struct sqs_message_row *message)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_move, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, message->id);
    stmt_bind_i64(stmt, 2, message->queue_id);
    stmt_bind_i64(stmt, 3, message->visible_at_ms);
    stmt_bind_i64(stmt, 4, message->sent_at_ms);
    stmt_bind_i64(stmt, 5, message->sequence);
    stmt_bind_str(stmt, 6, message->message_id);
    stmt_bind_str(stmt, 7, null_if_empty(message->source_arn));
    return run(stmt);
}

int sqs_store_delete_message(struct db *db, int64_t id)
{
    return run_with_id(db, sql_delete_message, id);
}

int sqs_store_delete_received(struct db *db, int64_t queue_id, int64_t id)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_delete_received, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, id);
    stmt_bind_i64(stmt, 2, queue_id);
    return run(stmt);
}

int64_t sqs_store_expire(struct db *db, int64_t queue_id, int64_t before_ms, int64_t limit)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_expire, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, queue_id);
    stmt_bind_i64(stmt, 2, before_ms);
    stmt_bind_i64(stmt, 3, limit);
    return stmt_run(stmt);
}

int sqs_store_count(struct db *db, int64_t queue_id, int64_t now_ms, int64_t oldest_ms,
                    struct sqs_counts *out_counts)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_count, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, queue_id);
    stmt_bind_i64(stmt, 2, now_ms);
    stmt_bind_i64(stmt, 3, oldest_ms);
    rc = stmt_step(stmt);
    if (rc < 1)
        return rc < 0 ? rc : -EIO;
    *out_counts = (struct sqs_counts){
        .visible = stmt_i64(stmt, 0),
        .in_flight = stmt_i64(stmt, 1),
        .delayed = stmt_i64(stmt, 2),
    };
    return 0;
}

int sqs_store_find_dedup(struct db *db, struct arena *arena, struct sqs_dedup *dedup,
                         int64_t now_ms)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find_dedup, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, dedup->queue_id);
    stmt_bind_str(stmt, 2, dedup->scope);
    stmt_bind_str(stmt, 3, dedup->dedup_id);
    stmt_bind_i64(stmt, 4, now_ms);
    rc = stmt_step(stmt);
    if (rc == 1) {
        dedup->message_id = stmt_str(stmt, 0, arena);
        dedup->sequence = stmt_i64(stmt, 1);
    }
    return rc;
}

int sqs_store_put_dedup(struct db *db, const struct sqs_dedup *dedup)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_put_dedup, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, dedup->queue_id);
    stmt_bind_str(stmt, 2, dedup->scope);
    stmt_bind_str(stmt, 3, dedup->dedup_id);
    stmt_bind_str(stmt, 4, dedup->message_id);
    stmt_bind_i64(stmt, 5, dedup->sequence);
    stmt_bind_i64(stmt, 6, dedup->expires_at_ms);
    return run(stmt);
}

int sqs_store_expire_dedup(struct db *db, int64_t now_ms)
{
    return run_with_id(db, sql_expire_dedup, now_ms);
}

int64_t sqs_store_sweep_queues(struct db *db, int64_t after, int64_t limit,
                               struct sqs_sweep_row *out_rows)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_sweep_queues, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, after);
    stmt_bind_i64(stmt, 2, limit);
    int64_t count = 0;
    while (count < limit && (rc = stmt_step(stmt)) == 1)
        out_rows[count++] = (struct sqs_sweep_row){
            .id = stmt_i64(stmt, 0),
            .retention_s = stmt_i64(stmt, 1),
        };
    return rc < 0 ? rc : count;
}

static void task_from_row(struct stmt *stmt, struct arena *arena, struct sqs_move_task *out)
{
    *out = (struct sqs_move_task){
        .handle = stmt_str(stmt, 0, arena),
        .status = stmt_str(stmt, 1, arena),
        .source_arn = stmt_str(stmt, 2, arena),
        .destination_arn = stmt_str(stmt, 3, arena),
        .per_second = stmt_i64(stmt, 4),
        .moved = stmt_i64(stmt, 5),
        .to_move = stmt_i64(stmt, 6),
        .failure = stmt_str(stmt, 7, arena),
        .started_at_ms = stmt_i64(stmt, 8),
    };
}

int sqs_store_insert_task(struct db *db, const struct sqs_move_task *task)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_insert_task, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, task->handle);
    stmt_bind_str(stmt, 2, task->status);
    stmt_bind_str(stmt, 3, task->source_arn);
    stmt_bind_str(stmt, 4, str_or(task->destination_arn, STR("")));
    stmt_bind_i64(stmt, 5, task->per_second);
    stmt_bind_i64(stmt, 6, task->moved);
    stmt_bind_i64(stmt, 7, task->to_move);
    stmt_bind_str(stmt, 8, str_or(task->failure, STR("")));
    stmt_bind_i64(stmt, 9, task->started_at_ms);
    return run(stmt);
}

int sqs_store_update_task(struct db *db, const struct sqs_move_task *task)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_update_task, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, task->handle);
    stmt_bind_str(stmt, 2, task->status);
    stmt_bind_i64(stmt, 3, task->moved);
    stmt_bind_str(stmt, 4, str_or(task->failure, STR("")));
    return run(stmt);
}

int sqs_store_find_task(struct db *db, struct arena *arena, struct str handle,
                        struct sqs_move_task **out_task)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find_task, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, handle);
    rc = stmt_step(stmt);
    if (rc < 0)
        return rc;
    *out_task = NULL;
    if (rc == 1) {
        *out_task = arena_alloc(arena, sizeof(**out_task));
        task_from_row(stmt, arena, *out_task);
    }
    return 0;
}

int64_t sqs_store_list_tasks(struct db *db, struct arena *arena, struct str source_arn,
                             int64_t limit, struct sqs_move_task *out_tasks)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_list_tasks, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, source_arn);
    stmt_bind_i64(stmt, 2, limit);
    int64_t count = 0;
    while (count < limit && (rc = stmt_step(stmt)) == 1)
        task_from_row(stmt, arena, &out_tasks[count++]);
    return rc < 0 ? rc : count;
}
