/* page.c — one page of a query or scan: rows, filter, projection, where it ends.
 *
 * AWS: a page ends after Limit items were looked at, or after 1 MB; then there is a
 * LastEvaluatedKey, even when nothing follows. Filters apply to what was read, so a page may be
 * empty and yet not the last one.
 */
#include <errno.h>

#include "base/arena.h"
#include "base/vec.h"
#include "service/dynamodb/item.h"

enum {
    FIRST_CHUNK = 100, /* rows of one statement: PostgreSQL holds them all in memory */
    CHUNK_MIN = 16,
    CHUNK_MAX = 2000,
};

bool ddb_node_any_path(const struct ddb_node *node,
                       bool (*visit)(const struct ddb_path *path, void *context), void *context)
{
    if (node->type == DDB_NODE_PATH)
        return visit(&node->path, context);
    for (size_t i = 0; i < node->arg_count; i++)
        if (ddb_node_any_path(node->args[i], visit, context))
            return true;
    return false;
}

/* ---- where to start ---- */

static bool has_key(const struct ddb_key_schema *keys, const struct ddb_value *key)
{
    for (size_t i = 0; i < keys->hash_count + keys->range_count; i++) {
        const struct ddb_key_attribute *attribute =
            i < keys->hash_count ? &keys->hash[i] : &keys->range[i - keys->hash_count];
        if (!ddb_map_find(key, attribute->name))
            return false;
    }
    return true;
}

static int refuse(struct str *out_message, struct str text)
{
    *out_message = text;
    return -EINVAL;
}

/* The range must hold the start, or the client changed its question between two pages. */
static int check_in_range(struct arena *arena, const struct ddb_range *range,
                          struct str *out_message)
{
    if (range->is_scan) {
        if ((str_is_set(range->low) && str_compare(range->start_hash, range->low) < 0) ||
            (str_is_set(range->high) && str_compare(range->start_hash, range->high) >= 0))
            return refuse(out_message,
                          str_format(arena,
                                     "The provided starting key is invalid: Invalid "
                                     "ExclusiveStartKey. Please use ExclusiveStartKey with correct "
                                     "Segment. TotalSegments: %d Segment: %d",
                                     range->segment_count, range->segment));
        return 0;
    }
    if (!str_eq(range->start_hash, range->hash))
        return refuse(out_message, STR("The provided starting key is outside query boundaries "
                                       "based on provided conditions"));
    if ((str_is_set(range->low) && str_compare(range->start_range, range->low) < 0) ||
        (str_is_set(range->high) && str_compare(range->start_range, range->high) >= 0))
        return refuse(out_message,
                      STR("The provided starting key does not match the range key predicate"));
    return 0;
}

int ddb_page_start(struct arena *arena, struct ddb_page_request *request,
                   const struct ddb_value *key, struct str *out_message)
{
    struct ddb_range *range = &request->range;
    const struct ddb_table *table = request->table;
    const struct ddb_value wanted = ddb_key_of(arena, table, request->index, key);
    const struct ddb_value table_part = ddb_key_of(arena, table, NULL, key);
    const struct ddb_key_schema *keys = request->index ? &request->index->keys : &table->keys;
    struct str reason = {0};
    if (request->index && (wanted.count != key->count || !has_key(keys, key)))
        return refuse(out_message, STR("The provided starting key is invalid"));
    if (wanted.count != key->count || ddb_check_key(arena, table, &table_part, &reason) < 0) {
        if (!str_is_set(reason))
            reason = STR("The provided key element does not match the schema");
        return refuse(
            out_message,
            str_format(arena, "The provided starting key is invalid: " STR_FMT, STR_ARG(reason)));
    }
    int rc =
        ddb_item_key(arena, &table->keys, key, &range->start_table_hash, &range->start_table_range);
    if (rc == 0)
        rc = ddb_item_key(arena, keys, key, &range->start_hash, &range->start_range);
    if (rc < 0)
        return refuse(out_message, STR("The provided starting key is invalid"));
    range->has_start = true;
    return check_in_range(arena, range, out_message);
}

/* ---- reading ---- */

struct reading {
    struct call *call;
    const struct ddb_page_request *request;
    struct ddb_range range;
    struct vec items;
    size_t scanned;
    size_t bytes;       /* of the table's items, or of the index's entries */
    size_t table_bytes; /* LSI: of items that had to be read from the table, in whole units */
    struct ddb_row last;
};

