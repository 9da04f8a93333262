/* replica.c — global tables (version 2019.11.21): one table per region, each a copy of the others.
 *
 * Virga's regions live in one store, so a write goes into all copies in the writer's transaction:
 * AWS's "last writer wins" holds with nothing to decide. Each copy's row lists the other regions;
 * the lists change together. A new copy takes writes from the moment it exists and is filled by a
 * workflow (copy.c), which leaves rows that it finds there alone.
 *
 * AWS: "Global tables: how it works": indexes, throughput, TTL and encryption are kept alike; tags,
 * policies, streams' ARNs and backups are each copy's own.
 */
#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "service/dynamodb/dynamodb.h"
#include "syntax/json.h"

#define GLOBAL_VERSION STR("2019.11.21")

static struct scope in_region(const struct ddb_table *table, struct str region)
{
    return (struct scope){.account = table->scope.account, .region = region};
}

static bool lists(const struct ddb_table *table, struct str region)
{
    for (size_t i = 0; i < table->replica_count; i++) {
        if (str_eq(table->replicas[i], region))
            return true;
    }
    return false;
}

static void add_region(struct arena *arena, struct ddb_table *table, struct str region)
{
    struct str *all = arena_alloc_array(arena, table->replica_count + 1, sizeof(*all));
    for (size_t i = 0; i < table->replica_count; i++)
        all[i] = table->replicas[i];
    all[table->replica_count++] = region;
    table->replicas = all;
}

static void drop_region(struct arena *arena, struct ddb_table *table, struct str region)
{
    struct str *kept = arena_alloc_array(arena, table->replica_count + 1, sizeof(*kept));
    size_t count = 0;
    for (size_t i = 0; i < table->replica_count; i++) {
        if (!str_eq(table->replicas[i], region))
            kept[count++] = table->replicas[i];
    }
    table->replicas = kept;
    table->replica_count = count;
}

/* Calls `change` on the copy in each listed region and saves it. */
typedef enum status change_fn(struct call *call, struct ddb_table *copy, const void *context);

static enum status for_each_copy(struct call *call, const struct ddb_table *table,
                                 change_fn *change, const void *context)
{
    for (size_t i = 0; i < table->replica_count; i++) {
        struct ddb_table *copy = NULL;
        int rc = ddb_table_find_in(call, in_region(table, table->replicas[i]), table->name, &copy);
        if (rc < 0)
            return call_fail_internal(call, rc, "dynamodb: find a replica");
        if (rc == 0 || copy->status == DDB_DELETING)
            continue;
        enum status status = change(call, copy, context);
        if (status == STATUS_DONE)
            status = ddb_table_save(call, copy);
        if (status != STATUS_DONE)
            return status;
    }
    return STATUS_DONE;
}

/* --- making and ending copies --- */

static enum status learn_region(struct call *call, struct ddb_table *copy, const void *context)
{
    const struct str *region = context;
    if (!str_eq(copy->scope.region, *region) && !lists(copy, *region))
        add_region(call->arena, copy, *region);
    return STATUS_DONE;
}

static enum status forget_region(struct call *call, struct ddb_table *copy, const void *context)
{
    const struct str *region = context;
    drop_region(call->arena, copy, *region);
    return STATUS_DONE;
}

enum status ddb_replica_forget(struct call *call, const struct ddb_table *table, struct str region)
{
    return for_each_copy(call, table, forget_region, &region);
}

/* What a copy has of the table that it is made from. */
static enum status fill_copy(struct call *call, const struct ddb_table *table,
                             struct ddb_table *copy)
{
    struct arena *arena = call->arena;
    static const char *const members[] = {"Attributes", "OnDemandAt", "MaxRead", "MaxWrite",
                                          "Class",      "Indexes",    "Sse"};
    copy->keys = table->keys;
    copy->is_on_demand = table->is_on_demand;
    copy->read_units = table->read_units;
    copy->write_units = table->write_units;
    copy->is_infrequent = table->is_infrequent;
    copy->ttl_attribute = table->ttl_attribute;
    copy->index_count = table->index_count;
    copy->indexes = arena_alloc_array(arena, table->index_count + 1, sizeof(*copy->indexes));
    for (size_t i = 0; i < table->index_count; i++) {
        copy->indexes[i] = table->indexes[i];
        copy->indexes[i].status = DDB_ACTIVE;
        copy->indexes[i].is_backfilling = false;
        int rc = ddb_store_next_key(call->db, &copy->indexes[i].index_key);
        if (rc < 0)
            return call_fail_internal(call, rc, "dynamodb: number an index");
    }
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        const struct json *member = json_find_cstr(table->detail, members[i]);
        if (member)
            json_set(copy->detail, str_from_cstr(members[i]), json_copy(arena, member));
    }
    const struct json *ttl = json_find_cstr(table->detail, "Ttl");
    if (ttl) {
        struct json *own = json_copy(arena, ttl);
        ddb_detail_set_str(arena, own, "Status", STR("ENABLING"));
        json_set(copy->detail, STR("Ttl"), own);
    }
    ddb_detail_set_bool(arena, copy->detail, "Filling", true);
    return ddb_stream_enable(call, copy, STR("NEW_AND_OLD_IMAGES"));
}

