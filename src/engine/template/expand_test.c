/* expand_test.c — macros, AWS::Include, Fn::ForEach. */
#include "engine/template/support.h"

static int fake_transform(void *user, struct arena *arena,
                          const struct template_transform_call *call, struct json **out_fragment,
                          struct template_error *out_error)
{
    (void)user;
    if (str_eq(call->name, STR("AWS::Include"))) {
        assert_true(str_eq(json_find_str(call->parameters, "Location"), STR("s3://b/eu-west-1")));
        return template_read_snippet(arena, STR("X: !Ref P\nY: [1, 2]\n"), out_fragment, out_error);
    }
    if (str_eq(call->name, STR("Upper"))) { /* a macro that uses its parameter and a value */
        struct str text = json_find_str(call->parameters, "Text");
        *out_fragment = json_new_string(
            arena, str_concat(arena, str_upper(arena, text), json_find_str(call->values, "P")));
        return 0;
    }
    if (str_eq(call->name, STR("Whole"))) {
        assert_true(call->is_top_level);
        assert_null(json_find_cstr(call->fragment, "Transform"));
        *out_fragment = call->fragment;
        json_set(call->fragment, STR("Description"), json_new_string(arena, STR("made")));
        return 0;
    }
    return template_fail(arena, out_error, "No transform named " STR_FMT " found.",
                         STR_ARG(call->name));
}

/* The expanded template's Resources (or the whole when `whole`), or the error. */
static const char *expanded(struct fixture *fixture, const char *text, bool whole)
{
    const struct template_expander expander = {.transform = fake_transform};
    struct template_document *document = NULL;
    struct template_document *result = NULL;
    fixture->error = (struct template_error){0};
    int rc = template_read(fixture->arena, str_from_cstr(text), &document, &fixture->error);
    if (rc == 0)
        rc = template_expand(fixture->arena, document, &fixture->values, &expander, &result,
                             &fixture->error);
    if (rc < 0)
        return str_to_cstr(fixture->arena, fixture->error.message);
    assert_true(result->is_expanded);
    const struct json *value = whole ? result->root : json_find_cstr(result->root, "Resources");
    return str_to_cstr(fixture->arena, json_to_str(fixture->arena, value));
}

#define PARAMETERS                                                                                 \
    "Parameters: {P: {Type: String, Default: pp}, L: {Type: CommaDelimitedList, Default: "         \
    "'a-1,b'}}\n"

