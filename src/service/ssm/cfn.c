/* cfn.c — AWS::SSM::Parameter for CloudFormation.
 *
 * Docs: CloudFormation template reference, "AWS::SSM::Parameter".
 */
#include <assert.h>

#include "base/arena.h"
#include "engine/cfn/resource.h"
#include "service/ssm/ssm.h"
#include "syntax/json.h"

enum {
    GENERATED_NAME_MAX = 255,
};

#define PROPERTY(name_, type_, update_)                                                            \
    {                                                                                              \
        .name = STR_INIT(name_), .type = (type_), .update = (update_)                              \
    }

/* Type: "SecureString" is not a value here, AWS: "AWS CloudFormation doesn't support creating a
 * SecureString parameter type". Tags are an object, not a list. */
static const struct resource_property parameter_properties[] = {
    PROPERTY("AllowedPattern", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
    PROPERTY("DataType", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
    PROPERTY("Description", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
    PROPERTY("Name", PROPERTY_STRING, UPDATE_REPLACEMENT),
    PROPERTY("Policies", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
    PROPERTY("Tags", PROPERTY_MAP, UPDATE_NO_INTERRUPTION),
    PROPERTY("Tier", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
    {.name = STR_INIT("Type"), .type = PROPERTY_STRING, .is_required = true},
    {.name = STR_INIT("Value"), .type = PROPERTY_STRING, .is_required = true},
};

static const struct str attributes[] = {
    STR_INIT("Type"),
    STR_INIT("Value"),
};

static enum resource_result invoke(struct resource_call *rc, enum ssm_op op, const void *in,
                                   void *out, struct str *out_code)
{
    return resource_invoke(rc, &ssm_model, &ssm_operations[op], in, out, out_code);
}

/* The property's tags and the stack's; the property wins. */
static void gather_tags(struct resource_call *rc, const struct json *properties,
                        const struct json *stack_tags, struct ssm_tag_list *out)
{
    struct json *all = json_new(rc->call->arena, JSON_OBJECT);
    for (const struct json *tag = stack_tags ? stack_tags->first : NULL; tag; tag = tag->next) {
        if (!str_starts_with(json_find_str(tag, "Key"), STR("aws:")) ||
            rc->call->via_service.len > 0)
            json_set(all, json_find_str(tag, "Key"),
                     json_new_string(rc->call->arena, json_find_str(tag, "Value")));
    }
    const struct json *own = json_find_cstr(properties, "Tags");
    for (const struct json *tag = own ? own->first : NULL; tag; tag = tag->next)
        json_set(all, tag->key, json_new_string(rc->call->arena, tag->text));
    out->items = arena_alloc_array(rc->call->arena, all->count, sizeof(*out->items));
    for (const struct json *tag = all->first; tag; tag = tag->next)
        out->items[out->count++] = (struct ssm_tag){.key = tag->key, .value = tag->text};
}

static enum resource_result put(struct resource_call *rc, bool overwrites)
{
    struct ssm_put_parameter_in in = {
        .name = rc->physical_id,
        .description = str_or(resource_string(rc->properties, "Description"), STR("")),
        .value = resource_string(rc->properties, "Value"),
        .type = resource_string(rc->properties, "Type"),
        .allowed_pattern = str_or(resource_string(rc->properties, "AllowedPattern"), STR("")),
        .tier = resource_string(rc->properties, "Tier"),
        .policies = str_or(resource_string(rc->properties, "Policies"),
                           overwrites ? STR("[{}]") : (struct str){0}),
        .data_type = resource_string(rc->properties, "DataType"),
        .overwrite = opt_bool(overwrites),
    };
    struct ssm_put_parameter_out out = {0};
    if (str_eq(in.type, SSM_SECURE_STRING))
        return resource_fail(rc,
                             "Properties validation failed for resource " STR_FMT
                             " with message:\n#/Type: #/Type is not a valid enum value. Type "
                             "SecureString is not supported by CloudFormation.",
                             STR_ARG(rc->logical_id));
    if (!overwrites)
        gather_tags(rc, rc->properties, rc->stack_tags, &in.tags);
    return invoke(rc, SSM_OP_PUT_PARAMETER, &in, &out, NULL);
}

static enum resource_result create(struct resource_call *rc)
{
    struct str name = resource_string(rc->properties, "Name");
    rc->physical_id = name.len > 0 ? name : resource_physical_name(rc, GENERATED_NAME_MAX, STR(""));
    enum resource_result result = put(rc, false);
    if (result != RESOURCE_DONE)
        rc->physical_id = (struct str){0};
    return result;
}

static bool has_tag(const struct ssm_tag_list *tags, struct str key)
{
    for (size_t i = 0; i < tags->count; i++) {
        if (str_eq(tags->items[i].key, key))
            return true;
    }
    return false;
}

static enum resource_result update_tags(struct resource_call *rc)
{
    struct ssm_tag_list before = {0};
    struct ssm_remove_tags_from_resource_out removed = {0};
    struct ssm_add_tags_to_resource_out added = {0};
    struct ssm_add_tags_to_resource_in add = {.resource_type = STR("Parameter"),
                                              .resource_id = rc->physical_id};
    struct ssm_remove_tags_from_resource_in remove = {.resource_type = STR("Parameter"),
                                                      .resource_id = rc->physical_id};
    gather_tags(rc, rc->properties, rc->stack_tags, &add.tags);
    gather_tags(rc, rc->old_properties, rc->old_stack_tags ? rc->old_stack_tags : rc->stack_tags,
                &before);
    remove.tag_keys.items = arena_alloc_array(rc->call->arena, before.count, sizeof(struct str));
    for (size_t i = 0; i < before.count; i++) {
        if (!has_tag(&add.tags, before.items[i].key))
            remove.tag_keys.items[remove.tag_keys.count++] = before.items[i].key;
    }
    enum resource_result result = RESOURCE_DONE;
    if (remove.tag_keys.count > 0)
        result = invoke(rc, SSM_OP_REMOVE_TAGS_FROM_RESOURCE, &remove, &removed, NULL);
    if (result == RESOURCE_DONE && add.tags.count > 0)
        result = invoke(rc, SSM_OP_ADD_TAGS_TO_RESOURCE, &add, &added, NULL);
    return result;
}

static enum resource_result update(struct resource_call *rc)
{
    static const char *const of_value[] = {"AllowedPattern", "DataType", "Description", "Policies",
                                           "Tier",           "Type",     "Value"};
    bool has_changed = false;
    for (size_t i = 0; i < ARRAY_LEN(of_value); i++)
        has_changed |= resource_changed(rc, of_value[i]);
    enum resource_result result = has_changed ? put(rc, true) : RESOURCE_DONE;
    return result == RESOURCE_DONE ? update_tags(rc) : result;
}

static enum resource_result remove_parameter(struct resource_call *rc)
{
    const struct ssm_delete_parameter_in in = {.name = rc->physical_id};
    struct ssm_delete_parameter_out out = {0};
    struct str code = STR("");
    enum resource_result result = invoke(rc, SSM_OP_DELETE_PARAMETER, &in, &out, &code);
    bool is_gone = str_eq(code, SSM_PARAMETER_NOT_FOUND.code);
    return result == RESOURCE_FAILED && is_gone ? RESOURCE_DONE : result;
}

static enum resource_result get(struct resource_call *rc, struct ssm_parameter **out_parameter)
{
    const struct ssm_get_parameter_in in = {.name = rc->physical_id};
    struct ssm_get_parameter_out out = {0};
    enum resource_result result = invoke(rc, SSM_OP_GET_PARAMETER, &in, &out, NULL);
    if (result == RESOURCE_DONE)
        *out_parameter = out.parameter;
    return result;
}

static enum resource_result attribute(struct resource_call *rc, struct str name,
                                      struct json **out_value)
{
    struct ssm_parameter *parameter = NULL;
    enum resource_result result = get(rc, &parameter);
    if (result == RESOURCE_DONE)
        *out_value = json_new_string(rc->call->arena, str_eq_cstr(name, "Type") ? parameter->type
                                                                                : parameter->value);
    return result;
}

static void show(struct resource_call *rc, struct json *properties, const char *name,
                 struct str value)
{
    if (value.len > 0)
        json_append_member(properties, str_from_cstr(name),
                           json_new_string(rc->call->arena, value));
}

static enum resource_result read(struct resource_call *rc, struct json **out_properties)
{
    struct ssm_name name = {0};
    struct ssm_entry entry = {0};
    struct ssm_parameter *parameter = NULL;
    enum resource_result result = get(rc, &parameter);
    if (result != RESOURCE_DONE)
        return result;
    if (ssm_parse_name(rc->call, rc->physical_id, &name) != STATUS_DONE ||
        ssm_find_current(rc->call, &name, &entry) <= 0)
        return resource_fail(rc, "Parameter " STR_FMT " not found.", STR_ARG(rc->physical_id));
    struct json *properties = json_new(rc->call->arena, JSON_OBJECT);
    show(rc, properties, "Name", entry.name);
    show(rc, properties, "Type", entry.type);
    show(rc, properties, "Value", parameter->value);
    show(rc, properties, "Description", entry.description);
    show(rc, properties, "AllowedPattern", entry.allowed_pattern);
    show(rc, properties, "Tier", entry.tier);
    show(rc, properties, "DataType", entry.data_type);
    *out_properties = properties;
    return RESOURCE_DONE;
}

const struct resource_type ssm_resource_types[] = {
    {
        .name = STR_INIT("AWS::SSM::Parameter"),
        .properties = parameter_properties,
        .property_count = ARRAY_LEN(parameter_properties),
        .attributes = attributes,
        .attribute_count = ARRAY_LEN(attributes),
        .accepts_tags = true,
        .create = create,
        .update = update,
        .remove = remove_parameter,
        .attribute = attribute,
        .read = read,
    },
};
static_assert(ARRAY_LEN(ssm_resource_types) == SSM_RESOURCE_TYPES, "ssm.h counts them");
