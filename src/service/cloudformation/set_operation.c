/* set_operation.c — operations on stack sets: begin, describe, list, stop.
 */
#include "base/arena.h"
#include "base/rand.h"
#include "service/cloudformation/set.h"
#include "syntax/json.h"

static struct json *
preferences_to_json(struct arena *arena,
                    const struct cloudformation_stack_set_operation_preferences *preferences)
{
    struct json *object = json_new(arena, JSON_OBJECT);
    if (!preferences)
        return object;
    cfn_set_text(arena, object, "RegionConcurrency", preferences->region_concurrency_type);
    cfn_set_text(arena, object, "Mode", preferences->concurrency_mode);
    cfn_set(object, "RegionOrder",
            cfn_text_list(arena, preferences->region_order.items, preferences->region_order.count));
    cfn_set_number(arena, object, "ToleranceCount",
                   opt_i32_or(preferences->failure_tolerance_count, 0));
    cfn_set_number(arena, object, "TolerancePercentage",
                   opt_i32_or(preferences->failure_tolerance_percentage, 0));
    cfn_set_number(arena, object, "ConcurrentCount",
                   opt_i32_or(preferences->max_concurrent_count, 0));
    cfn_set_number(arena, object, "ConcurrentPercentage",
                   opt_i32_or(preferences->max_concurrent_percentage, 0));
    return object;
}

static struct opt_i32 number_of(const struct json *object, const char *name)
{
    int64_t number = cfn_number(object, name);
    return number > 0 ? opt_i32((int32_t)number) : (struct opt_i32){0};
}

struct cloudformation_stack_set_operation_preferences *
preferences_from_json(struct arena *arena, const struct json *data)
{
    const struct json *object = json_find_cstr(data, "Preferences");
    struct cloudformation_stack_set_operation_preferences *preferences =
        arena_alloc(arena, sizeof(*preferences));
    preferences->region_concurrency_type = json_find_str(object, "RegionConcurrency");
    preferences->concurrency_mode = json_find_str(object, "Mode");
    texts_from_json(arena, json_find_cstr(object, "RegionOrder"), &preferences->region_order.items,
                    &preferences->region_order.count);
    preferences->region_order.is_set = true;
    preferences->failure_tolerance_count = number_of(object, "ToleranceCount");
    preferences->failure_tolerance_percentage = number_of(object, "TolerancePercentage");
    preferences->max_concurrent_count = number_of(object, "ConcurrentCount");
    preferences->max_concurrent_percentage = number_of(object, "ConcurrentPercentage");
    return preferences;
}

enum status check_set_idle(struct call *call, const struct cfn_set *set, struct str operation_id)
{
    struct cfn_set_operation *last = NULL;
    struct cfn_set_operation same = {0};
    int64_t count = cfn_store_list_operations(call->db, call->arena, set->id, INT64_MAX, 1, &last);
    if (count < 0)
        return call_fail_internal(call, (int)count, "list operations of a stack set");
    int rc = operation_id.ptr
                 ? cfn_store_find_operation(call->db, call->arena, set->id, operation_id, &same)
                 : 0;
    if (rc < 0)
        return call_fail_internal(call, rc, "find an operation of a stack set");
    if (rc == 1)
        return call_fail(call, &CLOUDFORMATION_OPERATION_ID_ALREADY_EXISTS_EXCEPTION,
                         "Operation with ID " STR_FMT " already exists", STR_ARG(operation_id));
    bool is_running = count == 1 && (str_eq(last->status, STR("RUNNING")) ||
                                     str_eq(last->status, STR("STOPPING")));
    /* OBSERVED: the text of a second operation. */
    return is_running
               ? call_fail(call, &CLOUDFORMATION_OPERATION_IN_PROGRESS_EXCEPTION,
                           "Another Operation on StackSet " STR_FMT " is in progress: " STR_FMT,
                           STR_ARG(call_arn(call, "cloudformation", false, "stackset/" STR_FMT,
                                            STR_ARG(set->id))),
                           STR_ARG(last->id))
               : STATUS_DONE;
}

