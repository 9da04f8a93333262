/* change_set.c — change sets: what a request would do, kept, looked at, carried out or dropped.
 *
 * DEVIATION: a change set is complete when CreateChangeSet answers; AWS computes it in the
 * background. Whoever polls sees CREATE_COMPLETE (or FAILED) the first time.
 */
#include <errno.h>

#include "base/arena.h"
#include "base/rand.h"
#include "service/cloudformation/cloudformation.h"
#include "syntax/json.h"

/* OBSERVED: StatusReason of a change set without changes; clients look for it. */
#define NO_CHANGES                                                                                 \
    "The submitted information didn't contain changes. Submit different information to create a "  \
    "change set."

/* The stack that the change set is for: made in review when it is new. */
static enum status find_target(struct call *call,
                               const struct cloudformation_create_change_set_in *in,
                               struct cfn_stack *out_stack, bool *out_is_new)
{
    struct str type = str_or(in->change_set_type, STR("UPDATE"));
    int rc = 0;
    if (opt_bool_or(in->import_existing_resources, false))
        return call_fail(call, &ERROR_NOT_IMPLEMENTED,
                         "CreateChangeSet with ImportExistingResources is not implemented");
    if (in->deployment_mode.ptr)
        return call_fail(call, &ERROR_NOT_IMPLEMENTED,
                         "CreateChangeSet with DeploymentMode is not implemented");
    if (str_starts_with(in->stack_name, STR("arn:")))
        rc = cfn_store_find_stack(call->db, call->arena, in->stack_name, out_stack);
    else
        rc = cfn_store_find_live(call->db, call->arena, call->scope, in->stack_name, out_stack);
    if (rc < 0)
        return call_fail_internal(call, rc, "find a stack");
    bool is_review = rc == 1 && str_eq(out_stack->status, STR("REVIEW_IN_PROGRESS"));
    *out_is_new = rc == 0;
    if (str_eq(type, STR("CREATE")) || (str_eq(type, STR("IMPORT")) && (rc == 0 || is_review))) {
        /* OBSERVED: the text for a stack that exists already. */
        if (rc == 1 && !is_review)
            return call_fail(call, &ERROR_VALIDATION,
                             "Stack [" STR_FMT "] already exists and cannot be created again with "
                             "the changeSet [" STR_FMT "].",
                             STR_ARG(in->stack_name), STR_ARG(in->change_set_name));
        if (rc == 0)
            *out_stack = (struct cfn_stack){
                .id = new_stack_id(call, in->stack_name),
                .name = in->stack_name,
                .scope = call->scope,
                .created_at_ms = call->now_ms,
                .status = STR("REVIEW_IN_PROGRESS"),
                .options = json_new(call->arena, JSON_OBJECT),
            };
        return STATUS_DONE;
    }
    if (rc == 0)
        return call_fail(call, &ERROR_VALIDATION, "Stack [" STR_FMT "] does not exist",
                         STR_ARG(in->stack_name));
    if (!is_updatable(out_stack, true))
        return call_fail(call, &ERROR_VALIDATION,
                         "Stack:" STR_FMT " is in " STR_FMT " state and can not be updated.",
                         STR_ARG(out_stack->id), STR_ARG(out_stack->status));
    return STATUS_DONE;
}

static enum status write_change_set(struct call *call, const struct cfn_change_set *set)
{
    int rc = cfn_store_put_change_set(call->db, set);
    return rc < 0 ? call_fail_internal(call, rc, "write a change set") : STATUS_DONE;
}

static enum status forget_change_set(struct call *call, const struct cfn_change_set *set)
{
    int rc = cfn_store_delete_change_set(call->db, set->id);
    if (rc == 0)
        rc = cfn_store_trim_templates(call->db, set->id, 0);
    return rc < 0 ? call_fail_internal(call, rc, "delete a change set") : STATUS_DONE;
}

