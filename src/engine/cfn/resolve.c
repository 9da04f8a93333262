/* resolve.c — what the template says about a resource, with the values of the others filled in.
 *
 * Ref and Fn::GetAtt ask the adapters for what the resources are now, in the step's transaction.
 */
#include <errno.h>

#include "base/arena.h"
#include "base/vec.h"
#include "engine/cfn/run.h"
#include "syntax/json.h"

struct json *cfn_stack_tags(struct arena *arena, const struct cfn_stack *stack,
                            const struct json *spec, struct str logical_id)
{
    /* AWS: "aws:cloudformation:stack-name", "...:logical-id", "...:stack-id" on every resource that
     * takes tags, besides the stack's own. */
    const struct {
        struct str key;
        struct str value;
    } own[] = {
        {STR_INIT("aws:cloudformation:stack-name"), stack->name},
        {STR_INIT("aws:cloudformation:logical-id"), logical_id},
        {STR_INIT("aws:cloudformation:stack-id"), stack->id},
    };
    const struct json *tags = json_find_cstr(spec, "Tags");
    struct json *all = tags ? json_copy(arena, tags) : json_new(arena, JSON_ARRAY);
    for (size_t i = 0; i < ARRAY_LEN(own); i++) {
        struct json *tag = json_new(arena, JSON_OBJECT);
        cfn_set_text(arena, tag, "Key", own[i].key);
        cfn_set_text(arena, tag, "Value", own[i].value);
        json_append(all, tag);
    }
    return all;
}

struct resource_call cfn_resource_call(struct call *call, const struct principal *principal,
                                       const struct cfn_stack *stack, struct str logical_id,
                                       const struct json *applied)
{
    return (struct resource_call){
        .call = call,
        .principal = principal,
        .stack_id = stack->id,
        .stack_name = stack->name,
        .logical_id = logical_id,
        .type_name = json_find_str(applied, "Type"),
        .physical_id = json_find_str(applied, "PhysicalId"),
        .data = json_find_cstr(applied, "Data"),
        .creation_policy = json_find_cstr(applied, "CreationPolicy"),
        .properties = json_find_cstr(applied, "Properties"),
        .stack_tags = json_find_cstr(applied, "StackTags"),
    };
}

/* Turns what an adapter answered into what the template library expects. */
static int answer(const struct resource_call *rc, enum resource_result result,
                  struct template_error *out_error)
{
    if (rc->call->store_errno != 0)
        return rc->call->store_errno;
    if (result == RESOURCE_DONE)
        return 0;
    return template_fail(rc->call->arena, out_error, STR_FMT,
                         STR_ARG(str_or(rc->message, STR("The resource does not exist"))));
}

static int resolve_ref(void *user, struct arena *arena, struct str id, struct json **out_value,
                       struct template_error *out_error)
{
    struct cfn_run *run = user;
    const struct cfn_resource *row = run_find_row(run, id);
    const struct resource_type *type = row ? cfn_find_type(run->call, row->type) : NULL;
    if (!type || !row->applied)
        return template_fail(arena, out_error, "Resource " STR_FMT " does not exist", STR_ARG(id));
    if (!type->ref) {
        *out_value = json_new_string(arena, row->physical_id);
        return 0;
    }
    struct resource_call rc =
        cfn_resource_call(run->call, run->principal, &run->stack, id, row->applied);
    struct str value = {0};
    enum resource_result result = type->ref(&rc, &value);
    if (result == RESOURCE_DONE)
        *out_value = json_new_string(arena, value);
    return answer(&rc, result, out_error);
}

static int resolve_attribute(void *user, struct arena *arena, struct str id, struct str attribute,
                             struct json **out_value, struct template_error *out_error)
{
    struct cfn_run *run = user;
    const struct cfn_resource *row = run_find_row(run, id);
    const struct resource_type *type = row ? cfn_find_type(run->call, row->type) : NULL;
    if (!type || !row->applied || !type->attribute || !cfn_type_has_attribute(type, attribute))
        return template_fail(arena, out_error,
                             "Template error: resource " STR_FMT
                             " does not support attribute type " STR_FMT " in Fn::GetAtt",
                             STR_ARG(id), STR_ARG(attribute));
    struct resource_call rc =
        cfn_resource_call(run->call, run->principal, &run->stack, id, row->applied);
    return answer(&rc, type->attribute(&rc, attribute, out_value), out_error);
}

static struct template_resolver resolver_of(struct cfn_run *run)
{
    return (struct template_resolver){
        .user = run, .ref = resolve_ref, .attribute = resolve_attribute};
}

