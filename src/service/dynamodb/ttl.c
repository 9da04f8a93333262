/* ttl.c — time to live: UpdateTimeToLive, DescribeTimeToLive, and what deletes expired items.
 *
 * The expiry of an item is a column of its row, so the workflow of a table finds what is due by an
 * index. It runs at the next expiry, and each minute for items that came meanwhile. AWS deletes
 * "within a few days"; here it is at once, by the movable clock.
 *
 * Docs: developer guide, "Using time to live (TTL) in DynamoDB".
 */
#include <errno.h>

#include "base/arena.h"
#include "service/dynamodb/dynamodb.h"
#include "syntax/json.h"

enum {
    EXPIRE_ROWS = 50,    /* items deleted in a step */
    LOOK_MS = 60 * 1000, /* how long a new item that is expired already may wait */
};

/* AWS: items "with timestamps more than five years in the past" are not deleted. */
static const int64_t oldest_s = 5LL * 365 * 24 * 60 * 60;

struct opt_i64 ddb_item_expiry(const struct ddb_table *table, const struct ddb_value *item)
{
    if (table->ttl_attribute.len == 0)
        return (struct opt_i64){0};
    const struct ddb_value *value = ddb_map_find(item, table->ttl_attribute);
    if (!value || value->type != DDB_N)
        return (struct opt_i64){0};
    ptrdiff_t dot = str_index(value->text, '.');
    struct str whole = dot < 0 ? value->text : str_slice(value->text, 0, (size_t)dot);
    int64_t seconds = 0;
    return str_to_i64(whole, &seconds) < 0 ? (struct opt_i64){0} : opt_i64(seconds);
}

enum status dynamodb_describe_time_to_live(struct call *call,
                                           const struct dynamodb_describe_time_to_live_in *in,
                                           struct dynamodb_describe_time_to_live_out *out)
{
    struct ddb_table *table = NULL;
    enum status status = ddb_table_need(call, in->table_name, &table);
    if (status != STATUS_DONE)
        return status;
    const struct json *ttl = json_find_cstr(table->detail, "Ttl");
    out->time_to_live_description =
        arena_alloc(call->arena, sizeof(*out->time_to_live_description));
    out->time_to_live_description->time_to_live_status =
        str_or(json_find_str(ttl, "Status"), STR("DISABLED"));
    out->time_to_live_description->attribute_name = json_find_str(ttl, "Name");
    return STATUS_DONE;
}

static struct str workflow_id(struct arena *arena, const struct ddb_table *table)
{
    return str_format(arena, "%lld", (long long)table->table_key);
}

static enum status enable(struct call *call, struct ddb_table *table, struct str name)
{
    struct json *ttl = ddb_detail_object(call->arena, table->detail, STR("Ttl"));
    ddb_detail_set_str(call->arena, ttl, "Name", name);
    ddb_detail_set_str(call->arena, ttl, "Status", STR("ENABLING"));
    table->ttl_attribute = name;
    enum status status = ddb_table_save(call, table);
    return status == STATUS_DONE ? ddb_table_schedule(call, table) : status;
}

static enum status disable(struct call *call, struct ddb_table *table)
{
    (void)json_remove(table->detail, STR("Ttl"));
    table->ttl_attribute = STR("");
    table->is_ttl_active = false;
    return ddb_table_save(call, table);
}

