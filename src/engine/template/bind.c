/* bind.c — a model and values become a binding: conditions, rules, active resources, exports.
 *
 * Invariant: once template_bind has returned, every condition is evaluated, every name that an
 * active resource or output uses belongs to something that exists, and the order has no cycle.
 */
#include "engine/template/internal.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/arena.h"

struct binder {
    struct arena *arena;
    struct template_binding *binding;
    struct template_error *error;
};

PRINTF_LIKE(3, 4)
static int bind_fail(const struct binder *binder, const struct json *node, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int rc = vfail_at(binder->arena, binder->binding->model->document, node, binder->error, format,
                      args);
    va_end(args);
    return rc;
}

/* ---- Conditions and rules ------------------------------------------------------------------- */

static int bind_conditions(struct binder *binder)
{
    const struct json *section = binder->binding->model->conditions;
    size_t count = section ? section->count : 0;
    binder->binding->conditions = arena_alloc(binder->arena, count);
    memset(binder->binding->conditions, -1, count);
    struct evaluator evaluator = {
        .arena = binder->arena,
        .binding = binder->binding,
        .context = CONTEXT_CONDITION,
        .error = binder->error,
    };
    int rc = 0;
    for (const struct json *node = section ? section->first : NULL; node && rc == 0;
         node = node->next) {
        bool holds = false;
        rc = condition_value(&evaluator, node, node->key, &holds);
    }
    return rc;
}

bool template_condition_holds(const struct template_binding *binding, struct str name)
{
    const struct condition_entry *entry = map_find(&binding->model->index->conditions, name);
    return entry && binding->conditions[entry->position] == 1;
}

static int bind_rule(struct evaluator *evaluator, const struct json *rule)
{
    const struct json *condition = json_find(rule, STR("RuleCondition"));
    bool holds = true;
    int rc = condition ? evaluate_condition(evaluator, condition, &holds) : 0;
    if (rc < 0 || !holds)
        return rc;
    const struct json *assertions = json_find(rule, STR("Assertions"));
    for (const struct json *item = assertions ? assertions->first : NULL; item; item = item->next) {
        const struct json *assert_node = json_find(item, STR("Assert"));
        if (!assert_node)
            continue;
        rc = evaluate_condition(evaluator, assert_node, &holds);
        if (rc < 0)
            return rc;
        if (holds)
            continue;
        /* AWS: AssertDescription tells the user what is wrong ("if the assertion fails,
         * CloudFormation returns this message"). */
        struct str description = scalar_text(json_find(item, STR("AssertDescription")));
        if (str_is_set(description))
            return evaluate_fail(evaluator, assert_node, STR_FMT, STR_ARG(description));
        return evaluate_fail(evaluator, assert_node,
                             "Template error: an assertion of rule " STR_FMT " failed",
                             STR_ARG(rule->key));
    }
    return 0;
}

int bind_rules(struct arena *arena, const struct template_binding *binding,
               struct template_error *out_error)
{
    const struct json *rules = binding->model->rules;
    struct evaluator evaluator = {
        .arena = arena,
        .binding = binding,
        .context = CONTEXT_RULE,
        .error = out_error,
    };
    int rc = 0;
    for (const struct json *rule = rules ? rules->first : NULL; rule && rc == 0; rule = rule->next)
        rc = bind_rule(&evaluator, rule);
    return rc;
}

/* ---- Resources ------------------------------------------------------------------------------ */

static bool is_active(const struct template_binding *binding, struct str condition)
{
    return !str_is_set(condition) || template_condition_holds(binding, condition);
}

static bool is_policy(struct str policy, bool is_deletion)
{
    return str_eq(policy, STR("Delete")) || str_eq(policy, STR("Retain")) ||
           str_eq(policy, STR("Snapshot")) ||
           (is_deletion && str_eq(policy, STR("RetainExceptOnCreate")));
}

static int bind_policy(struct binder *binder, const struct template_resource *resource,
                       const char *name, struct str *out_policy)
{
    const struct json *node = json_find_cstr(resource->node, name);
    if (!node)
        return 0;
    struct str policy = {0};
    int rc = evaluate_static(binder->arena, binder->binding, node,
                             "Template format error: Every DeletionPolicy and UpdateReplacePolicy "
                             "member must be a string.",
                             &policy, binder->error);
    if (rc < 0)
        return rc;
    if (!is_policy(policy, strcmp(name, "DeletionPolicy") == 0))
        return bind_fail(binder, node,
                         "Template format error: Unrecognized %s " STR_FMT " for resource " STR_FMT,
                         name, STR_ARG(policy), STR_ARG(resource->id));
    *out_policy = policy;
    return 0;
}

static int bind_resources(struct binder *binder)
{
    struct template_binding *binding = binder->binding;
    const struct template_model *model = binding->model;
    binding->resources =
        arena_alloc_array(binder->arena, model->resource_count, sizeof(*binding->resources));
    binding->active = arena_alloc(binder->arena, sizeof(*binding->active));
    map_init(binding->active, binder->arena);
    for (size_t i = 0; i < model->resource_count; i++) {
        const struct template_resource *resource = &model->resources[i];
        if (!is_active(binding, resource->condition))
            continue;
        struct template_bound_resource *bound = &binding->resources[binding->resource_count++];
        bound->resource = resource;
        int rc = bind_policy(binder, resource, "DeletionPolicy", &bound->deletion_policy);
        if (rc == 0)
            rc =
                bind_policy(binder, resource, "UpdateReplacePolicy", &bound->update_replace_policy);
        if (rc < 0)
            return rc;
        map_set(binding->active, resource->id, bound);
    }
    return 0;
}

