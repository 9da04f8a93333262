/* reference.c — finds every name that an expression uses, without evaluating it. */
#include "engine/template/internal.h"

#include "base/arena.h"

/* The text of a name or attribute. With AWS::LanguageExtensions it may be a function, which a
 * binding can evaluate; what fails here fails again, and is told, when it is resolved. */
static struct str static_text(const struct reference_walk *walk, const struct json *node)
{
    struct str text = scalar_text(node);
    if (str_is_set(text) || !node || !walk->binding)
        return text;
    struct str evaluated = {0};
    if (evaluate_static(walk->arena, walk->binding, node, TEXT_REF, &evaluated, NULL) < 0)
        return (struct str){0};
    return evaluated;
}

static void visit_name(const struct reference_walk *walk, const struct json *node, struct str name,
                       struct str attribute)
{
    if (str_is_set(name) && walk->visit)
        walk->visit(walk->user, node, name, attribute);
}

static void walk_children(const struct reference_walk *walk, const struct json *node)
{
    for (const struct json *child = node->first; child; child = child->next)
        walk_references(walk, child);
}

static void walk_sub(const struct reference_walk *walk, const struct json *argument)
{
    const struct json *map = json_is_array(argument) ? argument->last : NULL;
    struct str rest = scalar_text(json_is_array(argument) ? argument->first : argument);
    struct member_index locals;
    member_index_init(&locals, walk->arena, map);
    struct sub_piece piece;
    while (sub_next(&rest, &piece)) {
        if (!piece.is_variable || member_index_find(&locals, piece.text))
            continue;
        ptrdiff_t dot = str_index(piece.text, '.');
        if (dot < 0)
            visit_name(walk, argument, piece.text, (struct str){0});
        else
            visit_name(walk, argument, str_slice(piece.text, 0, (size_t)dot),
                       str_from(piece.text, (size_t)dot + 1));
    }
    if (map)
        walk_children(walk, map);
}

static void walk_if(const struct reference_walk *walk, const struct json *argument)
{
    if (!json_is_array(argument) || argument->count != 3 || walk->skips_if)
        return;
    const struct json *when_true = argument->first->next;
    if (!walk->binding) {
        walk_references(walk, when_true);
        walk_references(walk, when_true->next);
        return;
    }
    bool holds = template_condition_holds(walk->binding, scalar_text(argument->first));
    walk_references(walk, holds ? when_true : when_true->next);
}

static void walk_get_att(const struct reference_walk *walk, const struct json *argument)
{
    if (!json_is_array(argument) || argument->count != 2)
        return;
    visit_name(walk, argument, static_text(walk, argument->first),
               str_or(static_text(walk, argument->last), STR("")));
    walk_children(walk, argument);
}

void walk_references(const struct reference_walk *walk, const struct json *node)
{
    const struct json *argument = NULL;
    enum template_function function = function_of(node, CONTEXT_RESOURCE, &argument);
    switch ((int)function) {
    case FUNCTION_REF:
        visit_name(walk, argument, static_text(walk, argument), (struct str){0});
        walk_children(walk, argument);
        break;
    case FUNCTION_GET_ATT:
        walk_get_att(walk, argument);
        break;
    case FUNCTION_SUB:
        walk_sub(walk, argument);
        break;
    case FUNCTION_IF:
        walk_if(walk, argument);
        break;
    case FUNCTION_IMPORT_VALUE:
        if (walk->visit_import)
            walk->visit_import(walk->user, argument);
        walk_references(walk, argument);
        break;
    default:
        walk_children(walk, node);
        break;
    }
}

void walk_resource(const struct reference_walk *walk, const struct template_resource *resource)
{
    const struct json *const parts[] = {
        resource->properties,
        resource->metadata,
        resource->creation_policy,
        resource->update_policy,
    };
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (parts[i])
            walk_references(walk, parts[i]);
    }
}

/* ---- template_list_references --------------------------------------------------------------- */

struct reference_list {
    const struct template_model *model;
    struct vec references;
};

static void add_reference(void *user, const struct json *node, struct str name,
                          struct str attribute)
{
    (void)node;
    struct reference_list *list = user;
    struct template_reference reference = {.name = name, .attribute = attribute};
    if (template_find_parameter(list->model, name))
        reference.kind = TEMPLATE_REFERS_TO_PARAMETER;
    else if (!template_find_resource(list->model, name))
        return; /* a pseudo parameter */
    else
        reference.kind =
            str_is_set(attribute) ? TEMPLATE_REFERS_TO_ATTRIBUTE : TEMPLATE_REFERS_TO_RESOURCE;
    const struct template_reference *known = list->references.items;
    for (size_t i = 0; i < list->references.count; i++) {
        if (known[i].kind == reference.kind && str_eq(known[i].name, name) &&
            str_eq(known[i].attribute, attribute))
            return;
    }
    *(struct template_reference *)vec_push(&list->references) = reference;
}

void template_list_references(struct arena *arena, const struct template_binding *binding,
                              const struct json *value, struct template_reference **out_references,
                              size_t *out_count)
{
    struct reference_list list = {.model = binding->model};
    vec_init(&list.references, arena, sizeof(struct template_reference));
    struct reference_walk walk = {
        .arena = arena,
        .binding = binding,
        .visit = add_reference,
        .user = &list,
    };
    walk_references(&walk, value);
    *out_references = list.references.items;
    *out_count = list.references.count;
}
