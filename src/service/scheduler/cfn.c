/* cfn.c — AWS::Scheduler::Schedule and AWS::Scheduler::ScheduleGroup for CloudFormation.
 *
 * Docs: CloudFormation template reference, "AWS::Scheduler::Schedule", "...::ScheduleGroup".
 */
#include <assert.h>

#include "base/arena.h"
#include "engine/cfn/json_call.h"
#include "service/scheduler/scheduler.h"
#include "syntax/json.h"
#include "syntax/time.h"

enum {
    MAX_NUMBER = 32, /* of a time as text */
};

#define PLAIN(name_, type_)                                                                        \
    {                                                                                              \
        .name = STR_INIT(name_), .type = (type_)                                                   \
    }
#define FIXED(name_, type_)                                                                        \
    {                                                                                              \
        .name = STR_INIT(name_), .type = (type_), .update = UPDATE_REPLACEMENT                     \
    }
#define NEEDED(name_, type_)                                                                       \
    {                                                                                              \
        .name = STR_INIT(name_), .type = (type_), .is_required = true                              \
    }
#define NESTED(name_, type_, members_, is_required_)                                               \
    {                                                                                              \
        .name = STR_INIT(name_), .type = (type_), .members = (members_),                           \
        .member_count = ARRAY_LEN(members_), .is_required = (is_required_)                         \
    }

static const struct resource_property tag_members[] = {
    NEEDED("Key", PROPERTY_STRING),
    NEEDED("Value", PROPERTY_STRING),
};
static const struct resource_property window_members[] = {
    PLAIN("MaximumWindowInMinutes", PROPERTY_INTEGER),
    NEEDED("Mode", PROPERTY_STRING),
};
static const struct resource_property dead_letter_members[] = {PLAIN("Arn", PROPERTY_STRING)};
static const struct resource_property bus_members[] = {
    NEEDED("DetailType", PROPERTY_STRING),
    NEEDED("Source", PROPERTY_STRING),
};
static const struct resource_property retry_members[] = {
    PLAIN("MaximumEventAgeInSeconds", PROPERTY_INTEGER),
    PLAIN("MaximumRetryAttempts", PROPERTY_INTEGER),
};
static const struct resource_property sqs_members[] = {PLAIN("MessageGroupId", PROPERTY_STRING)};
/* Parameters of kinds of targets that are not there are taken as they come: the target is refused.
 */
static const struct resource_property target_members[] = {
    NEEDED("Arn", PROPERTY_STRING),
    NESTED("DeadLetterConfig", PROPERTY_OBJECT, dead_letter_members, false),
    PLAIN("EcsParameters", PROPERTY_MAP),
    NESTED("EventBridgeParameters", PROPERTY_OBJECT, bus_members, false),
    PLAIN("Input", PROPERTY_STRING),
    PLAIN("KinesisParameters", PROPERTY_MAP),
    NESTED("RetryPolicy", PROPERTY_OBJECT, retry_members, false),
    NEEDED("RoleArn", PROPERTY_STRING),
    PLAIN("SageMakerPipelineParameters", PROPERTY_MAP),
    NESTED("SqsParameters", PROPERTY_OBJECT, sqs_members, false),
};
static const struct resource_property schedule_properties[] = {
    PLAIN("Description", PROPERTY_STRING),
    {.name = STR_INIT("EndDate"), .type = PROPERTY_STRING, .is_write_only = true},
    NESTED("FlexibleTimeWindow", PROPERTY_OBJECT, window_members, true),
    FIXED("GroupName", PROPERTY_STRING),
    PLAIN("KmsKeyArn", PROPERTY_STRING),
    FIXED("Name", PROPERTY_STRING),
    NEEDED("ScheduleExpression", PROPERTY_STRING),
    PLAIN("ScheduleExpressionTimezone", PROPERTY_STRING),
    {.name = STR_INIT("StartDate"), .type = PROPERTY_STRING, .is_write_only = true},
    PLAIN("State", PROPERTY_STRING),
    NESTED("Target", PROPERTY_OBJECT, target_members, true),
};
static const struct resource_property group_properties[] = {
    FIXED("Name", PROPERTY_STRING),
    NESTED("Tags", PROPERTY_LIST, tag_members, false),
};

static enum resource_result invoke(struct resource_call *rc, enum scheduler_op op,
                                   const struct json *input, struct json **out_output,
                                   struct str *out_code)
{
    return resource_call_json(rc, &scheduler_model, &scheduler_operations[op], input, out_output,
                              out_code);
}

static void set_text(struct resource_call *rc, struct json *object, const char *name,
                     struct str text)
{
    if (text.ptr)
        json_set(object, str_from_cstr(name), json_new_string(rc->call->arena, text));
}

static struct json *object_of(struct resource_call *rc, const char *name, struct str text)
{
    struct json *object = json_new(rc->call->arena, JSON_OBJECT);
    set_text(rc, object, name, text);
    return object;
}

