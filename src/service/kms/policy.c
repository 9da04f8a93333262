/* policy.c — key policies: default, checks, GetKeyPolicy, PutKeyPolicy, ListKeyPolicies.
 *
 * Docs: KMS developer guide, "Key policies in AWS KMS", "Default key policy"; API reference,
 * PutKeyPolicy.
 */
#include "auth/policy.h"
#include "base/arena.h"
#include "service/iam/iam_public.h"
#include "service/kms/kms.h"

enum {
    POLICY_MAX_LEN = 32 * 1024, /* AWS: "Key policy document size: 32 KB" */
};

/* AWS: "Default key policy when you create a KMS key programmatically". */
static struct str default_policy(struct call *call, struct str account)
{
    return str_format(call->arena,
                      "{\n"
                      "  \"Version\" : \"2012-10-17\",\n"
                      "  \"Id\" : \"key-default-1\",\n"
                      "  \"Statement\" : [ {\n"
                      "    \"Sid\" : \"Enable IAM User Permissions\",\n"
                      "    \"Effect\" : \"Allow\",\n"
                      "    \"Principal\" : {\n"
                      "      \"AWS\" : \"arn:aws:iam::" STR_FMT ":root\"\n"
                      "    },\n"
                      "    \"Action\" : \"kms:*\",\n"
                      "    \"Resource\" : \"*\"\n"
                      "  } ]\n"
                      "}",
                      STR_ARG(account));
}

/* 1: the role exists or the ARN is of no role, 0: it does not exist, or -errno. */
static int role_exists(struct call *call, struct str arn)
{
    ptrdiff_t at = str_find(arn, STR(":role/"));
    struct str prefix = STR("arn:aws:iam::");
    if (at < 0 || !str_starts_with(arn, prefix))
        return 1;
    struct iam_role_row role = {0};
    struct str account = str_slice(arn, prefix.len, (size_t)at - prefix.len);
    ptrdiff_t slash = str_last_index(arn, '/');
    return iam_find_role(call->db, call->arena, account, str_from(arn, (size_t)slash + 1), &role);
}

/* AWS: principals "must exist and be visible to AWS KMS". */
static enum status check_principals(struct call *call, const struct policy *policy)
{
    struct policy_principal_entry *entries = NULL;
    size_t count = 0;
    policy_principals(call->arena, policy, &entries, &count);
    for (size_t i = 0; i < count; i++) {
        int rc = entries[i].kind == POLICY_PRINCIPAL_ARN ? role_exists(call, entries[i].text) : 1;
        if (rc < 0)
            return call_fail_internal(call, rc, "kms: find a principal");
        if (rc == 0)
            return call_fail(call, &KMS_MALFORMED_POLICY_DOCUMENT_EXCEPTION,
                             "Policy contains a statement with one or more invalid principals.");
    }
    return STATUS_DONE;
}

/* AWS: "the key policy must allow the calling principal to make a subsequent PutKeyPolicy request
 * on the KMS key"; BypassPolicyLockoutSafetyCheck skips that. */
static enum status check_lockout(struct call *call, const struct kms_key *key, struct str policy)
{
    const struct authorization later = {
        .action = STR("kms:PutKeyPolicy"),
        .resource = key->arn,
        .resource_policy = policy,
        .resource_account = key->scope.account,
        .trusts_only_policy = true,
    };
    if (call_is_allowed(call, &later))
        return STATUS_DONE;
    return call_fail(call, &KMS_MALFORMED_POLICY_DOCUMENT_EXCEPTION,
                     "The new key policy will not allow you to update the key policy in the "
                     "future.");
}

enum status kms_check_policy(struct call *call, const struct kms_key *key, struct str wanted,
                             bool bypass, struct str *out_policy)
{
    if (wanted.len == 0) {
        *out_policy = default_policy(call, key->scope.account);
        return STATUS_DONE;
    }
    if (wanted.len > POLICY_MAX_LEN)
        return call_fail(call, &KMS_LIMIT_EXCEEDED_EXCEPTION,
                         "Policy document is larger than the maximum of 32768 bytes.");
    struct policy *policy = NULL;
    struct policy_error error = {0};
    if (policy_parse(call->arena, wanted, POLICY_RESOURCE, &policy, &error) < 0)
        return call_fail(call, &KMS_MALFORMED_POLICY_DOCUMENT_EXCEPTION, STR_FMT,
                         STR_ARG(error.message));
    if (!policy_names_resources(policy))
        return call_fail(call, &KMS_MALFORMED_POLICY_DOCUMENT_EXCEPTION,
                         "Missing required field Resource");
    enum status status = check_principals(call, policy);
    if (status == STATUS_DONE && !bypass)
        status = check_lockout(call, key, wanted);
    *out_policy = wanted;
    return status;
}

/* AWS: "The name of the key policy. The only valid name is default." */
static enum status check_name(struct call *call, struct str name)
{
    if (!name.ptr || str_eq_cstr(name, "default"))
        return STATUS_DONE;
    return call_fail(call, &KMS_NOT_FOUND_EXCEPTION, "No such policy exists");
}

enum status kms_get_key_policy(struct call *call, const struct kms_get_key_policy_in *in,
                               struct kms_get_key_policy_out *out)
{
    enum status status = check_name(call, in->policy_name);
    if (status != STATUS_DONE)
        return status;
    out->policy = kms_subject_key(call)->policy;
    out->policy_name = STR("default");
    return STATUS_DONE;
}

enum status kms_put_key_policy(struct call *call, const struct kms_put_key_policy_in *in,
                               struct kms_put_key_policy_out *out)
{
    (void)out;
    struct kms_key *key = kms_subject_key(call);
    enum status status = check_name(call, in->policy_name);
    if (status == STATUS_DONE)
        status = kms_require_own(call, key);
    if (status == STATUS_DONE)
        status = kms_check_policy(call, key, in->policy,
                                  opt_bool_or(in->bypass_policy_lockout_safety_check, false),
                                  &key->policy);
    if (status != STATUS_DONE)
        return status;
    int rc = kms_store_update_key(call->db, key);
    return rc < 0 ? call_fail_internal(call, rc, "kms: update a key") : STATUS_DONE;
}

enum status kms_list_key_policies(struct call *call, const struct kms_list_key_policies_in *in,
                                  struct kms_list_key_policies_out *out)
{
    struct str after = {0};
    enum status status = kms_marker_read(call, in->marker, &after);
    if (status != STATUS_DONE)
        return status;
    out->policy_names.items = arena_alloc(call->arena, sizeof(struct str));
    out->policy_names.is_set = true;
    if (after.len == 0)
        out->policy_names.items[out->policy_names.count++] = STR("default");
    out->truncated = opt_bool(false);
    return STATUS_DONE;
}
