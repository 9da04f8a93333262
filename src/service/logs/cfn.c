/* cfn.c — AWS::Logs::LogGroup, LogStream, MetricFilter, SubscriptionFilter, ResourcePolicy and
 * QueryDefinition for CloudFormation.
 *
 * Docs: CloudFormation template reference, the six types.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/arena.h"
#include "engine/cfn/resource.h"
#include "service/logs/logs.h"
#include "syntax/json.h"

enum {
    NAME_MAX = 512,
};

#define PROPERTY(name_, type_, update_)                                                            \
    {                                                                                              \
        .name = STR_INIT(name_), .type = (type_), .update = (update_)                              \
    }
#define REQUIRED(name_, type_, update_)                                                            \
    {                                                                                              \
        .name = STR_INIT(name_), .type = (type_), .update = (update_), .is_required = true         \
    }

static const struct resource_property tag_members[] = {
    REQUIRED("Key", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
    REQUIRED("Value", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
};

static const struct resource_property group_properties[] = {
    PROPERTY("DeletionProtectionEnabled", PROPERTY_BOOLEAN, UPDATE_NO_INTERRUPTION),
    PROPERTY("KmsKeyId", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
    PROPERTY("LogGroupClass", PROPERTY_STRING, UPDATE_REPLACEMENT),
    PROPERTY("LogGroupName", PROPERTY_STRING, UPDATE_REPLACEMENT),
    PROPERTY("RetentionInDays", PROPERTY_INTEGER, UPDATE_NO_INTERRUPTION),
    {
        .name = STR_INIT("Tags"),
        .type = PROPERTY_LIST,
        .members = tag_members,
        .member_count = ARRAY_LEN(tag_members),
    },
};

static const struct resource_property stream_properties[] = {
    REQUIRED("LogGroupName", PROPERTY_STRING, UPDATE_REPLACEMENT),
    PROPERTY("LogStreamName", PROPERTY_STRING, UPDATE_REPLACEMENT),
};

static const struct resource_property transformation_members[] = {
    PROPERTY("DefaultValue", PROPERTY_DOUBLE, UPDATE_NO_INTERRUPTION),
    {
        .name = STR_INIT("Dimensions"),
        .type = PROPERTY_LIST,
        .members = tag_members,
        .member_count = ARRAY_LEN(tag_members),
    },
    REQUIRED("MetricName", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
    REQUIRED("MetricNamespace", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
    REQUIRED("MetricValue", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
    PROPERTY("Unit", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
};

static const struct resource_property metric_properties[] = {
    PROPERTY("FilterName", PROPERTY_STRING, UPDATE_REPLACEMENT),
    REQUIRED("FilterPattern", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
    REQUIRED("LogGroupName", PROPERTY_STRING, UPDATE_REPLACEMENT),
    {
        .name = STR_INIT("MetricTransformations"),
        .type = PROPERTY_LIST,
        .is_required = true,
        .members = transformation_members,
        .member_count = ARRAY_LEN(transformation_members),
    },
};

static const struct resource_property subscription_properties[] = {
    REQUIRED("DestinationArn", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
    PROPERTY("Distribution", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
    PROPERTY("FilterName", PROPERTY_STRING, UPDATE_REPLACEMENT),
    REQUIRED("FilterPattern", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
    REQUIRED("LogGroupName", PROPERTY_STRING, UPDATE_REPLACEMENT),
    PROPERTY("RoleArn", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
};

static const struct resource_property policy_properties[] = {
    REQUIRED("PolicyDocument", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
    REQUIRED("PolicyName", PROPERTY_STRING, UPDATE_REPLACEMENT),
};

static const struct resource_property definition_properties[] = {
    PROPERTY("LogGroupNames", PROPERTY_LIST, UPDATE_NO_INTERRUPTION),
    REQUIRED("Name", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
    PROPERTY("QueryLanguage", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
    REQUIRED("QueryString", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
};

static const struct str arn_attributes[] = {STR_INIT("Arn")};
static const struct str definition_attributes[] = {STR_INIT("QueryDefinitionId")};

static enum resource_result invoke(struct resource_call *rc, enum logs_op op, const void *in,
                                   void *out, struct str *out_code)
{
    return resource_invoke(rc, &logs_model, &logs_operations[op], in, out, out_code);
}

/* What is gone counts as removed. */
static enum resource_result unless_gone(enum resource_result result, struct str code)
{
    bool is_gone = str_eq(code, LOGS_RESOURCE_NOT_FOUND_EXCEPTION.code);
    return result == RESOURCE_FAILED && is_gone ? RESOURCE_DONE : result;
}

