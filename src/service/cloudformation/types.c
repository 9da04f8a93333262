/* types.c — resource types of CloudFormation itself that are nothing but a name.
 *
 * AWS::CDK::Metadata carries the CDK's version report in a property and makes nothing.
 * AWS::CloudFormation::WaitConditionHandle is a signed URL that one could signal; here the URL
 * exists and nobody listens, which is all that templates need that use the handle as an empty
 * resource.
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

static enum resource_result create_handle(struct resource_call *rc)
{
    /* AWS: "a presigned URL": https://cloudformation-waitcondition-REGION.s3.amazonaws.com/... */
    rc->physical_id = str_format(rc->call->arena,
                                 "https://cloudformation-waitcondition-" STR_FMT
                                 ".s3.amazonaws.com/" STR_FMT "/" STR_FMT "/" STR_FMT,
                                 STR_ARG(rc->call->scope.region), STR_ARG(rc->stack_id),
                                 STR_ARG(rc->logical_id), STR_ARG(rand_uuid(rc->call->arena)));
    return RESOURCE_DONE;
}

static enum resource_result do_nothing(struct resource_call *rc)
{
    (void)rc;
    return RESOURCE_DONE;
}

static enum resource_result read_properties(struct resource_call *rc, struct json **out_properties)
{
    *out_properties = json_copy(rc->call->arena, rc->properties);
    return RESOURCE_DONE;
}

static const struct resource_property metadata_properties[] = {
    {.name = STR_INIT("Analytics"), .type = PROPERTY_STRING, .update = UPDATE_NO_INTERRUPTION},
    {.name = STR_INIT("Modules"), .type = PROPERTY_STRING, .update = UPDATE_NO_INTERRUPTION},
};

const struct resource_type cloudformation_resource_types[CLOUDFORMATION_RESOURCE_TYPE_COUNT] = {
    {
        .name = STR_INIT("AWS::CDK::Metadata"),
        .properties = metadata_properties,
        .property_count = ARRAY_LEN(metadata_properties),
        .create = create_metadata,
        .update = do_nothing,
        .remove = do_nothing,
        .read = read_properties,
    },
    {
        .name = STR_INIT("AWS::CloudFormation::WaitConditionHandle"),
        .create = create_handle,
        .update = do_nothing,
        .remove = do_nothing,
        .read = read_properties,
    },
};
