/* capacity.c — what requests consume, and sizes of item collections.
 *
 * AWS: "DynamoDB read and write capacity" (developer guide): a strongly consistent read of up to
 * 4 KB is one unit, an eventually consistent one half of it, a write of up to 1 KB one unit,
 * transactions take twice as much; a write that replaces an item counts the larger of the two;
 * "Global secondary indexes": a new or a removed entry is one write, a changed key two, a changed
 * projected attribute one.
 */
#include "base/arena.h"
#include "service/dynamodb/item.h"

enum {
    READ_UNIT_BYTES = 4096,
    WRITE_UNIT_BYTES = 1024,
};

enum ddb_metering ddb_metering(struct str return_consumed_capacity)
{
    if (str_eq_cstr(return_consumed_capacity, "INDEXES"))
        return DDB_METER_INDEXES;
    return str_eq_cstr(return_consumed_capacity, "TOTAL") ? DDB_METER_TOTAL : DDB_METER_NONE;
}

/* Whole units, at least one. */
static double units(size_t size_bytes, size_t unit_bytes)
{
    const size_t count = (size_bytes + unit_bytes - 1) / unit_bytes;
    return (double)(count > 0 ? count : 1);
}

double ddb_read_units(size_t size_bytes, bool is_consistent)
{
    return units(size_bytes, READ_UNIT_BYTES) * (is_consistent ? 1.0 : 0.5);
}

static void meter_init(struct arena *arena, struct ddb_meter *meter, const struct ddb_table *table)
{
    *meter = (struct ddb_meter){.table = table};
    meter->index_read_units =
        arena_alloc_array(arena, table->index_count, sizeof(*meter->index_read_units));
    meter->index_write_units =
        arena_alloc_array(arena, table->index_count, sizeof(*meter->index_write_units));
}

struct ddb_meter *ddb_meter_for(struct ddb_meters *meters, const struct ddb_table *table)
{
    for (size_t i = 0; i < meters->count; i++)
        if (meters->items[i].table->table_key == table->table_key)
            return &meters->items[i];
    struct ddb_meter *grown =
        arena_alloc_array(meters->arena, meters->count + 1, sizeof(*meters->items));
    for (size_t i = 0; i < meters->count; i++)
        grown[i] = meters->items[i];
    meters->items = grown;
    struct ddb_meter *meter = &meters->items[meters->count++];
    meter_init(meters->arena, meter, table);
    return meter;
}

static double larger(double a, double b)
{
    return a > b ? a : b;
}

static double index_units(struct arena *arena, const struct ddb_table *table,
                          const struct ddb_index *index, const struct ddb_value *old_item,
                          const struct ddb_value *new_item)
{
    struct ddb_index_entry old_entry = {0};
    struct ddb_index_entry new_entry = {0};
    const bool had = ddb_index_entry(arena, table, index, old_item, &old_entry);
    const bool has = ddb_index_entry(arena, table, index, new_item, &new_entry);
    const double old_units = had ? units(old_entry.size, WRITE_UNIT_BYTES) : 0;
    const double new_units = has ? units(new_entry.size, WRITE_UNIT_BYTES) : 0;
    if (!had || !has)
        return old_units + new_units;
    if (!str_eq(old_entry.hash, new_entry.hash) || !str_eq(old_entry.range, new_entry.range))
        return old_units + new_units;
    return ddb_value_equal(&old_entry.item, &new_entry.item) ? 0 : larger(old_units, new_units);
}

void ddb_meter_write(struct arena *arena, struct ddb_meter *meter, const struct ddb_value *old_item,
                     const struct ddb_value *new_item, double factor)
{
    const double old_units = units(old_item ? ddb_item_size(old_item) : 0, WRITE_UNIT_BYTES);
    const double new_units = units(new_item ? ddb_item_size(new_item) : 0, WRITE_UNIT_BYTES);
    meter->write_units += factor * larger(old_units, new_units);
    for (size_t i = 0; i < meter->table->index_count; i++)
        meter->index_write_units[i] +=
            factor *
            index_units(arena, meter->table, &meter->table->indexes[i], old_item, new_item);
}

static bool is_positive(double units_used)
{
    return units_used > 0;
}

static struct dynamodb_capacity capacity_of(double read_units, double write_units,
                                            bool is_transaction)
{
    struct dynamodb_capacity capacity = {.capacity_units = opt_f64(read_units + write_units)};
    if (is_transaction && is_positive(read_units))
        capacity.read_capacity_units = opt_f64(read_units);
    if (is_transaction && is_positive(write_units))
        capacity.write_capacity_units = opt_f64(write_units);
    return capacity;
}

