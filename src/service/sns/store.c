/* store.c — every SQL statement of SNS but those of applications and telephones
 * (store_mobile.c). See sns.h for what the rows mean.
 */
#include <errno.h>

#include "base/arena.h"
#include "service/sns/sns.h"
#include "syntax/json.h"

static const char *const migrations[] = {
    "CREATE TABLE sns_topic (\n"
    "    id integer NOT NULL PRIMARY KEY,\n"
    "    account text NOT NULL,\n"
    "    region text NOT NULL,\n"
    "    name text NOT NULL,\n"
    "    created_at integer NOT NULL,\n"
    "    is_fifo integer NOT NULL,\n"
    "    settings text NOT NULL,\n"
    "    tags text NOT NULL,\n"
    "    UNIQUE (account, region, name)\n"
    ");\n"
    "CREATE TABLE sns_sequence (\n"
    "    topic_id integer NOT NULL PRIMARY KEY,\n"
    "    last integer NOT NULL\n"
    ");\n"
    "CREATE TABLE sns_dedup (\n"
    "    topic_id integer NOT NULL,\n"
    "    scope text NOT NULL,\n"
    "    dedup_id text NOT NULL,\n"
    "    message_id text NOT NULL,\n"
    "    sequence integer NOT NULL,\n"
    "    expires_at integer NOT NULL,\n"
    "    PRIMARY KEY (topic_id, scope, dedup_id)\n"
    ");\n"
    "CREATE INDEX sns_dedup_by_expiry ON sns_dedup (expires_at);\n"
    "CREATE TABLE sns_subscription (\n"
    "    id integer NOT NULL PRIMARY KEY,\n"
    "    topic_id integer NOT NULL,\n"
    "    topic_arn text NOT NULL,\n"
    "    uuid text NOT NULL UNIQUE,\n"
    "    owner text NOT NULL,\n"
    "    region text NOT NULL,\n"
    "    protocol text NOT NULL,\n"
    "    endpoint text NOT NULL,\n"
    "    state integer NOT NULL,\n"
    "    token text NOT NULL,\n"
    "    expires_at integer NOT NULL,\n"
    "    principal text NOT NULL,\n"
    "    was_authenticated integer NOT NULL,\n"
    "    needs_authentication integer NOT NULL,\n"
    "    settings text NOT NULL,\n"
    "    UNIQUE (topic_id, protocol, endpoint)\n"
    ");\n"
    "CREATE INDEX sns_subscription_by_topic ON sns_subscription (topic_id, state, id);\n"
    "CREATE INDEX sns_subscription_by_owner ON sns_subscription (owner, region, id);\n"
    "CREATE INDEX sns_subscription_by_expiry ON sns_subscription (expires_at)\n"
    "    WHERE expires_at > 0;\n"
    "CREATE TABLE sns_signer (\n"
    "    id text NOT NULL PRIMARY KEY,\n"
    "    private_key blob NOT NULL,\n"
    "    certificate text NOT NULL\n"
    ");\n"
    "CREATE TABLE sns_captured (\n"
    "    id integer NOT NULL PRIMARY KEY,\n"
    "    account text NOT NULL,\n"
    "    region text NOT NULL,\n"
    "    protocol text NOT NULL,\n"
    "    endpoint text NOT NULL,\n"
    "    topic_arn text NOT NULL,\n"
    "    message_id text NOT NULL,\n"
    "    subject text NOT NULL,\n"
    "    body text NOT NULL,\n"
    "    attributes text NOT NULL,\n"
    "    sent_at integer NOT NULL\n"
    ");\n"
    "CREATE TABLE sns_application (\n"
    "    account text NOT NULL,\n"
    "    region text NOT NULL,\n"
    "    platform text NOT NULL,\n"
    "    name text NOT NULL,\n"
    "    settings text NOT NULL,\n"
    "    PRIMARY KEY (account, region, platform, name)\n"
    ");\n"
    "CREATE TABLE sns_endpoint (\n"
    "    id integer NOT NULL PRIMARY KEY,\n"
    "    account text NOT NULL,\n"
    "    region text NOT NULL,\n"
    "    platform text NOT NULL,\n"
    "    application text NOT NULL,\n"
    "    uuid text NOT NULL UNIQUE,\n"
    "    token text NOT NULL,\n"
    "    settings text NOT NULL,\n"
    "    UNIQUE (account, region, platform, application, token)\n"
    ");\n"
    "CREATE TABLE sns_sms (\n"
    "    account text NOT NULL,\n"
    "    region text NOT NULL,\n"
    "    settings text NOT NULL,\n"
    "    PRIMARY KEY (account, region)\n"
    ");\n"
    "CREATE TABLE sns_phone (\n"
    "    account text NOT NULL,\n"
    "    region text NOT NULL,\n"
    "    kind text NOT NULL,\n"
    "    number text NOT NULL,\n"
    "    status text NOT NULL,\n"
    "    password text NOT NULL,\n"
    "    PRIMARY KEY (account, region, kind, number)\n"
    ");\n",
};