static enum resource_result done_if_gone(enum resource_result result, struct str code)
{
    bool is_gone = str_eq(code, SCHEDULER_RESOURCE_NOT_FOUND_EXCEPTION.code);
    return result == RESOURCE_FAILED && is_gone ? RESOURCE_DONE : result;
}

static void choose_name(struct resource_call *rc)
{
    struct str name = resource_string(rc->properties, "Name");
    rc->physical_id = name.ptr ? name : resource_physical_name(rc, 64, STR(""));
}

/* ---- AWS::Scheduler::Schedule ---------------------------------------------------------------- */

/* Dates are texts in templates and seconds in the API's JSON. */
static enum resource_result convert_date(struct resource_call *rc, struct json *input,
                                         const char *name)
{
    struct str text = resource_string(rc->properties, name);
    struct buf seconds;
    int64_t ms = 0;
    if (!text.ptr)
        return RESOURCE_DONE;
    if (time_parse_rfc3339(text, &ms) < 0)
        return resource_fail(rc, "Invalid %s: " STR_FMT, name, STR_ARG(text));
    struct json *number = json_new(rc->call->arena, JSON_NUMBER);
    buf_init(&seconds, rc->call->arena, MAX_NUMBER);
    time_write_epoch(&seconds, ms);
    number->text = buf_str(&seconds);
    json_set(input, str_from_cstr(name), number);
    return RESOURCE_DONE;
}

static enum resource_result put_schedule(struct resource_call *rc, enum scheduler_op op)
{
    struct json *input = json_copy(rc->call->arena, rc->properties);
    set_text(rc, input, "Name", rc->physical_id);
    enum resource_result result = convert_date(rc, input, "StartDate");
    if (result == RESOURCE_DONE)
        result = convert_date(rc, input, "EndDate");
    return result == RESOURCE_DONE ? invoke(rc, op, input, NULL, NULL) : result;
}

static enum resource_result create_schedule(struct resource_call *rc)
{
    choose_name(rc);
    return put_schedule(rc, SCHEDULER_OP_CREATE_SCHEDULE);
}

static enum resource_result update_schedule(struct resource_call *rc)
{
    return put_schedule(rc, SCHEDULER_OP_UPDATE_SCHEDULE);
}

static struct json *schedule_input(struct resource_call *rc)
{
    struct json *input = object_of(rc, "Name", rc->physical_id);
    set_text(rc, input, "GroupName", resource_string(rc->properties, "GroupName"));
    return input;
}

static enum resource_result remove_schedule(struct resource_call *rc)
{
    struct str code = STR("");
    enum resource_result result =
        invoke(rc, SCHEDULER_OP_DELETE_SCHEDULE, schedule_input(rc), NULL, &code);
    return done_if_gone(result, code);
}

static enum resource_result schedule_attribute(struct resource_call *rc, struct str name,
                                               struct json **out_value)
{
    struct json *output = NULL;
    (void)name; /* Arn */
    enum resource_result result =
        invoke(rc, SCHEDULER_OP_GET_SCHEDULE, schedule_input(rc), &output, NULL);
    if (result == RESOURCE_DONE)
        *out_value = json_new_string(rc->call->arena, json_find_str(output, "Arn"));
    return result;
}

/* The dates are not compared: they come back in another form than the template's. */
static enum resource_result read_schedule(struct resource_call *rc, struct json **out_properties)
{
    struct json *output = NULL;
    struct json *found = json_new(rc->call->arena, JSON_OBJECT);
    enum resource_result result =
        invoke(rc, SCHEDULER_OP_GET_SCHEDULE, schedule_input(rc), &output, NULL);
    for (size_t i = 0; result == RESOURCE_DONE && i < ARRAY_LEN(schedule_properties); i++) {
        struct str name = schedule_properties[i].name;
        const struct json *value = json_find(output, name);
        if (value && !str_ends_with(name, STR("Date")))
            json_append_member(found, name, json_copy(rc->call->arena, value));
    }
    *out_properties = found;
    return result;
}

/* ---- AWS::Scheduler::ScheduleGroup ----------------------------------------------------------- */

static struct json *group_tags(struct resource_call *rc)
{
    struct json *tags = resource_tags(rc, "Tags");
    struct json *kept = json_new(rc->call->arena, JSON_ARRAY);
    for (const struct json *tag = tags->first; tag; tag = tag->next) {
        if (rc->call->via_service.len > 0 ||
            !str_starts_with(json_find_str(tag, "Key"), STR("aws:")))
            json_append(kept, json_copy(rc->call->arena, tag));
    }
    return kept;
}

static enum resource_result create_group(struct resource_call *rc)
{
    choose_name(rc);
    struct json *input = object_of(rc, "Name", rc->physical_id);
    json_append_member(input, STR("Tags"), group_tags(rc));
    return invoke(rc, SCHEDULER_OP_CREATE_SCHEDULE_GROUP, input, NULL, NULL);
}

