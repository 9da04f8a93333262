/* intrinsic.c — the functions that give values: Ref, Fn::GetAtt, Fn::Join, Fn::Select, ...
 *
 * Fn::Sub is in sub.c, Fn::Cidr in cidr.c, the boolean functions in evaluate.c. Each function takes
 * its argument unevaluated. Docs: CloudFormation user guide, "Intrinsic function reference".
 */
#include "engine/template/internal.h"

#include <errno.h>

#include "base/arena.h"
#include "syntax/base64.h"

/* A list of the argument, evaluated; *out_list is NULL when the list is a value that is not known
 * yet. `refusal` is the error for anything that is no list. */
static int evaluate_array(struct evaluator *evaluator, const struct json *node, const char *refusal,
                          struct json **out_list)
{
    struct json *value = NULL;
    int rc = evaluate(evaluator, node, &value);
    if (rc < 0)
        return rc;
    if (value && is_unknown_text(scalar_text(value)))
        value = NULL;
    else if (!json_is_array(value))
        return evaluate_fail(evaluator, node, "%s", refusal);
    *out_list = value;
    return 0;
}

static int give_text(struct evaluator *evaluator, const struct json *node, struct str text,
                     struct json **out_value)
{
    int rc = evaluate_charge(evaluator, node, text.len + sizeof(struct json));
    if (rc == 0)
        *out_value = json_new_string(evaluator->arena, text);
    return rc;
}

static int give_unknown(struct evaluator *evaluator, struct json **out_value)
{
    *out_value = json_new_string(evaluator->arena, STR(TEMPLATE_UNKNOWN_TEXT));
    return 0;
}

static bool is_array_of(const struct json *argument, size_t count)
{
    return json_is_array(argument) && argument->count == count;
}

static int evaluate_ref(struct evaluator *evaluator, const struct json *argument,
                        struct json **out_value)
{
    /* AWS::LanguageExtensions: a function may give the name. */
    struct str name = {0};
    int rc = evaluate_text(evaluator, argument, TEXT_REF, &name);
    if (rc < 0)
        return rc;
    return evaluate_name(evaluator, argument, name, out_value);
}

static int evaluate_get_att(struct evaluator *evaluator, const struct json *argument,
                            struct json **out_value)
{
    if (!is_array_of(argument, 2))
        return evaluate_fail(evaluator, argument, TEXT_GET_ATT);
    struct str id = {0};
    struct str attribute = {0};
    int rc = evaluate_text(evaluator, argument->first, TEXT_GET_ATT, &id);
    if (rc == 0)
        rc = evaluate_text(evaluator, argument->first->next, TEXT_GET_ATT, &attribute);
    if (rc < 0)
        return rc;
    if (id.len == 0 || attribute.len == 0)
        return evaluate_fail(evaluator, argument, TEXT_GET_ATT);
    return evaluate_attribute(evaluator, argument, id, attribute, out_value);
}

static int evaluate_if(struct evaluator *evaluator, const struct json *argument,
                       struct json **out_value)
{
    if (!is_array_of(argument, 3))
        return evaluate_fail(evaluator, argument,
                             "Template error: Fn::If requires a list argument with three elements");
    struct str name = scalar_text(argument->first);
    if (!str_is_set(name))
        return evaluate_fail(evaluator, argument,
                             "Template error: Fn::If requires a list argument with the first "
                             "element being a condition");
    bool holds = false;
    int rc = condition_value(evaluator, argument->first, name, &holds);
    if (rc < 0)
        return rc;
    const struct json *chosen = argument->first->next;
    return evaluate(evaluator, holds ? chosen : chosen->next, out_value);
}

static int evaluate_join(struct evaluator *evaluator, const struct json *argument,
                         struct json **out_value)
{
    if (!is_array_of(argument, 2))
        return evaluate_fail(evaluator, argument, TEXT_JOIN);
    struct str delimiter = {0};
    struct json *list = NULL;
    int rc = evaluate_text(evaluator, argument->first, TEXT_JOIN, &delimiter);
    if (rc == 0)
        rc = evaluate_array(evaluator, argument->first->next, TEXT_JOIN, &list);
    if (rc < 0)
        return rc;
    if (!list)
        return give_unknown(evaluator, out_value);

