/* key.c — access keys of users and of the root.
 *
 * The secret is given out once, by CreateAccessKey, but kept: whoever checks a signature needs it.
 * A key id carries its account (auth/key_id.h).
 *
 * DEVIATION: uses of a key are not recorded, since each request would become a write;
 * GetAccessKeyLastUsed answers as for a key that was never used.
 */
#include "auth/key_id.h"
#include "base/arena.h"
#include "service/iam/iam.h"

/* Whose keys: a user, or the account's root, whose name is empty. */
struct holder {
    struct str id;
    struct str name;
};

static enum status find_holder(struct call *call, struct str user_name, struct holder *out)
{
    if (!user_name.ptr && call->principal->kind == PRINCIPAL_ROOT) {
        *out = (struct holder){.id = call->scope.account, .name = STR("")};
        return STATUS_DONE;
    }
    struct iam_entity *user = NULL;
    enum status status = iam_user_or_caller(call, user_name, &user);
    if (status == STATUS_DONE)
        *out = (struct holder){.id = user->id, .name = user->name};
    return status;
}

static enum status find_key(struct call *call, const struct holder *holder, struct str key_id,
                            struct iam_key_row *out)
{
    int rc = iam_store_find_key(call->db, call->arena, key_id, out);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: find an access key");
    if (rc == 0 || !str_eq(out->account, call->scope.account) || !str_eq(out->user_id, holder->id))
        return call_fail(call, &IAM_NO_SUCH_ENTITY_EXCEPTION,
                         "The Access Key with id " STR_FMT " cannot be found.", STR_ARG(key_id));
    return STATUS_DONE;
}

enum status iam_create_access_key(struct call *call, const struct iam_create_access_key_in *in,
                                  struct iam_create_access_key_out *out)
{
    struct holder holder = {0};
    struct vec keys;
    vec_init(&keys, call->arena, sizeof(struct iam_key_row));
    enum status status = find_holder(call, in->user_name, &holder);
    if (status != STATUS_DONE)
        return status;
    int rc = iam_store_list_keys(call->db, call->arena, call->scope.account, holder.id,
                                 IAM_EVERYTHING, &keys);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: list access keys");
    if (keys.count >= IAM_MAX_KEYS)
        return call_fail(call, &IAM_LIMIT_EXCEEDED_EXCEPTION,
                         "Cannot exceed quota for AccessKeysPerUser: %d", IAM_MAX_KEYS);
    const struct iam_key_row key = {
        .key_id = key_id_new(call->arena, STR("AKIA"), call->scope.account),
        .account = call->scope.account,
        .user_id = holder.id,
        .secret = secret_key_new(call->arena),
        .status = STR("Active"),
        .created_at_ms = call->now_ms / 1000 * 1000,
    };
    rc = iam_store_insert_key(call->db, &key);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: insert an access key");
    iam_rights_changed(call);
    out->access_key = arena_alloc(call->arena, sizeof(*out->access_key));
    *out->access_key = (struct iam_access_key){
        .user_name = holder.name,
        .access_key_id = key.key_id,
        .status = key.status,
        .secret_access_key = key.secret,
        .create_date = opt_i64(key.created_at_ms),
    };
    return STATUS_DONE;
}

enum status iam_list_access_keys(struct call *call, const struct iam_list_access_keys_in *in,
                                 struct iam_list_access_keys_out *out)
{
    struct holder holder = {0};
    struct iam_range range = {0};
    struct vec keys;
    vec_init(&keys, call->arena, sizeof(struct iam_key_row));
    enum status status = find_holder(call, in->user_name, &holder);
    if (status == STATUS_DONE)
        status = iam_page_begin(call, in->marker, in->max_items, &range);
    if (status != STATUS_DONE)
        return status;
    int rc =
        iam_store_list_keys(call->db, call->arena, call->scope.account, holder.id, range, &keys);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: list access keys");
    size_t count = iam_page_count(range, keys.count, &out->is_truncated);
    out->access_key_metadata.items =
        arena_alloc_array(call->arena, count + 1, sizeof(*out->access_key_metadata.items));
    out->access_key_metadata.count = count;
    out->access_key_metadata.is_set = true;
    for (size_t i = 0; i < count; i++) {
        const struct iam_key_row *key = vec_at(&keys, i);
        out->access_key_metadata.items[i] = (struct iam_access_key_metadata){
            .user_name = holder.name,
            .access_key_id = key->key_id,
            .status = key->status,
            .create_date = opt_i64(key->created_at_ms),
        };
        out->marker = out->is_truncated.value ? iam_page_marker(call, key->key_id) : out->marker;
    }
    return STATUS_DONE;
}

enum status iam_update_access_key(struct call *call, const struct iam_update_access_key_in *in,
                                  struct iam_update_access_key_out *out)
{
    (void)out;
    struct holder holder = {0};
    struct iam_key_row key = {0};
    enum status status = find_holder(call, in->user_name, &holder);
    if (status == STATUS_DONE)
        status = find_key(call, &holder, in->access_key_id, &key);
    if (status != STATUS_DONE)
        return status;
    if (!str_eq_cstr(in->status, "Active") && !str_eq_cstr(in->status, "Inactive"))
        return call_fail(call, &IAM_INVALID_INPUT_EXCEPTION,
                         "The status of an access key is Active or Inactive.");
    int rc = iam_store_set_key_status(call->db, key.key_id, in->status);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: update an access key");
    iam_rights_changed(call);
    return STATUS_DONE;
}

enum status iam_delete_access_key(struct call *call, const struct iam_delete_access_key_in *in,
                                  struct iam_delete_access_key_out *out)
{
    (void)out;
    struct holder holder = {0};
    struct iam_key_row key = {0};
    enum status status = find_holder(call, in->user_name, &holder);
    if (status == STATUS_DONE)
        status = find_key(call, &holder, in->access_key_id, &key);
    if (status != STATUS_DONE)
        return status;
    int rc = iam_store_delete_key(call->db, key.key_id);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: delete an access key");
    iam_rights_changed(call);
    return STATUS_DONE;
}

/* AWS: AccessKeyLastUsed: "N/A" stands for the service and the region of a key that was not used
 * yet, and the date is left out. */
enum status iam_get_access_key_last_used(struct call *call,
                                         const struct iam_get_access_key_last_used_in *in,
                                         struct iam_get_access_key_last_used_out *out)
{
    struct iam_key_row key = {0};
    struct iam_entity *user = NULL;
    int rc = iam_store_find_key(call->db, call->arena, in->access_key_id, &key);
    if (rc == 1 && !str_eq(key.user_id, key.account))
        rc = iam_store_find_by_id(call->db, call->arena, key.user_id, &user);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: find an access key");
    if (rc == 0 || !str_eq(key.account, call->scope.account))
        return call_fail(call, &IAM_NO_SUCH_ENTITY_EXCEPTION,
                         "The Access Key with id " STR_FMT " cannot be found.",
                         STR_ARG(in->access_key_id));
    out->user_name = user ? user->name : STR("");
    out->access_key_last_used = arena_alloc(call->arena, sizeof(*out->access_key_last_used));
    out->access_key_last_used->service_name = STR("N/A");
    out->access_key_last_used->region = STR("N/A");
    return STATUS_DONE;
}
