/* backup.c — backups, continuous backups, and restoring tables from both.
 *
 * A backup's items are rows of dynamodb_item under a table_key of its own. They are copied by a
 * workflow (copy.c) while the table goes on changing: from the moment of the backup the table's
 * changes are logged, and what the copy took too late is put back by the log. So a backup is the
 * table at one moment, however long copying takes. A restore to a point in time is the same copy
 * with another moment.
 *
 * Changes are logged while point-in-time recovery is on (detail.Pitr) or a copy is under way
 * (detail.Copies). The epoch counts backups: a change is after a backup when its epoch is greater
 * than the backup's, which is exact where milliseconds are not.
 *
 * Docs: developer guide, "Backup and restore for DynamoDB".
 */
#include <errno.h>

#include "base/arena.h"
#include "base/rand.h"
#include "service/dynamodb/dynamodb.h"
#include "syntax/json.h"

enum {
    LIST_DEFAULT = 100,      /* AWS: ListBackups Limit, also its maximum */
    PITR_DAYS = 35,          /* AWS: RecoveryPeriodInDays, default and maximum */
    SYSTEM_BACKUP_DAYS = 35, /* AWS: a deleted table with PITR leaves a backup for 35 days */
};

static struct str backup_arn(struct arena *arena, const struct ddb_backup *backup)
{
    return str_concat3(arena, ddb_table_arn(arena, backup->scope, backup->table_name),
                       STR("/backup/"), backup->id);
}

/* --- describing --- */

static struct dynamodb_backup_details *describe_details(struct arena *arena,
                                                        const struct ddb_backup *backup)
{
    struct dynamodb_backup_details *details = arena_alloc(arena, sizeof(*details));
    *details = (struct dynamodb_backup_details){
        .backup_arn = backup_arn(arena, backup),
        .backup_name = backup->name,
        .backup_size_bytes = opt_i64(backup->size_bytes),
        .backup_status = backup->status,
        .backup_type = backup->type,
        .backup_creation_date_time = opt_i64(backup->created_at_ms),
    };
    if (backup->expires_at_ms > 0)
        details->backup_expiry_date_time = opt_i64(backup->expires_at_ms);
    return details;
}

/* The table as it was: what hot and detail say. */
static int read_table(struct call *call, const struct ddb_backup *backup, struct ddb_table *out)
{
    *out = (struct ddb_table){.scope = backup->scope, .name = backup->table_name};
    out->arn = ddb_table_arn(call->arena, out->scope, out->name);
    int rc = ddb_hot_decode(call->arena, backup->hot, out);
    return rc < 0 ? rc : json_parse(call->arena, backup->detail, 0, &out->detail, NULL);
}

static struct dynamodb_provisioned_throughput *units_of(struct arena *arena, int64_t read_units,
                                                        int64_t write_units)
{
    struct dynamodb_provisioned_throughput *units = arena_alloc(arena, sizeof(*units));
    units->read_capacity_units = opt_i64(read_units);
    units->write_capacity_units = opt_i64(write_units);
    return units;
}

static struct dynamodb_source_table_details *
describe_source(struct arena *arena, const struct ddb_backup *backup, const struct ddb_table *table)
{
    struct dynamodb_source_table_details *source = arena_alloc(arena, sizeof(*source));
    *source = (struct dynamodb_source_table_details){
        .table_name = table->name,
        .table_id = backup->table_id,
        .table_arn = table->arn,
        .table_size_bytes = opt_i64(backup->size_bytes),
        .table_creation_date_time = opt_i64(ddb_detail_i64(table->detail, "CreatedAt", 0)),
        .provisioned_throughput = units_of(arena, table->read_units, table->write_units),
        .item_count = opt_i64(backup->item_count),
        .billing_mode = table->is_on_demand ? STR("PAY_PER_REQUEST") : STR("PROVISIONED"),
    };
    ddb_key_schema_of(arena, &table->keys, &source->key_schema);
    return source;
}

