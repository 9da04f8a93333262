/* grant.c — grants: made, listed, retired, revoked, and what they allow.
 *
 * A grant is effective at once for everybody, so grant tokens, which on AWS bridge the minutes
 * until it is, only name a grant to retire.
 *
 * DEVIATION: the GrantTokens of a request are not looked at, where AWS answers
 * InvalidGrantTokenException to what is none: the token of a revoked grant cannot be told from
 * that.
 *
 * Docs: KMS developer guide, "Grants in AWS KMS"; API reference, CreateGrant, RetireGrant.
 */
#include <errno.h>

#include "base/arena.h"
#include "base/rand.h"
#include "service/kms/kms.h"
#include "syntax/base64.h"
#include "syntax/json.h"

enum {
    LIST_DEFAULT = 50, /* AWS: ListGrants Limit: 1 to 100, default 50 */
    LIST_MAX = 100,
    GRANT_ID_BYTES = 32, /* shown as 64 hex digits */
    TOKEN_BYTES = 90,    /* shown as 120 characters */
    EVALUATE_PAGE = 200, /* grants looked at in one query */
};

/* --- reading --- */

static struct json *context_json(struct call *call,
                                 const struct kms_encryption_context_type *context)
{
    struct json *object = json_new(call->arena, JSON_OBJECT);
    for (size_t i = 0; i < context->count; i++)
        json_append_member(object, context->items[i].key,
                           json_new_string(call->arena, context->items[i].value));
    return object;
}

static void read_context(struct call *call, const struct json *object,
                         struct kms_encryption_context_type *out)
{
    if (!object)
        return;
    out->items = arena_alloc_array(call->arena, object->count + 1, sizeof(*out->items));
    out->is_set = true;
    for (const struct json *pair = object->first; pair; pair = pair->next)
        out->items[out->count++] =
            (struct kms_encryption_context_type_entry){.key = pair->key, .value = pair->text};
}

/* Whether all pairs of `wanted` are in the context. */
static bool contains(const struct kms_encryption_context_type *context, const struct json *wanted)
{
    for (const struct json *pair = wanted->first; pair; pair = pair->next) {
        bool is_there = false;
        for (size_t i = 0; context && i < context->count; i++)
            is_there |= str_eq(context->items[i].key, pair->key) &&
                        str_eq(context->items[i].value, pair->text);
        if (!is_there)
            return false;
    }
    return true;
}

/* AWS: constraints concern operations with an encryption context only; CreateGrant, RetireGrant,
 * DescribeKey are not limited by them. */
static int constraints_hold(struct call *call, const struct kms_grant *grant, struct str operation,
                            const struct kms_encryption_context_type *context)
{
    struct json *constraints = NULL;
    bool is_free = str_eq_cstr(operation, "DescribeKey") || str_eq_cstr(operation, "RetireGrant") ||
                   str_eq_cstr(operation, "CreateGrant");
    if (grant->constraints.len == 0 || is_free)
        return 1;
    int rc = json_parse(call->arena, grant->constraints, 0, &constraints, NULL);
    if (rc < 0)
        return rc;
    const struct json *subset = json_find_cstr(constraints, "Subset");
    const struct json *equals = json_find_cstr(constraints, "Equals");
    size_t have = context ? context->count : 0;
    if (subset && !contains(context, subset))
        return 0;
    return !equals || (equals->count == have && contains(context, equals)) ? 1 : 0;
}

static bool names_operation(struct call *call, const struct kms_grant *grant, struct str operation)
{
    struct json *operations = NULL;
    if (json_parse(call->arena, grant->operations, 0, &operations, NULL) < 0)
        return false;
    for (const struct json *one = operations->first; one; one = one->next) {
        if (str_eq(one->text, operation))
            return true;
    }
    return false;
}

static bool is_caller(const struct call *call, struct str principal)
{
    const struct principal *caller = call->principal;
    if (principal.len == 0)
        return false;
    if (caller->kind == PRINCIPAL_SERVICE)
        return str_eq(principal, caller->name);
    return str_eq(principal, caller->arn) ||
           (caller->role_arn.len > 0 && str_eq(principal, caller->role_arn));
}

