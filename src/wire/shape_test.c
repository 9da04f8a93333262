/* shape_test.c — the generated tables as services see them. */
#include "wire/shape.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"
#include "cloudformation/cloudformation_api.h"
#include "iam/iam_api.h"
#include "sqs/sqs_api.h"
#include "sts/sts_api.h"

static const struct service_model *const models[] = {
    &cloudformation_model,
    &iam_model,
    &sqs_model,
    &sts_model,
};

static enum status answer_queue_url(struct call *call, const struct sqs_get_queue_url_in *in,
                                    struct sqs_get_queue_url_out *out)
{
    (void)call;
    out->queue_url = in->queue_name;
    return STATUS_DONE;
}

static void every_operation_is_found_by_its_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(models); i++) {
        for (size_t j = 0; j < models[i]->operation_count; j++) {
            const struct operation *operation = &models[i]->operations[j];
            assert_ptr_equal(service_find_operation(models[i], operation->name), operation);
        }
    }
}

static void other_names_are_not_found(void **state)
{
    (void)state;
    const struct str names[] = {
        STR_INIT(""),
        STR_INIT("A"),
        STR_INIT("sendMessage"),
        STR_INIT("SendMessag"),
        STR_INIT("SendMessages"),
        STR_INIT("Zebra"),
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        assert_null(service_find_operation(&sqs_model, names[i]));
    assert_null(service_find_operation(&sqs_model, (struct str){0}));
}

static void an_index_names_its_operation(void **state)
{
    (void)state;
    assert_true(str_eq_cstr(sqs_operations[SQS_OP_SEND_MESSAGE].name, "SendMessage"));
    assert_int_equal(SQS_OP_COUNT, sqs_model.operation_count);
}

static void only_what_has_a_handler_is_implemented(void **state)
{
    (void)state;
    const struct sqs_handlers handlers = {.get_queue_url = answer_queue_url};
    for (size_t i = 0; i < sqs_model.operation_count; i++)
        assert_int_equal(operation_is_implemented(&sqs_model.operations[i], &handlers),
                         i == SQS_OP_GET_QUEUE_URL);
}

static void invoke_calls_the_typed_handler(void **state)
{
    (void)state;
    const struct sqs_handlers handlers = {.get_queue_url = answer_queue_url};
    const struct sqs_get_queue_url_in in = {.queue_name = STR("orders")};
    struct sqs_get_queue_url_out out = {0};
    const struct operation *operation = &sqs_operations[SQS_OP_GET_QUEUE_URL];
    assert_int_equal(operation->invoke(&handlers, NULL, &in, &out), STATUS_DONE);
    assert_true(str_eq_cstr(out.queue_url, "orders"));
    operation = &sqs_operations[SQS_OP_SEND_MESSAGE];
    assert_int_equal(operation->invoke(&handlers, NULL, &in, &out), STATUS_NOT_IMPLEMENTED);
}

static const struct member *find_member(const struct shape *shape, const char *name)
{
    for (size_t i = 0; i < shape->member_count; i++) {
        if (str_eq_cstr(shape->members[i].name, name))
            return &shape->members[i];
    }
    return NULL;
}

static void members_know_their_place_and_names(void **state)
{
    (void)state;
    const struct operation *operation = &sqs_operations[SQS_OP_SEND_MESSAGE];
    const struct member *member = find_member(operation->in, "MessageAttributes");
    assert_non_null(member);
    assert_int_equal(member->offset, offsetof(struct sqs_send_message_in, message_attributes));
    assert_true(str_eq_cstr(member->xml_name, "MessageAttribute"));
    assert_int_equal(member->flags, MEMBER_FLATTENED);
    const struct shape *map = member->shape;
    assert_int_equal(map->kind, KIND_MAP);
    assert_int_equal(map->size, sizeof(struct sqs_message_body_attribute_map_entry));
    assert_int_equal(map->value_offset,
                     offsetof(struct sqs_message_body_attribute_map_entry, value));
    assert_true(str_eq_cstr(map->members[0].xml_name, "Name"));
}

static void constraints_come_from_the_model(void **state)
{
    (void)state;
    const struct member *member =
        find_member(sts_operations[STS_OP_ASSUME_ROLE].in, "RoleSessionName");
    assert_non_null(member);
    assert_int_equal(member->shape->flags, SHAPE_HAS_MIN | SHAPE_HAS_MAX);
    assert_int_equal(member->shape->min, 2);
    assert_int_equal(member->shape->max, 64);
    assert_string_equal(member->shape->pattern, "[\\w+=,.@-]*");
}

static void errors_have_both_codes(void **state)
{
    (void)state;
    assert_true(str_eq_cstr(SQS_QUEUE_DOES_NOT_EXIST.code, "QueueDoesNotExist"));
    assert_true(str_eq_cstr(SQS_QUEUE_DOES_NOT_EXIST.query_code,
                            "AWS.SimpleQueueService.NonExistentQueue"));
    assert_true(str_eq_cstr(IAM_NO_SUCH_ENTITY_EXCEPTION.query_code, "NoSuchEntity"));
    assert_int_equal(IAM_NO_SUCH_ENTITY_EXCEPTION.http_status, 404);
    assert_true(IAM_NO_SUCH_ENTITY_EXCEPTION.is_sender);
    assert_false(IAM_SERVICE_FAILURE_EXCEPTION.is_sender);
}

static void calls_for_tokens_are_unsigned(void **state)
{
    (void)state;
    assert_int_equal(sts_operations[STS_OP_ASSUME_ROLE_WITH_SAML].flags, OPERATION_UNSIGNED);
    assert_int_equal(sts_operations[STS_OP_ASSUME_ROLE].flags, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_operation_is_found_by_its_name),
        cmocka_unit_test(other_names_are_not_found),
        cmocka_unit_test(an_index_names_its_operation),
        cmocka_unit_test(only_what_has_a_handler_is_implemented),
        cmocka_unit_test(invoke_calls_the_typed_handler),
        cmocka_unit_test(members_know_their_place_and_names),
        cmocka_unit_test(constraints_come_from_the_model),
        cmocka_unit_test(errors_have_both_codes),
        cmocka_unit_test(calls_for_tokens_are_unsigned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
