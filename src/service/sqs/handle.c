/* handle.c — receipt handles, and what is done with them: DeleteMessage, ChangeMessageVisibility
 * and their batches.
 *
 * A handle names the queue, the message and one receive of it. Standard queues take any handle of a
 * message that is still there; FIFO queues only that of the latest receive, and only while the
 * message is hidden.
 *
 * Docs: SQS API reference; developer guide, "Visibility timeout".
 */
#include <errno.h>

#include "base/arena.h"
#include "service/sqs/batch.h"
#include "service/sqs/sqs.h"
#include "syntax/base64.h"

enum {
    VISIBILITY_MAX_S = 43200,
    RECEIPT_FIELDS = 3,
};

/* A handle as it was sent and what it says. */
struct handle {
    struct str text;
    bool is_in_batch;
    int64_t queue_id;
    int64_t message_id;
    int64_t receipt;
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

static enum status read_handle(struct call *call, struct str text, bool is_in_batch,
                               struct handle *out)
{
    *out = (struct handle){.text = text, .is_in_batch = is_in_batch};
    int rc = sqs_parse_receipt(call->arena, text, &out->queue_id, &out->message_id, &out->receipt);
    if (rc == 0 && out->queue_id == sqs_queue_of(call)->id)
        return STATUS_DONE;
    return call_fail(call, &SQS_RECEIPT_HANDLE_IS_INVALID,
                     "The input receipt handle \"" STR_FMT "\" is not a valid receipt handle.",
                     STR_ARG(text));
}

/* The message of a handle; NULL when it is gone. Fails for handles that never were. */
static enum status find_by_handle(struct call *call, const struct handle *handle,
                                  struct sqs_message_row **out_message)
{
    int rc = sqs_store_find_message(call->db, call->arena, handle->message_id, out_message);
    if (rc < 0)
        return call_fail_internal(call, rc, "sqs: find message");
    struct sqs_message_row *message = *out_message;
    /* Meanwhile it was moved to another queue, or came back and has not been received since. */
    if (message && (message->queue_id != handle->queue_id || message->receive_count == 0))
        *out_message = NULL;
    return STATUS_DONE;
}

/* OBSERVED: FIFO queues refuse a handle once the message is visible or was received again; in a
 * batch with another code and a shorter text (public client logs). */
static enum status check_not_expired(struct call *call, const struct handle *handle,
                                     const struct sqs_message_row *message)
{
    if (message->receipt == handle->receipt && message->visible_at_ms > call->now_ms)
        return STATUS_DONE;
    if (handle->is_in_batch)
        return call_fail(call, &SQS_RECEIPT_HANDLE_IS_INVALID, "The receipt handle has expired");
    return call_fail(call, &SQS_INVALID_PARAMETER_VALUE,
                     "Value " STR_FMT " for parameter ReceiptHandle is invalid. Reason: The "
                     "receipt handle has expired.",
                     STR_ARG(handle->text));
}

/* AWS: for standard queues a request with an outdated handle succeeds, and the message "might not
 * be deleted": here it is, as it usually is there. */
static enum status delete_one(struct call *call, struct str text, bool is_in_batch)
{
    const struct sqs_queue *queue = sqs_queue_of(call);
    struct handle handle;
    enum status status = read_handle(call, text, is_in_batch, &handle);
    if (status != STATUS_DONE)
        return status;
    if (!queue->is_fifo) {
        int rc = sqs_store_delete_received(call->db, queue->id, handle.message_id);
        return rc < 0 ? call_fail_internal(call, rc, "sqs: delete message") : STATUS_DONE;
    }
    struct sqs_message_row *message = NULL;
    status = find_by_handle(call, &handle, &message);
    if (status != STATUS_DONE || !message)
        return status;
    status = check_not_expired(call, &handle, message);
    if (status != STATUS_DONE)
        return status;
    int rc = sqs_store_delete_message(call->db, message->id);
    if (rc == 0)
        rc = sqs_refresh_group(call->db, queue, message->group_id);
    if (rc < 0)
        return call_fail_internal(call, rc, "sqs: delete message");
    call_notify(call, sqs_channel(call->arena, queue->id)); /* the group may be open now */
    return STATUS_DONE;
}

static enum status change_one(struct call *call, struct str text, struct opt_i32 timeout,
                              bool is_in_batch)
{
    const struct sqs_queue *queue = sqs_queue_of(call);
    int64_t seconds = opt_i32_or(timeout, -1);
    if (seconds < 0 || seconds > VISIBILITY_MAX_S)
        return call_fail(call, &SQS_INVALID_PARAMETER_VALUE,
                         "Value %lld for parameter VisibilityTimeout is invalid. Reason: "
                         "VisibilityTimeout must be an integer between 0 and 43200.",
                         (long long)seconds);
    struct handle handle;
    struct sqs_message_row *message = NULL;
    enum status status = read_handle(call, text, is_in_batch, &handle);
    if (status == STATUS_DONE)
        status = find_by_handle(call, &handle, &message);
    if (status != STATUS_DONE)
        return status;
    /* OBSERVED: public client logs: this code and text for messages that are deleted. */
    if (!message)
        return call_fail(call, &SQS_INVALID_PARAMETER_VALUE,
                         "Value " STR_FMT
                         " for parameter ReceiptHandle is invalid. Reason: Message "
                         "does not exist or is not available for visibility timeout change.",
                         STR_ARG(text));
    /* OBSERVED (2023-11-14): standard queues accept the handle also when the message is visible
     * again; MessageNotInflight is documented, but never answered. */
    if (queue->is_fifo)
        status = check_not_expired(call, &handle, message);
    if (status != STATUS_DONE)
        return status;
    /* AWS: "The 12-hour limit starts from when Amazon SQS receives the ReceiveMessage request." */
    int64_t visible_at_ms = call->now_ms + seconds * 1000;
    if (visible_at_ms - message->received_at_ms > VISIBILITY_MAX_S * INT64_C(1000))
        return call_fail(call, &SQS_INVALID_PARAMETER_VALUE,
                         "Value %lld for parameter VisibilityTimeout is invalid. Reason: Total "
                         "VisibilityTimeout for the message is beyond the limit [43200 seconds]",
                         (long long)seconds);
    int rc = sqs_store_set_visible(call->db, message->id, visible_at_ms);
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
    return delete_one(call, in->receipt_handle, false);
}

enum status sqs_change_message_visibility(struct call *call,
                                          const struct sqs_change_message_visibility_in *in,
                                          struct sqs_change_message_visibility_out *out)
{
    (void)out;
    return change_one(call, in->receipt_handle, in->visibility_timeout, false);
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
        status = delete_one(call, in->entries.items[i].receipt_handle, true);
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
        status = change_one(call, entry->receipt_handle, entry->visibility_timeout, true);
        if (status == STATUS_DONE)
            out->successful.items[out->successful.count++].id = ids[i];
        else if (!sqs_batch_failed(call, ids[i], &out->failed))
            return status;
    }
    return STATUS_DONE;
}
