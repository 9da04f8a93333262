/* cbor_test.c — rpcv2Cbor over the hand-written model; bodies are written as hex. */
#include <math.h>

#include "syntax/base64.h"
#include "wire/protocol_check.h"

/* Decodes a hex body as input of Echo; returns what wire_decode did. */
static int decode_hex(struct exchange *x, const char *hex, struct fix_all *in)
{
    const struct operation *echo = operation_named("Echo");
    assert_int_equal(hex_decode(x->arena, str_from_cstr(hex), &x->request.body), 0);
    return wire_decode(x->protocol, x->arena, &fix_service, echo, &x->request, in, &x->problem);
}

static void decodes(void **state UNUSED)
{
    struct exchange x;
    struct fix_all in = {0};
    exchange_open(&x, PROTOCOL_RPC_V2_CBOR);
    assert_int_equal(decode_hex(&x,
                                "a5"
                                "644e616d65626162"   /* "Name": "ab" */
                                "65436f756e7424"     /* "Count": -5 */
                                "64466c6167f5"       /* "Flag": true */
                                "65526174696ff93e00" /* "Ratio": 1.5, half */
                                "64426c6f62426869",  /* "Blob": h'6869' */
                                &in),
                     0);
    assert_str(in.name, "ab");
    assert_int_equal(in.count.value, -5);
    assert_true(in.flag.value);
    assert_true(in.ratio.value > 1.49 && in.ratio.value < 1.51);
    assert_str(in.blob, "hi");
    assert_int_equal(in.with_default.value, 7);

    in = (struct fix_all){0};
    assert_int_equal(decode_hex(&x,
                                "bf"
                                "644e616d657f61616162ff" /* "Name": (_ "a", "b") */
                                "624174c11a5a552b09"     /* "At": 1(1515531017) */
                                "654e616d65739f6178ff"   /* "Names": [_ "x"] */
                                "66537061727365820af6"   /* "Sparse": [10, null] */
                                "61758201a16161f7"       /* unknown "u": [1, {"a": undefined}] */
                                "6643686f696365a1666e756d62657204" /* "Choice": {"number": 4} */
                                "ff",
                                &in),
                     0);
    assert_str(in.name, "ab");
    assert_true(in.at.value == INT64_C(1515531017000));
    assert_str(in.names.items[0], "x");
    assert_int_equal(in.sparse.count, 2);
    assert_false(in.sparse.items[1].is_set);
    assert_int_equal(in.choice->number.value, 4);
    exchange_close(&x);
}