    struct buf text;
    buf_init(&text, evaluator->arena, TEMPLATE_MAX_STRING_BYTES);
    for (const struct json *item = list->first; item; item = item->next) {
        if (!is_scalar(item))
            return evaluate_fail(evaluator, argument, TEXT_JOIN);
        if (item != list->first)
            buf_append(&text, delimiter);
        buf_append(&text, scalar_text(item));
    }
    if (text.is_full)
        return evaluate_charge(evaluator, argument, (size_t)TEMPLATE_MAX_STRING_BYTES + 1);
    return give_text(evaluator, argument, buf_str(&text), out_value);
}

static int evaluate_select(struct evaluator *evaluator, const struct json *argument,
                           struct json **out_value)
{
    if (!json_is_array(argument) || argument->count < 1)
        return evaluate_fail(evaluator, argument, TEXT_SELECT_INDEX);
    if (argument->count != 2)
        return evaluate_fail(evaluator, argument, TEXT_SELECT_LIST);
    struct str text = {0};
    struct json *list = NULL;
    int64_t index = 0;
    int rc = evaluate_text(evaluator, argument->first, TEXT_SELECT_INDEX, &text);
    if (rc < 0)
        return rc;
    if (str_to_i64(text, &index) < 0)
        return evaluate_fail(evaluator, argument, TEXT_SELECT_INDEX);
    rc = evaluate_array(evaluator, argument->first->next, TEXT_SELECT_LIST, &list);
    if (rc < 0)
        return rc;
    if (!list)
        return give_unknown(evaluator, out_value);
    struct json *item = index < 0 ? NULL : list->first;
    for (int64_t i = 0; i < index && item; i++)
        item = item->next;
    if (!item)
        return evaluate_fail(evaluator, argument,
                             "Template error: Fn::Select cannot select nonexistent value at index "
                             "%lld",
                             (long long)index);
    *out_value = tree_copy(evaluator->arena, item);
    return 0;
}

static int evaluate_split(struct evaluator *evaluator, const struct json *argument,
                          struct json **out_value)
{
    if (!is_array_of(argument, 2))
        return evaluate_fail(evaluator, argument, TEXT_SPLIT);
    struct str delimiter = {0};
    struct str text = {0};
    int rc = evaluate_text(evaluator, argument->first, TEXT_SPLIT, &delimiter);
    if (rc == 0)
        rc = evaluate_text(evaluator, argument->first->next, TEXT_SPLIT, &text);
    if (rc < 0)
        return rc;
    if (delimiter.len == 0)
        return evaluate_fail(evaluator, argument, TEXT_SPLIT);
    if (is_unknown_text(text))
        return give_unknown(evaluator, out_value);

    struct json *list = json_new(evaluator->arena, JSON_ARRAY);
    for (;;) {
        rc = evaluate_charge(evaluator, argument, sizeof(struct json));
        if (rc < 0)
            return rc;
        ptrdiff_t at = str_find(text, delimiter);
        json_append(list, json_new_string(evaluator->arena,
                                          at < 0 ? text : str_slice(text, 0, (size_t)at)));
        if (at < 0)
            break;
        text = str_from(text, (size_t)at + delimiter.len);
    }
    *out_value = list;
    return 0;
}

/* The DefaultValue of a fourth argument {"DefaultValue": x}, or NULL. */
static const struct json *find_default(const struct json *argument)
{
    return argument->count == 4 ? json_find(argument->last, STR("DefaultValue")) : NULL;
}

static int evaluate_find_in_map(struct evaluator *evaluator, const struct json *argument,
                                struct json **out_value)
{
    const struct template_model *model = evaluator->binding->model;
    const struct json *fallback = json_is_array(argument) ? find_default(argument) : NULL;
    if (!is_array_of(argument, 3) && !(fallback && model->has_language_extensions))
        return evaluate_fail(evaluator, argument, TEXT_FIND_IN_MAP);

    struct str keys[3] = {{0}};
    const struct json *item = argument->first;
    for (size_t i = 0; i < 3; i++, item = item->next) {
        int rc = evaluate_text(evaluator, item, TEXT_FIND_IN_MAP, &keys[i]);
        if (rc < 0)
            return rc;
    }
    const struct json *mapping = json_find(model->mappings, keys[0]);
    const struct json *value = json_find(json_find(mapping, keys[1]), keys[2]);
    if (!value && fallback)
        return evaluate(evaluator, fallback, out_value);
    if (!mapping)
        return evaluate_fail(evaluator, argument,
                             "Template error: Mapping named '" STR_FMT
                             "' is not present in the 'Mappings' section of template.",
                             STR_ARG(keys[0]));
    if (!value)
        return evaluate_fail(evaluator, argument,
                             "Template error: Unable to get mapping for " STR_FMT "::" STR_FMT
                             "::" STR_FMT,
                             STR_ARG(keys[0]), STR_ARG(keys[1]), STR_ARG(keys[2]));
    int rc = evaluate_charge(evaluator, argument, (value->count + 1) * sizeof(struct json));
    if (rc == 0)
        *out_value = tree_copy(evaluator->arena, value);
    return rc;
}

