/* archive.c — archives: events of a bus, kept; and the removal of those that are too old.
 *
 * Docs: EventBridge API reference, CreateArchive; user guide, "Archiving events". An archive takes
 * what matches its pattern in the transaction of the event, and counts it (AWS's counts lag
 * behind).
 */
#include "service/events/archive.h"

#include "base/arena.h"
#include "base/rand.h"
#include "base/vec.h"
#include "syntax/json.h"

#define ARCHIVE_WORKFLOW "events.archive"

enum {
    DAY_MS = 24 * 60 * 60 * 1000,
    SWEEP_MS = 60 * 60 * 1000, /* how often old events are looked for */
    SWEEP_EVENTS = 500,        /* in one step */
};

static struct str archive_arn(struct arena *arena, struct scope scope, struct str name)
{
    return str_format(arena, "arn:aws:events:" STR_FMT ":" STR_FMT ":archive/" STR_FMT,
                      STR_ARG(scope.region), STR_ARG(scope.account), STR_ARG(name));
}

struct str events_archive_arn(struct arena *arena, const struct events_archive_row *archive)
{
    return archive_arn(arena, archive->scope, archive->name);
}

static enum status get_archive(struct call *call, struct str name, struct events_archive_row *out)
{
    int rc = events_store_find_archive(call->db, call->arena, call->scope, name, out);
    if (rc < 0)
        return call_fail_internal(call, rc, "events: find an archive");
    return rc == 1 ? STATUS_DONE
                   : call_fail(call, &EVENTS_RESOURCE_NOT_FOUND_EXCEPTION,
                               "Archive " STR_FMT " does not exist.", STR_ARG(name));
}

static struct str non_empty(struct str text)
{
    return text.len > 0 ? text : (struct str){0};
}

enum status events_schedule_archive(struct call *call, const struct events_archive_row *archive)
{
    struct str arn = events_archive_arn(call->arena, archive);
    enum status status = workflow_stop(call, STR(ARCHIVE_WORKFLOW), arn);
    if (status != STATUS_DONE || archive->retention_days == 0)
        return status;
    return workflow_start_at(call, STR(ARCHIVE_WORKFLOW), arn, NULL, call->now_ms + SWEEP_MS);
}

/* The bus of the archive, for writing. */
static enum status open_source(struct call *call, struct str arn, struct events_bus_row *out)
{
    struct scope scope = {0};
    struct str kind = {0};
    struct str name = {0};
    bool is_own = events_split_arn(arn, &scope, &kind, &name) && str_eq_cstr(kind, "event-bus") &&
                  str_eq(scope.account, call->scope.account) &&
                  str_eq(scope.region, call->scope.region);
    if (!is_own)
        return call_fail(call, &ERROR_VALIDATION,
                         "Parameter EventSourceArn is not valid. Reason: Must contain an event bus "
                         "ARN.");
    return events_open_bus(call, name, out);
}

enum status events_create_archive(struct call *call, const struct events_create_archive_in *in,
                                  struct events_create_archive_out *out)
{
    struct events_bus_row bus = {0};
    struct events_archive_row found = {0};
    enum status status = open_source(call, in->event_source_arn, &bus);
    if (status == STATUS_DONE && in->event_pattern.len > 0)
        status = events_check_pattern(call, in->event_pattern);
    if (status != STATUS_DONE)
        return status;
    int rc =
        events_store_find_archive(call->db, call->arena, call->scope, in->archive_name, &found);
    if (rc == 1)
        return call_fail(call, &EVENTS_RESOURCE_ALREADY_EXISTS_EXCEPTION,
                         "Archive " STR_FMT " already exists.", STR_ARG(in->archive_name));
    const struct events_archive_row archive = {
        .id = (int64_t)rand_below(INT64_MAX - 1) + 1,
        .scope = call->scope,
        .name = in->archive_name,
        .bus_id = bus.id,
        .bus_arn = in->event_source_arn,
        .description = in->description,
        .pattern = non_empty(in->event_pattern),
        .kms_key = in->kms_key_identifier,
        .retention_days = opt_i32_or(in->retention_days, 0),
        .created_at_ms = call->now_ms,
    };
    if (rc == 0)
        rc = events_store_put_archive(call->db, &archive);
    if (rc < 0)
        return call_fail_internal(call, rc, "events: write an archive");
    status = events_bus_changed(call, &bus);
    if (status == STATUS_DONE)
        status = events_schedule_archive(call, &archive);
    out->archive_arn = events_archive_arn(call->arena, &archive);
    out->state = STR("ENABLED");
    out->creation_time = opt_i64(archive.created_at_ms);
    return status;
}

static enum status mark_bus(struct call *call, const struct events_archive_row *archive)
{
    const struct events_bus_row bus = {.id = archive->bus_id};
    return events_bus_changed(call, &bus);
}

enum status events_update_archive(struct call *call, const struct events_update_archive_in *in,
                                  struct events_update_archive_out *out)
{
    struct events_archive_row archive = {0};
    enum status status = get_archive(call, in->archive_name, &archive);
    if (status == STATUS_DONE && in->event_pattern.len > 0)
        status = events_check_pattern(call, in->event_pattern);
    if (status != STATUS_DONE)
        return status;
    if (in->event_pattern.ptr)
        archive.pattern = non_empty(in->event_pattern);
    archive.description = str_or(in->description, archive.description);
    archive.kms_key = str_or(in->kms_key_identifier, archive.kms_key);
    archive.retention_days = opt_i32_or(in->retention_days, (int32_t)archive.retention_days);
    int rc = events_store_put_archive(call->db, &archive);
    if (rc < 0)
        return call_fail_internal(call, rc, "events: write an archive");
    status = mark_bus(call, &archive);
    if (status == STATUS_DONE)
        status = events_schedule_archive(call, &archive);
    out->archive_arn = events_archive_arn(call->arena, &archive);
    out->state = STR("ENABLED");
    out->creation_time = opt_i64(archive.created_at_ms);
    return status;
}

