/* nested.c — AWS::CloudFormation::Stack: a stack inside a stack.
 *
 * The nested stack is one like any other with a workflow of its own; its parent begins each
 * operation, is woken whenever the nested stack's status changes (cfn_set_status), and leads it:
 *
 *   create   CREATE_IN_PROGRESS ─► CREATE_COMPLETE, or CREATE_FAILED: it is not rolled back by
 *            itself, the parent's rollback deletes it
 *   update   UPDATE_IN_PROGRESS ─► UPDATE_COMPLETE_CLEANUP_IN_PROGRESS and held there, so that it
 * can still go back; or UPDATE_ROLLBACK_IN_PROGRESS, which fails the parent settle   the parent
 * succeeded: the clean-up goes on ─► UPDATE_COMPLETE restore  the parent goes back: so does it, ─►
 * UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS, held
 *
 * Docs: CloudFormation user guide, "Nested stacks"; template reference, AWS::CloudFormation::Stack.
 */
#include <errno.h>

#include "base/arena.h"
#include "service/cloudformation/cloudformation.h"
#include "syntax/json.h"

enum {
    LOOK_AGAIN_MS = 60 * 60 * 1000, /* the nested stack wakes its parent long before */
    NAME_MAX_CHARS = 128,
};

struct call call_of_adapter(struct resource_call *rc)
{
    struct call call = *rc->call;
    call.principal = rc->principal;
    call.error = (struct call_error){0};
    return call;
}

enum resource_result result_of_call(struct resource_call *rc, const struct call *call,
                                    enum status status)
{
    if (call->store_errno != 0)
        rc->call->store_errno = call->store_errno;
    if (status == STATUS_DONE)
        return RESOURCE_DONE;
    return resource_fail(rc, STR_FMT, STR_ARG(str_or(call->error.message, STR("failed"))));
}

static bool is_status(const struct cfn_stack *stack, const char *status)
{
    return str_eq_cstr(stack->status, status);
}

static enum resource_result find_child(struct resource_call *rc, struct cfn_stack *out_child,
                                       bool *out_is_there)
{
    int found = cfn_store_find_stack(rc->call->db, rc->call->arena, rc->physical_id, out_child);
    if (found < 0) {
        call_fail_internal(rc->call, found, "find a nested stack");
        return RESOURCE_FAILED;
    }
    *out_is_there = found == 1 && out_child->deleted_at_ms == 0;
    return RESOURCE_DONE;
}

static enum resource_result find_parent(struct resource_call *rc, struct cfn_stack *out_parent)
{
    int found = cfn_store_find_stack(rc->call->db, rc->call->arena, rc->stack_id, out_parent);
    if (found == 1)
        return RESOURCE_DONE;
    call_fail_internal(rc->call, found < 0 ? found : -ENOENT, "find the parent of a nested stack");
    return RESOURCE_FAILED;
}

static enum resource_result wait_for_child(struct resource_call *rc)
{
    rc->retry_at_ms = rc->call->now_ms + LOOK_AGAIN_MS;
    if (!rc->state)
        rc->state = json_new(rc->call->arena, JSON_OBJECT);
    cfn_set_flag(rc->call->arena, rc->state, "Begun", true);
    return RESOURCE_IN_PROGRESS;
}

/* ---- The request that the properties are ------------------------------------------------------
 */

static enum resource_result parameters_of(struct resource_call *rc,
                                          struct cloudformation_parameters *out)
{
    const struct json *map = json_find_cstr(rc->properties, "Parameters");
    out->items = arena_alloc_array(rc->call->arena, map ? map->count : 0, sizeof(*out->items));
    for (const struct json *item = map ? map->first : NULL; item; item = item->next) {
        struct str value = item->kind == JSON_TRUE    ? STR("true")
                           : item->kind == JSON_FALSE ? STR("false")
                                                      : item->text;
        /* OBSERVED: the reason when a list was not joined. */
        if (json_is_object(item) || json_is_array(item))
            return resource_fail(rc, "Value of property Parameters must be an object with String "
                                     "(or simple type) properties");
        out->items[out->count++] = (struct cloudformation_parameter){
            .parameter_key = item->key, .parameter_value = str_or(value, STR(""))};
    }
    return RESOURCE_DONE;
}

