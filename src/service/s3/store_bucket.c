/* store_bucket.c — the SQL of S3 about buckets, their configurations, accounts and access logs. See
 * s3.h and bucket.h for what the rows mean.
 */
#include <errno.h>

#include "base/arena.h"
#include "service/s3/bucket.h"

const char s3_schema_account[] = "CREATE TABLE s3_account_config (\n"
                                 "    account text NOT NULL PRIMARY KEY,\n"
                                 "    public_access text NOT NULL\n"
                                 ");\n"
                                 "CREATE TABLE s3_access_log (\n"
                                 "    bucket_key integer NOT NULL,\n"
                                 "    time integer NOT NULL,\n"
                                 "    request_id text NOT NULL,\n"
                                 "    line text NOT NULL,\n"
                                 "    PRIMARY KEY (bucket_key, time, request_id)\n"
                                 ");\n";

#define BUCKET_COLUMNS                                                                             \
    "bucket_key, name, account, region, created_at, versioning, has_object_lock, ownership, "      \
    "policy, acl, public_access, encryption, object_lock, config_kinds"

static const char sql_find_bucket[] = "SELECT " BUCKET_COLUMNS " FROM s3_bucket WHERE name = $1";
static const char sql_get_bucket[] =
    "SELECT " BUCKET_COLUMNS " FROM s3_bucket WHERE bucket_key = $1";
static const char sql_next_key[] = "SELECT coalesce(max(bucket_key), 0) + 1 FROM s3_bucket";
static const char sql_insert_bucket[] =
    "INSERT INTO s3_bucket (" BUCKET_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, "
    "$11, $12, $13, $14)";
static const char sql_update_bucket[] =
    "UPDATE s3_bucket SET name = $2, account = $3, region = $4, created_at = $5, versioning = $6, "
    "has_object_lock = $7, ownership = $8, policy = $9, acl = $10, public_access = $11, "
    "encryption = $12, object_lock = $13, config_kinds = $14 WHERE bucket_key = $1";
static const char sql_delete_bucket[] = "DELETE FROM s3_bucket WHERE bucket_key = $1";
static const char sql_delete_configs[] = "DELETE FROM s3_bucket_config WHERE bucket_key = $1";
static const char sql_delete_log[] = "DELETE FROM s3_access_log WHERE bucket_key = $1";
static const char sql_delete_secrets[] = "DELETE FROM s3_secret WHERE bucket_key = $1";
static const char sql_has_objects[] = "SELECT 1 FROM s3_object WHERE bucket_key = $1 LIMIT 1";
static const char sql_has_versions[] = "SELECT 1 FROM s3_version WHERE bucket_key = $1 LIMIT 1";
static const char sql_list_buckets[] =
    "SELECT " BUCKET_COLUMNS " FROM s3_bucket WHERE account = $1 AND name > $2 AND "
    "name >= $3 AND substr(name, 1, length($3)) = $3 AND ($4 = '' OR region = $4) "
    "ORDER BY name LIMIT $5";
static const char sql_find_config[] =
    "SELECT body FROM s3_bucket_config WHERE bucket_key = $1 AND kind = $2 AND id = $3";
static const char sql_put_config[] =
    "INSERT INTO s3_bucket_config (bucket_key, kind, id, body) VALUES ($1, $2, $3, $4) "
    "ON CONFLICT (bucket_key, kind, id) DO UPDATE SET body = excluded.body";
static const char sql_delete_config[] =
    "DELETE FROM s3_bucket_config WHERE bucket_key = $1 AND kind = $2 AND id = $3";
static const char sql_list_configs[] =
    "SELECT body FROM s3_bucket_config WHERE bucket_key = $1 AND kind = $2 AND id > $3 "
    "ORDER BY id LIMIT $4";
static const char sql_find_block[] =
    "SELECT public_access FROM s3_account_config WHERE account = $1";
static const char sql_put_block[] =
    "INSERT INTO s3_account_config (account, public_access) VALUES ($1, $2) "
    "ON CONFLICT (account) DO UPDATE SET public_access = excluded.public_access";
static const char sql_delete_block[] = "DELETE FROM s3_account_config WHERE account = $1";
static const char sql_put_line[] =
    "INSERT INTO s3_access_log (bucket_key, time, request_id, line) VALUES ($1, $2, $3, $4) "
    "ON CONFLICT (bucket_key, time, request_id) DO UPDATE SET line = excluded.line";
static const char sql_list_lines[] = "SELECT time, request_id, line FROM s3_access_log WHERE "
                                     "bucket_key = $1 ORDER BY time, request_id LIMIT $2";
static const char sql_delete_lines[] =
    "DELETE FROM s3_access_log WHERE bucket_key = $1 AND (time < $2 OR (time = $2 AND "
    "request_id <= $3))";

