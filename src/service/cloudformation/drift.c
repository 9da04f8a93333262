/* drift.c — DetectStackDrift and its relatives.
 *
 * DEVIATION: a detection is complete when DetectStackDrift answers; AWS detects in the background.
 * Who polls DescribeStackDriftDetectionStatus sees DETECTION_COMPLETE the first time.
 */
#include "engine/cfn/drift.h"

#include "base/arena.h"
#include "base/rand.h"
#include "base/vec.h"
#include "service/cloudformation/set.h"
#include "syntax/json.h"

static enum status load(struct call *call, struct str name, struct cfn_stack *out_stack,
                        struct cfn_resource **out_rows, int64_t *out_count)
{
    enum status status = find_stack(call, name, STACK_BRACKETS, out_stack);
    if (status != STATUS_DONE)
        return status;
    *out_count = cfn_store_list_resources(call->db, call->arena, out_stack->id, out_rows);
    return *out_count < 0 ? call_fail_internal(call, (int)*out_count, "list a stack's resources")
                          : STATUS_DONE;
}

/* AWS: "You can detect drift on stacks in CREATE_COMPLETE, UPDATE_COMPLETE,
 * UPDATE_ROLLBACK_COMPLETE, UPDATE_ROLLBACK_FAILED" (user guide); imports count as updates. */
static enum status check_stack(struct call *call, const struct cfn_stack *stack)
{
    static const char *const good[] = {"CREATE_COMPLETE",          "UPDATE_COMPLETE",
                                       "UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED",
                                       "IMPORT_COMPLETE",          "IMPORT_ROLLBACK_COMPLETE"};
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        if (str_eq_cstr(stack->status, good[i]))
            return STATUS_DONE;
    }
    return call_fail(call, &ERROR_VALIDATION,
                     "Stack:" STR_FMT " is in " STR_FMT
                     " state and drift detection can not be performed.",
                     STR_ARG(stack->id), STR_ARG(stack->status));
}

/* Compares one resource and keeps what was found. */
static enum status detect(struct call *call, const struct cfn_stack *stack,
                          const struct cfn_resource *row, struct json **out_drift)
{
    struct cfn_drift drift = {0};
    enum status status = cfn_find_drift(call, call->principal, stack, row, &drift);
    if (status != STATUS_DONE)
        return status;
    *out_drift = cfn_drift_to_json(call->arena, &drift, call->now_ms);
    int rc = cfn_store_put_drift(call->db, stack->id, row->logical_id,
                                 json_to_str(call->arena, *out_drift));
    return rc < 0 ? call_fail_internal(call, rc, "keep a drift") : STATUS_DONE;
}

static bool is_asked(const struct cloudformation_logical_resource_ids *ids, struct str id)
{
    for (size_t i = 0; i < ids->count; i++) {
        if (str_eq(ids->items[i], id))
            return true;
    }
    return ids->count == 0;
}

static bool has_status(const struct json *drift, const char *status)
{
    return str_eq_cstr(json_find_str(drift, "Status"), status);
}

/* Keeps the detection and what it says of the stack. */
static enum status keep_detection(struct call *call, struct cfn_stack *stack, int64_t drifted,
                                  struct str *out_id)
{
    struct arena *arena = call->arena;
    struct json *data = json_new(arena, JSON_OBJECT);
    cfn_set_text(arena, data, "Status", drifted > 0 ? STR("DRIFTED") : STR("IN_SYNC"));
    cfn_set_number(arena, data, "Count", drifted);
    cfn_set_number(arena, data, "At", call->now_ms);
    *out_id = rand_uuid(arena);
    int rc = cfn_store_add_detection(call->db, *out_id, stack->id, json_to_str(arena, data));
    cfn_set(stack->options, "Drift", data);
    if (rc == 0)
        rc = cfn_store_put_stack(call->db, stack);
    return rc < 0 ? call_fail_internal(call, rc, "keep a drift detection") : STATUS_DONE;
}

enum status cloudformation_detect_stack_drift(struct call *call,
                                              const struct cloudformation_detect_stack_drift_in *in,
                                              struct cloudformation_detect_stack_drift_out *out)
{
    struct cfn_stack stack = {0};
    struct cfn_resource *rows = NULL;
    int64_t count = 0;
    int64_t drifted = 0;
    enum status status = load(call, in->stack_name, &stack, &rows, &count);
    if (status == STATUS_DONE)
        status = check_stack(call, &stack);
    for (int64_t i = 0; status == STATUS_DONE && i < count; i++) {
        struct json *drift = NULL;
        if (!rows[i].applied || !is_asked(&in->logical_resource_ids, rows[i].logical_id))
            continue;
        status = detect(call, &stack, &rows[i], &drift);
        drifted += has_status(drift, "MODIFIED") || has_status(drift, "DELETED");
    }
    return status == STATUS_DONE
               ? keep_detection(call, &stack, drifted, &out->stack_drift_detection_id)
               : status;
}

