/* describe.c — a table as DescribeTable shows it.
 *
 * AWS: ItemCount and TableSizeBytes are updated "approximately every six hours". Here they are
 * counted when asked for, as long as that is a matter of milliseconds; a larger table is counted by
 * a workflow (count.c) and shown as last counted.
 *
 * Docs: API reference, TableDescription.
 */
#include "base/arena.h"
#include "service/dynamodb/dynamodb.h"
#include "syntax/json.h"

enum {
    ON_DEMAND_WARM_READ = 12000, /* AWS: what a new on-demand table can do at once */
    ON_DEMAND_WARM_WRITE = 4000,
};

static struct str status_name(enum ddb_status status)
{
    static const struct str names[] = {
        [DDB_CREATING] = STR_INIT("CREATING"),
        [DDB_UPDATING] = STR_INIT("UPDATING"),
        [DDB_DELETING] = STR_INIT("DELETING"),
        [DDB_ACTIVE] = STR_INIT("ACTIVE"),
    };
    return names[status];
}

struct str ddb_view_name(enum ddb_view view)
{
    static const struct str names[] = {
        [DDB_VIEW_NONE] = STR_INIT(""),
        [DDB_VIEW_KEYS_ONLY] = STR_INIT("KEYS_ONLY"),
        [DDB_VIEW_NEW_IMAGE] = STR_INIT("NEW_IMAGE"),
        [DDB_VIEW_OLD_IMAGE] = STR_INIT("OLD_IMAGE"),
        [DDB_VIEW_NEW_AND_OLD_IMAGES] = STR_INIT("NEW_AND_OLD_IMAGES"),
    };
    return names[view];
}

void ddb_key_schema_of(struct arena *arena, const struct ddb_key_schema *keys,
                       struct dynamodb_key_schema *out)
{
    size_t count = keys->hash_count + keys->range_count;
    out->items = arena_alloc_array(arena, count, sizeof(*out->items));
    out->count = count;
    out->is_set = true;
    for (size_t i = 0; i < count; i++) {
        bool is_hash = i < keys->hash_count;
        out->items[i] = (struct dynamodb_key_schema_element){
            .attribute_name = is_hash ? keys->hash[i].name : keys->range[i - keys->hash_count].name,
            .key_type = is_hash ? STR("HASH") : STR("RANGE"),
        };
    }
}

struct dynamodb_projection *ddb_projection_of(struct arena *arena, const struct ddb_index *index)
{
    static const struct str names[] = {
        [DDB_PROJECT_ALL] = STR_INIT("ALL"),
        [DDB_PROJECT_KEYS_ONLY] = STR_INIT("KEYS_ONLY"),
        [DDB_PROJECT_INCLUDE] = STR_INIT("INCLUDE"),
    };
    struct dynamodb_projection *projection = arena_alloc(arena, sizeof(*projection));
    projection->projection_type = names[index->projection];
    projection->non_key_attributes.count = index->attribute_count;
    projection->non_key_attributes.items =
        arena_alloc_array(arena, index->attribute_count + 1, sizeof(struct str));
    for (size_t i = 0; i < index->attribute_count; i++)
        projection->non_key_attributes.items[i] = index->attributes[i];
    return projection;
}

static void describe_attributes(struct arena *arena, const struct ddb_table *table,
                                struct dynamodb_attribute_definitions *out)
{
    const struct json *definitions = json_find_cstr(table->detail, "Attributes");
    size_t count = definitions ? definitions->count : 0;
    out->items = arena_alloc_array(arena, count + 1, sizeof(*out->items));
    out->is_set = true;
    for (const struct json *one = definitions ? definitions->first : NULL; one; one = one->next) {
        out->items[out->count++] = (struct dynamodb_attribute_definition){
            .attribute_name = one->key,
            .attribute_type = one->text,
        };
    }
}

static struct opt_i64 time_member(const struct json *object, const char *name)
{
    int64_t value = ddb_detail_i64(object, name, 0);
    return value > 0 ? opt_i64(value) : (struct opt_i64){0};
}

static struct dynamodb_provisioned_throughput_description *
describe_throughput(struct arena *arena, const struct json *times, int64_t read_units,
                    int64_t write_units)
{
    struct dynamodb_provisioned_throughput_description *out = arena_alloc(arena, sizeof(*out));
    *out = (struct dynamodb_provisioned_throughput_description){
        .last_increase_date_time = time_member(times, "IncreasedAt"),
        .last_decrease_date_time = time_member(times, "DecreasedAt"),
        .number_of_decreases_today = opt_i64(ddb_detail_i64(times, "Decreases", 0)),
        .read_capacity_units = opt_i64(read_units),
        .write_capacity_units = opt_i64(write_units),
    };
    return out;
}

