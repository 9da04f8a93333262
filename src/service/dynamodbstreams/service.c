/* service.c — DynamoDB Streams: ListStreams, DescribeStream, GetShardIterator, GetRecords.
 *
 * All of the API is implemented. Streams are written and kept by DynamoDB (dynamodb/stream.c),
 * which hands them out through its public header; here is only what the API makes of them.
 *
 * Model: models/dynamodbstreams.model
 */
#include <assert.h>
#include <errno.h>
#include <stddef.h>

#include "base/arena.h"
#include "service/dynamodbstreams/dynamodbstreams.h"
#include "syntax/json.h"

enum {
    LIST_MAX = 100,                    /* AWS: ListStreams and DescribeStream, Limit */
    ITERATOR_LIFE_MS = 15 * 60 * 1000, /* AWS: "A shard iterator expires 15 minutes after it is
                                          retrieved" */
};

static enum status find_stream(struct call *call, struct str arn, struct ddb_stream *out_stream)
{
    int rc = ddb_stream_find(call, arn, out_stream);
    if (rc < 0)
        return call_fail_internal(call, rc, "dynamodbstreams: find a stream");
    if (rc == 0)
        return call_fail(call, &DYNAMODBSTREAMS_RESOURCE_NOT_FOUND_EXCEPTION,
                         "Requested resource not found: Stream: " STR_FMT " not found",
                         STR_ARG(arn));
    return STATUS_DONE;
}

/* The shard of that id, or NULL. */
static enum status find_shard(struct call *call, const struct ddb_stream *stream, struct str id,
                              const struct ddb_stream_shard **out_shard)
{
    struct ddb_stream_shard *shards = NULL;
    size_t count = 0;
    int rc = ddb_stream_shards(call, stream, &shards, &count);
    if (rc < 0)
        return call_fail_internal(call, rc, "dynamodbstreams: list shards");
    for (size_t i = 0; i < count; i++) {
        if (str_eq(shards[i].id, id)) {
            *out_shard = &shards[i];
            return STATUS_DONE;
        }
    }
    return call_fail(call, &DYNAMODBSTREAMS_RESOURCE_NOT_FOUND_EXCEPTION,
                     "Requested resource not found: Shard: " STR_FMT " in Stream: " STR_FMT
                     " not found",
                     STR_ARG(id), STR_ARG(stream->arn));
}

static enum status refuse_limit(struct call *call, int32_t limit, int32_t max)
{
    return call_fail(call, &ERROR_VALIDATION,
                     "1 validation error detected: Value '%d' at 'limit' failed to satisfy "
                     "constraint: Member must have value less than or equal to %d",
                     limit, max);
}

/* --- ListStreams --- */

/* Table and label of an ARN that an earlier page ended with. */
static bool split_start(struct str arn, struct str *out_table, struct str *out_label)
{
    ptrdiff_t table = str_find(arn, STR(":table/"));
    ptrdiff_t label = str_find(arn, STR("/stream/"));
    if (table < 0 || label < table)
        return false;
    size_t from = (size_t)table + 7;
    *out_table = str_slice(arn, from, (size_t)label - from);
    *out_label = str_from(arn, (size_t)label + 8);
    return true;
}

static enum status list_streams(struct call *call, const struct dynamodbstreams_list_streams_in *in,
                                struct dynamodbstreams_list_streams_out *out)
{
    int32_t limit = opt_i32_or(in->limit, LIST_MAX);
    if (limit > LIST_MAX)
        return refuse_limit(call, limit, LIST_MAX);
    struct str table = STR("");
    struct str label = STR("");
    if (in->exclusive_start_stream_arn.len > 0 &&
        !split_start(in->exclusive_start_stream_arn, &table, &label))
        return call_fail(call, &ERROR_VALIDATION, "Invalid StreamArn");
    struct ddb_stream *streams =
        arena_alloc_array(call->arena, (size_t)limit + 1, sizeof(*streams));
    int64_t count = ddb_stream_list(call, in->table_name, table, label, limit + 1, streams);
    if (count < 0)
        return call_fail_internal(call, (int)count, "dynamodbstreams: list streams");
    out->streams.items = arena_alloc_array(call->arena, LIST_MAX, sizeof(*out->streams.items));
    out->streams.is_set = true;
    for (int64_t i = 0; i < count && i < limit; i++) {
        out->streams.items[out->streams.count++] = (struct dynamodbstreams_stream){
            .stream_arn = streams[i].arn,
            .table_name = streams[i].table_name,
            .stream_label = streams[i].label,
        };
    }
    if (count > limit)
        out->last_evaluated_stream_arn = streams[limit - 1].arn;
    return STATUS_DONE;
}

