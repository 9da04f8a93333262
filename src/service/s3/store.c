/* store.c — the schema of S3 and the SQL about object versions. See s3.h for what the rows mean;
 * bodies, pieces and uploads are in store_body.c, buckets in store_config.c.
 *
 * s3_object and s3_version have no body in them and so no large values: both are stored in the
 * order of their keys, which is what lists walk. `age` is minus the seq: the newest comes first.
 */
#include "service/s3/store.h"

#include <errno.h>

#include "base/arena.h"
#include "service/s3/bucket.h"

/* The columns that a version has wherever it is, in the order of OBJECT_COLUMNS. */
#define OBJECT_TYPES                                                                               \
    "    bucket_key integer NOT NULL,\n"                                                           \
    "    key text NOT NULL,\n"                                                                     \
    "    age integer NOT NULL,\n"                                                                  \
    "    version_id text NOT NULL,\n"                                                              \
    "    is_marker integer NOT NULL,\n"                                                            \
    "    modified_at integer NOT NULL,\n"                                                          \
    "    size integer NOT NULL,\n"                                                                 \
    "    etag text NOT NULL,\n"                                                                    \
    "    owner text NOT NULL,\n"                                                                   \
    "    storage_class text,\n"                                                                    \
    "    content_type text,\n"                                                                     \
    "    headers text,\n"                                                                          \
    "    metadata text,\n"                                                                         \
    "    tags text,\n"                                                                             \
    "    acl text,\n"                                                                              \
    "    redirect text,\n"                                                                         \
    "    checksum_kind integer NOT NULL,\n"                                                        \
    "    is_composite integer NOT NULL,\n"                                                         \
    "    checksum text,\n"                                                                         \
    "    encryption integer NOT NULL,\n"                                                           \
    "    kms_key text,\n"                                                                          \
    "    kms_context text,\n"                                                                      \
    "    has_bucket_key integer NOT NULL,\n"                                                       \
    "    customer_md5 text,\n"                                                                     \
    "    sealed_key blob,\n"                                                                       \
    "    body_key integer NOT NULL,\n"                                                             \
    "    body_offset integer NOT NULL,\n"                                                          \
    "    body_iv blob,\n"                                                                          \
    "    part_count integer NOT NULL,\n"                                                           \
    "    lock_mode text,\n"                                                                        \
    "    lock_until integer NOT NULL,\n"                                                           \
    "    legal_hold text,\n"                                                                       \
    "    restore text,\n"                                                                          \
    "    replication text,\n"

