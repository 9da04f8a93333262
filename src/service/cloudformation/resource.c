/* resource.c — resources and events of stacks: Describe and List.
 */
#include "base/arena.h"
#include "base/vec.h"
#include "service/cloudformation/cloudformation.h"
#include "syntax/json.h"

static struct str or_absent(struct str text)
{
    return text.len > 0 ? text : (struct str){0};
}

static struct str drift_status(const struct json *drift)
{
    return str_or(json_find_str(drift, "Status"), STR("NOT_CHECKED"));
}

static struct opt_i64 drift_time(const struct json *drift)
{
    int64_t at = cfn_number(drift, "At");
    return at > 0 ? opt_i64(at) : (struct opt_i64){0};
}

/* The resources of a stack, and what the last drift detection found of them. */
static enum status list_rows(struct call *call, const struct cfn_stack *stack,
                             struct cfn_resource **out_rows, size_t *out_count,
                             struct json **out_drifts)
{
    struct cfn_resource *rows = NULL;
    int64_t count = cfn_store_list_resources(call->db, call->arena, stack->id, &rows);
    if (count < 0)
        return call_fail_internal(call, (int)count, "list a stack's resources");
    int rc = cfn_store_list_drifts(call->db, call->arena, stack->id, out_drifts);
    if (rc < 0)
        return call_fail_internal(call, rc, "list drifts");
    /* What was not begun yet is not there yet. */
    size_t used = 0;
    for (int64_t i = 0; i < count; i++) {
        if (rows[i].status.len > 0)
            rows[used++] = rows[i];
    }
    *out_rows = rows;
    *out_count = used;
    return STATUS_DONE;
}

enum status
cloudformation_describe_stack_resource(struct call *call,
                                       const struct cloudformation_describe_stack_resource_in *in,
                                       struct cloudformation_describe_stack_resource_out *out)
{
    struct cfn_stack stack = {0};
    struct cfn_resource *rows = NULL;
    struct json *drifts = NULL;
    size_t count = 0;
    enum status status = find_stack(call, in->stack_name, STACK_BRACKETS, &stack);
    if (status == STATUS_DONE)
        status = list_rows(call, &stack, &rows, &count, &drifts);
    for (size_t i = 0; status == STATUS_DONE && i < count; i++) {
        const struct cfn_resource *row = &rows[i];
        if (!str_eq(row->logical_id, in->logical_resource_id))
            continue;
        struct cloudformation_stack_resource_detail *detail =
            arena_alloc(call->arena, sizeof(*detail));
        const struct json *metadata = json_find_cstr(row->applied, "Metadata");
        *detail = (struct cloudformation_stack_resource_detail){
            .stack_name = stack.name,
            .stack_id = stack.id,
            .logical_resource_id = row->logical_id,
            .physical_resource_id = or_absent(row->physical_id),
            .resource_type = row->type,
            .last_updated_timestamp = opt_i64(row->updated_at_ms),
            .resource_status = row->status,
            .resource_status_reason = or_absent(row->reason),
            .metadata = metadata ? json_to_str(call->arena, metadata) : STR("{}"),
            .drift_information = arena_alloc(call->arena, sizeof(*detail->drift_information)),
        };
        const struct json *drift = json_find(drifts, row->logical_id);
        detail->drift_information->stack_resource_drift_status = drift_status(drift);
        detail->drift_information->last_check_timestamp = drift_time(drift);
        out->stack_resource_detail = detail;
        return STATUS_DONE;
    }
    if (status != STATUS_DONE)
        return status;
    return call_fail(call, &ERROR_VALIDATION,
                     "Resource " STR_FMT " does not exist for stack " STR_FMT,
                     STR_ARG(in->logical_resource_id), STR_ARG(in->stack_name));
}

static struct cloudformation_stack_resource resource_of(struct arena *arena,
                                                        const struct cfn_stack *stack,
                                                        const struct cfn_resource *row,
                                                        const struct json *drift)
{
    struct cloudformation_stack_resource resource = {
        .stack_name = stack->name,
        .stack_id = stack->id,
        .logical_resource_id = row->logical_id,
        .physical_resource_id = or_absent(row->physical_id),
        .resource_type = row->type,
        .timestamp = opt_i64(row->updated_at_ms),
        .resource_status = row->status,
        .resource_status_reason = or_absent(row->reason),
        .drift_information = arena_alloc(arena, sizeof(*resource.drift_information)),
    };
    resource.drift_information->stack_resource_drift_status = drift_status(drift);
    resource.drift_information->last_check_timestamp = drift_time(drift);
    return resource;
}

