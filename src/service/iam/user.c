/* user.c — users: create, rename, delete, list; their policies, tags and boundary.
 *
 * Docs: IAM API reference, CreateUser and the others.
 */
#include "base/arena.h"
#include "service/iam/iam_account.h"

void iam_user_to_answer(struct call *call, const struct iam_entity *user, enum iam_detail detail,
                        struct iam_user *out)
{
    *out = (struct iam_user){
        .path = user->path,
        .user_name = user->name,
        .user_id = user->id,
        .arn = iam_entity_arn(call->arena, user),
        .create_date = opt_i64(user->created_at_ms),
    };
    if (user->last_used_at_ms != 0)
        out->password_last_used = opt_i64(user->last_used_at_ms);
    if (detail == IAM_IN_LIST)
        return;
    out->permissions_boundary = iam_boundary_to_answer(call, user);
    iam_tags_to_answer(call, user->tags, &out->tags);
}

enum status iam_create_user(struct call *call, const struct iam_create_user_in *in,
                            struct iam_create_user_out *out)
{
    struct iam_entity user = {0};
    enum status status =
        iam_new_entity(call, IAM_KIND_USER, in->user_name, in->path, &in->tags, &user);
    if (status == STATUS_DONE && in->permissions_boundary.ptr)
        status = iam_check_boundary(call, in->permissions_boundary);
    if (status != STATUS_DONE)
        return status;
    user.boundary_arn = in->permissions_boundary;
    out->user = arena_alloc(call->arena, sizeof(*out->user));
    iam_user_to_answer(call, &user, IAM_IN_FULL, out->user);
    return iam_insert_entity(call, &user);
}

/* AWS: without a UserName, "IAM determines the user name implicitly based on the access key used to
 * make this request"; for the root the answer has neither path nor name. */
enum status iam_get_user(struct call *call, const struct iam_get_user_in *in,
                         struct iam_get_user_out *out)
{
    struct iam_entity *user = NULL;
    out->user = arena_alloc(call->arena, sizeof(*out->user));
    if (!in->user_name.ptr && call->principal->kind == PRINCIPAL_ROOT) {
        out->user->path = STR("/");
        out->user->user_id = call->scope.account;
        out->user->arn = call->principal->arn;
        out->user->create_date = opt_i64(0);
        return STATUS_DONE;
    }
    enum status status = iam_user_or_caller(call, in->user_name, &user);
    if (status == STATUS_DONE)
        iam_user_to_answer(call, user, IAM_IN_FULL, out->user);
    return status;
}

enum status iam_update_user(struct call *call, const struct iam_update_user_in *in,
                            struct iam_update_user_out *out)
{
    (void)out;
    struct iam_entity *user = NULL;
    enum status status = iam_get_entity(call, IAM_KIND_USER, in->user_name, &user);
    return status == STATUS_DONE ? iam_rename_entity(call, user, in->new_user_name, in->new_path)
                                 : status;
}

/* What must be gone before a user can be: credentials first, then groups and policies. */
static enum status check_credentials(struct call *call, const struct iam_entity *user)
{
    static const struct {
        enum iam_credential_kind kind;
        const char *words;
    } kinds[] = {
        {IAM_CREDENTIAL_LOGIN, "login profile"},
        {IAM_CREDENTIAL_CERTIFICATE, "signing certificates"},
        {IAM_CREDENTIAL_SSH_KEY, "SSH public keys"},
        {IAM_CREDENTIAL_SERVICE, "service specific credentials"},
    };
    const struct iam_range one = {.after = STR(""), .limit = 1};
    struct vec keys;
    vec_init(&keys, call->arena, sizeof(struct iam_key_row));
    int rc = iam_store_list_keys(call->db, call->arena, user->account, user->id, one, &keys);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: list access keys");
    if (keys.count > 0)
        return call_fail(call, &IAM_DELETE_CONFLICT_EXCEPTION,
                         "Cannot delete entity, must delete access keys first.");
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct vec found;
        vec_init(&found, call->arena, sizeof(struct iam_credential));
        rc = iam_store_list_credentials(call->db, call->arena, kinds[i].kind, user->account,
                                        user->id, one, &found);
        if (rc < 0)
            return call_fail_internal(call, rc, "iam: list credentials");
        if (found.count > 0)
            return call_fail(call, &IAM_DELETE_CONFLICT_EXCEPTION,
                             "Cannot delete entity, must delete %s first.", kinds[i].words);
    }
    return STATUS_DONE;
}

enum status iam_delete_user(struct call *call, const struct iam_delete_user_in *in,
                            struct iam_delete_user_out *out)
{
    (void)out;
    struct iam_entity *user = NULL;
    struct vec groups;
    vec_init(&groups, call->arena, sizeof(struct iam_entity));
    enum status status = iam_get_entity(call, IAM_KIND_USER, in->user_name, &user);
    if (status == STATUS_DONE)
        status = check_credentials(call, user);
    if (status == STATUS_DONE)
        status = iam_check_no_mfa(call, user);
    if (status != STATUS_DONE)
        return status;
    int rc = iam_store_list_owners(call->db, call->arena, user->id, IAM_EVERYTHING, &groups);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: list groups");
    if (groups.count > 0)
        return call_fail(call, &IAM_DELETE_CONFLICT_EXCEPTION,
                         "Cannot delete entity, must remove users from group first.");
    status = iam_check_unused(call, user);
    return status == STATUS_DONE ? iam_delete_entity(call, user) : status;
}

