/* bus_target.c — buses as targets: of rules of other buses, of schedules, of services.
 *
 * The event goes on as it is, with its id, account and region; the bus's policy decides. Without a
 * role it is the sender's account that puts the event. `extra` holds "Hops", the buses that it came
 * over.
 *
 * Docs: EventBridge user guide, "Sending and receiving events between AWS accounts", "... between
 * event buses in the same account".
 */
#include "base/arena.h"
#include "service/events/events.h"
#include "syntax/json.h"
#include "wire/identity.h"

enum {
    MAX_HOPS = 3, /* circles of buses must end */
};

#define HOP_ERROR(name, code_)                                                                     \
    static const struct api_error name = {                                                         \
        .code = STR_INIT(code_),                                                                   \
        .query_code = STR_INIT(code_),                                                             \
        .http_status = 400,                                                                        \
        .query_status = 400,                                                                       \
        .is_sender = true,                                                                         \
    }

/* AWS: error codes of dead letters. */
HOP_ERROR(third_account, "THIRD_ACCOUNT_HOP_DETECTED");
HOP_ERROR(third_region, "THIRD_REGION_HOP_DETECTED");
HOP_ERROR(too_many, "RESOURCE_LIMIT_EXCEEDED");
HOP_ERROR(bad_event, "INVALID_JSON");

static enum delivery_result refuse(struct call_error *out_error, const struct api_error *error,
                                   struct str message)
{
    *out_error = (struct call_error){.error = error, .message = message};
    return DELIVERY_REFUSED;
}

static int64_t hops_of(const struct delivery *delivery)
{
    const struct json *hops = json_find_cstr(delivery->extra, "Hops");
    int64_t count = 0;
    return hops && str_to_i64(hops->text, &count) == 0 ? count : 0;
}

/* AWS: an event that came from another account does not go on to a third; so with regions. */
static enum delivery_result check_way(const struct delivery *delivery, const struct json *event,
                                      const struct scope *scope, struct call_error *out_error)
{
    struct scope sender = {0};
    (void)delivery_split_arn(delivery->source_arn, NULL, &sender, NULL);
    struct str account = json_find_str(event, "account");
    struct str region = json_find_str(event, "region");
    if (hops_of(delivery) == 0)
        return DELIVERY_DONE;
    if (!str_eq(account, sender.account) && !str_eq(sender.account, scope->account))
        return refuse(out_error, &third_account,
                      STR("An event from another account cannot be sent to a third account."));
    if (!str_eq(region, sender.region) && !str_eq(sender.region, scope->region))
        return refuse(out_error, &third_region,
                      STR("An event from another region cannot be sent to a third region."));
    if (hops_of(delivery) >= MAX_HOPS)
        return refuse(out_error, &too_many, STR("The event came over too many event buses."));
    return DELIVERY_DONE;
}

static enum status authorize(struct call *call, const struct events_bus_row *bus,
                             const struct json *event)
{
    struct str source = str_or(json_find_str(event, "source"), STR(""));
    struct str type = str_or(json_find_str(event, "detail-type"), STR(""));
    const struct condition_value conditions[] = {
        {.key = STR("events:source"), .values = &source, .value_count = 1},
        {.key = STR("events:detail-type"), .values = &type, .value_count = 1},
    };
    const struct authorization what = {
        .action = STR("events:PutEvents"),
        .resource = events_bus_arn(call->arena, bus->scope, bus->name),
        .resource_policy = bus->policy,
        .resource_account = bus->scope.account,
        .conditions = conditions,
        .condition_count = ARRAY_LEN(conditions),
    };
    return call_authorize(call, &what);
}

static enum delivery_result deliver(struct call *call, const struct delivery *delivery,
                                    const struct principal *principal, const struct scope *scope,
                                    struct call_error *out_error)
{
    struct str kind = {0};
    struct str name = {0};
    struct scope owner = {0};
    struct json *tree = NULL;
    struct events_bus_row bus = {0};
    struct principal sender = *principal;
    if (principal->kind == PRINCIPAL_SERVICE)
        sender = identity_root(call->arena, principal->account);
    if (json_parse(call->arena, delivery->body, 0, &tree, NULL) < 0 || !json_is_object(tree))
        return refuse(out_error, &bad_event, STR("The event is not a JSON object."));
    enum delivery_result way = check_way(delivery, tree, scope, out_error);
    if (way != DELIVERY_DONE)
        return way;
    CHECK(events_split_arn(delivery->target, &owner, &kind, &name));
    int rc = events_find_bus(call, owner, name, &bus);
    if (rc < 0) {
        (void)call_fail_internal(call, rc, "events: find a bus");
        return DELIVERY_RETRY;
    }
    if (rc == 0)
        return refuse(out_error, &EVENTS_RESOURCE_NOT_FOUND_EXCEPTION,
                      str_concat3(call->arena, STR("Event bus "), name, STR(" does not exist.")));
    call->principal = &sender;
    enum status status = authorize(call, &bus, tree);
    struct events_event event = {
        .tree = tree,
        .text = delivery->body,
        .trace_header = delivery_extra(delivery, "AWSTraceHeader"),
        .hops = hops_of(delivery) + 1,
    };
    if (status == STATUS_DONE)
        status = events_route(call, &bus, &event);
    *out_error = call->error;
    return status == STATUS_DONE ? DELIVERY_DONE : delivery_result_of(out_error);
}

static bool is_bus(struct str arn)
{
    struct scope scope = {0};
    struct str kind = {0};
    struct str name = {0};
    return events_split_arn(arn, &scope, &kind, &name) && str_eq_cstr(kind, "event-bus");
}

const struct delivery_target events_bus_target = {
    .service = STR_INIT("events"),
    .deliver = deliver,
    .knows = is_bus,
};
