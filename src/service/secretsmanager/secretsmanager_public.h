/* secretsmanager_public.h — what the program, the engines and other services need of Secrets
 * Manager.
 */
#pragma once

#include "engine/workflow/workflow.h"
#include "wire/service.h"

extern const struct service secretsmanager_service;
/* Deletes a secret when its recovery window ends; its id is the secret's ARN. */
extern const struct workflow_kind secretsmanager_secret_kind;

struct secretsmanager_query {
    struct str secret_id;  /* name, ARN or partial ARN */
    struct str version_id; /* may be absent */
    struct str stage;      /* may be absent; neither: AWSCURRENT */
    struct str via_service;
    const struct principal *principal; /* whose permissions count; NULL: the caller's */
};

struct secretsmanager_value {
    struct str arn;
    struct str name;
    struct str version_id;
    struct str secret_string; /* one of these two is absent */
    struct str secret_binary;
    const struct str *stages;
    size_t stage_count;
    int64_t created_at_ms; /* of the version */
};

/* Reads a value as GetSecretValue does, in the caller's transaction. Returns STATUS_DONE, or
 * STATUS_FAILED with Secrets Manager's own error in call->error (ResourceNotFoundException,
 * InvalidRequestException, AccessDeniedException, DecryptionFailure ...). Results live in
 * call->arena. */
enum status secretsmanager_read_value(struct call *call, const struct secretsmanager_query *query,
                                      struct secretsmanager_value *out_value);

/* The value of `{{resolve:secretsmanager:BODY}}`; BODY is
 * "secret-id:SecretString:json-key:version-stage:version-id", of which all but the id may be left
 * out, and the id may be an ARN. Errors as above, and ERROR_VALIDATION with CloudFormation's texts
 * for a body that is not one, or a key that is not in the secret. */
enum status secretsmanager_resolve(struct call *call, const struct principal *principal,
                                   struct str body, struct str *out_value);
