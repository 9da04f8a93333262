/* resolve_test.c — parts of resources, outputs, dynamic references, references, differences. */
#include "engine/template/support.h"

static int fake_dynamic(void *user, struct arena *arena,
                        const struct template_dynamic_reference *reference, struct str *out_value,
                        struct template_error *out_error)
{
    (void)user;
    if (str_eq(reference->body, STR("missing")))
        return template_fail(arena, out_error, "Could not find a value");
    *out_value = str_format(arena, "<" STR_FMT " " STR_FMT " " STR_FMT " " STR_FMT ">",
                            STR_ARG(reference->service), STR_ARG(reference->body),
                            STR_ARG(reference->resource_id), STR_ARG(reference->property));
    return 0;
}

static void dynamic_references_are_replaced_in_resolved_text(void **state)
{
    static const struct {
        const char *expression;
        const char *result;
    } cases[] = {
        {"'{{resolve:ssm:a:1}}'", "{\"P\":\"<ssm a:1 A P>\"}"},
        {"['x{{resolve:ssm:a}}y{{resolve:ssm-secure:b:2}}z']",
         "{\"P\":[\"x<ssm a A P.0>y<ssm-secure b:2 A P.0>z\"]}"},
        {"{Q: !Sub '{{resolve:secretsmanager:${AWS::Region}:SecretString:k}}'}",
         "{\"P\":{\"Q\":\"<secretsmanager eu-west-1:SecretString:k A P.Q>\"}}"},
        {"'{{resolve:other:a}} {{resolve:ssm:b}} {{resolve:ssm:c'",
         "{\"P\":\"{{resolve:other:a}} <ssm b A P> {{resolve:ssm:c\"}"},
        {"'{{resolve:ssm:missing}}'", "Could not find a value"},
        {"!Sub '{{resolve:ssm:${Unknown}}}'",
         "{\"P\":\"{{resolve:ssm:{{changeSet:KNOWN_AFTER_APPLY}}}}\"}"},
    };
    struct fixture *fixture = *state;
    fixture->environment.dynamic_reference = fake_dynamic;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str text = str_format(fixture->arena,
                                     "Resources:\n  Unknown: {Type: A::B::C}\n"
                                     "  A: {Type: A::B::C, Properties: {P: %s}}\n",
                                     cases[i].expression);
        struct template_binding *binding = must_bind(fixture, text.ptr);
        assert_string_equal(resolved(fixture, binding, "A"), cases[i].result);
    }
    fixture->environment.dynamic_reference = NULL;
    struct template_binding *binding = must_bind(
        fixture, "Resources: {A: {Type: A::B::C, Properties: {P: '{{resolve:ssm:a}}'}}}\n");
    assert_string_equal(resolved(fixture, binding, "A"), "{\"P\":\"{{resolve:ssm:a}}\"}");
}

static void every_part_of_a_resource_resolves(void **state)
{
    struct fixture *fixture = *state;
    fixture->environment.dynamic_reference = fake_dynamic;
    struct template_binding *binding =
        must_bind(fixture, "Resources:\n"
                           "  A:\n"
                           "    Type: A::B::C\n"
                           "    Metadata: {X: !Ref 'AWS::Region', Y: '{{resolve:ssm:a}}'}\n"
                           "    UpdatePolicy: {Z: !Ref 'AWS::NoValue'}\n");
    const struct template_bound_resource *a = template_find_bound(binding, STR("A"));
    static const struct {
        enum template_part part;
        const char *text;
    } cases[] = {
        {TEMPLATE_PROPERTIES, "{}"},
        {TEMPLATE_METADATA, "{\"X\":\"eu-west-1\",\"Y\":\"{{resolve:ssm:a}}\"}"},
        {TEMPLATE_CREATION_POLICY, "{}"},
        {TEMPLATE_UPDATE_POLICY, "{}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct json *value = NULL;
        assert_int_equal(template_resolve(fixture->arena, binding, a, cases[i].part, NULL, &value,
                                          &fixture->error),
                         0);
        struct str text = json_to_str(fixture->arena, value);
        assert_string_equal(str_to_cstr(fixture->arena, text), cases[i].text);
    }
}

static void outputs_must_be_text(void **state)
{
    static const struct {
        const char *expression;
        const char *result;
    } cases[] = {
        {"!Ref A", "A-ref"},
        {"80", "80"},
        {"!Sub '${A.Arn}'", "A-Arn"},
        {"!Join [',', !GetAtt A.List]", "one,two"},
        {"!GetAtt A.List", "Template format error: The Value field of every Outputs member must "
                           "evaluate to a String."},
        {"!Ref 'AWS::NoValue'", "Template format error: The Value field of every Outputs member "
                                "must evaluate to a String."},
        {"!GetAtt A.Missing", "Requested attribute Missing does not exist in schema"},
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str text = str_format(fixture->arena,
                                     "Resources: {A: {Type: A::B::C}}\nOutputs: {O: {Value: %s}}\n",
                                     cases[i].expression);
        struct template_binding *binding = must_bind(fixture, text.ptr);
        struct str value = {0};
        fixture->error = (struct template_error){0};
        int rc = template_resolve_output(fixture->arena, binding, &binding->outputs[0],
                                         &fake_resolver, &value, &fixture->error);
        if (rc < 0)
            value = fixture->error.message;
        assert_string_equal(str_to_cstr(fixture->arena, value), cases[i].result);
        if (rc < 0)
            assert_int_equal(fixture->error.line, 2);
    }
}

static void references_of_a_value_are_listed(void **state)
{
    struct fixture *fixture = *state;
    struct template_binding *binding =
        must_bind(fixture, "Parameters: {P: {Type: String, Default: x}}\n"
                           "Conditions: {Cold: !Equals [a, b]}\n"
                           "Resources:\n"
                           "  A: {Type: A::B::C}\n"
                           "  B:\n"
                           "    Type: A::B::C\n"
                           "    Properties:\n"
                           "      X: [!Ref P, !Ref A, !GetAtt A.Arn, !Sub '${A}${P}${A.Arn}']\n"
                           "      Y: !If [Cold, !Ref A, !Sub ['${V}', {V: !GetAtt A.Y}]]\n"
                           "      Z: !Ref 'AWS::Region'\n");
    const struct template_resource *b = template_find_resource(binding->model, STR("B"));
    struct template_reference *references = NULL;
    size_t count = 0;
    template_list_references(fixture->arena, binding, b->properties, &references, &count);
    static const struct {
        enum template_reference_kind kind;
        const char *name;
        const char *attribute;
    } wanted[] = {
        {TEMPLATE_REFERS_TO_PARAMETER, "P", ""},
        {TEMPLATE_REFERS_TO_RESOURCE, "A", ""},
        {TEMPLATE_REFERS_TO_ATTRIBUTE, "A", "Arn"},
        {TEMPLATE_REFERS_TO_ATTRIBUTE, "A", "Y"},
    };
    assert_int_equal(count, ARRAY_LEN(wanted));
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(references[i].kind, wanted[i].kind);
        assert_true(str_eq_cstr(references[i].name, wanted[i].name));
        assert_true(str_eq_cstr(references[i].attribute, wanted[i].attribute));
    }
}

