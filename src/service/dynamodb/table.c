/* table.c — CreateTable, DescribeTable, ListTables, UpdateTable, DeleteTable.
 *
 * Members of a table's detail (JSON): Id, CreatedAt, Attributes {name: type}, IncreasedAt,
 * DecreasedAt, Decreases, OnDemandAt, MaxRead, MaxWrite, WarmRead, WarmWrite, Class, ClassAt,
 * Sse {Key}, Tags {key: value}, Ttl {Name, Status}, Pitr {Enabled, Days, Since}, Copies, Restore
 * {Backup, Table, At, Running}, Indexes {name: {MaxRead, ...}}, Kinesis [..], Insights {..},
 * Replicas {..}, PolicyRevision, StreamPolicyRevision, Counted {..}. Times are milliseconds.
 *
 * What a request changes is written at once, with status CREATING or UPDATING; the workflow
 * (life.c) does what takes longer and ends that status.
 */
#include <errno.h>

#include "base/arena.h"
#include "base/rand.h"
#include "service/dynamodb/dynamodb.h"
#include "syntax/json.h"

enum {
    LIST_DEFAULT = 100, /* AWS: ListTables Limit, also its maximum */
};

/* --- creation --- */

enum status ddb_table_begin(struct call *call, struct scope scope, struct str name,
                            struct ddb_table **out_table)
{
    struct ddb_table *table = NULL;
    int rc = ddb_store_find_table(call->db, call->arena, scope, name, false, &table);
    if (rc < 0)
        return call_fail_internal(call, rc, "dynamodb: find a table");
    if (rc == 1)
        return call_fail(call, &DYNAMODB_RESOURCE_IN_USE_EXCEPTION,
                         "Table already exists: " STR_FMT, STR_ARG(name));
    table = arena_alloc(call->arena, sizeof(*table));
    *table = (struct ddb_table){
        .scope = scope,
        .name = name,
        .arn = ddb_table_arn(call->arena, scope, name),
        .status = DDB_CREATING,
        .ttl_attribute = STR(""),
        .detail = json_new(call->arena, JSON_OBJECT),
    };
    rc = ddb_store_next_key(call->db, &table->table_key);
    if (rc < 0)
        return call_fail_internal(call, rc, "dynamodb: number a table");
    ddb_detail_set_str(call->arena, table->detail, "Id", rand_uuid(call->arena));
    ddb_detail_set_i64(call->arena, table->detail, "CreatedAt", call->now_ms);
    *out_table = table;
    return STATUS_DONE;
}

enum status ddb_table_insert(struct call *call, struct ddb_table *table)
{
    struct str hot = ddb_hot_encode(call->arena, table);
    struct str detail = json_to_str(call->arena, table->detail);
    int rc = ddb_store_insert_table(call->db, table, hot, detail);
    if (rc < 0)
        return call_fail_internal(call, rc, "dynamodb: insert a table");
    return ddb_table_schedule(call, table);
}

/* AWS: the default key is AWS's own and is not shown; Enabled=true or a key of one's own is. */
enum status ddb_apply_sse(struct call *call, const struct dynamodb_sse_specification *wanted,
                          struct ddb_table *table)
{
    if (!wanted)
        return STATUS_DONE;
    bool is_enabled = opt_bool_or(wanted->enabled, false);
    if (!is_enabled && (wanted->kms_master_key_id.ptr || wanted->sse_type.ptr))
        return call_fail(call, &ERROR_VALIDATION,
                         "One or more parameter values were invalid: SSEType or KMSMasterKeyId "
                         "can only be specified when Enabled is true");
    if (str_eq_cstr(wanted->sse_type, "AES256"))
        return call_fail(call, &ERROR_VALIDATION,
                         "One or more parameter values were invalid: SSEType AES256 is not "
                         "supported");
    if (!is_enabled) {
        (void)json_remove(table->detail, STR("Sse"));
        return STATUS_DONE;
    }
    struct str key = str_or(wanted->kms_master_key_id, STR("alias/aws/dynamodb"));
    if (!str_starts_with(key, STR("arn:"))) {
        const char *kind = str_starts_with(key, STR("alias/")) ? "" : "key/";
        key = str_format(call->arena, "arn:aws:kms:" STR_FMT ":" STR_FMT ":%s" STR_FMT,
                         STR_ARG(table->scope.region), STR_ARG(table->scope.account), kind,
                         STR_ARG(key));
    }
    struct json *sse = ddb_detail_object(call->arena, table->detail, STR("Sse"));
    ddb_detail_set_str(call->arena, sse, "Key", key);
    return STATUS_DONE;
}

