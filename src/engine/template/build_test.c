/* build_test.c — what is refused before any value is known, with AWS's texts. */
#include "engine/template/support.h"

#include "base/buf.h"

#define RES "Resources:\n  B: {Type: 'AWS::S3::Bucket'}\n"

struct error_case {
    const char *text;
    const char *error; /* "" when the template is good */
};

static void run_cases(struct fixture *fixture, const struct error_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct template_document *document = NULL;
        struct template_model *model = NULL;
        fixture->error = (struct template_error){0};
        int rc =
            template_read(fixture->arena, str_from_cstr(cases[i].text), &document, &fixture->error);
        if (rc == 0)
            rc = template_build(fixture->arena, document, NULL, &model, &fixture->error);
        const char *error = rc == 0 ? "" : str_to_cstr(fixture->arena, fixture->error.message);
        assert_string_equal(error, cases[i].error);
    }
}

static void sections_are_checked(void **state)
{
    static const struct error_case cases[] = {
        {RES, ""},
        {"AWSTemplateFormatVersion: 2010-09-09\nDescription: d\nMetadata: {A: [1]}\n" RES, ""},
        {"AWSTemplateFormatVersion: 2012-10-17\n" RES,
         "Template format error: unsupported value for AWSTemplateFormatVersion."},
        {"Foo: 1\nBar: 2\n" RES, "Invalid template property or properties [Foo, Bar]"},
        {"Globals: {}\n" RES, "Invalid template property or properties [Globals]"},
        {"Hooks: {}\n" RES, "Template format error: the Hooks section is not supported."},
        {"Description: [a]\n" RES, "Template format error: 'Description' must be a string"},
        {"A: 1", "Invalid template property or properties [A]"},
        {"Description: d", "Template format error: At least one Resources member must be defined."},
        {"Resources: {}", "Template format error: At least one Resources member must be defined."},
        {"Resources: []", "Template format error: [/Resources] must be an object"},
        {"Parameters: []\n" RES, "Template format error: [/Parameters] must be an object"},
        {"Mappings: a\n" RES, "Template format error: [/Mappings] must be an object"},
        {"Outputs: a\n" RES, "Template format error: [/Outputs] must be an object"},
    };
    run_cases(*state, cases, ARRAY_LEN(cases));
}

static void resources_are_checked(void **state)
{
    static const struct error_case cases[] = {
        {"Resources:\n  my_b: {Type: 'A::B::C'}\n",
         "Template format error: Resource name my_b is non alphanumeric."},
        {"Resources:\n  B: text\n",
         "Template format error: Any Resources member must be an object."},
        {"Resources:\n  B: {Properties: {}}\n",
         "Template format error: [/Resources/B] Every Resources object must contain a Type "
         "member."},
        {"Resources:\n  B: {Type: 'A::B::C', Tags: []}\n",
         "Invalid template resource property 'Tags'"},
        {"Resources:\n  B: {Type: 'A::B::C', Properties: []}\n",
         "Template format error: [/Resources/B/Properties] must be an object"},
        {"Resources:\n  B: {Type: 'A::B::C', Metadata: a}\n",
         "Template format error: [/Resources/B/Metadata] must be an object"},
        {"Resources:\n  B: {Type: Foo}\n  C: {Type: Bar}\n  D: {Type: Foo}\n",
         "Template format error: Unrecognized resource types: [Foo, Bar]"},
        {"Resources:\n  B: {Type: 'A::B::C', DependsOn: [B, {Ref: B}]}\n",
         "Template format error: Every DependsOn value must be a string."},
        {"Resources:\n  B: {Type: 'A::B::C', DependsOn: [X, Y]}\n",
         "Template format error: Unresolved resource dependencies [X, Y] in the Resources block of "
         "the template"},
        {"Resources:\n  B: {Type: 'A::B::C', Condition: Nope}\n",
         "Template format error: Unresolved condition dependency Nope in the Resources block of "
         "the "
         "template"},
        {"Resources:\n  B: {Type: 'A::B::C', Condition: {Ref: X}}\n",
         "Template format error: Every Condition member must be a string."},
        {"Resources:\n  B: {Type: 'A::B::C', DeletionPolicy: {Ref: X}}\n",
         "Template format error: Every DeletionPolicy member must be a string."},
        {"Parameters:\n  B: {Type: String}\n" RES,
         "Template error: all resources and parameters must have unique names. Common name(s):[B]"},
        {"Resources:\n  A: {Type: 'A::B::C', DependsOn: B}\n  B: {Type: 'A::B::C', Properties: {X: "
         "!Ref C}}\n  C: {Type: 'A::B::C', Properties: {Y: !Sub '${A.Arn}'}}\n  D: {Type: "
         "'A::B::C', DependsOn: A}\n",
         "Circular dependency between resources: [A, B, C]"},
        {"Resources:\n  A: {Type: 'A::B::C', Properties: {X: !Ref A}}\n",
         "Circular dependency between resources: [A]"},
    };
    run_cases(*state, cases, ARRAY_LEN(cases));
}