static const char *const migrations[] = {
    "CREATE TABLE s3_bucket (\n"
    "    bucket_key integer NOT NULL PRIMARY KEY,\n"
    "    name text NOT NULL UNIQUE,\n"
    "    account text NOT NULL,\n"
    "    region text NOT NULL,\n"
    "    created_at integer NOT NULL,\n"
    "    versioning integer NOT NULL,\n"
    "    has_object_lock integer NOT NULL,\n"
    "    ownership text,\n"
    "    policy text,\n"
    "    acl text,\n"
    "    public_access text,\n"
    "    encryption text,\n"
    "    object_lock text,\n"
    "    config_kinds integer NOT NULL\n"
    ");\n"
    "CREATE INDEX s3_bucket_by_account ON s3_bucket (account, name);\n"
    "CREATE TABLE s3_bucket_config (\n"
    "    bucket_key integer NOT NULL,\n"
    "    kind integer NOT NULL,\n"
    "    id text NOT NULL,\n"
    "    body text NOT NULL,\n"
    "    PRIMARY KEY (bucket_key, kind, id)\n"
    ");\n"
    "CREATE TABLE s3_object (\n" OBJECT_TYPES "    PRIMARY KEY (bucket_key, key)\n"
    ") WITHOUT ROWID;\n"
    "CREATE TABLE s3_version (\n" OBJECT_TYPES "    PRIMARY KEY (bucket_key, key, age)\n"
    ") WITHOUT ROWID;\n"
    "CREATE TABLE s3_upload (\n"
    "    upload_id text NOT NULL PRIMARY KEY,\n"
    "    initiator text NOT NULL,\n" OBJECT_TYPES "    CHECK (is_marker = 0)\n"
    ");\n"
    "CREATE INDEX s3_upload_by_key ON s3_upload (bucket_key, key, upload_id);\n"
    "CREATE TABLE s3_body (\n"
    "    body_key integer NOT NULL PRIMARY KEY,\n"
    "    refs integer NOT NULL,\n"
    "    file text,\n"
    "    bytes blob\n"
    ");\n"
    "CREATE INDEX s3_body_by_file ON s3_body (file) WHERE file IS NOT NULL;\n"
    "CREATE TABLE s3_piece (\n"
    "    list_key integer NOT NULL,\n"
    "    number integer NOT NULL,\n"
    "    sub integer NOT NULL,\n"
    "    place integer,\n"
    "    size integer NOT NULL,\n"
    "    body_key integer NOT NULL,\n"
    "    body_offset integer NOT NULL,\n"
    "    body_iv blob,\n"
    "    wrapped_key blob,\n"
    "    part_size integer NOT NULL,\n"
    "    modified_at integer NOT NULL,\n"
    "    etag text,\n"
    "    checksum text,\n"
    "    PRIMARY KEY (list_key, number, sub)\n"
    ") WITHOUT ROWID;\n"
    "CREATE INDEX s3_piece_by_place ON s3_piece (list_key, place) WHERE place IS NOT NULL;\n"
    "CREATE TABLE s3_secret (\n"
    "    bucket_key integer NOT NULL,\n"
    "    kms_key text NOT NULL,\n"
    "    made_at integer NOT NULL,\n"
    "    secret blob NOT NULL,\n"
    "    PRIMARY KEY (bucket_key, kms_key, made_at)\n"
    ");\n",
    s3_schema_account,
    "CREATE TABLE s3_completed (\n"
    "    upload_id text NOT NULL PRIMARY KEY,\n"
    "    bucket_key integer NOT NULL,\n"
    "    key text NOT NULL,\n"
    "    completed_at integer NOT NULL,\n"
    "    etag text NOT NULL,\n"
    "    version_id text,\n"
    "    checksum_kind integer NOT NULL,\n"
    "    is_composite integer NOT NULL,\n"
    "    checksum text,\n"
    "    encryption integer NOT NULL,\n"
    "    kms_key text,\n"
    "    has_bucket_key integer NOT NULL,\n"
    "    expiration text\n"
    ");\n"
    "CREATE INDEX s3_completed_by_time ON s3_completed (bucket_key, completed_at);\n",
};

const struct migration_set s3_migrations = {
    .component = "s3",
    .migrations = migrations,
    .count = ARRAY_LEN(migrations),
};

#define OBJECT_VALUES                                                                              \
    "$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, "            \
    "$19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34"
#define OBJECT_SET                                                                                 \
    "age = excluded.age, version_id = excluded.version_id, is_marker = "                           \
    "excluded.is_marker, modified_at = excluded.modified_at, size = excluded.size, etag = "        \
    "excluded.etag, owner = excluded.owner, storage_class = excluded.storage_class, "              \
    "content_type = excluded.content_type, headers = excluded.headers, metadata = "                \
    "excluded.metadata, tags = excluded.tags, acl = excluded.acl, redirect = "                     \
    "excluded.redirect, checksum_kind = excluded.checksum_kind, is_composite = "                   \
    "excluded.is_composite, checksum = excluded.checksum, encryption = "                           \
    "excluded.encryption, kms_key = excluded.kms_key, kms_context = excluded.kms_context, "        \
    "has_bucket_key = excluded.has_bucket_key, customer_md5 = excluded.customer_md5, "             \
    "sealed_key = excluded.sealed_key, body_key = excluded.body_key, body_offset = "               \
    "excluded.body_offset, body_iv = excluded.body_iv, part_count = excluded.part_count, "         \
    "lock_mode = excluded.lock_mode, lock_until = excluded.lock_until, legal_hold = "              \
    "excluded.legal_hold, restore = excluded.restore, replication = excluded.replication"

static const char sql_current[] =
    "SELECT " OBJECT_COLUMNS " FROM s3_object WHERE bucket_key = $1 AND key = $2";
