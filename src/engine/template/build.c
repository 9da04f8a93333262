/* build.c — a template tree to the model: sections, names, limits, attributes of resources.
 *
 * Everything that can be said without parameter values is refused here or in check.c, which looks
 * into the expressions. Docs: CloudFormation user guide, "Template sections".
 */
#include "engine/template/internal.h"

#include <stdarg.h>

#include "base/arena.h"

struct builder {
    struct arena *arena;
    struct template_model *model;
    const struct template_build_options *options;
    struct template_error *error;
};

static const char *const sections[] = {
    "AWSTemplateFormatVersion",
    "Description",
    "Metadata",
    "Parameters",
    "Rules",
    "Mappings",
    "Conditions",
    "Transform",
    "Resources",
    "Outputs",
    "Hooks",
};

static bool is_listed(struct str name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq_cstr(name, names[i]))
            return true;
    }
    return false;
}

PRINTF_LIKE(3, 4)
static int build_fail(struct builder *builder, const struct json *node, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int rc = vfail_at(builder->arena, builder->model->document, node, builder->error, format, args);
    va_end(args);
    return rc;
}

/* ---- Top level ------------------------------------------------------------------------------ */

static int build_sections(struct builder *builder)
{
    const struct json *root = builder->model->document->root;
    struct vec unknown;
    vec_init(&unknown, builder->arena, sizeof(struct str));
    const struct json *first = NULL;
    for (const struct json *section = root->first; section; section = section->next) {
        /* Globals belongs to the Serverless transform, which takes it away. */
        bool is_globals =
            !builder->model->document->is_expanded && str_eq(section->key, STR("Globals"));
        /* AWS::LanguageExtensions allows Fn::ForEach loops only inside sections. */
        if (is_globals || is_listed(section->key, sections, ARRAY_LEN(sections)))
            continue;
        *(struct str *)vec_push(&unknown) = section->key;
        first = first ? first : section;
    }
    if (unknown.count > 0)
        return build_fail(builder, first, "Invalid template property or properties " STR_FMT,
                          STR_ARG(list_text(builder->arena, unknown.items, unknown.count)));
    /* DEVIATION: the Hooks section (ECS blue/green deployments through CodeDeploy) does not exist
     * here, and a template that asks for it must not look as if it worked. */
    const struct json *hooks = json_find(root, STR("Hooks"));
    if (hooks)
        return build_fail(builder, hooks,
                          "Template format error: the Hooks section is not supported.");
    return 0;
}

static int build_header(struct builder *builder)
{
    struct template_model *model = builder->model;
    const struct json *root = model->document->root;
    const struct json *version = json_find(root, STR("AWSTemplateFormatVersion"));
    if (version && !str_eq(scalar_text(version), STR("2010-09-09")))
        return build_fail(builder, version,
                          "Template format error: unsupported value for AWSTemplateFormatVersion.");

    const struct json *description = json_find(root, STR("Description"));
    if (description && !is_scalar(description))
        return build_fail(builder, description,
                          "Template format error: 'Description' must be a string");
    model->description = scalar_text(description);
    if (model->description.len > TEMPLATE_MAX_DESCRIPTION_BYTES)
        /* OBSERVED: "Template format error: 'Description' length is greater than 1024". */
        return build_fail(builder, description,
                          "Template format error: 'Description' length is greater than %d",
                          TEMPLATE_MAX_DESCRIPTION_BYTES);
    model->metadata = json_find(root, STR("Metadata"));
    return 0;
}

/* An optional section that must be a map. */
static int find_section(struct builder *builder, const char *name, const struct json **out_section)
{
    const struct json *section = json_find_cstr(builder->model->document->root, name);
    if (section && !json_is_object(section))
        return build_fail(builder, section, "Template format error: [/%s] must be an object", name);
    *out_section = section;
    return 0;
}

static int check_count(struct builder *builder, const struct json *section, const char *what,
                       size_t max)
{
    /* OBSERVED: "Template format error: Number of resources, 501, is greater than maximum allowed,
     * 500". */
    if (section && section->count > max)
        return build_fail(builder, section,
                          "Template format error: Number of %s, %zu, is greater than maximum "
                          "allowed, %zu",
                          what, section->count, max);
    return 0;
}

