/* crypto.c — the cryptography of KMS over OpenSSL's EVP interface.
 *
 * Pure functions: bytes in, bytes out, no store and no call. A private key is parsed for each use,
 * which costs tens of microseconds; nothing secret outlives the arena.
 *
 * RFC: 8017 (RSA), 5649 (key wrap with padding), 8032 (Ed25519); SEC 1 (ECDSA, ECDH).
 */
#include <errno.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

#include "base/arena.h"
#include "base/mem.h"
#include "base/rand.h"
#include "service/kms/kms.h"

enum {
    NONCE_BYTES = 12,
    TAG_BYTES = 16,
    WRAP_BLOCK = 8,
};

static void pkey_autoclose(EVP_PKEY **slot)
{
    EVP_PKEY_free(*slot);
}

static void context_autoclose(EVP_PKEY_CTX **slot)
{
    EVP_PKEY_CTX_free(*slot);
}

static void cipher_autoclose(EVP_CIPHER_CTX **slot)
{
    EVP_CIPHER_CTX_free(*slot);
}

static void sign_autoclose(EVP_MD_CTX **slot)
{
    EVP_MD_CTX_free(*slot);
}

static void pkcs8_autoclose(PKCS8_PRIV_KEY_INFO **slot)
{
    PKCS8_PRIV_KEY_INFO_free(*slot);
}

static const unsigned char *bytes_of(struct str s)
{
    return (const unsigned char *)(s.ptr ? s.ptr : "");
}

/* OpenSSL queues its errors per thread; ours are told by return values. */
static int refuse(int rc)
{
    ERR_clear_error();
    return rc;
}

static EVP_PKEY *read_private(struct str secret)
{
    const unsigned char *at = bytes_of(secret);
    return d2i_AutoPrivateKey(NULL, &at, (long)secret.len);
}

/* --- making keys --- */

static int write_private(EVP_PKEY *key, unsigned char **out_bytes, size_t *out_len)
{
    AUTO(pkcs8) PKCS8_PRIV_KEY_INFO *info = key ? EVP_PKEY2PKCS8(key) : NULL;
    int len = info ? i2d_PKCS8_PRIV_KEY_INFO(info, NULL) : 0;
    if (len <= 0)
        return refuse(-EIO);
    unsigned char *bytes = mem_new((size_t)len);
    unsigned char *at = bytes;
    (void)i2d_PKCS8_PRIV_KEY_INFO(info, &at);
    *out_bytes = bytes;
    *out_len = (size_t)len;
    return 0;
}

int kms_new_rsa(int bits, char **out_heap_buffer, size_t *out_len)
{
    AUTO(pkey) EVP_PKEY *key = EVP_RSA_gen((unsigned)bits);
    unsigned char *bytes = NULL;
    int rc = write_private(key, &bytes, out_len);
    if (rc == 0)
        *out_heap_buffer = (char *)bytes;
    return rc;
}

static struct str random_bytes(struct arena *arena, size_t count)
{
    char *bytes = arena_alloc_text(arena, count);
    rand_bytes(bytes, count);
    return str_of(bytes, count);
}

int kms_new_secret(struct arena *arena, const struct kms_spec *spec, struct str *out_secret)
{
    AUTO(pkey) EVP_PKEY *key = NULL;
    switch (spec->family) {
    case KMS_SYMMETRIC:
    case KMS_HMAC:
        *out_secret = random_bytes(arena, (size_t)spec->bits / 8);
        return 0;
    case KMS_RSA:
        key = EVP_RSA_gen((unsigned)spec->bits);
        break;
    case KMS_EC:
        key = EVP_EC_gen(spec->curve);
        break;
    case KMS_EDWARDS:
        key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
        break;
    }
    AUTO(mem) unsigned char *bytes = NULL;
    size_t len = 0;
    int rc = write_private(key, &bytes, &len);
    if (rc == 0)
        *out_secret = str_copy(arena, str_of((const char *)bytes, len));
    return rc;
}

