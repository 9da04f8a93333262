/* evaluate.c — expressions to values: names, conditions, and the walk over a tree.
 *
 * evaluate() rebuilds a tree with every function replaced by its value; results are always new
 * nodes, so the caller may change them. A value that exists only after deployment is the text
 * TEMPLATE_UNKNOWN_TEXT, and whatever is computed from it contains that text.
 */
#include "engine/template/internal.h"

#include <errno.h>
#include <stdarg.h>

#include "base/arena.h"

int evaluate_fail(struct evaluator *evaluator, const struct json *node, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int rc = vfail_at(evaluator->arena, evaluator->binding->model->document, node, evaluator->error,
                      format, args);
    va_end(args);
    return rc;
}

int callback_result(struct evaluator *evaluator, const struct json *node, int rc)
{
    if (rc == -EINVAL && evaluator->error && evaluator->error->line == 0)
        template_position(evaluator->binding->model->document, node, &evaluator->error->line,
                          &evaluator->error->column);
    return rc;
}

int evaluate_charge(struct evaluator *evaluator, const struct json *node, size_t cost)
{
    evaluator->spent += cost;
    if (evaluator->spent > TEMPLATE_MAX_SPENT || cost > TEMPLATE_MAX_STRING_BYTES)
        return evaluate_fail(evaluator, node,
                             "Template error: the functions of the template produce more than "
                             "%d bytes",
                             TEMPLATE_MAX_SPENT);
    return 0;
}

bool is_unknown_text(struct str text)
{
    return str_contains(text, STR(TEMPLATE_UNKNOWN_TEXT));
}

/* ---- Names ---------------------------------------------------------------------------------- */

static const char *const pseudo_parameters[] = {
    "AWS::AccountId", "AWS::NoValue", "AWS::NotificationARNs", "AWS::Partition",
    "AWS::Region",    "AWS::StackId", "AWS::StackName",        "AWS::URLSuffix",
};

bool is_pseudo_parameter(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(pseudo_parameters); i++) {
        if (str_eq_cstr(name, pseudo_parameters[i]))
            return true;
    }
    return false;
}

static struct json *notification_arns(struct arena *arena, const struct template_pseudo *pseudo)
{
    struct json *list = json_new(arena, JSON_ARRAY);
    for (size_t i = 0; i < pseudo->notification_arn_count; i++)
        json_append(list, json_new_string(arena, pseudo->notification_arns[i]));
    return list;
}

static struct json *pseudo_value(struct arena *arena, const struct template_pseudo *pseudo,
                                 struct str name)
{
    const struct {
        const char *name;
        struct str value;
    } texts[] = {
        {"AWS::AccountId", pseudo->account_id}, {"AWS::Partition", pseudo->partition},
        {"AWS::Region", pseudo->region},        {"AWS::StackId", pseudo->stack_id},
        {"AWS::StackName", pseudo->stack_name}, {"AWS::URLSuffix", pseudo->url_suffix},
        {"AWS::NoValue", (struct str){0}},
    };
    if (str_eq(name, STR("AWS::NotificationARNs")))
        return notification_arns(arena, pseudo);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        if (str_eq_cstr(name, texts[i].name))
            return json_new_string(arena, str_or(texts[i].value, STR("")));
    }
    return NULL;
}

/* What a callback of the resolver gave, as a tree of our own. */
static int take_value(struct evaluator *evaluator, const struct json *node, int rc,
                      const struct json *value, struct json **out_value)
{
    if (rc < 0)
        return callback_result(evaluator, node, rc);
    *out_value = rc > 0 || !value ? json_new_string(evaluator->arena, STR(TEMPLATE_UNKNOWN_TEXT))
                                  : tree_copy(evaluator->arena, value);
    return 0;
}

static int fail_unresolved(struct evaluator *evaluator, const struct json *node, struct str name)
{
    return evaluate_fail(evaluator, node,
                         "Template format error: Unresolved resource dependencies [" STR_FMT
                         "] in the %s block of the template",
                         STR_ARG(name),
                         evaluator->context == CONTEXT_OUTPUT ? "Outputs" : "Resources");
}

int evaluate_name(struct evaluator *evaluator, const struct json *node, struct str name,
                  struct json **out_value)
{
    const struct template_binding *binding = evaluator->binding;
    struct json *pseudo = pseudo_value(evaluator->arena, &binding->pseudo, name);
    if (pseudo) {
        *out_value = pseudo;
        return 0;
    }
    const struct template_parameter *parameter = template_find_parameter(binding->model, name);
    if (parameter) {
        size_t index = (size_t)(parameter - binding->model->parameters);
        const struct json *content = binding->parameters[index].content;
        int rc = evaluate_charge(evaluator, node, (content->count + 1) * sizeof(struct json));
        if (rc == 0)
            *out_value = tree_copy(evaluator->arena, content);
        return rc;
    }
    if (!evaluator->resolver || !evaluator->resolver->ref || !template_find_bound(binding, name))
        return fail_unresolved(evaluator, node, name);
    struct json *value = NULL;
    int rc = evaluator->resolver->ref(evaluator->resolver->user, evaluator->arena, name, &value,
                                      evaluator->error);
    return take_value(evaluator, node, rc, value, out_value);
}