/* The resource's tags and those of the parent, without CloudFormation's own. */
static void tags_of(struct resource_call *rc, struct cloudformation_tags *out)
{
    const struct json *tags = resource_tags(rc, "Tags");
    out->items = arena_alloc_array(rc->call->arena, tags->count, sizeof(*out->items));
    out->is_set = true;
    for (const struct json *tag = tags->first; tag; tag = tag->next) {
        struct str key = json_find_str(tag, "Key");
        if (!str_starts_with(key, STR("aws:")))
            out->items[out->count++] =
                (struct cloudformation_tag){.key = key, .value = json_find_str(tag, "Value")};
    }
}

static void texts_of(struct arena *arena, const struct json *list, struct str **out_items,
                     size_t *out_count)
{
    *out_items = arena_alloc_array(arena, list ? list->count : 0, sizeof(struct str));
    for (const struct json *item = list ? list->first : NULL; item; item = item->next)
        (*out_items)[(*out_count)++] = item->text;
}

enum resource_result nested_draft(struct resource_call *rc, const struct cfn_stack *parent,
                                  const struct cfn_stack *child, struct stack_draft *out_draft)
{
    struct arena *arena = rc->call->arena;
    struct cloudformation_parameters parameters = {0};
    struct cloudformation_capabilities capabilities = {0};
    struct cloudformation_tags tags = {0};
    struct cloudformation_notification_arns arns = {.is_set = true};
    struct cloudformation_resource_types types = {0};
    if (parameters_of(rc, &parameters) != RESOURCE_DONE)
        return RESOURCE_FAILED;
    tags_of(rc, &tags);
    /* AWS: the capabilities of the parent hold for its nested stacks. */
    texts_of(arena, json_find_cstr(parent->spec, "Capabilities"), &capabilities.items,
             &capabilities.count);
    texts_of(arena, json_find_cstr(rc->properties, "NotificationARNs"), &arns.items, &arns.count);
    const struct stack_request request = {
        .template_url = resource_string(rc->properties, "TemplateURL"),
        .parameters = &parameters,
        .capabilities = &capabilities,
        .tags = &tags,
        .notification_arns = &arns,
        .resource_types = &types,
    };
    struct call call = call_of_adapter(rc);
    enum resource_result result =
        result_of_call(rc, &call, request_draft(&call, &request, child, out_draft));
    if (result == RESOURCE_DONE)
        cfn_set_text(arena, out_draft->spec, "RoleArn", rc->role_arn);
    return result;
}

/* ---- Creating ---------------------------------------------------------------------------------
 */

static enum resource_result watch_create(struct resource_call *rc)
{
    struct cfn_stack child = {0};
    bool is_there = false;
    if (find_child(rc, &child, &is_there) != RESOURCE_DONE)
        return RESOURCE_FAILED;
    if (is_there && is_status(&child, "CREATE_IN_PROGRESS"))
        return wait_for_child(rc);
    if (is_there && is_status(&child, "CREATE_COMPLETE"))
        return RESOURCE_DONE;
    /* OBSERVED: the reason of a nested stack that could not be created. */
    return resource_fail(rc, "Embedded stack " STR_FMT " was not successfully created: " STR_FMT,
                         STR_ARG(rc->physical_id), STR_ARG(child.reason));
}

void set_parent(struct arena *arena, struct cfn_stack *child, const struct cfn_stack *parent)
{
    cfn_set_text(arena, child->options, "ParentId", parent->id);
    cfn_set_text(arena, child->options, "RootId",
                 str_or(json_find_str(parent->options, "RootId"), parent->id));
}

