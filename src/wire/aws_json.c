/* aws_json.c — the engine of awsJson1_0 and awsJson1_1: POST /, X-Amz-Target, JSON both ways.
 *
 * Docs: Smithy, AWS JSON 1.0 and 1.1 protocols. They differ in the content type only.
 */
#include <errno.h>

#include "syntax/json.h"
#include "wire/engine.h"
#include "wire/json_shape.h"
#include "wire/router.h"

/* The target is "<prefix>.<operation>"; the router has looked at the prefix already. */
static const struct operation *find_operation(const struct service_model *service,
                                              const struct wire_request *request,
                                              struct arena *arena UNUSED, struct str *out_name)
{
    const struct str target = wire_header(request, "X-Amz-Target");
    const ptrdiff_t dot = str_last_index(target, '.');
    *out_name = str_or(str_from(target, (size_t)(dot + 1)), STR(""));
    return service_find_operation(service, *out_name);
}

static int decode(const struct wire_decoding *decoding, void *out)
{
    struct str message = {0};
    int rc = json_shape_decode(decoding->arena, decoding->operation->in, decoding->request->body, 0,
                               out, &message);
    return rc < 0 ? wire_refuse(decoding, &ERROR_SERIALIZATION, message) : 0;
}

static void add_headers(const struct wire_encoding *encoding)
{
    wire_add_request_id(encoding);
    wire_add_header(encoding->response, STR("Content-Type"),
                    encoding->protocol == PROTOCOL_AWS_JSON_1_0
                        ? STR("application/x-amz-json-1.0")
                        : STR("application/x-amz-json-1.1"));
}

/* AWS: operations without output answer an empty object in 1.0 and an empty body in 1.1 services;
 * clients take both. */
static void encode(const struct wire_encoding *encoding, const void *out)
{
    add_headers(encoding);
    if (encoding->protocol == PROTOCOL_AWS_JSON_1_1 && wire_has_no_output(encoding->operation))
        return;
    json_shape_encode(&encoding->response->body, encoding->response->arena,
                      encoding->operation->out, out, 0);
}

static void encode_error(const struct wire_encoding *encoding, const struct call_error *error)
{
    struct buf *body = &encoding->response->body;
    bool is_first = false;
    add_headers(encoding);
    buf_append(body, STR("{\"__type\":"));
    json_write_string(body, error->error->code);
    if (error->message.len > 0) {
        buf_append_char(body, ',');
        json_write_string(body, str_or(error->error->message_name, STR("message")));
        buf_append_char(body, ':');
        json_write_string(body, error->message);
    }
    if (error->members && error->error->shape)
        json_shape_encode_members(body, encoding->response->arena, error->error->shape,
                                  error->members, 0, &is_first);
    buf_append_char(body, '}');
}

const struct wire_engine aws_json_engine = {
    .find_operation = find_operation,
    .decode = decode,
    .encode = encode,
    .encode_error = encode_error,
};
