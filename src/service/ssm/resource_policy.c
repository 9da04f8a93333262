/* resource_policy.c — policies that share an advanced parameter with other accounts:
 * PutResourcePolicy, GetResourcePolicies, DeleteResourcePolicy.
 *
 * Docs: API reference of the three; Systems Manager user guide, "Working with shared parameters in
 * Parameter Store".
 */
#include "auth/digest.h"
#include "auth/policy.h"
#include "base/arena.h"
#include "base/rand.h"
#include "service/ssm/ssm.h"

enum {
    MAX_POLICY_BYTES = 20 * 1024, /* AWS: ResourcePolicyLimitExceededException */
};

enum status ssm_resource_policy(struct call *call, struct str arn, struct str *out_policy)
{
    struct ssm_policy_row row = {0};
    int rc = ssm_store_find_policy(call->db, call->arena, arn, &row);
    if (rc < 0)
        return call_fail_internal(call, rc, "ssm: find a resource policy");
    *out_policy = row.policy;
    return STATUS_DONE;
}

static enum status fail_parameter(struct call *call, const char *parameter, const char *message)
{
    struct ssm_resource_policy_invalid_parameter_error *members =
        arena_alloc(call->arena, sizeof(*members));
    struct str *name = arena_alloc(call->arena, sizeof(*name));
    *name = str_from_cstr(parameter);
    members->parameter_names.items = name;
    members->parameter_names.count = 1;
    members->parameter_names.is_set = true;
    return call_fail_with(call, &SSM_RESOURCE_POLICY_INVALID_PARAMETER_EXCEPTION, members, "%s",
                          message);
}

/* The parameter that the ARN names; *out_row has its policy when *out_has_policy. */
static enum status find(struct call *call, struct str arn, struct ssm_entry *out_entry,
                        struct ssm_policy_row *out_row, bool *out_has_policy)
{
    struct ssm_name name = {0};
    if (!str_starts_with(arn, STR("arn:")) || !str_contains(arn, STR(":parameter/")))
        return fail_parameter(call, "ResourceArn",
                              "The resource ARN must be that of a Parameter Store parameter.");
    enum status status = ssm_parse_name(call, arn, &name);
    if (status != STATUS_DONE)
        return status;
    int found = name.is_public || name.is_secret || name.selector.len > 0
                    ? 0
                    : ssm_find_current(call, &name, out_entry);
    if (found == 0)
        return call_fail(call, &SSM_RESOURCE_NOT_FOUND_EXCEPTION,
                         "The specified parameter to be shared could not be found.");
    int rc = found < 0 ? found : ssm_store_find_policy(call->db, call->arena, arn, out_row);
    if (rc < 0)
        return call_fail_internal(call, rc, "ssm: find a resource policy");
    *out_has_policy = rc == 1;
    return STATUS_DONE;
}

/* AWS: "The hash is required to update or delete a policy." */
static enum status check_version(struct call *call, const struct ssm_policy_row *row,
                                 bool has_policy, struct str id, struct str hash)
{
    if (!has_policy || !str_eq(row->id, id))
        return call_fail(call, &SSM_RESOURCE_POLICY_NOT_FOUND_EXCEPTION,
                         "No policies with the specified policy ID and hash could be found.");
    if (!str_eq(row->hash, hash))
        return call_fail(call, &SSM_RESOURCE_POLICY_CONFLICT_EXCEPTION,
                         "The hash provided in the call doesn't match the stored hash. This "
                         "exception is thrown when trying to update an obsolete policy version or "
                         "when multiple requests to update a policy are sent.");
    return STATUS_DONE;
}

static enum status fail_limit(struct call *call, int limit, const char *type, const char *message)
{
    struct ssm_resource_policy_limit_exceeded_error *members =
        arena_alloc(call->arena, sizeof(*members));
    members->limit = opt_i32(limit);
    members->limit_type = str_from_cstr(type);
    return call_fail_with(call, &SSM_RESOURCE_POLICY_LIMIT_EXCEEDED_EXCEPTION, members, "%s",
                          message);
}