/* --- DescribeStream --- */

static void describe_shard(struct arena *arena, const struct ddb_stream_shard *shard,
                           struct dynamodbstreams_shard *out)
{
    struct dynamodbstreams_sequence_number_range *range = arena_alloc(arena, sizeof(*range));
    range->starting_sequence_number = ddb_sequence_number(arena, shard->slot, shard->first);
    if (shard->last >= 0)
        range->ending_sequence_number = ddb_sequence_number(
            arena, shard->slot, shard->last > shard->first ? shard->last : shard->first);
    *out = (struct dynamodbstreams_shard){
        .shard_id = shard->id,
        .sequence_number_range = range,
    };
    if (shard->parent_id.len > 0)
        out->parent_shard_id = shard->parent_id;
}

static enum status describe_shards(struct call *call,
                                   const struct dynamodbstreams_describe_stream_in *in,
                                   const struct ddb_stream *stream,
                                   struct dynamodbstreams_stream_description *out)
{
    int32_t limit = opt_i32_or(in->limit, LIST_MAX);
    if (limit > LIST_MAX)
        return refuse_limit(call, limit, LIST_MAX);
    struct ddb_stream_shard *shards = NULL;
    size_t count = 0;
    int rc = ddb_stream_shards(call, stream, &shards, &count);
    if (rc < 0)
        return call_fail_internal(call, rc, "dynamodbstreams: list shards");
    out->shards.items = arena_alloc_array(call->arena, LIST_MAX, sizeof(*out->shards.items));
    out->shards.is_set = true;
    for (size_t i = 0; i < count; i++) {
        if (in->exclusive_start_shard_id.len > 0 &&
            str_compare(shards[i].id, in->exclusive_start_shard_id) <= 0)
            continue;
        if (in->shard_filter && in->shard_filter->shard_id.len > 0 &&
            !str_eq(shards[i].parent_id, in->shard_filter->shard_id))
            continue;
        if (out->shards.count == (size_t)limit) {
            out->last_evaluated_shard_id = out->shards.items[limit - 1].shard_id;
            break;
        }
        describe_shard(call->arena, &shards[i], &out->shards.items[out->shards.count++]);
    }
    return STATUS_DONE;
}

static enum status describe_keys(struct call *call, const struct ddb_stream *stream,
                                 struct dynamodbstreams_key_schema *out)
{
    struct json *names = NULL;
    int rc = json_parse(call->arena, stream->key_schema, 0, &names, NULL);
    if (rc < 0)
        return call_fail_internal(call, rc, "dynamodbstreams: a stream's keys");
    out->items = arena_alloc_array(call->arena, names->count + 1, sizeof(*out->items));
    out->is_set = true;
    for (const struct json *name = names->first; name; name = name->next) {
        out->items[out->count] = (struct dynamodbstreams_key_schema_element){
            .attribute_name = name->text,
            .key_type = out->count == 0 ? STR("HASH") : STR("RANGE"),
        };
        out->count++;
    }
    return STATUS_DONE;
}

static enum status describe_stream(struct call *call,
                                   const struct dynamodbstreams_describe_stream_in *in,
                                   struct dynamodbstreams_describe_stream_out *out)
{
    struct ddb_stream stream;
    enum status status = find_stream(call, in->stream_arn, &stream);
    if (status != STATUS_DONE)
        return status;
    out->stream_description = arena_alloc(call->arena, sizeof(*out->stream_description));
    *out->stream_description = (struct dynamodbstreams_stream_description){
        .stream_arn = stream.arn,
        .stream_label = stream.label,
        .stream_status = stream.is_enabled ? STR("ENABLED") : STR("DISABLED"),
        .stream_view_type = stream.view_type,
        .creation_request_date_time = opt_i64(stream.created_at_ms),
        .table_name = stream.table_name,
    };
    status = describe_keys(call, &stream, &out->stream_description->key_schema);
    return status == STATUS_DONE ? describe_shards(call, in, &stream, out->stream_description)
                                 : status;
}

/* --- GetShardIterator --- */

static enum status trimmed(struct call *call)
{
    return call_fail(call, &DYNAMODBSTREAMS_TRIMMED_DATA_ACCESS_EXCEPTION,
                     "The operation attempted to read past the oldest stream record in a shard.");
}

