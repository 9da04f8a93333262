/* receive.c — ReceiveMessage, DeleteMessage, ChangeMessageVisibility and their batches.
 *
 * A receive takes the messages that are visible now, hides each for the visibility timeout and
 * gives it a new receipt. A message that was received maxReceiveCount times before goes to the
 * dead-letter queue instead. A call that finds nothing and may wait is parked until the queue's
 * channel is notified, the next hidden message becomes visible, or its time is over.
 *
 * Docs: SQS API reference; developer guide, "Short and long polling", "Visibility timeout",
 * "FIFO delivery logic", "Dead-letter queues".
 */
#include <errno.h>

#include "base/arena.h"
#include "base/rand.h"
#include "service/sqs/batch.h"
#include "service/sqs/sqs.h"
#include "syntax/base64.h"
#include "syntax/json.h"

enum {
    VISIBILITY_MAX_S = 43200,
    RECEIPT_FIELDS = 3,
};

/* Opaque to clients: base64 of "queue id, message id, receipt number". */
struct str sqs_receipt_handle(struct arena *arena, const struct sqs_message_row *message)
{
    struct str plain = str_format(arena, "%lld %lld %lld", (long long)message->queue_id,
                                  (long long)message->id, (long long)message->receipt);
    return base64_encode_str(arena, plain);
}

int sqs_parse_receipt(struct arena *arena, struct str handle, int64_t *out_queue_id,
                      int64_t *out_id, int64_t *out_receipt)
{
    struct str rest = {0};
    if (base64_decode(arena, handle, &rest) < 0 || rest.len == 0)
        return -EINVAL;
    int64_t fields[RECEIPT_FIELDS] = {0};
    for (size_t i = 0; i < RECEIPT_FIELDS; i++) {
        struct str piece = {0};
        if (!str_split_next(&rest, ' ', &piece) || str_to_i64(piece, &fields[i]) < 0)
            return -EINVAL;
    }
    if (rest.ptr)
        return -EINVAL;
    *out_queue_id = fields[0];
    *out_id = fields[1];
    *out_receipt = fields[2];
    return 0;
}

int sqs_refresh_group(struct db *db, const struct sqs_queue *queue, struct str group_id)
{
    AUTO(arena) struct arena *scratch = arena_new();
    struct sqs_message_row *head = NULL;
    int64_t count = sqs_store_group_messages(db, scratch, queue->id, group_id, 1, &head);
    if (count < 0)
        return (int)count;
    if (count == 0)
        return sqs_store_delete_group(db, queue->id, group_id);
    return sqs_store_put_group(db, queue->id, group_id, head->id, head->visible_at_ms);
}

int sqs_move_message(struct call *call, const struct sqs_queue *from, const struct sqs_queue *to,
                     struct sqs_message_row *message, struct str source_arn)
{
    int64_t old_id = message->id;
    message->queue_id = to->id;
    message->visible_at_ms = call->now_ms;
    message->receive_count = 0;
    message->first_received_at_ms = 0;
    message->source_arn = source_arn;
    int rc = 0;
    if (to->is_fifo) {
        /* It goes to the end of its group there. */
        message->id =
            call->now_ms << SQS_ID_RANDOM_BITS | (int64_t)rand_below(1ULL << SQS_ID_RANDOM_BITS);
        rc = sqs_store_next_sequence(call->db, to->id, &message->sequence);
    }
    if (rc == 0)
        rc = sqs_store_move(call->db, message, old_id);
    if (rc == 0 && from->is_fifo)
        rc = sqs_refresh_group(call->db, from, message->group_id);
    if (rc == 0 && to->is_fifo)
        rc = sqs_refresh_group(call->db, to, message->group_id);
    if (rc == 0)
        call_notify(call, sqs_channel(call->arena, to->id));
    return rc;
}

/* The queue's dead-letter queue, or NULL. */
static int find_dead_letter_queue(struct call *call, const struct sqs_queue *queue,
                                  struct sqs_queue **out_target)
{
    *out_target = NULL;
    return queue->dlq_arn.len > 0 ? sqs_find_queue_by_arn(call, queue->dlq_arn, out_target) : 0;
}

struct receive {
    const struct sqs_receive_message_in *in;
    const struct sqs_queue *queue;
    struct sqs_queue *dead_letter_queue; /* NULL: none */
    int64_t visibility_ms;
    int64_t wanted;
    struct sqs_message_row *taken;
    int64_t taken_count;
};

/* Takes one visible message, or gets rid of it when it is too old or was received too often.
 * 1: taken, 0: gone, or -errno. */
