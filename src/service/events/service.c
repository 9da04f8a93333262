/* service.c — EventBridge: event buses, rules, archives, connections.
 *
 * Implemented: buses with policies; rules with patterns (the whole language) and schedules; targets
 * with input paths, transformers, retries and dead letters; PutEvents, matched and delivered in one
 * transaction; archives and replays; connections and API destinations; tags.
 *
 * Not implemented, and answered with 501: partner event sources and their events, global endpoints.
 * Kept and returned, but without effect: customer managed keys, log configurations, dead-letter
 * queues of buses, the rate limits of API destinations. Targets are what services of this program
 * take (engine/events/delivery.h); any other kind is refused when it is put.
 *
 *   bus.c rule.c target.c archive.c replay.c connection.c destination.c tag.c   operations, by noun
 *   pattern.c transform.c                    the two languages, pure
 *   put.c cache.c deliver.c bus_target.c     the way of an event
 *   schedule_rule.c                          rules by the clock
 *
 * Model: models/events.model
 */
#include <stddef.h>

#include "base/arena.h"
#include "service/events/archive.h"
#include "service/events/events.h"

const struct events_handlers events_handlers = {
    .cancel_replay = events_cancel_replay,
    .create_api_destination = events_create_api_destination,
    .create_archive = events_create_archive,
    .create_connection = events_create_connection,
    .create_event_bus = events_create_event_bus,
    .deauthorize_connection = events_deauthorize_connection,
    .delete_api_destination = events_delete_api_destination,
    .delete_archive = events_delete_archive,
    .delete_connection = events_delete_connection,
    .delete_event_bus = events_delete_event_bus,
    .delete_rule = events_delete_rule,
    .describe_api_destination = events_describe_api_destination,
    .describe_archive = events_describe_archive,
    .describe_connection = events_describe_connection,
    .describe_event_bus = events_describe_event_bus,
    .describe_replay = events_describe_replay,
    .describe_rule = events_describe_rule,
    .disable_rule = events_disable_rule,
    .enable_rule = events_enable_rule,
    .list_api_destinations = events_list_api_destinations,
    .list_archives = events_list_archives,
    .list_connections = events_list_connections,
    .list_event_buses = events_list_event_buses,
    .list_replays = events_list_replays,
    .list_rule_names_by_target = events_list_rule_names_by_target,
    .list_rules = events_list_rules,
    .list_tags_for_resource = events_list_tags_for_resource,
    .list_targets_by_rule = events_list_targets_by_rule,
    .put_events = events_put_events,
    .put_permission = events_put_permission,
    .put_rule = events_put_rule,
    .put_targets = events_put_targets,
    .remove_permission = events_remove_permission,
    .remove_targets = events_remove_targets,
    .start_replay = events_start_replay,
    .tag_resource = events_tag_resource,
    .test_event_pattern = events_test_event_pattern,
    .untag_resource = events_untag_resource,
    .update_api_destination = events_update_api_destination,
    .update_archive = events_update_archive,
    .update_connection = events_update_connection,
    .update_event_bus = events_update_event_bus,
};

/* What an operation acts on. AWS: "Actions, resources, and condition keys for Amazon EventBridge".
 */
enum subject {
    SUBJECT_ANY,   /* "*" */
    SUBJECT_SELF,  /* the handler asks */
    SUBJECT_BUS,   /* a bus by name or ARN, or the default one */
    SUBJECT_RULE,  /* a rule on a bus */
    SUBJECT_NAMED, /* something else of this account: `kind`/NAME */
    SUBJECT_ARN,   /* as the request has it */
};

#define NAME_OF(operation, member) offsetof(struct events_##operation##_in, member)
#define BUS_OP(operation, member)                                                                  \
    {                                                                                              \
        .subject = SUBJECT_BUS, .name = NAME_OF(operation, member)                                 \
    }
#define RULE_OP(operation, member)                                                                 \
    {                                                                                              \
        .subject = SUBJECT_RULE, .name = NAME_OF(operation, member),                               \
        .bus = NAME_OF(operation, event_bus_name)                                                  \
    }
#define NAMED_OP(operation, member, kind_)                                                         \
    {                                                                                              \
        .subject = SUBJECT_NAMED, .name = NAME_OF(operation, member), .kind = kind_                \
    }
#define ARN_OP(operation)                                                                          \
    {                                                                                              \
        .subject = SUBJECT_ARN, .name = NAME_OF(operation, resource_arn)                           \
    }

