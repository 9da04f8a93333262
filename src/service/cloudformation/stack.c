/* stack.c — what is known of stacks: DescribeStacks, ListStacks, policies, termination protection,
 * account limits.
 */
#include "base/arena.h"
#include "base/vec.h"
#include "service/cloudformation/cloudformation.h"
#include "syntax/json.h"

enum {
    POLICY_MAX_BYTES = 16384, /* AWS: StackPolicyBody, maximum length */
    DESCRIBE_WAIT_MS = 1000,  /* longer would be felt by who really looks at what is going on */
};

static void fill_texts(struct arena *arena, const struct json *list, struct str **out_items,
                       size_t *out_count)
{
    *out_items = arena_alloc_array(arena, list ? list->count : 0, sizeof(struct str));
    for (const struct json *item = list ? list->first : NULL; item; item = item->next)
        (*out_items)[(*out_count)++] = item->text;
}

static void fill_parameters(struct arena *arena, const struct json *list,
                            struct cloudformation_parameters *out)
{
    out->items = arena_alloc_array(arena, list ? list->count : 0, sizeof(*out->items));
    for (const struct json *item = list ? list->first : NULL; item; item = item->next) {
        struct cloudformation_parameter *parameter = &out->items[out->count++];
        /* AWS: NoEcho: "the parameter value masked as asterisks (*****)"; OBSERVED: four. */
        parameter->parameter_key = json_find_str(item, "Name");
        parameter->parameter_value =
            cfn_flag(item, "NoEcho") ? STR("****") : json_find_str(item, "Value");
        parameter->resolved_value = json_find_str(item, "Resolved");
    }
}

static void fill_tags(struct arena *arena, const struct json *list, struct cloudformation_tags *out)
{
    out->is_set = true; /* OBSERVED: an empty list is written */
    out->items = arena_alloc_array(arena, list ? list->count : 0, sizeof(*out->items));
    for (const struct json *item = list ? list->first : NULL; item; item = item->next)
        out->items[out->count++] = (struct cloudformation_tag){
            .key = json_find_str(item, "Key"), .value = json_find_str(item, "Value")};
}

static struct cloudformation_rollback_configuration *rollback_of(struct arena *arena,
                                                                 const struct json *object)
{
    struct cloudformation_rollback_configuration *rollback = arena_alloc(arena, sizeof(*rollback));
    const struct json *triggers = json_find_cstr(object, "Triggers");
    int64_t minutes = cfn_number(object, "Minutes");
    rollback->rollback_triggers.items = arena_alloc_array(
        arena, triggers ? triggers->count : 0, sizeof(*rollback->rollback_triggers.items));
    for (const struct json *item = triggers ? triggers->first : NULL; item; item = item->next)
        rollback->rollback_triggers.items[rollback->rollback_triggers.count++] =
            (struct cloudformation_rollback_trigger){.arn = json_find_str(item, "Arn"),
                                                     .type = json_find_str(item, "Type")};
    if (minutes > 0)
        rollback->monitoring_time_in_minutes = opt_i32((int32_t)minutes);
    return rollback;
}

static enum status fill_outputs(struct call *call, const struct cfn_stack *stack,
                                struct cloudformation_outputs *out)
{
    struct cfn_output *outputs = NULL;
    int64_t count = cfn_store_list_outputs(call->db, call->arena, stack->id, &outputs);
    if (count < 0)
        return call_fail_internal(call, (int)count, "list a stack's outputs");
    out->items = arena_alloc_array(call->arena, (size_t)count, sizeof(*out->items));
    for (int64_t i = 0; i < count; i++)
        out->items[out->count++] = (struct cloudformation_output){
            .output_key = outputs[i].name,
            .output_value = outputs[i].value,
            .description = outputs[i].description,
            .export_name = outputs[i].export_name,
        };
    return STATUS_DONE;
}

static struct str or_absent(struct str text)
{
    return text.len > 0 ? text : (struct str){0};
}

static struct str drift_status(const struct cfn_stack *stack)
{
    return str_or(json_find_str(json_find_cstr(stack->options, "Drift"), "Status"),
                  STR("NOT_CHECKED"));
}