const struct migration_set sns_migrations = {
    .component = "sns",
    .migrations = migrations,
    .count = ARRAY_LEN(migrations),
};

#define TOPIC_COLUMNS "id, account, region, name, created_at, is_fifo, settings, tags"
#define SUBSCRIPTION_COLUMNS                                                                       \
    "id, topic_id, topic_arn, uuid, owner, region, protocol, endpoint, state, token, "             \
    "expires_at, principal, was_authenticated, needs_authentication, settings"

static const char sql_find_topic[] =
    "SELECT " TOPIC_COLUMNS " FROM sns_topic WHERE account = $1 AND region = $2 AND name = $3";
static const char sql_insert_topic[] =
    "INSERT INTO sns_topic (" TOPIC_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
static const char sql_update_topic[] =
    "UPDATE sns_topic SET settings = $2, tags = $3 WHERE id = $1";
static const char sql_delete_topic[] = "DELETE FROM sns_topic WHERE id = $1";
static const char sql_delete_sequence[] = "DELETE FROM sns_sequence WHERE topic_id = $1";
static const char sql_delete_dedups[] = "DELETE FROM sns_dedup WHERE topic_id = $1";
static const char sql_delete_subscriptions[] = "DELETE FROM sns_subscription WHERE topic_id = $1";
static const char sql_list_topics[] =
    "SELECT name FROM sns_topic WHERE account = $1 AND region = $2 AND name > $3 "
    "ORDER BY name LIMIT $4";
static const char sql_next_sequence[] =
    "INSERT INTO sns_sequence (topic_id, last) VALUES ($1, 1) "
    "ON CONFLICT (topic_id) DO UPDATE SET last = sns_sequence.last + 1 RETURNING last";
static const char sql_find_dedup[] =
    "SELECT message_id, sequence FROM sns_dedup WHERE topic_id = $1 AND scope = $2 AND "
    "dedup_id = $3 AND expires_at > $4";
static const char sql_put_dedup[] =
    "INSERT INTO sns_dedup (topic_id, scope, dedup_id, message_id, sequence, expires_at) "
    "VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (topic_id, scope, dedup_id) DO UPDATE SET "
    "message_id = excluded.message_id, sequence = excluded.sequence, "
    "expires_at = excluded.expires_at";
static const char sql_insert_subscription[] =
    "INSERT INTO sns_subscription (" SUBSCRIPTION_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, "
    "$8, $9, $10, $11, $12, $13, $14, $15)";
static const char sql_update_subscription[] =
    "UPDATE sns_subscription SET state = $2, token = $3, expires_at = $4, principal = $5, "
    "was_authenticated = $6, needs_authentication = $7, settings = $8 WHERE id = $1";
static const char sql_delete_subscription[] = "DELETE FROM sns_subscription WHERE id = $1";
static const char sql_find_subscription[] =
    "SELECT " SUBSCRIPTION_COLUMNS " FROM sns_subscription WHERE uuid = $1";
static const char sql_find_same[] =
    "SELECT " SUBSCRIPTION_COLUMNS " FROM sns_subscription WHERE topic_id = $1 AND protocol = $2 "
    "AND endpoint = $3";
static const char sql_find_token[] =
    "SELECT " SUBSCRIPTION_COLUMNS " FROM sns_subscription WHERE topic_id = $1 AND token = $2";
static const char sql_confirmed[] =
    "SELECT " SUBSCRIPTION_COLUMNS " FROM sns_subscription WHERE topic_id = $1 AND state = 1 "
    "AND id > $2 ORDER BY id LIMIT $3";
static const char sql_list_by_topic[] =
    "SELECT " SUBSCRIPTION_COLUMNS " FROM sns_subscription WHERE topic_id = $1 AND state < 2 "
    "AND id > $2 ORDER BY id LIMIT $3";