static const char sql_version[] =
    "SELECT " OBJECT_COLUMNS " FROM s3_version WHERE bucket_key = $1 AND key = $2 "
    "AND version_id = $3";
static const char sql_newest_version[] =
    "SELECT " OBJECT_COLUMNS " FROM s3_version WHERE bucket_key = $1 AND key = $2 "
    "ORDER BY age LIMIT 1";
static const char sql_put_current[] =
    "INSERT INTO s3_object (" OBJECT_COLUMNS ") VALUES (" OBJECT_VALUES ") "
    "ON CONFLICT (bucket_key, key) DO UPDATE SET " OBJECT_SET;
static const char sql_delete_current[] = "DELETE FROM s3_object WHERE bucket_key = $1 AND key = $2";
static const char sql_put_version[] =
    "INSERT INTO s3_version (" OBJECT_COLUMNS ") VALUES (" OBJECT_VALUES ")";
static const char sql_delete_version[] =
    "DELETE FROM s3_version WHERE bucket_key = $1 AND key = $2 AND age = $3";

/* Lists. A statement with an upper bound and one without: a bound that holds for all keys would be
 * no text. */
#define PAGE_OF_OBJECTS(comparison, end)                                                           \
    "SELECT " OBJECT_COLUMNS " FROM s3_object WHERE bucket_key = $1 AND key " comparison " $2" end \
    " ORDER BY key LIMIT $3"
static const char sql_objects_after[] = PAGE_OF_OBJECTS(">", "");
static const char sql_objects_from[] = PAGE_OF_OBJECTS(">=", "");
static const char sql_objects_after_to[] = PAGE_OF_OBJECTS(">", " AND key < $4");
static const char sql_objects_from_to[] = PAGE_OF_OBJECTS(">=", " AND key < $4");

/* Versions are in two tables, each in order: the engines merge them. */
#define PAGE_OF_VERSIONS(end)                                                                      \
    "SELECT " OBJECT_COLUMNS ", 1 AS is_current FROM s3_object "                                   \
    "WHERE bucket_key = $1 AND (key, age) > ($2, $3)" end " UNION ALL SELECT " OBJECT_COLUMNS      \
    ", 0 FROM s3_version "                                                                         \
    "WHERE bucket_key = $1 AND (key, age) > ($2, $3)" end " ORDER BY 2, 3 LIMIT $4"
static const char sql_versions[] = PAGE_OF_VERSIONS("");
static const char sql_versions_to[] = PAGE_OF_VERSIONS(" AND key < $5");

#define SET_COLUMNS(table, columns)                                                                \
    "UPDATE " table " SET " columns " WHERE bucket_key = $1 AND key = $2 AND age = $3"
static const char sql_tags_current[] = SET_COLUMNS("s3_object", "tags = $4");
static const char sql_tags_version[] = SET_COLUMNS("s3_version", "tags = $4");
static const char sql_acl_current[] = SET_COLUMNS("s3_object", "acl = $4");
static const char sql_acl_version[] = SET_COLUMNS("s3_version", "acl = $4");
static const char sql_replication_current[] = SET_COLUMNS("s3_object", "replication = $4");
static const char sql_replication_version[] = SET_COLUMNS("s3_version", "replication = $4");
static const char sql_lock_current[] =
    SET_COLUMNS("s3_object", "lock_mode = $4, lock_until = $5, legal_hold = $6");
static const char sql_lock_version[] =
    SET_COLUMNS("s3_version", "lock_mode = $4, lock_until = $5, legal_hold = $6");
static const char sql_class_current[] =
    SET_COLUMNS("s3_object", "storage_class = $4, restore = $5");
static const char sql_class_version[] =
    SET_COLUMNS("s3_version", "storage_class = $4, restore = $5");

