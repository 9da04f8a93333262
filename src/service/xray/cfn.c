/* cfn.c — AWS::XRay::Group, AWS::XRay::SamplingRule, AWS::XRay::ResourcePolicy.
 *
 * Docs: CloudFormation template reference. Of SamplingRule the nested SamplingRule is what AWS's
 * current schema takes; RuleName beside it names the rule to be deleted, too.
 */
#include <assert.h>

#include "base/arena.h"
#include "service/xray/xray.h"
#include "syntax/json.h"

#define PROPERTY(property_name, property_type, behavior)                                           \
    {                                                                                              \
        .name = STR_INIT(property_name), .type = property_type, .update = behavior                 \
    }

static enum resource_result invoke(struct resource_call *rc, enum xray_op op, const void *in,
                                   void *out, struct str *out_code)
{
    return resource_invoke(rc, &xray_model, &xray_operations[op], in, out, out_code);
}

static const struct resource_property tag_members[] = {
    PROPERTY("Key", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
    PROPERTY("Value", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
};

static void gather_tags(struct resource_call *rc, struct xray_tag_list *out)
{
    const struct json *tags = resource_tags(rc, "Tags");
    out->items = arena_alloc_array(rc->call->arena, tags->count + 1, sizeof(*out->items));
    for (const struct json *tag = tags->first; tag; tag = tag->next) {
        struct str key = json_find_str(tag, "Key");
        if (!str_starts_with(key, STR("aws:"))) /* which X-Ray refuses from clients */
            out->items[out->count++] =
                (struct xray_tag){.key = key, .value = json_find_str(tag, "Value")};
    }
}

static enum resource_result update_tags(struct resource_call *rc, struct str arn)
{
    struct xray_tag_list wanted = {0};
    gather_tags(rc, &wanted);
    const struct xray_list_tags_for_resource_in list = {.resource_arn = arn};
    struct xray_list_tags_for_resource_out have = {0};
    enum resource_result result = invoke(rc, XRAY_OP_LIST_TAGS_FOR_RESOURCE, &list, &have, NULL);
    if (result != RESOURCE_DONE)
        return result;
    struct xray_untag_resource_in untag = {.resource_arn = arn};
    untag.tag_keys.items =
        arena_alloc_array(rc->call->arena, have.tags.count + 1, sizeof(struct str));
    for (size_t i = 0; i < have.tags.count; i++) {
        bool is_kept = false;
        for (size_t w = 0; w < wanted.count; w++)
            is_kept |= str_eq(wanted.items[w].key, have.tags.items[i].key);
        if (!is_kept)
            untag.tag_keys.items[untag.tag_keys.count++] = have.tags.items[i].key;
    }
    untag.tag_keys.is_set = true;
    struct xray_untag_resource_out untagged = {0};
    result = invoke(rc, XRAY_OP_UNTAG_RESOURCE, &untag, &untagged, NULL);
    if (result != RESOURCE_DONE || wanted.count == 0)
        return result;
    const struct xray_tag_resource_in tag = {.resource_arn = arn, .tags = wanted};
    struct xray_tag_resource_out tagged = {0};
    return invoke(rc, XRAY_OP_TAG_RESOURCE, &tag, &tagged, NULL);
}

static enum resource_result put_tags(struct resource_call *rc, struct json *properties)
{
    struct arena *arena = rc->call->arena;
    const struct xray_list_tags_for_resource_in in = {.resource_arn = rc->physical_id};
    struct xray_list_tags_for_resource_out out = {0};
    enum resource_result result = invoke(rc, XRAY_OP_LIST_TAGS_FOR_RESOURCE, &in, &out, NULL);
    struct json *tags = json_new(arena, JSON_ARRAY);
    for (size_t i = 0; i < out.tags.count; i++) {
        struct json *tag = json_new(arena, JSON_OBJECT);
        json_append_member(tag, STR("Key"), json_new_string(arena, out.tags.items[i].key));
        json_append_member(tag, STR("Value"), json_new_string(arena, out.tags.items[i].value));
        json_append(tags, tag);
    }
    json_append_member(properties, STR("Tags"), tags);
    return result;
}

/* The physical id under the name of an attribute, and nothing else. */
static enum resource_result own_id(struct resource_call *rc, struct str name,
                                   struct json **out_value)
{
    (void)name;
    *out_value = json_new_string(rc->call->arena, rc->physical_id);
    return RESOURCE_DONE;
}

static bool is_missing(struct str code)
{
    return str_eq(code, XRAY_INVALID_REQUEST_EXCEPTION.code);
}

/* --- AWS::XRay::Group --- */

static const struct resource_property insights_members[] = {
    PROPERTY("InsightsEnabled", PROPERTY_BOOLEAN, UPDATE_NO_INTERRUPTION),
    PROPERTY("NotificationsEnabled", PROPERTY_BOOLEAN, UPDATE_NO_INTERRUPTION),
};
static const struct resource_property group_properties[] = {
    PROPERTY("FilterExpression", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
    {
        .name = STR_INIT("GroupName"),
        .type = PROPERTY_STRING,
        .update = UPDATE_REPLACEMENT,
        .is_required = true,
    },
    {
        .name = STR_INIT("InsightsConfiguration"),
        .type = PROPERTY_OBJECT,
        .members = insights_members,
        .member_count = ARRAY_LEN(insights_members),
    },
    {
        .name = STR_INIT("Tags"),
        .type = PROPERTY_LIST,
        .members = tag_members,
        .member_count = ARRAY_LEN(tag_members),
    },
};

static struct xray_insights_configuration *insights_of(struct resource_call *rc)
{
    const struct json *given = json_find_cstr(rc->properties, "InsightsConfiguration");
    struct xray_insights_configuration *out = arena_alloc(rc->call->arena, sizeof(*out));
    *out = (struct xray_insights_configuration){
        .insights_enabled =
            opt_bool(opt_bool_or(resource_boolean(given, "InsightsEnabled"), false)),
        .notifications_enabled =
            opt_bool(opt_bool_or(resource_boolean(given, "NotificationsEnabled"), false)),
    };
    return out;
}

static enum resource_result create_group(struct resource_call *rc)
{
    struct xray_create_group_in in = {
        .group_name = resource_string(rc->properties, "GroupName"),
        .filter_expression = resource_string(rc->properties, "FilterExpression"),
        .insights_configuration = insights_of(rc),
    };
    gather_tags(rc, &in.tags);
    struct xray_create_group_out out = {0};
    enum resource_result result = invoke(rc, XRAY_OP_CREATE_GROUP, &in, &out, NULL);
    if (result == RESOURCE_DONE)
        rc->physical_id = out.group->group_arn;
    return result;
}

static enum resource_result update_group(struct resource_call *rc)
{
    const struct xray_update_group_in in = {
        .group_arn = rc->physical_id,
        .filter_expression = str_or(resource_string(rc->properties, "FilterExpression"), STR("")),
        .insights_configuration = insights_of(rc),
    };
    struct xray_update_group_out out = {0};
    enum resource_result result = invoke(rc, XRAY_OP_UPDATE_GROUP, &in, &out, NULL);
    return result == RESOURCE_DONE ? update_tags(rc, rc->physical_id) : result;
}

static enum resource_result remove_group(struct resource_call *rc)
{
    const struct xray_delete_group_in in = {.group_arn = rc->physical_id};
    struct xray_delete_group_out out = {0};
    struct str code = STR("");
    enum resource_result result = invoke(rc, XRAY_OP_DELETE_GROUP, &in, &out, &code);
    return result == RESOURCE_FAILED && is_missing(code) ? RESOURCE_DONE : result;
}

static enum resource_result read_group(struct resource_call *rc, struct json **out_properties)
{
    struct arena *arena = rc->call->arena;
    const struct xray_get_group_in in = {.group_arn = rc->physical_id};
    struct xray_get_group_out out = {0};
    enum resource_result result = invoke(rc, XRAY_OP_GET_GROUP, &in, &out, NULL);
    if (result != RESOURCE_DONE)
        return result;
    const struct xray_insights_configuration *insights = out.group->insights_configuration;
    struct json *configuration = json_new(arena, JSON_OBJECT);
    json_append_member(configuration, STR("InsightsEnabled"),
                       json_new_bool(arena, insights->insights_enabled.value));
    json_append_member(configuration, STR("NotificationsEnabled"),
                       json_new_bool(arena, insights->notifications_enabled.value));
    struct json *properties = json_new(arena, JSON_OBJECT);
    json_append_member(properties, STR("GroupName"), json_new_string(arena, out.group->group_name));
    if (out.group->filter_expression.len > 0)
        json_append_member(properties, STR("FilterExpression"),
                           json_new_string(arena, out.group->filter_expression));
    json_append_member(properties, STR("InsightsConfiguration"), configuration);
    *out_properties = properties;
    return put_tags(rc, properties);
}

/* --- AWS::XRay::SamplingRule --- */

static const struct resource_property boost_members[] = {
    PROPERTY("CooldownWindowMinutes", PROPERTY_INTEGER, UPDATE_NO_INTERRUPTION),
    PROPERTY("MaxRate", PROPERTY_DOUBLE, UPDATE_NO_INTERRUPTION),
};
static const struct resource_property rule_members[] = {
    PROPERTY("Attributes", PROPERTY_MAP, UPDATE_NO_INTERRUPTION),
    PROPERTY("FixedRate", PROPERTY_DOUBLE, UPDATE_NO_INTERRUPTION),
    PROPERTY("HTTPMethod", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
    PROPERTY("Host", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
    PROPERTY("Priority", PROPERTY_INTEGER, UPDATE_NO_INTERRUPTION),
    PROPERTY("ReservoirSize", PROPERTY_INTEGER, UPDATE_NO_INTERRUPTION),
    PROPERTY("ResourceARN", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
    PROPERTY("RuleARN", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
    PROPERTY("RuleName", PROPERTY_STRING, UPDATE_CONDITIONAL),
    {
        .name = STR_INIT("SamplingRateBoost"),
        .type = PROPERTY_OBJECT,
        .members = boost_members,
        .member_count = ARRAY_LEN(boost_members),
    },
    PROPERTY("ServiceName", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
    PROPERTY("ServiceType", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
    PROPERTY("URLPath", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
    PROPERTY("Version", PROPERTY_INTEGER, UPDATE_NO_INTERRUPTION),
};
static const struct resource_property rule_properties[] = {
    PROPERTY("RuleName", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
    {
        .name = STR_INIT("SamplingRule"),
        .type = PROPERTY_OBJECT,
        .update = UPDATE_CONDITIONAL,
        .members = rule_members,
        .member_count = ARRAY_LEN(rule_members),
    },
    {
        .name = STR_INIT("Tags"),
        .type = PROPERTY_LIST,
        .members = tag_members,
        .member_count = ARRAY_LEN(tag_members),
    },
};

static const struct json *given_rule(const struct json *properties)
{
    return json_find_cstr(properties, "SamplingRule");
}

static struct str given_name(const struct json *properties)
{
    struct str inner = resource_string(given_rule(properties), "RuleName");
    return inner.ptr ? inner : resource_string(properties, "RuleName");
}

static bool rule_needs_replacement(const struct json *old_properties, const struct json *properties)
{
    return !str_eq(given_name(old_properties), given_name(properties));
}

static struct opt_i32 integer_of(const struct json *object, const char *name)
{
    struct opt_i64 value = resource_integer(object, name);
    return value.is_set ? opt_i32((int32_t)value.value) : (struct opt_i32){0};
}

static struct xray_attribute_map attributes_of(struct resource_call *rc, const struct json *rule)
{
    const struct json *given = json_find_cstr(rule, "Attributes");
    struct xray_attribute_map map = {.is_set = true};
    size_t count = given ? given->count : 0;
    map.items = arena_alloc_array(rc->call->arena, count + 1, sizeof(*map.items));
    for (const struct json *item = given ? given->first : NULL; item; item = item->next)
        map.items[map.count++] =
            (struct xray_attribute_map_entry){.key = item->key, .value = item->text};
    return map;
}

static struct xray_sampling_rate_boost *boost_of(struct resource_call *rc, const struct json *rule)
{
    const struct json *given = json_find_cstr(rule, "SamplingRateBoost");
    if (!given)
        return NULL;
    struct xray_sampling_rate_boost *boost = arena_alloc(rc->call->arena, sizeof(*boost));
    *boost = (struct xray_sampling_rate_boost){
        .max_rate = xray_number(given, "MaxRate"),
        .cooldown_window_minutes = integer_of(given, "CooldownWindowMinutes"),
    };
    return boost;
}

static enum resource_result create_rule(struct resource_call *rc)
{
    const struct json *given = given_rule(rc->properties);
    if (!given)
        return resource_fail(rc, "Property SamplingRule cannot be empty.");
    struct str name = given_name(rc->properties);
    struct xray_sampling_rule rule = {
        .rule_name = name.ptr ? name : resource_physical_name(rc, 32, STR("")),
        .resource_arn = str_or(resource_string(given, "ResourceARN"), STR("*")),
        .priority = integer_of(given, "Priority"),
        .fixed_rate = xray_number(given, "FixedRate"),
        .reservoir_size = integer_of(given, "ReservoirSize"),
        .service_name = str_or(resource_string(given, "ServiceName"), STR("*")),
        .service_type = str_or(resource_string(given, "ServiceType"), STR("*")),
        .host = str_or(resource_string(given, "Host"), STR("*")),
        .http_method = str_or(resource_string(given, "HTTPMethod"), STR("*")),
        .url_path = str_or(resource_string(given, "URLPath"), STR("*")),
        .version = opt_i32(opt_i32_or(integer_of(given, "Version"), 1)),
        .attributes = attributes_of(rc, given),
        .sampling_rate_boost = boost_of(rc, given),
    };
    if (!rule.priority.is_set || !rule.fixed_rate.is_set || !rule.reservoir_size.is_set)
        return resource_fail(rc, "Properties Priority, FixedRate and ReservoirSize of SamplingRule "
                                 "are required.");
    struct xray_create_sampling_rule_in in = {.sampling_rule = &rule};
    gather_tags(rc, &in.tags);
    struct xray_create_sampling_rule_out out = {0};
    enum resource_result result = invoke(rc, XRAY_OP_CREATE_SAMPLING_RULE, &in, &out, NULL);
    if (result == RESOURCE_DONE)
        rc->physical_id = out.sampling_rule_record->sampling_rule->rule_arn;
    return result;
}

static enum resource_result update_rule(struct resource_call *rc)
{
    const struct json *given = given_rule(rc->properties);
    struct xray_sampling_rule_update update = {
        .rule_arn = rc->physical_id,
        .resource_arn = str_or(resource_string(given, "ResourceARN"), STR("*")),
        .priority = integer_of(given, "Priority"),
        .fixed_rate = xray_number(given, "FixedRate"),
        .reservoir_size = integer_of(given, "ReservoirSize"),
        .host = str_or(resource_string(given, "Host"), STR("*")),
        .service_name = str_or(resource_string(given, "ServiceName"), STR("*")),
        .service_type = str_or(resource_string(given, "ServiceType"), STR("*")),
        .http_method = str_or(resource_string(given, "HTTPMethod"), STR("*")),
        .url_path = str_or(resource_string(given, "URLPath"), STR("*")),
        .attributes = attributes_of(rc, given),
        .sampling_rate_boost = boost_of(rc, given),
    };
    const struct xray_update_sampling_rule_in in = {.sampling_rule_update = &update};
    struct xray_update_sampling_rule_out out = {0};
    enum resource_result result = invoke(rc, XRAY_OP_UPDATE_SAMPLING_RULE, &in, &out, NULL);
    return result == RESOURCE_DONE ? update_tags(rc, rc->physical_id) : result;
}

static enum resource_result remove_rule(struct resource_call *rc)
{
    const struct xray_delete_sampling_rule_in in = {.rule_arn = rc->physical_id};
    struct xray_delete_sampling_rule_out out = {0};
    struct str code = STR("");
    enum resource_result result = invoke(rc, XRAY_OP_DELETE_SAMPLING_RULE, &in, &out, &code);
    return result == RESOURCE_FAILED && is_missing(code) ? RESOURCE_DONE : result;
}

static struct json *number_value(struct arena *arena, double value)
{
    struct json *number = json_new(arena, JSON_NUMBER);
    number->text = str_format(arena, "%.15g", value);
    return number;
}

static struct json *rule_tree(struct arena *arena, const struct xray_sampling_rule *rule)
{
    const struct {
        const char *name;
        struct str value;
    } texts[] = {
        {"RuleName", rule->rule_name},
        {"ResourceARN", rule->resource_arn},
        {"ServiceName", rule->service_name},
        {"ServiceType", rule->service_type},
        {"Host", rule->host},
        {"HTTPMethod", rule->http_method},
        {"URLPath", rule->url_path},
    };
    struct json *tree = json_new(arena, JSON_OBJECT);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        json_append_member(tree, str_from_cstr(texts[i].name),
                           json_new_string(arena, texts[i].value));
    json_append_member(tree, STR("Priority"), number_value(arena, rule->priority.value));
    json_append_member(tree, STR("FixedRate"), number_value(arena, rule->fixed_rate.value));
    json_append_member(tree, STR("ReservoirSize"), number_value(arena, rule->reservoir_size.value));
    json_append_member(tree, STR("Version"), number_value(arena, rule->version.value));
    if (rule->attributes.count > 0) {
        struct json *attributes = json_new(arena, JSON_OBJECT);
        for (size_t i = 0; i < rule->attributes.count; i++)
            json_append_member(attributes, rule->attributes.items[i].key,
                               json_new_string(arena, rule->attributes.items[i].value));
        json_append_member(tree, STR("Attributes"), attributes);
    }
    if (rule->sampling_rate_boost) {
        struct json *boost = json_new(arena, JSON_OBJECT);
        json_append_member(boost, STR("MaxRate"),
                           number_value(arena, rule->sampling_rate_boost->max_rate.value));
        json_append_member(
            boost, STR("CooldownWindowMinutes"),
            number_value(arena, rule->sampling_rate_boost->cooldown_window_minutes.value));
        json_append_member(tree, STR("SamplingRateBoost"), boost);
    }
    return tree;
}

static enum resource_result read_rule(struct resource_call *rc, struct json **out_properties)
{
    const struct xray_get_sampling_rules_in in = {0};
    struct xray_get_sampling_rules_out out = {0};
    enum resource_result result = invoke(rc, XRAY_OP_GET_SAMPLING_RULES, &in, &out, NULL);
    if (result != RESOURCE_DONE)
        return result;
    for (size_t i = 0; i < out.sampling_rule_records.count; i++) {
        const struct xray_sampling_rule *rule = out.sampling_rule_records.items[i].sampling_rule;
        if (!str_eq(rule->rule_arn, rc->physical_id))
            continue;
        *out_properties = json_new(rc->call->arena, JSON_OBJECT);
        json_append_member(*out_properties, STR("SamplingRule"), rule_tree(rc->call->arena, rule));
        return put_tags(rc, *out_properties);
    }
    return resource_fail(rc, "Sampling rule not found");
}

/* --- AWS::XRay::ResourcePolicy --- */

static const struct resource_property policy_properties[] = {
    PROPERTY("BypassPolicyLockoutCheck", PROPERTY_BOOLEAN, UPDATE_NO_INTERRUPTION),
    {.name = STR_INIT("PolicyDocument"), .type = PROPERTY_JSON, .is_required = true},
    {
        .name = STR_INIT("PolicyName"),
        .type = PROPERTY_STRING,
        .update = UPDATE_REPLACEMENT,
        .is_required = true,
    },
};

static enum resource_result put_policy(struct resource_call *rc)
{
    const struct xray_put_resource_policy_in in = {
        .policy_name = resource_string(rc->properties, "PolicyName"),
        .policy_document = resource_json_text(rc, rc->properties, "PolicyDocument"),
        .bypass_policy_lockout_check = resource_boolean(rc->properties, "BypassPolicyLockoutCheck"),
    };
    struct xray_put_resource_policy_out out = {0};
    enum resource_result result = invoke(rc, XRAY_OP_PUT_RESOURCE_POLICY, &in, &out, NULL);
    if (result == RESOURCE_DONE)
        rc->physical_id = in.policy_name;
    return result;
}

static enum resource_result remove_policy(struct resource_call *rc)
{
    const struct xray_delete_resource_policy_in in = {.policy_name = rc->physical_id};
    struct xray_delete_resource_policy_out out = {0};
    struct str code = STR("");
    enum resource_result result = invoke(rc, XRAY_OP_DELETE_RESOURCE_POLICY, &in, &out, &code);
    return result == RESOURCE_FAILED && is_missing(code) ? RESOURCE_DONE : result;
}

static enum resource_result read_policy(struct resource_call *rc, struct json **out_properties)
{
    struct arena *arena = rc->call->arena;
    const struct xray_list_resource_policies_in in = {0};
    struct xray_list_resource_policies_out out = {0};
    enum resource_result result = invoke(rc, XRAY_OP_LIST_RESOURCE_POLICIES, &in, &out, NULL);
    for (size_t i = 0; result == RESOURCE_DONE && i < out.resource_policies.count; i++) {
        const struct xray_resource_policy *policy = &out.resource_policies.items[i];
        struct json *document = NULL;
        if (!str_eq(policy->policy_name, rc->physical_id) ||
            json_parse(arena, policy->policy_document, 0, &document, NULL) < 0)
            continue;
        *out_properties = json_new(arena, JSON_OBJECT);
        json_append_member(*out_properties, STR("PolicyName"),
                           json_new_string(arena, policy->policy_name));
        json_append_member(*out_properties, STR("PolicyDocument"), document);
        return RESOURCE_DONE;
    }
    return result == RESOURCE_DONE ? resource_fail(rc, "Resource policy not found") : result;
}

/* --- the table --- */

static const struct str group_attributes[] = {STR_INIT("GroupARN")};
static const struct str rule_attributes[] = {STR_INIT("RuleARN")};

const struct resource_type xray_resource_types[] = {
    {
        .name = STR_INIT("AWS::XRay::Group"),
        .properties = group_properties,
        .property_count = ARRAY_LEN(group_properties),
        .attributes = group_attributes,
        .attribute_count = ARRAY_LEN(group_attributes),
        .accepts_tags = true,
        .create = create_group,
        .update = update_group,
        .remove = remove_group,
        .attribute = own_id,
        .read = read_group,
    },
    {
        .name = STR_INIT("AWS::XRay::ResourcePolicy"),
        .properties = policy_properties,
        .property_count = ARRAY_LEN(policy_properties),
        .create = put_policy,
        .update = put_policy,
        .remove = remove_policy,
        .read = read_policy,
    },
    {
        .name = STR_INIT("AWS::XRay::SamplingRule"),
        .properties = rule_properties,
        .property_count = ARRAY_LEN(rule_properties),
        .attributes = rule_attributes,
        .attribute_count = ARRAY_LEN(rule_attributes),
        .accepts_tags = true,
        .create = create_rule,
        .update = update_rule,
        .remove = remove_rule,
        .needs_replacement = rule_needs_replacement,
        .attribute = own_id,
        .read = read_rule,
    },
};
static_assert(ARRAY_LEN(xray_resource_types) == 3, "service.c counts them");