static void report_index(struct arena *arena, const struct ddb_meter *meter, size_t i,
                         bool is_transaction, struct dynamodb_consumed_capacity *out)
{
    const struct ddb_index *index = &meter->table->indexes[i];
    if (!is_positive(meter->index_read_units[i] + meter->index_write_units[i]))
        return;
    struct dynamodb_secondary_indexes_capacity_map *map =
        index->is_local ? &out->local_secondary_indexes : &out->global_secondary_indexes;
    if (!map->items)
        map->items = arena_alloc_array(arena, meter->table->index_count, sizeof(*map->items));
    map->items[map->count].key = index->name;
    map->items[map->count].value =
        capacity_of(meter->index_read_units[i], meter->index_write_units[i], is_transaction);
    map->count++;
}

static void fill_report(struct arena *arena, const struct ddb_meter *meter,
                        enum ddb_metering metering, bool is_transaction,
                        struct dynamodb_consumed_capacity *out)
{
    double read_units = meter->read_units;
    double write_units = meter->write_units;
    for (size_t i = 0; i < meter->table->index_count; i++) {
        read_units += meter->index_read_units[i];
        write_units += meter->index_write_units[i];
    }
    const struct dynamodb_capacity total = capacity_of(read_units, write_units, is_transaction);
    out->table_name = meter->table->name;
    out->capacity_units = total.capacity_units;
    out->read_capacity_units = total.read_capacity_units;
    out->write_capacity_units = total.write_capacity_units;
    if (metering != DDB_METER_INDEXES)
        return;
    out->table = arena_alloc(arena, sizeof(*out->table));
    *out->table = capacity_of(meter->read_units, meter->write_units, is_transaction);
    for (size_t i = 0; i < meter->table->index_count; i++)
        report_index(arena, meter, i, is_transaction, out);
}

struct dynamodb_consumed_capacity *ddb_meter_report(struct arena *arena,
                                                    const struct ddb_meter *meter,
                                                    enum ddb_metering metering, bool is_transaction)
{
    if (metering == DDB_METER_NONE)
        return NULL;
    struct dynamodb_consumed_capacity *report = arena_alloc(arena, sizeof(*report));
    fill_report(arena, meter, metering, is_transaction, report);
    return report;
}

struct dynamodb_consumed_capacity_multiple
ddb_meters_report(const struct ddb_meters *meters, enum ddb_metering metering, bool is_transaction)
{
    struct dynamodb_consumed_capacity_multiple list = {0};
    if (metering == DDB_METER_NONE)
        return list;
    list.items = arena_alloc_array(meters->arena, meters->count, sizeof(*list.items));
    list.count = meters->count;
    for (size_t i = 0; i < meters->count; i++)
        fill_report(meters->arena, &meters->items[i], metering, is_transaction, &list.items[i]);
    return list;
}

/* AWS: ItemCollectionMetrics: "a two-element array containing a lower bound and an upper bound for
 * the estimate", in gigabytes; only "if the table has any local secondary indexes". */
int ddb_collection_metrics(struct call *call, const struct ddb_table *table,
                           const struct ddb_value *item, struct str hash,
                           struct dynamodb_item_collection_metrics **out)
{
    static const int64_t gigabyte = INT64_C(1) << 30;
    bool has_local = false;
    for (size_t i = 0; i < table->index_count; i++)
        has_local |= table->indexes[i].is_local;
    *out = NULL;
    if (!has_local)
        return 0;
    int64_t size = 0;
    int rc = ddb_store_collection_size(call->db, table->table_key, hash, &size);
    if (rc < 0)
        return rc;
    struct dynamodb_item_collection_metrics *metrics = arena_alloc(call->arena, sizeof(*metrics));
    struct ddb_value key = {.type = DDB_M};
    const struct str name = table->keys.hash[0].name;
    ddb_map_set(call->arena, &key, name, ddb_map_find(item, name));
    metrics->item_collection_key.items = ddb_item_to_api(call->arena, &key);
    metrics->item_collection_key.count = key.count;
    double *bounds = arena_alloc_array(call->arena, 2, sizeof(*bounds));
    const int64_t gigabytes = size / gigabyte;
    bounds[0] = (double)gigabytes;
    bounds[1] = bounds[0] + 1;
    metrics->size_estimate_range_gb.items = bounds;
    metrics->size_estimate_range_gb.count = 2;
    *out = metrics;
    return 0;
}
