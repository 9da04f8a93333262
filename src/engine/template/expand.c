/* expand.c — transforms: macros, AWS::Include, and the loops of AWS::LanguageExtensions.
 *
 * Works on a copy of the tree, in place. Nested Fn::Transform calls run first, innermost first,
 * then the top-level list (AWS: "CloudFormation processes ... from the most deeply nested
 * outwards"). The other functions of AWS::LanguageExtensions need no expansion: evaluate.c knows
 * them. Docs: CloudFormation user guide, "Template macros", "AWS::Include transform",
 * "AWS::LanguageExtensions transform", "Fn::ForEach".
 */
#include "engine/template/internal.h"

#include <errno.h>
#include <stdarg.h>

#include "base/arena.h"
#include "base/buf.h"

struct expansion {
    struct arena *arena;
    const struct template_document *document; /* the one that is expanded */
    const struct template_expander *expander;
    struct template_binding *binding; /* parameters and mappings only */
    struct json *values;              /* parameter values for macros */
    struct template_error *error;
    size_t node_count; /* made by loops */
    size_t spent;      /* by functions in parameters and collections */
};

PRINTF_LIKE(3, 4)
static int expand_fail(const struct expansion *expansion, const struct json *node,
                       const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int rc = vfail_at(expansion->arena, expansion->document, node, expansion->error, format, args);
    va_end(args);
    return rc;
}

/* Makes `target` hold what `source` holds; its place in the parent stays. */
static void node_assign(struct json *target, const struct json *source)
{
    target->kind = source->kind;
    target->text = source->text;
    target->first = source->first;
    target->last = source->last;
    target->count = source->count;
}

static int evaluate_here(struct expansion *expansion, const struct json *node,
                         struct json **out_value)
{
    struct evaluator evaluator = {
        .arena = expansion->arena,
        .binding = expansion->binding,
        .context = CONTEXT_STATIC,
        .error = expansion->error,
        .spent = expansion->spent,
    };
    int rc = evaluate(&evaluator, node, out_value);
    expansion->spent = evaluator.spent;
    return rc;
}

/* ---- Calling transforms --------------------------------------------------------------------- */

static int call_transform(const struct expansion *expansion, const struct json *node,
                          const struct template_transform_call *call, struct json **out_fragment)
{
    if (!expansion->expander || !expansion->expander->transform)
        /* OBSERVED: "No transform named 123456789012::Name found." */
        return expand_fail(expansion, node, "No transform named " STR_FMT " found.",
                           STR_ARG(call->name));
    int rc = expansion->expander->transform(expansion->expander->user, expansion->arena, call,
                                            out_fragment, expansion->error);
    if (rc == -EINVAL && expansion->error && expansion->error->line == 0)
        template_position(expansion->document, node, &expansion->error->line,
                          &expansion->error->column);
    return rc;
}

/* Name and evaluated parameters of a call: "Name", {"Name": .., "Parameters": {..}}. */
static int read_call(struct expansion *expansion, const struct json *node,
                     struct template_transform_call *call)
{
    const struct json *parameters = json_find(node, STR("Parameters"));
    call->name = json_is_object(node) ? json_find_str(node, "Name") : scalar_text(node);
    call->values = expansion->values;
    if (call->name.len == 0)
        return expand_fail(expansion, node,
                           "Template format error: every Fn::Transform must have a Name.");
    return parameters ? evaluate_here(expansion, parameters, &call->parameters) : 0;
}

/* AWS: the content of the file takes the place of the call, beside what stands there already. */
static int merge_include(const struct expansion *expansion, const struct json *node,
                         struct json *siblings, struct json *content)
{
    if (siblings->count == 0) {
        node_assign(siblings, content);
        return 0;
    }
    if (!json_is_object(content))
        return expand_fail(expansion, node,
                           "Transform AWS::Include failed with: the included content must be an "
                           "object.");
    struct map known;
    map_init(&known, expansion->arena);
    for (const struct json *member = siblings->first; member; member = member->next)
        map_set(&known, member->key, NULL);
    struct json *next = NULL;
    for (struct json *member = content->first; member; member = next) {
        next = member->next;
        if (!map_has(&known, member->key))
            json_append_member(siblings, member->key, member);
    }
    return 0;
}