/* Keeps a computed change set, and the stack in review that it may be for. */
static enum status keep(struct call *call, const struct cloudformation_create_change_set_in *in,
                        const struct stack_draft *draft, struct cfn_stack *stack, bool is_new,
                        struct json *import, struct cfn_change_set *set)
{
    enum status status = STATUS_DONE;
    if (is_new) {
        /* The stack itself has nothing yet; the change set's spec is what it will be. */
        stack->spec = json_new(call->arena, JSON_OBJECT);
        status = cfn_set_status(call, stack, STR("REVIEW_IN_PROGRESS"), STR("User Initiated"),
                                in->client_token);
    }
    if (status != STATUS_DONE)
        return status;
    set->data = json_new(call->arena, JSON_OBJECT);
    cfn_set_text(call->arena, set->data, "Description", in->description);
    cfn_set_text(call->arena, set->data, "Type", str_or(in->change_set_type, STR("UPDATE")));
    cfn_set_text(call->arena, set->data, "OnStackFailure", in->on_stack_failure);
    cfn_set_text(call->arena, set->data, "Token", in->client_token);
    cfn_set(set->data, "Spec", draft->spec);
    cfn_set(set->data, "Import", import);
    cfn_set_flag(call->arena, set->data, "Nested", opt_bool_or(in->include_nested_stacks, false));
    int rc = cfn_store_put_template(call->db, set->id, 1, draft->original, draft->processed);
    if (rc < 0)
        return call_fail_internal(call, rc, "keep a template");
    return write_change_set(call, set);
}

/* ---- Imports -----------------------------------------------------------------------------------
 */

static const struct cloudformation_resource_to_import *
find_import(const struct cloudformation_create_change_set_in *in, struct str logical_id)
{
    for (size_t i = 0; i < in->resources_to_import.count; i++) {
        if (str_eq(in->resources_to_import.items[i].logical_resource_id, logical_id))
            return &in->resources_to_import.items[i];
    }
    return NULL;
}

/* "[A, B]" of a list of texts. */
static struct str bracketed(struct arena *arena, const struct json *names)
{
    struct str text = STR("");
    for (const struct json *name = names->first; name; name = name->next)
        text = str_format(arena, STR_FMT "%s" STR_FMT, STR_ARG(text), text.len > 0 ? ", " : "",
                          STR_ARG(name->text));
    return str_concat3(arena, STR("["), text, STR("]"));
}

/* One resource: its type, policy and identifier. */
static enum status check_import(struct call *call, const struct stack_draft *draft,
                                const struct cloudformation_resource_to_import *resource,
                                struct json *import)
{
    const struct template_bound_resource *bound =
        template_find_bound(draft->plan.binding, resource->logical_resource_id);
    if (!bound || !str_eq(bound->resource->type, resource->resource_type))
        return call_fail(call, &ERROR_VALIDATION,
                         "ResourcesToImport: resource " STR_FMT " of type " STR_FMT
                         " is not in the template",
                         STR_ARG(resource->logical_resource_id), STR_ARG(resource->resource_type));
    const struct resource_type *type = cfn_find_type(call, resource->resource_type);
    /* OBSERVED: the text of types without import. */
    if (!type->read || type->identifier.len == 0)
        return call_fail(call, &ERROR_VALIDATION,
                         "ResourceTypes [" STR_FMT "] are not supported for Import",
                         STR_ARG(resource->resource_type));
    if (!bound->deletion_policy.ptr)
        return call_fail(call, &ERROR_VALIDATION,
                         "The following resources to import [" STR_FMT
                         "] must have DeletionPolicy attribute specified in the template.",
                         STR_ARG(resource->logical_resource_id));
    if (resource->resource_identifier.count != 1 ||
        !str_eq(resource->resource_identifier.items[0].key, type->identifier))
        return call_fail(call, &ERROR_VALIDATION,
                         "Unexpected resource identifier for resource " STR_FMT
                         ": the identifier of " STR_FMT " is [" STR_FMT "]",
                         STR_ARG(resource->logical_resource_id), STR_ARG(resource->resource_type),
                         STR_ARG(type->identifier));
    struct str physical = resource->resource_identifier.items[0].value;
    struct str owner = {0};
    int rc = cfn_store_find_by_physical(call->db, call->arena, call->scope, physical, &owner);
    if (rc < 0)
        return call_fail_internal(call, rc, "find a physical resource");
    if (rc == 1)
        return call_fail(call, &ERROR_VALIDATION,
                         "Resource " STR_FMT " already exists in stack " STR_FMT, STR_ARG(physical),
                         STR_ARG(owner));
    json_set(import, resource->logical_resource_id, json_new_string(call->arena, physical));
    return STATUS_DONE;
}

