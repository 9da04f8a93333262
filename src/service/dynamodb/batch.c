/* batch.c — BatchGetItem and BatchWriteItem.
 *
 * All of a batch is done in one transaction, so nothing is ever left unprocessed for want of
 * throughput; UnprocessedKeys is answered only where AWS's limit of 16 MB cuts the answer off.
 *
 * OBSERVED: texts as recorded by the tests of dynalite and nubo-db/dynamodb-conformance.
 */
#include <errno.h>

#include "base/arena.h"
#include "base/map.h"
#include "service/dynamodb/item.h"

enum {
    GET_MAX = 100,                      /* AWS: items of a BatchGetItem */
    WRITE_MAX = 25,                     /* AWS: requests of a BatchWriteItem */
    BATCH_BYTES_MAX = 16 * 1024 * 1024, /* AWS: of a batch's answer */
};

/* ---- BatchGetItem ---- */

/* One table's part of the request. */
struct get_part {
    const struct dynamodb_keys_and_attributes *in;
    struct ddb_table *table;
    struct ddb_paths paths;
    bool has_paths;
    struct ddb_value *keys;
};

/* A text that two equal keys share: the key's encoding as a value. */
static bool add_unique(struct arena *arena, struct map *seen, const struct ddb_value *key)
{
    return map_set(seen, ddb_value_to_blob(arena, key), seen);
}

static int read_get_part(struct arena *arena, const struct dynamodb_keys_and_attributes *in,
                         struct get_part *out, struct str *out_message)
{
    const struct ddb_projection_request projection = {
        .expression = in->projection_expression,
        .attributes_to_get = &in->attributes_to_get,
        .names = &in->expression_attribute_names,
    };
    struct map seen;
    map_init(&seen, arena);
    *out = (struct get_part){.in = in};
    int rc = ddb_read_projection(arena, &projection, &out->paths, &out->has_paths, out_message);
    out->keys = arena_alloc_array(arena, in->keys.count, sizeof(*out->keys));
    for (size_t i = 0; rc == 0 && i < in->keys.count; i++) {
        rc = ddb_item_from_api(arena, in->keys.items[i].items, in->keys.items[i].count,
                               &out->keys[i], out_message);
        if (rc == 0 && !add_unique(arena, &seen, &out->keys[i])) {
            *out_message = STR("Provided list of item keys contains duplicates");
            rc = -EINVAL;
        }
    }
    return rc;
}

static enum status read_get_parts(struct call *call, const struct dynamodb_batch_get_item_in *in,
                                  struct get_part *parts)
{
    struct str message = {0};
    size_t total = 0;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < in->request_items.count; i++) {
        total += in->request_items.items[i].value.keys.count;
        if (total > GET_MAX)
            return ddb_refuse(call, "Too many items requested for the BatchGetItem call");
        rc = read_get_part(call->arena, &in->request_items.items[i].value, &parts[i], &message);
    }
    if (rc < 0)
        return ddb_fail(call, rc, message);
    for (size_t i = 0; i < in->request_items.count; i++) {
        enum status status = ddb_table_use(call, in->request_items.items[i].key, &parts[i].table);
        if (status != STATUS_DONE)
            return status;
    }
    for (size_t i = 0; rc == 0 && i < in->request_items.count; i++)
        for (size_t j = 0; rc == 0 && j < parts[i].in->keys.count; j++)
            rc = ddb_check_key(call->arena, parts[i].table, &parts[i].keys[j], &message);
    return rc < 0 ? ddb_fail(call, rc, message) : STATUS_DONE;
}

struct getting {
    struct call *call;
    struct ddb_meters meters;
    size_t bytes;
};

