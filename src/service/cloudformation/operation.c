/* operation.c — stack operations: CreateStack, UpdateStack, DeleteStack, and what stops or turns
 * one: CancelUpdateStack, ContinueUpdateRollback, RollbackStack.
 *
 * Each checks that the stack's status allows it, writes the first status with its event and starts
 * the workflow (or leaves a request for the one that runs).
 */
#include "base/arena.h"
#include "service/cloudformation/cloudformation.h"
#include "syntax/json.h"

enum {
    MS_PER_MINUTE = 60 * 1000,
    MAX_TOKENS = 20, /* of a stack that are remembered */
};

static bool is_status(const struct cfn_stack *stack, const char *status)
{
    return str_eq_cstr(stack->status, status);
}

bool is_updatable(const struct cfn_stack *stack, bool is_rollback_disabled)
{
    /* AWS: after an operation whose rollback was disabled, an update may follow that disables it,
     * too ("Preserve successfully provisioned resources"). */
    bool is_preserved = is_status(stack, "CREATE_FAILED") || is_status(stack, "UPDATE_FAILED");
    return is_status(stack, "CREATE_COMPLETE") || is_status(stack, "UPDATE_COMPLETE") ||
           is_status(stack, "UPDATE_ROLLBACK_COMPLETE") || is_status(stack, "IMPORT_COMPLETE") ||
           is_status(stack, "IMPORT_ROLLBACK_COMPLETE") || (is_preserved && is_rollback_disabled);
}

/* OBSERVED: "Stack:arn:... is in ROLLBACK_COMPLETE state and can not be updated." */
static enum status fail_state(struct call *call, const struct cfn_stack *stack, const char *what)
{
    return call_fail(call, &ERROR_VALIDATION,
                     "Stack:" STR_FMT " is in " STR_FMT " state and can not be %s.",
                     STR_ARG(stack->id), STR_ARG(stack->status), what);
}

static struct str role_of(const struct cfn_stack *stack)
{
    return json_find_str(stack->spec, "RoleArn");
}

/* AWS: "All events triggered by a given stack operation are assigned the same client request
 * token"; a token that was used for another kind of operation is refused, the same request again is
 * the same operation. */
enum status check_token(struct call *call, struct cfn_stack *stack, struct str token,
                        const char *action, bool *out_is_repeat)
{
    struct json *tokens = json_find_cstr(stack->options, "Tokens");
    const struct json *used = token.ptr ? json_find(tokens, token) : NULL;
    *out_is_repeat = used && str_eq_cstr(used->text, action);
    if (used && !*out_is_repeat)
        return call_fail(call, &CLOUDFORMATION_TOKEN_ALREADY_EXISTS_EXCEPTION,
                         "A client request token already exists: " STR_FMT, STR_ARG(token));
    if (!token.ptr || used)
        return STATUS_DONE;
    if (!tokens) {
        tokens = json_new(call->arena, JSON_OBJECT);
        cfn_set(stack->options, "Tokens", tokens);
    }
    if (tokens->count >= MAX_TOKENS)
        json_remove(tokens, tokens->first->key);
    json_set(tokens, token, json_new_string(call->arena, str_from_cstr(action)));
    return STATUS_DONE;
}

enum status begin_create(struct call *call, struct cfn_stack *stack,
                         const struct create_options *options)
{
    struct arena *arena = call->arena;
    struct json *object = stack->options;
    bool is_disabled = opt_bool_or(options->disable_rollback, false) ||
                       str_eq(options->on_failure, STR("DO_NOTHING"));
    cfn_set_flag(arena, object, "DisableRollback", is_disabled);
    cfn_set_text(arena, object, "OnFailure", options->on_failure);
    cfn_set_number(arena, object, "TimeoutInMinutes", opt_i32_or(options->timeout_in_minutes, 0));
    cfn_set_text(arena, object, "CreateToken", options->token);
    cfn_set_text(arena, object, "ChangeSetId", options->change_set_id);
    cfn_set_text(arena, object, "Policy", options->policy);
    cfn_set_flag(arena, object, "TerminationProtection",
                 opt_bool_or(options->enable_termination_protection, false));
    cfn_set_flag(arena, object, "RetainExceptOnCreate",
                 opt_bool_or(options->retain_except_on_create, false));
    const struct cfn_begin begin = {
        .phase = "CREATE",
        .token = options->token,
        .role_arn = role_of(stack),
        .deadline_ms =
            options->timeout_in_minutes.is_set
                ? call->now_ms + (int64_t)options->timeout_in_minutes.value * MS_PER_MINUTE
                : 0,
        .is_rollback_disabled = is_disabled,
        .principal = options->principal,
        .is_nested = options->principal != NULL,
    };
    (void)cfn_new_operation(call, stack, "CREATE_STACK");
    enum status status = cfn_set_status(call, stack, STR("CREATE_IN_PROGRESS"),
                                        STR("User Initiated"), options->token);
    return status == STATUS_DONE ? cfn_begin(call, stack, &begin) : status;
}

