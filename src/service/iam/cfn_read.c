/* cfn_read.c — the live properties of IAM's CloudFormation types: drift detection and import.
 *
 * Each function builds the properties that the template could have. AWS documents come URL-encoded
 * from IAM and go out as objects. What is never read back (passwords, private keys) is left out.
 */
#include "base/arena.h"
#include "service/iam/cfn.h"
#include "syntax/json.h"
#include "syntax/uri.h"

enum {
    LIST_MAX = 1000, /* AWS: MaxItems; the quotas of one holder are far below */
};

static void put(struct resource_call *rc, struct json *properties, const char *name,
                struct str text)
{
    if (text.len > 0)
        json_append_member(properties, str_from_cstr(name), json_new_string(rc->call->arena, text));
}

static struct json *put_list(struct resource_call *rc, struct json *properties, const char *name)
{
    struct json *list = json_new(rc->call->arena, JSON_ARRAY);
    json_append_member(properties, str_from_cstr(name), list);
    return list;
}

static void put_document(struct resource_call *rc, struct json *properties, const char *name,
                         struct str encoded)
{
    struct str text = {0};
    struct json *document = NULL;
    if (uri_decode(rc->call->arena, encoded, false, &text) < 0 ||
        json_parse(rc->call->arena, text, 0, &document, NULL) < 0)
        document = json_new_string(rc->call->arena, encoded);
    json_append_member(properties, str_from_cstr(name), document);
}

static void put_tags(struct resource_call *rc, struct json *properties,
                     const struct iam_tag_list_type *tags)
{
    struct json *list = put_list(rc, properties, "Tags");
    for (size_t i = 0; i < tags->count; i++) {
        struct json *tag = json_new(rc->call->arena, JSON_OBJECT);
        put(rc, tag, "Key", tags->items[i].key);
        json_append_member(tag, STR("Value"),
                           json_new_string(rc->call->arena, tags->items[i].value));
        json_append(list, tag);
    }
}

static void put_texts(struct resource_call *rc, struct json *list, const struct str *items,
                      size_t count)
{
    for (size_t i = 0; i < count; i++)
        json_append(list, json_new_string(rc->call->arena, items[i]));
}

/* ---- Policies of a holder ---------------------------------------------------------------------
 */

static enum resource_result list_inline(struct resource_call *rc, enum iam_kind kind,
                                        struct str holder, struct iam_policy_name_list_type *out)
{
    const void *answer = NULL;
    enum resource_result result = RESOURCE_FAILED;
    if (kind == IAM_KIND_USER) {
        const struct iam_list_user_policies_in in = {.user_name = holder,
                                                     .max_items = opt_i32(LIST_MAX)};
        result = cfn_iam_run(rc, IAM_OP_LIST_USER_POLICIES, &in, &answer, false);
        *out = ((const struct iam_list_user_policies_out *)answer)->policy_names;
    } else if (kind == IAM_KIND_GROUP) {
        const struct iam_list_group_policies_in in = {.group_name = holder,
                                                      .max_items = opt_i32(LIST_MAX)};
        result = cfn_iam_run(rc, IAM_OP_LIST_GROUP_POLICIES, &in, &answer, false);
        *out = ((const struct iam_list_group_policies_out *)answer)->policy_names;
    } else {
        const struct iam_list_role_policies_in in = {.role_name = holder,
                                                     .max_items = opt_i32(LIST_MAX)};
        result = cfn_iam_run(rc, IAM_OP_LIST_ROLE_POLICIES, &in, &answer, false);
        *out = ((const struct iam_list_role_policies_out *)answer)->policy_names;
    }
    return result;
}

/* RESOURCE_FAILED when the holder has no such policy. */
static enum resource_result get_inline(struct resource_call *rc, enum iam_kind kind,
                                       struct str holder, struct str name, struct str *out_document)
{
    const void *answer = NULL;
    enum resource_result result = RESOURCE_FAILED;
    if (kind == IAM_KIND_USER) {
        const struct iam_get_user_policy_in in = {.user_name = holder, .policy_name = name};
        result = cfn_iam_run(rc, IAM_OP_GET_USER_POLICY, &in, &answer, false);
        *out_document = ((const struct iam_get_user_policy_out *)answer)->policy_document;
    } else if (kind == IAM_KIND_GROUP) {
        const struct iam_get_group_policy_in in = {.group_name = holder, .policy_name = name};
        result = cfn_iam_run(rc, IAM_OP_GET_GROUP_POLICY, &in, &answer, false);
        *out_document = ((const struct iam_get_group_policy_out *)answer)->policy_document;
    } else {
        const struct iam_get_role_policy_in in = {.role_name = holder, .policy_name = name};
        result = cfn_iam_run(rc, IAM_OP_GET_ROLE_POLICY, &in, &answer, false);
        *out_document = ((const struct iam_get_role_policy_out *)answer)->policy_document;
    }
    return result;
}