static void apply_on_demand(struct call *call, const struct dynamodb_on_demand_throughput *wanted,
                            struct json *detail)
{
    if (!wanted)
        return;
    ddb_detail_set_i64(call->arena, detail, "MaxRead",
                       opt_i64_or(wanted->max_read_request_units, -1));
    ddb_detail_set_i64(call->arena, detail, "MaxWrite",
                       opt_i64_or(wanted->max_write_request_units, -1));
}

static void apply_warm(struct call *call, const struct dynamodb_warm_throughput *wanted,
                       struct json *detail)
{
    if (wanted && wanted->read_units_per_second.is_set)
        ddb_detail_set_i64(call->arena, detail, "WarmRead", wanted->read_units_per_second.value);
    if (wanted && wanted->write_units_per_second.is_set)
        ddb_detail_set_i64(call->arena, detail, "WarmWrite", wanted->write_units_per_second.value);
}

static enum status apply_stream(struct call *call,
                                const struct dynamodb_stream_specification *wanted,
                                struct ddb_table *table)
{
    if (!wanted)
        return STATUS_DONE;
    bool is_enabled = opt_bool_or(wanted->stream_enabled, false);
    if (is_enabled && !wanted->stream_view_type.ptr)
        return call_fail(call, &ERROR_VALIDATION,
                         "One or more parameter values were invalid: StreamViewType must be "
                         "specified when StreamEnabled is true");
    if (!is_enabled && wanted->stream_view_type.ptr)
        return call_fail(call, &ERROR_VALIDATION,
                         "One or more parameter values were invalid: StreamViewType can only be "
                         "specified when StreamEnabled is true");
    if (is_enabled && table->view != DDB_VIEW_NONE)
        return call_fail(call, &ERROR_VALIDATION,
                         "Table already has an enabled stream: TableName: " STR_FMT,
                         STR_ARG(table->name));
    if (is_enabled)
        return ddb_stream_enable(call, table, wanted->stream_view_type);
    /* CreateTable with StreamEnabled=false asks for what is so anyway. */
    if (table->view == DDB_VIEW_NONE && table->status != DDB_CREATING)
        return call_fail(call, &ERROR_VALIDATION,
                         "Table already has stream disabled: TableName: " STR_FMT,
                         STR_ARG(table->name));
    return ddb_stream_disable(call, table);
}

static enum status check_creation(struct call *call, const struct dynamodb_create_table_in *in)
{
    if (in->global_table_source_arn.ptr || in->global_table_settings_replication_mode.ptr)
        return call_fail(call, &ERROR_NOT_IMPLEMENTED,
                         "Global tables over several accounts (GlobalTableSourceArn, "
                         "GlobalTableSettingsReplicationMode) are not implemented");
    if (!in->attribute_definitions.is_set)
        return call_fail(call, &ERROR_VALIDATION,
                         "1 validation error detected: Value null at 'attributeDefinitions' "
                         "failed to satisfy constraint: Member must not be null");
    if (!in->key_schema.is_set)
        return call_fail(call, &ERROR_VALIDATION,
                         "1 validation error detected: Value null at 'keySchema' failed to "
                         "satisfy constraint: Member must not be null");
    return STATUS_DONE;
}