static struct str group_of(const struct resource_call *rc)
{
    return resource_string(rc->properties, "LogGroupName");
}

/* --- AWS::Logs::LogGroup --- */

static void gather_tags(struct resource_call *rc, struct logs_tags *out)
{
    const struct json *tags = resource_tags(rc, "Tags");
    out->items = arena_alloc_array(rc->call->arena, tags->count + 1, sizeof(*out->items));
    for (const struct json *tag = tags->first; tag; tag = tag->next) {
        struct str key = json_find_str(tag, "Key");
        if (!str_starts_with(key, STR("aws:")) || rc->call->via_service.len > 0)
            out->items[out->count++] =
                (struct logs_tags_entry){.key = key, .value = json_find_str(tag, "Value")};
    }
}

static enum resource_result set_retention(struct resource_call *rc)
{
    struct opt_i64 days = resource_integer(rc->properties, "RetentionInDays");
    const struct logs_put_retention_policy_in put = {
        .log_group_name = rc->physical_id,
        .retention_in_days = opt_i32((int32_t)opt_i64_or(days, 0)),
    };
    const struct logs_delete_retention_policy_in drop = {.log_group_name = rc->physical_id};
    struct logs_put_retention_policy_out put_out = {0};
    struct logs_delete_retention_policy_out drop_out = {0};
    return days.is_set ? invoke(rc, LOGS_OP_PUT_RETENTION_POLICY, &put, &put_out, NULL)
                       : invoke(rc, LOGS_OP_DELETE_RETENTION_POLICY, &drop, &drop_out, NULL);
}

static enum resource_result create_group(struct resource_call *rc)
{
    struct logs_create_log_group_in in = {
        .log_group_name = group_of(rc),
        .kms_key_id = resource_string(rc->properties, "KmsKeyId"),
        .log_group_class = resource_string(rc->properties, "LogGroupClass"),
        .deletion_protection_enabled =
            resource_boolean(rc->properties, "DeletionProtectionEnabled"),
    };
    struct logs_create_log_group_out out = {0};
    if (in.log_group_name.len == 0)
        in.log_group_name = resource_physical_name(rc, NAME_MAX, STR(""));
    gather_tags(rc, &in.tags);
    enum resource_result result = invoke(rc, LOGS_OP_CREATE_LOG_GROUP, &in, &out, NULL);
    if (result != RESOURCE_DONE)
        return result;
    rc->physical_id = in.log_group_name;
    return resource_integer(rc->properties, "RetentionInDays").is_set ? set_retention(rc)
                                                                      : RESOURCE_DONE;
}

static enum resource_result set_key(struct resource_call *rc)
{
    struct str key_id = resource_string(rc->properties, "KmsKeyId");
    const struct logs_associate_kms_key_in set = {.log_group_name = rc->physical_id,
                                                  .kms_key_id = key_id};
    const struct logs_disassociate_kms_key_in drop = {.log_group_name = rc->physical_id};
    struct logs_associate_kms_key_out set_out = {0};
    struct logs_disassociate_kms_key_out drop_out = {0};
    return key_id.len > 0 ? invoke(rc, LOGS_OP_ASSOCIATE_KMS_KEY, &set, &set_out, NULL)
                          : invoke(rc, LOGS_OP_DISASSOCIATE_KMS_KEY, &drop, &drop_out, NULL);
}

static enum resource_result set_protection(struct resource_call *rc)
{
    const struct logs_put_log_group_deletion_protection_in in = {
        .log_group_identifier = rc->physical_id,
        .deletion_protection_enabled = opt_bool(
            opt_bool_or(resource_boolean(rc->properties, "DeletionProtectionEnabled"), false)),
    };
    struct logs_put_log_group_deletion_protection_out out = {0};
    return invoke(rc, LOGS_OP_PUT_LOG_GROUP_DELETION_PROTECTION, &in, &out, NULL);
}

