/* template.c — GetTemplate, GetTemplateSummary, ValidateTemplate.
 */
#include <errno.h>

#include "base/arena.h"
#include "service/cloudformation/set.h"
#include "syntax/json.h"

enum status cloudformation_get_template(struct call *call,
                                        const struct cloudformation_get_template_in *in,
                                        struct cloudformation_get_template_out *out)
{
    struct cfn_stack stack = {0};
    struct cfn_change_set set = {0};
    struct str owner = {0};
    int64_t generation = 1;
    enum status status = STATUS_DONE;
    if (!in->stack_name.ptr && !in->change_set_name.ptr)
        return call_fail(call, &ERROR_VALIDATION,
                         "Either StackName or ChangeSetName must be specified.");
    if (in->change_set_name.ptr) {
        status = find_change_set(call, in->change_set_name, in->stack_name, &set, &stack);
        owner = set.id;
    } else {
        status = find_stack(call, in->stack_name, STACK_WITH_ID, &stack);
        owner = stack.id;
        generation = cfn_number(stack.spec, "Generation");
    }
    if (status != STATUS_DONE)
        return status;
    struct str original = {0};
    struct str processed = {0};
    int rc =
        cfn_store_find_template(call->db, call->arena, owner, generation, &original, &processed);
    if (rc < 0)
        return call_fail_internal(call, rc, "find a template");
    /* A stack that was only reviewed has none. */
    if (rc == 0)
        return call_fail(call, &ERROR_VALIDATION, "Template for stack [" STR_FMT "] does not exist",
                         STR_ARG(stack.name));
    /* AWS: without transforms the processed template is the original text. */
    const struct json *spec =
        in->change_set_name.ptr ? json_find_cstr(set.data, "Spec") : stack.spec;
    const struct json *transforms = json_find_cstr(spec, "Transforms");
    bool is_processed =
        str_eq(in->template_stage, STR("Processed")) && transforms && transforms->count > 0;
    static const struct str stages[] = {STR_INIT("Original"), STR_INIT("Processed")};
    out->template_body = is_processed ? processed : original;
    out->stages_available.items =
        arena_alloc_array(call->arena, ARRAY_LEN(stages), sizeof(struct str));
    for (size_t i = 0; i < ARRAY_LEN(stages); i++)
        out->stages_available.items[out->stages_available.count++] = stages[i];
    return STATUS_DONE;
}

static enum status plan_of(struct call *call, struct str body, struct str url,
                           const struct cfn_stack *stack, struct cfn_plan *out_plan)
{
    struct str text = {0};
    struct template_error error = {0};
    enum status status = request_template(call, body, url, stack, &text);
    if (status != STATUS_DONE)
        return status;
    int rc = cfn_plan_survey(call, text, out_plan, &error);
    return rc < 0 ? fail_template(call, rc, &error) : STATUS_DONE;
}

static void copy_texts(struct arena *arena, const struct str *items, size_t count,
                       struct str **out_items, size_t *out_count)
{
    *out_items = arena_alloc_array(arena, count, sizeof(struct str));
    for (size_t i = 0; i < count; i++)
        (*out_items)[i] = items[i];
    *out_count = count;
}

enum status cloudformation_validate_template(struct call *call,
                                             const struct cloudformation_validate_template_in *in,
                                             struct cloudformation_validate_template_out *out)
{
    struct cfn_plan plan = {0};
    enum status status = plan_of(call, in->template_body, in->template_url, NULL, &plan);
    if (status != STATUS_DONE)
        return status;
    const struct template_model *model = plan.model;
    out->description = model->description;
    out->parameters.is_set = true;
    out->parameters.items =
        arena_alloc_array(call->arena, model->parameter_count, sizeof(*out->parameters.items));
    for (size_t i = 0; i < model->parameter_count; i++)
        out->parameters.items[out->parameters.count++] = (struct cloudformation_template_parameter){
            .parameter_key = model->parameters[i].name,
            .default_value = model->parameters[i].default_value,
            .no_echo = opt_bool(model->parameters[i].no_echo),
            .description = model->parameters[i].description,
        };
    copy_texts(call->arena, plan.summary.capabilities, plan.summary.capability_count,
               &out->capabilities.items, &out->capabilities.count);
    copy_texts(call->arena, plan.summary.transforms, plan.summary.transform_count,
               &out->declared_transforms.items, &out->declared_transforms.count);
    out->capabilities_reason = plan.summary.capabilities_reason;
    return STATUS_DONE;
}

