/* rule.c — rules: an event pattern, a schedule, or both.
 *
 * Docs: EventBridge API reference, PutRule. A rule that is put again is replaced but for its tags,
 * and keeps its targets.
 */
#include "base/arena.h"
#include "base/vec.h"
#include "engine/events/schedule.h"
#include "service/events/events.h"
#include "service/events/schedule_rule.h"
#include "syntax/json.h"

enum status events_check_pattern(struct call *call, struct str text)
{
    const struct event_pattern *pattern = NULL;
    struct str reason = {0};
    if (event_pattern_compile(call->arena, text, &pattern, &reason) == 0)
        return STATUS_DONE;
    return call_fail(call, &EVENTS_INVALID_EVENT_PATTERN_EXCEPTION,
                     "Event pattern is not valid. Reason: " STR_FMT, STR_ARG(reason));
}

static enum status rule_missing(struct call *call, const struct events_bus_row *bus,
                                struct str name)
{
    return call_fail(call, &EVENTS_RESOURCE_NOT_FOUND_EXCEPTION,
                     "Rule " STR_FMT " does not exist on EventBus " STR_FMT ".", STR_ARG(name),
                     STR_ARG(bus->name));
}

enum status events_get_rule(struct call *call, const struct events_bus_row *bus, struct str name,
                            struct events_rule_row *out)
{
    int rc = events_store_find_rule(call->db, call->arena, bus->id, name, out);
    if (rc < 0)
        return call_fail_internal(call, rc, "events: find a rule");
    return rc == 1 ? STATUS_DONE : rule_missing(call, bus, name);
}

static enum status check_rule(struct call *call, const struct events_put_rule_in *in,
                              const struct events_bus_row *bus)
{
    struct schedule schedule = {0};
    bool has_schedule = in->schedule_expression.len > 0;
    if (!has_schedule && in->event_pattern.len == 0)
        return call_fail(call, &ERROR_VALIDATION,
                         "Parameter(s) EventPattern or ScheduleExpression must be specified.");
    /* OBSERVED: AWS's text; schedules live on the default bus. */
    if (has_schedule && !str_eq_cstr(bus->name, "default"))
        return call_fail(call, &ERROR_VALIDATION,
                         "ScheduleExpression is supported only on the default event bus.");
    if (has_schedule &&
        (schedule_parse(in->schedule_expression, &schedule) < 0 || schedule.kind == SCHEDULE_AT))
        return call_fail(call, &ERROR_VALIDATION, "Parameter ScheduleExpression is not valid.");
    if (in->event_pattern.len == 0)
        return STATUS_DONE;
    return events_check_pattern(call, in->event_pattern);
}

static enum status check_room(struct call *call, const struct events_bus_row *bus)
{
    int64_t count = 0;
    int rc = events_store_count_rules(call->db, bus->id, &count);
    if (rc < 0)
        return call_fail_internal(call, rc, "events: count rules");
    return count < EVENTS_MAX_RULES
               ? STATUS_DONE
               : call_fail(call, &EVENTS_LIMIT_EXCEEDED_EXCEPTION,
                           "The requested resource exceeds the maximum number allowed.");
}

/* Writes the rule, and starts or stops its schedule. */
static enum status save(struct call *call, const struct events_bus_row *bus,
                        const struct events_rule_row *rule)
{
    int rc = events_store_put_rule(call->db, rule);
    if (rc < 0)
        return call_fail_internal(call, rc, "events: write a rule");
    enum status status = events_bus_changed(call, bus);
    return status == STATUS_DONE ? events_schedule_rule(call, bus, rule) : status;
}

static struct str non_empty(struct str text)
{
    return text.len > 0 ? text : (struct str){0};
}

