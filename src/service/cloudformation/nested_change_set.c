/* nested_change_set.c — change sets of nested stacks: one for each nested stack that a root change
 * set with IncludeNestedStacks changes, down the whole tree.
 *
 * A new nested stack is made in review, so that it can hold its change set; the parent remembers it
 * ("Reviewed") and makes it when the root is executed. What would change nothing is not listed.
 *
 * Docs: CloudFormation user guide, "Change sets for nested stacks".
 */
#include <errno.h>

#include "base/arena.h"
#include "base/rand.h"
#include "service/cloudformation/cloudformation.h"
#include "syntax/json.h"

enum {
    NAME_MAX_CHARS = 128,
    MAX_DEPTH = 20, /* stacks inside stacks: each level is a template of its own */
};

/* A change set on its way. */
struct nest {
    struct cfn_change_set *set;
    struct cfn_stack *stack; /* with the spec that it would have */
    struct str root_id;
    struct str root_name;
    int depth;
    bool is_failed;
};

static bool is_nested_stack(const struct json *change)
{
    return str_eq(json_find_str(change, "Type"), STR("AWS::CloudFormation::Stack")) &&
           !str_eq(json_find_str(change, "Action"), STR("Remove"));
}

/* The properties that the nested stack would have. */
static const struct json *properties_of(struct call *call, const struct json *change)
{
    struct json *context = NULL;
    struct str text = str_or(json_find_str(change, "AfterContext"), STR("{}"));
    if (json_parse(call->arena, text, 0, &context, NULL) < 0)
        return NULL;
    return json_find_cstr(context, "Properties");
}

/* The stack of the change: the one that is there, or a new one in review. */
static enum status find_or_make_child(struct call *call, const struct nest *nest,
                                      const struct json *change, struct resource_call *rc,
                                      struct cfn_stack *out_child)
{
    struct str physical = json_find_str(change, "PhysicalId");
    int rc_store =
        physical.ptr ? cfn_store_find_stack(call->db, call->arena, physical, out_child) : 0;
    if (rc_store < 0)
        return call_fail_internal(call, rc_store, "find a nested stack");
    if (rc_store == 1)
        return STATUS_DONE;
    struct str name = resource_physical_name(rc, NAME_MAX_CHARS, STR(""));
    *out_child = (struct cfn_stack){
        .id = new_stack_id(call, name),
        .name = name,
        .scope = call->scope,
        .created_at_ms = call->now_ms,
        .options = json_new(call->arena, JSON_OBJECT),
    };
    set_parent(call->arena, out_child, nest->stack);
    return STATUS_DONE;
}

/* Writes a stack that is in review, and notes it with its parent. */
static enum status keep_in_review(struct call *call, struct nest *nest, struct str logical_id,
                                  struct cfn_stack *child)
{
    struct json *reviewed = json_find_cstr(nest->stack->options, "Reviewed");
    if (!reviewed) {
        reviewed = json_new(call->arena, JSON_OBJECT);
        cfn_set(nest->stack->options, "Reviewed", reviewed);
    }
    json_set(reviewed, logical_id, json_new_string(call->arena, child->id));
    child->spec = json_new(call->arena, JSON_OBJECT);
    return cfn_set_status(call, child, STR("REVIEW_IN_PROGRESS"), STR("User Initiated"),
                          (struct str){0});
}

static enum status write_child_set(struct call *call, const struct nest *nest,
                                   const struct stack_draft *draft, struct cfn_change_set *set)
{
    set->data = json_new(call->arena, JSON_OBJECT);
    cfn_set_text(call->arena, set->data, "Type", STR("UPDATE"));
    cfn_set_text(call->arena, set->data, "ParentId", nest->set->id);
    cfn_set_text(call->arena, set->data, "RootId", nest->root_id);
    cfn_set_flag(call->arena, set->data, "Nested", true);
    if (draft->spec)
        cfn_set(set->data, "Spec", json_copy(call->arena, draft->spec));
    int rc = cfn_store_put_change_set(call->db, set);
    if (rc == 0 && draft->spec)
        rc = cfn_store_put_template(call->db, set->id, 1, draft->original, draft->processed);
    return rc < 0 ? call_fail_internal(call, rc, "write a nested change set") : STATUS_DONE;
}

static bool is_only_automatic(const struct json *change)
{
    const struct json *details = json_find_cstr(change, "Details");
    return details && details->count == 1 &&
           str_eq(json_find_str(details->first, "Source"), STR("Automatic"));
}

static enum status nest_tree(struct call *call, struct nest *nest, bool *differs);