int kms_grant_allows(struct call *call, const struct kms_key *key, struct str operation,
                     const struct kms_encryption_context_type *context)
{
    const struct principal *caller = call->principal;
    const struct str names[] = {
        caller->kind == PRINCIPAL_SERVICE ? caller->name : caller->arn,
        caller->role_arn,
    };
    for (size_t n = 0; n < ARRAY_LEN(names); n++) {
        if (names[n].len == 0)
            continue;
        const struct kms_grant_filter filter = {.grantee = names[n]};
        struct str after = STR("");
        int64_t count = EVALUATE_PAGE;
        struct kms_grant *rows = arena_alloc_array(call->arena, EVALUATE_PAGE, sizeof(*rows));
        while (count == EVALUATE_PAGE) {
            count = kms_store_list_grants(call->db, call->arena, key, &filter, after, EVALUATE_PAGE,
                                          rows);
            if (count < 0)
                return (int)count;
            for (int64_t i = 0; i < count; i++) {
                if (!names_operation(call, &rows[i], operation))
                    continue;
                int rc = constraints_hold(call, &rows[i], operation, context);
                if (rc != 0)
                    return rc;
            }
            if (count > 0)
                after = rows[count - 1].id;
        }
    }
    return 0;
}

/* --- making --- */

/* AWS: operations "must be supported by the KMS key"; e.g. no Sign on a symmetric key. */
static bool operation_fits(const struct kms_key *key, struct str operation)
{
    static const struct {
        const char *operation;
        const char *usage;
        bool is_symmetric_only;
    } rows[] = {
        {"Encrypt", "ENCRYPT_DECRYPT", false},
        {"Decrypt", "ENCRYPT_DECRYPT", false},
        {"ReEncryptFrom", "ENCRYPT_DECRYPT", false},
        {"ReEncryptTo", "ENCRYPT_DECRYPT", false},
        {"GenerateDataKey", "ENCRYPT_DECRYPT", true},
        {"GenerateDataKeyWithoutPlaintext", "ENCRYPT_DECRYPT", true},
        {"GenerateDataKeyPair", "ENCRYPT_DECRYPT", true},
        {"GenerateDataKeyPairWithoutPlaintext", "ENCRYPT_DECRYPT", true},
        {"Sign", "SIGN_VERIFY", false},
        {"Verify", "SIGN_VERIFY", false},
        {"GenerateMac", "GENERATE_VERIFY_MAC", false},
        {"VerifyMac", "GENERATE_VERIFY_MAC", false},
        {"DeriveSharedSecret", "KEY_AGREEMENT", false},
    };
    bool is_symmetric = key->spec->family == KMS_SYMMETRIC;
    if (str_eq_cstr(operation, "GetPublicKey"))
        return !is_symmetric && key->spec->family != KMS_HMAC;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (str_eq_cstr(operation, rows[i].operation))
            return str_eq_cstr(key->usage, rows[i].usage) &&
                   (is_symmetric || !rows[i].is_symmetric_only);
    }
    return true; /* CreateGrant, RetireGrant, DescribeKey */
}

static bool is_principal(struct str text)
{
    return (str_starts_with(text, STR("arn:aws:iam::")) ||
            str_starts_with(text, STR("arn:aws:sts::"))) ||
           str_ends_with(text, STR(".amazonaws.com"));
}

static enum status check_grant(struct call *call, const struct kms_create_grant_in *in)
{
    const struct kms_key *key = kms_subject_key(call);
    for (size_t i = 0; i < in->operations.count; i++) {
        if (!operation_fits(key, in->operations.items[i]))
            return call_fail(call, &ERROR_VALIDATION,
                             "1 validation error detected: Value '[" STR_FMT
                             "]' at 'operations' failed to satisfy constraint: Operation is not "
                             "valid for the KMS key",
                             STR_ARG(in->operations.items[i]));
    }
    if (in->operations.count == 0)
        return call_fail(call, &ERROR_VALIDATION, "Operations must not be empty.");
    if (!is_principal(in->grantee_principal))
        return call_fail(call, &KMS_INVALID_ARN_EXCEPTION,
                         "ARN does not refer to a valid principal: " STR_FMT,
                         STR_ARG(in->grantee_principal));
    if (in->retiring_principal.ptr && !is_principal(in->retiring_principal))
        return call_fail(call, &KMS_INVALID_ARN_EXCEPTION,
                         "ARN does not refer to a valid principal: " STR_FMT,
                         STR_ARG(in->retiring_principal));
    bool has_context = in->constraints && (in->constraints->encryption_context_equals.count > 0 ||
                                           in->constraints->encryption_context_subset.count > 0);
    if (has_context && key->spec->family != KMS_SYMMETRIC)
        return call_fail(call, &ERROR_VALIDATION,
                         "Encryption context constraints are only valid for symmetric encryption "
                         "KMS keys.");
    return STATUS_DONE;
}