enum status dynamodb_update_time_to_live(struct call *call,
                                         const struct dynamodb_update_time_to_live_in *in,
                                         struct dynamodb_update_time_to_live_out *out)
{
    struct ddb_table *table = NULL;
    enum status status = ddb_table_need(call, in->table_name, &table);
    if (status == STATUS_DONE)
        status = ddb_require_active(call, table);
    if (status != STATUS_DONE)
        return status;
    const struct dynamodb_time_to_live_specification *wanted = in->time_to_live_specification;
    bool is_wanted = opt_bool_or(wanted->enabled, false);
    const struct json *ttl = json_find_cstr(table->detail, "Ttl");
    /* OBSERVED: hashicorp/terraform-provider-aws and boto issue trackers, 2017 and later. */
    if (is_wanted && ttl)
        return call_fail(call, &ERROR_VALIDATION, "TimeToLive is already enabled");
    if (!is_wanted && !ttl)
        return call_fail(call, &ERROR_VALIDATION, "TimeToLive is already disabled");
    if (!is_wanted && !str_eq(json_find_str(ttl, "Name"), wanted->attribute_name))
        return call_fail(call, &ERROR_VALIDATION,
                         "TimeToLive is active on a different AttributeName: current "
                         "AttributeName is " STR_FMT,
                         STR_ARG(json_find_str(ttl, "Name")));
    status = is_wanted ? enable(call, table, wanted->attribute_name) : disable(call, table);
    if (status == STATUS_DONE && table->replica_count > 0)
        status = ddb_replica_follow(call, table);
    out->time_to_live_specification =
        arena_alloc(call->arena, sizeof(*out->time_to_live_specification));
    *out->time_to_live_specification = *wanted;
    return status;
}

enum status ddb_ttl_ready(struct call *call, struct ddb_table *table)
{
    struct json *ttl = ddb_detail_object(call->arena, table->detail, STR("Ttl"));
    ddb_detail_set_str(call->arena, ttl, "Status", STR("ENABLED"));
    table->is_ttl_active = true;
    struct str id = workflow_id(call->arena, table);
    int rc = workflow_exists(call, ddb_expiry_kind.name, id);
    if (rc < 0)
        return call_fail_internal(call, rc, "dynamodb: look for the workflow of expiry");
    return rc == 1 ? workflow_wake(call, ddb_expiry_kind.name, id)
                   : workflow_start(call, ddb_expiry_kind.name, id, NULL);
}

/* --- the workflow --- */

static int expire(struct call *call, const struct ddb_table *table, const struct ddb_item_row *row)
{
    struct ddb_value item;
    int rc = ddb_value_from_blob(call->arena, row->blob, &item);
    if (rc < 0)
        return rc;
    struct ddb_write write = {
        .hash = row->hash,
        .range = row->range,
        .old_item = &item,
        .old_blob = row->blob,
        .is_expiry = true,
    };
    return ddb_item_write(call, table, &write);
}

static enum status expiry_step(struct call *call, struct workflow *workflow,
                               enum workflow_next *out_next)
{
    int64_t table_key = 0;
    struct ddb_table *table = NULL;
    int rc = str_to_i64(workflow->id, &table_key);
    if (rc == 0)
        rc = ddb_table_find_by_key(call, table_key, &table);
    if (rc < 0)
        return call_fail_internal(call, rc, "dynamodb: find an expiring table");
    if (rc == 0 || !table->is_ttl_active)
        return STATUS_DONE;
    int64_t now_s = call->now_ms / 1000;
    struct ddb_item_row rows[EXPIRE_ROWS];
    int64_t count = ddb_store_page_expired(call->db, call->arena, table_key, now_s - oldest_s,
                                           now_s, EXPIRE_ROWS, rows);
    rc = count < 0 ? (int)count : 0;
    for (int64_t i = 0; i < count && rc == 0; i++)
        rc = expire(call, table, &rows[i]);
    int64_t next_s = 0;
    if (rc == 0)
        rc = ddb_store_next_expiry(call->db, table_key, now_s - oldest_s, &next_s);
    if (rc < 0)
        return call_fail_internal(call, rc, "dynamodb: delete what expired");
    *out_next = WORKFLOW_AGAIN;
    workflow->run_at_ms = call->now_ms + LOOK_MS;
    if (next_s > 0 && next_s * 1000 < workflow->run_at_ms)
        workflow->run_at_ms = next_s * 1000 > call->now_ms ? next_s * 1000 : call->now_ms;
    return STATUS_DONE;
}

const struct workflow_kind ddb_expiry_kind = {
    .name = STR_INIT("dynamodb.expiry"),
    .step = expiry_step,
};
