/* seal.h — encrypts small values so that only this store can open them (AES-256-GCM).
 *
 * For session tokens and other things that travel through clients. Thread-safe.
 */
#pragma once

#include "base/str.h"

struct arena;

enum {
    SEAL_KEY_BYTES = 32,
};

/* nonce (12 bytes), ciphertext, tag (16 bytes). `key` has SEAL_KEY_BYTES. */
struct str seal(struct arena *arena, struct str key, struct str plain);
/* Returns 0, or -EBADMSG when it was not sealed with this key or was changed. */
MUST_CHECK int unseal(struct arena *arena, struct str key, struct str sealed,
                      struct str *out_plain);
