/* store.h — the SQL of S3 about objects, bodies, pieces and uploads, for the files that change
 * them. Private to the folder. Everything returns 0 or -errno unless it says more; found things
 * live in the arena and are NULL when they are not there.
 */
#pragma once

#include "service/s3/s3.h"

extern const struct migration_set s3_migrations;

/* In the order of s3_store_bind_object. */
#define OBJECT_COLUMNS                                                                             \
    "bucket_key, key, age, version_id, is_marker, modified_at, size, etag, owner, "                \
    "storage_class, content_type, headers, metadata, tags, acl, redirect, checksum_kind, "         \
    "is_composite, checksum, encryption, kms_key, kms_context, has_bucket_key, "                   \
    "customer_md5, sealed_key, body_key, body_offset, body_iv, part_count, lock_mode, "            \
    "lock_until, legal_hold, restore, replication"

/* OBJECT_COLUMNS from parameter or column `at` on; also in s3_upload. */
struct stmt;
void s3_store_bind_object(struct stmt *stmt, int at, const struct s3_object_row *object);
void s3_store_read_object(struct stmt *stmt, int at, struct arena *arena,
                          struct s3_object_row *out);

/* ---- versions ---- */

/* The newest version of a key, a delete marker too. */
MUST_CHECK int s3_store_newest(struct db *db, struct arena *arena, int64_t bucket_key,
                               struct str key, struct s3_object_row **out);
/* Writes the current version of its key, in the place of the one before. */
MUST_CHECK int s3_store_put_current(struct db *db, const struct s3_object_row *object);
MUST_CHECK int s3_store_delete_current(struct db *db, int64_t bucket_key, struct str key);
/* Adds a version that is not current. */
MUST_CHECK int s3_store_put_version(struct db *db, const struct s3_object_row *object);
MUST_CHECK int s3_store_delete_version(struct db *db, const struct s3_object_row *object);

/* A page of current objects in the order of their keys: key > after (or >= when `is_inclusive`),
 * below `end` (absent: no bound). `visit` returns false to stop. */
typedef bool s3_visit_fn(void *context, const struct s3_object_row *object);
MUST_CHECK int s3_store_list_objects(struct db *db, struct arena *arena, int64_t bucket_key,
                                     struct str after, bool is_inclusive, struct str end,
                                     int64_t limit, s3_visit_fn *visit, void *context);
/* The same of all versions, newest first: (key, seq) behind (after, after_seq); seq INT64_MAX: from
 * the newest of `after` on; 0: behind all of `after`. is_latest is set. */
MUST_CHECK int s3_store_list_versions(struct db *db, struct arena *arena, int64_t bucket_key,
                                      struct str after, int64_t after_seq, struct str end,
                                      int64_t limit, s3_visit_fn *visit, void *context);

/* ---- bodies ---- */

struct s3_body {
    int64_t body_key;
    int64_t refs;
    struct str file;  /* of store/bodies.h, or absent */
    struct str bytes; /* or absent; neither: a list of pieces */
};

MUST_CHECK int s3_store_find_body(struct db *db, struct arena *arena, int64_t body_key,
                                  struct s3_body **out);
/* 1: added, 0: the number is taken. */
MUST_CHECK int s3_store_put_body(struct db *db, const struct s3_body *body);
/* Removes a body that has one referrer and gives what it was; *out is NULL when it has more. */
MUST_CHECK int s3_store_delete_last(struct db *db, struct arena *arena, int64_t body_key,
                                    struct s3_body **out);
/* Adds to refs. */
MUST_CHECK int s3_store_count_body(struct db *db, int64_t body_key, int64_t by);
/* 1 or 0: whether any body is that file. */
MUST_CHECK int s3_store_knows_file(struct db *db, struct str file);

/* body.c: adds it under a new number. */
MUST_CHECK int s3_add_body(struct call *call, struct s3_body *body);
/* body.c: a part that is replaced or not wanted. */
enum status s3_release_part(struct call *call, int64_t list_key, int64_t number);

/* ---- pieces ---- */