static struct str constraints_text(struct call *call, const struct kms_grant_constraints *in)
{
    if (!in)
        return STR("");
    struct json *object = json_new(call->arena, JSON_OBJECT);
    if (in->encryption_context_subset.count > 0)
        json_append_member(object, STR("Subset"),
                           context_json(call, &in->encryption_context_subset));
    if (in->encryption_context_equals.count > 0)
        json_append_member(object, STR("Equals"),
                           context_json(call, &in->encryption_context_equals));
    return object->count > 0 ? json_to_str(call->arena, object) : STR("");
}

static struct str random_hex(struct arena *arena)
{
    char bytes[GRANT_ID_BYTES];
    rand_bytes(bytes, sizeof(bytes));
    return hex_encode(arena, str_of(bytes, sizeof(bytes)));
}

static struct str new_token(struct arena *arena)
{
    char bytes[TOKEN_BYTES];
    rand_bytes(bytes, sizeof(bytes));
    return base64_encode_str(arena, str_of(bytes, sizeof(bytes)));
}

/* AWS: with a Name, "if all parameters are identical, ... returns the GrantId of the original
 * grant"; *out_grant has id 0 when there is none. */
static enum status find_same(struct call *call, const struct kms_grant *wanted,
                             struct kms_grant *out_grant)
{
    const struct kms_grant_filter filter = {.grantee = wanted->grantee};
    struct kms_grant *rows = arena_alloc_array(call->arena, EVALUATE_PAGE, sizeof(*rows));
    int64_t count = EVALUATE_PAGE;
    struct str after = STR("");
    while (count == EVALUATE_PAGE) {
        count = kms_store_list_grants(call->db, call->arena, kms_subject_key(call), &filter, after,
                                      EVALUATE_PAGE, rows);
        if (count < 0)
            return call_fail_internal(call, (int)count, "kms: list grants");
        for (int64_t i = 0; i < count; i++) {
            if (str_eq(rows[i].name, wanted->name) &&
                str_eq(rows[i].operations, wanted->operations) &&
                str_eq(rows[i].constraints, wanted->constraints) &&
                str_eq(rows[i].retiree, wanted->retiree))
                *out_grant = rows[i];
        }
        if (count > 0)
            after = rows[count - 1].id;
    }
    return STATUS_DONE;
}

enum status kms_create_grant(struct call *call, const struct kms_create_grant_in *in,
                             struct kms_create_grant_out *out)
{
    const struct kms_key *key = kms_subject_key(call);
    enum status status = kms_require_usable(call, key);
    if (status == STATUS_DONE)
        status = check_grant(call, in);
    if (status == STATUS_DONE)
        status = kms_end_dry_run(call, in->dry_run);
    if (status != STATUS_DONE)
        return status;
    struct json *operations = json_new(call->arena, JSON_ARRAY);
    for (size_t i = 0; i < in->operations.count; i++)
        json_append(operations, json_new_string(call->arena, in->operations.items[i]));
    const struct kms_grant grant = {
        .id = random_hex(call->arena),
        .scope = key->scope,
        .key_id = key->id,
        .token = new_token(call->arena),
        .name = str_or(in->name, STR("")),
        .grantee = in->grantee_principal,
        .retiree = str_or(in->retiring_principal, STR("")),
        .issuer = str_format(call->arena, "arn:aws:iam::" STR_FMT ":root",
                             STR_ARG(call->principal->account)),
        .operations = json_to_str(call->arena, operations),
        .constraints = constraints_text(call, in->constraints),
        .created_at_ms = call->now_ms,
    };
    struct kms_grant same = {0};
    if (grant.name.len > 0)
        status = find_same(call, &grant, &same);
    if (status != STATUS_DONE)
        return status;
    int rc = same.id.len > 0 ? 0 : kms_store_insert_grant(call->db, &grant);
    if (rc < 0)
        return call_fail_internal(call, rc, "kms: insert a grant");
    out->grant_id = same.id.len > 0 ? same.id : grant.id;
    out->grant_token = same.id.len > 0 ? same.token : grant.token;
    return STATUS_DONE;
}