static enum status apply_creation(struct call *call, const struct dynamodb_create_table_in *in,
                                  struct ddb_table *table)
{
    const struct ddb_schema_request schema = {
        .definitions = &in->attribute_definitions,
        .keys = &in->key_schema,
        .local = &in->local_secondary_indexes,
        .global = &in->global_secondary_indexes,
    };
    enum status status =
        ddb_apply_billing(call, in->billing_mode, in->provisioned_throughput, table);
    if (status == STATUS_DONE)
        status = ddb_schema_apply(call, &schema, table);
    if (status == STATUS_DONE)
        status = ddb_apply_sse(call, in->sse_specification, table);
    if (status == STATUS_DONE && in->tags.count > 0)
        status = ddb_tags_check(call, &in->tags,
                                ddb_detail_object(call->arena, table->detail, STR("Tags")));
    if (status == STATUS_DONE)
        status = apply_stream(call, in->stream_specification, table);
    if (status != STATUS_DONE)
        return status;
    table->is_protected = opt_bool_or(in->deletion_protection_enabled, false);
    if (table->is_on_demand)
        ddb_detail_set_i64(call->arena, table->detail, "OnDemandAt", call->now_ms);
    if (in->table_class.ptr)
        ddb_detail_set_str(call->arena, table->detail, "Class", in->table_class);
    table->is_infrequent = str_eq_cstr(in->table_class, "STANDARD_INFREQUENT_ACCESS");
    apply_on_demand(call, in->on_demand_throughput, table->detail);
    apply_warm(call, in->warm_throughput, table->detail);
    return in->resource_policy.len > 0
               ? ddb_policy_apply(call, table, false, in->resource_policy, (struct str){0})
               : STATUS_DONE;
}

enum status dynamodb_create_table(struct call *call, const struct dynamodb_create_table_in *in,
                                  struct dynamodb_create_table_out *out)
{
    struct ddb_name name;
    if (ddb_name_read(call, in->table_name, &name) < 0)
        name = (struct ddb_name){.scope = call->scope, .table = in->table_name};
    struct ddb_table *table = NULL;
    enum status status = ddb_check_name(call, name.table);
    if (status == STATUS_DONE)
        status = check_creation(call, in);
    if (status == STATUS_DONE)
        status = ddb_table_begin(call, call->scope, name.table, &table);
    if (status == STATUS_DONE)
        status = apply_creation(call, in, table);
    if (status == STATUS_DONE)
        status = ddb_table_insert(call, table);
    return status == STATUS_DONE ? ddb_describe(call, table, &out->table_description) : status;
}

/* --- looking --- */

enum status dynamodb_describe_table(struct call *call, const struct dynamodb_describe_table_in *in,
                                    struct dynamodb_describe_table_out *out)
{
    struct ddb_table *table = NULL;
    enum status status = ddb_table_need(call, in->table_name, &table);
    return status == STATUS_DONE ? ddb_describe(call, table, &out->table) : status;
}

enum status dynamodb_list_tables(struct call *call, const struct dynamodb_list_tables_in *in,
                                 struct dynamodb_list_tables_out *out)
{
    int64_t limit = opt_i32_or(in->limit, LIST_DEFAULT);
    out->table_names.items =
        arena_alloc_array(call->arena, (size_t)limit + 1, sizeof(*out->table_names.items));
    int64_t count = ddb_store_list_tables(call->db, call->arena, call->scope,
                                          str_or(in->exclusive_start_table_name, STR("")),
                                          limit + 1, out->table_names.items);
    if (count < 0)
        return call_fail_internal(call, (int)count, "dynamodb: list tables");
    out->table_names.is_set = true;
    out->table_names.count = (size_t)(count > limit ? limit : count);
    if (count > limit)
        out->last_evaluated_table_name = out->table_names.items[limit - 1];
    return STATUS_DONE;
}

/* --- changing --- */

enum status ddb_require_active(struct call *call, const struct ddb_table *table)
{
    static const char *const what[] = {
        [DDB_CREATING] = "created",
        [DDB_UPDATING] = "updated",
        [DDB_DELETING] = "deleted",
        [DDB_ACTIVE] = "",
    };
    if (table->status == DDB_ACTIVE)
        return STATUS_DONE;
    return call_fail(
        call, &DYNAMODB_RESOURCE_IN_USE_EXCEPTION,
        "Attempt to change a resource which is still in use: Table is being %s: " STR_FMT,
        what[table->status], STR_ARG(table->name));
}

