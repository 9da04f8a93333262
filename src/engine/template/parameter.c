/* parameter.c — parameters: their declarations, and the values that requests give them.
 *
 * A value is always text. Lists are text with commas; each element is trimmed (AWS: "spaces are
 * trimmed from each element"). Constraints are checked on the value that the expression language
 * sees, for SSM types on the name that was passed. Docs: CloudFormation user guide, "Parameters
 * section", "Specify existing resources at runtime with CloudFormation-supplied parameter types".
 */
#include "engine/template/internal.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/arena.h"
#include "engine/template/pattern.h"

/* ---- Declarations --------------------------------------------------------------------------- */

struct declaration {
    struct arena *arena;
    struct template_model *model;
    struct template_parameter *parameter;
    struct template_error *error;
};

/* AWS: the list in "CloudFormation-supplied parameter types". */
static const char *const aws_types[] = {
    "AWS::EC2::AvailabilityZone::Name",
    "AWS::EC2::Image::Id",
    "AWS::EC2::Instance::Id",
    "AWS::EC2::KeyPair::KeyName",
    "AWS::EC2::SecurityGroup::GroupName",
    "AWS::EC2::SecurityGroup::Id",
    "AWS::EC2::Subnet::Id",
    "AWS::EC2::Volume::Id",
    "AWS::EC2::VPC::Id",
    "AWS::Route53::HostedZone::Id",
};

static bool is_aws_type(struct str type)
{
    for (size_t i = 0; i < ARRAY_LEN(aws_types); i++) {
        if (str_eq_cstr(type, aws_types[i]))
            return true;
    }
    return false;
}

/* "List<X>" gives X with the prefix "List<"; absent when the text is no such type. */
static struct str type_argument(struct str type, struct str prefix)
{
    if (!str_starts_with(type, prefix) || !str_ends_with(type, STR(">")))
        return (struct str){0};
    return str_slice(type, prefix.len, type.len - prefix.len - 1);
}

/* Sets kind and aws_type from a plain type (nothing of SSM). Returns whether it exists. */
static bool read_plain_type(struct template_parameter *parameter, struct str type)
{
    struct str item = type_argument(type, STR("List<"));
    if (str_eq(type, STR("String"))) {
        parameter->kind = TEMPLATE_STRING;
    } else if (str_eq(type, STR("Number"))) {
        parameter->kind = TEMPLATE_NUMBER;
    } else if (str_eq(type, STR("CommaDelimitedList")) || str_eq(item, STR("String"))) {
        parameter->kind = TEMPLATE_STRING_LIST;
    } else if (str_eq(item, STR("Number"))) {
        parameter->kind = TEMPLATE_NUMBER_LIST;
    } else if (is_aws_type(type)) {
        parameter->kind = TEMPLATE_STRING;
        parameter->aws_type = type;
    } else if (str_is_set(item) && is_aws_type(item)) {
        parameter->kind = TEMPLATE_STRING_LIST;
        parameter->aws_type = item;
    } else {
        return false;
    }
    return true;
}

static bool read_type(struct template_parameter *parameter)
{
    /* AWS: AWS::SSM::Parameter::Name is "the name of a Systems Manager parameter key": checked to
     * exist, but not replaced by its value. */
    if (str_eq(parameter->type, STR("AWS::SSM::Parameter::Name"))) {
        parameter->aws_type = parameter->type;
        return true;
    }
    struct str inner = type_argument(parameter->type, STR("AWS::SSM::Parameter::Value<"));
    if (!str_is_set(inner))
        return read_plain_type(parameter, parameter->type);
    parameter->is_ssm = true;
    /* AWS: the value types are String, List<String>, CommaDelimitedList and the AWS-specific ones;
     * numbers are not supported. */
    return read_plain_type(parameter, inner) && parameter->kind != TEMPLATE_NUMBER &&
           parameter->kind != TEMPLATE_NUMBER_LIST;
}

static int declaration_fail(const struct declaration *declaration, const struct json *node,
                            const char *what)
{
    return fail_at(declaration->arena, declaration->model->document, node, declaration->error,
                   "Template format error: Every %s member must be a string.", what);
}