static struct dynamodb_source_table_feature_details *
describe_features(struct arena *arena, const struct ddb_table *table)
{
    struct dynamodb_source_table_feature_details *out = arena_alloc(arena, sizeof(*out));
    size_t room = table->index_count + 1;
    out->local_secondary_indexes.items =
        arena_alloc_array(arena, room, sizeof(*out->local_secondary_indexes.items));
    out->global_secondary_indexes.items =
        arena_alloc_array(arena, room, sizeof(*out->global_secondary_indexes.items));
    for (size_t i = 0; i < table->index_count; i++) {
        const struct ddb_index *index = &table->indexes[i];
        struct dynamodb_projection *projection = ddb_projection_of(arena, index);
        if (index->is_local) {
            struct dynamodb_local_secondary_index_info *info =
                &out->local_secondary_indexes.items[out->local_secondary_indexes.count++];
            info->index_name = index->name;
            info->projection = projection;
            ddb_key_schema_of(arena, &index->keys, &info->key_schema);
        } else {
            struct dynamodb_global_secondary_index_info *info =
                &out->global_secondary_indexes.items[out->global_secondary_indexes.count++];
            info->index_name = index->name;
            info->projection = projection;
            info->provisioned_throughput = units_of(arena, index->read_units, index->write_units);
            ddb_key_schema_of(arena, &index->keys, &info->key_schema);
        }
    }
    if (table->view != DDB_VIEW_NONE) {
        out->stream_description = arena_alloc(arena, sizeof(*out->stream_description));
        out->stream_description->stream_enabled = opt_bool(true);
        out->stream_description->stream_view_type = ddb_view_name(table->view);
    }
    const struct json *ttl = json_find_cstr(table->detail, "Ttl");
    out->time_to_live_description = arena_alloc(arena, sizeof(*out->time_to_live_description));
    out->time_to_live_description->time_to_live_status =
        str_or(json_find_str(ttl, "Status"), STR("DISABLED"));
    out->time_to_live_description->attribute_name = json_find_str(ttl, "Name");
    out->sse_description = ddb_sse_of(arena, table);
    return out;
}

static enum status describe(struct call *call, const struct ddb_backup *backup,
                            struct dynamodb_backup_description **out)
{
    struct ddb_table table;
    int rc = read_table(call, backup, &table);
    if (rc < 0)
        return call_fail_internal(call, rc, "dynamodb: read a backup");
    struct dynamodb_backup_description *description =
        arena_alloc(call->arena, sizeof(*description));
    description->backup_details = describe_details(call->arena, backup);
    description->source_table_details = describe_source(call->arena, backup, &table);
    description->source_table_feature_details = describe_features(call->arena, &table);
    *out = description;
    return STATUS_DONE;
}

/* --- backups --- */

static enum status find_backup(struct call *call, struct str arn, struct ddb_backup *out_backup)
{
    struct ddb_name name;
    int rc = 0;
    if (ddb_name_read(call, arn, &name) == 0 && str_eq_cstr(name.kind, "backup") &&
        str_eq(name.scope.region, call->scope.region) &&
        str_eq(name.scope.account, call->scope.account))
        rc = ddb_store_find_backup(call->db, call->arena, name.scope, name.table, name.rest,
                                   out_backup);
    if (rc < 0)
        return call_fail_internal(call, rc, "dynamodb: find a backup");
    if (rc == 0)
        return call_fail(call, &DYNAMODB_BACKUP_NOT_FOUND_EXCEPTION, "Backup not found: " STR_FMT,
                         STR_ARG(arn));
    return STATUS_DONE;
}

static enum status fill_backup(struct call *call, const struct ddb_table *table, struct str name,
                               struct ddb_backup *backup)
{
    *backup = (struct ddb_backup){
        .scope = table->scope,
        .id = str_format(call->arena, "%014lld-%08llx", (long long)call->now_ms,
                         (unsigned long long)rand_below(1ULL << 32)),
        .name = name,
        .table_name = table->name,
        .table_id = json_find_str(table->detail, "Id"),
        .created_at_ms = call->now_ms,
        .status = STR("CREATING"),
        .type = STR("USER"),
        .hot = ddb_hot_encode(call->arena, table),
        .detail = json_to_str(call->arena, table->detail),
    };
    int rc = ddb_measure(call, table, NULL, &backup->item_count, &backup->size_bytes);
    return rc < 0 ? call_fail_internal(call, rc, "dynamodb: measure a table") : STATUS_DONE;
}

