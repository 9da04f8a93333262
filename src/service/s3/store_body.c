/* store_body.c — the SQL of S3 about bodies, pieces, uploads and secrets. See s3.h and store.h. */
#include <errno.h>

#include "base/arena.h"
#include "base/vec.h"
#include "service/s3/store.h"

#define PIECE_COLUMNS                                                                              \
    "list_key, number, sub, place, size, body_key, body_offset, body_iv, wrapped_key, "            \
    "part_size, modified_at, etag, checksum"

static const char sql_find_body[] = "SELECT refs, file, bytes FROM s3_body WHERE body_key = $1";
static const char sql_put_body[] =
    "INSERT INTO s3_body (body_key, refs, file, bytes) VALUES ($1, $2, $3, $4) "
    "ON CONFLICT (body_key) DO NOTHING";
/* Of the bytes only whether there are any. */
static const char sql_delete_last[] = "DELETE FROM s3_body WHERE body_key = $1 AND refs = 1 "
                                      "RETURNING file, CASE WHEN bytes IS NULL THEN 0 ELSE 1 END";
static const char sql_count_body[] = "UPDATE s3_body SET refs = refs + $2 WHERE body_key = $1";
static const char sql_knows_file[] = "SELECT 1 FROM s3_body WHERE file = $1";

static const char sql_put_piece[] =
    "INSERT INTO s3_piece (" PIECE_COLUMNS ") "
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
static const char sql_set_place[] =
    "UPDATE s3_piece SET place = $4, number = $5 WHERE list_key = $1 AND number = $2 AND sub = $3";
static const char sql_list_pieces[] =
    "SELECT " PIECE_COLUMNS " FROM s3_piece WHERE list_key = $1 AND number > $2 "
    "ORDER BY number, sub LIMIT $3";
static const char sql_list_parts[] =
    "SELECT " PIECE_COLUMNS " FROM s3_piece WHERE list_key = $1 AND number > $2 AND sub = 0 "
    "ORDER BY number LIMIT $3";
static const char sql_part_pieces[] =
    "SELECT " PIECE_COLUMNS " FROM s3_piece WHERE list_key = $1 AND number = $2 ORDER BY sub";
static const char sql_find_part[] =
    "SELECT " PIECE_COLUMNS " FROM s3_piece WHERE list_key = $1 AND number = $2 AND sub = 0";
/* From the piece that `first` is in. Empty pieces (of an empty only part) stand at their place,
 * too, so the piece before may be one: then the one with text follows it. */
static const char sql_range_pieces[] =
    "SELECT " PIECE_COLUMNS " FROM s3_piece WHERE list_key = $1 AND place IS NOT NULL "
    "AND place >= (SELECT max(place) FROM s3_piece WHERE list_key = $1 AND place IS NOT NULL "
    "AND place <= $2) AND place < $3 ORDER BY place";
static const char sql_delete_part[] = "DELETE FROM s3_piece WHERE list_key = $1 AND number = $2";
static const char sql_delete_list[] = "DELETE FROM s3_piece WHERE list_key = $1";

static const char sql_find_upload[] =
    "SELECT upload_id, initiator, " OBJECT_COLUMNS " FROM s3_upload WHERE upload_id = $1";
static const char sql_put_upload[] =
    "INSERT INTO s3_upload (upload_id, initiator, " OBJECT_COLUMNS ") VALUES ($1, $2, $3, $4, $5, "
    "$6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, "
    "$25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36)";
static const char sql_delete_upload[] = "DELETE FROM s3_upload WHERE upload_id = $1";
#define PAGE_OF_UPLOADS(end)                                                                       \
    "SELECT upload_id, initiator, " OBJECT_COLUMNS " FROM s3_upload WHERE bucket_key = $1 "        \
    "AND (key, upload_id) > ($2, $3)" end " ORDER BY key, upload_id LIMIT $4"