/* OBSERVED: "Template format error: Resource name foo_private is non alphanumeric." */
static int check_name(struct builder *builder, const struct json *node, const char *what)
{
    if (!is_alphanumeric(node->key) || node->key.len > TEMPLATE_MAX_NAME_CHARS)
        return build_fail(builder, node,
                          "Template format error: %s name " STR_FMT " is non alphanumeric.", what,
                          STR_ARG(node->key));
    return 0;
}

/* ---- Resources ------------------------------------------------------------------------------ */

static const char *const resource_attributes[] = {
    "Type",         "Properties",          "DependsOn",      "Condition", "DeletionPolicy",
    "UpdatePolicy", "UpdateReplacePolicy", "CreationPolicy", "Metadata",
};

/* Scalar for list: `DependsOn: A` is `DependsOn: [A]`. */
static int build_depends_on(struct builder *builder, struct template_resource *resource)
{
    const struct json *depends_on = json_find(resource->node, STR("DependsOn"));
    if (!depends_on)
        return 0;
    bool is_list = json_is_array(depends_on);
    resource->depends_on_count = is_list ? depends_on->count : 1;
    resource->depends_on =
        arena_alloc_array(builder->arena, resource->depends_on_count, sizeof(struct str));
    const struct json *item = is_list ? depends_on->first : depends_on;
    for (size_t i = 0; i < resource->depends_on_count; i++, item = item->next) {
        resource->depends_on[i] = scalar_text(item);
        if (!str_is_set(resource->depends_on[i]))
            return build_fail(builder, item,
                              "Template format error: Every DependsOn value must be a string.");
    }
    return 0;
}

/* Policies may be functions with AWS::LanguageExtensions; then binding checks the value. */
static int check_policy(struct builder *builder, const struct template_resource *resource,
                        const char *name)
{
    const struct json *policy = json_find_cstr(resource->node, name);
    if (!policy || is_scalar(policy))
        return 0;
    if (builder->model->has_language_extensions && json_is_object(policy))
        return 0;
    return build_fail(builder, policy, "Template format error: Every %s member must be a string.",
                      name);
}

static int check_object(struct builder *builder, const struct template_resource *resource,
                        const char *name, const struct json **out_part)
{
    const struct json *part = json_find_cstr(resource->node, name);
    if (part && !json_is_object(part))
        return build_fail(builder, part,
                          "Template format error: [/Resources/" STR_FMT "/%s] must be an object",
                          STR_ARG(resource->id), name);
    *out_part = part;
    return 0;
}

static int build_condition(struct builder *builder, const struct json *node,
                           struct str *out_condition)
{
    const struct json *condition = json_find(node, STR("Condition"));
    if (condition && condition->kind != JSON_STRING)
        return build_fail(builder, condition,
                          "Template format error: Every Condition member must be a string.");
    *out_condition = scalar_text(condition);
    return 0;
}

static int check_attributes(struct builder *builder, const struct template_resource *resource)
{
    if (!builder->model->document->is_expanded)
        return 0;
    for (const struct json *member = resource->node->first; member; member = member->next) {
        if (!is_listed(member->key, resource_attributes, ARRAY_LEN(resource_attributes)))
            return build_fail(builder, member, "Invalid template resource property '" STR_FMT "'",
                              STR_ARG(member->key));
    }
    return 0;
}

static int build_resource(struct builder *builder, const struct json *node,
                          struct template_resource *resource)
{
    resource->id = node->key;
    resource->node = node;
    int rc = check_name(builder, node, "Resource");
    if (rc < 0)
        return rc;
    if (!json_is_object(node))
        return build_fail(builder, node,
                          "Template format error: Any Resources member must be an object.");
    resource->type = scalar_text(json_find(node, STR("Type")));
    if (resource->type.len == 0)
        return build_fail(builder, node,
                          "Template format error: [/Resources/" STR_FMT
                          "] Every Resources object must contain a Type member.",
                          STR_ARG(resource->id));
    rc = check_attributes(builder, resource);
    if (rc == 0)
        rc = check_object(builder, resource, "Properties", &resource->properties);
    if (rc == 0)
        rc = check_object(builder, resource, "Metadata", &resource->metadata);
    if (rc == 0)
        rc = check_object(builder, resource, "CreationPolicy", &resource->creation_policy);
    if (rc == 0)
        rc = check_object(builder, resource, "UpdatePolicy", &resource->update_policy);
    if (rc == 0)
        rc = check_policy(builder, resource, "DeletionPolicy");
    if (rc == 0)
        rc = check_policy(builder, resource, "UpdateReplacePolicy");
    if (rc == 0)
        rc = build_condition(builder, node, &resource->condition);
    if (rc == 0)
        rc = build_depends_on(builder, resource);
    return rc;
}