static enum status
check_preferences(struct call *call,
                  const struct cloudformation_stack_set_operation_preferences *preferences)
{
    if (!preferences)
        return STATUS_DONE;
    /* AWS: "you must specify either ...Count or ...Percentage, but not both." */
    if (preferences->failure_tolerance_count.is_set &&
        preferences->failure_tolerance_percentage.is_set)
        return call_fail(call, &ERROR_VALIDATION,
                         "Cannot specify both FailureToleranceCount and "
                         "FailureTolerancePercentage");
    if (preferences->max_concurrent_count.is_set && preferences->max_concurrent_percentage.is_set)
        return call_fail(call, &ERROR_VALIDATION,
                         "Cannot specify both MaxConcurrentCount and MaxConcurrentPercentage");
    return STATUS_DONE;
}

enum status begin_set_operation(struct call *call, const struct cfn_set *set,
                                const struct set_begin *begin, struct json *targets,
                                struct str *out_id)
{
    struct arena *arena = call->arena;
    struct cfn_set_operation *last = NULL;
    enum status status = check_preferences(call, begin->preferences);
    if (status != STATUS_DONE)
        return status;
    int64_t count = cfn_store_list_operations(call->db, arena, set->id, INT64_MAX, 1, &last);
    if (count < 0)
        return call_fail_internal(call, (int)count, "list operations of a stack set");
    struct cfn_set_operation operation = {
        .set_id = set->id,
        .id = str_or(begin->operation_id, rand_uuid(arena)),
        .sequence = count == 1 ? last->sequence + 1 : 1,
        .status = STR("RUNNING"),
        .data = json_new(arena, JSON_OBJECT),
    };
    for (struct json *target = targets->first; target; target = target->next)
        cfn_set_text(arena, target, "Status", STR("PENDING"));
    cfn_set_text(arena, operation.data, "Action", str_from_cstr(begin->action));
    cfn_set_number(arena, operation.data, "Created", call->now_ms);
    cfn_set(operation.data, "Preferences", preferences_to_json(arena, begin->preferences));
    cfn_set_flag(arena, operation.data, "Retain", begin->retains_stacks);
    cfn_set(operation.data, "Targets", targets);
    int rc = cfn_store_put_operation(call->db, &operation);
    if (rc < 0)
        return call_fail_internal(call, rc, "write an operation of a stack set");
    *out_id = operation.id;
    return workflow_start(call, STR(CFN_SET_WORKFLOW),
                          str_concat3(arena, set->id, STR("/"), operation.id), NULL);
}

enum status find_set_operation(struct call *call, const struct cfn_set *set, struct str id,
                               struct cfn_set_operation *out_operation)
{
    int rc = cfn_store_find_operation(call->db, call->arena, set->id, id, out_operation);
    if (rc < 0)
        return call_fail_internal(call, rc, "find an operation of a stack set");
    return rc == 1 ? STATUS_DONE
                   : call_fail(call, &CLOUDFORMATION_OPERATION_NOT_FOUND_EXCEPTION,
                               "Operation " STR_FMT " for StackSet " STR_FMT " not found",
                               STR_ARG(id), STR_ARG(set->id));
}

static struct opt_i64 time_of(const struct json *data, const char *name)
{
    int64_t at = cfn_number(data, name);
    return at > 0 ? opt_i64(at) : (struct opt_i64){0};
}

static struct cloudformation_stack_set_operation_status_details *details_of(struct arena *arena,
                                                                            const struct json *data)
{
    struct cloudformation_stack_set_operation_status_details *details =
        arena_alloc(arena, sizeof(*details));
    const struct json *targets = json_find_cstr(data, "Targets");
    int32_t failed = 0;
    for (const struct json *target = targets ? targets->first : NULL; target; target = target->next)
        failed += str_eq_cstr(json_find_str(target, "Status"), "FAILED");
    details->failed_stack_instances_count = opt_i32(failed);
    return details;
}

