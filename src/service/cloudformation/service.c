/* service.c — CloudFormation: stacks, change sets, stack sets.
 *
 * Implemented: stacks (create, update, delete, cancel, roll back, continue a rollback, signal);
 * change sets of type CREATE, UPDATE and IMPORT, nested ones too; Describe and List of stacks,
 * resources, events, exports and imports; templates (get, validate, summary) as text or from S3;
 * stack policies; termination protection; drift detection; stack sets with self-managed
 * permissions, their instances, operations and drift; account limits. The work is done by
 * engine/cfn, see docs/stacks.md. Resource types come from the services' own tables; those of
 * CloudFormation itself (nested stacks, wait conditions, custom resources) are in types.c.
 *
 * Refused: macros (they are functions), change sets with ImportExistingResources or a
 * DeploymentMode, stack sets with service-managed permissions or made from a stack. Not implemented
 * (NotImplemented): EstimateTemplateCost, ImportStacksToStackSet, the registry of types and
 * publishers, hooks, resource scans, generated templates, stack refactoring, AWS Organizations.
 *
 * Model: models/cloudformation.model
 */
#include "base/arena.h"
#include "service/cloudformation/cloudformation.h"
#include "syntax/json.h"

const struct cloudformation_handlers cloudformation_handlers = {
    .cancel_update_stack = cloudformation_cancel_update_stack,
    .continue_update_rollback = cloudformation_continue_update_rollback,
    .create_change_set = cloudformation_create_change_set,
    .create_stack = cloudformation_create_stack,
    .create_stack_instances = cloudformation_create_stack_instances,
    .create_stack_set = cloudformation_create_stack_set,
    .delete_change_set = cloudformation_delete_change_set,
    .delete_stack = cloudformation_delete_stack,
    .delete_stack_instances = cloudformation_delete_stack_instances,
    .delete_stack_set = cloudformation_delete_stack_set,
    .describe_account_limits = cloudformation_describe_account_limits,
    .describe_change_set = cloudformation_describe_change_set,
    .describe_events = cloudformation_describe_events,
    .describe_stack_drift_detection_status = cloudformation_describe_stack_drift_detection_status,
    .describe_stack_events = cloudformation_describe_stack_events,
    .describe_stack_instance = cloudformation_describe_stack_instance,
    .describe_stack_resource = cloudformation_describe_stack_resource,
    .describe_stack_resource_drifts = cloudformation_describe_stack_resource_drifts,
    .describe_stack_resources = cloudformation_describe_stack_resources,
    .describe_stack_set = cloudformation_describe_stack_set,
    .describe_stack_set_operation = cloudformation_describe_stack_set_operation,
    .describe_stacks = cloudformation_describe_stacks,
    .detect_stack_drift = cloudformation_detect_stack_drift,
    .detect_stack_resource_drift = cloudformation_detect_stack_resource_drift,
    .detect_stack_set_drift = cloudformation_detect_stack_set_drift,
    .execute_change_set = cloudformation_execute_change_set,
    .get_stack_policy = cloudformation_get_stack_policy,
    .get_template = cloudformation_get_template,
    .get_template_summary = cloudformation_get_template_summary,
    .list_change_sets = cloudformation_list_change_sets,
    .list_exports = cloudformation_list_exports,
    .list_imports = cloudformation_list_imports,
    .list_stack_instance_resource_drifts = cloudformation_list_stack_instance_resource_drifts,
    .list_stack_instances = cloudformation_list_stack_instances,
    .list_stack_resources = cloudformation_list_stack_resources,
    .list_stack_set_operation_results = cloudformation_list_stack_set_operation_results,
    .list_stack_set_operations = cloudformation_list_stack_set_operations,
    .list_stack_sets = cloudformation_list_stack_sets,
    .list_stacks = cloudformation_list_stacks,
    .rollback_stack = cloudformation_rollback_stack,
    .set_stack_policy = cloudformation_set_stack_policy,
    .signal_resource = cloudformation_signal_resource,
    .stop_stack_set_operation = cloudformation_stop_stack_set_operation,
    .update_stack = cloudformation_update_stack,
    .update_stack_instances = cloudformation_update_stack_instances,
    .update_stack_set = cloudformation_update_stack_set,
    .update_termination_protection = cloudformation_update_termination_protection,
    .validate_template = cloudformation_validate_template,
};