/* An attribute that is text; absent when missing. */
static int read_text(const struct declaration *declaration, const char *name, struct str *out_text)
{
    const struct json *node = json_find_cstr(declaration->parameter->node, name);
    if (node && !is_scalar(node))
        return declaration_fail(declaration, node, name);
    *out_text = scalar_text(node);
    return 0;
}

/* The whole text as a finite decimal number. */
static bool read_number(struct arena *arena, struct str text, double *out_value)
{
    text = str_trim(text);
    if (text.len == 0 || str_index(text, 'x') >= 0 || str_index(text, 'X') >= 0)
        return false;
    char *end = NULL;
    char *start = str_to_cstr(arena, text);
    double value = strtod(start, &end);
    if (end != start + text.len || !isfinite(value))
        return false;
    *out_value = value;
    return true;
}

static int read_limit(const struct declaration *declaration, const char *name,
                      struct opt_f64 *out_limit)
{
    struct str text = {0};
    int rc = read_text(declaration, name, &text);
    if (rc < 0 || !str_is_set(text))
        return rc;
    double value = 0;
    if (!read_number(declaration->arena, text, &value))
        return fail_at(declaration->arena, declaration->model->document,
                       json_find_cstr(declaration->parameter->node, name), declaration->error,
                       "Template error: Parameter '" STR_FMT "' %s must be a number",
                       STR_ARG(declaration->parameter->name), name);
    *out_limit = (struct opt_f64){.is_set = true, .value = value};
    return 0;
}

static int read_length(const struct declaration *declaration, const char *name,
                       struct opt_i64 *out_length)
{
    struct opt_f64 limit = {0};
    int rc = read_limit(declaration, name, &limit);
    if (rc == 0 && limit.is_set)
        *out_length = opt_i64(limit.value >= (double)INT32_MAX ? INT32_MAX
                              : limit.value < 0                ? 0
                                                               : (int64_t)limit.value);
    return rc;
}

static int read_allowed_values(const struct declaration *declaration)
{
    struct template_parameter *parameter = declaration->parameter;
    const struct json *node = json_find(parameter->node, STR("AllowedValues"));
    if (!node)
        return 0;
    if (!json_is_array(node))
        return fail_at(declaration->arena, declaration->model->document, node, declaration->error,
                       "Template format error: [/Parameters/" STR_FMT
                       "/AllowedValues] must be a list",
                       STR_ARG(parameter->name));
    parameter->allowed_values =
        arena_alloc_array(declaration->arena, node->count, sizeof(struct str));
    for (const struct json *item = node->first; item; item = item->next) {
        if (!is_scalar(item))
            return declaration_fail(declaration, item, "AllowedValues");
        parameter->allowed_values[parameter->allowed_value_count++] = scalar_text(item);
    }
    return 0;
}

static const char *const parameter_attributes[] = {
    "Type",      "Default",  "NoEcho",   "AllowedValues", "AllowedPattern",        "MaxLength",
    "MinLength", "MaxValue", "MinValue", "Description",   "ConstraintDescription",
};

static int check_parameter_attributes(const struct declaration *declaration)
{
    struct vec unknown;
    vec_init(&unknown, declaration->arena, sizeof(struct str));
    const struct json *first = NULL;
    const struct json *node = declaration->parameter->node;
    for (const struct json *member = node->first; member; member = member->next) {
        bool is_known = false;
        for (size_t i = 0; i < ARRAY_LEN(parameter_attributes); i++)
            is_known = is_known || str_eq_cstr(member->key, parameter_attributes[i]);
        if (is_known)
            continue;
        *(struct str *)vec_push(&unknown) = member->key;
        first = first ? first : member;
    }
    if (unknown.count == 0)
        return 0;
    return fail_at(declaration->arena, declaration->model->document, first, declaration->error,
                   "Invalid template parameter property or properties " STR_FMT,
                   STR_ARG(list_text(declaration->arena, unknown.items, unknown.count)));
}

