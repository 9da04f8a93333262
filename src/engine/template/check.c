/* check.c — expressions of a whole template: shapes of functions, names that must exist.
 *
 * What CloudFormation refuses before it knows any value: ValidateTemplate's errors. Both branches
 * of a Fn::If are checked. Names that do not exist are collected per section and told together.
 */
#include "engine/template/internal.h"

#include <errno.h>
#include <stdarg.h>

#include "base/arena.h"

struct checker {
    struct arena *arena;
    const struct template_model *model;
    struct template_error *error;
    enum template_context context;
    bool in_import;        /* inside Fn::ImportValue */
    struct vec unresolved; /* names of the section that do not exist */
    const struct json *first_unresolved;
};

static int check_expression(struct checker *checker, const struct json *node);

PRINTF_LIKE(3, 4)
static int check_fail(const struct checker *checker, const struct json *node, const char *format,
                      ...)
{
    va_list args;
    va_start(args, format);
    int rc = vfail_at(checker->arena, checker->model->document, node, checker->error, format, args);
    va_end(args);
    return rc;
}

/* OBSERVED: the text and its list, with the functions of AWS. */
static int fail_unsupported(const struct checker *checker, const struct json *argument)
{
    return check_fail(
        checker, argument,
        "Template Error: Encountered unsupported function: " STR_FMT
        " Supported functions are: [Fn::Base64, Fn::GetAtt, Fn::GetAZs, Fn::ImportValue, "
        "Fn::Join, Fn::Split, Fn::FindInMap, Fn::Select, Ref, Fn::Equals, Fn::If, Fn::Not, "
        "Condition, Fn::And, Fn::Or, Fn::Contains, Fn::EachMemberEquals, Fn::EachMemberIn, "
        "Fn::ValueOf, Fn::ValueOfAll, Fn::RefAll, Fn::Sub, Fn::Cidr]",
        STR_ARG(argument->key));
}

/* ---- Names ---------------------------------------------------------------------------------- */

static void add_unresolved(struct checker *checker, const struct json *node, struct str name)
{
    add_unique(&checker->unresolved, name);
    if (!checker->first_unresolved)
        checker->first_unresolved = node;
}

static int report_unresolved(struct checker *checker, const char *section)
{
    if (checker->unresolved.count == 0)
        return 0;
    struct str names =
        list_text(checker->arena, checker->unresolved.items, checker->unresolved.count);
    if (checker->context == CONTEXT_CONDITION || checker->context == CONTEXT_RULE)
        return check_fail(checker, checker->first_unresolved,
                          "Template format error: Unresolved dependencies " STR_FMT
                          ". Cannot reference resources in the %s block of the template",
                          STR_ARG(names), section);
    return check_fail(checker, checker->first_unresolved,
                      "Template format error: Unresolved resource dependencies " STR_FMT
                      " in the %s block of the template",
                      STR_ARG(names), section);
}

static bool may_use_resources(const struct checker *checker)
{
    return !checker->in_import &&
           (checker->context == CONTEXT_RESOURCE || checker->context == CONTEXT_OUTPUT);
}

/* A name without attribute. */
static int check_name_exists(struct checker *checker, const struct json *node, struct str name)
{
    if (is_pseudo_parameter(name) || template_find_parameter(checker->model, name))
        return 0;
    bool is_resource = template_find_resource(checker->model, name) != NULL;
    if (is_resource && checker->in_import)
        return check_fail(checker, node, TEXT_IMPORT);
    if (!is_resource || !may_use_resources(checker))
        add_unresolved(checker, node, name);
    return 0;
}

static int check_condition_exists(struct checker *checker, const struct json *node, struct str name,
                                  const char *where)
{
    if (map_has(&checker->model->index->conditions, name))
        return 0;
    return check_fail(checker, node,
                      "Template error: unresolved condition dependency " STR_FMT " in %s",
                      STR_ARG(name), where);
}

/* ---- Functions ------------------------------------------------------------------------------ */

static int check_children(struct checker *checker, const struct json *node)
{
    int rc = 0;
    for (const struct json *child = node->first; child && rc == 0; child = child->next)
        rc = check_expression(checker, child);
    return rc;
}

