/* partiql.c — ExecuteStatement, BatchExecuteStatement, ExecuteTransaction.
 *
 * A SELECT whose WHERE fixes the hash key is a query, any other a scan; all of WHERE is the filter.
 * INSERT, UPDATE and DELETE are operations (operation.c) on the key that WHERE fixes, with all of
 * WHERE as their condition.
 *
 * OBSERVED: texts as recorded by nubo-db/dynamodb-conformance (partiql), unless noted. AWS:
 * "PartiQL for DynamoDB" (developer guide): UPDATE of an item that does not exist fails its
 * condition, DELETE of one does nothing.
 */
#include "service/dynamodb/partiql.h"

#include <errno.h>

#include "auth/digest.h"
#include "base/arena.h"
#include "base/vec.h"
#include "service/dynamodb/item.h"
#include "syntax/base64.h"

enum {
    TRANSACTION_FACTOR = 2,
};

/* Why a statement failed: as an error of the call, and as a code of a batch. */
struct failure {
    const struct api_error *error;
    const char *code;
    struct str message;
    bool has_item;
    struct ddb_value item; /* of ConditionalCheckFailed */
};

/* One statement on its way. */
struct execution {
    struct call *call;
    struct ddb_statement statement;
    struct ddb_table *table;
    const struct ddb_index *index;
    bool is_consistent;
    bool returns_item; /* ReturnValuesOnConditionCheckFailure */
    struct failure failure;
    struct ddb_meters *meters;
    double factor; /* of capacity: 2 in transactions */
};

static int fail_with(struct execution *execution, struct str message)
{
    execution->failure =
        (struct failure){.error = &ERROR_VALIDATION, .code = "ValidationError", .message = message};
    return -EINVAL;
}

static enum status answer_failure(struct execution *execution, int rc)
{
    const struct failure *failure = &execution->failure;
    if (rc != -EINVAL || !failure->error)
        return call_fail_internal(execution->call, rc, "dynamodb: PartiQL");
    if (failure->error != &DYNAMODB_CONDITIONAL_CHECK_FAILED_EXCEPTION)
        return call_fail(execution->call, failure->error, STR_FMT, STR_ARG(failure->message));
    struct dynamodb_conditional_check_failed_error *members =
        arena_alloc(execution->call->arena, sizeof(*members));
    if (failure->has_item) {
        members->item.items = ddb_item_to_api(execution->call->arena, &failure->item);
        members->item.count = failure->item.count;
    }
    return call_fail_with(execution->call, failure->error, members, STR_FMT,
                          STR_ARG(failure->message));
}

/* ---- what WHERE fixes ---- */

/* The value that the condition gives the attribute by "=", or NULL. */
static const struct ddb_node *fixed_by(const struct ddb_node *node, struct str name)
{
    if (node->type != DDB_NODE_COMPARE || node->operator_ != DDB_EQ)
        return NULL;
    for (size_t i = 0; i < 2; i++) {
        const struct ddb_node *path = node->args[i];
        const struct ddb_node *value = node->args[1 - i];
        if (path->type == DDB_NODE_PATH && value->type == DDB_NODE_VALUE && path->path.count == 1 &&
            str_eq(path->path.steps[0].name, name))
            return value;
    }
    return NULL;
}

/* The conditions that must all hold: those of an AND, or the one. */
static size_t conjunct_count(const struct ddb_node *where)
{
    return !where ? 0 : where->type == DDB_NODE_AND ? where->arg_count : 1;
}

static const struct ddb_node *conjunct(const struct ddb_node *where, size_t i)
{
    return where->type == DDB_NODE_AND ? where->args[i] : where;
}

static const struct ddb_node *find_fixed(const struct ddb_node *where, struct str name)
{
    const struct ddb_node *value = NULL;
    for (size_t i = 0; !value && i < conjunct_count(where); i++)
        value = fixed_by(conjunct(where, i), name);
    return value;
}

/* The whole key, when WHERE fixes all of it. */
static bool find_key(struct arena *arena, const struct ddb_key_schema *keys,
                     const struct ddb_node *where, struct ddb_value *out)
{
    struct ddb_value key = {.type = DDB_M};
    for (size_t i = 0; i < keys->hash_count + keys->range_count; i++) {
        const struct str name =
            i < keys->hash_count ? keys->hash[i].name : keys->range[i - keys->hash_count].name;
        const struct ddb_node *value = find_fixed(where, name);
        if (!value)
            return false;
        ddb_map_set(arena, &key, name, &value->value);
    }
    *out = key;
    return true;
}

/* ---- before anything is read ---- */