/* The items of one table; keys from *out_done on did not fit any more. */
static int get_part(struct getting *getting, const struct get_part *part,
                    struct dynamodb_item_list *out, size_t *out_done)
{
    struct call *call = getting->call;
    struct ddb_meter *meter = ddb_meter_for(&getting->meters, part->table);
    const size_t count = part->in->keys.count;
    out->items = arena_alloc_array(call->arena, count, sizeof(*out->items));
    out->is_set = true;
    size_t i = 0;
    for (; i < count && getting->bytes < BATCH_BYTES_MAX; i++) {
        struct str hash = {0};
        struct str range = {0};
        struct ddb_value item;
        int rc = ddb_item_key(call->arena, &part->table->keys, &part->keys[i], &hash, &range);
        if (rc == 0)
            rc = ddb_read_item(call, part->table, hash, range, &item);
        if (rc < 0)
            return rc;
        const size_t size = rc == 1 ? ddb_item_size(&item) : 0;
        meter->read_units += ddb_read_units(size, opt_bool_or(part->in->consistent_read, false));
        getting->bytes += size;
        if (rc == 0)
            continue;
        if (part->has_paths)
            item = ddb_project(call->arena, &item, &part->paths);
        out->items[out->count].items = ddb_item_to_api(call->arena, &item);
        out->items[out->count++].count = item.count;
    }
    *out_done = i;
    return 0;
}

static void leave_keys(struct arena *arena, const struct dynamodb_batch_get_request_map_entry *in,
                       size_t done, size_t table_count, struct dynamodb_batch_get_request_map *out)
{
    if (done == in->value.keys.count)
        return;
    if (!out->items)
        out->items = arena_alloc_array(arena, table_count, sizeof(*out->items));
    out->items[out->count] = *in;
    out->items[out->count].value.keys.items += done;
    out->items[out->count].value.keys.count -= done;
    out->count++;
}

enum status dynamodb_batch_get_item(struct call *call, const struct dynamodb_batch_get_item_in *in,
                                    struct dynamodb_batch_get_item_out *out)
{
    const size_t count = in->request_items.count;
    struct getting getting = {.call = call, .meters = {.arena = call->arena}};
    if (count == 0)
        return ddb_refuse(call, "The requestItems parameter is required for BatchGetItem");
    struct get_part *parts = arena_alloc_array(call->arena, count, sizeof(*parts));
    enum status status = read_get_parts(call, in, parts);
    if (status != STATUS_DONE)
        return status;
    out->responses.items = arena_alloc_array(call->arena, count, sizeof(*out->responses.items));
    out->responses.count = count;
    out->responses.is_set = true;
    out->unprocessed_keys.is_set = true;
    for (size_t i = 0; i < count; i++) {
        size_t done = 0;
        out->responses.items[i].key = in->request_items.items[i].key;
        int rc = get_part(&getting, &parts[i], &out->responses.items[i].value, &done);
        if (rc < 0)
            return ddb_fail(call, rc, (struct str){0});
        leave_keys(call->arena, &in->request_items.items[i], done, count, &out->unprocessed_keys);
    }
    out->consumed_capacity =
        ddb_meters_report(&getting.meters, ddb_metering(in->return_consumed_capacity), false);
    return ddb_throttle(call, &getting.meters);
}

/* ---- BatchWriteItem ---- */

static int read_write(struct arena *arena, const struct dynamodb_write_request *in,
                      struct ddb_operation *out, struct str *out_message)
{
    struct ddb_write_request request = {.type = DDB_OPERATION_PUT};
    if (!in->put_request == !in->delete_request) {
        *out_message = STR("Supplied AttributeValue has more than one datatypes set, must contain "
                           "exactly one of the supported datatypes");
        return -EINVAL;
    }
    if (in->put_request) {
        request.entries = in->put_request->item.items;
        request.entry_count = in->put_request->item.count;
    } else {
        request.type = DDB_OPERATION_DELETE;
        request.entries = in->delete_request->key.items;
        request.entry_count = in->delete_request->key.count;
    }
    return ddb_read_write_request(arena, &request, out, out_message);
}

/* OBSERVED: a put's wrong table key has the text of a lookup here (nubo-db/dynamodb-conformance,
 * batchWriteItem). */
static int prepare_write(struct arena *arena, struct ddb_operation *operation,
                         struct str *out_message)
{
    int rc = ddb_operation_prepare(arena, operation, out_message);
    if (rc < 0 && (str_contains(*out_message, STR("Missing the key ")) ||
                   str_contains(*out_message, STR("Type mismatch for key "))))
        *out_message = STR("The provided key element does not match the schema");
    return rc;
}

