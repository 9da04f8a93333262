/* json_shape.h — JSON text to C values and back, by shape: for the wire engines, and for services
 * that keep or exchange values in the form that their API has.
 *
 * Decodes straight from the pull reader into the struct and encodes straight into the buffer; no
 * tree is built but for documents.
 */
#pragma once

#include "base/buf.h"
#include "wire/shape.h"

struct arena;

enum json_shape_flags {
    JSON_SHAPE_JSON_NAMES = 1 << 0,    /* restJson: jsonName counts */
    JSON_SHAPE_BODY_ONLY = 1 << 1,     /* restJson: members of the root bound elsewhere are left */
    JSON_SHAPE_STRICT_UNIONS = 1 << 2, /* a union must have exactly one member */
};

/* Reads all of `text` into `out`, a zeroed struct of `shape` (a structure or union). Empty text is
 * an empty structure. Returns 0, or -EINVAL; *out_message is AWS's text, absent for text that is
 * not JSON. */
MUST_CHECK int json_shape_decode(struct arena *arena, const struct shape *shape, struct str text,
                                 unsigned flags, void *out, struct str *out_message);

/* Reads all of `text` as the value of a member whose zeroed slot (member form) is `slot`. null
 * leaves it absent. */
MUST_CHECK int json_shape_decode_slot(struct arena *arena, const struct member *member,
                                      struct str text, unsigned flags, void *slot,
                                      struct str *out_message);
/* The same without flags: for defaults. */
MUST_CHECK int json_shape_decode_text(struct arena *arena, const struct member *member,
                                      struct str text, void *slot, struct str *out_message);

/* Writes a structure or union. `arena` is for defaults of the model; NULL leaves them out. */
void json_shape_encode(struct buf *out, struct arena *arena, const struct shape *shape,
                       const void *value, unsigned flags);
/* Writes its members only, without braces, each with a comma in front unless *is_first (which is
 * updated): for errors. Members bound elsewhere are left out when JSON_SHAPE_BODY_ONLY. */
void json_shape_encode_members(struct buf *out, struct arena *arena, const struct shape *shape,
                               const void *value, unsigned flags, bool *is_first);
/* Writes the value in a member's slot, or null. */
void json_shape_encode_slot(struct buf *out, struct arena *arena, const struct member *member,
                            const void *slot, unsigned flags);