static int take(struct call *call, struct receive *receive, struct sqs_message_row *message)
{
    const struct sqs_queue *queue = receive->queue;
    if (message->sent_at_ms < call->now_ms - queue->retention_s * 1000)
        return sqs_store_delete_message(call->db, message->id);
    if (receive->dead_letter_queue && message->receive_count >= queue->max_receive_count)
        return sqs_move_message(call, queue, receive->dead_letter_queue, message,
                                sqs_queue_arn(call->arena, queue));
    message->receive_count++;
    message->visible_at_ms = call->now_ms + receive->visibility_ms;
    message->receipt = (int64_t)rand_below(1ULL << 53);
    if (message->first_received_at_ms == 0)
        message->first_received_at_ms = call->now_ms;
    int rc = sqs_store_mark_received(call->db, message);
    if (rc < 0)
        return rc;
    receive->taken[receive->taken_count++] = *message;
    return 1;
}

/* Standard queues: whatever has been visible longest. Messages that turn out to be expired or dead
 * make room for others, so it looks again until it has enough or there are none. */
static int take_standard(struct call *call, struct receive *receive)
{
    bool is_more = true;
    while (receive->taken_count < receive->wanted && is_more) {
        struct sqs_message_row *rows = NULL;
        int64_t limit = receive->wanted - receive->taken_count;
        int64_t count = sqs_store_visible(call->db, call->arena, receive->queue->id, call->now_ms,
                                          limit, &rows);
        if (count < 0)
            return (int)count;
        bool is_any_gone = false;
        for (int64_t i = 0; i < count; i++) {
            int rc = take(call, receive, &rows[i]);
            if (rc < 0)
                return rc;
            is_any_gone |= rc == 0;
        }
        /* With a visibility timeout of 0 what was taken is visible still: never take it twice. */
        is_more = is_any_gone && count == limit && receive->visibility_ms > 0;
    }
    return 0;
}

/* FIFO queues, one group: from its head on, as far as messages are visible. */
static int take_from_group(struct call *call, struct receive *receive, struct str group_id)
{
    struct sqs_message_row *rows = NULL;
    int64_t limit = receive->wanted - receive->taken_count;
    int64_t count =
        sqs_store_group_messages(call->db, call->arena, receive->queue->id, group_id, limit, &rows);
    if (count < 0)
        return (int)count;
    for (int64_t i = 0; i < count && rows[i].visible_at_ms <= call->now_ms; i++) {
        int rc = take(call, receive, &rows[i]);
        if (rc < 0)
            return rc;
    }
    return sqs_refresh_group(call->db, receive->queue, group_id);
}

