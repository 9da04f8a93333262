/* put.c — PutEvents, and the way of an event over a bus.
 *
 * An event is matched and delivered in the transaction in which it was put: when PutEvents answers,
 * the queues have it. A bus without rules and archives costs one look-up (cache.c).
 *
 * Docs: EventBridge API reference, PutEvents; user guide, "Calculating PutEvents event entry size".
 */
#include <errno.h>

#include "base/arena.h"
#include "base/rand.h"
#include "service/events/archive.h"
#include "service/events/events.h"
#include "syntax/json.h"
#include "syntax/time.h"

enum {
    MAX_ENTRY_BYTES = 1024 * 1024, /* AWS: since January 2026 1 MiB for all entries together */
    TIME_BYTES = 14,               /* AWS: what Time counts */
    MAX_BUSES_SEEN = 10,           /* entries of a request */
};

/* ---- Events ---------------------------------------------------------------------------------- */

static void add_text(struct call *call, struct json *object, struct str name, struct str text)
{
    json_append_member(object, name, json_new_string(call->arena, text));
}

void events_build(struct call *call, struct scope scope, const struct events_draft *draft,
                  struct events_event *out)
{
    struct arena *arena = call->arena;
    struct json *event = json_new(arena, JSON_OBJECT);
    struct json *resources = json_new(arena, JSON_ARRAY);
    for (size_t i = 0; i < draft->resource_count; i++)
        json_append(resources, json_new_string(arena, draft->resources[i]));
    add_text(call, event, STR("version"), STR("0"));
    add_text(call, event, STR("id"), draft->id.ptr ? draft->id : rand_uuid(arena));
    add_text(call, event, STR("detail-type"), draft->detail_type);
    add_text(call, event, STR("source"), draft->source);
    add_text(call, event, STR("account"), scope.account);
    add_text(call, event, STR("time"), time_rfc3339(arena, draft->time_ms / 1000 * 1000));
    add_text(call, event, STR("region"), scope.region);
    json_append_member(event, STR("resources"), resources);
    json_append_member(event, STR("detail"), draft->detail);
    *out = (struct events_event){
        .tree = event,
        .trace_header = draft->trace_header,
    };
}

static bool may_see(const struct events_event *event, struct str rule_arn)
{
    if (!event->only_rules)
        return true;
    for (const struct json *arn = event->only_rules->first; arn; arn = arn->next) {
        if (str_eq(arn->text, rule_arn))
            return true;
    }
    return false;
}

static enum status invoke_targets(struct call *call, const struct events_bus_row *bus,
                                  const struct events_live_rule *rule,
                                  const struct events_event *event)
{
    for (size_t i = 0; i < rule->targets.count; i++) {
        enum status status =
            events_deliver(call, rule->arn, bus->scope, &rule->targets.items[i], event);
        if (status != STATUS_DONE)
            return status;
    }
    return STATUS_DONE;
}

/* The text is made when somebody wants the event: most match nothing. */
static void need_text(struct call *call, struct events_event *event)
{
    if (!event->text.ptr)
        event->text = json_to_str(call->arena, event->tree);
}

/* AWS: replayed events are not archived again. */
static enum status keep(struct call *call, const struct events_live_bus *live,
                        struct events_event *event)
{
    for (size_t i = 0; i < live->archive_count && !event->is_replayed; i++) {
        const struct events_live_archive *archive = &live->archives[i];
        if (archive->pattern && !event_pattern_matches(archive->pattern, event->tree))
            continue;
        need_text(call, event);
        int rc = events_store_archive_event(call->db, archive->id, call->now_ms,
                                            (int64_t)rand_below(INT64_MAX), event->text);
        if (rc < 0)
            return call_fail_internal(call, rc, "events: archive an event");
    }
    return STATUS_DONE;
}

