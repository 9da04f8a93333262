/* import.c — keys with imported material: GetParametersForImport, ImportKeyMaterial,
 * DeleteImportedKeyMaterial.
 *
 * The import token is the state: it holds the wrapping key's private half, the key's ARN, the
 * algorithm and the date, sealed by the store's master key, so nothing is kept until material
 * comes. What was imported is checked to be a key of the spec.
 *
 * Docs: KMS developer guide, "Importing key material for AWS KMS keys"; API reference,
 * ImportKeyMaterial. RFC 5649 for RSA_AES_KEY_WRAP_*.
 */
#include <errno.h>

#include "auth/seal.h"
#include "base/arena.h"
#include "service/kms/kms.h"
#include "syntax/base64.h"
#include "syntax/json.h"

enum {
    TOKEN_DAYS = 1,       /* AWS: "valid for 24 hours" */
    VALID_MAX_DAYS = 365, /* AWS: "no more than 365 days from the request date" */
};

static enum status check_external(struct call *call, const struct kms_key *key)
{
    if (!str_eq_cstr(key->origin, "EXTERNAL"))
        return call_fail(call, &KMS_UNSUPPORTED_OPERATION_EXCEPTION,
                         STR_FMT " origin is " STR_FMT " which is not valid for this operation.",
                         STR_ARG(key->arn), STR_ARG(key->origin));
    return kms_require_kept(call, key);
}

/* --- parameters --- */

struct token {
    struct str arn;
    struct str algorithm;
    struct str secret; /* PKCS #8 of the wrapping key */
    int64_t valid_to_ms;
};

static enum status seal_token(struct call *call, const struct token *token, struct str *out_text)
{
    struct arena *arena = call->arena;
    struct json *object = json_new(arena, JSON_OBJECT);
    json_append_member(object, STR("arn"), json_new_string(arena, token->arn));
    json_append_member(object, STR("algorithm"), json_new_string(arena, token->algorithm));
    json_append_member(object, STR("validTo"), json_new_number(arena, token->valid_to_ms));
    json_append_member(object, STR("secret"),
                       json_new_string(arena, base64_encode_str(arena, token->secret)));
    return kms_seal_secret(call, json_to_str(arena, object), out_text);
}

/* 0, -EBADMSG (not one of ours) or another -errno. */
static int open_token(struct call *call, struct str text, struct token *out)
{
    struct str master = {0};
    struct str plain = {0};
    struct json *object = NULL;
    int rc = kms_master_key(call, &master);
    if (rc < 0)
        return rc;
    if (unseal(call->arena, master, text, &plain) < 0 ||
        json_parse(call->arena, plain, 0, &object, NULL) < 0)
        return -EBADMSG;
    out->arn = json_find_str(object, "arn");
    out->algorithm = json_find_str(object, "algorithm");
    const struct json *valid_to = json_find_cstr(object, "validTo");
    if (!valid_to || str_to_i64(valid_to->text, &out->valid_to_ms) < 0 ||
        base64_decode(call->arena, json_find_str(object, "secret"), &out->secret) < 0)
        return -EBADMSG;
    return 0;
}

/* AWS: which wrapping suits which key ("Select a wrapping algorithm"): RSAES_OAEP_* cannot hold RSA
 * private keys; RSAES_PKCS1_V1_5 is no longer offered; SM2PKE is of the China regions. */
static enum status check_wrapping(struct call *call, const struct kms_key *key,
                                  struct str algorithm, struct str spec)
{
    bool is_oaep = str_starts_with(algorithm, STR("RSAES_OAEP"));
    bool is_wrap = str_starts_with(algorithm, STR("RSA_AES_KEY_WRAP"));
    if (!(is_oaep || is_wrap) || !kms_find_spec(spec))
        return call_fail(call, &KMS_UNSUPPORTED_OPERATION_EXCEPTION,
                         "Wrapping algorithm " STR_FMT " with wrapping key spec " STR_FMT
                         " is not supported.",
                         STR_ARG(algorithm), STR_ARG(spec));
    if (is_oaep && key->spec->family == KMS_RSA)
        return call_fail(call, &ERROR_VALIDATION,
                         "Wrapping algorithm " STR_FMT " is not valid for key spec " STR_FMT ".",
                         STR_ARG(algorithm), STR_ARG(key->spec->name));
    return STATUS_DONE;
}

