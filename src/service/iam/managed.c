/* managed.c — managed policies by ARN, whether the account's own or AWS's; ARNs of entities. */
#include <errno.h>

#include "base/arena.h"
#include "service/iam/iam_store.h"

static const char *const arn_types[IAM_KIND_COUNT] = {
    [IAM_KIND_USER] = "user",     [IAM_KIND_GROUP] = "group",
    [IAM_KIND_ROLE] = "role",     [IAM_KIND_PROFILE] = "instance-profile",
    [IAM_KIND_POLICY] = "policy",
};

struct str iam_entity_arn(struct arena *arena, const struct iam_entity *entity)
{
    return str_format(arena, "arn:aws:iam::" STR_FMT ":%s" STR_FMT STR_FMT,
                      STR_ARG(entity->account), arn_types[entity->kind], STR_ARG(entity->path),
                      STR_ARG(entity->name));
}

bool iam_split_arn(struct str arn, struct str *out_account, struct str *out_type,
                   struct str *out_path, struct str *out_name)
{
    struct str rest = arn;
    struct str parts[5];
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (!str_split_next(&rest, ':', &parts[i]))
            return false;
    }
    ptrdiff_t first = str_index(rest, '/');
    ptrdiff_t last = str_last_index(rest, '/');
    if (!str_eq_cstr(parts[0], "arn") || !str_eq_cstr(parts[1], "aws") ||
        !str_eq_cstr(parts[2], "iam") || parts[3].len != 0 || first <= 0)
        return false;
    *out_account = parts[4];
    *out_type = str_slice(rest, 0, (size_t)first);
    *out_path = str_slice(rest, (size_t)first, (size_t)(last - first) + 1);
    *out_name = str_from(rest, (size_t)last + 1);
    return out_name->len > 0;
}

void iam_managed_of(struct arena *arena, struct iam_entity *entity, struct iam_managed *out)
{
    *out = (struct iam_managed){
        .arn = iam_entity_arn(arena, entity),
        .id = entity->id,
        .name = entity->name,
        .path = entity->path,
        .description = entity->description,
        .tags = entity->tags,
        .default_version = entity->default_version,
        .created_at_ms = entity->created_at_ms,
        .updated_at_ms = entity->updated_at_ms,
        .entity = entity,
    };
}

int iam_managed_find(struct db *db, struct arena *arena, struct str account, struct str arn,
                     struct iam_managed *out_managed)
{
    if (iam_aws_policy_find(arena, arn, out_managed))
        return 1;
    struct str owner = {0};
    struct str type = {0};
    struct str path = {0};
    struct str name = {0};
    if (!iam_split_arn(arn, &owner, &type, &path, &name) || !str_eq(owner, account) ||
        !str_eq_cstr(type, "policy"))
        return 0;
    struct iam_entity *entity = NULL;
    int rc = iam_store_find(db, arena, account, IAM_KIND_POLICY, name, &entity);
    if (rc != 1)
        return rc;
    if (!str_eq(entity->path, path) || !str_eq(entity->name, name))
        return 0;
    iam_managed_of(arena, entity, out_managed);
    return 1;
}

int iam_managed_version(struct db *db, struct arena *arena, const struct iam_managed *managed,
                        int64_t number, struct iam_version *out_version)
{
    if (managed->entity)
        return iam_store_find_version(db, arena, managed->id, number, out_version);
    if (number != managed->default_version)
        return 0;
    *out_version = (struct iam_version){
        .number = number,
        .document = iam_aws_policy_document(arena, managed->from),
        .created_at_ms = managed->updated_at_ms,
    };
    return 1;
}
