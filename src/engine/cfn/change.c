/* change.c — what going from a stack as it is to a plan would do, without doing it: change sets.
 *
 * Resources are looked at in dependency order, so that what becomes of the ones that a resource
 * refers to is known. A value that only exists afterwards is TEMPLATE_UNKNOWN_TEXT.
 *
 * Layout of a change: {"Action": Add | Modify | Remove, "LogicalId", "PhysicalId", "Type",
 * "Replacement": True | False | Conditional, "PolicyAction", "Scope": [], "Details": [{"Attribute",
 * "Name", "Recreation", "Path", "Before", "After", "ChangeType", "Evaluation", "Source",
 * "Entity"}], "BeforeContext", "AfterContext"}.
 *
 * Docs: CloudFormation API reference, ResourceChange, ResourceChangeDetail,
 * ResourceTargetDefinition; user guide, "Example change sets".
 */
#include <errno.h>

#include "base/arena.h"
#include "base/vec.h"
#include "engine/cfn/property.h"
#include "engine/cfn/run.h"
#include "syntax/json.h"

enum fate {
    FATE_KEPT,
    FATE_MODIFIED,
    FATE_REPLACED, /* or perhaps */
    FATE_ADDED,
};

struct diff {
    struct call *call;
    const struct principal *principal;
    const struct cfn_stack *stack;
    const struct cfn_plan *plan;
    const struct json *spec;
    struct cfn_resource *rows;
    size_t row_count;
    enum fate *fates; /* by index into plan->binding->resources */
    struct json *changes;
};

static const struct cfn_resource *find_row(const struct diff *diff, struct str id)
{
    for (size_t i = 0; i < diff->row_count; i++) {
        if (str_eq(diff->rows[i].logical_id, id) && diff->rows[i].applied)
            return &diff->rows[i];
    }
    return NULL;
}

static enum fate fate_of(const struct diff *diff, struct str id)
{
    const struct template_bound_resource *bound = template_find_bound(diff->plan->binding, id);
    return bound ? diff->fates[bound - diff->plan->binding->resources] : FATE_ADDED;
}

/* A resource that is there and stays: asks its adapter. 1 when that cannot tell. */
static int resolve_ref(void *user, struct arena *arena, struct str id, struct json **out_value,
                       struct template_error *out_error)
{
    struct diff *diff = user;
    const struct cfn_resource *row = find_row(diff, id);
    const struct resource_type *type = row ? cfn_find_type(diff->call, row->type) : NULL;
    enum fate fate = fate_of(diff, id);
    (void)out_error;
    if (!type || fate == FATE_ADDED || fate == FATE_REPLACED)
        return 1;
    struct str value = row->physical_id;
    if (type->ref) {
        struct resource_call rc =
            cfn_resource_call(diff->call, diff->principal, diff->stack, id, row->applied);
        if (type->ref(&rc, &value) != RESOURCE_DONE)
            return diff->call->store_errno != 0 ? diff->call->store_errno : 1;
    }
    *out_value = json_new_string(arena, value);
    return 0;
}

static int resolve_attribute(void *user, struct arena *arena, struct str id, struct str attribute,
                             struct json **out_value, struct template_error *out_error)
{
    struct diff *diff = user;
    const struct cfn_resource *row = find_row(diff, id);
    const struct resource_type *type = row ? cfn_find_type(diff->call, row->type) : NULL;
    (void)out_error;
    (void)arena;
    if (!type || !type->attribute || fate_of(diff, id) != FATE_KEPT)
        return 1;
    struct resource_call rc =
        cfn_resource_call(diff->call, diff->principal, diff->stack, id, row->applied);
    if (type->attribute(&rc, attribute, out_value) != RESOURCE_DONE)
        return diff->call->store_errno != 0 ? diff->call->store_errno : 1;
    return 0;
}

static struct str value_text(struct arena *arena, const struct json *value)
{
    if (!value)
        return (struct str){0};
    return json_is_string(value) ? value->text : json_to_str(arena, value);
}

static void add_scope(struct arena *arena, struct json *change, struct str scope)
{
    struct json *scopes = json_find_cstr(change, "Scope");
    if (!cfn_list_has(scopes, scope))
        json_append(scopes, json_new_string(arena, scope));
}