/* MaxRead and MaxWrite of the detail of a table or index. */
static struct dynamodb_on_demand_throughput *describe_on_demand(struct arena *arena,
                                                                const struct json *object)
{
    if (!json_find_cstr(object, "MaxRead"))
        return NULL;
    struct dynamodb_on_demand_throughput *out = arena_alloc(arena, sizeof(*out));
    out->max_read_request_units = opt_i64(ddb_detail_i64(object, "MaxRead", -1));
    out->max_write_request_units = opt_i64(ddb_detail_i64(object, "MaxWrite", -1));
    return out;
}

static int64_t warm_units(const struct ddb_table *table, const struct json *object,
                          const char *name, int64_t provisioned, int64_t on_demand)
{
    return ddb_detail_i64(object, name, table->is_on_demand ? on_demand : provisioned);
}

static struct dynamodb_table_warm_throughput_description *
describe_warm(struct arena *arena, const struct ddb_table *table)
{
    struct dynamodb_table_warm_throughput_description *out = arena_alloc(arena, sizeof(*out));
    *out = (struct dynamodb_table_warm_throughput_description){
        .read_units_per_second = opt_i64(
            warm_units(table, table->detail, "WarmRead", table->read_units, ON_DEMAND_WARM_READ)),
        .write_units_per_second = opt_i64(warm_units(table, table->detail, "WarmWrite",
                                                     table->write_units, ON_DEMAND_WARM_WRITE)),
        .status = status_name(table->status == DDB_DELETING ? DDB_ACTIVE : table->status),
    };
    return out;
}

static enum status describe_local(struct call *call, const struct ddb_table *table,
                                  const struct ddb_index *index,
                                  struct dynamodb_local_secondary_index_description *out)
{
    int64_t count = 0;
    int64_t bytes = 0;
    int rc = ddb_measure(call, table, index, &count, &bytes);
    if (rc < 0)
        return call_fail_internal(call, rc, "dynamodb: count an index");
    *out = (struct dynamodb_local_secondary_index_description){
        .index_name = index->name,
        .projection = ddb_projection_of(call->arena, index),
        .index_size_bytes = opt_i64(bytes),
        .item_count = opt_i64(count),
        .index_arn = str_concat3(call->arena, table->arn, STR("/index/"), index->name),
    };
    ddb_key_schema_of(call->arena, &index->keys, &out->key_schema);
    return STATUS_DONE;
}

static enum status describe_global(struct call *call, const struct ddb_table *table,
                                   const struct ddb_index *index,
                                   struct dynamodb_global_secondary_index_description *out)
{
    int64_t count = 0;
    int64_t bytes = 0;
    int rc = ddb_measure(call, table, index, &count, &bytes);
    if (rc < 0)
        return call_fail_internal(call, rc, "dynamodb: count an index");
    const struct json *own = json_find(json_find_cstr(table->detail, "Indexes"), index->name);
    enum ddb_status status = table->status == DDB_CREATING ? DDB_CREATING : index->status;
    struct dynamodb_global_secondary_index_warm_throughput_description *warm =
        arena_alloc(call->arena, sizeof(*warm));
    *warm = (struct dynamodb_global_secondary_index_warm_throughput_description){
        .read_units_per_second =
            opt_i64(warm_units(table, own, "WarmRead", index->read_units, ON_DEMAND_WARM_READ)),
        .write_units_per_second =
            opt_i64(warm_units(table, own, "WarmWrite", index->write_units, ON_DEMAND_WARM_WRITE)),
        .status = status_name(status),
    };
    *out = (struct dynamodb_global_secondary_index_description){
        .index_name = index->name,
        .projection = ddb_projection_of(call->arena, index),
        .index_status = status_name(status),
        .provisioned_throughput =
            describe_throughput(call->arena, own, index->read_units, index->write_units),
        .index_size_bytes = opt_i64(bytes),
        .item_count = opt_i64(count),
        .index_arn = str_concat3(call->arena, table->arn, STR("/index/"), index->name),
        .on_demand_throughput = describe_on_demand(call->arena, own),
        .warm_throughput = warm,
    };
    if (index->is_backfilling)
        out->backfilling = opt_bool(true);
    ddb_key_schema_of(call->arena, &index->keys, &out->key_schema);
    return STATUS_DONE;
}

static enum status describe_indexes(struct call *call, const struct ddb_table *table,
                                    struct dynamodb_table_description *out)
{
    size_t room = table->index_count + 1;
    struct dynamodb_local_secondary_index_description *local =
        arena_alloc_array(call->arena, room, sizeof(*local));
    struct dynamodb_global_secondary_index_description *global =
        arena_alloc_array(call->arena, room, sizeof(*global));
    out->local_secondary_indexes.items = local;
    out->global_secondary_indexes.items = global;
    enum status status = STATUS_DONE;
    for (size_t i = 0; i < table->index_count && status == STATUS_DONE; i++) {
        const struct ddb_index *index = &table->indexes[i];
        if (index->is_local)
            status =
                describe_local(call, table, index, &local[out->local_secondary_indexes.count++]);
        else
            status =
                describe_global(call, table, index, &global[out->global_secondary_indexes.count++]);
    }
    return status;
}

