/* store.c — the schema of S3 and the SQL about object versions. See s3.h for what the rows mean;
 * bodies, pieces and uploads are in store_body.c, buckets in store_bucket.c.
 *
 * s3_object and s3_version have no body in them and so no large values: both are stored in the
 * order of their keys, which is what lists walk. `age` is minus the seq: the newest comes first.
 */
#include "service/s3/store.h"

#include <errno.h>

#include "base/arena.h"

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
    "    initiator text NOT NULL,\n" OBJECT_TYPES
    "    CHECK (is_marker = 0)\n"
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
};

const struct migration_set s3_migrations = {
    .component = "s3",
    .migrations = migrations,
    .count = ARRAY_LEN(migrations),
};

#define OBJECT_COLUMNS                                                                             \
    "bucket_key, key, age, version_id, is_marker, modified_at, size, etag, owner, "                \
    "storage_class, content_type, headers, metadata, tags, acl, redirect, checksum_kind, "         \
    "is_composite, checksum, encryption, kms_key, kms_context, has_bucket_key, "                   \
    "customer_md5, sealed_key, body_key, body_offset, body_iv, part_count, lock_mode, "            \
    "lock_until, legal_hold, restore, replication"
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
