/* jwt.h — JSON Web Tokens: reading them, and checking their signature against a key set.
 *
 * Standards: RFC 7519 (JWT), RFC 7515 (JWS, compact form), RFC 7517 (JWK), RFC 7518 (algorithms).
 * What the claims must say (issuer, audience, times) is the caller's to check.
 */
#pragma once

#include "base/str.h"

struct arena;
struct json;

enum {
    JWT_MAX_BYTES = 32 * 1024, /* AWS takes tokens of 20,000 characters (STS) */
    JWT_MAX_KEYS = 100,        /* in one key set */
};

struct jwt {
    struct json *header;    /* object */
    struct json *claims;    /* object */
    struct str algorithm;   /* "RS256" */
    struct str key_id;      /* absent when the header has no "kid" */
    struct str signed_text; /* header and claims as they came */
    struct str signature;   /* decoded */
};

/* Reads a token; nothing is verified. Texts live in the arena or borrow from `token`. Returns 0, or
 * -EINVAL when it is not three parts of base64url, the first two of them JSON objects without
 * doubled names, or too long. */
MUST_CHECK int jwt_parse(struct arena *arena, struct str token, struct jwt *out_jwt);

/* Checks the signature against a key set ({"keys": [...]}): RS256/384/512, PS256/384/512,
 * ES256/384/512. A key counts when its kid is the token's (or the token has none) and its type fits
 * the algorithm; "none" and the symmetric algorithms never do. Returns 0, -ENOKEY (no such key in
 * the set), -ENOTSUP (the algorithm), or -EKEYREJECTED. */
MUST_CHECK int jwt_verify(struct arena *arena, const struct jwt *jwt, const struct json *key_set);
