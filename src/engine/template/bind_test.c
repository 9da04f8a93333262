/* bind_test.c — conditions, rules, active resources, order, policies, imports and exports. */
#include "engine/template/support.h"

#include "base/buf.h"

static void conditions_decide_what_is_active(void **state)
{
    static const char text[] = "Parameters:\n"
                               "  Env: {Type: String, Default: dev}\n"
                               "  Size: {Type: String, Default: small}\n"
                               "Conditions:\n"
                               "  Both: !And [!Condition IsProd, !Condition IsBig]\n"
                               "  IsProd: !Equals [!Ref Env, prod]\n"
                               "  IsBig: !Equals [!Ref Size, big]\n"
                               "  Either: !Or [!Condition IsProd, !Condition IsBig]\n"
                               "  NotProd: !Not [!Condition IsProd]\n"
                               "  Nested: !Equals [!If [IsBig, x, y], x]\n"
                               "Resources:\n"
                               "  Always: {Type: A::B::C}\n"
                               "  P: {Type: A::B::C, Condition: IsProd}\n"
                               "  B: {Type: A::B::C, Condition: Both}\n"
                               "  E: {Type: A::B::C, Condition: Either}\n"
                               "  N: {Type: A::B::C, Condition: NotProd}\n"
                               "  X: {Type: A::B::C, Condition: Nested}\n"
                               "Outputs:\n"
                               "  O: {Value: !Ref P, Condition: IsProd}\n";
    static const struct {
        const char *env;
        const char *size;
        const char *active;
        size_t output_count;
    } cases[] = {
        {"prod", "small", "Always P E ", 1},
        {"prod", "big", "Always P B E X ", 1},
        {"dev", "big", "Always E N X ", 0},
        {"dev", "small", "Always N ", 0},
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct template_argument arguments[] = {
            {.name = STR("Env"), .value = str_from_cstr(cases[i].env)},
            {.name = STR("Size"), .value = str_from_cstr(cases[i].size)},
        };
        fixture->values.arguments = arguments;
        fixture->values.argument_count = ARRAY_LEN(arguments);
        struct template_binding *binding = must_bind(fixture, text);
        struct str active = STR("");
        for (size_t k = 0; k < binding->resource_count; k++)
            active =
                str_concat3(fixture->arena, active, binding->resources[k].resource->id, STR(" "));
        assert_string_equal(str_to_cstr(fixture->arena, active), cases[i].active);
        assert_int_equal(binding->output_count, cases[i].output_count);
        assert_int_equal(template_condition_holds(binding, STR("IsProd")),
                         strcmp(cases[i].env, "prod") == 0);
        assert_false(template_condition_holds(binding, STR("Nope")));
    }
}

#define COLD                                                                                       \
    "Conditions:\n  Cold: !Equals [a, b]\nResources:\n  C: {Type: A::B::C, Condition: Cold}\n"
#define UNRESOLVED(section)                                                                        \
    "Template format error: Unresolved resource dependencies [C] in the " section                  \
    " block of the template"