static struct str action_of(const struct ddb_statement *statement)
{
    static const struct str actions[] = {
        [DDB_SELECT] = STR_INIT("dynamodb:PartiQLSelect"),
        [DDB_INSERT] = STR_INIT("dynamodb:PartiQLInsert"),
        [DDB_STATEMENT_UPDATE] = STR_INIT("dynamodb:PartiQLUpdate"),
        [DDB_STATEMENT_DELETE] = STR_INIT("dynamodb:PartiQLDelete"),
        [DDB_EXISTS] = STR_INIT("dynamodb:PartiQLSelect"),
    };
    return actions[statement->type];
}

/* ---- SELECT ---- */

static int find_index(struct execution *execution)
{
    const struct ddb_statement *statement = &execution->statement;
    struct arena *arena = execution->call->arena;
    if (!str_is_set(statement->index))
        return 0;
    const struct ddb_index *index = ddb_table_index(execution->table, statement->index);
    if (!index || index->status == DDB_DELETING)
        return fail_with(execution, STR("The table does not have the specified index"));
    if (!index->is_local && execution->is_consistent)
        return fail_with(execution, STR("Strongly consistent read is not supported on Global "
                                        "Secondary Indexes"));
    if (index->status == DDB_CREATING)
        return fail_with(execution,
                         str_format(arena,
                                    "Cannot read from backfilling global secondary index: " STR_FMT,
                                    STR_ARG(index->name)));
    const struct str filtered =
        ddb_unprojected(arena, execution->table, index, statement->where, NULL);
    if (str_is_set(filtered))
        return fail_with(
            execution,
            str_format(arena,
                       "One or more parameter values were invalid: Secondary index " STR_FMT
                       " does not project one or more filter attributes: " STR_FMT,
                       STR_ARG(index->name), STR_ARG(filtered)));
    const struct str selected =
        ddb_unprojected(arena, execution->table, index, NULL, &statement->paths);
    if (str_is_set(selected) && !index->is_local)
        return fail_with(execution,
                         str_format(arena,
                                    "One or more parameter values were invalid: Global secondary "
                                    "index " STR_FMT " does not project " STR_FMT,
                                    STR_ARG(index->name), STR_ARG(selected)));
    execution->index = index;
    return 0;
}

static const struct ddb_key_schema *keys_of(const struct execution *execution)
{
    return execution->index ? &execution->index->keys : &execution->table->keys;
}

static bool is_range_condition(const struct ddb_node *node, struct str name)
{
    const bool is_kind = (node->type == DDB_NODE_COMPARE && node->operator_ != DDB_NE) ||
                         node->type == DDB_NODE_BETWEEN ||
                         (node->type == DDB_NODE_FUNCTION && node->function == DDB_BEGINS_WITH);
    if (!is_kind || node->args[0]->type != DDB_NODE_PATH || node->args[0]->path.count != 1 ||
        !str_eq(node->args[0]->path.steps[0].name, name))
        return false;
    for (size_t i = 1; i < node->arg_count; i++)
        if (node->args[i]->type != DDB_NODE_VALUE)
            return false;
    return true;
}

static struct ddb_node *equality(struct arena *arena, struct str name,
                                 const struct ddb_value *value)
{
    struct ddb_node *node = ddb_node_join(arena, DDB_NODE_COMPARE, ddb_node_name(arena, name),
                                          ddb_node_value(arena, value));
    node->operator_ = DDB_EQ;
    return node;
}

/* Conditions on the range: each attribute by "=", the last by anything. */
static void add_range_conditions(struct execution *execution, struct ddb_key_conditions *out)
{
    const struct ddb_key_schema *keys = keys_of(execution);
    const struct ddb_node *where = execution->statement.where;
    for (size_t i = 0; i < keys->range_count; i++) {
        const struct str name = keys->range[i].name;
        const struct ddb_node *value = find_fixed(where, name);
        const struct ddb_node *found =
            value ? equality(execution->call->arena, name, &value->value) : NULL;
        for (size_t j = 0; !found && j < conjunct_count(where); j++)
            if (is_range_condition(conjunct(where, j), name))
                found = conjunct(where, j);
        if (!found)
            return;
        out->items[out->count++] = (struct ddb_key_condition){.name = name, .node = found};
        if (!value)
            return;
    }
}

