/* role.c — roles: create, change, delete, list; their policies, tags and boundary.
 *
 * A trust policy is checked when it is written and kept with its principals by unique id (trust.c).
 *
 * Docs: IAM API reference, CreateRole and the others.
 */
#include "base/arena.h"
#include "service/iam/iam.h"

enum {
    DEFAULT_SESSION_SECONDS = 3600,
};

enum status iam_role_to_answer(struct call *call, const struct iam_entity *role,
                               enum iam_detail detail, struct iam_role *out)
{
    struct str trust = {0};
    int rc = iam_trust_to_arns(call->db, call->arena, role->trust_policy, &trust);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: show a trust policy");
    *out = (struct iam_role){
        .path = role->path,
        .role_name = role->name,
        .role_id = role->id,
        .arn = iam_entity_arn(call->arena, role),
        .create_date = opt_i64(role->created_at_ms),
        .assume_role_policy_document = iam_encoded(call, trust),
        .description = role->description,
        .max_session_duration = opt_i32((int32_t)role->max_session_seconds),
    };
    if (detail == IAM_IN_LIST)
        return STATUS_DONE;
    out->permissions_boundary = iam_boundary_to_answer(call, role);
    iam_tags_to_answer(call, role->tags, &out->tags);
    out->role_last_used = arena_alloc(call->arena, sizeof(*out->role_last_used));
    if (role->last_used_at_ms != 0) {
        out->role_last_used->last_used_date = opt_i64(role->last_used_at_ms / 1000 * 1000);
        out->role_last_used->region = role->last_used_region;
    }
    return STATUS_DONE;
}

static enum status answer_full(struct call *call, const struct iam_entity *role,
                               struct iam_role **out_role)
{
    *out_role = arena_alloc(call->arena, sizeof(**out_role));
    return iam_role_to_answer(call, role, IAM_IN_FULL, *out_role);
}

/* OBSERVED: the answer has no description, duration or last use, whatever was asked for. */
enum status iam_create_role(struct call *call, const struct iam_create_role_in *in,
                            struct iam_create_role_out *out)
{
    struct iam_entity role = {0};
    /* AWS: roles below this path are made by CreateServiceLinkedRole only. */
    if (str_starts_with(in->path, STR("/aws-service-role/")))
        return call_fail(call, &IAM_INVALID_INPUT_EXCEPTION,
                         "The path /aws-service-role/ is reserved for service-linked roles.");
    enum status status =
        iam_new_entity(call, IAM_KIND_ROLE, in->role_name, in->path, &in->tags, &role);
    if (status == STATUS_DONE)
        status = iam_check_trust(call, in->assume_role_policy_document, &role.trust_policy);
    if (status == STATUS_DONE && in->permissions_boundary.ptr)
        status = iam_check_boundary(call, in->permissions_boundary);
    if (status != STATUS_DONE)
        return status;
    role.description = in->description;
    role.boundary_arn = in->permissions_boundary;
    role.max_session_seconds = opt_i32_or(in->max_session_duration, DEFAULT_SESSION_SECONDS);
    status = iam_insert_entity(call, &role);
    if (status == STATUS_DONE)
        status = answer_full(call, &role, &out->role);
    if (status != STATUS_DONE)
        return status;
    out->role->description = (struct str){0};
    out->role->max_session_duration = (struct opt_i32){0};
    out->role->role_last_used = NULL;
    return STATUS_DONE;
}

enum status iam_get_role(struct call *call, const struct iam_get_role_in *in,
                         struct iam_get_role_out *out)
{
    struct iam_entity *role = NULL;
    enum status status = iam_get_entity(call, IAM_KIND_ROLE, in->role_name, &role);
    return status == STATUS_DONE ? answer_full(call, role, &out->role) : status;
}

/* AWS: a description that is left out stays; a duration that is left out becomes the default. */
enum status iam_update_role(struct call *call, const struct iam_update_role_in *in,
                            struct iam_update_role_out *out)
{
    (void)out;
    struct iam_entity *role = NULL;
    enum status status = iam_get_entity(call, IAM_KIND_ROLE, in->role_name, &role);
    if (status != STATUS_DONE)
        return status;
    role->description = str_or(in->description, role->description);
    role->max_session_seconds = opt_i32_or(in->max_session_duration, DEFAULT_SESSION_SECONDS);
    return iam_update_entity(call, role, false);
}

enum status iam_update_role_description(struct call *call,
                                        const struct iam_update_role_description_in *in,
                                        struct iam_update_role_description_out *out)
{
    struct iam_entity *role = NULL;
    enum status status = iam_get_entity(call, IAM_KIND_ROLE, in->role_name, &role);
    if (status != STATUS_DONE)
        return status;
    role->description = in->description;
    status = iam_update_entity(call, role, false);
    return status == STATUS_DONE ? answer_full(call, role, &out->role) : status;
}

enum status iam_update_assume_role_policy(struct call *call,
                                          const struct iam_update_assume_role_policy_in *in,
                                          struct iam_update_assume_role_policy_out *out)
{
    (void)out;
    struct iam_entity *role = NULL;
    enum status status = iam_get_entity(call, IAM_KIND_ROLE, in->role_name, &role);
    if (status == STATUS_DONE)
        status = iam_check_trust(call, in->policy_document, &role->trust_policy);
    return status == STATUS_DONE ? iam_update_entity(call, role, true) : status;
}