const struct template_bound_resource *template_find_bound(const struct template_binding *binding,
                                                          struct str id)
{
    return binding->active ? map_find(binding->active, id) : NULL;
}

/* ---- Outputs and exports -------------------------------------------------------------------- */

static bool is_export_name(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (!is_alphanumeric(str_slice(name, i, 1)) && c != ':' && c != '-')
            return false;
    }
    return name.len > 0;
}

static int bind_outputs(struct binder *binder)
{
    struct template_binding *binding = binder->binding;
    const struct template_model *model = binding->model;
    binding->outputs =
        arena_alloc_array(binder->arena, model->output_count, sizeof(*binding->outputs));
    for (size_t i = 0; i < model->output_count; i++) {
        const struct template_output *output = &model->outputs[i];
        if (!is_active(binding, output->condition))
            continue;
        struct template_bound_output *bound = &binding->outputs[binding->output_count++];
        bound->output = output;
        if (!output->export_name)
            continue;
        /* AWS: "You can't use ... Ref or GetAtt functions that depend on a resource" in a name. */
        int rc = evaluate_static(binder->arena, binding, output->export_name,
                                 "Template format error: the Name of an Export must be a string",
                                 &bound->export_name, binder->error);
        if (rc < 0)
            return rc;
        if (!is_export_name(bound->export_name))
            return bind_fail(binder, output->export_name, TEXT_EXPORT, STR_ARG(output->name));
    }
    return 0;
}

/* ---- Names that the taken branches use ------------------------------------------------------ */

struct name_check {
    struct binder *binder;
    struct vec unresolved;
    const struct json *first;
    struct vec imports;
    struct map import_names; /* the same, to find repeats */
    int rc;                  /* of the first import that cannot be evaluated */
};

static void visit_name(void *user, const struct json *node, struct str name, struct str attribute)
{
    (void)attribute;
    struct name_check *check = user;
    const struct template_binding *binding = check->binder->binding;
    if (is_pseudo_parameter(name) || template_find_parameter(binding->model, name) ||
        template_find_bound(binding, name))
        return;
    add_unique(&check->unresolved, name);
    if (!check->first)
        check->first = node;
}

static void visit_import(void *user, const struct json *argument)
{
    struct name_check *check = user;
    struct str name = {0};
    if (check->rc < 0)
        return;
    check->rc = evaluate_static(check->binder->arena, check->binder->binding, argument, TEXT_IMPORT,
                                &name, check->binder->error);
    if (check->rc == 0 && map_set(&check->import_names, name, NULL))
        *(struct str *)vec_push(&check->imports) = name;
}

static int report_names(const struct name_check *check, const char *section)
{
    if (check->rc < 0)
        return check->rc;
    if (check->unresolved.count == 0)
        return 0;
    return bind_fail(
        check->binder, check->first,
        "Template format error: Unresolved resource dependencies " STR_FMT
        " in the %s block of the template",
        STR_ARG(list_text(check->binder->arena, check->unresolved.items, check->unresolved.count)),
        section);
}

/* A reference to a resource whose condition does not hold is refused, unless a Fn::If that is not
 * taken hides it. */
static int bind_names(struct binder *binder)
{
    struct template_binding *binding = binder->binding;
    struct name_check check = {.binder = binder};
    vec_init(&check.unresolved, binder->arena, sizeof(struct str));
    vec_init(&check.imports, binder->arena, sizeof(struct str));
    map_init(&check.import_names, binder->arena);
    struct reference_walk walk = {
        .arena = binder->arena,
        .binding = binding,
        .visit = visit_name,
        .visit_import = visit_import,
        .user = &check,
    };
    for (size_t i = 0; i < binding->resource_count; i++)
        walk_resource(&walk, binding->resources[i].resource);
    int rc = report_names(&check, "Resources");
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < binding->output_count; i++)
        walk_references(&walk, binding->outputs[i].output->value);
    rc = report_names(&check, "Outputs");
    binding->imports = check.imports.items;
    binding->import_count = check.imports.count;
    return rc;
}

int template_bind(struct arena *arena, const struct template_model *model,
                  const struct template_values *values, struct template_binding **out_binding,
                  struct template_error *out_error)
{
    CHECK(model->document->is_expanded); /* contract: transforms run first */
    struct template_binding *binding = arena_alloc(arena, sizeof(*binding));
    binding->model = model;
    binding->pseudo = values->pseudo;
    binding->environment = values->environment;
    size_t spent = 0;
    binding->spent = &spent;
    struct binder binder = {.arena = arena, .binding = binding, .error = out_error};
    int rc = bind_parameters(arena, values, binding, out_error);
    if (rc == 0)
        rc = bind_rules(arena, binding, out_error);
    if (rc == 0)
        rc = bind_conditions(&binder);
    if (rc == 0)
        rc = bind_resources(&binder);
    if (rc == 0)
        rc = bind_outputs(&binder);
    if (rc == 0)
        rc = bind_names(&binder);
    if (rc == 0)
        rc = bind_graph(arena, binding, out_error);
    binding->spent = NULL;
    if (rc == 0)
        *out_binding = binding;
    return rc;
}