/* AWS: MinLength and MaxLength belong to String, MinValue and MaxValue to Number types. */
static int check_attribute_types(const struct declaration *declaration)
{
    const struct template_parameter *parameter = declaration->parameter;
    bool is_number = parameter->kind == TEMPLATE_NUMBER || parameter->kind == TEMPLATE_NUMBER_LIST;
    const char *wrong = NULL;
    const char *type = is_number ? "String" : "Number";
    if (is_number && parameter->min_length.is_set)
        wrong = "MinLength";
    else if (is_number && parameter->max_length.is_set)
        wrong = "MaxLength";
    else if (is_number && str_is_set(parameter->allowed_pattern))
        wrong = "AllowedPattern";
    else if (!is_number && parameter->min_value.is_set)
        wrong = "MinValue";
    else if (!is_number && parameter->max_value.is_set)
        wrong = "MaxValue";
    if (!wrong)
        return 0;
    return fail_at(declaration->arena, declaration->model->document,
                   json_find_cstr(parameter->node, wrong), declaration->error,
                   "Template error: Parameter '" STR_FMT "' %s must be on a parameter of type %s",
                   STR_ARG(parameter->name), wrong, type);
}

static int read_constraints(const struct declaration *declaration)
{
    struct template_parameter *parameter = declaration->parameter;
    int rc = read_text(declaration, "Description", &parameter->description);
    if (rc == 0)
        rc = read_text(declaration, "Default", &parameter->default_value);
    if (rc == 0)
        rc = read_text(declaration, "AllowedPattern", &parameter->allowed_pattern);
    if (rc == 0)
        rc = read_text(declaration, "ConstraintDescription", &parameter->constraint_description);
    if (rc == 0)
        rc = read_allowed_values(declaration);
    if (rc == 0)
        rc = read_length(declaration, "MinLength", &parameter->min_length);
    if (rc == 0)
        rc = read_length(declaration, "MaxLength", &parameter->max_length);
    if (rc == 0)
        rc = read_limit(declaration, "MinValue", &parameter->min_value);
    if (rc == 0)
        rc = read_limit(declaration, "MaxValue", &parameter->max_value);
    struct str no_echo = {0};
    if (rc == 0)
        rc = read_text(declaration, "NoEcho", &no_echo);
    parameter->no_echo = str_eq_nocase(no_echo, STR("true"));
    return rc < 0 ? rc : check_attribute_types(declaration);
}

static int build_parameter(const struct declaration *declaration)
{
    struct arena *arena = declaration->arena;
    const struct template_document *document = declaration->model->document;
    struct template_parameter *parameter = declaration->parameter;
    const struct json *node = parameter->node;
    if (!is_alphanumeric(parameter->name) || parameter->name.len > TEMPLATE_MAX_NAME_CHARS)
        return fail_at(arena, document, node, declaration->error,
                       "Template format error: Parameter name " STR_FMT " is non alphanumeric.",
                       STR_ARG(parameter->name));
    if (!json_is_object(node))
        return fail_at(arena, document, node, declaration->error,
                       "Template format error: Any Parameters member must be an object.");
    int rc = check_parameter_attributes(declaration);
    if (rc == 0)
        rc = read_text(declaration, "Type", &parameter->type);
    if (rc < 0)
        return rc;
    if (!str_is_set(parameter->type))
        return fail_at(arena, document, node, declaration->error,
                       "Template format error: Every Parameters object must contain a Type "
                       "member.");
    if (!read_type(parameter))
        return fail_at(arena, document, json_find(node, STR("Type")), declaration->error,
                       "Template format error: Unrecognized parameter type: " STR_FMT,
                       STR_ARG(parameter->type));
    return read_constraints(declaration);
}

int build_parameters(struct arena *arena, struct template_model *model,
                     struct template_error *out_error)
{
    const struct json *section = json_find(model->document->root, STR("Parameters"));
    if (!section)
        return 0;
    if (!json_is_object(section))
        return fail_at(arena, model->document, section, out_error,
                       "Template format error: [/Parameters] must be an object");
    if (section->count > TEMPLATE_MAX_PARAMETERS)
        return fail_at(arena, model->document, section, out_error,
                       "Template format error: Number of parameters, %zu, is greater than maximum "
                       "allowed, %d",
                       section->count, TEMPLATE_MAX_PARAMETERS);

