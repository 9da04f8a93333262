/* protocol.c — from a protocol to its engine; detection; answers' headers.
 *
 * Thread-safe: all state is in the arguments.
 */
#include "wire/protocol.h"

#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "syntax/json.h"
#include "wire/engine.h"
#include "wire/json_shape.h"
#include "wire/query_form.h"
#include "wire/router.h"

enum {
    FIRST_HEADERS = 8, /* capacity of an answer that has headers at all */
};

/* OBSERVED: Coral writes "Message" here, where modelled errors mostly have "message" (Kinesis and
 * DynamoDB, in the tests of kinesalite and dynalite); query services answer MalformedInput. */
const struct api_error ERROR_SERIALIZATION = {
    .code = STR_INIT("SerializationException"),
    .query_code = STR_INIT("MalformedInput"),
    .http_status = 400,
    .query_status = 400,
    .is_sender = true,
    .message_name = STR_INIT("Message"),
};
/* AWS: "InvalidAction: The action or operation requested is invalid" (400); REST services answer
 * 404, which their engines see to. */
const struct api_error ERROR_UNKNOWN_OPERATION = {
    .code = STR_INIT("UnknownOperationException"),
    .query_code = STR_INIT("InvalidAction"),
    .http_status = 400,
    .query_status = 400,
    .is_sender = true,
};
/* AWS: S3 error responses: "MalformedXML ... did not validate against our published schema". */
const struct api_error ERROR_MALFORMED_XML = {
    .code = STR_INIT("MalformedXML"),
    .query_code = STR_INIT("MalformedXML"),
    .http_status = 400,
    .query_status = 400,
    .is_sender = true,
};
/* AWS: Smithy restJson1 and rpcv2Cbor: a body of another media type. */
const struct api_error ERROR_UNSUPPORTED_MEDIA_TYPE = {
    .code = STR_INIT("UnsupportedMediaTypeException"),
    .query_code = STR_INIT("UnsupportedMediaType"),
    .http_status = 415,
    .query_status = 415,
    .is_sender = true,
};

static const struct wire_engine *const engines[PROTOCOL_COUNT] = {
    [PROTOCOL_AWS_JSON_1_0] = &aws_json_engine, [PROTOCOL_AWS_JSON_1_1] = &aws_json_engine,
    [PROTOCOL_AWS_QUERY] = &aws_query_engine,   [PROTOCOL_EC2_QUERY] = &ec2_query_engine,
    [PROTOCOL_REST_JSON] = &rest_json_engine,   [PROTOCOL_REST_XML] = &rest_xml_engine,
    [PROTOCOL_RPC_V2_CBOR] = &cbor_engine,
};

int wire_refuse(const struct wire_decoding *decoding, const struct api_error *error,
                struct str message)
{
    *decoding->problem = (struct wire_problem){.error = error, .message = message};
    return -EINVAL;
}

bool wire_has_no_output(const struct operation *operation)
{
    return operation->out->member_count == 0 &&
           (operation->out->name.len == 0 || str_eq(operation->out->name, operation->name));
}

void wire_response_init(struct wire_response *response, struct arena *arena)
{
    *response = (struct wire_response){.status = 200, .arena = arena};
    buf_init(&response->body, arena, WIRE_MAX_BODY);
}

void wire_add_header(struct wire_response *response, struct str name, struct str value)
{
    if (response->header_count == response->header_capacity) {
        const size_t capacity =
            response->header_capacity ? response->header_capacity * 2 : FIRST_HEADERS;
        struct http_header *grown =
            arena_alloc_array(response->arena, capacity, sizeof(struct http_header));
        if (response->header_count > 0)
            memcpy(grown, response->headers, response->header_count * sizeof(*grown));
        response->headers = grown;
        response->header_capacity = capacity;
    }
    response->headers[response->header_count++] =
        (struct http_header){.name = name, .value = value};
}

/* AWS: S3 has a header of its own beside the common x-amzn-RequestId. */
void wire_add_request_id(const struct wire_encoding *encoding)
{
    const bool is_s3 =
        encoding->protocol == PROTOCOL_REST_XML && encoding->service->is_s3_unwrapped;
    wire_add_header(encoding->response, is_s3 ? STR("x-amz-request-id") : STR("x-amzn-RequestId"),
                    encoding->request_id);
}

static bool speaks(const struct service_model *service, enum protocol protocol)
{
    return (service->protocols & (1u << protocol)) != 0;
}

/* 1.0 or 1.1 as the content type says, else whichever the service has. */
static int detect_json(const struct service_model *service, const struct wire_request *request)
{
    const struct str type = wire_header(request, "Content-Type");
    const bool wants_1_1 = str_starts_with(type, STR("application/x-amz-json-1.1"));
    const bool wants_1_0 = str_starts_with(type, STR("application/x-amz-json-1.0"));
    if (speaks(service, PROTOCOL_AWS_JSON_1_1) &&
        (wants_1_1 || !wants_1_0 || !speaks(service, PROTOCOL_AWS_JSON_1_0)) &&
        !(wants_1_0 && speaks(service, PROTOCOL_AWS_JSON_1_0)))
        return PROTOCOL_AWS_JSON_1_1;
    return speaks(service, PROTOCOL_AWS_JSON_1_0) ? PROTOCOL_AWS_JSON_1_0 : -1;
}

