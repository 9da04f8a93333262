/* wait.c — AWS::CloudFormation::WaitCondition and its handle, SignalResource, and the URLs that
 * take an answer from outside.
 *
 * A callback URL is ENDPOINT/_virga/cfn/TOKEN; the token is random (32 characters), so who has the
 * URL may answer and nobody else. AWS gives out a presigned URL of an S3 bucket of its own for the
 * same purpose.
 *
 * Docs: CloudFormation user guide, "Wait conditions", "Signal data format" ({"Status", "Reason",
 * "UniqueId", "Data"}); API reference, SignalResource.
 */
#include <errno.h>

#include "base/arena.h"
#include "base/rand.h"
#include "service/cloudformation/cloudformation.h"
#include "syntax/json.h"
#include "syntax/time.h"
#include "wire/executor.h"
#include "wire/runtime.h"

enum {
    TOKEN_CHARS = 32,               /* of 62: 190 bits */
    MAX_TIMEOUT_SECONDS = 43200,    /* AWS: Timeout, maximum 12 hours */
    MAX_ANSWER_BYTES = 1024 * 1024, /* of a JSON text that is parsed; AWS's own limits are below */
};

int new_callback(struct resource_call *rc, const char *kind, struct str request_id,
                 struct str *out_url, struct str *out_token)
{
    struct call *call = rc->call;
    const struct cfn_callback callback = {
        .token = rand_text(call->arena,
                           STR("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"),
                           TOKEN_CHARS),
        .scope = call->scope,
        .stack_id = rc->stack_id,
        .logical_id = rc->logical_id,
        .kind = str_from_cstr(kind),
        .request_id = request_id,
        .made_at_ms = call->now_ms,
    };
    int rc_store = cfn_store_put_callback(call->db, &callback);
    if (rc_store < 0)
        return rc_store;
    *out_token = callback.token;
    *out_url = str_concat3(call->arena, call->runtime->endpoint, STR(CLOUDFORMATION_CALLBACK_PATH),
                           callback.token);
    return 0;
}

static enum resource_result fail_store(struct resource_call *rc, int error, const char *what)
{
    call_fail_internal(rc->call, error, what);
    return RESOURCE_FAILED;
}

/* ---- The handle -------------------------------------------------------------------------------
 */

enum resource_result create_handle(struct resource_call *rc)
{
    struct str token = {0};
    int error = new_callback(rc, "WAIT", (struct str){0}, &rc->physical_id, &token);
    return error < 0 ? fail_store(rc, error, "make a wait handle") : RESOURCE_DONE;
}

static struct str token_of(struct str url)
{
    return str_from(url, (size_t)(str_last_index(url, '/') + 1));
}

enum resource_result remove_callbacks(struct resource_call *rc)
{
    int error = cfn_store_delete_callback(rc->call->db, token_of(rc->physical_id));
    return error < 0 ? fail_store(rc, error, "delete a wait handle") : RESOURCE_DONE;
}

/* ---- The condition ----------------------------------------------------------------------------
 */

/* Looks at the signals of the handle. */
static enum resource_result watch_handle(struct resource_call *rc, struct str handle,
                                         int64_t wanted)
{
    struct cfn_signal *signals = NULL;
    int64_t count = cfn_store_list_signals(rc->call->db, rc->call->arena, rc->stack_id,
                                           token_of(handle), 0, &signals);
    if (count < 0)
        return fail_store(rc, (int)count, "list signals");
    int64_t good = 0;
    for (int64_t i = 0; i < count; i++) {
        /* OBSERVED: the reason of a wait condition that was told to fail. */
        if (!str_eq(signals[i].status, STR("SUCCESS")))
            return resource_fail(
                rc, "WaitCondition received failed message: '" STR_FMT "' for uniqueId: " STR_FMT,
                STR_ARG(signals[i].reason), STR_ARG(signals[i].unique_id));
        good++;
    }
    if (good >= wanted)
        return RESOURCE_DONE;
    int64_t deadline = cfn_number(rc->state, "Deadline");
    /* OBSERVED: the reason after the timeout. */
    if (rc->call->now_ms >= deadline)
        return resource_fail(rc,
                             "WaitCondition timed out. Received %lld conditions when expecting "
                             "%lld",
                             (long long)good, (long long)wanted);
    rc->retry_at_ms = deadline;
    return RESOURCE_IN_PROGRESS;
}

