/* datakey.c — GenerateDataKey, GenerateDataKeyPair, their ...WithoutPlaintext, GenerateRandom.
 *
 * Docs: KMS API reference of each; developer guide, "Data keys", "Data key pairs".
 */
#include "base/arena.h"
#include "base/rand.h"
#include "service/kms/kms.h"

/* What the four operations have in common. */
struct wish {
    const struct kms_encryption_context_type *context;
    const struct kms_recipient_info *recipient;
    struct opt_bool dry_run;
};

static enum status check_wish(struct call *call, const struct wish *wish)
{
    const struct kms_key *key = kms_subject_key(call);
    enum status status = kms_require_usable(call, key);
    if (status == STATUS_DONE)
        status = kms_require_usage(call, key, "ENCRYPT_DECRYPT");
    /* AWS: "You cannot use an asymmetric KMS key to encrypt data keys." */
    if (status == STATUS_DONE && key->spec->family != KMS_SYMMETRIC)
        status =
            call_fail(call, &KMS_INVALID_KEY_USAGE_EXCEPTION,
                      STR_FMT " key spec is " STR_FMT " which is not valid for " STR_FMT ".",
                      STR_ARG(key->arn), STR_ARG(key->spec->name), STR_ARG(call->operation->name));
    if (status == STATUS_DONE)
        status = kms_refuse_recipient(call, wish->recipient);
    return status == STATUS_DONE ? kms_end_dry_run(call, wish->dry_run) : status;
}

static struct str random_text(struct arena *arena, size_t count)
{
    char *bytes = arena_alloc_text(arena, count);
    rand_bytes(bytes, count);
    return str_of(bytes, count);
}

/* AWS: "You must specify either the KeySpec or the NumberOfBytes parameter (but not both)". */
static enum status new_data_key(struct call *call, struct str spec, struct opt_i32 bytes,
                                struct str *out_plain)
{
    if (spec.ptr && bytes.is_set)
        return call_fail(call, &ERROR_VALIDATION,
                         "Please specify either number of bytes or key spec.");
    if (!spec.ptr && !bytes.is_set)
        return call_fail(call, &ERROR_VALIDATION,
                         "Please specify either number of bytes or key spec.");
    size_t count = bytes.is_set ? (size_t)bytes.value : str_eq_cstr(spec, "AES_128") ? 16 : 32;
    *out_plain = random_text(call->arena, count);
    return STATUS_DONE;
}

enum status kms_generate_data_key(struct call *call, const struct kms_generate_data_key_in *in,
                                  struct kms_generate_data_key_out *out)
{
    const struct wish wish = {&in->encryption_context, in->recipient, in->dry_run};
    const struct kms_key *key = kms_subject_key(call);
    enum status status = new_data_key(call, in->key_spec, in->number_of_bytes, &out->plaintext);
    if (status == STATUS_DONE)
        status = check_wish(call, &wish);
    if (status == STATUS_DONE)
        status = kms_encrypt_symmetric(call, key, &in->encryption_context, out->plaintext,
                                       &out->ciphertext_blob);
    out->key_id = key->arn;
    out->key_material_id = key->material_id;
    return status;
}

enum status
kms_generate_data_key_without_plaintext(struct call *call,
                                        const struct kms_generate_data_key_without_plaintext_in *in,
                                        struct kms_generate_data_key_without_plaintext_out *out)
{
    const struct wish wish = {&in->encryption_context, NULL, in->dry_run};
    const struct kms_key *key = kms_subject_key(call);
    struct str plain = {0};
    enum status status = new_data_key(call, in->key_spec, in->number_of_bytes, &plain);
    if (status == STATUS_DONE)
        status = check_wish(call, &wish);
    if (status == STATUS_DONE)
        status =
            kms_encrypt_symmetric(call, key, &in->encryption_context, plain, &out->ciphertext_blob);
    out->key_id = key->arn;
    out->key_material_id = key->material_id;
    return status;
}

struct pair {
    struct str secret;
    struct str public_key;
    struct str sealed;
};

static enum status new_pair(struct call *call, struct str name, const struct wish *wish,
                            struct pair *out)
{
    const struct kms_spec *spec = kms_find_spec(name);
    enum status status = check_wish(call, wish);
    if (status == STATUS_DONE && !spec)
        status =
            call_fail(call, &KMS_UNSUPPORTED_OPERATION_EXCEPTION,
                      "KeyPairSpec " STR_FMT " is not supported in this region.", STR_ARG(name));
    if (status == STATUS_DONE)
        status = kms_take_secret(call, spec, &out->secret);
    if (status != STATUS_DONE)
        return status;
    int rc = kms_public_of(call->arena, out->secret, &out->public_key);
    if (rc < 0)
        return call_fail_internal(call, rc, "kms: public key of a pair");
    return kms_encrypt_symmetric(call, kms_subject_key(call), wish->context, out->secret,
                                 &out->sealed);
}

enum status kms_generate_data_key_pair(struct call *call,
                                       const struct kms_generate_data_key_pair_in *in,
                                       struct kms_generate_data_key_pair_out *out)
{
    const struct wish wish = {&in->encryption_context, in->recipient, in->dry_run};
    struct pair pair = {0};
    enum status status = new_pair(call, in->key_pair_spec, &wish, &pair);
    if (status != STATUS_DONE)
        return status;
    out->private_key_ciphertext_blob = pair.sealed;
    out->private_key_plaintext = pair.secret;
    out->public_key = pair.public_key;
    out->key_id = kms_subject_key(call)->arn;
    out->key_pair_spec = in->key_pair_spec;
    out->key_material_id = kms_subject_key(call)->material_id;
    return STATUS_DONE;
}

enum status kms_generate_data_key_pair_without_plaintext(
    struct call *call, const struct kms_generate_data_key_pair_without_plaintext_in *in,
    struct kms_generate_data_key_pair_without_plaintext_out *out)
{
    const struct wish wish = {&in->encryption_context, NULL, in->dry_run};
    struct pair pair = {0};
    enum status status = new_pair(call, in->key_pair_spec, &wish, &pair);
    if (status != STATUS_DONE)
        return status;
    out->private_key_ciphertext_blob = pair.sealed;
    out->public_key = pair.public_key;
    out->key_id = kms_subject_key(call)->arn;
    out->key_pair_spec = in->key_pair_spec;
    out->key_material_id = kms_subject_key(call)->material_id;
    return STATUS_DONE;
}

enum status kms_generate_random(struct call *call, const struct kms_generate_random_in *in,
                                struct kms_generate_random_out *out)
{
    if (in->custom_key_store_id.ptr)
        return call_fail(call, &KMS_UNSUPPORTED_OPERATION_EXCEPTION,
                         "Custom key stores are not supported.");
    enum status status = kms_refuse_recipient(call, in->recipient);
    if (status == STATUS_DONE && !in->number_of_bytes.is_set)
        status = call_fail(call, &ERROR_VALIDATION, "NumberOfBytes is required.");
    if (status != STATUS_DONE)
        return status;
    out->plaintext = random_text(call->arena, (size_t)in->number_of_bytes.value);
    return STATUS_DONE;
}
