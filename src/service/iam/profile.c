/* profile.c — instance profiles: containers for one role.
 *
 * Docs: IAM API reference, CreateInstanceProfile and the others.
 */
#include "base/arena.h"
#include "service/iam/iam.h"

enum status iam_profile_to_answer(struct call *call, const struct iam_entity *profile,
                                  enum iam_detail detail, struct iam_instance_profile *out)
{
    struct vec roles;
    vec_init(&roles, call->arena, sizeof(struct iam_entity));
    int rc = iam_store_list_members(call->db, call->arena, profile->id, IAM_EVERYTHING, &roles);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: list roles of a profile");
    *out = (struct iam_instance_profile){
        .path = profile->path,
        .instance_profile_name = profile->name,
        .instance_profile_id = profile->id,
        .arn = iam_entity_arn(call->arena, profile),
        .create_date = opt_i64(profile->created_at_ms),
    };
    out->roles.items = arena_alloc_array(call->arena, roles.count + 1, sizeof(*out->roles.items));
    out->roles.count = roles.count;
    out->roles.is_set = true;
    for (size_t i = 0; i < roles.count; i++) {
        struct iam_role *role = &out->roles.items[i];
        enum status status = iam_role_to_answer(call, vec_at(&roles, i), IAM_IN_LIST, role);
        if (status != STATUS_DONE)
            return status;
        role->max_session_duration = (struct opt_i32){0};
        role->description = (struct str){0};
    }
    if (detail == IAM_IN_FULL) {
        iam_tags_to_answer(call, profile->tags, &out->tags);
        out->tags.is_set = true;
    }
    return STATUS_DONE;
}

enum status iam_create_instance_profile(struct call *call,
                                        const struct iam_create_instance_profile_in *in,
                                        struct iam_create_instance_profile_out *out)
{
    struct iam_entity profile = {0};
    enum status status = iam_new_entity(call, IAM_KIND_PROFILE, in->instance_profile_name, in->path,
                                        &in->tags, &profile);
    if (status == STATUS_DONE)
        status = iam_insert_entity(call, &profile);
    if (status != STATUS_DONE)
        return status;
    out->instance_profile = arena_alloc(call->arena, sizeof(*out->instance_profile));
    return iam_profile_to_answer(call, &profile, IAM_IN_FULL, out->instance_profile);
}

enum status iam_get_instance_profile(struct call *call,
                                     const struct iam_get_instance_profile_in *in,
                                     struct iam_get_instance_profile_out *out)
{
    struct iam_entity *profile = NULL;
    enum status status =
        iam_get_entity(call, IAM_KIND_PROFILE, in->instance_profile_name, &profile);
    if (status != STATUS_DONE)
        return status;
    out->instance_profile = arena_alloc(call->arena, sizeof(*out->instance_profile));
    return iam_profile_to_answer(call, profile, IAM_IN_FULL, out->instance_profile);
}

enum status iam_delete_instance_profile(struct call *call,
                                        const struct iam_delete_instance_profile_in *in,
                                        struct iam_delete_instance_profile_out *out)
{
    (void)out;
    struct iam_entity *profile = NULL;
    struct vec roles;
    vec_init(&roles, call->arena, sizeof(struct iam_entity));
    enum status status =
        iam_get_entity(call, IAM_KIND_PROFILE, in->instance_profile_name, &profile);
    if (status != STATUS_DONE)
        return status;
    int rc = iam_store_list_members(call->db, call->arena, profile->id, IAM_EVERYTHING, &roles);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: list roles of a profile");
    if (roles.count > 0)
        return call_fail(call, &IAM_DELETE_CONFLICT_EXCEPTION,
                         "Cannot delete entity, must remove roles from instance profile first.");
    return iam_delete_entity(call, profile);
}

static enum status answer_profiles(struct call *call, const struct vec *found, size_t count,
                                   struct iam_instance_profile_list_type *out)
{
    enum status status = STATUS_DONE;
    out->items = arena_alloc_array(call->arena, count + 1, sizeof(*out->items));
    out->count = count;
    out->is_set = true;
    for (size_t i = 0; i < count && status == STATUS_DONE; i++)
        status = iam_profile_to_answer(call, vec_at(found, i), IAM_IN_LIST, &out->items[i]);
    return status;
}

enum status iam_list_instance_profiles(struct call *call,
                                       const struct iam_list_instance_profiles_in *in,
                                       struct iam_list_instance_profiles_out *out)
{
    struct iam_range range = {0};
    struct vec found;
    vec_init(&found, call->arena, sizeof(struct iam_entity));
    enum status status = iam_page_begin(call, in->marker, in->max_items, &range);
    if (status != STATUS_DONE)
        return status;
    int rc = iam_store_list(call->db, call->arena, call->scope.account, IAM_KIND_PROFILE,
                            str_or(in->path_prefix, STR("/")), range, &found);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: list instance profiles");
    size_t count = iam_page_entities(call, range, &found, &out->is_truncated, &out->marker);
    return answer_profiles(call, &found, count, &out->instance_profiles);
}