static enum resource_result list_attached(struct resource_call *rc, enum iam_kind kind,
                                          struct str holder,
                                          struct iam_attached_policies_list_type *out)
{
    const void *answer = NULL;
    enum resource_result result = RESOURCE_FAILED;
    if (kind == IAM_KIND_USER) {
        const struct iam_list_attached_user_policies_in in = {.user_name = holder,
                                                              .max_items = opt_i32(LIST_MAX)};
        result = cfn_iam_run(rc, IAM_OP_LIST_ATTACHED_USER_POLICIES, &in, &answer, false);
        *out = ((const struct iam_list_attached_user_policies_out *)answer)->attached_policies;
    } else if (kind == IAM_KIND_GROUP) {
        const struct iam_list_attached_group_policies_in in = {.group_name = holder,
                                                               .max_items = opt_i32(LIST_MAX)};
        result = cfn_iam_run(rc, IAM_OP_LIST_ATTACHED_GROUP_POLICIES, &in, &answer, false);
        *out = ((const struct iam_list_attached_group_policies_out *)answer)->attached_policies;
    } else {
        const struct iam_list_attached_role_policies_in in = {.role_name = holder,
                                                              .max_items = opt_i32(LIST_MAX)};
        result = cfn_iam_run(rc, IAM_OP_LIST_ATTACHED_ROLE_POLICIES, &in, &answer, false);
        *out = ((const struct iam_list_attached_role_policies_out *)answer)->attached_policies;
    }
    return result;
}

/* Policies and ManagedPolicyArns. A policy that another resource of a stack put on the holder is
 * not among them: only what the template's own property names, and what nobody's does. */
static enum resource_result put_policies(struct resource_call *rc, enum iam_kind kind,
                                         struct json *properties)
{
    struct iam_policy_name_list_type names = {0};
    struct iam_attached_policies_list_type attached = {0};
    enum resource_result result = list_inline(rc, kind, rc->physical_id, &names);
    struct json *policies = put_list(rc, properties, "Policies");
    for (size_t i = 0; result == RESOURCE_DONE && i < names.count; i++) {
        struct str document = {0};
        struct json *policy = json_new(rc->call->arena, JSON_OBJECT);
        result = get_inline(rc, kind, rc->physical_id, names.items[i], &document);
        if (result != RESOURCE_DONE)
            break;
        put_document(rc, policy, "PolicyDocument", document);
        put(rc, policy, "PolicyName", names.items[i]);
        json_append(policies, policy);
    }
    if (result == RESOURCE_DONE)
        result = list_attached(rc, kind, rc->physical_id, &attached);
    if (result != RESOURCE_DONE)
        return result;
    struct json *arns = put_list(rc, properties, "ManagedPolicyArns");
    for (size_t i = 0; i < attached.count; i++)
        put_texts(rc, arns, &attached.items[i].policy_arn, 1);
    return RESOURCE_DONE;
}

/* ---- Role, User, Group ------------------------------------------------------------------------
 */

enum resource_result cfn_read_role(struct resource_call *rc, struct json **out_properties)
{
    const struct iam_get_role_in in = {.role_name = rc->physical_id};
    const void *answer = NULL;
    enum resource_result result = cfn_iam_run(rc, IAM_OP_GET_ROLE, &in, &answer, false);
    if (result != RESOURCE_DONE)
        return result;
    const struct iam_role *role = ((const struct iam_get_role_out *)answer)->role;
    struct json *properties = json_new(rc->call->arena, JSON_OBJECT);
    put_document(rc, properties, "AssumeRolePolicyDocument", role->assume_role_policy_document);
    put(rc, properties, "Description", role->description);
    if (role->max_session_duration.is_set)
        json_append_member(properties, STR("MaxSessionDuration"),
                           json_new_number(rc->call->arena, role->max_session_duration.value));
    put(rc, properties, "Path", role->path);
    put(rc, properties, "RoleName", role->role_name);
    if (role->permissions_boundary)
        put(rc, properties, "PermissionsBoundary",
            role->permissions_boundary->permissions_boundary_arn);
    put_tags(rc, properties, &role->tags);
    *out_properties = properties;
    return put_policies(rc, IAM_KIND_ROLE, properties);
}