static void parameters_are_checked(void **state)
{
    static const struct error_case cases[] = {
        {"Parameters:\n  P: {Type: Strin}\n" RES,
         "Template format error: Unrecognized parameter type: Strin"},
        {"Parameters:\n  P: {Type: 'List<AWS::EC2::Subnet::Id>'}\n" RES, ""},
        {"Parameters:\n  P: {Type: 'AWS::SSM::Parameter::Value<List<String>>'}\n" RES, ""},
        {"Parameters:\n  P: {Type: 'AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>'}\n" RES, ""},
        {"Parameters:\n  P: {Type: 'AWS::SSM::Parameter::Value<Number>'}\n" RES,
         "Template format error: Unrecognized parameter type: AWS::SSM::Parameter::Value<Number>"},
        {"Parameters:\n  P: {Default: a}\n" RES,
         "Template format error: Every Parameters object must contain a Type member."},
        {"Parameters:\n  P-Q: {Type: String}\n" RES,
         "Template format error: Parameter name P-Q is non alphanumeric."},
        {"Parameters:\n  P: {Type: String, Foo: 1, Bar: 2}\n" RES,
         "Invalid template parameter property or properties [Foo, Bar]"},
        {"Parameters:\n  P: {Type: String, Default: [a]}\n" RES,
         "Template format error: Every Default member must be a string."},
        {"Parameters:\n  P: {Type: String, AllowedValues: a}\n" RES,
         "Template format error: [/Parameters/P/AllowedValues] must be a list"},
        {"Parameters:\n  P: {Type: Number, MinLength: 1}\n" RES,
         "Template error: Parameter 'P' MinLength must be on a parameter of type String"},
        {"Parameters:\n  P: {Type: String, MaxValue: 1}\n" RES,
         "Template error: Parameter 'P' MaxValue must be on a parameter of type Number"},
        {"Parameters:\n  P: {Type: Number, MinValue: x}\n" RES,
         "Template error: Parameter 'P' MinValue must be a number"},
        {"Parameters:\n  P: text\n" RES,
         "Template format error: Any Parameters member must be an object."},
    };
    run_cases(*state, cases, ARRAY_LEN(cases));
}