int kms_public_of(struct arena *arena, struct str secret, struct str *out_public)
{
    AUTO(pkey) EVP_PKEY *key = read_private(secret);
    int len = key ? i2d_PUBKEY(key, NULL) : 0;
    if (len <= 0)
        return refuse(-EINVAL);
    unsigned char *bytes = (unsigned char *)arena_alloc_text(arena, (size_t)len);
    unsigned char *at = bytes;
    (void)i2d_PUBKEY(key, &at);
    *out_public = str_of((const char *)bytes, (size_t)len);
    return 0;
}

static bool curve_is(const EVP_PKEY *key, const char *wanted)
{
    char name[64];
    size_t len = 0;
    return EVP_PKEY_get_group_name(key, name, sizeof(name), &len) == 1 && strcmp(name, wanted) == 0;
}

bool kms_secret_fits(struct arena *arena, const struct kms_spec *spec, struct str secret)
{
    (void)arena;
    if (spec->family == KMS_SYMMETRIC || spec->family == KMS_HMAC)
        return secret.len == (size_t)spec->bits / 8;
    AUTO(pkey) EVP_PKEY *key = read_private(secret);
    bool fits = false;
    if (key && spec->family == KMS_RSA)
        fits = EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_bits(key) == spec->bits;
    else if (key && spec->family == KMS_EC)
        fits = EVP_PKEY_is_a(key, "EC") && curve_is(key, spec->curve);
    else if (key)
        fits = EVP_PKEY_is_a(key, "ED25519");
    ERR_clear_error();
    return fits;
}

/* --- symmetric --- */

struct str kms_gcm_seal(struct arena *arena, struct str key, struct str aad, struct str plain)
{
    CHECK(key.len == KMS_SYMMETRIC_BYTES);
    size_t size = NONCE_BYTES + plain.len + TAG_BYTES;
    unsigned char *out = (unsigned char *)arena_alloc_text(arena, size);
    rand_bytes(out, NONCE_BYTES);
    AUTO(cipher) EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int len = 0;
    int ok = context != NULL &&
             EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), NULL, bytes_of(key), out) &&
             EVP_EncryptUpdate(context, NULL, &len, bytes_of(aad), (int)aad.len) &&
             EVP_EncryptUpdate(context, out + NONCE_BYTES, &len, bytes_of(plain), (int)plain.len) &&
             EVP_EncryptFinal_ex(context, out + NONCE_BYTES + plain.len, &len) &&
             EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, TAG_BYTES,
                                 out + NONCE_BYTES + plain.len);
    CHECK(ok); /* only our own mistake or a broken library gets here */
    return str_of((const char *)out, size);
}

int kms_gcm_open(struct arena *arena, struct str key, struct str aad, struct str sealed,
                 struct str *out_plain)
{
    if (key.len != KMS_SYMMETRIC_BYTES || sealed.len < NONCE_BYTES + TAG_BYTES)
        return -EBADMSG;
    size_t plain_len = sealed.len - NONCE_BYTES - TAG_BYTES;
    const unsigned char *in = bytes_of(sealed);
    unsigned char *out = (unsigned char *)arena_alloc_text(arena, plain_len + 1);
    unsigned char tag[TAG_BYTES];
    memcpy(tag, in + NONCE_BYTES + plain_len, TAG_BYTES);
    AUTO(cipher) EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    CHECK(context != NULL);
    int len = 0;
    int ok = EVP_DecryptInit_ex(context, EVP_aes_256_gcm(), NULL, bytes_of(key), in) &&
             EVP_DecryptUpdate(context, NULL, &len, bytes_of(aad), (int)aad.len) &&
             EVP_DecryptUpdate(context, out, &len, in + NONCE_BYTES, (int)plain_len) &&
             EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, TAG_BYTES, tag) &&
             EVP_DecryptFinal_ex(context, out + plain_len, &len);
    if (!ok)
        return refuse(-EBADMSG);
    *out_plain = str_of((const char *)out, plain_len);
    return 0;
}