static enum status prepare_writes(struct call *call, struct ddb_operation *operations, size_t count)
{
    struct str message = {0};
    struct map seen;
    int rc = 0;
    map_init(&seen, call->arena);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = prepare_write(call->arena, &operations[i], &message);
        if (rc < 0)
            return ddb_fail(call, rc, message);
        const struct str place = str_concat(
            call->arena,
            str_format(call->arena, "%lld/%zu/", (long long)operations[i].table->table_key,
                       operations[i].hash.len),
            str_concat(call->arena, operations[i].hash, operations[i].range));
        if (!map_set(&seen, place, &operations[i]))
            return ddb_refuse(call, "Provided list of item keys contains duplicates");
    }
    return STATUS_DONE;
}

static enum status read_writes(struct call *call, const struct dynamodb_batch_write_item_in *in,
                               struct ddb_operation *operations, size_t *out_count)
{
    struct str message = {0};
    size_t count = 0;
    for (size_t i = 0; i < in->request_items.count; i++) {
        const struct dynamodb_write_requests *requests = &in->request_items.items[i].value;
        for (size_t j = 0; j < requests->count; j++) {
            if (count == WRITE_MAX)
                return ddb_refuse(call, "Too many items requested for the BatchWriteItem call");
            int rc = read_write(call->arena, &requests->items[j], &operations[count++], &message);
            if (rc < 0)
                return ddb_fail(call, rc, message);
        }
    }
    *out_count = 0;
    for (size_t i = 0; i < in->request_items.count; i++) {
        struct ddb_table *table = NULL;
        enum status status = ddb_table_use(call, in->request_items.items[i].key, &table);
        if (status != STATUS_DONE)
            return status;
        for (size_t j = 0; j < in->request_items.items[i].value.count; j++)
            operations[(*out_count)++].table = table;
    }
    return prepare_writes(call, operations, *out_count);
}

static int add_metrics(struct call *call, const struct ddb_operation *operation,
                       struct str table_name, size_t max,
                       struct dynamodb_item_collection_metrics_per_table *out)
{
    struct dynamodb_item_collection_metrics *metrics = NULL;
    int rc =
        ddb_collection_metrics(call, operation->table, &operation->item, operation->hash, &metrics);
    if (rc < 0 || !metrics)
        return rc;
    if (!out->items)
        out->items = arena_alloc_array(call->arena, max, sizeof(*out->items));
    size_t i = 0;
    while (i < out->count && !str_eq(out->items[i].key, table_name))
        i++;
    if (i == out->count) {
        out->items[out->count++].key = table_name;
        out->items[i].value.items =
            arena_alloc_array(call->arena, max, sizeof(*out->items[i].value.items));
    }
    out->items[i].value.items[out->items[i].value.count++] = *metrics;
    return 0;
}

int ddb_add_collection_metrics(struct call *call, const struct ddb_operation *operations,
                               size_t count, struct dynamodb_item_collection_metrics_per_table *out)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++)
        if (operations[i].type != DDB_OPERATION_CHECK)
            rc = add_metrics(call, &operations[i], operations[i].table->name, count, out);
    return rc;
}

enum status dynamodb_batch_write_item(struct call *call,
                                      const struct dynamodb_batch_write_item_in *in,
                                      struct dynamodb_batch_write_item_out *out)
{
    struct ddb_operation *operations =
        arena_alloc_array(call->arena, WRITE_MAX, sizeof(*operations));
    struct ddb_meters meters = {.arena = call->arena};
    size_t count = 0;
    int rc = 0;
    if (in->request_items.count == 0)
        return ddb_refuse(call, "The requestItems parameter is required for BatchWriteItem");
    enum status status = read_writes(call, in, operations, &count);
    if (status != STATUS_DONE)
        return status;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = ddb_operation_plan(call, &operations[i]);
        if (rc == 0)
            rc = ddb_operation_write(call, &operations[i]);
        ddb_meter_write(call->arena, ddb_meter_for(&meters, operations[i].table),
                        operations[i].had_item ? &operations[i].old_item : NULL,
                        operations[i].has_item ? &operations[i].new_item : NULL, 1);
    }
    if (rc == 0 && str_eq_cstr(in->return_item_collection_metrics, "SIZE"))
        rc = ddb_add_collection_metrics(call, operations, count, &out->item_collection_metrics);
    if (rc < 0)
        return ddb_fail(call, rc, (struct str){0});
    out->unprocessed_items.is_set = true;
    out->consumed_capacity =
        ddb_meters_report(&meters, ddb_metering(in->return_consumed_capacity), false);
    return ddb_throttle(call, &meters);
}
