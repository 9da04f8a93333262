/* cfn.c — AWS::SNS::Topic, Subscription, TopicPolicy and TopicInlinePolicy.
 *
 * Docs: CloudFormation template reference. ArchivePolicy, DataProtectionPolicy and ReplayPolicy are
 * not there, so that a template that gives them fails by name.
 */
#include <assert.h>

#include "base/arena.h"
#include "service/sns/sns.h"
#include "syntax/json.h"

#define PROPERTY(property_name, property_type, behavior)                                           \
    {                                                                                              \
        .name = STR_INIT(property_name), .type = property_type, .update = behavior                 \
    }

/* --- AWS::SNS::Topic --- */

static const struct resource_property tag_members[] = {
    PROPERTY("Key", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
    PROPERTY("Value", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
};
static const struct resource_property inline_subscription_members[] = {
    PROPERTY("Endpoint", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
    PROPERTY("Protocol", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
};
static const struct resource_property logging_members[] = {
    PROPERTY("FailureFeedbackRoleArn", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
    PROPERTY("Protocol", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
    PROPERTY("SuccessFeedbackRoleArn", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
    PROPERTY("SuccessFeedbackSampleRate", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
};

static const struct resource_property topic_properties[] = {
    PROPERTY("ContentBasedDeduplication", PROPERTY_BOOLEAN, UPDATE_NO_INTERRUPTION),
    {
        .name = STR_INIT("DeliveryStatusLogging"),
        .type = PROPERTY_LIST,
        .members = logging_members,
        .member_count = ARRAY_LEN(logging_members),
    },
    PROPERTY("DisplayName", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
    PROPERTY("FifoThroughputScope", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
    PROPERTY("FifoTopic", PROPERTY_BOOLEAN, UPDATE_REPLACEMENT),
    PROPERTY("KmsMasterKeyId", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
    PROPERTY("SignatureVersion", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
    {
        .name = STR_INIT("Subscription"),
        .type = PROPERTY_LIST,
        .members = inline_subscription_members,
        .member_count = ARRAY_LEN(inline_subscription_members),
    },
    {
        .name = STR_INIT("Tags"),
        .type = PROPERTY_LIST,
        .members = tag_members,
        .member_count = ARRAY_LEN(tag_members),
    },
    PROPERTY("TopicName", PROPERTY_STRING, UPDATE_REPLACEMENT),
    PROPERTY("TracingConfig", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
};

/* Properties that are attributes of the same name, and what they become again when a template stops
 * giving them. */
static const struct {
    const char *name;
    const char *fallback;
    bool is_fifo_only;
} topic_settings[] = {
    {"ContentBasedDeduplication", "false", true},
    {"DisplayName", "", false},
    {"FifoThroughputScope", "Topic", true},
    {"KmsMasterKeyId", "", false},
    {"SignatureVersion", "1", false},
    {"TracingConfig", "PassThrough", false},
};

static const char *const logging_settings[] = {"FailureFeedbackRoleArn", "SuccessFeedbackRoleArn",
                                               "SuccessFeedbackSampleRate"};

static bool is_fifo(const struct json *properties)
{
    return opt_bool_or(resource_boolean(properties, "FifoTopic"), false);
}

static struct str text_of(struct resource_call *rc, const struct json *properties, const char *name)
{
    const struct json *value = json_find_cstr(properties, name);
    if (!value || value->kind == JSON_NULL)
        return (struct str){0};
    if (value->kind == JSON_TRUE || value->kind == JSON_FALSE)
        return value->kind == JSON_TRUE ? STR("true") : STR("false");
    if (value->kind == JSON_OBJECT)
        return resource_json_text(rc, properties, name);
    return value->text;
}

/* "http/s" and "sqs" as attributes spell them: HTTP..., SQS..., Lambda... */
static struct str logging_prefix(struct str protocol)
{
    static const struct {
        const char *protocol;
        struct str prefix;
    } names[] = {
        {"application", STR_INIT("Application")},
        {"firehose", STR_INIT("Firehose")},
        {"http/s", STR_INIT("HTTP")},
        {"lambda", STR_INIT("Lambda")},
        {"sqs", STR_INIT("SQS")},
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (str_eq_nocase(protocol, str_from_cstr(names[i].protocol)))
            return names[i].prefix;
    }
    return (struct str){0};
}

static enum resource_result invoke(struct resource_call *rc, enum sns_op op, const void *in,
                                   void *out, struct str *out_code)
{
    return resource_invoke(rc, &sns_model, &sns_operations[op], in, out, out_code);
}

static enum resource_result set_attribute(struct resource_call *rc, struct str name,
                                          struct str value, struct str *out_code)
{
    const struct sns_set_topic_attributes_in in = {
        .topic_arn = rc->physical_id, .attribute_name = name, .attribute_value = value};
    struct sns_set_topic_attributes_out out = {0};
    return invoke(rc, SNS_OP_SET_TOPIC_ATTRIBUTES, &in, &out, out_code);
}

static enum resource_result apply_logging(struct resource_call *rc)
{
    const struct json *list = json_find_cstr(rc->properties, "DeliveryStatusLogging");
    for (const struct json *item = list ? list->first : NULL; item; item = item->next) {
        struct str prefix = logging_prefix(json_find_str(item, "Protocol"));
        if (!prefix.ptr)
            return resource_fail(
                rc, "Invalid request provided: Protocol " STR_FMT " of DeliveryStatusLogging",
                STR_ARG(json_find_str(item, "Protocol")));
        for (size_t i = 0; i < ARRAY_LEN(logging_settings); i++) {
            struct str value = json_find_str(item, logging_settings[i]);
            if (!value.ptr)
                continue;
            enum resource_result result = set_attribute(
                rc, str_concat(rc->call->arena, prefix, str_from_cstr(logging_settings[i])), value,
                NULL);
            if (result != RESOURCE_DONE)
                return result;
        }
    }
    return RESOURCE_DONE;
}

static bool lists_subscription(const struct json *properties, struct str protocol,
                               struct str endpoint)
{
    const struct json *list = json_find_cstr(properties, "Subscription");
    for (const struct json *item = list ? list->first : NULL; item; item = item->next) {
        if (str_eq(json_find_str(item, "Protocol"), protocol) &&
            str_eq(json_find_str(item, "Endpoint"), endpoint))
            return true;
    }
    return false;
}

/* Subscribes what the template names; the same again is no harm. */
static enum resource_result apply_subscriptions(struct resource_call *rc)
{
    const struct json *list = json_find_cstr(rc->properties, "Subscription");
    for (const struct json *item = list ? list->first : NULL; item; item = item->next) {
        const struct sns_subscribe_in in = {
            .topic_arn = rc->physical_id,
            .protocol = json_find_str(item, "Protocol"),
            .endpoint = json_find_str(item, "Endpoint"),
        };
        struct sns_subscribe_out out = {0};
        enum resource_result result = invoke(rc, SNS_OP_SUBSCRIBE, &in, &out, NULL);
        if (result != RESOURCE_DONE)
            return result;
    }
    return RESOURCE_DONE;
}

/* Takes away what the old template named and the new one does not. */
static enum resource_result drop_subscriptions(struct resource_call *rc)
{
    struct sns_list_subscriptions_by_topic_in in = {.topic_arn = rc->physical_id};
    do {
        struct sns_list_subscriptions_by_topic_out page = {0};
        enum resource_result result =
            invoke(rc, SNS_OP_LIST_SUBSCRIPTIONS_BY_TOPIC, &in, &page, NULL);
        if (result != RESOURCE_DONE)
            return result;
        for (size_t i = 0; i < page.subscriptions.count; i++) {
            const struct sns_subscription *item = &page.subscriptions.items[i];
            bool is_ours = lists_subscription(rc->old_properties, item->protocol, item->endpoint);
            bool is_kept = lists_subscription(rc->properties, item->protocol, item->endpoint);
            if (!is_ours || is_kept || str_eq_cstr(item->subscription_arn, "PendingConfirmation"))
                continue;
            const struct sns_unsubscribe_in leave = {.subscription_arn = item->subscription_arn};
            struct sns_unsubscribe_out left = {0};
            result = invoke(rc, SNS_OP_UNSUBSCRIBE, &leave, &left, NULL);
            if (result != RESOURCE_DONE)
                return result;
        }
        in.next_token = page.next_token;
    } while (in.next_token.ptr);
    return RESOURCE_DONE;
}

static void gather_tags(struct resource_call *rc, struct sns_tag_list *out)
{
    const struct json *tags = resource_tags(rc, "Tags");
    out->items = arena_alloc_array(rc->call->arena, tags->count + 1, sizeof(*out->items));
    for (const struct json *tag = tags->first; tag; tag = tag->next) {
        struct str key = json_find_str(tag, "Key");
        if (!str_starts_with(key, STR("aws:"))) /* which SNS refuses from clients */
            out->items[out->count++] =
                (struct sns_tag){.key = key, .value = json_find_str(tag, "Value")};
    }
}

static enum resource_result create_topic(struct resource_call *rc)
{
    struct arena *arena = rc->call->arena;
    struct str name = resource_string(rc->properties, "TopicName");
    bool fifo = is_fifo(rc->properties);
    struct sns_create_topic_in in = {
        .name =
            name.len > 0 ? name : resource_physical_name(rc, 256, fifo ? STR(".fifo") : STR("")),
    };
    in.attributes.items =
        arena_alloc_array(arena, ARRAY_LEN(topic_settings) + 1, sizeof(*in.attributes.items));
    for (size_t i = 0; i < ARRAY_LEN(topic_settings); i++) {
        struct str value = text_of(rc, rc->properties, topic_settings[i].name);
        if (value.ptr)
            in.attributes.items[in.attributes.count++] = (struct sns_topic_attributes_map_entry){
                .key = str_from_cstr(topic_settings[i].name), .value = value};
    }
    if (fifo)
        in.attributes.items[in.attributes.count++] =
            (struct sns_topic_attributes_map_entry){.key = STR("FifoTopic"), .value = STR("true")};
    gather_tags(rc, &in.tags);
    /* CreateTopic is idempotent, CloudFormation is not: a topic of that name is somebody else's. */
    struct sns_topic_row *found = NULL;
    int error = sns_store_find_topic(rc->call->db, arena, rc->call->scope, in.name, &found);
    if (error < 0)
        return resource_fail(rc, "sns: find topic");
    if (found)
        return resource_fail(
            rc, "Resource of type 'AWS::SNS::Topic' with identifier '" STR_FMT "' already exists.",
            STR_ARG(sns_topic_arn(arena, found)));
    struct sns_create_topic_out out = {0};
    enum resource_result result = invoke(rc, SNS_OP_CREATE_TOPIC, &in, &out, NULL);
    if (result != RESOURCE_DONE)
        return result;
    rc->physical_id = out.topic_arn;
    result = apply_logging(rc);
    return result == RESOURCE_DONE ? apply_subscriptions(rc) : result;
}

static enum resource_result update_tags(struct resource_call *rc)
{
    struct sns_tag_list wanted = {0};
    gather_tags(rc, &wanted);
    const struct sns_list_tags_for_resource_in list = {.resource_arn = rc->physical_id};
    struct sns_list_tags_for_resource_out have = {0};
    enum resource_result result = invoke(rc, SNS_OP_LIST_TAGS_FOR_RESOURCE, &list, &have, NULL);
    if (result != RESOURCE_DONE)
        return result;
    struct sns_untag_resource_in untag = {.resource_arn = rc->physical_id};
    untag.tag_keys.items =
        arena_alloc_array(rc->call->arena, have.tags.count + 1, sizeof(struct str));
    for (size_t i = 0; i < have.tags.count; i++) {
        bool is_kept = false;
        for (size_t w = 0; w < wanted.count; w++)
            is_kept |= str_eq(wanted.items[w].key, have.tags.items[i].key);
        if (!is_kept)
            untag.tag_keys.items[untag.tag_keys.count++] = have.tags.items[i].key;
    }
    struct sns_untag_resource_out untagged = {0};
    if (untag.tag_keys.count > 0)
        result = invoke(rc, SNS_OP_UNTAG_RESOURCE, &untag, &untagged, NULL);
    if (result != RESOURCE_DONE || wanted.count == 0)
        return result;
    const struct sns_tag_resource_in tag = {.resource_arn = rc->physical_id, .tags = wanted};
    struct sns_tag_resource_out tagged = {0};
    return invoke(rc, SNS_OP_TAG_RESOURCE, &tag, &tagged, NULL);
}

static enum resource_result update_topic(struct resource_call *rc)
{
    enum resource_result result = RESOURCE_DONE;
    for (size_t i = 0; i < ARRAY_LEN(topic_settings) && result == RESOURCE_DONE; i++) {
        if (!resource_changed(rc, topic_settings[i].name))
            continue;
        struct str value = text_of(rc, rc->properties, topic_settings[i].name);
        if (value.ptr || !topic_settings[i].is_fifo_only || is_fifo(rc->properties))
            result = set_attribute(rc, str_from_cstr(topic_settings[i].name),
                                   str_or(value, str_from_cstr(topic_settings[i].fallback)), NULL);
    }
    if (result == RESOURCE_DONE && resource_changed(rc, "DeliveryStatusLogging"))
        result = apply_logging(rc);
    if (result == RESOURCE_DONE && resource_changed(rc, "Subscription")) {
        result = drop_subscriptions(rc);
        if (result == RESOURCE_DONE)
            result = apply_subscriptions(rc);
    }
    return result == RESOURCE_DONE ? update_tags(rc) : result;
}

static enum resource_result remove_topic(struct resource_call *rc)
{
    const struct sns_delete_topic_in in = {.topic_arn = rc->physical_id};
    struct sns_delete_topic_out out = {0};
    return invoke(rc, SNS_OP_DELETE_TOPIC, &in, &out, NULL);
}

static struct str name_of(struct str topic_arn)
{
    return str_from(topic_arn, (size_t)(str_last_index(topic_arn, ':') + 1));
}

static enum resource_result topic_attribute(struct resource_call *rc, struct str name,
                                            struct json **out_value)
{
    struct str value = str_eq_cstr(name, "TopicName") ? name_of(rc->physical_id) : rc->physical_id;
    *out_value = json_new_string(rc->call->arena, value);
    return RESOURCE_DONE;
}

static enum resource_result read_topic_attributes(struct resource_call *rc,
                                                  struct sns_get_topic_attributes_out *out,
                                                  struct str *out_code)
{
    const struct sns_get_topic_attributes_in in = {.topic_arn = rc->physical_id};
    return invoke(rc, SNS_OP_GET_TOPIC_ATTRIBUTES, &in, out, out_code);
}

static enum resource_result put_tags(struct resource_call *rc, struct json *properties)
{
    struct arena *arena = rc->call->arena;
    const struct sns_list_tags_for_resource_in in = {.resource_arn = rc->physical_id};
    struct sns_list_tags_for_resource_out out = {0};
    enum resource_result result = invoke(rc, SNS_OP_LIST_TAGS_FOR_RESOURCE, &in, &out, NULL);
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

/* The subscriptions that the template gives, as far as they are there. */
static enum resource_result put_subscriptions(struct resource_call *rc, struct json *properties)
{
    struct arena *arena = rc->call->arena;
    struct json *list = json_new(arena, JSON_ARRAY);
    struct sns_list_subscriptions_by_topic_in in = {.topic_arn = rc->physical_id};
    do {
        struct sns_list_subscriptions_by_topic_out page = {0};
        enum resource_result result =
            invoke(rc, SNS_OP_LIST_SUBSCRIPTIONS_BY_TOPIC, &in, &page, NULL);
        if (result != RESOURCE_DONE)
            return result;
        for (size_t i = 0; i < page.subscriptions.count; i++) {
            const struct sns_subscription *found = &page.subscriptions.items[i];
            if (!lists_subscription(rc->properties, found->protocol, found->endpoint))
                continue;
            struct json *item = json_new(arena, JSON_OBJECT);
            json_append_member(item, STR("Protocol"), json_new_string(arena, found->protocol));
            json_append_member(item, STR("Endpoint"), json_new_string(arena, found->endpoint));
            json_append(list, item);
        }
        in.next_token = page.next_token;
    } while (in.next_token.ptr);
    if (list->count > 0)
        json_append_member(properties, STR("Subscription"), list);
    return RESOURCE_DONE;
}

static struct str attribute_of(const struct sns_topic_attributes_map *map, struct str name)
{
    for (size_t i = 0; i < map->count; i++) {
        if (str_eq(map->items[i].key, name))
            return map->items[i].value;
    }
    return (struct str){0};
}

/* The logging that the template gives, with the values that are set. */
static void put_logging(struct resource_call *rc, const struct sns_topic_attributes_map *map,
                        struct json *properties)
{
    struct arena *arena = rc->call->arena;
    const struct json *given = json_find_cstr(rc->properties, "DeliveryStatusLogging");
    struct json *list = json_new(arena, JSON_ARRAY);
    for (const struct json *item = given ? given->first : NULL; item; item = item->next) {
        struct str protocol = json_find_str(item, "Protocol");
        struct json *found = json_new(arena, JSON_OBJECT);
        json_append_member(found, STR("Protocol"), json_new_string(arena, protocol));
        for (size_t i = 0; i < ARRAY_LEN(logging_settings); i++) {
            struct str name = str_from_cstr(logging_settings[i]);
            struct str value = attribute_of(map, str_concat(arena, logging_prefix(protocol), name));
            if (value.ptr)
                json_append_member(found, name, json_new_string(arena, value));
        }
        json_append(list, found);
    }
    if (list->count > 0)
        json_append_member(properties, STR("DeliveryStatusLogging"), list);
}

static enum resource_result read_topic(struct resource_call *rc, struct json **out_properties)
{
    struct arena *arena = rc->call->arena;
    struct sns_get_topic_attributes_out out = {0};
    enum resource_result result = read_topic_attributes(rc, &out, NULL);
    if (result != RESOURCE_DONE)
        return result;
    struct json *properties = json_new(arena, JSON_OBJECT);
    json_append_member(properties, STR("TopicName"),
                       json_new_string(arena, name_of(rc->physical_id)));
    for (size_t i = 0; i < out.attributes.count; i++) {
        const struct sns_topic_attributes_map_entry *item = &out.attributes.items[i];
        bool is_flag = str_eq_cstr(item->key, "FifoTopic") ||
                       str_eq_cstr(item->key, "ContentBasedDeduplication");
        for (size_t p = 0; p < ARRAY_LEN(topic_properties); p++) {
            if (str_eq(topic_properties[p].name, item->key) && item->value.len > 0)
                json_append_member(properties, item->key,
                                   is_flag ? json_new_bool(arena, str_eq_cstr(item->value, "true"))
                                           : json_new_string(arena, item->value));
        }
    }
    put_logging(rc, &out.attributes, properties);
    *out_properties = properties;
    result = put_tags(rc, properties);
    return result == RESOURCE_DONE ? put_subscriptions(rc, properties) : result;
}

/* --- AWS::SNS::Subscription --- */

static const struct resource_property subscription_properties[] = {
    PROPERTY("DeliveryPolicy", PROPERTY_JSON, UPDATE_NO_INTERRUPTION),
    PROPERTY("Endpoint", PROPERTY_STRING, UPDATE_REPLACEMENT),
    PROPERTY("FilterPolicy", PROPERTY_JSON, UPDATE_NO_INTERRUPTION),
    PROPERTY("FilterPolicyScope", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
    {
        .name = STR_INIT("Protocol"),
        .type = PROPERTY_STRING,
        .update = UPDATE_REPLACEMENT,
        .is_required = true,
    },
    PROPERTY("RawMessageDelivery", PROPERTY_BOOLEAN, UPDATE_NO_INTERRUPTION),
    PROPERTY("RedrivePolicy", PROPERTY_JSON, UPDATE_NO_INTERRUPTION),
    PROPERTY("Region", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
    PROPERTY("SubscriptionRoleArn", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
    {
        .name = STR_INIT("TopicArn"),
        .type = PROPERTY_STRING,
        .update = UPDATE_REPLACEMENT,
        .is_required = true,
    },
};

/* The scope comes first: a policy is judged by it. */
static const struct {
    const char *name;
    const char *fallback;
} subscription_settings[] = {
    {"FilterPolicyScope", "MessageAttributes"},
    {"FilterPolicy", "{}"},
    {"DeliveryPolicy", ""},
    {"RawMessageDelivery", "false"},
    {"RedrivePolicy", "{}"},
    {"SubscriptionRoleArn", ""},
};

/* AWS: Region "in which the topic resides", for topics of another one: the ARN says it, too. */
static enum resource_result invoke_there(struct resource_call *rc, struct str topic_arn,
                                         enum sns_op op, const void *in, void *out,
                                         struct str *out_code)
{
    struct scope own = rc->call->scope;
    struct scope there = {0};
    if (delivery_split_arn(topic_arn, NULL, &there, NULL))
        rc->call->scope.region = there.region;
    enum resource_result result = invoke(rc, op, in, out, out_code);
    rc->call->scope = own;
    return result;
}

static enum resource_result create_subscription(struct resource_call *rc)
{
    struct sns_subscribe_in in = {
        .topic_arn = resource_string(rc->properties, "TopicArn"),
        .protocol = resource_string(rc->properties, "Protocol"),
        .endpoint = resource_string(rc->properties, "Endpoint"),
        .return_subscription_arn = opt_bool(true),
    };
    in.attributes.items = arena_alloc_array(rc->call->arena, ARRAY_LEN(subscription_settings),
                                            sizeof(*in.attributes.items));
    for (size_t i = 0; i < ARRAY_LEN(subscription_settings); i++) {
        struct str value = text_of(rc, rc->properties, subscription_settings[i].name);
        if (value.ptr)
            in.attributes.items[in.attributes.count++] =
                (struct sns_subscription_attributes_map_entry){
                    .key = str_from_cstr(subscription_settings[i].name), .value = value};
    }
    struct sns_subscribe_out out = {0};
    enum resource_result result = invoke_there(rc, in.topic_arn, SNS_OP_SUBSCRIBE, &in, &out, NULL);
    if (result == RESOURCE_DONE)
        rc->physical_id = out.subscription_arn;
    return result;
}

static enum resource_result update_subscription(struct resource_call *rc)
{
    for (size_t i = 0; i < ARRAY_LEN(subscription_settings); i++) {
        struct str value = text_of(rc, rc->properties, subscription_settings[i].name);
        if (!resource_changed(rc, subscription_settings[i].name))
            continue;
        const struct sns_set_subscription_attributes_in in = {
            .subscription_arn = rc->physical_id,
            .attribute_name = str_from_cstr(subscription_settings[i].name),
            .attribute_value = str_or(value, str_from_cstr(subscription_settings[i].fallback)),
        };
        struct sns_set_subscription_attributes_out out = {0};
        enum resource_result result =
            invoke_there(rc, rc->physical_id, SNS_OP_SET_SUBSCRIPTION_ATTRIBUTES, &in, &out, NULL);
        if (result != RESOURCE_DONE)
            return result;
    }
    return RESOURCE_DONE;
}

static enum resource_result remove_subscription(struct resource_call *rc)
{
    const struct sns_unsubscribe_in in = {.subscription_arn = rc->physical_id};
    struct sns_unsubscribe_out out = {0};
    return invoke_there(rc, rc->physical_id, SNS_OP_UNSUBSCRIBE, &in, &out, NULL);
}

static enum resource_result own_id(struct resource_call *rc, struct str name,
                                   struct json **out_value)
{
    (void)name;
    *out_value = json_new_string(rc->call->arena, rc->physical_id);
    return RESOURCE_DONE;
}

static enum resource_result read_subscription(struct resource_call *rc,
                                              struct json **out_properties)
{
    struct arena *arena = rc->call->arena;
    const struct sns_get_subscription_attributes_in in = {.subscription_arn = rc->physical_id};
    struct sns_get_subscription_attributes_out out = {0};
    enum resource_result result =
        invoke_there(rc, rc->physical_id, SNS_OP_GET_SUBSCRIPTION_ATTRIBUTES, &in, &out, NULL);
    if (result != RESOURCE_DONE)
        return result;
    struct json *properties = json_new(arena, JSON_OBJECT);
    for (size_t i = 0; i < out.attributes.count; i++) {
        const struct sns_subscription_attributes_map_entry *item = &out.attributes.items[i];
        for (size_t p = 0; p < ARRAY_LEN(subscription_properties); p++) {
            struct json *value = json_new_string(arena, item->value);
            if (!str_eq(subscription_properties[p].name, item->key))
                continue;
            if (subscription_properties[p].type == PROPERTY_BOOLEAN)
                value = json_new_bool(arena, str_eq_cstr(item->value, "true"));
            if (subscription_properties[p].type == PROPERTY_JSON &&
                json_parse(arena, item->value, 0, &value, NULL) < 0)
                continue;
            json_append_member(properties, item->key, value);
        }
    }
    *out_properties = properties;
    return RESOURCE_DONE;
}

/* --- policies --- */

static const struct resource_property policy_properties[] = {
    {.name = STR_INIT("PolicyDocument"), .type = PROPERTY_JSON, .is_required = true},
    {.name = STR_INIT("Topics"), .type = PROPERTY_LIST, .is_required = true},
};
static const struct resource_property inline_policy_properties[] = {
    {.name = STR_INIT("PolicyDocument"), .type = PROPERTY_JSON, .is_required = true},
    {
        .name = STR_INIT("TopicArn"),
        .type = PROPERTY_STRING,
        .update = UPDATE_REPLACEMENT,
        .is_required = true,
    },
};

/* An absent policy gives the topic its default one again. */
static enum resource_result put_policy(struct resource_call *rc, struct str topic_arn,
                                       struct str policy, struct str *out_code)
{
    const struct sns_set_topic_attributes_in in = {
        .topic_arn = topic_arn, .attribute_name = STR("Policy"), .attribute_value = policy};
    struct sns_set_topic_attributes_out out = {0};
    return invoke(rc, SNS_OP_SET_TOPIC_ATTRIBUTES, &in, &out, out_code);
}

static enum resource_result clear_policy(struct resource_call *rc, struct str topic_arn)
{
    struct str code = STR("");
    enum resource_result result = put_policy(rc, topic_arn, STR(""), &code);
    return result != RESOURCE_DONE && str_eq(code, SNS_NOT_FOUND_EXCEPTION.code) ? RESOURCE_DONE
                                                                                 : result;
}

static bool names_topic(const struct json *properties, struct str arn)
{
    const struct json *topics = json_find_cstr(properties, "Topics");
    for (const struct json *topic = topics ? topics->first : NULL; topic; topic = topic->next) {
        if (str_eq(topic->text, arn))
            return true;
    }
    return false;
}

static enum resource_result put_all(struct resource_call *rc)
{
    struct str policy = resource_json_text(rc, rc->properties, "PolicyDocument");
    const struct json *topics = json_find_cstr(rc->properties, "Topics");
    for (const struct json *topic = topics->first; topic; topic = topic->next) {
        enum resource_result result = put_policy(rc, topic->text, policy, NULL);
        if (result != RESOURCE_DONE)
            return result;
    }
    return RESOURCE_DONE;
}

/* Takes the policy off the topics of `from` that `kept` (may be NULL) does not name. */
static enum resource_result clear_policies(struct resource_call *rc, const struct json *from,
                                           const struct json *kept)
{
    const struct json *topics = json_find_cstr(from, "Topics");
    for (const struct json *topic = topics ? topics->first : NULL; topic; topic = topic->next) {
        if (kept && names_topic(kept, topic->text))
            continue;
        enum resource_result result = clear_policy(rc, topic->text);
        if (result != RESOURCE_DONE)
            return result;
    }
    return RESOURCE_DONE;
}

static enum resource_result create_policy(struct resource_call *rc)
{
    rc->physical_id = resource_physical_name(rc, 128, STR(""));
    return put_all(rc);
}

static enum resource_result update_policy(struct resource_call *rc)
{
    enum resource_result result = clear_policies(rc, rc->old_properties, rc->properties);
    return result == RESOURCE_DONE ? put_all(rc) : result;
}

static enum resource_result remove_policy(struct resource_call *rc)
{
    return clear_policies(rc, rc->properties, NULL);
}

static enum resource_result create_inline_policy(struct resource_call *rc)
{
    rc->physical_id = resource_string(rc->properties, "TopicArn");
    return put_policy(rc, rc->physical_id, resource_json_text(rc, rc->properties, "PolicyDocument"),
                      NULL);
}

static enum resource_result remove_inline_policy(struct resource_call *rc)
{
    return clear_policy(rc, rc->physical_id);
}

/* The policy of a topic as a tree, for drift. */
static enum resource_result read_policy_of(struct resource_call *rc, struct json *properties)
{
    struct sns_get_topic_attributes_out out = {0};
    struct json *policy = NULL;
    enum resource_result result = read_topic_attributes(rc, &out, NULL);
    for (size_t i = 0; result == RESOURCE_DONE && i < out.attributes.count; i++) {
        if (str_eq_cstr(out.attributes.items[i].key, "Policy") &&
            json_parse(rc->call->arena, out.attributes.items[i].value, 0, &policy, NULL) == 0)
            json_set(properties, STR("PolicyDocument"), policy);
    }
    return result;
}

static enum resource_result read_inline_policy(struct resource_call *rc,
                                               struct json **out_properties)
{
    struct json *properties = json_new(rc->call->arena, JSON_OBJECT);
    json_append_member(properties, STR("TopicArn"),
                       json_new_string(rc->call->arena, rc->physical_id));
    *out_properties = properties;
    return read_policy_of(rc, properties);
}

static enum resource_result read_policy(struct resource_call *rc, struct json **out_properties)
{
    struct json *properties = json_copy(rc->call->arena, rc->properties);
    const struct json *topics = json_find_cstr(rc->properties, "Topics");
    struct str own = rc->physical_id;
    enum resource_result result = RESOURCE_DONE;
    *out_properties = properties;
    if (topics && topics->first) {
        rc->physical_id = topics->first->text;
        result = read_policy_of(rc, properties);
        rc->physical_id = own;
    }
    return result;
}

/* --- the table --- */

static const struct str topic_attributes[] = {STR_INIT("TopicArn"), STR_INIT("TopicName")};
static const struct str subscription_attributes[] = {STR_INIT("Arn")};
static const struct str policy_attributes[] = {STR_INIT("Id")};

const struct resource_type sns_resource_types[] = {
    {
        .name = STR_INIT("AWS::SNS::Subscription"),
        .properties = subscription_properties,
        .property_count = ARRAY_LEN(subscription_properties),
        .attributes = subscription_attributes,
        .attribute_count = ARRAY_LEN(subscription_attributes),
        .create = create_subscription,
        .update = update_subscription,
        .remove = remove_subscription,
        .attribute = own_id,
        .read = read_subscription,
    },
    {
        .name = STR_INIT("AWS::SNS::Topic"),
        .properties = topic_properties,
        .property_count = ARRAY_LEN(topic_properties),
        .attributes = topic_attributes,
        .attribute_count = ARRAY_LEN(topic_attributes),
        .accepts_tags = true,
        .create = create_topic,
        .update = update_topic,
        .remove = remove_topic,
        .attribute = topic_attribute,
        .read = read_topic,
    },
    {
        .name = STR_INIT("AWS::SNS::TopicInlinePolicy"),
        .properties = inline_policy_properties,
        .property_count = ARRAY_LEN(inline_policy_properties),
        .create = create_inline_policy,
        .update = create_inline_policy,
        .remove = remove_inline_policy,
        .read = read_inline_policy,
    },
    {
        .name = STR_INIT("AWS::SNS::TopicPolicy"),
        .properties = policy_properties,
        .property_count = ARRAY_LEN(policy_properties),
        .attributes = policy_attributes,
        .attribute_count = ARRAY_LEN(policy_attributes),
        .create = create_policy,
        .update = update_policy,
        .remove = remove_policy,
        .attribute = own_id,
        .read = read_policy,
    },
};
static_assert(ARRAY_LEN(sns_resource_types) == 4, "service.c counts them");