static const char sql_uploads[] = PAGE_OF_UPLOADS("");
static const char sql_uploads_to[] = PAGE_OF_UPLOADS(" AND key < $5");

#define COMPLETED_COLUMNS                                                                          \
    "upload_id, bucket_key, key, completed_at, etag, version_id, checksum_kind, is_composite, "    \
    "checksum, encryption, kms_key, has_bucket_key, expiration"
static const char sql_find_completed[] =
    "SELECT " COMPLETED_COLUMNS " FROM s3_completed WHERE upload_id = $1";
static const char sql_put_completed[] =
    "INSERT INTO s3_completed (" COMPLETED_COLUMNS ") "
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
static const char sql_delete_completed[] =
    "DELETE FROM s3_completed WHERE upload_id IN (SELECT upload_id FROM s3_completed "
    "WHERE bucket_key = $1 AND completed_at <= $2 ORDER BY completed_at LIMIT $3)";
static const char sql_oldest_completed[] =
    "SELECT completed_at FROM s3_completed WHERE bucket_key = $1 ORDER BY completed_at LIMIT 1";

static const char sql_newest_secret[] =
    "SELECT made_at, secret FROM s3_secret WHERE bucket_key = $1 AND kms_key = $2 "
    "AND made_at > $3 ORDER BY made_at DESC LIMIT 1";
static const char sql_get_secret[] =
    "SELECT made_at, secret FROM s3_secret WHERE bucket_key = $1 AND kms_key = $2 AND made_at = $3";
static const char sql_put_secret[] =
    "INSERT INTO s3_secret (bucket_key, kms_key, made_at, secret) VALUES ($1, $2, $3, $4)";

/* Runs a prepared change to its end. */
static int run(struct stmt *stmt)
{
    int64_t count = stmt_run(stmt);
    return count < 0 ? (int)count : 0;
}

int s3_store_find_body(struct db *db, struct arena *arena, int64_t body_key, struct s3_body **out)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find_body, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, body_key);
    rc = stmt_step(stmt);
    if (rc < 0)
        return rc;
    *out = NULL;
    if (rc == 1) {
        *out = arena_alloc(arena, sizeof(**out));
        **out = (struct s3_body){
            .body_key = body_key,
            .refs = stmt_i64(stmt, 0),
            .file = stmt_str(stmt, 1, arena),
            .bytes = stmt_str(stmt, 2, arena),
        };
    }
    return 0;
}

int s3_store_put_body(struct db *db, const struct s3_body *body)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_put_body, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, body->body_key);
    stmt_bind_i64(stmt, 2, body->refs);
    stmt_bind_str(stmt, 3, body->file);
    stmt_bind_blob(stmt, 4, body->bytes);
    return (int)stmt_run(stmt);
}

int s3_store_delete_last(struct db *db, struct arena *arena, int64_t body_key, struct s3_body **out)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    struct s3_body *body = NULL;
    int rc = db_prepare(db, sql_delete_last, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, body_key);
    rc = stmt_step(stmt);
    if (rc == 1) {
        body = arena_alloc(arena, sizeof(*body));
        *body = (struct s3_body){
            .body_key = body_key,
            .file = stmt_str(stmt, 0, arena),
            .bytes = stmt_i64(stmt, 1) ? STR("") : (struct str){0},
        };
        rc = stmt_step(stmt);
    }
    if (rc < 0)
        return rc;
    *out = body;
    return 0;
}

int s3_store_count_body(struct db *db, int64_t body_key, int64_t by)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_count_body, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, body_key);
    stmt_bind_i64(stmt, 2, by);
    int64_t count = stmt_run(stmt);
    if (count < 0)
        return (int)count;
    return count == 1 ? 0 : -ENOENT;
}

int s3_store_knows_file(struct db *db, struct str file)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_knows_file, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, file);
    return stmt_step(stmt);
}

