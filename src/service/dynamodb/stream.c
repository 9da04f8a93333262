/* stream.c — streams from inside: enabling, appending, trimming, and reading for others.
 *
 * A stream has slots: one on SQLite, where writers take turns anyway, four on PostgreSQL, where two
 * writers of a slot conflict and one is run again. All items of a partition key are in one slot, so
 * their records are in order. A slot's records are numbered without gaps; a shard is a run of those
 * numbers. AWS rolls shards about every four hours; here the first append after that time does.
 *
 * Invariants:
 *  1. A record commits with the write that it tells of.
 *  2. Each open slot has exactly one open shard (last is -1), named in the slot's row.
 *  3. Records go after 24 hours, closed shards 24 hours after they were closed, a stream that is
 *     disabled 24 hours after that.
 */
#include <errno.h>

#include "base/arena.h"
#include "base/rand.h"
#include "service/dynamodb/dynamodb.h"
#include "syntax/json.h"
#include "syntax/time.h"

enum {
    SHARD_AGE_MS = 4 * 60 * 60 * 1000, /* AWS: "shards ... roll over about every four hours" */
    KEPT_MS = DDB_DAY_MS,              /* AWS: "lifetime of 24 hours" */
    TRIM_ROWS = 500,
    TRIM_LOOK_MS = 5 * 60 * 1000,
    MAX_SHARDS = 1000,  /* a day has 6 per slot; a moved clock makes more */
    NUMBER_FACTOR = 16, /* sequence number = base + number * factor + slot */
};

static const char sequence_base[] = "1"; /* followed by 20 digits: never shorter than 21 */

struct str ddb_stream_channel(struct arena *arena, int64_t stream_key)
{
    return str_format(arena, "ddb:stream:%lld", (long long)stream_key);
}

/* --- names of records --- */

struct str ddb_sequence_number(struct arena *arena, int64_t slot, int64_t number)
{
    int64_t sequence = number * NUMBER_FACTOR + slot;
    return str_format(arena, "%s%020lld", sequence_base, (long long)sequence);
}

int ddb_sequence_read(struct str text, int64_t *out_slot, int64_t *out_number)
{
    int64_t value = 0;
    if (text.len != 21 || text.ptr[0] != sequence_base[0] ||
        str_to_i64(str_from(text, 1), &value) < 0 || value < 0)
        return -EINVAL;
    *out_slot = value % NUMBER_FACTOR;
    *out_number = value / NUMBER_FACTOR;
    return 0;
}

/* splitmix64: the same record has the same id whenever it is read. */
static uint64_t mix(uint64_t value)
{
    value += 0x9e3779b97f4a7c15U;
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9U;
    value = (value ^ (value >> 27)) * 0x94d049bb133111ebU;
    return value ^ (value >> 31);
}

struct str ddb_event_id(struct arena *arena, const struct ddb_stream *stream,
                        const struct ddb_stream_record *record)
{
    uint64_t place = (uint64_t)(record->number * NUMBER_FACTOR + record->slot);
    uint64_t first = mix((uint64_t)stream->stream_key ^ mix((uint64_t)stream->created_at_ms));
    return str_format(arena, "%016llx%016llx", (unsigned long long)mix(first ^ place),
                      (unsigned long long)mix(mix(first) + place));
}

static struct str new_shard_id(struct call *call)
{
    return str_format(call->arena, "shardId-%020lld-%08llx", (long long)call->now_ms,
                      (unsigned long long)rand_below(1ULL << 32));
}

/* --- enabling --- */

static int64_t slot_count(struct call *call)
{
    return store_is_postgres(db_store(call->db)) ? DDB_STREAM_SLOTS_MAX : 1;
}

static enum ddb_view view_of(struct str name)
{
    for (int view = DDB_VIEW_KEYS_ONLY; view <= DDB_VIEW_NEW_AND_OLD_IMAGES; view++) {
        if (str_eq(ddb_view_name((enum ddb_view)view), name))
            return (enum ddb_view)view;
    }
    return DDB_VIEW_NEW_AND_OLD_IMAGES; /* the model allows no other */
}

