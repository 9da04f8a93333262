/* key_id.h — access key ids that carry their account, and IAM's other unique ids.
 *
 * AWS: "IAM identifiers", unique ID prefixes; the account is coded in the key id's base32 text
 * after its four-letter prefix, as GetAccessKeyInfo reads it. Ids made here carry a check besides,
 * so that an id that was issued here and is gone is told from one that never was.
 */
#pragma once

#include "base/str.h"

struct arena;

/* "AKIA" or "ASIA" and 16 characters. `account` has 12 digits. */
struct str key_id_new(struct arena *arena, struct str prefix, struct str account);
/* The account in an access key id (AKIA..., ASIA...). Returns 0 or -EINVAL. */
MUST_CHECK int key_id_account(struct arena *arena, struct str key_id, struct str *out_account);
/* Whether key_id_new made it (a wrong yes in 65,536). */
bool key_id_is_issued(struct str key_id);
/* A unique id: "AIDA", "AROA", "AGPA", "ANPA", "AIPA" and 17 characters. */
struct str unique_id_new(struct arena *arena, struct str prefix);
/* A secret access key: 40 characters of base64's alphabet. */
struct str secret_key_new(struct arena *arena);