enum resource_result create_wait(struct resource_call *rc)
{
    struct arena *arena = rc->call->arena;
    struct str handle = resource_string(rc->properties, "Handle");
    struct str timeout = resource_string(rc->properties, "Timeout");
    int64_t count = opt_i64_or(resource_integer(rc->properties, "Count"), 1);
    int64_t seconds = 0;
    bool has_policy = json_find_cstr(rc->creation_policy, "ResourceSignal") != NULL;
    rc->physical_id = str_concat3(arena, rc->stack_id, STR("/"), rc->logical_id);
    /* AWS: a wait condition with a creation policy needs neither. */
    if (!handle.ptr && !timeout.ptr && has_policy)
        return RESOURCE_DONE;
    if (!handle.ptr || !timeout.ptr)
        return resource_fail(rc, "Property %s cannot be empty.", handle.ptr ? "Timeout" : "Handle");
    if (str_to_i64(timeout, &seconds) < 0 || seconds < 0 || seconds > MAX_TIMEOUT_SECONDS)
        return resource_fail(rc, "Timeout must be a number of seconds from 0 to %d",
                             MAX_TIMEOUT_SECONDS);
    if (!str_contains(handle, STR(CLOUDFORMATION_CALLBACK_PATH)))
        return resource_fail(rc, "Invalid wait condition handle: " STR_FMT, STR_ARG(handle));
    if (!rc->state) {
        rc->state = json_new(arena, JSON_OBJECT);
        cfn_set_number(arena, rc->state, "Deadline", rc->call->now_ms + seconds * 1000);
    }
    return watch_handle(rc, handle, count);
}

/* AWS: Data: "A JSON object that contains the UniqueId and Data values from the wait condition
 * signal(s)", as text. */
enum resource_result wait_attribute(struct resource_call *rc, struct str name,
                                    struct json **out_value)
{
    (void)name;
    struct arena *arena = rc->call->arena;
    struct cfn_signal *signals = NULL;
    struct str target = token_of(str_or(resource_string(rc->properties, "Handle"), STR("")));
    int64_t count = cfn_store_list_signals(rc->call->db, arena, rc->stack_id, target, 0, &signals);
    if (count < 0)
        return fail_store(rc, (int)count, "list signals");
    struct json *data = json_new(arena, JSON_OBJECT);
    for (int64_t i = 0; i < count; i++)
        json_set(data, signals[i].unique_id, json_new_string(arena, signals[i].data));
    *out_value = json_new_string(arena, json_to_str(arena, data));
    return RESOURCE_DONE;
}

/* ---- SignalResource ---------------------------------------------------------------------------
 */

static enum status note_signal(struct call *call, const struct cfn_stack *stack,
                               const struct cfn_resource *row, const struct cfn_signal *signal)
{
    const struct json *properties = json_find_cstr(row->wanted, "Properties");
    /* OBSERVED: "Received SUCCESS signal with UniqueId i-1234567890abcdef0". */
    struct cfn_event event = {
        .stack_id = stack->id,
        .event_id =
            str_format(call->arena, STR_FMT "-" STR_FMT "-" STR_FMT, STR_ARG(row->logical_id),
                       STR_ARG(row->status), STR_ARG(time_rfc3339_ms(call->arena, call->now_ms))),
        .at_ms = call->now_ms,
        .logical_id = row->logical_id,
        .physical_id = row->physical_id,
        .type = row->type,
        .status = row->status,
        .reason = str_format(call->arena, "Received " STR_FMT " signal with UniqueId " STR_FMT,
                             STR_ARG(signal->status), STR_ARG(signal->unique_id)),
        .properties = properties ? json_to_str(call->arena, properties) : (struct str){0},
    };
    int rc = cfn_store_put_signal(call->db, signal);
    if (rc < 0)
        return call_fail_internal(call, rc, "keep a signal");
    enum status status = cfn_note_event(call, stack, &event);
    return status == STATUS_DONE ? cfn_wake(call, stack->id) : status;
}

/* AWS: "signals may only be updated with a FAILURE status." */
static enum status check_signal(struct call *call, const struct cfn_stack *stack,
                                const struct cfn_resource *row,
                                const struct cloudformation_signal_resource_in *in)
{
    struct cfn_signal *signals = NULL;
    int64_t count =
        cfn_store_list_signals(call->db, call->arena, stack->id, in->logical_resource_id,
                               cfn_number(row->state, "Since"), &signals);
    if (count < 0)
        return call_fail_internal(call, (int)count, "list signals");
    for (int64_t i = 0; i < count; i++) {
        if (str_eq(signals[i].unique_id, in->unique_id) && str_eq(in->status, STR("SUCCESS")))
            return call_fail(call, &ERROR_VALIDATION,
                             "Signal with ID " STR_FMT " for resource " STR_FMT
                             " already exists. Signals may only be updated with a FAILURE status.",
                             STR_ARG(in->unique_id), STR_ARG(in->logical_resource_id));
    }
    return STATUS_DONE;
}

