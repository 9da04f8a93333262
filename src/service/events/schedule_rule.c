/* schedule_rule.c — rules with rate() and cron(): a workflow per rule, due when the rule is.
 *
 * A step hands a "Scheduled Event" to the rule's targets and is due again at the next time. Times
 * are those of the movable clock: a clock moved on by an hour runs a rate of one minute sixty
 * times.
 *
 * DEVIATION: after a pause of more than a day (the program was not running, or the clock was moved
 * further) the times before the last day are left out. AWS is never down that long.
 */
#include "service/events/schedule_rule.h"

#include "base/arena.h"
#include "base/vec.h"
#include "engine/events/schedule.h"
#include "syntax/json.h"
#include "wire/protocol.h"

#define RULE_WORKFLOW "events.rule"

enum {
    MAX_BEHIND_MS = 24 * 60 * 60 * 1000,
};

enum status events_schedule_rule(struct call *call, const struct events_bus_row *bus,
                                 const struct events_rule_row *rule)
{
    struct schedule schedule = {0};
    struct str arn = events_rule_arn(call->arena, bus->scope, bus->name, rule->name);
    enum status status = workflow_stop(call, STR(RULE_WORKFLOW), arn);
    bool is_due = rule->schedule.len > 0 && str_starts_with(rule->state, STR("ENABLED"));
    if (status != STATUS_DONE || !is_due || schedule_parse(rule->schedule, &schedule) < 0)
        return status;
    int64_t next_ms = schedule_next(&schedule, NULL, rule->scheduled_at_ms, call->now_ms);
    if (next_ms < 0)
        return STATUS_DONE;
    struct json *state = json_new(call->arena, JSON_OBJECT);
    json_append_member(state, STR("At"), json_new_number(call->arena, next_ms));
    return workflow_start_at(call, STR(RULE_WORKFLOW), arn, state, next_ms);
}

/* AWS: {"source": "aws.events", "detail-type": "Scheduled Event", "resources": [rule], "detail":
 * {}}
 */
static enum status fire(struct call *call, const struct events_bus_row *bus,
                        const struct events_rule_row *rule, int64_t at_ms)
{
    const struct events_page page = {.after = STR(""), .prefix = STR(""), .limit = 1000};
    struct str arn = events_rule_arn(call->arena, bus->scope, bus->name, rule->name);
    struct vec targets;
    vec_init(&targets, call->arena, sizeof(struct events_target_row));
    int rc = events_store_list_targets(call->db, call->arena, bus->id, rule->name, &page, &targets);
    if (rc < 0)
        return call_fail_internal(call, rc, "events: list targets");
    const struct events_draft draft = {
        .source = STR("aws.events"),
        .detail_type = STR("Scheduled Event"),
        .time_ms = at_ms,
        .resources = &arn,
        .resource_count = 1,
        .detail = json_new(call->arena, JSON_OBJECT),
    };
    struct events_event event = {0};
    events_build(call, bus->scope, &draft, &event);
    event.text = json_to_str(call->arena, event.tree);
    for (size_t i = 0; i < targets.count; i++) {
        const struct events_target_row *row = vec_at(&targets, i);
        struct events_target target = {0};
        rc = events_target_of(call->arena, row->body, &target);
        if (rc < 0)
            return call_fail_internal(call, rc, "events: read a target");
        enum status status = events_deliver(call, arn, bus->scope, &target, &event);
        if (status != STATUS_DONE)
            return status;
    }
    return STATUS_DONE;
}

static enum status step(struct call *call, struct workflow *workflow, enum workflow_next *out_next)
{
    struct scope scope = {0};
    struct str kind = {0};
    struct str resource = {0};
    struct str bus_name = {0};
    struct str name = {0};
    struct events_bus_row bus = {0};
    struct events_rule_row rule = {0};
    struct schedule schedule = {0};
    int64_t at_ms = 0;
    const struct json *at = json_find_cstr(workflow->state, "At");
    *out_next = WORKFLOW_DONE;
    if (!at || str_to_i64(at->text, &at_ms) < 0 ||
        !events_split_arn(workflow->id, &scope, &kind, &resource))
        return STATUS_DONE;
    events_split_rule(resource, &bus_name, &name);
    int rc = events_find_bus(call, scope, bus_name, &bus);
    if (rc > 0)
        rc = events_store_find_rule(call->db, call->arena, bus.id, name, &rule);
    if (rc < 0)
        return call_fail_internal(call, rc, "events: find a rule");
    if (rc == 0 || schedule_parse(rule.schedule, &schedule) < 0)
        return STATUS_DONE;
    enum status status = STATUS_DONE;
    bool is_early = at_ms > call->now_ms; /* the clock was set back */
    if (is_early)
        at_ms = call->now_ms;
    else
        status = fire(call, &bus, &rule, at_ms);
    int64_t after_ms = at_ms > call->now_ms - MAX_BEHIND_MS ? at_ms : call->now_ms - MAX_BEHIND_MS;
    int64_t start_ms = rule.scheduled_at_ms < call->now_ms ? rule.scheduled_at_ms : call->now_ms;
    int64_t next_ms = schedule_next(&schedule, NULL, start_ms, after_ms);
    if (status != STATUS_DONE || next_ms < 0)
        return status;
    json_set(workflow->state, STR("At"), json_new_number(call->arena, next_ms));
    workflow->run_at_ms = next_ms;
    *out_next = WORKFLOW_AGAIN;
    return STATUS_DONE;
}

const struct workflow_kind events_rule_kind = {
    .name = STR_INIT(RULE_WORKFLOW),
    .step = step,
};