/* The hash values to query for: one, or those of "hash IN [...]". None: scan. */
static struct vec find_hashes(struct execution *execution)
{
    const struct ddb_key_schema *keys = keys_of(execution);
    const struct ddb_node *where = execution->statement.where;
    struct vec hashes;
    vec_init(&hashes, execution->call->arena, sizeof(struct ddb_value));
    const struct ddb_node *fixed = find_fixed(where, keys->hash[0].name);
    const struct ddb_value *inserted =
        execution->statement.type == DDB_INSERT
            ? ddb_map_find(&execution->statement.item, keys->hash[0].name)
            : NULL;
    if (inserted)
        *(struct ddb_value *)vec_push(&hashes) = *inserted;
    for (size_t i = 1; i < keys->hash_count; i++)
        if (!find_fixed(where, keys->hash[i].name))
            return hashes;
    if (fixed) {
        *(struct ddb_value *)vec_push(&hashes) = fixed->value;
        return hashes;
    }
    for (size_t i = 0; hashes.count == 0 && i < conjunct_count(where); i++) {
        const struct ddb_node *node = conjunct(where, i);
        bool is_plain = node->type == DDB_NODE_IN && node->args[0]->type == DDB_NODE_PATH &&
                        node->args[0]->path.count == 1 &&
                        str_eq(node->args[0]->path.steps[0].name, keys->hash[0].name);
        for (size_t j = 1; is_plain && j < node->arg_count; j++)
            is_plain = node->args[j]->type == DDB_NODE_VALUE;
        for (size_t j = 1; is_plain && j < node->arg_count; j++)
            *(struct ddb_value *)vec_push(&hashes) = node->args[j]->value;
    }
    return hashes;
}

static int check_orders(struct execution *execution, bool is_query, bool *out_is_backward)
{
    const struct ddb_statement *statement = &execution->statement;
    const struct ddb_key_schema *keys = keys_of(execution);
    for (size_t i = 0; i < statement->order_count; i++) {
        const struct ddb_order *order = &statement->orders[i];
        if (!is_query)
            return fail_with(execution,
                             STR("Must have at least one non-optional hash key condition "
                                 "in WHERE clause when using ORDER BY clause."));
        if (!ddb_is_key_attribute(keys, order->name))
            return fail_with(execution,
                             str_format(execution->call->arena,
                                        "Variable reference " STR_FMT
                                        " in ORDER BY clause must be part of the primary key",
                                        STR_ARG(order->name)));
        if (keys->range_count > 0 && str_eq(order->name, keys->range[0].name))
            *out_is_backward = order->is_descending;
    }
    return 0;
}

/* SELECT a.b gives the attribute "b". */
static struct ddb_value select_paths(struct arena *arena, const struct ddb_value *item,
                                     const struct ddb_paths *paths)
{
    struct ddb_value selected = {.type = DDB_M};
    for (size_t i = 0; i < paths->count; i++) {
        const struct ddb_path *path = &paths->items[i];
        const struct ddb_value *value = ddb_path_find(item, path);
        size_t last = path->count - 1;
        while (!str_is_set(path->steps[last].name))
            last--;
        if (value)
            ddb_map_set(arena, &selected, path->steps[last].name, value);
    }
    return selected;
}

struct selection {
    struct vec items; /* struct ddb_value */
    bool has_more;
    struct ddb_value last_key;
};

static int read_hash(struct execution *execution, struct ddb_page_request *request,
                     const struct ddb_value *hash, const struct ddb_value *start,
                     struct ddb_page *out)
{
    struct arena *arena = execution->call->arena;
    const struct ddb_key_schema *keys = keys_of(execution);
    struct ddb_key_conditions conditions = {0};
    struct str message = {0};
    int rc = 0;
    for (size_t i = 0; hash && i < keys->hash_count; i++) {
        const struct ddb_value *value =
            i == 0 ? hash : &find_fixed(execution->statement.where, keys->hash[i].name)->value;
        conditions.items[conditions.count++] = (struct ddb_key_condition){
            .name = keys->hash[i].name, .node = equality(arena, keys->hash[i].name, value)};
    }
    if (hash) {
        add_range_conditions(execution, &conditions);
        rc = ddb_key_conditions_apply(arena, keys, &conditions, &request->range, &message);
    }
    if (rc == 0 && start)
        rc = ddb_page_start(arena, request, start, &message);
    if (rc < 0)
        return fail_with(execution, message);
    return ddb_read_page(execution->call, request, out);
}

static void meter_page(struct execution *execution, const struct ddb_page *page)
{
    struct ddb_meter *meter = ddb_meter_for(execution->meters, execution->table);
    meter->read_units += page->table_units;
    if (execution->index)
        meter->index_read_units[execution->index - execution->table->indexes] += page->index_units;
}

