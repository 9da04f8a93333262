/* tag.c — tags of buckets by their ARNs: adding to them, taking from them.
 *
 * The tags are S3's own: they are read and written by its operations, as the account, in the
 * bucket's region; who may was decided before. Tags of other resources (access points, Storage Lens
 * groups) are those of what is not implemented.
 */
#include "base/arena.h"
#include "s3/s3_api.h"
#include "service/s3/s3_public.h"
#include "service/s3control/s3control.h"
#include "wire/identity.h"

struct str s3control_bucket_of(struct str arn)
{
    const struct str prefix = STR("arn:aws:s3:::");
    struct str name = str_starts_with(arn, prefix) ? str_from(arn, prefix.len) : (struct str){0};
    return name.len > 0 && str_index(name, '/') < 0 ? name : (struct str){0};
}

/* A bucket whose tags are being worked on. */
struct subject {
    struct call *call;
    struct str bucket;
    struct scope scope;
    struct principal principal;
    struct s3_tag_set tags;
};

/* Calls an operation of S3. What it refuses becomes this call's failure. */
static enum status invoke(struct subject *subject, int op, const void *in, void *out,
                          struct call_error *out_error)
{
    return call_invoke(subject->call, &subject->principal, &subject->scope, &s3_model,
                       &s3_operations[op], in, out, out_error);
}

static enum status pass_on(struct call *call, const struct call_error *error)
{
    if (call->store_errno != 0)
        return STATUS_FAILED;
    if (str_eq_cstr(error->error->code, "NoSuchBucket") ||
        str_eq_cstr(error->error->code, "AccessDenied"))
        return call_fail(call, &S3CONTROL_NO_SUCH_RESOURCE,
                         "The specified resource doesn't exist.");
    if (str_eq_cstr(error->error->code, "InvalidTag"))
        return call_fail(call, &S3CONTROL_INVALID_TAG, STR_FMT, STR_ARG(error->message));
    return call_fail(call, &S3CONTROL_INVALID_REQUEST, STR_FMT, STR_ARG(error->message));
}

static enum status open_subject(struct call *call, struct str arn, struct subject *out)
{
    *out = (struct subject){
        .call = call,
        .bucket = s3control_bucket_of(arn),
        .scope = call->scope,
        .principal = identity_root(call->arena, call->scope.account),
    };
    if (!out->bucket.ptr)
        return call_fail(call, &ERROR_NOT_IMPLEMENTED,
                         "Tags of " STR_FMT " are not implemented: only those of buckets are.",
                         STR_ARG(arn));
    enum status status = s3_region_of(call, out->bucket, &out->scope.region);
    if (status != STATUS_DONE)
        return status;
    if (!out->scope.region.ptr)
        return call_fail(call, &S3CONTROL_NO_SUCH_RESOURCE,
                         "The specified resource doesn't exist.");
    const struct s3_get_bucket_tagging_in in = {.bucket = out->bucket};
    struct s3_get_bucket_tagging_out found = {0};
    struct call_error error = {0};
    status = invoke(out, S3_OP_GET_BUCKET_TAGGING, &in, &found, &error);
    if (status == STATUS_DONE)
        out->tags = found.tag_set;
    else if (call->store_errno != 0 || !str_eq_cstr(error.error->code, "NoSuchTagSet"))
        return pass_on(call, &error);
    return STATUS_DONE;
}

static enum status save(struct subject *subject, const struct s3_tag_set *tags)
{
    struct s3_tagging tagging = {.tag_set = *tags};
    const struct s3_put_bucket_tagging_in in = {.bucket = subject->bucket, .tagging = &tagging};
    struct s3_put_bucket_tagging_out out = {0};
    struct call_error error = {0};
    enum status status = invoke(subject, S3_OP_PUT_BUCKET_TAGGING, &in, &out, &error);
    return status == STATUS_DONE ? status : pass_on(subject->call, &error);
}

enum status s3control_list_tags_for_resource(struct call *call,
                                             const struct s3control_list_tags_for_resource_in *in,
                                             struct s3control_list_tags_for_resource_out *out)
{
    struct subject subject;
    enum status status = open_subject(call, in->resource_arn, &subject);
    if (status != STATUS_DONE)
        return status;
    out->tags.items =
        arena_alloc_array(call->arena, subject.tags.count + 1, sizeof(*out->tags.items));
    out->tags.is_set = true;
    for (size_t i = 0; i < subject.tags.count; i++) {
        out->tags.items[i].key = subject.tags.items[i].key;
        out->tags.items[i].value = subject.tags.items[i].value;
        out->tags.count++;
    }
    return STATUS_DONE;
}

enum status s3control_tag_resource(struct call *call, const struct s3control_tag_resource_in *in,
                                   struct s3control_tag_resource_out *out)
{
    struct subject subject;
    (void)out;
    enum status status = open_subject(call, in->resource_arn, &subject);
    if (status != STATUS_DONE)
        return status;
    struct s3_tag_set all = {0};
    all.items =
        arena_alloc_array(call->arena, subject.tags.count + in->tags.count + 1, sizeof(*all.items));
    for (size_t i = 0; i < subject.tags.count; i++)
        all.items[all.count++] = subject.tags.items[i];
    for (size_t i = 0; i < in->tags.count; i++) {
        size_t at = 0;
        while (at < all.count && !str_eq(all.items[at].key, in->tags.items[i].key))
            at++;
        all.items[at] =
            (struct s3_tag){.key = in->tags.items[i].key, .value = in->tags.items[i].value};
        all.count += at == all.count;
    }
    return save(&subject, &all);
}

enum status s3control_untag_resource(struct call *call,
                                     const struct s3control_untag_resource_in *in,
                                     struct s3control_untag_resource_out *out)
{
    struct subject subject;
    (void)out;
    enum status status = open_subject(call, in->resource_arn, &subject);
    if (status != STATUS_DONE)
        return status;
    struct s3_tag_set kept = {0};
    kept.items = arena_alloc_array(call->arena, subject.tags.count + 1, sizeof(*kept.items));
    for (size_t i = 0; i < subject.tags.count; i++) {
        bool is_removed = false;
        for (size_t k = 0; k < in->tag_keys.count; k++)
            is_removed |= str_eq(in->tag_keys.items[k], subject.tags.items[i].key);
        if (!is_removed)
            kept.items[kept.count++] = subject.tags.items[i];
    }
    return save(&subject, &kept);
}