struct detail {
    struct str attribute;
    struct str name; /* absent: none */
    const char *recreation;
    const struct json *before;
    const struct json *after;
    const char *evaluation;
    const char *source;
    struct str entity; /* absent: none */
};

static void add_detail(struct arena *arena, struct json *change, const struct detail *detail)
{
    struct json *item = json_new(arena, JSON_OBJECT);
    cfn_set_text(arena, item, "Attribute", detail->attribute);
    cfn_set_text(arena, item, "Name", detail->name);
    cfn_set_text(arena, item, "Recreation", str_from_cstr(detail->recreation));
    cfn_set_text(arena, item, "Path",
                 detail->name.ptr ? str_format(arena, "/" STR_FMT "/" STR_FMT,
                                               STR_ARG(detail->attribute), STR_ARG(detail->name))
                                  : str_concat(arena, STR("/"), detail->attribute));
    cfn_set_text(arena, item, "Before", value_text(arena, detail->before));
    cfn_set_text(arena, item, "After", value_text(arena, detail->after));
    cfn_set_text(arena, item, "ChangeType",
                 !detail->before && !detail->after ? (struct str){0}
                 : !detail->before                 ? STR("Add")
                 : !detail->after                  ? STR("Remove")
                                                   : STR("Modify"));
    cfn_set_text(arena, item, "Evaluation", str_from_cstr(detail->evaluation));
    cfn_set_text(arena, item, "Source", str_from_cstr(detail->source));
    cfn_set_text(arena, item, "Entity", detail->entity);
    json_append(json_find_cstr(change, "Details"), item);
    add_scope(arena, change, detail->attribute);
}

static struct str parameter_value(const struct json *spec, struct str name)
{
    const struct json *list = json_find_cstr(spec, "Parameters");
    for (const struct json *item = list ? list->first : NULL; item; item = item->next) {
        if (str_eq(json_find_str(item, "Name"), name))
            return str_or(json_find_str(item, "Resolved"), json_find_str(item, "Value"));
    }
    return (struct str){0};
}

/* Says why a property changes: once for each parameter or resource that makes it, else itself.
 * AWS: "Dynamic: the value depends on an intrinsic function"; a changed parameter gives two
 * details, ParameterReference (Static) and DirectModification (Dynamic), see the example change
 * sets. */
static void explain(struct diff *diff, struct json *change, struct detail detail,
                    const struct json *source)
{
    struct arena *arena = diff->call->arena;
    struct template_reference *references = NULL;
    size_t count = 0;
    bool has_reason = false;
    bool has_parameter = false;
    if (source)
        template_list_references(arena, diff->plan->binding, source, &references, &count);
    for (size_t i = 0; i < count; i++) {
        struct str name = references[i].name;
        bool is_parameter = references[i].kind == TEMPLATE_REFERS_TO_PARAMETER;
        enum fate fate = is_parameter ? FATE_KEPT : fate_of(diff, name);
        detail.entity = name;
        detail.evaluation = "Static";
        switch (references[i].kind) {
        case TEMPLATE_REFERS_TO_PARAMETER:
            if (str_eq(parameter_value(diff->stack->spec, name), parameter_value(diff->spec, name)))
                continue;
            detail.source = "ParameterReference";
            has_parameter = true;
            break;
        case TEMPLATE_REFERS_TO_RESOURCE:
            if (fate != FATE_REPLACED)
                continue;
            detail.source = "ResourceReference";
            break;
        case TEMPLATE_REFERS_TO_ATTRIBUTE:
            if (fate == FATE_KEPT || fate == FATE_ADDED)
                continue;
            detail.source = "ResourceAttribute";
            detail.evaluation = fate == FATE_REPLACED ? "Static" : "Dynamic";
            detail.entity = str_format(arena, STR_FMT "." STR_FMT, STR_ARG(name),
                                       STR_ARG(references[i].attribute));
            break;
        }
        has_reason = true;
        add_detail(arena, change, &detail);
    }
    if (has_reason && !has_parameter)
        return;
    detail.entity = (struct str){0};
    detail.source = "DirectModification";
    detail.evaluation = has_parameter ? "Dynamic" : "Static";
    add_detail(arena, change, &detail);
}