void ddb_log_decide(struct ddb_table *table)
{
    table->is_logged = ddb_detail_bool(json_find_cstr(table->detail, "Pitr"), "Enabled") ||
                       ddb_detail_i64(table->detail, "Copies", 0) > 0;
}

enum status ddb_copy_begin(struct call *call, struct ddb_table *table)
{
    int64_t copies = ddb_detail_i64(table->detail, "Copies", 0);
    ddb_detail_set_i64(call->arena, table->detail, "Copies", copies + 1);
    ddb_log_decide(table);
    return ddb_table_save(call, table);
}

enum status dynamodb_create_backup(struct call *call, const struct dynamodb_create_backup_in *in,
                                   struct dynamodb_create_backup_out *out)
{
    struct ddb_table *table = NULL;
    struct ddb_backup backup = {0};
    enum status status = ddb_table_need_other(call, in->table_name, &table);
    if (status == STATUS_DONE && table->status != DDB_ACTIVE && table->status != DDB_UPDATING)
        return call_fail(call, &DYNAMODB_TABLE_IN_USE_EXCEPTION,
                         "Table is not in ACTIVE state: " STR_FMT, STR_ARG(table->name));
    if (status == STATUS_DONE)
        status = fill_backup(call, table, in->backup_name, &backup);
    if (status != STATUS_DONE)
        return status;
    const int64_t epoch = table->epoch++;
    int rc = ddb_store_next_key(call->db, &backup.items_key);
    if (rc == 0)
        rc = ddb_store_insert_backup(call->db, &backup);
    if (rc < 0)
        return call_fail_internal(call, rc, "dynamodb: insert a backup");
    const struct ddb_copy copy = {
        .source_key = table->table_key,
        .target_key = backup.items_key,
        .target_scope = backup.scope,
        .target_table = table->name,
        .backup_id = backup.id,
        .epoch = epoch,
        .at_ms = -1,
    };
    status = ddb_copy_begin(call, table);
    if (status == STATUS_DONE)
        status = ddb_copy_start(call, &copy);
    out->backup_details = describe_details(call->arena, &backup);
    return status;
}

enum status dynamodb_describe_backup(struct call *call,
                                     const struct dynamodb_describe_backup_in *in,
                                     struct dynamodb_describe_backup_out *out)
{
    struct ddb_backup backup = {0};
    enum status status = find_backup(call, in->backup_arn, &backup);
    return status == STATUS_DONE ? describe(call, &backup, &out->backup_description) : status;
}

enum status dynamodb_delete_backup(struct call *call, const struct dynamodb_delete_backup_in *in,
                                   struct dynamodb_delete_backup_out *out)
{
    struct ddb_backup backup = {0};
    enum status status = find_backup(call, in->backup_arn, &backup);
    if (status != STATUS_DONE)
        return status;
    if (str_eq_cstr(backup.status, "CREATING"))
        return call_fail(call, &DYNAMODB_BACKUP_IN_USE_EXCEPTION,
                         "Backup is being created: " STR_FMT, STR_ARG(in->backup_arn));
    int rc = ddb_store_delete_backup(call->db, backup.scope, backup.table_name, backup.id);
    if (rc < 0)
        return call_fail_internal(call, rc, "dynamodb: delete a backup");
    status = ddb_purge_items(call, backup.items_key);
    backup.status = STR("DELETED");
    return status == STATUS_DONE ? describe(call, &backup, &out->backup_description) : status;
}

static void summarize(struct arena *arena, const struct ddb_backup *backup,
                      struct dynamodb_backup_summary *out)
{
    *out = (struct dynamodb_backup_summary){
        .table_name = backup->table_name,
        .table_id = backup->table_id,
        .table_arn = ddb_table_arn(arena, backup->scope, backup->table_name),
        .backup_arn = backup_arn(arena, backup),
        .backup_name = backup->name,
        .backup_creation_date_time = opt_i64(backup->created_at_ms),
        .backup_status = backup->status,
        .backup_type = backup->type,
        .backup_size_bytes = opt_i64(backup->size_bytes),
    };
    if (backup->expires_at_ms > 0)
        out->backup_expiry_date_time = opt_i64(backup->expires_at_ms);
}

