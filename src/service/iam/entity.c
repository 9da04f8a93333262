/* entity.c — what users, groups, roles, instance profiles and managed policies have in common:
 * unique names, paths, ids, quotas, and the words of AWS's errors about them.
 *
 * OBSERVED: the error texts as users quote them from the aws CLI and the SDKs.
 */
#include "auth/key_id.h"
#include "base/arena.h"
#include "service/iam/iam_account.h"
#include "syntax/uri.h"
#include "wire/identity.h"

struct kind_words {
    const char *prefix;    /* of unique ids */
    const char *not_found; /* text around the name */
    const char *not_found_end;
    const char *exists;
    const char *exists_end;
    const char *quota_name;
    int64_t quota; /* AWS: "IAM and AWS STS quotas", defaults */
};

static const struct kind_words words[IAM_KIND_COUNT] = {
    [IAM_KIND_USER] = {"AIDA", "The user with name ", " cannot be found.", "User with name ",
                       " already exists.", "UsersPerAccount", 5000},
    [IAM_KIND_GROUP] = {"AGPA", "The group with name ", " cannot be found.", "Group with name ",
                        " already exists.", "GroupsPerAccount", 300},
    [IAM_KIND_ROLE] = {"AROA", "The role with name ", " cannot be found.", "Role with name ",
                       " already exists.", "RolesPerAccount", 1000},
    [IAM_KIND_PROFILE] = {"AIPA", "Instance Profile ", " cannot be found.", "Instance Profile ",
                          " already exists.", "InstanceProfilesPerAccount", 1000},
    [IAM_KIND_POLICY] = {"ANPA", "Policy ", " was not found.", "A policy called ",
                         " already exists. Duplicate names are not allowed.", "PoliciesPerAccount",
                         1500},
};

enum status iam_get_entity(struct call *call, enum iam_kind kind, struct str name,
                           struct iam_entity **out_entity)
{
    int rc = iam_store_find(call->db, call->arena, call->scope.account, kind, name, out_entity);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: find an entity");
    if (rc == 0)
        return call_fail(call, &IAM_NO_SUCH_ENTITY_EXCEPTION, "%s" STR_FMT "%s",
                         words[kind].not_found, STR_ARG(name), words[kind].not_found_end);
    return kind == IAM_KIND_ROLE ? iam_check_protected(call, *out_entity) : STATUS_DONE;
}

static enum status check_name_free(struct call *call, enum iam_kind kind, struct str name)
{
    struct iam_entity *found = NULL;
    int rc = iam_store_find(call->db, call->arena, call->scope.account, kind, name, &found);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: find an entity");
    if (rc == 1)
        return call_fail(call, &IAM_ENTITY_ALREADY_EXISTS_EXCEPTION, "%s" STR_FMT "%s",
                         words[kind].exists, STR_ARG(name), words[kind].exists_end);
    return STATUS_DONE;
}

static enum status check_quota(struct call *call, enum iam_kind kind)
{
    int64_t count = 0;
    int rc = iam_store_count(call->db, call->scope.account, kind, &count);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: count entities");
    if (count >= words[kind].quota)
        return call_fail(call, &IAM_LIMIT_EXCEEDED_EXCEPTION, "Cannot exceed quota for %s: %lld",
                         words[kind].quota_name, (long long)words[kind].quota);
    return STATUS_DONE;
}

enum status iam_new_entity(struct call *call, enum iam_kind kind, struct str name, struct str path,
                           const struct iam_tag_list_type *tags, struct iam_entity *out)
{
    *out = (struct iam_entity){
        .id = unique_id_new(call->arena, str_from_cstr(words[kind].prefix)),
        .account = call->scope.account,
        .kind = kind,
        .name = name,
        .path = str_or(path, STR("/")),
        .created_at_ms = call->now_ms / 1000 * 1000, /* AWS: dates of IAM have whole seconds */
        .updated_at_ms = call->now_ms / 1000 * 1000,
        .tags = STR("{}"),
    };
    enum status status = check_name_free(call, kind, name);
    if (status == STATUS_DONE)
        status = check_quota(call, kind);
    if (status == STATUS_DONE && tags)
        status = iam_tags_from_request(call, tags, &out->tags);
    return status;
}

void iam_rights_changed(struct call *call)
{
    call_notify(call, STR(IDENTITY_CHANNEL));
}

enum status iam_insert_entity(struct call *call, const struct iam_entity *entity)
{
    int rc = iam_store_insert(call->db, entity);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: insert an entity");
    iam_rights_changed(call);
    return STATUS_DONE;
}

enum status iam_update_entity(struct call *call, const struct iam_entity *entity,
                              bool changes_rights)
{
    int rc = iam_store_update(call->db, entity);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: update an entity");
    if (changes_rights)
        iam_rights_changed(call);
    return STATUS_DONE;
}

enum status iam_delete_entity(struct call *call, const struct iam_entity *entity)
{
    int rc = iam_store_delete(call->db, entity->id);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: delete an entity");
    iam_rights_changed(call);
    return STATUS_DONE;
}

/* AWS: UpdateUser, UpdateGroup: "you must have appropriate permissions on both the source object
 * and the target object". The source was checked before the handler ran. */
enum status iam_rename_entity(struct call *call, struct iam_entity *entity, struct str new_name,
                              struct str new_path)
{
    bool is_same = !new_name.ptr || str_eq_nocase(new_name, entity->name);
    if (!is_same) {
        enum status status = check_name_free(call, entity->kind, new_name);
        if (status != STATUS_DONE)
            return status;
    }
    entity->name = str_or(new_name, entity->name);
    entity->path = str_or(new_path, entity->path);
    const struct authorization what = {
        .action = str_concat(call->arena, STR("iam:"), call->operation->name),
        .resource = iam_entity_arn(call->arena, entity),
    };
    enum status status = call_authorize(call, &what);
    return status == STATUS_DONE ? iam_update_entity(call, entity, true) : status;
}

enum status iam_user_or_caller(struct call *call, struct str name, struct iam_entity **out_user)
{
    if (name.ptr)
        return iam_get_entity(call, IAM_KIND_USER, name, out_user);
    if (call->principal->kind != PRINCIPAL_USER)
        return call_fail(call, &ERROR_VALIDATION,
                         "Must specify userName when calling with non-User credentials");
    return iam_get_entity(call, IAM_KIND_USER, call->principal->name, out_user);
}

struct str iam_encoded(struct call *call, struct str document)
{
    return uri_encode_str(call->arena, document, false);
}

enum status iam_check_unused(struct call *call, const struct iam_entity *entity)
{
    struct vec found;
    vec_init(&found, call->arena, sizeof(struct str));
    const struct iam_range one = {.after = STR(""), .limit = 1};
    int rc = iam_store_list_attached(call->db, call->arena, entity->id, one, &found);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: list attached policies");
    if (found.count > 0)
        return call_fail(call, &IAM_DELETE_CONFLICT_EXCEPTION,
                         "Cannot delete entity, must detach all policies first.");
    vec_init(&found, call->arena, sizeof(struct iam_inline_policy));
    rc = iam_store_list_inline(call->db, call->arena, entity->id, one, &found);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: list inline policies");
    if (found.count > 0)
        return call_fail(call, &IAM_DELETE_CONFLICT_EXCEPTION,
                         "Cannot delete entity, must delete policies first.");
    return STATUS_DONE;
}
