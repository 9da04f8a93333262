/* plan.c — from a template's text to a binding, with what the outside knows: types, exports.
 */
#include <errno.h>

#include "base/arena.h"
#include "base/vec.h"
#include "engine/cfn/property.h"
#include "engine/cfn/stack.h"
#include "syntax/json.h"
#include "wire/runtime.h"

static bool is_known_type(void *user, struct str type)
{
    return cfn_find_type(user, type) != NULL;
}

/* What the callbacks of an environment know. */
struct outside {
    struct call *call;
    const struct principal *principal;
};

/* AWS: "No export named %s found." fails the stack that imports. */
static int import_value(void *user, struct arena *arena, struct str name, struct str *out_value,
                        struct template_error *out_error)
{
    struct call *call = ((const struct outside *)user)->call;
    struct cfn_export found = {0};
    int rc = cfn_store_find_export(call->db, arena, call->scope, name, &found);
    if (rc < 0)
        return rc;
    if (rc == 0)
        return template_fail(arena, out_error, "No export named " STR_FMT " found.", STR_ARG(name));
    *out_value = found.value;
    return 0;
}

static int ssm_parameter(void *user, struct arena *arena, struct str name, struct str *out_value,
                         struct template_error *out_error)
{
    const struct outside *outside = user;
    (void)arena; /* that of the call */
    return cfn_sources.ssm_parameter(outside->call, outside->principal, name, out_value, out_error);
}

static int dynamic_reference(void *user, struct arena *arena,
                             const struct template_dynamic_reference *reference,
                             struct str *out_value, struct template_error *out_error)
{
    const struct outside *outside = user;
    (void)arena;
    return cfn_sources.dynamic_reference(outside->call, outside->principal, reference, out_value,
                                         out_error);
}

static struct template_environment *environment_of(struct call *call,
                                                   const struct principal *principal)
{
    struct outside *outside = arena_alloc(call->arena, sizeof(*outside));
    struct template_environment *environment = arena_alloc(call->arena, sizeof(*environment));
    outside->call = call;
    outside->principal = principal ? principal : call->principal;
    environment->user = outside;
    environment->import_value = import_value;
    environment->ssm_parameter = ssm_parameter;
    return environment;
}

const struct template_environment *cfn_reference_environment(struct call *call,
                                                             const struct principal *principal)
{
    struct template_environment *environment = environment_of(call, principal);
    environment->dynamic_reference = dynamic_reference;
    return environment;
}

/* AWS: "AWS::Include transform": Location is the URI of a file in S3. Macros are functions, of
 * which there are none. */
static int transform(void *user, struct arena *arena, const struct template_transform_call *called,
                     struct json **out_fragment, struct template_error *out_error)
{
    const struct outside *outside = user;
    if (!str_eq(called->name, STR("AWS::Include")))
        /* OBSERVED: the account's id is a part of the macro's name. */
        return template_fail(arena, out_error, "No transform named " STR_FMT "::" STR_FMT " found.",
                             STR_ARG(outside->call->scope.account), STR_ARG(called->name));
    struct str location = json_find_str(called->parameters, "Location");
    struct str text = {0};
    if (!location.ptr)
        return template_fail(arena, out_error,
                             "Transform AWS::Include failed with: Location parameter is missing.");
    int rc = cfn_sources.include(outside->call, outside->principal, location, &text, out_error);
    return rc < 0 ? rc : template_read_snippet(arena, text, out_fragment, out_error);
}

/* Letters and digits in two to four parts: "AWS::SQS::Queue", "Custom::Thing@1". */
static bool is_type_name(struct str name)
{
    struct str rest = name;
    size_t parts = 0;
    while (parts < 5) {
        ptrdiff_t at = str_find(rest, STR("::"));
        struct str part = at < 0 ? rest : str_slice(rest, 0, (size_t)at);
        for (size_t i = 0; i < part.len; i++) {
            char c = part.ptr[i];
            bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
            bool is_digit = c >= '0' && c <= '9';
            if (!is_letter && !is_digit && c != '_' && c != '-' && c != '@')
                return false;
        }
        if (part.len == 0)
            return false;
        parts++;
        if (at < 0)
            break;
        rest = str_from(rest, (size_t)at + 2);
    }
    return parts >= 2 && parts <= 4;
}

