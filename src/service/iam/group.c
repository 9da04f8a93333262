/* group.c — groups of users: create, rename, delete, list; members and policies.
 *
 * Docs: IAM API reference, CreateGroup and the others.
 */
#include "base/arena.h"
#include "service/iam/iam.h"

void iam_group_to_answer(struct call *call, const struct iam_entity *group, struct iam_group *out)
{
    *out = (struct iam_group){
        .path = group->path,
        .group_name = group->name,
        .group_id = group->id,
        .arn = iam_entity_arn(call->arena, group),
        .create_date = opt_i64(group->created_at_ms),
    };
}

enum status iam_create_group(struct call *call, const struct iam_create_group_in *in,
                             struct iam_create_group_out *out)
{
    struct iam_entity group = {0};
    enum status status =
        iam_new_entity(call, IAM_KIND_GROUP, in->group_name, in->path, NULL, &group);
    if (status != STATUS_DONE)
        return status;
    out->group = arena_alloc(call->arena, sizeof(*out->group));
    iam_group_to_answer(call, &group, out->group);
    return iam_insert_entity(call, &group);
}

enum status iam_get_group(struct call *call, const struct iam_get_group_in *in,
                          struct iam_get_group_out *out)
{
    struct iam_entity *group = NULL;
    struct iam_range range = {0};
    struct vec users;
    vec_init(&users, call->arena, sizeof(struct iam_entity));
    enum status status = iam_get_entity(call, IAM_KIND_GROUP, in->group_name, &group);
    if (status == STATUS_DONE)
        status = iam_page_begin(call, in->marker, in->max_items, &range);
    if (status != STATUS_DONE)
        return status;
    int rc = iam_store_list_members(call->db, call->arena, group->id, range, &users);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: list members");
    out->group = arena_alloc(call->arena, sizeof(*out->group));
    iam_group_to_answer(call, group, out->group);
    out->users.count = iam_page_entities(call, range, &users, &out->is_truncated, &out->marker);
    out->users.is_set = true;
    out->users.items = arena_alloc_array(call->arena, users.count + 1, sizeof(*out->users.items));
    for (size_t i = 0; i < out->users.count; i++)
        iam_user_to_answer(call, vec_at(&users, i), IAM_IN_LIST, &out->users.items[i]);
    return STATUS_DONE;
}

enum status iam_update_group(struct call *call, const struct iam_update_group_in *in,
                             struct iam_update_group_out *out)
{
    (void)out;
    struct iam_entity *group = NULL;
    enum status status = iam_get_entity(call, IAM_KIND_GROUP, in->group_name, &group);
    return status == STATUS_DONE ? iam_rename_entity(call, group, in->new_group_name, in->new_path)
                                 : status;
}

enum status iam_delete_group(struct call *call, const struct iam_delete_group_in *in,
                             struct iam_delete_group_out *out)
{
    (void)out;
    struct iam_entity *group = NULL;
    struct vec users;
    vec_init(&users, call->arena, sizeof(struct iam_entity));
    enum status status = iam_get_entity(call, IAM_KIND_GROUP, in->group_name, &group);
    if (status != STATUS_DONE)
        return status;
    const struct iam_range one = {.after = STR(""), .limit = 1};
    int rc = iam_store_list_members(call->db, call->arena, group->id, one, &users);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: list members");
    if (users.count > 0)
        return call_fail(call, &IAM_DELETE_CONFLICT_EXCEPTION,
                         "Cannot delete entity, must remove users from group first.");
    status = iam_check_unused(call, group);
    return status == STATUS_DONE ? iam_delete_entity(call, group) : status;
}

enum status iam_list_groups(struct call *call, const struct iam_list_groups_in *in,
                            struct iam_list_groups_out *out)
{
    struct iam_range range = {0};
    struct vec found;
    vec_init(&found, call->arena, sizeof(struct iam_entity));
    enum status status = iam_page_begin(call, in->marker, in->max_items, &range);
    if (status != STATUS_DONE)
        return status;
    int rc = iam_store_list(call->db, call->arena, call->scope.account, IAM_KIND_GROUP,
                            str_or(in->path_prefix, STR("/")), range, &found);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: list groups");
    out->groups.count = iam_page_entities(call, range, &found, &out->is_truncated, &out->marker);
    out->groups.is_set = true;
    out->groups.items = arena_alloc_array(call->arena, found.count + 1, sizeof(*out->groups.items));
    for (size_t i = 0; i < out->groups.count; i++)
        iam_group_to_answer(call, vec_at(&found, i), &out->groups.items[i]);
    return STATUS_DONE;
}