static const char *recreation_text(enum update_behavior behavior)
{
    switch (behavior) {
    case UPDATE_REPLACEMENT:
        return "Always";
    case UPDATE_CONDITIONAL:
        return "Conditionally";
    case UPDATE_NO_INTERRUPTION:
    case UPDATE_SOME_INTERRUPTION:
        break;
    }
    return "Never";
}

/* AWS: "True" when a static change always recreates; "Conditional" when one that is dynamic or
 * conditional might. */
static const char *replacement_of(const struct json *change)
{
    const char *replacement = "False";
    const struct json *details = json_find_cstr(change, "Details");
    for (const struct json *item = details->first; item; item = item->next) {
        struct str recreation = json_find_str(item, "Recreation");
        if (str_eq_cstr(recreation, "Never"))
            continue;
        if (str_eq_cstr(recreation, "Always") &&
            str_eq_cstr(json_find_str(item, "Evaluation"), "Static"))
            return "True";
        replacement = "Conditional";
    }
    return replacement;
}

static struct json *new_change(struct diff *diff, const char *action, struct str logical_id,
                               struct str type)
{
    struct arena *arena = diff->call->arena;
    struct json *change = json_new(arena, JSON_OBJECT);
    cfn_set_text(arena, change, "Action", str_from_cstr(action));
    cfn_set_text(arena, change, "LogicalId", logical_id);
    cfn_set_text(arena, change, "Type", type);
    cfn_set(change, "Scope", json_new(arena, JSON_ARRAY));
    cfn_set(change, "Details", json_new(arena, JSON_ARRAY));
    return change;
}

/* BeforeContext and AfterContext: what DescribeChangeSet shows with IncludePropertyValues. */
static struct str context_text(struct arena *arena, const struct json *applied)
{
    static const char *const members[] = {"Properties", "Metadata", "DeletionPolicy",
                                          "UpdateReplacePolicy"};
    struct json *context = json_new(arena, JSON_OBJECT);
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        const struct json *value = json_find_cstr(applied, members[i]);
        if (value)
            cfn_set(context, members[i], json_copy(arena, value));
    }
    return json_to_str(arena, context);
}

static void diff_properties(struct diff *diff, struct json *change,
                            const struct template_resource *resource,
                            const struct resource_type *type, const struct json *before,
                            const struct json *after)
{
    struct template_change *changes = NULL;
    size_t count = 0;
    template_diff(diff->call->arena, before, after, &changes, &count);
    for (size_t i = 0; i < count; i++) {
        bool is_tags = type->accepts_tags && str_eq(changes[i].name, STR("Tags"));
        const struct detail detail = {
            .attribute = is_tags ? STR("Tags") : STR("Properties"),
            .name = is_tags ? (struct str){0} : changes[i].name,
            .recreation = recreation_text(
                cfn_property_behavior(type, changes[i].name, changes[i].before, changes[i].after)),
            .before = changes[i].before,
            .after = changes[i].after,
        };
        explain(diff, change, detail, json_find(resource->properties, changes[i].name));
    }
}

/* What is not a property: tags of the stack, metadata, policies. */
static void diff_rest(struct diff *diff, struct json *change, const struct resource_type *type,
                      const struct json *before, const struct json *after)
{
    static const char *const members[] = {"Metadata", "DeletionPolicy", "UpdateReplacePolicy"};
    struct resource_call tags = {
        .call = diff->call,
        .stack_tags = json_find_cstr(after, "StackTags"),
        .old_stack_tags = json_find_cstr(before, "StackTags"),
    };
    bool has_tags = cfn_list_has(json_find_cstr(change, "Scope"), STR("Tags"));
    if (type->accepts_tags && type->update && !has_tags && resource_changed(&tags, "Tags")) {
        const struct detail detail = {
            .attribute = STR("Tags"),
            .recreation = "Never",
            .before = tags.old_stack_tags,
            .after = tags.stack_tags,
            .evaluation = "Static",
            .source = "DirectModification",
        };
        add_detail(diff->call->arena, change, &detail);
    }
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        const struct json *old_value = json_find_cstr(before, members[i]);
        const struct json *new_value = json_find_cstr(after, members[i]);
        if (old_value && new_value ? template_equal(old_value, new_value) : old_value == new_value)
            continue;
        const struct detail detail = {
            .attribute = str_from_cstr(members[i]),
            .recreation = "Never",
            .before = old_value,
            .after = new_value,
            .evaluation = "Static",
            .source = "DirectModification",
        };
        add_detail(diff->call->arena, change, &detail);
    }
}