enum status events_route(struct call *call, const struct events_bus_row *bus,
                         struct events_event *event)
{
    const struct events_live_bus *live = NULL;
    enum status status = events_live(call, bus, &live);
    if (status != STATUS_DONE)
        return status;
    status = keep(call, live, event);
    for (size_t i = 0; status == STATUS_DONE && i < live->rule_count; i++) {
        const struct events_live_rule *rule = &live->rules[i];
        if (!may_see(event, rule->arn) || !event_pattern_matches(rule->pattern, event->tree))
            continue;
        need_text(call, event);
        status = invoke_targets(call, bus, rule, event);
    }
    events_live_done();
    return status;
}

int events_bus_listens(struct call *call, const struct events_bus_row *bus)
{
    const struct events_live_bus *live = NULL;
    if (events_live(call, bus, &live) != STATUS_DONE)
        return call->store_errno != 0 ? call->store_errno : -EIO;
    bool listens = live->rule_count > 0 || live->archive_count > 0;
    events_live_done();
    return listens;
}

/* ---- PutEvents ------------------------------------------------------------------------------- */

/* The buses of a request, each looked up once. */
struct seen_bus {
    struct str name; /* as asked for */
    struct events_bus_row row;
    bool is_there;
    bool listens;
};

struct putting {
    struct seen_bus buses[MAX_BUSES_SEEN];
    size_t bus_count;
};

static enum status look_up(struct call *call, struct putting *putting, struct str name,
                           struct seen_bus **out_bus)
{
    struct scope scope = {0};
    struct str plain = {0};
    for (size_t i = 0; i < putting->bus_count; i++) {
        *out_bus = &putting->buses[i];
        if (str_eq((*out_bus)->name, name))
            return STATUS_DONE;
    }
    struct seen_bus *bus = &putting->buses[putting->bus_count++];
    *out_bus = bus;
    bus->name = name;
    int rc = events_split_bus(call, name, &scope, &plain)
                 ? events_find_bus(call, scope, plain, &bus->row)
                 : 0;
    if (rc < 0)
        return call_fail_internal(call, rc, "events: find a bus");
    bus->is_there = rc == 1;
    if (!bus->is_there)
        bus->row = (struct events_bus_row){.scope = scope, .name = plain};
    rc = events_bus_listens(call, &bus->row);
    bus->listens = rc > 0;
    return rc < 0 ? STATUS_FAILED : STATUS_DONE;
}