enum status begin_update(struct call *call, struct cfn_stack *stack,
                         const struct create_options *options)
{
    struct arena *arena = call->arena;
    bool is_disabled = opt_bool_or(options->disable_rollback, false);
    cfn_set_flag(arena, stack->options, "DisableRollback", is_disabled);
    cfn_set_text(arena, stack->options, "OnFailure", (struct str){0});
    cfn_set_text(arena, stack->options, "UpdateToken", options->token);
    cfn_set_text(arena, stack->options, "ChangeSetId", options->change_set_id);
    cfn_set_flag(arena, stack->options, "RetainExceptOnCreate",
                 opt_bool_or(options->retain_except_on_create, false));
    if (options->policy.ptr)
        cfn_set_text(arena, stack->options, "Policy", options->policy);
    cfn_set_text(arena, stack->options, "PolicyDuringUpdate", options->policy_during_update);
    stack->updated_at_ms = call->now_ms;
    const struct cfn_begin begin = {
        .phase = "UPDATE",
        .token = options->token,
        .prior_status = stack->status,
        .role_arn = role_of(stack),
        .is_rollback_disabled = is_disabled,
        .principal = options->principal,
        .is_nested = options->principal != NULL,
    };
    (void)cfn_new_operation(call, stack, "UPDATE_STACK");
    enum status status = cfn_set_status(call, stack, STR("UPDATE_IN_PROGRESS"),
                                        STR("User Initiated"), options->token);
    return status == STATUS_DONE ? cfn_begin(call, stack, &begin) : status;
}

enum status begin_import(struct call *call, struct cfn_stack *stack,
                         const struct create_options *options, struct json *resources)
{
    cfn_set_text(call->arena, stack->options, "ChangeSetId", options->change_set_id);
    if (!str_eq_cstr(stack->status, "REVIEW_IN_PROGRESS"))
        stack->updated_at_ms = call->now_ms;
    const struct cfn_begin begin = {
        .phase = "IMPORT",
        .token = options->token,
        .prior_status = stack->status,
        .role_arn = role_of(stack),
        .import = resources,
    };
    (void)cfn_new_operation(call, stack, "UPDATE_STACK");
    enum status status = cfn_set_status(call, stack, STR("IMPORT_IN_PROGRESS"),
                                        STR("User Initiated"), options->token);
    return status == STATUS_DONE ? cfn_begin(call, stack, &begin) : status;
}

