/* parameter_test.c — values of parameters: constraints, defaults, previous values, lookups. */
#include "engine/template/support.h"

#include "engine/template/pattern.h"

#define RES "Resources:\n  Bucket: {Type: 'AWS::S3::Bucket'}\n"

static void constraints_are_checked(void **state)
{
    static const struct {
        const char *declaration; /* of P */
        const char *value;       /* NULL: not passed */
        const char *error;
    } cases[] = {
        {"Type: String", "x", ""},
        {"Type: String", NULL, "Parameters: [P] must have values"},
        {"Type: String, Default: ''", NULL, ""},
        {"Type: String, AllowedValues: [a, '']", "", ""},
        {"Type: String, AllowedValues: [a, b]", "c", "Parameter 'P' must be one of AllowedValues"},
        {"Type: String, AllowedValues: [a, b], ConstraintDescription: a or b", "c",
         "Parameter P failed to satisfy constraint: a or b"},
        {"Type: String, AllowedValues: [1, true]", "true", ""},
        {"Type: String, MinLength: 2", "x", "Parameter 'P' must contain at least 2 characters"},
        {"Type: String, MaxLength: 2", "xyz", "Parameter 'P' must contain at most 2 characters"},
        {"Type: String, MaxLength: 2", "äö", ""},
        {"Type: String, AllowedPattern: '[a-z]+'", "ab", ""},
        {"Type: String, AllowedPattern: '[a-z]+'", "ab1",
         "Parameter 'P' must match pattern [a-z]+"},
        {"Type: String, AllowedPattern: '^[a-z]+$'", "ab\n",
         "Parameter 'P' must match pattern ^[a-z]+$"},
        {"Type: String, AllowedPattern: 'a|ab'", "ab", ""},
        {"Type: String, AllowedPattern: '(a'", "a",
         "Parameter 'P' AllowedPattern must be a valid regular expression."},
        {"Type: Number", "x", "Parameter 'P' must be a number"},
        {"Type: Number", "", "Parameter 'P' must be a number"},
        {"Type: Number", "0x10", "Parameter 'P' must be a number"},
        {"Type: Number", "nan", "Parameter 'P' must be a number"},
        {"Type: Number", "-1.5e3", ""},
        {"Type: Number, Default: 7", NULL, ""},
        {"Type: Number, MinValue: 1", "0", "Parameter 'P' must be a number not less than 1"},
        {"Type: Number, MaxValue: 1.5", "2", "Parameter 'P' must be a number not greater than 1.5"},
        {"Type: List<Number>", "1, 2", ""},
        {"Type: List<Number>", "1,x", "Parameter 'P' must be a number"},
        {"Type: CommaDelimitedList, AllowedValues: [a, b]", "a, b", ""},
        {"Type: CommaDelimitedList, AllowedValues: [a, b]", "a,c",
         "Parameter 'P' must be one of AllowedValues"},
        {"Type: CommaDelimitedList, AllowedPattern: '\\w+'", "dev,test", ""},
        {"Type: AWS::SSM::Parameter::Value<String>", "/a",
         "Unable to fetch parameters [/a] from parameter store for this account."},
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str text =
            str_format(fixture->arena, "Parameters:\n  P: {%s}\n" RES, cases[i].declaration);
        struct template_argument argument = {.name = STR("P"),
                                             .value = str_from_cstr(cases[i].value)};
        fixture->values.arguments = &argument;
        fixture->values.argument_count = cases[i].value ? 1 : 0;
        assert_string_equal(bind_error(fixture, text.ptr), cases[i].error);
    }
}

static void a_pattern_cannot_run_for_ever(void **state)
{
    (void)state;
    struct str value =
        STR("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab");
    assert_int_equal(template_pattern_matches(STR("(a+)+(a+)+(a+)+c"), value), 0);
}

