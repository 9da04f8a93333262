/* transact.c — TransactWriteItems and TransactGetItems.
 *
 * A call is a transaction of the store, so these read, check everything, and then write. A reason
 * is given for each action, "None" for those that would have gone through. What can be known from
 * the request alone (an empty key, an item that is too large) fails it before it begins.
 *
 * OBSERVED: texts, and which mistakes cancel the transaction, as recorded by
 * nubo-db/dynamodb-conformance (transactWriteItems). Docs: API reference, TransactWriteItems.
 */
#include <errno.h>

#include "auth/digest.h"
#include "base/arena.h"
#include "base/map.h"
#include "base/rand.h"
#include "service/dynamodb/item.h"

enum {
    DROP_EACH = 64,                          /* new tokens: then expired ones go */
    TOKEN_MS = 10 * 60 * 1000,               /* AWS: a token is valid for 10 minutes */
    TRANSACTION_BYTES_MAX = 4 * 1024 * 1024, /* AWS: aggregate size of the items */
    TRANSACTION_FACTOR = 2, /* AWS: "two underlying reads or writes of every item" */
};

/* ---- cancelling ---- */

struct reason {
    const char *code;
    struct str message;
    const struct ddb_value *item;
};

static enum status cancel(struct call *call, const struct reason *reasons, size_t count)
{
    enum { CODES_MAX = 1 << 16 };
    struct dynamodb_transaction_canceled_error *members =
        arena_alloc(call->arena, sizeof(*members));
    struct buf codes;
    buf_init(&codes, call->arena, CODES_MAX);
    members->cancellation_reasons.items =
        arena_alloc_array(call->arena, count, sizeof(*members->cancellation_reasons.items));
    members->cancellation_reasons.count = count;
    for (size_t i = 0; i < count; i++) {
        struct dynamodb_cancellation_reason *reason = &members->cancellation_reasons.items[i];
        if (i > 0)
            buf_append(&codes, STR(", "));
        buf_append_cstr(&codes, reasons[i].code);
        reason->code = str_from_cstr(reasons[i].code);
        reason->message = reasons[i].message;
        if (reasons[i].item) {
            reason->item.items = ddb_item_to_api(call->arena, reasons[i].item);
            reason->item.count = reasons[i].item->count;
        }
    }
    return call_fail_with(call, &DYNAMODB_TRANSACTION_CANCELED_EXCEPTION, members,
                          "Transaction cancelled, please refer cancellation reasons for specific "
                          "reasons [" STR_FMT "]",
                          STR_ARG(buf_str(&codes)));
}

/* Whether the mistake is one of the request, which fails before the transaction begins. */
static bool is_up_front(struct str message)
{
    return str_starts_with(message, STR("One or more parameter values are not valid."));
}

/* ---- writing ---- */

static struct str place_of(struct arena *arena, const struct ddb_table *table, struct str hash,
                           struct str range)
{
    return str_concat(arena, str_format(arena, "%lld/%zu/", (long long)table->table_key, hash.len),
                      str_concat(arena, hash, range));
}

static enum status prepare_all(struct call *call, struct ddb_operation *operations, size_t count,
                               struct reason *reasons, size_t *failed)
{
    struct map seen;
    size_t bytes = 0;
    map_init(&seen, call->arena);
    for (size_t i = 0; i < count; i++) {
        struct ddb_operation *operation = &operations[i];
        struct str message = {0};
        operation->is_transaction = true;
        int rc = ddb_operation_prepare(call->arena, operation, &message);
        if (rc < 0 && is_up_front(message))
            return ddb_fail(call, rc, message);
        reasons[i] = (struct reason){.code = "None"};
        if (rc < 0) {
            reasons[i] = (struct reason){.code = "ValidationError", .message = message};
            (*failed)++;
            continue;
        }
        bytes += ddb_item_size(&operation->item);
        if (!map_set(&seen,
                     place_of(call->arena, operation->table, operation->hash, operation->range),
                     operation))
            return ddb_refuse(call,
                              "Transaction request cannot include multiple operations on one item");
    }
    if (bytes > TRANSACTION_BYTES_MAX)
        return ddb_refuse(call, "The aggregate size of the items in the transaction cannot exceed "
                                "4 MB");
    return STATUS_DONE;
}

