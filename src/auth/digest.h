/* digest.h — SHA-256, SHA-1, MD5 and HMAC over OpenSSL, whole or piece by piece.
 *
 * A running digest is plain memory: it lives on the stack, in an arena or inside another struct,
 * may be copied by assignment (which forks it) and needs no release. All functions are thread-safe
 * as long as one running digest is used by one thread at a time.
 */
#pragma once

#include "base/str.h"

struct arena;

enum digest_kind {
    DIGEST_MD5,
    DIGEST_SHA1,
    DIGEST_SHA256,
};

enum {
    DIGEST_MD5_SIZE = 16,
    DIGEST_SHA1_SIZE = 20,
    DIGEST_SHA256_SIZE = 32,
    DIGEST_MAX_SIZE = 32, /* of the kinds above */
    DIGEST_BLOCK_SIZE = 64,
    DIGEST_SHA256_HEX_SIZE = 64,
    DIGEST_STATE_SIZE = 112, /* OpenSSL's largest context of the three */
};

struct digest {
    enum digest_kind kind;
    _Alignas(8) unsigned char state[DIGEST_STATE_SIZE];
};

/* Size in bytes of the result: 16, 20 or 32. */
size_t digest_size(enum digest_kind kind);

void digest_init(struct digest *digest, enum digest_kind kind);
void digest_update(struct digest *digest, struct str data);
/* Writes digest_size() bytes and returns that size. Call digest_init before using it again. */
size_t digest_final(struct digest *digest, unsigned char *out);

void digest_sha256(struct str data, unsigned char out[DIGEST_SHA256_SIZE]);
void digest_sha1(struct str data, unsigned char out[DIGEST_SHA1_SIZE]);
void digest_md5(struct str data, unsigned char out[DIGEST_MD5_SIZE]);

/* Lower-case hex of `size` bytes; writes 2 * size characters and no NUL. */
void digest_write_hex(const unsigned char *bytes, size_t size, char *out);
/* The same in the arena. */
struct str digest_hex(struct arena *arena, const unsigned char *bytes, size_t size);
struct str digest_sha256_hex(struct arena *arena, struct str data);

/* HMAC (RFC 2104). A prepared key has the two key blocks hashed already, so each message costs only
 * its own length and one block. */
struct digest_hmac_key {
    struct digest inner;
    struct digest outer;
};

void digest_hmac_key_init(struct digest_hmac_key *key, enum digest_kind kind, struct str secret);
/* A message in pieces: begin forks a running digest off the key, digest_update feeds it, end writes
 * digest_size() bytes. */
void digest_hmac_begin(const struct digest_hmac_key *key, struct digest *out_digest);
void digest_hmac_end(const struct digest_hmac_key *key, struct digest *digest, unsigned char *out);
/* A message at once. */
void digest_hmac(const struct digest_hmac_key *key, struct str data, unsigned char *out);

void digest_hmac_sha256(struct str secret, struct str data, unsigned char out[DIGEST_SHA256_SIZE]);
void digest_hmac_sha1(struct str secret, struct str data, unsigned char out[DIGEST_SHA1_SIZE]);