enum resource_result cfn_read_user(struct resource_call *rc, struct json **out_properties)
{
    const struct iam_get_user_in in = {.user_name = rc->physical_id};
    const struct iam_list_groups_for_user_in list = {.user_name = rc->physical_id,
                                                     .max_items = opt_i32(LIST_MAX)};
    const void *answer = NULL;
    const void *groups = NULL;
    enum resource_result result = cfn_iam_run(rc, IAM_OP_GET_USER, &in, &answer, false);
    if (result == RESOURCE_DONE)
        result = cfn_iam_run(rc, IAM_OP_LIST_GROUPS_FOR_USER, &list, &groups, false);
    if (result != RESOURCE_DONE)
        return result;
    const struct iam_user *user = ((const struct iam_get_user_out *)answer)->user;
    const struct iam_list_groups_for_user_out *member_of = groups;
    struct json *properties = json_new(rc->call->arena, JSON_OBJECT);
    struct json *names = put_list(rc, properties, "Groups");
    for (size_t i = 0; i < member_of->groups.count; i++)
        put_texts(rc, names, &member_of->groups.items[i].group_name, 1);
    put(rc, properties, "Path", user->path);
    put(rc, properties, "UserName", user->user_name);
    if (user->permissions_boundary)
        put(rc, properties, "PermissionsBoundary",
            user->permissions_boundary->permissions_boundary_arn);
    put_tags(rc, properties, &user->tags);
    *out_properties = properties;
    return put_policies(rc, IAM_KIND_USER, properties);
}

enum resource_result cfn_read_group(struct resource_call *rc, struct json **out_properties)
{
    const struct iam_get_group_in in = {.group_name = rc->physical_id};
    const void *answer = NULL;
    enum resource_result result = cfn_iam_run(rc, IAM_OP_GET_GROUP, &in, &answer, false);
    if (result != RESOURCE_DONE)
        return result;
    const struct iam_group *group = ((const struct iam_get_group_out *)answer)->group;
    struct json *properties = json_new(rc->call->arena, JSON_OBJECT);
    put(rc, properties, "GroupName", group->group_name);
    put(rc, properties, "Path", group->path);
    *out_properties = properties;
    return put_policies(rc, IAM_KIND_GROUP, properties);
}

/* ---- Policies ---------------------------------------------------------------------------------
 */

/* One inline policy on several holders: those of the template that have it still. */
enum resource_result cfn_read_policy(struct resource_call *rc, struct json **out_properties)
{
    static const struct {
        const char *property;
        enum iam_kind kind;
    } holders[] = {
        {"Groups", IAM_KIND_GROUP},
        {"Roles", IAM_KIND_ROLE},
        {"Users", IAM_KIND_USER},
    };
    struct str name = resource_string(rc->properties, "PolicyName");
    struct json *properties = json_new(rc->call->arena, JSON_OBJECT);
    struct str document = {0};
    size_t count = 0;
    for (size_t i = 0; i < ARRAY_LEN(holders); i++) {
        const struct json *list = json_find_cstr(rc->properties, holders[i].property);
        struct json *found = list ? put_list(rc, properties, holders[i].property) : NULL;
        for (const struct json *item = list ? list->first : NULL; item; item = item->next) {
            struct str text = {0};
            if (get_inline(rc, holders[i].kind, item->text, name, &text) != RESOURCE_DONE)
                continue;
            put_texts(rc, found, &item->text, 1);
            document = text;
            count++;
        }
    }
    if (count == 0)
        return resource_fail(rc, "The policy " STR_FMT " is on none of its holders", STR_ARG(name));
    put(rc, properties, "PolicyName", name);
    put_document(rc, properties, "PolicyDocument", document);
    *out_properties = properties;
    return RESOURCE_DONE;
}