static int evaluate_import(struct evaluator *evaluator, const struct json *argument,
                           struct json **out_value)
{
    struct str name = {0};
    int rc = evaluate_text(evaluator, argument,
                           "Template error: every Fn::ImportValue object must have a String-typed "
                           "value.",
                           &name);
    if (rc < 0)
        return rc;
    const struct template_environment *environment = evaluator->binding->environment;
    if (!environment || !environment->import_value)
        /* OBSERVED: "No export named X found." */
        return evaluate_fail(evaluator, argument, "No export named " STR_FMT " found.",
                             STR_ARG(name));
    struct str value = {0};
    rc = environment->import_value(environment->user, evaluator->arena, name, &value,
                                   evaluator->error);
    if (rc < 0)
        return callback_result(evaluator, argument, rc);
    *out_value = json_new_string(evaluator->arena, str_or(value, STR("")));
    return 0;
}

static int evaluate_base64(struct evaluator *evaluator, const struct json *argument,
                           struct json **out_value)
{
    struct str text = {0};
    int rc = evaluate_text(
        evaluator, argument,
        "Template error: every Fn::Base64 object must have a String-typed value.", &text);
    if (rc < 0)
        return rc;
    if (is_unknown_text(text))
        return give_unknown(evaluator, out_value);
    return give_text(evaluator, argument, base64_encode_str(evaluator->arena, text), out_value);
}

static int evaluate_azs(struct evaluator *evaluator, const struct json *argument,
                        struct json **out_value)
{
    struct str region = {0};
    int rc = evaluate_text(
        evaluator, argument,
        "Template error: every Fn::GetAZs object must have a String-typed value.", &region);
    if (rc < 0)
        return rc;
    /* AWS: "Specifying an empty string is equivalent to specifying AWS::Region." */
    if (region.len == 0)
        region = evaluator->binding->pseudo.region;
    const struct template_environment *environment = evaluator->binding->environment;
    struct json *zones = NULL;
    if (environment && environment->availability_zones) {
        rc = environment->availability_zones(environment->user, evaluator->arena, region, &zones,
                                             evaluator->error);
        if (rc < 0)
            return callback_result(evaluator, argument, rc);
        *out_value = tree_copy(evaluator->arena, zones);
        return 0;
    }
    zones = json_new(evaluator->arena, JSON_ARRAY);
    for (char letter = 'a'; letter <= 'c'; letter++) {
        struct str zone = str_format(evaluator->arena, STR_FMT "%c", STR_ARG(region), letter);
        json_append(zones, json_new_string(evaluator->arena, zone));
    }
    *out_value = zones;
    return 0;
}

static int evaluate_length(struct evaluator *evaluator, const struct json *argument,
                           struct json **out_value)
{
    struct json *list = NULL;
    int rc = evaluate_array(evaluator, argument,
                            "Template error: every Fn::Length object requires a list or a "
                            "function that returns a list.",
                            &list);
    if (rc < 0)
        return rc;
    if (!list)
        return give_unknown(evaluator, out_value);
    *out_value = json_new_number(evaluator->arena, (int64_t)list->count);
    return 0;
}

static int evaluate_to_json(struct evaluator *evaluator, const struct json *argument,
                            struct json **out_value)
{
    struct json *value = NULL;
    int rc = evaluate(evaluator, argument, &value);
    if (rc < 0)
        return rc;
    if (!json_is_object(value) && !json_is_array(value))
        return evaluate_fail(evaluator, argument,
                             "Template error: every Fn::ToJsonString object requires a map or a "
                             "list.");
    struct buf text;
    buf_init(&text, evaluator->arena, TEMPLATE_MAX_STRING_BYTES);
    json_write(&text, value, 0);
    if (text.is_full)
        return evaluate_charge(evaluator, argument, (size_t)TEMPLATE_MAX_STRING_BYTES + 1);
    return give_text(evaluator, argument, buf_str(&text), out_value);
}

