/* intrinsic_test.c — every function with its values and its errors. */
#include "engine/template/support.h"

/* P of resource R is the expression; the rest is what expressions may name. */
static const char head[] = "Parameters:\n"
                           "  Text: {Type: String, Default: hello}\n"
                           "  Names: {Type: CommaDelimitedList, Default: 'a, b ,c'}\n"
                           "  Ports: {Type: List<Number>, Default: '80,443'}\n"
                           "Mappings:\n"
                           "  M: {eu-west-1: {Ami: ami-1, Size: 2, Zones: [x, y]}}\n"
                           "Conditions:\n"
                           "  Hot: !Equals [a, a]\n"
                           "  Cold: !Not [!Condition Hot]\n"
                           "Resources:\n"
                           "  Other: {Type: A::B::C}\n"
                           "  Unknown: {Type: A::B::C}\n"
                           "  R:\n"
                           "    Type: A::B::C\n"
                           "    Properties:\n"
                           "      P: ";

struct function_case {
    const char *expression;
    const char *result; /* {"P":...} or an error */
};

static int fake_import(void *user, struct arena *arena, struct str name, struct str *out_value,
                       struct template_error *out_error)
{
    (void)user;
    if (!str_eq(name, STR("s-exported")))
        return template_fail(arena, out_error, "No export named " STR_FMT " found.", STR_ARG(name));
    *out_value = STR("imported");
    return 0;
}

static void run_cases(struct fixture *fixture, const char *prefix,
                      const struct function_case *cases, size_t count)
{
    fixture->environment.import_value = fake_import;
    for (size_t i = 0; i < count; i++) {
        struct str text = str_format(fixture->arena, "%s%s%s\n", prefix, head, cases[i].expression);
        struct template_binding *binding = NULL;
        int rc = run_bind(fixture, text.ptr, &binding);
        const char *result = rc == 0 ? resolved(fixture, binding, "R")
                                     : str_to_cstr(fixture->arena, fixture->error.message);
        assert_string_equal(result, cases[i].result);
    }
}

static void names_give_values(void **state)
{
    static const struct function_case cases[] = {
        {"!Ref Text", "{\"P\":\"hello\"}"},
        {"!Ref Names", "{\"P\":[\"a\",\"b\",\"c\"]}"},
        {"!Ref Ports", "{\"P\":[\"80\",\"443\"]}"},
        {"!Ref Other", "{\"P\":\"Other-ref\"}"},
        {"!Ref 'AWS::Region'", "{\"P\":\"eu-west-1\"}"},
        {"!Ref 'AWS::AccountId'", "{\"P\":\"123456789012\"}"},
        {"!Ref 'AWS::Partition'", "{\"P\":\"aws\"}"},
        {"!Ref 'AWS::StackName'", "{\"P\":\"s\"}"},
        {"!Ref 'AWS::URLSuffix'", "{\"P\":\"amazonaws.com\"}"},
        {"!Ref 'AWS::NotificationARNs'", "{\"P\":[]}"},
        {"!Ref 'AWS::NoValue'", "{}"},
        {"[a, !Ref 'AWS::NoValue', b]", "{\"P\":[\"a\",\"b\"]}"},
        {"{Keep: 1, Drop: !Ref 'AWS::NoValue'}", "{\"P\":{\"Keep\":1}}"},
        {"!Ref Nope", "Template format error: Unresolved resource dependencies [Nope] in the "
                      "Resources block of the template"},
        {"!Ref 'AWS::RegionId'", "Template format error: Unresolved resource dependencies "
                                 "[AWS::RegionId] in the Resources block of the template"},
        {"!Ref [a]", "Template format error: every Ref object must have a single String value."},
        {"[!Ref X, !Ref Y, !Ref X]", "Template format error: Unresolved resource dependencies "
                                     "[X, Y] in the Resources block of the template"},
        {"!GetAtt Other.Arn", "{\"P\":\"Other-Arn\"}"},
        {"!GetAtt Other.A.B", "{\"P\":\"Other-A.B\"}"},
        {"!GetAtt [Other, !Ref Text]", "{\"P\":\"Other-hello\"}"},
        {"!GetAtt Nope.Arn",
         "Template error: instance of Fn::GetAtt references undefined resource Nope"},
        {"!GetAtt Other", "Template error: every Fn::GetAtt object requires two non-empty "
                          "parameters, the resource name and the resource attribute"},
        {"{'Fn::GetAtt': [Other, a, b]}",
         "Template error: every Fn::GetAtt object requires two non-empty parameters, the resource "
         "name and the resource attribute"},
        {"!GetAtt Other.Missing", "Requested attribute Missing does not exist in schema"},
    };
    run_cases(*state, "", cases, ARRAY_LEN(cases));
}

