/* digest.c — SHA-256, SHA-1, MD5 and HMAC over OpenSSL's block functions.
 *
 * The low-level contexts are used, not EVP: they are plain structs. That gives what request
 * handling needs and EVP cannot give: no look-up, lock or heap allocation per digest; a running
 * digest in a request's arena that nobody has to release when the connection goes away; and HMAC
 * keys whose first blocks are hashed once and forked by assignment. OpenSSL 3 calls these functions
 * deprecated, but they run the same assembly (SHA-NI, AVX2) as EVP.
 *
 * RFC: 2104 (HMAC).
 */
#define OPENSSL_SUPPRESS_DEPRECATED 1
#include "auth/digest.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/md5.h>
#include <openssl/sha.h>
#include <string.h>

#include "base/arena.h"

static_assert(sizeof(MD5_CTX) <= DIGEST_STATE_SIZE, "state holds MD5");
static_assert(sizeof(SHA_CTX) <= DIGEST_STATE_SIZE, "state holds SHA-1");
static_assert(sizeof(SHA256_CTX) <= DIGEST_STATE_SIZE, "state holds SHA-256");
static_assert(_Alignof(SHA256_CTX) <= 8, "state is aligned for every context");

size_t digest_size(enum digest_kind kind)
{
    static const uint8_t sizes[] = {
        [DIGEST_MD5] = DIGEST_MD5_SIZE,
        [DIGEST_SHA1] = DIGEST_SHA1_SIZE,
        [DIGEST_SHA256] = DIGEST_SHA256_SIZE,
    };
    return sizes[kind];
}

void digest_init(struct digest *digest, enum digest_kind kind)
{
    digest->kind = kind;
    void *state = digest->state;
    switch (kind) {
    case DIGEST_MD5:
        MD5_Init(state);
        break;
    case DIGEST_SHA1:
        SHA1_Init(state);
        break;
    case DIGEST_SHA256:
        SHA256_Init(state);
        break;
    }
}

void digest_update(struct digest *digest, struct str data)
{
    if (data.len == 0)
        return;
    void *state = digest->state;
    switch (digest->kind) {
    case DIGEST_MD5:
        MD5_Update(state, data.ptr, data.len);
        break;
    case DIGEST_SHA1:
        SHA1_Update(state, data.ptr, data.len);
        break;
    case DIGEST_SHA256:
        SHA256_Update(state, data.ptr, data.len);
        break;
    }
}

size_t digest_final(struct digest *digest, unsigned char *out)
{
    void *state = digest->state;
    switch (digest->kind) {
    case DIGEST_MD5:
        MD5_Final(out, state);
        break;
    case DIGEST_SHA1:
        SHA1_Final(out, state);
        break;
    case DIGEST_SHA256:
        SHA256_Final(out, state);
        break;
    }
    return digest_size(digest->kind);
}

static void digest_whole(enum digest_kind kind, struct str data, unsigned char *out)
{
    struct digest digest;
    digest_init(&digest, kind);
    digest_update(&digest, data);
    digest_final(&digest, out);
}

void digest_sha256(struct str data, unsigned char out[DIGEST_SHA256_SIZE])
{
    digest_whole(DIGEST_SHA256, data, out);
}

void digest_sha1(struct str data, unsigned char out[DIGEST_SHA1_SIZE])
{
    digest_whole(DIGEST_SHA1, data, out);
}

void digest_md5(struct str data, unsigned char out[DIGEST_MD5_SIZE])
{
    digest_whole(DIGEST_MD5, data, out);
}

void digest_write_hex(const unsigned char *bytes, size_t size, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < size; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
}

struct str digest_hex(struct arena *arena, const unsigned char *bytes, size_t size)
{
    char *text = arena_alloc_text(arena, 2 * size);
    digest_write_hex(bytes, size, text);
    return str_of(text, 2 * size);
}

struct str digest_sha256_hex(struct arena *arena, struct str data)
{
    unsigned char hash[DIGEST_SHA256_SIZE];
    digest_sha256(data, hash);
    return digest_hex(arena, hash, sizeof(hash));
}

/* All three digests work on blocks of 64 bytes, so one padding serves them. */
void digest_hmac_key_init(struct digest_hmac_key *key, enum digest_kind kind, struct str secret)
{
    unsigned char block[DIGEST_BLOCK_SIZE] = {0};
    if (secret.len > sizeof(block))
        digest_whole(kind, secret, block);
    else if (secret.len > 0)
        memcpy(block, secret.ptr, secret.len);
    for (size_t i = 0; i < sizeof(block); i++)
        block[i] ^= 0x36;
    digest_init(&key->inner, kind);
    digest_update(&key->inner, str_of((const char *)block, sizeof(block)));
    for (size_t i = 0; i < sizeof(block); i++)
        block[i] ^= 0x36 ^ 0x5c;
    digest_init(&key->outer, kind);
    digest_update(&key->outer, str_of((const char *)block, sizeof(block)));
    OPENSSL_cleanse(block, sizeof(block));
}

void digest_hmac_begin(const struct digest_hmac_key *key, struct digest *out_digest)
{
    *out_digest = key->inner;
}

void digest_hmac_end(const struct digest_hmac_key *key, struct digest *digest, unsigned char *out)
{
    unsigned char inner[DIGEST_MAX_SIZE];
    size_t size = digest_final(digest, inner);
    *digest = key->outer;
    digest_update(digest, str_of((const char *)inner, size));
    digest_final(digest, out);
}

void digest_hmac(const struct digest_hmac_key *key, struct str data, unsigned char *out)
{
    struct digest digest;
    digest_hmac_begin(key, &digest);
    digest_update(&digest, data);
    digest_hmac_end(key, &digest, out);
}

static void hmac_whole(enum digest_kind kind, struct str secret, struct str data,
                       unsigned char *out)
{
    struct digest_hmac_key key;
    digest_hmac_key_init(&key, kind, secret);
    digest_hmac(&key, data, out);
    OPENSSL_cleanse(&key, sizeof(key));
}

void digest_hmac_sha256(struct str secret, struct str data, unsigned char out[DIGEST_SHA256_SIZE])
{
    hmac_whole(DIGEST_SHA256, secret, data, out);
}

void digest_hmac_sha1(struct str secret, struct str data, unsigned char out[DIGEST_SHA1_SIZE])
{
    hmac_whole(DIGEST_SHA1, secret, data, out);
}
