/* policy.c — bucket policies: PutBucketPolicy and its checks, Get, Delete, status.
 *
 * A policy is kept as it came. What it must be beyond the policy language: every resource is this
 * bucket or something in it, every action one of S3's, every role named exists.
 *
 * Docs: S3 API reference, PutBucketPolicy ...; user guide, "The meaning of 'public'".
 */
#include "auth/policy.h"
#include "base/arena.h"
#include "service/iam/iam_public.h"
#include "service/s3/bucket.h"
#include "syntax/json.h"

enum {
    MAX_POLICY_BYTES = 20 * 1024, /* AWS: "Bucket policies are limited to 20 KB in size" */
};

static enum status malformed(struct call *call, const char *text, struct str detail)
{
    return s3_fail(call, &S3_MALFORMED_POLICY,
                   &(struct s3_fault_details_error){.additional_message = detail}, "%s", text);
}

/* Calls `check` for a text or each text of an array; false at the first that fails. */
static bool each_text(const struct json *value, bool (*check)(const void *context, struct str text),
                      const void *context)
{
    if (json_is_string(value))
        return check(context, value->text);
    for (const struct json *item = value ? value->first : NULL; item; item = item->next) {
        if (!check(context, item->text))
            return false;
    }
    return true;
}

static bool is_action_of_s3(const void *context, struct str action)
{
    (void)context;
    return str_eq_cstr(action, "*") || str_eq_nocase(str_slice(action, 0, 3), STR("s3:"));
}

/* The ARN, whose bucket may be a pattern, is of this bucket. */
static bool is_of_bucket(const void *context, struct str arn)
{
    const struct s3_bucket_row *bucket = context;
    struct str rest = arn;
    struct str partition = {0};
    if (!str_split_next(&rest, ':', &partition) || !str_eq_cstr(partition, "arn") ||
        !str_split_next(&rest, ':', &partition) || !str_starts_with(rest, STR("s3:::")))
        return false;
    struct str name = str_from(rest, STR("s3:::").len);
    ptrdiff_t slash = str_index(name, '/');
    struct str head = slash < 0 ? name : str_slice(name, 0, (size_t)slash);
    if (policy_wildcard_match(head, bucket->name, false))
        return true;
    /* A star may stand for the slash, too: "bucket*". */
    return str_ends_with(head, STR("*")) &&
           str_starts_with(bucket->name, str_slice(head, 0, head.len - 1));
}

static enum status check_statement(struct call *call, const struct s3_bucket_row *bucket,
                                   const struct json *statement)
{
    const struct json *action = json_find_cstr(statement, "Action");
    if (!action)
        action = json_find_cstr(statement, "NotAction");
    if (!each_text(action, is_action_of_s3, NULL))
        return malformed(call, "Policy has invalid action", (struct str){0});
    const struct json *resource = json_find_cstr(statement, "Resource");
    if (!resource)
        resource = json_find_cstr(statement, "NotResource");
    if (!resource)
        return malformed(call, "Missing required field Resource", (struct str){0});
    if (!each_text(resource, is_of_bucket, bucket))
        return malformed(call, "Policy has invalid resource", (struct str){0});
    return STATUS_DONE;
}

static enum status check_statements(struct call *call, const struct s3_bucket_row *bucket,
                                    struct str document)
{
    struct json *json = NULL;
    if (json_parse(call->arena, document, 0, &json, NULL) < 0)
        return malformed(call, "Policies must be valid JSON and the first byte must be '{'",
                         (struct str){0});
    const struct json *statements = json_find_cstr(json, "Statement");
    if (json_is_object(statements))
        return check_statement(call, bucket, statements);
    for (const struct json *item = statements ? statements->first : NULL; item; item = item->next) {
        enum status status = check_statement(call, bucket, item);
        if (status != STATUS_DONE)
            return status;
    }
    return STATUS_DONE;
}

/* 1: the role exists or the ARN is of no role, 0: it does not exist, or -errno. */
static int role_exists(struct call *call, struct str arn)
{
    ptrdiff_t at = str_find(arn, STR(":role/"));
    const struct str prefix = STR("arn:aws:iam::");
    if (at < 0 || !str_starts_with(arn, prefix))
        return 1;
    struct iam_role_row role = {0};
    struct str account = str_slice(arn, prefix.len, (size_t)at - prefix.len);
    ptrdiff_t slash = str_last_index(arn, '/');
    return iam_find_role(call->db, call->arena, account, str_from(arn, (size_t)slash + 1), &role);
}