static int check_ref(struct checker *checker, const struct json *argument)
{
    struct str name = scalar_text(argument);
    if (str_is_set(name))
        return check_name_exists(checker, argument, name);
    if (json_is_object(argument) && checker->model->has_language_extensions)
        return check_expression(checker, argument);
    return check_fail(checker, argument, TEXT_REF);
}

static int check_get_att(struct checker *checker, const struct json *argument)
{
    if (!json_is_array(argument) || argument->count != 2)
        return check_fail(checker, argument, TEXT_GET_ATT);
    struct str name = scalar_text(argument->first);
    bool is_function = json_is_object(argument->first) && checker->model->has_language_extensions;
    if (name.len == 0 && !is_function)
        return check_fail(checker, argument, TEXT_GET_ATT);
    if (!json_is_object(argument->last) && scalar_text(argument->last).len == 0)
        return check_fail(checker, argument, TEXT_GET_ATT);
    if (checker->in_import)
        return check_fail(checker, argument, TEXT_IMPORT);
    if (name.len > 0 && !may_use_resources(checker))
        add_unresolved(checker, argument, name);
    else if (name.len > 0 && !template_find_resource(checker->model, name))
        return check_fail(
            checker, argument,
            "Template error: instance of Fn::GetAtt references undefined resource " STR_FMT,
            STR_ARG(name));
    return check_children(checker, argument);
}

static bool is_variable_name(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (!is_alphanumeric(str_slice(name, i, 1)) && c != '_' && c != '.' && c != ':')
            return false;
    }
    return name.len > 0;
}

static int check_variable(struct checker *checker, const struct json *argument,
                          const struct member_index *locals, struct str name)
{
    if (!is_variable_name(name))
        return check_fail(checker, argument, TEXT_SUB_NAME);
    if (member_index_find(locals, name))
        return 0;
    ptrdiff_t dot = str_index(name, '.');
    if (dot < 0)
        return check_name_exists(checker, argument, name);
    struct str resource = str_slice(name, 0, (size_t)dot);
    if (checker->in_import)
        return check_fail(checker, argument, TEXT_IMPORT);
    if (!may_use_resources(checker))
        add_unresolved(checker, argument, resource);
    else if (!template_find_resource(checker->model, resource))
        return check_fail(checker, argument,
                          "Template error: instance of Fn::Sub references invalid resource "
                          "attribute " STR_FMT,
                          STR_ARG(name));
    return 0;
}

static int check_sub(struct checker *checker, const struct json *argument)
{
    const struct json *map = NULL;
    struct str rest = scalar_text(argument);
    if (json_is_array(argument) && argument->count == 2 && json_is_object(argument->last)) {
        map = argument->last;
        rest = scalar_text(argument->first);
    }
    if (!str_is_set(rest))
        return check_fail(checker, argument, TEXT_SUB_ARGUMENTS);
    struct member_index locals;
    member_index_init(&locals, checker->arena, map);
    struct sub_piece piece;
    while (sub_next(&rest, &piece)) {
        int rc = piece.is_variable ? check_variable(checker, argument, &locals, piece.text) : 0;
        if (rc < 0)
            return rc;
    }
    return map ? check_children(checker, map) : 0;
}

static int check_if(struct checker *checker, const struct json *argument)
{
    if (!json_is_array(argument) || argument->count < 1 || !is_scalar(argument->first))
        return check_fail(checker, argument,
                          "Template error: Fn::If requires a list argument with the first element "
                          "being a condition");
    if (argument->count != 3)
        return check_fail(checker, argument,
                          "Template error: Fn::If requires a list argument with three elements");
    int rc =
        check_condition_exists(checker, argument->first, scalar_text(argument->first), "Fn::If");
    return rc < 0 ? rc : check_children(checker, argument);
}

/* OBSERVED: only Ref and Fn::FindInMap may give a name, with the error of a wrong count for others
 * (troposphere issue 479); AWS::LanguageExtensions allows more. */
