/* policy.c — managed policies: create, read, delete, list; their versions, tags and holders.
 *
 * Versions are numbered from 1 and a number is never given twice; one is the default, which is what
 * is enforced. The policies of AWS (aws_policies.c) are found by their ARN like the account's own,
 * but cannot be changed.
 *
 * Docs: IAM API reference, CreatePolicy and the others; IAM user guide, "Versioning IAM policies".
 */
#include "auth/policy.h"
#include "base/arena.h"
#include "service/iam/iam.h"

static int count_holders(struct call *call, const struct iam_managed *managed,
                         int64_t *out_attached, int64_t *out_bounded)
{
    struct str account = call->scope.account;
    int rc = iam_store_count_holders(call->db, account, managed->arn, false, out_attached);
    return rc < 0 ? rc
                  : iam_store_count_holders(call->db, account, managed->arn, true, out_bounded);
}

static struct str version_text(struct call *call, int64_t number)
{
    return str_format(call->arena, "v%lld", (long long)number);
}

enum status iam_policy_to_answer(struct call *call, const struct iam_managed *managed,
                                 enum iam_detail detail, struct iam_policy *out)
{
    int64_t attached = 0;
    int64_t bounded = 0;
    int rc = count_holders(call, managed, &attached, &bounded);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: count a policy's holders");
    *out = (struct iam_policy){
        .policy_name = managed->name,
        .policy_id = managed->id,
        .arn = managed->arn,
        .path = managed->path,
        .default_version_id = version_text(call, managed->default_version),
        .attachment_count = opt_i32((int32_t)attached),
        .permissions_boundary_usage_count = opt_i32((int32_t)bounded),
        .is_attachable = opt_bool(true),
        .create_date = opt_i64(managed->created_at_ms),
        .update_date = opt_i64(managed->updated_at_ms),
    };
    if (detail == IAM_IN_LIST)
        return STATUS_DONE;
    out->description = managed->description;
    iam_tags_to_answer(call, managed->tags, &out->tags);
    out->tags.is_set = true;
    return STATUS_DONE;
}

static enum status get_managed(struct call *call, struct str arn, struct iam_managed *out)
{
    int rc = iam_managed_find(call->db, call->arena, call->scope.account, arn, out);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: find a managed policy");
    if (rc == 0)
        return call_fail(call, &IAM_NO_SUCH_ENTITY_EXCEPTION, "Policy " STR_FMT " was not found.",
                         STR_ARG(arn));
    return STATUS_DONE;
}

/* The policies of AWS belong to no account of a caller. */
static enum status get_own(struct call *call, struct str arn, struct iam_managed *out)
{
    enum status status = get_managed(call, arn, out);
    if (status == STATUS_DONE && !out->entity)
        return call_fail(call, &ERROR_ACCESS_DENIED, "Policy is outside your own account.");
    return status;
}

static enum status check_policy_document(struct call *call, struct str document)
{
    enum status status = iam_check_document(call, document, POLICY_MANAGED);
    if (status == STATUS_DONE && iam_document_size(document) > IAM_MAX_MANAGED_SIZE)
        return call_fail(call, &IAM_LIMIT_EXCEEDED_EXCEPTION,
                         "Cannot exceed quota for PolicySize: %d", IAM_MAX_MANAGED_SIZE);
    return status;
}

enum status iam_create_policy(struct call *call, const struct iam_create_policy_in *in,
                              struct iam_create_policy_out *out)
{
    struct iam_entity policy = {0};
    enum status status =
        iam_new_entity(call, IAM_KIND_POLICY, in->policy_name, in->path, &in->tags, &policy);
    if (status == STATUS_DONE)
        status = check_policy_document(call, in->policy_document);
    if (status != STATUS_DONE)
        return status;
    policy.description = in->description;
    policy.default_version = 1;
    policy.last_version = 1;
    const struct iam_version version = {
        .number = 1,
        .document = in->policy_document,
        .created_at_ms = policy.created_at_ms,
    };
    int rc = iam_store_put_version(call->db, policy.id, &version);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: put a version");
    status = iam_insert_entity(call, &policy);
    if (status != STATUS_DONE)
        return status;
    struct iam_managed managed = {0};
    iam_managed_of(call->arena, &policy, &managed);
    out->policy = arena_alloc(call->arena, sizeof(*out->policy));
    status = iam_policy_to_answer(call, &managed, IAM_IN_FULL, out->policy);
    out->policy->description = (struct str){0};
    out->policy->tags.is_set = false;
    return status;
}