/* A label is the time of its stream; two streams of a table never have the same. */
static int free_label(struct call *call, const struct ddb_table *table, struct str *out_label)
{
    for (int64_t at_ms = call->now_ms;; at_ms++) {
        struct ddb_stream other;
        struct str label = time_rfc3339_ms(call->arena, at_ms);
        label = str_slice(label, 0, label.len - 1); /* without the Z */
        int rc =
            ddb_store_find_stream(call->db, call->arena, table->scope, table->name, label, &other);
        if (rc < 0)
            return rc;
        if (rc == 0) {
            *out_label = label;
            return 0;
        }
    }
}

static struct str key_names(struct call *call, const struct ddb_table *table)
{
    struct json *names = json_new(call->arena, JSON_ARRAY);
    json_append(names, json_new_string(call->arena, table->keys.hash[0].name));
    if (table->keys.range_count > 0)
        json_append(names, json_new_string(call->arena, table->keys.range[0].name));
    return json_to_str(call->arena, names);
}

static int open_slots(struct call *call, const struct ddb_stream *stream)
{
    int rc = 0;
    for (int64_t slot = 0; slot < slot_count(call) && rc == 0; slot++) {
        const struct ddb_stream_shard shard = {
            .id = new_shard_id(call),
            .slot = slot,
            .first = 1,
            .last = -1,
        };
        rc = ddb_store_insert_shard(call->db, stream->stream_key, &shard);
        if (rc == 0)
            rc = ddb_store_open_slot(call->db, stream->stream_key, slot, shard.id, call->now_ms);
    }
    return rc;
}

enum status ddb_stream_enable(struct call *call, struct ddb_table *table, struct str view_type)
{
    struct ddb_stream stream = {
        .scope = table->scope,
        .table_name = table->name,
        .table_key = table->table_key,
        .view_type = view_type,
        .created_at_ms = call->now_ms,
        .key_schema = key_names(call, table),
    };
    int rc = ddb_store_next_key(call->db, &stream.stream_key);
    if (rc == 0)
        rc = free_label(call, table, &stream.label);
    if (rc == 0)
        rc = ddb_store_insert_stream(call->db, &stream);
    if (rc == 0)
        rc = open_slots(call, &stream);
    if (rc < 0)
        return call_fail_internal(call, rc, "dynamodb: enable a stream");
    table->view = view_of(view_type);
    table->stream_key = stream.stream_key;
    return workflow_start(call, ddb_trim_kind.name,
                          str_format(call->arena, "stream:%lld", (long long)stream.stream_key),
                          NULL);
}

enum status ddb_stream_disable(struct call *call, struct ddb_table *table)
{
    if (table->view == DDB_VIEW_NONE)
        return STATUS_DONE;
    table->view = DDB_VIEW_NONE;
    struct ddb_stream_shard *shards = arena_alloc_array(call->arena, MAX_SHARDS, sizeof(*shards));
    int64_t count =
        ddb_store_list_shards(call->db, call->arena, table->stream_key, MAX_SHARDS, shards);
    int rc = count < 0 ? (int)count : 0;
    for (int64_t i = 0; i < count && rc == 0; i++) {
        int64_t last = 0;
        if (shards[i].last >= 0)
            continue;
        rc = ddb_store_last_number(call->db, table->stream_key, shards[i].slot, &last);
        if (rc == 0)
            rc = ddb_store_close_shard(call->db, table->stream_key, shards[i].id, last,
                                       call->now_ms);
    }
    if (rc == 0)
        rc = ddb_store_close_stream(call->db, table->stream_key, call->now_ms);
    call_notify(call, ddb_stream_channel(call->arena, table->stream_key));
    return rc < 0 ? call_fail_internal(call, rc, "dynamodb: disable a stream") : STATUS_DONE;
}

/* --- appending --- */

/* FNV-1a: the same on every node and after every restart. */
static int64_t slot_of(struct call *call, struct str hash)
{
    uint64_t value = 0xcbf29ce484222325U;
    for (size_t i = 0; i < hash.len; i++)
        value = (value ^ (unsigned char)hash.ptr[i]) * 0x100000001b3U;
    return (int64_t)(value % (uint64_t)slot_count(call));
}

