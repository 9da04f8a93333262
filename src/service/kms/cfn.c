/* cfn.c — AWS::KMS::Key, AWS::KMS::Alias and AWS::KMS::ReplicaKey for CloudFormation.
 *
 * Docs: CloudFormation template reference, "AWS::KMS::Key", "AWS::KMS::Alias",
 * "AWS::KMS::ReplicaKey".
 */
#include <assert.h>

#include "base/arena.h"
#include "engine/cfn/resource.h"
#include "service/kms/kms.h"
#include "syntax/json.h"

enum {
    DEFAULT_ROTATION_DAYS = 365, /* AWS: RotationPeriodInDays */
    DEFAULT_PENDING_DAYS = 30,   /* AWS: PendingWindowInDays */
};

#define PROPERTY(name_, type_, update_)                                                            \
    {                                                                                              \
        .name = STR_INIT(name_), .type = (type_), .update = (update_)                              \
    }

static const struct resource_property tag_members[] = {
    {.name = STR_INIT("Key"), .type = PROPERTY_STRING, .is_required = true},
    {.name = STR_INIT("Value"), .type = PROPERTY_STRING, .is_required = true},
};

/* AWS: "If you change the value of the KeySpec, KeyUsage, Origin, or MultiRegion properties of an
 * existing KMS key, the update request fails, regardless of the value of the UpdateReplacePolicy
 * attribute." The same holds for PrimaryKeyArn of a replica. */