/* UserPolicy, RolePolicy, GroupPolicy. */
enum resource_result cfn_read_single(struct resource_call *rc, struct json **out_properties)
{
    static const struct {
        const char *property;
        enum iam_kind kind;
    } names[] = {
        {"GroupName", IAM_KIND_GROUP},
        {"RoleName", IAM_KIND_ROLE},
        {"UserName", IAM_KIND_USER},
    };
    struct str name = resource_string(rc->properties, "PolicyName");
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct str holder = resource_string(rc->properties, names[i].property);
        struct str document = {0};
        if (!holder.ptr)
            continue;
        enum resource_result result = get_inline(rc, names[i].kind, holder, name, &document);
        if (result != RESOURCE_DONE)
            return result;
        struct json *properties = json_new(rc->call->arena, JSON_OBJECT);
        put(rc, properties, names[i].property, holder);
        put(rc, properties, "PolicyName", name);
        put_document(rc, properties, "PolicyDocument", document);
        *out_properties = properties;
        return RESOURCE_DONE;
    }
    return resource_fail(rc, "The policy has no holder");
}

static enum resource_result put_entities(struct resource_call *rc, struct json *properties)
{
    const struct iam_list_entities_for_policy_in in = {.policy_arn = rc->physical_id,
                                                       .max_items = opt_i32(LIST_MAX)};
    const void *answer = NULL;
    enum resource_result result =
        cfn_iam_run(rc, IAM_OP_LIST_ENTITIES_FOR_POLICY, &in, &answer, false);
    if (result != RESOURCE_DONE)
        return result;
    const struct iam_list_entities_for_policy_out *entities = answer;
    struct json *groups = put_list(rc, properties, "Groups");
    struct json *roles = put_list(rc, properties, "Roles");
    struct json *users = put_list(rc, properties, "Users");
    for (size_t i = 0; i < entities->policy_groups.count; i++)
        put_texts(rc, groups, &entities->policy_groups.items[i].group_name, 1);
    for (size_t i = 0; i < entities->policy_roles.count; i++)
        put_texts(rc, roles, &entities->policy_roles.items[i].role_name, 1);
    for (size_t i = 0; i < entities->policy_users.count; i++)
        put_texts(rc, users, &entities->policy_users.items[i].user_name, 1);
    return RESOURCE_DONE;
}

enum resource_result cfn_read_managed(struct resource_call *rc, struct json **out_properties)
{
    const struct iam_get_policy_in in = {.policy_arn = rc->physical_id};
    const void *answer = NULL;
    enum resource_result result = cfn_iam_run(rc, IAM_OP_GET_POLICY, &in, &answer, false);
    if (result != RESOURCE_DONE)
        return result;
    const struct iam_policy *policy = ((const struct iam_get_policy_out *)answer)->policy;
    const struct iam_get_policy_version_in get = {.policy_arn = rc->physical_id,
                                                  .version_id = policy->default_version_id};
    result = cfn_iam_run(rc, IAM_OP_GET_POLICY_VERSION, &get, &answer, false);
    if (result != RESOURCE_DONE)
        return result;
    struct json *properties = json_new(rc->call->arena, JSON_OBJECT);
    put(rc, properties, "Description", policy->description);
    put(rc, properties, "ManagedPolicyName", policy->policy_name);
    put(rc, properties, "Path", policy->path);
    put_document(rc, properties, "PolicyDocument",
                 ((const struct iam_get_policy_version_out *)answer)->policy_version->document);
    *out_properties = properties;
    return put_entities(rc, properties);
}

/* ---- The others -------------------------------------------------------------------------------
 */

enum resource_result cfn_read_profile(struct resource_call *rc, struct json **out_properties)
{
    const struct iam_get_instance_profile_in in = {.instance_profile_name = rc->physical_id};
    const void *answer = NULL;
    enum resource_result result = cfn_iam_run(rc, IAM_OP_GET_INSTANCE_PROFILE, &in, &answer, false);
    if (result != RESOURCE_DONE)
        return result;
    const struct iam_instance_profile *profile =
        ((const struct iam_get_instance_profile_out *)answer)->instance_profile;
    struct json *properties = json_new(rc->call->arena, JSON_OBJECT);
    struct json *roles = put_list(rc, properties, "Roles");
    put(rc, properties, "InstanceProfileName", profile->instance_profile_name);
    put(rc, properties, "Path", profile->path);
    for (size_t i = 0; i < profile->roles.count; i++)
        put_texts(rc, roles, &profile->roles.items[i].role_name, 1);
    *out_properties = properties;
    return RESOURCE_DONE;
}

