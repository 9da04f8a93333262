/* ssh_key.c — SSH public keys of users.
 *
 * A key is kept in OpenSSH's form ("ssh-rsa BASE64 comment"). Encoding=PEM shows the same numbers
 * as a SubjectPublicKeyInfo: SSH has them as (e, n) with 32-bit lengths (RFC 4253, 6.6), PEM as DER
 * (RFC 8017, A.1.1; RFC 5280, 4.1.2.7).
 *
 * AWS: "The SSH public key must be encoded in ssh-rsa format or PEM format. The minimum bit-length
 * of the public key is 2048 bits."
 */
#include "auth/digest.h"
#include "auth/key_id.h"
#include "base/arena.h"
#include "service/iam/iam.h"
#include "syntax/base64.h"

enum {
    MIN_MODULUS_BYTES = 256,
    MAX_KEY_BYTES = 16 * 1024, /* publicKeyMaterialType's limit, in whatever form */
    DER_INTEGER = 0x02,
    DER_BIT_STRING = 0x03,
    DER_SEQUENCE = 0x30,
};

/* Numbers as big-endian bytes, with a leading 0 when the first bit is set. */
struct rsa_key {
    struct str exponent;
    struct str modulus;
};

/* --- OpenSSH's form --- */

static bool take_ssh_string(struct str *rest, struct str *out)
{
    if (rest->len < 4)
        return false;
    const unsigned char *p = (const unsigned char *)rest->ptr;
    size_t len = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
    if (len > rest->len - 4)
        return false;
    *out = str_slice(*rest, 4, len);
    *rest = str_from(*rest, 4 + len);
    return true;
}

static void put_ssh_string(struct buf *out, struct str bytes)
{
    const char length[4] = {(char)(bytes.len >> 24), (char)(bytes.len >> 16),
                            (char)(bytes.len >> 8), (char)bytes.len};
    buf_append(out, str_of(length, sizeof(length)));
    buf_append(out, bytes);
}

/* Reads "ssh-rsa BASE64 [comment]"; *out_blob is what the base64 holds. */
static bool read_ssh(struct arena *arena, struct str text, struct rsa_key *out,
                     struct str *out_blob)
{
    struct str rest = str_trim(text);
    struct str type = {0};
    struct str base64 = {0};
    struct str inner = {0};
    if (!str_split_next(&rest, ' ', &type) || !str_eq_cstr(type, "ssh-rsa") ||
        !str_split_next(&rest, ' ', &base64) || base64_decode(arena, base64, out_blob) < 0)
        return false;
    struct str blob = *out_blob;
    return take_ssh_string(&blob, &inner) && str_eq_cstr(inner, "ssh-rsa") &&
           take_ssh_string(&blob, &out->exponent) && take_ssh_string(&blob, &out->modulus) &&
           blob.len == 0 && out->exponent.len > 0 && out->modulus.len >= MIN_MODULUS_BYTES;
}

static struct str write_ssh(struct arena *arena, const struct rsa_key *key)
{
    struct buf blob;
    buf_init(&blob, arena, MAX_KEY_BYTES);
    put_ssh_string(&blob, STR("ssh-rsa"));
    put_ssh_string(&blob, key->exponent);
    put_ssh_string(&blob, key->modulus);
    return str_concat(arena, STR("ssh-rsa "), base64_encode_str(arena, buf_str(&blob)));
}

/* --- PEM --- */

/* OID 1.2.840.113549.1.1.1 (rsaEncryption) and NULL, as an AlgorithmIdentifier. */
static const char rsa_algorithm[] = "\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";

static void put_der(struct buf *out, unsigned char tag, struct str content)
{
    buf_append_char(out, (char)tag);
    if (content.len < 128) {
        buf_append_char(out, (char)content.len);
    } else if (content.len < 256) {
        buf_append_char(out, (char)0x81);
        buf_append_char(out, (char)content.len);
    } else {
        buf_append_char(out, (char)0x82);
        buf_append_char(out, (char)(content.len >> 8));
        buf_append_char(out, (char)content.len);
    }
    buf_append(out, content);
}

static bool take_der(struct str *rest, unsigned char tag, struct str *out)
{
    const unsigned char *p = (const unsigned char *)rest->ptr;
    if (rest->len < 2 || p[0] != tag)
        return false;
    size_t header = 2;
    size_t len = p[1];
    if (len == 0x81 && rest->len > 2) {
        len = p[2];
        header = 3;
    } else if (len == 0x82 && rest->len > 3) {
        len = (size_t)p[2] << 8 | p[3];
        header = 4;
    } else if (len >= 128) {
        return false;
    }
    if (len > rest->len - header)
        return false;
    *out = str_slice(*rest, header, len);
    *rest = str_from(*rest, header + len);
    return true;
}