static void sub_replaces_variables(void **state)
{
    static const struct function_case cases[] = {
        {"!Sub plain", "{\"P\":\"plain\"}"},
        {"!Sub ''", "{\"P\":\"\"}"},
        {"!Sub '${Text}-${AWS::Region}-${Other}-${Other.Arn}'",
         "{\"P\":\"hello-eu-west-1-Other-ref-Other-Arn\"}"},
        {"!Sub '${!Text} $${Text} $x {y} ${'", "{\"P\":\"${Text} $hello $x {y} ${\"}"},
        {"!Sub ['${A}${Text}', {A: !Ref 'AWS::Region', Unused: x}]", "{\"P\":\"eu-west-1hello\"}"},
        {"!Sub ['${Text}', {Text: mine}]", "{\"P\":\"mine\"}"},
        {"!Sub ['${A}', {A: !Sub ['${B}', {B: !Select [1, !Ref Names]}]}]", "{\"P\":\"b\"}"},
        {"!Sub ['${A.B}', {A.B: 5}]", "{\"P\":\"5\"}"},
        {"!Sub '${Nope}'", "Template format error: Unresolved resource dependencies [Nope] in the "
                           "Resources block of the template"},
        {"!Sub '${Nope.Arn}'",
         "Template error: instance of Fn::Sub references invalid resource attribute Nope.Arn"},
        {"!Sub '${my-var}'",
         "Template error: variable names in Fn::Sub syntax must contain only alphanumeric "
         "characters, underscores, periods, and colons"},
        {"!Sub '${}'",
         "Template error: variable names in Fn::Sub syntax must contain only alphanumeric "
         "characters, underscores, periods, and colons"},
        {"!Sub '${Names}'",
         "Template error: variable Names in Fn::Sub expression does not resolve to a string"},
        {"!Sub ['${A}', {A: [1]}]",
         "Template error: every value of the context object of every Fn::Sub object must be a "
         "string or a function that returns a string"},
        {"!Sub [a]",
         "Template error: One or more Fn::Sub intrinsic functions don't specify expected "
         "arguments. Specify a string as first argument, and an optional second argument to "
         "specify a mapping of values to replace in the string"},
        {"!Sub {A: b}",
         "Template error: One or more Fn::Sub intrinsic functions don't specify expected "
         "arguments. Specify a string as first argument, and an optional second argument to "
         "specify a mapping of values to replace in the string"},
    };
    run_cases(*state, "", cases, ARRAY_LEN(cases));
}

#define JOIN_ERROR                                                                                 \
    "Template error: every Fn::Join object requires two parameters, (1) a string delimiter and "   \
    "(2) a list of strings to be joined or a function that returns a list of strings (such as "    \
    "Fn::GetAZs) to be joined."
#define SPLIT_ERROR                                                                                \
    "Template error: every Fn::Split object requires two parameters, (1) a string delimiter and "  \
    "(2) a string to be split or a function that returns a string to be split."

