/* rewrite.c — the few copies that need the text itself.
 *
 * A copy shares its source's body (s3.h). The text is read only when a digest of it is not known
 * (an ETag or checksum of something uploaded in parts), and stored anew only when it was kept as it
 * came and is to be enciphered now. That is done here, in steps of bounded memory; it keeps its
 * worker busy meanwhile, about a second per gigabyte.
 */
#include "service/s3/rewrite.h"

#include <errno.h>

#include "base/arena.h"
#include "service/s3/store.h"
#include "store/bodies.h"

enum {
    STEP_BYTES = 1024 * 1024,
};

struct work {
    struct call *call;
    struct s3_rewrite *rewrite;
    struct checksums sums;
    struct body_writer *writer;
    struct str bytes; /* of a small one */
    int64_t done;
};

/* Takes the next part of the text; `text` may be changed. */
static int take(struct work *work, char *text, size_t len)
{
    const struct s3_rewrite *rewrite = work->rewrite;
    checksums_update(&work->sums, str_of(text, len));
    if (!rewrite->stores)
        return 0;
    body_crypt(&rewrite->cipher, work->done, text, len);
    work->done += (int64_t)len;
    if (work->writer)
        return body_write(work->writer, str_of(text, len));
    work->bytes = str_concat(work->call->arena, str_or(work->bytes, STR("")), str_of(text, len));
    return 0;
}

static int read_piece(struct work *work, const struct body_piece *piece)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct call step_call = *work->call;
    step_call.arena = arena;
    for (int64_t at = 0; at < piece->length; at += STEP_BYTES) {
        struct str text = {0};
        struct body_piece step = *piece;
        step.offset += at;
        step.length = piece->length - at < STEP_BYTES ? piece->length - at : STEP_BYTES;
        const struct call_answer answer = {.pieces = &step, .piece_count = 1};
        int rc = call_read_pieces(&step_call, &answer, STEP_BYTES, &text);
        if (rc < 0)
            return rc;
        char *copy = arena_alloc_text(arena, text.len);
        for (size_t i = 0; i < text.len; i++)
            copy[i] = text.ptr[i];
        rc = take(work, copy, text.len);
        if (rc < 0)
            return rc;
        arena_reset(arena);
    }
    return 0;
}

static int read_all(struct work *work)
{
    for (size_t i = 0; i < work->rewrite->piece_count; i++) {
        int rc = read_piece(work, &work->rewrite->pieces[i]);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* A new body; its file, should the transaction fail, is swept at the next start. */
static int store_text(struct work *work)
{
    struct s3_body body = {.refs = 1};
    /* Asked before the work is done: does this transaction write at all? */
    int rc = s3_store_count_body(work->call->db, 0, 0);
    if (rc < 0 && rc != -ENOENT)
        return rc;
    AUTO(body) struct body_writer *writer = NULL;
    if (work->rewrite->size > BODY_INLINE_BYTES) {
        rc = body_create(db_store(work->call->db), &writer);
        if (rc < 0)
            return rc;
    }
    work->writer = writer;
    rc = read_all(work);
    if (rc < 0)
        return rc;
    work->writer = NULL;
    if (writer)
        rc = body_commit(work->call->arena, TAKE(writer), &body.file);
    else
        body.bytes = str_or(work->bytes, STR(""));
    if (rc == 0)
        rc = s3_add_body(work->call, &body);
    work->rewrite->body_key = body.body_key;
    return rc;
}

enum status s3_rewrite(struct call *call, struct s3_rewrite *rewrite)
{
    struct work work = {.call = call, .rewrite = rewrite};
    checksums_init(&work.sums, rewrite->checksums);
    int rc = rewrite->stores ? store_text(&work) : read_all(&work);
    if (rc < 0)
        return call_fail_internal(call, rc, "s3: read a stored text");
    for (int kind = 0; kind < CHECKSUM_KIND_COUNT; kind++) {
        if (!(rewrite->checksums & (1U << kind)))
            continue;
        char *raw = arena_alloc_text(call->arena, CHECKSUM_MAX_SIZE);
        size_t size = checksums_final(&work.sums, (enum checksum_kind)kind, (unsigned char *)raw);
        rewrite->sums[kind] = str_of(raw, size);
    }
    return STATUS_DONE;
}
