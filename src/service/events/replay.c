/* replay.c — replays: what an archive has of a span of time, put on its bus again.
 *
 * A workflow sends some events with each step, oldest first, and notes how far it is; a replay that
 * is cancelled ends with the next step. Replayed events say so in "replay-name".
 *
 * Docs: EventBridge API reference, StartReplay; user guide, "Replaying archived events".
 */
#include "base/arena.h"
#include "base/vec.h"
#include "service/events/archive.h"
#include "syntax/json.h"
#include "wire/protocol.h"

#define REPLAY_WORKFLOW "events.replay"

enum {
    STEP_EVENTS = 20,
    MAX_DESTINATION = 16 * 1024,
};

static struct str replay_arn(struct arena *arena, struct scope scope, struct str name)
{
    return str_format(arena, "arn:aws:events:" STR_FMT ":" STR_FMT ":replay/" STR_FMT,
                      STR_ARG(scope.region), STR_ARG(scope.account), STR_ARG(name));
}

static enum status get_replay(struct call *call, struct str name, struct events_replay_row *out)
{
    int rc = events_store_find_replay(call->db, call->arena, call->scope, name, out);
    if (rc < 0)
        return call_fail_internal(call, rc, "events: find a replay");
    return rc == 1 ? STATUS_DONE
                   : call_fail(call, &EVENTS_RESOURCE_NOT_FOUND_EXCEPTION,
                               "Replay " STR_FMT " does not exist.", STR_ARG(name));
}

static enum status save(struct call *call, const struct events_replay_row *replay)
{
    int rc = events_store_put_replay(call->db, replay);
    return rc < 0 ? call_fail_internal(call, rc, "events: write a replay") : STATUS_DONE;
}

/* The archive of an ARN in this account and region. */
static enum status find_source(struct call *call, struct str arn, struct events_archive_row *out)
{
    struct scope scope = {0};
    struct str kind = {0};
    struct str name = {0};
    bool is_archive = events_split_arn(arn, &scope, &kind, &name) && str_eq_cstr(kind, "archive");
    if (!is_archive)
        return call_fail(call, &ERROR_VALIDATION,
                         "Parameter EventSourceArn is not valid. Reason: Must contain an archive "
                         "ARN.");
    int rc = events_store_find_archive(call->db, call->arena, call->scope, name, out);
    if (rc < 0)
        return call_fail_internal(call, rc, "events: find an archive");
    return rc == 1 ? STATUS_DONE
                   : call_fail(call, &ERROR_VALIDATION,
                               "Parameter EventSourceArn is not valid. Reason: Archive " STR_FMT
                               " does not exist.",
                               STR_ARG(name));
}

static const struct shape *destination_shape(void)
{
    const struct shape *in = events_operations[EVENTS_OP_START_REPLAY].in;
    for (size_t i = 0; i < in->member_count; i++) {
        if (str_eq_cstr(in->members[i].name, "Destination"))
            return in->members[i].shape;
    }
    CHECK(false);
    return NULL;
}

static enum status check_start(struct call *call, const struct events_start_replay_in *in,
                               const struct events_archive_row *archive)
{
    struct scope scope = {0};
    struct str kind = {0};
    struct str name = {0};
    if (!events_split_arn(in->destination->arn, &scope, &kind, &name) ||
        !str_eq_cstr(kind, "event-bus"))
        return call_fail(call, &ERROR_VALIDATION,
                         "Parameter Destination.Arn is not valid. Reason: Must contain an event "
                         "bus ARN.");
    if (!str_eq(in->destination->arn, archive->bus_arn))
        return call_fail(call, &ERROR_VALIDATION,
                         "Parameter Destination.Arn is not valid. Reason: Cross event bus replay "
                         "is not permitted.");
    if (in->event_start_time.value >= in->event_end_time.value)
        return call_fail(call, &ERROR_VALIDATION,
                         "Parameter EventEndTime is not valid. Reason: EventStartTime must be "
                         "before EventEndTime.");
    return STATUS_DONE;
}

