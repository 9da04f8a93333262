/* cfn.c — AWS::Events::Rule, EventBus, EventBusPolicy, Archive, Connection and ApiDestination for
 * CloudFormation.
 *
 * The properties are the members of the API, so inputs are made of them by name
 * (engine/cfn/json_call.h). Docs: CloudFormation template reference, "Amazon EventBridge".
 */
#include <assert.h>

#include "base/arena.h"
#include "engine/cfn/json_call.h"
#include "service/events/events.h"
#include "syntax/json.h"

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
#define NESTED(name_, type_, members_)                                                             \
    {                                                                                              \
        .name = STR_INIT(name_), .type = (type_), .members = (members_),                           \
        .member_count = ARRAY_LEN(members_)                                                        \
    }

static const struct resource_property tag_members[] = {
    NEEDED("Key", PROPERTY_STRING),
    NEEDED("Value", PROPERTY_STRING),
};
static const struct resource_property dead_letter_members[] = {PLAIN("Arn", PROPERTY_STRING)};
static const struct resource_property retry_members[] = {
    PLAIN("MaximumEventAgeInSeconds", PROPERTY_INTEGER),
    PLAIN("MaximumRetryAttempts", PROPERTY_INTEGER),
};
static const struct resource_property transformer_members[] = {
    PLAIN("InputPathsMap", PROPERTY_MAP),
    NEEDED("InputTemplate", PROPERTY_STRING),
};
static const struct resource_property http_members[] = {
    PLAIN("HeaderParameters", PROPERTY_MAP),
    PLAIN("PathParameterValues", PROPERTY_LIST),
    PLAIN("QueryStringParameters", PROPERTY_MAP),
};
static const struct resource_property sqs_members[] = {NEEDED("MessageGroupId", PROPERTY_STRING)};
/* Parameters of kinds of targets that are not there are taken as they come: the target is refused.
 */
