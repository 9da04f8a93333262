/* encrypt.c — Encrypt, Decrypt, ReEncrypt.
 *
 * Docs: KMS API reference, Encrypt, Decrypt, ReEncrypt.
 */
#include <errno.h>

#include "base/arena.h"
#include "service/kms/kms.h"

static struct str algorithm_or_default(struct str algorithm)
{
    return str_or(algorithm, STR("SYMMETRIC_DEFAULT"));
}

/* Everything that must hold before a key encrypts or decrypts. */
static enum status check_key(struct call *call, const struct kms_key *key, struct str algorithm,
                             const struct kms_encryption_context_type *context)
{
    enum status status = kms_require_usable(call, key);
    if (status == STATUS_DONE)
        status = kms_require_usage(call, key, "ENCRYPT_DECRYPT");
    if (status == STATUS_DONE)
        status = kms_require_algorithm(call, key, kms_encryption_algorithms(key->spec), algorithm);
    if (status == STATUS_DONE && key->spec->family != KMS_SYMMETRIC && context->count > 0)
        status = call_fail(call, &ERROR_VALIDATION,
                           "EncryptionContext is not valid with asymmetric KMS keys.");
    return status;
}

static enum status encrypt(struct call *call, const struct kms_key *key, struct str algorithm,
                           const struct kms_encryption_context_type *context, struct str plain,
                           struct str *out_blob)
{
    if (key->spec->family == KMS_SYMMETRIC)
        return kms_encrypt_symmetric(call, key, context, plain, out_blob);
    struct str secret = {0};
    enum status status = kms_current_secret(call, key, &secret);
    if (status != STATUS_DONE)
        return status;
    /* RFC 8017, 7.1.1: mLen <= k - 2 hLen - 2. */
    size_t most = (size_t)key->spec->bits / 8 - 2 * kms_digest_size(algorithm) - 2;
    if (plain.len > most)
        return call_fail(call, &ERROR_VALIDATION,
                         "Algorithm " STR_FMT " and key spec " STR_FMT
                         " cannot encrypt data larger than %zu bytes.",
                         STR_ARG(algorithm), STR_ARG(key->spec->name), most);
    int rc = kms_rsa_encrypt(call->arena, secret, algorithm, plain, out_blob);
    return rc < 0 ? call_fail_internal(call, rc, "kms: encrypt with RSA") : STATUS_DONE;
}

static enum status decrypt(struct call *call, const struct kms_key *key, struct str algorithm,
                           const struct kms_encryption_context_type *context, struct str blob,
                           struct str *out_plain, struct str *out_material_id)
{
    if (key->spec->family == KMS_SYMMETRIC)
        return kms_decrypt_symmetric(call, key, context, blob, out_plain, out_material_id);
    struct str secret = {0};
    enum status status = kms_current_secret(call, key, &secret);
    if (status != STATUS_DONE)
        return status;
    int rc = kms_rsa_decrypt(call->arena, secret, algorithm, blob, out_plain);
    if (rc == -EBADMSG)
        return call_fail(call, &KMS_INVALID_CIPHERTEXT_EXCEPTION, "%s", "");
    return rc < 0 ? call_fail_internal(call, rc, "kms: decrypt with RSA") : STATUS_DONE;
}

enum status kms_encrypt(struct call *call, const struct kms_encrypt_in *in,
                        struct kms_encrypt_out *out)
{
    const struct kms_key *key = kms_subject_key(call);
    struct str algorithm = algorithm_or_default(in->encryption_algorithm);
    enum status status = check_key(call, key, algorithm, &in->encryption_context);
    if (status == STATUS_DONE)
        status = kms_end_dry_run(call, in->dry_run);
    if (status == STATUS_DONE)
        status = encrypt(call, key, algorithm, &in->encryption_context, in->plaintext,
                         &out->ciphertext_blob);
    out->key_id = key->arn;
    out->encryption_algorithm = algorithm;
    return status;
}

static enum status require_blob(struct call *call, struct str blob)
{
    if (blob.ptr)
        return STATUS_DONE;
    return call_fail(call, &ERROR_VALIDATION, "CiphertextBlob is required.");
}

enum status kms_decrypt(struct call *call, const struct kms_decrypt_in *in,
                        struct kms_decrypt_out *out)
{
    const struct kms_key *key = kms_subject_key(call);
    struct str algorithm = algorithm_or_default(in->encryption_algorithm);
    enum status status = require_blob(call, in->ciphertext_blob);
    if (status == STATUS_DONE)
        status = check_key(call, key, algorithm, &in->encryption_context);
    if (status == STATUS_DONE)
        status = kms_refuse_recipient(call, in->recipient);
    if (status == STATUS_DONE)
        status = kms_end_dry_run(call, in->dry_run);
    if (status == STATUS_DONE)
        status = decrypt(call, key, algorithm, &in->encryption_context, in->ciphertext_blob,
                         &out->plaintext, &out->key_material_id);
    out->key_id = key->arn;
    out->encryption_algorithm = algorithm;
    return status;
}

/* The runtime asked for kms:ReEncryptFrom on the source; the destination has its own permission. */
static enum status authorize_destination(struct call *call, const struct kms_re_encrypt_in *in)
{
    const struct kms_subject *subject = kms_subject(call);
    struct authorization what = {0};
    enum status status =
        kms_describe_access(call, in, subject->destination, STR(""), STR("kms:ReEncryptTo"), &what);
    return status == STATUS_DONE ? call_authorize(call, &what) : status;
}

enum status kms_re_encrypt(struct call *call, const struct kms_re_encrypt_in *in,
                           struct kms_re_encrypt_out *out)
{
    const struct kms_key *source = kms_subject_key(call);
    const struct kms_key *target = kms_subject(call)->destination;
    struct str from = algorithm_or_default(in->source_encryption_algorithm);
    struct str to = algorithm_or_default(in->destination_encryption_algorithm);
    struct str plain = {0};
    enum status status = require_blob(call, in->ciphertext_blob);
    if (status == STATUS_DONE)
        status = authorize_destination(call, in);
    if (status == STATUS_DONE)
        status = check_key(call, source, from, &in->source_encryption_context);
    if (status == STATUS_DONE)
        status = check_key(call, target, to, &in->destination_encryption_context);
    if (status == STATUS_DONE)
        status = kms_end_dry_run(call, in->dry_run);
    if (status == STATUS_DONE)
        status = decrypt(call, source, from, &in->source_encryption_context, in->ciphertext_blob,
                         &plain, &out->source_key_material_id);
    if (status == STATUS_DONE)
        status = encrypt(call, target, to, &in->destination_encryption_context, plain,
                         &out->ciphertext_blob);
    if (status != STATUS_DONE)
        return status;
    out->source_key_id = source->arn;
    out->key_id = target->arn;
    out->source_encryption_algorithm = from;
    out->destination_encryption_algorithm = to;
    if (target->spec->family == KMS_SYMMETRIC)
        out->destination_key_material_id = target->material_id;
    return STATUS_DONE;
}