static enum status plan_all(struct call *call, struct ddb_operation *operations, size_t count,
                            struct reason *reasons, size_t *failed)
{
    for (size_t i = 0; i < count; i++) {
        struct ddb_operation *operation = &operations[i];
        if (str_is_set(reasons[i].message))
            continue;
        int rc = ddb_operation_plan(call, operation);
        if (rc < 0)
            return call_fail_internal(call, rc, "dynamodb: plan a transaction");
        if (operation->outcome == DDB_OUTCOME_DONE)
            continue;
        if (operation->outcome == DDB_OUTCOME_INVALID && is_up_front(operation->message))
            return ddb_fail(call, -EINVAL, operation->message);
        const bool is_condition = operation->outcome == DDB_OUTCOME_CONDITION_FAILED;
        const bool is_duplicate = is_condition && operation->must_be_new && operation->had_item;
        (*failed)++;
        reasons[i] = (struct reason){
            .code = is_duplicate   ? "DuplicateItem"
                    : is_condition ? "ConditionalCheckFailed"
                                   : "ValidationError",
            .message =
                is_duplicate ? STR("Duplicate primary key exists in table") : operation->message,
            .item = is_condition && operation->returns_item && operation->had_item
                        ? &operation->old_item
                        : NULL,
        };
    }
    return STATUS_DONE;
}

enum status ddb_transact_write(struct call *call, struct ddb_operation *operations, size_t count)
{
    struct reason *reasons = arena_alloc_array(call->arena, count, sizeof(*reasons));
    size_t failed = 0;
    enum status status = prepare_all(call, operations, count, reasons, &failed);
    if (status == STATUS_DONE)
        status = plan_all(call, operations, count, reasons, &failed);
    if (status != STATUS_DONE)
        return status;
    if (failed > 0)
        return cancel(call, reasons, count);
    for (size_t i = 0; i < count; i++) {
        int rc = ddb_operation_write(call, &operations[i]);
        if (rc < 0)
            return call_fail_internal(call, rc, "dynamodb: write a transaction");
    }
    return STATUS_DONE;
}

/* ---- tokens ---- */

enum status ddb_transact_token(struct call *call, struct str token, struct str digest,
                               bool *out_is_done)
{
    struct str known = {0};
    *out_is_done = false;
    if (!str_is_set(token))
        return STATUS_DONE;
    int rc = ddb_store_find_token(call->db, call->arena, call->scope, token, call->now_ms, &known);
    if (rc < 0)
        return call_fail_internal(call, rc, "dynamodb: find a request token");
    if (rc == 0) {
        /* Now and then what has expired is forgotten: most calls need not look. */
        rc = rand_below(DROP_EACH) == 0 ? ddb_store_drop_tokens(call->db, call->now_ms) : 0;
        if (rc == 0)
            rc = ddb_store_put_token(call->db, call->scope, token, digest, call->now_ms + TOKEN_MS);
        return rc < 0 ? call_fail_internal(call, rc, "dynamodb: keep a request token")
                      : STATUS_DONE;
    }
    if (!str_eq(known, digest))
        return call_fail(call, &DYNAMODB_IDEMPOTENT_PARAMETER_MISMATCH_EXCEPTION,
                         "The provided client token was used previously with different "
                         "parameters");
    *out_is_done = true;
    return STATUS_DONE;
}

static void feed(struct digest *digest, struct str text)
{
    const uint64_t len = text.len;
    digest_update(digest, str_of((const char *)&len, sizeof(len)));
    digest_update(digest, text);
}

static void feed_item(struct arena *arena, struct digest *digest, const void *entries, size_t count)
{
    struct ddb_value item = {.type = DDB_M};
    struct str message = {0};
    if (ddb_item_from_api(arena, entries, count, &item, &message) == 0)
        feed(digest, ddb_value_to_blob(arena, &item));
}

static void feed_request(struct arena *arena, struct digest *digest,
                         const struct ddb_write_request *request, struct str table_name)
{
    const char type = (char)request->type;
    feed(digest, str_of(&type, 1));
    feed(digest, table_name);
    feed(digest, request->update_expression);
    feed(digest, request->condition_expression);
    feed_item(arena, digest, request->entries, request->entry_count);
    feed_item(arena, digest, request->values->items, request->values->count);
    for (size_t i = 0; i < request->names->count; i++) {
        feed(digest, request->names->items[i].key);
        feed(digest, request->names->items[i].value);
    }
}

/* ---- TransactWriteItems ---- */

