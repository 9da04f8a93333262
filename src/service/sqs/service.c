/* service.c — SQS: queues and messages.
 *
 * Implemented: every operation of the model, standard and FIFO queues, both wire protocols.
 * Messages are one row each (sqs.h); long polls are parked calls woken by the commit that made a
 * message visible (receive.c); moving and expiring are workflows (redrive.c).
 *
 * Not enforced: throughput quotas, the number of messages in flight, and encryption at rest:
 * KmsMasterKeyId is kept and returned, the rows stay as they are. ReceiveRequestAttemptId is taken
 * and not remembered: a receive that is repeated finds its groups blocked until the visibility
 * timeout, as without it.
 *
 * Model: models/sqs.model
 */
#include <assert.h>
#include <stddef.h>

#include "base/arena.h"
#include "service/sqs/sqs.h"

const struct sqs_handlers sqs_handlers = {
    .add_permission = sqs_add_permission,
    .cancel_message_move_task = sqs_cancel_message_move_task,
    .change_message_visibility = sqs_change_message_visibility,
    .change_message_visibility_batch = sqs_change_message_visibility_batch,
    .create_queue = sqs_create_queue,
    .delete_message = sqs_delete_message,
    .delete_message_batch = sqs_delete_message_batch,
    .delete_queue = sqs_delete_queue,
    .get_queue_attributes = sqs_get_queue_attributes,
    .get_queue_url = sqs_get_queue_url,
    .list_dead_letter_source_queues = sqs_list_dead_letter_source_queues,
    .list_message_move_tasks = sqs_list_message_move_tasks,
    .list_queue_tags = sqs_list_queue_tags,
    .list_queues = sqs_list_queues,
    .purge_queue = sqs_purge_queue,
    .receive_message = sqs_receive_message,
    .remove_permission = sqs_remove_permission,
    .send_message = sqs_send_message,
    .send_message_batch = sqs_send_message_batch,
    .set_queue_attributes = sqs_set_queue_attributes,
    .start_message_move_task = sqs_start_message_move_task,
    .tag_queue = sqs_tag_queue,
    .untag_queue = sqs_untag_queue,
};

/* How an operation names its queue, and the permission it needs. AWS: "Actions defined by Amazon
 * SQS" (service authorization reference): batches need the permission of the single operation. */
enum subject {
    SUBJECT_NONE,
    SUBJECT_URL,     /* first member is QueueUrl */
    SUBJECT_NAME,    /* first member is QueueName; the queue need not exist */
    SUBJECT_LOOK_UP, /* GetQueueUrl: QueueName with QueueOwnerAWSAccountId */
    SUBJECT_ARN,     /* first member is SourceArn */
    SUBJECT_HANDLE,  /* first member is TaskHandle */
};

static const struct {
    enum subject subject;
    struct str action; /* empty: the operation's own */
    /* AWS: "Cross-account permissions don't apply to the following actions" (API reference of
     * each): whatever the queue's policy says, only its own account may. */
    bool is_owner_only;
} subjects[SQS_OP_COUNT] = {
    [SQS_OP_ADD_PERMISSION] = {SUBJECT_URL, STR_INIT(""), true},
    [SQS_OP_CANCEL_MESSAGE_MOVE_TASK] = {SUBJECT_HANDLE, STR_INIT(""), true},
    [SQS_OP_CHANGE_MESSAGE_VISIBILITY] = {SUBJECT_URL, STR_INIT(""), false},
    [SQS_OP_CHANGE_MESSAGE_VISIBILITY_BATCH] = {SUBJECT_URL,
                                                STR_INIT("sqs:ChangeMessageVisibility"), false},
    [SQS_OP_CREATE_QUEUE] = {SUBJECT_NAME, STR_INIT(""), false},
    [SQS_OP_DELETE_MESSAGE] = {SUBJECT_URL, STR_INIT(""), false},
    [SQS_OP_DELETE_MESSAGE_BATCH] = {SUBJECT_URL, STR_INIT("sqs:DeleteMessage"), false},
    [SQS_OP_DELETE_QUEUE] = {SUBJECT_URL, STR_INIT(""), true},
    [SQS_OP_GET_QUEUE_ATTRIBUTES] = {SUBJECT_URL, STR_INIT(""), false},
    [SQS_OP_GET_QUEUE_URL] = {SUBJECT_LOOK_UP, STR_INIT(""), false},
    [SQS_OP_LIST_DEAD_LETTER_SOURCE_QUEUES] = {SUBJECT_URL, STR_INIT(""), false},
    [SQS_OP_LIST_MESSAGE_MOVE_TASKS] = {SUBJECT_ARN, STR_INIT(""), true},
    [SQS_OP_LIST_QUEUE_TAGS] = {SUBJECT_URL, STR_INIT(""), true},
    [SQS_OP_LIST_QUEUES] = {SUBJECT_NONE, STR_INIT(""), false},
    [SQS_OP_PURGE_QUEUE] = {SUBJECT_URL, STR_INIT(""), false},
    [SQS_OP_RECEIVE_MESSAGE] = {SUBJECT_URL, STR_INIT(""), false},
    [SQS_OP_REMOVE_PERMISSION] = {SUBJECT_URL, STR_INIT(""), true},
    [SQS_OP_SEND_MESSAGE] = {SUBJECT_URL, STR_INIT(""), false},
    [SQS_OP_SEND_MESSAGE_BATCH] = {SUBJECT_URL, STR_INIT("sqs:SendMessage"), false},
    [SQS_OP_SET_QUEUE_ATTRIBUTES] = {SUBJECT_URL, STR_INIT(""), true},
    [SQS_OP_START_MESSAGE_MOVE_TASK] = {SUBJECT_ARN, STR_INIT(""), true},
    [SQS_OP_TAG_QUEUE] = {SUBJECT_URL, STR_INIT(""), true},
    [SQS_OP_UNTAG_QUEUE] = {SUBJECT_URL, STR_INIT(""), true},
};

