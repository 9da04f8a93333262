/* tag.c — TagQueue, UntagQueue, ListQueueTags.
 *
 * Docs: SQS developer guide, "Cost allocation tags": 50 tags, keys of 128 and values of 256
 * characters, keys do not begin with "aws:".
 */
#include "base/arena.h"
#include "service/sqs/sqs.h"
#include "syntax/json.h"

enum {
    TAGS_MAX = 50,
    TAG_KEY_MAX = 128,
    TAG_VALUE_MAX = 256,
};

/* Tags as a JSON object text, sorted as given. */
enum status sqs_tags_text(struct call *call, const struct sqs_tag_map *tags, struct json *object,
                          struct str *out_text)
{
    if (tags->count > TAGS_MAX)
        return call_fail(call, &SQS_INVALID_PARAMETER_VALUE, "Too many tags added for queue.");
    for (size_t i = 0; i < tags->count; i++) {
        struct str key = tags->items[i].key;
        if (key.len == 0 || str_utf8_length(key) > TAG_KEY_MAX ||
            str_utf8_length(tags->items[i].value) > TAG_VALUE_MAX ||
            str_starts_with(key, STR("aws:")))
            return call_fail(call, &SQS_INVALID_PARAMETER_VALUE,
                             "Tag keys must be between 1 and 128 characters in length, must not "
                             "begin with aws: and values at most 256.");
        json_set(object, key, json_new_string(call->arena, str_or(tags->items[i].value, STR(""))));
    }
    if (object->count > TAGS_MAX)
        return call_fail(call, &SQS_INVALID_PARAMETER_VALUE, "Too many tags added for queue.");
    *out_text = json_to_str(call->arena, object);
    return STATUS_DONE;
}

static struct json *read_tags(struct call *call, const struct sqs_queue *queue)
{
    struct json *tags = NULL;
    int rc = json_parse(call->arena, queue->tags, 0, &tags, NULL);
    CHECK(rc == 0); /* written by tags_text */
    return tags;
}

enum status sqs_tag_queue(struct call *call, const struct sqs_tag_queue_in *in,
                          struct sqs_tag_queue_out *out)
{
    (void)out;
    struct sqs_queue queue = *sqs_queue_of(call);
    struct json *tags = read_tags(call, &queue);
    enum status status = sqs_tags_text(call, &in->tags, tags, &queue.tags);
    return status == STATUS_DONE ? sqs_save_queue(call, &queue) : status;
}

enum status sqs_untag_queue(struct call *call, const struct sqs_untag_queue_in *in,
                            struct sqs_untag_queue_out *out)
{
    (void)out;
    struct sqs_queue queue = *sqs_queue_of(call);
    struct json *tags = read_tags(call, &queue);
    for (size_t i = 0; i < in->tag_keys.count; i++)
        (void)json_remove(tags, in->tag_keys.items[i]);
    queue.tags = json_to_str(call->arena, tags);
    return sqs_save_queue(call, &queue);
}

enum status sqs_list_queue_tags(struct call *call, const struct sqs_list_queue_tags_in *in,
                                struct sqs_list_queue_tags_out *out)
{
    (void)in;
    const struct json *tags = read_tags(call, sqs_queue_of(call));
    out->tags.items = arena_alloc_array(call->arena, tags->count + 1, sizeof(*out->tags.items));
    for (const struct json *tag = tags->first; tag; tag = tag->next)
        out->tags.items[out->tags.count++] =
            (struct sqs_tag_map_entry){.key = tag->key, .value = tag->text};
    return STATUS_DONE;
}
