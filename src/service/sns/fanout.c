/* fanout.c — a message goes to whoever subscribed.
 *
 * Queues and functions take it in the transaction that published it, http endpoints after the
 * commit (engine/events/delivery.h); mail, telephones and applications are captured. One statement
 * reads a page of subscriptions; one signature serves all of them, because what is signed does not
 * name the subscription.
 *
 * Docs: SNS developer guide, "Amazon SNS message delivery retries", "Dead-letter queues", "Parsing
 * Amazon SNS message formats" (headers of http deliveries).
 */
#include "base/arena.h"
#include "base/rand.h"
#include "service/sns/filter.h"
#include "service/sns/sns.h"
#include "syntax/base64.h"
#include "syntax/json.h"
#include "syntax/time.h"

enum {
    PAGE = 200,           /* subscriptions read at once */
    SMS_MAX_CHARS = 1600, /* AWS: a text message as a whole */
    /* AWS tries managed endpoints 100,015 times over 23 days; here in growing steps as long. */
    MANAGED_ATTEMPTS = 1000,
    MANAGED_MIN_DELAY_MS = 1000,
    MANAGED_MAX_DELAY_MS = 60 * 60 * 1000,
};

static void put(struct call *call, struct json *object, const char *name, struct str value)
{
    if (value.ptr)
        json_append_member(object, str_from_cstr(name), json_new_string(call->arena, value));
}

static bool is_raw(const struct sns_subscription_row *subscription)
{
    return sns_is_set(subscription->settings, "RawMessageDelivery");
}

/* Attributes as a queue takes them, for raw delivery. */
static struct json *queue_attributes(struct call *call,
                                     const struct sns_message_attribute_map *attributes)
{
    struct json *object = json_new(call->arena, JSON_OBJECT);
    for (size_t i = 0; attributes && i < attributes->count; i++) {
        const struct sns_message_attribute_value *value = &attributes->items[i].value;
        struct json *item = json_new(call->arena, JSON_OBJECT);
        /* A queue knows no String.Array; it takes any type behind a dot. */
        put(call, item, "DataType", value->data_type);
        put(call, item, "StringValue", value->string_value);
        if (value->binary_value.ptr)
            put(call, item, "BinaryValue", base64_encode_str(call->arena, value->binary_value));
        json_append_member(object, attributes->items[i].key, item);
    }
    return object;
}

/* OBSERVED (2025-08): group ids go on to FIFO queues and, from standard topics, to standard ones
 * (fair queues); a standard queue of a FIFO topic gets none. */
static struct json *queue_extra(struct call *call, const struct sns_message *message,
                                struct str queue_arn, bool is_raw_message)
{
    struct json *extra = json_new(call->arena, JSON_OBJECT);
    bool is_fifo_queue = str_ends_with(queue_arn, STR(".fifo"));
    if (is_fifo_queue || !message->is_fifo)
        put(call, extra, "MessageGroupId", message->group_id);
    if (is_fifo_queue)
        put(call, extra, "MessageDeduplicationId", message->dedup_id);
    put(call, extra, "AWSTraceHeader", message->trace_header);
    if (is_raw_message && message->attributes && message->attributes->count > 0)
        json_append_member(extra, STR("MessageAttributes"),
                           queue_attributes(call, message->attributes));
    return extra;
}

static struct str dead_letter_of(struct call *call, const struct sns_subscription_row *subscription)
{
    struct json *policy = NULL;
    struct str text = sns_setting(subscription->settings, "RedrivePolicy");
    if (!text.ptr || json_parse(call->arena, text, 0, &policy, NULL) < 0)
        return (struct str){0};
    return json_find_str(policy, "deadLetterTargetArn");
}

/* What all deliveries have: who sends, and where to what cannot be delivered. */
static struct delivery new_delivery(struct call *call, const struct sns_topic_row *topic,
                                    const struct sns_subscription_row *subscription,
                                    const struct sns_message *message)
{
    struct delivery delivery = {
        .target = subscription->endpoint,
        .service = STR("sns.amazonaws.com"),
        .source_arn = message->topic_arn,
        .source_account = topic->account,
        .dead_letter_arn = dead_letter_of(call, subscription),
        .policy = {.max_attempts = MANAGED_ATTEMPTS,
                   .min_delay_ms = MANAGED_MIN_DELAY_MS,
                   .max_delay_ms = MANAGED_MAX_DELAY_MS},
    };
    if (delivery.dead_letter_arn.ptr)
        delivery.dead_letter_extra =
            queue_extra(call, message, delivery.dead_letter_arn, is_raw(subscription));
    return delivery;
}

