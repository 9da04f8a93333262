/* set_workflow.c — carries out an operation on a stack set, one stack at a time.
 *
 * A target of the operation goes PENDING ─start─► RUNNING ─watch─► SUCCEEDED or FAILED; what was
 * not started when too much failed is CANCELLED. The workflow sleeps while stacks run and is woken
 * by the end of each (cfn_set_status, by the stack's option "SetOperation").
 *
 * Who acts: CloudFormation assumes the set's administration role in this account, that role assumes
 * the execution role in the target's account, and the stack is made with its permissions (AWS:
 * "Grant self-managed permissions"). Policies and trust are looked up at each start.
 */
#include <errno.h>

#include "base/arena.h"
#include "base/rand.h"
#include "service/cloudformation/set.h"
#include "service/iam/iam_public.h"
#include "service/sts/sts_public.h"
#include "syntax/json.h"
#include "wire/identity.h"

enum {
    LOOK_AGAIN_MS = 60 * 60 * 1000, /* a stack that ends wakes the operation long before */
};

struct set_run {
    struct call *call;
    struct workflow *workflow;
    struct cfn_set set;
    struct cfn_set_operation operation;
    struct json *targets;
    struct cfn_instance *instances;
    size_t instance_count;
};

static bool is_action(const struct set_run *run, const char *action)
{
    return str_eq_cstr(json_find_str(run->operation.data, "Action"), action);
}

static bool is_target(const struct json *target, const char *status)
{
    return str_eq_cstr(json_find_str(target, "Status"), status);
}

static struct cfn_instance *instance_of(struct set_run *run, const struct json *target)
{
    return find_instance(run->instances, run->instance_count, json_find_str(target, "Account"),
                         json_find_str(target, "Region"));
}

/* ---- Roles ------------------------------------------------------------------------------------
 */

/* Whether `who` may assume the role by its trust policy (and, not being a service, by its own). */
static bool may_assume(struct call *call, const struct principal *who,
                       const struct iam_role_row *role, struct str account)
{
    struct call as = *call;
    as.principal = who;
    const struct authorization assume = {
        .action = STR("sts:AssumeRole"),
        .resource = role->arn,
        .resource_policy = role->trust_policy,
        .resource_account = account,
        .trusts_only_policy = who->kind == PRINCIPAL_SERVICE,
    };
    return call_is_allowed(&as, &assume);
}

/* Finds the role and its session. Returns 1, 0 when it is not there or does not trust `who`, or
 * -errno. */
static int assume(struct call *call, const struct principal *who, struct str account,
                  struct str name, struct str session, struct principal *out_principal,
                  struct str *out_arn)
{
    struct iam_role_row role = {0};
    int rc = iam_find_role(call->db, call->arena, account, name, &role);
    if (rc <= 0)
        return rc;
    if (!may_assume(call, who, &role, account))
        return 0;
    *out_principal = sts_role_principal(call, &role, account, session);
    *out_arn = role.arn;
    return 1;
}

/* The principal that acts in the target's account; *out_reason says why there is none. */
static int act_in(struct set_run *run, struct str account, struct principal *out_principal,
                  struct str *out_role_arn, struct str *out_reason)
{
    struct call *call = run->call;
    struct str admin_arn = json_find_str(run->set.data, "AdministrationRoleArn");
    struct str admin_name = str_from(admin_arn, (size_t)(str_last_index(admin_arn, '/') + 1));
    struct str execution = json_find_str(run->set.data, "ExecutionRoleName");
    struct principal service =
        identity_service(call->arena, run->set.scope.account, STR(CFN_SERVICE));
    struct principal admin = {0};
    struct str arn = {0};
    int rc = assume(call, &service, run->set.scope.account, admin_name, STR("AWSCloudFormation"),
                    &admin, &arn);
    /* OBSERVED: the reasons of an operation without its roles. */
    if (rc == 0)
        *out_reason = str_format(call->arena,
                                 "Account " STR_FMT " should have '" STR_FMT
                                 "' role with trust relationship to CloudFormation service.",
                                 STR_ARG(run->set.scope.account), STR_ARG(admin_name));
    if (rc <= 0)
        return rc;
    rc = assume(call, &admin, account, execution, STR("AWSCloudFormation"), out_principal,
                out_role_arn);
    if (rc == 0)
        *out_reason = str_format(call->arena,
                                 "Account " STR_FMT " should have '" STR_FMT
                                 "' role with trust relationship to Role '" STR_FMT "'.",
                                 STR_ARG(account), STR_ARG(execution), STR_ARG(admin_name));
    return rc;
}

