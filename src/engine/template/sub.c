/* sub.c — Fn::Sub: text with ${variables}, in both its forms.
 *
 * A variable is looked up in the map of the second argument, then as pseudo parameter, parameter or
 * resource; with a dot it is an attribute. Docs: CloudFormation user guide, "Fn::Sub".
 */
#include "engine/template/internal.h"

#include <errno.h>

#include "base/arena.h"
#include "base/buf.h"

/* The text and the map (or NULL) of the argument. */
static bool sub_parts(const struct json *argument, struct str *out_text,
                      const struct json **out_map)
{
    const struct json *text = argument;
    *out_map = NULL;
    if (json_is_array(argument)) {
        if (argument->count != 2 || !json_is_object(argument->last))
            return false;
        text = argument->first;
        *out_map = argument->last;
    }
    *out_text = scalar_text(text);
    return str_is_set(*out_text);
}

static int evaluate_variable(struct evaluator *evaluator, const struct json *argument,
                             const struct member_index *locals, struct str name,
                             struct json **out_value)
{
    const struct json *local = member_index_find(locals, name);
    if (local) {
        struct json *value = NULL;
        int rc = evaluate(evaluator, local, &value);
        if (rc == 0 && value && !is_scalar(value))
            return evaluate_fail(evaluator, local, TEXT_SUB_CONTEXT);
        if (rc == 0)
            *out_value = value ? value : json_new_string(evaluator->arena, STR(""));
        return rc;
    }
    ptrdiff_t dot = str_index(name, '.');
    if (dot < 0)
        return evaluate_name(evaluator, argument, name, out_value);
    return evaluate_attribute(evaluator, argument, str_slice(name, 0, (size_t)dot),
                              str_from(name, (size_t)dot + 1), out_value);
}

int evaluate_sub(struct evaluator *evaluator, const struct json *argument, struct json **out_value)
{
    struct str rest = {0};
    const struct json *map = NULL;
    if (!sub_parts(argument, &rest, &map))
        return evaluate_fail(evaluator, argument, TEXT_SUB_ARGUMENTS);

    struct member_index locals;
    member_index_init(&locals, evaluator->arena, map);
    struct buf text;
    buf_init(&text, evaluator->arena, TEMPLATE_MAX_STRING_BYTES);
    struct sub_piece piece;
    while (sub_next(&rest, &piece)) {
        struct str part = piece.text;
        if (piece.is_variable) {
            struct json *value = NULL;
            int rc = evaluate_variable(evaluator, argument, &locals, piece.text, &value);
            if (rc < 0)
                return rc;
            part = scalar_text(value);
            if (!str_is_set(part))
                /* OBSERVED: a list parameter in Fn::Sub. */
                return evaluate_fail(evaluator, argument,
                                     "Template error: variable " STR_FMT
                                     " in Fn::Sub expression does not resolve to a string",
                                     STR_ARG(piece.text));
        }
        buf_append(&text, part);
    }
    int rc = evaluate_charge(evaluator, argument,
                             text.is_full ? (size_t)TEMPLATE_MAX_STRING_BYTES + 1
                                          : text.len + sizeof(struct json));
    if (rc == 0)
        *out_value = json_new_string(evaluator->arena, buf_str(&text));
    return rc;
}