/* Reads hash after hash until the page is full; a start belongs to one of them. */
static int select_items(struct execution *execution, const struct ddb_value *start, int64_t limit,
                        struct selection *out)
{
    struct arena *arena = execution->call->arena;
    const struct vec hashes = find_hashes(execution);
    const struct str hash_name = keys_of(execution)->hash[0].name;
    const bool is_query = hashes.count > 0;
    bool is_backward = false;
    size_t scanned = 0;
    int rc = check_orders(execution, is_query, &is_backward);
    vec_init(&out->items, arena, sizeof(struct ddb_value));
    for (size_t i = 0; rc == 0 && i < (is_query ? hashes.count : 1) && !out->has_more; i++) {
        const struct ddb_value *hash = is_query ? vec_at(&hashes, i) : NULL;
        const struct ddb_value *begun = start && hash ? ddb_map_find(start, hash_name) : NULL;
        if (begun && !ddb_value_equal(begun, hash))
            continue;
        struct ddb_page page = {0};
        struct ddb_page_request request = {
            .table = execution->table,
            .index = execution->index,
            .filter = execution->statement.where,
            .is_consistent = execution->is_consistent,
            .limit = limit > 0 ? limit - (int64_t)scanned : 0,
        };
        request.range.table_key = execution->table->table_key;
        request.range.index_key = execution->index ? execution->index->index_key : 0;
        request.range.is_joined =
            execution->index &&
            (execution->index->projection == DDB_PROJECT_ALL ||
             str_is_set(ddb_unprojected(arena, execution->table, execution->index, NULL,
                                        &execution->statement.paths)));
        request.range.is_scan = !is_query;
        request.range.is_backward = is_backward;
        rc = read_hash(execution, &request, hash, start, &page);
        start = NULL;
        scanned += page.scanned_count;
        for (size_t j = 0; rc == 0 && j < page.count; j++)
            *(struct ddb_value *)vec_push(&out->items) = page.items[j];
        out->has_more = page.has_more;
        out->last_key = page.last_key;
        if (rc == 0)
            meter_page(execution, &page);
    }
    for (size_t i = 0; rc == 0 && execution->statement.has_paths && i < out->items.count; i++) {
        struct ddb_value *item = vec_at(&out->items, i);
        *item = select_paths(arena, item, &execution->statement.paths);
    }
    return rc;
}

/* ---- INSERT, UPDATE, DELETE ---- */

static int read_operation(struct execution *execution, struct ddb_operation *out)
{
    const struct ddb_statement *statement = &execution->statement;
    const struct ddb_key_schema *keys = &execution->table->keys;
    *out = (struct ddb_operation){
        .table = execution->table,
        .condition = statement->where,
        .update = statement->update,
        .returns_item = execution->returns_item,
    };
    if (statement->type == DDB_INSERT) {
        out->type = DDB_OPERATION_PUT;
        out->item = statement->item;
        out->must_be_new = true;
        if (ddb_item_size(&out->item) > DDB_ITEM_SIZE_MAX)
            return fail_with(execution, STR("Item size has exceeded the maximum allowed size"));
        return 0;
    }
    if (!find_key(execution->call->arena, keys, statement->where, &out->item))
        return fail_with(execution, STR("Where clause does not contain a mandatory equality on all "
                                        "key attributes"));
    const bool is_update = statement->type == DDB_STATEMENT_UPDATE;
    const bool is_delete = statement->type == DDB_STATEMENT_DELETE;
    out->type = is_update   ? DDB_OPERATION_UPDATE
                : is_delete ? DDB_OPERATION_DELETE
                            : DDB_OPERATION_CHECK;
    out->must_exist = !is_delete;
    out->skips_absent = is_delete;
    return 0;
}

static int fail_outcome(struct execution *execution, const struct ddb_operation *operation)
{
    if (operation->outcome == DDB_OUTCOME_INVALID)
        return fail_with(execution, operation->message);
    if (operation->must_be_new && operation->had_item) {
        execution->failure =
            (struct failure){.error = &DYNAMODB_DUPLICATE_ITEM_EXCEPTION,
                             .code = "DuplicateItem",
                             .message = STR("Duplicate primary key exists in table")};
        return -EINVAL;
    }
    execution->failure = (struct failure){
        .error = &DYNAMODB_CONDITIONAL_CHECK_FAILED_EXCEPTION,
        .code = "ConditionalCheckFailed",
        .message = STR("The conditional request failed"),
        .has_item = operation->returns_item && operation->had_item,
        .item = operation->old_item,
    };
    return -EINVAL;
}

static int write_item(struct execution *execution, struct ddb_operation *operation)
{
    struct call *call = execution->call;
    struct str message = {0};
    int rc = read_operation(execution, operation);
    if (rc < 0)
        return rc;
    rc = ddb_operation_prepare(call->arena, operation, &message);
    if (rc < 0)
        return fail_with(execution, message);
    rc = ddb_operation_plan(call, operation);
    if (rc == 0 && operation->outcome != DDB_OUTCOME_DONE)
        rc = fail_outcome(execution, operation);
    if (rc == 0)
        rc = ddb_operation_write(call, operation);
    if (rc == 0)
        ddb_meter_write(call->arena, ddb_meter_for(execution->meters, execution->table),
                        operation->had_item ? &operation->old_item : NULL,
                        operation->has_item ? &operation->new_item : NULL, execution->factor);
    return rc;
}