static const char sql_list_by_owner[] =
    "SELECT " SUBSCRIPTION_COLUMNS " FROM sns_subscription WHERE owner = $1 AND region = $2 "
    "AND id > $3 AND state < 2 ORDER BY id LIMIT $4";
static const char sql_count_subscriptions[] =
    "SELECT state, count(*) FROM sns_subscription WHERE topic_id = $1 GROUP BY state";
static const char sql_signer_id[] = "SELECT id FROM sns_signer ORDER BY id LIMIT 1";
static const char sql_find_signer[] =
    "SELECT id, private_key, certificate FROM sns_signer WHERE id = $1";
static const char sql_insert_signer[] =
    "INSERT INTO sns_signer (id, private_key, certificate) VALUES ($1, $2, $3)";
#define CAPTURED_COLUMNS                                                                           \
    "id, account, region, protocol, endpoint, topic_arn, message_id, subject, body, attributes, "  \
    "sent_at"
static const char sql_insert_captured[] =
    "INSERT INTO sns_captured (" CAPTURED_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, "
    "$10, $11) ON CONFLICT (id) DO NOTHING";
static const char sql_list_captured[] =
    "SELECT " CAPTURED_COLUMNS " FROM sns_captured WHERE id > $1 AND ($2 = '' OR account = $2) "
    "AND ($3 = '' OR region = $3) AND ($4 = '' OR protocol = $4) AND ($5 = '' OR endpoint = $5) "
    "AND ($6 = '' OR topic_arn = $6) ORDER BY id LIMIT $7";
static const char sql_sweep_dedup[] = "DELETE FROM sns_dedup WHERE expires_at <= $1";
static const char sql_sweep_subscriptions[] =
    "DELETE FROM sns_subscription WHERE expires_at > 0 AND expires_at <= $1";
static const char sql_sweep_captured[] = "DELETE FROM sns_captured WHERE id <= $1";
static const char sql_has_anything[] =
    "SELECT CASE WHEN EXISTS (SELECT 1 FROM sns_topic) OR EXISTS (SELECT 1 FROM sns_captured) "
    "THEN 1 ELSE 0 END";

static int run(struct stmt *stmt)
{
    int64_t changed = stmt_run(stmt);
    return changed < 0 ? (int)changed : 0;
}

static int run_with_number(struct db *db, const char *sql, int64_t number)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, number);
    return run(stmt);
}

static int read_settings(struct stmt *stmt, int column, struct arena *arena, struct json **out)
{
    return json_parse(arena, stmt_str(stmt, column, arena), 0, out, NULL) < 0 ? -EIO : 0;
}

/* --- topics --- */

int sns_store_find_topic(struct db *db, struct arena *arena, struct scope scope, struct str name,
                         struct sns_topic_row **out_topic)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find_topic, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, scope);
    stmt_bind_str(stmt, 3, name);
    rc = stmt_step(stmt);
    if (rc <= 0) {
        *out_topic = rc == 0 ? NULL : *out_topic;
        return rc;
    }
    struct sns_topic_row *topic = arena_alloc(arena, sizeof(*topic));
    *topic = (struct sns_topic_row){
        .id = stmt_i64(stmt, 0),
        .account = stmt_str(stmt, 1, arena),
        .region = stmt_str(stmt, 2, arena),
        .name = stmt_str(stmt, 3, arena),
        .created_at_ms = stmt_i64(stmt, 4),
        .is_fifo = stmt_i64(stmt, 5) != 0,
        .tags = stmt_str(stmt, 7, arena),
    };
    rc = read_settings(stmt, 6, arena, &topic->settings);
    if (rc == 0)
        *out_topic = topic;
    return rc;
}

int sns_store_insert_topic(struct db *db, struct arena *arena, const struct sns_topic_row *topic)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_insert_topic, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, topic->id);
    stmt_bind_str(stmt, 2, topic->account);
    stmt_bind_str(stmt, 3, topic->region);
    stmt_bind_str(stmt, 4, topic->name);
    stmt_bind_i64(stmt, 5, topic->created_at_ms);
    stmt_bind_i64(stmt, 6, topic->is_fifo);
    stmt_bind_str(stmt, 7, json_to_str(arena, topic->settings));
    stmt_bind_str(stmt, 8, topic->tags);
    return run(stmt);
}