static struct opt_i64 drift_time(const struct cfn_stack *stack)
{
    int64_t at = cfn_number(json_find_cstr(stack->options, "Drift"), "At");
    return at > 0 ? opt_i64(at) : (struct opt_i64){0};
}

static enum status fill_stack(struct call *call, const struct cfn_stack *stack,
                              struct cloudformation_stack *out)
{
    struct arena *arena = call->arena;
    int64_t timeout = cfn_number(stack->options, "TimeoutInMinutes");
    *out = (struct cloudformation_stack){
        .stack_id = stack->id,
        .stack_name = stack->name,
        .change_set_id = json_find_str(stack->options, "ChangeSetId"),
        .description = json_find_str(stack->spec, "Description"),
        .creation_time = opt_i64(stack->created_at_ms),
        .stack_status = stack->status,
        .stack_status_reason = or_absent(stack->reason),
        .disable_rollback = opt_bool(cfn_flag(stack->options, "DisableRollback")),
        .role_arn = json_find_str(stack->spec, "RoleArn"),
        .enable_termination_protection =
            opt_bool(cfn_flag(stack->options, "TerminationProtection")),
        .rollback_configuration =
            rollback_of(arena, json_find_cstr(stack->spec, "RollbackConfiguration")),
        .deletion_mode = json_find_str(stack->options, "DeletionMode"),
        .parent_id = json_find_str(stack->options, "ParentId"),
        .root_id = json_find_str(stack->options, "RootId"),
    };
    if (stack->deleted_at_ms != 0)
        out->deletion_time = opt_i64(stack->deleted_at_ms);
    if (stack->updated_at_ms != 0)
        out->last_updated_time = opt_i64(stack->updated_at_ms);
    if (timeout > 0)
        out->timeout_in_minutes = opt_i32((int32_t)timeout);
    if (cfn_flag(stack->options, "RetainExceptOnCreate"))
        out->retain_except_on_create = opt_bool(true);
    out->drift_information = arena_alloc(arena, sizeof(*out->drift_information));
    out->drift_information->stack_drift_status = drift_status(stack);
    out->drift_information->last_check_timestamp = drift_time(stack);
    out->notification_arns.is_set = true;
    fill_texts(arena, json_find_cstr(stack->spec, "NotificationArns"),
               &out->notification_arns.items, &out->notification_arns.count);
    fill_texts(arena, json_find_cstr(stack->spec, "Capabilities"), &out->capabilities.items,
               &out->capabilities.count);
    fill_parameters(arena, json_find_cstr(stack->spec, "Parameters"), &out->parameters);
    fill_tags(arena, json_find_cstr(stack->spec, "Tags"), &out->tags);
    return fill_outputs(call, stack, &out->outputs);
}

/* Where a list goes on. */
struct position {
    int64_t before_ms;
    struct str after_id;
};

static enum status read_position(struct call *call, struct str token, struct position *out)
{
    *out = (struct position){.before_ms = INT64_MAX, .after_id = STR("")};
    return token.ptr ? read_page_token(call, token, &out->before_ms, &out->after_id) : STATUS_DONE;
}

/* Clients poll: `aws cloudformation deploy` and `wait` look once and then every 30 seconds, and
 * most stacks here are done within milliseconds. So whoever asks for one stack whose operation runs
 * gets the answer when it ends, or after a second. REVIEW_IN_PROGRESS is a resting state. */
static bool is_worth_waiting(const struct call *call, const struct cfn_stack *stack)
{
    return call->now_ms < call->started_at_ms + DESCRIBE_WAIT_MS &&
           str_ends_with(stack->status, STR("_IN_PROGRESS")) &&
           !str_eq_cstr(stack->status, "REVIEW_IN_PROGRESS");
}