/* ---- One target -------------------------------------------------------------------------------
 */

static enum status put_instance(struct set_run *run, const struct cfn_instance *instance)
{
    int rc = cfn_store_put_instance(run->call->db, instance);
    return rc < 0 ? call_fail_internal(run->call, rc, "write a stack instance") : STATUS_DONE;
}

/* The target is done: SUCCEEDED, FAILED or CANCELLED. */
static enum status settle(struct set_run *run, struct json *target, const char *result,
                          struct str reason)
{
    struct arena *arena = run->call->arena;
    struct cfn_instance *instance = instance_of(run, target);
    bool is_good = str_eq_cstr(STR("SUCCEEDED"), result);
    cfn_set_text(arena, target, "Status", str_from_cstr(result));
    cfn_set_text(arena, target, "Reason", reason);
    if (!instance)
        return STATUS_DONE;
    if (is_good && is_action(run, "DELETE")) {
        int rc = cfn_store_delete_instance(run->call->db, instance);
        return rc < 0 ? call_fail_internal(run->call, rc, "delete a stack instance") : STATUS_DONE;
    }
    if (!is_action(run, "DETECT_DRIFT")) {
        bool is_stuck = !is_good && is_action(run, "DELETE");
        cfn_set_text(arena, instance->data, "Status",
                     is_good    ? STR("CURRENT")
                     : is_stuck ? STR("INOPERABLE")
                                : STR("OUTDATED"));
    }
    cfn_set_text(arena, instance->data, "Detailed", str_from_cstr(result));
    cfn_set_text(arena, instance->data, "Reason", reason);
    cfn_set_text(arena, instance->data, "Operation", run->operation.id);
    return put_instance(run, instance);
}

/* The set's values with the instance's in their place. */
static void parameters_for(struct set_run *run, const struct cfn_instance *instance,
                           struct cloudformation_parameters *out)
{
    const struct json *overrides = json_find_cstr(instance->data, "Overrides");
    parameters_from_json(run->call->arena, json_find_cstr(run->set.data, "Parameters"), out);
    struct cloudformation_parameters all = {.is_set = true};
    all.items = arena_alloc_array(run->call->arena, out->count + (overrides ? overrides->count : 0),
                                  sizeof(*all.items));
    for (size_t i = 0; i < out->count; i++)
        all.items[all.count++] = out->items[i];
    for (const struct json *item = overrides ? overrides->first : NULL; item; item = item->next) {
        struct cloudformation_parameter *place = NULL;
        for (size_t i = 0; i < all.count && !place; i++) {
            if (str_eq(all.items[i].parameter_key, json_find_str(item, "Name")))
                place = &all.items[i];
        }
        if (!place)
            place = &all.items[all.count++];
        *place = (struct cloudformation_parameter){.parameter_key = json_find_str(item, "Name"),
                                                   .parameter_value = json_find_str(item, "Value")};
    }
    *out = all;
}

/* One call of CloudFormation's own operations as the execution role in the target's scope. */
static enum status invoke(struct set_run *run, const struct json *target,
                          const struct principal *principal, int operation, const void *in,
                          void *out, struct call_error *out_error)
{
    const struct scope scope = {.account = json_find_str(target, "Account"),
                                .region = json_find_str(target, "Region")};
    return call_invoke(run->call, principal, &scope, &cloudformation_model,
                       &cloudformation_operations[operation], in, out, out_error);
}

/* The stack's end will wake this operation. */
static enum status link_stack(struct set_run *run, struct json *target,
                              struct cfn_instance *instance, struct str stack_id)
{
    struct cfn_stack stack = {0};
    struct arena *arena = run->call->arena;
    int rc = cfn_store_find_stack(run->call->db, arena, stack_id, &stack);
    if (rc == 1) {
        cfn_set_text(arena, stack.options, "SetOperation", run->workflow->id);
        cfn_set_text(arena, stack.options, "SetId", run->set.id);
        rc = cfn_store_put_stack(run->call->db, &stack);
    }
    if (rc < 0)
        return call_fail_internal(run->call, rc, "link a stack to its set");
    cfn_set_text(arena, instance->data, "StackId", stack_id);
    cfn_set_text(arena, instance->data, "Detailed", STR("RUNNING"));
    cfn_set_text(arena, target, "Status", STR("RUNNING"));
    return put_instance(run, instance);
}

