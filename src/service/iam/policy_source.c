/* policy_source.c — the documents that apply to a user, group or role, each with the name by which
 * a simulation tells where a statement stands.
 *
 * OBSERVED: a managed policy is named by its name alone ("AdministratorAccess"); an inline one is
 * "role_ROLE_POLICY" and "user_USER_POLICY" (answers of simulate-principal-policy as users publish
 * them, 2019 to 2024).
 */
#include "base/arena.h"
#include "service/iam/iam_account.h"

static const char *kind_name(enum iam_kind kind)
{
    return kind == IAM_KIND_USER ? "user" : kind == IAM_KIND_GROUP ? "group" : "role";
}

static int add_inline(struct call *call, const struct iam_entity *entity, struct vec *sources)
{
    struct vec found;
    vec_init(&found, call->arena, sizeof(struct iam_inline_policy));
    int rc = iam_store_list_inline(call->db, call->arena, entity->id, IAM_EVERYTHING, &found);
    for (size_t i = 0; rc == 0 && i < found.count; i++) {
        const struct iam_inline_policy *policy = vec_at(&found, i);
        *(struct iam_policy_source *)vec_push(sources) = (struct iam_policy_source){
            .id = str_format(call->arena, "%s_" STR_FMT "_" STR_FMT, kind_name(entity->kind),
                             STR_ARG(entity->name), STR_ARG(policy->name)),
            .document = policy->document,
        };
    }
    return rc;
}

static int add_attached(struct call *call, const struct iam_entity *entity, struct vec *sources)
{
    struct vec arns;
    vec_init(&arns, call->arena, sizeof(struct str));
    int rc = iam_store_list_attached(call->db, call->arena, entity->id, IAM_EVERYTHING, &arns);
    for (size_t i = 0; rc == 0 && i < arns.count; i++) {
        const struct str *arn = vec_at(&arns, i);
        struct iam_managed managed = {0};
        struct iam_version version = {0};
        int found = iam_managed_find(call->db, call->arena, entity->account, *arn, &managed);
        if (found == 1)
            found = iam_managed_version(call->db, call->arena, &managed, managed.default_version,
                                        &version);
        if (found == 1)
            *(struct iam_policy_source *)vec_push(sources) =
                (struct iam_policy_source){.id = managed.name, .document = version.document};
        rc = found < 0 ? found : 0;
    }
    return rc;
}

static int add_own(struct call *call, const struct iam_entity *entity, struct vec *sources)
{
    int rc = add_inline(call, entity, sources);
    return rc < 0 ? rc : add_attached(call, entity, sources);
}

static int add_groups(struct call *call, const struct iam_entity *user, struct vec *sources)
{
    struct vec groups;
    vec_init(&groups, call->arena, sizeof(struct iam_entity));
    int rc = iam_store_list_owners(call->db, call->arena, user->id, IAM_EVERYTHING, &groups);
    for (size_t i = 0; rc == 0 && i < groups.count; i++)
        rc = add_own(call, vec_at(&groups, i), sources);
    return rc;
}

enum status iam_gather_sources(struct call *call, const struct iam_entity *entity,
                               struct vec *sources)
{
    int rc = add_own(call, entity, sources);
    if (rc == 0 && entity->kind == IAM_KIND_USER)
        rc = add_groups(call, entity, sources);
    return rc < 0 ? call_fail_internal(call, rc, "iam: gather policies") : STATUS_DONE;
}

/* OBSERVED: the text for role sessions and whatever else is no user, group or role. */
enum status iam_get_policy_source(struct call *call, struct str arn, struct iam_entity **out_entity)
{
    struct str account = {0};
    struct str type = {0};
    struct str path = {0};
    struct str name = {0};
    bool is_iam = iam_split_arn(arn, &account, &type, &path, &name);
    bool is_user = is_iam && str_eq_cstr(type, "user");
    bool is_group = is_iam && str_eq_cstr(type, "group");
    if (!is_user && !is_group && !(is_iam && str_eq_cstr(type, "role")))
        return call_fail(call, &IAM_INVALID_INPUT_EXCEPTION,
                         "Invalid Entity Arn: " STR_FMT
                         " does not clearly define entity type and name.",
                         STR_ARG(arn));
    enum iam_kind kind = is_user ? IAM_KIND_USER : is_group ? IAM_KIND_GROUP : IAM_KIND_ROLE;
    enum status status = iam_get_entity(call, kind, name, out_entity);
    if (status != STATUS_DONE)
        return status;
    if (!str_eq(account, call->scope.account) || !str_eq((*out_entity)->path, path))
        return call_fail(call, &IAM_NO_SUCH_ENTITY_EXCEPTION,
                         "The %s with name " STR_FMT " cannot be found.", kind_name(kind),
                         STR_ARG(name));
    return STATUS_DONE;
}
