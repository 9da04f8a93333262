/* cfn.c — the CloudFormation types of IAM: the table, and AWS::IAM::Role, User and Group.
 *
 * Docs: CloudFormation template reference, AWS::IAM::*: properties, update behaviours, return
 * values.
 */
#include "service/iam/cfn.h"

#include <assert.h>

#include "base/arena.h"
#include "syntax/json.h"

enum {
    MAX_ROLE_NAME = 64,
    MAX_USER_NAME = 64,
    MAX_GROUP_NAME = 128,
    DEFAULT_SESSION_SECONDS = 3600,
};

static const struct resource_property policy_members[] = {
    CFN_REQUIRED("PolicyDocument", PROPERTY_JSON, UPDATE_NO_INTERRUPTION),
    CFN_REQUIRED("PolicyName", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
};
static const struct resource_property tag_members[] = {
    CFN_REQUIRED("Key", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
    CFN_REQUIRED("Value", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
};
static const struct resource_property login_members[] = {
    {.name = STR_INIT("Password"),
     .type = PROPERTY_STRING,
     .is_required = true,
     .is_write_only = true},
    CFN_PROPERTY("PasswordResetRequired", PROPERTY_BOOLEAN, UPDATE_NO_INTERRUPTION),
};

#define POLICIES                                                                                   \
    {                                                                                              \
        .name = STR_INIT("Policies"), .type = PROPERTY_LIST, .members = policy_members,            \
        .member_count = ARRAY_LEN(policy_members)                                                  \
    }
#define TAGS                                                                                       \
    {                                                                                              \
        .name = STR_INIT("Tags"), .type = PROPERTY_LIST, .members = tag_members,                   \
        .member_count = ARRAY_LEN(tag_members)                                                     \
    }

/* --- AWS::IAM::Role --- */

static const struct resource_property role_properties[] = {
    CFN_REQUIRED("AssumeRolePolicyDocument", PROPERTY_JSON, UPDATE_NO_INTERRUPTION),
    CFN_PROPERTY("Description", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
    CFN_PROPERTY("ManagedPolicyArns", PROPERTY_LIST, UPDATE_NO_INTERRUPTION),
    CFN_PROPERTY("MaxSessionDuration", PROPERTY_INTEGER, UPDATE_NO_INTERRUPTION),
    CFN_PROPERTY("Path", PROPERTY_STRING, UPDATE_REPLACEMENT),
    CFN_PROPERTY("PermissionsBoundary", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
    POLICIES,
    CFN_PROPERTY("RoleName", PROPERTY_STRING, UPDATE_REPLACEMENT),
    TAGS,
};

/* An absent or empty property is left out of a request. */
static struct str optional(const struct json *properties, const char *name)
{
    struct str text = resource_string(properties, name);
    return text.len > 0 ? text : (struct str){0};
}

static struct opt_i32 session_duration(const struct json *properties)
{
    struct opt_i64 seconds = resource_integer(properties, "MaxSessionDuration");
    return seconds.is_set ? opt_i32((int32_t)seconds.value) : (struct opt_i32){0};
}

static enum resource_result create_role(struct resource_call *rc)
{
    const struct iam_create_role_in in = {
        .role_name = cfn_name(rc, "RoleName", MAX_ROLE_NAME),
        .path = optional(rc->properties, "Path"),
        .assume_role_policy_document =
            resource_json_text(rc, rc->properties, "AssumeRolePolicyDocument"),
        .description = optional(rc->properties, "Description"),
        .max_session_duration = session_duration(rc->properties),
        .permissions_boundary = optional(rc->properties, "PermissionsBoundary"),
        .tags = cfn_tags(rc),
    };
    enum resource_result result = cfn_iam_run(rc, IAM_OP_CREATE_ROLE, &in, NULL, false);
    if (result != RESOURCE_DONE)
        return result;
    rc->physical_id = in.role_name;
    return cfn_apply_policies(rc, IAM_KIND_ROLE, in.role_name, NULL, rc->properties);
}

static enum resource_result update_role_boundary(struct resource_call *rc)
{
    struct str boundary = optional(rc->properties, "PermissionsBoundary");
    if (!boundary.ptr) {
        const struct iam_delete_role_permissions_boundary_in in = {.role_name = rc->physical_id};
        return cfn_iam_run(rc, IAM_OP_DELETE_ROLE_PERMISSIONS_BOUNDARY, &in, NULL, true);
    }
    const struct iam_put_role_permissions_boundary_in in = {.role_name = rc->physical_id,
                                                            .permissions_boundary = boundary};
    return cfn_iam_run(rc, IAM_OP_PUT_ROLE_PERMISSIONS_BOUNDARY, &in, NULL, false);
}

struct iam_tag_key_list_type cfn_surplus_keys(struct resource_call *rc,
                                              const struct iam_tag_list_type *have,
                                              const struct iam_tag_list_type *wanted)
{
    struct iam_tag_key_list_type out = {0};
    out.items = arena_alloc_array(rc->call->arena, have->count + 1, sizeof(*out.items));
    for (size_t i = 0; i < have->count; i++) {
        bool is_kept = false;
        for (size_t w = 0; w < wanted->count; w++)
            is_kept |= str_eq_nocase(wanted->items[w].key, have->items[i].key);
        if (!is_kept)
            out.items[out.count++] = have->items[i].key;
    }
    return out;
}

static enum resource_result update_role_tags(struct resource_call *rc)
{
    const struct iam_get_role_in get = {.role_name = rc->physical_id};
    const void *answer = NULL;
    enum resource_result result = cfn_iam_run(rc, IAM_OP_GET_ROLE, &get, &answer, false);
    if (result != RESOURCE_DONE)
        return result;
    const struct iam_get_role_out *role = answer;
    const struct iam_tag_role_in tag = {.role_name = rc->physical_id, .tags = cfn_tags(rc)};
    const struct iam_untag_role_in untag = {
        .role_name = rc->physical_id,
        .tag_keys = cfn_surplus_keys(rc, &role->role->tags, &tag.tags),
    };
    if (untag.tag_keys.count > 0)
        result = cfn_iam_run(rc, IAM_OP_UNTAG_ROLE, &untag, NULL, false);
    if (result == RESOURCE_DONE && tag.tags.count > 0)
        result = cfn_iam_run(rc, IAM_OP_TAG_ROLE, &tag, NULL, false);
    return result;
}

static enum resource_result update_role(struct resource_call *rc)
{
    enum resource_result result = RESOURCE_DONE;
    if (resource_changed(rc, "AssumeRolePolicyDocument")) {
        const struct iam_update_assume_role_policy_in in = {
            .role_name = rc->physical_id,
            .policy_document = resource_json_text(rc, rc->properties, "AssumeRolePolicyDocument"),
        };
        result = cfn_iam_run(rc, IAM_OP_UPDATE_ASSUME_ROLE_POLICY, &in, NULL, false);
    }
    if (result == RESOURCE_DONE &&
        (resource_changed(rc, "Description") || resource_changed(rc, "MaxSessionDuration"))) {
        const struct iam_update_role_in in = {
            .role_name = rc->physical_id,
            .description = str_or(resource_string(rc->properties, "Description"), STR("")),
            .max_session_duration = session_duration(rc->properties),
        };
        result = cfn_iam_run(rc, IAM_OP_UPDATE_ROLE, &in, NULL, false);
    }
    if (result == RESOURCE_DONE && resource_changed(rc, "PermissionsBoundary"))
        result = update_role_boundary(rc);
    if (result == RESOURCE_DONE)
        result = cfn_apply_policies(rc, IAM_KIND_ROLE, rc->physical_id, rc->old_properties,
                                    rc->properties);
    return result == RESOURCE_DONE ? update_role_tags(rc) : result;
}

static enum resource_result remove_role(struct resource_call *rc)
{
    enum resource_result result = cfn_strip_policies(rc, IAM_KIND_ROLE, rc->physical_id);
    const struct iam_delete_role_in in = {.role_name = rc->physical_id};
    return result == RESOURCE_DONE ? cfn_iam_run(rc, IAM_OP_DELETE_ROLE, &in, NULL, true) : result;
}

static enum resource_result role_attribute(struct resource_call *rc, struct str name,
                                           struct json **out_value)
{
    const struct iam_get_role_in in = {.role_name = rc->physical_id};
    const void *answer = NULL;
    enum resource_result result = cfn_iam_run(rc, IAM_OP_GET_ROLE, &in, &answer, false);
    if (result != RESOURCE_DONE)
        return result;
    const struct iam_role *role = ((const struct iam_get_role_out *)answer)->role;
    *out_value =
        json_new_string(rc->call->arena, str_eq_cstr(name, "RoleId") ? role->role_id : role->arn);
    return RESOURCE_DONE;
}

/* --- AWS::IAM::User --- */

static const struct resource_property user_properties[] = {
    CFN_PROPERTY("Groups", PROPERTY_LIST, UPDATE_NO_INTERRUPTION),
    {.name = STR_INIT("LoginProfile"),
     .type = PROPERTY_OBJECT,
     .members = login_members,
     .member_count = ARRAY_LEN(login_members)},
    CFN_PROPERTY("ManagedPolicyArns", PROPERTY_LIST, UPDATE_NO_INTERRUPTION),
    CFN_PROPERTY("Path", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
    CFN_PROPERTY("PermissionsBoundary", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
    POLICIES,
    TAGS,
    CFN_PROPERTY("UserName", PROPERTY_STRING, UPDATE_REPLACEMENT),
};

static enum resource_result put_login(struct resource_call *rc)
{
    const struct json *profile = json_find_cstr(rc->properties, "LoginProfile");
    const struct json *old =
        rc->old_properties ? json_find_cstr(rc->old_properties, "LoginProfile") : NULL;
    if (!profile && !old)
        return RESOURCE_DONE;
    if (!profile) {
        const struct iam_delete_login_profile_in in = {.user_name = rc->physical_id};
        return cfn_iam_run(rc, IAM_OP_DELETE_LOGIN_PROFILE, &in, NULL, true);
    }
    if (old) {
        const struct iam_update_login_profile_in in = {
            .user_name = rc->physical_id,
            .password = resource_string(profile, "Password"),
            .password_reset_required = resource_boolean(profile, "PasswordResetRequired"),
        };
        return cfn_iam_run(rc, IAM_OP_UPDATE_LOGIN_PROFILE, &in, NULL, false);
    }
    const struct iam_create_login_profile_in in = {
        .user_name = rc->physical_id,
        .password = resource_string(profile, "Password"),
        .password_reset_required = resource_boolean(profile, "PasswordResetRequired"),
    };
    return cfn_iam_run(rc, IAM_OP_CREATE_LOGIN_PROFILE, &in, NULL, false);
}

/* Joins the groups of `wanted` that `have` lacks, leaves the others. Either may be NULL. */
static enum resource_result apply_groups(struct resource_call *rc, const struct json *have,
                                         const struct json *wanted)
{
    enum resource_result result = RESOURCE_DONE;
    const struct json *list = have ? json_find_cstr(have, "Groups") : NULL;
    for (const struct json *item = list ? list->first : NULL; item && result == RESOURCE_DONE;
         item = item->next) {
        const struct iam_remove_user_from_group_in in = {.group_name = item->text,
                                                         .user_name = rc->physical_id};
        if (!iam_list_has(wanted, "Groups", item->text))
            result = cfn_iam_run(rc, IAM_OP_REMOVE_USER_FROM_GROUP, &in, NULL, true);
    }
    list = wanted ? json_find_cstr(wanted, "Groups") : NULL;
    for (const struct json *item = list ? list->first : NULL; item && result == RESOURCE_DONE;
         item = item->next) {
        const struct iam_add_user_to_group_in in = {.group_name = item->text,
                                                    .user_name = rc->physical_id};
        if (!iam_list_has(have, "Groups", item->text))
            result = cfn_iam_run(rc, IAM_OP_ADD_USER_TO_GROUP, &in, NULL, false);
    }
    return result;
}

static enum resource_result create_user(struct resource_call *rc)
{
    const struct iam_create_user_in in = {
        .user_name = cfn_name(rc, "UserName", MAX_USER_NAME),
        .path = optional(rc->properties, "Path"),
        .permissions_boundary = optional(rc->properties, "PermissionsBoundary"),
        .tags = cfn_tags(rc),
    };
    enum resource_result result = cfn_iam_run(rc, IAM_OP_CREATE_USER, &in, NULL, false);
    if (result != RESOURCE_DONE)
        return result;
    rc->physical_id = in.user_name;
    result = cfn_apply_policies(rc, IAM_KIND_USER, in.user_name, NULL, rc->properties);
    if (result == RESOURCE_DONE)
        result = apply_groups(rc, NULL, rc->properties);
    return result == RESOURCE_DONE ? put_login(rc) : result;
}

static enum resource_result update_user_boundary(struct resource_call *rc)
{
    struct str boundary = optional(rc->properties, "PermissionsBoundary");
    if (!boundary.ptr) {
        const struct iam_delete_user_permissions_boundary_in in = {.user_name = rc->physical_id};
        return cfn_iam_run(rc, IAM_OP_DELETE_USER_PERMISSIONS_BOUNDARY, &in, NULL, true);
    }
    const struct iam_put_user_permissions_boundary_in in = {.user_name = rc->physical_id,
                                                            .permissions_boundary = boundary};
    return cfn_iam_run(rc, IAM_OP_PUT_USER_PERMISSIONS_BOUNDARY, &in, NULL, false);
}

static enum resource_result update_user_tags(struct resource_call *rc)
{
    const struct iam_get_user_in get = {.user_name = rc->physical_id};
    const void *answer = NULL;
    enum resource_result result = cfn_iam_run(rc, IAM_OP_GET_USER, &get, &answer, false);
    if (result != RESOURCE_DONE)
        return result;
    const struct iam_get_user_out *user = answer;
    const struct iam_tag_user_in tag = {.user_name = rc->physical_id, .tags = cfn_tags(rc)};
    const struct iam_untag_user_in untag = {
        .user_name = rc->physical_id,
        .tag_keys = cfn_surplus_keys(rc, &user->user->tags, &tag.tags),
    };
    if (untag.tag_keys.count > 0)
        result = cfn_iam_run(rc, IAM_OP_UNTAG_USER, &untag, NULL, false);
    if (result == RESOURCE_DONE && tag.tags.count > 0)
        result = cfn_iam_run(rc, IAM_OP_TAG_USER, &tag, NULL, false);
    return result;
}

static enum resource_result update_user(struct resource_call *rc)
{
    enum resource_result result = RESOURCE_DONE;
    if (resource_changed(rc, "Path")) {
        const struct iam_update_user_in in = {
            .user_name = rc->physical_id,
            .new_path = str_or(optional(rc->properties, "Path"), STR("/")),
        };
        result = cfn_iam_run(rc, IAM_OP_UPDATE_USER, &in, NULL, false);
    }
    if (result == RESOURCE_DONE && resource_changed(rc, "PermissionsBoundary"))
        result = update_user_boundary(rc);
    if (result == RESOURCE_DONE)
        result = cfn_apply_policies(rc, IAM_KIND_USER, rc->physical_id, rc->old_properties,
                                    rc->properties);
    if (result == RESOURCE_DONE)
        result = apply_groups(rc, rc->old_properties, rc->properties);
    if (result == RESOURCE_DONE && resource_changed(rc, "LoginProfile"))
        result = put_login(rc);
    return result == RESOURCE_DONE ? update_user_tags(rc) : result;
}

static enum resource_result remove_user(struct resource_call *rc)
{
    enum resource_result result = cfn_strip_policies(rc, IAM_KIND_USER, rc->physical_id);
    if (result == RESOURCE_DONE)
        result = apply_groups(rc, rc->properties, NULL);
    if (result == RESOURCE_DONE && json_find_cstr(rc->properties, "LoginProfile")) {
        const struct iam_delete_login_profile_in login = {.user_name = rc->physical_id};
        result = cfn_iam_run(rc, IAM_OP_DELETE_LOGIN_PROFILE, &login, NULL, true);
    }
    const struct iam_delete_user_in in = {.user_name = rc->physical_id};
    return result == RESOURCE_DONE ? cfn_iam_run(rc, IAM_OP_DELETE_USER, &in, NULL, true) : result;
}

static enum resource_result user_attribute(struct resource_call *rc, struct str name,
                                           struct json **out_value)
{
    (void)name; /* Arn is the only one */
    const struct iam_get_user_in in = {.user_name = rc->physical_id};
    const void *answer = NULL;
    enum resource_result result = cfn_iam_run(rc, IAM_OP_GET_USER, &in, &answer, false);
    if (result == RESOURCE_DONE)
        *out_value =
            json_new_string(rc->call->arena, ((const struct iam_get_user_out *)answer)->user->arn);
    return result;
}

/* --- AWS::IAM::Group --- */

static const struct resource_property group_properties[] = {
    CFN_PROPERTY("GroupName", PROPERTY_STRING, UPDATE_REPLACEMENT),
    CFN_PROPERTY("ManagedPolicyArns", PROPERTY_LIST, UPDATE_NO_INTERRUPTION),
    CFN_PROPERTY("Path", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
    POLICIES,
};

static enum resource_result create_group(struct resource_call *rc)
{
    const struct iam_create_group_in in = {
        .group_name = cfn_name(rc, "GroupName", MAX_GROUP_NAME),
        .path = optional(rc->properties, "Path"),
    };
    enum resource_result result = cfn_iam_run(rc, IAM_OP_CREATE_GROUP, &in, NULL, false);
    if (result != RESOURCE_DONE)
        return result;
    rc->physical_id = in.group_name;
    return cfn_apply_policies(rc, IAM_KIND_GROUP, in.group_name, NULL, rc->properties);
}

static enum resource_result update_group(struct resource_call *rc)
{
    enum resource_result result = RESOURCE_DONE;
    if (resource_changed(rc, "Path")) {
        const struct iam_update_group_in in = {
            .group_name = rc->physical_id,
            .new_path = str_or(optional(rc->properties, "Path"), STR("/")),
        };
        result = cfn_iam_run(rc, IAM_OP_UPDATE_GROUP, &in, NULL, false);
    }
    return result == RESOURCE_DONE ? cfn_apply_policies(rc, IAM_KIND_GROUP, rc->physical_id,
                                                        rc->old_properties, rc->properties)
                                   : result;
}

static enum resource_result remove_group(struct resource_call *rc)
{
    enum resource_result result = cfn_strip_policies(rc, IAM_KIND_GROUP, rc->physical_id);
    const struct iam_delete_group_in in = {.group_name = rc->physical_id};
    return result == RESOURCE_DONE ? cfn_iam_run(rc, IAM_OP_DELETE_GROUP, &in, NULL, true) : result;
}

static enum resource_result group_attribute(struct resource_call *rc, struct str name,
                                            struct json **out_value)
{
    (void)name; /* Arn is the only one */
    const struct iam_get_group_in in = {.group_name = rc->physical_id};
    const void *answer = NULL;
    enum resource_result result = cfn_iam_run(rc, IAM_OP_GET_GROUP, &in, &answer, false);
    if (result == RESOURCE_DONE)
        *out_value = json_new_string(rc->call->arena,
                                     ((const struct iam_get_group_out *)answer)->group->arn);
    return result;
}

/* --- the others' properties; their functions are in cfn_policy.c --- */

static const struct resource_property policy_properties[] = {
    CFN_PROPERTY("Groups", PROPERTY_LIST, UPDATE_NO_INTERRUPTION),
    CFN_REQUIRED("PolicyDocument", PROPERTY_JSON, UPDATE_NO_INTERRUPTION),
    CFN_REQUIRED("PolicyName", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
    CFN_PROPERTY("Roles", PROPERTY_LIST, UPDATE_NO_INTERRUPTION),
    CFN_PROPERTY("Users", PROPERTY_LIST, UPDATE_NO_INTERRUPTION),
};

static const struct resource_property managed_properties[] = {
    CFN_PROPERTY("Description", PROPERTY_STRING, UPDATE_REPLACEMENT),
    CFN_PROPERTY("Groups", PROPERTY_LIST, UPDATE_NO_INTERRUPTION),
    CFN_PROPERTY("ManagedPolicyName", PROPERTY_STRING, UPDATE_REPLACEMENT),
    CFN_PROPERTY("Path", PROPERTY_STRING, UPDATE_REPLACEMENT),
    CFN_REQUIRED("PolicyDocument", PROPERTY_JSON, UPDATE_NO_INTERRUPTION),
    CFN_PROPERTY("Roles", PROPERTY_LIST, UPDATE_NO_INTERRUPTION),
    CFN_PROPERTY("Users", PROPERTY_LIST, UPDATE_NO_INTERRUPTION),
};

static const struct resource_property profile_properties[] = {
    CFN_PROPERTY("InstanceProfileName", PROPERTY_STRING, UPDATE_REPLACEMENT),
    CFN_PROPERTY("Path", PROPERTY_STRING, UPDATE_REPLACEMENT),
    CFN_REQUIRED("Roles", PROPERTY_LIST, UPDATE_NO_INTERRUPTION),
};

static const struct resource_property key_properties[] = {
    CFN_PROPERTY("Serial", PROPERTY_INTEGER, UPDATE_REPLACEMENT),
    CFN_PROPERTY("Status", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
    CFN_REQUIRED("UserName", PROPERTY_STRING, UPDATE_REPLACEMENT),
};

static const struct resource_property addition_properties[] = {
    CFN_REQUIRED("GroupName", PROPERTY_STRING, UPDATE_NO_INTERRUPTION),
    CFN_REQUIRED("Users", PROPERTY_LIST, UPDATE_NO_INTERRUPTION),
};

#define SINGLE_POLICY(holder)                                                                      \
    {                                                                                              \
        CFN_REQUIRED(holder, PROPERTY_STRING, UPDATE_REPLACEMENT),                                 \
            CFN_PROPERTY("PolicyDocument", PROPERTY_JSON, UPDATE_NO_INTERRUPTION),                 \
            CFN_REQUIRED("PolicyName", PROPERTY_STRING, UPDATE_REPLACEMENT),                       \
    }
static const struct resource_property user_policy_properties[] = SINGLE_POLICY("UserName");
static const struct resource_property role_policy_properties[] = SINGLE_POLICY("RoleName");
static const struct resource_property group_policy_properties[] = SINGLE_POLICY("GroupName");

static const struct str arn_only[] = {STR_INIT("Arn")};
static const struct str role_attributes[] = {STR_INIT("Arn"), STR_INIT("RoleId")};
static const struct str policy_attributes[] = {STR_INIT("Id")};
static const struct str key_attributes[] = {STR_INIT("SecretAccessKey"), STR_INIT("Id")};
static const struct str managed_attributes[] = {
    STR_INIT("AttachmentCount"),
    STR_INIT("CreateDate"),
    STR_INIT("DefaultVersionId"),
    STR_INIT("IsAttachable"),
    STR_INIT("PermissionsBoundaryUsageCount"),
    STR_INIT("PolicyArn"),
    STR_INIT("PolicyId"),
    STR_INIT("UpdateDate"),
};

#define PROPERTIES(list) .properties = list, .property_count = ARRAY_LEN(list)
#define ATTRIBUTES(list) .attributes = list, .attribute_count = ARRAY_LEN(list)
#define FUNCTIONS(noun)                                                                            \
    .create = create_##noun, .update = update_##noun, .remove = remove_##noun,                     \
    .read = cfn_read_##noun
#define SHARED(noun)                                                                               \
    .create = cfn_create_##noun, .update = cfn_update_##noun, .remove = cfn_remove_##noun,         \
    .read = cfn_read_##noun

static const struct str saml_attributes[] = {STR_INIT("Arn"), STR_INIT("SamlProviderUUID")};
static const struct str linked_attributes[] = {STR_INIT("RoleName")};
static const struct str mfa_attributes[] = {STR_INIT("SerialNumber")};

const struct resource_type iam_resource_types[] = {
    {.name = STR_INIT("AWS::IAM::AccessKey"),
     PROPERTIES(key_properties),
     ATTRIBUTES(key_attributes),
     .needs_iam_capability = true,
     SHARED(key),
     .attribute = cfn_key_attribute},
    {.name = STR_INIT("AWS::IAM::Group"),
     .identifier = STR_INIT("GroupName"),
     PROPERTIES(group_properties),
     ATTRIBUTES(arn_only),
     .needs_iam_capability = true,
     .name_property = STR_INIT("GroupName"),
     FUNCTIONS(group),
     .attribute = group_attribute},
    {.name = STR_INIT("AWS::IAM::GroupPolicy"),
     PROPERTIES(group_policy_properties),
     .needs_iam_capability = true,
     SHARED(single)},
    {.name = STR_INIT("AWS::IAM::InstanceProfile"),
     .identifier = STR_INIT("InstanceProfileName"),
     PROPERTIES(profile_properties),
     ATTRIBUTES(arn_only),
     .needs_iam_capability = true,
     .name_property = STR_INIT("InstanceProfileName"),
     SHARED(profile),
     .attribute = cfn_profile_attribute},
    {.name = STR_INIT("AWS::IAM::ManagedPolicy"),
     .identifier = STR_INIT("PolicyArn"),
     PROPERTIES(managed_properties),
     ATTRIBUTES(managed_attributes),
     .needs_iam_capability = true,
     .name_property = STR_INIT("ManagedPolicyName"),
     SHARED(managed),
     .attribute = cfn_managed_attribute},
    {.name = STR_INIT("AWS::IAM::OIDCProvider"),
     .identifier = STR_INIT("Arn"),
     .properties = cfn_oidc_properties,
     .property_count = CFN_OIDC_PROPERTY_COUNT,
     ATTRIBUTES(arn_only),
     .accepts_tags = true,
     SHARED(oidc),
     .attribute = cfn_oidc_attribute},
    {.name = STR_INIT("AWS::IAM::Policy"),
     PROPERTIES(policy_properties),
     ATTRIBUTES(policy_attributes),
     .needs_iam_capability = true,
     SHARED(policy),
     .attribute = cfn_policy_attribute},
    {.name = STR_INIT("AWS::IAM::Role"),
     .identifier = STR_INIT("RoleName"),
     PROPERTIES(role_properties),
     ATTRIBUTES(role_attributes),
     .needs_iam_capability = true,
     .name_property = STR_INIT("RoleName"),
     .accepts_tags = true,
     FUNCTIONS(role),
     .attribute = role_attribute},
    {.name = STR_INIT("AWS::IAM::RolePolicy"),
     PROPERTIES(role_policy_properties),
     .needs_iam_capability = true,
     SHARED(single)},
    {.name = STR_INIT("AWS::IAM::SAMLProvider"),
     .identifier = STR_INIT("Arn"),
     .properties = cfn_saml_properties,
     .property_count = CFN_SAML_PROPERTY_COUNT,
     ATTRIBUTES(saml_attributes),
     .accepts_tags = true,
     SHARED(saml),
     .attribute = cfn_saml_attribute},
    {.name = STR_INIT("AWS::IAM::ServerCertificate"),
     .identifier = STR_INIT("ServerCertificateName"),
     .properties = cfn_certificate_properties,
     .property_count = CFN_CERTIFICATE_PROPERTY_COUNT,
     ATTRIBUTES(arn_only),
     .accepts_tags = true,
     SHARED(certificate),
     .attribute = cfn_certificate_attribute},
    {.name = STR_INIT("AWS::IAM::ServiceLinkedRole"),
     .identifier = STR_INIT("RoleName"),
     .properties = cfn_linked_properties,
     .property_count = CFN_LINKED_PROPERTY_COUNT,
     ATTRIBUTES(linked_attributes),
     .needs_iam_capability = true,
     SHARED(linked),
     .attribute = cfn_linked_attribute},
    {.name = STR_INIT("AWS::IAM::User"),
     .identifier = STR_INIT("UserName"),
     PROPERTIES(user_properties),
     ATTRIBUTES(arn_only),
     .needs_iam_capability = true,
     .name_property = STR_INIT("UserName"),
     .accepts_tags = true,
     FUNCTIONS(user),
     .attribute = user_attribute},
    {.name = STR_INIT("AWS::IAM::UserPolicy"),
     PROPERTIES(user_policy_properties),
     .needs_iam_capability = true,
     SHARED(single)},
    {.name = STR_INIT("AWS::IAM::UserToGroupAddition"),
     PROPERTIES(addition_properties),
     .needs_iam_capability = true,
     SHARED(addition)},
    {.name = STR_INIT("AWS::IAM::VirtualMFADevice"),
     .identifier = STR_INIT("SerialNumber"),
     .properties = cfn_mfa_properties,
     .property_count = CFN_MFA_PROPERTY_COUNT,
     ATTRIBUTES(mfa_attributes),
     .accepts_tags = true,
     SHARED(mfa),
     .attribute = cfn_mfa_attribute},
};
static_assert(ARRAY_LEN(iam_resource_types) == IAM_RESOURCE_TYPE_COUNT, "see iam.h");
