/* deliver.c — one event to one target: what it gets, who brings it, and what if it does not take
 * it.
 *
 * Docs: EventBridge user guide, "Retry policy", "Using dead-letter queues": by default 185 attempts
 * in 24 hours; a dead letter is the event itself, with attributes that name rule, target and error.
 */
#include "base/arena.h"
#include "service/events/events.h"
#include "service/events/transform.h"
#include "syntax/json.h"

enum {
    DEFAULT_RETRIES = 185,        /* AWS: MaximumRetryAttempts */
    DEFAULT_AGE_S = 24 * 60 * 60, /* AWS: MaximumEventAgeInSeconds */
    MIN_DELAY_MS = 1000,
    MAX_DELAY_MS = 10 * 60 * 1000,
};

struct event_path *events_paths_of(struct arena *arena,
                                   const struct events_input_transformer *transformer)
{
    size_t count = transformer->input_paths_map.count;
    struct event_path *paths = arena_alloc_array(arena, count + 1, sizeof(*paths));
    for (size_t i = 0; i < count; i++)
        paths[i] = (struct event_path){
            .name = transformer->input_paths_map.items[i].key,
            .path = transformer->input_paths_map.items[i].value,
        };
    return paths;
}

/* AWS: buses get the event as it is. */
static struct str body_for(struct call *call, struct str rule_arn,
                           const struct events_target *target, const struct events_event *event)
{
    if (target->input.ptr)
        return target->input;
    if (target->input_path.len > 0) {
        const struct json *part = event_path_find(call->arena, target->input_path, event->tree);
        return part ? json_to_str(call->arena, part) : STR("null");
    }
    if (!target->input_transformer)
        return event->text;
    const struct event_variables variables = {
        .event = event->tree,
        .rule_arn = rule_arn,
        .ingested_at_ms = call->now_ms,
    };
    return event_template_fill(call->arena, target->input_transformer->input_template,
                               events_paths_of(call->arena, target->input_transformer),
                               target->input_transformer->input_paths_map.count, &variables);
}

static void add_text(struct call *call, struct json *object, struct str name, struct str text)
{
    if (text.len > 0)
        json_set(object, name, json_new_string(call->arena, text));
}

/* AWS: values of HttpParameters may be paths into the event. */
static struct json *http_value(struct call *call, struct str text, const struct events_event *event)
{
    const struct json *found =
        event_path_is_valid(text) ? event_path_find(call->arena, text, event->tree) : NULL;
    struct str value = !found                  ? text
                       : json_is_string(found) ? found->text
                                               : json_to_str(call->arena, found);
    return json_new_string(call->arena, value);
}

static struct json *http_parameters(struct call *call,
                                    const struct events_http_parameters *parameters,
                                    const struct events_event *event)
{
    struct json *object = json_new(call->arena, JSON_OBJECT);
    struct json *paths = json_new(call->arena, JSON_ARRAY);
    struct json *headers = json_new(call->arena, JSON_OBJECT);
    struct json *query = json_new(call->arena, JSON_OBJECT);
    for (size_t i = 0; i < parameters->path_parameter_values.count; i++)
        json_append(paths, http_value(call, parameters->path_parameter_values.items[i], event));
    for (size_t i = 0; i < parameters->header_parameters.count; i++)
        json_set(headers, parameters->header_parameters.items[i].key,
                 http_value(call, parameters->header_parameters.items[i].value, event));
    for (size_t i = 0; i < parameters->query_string_parameters.count; i++)
        json_set(query, parameters->query_string_parameters.items[i].key,
                 http_value(call, parameters->query_string_parameters.items[i].value, event));
    json_append_member(object, STR("PathParameterValues"), paths);
    json_append_member(object, STR("HeaderParameters"), headers);
    json_append_member(object, STR("QueryStringParameters"), query);
    return object;
}

static struct json *extra_for(struct call *call, const struct events_target *target,
                              const struct events_event *event)
{
    struct json *extra = json_new(call->arena, JSON_OBJECT);
    add_text(call, extra, STR("AWSTraceHeader"), event->trace_header);
    if (target->sqs_parameters)
        add_text(call, extra, STR("MessageGroupId"), target->sqs_parameters->message_group_id);
    if (target->http_parameters)
        json_set(extra, STR("HttpParameters"),
                 http_parameters(call, target->http_parameters, event));
    if (event->hops > 0)
        json_set(extra, STR("Hops"), json_new_number(call->arena, event->hops));
    return extra;
}

static struct json *letter_extra(struct call *call, struct str rule_arn, struct str target_arn)
{
    const struct {
        struct str name;
        struct str value;
    } attributes[] = {{STR("RULE_ARN"), rule_arn}, {STR("TARGET_ARN"), target_arn}};
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

enum status events_deliver(struct call *call, struct str rule_arn, struct scope bus_scope,
                           const struct events_target *target, const struct events_event *event)
{
    const struct events_retry_policy *retry = target->retry_policy;
    int64_t retries =
        retry ? opt_i32_or(retry->maximum_retry_attempts, DEFAULT_RETRIES) : DEFAULT_RETRIES;
    int64_t age_s =
        retry ? opt_i32_or(retry->maximum_event_age_in_seconds, DEFAULT_AGE_S) : DEFAULT_AGE_S;
    struct str kind = {0};
    struct str name = {0};
    struct scope scope = {0};
    bool is_bus =
        events_split_arn(target->arn, &scope, &kind, &name) && str_eq_cstr(kind, "event-bus");
    struct delivery delivery = {
        .target = target->arn,
        .body = is_bus ? event->text : body_for(call, rule_arn, target, event),
        .extra = extra_for(call, target, event),
        .role_arn = target->role_arn,
        .service = STR(EVENTS_PRINCIPAL),
        .source_arn = rule_arn,
        .source_account = bus_scope.account,
        .policy =
            {
                .max_attempts = (uint32_t)retries + 1,
                .max_age_ms = age_s * 1000,
                .min_delay_ms = MIN_DELAY_MS,
                .max_delay_ms = MAX_DELAY_MS,
            },
    };
    if (target->dead_letter_config && target->dead_letter_config->arn.len > 0) {
        delivery.dead_letter_arn = target->dead_letter_config->arn;
        delivery.dead_letter_extra = letter_extra(call, rule_arn, target->arn);
        delivery.dead_letter_body = event->text;
        delivery.has_error_attributes = true;
        delivery.has_error_classes = true;
    }
    return delivery_send(call, &delivery, NULL);
}
