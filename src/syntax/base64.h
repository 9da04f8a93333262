/* base64.h — base64 (RFC 4648), base64url and hex. */
#pragma once

#include "base/buf.h"
#include "base/str.h"

struct arena;

void base64_encode(struct buf *out, struct str bytes);
struct str base64_encode_str(struct arena *arena, struct str bytes);
/* Strict: padding required, no white space, no stray bits. Returns 0 or -EINVAL. */
MUST_CHECK int base64_decode(struct arena *arena, struct str text, struct str *out_bytes);
/* base64url without padding (JWT); the reader accepts padding too. */
struct str base64url_encode_str(struct arena *arena, struct str bytes);
MUST_CHECK int base64url_decode(struct arena *arena, struct str text, struct str *out_bytes);
/* Lower-case hex. The reader takes both cases. */
struct str hex_encode(struct arena *arena, struct str bytes);
MUST_CHECK int hex_decode(struct arena *arena, struct str text, struct str *out_bytes);