int s3_store_put_piece(struct db *db, const struct s3_piece *piece)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_put_piece, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, piece->list_key);
    stmt_bind_i64(stmt, 2, piece->number);
    stmt_bind_i64(stmt, 3, piece->sub);
    if (piece->place < 0)
        stmt_bind_null(stmt, 4);
    else
        stmt_bind_i64(stmt, 4, piece->place);
    stmt_bind_i64(stmt, 5, piece->size);
    stmt_bind_i64(stmt, 6, piece->body_key);
    stmt_bind_i64(stmt, 7, piece->body_offset);
    stmt_bind_blob(stmt, 8, piece->body_iv);
    stmt_bind_blob(stmt, 9, piece->wrapped_key);
    stmt_bind_i64(stmt, 10, piece->part_size);
    stmt_bind_i64(stmt, 11, piece->modified_at_ms);
    stmt_bind_str(stmt, 12, piece->etag);
    stmt_bind_str(stmt, 13, piece->checksum);
    return run(stmt);
}

int s3_store_set_place(struct db *db, const struct s3_piece *piece, int64_t number)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_set_place, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, piece->list_key);
    stmt_bind_i64(stmt, 2, piece->number);
    stmt_bind_i64(stmt, 3, piece->sub);
    stmt_bind_i64(stmt, 4, piece->place);
    stmt_bind_i64(stmt, 5, number);
    return run(stmt);
}

static void read_piece(struct stmt *stmt, struct arena *arena, struct s3_piece *out)
{
    *out = (struct s3_piece){
        .list_key = stmt_i64(stmt, 0),
        .number = stmt_i64(stmt, 1),
        .sub = stmt_i64(stmt, 2),
        .place = stmt_is_null(stmt, 3) ? -1 : stmt_i64(stmt, 3),
        .size = stmt_i64(stmt, 4),
        .body_key = stmt_i64(stmt, 5),
        .body_offset = stmt_i64(stmt, 6),
        .body_iv = stmt_str(stmt, 7, arena),
        .wrapped_key = stmt_str(stmt, 8, arena),
        .part_size = stmt_i64(stmt, 9),
        .modified_at_ms = stmt_i64(stmt, 10),
        .etag = stmt_str(stmt, 11, arena),
        .checksum = stmt_str(stmt, 12, arena),
    };
}

/* Reads the rest of a bound statement. */
static int read_pieces(struct stmt *stmt, struct arena *arena, struct s3_piece **out_items,
                       size_t *out_count)
{
    struct vec pieces;
    int rc;
    vec_init(&pieces, arena, sizeof(struct s3_piece));
    while ((rc = stmt_step(stmt)) == 1)
        read_piece(stmt, arena, vec_push(&pieces));
    if (rc < 0)
        return rc;
    *out_items = pieces.items;
    *out_count = pieces.count;
    return 0;
}

int s3_store_list_pieces(struct db *db, struct arena *arena, int64_t list_key, int64_t after_number,
                         bool is_parts, int64_t limit, struct s3_piece **out_items,
                         size_t *out_count)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, is_parts ? sql_list_parts : sql_list_pieces, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, list_key);
    stmt_bind_i64(stmt, 2, after_number);
    stmt_bind_i64(stmt, 3, limit);
    return read_pieces(stmt, arena, out_items, out_count);
}

int s3_store_part_pieces(struct db *db, struct arena *arena, int64_t list_key, int64_t number,
                         struct s3_piece **out_items, size_t *out_count)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_part_pieces, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, list_key);
    stmt_bind_i64(stmt, 2, number);
    return read_pieces(stmt, arena, out_items, out_count);
}

int s3_store_find_part(struct db *db, struct arena *arena, int64_t list_key, int64_t number,
                       struct s3_piece **out)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find_part, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, list_key);
    stmt_bind_i64(stmt, 2, number);
    rc = stmt_step(stmt);
    if (rc < 0)
        return rc;
    *out = NULL;
    if (rc == 1) {
        *out = arena_alloc(arena, sizeof(**out));
        read_piece(stmt, arena, *out);
    }
    return 0;
}

