/* read.c — template text to one tree of JSON nodes in long form, with source positions.
 *
 * YAML is parsed by syntax/yaml and converted: short tags become function objects. JSON is parsed
 * by syntax/json. Both then pass tree_normalize, which macros' output passes too. A node's `offset`
 * is the byte in the source where it starts, whichever syntax it came from, and the table of line
 * starts turns it into a place; nodes that somebody built have offset 0 and no place.
 * Docs: CloudFormation user guide, "CloudFormation template formats".
 */
#include "engine/template/internal.h"

#include <errno.h>
#include <stdarg.h>

#include "base/arena.h"
#include "syntax/yaml.h"

/* ---- Positions and errors ------------------------------------------------------------------- */

static void index_lines(struct arena *arena, struct template_document *document)
{
    size_t count = 1;
    for (size_t i = 0; i < document->source.len; i++)
        count += document->source.ptr[i] == '\n';

    uint32_t *starts = arena_alloc_array(arena, count, sizeof(*starts));
    size_t line = 1;
    for (size_t i = 0; i < document->source.len; i++) {
        if (document->source.ptr[i] == '\n')
            starts[line++] = (uint32_t)i + 1;
    }
    document->line_starts = starts;
    document->line_count = count;
}

/* The byte of a place that libyaml gives: its columns count characters. */
static uint32_t offset_of(const struct template_document *document, uint32_t line, uint32_t column)
{
    if (line == 0 || line > document->line_count)
        return 0;
    size_t at = document->line_starts[line - 1];
    for (uint32_t i = 1; i < column && at < document->source.len; i++) {
        at++;
        while (at < document->source.len &&
               ((unsigned char)document->source.ptr[at] & 0xC0u) == 0x80u)
            at++;
    }
    return (uint32_t)at;
}

void template_position(const struct template_document *document, const struct json *node,
                       uint32_t *out_line, uint32_t *out_column)
{
    *out_line = 0;
    *out_column = 0;
    if (!document || !node || document->line_count == 0 ||
        (node->offset == 0 && node != document->root))
        return;

    size_t low = 0;
    size_t high = document->line_count;
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        if (document->line_starts[middle] <= node->offset)
            low = middle;
        else
            high = middle;
    }
    *out_line = (uint32_t)low + 1;
    *out_column = node->offset - document->line_starts[low] + 1;
}

int vfail_at(struct arena *arena, const struct template_document *document, const struct json *node,
             struct template_error *out_error, const char *format, va_list args)
{
    if (out_error) {
        out_error->message = str_vformat(arena, format, args);
        template_position(document, node, &out_error->line, &out_error->column);
    }
    return -EINVAL;
}

int fail_at(struct arena *arena, const struct template_document *document, const struct json *node,
            struct template_error *out_error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int rc = vfail_at(arena, document, node, out_error, format, args);
    va_end(args);
    return rc;
}

int template_fail(struct arena *arena, struct template_error *out_error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int rc = vfail_at(arena, NULL, NULL, out_error, format, args);
    va_end(args);
    return rc;
}

static int fail_syntax(struct arena *arena, const char *syntax, uint32_t line, uint32_t column,
                       struct template_error *out_error)
{
    /* OBSERVED: "Template format error: YAML not well-formed. (line 3, column 5)" and the same
     * with JSON (many public reports; the reason itself is not told). */
    if (out_error) {
        out_error->message =
            str_format(arena, "Template format error: %s not well-formed. (line %u, column %u)",
                       syntax, line, column);
        out_error->line = line;
        out_error->column = column;
    }
    return -EINVAL;
}

/* ---- YAML to JSON --------------------------------------------------------------------------- */

struct conversion {
    struct arena *arena;
    const struct template_document *document;
    struct template_error *error;
};

static int convert(const struct conversion *conversion, const struct yaml_node *node,
                   struct json **out_value);

/* Whether `text` is a number as JSON writes it. */
static bool is_json_number(struct str text)
{
    size_t i = 0;
    if (i < text.len && text.ptr[i] == '-')
        i++;
    size_t digits = i;
    while (i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '9')
        i++;
    if (i == digits || (text.ptr[digits] == '0' && i > digits + 1))
        return false;
    if (i < text.len && text.ptr[i] == '.') {
        size_t fraction = ++i;
        while (i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '9')
            i++;
        if (i == fraction)
            return false;
    }
    if (i < text.len && (text.ptr[i] == 'e' || text.ptr[i] == 'E')) {
        i++;
        if (i < text.len && (text.ptr[i] == '+' || text.ptr[i] == '-'))
            i++;
        size_t exponent = i;
        while (i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '9')
            i++;
        if (i == exponent)
            return false;
    }
    return i == text.len;
}