static const struct {
    enum subject subject;
    size_t name; /* offsets of texts in the input */
    size_t bus;
    const char *kind;
} subjects[EVENTS_OP_COUNT] = {
    [EVENTS_OP_CANCEL_REPLAY] = NAMED_OP(cancel_replay, replay_name, "replay"),
    [EVENTS_OP_CREATE_API_DESTINATION] = NAMED_OP(create_api_destination, name, "api-destination"),
    [EVENTS_OP_CREATE_ARCHIVE] = NAMED_OP(create_archive, archive_name, "archive"),
    [EVENTS_OP_CREATE_CONNECTION] = NAMED_OP(create_connection, name, "connection"),
    [EVENTS_OP_CREATE_EVENT_BUS] = NAMED_OP(create_event_bus, name, "event-bus"),
    [EVENTS_OP_DEAUTHORIZE_CONNECTION] = NAMED_OP(deauthorize_connection, name, "connection"),
    [EVENTS_OP_DELETE_API_DESTINATION] = NAMED_OP(delete_api_destination, name, "api-destination"),
    [EVENTS_OP_DELETE_ARCHIVE] = NAMED_OP(delete_archive, archive_name, "archive"),
    [EVENTS_OP_DELETE_CONNECTION] = NAMED_OP(delete_connection, name, "connection"),
    [EVENTS_OP_DELETE_EVENT_BUS] = NAMED_OP(delete_event_bus, name, "event-bus"),
    [EVENTS_OP_DELETE_RULE] = RULE_OP(delete_rule, name),
    [EVENTS_OP_DESCRIBE_API_DESTINATION] =
        NAMED_OP(describe_api_destination, name, "api-destination"),
    [EVENTS_OP_DESCRIBE_ARCHIVE] = NAMED_OP(describe_archive, archive_name, "archive"),
    [EVENTS_OP_DESCRIBE_CONNECTION] = NAMED_OP(describe_connection, name, "connection"),
    [EVENTS_OP_DESCRIBE_EVENT_BUS] = BUS_OP(describe_event_bus, name),
    [EVENTS_OP_DESCRIBE_REPLAY] = NAMED_OP(describe_replay, replay_name, "replay"),
    [EVENTS_OP_DESCRIBE_RULE] = RULE_OP(describe_rule, name),
    [EVENTS_OP_DISABLE_RULE] = RULE_OP(disable_rule, name),
    [EVENTS_OP_ENABLE_RULE] = RULE_OP(enable_rule, name),
    [EVENTS_OP_LIST_TAGS_FOR_RESOURCE] = ARN_OP(list_tags_for_resource),
    [EVENTS_OP_LIST_TARGETS_BY_RULE] = RULE_OP(list_targets_by_rule, rule),
    [EVENTS_OP_PUT_EVENTS] = {.subject = SUBJECT_SELF},
    [EVENTS_OP_PUT_PERMISSION] = BUS_OP(put_permission, event_bus_name),
    [EVENTS_OP_PUT_RULE] = RULE_OP(put_rule, name),
    [EVENTS_OP_PUT_TARGETS] = RULE_OP(put_targets, rule),
    [EVENTS_OP_REMOVE_PERMISSION] = BUS_OP(remove_permission, event_bus_name),
    [EVENTS_OP_REMOVE_TARGETS] = RULE_OP(remove_targets, rule),
    [EVENTS_OP_START_REPLAY] = NAMED_OP(start_replay, replay_name, "replay"),
    [EVENTS_OP_TAG_RESOURCE] = ARN_OP(tag_resource),
    [EVENTS_OP_UNTAG_RESOURCE] = ARN_OP(untag_resource),
    [EVENTS_OP_UPDATE_API_DESTINATION] = NAMED_OP(update_api_destination, name, "api-destination"),
    [EVENTS_OP_UPDATE_ARCHIVE] = NAMED_OP(update_archive, archive_name, "archive"),
    [EVENTS_OP_UPDATE_CONNECTION] = NAMED_OP(update_connection, name, "connection"),
    [EVENTS_OP_UPDATE_EVENT_BUS] = BUS_OP(update_event_bus, name),
};

static struct str text_at(const void *in, size_t offset)
{
    return *(const struct str *)((const char *)in + offset);
}

/* A bus of another account: its policy must allow the caller. */
static enum status name_bus(struct call *call, struct str name_or_arn, struct str rule,
                            struct authorization *out)
{
    struct scope scope = {0};
    struct str name = {0};
    struct events_bus_row bus = {0};
    if (!events_split_bus(call, name_or_arn, &scope, &name))
        return STATUS_DONE; /* the handler says so */
    out->resource = rule.ptr ? events_rule_arn(call->arena, scope, name, rule)
                             : events_bus_arn(call->arena, scope, name);
    out->resource_account = scope.account;
    if (str_eq(scope.account, call->scope.account))
        return STATUS_DONE;
    int rc = events_find_bus(call, scope, name, &bus);
    if (rc < 0)
        return call_fail_internal(call, rc, "events: find a bus");
    out->resource_policy = bus.policy;
    return STATUS_DONE;
}

static enum status authorize(struct call *call, const void *in, struct authorization *out)
{
    size_t index = (size_t)(call->operation - events_operations);
    switch (subjects[index].subject) {
    case SUBJECT_ANY:
        break;
    case SUBJECT_SELF:
        out->action = STR("");
        break;
    case SUBJECT_BUS:
        return name_bus(call, text_at(in, subjects[index].name), (struct str){0}, out);
    case SUBJECT_RULE:
        return name_bus(call, text_at(in, subjects[index].bus), text_at(in, subjects[index].name),
                        out);
    case SUBJECT_NAMED:
        out->resource = call_arn(call, "events", false, "%s/" STR_FMT, subjects[index].kind,
                                 STR_ARG(text_at(in, subjects[index].name)));
        break;
    case SUBJECT_ARN:
        out->resource = text_at(in, subjects[index].name);
        break;
    }
    return STATUS_DONE;
}

const struct service events_service = {
    .model = &events_model,
    .handlers = &events_handlers,
    .migrations = &events_migrations,
    .authorize = authorize,
    .resource_types = events_resource_types,
    .resource_type_count = EVENTS_RESOURCE_TYPES,
};