enum status iam_delete_role(struct call *call, const struct iam_delete_role_in *in,
                            struct iam_delete_role_out *out)
{
    (void)out;
    struct iam_entity *role = NULL;
    struct vec profiles;
    vec_init(&profiles, call->arena, sizeof(struct iam_entity));
    enum status status = iam_get_entity(call, IAM_KIND_ROLE, in->role_name, &role);
    if (status != STATUS_DONE)
        return status;
    int rc = iam_store_list_owners(call->db, call->arena, role->id, IAM_EVERYTHING, &profiles);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: list instance profiles");
    if (profiles.count > 0)
        return call_fail(call, &IAM_DELETE_CONFLICT_EXCEPTION,
                         "Cannot delete entity, must remove roles from instance profile first.");
    status = iam_check_unused(call, role);
    return status == STATUS_DONE ? iam_delete_entity(call, role) : status;
}

enum status iam_list_roles(struct call *call, const struct iam_list_roles_in *in,
                           struct iam_list_roles_out *out)
{
    struct iam_range range = {0};
    struct vec found;
    vec_init(&found, call->arena, sizeof(struct iam_entity));
    enum status status = iam_page_begin(call, in->marker, in->max_items, &range);
    if (status != STATUS_DONE)
        return status;
    int rc = iam_store_list(call->db, call->arena, call->scope.account, IAM_KIND_ROLE,
                            str_or(in->path_prefix, STR("/")), range, &found);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: list roles");
    out->roles.count = iam_page_entities(call, range, &found, &out->is_truncated, &out->marker);
    out->roles.is_set = true;
    out->roles.items = arena_alloc_array(call->arena, found.count + 1, sizeof(*out->roles.items));
    for (size_t i = 0; i < out->roles.count && status == STATUS_DONE; i++)
        status = iam_role_to_answer(call, vec_at(&found, i), IAM_IN_LIST, &out->roles.items[i]);
    return status;
}

enum status iam_tag_role(struct call *call, const struct iam_tag_role_in *in,
                         struct iam_tag_role_out *out)
{
    (void)out;
    struct iam_entity *entity = NULL;
    enum status status = iam_get_entity(call, IAM_KIND_ROLE, in->role_name, &entity);
    return status == STATUS_DONE ? iam_put_tags(call, entity, &in->tags) : status;
}

enum status iam_untag_role(struct call *call, const struct iam_untag_role_in *in,
                           struct iam_untag_role_out *out)
{
    (void)out;
    struct iam_entity *entity = NULL;
    enum status status = iam_get_entity(call, IAM_KIND_ROLE, in->role_name, &entity);
    return status == STATUS_DONE ? iam_remove_tags(call, entity, &in->tag_keys) : status;
}

enum status iam_list_role_tags(struct call *call, const struct iam_list_role_tags_in *in,
                               struct iam_list_role_tags_out *out)
{
    struct iam_entity *entity = NULL;
    enum status status = iam_get_entity(call, IAM_KIND_ROLE, in->role_name, &entity);
    if (status != STATUS_DONE)
        return status;
    return iam_list_tags(call, entity->tags, in->marker, in->max_items, &out->tags,
                         &out->is_truncated, &out->marker);
}

enum status iam_put_role_permissions_boundary(struct call *call,
                                              const struct iam_put_role_permissions_boundary_in *in,
                                              struct iam_put_role_permissions_boundary_out *out)
{
    (void)out;
    return iam_set_boundary(call, IAM_KIND_ROLE, in->role_name, in->permissions_boundary);
}

enum status
iam_delete_role_permissions_boundary(struct call *call,
                                     const struct iam_delete_role_permissions_boundary_in *in,
                                     struct iam_delete_role_permissions_boundary_out *out)
{
    (void)out;
    return iam_set_boundary(call, IAM_KIND_ROLE, in->role_name, (struct str){0});
}

enum status iam_attach_role_policy(struct call *call, const struct iam_attach_role_policy_in *in,
                                   struct iam_attach_role_policy_out *out)
{
    (void)out;
    return iam_attach(call, IAM_KIND_ROLE, in->role_name, in->policy_arn);
}

enum status iam_detach_role_policy(struct call *call, const struct iam_detach_role_policy_in *in,
                                   struct iam_detach_role_policy_out *out)
{
    (void)out;
    return iam_detach(call, IAM_KIND_ROLE, in->role_name, in->policy_arn);
}

enum status iam_list_attached_role_policies(struct call *call,
                                            const struct iam_list_attached_role_policies_in *in,
                                            struct iam_list_attached_role_policies_out *out)
{
    const struct iam_list_attached asked = {
        .name = in->role_name,
        .path_prefix = in->path_prefix,
        .marker = in->marker,
        .max_items = in->max_items,
    };
    return iam_list_attached_of(call, IAM_KIND_ROLE, &asked, &out->attached_policies,
                                &out->is_truncated, &out->marker);
}

enum status iam_put_role_policy(struct call *call, const struct iam_put_role_policy_in *in,
                                struct iam_put_role_policy_out *out)
{
    (void)out;
    return iam_put_inline(call, IAM_KIND_ROLE, in->role_name, in->policy_name, in->policy_document);
}

enum status iam_get_role_policy(struct call *call, const struct iam_get_role_policy_in *in,
                                struct iam_get_role_policy_out *out)
{
    out->policy_name = in->policy_name;
    return iam_get_inline(call, IAM_KIND_ROLE, in->role_name, in->policy_name, &out->role_name,
                          &out->policy_document);
}

enum status iam_delete_role_policy(struct call *call, const struct iam_delete_role_policy_in *in,
                                   struct iam_delete_role_policy_out *out)
{
    (void)out;
    return iam_delete_inline(call, IAM_KIND_ROLE, in->role_name, in->policy_name);
}

enum status iam_list_role_policies(struct call *call, const struct iam_list_role_policies_in *in,
                                   struct iam_list_role_policies_out *out)
{
    return iam_list_inline(call, IAM_KIND_ROLE, in->role_name, in->marker, in->max_items,
                           &out->policy_names, &out->is_truncated, &out->marker);
}