static struct json *convert_scalar(struct arena *arena, const struct yaml_node *node)
{
    struct json *value = json_new_string(arena, node->text);
    switch (node->type) {
    case YAML_NULL:
        value->kind = JSON_NULL;
        break;
    case YAML_BOOL:
        /* AWS: "CloudFormation supports the YAML Version 1.1 specification": yes and on are true.
         */
        value->kind =
            str_eq_nocase(node->text, STR("true")) || str_eq_nocase(node->text, STR("yes")) ||
                    str_eq_nocase(node->text, STR("on")) || str_eq_nocase(node->text, STR("y"))
                ? JSON_TRUE
                : JSON_FALSE;
        break;
    case YAML_INT:
    case YAML_FLOAT:
        /* DEVIATION: YAML 1.1 reads 012345678901 as octal, where it can. We keep what JSON cannot
         * write as a number as the text it is: account ids and phone numbers stay whole. */
        if (is_json_number(node->text))
            value->kind = JSON_NUMBER;
        break;
    case YAML_STRING:
        break;
    }
    return value;
}

static int convert_mapping(const struct conversion *conversion, const struct yaml_node *node,
                           struct json *object)
{
    for (size_t i = 0; i < node->count; i++) {
        const struct yaml_pair *pair = &node->pairs[i];
        if (pair->key->tag.len > 0 && pair->key->tag.ptr[0] == '!')
            /* OBSERVED: "[/Resources/R/Type/P] map keys must be strings; received a map instead" */
            return fail_at(conversion->arena, conversion->document, object, conversion->error,
                           "Template format error: map keys must be strings; received a map "
                           "instead");
        struct json *value = NULL;
        int rc = convert(conversion, pair->value, &value);
        if (rc < 0)
            return rc;
        json_append_member(object, pair->key->text, value);
    }
    return 0;
}

static int convert_untagged(const struct conversion *conversion, const struct yaml_node *node,
                            struct json **out_value)
{
    struct json *value = NULL;
    int rc = 0;
    switch (node->kind) {
    case YAML_SCALAR:
        value = convert_scalar(conversion->arena, node);
        break;
    case YAML_SEQUENCE:
        value = json_new(conversion->arena, JSON_ARRAY);
        break;
    case YAML_MAPPING:
        value = json_new(conversion->arena, JSON_OBJECT);
        break;
    }
    value->offset = offset_of(conversion->document, node->line, node->column);
    if (node->kind == YAML_MAPPING)
        rc = convert_mapping(conversion, node, value);
    for (size_t i = 0; node->kind == YAML_SEQUENCE && i < node->count && rc == 0; i++) {
        struct json *item = NULL;
        rc = convert(conversion, node->items[i], &item);
        if (rc == 0)
            json_append(value, item);
    }
    if (rc == 0)
        *out_value = value;
    return rc;
}

/* Short tags: `!Sub x` is {"Fn::Sub": "x"}. An unknown tag has no constructor on AWS: the YAML is
 * not well-formed. */
static int convert(const struct conversion *conversion, const struct yaml_node *node,
                   struct json **out_value)
{
    bool has_tag = node->tag.len > 0 && node->tag.ptr[0] == '!';
    struct str function = has_tag ? function_of_tag(node->tag) : (struct str){0};
    if (has_tag && !str_is_set(function))
        return fail_syntax(conversion->arena, "YAML", node->line, node->column, conversion->error);

    struct json *value = NULL;
    int rc = convert_untagged(conversion, node, &value);
    if (rc < 0)
        return rc;
    if (has_tag) {
        /* `!Ref 1` and `!GetAZs` (nothing): the argument of a tag is text, not a typed scalar. */
        if (node->kind == YAML_SCALAR) {
            value->kind = JSON_STRING;
            if (!str_is_set(value->text))
                value->text = STR("");
        }
        struct json *call = json_new(conversion->arena, JSON_OBJECT);
        call->offset = value->offset;
        json_append_member(call, function, value);
        value = call;
    }
    *out_value = value;
    return 0;
}

