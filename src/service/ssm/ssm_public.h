/* ssm_public.h — what the program, the engines and other services need of Parameter Store. */
#pragma once

#include "engine/workflow/workflow.h"
#include "wire/service.h"

extern const struct service ssm_service;
/* Carries out the policies of one parameter (expiry, notifications); its id is the ARN. */
extern const struct workflow_kind ssm_parameter_kind;

/* A parameter as a template or another service reads it. */
struct ssm_value {
    struct str name;
    struct str type; /* "String", "StringList", "SecureString" */
    struct str value;
    int64_t version;
};

/* Reads a parameter as GetParameter does, with `principal`'s permissions (NULL: the caller's), in
 * the caller's transaction. `name` may be a name or an ARN, each with ":version" or ":label".
 * `decrypts`: a SecureString is opened (kms:Decrypt); otherwise its value is ciphertext. Returns
 * STATUS_DONE, or STATUS_FAILED with Systems Manager's own error in call->error: ParameterNotFound,
 * ParameterVersionNotFound, AccessDeniedException, ValidationException, InvalidKeyId. Results live
 * in call->arena.
 */
enum status ssm_read_parameter(struct call *call, const struct principal *principal,
                               struct str name, bool decrypts, struct ssm_value *out_value);
