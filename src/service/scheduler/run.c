/* run.c — schedules by the clock: a workflow each, due when the schedule is.
 *
 * The workflow's state is the time that the next invocation is for ("At"); with a flexible window
 * it is due at a random moment in the window behind it. A step delivers to the target
 * (engine/events/delivery.h) and plans the next time. Times are those of the movable clock.
 *
 * DEVIATION: after a pause of more than a day the times before the last day are left out, as in
 * rules with schedules.
 *
 * Docs: EventBridge Scheduler user guide, "Schedule types", "Dead-letter queue", "Adding context
 * attributes".
 */
#include "base/arena.h"
#include "base/rand.h"
#include "service/scheduler/scheduler.h"
#include "syntax/json.h"
#include "syntax/time.h"

#define SCHEDULE_WORKFLOW "scheduler.schedule"

enum {
    MINUTE_MS = 60 * 1000,
    MAX_BEHIND_MS = 24 * 60 * MINUTE_MS,
    DEFAULT_RETRIES = 185,        /* AWS: MaximumRetryAttempts */
    DEFAULT_AGE_S = 24 * 60 * 60, /* AWS: MaximumEventAgeInSeconds */
};

/* ---- Planning -------------------------------------------------------------------------------- */

/* The first time after `after_ms`, or -1. AWS: a rate begins at its start date, or at once. */
static int64_t next_time(struct call *call, const struct scheduler_row *row, int64_t after_ms)
{
    struct schedule schedule = {0};
    const struct time_zone *zone = NULL;
    int64_t next_ms = -1;
    if (schedule_parse(row->expression, &schedule) < 0 ||
        (row->zone.ptr && time_zone_load(call->arena, row->zone, &zone) < 0))
        return -1;
    if (schedule.kind == SCHEDULE_AT) /* AWS: start and end dates are not for one-time schedules */
        return schedule_next(&schedule, zone, 0, after_ms);
    if (schedule.kind == SCHEDULE_RATE) {
        int64_t made_ms = row->modified_at_ms < call->now_ms ? row->modified_at_ms : call->now_ms;
        int64_t start_ms = row->start_ms != 0 ? row->start_ms : made_ms;
        next_ms =
            after_ms < start_ms ? start_ms : schedule_next(&schedule, NULL, start_ms, after_ms);
    } else {
        int64_t from_ms = row->start_ms > after_ms ? row->start_ms - 1 : after_ms;
        next_ms = schedule_next(&schedule, zone, 0, from_ms);
    }
    return row->end_ms != 0 && next_ms > row->end_ms ? -1 : next_ms;
}

static int64_t within_window(const struct scheduler_row *row, int64_t at_ms)
{
    if (row->window_minutes == 0)
        return at_ms;
    return at_ms + (int64_t)rand_below((uint64_t)row->window_minutes * MINUTE_MS);
}

enum status scheduler_cancel(struct call *call, const struct scheduler_row *row)
{
    return workflow_stop(call, STR(SCHEDULE_WORKFLOW), scheduler_arn(call->arena, row));
}

enum status scheduler_plan(struct call *call, const struct scheduler_row *row)
{
    enum status status = scheduler_cancel(call, row);
    if (status != STATUS_DONE || !str_eq_cstr(row->state, "ENABLED"))
        return status;
    int64_t at_ms = next_time(call, row, call->now_ms - 1);
    if (at_ms < 0)
        return STATUS_DONE;
    struct json *state = json_new(call->arena, JSON_OBJECT);
    json_append_member(state, STR("At"), json_new_number(call->arena, at_ms));
    return workflow_start_at(call, STR(SCHEDULE_WORKFLOW), scheduler_arn(call->arena, row), state,
                             within_window(row, at_ms));
}

/* ---- Invoking -------------------------------------------------------------------------------- */

/* One invocation. */
struct invocation {
    const struct scheduler_row *row;
    const struct scheduler_target *target;
    struct str arn;
    struct str id;
    int64_t at_ms;
};

static void add_text(struct call *call, struct json *object, struct str name, struct str text)
{
    json_append_member(object, name, json_new_string(call->arena, text));
}

