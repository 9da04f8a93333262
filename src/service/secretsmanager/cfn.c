/* cfn.c — AWS::SecretsManager::Secret, ResourcePolicy, RotationSchedule and SecretTargetAttachment
 * for CloudFormation.
 *
 * DEVIATION: no database that a secret could be attached to exists here, so every
 * SecretTargetAttachment fails by name; a RotationSchedule fails as RotateSecret does.
 *
 * Docs: CloudFormation template reference, the four types.
 */
#include <assert.h>

#include "base/arena.h"
#include "base/rand.h"
#include "engine/cfn/resource.h"
#include "service/secretsmanager/secretsmanager.h"
#include "syntax/json.h"

enum {
    GENERATED_NAME_MAX = 256,
};

#define PROPERTY(name_, type_, update_)                                                            \
    {                                                                                              \
        .name = STR_INIT(name_), .type = (type_), .update = (update_)                              \
    }
#define MEMBER(name_, type_)                                                                       \
    {                                                                                              \
        .name = STR_INIT(name_), .type = (type_)                                                   \
    }

static const struct resource_property tag_members[] = {
    {.name = STR_INIT("Key"), .type = PROPERTY_STRING, .is_required = true},
    {.name = STR_INIT("Value"), .type = PROPERTY_STRING, .is_required = true},
};

static const struct resource_property generate_members[] = {
    MEMBER("ExcludeCharacters", PROPERTY_STRING),
    MEMBER("ExcludeLowercase", PROPERTY_BOOLEAN),
    MEMBER("ExcludeNumbers", PROPERTY_BOOLEAN),
    MEMBER("ExcludePunctuation", PROPERTY_BOOLEAN),
    MEMBER("ExcludeUppercase", PROPERTY_BOOLEAN),
    MEMBER("GenerateStringKey", PROPERTY_STRING),
    MEMBER("IncludeSpace", PROPERTY_BOOLEAN),
    MEMBER("PasswordLength", PROPERTY_INTEGER),
    MEMBER("RequireEachIncludedType", PROPERTY_BOOLEAN),
    MEMBER("SecretStringTemplate", PROPERTY_STRING),
};

static const struct resource_property replica_members[] = {
    MEMBER("KmsKeyId", PROPERTY_STRING),
    {.name = STR_INIT("Region"), .type = PROPERTY_STRING, .is_required = true},
};

