/* receive.c — ReceiveMessage.
 *
 * A receive takes the messages that are visible now, hides each for the visibility timeout and
 * gives it a new receipt. A message that was received maxReceiveCount times before goes to the
 * dead-letter queue instead. A call that finds nothing and may wait is parked until the queue's
 * channel is notified, the next hidden message becomes visible, or its time is over.
 *
 * Docs: SQS API reference; developer guide, "Short and long polling", "Visibility timeout",
 * "FIFO delivery logic", "Dead-letter queues".
 */
#include "base/arena.h"
#include "base/rand.h"
#include "service/sqs/sqs.h"
#include "syntax/base64.h"
#include "syntax/json.h"

enum {
    VISIBILITY_MAX_S = 43200,
    WAIT_MAX_S = 20,
};

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
    bool has_moved; /* something went to the dead-letter queue */
};

/* Takes one visible message, or gets rid of it when it is too old or was received too often.
 * 1: taken, 0: gone, or -errno. */
static int take(struct call *call, struct receive *receive, struct sqs_message_row *message)
{
    const struct sqs_queue *queue = receive->queue;
    if (message->sent_at_ms < call->now_ms - queue->retention_s * 1000)
        return sqs_store_delete_message(call->db, message->id);
    struct sqs_queue *dead_letter_queue = receive->dead_letter_queue;
    if (dead_letter_queue && message->receive_count >= queue->max_receive_count) {
        receive->has_moved = true;
        message->source_arn = sqs_queue_arn(call->arena, queue);
        /* AWS ("Dead-letter queues and message retention"): a standard queue keeps the time of
         * sending, "for FIFO queues, the enqueue timestamp resets". */
        if (dead_letter_queue->is_fifo)
            message->sent_at_ms = call->now_ms;
        return sqs_move_message(call, queue, dead_letter_queue, message);
    }
    message->receive_count++;
    message->visible_at_ms = call->now_ms + receive->visibility_ms;
    message->received_at_ms = call->now_ms;
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

/* FIFO queues: group by group, in order. */
static int take_fifo(struct call *call, struct receive *receive)
{
    bool is_more = true;
    while (receive->taken_count < receive->wanted && is_more) {
        struct sqs_message_row *rows = NULL;
        int64_t limit = receive->wanted - receive->taken_count;
        int64_t count = sqs_deliverable(call, receive->queue, limit, &rows);
        if (count < 0)
            return (int)count;
        bool is_any_gone = false;
        for (int64_t i = 0; i < count; i++) {
            int rc = take(call, receive, &rows[i]);
            if (rc < 0)
                return rc;
            is_any_gone |= rc == 0;
            bool is_last = i + 1 == count || !str_eq(rows[i].group_id, rows[i + 1].group_id);
            rc = is_last ? sqs_refresh_group(call->db, receive->queue, rows[i].group_id) : 0;
            if (rc < 0)
                return rc;
        }
        is_more = is_any_gone && receive->visibility_ms > 0; /* as in take_standard */
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

enum system_attribute {
    SENDER_ID,
    SENT_TIMESTAMP,
    RECEIVE_COUNT,
    FIRST_RECEIVE_TIMESTAMP,
    SEQUENCE_NUMBER,
    DEDUPLICATION_ID,
    GROUP_ID,
    TRACE_HEADER,
    SOURCE_ARN,
    SYSTEM_ATTRIBUTE_COUNT,
};

static const char *const system_attribute_names[SYSTEM_ATTRIBUTE_COUNT] = {
    [SENDER_ID] = "SenderId",
    [SENT_TIMESTAMP] = "SentTimestamp",
    [RECEIVE_COUNT] = "ApproximateReceiveCount",
    [FIRST_RECEIVE_TIMESTAMP] = "ApproximateFirstReceiveTimestamp",
    [SEQUENCE_NUMBER] = "SequenceNumber",
    [DEDUPLICATION_ID] = "MessageDeduplicationId",
    [GROUP_ID] = "MessageGroupId",
    [TRACE_HEADER] = "AWSTraceHeader",
    [SOURCE_ARN] = "DeadLetterQueueSourceArn",
};

static struct str number_text(struct arena *arena, int64_t number)
{
    return str_format(arena, "%lld", (long long)number);
}

/* Empty when the message has none. */
static struct str system_attribute(struct arena *arena, const struct sqs_message_row *row,
                                   enum system_attribute attribute)
{
    switch (attribute) {
    case SENDER_ID:
        return row->sender_id;
    case SENT_TIMESTAMP:
        return number_text(arena, row->sent_at_ms);
    case RECEIVE_COUNT:
        return number_text(arena, row->receive_count);
    case FIRST_RECEIVE_TIMESTAMP:
        return number_text(arena, row->first_received_at_ms);
    case SEQUENCE_NUMBER:
        return row->sequence > 0 ? sqs_sequence_text(arena, row->sequence) : STR("");
    case DEDUPLICATION_ID:
        return row->dedup_id;
    case GROUP_ID:
        return row->group_id;
    case TRACE_HEADER:
        return row->trace_header;
    case SOURCE_ARN:
        return row->source_arn;
    case SYSTEM_ATTRIBUTE_COUNT:
        break;
    }
    return STR("");
}

static void add_system_attributes(struct call *call, const struct receive *receive,
                                  const struct sqs_message_row *row, struct sqs_message *out)
{
    if (receive->in->attribute_names.count + receive->in->message_system_attribute_names.count == 0)
        return;
    struct arena *arena = call->arena;
    out->attributes.items =
        arena_alloc_array(arena, SYSTEM_ATTRIBUTE_COUNT, sizeof(*out->attributes.items));
    for (enum system_attribute i = 0; i < SYSTEM_ATTRIBUTE_COUNT; i++) {
        if (!is_wanted(receive->in, system_attribute_names[i]))
            continue;
        struct str value = system_attribute(arena, row, i);
        if (value.len > 0)
            out->attributes.items[out->attributes.count++] =
                (struct sqs_message_system_attribute_map_entry){
                    .key = str_from_cstr(system_attribute_names[i]),
                    .value = value,
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
    struct sqs_attribute_digest digest;
    sqs_attribute_digest_init(&digest);
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
        sqs_attribute_digest_add(&digest, item->key, entry->value.data_type, coded.ptr != NULL,
                                 coded.ptr ? entry->value.binary_value : entry->value.string_value);
    }
    out->md5_of_message_attributes = sqs_attribute_digest_final(call->arena, &digest);
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

/* OBSERVED: public client logs: "Value 11 for parameter MaxNumberOfMessages is invalid. Reason:
 * Must be between 1 and 10, if provided.", the others "Must be >= 0 and <= 20, if provided." */
static enum status check_ranges(struct call *call, const struct sqs_receive_message_in *in)
{
    const struct {
        const char *name;
        struct opt_i32 value;
        int32_t most;
    } ranges[] = {
        {"WaitTimeSeconds", in->wait_time_seconds, WAIT_MAX_S},
        {"VisibilityTimeout", in->visibility_timeout, VISIBILITY_MAX_S},
    };
    int32_t wanted = opt_i32_or(in->max_number_of_messages, 1);
    if (wanted < 1 || wanted > SQS_MAX_BATCH)
        return call_fail(call, &SQS_INVALID_PARAMETER_VALUE,
                         "Value %d for parameter MaxNumberOfMessages is invalid. Reason: Must be "
                         "between 1 and %d, if provided.",
                         wanted, SQS_MAX_BATCH);
    for (size_t i = 0; i < ARRAY_LEN(ranges); i++) {
        int32_t value = opt_i32_or(ranges[i].value, 0);
        if (value < 0 || value > ranges[i].most)
            return call_fail(call, &SQS_INVALID_PARAMETER_VALUE,
                             "Value %d for parameter %s is invalid. Reason: Must be >= 0 and <= "
                             "%d, if provided.",
                             value, ranges[i].name, ranges[i].most);
    }
    return STATUS_DONE;
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
    enum status status = check_ranges(call, in);
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
    /* DEVIATION: a long poll that finds nothing but messages for the dead-letter queue answers at
     * once, empty: a call that waits on writes nothing, and they would stay until its end. */
    if (receive.taken_count == 0 && !receive.has_moved) {
        status = wait_for_messages(call, &receive);
        if (status != STATUS_DONE)
            return status;
    }
    return fill_answer(call, &receive, out);
}