static enum status number_of(struct call *call,
                             const struct dynamodbstreams_get_shard_iterator_in *in,
                             const struct ddb_stream_shard *shard, int64_t first,
                             int64_t *out_number)
{
    int64_t slot = 0;
    int64_t number = 0;
    if (!in->sequence_number.ptr)
        return call_fail(call, &ERROR_VALIDATION,
                         "SequenceNumber must be specified for ShardIteratorType " STR_FMT,
                         STR_ARG(in->shard_iterator_type));
    bool is_ours = ddb_sequence_read(in->sequence_number, &slot, &number) == 0 &&
                   slot == shard->slot && number >= shard->first &&
                   (shard->last < 0 || number <= shard->last || number == shard->first);
    if (!is_ours)
        return call_fail(call, &ERROR_VALIDATION,
                         "Invalid SequenceNumber in the request: SequenceNumber " STR_FMT
                         " is not within the range of Shard " STR_FMT,
                         STR_ARG(in->sequence_number), STR_ARG(shard->id));
    if (number < first && first > shard->first)
        return trimmed(call);
    *out_number = str_eq_cstr(in->shard_iterator_type, "AT_SEQUENCE_NUMBER") ? number : number + 1;
    return STATUS_DONE;
}

static enum status get_shard_iterator(struct call *call,
                                      const struct dynamodbstreams_get_shard_iterator_in *in,
                                      struct dynamodbstreams_get_shard_iterator_out *out)
{
    struct ddb_stream stream;
    const struct ddb_stream_shard *shard = NULL;
    enum status status = find_stream(call, in->stream_arn, &stream);
    if (status == STATUS_DONE)
        status = find_shard(call, &stream, in->shard_id, &shard);
    if (status != STATUS_DONE)
        return status;
    int64_t first = 0;
    int64_t last = 0;
    int rc = ddb_stream_bounds(call, &stream, shard->slot, &first, &last);
    if (rc < 0)
        return call_fail_internal(call, rc, "dynamodbstreams: bounds of a shard");
    struct iterator iterator = {
        .stream_arn = stream.arn,
        .shard_id = shard->id,
        .made_at_ms = call->now_ms,
    };
    if (str_eq_cstr(in->shard_iterator_type, "TRIM_HORIZON"))
        iterator.number = first > shard->first ? first : shard->first;
    else if (str_eq_cstr(in->shard_iterator_type, "LATEST"))
        iterator.number = (shard->last >= 0 ? shard->last : last) + 1;
    else
        status = number_of(call, in, shard, first, &iterator.number);
    if (status != STATUS_DONE)
        return status;
    out->shard_iterator = iterator_write(call->arena, &iterator);
    return STATUS_DONE;
}

/* --- GetRecords --- */

/* A list of entries of the same layout as an image's. */
static int put_image(struct call *call, struct str image, struct dynamodbstreams_attribute_map *out)
{
    void *entries = NULL;
    size_t count = 0;
    if (!image.ptr)
        return 0;
    int rc = ddb_stream_image(call->arena, image, &entries, &count);
    if (rc < 0)
        return rc;
    out->items = entries;
    out->count = count;
    out->is_set = true;
    return 0;
}

static int put_record(struct call *call, const struct ddb_stream *stream,
                      const struct ddb_stream_record *record, struct dynamodbstreams_record *out)
{
    struct dynamodbstreams_stream_record *data = arena_alloc(call->arena, sizeof(*data));
    *data = (struct dynamodbstreams_stream_record){
        /* AWS: "rounded down to the closest second" (StreamRecord, as delivered). */
        .approximate_creation_date_time = opt_i64(record->created_at_ms / 1000 * 1000),
        .sequence_number = ddb_sequence_number(call->arena, record->slot, record->number),
        .size_bytes = opt_i64(record->size_bytes),
        .stream_view_type = stream->view_type,
    };
    *out = (struct dynamodbstreams_record){
        .event_id = ddb_event_id(call->arena, stream, record),
        .event_name = record->event_name,
        .event_version = STR("1.1"),
        .event_source = STR("aws:dynamodb"),
        .aws_region = stream->scope.region,
        .dynamodb = data,
    };
    if (record->is_expiry) {
        /* AWS: "Time to Live" in the developer guide: how a deletion by TTL is told. */
        out->user_identity = arena_alloc(call->arena, sizeof(*out->user_identity));
        out->user_identity->type = STR("Service");
        out->user_identity->principal_id = STR("dynamodb.amazonaws.com");
    }
    int rc = put_image(call, record->keys, &data->keys);
    if (rc == 0)
        rc = put_image(call, record->new_image, &data->new_image);
    if (rc == 0)
        rc = put_image(call, record->old_image, &data->old_image);
    return rc;
}