/* --- listing --- */

static enum status describe(struct call *call, const struct kms_grant *grant,
                            struct kms_grant_list_entry *out)
{
    struct json *operations = NULL;
    struct json *constraints = NULL;
    int rc = json_parse(call->arena, grant->operations, 0, &operations, NULL);
    if (rc == 0 && grant->constraints.len > 0)
        rc = json_parse(call->arena, grant->constraints, 0, &constraints, NULL);
    if (rc < 0)
        return call_fail_internal(call, rc, "kms: read a grant");
    *out = (struct kms_grant_list_entry){
        .key_id = kms_arn(call->arena, grant->scope, "key", grant->key_id),
        .grant_id = grant->id,
        .name = grant->name,
        .creation_date = opt_i64(grant->created_at_ms),
        .grantee_principal = grant->grantee,
        .issuing_account = grant->issuer,
    };
    if (grant->retiree.len > 0)
        out->retiring_principal = grant->retiree;
    out->operations.items =
        arena_alloc_array(call->arena, operations->count + 1, sizeof(struct str));
    for (const struct json *one = operations->first; one; one = one->next)
        out->operations.items[out->operations.count++] = one->text;
    if (constraints) {
        out->constraints = arena_alloc(call->arena, sizeof(*out->constraints));
        read_context(call, json_find_cstr(constraints, "Subset"),
                     &out->constraints->encryption_context_subset);
        read_context(call, json_find_cstr(constraints, "Equals"),
                     &out->constraints->encryption_context_equals);
    }
    return STATUS_DONE;
}

/* Rows (one more than `limit`, when there are more) as a page. */
static enum status write_page(struct call *call, const struct kms_grant *rows, int64_t count,
                              int32_t limit, struct kms_grant_list *out, struct str *out_marker,
                              struct opt_bool *out_truncated)
{
    if (count < 0)
        return call_fail_internal(call, (int)count, "kms: list grants");
    bool is_cut = count > limit;
    size_t shown = is_cut ? (size_t)limit : (size_t)count;
    out->items = arena_alloc_array(call->arena, shown + 1, sizeof(*out->items));
    out->is_set = true;
    enum status status = STATUS_DONE;
    for (size_t i = 0; i < shown && status == STATUS_DONE; i++)
        status = describe(call, &rows[i], &out->items[out->count++]);
    *out_truncated = opt_bool(is_cut);
    if (is_cut)
        *out_marker = kms_marker_write(call, rows[limit - 1].id);
    return status;
}

static enum status check_limit(struct call *call, int32_t limit)
{
    if (limit <= LIST_MAX)
        return STATUS_DONE;
    return call_fail(call, &ERROR_VALIDATION, "Limit must be between 1 and 100.");
}

enum status kms_list_grants(struct call *call, const struct kms_list_grants_in *in,
                            struct kms_list_grants_out *out)
{
    struct str after = {0};
    int32_t limit = opt_i32_or(in->limit, LIST_DEFAULT);
    enum status status = kms_marker_read(call, in->marker, &after);
    if (status == STATUS_DONE)
        status = check_limit(call, limit);
    if (status != STATUS_DONE)
        return status;
    const struct kms_grant_filter filter = {.grantee = in->grantee_principal, .id = in->grant_id};
    struct kms_grant *rows = arena_alloc_array(call->arena, LIST_MAX + 1, sizeof(*rows));
    int64_t count = kms_store_list_grants(call->db, call->arena, kms_subject_key(call), &filter,
                                          after, limit + 1, rows);
    if (count == 0 && in->grant_id.ptr)
        return call_fail(call, &KMS_INVALID_GRANT_ID_EXCEPTION, "Grant ID " STR_FMT " not found",
                         STR_ARG(in->grant_id));
    return write_page(call, rows, count, limit, &out->grants, &out->next_marker, &out->truncated);
}