enum status cloudformation_create_stack(struct call *call,
                                        const struct cloudformation_create_stack_in *in,
                                        struct cloudformation_create_stack_out *out)
{
    struct cfn_stack found = {0};
    int rc = cfn_store_find_live(call->db, call->arena, call->scope, in->stack_name, &found);
    if (rc < 0)
        return call_fail_internal(call, rc, "find a stack");
    /* AWS: the same ClientRequestToken means the same request. */
    if (rc == 1 && in->client_request_token.ptr &&
        str_eq(in->client_request_token, json_find_str(found.options, "CreateToken"))) {
        out->stack_id = found.id;
        return STATUS_DONE;
    }
    if (rc == 1)
        return call_fail(call, &CLOUDFORMATION_ALREADY_EXISTS_EXCEPTION,
                         "Stack [" STR_FMT "] already exists", STR_ARG(in->stack_name));
    /* AWS: "You can specify either DisableRollback or OnFailure, but not both." */
    if (in->on_failure.ptr && in->disable_rollback.is_set)
        return call_fail(call, &ERROR_VALIDATION,
                         "Either DisableRollback or OnFailure can be specified, not both.");
    struct cfn_stack stack = {
        .id = new_stack_id(call, in->stack_name),
        .name = in->stack_name,
        .scope = call->scope,
        .created_at_ms = call->now_ms,
        .options = json_new(call->arena, JSON_OBJECT),
    };
    const struct stack_request request = {
        .template_body = in->template_body,
        .template_url = in->template_url,
        .parameters = &in->parameters,
        .capabilities = &in->capabilities,
        .tags = &in->tags,
        .notification_arns = &in->notification_arns,
        .resource_types = &in->resource_types,
        .role_arn = in->role_arn,
        .rollback_configuration = in->rollback_configuration,
    };
    struct stack_draft draft = {0};
    struct str policy = {0};
    enum status status = request_draft(call, &request, &stack, &draft);
    if (status == STATUS_DONE)
        status = request_policy(call, in->stack_policy_body, in->stack_policy_url, &policy);
    if (status == STATUS_DONE)
        status = draft_apply(call, &draft, &stack);
    bool is_repeat = false;
    if (status == STATUS_DONE)
        status = check_token(call, &stack, in->client_request_token, "CREATE", &is_repeat);
    const struct create_options options = {
        .disable_rollback = in->disable_rollback,
        .on_failure = in->on_failure,
        .timeout_in_minutes = in->timeout_in_minutes,
        .token = in->client_request_token,
        .enable_termination_protection = in->enable_termination_protection,
        .retain_except_on_create = in->retain_except_on_create,
        .policy = policy,
    };
    out->stack_id = stack.id;
    if (status == STATUS_DONE)
        status = begin_create(call, &stack, &options);
    out->operation_id = json_find_str(stack.options, "OperationId");
    return status;
}

enum status cloudformation_update_stack(struct call *call,
                                        const struct cloudformation_update_stack_in *in,
                                        struct cloudformation_update_stack_out *out)
{
    struct cfn_stack stack = {0};
    enum status status = find_stack(call, in->stack_name, STACK_BRACKETS, &stack);
    if (status != STATUS_DONE)
        return status;
    bool is_repeat = false;
    out->stack_id = stack.id;
    status = check_token(call, &stack, in->client_request_token, "UPDATE", &is_repeat);
    if (status != STATUS_DONE || is_repeat)
        return status;
    if (!is_updatable(&stack, opt_bool_or(in->disable_rollback, false)))
        return fail_state(call, &stack, "updated");
    const struct stack_request request = {
        .template_body = in->template_body,
        .template_url = in->template_url,
        .use_previous_template = opt_bool_or(in->use_previous_template, false),
        .parameters = &in->parameters,
        .capabilities = &in->capabilities,
        .tags = &in->tags,
        .notification_arns = &in->notification_arns,
        .resource_types = &in->resource_types,
        .role_arn = in->role_arn,
        .rollback_configuration = in->rollback_configuration,
    };
    struct stack_draft draft = {0};
    struct json *changes = NULL;
    bool differs = false;
    status = request_draft(call, &request, &stack, &draft);
    if (status == STATUS_DONE)
        status =
            cfn_changes(call, &stack, &draft.plan, draft.spec, call->principal, &changes, &differs);
    if (status != STATUS_DONE)
        return status;
    bool is_failed = !is_updatable(&stack, false);
    if (!differs && !is_failed)
        return call_fail(call, &ERROR_VALIDATION, "No updates are to be performed.");
    struct str policy = {0};
    struct str policy_during_update = {0};
    status = request_policy(call, in->stack_policy_body, in->stack_policy_url, &policy);
    if (status == STATUS_DONE)
        status = request_policy(call, in->stack_policy_during_update_body,
                                in->stack_policy_during_update_url, &policy_during_update);
    if (status != STATUS_DONE)
        return status;
    if (!stack.saved_spec)
        stack.saved_spec = stack.spec;
    status = draft_apply(call, &draft, &stack);
    const struct create_options options = {
        .disable_rollback = in->disable_rollback,
        .token = in->client_request_token,
        .retain_except_on_create = in->retain_except_on_create,
        .policy = policy,
        .policy_during_update = policy_during_update,
    };
    if (status == STATUS_DONE)
        status = begin_update(call, &stack, &options);
    out->operation_id = json_find_str(stack.options, "OperationId");
    return status;
}

