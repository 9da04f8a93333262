/* ec2_query.c — the engine of ec2Query: awsQuery's older relative, spoken by EC2 alone.
 *
 * Docs: Smithy, AWS EC2 query protocol. Lists are always flattened in requests, there are no maps,
 * names are capitalised, answers have no result element.
 */
#include "syntax/xml.h"
#include "wire/engine.h"
#include "wire/query_form.h"
#include "wire/xml_shape.h"

static int decode(const struct wire_decoding *decoding, void *out)
{
    return query_form_decode(decoding, true, out);
}

static void add_headers(const struct wire_encoding *encoding)
{
    wire_add_request_id(encoding);
    wire_add_header(encoding->response, STR("Content-Type"), STR("text/xml;charset=UTF-8"));
}

static void encode(const struct wire_encoding *encoding, const void *out)
{
    struct buf *body = &encoding->response->body;
    struct arena *arena = encoding->response->arena;
    const struct str root = str_concat(arena, encoding->operation->name, STR("Response"));
    add_headers(encoding);
    encoding->response->status = 200;
    xml_write_declaration(body);
    buf_append_char(body, '<');
    buf_append(body, root);
    if (encoding->service->xml_namespace.len > 0) {
        buf_append(body, STR(" xmlns=\""));
        xml_attribute_text(body, encoding->service->xml_namespace);
        buf_append_char(body, '"');
    }
    buf_append_char(body, '>');
    xml_element(body, STR("requestId"), encoding->request_id);
    xml_shape_encode_members(body, arena, encoding->operation->out, out, 0);
    xml_close(body, root);
}

/* AWS: EC2 API reference, "Error codes": <Response><Errors><Error>..</Errors><RequestID/>. */
static void encode_error(const struct wire_encoding *encoding, const struct call_error *error)
{
    struct buf *body = &encoding->response->body;
    add_headers(encoding);
    xml_write_declaration(body);
    xml_open(body, STR("Response"));
    xml_open(body, STR("Errors"));
    xml_open(body, STR("Error"));
    xml_element(body, STR("Code"), error->error->query_code);
    if (error->message.len > 0)
        xml_element(body, STR("Message"), error->message);
    if (error->members && error->error->shape)
        xml_shape_encode_members(body, encoding->response->arena, error->error->shape,
                                 error->members, 0);
    xml_close(body, STR("Error"));
    xml_close(body, STR("Errors"));
    xml_element(body, STR("RequestID"), encoding->request_id);
    xml_close(body, STR("Response"));
}

const struct wire_engine ec2_query_engine = {
    .find_operation = query_form_find_operation,
    .decode = decode,
    .encode = encode,
    .encode_error = encode_error,
};
