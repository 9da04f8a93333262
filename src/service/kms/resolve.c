/* resolve.c — which key a text means, and whether the key is in a state to be used.
 *
 * Docs: KMS developer guide, "Key identifiers (KeyId)", "Key states of AWS KMS keys".
 * OBSERVED: the texts are those that the public snapshots of LocalStack's parity tests and reports
 * of clients show.
 */
#include "base/arena.h"
#include "service/kms/kms.h"
#include "syntax/base64.h"

enum {
    UUID_LEN = 36,
    MULTI_REGION_ID_LEN = 36, /* "mrk-" and 32 hex digits */
    ARN_PARTS = 6,
};

struct str kms_arn(struct arena *arena, struct scope scope, const char *kind, struct str id)
{
    /* An alias's name begins with "alias/" already. */
    const char *slash = kind[0] ? "/" : "";
    return str_format(arena, "arn:aws:kms:" STR_FMT ":" STR_FMT ":%s%s" STR_FMT,
                      STR_ARG(scope.region), STR_ARG(scope.account), kind, slash, STR_ARG(id));
}

static bool is_hex(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')))
            return false;
    }
    return text.len > 0;
}

static bool is_key_id(struct str text)
{
    if (str_starts_with(text, STR("mrk-")))
        return text.len == MULTI_REGION_ID_LEN && is_hex(str_from(text, 4));
    if (text.len != UUID_LEN)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (is_dash ? text.ptr[i] != '-' : !is_hex(str_slice(text, i, 1)))
            return false;
    }
    return true;
}

enum status kms_key_missing(struct call *call, struct scope scope, struct str id)
{
    struct str arn = kms_arn(call->arena, scope, "key", id);
    return call_fail(call, &KMS_NOT_FOUND_EXCEPTION, "Key '" STR_FMT "' does not exist",
                     STR_ARG(arn));
}

static enum status invalid_id(struct call *call, struct str text)
{
    return call_fail(call, &KMS_NOT_FOUND_EXCEPTION, "Invalid keyId '" STR_FMT "'", STR_ARG(text));
}

static enum status find_key(struct call *call, struct scope scope, struct str id,
                            struct kms_key **out_key)
{
    int rc = kms_store_find_key(call->db, call->arena, scope, id, out_key);
    if (rc < 0)
        return call_fail_internal(call, rc, "kms: find a key");
    return rc == 0 ? kms_key_missing(call, scope, id) : STATUS_DONE;
}

static enum status find_by_alias(struct call *call, struct scope scope, struct str name,
                                 struct kms_key **out_key)
{
    struct kms_alias *alias = NULL;
    int rc = kms_store_find_alias(call->db, call->arena, scope, name, &alias);
    if (rc < 0)
        return call_fail_internal(call, rc, "kms: find an alias");
    if (rc == 1)
        return find_key(call, scope, alias->key_id, out_key);
    bool is_own = str_eq(scope.account, call->scope.account);
    if (is_own && str_starts_with(name, STR("alias/aws/"))) {
        enum status status = kms_managed_key(call, name, out_key);
        if (status != STATUS_DONE || *out_key)
            return status;
    }
    struct str arn = kms_arn(call->arena, scope, "", name);
    return call_fail(call, &KMS_NOT_FOUND_EXCEPTION, "Alias " STR_FMT " is not found.",
                     STR_ARG(arn));
}

/* Cuts an ARN of KMS into scope and resource. */
static enum status split_arn(struct call *call, struct str arn, struct scope *out_scope,
                             struct str *out_resource)
{
    struct str parts[ARN_PARTS - 1] = {0};
    struct str rest = arn;
    for (size_t i = 0; i < ARN_PARTS - 1; i++) {
        if (!str_split_next(&rest, ':', &parts[i]) || !rest.ptr)
            return call_fail(call, &KMS_INVALID_ARN_EXCEPTION, "Invalid arn " STR_FMT,
                             STR_ARG(arn));
    }
    if (!str_eq_cstr(parts[2], "kms"))
        return call_fail(call, &KMS_INVALID_ARN_EXCEPTION, "Invalid arn " STR_FMT, STR_ARG(arn));
    /* OBSERVED: an ARN of another region names that region only. */
    if (!str_eq(parts[3], call->scope.region))
        return call_fail(call, &KMS_NOT_FOUND_EXCEPTION, "Invalid arn " STR_FMT, STR_ARG(parts[3]));
    *out_scope = (struct scope){.account = parts[4], .region = parts[3]};
    *out_resource = rest;
    return STATUS_DONE;
}