static bool is_map_key(const struct checker *checker, const struct json *node)
{
    enum template_function function = function_of(node, checker->context, NULL);
    return is_scalar(node) || function == FUNCTION_REF || function == FUNCTION_FIND_IN_MAP ||
           checker->model->has_language_extensions;
}

static int check_find_in_map(struct checker *checker, const struct json *argument)
{
    size_t count = json_is_array(argument) ? argument->count : 0;
    bool has_default = count == 4 && checker->model->has_language_extensions &&
                       json_find(argument->last, STR("DefaultValue"));
    if (count != 3 && !has_default)
        return check_fail(checker, argument, TEXT_FIND_IN_MAP);
    for (const struct json *key = argument->first; key; key = key->next) {
        if (!is_map_key(checker, key))
            return check_fail(checker, key, TEXT_FIND_IN_MAP);
    }
    struct str name = scalar_text(argument->first);
    if (str_is_set(name) && !has_default && !json_find(checker->model->mappings, name))
        return check_fail(checker, argument,
                          "Template error: Mapping named '" STR_FMT
                          "' is not present in the 'Mappings' section of template.",
                          STR_ARG(name));
    return check_children(checker, argument);
}

static int check_import(struct checker *checker, const struct json *argument)
{
    if (checker->in_import)
        return check_fail(checker, argument, TEXT_IMPORT);
    checker->in_import = true;
    int rc = check_expression(checker, argument);
    checker->in_import = false;
    return rc;
}

/* Functions whose argument is a list of fixed length. */
static int check_list(struct checker *checker, const struct json *argument, size_t least,
                      size_t most, const char *refusal)
{
    if (!json_is_array(argument) || argument->count < least || argument->count > most)
        return check_fail(checker, argument, "%s", refusal);
    return check_children(checker, argument);
}

/* ---- Boolean functions ---------------------------------------------------------------------- */

static bool is_boolean(enum template_function function)
{
    switch ((int)function) {
    case FUNCTION_AND:
    case FUNCTION_OR:
    case FUNCTION_NOT:
    case FUNCTION_EQUALS:
    case FUNCTION_CONDITION:
    case FUNCTION_CONTAINS:
    case FUNCTION_EACH_MEMBER_EQUALS:
    case FUNCTION_EACH_MEMBER_IN:
        return true;
    default:
        return false;
    }
}

static int check_boolean(struct checker *checker, const struct json *node, const char *refusal)
{
    if (!is_boolean(function_of(node, checker->context, NULL)))
        return check_fail(checker, node, "%s", refusal);
    return check_expression(checker, node);
}

static int check_operands(struct checker *checker, enum template_function function,
                          const struct json *argument)
{
    static const char and_refusal[] = "Template error: every Fn::And object requires a list of at "
                                      "least 2 and at most 10 boolean parameters.";
    static const char or_refusal[] = "Template error: every Fn::Or object requires a list of at "
                                     "least 2 and at most 10 boolean parameters.";
    const char *refusal = function == FUNCTION_AND ? and_refusal : or_refusal;
    if (!json_is_array(argument) || argument->count < 2 || argument->count > 10)
        return check_fail(checker, argument, "%s", refusal);
    int rc = 0;
    for (const struct json *item = argument->first; item && rc == 0; item = item->next)
        rc = check_boolean(checker, item, refusal);
    return rc;
}

static int check_boolean_function(struct checker *checker, enum template_function function,
                                  const struct json *argument)
{
    switch ((int)function) {
    case FUNCTION_AND:
    case FUNCTION_OR:
        return check_operands(checker, function, argument);
    case FUNCTION_NOT:
        if (!json_is_array(argument) || argument->count != 1)
            return check_fail(checker, argument,
                              "Template error: every Fn::Not object requires one boolean "
                              "parameter.");
        return check_boolean(checker, argument->first,
                             "Template error: every Fn::Not object requires one boolean "
                             "parameter.");
    case FUNCTION_EQUALS:
        return check_list(checker, argument, 2, 2, TEXT_EQUALS);
    case FUNCTION_CONDITION:
        if (!is_scalar(argument))
            return check_fail(checker, argument,
                              "Template error: All Conditions must be of type string");
        return check_condition_exists(checker, argument, scalar_text(argument), "Condition");
    default:
        return check_list(checker, argument, 2, 2,
                          "Template error: every rule function requires a list of 2 parameters.");
    }
}