enum status cloudformation_describe_stack_set_operation(
    struct call *call, const struct cloudformation_describe_stack_set_operation_in *in,
    struct cloudformation_describe_stack_set_operation_out *out)
{
    struct cfn_set set = {0};
    struct cfn_set_operation operation = {0};
    enum status status = find_set(call, in->stack_set_name, &set);
    if (status == STATUS_DONE)
        status = find_set_operation(call, &set, in->operation_id, &operation);
    if (status != STATUS_DONE)
        return status;
    struct cloudformation_stack_set_operation *item = arena_alloc(call->arena, sizeof(*item));
    *item = (struct cloudformation_stack_set_operation){
        .operation_id = operation.id,
        .stack_set_id = set.id,
        .action = json_find_str(operation.data, "Action"),
        .status = operation.status,
        .operation_preferences = preferences_from_json(call->arena, operation.data),
        .retain_stacks = opt_bool(cfn_flag(operation.data, "Retain")),
        .administration_role_arn = json_find_str(set.data, "AdministrationRoleArn"),
        .execution_role_name = json_find_str(set.data, "ExecutionRoleName"),
        .creation_timestamp = time_of(operation.data, "Created"),
        .end_timestamp = time_of(operation.data, "Ended"),
        .status_reason = json_find_str(operation.data, "Reason"),
        .status_details = details_of(call->arena, operation.data),
    };
    out->stack_set_operation = item;
    return STATUS_DONE;
}

enum status cloudformation_list_stack_set_operations(
    struct call *call, const struct cloudformation_list_stack_set_operations_in *in,
    struct cloudformation_list_stack_set_operations_out *out)
{
    struct cfn_set set = {0};
    struct cfn_set_operation *operations = NULL;
    struct str rest = {0};
    int64_t before = INT64_MAX;
    int64_t page = opt_i32_or(in->max_results, PAGE_SIZE);
    enum status status = find_set(call, in->stack_set_name, &set);
    if (status == STATUS_DONE && in->next_token.ptr)
        status = read_page_token(call, in->next_token, &before, &rest);
    if (status != STATUS_DONE)
        return status;
    int64_t count =
        cfn_store_list_operations(call->db, call->arena, set.id, before, page + 1, &operations);
    if (count < 0)
        return call_fail_internal(call, (int)count, "list operations of a stack set");
    out->summaries.is_set = true;
    out->summaries.items =
        arena_alloc_array(call->arena, (size_t)count, sizeof(*out->summaries.items));
    for (int64_t i = 0; i < count && i < page; i++)
        out->summaries.items[out->summaries.count++] =
            (struct cloudformation_stack_set_operation_summary){
                .operation_id = operations[i].id,
                .action = json_find_str(operations[i].data, "Action"),
                .status = operations[i].status,
                .creation_timestamp = time_of(operations[i].data, "Created"),
                .end_timestamp = time_of(operations[i].data, "Ended"),
                .status_reason = json_find_str(operations[i].data, "Reason"),
                .status_details = details_of(call->arena, operations[i].data),
                .operation_preferences = preferences_from_json(call->arena, operations[i].data),
            };
    if (count > page)
        out->next_token = page_token(call->arena, operations[page - 1].sequence, STR(""));
    return STATUS_DONE;
}

/* AWS: accounts without the function AWSCloudFormationStackSetAccountGate skip the gate. */
static struct cloudformation_account_gate_result *gate_of(struct call *call, struct str account,
                                                          struct str region)
{
    struct cloudformation_account_gate_result *gate = arena_alloc(call->arena, sizeof(*gate));
    gate->status = STR("SKIPPED");
    gate->status_reason = str_format(call->arena,
                                     "Function not found: arn:aws:lambda:" STR_FMT ":" STR_FMT
                                     ":function:AWSCloudFormationStackSetAccountGate",
                                     STR_ARG(region), STR_ARG(account));
    return gate;
}

