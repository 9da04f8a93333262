/* publish.c — Publish and PublishBatch: checks, deduplication, and on to fanout.c.
 *
 * Docs: SNS API reference, Publish; developer guide, "Amazon SNS message attributes", "Message
 * deduplication for FIFO topics". OBSERVED (2023-08 to 2024-11): error texts.
 */
#include "auth/digest.h"
#include "base/arena.h"
#include "base/rand.h"
#include "net/http.h"
#include "service/kms/kms_public.h"
#include "service/sns/sns.h"
#include "syntax/json.h"
#include "syntax/time.h"

enum {
    SUBJECT_MAX = 100,
    ATTRIBUTE_NAME_MAX = 256,
    FIFO_ID_MAX = 128, /* MessageGroupId and MessageDeduplicationId */
};

/* One message to publish, from either operation. */
struct outgoing {
    struct str text;
    struct str subject;
    struct str structure;
    const struct sns_message_attribute_map *attributes;
    struct str dedup_id;
    struct str group_id;
};

/* --- checks --- */

static enum status check_attribute_name(struct call *call, struct str name)
{
    const struct api_error *error = &SNS_INVALID_PARAMETER_VALUE_EXCEPTION;
    if (name.len >= ATTRIBUTE_NAME_MAX)
        return call_fail(call, error,
                         "Length of message attribute name must be less than 256 bytes.");
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool is_valid = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                        (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
        if (!is_valid)
            return call_fail(call, error,
                             "Invalid non-alphanumeric character '#x%X' was found in the message "
                             "attribute name. Can only include alphanumeric characters, hyphens, "
                             "underscores, or dots.",
                             (unsigned)(unsigned char)c);
    }
    if (str_starts_with(name, STR(".")))
        return call_fail(call, error,
                         "Invalid message attribute name starting with character '.' was found.");
    if (str_ends_with(name, STR(".")))
        return call_fail(call, error,
                         "Invalid message attribute name ending with character '.' was found.");
    if (str_contains(name, STR("..")))
        return call_fail(call, error,
                         "Message attribute name can not have successive '.' character.");
    return STATUS_DONE;
}

static const char *base_type(struct str type)
{
    static const char *const bases[] = {"Binary", "Number", "String"};
    for (size_t i = 0; i < ARRAY_LEN(bases); i++) {
        struct str base = str_from_cstr(bases[i]);
        if (str_starts_with(type, base) && (type.len == base.len || type.ptr[base.len] == '.'))
            return bases[i];
    }
    return NULL;
}

static enum status check_attribute(struct call *call, struct str name,
                                   const struct sns_message_attribute_value *value, size_t *size)
{
    enum status status = check_attribute_name(call, name);
    if (status != STATUS_DONE)
        return status;
    const char *base = base_type(value->data_type);
    if (!base)
        return call_fail(call, &SNS_INVALID_PARAMETER_VALUE_EXCEPTION,
                         "The message attribute '" STR_FMT
                         "' has an invalid message attribute type, the set of supported type "
                         "prefixes is Binary, Number, and String.",
                         STR_ARG(name));
    bool is_binary = base[0] == 'B';
    const struct str *own = is_binary ? &value->binary_value : &value->string_value;
    const struct str *other = is_binary ? &value->string_value : &value->binary_value;
    if (own->len == 0 && other->len > 0)
        return call_fail(call, &SNS_INVALID_PARAMETER_VALUE_EXCEPTION,
                         "The message attribute '" STR_FMT "' with type '%s' must use field '%s'.",
                         STR_ARG(name), base, is_binary ? "Binary" : "String");
    if (own->len == 0)
        return call_fail(call, &SNS_INVALID_PARAMETER_VALUE_EXCEPTION,
                         "The message attribute '" STR_FMT
                         "' must contain non-empty message attribute value for message attribute "
                         "type '%s'.",
                         STR_ARG(name), base);
    *size += name.len + value->data_type.len + own->len;
    return STATUS_DONE;
}

/* AWS: "must be UTF-8 text with no line breaks or control characters, and less than 100 characters
 * long" (100 are taken). */
