/* redrive.c — StartMessageMoveTask: a workflow that empties a dead-letter queue; and the sweep that
 * removes what has expired.
 *
 * Docs: SQS API reference, StartMessageMoveTask, CancelMessageMoveTask, ListMessageMoveTasks.
 */
#include <errno.h>

#include "base/arena.h"
#include "base/rand.h"
#include "service/sqs/sqs.h"
#include "syntax/base64.h"
#include "syntax/json.h"

enum {
    MOVE_STEP_MESSAGES = 50,            /* per step, so that requests get their turn */
    SWEEP_INTERVAL_MS = 60 * 60 * 1000, /* expired messages are invisible long before */
    SWEEP_STEP_QUEUES = 100,
    SWEEP_STEP_MESSAGES = 1000,
    LIST_DEFAULT = 1, /* AWS: MaxResults default 1, at most 10 */
    LIST_MAX = 10,
};

/* The queue of an ARN. AWS: both queues of a task belong to the caller's account and region. */
static enum status find_own_queue(struct call *call, struct str arn, const char *parameter,
                                  struct sqs_queue **out_queue)
{
    struct scope scope = {0};
    struct str name = {0};
    bool is_own = sqs_split_arn(arn, &scope, &name) && str_eq(scope.account, call->scope.account) &&
                  str_eq(scope.region, call->scope.region);
    *out_queue = NULL;
    int rc = is_own ? sqs_store_find_queue(call->db, call->arena, scope, name, out_queue) : 0;
    if (rc < 0)
        return call_fail_internal(call, rc, "sqs: find queue");
    if (!*out_queue)
        return call_fail(call, &SQS_RESOURCE_NOT_FOUND_EXCEPTION,
                         "The resource that you specified for the %s parameter doesn't exist.",
                         parameter);
    return STATUS_DONE;
}

/* The handle names its source queue, as AWS's does, and a number that nobody can guess. */
static struct str new_handle(struct arena *arena, struct str source_arn)
{
    struct json *object = json_new(arena, JSON_OBJECT);
    json_append_member(object, STR("taskId"), json_new_string(arena, rand_uuid(arena)));
    json_append_member(object, STR("sourceArn"), json_new_string(arena, source_arn));
    return base64_encode_str(arena, json_to_str(arena, object));
}

struct str sqs_source_of_handle(struct arena *arena, struct str handle)
{
    struct str text = {0};
    struct json *json = NULL;
    if (base64_decode(arena, handle, &text) < 0 || json_parse(arena, text, 0, &json, NULL) < 0 ||
        !json_is_object(json))
        return (struct str){0};
    return json_find_str(json, "sourceArn");
}

static enum status check_source(struct call *call, const struct sqs_start_message_move_task_in *in)
{
    struct str sources[1];
    int64_t count =
        sqs_store_list_sources(call->db, call->arena, in->source_arn, STR(""), 1, sources);
    if (count < 0)
        return call_fail_internal(call, (int)count, "sqs: list source queues");
    if (count == 0)
        return call_fail(call, &SQS_INVALID_PARAMETER_VALUE,
                         "Source queue must be configured as a Dead Letter Queue.");
    struct sqs_move_task latest = {0};
    count = sqs_store_list_tasks(call->db, call->arena, in->source_arn, 1, &latest);
    if (count < 0)
        return call_fail_internal(call, (int)count, "sqs: list move tasks");
    /* OBSERVED (2024-01-05): this code, and not UnsupportedOperation. */
    if (count == 1 && str_eq_cstr(latest.status, "RUNNING"))
        return call_fail(call, &SQS_INVALID_PARAMETER_VALUE,
                         "There is already a task running. Only one active task is allowed for a "
                         "source queue arn at a given time.");
    return STATUS_DONE;
}

static enum status may(struct call *call, const struct sqs_queue *queue, struct str action)
{
    const struct authorization what = {
        .action = action,
        .resource = sqs_queue_arn(call->arena, queue),
        .resource_policy = queue->policy,
        .resource_account = queue->account,
    };
    return call_authorize(call, &what);
}

/* AWS: "Amazon SQS permissions for dead-letter queue redrive": the caller needs these on the
 * source, and sqs:SendMessage on the destination. */
