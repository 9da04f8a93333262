/* tree.c — small helpers over template trees: copying, normalising, texts, Fn::Sub pieces. */
#include "engine/template/internal.h"

#include <errno.h>

#include "base/arena.h"
#include "base/buf.h"

struct str scalar_text(const struct json *value)
{
    if (!value)
        return (struct str){0};
    switch (value->kind) {
    case JSON_STRING:
        return str_or(value->text, STR(""));
    case JSON_NUMBER:
        return value->text;
    case JSON_TRUE:
        return STR("true");
    case JSON_FALSE:
        return STR("false");
    case JSON_NULL:
    case JSON_ARRAY:
    case JSON_OBJECT:
        break;
    }
    return (struct str){0};
}

bool is_scalar(const struct json *value)
{
    return str_is_set(scalar_text(value));
}

struct json *node_copy(struct arena *arena, const struct json *value)
{
    struct json *copy = json_new(arena, value->kind);
    copy->offset = value->offset;
    copy->text = value->text;
    return copy;
}

struct json *tree_copy(struct arena *arena, const struct json *value)
{
    struct json *copy = node_copy(arena, value);
    for (const struct json *child = value->first; child; child = child->next) {
        struct json *child_copy = tree_copy(arena, child);
        if (value->kind == JSON_OBJECT)
            json_append_member(copy, child->key, child_copy);
        else
            json_append(copy, child_copy);
    }
    return copy;
}

struct str list_text(struct arena *arena, const struct str *names, size_t count)
{
    struct buf text;
    buf_init(&text, arena, TEMPLATE_MAX_STRING_BYTES);
    buf_append_char(&text, '[');
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_append_cstr(&text, ", ");
        buf_append(&text, names[i]);
    }
    buf_append_char(&text, ']');
    return buf_str(&text);
}

void add_unique(struct vec *names, struct str name)
{
    if (names->count >= TEMPLATE_MAX_TOLD_NAMES)
        return;
    const struct str *items = names->items;
    for (size_t i = 0; i < names->count; i++) {
        if (str_eq(items[i], name))
            return;
    }
    *(struct str *)vec_push(names) = name;
}

bool is_alphanumeric(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')))
            return false;
    }
    return name.len > 0;
}

/* ---- Normalising ---------------------------------------------------------------------------- */

struct path {
    const struct path *parent;
    const struct json *node;
    size_t position; /* in an array */
};

struct normalizer {
    struct arena *arena;
    const struct template_document *document;
    struct template_error *error;
    size_t node_count;
};

static void write_path(struct buf *out, const struct path *path)
{
    if (!path->parent)
        return;
    write_path(out, path->parent);
    buf_append_char(out, '/');
    if (path->parent->node->kind == JSON_ARRAY)
        buf_append_i64(out, (int64_t)path->position);
    else if (str_eq(path->node->key, STR("Properties")) && path->parent->parent &&
             path->parent->parent->node &&
             str_eq(path->parent->parent->node->key, STR("Resources")))
        /* OBSERVED: "[/Resources/myInstance/Type/EbsOptimized] 'null' values are not allowed in
         * templates": AWS names the type where one expects Properties (cfn-lint issues 38, 246). */
        buf_append_cstr(out, "Type");
    else
        buf_append(out, path->node->key);
}

static int refuse_null(const struct normalizer *normalizer, const struct path *path)
{
    struct buf text;
    buf_init(&text, normalizer->arena, TEMPLATE_MAX_STRING_BYTES);
    write_path(&text, path);
    return fail_at(normalizer->arena, normalizer->document, path->node, normalizer->error,
                   "[" STR_FMT "] 'null' values are not allowed in templates",
                   STR_ARG(buf_str(&text)));
}

/* "A.B.C" becomes ["A", "B.C"]; AWS: "!GetAtt logicalNameOfResource.attributeName". */
static void split_get_att(struct arena *arena, struct json *argument)
{
    struct str text = scalar_text(argument);
    ptrdiff_t dot = str_index(text, '.');
    struct str name = dot < 0 ? text : str_slice(text, 0, (size_t)dot);
    struct json *list[2] = {json_new_string(arena, name), NULL};
    list[0]->offset = argument->offset;
    if (dot >= 0) {
        list[1] = json_new_string(arena, str_from(text, (size_t)dot + 1));
        list[1]->offset = argument->offset;
    }
    argument->kind = JSON_ARRAY;
    argument->text = (struct str){0};
    json_append(argument, list[0]);
    if (list[1])
        json_append(argument, list[1]);
}

static int normalize(struct normalizer *normalizer, struct json *node, const struct path *path,
                     uint32_t depth)
{
    if (depth > TEMPLATE_MAX_DEPTH || ++normalizer->node_count > TEMPLATE_MAX_NODES)
        return fail_at(normalizer->arena, normalizer->document, node, normalizer->error,
                       "Template format error: the template is too deeply nested or too large.");
    if (node->kind == JSON_NULL)
        return refuse_null(normalizer, path);
    if (node->kind == JSON_OBJECT && node->count == 1 &&
        str_eq(node->first->key, STR("Fn::GetAtt")) && node->first->kind == JSON_STRING)
        split_get_att(normalizer->arena, node->first);

    size_t position = 0;
    for (struct json *child = node->first; child; child = child->next) {
        struct path below = {.parent = path, .node = child, .position = position++};
        int rc = normalize(normalizer, child, &below, depth + 1);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int tree_normalize(struct arena *arena, const struct template_document *document, struct json *root,
                   struct template_error *out_error)
{
    struct normalizer normalizer = {.arena = arena, .document = document, .error = out_error};
    struct path path = {.node = root};
    return normalize(&normalizer, root, &path, 0);
}

/* ---- Members ------------------------------------------------------------------------------- */

enum { MEMBERS_WORTH_HASHING = 16 };

void member_index_init(struct member_index *index, struct arena *arena, const struct json *object)
{
    *index = (struct member_index){.object = object};
    if (!json_is_object(object) || object->count < MEMBERS_WORTH_HASHING)
        return;
    index->is_hashed = true;
    map_init(&index->map, arena);
    for (struct json *member = object->first; member; member = member->next)
        map_set(&index->map, member->key, member);
}

const struct json *member_index_find(const struct member_index *index, struct str name)
{
    return index->is_hashed ? map_find(&index->map, name) : json_find(index->object, name);
}

/* ---- Fn::Sub -------------------------------------------------------------------------------- */

/* Cuts `len` bytes off the text. */
static struct str cut(struct str *rest, size_t len)
{
    struct str piece = str_slice(*rest, 0, len);
    *rest = str_from(*rest, len);
    return piece;
}

bool sub_next(struct str *rest, struct sub_piece *out_piece)
{
    if (rest->len == 0)
        return false;

    out_piece->is_variable = false;
    ptrdiff_t start = str_find(*rest, STR("${"));
    ptrdiff_t end = start < 0 ? -1 : str_index(str_from(*rest, (size_t)start), '}');
    if (end < 0) { /* no variable left; an unclosed "${" is text */
        out_piece->text = cut(rest, rest->len);
    } else if (start > 0) {
        out_piece->text = cut(rest, (size_t)start);
    } else if (end > 2 && rest->ptr[2] == '!') {
        /* AWS: "To write a dollar sign and curly braces literally, add an exclamation point (!)
         * after the open curly brace": the "!" goes. What precedes it is cut off on its own. */
        out_piece->text = STR("${");
        cut(rest, 3);
    } else {
        struct str variable = cut(rest, (size_t)end + 1);
        out_piece->text = str_slice(variable, 2, variable.len - 3);
        out_piece->is_variable = true;
    }
    return true;
}