static int64_t number_in(const struct json *object, const char *name)
{
    const struct json *found = json_find_cstr(object, name);
    int64_t value = 0;
    return found && str_to_i64(found->text, &value) == 0 ? value : 0;
}

/* DEVIATION: the four phases of an http delivery policy become one: as many attempts, with pauses
 * that double from minDelayTarget to maxDelayTarget. */
static void apply_delivery_policy(const struct json *policy, struct delivery *delivery)
{
    const struct json *retry = json_find_cstr(policy, "healthyRetryPolicy");
    delivery->policy = (struct delivery_policy){
        .max_attempts = (uint32_t)(number_in(retry, "numRetries") + 1),
        .min_delay_ms = number_in(retry, "minDelayTarget") * 1000,
        .max_delay_ms = number_in(retry, "maxDelayTarget") * 1000,
    };
}

static enum status deliver_to_url(struct call *call, const struct sns_topic_row *topic,
                                  const struct sns_subscription_row *subscription,
                                  struct sns_message *message)
{
    struct delivery delivery = new_delivery(call, topic, subscription, message);
    struct json *policy = sns_effective_delivery_policy(call, topic, subscription);
    struct str arn = sns_subscription_arn(call->arena, subscription);
    bool is_raw_message = is_raw(subscription) && message->type == SNS_NOTIFICATION;
    apply_delivery_policy(policy, &delivery);
    struct json *headers = json_new(call->arena, JSON_OBJECT);
    put(call, headers, "Content-Type",
        json_find_str(json_find_cstr(policy, "requestPolicy"), "headerContentType"));
    put(call, headers, "User-Agent", STR("Amazon Simple Notification Service Agent"));
    put(call, headers, "x-amz-sns-message-type", sns_message_type_name(message->type));
    put(call, headers, "x-amz-sns-message-id", message->message_id);
    put(call, headers, "x-amz-sns-topic-arn", message->topic_arn);
    if (message->type != SNS_SUBSCRIPTION_CONFIRMATION)
        put(call, headers, "x-amz-sns-subscription-arn", arn);
    if (is_raw_message)
        put(call, headers, "x-amz-sns-rawdelivery", STR("true"));
    delivery.extra = json_new(call->arena, JSON_OBJECT);
    json_append_member(delivery.extra, STR("Headers"), headers);
    delivery.body = sns_text_for(message, subscription->protocol);
    enum status status =
        is_raw_message ? STATUS_DONE
                       : sns_envelope(call, message, subscription->protocol, arn, &delivery.body);
    return status == STATUS_DONE ? delivery_send(call, &delivery, NULL) : status;
}

static enum status deliver_to_queue(struct call *call, const struct sns_topic_row *topic,
                                    const struct sns_subscription_row *subscription,
                                    struct sns_message *message)
{
    struct delivery delivery = new_delivery(call, topic, subscription, message);
    bool is_raw_message = is_raw(subscription) && message->type == SNS_NOTIFICATION;
    delivery.extra = queue_extra(call, message, subscription->endpoint, is_raw_message);
    delivery.body = sns_text_for(message, subscription->protocol);
    enum status status =
        is_raw_message
            ? STATUS_DONE
            : sns_envelope(call, message, subscription->protocol,
                           sns_subscription_arn(call->arena, subscription), &delivery.body);
    return status == STATUS_DONE ? delivery_send(call, &delivery, NULL) : status;
}

static enum status deliver_to_function(struct call *call, const struct sns_topic_row *topic,
                                       const struct sns_subscription_row *subscription,
                                       struct sns_message *message)
{
    struct delivery delivery = new_delivery(call, topic, subscription, message);
    struct str arn = sns_subscription_arn(call->arena, subscription);
    enum status status = sns_function_event(call, message, arn, &delivery.body);
    if (status == STATUS_DONE && delivery.dead_letter_arn.ptr)
        status =
            sns_envelope(call, message, subscription->protocol, arn, &delivery.dead_letter_body);
    return status == STATUS_DONE ? delivery_send(call, &delivery, NULL) : status;
}