static void lists_are_joined_selected_and_split(void **state)
{
    static const struct function_case cases[] = {
        {"!Join ['-', [a, !Ref Text, 3, true]]", "{\"P\":\"a-hello-3-true\"}"},
        {"!Join ['', []]", "{\"P\":\"\"}"},
        {"!Join ['|', !Ref Names]", "{\"P\":\"a|b|c\"}"},
        {"!Join ['|', !GetAtt Other.List]", "{\"P\":\"one|two\"}"},
        {"!Join ['-', [a, !If [Cold, b, !Ref 'AWS::NoValue'], c]]", "{\"P\":\"a-c\"}"},
        {"!Join ['-', a]", JOIN_ERROR},
        {"!Join ['-']", JOIN_ERROR},
        {"!Join ['-', [[a]]]", JOIN_ERROR},
        {"!Join [[x], [a]]", JOIN_ERROR},
        {"!Select [1, [a, b]]", "{\"P\":\"b\"}"},
        {"!Select ['0', !Ref Names]", "{\"P\":\"a\"}"},
        {"!Select [0, [{A: 1}]]", "{\"P\":{\"A\":1}}"},
        {"!Select [2, [a, b]]",
         "Template error: Fn::Select cannot select nonexistent value at index 2"},
        {"!Select [-1, [a, b]]",
         "Template error: Fn::Select cannot select nonexistent value at index -1"},
        {"!Select [x, [a]]", "Template error: Fn::Select requires a list argument with a valid "
                             "index value as its first element"},
        {"!Select [0, a]", "Template error: Fn::Select requires a list argument with two elements: "
                           "an integer index and a list"},
        {"!Select [0]", "Template error: Fn::Select requires a list argument with two elements: "
                        "an integer index and a list"},
        {"!Split [',', 'a,b,,c']", "{\"P\":[\"a\",\"b\",\"\",\"c\"]}"},
        {"!Split ['::', !Ref 'AWS::StackId']",
         "{\"P\":[\"arn:aws:cloudformation:eu-west-1:123456789012:stack/s/1\"]}"},
        {"!Select [4, !Split [':', !Ref 'AWS::StackId']]", "{\"P\":\"123456789012\"}"},
        {"!Split [',']", SPLIT_ERROR},
        {"!Split ['', abc]", SPLIT_ERROR},
        {"!Split [',', [a]]", SPLIT_ERROR},
    };
    run_cases(*state, "", cases, ARRAY_LEN(cases));
}

static void maps_conditions_and_imports_give_values(void **state)
{
    static const struct function_case cases[] = {
        {"!FindInMap [M, !Ref 'AWS::Region', Ami]", "{\"P\":\"ami-1\"}"},
        {"!FindInMap [M, eu-west-1, Size]", "{\"P\":2}"},
        {"!FindInMap [M, eu-west-1, Zones]", "{\"P\":[\"x\",\"y\"]}"},
        {"!FindInMap [M, us-east-1, Ami]",
         "Template error: Unable to get mapping for M::us-east-1::Ami"},
        {"!FindInMap [N, a, b]",
         "Template error: Mapping named 'N' is not present in the 'Mappings' section of template."},
        {"!FindInMap [M, a]", "Template error: every Fn::FindInMap object requires three "
                              "parameters, the map name, map key and the attribute for return "
                              "value"},
        {"!FindInMap [M, a, b, {DefaultValue: c}]",
         "Template error: every Fn::FindInMap object requires three parameters, the map name, map "
         "key and the attribute for return value"},
        {"!FindInMap [M, !Sub '${AWS::Region}', Ami]",
         "Template error: every Fn::FindInMap object requires three parameters, the map name, map "
         "key and the attribute for return value"},
        {"!FindInMap [M, !Ref 'AWS::Region', !FindInMap [M, eu-west-1, Ami]]",
         "Template error: Unable to get mapping for M::eu-west-1::ami-1"},
        {"!If [Hot, a, b]", "{\"P\":\"a\"}"},
        {"!If [Cold, a, !If [Hot, c, d]]", "{\"P\":\"c\"}"},
        {"!If [Cold, a, !Ref 'AWS::NoValue']", "{}"},
        {"!If [Nope, a, b]", "Template error: unresolved condition dependency Nope in Fn::If"},
        {"!If [Hot, a]", "Template error: Fn::If requires a list argument with three elements"},
        {"!If [[a], b, c]", "Template error: Fn::If requires a list argument with the first "
                            "element being a condition"},
        {"!ImportValue s-exported", "{\"P\":\"imported\"}"},
        {"!ImportValue {'Fn::Sub': '${AWS::StackName}-exported'}", "{\"P\":\"imported\"}"},
        {"!ImportValue other", "No export named other found."},
        {"!ImportValue {'Fn::Sub': '${Other}'}",
         "Template error: the attribute in Fn::ImportValue must not depend on any resources, "
         "imported values, or Fn::GetAZs"},
        {"!Base64 'hello world'", "{\"P\":\"aGVsbG8gd29ybGQ=\"}"},
        {"!Base64 {'Fn::Sub': '${Text}'}", "{\"P\":\"aGVsbG8=\"}"},
        {"!Base64 [a]", "Template error: every Fn::Base64 object must have a String-typed value."},
        {"!GetAZs ''", "{\"P\":[\"eu-west-1a\",\"eu-west-1b\",\"eu-west-1c\"]}"},
        {"!Select [1, !GetAZs {Ref: 'AWS::Region'}]", "{\"P\":\"eu-west-1b\"}"},
        {"!GetAZs [a]", "Template error: every Fn::GetAZs object must have a String-typed value."},
        {"!Equals [a, b]", "Template error: Fn::Equals cannot be partially collapsed"},
        {"{'Fn::Contains': [[a], a]}",
         "Template error: Fn::Contains cannot be partially collapsed"},
        {"{Condition: {StringEquals: {a: b}}}",
         "{\"P\":{\"Condition\":{\"StringEquals\":{\"a\":\"b\"}}}}"},
    };
    run_cases(*state, "", cases, ARRAY_LEN(cases));
}