/* A text member of a request by its model name; absent when there is none. */
static struct str request_text(const struct call *call, const void *in, const char *name)
{
    const struct shape *shape = call->operation->in;
    for (size_t i = 0; i < shape->member_count; i++) {
        const struct member *member = &shape->members[i];
        if (member->shape->kind == KIND_STRING && str_eq_cstr(member->name, name))
            return *(const struct str *)(const void *)((const char *)in + member->offset);
    }
    return (struct str){0};
}

/* AWS: Service Authorization Reference, CloudFormation: the resource of operations on a stack is
 * its ARN ("stack/NAME/ID"), before there is one "stack/NAME/" with anything behind. Condition
 * keys: cloudformation:RoleArn, :TemplateUrl, :ChangeSetName. */
static enum status authorize(struct call *call, const void *in, struct authorization *out)
{
    static const struct {
        const char *member;
        struct str key;
    } keys[] = {
        {"RoleARN", STR_INIT("cloudformation:RoleArn")},
        {"TemplateURL", STR_INIT("cloudformation:TemplateUrl")},
        {"ChangeSetName", STR_INIT("cloudformation:ChangeSetName")},
    };
    struct condition_value *conditions =
        arena_alloc_array(call->arena, ARRAY_LEN(keys), sizeof(*conditions));
    struct str *values = arena_alloc_array(call->arena, ARRAY_LEN(keys), sizeof(*values));
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        struct str value = request_text(call, in, keys[i].member);
        if (!value.ptr)
            continue;
        values[out->condition_count] = value;
        conditions[out->condition_count] = (struct condition_value){
            .key = keys[i].key, .values = &values[out->condition_count], .value_count = 1};
        out->condition_count++;
    }
    out->conditions = conditions;
    struct str set_name = request_text(call, in, "StackSetName");
    if (set_name.ptr) {
        /* AWS: "stackset/NAME:ID" */
        out->resource =
            str_index(set_name, ':') >= 0
                ? call_arn(call, "cloudformation", false, "stackset/" STR_FMT, STR_ARG(set_name))
                : call_arn(call, "cloudformation", false, "stackset/" STR_FMT ":*",
                           STR_ARG(set_name));
        return STATUS_DONE;
    }
    struct str name = request_text(call, in, "StackName");
    struct str change_set = request_text(call, in, "ChangeSetName");
    struct cfn_change_set set = {0};
    int rc = 0;
    if (!name.ptr && str_starts_with(change_set, STR("arn:")))
        rc = cfn_store_find_change_set(call->db, call->arena, change_set, &set);
    if (rc == 1)
        name = set.stack_id;
    struct cfn_stack stack = {0};
    if (rc >= 0 && name.ptr && !str_starts_with(name, STR("arn:")))
        rc = cfn_store_find_live(call->db, call->arena, call->scope, name, &stack);
    if (rc < 0)
        return call_fail_internal(call, rc, "find a stack");
    if (stack.id.ptr)
        name = stack.id;
    if (name.ptr && str_starts_with(name, STR("arn:")))
        out->resource = name;
    else if (name.ptr)
        out->resource =
            call_arn(call, "cloudformation", false, "stack/" STR_FMT "/*", STR_ARG(name));
    return STATUS_DONE;
}

const struct service cloudformation_service = {
    .model = &cloudformation_model,
    .handlers = &cloudformation_handlers,
    .migrations = &cfn_migrations,
    .authorize = authorize,
    .resource_types = cloudformation_resource_types,
    .resource_type_count = CLOUDFORMATION_RESOURCE_TYPE_COUNT,
};