static enum status check_new_region(struct call *call, const struct ddb_table *table,
                                    struct str region)
{
    struct ddb_table *other = NULL;
    if (str_eq(region, table->scope.region))
        return call_fail(call, &ERROR_VALIDATION,
                         "Cannot add, delete, or update the local region through ReplicaUpdates. "
                         "Use CreateTable, DeleteTable, or UpdateTable as required.");
    int rc = ddb_store_find_table(call->db, call->arena, in_region(table, region), table->name,
                                  false, &other);
    if (rc < 0)
        return call_fail_internal(call, rc, "dynamodb: find a replica");
    /* OBSERVED: hashicorp/terraform-provider-aws issues, 2020 and later. */
    if (rc == 1)
        return call_fail(call, &ERROR_VALIDATION,
                         "Failed to create a the new replica of table with name: '" STR_FMT
                         "' because one or more replicas already existed as tables.",
                         STR_ARG(table->name));
    return STATUS_DONE;
}

static void keep_overrides(struct call *call,
                           const struct dynamodb_create_replication_group_member_action *wanted,
                           struct ddb_table *copy)
{
    if (wanted->provisioned_throughput_override &&
        wanted->provisioned_throughput_override->read_capacity_units.is_set && !copy->is_on_demand)
        copy->read_units = wanted->provisioned_throughput_override->read_capacity_units.value;
    if (wanted->on_demand_throughput_override)
        ddb_detail_set_i64(
            call->arena, copy->detail, "MaxRead",
            opt_i64_or(wanted->on_demand_throughput_override->max_read_request_units, -1));
    if (wanted->table_class_override.ptr)
        ddb_detail_set_str(call->arena, copy->detail, "Class", wanted->table_class_override);
}

static enum status create_copy(struct call *call, struct ddb_table *table,
                               const struct dynamodb_create_replication_group_member_action *wanted)
{
    struct str region = wanted->region_name;
    struct ddb_table *copy = NULL;
    enum status status = check_new_region(call, table, region);
    /* AWS: a global table has a stream of NEW_AND_OLD_IMAGES. */
    if (status == STATUS_DONE && table->view == DDB_VIEW_NONE)
        status = ddb_stream_enable(call, table, STR("NEW_AND_OLD_IMAGES"));
    if (status == STATUS_DONE && table->view != DDB_VIEW_NEW_AND_OLD_IMAGES)
        return call_fail(call, &ERROR_VALIDATION,
                         "Table must have DynamoDB Streams enabled with StreamViewType set to "
                         "NEW_AND_OLD_IMAGES: TableName: " STR_FMT,
                         STR_ARG(table->name));
    if (status == STATUS_DONE)
        status = ddb_table_begin(call, in_region(table, region), table->name, &copy);
    if (status == STATUS_DONE)
        status = fill_copy(call, table, copy);
    if (status != STATUS_DONE)
        return status;
    keep_overrides(call, wanted, copy);
    const struct dynamodb_sse_specification sse = {
        .enabled = opt_bool(true),
        .kms_master_key_id = wanted->kms_master_key_id,
    };
    if (wanted->kms_master_key_id.ptr)
        status = ddb_apply_sse(call, &sse, copy);
    for (size_t i = 0; i < table->replica_count; i++)
        add_region(call->arena, copy, table->replicas[i]);
    add_region(call->arena, copy, table->scope.region);
    if (status == STATUS_DONE)
        status = for_each_copy(call, table, learn_region, &region);
    if (status == STATUS_DONE)
        status = ddb_table_insert(call, copy);
    add_region(call->arena, table, region);
    const struct ddb_copy job = {
        .source_key = table->table_key,
        .target_key = copy->table_key,
        .target_scope = copy->scope,
        .target_table = copy->name,
        .epoch = -1,
        .at_ms = -1,
    };
    return status == STATUS_DONE ? ddb_copy_start(call, &job) : status;
}

