/* service.c — S3 Control: what concerns an account rather than a bucket.
 *
 * Implemented: the account's public access block (account.c), which S3 unites with that of each
 * bucket; tags of buckets by their ARNs (tag.c). Everything else, access points, access grants,
 * batch jobs, Storage Lens, multi-region access points and S3 on Outposts, answers NotImplemented
 * by its name.
 *
 * Its host is ACCOUNT.s3-control.REGION.amazonaws.com; on the plain endpoint it is told from S3,
 * whose signatures look the same, by its paths.
 *
 * Model: models/s3control.model
 */
#include "base/arena.h"
#include "service/s3control/s3control.h"
#include "wire/router.h"

const struct s3control_handlers s3control_handlers = {
    .delete_public_access_block = s3control_delete_public_access_block,
    .get_public_access_block = s3control_get_public_access_block,
    .list_tags_for_resource = s3control_list_tags_for_resource,
    .put_public_access_block = s3control_put_public_access_block,
    .tag_resource = s3control_tag_resource,
    .untag_resource = s3control_untag_resource,
};

/* AWS: service authorization reference: the account's block has actions of its own names, and no
 * resource. */
static const struct rule {
    const char *action;
    bool is_about_resource; /* ResourceArn is the second member */
} rules[S3CONTROL_OP_COUNT] = {
    [S3CONTROL_OP_DELETE_PUBLIC_ACCESS_BLOCK] = {"s3:PutAccountPublicAccessBlock", false},
    [S3CONTROL_OP_GET_PUBLIC_ACCESS_BLOCK] = {"s3:GetAccountPublicAccessBlock", false},
    [S3CONTROL_OP_LIST_TAGS_FOR_RESOURCE] = {NULL, true},
    [S3CONTROL_OP_PUT_PUBLIC_ACCESS_BLOCK] = {"s3:PutAccountPublicAccessBlock", false},
    [S3CONTROL_OP_TAG_RESOURCE] = {NULL, true},
    [S3CONTROL_OP_UNTAG_RESOURCE] = {NULL, true},
};

static struct str text_member(const struct operation *operation, const void *in, const char *name)
{
    for (size_t i = 0; i < operation->in->member_count; i++) {
        const struct member *member = &operation->in->members[i];
        if (str_eq_cstr(member->name, name) && member->shape->kind == KIND_STRING)
            return *(const struct str *)((const char *)in + member->offset);
    }
    return (struct str){0};
}

static enum status authorize(struct call *call, const void *in, struct authorization *out)
{
    const struct rule *rule = &rules[call->operation - s3control_operations];
    struct str account = text_member(call->operation, in, "AccountId");
    /* OBSERVED: the account of x-amz-account-id must be the caller's. */
    if (account.ptr && !str_eq(account, call->scope.account))
        return call_fail(call, &S3CONTROL_ACCESS_DENIED, "Access Denied");
    if (rule->action)
        out->action = str_from_cstr(rule->action);
    if (rule->is_about_resource)
        out->resource = text_member(call->operation, in, "ResourceArn");
    return STATUS_DONE;
}

static bool claim(struct arena *arena, struct str host, const struct wire_request *request,
                  struct service_claim *out)
{
    const struct str marker = STR(".s3-control.");
    ptrdiff_t at = str_find(host, marker);
    (void)arena;
    if (!str_starts_with(request->raw_path, STR("/v20180820/")))
        return false;
    if (at < 0)
        return wire_header(request, "x-amz-account-id").ptr != NULL;
    struct str rest = str_from(host, (size_t)at + marker.len);
    struct str region = {0};
    (void)str_split_next(&rest, '.', &region);
    out->region = str_eq_cstr(region, "localhost") ? STR("") : region;
    return true;
}

const struct service s3control_service = {
    .model = &s3control_model,
    .handlers = &s3control_handlers,
    .authorize = authorize,
    .validation_error = &S3CONTROL_INVALID_REQUEST,
    .is_s3_style = true,
    .claim = claim,
};
