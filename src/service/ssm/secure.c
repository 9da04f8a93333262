/* secure.c — SecureString: values sealed by KMS, with the caller's own permissions.
 *
 * A standard parameter is KMS ciphertext; an advanced one is sealed by a data key that lies beside
 * it, sealed itself ("envelope encryption"). Both are bound to the parameter by the encryption
 * context. In the value column of an advanced one: two bytes of length, the sealed data key, the
 * sealed value.
 *
 * Docs: Systems Manager user guide, "AWS KMS encryption for AWS Systems Manager Parameter Store
 * SecureString parameters".
 */
#include <errno.h>

#include "auth/seal.h"
#include "base/arena.h"
#include "service/kms/kms_public.h"
#include "service/ssm/ssm.h"
#include "syntax/base64.h"

enum {
    LENGTH_BYTES = 2,
};

/* AWS: "PARAMETER_ARN" is the encryption context's only pair. */
static struct kms_use use_of(struct call *call, const struct ssm_entry *entry)
{
    struct kms_pair *pair = arena_alloc(call->arena, sizeof(*pair));
    *pair = (struct kms_pair){.key = STR("PARAMETER_ARN"), .value = entry->arn};
    return (struct kms_use){
        .key_id = entry->key_id,
        .via_service = STR("ssm.amazonaws.com"),
        .context = pair,
        .context_count = 1,
    };
}

/* AWS: InvalidKeyId, "The query key ID isn't valid", is what a key gives that is not there or
 * cannot be used; a missing permission stays AccessDeniedException. */
static enum status translate(struct call *call, enum status status)
{
    static const char *const codes[] = {
        "NotFoundException",        "DisabledException",     "KMSInvalidStateException",
        "InvalidKeyUsageException", "InvalidArnException",   "InvalidAliasNameException",
        "KeyUnavailableException",  "IncorrectKeyException", "InvalidCiphertextException"};
    if (status != STATUS_FAILED || !call->error.error)
        return status;
    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        if (!str_eq_cstr(call->error.error->code, codes[i]))
            continue;
        struct str message = call->error.message;
        return call_fail(call, &SSM_INVALID_KEY_ID, STR_FMT " (Service: AWSKMS; Error Code: %s)",
                         STR_ARG(message), codes[i]);
    }
    return status;
}

enum status ssm_seal(struct call *call, struct ssm_entry *entry)
{
    const struct kms_use use = use_of(call, entry);
    struct str sealed = {0};
    if (!str_eq(entry->tier, SSM_ADVANCED)) {
        enum status status = kms_seal(call, &use, entry->value, &sealed);
        entry->value = sealed;
        return translate(call, status);
    }
    struct kms_data_key key = {0};
    enum status status = kms_new_data_key(call, &use, &key);
    if (status != STATUS_DONE)
        return translate(call, status);
    sealed = seal(call->arena, key.plain, entry->value);
    const char length[LENGTH_BYTES] = {(char)(key.sealed.len >> 8), (char)(key.sealed.len & 0xff)};
    entry->value = str_concat3(call->arena, str_of(length, sizeof(length)), key.sealed, sealed);
    return STATUS_DONE;
}

static enum status open_envelope(struct call *call, const struct kms_use *use, struct str value,
                                 struct str *out_plain)
{
    const unsigned char *bytes = (const unsigned char *)value.ptr;
    size_t length = value.len < LENGTH_BYTES ? 0 : (size_t)(bytes[0] << 8 | bytes[1]);
    if (length == 0 || value.len < LENGTH_BYTES + length)
        return call_fail_internal(call, -EBADMSG, "ssm: value of an advanced parameter");
    struct str key = {0};
    enum status status = kms_open(call, use, str_slice(value, LENGTH_BYTES, length), &key);
    if (status != STATUS_DONE)
        return status;
    int rc = unseal(call->arena, key, str_from(value, LENGTH_BYTES + length), out_plain);
    return rc < 0 ? call_fail_internal(call, rc, "ssm: open a value") : STATUS_DONE;
}

enum status ssm_open(struct call *call, const struct ssm_entry *entry, bool decrypts,
                     struct str *out_value)
{
    *out_value = entry->value;
    if (!str_eq(entry->type, SSM_SECURE_STRING))
        return STATUS_DONE;
    if (!decrypts) {
        *out_value = base64_encode_str(call->arena, entry->value);
        return STATUS_DONE;
    }
    struct kms_use use = use_of(call, entry);
    use.key_id = (struct str){0}; /* the ciphertext names it */
    enum status status = str_eq(entry->tier, SSM_ADVANCED)
                             ? open_envelope(call, &use, entry->value, out_value)
                             : kms_open(call, &use, entry->value, out_value);
    return translate(call, status);
}