enum status dynamodb_list_backups(struct call *call, const struct dynamodb_list_backups_in *in,
                                  struct dynamodb_list_backups_out *out)
{
    int64_t limit = opt_i32_or(in->limit, LIST_DEFAULT);
    struct ddb_name start = {0};
    struct ddb_name table = {0};
    if (in->exclusive_start_backup_arn.len > 0 &&
        (ddb_name_read(call, in->exclusive_start_backup_arn, &start) < 0 ||
         !str_eq_cstr(start.kind, "backup")))
        return call_fail(call, &ERROR_VALIDATION, "Invalid ExclusiveStartBackupArn");
    if (in->table_name.len > 0 && ddb_name_read(call, in->table_name, &table) < 0)
        return call_fail(call, &ERROR_VALIDATION, "Invalid TableName");
    bool is_all = !in->backup_type.ptr || str_eq_cstr(in->backup_type, "ALL");
    struct ddb_backup *backups =
        arena_alloc_array(call->arena, (size_t)limit + 1, sizeof(*backups));
    int64_t count = ddb_store_list_backups(
        call->db, call->arena, call->scope, table.table, is_all ? STR("") : in->backup_type,
        opt_i64_or(in->time_range_lower_bound, 0),
        opt_i64_or(in->time_range_upper_bound, INT64_MAX), start.rest, limit + 1, backups);
    if (count < 0)
        return call_fail_internal(call, (int)count, "dynamodb: list backups");
    out->backup_summaries.items =
        arena_alloc_array(call->arena, (size_t)limit, sizeof(*out->backup_summaries.items));
    out->backup_summaries.is_set = true;
    for (int64_t i = 0; i < count && i < limit; i++)
        summarize(call->arena, &backups[i],
                  &out->backup_summaries.items[out->backup_summaries.count++]);
    if (count > limit)
        out->last_evaluated_backup_arn = backup_arn(call->arena, &backups[limit - 1]);
    return STATUS_DONE;
}

/* AWS: "When you delete a table with point-in-time recovery enabled, a system backup is
 * automatically created and is retained for 35 days". The backup takes over the rows as they are.
 */
enum status ddb_backup_at_end(struct call *call, const struct ddb_table *table, bool *out_is_kept)
{
    *out_is_kept = ddb_detail_bool(json_find_cstr(table->detail, "Pitr"), "Enabled");
    if (!*out_is_kept)
        return STATUS_DONE;
    struct ddb_backup backup = {0};
    enum status status = fill_backup(
        call, table, str_concat(call->arena, table->name, STR("$DeletedTableBackup")), &backup);
    if (status != STATUS_DONE)
        return status;
    backup.type = STR("SYSTEM");
    backup.status = STR("AVAILABLE");
    backup.items_key = table->table_key;
    backup.expires_at_ms = call->now_ms + SYSTEM_BACKUP_DAYS * (int64_t)DDB_DAY_MS;
    int rc = ddb_store_insert_backup(call->db, &backup);
    return rc < 0 ? call_fail_internal(call, rc, "dynamodb: keep a deleted table") : STATUS_DONE;
}

/* --- continuous backups --- */

static int64_t earliest(const struct ddb_table *table, int64_t now_ms)
{
    const struct json *pitr = json_find_cstr(table->detail, "Pitr");
    int64_t since_ms = ddb_detail_i64(pitr, "Since", now_ms);
    int64_t kept_ms = now_ms - ddb_detail_i64(pitr, "Days", PITR_DAYS) * (int64_t)DDB_DAY_MS;
    return since_ms > kept_ms ? since_ms : kept_ms;
}