    model->parameters = arena_alloc_array(arena, section->count, sizeof(*model->parameters));
    int rc = 0;
    for (const struct json *node = section->first; node && rc == 0; node = node->next) {
        struct template_parameter *parameter = &model->parameters[model->parameter_count++];
        parameter->name = node->key;
        parameter->node = node;
        map_set(&model->index->parameters, parameter->name, parameter);
        rc = build_parameter(&(struct declaration){arena, model, parameter, out_error});
    }
    return rc;
}

/* ---- Values --------------------------------------------------------------------------------- */

struct parameter_binder {
    struct arena *arena;
    const struct template_values *values;
    struct template_binding *binding;
    struct template_error *error;
};

static const struct template_argument *find_argument(const struct template_argument *arguments,
                                                     size_t count, struct str name)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq(arguments[i].name, name))
            return &arguments[i];
    }
    return NULL;
}

/* The texts are OBSERVED ("Parameter 'AvailabilityZoneCount' must be a number not less than 1",
 * "Parameter 'Stage' must be one of AllowedValues", "Parameter 'P' must match pattern ^[a-z]+$",
 * "Parameter Profiles failed to satisfy constraint: ..."). */
static int constraint_fail(const struct parameter_binder *binder,
                           const struct template_parameter *parameter, struct str requirement)
{
    if (str_is_set(parameter->constraint_description))
        return template_fail(binder->arena, binder->error,
                             "Parameter " STR_FMT " failed to satisfy constraint: " STR_FMT,
                             STR_ARG(parameter->name), STR_ARG(parameter->constraint_description));
    return template_fail(binder->arena, binder->error, "Parameter '" STR_FMT "' must " STR_FMT,
                         STR_ARG(parameter->name), STR_ARG(requirement));
}

static int check_number(const struct parameter_binder *binder,
                        const struct template_parameter *parameter, struct str value)
{
    double number = 0;
    if (!read_number(binder->arena, value, &number))
        return constraint_fail(binder, parameter, STR("be a number"));
    if (parameter->min_value.is_set && number < parameter->min_value.value)
        return constraint_fail(binder, parameter,
                               str_format(binder->arena, "be a number not less than %.15g",
                                          parameter->min_value.value));
    if (parameter->max_value.is_set && number > parameter->max_value.value)
        return constraint_fail(binder, parameter,
                               str_format(binder->arena, "be a number not greater than %.15g",
                                          parameter->max_value.value));
    return 0;
}

static int check_text(const struct parameter_binder *binder,
                      const struct template_parameter *parameter, struct str value)
{
    int64_t length = (int64_t)(str_is_utf8(value) ? str_utf8_length(value) : value.len);
    if (parameter->min_length.is_set && length < parameter->min_length.value)
        return constraint_fail(binder, parameter,
                               str_format(binder->arena, "contain at least %lld characters",
                                          (long long)parameter->min_length.value));
    if (parameter->max_length.is_set && length > parameter->max_length.value)
        return constraint_fail(binder, parameter,
                               str_format(binder->arena, "contain at most %lld characters",
                                          (long long)parameter->max_length.value));
    if (!str_is_set(parameter->allowed_pattern))
        return 0;
    int rc = template_pattern_matches(parameter->allowed_pattern, value);
    if (rc == -EINVAL)
        return fail_at(binder->arena, binder->binding->model->document,
                       json_find(parameter->node, STR("AllowedPattern")), binder->error,
                       "Parameter '" STR_FMT "' AllowedPattern must be a valid regular expression.",
                       STR_ARG(parameter->name));
    if (rc < 0)
        return rc;
    if (rc == 0)
        return constraint_fail(
            binder, parameter,
            str_concat(binder->arena, STR("match pattern "), parameter->allowed_pattern));
    return 0;
}