/* DEVIATION: ValidateTemplate and GetTemplateSummary look at a template, and take every type whose
 * name is well formed: types that AWS has and that are not here are refused when a stack would be
 * made of them. */
static bool is_named_type(void *user, struct str type)
{
    (void)user;
    return is_type_name(type);
}

static int read_plan(struct call *call, struct str text,
                     const struct template_build_options *options, struct cfn_plan *out_plan,
                     struct template_error *out_error)
{
    struct cfn_plan plan = {0};
    int rc = template_read(call->arena, text, &plan.document, out_error);
    if (rc == 0)
        rc = template_build(call->arena, plan.document, options, &plan.model, out_error);
    if (rc < 0)
        return rc;
    plan.processed = plan.document;
    template_summarize(call->arena, plan.model, &plan.summary);
    *out_plan = plan;
    return 0;
}

int cfn_plan_read(struct call *call, struct str text, struct cfn_plan *out_plan,
                  struct template_error *out_error)
{
    const struct template_build_options options = {.is_known_type = is_known_type, .user = call};
    return read_plan(call, text, &options, out_plan, out_error);
}

int cfn_plan_survey(struct call *call, struct str text, struct cfn_plan *out_plan,
                    struct template_error *out_error)
{
    const struct template_build_options options = {.is_known_type = is_named_type, .user = call};
    return read_plan(call, text, &options, out_plan, out_error);
}

/* Fn::GetAtt of an attribute that the type does not have is found before anything is made.
 * OBSERVED: "Template error: resource X does not support attribute type Y in Fn::GetAtt". */
static int check_attributes(struct call *call, const struct template_binding *binding,
                            const struct json *value, struct template_error *out_error)
{
    struct template_reference *references = NULL;
    size_t count = 0;
    if (!value)
        return 0;
    template_list_references(call->arena, binding, value, &references, &count);
    for (size_t i = 0; i < count; i++) {
        if (references[i].kind != TEMPLATE_REFERS_TO_ATTRIBUTE)
            continue;
        const struct template_resource *resource =
            template_find_resource(binding->model, references[i].name);
        const struct resource_type *type = resource ? cfn_find_type(call, resource->type) : NULL;
        if (type && !cfn_type_has_attribute(type, references[i].attribute))
            return template_fail(call->arena, out_error,
                                 "Template error: resource " STR_FMT
                                 " does not support attribute type " STR_FMT " in Fn::GetAtt",
                                 STR_ARG(references[i].name), STR_ARG(references[i].attribute));
    }
    return 0;
}

static int check_binding(struct call *call, const struct template_binding *binding,
                         struct template_error *out_error)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < binding->resource_count; i++) {
        const struct template_bound_resource *bound = &binding->resources[i];
        rc = check_attributes(call, binding, bound->resource->properties, out_error);
        /* AWS: "Snapshot" is for types that can be snapshot; none of those is here.
         * OBSERVED: "Template error: resource type X does not support deletion policy Snapshot". */
        if (rc == 0 && (str_eq_cstr(bound->deletion_policy, "Snapshot") ||
                        str_eq_cstr(bound->update_replace_policy, "Snapshot")))
            rc = template_fail(call->arena, out_error,
                               "Template error: resource type " STR_FMT
                               " does not support deletion policy Snapshot",
                               STR_ARG(bound->resource->type));
    }
    for (size_t i = 0; rc == 0 && i < binding->output_count; i++)
        rc = check_attributes(call, binding, binding->outputs[i].output->value, out_error);
    return rc;
}

/* spec "Parameters" as arguments. */
static struct template_argument *arguments_of(struct arena *arena, const struct json *parameters,
                                              size_t *out_count)
{
    struct vec arguments;
    vec_init(&arguments, arena, sizeof(struct template_argument));
    for (const struct json *item = parameters ? parameters->first : NULL; item; item = item->next) {
        *(struct template_argument *)vec_push(&arguments) = (struct template_argument){
            .name = json_find_str(item, "Name"),
            .value = json_find_str(item, "Value"),
            .resolved = json_find_str(item, "Resolved"),
        };
    }
    *out_count = arguments.count;
    return arguments.items;
}

