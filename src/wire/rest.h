/* rest.h — what restJson and restXml share: routing by URI pattern and HTTP bindings. Private to
 * the wire engines.
 */
#pragma once

#include "wire/engine.h"

/* The most specific operation for the request's method, path and query string. */
const struct operation *rest_find_operation(const struct service_model *service,
                                            const struct wire_request *request, struct arena *arena,
                                            struct str *out_name);

/* A label of a URI pattern and what stands in its place in the path, undecoded. */
struct rest_label {
    struct str name;
    struct str value;
};

enum {
    REST_MAX_LABELS = 16, /* in one pattern; AWS's own have at most six */
};

/* Matches a path against the path part of a pattern. Returns the number of labels, or -1. */
int rest_match_path(struct str pattern, struct str path,
                    struct rest_label labels[static REST_MAX_LABELS]);

/* Fills the members bound to labels, query string and headers. */
MUST_CHECK int rest_decode_bindings(const struct wire_decoding *decoding, void *out);

/* The member that is the whole body, or NULL. */
const struct member *rest_payload_member(const struct shape *shape);
/* Whether any member travels in a structured body. */
bool rest_has_body(const struct shape *shape);
/* Fills a payload of raw bytes or text from the request's body. */
MUST_CHECK int rest_decode_raw_payload(const struct wire_decoding *decoding,
                                       const struct member *payload, void *out);

/* Writes the members bound to headers and status. */
void rest_encode_bindings(const struct wire_encoding *encoding, const struct shape *shape,
                          const void *value);
/* Whether the status has no body by definition. */
bool rest_is_bodiless(int status);
/* Adds a Content-Type unless a member was bound to that header. */
void rest_add_content_type(const struct wire_encoding *encoding, struct str type);
/* Writes a payload of raw bytes or text, with its content type. `slot` is NULL when it is absent; a
 * streamed payload is never there, but has its content type. */
void rest_encode_raw_payload(const struct wire_encoding *encoding, const struct member *payload,
                             const void *slot);
/* Whether a payload of this shape is raw bytes or text. */
bool rest_is_raw(const struct shape *shape);
