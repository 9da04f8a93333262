/* tagging.c — tags of objects.
 *
 * AWS: S3 user guide, "Categorizing your objects using tags": at most ten, keys of 1 to 128 and
 * values of up to 256 characters.
 */
#include <errno.h>

#include "base/arena.h"
#include "service/s3/object.h"
#include "syntax/json.h"
#include "syntax/uri.h"

enum {
    TAGS_MAX = 10,
    TAG_KEY_MAX = 128,
    TAG_VALUE_MAX = 256,
};

static enum status check_tag(struct call *call, struct str key, struct str value)
{
    const struct s3_fault_details_error details = {.tag_key = key};
    if (key.len == 0 || str_utf8_length(key) > TAG_KEY_MAX || str_starts_with(key, STR("aws:")))
        return s3_fail(call, &S3_INVALID_TAG, &details, "The TagKey you have provided is invalid");
    if (str_utf8_length(value) > TAG_VALUE_MAX)
        return s3_fail(call, &S3_INVALID_TAG, &details,
                       "The TagValue you have provided is invalid");
    return STATUS_DONE;
}

static enum status refuse_count(struct call *call)
{
    return s3_fail(call, &S3_BAD_REQUEST, NULL, "Object tags cannot be greater than 10");
}

enum status s3_tags_from_header(struct call *call, struct str header, struct str *out_tags)
{
    struct form form;
    struct json *tags = json_new(call->arena, JSON_OBJECT);
    *out_tags = (struct str){0};
    if (header.len == 0)
        return STATUS_DONE;
    bool is_valid = form_parse(call->arena, header, true, &form) == 0;
    for (size_t i = 0; is_valid && i < form.count; i++) {
        is_valid = !json_find(tags, form.fields[i].name) && str_is_utf8(form.fields[i].name) &&
                   str_is_utf8(form.fields[i].value);
        if (is_valid)
            json_append_member(tags, form.fields[i].name,
                               json_new_string(call->arena, str_or(form.fields[i].value, STR(""))));
    }
    if (!is_valid)
        return s3_fail_argument(call, "x-amz-tagging", header,
                                "The header 'x-amz-tagging' shall be encoded as UTF-8 then "
                                "URLEncoded URL query parameters without tag name duplicates.");
    if (tags->count > TAGS_MAX)
        return refuse_count(call);
    for (const struct json *tag = tags->first; tag; tag = tag->next) {
        enum status status = check_tag(call, tag->key, tag->text);
        if (status != STATUS_DONE)
            return status;
    }
    *out_tags = json_to_str(call->arena, tags);
    return STATUS_DONE;
}

size_t s3_count_tags(struct arena *arena, struct str tags)
{
    struct json *pairs = NULL;
    if (tags.len == 0 || json_parse(arena, tags, 0, &pairs, NULL) < 0)
        return 0;
    return pairs->count;
}

static enum status tags_from_set(struct call *call, const struct s3_tagging *tagging,
                                 struct str *out_tags)
{
    struct json *tags = json_new(call->arena, JSON_OBJECT);
    if (!tagging)
        return s3_fail_malformed_xml(call);
    for (size_t i = 0; i < tagging->tag_set.count; i++) {
        const struct s3_tag *tag = &tagging->tag_set.items[i];
        if (json_find(tags, tag->key))
            return s3_fail(call, &S3_INVALID_TAG,
                           &(struct s3_fault_details_error){.tag_key = tag->key},
                           "Cannot provide multiple Tags with the same key");
        enum status status = check_tag(call, tag->key, tag->value);
        if (status != STATUS_DONE)
            return status;
        json_append_member(tags, tag->key,
                           json_new_string(call->arena, str_or(tag->value, STR(""))));
    }
    if (tags->count > TAGS_MAX)
        return refuse_count(call);
    *out_tags = tags->count > 0 ? json_to_str(call->arena, tags) : (struct str){0};
    return STATUS_DONE;
}

enum status s3_get_object_tagging(struct call *call, const struct s3_get_object_tagging_in *in,
                                  struct s3_get_object_tagging_out *out)
{
    const struct s3_bucket_row *bucket = s3_bucket_of(call);
    struct s3_object_row *object = NULL;
    struct json *tags = NULL;
    enum status status = s3_get_version(call, bucket, in->key, in->version_id, &object);
    if (status != STATUS_DONE)
        return status;
    out->version_id = s3_answered_version(bucket, object);
    out->tag_set.is_set = true;
    if (!str_is_set(object->tags) || json_parse(call->arena, object->tags, 0, &tags, NULL) < 0)
        return STATUS_DONE;
    out->tag_set.items = arena_alloc_array(call->arena, tags->count, sizeof(*out->tag_set.items));
    for (const struct json *tag = tags->first; tag; tag = tag->next)
        out->tag_set.items[out->tag_set.count++] =
            (struct s3_tag){.key = tag->key, .value = tag->text};
    return STATUS_DONE;
}

static enum status set_tags(struct call *call, struct s3_object_row *object, struct str tags,
                            const char *event_name)
{
    object->tags = tags;
    int rc = s3_store_set_tags(call->db, object);
    if (rc < 0)
        return call_fail_internal(call, rc, "s3: set tags");
    return s3_event(call, s3_bucket_of(call), object, event_name);
}

enum status s3_put_object_tagging(struct call *call, const struct s3_put_object_tagging_in *in,
                                  struct s3_put_object_tagging_out *out)
{
    const struct s3_bucket_row *bucket = s3_bucket_of(call);
    struct s3_object_row *object = NULL;
    struct str tags = {0};
    enum status status = s3_check_buffered(call, true);
    if (status == STATUS_DONE)
        status = tags_from_set(call, in->tagging, &tags);
    if (status == STATUS_DONE)
        status = s3_get_version(call, bucket, in->key, in->version_id, &object);
    if (status != STATUS_DONE)
        return status;
    out->version_id = s3_answered_version(bucket, object);
    return set_tags(call, object, tags, "ObjectTagging:Put");
}

enum status s3_delete_object_tagging(struct call *call,
                                     const struct s3_delete_object_tagging_in *in,
                                     struct s3_delete_object_tagging_out *out)
{
    const struct s3_bucket_row *bucket = s3_bucket_of(call);
    struct s3_object_row *object = NULL;
    enum status status = s3_get_version(call, bucket, in->key, in->version_id, &object);
    if (status != STATUS_DONE)
        return status;
    out->version_id = s3_answered_version(bucket, object);
    return set_tags(call, object, (struct str){0}, "ObjectTagging:Delete");
}