static struct str fill(struct call *call, const struct invocation *invocation, struct str input)
{
    const struct {
        struct str name;
        struct str value;
    } attributes[] = {
        {STR("<aws.scheduler.schedule-arn>"), invocation->arn},
        {STR("<aws.scheduler.scheduled-time>"), time_rfc3339(call->arena, invocation->at_ms)},
        {STR("<aws.scheduler.execution-id>"), invocation->id},
        {STR("<aws.scheduler.attempt-number>"), STR("1")},
    };
    for (size_t i = 0; i < ARRAY_LEN(attributes); i++) {
        if (str_contains(input, attributes[i].name))
            input = str_replace(call->arena, input, attributes[i].name, attributes[i].value);
    }
    return input;
}

/* AWS: what targets get that are given no input; with `detail`, what a bus gets. */
static struct str event_text(struct call *call, const struct invocation *invocation,
                             struct str detail_type, struct str source, struct json *detail)
{
    struct json *event = json_new(call->arena, JSON_OBJECT);
    struct json *resources = json_new(call->arena, JSON_ARRAY);
    json_append(resources, json_new_string(call->arena, invocation->arn));
    add_text(call, event, STR("version"), STR("0"));
    add_text(call, event, STR("id"), invocation->id);
    add_text(call, event, STR("detail-type"), detail_type);
    add_text(call, event, STR("source"), source);
    add_text(call, event, STR("account"), invocation->row->scope.account);
    add_text(call, event, STR("time"), time_rfc3339(call->arena, invocation->at_ms));
    add_text(call, event, STR("region"), invocation->row->scope.region);
    json_append_member(event, STR("resources"), resources);
    json_append_member(event, STR("detail"), detail);
    return json_to_str(call->arena, event);
}

static struct str body_of(struct call *call, const struct invocation *invocation)
{
    const struct scheduler_target *target = invocation->target;
    const struct scheduler_event_bridge_parameters *bus = target->event_bridge_parameters;
    struct str input = target->input.len > 0 ? fill(call, invocation, target->input) : STR("");
    struct json *detail = NULL;
    if (bus) {
        if (json_parse(call->arena, input, 0, &detail, NULL) < 0 || !json_is_object(detail))
            detail = json_new(call->arena, JSON_OBJECT);
        return event_text(call, invocation, bus->detail_type, bus->source, detail);
    }
    if (input.len > 0)
        return input;
    if (scheduler_is_universal(target->arn))
        return STR("{}");
    return event_text(call, invocation, STR("Scheduled Event"), STR("aws.scheduler"),
                      json_new_string(call->arena, STR("{}")));
}

static struct json *letter_extra(struct call *call, const struct invocation *invocation)
{
    const struct {
        struct str name;
        struct str value;
    } attributes[] = {
        {STR("EXECUTION_ID"), invocation->id},
        {STR("IS_PAYLOAD_TRUNCATED"), STR("false")},
        {STR("SCHEDULED_TIME"), time_rfc3339(call->arena, invocation->at_ms)},
        {STR("SCHEDULE_ARN"), invocation->arn},
        {STR("TARGET_ARN"), invocation->target->arn},
    };
    struct json *extra = json_new(call->arena, JSON_OBJECT);
    struct json *all = json_new(call->arena, JSON_OBJECT);
    for (size_t i = 0; i < ARRAY_LEN(attributes); i++) {
        struct json *attribute = json_new(call->arena, JSON_OBJECT);
        add_text(call, attribute, STR("DataType"), STR("String"));
        add_text(call, attribute, STR("StringValue"), attributes[i].value);
        json_append_member(all, attributes[i].name, attribute);
    }
    json_append_member(extra, STR("MessageAttributes"), all);
    return extra;
}