/* Runs one call on `fragment`, in place. */
static int run_transform(struct expansion *expansion, const struct json *node,
                         struct json *fragment, bool is_top_level)
{
    struct template_transform_call call = {.fragment = fragment, .is_top_level = is_top_level};
    int rc = read_call(expansion, node, &call);
    if (rc < 0)
        return rc;
    struct json *result = NULL;
    rc = call_transform(expansion, node, &call, &result);
    if (rc < 0)
        return rc;
    if (!result)
        return expand_fail(expansion, node,
                           "Transform " STR_FMT " failed without an error message.",
                           STR_ARG(call.name));
    if (str_eq(call.name, STR("AWS::Include")))
        return merge_include(expansion, node, fragment, result);
    if (result != fragment)
        node_assign(fragment, result);
    return 0;
}

/* ---- Fn::Transform -------------------------------------------------------------------------- */

static int expand_call(struct expansion *expansion, struct json *node)
{
    const struct json *call = json_find(node, STR("Fn::Transform"));
    struct json *fragment = json_new(expansion->arena, JSON_OBJECT);
    struct json *next = NULL;
    for (struct json *member = node->first; member; member = next) {
        next = member->next;
        if (member != call)
            json_append_member(fragment, member->key, member);
    }
    fragment->offset = node->offset;
    int rc = 0;
    if (!json_is_array(call))
        rc = run_transform(expansion, call, fragment, false);
    for (const struct json *item = json_is_array(call) ? call->first : NULL; item && rc == 0;
         item = item->next)
        rc = run_transform(expansion, item, fragment, false);
    if (rc == 0)
        node_assign(node, fragment);
    return rc;
}

static int expand_nested(struct expansion *expansion, struct json *node)
{
    for (struct json *child = node->first; child; child = child->next) {
        int rc = expand_nested(expansion, child);
        if (rc < 0)
            return rc;
    }
    if (json_is_object(node) && json_find(node, STR("Fn::Transform")))
        return expand_call(expansion, node);
    return 0;
}

/* ---- Fn::ForEach ---------------------------------------------------------------------------- */

struct loop_item {
    struct str identifier;
    struct str value;
    struct str plain; /* the value without what is not alphanumeric */
};

/* The object that the members of loops go into. */
struct unrolled {
    struct json *object;
    struct map keys;
};

static int expand_loops(struct expansion *expansion, struct json *node);

/* AWS: "${Identifier}" becomes the value, "&{Identifier}" the value without non-alphanumeric
 * characters, so that logical ids can be made from any text. */
static struct str replace_identifier(struct arena *arena, struct str text,
                                     const struct loop_item *item)
{
    struct str exact = str_concat3(arena, STR("${"), item->identifier, STR("}"));
    struct str plain = str_concat3(arena, STR("&{"), item->identifier, STR("}"));
    if (str_contains(text, exact))
        text = str_replace(arena, text, exact, item->value);
    if (str_contains(text, plain))
        text = str_replace(arena, text, plain, item->plain);
    return text;
}

/* A copy of a loop's body for one item. */
static int copy_body(struct expansion *expansion, const struct json *node,
                     const struct loop_item *item, struct json **out_copy)
{
    if (++expansion->node_count > TEMPLATE_MAX_NODES)
        return expand_fail(expansion, node,
                           "Transform AWS::LanguageExtensions failed with: the loops of the "
                           "template produce too much.");
    struct arena *arena = expansion->arena;
    const struct json *argument = NULL;
    if (function_of(node, CONTEXT_STATIC, &argument) == FUNCTION_REF &&
        str_eq(scalar_text(argument), item->identifier)) {
        *out_copy = json_new_string(arena, item->value);
        return 0;
    }
    struct json *copy = node_copy(arena, node);
    if (copy->kind == JSON_STRING)
        copy->text = replace_identifier(arena, copy->text, item);
    for (const struct json *child = node->first; child; child = child->next) {
        struct json *child_copy = NULL;
        int rc = copy_body(expansion, child, item, &child_copy);
        if (rc < 0)
            return rc;
        if (node->kind == JSON_OBJECT)
            json_append_member(copy, replace_identifier(arena, child->key, item), child_copy);
        else
            json_append(copy, child_copy);
    }
    *out_copy = copy;
    return 0;
}

