/* aws_query_test.c — awsQuery and ec2Query over the hand-written model. */
#include "wire/protocol_check.h"

static void decodes_lists_maps_and_structures(void **state UNUSED)
{
    struct exchange x;
    exchange_open(&x, PROTOCOL_AWS_QUERY);
    struct fix_all *in = exchange_decode(
        &x, "Echo",
        "Action=Echo&Version=2020-01-01&Name=a+b%21&Blob=aGk%3D&Flag=true&Count=-5&Large=99"
        "&Precise=1.5&At=2018-01-09T20%3A51%3A21.123Z&Http=Tue%2C+09+Jan+2018+20%3A51%3A21+GMT"
        "&Names.member.2=y&Names.member.1=x&Names.member.10=z&FlatName.1=f&FlatName.3=g"
        "&Matrix.member.1.member.1=m&Inner.Text=t&Inner.Next.Text=u&Inner.Number=7"
        "&Inners.item.1.Text=p&Inners.item.2.Text=q"
        "&Attributes.entry.1.key=k&Attributes.entry.1.value=v"
        "&Attribute.1.Name=n&Attribute.1.Value=o&Attribute.2.Name=p&Attribute.2.Value=q"
        "&InnerMap.entry.1.key=m&InnerMap.entry.1.value.Text=mt"
        "&StringsMap.entry.1.key=s&StringsMap.entry.1.value.member.1=sv&Unknown.x=1");
    assert_str(in->name, "a b!");
    assert_str(in->blob, "hi");
    assert_true(in->flag.value);
    assert_int_equal(in->count.value, -5);
    assert_true(in->at.value == INT64_C(1515531081123));
    assert_true(in->http.value == INT64_C(1515531081000));
    assert_int_equal(in->names.count, 3);
    assert_str(in->names.items[0], "x");
    assert_str(in->names.items[2], "z");
    assert_int_equal(in->flat_names.count, 2);
    assert_str(in->flat_names.items[1], "g");
    assert_str(in->matrix.items[0].items[0], "m");
    assert_str(in->inner->next->text, "u");
    assert_int_equal(in->inner->number.value, 7);
    assert_str(in->inners.items[1].text, "q");
    assert_str(in->attributes.items[0].value, "v");
    assert_str(in->flat_attributes.items[1].value, "q");
    assert_str(in->inner_map.items[0].value.text, "mt");
    assert_str(in->strings_map.items[0].value.items[0], "sv");
    assert_int_equal(in->with_default.value, 7);
    exchange_close(&x);
}

static void reads_names_that_sort_apart(void **state UNUSED)
{
    struct exchange x;
    exchange_open(&x, PROTOCOL_AWS_QUERY);
    struct fix_all *in = exchange_decode(&x, "Echo", "Inner=&Inner-x=1&Inner.Text=t&Names=");
    assert_str(in->inner->text, "t");
    assert_true(in->names.is_set && in->names.count == 0);
    exchange_close(&x);
}

static void takes_parameters_from_the_query_string(void **state UNUSED)
{
    struct exchange x;
    struct str name = {0};
    exchange_open(&x, PROTOCOL_AWS_QUERY);
    x.request.method = STR("GET");
    x.request.raw_query = STR("Name=q&Action=Ec%68o");
    assert_int_equal(wire_detect_protocol(&fix_service, &x.request), PROTOCOL_AWS_QUERY);
    assert_ptr_equal(wire_find_operation(&fix_service, x.protocol, &x.request, x.arena, &name),
                     operation_named("Echo"));
    struct fix_all *in = exchange_decode(&x, "Echo", "");
    assert_str(in->name, "q");
    exchange_close(&x);
}

