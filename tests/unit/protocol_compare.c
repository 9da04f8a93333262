/* protocol_compare.c — JSON, XML and CBOR compared by meaning; see protocol_compare.h.
 *
 * CBOR is compared as JSON trees: byte strings become base64 behind "bytes:", tags objects of one
 * member. Only tests use this, so libcbor may build its own tree first.
 */
#include "protocol_compare.h"

#include <cbor.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "syntax/base64.h"
#include "syntax/json.h"
#include "syntax/xml.h"

static const struct str same = {.ptr = NULL};

/* ---- JSON ---------------------------------------------------------------------------------- */

static double number_of(const struct json *value)
{
    char text[64];
    size_t len = value->text.len < sizeof(text) ? value->text.len : sizeof(text) - 1;
    memcpy(text, value->text.ptr, len);
    text[len] = '\0';
    return strtod(text, NULL);
}

static struct str compare_at(struct arena *arena, struct str path, const struct json *wanted,
                             const struct json *actual);

static struct str compare_objects(struct arena *arena, struct str path, const struct json *wanted,
                                  const struct json *actual)
{
    for (const struct json *child = wanted->first; child; child = child->next) {
        const struct str below = str_concat3(arena, path, STR("."), child->key);
        const struct json *other = json_find(actual, child->key);
        if (!other)
            return str_format(arena, STR_FMT " is missing", STR_ARG(below));
        const struct str difference = compare_at(arena, below, child, other);
        if (str_is_set(difference))
            return difference;
    }
    for (const struct json *child = actual->first; child; child = child->next) {
        if (!json_find(wanted, child->key))
            return str_format(arena, STR_FMT "." STR_FMT " is too much", STR_ARG(path),
                              STR_ARG(child->key));
    }
    return same;
}

static struct str compare_arrays(struct arena *arena, struct str path, const struct json *wanted,
                                 const struct json *actual)
{
    if (wanted->count != actual->count)
        return str_format(arena, STR_FMT " has %zu items, wanted %zu", STR_ARG(path), actual->count,
                          wanted->count);
    const struct json *other = actual->first;
    size_t index = 0;
    for (const struct json *child = wanted->first; child; child = child->next) {
        const struct str below = str_format(arena, STR_FMT "[%zu]", STR_ARG(path), index++);
        const struct str difference = compare_at(arena, below, child, other);
        if (str_is_set(difference))
            return difference;
        other = other->next;
    }
    return same;
}

static bool is_same_scalar(const struct json *wanted, const struct json *actual)
{
    if (wanted->kind == JSON_STRING)
        return str_eq(wanted->text, actual->text);
    if (wanted->kind != JSON_NUMBER || str_eq(wanted->text, actual->text))
        return true;
    const double a = number_of(wanted);
    const double b = number_of(actual);
    return fabs(a - b) <= 1e-12 * fabs(a);
}

static struct str compare_at(struct arena *arena, struct str path, const struct json *wanted,
                             const struct json *actual)
{
    if (wanted->kind == actual->kind) {
        if (wanted->kind == JSON_OBJECT)
            return compare_objects(arena, path, wanted, actual);
        if (wanted->kind == JSON_ARRAY)
            return compare_arrays(arena, path, wanted, actual);
        if (is_same_scalar(wanted, actual))
            return same;
    }
    return str_format(arena, STR_FMT " is " STR_FMT ", wanted " STR_FMT, STR_ARG(path),
                      STR_ARG(json_to_str(arena, actual)), STR_ARG(json_to_str(arena, wanted)));
}

struct str compare_json(struct arena *arena, const struct json *wanted, const struct json *actual)
{
    return compare_at(arena, STR("$"), wanted, actual);
}

static void drop_namespace(struct json *value)
{
    struct json *type = json_find_cstr(value, "__type");
    if (!json_is_string(type))
        return;
    const ptrdiff_t hash = str_index(type->text, '#');
    if (hash >= 0)
        type->text = str_from(type->text, (size_t)hash + 1);
}

struct str compare_json_text(struct arena *arena, struct str wanted, struct str actual)
{
    struct json *trees[2];
    if (json_parse(arena, wanted, 0, &trees[0], NULL) < 0)
        return STR("the wanted body is no JSON");
    if (json_parse(arena, actual, 0, &trees[1], NULL) < 0)
        return str_format(arena, "the body is no JSON: " STR_FMT, STR_ARG(actual));
    drop_namespace(trees[0]);
    drop_namespace(trees[1]);
    return compare_json(arena, trees[0], trees[1]);
}

