/* stream.c — what handlers and engines do with bodies: keeping, removing, sending, making, reading.
 *
 * The passing of bodies in from a connection is in stream_in.c, out to it in stream_out.c.
 */
#include "wire/stream.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "store/bodies.h"
#include "wire/request.h"

enum {
    CIPHER_BLOCK_BYTES = 16,
    READ_BYTES = 256 * 1024,
};

void call_keep_body(struct call *call)
{
    CHECK(call->body);
    call->body->is_kept = true;
}

void call_remove_body(struct call *call, struct str id)
{
    if (id.len > 0)
        effects_remove_body(call->effects, call->arena, id);
}

void effects_remove_body(struct call_effects *effects, struct arena *arena, struct str id)
{
    if (effects->removal_count == effects->removal_capacity) {
        size_t capacity = effects->removal_capacity > 0 ? 2 * effects->removal_capacity : 8;
        struct str *grown = arena_alloc_array(arena, capacity, sizeof(*grown));
        if (effects->removal_count > 0)
            memcpy(grown, effects->removals, effects->removal_count * sizeof(*grown));
        effects->removals = grown;
        effects->removal_capacity = capacity;
    }
    effects->removals[effects->removal_count++] = str_copy(arena, id);
}

void effects_apply(const struct call_effects *effects, struct store *store)
{
    for (size_t i = 0; i < effects->removal_count; i++)
        body_remove(store, effects->removals[i]);
}

void call_add_header(struct call *call, struct str name, struct str value)
{
    struct call_answer *answer = call->answer;
    if (!answer)
        return;
    if (answer->header_count == answer->header_capacity) {
        size_t capacity = answer->header_capacity > 0 ? 2 * answer->header_capacity : 8;
        struct http_header *grown = arena_alloc_array(call->arena, capacity, sizeof(*grown));
        if (answer->header_count > 0)
            memcpy(grown, answer->headers, answer->header_count * sizeof(*grown));
        answer->headers = grown;
        answer->header_capacity = capacity;
    }
    answer->headers[answer->header_count++] = (struct http_header){.name = name, .value = value};
}

void call_set_status(struct call *call, int status)
{
    if (call->answer)
        call->answer->status = status;
}

void answer_unpin(struct call_answer *answer, struct store *store)
{
    for (size_t i = 0; i < answer->pinned_count; i++) {
        if (answer->pieces[i].id.len > 0)
            body_unpin(store, answer->pieces[i].id);
    }
    answer->pinned_count = 0;
}

/* A file that went between the row's reading and now went with a commit that this transaction does
 * not see: run again, it will. */
enum status call_send(struct call *call, const struct body_piece *pieces, size_t piece_count)
{
    struct call_answer *answer = call->answer;
    if (!answer)
        return STATUS_DONE;
    struct store *store = call->runtime->store;
    answer_unpin(answer, store);
    answer->pieces = pieces;
    answer->piece_count = piece_count;
    answer->has_pieces = true;
    for (; answer->pinned_count < piece_count; answer->pinned_count++) {
        struct str id = pieces[answer->pinned_count].id;
        if (id.len > 0 && body_pin(store, id) < 0) {
            int rc = call->run_count < STREAM_MAX_MISSES ? -EAGAIN : -EIO;
            return call_fail_internal(call, rc, "the file of a body is missing");
        }
    }
    return STATUS_DONE;
}

void body_crypt(const struct body_cipher *cipher, int64_t offset, char *bytes, size_t len)
{
    if (cipher->key.len == 0 || len == 0)
        return;
    struct body_crypter crypter;
    body_crypter_init(&crypter, cipher, offset);
    body_crypter_update(&crypter, bytes, len);
    body_crypter_deinit(&crypter);
}

/* AES-256-CTR: the counter is the whole block, big-endian, from the IV on (NIST SP 800-38A). */
void body_crypter_init(struct body_crypter *crypter, const struct body_cipher *cipher,
                       int64_t offset)
{
    CHECK(cipher->key.len == BODY_KEY_BYTES && cipher->iv.len == BODY_IV_BYTES && offset >= 0);
    unsigned char counter[BODY_IV_BYTES];
    memcpy(counter, cipher->iv.ptr, sizeof(counter));
    uint64_t carry = (uint64_t)offset / CIPHER_BLOCK_BYTES;
    for (int i = BODY_IV_BYTES - 1; i >= 0 && carry > 0; i--) {
        carry += counter[i];
        counter[i] = (unsigned char)carry;
        carry >>= 8;
    }
    crypter->context = EVP_CIPHER_CTX_new();
    CHECK(crypter->context);
    int rc = EVP_EncryptInit_ex(crypter->context, EVP_aes_256_ctr(), NULL,
                                (const unsigned char *)cipher->key.ptr, counter);
    CHECK(rc == 1);
    char skipped[CIPHER_BLOCK_BYTES] = {0};
    body_crypter_update(crypter, skipped, (size_t)(offset % CIPHER_BLOCK_BYTES));
}

void body_crypter_update(struct body_crypter *crypter, char *bytes, size_t len)
{
    CHECK(len <= INT32_MAX);
    int out_len = 0;
    unsigned char *at = (unsigned char *)bytes;
    if (len > 0)
        CHECK(EVP_EncryptUpdate(crypter->context, at, &out_len, at, (int)len) == 1);
}

void body_crypter_deinit(struct body_crypter *crypter)
{
    EVP_CIPHER_CTX_free(crypter->context);
    crypter->context = NULL;
}

/* ---- bodies of engines' own ---- */

int call_make_body(struct call *call, const struct body_plan *plan, struct str text,
                   struct call_body **out_body)
{
    AUTO(body_sink) struct body_sink *sink = body_sink_new(call->arena, call->runtime->store, plan);
    int rc = body_sink_write(sink, text);
    return rc < 0 ? rc : body_sink_finish(sink, out_body);
}

static int read_file(struct call *call, const struct body_piece *piece, char *out)
{
    int64_t size = 0;
    int fd = body_open(call->runtime->store, piece->id, &size);
    if (fd < 0)
        return -EIO;
    int64_t done = 0;
    while (done < piece->length) {
        ssize_t got = pread(fd, out + done, (size_t)(piece->length - done), piece->offset + done);
        if (got <= 0)
            break;
        done += got;
    }
    close(fd);
    return done == piece->length ? 0 : -EIO;
}

int call_read_pieces(struct call *call, const struct call_answer *answer, size_t max_bytes,
                     struct str *out_text)
{
    int64_t total = 0;
    for (size_t i = 0; i < answer->piece_count; i++)
        total += answer->pieces[i].length;
    if (total > (int64_t)max_bytes)
        return -EMSGSIZE;
    char *text = arena_alloc_text(call->arena, (size_t)total);
    char *at = text;
    for (size_t i = 0; i < answer->piece_count; i++) {
        const struct body_piece *piece = &answer->pieces[i];
        if (piece->id.len > 0) {
            int rc = read_file(call, piece, at);
            if (rc < 0)
                return rc;
        } else if (piece->length > 0) {
            memcpy(at, piece->bytes.ptr + piece->offset, (size_t)piece->length);
        }
        body_crypt(&piece->cipher, piece->offset, at, (size_t)piece->length);
        at += piece->length;
    }
    *out_text = str_of(text, (size_t)total);
    return 0;
}
