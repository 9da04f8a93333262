/* jwt.c — compact tokens over OpenSSL's keys. */
#include "auth/jwt.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include "base/arena.h"
#include "syntax/base64.h"
#include "syntax/json.h"

enum algorithm_family {
    FAMILY_RSA, /* PKCS #1 v1.5 */
    FAMILY_PSS,
    FAMILY_EC,
};

static const struct algorithm {
    struct str name;
    enum algorithm_family family;
    const char *digest;
    struct str curve; /* JWK's name */
    const char *group;
    size_t coordinate_bytes;
} algorithms[] = {
    {.name = STR_INIT("RS256"), .family = FAMILY_RSA, .digest = "SHA256"},
    {.name = STR_INIT("RS384"), .family = FAMILY_RSA, .digest = "SHA384"},
    {.name = STR_INIT("RS512"), .family = FAMILY_RSA, .digest = "SHA512"},
    {.name = STR_INIT("PS256"), .family = FAMILY_PSS, .digest = "SHA256"},
    {.name = STR_INIT("PS384"), .family = FAMILY_PSS, .digest = "SHA384"},
    {.name = STR_INIT("PS512"), .family = FAMILY_PSS, .digest = "SHA512"},
    {STR_INIT("ES256"), FAMILY_EC, "SHA256", STR_INIT("P-256"), "prime256v1", 32},
    {STR_INIT("ES384"), FAMILY_EC, "SHA384", STR_INIT("P-384"), "secp384r1", 48},
    {STR_INIT("ES512"), FAMILY_EC, "SHA512", STR_INIT("P-521"), "secp521r1", 66},
};

enum {
    RSA_MIN_BITS = 2048, /* RFC 7518, 3.3 */
    RSA_MAX_BYTES = 1024,
};

static int parse_object(struct arena *arena, struct str coded, struct json **out)
{
    struct str text = {0};
    if (base64url_decode(arena, coded, &text) < 0 || json_parse(arena, text, 0, out, NULL) < 0)
        return -EINVAL;
    return json_is_object(*out) ? 0 : -EINVAL;
}

int jwt_parse(struct arena *arena, struct str token, struct jwt *out_jwt)
{
    if (token.len > JWT_MAX_BYTES)
        return -EINVAL;
    ptrdiff_t first = str_index(token, '.');
    ptrdiff_t last = str_last_index(token, '.');
    if (first < 0 || first == last)
        return -EINVAL;
    struct str middle = str_slice(token, (size_t)first + 1, (size_t)(last - first) - 1);
    struct jwt jwt = {.signed_text = str_slice(token, 0, (size_t)last)};
    if (str_index(middle, '.') >= 0 ||
        parse_object(arena, str_slice(token, 0, (size_t)first), &jwt.header) < 0 ||
        parse_object(arena, middle, &jwt.claims) < 0 ||
        base64url_decode(arena, str_from(token, (size_t)last + 1), &jwt.signature) < 0)
        return -EINVAL;
    jwt.algorithm = json_find_str(jwt.header, "alg");
    jwt.key_id = json_find_str(jwt.header, "kid");
    if (jwt.algorithm.len == 0)
        return -EINVAL;
    *out_jwt = jwt;
    return 0;
}

static const struct algorithm *find_algorithm(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(algorithms); i++) {
        if (str_eq(algorithms[i].name, name))
            return &algorithms[i];
    }
    return NULL;
}

/* ---- Keys ------------------------------------------------------------------------------------ */

static EVP_PKEY *make_key(const char *type, OSSL_PARAM_BLD *builder)
{
    EVP_PKEY *key = NULL;
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    CHECK(params && context);
    if (EVP_PKEY_fromdata_init(context) != 1 ||
        EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
        key = NULL;
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(params);
    return key;
}

static struct str member_bytes(struct arena *arena, const struct json *jwk, const char *name)
{
    struct str bytes = {0};
    if (base64url_decode(arena, json_find_str(jwk, name), &bytes) < 0)
        return (struct str){0};
    return bytes;
}

static EVP_PKEY *rsa_key(struct arena *arena, const struct json *jwk)
{
    struct str n = member_bytes(arena, jwk, "n");
    struct str e = member_bytes(arena, jwk, "e");
    if (n.len == 0 || e.len == 0 || n.len > RSA_MAX_BYTES || e.len > sizeof(uint64_t))
        return NULL;
    BIGNUM *modulus = BN_bin2bn((const unsigned char *)n.ptr, (int)n.len, NULL);
    BIGNUM *exponent = BN_bin2bn((const unsigned char *)e.ptr, (int)e.len, NULL);
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    CHECK(modulus && exponent && builder);
    EVP_PKEY *key = NULL;
    if (BN_num_bits(modulus) >= RSA_MIN_BITS &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, modulus) == 1 &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, exponent) == 1)
        key = make_key("RSA", builder);
    OSSL_PARAM_BLD_free(builder);
    BN_free(modulus);
    BN_free(exponent);
    return key;
}