enum status cloudformation_describe_stacks(struct call *call,
                                           const struct cloudformation_describe_stacks_in *in,
                                           struct cloudformation_describe_stacks_out *out)
{
    struct cfn_stack *stacks = arena_alloc(call->arena, sizeof(*stacks));
    int64_t count = 1;
    struct position position = {0};
    enum status status = read_position(call, in->next_token, &position);
    if (status == STATUS_DONE && in->stack_name.ptr)
        status = find_stack(call, in->stack_name, STACK_WITH_ID, &stacks[0]);
    if (status != STATUS_DONE)
        return status;
    if (in->stack_name.ptr && is_worth_waiting(call, &stacks[0]))
        return call_wait(call, cfn_stack_channel(call->arena, stacks[0].id),
                         call->started_at_ms + DESCRIBE_WAIT_MS);
    if (!in->stack_name.ptr)
        count = cfn_store_list_stacks(call->db, call->arena, call->scope, false, position.before_ms,
                                      position.after_id, PAGE_SIZE + 1, &stacks);
    if (count < 0)
        return call_fail_internal(call, (int)count, "list stacks");
    out->stacks.is_set = true;
    out->stacks.items = arena_alloc_array(call->arena, (size_t)count, sizeof(*out->stacks.items));
    for (int64_t i = 0; i < count && i < PAGE_SIZE; i++) {
        status = fill_stack(call, &stacks[i], &out->stacks.items[out->stacks.count++]);
        if (status != STATUS_DONE)
            return status;
    }
    if (count > PAGE_SIZE)
        out->next_token =
            page_token(call->arena, stacks[PAGE_SIZE - 1].created_at_ms, stacks[PAGE_SIZE - 1].id);
    return STATUS_DONE;
}

static bool is_wanted(const struct cloudformation_stack_status_filter *filter, struct str status)
{
    for (size_t i = 0; i < filter->count; i++) {
        if (str_eq(filter->items[i], status))
            return true;
    }
    return filter->count == 0;
}

static struct cloudformation_stack_summary summary_of(struct arena *arena,
                                                      const struct cfn_stack *stack)
{
    struct cloudformation_stack_summary summary = {
        .stack_id = stack->id,
        .stack_name = stack->name,
        .template_description = json_find_str(stack->spec, "Description"),
        .creation_time = opt_i64(stack->created_at_ms),
        .stack_status = stack->status,
        .stack_status_reason = or_absent(stack->reason),
        .parent_id = json_find_str(stack->options, "ParentId"),
        .root_id = json_find_str(stack->options, "RootId"),
        .drift_information = arena_alloc(arena, sizeof(*summary.drift_information)),
    };
    summary.drift_information->stack_drift_status = drift_status(stack);
    summary.drift_information->last_check_timestamp = drift_time(stack);
    if (stack->updated_at_ms != 0)
        summary.last_updated_time = opt_i64(stack->updated_at_ms);
    if (stack->deleted_at_ms != 0)
        summary.deletion_time = opt_i64(stack->deleted_at_ms);
    return summary;
}

/* AWS: without a filter, deleted stacks are listed, too. */
enum status cloudformation_list_stacks(struct call *call,
                                       const struct cloudformation_list_stacks_in *in,
                                       struct cloudformation_list_stacks_out *out)
{
    struct position position = {0};
    enum status status = read_position(call, in->next_token, &position);
    if (status != STATUS_DONE)
        return status;
    struct cfn_stack *stacks = NULL;
    int64_t count =
        cfn_store_list_stacks(call->db, call->arena, call->scope, true, position.before_ms,
                              position.after_id, PAGE_SIZE + 1, &stacks);
    if (count < 0)
        return call_fail_internal(call, (int)count, "list stacks");
    struct vec summaries;
    vec_init(&summaries, call->arena, sizeof(struct cloudformation_stack_summary));
    for (int64_t i = 0; i < count && i < PAGE_SIZE; i++) {
        if (is_wanted(&in->stack_status_filter, stacks[i].status))
            *(struct cloudformation_stack_summary *)vec_push(&summaries) =
                summary_of(call->arena, &stacks[i]);
    }
    out->stack_summaries.is_set = true;
    out->stack_summaries.items = summaries.items;
    out->stack_summaries.count = summaries.count;
    if (count > PAGE_SIZE)
        out->next_token =
            page_token(call->arena, stacks[PAGE_SIZE - 1].created_at_ms, stacks[PAGE_SIZE - 1].id);
    return STATUS_DONE;
}

enum status write_stack(struct call *call, const struct cfn_stack *stack)
{
    int rc = cfn_store_put_stack(call->db, stack);
    return rc < 0 ? call_fail_internal(call, rc, "write a stack") : STATUS_DONE;
}