enum status events_start_replay(struct call *call, const struct events_start_replay_in *in,
                                struct events_start_replay_out *out)
{
    struct events_archive_row archive = {0};
    struct events_replay_row found = {0};
    struct buf destination;
    enum status status = find_source(call, in->event_source_arn, &archive);
    if (status == STATUS_DONE)
        status = check_start(call, in, &archive);
    if (status != STATUS_DONE)
        return status;
    int rc = events_store_find_replay(call->db, call->arena, call->scope, in->replay_name, &found);
    if (rc < 0)
        return call_fail_internal(call, rc, "events: find a replay");
    if (rc == 1)
        return call_fail(call, &EVENTS_RESOURCE_ALREADY_EXISTS_EXCEPTION,
                         "Replay " STR_FMT " already exists.", STR_ARG(in->replay_name));
    buf_init(&destination, call->arena, MAX_DESTINATION);
    wire_to_json(&destination, destination_shape(), in->destination);
    const struct events_replay_row replay = {
        .scope = call->scope,
        .name = in->replay_name,
        .archive_id = archive.id,
        .archive_arn = in->event_source_arn,
        .description = in->description,
        .state = STR("STARTING"),
        .destination = buf_str(&destination),
        .from_ms = in->event_start_time.value,
        .until_ms = in->event_end_time.value,
        .started_at_ms = call->now_ms,
    };
    out->replay_arn = replay_arn(call->arena, call->scope, replay.name);
    out->state = replay.state;
    out->replay_start_time = opt_i64(replay.started_at_ms);
    status = save(call, &replay);
    return status == STATUS_DONE ? workflow_start(call, STR(REPLAY_WORKFLOW), out->replay_arn, NULL)
                                 : status;
}

enum status events_cancel_replay(struct call *call, const struct events_cancel_replay_in *in,
                                 struct events_cancel_replay_out *out)
{
    struct events_replay_row replay = {0};
    enum status status = get_replay(call, in->replay_name, &replay);
    if (status != STATUS_DONE)
        return status;
    if (!str_eq_cstr(replay.state, "STARTING") && !str_eq_cstr(replay.state, "RUNNING"))
        return call_fail(call, &EVENTS_ILLEGAL_STATUS_EXCEPTION,
                         "Replay " STR_FMT " is not in a valid state for this operation.",
                         STR_ARG(replay.name));
    replay.state = STR("CANCELLING");
    out->replay_arn = replay_arn(call->arena, call->scope, replay.name);
    out->state = replay.state;
    status = save(call, &replay);
    return status == STATUS_DONE ? workflow_wake(call, STR(REPLAY_WORKFLOW), out->replay_arn)
                                 : status;
}

static struct opt_i64 time_or_none(int64_t ms)
{
    return ms != 0 ? opt_i64(ms) : (struct opt_i64){0};
}

enum status events_describe_replay(struct call *call, const struct events_describe_replay_in *in,
                                   struct events_describe_replay_out *out)
{
    struct events_replay_row replay = {0};
    struct json *json = NULL;
    struct str message = {0};
    enum status status = get_replay(call, in->replay_name, &replay);
    if (status != STATUS_DONE)
        return status;
    struct events_replay_destination *destination = arena_alloc(call->arena, sizeof(*destination));
    int rc = json_parse(call->arena, replay.destination, 0, &json, NULL);
    if (rc == 0)
        rc = wire_from_json(call->arena, destination_shape(), json, destination, &message);
    if (rc < 0)
        return call_fail_internal(call, rc, "events: read a replay");
    *out = (struct events_describe_replay_out){
        .replay_name = replay.name,
        .replay_arn = replay_arn(call->arena, call->scope, replay.name),
        .description = replay.description,
        .state = replay.state,
        .state_reason = replay.state_reason,
        .event_source_arn = replay.archive_arn,
        .destination = destination,
        .event_start_time = opt_i64(replay.from_ms),
        .event_end_time = opt_i64(replay.until_ms),
        .event_last_replayed_time = time_or_none(replay.last_replayed_ms),
        .replay_start_time = opt_i64(replay.started_at_ms),
        .replay_end_time = time_or_none(replay.ended_at_ms),
    };
    return STATUS_DONE;
}

enum status events_list_replays(struct call *call, const struct events_list_replays_in *in,
                                struct events_list_replays_out *out)
{
    struct events_page page = {0};
    struct vec rows;
    vec_init(&rows, call->arena, sizeof(struct events_replay_row));
    enum status status = events_page_begin(call, in->next_token, in->limit, in->name_prefix, &page);
    if (status != STATUS_DONE)
        return status;
    size_t max = page.limit++;
    int rc = events_store_list_replays(call->db, call->arena, call->scope, &page, &rows);
    if (rc < 0)
        return call_fail_internal(call, rc, "events: list replays");
    out->replays.is_set = true;
    out->replays.items = arena_alloc_array(call->arena, max + 1, sizeof(*out->replays.items));
    for (size_t i = 0; i < rows.count && i < max; i++) {
        const struct events_replay_row *row = vec_at(&rows, i);
        if (rows.count > max)
            out->next_token = events_page_token(call, row->name);
        if ((in->state.ptr && !str_eq(in->state, row->state)) ||
            (in->event_source_arn.ptr && !str_eq(in->event_source_arn, row->archive_arn)))
            continue;
        out->replays.items[out->replays.count++] = (struct events_replay){
            .replay_name = row->name,
            .event_source_arn = row->archive_arn,
            .state = row->state,
            .state_reason = row->state_reason,
            .event_start_time = opt_i64(row->from_ms),
            .event_end_time = opt_i64(row->until_ms),
            .event_last_replayed_time = time_or_none(row->last_replayed_ms),
            .replay_start_time = opt_i64(row->started_at_ms),
            .replay_end_time = time_or_none(row->ended_at_ms),
        };
    }
    return STATUS_DONE;
}