struct s3_piece {
    int64_t list_key;
    int64_t number;   /* of the part */
    int64_t sub;      /* 0: stands for the part; more when a copied range spans several bodies */
    int64_t place;    /* in the object, once the upload is complete; -1: not yet */
    int64_t size;     /* of this piece */
    int64_t body_key; /* 0: an empty part that was copied */
    int64_t body_offset;
    struct str body_iv;     /* absent: as it came */
    struct str wrapped_key; /* key of the body under the list's object key; absent: that itself */
    /* Of the part; in the row with sub 0. */
    int64_t part_size;
    int64_t modified_at_ms;
    struct str etag;
    struct str checksum; /* base64 */
};

MUST_CHECK int s3_store_put_piece(struct db *db, const struct s3_piece *piece);
/* Sets its place, and the number that its part has from now on. */
MUST_CHECK int s3_store_set_place(struct db *db, const struct s3_piece *piece, int64_t number);
/* The pieces of parts above `after_number`, in order; only those with sub 0 when `is_parts`. */
MUST_CHECK int s3_store_list_pieces(struct db *db, struct arena *arena, int64_t list_key,
                                    int64_t after_number, bool is_parts, int64_t limit,
                                    struct s3_piece **out_items, size_t *out_count);
/* All pieces of one part. */
MUST_CHECK int s3_store_part_pieces(struct db *db, struct arena *arena, int64_t list_key,
                                    int64_t number, struct s3_piece **out_items, size_t *out_count);
MUST_CHECK int s3_store_find_part(struct db *db, struct arena *arena, int64_t list_key,
                                  int64_t number, struct s3_piece **out);
/* The pieces that hold text from `first` on, `length` bytes. */
MUST_CHECK int s3_store_range_pieces(struct db *db, struct arena *arena, int64_t list_key,
                                     int64_t first, int64_t length, struct s3_piece **out_items,
                                     size_t *out_count);
/* All pieces of one part, or (number 0) of the list. */
MUST_CHECK int s3_store_delete_pieces(struct db *db, int64_t list_key, int64_t number);

/* ---- uploads ---- */

struct s3_upload {
    struct str upload_id;
    struct str initiator;        /* ARN */
    struct s3_object_row object; /* what will be; modified_at_ms: initiated; body_key: the list */
};

MUST_CHECK int s3_store_find_upload(struct db *db, struct arena *arena, struct str upload_id,
                                    struct s3_upload **out);
MUST_CHECK int s3_store_put_upload(struct db *db, const struct s3_upload *upload);
MUST_CHECK int s3_store_delete_upload(struct db *db, struct str upload_id);
/* Behind (after_key, after_id); id absent: behind all of after_key. */
MUST_CHECK int s3_store_list_uploads(struct db *db, struct arena *arena, int64_t bucket_key,
                                     struct str after_key, struct str after_id, struct str end,
                                     int64_t limit, struct s3_upload **out_items,
                                     size_t *out_count);

/* An upload that became an object, and what was answered then. */
struct s3_completed {
    struct str upload_id;
    struct str expiration; /* x-amz-expiration */
    /* bucket_key, key, modified_at_ms (of the completion), etag, version_id (absent: none was
     * answered), checksum_kind, is_composite, checksum, encryption, kms_key, has_bucket_key. */
    struct s3_object_row object;
};

MUST_CHECK int s3_store_find_completed(struct db *db, struct arena *arena, struct str upload_id,
                                       struct s3_completed **out);
MUST_CHECK int s3_store_put_completed(struct db *db, const struct s3_completed *completed);
/* Removes up to `limit` of a bucket that were completed until `until_ms`, oldest first. */
MUST_CHECK int s3_store_delete_completed(struct db *db, int64_t bucket_key, int64_t until_ms,
                                         int64_t limit);
/* 1: *out_ms is when the oldest of the bucket was completed. 0: there is none. */
MUST_CHECK int s3_store_oldest_completed(struct db *db, int64_t bucket_key, int64_t *out_ms);

/* ---- secrets ---- */

/* The newest of (bucket_key, kms_key) made after `since_ms`; (0, ""): the master key. */
MUST_CHECK int s3_store_find_secret(struct db *db, struct arena *arena, int64_t bucket_key,
                                    struct str kms_key, int64_t since_ms, int64_t *out_made_at_ms,
                                    struct str *out_secret);
MUST_CHECK int s3_store_get_secret(struct db *db, struct arena *arena, int64_t bucket_key,
                                   struct str kms_key, int64_t made_at_ms, struct str *out_secret);
MUST_CHECK int s3_store_put_secret(struct db *db, int64_t bucket_key, struct str kms_key,
                                   int64_t made_at_ms, struct str secret);
