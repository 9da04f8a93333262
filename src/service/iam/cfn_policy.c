/* cfn_policy.c — the CloudFormation types that put policies, roles and users together:
 * AWS::IAM::Policy, ManagedPolicy, InstanceProfile, AccessKey, UserToGroupAddition and the policies
 * of one user, role or group.
 */
#include "base/arena.h"
#include "service/iam/cfn.h"
#include "syntax/json.h"
#include "syntax/time.h"

enum {
    MAX_POLICY_NAME = 128,
};

/* The properties that name who gets a policy. */
static const struct {
    const char *property;
    enum iam_kind kind;
} holder_lists[] = {
    {"Groups", IAM_KIND_GROUP},
    {"Roles", IAM_KIND_ROLE},
    {"Users", IAM_KIND_USER},
};

typedef enum resource_result holder_fn(struct resource_call *rc, enum iam_kind kind,
                                       struct str holder, const void *context);

/* Calls `change` for every holder of `from` that `except` (may be NULL) does not name, too. */
static enum resource_result each_holder(struct resource_call *rc, const struct json *from,
                                        const struct json *except, holder_fn *change,
                                        const void *context)
{
    enum resource_result result = RESOURCE_DONE;
    for (size_t i = 0; from && i < ARRAY_LEN(holder_lists); i++) {
        const struct json *list = json_find_cstr(from, holder_lists[i].property);
        for (const struct json *item = list ? list->first : NULL; item && result == RESOURCE_DONE;
             item = item->next) {
            if (!iam_list_has(except, holder_lists[i].property, item->text))
                result = change(rc, holder_lists[i].kind, item->text, context);
        }
    }
    return result;
}

/* --- AWS::IAM::Policy: one inline policy for several holders --- */

struct inline_policy {
    struct str name;
    struct str document;
};

static enum resource_result put_one(struct resource_call *rc, enum iam_kind kind, struct str holder,
                                    const void *context)
{
    const struct inline_policy *policy = context;
    return cfn_put_inline(rc, kind, holder, policy->name, policy->document);
}

static enum resource_result delete_one(struct resource_call *rc, enum iam_kind kind,
                                       struct str holder, const void *context)
{
    const struct inline_policy *policy = context;
    return cfn_delete_inline(rc, kind, holder, policy->name);
}

static struct inline_policy policy_of(struct resource_call *rc, const struct json *properties)
{
    return (struct inline_policy){
        .name = resource_string(properties, "PolicyName"),
        .document = resource_json_text(rc, properties, "PolicyDocument"),
    };
}

/* AWS: "You must specify at least one group, role or user." */
enum resource_result cfn_create_policy(struct resource_call *rc)
{
    size_t count = 0;
    for (size_t i = 0; i < ARRAY_LEN(holder_lists); i++) {
        const struct json *list = json_find_cstr(rc->properties, holder_lists[i].property);
        count += list ? list->count : 0;
    }
    if (count == 0)
        return resource_fail(rc, "At least one of [Groups,Roles,Users] must be non-empty.");
    const struct inline_policy policy = policy_of(rc, rc->properties);
    rc->physical_id = resource_physical_name(rc, MAX_POLICY_NAME, STR(""));
    return each_holder(rc, rc->properties, NULL, put_one, &policy);
}

enum resource_result cfn_update_policy(struct resource_call *rc)
{
    const struct inline_policy policy = policy_of(rc, rc->properties);
    const struct inline_policy old = policy_of(rc, rc->old_properties);
    bool is_renamed = !str_eq(policy.name, old.name);
    enum resource_result result = each_holder(rc, rc->properties, NULL, put_one, &policy);
    if (result != RESOURCE_DONE)
        return result;
    return each_holder(rc, rc->old_properties, is_renamed ? NULL : rc->properties, delete_one,
                       &old);
}

enum resource_result cfn_remove_policy(struct resource_call *rc)
{
    const struct inline_policy policy = policy_of(rc, rc->properties);
    return each_holder(rc, rc->properties, NULL, delete_one, &policy);
}

enum resource_result cfn_policy_attribute(struct resource_call *rc, struct str name,
                                          struct json **out_value)
{
    (void)name; /* Id is the only one */
    *out_value = json_new_string(rc->call->arena, rc->physical_id);
    return RESOURCE_DONE;
}

/* --- AWS::IAM::UserPolicy, RolePolicy, GroupPolicy --- */

