/* kms_public.h — what other services and the program need of KMS: data keys, and texts sealed by a
 * key, in the caller's transaction and with the caller's permissions.
 */
#pragma once

#include "engine/workflow/workflow.h"
#include "wire/service.h"

extern const struct service kms_service;
/* Rotates, expires and deletes one key; its id is the key's ARN. */
extern const struct workflow_kind kms_key_kind;

/* One pair of an encryption context. */
struct kms_pair {
    struct str key;
    struct str value;
};

/* Which key is used, for whom and by whom. */
struct kms_use {
    struct str key_id;                 /* id, ARN, alias name or alias ARN ("alias/aws/s3") */
    struct str via_service;            /* "s3.amazonaws.com": kms:ViaService names it */
    const struct principal *principal; /* whose permission counts; NULL: the caller's */
    const struct kms_pair *context;
    size_t context_count;
};

/* A fresh 256-bit key: `plain` to use and forget, `sealed` to keep beside the data. */
struct kms_data_key {
    struct str plain;
    struct str sealed;
    struct str key_arn;
};

/* Each returns STATUS_DONE, or STATUS_FAILED with KMS's own error in call->error. Results live in
 * call->arena. */
enum status kms_new_data_key(struct call *call, const struct kms_use *use,
                             struct kms_data_key *out_key);
/* At most 4,096 bytes. */
enum status kms_seal(struct call *call, const struct kms_use *use, struct str plain,
                     struct str *out_sealed);
/* Opens what the two above sealed; `use->key_id` may be absent, the blob names its key. */
enum status kms_open(struct call *call, const struct kms_use *use, struct str sealed,
                     struct str *out_plain);
/* The ARN of the key that a text names, for services that keep it. Needs kms:DescribeKey. */
enum status kms_find_key_arn(struct call *call, const struct kms_use *use, struct str *out_arn);
