/* tag.c — TagResource, UntagResource, ListResourceTags. Tags are a JSON object in the key's row.
 *
 * Docs: KMS API reference, TagResource; developer guide, "Tags in AWS KMS".
 */
#include "base/arena.h"
#include "service/kms/kms.h"
#include "syntax/json.h"

enum {
    TAGS_MAX = 50,          /* AWS: per key */
    VALUE_MAX = 256,        /* AWS: characters */
    LIST_DEFAULT_TAGS = 50, /* AWS: ListResourceTags Limit */
    LIST_MAX_TAGS = 50,
};

enum status kms_gather_tags(struct call *call, const struct kms_tag_list *tags,
                            const struct json *base, struct str *out_tags)
{
    struct json *all = base ? json_copy(call->arena, base) : json_new(call->arena, JSON_OBJECT);
    for (size_t i = 0; i < tags->count; i++) {
        const struct kms_tag *tag = &tags->items[i];
        /* AWS: the prefix aws: "is reserved for AWS use" ("Tag naming limits"). Stack tags come
         * through CloudFormation, which is AWS. */
        if (str_starts_with(tag->tag_key, STR("aws:")) && call->via_service.len == 0)
            return call_fail(call, &KMS_TAG_EXCEPTION, "Tags beginning with aws: are reserved");
        for (size_t other = 0; other < i; other++) {
            if (str_eq(tags->items[other].tag_key, tag->tag_key))
                return call_fail(call, &KMS_TAG_EXCEPTION, "Duplicate tag keys");
        }
        if (str_utf8_length(tag->tag_value) > VALUE_MAX)
            return call_fail(call, &KMS_TAG_EXCEPTION, "Tag value is longer than 256 characters");
        json_set(all, tag->tag_key, json_new_string(call->arena, tag->tag_value));
    }
    if (all->count > TAGS_MAX)
        return call_fail(call, &KMS_LIMIT_EXCEEDED_EXCEPTION, "Too many tags");
    *out_tags = json_to_str(call->arena, all);
    return STATUS_DONE;
}

enum status kms_tag_list_of(struct call *call, struct str tags, struct kms_tag_list *out)
{
    struct json *all = NULL;
    int rc = json_parse(call->arena, tags, 0, &all, NULL);
    if (rc < 0)
        return call_fail_internal(call, rc, "kms: tags of a key");
    out->items = arena_alloc_array(call->arena, all->count + 1, sizeof(*out->items));
    out->count = 0;
    out->is_set = true;
    for (const struct json *tag = all->first; tag; tag = tag->next)
        out->items[out->count++] = (struct kms_tag){.tag_key = tag->key, .tag_value = tag->text};
    return STATUS_DONE;
}

static enum status write_tags(struct call *call, struct kms_key *key)
{
    int rc = kms_store_update_key(call->db, key);
    return rc < 0 ? call_fail_internal(call, rc, "kms: update a key") : STATUS_DONE;
}

static enum status tags_of_subject(struct call *call, struct json **out_tags)
{
    enum status status = kms_require_own(call, kms_subject_key(call));
    if (status == STATUS_DONE)
        status = kms_require_kept(call, kms_subject_key(call));
    if (status != STATUS_DONE)
        return status;
    int rc = json_parse(call->arena, kms_subject_key(call)->tags, 0, out_tags, NULL);
    return rc < 0 ? call_fail_internal(call, rc, "kms: tags of a key") : STATUS_DONE;
}

enum status kms_tag_resource(struct call *call, const struct kms_tag_resource_in *in,
                             struct kms_tag_resource_out *out)
{
    (void)out;
    struct json *tags = NULL;
    enum status status = tags_of_subject(call, &tags);
    if (status == STATUS_DONE)
        status = kms_gather_tags(call, &in->tags, tags, &kms_subject_key(call)->tags);
    return status == STATUS_DONE ? write_tags(call, kms_subject_key(call)) : status;
}

enum status kms_untag_resource(struct call *call, const struct kms_untag_resource_in *in,
                               struct kms_untag_resource_out *out)
{
    (void)out;
    struct json *tags = NULL;
    enum status status = tags_of_subject(call, &tags);
    if (status != STATUS_DONE)
        return status;
    for (size_t i = 0; i < in->tag_keys.count; i++)
        (void)json_remove(tags, in->tag_keys.items[i]);
    kms_subject_key(call)->tags = json_to_str(call->arena, tags);
    return write_tags(call, kms_subject_key(call));
}

enum status kms_list_resource_tags(struct call *call, const struct kms_list_resource_tags_in *in,
                                   struct kms_list_resource_tags_out *out)
{
    struct str after = {0};
    struct kms_tag_list all = {0};
    enum status status = kms_marker_read(call, in->marker, &after);
    if (status == STATUS_DONE)
        status = kms_tag_list_of(call, kms_subject_key(call)->tags, &all);
    if (status != STATUS_DONE)
        return status;
    int32_t limit = opt_i32_or(in->limit, LIST_DEFAULT_TAGS);
    if (limit > LIST_MAX_TAGS)
        return call_fail(call, &ERROR_VALIDATION, "Limit must be between 1 and 50.");
    size_t from = 0;
    while (after.len > 0 && from < all.count && !str_eq(all.items[from].tag_key, after))
        from++;
    from += after.len > 0 ? 1 : 0;
    size_t left = from < all.count ? all.count - from : 0;
    bool is_cut = left > (size_t)limit;
    out->tags.items = all.items + (from < all.count ? from : 0);
    out->tags.count = is_cut ? (size_t)limit : left;
    out->tags.is_set = true;
    out->truncated = opt_bool(is_cut);
    if (is_cut)
        out->next_marker = kms_marker_write(call, out->tags.items[limit - 1].tag_key);
    return STATUS_DONE;
}