int s3_store_range_pieces(struct db *db, struct arena *arena, int64_t list_key, int64_t first,
                          int64_t length, struct s3_piece **out_items, size_t *out_count)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_range_pieces, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, list_key);
    stmt_bind_i64(stmt, 2, first);
    stmt_bind_i64(stmt, 3, first + length);
    return read_pieces(stmt, arena, out_items, out_count);
}

int s3_store_delete_pieces(struct db *db, int64_t list_key, int64_t number)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, number > 0 ? sql_delete_part : sql_delete_list, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, list_key);
    if (number > 0)
        stmt_bind_i64(stmt, 2, number);
    return run(stmt);
}

static struct s3_upload *read_upload(struct stmt *stmt, struct arena *arena)
{
    struct s3_upload *upload = arena_alloc(arena, sizeof(*upload));
    upload->upload_id = stmt_str(stmt, 0, arena);
    upload->initiator = stmt_str(stmt, 1, arena);
    s3_store_read_object(stmt, 2, arena, &upload->object);
    return upload;
}

int s3_store_find_upload(struct db *db, struct arena *arena, struct str upload_id,
                         struct s3_upload **out)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find_upload, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, upload_id);
    rc = stmt_step(stmt);
    if (rc < 0)
        return rc;
    *out = rc == 1 ? read_upload(stmt, arena) : NULL;
    return 0;
}

int s3_store_put_upload(struct db *db, const struct s3_upload *upload)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_put_upload, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, upload->upload_id);
    stmt_bind_str(stmt, 2, upload->initiator);
    s3_store_bind_object(stmt, 3, &upload->object);
    return run(stmt);
}

int s3_store_delete_upload(struct db *db, struct str upload_id)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_delete_upload, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, upload_id);
    return run(stmt);
}

int s3_store_list_uploads(struct db *db, struct arena *arena, int64_t bucket_key,
                          struct str after_key, struct str after_id, struct str end, int64_t limit,
                          struct s3_upload **out_items, size_t *out_count)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    struct vec uploads;
    int rc = db_prepare(db, str_is_set(end) ? sql_uploads_to : sql_uploads, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, bucket_key);
    stmt_bind_str(stmt, 2, after_key);
    /* Upload ids are letters and digits: '~' is behind them all. */
    stmt_bind_str(stmt, 3, str_or(after_id, STR("~")));
    stmt_bind_i64(stmt, 4, limit);
    if (str_is_set(end))
        stmt_bind_str(stmt, 5, end);
    vec_init(&uploads, arena, sizeof(struct s3_upload));
    while ((rc = stmt_step(stmt)) == 1)
        *(struct s3_upload *)vec_push(&uploads) = *read_upload(stmt, arena);
    if (rc < 0)
        return rc;
    *out_items = uploads.items;
    *out_count = uploads.count;
    return 0;
}

int s3_store_find_completed(struct db *db, struct arena *arena, struct str upload_id,
                            struct s3_completed **out)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find_completed, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, upload_id);
    rc = stmt_step(stmt);
    if (rc < 0)
        return rc;
    *out = NULL;
    if (rc == 0)
        return 0;
    struct s3_completed *found = arena_alloc(arena, sizeof(*found));
    struct s3_object_row *object = &found->object;
    int at = 0;
    found->upload_id = stmt_str(stmt, at++, arena);
    object->bucket_key = stmt_i64(stmt, at++);
    object->key = stmt_str(stmt, at++, arena);
    object->modified_at_ms = stmt_i64(stmt, at++);
    object->etag = stmt_str(stmt, at++, arena);
    object->version_id = stmt_str(stmt, at++, arena);
    object->checksum_kind = stmt_i64(stmt, at++);
    object->is_composite = stmt_i64(stmt, at++) != 0;
    object->checksum = stmt_str(stmt, at++, arena);
    object->encryption = (enum s3_sse)stmt_i64(stmt, at++);
    object->kms_key = stmt_str(stmt, at++, arena);
    object->has_bucket_key = stmt_i64(stmt, at++) != 0;
    found->expiration = stmt_str(stmt, at, arena);
    *out = found;
    return 0;
}