/* AWS: the mail of a confirmation, and what stands below a notification. */
static struct str mail_text(struct call *call, const struct sns_subscription_row *subscription,
                            const struct sns_message *message)
{
    struct str text = sns_text_for(message, subscription->protocol);
    struct str arn = sns_subscription_arn(call->arena, subscription);
    if (message->type == SNS_SUBSCRIPTION_CONFIRMATION)
        return str_format(
            call->arena,
            "You have chosen to subscribe to the topic: \n" STR_FMT
            "\n\nTo confirm this subscription, click or visit the link below (If this "
            "was in error no action is necessary): \n" STR_FMT "\n",
            STR_ARG(message->topic_arn), STR_ARG(sns_subscribe_url(call, message)));
    if (message->type == SNS_UNSUBSCRIBE_CONFIRMATION)
        return str_format(call->arena,
                          "Your subscription to the topic below has been deactivated: \n" STR_FMT
                          "\n\nIf this was in error or you wish to resubscribe, click or visit the "
                          "link below to resubscribe: \n" STR_FMT "\n",
                          STR_ARG(message->topic_arn), STR_ARG(sns_subscribe_url(call, message)));
    return str_format(call->arena,
                      STR_FMT
                      "\n\n--\nIf you wish to stop receiving notifications from this "
                      "topic, please click or visit the link below to unsubscribe:\n" STR_FMT "\n",
                      STR_ARG(text), STR_ARG(sns_unsubscribe_url(call, arn)));
}

static struct str mail_subject(const struct sns_message *message)
{
    if (message->type == SNS_SUBSCRIPTION_CONFIRMATION)
        return STR("AWS Notification - Subscription Confirmation");
    if (message->type == SNS_UNSUBSCRIBE_CONFIRMATION)
        return STR("AWS Notification - Unsubscribe Confirmation");
    return str_or(message->subject, STR("AWS Notification Message"));
}

/* AWS: "the DisplayName attribute ... is used as the sender", in front of a text message. */
static struct str short_message(struct call *call, const struct sns_topic_row *topic,
                                struct str text)
{
    struct str name = str_or(sns_setting(topic->settings, "DisplayName"), STR(""));
    struct str whole = name.len > 0 ? str_concat3(call->arena, name, STR("> "), text) : text;
    size_t end = 0;
    for (size_t chars = 0; end < whole.len; end++) {
        bool starts_char = ((unsigned char)whole.ptr[end] & 0xC0) != 0x80;
        if (starts_char && ++chars > SMS_MAX_CHARS)
            break;
    }
    return str_slice(whole, 0, end);
}

static enum status deliver_to_person(struct call *call, const struct sns_topic_row *topic,
                                     const struct sns_subscription_row *subscription,
                                     struct sns_message *message)
{
    bool is_mail = str_eq_cstr(subscription->protocol, "email");
    bool is_sms = str_eq_cstr(subscription->protocol, "sms");
    struct sns_captured captured = {
        .scope = {.account = topic->account, .region = topic->region},
        .protocol = subscription->protocol,
        .endpoint = subscription->endpoint,
        .topic_arn = message->topic_arn,
        .message_id = message->message_id,
        .subject = is_mail || str_eq_cstr(subscription->protocol, "email-json")
                       ? mail_subject(message)
                       : message->subject,
        .body = sns_text_for(message, subscription->protocol),
        .attributes = sns_attributes_text(call, message->attributes),
    };
    enum status status = STATUS_DONE;
    if (is_mail)
        captured.body = mail_text(call, subscription, message);
    else if (is_sms)
        captured.body = short_message(call, topic, captured.body);
    else if (str_eq_cstr(subscription->protocol, "email-json"))
        status = sns_envelope(call, message, subscription->protocol,
                              sns_subscription_arn(call->arena, subscription), &captured.body);
    return status == STATUS_DONE ? sns_capture(call, &captured) : status;
}