static enum status describe_stream(struct call *call, const struct ddb_table *table,
                                   struct dynamodb_table_description *out)
{
    if (table->stream_key == 0)
        return STATUS_DONE;
    struct ddb_stream stream = {0};
    int rc = ddb_store_find_stream_key(call->db, call->arena, table->stream_key, &stream);
    if (rc < 0)
        return call_fail_internal(call, rc, "dynamodb: find a table's stream");
    if (rc == 0)
        return STATUS_DONE; /* disabled and trimmed */
    out->latest_stream_label = stream.label;
    out->latest_stream_arn = stream.arn;
    if (table->view == DDB_VIEW_NONE)
        return STATUS_DONE;
    out->stream_specification = arena_alloc(call->arena, sizeof(*out->stream_specification));
    out->stream_specification->stream_enabled = opt_bool(true);
    out->stream_specification->stream_view_type = ddb_view_name(table->view);
    return STATUS_DONE;
}

struct dynamodb_sse_description *ddb_sse_of(struct arena *arena, const struct ddb_table *table)
{
    const struct json *sse = json_find_cstr(table->detail, "Sse");
    if (!sse)
        return NULL;
    struct dynamodb_sse_description *out = arena_alloc(arena, sizeof(*out));
    *out = (struct dynamodb_sse_description){
        .status = STR("ENABLED"),
        .sse_type = STR("KMS"),
        .kms_master_key_arn = json_find_str(sse, "Key"),
    };
    return out;
}

static void describe_settings(struct arena *arena, const struct ddb_table *table,
                              struct dynamodb_table_description *out)
{
    const struct json *detail = table->detail;
    if (table->is_on_demand || json_find_cstr(detail, "OnDemandAt")) {
        out->billing_mode_summary = arena_alloc(arena, sizeof(*out->billing_mode_summary));
        out->billing_mode_summary->billing_mode =
            table->is_on_demand ? STR("PAY_PER_REQUEST") : STR("PROVISIONED");
        out->billing_mode_summary->last_update_to_pay_per_request_date_time =
            time_member(detail, "OnDemandAt");
    }
    if (json_find_cstr(detail, "Class")) {
        out->table_class_summary = arena_alloc(arena, sizeof(*out->table_class_summary));
        out->table_class_summary->table_class = json_find_str(detail, "Class");
        out->table_class_summary->last_update_date_time = time_member(detail, "ClassAt");
    }
    const struct json *restore = json_find_cstr(detail, "Restore");
    if (restore) {
        out->restore_summary = arena_alloc(arena, sizeof(*out->restore_summary));
        *out->restore_summary = (struct dynamodb_restore_summary){
            .source_backup_arn = json_find_str(restore, "Backup"),
            .source_table_arn = json_find_str(restore, "Table"),
            .restore_date_time = opt_i64(ddb_detail_i64(restore, "At", 0)),
            .restore_in_progress = opt_bool(ddb_detail_bool(restore, "Running")),
        };
    }
    out->sse_description = ddb_sse_of(arena, table);
    out->deletion_protection_enabled = opt_bool(table->is_protected);
    out->on_demand_throughput = describe_on_demand(arena, detail);
    out->warm_throughput = describe_warm(arena, table);
}

enum status ddb_describe(struct call *call, const struct ddb_table *table,
                         struct dynamodb_table_description **out_description)
{
    struct dynamodb_table_description *out = arena_alloc(call->arena, sizeof(*out));
    int64_t count = 0;
    int64_t bytes = 0;
    int rc = ddb_measure(call, table, NULL, &count, &bytes);
    if (rc < 0)
        return call_fail_internal(call, rc, "dynamodb: count a table");
    *out = (struct dynamodb_table_description){
        .table_name = table->name,
        .table_status = status_name(table->status),
        .creation_date_time = opt_i64(ddb_detail_i64(table->detail, "CreatedAt", 0)),
        .provisioned_throughput =
            describe_throughput(call->arena, table->detail, table->read_units, table->write_units),
        .table_size_bytes = opt_i64(bytes),
        .item_count = opt_i64(count),
        .table_arn = table->arn,
        .table_id = json_find_str(table->detail, "Id"),
    };
    describe_attributes(call->arena, table, &out->attribute_definitions);
    ddb_key_schema_of(call->arena, &table->keys, &out->key_schema);
    describe_settings(call->arena, table, out);
    enum status status = describe_indexes(call, table, out);
    if (status == STATUS_DONE)
        status = describe_stream(call, table, out);
    if (status == STATUS_DONE)
        status = ddb_replica_describe(call, table, out);
    *out_description = out;
    return status;
}