/* One value, or one element of a list. */
static int check_value(const struct parameter_binder *binder,
                       const struct template_parameter *parameter, struct str value)
{
    bool is_allowed = parameter->allowed_value_count == 0;
    for (size_t i = 0; i < parameter->allowed_value_count && !is_allowed; i++)
        is_allowed = str_eq(parameter->allowed_values[i], value);
    if (!is_allowed)
        return constraint_fail(binder, parameter, STR("be one of AllowedValues"));
    if (parameter->is_ssm)
        return check_text(binder, parameter, value);
    if (parameter->kind == TEMPLATE_NUMBER || parameter->kind == TEMPLATE_NUMBER_LIST)
        return check_number(binder, parameter, value);
    return check_text(binder, parameter, value);
}

static bool is_list(const struct template_parameter *parameter)
{
    return parameter->kind == TEMPLATE_STRING_LIST || parameter->kind == TEMPLATE_NUMBER_LIST;
}

/* The JSON that Ref gives. OBSERVED: an empty CommaDelimitedList is a list of one empty string
 * (cfn-lint issue 979: Fn::Contains finds "" in it). */
static struct json *value_content(struct arena *arena, const struct template_parameter *parameter,
                                  struct str value)
{
    if (!is_list(parameter))
        return json_new_string(arena, value);
    struct json *list = json_new(arena, JSON_ARRAY);
    struct str rest = value;
    struct str piece = {0};
    while (str_split_next(&rest, ',', &piece))
        json_append(list, json_new_string(arena, str_trim(piece)));
    return list;
}

static int check_items(const struct parameter_binder *binder,
                       const struct template_parameter *parameter, const struct json *content)
{
    if (content->kind != JSON_ARRAY)
        return check_value(binder, parameter, content->text);
    int rc = 0;
    for (const struct json *item = content->first; item && rc == 0; item = item->next)
        rc = check_value(binder, parameter, item->text);
    return rc;
}

/* Existence of AWS-specific values, asked of the outside. */
static int check_aws_values(const struct parameter_binder *binder,
                            const struct template_parameter *parameter, const struct json *content)
{
    const struct template_environment *environment = binder->values->environment;
    if (!str_is_set(parameter->aws_type) || !environment || !environment->check_aws_value)
        return 0;
    if (content->kind != JSON_ARRAY)
        return environment->check_aws_value(environment->user, binder->arena, parameter->aws_type,
                                            content->text, binder->error);
    int rc = 0;
    for (const struct json *item = content->first; item && rc == 0; item = item->next)
        rc = environment->check_aws_value(environment->user, binder->arena, parameter->aws_type,
                                          item->text, binder->error);
    return rc;
}

/* The value of an SSM parameter: known from earlier, or read now. */
static int resolve_ssm(const struct parameter_binder *binder,
                       const struct template_argument *argument,
                       struct template_bound_parameter *bound)
{
    if (argument && str_is_set(argument->resolved)) {
        bound->resolved = argument->resolved;
        return 0;
    }
    const struct template_environment *environment = binder->values->environment;
    if (!environment || !environment->ssm_parameter)
        /* OBSERVED: "Unable to fetch parameters [/a/b] from parameter store for this account." */
        return template_fail(binder->arena, binder->error,
                             "Unable to fetch parameters [" STR_FMT
                             "] from parameter store for this account.",
                             STR_ARG(bound->value));
    return environment->ssm_parameter(environment->user, binder->arena, bound->value,
                                      &bound->resolved, binder->error);
}

