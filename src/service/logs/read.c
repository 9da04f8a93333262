/* read.c — GetLogEvents, FilterLogEvents, GetLogRecord.
 *
 * Tokens of GetLogEvents are "f/KEY/s" and "b/KEY/s": what lies behind or before an event. At the
 * end, a token gives itself again, as AWS says ("If you have reached the end of the stream, it
 * returns the same token you passed in").
 *
 * Docs: API reference of the three. The texts of the errors: OBSERVED (2026-02-05, recorded by
 * public test suites with boto3).
 */
#include <stdlib.h>

#include "base/arena.h"
#include "service/logs/filter_pattern.h"
#include "service/logs/logs.h"

enum {
    MAX_STREAMS = 10000, /* that a prefix may name */
};

static enum status fail_token(struct call *call)
{
    return call_fail(call, &LOGS_INVALID_PARAMETER_EXCEPTION,
                     "The specified nextToken is invalid.");
}

enum status logs_check_filter(struct call *call, struct str text,
                              struct filter_pattern **out_pattern)
{
    *out_pattern = NULL;
    if (str_trim(text).len == 0)
        return STATUS_DONE;
    if (filter_pattern_parse(call->arena, text, out_pattern) == 0)
        return STATUS_DONE;
    /* OBSERVED (2019-05-21, reported with the aws CLI). */
    return call_fail(call, &LOGS_INVALID_PARAMETER_EXCEPTION, "Invalid filter pattern");
}

