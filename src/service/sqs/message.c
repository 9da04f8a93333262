/* message.c — SendMessage and SendMessageBatch: checks, digests, deduplication, the row.
 *
 * Docs: SQS API reference, SendMessage; developer guide, "Message metadata" (attribute rules),
 * "Exactly-once processing" (deduplication).
 */
#include <errno.h>
#include <stdlib.h>

#include "auth/digest.h"
#include "base/arena.h"
#include "base/rand.h"
#include "base/vec.h"
#include "service/sqs/batch.h"
#include "service/sqs/sqs.h"
#include "syntax/base64.h"
#include "syntax/json.h"

enum {
    ATTRIBUTES_MAX = 10, /* AWS: a message can have up to 10 attributes */
    ATTRIBUTE_NAME_MAX = 256,
    GROUP_MAX = 128,           /* MessageGroupId and MessageDeduplicationId */
    BATCH_MAX_BYTES = 1048576, /* AWS: the total of a batch */
};

/* One message to send, from either operation. */
struct outgoing {
    struct str body;
    struct opt_i32 delay_seconds;
    const struct sqs_message_body_attribute_map *attributes;
    const struct sqs_message_body_system_attribute_map *system_attributes;
    struct str dedup_id;
    struct str group_id;
};

/* AWS: "A message can include only XML, JSON, and unformatted text. The following Unicode
 * characters are allowed: #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to
 * #x10FFFF". The wire layer has seen to well-formed UTF-8. */
static bool has_allowed_characters(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c < 0x20 && c != '\t' && c != '\n' && c != '\r')
            return false;
        /* U+FFFE and U+FFFF: EF BF BE, EF BF BF */
        if (c == 0xEF && i + 2 < text.len && (unsigned char)text.ptr[i + 1] == 0xBF &&
            (unsigned char)text.ptr[i + 2] >= 0xBE)
            return false;
    }
    return true;
}

static enum status check_contents(struct call *call, struct str text)
{
    if (has_allowed_characters(text))
        return STATUS_DONE;
    return call_fail(
        call, &SQS_INVALID_MESSAGE_CONTENTS,
        "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 "
        "to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF");
}

static bool is_attribute_name(struct str name)
{
    bool is_valid = name.len > 0 && name.len <= ATTRIBUTE_NAME_MAX && name.ptr[0] != '.' &&
                    name.ptr[name.len - 1] != '.' && str_find(name, STR("..")) < 0;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        is_valid &= (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '_' || c == '-' || c == '.';
    }
    return is_valid && !str_starts_with(name, STR("AWS.")) &&
           !str_starts_with(name, STR("Amazon."));
}

static bool has_base_type(struct str type, const char *base)
{
    struct str prefix = str_from_cstr(base);
    return str_starts_with(type, prefix) && (type.len == prefix.len || type.ptr[prefix.len] == '.');
}

static bool is_number(struct str text)
{
    char copy[64];
    if (text.len == 0 || text.len >= sizeof(copy))
        return false;
    for (size_t i = 0; i < text.len; i++)
        copy[i] = text.ptr[i];
    copy[text.len] = '\0';
    char *end = NULL;
    (void)strtod(copy, &end);
    return *end == '\0' && (copy[0] == '-' || copy[0] == '+' || copy[0] == '.' ||
                            (copy[0] >= '0' && copy[0] <= '9'));
}

/* Checks one attribute. Texts are the service's. */
static enum status check_attribute(struct call *call, struct str name,
                                   const struct sqs_message_attribute_value *value)
{
    if (!is_attribute_name(name))
        return call_fail(call, &SQS_INVALID_PARAMETER_VALUE,
                         "Message (user) attribute name '" STR_FMT
                         "' can contain only alphanumeric characters, hyphens, underscores, and "
                         "periods, must not start or end with a period or begin with AWS. or "
                         "Amazon.",
                         STR_ARG(name));
    struct str type = value->data_type;
    if (type.len == 0 || (!has_base_type(type, "String") && !has_base_type(type, "Number") &&
                          !has_base_type(type, "Binary")))
        return call_fail(call, &SQS_INVALID_PARAMETER_VALUE,
                         "The message attribute '" STR_FMT
                         "' has an invalid message attribute type, the set of supported type "
                         "prefixes is Binary, Number, and String.",
                         STR_ARG(name));
    bool is_binary = has_base_type(type, "Binary");
    struct str content = is_binary ? value->binary_value : value->string_value;
    if (content.len == 0)
        return call_fail(call, &SQS_INVALID_PARAMETER_VALUE,
                         "Message (user) attribute '" STR_FMT
                         "' must contain a non-empty value of type '" STR_FMT "'.",
                         STR_ARG(name), STR_ARG(type));
    if (has_base_type(type, "Number") && !is_number(content))
        return call_fail(call, &SQS_INVALID_PARAMETER_VALUE,
                         "Can't cast the value of message (user) attribute '" STR_FMT
                         "' to a number.",
                         STR_ARG(name));
    return is_binary ? STATUS_DONE : check_contents(call, content);
}

