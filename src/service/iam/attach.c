/* attach.c — managed policies attached to users, groups and roles, and permissions boundaries. */
#include "base/arena.h"
#include "service/iam/iam.h"

static const char *const quota_names[IAM_KIND_COUNT] = {
    [IAM_KIND_USER] = "PoliciesPerUser",
    [IAM_KIND_GROUP] = "PoliciesPerGroup",
    [IAM_KIND_ROLE] = "PoliciesPerRole",
};

/* OBSERVED: "ARN x is not valid." (InvalidInput) for what is no ARN of a policy. */
static enum status check_arn(struct call *call, struct str arn)
{
    struct str account = {0};
    struct str type = {0};
    struct str path = {0};
    struct str name = {0};
    if (!iam_split_arn(arn, &account, &type, &path, &name) || !str_eq_cstr(type, "policy"))
        return call_fail(call, &IAM_INVALID_INPUT_EXCEPTION, "ARN " STR_FMT " is not valid.",
                         STR_ARG(arn));
    return STATUS_DONE;
}

enum status iam_get_attachable(struct call *call, struct str arn, struct iam_managed *out_managed)
{
    enum status status = check_arn(call, arn);
    if (status != STATUS_DONE)
        return status;
    int rc = iam_managed_find(call->db, call->arena, call->scope.account, arn, out_managed);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: find a managed policy");
    if (rc == 0)
        return call_fail(call, &IAM_NO_SUCH_ENTITY_EXCEPTION,
                         "Policy " STR_FMT " does not exist or is not attachable.", STR_ARG(arn));
    return STATUS_DONE;
}

/* OBSERVED: a missing boundary is called a scope: "Scope ARN: x does not exist or is not
 * attachable." */
enum status iam_check_boundary(struct call *call, struct str arn)
{
    struct iam_managed managed = {0};
    enum status status = check_arn(call, arn);
    if (status != STATUS_DONE)
        return status;
    int rc = iam_managed_find(call->db, call->arena, call->scope.account, arn, &managed);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: find a managed policy");
    if (rc == 0)
        return call_fail(call, &IAM_NO_SUCH_ENTITY_EXCEPTION,
                         "Scope ARN: " STR_FMT " does not exist or is not attachable.",
                         STR_ARG(arn));
    return STATUS_DONE;
}

/* Attaching what is attached already is no error and counts once. */
enum status iam_attach(struct call *call, enum iam_kind kind, struct str name,
                       struct str policy_arn)
{
    struct iam_entity *entity = NULL;
    struct iam_managed managed = {0};
    enum status status = iam_get_entity(call, kind, name, &entity);
    if (status == STATUS_DONE)
        status = iam_get_attachable(call, policy_arn, &managed);
    if (status != STATUS_DONE)
        return status;
    struct vec arns;
    vec_init(&arns, call->arena, sizeof(struct str));
    int rc = iam_store_list_attached(call->db, call->arena, entity->id, IAM_EVERYTHING, &arns);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: list attached policies");
    for (size_t i = 0; i < arns.count; i++) {
        const struct str *arn = vec_at(&arns, i);
        if (str_eq(*arn, managed.arn))
            return STATUS_DONE;
    }
    if (arns.count >= IAM_MAX_ATTACHED)
        return call_fail(call, &IAM_LIMIT_EXCEEDED_EXCEPTION, "Cannot exceed quota for %s: %d",
                         quota_names[kind], IAM_MAX_ATTACHED);
    rc = iam_store_attach(call->db, entity, managed.arn);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: attach a policy");
    iam_rights_changed(call);
    return STATUS_DONE;
}