/* Who holds the policy: the type has exactly one of the three properties. */
static enum iam_kind single_holder(const struct json *properties, struct str *out_holder)
{
    static const struct {
        const char *property;
        enum iam_kind kind;
    } names[] = {
        {"GroupName", IAM_KIND_GROUP},
        {"RoleName", IAM_KIND_ROLE},
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        *out_holder = resource_string(properties, names[i].property);
        if (out_holder->ptr)
            return names[i].kind;
    }
    *out_holder = resource_string(properties, "UserName");
    return IAM_KIND_USER;
}

enum resource_result cfn_update_single(struct resource_call *rc)
{
    struct str holder = {0};
    enum iam_kind kind = single_holder(rc->properties, &holder);
    const struct inline_policy policy = policy_of(rc, rc->properties);
    return cfn_put_inline(rc, kind, holder, policy.name, policy.document);
}

enum resource_result cfn_create_single(struct resource_call *rc)
{
    struct str holder = {0};
    (void)single_holder(rc->properties, &holder);
    rc->physical_id = str_concat3(rc->call->arena, resource_string(rc->properties, "PolicyName"),
                                  STR("|"), holder);
    return cfn_update_single(rc);
}

enum resource_result cfn_remove_single(struct resource_call *rc)
{
    struct str holder = {0};
    enum iam_kind kind = single_holder(rc->properties, &holder);
    return cfn_delete_inline(rc, kind, holder, resource_string(rc->properties, "PolicyName"));
}

/* --- AWS::IAM::ManagedPolicy: the physical id is the ARN --- */

static enum resource_result attach_one(struct resource_call *rc, enum iam_kind kind,
                                       struct str holder, const void *context)
{
    (void)context;
    return cfn_attach(rc, kind, holder, rc->physical_id);
}

static enum resource_result detach_one(struct resource_call *rc, enum iam_kind kind,
                                       struct str holder, const void *context)
{
    (void)context;
    return cfn_detach(rc, kind, holder, rc->physical_id);
}

enum resource_result cfn_create_managed(struct resource_call *rc)
{
    const struct iam_create_policy_in in = {
        .policy_name = cfn_name(rc, "ManagedPolicyName", MAX_POLICY_NAME),
        .path = resource_string(rc->properties, "Path"),
        .policy_document = resource_json_text(rc, rc->properties, "PolicyDocument"),
        .description = resource_string(rc->properties, "Description"),
    };
    const void *answer = NULL;
    enum resource_result result = cfn_iam_run(rc, IAM_OP_CREATE_POLICY, &in, &answer, false);
    if (result != RESOURCE_DONE)
        return result;
    rc->physical_id = ((const struct iam_create_policy_out *)answer)->policy->arn;
    return each_holder(rc, rc->properties, NULL, attach_one, NULL);
}

/* Deletes versions but the default one; with `only_when_full`, just the oldest and only when there
 * is no room for another. */
static enum resource_result trim_versions(struct resource_call *rc, bool only_when_full)
{
    const struct iam_list_policy_versions_in list = {.policy_arn = rc->physical_id};
    const void *answer = NULL;
    enum resource_result result =
        cfn_iam_run(rc, IAM_OP_LIST_POLICY_VERSIONS, &list, &answer, true);
    if (result != RESOURCE_DONE || !answer)
        return result;
    const struct iam_list_policy_versions_out *out = answer;
    size_t count = out->versions.count;
    if (only_when_full && count < IAM_MAX_VERSIONS)
        return RESOURCE_DONE;
    for (size_t i = count; i > 0 && result == RESOURCE_DONE; i--) { /* the oldest first */
        const struct iam_policy_version *version = &out->versions.items[i - 1];
        const struct iam_delete_policy_version_in in = {.policy_arn = rc->physical_id,
                                                        .version_id = version->version_id};
        if (version->is_default_version.value)
            continue;
        result = cfn_iam_run(rc, IAM_OP_DELETE_POLICY_VERSION, &in, NULL, true);
        if (only_when_full)
            break;
    }
    return result;
}

enum resource_result cfn_update_managed(struct resource_call *rc)
{
    enum resource_result result = RESOURCE_DONE;
    if (resource_changed(rc, "PolicyDocument")) {
        const struct iam_create_policy_version_in in = {
            .policy_arn = rc->physical_id,
            .policy_document = resource_json_text(rc, rc->properties, "PolicyDocument"),
            .set_as_default = opt_bool(true),
        };
        result = trim_versions(rc, true);
        if (result == RESOURCE_DONE)
            result = cfn_iam_run(rc, IAM_OP_CREATE_POLICY_VERSION, &in, NULL, false);
    }
    if (result == RESOURCE_DONE)
        result = each_holder(rc, rc->properties, rc->old_properties, attach_one, NULL);
    return result == RESOURCE_DONE
               ? each_holder(rc, rc->old_properties, rc->properties, detach_one, NULL)
               : result;
}