static void differences_are_top_level_members(void **state)
{
    static const struct {
        const char *before;
        const char *after;
        const char *changes; /* '+' added, '-' removed, '~' modified */
    } cases[] = {
        {"{}", "{}", ""},
        {"{\"A\":1}", "{\"A\":\"1\"}", ""},
        {"{\"A\":true,\"B\":[{\"X\":1,\"Y\":2}]}", "{\"B\":[{\"Y\":\"2\",\"X\":1}],\"A\":\"true\"}",
         ""},
        {"{\"A\":1,\"B\":2}", "{\"C\":3,\"B\":4}", "+C~B-A"},
        {"{\"A\":[1,2]}", "{\"A\":[2,1]}", "~A"},
        {"{\"A\":[1]}", "{\"A\":1}", "~A"},
        {"{\"A\":{\"B\":1}}", "{\"A\":{\"B\":1,\"C\":2}}", "~A"},
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct json *before = NULL;
        struct json *after = NULL;
        assert_int_equal(
            json_parse(fixture->arena, str_from_cstr(cases[i].before), 0, &before, NULL), 0);
        assert_int_equal(json_parse(fixture->arena, str_from_cstr(cases[i].after), 0, &after, NULL),
                         0);
        struct template_change *changes = NULL;
        size_t count = 0;
        template_diff(fixture->arena, before, after, &changes, &count);
        struct str text = STR("");
        for (size_t k = 0; k < count; k++) {
            static const char *const signs[] = {"+", "-", "~"};
            text = str_concat3(fixture->arena, text, str_from_cstr(signs[changes[k].kind]),
                               changes[k].name);
            assert_true((changes[k].before != NULL) == (changes[k].kind != TEMPLATE_ADDED));
            assert_true((changes[k].after != NULL) == (changes[k].kind != TEMPLATE_REMOVED));
        }
        assert_string_equal(str_to_cstr(fixture->arena, text), cases[i].changes);
    }
}

static void unknown_values_are_recognised(void **state)
{
    struct fixture *fixture = *state;
    struct json *value = NULL;
    struct str text = STR("{\"A\":[1,\"x{{changeSet:KNOWN_AFTER_APPLY}}\"]}");
    assert_int_equal(json_parse(fixture->arena, text, 0, &value, NULL), 0);
    assert_true(template_is_unknown(value));
    assert_false(template_is_unknown(json_new_string(fixture->arena, STR("x"))));
    assert_false(template_is_unknown(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(dynamic_references_are_replaced_in_resolved_text, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(every_part_of_a_resource_resolves, setup, teardown),
        cmocka_unit_test_setup_teardown(outputs_must_be_text, setup, teardown),
        cmocka_unit_test_setup_teardown(references_of_a_value_are_listed, setup, teardown),
        cmocka_unit_test_setup_teardown(differences_are_top_level_members, setup, teardown),
        cmocka_unit_test_setup_teardown(unknown_values_are_recognised, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