static enum status check_permissions(struct call *call, const struct sqs_queue *source,
                                     const struct sqs_queue *destination)
{
    enum status status = may(call, source, STR("sqs:ReceiveMessage"));
    if (status == STATUS_DONE)
        status = may(call, source, STR("sqs:DeleteMessage"));
    if (status == STATUS_DONE)
        status = may(call, source, STR("sqs:GetQueueAttributes"));
    if (status == STATUS_DONE && destination)
        status = may(call, destination, STR("sqs:SendMessage"));
    return status;
}

enum status sqs_start_message_move_task(struct call *call,
                                        const struct sqs_start_message_move_task_in *in,
                                        struct sqs_start_message_move_task_out *out)
{
    struct sqs_queue *source = NULL;
    struct sqs_queue *destination = NULL;
    enum status status = find_own_queue(call, in->source_arn, "SourceArn", &source);
    if (status == STATUS_DONE && in->destination_arn.len > 0)
        status = find_own_queue(call, in->destination_arn, "DestinationArn", &destination);
    if (status == STATUS_DONE)
        status = check_permissions(call, source, destination);
    if (status == STATUS_DONE)
        status = check_source(call, in);
    if (status != STATUS_DONE)
        return status;
    if (destination && destination->is_fifo != source->is_fifo)
        return call_fail(call, &SQS_INVALID_PARAMETER_VALUE,
                         "Source and destination must be queues of the same type.");
    int32_t rate = opt_i32_or(in->max_number_of_messages_per_second, 0);
    if (in->max_number_of_messages_per_second.is_set && (rate < 1 || rate > 500))
        return call_fail(call, &SQS_INVALID_PARAMETER_VALUE,
                         "Value %d for parameter MaxNumberOfMessagesPerSecond is invalid. Reason: "
                         "Must be between 1 and 500.",
                         rate);
    struct sqs_counts counts = {0};
    int rc = sqs_store_count(call->db, source->id, call->now_ms, 0, &counts);
    const struct sqs_move_task task = {
        .handle = new_handle(call->arena, in->source_arn),
        .status = STR("RUNNING"),
        .source_arn = in->source_arn,
        .destination_arn = in->destination_arn,
        .per_second = rate,
        .to_move = counts.visible,
        .started_at_ms = call->now_ms,
    };
    if (rc == 0)
        rc = sqs_store_insert_task(call->db, &task);
    if (rc < 0)
        return call_fail_internal(call, rc, "sqs: insert a move task");
    out->task_handle = task.handle;
    return workflow_start(call, sqs_move_kind.name, task.handle, NULL);
}

enum status sqs_cancel_message_move_task(struct call *call,
                                         const struct sqs_cancel_message_move_task_in *in,
                                         struct sqs_cancel_message_move_task_out *out)
{
    struct sqs_move_task *task = NULL;
    struct sqs_queue *source = NULL;
    struct str source_arn = sqs_source_of_handle(call->arena, in->task_handle);
    if (!source_arn.ptr)
        return call_fail(call, &SQS_INVALID_PARAMETER_VALUE,
                         "Value for parameter TaskHandle is invalid.");
    enum status status = find_own_queue(call, source_arn, "SourceArn", &source);
    if (status != STATUS_DONE)
        return status;
    int rc = sqs_store_find_task(call->db, call->arena, in->task_handle, &task);
    if (rc < 0)
        return call_fail_internal(call, rc, "sqs: find a move task");
    if (!task)
        return call_fail(call, &SQS_RESOURCE_NOT_FOUND_EXCEPTION, "Task does not exist.");
    if (!str_eq_cstr(task->status, "RUNNING"))
        return call_fail(call, &SQS_UNSUPPORTED_OPERATION,
                         "Task is not in running state and can't be cancelled.");
    task->status = STR("CANCELLED");
    rc = sqs_store_update_task(call->db, task);
    if (rc < 0)
        return call_fail_internal(call, rc, "sqs: cancel a move task");
    out->approximate_number_of_messages_moved = opt_i64(task->moved);
    return STATUS_DONE;
}

