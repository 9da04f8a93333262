/* read_test.c — template text to a tree: syntaxes, short tags, typing, places. */
#include "engine/template/support.h"

/* The tree as JSON, or the error. */
static const char *read_tree(struct fixture *fixture, struct str text)
{
    struct template_document *document = NULL;
    fixture->error = (struct template_error){0};
    int rc = template_read(fixture->arena, text, &document, &fixture->error);
    if (rc < 0)
        return str_to_cstr(fixture->arena, fixture->error.message);
    return str_to_cstr(fixture->arena, json_to_str(fixture->arena, document->root));
}

static void trees_are_in_long_form(void **state)
{
    static const struct {
        const char *text;
        const char *tree;
    } cases[] = {
        {"A: !Ref B", "{\"A\":{\"Ref\":\"B\"}}"},
        {"A: !Sub '${B}'", "{\"A\":{\"Fn::Sub\":\"${B}\"}}"},
        {"A: !GetAtt B.C.D", "{\"A\":{\"Fn::GetAtt\":[\"B\",\"C.D\"]}}"},
        {"A: !GetAtt [B, C]", "{\"A\":{\"Fn::GetAtt\":[\"B\",\"C\"]}}"},
        {"A: {'Fn::GetAtt': B.C}", "{\"A\":{\"Fn::GetAtt\":[\"B\",\"C\"]}}"},
        {"{\"A\": {\"Fn::GetAtt\": \"B.C\"}}", "{\"A\":{\"Fn::GetAtt\":[\"B\",\"C\"]}}"},
        {"A: !GetAtt B", "{\"A\":{\"Fn::GetAtt\":[\"B\"]}}"},
        {"A: !Join [',', [!Ref B, c]]", "{\"A\":{\"Fn::Join\":[\",\",[{\"Ref\":\"B\"},\"c\"]]}}"},
        {"A: !If [B, c, !Ref 'AWS::NoValue']",
         "{\"A\":{\"Fn::If\":[\"B\",\"c\",{\"Ref\":\"AWS::NoValue\"}]}}"},
        {"A: !Condition B", "{\"A\":{\"Condition\":\"B\"}}"},
        {"A: !GetAZs ''", "{\"A\":{\"Fn::GetAZs\":\"\"}}"},
        {"A: !GetAZs", "{\"A\":{\"Fn::GetAZs\":\"\"}}"},
        {"A: !Base64 12", "{\"A\":{\"Fn::Base64\":\"12\"}}"},
        {"A: !Transform {Name: M}", "{\"A\":{\"Fn::Transform\":{\"Name\":\"M\"}}}"},
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_string_equal(read_tree(fixture, str_from_cstr(cases[i].text)), cases[i].tree);
}

static void scalars_are_typed_as_cloudformation_does(void **state)
{
    static const struct {
        const char *text;
        const char *tree;
    } cases[] = {
        {"A: 2012-10-17", "{\"A\":\"2012-10-17\"}"},
        {"A: yes", "{\"A\":true}"},
        {"A: 'yes'", "{\"A\":\"yes\"}"},
        {"A: False", "{\"A\":false}"},
        {"A: off", "{\"A\":false}"},
        {"A: 80", "{\"A\":80}"},
        {"A: 1.10", "{\"A\":1.10}"},
        {"A: 9007199254740993", "{\"A\":9007199254740993}"},
        {"A: 000000000000", "{\"A\":\"000000000000\"}"},
        {"A: 0x1F", "{\"A\":\"0x1F\"}"},
        {"A: ''", "{\"A\":\"\"}"},
        {"A: |\n  x\n  y\n", "{\"A\":\"x\\ny\\n\"}"},
        {"80: x", "{\"80\":\"x\"}"},
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_string_equal(read_tree(fixture, str_from_cstr(cases[i].text)), cases[i].tree);
}

static void bad_texts_are_refused_with_their_place(void **state)
{
    static const struct {
        const char *text;
        const char *error;
    } cases[] = {
        {"", "Template format error: unsupported structure."},
        {"just text", "Template format error: unsupported structure."},
        {"[a]", "Template format error: unsupported structure."},
        {"{\"A\": 1,}", "Template format error: JSON not well-formed. (line 1, column 9)"},
        {"{\"A\": 1,\n \"A\": 2}",
         "Template format error: JSON not well-formed. (line 2, column 7)"},
        {"A: !Foo x", "Template format error: YAML not well-formed. (line 1, column 4)"},
        {"Resources:\n  B:\n    Properties:\n      P:\n",
         "[/Resources/B/Type/P] 'null' values are not allowed in templates"},
        {"Resources:\n", "[/Resources] 'null' values are not allowed in templates"},
        {"Mappings:\n  M:\n    K:\n      V: ~\n",
         "[/Mappings/M/K/V] 'null' values are not allowed in templates"},
        {"{\"Resources\": {\"A\": {\"DependsOn\": [null]}}}",
         "[/Resources/A/DependsOn/0] 'null' values are not allowed in templates"},
        {"A:\n  !Ref x: y\n",
         "Template format error: map keys must be strings; received a map instead"},
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_string_equal(read_tree(fixture, str_from_cstr(cases[i].text)), cases[i].error);
}

static void broken_yaml_and_duplicate_keys_are_not_well_formed(void **state)
{
    static const char *const texts[] = {"A: [", "A: 1\nA: 2\n", "A: 1\n B: 2\n", "--- a\n--- b\n"};
    struct fixture *fixture = *state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        const char *error = read_tree(fixture, str_from_cstr(texts[i]));
        assert_memory_equal(error, "Template format error: YAML not well-formed. (line ", 51);
    }
}

static void a_text_over_one_megabyte_is_refused(void **state)
{
    struct fixture *fixture = *state;
    size_t size = TEMPLATE_MAX_URL_BYTES + 1;
    char *text = arena_alloc_text(fixture->arena, size);
    memset(text, ' ', size);
    const char *error = read_tree(fixture, str_of(text, size));
    assert_string_equal(error, "Template may not exceed 1048576 bytes in size.");
}

static void nodes_know_their_place(void **state)
{
    struct fixture *fixture = *state;
    struct template_document *document = NULL;
    struct str text = STR("# ä\nResources:\n  B:\n    Ä: !Ref C\n    T: [x, yy]\n");
    assert_int_equal(template_read(fixture->arena, text, &document, &fixture->error), 0);
    const struct json *b = json_find_cstr(json_find_cstr(document->root, "Resources"), "B");
    uint32_t line = 0;
    uint32_t column = 0;
    template_position(document, json_find_cstr(b, "T")->last, &line, &column);
    assert_int_equal(line, 5);
    assert_int_equal(column, 12);
    template_position(document, json_new_string(fixture->arena, STR("x")), &line, &column);
    assert_int_equal(line, 0);
    assert_int_equal(column, 0);
}

static void declared_transforms_are_listed_in_processing_order(void **state)
{
    struct fixture *fixture = *state;
    struct template_document *document = NULL;
    struct str text = STR("Transform: [AWS::Serverless-2016-10-31, {Name: Own}]\n"
                          "Resources:\n"
                          "  A: {Fn::Transform: {Name: AWS::Include}}\n"
                          "  B: {Fn::Transform: [{Name: AWS::Include}, {Name: Two}]}\n");
    assert_int_equal(template_read(fixture->arena, text, &document, &fixture->error), 0);
    static const char *const names[] = {"AWS::Include", "Two", "AWS::Serverless-2016-10-31", "Own"};
    assert_int_equal(document->transform_count, ARRAY_LEN(names));
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        assert_true(str_eq_cstr(document->transforms[i], names[i]));
    assert_false(document->is_expanded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(trees_are_in_long_form, setup, teardown),
        cmocka_unit_test_setup_teardown(scalars_are_typed_as_cloudformation_does, setup, teardown),
        cmocka_unit_test_setup_teardown(bad_texts_are_refused_with_their_place, setup, teardown),
        cmocka_unit_test_setup_teardown(broken_yaml_and_duplicate_keys_are_not_well_formed, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_text_over_one_megabyte_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(nodes_know_their_place, setup, teardown),
        cmocka_unit_test_setup_teardown(declared_transforms_are_listed_in_processing_order, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