static enum resource_result update_tags(struct resource_call *rc)
{
    const struct logs_list_tags_log_group_in list = {.log_group_name = rc->physical_id};
    struct logs_list_tags_log_group_out listed = {0};
    struct logs_tag_log_group_in tag = {.log_group_name = rc->physical_id};
    struct logs_tag_log_group_out tagged = {0};
    struct logs_untag_log_group_in untag = {.log_group_name = rc->physical_id};
    struct logs_untag_log_group_out untagged = {0};
    gather_tags(rc, &tag.tags);
    enum resource_result result = invoke(rc, LOGS_OP_LIST_TAGS_LOG_GROUP, &list, &listed, NULL);
    if (result != RESOURCE_DONE)
        return result;
    untag.tags.items = arena_alloc_array(rc->call->arena, listed.tags.count, sizeof(struct str));
    for (size_t i = 0; i < listed.tags.count; i++) {
        bool is_kept = false;
        for (size_t other = 0; other < tag.tags.count; other++)
            is_kept |= str_eq(tag.tags.items[other].key, listed.tags.items[i].key);
        if (!is_kept)
            untag.tags.items[untag.tags.count++] = listed.tags.items[i].key;
    }
    if (untag.tags.count > 0)
        result = invoke(rc, LOGS_OP_UNTAG_LOG_GROUP, &untag, &untagged, NULL);
    if (result == RESOURCE_DONE && tag.tags.count > 0)
        result = invoke(rc, LOGS_OP_TAG_LOG_GROUP, &tag, &tagged, NULL);
    return result;
}

static enum resource_result update_group(struct resource_call *rc)
{
    enum resource_result result = RESOURCE_DONE;
    if (resource_changed(rc, "RetentionInDays"))
        result = set_retention(rc);
    if (result == RESOURCE_DONE && resource_changed(rc, "KmsKeyId"))
        result = set_key(rc);
    if (result == RESOURCE_DONE && resource_changed(rc, "DeletionProtectionEnabled"))
        result = set_protection(rc);
    return result == RESOURCE_DONE ? update_tags(rc) : result;
}

static enum resource_result remove_group(struct resource_call *rc)
{
    const struct logs_delete_log_group_in in = {.log_group_name = rc->physical_id};
    struct logs_delete_log_group_out out = {0};
    struct str code = STR("");
    return unless_gone(invoke(rc, LOGS_OP_DELETE_LOG_GROUP, &in, &out, &code), code);
}

static enum resource_result group_attribute(struct resource_call *rc, struct str name,
                                            struct json **out_value)
{
    (void)name;
    struct arena *arena = rc->call->arena;
    struct str arn = logs_group_arn(arena, rc->call->scope, rc->physical_id);
    *out_value = json_new_string(arena, str_concat(arena, arn, STR(":*")));
    return RESOURCE_DONE;
}

static enum resource_result read_group(struct resource_call *rc, struct json **out_properties)
{
    struct arena *arena = rc->call->arena;
    struct log_group group = {0};
    int found =
        logs_store_find_group(rc->call->db, arena, rc->call->scope, rc->physical_id, &group);
    if (found <= 0)
        return resource_fail(rc, "The specified log group does not exist.");
    struct json *properties = json_new(arena, JSON_OBJECT);
    json_append_member(properties, STR("LogGroupName"), json_new_string(arena, group.name));
    json_append_member(properties, STR("LogGroupClass"), json_new_string(arena, group.class_name));
    if (group.retention_days > 0)
        json_append_member(properties, STR("RetentionInDays"),
                           json_new_number(arena, group.retention_days));
    if (group.kms_key_id.len > 0)
        json_append_member(properties, STR("KmsKeyId"), json_new_string(arena, group.kms_key_id));
    json_append_member(properties, STR("DeletionProtectionEnabled"),
                       json_new_bool(arena, group.is_protected));
    *out_properties = properties;
    return RESOURCE_DONE;
}

/* --- AWS::Logs::LogStream --- */

static enum resource_result create_stream(struct resource_call *rc)
{
    struct logs_create_log_stream_in in = {
        .log_group_name = group_of(rc),
        .log_stream_name = resource_string(rc->properties, "LogStreamName"),
    };
    struct logs_create_log_stream_out out = {0};
    if (in.log_stream_name.len == 0)
        in.log_stream_name = resource_physical_name(rc, NAME_MAX, STR(""));
    enum resource_result result = invoke(rc, LOGS_OP_CREATE_LOG_STREAM, &in, &out, NULL);
    if (result == RESOURCE_DONE)
        rc->physical_id = in.log_stream_name;
    return result;
}

static enum resource_result remove_stream(struct resource_call *rc)
{
    const struct logs_delete_log_stream_in in = {.log_group_name = group_of(rc),
                                                 .log_stream_name = rc->physical_id};
    struct logs_delete_log_stream_out out = {0};
    struct str code = STR("");
    return unless_gone(invoke(rc, LOGS_OP_DELETE_LOG_STREAM, &in, &out, &code), code);
}