/* AWS: the source of a trust policy's conditions is the schedule group. */
static enum status invoke(struct call *call, const struct invocation *invocation)
{
    const struct scheduler_target *target = invocation->target;
    const struct scheduler_retry_policy *retry = target->retry_policy;
    struct json *extra = json_new(call->arena, JSON_OBJECT);
    if (target->sqs_parameters && target->sqs_parameters->message_group_id.len > 0)
        add_text(call, extra, STR("MessageGroupId"), target->sqs_parameters->message_group_id);
    struct delivery delivery = {
        .target = target->arn,
        .body = body_of(call, invocation),
        .extra = extra,
        .role_arn = target->role_arn,
        .service = STR(SCHEDULER_PRINCIPAL),
        .source_arn =
            scheduler_group_arn(call->arena, invocation->row->scope, invocation->row->group),
        .source_account = invocation->row->scope.account,
        .policy =
            {
                .max_attempts =
                    (uint32_t)(retry ? opt_i32_or(retry->maximum_retry_attempts, DEFAULT_RETRIES)
                                     : DEFAULT_RETRIES) +
                    1,
                .max_age_ms =
                    (retry ? opt_i32_or(retry->maximum_event_age_in_seconds, DEFAULT_AGE_S)
                           : DEFAULT_AGE_S) *
                    1000LL,
            },
    };
    if (target->dead_letter_config && target->dead_letter_config->arn.len > 0) {
        delivery.dead_letter_arn = target->dead_letter_config->arn;
        delivery.dead_letter_role_arn = target->role_arn;
        delivery.dead_letter_extra = letter_extra(call, invocation);
        delivery.has_error_attributes = true;
    }
    return delivery_send(call, &delivery, NULL);
}

/* ---- The workflow ---------------------------------------------------------------------------- */

/* The schedule of a workflow's id. 1, 0 or -errno. */
static int find_row(struct call *call, struct str arn, struct scheduler_row *out)
{
    struct scope scope = {0};
    struct str rest = {0};
    struct str kind = {0};
    struct str group = {0};
    if (!delivery_split_arn(arn, NULL, &scope, &rest) || !str_split_next(&rest, '/', &kind) ||
        !str_split_next(&rest, '/', &group) || !rest.ptr)
        return 0;
    return scheduler_store_find(call->db, call->arena, scope, group, rest, out);
}

static enum status finish(struct call *call, const struct scheduler_row *row)
{
    if (!row->is_deleted_after)
        return STATUS_DONE;
    int rc = scheduler_store_delete(call->db, row->scope, row->group, row->name);
    return rc < 0 ? call_fail_internal(call, rc, "scheduler: delete a schedule") : STATUS_DONE;
}

static enum status step(struct call *call, struct workflow *workflow, enum workflow_next *out_next)
{
    struct scheduler_row row = {0};
    const struct json *at = json_find_cstr(workflow->state, "At");
    int64_t at_ms = 0;
    *out_next = WORKFLOW_DONE;
    int rc = find_row(call, workflow->id, &row);
    if (rc < 0)
        return call_fail_internal(call, rc, "scheduler: find a schedule");
    if (rc == 0 || !at || str_to_i64(at->text, &at_ms) < 0)
        return STATUS_DONE;
    const struct invocation invocation = {
        .row = &row,
        .target = scheduler_target_of(call, &row),
        .arn = workflow->id,
        .id = rand_uuid(call->arena),
        .at_ms = at_ms,
    };
    bool is_early = at_ms > call->now_ms; /* the clock was set back */
    if (is_early)
        at_ms = call->now_ms;
    enum status status = invocation.target && !is_early ? invoke(call, &invocation) : STATUS_DONE;
    if (status != STATUS_DONE)
        return status;
    int64_t after_ms = at_ms > call->now_ms - MAX_BEHIND_MS ? at_ms : call->now_ms - MAX_BEHIND_MS;
    int64_t next_ms = next_time(call, &row, after_ms);
    if (next_ms < 0)
        return finish(call, &row);
    json_set(workflow->state, STR("At"), json_new_number(call->arena, next_ms));
    workflow->run_at_ms = within_window(&row, next_ms);
    *out_next = WORKFLOW_AGAIN;
    return STATUS_DONE;
}

const struct workflow_kind scheduler_kind = {
    .name = STR_INIT(SCHEDULE_WORKFLOW),
    .step = step,
};
