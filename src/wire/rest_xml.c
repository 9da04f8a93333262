/* rest_xml.c — the engine of restXml: HTTP bindings, XML bodies.
 *
 * Docs: Smithy, AWS restXml protocol, and S3's departures from it: errors without a wrapper,
 * request ids in headers of their own, times with milliseconds. Content types of requests are not
 * looked at: S3, CloudFront and Route 53 do not either.
 */
#include <errno.h>

#include "base/arena.h"
#include "syntax/xml.h"
#include "wire/engine.h"
#include "wire/rest.h"
#include "wire/value.h"
#include "wire/xml_shape.h"

static int refuse_xml(const struct wire_decoding *decoding)
{
    return wire_refuse(decoding, &ERROR_MALFORMED_XML,
                       STR("The XML you provided was not well-formed or did not validate against "
                           "our published schema"));
}

static int decode_xml(const struct wire_decoding *decoding, const struct member *payload, void *out)
{
    struct xml_node *root = NULL;
    struct xml_error error = {0};
    struct str message = {0};
    if (str_trim(decoding->request->body).len == 0)
        return 0;
    if (xml_parse(decoding->arena, decoding->request->body, &root, &error) < 0)
        return refuse_xml(decoding);
    const struct shape *shape = payload ? payload->shape : decoding->operation->in;
    void *structure = payload ? arena_alloc(decoding->arena, shape->size) : out;
    const unsigned flags = payload ? 0 : XML_SHAPE_BODY_ONLY;
    if (xml_shape_decode(decoding->arena, shape, root, flags, structure, &message) < 0)
        return refuse_xml(decoding);
    if (payload)
        value_set_pointer((char *)out + payload->offset, structure);
    return 0;
}

static bool is_structured(const struct shape *shape)
{
    return shape->kind == KIND_STRUCTURE || shape->kind == KIND_UNION;
}

static int decode(const struct wire_decoding *decoding, void *out)
{
    const struct shape *shape = decoding->operation->in;
    const struct member *payload = rest_payload_member(shape);
    int rc = 0;
    if (payload && rest_is_raw(payload->shape))
        rc = rest_decode_raw_payload(decoding, payload, out);
    else if (payload ? is_structured(payload->shape) : rest_has_body(shape))
        rc = decode_xml(decoding, payload, out);
    if (rc == 0)
        rc = rest_decode_bindings(decoding, out);
    if (rc == 0)
        value_apply_defaults(decoding->arena, shape, out);
    return rc;
}

static unsigned time_flags(const struct service_model *service)
{
    return service->is_s3_unwrapped ? XML_SHAPE_MILLISECONDS : 0;
}

/* The first that is set: of the member, the structure, the service. */
static struct str first_of(struct str a, struct str b, struct str c)
{
    if (a.len > 0)
        return a;
    return b.len > 0 ? b : c;
}

static void encode_document(const struct wire_encoding *encoding, struct str name,
                            struct str xml_namespace, const struct shape *shape, const void *value,
                            unsigned flags)
{
    struct buf *body = &encoding->response->body;
    rest_add_content_type(encoding, STR("application/xml"));
    xml_write_declaration(body);
    xml_shape_encode(body, encoding->response->arena, name, xml_namespace, shape, value,
                     flags | time_flags(encoding->service));
}

/* AWS: Smithy, httpPayload in restXml: the root is named by the member's xmlName, else by the
 * structure's, else like the structure. */
static void encode_payload(const struct wire_encoding *encoding, const struct member *payload,
                           const void *out)
{
    struct value_scratch scratch;
    const struct shape *shape = payload->shape;
    const void *slot = value_member(encoding->response->arena, payload, out, &scratch);
    if (rest_is_raw(shape)) {
        rest_encode_raw_payload(encoding, payload, slot);
        return;
    }
    if (!slot || !is_structured(shape))
        return;
    const bool is_renamed = !str_eq(payload->xml_name, payload->name);
    const struct str own = is_renamed ? payload->xml_name : STR("");
    encode_document(
        encoding, first_of(own, shape->xml_name, shape->name),
        first_of(payload->xml_namespace, shape->xml_namespace, encoding->service->xml_namespace),
        shape, value_structure(slot, VALUE_OPTIONAL), 0);
}

/* AWS: Smithy, s3UnwrappedXmlOutput: the output has one member, a string, whose element is the
 * root; an absent one is written empty (S3: GetBucketLocation of us-east-1). */
