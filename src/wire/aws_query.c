/* aws_query.c — the engine of awsQuery: form fields in, XML out.
 *
 * Docs: Smithy, AWS query protocol. Action names the operation; Version is not looked at, since
 * every service has one version.
 */
#include "syntax/xml.h"
#include "wire/engine.h"
#include "wire/query_form.h"
#include "wire/xml_shape.h"

static int decode(const struct wire_decoding *decoding, void *out)
{
    return query_form_decode(decoding, false, out);
}

static struct str named(const struct wire_encoding *encoding, struct str suffix)
{
    return str_concat(encoding->response->arena, encoding->operation->name, suffix);
}

static void open_root(const struct wire_encoding *encoding, struct str name)
{
    struct buf *body = &encoding->response->body;
    buf_append_char(body, '<');
    buf_append(body, name);
    if (encoding->service->xml_namespace.len > 0) {
        buf_append(body, STR(" xmlns=\""));
        xml_attribute_text(body, encoding->service->xml_namespace);
        buf_append_char(body, '"');
    }
    buf_append_char(body, '>');
}

static void add_headers(const struct wire_encoding *encoding)
{
    wire_add_request_id(encoding);
    wire_add_header(encoding->response, STR("Content-Type"), STR("text/xml"));
}

/* <OpResponse><OpResult>..</OpResult><ResponseMetadata><RequestId/></ResponseMetadata>
 * </OpResponse>; operations without output have no result element. */
static void encode(const struct wire_encoding *encoding, const void *out)
{
    struct buf *body = &encoding->response->body;
    const struct str root = named(encoding, STR("Response"));
    add_headers(encoding);
    encoding->response->status = 200; /* AWS: whatever the http trait says, query answers 200 */
    open_root(encoding, root);
    if (!wire_has_no_output(encoding->operation))
        xml_shape_encode(body, encoding->response->arena, named(encoding, STR("Result")), STR(""),
                         encoding->operation->out, out, 0);
    xml_open(body, STR("ResponseMetadata"));
    xml_element(body, STR("RequestId"), encoding->request_id);
    xml_close(body, STR("ResponseMetadata"));
    xml_close(body, root);
}

static void encode_error(const struct wire_encoding *encoding, const struct call_error *error)
{
    struct buf *body = &encoding->response->body;
    add_headers(encoding);
    open_root(encoding, STR("ErrorResponse"));
    xml_open(body, STR("Error"));
    xml_element(body, STR("Type"), error->error->is_sender ? STR("Sender") : STR("Receiver"));
    xml_element(body, STR("Code"), error->error->query_code);
    if (error->message.len > 0)
        xml_element(body, STR("Message"), error->message);
    if (error->members && error->error->shape)
        xml_shape_encode_members(body, encoding->response->arena, error->error->shape,
                                 error->members, 0);
    xml_close(body, STR("Error"));
    xml_element(body, STR("RequestId"), encoding->request_id);
    xml_close(body, STR("ErrorResponse"));
}

const struct wire_engine aws_query_engine = {
    .find_operation = query_form_find_operation,
    .decode = decode,
    .encode = encode,
    .encode_error = encode_error,
};