enum status events_put_rule(struct call *call, const struct events_put_rule_in *in,
                            struct events_put_rule_out *out)
{
    struct events_bus_row bus = {0};
    struct events_rule_row old = {0};
    enum status status = events_open_bus(call, in->event_bus_name, &bus);
    if (status == STATUS_DONE)
        status = check_rule(call, in, &bus);
    if (status == STATUS_DONE)
        status = events_pass_role(call, non_empty(in->role_arn));
    if (status != STATUS_DONE)
        return status;
    int found = events_store_find_rule(call->db, call->arena, bus.id, in->name, &old);
    if (found < 0)
        return call_fail_internal(call, found, "events: find a rule");
    struct events_rule_row rule = {
        .bus_id = bus.id,
        .name = in->name,
        .pattern = non_empty(in->event_pattern),
        .schedule = non_empty(in->schedule_expression),
        .description = in->description,
        .role_arn = non_empty(in->role_arn),
        .state = str_or(in->state, STR("ENABLED")),
        .tags = old.tags,
        .created_by = call->scope.account,
        .scheduled_at_ms = call->now_ms,
    };
    if (found == 0)
        status = check_room(call, &bus);
    if (status == STATUS_DONE && found == 0)
        status = events_put_tags(call, STR(""), &in->tags, &rule.tags);
    if (status != STATUS_DONE)
        return status;
    /* A rate goes on as it was unless it is another one. */
    if (found == 1 && str_eq(old.schedule, rule.schedule) && str_eq(old.state, rule.state))
        rule.scheduled_at_ms = old.scheduled_at_ms;
    out->rule_arn = events_rule_arn(call->arena, bus.scope, bus.name, rule.name);
    return save(call, &bus, &rule);
}

static enum status set_state(struct call *call, struct str bus_name, struct str name,
                             struct str state)
{
    struct events_bus_row bus = {0};
    struct events_rule_row rule = {0};
    enum status status = events_open_bus(call, bus_name, &bus);
    if (status == STATUS_DONE)
        status = events_get_rule(call, &bus, name, &rule);
    if (status != STATUS_DONE)
        return status;
    if (!str_eq(rule.state, state))
        rule.scheduled_at_ms = call->now_ms;
    rule.state = state;
    return save(call, &bus, &rule);
}

enum status events_enable_rule(struct call *call, const struct events_enable_rule_in *in,
                               struct events_enable_rule_out *out)
{
    (void)out;
    return set_state(call, in->event_bus_name, in->name, STR("ENABLED"));
}

enum status events_disable_rule(struct call *call, const struct events_disable_rule_in *in,
                                struct events_disable_rule_out *out)
{
    (void)out;
    return set_state(call, in->event_bus_name, in->name, STR("DISABLED"));
}

/* AWS: a rule that is not there counts as deleted; one with targets stays. */
enum status events_delete_rule(struct call *call, const struct events_delete_rule_in *in,
                               struct events_delete_rule_out *out)
{
    (void)out;
    struct events_bus_row bus = {0};
    struct events_rule_row rule = {0};
    enum status status = events_open_bus(call, in->event_bus_name, &bus);
    if (status != STATUS_DONE)
        return status;
    int rc = events_store_find_rule(call->db, call->arena, bus.id, in->name, &rule);
    if (rc == 0)
        return STATUS_DONE;
    const struct events_page page = {.after = STR(""), .prefix = STR(""), .limit = 1};
    struct vec targets;
    vec_init(&targets, call->arena, sizeof(struct events_target_row));
    if (rc > 0)
        rc = events_store_list_targets(call->db, call->arena, bus.id, rule.name, &page, &targets);
    if (rc == 0 && targets.count > 0)
        return call_fail(call, &ERROR_VALIDATION, "Rule can't be deleted since it has targets.");
    if (rc == 0)
        rc = events_store_delete_rule(call->db, bus.id, rule.name);
    if (rc < 0)
        return call_fail_internal(call, rc, "events: delete a rule");
    rule.schedule = (struct str){0};
    status = events_bus_changed(call, &bus);
    return status == STATUS_DONE ? events_schedule_rule(call, &bus, &rule) : status;
}

enum status events_describe_rule(struct call *call, const struct events_describe_rule_in *in,
                                 struct events_describe_rule_out *out)
{
    struct events_bus_row bus = {0};
    struct events_rule_row rule = {0};
    enum status status = events_get_bus(call, in->event_bus_name, &bus);
    if (status == STATUS_DONE)
        status = events_get_rule(call, &bus, in->name, &rule);
    if (status != STATUS_DONE)
        return status;
    *out = (struct events_describe_rule_out){
        .name = rule.name,
        .arn = events_rule_arn(call->arena, bus.scope, bus.name, rule.name),
        .event_pattern = rule.pattern,
        .schedule_expression = rule.schedule,
        .state = rule.state,
        .description = rule.description,
        .role_arn = rule.role_arn,
        .event_bus_name = bus.name,
        .created_by = rule.created_by,
    };
    return STATUS_DONE;
}

