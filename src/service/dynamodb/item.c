/* item.c — PutItem, GetItem, UpdateItem, DeleteItem.
 *
 * Docs: DynamoDB API reference of each. A point read is one statement beside that for the table.
 */
#include "service/dynamodb/item.h"

#include <errno.h>

#include "base/arena.h"

/* ---- writes ---- */

static struct dynamodb_attribute_map attributes_of(struct arena *arena,
                                                   const struct ddb_value *item)
{
    return (struct dynamodb_attribute_map){.items = ddb_item_to_api(arena, item),
                                           .count = item->count};
}

static enum status fail_condition(struct call *call, const struct ddb_operation *operation)
{
    struct dynamodb_conditional_check_failed_error *members =
        arena_alloc(call->arena, sizeof(*members));
    if (operation->returns_item && operation->had_item)
        members->item = attributes_of(call->arena, &operation->old_item);
    return call_fail_with(call, &DYNAMODB_CONDITIONAL_CHECK_FAILED_EXCEPTION, members,
                          "The conditional request failed");
}

/* Everything from the request to the row. */
static enum status carry_out(struct call *call, struct str table_name,
                             const struct ddb_write_request *request,
                             struct ddb_operation *operation)
{
    struct str message = {0};
    int rc = ddb_read_write_request(call->arena, request, operation, &message);
    if (rc < 0)
        return ddb_fail(call, rc, message);
    enum status status = ddb_table_use(call, table_name, &operation->table);
    if (status != STATUS_DONE)
        return status;
    rc = ddb_operation_prepare(call->arena, operation, &message);
    if (rc == 0)
        rc = ddb_operation_plan(call, operation);
    if (rc < 0)
        return ddb_fail(call, rc, message);
    if (operation->outcome == DDB_OUTCOME_CONDITION_FAILED)
        return fail_condition(call, operation);
    if (operation->outcome == DDB_OUTCOME_INVALID)
        return ddb_fail(call, -EINVAL, operation->message);
    rc = ddb_operation_write(call, operation);
    return rc < 0 ? ddb_fail(call, rc, message) : STATUS_DONE;
}

/* What ReturnValues asks for. */
static struct dynamodb_attribute_map
returned(struct arena *arena, const struct ddb_operation *operation, struct str return_values)
{
    const bool is_old = str_ends_with(return_values, STR("_OLD"));
    const bool is_part = str_starts_with(return_values, STR("UPDATED_"));
    const struct dynamodb_attribute_map none = {0};
    if (return_values.len == 0 || str_eq_cstr(return_values, "NONE"))
        return none;
    if (is_old ? !operation->had_item : !operation->has_item)
        return none;
    const struct ddb_value *item = is_old ? &operation->old_item : &operation->new_item;
    if (!is_part)
        return attributes_of(arena, item);
    const struct ddb_paths paths = ddb_update_paths(arena, &operation->update);
    const struct ddb_value part = ddb_project(arena, item, &paths);
    return attributes_of(arena, &part);
}

struct report {
    struct dynamodb_consumed_capacity **out_capacity;
    struct dynamodb_item_collection_metrics **out_metrics;
};

static enum status report_write(struct call *call, const struct ddb_operation *operation,
                                struct str return_capacity, struct str return_metrics,
                                const struct report *report)
{
    const enum ddb_metering metering = ddb_metering(return_capacity);
    struct ddb_meters meters = {.arena = call->arena};
    if (metering != DDB_METER_NONE || ddb_is_throttled(call)) {
        struct ddb_meter *meter = ddb_meter_for(&meters, operation->table);
        ddb_meter_write(call->arena, meter, operation->had_item ? &operation->old_item : NULL,
                        operation->has_item ? &operation->new_item : NULL, 1);
        *report->out_capacity = ddb_meter_report(call->arena, meter, metering, false);
    }
    enum status status = ddb_throttle(call, &meters);
    if (status != STATUS_DONE)
        return status;
    if (!str_eq_cstr(return_metrics, "SIZE"))
        return STATUS_DONE;
    int rc = ddb_collection_metrics(call, operation->table, &operation->item, operation->hash,
                                    report->out_metrics);
    return rc < 0 ? call_fail_internal(call, rc, "dynamodb: size of a collection") : STATUS_DONE;
}

enum status dynamodb_put_item(struct call *call, const struct dynamodb_put_item_in *in,
                              struct dynamodb_put_item_out *out)
{
    const struct ddb_write_request request = {
        .type = DDB_OPERATION_PUT,
        .entries = in->item.items,
        .entry_count = in->item.count,
        .expected = &in->expected,
        .conditional_operator = in->conditional_operator,
        .condition_expression = in->condition_expression,
        .names = &in->expression_attribute_names,
        .values = &in->expression_attribute_values,
        .return_values = in->return_values,
        .return_values_on_failure = in->return_values_on_condition_check_failure,
    };
    struct ddb_operation operation;
    enum status status = carry_out(call, in->table_name, &request, &operation);
    if (status != STATUS_DONE)
        return status;
    out->attributes = returned(call->arena, &operation, in->return_values);
    const struct report report = {&out->consumed_capacity, &out->item_collection_metrics};
    return report_write(call, &operation, in->return_consumed_capacity,
                        in->return_item_collection_metrics, &report);
}