static struct str only_alphanumeric(struct arena *arena, struct str text)
{
    struct buf plain;
    buf_init(&plain, arena, text.len);
    for (size_t i = 0; i < text.len; i++) {
        if (is_alphanumeric(str_slice(text, i, 1)))
            buf_append_char(&plain, text.ptr[i]);
    }
    return buf_str(&plain);
}

/* One round: the members of the body go into `out`. */
static int expand_round(struct expansion *expansion, const struct json *loop,
                        const struct loop_item *item, struct unrolled *out)
{
    struct json *body = NULL;
    int rc = copy_body(expansion, loop->last, item, &body);
    if (rc == 0)
        rc = expand_loops(expansion, body);
    if (rc < 0)
        return rc;
    struct json *next = NULL;
    for (struct json *member = body->first; member; member = next) {
        next = member->next;
        if (!map_set(&out->keys, member->key, NULL))
            return expand_fail(expansion, loop,
                               "Transform AWS::LanguageExtensions failed with: Fn::ForEach "
                               "produces the key " STR_FMT " more than once.",
                               STR_ARG(member->key));
        json_append_member(out->object, member->key, member);
    }
    return 0;
}

/* The values that a loop runs over; lists inside the list (a Ref to a list parameter) are laid
 * flat.
 */
static int loop_values(struct expansion *expansion, const struct json *collection,
                       struct vec *out_values)
{
    struct json *list = NULL;
    int rc = evaluate_here(expansion, collection, &list);
    if (rc < 0)
        return rc;
    const char *refusal = "Transform AWS::LanguageExtensions failed with: Fn::ForEach layout is "
                          "incorrect. The collection must be a list of strings.";
    if (!json_is_array(list))
        return expand_fail(expansion, collection, "%s", refusal);
    for (const struct json *item = list->first; item; item = item->next) {
        const struct json *first = json_is_array(item) ? item->first : item;
        for (const struct json *value = first; value;
             value = json_is_array(item) ? value->next : NULL) {
            if (!is_scalar(value))
                return expand_fail(expansion, collection, "%s", refusal);
            *(struct str *)vec_push(out_values) = scalar_text(value);
        }
    }
    return 0;
}

/* "Fn::ForEach::Name": [identifier, collection, {key: value}] */
static int expand_loop(struct expansion *expansion, const struct json *loop, struct unrolled *out)
{
    if (!json_is_array(loop) || loop->count != 3 || scalar_text(loop->first).len == 0 ||
        !json_is_object(loop->last))
        return expand_fail(expansion, loop,
                           "Transform AWS::LanguageExtensions failed with: Fn::ForEach layout is "
                           "incorrect.");
    struct vec values;
    vec_init(&values, expansion->arena, sizeof(struct str));
    int rc = loop_values(expansion, loop->first->next, &values);
    for (size_t i = 0; i < values.count && rc == 0; i++) {
        struct str value = *(struct str *)vec_at(&values, i);
        struct loop_item item = {
            .identifier = scalar_text(loop->first),
            .value = value,
            .plain = only_alphanumeric(expansion->arena, value),
        };
        rc = expand_round(expansion, loop, &item, out);
    }
    return rc;
}

static bool is_loop_key(struct str key)
{
    return str_starts_with(key, STR("Fn::ForEach::"));
}

static bool has_loop(const struct json *node)
{
    for (const struct json *member = node->first; member; member = member->next) {
        if (is_loop_key(member->key))
            return true;
    }
    return false;
}