static int compare_entries(const void *a, const void *b)
{
    const struct sqs_message_body_attribute_map_entry *left = a;
    const struct sqs_message_body_attribute_map_entry *right = b;
    return str_compare(left->key, right->key);
}

/* Checks the attributes and writes them, sorted by name, as the JSON text that is stored. Adds
 * their size to *size and gives their digest. */
static enum status pack_attributes(struct call *call,
                                   const struct sqs_message_body_attribute_map *attributes,
                                   struct str *out_text, struct str *out_md5, size_t *size)
{
    *out_text = STR("");
    *out_md5 = (struct str){0};
    if (attributes->count == 0)
        return STATUS_DONE;
    if (attributes->count > ATTRIBUTES_MAX)
        return call_fail(call, &SQS_INVALID_PARAMETER_VALUE,
                         "Number of message attributes [%zu] exceeds the allowed maximum [%d].",
                         attributes->count, ATTRIBUTES_MAX);
    struct sqs_message_body_attribute_map_entry *sorted =
        arena_alloc_array(call->arena, attributes->count, sizeof(*sorted));
    for (size_t i = 0; i < attributes->count; i++)
        sorted[i] = attributes->items[i];
    qsort(sorted, attributes->count, sizeof(*sorted), compare_entries);
    struct json *object = json_new(call->arena, JSON_OBJECT);
    struct sqs_attribute_digest digest;
    sqs_attribute_digest_init(&digest);
    for (size_t i = 0; i < attributes->count; i++) {
        const struct sqs_message_attribute_value *value = &sorted[i].value;
        enum status status = check_attribute(call, sorted[i].key, value);
        if (status != STATUS_DONE)
            return status;
        bool is_binary = has_base_type(value->data_type, "Binary");
        struct str content = is_binary ? value->binary_value : value->string_value;
        *size += sorted[i].key.len + value->data_type.len + content.len;
        struct json *item = json_new(call->arena, JSON_OBJECT);
        json_append_member(item, STR("t"), json_new_string(call->arena, value->data_type));
        json_append_member(
            item, is_binary ? STR("b") : STR("s"),
            json_new_string(call->arena,
                            is_binary ? base64_encode_str(call->arena, content) : content));
        json_append_member(object, sorted[i].key, item);
        sqs_attribute_digest_add(&digest, sorted[i].key, value->data_type, is_binary, content);
    }
    *out_text = json_to_str(call->arena, object);
    *out_md5 = sqs_attribute_digest_final(call->arena, &digest);
    return STATUS_DONE;
}

/* AWS: "The only supported message system attribute is AWSTraceHeader. Its type must be String";
 * it does not count towards the message's size. */
static enum status take_trace_header(struct call *call, const struct outgoing *message,
                                     struct str *out_header)
{
    *out_header = STR("");
    for (size_t i = 0; i < message->system_attributes->count; i++) {
        const struct sqs_message_body_system_attribute_map_entry *entry =
            &message->system_attributes->items[i];
        if (!str_eq_cstr(entry->key, "AWSTraceHeader") ||
            !str_eq_cstr(entry->value.data_type, "String") || entry->value.string_value.len == 0)
            return call_fail(call, &SQS_INVALID_PARAMETER_VALUE,
                             "Message system attribute name '" STR_FMT "' is invalid.",
                             STR_ARG(entry->key));
        *out_header = entry->value.string_value;
    }
    return STATUS_DONE;
}

/* AWS: group and deduplication ids hold alphanumeric characters and punctuation. */
static bool is_fifo_id(struct str id)
{
    bool is_valid = id.len > 0 && id.len <= GROUP_MAX;
    for (size_t i = 0; i < id.len; i++)
        is_valid &= id.ptr[i] > ' ' && id.ptr[i] < 0x7F;
    return is_valid;
}

