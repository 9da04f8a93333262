/* target.c — queues as targets of topics, rules, schedules and the like.
 *
 * A message goes through SendMessage as whoever delivers it, so that the queue's policy, its kind
 * and its limits decide as for any client. What a delivery's `extra` may hold, as in the API:
 * "MessageGroupId", "MessageDeduplicationId", "AWSTraceHeader" (texts) and "MessageAttributes", an
 * object of {"DataType", "StringValue" | "BinaryValue" (base64)}.
 */
#include "base/arena.h"
#include "service/sqs/sqs.h"
#include "syntax/base64.h"
#include "syntax/json.h"

static struct str binary_of(struct arena *arena, struct str text)
{
    struct str bytes = {0};
    return text.ptr && base64_decode(arena, text, &bytes) == 0 ? bytes : (struct str){0};
}

static struct sqs_message_body_attribute_map attributes_of(struct arena *arena,
                                                           const struct json *object)
{
    struct sqs_message_body_attribute_map map = {0};
    if (!json_is_object(object) || object->count == 0)
        return map;
    map.is_set = true;
    map.items = arena_alloc_array(arena, object->count, sizeof(*map.items));
    for (const struct json *item = object->first; item; item = item->next)
        map.items[map.count++] = (struct sqs_message_body_attribute_map_entry){
            .key = item->key,
            .value =
                {
                    .data_type = json_find_str(item, "DataType"),
                    .string_value = json_find_str(item, "StringValue"),
                    .binary_value = binary_of(arena, json_find_str(item, "BinaryValue")),
                },
        };
    return map;
}

static struct sqs_message_body_system_attribute_map system_attributes_of(struct arena *arena,
                                                                         struct str trace_header)
{
    struct sqs_message_body_system_attribute_map map = {0};
    if (trace_header.len == 0)
        return map;
    map.is_set = true;
    map.count = 1;
    map.items = arena_alloc(arena, sizeof(*map.items));
    map.items[0] = (struct sqs_message_body_system_attribute_map_entry){
        .key = STR("AWSTraceHeader"),
        .value = {.data_type = STR("String"), .string_value = trace_header},
    };
    return map;
}

static enum delivery_result deliver(struct call *call, const struct delivery *delivery,
                                    const struct principal *principal, const struct scope *scope,
                                    struct call_error *out_error)
{
    struct scope owner = {0};
    struct str name = {0};
    if (!sqs_split_arn(delivery->target, &owner, &name)) {
        *out_error = (struct call_error){
            .error = &SQS_INVALID_ADDRESS,
            .message = str_concat3(call->arena, STR("The address "), delivery->target,
                                   STR(" is not valid for this endpoint.")),
        };
        return DELIVERY_REFUSED;
    }
    const struct sqs_send_message_in in = {
        .queue_url = str_concat3(call->arena, owner.account, STR("/"), name),
        .message_body = delivery->body,
        .message_attributes =
            attributes_of(call->arena, json_find_cstr(delivery->extra, "MessageAttributes")),
        .message_system_attributes =
            system_attributes_of(call->arena, delivery_extra(delivery, "AWSTraceHeader")),
        .message_deduplication_id = delivery_extra(delivery, "MessageDeduplicationId"),
        .message_group_id = delivery_extra(delivery, "MessageGroupId"),
    };
    struct sqs_send_message_out out = {0};
    enum status status = call_invoke(call, principal, scope, &sqs_model,
                                     &sqs_operations[SQS_OP_SEND_MESSAGE], &in, &out, out_error);
    return status == STATUS_DONE ? DELIVERY_DONE : delivery_result_of(out_error);
}

const struct delivery_target sqs_delivery_target = {
    .service = STR_INIT("sqs"),
    .deliver = deliver,
};