/* The stack of a DescribeStackResources: by its name, or by a physical resource in it. */
static enum status find_owner(struct call *call,
                              const struct cloudformation_describe_stack_resources_in *in,
                              struct cfn_stack *out_stack)
{
    if (in->stack_name.ptr && in->physical_resource_id.ptr)
        return call_fail(call, &ERROR_VALIDATION,
                         "StackName and PhysicalResourceId cannot be specified together.");
    if (in->stack_name.ptr)
        return find_stack(call, in->stack_name, STACK_WITH_ID, out_stack);
    if (!in->physical_resource_id.ptr)
        return call_fail(call, &ERROR_VALIDATION,
                         "Either StackName or PhysicalResourceId must be specified.");
    struct str stack_id = {0};
    int rc = cfn_store_find_by_physical(call->db, call->arena, call->scope,
                                        in->physical_resource_id, &stack_id);
    if (rc == 1)
        rc = cfn_store_find_stack(call->db, call->arena, stack_id, out_stack);
    if (rc < 0)
        return call_fail_internal(call, rc, "find a physical resource");
    return rc == 1 ? STATUS_DONE
                   : call_fail(call, &ERROR_VALIDATION, "Stack for " STR_FMT " does not exist",
                               STR_ARG(in->physical_resource_id));
}

/* AWS: at most the first 100. */
enum status
cloudformation_describe_stack_resources(struct call *call,
                                        const struct cloudformation_describe_stack_resources_in *in,
                                        struct cloudformation_describe_stack_resources_out *out)
{
    struct cfn_stack stack = {0};
    struct cfn_resource *rows = NULL;
    struct json *drifts = NULL;
    size_t count = 0;
    enum status status = find_owner(call, in, &stack);
    if (status == STATUS_DONE)
        status = list_rows(call, &stack, &rows, &count, &drifts);
    if (status != STATUS_DONE)
        return status;
    struct vec resources;
    vec_init(&resources, call->arena, sizeof(struct cloudformation_stack_resource));
    for (size_t i = 0; i < count && resources.count < PAGE_SIZE; i++) {
        if (!in->logical_resource_id.ptr || str_eq(rows[i].logical_id, in->logical_resource_id))
            *(struct cloudformation_stack_resource *)vec_push(&resources) =
                resource_of(call->arena, &stack, &rows[i], json_find(drifts, rows[i].logical_id));
    }
    out->stack_resources.is_set = true;
    out->stack_resources.items = resources.items;
    out->stack_resources.count = resources.count;
    if (resources.count == 0 && in->logical_resource_id.ptr)
        return call_fail(call, &ERROR_VALIDATION,
                         "Resource " STR_FMT " does not exist for stack " STR_FMT,
                         STR_ARG(in->logical_resource_id), STR_ARG(stack.name));
    return STATUS_DONE;
}

enum status
cloudformation_list_stack_resources(struct call *call,
                                    const struct cloudformation_list_stack_resources_in *in,
                                    struct cloudformation_list_stack_resources_out *out)
{
    struct cfn_stack stack = {0};
    struct cfn_resource *rows = NULL;
    struct json *drifts = NULL;
    size_t count = 0;
    int64_t start = 0;
    struct str rest = {0};
    enum status status = find_stack(call, in->stack_name, STACK_WITH_ID, &stack);
    if (status == STATUS_DONE && in->next_token.ptr)
        status = read_page_token(call, in->next_token, &start, &rest);
    if (status == STATUS_DONE)
        status = list_rows(call, &stack, &rows, &count, &drifts);
    if (status != STATUS_DONE)
        return status;
    size_t first = start < 0 ? 0 : (size_t)start;
    out->stack_resource_summaries.is_set = true;
    out->stack_resource_summaries.items =
        arena_alloc_array(call->arena, PAGE_SIZE, sizeof(*out->stack_resource_summaries.items));
    for (size_t i = first; i < count && i - first < PAGE_SIZE; i++) {
        struct cloudformation_stack_resource_summary *summary =
            &out->stack_resource_summaries.items[out->stack_resource_summaries.count++];
        *summary = (struct cloudformation_stack_resource_summary){
            .logical_resource_id = rows[i].logical_id,
            .physical_resource_id = or_absent(rows[i].physical_id),
            .resource_type = rows[i].type,
            .last_updated_timestamp = opt_i64(rows[i].updated_at_ms),
            .resource_status = rows[i].status,
            .resource_status_reason = or_absent(rows[i].reason),
            .drift_information = arena_alloc(call->arena, sizeof(*summary->drift_information)),
        };
        const struct json *drift = json_find(drifts, rows[i].logical_id);
        summary->drift_information->stack_resource_drift_status = drift_status(drift);
        summary->drift_information->last_check_timestamp = drift_time(drift);
    }
    if (count > first + PAGE_SIZE)
        out->next_token = page_token(call->arena, (int64_t)first + PAGE_SIZE, STR(""));
    return STATUS_DONE;
}

