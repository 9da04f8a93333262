/* universal.c — universal targets: arn:aws:scheduler:::aws-sdk:SERVICE:ACTION calls any operation
 * that a service here has, as the schedule's role, with the target's input.
 *
 * Docs: EventBridge Scheduler user guide, "Using universal targets": the service is named as in the
 * AWS SDKs, the action begins in lower case, and reading actions are not taken.
 */
#include "base/arena.h"
#include "service/scheduler/scheduler.h"
#include "syntax/json.h"
#include "wire/protocol.h"
#include "wire/runtime.h"

static const struct str prefix = STR_INIT("arn:aws:scheduler:::aws-sdk:");

static const struct api_error bad_input = {
    .code = STR_INIT("ValidationException"),
    .query_code = STR_INIT("ValidationException"),
    .http_status = 400,
    .query_status = 400,
    .is_sender = true,
};

/* What an ARN names. */
struct action {
    struct str service;
    struct str name; /* as the ARN has it: "sendMessage" */
    const struct service *row;
    const struct operation *operation;
};

bool scheduler_is_universal(struct str arn)
{
    return str_starts_with(arn, prefix);
}

/* "Secrets Manager" is secretsmanager. */
static bool is_named(const struct service_model *model, struct str name)
{
    size_t at = 0;
    if (str_eq_nocase(model->name, name))
        return true;
    for (size_t i = 0; i < model->service_id.len; i++) {
        char c = model->service_id.ptr[i];
        if (c == ' ')
            continue;
        char lower = c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
        if (at >= name.len || name.ptr[at++] != lower)
            return false;
    }
    return at == name.len;
}

static void find_action(struct call *call, struct str arn, struct action *out)
{
    struct str rest = str_from(arn, prefix.len);
    *out = (struct action){0};
    if (!str_split_next(&rest, ':', &out->service) || !rest.ptr)
        return;
    out->name = rest;
    struct str name =
        str_concat(call->arena, str_upper(call->arena, str_slice(rest, 0, 1)), str_from(rest, 1));
    for (size_t i = 0; i < call->runtime->service_count && !out->row; i++) {
        if (is_named(call->runtime->services[i]->model, out->service))
            out->row = call->runtime->services[i];
    }
    if (out->row)
        out->operation = service_find_operation(out->row->model, name);
}

/* AWS: "EventBridge Scheduler does not support read-only API actions, such as common GET
 * operations". */
static bool is_reading(struct str name)
{
    static const char *const beginnings[] = {
        "get",      "describe",    "list",           "poll",          "receive",  "search",
        "scan",     "query",       "select",         "read",          "lookup",   "discover",
        "validate", "batchGet",    "batchRead",      "batchDescribe", "adminGet", "adminList",
        "retrieve", "transactGet", "testConnection", "isAuthorized",
    };
    for (size_t i = 0; i < ARRAY_LEN(beginnings); i++) {
        if (str_starts_with(name, str_from_cstr(beginnings[i])))
            return true;
    }
    return false;
}

/* The input as the operation's struct; NULL with the reason. */
static void *read_input(struct call *call, const struct operation *operation, struct str text,
                        struct str *out_problem)
{
    struct json *json = NULL;
    void *in = arena_alloc(call->arena, operation->in_size);
    *out_problem = STR("Input must be a JSON object.");
    if (json_parse(call->arena, text, 0, &json, NULL) < 0 || !json_is_object(json))
        return NULL;
    if (wire_from_json(call->arena, operation->in, json, in, out_problem) < 0 ||
        wire_validate(call->arena, operation->in, in, out_problem) < 0) {
        *out_problem = str_or(*out_problem, STR("Input has a member of the wrong type."));
        return NULL;
    }
    return in;
}

struct str scheduler_universal_problem(struct call *call, struct str arn, struct str input)
{
    struct action action = {0};
    struct json *json = NULL;
    find_action(call, arn, &action);
    if (!action.row)
        return str_format(call->arena, "Service " STR_FMT " is not supported in universal targets.",
                          STR_ARG(action.service));
    if (!action.operation || !operation_is_implemented(action.operation, action.row->handlers))
        return str_format(call->arena, STR_FMT " is not an API for the service " STR_FMT ".",
                          STR_ARG(action.name), STR_ARG(action.service));
    if (is_reading(action.name))
        return str_format(call->arena, "Read-only actions are not supported: " STR_FMT ".",
                          STR_ARG(action.name));
    if (json_parse(call->arena, input, 0, &json, NULL) < 0 || !json_is_object(json))
        return STR("Input must be a JSON object.");
    return (struct str){0};
}

static enum delivery_result deliver(struct call *call, const struct delivery *delivery,
                                    const struct principal *principal, const struct scope *scope,
                                    struct call_error *out_error)
{
    struct action action = {0};
    struct str problem = STR("The action does not exist.");
    void *in = NULL;
    find_action(call, delivery->target, &action);
    if (action.operation)
        in = read_input(call, action.operation, delivery->body, &problem);
    if (!in) {
        *out_error = (struct call_error){.error = &bad_input, .message = problem};
        return DELIVERY_REFUSED;
    }
    void *out = arena_alloc(call->arena, action.operation->out_size);
    enum status status = call_invoke(call, principal, scope, action.row->model, action.operation,
                                     in, out, out_error);
    return status == STATUS_DONE ? DELIVERY_DONE : delivery_result_of(out_error);
}

const struct delivery_target scheduler_universal_target = {
    .service = STR_INIT("scheduler"),
    .deliver = deliver,
    .knows = scheduler_is_universal,
};
