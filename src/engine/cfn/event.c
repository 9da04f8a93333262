/* event.c — what EventBridge hears of a stack: "CloudFormation Stack Status Change" and
 * "CloudFormation Resource Status Change".
 *
 * AWS: CloudFormation user guide, "Managing events with CloudFormation and EventBridge".
 */
#include "engine/cfn/event.h"

#include "engine/cfn/stack.h"
#include "engine/events/event.h"
#include "syntax/json.h"

enum status cfn_put_event(struct call *call, const struct cfn_stack *stack,
                          const struct cfn_event *event)
{
    struct arena *arena = call->arena;
    int rc = event_is_wanted(call, stack->scope);
    if (rc < 0)
        return call_fail_internal(call, rc, "ask for listeners to stack events");
    if (rc == 0)
        return STATUS_DONE;
    bool is_stack = str_eq(event->physical_id, stack->id);
    struct json *status = json_new(arena, JSON_OBJECT);
    struct json *detail = json_new(arena, JSON_OBJECT);
    cfn_set_text(arena, status, "status", event->status);
    cfn_set_text(arena, status, "status-reason", str_or(event->reason, STR("")));
    cfn_set_text(arena, detail, "stack-id", stack->id);
    if (!is_stack) {
        cfn_set_text(arena, detail, "logical-resource-id", event->logical_id);
        cfn_set_text(arena, detail, "physical-resource-id", str_or(event->physical_id, STR("")));
    }
    json_append_member(detail, STR("status-details"), status);
    if (!is_stack)
        cfn_set_text(arena, detail, "resource-type", event->type);
    cfn_set_text(arena, detail, "client-request-token", str_or(event->token, STR("")));
    const struct event out = {
        .source = STR("aws.cloudformation"),
        .detail_type = is_stack ? STR("CloudFormation Stack Status Change")
                                : STR("CloudFormation Resource Status Change"),
        .resources = &stack->id,
        .resource_count = 1,
        .detail = detail,
    };
    return event_put(call, stack->scope, &out);
}