static enum status authorize(struct call *call, const struct events_bus_row *bus, struct str source,
                             struct str detail_type)
{
    const struct condition_value conditions[] = {
        {.key = STR("events:source"), .values = &source, .value_count = 1},
        {.key = STR("events:detail-type"), .values = &detail_type, .value_count = 1},
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

static enum status check_size(struct call *call, const struct events_put_events_in *in)
{
    size_t size = 0;
    for (size_t i = 0; i < in->entries.count; i++) {
        const struct events_put_events_request_entry *entry = &in->entries.items[i];
        size += (entry->time.is_set ? TIME_BYTES : 0) + entry->source.len + entry->detail_type.len +
                entry->detail.len;
        for (size_t r = 0; r < entry->resources.count; r++)
            size += entry->resources.items[r].len;
    }
    if (size <= MAX_ENTRY_BYTES)
        return STATUS_DONE;
    return call_fail(call, &ERROR_VALIDATION,
                     "Total size of the entries in the request is over the limit.");
}

struct problem {
    struct str code;
    struct str message;
};

/* OBSERVED: the answers of AWS to entries that it does not take, entry by entry. */
static bool check_entry(struct call *call, const struct events_put_events_request_entry *entry,
                        struct json **out_detail, struct problem *problem)
{
    const struct {
        const char *name;
        struct str value;
    } required[] = {
        {"Source", entry->source}, {"DetailType", entry->detail_type}, {"Detail", entry->detail}};
    for (size_t i = 0; i < ARRAY_LEN(required); i++) {
        if (required[i].value.len > 0)
            continue;
        problem->code = STR("InvalidArgument");
        problem->message =
            str_format(call->arena, "Parameter %s is not valid. Reason: %s is a required argument.",
                       required[i].name, required[i].name);
        return false;
    }
    if (str_starts_with(entry->source, STR("aws."))) {
        problem->code = STR("NotAuthorizedForSource");
        problem->message = STR("Not authorized for the source.");
        return false;
    }
    if (json_parse(call->arena, entry->detail, 0, out_detail, NULL) < 0 ||
        !json_is_object(*out_detail)) {
        problem->code = STR("MalformedDetail");
        problem->message = STR("Detail is malformed.");
        return false;
    }
    return true;
}

/* AWS: an entry for a bus that does not exist is taken and goes nowhere. */
static enum status put_entry(struct call *call, struct putting *putting,
                             const struct events_put_events_request_entry *entry,
                             struct events_put_events_result_entry *out)
{
    struct json *detail = NULL;
    struct problem problem = {0};
    struct seen_bus *bus = NULL;
    enum status status =
        look_up(call, putting, str_or(entry->event_bus_name, STR("default")), &bus);
    if (status == STATUS_DONE)
        status = authorize(call, &bus->row, str_or(entry->source, STR("")),
                           str_or(entry->detail_type, STR("")));
    if (status != STATUS_DONE)
        return status;
    if (!check_entry(call, entry, &detail, &problem)) {
        out->error_code = problem.code;
        out->error_message = problem.message;
        return STATUS_DONE;
    }
    out->event_id = rand_uuid(call->arena);
    if (!bus->is_there || !bus->listens)
        return STATUS_DONE;
    const struct events_draft draft = {
        .id = out->event_id,
        .source = entry->source,
        .detail_type = entry->detail_type,
        .time_ms = opt_i64_or(entry->time, call->now_ms),
        .resources = entry->resources.items,
        .resource_count = entry->resources.count,
        .detail = detail,
        .trace_header = entry->trace_header,
    };
    struct events_event event = {0};
    events_build(call, call->scope, &draft, &event);
    return events_route(call, &bus->row, &event);
}

enum status events_put_events(struct call *call, const struct events_put_events_in *in,
                              struct events_put_events_out *out)
{
    if (in->endpoint_id.ptr)
        return call_fail(call, &ERROR_NOT_IMPLEMENTED, "Global endpoints are not supported.");
    enum status status = check_size(call, in);
    if (status != STATUS_DONE)
        return status;
    struct putting *putting = arena_alloc(call->arena, sizeof(*putting));
    int32_t failed = 0;
    out->entries.is_set = true;
    out->entries.items =
        arena_alloc_array(call->arena, in->entries.count, sizeof(*out->entries.items));
    for (size_t i = 0; i < in->entries.count; i++) {
        struct events_put_events_result_entry *entry = &out->entries.items[out->entries.count++];
        status = put_entry(call, putting, &in->entries.items[i], entry);
        if (status != STATUS_DONE)
            return status;
        failed += entry->error_code.ptr ? 1 : 0;
    }
    out->failed_entry_count = opt_i32(failed);
    return STATUS_DONE;
}

/* ---- Events of services ---------------------------------------------------------------------- */

static int find_default(struct call *call, struct scope scope, struct events_bus_row *out)
{
    return events_store_find_bus(call->db, call->arena, scope, STR("default"), out);
}

static int has_interest(struct call *call, struct scope scope)
{
    struct events_bus_row bus = {0};
    int rc = find_default(call, scope, &bus);
    return rc == 1 ? events_bus_listens(call, &bus) : rc;
}

static enum status listen(struct call *call, struct scope scope, const struct event *event)
{
    struct events_bus_row bus = {0};
    int rc = find_default(call, scope, &bus);
    if (rc == 1)
        rc = events_bus_listens(call, &bus);
    if (rc < 0)
        return call_fail_internal(call, rc, "events: find the default bus");
    if (rc == 0)
        return STATUS_DONE;
    const struct events_draft draft = {
        .source = event->source,
        .detail_type = event->detail_type,
        .time_ms = call->now_ms,
        .resources = event->resources,
        .resource_count = event->resource_count,
        .detail = json_copy(call->arena, event->detail),
    };
    struct events_event built = {0};
    events_build(call, scope, &draft, &built);
    return events_route(call, &bus, &built);
}

const struct event_listener events_listener = {.has_interest = has_interest, .listen = listen};