static bool is_known_type(const struct builder *builder, struct str type)
{
    if (!str_contains(type, STR("::")))
        return false;
    return !builder->options || !builder->options->is_known_type ||
           builder->options->is_known_type(builder->options->user, type);
}

static int check_types(struct builder *builder)
{
    struct template_model *model = builder->model;
    struct vec unknown;
    vec_init(&unknown, builder->arena, sizeof(struct str));
    const struct json *first = NULL;
    for (size_t i = 0; i < model->resource_count; i++) {
        const struct template_resource *resource = &model->resources[i];
        if (is_known_type(builder, resource->type))
            continue;
        add_unique(&unknown, resource->type);
        first = first ? first : json_find(resource->node, STR("Type"));
    }
    /* OBSERVED: "Template format error: Unrecognized resource types: [AWS::Foo::Bar]". */
    if (unknown.count > 0)
        return build_fail(builder, first,
                          "Template format error: Unrecognized resource types: " STR_FMT,
                          STR_ARG(list_text(builder->arena, unknown.items, unknown.count)));
    return 0;
}

/* Loops of AWS::LanguageExtensions that no expansion has unrolled yet. */
static bool is_loop(const struct json *node)
{
    return str_starts_with(node->key, STR("Fn::ForEach::")) ||
           str_eq(node->key, STR("Fn::Transform"));
}

static int build_resources(struct builder *builder)
{
    struct template_model *model = builder->model;
    const struct json *section = NULL;
    int rc = find_section(builder, "Resources", &section);
    if (rc < 0)
        return rc;
    if (!section || section->count == 0)
        return build_fail(builder, section,
                          "Template format error: At least one Resources member must be defined.");
    rc = check_count(builder, section, "resources", TEMPLATE_MAX_RESOURCES);
    if (rc < 0)
        return rc;

    model->resources = arena_alloc_array(builder->arena, section->count, sizeof(*model->resources));
    for (const struct json *node = section->first; node && rc == 0; node = node->next) {
        if (!model->document->is_expanded && is_loop(node))
            continue;
        struct template_resource *resource = &model->resources[model->resource_count++];
        rc = build_resource(builder, node, resource);
        map_set(&model->index->resources, resource->id, resource);
    }
    if (rc == 0 && model->document->is_expanded)
        rc = check_types(builder);
    return rc;
}

/* Parameters and resources share one name space, because Ref does not tell them apart. */
static int check_common_names(struct builder *builder)
{
    struct template_model *model = builder->model;
    struct vec common;
    vec_init(&common, builder->arena, sizeof(struct str));
    const struct json *first = NULL;
    for (size_t i = 0; i < model->resource_count; i++) {
        if (!map_has(&model->index->parameters, model->resources[i].id))
            continue;
        *(struct str *)vec_push(&common) = model->resources[i].id;
        first = first ? first : model->resources[i].node;
    }
    if (common.count > 0)
        return build_fail(builder, first,
                          "Template error: all resources and parameters must have unique names. "
                          "Common name(s):" STR_FMT,
                          STR_ARG(list_text(builder->arena, common.items, common.count)));
    return 0;
}

/* ---- Other sections ------------------------------------------------------------------------- */

static int build_conditions(struct builder *builder)
{
    struct template_model *model = builder->model;
    int rc = find_section(builder, "Conditions", &model->conditions);
    if (rc < 0 || !model->conditions)
        return rc;
    size_t position = 0;
    for (const struct json *node = model->conditions->first; node && rc == 0;
         node = node->next, position++) {
        if (!model->document->is_expanded && is_loop(node))
            continue;
        rc = check_name(builder, node, "Condition");
        struct condition_entry *entry = arena_alloc(builder->arena, sizeof(*entry));
        entry->node = node;
        entry->position = position;
        map_set(&model->index->conditions, node->key, entry);
    }
    return rc;
}

static const char *const output_attributes[] = {"Value", "Description", "Export", "Condition"};

