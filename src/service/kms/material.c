/* material.c — secrets at rest, and the ciphertext blobs that symmetric keys make.
 *
 * A blob names its account, key and material, so Decrypt needs no KeyId and old blobs open after a
 * rotation; the key of a multi-region key has one id in all regions, so its blobs travel:
 *
 *     1 byte    version (1)
 *     12        account
 *     1 + n     key id
 *     32        material id
 *     12        nonce
 *     ...       AES-256-GCM ciphertext and tag; authenticated with all of the above and with the
 *               encryption context, sorted by key, each text with its length
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "auth/digest.h"
#include "auth/seal.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/rand.h"
#include "service/kms/kms.h"
#include "syntax/base64.h"

enum {
    BLOB_VERSION = 1,
    ACCOUNT_BYTES = 12,
    MAX_AAD = 64 * 1024, /* AWS: an encryption context has at most 8,192 characters */
};

int kms_master_key(struct call *call, struct str *out_key)
{
    int rc = kms_store_find_master(call->db, call->arena, out_key);
    if (rc != 0)
        return rc < 0 ? rc : 0;
    char fresh[KMS_MASTER_BYTES];
    rand_bytes(fresh, sizeof(fresh));
    rc = kms_store_put_master(call->db, str_of(fresh, sizeof(fresh)));
    if (rc == 0)
        rc = kms_store_find_master(call->db, call->arena, out_key);
    return rc == 0 ? -EIO : rc < 0 ? rc : 0;
}

enum status kms_seal_secret(struct call *call, struct str secret, struct str *out_sealed)
{
    struct str master = {0};
    int rc = kms_master_key(call, &master);
    if (rc < 0)
        return call_fail_internal(call, rc, "kms: master key");
    *out_sealed = seal(call->arena, master, secret);
    return STATUS_DONE;
}

enum status kms_open_secret(struct call *call, const struct kms_material *material,
                            struct str *out_secret)
{
    struct str master = {0};
    int rc = kms_master_key(call, &master);
    if (rc == 0)
        rc = unseal(call->arena, master, material->sealed, out_secret);
    return rc < 0 ? call_fail_internal(call, rc, "kms: open key material") : STATUS_DONE;
}

enum status kms_current_secret(struct call *call, const struct kms_key *key, struct str *out_secret)
{
    struct kms_material material = {0};
    int rc = kms_store_find_material(call->db, call->arena, key, key->material_id, &material);
    if (rc <= 0)
        return call_fail_internal(call, rc < 0 ? rc : -ENOENT, "kms: current key material");
    return kms_open_secret(call, &material, out_secret);
}

enum status kms_material_id(struct call *call, const struct kms_key *key, struct str secret,
                            struct str *out_id)
{
    struct str master = {0};
    int rc = kms_master_key(call, &master);
    if (rc < 0)
        return call_fail_internal(call, rc, "kms: master key");
    unsigned char id[DIGEST_SHA256_SIZE];
    struct str text = str_concat3(call->arena, key->scope.account, key->id, secret);
    digest_hmac_sha256(master, text, id);
    *out_id = digest_hex(call->arena, id, sizeof(id));
    return STATUS_DONE;
}

enum status kms_add_material(struct call *call, struct kms_key *key, struct str secret,
                             struct str rotation)
{
    struct kms_material material = {
        .created_at_ms = call->now_ms,
        .rotation = rotation,
        .state = KMS_MATERIAL_CURRENT,
        .serial = kms_store_next_serial(call->db, key),
    };
    if (material.serial < 0)
        return call_fail_internal(call, (int)material.serial, "kms: number key material");
    enum status status = kms_material_id(call, key, secret, &material.id);
    if (status == STATUS_DONE)
        status = kms_seal_secret(call, secret, &material.sealed);
    if (status != STATUS_DONE)
        return status;
    int rc = kms_store_retire_material(call->db, key);
    if (rc == 0)
        rc = kms_store_put_material(call->db, key, &material);
    key->material_id = material.id;
    return rc < 0 ? call_fail_internal(call, rc, "kms: write key material") : STATUS_DONE;
}

/* --- blobs --- */

int kms_blob_read(struct arena *arena, struct str bytes, struct kms_blob *out_blob)
{
    size_t at = 1 + ACCOUNT_BYTES;
    if (bytes.len <= at || bytes.ptr[0] != BLOB_VERSION)
        return -EBADMSG;
    size_t id_len = (unsigned char)bytes.ptr[at];
    size_t header_len = at + 1 + id_len + KMS_MATERIAL_ID_BYTES;
    if (bytes.len <= header_len)
        return -EBADMSG;
    struct str material = str_slice(bytes, at + 1 + id_len, KMS_MATERIAL_ID_BYTES);
    *out_blob = (struct kms_blob){
        .account = str_slice(bytes, 1, ACCOUNT_BYTES),
        .key_id = str_slice(bytes, at + 1, id_len),
        .material_id = hex_encode(arena, material),
        .header = str_slice(bytes, 0, header_len),
        .body = str_from(bytes, header_len),
    };
    if (!str_is_utf8(out_blob->account) || !str_is_utf8(out_blob->key_id) ||
        str_index(out_blob->key_id, '\0') >= 0 || str_index(out_blob->account, '\0') >= 0)
        return -EBADMSG;
    return 0;
}

