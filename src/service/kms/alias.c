/* alias.c — CreateAlias, UpdateAlias, DeleteAlias, ListAliases.
 *
 * Each change needs permission on the alias and on the key (or keys) behind it; the runtime asked
 * for one key already, the rest is asked here. Docs: KMS developer guide, "Controlling access to
 * aliases"; API reference, CreateAlias.
 */
#include "base/arena.h"
#include "service/kms/kms.h"

enum {
    LIST_DEFAULT = 50, /* AWS: ListAliases Limit: 1 to 100, default 50 */
    LIST_MAX = 100,
    ALIASES_MAX = 50, /* AWS: "Aliases per KMS key: 50" */
};

static struct str alias_arn(struct call *call, struct str name)
{
    return kms_arn(call->arena, call->scope, "", name);
}

/* Aliases have no policy of their own: the caller's policies decide. */
static enum status authorize_alias(struct call *call, struct str name)
{
    const struct authorization what = {
        .action = str_concat(call->arena, STR("kms:"), call->operation->name),
        .resource = alias_arn(call, name),
    };
    return call_authorize(call, &what);
}

static enum status check_name(struct call *call, struct str name)
{
    if (str_starts_with(name, STR("alias/aws/")))
        return call_fail(call, &ERROR_VALIDATION,
                         "Alias must start with the prefix \"alias/\" and cannot begin with "
                         "\"alias/aws/\". Aliases with that prefix are reserved by AWS.");
    if (!str_starts_with(name, STR("alias/")) || name.len == 6)
        return call_fail(call, &ERROR_VALIDATION,
                         "Alias must start with the prefix \"alias/\". Please see "
                         "https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html");
    if (str_index(str_from(name, 6), ':') >= 0)
        return call_fail(call, &ERROR_VALIDATION,
                         STR_FMT " contains invalid characters for an alias", STR_ARG(name));
    return STATUS_DONE;
}

static enum status check_room(struct call *call, const struct kms_key *key)
{
    struct kms_alias rows[ALIASES_MAX];
    int64_t count = kms_store_list_aliases(call->db, call->arena, key->scope, key->id, STR(""),
                                           ALIASES_MAX, rows);
    if (count < 0)
        return call_fail_internal(call, (int)count, "kms: list aliases");
    if (count >= ALIASES_MAX)
        return call_fail(call, &KMS_LIMIT_EXCEEDED_EXCEPTION,
                         "The maximum number of aliases for the KMS key is reached");
    return STATUS_DONE;
}

static enum status check_target(struct call *call)
{
    const struct kms_key *key = kms_subject_key(call);
    enum status status = kms_require_own(call, key);
    if (status == STATUS_DONE)
        status = kms_require_kept(call, key);
    return status == STATUS_DONE ? check_room(call, key) : status;
}

static enum status put_alias(struct call *call, const struct kms_alias *alias)
{
    int rc = kms_store_put_alias(call->db, alias);
    return rc < 0 ? call_fail_internal(call, rc, "kms: write an alias") : STATUS_DONE;
}

enum status kms_create_alias(struct call *call, const struct kms_create_alias_in *in,
                             struct kms_create_alias_out *out)
{
    (void)out;
    enum status status = check_name(call, in->alias_name);
    if (status == STATUS_DONE)
        status = authorize_alias(call, in->alias_name);
    if (status == STATUS_DONE)
        status = check_target(call);
    if (status != STATUS_DONE)
        return status;
    struct kms_alias *found = NULL;
    int rc = kms_store_find_alias(call->db, call->arena, call->scope, in->alias_name, &found);
    if (rc < 0)
        return call_fail_internal(call, rc, "kms: find an alias");
    if (rc == 1)
        return call_fail(call, &KMS_ALREADY_EXISTS_EXCEPTION,
                         "An alias with the name " STR_FMT " already exists",
                         STR_ARG(alias_arn(call, in->alias_name)));
    const struct kms_alias alias = {
        .scope = call->scope,
        .name = in->alias_name,
        .key_id = kms_subject_key(call)->id,
        .created_at_ms = call->now_ms,
        .updated_at_ms = call->now_ms,
    };
    return put_alias(call, &alias);
}

static enum status authorize_key(struct call *call, struct str key_id)
{
    struct kms_key *key = NULL;
    struct authorization what = {0};
    int rc = kms_store_find_key(call->db, call->arena, call->scope, key_id, &key);
    if (rc <= 0)
        return rc < 0 ? call_fail_internal(call, rc, "kms: find a key") : STATUS_DONE;
    enum status status =
        kms_describe_access(call, NULL, key, STR(""),
                            str_concat(call->arena, STR("kms:"), call->operation->name), &what);
    return status == STATUS_DONE ? call_authorize(call, &what) : status;
}

/* AWS: "The current and new KMS key must be the same type (both symmetric or both asymmetric or
 * both HMAC), and they must have the same key usage." */