/* AWS: Export.Name; the text of the error is OBSERVED for empty and odd names. */
static int build_export(struct builder *builder, struct template_output *output)
{
    const struct json *export_node = json_find(output->node, STR("Export"));
    if (!export_node)
        return 0;
    output->export_name = json_find(export_node, STR("Name"));
    if (!output->export_name || json_is_array(output->export_name))
        return build_fail(builder, export_node, TEXT_EXPORT, STR_ARG(output->name));
    return 0;
}

static int build_output(struct builder *builder, const struct json *node,
                        struct template_output *output)
{
    output->name = node->key;
    output->node = node;
    int rc = check_name(builder, node, "Output");
    if (rc < 0)
        return rc;
    output->value = json_find(node, STR("Value"));
    if (!output->value)
        return build_fail(builder, node,
                          "Template format error: [/Outputs/" STR_FMT
                          "] Every Outputs member must contain a Value object",
                          STR_ARG(output->name));
    for (const struct json *member = node->first; member; member = member->next) {
        if (!is_listed(member->key, output_attributes, ARRAY_LEN(output_attributes)))
            return build_fail(builder, member,
                              "Template format error: Unrecognized Outputs property [" STR_FMT
                              "] in output " STR_FMT,
                              STR_ARG(member->key), STR_ARG(output->name));
    }
    const struct json *description = json_find(node, STR("Description"));
    if (description && !is_scalar(description))
        return build_fail(builder, description,
                          "Template format error: Every Description member must be a string.");
    output->description = scalar_text(description);
    rc = build_condition(builder, node, &output->condition);
    return rc < 0 ? rc : build_export(builder, output);
}

static int build_outputs(struct builder *builder)
{
    struct template_model *model = builder->model;
    const struct json *section = NULL;
    int rc = find_section(builder, "Outputs", &section);
    if (rc == 0)
        rc = check_count(builder, section, "outputs", TEMPLATE_MAX_OUTPUTS);
    if (rc < 0 || !section)
        return rc;
    model->outputs = arena_alloc_array(builder->arena, section->count, sizeof(*model->outputs));
    for (const struct json *node = section->first; node && rc == 0; node = node->next) {
        if (!model->document->is_expanded && is_loop(node))
            continue;
        rc = build_output(builder, node, &model->outputs[model->output_count++]);
    }
    return rc;
}

static int build_model(struct builder *builder)
{
    struct template_model *model = builder->model;
    int rc = build_sections(builder);
    if (rc == 0)
        rc = build_header(builder);
    if (rc == 0)
        rc = find_section(builder, "Mappings", &model->mappings);
    if (rc == 0)
        rc = check_count(builder, model->mappings, "mappings", TEMPLATE_MAX_MAPPINGS);
    if (rc == 0)
        rc = find_section(builder, "Rules", &model->rules);
    if (rc == 0)
        rc = build_parameters(builder->arena, model, builder->error);
    if (rc == 0)
        rc = build_conditions(builder);
    if (rc == 0)
        rc = build_resources(builder);
    if (rc == 0)
        rc = check_common_names(builder);
    if (rc == 0)
        rc = build_outputs(builder);
    if (rc == 0 && model->document->is_expanded)
        rc = check_model(builder->arena, model, builder->error);
    return rc;
}

struct template_model *model_new(struct arena *arena, const struct template_document *document)
{
    struct template_model *model = arena_alloc(arena, sizeof(*model));
    model->document = document;
    model->index = arena_alloc(arena, sizeof(*model->index));
    map_init(&model->index->parameters, arena);
    map_init(&model->index->resources, arena);
    map_init(&model->index->conditions, arena);
    for (size_t i = 0; i < document->transform_count; i++) {
        if (str_eq(document->transforms[i], STR("AWS::LanguageExtensions")))
            model->has_language_extensions = true;
    }
    return model;
}

int template_build(struct arena *arena, const struct template_document *document,
                   const struct template_build_options *options, struct template_model **out_model,
                   struct template_error *out_error)
{
    struct builder builder = {
        .arena = arena,
        .model = model_new(arena, document),
        .options = options,
        .error = out_error,
    };
    int rc = build_model(&builder);
    if (rc == 0)
        *out_model = builder.model;
    return rc;
}

const struct template_parameter *template_find_parameter(const struct template_model *model,
                                                         struct str name)
{
    return map_find(&model->index->parameters, name);
}

const struct template_resource *template_find_resource(const struct template_model *model,
                                                       struct str id)
{
    return map_find(&model->index->resources, id);
}
