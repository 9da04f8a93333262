/* cbor_shape.h — CBOR (RFC 8949) to C values and back, by shape. Private to the wire engines.
 */
#pragma once

#include "base/buf.h"
#include "wire/shape.h"

struct arena;

/* Reads all of `bytes` into `out`, a zeroed struct of `shape`. No bytes are an empty structure.
 * Returns 0, or -EINVAL with *out_message. */
MUST_CHECK int cbor_shape_decode(struct arena *arena, const struct shape *shape, struct str bytes,
                                 void *out, struct str *out_message);

/* Writes a structure. `arena` is for defaults of the model. */
void cbor_shape_encode(struct buf *out, struct arena *arena, const struct shape *shape,
                       const void *value);
/* Writes the members only, between cbor_shape_open and cbor_shape_close: for errors. */
void cbor_shape_encode_members(struct buf *out, struct arena *arena, const struct shape *shape,
                               const void *value);
void cbor_shape_open(struct buf *out);
void cbor_shape_close(struct buf *out);
void cbor_shape_text(struct buf *out, struct str text);
