/* put.c — PutLogEvents, and how Virga's own services write.
 *
 * Docs: API reference, PutLogEvents. The texts of the errors, unless said otherwise: OBSERVED
 * (2026-02-03, recorded by public test suites with boto3).
 */
#include "base/arena.h"
#include "base/buf.h"
#include "service/logs/logs.h"

enum {
    MAX_OLD_MS = 14 * LOGS_DAY_MS, /* AWS: "older than 14 days" */
    MAX_NEW_MS = 2 * LOGS_HOUR_MS, /* AWS: "more than 2 hours in the future" */
};

static size_t size_of(const struct logs_line *lines, size_t count)
{
    size_t size = 0;
    for (size_t i = 0; i < count; i++)
        size += lines[i].text.len + LOGS_EVENT_OVERHEAD;
    return size;
}

static enum status check(struct call *call, const struct log_put *put)
{
    size_t size = size_of(put->lines, put->count);
    for (size_t i = 1; i < put->count; i++) {
        if (put->lines[i].at_ms < put->lines[i - 1].at_ms)
            return call_fail(call, &LOGS_INVALID_PARAMETER_EXCEPTION,
                             "Log events in a single PutLogEvents request must be in "
                             "chronological order.");
    }
    /* OBSERVED (2021-03-09, reported with boto3): the text. */
    if (size > LOGS_MAX_BATCH)
        return call_fail(call, &LOGS_INVALID_PARAMETER_EXCEPTION,
                         "Upload too large: %zu bytes exceeds limit of 1048576", size);
    /* AWS: "A batch of log events in a single request cannot span more than 24 hours." */
    if (put->count > 0 && put->lines[put->count - 1].at_ms - put->lines[0].at_ms > LOGS_DAY_MS)
        return call_fail(call, &LOGS_INVALID_PARAMETER_EXCEPTION,
                         "The batch of log events in a single PutLogEvents request cannot span "
                         "more than 24 hours.");
    return STATUS_DONE;
}

/* AWS: events that are too old or too new are left out, and the others taken. */
static struct log_rejected reject(const struct call *call, const struct log_put *put,
                                  size_t *out_first, size_t *out_end)
{
    struct log_rejected rejected = {.old_end = -1, .expired_end = -1, .new_start = -1};
    int64_t expiry = logs_expiry(call, put->group);
    size_t first = 0;
    size_t end = put->count;
    while (first < end && put->lines[first].at_ms < call->now_ms - MAX_OLD_MS)
        rejected.old_end = (int64_t)++first;
    while (first < end && expiry > 0 && put->lines[first].at_ms < expiry)
        rejected.expired_end = (int64_t)++first;
    while (end > first && put->lines[end - 1].at_ms > call->now_ms + MAX_NEW_MS)
        rejected.new_start = (int64_t)--end;
    *out_first = first;
    *out_end = end;
    return rejected;
}

static struct str pack(struct call *call, const struct logs_line *lines, size_t count)
{
    struct buf events;
    buf_init(&events, call->arena, LOGS_MAX_BATCH); /* a head is smaller than AWS's overhead */
    for (size_t i = 0; i < count; i++)
        log_batch_append(&events, lines[i].at_ms, lines[i].text);
    CHECK(!events.is_full);
    return buf_str(&events);
}

enum status logs_put(struct call *call, const struct log_put *put, struct log_rejected *out)
{
    enum status status = check(call, put);
    if (status != STATUS_DONE)
        return status;
    size_t first = 0;
    size_t end = 0;
    *out = reject(call, put, &first, &end);
    if (first == end)
        return STATUS_DONE;
    const struct logs_line *lines = put->lines + first;
    size_t count = end - first;
    struct log_stream *stream = put->stream;
    const struct log_batch batch = {
        .stream_id = stream->id,
        .sequence = stream->sequence + 1,
        .group_id = put->group->id,
        .first_at_ms = lines[0].at_ms,
        .last_at_ms = lines[count - 1].at_ms,
        .count = (int64_t)count,
        .byte_count = (int64_t)size_of(lines, count),
        .ingested_at_ms = call->now_ms,
        .events = pack(call, lines, count),
    };
    if (stream->first_at_ms == 0 || batch.first_at_ms < stream->first_at_ms)
        stream->first_at_ms = batch.first_at_ms;
    if (batch.last_at_ms > stream->last_at_ms)
        stream->last_at_ms = batch.last_at_ms;
    stream->sequence = batch.sequence;
    stream->ingested_at_ms = call->now_ms;
    stream->stored_bytes += batch.byte_count;
    int rc = logs_store_insert_batch(call->db, &batch);
    if (rc == 0)
        rc = logs_store_update_stream(call->db, stream);
    if (rc < 0)
        return call_fail_internal(call, rc, "logs: put events");
    return put->group->is_subscribed ? logs_deliver(call, put->group, stream, &batch) : STATUS_DONE;
}

static void show_rejected(struct call *call, const struct log_rejected *rejected,
                          struct logs_put_log_events_out *out)
{
    if (rejected->old_end < 0 && rejected->expired_end < 0 && rejected->new_start < 0)
        return;
    struct logs_rejected_log_events_info *info = arena_alloc(call->arena, sizeof(*info));
    if (rejected->old_end >= 0)
        info->too_old_log_event_end_index = opt_i32((int32_t)rejected->old_end);
    if (rejected->expired_end >= 0)
        info->expired_log_event_end_index = opt_i32((int32_t)rejected->expired_end);
    if (rejected->new_start >= 0)
        info->too_new_log_event_start_index = opt_i32((int32_t)rejected->new_start);
    out->rejected_log_events_info = info;
}

/* AWS: "The sequence token is now ignored in PutLogEvents actions". */
enum status logs_put_log_events(struct call *call, const struct logs_put_log_events_in *in,
                                struct logs_put_log_events_out *out)
{
    struct log_group group = {0};
    struct log_stream stream = {0};
    struct log_rejected rejected = {0};
    enum status status = logs_find_group(call, in->log_group_name, (struct str){0}, &group);
    if (status == STATUS_DONE)
        status = logs_find_stream(call, &group, in->log_stream_name, &stream);
    if (status != STATUS_DONE)
        return status;
    struct logs_line *lines = arena_alloc_array(call->arena, in->log_events.count, sizeof(*lines));
    for (size_t i = 0; i < in->log_events.count; i++)
        lines[i] = (struct logs_line){.at_ms = in->log_events.items[i].timestamp.value,
                                      .text = in->log_events.items[i].message};
    const struct log_put put = {
        .group = &group, .stream = &stream, .lines = lines, .count = in->log_events.count};
    status = logs_put(call, &put, &rejected);
    if (status != STATUS_DONE)
        return status;
    show_rejected(call, &rejected, out);
    out->next_sequence_token = str_format(call->arena, "%056lld", (long long)stream.sequence);
    return STATUS_DONE;
}

enum status logs_write(struct call *call, struct scope scope, struct str group, struct str stream,
                       const struct logs_line *lines, size_t count)
{
    struct log_group found_group = {0};
    struct log_stream found_stream = {0};
    struct log_rejected rejected = {0};
    enum status status = logs_make_group(call, scope, group, &found_group);
    if (status == STATUS_DONE)
        status = logs_make_stream(call, &found_group, stream, &found_stream);
    const struct log_put put = {
        .group = &found_group, .stream = &found_stream, .lines = lines, .count = count};
    return status == STATUS_DONE ? logs_put(call, &put, &rejected) : status;
}