/* When a throughput was last raised and lowered. */
static void note_throughput(struct call *call, struct json *detail, int64_t old_read,
                            int64_t old_write, int64_t new_read, int64_t new_write)
{
    if (new_read > old_read || new_write > old_write)
        ddb_detail_set_i64(call->arena, detail, "IncreasedAt", call->now_ms);
    if (new_read >= old_read && new_write >= old_write)
        return;
    bool is_same_day =
        ddb_detail_i64(detail, "DecreasedAt", 0) / DDB_DAY_MS == call->now_ms / DDB_DAY_MS;
    int64_t today = is_same_day ? ddb_detail_i64(detail, "Decreases", 0) : 0;
    ddb_detail_set_i64(call->arena, detail, "DecreasedAt", call->now_ms);
    ddb_detail_set_i64(call->arena, detail, "Decreases", today + 1);
}

static enum status unchanged_throughput(struct call *call, const char *what, struct str name,
                                        int64_t read_units, int64_t write_units)
{
    /* OBSERVED: recorded by dynalite's tests against AWS. */
    return call_fail(call, &ERROR_VALIDATION,
                     "The provisioned throughput for the %s" STR_FMT
                     " will not change. The requested value equals the current value. Current "
                     "ReadCapacityUnits provisioned for the %s" STR_FMT
                     ": %lld. Requested ReadCapacityUnits: %lld. Current WriteCapacityUnits "
                     "provisioned for the %s" STR_FMT
                     ": %lld. Requested WriteCapacityUnits: %lld. Refer to the Amazon DynamoDB "
                     "Developer Guide for current limits and how to request higher limits.",
                     what, STR_ARG(name), what, STR_ARG(name), (long long)read_units,
                     (long long)read_units, what, STR_ARG(name), (long long)write_units,
                     (long long)write_units);
}

static void leave_indexes_units(struct ddb_table *table)
{
    for (size_t i = 0; i < table->index_count && table->is_on_demand; i++) {
        table->indexes[i].read_units = 0;
        table->indexes[i].write_units = 0;
    }
}

static enum status update_billing(struct call *call, const struct dynamodb_update_table_in *in,
                                  struct ddb_table *table)
{
    if (!in->billing_mode.ptr && !in->provisioned_throughput)
        return STATUS_DONE;
    bool was_on_demand = table->is_on_demand;
    int64_t read_units = table->read_units;
    int64_t write_units = table->write_units;
    struct str mode = in->billing_mode.ptr  ? in->billing_mode
                      : table->is_on_demand ? STR("PAY_PER_REQUEST")
                                            : STR("PROVISIONED");
    /* Naming the mode that it has already changes nothing. */
    if (!in->provisioned_throughput && was_on_demand == str_eq_cstr(mode, "PAY_PER_REQUEST"))
        return STATUS_DONE;
    enum status status = ddb_apply_billing(call, mode, in->provisioned_throughput, table);
    if (status != STATUS_DONE)
        return status;
    if (table->is_on_demand) {
        ddb_detail_set_i64(call->arena, table->detail, "OnDemandAt", call->now_ms);
        leave_indexes_units(table);
        return STATUS_DONE;
    }
    if (!was_on_demand && read_units == table->read_units && write_units == table->write_units)
        return unchanged_throughput(call, "table", STR(""), read_units, write_units);
    note_throughput(call, table->detail, read_units, write_units, table->read_units,
                    table->write_units);
    return STATUS_DONE;
}