/* Turns the additions into imports. OBSERVED: what else the template changes is refused. */
static enum status plan_import(struct call *call,
                               const struct cloudformation_create_change_set_in *in,
                               const struct stack_draft *draft, struct json *changes,
                               struct json **out_import)
{
    struct json *import = json_new(call->arena, JSON_OBJECT);
    struct json *others = json_new(call->arena, JSON_ARRAY);
    if (in->resources_to_import.count == 0)
        return call_fail(call, &ERROR_VALIDATION,
                         "ResourcesToImport must be specified for ChangeSetType IMPORT");
    for (size_t i = 0; i < in->resources_to_import.count; i++) {
        enum status status = check_import(call, draft, &in->resources_to_import.items[i], import);
        if (status != STATUS_DONE)
            return status;
    }
    for (struct json *change = changes->first; change; change = change->next) {
        struct str logical_id = json_find_str(change, "LogicalId");
        const struct json *physical = json_find(import, logical_id);
        if (!physical || !find_import(in, logical_id)) {
            json_append(others, json_new_string(call->arena, logical_id));
            continue;
        }
        cfn_set_text(call->arena, change, "Action", STR("Import"));
        cfn_set_text(call->arena, change, "PhysicalId", physical->text);
    }
    if (others->count > 0)
        return call_fail(call, &ERROR_VALIDATION,
                         "You have modified resources " STR_FMT
                         " in your template that are not being imported. Update, create or delete "
                         "operations cannot be executed during import operations.",
                         STR_ARG(bracketed(call->arena, others)));
    *out_import = import;
    return STATUS_DONE;
}

/* OBSERVED: "Nested change set ARN was not successfully created: Currently in FAILED." */
static struct str failed_child(struct call *call, const struct cfn_change_set *set)
{
    struct str id = STR("");
    for (const struct json *change = set->changes->first; change; change = change->next)
        id = str_or(json_find_str(change, "ChangeSetId"), id);
    return str_format(call->arena,
                      "Nested change set " STR_FMT
                      " was not successfully created: Currently in FAILED.",
                      STR_ARG(id));
}

