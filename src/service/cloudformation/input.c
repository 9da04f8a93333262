/* input.c — from a request to what the stack would be: template, parameters, tags, role.
 *
 * The order of checks is AWS's as far as it can be seen: template text, then capabilities, then
 * parameters. Docs: CloudFormation API reference, CreateStack and UpdateStack.
 */
#include <errno.h>

#include "base/arena.h"
#include "service/cloudformation/cloudformation.h"
#include "service/iam/iam_public.h"
#include "syntax/json.h"
#include "wire/identity.h"

enum status fail_template(struct call *call, int rc, const struct template_error *error)
{
    if (rc != -EINVAL)
        return call_fail_internal(call, rc, "read a template");
    return call_fail(call, &ERROR_VALIDATION, STR_FMT, STR_ARG(error->message));
}

enum status request_template(struct call *call, struct str body, struct str url,
                             const struct cfn_stack *stack, struct str *out_text)
{
    if (stack) {
        struct str processed = {0};
        int rc =
            cfn_store_find_template(call->db, call->arena, stack->id,
                                    cfn_number(stack->spec, "Generation"), out_text, &processed);
        if (rc < 0)
            return call_fail_internal(call, rc, "find a template");
        if (rc == 1)
            return STATUS_DONE;
        return call_fail(call, &ERROR_VALIDATION, "There is no previous template to use.");
    }
    if (url.ptr && !body.ptr)
        return template_fetch(call, url, out_text);
    if (!body.ptr || url.ptr)
        return call_fail(call, &ERROR_VALIDATION,
                         "Either Template URL or Template Body must be specified.");
    if (body.len > TEMPLATE_MAX_BODY_BYTES)
        return call_fail(call, &ERROR_VALIDATION,
                         "1 validation error detected: Value '" STR_FMT
                         "' at 'templateBody' failed to satisfy constraint: Member must have "
                         "length less than or equal to %d",
                         STR_ARG(body), TEMPLATE_MAX_BODY_BYTES);
    *out_text = body;
    return STATUS_DONE;
}

static enum status check_capabilities(struct call *call, const struct stack_request *request,
                                      const struct template_summary *summary)
{
    struct str *missing = NULL;
    size_t count = 0;
    template_missing_capabilities(call->arena, summary, request->capabilities->items,
                                  request->capabilities->count, &missing, &count);
    struct str text = STR("");
    for (size_t i = 0; i < count; i++) {
        if (request->is_change_set && str_eq(missing[i], STR("CAPABILITY_AUTO_EXPAND")))
            continue;
        text = str_format(call->arena, STR_FMT "%s" STR_FMT, STR_ARG(text),
                          text.len > 0 ? ", " : "", STR_ARG(missing[i]));
    }
    if (text.len == 0)
        return STATUS_DONE;
    return call_fail(call, &CLOUDFORMATION_INSUFFICIENT_CAPABILITIES_EXCEPTION,
                     "Requires capabilities : [" STR_FMT "]", STR_ARG(text));
}

/* AWS: ResourceTypes: "AWS::*", "AWS::EC2::*", "Custom::*" or whole names; an error when a resource
 * is of none of those. */
static enum status check_resource_types(struct call *call, const struct stack_request *request,
                                        const struct template_summary *summary)
{
    const struct cloudformation_resource_types *allowed = request->resource_types;
    for (size_t i = 0; allowed->count > 0 && i < summary->resource_type_count; i++) {
        bool is_allowed = false;
        for (size_t j = 0; j < allowed->count && !is_allowed; j++) {
            struct str entry = allowed->items[j];
            is_allowed = str_ends_with(entry, STR("*"))
                             ? str_starts_with(summary->resource_types[i],
                                               str_slice(entry, 0, entry.len - 1))
                             : str_eq(entry, summary->resource_types[i]);
        }
        if (!is_allowed)
            return call_fail(call, &ERROR_VALIDATION,
                             "Resource type " STR_FMT " is not allowed by parameter ResourceTypes",
                             STR_ARG(summary->resource_types[i]));
    }
    return STATUS_DONE;
}