int evaluate_attribute(struct evaluator *evaluator, const struct json *node, struct str id,
                       struct str attribute, struct json **out_value)
{
    if (!evaluator->resolver || !evaluator->resolver->attribute ||
        !template_find_bound(evaluator->binding, id))
        return fail_unresolved(evaluator, node, id);
    struct json *value = NULL;
    int rc = evaluator->resolver->attribute(evaluator->resolver->user, evaluator->arena, id,
                                            attribute, &value, evaluator->error);
    return take_value(evaluator, node, rc, value, out_value);
}

/* ---- Trees ---------------------------------------------------------------------------------- */

/* Evaluates the children of an object or array; what is AWS::NoValue is left out. */
static int evaluate_children(struct evaluator *evaluator, const struct json *node,
                             struct json *result)
{
    for (const struct json *child = node->first; child; child = child->next) {
        struct json *value = NULL;
        int rc = evaluate(evaluator, child, &value);
        if (rc < 0)
            return rc;
        if (!value)
            continue;
        if (node->kind == JSON_OBJECT)
            json_append_member(result, child->key, value);
        else
            json_append(result, value);
    }
    return 0;
}

static bool is_no_value(enum template_function function, const struct json *argument)
{
    return function == FUNCTION_REF && str_eq(scalar_text(argument), STR("AWS::NoValue"));
}

int evaluate(struct evaluator *evaluator, const struct json *node, struct json **out_value)
{
    const struct json *argument = NULL;
    enum template_function function = function_of(node, evaluator->context, &argument);
    if (is_no_value(function, argument)) {
        *out_value = NULL;
        return 0;
    }
    if (function != FUNCTION_NONE)
        return evaluate_function(evaluator, function, argument, out_value);

    struct json *result = node_copy(evaluator->arena, node);
    int rc = evaluate_charge(evaluator, node, sizeof(*result));
    if (rc == 0)
        rc = evaluate_children(evaluator, node, result);
    if (rc == 0)
        *out_value = result;
    return rc;
}

int evaluate_text(struct evaluator *evaluator, const struct json *node, const char *refusal,
                  struct str *out_text)
{
    struct json *value = NULL;
    int rc = evaluate(evaluator, node, &value);
    if (rc < 0)
        return rc;
    if (value && !is_scalar(value))
        return evaluate_fail(evaluator, node, "%s", refusal);
    *out_text = value ? scalar_text(value) : STR("");
    return 0;
}

int evaluate_static(struct arena *arena, const struct template_binding *binding,
                    const struct json *node, const char *refusal, struct str *out_text,
                    struct template_error *out_error)
{
    struct evaluator evaluator = {
        .arena = arena,
        .binding = binding,
        .context = CONTEXT_STATIC,
        .error = out_error,
        .spent = binding->spent ? *binding->spent : 0,
    };
    int rc = evaluate_text(&evaluator, node, refusal, out_text);
    if (binding->spent)
        *binding->spent = evaluator.spent;
    return rc;
}

/* ---- Conditions ----------------------------------------------------------------------------- */

enum {
    CONDITION_UNKNOWN = -1,
    CONDITION_RUNNING = -2, /* being evaluated: meeting it again is a cycle */
};

int condition_value(struct evaluator *evaluator, const struct json *node, struct str name,
                    bool *out_holds)
{
    const struct template_binding *binding = evaluator->binding;
    const struct condition_entry *entry = map_find(&binding->model->index->conditions, name);
    if (!entry)
        return evaluate_fail(
            evaluator, node,
            "Template error: unresolved condition dependency " STR_FMT " in Fn::If", STR_ARG(name));

    int8_t *state = &binding->conditions[entry->position];
    if (*state == CONDITION_RUNNING || evaluator->depth > TEMPLATE_MAX_CONDITION_DEPTH)
        return evaluate_fail(evaluator, entry->node,
                             "Template error: Found circular condition dependency: [" STR_FMT "]",
                             STR_ARG(name));
    if (*state == CONDITION_UNKNOWN) {
        *state = CONDITION_RUNNING;
        enum template_context context = evaluator->context;
        evaluator->context = CONTEXT_CONDITION;
        evaluator->depth++;
        bool holds = false;
        int rc = evaluate_condition(evaluator, entry->node, &holds);
        evaluator->depth--;
        evaluator->context = context;
        *state = rc < 0 ? CONDITION_UNKNOWN : holds;
        if (rc < 0)
            return rc;
    }
    *out_holds = *state == 1;
    return 0;
}

