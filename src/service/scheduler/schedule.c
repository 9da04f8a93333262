/* schedule.c — schedules: create, update, delete, get, list.
 *
 * Docs: EventBridge Scheduler API reference, CreateSchedule; user guide, "Schedule types". An
 * update replaces everything, as AWS's does.
 */
#include "base/arena.h"
#include "base/vec.h"
#include "service/scheduler/scheduler.h"
#include "syntax/base64.h"
#include "syntax/json.h"
#include "wire/identity.h"
#include "wire/protocol.h"

enum {
    MAX_TARGET = 1024 * 1024, /* Input is at most 256 KiB */
    MAX_INPUT = 256 * 1024,   /* AWS: Input */
    START_GRACE_MS = 5 * 60 * 1000,
};

struct str scheduler_arn(struct arena *arena, const struct scheduler_row *row)
{
    return str_format(arena,
                      "arn:aws:scheduler:" STR_FMT ":" STR_FMT ":schedule/" STR_FMT "/" STR_FMT,
                      STR_ARG(row->scope.region), STR_ARG(row->scope.account), STR_ARG(row->group),
                      STR_ARG(row->name));
}

const struct shape *scheduler_target_shape(void)
{
    const struct shape *in = scheduler_operations[SCHEDULER_OP_CREATE_SCHEDULE].in;
    for (size_t i = 0; i < in->member_count; i++) {
        if (str_eq_cstr(in->members[i].name, "Target"))
            return in->members[i].shape;
    }
    CHECK(false);
    return NULL;
}

struct scheduler_target *scheduler_target_of(struct call *call, const struct scheduler_row *row)
{
    struct json *json = NULL;
    struct str message = {0};
    struct scheduler_target *target = arena_alloc(call->arena, sizeof(*target));
    if (json_parse(call->arena, row->target, 0, &json, NULL) < 0 ||
        wire_from_json(call->arena, scheduler_target_shape(), json, target, &message) < 0)
        return NULL;
    return target;
}

/* ---- Checks ---------------------------------------------------------------------------------- */

#define REFUSE(call, ...) call_fail(call, &SCHEDULER_VALIDATION_EXCEPTION, __VA_ARGS__)

static enum status check_times(struct call *call, const struct scheduler_row *row)
{
    struct schedule schedule = {0};
    const struct time_zone *zone = NULL;
    if (schedule_parse(row->expression, &schedule) < 0)
        return REFUSE(call, "Invalid Schedule Expression " STR_FMT ".", STR_ARG(row->expression));
    if (row->zone.ptr && time_zone_load(call->arena, row->zone, &zone) < 0)
        return REFUSE(call, "Invalid ScheduleExpressionTimezone " STR_FMT ".", STR_ARG(row->zone));
    if (row->start_ms != 0 && row->start_ms < call->now_ms - START_GRACE_MS)
        return REFUSE(call, "The StartDate you specify cannot be earlier than 5 minutes ago.");
    if (row->end_ms != 0 && row->end_ms <= call->now_ms)
        return REFUSE(call, "The EndDate you specify must be in the future.");
    if (row->start_ms != 0 && row->end_ms != 0 && row->start_ms >= row->end_ms)
        return REFUSE(call, "The StartDate must come before the EndDate.");
    return STATUS_DONE;
}

static enum status check_window(struct call *call,
                                const struct scheduler_flexible_time_window *window,
                                int64_t *out_minutes)
{
    bool is_flexible = str_eq_cstr(window->mode, "FLEXIBLE");
    *out_minutes = opt_i32_or(window->maximum_window_in_minutes, 0);
    if (is_flexible && *out_minutes == 0)
        return REFUSE(call, "MaximumWindowInMinutes must be provided when using FLEXIBLE flexible "
                            "time window mode.");
    if (!is_flexible && *out_minutes != 0)
        return REFUSE(call, "MaximumWindowInMinutes must not be provided when using OFF flexible "
                            "time window mode.");
    return STATUS_DONE;
}