enum status kms_list_retirable_grants(struct call *call,
                                      const struct kms_list_retirable_grants_in *in,
                                      struct kms_list_retirable_grants_out *out)
{
    struct str after = {0};
    int32_t limit = opt_i32_or(in->limit, LIST_DEFAULT);
    enum status status = kms_marker_read(call, in->marker, &after);
    if (status == STATUS_DONE)
        status = check_limit(call, limit);
    if (status != STATUS_DONE)
        return status;
    struct kms_grant *rows = arena_alloc_array(call->arena, LIST_MAX + 1, sizeof(*rows));
    int64_t count = kms_store_list_retirable(call->db, call->arena, call->scope,
                                             in->retiring_principal, after, limit + 1, rows);
    return write_page(call, rows, count, limit, &out->grants, &out->next_marker, &out->truncated);
}

/* --- ending --- */

static enum status delete_grant(struct call *call, const struct kms_grant *grant)
{
    int rc = kms_store_delete_grant(call->db, grant);
    return rc < 0 ? call_fail_internal(call, rc, "kms: delete a grant") : STATUS_DONE;
}

static enum status find_grant(struct call *call, const struct kms_key *key, struct str id,
                              struct kms_grant *out_grant)
{
    int rc = kms_store_find_grant(call->db, call->arena, key->scope, key->id, id, out_grant);
    if (rc < 0)
        return call_fail_internal(call, rc, "kms: find a grant");
    if (rc == 0)
        return call_fail(call, &KMS_NOT_FOUND_EXCEPTION, "Grant ID " STR_FMT " not found",
                         STR_ARG(id));
    return STATUS_DONE;
}

enum status kms_revoke_grant(struct call *call, const struct kms_revoke_grant_in *in,
                             struct kms_revoke_grant_out *out)
{
    (void)out;
    struct kms_grant grant = {0};
    enum status status = find_grant(call, kms_subject_key(call), in->grant_id, &grant);
    if (status == STATUS_DONE)
        status = kms_end_dry_run(call, in->dry_run);
    return status == STATUS_DONE ? delete_grant(call, &grant) : status;
}

static enum status find_retired(struct call *call, const struct kms_retire_grant_in *in,
                                struct kms_grant *out_grant)
{
    if (in->grant_token.ptr) {
        int rc = kms_store_find_grant_token(call->db, call->arena, in->grant_token, out_grant);
        if (rc < 0)
            return call_fail_internal(call, rc, "kms: find a grant");
        return rc == 1
                   ? STATUS_DONE
                   : call_fail(call, &KMS_INVALID_GRANT_TOKEN_EXCEPTION, "Invalid grant token.");
    }
    struct kms_key *key = NULL;
    struct str alias = {0};
    if (!in->key_id.ptr || !in->grant_id.ptr)
        return call_fail(call, &ERROR_VALIDATION,
                         "Specify either a grant token, or a grant ID with a key ID.");
    enum status status = kms_resolve(call, in->key_id, false, &key, &alias);
    return status == STATUS_DONE ? find_grant(call, key, in->grant_id, out_grant) : status;
}

/* AWS: "permission to retire a grant is determined primarily by the grant": the account of the key,
 * the retiring principal, and a grantee whose grant includes RetireGrant. */
static enum status may_retire(struct call *call, const struct kms_grant *grant)
{
    bool is_grantee =
        is_caller(call, grant->grantee) && names_operation(call, grant, STR("RetireGrant"));
    if (is_caller(call, grant->retiree) || is_grantee)
        return STATUS_DONE;
    struct kms_key *key = NULL;
    struct authorization what = {0};
    int rc = kms_store_find_key(call->db, call->arena, grant->scope, grant->key_id, &key);
    if (rc <= 0)
        return call_fail_internal(call, rc < 0 ? rc : -ENOENT, "kms: find a grant's key");
    enum status status =
        kms_describe_access(call, NULL, key, STR(""), STR("kms:RetireGrant"), &what);
    return status == STATUS_DONE ? call_authorize(call, &what) : status;
}

enum status kms_retire_grant(struct call *call, const struct kms_retire_grant_in *in,
                             struct kms_retire_grant_out *out)
{
    (void)out;
    struct kms_grant grant = {0};
    enum status status = find_retired(call, in, &grant);
    if (status == STATUS_DONE)
        status = may_retire(call, &grant);
    if (status == STATUS_DONE)
        status = kms_end_dry_run(call, in->dry_run);
    return status == STATUS_DONE ? delete_grant(call, &grant) : status;
}