static struct json *tagged(struct resource_call *rc)
{
    return object_of(rc, "ResourceArn",
                     scheduler_group_arn(rc->call->arena, rc->call->scope, rc->physical_id));
}

static enum resource_result update_group(struct resource_call *rc)
{
    struct json *have = NULL;
    struct json *wanted = group_tags(rc);
    struct json *gone = json_new(rc->call->arena, JSON_ARRAY);
    enum resource_result result =
        invoke(rc, SCHEDULER_OP_LIST_TAGS_FOR_RESOURCE, tagged(rc), &have, NULL);
    const struct json *tags = json_find_cstr(have, "Tags");
    for (const struct json *tag = tags ? tags->first : NULL; tag; tag = tag->next) {
        bool is_kept = false;
        for (const struct json *other = wanted->first; other; other = other->next)
            is_kept |= str_eq(json_find_str(other, "Key"), json_find_str(tag, "Key"));
        if (!is_kept)
            json_append(gone, json_new_string(rc->call->arena, json_find_str(tag, "Key")));
    }
    if (result == RESOURCE_DONE && gone->count > 0) {
        struct json *input = tagged(rc);
        json_append_member(input, STR("TagKeys"), gone);
        result = invoke(rc, SCHEDULER_OP_UNTAG_RESOURCE, input, NULL, NULL);
    }
    if (result == RESOURCE_DONE && wanted->count > 0) {
        struct json *input = tagged(rc);
        json_append_member(input, STR("Tags"), wanted);
        result = invoke(rc, SCHEDULER_OP_TAG_RESOURCE, input, NULL, NULL);
    }
    return result;
}

static enum resource_result remove_group(struct resource_call *rc)
{
    struct str code = STR("");
    enum resource_result result = invoke(rc, SCHEDULER_OP_DELETE_SCHEDULE_GROUP,
                                         object_of(rc, "Name", rc->physical_id), NULL, &code);
    return done_if_gone(result, code);
}

static enum resource_result group_attribute(struct resource_call *rc, struct str name,
                                            struct json **out_value)
{
    struct json *output = NULL;
    enum resource_result result = invoke(rc, SCHEDULER_OP_GET_SCHEDULE_GROUP,
                                         object_of(rc, "Name", rc->physical_id), &output, NULL);
    const struct json *value = json_find(output, name);
    if (result == RESOURCE_DONE)
        *out_value = json_new_string(rc->call->arena, value ? value->text : STR(""));
    return result;
}

static enum resource_result read_group(struct resource_call *rc, struct json **out_properties)
{
    struct json *output = NULL;
    struct json *own = json_new(rc->call->arena, JSON_ARRAY);
    enum resource_result result =
        invoke(rc, SCHEDULER_OP_LIST_TAGS_FOR_RESOURCE, tagged(rc), &output, NULL);
    const struct json *tags = json_find_cstr(output, "Tags");
    for (const struct json *tag = tags ? tags->first : NULL; tag; tag = tag->next) {
        if (!str_starts_with(json_find_str(tag, "Key"), STR("aws:")))
            json_append(own, json_copy(rc->call->arena, tag));
    }
    *out_properties = object_of(rc, "Name", rc->physical_id);
    if (own->count > 0)
        json_append_member(*out_properties, STR("Tags"), own);
    return result;
}

static const struct str schedule_attributes[] = {STR_INIT("Arn")};
static const struct str group_attributes[] = {STR_INIT("Arn"), STR_INIT("CreationDate"),
                                              STR_INIT("LastModificationDate"), STR_INIT("State")};

const struct resource_type scheduler_resource_types[] = {
    {
        .name = STR_INIT("AWS::Scheduler::Schedule"),
        .properties = schedule_properties,
        .property_count = ARRAY_LEN(schedule_properties),
        .attributes = schedule_attributes,
        .attribute_count = ARRAY_LEN(schedule_attributes),
        .name_property = STR_INIT("Name"),
        .create = create_schedule,
        .update = update_schedule,
        .remove = remove_schedule,
        .attribute = schedule_attribute,
        .read = read_schedule,
    },
    {
        .name = STR_INIT("AWS::Scheduler::ScheduleGroup"),
        .properties = group_properties,
        .property_count = ARRAY_LEN(group_properties),
        .attributes = group_attributes,
        .attribute_count = ARRAY_LEN(group_attributes),
        .name_property = STR_INIT("Name"),
        .accepts_tags = true,
        .create = create_group,
        .update = update_group,
        .remove = remove_group,
        .attribute = group_attribute,
        .read = read_group,
    },
};

static_assert(ARRAY_LEN(scheduler_resource_types) == SCHEDULER_RESOURCE_TYPES, "see scheduler.h");