static int64_t latest(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* --- GetLogEvents --- */

static struct str direction_token(struct call *call, char direction, const struct log_key *key)
{
    return str_format(call->arena, "%c/" STR_FMT "/s", direction,
                      STR_ARG(log_key_write(call->arena, key)));
}

static enum status read_direction(struct call *call, struct str token, struct log_query *query)
{
    struct str key = {0};
    struct str rest = token;
    struct str direction = {0};
    if (token.len == 0)
        return STATUS_DONE;
    bool is_token = str_split_next(&rest, '/', &direction) && str_split_next(&rest, '/', &key) &&
                    (str_eq_cstr(direction, "f") || str_eq_cstr(direction, "b")) &&
                    log_key_read(key, &query->bound) == 0;
    if (!is_token)
        return fail_token(call);
    query->has_bound = true;
    query->takes_newest = str_eq_cstr(direction, "b");
    return STATUS_DONE;
}

enum status logs_get_log_events(struct call *call, const struct logs_get_log_events_in *in,
                                struct logs_get_log_events_out *out)
{
    struct log_group group = {0};
    struct log_stream stream = {0};
    struct log_found found = {0};
    enum status status =
        logs_find_group(call, in->log_group_name, in->log_group_identifier, &group);
    if (status == STATUS_DONE)
        status = logs_find_stream(call, &group, in->log_stream_name, &stream);
    struct log_query query = {
        .group_id = group.id,
        .stream_id = stream.id,
        .from_ms = latest(opt_i64_or(in->start_time, 0), logs_expiry(call, &group)),
        /* AWS: "Events with a timestamp equal to or later than this time are not included." */
        .to_ms = in->end_time.is_set ? in->end_time.value - 1 : INT64_MAX,
        .takes_newest = !opt_bool_or(in->start_from_head, false),
        .limit = (size_t)opt_i32_or(in->limit, LOGS_MAX_EVENTS),
        .max_bytes = LOGS_MAX_ANSWER,
    };
    if (status == STATUS_DONE)
        status = read_direction(call, in->next_token, &query);
    if (status != STATUS_DONE)
        return status;
    int rc = logs_select(call, &query, &found);
    if (rc < 0)
        return call_fail_internal(call, rc, "logs: read events");
    out->events.items = arena_alloc_array(call->arena, found.count, sizeof(*out->events.items));
    out->events.is_set = true;
    for (size_t i = 0; i < found.count; i++)
        out->events.items[out->events.count++] = (struct logs_output_log_event){
            .timestamp = opt_i64(found.items[i].key.at_ms),
            .message = found.items[i].message,
            .ingestion_time = opt_i64(found.items[i].ingested_at_ms),
        };
    struct log_key first = found.count > 0 ? found.items[0].key : query.bound;
    struct log_key last = found.count > 0 ? found.items[found.count - 1].key : query.bound;
    if (found.is_partial && !query.takes_newest)
        last = found.resume;
    out->next_forward_token = direction_token(call, 'f', &last);
    out->next_backward_token = direction_token(call, 'b', &first);
    return STATUS_DONE;
}

/* --- FilterLogEvents --- */

static int compare_ids(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;
    return left < right ? -1 : left > right;
}

/* The ids of the streams that are named, or that a prefix names. */
struct choice {
    struct log_stream *streams;
    int64_t *ids;
    size_t count;
};

static enum status choose_named(struct call *call, const struct log_group *group,
                                const struct logs_input_log_stream_names *names,
                                struct choice *choice)
{
    choice->streams = arena_alloc_array(call->arena, names->count, sizeof(*choice->streams));
    for (size_t i = 0; i < names->count; i++) {
        enum status status =
            logs_find_stream(call, group, names->items[i], &choice->streams[choice->count]);
        if (status != STATUS_DONE)
            return status;
        choice->count++;
    }
    return STATUS_DONE;
}

static enum status choose_prefix(struct call *call, const struct log_group *group,
                                 struct str prefix, struct choice *choice)
{
    const struct log_stream_list list = {.prefix = prefix};
    choice->streams = arena_alloc_array(call->arena, MAX_STREAMS, sizeof(*choice->streams));
    int64_t count = logs_store_list_streams(call->db, call->arena, group->id, &list, MAX_STREAMS,
                                            choice->streams);
    if (count < 0)
        return call_fail_internal(call, (int)count, "logs: list streams");
    choice->count = (size_t)count;
    return STATUS_DONE;
}

static enum status choose_streams(struct call *call, const struct logs_filter_log_events_in *in,
                                  const struct log_group *group, struct choice *choice)
{
    /* AWS: "If you specify a value for both logStreamNames and logStreamNamePrefix, the action
     * returns an InvalidParameterException error." */
    if (in->log_stream_names.count > 0 && in->log_stream_name_prefix.len > 0)
        return call_fail(call, &LOGS_INVALID_PARAMETER_EXCEPTION,
                         "logStreamNames and logStreamNamePrefix are mutually exclusive "
                         "parameters.");
    enum status status = STATUS_DONE;
    if (in->log_stream_names.count > 0)
        status = choose_named(call, group, &in->log_stream_names, choice);
    else if (in->log_stream_name_prefix.len > 0)
        status = choose_prefix(call, group, in->log_stream_name_prefix, choice);
    else
        return STATUS_DONE;
    choice->ids = arena_alloc_array(call->arena, choice->count + 1, sizeof(*choice->ids));
    for (size_t i = 0; i < choice->count; i++)
        choice->ids[i] = choice->streams[i].id;
    qsort(choice->ids, choice->count, sizeof(*choice->ids), compare_ids);
    return status;
}

/* Names of the streams that the events are of, each looked up once in a row. */
static int show_events(struct call *call, const struct log_found *found,
                       struct logs_filtered_log_events *out)
{
    struct log_stream stream = {0};
    out->items = arena_alloc_array(call->arena, found->count, sizeof(*out->items));
    out->is_set = true;
    for (size_t i = 0; i < found->count; i++) {
        const struct log_event *event = &found->items[i];
        int rc = stream.id == event->key.stream_id
                     ? 1
                     : logs_store_find_stream_by_id(call->db, call->arena, event->key.stream_id,
                                                    &stream);
        if (rc < 0)
            return rc;
        out->items[out->count++] = (struct logs_filtered_log_event){
            .log_stream_name = stream.name,
            .timestamp = opt_i64(event->key.at_ms),
            .message = event->message,
            .ingestion_time = opt_i64(event->ingested_at_ms),
            .event_id = log_key_write(call->arena, &event->key),
        };
    }
    return 0;
}

static enum status read_bound(struct call *call, struct str token, struct log_query *query)
{
    struct str text = {0};
    enum status status = logs_token_read(call, token, &text);
    if (status != STATUS_DONE || text.len == 0)
        return status;
    query->has_bound = true;
    return log_key_read(text, &query->bound) == 0 ? STATUS_DONE : fail_token(call);
}

enum status logs_filter_log_events(struct call *call, const struct logs_filter_log_events_in *in,
                                   struct logs_filter_log_events_out *out)
{
    struct log_group group = {0};
    struct choice choice = {0};
    struct log_found found = {0};
    struct filter_pattern *pattern = NULL;
    enum status status =
        logs_find_group(call, in->log_group_name, in->log_group_identifier, &group);
    if (status == STATUS_DONE)
        status = logs_check_filter(call, in->filter_pattern, &pattern);
    if (status == STATUS_DONE)
        status = choose_streams(call, in, &group, &choice);
    struct log_query query = {
        .group_id = group.id,
        .stream_id = choice.ids && choice.count == 1 ? choice.ids[0] : 0,
        .stream_ids = choice.ids,
        .stream_count = choice.count,
        .from_ms = latest(opt_i64_or(in->start_time, 0), logs_expiry(call, &group)),
        /* AWS: "Events with a timestamp later than this time are not returned." */
        .to_ms = opt_i64_or(in->end_time, INT64_MAX),
        .limit = (size_t)opt_i32_or(in->limit, LOGS_MAX_EVENTS),
        .max_bytes = LOGS_MAX_ANSWER,
        .pattern = pattern,
    };
    if (status == STATUS_DONE)
        status = read_bound(call, in->next_token, &query);
    if (status != STATUS_DONE)
        return status;
    int rc = logs_select(call, &query, &found);
    if (rc == 0)
        rc = show_events(call, &found, &out->events);
    if (rc < 0)
        return call_fail_internal(call, rc, "logs: filter events");
    /* AWS: searchedLogStreams "is deprecated", "now an empty list". */
    out->searched_log_streams.is_set = true;
    if (found.is_partial)
        out->next_token = logs_token_write(call, log_key_write(call->arena, &found.resume));
    return STATUS_DONE;
}