static struct str write_pem(struct arena *arena, const struct rsa_key *key)
{
    struct buf numbers;
    struct buf wrapped;
    struct buf info;
    struct buf whole;
    buf_init(&numbers, arena, MAX_KEY_BYTES);
    buf_init(&wrapped, arena, MAX_KEY_BYTES);
    buf_init(&info, arena, MAX_KEY_BYTES);
    buf_init(&whole, arena, MAX_KEY_BYTES);
    put_der(&numbers, DER_INTEGER, key->modulus);
    put_der(&numbers, DER_INTEGER, key->exponent);
    buf_append_char(&wrapped, '\0'); /* no unused bits */
    put_der(&wrapped, DER_SEQUENCE, buf_str(&numbers));
    buf_append(&info, str_of(rsa_algorithm, sizeof(rsa_algorithm) - 1));
    put_der(&info, DER_BIT_STRING, buf_str(&wrapped));
    put_der(&whole, DER_SEQUENCE, buf_str(&info));
    struct str base64 = base64_encode_str(arena, buf_str(&whole));
    struct buf pem;
    buf_init(&pem, arena, 2 * MAX_KEY_BYTES);
    buf_append_cstr(&pem, "-----BEGIN PUBLIC KEY-----\n");
    for (size_t at = 0; at < base64.len; at += 64) {
        buf_append(&pem, str_slice(base64, at, 64));
        buf_append_char(&pem, '\n');
    }
    buf_append_cstr(&pem, "-----END PUBLIC KEY-----\n");
    return buf_str(&pem);
}

bool iam_read_pem(struct arena *arena, struct str text, const char *label, struct str *out_bytes)
{
    struct str begin = str_format(arena, "-----BEGIN %s-----", label);
    struct str end = str_format(arena, "-----END %s-----", label);
    struct str trimmed = str_trim(text);
    if (!str_starts_with(trimmed, begin) || !str_ends_with(trimmed, end))
        return false;
    struct str body = str_slice(trimmed, begin.len, trimmed.len - begin.len - end.len);
    body = str_replace(arena, body, STR("\r"), STR(""));
    body = str_replace(arena, body, STR("\n"), STR(""));
    return base64_decode(arena, body, out_bytes) == 0;
}

static bool read_pem(struct arena *arena, struct str text, struct rsa_key *out)
{
    struct str whole = {0};
    struct str info = {0};
    struct str bits = {0};
    struct str numbers = {0};
    struct str algorithm = str_of(rsa_algorithm, sizeof(rsa_algorithm) - 1);
    if (!iam_read_pem(arena, text, "PUBLIC KEY", &whole) ||
        !take_der(&whole, DER_SEQUENCE, &info) || whole.len != 0 ||
        !str_starts_with(info, algorithm))
        return false;
    info = str_from(info, algorithm.len);
    if (!take_der(&info, DER_BIT_STRING, &bits) || bits.len < 2 || bits.ptr[0] != '\0')
        return false;
    bits = str_from(bits, 1);
    return take_der(&bits, DER_SEQUENCE, &numbers) &&
           take_der(&numbers, DER_INTEGER, &out->modulus) &&
           take_der(&numbers, DER_INTEGER, &out->exponent) && numbers.len == 0 &&
           out->modulus.len >= MIN_MODULUS_BYTES;
}

/* --- operations --- */

/* AWS: the fingerprint is the MD5 of the key, as pairs of digits with colons. */
static struct str fingerprint_of(struct arena *arena, struct str blob)
{
    unsigned char hash[DIGEST_MD5_SIZE];
    digest_md5(blob, hash);
    struct buf out;
    buf_init(&out, arena, 3 * sizeof(hash));
    for (size_t i = 0; i < sizeof(hash); i++)
        buf_append_format(&out, "%s%02x", i > 0 ? ":" : "", hash[i]);
    return buf_str(&out);
}

static struct iam_ssh_public_key *key_to_answer(struct call *call, const struct iam_entity *user,
                                                const struct iam_credential *key, struct str body)
{
    struct iam_ssh_public_key *out = arena_alloc(call->arena, sizeof(*out));
    *out = (struct iam_ssh_public_key){
        .user_name = user->name,
        .ssh_public_key_id = key->id,
        .fingerprint = key->label,
        .ssh_public_key_body = body,
        .status = key->status,
        .upload_date = opt_i64(key->created_at_ms),
    };
    return out;
}

static enum status read_key(struct call *call, struct str text, struct str *out_body,
                            struct str *out_fingerprint)
{
    struct rsa_key key = {0};
    struct str blob = {0};
    *out_body = str_trim(text);
    if (str_starts_with(*out_body, STR("-----BEGIN"))) {
        if (!read_pem(call->arena, text, &key))
            return call_fail(call, &IAM_INVALID_PUBLIC_KEY_EXCEPTION, "Invalid SSH public key");
        *out_body = write_ssh(call->arena, &key);
    } else if (!str_starts_with(*out_body, STR("ssh-rsa "))) {
        return call_fail(call, &IAM_UNRECOGNIZED_PUBLIC_KEY_ENCODING_EXCEPTION,
                         "Key encoding is neither SSH nor PEM");
    }
    if (!read_ssh(call->arena, *out_body, &key, &blob))
        return call_fail(call, &IAM_INVALID_PUBLIC_KEY_EXCEPTION, "Invalid SSH public key");
    *out_fingerprint = fingerprint_of(call->arena, blob);
    return STATUS_DONE;
}