/* Creates or updates the stack of an instance. */
static enum status start_stack(struct set_run *run, struct json *target,
                               struct cfn_instance *instance, const struct principal *principal)
{
    struct arena *arena = run->call->arena;
    struct str text = {0};
    struct str processed = {0};
    struct call_error error = {0};
    int rc = cfn_store_find_template(run->call->db, arena, run->set.id,
                                     cfn_number(run->set.data, "Generation"), &text, &processed);
    if (rc <= 0)
        return call_fail_internal(run->call, rc < 0 ? rc : -ENOENT, "find a set's template");
    struct str stack_id = json_find_str(instance->data, "StackId");
    struct cloudformation_create_stack_in create = {.template_body = text};
    struct cloudformation_create_stack_out created = {0};
    parameters_for(run, instance, &create.parameters);
    tags_from_json(arena, json_find_cstr(run->set.data, "Tags"), &create.tags);
    texts_from_json(arena, json_find_cstr(run->set.data, "Capabilities"),
                    &create.capabilities.items, &create.capabilities.count);
    enum status status = STATUS_DONE;
    if (!stack_id.ptr) {
        /* AWS: "StackSet-NAME-UUID" */
        create.stack_name = str_format(arena, "StackSet-" STR_FMT "-" STR_FMT,
                                       STR_ARG(run->set.name), STR_ARG(rand_uuid(arena)));
        status = invoke(run, target, principal, CLOUDFORMATION_OP_CREATE_STACK, &create, &created,
                        &error);
        stack_id = created.stack_id;
    } else {
        const struct cloudformation_update_stack_in update = {
            .stack_name = stack_id,
            .template_body = text,
            .parameters = create.parameters,
            .tags = create.tags,
            .capabilities = create.capabilities,
        };
        struct cloudformation_update_stack_out updated = {0};
        status = invoke(run, target, principal, CLOUDFORMATION_OP_UPDATE_STACK, &update, &updated,
                        &error);
        /* AWS: a stack that is as it should be is current. */
        if (status != STATUS_DONE && str_eq(error.message, STR("No updates are to be performed.")))
            return settle(run, target, "SUCCEEDED", STR("No updates are to be performed."));
    }
    if (run->call->store_errno != 0)
        return STATUS_FAILED;
    return status == STATUS_DONE ? link_stack(run, target, instance, stack_id)
                                 : settle(run, target, "FAILED", error.message);
}

static enum status start_delete(struct set_run *run, struct json *target,
                                struct cfn_instance *instance, const struct principal *principal)
{
    struct str stack_id = json_find_str(instance->data, "StackId");
    struct call_error error = {0};
    if (!stack_id.ptr)
        return settle(run, target, "SUCCEEDED", (struct str){0});
    const struct cloudformation_delete_stack_in in = {.stack_name = stack_id};
    struct cloudformation_delete_stack_out out = {0};
    /* Before the deletion, which may end at once. */
    enum status status = link_stack(run, target, instance, stack_id);
    if (status == STATUS_DONE)
        status = invoke(run, target, principal, CLOUDFORMATION_OP_DELETE_STACK, &in, &out, &error);
    if (run->call->store_errno != 0)
        return STATUS_FAILED;
    return status == STATUS_DONE ? status : settle(run, target, "FAILED", error.message);
}

static enum status start_drift(struct set_run *run, struct json *target,
                               struct cfn_instance *instance, const struct principal *principal)
{
    struct call_error error = {0};
    const struct cloudformation_detect_stack_drift_in in = {
        .stack_name = json_find_str(instance->data, "StackId")};
    struct cloudformation_detect_stack_drift_out out = {0};
    enum status status = STATUS_FAILED;
    if (in.stack_name.ptr)
        status =
            invoke(run, target, principal, CLOUDFORMATION_OP_DETECT_STACK_DRIFT, &in, &out, &error);
    if (run->call->store_errno != 0)
        return STATUS_FAILED;
    if (status != STATUS_DONE)
        return settle(run, target, "FAILED",
                      str_or(error.message, STR("The instance has no stack")));
    struct str stack_id = {0};
    struct json *data = NULL;
    int rc = cfn_store_find_detection(run->call->db, run->call->arena, out.stack_drift_detection_id,
                                      &stack_id, &data);
    if (rc < 0)
        return call_fail_internal(run->call, rc, "find a drift detection");
    cfn_set_text(run->call->arena, instance->data, "Drift", json_find_str(data, "Status"));
    cfn_set_number(run->call->arena, instance->data, "DriftAt", run->call->now_ms);
    return settle(run, target, "SUCCEEDED", (struct str){0});
}