static enum status open_iterator(struct call *call, struct str text, struct iterator *out_iterator,
                                 struct ddb_stream *out_stream,
                                 const struct ddb_stream_shard **out_shard)
{
    if (iterator_read(call->arena, text, out_iterator) < 0)
        return call_fail(call, &ERROR_VALIDATION, "Invalid ShardIterator");
    if (call->now_ms > out_iterator->made_at_ms + ITERATOR_LIFE_MS)
        return call_fail(call, &DYNAMODBSTREAMS_EXPIRED_ITERATOR_EXCEPTION,
                         "The shard iterator has expired. Shard iterators are only valid for 15 "
                         "minutes");
    enum status status = find_stream(call, out_iterator->stream_arn, out_stream);
    return status == STATUS_DONE ? find_shard(call, out_stream, out_iterator->shard_id, out_shard)
                                 : status;
}

static enum status get_records(struct call *call, const struct dynamodbstreams_get_records_in *in,
                               struct dynamodbstreams_get_records_out *out)
{
    int32_t limit = opt_i32_or(in->limit, DDB_STREAM_RECORDS_MAX);
    struct iterator iterator;
    struct ddb_stream stream;
    const struct ddb_stream_shard *shard = NULL;
    if (limit > DDB_STREAM_RECORDS_MAX)
        return refuse_limit(call, limit, DDB_STREAM_RECORDS_MAX);
    enum status status = open_iterator(call, in->shard_iterator, &iterator, &stream, &shard);
    if (status != STATUS_DONE)
        return status;
    int64_t first = 0;
    int64_t last = 0;
    struct ddb_stream_record *records = NULL;
    size_t count = 0;
    int rc = ddb_stream_bounds(call, &stream, shard->slot, &first, &last);
    if (rc == 0 && iterator.number < first && iterator.number <= last)
        return trimmed(call);
    int64_t to = shard->last >= 0 ? shard->last : last;
    if (rc == 0)
        rc = ddb_stream_read(call, &stream, shard->slot, iterator.number, to, limit, &records,
                             &count);
    out->records.items = arena_alloc_array(call->arena, count + 1, sizeof(*out->records.items));
    out->records.is_set = true;
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = put_record(call, &stream, &records[i], &out->records.items[out->records.count++]);
    if (rc < 0)
        return call_fail_internal(call, rc, "dynamodbstreams: read a shard");
    if (count > 0)
        iterator.number = records[count - 1].number + 1;
    iterator.made_at_ms = call->now_ms;
    /* AWS: "The shard is closed ... if NextShardIterator is null". */
    if (shard->last < 0 || iterator.number <= shard->last)
        out->next_shard_iterator = iterator_write(call->arena, &iterator);
    return STATUS_DONE;
}

/* --- the service --- */

const struct dynamodbstreams_handlers dynamodbstreams_handlers = {
    .describe_stream = describe_stream,
    .get_records = get_records,
    .get_shard_iterator = get_shard_iterator,
    .list_streams = list_streams,
};

static_assert(offsetof(struct dynamodbstreams_describe_stream_in, stream_arn) == 0, "ARN first");
static_assert(offsetof(struct dynamodbstreams_get_shard_iterator_in, stream_arn) == 0, "ARN first");
static_assert(offsetof(struct dynamodbstreams_get_records_in, shard_iterator) == 0,
              "iterator first");

/* AWS: service authorization reference of DynamoDB: the three that read are on the stream,
 * ListStreams is on all. A stream may have a resource policy. */
static enum status authorize(struct call *call, const void *in, struct authorization *out)
{
    enum dynamodbstreams_op op =
        (enum dynamodbstreams_op)(call->operation - dynamodbstreams_operations);
    if (op == DYNAMODBSTREAMS_OP_LIST_STREAMS)
        return STATUS_DONE;
    struct str arn = *(const struct str *)in;
    struct iterator iterator;
    if (op == DYNAMODBSTREAMS_OP_GET_RECORDS)
        arn = iterator_read(call->arena, arn, &iterator) == 0 ? iterator.stream_arn : STR("*");
    out->resource = arn;
    struct ddb_stream stream;
    int rc = ddb_stream_find(call, arn, &stream);
    if (rc == 1) {
        out->resource_account = stream.scope.account;
        rc = ddb_stream_policy(call, &stream, &out->resource_policy);
    }
    return rc < 0 ? call_fail_internal(call, rc, "dynamodbstreams: find a stream") : STATUS_DONE;
}

const struct service dynamodbstreams_service = {
    .model = &dynamodbstreams_model,
    .handlers = &dynamodbstreams_handlers,
    .authorize = authorize,
};
