/* body.c — stored bodies and who names them; the pieces that a range of an object consists of.
 *
 * Docs: store/bodies.h for the files, wire/stream.h for how they come and go.
 */
#include <errno.h>

#include "auth/seal.h"
#include "base/arena.h"
#include "base/rand.h"
#include "service/s3/store.h"
#include "store/bodies.h"

enum {
    BODY_RANDOM_BITS = 20,
    BODY_MAX_TRIES = 8, /* to find a number that nobody has */
};

/* Milliseconds and random bits: rows are appended. */
static int64_t new_body_key(const struct call *call)
{
    return (call->now_ms << BODY_RANDOM_BITS) | (int64_t)rand_below(1U << BODY_RANDOM_BITS);
}

int s3_add_body(struct call *call, struct s3_body *body)
{
    for (int i = 0; i < BODY_MAX_TRIES; i++) {
        body->body_key = new_body_key(call);
        int rc = s3_store_put_body(call->db, body);
        if (rc != 0)
            return rc < 0 ? rc : 0;
    }
    return -EEXIST;
}

int s3_keep_body(struct call *call, const struct call_body *body, int64_t *out_body_key)
{
    struct s3_body row = {.refs = 1, .file = body->id, .bytes = body->bytes};
    if (!str_is_set(row.file) && !str_is_set(row.bytes))
        row.bytes = STR("");
    int rc = s3_add_body(call, &row);
    if (rc < 0)
        return rc;
    if (str_is_set(body->id))
        call_keep_body(call);
    *out_body_key = row.body_key;
    return 0;
}

/* The bodies of a list's pieces (of one part, or number 0: of all) lose a referrer each. Lists hold
 * no lists. */
static enum status release_pieces(struct call *call, int64_t list_key, int64_t number)
{
    struct s3_piece *pieces = NULL;
    size_t count = 0;
    int rc = number > 0
                 ? s3_store_part_pieces(call->db, call->arena, list_key, number, &pieces, &count)
                 : s3_store_list_pieces(call->db, call->arena, list_key, -1, false, INT64_MAX,
                                        &pieces, &count);
    if (rc < 0)
        return call_fail_internal(call, rc, "s3: list pieces");
    for (size_t i = 0; i < count; i++) {
        enum status status = s3_release_body(call, pieces[i].body_key);
        if (status != STATUS_DONE)
            return status;
    }
    rc = s3_store_delete_pieces(call->db, list_key, number);
    return rc < 0 ? call_fail_internal(call, rc, "s3: delete pieces") : STATUS_DONE;
}

enum status s3_release_part(struct call *call, int64_t list_key, int64_t number)
{
    return release_pieces(call, list_key, number);
}

enum status s3_share_body(struct call *call, int64_t body_key)
{
    int rc = s3_store_count_body(call->db, body_key, 1);
    return rc < 0 ? call_fail_internal(call, rc, "s3: count body") : STATUS_DONE;
}

enum status s3_release_body(struct call *call, int64_t body_key)
{
    struct s3_body *body = NULL;
    if (body_key == 0)
        return STATUS_DONE;
    int rc = s3_store_delete_last(call->db, call->arena, body_key, &body);
    if (rc == 0 && !body) /* others name it, too */
        rc = s3_store_count_body(call->db, body_key, -1);
    if (rc < 0)
        return call_fail_internal(call, rc, "s3: release body");
    if (!body || str_is_set(body->bytes))
        return STATUS_DONE;
    if (!str_is_set(body->file))
        return release_pieces(call, body_key, 0);
    call_remove_body(call, body->file);
    return STATUS_DONE;
}

/* `length` bytes of a body's text from `offset` on. */
static struct body_piece piece_of(const struct s3_body *body, int64_t offset, int64_t length,
                                  struct str key, struct str iv)
{
    struct body_piece piece = {
        .bytes = body->bytes, .id = body->file, .offset = offset, .length = length};
    if (str_is_set(key) && str_is_set(iv))
        piece.cipher = (struct body_cipher){.key = key, .iv = iv};
    return piece;
}