static void cidr_cuts_blocks(void **state)
{
    static const struct function_case cases[] = {
        {"!Cidr ['192.168.0.0/24', 3, 5]",
         "{\"P\":[\"192.168.0.0/27\",\"192.168.0.32/27\",\"192.168.0.64/27\"]}"},
        {"!Cidr ['10.0.7.9/16', '2', '8']", "{\"P\":[\"10.0.0.0/24\",\"10.0.1.0/24\"]}"},
        {"!Cidr ['10.0.255.0/24', 2, 7]", "{\"P\":[\"10.0.255.0/25\",\"10.0.255.128/25\"]}"},
        {"!Cidr ['2600:1f18:abc:de00::/56', 2, 64]",
         "{\"P\":[\"2600:1f18:abc:de00::/64\",\"2600:1f18:abc:de01::/64\"]}"},
        {"!Cidr ['0.0.0.0/0', 1, 32]", "{\"P\":[\"0.0.0.0/0\"]}"},
        {"!Cidr ['10.0.0.0/24', 9, 5]",
         "Template error: Fn::Cidr: 10.0.0.0/24 has no room for 9 blocks of 5 bits"},
        {"!Cidr ['10.0.0.0/16', 0, 8]",
         "Template error: Fn::Cidr: count must be between 1 and 256"},
        {"!Cidr ['10.0.0.0/16', 257, 4]",
         "Template error: Fn::Cidr: count must be between 1 and 256"},
        {"!Cidr ['10.0.0.0/16', 1, 33]",
         "Template error: Fn::Cidr: cidrBits must be between 1 and 32"},
        {"!Cidr ['10.0.0/16', 1, 8]",
         "Template error: Fn::Cidr: 10.0.0/16 is not a valid CIDR block"},
        {"!Cidr ['10.0.0.0/33', 1, 8]",
         "Template error: Fn::Cidr: 10.0.0.0/33 is not a valid CIDR block"},
        {"!Cidr ['10.0.0.0/16']", "Template error: every Fn::Cidr object requires an IP block, a "
                                  "count and optionally the number of subnet bits"},
    };
    run_cases(*state, "", cases, ARRAY_LEN(cases));
}

#define SUPPORTED                                                                                  \
    " Supported functions are: [Fn::Base64, Fn::GetAtt, Fn::GetAZs, Fn::ImportValue, Fn::Join, "   \
    "Fn::Split, Fn::FindInMap, Fn::Select, Ref, Fn::Equals, Fn::If, Fn::Not, Condition, Fn::And, " \
    "Fn::Or, Fn::Contains, Fn::EachMemberEquals, Fn::EachMemberIn, Fn::ValueOf, Fn::ValueOfAll, "  \
    "Fn::RefAll, Fn::Sub, Fn::Cidr]"

static void unsupported_functions_are_named(void **state)
{
    static const struct function_case cases[] = {
        {"{'Fn::Foo': x}", "Template Error: Encountered unsupported function: Fn::Foo" SUPPORTED},
        {"{'fn::GetAtt': x}",
         "Template Error: Encountered unsupported function: fn::GetAtt" SUPPORTED},
        {"{'Fn::Length': [a]}",
         "Template Error: Encountered unsupported function: Fn::Length" SUPPORTED},
    };
    run_cases(*state, "", cases, ARRAY_LEN(cases));
}