static int decode(struct reading *reading, const struct ddb_row *row, struct ddb_value *out)
{
    /* A row of an index that has no copy: a bug of ours, or a torn database. */
    if (!str_is_set(row->blob) || ddb_value_from_blob(reading->call->arena, row->blob, out) < 0)
        return -EIO;
    return 0;
}

/* What an entry of the index takes, when the whole item was read in its stead. */
static size_t entry_size(struct reading *reading, const struct ddb_row *row,
                         const struct ddb_value *item)
{
    const struct ddb_page_request *request = reading->request;
    struct ddb_index_entry entry;
    if (!reading->range.is_joined || request->index->projection == DDB_PROJECT_ALL ||
        !ddb_index_entry(reading->call->arena, request->table, request->index, item, &entry))
        return (size_t)row->size;
    reading->table_bytes += (size_t)row->size;
    return entry.size;
}

static int take_row(struct reading *reading, const struct ddb_row *row)
{
    const struct ddb_page_request *request = reading->request;
    struct ddb_value item = {0};
    const bool is_needed = !request->is_count || request->filter || reading->range.is_joined;
    int rc = is_needed ? decode(reading, row, &item) : 0;
    if (rc < 0)
        return rc;
    reading->scanned++;
    reading->bytes += is_needed ? entry_size(reading, row, &item) : (size_t)row->size;
    reading->last = *row;
    if (request->filter && !ddb_evaluate(request->filter, &item))
        return 0;
    if (request->has_paths && !request->is_count)
        item = ddb_project(reading->call->arena, &item, &request->paths);
    *(struct ddb_value *)vec_push(&reading->items) = item;
    return 0;
}

static bool is_full(const struct reading *reading)
{
    return reading->bytes >= DDB_PAGE_BYTES ||
           (reading->request->limit > 0 && reading->scanned >= (size_t)reading->request->limit);
}

/* Rows to ask for next: what the page may still hold, judged by the size of those seen. */
static int64_t next_chunk(const struct reading *reading)
{
    int64_t chunk = FIRST_CHUNK;
    if (reading->scanned > 0) {
        const size_t average = reading->bytes / reading->scanned + 1;
        chunk = (int64_t)((DDB_PAGE_BYTES - reading->bytes) / average + 1);
        chunk = chunk < CHUNK_MIN ? CHUNK_MIN : chunk > CHUNK_MAX ? CHUNK_MAX : chunk;
    }
    const int64_t left = reading->request->limit - (int64_t)reading->scanned;
    return reading->request->limit > 0 && left < chunk ? left : chunk;
}

static int read_all(struct reading *reading)
{
    for (;;) {
        struct ddb_row *rows = NULL;
        size_t count = 0;
        const int64_t chunk = next_chunk(reading);
        int rc = ddb_store_read_range(reading->call->db, reading->call->arena, &reading->range,
                                      chunk, &rows, &count);
        for (size_t i = 0; rc == 0 && i < count && !is_full(reading); i++)
            rc = take_row(reading, &rows[i]);
        if (rc < 0)
            return rc;
        if (is_full(reading) || count < (size_t)chunk)
            return 0;
        reading->range.has_start = true;
        reading->range.start_hash = reading->last.hash;
        reading->range.start_range = reading->last.range;
        reading->range.start_table_hash = reading->last.table_hash;
        reading->range.start_table_range = reading->last.table_range;
    }
}

int ddb_read_page(struct call *call, const struct ddb_page_request *request, struct ddb_page *out)
{
    struct reading reading = {.call = call, .request = request, .range = request->range};
    vec_init(&reading.items, call->arena, sizeof(struct ddb_value));
    int rc = read_all(&reading);
    if (rc < 0)
        return rc;
    *out = (struct ddb_page){
        .items = reading.items.items,
        .count = reading.items.count,
        .scanned_count = reading.scanned,
        .has_more = is_full(&reading),
    };
    if (request->index)
        out->index_units = ddb_read_units(reading.bytes, request->is_consistent);
    else
        out->table_units = ddb_read_units(reading.bytes, request->is_consistent);
    if (reading.table_bytes > 0)
        out->table_units = ddb_read_units(reading.table_bytes, request->is_consistent);
    struct ddb_value last;
    if (!out->has_more)
        return 0;
    rc = decode(&reading, &reading.last, &last);
    if (rc == 0)
        out->last_key = ddb_key_of(call->arena, request->table, request->index, &last);
    return rc;
}