/* ---- XML ----------------------------------------------------------------------------------- */

static bool is_request_id(const struct xml_node *node)
{
    return str_eq_nocase(node->name, STR("RequestId")) ||
           str_eq_cstr(node->name, "ResponseMetadata");
}

static struct str compare_attributes(struct arena *arena, struct str path,
                                     const struct xml_node *wanted, const struct xml_node *actual)
{
    size_t wanted_count = 0;
    size_t actual_count = 0;
    for (const struct xml_attribute *a = wanted->attributes; a; a = a->next) {
        wanted_count++;
        const struct str value = xml_attribute(actual, a->name);
        if (!str_is_set(value) || !str_eq(value, a->value))
            return str_format(
                arena, STR_FMT " has attribute " STR_FMT "='" STR_FMT "', wanted '" STR_FMT "'",
                STR_ARG(path), STR_ARG(a->name), STR_ARG(value), STR_ARG(a->value));
    }
    for (const struct xml_attribute *a = actual->attributes; a; a = a->next)
        actual_count++;
    if (wanted_count != actual_count)
        return str_format(arena, STR_FMT " has other attributes", STR_ARG(path));
    return same;
}

/* The child that is the `index`th of its name. */
static const struct xml_node *find_nth(const struct xml_node *parent, struct str name, size_t index)
{
    for (const struct xml_node *child = parent->first; child; child = child->next) {
        if (str_eq(child->name, name) && index-- == 0)
            return child;
    }
    return NULL;
}

static size_t index_among_its_name(const struct xml_node *parent, const struct xml_node *child)
{
    size_t index = 0;
    for (const struct xml_node *other = parent->first; other != child; other = other->next)
        index += str_eq(other->name, child->name);
    return index;
}

static struct str compare_nodes(struct arena *arena, struct str path, const struct xml_node *wanted,
                                const struct xml_node *actual);

static struct str compare_children(struct arena *arena, struct str path,
                                   const struct xml_node *wanted, const struct xml_node *actual)
{
    for (const struct xml_node *child = wanted->first; child; child = child->next) {
        const struct str below = str_concat3(arena, path, STR("/"), child->name);
        const struct xml_node *other =
            find_nth(actual, child->name, index_among_its_name(wanted, child));
        if (!other)
            return str_format(arena, STR_FMT " is missing", STR_ARG(below));
        const struct str difference = compare_nodes(arena, below, child, other);
        if (str_is_set(difference))
            return difference;
    }
    for (const struct xml_node *child = actual->first; child; child = child->next) {
        if (!is_request_id(child) &&
            !find_nth(wanted, child->name, index_among_its_name(actual, child)))
            return str_format(arena, STR_FMT "/" STR_FMT " is too much", STR_ARG(path),
                              STR_ARG(child->name));
    }
    return same;
}

static struct str compare_nodes(struct arena *arena, struct str path, const struct xml_node *wanted,
                                const struct xml_node *actual)
{
    if (!str_eq(wanted->name, actual->name))
        return str_format(arena, "element " STR_FMT ", wanted " STR_FMT, STR_ARG(actual->name),
                          STR_ARG(wanted->name));
    if (is_request_id(wanted))
        return same;
    if (wanted->namespace_uri.len > 0 && !str_eq(wanted->namespace_uri, actual->namespace_uri))
        return str_format(arena, STR_FMT " has namespace '" STR_FMT "', wanted '" STR_FMT "'",
                          STR_ARG(path), STR_ARG(actual->namespace_uri),
                          STR_ARG(wanted->namespace_uri));
    const bool is_leaf = !wanted->first;
    if (is_leaf && !str_eq(wanted->text, actual->text))
        return str_format(arena, STR_FMT " is '" STR_FMT "', wanted '" STR_FMT "'", STR_ARG(path),
                          STR_ARG(actual->text), STR_ARG(wanted->text));
    const struct str difference = compare_attributes(arena, path, wanted, actual);
    return str_is_set(difference) ? difference : compare_children(arena, path, wanted, actual);
}

struct str compare_xml_text(struct arena *arena, struct str wanted, struct str actual)
{
    struct xml_node *trees[2];
    if (xml_parse(arena, wanted, &trees[0], NULL) < 0)
        return STR("the wanted body is no XML");
    if (xml_parse(arena, actual, &trees[1], NULL) < 0)
        return str_format(arena, "the body is no XML: " STR_FMT, STR_ARG(actual));
    const struct str difference = compare_nodes(arena, trees[0]->name, trees[0], trees[1]);
    if (!str_is_set(difference))
        return same;
    return str_concat3(arena, difference, STR(" in "), actual);
}