/* The stack in review that a nested change set made for this resource, or a new one. */
static enum resource_result child_to_be(struct resource_call *rc, const struct cfn_stack *parent,
                                        struct cfn_stack *out_child)
{
    struct arena *arena = rc->call->arena;
    struct str reviewed =
        json_find(json_find_cstr(parent->options, "Reviewed"), rc->logical_id)
            ? json_find(json_find_cstr(parent->options, "Reviewed"), rc->logical_id)->text
            : (struct str){0};
    int found = reviewed.ptr ? cfn_store_find_stack(rc->call->db, arena, reviewed, out_child) : 0;
    if (found < 0) {
        call_fail_internal(rc->call, found, "find a nested stack");
        return RESOURCE_FAILED;
    }
    if (found == 1 && is_status(out_child, "REVIEW_IN_PROGRESS"))
        return RESOURCE_DONE;
    struct str name = resource_physical_name(rc, NAME_MAX_CHARS, STR(""));
    *out_child = (struct cfn_stack){
        .id = new_stack_id(rc->call, name),
        .name = name,
        .scope = rc->call->scope,
        .created_at_ms = rc->call->now_ms,
        .options = json_new(arena, JSON_OBJECT),
    };
    set_parent(arena, out_child, parent);
    return RESOURCE_DONE;
}

enum resource_result create_nested(struct resource_call *rc)
{
    struct cfn_stack parent = {0};
    struct cfn_stack child = {0};
    struct stack_draft draft = {0};
    if (cfn_flag(rc->state, "Begun"))
        return watch_create(rc);
    if (find_parent(rc, &parent) != RESOURCE_DONE ||
        child_to_be(rc, &parent, &child) != RESOURCE_DONE)
        return RESOURCE_FAILED;
    /* In review it has no spec of its own, and is like a new one. */
    child.spec = NULL;
    if (nested_draft(rc, &parent, &child, &draft) != RESOURCE_DONE)
        return RESOURCE_FAILED;
    struct opt_i64 timeout = resource_integer(rc->properties, "TimeoutInMinutes");
    const struct create_options options = {
        .disable_rollback = opt_bool(rc->is_rollback_disabled),
        .timeout_in_minutes =
            timeout.is_set ? opt_i32((int32_t)timeout.value) : (struct opt_i32){0},
        .principal = rc->principal,
    };
    struct call call = call_of_adapter(rc);
    enum status status = draft_apply(&call, &draft, &child);
    if (status == STATUS_DONE)
        status = begin_create(&call, &child, &options);
    enum resource_result result = result_of_call(rc, &call, status);
    if (result != RESOURCE_DONE)
        return result;
    rc->physical_id = child.id;
    return wait_for_child(rc);
}

/* ---- Updating ---------------------------------------------------------------------------------
 */