/* One action as a request, and its table's name. False: it is none, or several at once. */
static bool read_action(const struct dynamodb_transact_write_item *in,
                        struct ddb_write_request *out, struct str *out_table)
{
    const struct dynamodb_put *put = in->put;
    const struct dynamodb_update *update = in->update;
    const struct dynamodb_delete *delete_ = in->delete;
    const struct dynamodb_condition_check *check = in->condition_check;
    if ((put != NULL) + (update != NULL) + (delete_ != NULL) + (check != NULL) != 1)
        return false;
    if (put) {
        *out_table = put->table_name;
        *out = (struct ddb_write_request){
            .type = DDB_OPERATION_PUT,
            .entries = put->item.items,
            .entry_count = put->item.count,
            .condition_expression = put->condition_expression,
            .names = &put->expression_attribute_names,
            .values = &put->expression_attribute_values,
            .return_values_on_failure = put->return_values_on_condition_check_failure,
        };
    }
    if (update) {
        *out_table = update->table_name;
        *out = (struct ddb_write_request){
            .type = DDB_OPERATION_UPDATE,
            .entries = update->key.items,
            .entry_count = update->key.count,
            .update_expression = update->update_expression,
            .condition_expression = update->condition_expression,
            .names = &update->expression_attribute_names,
            .values = &update->expression_attribute_values,
            .return_values_on_failure = update->return_values_on_condition_check_failure,
        };
    }
    if (delete_) {
        *out_table = delete_->table_name;
        *out = (struct ddb_write_request){
            .type = DDB_OPERATION_DELETE,
            .entries = delete_->key.items,
            .entry_count = delete_->key.count,
            .condition_expression = delete_->condition_expression,
            .names = &delete_->expression_attribute_names,
            .values = &delete_->expression_attribute_values,
            .return_values_on_failure = delete_->return_values_on_condition_check_failure,
        };
    }
    if (check) {
        *out_table = check->table_name;
        *out = (struct ddb_write_request){
            .type = DDB_OPERATION_CHECK,
            .entries = check->key.items,
            .entry_count = check->key.count,
            .condition_expression = check->condition_expression,
            .names = &check->expression_attribute_names,
            .values = &check->expression_attribute_values,
            .return_values_on_failure = check->return_values_on_condition_check_failure,
        };
    }
    return true;
}

static enum status read_actions(struct call *call,
                                const struct dynamodb_transact_write_items_in *in,
                                struct ddb_operation *operations, struct digest *digest)
{
    const size_t count = in->transact_items.count;
    struct str *tables = arena_alloc_array(call->arena, count, sizeof(*tables));
    for (size_t i = 0; i < count; i++) {
        struct ddb_write_request request;
        struct str message = {0};
        if (!read_action(&in->transact_items.items[i], &request, &tables[i]))
            return ddb_refuse(call, "TransactItems can only contain one of Check, Put, Update or "
                                    "Delete");
        int rc = ddb_read_write_request(call->arena, &request, &operations[i], &message);
        if (rc < 0)
            return ddb_fail(call, rc, message);
        feed_request(call->arena, digest, &request, tables[i]);
    }
    for (size_t i = 0; i < count; i++) {
        enum status status = ddb_table_use(call, tables[i], &operations[i].table);
        if (status != STATUS_DONE)
            return status;
    }
    return STATUS_DONE;
}

static void meter_writes(const struct ddb_operation *operations, size_t count, bool is_replay,
                         struct ddb_meters *meters)
{
    for (size_t i = 0; i < count; i++) {
        const struct ddb_operation *operation = &operations[i];
        struct ddb_meter *meter = ddb_meter_for(meters, operation->table);
        if (is_replay)
            meter->read_units +=
                TRANSACTION_FACTOR * ddb_read_units(ddb_item_size(&operation->item), true);
        else
            ddb_meter_write(meters->arena, meter, operation->had_item ? &operation->old_item : NULL,
                            operation->has_item ? &operation->new_item : NULL, TRANSACTION_FACTOR);
    }
}

enum status dynamodb_transact_write_items(struct call *call,
                                          const struct dynamodb_transact_write_items_in *in,
                                          struct dynamodb_transact_write_items_out *out)
{
    const size_t count = in->transact_items.count;
    struct ddb_operation *operations = arena_alloc_array(call->arena, count, sizeof(*operations));
    struct ddb_meters meters = {.arena = call->arena};
    unsigned char sum[DIGEST_SHA256_SIZE];
    struct digest digest;
    bool is_replay = false;
    digest_init(&digest, DIGEST_SHA256);
    enum status status = read_actions(call, in, operations, &digest);
    if (status != STATUS_DONE)
        return status;
    const struct str text = str_of((const char *)sum, digest_final(&digest, sum));
    status = ddb_transact_token(call, in->client_request_token, text, &is_replay);
    if (status == STATUS_DONE && !is_replay)
        status = ddb_transact_write(call, operations, count);
    if (status != STATUS_DONE)
        return status;
    const enum ddb_metering metering = ddb_metering(in->return_consumed_capacity);
    if (metering != DDB_METER_NONE || ddb_is_throttled(call))
        meter_writes(operations, count, is_replay, &meters);
    out->consumed_capacity = ddb_meters_report(&meters, metering, true);
    status = ddb_throttle(call, &meters);
    if (status != STATUS_DONE)
        return status;
    if (is_replay || !str_eq_cstr(in->return_item_collection_metrics, "SIZE"))
        return STATUS_DONE;
    int rc = ddb_add_collection_metrics(call, operations, count, &out->item_collection_metrics);
    return rc < 0 ? ddb_fail(call, rc, (struct str){0}) : STATUS_DONE;
}