enum status iam_get_policy(struct call *call, const struct iam_get_policy_in *in,
                           struct iam_get_policy_out *out)
{
    struct iam_managed managed = {0};
    enum status status = get_managed(call, in->policy_arn, &managed);
    if (status != STATUS_DONE)
        return status;
    out->policy = arena_alloc(call->arena, sizeof(*out->policy));
    return iam_policy_to_answer(call, &managed, IAM_IN_FULL, out->policy);
}

/* OBSERVED: the texts of DeleteConflict; use as a boundary counts as attachment
 * (gruntwork-io/cloud-nuke issue 972). */
enum status iam_delete_policy(struct call *call, const struct iam_delete_policy_in *in,
                              struct iam_delete_policy_out *out)
{
    (void)out;
    struct iam_managed managed = {0};
    enum status status = get_own(call, in->policy_arn, &managed);
    if (status != STATUS_DONE)
        return status;
    int64_t attached = 0;
    int64_t bounded = 0;
    int rc = count_holders(call, &managed, &attached, &bounded);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: count a policy's holders");
    if (attached + bounded > 0)
        return call_fail(call, &IAM_DELETE_CONFLICT_EXCEPTION,
                         "Cannot delete a policy attached to entities.");
    struct vec versions;
    vec_init(&versions, call->arena, sizeof(struct iam_version));
    rc = iam_store_list_versions(call->db, call->arena, managed.id, &versions);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: list versions");
    if (versions.count > 1)
        return call_fail(call, &IAM_DELETE_CONFLICT_EXCEPTION,
                         "This policy has more than one version. Before you delete a policy, you "
                         "must delete the policy's versions. The default version is deleted with "
                         "the policy.");
    return iam_delete_entity(call, managed.entity);
}

/* --- lists of policies --- */

struct listing {
    struct call *call;
    const struct iam_list_policies_in *in;
    struct str after;
    struct vec found; /* struct iam_managed */
    struct vec keys;  /* struct str, sort key of each */
};

/* AWS: OnlyAttached: "the returned list contains only the policies that are attached to an IAM
 * user, group, or role"; PolicyUsageFilter narrows by use as permissions or as boundary. */
static int is_wanted(const struct listing *listing, const struct iam_managed *managed,
                     bool *out_wanted)
{
    const struct iam_list_policies_in *in = listing->in;
    bool only_attached = opt_bool_or(in->only_attached, false);
    *out_wanted = str_starts_with(managed->path, str_or(in->path_prefix, STR("/")));
    if (!*out_wanted || (!only_attached && !in->policy_usage_filter.ptr))
        return 0;
    int64_t attached = 0;
    int64_t bounded = 0;
    int rc = count_holders(listing->call, managed, &attached, &bounded);
    if (rc < 0)
        return rc;
    if (str_eq_cstr(in->policy_usage_filter, "PermissionsBoundary"))
        *out_wanted = bounded > 0;
    else if (str_eq_cstr(in->policy_usage_filter, "PermissionsPolicy"))
        *out_wanted = attached > 0;
    else
        *out_wanted = attached + bounded > 0;
    return 0;
}