/* The part of a row of s3_piece that lies in the range. */
static enum status piece_in_range(struct call *call, const struct s3_piece *row,
                                  struct str object_key, int64_t first, int64_t length,
                                  struct body_piece *out)
{
    struct s3_body *body = NULL;
    struct str key = object_key;
    int rc = s3_store_find_body(call->db, call->arena, row->body_key, &body);
    if (rc < 0 || !body)
        return call_fail_internal(call, rc < 0 ? rc : -ENOENT, "s3: find body of a piece");
    if (str_is_set(row->wrapped_key)) {
        rc = unseal(call->arena, object_key, row->wrapped_key, &key);
        if (rc < 0)
            return call_fail_internal(call, rc, "s3: unwrap the key of a piece");
    }
    const int64_t from = first > row->place ? first - row->place : 0;
    const int64_t end =
        first + length < row->place + row->size ? first + length - row->place : row->size;
    *out = piece_of(body, row->body_offset + from, end - from, key, row->body_iv);
    return STATUS_DONE;
}

static enum status pieces_of_list(struct call *call, int64_t list_key, struct str object_key,
                                  int64_t first, int64_t length, struct body_piece **out_pieces,
                                  size_t *out_count)
{
    struct s3_piece *rows = NULL;
    size_t count = 0;
    size_t used = 0;
    int rc = s3_store_range_pieces(call->db, call->arena, list_key, first, length, &rows, &count);
    if (rc < 0)
        return call_fail_internal(call, rc, "s3: find pieces");
    struct body_piece *pieces = arena_alloc_array(call->arena, count + 1, sizeof(*pieces));
    for (size_t i = 0; i < count; i++) {
        if (rows[i].size == 0 || rows[i].place + rows[i].size <= first)
            continue;
        enum status status =
            piece_in_range(call, &rows[i], object_key, first, length, &pieces[used++]);
        if (status != STATUS_DONE)
            return status;
    }
    *out_pieces = pieces;
    *out_count = used;
    return STATUS_DONE;
}

enum status s3_pieces_of(struct call *call, const struct s3_object_row *object,
                         struct str object_key, int64_t first, int64_t length,
                         struct body_piece **out_pieces, size_t *out_count)
{
    struct s3_body *body = NULL;
    *out_pieces = NULL;
    *out_count = 0;
    if (length == 0)
        return STATUS_DONE;
    int rc = s3_store_find_body(call->db, call->arena, object->body_key, &body);
    if (rc < 0 || !body)
        return call_fail_internal(call, rc < 0 ? rc : -ENOENT, "s3: find body");
    if (!str_is_set(body->file) && !str_is_set(body->bytes))
        return pieces_of_list(call, object->body_key, object_key, first, length, out_pieces,
                              out_count);
    *out_pieces = arena_alloc(call->arena, sizeof(**out_pieces));
    **out_pieces = piece_of(body, object->body_offset + first, length, object_key, object->body_iv);
    *out_count = 1;
    return STATUS_DONE;
}

enum status s3_send_object(struct call *call, const struct s3_bucket_row *bucket,
                           const struct s3_object_row *object,
                           const struct s3_customer_key *customer, int64_t first, int64_t length)
{
    struct str key = {0};
    struct body_piece *pieces = NULL;
    size_t count = 0;
    enum status status = s3_open_key(call, bucket, object, customer, &key);
    if (status == STATUS_DONE)
        status = s3_pieces_of(call, object, key, first, length, &pieces, &count);
    return status == STATUS_DONE ? call_send(call, pieces, count) : status;
}

static bool knows_file(void *context, struct str id)
{
    struct db *db = context;
    return s3_store_knows_file(db, id) != 0; /* an error removes nothing */
}

int s3_sweep_bodies(struct store *store)
{
    AUTO(db) struct db *db = NULL;
    int rc = db_open(store, &db);
    if (rc == 0)
        rc = db_begin(db, TX_READ);
    if (rc < 0)
        return rc;
    rc = bodies_sweep(store, knows_file, db);
    db_rollback(db);
    return rc;
}
