/* tag.c — tags of buckets by their ARNs: adding to them, taking from them.
 *
 * The tags are S3's own (s3_public.h). Tags of other resources (access points, Storage Lens groups)
 * are those of what is not implemented.
 */
#include "base/arena.h"
#include "service/s3/s3_public.h"
#include "service/s3control/s3control.h"
#include "syntax/json.h"

/* The bucket of an ARN arn:aws:s3:::NAME, or an absent str. */
static struct str bucket_of(struct str arn)
{
    const struct str prefix = STR("arn:aws:s3:::");
    struct str name = str_starts_with(arn, prefix) ? str_from(arn, prefix.len) : (struct str){0};
    return name.len > 0 && str_index(name, '/') < 0 ? name : (struct str){0};
}

static enum status read_tags(struct call *call, struct str arn, struct json **out_tags)
{
    struct str bucket = bucket_of(arn);
    if (!bucket.ptr)
        return call_fail(call, &ERROR_NOT_IMPLEMENTED,
                         "Tags of " STR_FMT " are not implemented: only those of buckets are.",
                         STR_ARG(arn));
    enum status status = s3_get_tags(call, bucket, out_tags);
    if (status != STATUS_DONE || *out_tags)
        return status;
    return call_fail(call, &S3CONTROL_NO_SUCH_RESOURCE, "The specified resource doesn't exist.");
}

enum status s3control_list_tags_for_resource(struct call *call,
                                             const struct s3control_list_tags_for_resource_in *in,
                                             struct s3control_list_tags_for_resource_out *out)
{
    struct json *tags = NULL;
    enum status status = read_tags(call, in->resource_arn, &tags);
    if (status != STATUS_DONE)
        return status;
    out->tags.items = arena_alloc_array(call->arena, tags->count + 1, sizeof(*out->tags.items));
    out->tags.is_set = true;
    for (const struct json *tag = tags->first; tag; tag = tag->next) {
        out->tags.items[out->tags.count].key = tag->key;
        out->tags.items[out->tags.count++].value = tag->text;
    }
    return STATUS_DONE;
}

enum status s3control_tag_resource(struct call *call, const struct s3control_tag_resource_in *in,
                                   struct s3control_tag_resource_out *out)
{
    struct json *tags = NULL;
    (void)out;
    enum status status = read_tags(call, in->resource_arn, &tags);
    if (status != STATUS_DONE)
        return status;
    for (size_t i = 0; i < in->tags.count; i++)
        json_set(tags, in->tags.items[i].key,
                 json_new_string(call->arena, in->tags.items[i].value));
    return s3_put_tags(call, bucket_of(in->resource_arn), tags);
}

enum status s3control_untag_resource(struct call *call,
                                     const struct s3control_untag_resource_in *in,
                                     struct s3control_untag_resource_out *out)
{
    struct json *tags = NULL;
    (void)out;
    enum status status = read_tags(call, in->resource_arn, &tags);
    if (status != STATUS_DONE)
        return status;
    for (size_t i = 0; i < in->tag_keys.count; i++)
        json_remove(tags, in->tag_keys.items[i]);
    return s3_put_tags(call, bucket_of(in->resource_arn), tags);
}
