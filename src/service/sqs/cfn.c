/* cfn.c — AWS::SQS::Queue and AWS::SQS::QueuePolicy.
 *
 * Docs: CloudFormation template reference, AWS::SQS::Queue (Ref is the URL; QueueName and FifoQueue
 * replace the queue, everything else is changed in place), AWS::SQS::QueuePolicy.
 */
#include <assert.h>

#include "base/arena.h"
#include "service/sqs/sqs.h"
#include "syntax/json.h"

#define PROPERTY(property_name, property_type, behavior)                                           \
    {                                                                                              \
        .name = STR_INIT(property_name), .type = property_type, .update = behavior                 \
    }

static const struct resource_property tag_members[] = {
    PROPERTY("Key", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
    PROPERTY("Value", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
};

static const struct resource_property queue_properties[] = {
    PROPERTY("ContentBasedDeduplication", PROPERTY_BOOLEAN, UPDATE_NO_INTERRUPTION),
    PROPERTY("DeduplicationScope", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
    PROPERTY("DelaySeconds", PROPERTY_INTEGER, UPDATE_NO_INTERRUPTION),
    PROPERTY("FifoQueue", PROPERTY_BOOLEAN, UPDATE_REPLACEMENT),
    PROPERTY("FifoThroughputLimit", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
    PROPERTY("KmsDataKeyReusePeriodSeconds", PROPERTY_INTEGER, UPDATE_NO_INTERRUPTION),
    PROPERTY("KmsMasterKeyId", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
    PROPERTY("MaximumMessageSize", PROPERTY_INTEGER, UPDATE_NO_INTERRUPTION),
    PROPERTY("MessageRetentionPeriod", PROPERTY_INTEGER, UPDATE_NO_INTERRUPTION),
    PROPERTY("QueueName", PROPERTY_STRING, UPDATE_REPLACEMENT),
    PROPERTY("ReceiveMessageWaitTimeSeconds", PROPERTY_INTEGER, UPDATE_NO_INTERRUPTION),
    PROPERTY("RedriveAllowPolicy", PROPERTY_JSON, UPDATE_NO_INTERRUPTION),
    PROPERTY("RedrivePolicy", PROPERTY_JSON, UPDATE_NO_INTERRUPTION),
    PROPERTY("SqsManagedSseEnabled", PROPERTY_BOOLEAN, UPDATE_NO_INTERRUPTION),
    {
        .name = STR_INIT("Tags"),
        .type = PROPERTY_LIST,
        .members = tag_members,
        .member_count = ARRAY_LEN(tag_members),
    },
    PROPERTY("VisibilityTimeout", PROPERTY_INTEGER, UPDATE_NO_INTERRUPTION),
};

/* Properties that are attributes of the same name, and what they become again when a template
 * stops giving them. */
static const struct {
    const char *name;
    const char *fallback;
    bool is_fifo_only;
} attributes[] = {
    {"ContentBasedDeduplication", "false", true},
    {"DeduplicationScope", "queue", true},
    {"DelaySeconds", "0", false},
    {"FifoThroughputLimit", "perQueue", true},
    {"KmsDataKeyReusePeriodSeconds", "300", false},
    {"KmsMasterKeyId", "", false},
    {"MaximumMessageSize", "1048576", false},
    {"MessageRetentionPeriod", "345600", false},
    {"ReceiveMessageWaitTimeSeconds", "0", false},
    {"RedriveAllowPolicy", "", false},
    {"RedrivePolicy", "", false},
    {"SqsManagedSseEnabled", "true", false},
    {"VisibilityTimeout", "30", false},
};

static bool is_fifo(const struct json *properties)
{
    return opt_bool_or(resource_boolean(properties, "FifoQueue"), false);
}

/* The text of a property as SQS takes it; absent when the template does not give it. */
static struct str attribute_text(struct resource_call *rc, const struct json *properties,
                                 const char *name)
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

static void add(struct sqs_queue_attribute_map *map, const char *name, struct str value)
{
    map->items[map->count++] =
        (struct sqs_queue_attribute_map_entry){.key = str_from_cstr(name), .value = value};
}

/* All given properties; on update those that changed, too, with their defaults when they went. */
static void gather_attributes(struct resource_call *rc, bool is_update,
                              struct sqs_queue_attribute_map *out)
{
    out->items = arena_alloc_array(rc->call->arena, ARRAY_LEN(attributes) + 1, sizeof(*out->items));
    out->is_set = true;
    for (size_t i = 0; i < ARRAY_LEN(attributes); i++) {
        struct str value = attribute_text(rc, rc->properties, attributes[i].name);
        if (is_update && !resource_changed(rc, attributes[i].name))
            continue;
        if (!value.ptr && is_update && (!attributes[i].is_fifo_only || is_fifo(rc->properties)))
            value = str_from_cstr(attributes[i].fallback);
        if (value.ptr)
            add(out, attributes[i].name, value);
    }
}

static void gather_tags(struct resource_call *rc, struct sqs_tag_map *out)
{
    const struct json *tags = resource_tags(rc, "Tags");
    out->items = arena_alloc_array(rc->call->arena, tags->count + 1, sizeof(*out->items));
    for (const struct json *tag = tags->first; tag; tag = tag->next) {
        struct str key = json_find_str(tag, "Key");
        /* AWS keeps its own aws:cloudformation: tags on queues; SQS refuses them from clients. */
        if (!str_starts_with(key, STR("aws:")))
            out->items[out->count++] =
                (struct sqs_tag_map_entry){.key = key, .value = json_find_str(tag, "Value")};
    }
}

static enum resource_result create_queue(struct resource_call *rc)
{
    struct str name = resource_string(rc->properties, "QueueName");
    bool fifo = is_fifo(rc->properties);
    struct sqs_create_queue_in in = {
        .queue_name =
            name.len > 0 ? name : resource_physical_name(rc, 80, fifo ? STR(".fifo") : STR("")),
    };
    gather_attributes(rc, false, &in.attributes);
    if (fifo)
        add(&in.attributes, "FifoQueue", STR("true"));
    gather_tags(rc, &in.tags);
    /* CreateQueue is idempotent, CloudFormation is not: a queue of that name is somebody else's. */
    struct sqs_queue *found = NULL;
    int error =
        sqs_store_find_queue(rc->call->db, rc->call->arena, rc->call->scope, in.queue_name, &found);
    if (error < 0)
        return resource_fail(rc, "sqs: find queue");
    if (found)
        return resource_fail(
            rc, "Resource of type 'AWS::SQS::Queue' with identifier '" STR_FMT "' already exists.",
            STR_ARG(in.queue_name));
    struct sqs_create_queue_out out = {0};
    enum resource_result result =
        resource_invoke(rc, &sqs_model, &sqs_operations[SQS_OP_CREATE_QUEUE], &in, &out, NULL);
    if (result == RESOURCE_DONE)
        rc->physical_id = out.queue_url;
    return result;
}

static enum resource_result update_tags(struct resource_call *rc)
{
    struct sqs_tag_map wanted = {0};
    gather_tags(rc, &wanted);
    struct sqs_list_queue_tags_in list = {.queue_url = rc->physical_id};
    struct sqs_list_queue_tags_out have = {0};
    enum resource_result result = resource_invoke(
        rc, &sqs_model, &sqs_operations[SQS_OP_LIST_QUEUE_TAGS], &list, &have, NULL);
    if (result != RESOURCE_DONE)
        return result;
    struct sqs_untag_queue_in untag = {.queue_url = rc->physical_id};
    untag.tag_keys.items =
        arena_alloc_array(rc->call->arena, have.tags.count + 1, sizeof(struct str));
    for (size_t i = 0; i < have.tags.count; i++) {
        bool is_kept = false;
        for (size_t w = 0; w < wanted.count; w++)
            is_kept |= str_eq(wanted.items[w].key, have.tags.items[i].key);
        if (!is_kept)
            untag.tag_keys.items[untag.tag_keys.count++] = have.tags.items[i].key;
    }
    struct sqs_untag_queue_out untagged = {0};
    if (untag.tag_keys.count > 0)
        result = resource_invoke(rc, &sqs_model, &sqs_operations[SQS_OP_UNTAG_QUEUE], &untag,
                                 &untagged, NULL);
    if (result != RESOURCE_DONE || wanted.count == 0)
        return result;
    const struct sqs_tag_queue_in tag = {.queue_url = rc->physical_id, .tags = wanted};
    struct sqs_tag_queue_out tagged = {0};
    return resource_invoke(rc, &sqs_model, &sqs_operations[SQS_OP_TAG_QUEUE], &tag, &tagged, NULL);
}

static enum resource_result update_queue(struct resource_call *rc)
{
    struct sqs_set_queue_attributes_in in = {.queue_url = rc->physical_id};
    struct sqs_set_queue_attributes_out out = {0};
    gather_attributes(rc, true, &in.attributes);
    enum resource_result result = RESOURCE_DONE;
    if (in.attributes.count > 0)
        result = resource_invoke(rc, &sqs_model, &sqs_operations[SQS_OP_SET_QUEUE_ATTRIBUTES], &in,
                                 &out, NULL);
    return result == RESOURCE_DONE ? update_tags(rc) : result;
}

static enum resource_result remove_queue(struct resource_call *rc)
{
    const struct sqs_delete_queue_in in = {.queue_url = rc->physical_id};
    struct sqs_delete_queue_out out = {0};
    struct str code = STR("");
    enum resource_result result =
        resource_invoke(rc, &sqs_model, &sqs_operations[SQS_OP_DELETE_QUEUE], &in, &out, &code);
    bool is_gone = str_eq(code, SQS_QUEUE_DOES_NOT_EXIST.code);
    return result == RESOURCE_FAILED && is_gone ? RESOURCE_DONE : result;
}

static enum resource_result read_attributes(struct resource_call *rc,
                                            struct sqs_get_queue_attributes_out *out)
{
    static const struct str all[] = {STR_INIT("All")};
    struct sqs_get_queue_attributes_in in = {.queue_url = rc->physical_id};
    in.attribute_names.items = arena_alloc(rc->call->arena, sizeof(all));
    in.attribute_names.items[0] = all[0];
    in.attribute_names.count = 1;
    return resource_invoke(rc, &sqs_model, &sqs_operations[SQS_OP_GET_QUEUE_ATTRIBUTES], &in, out,
                           NULL);
}

static enum resource_result queue_attribute(struct resource_call *rc, struct str name,
                                            struct json **out_value)
{
    struct str value = {0};
    ptrdiff_t slash = str_last_index(rc->physical_id, '/');
    if (str_eq_cstr(name, "QueueUrl")) {
        value = rc->physical_id;
    } else if (str_eq_cstr(name, "QueueName")) {
        value = str_from(rc->physical_id, (size_t)(slash + 1));
    } else {
        struct sqs_get_queue_attributes_out out = {0};
        enum resource_result result = read_attributes(rc, &out);
        if (result != RESOURCE_DONE)
            return result;
        for (size_t i = 0; i < out.attributes.count; i++) {
            if (str_eq_cstr(out.attributes.items[i].key, "QueueArn"))
                value = out.attributes.items[i].value;
        }
    }
    *out_value = json_new_string(rc->call->arena, value);
    return RESOURCE_DONE;
}

static enum resource_result put_tags(struct resource_call *rc, struct json *properties)
{
    const struct sqs_list_queue_tags_in in = {.queue_url = rc->physical_id};
    struct sqs_list_queue_tags_out out = {0};
    enum resource_result result =
        resource_invoke(rc, &sqs_model, &sqs_operations[SQS_OP_LIST_QUEUE_TAGS], &in, &out, NULL);
    if (result != RESOURCE_DONE)
        return result;
    struct arena *arena = rc->call->arena;
    struct json *tags = json_new(arena, JSON_ARRAY);
    for (size_t i = 0; i < out.tags.count; i++) {
        struct json *tag = json_new(arena, JSON_OBJECT);
        json_append_member(tag, STR("Key"), json_new_string(arena, out.tags.items[i].key));
        json_append_member(tag, STR("Value"), json_new_string(arena, out.tags.items[i].value));
        json_append(tags, tag);
    }
    json_append_member(properties, STR("Tags"), tags);
    return RESOURCE_DONE;
}

static enum resource_result read_queue(struct resource_call *rc, struct json **out_properties)
{
    struct sqs_get_queue_attributes_out out = {0};
    enum resource_result result = read_attributes(rc, &out);
    if (result != RESOURCE_DONE)
        return result;
    struct arena *arena = rc->call->arena;
    struct json *properties = json_new(arena, JSON_OBJECT);
    ptrdiff_t slash = str_last_index(rc->physical_id, '/');
    json_append_member(properties, STR("QueueName"),
                       json_new_string(arena, str_from(rc->physical_id, (size_t)(slash + 1))));
    for (size_t i = 0; i < out.attributes.count; i++) {
        struct str name = out.attributes.items[i].key;
        for (size_t p = 0; p < ARRAY_LEN(queue_properties); p++) {
            if (str_eq(queue_properties[p].name, name))
                json_append_member(properties, name,
                                   json_new_string(arena, out.attributes.items[i].value));
        }
    }
    *out_properties = properties;
    return put_tags(rc, properties);
}

static const struct resource_property policy_properties[] = {
    {
        .name = STR_INIT("PolicyDocument"),
        .type = PROPERTY_JSON,
        .is_required = true,
    },
    {
        .name = STR_INIT("Queues"),
        .type = PROPERTY_LIST,
        .is_required = true,
    },
};

static enum resource_result put_policy(struct resource_call *rc, struct str queue_url,
                                       struct str policy, struct str *out_code)
{
    struct sqs_set_queue_attributes_in in = {.queue_url = queue_url};
    struct sqs_set_queue_attributes_out out = {0};
    in.attributes.items = arena_alloc(rc->call->arena, sizeof(*in.attributes.items));
    in.attributes.is_set = true;
    add(&in.attributes, "Policy", policy);
    return resource_invoke(rc, &sqs_model, &sqs_operations[SQS_OP_SET_QUEUE_ATTRIBUTES], &in, &out,
                           out_code);
}

static bool names_queue(const struct json *properties, struct str url)
{
    const struct json *queues = json_find_cstr(properties, "Queues");
    for (const struct json *queue = queues ? queues->first : NULL; queue; queue = queue->next) {
        if (str_eq(queue->text, url))
            return true;
    }
    return false;
}

static enum resource_result put_all(struct resource_call *rc)
{
    struct str policy = resource_json_text(rc, rc->properties, "PolicyDocument");
    const struct json *queues = json_find_cstr(rc->properties, "Queues");
    for (const struct json *queue = queues->first; queue; queue = queue->next) {
        enum resource_result result = put_policy(rc, queue->text, policy, NULL);
        if (result != RESOURCE_DONE)
            return result;
    }
    return RESOURCE_DONE;
}

/* Takes the policy off the queues of `from` that `kept` (may be NULL) does not name. */
static enum resource_result clear_policies(struct resource_call *rc, const struct json *from,
                                           const struct json *kept)
{
    const struct json *queues = json_find_cstr(from, "Queues");
    for (const struct json *queue = queues ? queues->first : NULL; queue; queue = queue->next) {
        if (kept && names_queue(kept, queue->text))
            continue;
        struct str code = STR("");
        enum resource_result result = put_policy(rc, queue->text, STR(""), &code);
        if (result != RESOURCE_DONE && !str_eq(code, SQS_QUEUE_DOES_NOT_EXIST.code))
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

/* The queues of the template that have a policy still, and the policy. */
static enum resource_result read_policy(struct resource_call *rc, struct json **out_properties)
{
    struct arena *arena = rc->call->arena;
    struct json *properties = json_new(arena, JSON_OBJECT);
    struct json *found = json_new(arena, JSON_ARRAY);
    const struct json *queues = json_find_cstr(rc->properties, "Queues");
    struct str policy = {0};
    for (const struct json *queue = queues ? queues->first : NULL; queue; queue = queue->next) {
        struct sqs_get_queue_attributes_out out = {0};
        struct resource_call of_queue = *rc;
        of_queue.physical_id = queue->text;
        if (read_attributes(&of_queue, &out) != RESOURCE_DONE)
            continue;
        for (size_t i = 0; i < out.attributes.count; i++) {
            if (!str_eq_cstr(out.attributes.items[i].key, "Policy"))
                continue;
            policy = out.attributes.items[i].value;
            json_append(found, json_new_string(arena, queue->text));
        }
    }
    if (!policy.ptr)
        return resource_fail(rc, "None of the queues has a policy");
    json_append_member(properties, STR("PolicyDocument"), json_new_string(arena, policy));
    json_append_member(properties, STR("Queues"), found);
    *out_properties = properties;
    return RESOURCE_DONE;
}

static const struct str queue_attributes[] = {
    STR_INIT("Arn"),
    STR_INIT("QueueName"),
    STR_INIT("QueueUrl"),
};

static const struct str policy_attributes[] = {
    STR_INIT("Id"),
};

static enum resource_result policy_attribute(struct resource_call *rc, struct str name,
                                             struct json **out_value)
{
    (void)name;
    *out_value = json_new_string(rc->call->arena, rc->physical_id);
    return RESOURCE_DONE;
}

const struct resource_type sqs_resource_types[] = {
    {
        .name = STR_INIT("AWS::SQS::Queue"),
        .identifier = STR_INIT("QueueUrl"),
        .properties = queue_properties,
        .property_count = ARRAY_LEN(queue_properties),
        .attributes = queue_attributes,
        .attribute_count = ARRAY_LEN(queue_attributes),
        .accepts_tags = true,
        .create = create_queue,
        .update = update_queue,
        .remove = remove_queue,
        .attribute = queue_attribute,
        .read = read_queue,
    },
    {
        .name = STR_INIT("AWS::SQS::QueuePolicy"),
        .properties = policy_properties,
        .property_count = ARRAY_LEN(policy_properties),
        .attributes = policy_attributes,
        .attribute_count = ARRAY_LEN(policy_attributes),
        .create = create_policy,
        .update = update_policy,
        .remove = remove_policy,
        .attribute = policy_attribute,
        .read = read_policy,
    },
};
const size_t sqs_resource_type_count = ARRAY_LEN(sqs_resource_types);
static_assert(ARRAY_LEN(sqs_resource_types) == 2, "service.c counts them");