enum status
iam_list_instance_profiles_for_role(struct call *call,
                                    const struct iam_list_instance_profiles_for_role_in *in,
                                    struct iam_list_instance_profiles_for_role_out *out)
{
    struct iam_entity *role = NULL;
    struct iam_range range = {0};
    struct vec found;
    vec_init(&found, call->arena, sizeof(struct iam_entity));
    enum status status = iam_get_entity(call, IAM_KIND_ROLE, in->role_name, &role);
    if (status == STATUS_DONE)
        status = iam_page_begin(call, in->marker, in->max_items, &range);
    if (status != STATUS_DONE)
        return status;
    int rc = iam_store_list_owners(call->db, call->arena, role->id, range, &found);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: list instance profiles");
    size_t count = iam_page_entities(call, range, &found, &out->is_truncated, &out->marker);
    return answer_profiles(call, &found, count, &out->instance_profiles);
}

/* AWS: "An instance profile can contain only one role, and this quota cannot be increased."
 * OBSERVED: the quota is called InstanceSessionsPerInstanceProfile. AWS also asks for iam:PassRole
 * on the role. */
enum status iam_add_role_to_instance_profile(struct call *call,
                                             const struct iam_add_role_to_instance_profile_in *in,
                                             struct iam_add_role_to_instance_profile_out *out)
{
    (void)out;
    struct iam_entity *profile = NULL;
    struct iam_entity *role = NULL;
    struct vec roles;
    vec_init(&roles, call->arena, sizeof(struct iam_entity));
    enum status status =
        iam_get_entity(call, IAM_KIND_PROFILE, in->instance_profile_name, &profile);
    if (status == STATUS_DONE)
        status = iam_get_entity(call, IAM_KIND_ROLE, in->role_name, &role);
    if (status != STATUS_DONE)
        return status;
    const struct authorization pass = {
        .action = STR("iam:PassRole"),
        .resource = iam_entity_arn(call->arena, role),
    };
    status = call_authorize(call, &pass);
    if (status != STATUS_DONE)
        return status;
    int rc = iam_store_list_members(call->db, call->arena, profile->id, IAM_EVERYTHING, &roles);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: list roles of a profile");
    if (roles.count > 0)
        return call_fail(call, &IAM_LIMIT_EXCEEDED_EXCEPTION,
                         "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1");
    rc = iam_store_link(call->db, profile->id, role->id);
    return rc < 0 ? call_fail_internal(call, rc, "iam: add a role to a profile") : STATUS_DONE;
}

enum status
iam_remove_role_from_instance_profile(struct call *call,
                                      const struct iam_remove_role_from_instance_profile_in *in,
                                      struct iam_remove_role_from_instance_profile_out *out)
{
    (void)out;
    struct iam_entity *profile = NULL;
    struct iam_entity *role = NULL;
    enum status status =
        iam_get_entity(call, IAM_KIND_PROFILE, in->instance_profile_name, &profile);
    if (status == STATUS_DONE)
        status = iam_get_entity(call, IAM_KIND_ROLE, in->role_name, &role);
    if (status != STATUS_DONE)
        return status;
    int rc = iam_store_unlink(call->db, profile->id, role->id);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: remove a role from a profile");
    if (rc == 0)
        return call_fail(call, &IAM_NO_SUCH_ENTITY_EXCEPTION,
                         "The role with name " STR_FMT " cannot be found.", STR_ARG(in->role_name));
    return STATUS_DONE;
}

enum status iam_tag_instance_profile(struct call *call,
                                     const struct iam_tag_instance_profile_in *in,
                                     struct iam_tag_instance_profile_out *out)
{
    (void)out;
    struct iam_entity *entity = NULL;
    enum status status = iam_get_entity(call, IAM_KIND_PROFILE, in->instance_profile_name, &entity);
    return status == STATUS_DONE ? iam_put_tags(call, entity, &in->tags) : status;
}

enum status iam_untag_instance_profile(struct call *call,
                                       const struct iam_untag_instance_profile_in *in,
                                       struct iam_untag_instance_profile_out *out)
{
    (void)out;
    struct iam_entity *entity = NULL;
    enum status status = iam_get_entity(call, IAM_KIND_PROFILE, in->instance_profile_name, &entity);
    return status == STATUS_DONE ? iam_remove_tags(call, entity, &in->tag_keys) : status;
}

enum status iam_list_instance_profile_tags(struct call *call,
                                           const struct iam_list_instance_profile_tags_in *in,
                                           struct iam_list_instance_profile_tags_out *out)
{
    struct iam_entity *entity = NULL;
    enum status status = iam_get_entity(call, IAM_KIND_PROFILE, in->instance_profile_name, &entity);
    if (status != STATUS_DONE)
        return status;
    return iam_list_tags(call, entity->tags, in->marker, in->max_items, &out->tags,
                         &out->is_truncated, &out->marker);
}
