/* tag.c — tags of topics. AWS: up to 50, keys of 128 and values of 256 characters. */
#include "base/arena.h"
#include "service/sns/sns.h"
#include "syntax/json.h"

enum {
    TAGS_MAX = 50,
};

static struct json *read_tags(struct call *call, const struct sns_topic_row *topic)
{
    struct json *tags = NULL;
    int rc = json_parse(call->arena, topic->tags, 0, &tags, NULL);
    CHECK(rc == 0); /* written by this file and topic.c */
    return tags;
}

enum status sns_tag_resource(struct call *call, const struct sns_tag_resource_in *in,
                             struct sns_tag_resource_out *out)
{
    (void)out;
    struct sns_topic_row *topic = sns_topic_of(call);
    struct json *tags = read_tags(call, topic);
    for (size_t i = 0; i < in->tags.count; i++) {
        struct str key = in->tags.items[i].key;
        if (str_starts_with(key, STR("aws:")))
            return sns_invalid(call, "Tag keys must not start with aws:");
        for (size_t other = 0; other < i; other++) {
            if (str_eq(in->tags.items[other].key, key))
                return sns_invalid(call, "Duplicated keys are not allowed.");
        }
        json_set(tags, key, json_new_string(call->arena, in->tags.items[i].value));
    }
    if (tags->count > TAGS_MAX)
        return call_fail(call, &SNS_TAG_LIMIT_EXCEEDED_EXCEPTION,
                         "Could not complete request: tag quota of per resource exceeded");
    topic->tags = json_to_str(call->arena, tags);
    return sns_save_topic(call, topic);
}

enum status sns_untag_resource(struct call *call, const struct sns_untag_resource_in *in,
                               struct sns_untag_resource_out *out)
{
    (void)out;
    struct sns_topic_row *topic = sns_topic_of(call);
    struct json *tags = read_tags(call, topic);
    for (size_t i = 0; i < in->tag_keys.count; i++)
        (void)json_remove(tags, in->tag_keys.items[i]);
    topic->tags = json_to_str(call->arena, tags);
    return sns_save_topic(call, topic);
}

enum status sns_list_tags_for_resource(struct call *call,
                                       const struct sns_list_tags_for_resource_in *in,
                                       struct sns_list_tags_for_resource_out *out)
{
    (void)in;
    const struct json *tags = read_tags(call, sns_topic_of(call));
    out->tags.is_set = true;
    out->tags.items = arena_alloc_array(call->arena, tags->count + 1, sizeof(*out->tags.items));
    for (const struct json *tag = tags->first; tag; tag = tag->next)
        out->tags.items[out->tags.count++] = (struct sns_tag){.key = tag->key, .value = tag->text};
    return STATUS_DONE;
}