static enum resource_result watch_update(struct resource_call *rc, const struct cfn_stack *child)
{
    if (is_status(child, "UPDATE_IN_PROGRESS"))
        return wait_for_child(rc);
    if (is_status(child, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS") ||
        is_status(child, "UPDATE_COMPLETE"))
        return RESOURCE_DONE;
    /* OBSERVED: the reason of a nested stack that could not be updated. */
    return resource_fail(rc,
                         "Embedded stack " STR_FMT
                         " was not successfully updated. Currently in " STR_FMT
                         " with reason: " STR_FMT,
                         STR_ARG(child->id), STR_ARG(child->status), STR_ARG(child->reason));
}

static enum resource_result begin_nested_update(struct resource_call *rc, struct cfn_stack *child,
                                                const struct stack_draft *draft)
{
    struct call call = call_of_adapter(rc);
    if (!child->saved_spec)
        child->saved_spec = child->spec;
    const struct create_options options = {
        .disable_rollback = opt_bool(rc->is_rollback_disabled),
        .principal = rc->principal,
    };
    enum status status = draft_apply(&call, draft, child);
    if (status == STATUS_DONE)
        status = begin_update(&call, child, &options);
    enum resource_result result = result_of_call(rc, &call, status);
    return result == RESOURCE_DONE ? wait_for_child(rc) : result;
}

enum resource_result update_nested(struct resource_call *rc)
{
    struct cfn_stack parent = {0};
    struct cfn_stack child = {0};
    struct stack_draft draft = {0};
    struct json *changes = NULL;
    bool is_there = false;
    bool differs = false;
    if (find_child(rc, &child, &is_there) != RESOURCE_DONE ||
        find_parent(rc, &parent) != RESOURCE_DONE)
        return RESOURCE_FAILED;
    if (!is_there)
        return resource_fail(rc, "Stack [" STR_FMT "] does not exist", STR_ARG(rc->physical_id));
    if (cfn_flag(rc->state, "Begun"))
        return watch_update(rc, &child);
    if (!is_updatable(&child, true))
        return resource_fail(rc,
                             "Stack:" STR_FMT " is in " STR_FMT " state and can not be updated.",
                             STR_ARG(child.id), STR_ARG(child.status));
    if (nested_draft(rc, &parent, &child, &draft) != RESOURCE_DONE)
        return RESOURCE_FAILED;
    struct call call = call_of_adapter(rc);
    enum resource_result result = result_of_call(
        rc, &call,
        cfn_changes(&call, &child, &draft.plan, draft.spec, rc->principal, &changes, &differs));
    if (result != RESOURCE_DONE)
        return result;
    if (!differs && is_updatable(&child, false))
        return RESOURCE_DONE;
    return begin_nested_update(rc, &child, &draft);
}

/* ---- Going back, going on ---------------------------------------------------------------------
 */

/* The names behind "LOGICALID." in ResourcesToSkip: AWS: "NestedStackName.ResourceLogicalID", where
 * the name is that of the nested stack. */
static struct json *skipped_in(struct resource_call *rc, const struct cfn_stack *child)
{
    struct json *names = json_new(rc->call->arena, JSON_ARRAY);
    struct str prefix = str_concat(rc->call->arena, child->name, STR("."));
    for (const struct json *item = rc->skip ? rc->skip->first : NULL; item; item = item->next) {
        if (str_starts_with(item->text, prefix))
            json_append(names, json_new_string(rc->call->arena, str_from(item->text, prefix.len)));
        else if (str_contains(item->text, STR("."))) /* perhaps of one inside this one */
            json_append(names, json_new_string(rc->call->arena, item->text));
    }
    return names;
}

/* A rollback that failed, or was disabled, begins again. */
static enum resource_result begin_nested_restore(struct resource_call *rc, struct cfn_stack *child)
{
    struct call call = call_of_adapter(rc);
    const struct cfn_begin begin = {
        .phase = "RESTORE",
        .prior_status = child->status,
        .role_arn = rc->role_arn,
        .skip = skipped_in(rc, child),
        .principal = rc->principal,
        .is_nested = true,
    };
    enum status status = cfn_set_status(&call, child, STR("UPDATE_ROLLBACK_IN_PROGRESS"),
                                        (struct str){0}, (struct str){0});
    if (status == STATUS_DONE)
        status = cfn_begin(&call, child, &begin);
    enum resource_result result = result_of_call(rc, &call, status);
    return result == RESOURCE_DONE ? wait_for_child(rc) : result;
}

static enum resource_result ask(struct resource_call *rc, struct cfn_stack *child,
                                const char *action)
{
    struct call call = call_of_adapter(rc);
    enum resource_result result =
        result_of_call(rc, &call, cfn_request(&call, child, action, NULL));
    return result == RESOURCE_DONE ? wait_for_child(rc) : result;
}

enum resource_result restore_nested(struct resource_call *rc)
{
    struct cfn_stack child = {0};
    bool is_there = false;
    if (find_child(rc, &child, &is_there) != RESOURCE_DONE)
        return RESOURCE_FAILED;
    if (!is_there)
        return resource_fail(rc, "Stack [" STR_FMT "] does not exist", STR_ARG(rc->physical_id));
    bool is_going = cfn_flag(rc->state, "Begun");
    if (is_status(&child, "UPDATE_IN_PROGRESS") ||
        is_status(&child, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"))
        return is_going ? wait_for_child(rc) : ask(rc, &child, "CANCEL");
    if (is_status(&child, "UPDATE_ROLLBACK_IN_PROGRESS"))
        return wait_for_child(rc);
    bool is_failed = is_status(&child, "UPDATE_ROLLBACK_FAILED");
    if (is_failed && is_going)
        return resource_fail(rc,
                             "Embedded stack " STR_FMT " was not successfully updated. Currently "
                             "in UPDATE_ROLLBACK_FAILED with reason: " STR_FMT,
                             STR_ARG(child.id), STR_ARG(child.reason));
    if (is_failed || is_status(&child, "UPDATE_FAILED"))
        return begin_nested_restore(rc, &child);
    return RESOURCE_DONE;
}

enum resource_result settle_nested(struct resource_call *rc)
{
    struct cfn_stack child = {0};
    bool is_there = false;
    if (find_child(rc, &child, &is_there) != RESOURCE_DONE)
        return RESOURCE_FAILED;
    bool is_held = is_there && (is_status(&child, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS") ||
                                is_status(&child, "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"));
    if (!is_held)
        return RESOURCE_DONE;
    return cfn_flag(rc->state, "Begun") ? wait_for_child(rc) : ask(rc, &child, "SETTLE");
}

/* ---- Deleting ---------------------------------------------------------------------------------
 */

enum resource_result remove_nested(struct resource_call *rc)
{
    struct cfn_stack child = {0};
    bool is_there = false;
    if (find_child(rc, &child, &is_there) != RESOURCE_DONE)
        return RESOURCE_FAILED;
    if (!is_there)
        return RESOURCE_DONE;
    if (cfn_flag(rc->state, "Begun")) {
        if (is_status(&child, "DELETE_IN_PROGRESS"))
            return wait_for_child(rc);
        /* OBSERVED: the reason of a nested stack that could not be deleted. */
        return resource_fail(rc,
                             "Embedded stack " STR_FMT " was not successfully deleted: " STR_FMT,
                             STR_ARG(child.id), STR_ARG(child.reason));
    }
    if (cfn_flag(child.options, "TerminationProtection"))
        return resource_fail(rc,
                             "Stack [" STR_FMT "] cannot be deleted while "
                             "TerminationProtection is enabled",
                             STR_ARG(child.name));
    struct call call = call_of_adapter(rc);
    const struct cfn_begin begin = {
        .phase = "DELETE",
        .prior_status = child.status,
        .role_arn = rc->role_arn,
        .principal = rc->principal,
        .is_nested = true,
    };
    enum resource_result result = result_of_call(rc, &call, begin_delete(&call, &child, &begin));
    return result == RESOURCE_DONE ? wait_for_child(rc) : result;
}

enum resource_result nested_attribute(struct resource_call *rc, struct str name,
                                      struct json **out_value)
{
    struct cfn_output *outputs = NULL;
    int64_t count =
        cfn_store_list_outputs(rc->call->db, rc->call->arena, rc->physical_id, &outputs);
    if (count < 0) {
        call_fail_internal(rc->call, (int)count, "list a nested stack's outputs");
        return RESOURCE_FAILED;
    }
    struct str key = str_from(name, STR("Outputs.").len);
    for (int64_t i = 0; i < count; i++) {
        if (!str_eq(outputs[i].name, key))
            continue;
        *out_value = json_new_string(rc->call->arena, outputs[i].value);
        return RESOURCE_DONE;
    }
    /* OBSERVED: the reason of a Fn::GetAtt of an output that is not there. */
    return resource_fail(rc, "Output '" STR_FMT "' not found in stack '" STR_FMT "'", STR_ARG(key),
                         STR_ARG(rc->physical_id));
}
