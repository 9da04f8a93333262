/* authorization_details.c — GetAccountAuthorizationDetails: all users, groups, roles and policies
 * of an account with everything that grants them rights.
 *
 * The answer is one list in five sections, in the order of `sections`; a page may end inside one.
 * A marker is the section's digit and the sort key of the last item within it.
 *
 * Docs: IAM API reference, GetAccountAuthorizationDetails.
 * OBSERVED: of AWS's own policies only those in use are listed; lists of other sections are there
 * and empty when a filter excludes them; roles have neither description nor session length.
 */
#include "base/arena.h"
#include "service/iam/iam_account.h"

/* A page being filled. */
struct details {
    struct call *call;
    const struct iam_entity_list_type *filter;
    struct iam_get_account_authorization_details_out *out;
    size_t room;       /* items that still fit */
    bool is_truncated; /* one more was there */
    size_t section;    /* the one being filled */
    struct str after;  /* within it: what the last page ended with */
    struct str last;   /* sort key of the last item taken, with its section's digit */
    struct vec users;  /* struct iam_user_detail; the others alike */
    struct vec groups;
    struct vec roles;
    struct vec policies;
};

/* Takes the next item, or notes that the page is full. */
static bool take(struct details *details, struct str key)
{
    if (details->room == 0) {
        details->is_truncated = true;
        return false;
    }
    details->room--;
    details->last = str_format(details->call->arena, "%zu" STR_FMT, details->section, STR_ARG(key));
    return true;
}

/* --- what all entities have --- */

static int list_inline(struct call *call, const struct iam_entity *entity,
                       struct iam_policy_detail_list_type *out)
{
    struct vec found;
    vec_init(&found, call->arena, sizeof(struct iam_inline_policy));
    int rc = iam_store_list_inline(call->db, call->arena, entity->id, IAM_EVERYTHING, &found);
    if (rc < 0)
        return rc;
    out->items = arena_alloc_array(call->arena, found.count + 1, sizeof(*out->items));
    out->is_set = true;
    for (size_t i = 0; i < found.count; i++) {
        const struct iam_inline_policy *policy = vec_at(&found, i);
        out->items[out->count++] = (struct iam_policy_detail){
            .policy_name = policy->name,
            .policy_document = iam_encoded(call, policy->document),
        };
    }
    return 0;
}

static int list_attached(struct call *call, const struct iam_entity *entity,
                         struct iam_attached_policies_list_type *out)
{
    struct vec arns;
    vec_init(&arns, call->arena, sizeof(struct str));
    int rc = iam_store_list_attached(call->db, call->arena, entity->id, IAM_EVERYTHING, &arns);
    if (rc < 0)
        return rc;
    out->items = arena_alloc_array(call->arena, arns.count + 1, sizeof(*out->items));
    out->is_set = true;
    for (size_t i = 0; i < arns.count; i++) {
        const struct str *arn = vec_at(&arns, i);
        out->items[out->count++] = (struct iam_attached_policy){
            .policy_name = str_from(*arn, (size_t)str_last_index(*arn, '/') + 1),
            .policy_arn = *arn,
        };
    }
    return 0;
}

/* --- an item of each section --- */

static enum status add_user(struct details *details, const struct iam_entity *user)
{
    struct call *call = details->call;
    struct iam_user answer = {0};
    iam_user_to_answer(call, user, IAM_IN_FULL, &answer);
    struct iam_user_detail detail = {
        .path = answer.path,
        .user_name = answer.user_name,
        .user_id = answer.user_id,
        .arn = answer.arn,
        .create_date = answer.create_date,
        .permissions_boundary = answer.permissions_boundary,
        .tags = answer.tags,
        .group_list = {.is_set = true},
    };
    detail.tags.is_set = true;
    struct vec groups;
    vec_init(&groups, call->arena, sizeof(struct iam_entity));
    int rc = list_inline(call, user, &detail.user_policy_list);
    if (rc == 0)
        rc = list_attached(call, user, &detail.attached_managed_policies);
    if (rc == 0)
        rc = iam_store_list_owners(call->db, call->arena, user->id, IAM_EVERYTHING, &groups);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: read a user's details");
    detail.group_list.items = arena_alloc_array(call->arena, groups.count + 1, sizeof(struct str));
    for (size_t i = 0; i < groups.count; i++) {
        const struct iam_entity *group = vec_at(&groups, i);
        detail.group_list.items[detail.group_list.count++] = group->name;
    }
    *(struct iam_user_detail *)vec_push(&details->users) = detail;
    return STATUS_DONE;
}

static enum status add_group(struct details *details, const struct iam_entity *group)
{
    struct call *call = details->call;
    struct iam_group answer = {0};
    iam_group_to_answer(call, group, &answer);
    struct iam_group_detail detail = {
        .path = answer.path,
        .group_name = answer.group_name,
        .group_id = answer.group_id,
        .arn = answer.arn,
        .create_date = answer.create_date,
    };
    int rc = list_inline(call, group, &detail.group_policy_list);
    if (rc == 0)
        rc = list_attached(call, group, &detail.attached_managed_policies);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: read a group's details");
    *(struct iam_group_detail *)vec_push(&details->groups) = detail;
    return STATUS_DONE;
}