enum status check_role(struct call *call, struct str role_arn)
{
    static const struct str passed_to = STR_INIT(CFN_SERVICE);
    if (!role_arn.ptr)
        return STATUS_DONE;
    const struct condition_value condition = {
        .key = STR("iam:PassedToService"), .values = &passed_to, .value_count = 1};
    const struct authorization pass = {
        .action = STR("iam:PassRole"),
        .resource = role_arn,
        .conditions = &condition,
        .condition_count = 1,
    };
    enum status status = call_authorize(call, &pass);
    if (status != STATUS_DONE)
        return status;
    struct iam_role_row role = {0};
    struct str name = str_from(role_arn, (size_t)(str_last_index(role_arn, '/') + 1));
    int rc = iam_find_role(call->db, call->arena, call->scope.account, name, &role);
    if (rc < 0)
        return call_fail_internal(call, rc, "find a role");
    bool is_usable = rc == 1 && str_eq(role.arn, role_arn);
    if (is_usable) {
        struct principal service =
            identity_service(call->arena, call->scope.account, STR(CFN_SERVICE));
        struct call as_service = *call;
        as_service.principal = &service;
        const struct authorization assume = {
            .action = STR("sts:AssumeRole"),
            .resource = role.arn,
            .resource_policy = role.trust_policy,
            .resource_account = call->scope.account,
            .trusts_only_policy = true,
        };
        is_usable = call_is_allowed(&as_service, &assume);
    }
    if (is_usable)
        return STATUS_DONE;
    return call_fail(call, &ERROR_VALIDATION, "Role " STR_FMT " is invalid or cannot be assumed",
                     STR_ARG(role_arn));
}

static struct template_argument *arguments_of(struct arena *arena,
                                              const struct cloudformation_parameters *parameters)
{
    struct template_argument *arguments =
        arena_alloc_array(arena, parameters->count, sizeof(*arguments));
    for (size_t i = 0; i < parameters->count; i++) {
        arguments[i].name = str_or(parameters->items[i].parameter_key, STR(""));
        arguments[i].use_previous = opt_bool_or(parameters->items[i].use_previous_value, false);
        if (!arguments[i].use_previous)
            arguments[i].value = str_or(parameters->items[i].parameter_value, STR(""));
    }
    return arguments;
}

static struct json *tags_of(struct arena *arena, const struct cloudformation_tags *tags)
{
    struct json *list = json_new(arena, JSON_ARRAY);
    for (size_t i = 0; i < tags->count; i++) {
        struct json *tag = json_new(arena, JSON_OBJECT);
        cfn_set_text(arena, tag, "Key", tags->items[i].key);
        cfn_set_text(arena, tag, "Value", tags->items[i].value);
        json_append(list, tag);
    }
    return list;
}

static struct json *rollback_of(struct arena *arena,
                                const struct cloudformation_rollback_configuration *rollback)
{
    struct json *object = json_new(arena, JSON_OBJECT);
    struct json *triggers = json_new(arena, JSON_ARRAY);
    for (size_t i = 0; i < rollback->rollback_triggers.count; i++) {
        struct json *trigger = json_new(arena, JSON_OBJECT);
        cfn_set_text(arena, trigger, "Arn", rollback->rollback_triggers.items[i].arn);
        cfn_set_text(arena, trigger, "Type", rollback->rollback_triggers.items[i].type);
        json_append(triggers, trigger);
    }
    cfn_set(object, "Triggers", triggers);
    cfn_set_number(arena, object, "Minutes", opt_i32_or(rollback->monitoring_time_in_minutes, 0));
    return object;
}

static enum status check_tags(struct call *call, const struct cloudformation_tags *tags)
{
    for (size_t i = 0; i < tags->count; i++) {
        if (str_starts_with(tags->items[i].key, STR("aws:")))
            return call_fail(call, &ERROR_VALIDATION,
                             "aws: prefixed tag key names are not allowed for external use.");
        for (size_t j = 0; j < i; j++) {
            if (str_eq(tags->items[i].key, tags->items[j].key))
                return call_fail(call, &ERROR_VALIDATION,
                                 "Duplicate tag keys found. Please provide unique tag keys.");
        }
    }
    return STATUS_DONE;
}

/* AWS: what an update does not name stays: tags, notifications, role, rollback configuration. */
static struct json *new_spec(struct call *call, const struct stack_request *request,
                             const struct cfn_stack *stack, const struct cfn_plan *plan)
{
    static const char *const kept[] = {"Tags", "NotificationArns", "RoleArn",
                                       "RollbackConfiguration"};
    struct arena *arena = call->arena;
    struct json *spec = json_new(arena, JSON_OBJECT);
    for (size_t i = 0; stack->spec && i < ARRAY_LEN(kept); i++) {
        struct json *value = json_find_cstr(stack->spec, kept[i]);
        if (value)
            cfn_set(spec, kept[i], json_copy(arena, value));
    }
    if (request->tags->is_set || request->tags->count > 0)
        cfn_set(spec, "Tags", tags_of(arena, request->tags));
    if (request->notification_arns->is_set || request->notification_arns->count > 0)
        cfn_set(spec, "NotificationArns",
                cfn_text_list(arena, request->notification_arns->items,
                              request->notification_arns->count));
    if (request->role_arn.ptr)
        cfn_set_text(arena, spec, "RoleArn", request->role_arn);
    if (request->rollback_configuration)
        cfn_set(spec, "RollbackConfiguration", rollback_of(arena, request->rollback_configuration));
    cfn_set(spec, "Capabilities",
            cfn_text_list(arena, request->capabilities->items, request->capabilities->count));
    cfn_set(spec, "Transforms",
            cfn_text_list(arena, plan->document->transforms, plan->document->transform_count));
    cfn_set(spec, "Parameters", cfn_plan_parameters(arena, plan));
    cfn_set_text(arena, spec, "Description", plan->model->description);
    return spec;
}