static int add_policy(struct listing *listing, const struct iam_managed *managed, struct str key)
{
    if (str_compare(key, listing->after) <= 0)
        return 0;
    bool wanted = false;
    int rc = is_wanted(listing, managed, &wanted);
    if (rc < 0 || !wanted)
        return rc;
    *(struct iam_managed *)vec_push(&listing->found) = *managed;
    *(struct str *)vec_push(&listing->keys) = key;
    return 0;
}

/* The account's own come before AWS's; the first are sorted by their names in small letters, the
 * others as in their table. */
static int gather_policies(struct listing *listing, size_t limit)
{
    struct call *call = listing->call;
    bool all = !listing->in->scope.ptr || str_eq_cstr(listing->in->scope, "All");
    struct iam_managed managed = {0};
    struct vec own;
    vec_init(&own, call->arena, sizeof(struct iam_entity));
    int rc = 0;
    if (all || str_eq_cstr(listing->in->scope, "Local"))
        rc = iam_store_list(call->db, call->arena, call->scope.account, IAM_KIND_POLICY, STR("/"),
                            IAM_EVERYTHING, &own);
    for (size_t i = 0; i < own.count && rc == 0 && listing->found.count < limit; i++) {
        iam_managed_of(call->arena, vec_at(&own, i), &managed);
        rc = add_policy(listing, &managed,
                        str_concat(call->arena, STR("0"), str_lower(call->arena, managed.name)));
    }
    if (!all && !str_eq_cstr(listing->in->scope, "AWS"))
        return rc;
    for (size_t i = 0; i < iam_aws_policy_count() && rc == 0 && listing->found.count < limit; i++) {
        iam_aws_policy_at(call->arena, i, &managed);
        rc = add_policy(listing, &managed, str_concat(call->arena, STR("1"), managed.name));
    }
    return rc;
}

enum status iam_list_policies(struct call *call, const struct iam_list_policies_in *in,
                              struct iam_list_policies_out *out)
{
    struct iam_range range = {0};
    enum status status = iam_page_begin(call, in->marker, in->max_items, &range);
    if (status != STATUS_DONE)
        return status;
    struct listing listing = {.call = call, .in = in, .after = range.after};
    vec_init(&listing.found, call->arena, sizeof(struct iam_managed));
    vec_init(&listing.keys, call->arena, sizeof(struct str));
    int rc = gather_policies(&listing, range.limit);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: list policies");
    size_t count = iam_page_count(range, listing.found.count, &out->is_truncated);
    out->policies.items = arena_alloc_array(call->arena, count + 1, sizeof(*out->policies.items));
    out->policies.count = count;
    out->policies.is_set = true;
    for (size_t i = 0; i < count && status == STATUS_DONE; i++)
        status = iam_policy_to_answer(call, vec_at(&listing.found, i), IAM_IN_LIST,
                                      &out->policies.items[i]);
    if (out->is_truncated.value)
        out->marker = iam_page_marker(call, *(struct str *)vec_at(&listing.keys, count - 1));
    return status;
}

/* --- versions --- */

static bool parse_version(struct str text, int64_t *out_number)
{
    return text.len > 1 && text.ptr[0] == 'v' && str_to_i64(str_from(text, 1), out_number) == 0;
}

static enum status get_version(struct call *call, const struct iam_managed *managed,
                               struct str version_id, struct iam_version *out)
{
    int64_t number = 0;
    int rc = 0;
    if (parse_version(version_id, &number))
        rc = iam_managed_version(call->db, call->arena, managed, number, out);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: find a version");
    if (rc == 0)
        return call_fail(call, &IAM_NO_SUCH_ENTITY_EXCEPTION,
                         "Policy " STR_FMT " version " STR_FMT
                         " does not exist or is not attachable.",
                         STR_ARG(managed->arn), STR_ARG(version_id));
    return STATUS_DONE;
}

/* Documents are in the answer of GetPolicyVersion only. */
static struct iam_policy_version version_to_answer(struct call *call,
                                                   const struct iam_managed *managed,
                                                   const struct iam_version *version)
{
    return (struct iam_policy_version){
        .version_id = version_text(call, version->number),
        .is_default_version = opt_bool(version->number == managed->default_version),
        .create_date = opt_i64(version->created_at_ms),
    };
}