enum status iam_list_groups_for_user(struct call *call,
                                     const struct iam_list_groups_for_user_in *in,
                                     struct iam_list_groups_for_user_out *out)
{
    struct iam_entity *user = NULL;
    struct iam_range range = {0};
    struct vec found;
    vec_init(&found, call->arena, sizeof(struct iam_entity));
    enum status status = iam_get_entity(call, IAM_KIND_USER, in->user_name, &user);
    if (status == STATUS_DONE)
        status = iam_page_begin(call, in->marker, in->max_items, &range);
    if (status != STATUS_DONE)
        return status;
    int rc = iam_store_list_owners(call->db, call->arena, user->id, range, &found);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: list groups");
    out->groups.count = iam_page_entities(call, range, &found, &out->is_truncated, &out->marker);
    out->groups.is_set = true;
    out->groups.items = arena_alloc_array(call->arena, found.count + 1, sizeof(*out->groups.items));
    for (size_t i = 0; i < out->groups.count; i++)
        iam_group_to_answer(call, vec_at(&found, i), &out->groups.items[i]);
    return STATUS_DONE;
}

/* Finds both, the group first. */
static enum status find_both(struct call *call, struct str group_name, struct str user_name,
                             struct iam_entity **out_group, struct iam_entity **out_user)
{
    enum status status = iam_get_entity(call, IAM_KIND_GROUP, group_name, out_group);
    return status == STATUS_DONE ? iam_get_entity(call, IAM_KIND_USER, user_name, out_user)
                                 : status;
}

/* Adding a member again is no error. */
enum status iam_add_user_to_group(struct call *call, const struct iam_add_user_to_group_in *in,
                                  struct iam_add_user_to_group_out *out)
{
    (void)out;
    struct iam_entity *group = NULL;
    struct iam_entity *user = NULL;
    struct vec groups;
    vec_init(&groups, call->arena, sizeof(struct iam_entity));
    enum status status = find_both(call, in->group_name, in->user_name, &group, &user);
    if (status != STATUS_DONE)
        return status;
    int rc = iam_store_list_owners(call->db, call->arena, user->id, IAM_EVERYTHING, &groups);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: list groups");
    for (size_t i = 0; i < groups.count; i++) {
        const struct iam_entity *other = vec_at(&groups, i);
        if (str_eq(other->id, group->id))
            return STATUS_DONE;
    }
    if (groups.count >= IAM_MAX_GROUPS)
        return call_fail(call, &IAM_LIMIT_EXCEEDED_EXCEPTION,
                         "Cannot exceed quota for GroupsPerUser: %d", IAM_MAX_GROUPS);
    rc = iam_store_link(call->db, group->id, user->id);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: add a member");
    iam_rights_changed(call);
    return STATUS_DONE;
}

/* OBSERVED: removing a user who is no member succeeds. */
enum status iam_remove_user_from_group(struct call *call,
                                       const struct iam_remove_user_from_group_in *in,
                                       struct iam_remove_user_from_group_out *out)
{
    (void)out;
    struct iam_entity *group = NULL;
    struct iam_entity *user = NULL;
    enum status status = find_both(call, in->group_name, in->user_name, &group, &user);
    if (status != STATUS_DONE)
        return status;
    int rc = iam_store_unlink(call->db, group->id, user->id);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: remove a member");
    iam_rights_changed(call);
    return STATUS_DONE;
}

enum status iam_attach_group_policy(struct call *call, const struct iam_attach_group_policy_in *in,
                                    struct iam_attach_group_policy_out *out)
{
    (void)out;
    return iam_attach(call, IAM_KIND_GROUP, in->group_name, in->policy_arn);
}

enum status iam_detach_group_policy(struct call *call, const struct iam_detach_group_policy_in *in,
                                    struct iam_detach_group_policy_out *out)
{
    (void)out;
    return iam_detach(call, IAM_KIND_GROUP, in->group_name, in->policy_arn);
}

enum status iam_list_attached_group_policies(struct call *call,
                                             const struct iam_list_attached_group_policies_in *in,
                                             struct iam_list_attached_group_policies_out *out)
{
    const struct iam_list_attached asked = {
        .name = in->group_name,
        .path_prefix = in->path_prefix,
        .marker = in->marker,
        .max_items = in->max_items,
    };
    return iam_list_attached_of(call, IAM_KIND_GROUP, &asked, &out->attached_policies,
                                &out->is_truncated, &out->marker);
}

enum status iam_put_group_policy(struct call *call, const struct iam_put_group_policy_in *in,
                                 struct iam_put_group_policy_out *out)
{
    (void)out;
    return iam_put_inline(call, IAM_KIND_GROUP, in->group_name, in->policy_name,
                          in->policy_document);
}

enum status iam_get_group_policy(struct call *call, const struct iam_get_group_policy_in *in,
                                 struct iam_get_group_policy_out *out)
{
    out->policy_name = in->policy_name;
    return iam_get_inline(call, IAM_KIND_GROUP, in->group_name, in->policy_name, &out->group_name,
                          &out->policy_document);
}

enum status iam_delete_group_policy(struct call *call, const struct iam_delete_group_policy_in *in,
                                    struct iam_delete_group_policy_out *out)
{
    (void)out;
    return iam_delete_inline(call, IAM_KIND_GROUP, in->group_name, in->policy_name);
}

enum status iam_list_group_policies(struct call *call, const struct iam_list_group_policies_in *in,
                                    struct iam_list_group_policies_out *out)
{
    return iam_list_inline(call, IAM_KIND_GROUP, in->group_name, in->marker, in->max_items,
                           &out->policy_names, &out->is_truncated, &out->marker);
}
