/* stack_instance.c — the instances of stack sets: create, update, delete, describe, list.
 *
 * An instance is a row of its set for an account and region; the stack itself lives there.
 */
#include "base/arena.h"
#include "service/cloudformation/set.h"
#include "syntax/json.h"

enum status list_instances(struct call *call, const struct cfn_set *set,
                           struct cfn_instance **out_instances, size_t *out_count)
{
    int64_t count = cfn_store_list_instances(call->db, call->arena, set->id, out_instances);
    if (count < 0)
        return call_fail_internal(call, (int)count, "list stack instances");
    *out_count = (size_t)count;
    return STATUS_DONE;
}

struct cfn_instance *find_instance(struct cfn_instance *instances, size_t count, struct str account,
                                   struct str region)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq(instances[i].account, account) && str_eq(instances[i].region, region))
            return &instances[i];
    }
    return NULL;
}

/* What the three operations ask for. */
struct request {
    struct str set_name;
    struct str call_as;
    const struct cloudformation_account_list *accounts;
    const struct cloudformation_deployment_targets *targets;
    const struct cloudformation_region_list *regions;
    const struct cloudformation_parameters *overrides; /* NULL: none */
    struct set_begin begin;
};

static const struct cloudformation_account_list *accounts_of(const struct request *request)
{
    return request->accounts->count > 0 || !request->targets ? request->accounts
                                                             : &request->targets->accounts;
}

static enum status check_request(struct call *call, const struct request *request,
                                 struct cfn_set *out_set)
{
    enum status status =
        check_self_managed(call, request->call_as, (struct str){0}, request->targets);
    if (status == STATUS_DONE)
        status = find_set(call, request->set_name, out_set);
    if (status != STATUS_DONE)
        return status;
    if (accounts_of(request)->count == 0 || request->regions->count == 0)
        return call_fail(call, &ERROR_VALIDATION,
                         "Accounts and Regions must be specified for a self-managed stack set");
    return check_set_idle(call, out_set, request->begin.operation_id);
}

/* Writes the rows of what an operation begins with, and its targets: all accounts in all regions.
 */
static enum status write_targets(struct call *call, const struct cfn_set *set,
                                 const struct request *request, struct json *targets)
{
    struct arena *arena = call->arena;
    struct cfn_instance *instances = NULL;
    size_t count = 0;
    bool is_create = str_eq_cstr(STR("CREATE"), request->begin.action);
    const struct cloudformation_account_list *accounts = accounts_of(request);
    enum status status = list_instances(call, set, &instances, &count);
    for (size_t i = 0; status == STATUS_DONE && i < accounts->count * request->regions->count;
         i++) {
        struct str account = accounts->items[i % accounts->count];
        struct str region = request->regions->items[i / accounts->count];
        struct cfn_instance *found = find_instance(instances, count, account, region);
        struct cfn_instance made = {.set_id = set->id, .account = account, .region = region};
        if (!found && !is_create)
            return call_fail(call, &CLOUDFORMATION_STACK_INSTANCE_NOT_FOUND_EXCEPTION,
                             "Stack instances in account(s) [" STR_FMT "] and region(s) [" STR_FMT
                             "] do not exist",
                             STR_ARG(account), STR_ARG(region));
        made.data = found ? found->data : json_new(arena, JSON_OBJECT);
        cfn_set_text(arena, made.data, "Status", STR("OUTDATED"));
        cfn_set_text(arena, made.data, "Detailed", STR("PENDING"));
        /* AWS: "To leave all overridden parameters set to their present values, don't specify this
         * parameter." */
        if (request->overrides && (is_create || request->overrides->is_set))
            cfn_set(made.data, "Overrides", parameters_to_json(arena, request->overrides));
        int rc = cfn_store_put_instance(call->db, &made);
        if (rc < 0)
            return call_fail_internal(call, rc, "write a stack instance");
        struct json *target = json_new(arena, JSON_OBJECT);
        cfn_set_text(arena, target, "Account", account);
        cfn_set_text(arena, target, "Region", region);
        json_append(targets, target);
    }
    return status;
}

