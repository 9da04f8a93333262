/* public.c — KMS as other services use it: the same operations, checks and policies as for any
 * client, in the caller's transaction, with the service named for kms:ViaService.
 */
#include "base/arena.h"
#include "service/kms/kms.h"

/* Calls an operation; its failure becomes the caller's own. */
static enum status invoke(struct call *call, const struct kms_use *use, enum kms_op op,
                          const void *in, void *out)
{
    struct call inner = *call;
    inner.via_service = use->via_service.len > 0 ? use->via_service : call->via_service;
    struct call_error error = {0};
    enum status status =
        call_invoke(&inner, use->principal, NULL, &kms_model, &kms_operations[op], in, out, &error);
    if (status == STATUS_DONE)
        return status;
    call->error = inner.store_errno != 0 ? inner.error : error;
    call->store_errno = inner.store_errno;
    return status;
}

static struct kms_encryption_context_type context_of(struct call *call, const struct kms_use *use)
{
    struct kms_encryption_context_type context = {.count = use->context_count};
    context.items = arena_alloc_array(call->arena, use->context_count + 1, sizeof(*context.items));
    for (size_t i = 0; i < use->context_count; i++)
        context.items[i] = (struct kms_encryption_context_type_entry){
            .key = use->context[i].key, .value = use->context[i].value};
    return context;
}

enum status kms_new_data_key(struct call *call, const struct kms_use *use,
                             struct kms_data_key *out_key)
{
    const struct kms_generate_data_key_in in = {
        .key_id = use->key_id,
        .key_spec = STR("AES_256"),
        .encryption_context = context_of(call, use),
    };
    struct kms_generate_data_key_out out = {0};
    enum status status = invoke(call, use, KMS_OP_GENERATE_DATA_KEY, &in, &out);
    if (status == STATUS_DONE)
        *out_key = (struct kms_data_key){
            .plain = out.plaintext, .sealed = out.ciphertext_blob, .key_arn = out.key_id};
    return status;
}

enum status kms_seal(struct call *call, const struct kms_use *use, struct str plain,
                     struct str *out_sealed)
{
    const struct kms_encrypt_in in = {
        .key_id = use->key_id,
        .plaintext = plain,
        .encryption_context = context_of(call, use),
    };
    struct kms_encrypt_out out = {0};
    enum status status = invoke(call, use, KMS_OP_ENCRYPT, &in, &out);
    if (status == STATUS_DONE)
        *out_sealed = out.ciphertext_blob;
    return status;
}

enum status kms_open(struct call *call, const struct kms_use *use, struct str sealed,
                     struct str *out_plain)
{
    const struct kms_decrypt_in in = {
        .key_id = use->key_id,
        .ciphertext_blob = sealed,
        .encryption_context = context_of(call, use),
    };
    struct kms_decrypt_out out = {0};
    enum status status = invoke(call, use, KMS_OP_DECRYPT, &in, &out);
    if (status == STATUS_DONE)
        *out_plain = out.plaintext;
    return status;
}

enum status kms_find_key_arn(struct call *call, const struct kms_use *use, struct str *out_arn)
{
    const struct kms_describe_key_in in = {.key_id = use->key_id};
    struct kms_describe_key_out out = {0};
    enum status status = invoke(call, use, KMS_OP_DESCRIBE_KEY, &in, &out);
    if (status == STATUS_DONE)
        *out_arn = out.key_metadata->arn;
    return status;
}