static void fill_declarations(struct arena *arena, const struct template_model *model,
                              struct cloudformation_parameter_declarations *out)
{
    out->is_set = true;
    out->items = arena_alloc_array(arena, model->parameter_count, sizeof(*out->items));
    for (size_t i = 0; i < model->parameter_count; i++) {
        const struct template_parameter *parameter = &model->parameters[i];
        struct cloudformation_parameter_declaration *item = &out->items[out->count++];
        *item = (struct cloudformation_parameter_declaration){
            .parameter_key = parameter->name,
            .default_value = parameter->default_value,
            .parameter_type = parameter->type,
            .no_echo = opt_bool(parameter->no_echo),
            .description = parameter->description,
            .parameter_constraints = arena_alloc(arena, sizeof(*item->parameter_constraints)),
        };
        copy_texts(arena, parameter->allowed_values, parameter->allowed_value_count,
                   &item->parameter_constraints->allowed_values.items,
                   &item->parameter_constraints->allowed_values.count);
    }
}

static enum status set_template(struct call *call, struct str name, struct str *out_text)
{
    struct cfn_set set = {0};
    struct str processed = {0};
    enum status status = find_set(call, name, &set);
    if (status != STATUS_DONE)
        return status;
    int rc = cfn_store_find_template(call->db, call->arena, set.id,
                                     cfn_number(set.data, "Generation"), out_text, &processed);
    return rc == 1 ? STATUS_DONE
                   : call_fail_internal(call, rc < 0 ? rc : -ENOENT, "find a set's template");
}

/* AWS: ResourceIdentifierSummaries: what an import of each type needs. */
static void fill_identifiers(struct call *call, const struct cfn_plan *plan,
                             struct cloudformation_resource_identifier_summaries *out)
{
    out->items =
        arena_alloc_array(call->arena, plan->summary.resource_type_count, sizeof(*out->items));
    for (size_t i = 0; i < plan->summary.resource_type_count; i++) {
        const struct resource_type *type = cfn_find_type(call, plan->summary.resource_types[i]);
        if (!type || !type->read || type->identifier.len == 0)
            continue;
        struct cloudformation_resource_identifier_summary *item = &out->items[out->count++];
        struct str *ids = arena_alloc_array(call->arena, plan->model->resource_count, sizeof(*ids));
        item->resource_type = plan->summary.resource_types[i];
        item->logical_resource_ids.items = ids;
        for (size_t r = 0; r < plan->model->resource_count; r++) {
            if (str_eq(plan->model->resources[r].type, item->resource_type))
                ids[item->logical_resource_ids.count++] = plan->model->resources[r].id;
        }
        copy_texts(call->arena, &type->identifier, 1, &item->resource_identifiers.items,
                   &item->resource_identifiers.count);
    }
}

enum status
cloudformation_get_template_summary(struct call *call,
                                    const struct cloudformation_get_template_summary_in *in,
                                    struct cloudformation_get_template_summary_out *out)
{
    struct cfn_stack stack = {0};
    struct cfn_plan plan = {0};
    enum status status = STATUS_DONE;
    struct str text = in->template_body;
    if (in->stack_set_name.ptr)
        status = set_template(call, in->stack_set_name, &text);
    else if (in->stack_name.ptr)
        status = find_stack(call, in->stack_name, STACK_WITH_ID, &stack);
    if (status == STATUS_DONE)
        status = plan_of(call, text, in->template_url, in->stack_name.ptr ? &stack : NULL, &plan);
    if (status != STATUS_DONE)
        return status;
    fill_declarations(call->arena, plan.model, &out->parameters);
    fill_identifiers(call, &plan, &out->resource_identifier_summaries);
    out->description = plan.model->description;
    out->metadata = plan.summary.metadata;
    out->version = plan.summary.version;
    out->capabilities_reason = plan.summary.capabilities_reason;
    copy_texts(call->arena, plan.summary.capabilities, plan.summary.capability_count,
               &out->capabilities.items, &out->capabilities.count);
    copy_texts(call->arena, plan.summary.transforms, plan.summary.transform_count,
               &out->declared_transforms.items, &out->declared_transforms.count);
    copy_texts(call->arena, plan.summary.resource_types, plan.summary.resource_type_count,
               &out->resource_types.items, &out->resource_types.count);
    return STATUS_DONE;
}
