/* stack.c — small JSON, stack events, and beginning operations.
 */
#include "engine/cfn/stack.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/rand.h"
#include "engine/cfn/event.h"
#include "engine/events/delivery.h"
#include "syntax/json.h"
#include "syntax/time.h"

bool cfn_flag(const struct json *object, const char *name)
{
    const struct json *value = json_find_cstr(object, name);
    return value && value->kind == JSON_TRUE;
}

int64_t cfn_number(const struct json *object, const char *name)
{
    const struct json *value = json_find_cstr(object, name);
    if (!value || value->kind != JSON_NUMBER)
        return 0;
    char text[24] = {0};
    for (size_t i = 0; i < value->text.len && i + 1 < sizeof(text); i++)
        text[i] = value->text.ptr[i];
    return strtoll(text, NULL, 10);
}

void cfn_set(struct json *object, const char *name, struct json *value)
{
    if (value)
        json_set(object, str_from_cstr(name), value);
    else
        json_remove(object, str_from_cstr(name));
}

void cfn_set_text(struct arena *arena, struct json *object, const char *name, struct str text)
{
    cfn_set(object, name, text.ptr ? json_new_string(arena, text) : NULL);
}

void cfn_set_flag(struct arena *arena, struct json *object, const char *name, bool value)
{
    cfn_set(object, name, value ? json_new_bool(arena, true) : NULL);
}

void cfn_set_number(struct arena *arena, struct json *object, const char *name, int64_t value)
{
    cfn_set(object, name, value != 0 ? json_new_number(arena, value) : NULL);
}

struct json *cfn_text_list(struct arena *arena, const struct str *items, size_t count)
{
    struct json *list = json_new(arena, JSON_ARRAY);
    for (size_t i = 0; i < count; i++)
        json_append(list, json_new_string(arena, items[i]));
    return list;
}

bool cfn_list_has(const struct json *list, struct str text)
{
    for (const struct json *item = list ? list->first : NULL; item; item = item->next) {
        if (str_eq(item->text, text))
            return true;
    }
    return false;
}

struct str cfn_name_list(struct arena *arena, const struct str *names, size_t count)
{
    struct str text = STR("");
    for (size_t i = 0; i < count; i++) {
        struct str separator = i == 0 ? STR("") : i + 1 == count ? STR(" and ") : STR(", ");
        text = str_concat(arena, text, str_concat(arena, separator, names[i]));
    }
    return text;
}

enum status cfn_wake(struct call *call, struct str stack_id)
{
    int rc = cfn_store_wake_resources(call->db, stack_id, call->now_ms);
    if (rc < 0)
        return call_fail_internal(call, rc, "wake a stack's resources");
    return workflow_wake(call, STR(CFN_WORKFLOW), stack_id);
}

/* AWS: the message of a stack's topic: one line per member, values in quotes. */
static struct str notification_of(struct call *call, const struct cfn_stack *stack,
                                  const struct cfn_event *event)
{
    struct arena *arena = call->arena;
    const struct {
        const char *name;
        struct str value;
    } lines[] = {
        {"StackId", stack->id},
        {"Timestamp", time_rfc3339_ms(arena, event->at_ms)},
        {"EventId", event->event_id},
        {"LogicalResourceId", event->logical_id},
        {"Namespace", stack->scope.account},
        {"PhysicalResourceId", event->physical_id},
        {"ResourceProperties", str_or(event->properties, STR("null"))},
        {"ResourceStatus", event->status},
        {"ResourceStatusReason", event->reason},
        {"ResourceType", event->type},
        {"StackName", stack->name},
        {"ClientRequestToken", str_or(event->token, STR("null"))},
    };
    struct str text = STR("");
    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        text = str_format(arena, STR_FMT "%s='" STR_FMT "'\n", STR_ARG(text), lines[i].name,
                          STR_ARG(str_or(lines[i].value, STR(""))));
    return text;
}