enum status cloudformation_create_change_set(struct call *call,
                                             const struct cloudformation_create_change_set_in *in,
                                             struct cloudformation_create_change_set_out *out)
{
    struct cfn_stack stack = {0};
    struct cfn_change_set found = {0};
    bool is_new = false;
    enum status status = find_target(call, in, &stack, &is_new);
    if (status != STATUS_DONE)
        return status;
    int rc = cfn_store_find_change_set_by_name(call->db, call->arena, stack.id, in->change_set_name,
                                               &found);
    if (rc < 0)
        return call_fail_internal(call, rc, "find a change set");
    /* DEVIATION: a change set that was executed or has failed (no changes) gives its name free. A
     * whole deployment takes less here than the second by which `aws cloudformation deploy` names
     * its change sets. */
    bool is_spent = rc == 1 && (str_eq(found.execution_status, STR("EXECUTE_COMPLETE")) ||
                                str_eq(found.status, STR("FAILED")));
    if (rc == 1 && !is_spent)
        return call_fail(call, &CLOUDFORMATION_ALREADY_EXISTS_EXCEPTION,
                         "ChangeSet " STR_FMT " already exists", STR_ARG(found.id));
    if (is_spent)
        status = forget_change_set(call, &found);
    if (status != STATUS_DONE)
        return status;
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
        .is_change_set = true,
    };
    struct stack_draft draft = {0};
    struct json *changes = NULL;
    bool differs = false;
    status = request_draft(call, &request, &stack, &draft);
    if (status == STATUS_DONE)
        status =
            cfn_changes(call, &stack, &draft.plan, draft.spec, call->principal, &changes, &differs);
    struct json *import = NULL;
    if (status == STATUS_DONE && str_eq(in->change_set_type, STR("IMPORT")))
        status = plan_import(call, in, &draft, changes, &import);
    if (status != STATUS_DONE)
        return status;
    struct cfn_change_set set = {
        .id = call_arn(call, "cloudformation", false, "changeSet/" STR_FMT "/" STR_FMT,
                       STR_ARG(in->change_set_name), STR_ARG(rand_uuid(call->arena))),
        .stack_id = stack.id,
        .name = in->change_set_name,
        .status = differs ? STR("CREATE_COMPLETE") : STR("FAILED"),
        .execution_status = differs ? STR("AVAILABLE") : STR("UNAVAILABLE"),
        .reason = differs ? STR("") : STR(NO_CHANGES),
        .created_at_ms = call->now_ms,
        .changes = changes,
    };
    bool is_failed = false;
    if (opt_bool_or(in->include_nested_stacks, false) && differs) {
        status = nest_change_sets(call, &set, &stack, draft.spec, &differs, &is_failed);
        if (status == STATUS_DONE && !is_new)
            status = write_stack(call, &stack);
    }
    if (status != STATUS_DONE)
        return status;
    if (!differs || is_failed) {
        set.status = STR("FAILED");
        set.execution_status = STR("UNAVAILABLE");
        set.reason = is_failed ? failed_child(call, &set) : STR(NO_CHANGES);
    }
    out->id = set.id;
    out->stack_id = stack.id;
    return keep(call, in, &draft, &stack, is_new, import, &set);
}

/* ---- Describing ------------------------------------------------------------------------------ */

static void fill_details(struct arena *arena, const struct json *details, bool with_values,
                         struct cloudformation_resource_change_details *out)
{
    out->is_set = true;
    out->items = arena_alloc_array(arena, details->count, sizeof(*out->items));
    for (const struct json *item = details->first; item; item = item->next) {
        struct cloudformation_resource_change_detail *detail = &out->items[out->count++];
        detail->target = arena_alloc(arena, sizeof(*detail->target));
        detail->target->attribute = json_find_str(item, "Attribute");
        detail->target->name = json_find_str(item, "Name");
        detail->target->requires_recreation = json_find_str(item, "Recreation");
        detail->evaluation = json_find_str(item, "Evaluation");
        detail->change_source = json_find_str(item, "Source");
        detail->causing_entity = json_find_str(item, "Entity");
        if (!with_values)
            continue;
        detail->target->path = json_find_str(item, "Path");
        detail->target->before_value = json_find_str(item, "Before");
        detail->target->after_value = json_find_str(item, "After");
        detail->target->attribute_change_type = json_find_str(item, "ChangeType");
    }
}

static void fill_changes(struct arena *arena, const struct json *changes, int64_t first,
                         bool with_values, struct cloudformation_changes *out)
{
    int64_t at = 0;
    out->is_set = true;
    out->items = arena_alloc_array(arena, PAGE_SIZE, sizeof(*out->items));
    for (const struct json *item = changes->first; item && out->count < PAGE_SIZE;
         item = item->next, at++) {
        if (at < first)
            continue;
        struct cloudformation_change *change = &out->items[out->count++];
        struct cloudformation_resource_change *resource = arena_alloc(arena, sizeof(*resource));
        change->type = STR("Resource");
        change->resource_change = resource;
        resource->action = json_find_str(item, "Action");
        resource->policy_action = json_find_str(item, "PolicyAction");
        resource->logical_resource_id = json_find_str(item, "LogicalId");
        resource->physical_resource_id = json_find_str(item, "PhysicalId");
        resource->resource_type = json_find_str(item, "Type");
        resource->replacement = json_find_str(item, "Replacement");
        resource->change_set_id = json_find_str(item, "ChangeSetId");
        if (with_values) {
            resource->before_context = json_find_str(item, "BeforeContext");
            resource->after_context = json_find_str(item, "AfterContext");
        }
        const struct json *scope = json_find_cstr(item, "Scope");
        resource->scope.is_set = true;
        resource->scope.items = arena_alloc_array(arena, scope->count, sizeof(struct str));
        for (const struct json *text = scope->first; text; text = text->next)
            resource->scope.items[resource->scope.count++] = text->text;
        fill_details(arena, json_find_cstr(item, "Details"), with_values, &resource->details);
    }
}