enum status iam_detach(struct call *call, enum iam_kind kind, struct str name,
                       struct str policy_arn)
{
    struct iam_entity *entity = NULL;
    enum status status = iam_get_entity(call, kind, name, &entity);
    if (status == STATUS_DONE)
        status = check_arn(call, policy_arn);
    if (status != STATUS_DONE)
        return status;
    int rc = iam_store_detach(call->db, entity->id, policy_arn);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: detach a policy");
    if (rc == 0)
        return call_fail(call, &IAM_NO_SUCH_ENTITY_EXCEPTION, "Policy " STR_FMT " was not found.",
                         STR_ARG(policy_arn));
    iam_rights_changed(call);
    return STATUS_DONE;
}

/* Path and name of an attached policy are in its ARN. */
static bool has_path(struct str arn, struct str prefix)
{
    struct str account = {0};
    struct str type = {0};
    struct str path = {0};
    struct str name = {0};
    return iam_split_arn(arn, &account, &type, &path, &name) && str_starts_with(path, prefix);
}

enum status iam_list_attached_of(struct call *call, enum iam_kind kind,
                                 const struct iam_list_attached *asked,
                                 struct iam_attached_policies_list_type *out_policies,
                                 struct opt_bool *out_is_truncated, struct str *out_marker)
{
    struct iam_entity *entity = NULL;
    struct iam_range range = {0};
    struct vec arns;
    vec_init(&arns, call->arena, sizeof(struct str));
    enum status status = iam_get_entity(call, kind, asked->name, &entity);
    if (status == STATUS_DONE)
        status = iam_page_begin(call, asked->marker, asked->max_items, &range);
    if (status != STATUS_DONE)
        return status;
    /* At most IAM_MAX_ATTACHED: read all that follow, then leave out other paths. */
    const struct iam_range rest = {.after = range.after, .limit = IAM_ALL};
    int rc = iam_store_list_attached(call->db, call->arena, entity->id, rest, &arns);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: list attached policies");
    struct iam_attached_policy *items =
        arena_alloc_array(call->arena, arns.count + 1, sizeof(*items));
    size_t count = 0;
    for (size_t i = 0; i < arns.count; i++) {
        const struct str *arn = vec_at(&arns, i);
        if (!has_path(*arn, str_or(asked->path_prefix, STR("/"))))
            continue;
        struct str name = str_from(*arn, (size_t)str_last_index(*arn, '/') + 1);
        items[count++] = (struct iam_attached_policy){.policy_name = name, .policy_arn = *arn};
    }
    out_policies->items = items;
    out_policies->count = iam_page_count(range, count, out_is_truncated);
    out_policies->is_set = true;
    if (out_is_truncated->value)
        *out_marker = iam_page_marker(call, items[out_policies->count - 1].policy_arn);
    return STATUS_DONE;
}

enum status iam_set_boundary(struct call *call, enum iam_kind kind, struct str name,
                             struct str policy_arn)
{
    struct iam_entity *entity = NULL;
    enum status status = iam_get_entity(call, kind, name, &entity);
    if (status == STATUS_DONE && policy_arn.ptr)
        status = iam_check_boundary(call, policy_arn);
    if (status != STATUS_DONE)
        return status;
    if (!policy_arn.ptr && !entity->boundary_arn.ptr)
        return call_fail(call, &IAM_NO_SUCH_ENTITY_EXCEPTION,
                         "Permissions boundary for " STR_FMT " cannot be found.",
                         STR_ARG(entity->name));
    entity->boundary_arn = policy_arn;
    return iam_update_entity(call, entity, true);
}

struct iam_attached_permissions_boundary *iam_boundary_to_answer(struct call *call,
                                                                 const struct iam_entity *entity)
{
    if (!entity->boundary_arn.ptr)
        return NULL;
    struct iam_attached_permissions_boundary *boundary =
        arena_alloc(call->arena, sizeof(*boundary));
    /* AWS: AttachedPermissionsBoundary: "This data type can only have a value of Policy." */
    boundary->permissions_boundary_type = STR("Policy");
    boundary->permissions_boundary_arn = entity->boundary_arn;
    return boundary;
}