enum status cloudformation_list_stack_set_operation_results(
    struct call *call, const struct cloudformation_list_stack_set_operation_results_in *in,
    struct cloudformation_list_stack_set_operation_results_out *out)
{
    struct cfn_set set = {0};
    struct cfn_set_operation operation = {0};
    struct str rest = {0};
    int64_t first = 0;
    int64_t at = 0;
    size_t page = (size_t)opt_i32_or(in->max_results, PAGE_SIZE);
    enum status status = find_set(call, in->stack_set_name, &set);
    if (status == STATUS_DONE)
        status = find_set_operation(call, &set, in->operation_id, &operation);
    if (status == STATUS_DONE && in->next_token.ptr)
        status = read_page_token(call, in->next_token, &first, &rest);
    if (status != STATUS_DONE)
        return status;
    out->summaries.is_set = true;
    out->summaries.items = arena_alloc_array(call->arena, page, sizeof(*out->summaries.items));
    const struct json *targets = json_find_cstr(operation.data, "Targets");
    for (const struct json *target = targets->first; target; target = target->next, at++) {
        struct str account = json_find_str(target, "Account");
        struct str region = json_find_str(target, "Region");
        struct str result = json_find_str(target, "Status");
        bool is_wanted = in->filters.count == 0;
        for (size_t i = 0; i < in->filters.count && !is_wanted; i++)
            is_wanted = str_eq(in->filters.items[i].values, result);
        if (at < first || !is_wanted)
            continue;
        if (out->summaries.count == page) {
            out->next_token = page_token(call->arena, at, STR(""));
            break;
        }
        out->summaries.items[out->summaries.count++] =
            (struct cloudformation_stack_set_operation_result_summary){
                .account = account,
                .region = region,
                .status = result,
                .status_reason = json_find_str(target, "Reason"),
                .account_gate_result = gate_of(call, account, region),
                .organizational_unit_id = STR(""),
            };
    }
    return STATUS_DONE;
}

enum status
cloudformation_stop_stack_set_operation(struct call *call,
                                        const struct cloudformation_stop_stack_set_operation_in *in,
                                        struct cloudformation_stop_stack_set_operation_out *out)
{
    (void)out;
    struct cfn_set set = {0};
    struct cfn_set_operation operation = {0};
    enum status status = find_set(call, in->stack_set_name, &set);
    if (status == STATUS_DONE)
        status = find_set_operation(call, &set, in->operation_id, &operation);
    if (status != STATUS_DONE)
        return status;
    if (!str_eq(operation.status, STR("RUNNING")))
        return call_fail(call, &CLOUDFORMATION_INVALID_OPERATION_EXCEPTION,
                         "Operation is in state: " STR_FMT " and can not be stopped",
                         STR_ARG(operation.status));
    operation.status = STR("STOPPING");
    int rc = cfn_store_put_operation(call->db, &operation);
    if (rc < 0)
        return call_fail_internal(call, rc, "write an operation of a stack set");
    return workflow_wake(call, STR(CFN_SET_WORKFLOW),
                         str_concat3(call->arena, set.id, STR("/"), operation.id));
}

enum status
cloudformation_detect_stack_set_drift(struct call *call,
                                      const struct cloudformation_detect_stack_set_drift_in *in,
                                      struct cloudformation_detect_stack_set_drift_out *out)
{
    struct cfn_set set = {0};
    struct cfn_instance *instances = NULL;
    size_t count = 0;
    struct json *targets = json_new(call->arena, JSON_ARRAY);
    enum status status = check_self_managed(call, in->call_as, (struct str){0}, NULL);
    if (status == STATUS_DONE)
        status = find_set(call, in->stack_set_name, &set);
    if (status == STATUS_DONE)
        status = check_set_idle(call, &set, in->operation_id);
    if (status == STATUS_DONE)
        status = list_instances(call, &set, &instances, &count);
    if (status != STATUS_DONE)
        return status;
    for (size_t i = 0; i < count; i++) {
        struct json *target = json_new(call->arena, JSON_OBJECT);
        cfn_set_text(call->arena, target, "Account", instances[i].account);
        cfn_set_text(call->arena, target, "Region", instances[i].region);
        json_append(targets, target);
    }
    const struct set_begin begin = {
        .action = "DETECT_DRIFT",
        .operation_id = in->operation_id,
        .preferences = in->operation_preferences,
    };
    return begin_set_operation(call, &set, &begin, targets, &out->operation_id);
}