static void refuses_malformed_input(void **state UNUSED)
{
    static const struct {
        const char *body;
        const char *message;
    } cases[] = {
        {"Name.member.1=x", "Start of list found where not expected"},
        {"Name.x=1", "Start of structure or map found where not expected."},
        {"Count=abc", "'abc' can not be converted to an Integer"},
        {"Count=", "'' can not be converted to an Integer"},
        {"Name=%ff", "'...' can not be converted to a String"},
        {"Names.1=x", "Top level element may not be treated as a list"},
        {"Names.members.1=x", "Unexpected list element termination"},
        {"Names.member.x=1", "Unexpected list element termination"},
        {"Names.member.10001=1", "Unexpected list element termination"},
        {"Names.member.1=a&Names.2=b", "Top level element may not be treated as a list"},
        {"Names=x", "Unexpected list element termination"},
        {"Attributes.entry.1.value=v", "Unexpected map entry without key"},
        {"Name=%zz", "The request is not well-formed"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct exchange x;
        exchange_open(&x, PROTOCOL_AWS_QUERY);
        exchange_refuses(&x, "Echo", cases[i].body, cases[i].message);
        exchange_close(&x);
    }
}

static const struct fix_all *answer(void)
{
    static struct fix_inner inner = {.text = STR_INIT("t<"), .number = {true, 2}};
    static struct str names[] = {STR_INIT("x"), STR_INIT("y")};
    static struct fix_attribute attributes[] = {{STR_INIT("k"), STR_INIT("v")}};
    static const struct fix_all out = {
        .name = STR_INIT("n&"),
        .flag = {true, true},
        .precise = {true, 0.1},
        .at = {true, 1515531081123},
        .inner = &inner,
        .names = {names, 2, true},
        .flat_names = {names, 2, true},
        .attributes = {attributes, 1, true},
        .flat_attributes = {attributes, 1, true},
        .inners = {.is_set = true},
    };
    return &out;
}

#define ANSWER_MEMBERS                                                                             \
    "<Name>n&amp;</Name><Flag>true</Flag><Precise>0.1</Precise><At>2018-01-09T20:51:21.123Z</At>"  \
    "<Inner Number=\"2\"><Text>t&lt;</Text></Inner>"                                               \
    "<Names><member>x</member><member>y</member></Names><FlatName>x</FlatName>"                    \
    "<FlatName>y</FlatName><Inners></Inners><Attributes><entry><key>k</key><value>v</value>"       \
    "</entry></Attributes><Attribute><Name>k</Name><Value>v</Value></Attribute>"                   \
    "<WithDefault>7</WithDefault>"

static void encodes_answers(void **state UNUSED)
{
    struct exchange x;
    exchange_open(&x, PROTOCOL_AWS_QUERY);
    assert_string_equal(exchange_encode(&x, "Echo", answer()),
                        "<EchoResponse xmlns=\"https://fix.example/doc/\"><EchoResult>" //
                        ANSWER_MEMBERS "</EchoResult><ResponseMetadata><RequestId>req-1</RequestId>"
                        "</ResponseMetadata></EchoResponse>");
    assert_string_equal(answer_header(&x, "content-type"), "text/xml");
    const struct fix_empty none = {0};
    assert_string_equal(exchange_encode(&x, "Unit", &none),
                        "<UnitResponse xmlns=\"https://fix.example/doc/\"><ResponseMetadata>"
                        "<RequestId>req-1</RequestId></ResponseMetadata></UnitResponse>");
    exchange_encode(&x, "Empty", &none);
    assert_true(str_contains(buf_str(&x.response.body), STR("<EmptyResult></EmptyResult>")));
    assert_int_equal(x.response.status, 200);
    exchange_close(&x);
}

static void encodes_errors(void **state UNUSED)
{
    struct exchange x;
    exchange_open(&x, PROTOCOL_AWS_QUERY);
    const struct call_error error = {.error = &fix_fault, .message = STR("<gone>")};
    assert_string_equal(
        exchange_error(&x, &error, true),
        "<ErrorResponse xmlns=\"https://fix.example/doc/\"><Error><Type>Sender</Type>"
        "<Code>AWS.QueueMissing</Code><Message>&lt;gone&gt;</Message></Error>"
        "<RequestId>req-1</RequestId></ErrorResponse>");
    assert_int_equal(x.response.status, 404);
    assert_null(answer_header(&x, "x-amzn-query-error"));
    exchange_close(&x);
}

static void speaks_the_dialect_of_ec2(void **state UNUSED)
{
    struct exchange x;
    exchange_open(&x, PROTOCOL_EC2_QUERY);
    struct fix_all *in =
        exchange_decode(&x, "Echo", "Names.1=x&Names.2=y&Inners.1.Text=p&Matrix.1.1=m");
    assert_int_equal(in->names.count, 2);
    assert_str(in->inners.items[0].text, "p");
    assert_str(in->matrix.items[0].items[0], "m");
    assert_string_equal(exchange_encode(&x, "Echo", answer()),
                        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                        "<EchoResponse xmlns=\"https://fix.example/doc/\">"
                        "<requestId>req-1</requestId>" ANSWER_MEMBERS "</EchoResponse>");
    const struct call_error error = {.error = &fix_fault, .message = STR("gone")};
    assert_string_equal(exchange_error(&x, &error, false),
                        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                        "<Response><Errors><Error><Code>AWS.QueueMissing</Code>"
                        "<Message>gone</Message></Error></Errors><RequestID>req-1</RequestID>"
                        "</Response>");
    exchange_close(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes_lists_maps_and_structures),
        cmocka_unit_test(reads_names_that_sort_apart),
        cmocka_unit_test(takes_parameters_from_the_query_string),
        cmocka_unit_test(refuses_malformed_input),
        cmocka_unit_test(encodes_answers),
        cmocka_unit_test(encodes_errors),
        cmocka_unit_test(speaks_the_dialect_of_ec2),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
