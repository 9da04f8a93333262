/* xml_shape.h — C values to XML and back, by shape: answers of awsQuery, ec2Query and restXml,
 * requests of restXml. Private to the wire engines.
 */
#pragma once

#include "base/buf.h"
#include "wire/shape.h"

struct arena;
struct xml_node;

enum xml_shape_flags {
    XML_SHAPE_BODY_ONLY = 1 << 0,    /* leave out members of the root that are bound elsewhere */
    XML_SHAPE_MILLISECONDS = 1 << 1, /* times always with three digits, as S3 writes them */
};

/* Writes the members of a structure, without an element around them. `arena` is for defaults. */
void xml_shape_encode_members(struct buf *out, struct arena *arena, const struct shape *shape,
                              const void *value, unsigned flags);
/* Writes a structure as element `name`, with xmlns="`xml_namespace`" unless that is empty. */
void xml_shape_encode(struct buf *out, struct arena *arena, struct str name,
                      struct str xml_namespace, const struct shape *shape, const void *value,
                      unsigned flags);

/* Reads the element into `out`, a zeroed struct of `shape`. Returns 0, or -EINVAL with
 * *out_message.
 */
MUST_CHECK int xml_shape_decode(struct arena *arena, const struct shape *shape,
                                const struct xml_node *node, unsigned flags, void *out,
                                struct str *out_message);
