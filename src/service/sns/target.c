/* target.c — topics as targets of rules, alarms, buckets and the like.
 *
 * A message goes through Publish as whoever delivers it, so that the topic's policy decides as for
 * any client. What a delivery's `extra` may hold: "Subject", "MessageGroupId",
 * "MessageDeduplicationId" (texts) and "MessageAttributes", an object of {"DataType",
 * "StringValue"}.
 */
#include "base/arena.h"
#include "service/sns/sns.h"
#include "syntax/json.h"

static struct sns_message_attribute_map attributes_of(struct arena *arena,
                                                      const struct json *object)
{
    struct sns_message_attribute_map map = {0};
    if (!json_is_object(object) || object->count == 0)
        return map;
    map.is_set = true;
    map.items = arena_alloc_array(arena, object->count, sizeof(*map.items));
    for (const struct json *item = object->first; item; item = item->next)
        map.items[map.count++] = (struct sns_message_attribute_map_entry){
            .key = item->key,
            .value = {.data_type = json_find_str(item, "DataType"),
                      .string_value = json_find_str(item, "StringValue")},
        };
    return map;
}

static enum delivery_result deliver(struct call *call, const struct delivery *delivery,
                                    const struct principal *principal, const struct scope *scope,
                                    struct call_error *out_error)
{
    const struct sns_publish_in in = {
        .topic_arn = delivery->target,
        .message = delivery->body,
        .subject = delivery_extra(delivery, "Subject"),
        .message_group_id = delivery_extra(delivery, "MessageGroupId"),
        .message_deduplication_id = delivery_extra(delivery, "MessageDeduplicationId"),
        .message_attributes =
            attributes_of(call->arena, json_find_cstr(delivery->extra, "MessageAttributes")),
    };
    struct sns_publish_out out = {0};
    enum status status = call_invoke(call, principal, scope, &sns_model,
                                     &sns_operations[SNS_OP_PUBLISH], &in, &out, out_error);
    return status == STATUS_DONE ? DELIVERY_DONE : delivery_result_of(out_error);
}

/* Not applications and endpoints, whose ARNs are of SNS, too. */
static bool is_topic(struct str arn)
{
    struct scope scope = {0};
    struct str name = {0};
    return sns_split_arn(arn, "sns", &scope, &name) && str_index(name, '/') < 0 &&
           str_index(name, ':') < 0;
}

const struct delivery_target sns_delivery_target = {
    .service = STR_INIT("sns"),
    .deliver = deliver,
    .knows = is_topic,
};
