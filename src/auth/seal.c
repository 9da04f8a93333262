/* seal.c — AES-256-GCM through OpenSSL, a fresh random nonce each time. */
#include "auth/seal.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/arena.h"
#include "base/rand.h"

enum {
    NONCE_BYTES = 12,
    TAG_BYTES = 16,
    MAX_PLAIN = 64 * 1024, /* a session token with its policies is a few KiB */
};

static void context_autoclose(EVP_CIPHER_CTX **slot)
{
    EVP_CIPHER_CTX_free(*slot);
}

struct str seal(struct arena *arena, struct str key, struct str plain)
{
    CHECK(key.len == SEAL_KEY_BYTES && plain.len <= MAX_PLAIN);
    size_t size = NONCE_BYTES + plain.len + TAG_BYTES;
    unsigned char *out = (unsigned char *)arena_alloc_text(arena, size);
    rand_bytes(out, NONCE_BYTES);
    AUTO(context) EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int len = 0;
    int last = 0;
    int ok =
        context != NULL &&
        EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), NULL, (const unsigned char *)key.ptr, out) &&
        EVP_EncryptUpdate(context, out + NONCE_BYTES, &len, (const unsigned char *)plain.ptr,
                          (int)plain.len) &&
        EVP_EncryptFinal_ex(context, out + NONCE_BYTES + len, &last) &&
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, TAG_BYTES,
                            out + NONCE_BYTES + plain.len);
    CHECK(ok); /* only our own mistake or a broken library gets here */
    return str_of((const char *)out, size);
}

int unseal(struct arena *arena, struct str key, struct str sealed, struct str *out_plain)
{
    CHECK(key.len == SEAL_KEY_BYTES);
    if (sealed.len < NONCE_BYTES + TAG_BYTES || sealed.len > MAX_PLAIN + NONCE_BYTES + TAG_BYTES)
        return -EBADMSG;
    size_t plain_len = sealed.len - NONCE_BYTES - TAG_BYTES;
    const unsigned char *in = (const unsigned char *)sealed.ptr;
    unsigned char *out = (unsigned char *)arena_alloc_text(arena, plain_len + 1);
    unsigned char tag[TAG_BYTES];
    memcpy(tag, in + NONCE_BYTES + plain_len, TAG_BYTES);
    AUTO(context) EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    CHECK(context != NULL);
    int len = 0;
    int last = 0;
    int ok =
        EVP_DecryptInit_ex(context, EVP_aes_256_gcm(), NULL, (const unsigned char *)key.ptr, in) &&
        EVP_DecryptUpdate(context, out, &len, in + NONCE_BYTES, (int)plain_len) &&
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, TAG_BYTES, tag) &&
        EVP_DecryptFinal_ex(context, out + len, &last);
    if (!ok)
        return -EBADMSG;
    *out_plain = str_of((const char *)out, plain_len);
    return 0;
}