enum status cloudformation_update_termination_protection(
    struct call *call, const struct cloudformation_update_termination_protection_in *in,
    struct cloudformation_update_termination_protection_out *out)
{
    struct cfn_stack stack = {0};
    enum status status = find_stack(call, in->stack_name, STACK_BRACKETS, &stack);
    if (status != STATUS_DONE)
        return status;
    if (stack.deleted_at_ms != 0 || str_eq(stack.status, STR("DELETE_IN_PROGRESS")))
        return call_fail(call, &ERROR_VALIDATION,
                         "Stack [" STR_FMT "] is in " STR_FMT
                         " state and termination protection cannot be changed.",
                         STR_ARG(stack.name), STR_ARG(stack.status));
    cfn_set_flag(call->arena, stack.options, "TerminationProtection",
                 opt_bool_or(in->enable_termination_protection, false));
    out->stack_id = stack.id;
    return write_stack(call, &stack);
}

enum status request_policy(struct call *call, struct str body, struct str url,
                           struct str *out_policy)
{
    struct json *policy = NULL;
    struct str text = body;
    if (body.ptr && url.ptr)
        return call_fail(call, &ERROR_VALIDATION,
                         "You cannot specify both a stack policy body and a stack policy URL.");
    enum status status = url.ptr ? template_fetch(call, url, &text) : STATUS_DONE;
    if (status != STATUS_DONE || !text.ptr)
        return status;
    if (text.len > POLICY_MAX_BYTES || json_parse(call->arena, text, 0, &policy, NULL) < 0 ||
        !json_is_array(json_find_cstr(policy, "Statement")))
        return call_fail(call, &ERROR_VALIDATION,
                         "Error validating stack policy: Invalid stack policy");
    *out_policy = text;
    return STATUS_DONE;
}

enum status cloudformation_set_stack_policy(struct call *call,
                                            const struct cloudformation_set_stack_policy_in *in,
                                            struct cloudformation_set_stack_policy_out *out)
{
    (void)out;
    struct cfn_stack stack = {0};
    enum status status = find_stack(call, in->stack_name, STACK_WITH_ID, &stack);
    if (status != STATUS_DONE)
        return status;
    struct str policy = {0};
    if (!in->stack_policy_body.ptr && !in->stack_policy_url.ptr)
        return call_fail(call, &ERROR_VALIDATION,
                         "Either StackPolicyBody or StackPolicyURL must be specified.");
    status = request_policy(call, in->stack_policy_body, in->stack_policy_url, &policy);
    if (status != STATUS_DONE)
        return status;
    cfn_set_text(call->arena, stack.options, "Policy", policy);
    return write_stack(call, &stack);
}

enum status cloudformation_get_stack_policy(struct call *call,
                                            const struct cloudformation_get_stack_policy_in *in,
                                            struct cloudformation_get_stack_policy_out *out)
{
    struct cfn_stack stack = {0};
    enum status status = find_stack(call, in->stack_name, STACK_WITH_ID, &stack);
    if (status == STATUS_DONE)
        out->stack_policy_body = json_find_str(stack.options, "Policy");
    return status;
}

/* AWS: the default quotas. */
enum status
cloudformation_describe_account_limits(struct call *call,
                                       const struct cloudformation_describe_account_limits_in *in,
                                       struct cloudformation_describe_account_limits_out *out)
{
    (void)in;
    static const struct {
        struct str name;
        int32_t value;
    } limits[] = {
        {STR_INIT("StackLimit"), 2000},
        {STR_INIT("StackOutputsLimit"), TEMPLATE_MAX_OUTPUTS},
        {STR_INIT("ConcurrentResourcesLimit"), 2500},
    };
    out->account_limits.is_set = true;
    out->account_limits.items =
        arena_alloc_array(call->arena, ARRAY_LEN(limits), sizeof(*out->account_limits.items));
    for (size_t i = 0; i < ARRAY_LEN(limits); i++)
        out->account_limits.items[out->account_limits.count++] =
            (struct cloudformation_account_limit){.name = limits[i].name,
                                                  .value = opt_i32(limits[i].value)};
    return STATUS_DONE;
}