/* --- AWS::Logs::MetricFilter --- */

static double to_double(const struct json *value)
{
    return value ? strtod(value->text.ptr, NULL) : 0;
}

static void gather_transformation(struct resource_call *rc, struct logs_metric_transformation *out)
{
    struct arena *arena = rc->call->arena;
    const struct json *list = json_find_cstr(rc->properties, "MetricTransformations");
    const struct json *from = list ? list->first : NULL;
    const struct json *dimensions = json_find_cstr(from, "Dimensions");
    const struct json *number = json_find_cstr(from, "DefaultValue");
    *out = (struct logs_metric_transformation){
        .metric_name = json_find_str(from, "MetricName"),
        .metric_namespace = json_find_str(from, "MetricNamespace"),
        .metric_value = json_find_str(from, "MetricValue"),
        .unit = json_find_str(from, "Unit"),
    };
    if (number) {
        struct json text = *number;
        text.text = str_from_cstr(str_to_cstr(arena, number->text));
        out->default_value = opt_f64(to_double(&text));
    }
    if (!dimensions)
        return;
    out->dimensions.items =
        arena_alloc_array(arena, dimensions->count, sizeof(*out->dimensions.items));
    for (const struct json *item = dimensions->first; item; item = item->next)
        out->dimensions.items[out->dimensions.count++] = (struct logs_dimensions_entry){
            .key = json_find_str(item, "Key"), .value = json_find_str(item, "Value")};
}

static struct str filter_name(struct resource_call *rc)
{
    struct str name = resource_string(rc->properties, "FilterName");
    if (rc->physical_id.len > 0)
        return rc->physical_id;
    return name.len > 0 ? name : resource_physical_name(rc, NAME_MAX, STR(""));
}

static enum resource_result put_metric_filter(struct resource_call *rc)
{
    struct logs_metric_transformation transformation = {0};
    gather_transformation(rc, &transformation);
    const struct logs_put_metric_filter_in in = {
        .log_group_name = group_of(rc),
        .filter_name = filter_name(rc),
        .filter_pattern = resource_string(rc->properties, "FilterPattern"),
        .metric_transformations = {.items = &transformation, .count = 1, .is_set = true},
    };
    struct logs_put_metric_filter_out out = {0};
    enum resource_result result = invoke(rc, LOGS_OP_PUT_METRIC_FILTER, &in, &out, NULL);
    if (result == RESOURCE_DONE)
        rc->physical_id = in.filter_name;
    return result;
}

static enum resource_result remove_metric_filter(struct resource_call *rc)
{
    const struct logs_delete_metric_filter_in in = {.log_group_name = group_of(rc),
                                                    .filter_name = rc->physical_id};
    struct logs_delete_metric_filter_out out = {0};
    struct str code = STR("");
    return unless_gone(invoke(rc, LOGS_OP_DELETE_METRIC_FILTER, &in, &out, &code), code);
}

/* --- AWS::Logs::SubscriptionFilter --- */

static enum resource_result put_subscription(struct resource_call *rc)
{
    const struct logs_put_subscription_filter_in in = {
        .log_group_name = group_of(rc),
        .filter_name = filter_name(rc),
        .filter_pattern = resource_string(rc->properties, "FilterPattern"),
        .destination_arn = resource_string(rc->properties, "DestinationArn"),
        .role_arn = resource_string(rc->properties, "RoleArn"),
        .distribution = resource_string(rc->properties, "Distribution"),
    };
    struct logs_put_subscription_filter_out out = {0};
    enum resource_result result = invoke(rc, LOGS_OP_PUT_SUBSCRIPTION_FILTER, &in, &out, NULL);
    if (result == RESOURCE_DONE)
        rc->physical_id = in.filter_name;
    return result;
}

static enum resource_result remove_subscription(struct resource_call *rc)
{
    const struct logs_delete_subscription_filter_in in = {.log_group_name = group_of(rc),
                                                          .filter_name = rc->physical_id};
    struct logs_delete_subscription_filter_out out = {0};
    struct str code = STR("");
    return unless_gone(invoke(rc, LOGS_OP_DELETE_SUBSCRIPTION_FILTER, &in, &out, &code), code);
}

/* --- AWS::Logs::ResourcePolicy --- */