static enum status begin_request(struct call *call, const struct request *request,
                                 struct str *out_id)
{
    struct cfn_set set = {0};
    struct json *targets = json_new(call->arena, JSON_ARRAY);
    enum status status = check_request(call, request, &set);
    if (status == STATUS_DONE)
        status = write_targets(call, &set, request, targets);
    return status == STATUS_DONE ? begin_set_operation(call, &set, &request->begin, targets, out_id)
                                 : status;
}

enum status
cloudformation_create_stack_instances(struct call *call,
                                      const struct cloudformation_create_stack_instances_in *in,
                                      struct cloudformation_create_stack_instances_out *out)
{
    const struct request request = {
        .set_name = in->stack_set_name,
        .call_as = in->call_as,
        .accounts = &in->accounts,
        .targets = in->deployment_targets,
        .regions = &in->regions,
        .overrides = &in->parameter_overrides,
        .begin = {.action = "CREATE",
                  .operation_id = in->operation_id,
                  .preferences = in->operation_preferences},
    };
    return begin_request(call, &request, &out->operation_id);
}

enum status
cloudformation_update_stack_instances(struct call *call,
                                      const struct cloudformation_update_stack_instances_in *in,
                                      struct cloudformation_update_stack_instances_out *out)
{
    const struct request request = {
        .set_name = in->stack_set_name,
        .call_as = in->call_as,
        .accounts = &in->accounts,
        .targets = in->deployment_targets,
        .regions = &in->regions,
        .overrides = &in->parameter_overrides,
        .begin = {.action = "UPDATE",
                  .operation_id = in->operation_id,
                  .preferences = in->operation_preferences},
    };
    return begin_request(call, &request, &out->operation_id);
}

enum status
cloudformation_delete_stack_instances(struct call *call,
                                      const struct cloudformation_delete_stack_instances_in *in,
                                      struct cloudformation_delete_stack_instances_out *out)
{
    const struct request request = {
        .set_name = in->stack_set_name,
        .call_as = in->call_as,
        .accounts = &in->accounts,
        .targets = in->deployment_targets,
        .regions = &in->regions,
        .begin = {.action = "DELETE",
                  .operation_id = in->operation_id,
                  .preferences = in->operation_preferences,
                  .retains_stacks = opt_bool_or(in->retain_stacks, false)},
    };
    return begin_request(call, &request, &out->operation_id);
}

/* ---- Looking ----------------------------------------------------------------------------------
 */

static struct cloudformation_stack_instance_comprehensive_status *
detailed_of(struct arena *arena, const struct cfn_instance *instance)
{
    struct cloudformation_stack_instance_comprehensive_status *status =
        arena_alloc(arena, sizeof(*status));
    status->detailed_status = json_find_str(instance->data, "Detailed");
    return status;
}

static struct opt_i64 drift_time(const struct cfn_instance *instance)
{
    int64_t at = cfn_number(instance->data, "DriftAt");
    return at > 0 ? opt_i64(at) : (struct opt_i64){0};
}