enum status cloudformation_signal_resource(struct call *call,
                                           const struct cloudformation_signal_resource_in *in,
                                           struct cloudformation_signal_resource_out *out)
{
    (void)out;
    struct cfn_stack stack = {0};
    struct cfn_resource *rows = NULL;
    enum status status = find_stack(call, in->stack_name, STACK_BRACKETS, &stack);
    if (status != STATUS_DONE)
        return status;
    /* OBSERVED: the texts of a stack or resource that waits for nothing. */
    if (!is_in_progress(&stack))
        return call_fail(call, &ERROR_VALIDATION,
                         "Stack:" STR_FMT " is in " STR_FMT " state and can not be signaled.",
                         STR_ARG(stack.id), STR_ARG(stack.status));
    int64_t count = cfn_store_list_resources(call->db, call->arena, stack.id, &rows);
    if (count < 0)
        return call_fail_internal(call, (int)count, "list a stack's resources");
    for (int64_t i = 0; i < count; i++) {
        if (!str_eq(rows[i].logical_id, in->logical_resource_id) || rows[i].status.len == 0)
            continue;
        if (!str_ends_with(rows[i].status, STR("_IN_PROGRESS")))
            return call_fail(call, &ERROR_VALIDATION,
                             "Resource " STR_FMT " is in " STR_FMT
                             " state and can not be signaled.",
                             STR_ARG(rows[i].logical_id), STR_ARG(rows[i].status));
        status = check_signal(call, &stack, &rows[i], in);
        const struct cfn_signal signal = {
            .stack_id = stack.id,
            .target = rows[i].logical_id,
            .unique_id = in->unique_id,
            .status = in->status,
            .at_ms = call->now_ms,
        };
        return status == STATUS_DONE ? note_signal(call, &stack, &rows[i], &signal) : status;
    }
    return call_fail(call, &ERROR_VALIDATION,
                     "Resource " STR_FMT " does not exist for stack " STR_FMT,
                     STR_ARG(in->logical_resource_id), STR_ARG(stack.name));
}

/* ---- Answers from outside ---------------------------------------------------------------------
 */

/* An answer and what became of it. */
struct answer {
    struct str token;
    struct str body;
    const char *refusal; /* NULL: taken */
};

static enum status take_signal(struct call *call, const struct cfn_callback *callback,
                               struct answer *answer)
{
    struct json *body = NULL;
    if (json_parse(call->arena, answer->body, 0, &body, NULL) < 0 || !json_is_object(body)) {
        answer->refusal = "the signal is not a JSON object";
        return STATUS_DONE;
    }
    const struct json *data = json_find_cstr(body, "Data");
    const struct cfn_signal signal = {
        .stack_id = callback->stack_id,
        .target = callback->token,
        .unique_id = str_or(json_find_str(body, "UniqueId"), STR("")),
        .status = str_or(json_find_str(body, "Status"), STR("")),
        .reason = json_find_str(body, "Reason"),
        .data = !data                  ? (struct str){0}
                : json_is_string(data) ? data->text
                                       : json_to_str(call->arena, data),
        .at_ms = call->now_ms,
    };
    bool is_known = str_eq(signal.status, STR("SUCCESS")) || str_eq(signal.status, STR("FAILURE"));
    if (!is_known || signal.unique_id.len == 0) {
        answer->refusal = "a signal needs Status (SUCCESS or FAILURE) and UniqueId";
        return STATUS_DONE;
    }
    int rc = cfn_store_put_signal(call->db, &signal);
    return rc < 0 ? call_fail_internal(call, rc, "keep a signal")
                  : cfn_wake(call, callback->stack_id);
}

static enum status take_answer(struct call *call, void *context)
{
    struct answer *answer = context;
    struct cfn_callback callback = {0};
    answer->refusal = NULL;
    int rc = cfn_store_find_callback(call->db, call->arena, answer->token, &callback);
    if (rc < 0)
        return call_fail_internal(call, rc, "find a callback");
    if (rc == 0) {
        answer->refusal = "nothing waits for an answer here";
        return STATUS_DONE;
    }
    call->scope = callback.scope;
    if (str_eq(callback.kind, STR("WAIT")))
        return take_signal(call, &callback, answer);
    callback.answer = answer->body;
    rc = cfn_store_put_callback(call->db, &callback);
    return rc < 0 ? call_fail_internal(call, rc, "keep an answer")
                  : cfn_wake(call, callback.stack_id);
}

int cloudformation_take_callback(struct executor *executor, struct arena *arena, struct str token,
                                 struct str body, struct str *out_refusal)
{
    static const struct principal nobody = {.kind = PRINCIPAL_SERVICE, .name = STR_INIT("virga")};
    struct answer answer = {.token = token, .body = str_or(body, STR(""))};
    struct call_error error = {0};
    int rc = 0;
    /* DEVIATION: a signal that is malformed is refused at once; AWS's URL takes anything, and the
     * wait condition fails or times out later. */
    if (answer.body.len > MAX_ANSWER_BYTES)
        answer.refusal = "the answer is too long";
    else
        rc = executor_run_task(executor, arena, &nobody, (struct scope){0}, take_answer, &answer,
                               &error);
    *out_refusal = answer.refusal ? str_from_cstr(answer.refusal) : (struct str){0};
    return rc;
}