static enum status check_document(struct call *call, const struct ssm_put_resource_policy_in *in)
{
    struct policy *policy = NULL;
    struct policy_error error = {0};
    if (in->policy.len > MAX_POLICY_BYTES)
        return fail_limit(call, MAX_POLICY_BYTES, "SizeLimit",
                          "The policy exceeds the maximum size of a resource policy.");
    if (policy_parse(call->arena, in->policy, POLICY_RESOURCE, &policy, &error) < 0)
        return call_fail(call, &SSM_MALFORMED_RESOURCE_POLICY_DOCUMENT_EXCEPTION,
                         "The specified policy document is malformed or invalid, or excessive "
                         "PutResourcePolicy or DeleteResourcePolicy calls have been made.");
    return STATUS_DONE;
}

enum status ssm_put_resource_policy(struct call *call, const struct ssm_put_resource_policy_in *in,
                                    struct ssm_put_resource_policy_out *out)
{
    struct ssm_entry entry = {0};
    struct ssm_policy_row row = {0};
    bool has_policy = false;
    enum status status = find(call, in->resource_arn, &entry, &row, &has_policy);
    if (status == STATUS_DONE)
        status = check_document(call, in);
    if (status != STATUS_DONE)
        return status;
    /* AWS: only parameters of the advanced tier can be shared. */
    if (!str_eq(entry.tier, SSM_ADVANCED))
        return fail_parameter(call, "ResourceArn",
                              "Only parameters in the advanced parameter tier can be shared.");
    if (in->policy_id.len > 0 || in->policy_hash.len > 0) {
        status = check_version(call, &row, has_policy, in->policy_id, in->policy_hash);
        if (status != STATUS_DONE)
            return status;
    } else if (has_policy) {
        return fail_limit(call, 1, "CountLimit",
                          "The resource has the maximum number of resource policies.");
    }
    const struct ssm_policy_row written = {
        .arn = entry.arn,
        .id = has_policy ? row.id : rand_uuid(call->arena),
        .hash = digest_sha256_hex(call->arena, in->policy),
        .policy = in->policy,
    };
    int rc = ssm_store_put_policy(call->db, entry.scope, &written);
    if (rc < 0)
        return call_fail_internal(call, rc, "ssm: put a resource policy");
    out->policy_id = written.id;
    out->policy_hash = written.hash;
    return STATUS_DONE;
}

enum status ssm_get_resource_policies(struct call *call,
                                      const struct ssm_get_resource_policies_in *in,
                                      struct ssm_get_resource_policies_out *out)
{
    struct ssm_entry entry = {0};
    struct ssm_policy_row row = {0};
    bool has_policy = false;
    enum status status = find(call, in->resource_arn, &entry, &row, &has_policy);
    if (status != STATUS_DONE)
        return status;
    out->policies.is_set = true;
    if (!has_policy)
        return STATUS_DONE;
    out->policies.items = arena_alloc(call->arena, sizeof(*out->policies.items));
    out->policies.items[out->policies.count++] = (struct ssm_get_resource_policies_response_entry){
        .policy_id = row.id, .policy_hash = row.hash, .policy = row.policy};
    return STATUS_DONE;
}

enum status ssm_delete_resource_policy(struct call *call,
                                       const struct ssm_delete_resource_policy_in *in,
                                       struct ssm_delete_resource_policy_out *out)
{
    (void)out;
    struct ssm_entry entry = {0};
    struct ssm_policy_row row = {0};
    bool has_policy = false;
    enum status status = find(call, in->resource_arn, &entry, &row, &has_policy);
    if (status == STATUS_DONE)
        status = check_version(call, &row, has_policy, in->policy_id, in->policy_hash);
    if (status != STATUS_DONE)
        return status;
    int rc = ssm_store_delete_policy(call->db, entry.arn);
    return rc < 0 ? call_fail_internal(call, rc, "ssm: delete a resource policy") : STATUS_DONE;
}
