/* aws_json_test.c — awsJson1_0 and awsJson1_1 over the hand-written model. */
#include <math.h>

#include "wire/protocol_check.h"

static void decodes_every_kind(void **state UNUSED)
{
    struct exchange x;
    exchange_open(&x, PROTOCOL_AWS_JSON_1_1);
    struct fix_all *in = exchange_decode(
        &x, "Echo",
        "{\"Name\":\"a\\u00e9\",\"Blob\":\"aGk=\",\"Flag\":true,\"Tiny\":-128,\"Small\":32767,"
        "\"Count\":5.0,\"Large\":9007199254740993,\"Ratio\":1.5,\"Precise\":\"-Infinity\","
        "\"At\":1515531081.123,\"Date\":\"2018-01-09T20:51:21Z\","
        "\"Http\":\"Tue, 09 Jan 2018 20:51:21 GMT\",\"Document\":{\"a\":[1,null]},"
        "\"Inner\":{\"Text\":\"t\",\"Number\":3,\"Next\":{\"Text\":\"u\"}},"
        "\"Choice\":{\"__type\":\"x#y\",\"number\":4},\"Names\":[\"x\",\"y\"],"
        "\"FlatName\":[],\"Sparse\":[1,null,3],\"Matrix\":[[\"a\"],[]],"
        "\"Inners\":[{\"Text\":\"p\"},{\"Text\":\"q\"}],\"SparseInners\":[null,{\"Text\":\"r\"}],"
        "\"Attributes\":{\"k\":\"v\",\"l\":\"w\"},\"InnerMap\":{\"m\":{\"Number\":9}},"
        "\"StringsMap\":{\"n\":[\"o\"]},\"Times\":[0,1.5],\"Unknown\":{\"deep\":[1,{}]}}");
    assert_str(in->name, "a\xc3\xa9");
    assert_str(in->blob, "hi");
    assert_true(in->flag.is_set && in->flag.value);
    assert_int_equal(in->tiny.value, -128);
    assert_int_equal(in->small.value, 32767);
    assert_int_equal(in->count.value, 5);
    assert_true(in->large.value == INT64_C(9007199254740993));
    assert_true(in->ratio.value > 1.49 && in->ratio.value < 1.51);
    assert_true(in->precise.value < -1e308);
    assert_true(in->at.value == INT64_C(1515531081123));
    assert_true(in->date.value == INT64_C(1515531081000));
    assert_true(in->http.value == INT64_C(1515531081000));
    assert_int_equal(json_find_cstr(in->document, "a")->count, 2);
    assert_str(in->inner->next->text, "u");
    assert_null(in->inner->next->next);
    assert_int_equal(in->choice->number.value, 4);
    assert_int_equal(in->names.count, 2);
    assert_str(in->names.items[1], "y");
    assert_true(in->flat_names.is_set && in->flat_names.count == 0);
    assert_int_equal(in->sparse.count, 3);
    assert_false(in->sparse.items[1].is_set);
    assert_int_equal(in->sparse.items[2].value, 3);
    assert_str(in->matrix.items[0].items[0], "a");
    assert_str(in->inners.items[1].text, "q");
    assert_null(in->sparse_inners.items[0]);
    assert_str(in->sparse_inners.items[1]->text, "r");
    assert_str(in->attributes.items[1].key, "l");
    assert_str(in->attributes.items[1].value, "w");
    assert_int_equal(in->inner_map.items[0].value.number.value, 9);
    assert_str(in->strings_map.items[0].value.items[0], "o");
    assert_true(in->times.items[1] == 1500);
    assert_int_equal(in->with_default.value, 7);
    assert_false(in->flat_attributes.is_set);
    exchange_close(&x);
}

static void reads_members_in_any_order_and_empty_bodies(void **state UNUSED)
{
    struct exchange x;
    exchange_open(&x, PROTOCOL_AWS_JSON_1_0);
    struct fix_all *in = exchange_decode(&x, "Echo", "{\"Names\":null,\"Count\":1,\"Name\":\"z\"}");
    assert_str(in->name, "z");
    assert_int_equal(in->count.value, 1);
    assert_false(in->names.is_set);
    in = exchange_decode(&x, "Echo", "");
    assert_str(in->name, NULL);
    assert_int_equal(in->with_default.value, 7);
    exchange_close(&x);
}