enum status cfn_note_event(struct call *call, const struct cfn_stack *stack,
                           struct cfn_event *event)
{
    event->operation_id = json_find_str(stack->options, "OperationId");
    int rc = cfn_store_add_event(call->db, event);
    if (rc < 0)
        return call_fail_internal(call, rc, "add a stack event");
    if (cfn_put_event(call, stack, event) != STATUS_DONE)
        return STATUS_FAILED;
    const struct json *topics = json_find_cstr(stack->spec, "NotificationArns");
    for (const struct json *topic = topics ? topics->first : NULL; topic; topic = topic->next) {
        struct json *extra = json_new(call->arena, JSON_OBJECT);
        cfn_set_text(call->arena, extra, "Subject", STR("AWS CloudFormation Notification"));
        const struct delivery delivery = {
            .target = topic->text,
            .body = notification_of(call, stack, event),
            .extra = extra,
            .service = STR(CFN_SERVICE),
            .source_arn = stack->id,
            .source_account = stack->scope.account,
        };
        enum status status = delivery_send(call, &delivery, NULL);
        if (status != STATUS_DONE)
            return status;
    }
    return STATUS_DONE;
}

struct str cfn_new_operation(struct call *call, struct cfn_stack *stack, const char *type)
{
    enum { KEPT = 10 };
    struct arena *arena = call->arena;
    struct str id = rand_uuid(arena);
    const struct json *old = json_find_cstr(stack->options, "Operations");
    struct json *operations = json_new(arena, JSON_ARRAY);
    struct json *operation = json_new(arena, JSON_OBJECT);
    cfn_set_text(arena, operation, "Id", id);
    cfn_set_text(arena, operation, "Type", str_from_cstr(type));
    json_append(operations, operation);
    for (const struct json *item = old ? old->first : NULL; item && operations->count < KEPT;
         item = item->next)
        json_append(operations, json_copy(arena, item));
    cfn_set(stack->options, "Operations", operations);
    cfn_set_text(arena, stack->options, "OperationId", id);
    return id;
}

enum status cfn_set_status(struct call *call, struct cfn_stack *stack, struct str status,
                           struct str reason, struct str token)
{
    stack->status = status;
    stack->reason = str_or(reason, STR(""));
    struct cfn_event event = {
        .stack_id = stack->id,
        .event_id = rand_uuid(call->arena),
        .at_ms = call->now_ms,
        .logical_id = stack->name,
        .physical_id = stack->id,
        .type = STR("AWS::CloudFormation::Stack"),
        .status = status,
        .reason = reason,
        .token = token,
    };
    enum status noted = cfn_note_event(call, stack, &event);
    if (noted != STATUS_DONE)
        return noted;
    int rc = cfn_store_put_stack(call->db, stack);
    if (rc < 0)
        return call_fail_internal(call, rc, "set a stack's status");
    struct str parent = json_find_str(stack->options, "ParentId");
    if (parent.ptr) {
        enum status woken = cfn_wake(call, parent);
        if (woken != STATUS_DONE)
            return woken;
    }
    struct str set_operation = json_find_str(stack->options, "SetOperation");
    if (set_operation.ptr && !str_ends_with(status, STR("_IN_PROGRESS"))) {
        enum status woken = workflow_wake(call, STR(CFN_SET_WORKFLOW), set_operation);
        if (woken != STATUS_DONE)
            return woken;
    }
    if (!str_ends_with(status, STR("_IN_PROGRESS")))
        call_notify(call, cfn_stack_channel(call->arena, stack->id));
    return STATUS_DONE;
}

struct str cfn_stack_channel(struct arena *arena, struct str stack_id)
{
    return str_concat(arena, STR("cfn:"), stack_id);
}

