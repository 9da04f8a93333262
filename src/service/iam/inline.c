/* inline.c — inline policies of users, groups and roles. */
#include "base/arena.h"
#include "service/iam/iam.h"

struct inline_words {
    const char *noun;
    size_t max_size; /* AWS: all inline policies of the entity together */
};

static const struct inline_words words[IAM_KIND_COUNT] = {
    [IAM_KIND_USER] = {"user", 2048},
    [IAM_KIND_GROUP] = {"group", 5120},
    [IAM_KIND_ROLE] = {"role", 10240},
};

static enum status fail_missing(struct call *call, enum iam_kind kind, struct str policy_name)
{
    return call_fail(call, &IAM_NO_SUCH_ENTITY_EXCEPTION,
                     "The %s policy with name " STR_FMT " cannot be found.", words[kind].noun,
                     STR_ARG(policy_name));
}

/* AWS: "Maximum policy size of 10240 bytes exceeded for role NAME". */
static enum status check_size(struct call *call, const struct iam_entity *entity,
                              struct str policy_name, struct str document)
{
    struct vec policies;
    vec_init(&policies, call->arena, sizeof(struct iam_inline_policy));
    int rc = iam_store_list_inline(call->db, call->arena, entity->id, IAM_EVERYTHING, &policies);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: list inline policies");
    size_t size = iam_document_size(document);
    for (size_t i = 0; i < policies.count; i++) {
        const struct iam_inline_policy *policy = vec_at(&policies, i);
        if (!str_eq(policy->name, policy_name))
            size += iam_document_size(policy->document);
    }
    const struct inline_words *kind = &words[entity->kind];
    if (size > kind->max_size)
        return call_fail(call, &IAM_LIMIT_EXCEEDED_EXCEPTION,
                         "Maximum policy size of %zu bytes exceeded for %s " STR_FMT,
                         kind->max_size, kind->noun, STR_ARG(entity->name));
    return STATUS_DONE;
}

enum status iam_put_inline(struct call *call, enum iam_kind kind, struct str name,
                           struct str policy_name, struct str document)
{
    struct iam_entity *entity = NULL;
    enum status status = iam_get_entity(call, kind, name, &entity);
    if (status == STATUS_DONE)
        status = iam_check_document(call, document, POLICY_IDENTITY);
    if (status == STATUS_DONE)
        status = check_size(call, entity, policy_name, document);
    if (status != STATUS_DONE)
        return status;
    int rc = iam_store_put_inline(call->db, entity->id, policy_name, document);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: put an inline policy");
    iam_rights_changed(call);
    return STATUS_DONE;
}

enum status iam_get_inline(struct call *call, enum iam_kind kind, struct str name,
                           struct str policy_name, struct str *out_name, struct str *out_document)
{
    struct iam_entity *entity = NULL;
    enum status status = iam_get_entity(call, kind, name, &entity);
    if (status != STATUS_DONE)
        return status;
    struct str document = {0};
    int rc = iam_store_find_inline(call->db, call->arena, entity->id, policy_name, &document);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: find an inline policy");
    if (rc == 0)
        return fail_missing(call, kind, policy_name);
    *out_name = entity->name;
    *out_document = iam_encoded(call, document);
    return STATUS_DONE;
}

enum status iam_delete_inline(struct call *call, enum iam_kind kind, struct str name,
                              struct str policy_name)
{
    struct iam_entity *entity = NULL;
    enum status status = iam_get_entity(call, kind, name, &entity);
    if (status != STATUS_DONE)
        return status;
    int rc = iam_store_delete_inline(call->db, entity->id, policy_name);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: delete an inline policy");
    if (rc == 0)
        return fail_missing(call, kind, policy_name);
    iam_rights_changed(call);
    return STATUS_DONE;
}

enum status iam_list_inline(struct call *call, enum iam_kind kind, struct str name,
                            struct str marker, struct opt_i32 max_items,
                            struct iam_policy_name_list_type *out_names,
                            struct opt_bool *out_is_truncated, struct str *out_marker)
{
    struct iam_entity *entity = NULL;
    struct iam_range range = {0};
    struct vec policies;
    vec_init(&policies, call->arena, sizeof(struct iam_inline_policy));
    enum status status = iam_get_entity(call, kind, name, &entity);
    if (status == STATUS_DONE)
        status = iam_page_begin(call, marker, max_items, &range);
    if (status != STATUS_DONE)
        return status;
    int rc = iam_store_list_inline(call->db, call->arena, entity->id, range, &policies);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: list inline policies");
    out_names->count = iam_page_count(range, policies.count, out_is_truncated);
    out_names->is_set = true;
    out_names->items =
        arena_alloc_array(call->arena, out_names->count + 1, sizeof(*out_names->items));
    for (size_t i = 0; i < out_names->count; i++) {
        const struct iam_inline_policy *policy = vec_at(&policies, i);
        out_names->items[i] = policy->name;
    }
    if (out_is_truncated->value)
        *out_marker = iam_page_marker(call, out_names->items[out_names->count - 1]);
    return STATUS_DONE;
}