enum status cloudformation_describe_stack_drift_detection_status(
    struct call *call, const struct cloudformation_describe_stack_drift_detection_status_in *in,
    struct cloudformation_describe_stack_drift_detection_status_out *out)
{
    struct str stack_id = {0};
    struct json *data = NULL;
    int rc = cfn_store_find_detection(call->db, call->arena, in->stack_drift_detection_id,
                                      &stack_id, &data);
    if (rc < 0)
        return call_fail_internal(call, rc, "find a drift detection");
    struct cfn_stack stack = {0};
    if (rc == 1 && find_stack(call, stack_id, STACK_BRACKETS, &stack) != STATUS_DONE) {
        if (call->store_errno != 0)
            return STATUS_FAILED;
        rc = 0; /* of another account */
    }
    if (rc == 0)
        return call_fail(call, &ERROR_VALIDATION,
                         "Drift detection operation with id [" STR_FMT "] does not exist",
                         STR_ARG(in->stack_drift_detection_id));
    out->stack_id = stack_id;
    out->stack_drift_detection_id = in->stack_drift_detection_id;
    out->stack_drift_status = json_find_str(data, "Status");
    out->detection_status = STR("DETECTION_COMPLETE");
    out->drifted_stack_resource_count = opt_i32((int32_t)cfn_number(data, "Count"));
    out->timestamp = opt_i64(cfn_number(data, "At"));
    return STATUS_DONE;
}

static void fill_differences(struct arena *arena, const struct json *list,
                             struct cloudformation_property_differences *out)
{
    out->is_set = true;
    out->items = arena_alloc_array(arena, list ? list->count : 0, sizeof(*out->items));
    for (const struct json *item = list ? list->first : NULL; item; item = item->next)
        out->items[out->count++] = (struct cloudformation_property_difference){
            .property_path = json_find_str(item, "Path"),
            .expected_value = json_find_str(item, "Expected"),
            .actual_value = json_find_str(item, "Actual"),
            .difference_type = json_find_str(item, "Kind"),
        };
}

static void fill_drift(struct arena *arena, const struct cfn_stack *stack,
                       const struct cfn_resource *row, const struct json *drift,
                       struct cloudformation_stack_resource_drift *out)
{
    *out = (struct cloudformation_stack_resource_drift){
        .stack_id = stack->id,
        .logical_resource_id = row->logical_id,
        .physical_resource_id = row->physical_id,
        .resource_type = row->type,
        .expected_properties = json_find_str(drift, "Expected"),
        .actual_properties = json_find_str(drift, "Actual"),
        .stack_resource_drift_status = json_find_str(drift, "Status"),
        .timestamp = opt_i64(cfn_number(drift, "At")),
    };
    if (has_status(drift, "MODIFIED") || has_status(drift, "IN_SYNC"))
        fill_differences(arena, json_find_cstr(drift, "Differences"), &out->property_differences);
}

enum status cloudformation_detect_stack_resource_drift(
    struct call *call, const struct cloudformation_detect_stack_resource_drift_in *in,
    struct cloudformation_detect_stack_resource_drift_out *out)
{
    struct cfn_stack stack = {0};
    struct cfn_resource *rows = NULL;
    int64_t count = 0;
    enum status status = load(call, in->stack_name, &stack, &rows, &count);
    if (status == STATUS_DONE)
        status = check_stack(call, &stack);
    for (int64_t i = 0; status == STATUS_DONE && i < count; i++) {
        struct json *drift = NULL;
        if (!rows[i].applied || !str_eq(rows[i].logical_id, in->logical_resource_id))
            continue;
        status = detect(call, &stack, &rows[i], &drift);
        if (status != STATUS_DONE)
            return status;
        /* OBSERVED: the text of a type without drift detection. */
        if (has_status(drift, "NOT_CHECKED"))
            return call_fail(call, &ERROR_VALIDATION,
                             "Resource type " STR_FMT " does not support drift detection",
                             STR_ARG(rows[i].type));
        out->stack_resource_drift = arena_alloc(call->arena, sizeof(*out->stack_resource_drift));
        fill_drift(call->arena, &stack, &rows[i], drift, out->stack_resource_drift);
        return STATUS_DONE;
    }
    if (status != STATUS_DONE)
        return status;
    return call_fail(call, &ERROR_VALIDATION,
                     "Resource " STR_FMT " does not exist for stack " STR_FMT,
                     STR_ARG(in->logical_resource_id), STR_ARG(stack.name));
}

static bool is_filtered(const struct cloudformation_stack_resource_drift_status_filters *filters,
                        const struct json *drift)
{
    for (size_t i = 0; i < filters->count; i++) {
        if (str_eq(filters->items[i], json_find_str(drift, "Status")))
            return false;
    }
    return filters->count > 0;
}