static enum status start_target(struct set_run *run, struct json *target)
{
    struct cfn_instance *instance = instance_of(run, target);
    struct principal principal = {0};
    struct str role_arn = {0};
    struct str reason = {0};
    if (!instance || (is_action(run, "DELETE") && cfn_flag(run->operation.data, "Retain")))
        return settle(run, target, "SUCCEEDED", (struct str){0});
    int rc = act_in(run, instance->account, &principal, &role_arn, &reason);
    if (rc < 0)
        return call_fail_internal(run->call, rc, "assume the roles of a stack set");
    if (rc == 0)
        return settle(run, target, "FAILED", reason);
    if (is_action(run, "DELETE"))
        return start_delete(run, target, instance, &principal);
    if (is_action(run, "DETECT_DRIFT"))
        return start_drift(run, target, instance, &principal);
    return start_stack(run, target, instance, &principal);
}

/* AWS: "ResourceLogicalId:Q, ResourceType:AWS::SQS::Queue, ResourceStatusReason:..." of the first
 * resource that failed. */
static enum status failure_of(struct set_run *run, const struct cfn_stack *stack,
                              struct str *out_reason)
{
    enum { LOOKED_AT = 1000 };
    struct cfn_event *events = NULL;
    int64_t count = cfn_store_list_events(run->call->db, run->call->arena, stack->id, INT64_MAX,
                                          LOOKED_AT, &events);
    if (count < 0)
        return call_fail_internal(run->call, (int)count, "list a stack's events");
    *out_reason = stack->reason;
    for (int64_t i = 0; i < count; i++) {
        if (str_eq(events[i].logical_id, stack->name) &&
            str_ends_with(events[i].status, STR("_IN_PROGRESS")) &&
            str_eq(events[i].reason, STR("User Initiated")))
            break;
        if (str_ends_with(events[i].status, STR("_FAILED")) &&
            !str_eq(events[i].logical_id, stack->name) &&
            !str_ends_with(str_or(events[i].reason, STR("")), STR("cancelled")))
            *out_reason = str_format(run->call->arena,
                                     "ResourceLogicalId:" STR_FMT ", ResourceType:" STR_FMT
                                     ", ResourceStatusReason:" STR_FMT ".",
                                     STR_ARG(events[i].logical_id), STR_ARG(events[i].type),
                                     STR_ARG(str_or(events[i].reason, STR(""))));
    }
    return STATUS_DONE;
}

/* Looks whether the stack of a running target is done. */
static enum status watch_target(struct set_run *run, struct json *target)
{
    struct cfn_instance *instance = instance_of(run, target);
    struct cfn_stack stack = {0};
    struct str reason = {0};
    int rc = instance ? cfn_store_find_stack(run->call->db, run->call->arena,
                                             json_find_str(instance->data, "StackId"), &stack)
                      : 0;
    if (rc < 0)
        return call_fail_internal(run->call, rc, "find a stack");
    if (rc == 0)
        return settle(run, target, "FAILED", STR("The stack does not exist"));
    if (is_in_progress(&stack))
        return STATUS_DONE;
    bool is_delete = is_action(run, "DELETE");
    bool is_good = is_delete ? stack.deleted_at_ms != 0
                             : str_eq(stack.status, STR("CREATE_COMPLETE")) ||
                                   str_eq(stack.status, STR("UPDATE_COMPLETE"));
    enum status status = is_good ? STATUS_DONE : failure_of(run, &stack, &reason);
    return status == STATUS_DONE ? settle(run, target, is_good ? "SUCCEEDED" : "FAILED", reason)
                                 : status;
}

/* ---- The operation ----------------------------------------------------------------------------
 */