/* DEVIATION: LatestRestorableDateTime is now; on AWS it is some five minutes ago. */
static struct dynamodb_continuous_backups_description *
describe_continuous(struct call *call, const struct ddb_table *table)
{
    const struct json *pitr = json_find_cstr(table->detail, "Pitr");
    bool is_enabled = ddb_detail_bool(pitr, "Enabled");
    struct dynamodb_point_in_time_recovery_description *recovery =
        arena_alloc(call->arena, sizeof(*recovery));
    recovery->point_in_time_recovery_status = is_enabled ? STR("ENABLED") : STR("DISABLED");
    if (is_enabled) {
        recovery->recovery_period_in_days = opt_i32((int32_t)ddb_detail_i64(pitr, "Days", 35));
        recovery->earliest_restorable_date_time = opt_i64(earliest(table, call->now_ms));
        recovery->latest_restorable_date_time = opt_i64(call->now_ms);
    }
    struct dynamodb_continuous_backups_description *out = arena_alloc(call->arena, sizeof(*out));
    out->continuous_backups_status = STR("ENABLED");
    out->point_in_time_recovery_description = recovery;
    return out;
}

enum status
dynamodb_describe_continuous_backups(struct call *call,
                                     const struct dynamodb_describe_continuous_backups_in *in,
                                     struct dynamodb_describe_continuous_backups_out *out)
{
    struct ddb_table *table = NULL;
    enum status status = ddb_table_need_other(call, in->table_name, &table);
    if (status == STATUS_DONE)
        out->continuous_backups_description = describe_continuous(call, table);
    return status;
}

enum status
dynamodb_update_continuous_backups(struct call *call,
                                   const struct dynamodb_update_continuous_backups_in *in,
                                   struct dynamodb_update_continuous_backups_out *out)
{
    struct ddb_table *table = NULL;
    enum status status = ddb_table_need_other(call, in->table_name, &table);
    if (status != STATUS_DONE)
        return status;
    if (table->status == DDB_CREATING || table->status == DDB_DELETING)
        return call_fail(call, &DYNAMODB_CONTINUOUS_BACKUPS_UNAVAILABLE_EXCEPTION,
                         "Backups are being enabled for the table: " STR_FMT ". Please retry later",
                         STR_ARG(table->name));
    const struct dynamodb_point_in_time_recovery_specification *wanted =
        in->point_in_time_recovery_specification;
    struct json *pitr = ddb_detail_object(call->arena, table->detail, STR("Pitr"));
    bool is_wanted = opt_bool_or(wanted->point_in_time_recovery_enabled, false);
    if (is_wanted && !ddb_detail_bool(pitr, "Enabled"))
        ddb_detail_set_i64(call->arena, pitr, "Since", call->now_ms);
    ddb_detail_set_bool(call->arena, pitr, "Enabled", is_wanted);
    if (wanted->recovery_period_in_days.is_set || !json_find_cstr(pitr, "Days"))
        ddb_detail_set_i64(call->arena, pitr, "Days",
                           opt_i32_or(wanted->recovery_period_in_days, PITR_DAYS));
    ddb_log_decide(table);
    status = ddb_table_save(call, table);
    if (status == STATUS_DONE)
        status = ddb_log_watch(call, table);
    out->continuous_backups_description = describe_continuous(call, table);
    return status;
}

/* --- restoring --- */

/* What a restore may change of the table. */
struct overrides {
    struct str target;
    struct str billing_mode;
    const struct dynamodb_global_secondary_index_list *global;
    const struct dynamodb_local_secondary_index_list *local;
    const struct dynamodb_provisioned_throughput *throughput;
    const struct dynamodb_sse_specification *sse;
};

static bool keeps_index(const struct overrides *overrides, const struct ddb_index *index)
{
    if (index->status == DDB_DELETING)
        return false;
    if (index->is_local ? !overrides->local->is_set : !overrides->global->is_set)
        return true;
    size_t count = index->is_local ? overrides->local->count : overrides->global->count;
    for (size_t i = 0; i < count; i++) {
        struct str name = index->is_local ? overrides->local->items[i].index_name
                                          : overrides->global->items[i].index_name;
        if (str_eq(name, index->name))
            return true;
    }
    return false;
}