static bool is_subject(struct str subject)
{
    bool is_valid = subject.len > 0 && str_utf8_length(subject) <= SUBJECT_MAX;
    for (size_t i = 0; i < subject.len; i++)
        is_valid &= (unsigned char)subject.ptr[i] >= ' ' && subject.ptr[i] != 0x7F;
    return is_valid;
}

static enum status read_structure(struct call *call, const struct outgoing *out,
                                  struct sns_message *message)
{
    message->text = out->text;
    if (!out->structure.ptr)
        return STATUS_DONE;
    if (!str_eq_cstr(out->structure, "json"))
        return sns_invalid(call, "MessageStructure");
    if (json_parse(call->arena, out->text, 0, &message->texts, NULL) < 0)
        return sns_invalid(call, "Message Structure - JSON message body failed to parse");
    const struct json *fallback = json_find_cstr(message->texts, "default");
    if (!json_is_string(fallback))
        return sns_invalid(call, "Message Structure - No default entry in JSON message body");
    message->text = fallback->text;
    return STATUS_DONE;
}

static enum status check_contents(struct call *call, const struct outgoing *out,
                                  struct sns_message *message, size_t *size)
{
    if (out->text.len == 0)
        return sns_invalid(call, "Empty message");
    if (out->subject.ptr && !is_subject(out->subject))
        return sns_invalid(call, "Subject");
    *size += out->text.len;
    for (size_t i = 0; i < out->attributes->count; i++) {
        enum status status = check_attribute(call, out->attributes->items[i].key,
                                             &out->attributes->items[i].value, size);
        if (status != STATUS_DONE)
            return status;
    }
    if (*size > SNS_MAX_MESSAGE_BYTES)
        return sns_invalid(call, "Message too long");
    message->subject = out->subject;
    message->attributes = out->attributes;
    return read_structure(call, out, message);
}

static bool is_fifo_id(struct str id)
{
    bool is_valid = id.len > 0 && id.len <= FIFO_ID_MAX;
    for (size_t i = 0; i < id.len; i++)
        is_valid &= id.ptr[i] > ' ' && id.ptr[i] < 0x7F;
    return is_valid;
}

static enum status check_fifo(struct call *call, const struct sns_topic_row *topic,
                              const struct outgoing *out, struct sns_message *message)
{
    if (!topic->is_fifo && out->dedup_id.ptr)
        return sns_invalid(call,
                           "MessageDeduplicationId Reason: The request includes "
                           "MessageDeduplicationId parameter that is not valid for this topic "
                           "type");
    if (topic->is_fifo && !out->group_id.ptr)
        return sns_invalid(call, "The MessageGroupId parameter is required for FIFO topics");
    bool has_content_dedup = sns_is_set(topic->settings, "ContentBasedDeduplication");
    if (topic->is_fifo && !out->dedup_id.ptr && !has_content_dedup)
        return sns_invalid(call, "The topic should either have ContentBasedDeduplication enabled "
                                 "or MessageDeduplicationId provided explicitly");
    if (out->group_id.ptr && !is_fifo_id(out->group_id))
        return sns_invalid(call, "MessageGroupId");
    if (out->dedup_id.ptr && !is_fifo_id(out->dedup_id))
        return sns_invalid(call, "MessageDeduplicationId");
    message->group_id = out->group_id;
    message->dedup_id = out->dedup_id;
    /* AWS: content-based deduplication takes the SHA-256 of the body, not of the attributes. */
    if (topic->is_fifo && !out->dedup_id.ptr)
        message->dedup_id = digest_sha256_hex(call->arena, out->text);
    return STATUS_DONE;
}

/* AWS: whoever publishes to an encrypted topic needs kms:GenerateDataKey* and kms:Decrypt. */
static enum status check_key(struct call *call, const struct sns_topic_row *topic)
{
    struct str key_id = sns_setting(topic->settings, "KmsMasterKeyId");
    if (!key_id.ptr)
        return STATUS_DONE;
    const struct kms_use use = {.key_id = key_id, .via_service = STR("sns.amazonaws.com")};
    struct kms_data_key key = {0};
    enum status status = kms_new_data_key(call, &use, &key);
    if (status != STATUS_FAILED || call->store_errno != 0)
        return status;
    static const struct {
        const char *code;
        const struct api_error *error;
    } errors[] = {
        {"NotFoundException", &SNS_KMS_NOT_FOUND_EXCEPTION},
        {"DisabledException", &SNS_KMS_DISABLED_EXCEPTION},
        {"KMSInvalidStateException", &SNS_KMS_INVALID_STATE_EXCEPTION},
        {"AccessDeniedException", &SNS_KMS_ACCESS_DENIED_EXCEPTION},
    };
    struct str code = call->error.error->code;
    for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
        if (str_eq_cstr(code, errors[i].code))
            call->error.error = errors[i].error;
    }
    return status;
}