static const struct resource_property key_properties[] = {
    {
        .name = STR_INIT("BypassPolicyLockoutSafetyCheck"),
        .type = PROPERTY_BOOLEAN,
        .is_write_only = true,
    },
    PROPERTY("Description", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
    PROPERTY("Enabled", PROPERTY_BOOLEAN, UPDATE_NO_INTERRUPTION),
    PROPERTY("EnableKeyRotation", PROPERTY_BOOLEAN, UPDATE_NO_INTERRUPTION),
    PROPERTY("KeyPolicy", PROPERTY_JSON, UPDATE_NO_INTERRUPTION),
    PROPERTY("KeySpec", PROPERTY_STRING, UPDATE_REPLACEMENT),
    PROPERTY("KeyUsage", PROPERTY_STRING, UPDATE_REPLACEMENT),
    PROPERTY("MultiRegion", PROPERTY_BOOLEAN, UPDATE_REPLACEMENT),
    PROPERTY("Origin", PROPERTY_STRING, UPDATE_REPLACEMENT),
    {
        .name = STR_INIT("PendingWindowInDays"),
        .type = PROPERTY_INTEGER,
        .is_write_only = true,
    },
    {
        .name = STR_INIT("RotationPeriodInDays"),
        .type = PROPERTY_INTEGER,
    },
    {
        .name = STR_INIT("Tags"),
        .type = PROPERTY_LIST,
        .members = tag_members,
        .member_count = ARRAY_LEN(tag_members),
    },
};

static const struct resource_property replica_properties[] = {
    PROPERTY("Description", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
    PROPERTY("Enabled", PROPERTY_BOOLEAN, UPDATE_NO_INTERRUPTION),
    {.name = STR_INIT("KeyPolicy"), .type = PROPERTY_JSON, .is_required = true},
    {
        .name = STR_INIT("PendingWindowInDays"),
        .type = PROPERTY_INTEGER,
        .is_write_only = true,
    },
    {
        .name = STR_INIT("PrimaryKeyArn"),
        .type = PROPERTY_STRING,
        .update = UPDATE_REPLACEMENT,
        .is_required = true,
    },
    {
        .name = STR_INIT("Tags"),
        .type = PROPERTY_LIST,
        .members = tag_members,
        .member_count = ARRAY_LEN(tag_members),
    },
};

static const struct resource_property alias_properties[] = {
    {
        .name = STR_INIT("AliasName"),
        .type = PROPERTY_STRING,
        .update = UPDATE_REPLACEMENT,
        .is_required = true,
    },
    {.name = STR_INIT("TargetKeyId"), .type = PROPERTY_STRING, .is_required = true},
};

static enum resource_result invoke(struct resource_call *rc, enum kms_op op, const void *in,
                                   void *out, struct str *out_code)
{
    return resource_invoke(rc, &kms_model, &kms_operations[op], in, out, out_code);
}

static void gather_tags(struct resource_call *rc, struct kms_tag_list *out)
{
    const struct json *tags = resource_tags(rc, "Tags");
    out->items = arena_alloc_array(rc->call->arena, tags->count + 1, sizeof(*out->items));
    for (const struct json *tag = tags->first; tag; tag = tag->next) {
        struct str key = json_find_str(tag, "Key");
        /* AWS: CloudFormation puts its aws:cloudformation: tags on keys; nobody else may. */
        if (!str_starts_with(key, STR("aws:")) || rc->call->via_service.len > 0)
            out->items[out->count++] =
                (struct kms_tag){.tag_key = key, .tag_value = json_find_str(tag, "Value")};
    }
}

/* --- what keys and replicas share --- */

static enum resource_result set_enabled(struct resource_call *rc)
{
    bool is_enabled = opt_bool_or(resource_boolean(rc->properties, "Enabled"), true);
    const struct kms_enable_key_in enable = {.key_id = rc->physical_id};
    const struct kms_disable_key_in disable = {.key_id = rc->physical_id};
    struct kms_enable_key_out enabled = {0};
    struct kms_disable_key_out disabled = {0};
    if (is_enabled)
        return invoke(rc, KMS_OP_ENABLE_KEY, &enable, &enabled, NULL);
    return invoke(rc, KMS_OP_DISABLE_KEY, &disable, &disabled, NULL);
}

static enum resource_result set_description(struct resource_call *rc)
{
    const struct kms_update_key_description_in in = {
        .key_id = rc->physical_id,
        .description = str_or(resource_string(rc->properties, "Description"), STR("")),
    };
    struct kms_update_key_description_out out = {0};
    return invoke(rc, KMS_OP_UPDATE_KEY_DESCRIPTION, &in, &out, NULL);
}

/* A template that stops giving a policy leaves the key's as it is. */
static enum resource_result set_policy(struct resource_call *rc)
{
    const struct kms_put_key_policy_in in = {
        .key_id = rc->physical_id,
        .policy = resource_json_text(rc, rc->properties, "KeyPolicy"),
        .bypass_policy_lockout_safety_check =
            resource_boolean(rc->properties, "BypassPolicyLockoutSafetyCheck"),
    };
    struct kms_put_key_policy_out out = {0};
    if (!in.policy.ptr)
        return RESOURCE_DONE;
    return invoke(rc, KMS_OP_PUT_KEY_POLICY, &in, &out, NULL);
}

static enum resource_result set_tags(struct resource_call *rc)
{
    struct kms_tag_list wanted = {0};
    gather_tags(rc, &wanted);
    const struct kms_list_resource_tags_in list = {.key_id = rc->physical_id};
    struct kms_list_resource_tags_out have = {0};
    enum resource_result result = invoke(rc, KMS_OP_LIST_RESOURCE_TAGS, &list, &have, NULL);
    if (result != RESOURCE_DONE)
        return result;
    struct kms_untag_resource_in untag = {.key_id = rc->physical_id};
    untag.tag_keys.items =
        arena_alloc_array(rc->call->arena, have.tags.count + 1, sizeof(struct str));
    for (size_t i = 0; i < have.tags.count; i++) {
        bool is_kept = false;
        for (size_t w = 0; w < wanted.count; w++)
            is_kept |= str_eq(wanted.items[w].tag_key, have.tags.items[i].tag_key);
        if (!is_kept)
            untag.tag_keys.items[untag.tag_keys.count++] = have.tags.items[i].tag_key;
    }
    struct kms_untag_resource_out untagged = {0};
    if (untag.tag_keys.count > 0)
        result = invoke(rc, KMS_OP_UNTAG_RESOURCE, &untag, &untagged, NULL);
    if (result != RESOURCE_DONE || wanted.count == 0)
        return result;
    const struct kms_tag_resource_in tag = {.key_id = rc->physical_id, .tags = wanted};
    struct kms_tag_resource_out tagged = {0};
    return invoke(rc, KMS_OP_TAG_RESOURCE, &tag, &tagged, NULL);
}

/* Disabled keys take no other change, so Enabled=true goes first and false last. */
static enum resource_result update_common(struct resource_call *rc,
                                          enum resource_result (*more)(struct resource_call *))
{
    bool is_enabled = opt_bool_or(resource_boolean(rc->properties, "Enabled"), true);
    bool changes = resource_changed(rc, "Enabled");
    enum resource_result result = RESOURCE_DONE;
    if (changes && is_enabled)
        result = set_enabled(rc);
    if (result == RESOURCE_DONE && resource_changed(rc, "Description"))
        result = set_description(rc);
    if (result == RESOURCE_DONE && resource_changed(rc, "KeyPolicy"))
        result = set_policy(rc);
    if (result == RESOURCE_DONE && more)
        result = more(rc);
    if (result == RESOURCE_DONE)
        result = set_tags(rc);
    if (result == RESOURCE_DONE && changes && !is_enabled)
        result = set_enabled(rc);
    return result;
}

static enum resource_result remove_key(struct resource_call *rc)
{
    const struct kms_schedule_key_deletion_in in = {
        .key_id = rc->physical_id,
        .pending_window_in_days = opt_i32((int32_t)opt_i64_or(
            resource_integer(rc->properties, "PendingWindowInDays"), DEFAULT_PENDING_DAYS)),
    };
    struct kms_schedule_key_deletion_out out = {0};
    struct str code = STR("");
    enum resource_result result = invoke(rc, KMS_OP_SCHEDULE_KEY_DELETION, &in, &out, &code);
    /* Gone, or scheduled by somebody else already. */
    bool is_gone = str_eq(code, KMS_NOT_FOUND_EXCEPTION.code) ||
                   str_eq(code, KMS_KMS_INVALID_STATE_EXCEPTION.code);
    return result == RESOURCE_FAILED && is_gone ? RESOURCE_DONE : result;
}

static enum resource_result describe(struct resource_call *rc, struct kms_key_metadata **out)
{
    const struct kms_describe_key_in in = {.key_id = rc->physical_id};
    struct kms_describe_key_out described = {0};
    enum resource_result result = invoke(rc, KMS_OP_DESCRIBE_KEY, &in, &described, NULL);
    if (result == RESOURCE_DONE)
        *out = described.key_metadata;
    return result;
}

static enum resource_result key_attribute(struct resource_call *rc, struct str name,
                                          struct json **out_value)
{
    struct kms_key_metadata *metadata = NULL;
    enum resource_result result = describe(rc, &metadata);
    if (result == RESOURCE_DONE)
        *out_value = json_new_string(rc->call->arena,
                                     str_eq_cstr(name, "Arn") ? metadata->arn : metadata->key_id);
    return result;
}

static enum resource_result read_common(struct resource_call *rc,
                                        const struct kms_key_metadata *metadata,
                                        struct json *properties)
{
    struct arena *arena = rc->call->arena;
    const struct kms_get_key_policy_in in = {.key_id = rc->physical_id};
    struct kms_get_key_policy_out out = {0};
    struct json *policy = NULL;
    enum resource_result result = invoke(rc, KMS_OP_GET_KEY_POLICY, &in, &out, NULL);
    if (result != RESOURCE_DONE)
        return result;
    if (json_parse(arena, out.policy, 0, &policy, NULL) == 0)
        json_append_member(properties, STR("KeyPolicy"), policy);
    json_append_member(properties, STR("Description"),
                       json_new_string(arena, metadata->description));
    json_append_member(properties, STR("Enabled"),
                       json_new_bool(arena, opt_bool_or(metadata->enabled, false)));
    return RESOURCE_DONE;
}

/* --- AWS::KMS::Key --- */

static enum resource_result set_rotation(struct resource_call *rc)
{
    bool is_rotating = opt_bool_or(resource_boolean(rc->properties, "EnableKeyRotation"), false);
    struct opt_i64 days = resource_integer(rc->properties, "RotationPeriodInDays");
    const struct kms_enable_key_rotation_in enable = {
        .key_id = rc->physical_id,
        .rotation_period_in_days = opt_i32((int32_t)opt_i64_or(days, DEFAULT_ROTATION_DAYS)),
    };
    const struct kms_disable_key_rotation_in disable = {.key_id = rc->physical_id};
    struct kms_enable_key_rotation_out enabled = {0};
    struct kms_disable_key_rotation_out disabled = {0};
    if (is_rotating)
        return invoke(rc, KMS_OP_ENABLE_KEY_ROTATION, &enable, &enabled, NULL);
    return invoke(rc, KMS_OP_DISABLE_KEY_ROTATION, &disable, &disabled, NULL);
}

static enum resource_result update_rotation(struct resource_call *rc)
{
    if (!resource_changed(rc, "EnableKeyRotation") && !resource_changed(rc, "RotationPeriodInDays"))
        return RESOURCE_DONE;
    return set_rotation(rc);
}

static enum resource_result create_key(struct resource_call *rc)
{
    struct kms_create_key_in in = {
        .policy = resource_json_text(rc, rc->properties, "KeyPolicy"),
        .description = resource_string(rc->properties, "Description"),
        .key_usage = resource_string(rc->properties, "KeyUsage"),
        .key_spec = resource_string(rc->properties, "KeySpec"),
        .origin = resource_string(rc->properties, "Origin"),
        .multi_region = resource_boolean(rc->properties, "MultiRegion"),
        .bypass_policy_lockout_safety_check =
            resource_boolean(rc->properties, "BypassPolicyLockoutSafetyCheck"),
    };
    struct kms_create_key_out out = {0};
    gather_tags(rc, &in.tags);
    enum resource_result result = invoke(rc, KMS_OP_CREATE_KEY, &in, &out, NULL);
    if (result != RESOURCE_DONE)
        return result;
    rc->physical_id = out.key_metadata->key_id;
    if (opt_bool_or(resource_boolean(rc->properties, "EnableKeyRotation"), false))
        result = set_rotation(rc);
    if (result == RESOURCE_DONE && !opt_bool_or(resource_boolean(rc->properties, "Enabled"), true))
        result = set_enabled(rc);
    return result;
}

static enum resource_result update_key(struct resource_call *rc)
{
    return update_common(rc, update_rotation);
}

static enum resource_result read_key(struct resource_call *rc, struct json **out_properties)
{
    struct arena *arena = rc->call->arena;
    struct kms_key_metadata *metadata = NULL;
    struct json *properties = json_new(arena, JSON_OBJECT);
    enum resource_result result = describe(rc, &metadata);
    if (result == RESOURCE_DONE)
        result = read_common(rc, metadata, properties);
    if (result != RESOURCE_DONE)
        return result;
    json_append_member(properties, STR("KeySpec"), json_new_string(arena, metadata->key_spec));
    json_append_member(properties, STR("KeyUsage"), json_new_string(arena, metadata->key_usage));
    json_append_member(properties, STR("Origin"), json_new_string(arena, metadata->origin));
    json_append_member(properties, STR("MultiRegion"),
                       json_new_bool(arena, opt_bool_or(metadata->multi_region, false)));
    *out_properties = properties;
    if (!str_eq_cstr(metadata->key_spec, "SYMMETRIC_DEFAULT"))
        return RESOURCE_DONE;
    const struct kms_get_key_rotation_status_in in = {.key_id = rc->physical_id};
    struct kms_get_key_rotation_status_out out = {0};
    result = invoke(rc, KMS_OP_GET_KEY_ROTATION_STATUS, &in, &out, NULL);
    if (result != RESOURCE_DONE)
        return result;
    json_append_member(properties, STR("EnableKeyRotation"),
                       json_new_bool(arena, opt_bool_or(out.key_rotation_enabled, false)));
    if (out.rotation_period_in_days.is_set)
        json_append_member(properties, STR("RotationPeriodInDays"),
                           json_new_number(arena, out.rotation_period_in_days.value));
    return RESOURCE_DONE;
}

/* --- AWS::KMS::ReplicaKey --- */

/* ReplicateKey is asked in the region of the primary key. */
static enum resource_result create_replica(struct resource_call *rc)
{
    struct str arn = resource_string(rc->properties, "PrimaryKeyArn");
    struct str rest = arn;
    struct str region = {0};
    for (int i = 0; i < 4; i++)
        (void)str_split_next(&rest, ':', &region);
    struct kms_replicate_key_in in = {
        .key_id = arn,
        .replica_region = rc->call->scope.region,
        .policy = resource_json_text(rc, rc->properties, "KeyPolicy"),
        .description = resource_string(rc->properties, "Description"),
    };
    struct kms_replicate_key_out out = {0};
    gather_tags(rc, &in.tags);
    struct str own_region = rc->call->scope.region;
    rc->call->scope.region = str_or(region, own_region);
    enum resource_result result = invoke(rc, KMS_OP_REPLICATE_KEY, &in, &out, NULL);
    rc->call->scope.region = own_region;
    if (result != RESOURCE_DONE)
        return result;
    rc->physical_id = out.replica_key_metadata->key_id;
    if (!opt_bool_or(resource_boolean(rc->properties, "Enabled"), true))
        result = set_enabled(rc);
    return result;
}

static enum resource_result update_replica(struct resource_call *rc)
{
    return update_common(rc, NULL);
}

static enum resource_result read_replica(struct resource_call *rc, struct json **out_properties)
{
    struct kms_key_metadata *metadata = NULL;
    struct json *properties = json_new(rc->call->arena, JSON_OBJECT);
    enum resource_result result = describe(rc, &metadata);
    if (result == RESOURCE_DONE)
        result = read_common(rc, metadata, properties);
    if (result != RESOURCE_DONE)
        return result;
    if (metadata->multi_region_configuration)
        json_append_member(properties, STR("PrimaryKeyArn"),
                           json_new_string(rc->call->arena,
                                           metadata->multi_region_configuration->primary_key->arn));
    *out_properties = properties;
    return RESOURCE_DONE;
}

/* --- AWS::KMS::Alias --- */

static enum resource_result create_alias(struct resource_call *rc)
{
    const struct kms_create_alias_in in = {
        .alias_name = resource_string(rc->properties, "AliasName"),
        .target_key_id = resource_string(rc->properties, "TargetKeyId"),
    };
    struct kms_create_alias_out out = {0};
    enum resource_result result = invoke(rc, KMS_OP_CREATE_ALIAS, &in, &out, NULL);
    if (result == RESOURCE_DONE)
        rc->physical_id = in.alias_name;
    return result;
}

static enum resource_result update_alias(struct resource_call *rc)
{
    const struct kms_update_alias_in in = {
        .alias_name = rc->physical_id,
        .target_key_id = resource_string(rc->properties, "TargetKeyId"),
    };
    struct kms_update_alias_out out = {0};
    return invoke(rc, KMS_OP_UPDATE_ALIAS, &in, &out, NULL);
}

static enum resource_result remove_alias(struct resource_call *rc)
{
    const struct kms_delete_alias_in in = {.alias_name = rc->physical_id};
    struct kms_delete_alias_out out = {0};
    struct str code = STR("");
    enum resource_result result = invoke(rc, KMS_OP_DELETE_ALIAS, &in, &out, &code);
    bool is_gone = str_eq(code, KMS_NOT_FOUND_EXCEPTION.code);
    return result == RESOURCE_FAILED && is_gone ? RESOURCE_DONE : result;
}

static enum resource_result read_alias(struct resource_call *rc, struct json **out_properties)
{
    struct arena *arena = rc->call->arena;
    struct kms_alias *alias = NULL;
    int error = kms_store_find_alias(rc->call->db, arena, rc->call->scope, rc->physical_id, &alias);
    if (error <= 0)
        return resource_fail(rc, "Alias " STR_FMT " is not found.", STR_ARG(rc->physical_id));
    struct json *properties = json_new(arena, JSON_OBJECT);
    json_append_member(properties, STR("AliasName"), json_new_string(arena, alias->name));
    json_append_member(properties, STR("TargetKeyId"), json_new_string(arena, alias->key_id));
    *out_properties = properties;
    return RESOURCE_DONE;
}

static const struct str key_attributes[] = {
    STR_INIT("Arn"),
    STR_INIT("KeyId"),
};

const struct resource_type kms_resource_types[] = {
    {
        .name = STR_INIT("AWS::KMS::Alias"),
        .identifier = STR_INIT("AliasName"),
        .properties = alias_properties,
        .property_count = ARRAY_LEN(alias_properties),
        .create = create_alias,
        .update = update_alias,
        .remove = remove_alias,
        .read = read_alias,
    },
    {
        .name = STR_INIT("AWS::KMS::Key"),
        .identifier = STR_INIT("KeyId"),
        .is_never_replaced = true,
        .properties = key_properties,
        .property_count = ARRAY_LEN(key_properties),
        .attributes = key_attributes,
        .attribute_count = ARRAY_LEN(key_attributes),
        .accepts_tags = true,
        .create = create_key,
        .update = update_key,
        .remove = remove_key,
        .attribute = key_attribute,
        .read = read_key,
    },
    {
        .name = STR_INIT("AWS::KMS::ReplicaKey"),
        .identifier = STR_INIT("KeyId"),
        .is_never_replaced = true,
        .properties = replica_properties,
        .property_count = ARRAY_LEN(replica_properties),
        .attributes = key_attributes,
        .attribute_count = ARRAY_LEN(key_attributes),
        .accepts_tags = true,
        .create = create_replica,
        .update = update_replica,
        .remove = remove_key,
        .attribute = key_attribute,
        .read = read_replica,
    },
};
static_assert(ARRAY_LEN(kms_resource_types) == KMS_RESOURCE_TYPES, "kms.h counts them");
