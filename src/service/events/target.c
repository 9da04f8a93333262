/* target.c — what a rule invokes: PutTargets, RemoveTargets, ListTargetsByRule.
 *
 * A target is kept as the JSON of its API structure. Which kinds there are is a matter of
 * engine/events/delivery.h: a target that nothing here delivers to is refused when it is put.
 */
#include <errno.h>

#include "base/arena.h"
#include "base/vec.h"
#include "service/events/events.h"
#include "service/events/transform.h"
#include "syntax/json.h"
#include "wire/protocol.h"

enum {
    MAX_BODY = 256 * 1024, /* a target of an API call; its parts are limited by the model */
};

const struct shape *events_target_shape(void)
{
    const struct shape *in = events_operations[EVENTS_OP_PUT_TARGETS].in;
    for (size_t i = 0; i < in->member_count; i++) {
        if (str_eq_cstr(in->members[i].name, "Targets"))
            return in->members[i].shape->members[0].shape;
    }
    CHECK(false);
    return NULL;
}

int events_target_of(struct arena *arena, struct str body, struct events_target *out)
{
    struct json *json = NULL;
    struct str message = {0};
    int rc = json_parse(arena, body, 0, &json, NULL);
    return rc < 0 ? rc : wire_from_json(arena, events_target_shape(), json, out, &message);
}

/* ---- Checks ---------------------------------------------------------------------------------- */

/* OBSERVED: texts of FailedEntries and of ValidationException, from LocalStack's recorded answers.
 * An absent text: nothing is wrong. */
static struct str input_problem(struct call *call, const struct events_target *target)
{
    int ways = (target->input.ptr != NULL) + (target->input_path.ptr != NULL) +
               (target->input_transformer != NULL);
    struct json *json = NULL;
    if (ways > 1)
        return str_concat3(call->arena,
                           STR("Only one of Input, InputPath, or InputTransformer must be provided "
                               "for target "),
                           target->id, STR("."));
    if (target->input.ptr && json_parse(call->arena, target->input, 0, &json, NULL) < 0)
        return str_concat3(call->arena, STR("Invalid JSON in the Input of target "), target->id,
                           STR("."));
    if (target->input_path.len > 0 && !event_path_is_valid(target->input_path))
        return str_concat3(call->arena, STR("Invalid InputPath for target "), target->id, STR("."));
    return (struct str){0};
}

static struct str transformer_problem(struct call *call, const struct events_target *target)
{
    const struct events_input_transformer *transformer = target->input_transformer;
    if (!transformer)
        return (struct str){0};
    struct event_path *paths = events_paths_of(call->arena, transformer);
    size_t count = transformer->input_paths_map.count;
    for (size_t i = 0; i < count; i++) {
        if (!event_path_is_valid(paths[i].path))
            return str_concat3(call->arena, STR("InputPath for target "), target->id,
                               STR(" is invalid."));
        if (str_starts_with(paths[i].name, STR("aws.")) ||
            str_starts_with(paths[i].name, STR("AWS.")))
            return str_format(call->arena,
                              "InputPathsMap for target " STR_FMT
                              " contains a key that begins with the reserved prefix AWS.",
                              STR_ARG(target->id));
    }
    struct str unknown = event_template_unknown(transformer->input_template, paths, count);
    if (!unknown.ptr)
        return (struct str){0};
    return str_format(call->arena,
                      "InputTemplate for target " STR_FMT " contains invalid placeholder " STR_FMT
                      ".",
                      STR_ARG(target->id), STR_ARG(unknown));
}

static struct str parameter_problem(struct call *call, const struct events_target *target)
{
    bool has_group = target->sqs_parameters && target->sqs_parameters->message_group_id.len > 0;
    struct str service = {0};
    if (!delivery_split_arn(target->arn, &service, NULL, NULL))
        return str_format(call->arena,
                          "Parameter " STR_FMT
                          " is not valid. Reason: Provided Arn is not in correct format.",
                          STR_ARG(target->arn));
    if (str_eq_cstr(service, "sqs") && str_ends_with(target->arn, STR(".fifo")) && !has_group)
        return str_concat3(call->arena,
                           STR("Parameter(s) SqsParameters must be specified for target: "),
                           target->id, STR("."));
    if (target->sqs_parameters && !str_eq_cstr(service, "sqs"))
        return str_concat3(call->arena, STR("Parameter SqsParameters is not valid for target "),
                           target->id, STR("."));
    return (struct str){0};
}