int sns_store_update_topic(struct db *db, struct arena *arena, const struct sns_topic_row *topic)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_update_topic, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, topic->id);
    stmt_bind_str(stmt, 2, json_to_str(arena, topic->settings));
    stmt_bind_str(stmt, 3, topic->tags);
    return run(stmt);
}

int sns_store_delete_topic(struct db *db, int64_t topic_id)
{
    static const char *const statements[] = {sql_delete_subscriptions, sql_delete_dedups,
                                             sql_delete_sequence, sql_delete_topic};
    int rc = 0;
    for (size_t i = 0; i < ARRAY_LEN(statements) && rc == 0; i++)
        rc = run_with_number(db, statements[i], topic_id);
    return rc;
}

int64_t sns_store_list_topics(struct db *db, struct arena *arena, struct scope scope,
                              struct str after, int64_t limit, struct str *out_names)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_list_topics, &stmt);
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

int sns_store_next_sequence(struct db *db, int64_t topic_id, int64_t *out_sequence)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_next_sequence, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, topic_id);
    rc = stmt_step(stmt);
    if (rc == 1)
        *out_sequence = stmt_i64(stmt, 0);
    return rc == 1 ? 0 : rc < 0 ? rc : -EIO;
}

int sns_store_find_dedup(struct db *db, struct arena *arena, struct sns_dedup *dedup,
                         int64_t now_ms)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find_dedup, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, dedup->topic_id);
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

int sns_store_put_dedup(struct db *db, const struct sns_dedup *dedup)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_put_dedup, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, dedup->topic_id);
    stmt_bind_str(stmt, 2, dedup->scope);
    stmt_bind_str(stmt, 3, dedup->dedup_id);
    stmt_bind_str(stmt, 4, dedup->message_id);
    stmt_bind_i64(stmt, 5, dedup->sequence);
    stmt_bind_i64(stmt, 6, dedup->expires_at_ms);
    return run(stmt);
}

/* --- subscriptions --- */

static int subscription_from_row(struct stmt *stmt, struct arena *arena,
                                 struct sns_subscription_row *out)
{
    int column = 0;
    out->id = stmt_i64(stmt, column++);
    out->topic_id = stmt_i64(stmt, column++);
    out->topic_arn = stmt_str(stmt, column++, arena);
    out->uuid = stmt_str(stmt, column++, arena);
    out->owner = stmt_str(stmt, column++, arena);
    out->region = stmt_str(stmt, column++, arena);
    out->protocol = stmt_str(stmt, column++, arena);
    out->endpoint = stmt_str(stmt, column++, arena);
    out->state = (enum sns_subscription_state)stmt_i64(stmt, column++);
    out->token = stmt_str(stmt, column++, arena);
    out->expires_at_ms = stmt_i64(stmt, column++);
    out->principal = stmt_str(stmt, column++, arena);
    out->was_authenticated = stmt_i64(stmt, column++) != 0;
    out->needs_authentication = stmt_i64(stmt, column++) != 0;
    return read_settings(stmt, column, arena, &out->settings);
}

int sns_store_insert_subscription(struct db *db, struct arena *arena,
                                  const struct sns_subscription_row *subscription)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_insert_subscription, &stmt);
    if (rc < 0)
        return rc;
    int index = 1;
    stmt_bind_i64(stmt, index++, subscription->id);
    stmt_bind_i64(stmt, index++, subscription->topic_id);
    stmt_bind_str(stmt, index++, subscription->topic_arn);
    stmt_bind_str(stmt, index++, subscription->uuid);
    stmt_bind_str(stmt, index++, subscription->owner);
    stmt_bind_str(stmt, index++, subscription->region);
    stmt_bind_str(stmt, index++, subscription->protocol);
    stmt_bind_str(stmt, index++, subscription->endpoint);
    stmt_bind_i64(stmt, index++, subscription->state);
    stmt_bind_str(stmt, index++, str_or(subscription->token, STR("")));
    stmt_bind_i64(stmt, index++, subscription->expires_at_ms);
    stmt_bind_str(stmt, index++, str_or(subscription->principal, STR("")));
    stmt_bind_i64(stmt, index++, subscription->was_authenticated);
    stmt_bind_i64(stmt, index++, subscription->needs_authentication);
    stmt_bind_str(stmt, index++, json_to_str(arena, subscription->settings));
    return run(stmt);
}

