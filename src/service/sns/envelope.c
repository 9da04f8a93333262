/* envelope.c — what recipients read: the JSON document of a message, with its signature.
 *
 * Docs: SNS developer guide, "Parsing Amazon SNS message formats", "Verifying the signatures of
 * Amazon SNS messages" (which members are signed, in which order). OBSERVED (2023-08, 2025-08): the
 * layout, the order of members, and that messages of FIFO topics carry no signature.
 */
#include "base/arena.h"
#include "service/sns/sns.h"
#include "syntax/base64.h"
#include "syntax/json.h"
#include "syntax/uri.h"

enum {
    /* A message, escaped, with its attributes twice and its URLs. */
    ENVELOPE_MAX_BYTES = 8 * SNS_MAX_MESSAGE_BYTES,
};

struct str sns_message_type_name(enum sns_message_type type)
{
    static const struct str names[] = {
        [SNS_NOTIFICATION] = STR_INIT("Notification"),
        [SNS_SUBSCRIPTION_CONFIRMATION] = STR_INIT("SubscriptionConfirmation"),
        [SNS_UNSUBSCRIBE_CONFIRMATION] = STR_INIT("UnsubscribeConfirmation"),
    };
    return names[type];
}

struct str sns_text_for(const struct sns_message *message, struct str protocol)
{
    const struct json *own = json_find(message->texts, protocol);
    return json_is_string(own) ? own->text : message->text;
}

struct str sns_subscribe_url(struct call *call, const struct sns_message *message)
{
    return str_format(
        call->arena, STR_FMT "/?Action=ConfirmSubscription&TopicArn=" STR_FMT "&Token=" STR_FMT,
        STR_ARG(call->endpoint), STR_ARG(message->topic_arn), STR_ARG(message->token));
}

struct str sns_unsubscribe_url(struct call *call, struct str subscription_arn)
{
    return str_concat3(call->arena, call->endpoint, STR("/?Action=Unsubscribe&SubscriptionArn="),
                       subscription_arn);
}

static void add_signed(struct buf *out, const char *name, struct str value)
{
    buf_append_cstr(out, name);
    buf_append_char(out, '\n');
    buf_append(out, value);
    buf_append_char(out, '\n');
}

static struct str text_to_sign(struct call *call, const struct sns_message *message,
                               struct str text)
{
    bool is_notification = message->type == SNS_NOTIFICATION;
    struct buf out;
    buf_init(&out, call->arena, ENVELOPE_MAX_BYTES);
    add_signed(&out, "Message", text);
    add_signed(&out, "MessageId", message->message_id);
    if (is_notification && message->subject.ptr)
        add_signed(&out, "Subject", message->subject);
    if (!is_notification)
        add_signed(&out, "SubscribeURL", sns_subscribe_url(call, message));
    add_signed(&out, "Timestamp", message->timestamp);
    if (!is_notification)
        add_signed(&out, "Token", message->token);
    add_signed(&out, "TopicArn", message->topic_arn);
    add_signed(&out, "Type", sns_message_type_name(message->type));
    return buf_str(&out);
}

static enum status sign_message(struct call *call, struct sns_message *message, struct str text)
{
    if (message->is_fifo || (message->signature.ptr && str_eq(message->signed_text, text)))
        return STATUS_DONE;
    message->signed_text = text;
    return sns_sign(call, text_to_sign(call, message, text), message->signature_version,
                    &message->signature, &message->signer_id);
}

static struct str certificate_url(struct call *call, const struct sns_message *message)
{
    struct str file = str_concat3(call->arena, STR("/SimpleNotificationService-"),
                                  message->signer_id, STR(".pem"));
    return str_concat(call->arena, call->endpoint, file);
}

/* A member on a line of its own, as AWS's writer lays it out: `  "Name" : "value"`. */
static void add_line(struct buf *out, const char *name, struct str value)
{
    if (!value.ptr)
        return;
    buf_append_cstr(out, out->len == 1 ? "\n  \"" : ",\n  \"");
    buf_append_cstr(out, name);
    buf_append_cstr(out, "\" : ");
    json_write_string(out, value);
}

static struct str attribute_text(struct call *call, const struct sns_message_attribute_value *value)
{
    return value->binary_value.ptr ? base64_encode_str(call->arena, value->binary_value)
                                   : value->string_value;
}

static void add_attributes(struct call *call, struct buf *out,
                           const struct sns_message_attribute_map *attributes)
{
    buf_append_cstr(out, ",\n  \"MessageAttributes\" : {");
    for (size_t i = 0; i < attributes->count; i++) {
        buf_append_cstr(out, i == 0 ? "\n    " : ",\n    ");
        json_write_string(out, attributes->items[i].key);
        buf_append_cstr(out, " : {\"Type\":");
        json_write_string(out, attributes->items[i].value.data_type);
        buf_append_cstr(out, ",\"Value\":");
        json_write_string(out, attribute_text(call, &attributes->items[i].value));
        buf_append_char(out, '}');
    }
    buf_append_cstr(out, "\n  }");
}

