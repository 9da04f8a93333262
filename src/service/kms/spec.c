/* spec.c — what each key spec is and which algorithms it has.
 *
 * Docs: KMS developer guide, "Key spec reference"; KMS API reference, CreateKey. SM2 exists in the
 * China regions only. DEVIATION: ML_DSA_* and the algorithm ED25519_PH_SHA_512 are not offered: the
 * cryptographic library of the supported systems (OpenSSL 3.0) has neither.
 */
#include "service/kms/kms.h"

static const struct kms_spec specs[] = {
    {.name = STR_INIT("SYMMETRIC_DEFAULT"), .family = KMS_SYMMETRIC, .bits = 256},
    {.name = STR_INIT("RSA_2048"), .family = KMS_RSA, .bits = 2048},
    {.name = STR_INIT("RSA_3072"), .family = KMS_RSA, .bits = 3072},
    {.name = STR_INIT("RSA_4096"), .family = KMS_RSA, .bits = 4096},
    {
        .name = STR_INIT("ECC_NIST_P256"),
        .family = KMS_EC,
        .curve = "prime256v1",
        .digest = STR_INIT("ECDSA_SHA_256"),
    },
    {
        .name = STR_INIT("ECC_NIST_P384"),
        .family = KMS_EC,
        .curve = "secp384r1",
        .digest = STR_INIT("ECDSA_SHA_384"),
    },
    {
        .name = STR_INIT("ECC_NIST_P521"),
        .family = KMS_EC,
        .curve = "secp521r1",
        .digest = STR_INIT("ECDSA_SHA_512"),
    },
    {
        .name = STR_INIT("ECC_SECG_P256K1"),
        .family = KMS_EC,
        .curve = "secp256k1",
        .digest = STR_INIT("ECDSA_SHA_256"),
    },
    {
        .name = STR_INIT("ECC_NIST_EDWARDS25519"),
        .family = KMS_EDWARDS,
        .digest = STR_INIT("ED25519_SHA_512"),
    },
    {
        .name = STR_INIT("HMAC_224"),
        .family = KMS_HMAC,
        .bits = 224,
        .digest = STR_INIT("HMAC_SHA_224"),
    },
    {
        .name = STR_INIT("HMAC_256"),
        .family = KMS_HMAC,
        .bits = 256,
        .digest = STR_INIT("HMAC_SHA_256"),
    },
    {
        .name = STR_INIT("HMAC_384"),
        .family = KMS_HMAC,
        .bits = 384,
        .digest = STR_INIT("HMAC_SHA_384"),
    },
    {
        .name = STR_INIT("HMAC_512"),
        .family = KMS_HMAC,
        .bits = 512,
        .digest = STR_INIT("HMAC_SHA_512"),
    },
};

static const struct str symmetric_encryption[] = {STR_INIT("SYMMETRIC_DEFAULT")};
static const struct str rsa_encryption[] = {
    STR_INIT("RSAES_OAEP_SHA_1"),
    STR_INIT("RSAES_OAEP_SHA_256"),
};
static const struct str rsa_signing[] = {
    STR_INIT("RSASSA_PKCS1_V1_5_SHA_256"), STR_INIT("RSASSA_PKCS1_V1_5_SHA_384"),
    STR_INIT("RSASSA_PKCS1_V1_5_SHA_512"), STR_INIT("RSASSA_PSS_SHA_256"),
    STR_INIT("RSASSA_PSS_SHA_384"),        STR_INIT("RSASSA_PSS_SHA_512"),
};

/* Which usages a family can have. AWS: "Key spec reference"; secp256k1 and Ed25519 sign only. */
static const struct {
    enum kms_family family;
    struct str usage;
} usages[] = {
    {KMS_SYMMETRIC, STR_INIT("ENCRYPT_DECRYPT")}, {KMS_RSA, STR_INIT("ENCRYPT_DECRYPT")},
    {KMS_RSA, STR_INIT("SIGN_VERIFY")},           {KMS_EC, STR_INIT("SIGN_VERIFY")},
    {KMS_EC, STR_INIT("KEY_AGREEMENT")},          {KMS_EDWARDS, STR_INIT("SIGN_VERIFY")},
    {KMS_HMAC, STR_INIT("GENERATE_VERIFY_MAC")},
};

const struct kms_spec *kms_find_spec(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(specs); i++) {
        if (str_eq(specs[i].name, name))
            return &specs[i];
    }
    return NULL;
}

struct kms_algorithms kms_encryption_algorithms(const struct kms_spec *spec)
{
    if (spec->family == KMS_SYMMETRIC)
        return (struct kms_algorithms){symmetric_encryption, ARRAY_LEN(symmetric_encryption)};
    if (spec->family == KMS_RSA)
        return (struct kms_algorithms){rsa_encryption, ARRAY_LEN(rsa_encryption)};
    return (struct kms_algorithms){0};
}

struct kms_algorithms kms_signing_algorithms(const struct kms_spec *spec)
{
    if (spec->family == KMS_RSA)
        return (struct kms_algorithms){rsa_signing, ARRAY_LEN(rsa_signing)};
    if (spec->family == KMS_EC || spec->family == KMS_EDWARDS)
        return (struct kms_algorithms){&spec->digest, 1};
    return (struct kms_algorithms){0};
}

struct kms_algorithms kms_mac_algorithms(const struct kms_spec *spec)
{
    if (spec->family == KMS_HMAC)
        return (struct kms_algorithms){&spec->digest, 1};
    return (struct kms_algorithms){0};
}

bool kms_has_algorithm(struct kms_algorithms algorithms, struct str name)
{
    for (size_t i = 0; i < algorithms.count; i++) {
        if (str_eq(algorithms.items[i], name))
            return true;
    }
    return false;
}

bool kms_spec_has_usage(const struct kms_spec *spec, struct str usage)
{
    if (str_eq_cstr(spec->name, "ECC_SECG_P256K1"))
        return str_eq_cstr(usage, "SIGN_VERIFY");
    for (size_t i = 0; i < ARRAY_LEN(usages); i++) {
        if (usages[i].family == spec->family && str_eq(usages[i].usage, usage))
            return true;
    }
    return false;
}