enum resource_result cfn_read_key(struct resource_call *rc, struct json **out_properties)
{
    const struct iam_list_access_keys_in in = {
        .user_name = resource_string(rc->properties, "UserName"), .max_items = opt_i32(LIST_MAX)};
    const void *answer = NULL;
    enum resource_result result = cfn_iam_run(rc, IAM_OP_LIST_ACCESS_KEYS, &in, &answer, false);
    if (result != RESOURCE_DONE)
        return result;
    const struct iam_list_access_keys_out *keys = answer;
    for (size_t i = 0; i < keys->access_key_metadata.count; i++) {
        const struct iam_access_key_metadata *key = &keys->access_key_metadata.items[i];
        if (!str_eq(key->access_key_id, rc->physical_id))
            continue;
        struct json *properties = json_new(rc->call->arena, JSON_OBJECT);
        put(rc, properties, "Status", key->status);
        put(rc, properties, "UserName", key->user_name);
        *out_properties = properties;
        return RESOURCE_DONE;
    }
    return resource_fail(rc, "The Access Key with id " STR_FMT " cannot be found.",
                         STR_ARG(rc->physical_id));
}

/* The members that the template names and that are in the group. */
enum resource_result cfn_read_addition(struct resource_call *rc, struct json **out_properties)
{
    const struct iam_get_group_in in = {.group_name = resource_string(rc->properties, "GroupName"),
                                        .max_items = opt_i32(LIST_MAX)};
    const void *answer = NULL;
    enum resource_result result = cfn_iam_run(rc, IAM_OP_GET_GROUP, &in, &answer, false);
    if (result != RESOURCE_DONE)
        return result;
    const struct iam_get_group_out *group = answer;
    struct json *properties = json_new(rc->call->arena, JSON_OBJECT);
    struct json *users = put_list(rc, properties, "Users");
    put(rc, properties, "GroupName", group->group->group_name);
    for (size_t i = 0; i < group->users.count; i++) {
        if (iam_list_has(rc->properties, "Users", group->users.items[i].user_name))
            put_texts(rc, users, &group->users.items[i].user_name, 1);
    }
    *out_properties = properties;
    return RESOURCE_DONE;
}

enum resource_result cfn_read_oidc(struct resource_call *rc, struct json **out_properties)
{
    const struct iam_get_open_id_connect_provider_in in = {.open_id_connect_provider_arn =
                                                               rc->physical_id};
    const void *answer = NULL;
    enum resource_result result =
        cfn_iam_run(rc, IAM_OP_GET_OPEN_ID_CONNECT_PROVIDER, &in, &answer, false);
    if (result != RESOURCE_DONE)
        return result;
    const struct iam_get_open_id_connect_provider_out *provider = answer;
    struct json *properties = json_new(rc->call->arena, JSON_OBJECT);
    put_texts(rc, put_list(rc, properties, "ClientIdList"), provider->client_id_list.items,
              provider->client_id_list.count);
    put_texts(rc, put_list(rc, properties, "ThumbprintList"), provider->thumbprint_list.items,
              provider->thumbprint_list.count);
    put_tags(rc, properties, &provider->tags);
    /* IAM answers the URL without its scheme. */
    put(rc, properties, "Url", str_concat(rc->call->arena, STR("https://"), provider->url));
    *out_properties = properties;
    return RESOURCE_DONE;
}

enum resource_result cfn_read_saml(struct resource_call *rc, struct json **out_properties)
{
    const struct iam_get_saml_provider_in in = {.saml_provider_arn = rc->physical_id};
    const void *answer = NULL;
    enum resource_result result = cfn_iam_run(rc, IAM_OP_GET_SAML_PROVIDER, &in, &answer, false);
    if (result != RESOURCE_DONE)
        return result;
    const struct iam_get_saml_provider_out *provider = answer;
    struct json *properties = json_new(rc->call->arena, JSON_OBJECT);
    put(rc, properties, "AssertionEncryptionMode", provider->assertion_encryption_mode);
    put(rc, properties, "Name",
        str_from(rc->physical_id, (size_t)(str_last_index(rc->physical_id, '/') + 1)));
    put(rc, properties, "SamlMetadataDocument", provider->saml_metadata_document);
    put_tags(rc, properties, &provider->tags);
    *out_properties = properties;
    return RESOURCE_DONE;
}