int sns_store_update_subscription(struct db *db, struct arena *arena,
                                  const struct sns_subscription_row *subscription)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_update_subscription, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, subscription->id);
    stmt_bind_i64(stmt, 2, subscription->state);
    stmt_bind_str(stmt, 3, str_or(subscription->token, STR("")));
    stmt_bind_i64(stmt, 4, subscription->expires_at_ms);
    stmt_bind_str(stmt, 5, str_or(subscription->principal, STR("")));
    stmt_bind_i64(stmt, 6, subscription->was_authenticated);
    stmt_bind_i64(stmt, 7, subscription->needs_authentication);
    stmt_bind_str(stmt, 8, json_to_str(arena, subscription->settings));
    return run(stmt);
}

int sns_store_delete_subscription(struct db *db, int64_t id)
{
    return run_with_number(db, sql_delete_subscription, id);
}

/* The one row that a prepared statement gives, or NULL. */
static int find_subscription(struct stmt *stmt, struct arena *arena,
                             struct sns_subscription_row **out_subscription)
{
    int rc = stmt_step(stmt);
    if (rc < 0)
        return rc;
    *out_subscription = NULL;
    if (rc == 0)
        return 0;
    *out_subscription = arena_alloc(arena, sizeof(**out_subscription));
    return subscription_from_row(stmt, arena, *out_subscription);
}

int sns_store_find_subscription(struct db *db, struct arena *arena, struct str uuid,
                                struct sns_subscription_row **out_subscription)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find_subscription, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, uuid);
    return find_subscription(stmt, arena, out_subscription);
}

int sns_store_find_same(struct db *db, struct arena *arena,
                        const struct sns_subscription_row *wanted,
                        struct sns_subscription_row **out_subscription)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find_same, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, wanted->topic_id);
    stmt_bind_str(stmt, 2, wanted->protocol);
    stmt_bind_str(stmt, 3, wanted->endpoint);
    return find_subscription(stmt, arena, out_subscription);
}

int sns_store_find_token(struct db *db, struct arena *arena, int64_t topic_id, struct str token,
                         struct sns_subscription_row **out_subscription)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find_token, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, topic_id);
    stmt_bind_str(stmt, 2, token);
    return find_subscription(stmt, arena, out_subscription);
}

static int64_t read_subscriptions(struct stmt *stmt, struct arena *arena,
                                  struct sns_subscription_row *out_subscriptions)
{
    int64_t count = 0;
    int rc = 0;
    while ((rc = stmt_step(stmt)) == 1) {
        rc = subscription_from_row(stmt, arena, &out_subscriptions[count++]);
        if (rc < 0)
            return rc;
    }
    return rc < 0 ? rc : count;
}

static int64_t list_of_topic(struct db *db, struct arena *arena, const char *sql, int64_t topic_id,
                             int64_t after, int64_t limit,
                             struct sns_subscription_row *out_subscriptions)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, topic_id);
    stmt_bind_i64(stmt, 2, after);
    stmt_bind_i64(stmt, 3, limit);
    return read_subscriptions(stmt, arena, out_subscriptions);
}

int64_t sns_store_confirmed(struct db *db, struct arena *arena, int64_t topic_id, int64_t after,
                            int64_t limit, struct sns_subscription_row *out_subscriptions)
{
    return list_of_topic(db, arena, sql_confirmed, topic_id, after, limit, out_subscriptions);
}

int64_t sns_store_list_by_topic(struct db *db, struct arena *arena, int64_t topic_id, int64_t after,
                                int64_t limit, struct sns_subscription_row *out_subscriptions)
{
    return list_of_topic(db, arena, sql_list_by_topic, topic_id, after, limit, out_subscriptions);
}

int64_t sns_store_list_by_owner(struct db *db, struct arena *arena, struct scope owner,
                                int64_t after, int64_t limit,
                                struct sns_subscription_row *out_subscriptions)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_list_by_owner, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, owner);
    stmt_bind_i64(stmt, 3, after);
    stmt_bind_i64(stmt, 4, limit);
    return read_subscriptions(stmt, arena, out_subscriptions);
}

int sns_store_count_subscriptions(struct db *db, int64_t topic_id, int64_t out_counts[3])
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_count_subscriptions, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, topic_id);
    while ((rc = stmt_step(stmt)) == 1)
        out_counts[stmt_i64(stmt, 0) % 3] = stmt_i64(stmt, 1);
    return rc;
}