enum status dynamodb_update_item(struct call *call, const struct dynamodb_update_item_in *in,
                                 struct dynamodb_update_item_out *out)
{
    const struct ddb_write_request request = {
        .type = DDB_OPERATION_UPDATE,
        .entries = in->key.items,
        .entry_count = in->key.count,
        .expected = &in->expected,
        .attribute_updates = &in->attribute_updates,
        .conditional_operator = in->conditional_operator,
        .update_expression = in->update_expression,
        .condition_expression = in->condition_expression,
        .names = &in->expression_attribute_names,
        .values = &in->expression_attribute_values,
        .return_values = in->return_values,
        .return_values_on_failure = in->return_values_on_condition_check_failure,
    };
    struct ddb_operation operation;
    enum status status = carry_out(call, in->table_name, &request, &operation);
    if (status != STATUS_DONE)
        return status;
    out->attributes = returned(call->arena, &operation, in->return_values);
    const struct report report = {&out->consumed_capacity, &out->item_collection_metrics};
    return report_write(call, &operation, in->return_consumed_capacity,
                        in->return_item_collection_metrics, &report);
}

enum status dynamodb_delete_item(struct call *call, const struct dynamodb_delete_item_in *in,
                                 struct dynamodb_delete_item_out *out)
{
    const struct ddb_write_request request = {
        .type = DDB_OPERATION_DELETE,
        .entries = in->key.items,
        .entry_count = in->key.count,
        .expected = &in->expected,
        .conditional_operator = in->conditional_operator,
        .condition_expression = in->condition_expression,
        .names = &in->expression_attribute_names,
        .values = &in->expression_attribute_values,
        .return_values = in->return_values,
        .return_values_on_failure = in->return_values_on_condition_check_failure,
    };
    struct ddb_operation operation;
    enum status status = carry_out(call, in->table_name, &request, &operation);
    if (status != STATUS_DONE)
        return status;
    out->attributes = returned(call->arena, &operation, in->return_values);
    const struct report report = {&out->consumed_capacity, &out->item_collection_metrics};
    return report_write(call, &operation, in->return_consumed_capacity,
                        in->return_item_collection_metrics, &report);
}

/* ---- reads ---- */

int ddb_read_projection(struct arena *arena, const struct ddb_projection_request *request,
                        struct ddb_paths *out, bool *out_has_paths, struct str *out_message)
{
    const struct ddb_parameters parameters = {
        .projection = request->expression,
        .has_attributes_to_get = request->attributes_to_get && request->attributes_to_get->is_set,
        .names = request->names,
    };
    struct ddb_expressions expressions;
    int rc = ddb_check_parameters(arena, &parameters, out_message);
    *out_has_paths = parameters.has_attributes_to_get || str_is_set(request->expression);
    if (rc == 0 && parameters.has_attributes_to_get)
        rc = ddb_legacy_paths(arena, request->attributes_to_get, out, out_message);
    if (rc < 0)
        return rc;
    rc = ddb_expressions_init(&expressions, arena, request->names, NULL);
    if (rc == 0 && str_is_set(request->expression))
        rc = ddb_parse_projection(&expressions, request->expression, out);
    if (rc == 0)
        rc = ddb_expressions_finish(&expressions);
    if (rc < 0)
        *out_message = expressions.message;
    return rc;
}

int ddb_read_item(struct call *call, const struct ddb_table *table, struct str hash,
                  struct str range, struct ddb_value *out)
{
    struct str blob = {0};
    int rc = ddb_item_find(call->db, call->arena, table->table_key, hash, range, &blob);
    if (rc == 1 && ddb_value_from_blob(call->arena, blob, out) < 0)
        return -EIO;
    return rc;
}

enum status dynamodb_get_item(struct call *call, const struct dynamodb_get_item_in *in,
                              struct dynamodb_get_item_out *out)
{
    const struct ddb_projection_request projection = {
        .expression = in->projection_expression,
        .attributes_to_get = &in->attributes_to_get,
        .names = &in->expression_attribute_names,
    };
    struct arena *arena = call->arena;
    struct str message = {0};
    struct ddb_paths paths = {0};
    bool has_paths = false;
    struct ddb_value key;
    struct ddb_value item;
    struct str hash = {0};
    struct str range = {0};
    struct ddb_table *table = NULL;
    int rc = ddb_read_projection(arena, &projection, &paths, &has_paths, &message);
    if (rc == 0)
        rc = ddb_item_from_api(arena, in->key.items, in->key.count, &key, &message);
    if (rc < 0)
        return ddb_fail(call, rc, message);
    enum status status = ddb_table_use(call, in->table_name, &table);
    if (status != STATUS_DONE)
        return status;
    rc = ddb_check_key(arena, table, &key, &message);
    if (rc == 0)
        rc = ddb_item_key(arena, &table->keys, &key, &hash, &range);
    if (rc == 0)
        rc = ddb_read_item(call, table, hash, range, &item);
    if (rc < 0)
        return ddb_fail(call, rc, message);
    const enum ddb_metering metering = ddb_metering(in->return_consumed_capacity);
    struct ddb_meters meters = {.arena = arena};
    if (metering != DDB_METER_NONE || ddb_is_throttled(call)) {
        struct ddb_meter *meter = ddb_meter_for(&meters, table);
        meter->read_units = ddb_read_units(rc == 1 ? ddb_item_size(&item) : 0,
                                           opt_bool_or(in->consistent_read, false));
        out->consumed_capacity = ddb_meter_report(arena, meter, metering, false);
    }
    status = ddb_throttle(call, &meters);
    if (rc == 0 || status != STATUS_DONE)
        return status;
    if (has_paths)
        item = ddb_project(arena, &item, &paths);
    out->item = attributes_of(arena, &item);
    out->item.is_set = true;
    return STATUS_DONE;
}