static void nested_transforms_replace_their_object(void **state)
{
    static const struct {
        const char *text;
        const char *result;
    } cases[] = {
        {PARAMETERS "Resources: {A: {Fn::Transform: {Name: AWS::Include, Parameters: {Location: "
                    "!Sub 's3://b/${AWS::Region}'}}}}\n",
         "{\"A\":{\"X\":{\"Ref\":\"P\"},\"Y\":[1,2]}}"},
        {PARAMETERS "Resources: {A: {X: mine, Fn::Transform: {Name: AWS::Include, Parameters: "
                    "{Location: s3://b/eu-west-1}}, Z: z}}\n",
         "{\"A\":{\"X\":\"mine\",\"Z\":\"z\",\"Y\":[1,2]}}"},
        {PARAMETERS
         "Resources: {A: !Transform {Name: Upper, Parameters: {Text: !Join ['', [a, !Ref "
         "P]]}}}\n",
         "{\"A\":\"APPpp\"}"},
        {PARAMETERS
         "Resources: {A: {Fn::Transform: {Name: Upper, Parameters: {Text: {Fn::Transform: "
         "{Name: Upper, Parameters: {Text: x}}}}}}}\n",
         "{\"A\":\"XPPpp\"}"},
        {PARAMETERS "Resources: {A: {Fn::Transform: {Name: Nope}}}\n",
         "No transform named Nope found."},
        {PARAMETERS "Resources: {A: {Fn::Transform: {Parameters: {}}}}\n",
         "Template format error: every Fn::Transform must have a Name."},
        {PARAMETERS "Resources: {A: {Fn::Transform: {Name: Upper, Parameters: {Text: !GetAtt "
                    "B.C}}}}\n",
         "Template format error: Unresolved resource dependencies [B] in the Resources block of "
         "the "
         "template"},
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_string_equal(expanded(fixture, cases[i].text, false), cases[i].result);
    assert_true(fixture->error.line == 2);
}

static void top_level_transforms_see_the_whole_template(void **state)
{
    struct fixture *fixture = *state;
    assert_string_equal(
        expanded(fixture, "Transform: [Whole, AWS::LanguageExtensions]\nResources: {A: 1}\n", true),
        "{\"Resources\":{\"A\":1},\"Description\":\"made\"}");
    assert_string_equal(expanded(fixture,
                                 "Transform: {Name: AWS::Include, Parameters: {Location: "
                                 "s3://b/eu-west-1}}\nResources: {A: 1}\n",
                                 true),
                        "{\"Resources\":{\"A\":1},\"X\":{\"Ref\":\"P\"},\"Y\":[1,2]}");
    assert_string_equal(expanded(fixture, "Transform: Upper\nResources: {A: 1}\n", true),
                        "Transform Upper failed with: the result must be a template.");
}

#define LOOP "Transform: AWS::LanguageExtensions\n" PARAMETERS

static void loops_are_unrolled(void **state)
{
    static const struct {
        const char *text;
        const char *result;
    } cases[] = {
        {LOOP "Resources:\n  Fn::ForEach::T: [N, [x, y], {'T${N}': {A: !Ref N, B: !Sub "
              "'${N}-${P}', C: '${N}', D: !GetAtt 'T${N}.Arn', E: {Ref: P}}}]\n",
         "{\"Tx\":{\"A\":\"x\",\"B\":{\"Fn::Sub\":\"x-${P}\"},\"C\":\"x\",\"D\":{\"Fn::GetAtt\":["
         "\"Tx\",\"Arn\"]},\"E\":{\"Ref\":\"P\"}},\"Ty\":{\"A\":\"y\",\"B\":{\"Fn::Sub\":\"y-${P}"
         "\"}"
         ",\"C\":\"y\",\"D\":{\"Fn::GetAtt\":[\"Ty\",\"Arn\"]},\"E\":{\"Ref\":\"P\"}}}"},
        {LOOP "Resources:\n  A: {}\n  Fn::ForEach::T: [N, !Ref L, {'T&{N}': {V: !Ref N}}]\n  B: "
              "{}\n",
         "{\"A\":{},\"Ta1\":{\"V\":\"a-1\"},\"Tb\":{\"V\":\"b\"},\"B\":{}}"},
        {LOOP "Resources:\n  Fn::ForEach::T: [N, [a, b], {Fn::ForEach::U: [M, ['1', !Ref N], "
              "{'T${N}${M}': {}}]}]\n",
         "{\"Ta1\":{},\"Taa\":{},\"Tb1\":{},\"Tbb\":{}}"},
        {LOOP "Resources:\n  A: {Properties: {Fn::ForEach::T: [N, [a, b], {'P${N}': !Ref N}]}}\n",
         "{\"A\":{\"Properties\":{\"Pa\":\"a\",\"Pb\":\"b\"}}}"},
        {LOOP "Resources:\n  Fn::ForEach::T: [N, [], {'T${N}': {}}]\n", "{}"},
        {LOOP "Resources:\n  Fn::ForEach::T: [N, [a, a], {'T${N}': {}}]\n",
         "Transform AWS::LanguageExtensions failed with: Fn::ForEach produces the key Ta more than "
         "once."},
        {LOOP "Resources:\n  Fn::ForEach::T: [N, [a]]\n",
         "Transform AWS::LanguageExtensions failed with: Fn::ForEach layout is incorrect."},
        {LOOP "Resources:\n  Fn::ForEach::T: [N, !Ref P, {'T${N}': {}}]\n",
         "Transform AWS::LanguageExtensions failed with: Fn::ForEach layout is incorrect. The "
         "collection must be a list of strings."},
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_string_equal(expanded(fixture, cases[i].text, false), cases[i].result);
}

static void loops_cannot_blow_up_a_template(void **state)
{
    struct fixture *fixture = *state;
    struct str body = STR("{'T${A}${B}${C}${D}${E}${F}${G}${H}${I}${J}': x}");
    for (char name = 'A'; name < 'K'; name++)
        body = str_format(fixture->arena,
                          "{Fn::ForEach::T: [%c, [a, b, c, d, e, f, g, h], " STR_FMT "]}", name,
                          STR_ARG(body));
    struct str text = str_format(fixture->arena, LOOP "Resources: " STR_FMT "\n", STR_ARG(body));
    assert_string_equal(expanded(fixture, text.ptr, false),
                        "Transform AWS::LanguageExtensions failed with: the loops of the template "
                        "produce too much.");
}

static void a_template_without_transforms_is_not_copied(void **state)
{
    struct fixture *fixture = *state;
    struct template_document *document = NULL;
    struct template_document *result = NULL;
    assert_int_equal(template_read(fixture->arena, STR("Resources: {}"), &document, NULL), 0);
    assert_int_equal(
        template_expand(fixture->arena, document, &fixture->values, NULL, &result, NULL), 0);
    assert_ptr_equal(document, result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nested_transforms_replace_their_object, setup, teardown),
        cmocka_unit_test_setup_teardown(top_level_transforms_see_the_whole_template, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(loops_are_unrolled, setup, teardown),
        cmocka_unit_test_setup_teardown(loops_cannot_blow_up_a_template, setup, teardown),
        cmocka_unit_test_setup_teardown(a_template_without_transforms_is_not_copied, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