/* ---- Expressions ---------------------------------------------------------------------------- */

static int check_function(struct checker *checker, enum template_function function,
                          const struct json *argument)
{
    switch ((int)function) {
    case FUNCTION_REF:
        return check_ref(checker, argument);
    case FUNCTION_GET_ATT:
        return check_get_att(checker, argument);
    case FUNCTION_SUB:
        return check_sub(checker, argument);
    case FUNCTION_IF:
        return check_if(checker, argument);
    case FUNCTION_FIND_IN_MAP:
        return check_find_in_map(checker, argument);
    case FUNCTION_IMPORT_VALUE:
        return check_import(checker, argument);
    case FUNCTION_JOIN:
        return check_list(checker, argument, 2, 2, TEXT_JOIN);
    case FUNCTION_SPLIT:
        return check_list(checker, argument, 2, 2, TEXT_SPLIT);
    case FUNCTION_SELECT:
        if (!json_is_array(argument) || argument->count < 1)
            return check_fail(checker, argument, TEXT_SELECT_INDEX);
        return check_list(checker, argument, 2, 2, TEXT_SELECT_LIST);
    case FUNCTION_GET_AZS:
        if (checker->in_import)
            return check_fail(checker, argument, TEXT_IMPORT);
        return check_expression(checker, argument);
    case FUNCTION_REF_ALL:
    case FUNCTION_VALUE_OF:
    case FUNCTION_VALUE_OF_ALL:
        return 0; /* names of parameters and types: looked up when evaluated */
    default:
        if (is_boolean(function))
            return check_boolean_function(checker, function, argument);
        return check_expression(checker, argument);
    }
}

/* A function that exists but may not stand here. */
static int fail_misplaced(const struct checker *checker, enum template_function function,
                          const struct json *argument)
{
    if (checker->context == CONTEXT_CONDITION)
        /* OBSERVED: "Template error: Cannot use Fn::ImportValue in Conditions". */
        return check_fail(checker, argument, "Template error: Cannot use %s in Conditions",
                          function_name(function));
    if (checker->context == CONTEXT_RULE)
        return check_fail(checker, argument, "Template error: Cannot use %s in Rules",
                          function_name(function));
    if (is_boolean(function))
        /* OBSERVED: what AWS says of Fn::Equals outside of Conditions. */
        return check_fail(checker, argument, "Template error: %s cannot be partially collapsed",
                          function_name(function));
    return check_fail(checker, argument, "Template error: Cannot use %s here",
                      function_name(function));
}

static int check_expression(struct checker *checker, const struct json *node)
{
    const struct json *argument = NULL;
    enum template_function function = function_of(node, checker->context, &argument);
    if (function == FUNCTION_NONE)
        return check_children(checker, node);
    if (function == FUNCTION_UNKNOWN || function == FUNCTION_TRANSFORM ||
        (function_is_extension(function) && !checker->model->has_language_extensions))
        return fail_unsupported(checker, argument);
    /* Fn::GetAtt in a condition is told with the names that do not resolve. */
    bool is_attribute = function == FUNCTION_GET_ATT;
    if (!is_attribute && !function_allowed(function, checker->context))
        return fail_misplaced(checker, function, argument);
    return check_function(checker, function, argument);
}

/* ---- Sections ------------------------------------------------------------------------------- */

static void begin_section(struct checker *checker, enum template_context context)
{
    checker->context = context;
    checker->first_unresolved = NULL;
    vec_init(&checker->unresolved, checker->arena, sizeof(struct str));
}

