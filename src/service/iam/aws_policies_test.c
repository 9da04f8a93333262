/* aws_policies_test.c — AWS's managed policies: sorted, well-formed, and ReadOnlyAccess reads only.
 */
#include "auth/policy.h"
#include "base/arena.h"
#include "service/iam/iam_store.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void every_document_is_a_policy(void **state)
{
    (void)state;
    for (size_t i = 0; i < iam_aws_policy_count(); i++) {
        AUTO(arena) struct arena *arena = arena_new();
        struct iam_managed managed = {0};
        struct policy *policy = NULL;
        struct policy_error error = {0};
        iam_aws_policy_at(arena, i, &managed);
        int rc = policy_parse(arena, iam_aws_policy_document(arena, managed.from), POLICY_MANAGED,
                              &policy, &error);
        if (rc != 0)
            print_error("%.*s: %.*s\n", STR_ARG(managed.name), STR_ARG(error.message));
        assert_int_equal(rc, 0);
    }
}

static void the_table_is_sorted_by_name(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    for (size_t i = 1; i < iam_aws_policy_count(); i++) {
        struct iam_managed before = {0};
        struct iam_managed after = {0};
        iam_aws_policy_at(arena, i - 1, &before);
        iam_aws_policy_at(arena, i, &after);
        if (str_compare(before.name, after.name) >= 0)
            print_error("%.*s is misplaced\n", STR_ARG(after.name));
        assert_true(str_compare(before.name, after.name) < 0);
    }
}

static void a_policy_is_found_by_its_arn_and_not_by_another_path(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct iam_managed managed = {0};
    assert_true(iam_aws_policy_find(
        arena, STR("arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"), &managed));
    assert_true(str_eq_cstr(managed.path, "/service-role/"));
    assert_false(iam_aws_policy_find(
        arena, STR("arn:aws:iam::aws:policy/AWSLambdaBasicExecutionRole"), &managed));
    assert_false(iam_aws_policy_find(arena, STR("arn:aws:iam::aws:policy/"), &managed));
}

static void read_only_access_allows_no_writes(void **state)
{
    (void)state;
    static const struct {
        const char *action;
        enum policy_decision decision;
    } cases[] = {
        {"sqs:ListQueues", POLICY_ALLOWED},
        {"s3:GetObject", POLICY_ALLOWED},
        {"dynamodb:Query", POLICY_ALLOWED},
        {"iam:GetUser", POLICY_ALLOWED},
        {"sqs:SendMessage", POLICY_IMPLICIT_DENY},
        {"s3:PutObject", POLICY_IMPLICIT_DENY},
        {"dynamodb:PutItem", POLICY_IMPLICIT_DENY},
        {"iam:CreateUser", POLICY_IMPLICIT_DENY},
        {"secretsmanager:GetSecretValue", POLICY_IMPLICIT_DENY},
    };
    AUTO(arena) struct arena *arena = arena_new();
    struct iam_managed managed = {0};
    struct policy *policy = NULL;
    struct policy_error error = {0};
    assert_true(
        iam_aws_policy_find(arena, STR("arn:aws:iam::aws:policy/ReadOnlyAccess"), &managed));
    assert_int_equal(policy_parse(arena, iam_aws_policy_document(arena, managed.from),
                                  POLICY_IDENTITY, &policy, &error),
                     0);
    const struct policy *list[] = {policy};
    const struct policy_inputs inputs = {.identity = {.policies = list, .count = 1}};
    const struct policy_context context = {0};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct policy_request request = {
            .principal = {.account = STR("123456789012"),
                          .arn = STR("arn:aws:iam::123456789012:user/u")},
            .action = str_from_cstr(cases[i].action),
            .resource = STR("*"),
            .resource_account = STR("123456789012"),
            .context = &context,
        };
        struct policy_result result = policy_evaluate(arena, &request, &inputs);
        if (result.decision != cases[i].decision)
            print_error("%s\n", cases[i].action);
        assert_int_equal(result.decision, cases[i].decision);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_document_is_a_policy),
        cmocka_unit_test(the_table_is_sorted_by_name),
        cmocka_unit_test(a_policy_is_found_by_its_arn_and_not_by_another_path),
        cmocka_unit_test(read_only_access_allows_no_writes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