static int read_yaml(struct arena *arena, struct template_document *document,
                     struct template_error *out_error)
{
    struct yaml_node *root = NULL;
    struct yaml_error error = {0};
    int rc = yaml_parse(arena, document->source, &root, &error);
    if (rc == -EINVAL || rc == -E2BIG)
        return fail_syntax(arena, "YAML", error.line, error.column, out_error);
    if (rc < 0)
        return rc;
    struct conversion conversion = {.arena = arena, .document = document, .error = out_error};
    return convert(&conversion, root, &document->root);
}

static int read_json(struct arena *arena, struct template_document *document,
                     struct template_error *out_error)
{
    struct json_error error = {0};
    int rc = json_parse(arena, document->source, JSON_REFUSE_DUPLICATES, &document->root, &error);
    if (rc == -EINVAL || rc == -E2BIG)
        return fail_syntax(arena, "JSON", error.line, error.column, out_error);
    return rc;
}

/* ---- Declared transforms -------------------------------------------------------------------- */

static struct str transform_name(const struct json *value)
{
    return json_is_object(value) ? json_find_str(value, "Name") : scalar_text(value);
}

static void add_transform_names(struct vec *names, const struct json *value)
{
    if (!json_is_array(value)) {
        struct str name = transform_name(value);
        if (str_is_set(name))
            add_unique(names, name);
        return;
    }
    for (const struct json *item = value->first; item; item = item->next) {
        struct str name = transform_name(item);
        if (str_is_set(name))
            add_unique(names, name);
    }
}

/* Returns whether there is a call, named or not. */
static bool find_transforms(struct vec *names, const struct json *node)
{
    bool found = false;
    for (const struct json *child = node->first; child; child = child->next) {
        found = find_transforms(names, child) || found;
        if (node->kind != JSON_OBJECT || !str_eq(child->key, STR("Fn::Transform")))
            continue;
        add_transform_names(names, child);
        found = true;
    }
    return found;
}

static void list_transforms(struct arena *arena, struct template_document *document)
{
    struct vec names;
    vec_init(&names, arena, sizeof(struct str));
    bool has_calls = find_transforms(&names, document->root);
    const struct json *top = json_find(document->root, STR("Transform"));
    if (top)
        add_transform_names(&names, top);
    document->transforms = names.items;
    document->transform_count = names.count;
    document->is_expanded = !has_calls && !top;
}

/* ---- Entry ---------------------------------------------------------------------------------- */

/* Copies, indexes and parses a text of either syntax. */
static int read_text(struct arena *arena, struct str text, struct template_document **out_document,
                     struct template_error *out_error)
{
    if (text.len > TEMPLATE_MAX_URL_BYTES)
        /* AWS: quota "Template body size in an Amazon S3 object: 1 MB" (cloudformation-limits). */
        return template_fail(arena, out_error, "Template may not exceed %d bytes in size.",
                             TEMPLATE_MAX_URL_BYTES);

    struct template_document *document = arena_alloc(arena, sizeof(*document));
    document->source = str_copy(arena, str_or(text, STR("")));
    index_lines(arena, document);

    struct str trimmed = str_trim(document->source);
    if (trimmed.len == 0)
        return template_fail(arena, out_error, "Template format error: unsupported structure.");
    document->is_json = trimmed.ptr[0] == '{';
    int rc = document->is_json ? read_json(arena, document, out_error)
                               : read_yaml(arena, document, out_error);
    if (rc < 0)
        return rc;
    *out_document = document;
    return 0;
}

int template_read(struct arena *arena, struct str text, struct template_document **out_document,
                  struct template_error *out_error)
{
    struct template_document *document = NULL;
    int rc = read_text(arena, text, &document, out_error);
    if (rc < 0)
        return rc;
    /* OBSERVED: "Template format error: unsupported structure." when the root is no map. */
    if (!json_is_object(document->root))
        return template_fail(arena, out_error, "Template format error: unsupported structure.");

    rc = tree_normalize(arena, document, document->root, out_error);
    if (rc < 0)
        return rc;
    list_transforms(arena, document);
    *out_document = document;
    return 0;
}

int template_read_snippet(struct arena *arena, struct str text, struct json **out_value,
                          struct template_error *out_error)
{
    struct template_document *document = NULL;
    int rc = read_text(arena, text, &document, out_error);
    if (rc == 0)
        rc = tree_normalize(arena, document, document->root, out_error);
    if (rc < 0)
        return rc;
    template_clear_positions(document->root);
    *out_value = document->root;
    return 0;
}

void template_clear_positions(struct json *value)
{
    value->offset = 0;
    for (struct json *child = value->first; child; child = child->next)
        template_clear_positions(child);
}