/* Depth first; `states`: 0 new, 1 on the path, 2 done. */
static int check_condition_cycle(const struct checker *checker, const struct json *node,
                                 uint8_t *states, uint32_t depth)
{
    const struct json *argument = NULL;
    if (function_of(node, CONTEXT_CONDITION, &argument) != FUNCTION_CONDITION) {
        int rc = 0;
        for (const struct json *child = node->first; child && rc == 0; child = child->next)
            rc = check_condition_cycle(checker, child, states, depth);
        return rc;
    }
    const struct condition_entry *entry =
        map_find(&checker->model->index->conditions, scalar_text(argument));
    if (!entry || states[entry->position] == 2)
        return 0;
    if (states[entry->position] == 1 || depth > TEMPLATE_MAX_CONDITION_DEPTH)
        return check_fail(checker, argument,
                          "Template error: Found circular condition dependency: [" STR_FMT "]",
                          STR_ARG(scalar_text(argument)));
    states[entry->position] = 1;
    int rc = check_condition_cycle(checker, entry->node, states, depth + 1);
    states[entry->position] = 2;
    return rc;
}

static int check_conditions(struct checker *checker)
{
    const struct json *section = checker->model->conditions;
    if (!section)
        return 0;
    begin_section(checker, CONTEXT_CONDITION);
    for (const struct json *node = section->first; node; node = node->next) {
        int rc = check_boolean(checker, node, TEXT_CONDITION);
        if (rc < 0)
            return rc;
    }
    int rc = report_unresolved(checker, "Conditions");
    uint8_t *states = arena_alloc(checker->arena, section->count);
    size_t position = 0;
    for (const struct json *node = section->first; node && rc == 0; node = node->next) {
        if (states[position] == 0) {
            states[position] = 1;
            rc = check_condition_cycle(checker, node, states, 0);
            states[position] = 2;
        }
        position++;
    }
    return rc;
}

static int check_rule(struct checker *checker, const struct json *rule)
{
    static const char refusal[] =
        "Template format error: every rule condition and assertion must be a boolean function";
    const struct json *condition = json_find(rule, STR("RuleCondition"));
    int rc = condition ? check_boolean(checker, condition, refusal) : 0;
    if (rc < 0)
        return rc;
    const struct json *assertions = json_find(rule, STR("Assertions"));
    if (!json_is_array(assertions) || assertions->count == 0)
        return check_fail(checker, rule,
                          "Template format error: [/Rules/" STR_FMT
                          "] Every Rules object must contain a list of Assertions.",
                          STR_ARG(rule->key));
    for (const struct json *item = assertions->first; item && rc == 0; item = item->next) {
        const struct json *assert_node = json_find(item, STR("Assert"));
        if (!assert_node)
            return check_fail(checker, item,
                              "Template format error: [/Rules/" STR_FMT
                              "] Every Assertions member must contain an Assert.",
                              STR_ARG(rule->key));
        rc = check_boolean(checker, assert_node, refusal);
    }
    return rc;
}

static int check_rules(struct checker *checker)
{
    if (!checker->model->rules)
        return 0;
    begin_section(checker, CONTEXT_RULE);
    int rc = 0;
    for (const struct json *rule = checker->model->rules->first; rule && rc == 0; rule = rule->next)
        rc = check_rule(checker, rule);
    return rc < 0 ? rc : report_unresolved(checker, "Rules");
}

/* A Condition attribute of a resource or an output. */
static int check_attribute(struct checker *checker, const struct json *node, struct str condition,
                           const char *section)
{
    if (!str_is_set(condition) || map_has(&checker->model->index->conditions, condition))
        return 0;
    return check_fail(checker, json_find(node, STR("Condition")),
                      "Template format error: Unresolved condition dependency " STR_FMT
                      " in the %s block of the template",
                      STR_ARG(condition), section);
}

static int check_resource(struct checker *checker, const struct template_resource *resource)
{
    int rc = check_attribute(checker, resource->node, resource->condition, "Resources");
    for (size_t i = 0; i < resource->depends_on_count && rc == 0; i++) {
        if (!template_find_resource(checker->model, resource->depends_on[i]))
            add_unresolved(checker, json_find(resource->node, STR("DependsOn")),
                           resource->depends_on[i]);
    }
    const struct json *const parts[] = {
        resource->properties,
        resource->metadata,
        resource->creation_policy,
        resource->update_policy,
        json_find(resource->node, STR("DeletionPolicy")),
        json_find(resource->node, STR("UpdateReplacePolicy")),
    };
    for (size_t i = 0; i < ARRAY_LEN(parts) && rc == 0; i++)
        rc = parts[i] ? check_expression(checker, parts[i]) : 0;
    return rc;
}