static enum status not_a_replica(struct call *call, const struct ddb_table *table,
                                 struct str region)
{
    return call_fail(call, &ERROR_VALIDATION,
                     "Update global table operation failed because one or more replicas were not "
                     "part of the global table: Table: " STR_FMT ", Region: " STR_FMT,
                     STR_ARG(table->name), STR_ARG(region));
}

static enum status delete_copy(struct call *call, struct ddb_table *table, struct str region)
{
    struct ddb_table *copy = NULL;
    if (!lists(table, region))
        return not_a_replica(call, table, region);
    int rc = ddb_table_find_in(call, in_region(table, region), table->name, &copy);
    if (rc < 0)
        return call_fail_internal(call, rc, "dynamodb: find a replica");
    enum status status = for_each_copy(call, table, forget_region, &region);
    drop_region(call->arena, table, region);
    if (rc == 0 || status != STATUS_DONE)
        return status;
    copy->replica_count = 0;
    copy->status = DDB_DELETING;
    status = ddb_table_save(call, copy);
    return status == STATUS_DONE ? ddb_table_schedule(call, copy) : status;
}

static enum status update_copy(struct call *call, struct ddb_table *table,
                               const struct dynamodb_update_replication_group_member_action *wanted)
{
    struct ddb_table *copy = NULL;
    if (!lists(table, wanted->region_name))
        return not_a_replica(call, table, wanted->region_name);
    int rc = ddb_table_find_in(call, in_region(table, wanted->region_name), table->name, &copy);
    if (rc <= 0)
        return call_fail_internal(call, rc < 0 ? rc : -ENOENT, "dynamodb: find a replica");
    const struct dynamodb_create_replication_group_member_action overrides = {
        .provisioned_throughput_override = wanted->provisioned_throughput_override,
        .on_demand_throughput_override = wanted->on_demand_throughput_override,
        .table_class_override = wanted->table_class_override,
    };
    keep_overrides(call, &overrides, copy);
    return ddb_table_save(call, copy);
}

enum status ddb_replica_update(struct call *call, struct ddb_table *table,
                               const struct dynamodb_replication_group_update_list *updates)
{
    enum status status = STATUS_DONE;
    for (size_t i = 0; i < updates->count && status == STATUS_DONE; i++) {
        const struct dynamodb_replication_group_update *one = &updates->items[i];
        if ((one->create != NULL) + (one->update != NULL) + (one->delete != NULL) != 1)
            return call_fail(call, &ERROR_VALIDATION,
                             "One or more parameter values were invalid: One of "
                             "ReplicationGroupUpdate.Create, ReplicationGroupUpdate.Update, "
                             "ReplicationGroupUpdate.Delete must not be null");
        if (one->create)
            status = create_copy(call, table, one->create);
        else if (one->delete)
            status = delete_copy(call, table, one->delete->region_name);
        else
            status = update_copy(call, table, one->update);
    }
    return status;
}

/* --- settings that all copies share --- */

static enum status follow_indexes(struct call *call, const struct ddb_table *table,
                                  struct ddb_table *copy)
{
    struct ddb_index *all =
        arena_alloc_array(call->arena, copy->index_count + table->index_count + 1, sizeof(*all));
    if (copy->index_count > 0)
        memcpy(all, copy->indexes, copy->index_count * sizeof(*all));
    copy->indexes = all;
    for (size_t i = 0; i < copy->index_count; i++) {
        const struct ddb_index *own = ddb_table_index(table, all[i].name);
        if (!own || own->status == DDB_DELETING) {
            all[i].status = DDB_DELETING;
            all[i].is_backfilling = false;
        } else {
            all[i].read_units = own->read_units;
            all[i].write_units = own->write_units;
        }
    }
    for (size_t i = 0; i < table->index_count; i++) {
        if (table->indexes[i].status == DDB_DELETING ||
            ddb_table_index(copy, table->indexes[i].name))
            continue;
        struct ddb_index *index = &all[copy->index_count++];
        *index = table->indexes[i];
        int rc = ddb_store_next_key(call->db, &index->index_key);
        if (rc < 0)
            return call_fail_internal(call, rc, "dynamodb: number an index");
    }
    return STATUS_DONE;
}