/* Finds the value that the request means. Leaves it absent when there is none. */
static int choose_value(const struct parameter_binder *binder,
                        const struct template_parameter *parameter,
                        const struct template_argument **out_argument,
                        struct template_bound_parameter *bound)
{
    const struct template_values *values = binder->values;
    const struct template_argument *argument =
        find_argument(values->arguments, values->argument_count, parameter->name);
    *out_argument = argument;
    if (!argument) {
        bound->value = parameter->default_value;
        bound->is_default = true;
        return 0;
    }
    if (!argument->use_previous) {
        bound->value = argument->value;
        return 0;
    }
    /* The two texts are OBSERVED. */
    if (str_is_set(argument->value) && argument->value.len > 0)
        return template_fail(binder->arena, binder->error,
                             "Invalid input for parameter key " STR_FMT
                             ". Cannot specify usePreviousValue as true and non empty value for a "
                             "parameter",
                             STR_ARG(parameter->name));
    const struct template_argument *previous =
        find_argument(values->previous, values->previous_count, parameter->name);
    if (!previous || !str_is_set(previous->value))
        return template_fail(binder->arena, binder->error,
                             "Invalid input for parameter key " STR_FMT
                             ". Cannot specify usePreviousValue as true for a parameter key not in "
                             "the previous template",
                             STR_ARG(parameter->name));
    bound->value = previous->value;
    return 0;
}

static int bind_value(const struct parameter_binder *binder,
                      const struct template_argument *argument,
                      struct template_bound_parameter *bound)
{
    const struct template_parameter *parameter = bound->parameter;
    if (bound->value.len > TEMPLATE_MAX_PARAMETER_BYTES)
        return template_fail(binder->arena, binder->error,
                             "Parameter '" STR_FMT "' must contain at most %d characters",
                             STR_ARG(parameter->name), TEMPLATE_MAX_PARAMETER_BYTES);
    int rc = 0;
    if (parameter->is_ssm) {
        rc = check_value(binder, parameter, bound->value);
        if (rc == 0)
            rc = resolve_ssm(binder, argument, bound);
        if (rc < 0)
            return rc;
    }
    struct str text = parameter->is_ssm ? bound->resolved : bound->value;
    const struct json *content = value_content(binder->arena, parameter, text);
    bound->content = content;
    if (!parameter->is_ssm)
        rc = check_items(binder, parameter, content);
    return rc < 0 ? rc : check_aws_values(binder, parameter, content);
}

/* OBSERVED: "Parameters: [X] do not exist in the template". */
static int check_unknown(const struct parameter_binder *binder)
{
    struct vec unknown;
    vec_init(&unknown, binder->arena, sizeof(struct str));
    for (size_t i = 0; i < binder->values->argument_count; i++) {
        struct str name = binder->values->arguments[i].name;
        if (!template_find_parameter(binder->binding->model, name))
            add_unique(&unknown, name);
    }
    if (unknown.count == 0)
        return 0;
    return template_fail(binder->arena, binder->error,
                         "Parameters: " STR_FMT " do not exist in the template",
                         STR_ARG(list_text(binder->arena, unknown.items, unknown.count)));
}

int bind_parameters(struct arena *arena, const struct template_values *values,
                    struct template_binding *binding, struct template_error *out_error)
{
    const struct template_model *model = binding->model;
    struct parameter_binder binder = {arena, values, binding, out_error};
    int rc = check_unknown(&binder);
    if (rc < 0)
        return rc;

    binding->parameters =
        arena_alloc_array(arena, model->parameter_count, sizeof(*binding->parameters));
    const struct template_argument **arguments =
        arena_alloc_array(arena, model->parameter_count, sizeof(*arguments));
    struct vec missing;
    vec_init(&missing, arena, sizeof(struct str));
    for (size_t i = 0; i < model->parameter_count; i++) {
        struct template_bound_parameter *bound = &binding->parameters[i];
        bound->parameter = &model->parameters[i];
        rc = choose_value(&binder, bound->parameter, &arguments[i], bound);
        if (rc < 0)
            return rc;
        if (!str_is_set(bound->value))
            *(struct str *)vec_push(&missing) = bound->parameter->name;
    }
    /* OBSERVED: "Parameters: [KeyName] must have values". */
    if (missing.count > 0)
        return template_fail(arena, out_error, "Parameters: " STR_FMT " must have values",
                             STR_ARG(list_text(arena, missing.items, missing.count)));
    for (size_t i = 0; i < model->parameter_count && rc == 0; i++)
        rc = bind_value(&binder, arguments[i], &binding->parameters[i]);
    return rc;
}