/* The next number of the slot, in a new shard when the open one is old. */
static int take_number(struct call *call, int64_t stream_key, int64_t slot, int64_t *out_number)
{
    struct str shard_id = STR("");
    int64_t opened_at_ms = 0;
    int rc = ddb_store_take_number(call->db, call->arena, stream_key, slot, out_number, &shard_id,
                                   &opened_at_ms);
    if (rc <= 0)
        return rc < 0 ? rc : -ENOENT;
    if (call->now_ms < opened_at_ms + SHARD_AGE_MS)
        return 0;
    const struct ddb_stream_shard next = {
        .id = new_shard_id(call),
        .parent_id = shard_id,
        .slot = slot,
        .first = *out_number,
        .last = -1,
    };
    rc = ddb_store_close_shard(call->db, stream_key, shard_id, *out_number - 1, call->now_ms);
    if (rc == 0)
        rc = ddb_store_insert_shard(call->db, stream_key, &next);
    if (rc == 0)
        rc = ddb_store_open_slot(call->db, stream_key, slot, next.id, call->now_ms);
    return rc;
}

static struct ddb_value keys_of(struct arena *arena, const struct ddb_table *table,
                                const struct ddb_value *item)
{
    struct ddb_value keys = {.type = DDB_M};
    struct str hash = table->keys.hash[0].name;
    const struct ddb_value *value = ddb_map_find(item, hash);
    if (value)
        ddb_map_set(arena, &keys, hash, value);
    if (table->keys.range_count == 0)
        return keys;
    struct str range = table->keys.range[0].name;
    value = ddb_map_find(item, range);
    if (value)
        ddb_map_set(arena, &keys, range, value);
    return keys;
}

static struct str image(struct arena *arena, const struct ddb_value *item, struct str blob)
{
    if (!item)
        return (struct str){0};
    return blob.ptr ? blob : ddb_value_to_blob(arena, item);
}

int ddb_stream_append(struct call *call, const struct ddb_table *table,
                      const struct ddb_write *write)
{
    bool has_new = table->view == DDB_VIEW_NEW_IMAGE || table->view == DDB_VIEW_NEW_AND_OLD_IMAGES;
    bool has_old = table->view == DDB_VIEW_OLD_IMAGE || table->view == DDB_VIEW_NEW_AND_OLD_IMAGES;
    const struct ddb_value keys =
        keys_of(call->arena, table, write->new_item ? write->new_item : write->old_item);
    struct ddb_stream_record record = {
        .slot = slot_of(call, write->hash),
        .created_at_ms = call->now_ms,
        .event_name = !write->old_item   ? STR("INSERT")
                      : !write->new_item ? STR("REMOVE")
                                         : STR("MODIFY"),
        .is_expiry = write->is_expiry,
        .keys = ddb_value_to_blob(call->arena, &keys),
        .size_bytes = (int64_t)ddb_item_size(&keys),
    };
    if (has_new && write->new_item) {
        record.new_image = image(call->arena, write->new_item, write->new_blob);
        record.size_bytes += (int64_t)ddb_item_size(write->new_item);
    }
    if (has_old && write->old_item) {
        record.old_image = image(call->arena, write->old_item, write->old_blob);
        record.size_bytes += (int64_t)ddb_item_size(write->old_item);
    }
    int rc = take_number(call, table->stream_key, record.slot, &record.number);
    if (rc == 0)
        rc = ddb_store_insert_record(call->db, table->stream_key, &record);
    if (rc == 0)
        call_notify(call, ddb_stream_channel(call->arena, table->stream_key));
    return rc;
}

/* --- reading --- */

int ddb_stream_find(struct call *call, struct str arn, struct ddb_stream *out_stream)
{
    struct ddb_name name;
    if (ddb_name_read(call, arn, &name) < 0 || !str_eq_cstr(name.kind, "stream") ||
        !str_eq(name.scope.region, call->scope.region))
        return 0;
    return ddb_store_find_stream(call->db, call->arena, name.scope, name.table, name.rest,
                                 out_stream);
}

int ddb_stream_shards(struct call *call, const struct ddb_stream *stream,
                      struct ddb_stream_shard **out_shards, size_t *out_count)
{
    struct ddb_stream_shard *shards = arena_alloc_array(call->arena, MAX_SHARDS, sizeof(*shards));
    int64_t count =
        ddb_store_list_shards(call->db, call->arena, stream->stream_key, MAX_SHARDS, shards);
    if (count < 0)
        return (int)count;
    *out_shards = shards;
    *out_count = (size_t)count;
    return 0;
}