enum status iam_list_users(struct call *call, const struct iam_list_users_in *in,
                           struct iam_list_users_out *out)
{
    struct iam_range range = {0};
    struct vec found;
    vec_init(&found, call->arena, sizeof(struct iam_entity));
    enum status status = iam_page_begin(call, in->marker, in->max_items, &range);
    if (status != STATUS_DONE)
        return status;
    int rc = iam_store_list(call->db, call->arena, call->scope.account, IAM_KIND_USER,
                            str_or(in->path_prefix, STR("/")), range, &found);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: list users");
    out->users.count = iam_page_entities(call, range, &found, &out->is_truncated, &out->marker);
    out->users.is_set = true;
    out->users.items = arena_alloc_array(call->arena, found.count + 1, sizeof(*out->users.items));
    for (size_t i = 0; i < out->users.count; i++)
        iam_user_to_answer(call, vec_at(&found, i), IAM_IN_LIST, &out->users.items[i]);
    return STATUS_DONE;
}

enum status iam_tag_user(struct call *call, const struct iam_tag_user_in *in,
                         struct iam_tag_user_out *out)
{
    (void)out;
    struct iam_entity *entity = NULL;
    enum status status = iam_get_entity(call, IAM_KIND_USER, in->user_name, &entity);
    return status == STATUS_DONE ? iam_put_tags(call, entity, &in->tags) : status;
}

enum status iam_untag_user(struct call *call, const struct iam_untag_user_in *in,
                           struct iam_untag_user_out *out)
{
    (void)out;
    struct iam_entity *entity = NULL;
    enum status status = iam_get_entity(call, IAM_KIND_USER, in->user_name, &entity);
    return status == STATUS_DONE ? iam_remove_tags(call, entity, &in->tag_keys) : status;
}

enum status iam_list_user_tags(struct call *call, const struct iam_list_user_tags_in *in,
                               struct iam_list_user_tags_out *out)
{
    struct iam_entity *entity = NULL;
    enum status status = iam_get_entity(call, IAM_KIND_USER, in->user_name, &entity);
    if (status != STATUS_DONE)
        return status;
    return iam_list_tags(call, entity->tags, in->marker, in->max_items, &out->tags,
                         &out->is_truncated, &out->marker);
}

enum status iam_put_user_permissions_boundary(struct call *call,
                                              const struct iam_put_user_permissions_boundary_in *in,
                                              struct iam_put_user_permissions_boundary_out *out)
{
    (void)out;
    return iam_set_boundary(call, IAM_KIND_USER, in->user_name, in->permissions_boundary);
}

enum status
iam_delete_user_permissions_boundary(struct call *call,
                                     const struct iam_delete_user_permissions_boundary_in *in,
                                     struct iam_delete_user_permissions_boundary_out *out)
{
    (void)out;
    return iam_set_boundary(call, IAM_KIND_USER, in->user_name, (struct str){0});
}

enum status iam_attach_user_policy(struct call *call, const struct iam_attach_user_policy_in *in,
                                   struct iam_attach_user_policy_out *out)
{
    (void)out;
    return iam_attach(call, IAM_KIND_USER, in->user_name, in->policy_arn);
}

enum status iam_detach_user_policy(struct call *call, const struct iam_detach_user_policy_in *in,
                                   struct iam_detach_user_policy_out *out)
{
    (void)out;
    return iam_detach(call, IAM_KIND_USER, in->user_name, in->policy_arn);
}

enum status iam_list_attached_user_policies(struct call *call,
                                            const struct iam_list_attached_user_policies_in *in,
                                            struct iam_list_attached_user_policies_out *out)
{
    const struct iam_list_attached asked = {
        .name = in->user_name,
        .path_prefix = in->path_prefix,
        .marker = in->marker,
        .max_items = in->max_items,
    };
    return iam_list_attached_of(call, IAM_KIND_USER, &asked, &out->attached_policies,
                                &out->is_truncated, &out->marker);
}

enum status iam_put_user_policy(struct call *call, const struct iam_put_user_policy_in *in,
                                struct iam_put_user_policy_out *out)
{
    (void)out;
    return iam_put_inline(call, IAM_KIND_USER, in->user_name, in->policy_name, in->policy_document);
}

enum status iam_get_user_policy(struct call *call, const struct iam_get_user_policy_in *in,
                                struct iam_get_user_policy_out *out)
{
    out->policy_name = in->policy_name;
    return iam_get_inline(call, IAM_KIND_USER, in->user_name, in->policy_name, &out->user_name,
                          &out->policy_document);
}

enum status iam_delete_user_policy(struct call *call, const struct iam_delete_user_policy_in *in,
                                   struct iam_delete_user_policy_out *out)
{
    (void)out;
    return iam_delete_inline(call, IAM_KIND_USER, in->user_name, in->policy_name);
}

enum status iam_list_user_policies(struct call *call, const struct iam_list_user_policies_in *in,
                                   struct iam_list_user_policies_out *out)
{
    return iam_list_inline(call, IAM_KIND_USER, in->user_name, in->marker, in->max_items,
                           &out->policy_names, &out->is_truncated, &out->marker);
}