static enum status fail_without_dedup_id(struct call *call)
{
    return call_fail(call, &SQS_INVALID_PARAMETER_VALUE,
                     "The queue should either have ContentBasedDeduplication enabled or "
                     "MessageDeduplicationId provided explicitly");
}

static enum status check_fifo_ids(struct call *call, const struct sqs_queue *queue,
                                  const struct outgoing *message, struct str *out_dedup_id)
{
    *out_dedup_id = STR("");
    if (message->group_id.ptr && !is_fifo_id(message->group_id))
        return call_fail(call, &SQS_INVALID_PARAMETER_VALUE,
                         "Value " STR_FMT " for parameter MessageGroupId is invalid. Reason: "
                         "MessageGroupId can only include alphanumeric and punctuation "
                         "characters. 1 to 128 in length.",
                         STR_ARG(message->group_id));
    if (!queue->is_fifo) {
        if (message->dedup_id.ptr)
            return call_fail(call, &SQS_INVALID_PARAMETER_VALUE,
                             "Value " STR_FMT " for parameter MessageDeduplicationId is invalid. "
                             "Reason: The request includes a parameter that is not valid for this "
                             "queue type.",
                             STR_ARG(message->dedup_id));
        return STATUS_DONE;
    }
    if (!message->group_id.ptr)
        return call_fail(call, &SQS_MISSING_PARAMETER,
                         "The request must contain the parameter MessageGroupId.");
    if (message->dedup_id.ptr && !is_fifo_id(message->dedup_id))
        return call_fail(call, &SQS_INVALID_PARAMETER_VALUE,
                         "Value " STR_FMT " for parameter MessageDeduplicationId is invalid. "
                         "Reason: MessageDeduplicationId can only include alphanumeric and "
                         "punctuation characters. 1 to 128 in length.",
                         STR_ARG(message->dedup_id));
    *out_dedup_id = message->dedup_id;
    if (message->dedup_id.ptr)
        return STATUS_DONE;
    if (!queue->has_content_dedup)
        return fail_without_dedup_id(call);
    /* AWS: content-based deduplication takes the SHA-256 of the body, not of the attributes. */
    *out_dedup_id = digest_sha256_hex(call->arena, message->body);
    return STATUS_DONE;
}

static enum status check_delay(struct call *call, const struct sqs_queue *queue,
                               struct opt_i32 delay, int64_t *out_seconds)
{
    *out_seconds = opt_i32_or(delay, (int32_t)queue->delay_s);
    if (!delay.is_set)
        return STATUS_DONE;
    /* AWS: "When you set FifoQueue, you can't set DelaySeconds per message." 0 is let through. */
    if (queue->is_fifo && delay.value != 0)
        return call_fail(call, &SQS_INVALID_PARAMETER_VALUE,
                         "Value %d for parameter DelaySeconds is invalid. Reason: The request "
                         "include parameter that is not valid for this queue type.",
                         delay.value);
    if (queue->is_fifo)
        *out_seconds = queue->delay_s;
    if (delay.value < 0 || delay.value > 900)
        return call_fail(
            call, &SQS_INVALID_PARAMETER_VALUE,
            "Value %d for parameter DelaySeconds is invalid. Reason: DelaySeconds must "
            "be >= 0 and <= 900.",
            delay.value);
    return STATUS_DONE;
}

static struct str sender_id(const struct call *call)
{
    const struct principal *principal = call->principal;
    return principal->user_id.len > 0 ? principal->user_id : principal->name;
}

static int64_t new_message_id(int64_t now_ms)
{
    return now_ms << SQS_ID_RANDOM_BITS | (int64_t)rand_below(1ULL << SQS_ID_RANDOM_BITS);
}

/* FIFO: finds a message that this one repeats, or takes the next number of the queue and remembers
 * it. Sets row->sequence; row->message_id when `*out_is_repeated`. 0 or -errno. */
static int deduplicate(struct call *call, const struct sqs_queue *queue,
                       struct sqs_message_row *row, bool *out_is_repeated)
{
    struct sqs_dedup dedup = {
        .queue_id = queue->id,
        .scope = queue->dedup_by_group ? row->group_id : STR(""),
        .dedup_id = row->dedup_id,
    };
    int rc = sqs_store_find_dedup(call->db, call->arena, &dedup, call->now_ms);
    if (rc < 0)
        return rc;
    *out_is_repeated = rc == 1;
    if (rc == 1) {
        row->message_id = dedup.message_id;
        row->sequence = dedup.sequence;
        return 0;
    }
    rc = sqs_store_next_sequence(call->db, queue->id, &row->sequence);
    if (rc < 0)
        return rc;
    dedup.message_id = row->message_id;
    dedup.sequence = row->sequence;
    dedup.expires_at_ms = call->now_ms + SQS_DEDUP_MS;
    return sqs_store_put_dedup(call->db, &dedup);
}