/* ---- reading ---- */

static int get_one(struct call *call, struct ddb_get *get, struct map *seen)
{
    struct str hash = {0};
    struct str range = {0};
    int rc = ddb_check_key(call->arena, get->table, &get->key, &get->message);
    if (rc < 0)
        return is_up_front(get->message) ? rc : 0;
    rc = ddb_item_key(call->arena, &get->table->keys, &get->key, &hash, &range);
    if (rc == 0 && !map_set(seen, place_of(call->arena, get->table, hash, range), get)) {
        get->message = STR("Transaction request cannot include multiple operations on one item");
        return -EINVAL;
    }
    if (rc == 0)
        rc = ddb_read_item(call, get->table, hash, range, &get->item);
    if (rc < 0)
        return rc;
    get->size = rc == 1 ? ddb_item_size(&get->item) : 0;
    get->is_found = rc == 1 && (!get->condition || ddb_evaluate(get->condition, &get->item));
    if (get->is_found && get->has_paths)
        get->item = ddb_project(call->arena, &get->item, &get->paths);
    return 0;
}

enum status ddb_transact_read(struct call *call, struct ddb_get *gets, size_t count)
{
    struct reason *reasons = arena_alloc_array(call->arena, count, sizeof(*reasons));
    struct map seen;
    size_t failed = 0;
    size_t bytes = 0;
    map_init(&seen, call->arena);
    for (size_t i = 0; i < count; i++) {
        int rc = get_one(call, &gets[i], &seen);
        if (rc < 0)
            return ddb_fail(call, rc, gets[i].message);
        const bool is_wrong = str_is_set(gets[i].message);
        reasons[i].code = is_wrong ? "ValidationError" : "None";
        reasons[i].message = gets[i].message;
        failed += is_wrong;
        bytes += gets[i].size;
    }
    if (failed > 0)
        return cancel(call, reasons, count);
    if (bytes > TRANSACTION_BYTES_MAX)
        return ddb_refuse(call, "The aggregate size of the items in the transaction cannot exceed "
                                "4 MB");
    return STATUS_DONE;
}

static enum status read_gets(struct call *call, const struct dynamodb_transact_get_items_in *in,
                             struct ddb_get *gets)
{
    const size_t count = in->transact_items.count;
    for (size_t i = 0; i < count; i++) {
        const struct dynamodb_get *get = in->transact_items.items[i].get;
        const struct ddb_projection_request projection = {
            .expression = get->projection_expression,
            .names = &get->expression_attribute_names,
        };
        struct str message = {0};
        int rc = ddb_read_projection(call->arena, &projection, &gets[i].paths, &gets[i].has_paths,
                                     &message);
        if (rc == 0)
            rc = ddb_item_from_api(call->arena, get->key.items, get->key.count, &gets[i].key,
                                   &message);
        if (rc < 0)
            return ddb_fail(call, rc, message);
    }
    for (size_t i = 0; i < count; i++) {
        enum status status =
            ddb_table_use(call, in->transact_items.items[i].get->table_name, &gets[i].table);
        if (status != STATUS_DONE)
            return status;
    }
    return STATUS_DONE;
}

enum status dynamodb_transact_get_items(struct call *call,
                                        const struct dynamodb_transact_get_items_in *in,
                                        struct dynamodb_transact_get_items_out *out)
{
    const size_t count = in->transact_items.count;
    struct ddb_get *gets = arena_alloc_array(call->arena, count, sizeof(*gets));
    struct ddb_meters meters = {.arena = call->arena};
    enum status status = read_gets(call, in, gets);
    if (status == STATUS_DONE)
        status = ddb_transact_read(call, gets, count);
    if (status != STATUS_DONE)
        return status;
    out->responses.items = arena_alloc_array(call->arena, count, sizeof(*out->responses.items));
    out->responses.count = count;
    for (size_t i = 0; i < count; i++) {
        ddb_meter_for(&meters, gets[i].table)->read_units +=
            TRANSACTION_FACTOR * ddb_read_units(gets[i].size, true);
        if (!gets[i].is_found)
            continue;
        out->responses.items[i].item.items = ddb_item_to_api(call->arena, &gets[i].item);
        out->responses.items[i].item.count = gets[i].item.count;
        out->responses.items[i].item.is_set = true;
    }
    out->consumed_capacity =
        ddb_meters_report(&meters, ddb_metering(in->return_consumed_capacity), true);
    return ddb_throttle(call, &meters);
}