enum status begin_delete(struct call *call, struct cfn_stack *stack, const struct cfn_begin *begin)
{
    bool is_running = is_in_progress(stack);
    enum status status =
        cfn_set_status(call, stack, STR("DELETE_IN_PROGRESS"), STR("User Initiated"), begin->token);
    if (status != STATUS_DONE)
        return status;
    return is_running ? cfn_request(call, stack, "DELETE", cfn_operation_state(call, begin))
                      : cfn_begin(call, stack, begin);
}

/* AWS: "You can retain resources only for a stack in the DELETE_FAILED state". */
static enum status check_delete(struct call *call, const struct cloudformation_delete_stack_in *in,
                                const struct cfn_stack *stack)
{
    if (cfn_flag(stack->options, "TerminationProtection"))
        return call_fail(call, &ERROR_VALIDATION,
                         "Stack [" STR_FMT "] cannot be deleted while TerminationProtection is "
                         "enabled",
                         STR_ARG(stack->name));
    bool is_failed = is_status(stack, "DELETE_FAILED");
    if (in->retain_resources.count > 0 && !is_failed)
        return call_fail(call, &ERROR_VALIDATION,
                         "Invalid operation on stack [" STR_FMT "]. The resources in the stack "
                         "[" STR_FMT "] are not in a valid state. Only stacks in DELETE_FAILED "
                         "state can retain resources.",
                         STR_ARG(stack->name), STR_ARG(stack->name));
    if (is_in_progress(stack) && !is_status(stack, "CREATE_IN_PROGRESS") &&
        !is_status(stack, "ROLLBACK_IN_PROGRESS"))
        return call_fail(call, &ERROR_VALIDATION,
                         "Stack [" STR_FMT "] cannot be deleted while in status " STR_FMT,
                         STR_ARG(stack->id), STR_ARG(stack->status));
    return check_role(call, in->role_arn);
}

enum status cloudformation_delete_stack(struct call *call,
                                        const struct cloudformation_delete_stack_in *in,
                                        struct cloudformation_delete_stack_out *out)
{
    (void)out;
    struct cfn_stack stack = {0};
    enum status status = find_stack(call, in->stack_name, STACK_BRACKETS, &stack);
    /* AWS: deleting a stack that is not there succeeds. */
    if (status == STATUS_FAILED && call->error.error == &ERROR_VALIDATION) {
        call->error = (struct call_error){0};
        return STATUS_DONE;
    }
    if (status != STATUS_DONE || stack.deleted_at_ms != 0)
        return status;
    bool is_repeat = false;
    status = check_token(call, &stack, in->client_request_token, "DELETE", &is_repeat);
    if (status != STATUS_DONE || is_repeat || is_status(&stack, "DELETE_IN_PROGRESS"))
        return status;
    status = check_delete(call, in, &stack);
    if (status != STATUS_DONE)
        return status;
    cfn_set_text(call->arena, stack.options, "DeletionMode", in->deletion_mode);
    const struct cfn_begin begin = {
        .phase = "DELETE",
        .token = in->client_request_token,
        .prior_status = stack.status,
        .role_arn = str_is_set(in->role_arn) ? in->role_arn : role_of(&stack),
        .retain =
            cfn_text_list(call->arena, in->retain_resources.items, in->retain_resources.count),
    };
    return begin_delete(call, &stack, &begin);
}