static const struct resource_property target_members[] = {
    PLAIN("AppSyncParameters", PROPERTY_MAP),
    NEEDED("Arn", PROPERTY_STRING),
    PLAIN("BatchParameters", PROPERTY_MAP),
    NESTED("DeadLetterConfig", PROPERTY_OBJECT, dead_letter_members),
    PLAIN("EcsParameters", PROPERTY_MAP),
    NESTED("HttpParameters", PROPERTY_OBJECT, http_members),
    NEEDED("Id", PROPERTY_STRING),
    PLAIN("Input", PROPERTY_STRING),
    PLAIN("InputPath", PROPERTY_STRING),
    NESTED("InputTransformer", PROPERTY_OBJECT, transformer_members),
    PLAIN("KinesisParameters", PROPERTY_MAP),
    PLAIN("RedshiftDataParameters", PROPERTY_MAP),
    NESTED("RetryPolicy", PROPERTY_OBJECT, retry_members),
    PLAIN("RoleArn", PROPERTY_STRING),
    PLAIN("RunCommandParameters", PROPERTY_MAP),
    PLAIN("SageMakerPipelineParameters", PROPERTY_MAP),
    NESTED("SqsParameters", PROPERTY_OBJECT, sqs_members),
};
static const struct resource_property rule_properties[] = {
    PLAIN("Description", PROPERTY_STRING),
    FIXED("EventBusName", PROPERTY_STRING),
    PLAIN("EventPattern", PROPERTY_JSON),
    FIXED("Name", PROPERTY_STRING),
    PLAIN("RoleArn", PROPERTY_STRING),
    PLAIN("ScheduleExpression", PROPERTY_STRING),
    PLAIN("State", PROPERTY_STRING),
    NESTED("Tags", PROPERTY_LIST, tag_members),
    NESTED("Targets", PROPERTY_LIST, target_members),
};
static const struct resource_property log_members[] = {
    PLAIN("IncludeDetail", PROPERTY_STRING),
    PLAIN("Level", PROPERTY_STRING),
};
static const struct resource_property bus_properties[] = {
    NESTED("DeadLetterConfig", PROPERTY_OBJECT, dead_letter_members),
    PLAIN("Description", PROPERTY_STRING),
    PLAIN("EventSourceName", PROPERTY_STRING),
    PLAIN("KmsKeyIdentifier", PROPERTY_STRING),
    NESTED("LogConfig", PROPERTY_OBJECT, log_members),
    {
        .name = STR_INIT("Name"),
        .type = PROPERTY_STRING,
        .update = UPDATE_REPLACEMENT,
        .is_required = true,
    },
    PLAIN("Policy", PROPERTY_JSON),
    NESTED("Tags", PROPERTY_LIST, tag_members),
};
static const struct resource_property condition_members[] = {
    PLAIN("Key", PROPERTY_STRING),
    PLAIN("Type", PROPERTY_STRING),
    PLAIN("Value", PROPERTY_STRING),
};
static const struct resource_property policy_properties[] = {
    PLAIN("Action", PROPERTY_STRING),
    NESTED("Condition", PROPERTY_OBJECT, condition_members),
    FIXED("EventBusName", PROPERTY_STRING),
    PLAIN("Principal", PROPERTY_STRING),
    PLAIN("Statement", PROPERTY_JSON),
    {
        .name = STR_INIT("StatementId"),
        .type = PROPERTY_STRING,
        .update = UPDATE_REPLACEMENT,
        .is_required = true,
    },
};
static const struct resource_property archive_properties[] = {
    FIXED("ArchiveName", PROPERTY_STRING),
    PLAIN("Description", PROPERTY_STRING),
    PLAIN("EventPattern", PROPERTY_JSON),
    PLAIN("KmsKeyIdentifier", PROPERTY_STRING),
    PLAIN("RetentionDays", PROPERTY_INTEGER),
    {
        .name = STR_INIT("SourceArn"),
        .type = PROPERTY_STRING,
        .update = UPDATE_REPLACEMENT,
        .is_required = true,
    },
};
static const struct resource_property connection_properties[] = {
    {.name = STR_INIT("AuthParameters"), .type = PROPERTY_MAP, .is_write_only = true},
    PLAIN("AuthorizationType", PROPERTY_STRING),
    PLAIN("Description", PROPERTY_STRING),
    PLAIN("InvocationConnectivityParameters", PROPERTY_MAP),
    PLAIN("KmsKeyIdentifier", PROPERTY_STRING),
    FIXED("Name", PROPERTY_STRING),
};
static const struct resource_property destination_properties[] = {
    NEEDED("ConnectionArn", PROPERTY_STRING),
    PLAIN("Description", PROPERTY_STRING),
    NEEDED("HttpMethod", PROPERTY_STRING),
    NEEDED("InvocationEndpoint", PROPERTY_STRING),
    PLAIN("InvocationRateLimitPerSecond", PROPERTY_INTEGER),
    FIXED("Name", PROPERTY_STRING),
};

/* ---- Calls ----------------------------------------------------------------------------------- */