static void refuses_wrong_types_in_the_words_of_coral(void **state UNUSED)
{
    static const struct {
        const char *body;
        const char *message;
    } cases[] = {
        {"{\"Name\":1}", "NUMBER_VALUE can not be converted to a String"},
        {"{\"Name\":1.5}", "DECIMAL_VALUE can not be converted to a String"},
        {"{\"Name\":true}", "TRUE_VALUE can not be converted to a String"},
        {"{\"Name\":[]}", "Start of list found where not expected"},
        {"{\"Name\":{}}", "Start of structure or map found where not expected."},
        {"{\"Count\":\"1\"}", "STRING_VALUE can not be converted to an Integer"},
        {"{\"Count\":1.5}", "DECIMAL_VALUE can not be converted to an Integer"},
        {"{\"Count\":2147483648}", "NUMBER_VALUE can not be converted to an Integer"},
        {"{\"Tiny\":128}", "NUMBER_VALUE can not be converted to a Byte"},
        {"{\"Large\":9223372036854775808}", "NUMBER_VALUE can not be converted to a Long"},
        {"{\"Flag\":\"true\"}", "STRING_VALUE can not be converted to a Boolean"},
        {"{\"Precise\":\"1.5\"}", "STRING_VALUE can not be converted to a Double"},
        {"{\"At\":\"2018-01-09T20:51:21Z\"}",
         "STRING_VALUE can not be converted to milliseconds since epoch"},
        {"{\"Blob\":\"23456\"}", "'23456' can not be converted to a Blob: Base64 encoded length is "
                                 "expected a multiple of 4 bytes but found: 5"},
        {"{\"Names\":\"x\"}", "Expected list or null"},
        {"{\"Names\":{}}", "Start of structure or map found where not expected."},
        {"{\"Attributes\":1}", "Expected map or null"},
        {"{\"Inner\":false}", "Expected null"},
        {"{\"Inner\":[]}", "Start of list found where not expected"},
        {"{\"Names\":[null]}", "NULL_VALUE can not be converted to a String"},
        {"[]", "Start of list found where not expected"},
        {"{\"Name\":\"a\"", NULL},
        {"{\"Name\":\"a\"} x", NULL},
        {"nonsense", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct exchange x;
        exchange_open(&x, PROTOCOL_AWS_JSON_1_1);
        exchange_refuses(&x, "Echo", cases[i].body, cases[i].message);
        assert_ptr_equal(x.problem.error, &ERROR_SERIALIZATION);
        exchange_close(&x);
    }
}

static void limits_depth(void **state UNUSED)
{
    struct exchange x;
    exchange_open(&x, PROTOCOL_AWS_JSON_1_0);
    struct buf body;
    buf_init(&body, x.arena, 1 << 16);
    buf_append(&body, STR("{\"Inner\":"));
    for (int i = 0; i < WIRE_MAX_DEPTH; i++)
        buf_append(&body, STR("{\"Next\":"));
    buf_append(&body, STR("{}"));
    for (int i = 0; i <= WIRE_MAX_DEPTH; i++)
        buf_append_char(&body, '}');
    exchange_refuses(&x, "Echo", str_to_cstr(x.arena, buf_str(&body)),
                     "The request is nested too deeply");
    exchange_close(&x);
}

static void encodes_every_kind(void **state UNUSED)
{
    struct exchange x;
    exchange_open(&x, PROTOCOL_AWS_JSON_1_0);
    struct fix_inner inner = {.text = STR("t\""), .number = opt_i32(2)};
    struct fix_choice choice = {.text = STR("c")};
    struct str names[] = {STR("x"), STR("y")};
    struct opt_i32 sparse[] = {opt_i32(1), {0}};
    struct fix_inner inners[] = {inner, {.next = NULL}};
    struct fix_inner *sparse_inners[] = {NULL, &inner};
    struct fix_attribute attributes[] = {{STR("k"), STR("v")}};
    int64_t times[] = {1500};
    const struct fix_all out = {
        .name = STR("n"),
        .blob = STR("hi"),
        .flag = opt_bool(false),
        .large = opt_i64(INT64_C(9007199254740993)),
        .ratio = {true, (double)1.1f},
        .precise = {true, (double)INFINITY},
        .at = opt_i64(1515531081123),
        .date = opt_i64(1515531081000),
        .http = opt_i64(1515531081000),
        .inner = &inner,
        .choice = &choice,
        .names = {names, 2, false},
        .flat_names = {.is_set = true},
        .sparse = {sparse, 2, true},
        .inners = {inners, 2, true},
        .sparse_inners = {sparse_inners, 2, true},
        .attributes = {attributes, 1, true},
        .times = {times, 1, true},
    };
    assert_string_equal(
        exchange_encode(&x, "Echo", &out),
        "{\"Name\":\"n\",\"Blob\":\"aGk=\",\"Flag\":false,\"Large\":9007199254740993,"
        "\"Ratio\":1.1,\"Precise\":\"Infinity\",\"At\":1515531081.123,"
        "\"Date\":\"2018-01-09T20:51:21Z\",\"Http\":\"Tue, 09 Jan 2018 20:51:21 GMT\","
        "\"Inner\":{\"Text\":\"t\\\"\",\"Number\":2},\"Choice\":{\"text\":\"c\"},"
        "\"Names\":[\"x\",\"y\"],\"FlatName\":[],\"Sparse\":[1,null],"
        "\"Inners\":[{\"Text\":\"t\\\"\",\"Number\":2},{}],"
        "\"SparseInners\":[null,{\"Text\":\"t\\\"\",\"Number\":2}],\"Attributes\":{\"k\":\"v\"},"
        "\"Times\":[1.500],\"WithDefault\":7}");
    assert_string_equal(answer_header(&x, "content-type"), "application/x-amz-json-1.0");
    assert_string_equal(answer_header(&x, "x-amzn-requestid"), "req-1");
    assert_int_equal(x.response.status, 200);
    exchange_close(&x);
}

static void answers_errors_with_type_and_members(void **state UNUSED)
{
    struct exchange x;
    exchange_open(&x, PROTOCOL_AWS_JSON_1_0);
    const struct fix_fault_members members = {.resource = STR("q"), .retry_after = opt_i32(3)};
    struct call_error error = {
        .error = &fix_fault, .message = STR("It is \"gone\"."), .members = &members};
    assert_string_equal(exchange_error(&x, &error, true),
                        "{\"__type\":\"QueueMissing\",\"message\":\"It is \\\"gone\\\".\","
                        "\"Resource\":\"q\",\"RetryAfter\":3}");
    assert_int_equal(x.response.status, 400);
    assert_string_equal(answer_header(&x, "x-amzn-query-error"), "AWS.QueueMissing;Sender");
    error = (struct call_error){.error = &ERROR_UNKNOWN_OPERATION};
    assert_string_equal(exchange_error(&x, &error, false),
                        "{\"__type\":\"UnknownOperationException\"}");
    assert_null(answer_header(&x, "x-amzn-query-error"));
    exchange_close(&x);
}

static void finds_operations_by_target(void **state UNUSED)
{
    struct exchange x;
    struct str name = {0};
    exchange_open(&x, PROTOCOL_AWS_JSON_1_0);
    exchange_header(&x, "x-amz-target", "FixService.Echo");
    exchange_header(&x, "content-type", "application/x-amz-json-1.0");
    assert_int_equal(wire_detect_protocol(&fix_service, &x.request), PROTOCOL_AWS_JSON_1_0);
    const struct operation *found =
        wire_find_operation(&fix_service, x.protocol, &x.request, x.arena, &name);
    assert_ptr_equal(found, operation_named("Echo"));
    x.headers[0].value = STR("FixService.Nothing");
    x.headers[1].value = STR("application/x-amz-json-1.1; charset=utf-8");
    assert_int_equal(wire_detect_protocol(&fix_service, &x.request), PROTOCOL_AWS_JSON_1_1);
    assert_null(wire_find_operation(&fix_service, x.protocol, &x.request, x.arena, &name));
    assert_str(name, "Nothing");
    exchange_close(&x);
}

static void converts_between_json_trees_and_structs(void **state UNUSED)
{
    struct exchange x;
    exchange_open(&x, PROTOCOL_AWS_JSON_1_0);
    struct json *tree = NULL;
    struct fix_all value = {0};
    struct str message = {0};
    struct buf text;
    buf_init(&text, x.arena, 4096);
    assert_int_equal(json_parse(x.arena, STR("{\"Name\":\"a\",\"Names\":[\"b\"]}"), 0, &tree, NULL),
                     0);
    assert_int_equal(wire_from_json(x.arena, &fix_all_shape, tree, &value, &message), 0);
    assert_str(value.names.items[0], "b");
    wire_to_json(&text, &fix_all_shape, &value);
    assert_str(buf_str(&text), "{\"Name\":\"a\",\"Names\":[\"b\"],\"WithDefault\":7}");
    buf_clear(&text);
    wire_to_json(&text, &fix_strings_shape, &value.names);
    assert_str(buf_str(&text), "[\"b\"]");
    assert_int_equal(json_parse(x.arena, STR("{\"Name\":[]}"), 0, &tree, NULL), 0);
    assert_int_equal(wire_from_json(x.arena, &fix_all_shape, tree, &value, &message), -EINVAL);
    assert_str(message, "Start of list found where not expected");
    exchange_close(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes_every_kind),
        cmocka_unit_test(reads_members_in_any_order_and_empty_bodies),
        cmocka_unit_test(refuses_wrong_types_in_the_words_of_coral),
        cmocka_unit_test(limits_depth),
        cmocka_unit_test(encodes_every_kind),
        cmocka_unit_test(answers_errors_with_type_and_members),
        cmocka_unit_test(finds_operations_by_target),
        cmocka_unit_test(converts_between_json_trees_and_structs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