static void encode_only_member(const struct wire_encoding *encoding, const void *out)
{
    struct value_scratch scratch;
    struct arena *arena = encoding->response->arena;
    struct buf *body = &encoding->response->body;
    struct buf attributes;
    const struct member *member = &encoding->operation->out->members[0];
    const void *slot = value_member(arena, member, out, &scratch);
    buf_init(&attributes, arena, WIRE_MAX_BODY);
    buf_append(&attributes, STR(" xmlns=\""));
    xml_attribute_text(&attributes, encoding->service->xml_namespace);
    buf_append_char(&attributes, '"');
    rest_add_content_type(encoding, STR("application/xml"));
    xml_write_declaration(body);
    xml_open_with(body, member->xml_name, buf_str(&attributes));
    if (slot)
        xml_text(body, value_str(slot));
    xml_close(body, member->xml_name);
}

static void encode(const struct wire_encoding *encoding, const void *out)
{
    const struct shape *shape = encoding->operation->out;
    const struct member *payload = rest_payload_member(shape);
    wire_add_request_id(encoding);
    rest_encode_bindings(encoding, shape, out);
    if (rest_is_bodiless(encoding->response->status))
        return;
    if (payload)
        encode_payload(encoding, payload, out);
    else if (encoding->operation->flags & OPERATION_UNWRAPPED_OUTPUT)
        encode_only_member(encoding, out);
    else if (rest_has_body(shape))
        encode_document(encoding, first_of(shape->xml_name, shape->name, STR("")),
                        first_of(shape->xml_namespace, encoding->service->xml_namespace, STR("")),
                        shape, out, XML_SHAPE_BODY_ONLY);
}

static void encode_fault(const struct wire_encoding *encoding, const struct call_error *error)
{
    struct buf *body = &encoding->response->body;
    /* Common errors, which have no shape, have a code for JSON and one for XML. A service's own
     * have one, but for those that were known by another to the Query protocol, which REST is not.
     */
    struct str code = error->error->shape ? error->error->code
                                          : str_or(error->error->query_code, error->error->code);
    xml_element(body, STR("Code"), code);
    if (error->message.len > 0)
        xml_element(body, STR("Message"), error->message);
    if (error->members && error->error->shape)
        xml_shape_encode_members(body, encoding->response->arena, error->error->shape,
                                 error->members,
                                 XML_SHAPE_BODY_ONLY | time_flags(encoding->service));
}

/* AWS: S3 API reference, "Error responses": <Error> alone, with the request id inside. */
static void encode_unwrapped(const struct wire_encoding *encoding, const struct call_error *error)
{
    struct buf *body = &encoding->response->body;
    xml_open(body, STR("Error"));
    encode_fault(encoding, error);
    xml_element(body, STR("RequestId"), encoding->request_id);
    xml_close(body, STR("Error"));
}

static void encode_wrapped(const struct wire_encoding *encoding, const struct call_error *error)
{
    struct buf *body = &encoding->response->body;
    buf_append(body, STR("<ErrorResponse"));
    if (encoding->service->xml_namespace.len > 0) {
        buf_append(body, STR(" xmlns=\""));
        xml_attribute_text(body, encoding->service->xml_namespace);
        buf_append_char(body, '"');
    }
    buf_append_char(body, '>');
    xml_open(body, STR("Error"));
    xml_element(body, STR("Type"), error->error->is_sender ? STR("Sender") : STR("Receiver"));
    encode_fault(encoding, error);
    xml_close(body, STR("Error"));
    xml_element(body, STR("RequestId"), encoding->request_id);
    xml_close(body, STR("ErrorResponse"));
}

static void encode_error(const struct wire_encoding *encoding, const struct call_error *error)
{
    wire_add_request_id(encoding);
    if (error->members && error->error->shape)
        rest_encode_bindings(encoding, error->error->shape, error->members);
    if (rest_is_bodiless(encoding->response->status))
        return;
    rest_add_content_type(encoding, STR("application/xml"));
    xml_write_declaration(&encoding->response->body);
    if (encoding->service->is_s3_unwrapped)
        encode_unwrapped(encoding, error);
    else
        encode_wrapped(encoding, error);
}

const struct wire_engine rest_xml_engine = {
    .find_operation = rest_find_operation,
    .decode = decode,
    .encode = encode,
    .encode_error = encode_error,
};