static void conditions_and_rules_are_checked(void **state)
{
    static const struct error_case cases[] = {
        {"Conditions:\n  C: yes\n" RES, "Template format error: Conditions can only be boolean "
                                        "operations on parameters and other conditions"},
        {"Conditions:\n  C: !Equals [a]\n" RES,
         "Template error: every Fn::Equals object requires a list of 2 string parameters."},
        {"Conditions:\n  C: !And [!Equals [a, a]]\n" RES,
         "Template error: every Fn::And object requires a list of at least 2 and at most 10 "
         "boolean parameters."},
        {"Conditions:\n  C: !Or [!Equals [a, a], a]\n" RES,
         "Template error: every Fn::Or object requires a list of at least 2 and at most 10 boolean "
         "parameters."},
        {"Conditions:\n  C: !Not [a]\n" RES,
         "Template error: every Fn::Not object requires one boolean parameter."},
        {"Conditions:\n  C: !Not [!Condition X]\n" RES,
         "Template error: unresolved condition dependency X in Condition"},
        {"Conditions:\n  C: !Equals [!Ref B, a]\n" RES,
         "Template format error: Unresolved dependencies [B]. Cannot reference resources in the "
         "Conditions block of the template"},
        {"Conditions:\n  C: !Equals [!GetAtt B.Arn, a]\n" RES,
         "Template format error: Unresolved dependencies [B]. Cannot reference resources in the "
         "Conditions block of the template"},
        {"Conditions:\n  C: !Equals [!ImportValue a, a]\n" RES,
         "Template error: Cannot use Fn::ImportValue in Conditions"},
        {"Conditions:\n  C: !Not [!Condition D]\n  D: !Not [!Condition C]\n" RES,
         "Template error: Found circular condition dependency: [C]"},
        {"Conditions:\n  C: !Equals [!Sub '${AWS::Region}', !Select [0, [a]]]\n" RES, ""},
        {"Rules:\n  R: {Assertions: []}\n" RES,
         "Template format error: [/Rules/R] Every Rules object must contain a list of Assertions."},
        {"Rules:\n  R: {Assertions: [{AssertDescription: a}]}\n" RES,
         "Template format error: [/Rules/R] Every Assertions member must contain an Assert."},
        {"Rules:\n  R: {Assertions: [{Assert: a}]}\n" RES,
         "Template format error: every rule condition and assertion must be a boolean function"},
        {"Rules:\n  R: {Assertions: [{Assert: !Equals [!Ref B, a]}]}\n" RES,
         "Template format error: Unresolved dependencies [B]. Cannot reference resources in the "
         "Rules block of the template"},
        {"Rules:\n  R: {Assertions: [{Assert: !Equals [!If [a, b, c], a]}]}\n" RES,
         "Template error: Cannot use Fn::If in Rules"},
    };
    run_cases(*state, cases, ARRAY_LEN(cases));
}

static void mappings_and_outputs_are_checked(void **state)
{
    static const struct error_case cases[] = {
        {"Mappings:\n  M: {us-east-1: {Ami: [a]}, a.b: {}}\n" RES, ""},
        {"Mappings:\n  M: {a: b}\n" RES,
         "Template format error: [/Mappings/M/a] Every Mappings attribute must be a map"},
        {"Mappings:\n  M: {a: {x86-64: b}}\n" RES,
         "Template format error: Mappings attribute name 'x86-64' must contain only alphanumeric "
         "characters."},
        {"Mappings:\n  M: {a: {b: {Ref: B}}}\n" RES,
         "Template format error: Every Mappings attribute must be a String or a List."},
        {"Mappings:\n  M: a\n" RES, "Template format error: Every Mappings member M must be a map"},
        {RES "Outputs:\n  O: {Description: d}\n",
         "Template format error: [/Outputs/O] Every Outputs member must contain a Value object"},
        {RES "Outputs:\n  O_1: {Value: d}\n",
         "Template format error: Output name O_1 is non alphanumeric."},
        {RES "Outputs:\n  O: {Value: d, Export: {}}\n",
         "Template format error: Output O is malformed. The Name field of every Export member must "
         "be specified and consist only of alphanumeric characters, colons, or hyphens."},
        {RES "Outputs:\n  O: {Value: !GetAtt Nope.Arn}\n",
         "Template error: instance of Fn::GetAtt references undefined resource Nope"},
        {RES "Outputs:\n  O: {Value: !Ref Nope}\n",
         "Template format error: Unresolved resource dependencies [Nope] in the Outputs block of "
         "the template"},
        {RES "Outputs:\n  O: {Value: a, Condition: Nope}\n",
         "Template format error: Unresolved condition dependency Nope in the Outputs block of the "
         "template"},
        {RES "Outputs:\n  O: {Value: a, Foo: b}\n",
         "Template format error: Unrecognized Outputs property [Foo] in output O"},
    };
    run_cases(*state, cases, ARRAY_LEN(cases));
}

