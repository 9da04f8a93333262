/* function.c — the table of intrinsic functions: their names, and where each may stand.
 *
 * Docs: CloudFormation user guide, "Intrinsic function reference", "Condition functions",
 * "Rule-specific intrinsic functions", "AWS::LanguageExtensions transform".
 */
#include "engine/template/internal.h"

#include "base/arena.h"

enum {
    IN_CONDITIONS = 1 << CONTEXT_CONDITION,
    IN_RULES = 1 << CONTEXT_RULE,
    IN_RESOURCES = 1 << CONTEXT_RESOURCE,
    IN_OUTPUTS = 1 << CONTEXT_OUTPUT,
    IN_STATIC = 1 << CONTEXT_STATIC,
    IN_VALUES = IN_RESOURCES | IN_OUTPUTS | IN_STATIC,
};

static const struct {
    const char *name;
    unsigned contexts;
    bool is_extension;
} functions[] = {
    [FUNCTION_REF] = {"Ref", IN_VALUES | IN_CONDITIONS | IN_RULES, false},
    [FUNCTION_CONDITION] = {"Condition", IN_CONDITIONS, false},
    [FUNCTION_AND] = {"Fn::And", IN_CONDITIONS | IN_RULES, false},
    [FUNCTION_BASE64] = {"Fn::Base64", IN_VALUES, false},
    [FUNCTION_CIDR] = {"Fn::Cidr", IN_VALUES, false},
    [FUNCTION_CONTAINS] = {"Fn::Contains", IN_RULES, false},
    [FUNCTION_EACH_MEMBER_EQUALS] = {"Fn::EachMemberEquals", IN_RULES, false},
    [FUNCTION_EACH_MEMBER_IN] = {"Fn::EachMemberIn", IN_RULES, false},
    [FUNCTION_EQUALS] = {"Fn::Equals", IN_CONDITIONS | IN_RULES, false},
    [FUNCTION_FIND_IN_MAP] = {"Fn::FindInMap", IN_VALUES | IN_CONDITIONS, false},
    [FUNCTION_GET_ATT] = {"Fn::GetAtt", IN_RESOURCES | IN_OUTPUTS, false},
    [FUNCTION_GET_AZS] = {"Fn::GetAZs", IN_VALUES, false},
    [FUNCTION_IF] = {"Fn::If", IN_VALUES | IN_CONDITIONS, false},
    [FUNCTION_IMPORT_VALUE] = {"Fn::ImportValue", IN_RESOURCES | IN_OUTPUTS, false},
    [FUNCTION_JOIN] = {"Fn::Join", IN_VALUES | IN_CONDITIONS, false},
    [FUNCTION_LENGTH] = {"Fn::Length", IN_VALUES | IN_CONDITIONS, true},
    [FUNCTION_NOT] = {"Fn::Not", IN_CONDITIONS | IN_RULES, false},
    [FUNCTION_OR] = {"Fn::Or", IN_CONDITIONS | IN_RULES, false},
    [FUNCTION_REF_ALL] = {"Fn::RefAll", IN_RULES, false},
    [FUNCTION_SELECT] = {"Fn::Select", IN_VALUES | IN_CONDITIONS, false},
    [FUNCTION_SPLIT] = {"Fn::Split", IN_VALUES | IN_CONDITIONS, false},
    [FUNCTION_SUB] = {"Fn::Sub", IN_VALUES | IN_CONDITIONS, false},
    [FUNCTION_TO_JSON_STRING] = {"Fn::ToJsonString", IN_VALUES, true},
    [FUNCTION_TRANSFORM] = {"Fn::Transform", IN_VALUES, false},
    [FUNCTION_VALUE_OF] = {"Fn::ValueOf", IN_RULES, false},
    [FUNCTION_VALUE_OF_ALL] = {"Fn::ValueOfAll", IN_RULES, false},
};

static enum template_function function_find(struct str name)
{
    for (size_t i = FUNCTION_REF; i < ARRAY_LEN(functions); i++) {
        if (str_eq_cstr(name, functions[i].name))
            return (enum template_function)i;
    }
    return FUNCTION_NONE;
}

enum template_function function_of(const struct json *node, enum template_context context,
                                   const struct json **out_argument)
{
    if (!json_is_object(node) || node->count != 1)
        return FUNCTION_NONE;

    const struct json *member = node->first;
    enum template_function found = function_find(member->key);
    /* A policy statement also has a member "Condition": only condition blocks mean a name. */
    if (found == FUNCTION_CONDITION && context != CONTEXT_CONDITION && context != CONTEXT_RULE)
        return FUNCTION_NONE;
    /* AWS: the prefix is compared without case ("Encountered unsupported function: fn::GetAtt"). */
    if (found == FUNCTION_NONE && member->key.len > 4 &&
        str_eq_nocase(str_slice(member->key, 0, 4), STR("Fn::")))
        found = FUNCTION_UNKNOWN;
    if (found != FUNCTION_NONE && out_argument)
        *out_argument = member;
    return found;
}

struct str function_of_tag(struct str tag)
{
    if (tag.len < 2 || tag.ptr[0] != '!')
        return (struct str){0};
    struct str name = str_from(tag, 1);
    for (size_t i = FUNCTION_REF; i < ARRAY_LEN(functions); i++) {
        struct str long_name = str_from_cstr(functions[i].name);
        struct str bare =
            str_starts_with(long_name, STR("Fn::")) ? str_from(long_name, 4) : long_name;
        if (str_eq(name, bare))
            return long_name;
    }
    return (struct str){0};
}

const char *function_name(enum template_function function)
{
    return function < ARRAY_LEN(functions) && functions[function].name ? functions[function].name
                                                                       : "";
}

bool function_allowed(enum template_function function, enum template_context context)
{
    return function < ARRAY_LEN(functions) && (functions[function].contexts & (1u << context)) != 0;
}

bool function_is_extension(enum template_function function)
{
    return function < ARRAY_LEN(functions) && functions[function].is_extension;
}