static void read_bucket(struct stmt *stmt, struct arena *arena, struct s3_bucket_row *out)
{
    *out = (struct s3_bucket_row){
        .bucket_key = stmt_i64(stmt, 0),
        .name = stmt_str(stmt, 1, arena),
        .account = stmt_str(stmt, 2, arena),
        .region = stmt_str(stmt, 3, arena),
        .created_at_ms = stmt_i64(stmt, 4),
        .versioning = (enum s3_versioning)stmt_i64(stmt, 5),
        .has_object_lock = stmt_i64(stmt, 6) != 0,
        .ownership = stmt_str(stmt, 7, arena),
        .policy = stmt_str(stmt, 8, arena),
        .acl = stmt_str(stmt, 9, arena),
        .public_access = stmt_str(stmt, 10, arena),
        .encryption = stmt_str(stmt, 11, arena),
        .object_lock = stmt_str(stmt, 12, arena),
        .config_kinds = (uint32_t)stmt_i64(stmt, 13),
    };
}

static void bind_bucket(struct stmt *stmt, const struct s3_bucket_row *bucket)
{
    stmt_bind_i64(stmt, 1, bucket->bucket_key);
    stmt_bind_str(stmt, 2, bucket->name);
    stmt_bind_str(stmt, 3, bucket->account);
    stmt_bind_str(stmt, 4, bucket->region);
    stmt_bind_i64(stmt, 5, bucket->created_at_ms);
    stmt_bind_i64(stmt, 6, bucket->versioning);
    stmt_bind_i64(stmt, 7, bucket->has_object_lock);
    stmt_bind_str(stmt, 8, bucket->ownership);
    stmt_bind_str(stmt, 9, bucket->policy);
    stmt_bind_str(stmt, 10, bucket->acl);
    stmt_bind_str(stmt, 11, bucket->public_access);
    stmt_bind_str(stmt, 12, bucket->encryption);
    stmt_bind_str(stmt, 13, bucket->object_lock);
    stmt_bind_i64(stmt, 14, bucket->config_kinds);
}

static int run(struct stmt *stmt)
{
    int64_t changed = stmt_run(stmt);
    return changed < 0 ? (int)changed : 0;
}

static int read_one(struct stmt *stmt, struct arena *arena, struct s3_bucket_row **out_bucket)
{
    int rc = stmt_step(stmt);
    if (rc < 0)
        return rc;
    *out_bucket = NULL;
    if (rc == 0)
        return 0;
    *out_bucket = arena_alloc(arena, sizeof(**out_bucket));
    read_bucket(stmt, arena, *out_bucket);
    return 0;
}

int s3_store_find_bucket(struct db *db, struct arena *arena, struct str name,
                         struct s3_bucket_row **out_bucket)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find_bucket, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, name);
    return read_one(stmt, arena, out_bucket);
}

int s3_store_get_bucket(struct db *db, struct arena *arena, int64_t bucket_key,
                        struct s3_bucket_row **out_bucket)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_get_bucket, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, bucket_key);
    return read_one(stmt, arena, out_bucket);
}

static int next_key(struct db *db, int64_t *out_key)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_next_key, &stmt);
    if (rc < 0)
        return rc;
    rc = stmt_step(stmt);
    if (rc < 0)
        return rc;
    *out_key = stmt_i64(stmt, 0);
    return 0;
}

int s3_store_insert_bucket(struct db *db, struct s3_bucket_row *bucket)
{
    int rc = next_key(db, &bucket->bucket_key);
    if (rc < 0)
        return rc;
    AUTO(stmt) struct stmt *stmt = NULL;
    rc = db_prepare(db, sql_insert_bucket, &stmt);
    if (rc < 0)
        return rc;
    bind_bucket(stmt, bucket);
    return run(stmt);
}

int s3_store_update_bucket(struct db *db, const struct s3_bucket_row *bucket)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_update_bucket, &stmt);
    if (rc < 0)
        return rc;
    bind_bucket(stmt, bucket);
    return run(stmt);
}

/* A statement whose one parameter is a bucket. */
static int run_for_bucket(struct db *db, const char *sql, int64_t bucket_key)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, bucket_key);
    return run(stmt);
}

int s3_store_delete_bucket(struct db *db, int64_t bucket_key)
{
    static const char *const statements[] = {sql_delete_bucket, sql_delete_configs, sql_delete_log,
                                             sql_delete_secrets};
    for (size_t i = 0; i < ARRAY_LEN(statements); i++) {
        int rc = run_for_bucket(db, statements[i], bucket_key);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* 1: a row is there, 0 or -errno. */
static int has_rows(struct db *db, const char *sql, int64_t bucket_key)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, bucket_key);
    return stmt_step(stmt);
}