/* Unrolls every loop below `node`, outer loops first: their bodies name the inner ones' lists. */
static int expand_loops(struct expansion *expansion, struct json *node)
{
    int rc = 0;
    if (json_is_object(node) && has_loop(node)) {
        struct unrolled unrolled = {.object = json_new(expansion->arena, JSON_OBJECT)};
        map_init(&unrolled.keys, expansion->arena);
        for (const struct json *member = node->first; member; member = member->next) {
            if (!is_loop_key(member->key))
                map_set(&unrolled.keys, member->key, NULL);
        }
        struct json *next = NULL;
        for (struct json *member = node->first; member && rc == 0; member = next) {
            next = member->next;
            if (is_loop_key(member->key))
                rc = expand_loop(expansion, member, &unrolled);
            else
                json_append_member(unrolled.object, member->key, member);
        }
        if (rc < 0)
            return rc;
        node_assign(node, unrolled.object);
    }
    for (struct json *child = node->first; child && rc == 0; child = child->next)
        rc = expand_loops(expansion, child);
    return rc;
}

/* ---- The whole template --------------------------------------------------------------------- */

static int expand_top_item(struct expansion *expansion, const struct json *item, struct json *root)
{
    struct str name = json_is_object(item) ? json_find_str(item, "Name") : scalar_text(item);
    int rc = str_eq(name, STR("AWS::LanguageExtensions"))
                 ? expand_loops(expansion, root)
                 : run_transform(expansion, item, root, true);
    if (rc < 0)
        return rc;
    if (!json_is_object(root))
        return expand_fail(expansion, item,
                           "Transform " STR_FMT " failed with: the result must be a template.",
                           STR_ARG(name));
    return tree_normalize(expansion->arena, expansion->document, root, expansion->error);
}

static int expand_top(struct expansion *expansion, struct json *root)
{
    const struct json *top = json_find(root, STR("Transform"));
    if (!top)
        return 0;
    json_remove(root, STR("Transform"));
    if (!json_is_array(top))
        return expand_top_item(expansion, top, root);
    int rc = 0;
    for (const struct json *item = top->first; item && rc == 0; item = item->next)
        rc = expand_top_item(expansion, item, root);
    return rc;
}

/* Parameters and mappings of the template, for the functions that transforms may use. */
static int bind_values(struct expansion *expansion, const struct template_values *values)
{
    struct arena *arena = expansion->arena;
    struct template_model *model = model_new(arena, expansion->document);
    int rc = build_parameters(arena, model, expansion->error);
    if (rc < 0)
        return rc;
    model->mappings = json_find(expansion->document->root, STR("Mappings"));
    expansion->binding = arena_alloc(arena, sizeof(*expansion->binding));
    expansion->binding->model = model;
    expansion->binding->pseudo = values->pseudo;
    expansion->binding->environment = values->environment;
    rc = bind_parameters(arena, values, expansion->binding, expansion->error);
    if (rc < 0)
        return rc;
    expansion->values = json_new(arena, JSON_OBJECT);
    for (size_t i = 0; i < model->parameter_count; i++)
        json_append_member(expansion->values, model->parameters[i].name,
                           tree_copy(arena, expansion->binding->parameters[i].content));
    return 0;
}

int template_expand(struct arena *arena, struct template_document *document,
                    const struct template_values *values, const struct template_expander *expander,
                    struct template_document **out_document, struct template_error *out_error)
{
    if (document->is_expanded) {
        *out_document = document;
        return 0;
    }
    struct expansion expansion = {
        .arena = arena,
        .document = document,
        .expander = expander,
        .error = out_error,
    };
    int rc = bind_values(&expansion, values);
    if (rc < 0)
        return rc;
    struct json *root = tree_copy(arena, document->root);
    rc = expand_nested(&expansion, root);
    if (rc == 0)
        rc = tree_normalize(arena, document, root, out_error);
    if (rc == 0)
        rc = expand_top(&expansion, root);
    if (rc < 0)
        return rc;
    if (!json_is_object(root))
        return template_fail(arena, out_error, "Template format error: unsupported structure.");

    struct template_document *expanded = arena_alloc(arena, sizeof(*expanded));
    *expanded = *document;
    expanded->root = root;
    expanded->is_expanded = true;
    *out_document = expanded;
    return 0;
}