enum status iam_create_policy_version(struct call *call,
                                      const struct iam_create_policy_version_in *in,
                                      struct iam_create_policy_version_out *out)
{
    struct iam_managed managed = {0};
    struct vec versions;
    vec_init(&versions, call->arena, sizeof(struct iam_version));
    enum status status = get_own(call, in->policy_arn, &managed);
    if (status == STATUS_DONE)
        status = check_policy_document(call, in->policy_document);
    if (status != STATUS_DONE)
        return status;
    int rc = iam_store_list_versions(call->db, call->arena, managed.id, &versions);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: list versions");
    if (versions.count >= IAM_MAX_VERSIONS)
        return call_fail(call, &IAM_LIMIT_EXCEEDED_EXCEPTION,
                         "A managed policy can have up to %d versions. Before you create a new "
                         "version, you must delete an existing version.",
                         IAM_MAX_VERSIONS);
    struct iam_entity *policy = managed.entity;
    policy->last_version++;
    policy->updated_at_ms = call->now_ms / 1000 * 1000;
    if (opt_bool_or(in->set_as_default, false))
        policy->default_version = policy->last_version;
    const struct iam_version version = {
        .number = policy->last_version,
        .document = in->policy_document,
        .created_at_ms = policy->updated_at_ms,
    };
    rc = iam_store_put_version(call->db, policy->id, &version);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: put a version");
    managed.default_version = policy->default_version;
    out->policy_version = arena_alloc(call->arena, sizeof(*out->policy_version));
    *out->policy_version = version_to_answer(call, &managed, &version);
    return iam_update_entity(call, policy, true);
}

enum status iam_get_policy_version(struct call *call, const struct iam_get_policy_version_in *in,
                                   struct iam_get_policy_version_out *out)
{
    struct iam_managed managed = {0};
    struct iam_version version = {0};
    enum status status = get_managed(call, in->policy_arn, &managed);
    if (status == STATUS_DONE)
        status = get_version(call, &managed, in->version_id, &version);
    if (status != STATUS_DONE)
        return status;
    out->policy_version = arena_alloc(call->arena, sizeof(*out->policy_version));
    *out->policy_version = version_to_answer(call, &managed, &version);
    out->policy_version->document = iam_encoded(call, version.document);
    return STATUS_DONE;
}

enum status iam_list_policy_versions(struct call *call,
                                     const struct iam_list_policy_versions_in *in,
                                     struct iam_list_policy_versions_out *out)
{
    struct iam_managed managed = {0};
    struct iam_range range = {0};
    struct vec versions;
    vec_init(&versions, call->arena, sizeof(struct iam_version));
    enum status status = get_managed(call, in->policy_arn, &managed);
    if (status == STATUS_DONE)
        status = iam_page_begin(call, in->marker, in->max_items, &range);
    if (status != STATUS_DONE)
        return status;
    int rc = managed.entity ? iam_store_list_versions(call->db, call->arena, managed.id, &versions)
                            : iam_managed_version(call->db, call->arena, &managed,
                                                  managed.default_version, vec_push(&versions));
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: list versions");
    /* The newest first: a page goes on below the number in its marker. */
    int64_t below = INT64_MAX;
    if (range.after.len > 0 && str_to_i64(range.after, &below) < 0)
        return call_fail(call, &ERROR_VALIDATION, "Invalid Marker: " STR_FMT, STR_ARG(in->marker));
    struct iam_policy_version *items =
        arena_alloc_array(call->arena, versions.count + 1, sizeof(*items));
    const struct iam_version *shown[IAM_MAX_VERSIONS];
    size_t count = 0;
    for (size_t i = 0; i < versions.count && count < IAM_MAX_VERSIONS; i++) {
        const struct iam_version *version = vec_at(&versions, i);
        if (version->number >= below)
            continue;
        shown[count] = version;
        items[count++] = version_to_answer(call, &managed, version);
    }
    out->versions.items = items;
    out->versions.count = iam_page_count(range, count, &out->is_truncated);
    out->versions.is_set = true;
    if (out->is_truncated.value)
        out->marker =
            iam_page_marker(call, str_format(call->arena, "%lld",
                                             (long long)shown[out->versions.count - 1]->number));
    return STATUS_DONE;
}