void s3_store_bind_object(struct stmt *stmt, int at, const struct s3_object_row *object)
{
    stmt_bind_i64(stmt, at++, object->bucket_key);
    stmt_bind_str(stmt, at++, object->key);
    stmt_bind_i64(stmt, at++, -object->seq);
    stmt_bind_str(stmt, at++, object->version_id);
    stmt_bind_i64(stmt, at++, object->is_marker);
    stmt_bind_i64(stmt, at++, object->modified_at_ms);
    stmt_bind_i64(stmt, at++, object->size);
    stmt_bind_str(stmt, at++, str_or(object->etag, STR("")));
    stmt_bind_str(stmt, at++, str_or(object->owner, STR("")));
    stmt_bind_str(stmt, at++, object->storage_class);
    stmt_bind_str(stmt, at++, object->content_type);
    stmt_bind_str(stmt, at++, object->headers);
    stmt_bind_str(stmt, at++, object->metadata);
    stmt_bind_str(stmt, at++, object->tags);
    stmt_bind_str(stmt, at++, object->acl);
    stmt_bind_str(stmt, at++, object->redirect);
    stmt_bind_i64(stmt, at++, object->checksum_kind);
    stmt_bind_i64(stmt, at++, object->is_composite);
    stmt_bind_str(stmt, at++, object->checksum);
    stmt_bind_i64(stmt, at++, object->encryption);
    stmt_bind_str(stmt, at++, object->kms_key);
    stmt_bind_str(stmt, at++, object->kms_context);
    stmt_bind_i64(stmt, at++, object->has_bucket_key);
    stmt_bind_str(stmt, at++, object->customer_md5);
    stmt_bind_blob(stmt, at++, object->sealed_key);
    stmt_bind_i64(stmt, at++, object->body_key);
    stmt_bind_i64(stmt, at++, object->body_offset);
    stmt_bind_blob(stmt, at++, object->body_iv);
    stmt_bind_i64(stmt, at++, object->part_count);
    stmt_bind_str(stmt, at++, object->lock_mode);
    stmt_bind_i64(stmt, at++, object->lock_until_ms);
    stmt_bind_str(stmt, at++, object->legal_hold);
    stmt_bind_str(stmt, at++, object->restore);
    stmt_bind_str(stmt, at++, object->replication);
}

void s3_store_read_object(struct stmt *stmt, int at, struct arena *arena, struct s3_object_row *out)
{
    out->bucket_key = stmt_i64(stmt, at++);
    out->key = stmt_str(stmt, at++, arena);
    out->seq = -stmt_i64(stmt, at++);
    out->version_id = stmt_str(stmt, at++, arena);
    out->is_marker = stmt_i64(stmt, at++) != 0;
    out->modified_at_ms = stmt_i64(stmt, at++);
    out->size = stmt_i64(stmt, at++);
    out->etag = stmt_str(stmt, at++, arena);
    out->owner = stmt_str(stmt, at++, arena);
    out->storage_class = stmt_str(stmt, at++, arena);
    out->content_type = stmt_str(stmt, at++, arena);
    out->headers = stmt_str(stmt, at++, arena);
    out->metadata = stmt_str(stmt, at++, arena);
    out->tags = stmt_str(stmt, at++, arena);
    out->acl = stmt_str(stmt, at++, arena);
    out->redirect = stmt_str(stmt, at++, arena);
    out->checksum_kind = stmt_i64(stmt, at++);
    out->is_composite = stmt_i64(stmt, at++) != 0;
    out->checksum = stmt_str(stmt, at++, arena);
    out->encryption = (enum s3_sse)stmt_i64(stmt, at++);
    out->kms_key = stmt_str(stmt, at++, arena);
    out->kms_context = stmt_str(stmt, at++, arena);
    out->has_bucket_key = stmt_i64(stmt, at++) != 0;
    out->customer_md5 = stmt_str(stmt, at++, arena);
    out->sealed_key = stmt_str(stmt, at++, arena);
    out->body_key = stmt_i64(stmt, at++);
    out->body_offset = stmt_i64(stmt, at++);
    out->body_iv = stmt_str(stmt, at++, arena);
    out->part_count = stmt_i64(stmt, at++);
    out->lock_mode = stmt_str(stmt, at++, arena);
    out->lock_until_ms = stmt_i64(stmt, at++);
    out->legal_hold = stmt_str(stmt, at++, arena);
    out->restore = stmt_str(stmt, at++, arena);
    out->replication = stmt_str(stmt, at, arena);
}

