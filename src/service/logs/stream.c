/* stream.c — log streams: create, delete, list.
 *
 * Docs: API reference of the operations. The texts of the errors, unless said otherwise: OBSERVED
 * (2026-02-03, recorded by public test suites with boto3).
 */
#include "base/arena.h"
#include "base/rand.h"
#include "service/logs/logs.h"

enum {
    LIST_DEFAULT = 50,
};

enum status logs_find_stream(struct call *call, const struct log_group *group, struct str name,
                             struct log_stream *out_stream)
{
    int found = logs_store_find_stream(call->db, call->arena, group->id, name, out_stream);
    if (found < 0)
        return call_fail_internal(call, found, "logs: find a stream");
    if (found == 0)
        return call_fail(call, &LOGS_RESOURCE_NOT_FOUND_EXCEPTION,
                         "The specified log stream does not exist.");
    return STATUS_DONE;
}

static enum status insert(struct call *call, const struct log_group *group, struct str name,
                          struct log_stream *out_stream)
{
    *out_stream = (struct log_stream){
        .id = (int64_t)(1 + rand_below(INT64_MAX - 1)),
        .group_id = group->id,
        .name = name,
        .created_at_ms = call->now_ms,
    };
    int rc = logs_store_insert_stream(call->db, out_stream);
    return rc < 0 ? call_fail_internal(call, rc, "logs: insert a stream") : STATUS_DONE;
}

enum status logs_make_stream(struct call *call, const struct log_group *group, struct str name,
                             struct log_stream *out_stream)
{
    int found = logs_store_find_stream(call->db, call->arena, group->id, name, out_stream);
    if (found < 0)
        return call_fail_internal(call, found, "logs: find a stream");
    return found == 1 ? STATUS_DONE : insert(call, group, name, out_stream);
}

enum status logs_create_log_stream(struct call *call, const struct logs_create_log_stream_in *in,
                                   struct logs_create_log_stream_out *out)
{
    (void)out;
    struct log_group group = {0};
    struct log_stream stream = {0};
    enum status status = logs_find_group(call, in->log_group_name, (struct str){0}, &group);
    if (status != STATUS_DONE)
        return status;
    int found =
        logs_store_find_stream(call->db, call->arena, group.id, in->log_stream_name, &stream);
    if (found < 0)
        return call_fail_internal(call, found, "logs: find a stream");
    if (found == 1)
        return call_fail(call, &LOGS_RESOURCE_ALREADY_EXISTS_EXCEPTION,
                         "The specified log stream already exists");
    return insert(call, &group, in->log_stream_name, &stream);
}

enum status logs_delete_log_stream(struct call *call, const struct logs_delete_log_stream_in *in,
                                   struct logs_delete_log_stream_out *out)
{
    (void)out;
    struct log_group group = {0};
    struct log_stream stream = {0};
    enum status status = logs_find_group(call, in->log_group_name, (struct str){0}, &group);
    if (status == STATUS_DONE)
        status = logs_find_stream(call, &group, in->log_stream_name, &stream);
    if (status != STATUS_DONE)
        return status;
    int rc = logs_store_delete_stream(call->db, &stream);
    return rc < 0 ? call_fail_internal(call, rc, "logs: delete a stream") : STATUS_DONE;
}

static void show(struct call *call, const struct log_group *group, const struct log_stream *stream,
                 struct logs_log_stream *out)
{
    *out = (struct logs_log_stream){
        .log_stream_name = stream->name,
        .creation_time = opt_i64(stream->created_at_ms),
        .arn = str_concat3(call->arena, group->arn, STR(":log-stream:"), stream->name),
        /* AWS: "From June 17, 2019, this parameter is no longer supported for log streams, and is
         * always zero." */
        .stored_bytes = opt_i64(0),
    };
    if (stream->last_at_ms == 0)
        return;
    out->first_event_timestamp = opt_i64(stream->first_at_ms);
    out->last_event_timestamp = opt_i64(stream->last_at_ms);
    out->last_ingestion_time = opt_i64(stream->ingested_at_ms);
    out->upload_sequence_token = str_format(call->arena, "%056lld", (long long)stream->sequence);
}

/* A token is "TIME NAME" of the last stream. */
static enum status read_token(struct call *call, struct str token, struct log_stream_list *list)
{
    struct str text = {0};
    struct str at = {0};
    enum status status = logs_token_read(call, token, &text);
    if (status != STATUS_DONE || text.len == 0)
        return status;
    if (!str_split_next(&text, ' ', &at) || !text.ptr || str_to_i64(at, &list->after_ms) < 0)
        return call_fail(call, &LOGS_INVALID_PARAMETER_EXCEPTION,
                         "The specified nextToken is invalid.");
    list->after = text;
    list->has_start = true;
    return STATUS_DONE;
}

enum status logs_describe_log_streams(struct call *call,
                                      const struct logs_describe_log_streams_in *in,
                                      struct logs_describe_log_streams_out *out)
{
    struct log_group group = {0};
    size_t limit = (size_t)opt_i32_or(in->limit, LIST_DEFAULT);
    struct log_stream_list list = {
        .by_time = str_eq_cstr(in->order_by, "LastEventTime"),
        .is_descending = opt_bool_or(in->descending, false),
        .prefix = in->log_stream_name_prefix,
    };
    /* AWS: "If you order the results by event time, you cannot specify the logStreamNamePrefix
     * parameter". */
    if (list.by_time && in->log_stream_name_prefix.len > 0)
        return call_fail(call, &LOGS_INVALID_PARAMETER_EXCEPTION,
                         "Cannot order by LastEventTime with a logStreamNamePrefix.");
    enum status status =
        logs_find_group(call, in->log_group_name, in->log_group_identifier, &group);
    if (status == STATUS_DONE)
        status = read_token(call, in->next_token, &list);
    if (status != STATUS_DONE)
        return status;
    struct log_stream *streams = arena_alloc_array(call->arena, limit + 1, sizeof(*streams));
    int64_t count = logs_store_list_streams(call->db, call->arena, group.id, &list,
                                            (int64_t)limit + 1, streams);
    if (count < 0)
        return call_fail_internal(call, (int)count, "logs: list streams");
    out->log_streams.items = arena_alloc_array(call->arena, limit, sizeof(*out->log_streams.items));
    out->log_streams.is_set = true;
    for (int64_t i = 0; i < count && i < (int64_t)limit; i++)
        show(call, &group, &streams[i], &out->log_streams.items[out->log_streams.count++]);
    if (count > (int64_t)limit)
        out->next_token = logs_token_write(
            call, str_format(call->arena, "%lld " STR_FMT, (long long)streams[limit - 1].last_at_ms,
                             STR_ARG(streams[limit - 1].name)));
    return STATUS_DONE;
}