static enum status copy_schema(struct call *call, const struct overrides *overrides,
                               const struct ddb_table *source, struct ddb_table *table)
{
    table->keys = source->keys;
    table->indexes =
        arena_alloc_array(call->arena, source->index_count + 1, sizeof(*table->indexes));
    for (size_t i = 0; i < source->index_count; i++) {
        if (!keeps_index(overrides, &source->indexes[i]))
            continue;
        struct ddb_index *index = &table->indexes[table->index_count++];
        *index = source->indexes[i];
        index->status = DDB_ACTIVE;
        index->is_backfilling = false;
        int rc = ddb_store_next_key(call->db, &index->index_key);
        if (rc < 0)
            return call_fail_internal(call, rc, "dynamodb: number an index");
    }
    const struct json *attributes = json_find_cstr(source->detail, "Attributes");
    json_set(table->detail, STR("Attributes"), json_copy(call->arena, attributes));
    ddb_schema_prune(call, table);
    return STATUS_DONE;
}

static enum status restore_billing(struct call *call, const struct overrides *overrides,
                                   const struct ddb_table *source, struct ddb_table *table)
{
    table->is_on_demand = source->is_on_demand;
    table->read_units = source->read_units;
    table->write_units = source->write_units;
    enum status status = STATUS_DONE;
    if (overrides->billing_mode.ptr || overrides->throughput)
        status = ddb_apply_billing(call, str_or(overrides->billing_mode, STR("PROVISIONED")),
                                   overrides->throughput, table);
    if (table->is_on_demand)
        ddb_detail_set_i64(call->arena, table->detail, "OnDemandAt", call->now_ms);
    for (size_t i = 0; i < table->index_count; i++) {
        struct ddb_index *index = &table->indexes[i];
        bool has_units = !table->is_on_demand && !index->is_local;
        index->read_units = !has_units              ? 0
                            : index->read_units > 0 ? index->read_units
                                                    : table->read_units;
        index->write_units = !has_units               ? 0
                             : index->write_units > 0 ? index->write_units
                                                      : table->write_units;
    }
    return status;
}

/* The new table, CREATING until the copy ends. AWS: tags, streams, TTL, policies, deletion
 * protection and PITR are not restored. */
static enum status begin_restore(struct call *call, const struct overrides *overrides,
                                 const struct ddb_table *source, struct str from_backup,
                                 int64_t at_ms, struct ddb_table **out_table)
{
    struct ddb_table *table = NULL;
    int rc =
        ddb_store_find_table(call->db, call->arena, call->scope, overrides->target, false, &table);
    if (rc < 0)
        return call_fail_internal(call, rc, "dynamodb: find a table");
    if (rc == 1)
        return call_fail(call, &DYNAMODB_TABLE_ALREADY_EXISTS_EXCEPTION,
                         "Table already exists: " STR_FMT, STR_ARG(overrides->target));
    enum status status = ddb_table_begin(call, call->scope, overrides->target, &table);
    if (status == STATUS_DONE)
        status = copy_schema(call, overrides, source, table);
    if (status == STATUS_DONE)
        status = restore_billing(call, overrides, source, table);
    if (status == STATUS_DONE && json_find_cstr(source->detail, "Sse"))
        json_set(table->detail, STR("Sse"),
                 json_copy(call->arena, json_find_cstr(source->detail, "Sse")));
    if (status == STATUS_DONE)
        status = ddb_apply_sse(call, overrides->sse, table);
    if (status != STATUS_DONE)
        return status;
    struct json *restore = ddb_detail_object(call->arena, table->detail, STR("Restore"));
    if (from_backup.ptr)
        ddb_detail_set_str(call->arena, restore, "Backup", from_backup);
    ddb_detail_set_str(call->arena, restore, "Table", source->arn);
    ddb_detail_set_i64(call->arena, restore, "At", at_ms);
    ddb_detail_set_bool(call->arena, restore, "Running", true);
    ddb_detail_set_bool(call->arena, table->detail, "Filling", true);
    *out_table = table;
    return ddb_table_insert(call, table);
}