/* --- publishing to a topic --- */

/* 20 digits, as AWS's. */
static struct str sequence_text(struct call *call, int64_t sequence)
{
    return str_format(call->arena, "1%016lld000", (long long)sequence);
}

/* FIFO: finds a message that this one repeats, or takes the next number of the topic and remembers
 * it. Sets message->sequence; message->message_id when `*out_is_repeated`. 0 or -errno. */
static int deduplicate(struct call *call, const struct sns_topic_row *topic,
                       struct sns_message *message, bool *out_is_repeated)
{
    bool is_by_group =
        str_eq_cstr(sns_setting(topic->settings, "FifoThroughputScope"), "MessageGroup");
    struct sns_dedup dedup = {
        .topic_id = topic->id,
        .scope = is_by_group ? message->group_id : STR(""),
        .dedup_id = message->dedup_id,
    };
    int rc = sns_store_find_dedup(call->db, call->arena, &dedup, call->now_ms);
    if (rc < 0)
        return rc;
    *out_is_repeated = rc == 1;
    if (rc == 1) {
        message->message_id = dedup.message_id;
    } else {
        rc = sns_store_next_sequence(call->db, topic->id, &dedup.sequence);
        dedup.message_id = message->message_id;
        dedup.expires_at_ms = call->now_ms + SNS_DEDUP_MS;
        if (rc == 0)
            rc = sns_store_put_dedup(call->db, &dedup);
    }
    message->sequence = sequence_text(call, dedup.sequence);
    return rc < 0 ? rc : 0;
}

static enum status publish(struct call *call, const struct sns_topic_row *topic,
                           const struct outgoing *out, struct sns_message *message)
{
    size_t size = 0;
    *message = (struct sns_message){
        .type = SNS_NOTIFICATION,
        .message_id = rand_uuid(call->arena),
        .topic_arn = sns_topic_arn(call->arena, topic),
        .is_fifo = topic->is_fifo,
        .signature_version =
            str_eq_cstr(sns_setting(topic->settings, "SignatureVersion"), "2") ? 2 : 1,
        .timestamp = time_rfc3339_ms(call->arena, call->now_ms),
        .trace_header =
            call->exchange ? http_header(call->exchange, "X-Amzn-Trace-Id") : (struct str){0},
    };
    enum status status = check_contents(call, out, message, &size);
    if (status == STATUS_DONE)
        status = check_fifo(call, topic, out, message);
    if (status != STATUS_DONE)
        return status;
    bool is_repeated = false;
    int rc = topic->is_fifo ? deduplicate(call, topic, message, &is_repeated) : 0;
    if (rc < 0)
        return call_fail_internal(call, rc, "sns: deduplicate");
    return is_repeated ? STATUS_DONE : sns_fan_out(call, topic, message);
}

/* --- publishing to a telephone or an application --- */

static enum status publish_directly(struct call *call, const struct outgoing *out,
                                    struct str protocol, struct str endpoint, struct scope scope,
                                    struct str *out_message_id)
{
    struct sns_message message = {.message_id = rand_uuid(call->arena)};
    size_t size = 0;
    enum status status = check_contents(call, out, &message, &size);
    if (status != STATUS_DONE)
        return status;
    const struct sns_captured captured = {
        .scope = scope,
        .protocol = protocol,
        .endpoint = endpoint,
        .message_id = message.message_id,
        .subject = message.subject,
        .body = sns_text_for(&message, protocol),
        .attributes = sns_attributes_text(call, out->attributes),
    };
    *out_message_id = message.message_id;
    return sns_capture(call, &captured);
}