/* Counts of one region's targets (an absent region: of all). */
struct counts {
    int64_t all;
    int64_t pending;
    int64_t running;
    int64_t failed;
};

static struct counts count_targets(const struct set_run *run, struct str region)
{
    struct counts counts = {0};
    for (const struct json *target = run->targets->first; target; target = target->next) {
        if (region.ptr && !str_eq(json_find_str(target, "Region"), region))
            continue;
        counts.all++;
        counts.pending += is_target(target, "PENDING");
        counts.running += is_target(target, "RUNNING");
        counts.failed += is_target(target, "FAILED");
    }
    return counts;
}

static int64_t portion(const struct json *preferences, const char *count, const char *percentage,
                       int64_t all)
{
    int64_t number = cfn_number(preferences, count);
    return number > 0 ? number : cfn_number(preferences, percentage) * all / 100;
}

static int64_t tolerance(const struct set_run *run, int64_t all)
{
    const struct json *preferences = json_find_cstr(run->operation.data, "Preferences");
    return portion(preferences, "ToleranceCount", "TolerancePercentage", all);
}

/* AWS: "By default, STRICT_FAILURE_TOLERANCE: ... reduces the concurrency level ... to at most one
 * more than FailureToleranceCount". */
static int64_t concurrency(const struct set_run *run, int64_t all)
{
    const struct json *preferences = json_find_cstr(run->operation.data, "Preferences");
    int64_t most = portion(preferences, "ConcurrentCount", "ConcurrentPercentage", all);
    int64_t strict = tolerance(run, all) + 1;
    bool is_soft = str_eq_cstr(json_find_str(preferences, "Mode"), "SOFT_FAILURE_TOLERANCE");
    most = most > 0 ? most : 1;
    return is_soft || most < strict ? most : strict;
}

static bool is_exceeded(const struct set_run *run, struct str region)
{
    struct counts counts = count_targets(run, region);
    return counts.failed > tolerance(run, counts.all);
}

/* Any region in which more failed than may. */
static bool has_failed(const struct set_run *run)
{
    for (const struct json *target = run->targets->first; target; target = target->next) {
        if (is_exceeded(run, json_find_str(target, "Region")))
            return true;
    }
    return false;
}

static enum status cancel_pending(struct set_run *run, const char *reason)
{
    enum status status = STATUS_DONE;
    for (struct json *target = run->targets->first; target && status == STATUS_DONE;
         target = target->next) {
        if (is_target(target, "PENDING"))
            status = settle(run, target, "CANCELLED", str_from_cstr(reason));
    }
    return status;
}

/* The region whose turn it is: by RegionOrder, then as they were given. */
static struct str current_region(const struct set_run *run)
{
    const struct json *order =
        json_find_cstr(json_find_cstr(run->operation.data, "Preferences"), "RegionOrder");
    for (const struct json *region = order ? order->first : NULL; region; region = region->next) {
        struct counts counts = count_targets(run, region->text);
        if (counts.pending + counts.running > 0)
            return region->text;
    }
    for (const struct json *target = run->targets->first; target; target = target->next) {
        if (is_target(target, "PENDING") || is_target(target, "RUNNING"))
            return json_find_str(target, "Region");
    }
    return (struct str){0};
}

/* The target that may be started now, or NULL. */
static struct json *next_target(const struct set_run *run)
{
    bool is_parallel = str_eq_cstr(
        json_find_str(json_find_cstr(run->operation.data, "Preferences"), "RegionConcurrency"),
        "PARALLEL");
    struct str region = current_region(run);
    for (struct json *target = run->targets->first; target; target = target->next) {
        struct str here = json_find_str(target, "Region");
        struct counts counts = count_targets(run, here);
        if (is_target(target, "PENDING") && (is_parallel || str_eq(here, region)) &&
            counts.running < concurrency(run, counts.all))
            return target;
    }
    return NULL;
}