/* Two messages of one millisecond may draw the same random bits: then draw again. */
static int insert_message(struct call *call, struct sqs_message_row *row)
{
    int rc = sqs_store_insert_message(call->db, row);
    while (rc == -EEXIST) {
        row->id = new_message_id(call->now_ms);
        rc = sqs_store_insert_message(call->db, row);
    }
    return rc;
}

static enum status store_message(struct call *call, const struct sqs_queue *queue,
                                 struct sqs_message_row *row)
{
    bool is_repeated = false;
    int rc = queue->is_fifo ? deduplicate(call, queue, row, &is_repeated) : 0;
    if (rc == 0 && !is_repeated)
        rc = insert_message(call, row);
    if (rc == 0 && !is_repeated && queue->is_fifo)
        rc = sqs_refresh_group(call->db, queue, row->group_id);
    if (rc < 0)
        return call_fail_internal(call, rc, "sqs: store a message");
    call_notify(call, sqs_channel(call->arena, queue->id));
    return STATUS_DONE;
}

/* Fills `row` and stores it. */
static enum status send(struct call *call, const struct outgoing *message,
                        struct sqs_message_row *row, struct str *out_md5_of_attributes)
{
    const struct sqs_queue *queue = sqs_queue_of(call);
    *row = (struct sqs_message_row){
        .id = new_message_id(call->now_ms),
        .queue_id = queue->id,
        .message_id = rand_uuid(call->arena),
        .body = message->body,
        .sender_id = sender_id(call),
        .sent_at_ms = call->now_ms,
        .group_id = message->group_id,
    };
    size_t size = message->body.len;
    int64_t delay_s = 0;
    if (message->body.len == 0)
        return call_fail(call, &SQS_MISSING_PARAMETER,
                         "The request must contain the parameter MessageBody.");
    enum status status = check_contents(call, message->body);
    if (status == STATUS_DONE)
        status = pack_attributes(call, message->attributes, &row->attributes, out_md5_of_attributes,
                                 &size);
    if (status == STATUS_DONE)
        status = take_trace_header(call, message, &row->trace_header);
    if (status == STATUS_DONE)
        status = check_delay(call, queue, message->delay_seconds, &delay_s);
    if (status == STATUS_DONE)
        status = check_fifo_ids(call, queue, message, &row->dedup_id);
    if (status != STATUS_DONE)
        return status;
    if ((int64_t)size > queue->maximum_message_size)
        return call_fail(call, &SQS_INVALID_PARAMETER_VALUE,
                         "One or more parameters are invalid. Reason: Message must be shorter than "
                         "%lld bytes.",
                         (long long)queue->maximum_message_size);
    row->visible_at_ms = call->now_ms + delay_s * 1000;
    return store_message(call, queue, row);
}

static struct str sequence_text(struct call *call, int64_t sequence)
{
    return sequence > 0 ? sqs_sequence_text(call->arena, sequence) : (struct str){0};
}

static struct str md5_of_trace_header(struct call *call, struct str header)
{
    if (header.len == 0)
        return (struct str){0};
    struct sqs_attribute_digest digest;
    sqs_attribute_digest_init(&digest);
    sqs_attribute_digest_add(&digest, STR("AWSTraceHeader"), STR("String"), false, header);
    return sqs_attribute_digest_final(call->arena, &digest);
}

enum status sqs_send_message(struct call *call, const struct sqs_send_message_in *in,
                             struct sqs_send_message_out *out)
{
    const struct outgoing message = {
        .body = in->message_body,
        .delay_seconds = in->delay_seconds,
        .attributes = &in->message_attributes,
        .system_attributes = &in->message_system_attributes,
        .dedup_id = in->message_deduplication_id,
        .group_id = in->message_group_id,
    };
    struct sqs_message_row row;
    struct str md5_of_attributes = {0};
    enum status status = send(call, &message, &row, &md5_of_attributes);
    if (status != STATUS_DONE)
        return status;
    out->message_id = row.message_id;
    out->md5_of_message_body = sqs_md5_hex(call->arena, row.body);
    out->md5_of_message_attributes = md5_of_attributes;
    out->md5_of_message_system_attributes = md5_of_trace_header(call, row.trace_header);
    out->sequence_number = sequence_text(call, row.sequence);
    return STATUS_DONE;
}