static struct json *wanted_of(struct diff *diff, const struct template_bound_resource *bound,
                              struct json *properties, struct json *metadata)
{
    struct arena *arena = diff->call->arena;
    struct json *wanted = json_new(arena, JSON_OBJECT);
    cfn_set(wanted, "Properties", properties);
    cfn_set(wanted, "Metadata", metadata->count > 0 ? metadata : NULL);
    cfn_set_text(arena, wanted, "DeletionPolicy", bound->deletion_policy);
    cfn_set_text(arena, wanted, "UpdateReplacePolicy", bound->update_replace_policy);
    cfn_set(wanted, "StackTags",
            cfn_stack_tags(arena, diff->stack, diff->spec, bound->resource->id));
    return wanted;
}

static void note_modified(struct diff *diff, size_t index, const struct cfn_resource *row,
                          const struct json *wanted)
{
    const struct template_bound_resource *bound = &diff->plan->binding->resources[index];
    const struct resource_type *type = cfn_find_type(diff->call, row->type);
    struct arena *arena = diff->call->arena;
    struct json *change = new_change(diff, "Modify", row->logical_id, row->type);
    diff_properties(diff, change, bound->resource, type, json_find_cstr(row->applied, "Properties"),
                    json_find_cstr(wanted, "Properties"));
    diff_rest(diff, change, type, row->applied, wanted);
    /* AWS: ChangeSource Automatic: "If you made no changes to the AWS::CloudFormation::Stack
     * resource, CloudFormation sets the ChangeSource to Automatic because the nested stack's
     * template might have changed." */
    if (json_find_cstr(change, "Details")->count == 0 && type->is_always_updated) {
        const struct detail detail = {
            .attribute = STR("Properties"),
            .recreation = "Never",
            .evaluation = "Dynamic",
            .source = "Automatic",
        };
        add_detail(arena, change, &detail);
    }
    if (json_find_cstr(change, "Details")->count == 0)
        return;
    const char *replacement = replacement_of(change);
    bool is_replaced = !str_eq_cstr(STR("False"), replacement);
    diff->fates[index] = is_replaced ? FATE_REPLACED : FATE_MODIFIED;
    cfn_set_text(arena, change, "PhysicalId", row->physical_id);
    cfn_set_text(arena, change, "Replacement", str_from_cstr(replacement));
    if (str_eq_cstr(STR("True"), replacement))
        cfn_set_text(arena, change, "PolicyAction",
                     str_eq_cstr(bound->update_replace_policy, "Retain") ? STR("ReplaceAndRetain")
                                                                         : STR("ReplaceAndDelete"));
    cfn_set_text(arena, change, "BeforeContext", context_text(arena, row->applied));
    cfn_set_text(arena, change, "AfterContext", context_text(arena, wanted));
    json_append(diff->changes, change);
}

static int diff_resource(struct diff *diff, size_t index, struct template_error *out_error)
{
    const struct template_bound_resource *bound = &diff->plan->binding->resources[index];
    const struct template_resolver resolver = {
        .user = diff, .ref = resolve_ref, .attribute = resolve_attribute};
    struct arena *arena = diff->call->arena;
    struct json *properties = NULL;
    struct json *metadata = NULL;
    int rc = template_resolve(arena, diff->plan->binding, bound, TEMPLATE_PROPERTIES, &resolver,
                              &properties, out_error);
    if (rc == 0)
        rc = template_resolve(arena, diff->plan->binding, bound, TEMPLATE_METADATA, &resolver,
                              &metadata, out_error);
    if (rc < 0)
        return rc;
    /* A fault in the properties is the operation's to tell, so they are taken as they are then. */
    struct json *checked = NULL;
    struct str message = {0};
    const struct resource_type *type = cfn_find_type(diff->call, bound->resource->type);
    if (cfn_check_properties(arena, type, properties, &checked, &message) == 0)
        properties = checked;
    struct json *wanted = wanted_of(diff, bound, properties, metadata);
    const struct cfn_resource *row = find_row(diff, bound->resource->id);
    if (row) {
        note_modified(diff, index, row, wanted);
        return 0;
    }
    diff->fates[index] = FATE_ADDED;
    struct json *change = new_change(diff, "Add", bound->resource->id, bound->resource->type);
    cfn_set_text(arena, change, "AfterContext", context_text(arena, wanted));
    json_append(diff->changes, change);
    return 0;
}