enum resource_result cfn_remove_managed(struct resource_call *rc)
{
    const struct iam_delete_policy_in in = {.policy_arn = rc->physical_id};
    enum resource_result result = each_holder(rc, rc->properties, NULL, detach_one, NULL);
    if (result == RESOURCE_DONE)
        result = trim_versions(rc, false);
    return result == RESOURCE_DONE ? cfn_iam_run(rc, IAM_OP_DELETE_POLICY, &in, NULL, true)
                                   : result;
}

enum resource_result cfn_managed_attribute(struct resource_call *rc, struct str name,
                                           struct json **out_value)
{
    struct arena *arena = rc->call->arena;
    const struct iam_get_policy_in in = {.policy_arn = rc->physical_id};
    const void *answer = NULL;
    enum resource_result result = cfn_iam_run(rc, IAM_OP_GET_POLICY, &in, &answer, false);
    if (result != RESOURCE_DONE)
        return result;
    const struct iam_policy *policy = ((const struct iam_get_policy_out *)answer)->policy;
    const struct {
        const char *name;
        struct str value;
    } values[] = {
        {"AttachmentCount", str_format(arena, "%d", policy->attachment_count.value)},
        {"CreateDate", time_rfc3339(arena, policy->create_date.value)},
        {"DefaultVersionId", policy->default_version_id},
        {"IsAttachable", STR("true")},
        {"PermissionsBoundaryUsageCount",
         str_format(arena, "%d", policy->permissions_boundary_usage_count.value)},
        {"PolicyArn", policy->arn},
        {"PolicyId", policy->policy_id},
        {"UpdateDate", time_rfc3339(arena, policy->update_date.value)},
    };
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        if (str_eq_cstr(name, values[i].name))
            *out_value = json_new_string(arena, values[i].value);
    }
    return RESOURCE_DONE;
}

/* --- AWS::IAM::InstanceProfile --- */

/* Puts the roles of `wanted` in and takes those of `have` out that it lacks. Either may be NULL. */
static enum resource_result apply_roles(struct resource_call *rc, const struct json *have,
                                        const struct json *wanted)
{
    enum resource_result result = RESOURCE_DONE;
    const struct json *list = have ? json_find_cstr(have, "Roles") : NULL;
    for (const struct json *item = list ? list->first : NULL; item && result == RESOURCE_DONE;
         item = item->next) {
        const struct iam_remove_role_from_instance_profile_in in = {
            .instance_profile_name = rc->physical_id, .role_name = item->text};
        if (!iam_list_has(wanted, "Roles", item->text))
            result = cfn_iam_run(rc, IAM_OP_REMOVE_ROLE_FROM_INSTANCE_PROFILE, &in, NULL, true);
    }
    list = wanted ? json_find_cstr(wanted, "Roles") : NULL;
    for (const struct json *item = list ? list->first : NULL; item && result == RESOURCE_DONE;
         item = item->next) {
        const struct iam_add_role_to_instance_profile_in in = {
            .instance_profile_name = rc->physical_id, .role_name = item->text};
        if (!iam_list_has(have, "Roles", item->text))
            result = cfn_iam_run(rc, IAM_OP_ADD_ROLE_TO_INSTANCE_PROFILE, &in, NULL, false);
    }
    return result;
}

enum resource_result cfn_create_profile(struct resource_call *rc)
{
    const struct iam_create_instance_profile_in in = {
        .instance_profile_name = cfn_name(rc, "InstanceProfileName", MAX_POLICY_NAME),
        .path = resource_string(rc->properties, "Path"),
    };
    enum resource_result result = cfn_iam_run(rc, IAM_OP_CREATE_INSTANCE_PROFILE, &in, NULL, false);
    if (result != RESOURCE_DONE)
        return result;
    rc->physical_id = in.instance_profile_name;
    return apply_roles(rc, NULL, rc->properties);
}

enum resource_result cfn_update_profile(struct resource_call *rc)
{
    return apply_roles(rc, rc->old_properties, rc->properties);
}

enum resource_result cfn_remove_profile(struct resource_call *rc)
{
    const struct iam_delete_instance_profile_in in = {.instance_profile_name = rc->physical_id};
    enum resource_result result = apply_roles(rc, rc->properties, NULL);
    return result == RESOURCE_DONE
               ? cfn_iam_run(rc, IAM_OP_DELETE_INSTANCE_PROFILE, &in, NULL, true)
               : result;
}