/* ---- The workflow ---------------------------------------------------------------------------- */

/* AWS: the replayed event has the replay's name in front of its detail. */
static enum status send(struct call *call, const struct events_bus_row *bus,
                        const struct events_replay_row *replay, const struct json *only_rules,
                        struct str body)
{
    struct json *tree = NULL;
    int rc = json_parse(call->arena, body, 0, &tree, NULL);
    if (rc < 0)
        return call_fail_internal(call, rc, "events: read an archived event");
    struct json *detail = json_find_cstr(tree, "detail");
    struct json *copy = detail ? json_copy(call->arena, detail) : json_new(call->arena, JSON_NULL);
    json_remove(tree, STR("detail"));
    json_append_member(tree, STR("replay-name"), json_new_string(call->arena, replay->name));
    json_append_member(tree, STR("detail"), copy);
    struct events_event event = {
        .tree = tree,
        .text = json_to_str(call->arena, tree),
        .only_rules = only_rules && only_rules->count > 0 ? only_rules : NULL,
        .is_replayed = true,
    };
    return events_route(call, bus, &event);
}

static enum status send_some(struct call *call, struct events_replay_row *replay, bool *out_is_over)
{
    struct json *destination = NULL;
    struct scope scope = {0};
    struct str kind = {0};
    struct str name = {0};
    struct events_bus_row bus = {0};
    const struct events_archived_row after = {
        .archived_at_ms = replay->last_replayed_ms > 0 ? replay->last_replayed_ms : replay->from_ms,
        .id = replay->last_replayed_ms > 0 ? replay->last_id : -1,
    };
    struct vec rows;
    vec_init(&rows, call->arena, sizeof(struct events_archived_row));
    int rc = json_parse(call->arena, replay->destination, 0, &destination, NULL);
    if (rc == 0 && events_split_arn(json_find_str(destination, "Arn"), &scope, &kind, &name))
        rc = events_find_bus(call, scope, name, &bus);
    if (rc >= 0)
        rc = events_store_list_archived(call->db, call->arena, replay->archive_id, &after,
                                        replay->until_ms, STEP_EVENTS, &rows);
    if (rc < 0)
        return call_fail_internal(call, rc, "events: read an archive");
    for (size_t i = 0; i < rows.count; i++) {
        const struct events_archived_row *row = vec_at(&rows, i);
        enum status status =
            send(call, &bus, replay, json_find_cstr(destination, "FilterArns"), row->body);
        if (status != STATUS_DONE)
            return status;
        replay->last_replayed_ms = row->archived_at_ms;
        replay->last_id = row->id;
    }
    *out_is_over = rows.count < STEP_EVENTS;
    return STATUS_DONE;
}

static enum status step(struct call *call, struct workflow *workflow, enum workflow_next *out_next)
{
    struct scope scope = {0};
    struct str kind = {0};
    struct str name = {0};
    struct events_replay_row replay = {0};
    bool is_over = true;
    *out_next = WORKFLOW_DONE;
    if (!events_split_arn(workflow->id, &scope, &kind, &name))
        return STATUS_DONE;
    int rc = events_store_find_replay(call->db, call->arena, scope, name, &replay);
    if (rc < 0)
        return call_fail_internal(call, rc, "events: find a replay");
    if (rc == 0)
        return STATUS_DONE;
    bool is_cancelled = str_eq_cstr(replay.state, "CANCELLING");
    if (!is_cancelled && send_some(call, &replay, &is_over) != STATUS_DONE)
        return STATUS_FAILED;
    replay.state = is_cancelled ? STR("CANCELLED") : is_over ? STR("COMPLETED") : STR("RUNNING");
    replay.ended_at_ms = is_over ? call->now_ms : 0;
    *out_next = is_over ? WORKFLOW_DONE : WORKFLOW_AGAIN;
    return save(call, &replay);
}

const struct workflow_kind events_replay_kind = {
    .name = STR_INIT(REPLAY_WORKFLOW),
    .step = step,
};