/* --- the signing key --- */

int sns_store_signer_id(struct db *db, struct arena *arena, struct str *out_id)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_signer_id, &stmt);
    if (rc == 0)
        rc = stmt_step(stmt);
    if (rc == 1)
        *out_id = stmt_str(stmt, 0, arena);
    return rc;
}

int sns_store_find_signer(struct db *db, struct arena *arena, struct str id,
                          struct sns_signer_row *out_row)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find_signer, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, id);
    rc = stmt_step(stmt);
    if (rc == 1)
        *out_row = (struct sns_signer_row){.id = stmt_str(stmt, 0, arena),
                                           .private_key = stmt_str(stmt, 1, arena),
                                           .certificate = stmt_str(stmt, 2, arena)};
    return rc;
}

int sns_store_insert_signer(struct db *db, const struct sns_signer_row *row)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_insert_signer, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, row->id);
    stmt_bind_blob(stmt, 2, row->private_key);
    stmt_bind_str(stmt, 3, row->certificate);
    return run(stmt);
}

/* --- captured messages, the sweep --- */

int sns_store_insert_captured(struct db *db, const struct sns_captured *captured)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_insert_captured, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, captured->id);
    stmt_bind_str(stmt, 2, captured->scope.account);
    stmt_bind_str(stmt, 3, captured->scope.region);
    stmt_bind_str(stmt, 4, captured->protocol);
    stmt_bind_str(stmt, 5, captured->endpoint);
    stmt_bind_str(stmt, 6, str_or(captured->topic_arn, STR("")));
    stmt_bind_str(stmt, 7, captured->message_id);
    stmt_bind_str(stmt, 8, str_or(captured->subject, STR("")));
    stmt_bind_str(stmt, 9, captured->body);
    stmt_bind_str(stmt, 10, str_or(captured->attributes, STR("{}")));
    stmt_bind_i64(stmt, 11, captured->sent_at_ms);
    int64_t changed = stmt_run(stmt);
    return changed < 0 ? (int)changed : changed == 0 ? -EEXIST : 0;
}

int64_t sns_store_list_captured(struct db *db, struct arena *arena,
                                const struct sns_captured_query *query, int64_t limit,
                                struct sns_captured *out_items)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_list_captured, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, query->after);
    stmt_bind_str(stmt, 2, str_or(query->account, STR("")));
    stmt_bind_str(stmt, 3, str_or(query->region, STR("")));
    stmt_bind_str(stmt, 4, str_or(query->protocol, STR("")));
    stmt_bind_str(stmt, 5, str_or(query->endpoint, STR("")));
    stmt_bind_str(stmt, 6, str_or(query->topic_arn, STR("")));
    stmt_bind_i64(stmt, 7, limit);
    int64_t count = 0;
    while ((rc = stmt_step(stmt)) == 1)
        out_items[count++] = (struct sns_captured){
            .id = stmt_i64(stmt, 0),
            .scope = {.account = stmt_str(stmt, 1, arena), .region = stmt_str(stmt, 2, arena)},
            .protocol = stmt_str(stmt, 3, arena),
            .endpoint = stmt_str(stmt, 4, arena),
            .topic_arn = stmt_str(stmt, 5, arena),
            .message_id = stmt_str(stmt, 6, arena),
            .subject = stmt_str(stmt, 7, arena),
            .body = stmt_str(stmt, 8, arena),
            .attributes = stmt_str(stmt, 9, arena),
            .sent_at_ms = stmt_i64(stmt, 10),
        };
    return rc < 0 ? rc : count;
}

int sns_store_sweep(struct db *db, int64_t now_ms, int64_t captured_before_ms)
{
    int rc = run_with_number(db, sql_sweep_dedup, now_ms);
    if (rc == 0)
        rc = run_with_number(db, sql_sweep_subscriptions, now_ms);
    if (rc == 0)
        rc = run_with_number(db, sql_sweep_captured, captured_before_ms << SNS_ID_RANDOM_BITS);
    if (rc < 0)
        return rc;
    AUTO(stmt) struct stmt *stmt = NULL;
    rc = db_prepare(db, sql_has_anything, &stmt);
    if (rc == 0)
        rc = stmt_step(stmt);
    return rc == 1 ? stmt_i64(stmt, 0) != 0 : rc;
}
