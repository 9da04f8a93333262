/* event.c — what Parameter Store tells EventBridge.
 *
 * Docs: Systems Manager user guide, "Setting up notifications or triggering actions based on
 * Parameter Store events"; EventBridge events reference, "AWS Systems Manager".
 */
#include "engine/events/event.h"
#include "base/arena.h"
#include "service/ssm/ssm.h"
#include "syntax/json.h"

static enum status put(struct call *call, const struct ssm_entry *entry, const char *detail_type,
                       const struct json *detail)
{
    const struct event event = {
        .source = STR("aws.ssm"),
        .detail_type = str_from_cstr(detail_type),
        .resources = &entry->arn,
        .resource_count = 1,
        .detail = detail,
    };
    return event_put(call, entry->scope, &event);
}

static void add(struct call *call, struct json *detail, const char *key, struct str value)
{
    json_append_member(detail, str_from_cstr(key), json_new_string(call->arena, value));
}

enum status ssm_put_change(struct call *call, const struct ssm_entry *entry, const char *operation)
{
    int rc = event_is_wanted(call, entry->scope);
    if (rc < 0)
        return call_fail_internal(call, rc, "ssm: look for listeners");
    if (rc == 0)
        return STATUS_DONE;
    struct json *detail = json_new(call->arena, JSON_OBJECT);
    add(call, detail, "operation", str_from_cstr(operation));
    add(call, detail, "name", entry->name);
    add(call, detail, "type", entry->type);
    if (entry->description.len > 0)
        add(call, detail, "description", entry->description);
    return put(call, entry, "Parameter Store Change", detail);
}

enum status ssm_put_policy_action(struct call *call, const struct ssm_entry *entry, struct str type,
                                  struct str content)
{
    int rc = event_is_wanted(call, entry->scope);
    if (rc < 0)
        return call_fail_internal(call, rc, "ssm: look for listeners");
    if (rc == 0)
        return STATUS_DONE;
    struct json *detail = json_new(call->arena, JSON_OBJECT);
    add(call, detail, "parameter-name", entry->name);
    add(call, detail, "parameter-type", entry->type);
    add(call, detail, "policy-type", type);
    add(call, detail, "policy-content", content);
    add(call, detail, "action-status", STR("Success"));
    add(call, detail, "action-reason", STR(""));
    return put(call, entry, "Parameter Store Policy Action", detail);
}