int run_load_plan(struct cfn_run *run, struct str *out_message)
{
    if (run->plan)
        return 0;
    struct cfn_plan *plan = arena_alloc(run->call->arena, sizeof(*plan));
    struct template_error error = {0};
    int rc = cfn_plan_load(run->call, &run->stack, run->stack.spec, run->principal, plan, &error);
    if (rc == 0)
        run->plan = plan;
    else
        *out_message = error.message;
    return rc;
}

struct json *run_dependencies(struct cfn_run *run, const struct template_bound_resource *bound)
{
    const struct template_binding *binding = run->plan->binding;
    struct json *depends = json_new(run->call->arena, JSON_ARRAY);
    for (size_t i = 0; i < bound->dependency_count; i++) {
        struct str id = binding->resources[bound->dependencies[i]].resource->id;
        json_append(depends, json_new_string(run->call->arena, id));
    }
    return depends;
}

int run_wanted(struct cfn_run *run, const struct cfn_resource *row, struct json **out_wanted,
               struct str *out_message)
{
    struct arena *arena = run->call->arena;
    int rc = run_load_plan(run, out_message);
    if (rc < 0)
        return rc;
    const struct template_binding *binding = run->plan->binding;
    const struct template_bound_resource *bound = template_find_bound(binding, row->logical_id);
    const struct resource_type *type = cfn_find_type(run->call, bound->resource->type);
    const struct template_resolver resolver = resolver_of(run);
    struct template_error error = {0};
    struct json *properties = NULL;
    struct json *metadata = NULL;
    struct json *creation = NULL;
    rc = template_resolve(arena, binding, bound, TEMPLATE_PROPERTIES, &resolver, &properties,
                          &error);
    if (rc == 0)
        rc = template_resolve(arena, binding, bound, TEMPLATE_CREATION_POLICY, &resolver, &creation,
                              &error);
    if (rc == 0)
        rc = template_resolve(arena, binding, bound, TEMPLATE_METADATA, &resolver, &metadata,
                              &error);
    if (rc < 0) {
        *out_message = error.message;
        return rc;
    }
    rc = cfn_check_properties(arena, type, properties, &properties, out_message);
    if (rc < 0)
        return rc;
    struct json *wanted = json_new(arena, JSON_OBJECT);
    cfn_set_text(arena, wanted, "Type", bound->resource->type);
    cfn_set(wanted, "Properties", properties);
    if (metadata->count > 0)
        cfn_set(wanted, "Metadata", metadata);
    if (creation->count > 0)
        cfn_set(wanted, "CreationPolicy", creation);
    cfn_set(wanted, "StackTags",
            cfn_stack_tags(arena, &run->stack, run->stack.spec, row->logical_id));
    cfn_set_text(arena, wanted, "DeletionPolicy", bound->deletion_policy);
    cfn_set_text(arena, wanted, "UpdateReplacePolicy", bound->update_replace_policy);
    cfn_set(wanted, "DependsOn", run_dependencies(run, bound));
    *out_wanted = wanted;
    return 0;
}

int cfn_replace_in_output(struct call *call, const struct principal *principal, struct str *value,
                          struct template_error *out_error)
{
    struct json *text = json_new_string(call->arena, *value);
    if (!template_has_reference(text))
        return 0;
    int rc = template_replace_references(call->arena, cfn_reference_environment(call, principal),
                                         (struct str){0}, (struct str){0}, text, out_error);
    *value = text->text;
    return rc;
}

int run_outputs(struct cfn_run *run, struct cfn_output **out_outputs, size_t *out_count,
                struct str *out_message)
{
    struct arena *arena = run->call->arena;
    const struct template_binding *binding = run->plan->binding;
    const struct template_resolver resolver = resolver_of(run);
    struct cfn_output *outputs = arena_alloc_array(arena, binding->output_count, sizeof(*outputs));
    for (size_t i = 0; i < binding->output_count; i++) {
        const struct template_bound_output *bound = &binding->outputs[i];
        struct template_error error = {0};
        outputs[i].name = bound->output->name;
        outputs[i].description = bound->output->description;
        outputs[i].export_name = bound->export_name;
        int rc =
            template_resolve_output(arena, binding, bound, &resolver, &outputs[i].value, &error);
        if (rc == 0)
            rc = cfn_replace_in_output(run->call, run->principal, &outputs[i].value, &error);
        if (rc < 0) {
            *out_message = error.message;
            return rc;
        }
    }
    *out_outputs = outputs;
    *out_count = binding->output_count;
    return 0;
}