enum status kms_resolve(struct call *call, struct str key_id, bool takes_alias,
                        struct kms_key **out_key, struct str *out_alias)
{
    struct scope scope = call->scope;
    struct str resource = key_id;
    bool is_arn = str_starts_with(key_id, STR("arn:"));
    *out_alias = STR("");
    if (is_arn) {
        enum status status = split_arn(call, key_id, &scope, &resource);
        if (status != STATUS_DONE)
            return status;
    }
    if (str_starts_with(resource, STR("alias/")) && takes_alias) {
        *out_alias = resource;
        return find_by_alias(call, scope, resource, out_key);
    }
    struct str id = resource;
    if (is_arn && str_starts_with(resource, STR("key/")))
        id = str_from(resource, 4);
    else if (is_arn)
        return invalid_id(call, key_id);
    if (!is_key_id(id))
        return is_arn ? kms_key_missing(call, scope, id) : invalid_id(call, key_id);
    return find_key(call, scope, id, out_key);
}

/* --- states --- */

static const struct {
    const char *state;
    const char *text;
} unusable[] = {
    {"PendingDeletion", "is pending deletion."},
    {"PendingImport", "is pending import."},
    {"PendingReplicaDeletion", "is pending replica deletion."},
};

static enum status refuse_state(struct call *call, const struct kms_key *key, bool may_import)
{
    for (size_t i = 0; i < ARRAY_LEN(unusable); i++) {
        bool is_it = str_eq_cstr(key->state, unusable[i].state);
        if (is_it && !(may_import && str_eq(key->state, KMS_STATE_PENDING_IMPORT)))
            return call_fail(call, &KMS_KMS_INVALID_STATE_EXCEPTION, STR_FMT " %s",
                             STR_ARG(key->arn), unusable[i].text);
    }
    return STATUS_DONE;
}

enum status kms_require_usable(struct call *call, const struct kms_key *key)
{
    if (str_eq(key->state, KMS_STATE_DISABLED))
        return call_fail(call, &KMS_DISABLED_EXCEPTION, STR_FMT " is disabled.", STR_ARG(key->arn));
    return refuse_state(call, key, false);
}

enum status kms_require_kept(struct call *call, const struct kms_key *key)
{
    return refuse_state(call, key, true);
}

/* AWS: "You cannot manage these KMS keys, rotate them, or change their key policies." */
enum status kms_require_own(struct call *call, const struct kms_key *key)
{
    if (str_eq_cstr(key->manager, "AWS"))
        return call_fail(call, &ERROR_ACCESS_DENIED,
                         "User: " STR_FMT " is not authorized to perform: kms:" STR_FMT
                         " on resource: " STR_FMT " because the key is managed by AWS",
                         STR_ARG(call->principal->arn), STR_ARG(call->operation->name),
                         STR_ARG(key->arn));
    return STATUS_DONE;
}

enum status kms_require_usage(struct call *call, const struct kms_key *key, const char *usage)
{
    if (str_eq_cstr(key->usage, usage))
        return STATUS_DONE;
    return call_fail(call, &KMS_INVALID_KEY_USAGE_EXCEPTION,
                     STR_FMT " key usage is " STR_FMT " which is not valid for " STR_FMT ".",
                     STR_ARG(key->arn), STR_ARG(key->usage), STR_ARG(call->operation->name));
}

enum status kms_require_algorithm(struct call *call, const struct kms_key *key,
                                  struct kms_algorithms algorithms, struct str algorithm)
{
    if (kms_has_algorithm(algorithms, algorithm))
        return STATUS_DONE;
    return call_fail(call, &KMS_INVALID_KEY_USAGE_EXCEPTION,
                     "Algorithm " STR_FMT " is incompatible with key spec " STR_FMT ".",
                     STR_ARG(algorithm), STR_ARG(key->spec->name));
}

enum status kms_end_dry_run(struct call *call, struct opt_bool dry_run)
{
    if (!opt_bool_or(dry_run, false))
        return STATUS_DONE;
    return call_fail(call, &KMS_DRY_RUN_OPERATION_EXCEPTION,
                     "The request would have succeeded, but the DryRun option is set.");
}

/* DEVIATION: AWS answers these to Nitro enclaves, which prove what they are; there are none here,
 * so nobody could open the answer. */
enum status kms_refuse_recipient(struct call *call, const struct kms_recipient_info *recipient)
{
    if (!recipient)
        return STATUS_DONE;
    return call_fail(call, &KMS_UNSUPPORTED_OPERATION_EXCEPTION,
                     "Recipient (attestation documents of Nitro enclaves) is not supported.");
}

/* --- markers --- */

enum status kms_marker_read(struct call *call, struct str marker, struct str *out_after)
{
    *out_after = STR("");
    if (!marker.ptr)
        return STATUS_DONE;
    struct str text = {0};
    if (base64url_decode(call->arena, marker, &text) < 0 || !str_is_utf8(text) ||
        str_index(text, '\0') >= 0 || !str_starts_with(text, STR("after:")))
        return call_fail(call, &KMS_INVALID_MARKER_EXCEPTION,
                         "Could not deserialize marker '" STR_FMT "'", STR_ARG(marker));
    *out_after = str_from(text, 6);
    return STATUS_DONE;
}

struct str kms_marker_write(struct call *call, struct str last)
{
    return base64url_encode_str(call->arena, str_concat(call->arena, STR("after:"), last));
}
