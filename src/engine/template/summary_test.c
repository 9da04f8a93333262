/* summary_test.c — capabilities, types and transforms of a template. */
#include "engine/template/support.h"

static struct template_summary summarize(struct fixture *fixture, const char *text)
{
    struct template_document *document = NULL;
    struct template_model *model = NULL;
    int rc = template_read(fixture->arena, str_from_cstr(text), &document, &fixture->error);
    if (rc == 0)
        rc = template_build(fixture->arena, document, NULL, &model, &fixture->error);
    if (rc < 0)
        fail_msg("%s", str_to_cstr(fixture->arena, fixture->error.message));
    struct template_summary summary;
    template_summarize(fixture->arena, model, &summary);
    return summary;
}

static const char *join(struct fixture *fixture, const struct str *names, size_t count)
{
    struct str text = STR("");
    for (size_t i = 0; i < count; i++)
        text = str_concat3(fixture->arena, text, names[i], STR(" "));
    return str_to_cstr(fixture->arena, text);
}

static void capabilities_follow_from_types_names_and_transforms(void **state)
{
    static const struct {
        const char *text;
        const char *capabilities;
        const char *reason;
    } cases[] = {
        {"Resources: {A: {Type: AWS::S3::Bucket}}", "", ""},
        {"Resources: {A: {Type: AWS::IAM::Role}, B: {Type: AWS::IAM::Policy}, C: {Type: "
         "AWS::IAM::Role}}",
         "CAPABILITY_IAM ",
         "The following resource(s) require capabilities: [AWS::IAM::Role, AWS::IAM::Policy]"},
        {"Resources: {A: {Type: AWS::IAM::Role, Properties: {RoleName: x}}}",
         "CAPABILITY_NAMED_IAM ",
         "The following resource(s) require capabilities: [AWS::IAM::Role]"},
        {"Resources: {A: {Type: AWS::IAM::Policy, Properties: {PolicyName: x}}}", "CAPABILITY_IAM ",
         "The following resource(s) require capabilities: [AWS::IAM::Policy]"},
        {"Transform: AWS::Serverless-2016-10-31\nResources: {A: {Type: AWS::IAM::User}}",
         "CAPABILITY_IAM CAPABILITY_AUTO_EXPAND ",
         "The following resource(s) require capabilities: [AWS::IAM::User]"},
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct template_summary summary = summarize(fixture, cases[i].text);
        assert_string_equal(join(fixture, summary.capabilities, summary.capability_count),
                            cases[i].capabilities);
        assert_string_equal(str_to_cstr(fixture->arena, summary.capabilities_reason),
                            cases[i].reason);
    }
}

static void missing_capabilities_are_those_not_given(void **state)
{
    struct fixture *fixture = *state;
    struct template_summary plain =
        summarize(fixture, "Transform: M\nResources: {A: {Type: AWS::IAM::Role}}");
    struct template_summary named =
        summarize(fixture, "Resources: {A: {Type: AWS::IAM::Role, Properties: {RoleName: x}}}");
    const struct {
        const struct template_summary *summary;
        struct str given;
        const char *missing;
    } cases[] = {
        {&plain, STR("CAPABILITY_IAM"), "CAPABILITY_AUTO_EXPAND "},
        {&plain, STR("CAPABILITY_NAMED_IAM"), "CAPABILITY_AUTO_EXPAND "},
        {&plain, STR("CAPABILITY_AUTO_EXPAND"), "CAPABILITY_IAM "},
        {&named, STR("CAPABILITY_IAM"), "CAPABILITY_NAMED_IAM "},
        {&named, STR("CAPABILITY_NAMED_IAM"), ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str *missing = NULL;
        size_t count = 0;
        template_missing_capabilities(fixture->arena, cases[i].summary, &cases[i].given, 1,
                                      &missing, &count);
        assert_string_equal(join(fixture, missing, count), cases[i].missing);
    }
}

static void header_types_and_transforms_are_told(void **state)
{
    struct fixture *fixture = *state;
    struct template_summary summary =
        summarize(fixture, "AWSTemplateFormatVersion: 2010-09-09\n"
                           "Metadata: {A: [1, x]}\n"
                           "Transform: [AWS::LanguageExtensions, Own]\n"
                           "Resources: {A: {Type: B::B::B}, B: {Type: A::A::A}, C: {Type: "
                           "B::B::B}}\n");
    assert_true(str_eq(summary.version, STR("2010-09-09")));
    assert_true(str_eq(summary.metadata, STR("{\"A\":[1,\"x\"]}")));
    assert_string_equal(join(fixture, summary.resource_types, summary.resource_type_count),
                        "B::B::B A::A::A ");
    assert_string_equal(join(fixture, summary.transforms, summary.transform_count),
                        "AWS::LanguageExtensions Own ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(capabilities_follow_from_types_names_and_transforms, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(missing_capabilities_are_those_not_given, setup, teardown),
        cmocka_unit_test_setup_teardown(header_types_and_transforms_are_told, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