static struct template_values values_of(struct call *call, const struct cfn_values *values)
{
    struct vec arns;
    vec_init(&arns, call->arena, sizeof(struct str));
    for (const struct json *arn = values->notifications ? values->notifications->first : NULL; arn;
         arn = arn->next)
        *(struct str *)vec_push(&arns) = arn->text;
    struct template_values result = {
        .arguments = values->arguments,
        .argument_count = values->argument_count,
        .pseudo =
            {
                .account_id = call->scope.account,
                .partition = STR("aws"),
                .region = call->scope.region,
                .stack_id = values->stack_id,
                .stack_name = values->stack_name,
                .url_suffix = STR("amazonaws.com"),
                .notification_arns = arns.items,
                .notification_arn_count = arns.count,
            },
        .environment = environment_of(call, values->principal),
    };
    result.previous = arguments_of(call->arena, values->previous, &result.previous_count);
    return result;
}

int cfn_plan_bind(struct call *call, struct cfn_plan *plan, const struct cfn_values *values,
                  struct template_error *out_error)
{
    /* Borrowed by the binding. */
    struct template_values *bound = arena_alloc(call->arena, sizeof(*bound));
    *bound = values_of(call, values);
    const struct template_build_options options = {.is_known_type = is_known_type, .user = call};
    int rc = 0;
    if (!plan->processed->is_expanded) {
        const struct template_expander expander = {.user = bound->environment->user,
                                                   .transform = transform};
        rc = template_expand(call->arena, plan->document, bound, &expander, &plan->processed,
                             out_error);
        if (rc == 0)
            rc = template_build(call->arena, plan->processed, &options, &plan->model, out_error);
        if (rc < 0)
            return rc;
        template_summarize(call->arena, plan->model, &plan->summary);
    }
    rc = template_bind(call->arena, plan->model, bound, &plan->binding, out_error);
    return rc < 0 ? rc : check_binding(call, plan->binding, out_error);
}

int cfn_plan_load(struct call *call, const struct cfn_stack *stack, const struct json *spec,
                  const struct principal *principal, struct cfn_plan *out_plan,
                  struct template_error *out_error)
{
    struct str original = {0};
    struct str processed = {0};
    int rc = cfn_store_find_template(call->db, call->arena, stack->id,
                                     cfn_number(spec, "Generation"), &original, &processed);
    if (rc <= 0)
        return rc < 0 ? rc : -ENOENT;
    struct cfn_plan plan = {0};
    rc = template_read(call->arena, processed, &plan.document, out_error);
    if (rc < 0)
        return rc;
    /* Transforms were run once; what they left is kept and taken as it is. */
    const struct json *transforms = json_find_cstr(spec, "Transforms");
    plan.document->transforms =
        arena_alloc_array(call->arena, transforms ? transforms->count : 0, sizeof(struct str));
    for (const struct json *name = transforms ? transforms->first : NULL; name; name = name->next)
        plan.document->transforms[plan.document->transform_count++] = name->text;
    plan.document->is_expanded = true;
    plan.processed = plan.document;
    const struct template_build_options options = {.is_known_type = is_known_type, .user = call};
    rc = template_build(call->arena, plan.document, &options, &plan.model, out_error);
    if (rc < 0)
        return rc;
    struct cfn_values values = {
        .stack_id = stack->id,
        .stack_name = stack->name,
        .notifications = json_find_cstr(spec, "NotificationArns"),
        .principal = principal,
    };
    values.arguments =
        arguments_of(call->arena, json_find_cstr(spec, "Parameters"), &values.argument_count);
    rc = cfn_plan_bind(call, &plan, &values, out_error);
    if (rc == 0)
        *out_plan = plan;
    return rc;
}

struct json *cfn_plan_parameters(struct arena *arena, const struct cfn_plan *plan)
{
    struct json *list = json_new(arena, JSON_ARRAY);
    for (size_t i = 0; i < plan->model->parameter_count; i++) {
        const struct template_bound_parameter *bound = &plan->binding->parameters[i];
        struct json *item = json_new(arena, JSON_OBJECT);
        cfn_set_text(arena, item, "Name", bound->parameter->name);
        cfn_set_text(arena, item, "Value", str_or(bound->value, STR("")));
        cfn_set_text(arena, item, "Resolved", bound->resolved);
        cfn_set_flag(arena, item, "NoEcho", bound->parameter->no_echo);
        json_append(list, item);
    }
    return list;
}
