/* public.c — what STS, the identity layer and the engines ask of IAM: keys, roles, policies.
 *
 * Called on any worker, inside the transaction of whoever asks. The identity layer caches what it
 * gets until IDENTITY_CHANNEL is notified, so these functions run once per change and principal.
 * A principal whose row is gone, or whose unique id is no longer the row's (it was deleted and made
 * anew under the same name), has no policies.
 */
#include "service/iam/iam_public.h"

#include "base/arena.h"
#include "service/iam/iam_store.h"
#include "syntax/json.h"

static void read_tags(struct arena *arena, struct str text, const struct iam_tag_row **out_tags,
                      size_t *out_count)
{
    struct json *object = NULL;
    *out_tags = NULL;
    *out_count = 0;
    if (json_parse(arena, text, 0, &object, NULL) < 0 || object->count == 0)
        return;
    struct iam_tag_row *tags = arena_alloc_array(arena, object->count, sizeof(*tags));
    for (const struct json *member = object->first; member; member = member->next)
        tags[(*out_count)++] = (struct iam_tag_row){.key = member->key, .value = member->text};
    *out_tags = tags;
}

int iam_find_role(struct db *db, struct arena *arena, struct str account, struct str name,
                  struct iam_role_row *out_role)
{
    struct iam_entity *role = NULL;
    int rc = iam_store_find(db, arena, account, IAM_KIND_ROLE, name, &role);
    if (rc != 1)
        return rc;
    *out_role = (struct iam_role_row){
        .name = role->name,
        .path = role->path,
        .arn = iam_entity_arn(arena, role),
        .id = role->id,
        .trust_policy = role->trust_policy,
        .max_session_seconds = role->max_session_seconds,
    };
    read_tags(arena, role->tags, &out_role->tags, &out_role->tag_count);
    return 1;
}

int iam_note_role_used(struct db *db, struct str account, struct str name, struct str region,
                       int64_t now_ms)
{
    return iam_store_note_role_used(db, account, name, region, now_ms);
}

int iam_find_policy_document(struct db *db, struct arena *arena, struct str account, struct str arn,
                             struct str *out_document)
{
    struct iam_managed managed = {0};
    struct iam_version version = {0};
    int rc = iam_managed_find(db, arena, account, arn, &managed);
    if (rc == 1)
        rc = iam_managed_version(db, arena, &managed, managed.default_version, &version);
    if (rc == 1)
        *out_document = version.document;
    return rc;
}

int iam_find_user_tags(struct db *db, struct arena *arena, struct str account, struct str name,
                       const struct iam_tag_row **out_tags, size_t *out_count)
{
    struct iam_entity *user = NULL;
    int rc = iam_store_find(db, arena, account, IAM_KIND_USER, name, &user);
    *out_tags = NULL;
    *out_count = 0;
    if (rc == 1)
        read_tags(arena, user->tags, out_tags, out_count);
    return rc < 0 ? rc : 0;
}

int iam_find_access_key(struct db *db, struct arena *arena, struct str access_key_id,
                        struct access_key *out_key)
{
    struct iam_key_row row = {0};
    int rc = iam_store_find_key(db, arena, access_key_id, &row);
    if (rc != 1)
        return rc;
    *out_key = (struct access_key){
        .secret = row.secret,
        .is_active = str_eq_cstr(row.status, "Active"),
    };
    if (str_eq(row.user_id, row.account)) {
        out_key->principal = identity_root(arena, row.account);
        out_key->principal.access_key_id = row.key_id;
        return 1;
    }
    struct iam_entity *user = NULL;
    rc = iam_store_find_by_id(db, arena, row.user_id, &user);
    if (rc != 1)
        return rc;
    out_key->principal = (struct principal){
        .kind = PRINCIPAL_USER,
        .account = user->account,
        .arn = iam_entity_arn(arena, user),
        .user_id = user->id,
        .name = user->name,
        .access_key_id = row.key_id,
    };
    return 1;
}

/* Adds inline and attached policies of an entity. */
static int gather_policies(struct db *db, struct arena *arena, const struct iam_entity *entity,
                           struct vec *documents)
{
    struct vec inlines;
    struct vec arns;
    vec_init(&inlines, arena, sizeof(struct iam_inline_policy));
    vec_init(&arns, arena, sizeof(struct str));
    int rc = iam_store_list_inline(db, arena, entity->id, IAM_EVERYTHING, &inlines);
    if (rc == 0)
        rc = iam_store_list_attached(db, arena, entity->id, IAM_EVERYTHING, &arns);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < inlines.count; i++) {
        const struct iam_inline_policy *policy = vec_at(&inlines, i);
        *(struct str *)vec_push(documents) = policy->document;
    }
    for (size_t i = 0; i < arns.count; i++) {
        const struct str *arn = vec_at(&arns, i);
        struct str document = {0};
        rc = iam_find_policy_document(db, arena, entity->account, *arn, &document);
        if (rc < 0)
            return rc;
        if (rc == 1)
            *(struct str *)vec_push(documents) = document;
    }
    return 0;
}