int ddb_stream_read(struct call *call, const struct ddb_stream *stream, int64_t slot, int64_t from,
                    int64_t to, int64_t limit, struct ddb_stream_record **out_records,
                    size_t *out_count)
{
    if (limit > DDB_STREAM_RECORDS_MAX)
        limit = DDB_STREAM_RECORDS_MAX;
    struct ddb_stream_record *records =
        arena_alloc_array(call->arena, (size_t)limit + 1, sizeof(*records));
    int64_t count = ddb_store_page_records(call->db, call->arena, stream->stream_key, slot, from,
                                           to, limit, records);
    if (count < 0)
        return (int)count;
    *out_records = records;
    *out_count = (size_t)count;
    return 0;
}

int ddb_stream_bounds(struct call *call, const struct ddb_stream *stream, int64_t slot,
                      int64_t *out_first, int64_t *out_last)
{
    int64_t first = 0;
    int64_t last = 0;
    int rc = ddb_store_last_number(call->db, stream->stream_key, slot, &last);
    if (rc == 0)
        rc = ddb_store_first_number(call->db, stream->stream_key, slot, &first);
    if (rc < 0)
        return rc;
    *out_first = first > 0 ? first : last + 1;
    *out_last = last;
    return 0;
}

int ddb_stream_image(struct arena *arena, struct str blob, void **out_entries, size_t *out_count)
{
    struct ddb_value item;
    int rc = ddb_value_from_blob(arena, blob, &item);
    if (rc < 0)
        return rc;
    *out_entries = ddb_item_to_api(arena, &item);
    *out_count = item.count;
    return 0;
}

int64_t ddb_stream_list(struct call *call, struct str table_name, struct str after_table,
                        struct str after_label, int64_t limit, struct ddb_stream *out_streams)
{
    return ddb_store_list_streams(call->db, call->arena, call->scope, table_name, after_table,
                                  after_label, limit, out_streams);
}

/* --- trimming --- */

static enum status trim_stream(struct call *call, int64_t stream_key, struct workflow *workflow,
                               enum workflow_next *out_next)
{
    struct ddb_stream stream;
    int rc = ddb_store_find_stream_key(call->db, call->arena, stream_key, &stream);
    if (rc < 0)
        return call_fail_internal(call, rc, "dynamodb: find a stream to trim");
    if (rc == 0)
        return STATUS_DONE;
    int64_t before_ms = call->now_ms - KEPT_MS;
    bool has_more = false;
    for (int64_t slot = 0; slot < slot_count(call); slot++) {
        int64_t count = ddb_store_trim_records(call->db, stream_key, slot, before_ms, TRIM_ROWS);
        if (count < 0)
            return call_fail_internal(call, (int)count, "dynamodb: trim a stream");
        has_more |= count == TRIM_ROWS;
    }
    bool is_over = !stream.is_enabled && stream.disabled_at_ms <= before_ms && !has_more;
    rc = is_over ? ddb_store_delete_stream(call->db, stream_key)
                 : ddb_store_trim_shards(call->db, stream_key, before_ms);
    if (rc < 0)
        return call_fail_internal(call, rc, "dynamodb: trim a stream's shards");
    *out_next = is_over ? WORKFLOW_DONE : WORKFLOW_AGAIN;
    workflow->run_at_ms = call->now_ms + (has_more ? 0 : TRIM_LOOK_MS);
    return STATUS_DONE;
}

static enum status trim_step(struct call *call, struct workflow *workflow,
                             enum workflow_next *out_next)
{
    struct str rest = workflow->id;
    struct str what = {0};
    int64_t key = 0;
    if (!str_split_next(&rest, ':', &what) || str_to_i64(rest, &key) < 0)
        return call_fail_internal(call, -EINVAL, "dynamodb: what to trim");
    if (str_eq_cstr(what, "stream"))
        return trim_stream(call, key, workflow, out_next);
    return ddb_log_trim(call, key, workflow, out_next);
}

const struct workflow_kind ddb_trim_kind = {
    .name = STR_INIT("dynamodb.trim"),
    .step = trim_step,
};
