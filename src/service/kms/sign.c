/* sign.c — Sign, Verify, GenerateMac, VerifyMac, GetPublicKey, DeriveSharedSecret.
 *
 * Docs: KMS API reference of each; developer guide, "Key spec reference".
 */
#include "base/arena.h"
#include "service/kms/kms.h"

/* What is signed: the digest, made here for RAW messages. Ed25519 signs the message itself.
 * AWS: a RAW message is limited to 4,096 bytes; a DIGEST must have the algorithm's length. */
static enum status digest_of(struct call *call, struct str message, struct str type,
                             struct str algorithm, struct str *out_digest)
{
    bool is_digest = str_eq_cstr(type, "DIGEST");
    if (str_eq_cstr(type, "EXTERNAL_MU"))
        return call_fail(call, &ERROR_VALIDATION,
                         "MessageType EXTERNAL_MU is valid only for ML-DSA keys.");
    if (str_starts_with(algorithm, STR("ED25519"))) {
        *out_digest = message;
        return is_digest ? call_fail(call, &ERROR_VALIDATION,
                                     "Algorithm " STR_FMT " requires MessageType RAW.",
                                     STR_ARG(algorithm))
                         : STATUS_DONE;
    }
    if (is_digest && message.len != kms_digest_size(algorithm))
        return call_fail(call, &ERROR_VALIDATION,
                         "Digest is invalid length for algorithm " STR_FMT ".", STR_ARG(algorithm));
    *out_digest = is_digest ? message : kms_digest(call->arena, algorithm, message);
    return STATUS_DONE;
}

static enum status check_signing(struct call *call, const struct kms_key *key, struct str algorithm)
{
    enum status status = kms_require_usable(call, key);
    if (status == STATUS_DONE)
        status = kms_require_usage(call, key, "SIGN_VERIFY");
    if (status == STATUS_DONE)
        status = kms_require_algorithm(call, key, kms_signing_algorithms(key->spec), algorithm);
    return status;
}

enum status kms_sign(struct call *call, const struct kms_sign_in *in, struct kms_sign_out *out)
{
    const struct kms_key *key = kms_subject_key(call);
    struct str digest = {0};
    struct str secret = {0};
    enum status status = check_signing(call, key, in->signing_algorithm);
    if (status == STATUS_DONE)
        status = digest_of(call, in->message, in->message_type, in->signing_algorithm, &digest);
    if (status == STATUS_DONE)
        status = kms_end_dry_run(call, in->dry_run);
    if (status == STATUS_DONE)
        status = kms_current_secret(call, key, &secret);
    if (status != STATUS_DONE)
        return status;
    int rc = kms_sign_digest(call->arena, secret, in->signing_algorithm, digest, &out->signature);
    if (rc < 0)
        return call_fail_internal(call, rc, "kms: sign");
    out->key_id = key->arn;
    out->signing_algorithm = in->signing_algorithm;
    return STATUS_DONE;
}

enum status kms_verify(struct call *call, const struct kms_verify_in *in,
                       struct kms_verify_out *out)
{
    const struct kms_key *key = kms_subject_key(call);
    struct str digest = {0};
    struct str secret = {0};
    enum status status = check_signing(call, key, in->signing_algorithm);
    if (status == STATUS_DONE)
        status = digest_of(call, in->message, in->message_type, in->signing_algorithm, &digest);
    if (status == STATUS_DONE)
        status = kms_end_dry_run(call, in->dry_run);
    if (status == STATUS_DONE)
        status = kms_current_secret(call, key, &secret);
    if (status != STATUS_DONE)
        return status;
    /* OBSERVED: its message is empty. */
    if (!kms_verify_digest(call->arena, secret, in->signing_algorithm, digest, in->signature))
        return call_fail(call, &KMS_KMS_INVALID_SIGNATURE_EXCEPTION, "%s", "");
    out->key_id = key->arn;
    out->signature_valid = opt_bool(true);
    out->signing_algorithm = in->signing_algorithm;
    return STATUS_DONE;
}