static void refuses_malformed_bodies(void **state UNUSED)
{
    static const struct {
        const char *hex;
        const char *message;
    } cases[] = {
        {"80", "An array can not be converted to a Structure"},
        {"a1", "The body is not well-formed CBOR"},
        {"a0a0", "The body is not well-formed CBOR"},
        {"bf", "The body is not well-formed CBOR"},
        {"a1644e616d6501", "An integer can not be converted to a String"},
        {"a1644e616d6561ff", "The body is not well-formed CBOR"},
        {"a16454696e791880", "An integer can not be converted to a Byte"},
        {"a1644e616d657bffffffffffffffff", "The body is not well-formed CBOR"},
        {"a1654e616d65739bffffffffffffffff", "The body is not well-formed CBOR"},
        {"a16241741a5a552b09", "An integer can not be converted to a Timestamp"},
        {"a1654e616d657381f6", "null can not be converted to a String"},
        {"a16643686f696365a0", "Unions must have exactly one member set"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct exchange x;
        struct fix_all in = {0};
        exchange_open(&x, PROTOCOL_RPC_V2_CBOR);
        assert_int_equal(decode_hex(&x, cases[i].hex, &in), -EINVAL);
        assert_str(x.problem.message, cases[i].message);
        exchange_close(&x);
    }
}

static void limits_depth(void **state UNUSED)
{
    struct exchange x;
    struct fix_all in = {0};
    struct buf hex;
    exchange_open(&x, PROTOCOL_RPC_V2_CBOR);
    buf_init(&hex, x.arena, 1 << 16);
    buf_append(&hex, STR("a16175")); /* unknown "u": [[[[... */
    for (int i = 0; i < 1000; i++)
        buf_append(&hex, STR("81"));
    assert_int_equal(decode_hex(&x, str_to_cstr(x.arena, buf_str(&hex)), &in), -EINVAL);
    assert_str(x.problem.message, "The request is nested too deeply");
    exchange_close(&x);
}

static void reads_back_what_it_writes(void **state UNUSED)
{
    struct exchange x;
    struct fix_all in = {0};
    exchange_open(&x, PROTOCOL_RPC_V2_CBOR);
    struct fix_inner inner = {.text = STR("t"), .number = opt_i32(-300)};
    struct opt_i32 sparse[] = {opt_i32(1), {0}};
    struct fix_attribute attributes[] = {{STR("k"), STR("v")}};
    const struct fix_all out = {
        .name = STR("n"),
        .blob = STR("\x01\x02"),
        .large = opt_i64(INT64_MIN),
        .ratio = {true, 1.5},
        .precise = {true, (double)INFINITY},
        .at = opt_i64(1515531081123),
        .date = opt_i64(-1000),
        .inner = &inner,
        .sparse = {sparse, 2, true},
        .attributes = {attributes, 1, true},
    };
    exchange_encode(&x, "Echo", &out);
    assert_string_equal(answer_header(&x, "smithy-protocol"), "rpc-v2-cbor");
    assert_string_equal(answer_header(&x, "Content-Type"), "application/cbor");
    x.request.body = buf_str(&x.response.body);
    assert_int_equal(wire_decode(x.protocol, x.arena, &fix_service, operation_named("Echo"),
                                 &x.request, &in, &x.problem),
                     0);
    assert_str(in.name, "n");
    assert_str(in.blob, "\x01\x02");
    assert_true(in.large.value == INT64_MIN);
    assert_true(isinf(in.precise.value));
    assert_true(in.at.value == INT64_C(1515531081123));
    assert_true(in.date.value == -1000);
    assert_int_equal(in.inner->number.value, -300);
    assert_false(in.sparse.items[1].is_set);
    assert_str(in.attributes.items[0].value, "v");
    exchange_close(&x);
}

static void finds_operations_and_answers_errors(void **state UNUSED)
{
    struct exchange x;
    struct str name;
    exchange_open(&x, PROTOCOL_RPC_V2_CBOR);
    exchange_header(&x, "smithy-protocol", "rpc-v2-cbor");
    x.request.raw_path = STR("/service/FixService/operation/Echo");
    assert_int_equal(wire_detect_protocol(&fix_service, &x.request), PROTOCOL_RPC_V2_CBOR);
    assert_ptr_equal(wire_find_operation(&fix_service, x.protocol, &x.request, x.arena, &name),
                     operation_named("Echo"));
    x.request.raw_path = STR("/service/Other/operation/Echo");
    assert_null(wire_find_operation(&fix_service, x.protocol, &x.request, x.arena, &name));
    const struct call_error error = {.error = &fix_fault, .message = STR("m")};
    exchange_error(&x, &error, true);
    assert_string_equal(str_to_cstr(x.arena, hex_encode(x.arena, buf_str(&x.response.body))),
                        "bf665f5f747970656c51756575654d697373696e67676d657373616765616dff");
    assert_string_equal(answer_header(&x, "x-amzn-query-error"), "AWS.QueueMissing;Sender");
    exchange_close(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes),
        cmocka_unit_test(refuses_malformed_bodies),
        cmocka_unit_test(limits_depth),
        cmocka_unit_test(reads_back_what_it_writes),
        cmocka_unit_test(finds_operations_and_answers_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