static void fill_texts(struct arena *arena, const struct json *list, struct str **out_items,
                       size_t *out_count)
{
    *out_items = arena_alloc_array(arena, list ? list->count : 0, sizeof(struct str));
    for (const struct json *item = list ? list->first : NULL; item; item = item->next)
        (*out_items)[(*out_count)++] = item->text;
}

static void fill_spec(struct arena *arena, const struct json *spec,
                      struct cloudformation_describe_change_set_out *out)
{
    const struct json *parameters = json_find_cstr(spec, "Parameters");
    const struct json *tags = json_find_cstr(spec, "Tags");
    out->parameters.items = arena_alloc_array(arena, parameters ? parameters->count : 0,
                                              sizeof(*out->parameters.items));
    for (const struct json *item = parameters ? parameters->first : NULL; item; item = item->next)
        out->parameters.items[out->parameters.count++] = (struct cloudformation_parameter){
            .parameter_key = json_find_str(item, "Name"),
            .parameter_value =
                cfn_flag(item, "NoEcho") ? STR("****") : json_find_str(item, "Value"),
            .resolved_value = json_find_str(item, "Resolved"),
        };
    out->tags.items = arena_alloc_array(arena, tags ? tags->count : 0, sizeof(*out->tags.items));
    for (const struct json *item = tags ? tags->first : NULL; item; item = item->next)
        out->tags.items[out->tags.count++] = (struct cloudformation_tag){
            .key = json_find_str(item, "Key"), .value = json_find_str(item, "Value")};
    fill_texts(arena, json_find_cstr(spec, "NotificationArns"), &out->notification_arns.items,
               &out->notification_arns.count);
    out->notification_arns.is_set = true;
    fill_texts(arena, json_find_cstr(spec, "Capabilities"), &out->capabilities.items,
               &out->capabilities.count);
    out->rollback_configuration = arena_alloc(arena, sizeof(*out->rollback_configuration));
}

enum status
cloudformation_describe_change_set(struct call *call,
                                   const struct cloudformation_describe_change_set_in *in,
                                   struct cloudformation_describe_change_set_out *out)
{
    struct cfn_change_set set = {0};
    struct cfn_stack stack = {0};
    int64_t first = 0;
    struct str rest = {0};
    enum status status = find_change_set(call, in->change_set_name, in->stack_name, &set, &stack);
    if (status == STATUS_DONE && in->next_token.ptr)
        status = read_page_token(call, in->next_token, &first, &rest);
    if (status != STATUS_DONE)
        return status;
    out->change_set_name = set.name;
    out->change_set_id = set.id;
    out->stack_id = stack.id;
    out->stack_name = stack.name;
    out->description = json_find_str(set.data, "Description");
    out->creation_time = opt_i64(set.created_at_ms);
    out->execution_status = set.execution_status;
    out->status = set.status;
    out->status_reason = set.reason.len > 0 ? set.reason : (struct str){0};
    out->include_nested_stacks = opt_bool(cfn_flag(set.data, "Nested"));
    out->parent_change_set_id = json_find_str(set.data, "ParentId");
    out->root_change_set_id = json_find_str(set.data, "RootId");
    out->on_stack_failure = json_find_str(set.data, "OnStackFailure");
    fill_spec(call->arena, json_find_cstr(set.data, "Spec"), out);
    fill_changes(call->arena, set.changes, first, opt_bool_or(in->include_property_values, false),
                 &out->changes);
    if ((int64_t)set.changes->count > first + PAGE_SIZE)
        out->next_token = page_token(call->arena, first + PAGE_SIZE, STR(""));
    return STATUS_DONE;
}