enum status
cloudformation_cancel_update_stack(struct call *call,
                                   const struct cloudformation_cancel_update_stack_in *in,
                                   struct cloudformation_cancel_update_stack_out *out)
{
    (void)out;
    struct cfn_stack stack = {0};
    enum status status = find_stack(call, in->stack_name, STACK_BRACKETS, &stack);
    if (status != STATUS_DONE)
        return status;
    bool is_repeat = false;
    status = check_token(call, &stack, in->client_request_token, "CANCEL", &is_repeat);
    if (status != STATUS_DONE || is_repeat)
        return status;
    /* OBSERVED: the text when there is nothing to cancel. */
    if (!is_status(&stack, "UPDATE_IN_PROGRESS"))
        return call_fail(call, &ERROR_VALIDATION,
                         "CancelUpdateStack cannot be called from current stack status");
    return cfn_request(call, &stack, "CANCEL", NULL);
}

enum status
cloudformation_continue_update_rollback(struct call *call,
                                        const struct cloudformation_continue_update_rollback_in *in,
                                        struct cloudformation_continue_update_rollback_out *out)
{
    (void)out;
    struct cfn_stack stack = {0};
    enum status status = find_stack(call, in->stack_name, STACK_BRACKETS, &stack);
    if (status != STATUS_DONE)
        return status;
    bool is_repeat = false;
    status = check_token(call, &stack, in->client_request_token, "CONTINUE", &is_repeat);
    if (status != STATUS_DONE || is_repeat)
        return status;
    if (!is_status(&stack, "UPDATE_ROLLBACK_FAILED"))
        return call_fail(call, &ERROR_VALIDATION,
                         "Stack:" STR_FMT " is in " STR_FMT " state and can not be updated.",
                         STR_ARG(stack.id), STR_ARG(stack.status));
    status = check_role(call, in->role_arn);
    if (status != STATUS_DONE)
        return status;
    const struct cfn_begin begin = {
        .phase = "RESTORE",
        .token = in->client_request_token,
        .prior_status = stack.status,
        .role_arn = str_is_set(in->role_arn) ? in->role_arn : role_of(&stack),
        .skip =
            cfn_text_list(call->arena, in->resources_to_skip.items, in->resources_to_skip.count),
    };
    (void)cfn_new_operation(call, &stack, "CONTINUE_ROLLBACK");
    status = cfn_set_status(call, &stack, STR("UPDATE_ROLLBACK_IN_PROGRESS"), STR("User Initiated"),
                            in->client_request_token);
    return status == STATUS_DONE ? cfn_begin(call, &stack, &begin) : status;
}

enum status cloudformation_rollback_stack(struct call *call,
                                          const struct cloudformation_rollback_stack_in *in,
                                          struct cloudformation_rollback_stack_out *out)
{
    struct cfn_stack stack = {0};
    enum status status = find_stack(call, in->stack_name, STACK_BRACKETS, &stack);
    if (status != STATUS_DONE)
        return status;
    bool is_create = is_status(&stack, "CREATE_FAILED");
    bool is_repeat = false;
    out->stack_id = stack.id;
    status = check_token(call, &stack, in->client_request_token, "ROLLBACK", &is_repeat);
    if (status != STATUS_DONE || is_repeat)
        return status;
    if (!is_create && !is_status(&stack, "UPDATE_FAILED"))
        return call_fail(call, &ERROR_VALIDATION,
                         "Stack:" STR_FMT " is in " STR_FMT " state and can not be rolled back.",
                         STR_ARG(stack.id), STR_ARG(stack.status));
    status = check_role(call, in->role_arn);
    if (status != STATUS_DONE)
        return status;
    const struct cfn_begin begin = {
        .phase = is_create ? "ROLLBACK" : "RESTORE",
        .token = in->client_request_token,
        .prior_status = stack.status,
        .role_arn = str_is_set(in->role_arn) ? in->role_arn : role_of(&stack),
        .retain_except_on_create = opt_bool_or(in->retain_except_on_create, false),
    };
    out->stack_id = stack.id;
    out->operation_id = cfn_new_operation(call, &stack, "ROLLBACK");
    status = cfn_set_status(
        call, &stack, is_create ? STR("ROLLBACK_IN_PROGRESS") : STR("UPDATE_ROLLBACK_IN_PROGRESS"),
        STR("User Initiated"), in->client_request_token);
    return status == STATUS_DONE ? cfn_begin(call, &stack, &begin) : status;
}