static enum status update_index(struct call *call, struct ddb_table *table,
                                const struct dynamodb_update_global_secondary_index_action *wanted)
{
    struct ddb_index *index = ddb_table_index(table, wanted->index_name);
    if (!index || index->is_local)
        return call_fail(call, &DYNAMODB_RESOURCE_NOT_FOUND_EXCEPTION,
                         "Requested resource not found: Table: " STR_FMT " Index: " STR_FMT
                         " not found",
                         STR_ARG(table->name), STR_ARG(wanted->index_name));
    struct json *indexes = ddb_detail_object(call->arena, table->detail, STR("Indexes"));
    struct json *own = ddb_detail_object(call->arena, indexes, index->name);
    apply_on_demand(call, wanted->on_demand_throughput, own);
    apply_warm(call, wanted->warm_throughput, own);
    const struct dynamodb_provisioned_throughput *throughput = wanted->provisioned_throughput;
    if (!throughput)
        return STATUS_DONE;
    if (table->is_on_demand)
        return call_fail(call, &ERROR_VALIDATION,
                         "One or more parameter values were invalid: ProvisionedThroughput should "
                         "not be specified for index: " STR_FMT
                         " when BillingMode is PAY_PER_REQUEST",
                         STR_ARG(index->name));
    int64_t read_units = throughput->read_capacity_units.value;
    int64_t write_units = throughput->write_capacity_units.value;
    if (read_units == index->read_units && write_units == index->write_units)
        return unchanged_throughput(call, "index ", index->name, read_units, write_units);
    note_throughput(call, own, index->read_units, index->write_units, read_units, write_units);
    index->read_units = read_units;
    index->write_units = write_units;
    return STATUS_DONE;
}

static enum status create_index(struct call *call, struct ddb_table *table,
                                const struct dynamodb_update_table_in *in,
                                const struct dynamodb_create_global_secondary_index_action *wanted)
{
    const struct dynamodb_global_secondary_index index = {
        .index_name = wanted->index_name,
        .key_schema = wanted->key_schema,
        .projection = wanted->projection,
        .provisioned_throughput = wanted->provisioned_throughput,
        .on_demand_throughput = wanted->on_demand_throughput,
        .warm_throughput = wanted->warm_throughput,
    };
    return ddb_schema_add_index(call, table, &in->attribute_definitions, &index);
}

static enum status delete_index(struct call *call, struct ddb_table *table, struct str name)
{
    struct ddb_index *index = ddb_table_index(table, name);
    if (!index || index->is_local)
        return call_fail(call, &DYNAMODB_RESOURCE_NOT_FOUND_EXCEPTION,
                         "Requested resource not found: Table: " STR_FMT " Index: " STR_FMT
                         " not found",
                         STR_ARG(table->name), STR_ARG(name));
    index->status = DDB_DELETING;
    index->is_backfilling = false;
    struct json *indexes = json_find_cstr(table->detail, "Indexes");
    if (indexes)
        (void)json_remove(indexes, name);
    return STATUS_DONE;
}

static enum status update_indexes(struct call *call, const struct dynamodb_update_table_in *in,
                                  struct ddb_table *table)
{
    const struct dynamodb_global_secondary_index_update_list *updates =
        &in->global_secondary_index_updates;
    size_t online = 0;
    for (size_t i = 0; i < updates->count; i++) {
        const struct dynamodb_global_secondary_index_update *one = &updates->items[i];
        int parts = (one->create != NULL) + (one->update != NULL) + (one->delete != NULL);
        if (parts != 1)
            return call_fail(call, &ERROR_VALIDATION,
                             "One or more parameter values were invalid: One of "
                             "GlobalSecondaryIndexUpdate.Update, "
                             "GlobalSecondaryIndexUpdate.Create, "
                             "GlobalSecondaryIndexUpdate.Delete must not be null");
        online += one->create || one->delete;
    }
    /* OBSERVED: noppoMan/npdynamodb issue 29, 2015-10-14. */
    if (online > 1)
        return call_fail(call, &DYNAMODB_LIMIT_EXCEEDED_EXCEPTION,
                         "Subscriber limit exceeded: Only 1 online index can be created or "
                         "deleted simultaneously per table");
    enum status status = STATUS_DONE;
    for (size_t i = 0; i < updates->count && status == STATUS_DONE; i++) {
        const struct dynamodb_global_secondary_index_update *one = &updates->items[i];
        if (one->create)
            status = create_index(call, table, in, one->create);
        else if (one->update)
            status = update_index(call, table, one->update);
        else
            status = delete_index(call, table, one->delete->index_name);
    }
    return status;
}

static bool asks_for_anything(const struct dynamodb_update_table_in *in)
{
    return in->billing_mode.ptr || in->provisioned_throughput ||
           in->global_secondary_index_updates.count > 0 || in->stream_specification ||
           in->sse_specification || in->replica_updates.count > 0 || in->table_class.ptr ||
           in->deletion_protection_enabled.is_set || in->on_demand_throughput ||
           in->warm_throughput;
}