static const struct resource_property secret_properties[] = {
    PROPERTY("Description", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
    {
        .name = STR_INIT("GenerateSecretString"),
        .type = PROPERTY_OBJECT,
        .is_write_only = true,
        .members = generate_members,
        .member_count = ARRAY_LEN(generate_members),
    },
    PROPERTY("KmsKeyId", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
    PROPERTY("Name", PROPERTY_STRING, UPDATE_REPLACEMENT),
    {
        .name = STR_INIT("ReplicaRegions"),
        .type = PROPERTY_LIST,
        .members = replica_members,
        .member_count = ARRAY_LEN(replica_members),
    },
    {.name = STR_INIT("SecretString"), .type = PROPERTY_STRING, .is_write_only = true},
    {
        .name = STR_INIT("Tags"),
        .type = PROPERTY_LIST,
        .members = tag_members,
        .member_count = ARRAY_LEN(tag_members),
    },
    PROPERTY("Type", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
};

static const struct resource_property policy_properties[] = {
    {.name = STR_INIT("BlockPublicPolicy"), .type = PROPERTY_BOOLEAN, .is_write_only = true},
    {.name = STR_INIT("ResourcePolicy"), .type = PROPERTY_JSON, .is_required = true},
    {
        .name = STR_INIT("SecretId"),
        .type = PROPERTY_STRING,
        .update = UPDATE_REPLACEMENT,
        .is_required = true,
    },
};

static const struct resource_property rules_members[] = {
    MEMBER("AutomaticallyAfterDays", PROPERTY_INTEGER),
    MEMBER("Duration", PROPERTY_STRING),
    MEMBER("ScheduleExpression", PROPERTY_STRING),
};

static const struct resource_property rotation_properties[] = {
    MEMBER("RotateImmediatelyOnUpdate", PROPERTY_BOOLEAN),
    MEMBER("RotationLambdaARN", PROPERTY_STRING),
    {
        .name = STR_INIT("RotationRules"),
        .type = PROPERTY_OBJECT,
        .members = rules_members,
        .member_count = ARRAY_LEN(rules_members),
    },
    {
        .name = STR_INIT("SecretId"),
        .type = PROPERTY_STRING,
        .update = UPDATE_REPLACEMENT,
        .is_required = true,
    },
};

static const struct resource_property attachment_properties[] = {
    {.name = STR_INIT("SecretId"), .type = PROPERTY_STRING, .is_required = true},
    {.name = STR_INIT("TargetId"), .type = PROPERTY_STRING, .is_required = true},
    {.name = STR_INIT("TargetType"), .type = PROPERTY_STRING, .is_required = true},
};

static const struct str id_attributes[] = {STR_INIT("Id")};

static enum resource_result invoke(struct resource_call *rc, enum secretsmanager_op op,
                                   const void *in, void *out, struct str *out_code)
{
    return resource_invoke(rc, &secretsmanager_model, &secretsmanager_operations[op], in, out,
                           out_code);
}

static void gather_tags(struct resource_call *rc, struct secretsmanager_tag_list_type *out)
{
    const struct json *tags = resource_tags(rc, "Tags");
    out->items = arena_alloc_array(rc->call->arena, tags->count + 1, sizeof(*out->items));
    for (const struct json *tag = tags->first; tag; tag = tag->next) {
        struct str key = json_find_str(tag, "Key");
        if (!str_starts_with(key, STR("aws:")) || rc->call->via_service.len > 0)
            out->items[out->count++] =
                (struct secretsmanager_tag){.key = key, .value = json_find_str(tag, "Value")};
    }
}

/* --- AWS::SecretsManager::Secret --- */

/* AWS: the generated password alone, or SecretStringTemplate with it as GenerateStringKey. */
static enum resource_result generate(struct resource_call *rc, const struct json *options,
                                     struct str *out_text)
{
    struct arena *arena = rc->call->arena;
    const struct secretsmanager_get_random_password_in in = {
        .password_length = resource_integer(options, "PasswordLength"),
        .exclude_characters = resource_string(options, "ExcludeCharacters"),
        .exclude_lowercase = resource_boolean(options, "ExcludeLowercase"),
        .exclude_numbers = resource_boolean(options, "ExcludeNumbers"),
        .exclude_punctuation = resource_boolean(options, "ExcludePunctuation"),
        .exclude_uppercase = resource_boolean(options, "ExcludeUppercase"),
        .include_space = resource_boolean(options, "IncludeSpace"),
        .require_each_included_type = resource_boolean(options, "RequireEachIncludedType"),
    };
    struct secretsmanager_get_random_password_out out = {0};
    enum resource_result result =
        invoke(rc, SECRETSMANAGER_OP_GET_RANDOM_PASSWORD, &in, &out, NULL);
    if (result != RESOURCE_DONE)
        return result;
    struct str template_text = resource_string(options, "SecretStringTemplate");
    struct str key = resource_string(options, "GenerateStringKey");
    struct json *object = NULL;
    *out_text = out.random_password;
    if (template_text.len == 0 && key.len == 0)
        return RESOURCE_DONE;
    if (template_text.len == 0 || key.len == 0)
        return resource_fail(rc, "You must specify both SecretStringTemplate and "
                                 "GenerateStringKey.");
    if (json_parse(arena, template_text, 0, &object, NULL) < 0 || !json_is_object(object))
        return resource_fail(rc, "Could not parse SecretStringTemplate JSON.");
    json_set(object, key, json_new_string(arena, out.random_password));
    *out_text = json_to_str(arena, object);
    return RESOURCE_DONE;
}

static enum resource_result read_value(struct resource_call *rc, struct str *out_text)
{
    const struct json *options = json_find_cstr(rc->properties, "GenerateSecretString");
    struct str text = resource_string(rc->properties, "SecretString");
    if (options && str_is_set(text))
        return resource_fail(rc, "You can't specify both SecretString and GenerateSecretString.");
    *out_text = text;
    return options ? generate(rc, options, out_text) : RESOURCE_DONE;
}

static void gather_replicas(struct resource_call *rc, const struct json *properties,
                            struct secretsmanager_add_replica_region_list_type *out)
{
    const struct json *list = json_find_cstr(properties, "ReplicaRegions");
    if (!list)
        return;
    out->items = arena_alloc_array(rc->call->arena, list->count, sizeof(*out->items));
    for (const struct json *replica = list->first; replica; replica = replica->next)
        out->items[out->count++] = (struct secretsmanager_replica_region_type){
            .region = json_find_str(replica, "Region"),
            .kms_key_id = json_find_str(replica, "KmsKeyId"),
        };
}

static enum resource_result create_secret(struct resource_call *rc)
{
    struct secretsmanager_create_secret_in in = {
        .name = resource_string(rc->properties, "Name"),
        .client_request_token = rand_uuid(rc->call->arena),
        .description = resource_string(rc->properties, "Description"),
        .kms_key_id = resource_string(rc->properties, "KmsKeyId"),
        .type = resource_string(rc->properties, "Type"),
    };
    struct secretsmanager_create_secret_out out = {0};
    if (in.name.len == 0)
        in.name = resource_physical_name(rc, GENERATED_NAME_MAX, STR(""));
    gather_tags(rc, &in.tags);
    gather_replicas(rc, rc->properties, &in.add_replica_regions);
    enum resource_result result = read_value(rc, &in.secret_string);
    if (result == RESOURCE_DONE)
        result = invoke(rc, SECRETSMANAGER_OP_CREATE_SECRET, &in, &out, NULL);
    if (result == RESOURCE_DONE)
        rc->physical_id = out.arn;
    return result;
}

static enum resource_result update_value(struct resource_call *rc)
{
    struct secretsmanager_update_secret_in in = {
        .secret_id = rc->physical_id,
        .client_request_token = rand_uuid(rc->call->arena),
        .description = str_or(resource_string(rc->properties, "Description"), STR("")),
        .kms_key_id = str_or(resource_string(rc->properties, "KmsKeyId"), STR("")),
    };
    struct secretsmanager_update_secret_out out = {0};
    bool has_new_value =
        resource_changed(rc, "GenerateSecretString") || resource_changed(rc, "SecretString");
    enum resource_result result = has_new_value ? read_value(rc, &in.secret_string) : RESOURCE_DONE;
    if (result == RESOURCE_DONE)
        result = invoke(rc, SECRETSMANAGER_OP_UPDATE_SECRET, &in, &out, NULL);
    return result;
}

static enum resource_result update_tags(struct resource_call *rc)
{
    const struct secretsmanager_describe_secret_in describe = {.secret_id = rc->physical_id};
    struct secretsmanager_describe_secret_out described = {0};
    struct secretsmanager_tag_resource_in tag = {.secret_id = rc->physical_id};
    struct secretsmanager_tag_resource_out tagged = {0};
    struct secretsmanager_untag_resource_in untag = {.secret_id = rc->physical_id};
    struct secretsmanager_untag_resource_out untagged = {0};
    gather_tags(rc, &tag.tags);
    enum resource_result result =
        invoke(rc, SECRETSMANAGER_OP_DESCRIBE_SECRET, &describe, &described, NULL);
    if (result != RESOURCE_DONE)
        return result;
    untag.tag_keys.items =
        arena_alloc_array(rc->call->arena, described.tags.count, sizeof(struct str));
    for (size_t i = 0; i < described.tags.count; i++) {
        bool is_kept = false;
        for (size_t other = 0; other < tag.tags.count; other++)
            is_kept |= str_eq(tag.tags.items[other].key, described.tags.items[i].key);
        if (!is_kept)
            untag.tag_keys.items[untag.tag_keys.count++] = described.tags.items[i].key;
    }
    if (untag.tag_keys.count > 0)
        result = invoke(rc, SECRETSMANAGER_OP_UNTAG_RESOURCE, &untag, &untagged, NULL);
    if (result == RESOURCE_DONE && tag.tags.count > 0)
        result = invoke(rc, SECRETSMANAGER_OP_TAG_RESOURCE, &tag, &tagged, NULL);
    return result;
}

static bool has_region(const struct secretsmanager_add_replica_region_list_type *list,
                       struct str region)
{
    for (size_t i = 0; i < list->count; i++) {
        if (str_eq(list->items[i].region, region))
            return true;
    }
    return false;
}

static enum resource_result update_replicas(struct resource_call *rc)
{
    struct secretsmanager_add_replica_region_list_type before = {0};
    struct secretsmanager_add_replica_region_list_type after = {0};
    struct secretsmanager_replicate_secret_to_regions_in add = {.secret_id = rc->physical_id};
    struct secretsmanager_replicate_secret_to_regions_out added = {0};
    struct secretsmanager_remove_regions_from_replication_in remove = {.secret_id =
                                                                           rc->physical_id};
    struct secretsmanager_remove_regions_from_replication_out removed = {0};
    if (!resource_changed(rc, "ReplicaRegions"))
        return RESOURCE_DONE;
    gather_replicas(rc, rc->old_properties, &before);
    gather_replicas(rc, rc->properties, &after);
    add.add_replica_regions.items =
        arena_alloc_array(rc->call->arena, after.count, sizeof(*after.items));
    remove.remove_replica_regions.items =
        arena_alloc_array(rc->call->arena, before.count, sizeof(struct str));
    for (size_t i = 0; i < after.count; i++) {
        if (!has_region(&before, after.items[i].region))
            add.add_replica_regions.items[add.add_replica_regions.count++] = after.items[i];
    }
    for (size_t i = 0; i < before.count; i++) {
        if (!has_region(&after, before.items[i].region))
            remove.remove_replica_regions.items[remove.remove_replica_regions.count++] =
                before.items[i].region;
    }
    enum resource_result result = RESOURCE_DONE;
    if (remove.remove_replica_regions.count > 0)
        result =
            invoke(rc, SECRETSMANAGER_OP_REMOVE_REGIONS_FROM_REPLICATION, &remove, &removed, NULL);
    if (result == RESOURCE_DONE && add.add_replica_regions.count > 0)
        result = invoke(rc, SECRETSMANAGER_OP_REPLICATE_SECRET_TO_REGIONS, &add, &added, NULL);
    return result;
}

static enum resource_result update_secret(struct resource_call *rc)
{
    enum resource_result result = update_value(rc);
    if (result == RESOURCE_DONE)
        result = update_tags(rc);
    return result == RESOURCE_DONE ? update_replicas(rc) : result;
}

/* AWS: a stack deletes a secret without recovery window, and its replicas with it. */
static enum resource_result remove_secret(struct resource_call *rc)
{
    const struct secretsmanager_delete_secret_in in = {
        .secret_id = rc->physical_id,
        .force_delete_without_recovery = opt_bool(true),
    };
    struct secretsmanager_delete_secret_out out = {0};
    struct secretsmanager_add_replica_region_list_type replicas = {0};
    struct secretsmanager_remove_regions_from_replication_in remove = {.secret_id =
                                                                           rc->physical_id};
    struct secretsmanager_remove_regions_from_replication_out removed = {0};
    struct str code = STR("");
    gather_replicas(rc, rc->properties, &replicas);
    remove.remove_replica_regions.items =
        arena_alloc_array(rc->call->arena, replicas.count, sizeof(struct str));
    for (size_t i = 0; i < replicas.count; i++)
        remove.remove_replica_regions.items[remove.remove_replica_regions.count++] =
            replicas.items[i].region;
    if (replicas.count > 0)
        (void)invoke(rc, SECRETSMANAGER_OP_REMOVE_REGIONS_FROM_REPLICATION, &remove, &removed,
                     &code);
    enum resource_result result = invoke(rc, SECRETSMANAGER_OP_DELETE_SECRET, &in, &out, &code);
    bool is_gone = str_eq(code, SECRETSMANAGER_RESOURCE_NOT_FOUND_EXCEPTION.code);
    return result == RESOURCE_FAILED && is_gone ? RESOURCE_DONE : result;
}

static enum resource_result describe(struct resource_call *rc,
                                     struct secretsmanager_describe_secret_out *out)
{
    const struct secretsmanager_describe_secret_in in = {.secret_id = rc->physical_id};
    return invoke(rc, SECRETSMANAGER_OP_DESCRIBE_SECRET, &in, out, NULL);
}

static enum resource_result id_attribute(struct resource_call *rc, struct str name,
                                         struct json **out_value)
{
    (void)name;
    *out_value = json_new_string(rc->call->arena, rc->physical_id);
    return RESOURCE_DONE;
}

static enum resource_result read_secret(struct resource_call *rc, struct json **out_properties)
{
    struct arena *arena = rc->call->arena;
    struct secretsmanager_describe_secret_out out = {0};
    enum resource_result result = describe(rc, &out);
    if (result != RESOURCE_DONE)
        return result;
    const struct {
        const char *name;
        struct str value;
    } texts[] = {{"Name", out.name},
                 {"Description", out.description},
                 {"KmsKeyId", out.kms_key_id},
                 {"Type", out.type}};
    struct json *properties = json_new(arena, JSON_OBJECT);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        if (texts[i].value.len > 0)
            json_append_member(properties, str_from_cstr(texts[i].name),
                               json_new_string(arena, texts[i].value));
    }
    *out_properties = properties;
    return RESOURCE_DONE;
}

/* --- AWS::SecretsManager::ResourcePolicy --- */

static enum resource_result put_policy(struct resource_call *rc)
{
    const struct secretsmanager_put_resource_policy_in in = {
        .secret_id = resource_string(rc->properties, "SecretId"),
        .resource_policy = resource_json_text(rc, rc->properties, "ResourcePolicy"),
        .block_public_policy = resource_boolean(rc->properties, "BlockPublicPolicy"),
    };
    struct secretsmanager_put_resource_policy_out out = {0};
    enum resource_result result =
        invoke(rc, SECRETSMANAGER_OP_PUT_RESOURCE_POLICY, &in, &out, NULL);
    if (result == RESOURCE_DONE)
        rc->physical_id = out.arn;
    return result;
}

static enum resource_result remove_policy(struct resource_call *rc)
{
    const struct secretsmanager_delete_resource_policy_in in = {.secret_id = rc->physical_id};
    struct secretsmanager_delete_resource_policy_out out = {0};
    struct str code = STR("");
    enum resource_result result =
        invoke(rc, SECRETSMANAGER_OP_DELETE_RESOURCE_POLICY, &in, &out, &code);
    bool is_gone = str_eq(code, SECRETSMANAGER_RESOURCE_NOT_FOUND_EXCEPTION.code);
    return result == RESOURCE_FAILED && is_gone ? RESOURCE_DONE : result;
}

static enum resource_result read_policy(struct resource_call *rc, struct json **out_properties)
{
    struct arena *arena = rc->call->arena;
    const struct secretsmanager_get_resource_policy_in in = {.secret_id = rc->physical_id};
    struct secretsmanager_get_resource_policy_out out = {0};
    struct json *policy = NULL;
    enum resource_result result =
        invoke(rc, SECRETSMANAGER_OP_GET_RESOURCE_POLICY, &in, &out, NULL);
    if (result != RESOURCE_DONE)
        return result;
    if (json_parse(arena, out.resource_policy, 0, &policy, NULL) < 0)
        return resource_fail(rc, "The secret " STR_FMT " has no resource policy.",
                             STR_ARG(rc->physical_id));
    *out_properties = json_new(arena, JSON_OBJECT);
    json_append_member(*out_properties, STR("SecretId"), json_new_string(arena, out.arn));
    json_append_member(*out_properties, STR("ResourcePolicy"), policy);
    return RESOURCE_DONE;
}

/* --- AWS::SecretsManager::RotationSchedule, SecretTargetAttachment --- */

static enum resource_result rotate(struct resource_call *rc)
{
    const struct json *rules = json_find_cstr(rc->properties, "RotationRules");
    struct secretsmanager_rotation_rules_type wanted = {
        .automatically_after_days = resource_integer(rules, "AutomaticallyAfterDays"),
        .duration = resource_string(rules, "Duration"),
        .schedule_expression = resource_string(rules, "ScheduleExpression"),
    };
    const struct secretsmanager_rotate_secret_in in = {
        .secret_id = resource_string(rc->properties, "SecretId"),
        .client_request_token = rand_uuid(rc->call->arena),
        .rotation_lambda_arn = resource_string(rc->properties, "RotationLambdaARN"),
        .rotation_rules = rules ? &wanted : NULL,
        .rotate_immediately = resource_boolean(rc->properties, "RotateImmediatelyOnUpdate"),
    };
    struct secretsmanager_rotate_secret_out out = {0};
    enum resource_result result = invoke(rc, SECRETSMANAGER_OP_ROTATE_SECRET, &in, &out, NULL);
    if (result == RESOURCE_DONE)
        rc->physical_id = out.arn;
    return result;
}

static enum resource_result cancel_rotation(struct resource_call *rc)
{
    const struct secretsmanager_cancel_rotate_secret_in in = {.secret_id = rc->physical_id};
    struct secretsmanager_cancel_rotate_secret_out out = {0};
    struct str code = STR("");
    enum resource_result result =
        invoke(rc, SECRETSMANAGER_OP_CANCEL_ROTATE_SECRET, &in, &out, &code);
    bool is_gone = str_eq(code, SECRETSMANAGER_RESOURCE_NOT_FOUND_EXCEPTION.code);
    return result == RESOURCE_FAILED && is_gone ? RESOURCE_DONE : result;
}

static enum resource_result attach(struct resource_call *rc)
{
    return resource_fail(rc, "The target " STR_FMT " of type " STR_FMT " is not found.",
                         STR_ARG(resource_string(rc->properties, "TargetId")),
                         STR_ARG(resource_string(rc->properties, "TargetType")));
}

static enum resource_result detach(struct resource_call *rc)
{
    (void)rc;
    return RESOURCE_DONE;
}

const struct resource_type secretsmanager_resource_types[] = {
    {
        .name = STR_INIT("AWS::SecretsManager::ResourcePolicy"),
        .properties = policy_properties,
        .property_count = ARRAY_LEN(policy_properties),
        .attributes = id_attributes,
        .attribute_count = ARRAY_LEN(id_attributes),
        .create = put_policy,
        .update = put_policy,
        .remove = remove_policy,
        .attribute = id_attribute,
        .read = read_policy,
    },
    {
        .name = STR_INIT("AWS::SecretsManager::RotationSchedule"),
        .properties = rotation_properties,
        .property_count = ARRAY_LEN(rotation_properties),
        .attributes = id_attributes,
        .attribute_count = ARRAY_LEN(id_attributes),
        .create = rotate,
        .update = rotate,
        .remove = cancel_rotation,
        .attribute = id_attribute,
    },
    {
        .name = STR_INIT("AWS::SecretsManager::Secret"),
        .properties = secret_properties,
        .property_count = ARRAY_LEN(secret_properties),
        .attributes = id_attributes,
        .attribute_count = ARRAY_LEN(id_attributes),
        .accepts_tags = true,
        .create = create_secret,
        .update = update_secret,
        .remove = remove_secret,
        .attribute = id_attribute,
        .read = read_secret,
    },
    {
        .name = STR_INIT("AWS::SecretsManager::SecretTargetAttachment"),
        .properties = attachment_properties,
        .property_count = ARRAY_LEN(attachment_properties),
        .attributes = id_attributes,
        .attribute_count = ARRAY_LEN(id_attributes),
        .create = attach,
        .update = attach,
        .remove = detach,
        .attribute = id_attribute,
    },
};
static_assert(ARRAY_LEN(secretsmanager_resource_types) == SECRETS_RESOURCE_TYPES,
              "secretsmanager.h counts them");