int s3_store_is_empty_bucket(struct db *db, int64_t bucket_key)
{
    int rc = has_rows(db, sql_has_objects, bucket_key);
    if (rc == 0)
        rc = has_rows(db, sql_has_versions, bucket_key);
    return rc < 0 ? rc : rc == 0;
}

int64_t s3_store_list_buckets(struct db *db, struct arena *arena, const struct s3_bucket_page *page,
                              struct s3_bucket_row *out_buckets)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_list_buckets, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, page->account);
    stmt_bind_str(stmt, 2, str_or(page->after, STR("")));
    stmt_bind_str(stmt, 3, str_or(page->prefix, STR("")));
    stmt_bind_str(stmt, 4, str_or(page->region, STR("")));
    stmt_bind_i64(stmt, 5, page->limit);
    int64_t count = 0;
    while ((rc = stmt_step(stmt)) == 1)
        read_bucket(stmt, arena, &out_buckets[count++]);
    return rc < 0 ? rc : count;
}

static void bind_config(struct stmt *stmt, int64_t bucket_key, enum s3_config_kind kind,
                        struct str id)
{
    stmt_bind_i64(stmt, 1, bucket_key);
    stmt_bind_i64(stmt, 2, kind);
    stmt_bind_str(stmt, 3, str_or(id, STR("")));
}

int s3_store_find_config(struct db *db, struct arena *arena, int64_t bucket_key,
                         enum s3_config_kind kind, struct str id, struct str *out_body)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find_config, &stmt);
    if (rc < 0)
        return rc;
    bind_config(stmt, bucket_key, kind, id);
    rc = stmt_step(stmt);
    if (rc < 0)
        return rc;
    *out_body = rc == 1 ? stmt_str(stmt, 0, arena) : (struct str){0};
    return 0;
}

int s3_store_put_config(struct db *db, int64_t bucket_key, enum s3_config_kind kind, struct str id,
                        struct str body)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_put_config, &stmt);
    if (rc < 0)
        return rc;
    bind_config(stmt, bucket_key, kind, id);
    stmt_bind_str(stmt, 4, body);
    return run(stmt);
}

int s3_store_delete_config(struct db *db, int64_t bucket_key, enum s3_config_kind kind,
                           struct str id)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_delete_config, &stmt);
    if (rc < 0)
        return rc;
    bind_config(stmt, bucket_key, kind, id);
    int64_t changed = stmt_run(stmt);
    return changed < 0 ? (int)changed : changed > 0;
}

int64_t s3_store_list_configs(struct db *db, struct arena *arena, int64_t bucket_key,
                              enum s3_config_kind kind, struct str after, int64_t limit,
                              struct str *out_bodies)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_list_configs, &stmt);
    if (rc < 0)
        return rc;
    bind_config(stmt, bucket_key, kind, after);
    stmt_bind_i64(stmt, 4, limit);
    int64_t count = 0;
    while ((rc = stmt_step(stmt)) == 1)
        out_bodies[count++] = stmt_str(stmt, 0, arena);
    return rc < 0 ? rc : count;
}

int s3_store_find_account_block(struct db *db, struct arena *arena, struct str account,
                                struct str *out_body)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find_block, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, account);
    rc = stmt_step(stmt);
    if (rc < 0)
        return rc;
    *out_body = rc == 1 ? stmt_str(stmt, 0, arena) : (struct str){0};
    return 0;
}

int s3_store_put_account_block(struct db *db, struct str account, struct str body)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, body.ptr ? sql_put_block : sql_delete_block, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, account);
    if (body.ptr)
        stmt_bind_str(stmt, 2, body);
    return run(stmt);
}

int s3_store_put_log_line(struct db *db, int64_t bucket_key, const struct s3_log_line *line)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_put_line, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, bucket_key);
    stmt_bind_i64(stmt, 2, line->time_ms);
    stmt_bind_str(stmt, 3, line->request_id);
    stmt_bind_str(stmt, 4, line->line);
    return run(stmt);
}

int64_t s3_store_list_log_lines(struct db *db, struct arena *arena, int64_t bucket_key,
                                int64_t limit, struct s3_log_line *out_lines)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_list_lines, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, bucket_key);
    stmt_bind_i64(stmt, 2, limit);
    int64_t count = 0;
    while ((rc = stmt_step(stmt)) == 1)
        out_lines[count++] = (struct s3_log_line){
            .time_ms = stmt_i64(stmt, 0),
            .request_id = stmt_str(stmt, 1, arena),
            .line = stmt_str(stmt, 2, arena),
        };
    return rc < 0 ? rc : count;
}

int s3_store_delete_log_lines(struct db *db, int64_t bucket_key, const struct s3_log_line *last)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_delete_lines, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, bucket_key);
    stmt_bind_i64(stmt, 2, last->time_ms);
    stmt_bind_str(stmt, 3, last->request_id);
    return run(stmt);
}
