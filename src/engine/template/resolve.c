/* resolve.c — final values: properties of a resource, outputs, dynamic references.
 *
 * Dynamic references are looked for in the resolved text, so that Fn::Sub and Fn::Join may build
 * them. Docs: CloudFormation user guide, "Get values stored in other services using dynamic
 * references".
 */
#include "engine/template/internal.h"

#include <errno.h>

#include "base/arena.h"
#include "base/buf.h"

/* ---- Dynamic references --------------------------------------------------------------------- */

struct place {
    const struct place *parent;
    const struct json *node;
    size_t position;
};

struct replacer {
    struct arena *arena;
    const struct template_environment *environment;
    struct str resource_id; /* absent in outputs */
    struct str resource_type;
    struct template_error *error;
};

static void write_place(struct buf *out, const struct place *place)
{
    if (!place->parent)
        return;
    write_place(out, place->parent);
    if (out->len > 0)
        buf_append_char(out, '.');
    if (place->parent->node->kind == JSON_ARRAY)
        buf_append_i64(out, (int64_t)place->position);
    else
        buf_append(out, place->node->key);
}

static bool is_reference_service(struct str service)
{
    return str_eq(service, STR("ssm")) || str_eq(service, STR("ssm-secure")) ||
           str_eq(service, STR("secretsmanager"));
}

/* Cuts off what precedes the next reference and the reference. Returns false when there is none. */
static bool next_reference(struct str *rest, struct str *out_before,
                           struct template_dynamic_reference *out_reference)
{
    struct str text = *rest;
    size_t from = 0;
    for (;;) {
        ptrdiff_t start = str_find(str_from(text, from), STR("{{resolve:"));
        if (start < 0)
            return false;
        size_t begin = from + (size_t)start;
        ptrdiff_t length = str_find(str_from(text, begin), STR("}}"));
        if (length < 0)
            return false;
        struct str inside = str_slice(text, begin + 10, (size_t)length - 10);
        ptrdiff_t colon = str_index(inside, ':');
        from = begin + 10;
        if (colon < 0 || !is_reference_service(str_slice(inside, 0, (size_t)colon)))
            continue;
        out_reference->text = str_slice(text, begin, (size_t)length + 2);
        out_reference->service = str_slice(inside, 0, (size_t)colon);
        out_reference->body = str_from(inside, (size_t)colon + 1);
        *out_before = str_slice(text, 0, begin);
        *rest = str_from(text, begin + (size_t)length + 2);
        return true;
    }
}

static int replace_in_text(const struct replacer *replacer, const struct place *place,
                           struct json *value)
{
    const struct template_environment *environment = replacer->environment;
    struct str rest = value->text;
    struct str before = {0};
    struct template_dynamic_reference reference = {0};
    struct buf text;
    buf_init(&text, replacer->arena, TEMPLATE_MAX_STRING_BYTES);
    bool found = false;
    while (next_reference(&rest, &before, &reference)) {
        struct buf path;
        buf_init(&path, replacer->arena, TEMPLATE_MAX_STRING_BYTES);
        write_place(&path, place);
        reference.property = buf_str(&path);
        reference.resource_id = replacer->resource_id;
        reference.resource_type = replacer->resource_type;
        struct str resolved = {0};
        int rc = environment->dynamic_reference(environment->user, replacer->arena, &reference,
                                                &resolved, replacer->error);
        if (rc < 0)
            return rc;
        buf_append(&text, before);
        buf_append(&text, resolved);
        found = true;
    }
    if (!found)
        return 0;
    buf_append(&text, rest);
    if (text.is_full)
        return template_fail(replacer->arena, replacer->error,
                             "Template error: a resolved value is longer than %d bytes",
                             TEMPLATE_MAX_STRING_BYTES);
    value->text = buf_str(&text);
    return 0;
}