/* What RETURNING asks for. False: nothing. */
static bool returned(const struct execution *execution, const struct ddb_operation *operation,
                     struct ddb_value *out)
{
    const enum ddb_returning returning = execution->statement.returning;
    const bool is_old =
        returning == DDB_RETURNING_ALL_OLD || returning == DDB_RETURNING_MODIFIED_OLD;
    if (returning == DDB_RETURNING_NOTHING ||
        (is_old ? !operation->had_item : !operation->has_item))
        return false;
    const struct ddb_value *item = is_old ? &operation->old_item : &operation->new_item;
    if (returning == DDB_RETURNING_ALL_OLD || returning == DDB_RETURNING_ALL_NEW) {
        *out = *item;
        return true;
    }
    const struct ddb_paths paths =
        ddb_update_paths(execution->call->arena, &execution->statement.update);
    *out = ddb_project(execution->call->arena, item, &paths);
    return true;
}

/* ---- beginning ---- */

/* AWS: condition keys of PartiQL: dynamodb:LeadingKeys, and dynamodb:FullTableScan for a SELECT
 * that is a scan. */
static enum status authorize(struct execution *execution)
{
    struct arena *arena = execution->call->arena;
    const struct ddb_statement *statement = &execution->statement;
    struct condition_value *keys = arena_alloc_array(arena, 2, sizeof(*keys));
    struct str *scans = arena_alloc(arena, sizeof(*scans));
    size_t count = 0;
    if (execution->table) {
        const struct vec hashes = find_hashes(execution);
        struct str *leading = arena_alloc_array(arena, hashes.count + 1, sizeof(*leading));
        for (size_t i = 0; i < hashes.count; i++)
            leading[i] = ((const struct ddb_value *)vec_at(&hashes, i))->text;
        if (hashes.count > 0)
            keys[count++] = (struct condition_value){
                .key = STR("dynamodb:LeadingKeys"), .values = leading, .value_count = hashes.count};
        *scans = hashes.count == 0 ? STR("true") : STR("false");
        if (statement->type == DDB_SELECT)
            keys[count++] = (struct condition_value){
                .key = STR("dynamodb:FullTableScan"), .values = scans, .value_count = 1};
    }
    return ddb_authorize_table(execution->call, statement->table, statement->index,
                               action_of(statement), keys, count);
}

/* Parses, finds the table and asks for permission. STATUS_FAILED with failure.error set: the
 * statement failed, not yet the call. */
static enum status begin(struct execution *execution, struct str text,
                         const struct dynamodb_prepared_statement_parameters *parameters)
{
    struct call *call = execution->call;
    struct ddb_statement *statement = &execution->statement;
    struct str message = {0};
    if (ddb_statement_parse(call->arena, text, parameters, statement, &message) < 0) {
        (void)fail_with(execution, message);
        return STATUS_FAILED;
    }
    int rc = ddb_table_load(call, statement->table, &execution->table);
    if (rc < 0)
        return call_fail_internal(call, rc, "dynamodb: find a table");
    if (execution->table && str_is_set(statement->index))
        execution->index = ddb_table_index(execution->table, statement->index);
    enum status status = authorize(execution);
    execution->index = NULL;
    if (status != STATUS_DONE)
        return status;
    if (rc == 0) {
        execution->failure = (struct failure){.error = &DYNAMODB_RESOURCE_NOT_FOUND_EXCEPTION,
                                              .code = "ResourceNotFound",
                                              .message = STR("Requested resource not found")};
        return STATUS_FAILED;
    }
    return ddb_table_use(call, statement->table, &execution->table);
}

/* ---- ExecuteStatement ---- */

/* A token is the last key, encoded. */
static int read_token(struct execution *execution, struct str token, struct ddb_value *out)
{
    struct str bytes = {0};
    struct arena *arena = execution->call->arena;
    if (base64_decode(arena, token, &bytes) < 0 || bytes.len == 0 ||
        ddb_value_from_blob(arena, bytes, out) < 0 || out->type != DDB_M)
        return fail_with(execution, STR("The NextToken is not valid"));
    return 0;
}

static void write_list(struct arena *arena, const struct vec *items, struct dynamodb_item_list *out)
{
    out->items = arena_alloc_array(arena, items->count, sizeof(*out->items));
    out->count = items->count;
    out->is_set = true;
    for (size_t i = 0; i < items->count; i++) {
        const struct ddb_value *item = vec_at(items, i);
        out->items[i].items = ddb_item_to_api(arena, item);
        out->items[i].count = item->count;
    }
}