static enum status follow(struct call *call, struct ddb_table *copy, const void *context)
{
    const struct ddb_table *table = context;
    copy->is_on_demand = table->is_on_demand;
    copy->read_units = table->read_units;
    copy->write_units = table->write_units;
    json_set(copy->detail, STR("Attributes"),
             json_copy(call->arena, json_find_cstr(table->detail, "Attributes")));
    const struct json *ttl = json_find_cstr(table->detail, "Ttl");
    bool has_ttl = json_find_cstr(copy->detail, "Ttl") != NULL;
    copy->ttl_attribute = table->ttl_attribute;
    if (ttl && !has_ttl) {
        struct json *own = json_copy(call->arena, ttl);
        ddb_detail_set_str(call->arena, own, "Status", STR("ENABLING"));
        json_set(copy->detail, STR("Ttl"), own);
    } else if (!ttl && has_ttl) {
        (void)json_remove(copy->detail, STR("Ttl"));
        copy->is_ttl_active = false;
    }
    enum status status = follow_indexes(call, table, copy);
    if (copy->status == DDB_ACTIVE)
        copy->status = DDB_UPDATING;
    return status == STATUS_DONE ? ddb_table_schedule(call, copy) : status;
}

enum status ddb_replica_follow(struct call *call, const struct ddb_table *table)
{
    return for_each_copy(call, table, follow, table);
}

/* --- writes --- */

static int write_to(struct call *call, const struct ddb_table *copy, const struct ddb_write *write)
{
    struct ddb_value old_item;
    struct ddb_write there = {
        .hash = write->hash,
        .range = write->range,
        .new_item = write->new_item,
        .new_blob = write->new_blob,
        .is_replicated = true,
    };
    int rc = ddb_item_find(call->db, call->arena, copy->table_key, write->hash, write->range,
                           &there.old_blob);
    if (rc < 0 || (rc == 0 && !write->new_item))
        return rc;
    if (rc == 1) {
        rc = ddb_value_from_blob(call->arena, there.old_blob, &old_item);
        there.old_item = &old_item;
    }
    return rc < 0 ? rc : ddb_item_write(call, copy, &there);
}

int ddb_replicate(struct call *call, const struct ddb_table *table, const struct ddb_write *write)
{
    int rc = 0;
    for (size_t i = 0; i < table->replica_count && rc == 0; i++) {
        struct ddb_table *copy = NULL;
        rc = ddb_table_load_in(call, in_region(table, table->replicas[i]), table->name, &copy);
        if (rc == 1)
            rc = copy->status == DDB_DELETING ? 0 : write_to(call, copy, write);
    }
    return rc;
}

/* --- describing --- */

/* AWS: DescribeTable lists the other regions. */
enum status ddb_replica_describe(struct call *call, const struct ddb_table *table,
                                 struct dynamodb_table_description *description)
{
    if (table->replica_count == 0)
        return STATUS_DONE;
    description->global_table_version = GLOBAL_VERSION;
    description->replicas.items =
        arena_alloc_array(call->arena, table->replica_count, sizeof(*description->replicas.items));
    for (size_t i = 0; i < table->replica_count; i++) {
        struct ddb_table *copy = NULL;
        struct scope scope = in_region(table, table->replicas[i]);
        int rc = ddb_table_find_in(call, scope, table->name, &copy);
        if (rc < 0)
            return call_fail_internal(call, rc, "dynamodb: find a replica");
        bool is_creating = rc == 1 && copy->status == DDB_CREATING;
        struct dynamodb_replica_description *one =
            &description->replicas.items[description->replicas.count++];
        *one = (struct dynamodb_replica_description){
            .region_name = table->replicas[i],
            .replica_status = is_creating ? STR("CREATING") : STR("ACTIVE"),
            .replica_arn = ddb_table_arn(call->arena, scope, table->name),
        };
        const struct json *sse = rc == 1 ? json_find_cstr(copy->detail, "Sse") : NULL;
        if (sse)
            one->kms_master_key_id = json_find_str(sse, "Key");
        if (rc == 1 && copy->read_units != table->read_units) {
            one->provisioned_throughput_override =
                arena_alloc(call->arena, sizeof(*one->provisioned_throughput_override));
            one->provisioned_throughput_override->read_capacity_units = opt_i64(copy->read_units);
        }
    }
    return STATUS_DONE;
}