enum status kms_get_parameters_for_import(struct call *call,
                                          const struct kms_get_parameters_for_import_in *in,
                                          struct kms_get_parameters_for_import_out *out)
{
    const struct kms_key *key = kms_subject_key(call);
    struct token token = {
        .arn = key->arn,
        .algorithm = in->wrapping_algorithm,
        .valid_to_ms = call->now_ms + TOKEN_DAYS * (int64_t)KMS_DAY_MS,
    };
    enum status status = check_external(call, key);
    if (status == STATUS_DONE)
        status = check_wrapping(call, key, in->wrapping_algorithm, in->wrapping_key_spec);
    if (status == STATUS_DONE)
        status = kms_take_secret(call, kms_find_spec(in->wrapping_key_spec), &token.secret);
    if (status == STATUS_DONE)
        status = seal_token(call, &token, &out->import_token);
    if (status != STATUS_DONE)
        return status;
    int rc = kms_public_of(call->arena, token.secret, &out->public_key);
    if (rc < 0)
        return call_fail_internal(call, rc, "kms: wrapping key");
    out->key_id = key->arn;
    out->parameters_valid_to = opt_i64(token.valid_to_ms);
    return STATUS_DONE;
}

/* --- import --- */

static enum status read_token(struct call *call, const struct kms_key *key, struct str text,
                              struct token *out)
{
    int rc = open_token(call, text, out);
    if (rc < 0 && rc != -EBADMSG)
        return call_fail_internal(call, rc, "kms: open an import token");
    if (rc == -EBADMSG || !str_eq(out->arn, key->arn))
        return call_fail(call, &KMS_INVALID_IMPORT_TOKEN_EXCEPTION, "%s", "");
    if (out->valid_to_ms <= call->now_ms)
        return call_fail(call, &KMS_EXPIRED_IMPORT_TOKEN_EXCEPTION, "%s", "");
    return STATUS_DONE;
}

static int unwrap(struct call *call, const struct token *token, struct str wrapped,
                  struct str *out_plain)
{
    if (str_starts_with(token->algorithm, STR("RSAES_OAEP")))
        return kms_rsa_decrypt(call->arena, token->secret, token->algorithm, wrapped, out_plain);
    /* RSA_AES_KEY_WRAP_SHA_n: an AES key under RSAES_OAEP_SHA_n, then what it wraps. */
    struct str modulus = {0};
    struct str aes_key = {0};
    static const int sizes[] = {2048, 3072, 4096};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        size_t len = (size_t)sizes[i] / 8;
        modulus = str_slice(wrapped, 0, len);
        if (wrapped.len > len &&
            kms_rsa_decrypt(call->arena, token->secret, token->algorithm, modulus, &aes_key) == 0)
            return kms_unwrap_padded(call->arena, aes_key, str_from(wrapped, len), out_plain);
    }
    return -EBADMSG;
}

/* AWS: ExpirationModel "The default is KEY_MATERIAL_EXPIRES", with which ValidTo is required. */
static enum status check_expiry(struct call *call, const struct kms_import_key_material_in *in)
{
    bool expires = !str_eq_cstr(in->expiration_model, "KEY_MATERIAL_DOES_NOT_EXPIRE");
    if (expires && !in->valid_to.is_set)
        return call_fail(call, &ERROR_VALIDATION,
                         "A validTo date must be set if the ExpirationModel is "
                         "KEY_MATERIAL_EXPIRES");
    if (!expires && in->valid_to.is_set)
        return call_fail(call, &ERROR_VALIDATION,
                         "A validTo date must not be set if the ExpirationModel is "
                         "KEY_MATERIAL_DOES_NOT_EXPIRE");
    int64_t last = call->now_ms + VALID_MAX_DAYS * (int64_t)KMS_DAY_MS;
    if (expires && (in->valid_to.value <= call->now_ms || in->valid_to.value > last))
        return call_fail(call, &ERROR_VALIDATION,
                         "ValidTo must be in the future and at most 365 days from now.");
    return STATUS_DONE;
}

static enum status incorrect_material(struct call *call)
{
    return call_fail(call, &KMS_INCORRECT_KEY_MATERIAL_EXCEPTION,
                     "The key material in the request is not the key material that was "
                     "previously imported into this KMS key.");
}

/* AWS: "You must reimport the same key material"; of replicas: the primary's. Sets *out_material to
 * the row to write: found, or the next. */