int s3_store_put_completed(struct db *db, const struct s3_completed *completed)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    const struct s3_object_row *object = &completed->object;
    int rc = db_prepare(db, sql_put_completed, &stmt);
    if (rc < 0)
        return rc;
    int at = 1;
    stmt_bind_str(stmt, at++, completed->upload_id);
    stmt_bind_i64(stmt, at++, object->bucket_key);
    stmt_bind_str(stmt, at++, object->key);
    stmt_bind_i64(stmt, at++, object->modified_at_ms);
    stmt_bind_str(stmt, at++, object->etag);
    stmt_bind_str(stmt, at++, object->version_id);
    stmt_bind_i64(stmt, at++, object->checksum_kind);
    stmt_bind_i64(stmt, at++, object->is_composite);
    stmt_bind_str(stmt, at++, object->checksum);
    stmt_bind_i64(stmt, at++, object->encryption);
    stmt_bind_str(stmt, at++, object->kms_key);
    stmt_bind_i64(stmt, at++, object->has_bucket_key);
    stmt_bind_str(stmt, at, completed->expiration);
    return run(stmt);
}

int s3_store_delete_completed(struct db *db, int64_t bucket_key, int64_t until_ms, int64_t limit)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_delete_completed, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, bucket_key);
    stmt_bind_i64(stmt, 2, until_ms);
    stmt_bind_i64(stmt, 3, limit);
    return run(stmt);
}

int s3_store_oldest_completed(struct db *db, int64_t bucket_key, int64_t *out_ms)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_oldest_completed, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, bucket_key);
    rc = stmt_step(stmt);
    if (rc == 1)
        *out_ms = stmt_i64(stmt, 0);
    return rc;
}

/* 0 with both outputs absent when there is none. */
static int find_secret(struct db *db, struct arena *arena, const char *sql, int64_t bucket_key,
                       struct str kms_key, int64_t at_ms, int64_t *out_made_at_ms,
                       struct str *out_secret)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, bucket_key);
    stmt_bind_str(stmt, 2, kms_key);
    stmt_bind_i64(stmt, 3, at_ms);
    rc = stmt_step(stmt);
    if (rc < 0)
        return rc;
    *out_made_at_ms = rc == 1 ? stmt_i64(stmt, 0) : 0;
    *out_secret = rc == 1 ? stmt_str(stmt, 1, arena) : (struct str){0};
    return 0;
}

int s3_store_find_secret(struct db *db, struct arena *arena, int64_t bucket_key, struct str kms_key,
                         int64_t since_ms, int64_t *out_made_at_ms, struct str *out_secret)
{
    return find_secret(db, arena, sql_newest_secret, bucket_key, kms_key, since_ms, out_made_at_ms,
                       out_secret);
}

int s3_store_get_secret(struct db *db, struct arena *arena, int64_t bucket_key, struct str kms_key,
                        int64_t made_at_ms, struct str *out_secret)
{
    int64_t made_at_ms_again = 0;
    return find_secret(db, arena, sql_get_secret, bucket_key, kms_key, made_at_ms,
                       &made_at_ms_again, out_secret);
}

int s3_store_put_secret(struct db *db, int64_t bucket_key, struct str kms_key, int64_t made_at_ms,
                        struct str secret)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_put_secret, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, bucket_key);
    stmt_bind_str(stmt, 2, kms_key);
    stmt_bind_i64(stmt, 3, made_at_ms);
    stmt_bind_blob(stmt, 4, secret);
    return run(stmt);
}