/* Finds one version by a statement whose parameters begin with bucket and key. */
static int find_one(struct db *db, struct arena *arena, const char *sql, int64_t bucket_key,
                    struct str key, struct str version_id, struct s3_object_row **out)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, bucket_key);
    stmt_bind_str(stmt, 2, key);
    if (str_is_set(version_id))
        stmt_bind_str(stmt, 3, version_id);
    rc = stmt_step(stmt);
    if (rc < 0)
        return rc;
    *out = NULL;
    if (rc == 1) {
        *out = arena_alloc(arena, sizeof(**out));
        s3_store_read_object(stmt, 0, arena, *out);
    }
    return 0;
}

int s3_store_newest(struct db *db, struct arena *arena, int64_t bucket_key, struct str key,
                    struct s3_object_row **out)
{
    struct s3_object_row *found = NULL;
    int rc = find_one(db, arena, sql_current, bucket_key, key, (struct str){0}, &found);
    if (rc == 0 && !found)
        rc = find_one(db, arena, sql_newest_version, bucket_key, key, (struct str){0}, &found);
    if (rc < 0)
        return rc;
    if (found)
        found->is_latest = true;
    *out = found;
    return 0;
}

int s3_store_find_object(struct db *db, struct arena *arena, int64_t bucket_key, struct str key,
                         struct str version_id, struct s3_object_row **out)
{
    struct s3_object_row *newest = NULL;
    int rc = s3_store_newest(db, arena, bucket_key, key, &newest);
    if (rc < 0)
        return rc;
    if (!str_is_set(version_id) || (newest && str_eq(newest->version_id, version_id))) {
        *out = newest;
        return 0;
    }
    return find_one(db, arena, sql_version, bucket_key, key, version_id, out);
}

static int put_object(struct db *db, const char *sql, const struct s3_object_row *object)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql, &stmt);
    if (rc < 0)
        return rc;
    s3_store_bind_object(stmt, 1, object);
    int64_t count = stmt_run(stmt);
    return count < 0 ? (int)count : 0;
}

int s3_store_put_current(struct db *db, const struct s3_object_row *object)
{
    return put_object(db, sql_put_current, object);
}

int s3_store_put_version(struct db *db, const struct s3_object_row *object)
{
    return put_object(db, sql_put_version, object);
}

int s3_store_delete_current(struct db *db, int64_t bucket_key, struct str key)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_delete_current, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, bucket_key);
    stmt_bind_str(stmt, 2, key);
    int64_t count = stmt_run(stmt);
    return count < 0 ? (int)count : 0;
}

int s3_store_delete_version(struct db *db, const struct s3_object_row *object)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_delete_version, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, object->bucket_key);
    stmt_bind_str(stmt, 2, object->key);
    stmt_bind_i64(stmt, 3, -object->seq);
    int64_t count = stmt_run(stmt);
    return count < 0 ? (int)count : 0;
}

int s3_store_list_objects(struct db *db, struct arena *arena, int64_t bucket_key, struct str after,
                          bool is_inclusive, struct str end, int64_t limit, s3_visit_fn *visit,
                          void *context)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    const char *sql = NULL;
    if (str_is_set(end))
        sql = is_inclusive ? sql_objects_from_to : sql_objects_after_to;
    else
        sql = is_inclusive ? sql_objects_from : sql_objects_after;
    int rc = db_prepare(db, sql, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, bucket_key);
    stmt_bind_str(stmt, 2, after);
    stmt_bind_i64(stmt, 3, limit);
    if (str_is_set(end))
        stmt_bind_str(stmt, 4, end);
    while ((rc = stmt_step(stmt)) == 1) {
        struct s3_object_row *object = arena_alloc(arena, sizeof(*object));
        s3_store_read_object(stmt, 0, arena, object);
        object->is_latest = true;
        if (!visit(context, object))
            return 0;
    }
    return rc;
}