static enum status check_principals(struct call *call, const struct policy *policy)
{
    struct policy_principal_entry *entries = NULL;
    size_t count = 0;
    policy_principals(call->arena, policy, &entries, &count);
    for (size_t i = 0; i < count; i++) {
        int rc = entries[i].kind == POLICY_PRINCIPAL_ARN ? role_exists(call, entries[i].text) : 1;
        if (rc < 0)
            return call_fail_internal(call, rc, "s3: find a principal");
        if (rc == 0)
            return malformed(call, "Invalid principal in policy", entries[i].text);
    }
    return STATUS_DONE;
}

/* AWS: "Access denied due to S3 Block Public Access settings", example messages. */
static enum status check_public(struct call *call, const struct s3_bucket_row *bucket,
                                const struct policy *policy)
{
    unsigned block = 0;
    enum status status = s3_effective_block(call, bucket, &block);
    if (status != STATUS_DONE || !(block & S3_BLOCK_POLICY) || !policy_is_public(policy))
        return status;
    return call_fail(call, &S3_ACCESS_DENIED,
                     "User: " STR_FMT " is not authorized to perform: s3:PutBucketPolicy on "
                     "resource: \"arn:aws:s3:::" STR_FMT "\" because public policies are prevented "
                     "by the BlockPublicPolicy setting in S3 Block Public Access.",
                     STR_ARG(call->principal->arn), STR_ARG(bucket->name));
}

enum status s3_put_bucket_policy(struct call *call, const struct s3_put_bucket_policy_in *in,
                                 struct s3_put_bucket_policy_out *out)
{
    (void)out;
    struct s3_bucket_row *bucket = s3_bucket_of(call);
    struct str document = str_trim(in->policy);
    if (document.len == 0 || document.ptr[0] != '{')
        return malformed(call, "Policies must be valid JSON and the first byte must be '{'",
                         (struct str){0});
    if (document.len > MAX_POLICY_BYTES)
        return s3_fail(call, &S3_MALFORMED_POLICY, NULL,
                       "Policy exceeds the maximum allowed document size.");
    struct policy *policy = NULL;
    struct policy_error error = {0};
    enum status status = check_statements(call, bucket, document);
    if (status != STATUS_DONE)
        return status;
    if (policy_parse(call->arena, document, POLICY_RESOURCE, &policy, &error) < 0)
        return s3_fail(call, &S3_MALFORMED_POLICY, NULL, STR_FMT, STR_ARG(error.message));
    status = check_principals(call, policy);
    if (status == STATUS_DONE)
        status = check_public(call, bucket, policy);
    if (status != STATUS_DONE)
        return status;
    bucket->policy = document;
    call_set_status(call, 204);
    return s3_save_bucket(call, bucket);
}

static enum status no_policy(struct call *call, const struct s3_bucket_row *bucket)
{
    return s3_fail(call, &S3_NO_SUCH_BUCKET_POLICY,
                   &(struct s3_fault_details_error){.bucket_name = bucket->name},
                   "The bucket policy does not exist");
}

enum status s3_get_bucket_policy(struct call *call, const struct s3_get_bucket_policy_in *in,
                                 struct s3_get_bucket_policy_out *out)
{
    (void)in;
    const struct s3_bucket_row *bucket = s3_bucket_of(call);
    if (!bucket->policy.ptr)
        return no_policy(call, bucket);
    out->policy = bucket->policy;
    return STATUS_DONE;
}

enum status s3_delete_bucket_policy(struct call *call, const struct s3_delete_bucket_policy_in *in,
                                    struct s3_delete_bucket_policy_out *out)
{
    (void)in;
    (void)out;
    struct s3_bucket_row *bucket = s3_bucket_of(call);
    bucket->policy = (struct str){0};
    return s3_save_bucket(call, bucket);
}

enum status s3_get_bucket_policy_status(struct call *call,
                                        const struct s3_get_bucket_policy_status_in *in,
                                        struct s3_get_bucket_policy_status_out *out)
{
    (void)in;
    const struct s3_bucket_row *bucket = s3_bucket_of(call);
    if (!bucket->policy.ptr)
        return no_policy(call, bucket);
    const struct policy *policy = identity_compile(bucket->policy, POLICY_RESOURCE);
    out->policy_status = arena_alloc(call->arena, sizeof(*out->policy_status));
    out->policy_status->is_public = opt_bool(policy && policy_is_public(policy));
    return STATUS_DONE;
}