/* AWS: the role must be passed, and must let the Scheduler assume it when the schedule is made. */
static enum status check_role(struct call *call, struct str group, struct str role_arn)
{
    static const struct str passed_to = STR_INIT(SCHEDULER_PRINCIPAL);
    const struct condition_value condition = {
        .key = STR("iam:PassedToService"), .values = &passed_to, .value_count = 1};
    const struct authorization pass = {
        .action = STR("iam:PassRole"),
        .resource = role_arn,
        .conditions = &condition,
        .condition_count = 1,
    };
    enum status status = call_authorize(call, &pass);
    if (status != STATUS_DONE)
        return status;
    struct principal session = {0};
    struct principal service =
        identity_service(call->arena, call->scope.account, STR(SCHEDULER_PRINCIPAL));
    service.source_arn = scheduler_group_arn(call->arena, call->scope, group);
    int rc = delivery_assume(call, role_arn, &service, &session);
    if (rc < 0)
        return call_fail_internal(call, rc, "scheduler: assume a role");
    return rc == 1 ? STATUS_DONE
                   : REFUSE(call, "The execution role you provide must allow AWS EventBridge "
                                  "Scheduler to assume the role.");
}

static enum status check_parameters(struct call *call, const struct scheduler_target *target,
                                    struct str service)
{
    bool is_bus = str_eq_cstr(service, "events");
    bool has_group = target->sqs_parameters && target->sqs_parameters->message_group_id.len > 0;
    if (str_eq_cstr(service, "sqs") && str_ends_with(target->arn, STR(".fifo")) && !has_group)
        return REFUSE(call, "A MessageGroupId is required for a FIFO queue.");
    if (target->sqs_parameters && !str_eq_cstr(service, "sqs"))
        return REFUSE(call, "SqsParameters are valid for SQS targets only.");
    if (is_bus && !target->event_bridge_parameters)
        return REFUSE(call, "EventBridgeParameters are required for an event bus.");
    if (target->event_bridge_parameters && !is_bus)
        return REFUSE(call, "EventBridgeParameters are valid for event bus targets only.");
    return STATUS_DONE;
}

static enum status check_target(struct call *call, const struct scheduler_target *target,
                                struct str group)
{
    struct str service = {0};
    if (!delivery_split_arn(target->arn, &service, NULL, NULL))
        return REFUSE(call, "Provided Arn is not in correct format.");
    if (target->input.len > MAX_INPUT)
        return REFUSE(call, "Input is longer than %d bytes.", MAX_INPUT);
    if (scheduler_is_universal(target->arn)) {
        struct str problem =
            scheduler_universal_problem(call, target->arn, str_or(target->input, STR("{}")));
        if (problem.ptr)
            return REFUSE(call, STR_FMT, STR_ARG(problem));
    } else if (!delivery_knows(target->arn)) {
        /* DEVIATION: AWS has more kinds of targets. */
        return REFUSE(call, "Targets of this kind are not supported: " STR_FMT ".",
                      STR_ARG(target->arn));
    }
    enum status status = check_parameters(call, target, service);
    return status == STATUS_DONE ? check_role(call, group, target->role_arn) : status;
}

/* ---- Create and update ----------------------------------------------------------------------- */

static struct str non_empty(struct str text)
{
    return text.len > 0 ? text : (struct str){0};
}

/* The inputs of both operations have the same members in the same order. */
static enum status read_input(struct call *call, const struct scheduler_create_schedule_in *in,
                              struct scheduler_row *row)
{
    struct scheduler_group_row group = {0};
    struct buf target;
    *row = (struct scheduler_row){
        .scope = call->scope,
        .group = str_or(in->group_name, STR("default")),
        .name = in->name,
        .expression = in->schedule_expression,
        .zone = non_empty(in->schedule_expression_timezone),
        .description = in->description,
        .kms_key = in->kms_key_arn,
        .state = str_or(in->state, STR("ENABLED")),
        .start_ms = opt_i64_or(in->start_date, 0),
        .end_ms = opt_i64_or(in->end_date, 0),
        .is_deleted_after = str_eq_cstr(in->action_after_completion, "DELETE"),
        .created_at_ms = call->now_ms,
        .modified_at_ms = call->now_ms,
        .token = str_or(in->client_token, STR("")),
    };
    enum status status = scheduler_get_group(call, row->group, &group);
    if (status == STATUS_DONE)
        status = check_times(call, row);
    if (status == STATUS_DONE)
        status = check_window(call, in->flexible_time_window, &row->window_minutes);
    if (status == STATUS_DONE)
        status = check_target(call, in->target, row->group);
    if (status != STATUS_DONE)
        return status;
    buf_init(&target, call->arena, MAX_TARGET);
    wire_to_json(&target, scheduler_target_shape(), in->target);
    row->target = buf_str(&target);
    return STATUS_DONE;
}