static int check_resources(struct checker *checker)
{
    begin_section(checker, CONTEXT_RESOURCE);
    int rc = 0;
    for (size_t i = 0; i < checker->model->resource_count && rc == 0; i++)
        rc = check_resource(checker, &checker->model->resources[i]);
    return rc < 0 ? rc : report_unresolved(checker, "Resources");
}

static int check_outputs(struct checker *checker)
{
    begin_section(checker, CONTEXT_OUTPUT);
    int rc = 0;
    for (size_t i = 0; i < checker->model->output_count && rc == 0; i++) {
        const struct template_output *output = &checker->model->outputs[i];
        rc = check_attribute(checker, output->node, output->condition, "Outputs");
        if (rc == 0)
            rc = check_expression(checker, output->value);
        if (rc == 0 && output->export_name)
            rc = check_expression(checker, output->export_name);
    }
    return rc < 0 ? rc : report_unresolved(checker, "Outputs");
}

/* AWS: "The name can contain only alphanumeric characters (A-Za-z0-9)"; the middle key may also
 * have hyphens and dots. OBSERVED: "Template format error: Mappings attribute name 'x86-64' must
 * contain only alphanumeric characters." */
static int check_mapping(struct checker *checker, const struct json *mapping)
{
    if (!is_alphanumeric(mapping->key))
        return check_fail(checker, mapping,
                          "Template format error: Mappings name '" STR_FMT
                          "' must contain only alphanumeric characters.",
                          STR_ARG(mapping->key));
    if (!json_is_object(mapping))
        return check_fail(checker, mapping,
                          "Template format error: Every Mappings member " STR_FMT " must be a map",
                          STR_ARG(mapping->key));
    if (mapping->count > TEMPLATE_MAX_MAPPING_ATTRIBUTES)
        return check_fail(checker, mapping,
                          "Template format error: Number of mapping attributes, %zu, is greater "
                          "than maximum allowed, %d",
                          mapping->count, TEMPLATE_MAX_MAPPING_ATTRIBUTES);
    for (const struct json *key = mapping->first; key; key = key->next) {
        if (!json_is_object(key))
            return check_fail(checker, key,
                              "Template format error: [/Mappings/" STR_FMT "/" STR_FMT
                              "] Every Mappings attribute must be a map",
                              STR_ARG(mapping->key), STR_ARG(key->key));
        for (const struct json *value = key->first; value; value = value->next) {
            if (!is_alphanumeric(value->key))
                return check_fail(checker, value,
                                  "Template format error: Mappings attribute name '" STR_FMT
                                  "' must contain only alphanumeric characters.",
                                  STR_ARG(value->key));
            if (!is_scalar(value) && !json_is_array(value))
                return check_fail(checker, value,
                                  "Template format error: Every Mappings attribute must be a "
                                  "String or a List.");
        }
    }
    return 0;
}

static int check_mappings(struct checker *checker)
{
    if (!checker->model->mappings)
        return 0;
    int rc = 0;
    for (const struct json *mapping = checker->model->mappings->first; mapping && rc == 0;
         mapping = mapping->next)
        rc = check_mapping(checker, mapping);
    return rc;
}

int check_model(struct arena *arena, const struct template_model *model,
                struct template_error *out_error)
{
    struct checker checker = {.arena = arena, .model = model, .error = out_error};
    int rc = check_mappings(&checker);
    if (rc == 0)
        rc = check_conditions(&checker);
    if (rc == 0)
        rc = check_rules(&checker);
    if (rc == 0)
        rc = check_resources(&checker);
    if (rc == 0)
        rc = check_outputs(&checker);
    if (rc == 0)
        rc = check_cycles(arena, model, out_error);
    return rc;
}