static struct json *principal_to_json(struct arena *arena, const struct principal *principal)
{
    struct json *object = json_new(arena, JSON_OBJECT);
    cfn_set_number(arena, object, "Kind", principal->kind);
    cfn_set_text(arena, object, "Account", principal->account);
    cfn_set_text(arena, object, "Arn", principal->arn);
    cfn_set_text(arena, object, "UserId", principal->user_id);
    cfn_set_text(arena, object, "Name", principal->name);
    cfn_set_text(arena, object, "SessionName", principal->session_name);
    cfn_set_text(arena, object, "AccessKeyId", principal->access_key_id);
    cfn_set_text(arena, object, "RoleArn", principal->role_arn);
    cfn_set_flag(arena, object, "IsTemporary", principal->is_temporary);
    cfn_set_number(arena, object, "TokenIssuedAt", principal->token_issued_at_ms);
    if (principal->session_policies)
        cfn_set(object, "SessionPolicies", json_copy(arena, principal->session_policies));
    if (principal->session_tags)
        cfn_set(object, "SessionTags", json_copy(arena, principal->session_tags));
    return object;
}

struct principal cfn_state_principal(const struct json *state)
{
    const struct json *object = json_find_cstr(state, "Principal");
    return (struct principal){
        .kind = (enum principal_kind)cfn_number(object, "Kind"),
        .account = json_find_str(object, "Account"),
        .arn = json_find_str(object, "Arn"),
        .user_id = json_find_str(object, "UserId"),
        .name = json_find_str(object, "Name"),
        .session_name = json_find_str(object, "SessionName"),
        .access_key_id = json_find_str(object, "AccessKeyId"),
        .role_arn = json_find_str(object, "RoleArn"),
        .is_temporary = cfn_flag(object, "IsTemporary"),
        .token_issued_at_ms = cfn_number(object, "TokenIssuedAt"),
        .session_policies = json_find_cstr(object, "SessionPolicies"),
        .session_tags = json_find_cstr(object, "SessionTags"),
    };
}

struct json *cfn_operation_state(struct call *call, const struct cfn_begin *begin)
{
    struct json *state = json_new(call->arena, JSON_OBJECT);
    cfn_set_text(call->arena, state, "Phase", str_from_cstr(begin->phase));
    cfn_set(state, "Principal",
            principal_to_json(call->arena, begin->principal ? begin->principal : call->principal));
    cfn_set_text(call->arena, state, "RoleArn", begin->role_arn);
    cfn_set_text(call->arena, state, "Token", begin->token);
    cfn_set_text(call->arena, state, "Reason", begin->reason);
    cfn_set_text(call->arena, state, "PriorStatus", begin->prior_status);
    cfn_set_number(call->arena, state, "Deadline", begin->deadline_ms);
    cfn_set(state, "Retain", begin->retain);
    cfn_set(state, "Skip", begin->skip);
    cfn_set(state, "Import", begin->import);
    cfn_set_flag(call->arena, state, "RetainExceptOnCreate", begin->retain_except_on_create);
    cfn_set_flag(call->arena, state, "DisableRollback", begin->is_rollback_disabled);
    cfn_set_flag(call->arena, state, "Nested", begin->is_nested);
    cfn_set_number(call->arena, state, "StartedAt", call->now_ms);
    return state;
}

enum status cfn_begin(struct call *call, const struct cfn_stack *stack,
                      const struct cfn_begin *begin)
{
    int rc = cfn_store_put_stack(call->db, stack);
    if (rc < 0)
        return call_fail_internal(call, rc, "write a stack");
    return workflow_start(call, STR(CFN_WORKFLOW), stack->id, cfn_operation_state(call, begin));
}

enum status cfn_request(struct call *call, struct cfn_stack *stack, const char *action,
                        struct json *state)
{
    stack->request = json_new(call->arena, JSON_OBJECT);
    cfn_set_text(call->arena, stack->request, "Action", str_from_cstr(action));
    cfn_set(stack->request, "State", state);
    int rc = cfn_store_put_stack(call->db, stack);
    if (rc < 0)
        return call_fail_internal(call, rc, "write a stack");
    return workflow_wake(call, STR(CFN_WORKFLOW), stack->id);
}
