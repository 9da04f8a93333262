/* operation.c — one write of one item: read the request, check the schema, plan, write.
 *
 * PutItem, UpdateItem, DeleteItem, BatchWriteItem, TransactWriteItems and PartiQL all come here.
 * Planning reads only; a transaction plans all of its operations before it writes the first.
 */
#include <errno.h>

#include "base/arena.h"
#include "service/dynamodb/item.h"

static int refuse(struct str *out_message, struct str text)
{
    *out_message = text;
    return -EINVAL;
}

/* ---- requests ---- */

static int check_together(struct arena *arena, const struct ddb_write_request *request,
                          struct str *out_message)
{
    static const char *const update_users[] = {"UpdateExpression", "ConditionExpression"};
    const bool is_update = request->type == DDB_OPERATION_UPDATE;
    const struct ddb_parameters parameters = {
        .update = request->update_expression,
        .condition = request->condition_expression,
        .has_attribute_updates = request->attribute_updates && request->attribute_updates->is_set,
        .has_expected = request->expected && request->expected->is_set,
        .has_conditional_operator = str_is_set(request->conditional_operator),
        .names = request->names,
        .values = request->values,
        .value_users = is_update ? update_users : update_users + 1,
        .value_user_count = is_update ? 2 : 1,
    };
    return ddb_check_parameters(arena, &parameters, out_message);
}

static int read_expressions(struct arena *arena, const struct ddb_write_request *request,
                            struct ddb_operation *out, struct str *out_message)
{
    struct ddb_expressions expressions;
    int rc = ddb_expressions_init(&expressions, arena, request->names, request->values);
    if (rc == 0 && str_is_set(request->update_expression))
        rc = ddb_parse_update(&expressions, request->update_expression, &out->update);
    if (rc == 0 && str_is_set(request->condition_expression))
        rc = ddb_parse_condition(&expressions, "ConditionExpression", request->condition_expression,
                                 &out->condition);
    if (rc == 0)
        rc = ddb_expressions_finish(&expressions);
    if (rc < 0)
        *out_message = expressions.message;
    return rc;
}

static int read_legacy(struct arena *arena, const struct ddb_write_request *request,
                       struct ddb_operation *out, struct str *out_message)
{
    static const struct dynamodb_expected_attribute_map none = {0};
    int rc = 0;
    if (request->attribute_updates && request->attribute_updates->is_set) {
        out->is_legacy_update = true;
        rc = ddb_legacy_update(arena, request->attribute_updates, &out->update, out_message);
    }
    if (rc == 0 && (request->expected || str_is_set(request->conditional_operator)))
        rc = ddb_expected_condition(arena, request->expected ? request->expected : &none,
                                    request->conditional_operator, &out->condition, out_message);
    return rc;
}

static int check_return_values(const struct ddb_write_request *request, struct str *out_message)
{
    if (request->type == DDB_OPERATION_UPDATE || !str_is_set(request->return_values) ||
        str_eq_cstr(request->return_values, "NONE") ||
        str_eq_cstr(request->return_values, "ALL_OLD"))
        return 0;
    return refuse(out_message, STR("ReturnValues can only be ALL_OLD or NONE"));
}

int ddb_read_write_request(struct arena *arena, const struct ddb_write_request *request,
                           struct ddb_operation *out, struct str *out_message)
{
    *out = (struct ddb_operation){
        .type = request->type,
        .returns_item = str_eq_cstr(request->return_values_on_failure, "ALL_OLD"),
    };
    int rc = check_together(arena, request, out_message);
    if (rc == 0)
        rc = ddb_item_from_api(arena, request->entries, request->entry_count, &out->item,
                               out_message);
    if (rc == 0)
        rc = check_return_values(request, out_message);
    if (rc == 0 && request->type == DDB_OPERATION_PUT &&
        ddb_item_size(&out->item) > DDB_ITEM_SIZE_MAX)
        rc = refuse(out_message, STR("Item size has exceeded the maximum allowed size"));
    if (rc == 0)
        rc = read_legacy(arena, request, out, out_message);
    return rc < 0 ? rc : read_expressions(arena, request, out, out_message);
}

/* ---- the schema ---- */

static int check_updated_names(struct arena *arena, const struct ddb_operation *operation,
                               struct str *out_message)
{
    for (size_t i = 0; i < operation->update.count; i++) {
        const struct str name = operation->update.items[i].path.steps[0].name;
        if (ddb_is_key_attribute(&operation->table->keys, name))
            return refuse(out_message,
                          str_format(arena,
                                     "One or more parameter values were invalid: Cannot update "
                                     "attribute " STR_FMT ". This attribute is part of the key",
                                     STR_ARG(name)));
    }
    return 0;
}