enum status events_list_rules(struct call *call, const struct events_list_rules_in *in,
                              struct events_list_rules_out *out)
{
    struct events_bus_row bus = {0};
    struct events_page page = {0};
    struct vec rules;
    vec_init(&rules, call->arena, sizeof(struct events_rule_row));
    enum status status = events_get_bus(call, in->event_bus_name, &bus);
    if (status == STATUS_DONE)
        status = events_page_begin(call, in->next_token, in->limit, in->name_prefix, &page);
    if (status != STATUS_DONE)
        return status;
    size_t max = page.limit++;
    int rc = events_store_list_rules(call->db, call->arena, bus.id, &page, &rules);
    if (rc < 0)
        return call_fail_internal(call, rc, "events: list rules");
    out->rules.is_set = true;
    out->rules.items = arena_alloc_array(call->arena, max + 1, sizeof(*out->rules.items));
    for (size_t i = 0; i < rules.count && i < max; i++) {
        const struct events_rule_row *rule = vec_at(&rules, i);
        out->rules.items[out->rules.count++] = (struct events_rule){
            .name = rule->name,
            .arn = events_rule_arn(call->arena, bus.scope, bus.name, rule->name),
            .event_pattern = rule->pattern,
            .state = rule->state,
            .description = rule->description,
            .schedule_expression = rule->schedule,
            .role_arn = rule->role_arn,
            .event_bus_name = bus.name,
        };
        if (rules.count > max)
            out->next_token = events_page_token(call, rule->name);
    }
    return STATUS_DONE;
}

enum status events_list_rule_names_by_target(struct call *call,
                                             const struct events_list_rule_names_by_target_in *in,
                                             struct events_list_rule_names_by_target_out *out)
{
    struct events_bus_row bus = {0};
    struct events_page page = {0};
    struct vec names;
    vec_init(&names, call->arena, sizeof(struct str));
    enum status status = events_get_bus(call, in->event_bus_name, &bus);
    if (status == STATUS_DONE)
        status = events_page_begin(call, in->next_token, in->limit, (struct str){0}, &page);
    if (status != STATUS_DONE)
        return status;
    size_t max = page.limit++;
    int rc = events_store_list_rules_by_target(call->db, call->arena, bus.id, in->target_arn, &page,
                                               &names);
    if (rc < 0)
        return call_fail_internal(call, rc, "events: list rules by target");
    out->rule_names.is_set = true;
    out->rule_names.items = names.items;
    out->rule_names.count = names.count < max ? names.count : max;
    if (names.count > max)
        out->next_token = events_page_token(call, out->rule_names.items[max - 1]);
    return STATUS_DONE;
}

/* AWS: the event must have the mandatory fields. */
enum status events_test_event_pattern(struct call *call,
                                      const struct events_test_event_pattern_in *in,
                                      struct events_test_event_pattern_out *out)
{
    static const char *const fields[] = {"id",     "account",   "source",     "time",
                                         "region", "resources", "detail-type"};
    const struct event_pattern *pattern = NULL;
    struct str reason = {0};
    struct json *event = NULL;
    if (event_pattern_compile(call->arena, in->event_pattern, &pattern, &reason) < 0)
        return call_fail(call, &EVENTS_INVALID_EVENT_PATTERN_EXCEPTION,
                         "Event pattern is not valid. Reason: " STR_FMT, STR_ARG(reason));
    bool is_event = json_parse(call->arena, in->event, 0, &event, NULL) == 0;
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        is_event = is_event && json_find_cstr(event, fields[i]);
    if (!is_event)
        return call_fail(call, &ERROR_VALIDATION, "Parameter Event is not valid.");
    out->result = opt_bool(event_pattern_matches(pattern, event));
    return STATUS_DONE;
}