int s3_store_list_versions(struct db *db, struct arena *arena, int64_t bucket_key, struct str after,
                           int64_t after_seq, struct str end, int64_t limit, s3_visit_fn *visit,
                           void *context)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, str_is_set(end) ? sql_versions_to : sql_versions, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, bucket_key);
    stmt_bind_str(stmt, 2, after);
    stmt_bind_i64(stmt, 3, after_seq == 0 ? INT64_MAX : -after_seq);
    stmt_bind_i64(stmt, 4, limit);
    if (str_is_set(end))
        stmt_bind_str(stmt, 5, end);
    /* The first of a key is its newest; of `after` that went before, unless all of it is asked
     * for. */
    struct str last = after_seq == INT64_MAX ? (struct str){0} : after;
    while ((rc = stmt_step(stmt)) == 1) {
        struct s3_object_row *object = arena_alloc(arena, sizeof(*object));
        s3_store_read_object(stmt, 0, arena, object);
        object->is_latest = !str_is_set(last) || !str_eq(object->key, last);
        last = object->key;
        if (!visit(context, object))
            return 0;
    }
    return rc;
}

struct walk {
    struct s3_object_row *items;
    size_t count;
};

static bool add_to_walk(void *context, const struct s3_object_row *object)
{
    struct walk *walk = context;
    walk->items[walk->count++] = *object;
    return true;
}

int s3_store_walk_versions(struct db *db, struct arena *arena, int64_t bucket_key,
                           struct str after_key, int64_t after_seq, struct str prefix,
                           int64_t limit, struct s3_object_row **out_items, size_t *out_count)
{
    struct walk walk = {
        .items = arena_alloc_array(arena, (size_t)limit, sizeof(struct s3_object_row)),
    };
    struct str from = str_or(after_key, STR(""));
    int64_t seq = after_seq;
    if (str_compare(from, str_or(prefix, STR(""))) < 0) {
        from = prefix;
        seq = INT64_MAX;
    }
    int rc = s3_store_list_versions(db, arena, bucket_key, from, seq,
                                    s3_end_of_prefix(arena, str_or(prefix, STR(""))), limit,
                                    add_to_walk, &walk);
    if (rc < 0)
        return rc;
    *out_items = walk.items;
    *out_count = walk.count;
    return 0;
}

/* Runs an UPDATE of SET_COLUMNS, with up to two texts and a time. */
static int set_columns(struct db *db, const char *sql, const struct s3_object_row *object,
                       struct str first, const int64_t *second, const struct str *third)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql, &stmt);
    if (rc < 0)
        return rc;
    int at = 1;
    stmt_bind_i64(stmt, at++, object->bucket_key);
    stmt_bind_str(stmt, at++, object->key);
    stmt_bind_i64(stmt, at++, -object->seq);
    stmt_bind_str(stmt, at++, first);
    if (second)
        stmt_bind_i64(stmt, at++, *second);
    if (third)
        stmt_bind_str(stmt, at, *third);
    int64_t count = stmt_run(stmt);
    return count < 0 ? (int)count : 0;
}

/* The row is in one of the two tables, and whichever does not have it changes nothing. */
static int set_both(struct db *db, const char *current, const char *version,
                    const struct s3_object_row *object, struct str first, const int64_t *second,
                    const struct str *third)
{
    int rc = set_columns(db, current, object, first, second, third);
    return rc < 0 ? rc : set_columns(db, version, object, first, second, third);
}

int s3_store_set_tags(struct db *db, const struct s3_object_row *object)
{
    return set_both(db, sql_tags_current, sql_tags_version, object, object->tags, NULL, NULL);
}

int s3_store_set_acl(struct db *db, const struct s3_object_row *object)
{
    return set_both(db, sql_acl_current, sql_acl_version, object, object->acl, NULL, NULL);
}

int s3_store_set_replication(struct db *db, const struct s3_object_row *object)
{
    return set_both(db, sql_replication_current, sql_replication_version, object,
                    object->replication, NULL, NULL);
}

int s3_store_set_lock(struct db *db, const struct s3_object_row *object)
{
    return set_both(db, sql_lock_current, sql_lock_version, object, object->lock_mode,
                    &object->lock_until_ms, &object->legal_hold);
}

int s3_store_set_class(struct db *db, const struct s3_object_row *object)
{
    return set_both(db, sql_class_current, sql_class_version, object, object->storage_class, NULL,
                    &object->restore);
}