static int find(struct call *call, const struct scheduler_row *row, struct scheduler_row *out)
{
    return scheduler_store_find(call->db, call->arena, row->scope, row->group, row->name, out);
}

static enum status save(struct call *call, const struct scheduler_row *row)
{
    int rc = scheduler_store_put(call->db, row);
    return rc < 0 ? call_fail_internal(call, rc, "scheduler: write a schedule")
                  : scheduler_plan(call, row);
}

enum status scheduler_create_schedule(struct call *call,
                                      const struct scheduler_create_schedule_in *in,
                                      struct scheduler_create_schedule_out *out)
{
    struct scheduler_row row = {0};
    struct scheduler_row found = {0};
    enum status status = read_input(call, in, &row);
    if (status != STATUS_DONE)
        return status;
    int rc = find(call, &row, &found);
    if (rc < 0)
        return call_fail_internal(call, rc, "scheduler: find a schedule");
    out->schedule_arn = scheduler_arn(call->arena, &row);
    if (rc == 1 && row.token.len > 0 && str_eq(row.token, found.token))
        return STATUS_DONE;
    if (rc == 1)
        return call_fail(call, &SCHEDULER_CONFLICT_EXCEPTION,
                         "Schedule " STR_FMT " already exists.", STR_ARG(row.name));
    return save(call, &row);
}

static enum status get_schedule(struct call *call, struct str group, struct str name,
                                struct scheduler_row *out)
{
    const struct scheduler_row wanted = {
        .scope = call->scope, .group = str_or(group, STR("default")), .name = name};
    int rc = find(call, &wanted, out);
    if (rc < 0)
        return call_fail_internal(call, rc, "scheduler: find a schedule");
    return rc == 1 ? STATUS_DONE
                   : call_fail(call, &SCHEDULER_RESOURCE_NOT_FOUND_EXCEPTION,
                               "Schedule " STR_FMT " does not exist.", STR_ARG(name));
}

enum status scheduler_update_schedule(struct call *call,
                                      const struct scheduler_update_schedule_in *in,
                                      struct scheduler_update_schedule_out *out)
{
    const struct scheduler_create_schedule_in same = {
        .action_after_completion = in->action_after_completion,
        .description = in->description,
        .end_date = in->end_date,
        .flexible_time_window = in->flexible_time_window,
        .group_name = in->group_name,
        .kms_key_arn = in->kms_key_arn,
        .name = in->name,
        .schedule_expression = in->schedule_expression,
        .schedule_expression_timezone = in->schedule_expression_timezone,
        .start_date = in->start_date,
        .state = in->state,
        .target = in->target,
    };
    struct scheduler_row row = {0};
    struct scheduler_row found = {0};
    enum status status = get_schedule(call, in->group_name, in->name, &found);
    if (status == STATUS_DONE)
        status = read_input(call, &same, &row);
    if (status != STATUS_DONE)
        return status;
    row.created_at_ms = found.created_at_ms;
    out->schedule_arn = scheduler_arn(call->arena, &row);
    return save(call, &row);
}

enum status scheduler_delete_schedule(struct call *call,
                                      const struct scheduler_delete_schedule_in *in,
                                      struct scheduler_delete_schedule_out *out)
{
    (void)out;
    struct scheduler_row row = {0};
    enum status status = get_schedule(call, in->group_name, in->name, &row);
    if (status != STATUS_DONE)
        return status;
    int rc = scheduler_store_delete(call->db, row.scope, row.group, row.name);
    return rc < 0 ? call_fail_internal(call, rc, "scheduler: delete a schedule")
                  : scheduler_cancel(call, &row);
}