static void values_come_from_request_previous_or_default(void **state)
{
    struct fixture *fixture = *state;
    static const char text[] = "Parameters:\n"
                               "  A: {Type: String, Default: da}\n"
                               "  B: {Type: String, Default: db}\n"
                               "  C: {Type: CommaDelimitedList}\n" RES;
    const struct template_argument arguments[] = {
        {.name = STR("B"), .use_previous = true},
        {.name = STR("C"), .value = STR(" x , y\n,z")},
    };
    const struct template_argument previous[] = {
        {.name = STR("A"), .value = STR("pa")},
        {.name = STR("B"), .value = STR("pb")},
    };
    fixture->values.arguments = arguments;
    fixture->values.argument_count = ARRAY_LEN(arguments);
    fixture->values.previous = previous;
    fixture->values.previous_count = ARRAY_LEN(previous);
    struct template_binding *binding = must_bind(fixture, text);
    assert_true(str_eq(binding->parameters[0].value, STR("da")));
    assert_true(binding->parameters[0].is_default);
    assert_true(str_eq(binding->parameters[1].value, STR("pb")));
    assert_false(binding->parameters[1].is_default);
    assert_true(str_eq(binding->parameters[2].value, STR(" x , y\n,z")));
    assert_true(str_eq(json_to_str(fixture->arena, binding->parameters[2].content),
                       STR("[\"x\",\"y\",\"z\"]")));

    fixture->values.previous_count = 0;
    assert_string_equal(bind_error(fixture, text),
                        "Invalid input for parameter key B. Cannot specify usePreviousValue as "
                        "true for a parameter key not in the previous template");
}

static void contradicting_and_unknown_arguments_are_refused(void **state)
{
    struct fixture *fixture = *state;
    static const char text[] = "Parameters:\n  A: {Type: String}\n" RES;
    struct template_argument arguments[] = {
        {.name = STR("A"), .value = STR("x"), .use_previous = true},
        {.name = STR("Y"), .value = STR("x")},
    };
    fixture->values.arguments = arguments;
    fixture->values.argument_count = 1;
    assert_string_equal(bind_error(fixture, text),
                        "Invalid input for parameter key A. Cannot specify usePreviousValue as "
                        "true and non empty value for a parameter");
    fixture->values.argument_count = 2;
    assert_string_equal(bind_error(fixture, text), "Parameters: [Y] do not exist in the template");
}

static int fake_ssm(void *user, struct arena *arena, struct str name, struct str *out_value,
                    struct template_error *out_error)
{
    int *calls = user;
    ++*calls;
    if (!str_eq(name, STR("/list")))
        return template_fail(arena, out_error, "no such parameter");
    *out_value = STR("vpc-1,vpc-2");
    return 0;
}

static int fake_check(void *user, struct arena *arena, struct str type, struct str value,
                      struct template_error *out_error)
{
    (void)user;
    if (str_eq(type, STR("AWS::EC2::VPC::Id")) && str_starts_with(value, STR("vpc-")))
        return 0;
    return template_fail(arena, out_error, "The VPC ID '" STR_FMT "' does not exist",
                         STR_ARG(value));
}

static void the_outside_resolves_and_checks_values(void **state)
{
    struct fixture *fixture = *state;
    static const char text[] =
        "Parameters:\n  A: {Type: 'AWS::SSM::Parameter::Value<List<AWS::EC2::VPC::Id>>', Default: "
        "/list}\n  B: {Type: 'AWS::EC2::VPC::Id', Default: vpc-3}\n" RES;
    int calls = 0;
    fixture->environment = (struct template_environment){
        .user = &calls, .ssm_parameter = fake_ssm, .check_aws_value = fake_check};
    struct template_binding *binding = must_bind(fixture, text);
    assert_int_equal(calls, 1);
    assert_true(str_eq(binding->parameters[0].value, STR("/list")));
    assert_true(str_eq(binding->parameters[0].resolved, STR("vpc-1,vpc-2")));
    assert_int_equal(binding->parameters[0].content->count, 2);

    struct template_argument arguments[] = {
        {.name = STR("A"), .value = STR("/list"), .resolved = STR("vpc-9")},
        {.name = STR("B"), .value = STR("subnet-1")},
    };
    fixture->values.arguments = arguments;
    fixture->values.argument_count = 1;
    calls = 0;
    binding = must_bind(fixture, text);
    assert_int_equal(calls, 0);
    assert_true(str_eq(binding->parameters[0].resolved, STR("vpc-9")));

    fixture->values.argument_count = 2;
    assert_string_equal(bind_error(fixture, text), "The VPC ID 'subnet-1' does not exist");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(constraints_are_checked, setup, teardown),
        cmocka_unit_test_setup_teardown(a_pattern_cannot_run_for_ever, setup, teardown),
        cmocka_unit_test_setup_teardown(values_come_from_request_previous_or_default, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(contradicting_and_unknown_arguments_are_refused, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_outside_resolves_and_checks_values, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