int wire_detect_protocol(const struct service_model *service, const struct wire_request *request)
{
    if (speaks(service, PROTOCOL_RPC_V2_CBOR) &&
        str_eq_nocase(wire_header(request, "smithy-protocol"), STR("rpc-v2-cbor")))
        return PROTOCOL_RPC_V2_CBOR;
    if (str_is_set(wire_header(request, "X-Amz-Target"))) {
        const int json = detect_json(service, request);
        if (json >= 0)
            return json;
    }
    const bool is_query =
        speaks(service, PROTOCOL_AWS_QUERY) || speaks(service, PROTOCOL_EC2_QUERY);
    const uint32_t query_only = (1u << PROTOCOL_AWS_QUERY) | (1u << PROTOCOL_EC2_QUERY);
    if (is_query && ((service->protocols & ~query_only) == 0 || query_form_has_action(request)))
        return speaks(service, PROTOCOL_AWS_QUERY) ? PROTOCOL_AWS_QUERY : PROTOCOL_EC2_QUERY;
    if (speaks(service, PROTOCOL_REST_JSON))
        return PROTOCOL_REST_JSON;
    return speaks(service, PROTOCOL_REST_XML) ? PROTOCOL_REST_XML : -1;
}

const struct operation *wire_find_operation(const struct service_model *service,
                                            enum protocol protocol,
                                            const struct wire_request *request, struct arena *arena,
                                            struct str *out_name)
{
    *out_name = STR("");
    return engines[protocol]->find_operation(service, request, arena, out_name);
}

int wire_decode(enum protocol protocol, struct arena *arena, const struct service_model *service,
                const struct operation *operation, const struct wire_request *request, void *out,
                struct wire_problem *out_problem)
{
    const struct wire_decoding decoding = {
        .protocol = protocol,
        .arena = arena,
        .service = service,
        .operation = operation,
        .request = request,
        .problem = out_problem,
    };
    return engines[protocol]->decode(&decoding, out);
}

void wire_encode(enum protocol protocol, const struct service_model *service,
                 const struct operation *operation, const void *out, struct str request_id,
                 struct wire_response *response)
{
    const struct wire_encoding encoding = {
        .protocol = protocol,
        .service = service,
        .operation = operation,
        .request_id = request_id,
        .response = response,
    };
    response->status = operation->http_code ? operation->http_code : 200;
    engines[protocol]->encode(&encoding, out);
}

static bool is_rest(enum protocol protocol)
{
    return protocol == PROTOCOL_REST_JSON || protocol == PROTOCOL_REST_XML;
}

static int error_status(enum protocol protocol, const struct api_error *error)
{
    enum { NOT_FOUND = 404, BAD_REQUEST = 400, SERVER_FAULT = 500 };
    const bool is_xml = protocol == PROTOCOL_AWS_QUERY || protocol == PROTOCOL_EC2_QUERY ||
                        protocol == PROTOCOL_REST_XML;
    if (error == &ERROR_UNKNOWN_OPERATION && is_rest(protocol))
        return NOT_FOUND;
    if (is_xml && error->query_status)
        return error->query_status;
    if (error->http_status)
        return error->http_status;
    return error->is_sender ? BAD_REQUEST : SERVER_FAULT;
}

void wire_encode_error(enum protocol protocol, const struct service_model *service,
                       const struct call_error *error, bool is_query_mode, struct str request_id,
                       struct wire_response *response)
{
    static const struct service_model no_service = {.name = STR_INIT("")};
    const struct wire_encoding encoding = {
        .protocol = protocol,
        .service = service ? service : &no_service,
        .request_id = request_id,
        .response = response,
    };
    response->status = error_status(protocol, error->error);
    engines[protocol]->encode_error(&encoding, error);
    /* AWS: awsQueryCompatible: "x-amzn-query-error: Code;Fault", Fault being Sender or Receiver. */
    if (is_query_mode && service && service->is_query_compatible && protocol != PROTOCOL_AWS_QUERY)
        wire_add_header(response, STR("x-amzn-query-error"),
                        str_concat(response->arena, error->error->query_code,
                                   error->error->is_sender ? STR(";Sender") : STR(";Receiver")));
}

int wire_from_json(struct arena *arena, const struct shape *shape, const struct json *json,
                   void *out, struct str *out_message)
{
    const struct str text = json_to_str(arena, json);
    if (shape->kind == KIND_STRUCTURE || shape->kind == KIND_UNION)
        return json_shape_decode(arena, shape, text, 0, out, out_message);
    const struct member root = {.shape = shape};
    return json_shape_decode_slot(arena, &root, text, 0, out, out_message);
}

void wire_to_json(struct buf *out, const struct shape *shape, const void *value)
{
    const struct member root = {.shape = shape};
    if (shape->kind == KIND_STRUCTURE || shape->kind == KIND_UNION)
        json_shape_encode(out, NULL, shape, value, 0);
    else
        json_shape_encode_slot(out, NULL, &root, value, 0);
}