enum status cloudformation_list_change_sets(struct call *call,
                                            const struct cloudformation_list_change_sets_in *in,
                                            struct cloudformation_list_change_sets_out *out)
{
    struct cfn_stack stack = {0};
    int64_t before = INT64_MAX;
    struct str after = STR("");
    enum status status = find_stack(call, in->stack_name, STACK_BRACKETS, &stack);
    if (status == STATUS_DONE && in->next_token.ptr)
        status = read_page_token(call, in->next_token, &before, &after);
    if (status != STATUS_DONE)
        return status;
    struct cfn_change_set *sets = NULL;
    int64_t count = cfn_store_list_change_sets(call->db, call->arena, stack.id, before, after,
                                               PAGE_SIZE + 1, &sets);
    if (count < 0)
        return call_fail_internal(call, (int)count, "list change sets");
    out->summaries.is_set = true;
    out->summaries.items =
        arena_alloc_array(call->arena, (size_t)count, sizeof(*out->summaries.items));
    for (int64_t i = 0; i < count && i < PAGE_SIZE; i++)
        out->summaries.items[out->summaries.count++] = (struct cloudformation_change_set_summary){
            .stack_id = stack.id,
            .stack_name = stack.name,
            .change_set_id = sets[i].id,
            .change_set_name = sets[i].name,
            .execution_status = sets[i].execution_status,
            .status = sets[i].status,
            .status_reason = sets[i].reason.len > 0 ? sets[i].reason : (struct str){0},
            .creation_time = opt_i64(sets[i].created_at_ms),
            .description = json_find_str(sets[i].data, "Description"),
            .include_nested_stacks = opt_bool(cfn_flag(sets[i].data, "Nested")),
            .parent_change_set_id = json_find_str(sets[i].data, "ParentId"),
            .root_change_set_id = json_find_str(sets[i].data, "RootId"),
        };
    if (count > PAGE_SIZE)
        out->next_token =
            page_token(call->arena, sets[PAGE_SIZE - 1].created_at_ms, sets[PAGE_SIZE - 1].id);
    return STATUS_DONE;
}

/* ---- Executing ------------------------------------------------------------------------------- */

/* AWS: executing one change set makes the others of the stack obsolete; they are deleted. */
static enum status forget_others(struct call *call, const struct cfn_change_set *executed)
{
    struct cfn_change_set *sets = NULL;
    int64_t count = cfn_store_list_change_sets(call->db, call->arena, executed->stack_id, INT64_MAX,
                                               STR(""), PAGE_SIZE, &sets);
    if (count < 0)
        return call_fail_internal(call, (int)count, "list change sets");
    enum status status = STATUS_DONE;
    for (int64_t i = 0; status == STATUS_DONE && i < count; i++) {
        if (!str_eq(sets[i].id, executed->id))
            status = forget_change_set(call, &sets[i]);
    }
    return status;
}

static enum status load_draft(struct call *call, const struct cfn_change_set *set,
                              struct stack_draft *out_draft)
{
    int rc = cfn_store_find_template(call->db, call->arena, set->id, 1, &out_draft->original,
                                     &out_draft->processed);
    out_draft->spec = json_find_cstr(set->data, "Spec");
    return rc == 1
               ? STATUS_DONE
               : call_fail_internal(call, rc < 0 ? rc : -ENOENT, "find a change set's template");
}

