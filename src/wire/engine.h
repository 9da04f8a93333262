/* engine.h — what a wire engine is, and what engines share. Private to src/wire.
 *
 * protocol.c dispatches the functions of wire/protocol.h to one `struct wire_engine` per protocol.
 */
#pragma once

#include "wire/protocol.h"

/* One request being decoded. */
struct wire_decoding {
    enum protocol protocol;
    struct arena *arena;
    const struct service_model *service;
    const struct operation *operation;
    const struct wire_request *request;
    struct wire_problem *problem; /* set on failure */
};

/* One answer being written. */
struct wire_encoding {
    enum protocol protocol;
    const struct service_model *service;
    const struct operation *operation; /* NULL for errors */
    struct str request_id;
    struct wire_response *response; /* its arena is the encoders' */
};

struct wire_engine {
    const struct operation *(*find_operation)(const struct service_model *service,
                                              const struct wire_request *request,
                                              struct arena *arena, struct str *out_name);
    int (*decode)(const struct wire_decoding *decoding, void *out);
    void (*encode)(const struct wire_encoding *encoding, const void *out);
    void (*encode_error)(const struct wire_encoding *encoding, const struct call_error *error);
};

extern const struct wire_engine aws_json_engine;
extern const struct wire_engine aws_query_engine;
extern const struct wire_engine ec2_query_engine;
extern const struct wire_engine rest_json_engine;
extern const struct wire_engine rest_xml_engine;
extern const struct wire_engine cbor_engine;

/* Sets the problem and returns -EINVAL. The message may be absent. */
MUST_CHECK int wire_refuse(const struct wire_decoding *decoding, const struct api_error *error,
                           struct str message);

/* Whether the operation declares no output at all, as against an empty structure. */
bool wire_has_no_output(const struct operation *operation);

/* Adds the header that carries the request id. */
void wire_add_request_id(const struct wire_encoding *encoding);