/* The size of all entries together: AWS refuses the whole batch. */
static enum status check_batch_size(struct call *call, const struct sqs_send_message_batch_in *in)
{
    size_t size = 0;
    for (size_t i = 0; i < in->entries.count; i++) {
        const struct sqs_send_message_batch_request_entry *entry = &in->entries.items[i];
        size += entry->message_body.len;
        for (size_t a = 0; a < entry->message_attributes.count; a++) {
            const struct sqs_message_body_attribute_map_entry *item =
                &entry->message_attributes.items[a];
            size += item->key.len + item->value.data_type.len + item->value.string_value.len +
                    item->value.binary_value.len;
        }
    }
    if (size <= BATCH_MAX_BYTES)
        return STATUS_DONE;
    return call_fail(call, &SQS_BATCH_REQUEST_TOO_LONG,
                     "Batch requests cannot be longer than %d bytes. You have sent %zu bytes.",
                     BATCH_MAX_BYTES, size);
}

/* OBSERVED (2023-11-14): what every entry to a FIFO queue needs fails the whole batch, and a
 * missing group with another code than in SendMessage. */
static enum status check_batch_fifo(struct call *call, const struct sqs_send_message_batch_in *in)
{
    const struct sqs_queue *queue = sqs_queue_of(call);
    for (size_t i = 0; queue->is_fifo && i < in->entries.count; i++) {
        const struct sqs_send_message_batch_request_entry *entry = &in->entries.items[i];
        if (!entry->message_group_id.ptr)
            return call_fail(call, &SQS_INVALID_PARAMETER_VALUE,
                             "The request must contain the parameter MessageGroupId.");
        if (!entry->message_deduplication_id.ptr && !queue->has_content_dedup)
            return fail_without_dedup_id(call);
    }
    return STATUS_DONE;
}

static void add_sent(struct call *call, struct str id, const struct sqs_message_row *row,
                     struct str md5_of_attributes,
                     struct sqs_send_message_batch_result_entry_list *list)
{
    list->items[list->count++] = (struct sqs_send_message_batch_result_entry){
        .id = id,
        .message_id = row->message_id,
        .md5_of_message_body = sqs_md5_hex(call->arena, row->body),
        .md5_of_message_attributes = md5_of_attributes,
        .md5_of_message_system_attributes = md5_of_trace_header(call, row->trace_header),
        .sequence_number = sequence_text(call, row->sequence),
    };
}

enum status sqs_send_message_batch(struct call *call, const struct sqs_send_message_batch_in *in,
                                   struct sqs_send_message_batch_out *out)
{
    struct str ids[SQS_MAX_BATCH + 1];
    for (size_t i = 0; i < in->entries.count && i <= SQS_MAX_BATCH; i++)
        ids[i] = in->entries.items[i].id;
    enum status status =
        sqs_check_batch(call, "SendMessageBatchRequestEntry", ids, in->entries.count);
    if (status == STATUS_DONE)
        status = check_batch_size(call, in);
    if (status == STATUS_DONE)
        status = check_batch_fifo(call, in);
    if (status != STATUS_DONE)
        return status;
    out->successful.is_set = true;
    out->successful.items =
        arena_alloc_array(call->arena, in->entries.count, sizeof(*out->successful.items));
    sqs_batch_begin(call, &out->failed, in->entries.count);
    for (size_t i = 0; i < in->entries.count; i++) {
        const struct sqs_send_message_batch_request_entry *entry = &in->entries.items[i];
        const struct outgoing message = {
            .body = entry->message_body,
            .delay_seconds = entry->delay_seconds,
            .attributes = &entry->message_attributes,
            .system_attributes = &entry->message_system_attributes,
            .dedup_id = entry->message_deduplication_id,
            .group_id = entry->message_group_id,
        };
        struct sqs_message_row row;
        struct str md5 = {0};
        status = send(call, &message, &row, &md5);
        if (status == STATUS_DONE)
            add_sent(call, entry->id, &row, md5, &out->successful);
        else if (!sqs_batch_failed(call, entry->id, &out->failed))
            return status;
    }
    return STATUS_DONE;
}
