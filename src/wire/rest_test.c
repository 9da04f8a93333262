/* rest_test.c — restJson1 and restXml over the hand-written model: routing, bindings, bodies. */
#include "wire/protocol_check.h"
#include "wire/rest.h"

static void request_line(struct exchange *x, const char *method, const char *path,
                         const char *query)
{
    x->request.method = str_from_cstr(method);
    x->request.raw_path = str_from_cstr(path);
    x->request.raw_query = str_from_cstr(query);
}

static void matches_patterns(void **state UNUSED)
{
    static const struct {
        const char *pattern;
        const char *path;
        int count;
        const char *last;
    } cases[] = {
        {"/", "/", 0, NULL},
        {"/", "/a", -1, NULL},
        {"/a/b", "/a/b/", 0, NULL},
        {"/a/{x}", "/a/", -1, NULL},
        {"/a/{x}", "/a/1%2F2", 1, "1%2F2"},
        {"/a/{x}/c", "/a/b/c", 1, "b"},
        {"/a/{x}/c", "/a/b/d", -1, NULL},
        {"/{b}/{k+}", "/b/k/l//m/", 2, "k/l//m/"},
        {"/{b}/{k+}", "/b/", -1, NULL},
        {"/{b}/{k+}", "/b//k", 2, "/k"},
        {"/g/{k+}/end/{z}", "/g/1/2/end/3", 2, "3"},
        {"/g/{k+}/end", "/g/end", -1, NULL},
        {"/{b}", "/b/", 1, "b"},
        {"/{b}", "", -1, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct rest_label labels[REST_MAX_LABELS];
        const int count =
            rest_match_path(str_from_cstr(cases[i].pattern), str_from_cstr(cases[i].path), labels);
        if (count != cases[i].count)
            fail_msg("%s on %s gives %d", cases[i].pattern, cases[i].path, count);
        if (count > 0)
            assert_str(labels[count - 1].value, cases[i].last);
    }
}

static void finds_the_most_specific_operation(void **state UNUSED)
{
    static const struct {
        const char *method, *path, *query, *operation;
    } cases[] = {
        {"PUT", "/b/k", NULL, "Bind"},       {"PUT", "/b/k", "x-id=Bind", "Bind"},
        {"PUT", "/b/k", "x-id=Other", NULL}, {"PUT", "/b", "blob", "PutBlob"},
        {"PUT", "/b", "inner=", "PutInner"}, {"PUT", "/b", NULL, NULL},
        {"DELETE", "/echo", NULL, "Empty"},  {"POST", "/echo", NULL, "Echo"},
        {"POST", "/echo/", NULL, "Echo"},    {"GET", "/echo", NULL, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct exchange x;
        struct str name;
        exchange_open(&x, PROTOCOL_REST_JSON);
        request_line(&x, cases[i].method, cases[i].path, cases[i].query);
        const struct operation *found =
            wire_find_operation(&fix_service, x.protocol, &x.request, x.arena, &name);
        assert_str(found ? found->name : (struct str){0}, cases[i].operation);
        exchange_close(&x);
    }
}

/* As in S3: PutObject, UploadPart and CopyObject have one pattern. */
static void tells_operations_apart_by_what_they_require(void **state UNUSED)
{
    static const struct member part_members[] = {{.name = STR_INIT("UploadId"),
                                                  .shape = &fix_string,
                                                  .flags = MEMBER_REQUIRED,
                                                  .location = LOCATION_QUERY,
                                                  .wire_name = STR_INIT("uploadId")}};
    static const struct shape part = {
        .kind = KIND_STRUCTURE, .member_count = 1, .members = part_members};
    static const struct member copy_members[] = {{.name = STR_INIT("CopySource"),
                                                  .shape = &fix_string,
                                                  .flags = MEMBER_REQUIRED,
                                                  .location = LOCATION_HEADER,
                                                  .wire_name = STR_INIT("x-amz-copy-source")}};
    static const struct shape copy = {
        .kind = KIND_STRUCTURE, .member_count = 1, .members = copy_members};
    static const struct operation operations[] = {
        FIX_OPERATION("Copy", "PUT", "/{Bucket}/{Key+}?x-id=Copy", 200, copy, fix_empty_shape),
        FIX_OPERATION("Part", "PUT", "/{Bucket}/{Key+}?x-id=Part", 200, part, fix_empty_shape),
        FIX_OPERATION("Put", "PUT", "/{Bucket}/{Key+}?x-id=Put", 200, fix_empty_shape,
                      fix_empty_shape),
    };
    static const struct service_model service = {.operations = operations,
                                                 .operation_count = ARRAY_LEN(operations)};
    struct exchange x;
    struct str name;
    exchange_open(&x, PROTOCOL_REST_XML);
    request_line(&x, "PUT", "/b/k", NULL);
    assert_str(wire_find_operation(&service, x.protocol, &x.request, x.arena, &name)->name, "Put");
    x.request.raw_query = STR("uploadId=1");
    assert_str(wire_find_operation(&service, x.protocol, &x.request, x.arena, &name)->name, "Part");
    x.request.raw_query = STR("x-id=Put");
    exchange_header(&x, "X-Amz-Copy-Source", "a/b");
    assert_str(wire_find_operation(&service, x.protocol, &x.request, x.arena, &name)->name, "Put");
    x.request.raw_query = (struct str){0};
    assert_str(wire_find_operation(&service, x.protocol, &x.request, x.arena, &name)->name, "Copy");
    exchange_close(&x);
}

static void decodes_bindings(void **state UNUSED)
{
    struct exchange x;
    exchange_open(&x, PROTOCOL_REST_JSON);
    request_line(&x, "PUT", "/my%20b/k/l%2Fm", "number=3&tag=a&tag=b+c&other");
    exchange_header(&x, "x-since", "Tue, 09 Jan 2018 20:51:21 GMT");
    exchange_header(&x, "X-Dates", "Tue, 09 Jan 2018 20:51:21 GMT, Tue, 09 Jan 2018 20:51:22 GMT");
    exchange_header(&x, "X-Meta-Foo", "bar");
    exchange_header(&x, "X-Words", "a, \"b,c\", \"d \\\"e\\\"\"");
    exchange_header(&x, "x-words", "f");
    exchange_header(&x, "X-Json", "e30=");
    exchange_header(&x, "Content-Type", "application/json; charset=utf-8");
    struct fix_bound *in = exchange_decode(
        &x, "Bind",
        "{\"Text\":\"t\",\"Bucket\":\"ignored\",\"Inner\":{\"text\":\"i\",\"Text\":1}}");
    assert_str(in->bucket, "my b");
    assert_str(in->key, "k/l/m");
    assert_int_equal(in->number.value, 3);
    assert_int_equal(in->tags.count, 2);
    assert_str(in->tags.items[1], "b c");
    assert_true(in->since.value == INT64_C(1515531081000));
    assert_int_equal(in->dates.count, 2);
    assert_true(in->dates.items[1] == INT64_C(1515531082000));
    assert_int_equal(in->metadata.count, 1);
    assert_str(in->metadata.items[0].key, "Foo");
    assert_int_equal(in->words.count, 4);
    assert_str(in->words.items[1], "b,c");
    assert_str(in->words.items[2], "d \"e\"");
    assert_str(in->words.items[3], "f");
    assert_str(in->json_header, "{}");
    assert_int_equal(in->rest.count, 3);
    assert_int_equal(in->rest.items[1].value.count, 2);
    assert_str(in->rest.items[2].value.items[0], "");
    assert_str(in->text, "t");
    assert_str(in->inner->text, "i");
    exchange_close(&x);
}

static void refuses_malformed_bindings(void **state UNUSED)
{
    static const struct {
        const char *query, *header, *value, *message;
    } cases[] = {
        {"number=x", "X-A", "", "'x' can not be converted to an Integer"},
        {"number=%f", "X-A", "", "The query string is not well-formed"},
        {NULL, "X-Since", "yesterday", "'yesterday' can not be converted to a Timestamp"},
        {NULL, "X-Words", "\"open", "A header is not a well-formed list"},
        {NULL, "X-Json", "{}", "A header with JSON is not base64"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct exchange x;
        exchange_open(&x, PROTOCOL_REST_JSON);
        request_line(&x, "PUT", "/b/k", cases[i].query);
        exchange_header(&x, cases[i].header, cases[i].value);
        exchange_refuses(&x, "Bind", "", cases[i].message);
        exchange_close(&x);
    }
    struct exchange x;
    exchange_open(&x, PROTOCOL_REST_JSON);
    request_line(&x, "PUT", "/b/k", NULL);
    exchange_header(&x, "Content-Type", "text/xml");
    exchange_refuses(&x, "Bind", "{}", "The body must be application/json");
    assert_ptr_equal(x.problem.error, &ERROR_UNSUPPORTED_MEDIA_TYPE);
    exchange_close(&x);
}

static void refuses_unions_without_one_member(void **state UNUSED)
{
    struct exchange x;
    exchange_open(&x, PROTOCOL_REST_JSON);
    request_line(&x, "POST", "/echo", NULL);
    exchange_refuses(&x, "Echo", "{\"Choice\":{}}",
                     "Unions must have exactly one member set, but none were");
    exchange_refuses(&x, "Echo", "{\"Choice\":{\"text\":\"a\",\"number\":1}}",
                     "Unions must have exactly one member set, but more were");
    exchange_close(&x);
}

static struct fix_bound *bound_answer(struct arena *arena)
{
    struct fix_bound *out = arena_alloc(arena, sizeof(*out));
    struct fix_inner *inner = arena_alloc(arena, sizeof(*inner));
    struct str *words = arena_alloc_array(arena, 3, sizeof(*words));
    struct fix_attribute *meta = arena_alloc_array(arena, 2, sizeof(*meta));
    words[0] = STR("a");
    words[1] = STR("b,\"c\"");
    words[2] = STR("d\r\nX-Evil: 1");
    meta[0] = (struct fix_attribute){STR("foo"), STR("bar\r\n")};
    meta[1] = (struct fix_attribute){STR("not a token"), STR("x")};
    inner->text = STR("i");
    *out = (struct fix_bound){
        .since = opt_i64(1515531081000),
        .words = {words, 3, true},
        .metadata = {meta, 2, true},
        .json_header = STR("{}"),
        .status = opt_i32(202),
        .text = STR("t"),
        .inner = inner,
    };
    return out;
}

static void encodes_bindings(void **state UNUSED)
{
    struct exchange x;
    exchange_open(&x, PROTOCOL_REST_JSON);
    assert_string_equal(exchange_encode(&x, "Bind", bound_answer(x.arena)),
                        "{\"Text\":\"t\",\"Inner\":{\"text\":\"i\"}}");
    assert_int_equal(x.response.status, 202);
    assert_string_equal(answer_header(&x, "X-Since"), "Tue, 09 Jan 2018 20:51:21 GMT");
    assert_string_equal(answer_header(&x, "X-Words"), "a, \"b,\\\"c\\\"\", d  X-Evil: 1");
    assert_string_equal(answer_header(&x, "x-meta-foo"), "bar");
    assert_null(answer_header(&x, "x-meta-not a token"));
    assert_string_equal(answer_header(&x, "X-Json"), "e30=");
    assert_string_equal(answer_header(&x, "Content-Type"), "application/json");
    exchange_close(&x);
}

static void carries_payloads(void **state UNUSED)
{
    struct exchange x;
    exchange_open(&x, PROTOCOL_REST_JSON);
    request_line(&x, "PUT", "/b", "blob");
    exchange_header(&x, "Content-Type", "image/png");
    struct fix_blob_payload *blob = exchange_decode(&x, "PutBlob", "\x01raw");
    assert_str(blob->payload, "\x01raw");
    assert_str(blob->content_type, "image/png");
    assert_string_equal(exchange_encode(&x, "PutBlob", blob), "\x01raw");
    assert_string_equal(answer_header(&x, "Content-Type"), "image/png");
    blob->content_type = (struct str){0};
    exchange_encode(&x, "PutBlob", blob);
    assert_string_equal(answer_header(&x, "Content-Type"), "application/octet-stream");
    exchange_close(&x);

    exchange_open(&x, PROTOCOL_REST_JSON);
    request_line(&x, "PUT", "/b", "inner");
    struct fix_inner_payload *inner = exchange_decode(&x, "PutInner", "{\"text\":\"p\"}");
    assert_str(inner->payload->text, "p");
    assert_string_equal(exchange_encode(&x, "PutInner", inner), "{\"text\":\"p\"}");
    inner->payload = NULL;
    assert_string_equal(exchange_encode(&x, "PutInner", inner), "");
    const struct fix_empty none = {0};
    assert_string_equal(exchange_encode(&x, "Empty", &none), "");
    assert_int_equal(x.response.status, 204);
    exchange_close(&x);
}

static void answers_json_errors(void **state UNUSED)
{
    struct exchange x;
    exchange_open(&x, PROTOCOL_REST_JSON);
    const struct fix_fault_members members = {.resource = STR("q"), .retry_after = opt_i32(3)};
    struct call_error error = {.error = &fix_fault, .message = STR("m"), .members = &members};
    assert_string_equal(exchange_error(&x, &error, false),
                        "{\"message\":\"m\",\"Resource\":\"q\"}");
    assert_string_equal(answer_header(&x, "x-amzn-errortype"), "QueueMissing");
    assert_string_equal(answer_header(&x, "retry-after"), "3");
    error = (struct call_error){.error = &ERROR_UNKNOWN_OPERATION};
    assert_string_equal(exchange_error(&x, &error, false), "{}");
    assert_int_equal(x.response.status, 404);
    exchange_close(&x);
}

static void speaks_xml(void **state UNUSED)
{
    struct exchange x;
    exchange_open(&x, PROTOCOL_REST_XML);
    request_line(&x, "POST", "/echo", NULL);
    struct fix_all *in = exchange_decode(
        &x, "Echo",
        "<?xml version=\"1.0\"?><Any xmlns=\"u:x\"><Name> a </Name><Count> 4 </Count>"
        "<At>2018-01-09T20:51:21Z</At><Names><member>x</member><member>y</member></Names>"
        "<FlatName>f</FlatName><Flag>true</Flag><FlatName>g</FlatName>"
        "<Matrix><member><member>m</member></member></Matrix><Inner Number=\"5\"><Text>t</Text>"
        "</Inner><Inners><item><Text>p</Text></item></Inners><Attributes><entry><key>k</key>"
        "<value>v</value></entry></Attributes><Attribute><Name>n</Name><Value>o</Value></Attribute>"
        "<InnerMap><entry><key>k</key><value><Text>w</Text></value></entry></InnerMap></Any>");
    assert_str(in->name, " a ");
    assert_int_equal(in->count.value, 4);
    assert_true(in->at.value == INT64_C(1515531081000));
    assert_int_equal(in->names.count, 2);
    assert_int_equal(in->flat_names.count, 2);
    assert_str(in->flat_names.items[1], "g");
    assert_str(in->matrix.items[0].items[0], "m");
    assert_int_equal(in->inner->number.value, 5);
    assert_str(in->inners.items[0].text, "p");
    assert_str(in->attributes.items[0].value, "v");
    assert_str(in->flat_attributes.items[0].key, "n");
    assert_str(in->inner_map.items[0].value.text, "w");

    struct fix_inner_payload *inner = exchange_decode(&x, "PutInner", "<I><Text>p</Text></I>");
    assert_str(inner->payload->text, "p");
    assert_string_equal(exchange_encode(&x, "PutInner", inner),
                        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                        "<Inner xmlns=\"https://fix.example/doc/\"><Text>p</Text></Inner>");
    assert_string_equal(exchange_encode(&x, "Bind", bound_answer(x.arena)),
                        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                        "<Bound xmlns=\"https://fix.example/doc/\"><Text>t</Text>"
                        "<Inner><Text>i</Text></Inner></Bound>");
    exchange_refuses(&x, "Echo", "<a>",
                     "The XML you provided was not well-formed or did not validate against our "
                     "published schema");
    assert_ptr_equal(x.problem.error, &ERROR_MALFORMED_XML);
    exchange_close(&x);
}

static void answers_xml_errors(void **state UNUSED)
{
    struct exchange x;
    exchange_open(&x, PROTOCOL_REST_XML);
    const struct fix_fault_members members = {.resource = STR("q")};
    const struct call_error error = {.error = &fix_fault, .message = STR("m"), .members = &members};
    assert_string_equal(exchange_error(&x, &error, false),
                        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                        "<ErrorResponse xmlns=\"https://fix.example/doc/\"><Error>"
                        "<Type>Sender</Type><Code>QueueMissing</Code><Message>m</Message>"
                        "<Resource>q</Resource></Error><RequestId>req-1</RequestId>"
                        "</ErrorResponse>");
    struct service_model s3 = fix_service;
    s3.is_s3_unwrapped = true;
    wire_response_init(&x.response, x.arena);
    wire_encode_error(x.protocol, &s3, &error, false, STR("req-1"), &x.response);
    assert_str(buf_str(&x.response.body),
               "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
               "<Error><Code>QueueMissing</Code><Message>m</Message><Resource>q</Resource>"
               "<RequestId>req-1</RequestId></Error>");
    assert_string_equal(answer_header(&x, "x-amz-request-id"), "req-1");
    exchange_close(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_patterns),
        cmocka_unit_test(finds_the_most_specific_operation),
        cmocka_unit_test(tells_operations_apart_by_what_they_require),
        cmocka_unit_test(decodes_bindings),
        cmocka_unit_test(refuses_malformed_bindings),
        cmocka_unit_test(refuses_unions_without_one_member),
        cmocka_unit_test(encodes_bindings),
        cmocka_unit_test(carries_payloads),
        cmocka_unit_test(answers_json_errors),
        cmocka_unit_test(speaks_xml),
        cmocka_unit_test(answers_xml_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