static void names_of_inactive_resources_do_not_resolve(void **state)
{
    static const struct {
        const char *text;
        const char *error;
    } cases[] = {
        {COLD "  D: {Type: A::B::C, Properties: {X: !Ref C}}\n", UNRESOLVED("Resources")},
        {COLD "  D: {Type: A::B::C, Properties: {X: !GetAtt C.Arn}}\n", UNRESOLVED("Resources")},
        {COLD "  D: {Type: A::B::C, Metadata: {X: !Sub '${C.Arn}'}}\n", UNRESOLVED("Resources")},
        {COLD "  D: {Type: A::B::C}\nOutputs: {O: {Value: !Ref C}}\n", UNRESOLVED("Outputs")},
        {COLD "  D: {Type: A::B::C, Properties: {X: !If [Cold, !Ref C, y]}}\n", ""},
        {COLD "  D: {Type: A::B::C, DependsOn: C}\n", ""},
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_string_equal(bind_error(fixture, cases[i].text), cases[i].error);
}

static void order_follows_dependencies_and_then_the_source(void **state)
{
    static const char text[] =
        "Conditions:\n  Hot: !Equals [a, a]\n"
        "Resources:\n"
        "  A: {Type: A::B::C, Properties: {X: !Sub '${D}-${E.Arn}'}}\n"
        "  B: {Type: A::B::C}\n"
        "  C: {Type: A::B::C, DependsOn: [B, B], Metadata: {X: !Ref A}}\n"
        "  D: {Type: A::B::C, Properties: {X: !If [Hot, !GetAtt F.Y, !Ref A]}}\n"
        "  E: {Type: A::B::C, UpdatePolicy: {X: [!Ref F]}, CreationPolicy: {Y: !Ref F}}\n"
        "  F: {Type: A::B::C}\n";
    struct fixture *fixture = *state;
    struct template_binding *binding = must_bind(fixture, text);
    struct str order = STR("");
    for (size_t i = 0; i < binding->resource_count; i++)
        order =
            str_concat(fixture->arena, order, binding->resources[binding->order[i]].resource->id);
    assert_string_equal(str_to_cstr(fixture->arena, order), "BFDEAC");

    const struct template_bound_resource *c = template_find_bound(binding, STR("C"));
    assert_int_equal(c->dependency_count, 2);
    assert_int_equal(c->dependencies[0], 0);
    assert_int_equal(c->dependencies[1], 1);
    const struct template_bound_resource *f = template_find_bound(binding, STR("F"));
    assert_int_equal(f->dependency_count, 0);
    assert_int_equal(f->dependent_count, 2);
    assert_int_equal(f->dependents[0], 3);
    assert_int_equal(f->dependents[1], 4);
}

static void a_cycle_may_hang_on_a_condition(void **state)
{
    static const char text[] = "Parameters:\n  P: {Type: String, Default: x}\n"
                               "Conditions:\n  Hot: !Equals [!Ref P, hot]\n"
                               "Resources:\n"
                               "  A: {Type: A::B::C, Properties: {X: !If [Hot, !Ref B, y]}}\n"
                               "  B: {Type: A::B::C, Properties: {X: !Ref A}}\n";
    struct fixture *fixture = *state;
    assert_string_equal(bind_error(fixture, text), "");
    const struct template_argument hot = {.name = STR("P"), .value = STR("hot")};
    fixture->values.arguments = &hot;
    fixture->values.argument_count = 1;
    assert_string_equal(bind_error(fixture, text), "Circular dependency between resources: [A, B]");
}

static void rules_assert_parameters(void **state)
{
    static const char rules[] = "Parameters:\n"
                                "  Env: {Type: String, Default: prod}\n"
                                "  Type: {Type: String, Default: big}\n"
                                "  Names: {Type: CommaDelimitedList, Default: 'a,a'}\n"
                                "Resources: {A: {Type: A::B::C}}\n"
                                "Rules:\n"
                                "  R:\n"
                                "    RuleCondition: !Equals [!Ref Env, prod]\n"
                                "    Assertions:\n"
                                "      - Assert: ";
    static const struct {
        const char *assertion;
        const char *error;
    } cases[] = {
        {"{'Fn::Contains': [[big, huge], !Ref Type]}", ""},
        {"{'Fn::Contains': [[small], !Ref Type]}\n        AssertDescription: too small",
         "too small"},
        {"{'Fn::Contains': [[small], !Ref Type]}", "Template error: an assertion of rule R failed"},
        {"{'Fn::Not': [{'Fn::Contains': [!Ref Names, '']}]}", ""},
        {"{'Fn::EachMemberEquals': [!Ref Names, a]}", ""},
        {"{'Fn::EachMemberIn': [!Ref Names, [a, b]]}", ""},
        {"{'Fn::EachMemberIn': [[a, c], !Ref Names]}",
         "Template error: an assertion of rule R failed"},
        {"{'Fn::And': [{'Fn::Equals': [a, a]}, {'Fn::Or': [{'Fn::Equals': [a, b]}, {'Fn::Equals': "
         "[c, c]}]}]}",
         ""},
        {"{'Fn::Contains': [{'Fn::RefAll': 'AWS::EC2::VPC::Id'}, a]}",
         "Template error: Fn::RefAll is not supported"},
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str text = str_format(fixture->arena, "%s%s\n", rules, cases[i].assertion);
        assert_string_equal(bind_error(fixture, text.ptr), cases[i].error);
    }
    const struct template_argument dev = {.name = STR("Env"), .value = STR("dev")};
    fixture->values.arguments = &dev;
    fixture->values.argument_count = 1;
    struct str text = str_format(fixture->arena, "%s%s\n", rules, cases[1].assertion);
    assert_string_equal(bind_error(fixture, text.ptr), "");
}

static int fake_values(void *user, struct arena *arena, struct str type, struct str value,
                       struct str attribute, struct json **out_value,
                       struct template_error *out_error)
{
    (void)user;
    (void)out_error;
    struct str text = str_format(arena, STR_FMT "|" STR_FMT "|" STR_FMT, STR_ARG(type),
                                 STR_ARG(value), STR_ARG(attribute));
    *out_value = json_new_string(arena, text);
    return 0;
}

static void rules_may_ask_the_outside(void **state)
{
    static const char text[] =
        "Parameters:\n"
        "  Vpc: {Type: 'AWS::EC2::VPC::Id', Default: vpc-1}\n"
        "Resources: {A: {Type: A::B::C}}\n"
        "Rules:\n"
        "  R:\n"
        "    Assertions:\n"
        "      - Assert: {'Fn::Contains': [[!RefAll 'AWS::EC2::VPC::Id'], 'AWS::EC2::VPC::Id||']}\n"
        "      - Assert: {'Fn::Equals': [!ValueOf [Vpc, Tags.A], "
        "'AWS::EC2::VPC::Id|vpc-1|Tags.A']}\n"
        "      - Assert: {'Fn::Equals': [!ValueOfAll ['AWS::EC2::VPC::Id', X], "
        "'AWS::EC2::VPC::Id||X']}\n";
    struct fixture *fixture = *state;
    fixture->environment.rule_values = fake_values;
    assert_string_equal(bind_error(fixture, text), "");
}

static void policies_are_checked_when_bound(void **state)
{
    static const struct {
        const char *text;
        const char *error;
    } cases[] = {
        {"Resources: {A: {Type: A::B::C, DeletionPolicy: RetainExceptOnCreate}}", ""},
        {"Resources: {A: {Type: A::B::C, DeletionPolicy: Keep}}",
         "Template format error: Unrecognized DeletionPolicy Keep for resource A"},
        {"Resources: {A: {Type: A::B::C, UpdateReplacePolicy: RetainExceptOnCreate}}",
         "Template format error: Unrecognized UpdateReplacePolicy RetainExceptOnCreate for "
         "resource A"},
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_string_equal(bind_error(fixture, cases[i].text), cases[i].error);

    struct template_binding *binding = must_bind(
        fixture, "Transform: AWS::LanguageExtensions\n"
                 "Mappings: {M: {prod: {Policy: Retain}}}\n"
                 "Resources: {A: {Type: A::B::C, DeletionPolicy: !FindInMap [M, prod, Policy]}}");
    assert_true(str_eq(binding->resources[0].deletion_policy, STR("Retain")));
    assert_false(str_is_set(binding->resources[0].update_replace_policy));
}

static void imports_and_exports_are_listed(void **state)
{
    static const char text[] =
        "Parameters: {P: {Type: String, Default: base}}\n"
        "Conditions: {Cold: !Equals [a, b]}\n"
        "Resources:\n"
        "  A: {Type: A::B::C, Properties: {X: [!ImportValue {'Fn::Sub': '${P}-Vpc'}, !ImportValue "
        "z, !ImportValue base-Vpc]}}\n"
        "  B: {Type: A::B::C, Condition: Cold, Properties: {X: !ImportValue never}}\n"
        "  C: {Type: A::B::C, Properties: {X: !If [Cold, !ImportValue never, x]}}\n"
        "Outputs:\n"
        "  O: {Value: !ImportValue y, Export: {Name: !Sub '${AWS::StackName}:O'}}\n"
        "  N: {Value: x}\n";
    struct fixture *fixture = *state;
    struct template_binding *binding = must_bind(fixture, text);
    static const char *const imports[] = {"base-Vpc", "z", "y"};
    assert_int_equal(binding->import_count, ARRAY_LEN(imports));
    for (size_t i = 0; i < ARRAY_LEN(imports); i++)
        assert_true(str_eq_cstr(binding->imports[i], imports[i]));
    assert_true(str_eq(binding->outputs[0].export_name, STR("s:O")));
    assert_false(str_is_set(binding->outputs[1].export_name));

    assert_string_equal(
        bind_error(fixture, "Resources: {A: {Type: A::B::C}}\n"
                            "Outputs: {O: {Value: x, Export: {Name: a/b}}}\n"),
        "Template format error: Output O is malformed. The Name field of every Export member must "
        "be specified and consist only of alphanumeric characters, colons, or hyphens.");
}

static void long_chains_of_conditions_end(void **state)
{
    struct fixture *fixture = *state;
    struct buf text;
    buf_init(&text, fixture->arena, 1000000);
    buf_append_cstr(&text, "Resources: {A: {Type: A::B::C}}\nConditions:\n");
    for (int i = 0; i < 5000; i++)
        buf_append_format(&text, "  C%d: !Not [!Condition C%d]\n", i, i + 1);
    buf_append_cstr(&text, "  C5000: !Equals [a, a]\n");
    buf_append_char(&text, '\0');
    const char *error = bind_error(fixture, text.ptr);
    assert_memory_equal(error, "Template error: Found circular condition dependency: [", 54);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(conditions_decide_what_is_active, setup, teardown),
        cmocka_unit_test_setup_teardown(names_of_inactive_resources_do_not_resolve, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(order_follows_dependencies_and_then_the_source, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_cycle_may_hang_on_a_condition, setup, teardown),
        cmocka_unit_test_setup_teardown(rules_assert_parameters, setup, teardown),
        cmocka_unit_test_setup_teardown(rules_may_ask_the_outside, setup, teardown),
        cmocka_unit_test_setup_teardown(policies_are_checked_when_bound, setup, teardown),
        cmocka_unit_test_setup_teardown(imports_and_exports_are_listed, setup, teardown),
        cmocka_unit_test_setup_teardown(long_chains_of_conditions_end, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