enum status sns_envelope(struct call *call, struct sns_message *message, struct str protocol,
                         struct str subscription_arn, struct str *out_text)
{
    bool is_notification = message->type == SNS_NOTIFICATION;
    struct str text = sns_text_for(message, protocol);
    enum status status = sign_message(call, message, text);
    if (status != STATUS_DONE)
        return status;
    struct buf out;
    buf_init(&out, call->arena, ENVELOPE_MAX_BYTES);
    buf_append_char(&out, '{');
    add_line(&out, "Type", sns_message_type_name(message->type));
    add_line(&out, "MessageId", message->message_id);
    add_line(&out, "SequenceNumber", message->sequence);
    if (!is_notification)
        add_line(&out, "Token", message->token);
    add_line(&out, "TopicArn", message->topic_arn);
    add_line(&out, "Subject", message->subject);
    add_line(&out, "Message", text);
    if (!is_notification)
        add_line(&out, "SubscribeURL", sns_subscribe_url(call, message));
    add_line(&out, "Timestamp", message->timestamp);
    if (!message->is_fifo) {
        add_line(&out, "SignatureVersion", message->signature_version == 2 ? STR("2") : STR("1"));
        add_line(&out, "Signature", message->signature);
        add_line(&out, "SigningCertURL", certificate_url(call, message));
    }
    if (is_notification)
        add_line(&out, "UnsubscribeURL", sns_unsubscribe_url(call, subscription_arn));
    if (message->attributes && message->attributes->count > 0)
        add_attributes(call, &out, message->attributes);
    buf_append_cstr(&out, "\n}");
    CHECK(!out.is_full); /* the parts were limited when they came in */
    *out_text = buf_str(&out);
    return STATUS_DONE;
}

static struct json *attributes_tree(struct call *call,
                                    const struct sns_message_attribute_map *attributes)
{
    struct arena *arena = call->arena;
    struct json *tree = json_new(arena, JSON_OBJECT);
    for (size_t i = 0; attributes && i < attributes->count; i++) {
        const struct sns_message_attribute_value *value = &attributes->items[i].value;
        struct json *item = json_new(arena, JSON_OBJECT);
        json_append_member(item, STR("Type"), json_new_string(arena, value->data_type));
        json_append_member(item, STR("Value"), json_new_string(arena, attribute_text(call, value)));
        json_append_member(tree, attributes->items[i].key, item);
    }
    return tree;
}

struct str sns_attributes_text(struct call *call,
                               const struct sns_message_attribute_map *attributes)
{
    return json_to_str(call->arena, attributes_tree(call, attributes));
}

static void add_text(struct call *call, struct json *object, const char *name, struct str value)
{
    json_append_member(object, str_from_cstr(name),
                       value.ptr ? json_new_string(call->arena, value)
                                 : json_new(call->arena, JSON_NULL));
}

/* Docs: Lambda developer guide, "Example Amazon SNS event". */
enum status sns_function_event(struct call *call, struct sns_message *message,
                               struct str subscription_arn, struct str *out_text)
{
    struct str text = sns_text_for(message, STR("lambda"));
    enum status status = sign_message(call, message, text);
    if (status != STATUS_DONE)
        return status;
    struct json *sns = json_new(call->arena, JSON_OBJECT);
    add_text(call, sns, "Type", STR("Notification"));
    add_text(call, sns, "MessageId", message->message_id);
    add_text(call, sns, "TopicArn", message->topic_arn);
    add_text(call, sns, "Subject", message->subject);
    add_text(call, sns, "Message", text);
    add_text(call, sns, "Timestamp", message->timestamp);
    add_text(call, sns, "SignatureVersion", message->signature_version == 2 ? STR("2") : STR("1"));
    add_text(call, sns, "Signature", message->signature);
    add_text(call, sns, "SigningCertUrl", certificate_url(call, message));
    add_text(call, sns, "UnsubscribeUrl", sns_unsubscribe_url(call, subscription_arn));
    json_append_member(sns, STR("MessageAttributes"), attributes_tree(call, message->attributes));
    struct json *record = json_new(call->arena, JSON_OBJECT);
    add_text(call, record, "EventSource", STR("aws:sns"));
    add_text(call, record, "EventVersion", STR("1.0"));
    add_text(call, record, "EventSubscriptionArn", subscription_arn);
    json_append_member(record, STR("Sns"), sns);
    struct json *records = json_new(call->arena, JSON_ARRAY);
    json_append(records, record);
    struct json *event = json_new(call->arena, JSON_OBJECT);
    json_append_member(event, STR("Records"), records);
    *out_text = json_to_str(call->arena, event);
    return STATUS_DONE;
}