static int execute_select(struct execution *execution,
                          const struct dynamodb_execute_statement_in *in,
                          struct dynamodb_execute_statement_out *out)
{
    struct arena *arena = execution->call->arena;
    struct selection selection = {0};
    struct ddb_value start;
    int rc = find_index(execution);
    if (rc == 0 && in->next_token.len > 0)
        rc = read_token(execution, in->next_token, &start);
    if (rc == 0)
        rc = select_items(execution, in->next_token.len > 0 ? &start : NULL,
                          opt_i32_or(in->limit, 0), &selection);
    if (rc < 0)
        return rc;
    write_list(arena, &selection.items, &out->items);
    if (selection.has_more) {
        out->next_token = base64_encode_str(arena, ddb_value_to_blob(arena, &selection.last_key));
        out->last_evaluated_key.items = ddb_item_to_api(arena, &selection.last_key);
        out->last_evaluated_key.count = selection.last_key.count;
    }
    return 0;
}

static int execute_write(struct execution *execution, struct dynamodb_execute_statement_out *out)
{
    struct ddb_operation operation;
    struct ddb_value item;
    struct vec items;
    int rc = write_item(execution, &operation);
    if (rc < 0)
        return rc;
    vec_init(&items, execution->call->arena, sizeof(item));
    if (returned(execution, &operation, &item))
        *(struct ddb_value *)vec_push(&items) = item;
    write_list(execution->call->arena, &items, &out->items);
    return 0;
}

enum status dynamodb_execute_statement(struct call *call,
                                       const struct dynamodb_execute_statement_in *in,
                                       struct dynamodb_execute_statement_out *out)
{
    struct ddb_meters meters = {.arena = call->arena};
    struct execution execution = {
        .call = call,
        .is_consistent = opt_bool_or(in->consistent_read, false),
        .returns_item = str_eq_cstr(in->return_values_on_condition_check_failure, "ALL_OLD"),
        .meters = &meters,
        .factor = 1,
    };
    enum status status = begin(&execution, in->statement, &in->parameters);
    if (status == STATUS_FAILED && execution.failure.error)
        return answer_failure(&execution, -EINVAL);
    if (status != STATUS_DONE)
        return status;
    int rc = 0;
    if (execution.statement.type == DDB_SELECT)
        rc = execute_select(&execution, in, out);
    else if (execution.statement.type == DDB_EXISTS)
        rc = fail_with(&execution, STR("EXISTS is only supported in ExecuteTransaction."));
    else
        rc = execute_write(&execution, out);
    if (rc < 0)
        return answer_failure(&execution, rc);
    const enum ddb_metering metering = ddb_metering(in->return_consumed_capacity);
    out->consumed_capacity =
        ddb_meter_report(call->arena, ddb_meter_for(&meters, execution.table), metering, false);
    return ddb_throttle(call, &meters);
}

/* ---- BatchExecuteStatement ---- */

static int select_one(struct execution *execution, struct ddb_value *out, bool *out_is_found)
{
    struct arena *arena = execution->call->arena;
    struct str message = {0};
    struct str hash = {0};
    struct str range = {0};
    struct ddb_value key;
    if (str_is_set(execution->statement.index) ||
        !find_key(arena, &execution->table->keys, execution->statement.where, &key))
        return fail_with(execution, STR("Select statements within BatchExecuteStatement must "
                                        "specify the primary key in the where clause."));
    int rc = ddb_check_key(arena, execution->table, &key, &message);
    if (rc < 0)
        return fail_with(execution, message);
    rc = ddb_item_key(arena, &execution->table->keys, &key, &hash, &range);
    if (rc == 0)
        rc = ddb_read_item(execution->call, execution->table, hash, range, out);
    if (rc < 0)
        return rc;
    ddb_meter_for(execution->meters, execution->table)->read_units +=
        ddb_read_units(rc == 1 ? ddb_item_size(out) : 0, execution->is_consistent);
    *out_is_found = rc == 1 && ddb_evaluate(execution->statement.where, out);
    if (*out_is_found && execution->statement.has_paths)
        *out = select_paths(arena, out, &execution->statement.paths);
    return 0;
}

static int execute_batched(struct execution *execution,
                           struct dynamodb_batch_statement_response *out)
{
    struct arena *arena = execution->call->arena;
    struct ddb_operation operation;
    struct ddb_value item;
    bool has_item = false;
    int rc = 0;
    out->table_name = execution->table->name;
    if (execution->statement.type == DDB_SELECT) {
        rc = select_one(execution, &item, &has_item);
    } else if (execution->statement.type == DDB_EXISTS) {
        rc = fail_with(execution, STR("EXISTS is only supported in ExecuteTransaction."));
    } else {
        rc = write_item(execution, &operation);
        has_item = rc == 0 && returned(execution, &operation, &item);
    }
    if (rc == 0 && has_item) {
        out->item.items = ddb_item_to_api(arena, &item);
        out->item.count = item.count;
        out->item.is_set = true;
    }
    return rc;
}