/* Fn::RefAll "type", Fn::ValueOf [parameter, attribute], Fn::ValueOfAll [type, attribute]. */
static int evaluate_rule_values(struct evaluator *evaluator, enum template_function function,
                                const struct json *argument, struct json **out_value)
{
    bool is_all = function == FUNCTION_REF_ALL;
    struct str first = scalar_text(is_all ? argument : argument->first);
    struct str attribute =
        is_all || !is_array_of(argument, 2) ? (struct str){0} : scalar_text(argument->last);
    if (!str_is_set(first) || (!is_all && !str_is_set(attribute)))
        return evaluate_fail(evaluator, argument,
                             "Template error: %s requires a parameter type or name and, except "
                             "for Fn::RefAll, an attribute",
                             function_name(function));
    struct str value = {0};
    if (function == FUNCTION_VALUE_OF) {
        const struct template_parameter *parameter =
            template_find_parameter(evaluator->binding->model, first);
        if (!parameter)
            return fail_at(evaluator->arena, evaluator->binding->model->document, argument,
                           evaluator->error,
                           "Template error: Fn::ValueOf references undefined parameter " STR_FMT,
                           STR_ARG(first));
        size_t index = (size_t)(parameter - evaluator->binding->model->parameters);
        value = evaluator->binding->parameters[index].value;
        first = str_is_set(parameter->aws_type) ? parameter->aws_type : parameter->type;
    }
    const struct template_environment *environment = evaluator->binding->environment;
    if (!environment || !environment->rule_values)
        return evaluate_fail(evaluator, argument, "Template error: %s is not supported",
                             function_name(function));
    struct json *result = NULL;
    int rc = environment->rule_values(environment->user, evaluator->arena, first, value, attribute,
                                      &result, evaluator->error);
    if (rc < 0)
        return callback_result(evaluator, argument, rc);
    *out_value = tree_copy(evaluator->arena, result);
    return 0;
}

static int evaluate_boolean(struct evaluator *evaluator, const struct json *argument,
                            struct json **out_value)
{
    (void)out_value;
    /* OBSERVED: the text that AWS has for a condition function outside of Conditions. */
    return evaluate_fail(evaluator, argument,
                         "Template error: " STR_FMT " cannot be partially collapsed",
                         STR_ARG(argument->key));
}

int evaluate_function(struct evaluator *evaluator, enum template_function function,
                      const struct json *argument, struct json **out_value)
{
    switch (function) {
    case FUNCTION_REF:
        return evaluate_ref(evaluator, argument, out_value);
    case FUNCTION_GET_ATT:
        return evaluate_get_att(evaluator, argument, out_value);
    case FUNCTION_SUB:
        return evaluate_sub(evaluator, argument, out_value);
    case FUNCTION_IF:
        return evaluate_if(evaluator, argument, out_value);
    case FUNCTION_JOIN:
        return evaluate_join(evaluator, argument, out_value);
    case FUNCTION_SELECT:
        return evaluate_select(evaluator, argument, out_value);
    case FUNCTION_SPLIT:
        return evaluate_split(evaluator, argument, out_value);
    case FUNCTION_FIND_IN_MAP:
        return evaluate_find_in_map(evaluator, argument, out_value);
    case FUNCTION_IMPORT_VALUE:
        return evaluate_import(evaluator, argument, out_value);
    case FUNCTION_BASE64:
        return evaluate_base64(evaluator, argument, out_value);
    case FUNCTION_CIDR:
        return evaluate_cidr(evaluator, argument, out_value);
    case FUNCTION_GET_AZS:
        return evaluate_azs(evaluator, argument, out_value);
    case FUNCTION_LENGTH:
        return evaluate_length(evaluator, argument, out_value);
    case FUNCTION_TO_JSON_STRING:
        return evaluate_to_json(evaluator, argument, out_value);
    case FUNCTION_REF_ALL:
    case FUNCTION_VALUE_OF:
    case FUNCTION_VALUE_OF_ALL:
        return evaluate_rule_values(evaluator, function, argument, out_value);
    case FUNCTION_CONDITION:
    case FUNCTION_AND:
    case FUNCTION_OR:
    case FUNCTION_NOT:
    case FUNCTION_EQUALS:
    case FUNCTION_CONTAINS:
    case FUNCTION_EACH_MEMBER_EQUALS:
    case FUNCTION_EACH_MEMBER_IN:
    case FUNCTION_TRANSFORM:
    case FUNCTION_UNKNOWN:
    case FUNCTION_NONE:
        break;
    }
    return evaluate_boolean(evaluator, argument, out_value);
}