static int replace_in_tree(const struct replacer *replacer, const struct place *place,
                           struct json *value)
{
    if (value->kind == JSON_STRING)
        /* A reference whose name is not known yet cannot be looked up. */
        return is_unknown_text(value->text) ? 0 : replace_in_text(replacer, place, value);
    size_t position = 0;
    for (struct json *child = value->first; child; child = child->next) {
        struct place below = {.parent = place, .node = child, .position = position++};
        int rc = replace_in_tree(replacer, &below, child);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int replace_dynamic_references(struct arena *arena, const struct template_binding *binding,
                               const struct template_resource *resource, struct json *value,
                               struct template_error *out_error)
{
    return template_replace_references(
        arena, binding->environment, resource ? resource->id : (struct str){0},
        resource ? resource->type : (struct str){0}, value, out_error);
}

int template_replace_references(struct arena *arena, const struct template_environment *environment,
                                struct str resource_id, struct str resource_type,
                                struct json *value, struct template_error *out_error)
{
    if (!environment || !environment->dynamic_reference)
        return 0;
    struct replacer replacer = {
        .arena = arena,
        .environment = environment,
        .resource_id = resource_id,
        .resource_type = resource_type,
        .error = out_error,
    };
    struct place root = {.node = value};
    return replace_in_tree(&replacer, &root, value);
}

bool template_has_reference(const struct json *value)
{
    struct template_dynamic_reference reference = {0};
    struct str before = {0};
    if (!value)
        return false;
    if (value->kind == JSON_STRING) {
        struct str rest = value->text;
        return next_reference(&rest, &before, &reference);
    }
    for (const struct json *child = value->first; child; child = child->next) {
        if (template_has_reference(child))
            return true;
    }
    return false;
}

/* ---- Resources and outputs ------------------------------------------------------------------ */

static const struct json *part_of(const struct template_resource *resource, enum template_part part)
{
    switch (part) {
    case TEMPLATE_PROPERTIES:
        return resource->properties;
    case TEMPLATE_METADATA:
        return resource->metadata;
    case TEMPLATE_CREATION_POLICY:
        return resource->creation_policy;
    case TEMPLATE_UPDATE_POLICY:
        return resource->update_policy;
    }
    return NULL;
}

int template_resolve(struct arena *arena, const struct template_binding *binding,
                     const struct template_bound_resource *resource, enum template_part part,
                     const struct template_resolver *resolver, struct json **out_value,
                     struct template_error *out_error)
{
    const struct json *node = part_of(resource->resource, part);
    if (!node) {
        *out_value = json_new(arena, JSON_OBJECT);
        return 0;
    }
    struct evaluator evaluator = {
        .arena = arena,
        .binding = binding,
        .resolver = resolver,
        .context = CONTEXT_RESOURCE,
        .error = out_error,
    };
    struct json *value = NULL;
    int rc = evaluate(&evaluator, node, &value);
    if (rc < 0)
        return rc;
    if (value && !json_is_object(value))
        return evaluate_fail(&evaluator, node,
                             "Template format error: [/Resources/" STR_FMT "/" STR_FMT
                             "] must be an object",
                             STR_ARG(resource->resource->id), STR_ARG(node->key));
    if (!value)
        value = json_new(arena, JSON_OBJECT);
    /* AWS resolves references in properties; Metadata keeps them as they are written. */
    if (part == TEMPLATE_PROPERTIES)
        rc = replace_dynamic_references(arena, binding, resource->resource, value, out_error);
    if (rc == 0)
        *out_value = value;
    return rc;
}

int template_resolve_output(struct arena *arena, const struct template_binding *binding,
                            const struct template_bound_output *output,
                            const struct template_resolver *resolver, struct str *out_value,
                            struct template_error *out_error)
{
    struct evaluator evaluator = {
        .arena = arena,
        .binding = binding,
        .resolver = resolver,
        .context = CONTEXT_OUTPUT,
        .error = out_error,
    };
    struct json *value = NULL;
    int rc = evaluate(&evaluator, output->output->value, &value);
    if (rc < 0)
        return rc;
    /* OBSERVED: also a value that is AWS::NoValue is refused so. */
    if (!value || !is_scalar(value))
        return evaluate_fail(&evaluator, output->output->value, TEXT_OUTPUT_STRING);
    if (value->kind == JSON_STRING)
        rc = replace_dynamic_references(arena, binding, NULL, value, out_error);
    if (rc == 0)
        *out_value = scalar_text(value);
    return rc;
}

bool template_is_unknown(const struct json *value)
{
    if (!value)
        return false;
    if (value->kind == JSON_STRING)
        return is_unknown_text(value->text);
    for (const struct json *child = value->first; child; child = child->next) {
        if (template_is_unknown(child))
            return true;
    }
    return false;
}
