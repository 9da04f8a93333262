/* signer.c — the key that messages are signed with, and its certificate.
 *
 * AWS signs with RSA: SignatureVersion 1 is SHA1withRSA, 2 is SHA256withRSA; the certificate is
 * published under SigningCertURL. Here one key of 2,048 bits serves a store. It is made with the
 * first topic (once in the life of a store, some 0.1 s) and lies in sns_signer, so that nodes over
 * one database sign alike and what was signed verifies after a restart.
 *
 * A parsed key costs fifty times less to use than one to be parsed, so the process keeps the one it
 * used last. The key's id is in its name, so a store that was emptied brings its own.
 */
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <string.h>

#include "auth/digest.h"
#include "base/arena.h"
#include "base/clock.h"
#include "service/sns/sns.h"
#include "syntax/base64.h"

enum {
    KEY_BITS = 2048,
    ID_LEN = 32, /* hexadecimal digits, as AWS's */
    CERTIFICATE_DAYS = 3650,
    DAY_S = 24 * 60 * 60,
    SIGNATURE_MAX = KEY_BITS / 8,
};

static void pkey_autoclose(EVP_PKEY **slot)
{
    EVP_PKEY_free(*slot);
}

static void certificate_autoclose(X509 **slot)
{
    X509_free(*slot);
}

static void bio_autoclose(BIO **slot)
{
    BIO_free(*slot);
}

static void sign_autoclose(EVP_MD_CTX **slot)
{
    EVP_MD_CTX_free(*slot);
}

/* The key used last. Thread-safe behind its mutex; whoever uses it holds a reference. */
static struct {
    pthread_mutex_t mutex;
    char id[ID_LEN];
    EVP_PKEY *key;
} cached = {.mutex = PTHREAD_MUTEX_INITIALIZER};

/* --- making --- */

static bool fill_certificate(X509 *certificate, EVP_PKEY *key)
{
    X509_NAME *name = X509_get_subject_name(certificate);
    int64_t now_s = clock_now_ms() / 1000;
    return X509_set_version(certificate, X509_VERSION_3) == 1 &&
           ASN1_INTEGER_set_int64(X509_get_serialNumber(certificate), now_s) == 1 &&
           ASN1_TIME_set(X509_getm_notBefore(certificate), now_s - DAY_S) != NULL &&
           ASN1_TIME_set(X509_getm_notAfter(certificate),
                         now_s + (int64_t)CERTIFICATE_DAYS * DAY_S) != NULL &&
           X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC, (const unsigned char *)"Virga", -1,
                                      -1, 0) == 1 &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                      (const unsigned char *)"sns.amazonaws.com", -1, -1, 0) == 1 &&
           X509_set_issuer_name(certificate, name) == 1 && X509_set_pubkey(certificate, key) == 1 &&
           X509_sign(certificate, key, EVP_sha256()) > 0;
}

static struct str bio_text(struct arena *arena, BIO *bio)
{
    char *bytes = NULL;
    long len = BIO_get_mem_data(bio, &bytes);
    return str_copy(arena, str_of(bytes, len > 0 ? (size_t)len : 0));
}

static int make_signer(struct arena *arena, struct sns_signer_row *out_row)
{
    AUTO(pkey) EVP_PKEY *key = EVP_RSA_gen(KEY_BITS);
    AUTO(certificate) X509 *certificate = X509_new();
    AUTO(bio) BIO *pem = BIO_new(BIO_s_mem());
    AUTO(bio) BIO *der = BIO_new(BIO_s_mem());
    if (!key || !certificate || !pem || !der || !fill_certificate(certificate, key) ||
        PEM_write_bio_X509(pem, certificate) != 1 || i2d_PrivateKey_bio(der, key) != 1) {
        ERR_clear_error();
        return -EIO;
    }
    struct str text = bio_text(arena, pem);
    *out_row = (struct sns_signer_row){
        .id = str_slice(digest_sha256_hex(arena, text), 0, ID_LEN),
        .private_key = bio_text(arena, der),
        .certificate = text,
    };
    return 0;
}

enum status sns_ensure_signer(struct call *call)
{
    struct str id = {0};
    struct sns_signer_row row = {0};
    int rc = sns_store_signer_id(call->db, call->arena, &id);
    if (rc == 1)
        return STATUS_DONE;
    if (rc == 0)
        rc = make_signer(call->arena, &row);
    if (rc == 0)
        rc = sns_store_insert_signer(call->db, &row);
    return rc < 0 ? call_fail_internal(call, rc, "sns: make the signing key") : STATUS_DONE;
}

/* --- signing --- */

static EVP_PKEY *take_cached(struct str id)
{
    EVP_PKEY *key = NULL;
    pthread_mutex_lock(&cached.mutex);
    if (cached.key && str_eq(id, str_of(cached.id, ID_LEN)) && EVP_PKEY_up_ref(cached.key) == 1)
        key = cached.key;
    pthread_mutex_unlock(&cached.mutex);
    return key;
}

static void keep_cached(struct str id, EVP_PKEY *key)
{
    if (id.len != ID_LEN || EVP_PKEY_up_ref(key) != 1)
        return;
    pthread_mutex_lock(&cached.mutex);
    EVP_PKEY_free(cached.key);
    memcpy(cached.id, id.ptr, ID_LEN);
    cached.key = key;
    pthread_mutex_unlock(&cached.mutex);
}

static int load_key(struct call *call, struct str id, EVP_PKEY **out_key)
{
    struct sns_signer_row row = {0};
    int rc = sns_store_find_signer(call->db, call->arena, id, &row);
    if (rc <= 0)
        return rc < 0 ? rc : -ENOKEY;
    const unsigned char *at = (const unsigned char *)row.private_key.ptr;
    *out_key = d2i_AutoPrivateKey(NULL, &at, (long)row.private_key.len);
    if (!*out_key) {
        ERR_clear_error();
        return -EIO;
    }
    keep_cached(id, *out_key);
    return 0;
}

static int sign(EVP_PKEY *key, struct str text, int version, unsigned char *out, size_t *out_len)
{
    AUTO(sign) EVP_MD_CTX *context = EVP_MD_CTX_new();
    *out_len = SIGNATURE_MAX;
    if (context &&
        EVP_DigestSignInit(context, NULL, version == 2 ? EVP_sha256() : EVP_sha1(), NULL, key) ==
            1 &&
        EVP_DigestSign(context, out, out_len, (const unsigned char *)text.ptr, text.len) == 1)
        return 0;
    ERR_clear_error();
    return -EIO;
}

enum status sns_sign(struct call *call, struct str text, int version, struct str *out_signature,
                     struct str *out_id)
{
    struct str id = {0};
    AUTO(pkey) EVP_PKEY *key = NULL;
    int rc = sns_store_signer_id(call->db, call->arena, &id);
    if (rc == 0)
        rc = -ENOKEY;
    if (rc == 1) {
        key = take_cached(id);
        rc = key ? 0 : load_key(call, id, &key);
    }
    unsigned char bytes[SIGNATURE_MAX];
    size_t len = 0;
    if (rc == 0)
        rc = sign(key, text, version, bytes, &len);
    if (rc < 0)
        return call_fail_internal(call, rc, "sns: sign a message");
    *out_signature = base64_encode_str(call->arena, str_of((const char *)bytes, len));
    *out_id = id;
    return STATUS_DONE;
}