/* The change set of one nested stack. *out_is_kept: false when it would change nothing. */
static enum status nest_change(struct call *call, struct nest *nest, struct json *change,
                               bool *out_is_kept)
{
    struct str logical_id = json_find_str(change, "LogicalId");
    struct cfn_stack child = {0};
    struct stack_draft draft = {0};
    struct json *changes = json_new(call->arena, JSON_ARRAY);
    bool differs = false;
    struct resource_call rc = {
        .call = call,
        .principal = call->principal,
        .stack_id = nest->stack->id,
        .stack_name = nest->stack->name,
        .logical_id = logical_id,
        .properties = properties_of(call, change),
        .role_arn = json_find_str(nest->stack->spec, "RoleArn"),
    };
    enum status status = find_or_make_child(call, nest, change, &rc, &child);
    if (status != STATUS_DONE)
        return status;
    bool is_new = child.spec == NULL;
    enum resource_result result = nested_draft(&rc, nest->stack, &child, &draft);
    if (call->store_errno != 0)
        return STATUS_FAILED;
    if (result == RESOURCE_DONE) {
        status =
            cfn_changes(call, &child, &draft.plan, draft.spec, call->principal, &changes, &differs);
        if (status != STATUS_DONE)
            return status;
    }
    struct cfn_change_set set = {
        .id = call_arn(call, "cloudformation", false, "changeSet/" STR_FMT "-" STR_FMT "/" STR_FMT,
                       STR_ARG(nest->root_name), STR_ARG(logical_id),
                       STR_ARG(rand_uuid(call->arena))),
        .stack_id = child.id,
        .name = str_format(call->arena, STR_FMT "-" STR_FMT, STR_ARG(nest->root_name),
                           STR_ARG(logical_id)),
        .status = result == RESOURCE_DONE ? STR("CREATE_COMPLETE") : STR("FAILED"),
        .execution_status = result == RESOURCE_DONE ? STR("AVAILABLE") : STR("UNAVAILABLE"),
        .reason = result == RESOURCE_DONE ? STR("") : rc.message,
        .created_at_ms = call->now_ms,
        .changes = changes,
    };
    struct cfn_stack to_be = child;
    to_be.spec = draft.spec ? draft.spec : json_new(call->arena, JSON_OBJECT);
    struct nest inner = {
        .set = &set,
        .stack = &to_be,
        .root_id = nest->root_id,
        .root_name = set.name,
        .depth = nest->depth + 1,
    };
    if (result == RESOURCE_DONE)
        status = nest_tree(call, &inner, &differs);
    if (status != STATUS_DONE)
        return status;
    nest->is_failed = nest->is_failed || inner.is_failed || result != RESOURCE_DONE;
    *out_is_kept = is_new || differs || result != RESOURCE_DONE || !is_only_automatic(change);
    if (!*out_is_kept)
        return STATUS_DONE;
    cfn_set_text(call->arena, change, "ChangeSetId", set.id);
    child.options = to_be.options;
    if (is_new)
        status = keep_in_review(call, nest, logical_id, &child);
    else
        status = write_stack(call, &child);
    return status == STATUS_DONE ? write_child_set(call, nest, &draft, &set) : status;
}

/* The nested stacks among the set's changes; what changes nothing is taken out. */
static enum status nest_tree(struct call *call, struct nest *nest, bool *differs)
{
    struct json *kept = json_new(call->arena, JSON_ARRAY);
    enum status status = STATUS_DONE;
    bool has_nested = false;
    struct json *next = NULL;
    if (nest->depth > MAX_DEPTH)
        return call_fail(call, &ERROR_VALIDATION,
                         "Nested stacks are nested more than %d levels deep", MAX_DEPTH);
    for (struct json *change = nest->set->changes->first; change && status == STATUS_DONE;
         change = next) {
        bool is_kept = true;
        next = change->next;
        if (is_nested_stack(change)) {
            has_nested = true;
            status = nest_change(call, nest, change, &is_kept);
        }
        if (is_kept)
            json_append(kept, change);
    }
    nest->set->changes = kept;
    /* Outputs may name those of nested stacks, and then seem to change. */
    if (has_nested)
        *differs = kept->count > 0;
    return status;
}

enum status nest_change_sets(struct call *call, struct cfn_change_set *set, struct cfn_stack *stack,
                             const struct json *spec, bool *differs, bool *out_is_failed)
{
    struct cfn_stack to_be = *stack;
    to_be.spec = json_copy(call->arena, spec);
    struct nest nest = {.set = set, .stack = &to_be, .root_id = set->id, .root_name = set->name};
    enum status status = nest_tree(call, &nest, differs);
    *out_is_failed = nest.is_failed;
    return status;
}

/* ---- What becomes of the root becomes of its tree ----------------------------------------------
 */

static enum status end_child(struct call *call, struct cfn_change_set *set, bool is_executed)
{
    struct cfn_stack stack = {0};
    enum status status = end_nested_change_sets(call, set, is_executed);
    if (status != STATUS_DONE)
        return status;
    if (is_executed) {
        set->execution_status = STR("EXECUTE_COMPLETE");
        int rc = cfn_store_put_change_set(call->db, set);
        return rc < 0 ? call_fail_internal(call, rc, "write a change set") : STATUS_DONE;
    }
    int rc = cfn_store_delete_change_set(call->db, set->id);
    if (rc == 0)
        rc = cfn_store_trim_templates(call->db, set->id, 0);
    if (rc == 0)
        rc = cfn_store_find_stack(call->db, call->arena, set->stack_id, &stack);
    if (rc < 0)
        return call_fail_internal(call, rc, "delete a nested change set");
    /* AWS: deleting the root deletes the stacks that were made in review for it. */
    if (rc == 0 || !str_eq(stack.status, STR("REVIEW_IN_PROGRESS")))
        return STATUS_DONE;
    stack.deleted_at_ms = call->now_ms;
    return cfn_set_status(call, &stack, STR("DELETE_COMPLETE"), (struct str){0}, (struct str){0});
}

enum status end_nested_change_sets(struct call *call, const struct cfn_change_set *set,
                                   bool is_executed)
{
    enum status status = STATUS_DONE;
    for (const struct json *change = set->changes->first; change && status == STATUS_DONE;
         change = change->next) {
        struct cfn_change_set child = {0};
        struct str id = json_find_str(change, "ChangeSetId");
        int rc = id.ptr ? cfn_store_find_change_set(call->db, call->arena, id, &child) : 0;
        if (rc < 0)
            return call_fail_internal(call, rc, "find a nested change set");
        if (rc == 1)
            status = end_child(call, &child, is_executed);
    }
    return status;
}