static int compare_pairs(const void *a, const void *b)
{
    const struct kms_encryption_context_type_entry *left = a;
    const struct kms_encryption_context_type_entry *right = b;
    return str_compare(left->key, right->key);
}

static void append_text(struct buf *out, struct str text)
{
    unsigned char length[4] = {
        (unsigned char)(text.len >> 24),
        (unsigned char)(text.len >> 16),
        (unsigned char)(text.len >> 8),
        (unsigned char)text.len,
    };
    buf_append(out, str_of((const char *)length, sizeof(length)));
    buf_append(out, text);
}

/* 0, or -EMSGSIZE when the context is too long. */
static int make_aad(struct arena *arena, struct str header,
                    const struct kms_encryption_context_type *context, struct str *out_aad)
{
    struct buf aad;
    buf_init(&aad, arena, MAX_AAD);
    append_text(&aad, header);
    struct kms_encryption_context_type_entry *pairs =
        arena_alloc_array(arena, context->count + 1, sizeof(*pairs));
    for (size_t i = 0; i < context->count; i++)
        pairs[i] = context->items[i];
    qsort(pairs, context->count, sizeof(*pairs), compare_pairs);
    for (size_t i = 0; i < context->count; i++) {
        append_text(&aad, pairs[i].key);
        append_text(&aad, pairs[i].value);
    }
    *out_aad = buf_str(&aad);
    return aad.is_full ? -EMSGSIZE : 0;
}

static enum status context_too_long(struct call *call)
{
    return call_fail(call, &ERROR_VALIDATION, "Encryption context is too long");
}

enum status kms_encrypt_symmetric(struct call *call, const struct kms_key *key,
                                  const struct kms_encryption_context_type *context,
                                  struct str plain, struct str *out_blob)
{
    struct str secret = {0};
    enum status status = kms_current_secret(call, key, &secret);
    if (status != STATUS_DONE)
        return status;
    struct str material = {0};
    int rc = hex_decode(call->arena, key->material_id, &material);
    if (rc < 0)
        return call_fail_internal(call, rc, "kms: id of key material");
    struct buf header;
    buf_init(&header, call->arena, 256);
    buf_append_char(&header, BLOB_VERSION);
    buf_append(&header, key->scope.account);
    buf_append_char(&header, (char)key->id.len);
    buf_append(&header, key->id);
    buf_append(&header, material);
    CHECK(!header.is_full);
    struct str aad = {0};
    if (make_aad(call->arena, buf_str(&header), context, &aad) < 0)
        return context_too_long(call);
    *out_blob =
        str_concat(call->arena, buf_str(&header), kms_gcm_seal(call->arena, secret, aad, plain));
    return STATUS_DONE;
}

/* AWS: InvalidCiphertextException: "the request is rejected because the specified ciphertext, or
 * additional authenticated data incorporated into the ciphertext, such as the encryption context,
 * is corrupted, missing, or otherwise invalid." OBSERVED: its message is empty. */
enum status kms_decrypt_symmetric(struct call *call, const struct kms_key *key,
                                  const struct kms_encryption_context_type *context,
                                  struct str bytes, struct str *out_plain,
                                  struct str *out_material_id)
{
    struct kms_blob blob = {0};
    struct kms_material material = {0};
    if (kms_blob_read(call->arena, bytes, &blob) < 0)
        return call_fail(call, &KMS_INVALID_CIPHERTEXT_EXCEPTION, "%s", "");
    int rc = kms_store_find_material(call->db, call->arena, key, blob.material_id, &material);
    if (rc < 0)
        return call_fail_internal(call, rc, "kms: find key material");
    if (rc == 0)
        return call_fail(call, &KMS_INVALID_CIPHERTEXT_EXCEPTION, "%s", "");
    if (material.sealed.len == 0)
        return call_fail(call, &KMS_KMS_INVALID_STATE_EXCEPTION, STR_FMT " is pending import.",
                         STR_ARG(key->arn));
    struct str secret = {0};
    enum status status = kms_open_secret(call, &material, &secret);
    if (status != STATUS_DONE)
        return status;
    struct str aad = {0};
    if (make_aad(call->arena, blob.header, context, &aad) < 0)
        return context_too_long(call);
    if (kms_gcm_open(call->arena, secret, aad, blob.body, out_plain) < 0)
        return call_fail(call, &KMS_INVALID_CIPHERTEXT_EXCEPTION, "%s", "");
    *out_material_id = material.id;
    return STATUS_DONE;
}