static enum status check_same_kind(struct call *call, const struct kms_alias *alias)
{
    struct kms_key *old = NULL;
    const struct kms_key *wanted = kms_subject_key(call);
    int rc = kms_store_find_key(call->db, call->arena, call->scope, alias->key_id, &old);
    if (rc < 0)
        return call_fail_internal(call, rc, "kms: find a key");
    bool is_symmetric = rc == 1 && old->spec->family == KMS_SYMMETRIC;
    bool is_hmac = rc == 1 && old->spec->family == KMS_HMAC;
    if (rc == 1 && (!str_eq(old->usage, wanted->usage) ||
                    is_symmetric != (wanted->spec->family == KMS_SYMMETRIC) ||
                    is_hmac != (wanted->spec->family == KMS_HMAC)))
        return call_fail(call, &ERROR_VALIDATION,
                         "The alias cannot be moved to a KMS key of another type or usage.");
    return STATUS_DONE;
}

enum status kms_update_alias(struct call *call, const struct kms_update_alias_in *in,
                             struct kms_update_alias_out *out)
{
    (void)out;
    struct kms_alias *alias = NULL;
    enum status status = check_name(call, in->alias_name);
    if (status != STATUS_DONE)
        return status;
    int rc = kms_store_find_alias(call->db, call->arena, call->scope, in->alias_name, &alias);
    if (rc < 0)
        return call_fail_internal(call, rc, "kms: find an alias");
    if (rc == 0)
        return call_fail(call, &KMS_NOT_FOUND_EXCEPTION, "Alias " STR_FMT " is not found.",
                         STR_ARG(alias_arn(call, in->alias_name)));
    status = authorize_alias(call, in->alias_name);
    if (status == STATUS_DONE)
        status = authorize_key(call, alias->key_id);
    if (status == STATUS_DONE)
        status = check_same_kind(call, alias);
    if (status == STATUS_DONE)
        status = check_target(call);
    if (status != STATUS_DONE)
        return status;
    alias->key_id = kms_subject_key(call)->id;
    alias->updated_at_ms = call->now_ms;
    return put_alias(call, alias);
}

enum status kms_delete_alias(struct call *call, const struct kms_delete_alias_in *in,
                             struct kms_delete_alias_out *out)
{
    (void)out;
    enum status status = check_name(call, in->alias_name);
    if (status == STATUS_DONE)
        status = authorize_alias(call, in->alias_name);
    if (status != STATUS_DONE)
        return status;
    int rc = kms_store_delete_alias(call->db, kms_subject(call)->named_alias);
    return rc < 0 ? call_fail_internal(call, rc, "kms: delete an alias") : STATUS_DONE;
}

static enum status filter_of(struct call *call, struct str key_id, struct str *out_id)
{
    struct kms_key *key = NULL;
    struct str alias = {0};
    *out_id = STR("");
    if (!key_id.ptr)
        return STATUS_DONE;
    enum status status = kms_resolve(call, key_id, false, &key, &alias);
    if (status == STATUS_DONE)
        *out_id = key->id;
    return status;
}

enum status kms_list_aliases(struct call *call, const struct kms_list_aliases_in *in,
                             struct kms_list_aliases_out *out)
{
    struct str after = {0};
    struct str key_id = {0};
    int32_t limit = opt_i32_or(in->limit, LIST_DEFAULT);
    enum status status = kms_marker_read(call, in->marker, &after);
    if (status == STATUS_DONE)
        status = filter_of(call, in->key_id, &key_id);
    if (status == STATUS_DONE && limit > LIST_MAX)
        status = call_fail(call, &ERROR_VALIDATION, "Limit must be between 1 and 100.");
    if (status != STATUS_DONE)
        return status;
    struct kms_alias *rows = arena_alloc_array(call->arena, LIST_MAX + 1, sizeof(*rows));
    int64_t count =
        kms_store_list_aliases(call->db, call->arena, call->scope, key_id, after, limit + 1, rows);
    if (count < 0)
        return call_fail_internal(call, (int)count, "kms: list aliases");
    bool is_cut = count > limit;
    out->aliases.count = is_cut ? (size_t)limit : (size_t)count;
    out->aliases.items =
        arena_alloc_array(call->arena, out->aliases.count + 1, sizeof(*out->aliases.items));
    out->aliases.is_set = true;
    for (size_t i = 0; i < out->aliases.count; i++)
        out->aliases.items[i] = (struct kms_alias_list_entry){
            .alias_name = rows[i].name,
            .alias_arn = alias_arn(call, rows[i].name),
            .target_key_id = rows[i].key_id,
            .creation_date = opt_i64(rows[i].created_at_ms),
            .last_updated_date = opt_i64(rows[i].updated_at_ms),
        };
    out->truncated = opt_bool(is_cut);
    if (is_cut)
        out->next_marker = kms_marker_write(call, rows[limit - 1].name);
    return STATUS_DONE;
}