enum status iam_delete_policy_version(struct call *call,
                                      const struct iam_delete_policy_version_in *in,
                                      struct iam_delete_policy_version_out *out)
{
    (void)out;
    struct iam_managed managed = {0};
    struct iam_version version = {0};
    enum status status = get_own(call, in->policy_arn, &managed);
    if (status == STATUS_DONE)
        status = get_version(call, &managed, in->version_id, &version);
    if (status != STATUS_DONE)
        return status;
    if (version.number == managed.default_version)
        return call_fail(call, &IAM_DELETE_CONFLICT_EXCEPTION,
                         "Cannot delete the default version of a policy.");
    int rc = iam_store_delete_version(call->db, managed.id, version.number);
    return rc < 0 ? call_fail_internal(call, rc, "iam: delete a version") : STATUS_DONE;
}

enum status iam_set_default_policy_version(struct call *call,
                                           const struct iam_set_default_policy_version_in *in,
                                           struct iam_set_default_policy_version_out *out)
{
    (void)out;
    struct iam_managed managed = {0};
    struct iam_version version = {0};
    enum status status = get_own(call, in->policy_arn, &managed);
    if (status == STATUS_DONE)
        status = get_version(call, &managed, in->version_id, &version);
    if (status != STATUS_DONE)
        return status;
    managed.entity->default_version = version.number;
    managed.entity->updated_at_ms = call->now_ms / 1000 * 1000;
    return iam_update_entity(call, managed.entity, true);
}

/* --- tags --- */

enum status iam_tag_policy(struct call *call, const struct iam_tag_policy_in *in,
                           struct iam_tag_policy_out *out)
{
    (void)out;
    struct iam_managed managed = {0};
    enum status status = get_own(call, in->policy_arn, &managed);
    return status == STATUS_DONE ? iam_put_tags(call, managed.entity, &in->tags) : status;
}

enum status iam_untag_policy(struct call *call, const struct iam_untag_policy_in *in,
                             struct iam_untag_policy_out *out)
{
    (void)out;
    struct iam_managed managed = {0};
    enum status status = get_own(call, in->policy_arn, &managed);
    return status == STATUS_DONE ? iam_remove_tags(call, managed.entity, &in->tag_keys) : status;
}

enum status iam_list_policy_tags(struct call *call, const struct iam_list_policy_tags_in *in,
                                 struct iam_list_policy_tags_out *out)
{
    struct iam_managed managed = {0};
    enum status status = get_managed(call, in->policy_arn, &managed);
    if (status != STATUS_DONE)
        return status;
    return iam_list_tags(call, managed.tags, in->marker, in->max_items, &out->tags,
                         &out->is_truncated, &out->marker);
}

/* --- who holds it --- */

static bool is_kind_wanted(struct str filter, enum iam_kind kind)
{
    if (!filter.ptr)
        return true;
    return (kind == IAM_KIND_USER && str_eq_cstr(filter, "User")) ||
           (kind == IAM_KIND_GROUP && str_eq_cstr(filter, "Group")) ||
           (kind == IAM_KIND_ROLE && str_eq_cstr(filter, "Role"));
}