enum resource_result cfn_profile_attribute(struct resource_call *rc, struct str name,
                                           struct json **out_value)
{
    (void)name; /* Arn is the only one */
    const struct iam_get_instance_profile_in in = {.instance_profile_name = rc->physical_id};
    const void *answer = NULL;
    enum resource_result result = cfn_iam_run(rc, IAM_OP_GET_INSTANCE_PROFILE, &in, &answer, false);
    if (result == RESOURCE_DONE)
        *out_value = json_new_string(
            rc->call->arena,
            ((const struct iam_get_instance_profile_out *)answer)->instance_profile->arn);
    return result;
}

/* --- AWS::IAM::AccessKey --- */

enum resource_result cfn_update_key(struct resource_call *rc)
{
    const struct iam_update_access_key_in in = {
        .user_name = resource_string(rc->properties, "UserName"),
        .access_key_id = rc->physical_id,
        .status = str_or(resource_string(rc->properties, "Status"), STR("Active")),
    };
    return cfn_iam_run(rc, IAM_OP_UPDATE_ACCESS_KEY, &in, NULL, false);
}

enum resource_result cfn_create_key(struct resource_call *rc)
{
    const struct iam_create_access_key_in in = {
        .user_name = resource_string(rc->properties, "UserName"),
    };
    const void *answer = NULL;
    enum resource_result result = cfn_iam_run(rc, IAM_OP_CREATE_ACCESS_KEY, &in, &answer, false);
    if (result != RESOURCE_DONE)
        return result;
    rc->physical_id = ((const struct iam_create_access_key_out *)answer)->access_key->access_key_id;
    return resource_string(rc->properties, "Status").ptr ? cfn_update_key(rc) : RESOURCE_DONE;
}

enum resource_result cfn_remove_key(struct resource_call *rc)
{
    const struct iam_delete_access_key_in in = {
        .user_name = resource_string(rc->properties, "UserName"),
        .access_key_id = rc->physical_id,
    };
    return cfn_iam_run(rc, IAM_OP_DELETE_ACCESS_KEY, &in, NULL, true);
}

enum resource_result cfn_key_attribute(struct resource_call *rc, struct str name,
                                       struct json **out_value)
{
    struct iam_key_row key = {.key_id = rc->physical_id};
    if (str_eq_cstr(name, "SecretAccessKey")) {
        int found = iam_store_find_key(rc->call->db, rc->call->arena, rc->physical_id, &key);
        if (found != 1)
            return resource_fail(rc, "The Access Key with id " STR_FMT " cannot be found.",
                                 STR_ARG(rc->physical_id));
        key.key_id = key.secret;
    }
    *out_value = json_new_string(rc->call->arena, key.key_id);
    return RESOURCE_DONE;
}

/* --- AWS::IAM::UserToGroupAddition --- */

static enum resource_result change_members(struct resource_call *rc, const struct json *from,
                                           const struct json *except, bool is_addition)
{
    enum resource_result result = RESOURCE_DONE;
    struct str group = resource_string(from, "GroupName");
    bool is_same = except && str_eq(group, resource_string(except, "GroupName"));
    const struct json *users = json_find_cstr(from, "Users");
    for (const struct json *user = users->first; user && result == RESOURCE_DONE;
         user = user->next) {
        const struct iam_add_user_to_group_in add = {.group_name = group, .user_name = user->text};
        const struct iam_remove_user_from_group_in leave = {.group_name = group,
                                                            .user_name = user->text};
        if (is_same && iam_list_has(except, "Users", user->text))
            continue;
        result = is_addition ? cfn_iam_run(rc, IAM_OP_ADD_USER_TO_GROUP, &add, NULL, false)
                             : cfn_iam_run(rc, IAM_OP_REMOVE_USER_FROM_GROUP, &leave, NULL, true);
    }
    return result;
}

enum resource_result cfn_create_addition(struct resource_call *rc)
{
    rc->physical_id = resource_physical_name(rc, MAX_POLICY_NAME, STR(""));
    return change_members(rc, rc->properties, NULL, true);
}

enum resource_result cfn_update_addition(struct resource_call *rc)
{
    enum resource_result result = change_members(rc, rc->properties, rc->old_properties, true);
    return result == RESOURCE_DONE ? change_members(rc, rc->old_properties, rc->properties, false)
                                   : result;
}

enum resource_result cfn_remove_addition(struct resource_call *rc)
{
    return change_members(rc, rc->properties, NULL, false);
}