/* ---- CBOR ---------------------------------------------------------------------------------- */

static struct str bytes_of(struct arena *arena, const cbor_item_t *item)
{
    struct buf bytes;
    buf_init(&bytes, arena, SIZE_MAX);
    if (cbor_isa_string(item) && cbor_string_is_definite(item)) {
        buf_append(&bytes,
                   str_of((const char *)cbor_string_handle(item), cbor_string_length(item)));
    } else if (cbor_isa_string(item)) {
        for (size_t i = 0; i < cbor_string_chunk_count(item); i++)
            buf_append(&bytes, bytes_of(arena, cbor_string_chunks_handle(item)[i]));
    } else if (cbor_bytestring_is_definite(item)) {
        buf_append(&bytes, str_of((const char *)cbor_bytestring_handle(item),
                                  cbor_bytestring_length(item)));
    } else {
        for (size_t i = 0; i < cbor_bytestring_chunk_count(item); i++)
            buf_append(&bytes, bytes_of(arena, cbor_bytestring_chunks_handle(item)[i]));
    }
    return buf_str(&bytes);
}

static struct json *number_to_json(struct arena *arena, double value)
{
    struct json *number = json_new(arena, JSON_NUMBER);
    number->text = str_format(arena, "%.17g", value);
    return number;
}

static struct json *simple_to_json(struct arena *arena, cbor_item_t *item)
{
    if (!cbor_float_ctrl_is_ctrl(item))
        return number_to_json(arena, cbor_float_get_float(item));
    if (cbor_is_bool(item))
        return json_new_bool(arena, cbor_get_bool(item));
    return json_new(arena, JSON_NULL);
}

static struct json *cbor_to_json(struct arena *arena, cbor_item_t *item)
{
    struct json *value = NULL;
    switch (cbor_typeof(item)) {
    case CBOR_TYPE_UINT:
        return number_to_json(arena, (double)cbor_get_int(item));
    case CBOR_TYPE_NEGINT:
        return number_to_json(arena, -1.0 - (double)cbor_get_int(item));
    case CBOR_TYPE_BYTESTRING:
        return json_new_string(arena, str_concat(arena, STR("bytes:"),
                                                 base64_encode_str(arena, bytes_of(arena, item))));
    case CBOR_TYPE_STRING:
        return json_new_string(arena, bytes_of(arena, item));
    case CBOR_TYPE_ARRAY:
        value = json_new(arena, JSON_ARRAY);
        for (size_t i = 0; i < cbor_array_size(item); i++)
            json_append(value, cbor_to_json(arena, cbor_array_handle(item)[i]));
        return value;
    case CBOR_TYPE_MAP:
        value = json_new(arena, JSON_OBJECT);
        for (size_t i = 0; i < cbor_map_size(item); i++) {
            const struct cbor_pair pair = cbor_map_handle(item)[i];
            json_set(value, bytes_of(arena, pair.key), cbor_to_json(arena, pair.value));
        }
        return value;
    case CBOR_TYPE_TAG: {
        cbor_item_t *inside = cbor_tag_item(item);
        value = json_new(arena, JSON_OBJECT);
        json_set(value, str_format(arena, "tag %llu", (unsigned long long)cbor_tag_value(item)),
                 cbor_to_json(arena, inside));
        cbor_decref(&inside);
        return value;
    }
    case CBOR_TYPE_FLOAT_CTRL:
        return simple_to_json(arena, item);
    }
    return NULL;
}

/* The tree of one item that fills all of `bytes`, or NULL. */
static struct json *parse_cbor(struct arena *arena, struct str bytes)
{
    struct cbor_load_result result;
    cbor_item_t *item = cbor_load((cbor_data)bytes.ptr, bytes.len, &result);
    if (!item)
        return NULL;
    struct json *value = result.read == bytes.len ? cbor_to_json(arena, item) : NULL;
    cbor_decref(&item);
    return value;
}

struct str compare_cbor(struct arena *arena, struct str wanted, struct str actual)
{
    struct json *trees[2] = {parse_cbor(arena, wanted), parse_cbor(arena, actual)};
    if (!trees[0])
        return STR("the wanted body is no CBOR");
    if (!trees[1])
        return STR("the body is no CBOR");
    drop_namespace(trees[0]);
    drop_namespace(trees[1]);
    return compare_json(arena, trees[0], trees[1]);
}