enum status
cloudformation_describe_stack_instance(struct call *call,
                                       const struct cloudformation_describe_stack_instance_in *in,
                                       struct cloudformation_describe_stack_instance_out *out)
{
    struct cfn_set set = {0};
    struct cfn_instance *instances = NULL;
    size_t count = 0;
    enum status status = find_set(call, in->stack_set_name, &set);
    if (status == STATUS_DONE)
        status = list_instances(call, &set, &instances, &count);
    if (status != STATUS_DONE)
        return status;
    const struct cfn_instance *found =
        find_instance(instances, count, in->stack_instance_account, in->stack_instance_region);
    if (!found)
        return call_fail(call, &CLOUDFORMATION_STACK_INSTANCE_NOT_FOUND_EXCEPTION,
                         "Stack instance for StackSet " STR_FMT ", account " STR_FMT
                         ", region " STR_FMT " not found",
                         STR_ARG(set.id), STR_ARG(in->stack_instance_account),
                         STR_ARG(in->stack_instance_region));
    struct cloudformation_stack_instance *item = arena_alloc(call->arena, sizeof(*item));
    *item = (struct cloudformation_stack_instance){
        .stack_set_id = set.id,
        .region = found->region,
        .account = found->account,
        .stack_id = json_find_str(found->data, "StackId"),
        .status = json_find_str(found->data, "Status"),
        .stack_instance_status = detailed_of(call->arena, found),
        .status_reason = json_find_str(found->data, "Reason"),
        .organizational_unit_id = STR(""),
        .drift_status = str_or(json_find_str(found->data, "Drift"), STR("NOT_CHECKED")),
        .last_drift_check_timestamp = drift_time(found),
        .last_operation_id = json_find_str(found->data, "Operation"),
    };
    parameters_from_json(call->arena, json_find_cstr(found->data, "Overrides"),
                         &item->parameter_overrides);
    out->stack_instance = item;
    return STATUS_DONE;
}

/* AWS: filters DETAILED_STATUS, LAST_OPERATION_ID, DRIFT_STATUS. */
static bool passes(const struct cloudformation_stack_instance_filters *filters,
                   const struct cfn_instance *instance)
{
    static const struct {
        const char *name;
        const char *member;
    } known[] = {
        {"DETAILED_STATUS", "Detailed"},
        {"LAST_OPERATION_ID", "Operation"},
        {"DRIFT_STATUS", "Drift"},
    };
    for (size_t i = 0; i < filters->count; i++) {
        for (size_t k = 0; k < ARRAY_LEN(known); k++) {
            if (str_eq_cstr(filters->items[i].name, known[k].name) &&
                !str_eq(filters->items[i].values, json_find_str(instance->data, known[k].member)))
                return false;
        }
    }
    return true;
}

enum status
cloudformation_list_stack_instances(struct call *call,
                                    const struct cloudformation_list_stack_instances_in *in,
                                    struct cloudformation_list_stack_instances_out *out)
{
    struct cfn_set set = {0};
    struct cfn_instance *instances = NULL;
    struct str rest = {0};
    size_t count = 0;
    int64_t first = 0;
    size_t page = (size_t)opt_i32_or(in->max_results, PAGE_SIZE);
    enum status status = find_set(call, in->stack_set_name, &set);
    if (status == STATUS_DONE && in->next_token.ptr)
        status = read_page_token(call, in->next_token, &first, &rest);
    if (status == STATUS_DONE)
        status = list_instances(call, &set, &instances, &count);
    if (status != STATUS_DONE)
        return status;
    out->summaries.is_set = true;
    out->summaries.items = arena_alloc_array(call->arena, page, sizeof(*out->summaries.items));
    for (size_t i = first < 0 ? 0 : (size_t)first; i < count; i++) {
        const struct cfn_instance *instance = &instances[i];
        if ((in->stack_instance_account.ptr &&
             !str_eq(in->stack_instance_account, instance->account)) ||
            (in->stack_instance_region.ptr &&
             !str_eq(in->stack_instance_region, instance->region)) ||
            !passes(&in->filters, instance))
            continue;
        if (out->summaries.count == page) {
            out->next_token = page_token(call->arena, (int64_t)i, STR(""));
            break;
        }
        out->summaries.items[out->summaries.count++] =
            (struct cloudformation_stack_instance_summary){
                .stack_set_id = set.id,
                .region = instance->region,
                .account = instance->account,
                .stack_id = json_find_str(instance->data, "StackId"),
                .status = json_find_str(instance->data, "Status"),
                .status_reason = json_find_str(instance->data, "Reason"),
                .stack_instance_status = detailed_of(call->arena, instance),
                .organizational_unit_id = STR(""),
                .drift_status = str_or(json_find_str(instance->data, "Drift"), STR("NOT_CHECKED")),
                .last_drift_check_timestamp = drift_time(instance),
                .last_operation_id = json_find_str(instance->data, "Operation"),
            };
    }
    return STATUS_DONE;
}