static EVP_PKEY *ec_key(struct arena *arena, const struct json *jwk,
                        const struct algorithm *algorithm)
{
    struct str x = member_bytes(arena, jwk, "x");
    struct str y = member_bytes(arena, jwk, "y");
    size_t size = algorithm->coordinate_bytes;
    if (!str_eq(json_find_str(jwk, "crv"), algorithm->curve) || x.len != size || y.len != size)
        return NULL;
    struct str point = str_concat3(arena, STR("\x04"), x, y); /* uncompressed */
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    CHECK(builder);
    EVP_PKEY *key = NULL;
    if (OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, algorithm->group, 0) ==
            1 &&
        OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point.ptr, point.len) ==
            1)
        key = make_key("EC", builder);
    OSSL_PARAM_BLD_free(builder);
    return key;
}

/* The key of a set's member if it may have made the signature, else NULL. */
static EVP_PKEY *usable_key(struct arena *arena, const struct jwt *jwt, const struct json *jwk,
                            const struct algorithm *algorithm)
{
    struct str kid = json_find_str(jwk, "kid");
    struct str use = json_find_str(jwk, "use");
    struct str alg = json_find_str(jwk, "alg");
    struct str type = algorithm->family == FAMILY_EC ? STR("EC") : STR("RSA");
    bool is_named = !jwt->key_id.ptr || str_eq(kid, jwt->key_id);
    bool is_fit =
        str_eq(json_find_str(jwk, "kty"), type) && (!alg.ptr || str_eq(alg, jwt->algorithm));
    if (!is_named || !is_fit || (use.ptr && !str_eq_cstr(use, "sig")))
        return NULL;
    return algorithm->family == FAMILY_EC ? ec_key(arena, jwk, algorithm) : rsa_key(arena, jwk);
}

/* ---- Signatures ------------------------------------------------------------------------------ */

/* RFC 7518, 3.4: r and s one behind the other; OpenSSL wants them in DER. */
static struct str der_signature(struct arena *arena, struct str raw, size_t size)
{
    if (raw.len != 2 * size)
        return (struct str){0};
    const unsigned char *bytes = (const unsigned char *)raw.ptr;
    ECDSA_SIG *pair = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(bytes, (int)size, NULL);
    BIGNUM *s = BN_bin2bn(bytes + size, (int)size, NULL);
    CHECK(pair && r && s);
    ECDSA_SIG_set0(pair, r, s);
    unsigned char *der = NULL;
    int len = i2d_ECDSA_SIG(pair, &der);
    CHECK(len > 0);
    struct str out = str_copy(arena, str_of((const char *)der, (size_t)len));
    OPENSSL_free(der);
    ECDSA_SIG_free(pair);
    return out;
}

static bool is_signed_by(struct arena *arena, const struct jwt *jwt,
                         const struct algorithm *algorithm, EVP_PKEY *key)
{
    struct str signature = algorithm->family == FAMILY_EC
                               ? der_signature(arena, jwt->signature, algorithm->coordinate_bytes)
                               : jwt->signature;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *options = NULL;
    CHECK(context);
    bool is_ready =
        signature.len > 0 &&
        EVP_DigestVerifyInit_ex(context, &options, algorithm->digest, NULL, NULL, key, NULL) == 1;
    if (is_ready && algorithm->family == FAMILY_PSS)
        is_ready = EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) == 1 &&
                   EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST) == 1;
    bool is_right =
        is_ready &&
        EVP_DigestVerify(context, (const unsigned char *)signature.ptr, signature.len,
                         (const unsigned char *)jwt->signed_text.ptr, jwt->signed_text.len) == 1;
    EVP_MD_CTX_free(context);
    ERR_clear_error();
    return is_right;
}

int jwt_verify(struct arena *arena, const struct jwt *jwt, const struct json *key_set)
{
    const struct algorithm *algorithm = find_algorithm(jwt->algorithm);
    if (!algorithm)
        return -ENOTSUP;
    const struct json *keys = json_find_cstr(key_set, "keys");
    int rc = -ENOKEY;
    size_t count = 0;
    for (const struct json *jwk = json_is_array(keys) ? keys->first : NULL;
         jwk && count < JWT_MAX_KEYS; jwk = jwk->next, count++) {
        EVP_PKEY *key = json_is_object(jwk) ? usable_key(arena, jwt, jwk, algorithm) : NULL;
        if (!key)
            continue;
        bool is_right = is_signed_by(arena, jwt, algorithm, key);
        EVP_PKEY_free(key);
        if (is_right)
            return 0;
        rc = -EKEYREJECTED;
    }
    return rc;
}
