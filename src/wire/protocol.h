/* protocol.h — the wire engines: requests into C structs, C structs into answers, by shape tables.
 *
 * One engine per protocol, all driven by the tables of wire/shape.h; nothing here knows a service.
 * Specifications: the Smithy AWS protocol documents (awsJson1_0/1_1, awsQuery, ec2Query, restJson1,
 * restXml, rpcv2Cbor, awsQueryCompatible).
 */
#pragma once

#include "base/buf.h"
#include "base/str.h"
#include "net/http.h"
#include "wire/call.h"
#include "wire/shape.h"

struct arena;

/* A request as it came, body complete (for streaming inputs: empty). */
struct wire_request {
    struct str method;
    struct str raw_path; /* undecoded; already relative to the service (virtual-hosted
                            S3 puts the bucket in front) */
    struct str raw_query;
    const struct http_header *headers;
    size_t header_count;
    struct str body;
};

/* Why a request could not be decoded; becomes the protocol's SerializationException, MalformedInput
 * or the like. */
struct wire_problem {
    const struct api_error *error; /* e.g. &ERROR_SERIALIZATION */
    struct str message;            /* absent for bodies that are no JSON, as AWS answers those */
};

extern const struct api_error ERROR_SERIALIZATION; /* SerializationException, 400 */
extern const struct api_error
    ERROR_UNKNOWN_OPERATION; /* UnknownOperationException / InvalidAction; 404 in REST */
extern const struct api_error ERROR_MALFORMED_XML;          /* restXml: MalformedXML, 400 */
extern const struct api_error ERROR_UNSUPPORTED_MEDIA_TYPE; /* restJson, CBOR: 415 */

/* An answer to send. `headers` are struct http_header in a vec. */
struct wire_response {
    int status;
    struct http_header *headers;
    size_t header_count;
    size_t header_capacity;
    struct buf body;
    struct arena *arena;
};

enum {
    WIRE_MAX_DEPTH = 80,              /* nesting of decoded shapes: DynamoDB has 32 levels of two */
    WIRE_MAX_BODY = 64 * 1024 * 1024, /* an encoded answer; larger ones must be streamed */
};

void wire_response_init(struct wire_response *response, struct arena *arena);
void wire_add_header(struct wire_response *response, struct str name, struct str value);

/* Which protocol a request to `service` speaks, from method, headers (X-Amz-Target, content-type,
 * smithy-protocol), path and body; -1 when none fits. */
int wire_detect_protocol(const struct service_model *service, const struct wire_request *request);

/* Which operation: X-Amz-Target, Action parameter, rpcv2 path, or REST method and path. Labels and
 * query literals of REST are matched by the most specific pattern. NULL: unknown. `out_name` is the
 * name that was asked for (for the error text). */
const struct operation *wire_find_operation(const struct service_model *service,
                                            enum protocol protocol,
                                            const struct wire_request *request, struct arena *arena,
                                            struct str *out_name);

/* Fills `out` (operation->in_size zeroed bytes). Unknown members are ignored, wrong types refused.
 * Returns 0 or -EINVAL with *out_problem. Constraints are not checked here. */
MUST_CHECK int wire_decode(enum protocol protocol, struct arena *arena,
                           const struct service_model *service, const struct operation *operation,
                           const struct wire_request *request, void *out,
                           struct wire_problem *out_problem);

/* Writes the success answer (status, headers, body). */
void wire_encode(enum protocol protocol, const struct service_model *service,
                 const struct operation *operation, const void *out, struct str request_id,
                 struct wire_response *response);

/* Writes an error answer in the protocol's form, awsQueryCompatible header included when
 * `is_query_mode` (x-amzn-query-mode). `service` may be NULL: the request reached none. An empty
 * message is left out. */
void wire_encode_error(enum protocol protocol, const struct service_model *service,
                       const struct call_error *error, bool is_query_mode, struct str request_id,
                       struct wire_response *response);

/* The client's half, for protocol tests and the signed client: struct to request is not offered;
 * tests feed recorded requests. */

/* Checks the model's constraints (required, length, range, pattern, enum) on a decoded input, in
 * the dialect of the service: most answer "2 validation errors detected: Value '..' at 'queueName'
 * failed to satisfy constraint: Member must have length less than or equal to 80; Value null at 'x'
 * failed to satisfy constraint: Member must not be null" with ValidationException (JSON, REST) or
 * ValidationError (query). Returns 0, or -EINVAL with the message. Patterns are compiled on first
 * use and cached per thread. At most ten errors listed. */
MUST_CHECK int wire_validate(struct arena *arena, const struct shape *shape, const void *value,
                             struct str *out_message);

/* Converts between a C struct and JSON text by its shape (awsJson rules): used by CloudFormation
 * adapters, by workflows that keep inputs in rows, and by logs. `out` and `value` are the struct
 * itself for structures and unions, else a member's slot (opt types). wire_from_json gives absent
 * members the model's defaults; wire_to_json writes only what is set. */
MUST_CHECK int wire_from_json(struct arena *arena, const struct shape *shape,
                              const struct json *json, void *out, struct str *out_message);
void wire_to_json(struct buf *out, const struct shape *shape, const void *value);