static int take_fifo(struct call *call, struct receive *receive)
{
    struct str groups[SQS_MAX_BATCH];
    int64_t count = sqs_store_open_groups(call->db, call->arena, receive->queue->id, call->now_ms,
                                          receive->wanted, groups);
    if (count < 0)
        return (int)count;
    for (int64_t i = 0; i < count && receive->taken_count < receive->wanted; i++) {
        int rc = take_from_group(call, receive, groups[i]);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static bool wants_all(struct str name)
{
    return str_eq_cstr(name, "All");
}

/* System attributes, of the old and the new parameter. */
static bool is_wanted(const struct sqs_receive_message_in *in, const char *name)
{
    struct str wanted = str_from_cstr(name);
    for (size_t i = 0; i < in->attribute_names.count; i++) {
        struct str asked = in->attribute_names.items[i];
        if (wants_all(asked) || str_eq(asked, wanted))
            return true;
    }
    for (size_t i = 0; i < in->message_system_attribute_names.count; i++) {
        struct str asked = in->message_system_attribute_names.items[i];
        if (wants_all(asked) || str_eq(asked, wanted))
            return true;
    }
    return false;
}

static struct str number_text(struct arena *arena, int64_t number)
{
    return str_format(arena, "%lld", (long long)number);
}

static void add_system_attributes(struct call *call, const struct receive *receive,
                                  const struct sqs_message_row *row, struct sqs_message *out)
{
    struct arena *arena = call->arena;
    bool is_fifo = receive->queue->is_fifo;
    const struct {
        const char *name;
        struct str value;
    } attributes[] = {
        {"SenderId", row->sender_id},
        {"SentTimestamp", number_text(arena, row->sent_at_ms)},
        {"ApproximateReceiveCount", number_text(arena, row->receive_count)},
        {"ApproximateFirstReceiveTimestamp", number_text(arena, row->first_received_at_ms)},
        {"SequenceNumber",
         is_fifo ? str_format(arena, "188%017lld", (long long)row->sequence) : STR("")},
        {"MessageDeduplicationId", row->dedup_id},
        {"MessageGroupId", row->group_id},
        {"AWSTraceHeader", row->trace_header},
        {"DeadLetterQueueSourceArn", row->source_arn},
    };
    out->attributes.items =
        arena_alloc_array(arena, ARRAY_LEN(attributes), sizeof(*out->attributes.items));
    for (size_t i = 0; i < ARRAY_LEN(attributes); i++) {
        if (attributes[i].value.len == 0 || !is_wanted(receive->in, attributes[i].name))
            continue;
        out->attributes.items[out->attributes.count++] =
            (struct sqs_message_system_attribute_map_entry){
                .key = str_from_cstr(attributes[i].name),
                .value = attributes[i].value,
            };
    }
}

/* AWS: MessageAttributeNames takes names, "All", ".*" and prefixes "bar.*". */
static bool is_attribute_wanted(const struct sqs_receive_message_in *in, struct str name)
{
    for (size_t i = 0; i < in->message_attribute_names.count; i++) {
        struct str asked = in->message_attribute_names.items[i];
        if (wants_all(asked) || str_eq_cstr(asked, ".*") || str_eq(asked, name))
            return true;
        bool is_prefix = str_ends_with(asked, STR(".*"));
        if (is_prefix && str_starts_with(name, str_slice(asked, 0, asked.len - 1)))
            return true;
    }
    return false;
}

static int add_attributes(struct call *call, const struct receive *receive,
                          const struct sqs_message_row *row, struct sqs_message *out)
{
    struct json *stored = NULL;
    if (row->attributes.len == 0 || receive->in->message_attribute_names.count == 0)
        return 0;
    int rc = json_parse(call->arena, row->attributes, 0, &stored, NULL);
    if (rc < 0)
        return rc;
    struct json *shown = json_new(call->arena, JSON_OBJECT);
    out->message_attributes.items =
        arena_alloc_array(call->arena, stored->count, sizeof(*out->message_attributes.items));
    for (const struct json *item = stored->first; item; item = item->next) {
        if (!is_attribute_wanted(receive->in, item->key))
            continue;
        struct sqs_message_body_attribute_map_entry *entry =
            &out->message_attributes.items[out->message_attributes.count++];
        entry->key = item->key;
        entry->value.data_type = json_find_str(item, "t");
        entry->value.string_value = json_find_str(item, "s");
        struct str coded = json_find_str(item, "b");
        rc = coded.ptr ? base64_decode(call->arena, coded, &entry->value.binary_value) : 0;
        if (rc < 0)
            return rc;
        json_append_member(shown, item->key, json_copy(call->arena, item));
    }
    if (shown->count > 0)
        out->md5_of_message_attributes =
            sqs_md5_of_attributes(call->arena, json_to_str(call->arena, shown));
    return 0;
}

static enum status fill_answer(struct call *call, const struct receive *receive,
                               struct sqs_receive_message_out *out)
{
    out->messages.items =
        arena_alloc_array(call->arena, (size_t)receive->taken_count, sizeof(*out->messages.items));
    out->messages.count = (size_t)receive->taken_count;
    for (int64_t i = 0; i < receive->taken_count; i++) {
        const struct sqs_message_row *row = &receive->taken[i];
        struct sqs_message *message = &out->messages.items[i];
        message->message_id = row->message_id;
        message->receipt_handle = sqs_receipt_handle(call->arena, row);
        message->body = row->body;
        message->md5_of_body = sqs_md5_hex(call->arena, row->body);
        add_system_attributes(call, receive, row, message);
        int rc = add_attributes(call, receive, row, message);
        if (rc < 0)
            return call_fail_internal(call, rc, "sqs: stored message attributes");
    }
    return STATUS_DONE;
}

static enum status check_range(struct call *call, const char *name, struct opt_i32 value,
                               int32_t least, int32_t most)
{
    if (!value.is_set || (value.value >= least && value.value <= most))
        return STATUS_DONE;
    /* OBSERVED: public client logs: "Value 11 for parameter MaxNumberOfMessages is invalid. Reason:
     * Must be between 1 and 10, if provided." */
    return call_fail(call, &SQS_INVALID_PARAMETER_VALUE,
                     "Value %d for parameter %s is invalid. Reason: Must be between %d and %d, if "
                     "provided.",
                     value.value, name, least, most);
}

/* Nothing there: wait as long as the client wants to, but no longer than until something becomes
 * visible by itself. */
static enum status wait_for_messages(struct call *call, const struct receive *receive)
{
    int64_t wait_s = opt_i32_or(receive->in->wait_time_seconds, (int32_t)receive->queue->wait_s);
    int64_t until_ms = call->started_at_ms + wait_s * 1000;
    if (call->now_ms >= until_ms)
        return STATUS_DONE;
    int64_t next_ms = 0;
    int rc = sqs_store_next_visible(call->db, receive->queue, call->now_ms, &next_ms);
    if (rc < 0)
        return call_fail_internal(call, rc, "sqs: next visible message");
    if (next_ms > 0 && next_ms < until_ms)
        until_ms = next_ms;
    return call_wait(call, sqs_channel(call->arena, receive->queue->id), until_ms);
}

enum status sqs_receive_message(struct call *call, const struct sqs_receive_message_in *in,
                                struct sqs_receive_message_out *out)
{
    const struct sqs_queue *queue = sqs_queue_of(call);
    enum status status =
        check_range(call, "MaxNumberOfMessages", in->max_number_of_messages, 1, SQS_MAX_BATCH);
    if (status == STATUS_DONE)
        status = check_range(call, "WaitTimeSeconds", in->wait_time_seconds, 0, 20);
    if (status == STATUS_DONE)
        status =
            check_range(call, "VisibilityTimeout", in->visibility_timeout, 0, VISIBILITY_MAX_S);
    if (status != STATUS_DONE)
        return status;
    struct receive receive = {
        .in = in,
        .queue = queue,
        .visibility_ms = 1000 * (int64_t)opt_i32_or(in->visibility_timeout,
                                                    (int32_t)queue->visibility_timeout_s),
        .wanted = opt_i32_or(in->max_number_of_messages, 1),
    };
    receive.taken = arena_alloc_array(call->arena, (size_t)receive.wanted, sizeof(*receive.taken));
    int rc = find_dead_letter_queue(call, queue, &receive.dead_letter_queue);
    if (rc == 0)
        rc = queue->is_fifo ? take_fifo(call, &receive) : take_standard(call, &receive);
    if (rc < 0)
        return call_fail_internal(call, rc, "sqs: receive messages");
    if (receive.taken_count == 0) {
        status = wait_for_messages(call, &receive);
        if (status != STATUS_DONE)
            return status;
    }
    return fill_answer(call, &receive, out);
}

static enum status bad_handle(struct call *call, struct str handle)
{
    return call_fail(call, &SQS_RECEIPT_HANDLE_IS_INVALID,
                     "The input receipt handle \"" STR_FMT "\" is not a valid receipt handle.",
                     STR_ARG(handle));
}

/* The message of a handle; NULL when it is gone. Fails for handles that never were. */
static enum status find_by_handle(struct call *call, struct str handle,
                                  struct sqs_message_row **out_message, bool *out_is_current)
{
    int64_t queue_id = 0;
    int64_t id = 0;
    int64_t receipt = 0;
    if (sqs_parse_receipt(call->arena, handle, &queue_id, &id, &receipt) < 0)
        return bad_handle(call, handle);
    if (queue_id != sqs_queue_of(call)->id)
        return bad_handle(call, handle);
    struct sqs_message_row *message = NULL;
    int rc = sqs_store_find_message(call->db, call->arena, id, &message);
    if (rc < 0)
        return call_fail_internal(call, rc, "sqs: find message");
    if (message && message->queue_id != queue_id)
        message = NULL; /* moved to the dead-letter queue meanwhile */
    *out_message = message;
    *out_is_current = message && message->receipt == receipt;
    return STATUS_DONE;
}

/* AWS: for FIFO queues an outdated handle is an error; for standard queues a request with it
 * succeeds, and the message "might not be deleted": here it is, as it usually is there. */
static enum status delete_one(struct call *call, struct str handle)
{
    const struct sqs_queue *queue = sqs_queue_of(call);
    struct sqs_message_row *message = NULL;
    bool is_current = false;
    enum status status = find_by_handle(call, handle, &message, &is_current);
    if (status != STATUS_DONE || !message)
        return status;
    bool is_expired = !is_current || message->visible_at_ms <= call->now_ms;
    if (queue->is_fifo && is_expired)
        return call_fail(call, &SQS_INVALID_PARAMETER_VALUE,
                         "Value " STR_FMT " for parameter ReceiptHandle is invalid. Reason: The "
                         "receipt handle has expired.",
                         STR_ARG(handle));
    int rc = sqs_store_delete_message(call->db, message->id);
    if (rc == 0 && queue->is_fifo) {
        rc = sqs_refresh_group(call->db, queue, message->group_id);
        call_notify(call, sqs_channel(call->arena, queue->id)); /* the group may be open now */
    }
    return rc < 0 ? call_fail_internal(call, rc, "sqs: delete message") : STATUS_DONE;
}

static enum status change_one(struct call *call, struct str handle, struct opt_i32 timeout)
{
    const struct sqs_queue *queue = sqs_queue_of(call);
    int64_t seconds = opt_i32_or(timeout, -1);
    if (seconds < 0 || seconds > VISIBILITY_MAX_S)
        return call_fail(call, &SQS_INVALID_PARAMETER_VALUE,
                         "Value %lld for parameter VisibilityTimeout is invalid. Reason: "
                         "VisibilityTimeout must be an integer between 0 and 43200.",
                         (long long)seconds);
    struct sqs_message_row *message = NULL;
    bool is_current = false;
    enum status status = find_by_handle(call, handle, &message, &is_current);
    if (status != STATUS_DONE)
        return status;
    /* OBSERVED: public client logs: this text for messages that are deleted or visible again. */
    if (!message || !is_current || message->visible_at_ms <= call->now_ms)
        return call_fail(call, message ? &SQS_MESSAGE_NOT_INFLIGHT : &SQS_INVALID_PARAMETER_VALUE,
                         "Value " STR_FMT
                         " for parameter ReceiptHandle is invalid. Reason: Message "
                         "does not exist or is not available for visibility timeout change.",
                         STR_ARG(handle));
    /* AWS: the total since the first receive of this round must stay within 12 hours; the message's
     * present hiding began at its latest receive, which is not kept, so each change is limited. */
    int rc = sqs_store_set_visible(call->db, message->id, call->now_ms + seconds * 1000);
    if (rc == 0 && queue->is_fifo)
        rc = sqs_refresh_group(call->db, queue, message->group_id);
    if (rc < 0)
        return call_fail_internal(call, rc, "sqs: change visibility");
    call_notify(call, sqs_channel(call->arena, queue->id));
    return STATUS_DONE;
}

enum status sqs_delete_message(struct call *call, const struct sqs_delete_message_in *in,
                               struct sqs_delete_message_out *out)
{
    (void)out;
    return delete_one(call, in->receipt_handle);
}

enum status sqs_change_message_visibility(struct call *call,
                                          const struct sqs_change_message_visibility_in *in,
                                          struct sqs_change_message_visibility_out *out)
{
    (void)out;
    return change_one(call, in->receipt_handle, in->visibility_timeout);
}

enum status sqs_delete_message_batch(struct call *call,
                                     const struct sqs_delete_message_batch_in *in,
                                     struct sqs_delete_message_batch_out *out)
{
    struct str ids[SQS_MAX_BATCH + 1];
    for (size_t i = 0; i < in->entries.count && i <= SQS_MAX_BATCH; i++)
        ids[i] = in->entries.items[i].id;
    enum status status =
        sqs_check_batch(call, "DeleteMessageBatchRequestEntry", ids, in->entries.count);
    if (status != STATUS_DONE)
        return status;
    out->successful.is_set = true;
    out->successful.items =
        arena_alloc_array(call->arena, in->entries.count, sizeof(*out->successful.items));
    sqs_batch_begin(call, &out->failed, in->entries.count);
    for (size_t i = 0; i < in->entries.count; i++) {
        status = delete_one(call, in->entries.items[i].receipt_handle);
        if (status == STATUS_DONE)
            out->successful.items[out->successful.count++].id = ids[i];
        else if (!sqs_batch_failed(call, ids[i], &out->failed))
            return status;
    }
    return STATUS_DONE;
}

enum status
sqs_change_message_visibility_batch(struct call *call,
                                    const struct sqs_change_message_visibility_batch_in *in,
                                    struct sqs_change_message_visibility_batch_out *out)
{
    struct str ids[SQS_MAX_BATCH + 1];
    for (size_t i = 0; i < in->entries.count && i <= SQS_MAX_BATCH; i++)
        ids[i] = in->entries.items[i].id;
    enum status status =
        sqs_check_batch(call, "ChangeMessageVisibilityBatchRequestEntry", ids, in->entries.count);
    if (status != STATUS_DONE)
        return status;
    out->successful.is_set = true;
    out->successful.items =
        arena_alloc_array(call->arena, in->entries.count, sizeof(*out->successful.items));
    sqs_batch_begin(call, &out->failed, in->entries.count);
    for (size_t i = 0; i < in->entries.count; i++) {
        const struct sqs_change_message_visibility_batch_request_entry *entry =
            &in->entries.items[i];
        status = change_one(call, entry->receipt_handle, entry->visibility_timeout);
        if (status == STATUS_DONE)
            out->successful.items[out->successful.count++].id = ids[i];
        else if (!sqs_batch_failed(call, ids[i], &out->failed))
            return status;
    }
    return STATUS_DONE;
}