enum status sqs_list_message_move_tasks(struct call *call,
                                        const struct sqs_list_message_move_tasks_in *in,
                                        struct sqs_list_message_move_tasks_out *out)
{
    struct sqs_queue *source = NULL;
    enum status status = find_own_queue(call, in->source_arn, "SourceArn", &source);
    if (status != STATUS_DONE)
        return status;
    int32_t limit = opt_i32_or(in->max_results, LIST_DEFAULT);
    if (limit < 1 || limit > LIST_MAX)
        return call_fail(call, &SQS_INVALID_PARAMETER_VALUE,
                         "Value %d for parameter MaxResults is invalid. Reason: Must be between 1 "
                         "and 10.",
                         limit);
    struct sqs_move_task tasks[LIST_MAX];
    int64_t count = sqs_store_list_tasks(call->db, call->arena, in->source_arn, limit, tasks);
    if (count < 0)
        return call_fail_internal(call, (int)count, "sqs: list move tasks");
    out->results.items = arena_alloc_array(call->arena, (size_t)count, sizeof(*out->results.items));
    out->results.count = (size_t)count;
    out->results.is_set = true;
    for (int64_t i = 0; i < count; i++) {
        const struct sqs_move_task *task = &tasks[i];
        bool is_running = str_eq_cstr(task->status, "RUNNING");
        struct sqs_list_message_move_tasks_result_entry *entry = &out->results.items[i];
        /* AWS: TaskHandle "is only included in the response for tasks that are running". */
        entry->task_handle = is_running ? task->handle : (struct str){0};
        entry->status = task->status;
        entry->source_arn = task->source_arn;
        if (task->destination_arn.len > 0)
            entry->destination_arn = task->destination_arn;
        if (task->per_second > 0)
            entry->max_number_of_messages_per_second = opt_i32((int32_t)task->per_second);
        entry->approximate_number_of_messages_moved = opt_i64(task->moved);
        entry->approximate_number_of_messages_to_move = opt_i64(task->to_move);
        if (task->failure.len > 0)
            entry->failure_reason = task->failure;
        entry->started_timestamp = opt_i64(task->started_at_ms);
    }
    return STATUS_DONE;
}

/* Moves one message to where it goes. Returns 0 or -errno; *out_failure says why it has nowhere to
 * go. */
static int move_one(struct call *call, const struct sqs_move_task *task,
                    const struct sqs_queue *source, struct sqs_message_row *message,
                    struct str *out_failure)
{
    struct str target_arn =
        task->destination_arn.len > 0 ? task->destination_arn : message->source_arn;
    struct sqs_queue *target = NULL;
    int rc = sqs_find_queue_by_arn(call, target_arn, &target);
    if (rc < 0)
        return rc;
    if (!target || target->is_fifo != source->is_fifo) {
        /* OBSERVED (2024-01-03): the code of a queue that is gone. */
        *out_failure = target_arn.len > 0 ? STR("AWS.SimpleQueueService.NonExistentQueue")
                                          : STR("CouldNotDetermineMessageSource");
        return 0;
    }
    /* AWS: "All redriven messages are considered new messages with a new messageID and enqueueTime
     * are assigned to redriven messages." */
    message->message_id = rand_uuid(call->arena);
    message->sent_at_ms = call->now_ms;
    message->source_arn = STR("");
    return sqs_move_message(call, source, target, message);
}

static enum status end_task(struct call *call, struct sqs_move_task *task, struct str status,
                            struct str failure, enum workflow_next *out_next)
{
    task->status = status;
    task->failure = failure;
    *out_next = WORKFLOW_DONE;
    int rc = sqs_store_update_task(call->db, task);
    return rc < 0 ? call_fail_internal(call, rc, "sqs: end a move task") : STATUS_DONE;
}

