/* md5_test.c — digests of message attributes against recorded ones, and receipt handles. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "service/sqs/sqs.h"
#include "syntax/base64.h"

static void assert_str(struct str have, const char *want)
{
    assert_true(have.ptr != NULL);
    assert_int_equal(have.len, str_from_cstr(want).len);
    assert_true(str_eq_cstr(have, want));
}

static void body_digests_are_in_hexadecimal(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    assert_str(sqs_md5_hex(arena, STR("")), "d41d8cd98f00b204e9800998ecf8427e");
    assert_str(sqs_md5_hex(arena, STR("msg")), "6e2baaf3b97dbeef01c0043275f9a0e7");
}

/* Recorded: what the service answered for these attributes (2023-07-06, 2023-11-14). */
static void attribute_digests_are_the_services(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    static const struct {
        struct str names[3];
        struct str values[3];
        size_t count;
        bool is_binary;
        const char *digest;
    } cases[] = {
        {
            .names = {STR_INIT("General"), STR_INIT("Hello"), STR_INIT("Help.Me")},
            .values = {STR_INIT("Kenobi"), STR_INIT("There"), STR_INIT("Me")},
            .count = 3,
            .digest = "4c360f3fdafd970e05fae2f149d997f5",
        },
        {
            .names = {STR_INIT("Hello")},
            .values = {STR_INIT("There")},
            .count = 1,
            .digest = "a311262e065454b75da111d535b8dacd",
        },
        {
            .names = {STR_INIT("attr1")},
            .values = {STR_INIT(
                "traceparent\x1e\x30\x30-774062d6c37081a5a0b9b5b88e30627c-2d2482211f6489da-01")},
            .count = 1,
            .is_binary = true,
            .digest = "8cbe4db156db8a94db8b801b7addb984",
        },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct sqs_attribute_digest digest;
        sqs_attribute_digest_init(&digest);
        struct str type = cases[i].is_binary ? STR("Binary") : STR("String");
        for (size_t a = 0; a < cases[i].count; a++)
            sqs_attribute_digest_add(&digest, cases[i].names[a], type, cases[i].is_binary,
                                     cases[i].values[a]);
        assert_str(sqs_attribute_digest_final(arena, &digest), cases[i].digest);
    }
}

static void no_attributes_have_no_digest(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct sqs_attribute_digest digest;
    sqs_attribute_digest_init(&digest);
    assert_null(sqs_attribute_digest_final(arena, &digest).ptr);
}

static void handles_are_read_as_they_were_written(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    const struct sqs_message_row message = {
        .queue_id = 1,
        .id = INT64_MAX,
        .receipt = (INT64_C(1) << 53) - 1,
    };
    int64_t queue_id = 0;
    int64_t id = 0;
    int64_t receipt = 0;
    struct str handle = sqs_receipt_handle(arena, &message);
    assert_int_equal(sqs_parse_receipt(arena, handle, &queue_id, &id, &receipt), 0);
    assert_true(queue_id == message.queue_id && id == message.id && receipt == message.receipt);
}

static void what_is_no_handle_is_refused(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    static const struct str plain[] = {
        STR_INIT("1 2"),   STR_INIT("1 2 3 4"), STR_INIT("1  3"),
        STR_INIT("a b c"), STR_INIT("1 2 3 "),  STR_INIT("1 2 9223372036854775808"),
    };
    int64_t number = 7;
    for (size_t i = 0; i < ARRAY_LEN(plain); i++) {
        struct str handle = base64_encode_str(arena, plain[i]);
        assert_int_equal(sqs_parse_receipt(arena, handle, &number, &number, &number), -EINVAL);
    }
    assert_int_equal(sqs_parse_receipt(arena, STR("junk!"), &number, &number, &number), -EINVAL);
    assert_int_equal(sqs_parse_receipt(arena, STR(""), &number, &number, &number), -EINVAL);
    assert_int_equal(number, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(body_digests_are_in_hexadecimal),
        cmocka_unit_test(attribute_digests_are_the_services),
        cmocka_unit_test(no_attributes_have_no_digest),
        cmocka_unit_test(handles_are_read_as_they_were_written),
        cmocka_unit_test(what_is_no_handle_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
