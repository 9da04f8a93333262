/* value.c — secret values at rest: a data key of KMS for each version, with the caller's own
 * permissions, bound to secret and version by the encryption context.
 *
 * In the value column: two bytes of length, the sealed data key, the sealed value.
 *
 * Docs: Secrets Manager user guide, "Secret encryption and decryption in AWS Secrets Manager".
 */
#include <errno.h>

#include "auth/seal.h"
#include "base/arena.h"
#include "service/kms/kms_public.h"
#include "service/secretsmanager/secretsmanager.h"

enum {
    LENGTH_BYTES = 2,
};

enum status secrets_check_value(struct call *call, const struct secret_value *value, bool may_lack)
{
    /* OBSERVED (2023-01-31, recorded by public test suites with boto3): both texts. */
    if (str_is_set(value->text) && str_is_set(value->bytes))
        return call_fail(call, &SECRETSMANAGER_INVALID_PARAMETER_EXCEPTION,
                         "You can't specify both a binary secret value and a string secret value "
                         "in the same secret.");
    if (!may_lack && !secret_value_is_set(value))
        return call_fail(call, &SECRETSMANAGER_INVALID_REQUEST_EXCEPTION,
                         "You must provide either SecretString or SecretBinary.");
    return STATUS_DONE;
}

/* AWS: the context's pairs are SecretARN and SecretVersionId. */
static struct kms_use use_of(struct call *call, const struct secret *secret, struct str version_id)
{
    struct kms_pair *pairs = arena_alloc_array(call->arena, 2, sizeof(*pairs));
    pairs[0] = (struct kms_pair){.key = STR("SecretARN"), .value = secret->arn};
    pairs[1] = (struct kms_pair){.key = STR("SecretVersionId"), .value = version_id};
    return (struct kms_use){
        .via_service = STR("secretsmanager.amazonaws.com"), .context = pairs, .context_count = 2};
}

/* AWS: a key that cannot be used is an EncryptionFailure or a DecryptionFailure; a missing
 * permission stays AccessDeniedException. */
static enum status translate(struct call *call, const struct api_error *error, const char *what)
{
    bool is_denied =
        !call->error.error || str_starts_with(call->error.error->code, STR("AccessDenied"));
    if (is_denied || call->error.error == &ERROR_INTERNAL_FAILURE)
        return STATUS_FAILED;
    struct str message = call->error.message;
    return call_fail(call, error,
                     "Secrets Manager can't %s the protected secret text using the provided KMS "
                     "key. " STR_FMT,
                     what, STR_ARG(message));
}

enum status secrets_seal(struct call *call, const struct secret *secret,
                         const struct secret_value *value, struct secret_version *version)
{
    struct kms_use use = use_of(call, secret, version->id);
    struct kms_data_key key = {0};
    use.key_id = secret->kms_key_id.len > 0 ? secret->kms_key_id : STR("alias/aws/secretsmanager");
    enum status status = kms_new_data_key(call, &use, &key);
    if (status != STATUS_DONE)
        return translate(call, &SECRETSMANAGER_ENCRYPTION_FAILURE, "encrypt");
    version->is_binary = !str_is_set(value->text);
    struct str sealed =
        seal(call->arena, key.plain, version->is_binary ? value->bytes : value->text);
    const char length[LENGTH_BYTES] = {(char)(key.sealed.len >> 8), (char)(key.sealed.len & 0xff)};
    version->value = str_concat3(call->arena, str_of(length, sizeof(length)), key.sealed, sealed);
    /* OBSERVED (2023-12-19, recorded by public test suites): "DefaultEncryptionKey" stands for
     * aws/secretsmanager. */
    version->kms_key_id =
        secret->kms_key_id.len > 0 ? secret->kms_key_id : STR("DefaultEncryptionKey");
    return STATUS_DONE;
}

enum status secrets_open(struct call *call, const struct secret *secret,
                         const struct secret_version *version, struct secret_value *out_value)
{
    const unsigned char *bytes = (const unsigned char *)version->value.ptr;
    size_t length = version->value.len < LENGTH_BYTES ? 0 : (size_t)(bytes[0] << 8 | bytes[1]);
    if (length == 0 || version->value.len < LENGTH_BYTES + length)
        return call_fail_internal(call, -EBADMSG, "secretsmanager: a sealed value");
    const struct kms_use use = use_of(call, secret, version->id);
    struct str key = {0};
    struct str plain = {0};
    enum status status =
        kms_open(call, &use, str_slice(version->value, LENGTH_BYTES, length), &key);
    if (status != STATUS_DONE)
        return translate(call, &SECRETSMANAGER_DECRYPTION_FAILURE, "decrypt");
    int rc = unseal(call->arena, key, str_from(version->value, LENGTH_BYTES + length), &plain);
    if (rc < 0)
        return call_fail_internal(call, rc, "secretsmanager: open a value");
    *out_value = (struct secret_value){0};
    if (version->is_binary)
        out_value->bytes = plain;
    else
        out_value->text = plain;
    return STATUS_DONE;
}