/* The inputs of all operations with a subject begin with the text that names it. */
static_assert(offsetof(struct sqs_send_message_in, queue_url) == 0, "QueueUrl comes first");
static_assert(offsetof(struct sqs_create_queue_in, queue_name) == 0, "QueueName comes first");
static_assert(offsetof(struct sqs_get_queue_url_in, queue_name) == 0, "QueueName comes first");
static_assert(offsetof(struct sqs_list_message_move_tasks_in, source_arn) == 0, "SourceArn first");
static_assert(offsetof(struct sqs_start_message_move_task_in, source_arn) == 0, "SourceArn first");
static_assert(offsetof(struct sqs_cancel_message_move_task_in, task_handle) == 0,
              "TaskHandle first");

static void describe_queue(struct call *call, const struct sqs_queue *queue, bool is_owner_only,
                           struct authorization *out)
{
    out->resource = sqs_queue_arn(call->arena, queue);
    out->resource_account = queue->account;
    if (!is_owner_only || str_eq(queue->account, call->scope.account))
        out->resource_policy = queue->policy;
}

/* The queue of an ARN; when there is none, the handler says so. */
static enum status describe_arn(struct call *call, struct str arn, bool is_owner_only,
                                struct authorization *out)
{
    struct sqs_queue *queue = NULL;
    out->resource = arn.len > 0 ? arn : STR("*");
    int rc = sqs_find_queue_by_arn(call, arn, &queue);
    if (rc < 0)
        return call_fail_internal(call, rc, "sqs: find queue");
    if (queue)
        describe_queue(call, queue, is_owner_only, out);
    return STATUS_DONE;
}

static enum status look_up(struct call *call, const struct sqs_get_queue_url_in *in,
                           struct authorization *out)
{
    struct scope scope = call->scope;
    if (in->queue_owner_aws_account_id.len > 0)
        scope.account = in->queue_owner_aws_account_id;
    struct sqs_queue *queue = NULL;
    int rc = sqs_store_find_queue(call->db, call->arena, scope, in->queue_name, &queue);
    if (rc < 0)
        return call_fail_internal(call, rc, "sqs: find queue");
    if (!queue)
        return sqs_queue_missing(call);
    call->subject = queue;
    describe_queue(call, queue, false, out);
    return STATUS_DONE;
}

static enum status authorize(struct call *call, const void *in, struct authorization *out)
{
    size_t index = (size_t)(call->operation - sqs_operations);
    if (subjects[index].action.len > 0)
        out->action = subjects[index].action;
    const struct str *name = in;
    bool is_owner_only = subjects[index].is_owner_only;
    enum status status = STATUS_DONE;
    switch (subjects[index].subject) {
    case SUBJECT_NONE:
        break;
    case SUBJECT_URL:
        status = sqs_resolve_queue(call, *name);
        if (status == STATUS_DONE)
            describe_queue(call, sqs_queue_of(call), is_owner_only, out);
        break;
    case SUBJECT_NAME:
        out->resource = call_arn(call, "sqs", false, STR_FMT, STR_ARG(*name));
        break;
    case SUBJECT_LOOK_UP:
        status = look_up(call, in, out);
        break;
    case SUBJECT_ARN:
        status = describe_arn(call, *name, is_owner_only, out);
        break;
    case SUBJECT_HANDLE:
        status = describe_arn(call, sqs_source_of_handle(call->arena, *name), is_owner_only, out);
        break;
    }
    return status;
}

const struct service sqs_service = {
    .model = &sqs_model,
    .handlers = &sqs_handlers,
    .migrations = &sqs_migrations,
    .authorize = authorize,
    .validation_error = &SQS_MISSING_PARAMETER, /* the model's only constraint is "required" */
    .resource_types = sqs_resource_types,
    .resource_type_count = 2,
};