static void limits_are_enforced(void **state)
{
    struct fixture *fixture = *state;
    struct buf text;
    buf_init(&text, fixture->arena, 100000);
    buf_append_cstr(&text, "Resources:\n");
    for (int i = 0; i <= TEMPLATE_MAX_RESOURCES; i++)
        buf_append_format(&text, "  R%d: {Type: 'A::B::C'}\n", i);
    buf_append_char(&text, '\0');
    const struct error_case resources = {
        text.ptr, "Template format error: Number of resources, 501, is greater than maximum "
                  "allowed, 500"};
    run_cases(fixture, &resources, 1);

    buf_clear(&text);
    buf_append_cstr(&text, RES "Parameters:\n");
    for (int i = 0; i <= TEMPLATE_MAX_PARAMETERS; i++)
        buf_append_format(&text, "  P%d: {Type: String}\n", i);
    buf_append_char(&text, '\0');
    const struct error_case parameters = {
        text.ptr, "Template format error: Number of parameters, 201, is greater than maximum "
                  "allowed, 200"};
    run_cases(fixture, &parameters, 1);

    buf_clear(&text);
    buf_append_cstr(&text, RES "Description: '");
    for (int i = 0; i <= TEMPLATE_MAX_DESCRIPTION_BYTES; i++)
        buf_append_char(&text, 'd');
    buf_append_cstr(&text, "'\n");
    buf_append_char(&text, '\0');
    const struct error_case description = {
        text.ptr, "Template format error: 'Description' length is greater than 1024"};
    run_cases(fixture, &description, 1);
}

static bool knows_buckets(void *user, struct str type)
{
    (void)user;
    return str_eq(type, STR("AWS::S3::Bucket"));
}

static void types_are_asked_of_the_caller_and_errors_have_places(void **state)
{
    struct fixture *fixture = *state;
    struct template_document *document = NULL;
    struct template_model *model = NULL;
    struct str text = STR(RES "  C:\n    Type: AWS::Foo::Bar\n");
    assert_int_equal(template_read(fixture->arena, text, &document, &fixture->error), 0);
    const struct template_build_options options = {.is_known_type = knows_buckets};
    assert_int_equal(template_build(fixture->arena, document, &options, &model, &fixture->error),
                     -EINVAL);
    assert_true(str_eq(fixture->error.message,
                       STR("Template format error: Unrecognized resource types: [AWS::Foo::Bar]")));
    assert_int_equal(fixture->error.line, 4);
    assert_int_equal(fixture->error.column, 11);
}

static void a_template_with_transforms_is_built_without_looking_inside(void **state)
{
    static const struct error_case cases[] = {
        {"Transform: AWS::Serverless-2016-10-31\nGlobals: {}\nResources:\n  F: {Type: "
         "'AWS::Serverless::Function', Connectors: {}, Properties: {R: !GetAtt FRole.Arn}}\n",
         ""},
        {"Transform: AWS::LanguageExtensions\nResources:\n  Fn::ForEach::L: [X, [a], {'R${X}': "
         "{Type: 'A::B::C'}}]\n",
         ""},
    };
    run_cases(*state, cases, ARRAY_LEN(cases));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(sections_are_checked, setup, teardown),
        cmocka_unit_test_setup_teardown(resources_are_checked, setup, teardown),
        cmocka_unit_test_setup_teardown(parameters_are_checked, setup, teardown),
        cmocka_unit_test_setup_teardown(conditions_and_rules_are_checked, setup, teardown),
        cmocka_unit_test_setup_teardown(mappings_and_outputs_are_checked, setup, teardown),
        cmocka_unit_test_setup_teardown(limits_are_enforced, setup, teardown),
        cmocka_unit_test_setup_teardown(types_are_asked_of_the_caller_and_errors_have_places, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_template_with_transforms_is_built_without_looking_inside,
                                        setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