static struct str dead_letter_problem(struct call *call, const struct events_target *target)
{
    struct str arn = target->dead_letter_config ? target->dead_letter_config->arn : (struct str){0};
    struct str service = {0};
    if (!arn.ptr)
        return arn;
    if (delivery_split_arn(arn, &service, NULL, NULL) && str_eq_cstr(service, "sqs") &&
        !str_ends_with(arn, STR(".fifo")))
        return (struct str){0};
    return str_concat3(call->arena, STR("Dead letter queue ARN "), arn,
                       STR(" is not valid: it must be that of a standard SQS queue."));
}

/* What is wrong with an entry; absent: nothing. */
static struct str entry_problem(struct call *call, const struct events_target *target)
{
    struct str problem = parameter_problem(call, target);
    if (!problem.ptr)
        problem = input_problem(call, target);
    if (!problem.ptr)
        problem = transformer_problem(call, target);
    return problem.ptr ? problem : dead_letter_problem(call, target);
}

/* AWS: targets that are invoked by API calls of their services need a role. */
static bool needs_role(struct str service)
{
    static const char *const invoked[] = {"kinesis",   "states",       "ecs",      "batch",
                                          "codebuild", "codepipeline", "firehose", "execute-api",
                                          "redshift",  "sagemaker",    "glue"};
    for (size_t i = 0; i < ARRAY_LEN(invoked); i++) {
        if (str_eq_cstr(service, invoked[i]))
            return true;
    }
    return false;
}

/* What fails the whole request. */
static enum status check_target(struct call *call, const struct events_target *target)
{
    struct str service = {0};
    struct str role_arn = target->role_arn.len > 0 ? target->role_arn : (struct str){0};
    if (!delivery_split_arn(target->arn, &service, NULL, NULL))
        return STATUS_DONE; /* an entry of its own */
    /* DEVIATION: AWS has more kinds of targets. */
    if (!delivery_knows(target->arn))
        return call_fail(call, &ERROR_VALIDATION,
                         "Parameter Arn of target " STR_FMT
                         " is not valid. Reason: targets of this kind are not supported: " STR_FMT,
                         STR_ARG(target->id), STR_ARG(target->arn));
    bool is_destination = str_contains(target->arn, STR(":api-destination/"));
    if ((needs_role(service) || is_destination) && !role_arn.ptr)
        return call_fail(call, &ERROR_VALIDATION, "RoleArn is required for target " STR_FMT ".",
                         STR_ARG(target->arn));
    return events_pass_role(call, role_arn);
}

/* ---- Operations ------------------------------------------------------------------------------ */

static int put_target(struct call *call, const struct events_bus_row *bus, struct str rule,
                      const struct events_target *target)
{
    struct buf body;
    buf_init(&body, call->arena, MAX_BODY);
    wire_to_json(&body, events_target_shape(), target);
    if (body.is_full)
        return -E2BIG;
    const struct events_target_row row = {
        .bus_id = bus->id,
        .rule = rule,
        .id = target->id,
        .arn = target->arn,
        .body = buf_str(&body),
    };
    return events_store_put_target(call->db, &row);
}

/* Finds the rule and its targets as they are. */
static enum status open_rule(struct call *call, struct str bus_name, struct str name,
                             struct events_bus_row *bus, struct events_rule_row *rule,
                             struct vec *targets)
{
    const struct events_page page = {.after = STR(""), .prefix = STR(""), .limit = 1000};
    vec_init(targets, call->arena, sizeof(struct events_target_row));
    enum status status = events_open_bus(call, bus_name, bus);
    if (status == STATUS_DONE)
        status = events_get_rule(call, bus, name, rule);
    if (status != STATUS_DONE)
        return status;
    int rc = events_store_list_targets(call->db, call->arena, bus->id, name, &page, targets);
    return rc < 0 ? call_fail_internal(call, rc, "events: list targets") : STATUS_DONE;
}

static bool has_target(const struct vec *targets, struct str id)
{
    for (size_t i = 0; i < targets->count; i++) {
        const struct events_target_row *row = vec_at(targets, i);
        if (str_eq(row->id, id))
            return true;
    }
    return false;
}