static enum status publish_to_phone(struct call *call, const struct outgoing *out,
                                    struct str number, struct str *out_message_id)
{
    if (!sns_is_phone_number(number))
        return sns_invalid(call, "PhoneNumber Reason: " STR_FMT " is not valid to publish to",
                           STR_ARG(number));
    return publish_directly(call, out, STR("sms"), number, call->scope, out_message_id);
}

static enum status publish_to_endpoint(struct call *call, const struct outgoing *out,
                                       struct str arn, struct str *out_message_id)
{
    struct scope scope = {0};
    struct str rest = {0};
    struct sns_endpoint_row *endpoint = NULL;
    struct sns_application *application = NULL;
    int rc = 0;
    if (!sns_split_arn(arn, "sns", &scope, &rest))
        return sns_refuse_arn(call, "TargetArn", arn);
    rc = sns_store_find_endpoint(call->db, call->arena, scope,
                                 str_from(arn, (size_t)(str_last_index(arn, '/') + 1)), &endpoint);
    if (rc == 0 && endpoint)
        rc = sns_store_find_application(call->db, call->arena, scope, endpoint->platform,
                                        endpoint->application, &application);
    if (rc < 0)
        return call_fail_internal(call, rc, "sns: find endpoint");
    if (!endpoint || !application)
        return sns_invalid(call,
                           "TargetArn Reason: No endpoint found for the target arn specified");
    if (str_eq_cstr(sns_setting(application->settings, "Enabled"), "false"))
        return call_fail(call, &SNS_PLATFORM_APPLICATION_DISABLED_EXCEPTION,
                         "Platform application is disabled");
    if (!sns_is_set(endpoint->settings, "Enabled"))
        return call_fail(call, &SNS_ENDPOINT_DISABLED_EXCEPTION, "Endpoint is disabled");
    /* AWS: the key of the platform ("GCM", "APNS"), else "default". */
    return publish_directly(call, out, endpoint->platform, arn, scope, out_message_id);
}

enum status sns_publish(struct call *call, const struct sns_publish_in *in,
                        struct sns_publish_out *out)
{
    const struct outgoing message = {
        .text = in->message,
        .subject = in->subject,
        .structure = in->message_structure,
        .attributes = &in->message_attributes,
        .dedup_id = in->message_deduplication_id,
        .group_id = in->message_group_id,
    };
    int target_count =
        (in->topic_arn.ptr != NULL) + (in->target_arn.ptr != NULL) + (in->phone_number.ptr != NULL);
    if (target_count == 0)
        return sns_invalid(call, "TopicArn or TargetArn Reason: no value for required parameter");
    if (target_count > 1)
        return sns_invalid(call, "TopicArn Reason: Must specify only one of the following "
                                 "parameters: TopicArn, TargetArn or PhoneNumber");
    if (in->phone_number.ptr)
        return publish_to_phone(call, &message, in->phone_number, &out->message_id);
    if (!call->subject)
        return publish_to_endpoint(call, &message, in->target_arn, &out->message_id);
    const struct sns_topic_row *topic = sns_topic_of(call);
    struct sns_message sent;
    enum status status = check_key(call, topic);
    if (status == STATUS_DONE)
        status = publish(call, topic, &message, &sent);
    if (status != STATUS_DONE)
        return status;
    out->message_id = sent.message_id;
    out->sequence_number = sent.sequence;
    return STATUS_DONE;
}

/* --- batches --- */