/* AWS: "only resources that have been checked for drift" are listed. */
enum status cloudformation_describe_stack_resource_drifts(
    struct call *call, const struct cloudformation_describe_stack_resource_drifts_in *in,
    struct cloudformation_describe_stack_resource_drifts_out *out)
{
    struct cfn_stack stack = {0};
    struct cfn_resource *rows = NULL;
    struct json *drifts = NULL;
    int64_t count = 0;
    int64_t first = 0;
    struct str rest = {0};
    int64_t page = opt_i32_or(in->max_results, PAGE_SIZE);
    enum status status = load(call, in->stack_name, &stack, &rows, &count);
    if (status == STATUS_DONE && in->next_token.ptr)
        status = read_page_token(call, in->next_token, &first, &rest);
    if (status != STATUS_DONE)
        return status;
    int rc = cfn_store_list_drifts(call->db, call->arena, stack.id, &drifts);
    if (rc < 0)
        return call_fail_internal(call, rc, "list drifts");
    struct vec items;
    vec_init(&items, call->arena, sizeof(struct cloudformation_stack_resource_drift));
    for (int64_t i = first < 0 ? 0 : first; i < count; i++) {
        const struct json *drift = json_find(drifts, rows[i].logical_id);
        if (!drift || has_status(drift, "NOT_CHECKED") ||
            is_filtered(&in->stack_resource_drift_status_filters, drift))
            continue;
        if ((int64_t)items.count == page) {
            out->next_token = page_token(call->arena, i, STR(""));
            break;
        }
        fill_drift(call->arena, &stack, &rows[i], drift, vec_push(&items));
    }
    out->stack_resource_drifts.is_set = true;
    out->stack_resource_drifts.items = items.items;
    out->stack_resource_drifts.count = items.count;
    return STATUS_DONE;
}

/* What the last detection of a stack set found in one instance. */
enum status cloudformation_list_stack_instance_resource_drifts(
    struct call *call, const struct cloudformation_list_stack_instance_resource_drifts_in *in,
    struct cloudformation_list_stack_instance_resource_drifts_out *out)
{
    struct cfn_set set = {0};
    struct cfn_set_operation operation = {0};
    struct cfn_instance *instances = NULL;
    size_t instance_count = 0;
    enum status status = find_set(call, in->stack_set_name, &set);
    if (status == STATUS_DONE)
        status = find_set_operation(call, &set, in->operation_id, &operation);
    if (status == STATUS_DONE)
        status = list_instances(call, &set, &instances, &instance_count);
    if (status != STATUS_DONE)
        return status;
    const struct cfn_instance *instance = find_instance(
        instances, instance_count, in->stack_instance_account, in->stack_instance_region);
    struct str stack_id = instance ? json_find_str(instance->data, "StackId") : (struct str){0};
    if (!stack_id.ptr)
        return call_fail(call, &CLOUDFORMATION_STACK_INSTANCE_NOT_FOUND_EXCEPTION,
                         "Stack instance for StackSet " STR_FMT ", account " STR_FMT
                         ", region " STR_FMT " not found",
                         STR_ARG(set.id), STR_ARG(in->stack_instance_account),
                         STR_ARG(in->stack_instance_region));
    struct cfn_resource *rows = NULL;
    struct json *drifts = NULL;
    int64_t count = cfn_store_list_resources(call->db, call->arena, stack_id, &rows);
    int rc = cfn_store_list_drifts(call->db, call->arena, stack_id, &drifts);
    if (count < 0 || rc < 0)
        return call_fail_internal(call, rc < 0 ? rc : (int)count, "list drifts");
    struct vec items;
    vec_init(&items, call->arena,
             sizeof(struct cloudformation_stack_instance_resource_drifts_summary));
    for (int64_t i = 0; i < count; i++) {
        const struct json *drift = json_find(drifts, rows[i].logical_id);
        if (!drift ||
            is_filtered((const struct cloudformation_stack_resource_drift_status_filters *)&in
                            ->stack_instance_resource_drift_statuses,
                        drift))
            continue;
        struct cloudformation_stack_instance_resource_drifts_summary *item = vec_push(&items);
        *item = (struct cloudformation_stack_instance_resource_drifts_summary){
            .stack_id = stack_id,
            .logical_resource_id = rows[i].logical_id,
            .physical_resource_id = rows[i].physical_id,
            .resource_type = rows[i].type,
            .stack_resource_drift_status = json_find_str(drift, "Status"),
            .timestamp = opt_i64(cfn_number(drift, "At")),
        };
        fill_differences(call->arena, json_find_cstr(drift, "Differences"),
                         &item->property_differences);
    }
    out->summaries.is_set = true;
    out->summaries.items = items.items;
    out->summaries.count = items.count;
    return STATUS_DONE;
}