int ddb_operation_prepare(struct arena *arena, struct ddb_operation *operation,
                          struct str *out_message)
{
    int rc = operation->type == DDB_OPERATION_PUT
                 ? ddb_check_item(arena, operation->table, &operation->item, out_message)
                 : ddb_check_key(arena, operation->table, &operation->item, out_message);
    if (rc == 0 && operation->type == DDB_OPERATION_UPDATE)
        rc = check_updated_names(arena, operation, out_message);
    if (rc < 0)
        return rc;
    rc = ddb_item_key(arena, &operation->table->keys, &operation->item, &operation->hash,
                      &operation->range);
    CHECK(rc == 0);
    return 0;
}

/* ---- the item ---- */

static void fail_operation(struct ddb_operation *operation, enum ddb_outcome outcome,
                           struct str message)
{
    operation->outcome = outcome;
    operation->message = message;
}

/* OBSERVED: outside transactions UpdateItem has texts of its own for keys of indexes (dynalite,
 * nubo-db/dynamodb-conformance). */
static struct str index_key_text(struct arena *arena, const struct ddb_operation *operation,
                                 struct str text)
{
    const bool is_empty = str_contains(text, STR("cannot contain an empty"));
    if (operation->is_legacy_update || (operation->is_transaction && !is_empty))
        return text;
    if (!is_empty)
        return STR("The update expression attempted to update the secondary index key to "
                   "unsupported type");
    return str_format(arena,
                      "One or more parameter values are not valid. The update expression attempted "
                      "to update a secondary index key to a value that is not supported. The "
                      "AttributeValue for a key attribute cannot contain an empty %s value.",
                      str_contains(text, STR("empty string")) ? "string" : "binary");
}

/* DEVIATION: UpdateItem measures the finished item; AWS measures what the update writes, with some
 * bytes for each clause, too, so that it refuses a few items just below 400 KB. */
static void plan_update(struct arena *arena, struct ddb_operation *operation)
{
    struct str message = {0};
    struct ddb_value item =
        ddb_value_copy(arena, operation->had_item ? &operation->old_item : &operation->item);
    int rc = ddb_apply_update(arena, &operation->update, &item, &message);
    if (rc < 0) {
        if (operation->is_legacy_update && str_starts_with(message, STR("An operand")))
            message = STR("Type mismatch for attribute to update");
        fail_operation(operation, DDB_OUTCOME_INVALID, message);
        return;
    }
    rc = ddb_check_depth(&item, &message);
    if (rc == 0 && ddb_item_size(&item) > DDB_ITEM_SIZE_MAX)
        rc = refuse(&message, STR("Item size to update has exceeded the maximum allowed size"));
    if (rc == 0) {
        rc = ddb_check_index_keys(arena, operation->table, &item, &message);
        if (rc < 0)
            message = index_key_text(arena, operation, message);
    }
    if (rc < 0) {
        fail_operation(operation, DDB_OUTCOME_INVALID, message);
        return;
    }
    operation->new_item = item;
    operation->has_item = true;
}

static int read_old_item(struct call *call, struct ddb_operation *operation)
{
    int rc = ddb_item_find(call->db, call->arena, operation->table->table_key, operation->hash,
                           operation->range, &operation->old_blob);
    operation->had_item = rc == 1;
    if (rc <= 0)
        return rc;
    return ddb_value_from_blob(call->arena, operation->old_blob, &operation->old_item) < 0 ? -EIO
                                                                                           : 0;
}

int ddb_operation_plan(struct call *call, struct ddb_operation *operation)
{
    static const struct ddb_value nothing = {.type = DDB_M};
    int rc = read_old_item(call, operation);
    if (rc < 0)
        return rc;
    const struct ddb_value *item = operation->had_item ? &operation->old_item : &nothing;
    operation->outcome = DDB_OUTCOME_DONE;
    if (operation->skips_absent && !operation->had_item)
        return 0;
    if ((operation->condition && !ddb_evaluate(operation->condition, item)) ||
        (operation->must_exist && !operation->had_item) ||
        (operation->must_be_new && operation->had_item)) {
        fail_operation(operation, DDB_OUTCOME_CONDITION_FAILED,
                       STR("The conditional request failed"));
        return 0;
    }
    switch (operation->type) {
    case DDB_OPERATION_PUT:
        operation->new_item = operation->item;
        operation->has_item = true;
        break;
    case DDB_OPERATION_UPDATE:
        plan_update(call->arena, operation);
        break;
    case DDB_OPERATION_CHECK:
        operation->new_item = *item;
        operation->has_item = operation->had_item;
        break;
    case DDB_OPERATION_DELETE:
        break;
    }
    return 0;
}

int ddb_operation_write(struct call *call, const struct ddb_operation *operation)
{
    if (operation->type == DDB_OPERATION_CHECK)
        return 0;
    struct ddb_write write = {
        .hash = operation->hash,
        .range = operation->range,
        .old_item = operation->had_item ? &operation->old_item : NULL,
        .new_item = operation->has_item ? &operation->new_item : NULL,
        .old_blob = operation->old_blob,
    };
    return ddb_item_write(call, operation->table, &write);
}
