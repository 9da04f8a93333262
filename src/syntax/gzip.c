/* gzip.c — gzip over ISA-L's igzip. */
#include "syntax/gzip.h"

#include <errno.h>
#include <isa-l/igzip_lib.h>

#include "base/arena.h"
#include "base/buf.h"

enum {
    CHUNK_BYTES = 64 * 1024,
    OVERHEAD_BYTES = 4096, /* header, trailer, tables; a byte's code has at most 15 bits */
};

/* ISA-L counts in 32 bits and does not promise to leave its input alone by type. */
static uint8_t *input(struct str bytes)
{
    union {
        const char *given;
        uint8_t *taken;
    } pointer = {.given = bytes.ptr};
    return pointer.taken;
}

struct str gzip_compress(struct arena *arena, struct str bytes)
{
    struct isal_zstream *stream = arena_alloc(arena, sizeof(*stream));
    size_t room = 2 * bytes.len + OVERHEAD_BYTES;
    CHECK(room < UINT32_MAX);
    char *out = arena_alloc_text(arena, room);
    isal_deflate_init(stream);
    stream->gzip_flag = IGZIP_GZIP;
    stream->end_of_stream = 1;
    stream->flush = NO_FLUSH;
    stream->next_in = input(bytes);
    stream->avail_in = (uint32_t)bytes.len;
    stream->next_out = (uint8_t *)out;
    stream->avail_out = (uint32_t)room;
    while (stream->internal_state.state != ZSTATE_END) {
        int rc = isal_deflate(stream);
        CHECK(rc == COMP_OK && stream->avail_out > 0);
    }
    return str_of(out, stream->total_out);
}

/* One member from the front of *rest. */
static int take_member(struct inflate_state *state, struct str *rest, uint8_t *chunk,
                       struct buf *out)
{
    isal_inflate_init(state);
    state->crc_flag = ISAL_GZIP;
    state->next_in = input(*rest);
    state->avail_in = (uint32_t)rest->len;
    do {
        uint32_t left = state->avail_in;
        state->next_out = chunk;
        state->avail_out = CHUNK_BYTES;
        if (isal_inflate(state) != ISAL_DECOMP_OK)
            return -EINVAL;
        size_t made = CHUNK_BYTES - state->avail_out;
        buf_append(out, str_of((const char *)chunk, made));
        if (out->is_full)
            return -EFBIG;
        bool is_stuck = made == 0 && state->avail_in == left;
        if (is_stuck && state->block_state != ISAL_BLOCK_FINISH)
            return -EINVAL; /* cut off */
    } while (state->block_state != ISAL_BLOCK_FINISH);
    *rest = str_from(*rest, rest->len - state->avail_in);
    return 0;
}

int gzip_decompress(struct arena *arena, struct str file, size_t max_bytes, struct str *out_bytes)
{
    if (file.len == 0 || file.len >= UINT32_MAX)
        return file.len == 0 ? -EINVAL : -EFBIG;
    struct inflate_state *state = arena_alloc(arena, sizeof(*state));
    uint8_t *chunk = arena_alloc(arena, CHUNK_BYTES);
    struct buf out;
    buf_init(&out, arena, max_bytes);
    struct str rest = file;
    int rc = 0;
    while (rest.len > 0 && rc == 0)
        rc = take_member(state, &rest, chunk, &out);
    if (rc == 0)
        *out_bytes = buf_str(&out);
    return rc;
}