enum status events_delete_archive(struct call *call, const struct events_delete_archive_in *in,
                                  struct events_delete_archive_out *out)
{
    (void)out;
    struct events_archive_row archive = {0};
    enum status status = get_archive(call, in->archive_name, &archive);
    if (status != STATUS_DONE)
        return status;
    int rc = events_store_delete_archive(call->db, archive.id);
    if (rc < 0)
        return call_fail_internal(call, rc, "events: delete an archive");
    archive.retention_days = 0;
    status = mark_bus(call, &archive);
    return status == STATUS_DONE ? events_schedule_archive(call, &archive) : status;
}

enum status events_describe_archive(struct call *call, const struct events_describe_archive_in *in,
                                    struct events_describe_archive_out *out)
{
    struct events_archive_row archive = {0};
    enum status status = get_archive(call, in->archive_name, &archive);
    if (status != STATUS_DONE)
        return status;
    *out = (struct events_describe_archive_out){
        .archive_arn = events_archive_arn(call->arena, &archive),
        .archive_name = archive.name,
        .event_source_arn = archive.bus_arn,
        .description = archive.description,
        .event_pattern = archive.pattern,
        .state = STR("ENABLED"),
        .kms_key_identifier = archive.kms_key,
        .retention_days = opt_i32((int32_t)archive.retention_days),
        .size_bytes = opt_i64(archive.size_bytes),
        .event_count = opt_i64(archive.event_count),
        .creation_time = opt_i64(archive.created_at_ms),
    };
    return STATUS_DONE;
}

enum status events_list_archives(struct call *call, const struct events_list_archives_in *in,
                                 struct events_list_archives_out *out)
{
    struct events_page page = {0};
    struct vec rows;
    vec_init(&rows, call->arena, sizeof(struct events_archive_row));
    /* AWS: "At most one filter parameter can be used" (NamePrefix, EventSourceArn, State). */
    if ((in->name_prefix.ptr != NULL) + (in->event_source_arn.ptr != NULL) +
            (in->state.ptr != NULL) >
        1)
        return call_fail(call, &ERROR_VALIDATION,
                         "At most one filter is allowed for ListArchives. Use either : State, "
                         "EventSourceArn, or NamePrefix.");
    enum status status = events_page_begin(call, in->next_token, in->limit, in->name_prefix, &page);
    if (status != STATUS_DONE)
        return status;
    size_t max = page.limit++;
    int rc = events_store_list_archives(call->db, call->arena, call->scope, &page, &rows);
    if (rc < 0)
        return call_fail_internal(call, rc, "events: list archives");
    out->archives.is_set = true;
    out->archives.items = arena_alloc_array(call->arena, max + 1, sizeof(*out->archives.items));
    for (size_t i = 0; i < rows.count && i < max; i++) {
        const struct events_archive_row *row = vec_at(&rows, i);
        if (rows.count > max)
            out->next_token = events_page_token(call, row->name);
        if ((in->event_source_arn.ptr && !str_eq(in->event_source_arn, row->bus_arn)) ||
            (in->state.ptr && !str_eq_cstr(in->state, "ENABLED")))
            continue;
        out->archives.items[out->archives.count++] = (struct events_archive){
            .archive_name = row->name,
            .event_source_arn = row->bus_arn,
            .state = STR("ENABLED"),
            .retention_days = opt_i32((int32_t)row->retention_days),
            .size_bytes = opt_i64(row->size_bytes),
            .event_count = opt_i64(row->event_count),
            .creation_time = opt_i64(row->created_at_ms),
        };
    }
    return STATUS_DONE;
}

/* ---- Removing what is old -------------------------------------------------------------------- */

static enum status step(struct call *call, struct workflow *workflow, enum workflow_next *out_next)
{
    struct scope scope = {0};
    struct str kind = {0};
    struct str name = {0};
    struct events_archive_row archive = {0};
    *out_next = WORKFLOW_DONE;
    if (!events_split_arn(workflow->id, &scope, &kind, &name))
        return STATUS_DONE;
    int rc = events_store_find_archive(call->db, call->arena, scope, name, &archive);
    if (rc < 0)
        return call_fail_internal(call, rc, "events: find an archive");
    if (rc == 0 || archive.retention_days == 0)
        return STATUS_DONE;
    int64_t before_ms = call->now_ms - archive.retention_days * DAY_MS;
    int64_t count =
        events_store_expire_archived(call->db, call->arena, archive.id, before_ms, SWEEP_EVENTS);
    if (count < 0)
        return call_fail_internal(call, (int)count, "events: expire archived events");
    *out_next = WORKFLOW_AGAIN;
    workflow->run_at_ms = count == SWEEP_EVENTS ? 0 : call->now_ms + SWEEP_MS;
    return STATUS_DONE;
}

const struct workflow_kind events_archive_kind = {
    .name = STR_INIT(ARCHIVE_WORKFLOW),
    .step = step,
};