static enum status list_profiles(struct call *call, const struct iam_entity *role,
                                 struct iam_instance_profile_list_type *out)
{
    struct vec profiles;
    vec_init(&profiles, call->arena, sizeof(struct iam_entity));
    int rc = iam_store_list_owners(call->db, call->arena, role->id, IAM_EVERYTHING, &profiles);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: list a role's instance profiles");
    out->items = arena_alloc_array(call->arena, profiles.count + 1, sizeof(*out->items));
    out->is_set = true;
    for (size_t i = 0; i < profiles.count; i++) {
        enum status status = iam_profile_to_answer(call, vec_at(&profiles, i), IAM_IN_LIST,
                                                   &out->items[out->count++]);
        if (status != STATUS_DONE)
            return status;
    }
    return STATUS_DONE;
}

static enum status add_role(struct details *details, const struct iam_entity *role)
{
    struct call *call = details->call;
    struct iam_role answer = {0};
    enum status status = iam_role_to_answer(call, role, IAM_IN_FULL, &answer);
    if (status != STATUS_DONE)
        return status;
    struct iam_role_detail detail = {
        .path = answer.path,
        .role_name = answer.role_name,
        .role_id = answer.role_id,
        .arn = answer.arn,
        .create_date = answer.create_date,
        .assume_role_policy_document = answer.assume_role_policy_document,
        .permissions_boundary = answer.permissions_boundary,
        .tags = answer.tags,
        .role_last_used = answer.role_last_used,
    };
    detail.tags.is_set = true;
    status = list_profiles(call, role, &detail.instance_profile_list);
    if (status != STATUS_DONE)
        return status;
    int rc = list_inline(call, role, &detail.role_policy_list);
    if (rc == 0)
        rc = list_attached(call, role, &detail.attached_managed_policies);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: read a role's details");
    *(struct iam_role_detail *)vec_push(&details->roles) = detail;
    return STATUS_DONE;
}

/* An AWS managed policy has one version here (aws_policies.c). */
static enum status list_versions(struct call *call, const struct iam_managed *managed,
                                 struct iam_policy_document_version_list_type *out)
{
    struct vec versions;
    vec_init(&versions, call->arena, sizeof(struct iam_version));
    int rc = managed->entity
                 ? iam_store_list_versions(call->db, call->arena, managed->id, &versions)
                 : iam_managed_version(call->db, call->arena, managed, managed->default_version,
                                       vec_push(&versions));
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: list versions of a policy");
    out->items = arena_alloc_array(call->arena, versions.count + 1, sizeof(*out->items));
    out->is_set = true;
    for (size_t i = 0; i < versions.count; i++) {
        const struct iam_version *version = vec_at(&versions, i);
        out->items[out->count++] = (struct iam_policy_version){
            .document = iam_encoded(call, version->document),
            .version_id = str_format(call->arena, "v%lld", (long long)version->number),
            .is_default_version = opt_bool(version->number == managed->default_version),
            .create_date = opt_i64(version->created_at_ms),
        };
    }
    return STATUS_DONE;
}

static enum status add_policy(struct details *details, const struct iam_managed *managed)
{
    struct call *call = details->call;
    struct iam_policy answer = {0};
    enum status status = iam_policy_to_answer(call, managed, IAM_IN_FULL, &answer);
    if (status != STATUS_DONE)
        return status;
    struct iam_managed_policy_detail detail = {
        .policy_name = answer.policy_name,
        .policy_id = answer.policy_id,
        .arn = answer.arn,
        .path = answer.path,
        .default_version_id = answer.default_version_id,
        .attachment_count = answer.attachment_count,
        .permissions_boundary_usage_count = answer.permissions_boundary_usage_count,
        .is_attachable = answer.is_attachable,
        .description = answer.description,
        .create_date = answer.create_date,
        .update_date = answer.update_date,
    };
    status = list_versions(call, managed, &detail.policy_version_list);
    if (status == STATUS_DONE)
        *(struct iam_managed_policy_detail *)vec_push(&details->policies) = detail;
    return status;
}

/* --- sections --- */

static enum status add_local_policy(struct details *details, const struct iam_entity *entity)
{
    struct iam_entity *copy = arena_alloc(details->call->arena, sizeof(*copy));
    *copy = *entity;
    struct iam_managed managed = {0};
    iam_managed_of(details->call->arena, copy, &managed);
    return add_policy(details, &managed);
}

typedef enum status add_fn(struct details *details, const struct iam_entity *entity);

