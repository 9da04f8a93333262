/* types.c — the rows of CloudFormation's own resource types.
 *
 * AWS::CDK::Metadata carries the CDK's version report in a property and makes nothing. The others
 * are in nested.c, wait.c and custom.c. AWS::CloudFormation::Macro needs functions, and is refused
 * by name like every type that has no row.
 */
#include "base/rand.h"
#include "engine/cfn/resource.h"
#include "service/cloudformation/cloudformation.h"
#include "syntax/json.h"

static enum resource_result create_metadata(struct resource_call *rc)
{
    rc->physical_id = str_slice(rand_uuid(rc->call->arena), 0, 8);
    return RESOURCE_DONE;
}

static enum resource_result do_nothing(struct resource_call *rc)
{
    (void)rc;
    return RESOURCE_DONE;
}

#define PROPERTY(property_name, property_type, behavior)                                           \
    {                                                                                              \
        .name = STR_INIT(property_name), .type = property_type, .update = behavior                 \
    }
#define REQUIRED(property_name, property_type, behavior)                                           \
    {                                                                                              \
        .name = STR_INIT(property_name), .type = property_type, .update = behavior,                \
        .is_required = true                                                                        \
    }

static const struct resource_property metadata_properties[] = {
    PROPERTY("Analytics", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
    PROPERTY("Modules", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
};

static const struct resource_property tag_members[] = {
    REQUIRED("Key", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
    REQUIRED("Value", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
};

static const struct resource_property nested_properties[] = {
    PROPERTY("NotificationARNs", PROPERTY_LIST, UPDATE_NO_INTERRUPTION),
    PROPERTY("Parameters", PROPERTY_MAP, UPDATE_NO_INTERRUPTION),
    {
        .name = STR_INIT("Tags"),
        .type = PROPERTY_LIST,
        .members = tag_members,
        .member_count = ARRAY_LEN(tag_members),
    },
    REQUIRED("TemplateURL", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
    PROPERTY("TimeoutInMinutes", PROPERTY_INTEGER, UPDATE_NO_INTERRUPTION),
};

static const struct resource_property wait_properties[] = {
    PROPERTY("Count", PROPERTY_INTEGER, UPDATE_NO_INTERRUPTION),
    PROPERTY("Handle", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
    PROPERTY("Timeout", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
};

static const struct resource_property custom_properties[] = {
    PROPERTY("ServiceTimeout", PROPERTY_INTEGER, UPDATE_NO_INTERRUPTION),
    REQUIRED("ServiceToken", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
};

static const struct str nested_attributes[] = {STR_INIT("Outputs.*")};
static const struct str wait_attributes[] = {STR_INIT("Data")};
static const struct str custom_attributes[] = {STR_INIT("*")};

#define CUSTOM(type_name)                                                                          \
    {                                                                                              \
        .name = STR_INIT(type_name), .properties = custom_properties,                              \
        .property_count = ARRAY_LEN(custom_properties), .attributes = custom_attributes,           \
        .attribute_count = ARRAY_LEN(custom_attributes), .is_open = true, .create = create_custom, \
        .update = update_custom, .remove = remove_custom, .attribute = custom_attribute            \
    }

const struct resource_type cloudformation_resource_types[CLOUDFORMATION_RESOURCE_TYPE_COUNT] = {
    {
        .name = STR_INIT("AWS::CDK::Metadata"),
        .properties = metadata_properties,
        .property_count = ARRAY_LEN(metadata_properties),
        .create = create_metadata,
        .update = do_nothing,
        .remove = do_nothing,
    },
    CUSTOM("AWS::CloudFormation::CustomResource"),
    {
        .name = STR_INIT("AWS::CloudFormation::Stack"),
        .properties = nested_properties,
        .property_count = ARRAY_LEN(nested_properties),
        .attributes = nested_attributes,
        .attribute_count = ARRAY_LEN(nested_attributes),
        .accepts_tags = true,
        .is_always_updated = true,
        .create = create_nested,
        .update = update_nested,
        .restore = restore_nested,
        .settle = settle_nested,
        .remove = remove_nested,
        .attribute = nested_attribute,
    },
    {
        .name = STR_INIT("AWS::CloudFormation::WaitCondition"),
        .properties = wait_properties,
        .property_count = ARRAY_LEN(wait_properties),
        .attributes = wait_attributes,
        .attribute_count = ARRAY_LEN(wait_attributes),
        .is_never_updated = true,
        .create = create_wait,
        .update = do_nothing,
        .remove = do_nothing,
        .attribute = wait_attribute,
    },
    {
        .name = STR_INIT("AWS::CloudFormation::WaitConditionHandle"),
        .create = create_handle,
        .update = do_nothing,
        .remove = remove_callbacks,
    },
    CUSTOM("Custom::*"),
};