enum status
dynamodb_restore_table_from_backup(struct call *call,
                                   const struct dynamodb_restore_table_from_backup_in *in,
                                   struct dynamodb_restore_table_from_backup_out *out)
{
    const struct overrides overrides = {
        .target = in->target_table_name,
        .billing_mode = in->billing_mode_override,
        .global = &in->global_secondary_index_override,
        .local = &in->local_secondary_index_override,
        .throughput = in->provisioned_throughput_override,
        .sse = in->sse_specification_override,
    };
    struct ddb_backup backup = {0};
    struct ddb_table source = {0};
    struct ddb_table *table = NULL;
    enum status status = find_backup(call, in->backup_arn, &backup);
    if (status != STATUS_DONE)
        return status;
    if (!str_eq_cstr(backup.status, "AVAILABLE"))
        return call_fail(call, &DYNAMODB_BACKUP_IN_USE_EXCEPTION,
                         "Backup is being created: " STR_FMT, STR_ARG(in->backup_arn));
    int rc = read_table(call, &backup, &source);
    if (rc < 0)
        return call_fail_internal(call, rc, "dynamodb: read a backup");
    status = begin_restore(call, &overrides, &source, in->backup_arn, backup.created_at_ms, &table);
    if (status != STATUS_DONE)
        return status;
    const struct ddb_copy copy = {
        .source_key = backup.items_key,
        .target_key = table->table_key,
        .target_scope = table->scope,
        .target_table = table->name,
        .epoch = -1,
        .at_ms = -1,
    };
    status = ddb_copy_start(call, &copy);
    return status == STATUS_DONE ? ddb_describe(call, table, &out->table_description) : status;
}

static enum status restore_time(struct call *call,
                                const struct dynamodb_restore_table_to_point_in_time_in *in,
                                const struct ddb_table *source, int64_t *out_at_ms)
{
    if (!ddb_detail_bool(json_find_cstr(source->detail, "Pitr"), "Enabled"))
        return call_fail(call, &DYNAMODB_POINT_IN_TIME_RECOVERY_UNAVAILABLE_EXCEPTION,
                         "Point in time recovery is not enabled for table '" STR_FMT "'",
                         STR_ARG(source->name));
    bool is_latest = opt_bool_or(in->use_latest_restorable_time, false);
    if (is_latest == in->restore_date_time.is_set)
        return call_fail(call, &ERROR_VALIDATION,
                         "One or more parameter values were invalid: Exactly one of "
                         "UseLatestRestorableTime and RestoreDateTime must be specified");
    *out_at_ms = is_latest ? call->now_ms : in->restore_date_time.value;
    /* Clients send whole seconds, and the first of them may lie before the moment itself. */
    if (*out_at_ms / 1000 < earliest(source, call->now_ms) / 1000 || *out_at_ms > call->now_ms)
        return call_fail(call, &DYNAMODB_INVALID_RESTORE_TIME_EXCEPTION,
                         "The restore time must be between EarliestRestorableDateTime and "
                         "LatestRestorableDateTime");
    return STATUS_DONE;
}

enum status
dynamodb_restore_table_to_point_in_time(struct call *call,
                                        const struct dynamodb_restore_table_to_point_in_time_in *in,
                                        struct dynamodb_restore_table_to_point_in_time_out *out)
{
    const struct overrides overrides = {
        .target = in->target_table_name,
        .billing_mode = in->billing_mode_override,
        .global = &in->global_secondary_index_override,
        .local = &in->local_secondary_index_override,
        .throughput = in->provisioned_throughput_override,
        .sse = in->sse_specification_override,
    };
    struct str name = str_or(in->source_table_name, in->source_table_arn);
    struct ddb_table *source = NULL;
    struct ddb_table *table = NULL;
    int64_t at_ms = 0;
    if (!name.ptr)
        return call_fail(call, &ERROR_VALIDATION,
                         "One of SourceTableName and SourceTableArn must be specified");
    enum status status = ddb_table_need_other(call, name, &source);
    if (status == STATUS_DONE)
        status = restore_time(call, in, source, &at_ms);
    if (status == STATUS_DONE)
        status = begin_restore(call, &overrides, source, (struct str){0}, at_ms, &table);
    if (status == STATUS_DONE)
        status = ddb_copy_begin(call, source);
    if (status != STATUS_DONE)
        return status;
    const struct ddb_copy copy = {
        .source_key = source->table_key,
        .target_key = table->table_key,
        .target_scope = table->scope,
        .target_table = table->name,
        .epoch = -1,
        .at_ms = at_ms,
    };
    status = ddb_copy_start(call, &copy);
    return status == STATUS_DONE ? ddb_describe(call, table, &out->table_description) : status;
}