static enum resource_result put_policy(struct resource_call *rc)
{
    const struct logs_put_resource_policy_in in = {
        .policy_name = resource_string(rc->properties, "PolicyName"),
        .policy_document = resource_string(rc->properties, "PolicyDocument"),
    };
    struct logs_put_resource_policy_out out = {0};
    enum resource_result result = invoke(rc, LOGS_OP_PUT_RESOURCE_POLICY, &in, &out, NULL);
    if (result == RESOURCE_DONE)
        rc->physical_id = in.policy_name;
    return result;
}

static enum resource_result remove_policy(struct resource_call *rc)
{
    const struct logs_delete_resource_policy_in in = {.policy_name = rc->physical_id};
    struct logs_delete_resource_policy_out out = {0};
    struct str code = STR("");
    return unless_gone(invoke(rc, LOGS_OP_DELETE_RESOURCE_POLICY, &in, &out, &code), code);
}

/* --- AWS::Logs::QueryDefinition --- */

static enum resource_result put_definition(struct resource_call *rc)
{
    const struct json *groups = json_find_cstr(rc->properties, "LogGroupNames");
    struct logs_put_query_definition_in in = {
        .query_language = resource_string(rc->properties, "QueryLanguage"),
        .name = resource_string(rc->properties, "Name"),
        .query_definition_id = rc->physical_id,
        .query_string = resource_string(rc->properties, "QueryString"),
    };
    struct logs_put_query_definition_out out = {0};
    size_t count = groups ? groups->count : 0;
    in.log_group_names.items = arena_alloc_array(rc->call->arena, count, sizeof(struct str));
    for (const struct json *group = groups ? groups->first : NULL; group; group = group->next)
        in.log_group_names.items[in.log_group_names.count++] = group->text;
    enum resource_result result = invoke(rc, LOGS_OP_PUT_QUERY_DEFINITION, &in, &out, NULL);
    if (result == RESOURCE_DONE)
        rc->physical_id = out.query_definition_id;
    return result;
}

static enum resource_result remove_definition(struct resource_call *rc)
{
    const struct logs_delete_query_definition_in in = {.query_definition_id = rc->physical_id};
    struct logs_delete_query_definition_out out = {0};
    struct str code = STR("");
    return unless_gone(invoke(rc, LOGS_OP_DELETE_QUERY_DEFINITION, &in, &out, &code), code);
}

static enum resource_result definition_attribute(struct resource_call *rc, struct str name,
                                                 struct json **out_value)
{
    (void)name;
    *out_value = json_new_string(rc->call->arena, rc->physical_id);
    return RESOURCE_DONE;
}

const struct resource_type logs_resource_types[] = {
    {
        .name = STR_INIT("AWS::Logs::LogGroup"),
        .properties = group_properties,
        .property_count = ARRAY_LEN(group_properties),
        .attributes = arn_attributes,
        .attribute_count = ARRAY_LEN(arn_attributes),
        .accepts_tags = true,
        .create = create_group,
        .update = update_group,
        .remove = remove_group,
        .attribute = group_attribute,
        .read = read_group,
    },
    {
        .name = STR_INIT("AWS::Logs::LogStream"),
        .properties = stream_properties,
        .property_count = ARRAY_LEN(stream_properties),
        .create = create_stream,
        .remove = remove_stream,
    },
    {
        .name = STR_INIT("AWS::Logs::MetricFilter"),
        .properties = metric_properties,
        .property_count = ARRAY_LEN(metric_properties),
        .create = put_metric_filter,
        .update = put_metric_filter,
        .remove = remove_metric_filter,
    },
    {
        .name = STR_INIT("AWS::Logs::QueryDefinition"),
        .properties = definition_properties,
        .property_count = ARRAY_LEN(definition_properties),
        .attributes = definition_attributes,
        .attribute_count = ARRAY_LEN(definition_attributes),
        .create = put_definition,
        .update = put_definition,
        .remove = remove_definition,
        .attribute = definition_attribute,
    },
    {
        .name = STR_INIT("AWS::Logs::ResourcePolicy"),
        .properties = policy_properties,
        .property_count = ARRAY_LEN(policy_properties),
        .create = put_policy,
        .update = put_policy,
        .remove = remove_policy,
    },
    {
        .name = STR_INIT("AWS::Logs::SubscriptionFilter"),
        .properties = subscription_properties,
        .property_count = ARRAY_LEN(subscription_properties),
        .create = put_subscription,
        .update = put_subscription,
        .remove = remove_subscription,
    },
};
static_assert(ARRAY_LEN(logs_resource_types) == LOGS_RESOURCE_TYPES, "logs.h counts them");