enum status
cloudformation_describe_stack_events(struct call *call,
                                     const struct cloudformation_describe_stack_events_in *in,
                                     struct cloudformation_describe_stack_events_out *out)
{
    struct cfn_stack stack = {0};
    int64_t before = INT64_MAX;
    struct str rest = {0};
    enum status status = find_stack(call, in->stack_name, STACK_BRACKETS, &stack);
    if (status == STATUS_DONE && in->next_token.ptr)
        status = read_page_token(call, in->next_token, &before, &rest);
    if (status != STATUS_DONE)
        return status;
    struct cfn_event *events = NULL;
    int64_t count =
        cfn_store_list_events(call->db, call->arena, stack.id, before, PAGE_SIZE + 1, &events);
    if (count < 0)
        return call_fail_internal(call, (int)count, "list a stack's events");
    out->stack_events.is_set = true;
    out->stack_events.items =
        arena_alloc_array(call->arena, (size_t)count, sizeof(*out->stack_events.items));
    for (int64_t i = 0; i < count && i < PAGE_SIZE; i++)
        out->stack_events.items[out->stack_events.count++] = (struct cloudformation_stack_event){
            .stack_id = stack.id,
            .event_id = events[i].event_id,
            .stack_name = stack.name,
            .logical_resource_id = events[i].logical_id,
            .physical_resource_id = events[i].physical_id,
            .resource_type = events[i].type,
            .timestamp = opt_i64(events[i].at_ms),
            .resource_status = events[i].status,
            .resource_status_reason = events[i].reason,
            .resource_properties = events[i].properties,
            .client_request_token = events[i].token,
            .operation_id = events[i].operation_id,
        };
    if (count > PAGE_SIZE)
        out->next_token = page_token(call->arena, events[PAGE_SIZE - 1].sequence, STR(""));
    return STATUS_DONE;
}

/* Whether the event is the stack's own. */
static bool is_stack_event(const struct cfn_stack *stack, const struct cfn_event *event)
{
    return str_eq(event->physical_id, stack->id);
}

static struct cloudformation_operation_event operation_event_of(const struct cfn_stack *stack,
                                                                const struct cfn_event *event)
{
    bool is_failed = str_ends_with(event->status, STR("_FAILED"));
    struct str type = {0};
    const struct json *operations = json_find_cstr(stack->options, "Operations");
    for (const struct json *item = operations ? operations->first : NULL; item; item = item->next) {
        if (str_eq(json_find_str(item, "Id"), event->operation_id))
            type = json_find_str(item, "Type");
    }
    return (struct cloudformation_operation_event){
        .event_id = event->event_id,
        .stack_id = stack->id,
        .operation_id = event->operation_id,
        .operation_type = type,
        .event_type = is_stack_event(stack, event) ? STR("STACK_EVENT")
                      : is_failed                  ? STR("PROVISIONING_ERROR")
                                                   : STR("PROGRESS_EVENT"),
        .logical_resource_id = event->logical_id,
        .physical_resource_id = event->physical_id,
        .resource_type = event->type,
        .timestamp = opt_i64(event->at_ms),
        .resource_status = event->status,
        .resource_status_reason = event->reason,
        .resource_properties = event->properties,
        .client_request_token = event->token,
    };
}

/* AWS: DescribeEvents: events by stack, change set or operation; FailedEvents leaves the rest out.
 */
enum status cloudformation_describe_events(struct call *call,
                                           const struct cloudformation_describe_events_in *in,
                                           struct cloudformation_describe_events_out *out)
{
    struct cfn_stack stack = {0};
    struct cfn_change_set set = {0};
    struct cfn_event *events = NULL;
    struct str rest = {0};
    int64_t before = INT64_MAX;
    enum status status = STATUS_DONE;
    if (in->change_set_name.ptr)
        status = find_change_set(call, in->change_set_name, in->stack_name, &set, &stack);
    else if (in->stack_name.ptr)
        status = find_stack(call, in->stack_name, STACK_BRACKETS, &stack);
    else
        return call_fail(call, &ERROR_VALIDATION,
                         "Either StackName or ChangeSetName must be specified.");
    if (status == STATUS_DONE && in->next_token.ptr)
        status = read_page_token(call, in->next_token, &before, &rest);
    if (status != STATUS_DONE)
        return status;
    bool only_failed = in->filters && opt_bool_or(in->filters->failed_events, false);
    int64_t count =
        cfn_store_list_operation_events(call->db, call->arena, stack.id, in->operation_id,
                                        only_failed, before, PAGE_SIZE + 1, &events);
    if (count < 0)
        return call_fail_internal(call, (int)count, "list a stack's events");
    out->operation_events.is_set = true;
    out->operation_events.items =
        arena_alloc_array(call->arena, (size_t)count, sizeof(*out->operation_events.items));
    for (int64_t i = 0; i < count && i < PAGE_SIZE; i++)
        out->operation_events.items[out->operation_events.count++] =
            operation_event_of(&stack, &events[i]);
    if (count > PAGE_SIZE)
        out->next_token = page_token(call->arena, events[PAGE_SIZE - 1].sequence, STR(""));
    return STATUS_DONE;
}