static enum status make_mac(struct call *call, struct str algorithm, struct str message,
                            struct opt_bool dry_run, struct str *out_mac)
{
    const struct kms_key *key = kms_subject_key(call);
    struct str secret = {0};
    enum status status = kms_require_usable(call, key);
    if (status == STATUS_DONE)
        status = kms_require_usage(call, key, "GENERATE_VERIFY_MAC");
    if (status == STATUS_DONE)
        status = kms_require_algorithm(call, key, kms_mac_algorithms(key->spec), algorithm);
    if (status == STATUS_DONE)
        status = kms_end_dry_run(call, dry_run);
    if (status == STATUS_DONE)
        status = kms_current_secret(call, key, &secret);
    if (status == STATUS_DONE)
        *out_mac = kms_hmac(call->arena, secret, algorithm, message);
    return status;
}

enum status kms_generate_mac(struct call *call, const struct kms_generate_mac_in *in,
                             struct kms_generate_mac_out *out)
{
    out->key_id = kms_subject_key(call)->arn;
    out->mac_algorithm = in->mac_algorithm;
    return make_mac(call, in->mac_algorithm, in->message, in->dry_run, &out->mac);
}

enum status kms_verify_mac(struct call *call, const struct kms_verify_mac_in *in,
                           struct kms_verify_mac_out *out)
{
    struct str mac = {0};
    enum status status = make_mac(call, in->mac_algorithm, in->message, in->dry_run, &mac);
    if (status != STATUS_DONE)
        return status;
    if (!str_eq_secret(mac, in->mac))
        return call_fail(call, &KMS_KMS_INVALID_MAC_EXCEPTION, "%s", "");
    out->key_id = kms_subject_key(call)->arn;
    out->mac_valid = opt_bool(true);
    out->mac_algorithm = in->mac_algorithm;
    return STATUS_DONE;
}

enum status kms_get_public_key(struct call *call, const struct kms_get_public_key_in *in,
                               struct kms_get_public_key_out *out)
{
    (void)in;
    const struct kms_key *key = kms_subject_key(call);
    struct str secret = {0};
    struct kms_key_metadata *metadata = NULL;
    /* AWS: UnsupportedOperationException for keys that have no public part. */
    if (key->spec->family == KMS_SYMMETRIC || key->spec->family == KMS_HMAC)
        return call_fail(call, &KMS_UNSUPPORTED_OPERATION_EXCEPTION,
                         STR_FMT " key spec is " STR_FMT " which is not valid for GetPublicKey.",
                         STR_ARG(key->arn), STR_ARG(key->spec->name));
    enum status status = kms_require_usable(call, key);
    if (status == STATUS_DONE)
        status = kms_current_secret(call, key, &secret);
    if (status == STATUS_DONE)
        status = kms_metadata(call, key, &metadata);
    if (status != STATUS_DONE)
        return status;
    int rc = kms_public_of(call->arena, secret, &out->public_key);
    if (rc < 0)
        return call_fail_internal(call, rc, "kms: public key");
    out->key_id = key->arn;
    out->key_spec = key->spec->name;
    out->customer_master_key_spec = key->spec->name;
    out->key_usage = key->usage;
    out->encryption_algorithms = metadata->encryption_algorithms;
    out->signing_algorithms = metadata->signing_algorithms;
    out->key_agreement_algorithms = metadata->key_agreement_algorithms;
    return STATUS_DONE;
}

enum status kms_derive_shared_secret(struct call *call,
                                     const struct kms_derive_shared_secret_in *in,
                                     struct kms_derive_shared_secret_out *out)
{
    const struct kms_key *key = kms_subject_key(call);
    struct str secret = {0};
    enum status status = kms_require_usable(call, key);
    if (status == STATUS_DONE)
        status = kms_require_usage(call, key, "KEY_AGREEMENT");
    if (status == STATUS_DONE)
        status = kms_refuse_recipient(call, in->recipient);
    if (status == STATUS_DONE)
        status = kms_end_dry_run(call, in->dry_run);
    if (status == STATUS_DONE)
        status = kms_current_secret(call, key, &secret);
    if (status != STATUS_DONE)
        return status;
    if (kms_ecdh(call->arena, secret, in->public_key, &out->shared_secret) < 0)
        return call_fail(call, &ERROR_VALIDATION,
                         "The public key is not valid for key spec " STR_FMT ".",
                         STR_ARG(key->spec->name));
    out->key_id = key->arn;
    out->key_agreement_algorithm = in->key_agreement_algorithm;
    out->key_origin = key->origin;
    return STATUS_DONE;
}