/* ---- Get and list ---------------------------------------------------------------------------- */

static struct opt_i64 time_or_none(int64_t ms)
{
    return ms != 0 ? opt_i64(ms) : (struct opt_i64){0};
}

enum status scheduler_get_schedule(struct call *call, const struct scheduler_get_schedule_in *in,
                                   struct scheduler_get_schedule_out *out)
{
    struct scheduler_row row = {0};
    enum status status = get_schedule(call, in->group_name, in->name, &row);
    if (status != STATUS_DONE)
        return status;
    struct scheduler_flexible_time_window *window = arena_alloc(call->arena, sizeof(*window));
    window->mode = row.window_minutes > 0 ? STR("FLEXIBLE") : STR("OFF");
    if (row.window_minutes > 0)
        window->maximum_window_in_minutes = opt_i32((int32_t)row.window_minutes);
    *out = (struct scheduler_get_schedule_out){
        .action_after_completion = row.is_deleted_after ? STR("DELETE") : STR("NONE"),
        .arn = scheduler_arn(call->arena, &row),
        .creation_date = opt_i64(row.created_at_ms),
        .description = row.description,
        .end_date = time_or_none(row.end_ms),
        .flexible_time_window = window,
        .group_name = row.group,
        .kms_key_arn = row.kms_key,
        .last_modification_date = opt_i64(row.modified_at_ms),
        .name = row.name,
        .schedule_expression = row.expression,
        .schedule_expression_timezone = str_or(row.zone, STR("UTC")),
        .start_date = time_or_none(row.start_ms),
        .state = row.state,
        .target = scheduler_target_of(call, &row),
    };
    return STATUS_DONE;
}

static struct scheduler_schedule_summary summary_of(struct call *call,
                                                    const struct scheduler_row *row)
{
    const struct scheduler_target *target = scheduler_target_of(call, row);
    struct scheduler_target_summary *summary = arena_alloc(call->arena, sizeof(*summary));
    summary->arn = target ? target->arn : STR("");
    return (struct scheduler_schedule_summary){
        .arn = scheduler_arn(call->arena, row),
        .creation_date = opt_i64(row->created_at_ms),
        .group_name = row->group,
        .last_modification_date = opt_i64(row->modified_at_ms),
        .name = row->name,
        .state = row->state,
        .target = summary,
    };
}

enum status scheduler_list_schedules(struct call *call,
                                     const struct scheduler_list_schedules_in *in,
                                     struct scheduler_list_schedules_out *out)
{
    struct scheduler_page page = {0};
    struct scheduler_group_row group = {0};
    struct vec rows;
    vec_init(&rows, call->arena, sizeof(struct scheduler_row));
    enum status status =
        scheduler_page_begin(call, in->next_token, in->max_results, in->name_prefix, &page);
    if (status == STATUS_DONE && in->group_name.ptr)
        status = scheduler_get_group(call, in->group_name, &group);
    if (status != STATUS_DONE)
        return status;
    size_t max = page.limit++;
    int rc = scheduler_store_list(call->db, call->arena, call->scope,
                                  str_or(in->group_name, STR("")), in->state, &page, &rows);
    if (rc < 0)
        return call_fail_internal(call, rc, "scheduler: list schedules");
    out->schedules.is_set = true;
    out->schedules.items = arena_alloc_array(call->arena, max + 1, sizeof(*out->schedules.items));
    for (size_t i = 0; i < rows.count && i < max; i++) {
        const struct scheduler_row *row = vec_at(&rows, i);
        out->schedules.items[out->schedules.count++] = summary_of(call, row);
        if (rows.count > max)
            out->next_token = base64url_encode_str(
                call->arena, in->group_name.ptr
                                 ? row->name
                                 : str_concat3(call->arena, row->group, STR("/"), row->name));
    }
    return STATUS_DONE;
}