/* The suffix is a part of the role's name and is taken from the template, as is the service. */
enum resource_result cfn_read_linked(struct resource_call *rc, struct json **out_properties)
{
    const struct iam_get_role_in in = {.role_name = rc->physical_id};
    const void *answer = NULL;
    enum resource_result result = cfn_iam_run(rc, IAM_OP_GET_ROLE, &in, &answer, false);
    if (result != RESOURCE_DONE)
        return result;
    struct json *properties = json_new(rc->call->arena, JSON_OBJECT);
    put(rc, properties, "AWSServiceName", resource_string(rc->properties, "AWSServiceName"));
    put(rc, properties, "CustomSuffix", resource_string(rc->properties, "CustomSuffix"));
    put(rc, properties, "Description",
        ((const struct iam_get_role_out *)answer)->role->description);
    *out_properties = properties;
    return RESOURCE_DONE;
}

/* arn:aws:iam::ACCOUNT:mfa/PATH/NAME */
enum resource_result cfn_read_mfa(struct resource_call *rc, struct json **out_properties)
{
    const struct iam_list_virtual_mfa_devices_in in = {.max_items = opt_i32(LIST_MAX)};
    const void *answer = NULL;
    enum resource_result result =
        cfn_iam_run(rc, IAM_OP_LIST_VIRTUAL_MFA_DEVICES, &in, &answer, false);
    if (result != RESOURCE_DONE)
        return result;
    const struct iam_list_virtual_mfa_devices_out *devices = answer;
    for (size_t i = 0; i < devices->virtual_mfa_devices.count; i++) {
        const struct iam_virtual_mfa_device *device = &devices->virtual_mfa_devices.items[i];
        if (!str_eq(device->serial_number, rc->physical_id))
            continue;
        const struct iam_list_mfa_device_tags_in list = {.serial_number = rc->physical_id};
        result = cfn_iam_run(rc, IAM_OP_LIST_MFA_DEVICE_TAGS, &list, &answer, false);
        if (result != RESOURCE_DONE)
            return result;
        struct str name =
            str_from(rc->physical_id, (size_t)(str_find(rc->physical_id, STR(":mfa")) + 4));
        ptrdiff_t slash = str_last_index(name, '/');
        struct json *properties = json_new(rc->call->arena, JSON_OBJECT);
        put(rc, properties, "Path", str_slice(name, 0, (size_t)slash + 1));
        put(rc, properties, "VirtualMfaDeviceName", str_from(name, (size_t)slash + 1));
        put_tags(rc, properties, &((const struct iam_list_mfa_device_tags_out *)answer)->tags);
        *out_properties = properties;
        return RESOURCE_DONE;
    }
    return resource_fail(rc, "VirtualMFADevice with serial number " STR_FMT " doesn't exist.",
                         STR_ARG(rc->physical_id));
}

enum resource_result cfn_read_certificate(struct resource_call *rc, struct json **out_properties)
{
    const struct iam_get_server_certificate_in in = {.server_certificate_name = rc->physical_id};
    const void *answer = NULL;
    enum resource_result result =
        cfn_iam_run(rc, IAM_OP_GET_SERVER_CERTIFICATE, &in, &answer, false);
    if (result != RESOURCE_DONE)
        return result;
    const struct iam_server_certificate *certificate =
        ((const struct iam_get_server_certificate_out *)answer)->server_certificate;
    struct json *properties = json_new(rc->call->arena, JSON_OBJECT);
    put(rc, properties, "CertificateBody", certificate->certificate_body);
    put(rc, properties, "CertificateChain", certificate->certificate_chain);
    put(rc, properties, "Path", certificate->server_certificate_metadata->path);
    put(rc, properties, "ServerCertificateName",
        certificate->server_certificate_metadata->server_certificate_name);
    put_tags(rc, properties, &certificate->tags);
    *out_properties = properties;
    return RESOURCE_DONE;
}