enum status cloudformation_execute_change_set(struct call *call,
                                              const struct cloudformation_execute_change_set_in *in,
                                              struct cloudformation_execute_change_set_out *out)
{
    (void)out;
    struct cfn_change_set set = {0};
    struct cfn_stack stack = {0};
    struct stack_draft draft = {0};
    enum status status = find_change_set(call, in->change_set_name, in->stack_name, &set, &stack);
    if (status != STATUS_DONE)
        return status;
    bool is_repeat = false;
    status = check_token(call, &stack, in->client_request_token, "EXECUTE", &is_repeat);
    if (status != STATUS_DONE || is_repeat)
        return status;
    bool is_create = str_eq(stack.status, STR("REVIEW_IN_PROGRESS"));
    bool is_disabled = opt_bool_or(in->disable_rollback, false);
    if (!str_eq(set.execution_status, STR("AVAILABLE")) ||
        (!is_create && !is_updatable(&stack, is_disabled)))
        return call_fail(call, &CLOUDFORMATION_INVALID_CHANGE_SET_STATUS_EXCEPTION,
                         "ChangeSet [" STR_FMT "] cannot be executed in its current status of "
                         "[" STR_FMT "]",
                         STR_ARG(set.id), STR_ARG(set.status));
    /* AWS: "you must execute the root change set". */
    if (json_find_str(set.data, "ParentId").ptr)
        return call_fail(call, &CLOUDFORMATION_INVALID_CHANGE_SET_STATUS_EXCEPTION,
                         "Nested change set [" STR_FMT
                         "] cannot be executed by itself: execute its root [" STR_FMT "]",
                         STR_ARG(set.id), STR_ARG(json_find_str(set.data, "RootId")));
    status = load_draft(call, &set, &draft);
    if (status == STATUS_DONE)
        status = end_nested_change_sets(call, &set, true);
    if (status == STATUS_DONE && !is_create && !stack.saved_spec)
        stack.saved_spec = stack.spec;
    if (status == STATUS_DONE)
        status = draft_apply(call, &draft, &stack);
    set.execution_status = STR("EXECUTE_COMPLETE");
    if (status == STATUS_DONE)
        status = write_change_set(call, &set);
    if (status == STATUS_DONE)
        status = forget_others(call, &set);
    if (status != STATUS_DONE)
        return status;
    struct str on_failure = json_find_str(set.data, "OnStackFailure");
    const struct create_options options = {
        .disable_rollback = in->disable_rollback,
        .on_failure = is_create ? on_failure : (struct str){0},
        .token = in->client_request_token,
        .retain_except_on_create = in->retain_except_on_create,
        .change_set_id = set.id,
        .policy = json_find_str(stack.options, "Policy"),
        .enable_termination_protection = opt_bool(cfn_flag(stack.options, "TerminationProtection")),
    };
    struct json *import = json_find_cstr(set.data, "Import");
    if (import)
        return begin_import(call, &stack, &options, json_copy(call->arena, import));
    return is_create ? begin_create(call, &stack, &options) : begin_update(call, &stack, &options);
}

enum status cloudformation_delete_change_set(struct call *call,
                                             const struct cloudformation_delete_change_set_in *in,
                                             struct cloudformation_delete_change_set_out *out)
{
    (void)out;
    struct cfn_change_set set = {0};
    struct cfn_stack stack = {0};
    enum status status = find_change_set(call, in->change_set_name, in->stack_name, &set, &stack);
    /* OBSERVED: deleting a change set that is not there succeeds. */
    if (status == STATUS_FAILED &&
        call->error.error == &CLOUDFORMATION_CHANGE_SET_NOT_FOUND_EXCEPTION) {
        call->error = (struct call_error){0};
        return STATUS_DONE;
    }
    if (status == STATUS_DONE && json_find_str(set.data, "ParentId").ptr)
        return call_fail(call, &CLOUDFORMATION_INVALID_CHANGE_SET_STATUS_EXCEPTION,
                         "Nested change set [" STR_FMT
                         "] cannot be deleted by itself: delete its root [" STR_FMT "]",
                         STR_ARG(set.id), STR_ARG(json_find_str(set.data, "RootId")));
    if (status == STATUS_DONE)
        status = end_nested_change_sets(call, &set, false);
    return status == STATUS_DONE ? forget_change_set(call, &set) : status;
}