static void write_failure(struct execution *execution,
                          struct dynamodb_batch_statement_response *out)
{
    struct arena *arena = execution->call->arena;
    out->error = arena_alloc(arena, sizeof(*out->error));
    out->error->code = str_from_cstr(execution->failure.code);
    out->error->message = execution->failure.message;
    if (!execution->failure.has_item)
        return;
    out->error->item.items = ddb_item_to_api(arena, &execution->failure.item);
    out->error->item.count = execution->failure.item.count;
}

/* AWS: "The entire batch must consist of either read statements or write statements". */
static enum status check_batch(struct call *call, const struct execution *executions, size_t count)
{
    size_t reads = 0;
    size_t writes = 0;
    for (size_t i = 0; i < count; i++) {
        reads += !executions[i].failure.error && executions[i].statement.type == DDB_SELECT;
        writes += !executions[i].failure.error && executions[i].statement.type != DDB_SELECT;
    }
    if (reads > 0 && writes > 0)
        return ddb_refuse(call, "Statements must be either all read statements or all write "
                                "statements");
    return STATUS_DONE;
}

enum status dynamodb_batch_execute_statement(struct call *call,
                                             const struct dynamodb_batch_execute_statement_in *in,
                                             struct dynamodb_batch_execute_statement_out *out)
{
    const size_t count = in->statements.count;
    struct ddb_meters meters = {.arena = call->arena};
    struct execution *executions = arena_alloc_array(call->arena, count, sizeof(*executions));
    out->responses.items = arena_alloc_array(call->arena, count, sizeof(*out->responses.items));
    out->responses.count = count;
    for (size_t i = 0; i < count; i++) {
        const struct dynamodb_batch_statement_request *request = &in->statements.items[i];
        executions[i] = (struct execution){
            .call = call,
            .is_consistent = opt_bool_or(request->consistent_read, false),
            .returns_item =
                str_eq_cstr(request->return_values_on_condition_check_failure, "ALL_OLD"),
            .meters = &meters,
            .factor = 1,
        };
        enum status status = begin(&executions[i], request->statement, &request->parameters);
        if (status != STATUS_DONE && !executions[i].failure.error)
            return status;
    }
    enum status status = check_batch(call, executions, count);
    if (status != STATUS_DONE)
        return status;
    for (size_t i = 0; i < count; i++) {
        int rc = executions[i].failure.error
                     ? -EINVAL
                     : execute_batched(&executions[i], &out->responses.items[i]);
        if (rc < 0 && !executions[i].failure.error)
            return call_fail_internal(call, rc, "dynamodb: PartiQL");
        if (rc < 0)
            write_failure(&executions[i], &out->responses.items[i]);
    }
    out->consumed_capacity =
        ddb_meters_report(&meters, ddb_metering(in->return_consumed_capacity), false);
    return ddb_throttle(call, &meters);
}

/* ---- ExecuteTransaction ---- */

static int fail_member(struct execution *execution, size_t i, const char *text)
{
    return fail_with(execution,
                     str_format(execution->call->arena,
                                "Validation failed in TransactStatements[%zu]: %s", i, text));
}

static int check_member(struct execution *execution, size_t i)
{
    const struct ddb_statement *statement = &execution->statement;
    if (statement->returning != DDB_RETURNING_NOTHING)
        return fail_member(execution, i,
                           "RETURNING clause is not supported in ExecuteTransaction.");
    if (statement->type == DDB_SELECT && str_is_set(statement->index))
        return fail_member(execution, i, "Reads on indices are not supported within transactions.");
    return 0;
}

static enum status read_all(struct call *call, struct execution *executions, size_t count,
                            struct dynamodb_execute_transaction_out *out)
{
    struct ddb_get *gets = arena_alloc_array(call->arena, count, sizeof(*gets));
    for (size_t i = 0; i < count; i++) {
        struct execution *execution = &executions[i];
        gets[i] =
            (struct ddb_get){.table = execution->table, .condition = execution->statement.where};
        if (!find_key(call->arena, &execution->table->keys, execution->statement.where,
                      &gets[i].key))
            return ddb_refuse(call, "Where clause does not contain a mandatory equality on all key "
                                    "attributes");
    }
    enum status status = ddb_transact_read(call, gets, count);
    if (status != STATUS_DONE)
        return status;
    out->responses.items = arena_alloc_array(call->arena, count, sizeof(*out->responses.items));
    out->responses.count = count;
    for (size_t i = 0; i < count; i++) {
        ddb_meter_for(executions[i].meters, gets[i].table)->read_units +=
            TRANSACTION_FACTOR * ddb_read_units(gets[i].size, true);
        if (!gets[i].is_found)
            continue;
        if (executions[i].statement.has_paths)
            gets[i].item = select_paths(call->arena, &gets[i].item, &executions[i].statement.paths);
        out->responses.items[i].item.items = ddb_item_to_api(call->arena, &gets[i].item);
        out->responses.items[i].item.count = gets[i].item.count;
        out->responses.items[i].item.is_set = true;
    }
    return STATUS_DONE;
}

