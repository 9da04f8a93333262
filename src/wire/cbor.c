/* cbor.c — the engine of rpcv2Cbor: POST /service/<name>/operation/<name>, CBOR both ways.
 *
 * Docs: Smithy RPC v2 CBOR protocol. CloudWatch speaks it.
 */
#include "wire/cbor_shape.h"
#include "wire/engine.h"
#include "wire/router.h"

/* Whatever stands in front of "/service/" does not matter: the protocol allows a base path. */
static const struct operation *find_operation(const struct service_model *service,
                                              const struct wire_request *request,
                                              struct arena *arena UNUSED, struct str *out_name)
{
    const struct str marker = STR("/operation/");
    const ptrdiff_t at = str_find(request->raw_path, marker);
    *out_name = at < 0 ? STR("") : str_from(request->raw_path, (size_t)at + marker.len);
    if (at < 0 || !str_eq(request->method, STR("POST")))
        return NULL;
    const struct str prefix = str_slice(request->raw_path, 0, (size_t)at);
    const struct str wanted = str_from(prefix, (size_t)(str_last_index(prefix, '/') + 1));
    if (!str_eq(wanted, service->smithy_name))
        return NULL;
    return service_find_operation(service, *out_name);
}

static bool is_cbor_type(struct str type)
{
    struct str media;
    struct str rest = type;
    return !str_is_set(type) || !str_split_next(&rest, ';', &media) ||
           str_eq_nocase(str_trim(media), STR("application/cbor"));
}

static int decode(const struct wire_decoding *decoding, void *out)
{
    const struct wire_request *request = decoding->request;
    struct str message = {0};
    if (request->body.len > 0 && !is_cbor_type(wire_header(request, "Content-Type")))
        return wire_refuse(decoding, &ERROR_UNSUPPORTED_MEDIA_TYPE,
                           STR("The body must be application/cbor"));
    if (cbor_shape_decode(decoding->arena, decoding->operation->in, request->body, out, &message) <
        0)
        return wire_refuse(decoding, &ERROR_SERIALIZATION, message);
    return 0;
}

static void add_headers(const struct wire_encoding *encoding)
{
    wire_add_request_id(encoding);
    wire_add_header(encoding->response, STR("smithy-protocol"), STR("rpc-v2-cbor"));
}

static void encode(const struct wire_encoding *encoding, const void *out)
{
    add_headers(encoding);
    encoding->response->status = 200; /* the protocol knows no other */
    if (wire_has_no_output(encoding->operation))
        return;
    wire_add_header(encoding->response, STR("Content-Type"), STR("application/cbor"));
    cbor_shape_encode(&encoding->response->body, encoding->response->arena,
                      encoding->operation->out, out);
}

static void encode_error(const struct wire_encoding *encoding, const struct call_error *error)
{
    struct buf *body = &encoding->response->body;
    add_headers(encoding);
    wire_add_header(encoding->response, STR("Content-Type"), STR("application/cbor"));
    cbor_shape_open(body);
    cbor_shape_text(body, STR("__type"));
    cbor_shape_text(body, error->error->code);
    if (error->message.len > 0) {
        cbor_shape_text(body, str_or(error->error->message_name, STR("message")));
        cbor_shape_text(body, error->message);
    }
    if (error->members && error->error->shape)
        cbor_shape_encode_members(body, encoding->response->arena, error->error->shape,
                                  error->members);
    cbor_shape_close(body);
}

const struct wire_engine cbor_engine = {
    .find_operation = find_operation,
    .decode = decode,
    .encode = encode,
    .encode_error = encode_error,
};