enum status sns_deliver(struct call *call, const struct sns_topic_row *topic,
                        const struct sns_subscription_row *subscription,
                        struct sns_message *message)
{
    if (str_eq_cstr(subscription->protocol, "sqs"))
        return deliver_to_queue(call, topic, subscription, message);
    if (str_eq_cstr(subscription->protocol, "http") || str_eq_cstr(subscription->protocol, "https"))
        return deliver_to_url(call, topic, subscription, message);
    if (str_eq_cstr(subscription->protocol, "lambda"))
        return deliver_to_function(call, topic, subscription, message);
    return deliver_to_person(call, topic, subscription, message);
}

/* --- filters --- */

static bool takes_attributes(struct call *call, const struct sns_filter *filter,
                             const struct sns_message_attribute_map *attributes)
{
    size_t count = attributes ? attributes->count : 0;
    struct sns_filter_attribute *list = arena_alloc_array(call->arena, count + 1, sizeof(*list));
    for (size_t i = 0; i < count; i++)
        list[i] = (struct sns_filter_attribute){
            .name = attributes->items[i].key,
            .type = attributes->items[i].value.data_type,
            .value = str_or(attributes->items[i].value.string_value, STR("")),
        };
    return sns_filter_takes_attributes(call->arena, filter, list, count);
}

static bool is_wanted(struct call *call, const struct sns_subscription_row *subscription,
                      const struct sns_message *message)
{
    struct str policy = sns_setting(subscription->settings, "FilterPolicy");
    struct sns_filter *filter = NULL;
    struct str problem = {0};
    if (!policy.ptr)
        return true;
    bool is_body =
        str_eq_cstr(sns_setting(subscription->settings, "FilterPolicyScope"), "MessageBody");
    int rc = sns_filter_parse(call->arena, policy,
                              is_body ? SNS_FILTER_BODY : SNS_FILTER_ATTRIBUTES, &filter, &problem);
    CHECK(rc == 0); /* it was checked when it was set */
    return is_body ? sns_filter_takes_body(call->arena, filter,
                                           sns_text_for(message, subscription->protocol))
                   : takes_attributes(call, filter, message->attributes);
}

enum status sns_fan_out(struct call *call, const struct sns_topic_row *topic,
                        struct sns_message *message)
{
    struct sns_subscription_row *rows = arena_alloc_array(call->arena, PAGE, sizeof(*rows));
    int64_t after = 0;
    int64_t count = PAGE;
    while (count == PAGE) {
        count = sns_store_confirmed(call->db, call->arena, topic->id, after, PAGE, rows);
        if (count < 0)
            return call_fail_internal(call, (int)count, "sns: subscriptions of a topic");
        for (int64_t i = 0; i < count; i++) {
            after = rows[i].id;
            if (!is_wanted(call, &rows[i], message))
                continue;
            enum status status = sns_deliver(call, topic, &rows[i], message);
            if (status != STATUS_DONE)
                return status;
        }
    }
    return STATUS_DONE;
}

enum status sns_send_confirmation(struct call *call, const struct sns_topic_row *topic,
                                  const struct sns_subscription_row *subscription,
                                  enum sns_message_type type)
{
    struct str arn = sns_subscription_arn(call->arena, subscription);
    struct sns_message message = {
        .type = type,
        .message_id = rand_uuid(call->arena),
        .topic_arn = subscription->topic_arn,
        .signature_version =
            str_eq_cstr(sns_setting(topic->settings, "SignatureVersion"), "2") ? 2 : 1,
        .timestamp = time_rfc3339_ms(call->arena, call->now_ms),
        .token = subscription->token,
        .text = type == SNS_SUBSCRIPTION_CONFIRMATION
                    ? str_format(call->arena,
                                 "You have chosen to subscribe to the topic " STR_FMT
                                 ".\nTo confirm the subscription, visit the SubscribeURL included "
                                 "in this message.",
                                 STR_ARG(subscription->topic_arn))
                    : str_format(call->arena,
                                 "You have chosen to deactivate subscription " STR_FMT
                                 ".\nTo cancel this operation and restore the subscription, visit "
                                 "the SubscribeURL included in this message.",
                                 STR_ARG(arn)),
    };
    return sns_deliver(call, topic, subscription, &message);
}