static int gather_groups(struct db *db, struct arena *arena, const struct iam_entity *user,
                         struct vec *documents)
{
    struct vec groups;
    vec_init(&groups, arena, sizeof(struct iam_entity));
    int rc = iam_store_list_owners(db, arena, user->id, IAM_EVERYTHING, &groups);
    for (size_t i = 0; rc == 0 && i < groups.count; i++)
        rc = gather_policies(db, arena, vec_at(&groups, i), documents);
    return rc;
}

static void add_tags(struct arena *arena, const struct iam_entity *entity,
                     struct principal_policies *out)
{
    const struct iam_tag_row *tags = NULL;
    size_t count = 0;
    read_tags(arena, entity->tags, &tags, &count);
    struct condition_value *values = arena_alloc_array(arena, count + 1, sizeof(*values));
    for (size_t i = 0; i < count; i++)
        values[i] = (struct condition_value){
            .key = str_concat(arena, STR("aws:PrincipalTag/"), tags[i].key),
            .values = &tags[i].value,
            .value_count = 1,
        };
    out->tags = values;
    out->tag_count = count;
}

/* AWS: a boundary whose policy is gone cannot be, since the policy's deletion is refused. Should it
 * be so all the same, nothing is allowed. */
static int add_boundary(struct db *db, struct arena *arena, const struct iam_entity *entity,
                        struct principal_policies *out)
{
    if (!entity->boundary_arn.ptr)
        return 0;
    int rc =
        iam_find_policy_document(db, arena, entity->account, entity->boundary_arn, &out->boundary);
    if (rc == 0)
        out->boundary = STR("{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Deny\","
                            "\"Action\":\"*\",\"Resource\":\"*\"}]}");
    return rc < 0 ? rc : 0;
}

/* The row behind a principal. 1, 0 or -errno. */
static int find_entity(struct db *db, struct arena *arena, const struct principal *principal,
                       struct iam_entity **out_entity)
{
    bool is_role = principal->kind == PRINCIPAL_ASSUMED_ROLE;
    struct str account = principal->account;
    int rc = iam_store_find(db, arena, account, is_role ? IAM_KIND_ROLE : IAM_KIND_USER,
                            principal->name, out_entity);
    if (rc != 1 || principal->kind == PRINCIPAL_FEDERATED_USER)
        return rc;
    struct str id = principal->user_id;
    ptrdiff_t colon = str_index(id, ':');
    if (colon >= 0)
        id = str_slice(id, 0, (size_t)colon);
    return str_eq(id, (*out_entity)->id) ? 1 : 0;
}

/* A federated user of the root has the root's rights, which its session policies narrow. */
static bool is_federated_by_root(const struct principal *principal)
{
    return principal->kind == PRINCIPAL_FEDERATED_USER &&
           (principal->role_arn.len > 0 ? str_ends_with(principal->role_arn, STR(":root"))
                                        : str_eq_cstr(principal->name, "root"));
}

int iam_load_policies(struct db *db, struct arena *arena, const struct principal *principal,
                      struct principal_policies *out_policies)
{
    struct vec documents;
    struct iam_entity *entity = NULL;
    struct principal_policies loaded = {0};
    vec_init(&documents, arena, sizeof(struct str));
    int rc = find_entity(db, arena, principal, &entity);
    if (rc == 1) {
        rc = gather_policies(db, arena, entity, &documents);
        if (rc == 0 && entity->kind == IAM_KIND_USER)
            rc = gather_groups(db, arena, entity, &documents);
        if (rc == 0)
            rc = add_boundary(db, arena, entity, &loaded);
        add_tags(arena, entity, &loaded);
    } else if (rc == 0 && is_federated_by_root(principal)) {
        *(struct str *)vec_push(&documents) =
            STR("{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\","
                "\"Action\":\"*\",\"Resource\":\"*\"}]}");
    }
    if (rc < 0)
        return rc;
    loaded.identity = documents.items;
    loaded.identity_count = documents.count;
    *out_policies = loaded;
    return 0;
}