/* AWS: DetectStackSetDrift: DRIFTED when an instance differs. */
static enum status note_drift(struct set_run *run)
{
    int64_t drifted = 0;
    int64_t in_sync = 0;
    for (size_t i = 0; i < run->instance_count; i++) {
        struct str status = json_find_str(run->instances[i].data, "Drift");
        drifted += str_eq_cstr(status, "DRIFTED");
        in_sync += str_eq_cstr(status, "IN_SYNC");
    }
    struct json *drift = json_new(run->call->arena, JSON_OBJECT);
    cfn_set_text(run->call->arena, drift, "Status",
                 drifted > 0   ? STR("DRIFTED")
                 : in_sync > 0 ? STR("IN_SYNC")
                               : STR("NOT_CHECKED"));
    cfn_set_number(run->call->arena, drift, "At", run->call->now_ms);
    cfn_set_number(run->call->arena, drift, "Drifted", drifted);
    cfn_set_number(run->call->arena, drift, "InSync", in_sync);
    cfn_set_number(run->call->arena, drift, "Failed", count_targets(run, (struct str){0}).failed);
    cfn_set(run->set.data, "Drift", drift);
    return write_set(run->call, &run->set);
}

static enum status finish(struct set_run *run, enum workflow_next *out_next)
{
    bool is_stopped = str_eq(run->operation.status, STR("STOPPING"));
    *out_next = WORKFLOW_DONE;
    run->operation.status = is_stopped        ? STR("STOPPED")
                            : has_failed(run) ? STR("FAILED")
                                              : STR("SUCCEEDED");
    cfn_set_number(run->call->arena, run->operation.data, "Ended", run->call->now_ms);
    return is_action(run, "DETECT_DRIFT") ? note_drift(run) : STATUS_DONE;
}

static enum status advance(struct set_run *run, enum workflow_next *out_next)
{
    enum status status = STATUS_DONE;
    for (struct json *target = run->targets->first; target && status == STATUS_DONE;
         target = target->next) {
        if (is_target(target, "RUNNING"))
            status = watch_target(run, target);
    }
    if (status == STATUS_DONE && str_eq(run->operation.status, STR("STOPPING")))
        status = cancel_pending(run, "Cancelled since the operation was stopped");
    if (status == STATUS_DONE && has_failed(run))
        /* OBSERVED: the reason of what was not tried. */
        status = cancel_pending(run, "Cancelled since failure tolerance has exceeded");
    if (status != STATUS_DONE)
        return status;
    struct json *target = next_target(run);
    if (target)
        return start_target(run, target);
    struct counts counts = count_targets(run, (struct str){0});
    if (counts.running > 0) {
        run->workflow->run_at_ms = run->call->now_ms + LOOK_AGAIN_MS;
        return STATUS_DONE;
    }
    return counts.pending > 0 ? STATUS_DONE : finish(run, out_next);
}

/* The workflow's id is SET_ID/OPERATION_ID. */
static enum status load(struct set_run *run, bool *out_is_there)
{
    struct call *call = run->call;
    ptrdiff_t slash = str_last_index(run->workflow->id, '/');
    struct str set_id = str_slice(run->workflow->id, 0, (size_t)slash);
    int rc =
        cfn_store_find_set_by_id(call->db, call->arena, run->workflow->scope, set_id, &run->set);
    if (rc == 1)
        rc = cfn_store_find_operation(call->db, call->arena, set_id,
                                      str_from(run->workflow->id, (size_t)slash + 1),
                                      &run->operation);
    if (rc < 0)
        return call_fail_internal(call, rc, "find an operation of a stack set");
    *out_is_there = rc == 1;
    if (rc == 0)
        return STATUS_DONE;
    run->targets = json_find_cstr(run->operation.data, "Targets");
    return list_instances(call, &run->set, &run->instances, &run->instance_count);
}

static enum status take_step(struct call *call, struct workflow *workflow,
                             enum workflow_next *out_next)
{
    struct set_run run = {.call = call, .workflow = workflow};
    bool is_there = false;
    *out_next = WORKFLOW_AGAIN;
    workflow->run_at_ms = call->now_ms;
    call->via_service = STR(CFN_SERVICE);
    enum status status = load(&run, &is_there);
    if (status == STATUS_DONE && !is_there)
        *out_next = WORKFLOW_DONE;
    if (status != STATUS_DONE || !is_there)
        return status;
    status = advance(&run, out_next);
    if (status != STATUS_DONE)
        return status;
    int rc = cfn_store_put_operation(call->db, &run.operation);
    return rc < 0 ? call_fail_internal(call, rc, "write an operation of a stack set") : STATUS_DONE;
}

const struct workflow_kind cfn_set_kind = {
    .name = STR_INIT(CFN_SET_WORKFLOW),
    .step = take_step,
};