static void diff_removed(struct diff *diff)
{
    for (size_t i = 0; i < diff->row_count; i++) {
        const struct cfn_resource *row = &diff->rows[i];
        if (!row->applied || template_find_bound(diff->plan->binding, row->logical_id))
            continue;
        struct json *change = new_change(diff, "Remove", row->logical_id, row->type);
        struct str policy = json_find_str(row->applied, "DeletionPolicy");
        bool is_kept = str_starts_with(str_or(policy, STR("")), STR("Retain"));
        cfn_set_text(diff->call->arena, change, "PhysicalId", row->physical_id);
        cfn_set_text(diff->call->arena, change, "PolicyAction",
                     is_kept ? STR("Retain") : STR("Delete"));
        cfn_set_text(diff->call->arena, change, "BeforeContext",
                     context_text(diff->call->arena, row->applied));
        json_append(diff->changes, change);
    }
}

/* Whether the outputs would be others. */
static int diff_outputs(struct diff *diff, bool *out_differs, struct template_error *out_error)
{
    const struct template_binding *binding = diff->plan->binding;
    const struct template_resolver resolver = {
        .user = diff, .ref = resolve_ref, .attribute = resolve_attribute};
    struct cfn_output *now = NULL;
    int64_t count =
        cfn_store_list_outputs(diff->call->db, diff->call->arena, diff->stack->id, &now);
    if (count < 0)
        return (int)count;
    *out_differs = *out_differs || (size_t)count != binding->output_count;
    for (size_t i = 0; i < binding->output_count && !*out_differs; i++) {
        const struct template_bound_output *bound = &binding->outputs[i];
        struct str value = {0};
        int rc = template_resolve_output(diff->call->arena, binding, bound, &resolver, &value,
                                         out_error);
        if (rc == 0)
            rc = cfn_replace_in_output(diff->call, diff->principal, &value, out_error);
        if (rc < 0)
            return rc;
        bool is_there = false;
        for (int64_t j = 0; j < count && !is_there; j++)
            is_there = str_eq(now[j].name, bound->output->name) && str_eq(now[j].value, value) &&
                       str_eq(now[j].description, bound->output->description) &&
                       str_eq(now[j].export_name, bound->export_name);
        *out_differs = !is_there;
    }
    return 0;
}

static bool member_differs(const struct json *before, const struct json *after, const char *name)
{
    const struct json *a = json_find_cstr(before, name);
    const struct json *b = json_find_cstr(after, name);
    size_t a_count = a ? a->count : 0;
    size_t b_count = b ? b->count : 0;
    return a_count != b_count || (a_count > 0 && !template_equal(a, b));
}

enum status cfn_changes(struct call *call, const struct cfn_stack *stack,
                        const struct cfn_plan *plan, const struct json *spec,
                        const struct principal *principal, struct json **out_changes,
                        bool *out_differs)
{
    struct diff diff = {
        .call = call,
        .principal = principal,
        .stack = stack,
        .plan = plan,
        .spec = spec,
        .changes = json_new(call->arena, JSON_ARRAY),
    };
    int64_t count = cfn_store_list_resources(call->db, call->arena, stack->id, &diff.rows);
    if (count < 0)
        return call_fail_internal(call, (int)count, "list a stack's resources");
    diff.row_count = (size_t)count;
    diff.fates = arena_alloc_array(call->arena, plan->binding->resource_count, sizeof(*diff.fates));
    struct template_error error = {0};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < plan->binding->resource_count; i++)
        rc = diff_resource(&diff, plan->binding->order[i], &error);
    diff_removed(&diff);
    bool differs = diff.changes->count > 0 || member_differs(stack->spec, spec, "Tags") ||
                   member_differs(stack->spec, spec, "NotificationArns");
    if (rc == 0)
        rc = diff_outputs(&diff, &differs, &error);
    if (rc == -EINVAL)
        return call_fail(call, &ERROR_VALIDATION, STR_FMT, STR_ARG(error.message));
    if (rc < 0)
        return call_fail_internal(call, rc, "compare a stack with a template");
    *out_changes = diff.changes;
    *out_differs = differs;
    return STATUS_DONE;
}