static enum status check_count(struct call *call, const struct events_target_list *targets,
                               const struct vec *have)
{
    size_t count = have->count;
    for (size_t i = 0; i < targets->count; i++) {
        bool is_repeated = has_target(have, targets->items[i].id);
        for (size_t other = 0; other < i; other++)
            is_repeated |= str_eq(targets->items[other].id, targets->items[i].id);
        count += is_repeated ? 0 : 1;
    }
    return count <= EVENTS_MAX_TARGETS
               ? STATUS_DONE
               : call_fail(call, &EVENTS_LIMIT_EXCEEDED_EXCEPTION,
                           "The requested resource exceeds the maximum number allowed.");
}

enum status events_put_targets(struct call *call, const struct events_put_targets_in *in,
                               struct events_put_targets_out *out)
{
    struct events_bus_row bus = {0};
    struct events_rule_row rule = {0};
    struct vec have;
    enum status status = open_rule(call, in->event_bus_name, in->rule, &bus, &rule, &have);
    if (status == STATUS_DONE)
        status = check_count(call, &in->targets, &have);
    for (size_t i = 0; status == STATUS_DONE && i < in->targets.count; i++)
        status = check_target(call, &in->targets.items[i]);
    if (status != STATUS_DONE)
        return status;
    out->failed_entries.is_set = true;
    out->failed_entries.items =
        arena_alloc_array(call->arena, in->targets.count, sizeof(*out->failed_entries.items));
    for (size_t i = 0; i < in->targets.count; i++) {
        const struct events_target *target = &in->targets.items[i];
        struct str problem = entry_problem(call, target);
        if (problem.ptr) {
            out->failed_entries.items[out->failed_entries.count++] =
                (struct events_put_targets_result_entry){
                    .target_id = target->id,
                    .error_code = STR("ValidationException"),
                    .error_message = problem,
                };
            continue;
        }
        int rc = put_target(call, &bus, rule.name, target);
        if (rc < 0)
            return call_fail_internal(call, rc, "events: write a target");
    }
    out->failed_entry_count = opt_i32((int32_t)out->failed_entries.count);
    return events_bus_changed(call, &bus);
}

enum status events_remove_targets(struct call *call, const struct events_remove_targets_in *in,
                                  struct events_remove_targets_out *out)
{
    struct events_bus_row bus = {0};
    struct events_rule_row rule = {0};
    struct vec have;
    enum status status = open_rule(call, in->event_bus_name, in->rule, &bus, &rule, &have);
    if (status != STATUS_DONE)
        return status;
    out->failed_entries.is_set = true;
    out->failed_entry_count = opt_i32(0);
    for (size_t i = 0; i < in->ids.count; i++) {
        /* AWS: an id that is not there is no failure. */
        int rc = events_store_delete_target(call->db, bus.id, rule.name, in->ids.items[i]);
        if (rc < 0)
            return call_fail_internal(call, rc, "events: delete a target");
    }
    return events_bus_changed(call, &bus);
}

enum status events_list_targets_by_rule(struct call *call,
                                        const struct events_list_targets_by_rule_in *in,
                                        struct events_list_targets_by_rule_out *out)
{
    struct events_bus_row bus = {0};
    struct events_rule_row rule = {0};
    struct events_page page = {0};
    struct vec rows;
    vec_init(&rows, call->arena, sizeof(struct events_target_row));
    enum status status = events_get_bus(call, in->event_bus_name, &bus);
    if (status == STATUS_DONE)
        status = events_get_rule(call, &bus, in->rule, &rule);
    if (status == STATUS_DONE)
        status = events_page_begin(call, in->next_token, in->limit, (struct str){0}, &page);
    if (status != STATUS_DONE)
        return status;
    size_t max = page.limit++;
    int rc = events_store_list_targets(call->db, call->arena, bus.id, rule.name, &page, &rows);
    out->targets.is_set = true;
    out->targets.items = arena_alloc_array(call->arena, max + 1, sizeof(*out->targets.items));
    for (size_t i = 0; rc == 0 && i < rows.count && i < max; i++) {
        const struct events_target_row *row = vec_at(&rows, i);
        rc = events_target_of(call->arena, row->body, &out->targets.items[out->targets.count++]);
        if (rows.count > max)
            out->next_token = events_page_token(call, row->id);
    }
    return rc < 0 ? call_fail_internal(call, rc, "events: list targets") : STATUS_DONE;
}
