/* policy.c — resource policies of secrets: Put, Get, Delete and ValidateResourcePolicy.
 *
 * Docs: API reference of the four; Secrets Manager user guide, "Resource-based policies".
 */
#include "auth/policy.h"
#include "base/arena.h"
#include "service/secretsmanager/secretsmanager.h"

/* AWS: BlockPublicPolicy refuses "broad access to your secret". */
static bool is_public(struct call *call, struct str text)
{
    struct policy *policy = NULL;
    struct policy_error error = {0};
    return policy_parse(call->arena, text, POLICY_RESOURCE, &policy, &error) == 0 &&
           policy_is_public(policy);
}

enum status secrets_check_policy(struct call *call, const struct secret *secret, struct str text,
                                 bool blocks_public)
{
    (void)secret;
    struct policy *policy = NULL;
    struct policy_error error = {0};
    /* OBSERVED (2023-01-31, recorded by public test suites): the first text; the second is the
     * documentation of PublicPolicyException. */
    if (policy_parse(call->arena, text, POLICY_RESOURCE, &policy, &error) < 0)
        return call_fail(call, &SECRETSMANAGER_MALFORMED_POLICY_DOCUMENT_EXCEPTION,
                         "This resource policy contains a syntax error. " STR_FMT,
                         STR_ARG(error.message));
    if (!policy_names_resources(policy))
        return call_fail(call, &SECRETSMANAGER_MALFORMED_POLICY_DOCUMENT_EXCEPTION,
                         "This resource policy contains a syntax error. Missing required field "
                         "Resource");
    if (blocks_public && policy_is_public(policy))
        return call_fail(call, &SECRETSMANAGER_PUBLIC_POLICY_EXCEPTION,
                         "The BlockPublicPolicy parameter is set to true, and the resource policy "
                         "did not prevent broad access to the secret.");
    return STATUS_DONE;
}

enum status
secretsmanager_put_resource_policy(struct call *call,
                                   const struct secretsmanager_put_resource_policy_in *in,
                                   struct secretsmanager_put_resource_policy_out *out)
{
    struct secret secret = {0};
    enum status status = secrets_usable_subject(call, &secret);
    if (status == STATUS_DONE)
        status = secrets_check_policy(call, &secret, in->resource_policy,
                                      opt_bool_or(in->block_public_policy, false));
    if (status != STATUS_DONE)
        return status;
    secret.policy = in->resource_policy;
    out->arn = secret.arn;
    out->name = secret.name;
    return secrets_write(call, &secret);
}

enum status
secretsmanager_get_resource_policy(struct call *call,
                                   const struct secretsmanager_get_resource_policy_in *in,
                                   struct secretsmanager_get_resource_policy_out *out)
{
    (void)in;
    struct secret secret = {0};
    enum status status = secrets_usable_subject(call, &secret);
    if (status != STATUS_DONE)
        return status;
    out->arn = secret.arn;
    out->name = secret.name;
    out->resource_policy = secret.policy.len > 0 ? secret.policy : (struct str){0};
    return STATUS_DONE;
}

enum status
secretsmanager_delete_resource_policy(struct call *call,
                                      const struct secretsmanager_delete_resource_policy_in *in,
                                      struct secretsmanager_delete_resource_policy_out *out)
{
    (void)in;
    struct secret secret = {0};
    enum status status = secrets_usable_subject(call, &secret);
    if (status != STATUS_DONE)
        return status;
    secret.policy = STR("");
    out->arn = secret.arn;
    out->name = secret.name;
    return secrets_write(call, &secret);
}

enum status
secretsmanager_validate_resource_policy(struct call *call,
                                        const struct secretsmanager_validate_resource_policy_in *in,
                                        struct secretsmanager_validate_resource_policy_out *out)
{
    struct secret secret = {0};
    enum status status =
        in->secret_id.len > 0 ? secrets_usable_subject(call, &secret) : STATUS_DONE;
    if (status == STATUS_DONE)
        status = secrets_check_policy(call, &secret, in->resource_policy, false);
    if (status != STATUS_DONE)
        return status;
    bool passes = !is_public(call, in->resource_policy);
    out->policy_validation_passed = opt_bool(passes);
    out->validation_errors.is_set = true;
    if (passes)
        return STATUS_DONE;
    out->validation_errors.items = arena_alloc(call->arena, sizeof(*out->validation_errors.items));
    out->validation_errors.items[out->validation_errors.count++] =
        (struct secretsmanager_validation_errors_entry){
            .check_name = STR("ACCESS_ANALYZER_CHECK"),
            .error_message = STR("This resource policy grants broad access to the secret."),
        };
    return STATUS_DONE;
}