static bool is_batch_id(struct str id)
{
    bool is_valid = id.len > 0 && id.len <= 80;
    for (size_t i = 0; i < id.len; i++) {
        char c = id.ptr[i];
        is_valid &= (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '-' || c == '_';
    }
    return is_valid;
}

static struct outgoing entry_message(const struct sns_publish_batch_request_entry *entry)
{
    return (struct outgoing){
        .text = entry->message,
        .subject = entry->subject,
        .structure = entry->message_structure,
        .attributes = &entry->message_attributes,
        .dedup_id = entry->message_deduplication_id,
        .group_id = entry->message_group_id,
    };
}

static size_t size_of(const struct sns_publish_batch_request_entry *entry)
{
    size_t size = entry->message.len;
    for (size_t i = 0; i < entry->message_attributes.count; i++) {
        const struct sns_message_attribute_map_entry *item = &entry->message_attributes.items[i];
        size += item->key.len + item->value.data_type.len + item->value.string_value.len +
                item->value.binary_value.len;
    }
    return size;
}

static enum status check_batch(struct call *call,
                               const struct sns_publish_batch_request_entry_list *entries)
{
    size_t size = 0;
    if (entries->count == 0)
        return call_fail(call, &SNS_EMPTY_BATCH_REQUEST_EXCEPTION,
                         "The batch request doesn't contain any entries.");
    if (entries->count > SNS_MAX_BATCH)
        return call_fail(call, &SNS_TOO_MANY_ENTRIES_IN_BATCH_REQUEST_EXCEPTION,
                         "The batch request contains more entries than permissible.");
    for (size_t i = 0; i < entries->count; i++) {
        if (!is_batch_id(entries->items[i].id))
            return call_fail(
                call, &SNS_INVALID_BATCH_ENTRY_ID_EXCEPTION,
                "The Id of a batch entry in a batch request doesn't abide by the specification.");
        for (size_t other = 0; other < i; other++) {
            if (str_eq(entries->items[i].id, entries->items[other].id))
                return call_fail(call, &SNS_BATCH_ENTRY_IDS_NOT_DISTINCT_EXCEPTION,
                                 "Two or more batch entries in the request have the same Id.");
        }
        size += size_of(&entries->items[i]);
    }
    if (size > SNS_MAX_MESSAGE_BYTES)
        return call_fail(call, &SNS_BATCH_REQUEST_TOO_LONG_EXCEPTION,
                         "The length of all the messages put together is more than the limit.");
    return STATUS_DONE;
}

/* OBSERVED (2023-08, 2024-11): what is wrong with any entry of these fails the whole request. */
static enum status check_entries(struct call *call, const struct sns_topic_row *topic,
                                 const struct sns_publish_batch_request_entry_list *entries)
{
    for (size_t i = 0; i < entries->count; i++) {
        const struct outgoing message = entry_message(&entries->items[i]);
        struct sns_message scratch = {0};
        size_t size = 0;
        enum status status = check_fifo(call, topic, &message, &scratch);
        for (size_t a = 0; status == STATUS_DONE && a < message.attributes->count; a++)
            status = check_attribute(call, message.attributes->items[a].key,
                                     &message.attributes->items[a].value, &size);
        if (status == STATUS_DONE && message.structure.ptr)
            status = read_structure(call, &message, &scratch);
        if (status != STATUS_DONE)
            return status;
    }
    return STATUS_DONE;
}

enum status sns_publish_batch(struct call *call, const struct sns_publish_batch_in *in,
                              struct sns_publish_batch_out *out)
{
    const struct sns_topic_row *topic = sns_topic_of(call);
    const struct sns_publish_batch_request_entry_list *entries = &in->publish_batch_request_entries;
    enum status status = check_batch(call, entries);
    if (status == STATUS_DONE)
        status = check_entries(call, topic, entries);
    if (status == STATUS_DONE)
        status = check_key(call, topic);
    if (status != STATUS_DONE)
        return status;
    out->successful.is_set = true;
    out->failed.is_set = true;
    out->successful.items =
        arena_alloc_array(call->arena, entries->count, sizeof(*out->successful.items));
    out->failed.items = arena_alloc_array(call->arena, entries->count, sizeof(*out->failed.items));
    for (size_t i = 0; i < entries->count; i++) {
        const struct outgoing message = entry_message(&entries->items[i]);
        struct sns_message sent;
        status = publish(call, topic, &message, &sent);
        if (status == STATUS_DONE) {
            out->successful.items[out->successful.count++] =
                (struct sns_publish_batch_result_entry){
                    .id = entries->items[i].id,
                    .message_id = sent.message_id,
                    .sequence_number = sent.sequence,
                };
            continue;
        }
        if (call->error.error == &ERROR_INTERNAL_FAILURE)
            return status;
        out->failed.items[out->failed.count++] = (struct sns_batch_result_error_entry){
            .id = entries->items[i].id,
            .code = call->error.error->query_code,
            .message = call->error.message,
            .sender_fault = opt_bool(call->error.error->is_sender),
        };
        call->error = (struct call_error){0};
    }
    return STATUS_DONE;
}