static enum status check_not_there(struct call *call, const struct iam_entity *user,
                                   struct str fingerprint)
{
    struct vec keys;
    enum status status =
        iam_list_credentials_of(call, IAM_CREDENTIAL_SSH_KEY, user, IAM_EVERYTHING, &keys);
    for (size_t i = 0; i < keys.count && status == STATUS_DONE; i++) {
        const struct iam_credential *other = vec_at(&keys, i);
        if (str_eq(other->label, fingerprint))
            status = call_fail(call, &IAM_DUPLICATE_SSH_PUBLIC_KEY_EXCEPTION,
                               "The SSH public key is already associated with the user " STR_FMT,
                               STR_ARG(user->name));
    }
    return status;
}

enum status iam_upload_ssh_public_key(struct call *call,
                                      const struct iam_upload_ssh_public_key_in *in,
                                      struct iam_upload_ssh_public_key_out *out)
{
    struct iam_entity *user = NULL;
    struct str body = {0};
    struct str fingerprint = {0};
    enum status status = iam_get_entity(call, IAM_KIND_USER, in->user_name, &user);
    if (status == STATUS_DONE)
        status = read_key(call, in->ssh_public_key_body, &body, &fingerprint);
    if (status == STATUS_DONE)
        status = check_not_there(call, user, fingerprint);
    if (status != STATUS_DONE)
        return status;
    const struct iam_credential key = {
        .id = unique_id_new(call->arena, STR("APKA")),
        .kind = IAM_CREDENTIAL_SSH_KEY,
        .account = user->account,
        .user_id = user->id,
        .status = STR("Active"),
        .label = fingerprint,
        .body = body,
        .created_at_ms = call->now_ms / 1000 * 1000,
    };
    out->ssh_public_key = key_to_answer(call, user, &key, in->ssh_public_key_body);
    return iam_new_credential(call, &key);
}

enum status iam_get_ssh_public_key(struct call *call, const struct iam_get_ssh_public_key_in *in,
                                   struct iam_get_ssh_public_key_out *out)
{
    struct iam_entity *user = NULL;
    struct iam_credential key = {0};
    enum status status = iam_get_entity(call, IAM_KIND_USER, in->user_name, &user);
    if (status == STATUS_DONE)
        status =
            iam_get_credential(call, IAM_CREDENTIAL_SSH_KEY, user, in->ssh_public_key_id, &key);
    if (status != STATUS_DONE)
        return status;
    struct str body = key.body;
    if (str_eq_cstr(in->encoding, "PEM")) {
        struct rsa_key numbers = {0};
        struct str blob = {0};
        bool is_ssh = read_ssh(call->arena, key.body, &numbers, &blob);
        CHECK(is_ssh); /* it was read when it was uploaded */
        body = write_pem(call->arena, &numbers);
    }
    out->ssh_public_key = key_to_answer(call, user, &key, body);
    return STATUS_DONE;
}

enum status iam_list_ssh_public_keys(struct call *call,
                                     const struct iam_list_ssh_public_keys_in *in,
                                     struct iam_list_ssh_public_keys_out *out)
{
    struct iam_entity *user = NULL;
    struct iam_range range = {0};
    struct vec keys = {0};
    enum status status = iam_user_or_caller(call, in->user_name, &user);
    if (status == STATUS_DONE)
        status = iam_page_begin(call, in->marker, in->max_items, &range);
    if (status == STATUS_DONE)
        status = iam_list_credentials_of(call, IAM_CREDENTIAL_SSH_KEY, user, range, &keys);
    if (status != STATUS_DONE)
        return status;
    size_t count = iam_page_count(range, keys.count, &out->is_truncated);
    out->ssh_public_keys.items =
        arena_alloc_array(call->arena, count + 1, sizeof(*out->ssh_public_keys.items));
    out->ssh_public_keys.count = count;
    out->ssh_public_keys.is_set = true;
    for (size_t i = 0; i < count; i++) {
        const struct iam_credential *key = vec_at(&keys, i);
        out->ssh_public_keys.items[i] = (struct iam_ssh_public_key_metadata){
            .user_name = user->name,
            .ssh_public_key_id = key->id,
            .status = key->status,
            .upload_date = opt_i64(key->created_at_ms),
        };
        out->marker = out->is_truncated.value ? iam_page_marker(call, key->id) : out->marker;
    }
    return STATUS_DONE;
}

enum status iam_update_ssh_public_key(struct call *call,
                                      const struct iam_update_ssh_public_key_in *in,
                                      struct iam_update_ssh_public_key_out *out)
{
    (void)out;
    return iam_set_credential_status(call, IAM_CREDENTIAL_SSH_KEY, in->user_name,
                                     in->ssh_public_key_id, in->status);
}

enum status iam_delete_ssh_public_key(struct call *call,
                                      const struct iam_delete_ssh_public_key_in *in,
                                      struct iam_delete_ssh_public_key_out *out)
{
    (void)out;
    return iam_remove_credential(call, IAM_CREDENTIAL_SSH_KEY, in->user_name,
                                 in->ssh_public_key_id);
}