/* AWS: a logical id keeps its type. */
static enum status check_types(struct call *call, const struct cfn_stack *stack,
                               const struct cfn_plan *plan)
{
    struct cfn_resource *rows = NULL;
    int64_t count =
        stack->spec ? cfn_store_list_resources(call->db, call->arena, stack->id, &rows) : 0;
    if (count < 0)
        return call_fail_internal(call, (int)count, "list a stack's resources");
    struct str changed = STR("");
    for (int64_t i = 0; i < count; i++) {
        const struct template_bound_resource *bound =
            template_find_bound(plan->binding, rows[i].logical_id);
        if (bound && rows[i].applied && !str_eq(bound->resource->type, rows[i].type))
            changed = str_format(call->arena, STR_FMT "%s" STR_FMT, STR_ARG(changed),
                                 changed.len > 0 ? ", " : "", STR_ARG(rows[i].logical_id));
    }
    /* OBSERVED: the text of such an UpdateStack. */
    return changed.len == 0 ? STATUS_DONE
                            : call_fail(call, &ERROR_VALIDATION,
                                        "Update of resource type is not permitted. The new "
                                        "template modifies resource type of the following "
                                        "resources: [" STR_FMT "]",
                                        STR_ARG(changed));
}

enum status request_draft(struct call *call, const struct stack_request *request,
                          const struct cfn_stack *stack, struct stack_draft *out_draft)
{
    struct stack_draft draft = {0};
    struct template_error error = {0};
    enum status status =
        request_template(call, request->template_body, request->template_url,
                         request->use_previous_template ? stack : NULL, &draft.original);
    if (status == STATUS_DONE)
        status = check_tags(call, request->tags);
    if (status != STATUS_DONE)
        return status;
    int rc = cfn_plan_read(call, draft.original, &draft.plan, &error);
    if (rc < 0)
        return fail_template(call, rc, &error);
    /* DEVIATION: rollback triggers are alarms, which nothing here watches. */
    if (request->rollback_configuration &&
        request->rollback_configuration->rollback_triggers.count > 0)
        return call_fail(call, &ERROR_NOT_IMPLEMENTED,
                         "RollbackTriggers of a RollbackConfiguration are not implemented");
    status = check_capabilities(call, request, &draft.plan.summary);
    if (status != STATUS_DONE)
        return status;
    const struct cfn_values values = {
        .stack_id = stack->id,
        .stack_name = stack->name,
        .arguments = arguments_of(call->arena, request->parameters),
        .argument_count = request->parameters->count,
        .previous = json_find_cstr(stack->spec, "Parameters"),
        .notifications = request->notification_arns->count > 0
                             ? cfn_text_list(call->arena, request->notification_arns->items,
                                             request->notification_arns->count)
                             : json_find_cstr(stack->spec, "NotificationArns"),
    };
    rc = cfn_plan_bind(call, &draft.plan, &values, &error);
    if (rc < 0)
        return fail_template(call, rc, &error);
    /* What a transform made counts, too. */
    status = check_capabilities(call, request, &draft.plan.summary);
    if (status == STATUS_DONE)
        status = check_resource_types(call, request, &draft.plan.summary);
    if (status == STATUS_DONE)
        status = check_types(call, stack, &draft.plan);
    if (status == STATUS_DONE)
        status = check_role(call, request->role_arn);
    if (status != STATUS_DONE)
        return status;
    draft.processed = json_to_str(call->arena, draft.plan.processed->root);
    draft.spec = new_spec(call, request, stack, &draft.plan);
    *out_draft = draft;
    return STATUS_DONE;
}

enum status draft_apply(struct call *call, const struct stack_draft *draft, struct cfn_stack *stack)
{
    int64_t generation = cfn_number(stack->options, "LastGeneration") + 1;
    int rc =
        cfn_store_put_template(call->db, stack->id, generation, draft->original, draft->processed);
    if (rc < 0)
        return call_fail_internal(call, rc, "keep a template");
    cfn_set_number(call->arena, stack->options, "LastGeneration", generation);
    stack->spec = draft->spec;
    cfn_set_number(call->arena, stack->spec, "Generation", generation);
    return STATUS_DONE;
}