static void language_extensions_add_functions(void **state)
{
    static const struct function_case cases[] = {
        {"{'Fn::Length': [a, b]}", "{\"P\":2}"},
        {"{'Fn::Length': !Ref Names}", "{\"P\":3}"},
        {"{'Fn::Length': a}", "Template error: every Fn::Length object requires a list or a "
                              "function that returns a list."},
        {"{'Fn::ToJsonString': {A: !Ref Text, B: [1, true]}}",
         "{\"P\":\"{\\\"A\\\":\\\"hello\\\",\\\"B\\\":[1,true]}\"}"},
        {"{'Fn::ToJsonString': a}",
         "Template error: every Fn::ToJsonString object requires a map or a list."},
        {"!FindInMap [M, us-east-1, Ami, {DefaultValue: !Ref Text}]", "{\"P\":\"hello\"}"},
        {"!FindInMap [M, !Select [0, [eu-west-1]], Ami]", "{\"P\":\"ami-1\"}"},
        {"{Ref: !Sub '${Text}Nope'}", "Template format error: Unresolved resource dependencies "
                                      "[helloNope] in the Resources block of the template"},
        {"{'Fn::GetAtt': [!Join ['', [Ot, her]], Arn]}", "{\"P\":\"Other-Arn\"}"},
    };
    run_cases(*state, "Transform: AWS::LanguageExtensions\n", cases, ARRAY_LEN(cases));
}

static void values_that_are_not_known_yet_stay_marked(void **state)
{
    static const struct function_case cases[] = {
        {"!Ref Unknown", "{\"P\":\"{{changeSet:KNOWN_AFTER_APPLY}}\"}"},
        {"!Sub 'x-${Unknown.Arn}'", "{\"P\":\"x-{{changeSet:KNOWN_AFTER_APPLY}}\"}"},
        {"!Join ['-', [a, !Ref Unknown]]", "{\"P\":\"a-{{changeSet:KNOWN_AFTER_APPLY}}\"}"},
        {"!Join ['-', !GetAtt Unknown.X]", "{\"P\":\"{{changeSet:KNOWN_AFTER_APPLY}}\"}"},
        {"!Select [5, !Split [':', !GetAtt Unknown.Arn]]",
         "{\"P\":\"{{changeSet:KNOWN_AFTER_APPLY}}\"}"},
        {"!Base64 {Ref: Unknown}", "{\"P\":\"{{changeSet:KNOWN_AFTER_APPLY}}\"}"},
        {"!Cidr [!GetAtt Unknown.Block, 2, 8]", "{\"P\":\"{{changeSet:KNOWN_AFTER_APPLY}}\"}"},
    };
    run_cases(*state, "", cases, ARRAY_LEN(cases));
}

static void functions_cannot_blow_up_a_template(void **state)
{
    struct fixture *fixture = *state;
    struct str text = STR("x");
    for (int i = 0; i < 24; i++)
        text = str_format(fixture->arena, "!Sub ['${A}${A}${A}', {A: " STR_FMT "}]", STR_ARG(text));
    struct str whole = str_format(fixture->arena, "%s" STR_FMT "\n", head, STR_ARG(text));
    struct template_binding *binding = must_bind(fixture, whole.ptr);
    assert_string_equal(resolved(fixture, binding, "R"),
                        "Template error: the functions of the template produce more than 67108864 "
                        "bytes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(names_give_values, setup, teardown),
        cmocka_unit_test_setup_teardown(sub_replaces_variables, setup, teardown),
        cmocka_unit_test_setup_teardown(lists_are_joined_selected_and_split, setup, teardown),
        cmocka_unit_test_setup_teardown(maps_conditions_and_imports_give_values, setup, teardown),
        cmocka_unit_test_setup_teardown(cidr_cuts_blocks, setup, teardown),
        cmocka_unit_test_setup_teardown(unsupported_functions_are_named, setup, teardown),
        cmocka_unit_test_setup_teardown(language_extensions_add_functions, setup, teardown),
        cmocka_unit_test_setup_teardown(values_that_are_not_known_yet_stay_marked, setup, teardown),
        cmocka_unit_test_setup_teardown(functions_cannot_blow_up_a_template, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