static enum status write_all(struct call *call, struct execution *executions, size_t count)
{
    struct ddb_operation *operations = arena_alloc_array(call->arena, count, sizeof(*operations));
    for (size_t i = 0; i < count; i++) {
        int rc = read_operation(&executions[i], &operations[i]);
        if (rc < 0)
            return answer_failure(&executions[i], rc);
    }
    enum status status = ddb_transact_write(call, operations, count);
    for (size_t i = 0; status == STATUS_DONE && i < count; i++)
        ddb_meter_write(call->arena, ddb_meter_for(executions[i].meters, executions[i].table),
                        operations[i].had_item ? &operations[i].old_item : NULL,
                        operations[i].has_item ? &operations[i].new_item : NULL,
                        TRANSACTION_FACTOR);
    return status;
}

static void feed(struct digest *digest, struct str text)
{
    const uint64_t len = text.len;
    digest_update(digest, str_of((const char *)&len, sizeof(len)));
    digest_update(digest, text);
}

static void feed_statement(struct arena *arena, struct digest *digest,
                           const struct dynamodb_parameterized_statement *statement)
{
    feed(digest, statement->statement);
    for (size_t i = 0; i < statement->parameters.count; i++) {
        struct ddb_value value;
        struct str message = {0};
        if (ddb_value_from_api(arena, &statement->parameters.items[i], &value, &message) == 0)
            feed(digest, ddb_value_to_blob(arena, &value));
    }
}

static enum status begin_all(struct call *call, const struct dynamodb_execute_transaction_in *in,
                             struct execution *executions, struct ddb_meters *meters,
                             struct digest *digest, size_t *out_reads)
{
    for (size_t i = 0; i < in->transact_statements.count; i++) {
        const struct dynamodb_parameterized_statement *one = &in->transact_statements.items[i];
        executions[i] = (struct execution){
            .call = call,
            .returns_item = str_eq_cstr(one->return_values_on_condition_check_failure, "ALL_OLD"),
            .meters = meters,
            .factor = TRANSACTION_FACTOR,
        };
        enum status status = begin(&executions[i], one->statement, &one->parameters);
        if (status == STATUS_DONE && check_member(&executions[i], i) < 0)
            status = STATUS_FAILED;
        if (status == STATUS_FAILED && executions[i].failure.error)
            return answer_failure(&executions[i], -EINVAL);
        if (status != STATUS_DONE)
            return status;
        feed_statement(call->arena, digest, one);
        *out_reads += executions[i].statement.type == DDB_SELECT;
    }
    return STATUS_DONE;
}

enum status dynamodb_execute_transaction(struct call *call,
                                         const struct dynamodb_execute_transaction_in *in,
                                         struct dynamodb_execute_transaction_out *out)
{
    const size_t count = in->transact_statements.count;
    struct execution *executions = arena_alloc_array(call->arena, count, sizeof(*executions));
    struct ddb_meters meters = {.arena = call->arena};
    unsigned char sum[DIGEST_SHA256_SIZE];
    struct digest digest;
    size_t reads = 0;
    bool is_done = false;
    digest_init(&digest, DIGEST_SHA256);
    enum status status = begin_all(call, in, executions, &meters, &digest, &reads);
    if (status != STATUS_DONE)
        return status;
    if (reads > 0 && reads < count)
        return ddb_refuse(call, "Statements must be either all read statements or all write "
                                "statements");
    if (reads == 0) {
        const struct str text = str_of((const char *)sum, digest_final(&digest, sum));
        status = ddb_transact_token(call, in->client_request_token, text, &is_done);
        if (status == STATUS_DONE && !is_done)
            status = write_all(call, executions, count);
        out->responses.is_set = true;
    } else {
        status = read_all(call, executions, count, out);
    }
    if (status != STATUS_DONE)
        return status;
    out->consumed_capacity =
        ddb_meters_report(&meters, ddb_metering(in->return_consumed_capacity), true);
    return ddb_throttle(call, &meters);
}
