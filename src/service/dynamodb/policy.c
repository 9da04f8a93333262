/* policy.c — resource policies of tables and of their streams.
 *
 * Docs: developer guide, "Using resource-based policies for DynamoDB"; at most 20 KB.
 */
#include "base/arena.h"
#include "base/rand.h"
#include "service/dynamodb/dynamodb.h"
#include "syntax/json.h"
#include "wire/identity.h"

enum {
    DOCUMENT_MAX_BYTES = 20 * 1024,
    REVISION_DIGITS = 13, /* OBSERVED: "1693000000000", milliseconds when it was put */
};

static const char no_policy[] = "NO_POLICY"; /* AWS: ExpectedRevisionId: only when there is none */

static enum status find_owner(struct call *call, struct str arn, struct ddb_table **out_table,
                              bool *out_is_stream)
{
    struct ddb_name name;
    bool is_ours = ddb_name_read(call, arn, &name) == 0 && name.is_arn &&
                   (name.kind.len == 0 || str_eq_cstr(name.kind, "stream"));
    if (!is_ours)
        return call_fail(call, &ERROR_VALIDATION, "Invalid ResourceArn: " STR_FMT, STR_ARG(arn));
    int rc = str_eq(name.scope.region, call->scope.region)
                 ? ddb_table_find_in(call, name.scope, name.table, out_table)
                 : 0;
    if (rc < 0)
        return call_fail_internal(call, rc, "dynamodb: find a table");
    if (rc == 0)
        return call_fail(call, &DYNAMODB_RESOURCE_NOT_FOUND_EXCEPTION,
                         "Requested resource not found: ResourcArn: " STR_FMT " not found",
                         STR_ARG(arn));
    *out_is_stream = name.kind.len > 0;
    return STATUS_DONE;
}

static const char *revision_member(bool is_stream)
{
    return is_stream ? "StreamPolicyRevision" : "PolicyRevision";
}

static struct str *policy_slot(struct ddb_table *table, bool is_stream)
{
    return is_stream ? &table->stream_policy : &table->policy;
}

static enum status policy_missing(struct call *call, struct str arn)
{
    return call_fail(call, &DYNAMODB_POLICY_NOT_FOUND_EXCEPTION,
                     "Resource-based policy not found for the provided ResourceArn: " STR_FMT,
                     STR_ARG(arn));
}

static enum status check_revision(struct call *call, struct ddb_table *table, bool is_stream,
                                  struct str expected)
{
    if (!expected.ptr)
        return STATUS_DONE;
    struct str have = json_find_str(table->detail, revision_member(is_stream));
    bool is_met = str_eq_cstr(expected, no_policy) ? !policy_slot(table, is_stream)->ptr
                                                   : have.ptr && str_eq(have, expected);
    if (is_met)
        return STATUS_DONE;
    return call_fail(call, &DYNAMODB_POLICY_NOT_FOUND_EXCEPTION,
                     "Resource-based policy not found for the provided ResourceArn: Requested "
                     "update for policy with revision id " STR_FMT,
                     STR_ARG(expected));
}

enum status ddb_policy_apply(struct call *call, struct ddb_table *table, bool is_stream,
                             struct str policy, struct str expected)
{
    enum status status = check_revision(call, table, is_stream, expected);
    if (status != STATUS_DONE)
        return status;
    if (policy.len > DOCUMENT_MAX_BYTES)
        return call_fail(call, &ERROR_VALIDATION,
                         "Invalid policy document: the policy exceeds the size limit of 20 KB");
    if (!identity_compile(policy, POLICY_RESOURCE))
        return call_fail(call, &ERROR_VALIDATION, "Invalid policy document: Document is invalid");
    *policy_slot(table, is_stream) = policy;
    struct str revision =
        str_format(call->arena, "%0*lld", REVISION_DIGITS, (long long)call->now_ms);
    /* Two changes within a millisecond have two revisions. */
    revision = str_format(call->arena, STR_FMT "%03llu", STR_ARG(revision),
                          (unsigned long long)rand_below(1000));
    ddb_detail_set_str(call->arena, table->detail, revision_member(is_stream), revision);
    return STATUS_DONE;
}

enum status dynamodb_put_resource_policy(struct call *call,
                                         const struct dynamodb_put_resource_policy_in *in,
                                         struct dynamodb_put_resource_policy_out *out)
{
    struct ddb_table *table = NULL;
    bool is_stream = false;
    enum status status = find_owner(call, in->resource_arn, &table, &is_stream);
    if (status == STATUS_DONE)
        status = ddb_policy_apply(call, table, is_stream, in->policy, in->expected_revision_id);
    if (status == STATUS_DONE)
        status = ddb_table_save(call, table);
    if (status == STATUS_DONE)
        out->revision_id = json_find_str(table->detail, revision_member(is_stream));
    return status;
}

enum status dynamodb_get_resource_policy(struct call *call,
                                         const struct dynamodb_get_resource_policy_in *in,
                                         struct dynamodb_get_resource_policy_out *out)
{
    struct ddb_table *table = NULL;
    bool is_stream = false;
    enum status status = find_owner(call, in->resource_arn, &table, &is_stream);
    if (status != STATUS_DONE)
        return status;
    if (!policy_slot(table, is_stream)->ptr)
        return policy_missing(call, in->resource_arn);
    out->policy = *policy_slot(table, is_stream);
    out->revision_id = json_find_str(table->detail, revision_member(is_stream));
    return STATUS_DONE;
}

/* AWS: "If you try to delete a policy that doesn't exist, the request succeeds" without a
 * revision. */
enum status dynamodb_delete_resource_policy(struct call *call,
                                            const struct dynamodb_delete_resource_policy_in *in,
                                            struct dynamodb_delete_resource_policy_out *out)
{
    struct ddb_table *table = NULL;
    bool is_stream = false;
    enum status status = find_owner(call, in->resource_arn, &table, &is_stream);
    if (status == STATUS_DONE)
        status = check_revision(call, table, is_stream, in->expected_revision_id);
    if (status != STATUS_DONE || !policy_slot(table, is_stream)->ptr)
        return status;
    out->revision_id = json_find_str(table->detail, revision_member(is_stream));
    *policy_slot(table, is_stream) = (struct str){0};
    (void)json_remove(table->detail, str_from_cstr(revision_member(is_stream)));
    return ddb_table_save(call, table);
}

int ddb_stream_policy(struct call *call, const struct ddb_stream *stream, struct str *out_policy)
{
    struct ddb_table *table = NULL;
    int rc = ddb_store_find_table(call->db, call->arena, stream->scope, stream->table_name, false,
                                  &table);
    if (rc < 0 || rc == 0 || table->table_key != stream->table_key || !table->stream_policy.ptr)
        return rc < 0 ? rc : 0;
    *out_policy = table->stream_policy;
    return 1;
}
