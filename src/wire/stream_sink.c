/* stream_sink.c — where the text of a body goes: counted, summed, enciphered, into memory while it
 * is small and then into a file.
 */
#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/mem.h"
#include "store/bodies.h"
#include "wire/request.h"

enum {
    CIPHER_STEP_BYTES = 64 * 1024,
};

struct body_sink {
    struct arena *arena;
    struct store *store;
    const struct body_plan *plan;
    struct checksums checksums;
    struct body_crypter crypter;
    struct body_writer *writer; /* NULL while the text is in memory */
    char *memory;               /* BODY_INLINE_BYTES, of the arena */
    int64_t size;
};

struct body_sink *body_sink_new(struct arena *arena, struct store *store,
                                const struct body_plan *plan)
{
    struct body_sink *sink = mem_new(sizeof(*sink));
    sink->arena = arena;
    sink->store = store;
    sink->plan = plan;
    checksums_init(&sink->checksums, plan->checksums);
    if (plan->cipher.key.len > 0)
        body_crypter_init(&sink->crypter, &plan->cipher, 0);
    return sink;
}

void body_sink_free(struct body_sink *sink)
{
    if (!sink)
        return;
    body_abort(sink->writer);
    body_crypter_deinit(&sink->crypter);
    mem_free(sink);
}

void body_sink_autoclose(struct body_sink **slot)
{
    body_sink_free(*slot);
}

static int keep_in_memory(struct body_sink *sink, struct str text)
{
    if (!sink->memory)
        sink->memory = arena_alloc_text(sink->arena, BODY_INLINE_BYTES);
    char *at = sink->memory + sink->size;
    memcpy(at, text.ptr, text.len);
    if (sink->crypter.context)
        body_crypter_update(&sink->crypter, at, text.len);
    return 0;
}

static int start_file(struct body_sink *sink)
{
    int rc = body_create(sink->store, &sink->writer);
    if (rc < 0 || sink->size == 0)
        return rc;
    return body_write(sink->writer, str_of(sink->memory, (size_t)sink->size));
}

static int write_enciphered(struct body_sink *sink, struct str text)
{
    char *step = mem_new_array(CIPHER_STEP_BYTES, 1);
    int rc = 0;
    while (rc == 0 && text.len > 0) {
        size_t len = text.len < CIPHER_STEP_BYTES ? text.len : CIPHER_STEP_BYTES;
        memcpy(step, text.ptr, len);
        body_crypter_update(&sink->crypter, step, len);
        rc = body_write(sink->writer, str_of(step, len));
        text = str_from(text, len);
    }
    mem_free(step);
    return rc;
}

int body_sink_write(struct body_sink *sink, struct str text)
{
    if (text.len == 0)
        return 0;
    if (sink->plan->max_bytes > 0 && (int64_t)text.len > sink->plan->max_bytes - sink->size)
        return -EFBIG;
    checksums_update(&sink->checksums, text);
    int rc = 0;
    if (!sink->writer && sink->size + (int64_t)text.len <= BODY_INLINE_BYTES) {
        rc = keep_in_memory(sink, text);
    } else {
        if (!sink->writer)
            rc = start_file(sink);
        if (rc == 0)
            rc = sink->crypter.context ? write_enciphered(sink, text)
                                       : body_write(sink->writer, text);
    }
    sink->size += (int64_t)text.len;
    return rc;
}

struct str body_sink_checksum(struct body_sink *sink, enum checksum_kind kind)
{
    struct checksums copy = sink->checksums;
    char *out = arena_alloc_text(sink->arena, CHECKSUM_MAX_SIZE);
    return str_of(out, checksums_final(&copy, kind, (unsigned char *)out));
}

int body_sink_finish(struct body_sink *sink, struct call_body **out_body)
{
    struct call_body *body = arena_alloc(sink->arena, sizeof(*body));
    body->size = sink->size;
    body->cipher = sink->plan->cipher;
    for (int kind = 0; kind < CHECKSUM_KIND_COUNT; kind++) {
        if (sink->plan->checksums & 1U << kind)
            body->checksums[kind] = body_sink_checksum(sink, (enum checksum_kind)kind);
    }
    if (sink->writer) {
        int rc = body_commit(sink->arena, TAKE(sink->writer), &body->id);
        if (rc < 0)
            return rc;
    } else {
        body->bytes = sink->size > 0 ? str_of(sink->memory, (size_t)sink->size) : STR("");
    }
    *out_body = body;
    return 0;
}