static enum status check_update(struct call *call, const struct dynamodb_update_table_in *in,
                                const struct ddb_table *table)
{
    if (in->multi_region_consistency.ptr && !str_eq_cstr(in->multi_region_consistency, "EVENTUAL"))
        return call_fail(call, &ERROR_NOT_IMPLEMENTED,
                         "MultiRegionConsistency STRONG is not implemented");
    if (in->global_table_witness_updates.count > 0 ||
        in->global_table_settings_replication_mode.ptr)
        return call_fail(call, &ERROR_NOT_IMPLEMENTED,
                         "GlobalTableWitnessUpdates and GlobalTableSettingsReplicationMode are "
                         "not implemented");
    if (!asks_for_anything(in))
        return call_fail(call, &ERROR_VALIDATION,
                         "At least one of ProvisionedThroughput, BillingMode, "
                         "UpdateStreamEnabled, GlobalSecondaryIndexUpdates or SSESpecification or "
                         "ReplicaUpdates is required");
    return ddb_require_active(call, table);
}

static void update_class(struct call *call, struct str wanted, struct ddb_table *table)
{
    if (!wanted.ptr)
        return;
    ddb_detail_set_str(call->arena, table->detail, "Class", wanted);
    ddb_detail_set_i64(call->arena, table->detail, "ClassAt", call->now_ms);
    table->is_infrequent = str_eq_cstr(wanted, "STANDARD_INFREQUENT_ACCESS");
}

enum status dynamodb_update_table(struct call *call, const struct dynamodb_update_table_in *in,
                                  struct dynamodb_update_table_out *out)
{
    struct ddb_table *table = NULL;
    enum status status = ddb_table_need(call, in->table_name, &table);
    if (status == STATUS_DONE)
        status = check_update(call, in, table);
    if (status == STATUS_DONE)
        status = update_billing(call, in, table);
    if (status == STATUS_DONE)
        status = update_indexes(call, in, table);
    if (status == STATUS_DONE)
        status = apply_stream(call, in->stream_specification, table);
    if (status == STATUS_DONE)
        status = ddb_apply_sse(call, in->sse_specification, table);
    if (status != STATUS_DONE)
        return status;
    table->is_protected = opt_bool_or(in->deletion_protection_enabled, table->is_protected);
    update_class(call, in->table_class, table);
    apply_on_demand(call, in->on_demand_throughput, table->detail);
    apply_warm(call, in->warm_throughput, table->detail);
    table->status = DDB_UPDATING;
    if (in->replica_updates.count > 0)
        status = ddb_replica_update(call, table, &in->replica_updates);
    else if (table->replica_count > 0)
        status = ddb_replica_follow(call, table);
    if (status == STATUS_DONE)
        status = ddb_table_save(call, table);
    if (status == STATUS_DONE)
        status = ddb_table_schedule(call, table);
    return status == STATUS_DONE ? ddb_describe(call, table, &out->table_description) : status;
}

/* --- deleting --- */

enum status dynamodb_delete_table(struct call *call, const struct dynamodb_delete_table_in *in,
                                  struct dynamodb_delete_table_out *out)
{
    struct ddb_table *table = NULL;
    enum status status = ddb_table_need(call, in->table_name, &table);
    if (status != STATUS_DONE)
        return status;
    /* AWS: "If the specified table is already in the DELETING state, no error is returned." */
    if (table->status == DDB_DELETING)
        return ddb_describe(call, table, &out->table_description);
    status = ddb_require_active(call, table);
    if (status != STATUS_DONE)
        return status;
    if (table->is_protected)
        return call_fail(call, &ERROR_VALIDATION,
                         "Resource cannot be deleted as it is currently protected against "
                         "deletion. Disable deletion protection first.");
    table->status = DDB_DELETING;
    status = ddb_table_save(call, table);
    if (status == STATUS_DONE)
        status = ddb_table_schedule(call, table);
    return status == STATUS_DONE ? ddb_describe(call, table, &out->table_description) : status;
}