static enum status place_material(struct call *call, const struct kms_key *key, bool is_new,
                                  struct str id, struct kms_material *out_material)
{
    int rc = kms_store_find_material(call->db, call->arena, key, id, out_material);
    if (rc < 0)
        return call_fail_internal(call, rc, "kms: find key material");
    if (rc == 1)
        return STATUS_DONE;
    if (key->material_id.len > 0 && (!is_new || key->spec->family != KMS_SYMMETRIC))
        return incorrect_material(call);
    bool is_replica =
        key->primary_region.len > 0 && !str_eq(key->primary_region, key->scope.region);
    struct kms_key *primary = NULL;
    if (is_replica)
        rc = kms_store_find_key(call->db, call->arena,
                                (struct scope){key->scope.account, key->primary_region}, key->id,
                                &primary);
    if (rc < 0)
        return call_fail_internal(call, rc, "kms: find a primary key");
    if (primary && primary->material_id.len > 0 && !str_eq(primary->material_id, id))
        return incorrect_material(call);
    int64_t serial = kms_store_next_serial(call->db, key);
    if (serial < 0)
        return call_fail_internal(call, (int)serial, "kms: number key material");
    *out_material = (struct kms_material){
        .id = id,
        .serial = serial,
        .created_at_ms = call->now_ms,
        .state = key->material_id.len > 0 ? KMS_MATERIAL_WAITING : KMS_MATERIAL_CURRENT,
    };
    return STATUS_DONE;
}

static enum status write_material(struct call *call, struct kms_key *key,
                                  const struct kms_import_key_material_in *in,
                                  struct kms_material *material)
{
    material->valid_to_ms = opt_i64_or(in->valid_to, 0);
    material->description = str_or(in->key_material_description, material->description);
    int rc = kms_store_put_material(call->db, key, material);
    if (rc < 0)
        return call_fail_internal(call, rc, "kms: write key material");
    if (material->state == KMS_MATERIAL_CURRENT)
        key->material_id = material->id;
    int64_t absent = kms_store_count_absent(call->db, key);
    if (absent == 0 && str_eq(key->state, KMS_STATE_PENDING_IMPORT))
        key->state = KMS_STATE_ENABLED;
    rc = absent < 0 ? (int)absent : kms_store_update_key(call->db, key);
    return rc < 0 ? call_fail_internal(call, rc, "kms: update a key") : kms_reschedule(call, key);
}

enum status kms_import_key_material(struct call *call, const struct kms_import_key_material_in *in,
                                    struct kms_import_key_material_out *out)
{
    struct kms_key *key = kms_subject_key(call);
    struct token token = {0};
    struct str plain = {0};
    struct kms_material material = {0};
    enum status status = check_external(call, key);
    if (status == STATUS_DONE)
        status = check_expiry(call, in);
    if (status == STATUS_DONE)
        status = read_token(call, key, in->import_token, &token);
    if (status != STATUS_DONE)
        return status;
    if (unwrap(call, &token, in->encrypted_key_material, &plain) < 0 ||
        !kms_secret_fits(call->arena, key->spec, plain))
        return call_fail(call, &KMS_INVALID_CIPHERTEXT_EXCEPTION, "%s", "");
    struct str id = {0};
    bool is_new = str_eq_cstr(in->import_type, "NEW_KEY_MATERIAL");
    status = kms_material_id(call, key, plain, &id);
    if (status == STATUS_DONE && in->key_material_id.ptr && !str_eq(in->key_material_id, id))
        status = incorrect_material(call);
    if (status == STATUS_DONE)
        status = place_material(call, key, is_new, id, &material);
    if (status == STATUS_DONE)
        status = kms_seal_secret(call, plain, &material.sealed);
    if (status == STATUS_DONE)
        status = write_material(call, key, in, &material);
    out->key_id = key->arn;
    if (key->spec->family == KMS_SYMMETRIC)
        out->key_material_id = id;
    return status;
}

enum status kms_delete_imported_key_material(struct call *call,
                                             const struct kms_delete_imported_key_material_in *in,
                                             struct kms_delete_imported_key_material_out *out)
{
    struct kms_key *key = kms_subject_key(call);
    struct kms_material material = {0};
    enum status status = check_external(call, key);
    if (status != STATUS_DONE)
        return status;
    struct str id = str_or(in->key_material_id, key->material_id);
    out->key_id = key->arn;
    int rc = kms_store_find_material(call->db, call->arena, key, id, &material);
    if (rc < 0)
        return call_fail_internal(call, rc, "kms: find key material");
    if (rc == 0 && in->key_material_id.ptr)
        return call_fail(call, &KMS_NOT_FOUND_EXCEPTION, "Key material " STR_FMT " does not exist",
                         STR_ARG(id));
    if (rc == 0)
        return STATUS_DONE; /* AWS: "does nothing" when there is none */
    material.sealed = STR("");
    material.valid_to_ms = 0;
    rc = kms_store_put_material(call->db, key, &material);
    if (material.state != KMS_MATERIAL_WAITING)
        key->state = KMS_STATE_PENDING_IMPORT;
    if (rc == 0)
        rc = kms_store_update_key(call->db, key);
    if (key->spec->family == KMS_SYMMETRIC)
        out->key_material_id = id;
    return rc < 0 ? call_fail_internal(call, rc, "kms: delete key material") : STATUS_DONE;
}