static enum status fill_entities(struct details *details, enum iam_kind kind, add_fn *add)
{
    struct call *call = details->call;
    struct vec found;
    vec_init(&found, call->arena, sizeof(struct iam_entity));
    const struct iam_range range = {.after = details->after, .limit = details->room + 1};
    int rc =
        iam_store_list(call->db, call->arena, call->scope.account, kind, STR("/"), range, &found);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: list entities");
    enum status status = STATUS_DONE;
    for (size_t i = 0; i < found.count && status == STATUS_DONE; i++) {
        const struct iam_entity *entity = vec_at(&found, i);
        if (!take(details, str_lower(call->arena, entity->name)))
            break;
        status = add(details, entity);
    }
    return status;
}

static enum status fill_users(struct details *details)
{
    return fill_entities(details, IAM_KIND_USER, add_user);
}

static enum status fill_groups(struct details *details)
{
    return fill_entities(details, IAM_KIND_GROUP, add_group);
}

static enum status fill_roles(struct details *details)
{
    return fill_entities(details, IAM_KIND_ROLE, add_role);
}

static enum status fill_local_policies(struct details *details)
{
    return fill_entities(details, IAM_KIND_POLICY, add_local_policy);
}

static int is_in_use(struct call *call, struct str arn)
{
    int64_t attached = 0;
    int64_t bounding = 0;
    int rc = iam_store_count_holders(call->db, call->scope.account, arn, false, &attached);
    if (rc == 0)
        rc = iam_store_count_holders(call->db, call->scope.account, arn, true, &bounding);
    return rc < 0 ? rc : attached + bounding > 0;
}

/* The sort key is the place in AWS's table. */
static enum status fill_aws_policies(struct details *details)
{
    struct call *call = details->call;
    enum status status = STATUS_DONE;
    for (size_t i = 0; i < iam_aws_policy_count() && status == STATUS_DONE; i++) {
        struct iam_managed managed = {0};
        struct str key = str_format(call->arena, "%06zu", i);
        if (str_compare(key, details->after) <= 0)
            continue;
        iam_aws_policy_at(call->arena, i, &managed);
        int used = is_in_use(call, managed.arn);
        if (used < 0)
            return call_fail_internal(call, used, "iam: count a policy's holders");
        if (used == 0)
            continue;
        if (!take(details, key))
            break;
        status = add_policy(details, &managed);
    }
    return status;
}

static const struct {
    const char *name; /* in Filter */
    enum status (*fill)(struct details *details);
} sections[] = {
    {"User", fill_users},
    {"Group", fill_groups},
    {"Role", fill_roles},
    {"LocalManagedPolicy", fill_local_policies},
    {"AWSManagedPolicy", fill_aws_policies},
};

static bool is_wanted(const struct details *details, const char *name)
{
    for (size_t i = 0; i < details->filter->count; i++) {
        if (str_eq_cstr(details->filter->items[i], name))
            return true;
    }
    return details->filter->count == 0;
}

static void answer_lists(struct details *details)
{
    struct iam_get_account_authorization_details_out *out = details->out;
    out->user_detail_list = (struct iam_user_detail_list_type){
        .items = details->users.items, .count = details->users.count, .is_set = true};
    out->group_detail_list = (struct iam_group_detail_list_type){
        .items = details->groups.items, .count = details->groups.count, .is_set = true};
    out->role_detail_list = (struct iam_role_detail_list_type){
        .items = details->roles.items, .count = details->roles.count, .is_set = true};
    out->policies = (struct iam_managed_policy_detail_list_type){
        .items = details->policies.items, .count = details->policies.count, .is_set = true};
    out->is_truncated = opt_bool(details->is_truncated);
    if (details->is_truncated)
        out->marker = iam_page_marker(details->call, details->last);
}

enum status
iam_get_account_authorization_details(struct call *call,
                                      const struct iam_get_account_authorization_details_in *in,
                                      struct iam_get_account_authorization_details_out *out)
{
    struct iam_range range = {0};
    enum status status = iam_page_begin(call, in->marker, in->max_items, &range);
    if (status != STATUS_DONE)
        return status;
    size_t first = 0;
    if (range.after.len > 0)
        first = (size_t)(unsigned char)range.after.ptr[0] - '0';
    if (first >= ARRAY_LEN(sections))
        return call_fail(call, &ERROR_VALIDATION, "Invalid Marker.");
    struct details details = {
        .call = call, .filter = &in->filter, .out = out, .room = range.limit - 1};
    vec_init(&details.users, call->arena, sizeof(struct iam_user_detail));
    vec_init(&details.groups, call->arena, sizeof(struct iam_group_detail));
    vec_init(&details.roles, call->arena, sizeof(struct iam_role_detail));
    vec_init(&details.policies, call->arena, sizeof(struct iam_managed_policy_detail));
    for (size_t i = first; i < ARRAY_LEN(sections) && !details.is_truncated; i++) {
        details.section = i;
        details.after = i == first ? str_from(range.after, 1) : STR("");
        if (!is_wanted(&details, sections[i].name))
            continue;
        status = sections[i].fill(&details);
        if (status != STATUS_DONE)
            return status;
    }
    answer_lists(&details);
    return STATUS_DONE;
}