static enum status move_step(struct call *call, struct workflow *workflow,
                             enum workflow_next *out_next)
{
    struct sqs_move_task *task = NULL;
    struct sqs_queue *source = NULL;
    int rc = sqs_store_find_task(call->db, call->arena, workflow->id, &task);
    if (rc == 0 && task)
        rc = sqs_find_queue_by_arn(call, task->source_arn, &source);
    if (rc < 0)
        return call_fail_internal(call, rc, "sqs: find a move task");
    *out_next = WORKFLOW_DONE;
    if (!task || !str_eq_cstr(task->status, "RUNNING"))
        return STATUS_DONE;
    if (!source)
        return end_task(call, task, STR("FAILED"), STR("AWS.SimpleQueueService.NonExistentQueue"),
                        out_next);
    struct sqs_message_row *rows = NULL;
    int64_t limit = task->per_second > 0 && task->per_second < MOVE_STEP_MESSAGES
                        ? task->per_second
                        : MOVE_STEP_MESSAGES;
    int64_t count = source->is_fifo ? sqs_deliverable(call, source, limit, &rows)
                                    : sqs_store_visible(call->db, call->arena, source->id,
                                                        call->now_ms, limit, &rows);
    if (count < 0)
        return call_fail_internal(call, (int)count, "sqs: visible messages");
    struct str failure = STR("");
    for (int64_t i = 0; i < count; i++) {
        rc = move_one(call, task, source, &rows[i], &failure);
        if (rc < 0)
            return call_fail_internal(call, rc, "sqs: move a message");
        if (failure.len > 0)
            return end_task(call, task, STR("FAILED"), failure, out_next);
        task->moved++;
    }
    if (count < limit)
        return end_task(call, task, STR("COMPLETED"), STR(""), out_next);
    rc = sqs_store_update_task(call->db, task);
    *out_next = WORKFLOW_AGAIN;
    if (task->per_second > 0)
        workflow->run_at_ms = call->now_ms + limit * 1000 / task->per_second;
    return rc < 0 ? call_fail_internal(call, rc, "sqs: update a move task") : STATUS_DONE;
}

const struct workflow_kind sqs_move_kind = {
    .name = STR_INIT("sqs.move"),
    .step = move_step,
};

enum status sqs_start_sweep(struct call *call)
{
    int rc = workflow_exists(call, sqs_sweep_kind.name, STR("all"));
    if (rc < 0)
        return call_fail_internal(call, rc, "sqs: look for the sweep");
    return rc == 1 ? STATUS_DONE : workflow_start(call, sqs_sweep_kind.name, STR("all"), NULL);
}

/* One step looks at SWEEP_STEP_QUEUES queues; state.after is the last one's id. */
static enum status sweep_step(struct call *call, struct workflow *workflow,
                              enum workflow_next *out_next)
{
    const struct json *member = json_find_cstr(workflow->state, "after");
    int64_t after = 0;
    if (member && str_to_i64(member->text, &after) < 0)
        return call_fail_internal(call, -EINVAL, "sqs: state of the sweep");
    struct sqs_sweep_row rows[SWEEP_STEP_QUEUES];
    int64_t count = sqs_store_sweep_queues(call->db, after, SWEEP_STEP_QUEUES, rows);
    if (count < 0)
        return call_fail_internal(call, (int)count, "sqs: queues to sweep");
    *out_next = WORKFLOW_AGAIN;
    for (int64_t i = 0; i < count; i++) {
        int64_t removed = sqs_store_expire(
            call->db, rows[i].id, call->now_ms - rows[i].retention_s * 1000, SWEEP_STEP_MESSAGES);
        if (removed < 0)
            return call_fail_internal(call, (int)removed, "sqs: remove expired messages");
        if (removed == SWEEP_STEP_MESSAGES)
            return STATUS_DONE; /* more in this queue: again from `after`, in another step */
        after = rows[i].id;
        json_set(workflow->state, STR("after"), json_new_number(call->arena, after));
    }
    if (count == SWEEP_STEP_QUEUES)
        return STATUS_DONE;
    int rc = sqs_store_expire_dedup(call->db, call->now_ms);
    if (rc < 0)
        return call_fail_internal(call, rc, "sqs: remove expired deduplication ids");
    /* No queue at all: the next CreateQueue starts the sweep again. */
    if (count == 0 && after == 0)
        *out_next = WORKFLOW_DONE;
    (void)json_remove(workflow->state, STR("after"));
    workflow->run_at_ms = call->now_ms + SWEEP_INTERVAL_MS;
    return STATUS_DONE;
}

const struct workflow_kind sqs_sweep_kind = {
    .name = STR_INIT("sqs.sweep"),
    .step = sweep_step,
};