int kms_unwrap_padded(struct arena *arena, struct str key, struct str wrapped,
                      struct str *out_plain)
{
    if (key.len != 32 || wrapped.len < 2 * WRAP_BLOCK || wrapped.len % WRAP_BLOCK != 0)
        return -EBADMSG;
    AUTO(cipher) EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    CHECK(context != NULL);
    EVP_CIPHER_CTX_set_flags(context, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    unsigned char *out = (unsigned char *)arena_alloc_text(arena, wrapped.len + WRAP_BLOCK);
    int len = 0;
    int ok = EVP_DecryptInit_ex(context, EVP_aes_256_wrap_pad(), NULL, bytes_of(key), NULL) &&
             EVP_DecryptUpdate(context, out, &len, bytes_of(wrapped), (int)wrapped.len) > 0;
    if (!ok || len <= 0)
        return refuse(-EBADMSG);
    *out_plain = str_of((const char *)out, (size_t)len);
    return 0;
}

/* --- digests --- */

static const EVP_MD *digest_of(struct str algorithm)
{
    if (str_ends_with(algorithm, STR("SHA_1")))
        return EVP_sha1();
    if (str_ends_with(algorithm, STR("SHA_224")))
        return EVP_sha224();
    if (str_ends_with(algorithm, STR("SHA_256")))
        return EVP_sha256();
    if (str_ends_with(algorithm, STR("SHA_384")))
        return EVP_sha384();
    return EVP_sha512();
}

size_t kms_digest_size(struct str algorithm)
{
    return (size_t)EVP_MD_get_size(digest_of(algorithm));
}

struct str kms_digest(struct arena *arena, struct str algorithm, struct str message)
{
    unsigned char *out = (unsigned char *)arena_alloc_text(arena, EVP_MAX_MD_SIZE);
    unsigned len = 0;
    CHECK(EVP_Digest(bytes_of(message), message.len, out, &len, digest_of(algorithm), NULL));
    return str_of((const char *)out, len);
}

struct str kms_hmac(struct arena *arena, struct str key, struct str algorithm, struct str message)
{
    unsigned char *out = (unsigned char *)arena_alloc_text(arena, EVP_MAX_MD_SIZE);
    unsigned len = 0;
    CHECK(HMAC(digest_of(algorithm), bytes_of(key), (int)key.len, bytes_of(message), message.len,
               out, &len));
    return str_of((const char *)out, len);
}

/* --- RSA encryption --- */

static bool set_padding(EVP_PKEY_CTX *context, struct str algorithm)
{
    if (str_eq_cstr(algorithm, "RSAES_PKCS1_V1_5"))
        return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1;
    return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_oaep_md(context, digest_of(algorithm)) == 1 &&
           EVP_PKEY_CTX_set_rsa_mgf1_md(context, digest_of(algorithm)) == 1;
}

int kms_rsa_encrypt(struct arena *arena, struct str secret, struct str algorithm, struct str plain,
                    struct str *out_sealed)
{
    AUTO(pkey) EVP_PKEY *key = read_private(secret);
    AUTO(context) EVP_PKEY_CTX *context = key ? EVP_PKEY_CTX_new(key, NULL) : NULL;
    if (!context || EVP_PKEY_encrypt_init(context) != 1 || !set_padding(context, algorithm))
        return refuse(-EIO);
    size_t len = (size_t)EVP_PKEY_get_size(key);
    unsigned char *out = (unsigned char *)arena_alloc_text(arena, len);
    if (EVP_PKEY_encrypt(context, out, &len, bytes_of(plain), plain.len) != 1)
        return refuse(-EMSGSIZE);
    *out_sealed = str_of((const char *)out, len);
    return 0;
}

int kms_rsa_decrypt(struct arena *arena, struct str secret, struct str algorithm, struct str sealed,
                    struct str *out_plain)
{
    AUTO(pkey) EVP_PKEY *key = read_private(secret);
    AUTO(context) EVP_PKEY_CTX *context = key ? EVP_PKEY_CTX_new(key, NULL) : NULL;
    if (!context || EVP_PKEY_decrypt_init(context) != 1 || !set_padding(context, algorithm))
        return refuse(-EIO);
    size_t len = (size_t)EVP_PKEY_get_size(key);
    unsigned char *out = (unsigned char *)arena_alloc_text(arena, len);
    if (EVP_PKEY_decrypt(context, out, &len, bytes_of(sealed), sealed.len) != 1)
        return refuse(-EBADMSG);
    *out_plain = str_of((const char *)out, len);
    return 0;
}

/* --- signatures --- */

/* AWS: RSASSA_PSS uses MGF1 with the same digest and a salt as long as the digest. */
static bool set_signature(EVP_PKEY_CTX *context, struct str algorithm)
{
    if (EVP_PKEY_CTX_set_signature_md(context, digest_of(algorithm)) != 1)
        return false;
    if (str_starts_with(algorithm, STR("RSASSA_PSS")))
        return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
               EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1;
    if (str_starts_with(algorithm, STR("RSASSA_PKCS1")))
        return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1;
    return true;
}

static bool is_edwards(struct str algorithm)
{
    return str_starts_with(algorithm, STR("ED25519"));
}

int kms_sign_digest(struct arena *arena, struct str secret, struct str algorithm, struct str digest,
                    struct str *out_signature)
{
    AUTO(pkey) EVP_PKEY *key = read_private(secret);
    if (!key)
        return refuse(-EIO);
    size_t len = (size_t)EVP_PKEY_get_size(key);
    unsigned char *out = (unsigned char *)arena_alloc_text(arena, len);
    int ok = 0;
    if (is_edwards(algorithm)) {
        AUTO(sign) EVP_MD_CTX *context = EVP_MD_CTX_new();
        ok = context && EVP_DigestSignInit(context, NULL, NULL, NULL, key) == 1 &&
             EVP_DigestSign(context, out, &len, bytes_of(digest), digest.len) == 1;
    } else {
        AUTO(context) EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
        ok = context && EVP_PKEY_sign_init(context) == 1 && set_signature(context, algorithm) &&
             EVP_PKEY_sign(context, out, &len, bytes_of(digest), digest.len) == 1;
    }
    if (!ok)
        return refuse(-EIO);
    *out_signature = str_of((const char *)out, len);
    return 0;
}

bool kms_verify_digest(struct arena *arena, struct str secret, struct str algorithm,
                       struct str digest, struct str signature)
{
    (void)arena;
    AUTO(pkey) EVP_PKEY *key = read_private(secret);
    int ok = 0;
    if (key && is_edwards(algorithm)) {
        AUTO(sign) EVP_MD_CTX *context = EVP_MD_CTX_new();
        ok = context && EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) == 1 &&
             EVP_DigestVerify(context, bytes_of(signature), signature.len, bytes_of(digest),
                              digest.len) == 1;
    } else if (key) {
        AUTO(context) EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
        ok = context && EVP_PKEY_verify_init(context) == 1 && set_signature(context, algorithm) &&
             EVP_PKEY_verify(context, bytes_of(signature), signature.len, bytes_of(digest),
                             digest.len) == 1;
    }
    ERR_clear_error();
    return ok != 0;
}

/* --- key agreement --- */

int kms_ecdh(struct arena *arena, struct str secret, struct str public_key, struct str *out_shared)
{
    const unsigned char *at = bytes_of(public_key);
    AUTO(pkey) EVP_PKEY *key = read_private(secret);
    AUTO(pkey) EVP_PKEY *peer = d2i_PUBKEY(NULL, &at, (long)public_key.len);
    AUTO(context) EVP_PKEY_CTX *context = key ? EVP_PKEY_CTX_new(key, NULL) : NULL;
    size_t len = 0;
    if (!peer || !context || EVP_PKEY_derive_init(context) != 1 ||
        EVP_PKEY_derive_set_peer(context, peer) != 1 || EVP_PKEY_derive(context, NULL, &len) != 1)
        return refuse(-EINVAL);
    unsigned char *out = (unsigned char *)arena_alloc_text(arena, len);
    if (EVP_PKEY_derive(context, out, &len) != 1)
        return refuse(-EINVAL);
    *out_shared = str_of((const char *)out, len);
    return 0;
}
