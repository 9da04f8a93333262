/* summary.c — what ValidateTemplate and GetTemplateSummary tell: capabilities, types, transforms.
 *
 * Docs: CloudFormation API reference, CreateStack, Capabilities: the list of IAM types; "If you
 * have IAM resources with custom names, you must specify CAPABILITY_NAMED_IAM".
 */
#include "engine/template/internal.h"

#include "base/arena.h"

static const struct {
    const char *type;
    const char *name_property; /* NULL: cannot have a custom name */
} iam_types[] = {
    {"AWS::IAM::AccessKey", NULL},
    {"AWS::IAM::Group", "GroupName"},
    {"AWS::IAM::InstanceProfile", "InstanceProfileName"},
    {"AWS::IAM::ManagedPolicy", "ManagedPolicyName"},
    {"AWS::IAM::Policy", NULL},
    {"AWS::IAM::Role", "RoleName"},
    {"AWS::IAM::User", "UserName"},
    {"AWS::IAM::UserToGroupAddition", NULL},
};

/* Whether the type needs a capability; *out_is_named when this resource has a name of its own. */
static bool needs_capability(const struct template_resource *resource, bool *out_is_named)
{
    for (size_t i = 0; i < ARRAY_LEN(iam_types); i++) {
        if (!str_eq_cstr(resource->type, iam_types[i].type))
            continue;
        *out_is_named = iam_types[i].name_property &&
                        json_find_cstr(resource->properties, iam_types[i].name_property);
        return true;
    }
    return false;
}

void template_summarize(struct arena *arena, const struct template_model *model,
                        struct template_summary *out_summary)
{
    struct template_summary summary = {0};
    struct vec types;
    struct vec iam;
    struct vec capabilities;
    vec_init(&types, arena, sizeof(struct str));
    vec_init(&iam, arena, sizeof(struct str));
    vec_init(&capabilities, arena, sizeof(struct str));
    bool has_name = false;
    for (size_t i = 0; i < model->resource_count; i++) {
        const struct template_resource *resource = &model->resources[i];
        bool is_named = false;
        add_unique(&types, resource->type);
        if (needs_capability(resource, &is_named))
            add_unique(&iam, resource->type);
        has_name = has_name || is_named;
    }
    if (iam.count > 0) {
        /* OBSERVED: "The following resource(s) require capabilities: [AWS::IAM::Role]". */
        *(struct str *)vec_push(&capabilities) =
            has_name ? STR("CAPABILITY_NAMED_IAM") : STR("CAPABILITY_IAM");
        summary.capabilities_reason =
            str_concat(arena, STR("The following resource(s) require capabilities: "),
                       list_text(arena, iam.items, iam.count));
    }
    if (model->document->transform_count > 0)
        *(struct str *)vec_push(&capabilities) = STR("CAPABILITY_AUTO_EXPAND");

    summary.capabilities = capabilities.items;
    summary.capability_count = capabilities.count;
    summary.resource_types = types.items;
    summary.resource_type_count = types.count;
    summary.transforms = model->document->transforms;
    summary.transform_count = model->document->transform_count;
    if (model->metadata)
        summary.metadata = json_to_str(arena, model->metadata);
    summary.version =
        scalar_text(json_find(model->document->root, STR("AWSTemplateFormatVersion")));
    *out_summary = summary;
}

static bool is_granted(struct str capability, const struct str *given, size_t given_count)
{
    for (size_t i = 0; i < given_count; i++) {
        if (str_eq(given[i], capability))
            return true;
        /* AWS: "If you have IAM resources, you can specify either capability." */
        if (str_eq(capability, STR("CAPABILITY_IAM")) &&
            str_eq(given[i], STR("CAPABILITY_NAMED_IAM")))
            return true;
    }
    return false;
}

void template_missing_capabilities(struct arena *arena, const struct template_summary *summary,
                                   const struct str *given, size_t given_count,
                                   struct str **out_missing, size_t *out_count)
{
    struct vec missing;
    vec_init(&missing, arena, sizeof(struct str));
    for (size_t i = 0; i < summary->capability_count; i++) {
        if (!is_granted(summary->capabilities[i], given, given_count))
            *(struct str *)vec_push(&missing) = summary->capabilities[i];
    }
    *out_missing = missing.items;
    *out_count = missing.count;
}