static void add_holder(const struct iam_entity *entity,
                       struct iam_list_entities_for_policy_out *out)
{
    if (entity->kind == IAM_KIND_USER)
        out->policy_users.items[out->policy_users.count++] =
            (struct iam_policy_user){.user_name = entity->name, .user_id = entity->id};
    else if (entity->kind == IAM_KIND_GROUP)
        out->policy_groups.items[out->policy_groups.count++] =
            (struct iam_policy_group){.group_name = entity->name, .group_id = entity->id};
    else
        out->policy_roles.items[out->policy_roles.count++] =
            (struct iam_policy_role){.role_name = entity->name, .role_id = entity->id};
}

/* An entity that holds the policy in both ways is named once: by attachment. */
static bool is_listed(const struct vec *found, struct str id)
{
    for (size_t i = 0; i < found->count; i++) {
        const struct iam_entity *entity = vec_at(found, i);
        if (str_eq(entity->id, id))
            return true;
    }
    return false;
}

static int compare_ids(const void *a, const void *b)
{
    const struct iam_entity *left = a;
    const struct iam_entity *right = b;
    return str_compare(left->id, right->id);
}

static int gather_holders(struct call *call, const struct iam_list_entities_for_policy_in *in,
                          struct str arn, struct iam_range range, struct vec *found)
{
    struct vec bounded;
    vec_init(&bounded, call->arena, sizeof(struct iam_entity));
    int rc = 0;
    if (!str_eq_cstr(in->policy_usage_filter, "PermissionsBoundary"))
        rc = iam_store_list_holders(call->db, call->arena, call->scope.account, arn, false, range,
                                    found);
    if (rc == 0 && !str_eq_cstr(in->policy_usage_filter, "PermissionsPolicy"))
        rc = iam_store_list_holders(call->db, call->arena, call->scope.account, arn, true, range,
                                    &bounded);
    for (size_t i = 0; i < bounded.count; i++) {
        const struct iam_entity *entity = vec_at(&bounded, i);
        if (!is_listed(found, entity->id))
            *(struct iam_entity *)vec_push(found) = *entity;
    }
    vec_sort(found, compare_ids);
    return rc;
}

enum status iam_list_entities_for_policy(struct call *call,
                                         const struct iam_list_entities_for_policy_in *in,
                                         struct iam_list_entities_for_policy_out *out)
{
    struct iam_managed managed = {0};
    struct iam_range range = {0};
    struct vec found;
    vec_init(&found, call->arena, sizeof(struct iam_entity));
    enum status status = get_managed(call, in->policy_arn, &managed);
    if (status == STATUS_DONE)
        status = iam_page_begin(call, in->marker, in->max_items, &range);
    if (status != STATUS_DONE)
        return status;
    const struct iam_range rest = {.after = range.after, .limit = IAM_ALL};
    int rc = gather_holders(call, in, managed.arn, rest, &found);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: list a policy's holders");
    struct vec wanted;
    vec_init(&wanted, call->arena, sizeof(struct iam_entity));
    for (size_t i = 0; i < found.count; i++) {
        const struct iam_entity *entity = vec_at(&found, i);
        if (is_kind_wanted(in->entity_filter, entity->kind) &&
            str_starts_with(entity->path, str_or(in->path_prefix, STR("/"))))
            *(struct iam_entity *)vec_push(&wanted) = *entity;
    }
    size_t count = iam_page_count(range, wanted.count, &out->is_truncated);
    out->policy_users.items =
        arena_alloc_array(call->arena, count + 1, sizeof(*out->policy_users.items));
    out->policy_groups.items =
        arena_alloc_array(call->arena, count + 1, sizeof(*out->policy_groups.items));
    out->policy_roles.items =
        arena_alloc_array(call->arena, count + 1, sizeof(*out->policy_roles.items));
    out->policy_users.is_set = out->policy_groups.is_set = out->policy_roles.is_set = true;
    for (size_t i = 0; i < count; i++)
        add_holder(vec_at(&wanted, i), out);
    if (out->is_truncated.value) {
        const struct iam_entity *last = vec_at(&wanted, count - 1);
        out->marker = iam_page_marker(call, last->id);
    }
    return STATUS_DONE;
}