static enum resource_result invoke(struct resource_call *rc, enum events_op op,
                                   const struct json *input, struct json **out_output,
                                   struct str *out_code)
{
    return resource_call_json(rc, &events_model, &events_operations[op], input, out_output,
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

/* The properties as an input, with JSON texts where the API has them. */
static struct json *input_of(struct resource_call *rc, const char *name_member)
{
    struct json *input = json_copy(rc->call->arena, rc->properties);
    set_text(rc, input, "EventPattern", resource_json_text(rc, rc->properties, "EventPattern"));
    set_text(rc, input, name_member, rc->physical_id);
    return input;
}

static enum resource_result done_if_gone(enum resource_result result, struct str code)
{
    bool is_gone = str_eq(code, EVENTS_RESOURCE_NOT_FOUND_EXCEPTION.code);
    return result == RESOURCE_FAILED && is_gone ? RESOURCE_DONE : result;
}

static void choose_name(struct resource_call *rc, const char *property, size_t max_len)
{
    struct str name = resource_string(rc->properties, property);
    rc->physical_id = name.ptr ? name : resource_physical_name(rc, max_len, STR(""));
}

/* Text members of what an operation says of the resource. */
static enum resource_result member_of(struct resource_call *rc, enum events_op op,
                                      const char *name_member, const char *member,
                                      struct json **out_value)
{
    struct json *output = NULL;
    enum resource_result result =
        invoke(rc, op, object_of(rc, name_member, rc->physical_id), &output, NULL);
    if (result == RESOURCE_DONE)
        *out_value =
            json_new_string(rc->call->arena, str_or(json_find_str(output, member), STR("")));
    return result;
}

/* What a resource has, of the properties of its type: for drift and imports. */
static enum resource_result read_by(struct resource_call *rc, enum events_op op,
                                    const struct json *input,
                                    const struct resource_property *properties, size_t count,
                                    struct json **out_properties)
{
    struct json *output = NULL;
    struct json *found = json_new(rc->call->arena, JSON_OBJECT);
    enum resource_result result = invoke(rc, op, input, &output, NULL);
    for (size_t i = 0; result == RESOURCE_DONE && i < count; i++) {
        const struct json *value = json_find(output, properties[i].name);
        struct json *json = NULL;
        if (!value)
            continue;
        if (properties[i].type != PROPERTY_JSON || !json_is_string(value) ||
            json_parse(rc->call->arena, value->text, 0, &json, NULL) < 0)
            json = json_copy(rc->call->arena, value);
        json_append_member(found, properties[i].name, json);
    }
    *out_properties = found;
    return result;
}

static enum resource_result retag(struct resource_call *rc, struct str arn)
{
    struct json *have = NULL;
    struct json *wanted = resource_tags(rc, "Tags");
    struct json *gone = json_new(rc->call->arena, JSON_ARRAY);
    struct json *target = object_of(rc, "ResourceARN", arn);
    enum resource_result result = invoke(rc, EVENTS_OP_LIST_TAGS_FOR_RESOURCE, target, &have, NULL);
    const struct json *tags = json_find_cstr(have, "Tags");
    for (const struct json *tag = tags ? tags->first : NULL; tag; tag = tag->next) {
        bool is_kept = false;
        for (const struct json *other = wanted->first; other; other = other->next)
            is_kept |= str_eq(json_find_str(other, "Key"), json_find_str(tag, "Key"));
        if (!is_kept)
            json_append(gone, json_new_string(rc->call->arena, json_find_str(tag, "Key")));
    }
    if (result == RESOURCE_DONE && gone->count > 0) {
        struct json *untag = json_copy(rc->call->arena, target);
        json_append_member(untag, STR("TagKeys"), gone);
        result = invoke(rc, EVENTS_OP_UNTAG_RESOURCE, untag, NULL, NULL);
    }
    if (result == RESOURCE_DONE && wanted->count > 0) {
        json_append_member(target, STR("Tags"), wanted);
        result = invoke(rc, EVENTS_OP_TAG_RESOURCE, target, NULL, NULL);
    }
    return result;
}

/* The tags that are not AWS's own. */
static enum resource_result read_tags(struct resource_call *rc, struct str arn,
                                      struct json *properties)
{
    struct json *output = NULL;
    struct json *own = json_new(rc->call->arena, JSON_ARRAY);
    enum resource_result result = invoke(rc, EVENTS_OP_LIST_TAGS_FOR_RESOURCE,
                                         object_of(rc, "ResourceARN", arn), &output, NULL);
    const struct json *tags = json_find_cstr(output, "Tags");
    for (const struct json *tag = tags ? tags->first : NULL; tag; tag = tag->next) {
        if (!str_starts_with(json_find_str(tag, "Key"), STR("aws:")))
            json_append(own, json_copy(rc->call->arena, tag));
    }
    if (own->count > 0)
        json_append_member(properties, STR("Tags"), own);
    return result;
}

/* AWS: a stack's aws:cloudformation: tags are on what it makes, if CloudFormation itself calls. */
static struct json *new_tags(struct resource_call *rc)
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

/* ---- AWS::Events::Rule ----------------------------------------------------------------------- */

/* AWS: Ref of a rule is its name, of one on another bus "BUS|NAME". */
static void split_rule(struct str id, struct str *out_bus, struct str *out_name)
{
    ptrdiff_t bar = str_index(id, '|');
    *out_bus = bar < 0 ? STR("default") : str_slice(id, 0, (size_t)bar);
    *out_name = str_from(id, (size_t)(bar + 1));
}

static struct json *rule_input(struct resource_call *rc, const char *name_member)
{
    struct str bus = {0};
    struct str name = {0};
    split_rule(rc->physical_id, &bus, &name);
    struct json *input = object_of(rc, name_member, name);
    set_text(rc, input, "EventBusName", bus);
    return input;
}

static enum resource_result put_targets(struct resource_call *rc)
{
    const struct json *targets = json_find_cstr(rc->properties, "Targets");
    struct json *output = NULL;
    if (!targets || targets->count == 0)
        return RESOURCE_DONE;
    struct json *input = rule_input(rc, "Rule");
    json_append_member(input, STR("Targets"), json_copy(rc->call->arena, targets));
    enum resource_result result = invoke(rc, EVENTS_OP_PUT_TARGETS, input, &output, NULL);
    const struct json *failed = json_find_cstr(output, "FailedEntries");
    if (result == RESOURCE_DONE && failed && failed->count > 0)
        return resource_fail(rc, STR_FMT " (Service: EventBridge, Status Code: 400)",
                             STR_ARG(json_find_str(failed->first, "ErrorMessage")));
    return result;
}

/* Removes the targets that the rule has and `kept` (an array, or NULL) does not. */
static enum resource_result remove_targets(struct resource_call *rc, const struct json *kept)
{
    struct json *output = NULL;
    struct str code = STR("");
    struct json *ids = json_new(rc->call->arena, JSON_ARRAY);
    enum resource_result result =
        invoke(rc, EVENTS_OP_LIST_TARGETS_BY_RULE, rule_input(rc, "Rule"), &output, &code);
    const struct json *targets = json_find_cstr(output, "Targets");
    for (const struct json *one = targets ? targets->first : NULL; one; one = one->next) {
        bool is_kept = false;
        for (const struct json *other = kept ? kept->first : NULL; other; other = other->next)
            is_kept |= str_eq(json_find_str(other, "Id"), json_find_str(one, "Id"));
        if (!is_kept)
            json_append(ids, json_new_string(rc->call->arena, json_find_str(one, "Id")));
    }
    if (result != RESOURCE_DONE || ids->count == 0)
        return done_if_gone(result, code);
    struct json *input = rule_input(rc, "Rule");
    json_append_member(input, STR("Ids"), ids);
    return invoke(rc, EVENTS_OP_REMOVE_TARGETS, input, NULL, NULL);
}

static enum resource_result put_rule(struct resource_call *rc, struct json **out_output)
{
    struct str bus = {0};
    struct str name = {0};
    struct json *input = input_of(rc, "Name");
    split_rule(rc->physical_id, &bus, &name);
    set_text(rc, input, "Name", name);
    set_text(rc, input, "EventBusName", bus);
    json_set(input, STR("Tags"), new_tags(rc));
    return invoke(rc, EVENTS_OP_PUT_RULE, input, out_output, NULL);
}

static enum resource_result create_rule(struct resource_call *rc)
{
    struct str bus = resource_string(rc->properties, "EventBusName");
    ptrdiff_t slash = str_last_index(bus, '/');
    choose_name(rc, "Name", 64);
    if (str_starts_with(bus, STR("arn:")) && slash >= 0)
        bus = str_from(bus, (size_t)slash + 1);
    if (bus.len > 0 && !str_eq_cstr(bus, "default"))
        rc->physical_id = str_concat3(rc->call->arena, bus, STR("|"), rc->physical_id);
    enum resource_result result = put_rule(rc, NULL);
    return result == RESOURCE_DONE ? put_targets(rc) : result;
}

static enum resource_result update_rule(struct resource_call *rc)
{
    struct json *output = NULL;
    enum resource_result result = put_rule(rc, &output);
    if (result == RESOURCE_DONE)
        result = remove_targets(rc, json_find_cstr(rc->properties, "Targets"));
    if (result == RESOURCE_DONE)
        result = put_targets(rc);
    if (result == RESOURCE_DONE && resource_changed(rc, "Tags"))
        result = retag(rc, json_find_str(output, "RuleArn"));
    return result;
}

static enum resource_result remove_rule(struct resource_call *rc)
{
    struct str code = STR("");
    enum resource_result result = remove_targets(rc, NULL);
    if (result == RESOURCE_DONE)
        result = invoke(rc, EVENTS_OP_DELETE_RULE, rule_input(rc, "Name"), NULL, &code);
    return done_if_gone(result, code);
}

static enum resource_result rule_attribute(struct resource_call *rc, struct str name,
                                           struct json **out_value)
{
    struct json *output = NULL;
    (void)name; /* Arn */
    enum resource_result result =
        invoke(rc, EVENTS_OP_DESCRIBE_RULE, rule_input(rc, "Name"), &output, NULL);
    if (result == RESOURCE_DONE)
        *out_value = json_new_string(rc->call->arena, json_find_str(output, "Arn"));
    return result;
}

static enum resource_result read_rule(struct resource_call *rc, struct json **out_properties)
{
    struct json *output = NULL;
    enum resource_result result =
        read_by(rc, EVENTS_OP_DESCRIBE_RULE, rule_input(rc, "Name"), rule_properties,
                ARRAY_LEN(rule_properties), out_properties);
    if (result == RESOURCE_DONE)
        result = invoke(rc, EVENTS_OP_LIST_TARGETS_BY_RULE, rule_input(rc, "Rule"), &output, NULL);
    const struct json *targets = json_find_cstr(output, "Targets");
    if (result == RESOURCE_DONE && targets && targets->count > 0)
        json_append_member(*out_properties, STR("Targets"), json_copy(rc->call->arena, targets));
    struct str bus = {0};
    struct str name = {0};
    split_rule(rc->physical_id, &bus, &name);
    if (result == RESOURCE_DONE)
        result = read_tags(rc, events_rule_arn(rc->call->arena, rc->call->scope, bus, name),
                           *out_properties);
    return result;
}

/* ---- AWS::Events::EventBus ------------------------------------------------------------------- */

static enum resource_result set_bus_policy(struct resource_call *rc)
{
    struct str policy = resource_json_text(rc, rc->properties, "Policy");
    struct json *input = object_of(rc, "EventBusName", rc->physical_id);
    if (policy.ptr) {
        set_text(rc, input, "Policy", policy);
        return invoke(rc, EVENTS_OP_PUT_PERMISSION, input, NULL, NULL);
    }
    json_append_member(input, STR("RemoveAllPermissions"), json_new_bool(rc->call->arena, true));
    return invoke(rc, EVENTS_OP_REMOVE_PERMISSION, input, NULL, NULL);
}

static enum resource_result create_bus(struct resource_call *rc)
{
    rc->physical_id = resource_string(rc->properties, "Name");
    struct json *input = input_of(rc, "Name");
    json_set(input, STR("Tags"), new_tags(rc));
    enum resource_result result = invoke(rc, EVENTS_OP_CREATE_EVENT_BUS, input, NULL, NULL);
    if (result == RESOURCE_DONE && json_find_cstr(rc->properties, "Policy"))
        result = set_bus_policy(rc);
    return result;
}

static enum resource_result update_bus(struct resource_call *rc)
{
    struct json *output = NULL;
    enum resource_result result =
        invoke(rc, EVENTS_OP_UPDATE_EVENT_BUS, input_of(rc, "Name"), &output, NULL);
    if (result == RESOURCE_DONE && resource_changed(rc, "Policy"))
        result = set_bus_policy(rc);
    if (result == RESOURCE_DONE && resource_changed(rc, "Tags"))
        result = retag(rc, json_find_str(output, "Arn"));
    return result;
}

static enum resource_result remove_bus(struct resource_call *rc)
{
    return invoke(rc, EVENTS_OP_DELETE_EVENT_BUS, object_of(rc, "Name", rc->physical_id), NULL,
                  NULL);
}

static enum resource_result bus_attribute(struct resource_call *rc, struct str name,
                                          struct json **out_value)
{
    return member_of(rc, EVENTS_OP_DESCRIBE_EVENT_BUS, "Name", str_to_cstr(rc->call->arena, name),
                     out_value);
}

static enum resource_result read_bus(struct resource_call *rc, struct json **out_properties)
{
    enum resource_result result =
        read_by(rc, EVENTS_OP_DESCRIBE_EVENT_BUS, object_of(rc, "Name", rc->physical_id),
                bus_properties, ARRAY_LEN(bus_properties), out_properties);
    if (result == RESOURCE_DONE)
        result = read_tags(rc, events_bus_arn(rc->call->arena, rc->call->scope, rc->physical_id),
                           *out_properties);
    return result;
}

/* ---- AWS::Events::EventBusPolicy ------------------------------------------------------------- */

static struct str policy_bus(struct resource_call *rc)
{
    return str_or(resource_string(rc->properties, "EventBusName"), STR("default"));
}

/* Puts the statement of the template among those that the bus has, under the statement's id. */
static enum resource_result put_statement(struct resource_call *rc)
{
    struct arena *arena = rc->call->arena;
    struct json *bus = NULL;
    struct json *policy = NULL;
    struct str id = resource_string(rc->properties, "StatementId");
    enum resource_result result =
        invoke(rc, EVENTS_OP_DESCRIBE_EVENT_BUS, object_of(rc, "Name", policy_bus(rc)), &bus, NULL);
    if (result != RESOURCE_DONE)
        return result;
    struct str text = json_find_str(bus, "Policy");
    struct json *list = json_new(arena, JSON_ARRAY);
    const struct json *have = NULL;
    if (text.ptr && json_parse(arena, text, 0, &policy, NULL) == 0)
        have = json_find_cstr(policy, "Statement");
    for (const struct json *one = json_is_array(have) ? have->first : NULL; one; one = one->next) {
        if (!str_eq(json_find_str(one, "Sid"), id))
            json_append(list, json_copy(arena, one));
    }
    struct json *statement = NULL;
    if (json_parse(arena, resource_json_text(rc, rc->properties, "Statement"), 0, &statement,
                   NULL) < 0 ||
        !json_is_object(statement))
        return resource_fail(rc, "Statement must be a JSON object.");
    json_set(statement, STR("Sid"), json_new_string(arena, id));
    json_append(list, statement);
    struct json *whole = object_of(rc, "Version", STR("2012-10-17"));
    json_append_member(whole, STR("Statement"), list);
    struct json *input = object_of(rc, "EventBusName", policy_bus(rc));
    set_text(rc, input, "Policy", json_to_str(arena, whole));
    return invoke(rc, EVENTS_OP_PUT_PERMISSION, input, NULL, NULL);
}

static enum resource_result put_policy(struct resource_call *rc)
{
    rc->physical_id = resource_string(rc->properties, "StatementId");
    if (json_find_cstr(rc->properties, "Statement"))
        return put_statement(rc);
    struct json *input = json_copy(rc->call->arena, rc->properties);
    set_text(rc, input, "EventBusName", policy_bus(rc));
    return invoke(rc, EVENTS_OP_PUT_PERMISSION, input, NULL, NULL);
}

static enum resource_result remove_policy(struct resource_call *rc)
{
    struct str code = STR("");
    struct json *input = object_of(rc, "EventBusName", policy_bus(rc));
    set_text(rc, input, "StatementId", rc->physical_id);
    enum resource_result result = invoke(rc, EVENTS_OP_REMOVE_PERMISSION, input, NULL, &code);
    return done_if_gone(result, code);
}

/* ---- AWS::Events::Archive -------------------------------------------------------------------- */

static struct json *archive_input(struct resource_call *rc)
{
    struct json *input = input_of(rc, "ArchiveName");
    set_text(rc, input, "EventSourceArn", resource_string(rc->properties, "SourceArn"));
    return input;
}

static enum resource_result create_archive(struct resource_call *rc)
{
    choose_name(rc, "ArchiveName", 48);
    return invoke(rc, EVENTS_OP_CREATE_ARCHIVE, archive_input(rc), NULL, NULL);
}

static enum resource_result update_archive(struct resource_call *rc)
{
    return invoke(rc, EVENTS_OP_UPDATE_ARCHIVE, archive_input(rc), NULL, NULL);
}

static enum resource_result remove_archive(struct resource_call *rc)
{
    struct str code = STR("");
    enum resource_result result = invoke(
        rc, EVENTS_OP_DELETE_ARCHIVE, object_of(rc, "ArchiveName", rc->physical_id), NULL, &code);
    return done_if_gone(result, code);
}

static enum resource_result archive_attribute(struct resource_call *rc, struct str name,
                                              struct json **out_value)
{
    const char *member = str_eq_cstr(name, "Arn") ? "ArchiveArn" : "ArchiveName";
    return member_of(rc, EVENTS_OP_DESCRIBE_ARCHIVE, "ArchiveName", member, out_value);
}

static enum resource_result read_archive(struct resource_call *rc, struct json **out_properties)
{
    struct json *source = NULL;
    enum resource_result result =
        read_by(rc, EVENTS_OP_DESCRIBE_ARCHIVE, object_of(rc, "ArchiveName", rc->physical_id),
                archive_properties, ARRAY_LEN(archive_properties), out_properties);
    if (result == RESOURCE_DONE)
        result =
            member_of(rc, EVENTS_OP_DESCRIBE_ARCHIVE, "ArchiveName", "EventSourceArn", &source);
    if (result == RESOURCE_DONE)
        json_append_member(*out_properties, STR("SourceArn"), source);
    return result;
}

/* ---- AWS::Events::Connection and ApiDestination ---------------------------------------------- */

/* The parts of AuthParameters are named otherwise in a template: OAuthParameters holds what the API
 * calls the same, so nothing is to be done but to hand it on. */
static enum resource_result create_connection(struct resource_call *rc)
{
    choose_name(rc, "Name", 64);
    return invoke(rc, EVENTS_OP_CREATE_CONNECTION, input_of(rc, "Name"), NULL, NULL);
}

static enum resource_result update_connection(struct resource_call *rc)
{
    return invoke(rc, EVENTS_OP_UPDATE_CONNECTION, input_of(rc, "Name"), NULL, NULL);
}

static enum resource_result remove_connection(struct resource_call *rc)
{
    struct str code = STR("");
    enum resource_result result = invoke(rc, EVENTS_OP_DELETE_CONNECTION,
                                         object_of(rc, "Name", rc->physical_id), NULL, &code);
    return done_if_gone(result, code);
}

/* ArnForPolicy is the ARN without the random part at its end. */
static enum resource_result arn_of(struct resource_call *rc, enum events_op op, const char *member,
                                   bool is_for_policy, struct json **out_value)
{
    enum resource_result result = member_of(rc, op, "Name", member, out_value);
    if (result == RESOURCE_DONE && is_for_policy)
        (*out_value)->text =
            str_slice((*out_value)->text, 0, (size_t)(str_last_index((*out_value)->text, '/')));
    return result;
}

static enum resource_result connection_attribute(struct resource_call *rc, struct str name,
                                                 struct json **out_value)
{
    if (str_eq_cstr(name, "SecretArn"))
        return member_of(rc, EVENTS_OP_DESCRIBE_CONNECTION, "Name", "SecretArn", out_value);
    return arn_of(rc, EVENTS_OP_DESCRIBE_CONNECTION, "ConnectionArn",
                  str_eq_cstr(name, "ArnForPolicy"), out_value);
}

static enum resource_result read_connection(struct resource_call *rc, struct json **out_properties)
{
    return read_by(rc, EVENTS_OP_DESCRIBE_CONNECTION, object_of(rc, "Name", rc->physical_id),
                   connection_properties + 1, ARRAY_LEN(connection_properties) - 1, out_properties);
}

static enum resource_result create_destination(struct resource_call *rc)
{
    choose_name(rc, "Name", 64);
    return invoke(rc, EVENTS_OP_CREATE_API_DESTINATION, input_of(rc, "Name"), NULL, NULL);
}

static enum resource_result update_destination(struct resource_call *rc)
{
    return invoke(rc, EVENTS_OP_UPDATE_API_DESTINATION, input_of(rc, "Name"), NULL, NULL);
}

static enum resource_result remove_destination(struct resource_call *rc)
{
    struct str code = STR("");
    enum resource_result result = invoke(rc, EVENTS_OP_DELETE_API_DESTINATION,
                                         object_of(rc, "Name", rc->physical_id), NULL, &code);
    return done_if_gone(result, code);
}

static enum resource_result destination_attribute(struct resource_call *rc, struct str name,
                                                  struct json **out_value)
{
    return arn_of(rc, EVENTS_OP_DESCRIBE_API_DESTINATION, "ApiDestinationArn",
                  str_eq_cstr(name, "ArnForPolicy"), out_value);
}

static enum resource_result read_destination(struct resource_call *rc, struct json **out_properties)
{
    return read_by(rc, EVENTS_OP_DESCRIBE_API_DESTINATION, object_of(rc, "Name", rc->physical_id),
                   destination_properties, ARRAY_LEN(destination_properties), out_properties);
}

static const struct str arn_attributes[] = {STR_INIT("Arn")};
static const struct str bus_attributes[] = {STR_INIT("Arn"), STR_INIT("Name"), STR_INIT("Policy")};
static const struct str archive_attributes[] = {STR_INIT("ArchiveName"), STR_INIT("Arn")};
static const struct str connection_attributes[] = {STR_INIT("Arn"), STR_INIT("ArnForPolicy"),
                                                   STR_INIT("SecretArn")};
static const struct str destination_attributes[] = {STR_INIT("Arn"), STR_INIT("ArnForPolicy")};

#define PROPERTIES(list) .properties = (list), .property_count = ARRAY_LEN(list)
#define ATTRIBUTES(list) .attributes = (list), .attribute_count = ARRAY_LEN(list)

const struct resource_type events_resource_types[] = {
    {
        .name = STR_INIT("AWS::Events::ApiDestination"),
        PROPERTIES(destination_properties),
        ATTRIBUTES(destination_attributes),
        .name_property = STR_INIT("Name"),
        .create = create_destination,
        .update = update_destination,
        .remove = remove_destination,
        .attribute = destination_attribute,
        .read = read_destination,
    },
    {
        .name = STR_INIT("AWS::Events::Archive"),
        PROPERTIES(archive_properties),
        ATTRIBUTES(archive_attributes),
        .name_property = STR_INIT("ArchiveName"),
        .create = create_archive,
        .update = update_archive,
        .remove = remove_archive,
        .attribute = archive_attribute,
        .read = read_archive,
    },
    {
        .name = STR_INIT("AWS::Events::Connection"),
        PROPERTIES(connection_properties),
        ATTRIBUTES(connection_attributes),
        .name_property = STR_INIT("Name"),
        .create = create_connection,
        .update = update_connection,
        .remove = remove_connection,
        .attribute = connection_attribute,
        .read = read_connection,
    },
    {
        .name = STR_INIT("AWS::Events::EventBus"),
        PROPERTIES(bus_properties),
        ATTRIBUTES(bus_attributes),
        .name_property = STR_INIT("Name"),
        .accepts_tags = true,
        .create = create_bus,
        .update = update_bus,
        .remove = remove_bus,
        .attribute = bus_attribute,
        .read = read_bus,
    },
    {
        .name = STR_INIT("AWS::Events::EventBusPolicy"),
        PROPERTIES(policy_properties),
        .create = put_policy,
        .update = put_policy,
        .remove = remove_policy,
    },
    {
        .name = STR_INIT("AWS::Events::Rule"),
        PROPERTIES(rule_properties),
        ATTRIBUTES(arn_attributes),
        .name_property = STR_INIT("Name"),
        .accepts_tags = true,
        .create = create_rule,
        .update = update_rule,
        .remove = remove_rule,
        .attribute = rule_attribute,
        .read = read_rule,
    },
};

static_assert(ARRAY_LEN(events_resource_types) == EVENTS_RESOURCE_TYPES, "see events.h");