/* Fn::And and Fn::Or: the first operand that decides ends it. */
static int evaluate_operands(struct evaluator *evaluator, const struct json *argument,
                             bool deciding, bool *out_holds)
{
    if (!json_is_array(argument) || argument->count < 2 || argument->count > 10)
        return evaluate_fail(evaluator, argument,
                             "Template error: every %s object requires a list of at least 2 and "
                             "at most 10 boolean parameters.",
                             deciding ? "Fn::Or" : "Fn::And");
    bool result = !deciding;
    for (const struct json *item = argument->first; item; item = item->next) {
        bool holds = false;
        int rc = evaluate_condition(evaluator, item, &holds);
        if (rc < 0)
            return rc;
        if (holds == deciding)
            result = deciding;
    }
    *out_holds = result;
    return 0;
}

static int evaluate_equals(struct evaluator *evaluator, const struct json *argument,
                           bool *out_holds)
{
    if (!json_is_array(argument) || argument->count != 2)
        return evaluate_fail(evaluator, argument, TEXT_EQUALS);
    struct json *left = NULL;
    struct json *right = NULL;
    int rc = evaluate(evaluator, argument->first, &left);
    if (rc == 0)
        rc = evaluate(evaluator, argument->first->next, &right);
    if (rc == 0)
        *out_holds = left && right ? template_equal(left, right) : left == right;
    return rc;
}

/* A list of texts for the rule functions; a single text is a list of one. */
static int evaluate_list(struct evaluator *evaluator, const struct json *node,
                         const struct json **out_list)
{
    struct json *value = NULL;
    int rc = evaluate(evaluator, node, &value);
    if (rc < 0)
        return rc;
    if (!json_is_array(value)) {
        struct json *list = json_new(evaluator->arena, JSON_ARRAY);
        if (value)
            json_append(list, value);
        value = list;
    }
    *out_list = value;
    return 0;
}

static bool list_has(const struct json *list, const struct json *wanted)
{
    for (const struct json *item = list->first; item; item = item->next) {
        if (template_equal(item, wanted))
            return true;
    }
    return false;
}

/* AWS: Fn::Contains [list, value]: some element is the value; Fn::EachMemberEquals [list, value]:
 * every element is; Fn::EachMemberIn [list, list]: every element of the first is in the second. */
static int evaluate_members(struct evaluator *evaluator, enum template_function function,
                            const struct json *argument, bool *out_holds)
{
    if (!json_is_array(argument) || argument->count != 2)
        return evaluate_fail(evaluator, argument,
                             "Template error: every %s object requires a list of 2 parameters.",
                             function_name(function));
    const struct json *members = NULL;
    const struct json *wanted = NULL;
    int rc = evaluate_list(evaluator, argument->first, &members);
    if (rc == 0)
        rc = evaluate_list(evaluator, argument->first->next, &wanted);
    if (rc < 0)
        return rc;
    bool any = false;
    bool all = true;
    for (const struct json *member = members->first; member; member = member->next) {
        bool found = list_has(wanted, member);
        any = any || found;
        all = all && found;
    }
    *out_holds = function == FUNCTION_CONTAINS ? any : all;
    return 0;
}

int evaluate_condition(struct evaluator *evaluator, const struct json *node, bool *out_holds)
{
    const struct json *argument = NULL;
    enum template_function function = function_of(node, evaluator->context, &argument);
    int rc = 0;
    switch ((int)function) {
    case FUNCTION_CONDITION:
        return condition_value(evaluator, node, scalar_text(argument), out_holds);
    case FUNCTION_AND:
        return evaluate_operands(evaluator, argument, false, out_holds);
    case FUNCTION_OR:
        return evaluate_operands(evaluator, argument, true, out_holds);
    case FUNCTION_EQUALS:
        return evaluate_equals(evaluator, argument, out_holds);
    case FUNCTION_CONTAINS:
    case FUNCTION_EACH_MEMBER_EQUALS:
    case FUNCTION_EACH_MEMBER_IN:
        return evaluate_members(evaluator, function, argument, out_holds);
    case FUNCTION_NOT:
        if (!json_is_array(argument) || argument->count != 1)
            return evaluate_fail(evaluator, argument,
                                 "Template error: every Fn::Not object requires one boolean "
                                 "parameter.");
        rc = evaluate_condition(evaluator, argument->first, out_holds);
        *out_holds = !*out_holds;
        return rc;
    default:
        return evaluate_fail(evaluator, node, TEXT_CONDITION);
    }
}
