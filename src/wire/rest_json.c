/* rest_json.c — the engine of restJson1: HTTP bindings, JSON bodies.
 *
 * Docs: Smithy, AWS restJson1 protocol. Accept is not looked at: there is one representation.
 */
#include <errno.h>

#include "syntax/json.h"
#include "wire/engine.h"
#include "wire/json_shape.h"
#include "wire/rest.h"
#include "wire/router.h"
#include "wire/value.h"

enum {
    FLAGS = JSON_SHAPE_JSON_NAMES | JSON_SHAPE_STRICT_UNIONS,
};

/* AWS: restJson1: a structured body is application/json; older SDKs send x-amz-json. A request that
 * does not say is taken at its word. */
static bool is_json_type(struct str type)
{
    struct str media;
    struct str rest = type;
    if (!str_is_set(type) || !str_split_next(&rest, ';', &media))
        return true;
    media = str_trim(media);
    return str_eq_nocase(media, STR("application/json")) ||
           str_eq_nocase(media, STR("application/x-amz-json-1.0")) ||
           str_eq_nocase(media, STR("application/x-amz-json-1.1"));
}

static int decode_json(const struct wire_decoding *decoding, const struct member *payload,
                       void *out)
{
    const struct str body = decoding->request->body;
    struct str message = {0};
    int rc;
    if (body.len == 0)
        return 0;
    if (!is_json_type(wire_header(decoding->request, "Content-Type")))
        return wire_refuse(decoding, &ERROR_UNSUPPORTED_MEDIA_TYPE,
                           STR("The body must be application/json"));
    if (payload)
        rc = json_shape_decode_slot(decoding->arena, payload, body, FLAGS,
                                    (char *)out + payload->offset, &message);
    else
        rc = json_shape_decode(decoding->arena, decoding->operation->in, body,
                               FLAGS | JSON_SHAPE_BODY_ONLY, out, &message);
    return rc < 0 ? wire_refuse(decoding, &ERROR_SERIALIZATION, message) : 0;
}

static int decode(const struct wire_decoding *decoding, void *out)
{
    const struct shape *shape = decoding->operation->in;
    const struct member *payload = rest_payload_member(shape);
    int rc = 0;
    if (payload && (rest_is_raw(payload->shape) || (payload->flags & MEMBER_STREAMING)))
        rc = rest_decode_raw_payload(decoding, payload, out);
    else if (payload || rest_has_body(shape))
        rc = decode_json(decoding, payload, out);
    if (rc == 0)
        rc = rest_decode_bindings(decoding, out);
    if (rc == 0)
        value_apply_defaults(decoding->arena, shape, out);
    return rc;
}

static void encode_payload(const struct wire_encoding *encoding, const struct member *payload,
                           const void *out)
{
    struct value_scratch scratch;
    const void *slot = value_member(encoding->response->arena, payload, out, &scratch);
    if (rest_is_raw(payload->shape)) {
        rest_encode_raw_payload(encoding, payload, slot);
        return;
    }
    if (!slot)
        return;
    rest_add_content_type(encoding, STR("application/json"));
    json_shape_encode_slot(&encoding->response->body, encoding->response->arena, payload, slot,
                           FLAGS);
}

static void encode(const struct wire_encoding *encoding, const void *out)
{
    const struct shape *shape = encoding->operation->out;
    const struct member *payload = rest_payload_member(shape);
    wire_add_request_id(encoding);
    rest_encode_bindings(encoding, shape, out);
    if (rest_is_bodiless(encoding->response->status))
        return;
    if (payload) {
        encode_payload(encoding, payload, out);
        return;
    }
    rest_add_content_type(encoding, STR("application/json"));
    if (!wire_has_no_output(encoding->operation))
        json_shape_encode(&encoding->response->body, encoding->response->arena, shape, out,
                          FLAGS | JSON_SHAPE_BODY_ONLY);
}

static void encode_error(const struct wire_encoding *encoding, const struct call_error *error)
{
    struct buf *body = &encoding->response->body;
    const struct shape *shape = error->members ? error->error->shape : NULL;
    bool is_first = true;
    wire_add_request_id(encoding);
    wire_add_header(encoding->response, STR("x-amzn-errortype"), error->error->code);
    if (shape)
        rest_encode_bindings(encoding, shape, error->members);
    rest_add_content_type(encoding, STR("application/json"));
    buf_append_char(body, '{');
    if (error->message.len > 0) {
        json_write_string(body, str_or(error->error->message_name, STR("message")));
        buf_append_char(body, ':');
        json_write_string(body, error->message);
        is_first = false;
    }
    if (shape)
        json_shape_encode_members(body, encoding->response->arena, shape, error->members,
                                  FLAGS | JSON_SHAPE_BODY_ONLY, &is_first);
    buf_append_char(body, '}');
}

const struct wire_engine rest_json_engine = {
    .find_operation = rest_find_operation,
    .decode = decode,
    .encode = encode,
    .encode_error = encode_error,
};
