/* xml_shape.c — C values to XML and back, by shape.
 *
 * Docs: Smithy, "XML bindings": lists are <Name><member>..</member></Name> or repeated <Name>s when
 * flattened; maps are <Name><entry><key/><value/></entry></Name>; xmlName, xmlAttribute and
 * xmlNamespace as in the model. On input the names of the root, the order of elements, unknown
 * elements and namespaces do not matter.
 */
#include "wire/xml_shape.h"

#include <errno.h>

#include "base/arena.h"
#include "base/vec.h"
#include "syntax/time.h"
#include "syntax/xml.h"
#include "wire/protocol.h"
#include "wire/value.h"

struct encoder {
    struct buf *out;
    struct arena *arena; /* for defaults; NULL: none */
    unsigned flags;
};

static void encode_element(const struct encoder *e, struct str name, const struct member *member,
                           const void *slot, enum value_form form);

static bool is_in_body(unsigned flags, const struct member *member)
{
    return !(member->flags & MEMBER_STREAMING) &&
           (!(flags & XML_SHAPE_BODY_ONLY) || member->location == LOCATION_BODY);
}

static void write_namespace(struct buf *out, struct str uri, struct str prefix)
{
    if (uri.len == 0)
        return;
    buf_append(out, STR(" xmlns"));
    if (prefix.len > 0) {
        buf_append_char(out, ':');
        buf_append(out, prefix);
    }
    buf_append(out, STR("=\""));
    xml_attribute_text(out, uri);
    buf_append_char(out, '"');
}

static struct str scalar_text(const struct encoder *e, const struct member *member,
                              const void *slot, enum value_form form)
{
    const struct shape *shape = member->shape;
    if (shape->kind == KIND_STRING)
        return value_str(slot);
    struct buf text;
    buf_init(&text, e->out->arena ? e->out->arena : e->arena, WIRE_MAX_BODY);
    if (shape->kind == KIND_TIMESTAMP && (e->flags & XML_SHAPE_MILLISECONDS) &&
        value_time_format(member, TIMESTAMP_DATE_TIME) == TIMESTAMP_DATE_TIME)
        return time_rfc3339_ms(text.arena, value_i64(shape, slot, form));
    value_write_text(&text, member, slot, form, TIMESTAMP_DATE_TIME);
    return buf_str(&text);
}

static void write_attributes(const struct encoder *e, const struct shape *shape,
                             const void *structure)
{
    struct value_scratch scratch;
    for (size_t i = 0; i < shape->member_count; i++) {
        const struct member *member = &shape->members[i];
        if (!(member->flags & MEMBER_XML_ATTRIBUTE))
            continue;
        const void *slot = value_member(e->arena, member, structure, &scratch);
        if (!slot)
            continue;
        buf_append_char(e->out, ' ');
        buf_append(e->out, member->xml_name);
        buf_append(e->out, STR("=\""));
        xml_attribute_text(e->out, scalar_text(e, member, slot, VALUE_OPTIONAL));
        buf_append_char(e->out, '"');
    }
}

static void encode_members(const struct encoder *e, const struct shape *shape,
                           const void *structure, unsigned root_flags)
{
    struct value_scratch scratch;
    for (size_t i = 0; i < shape->member_count; i++) {
        const struct member *member = &shape->members[i];
        if ((member->flags & MEMBER_XML_ATTRIBUTE) || !is_in_body(root_flags, member))
            continue;
        struct arena *arena = shape->kind == KIND_UNION ? NULL : e->arena;
        const void *slot = value_member(arena, member, structure, &scratch);
        if (slot)
            encode_element(e, member->xml_name, member, slot, VALUE_OPTIONAL);
    }
}

static void begin(const struct encoder *e, struct str name, const struct member *member)
{
    buf_append_char(e->out, '<');
    buf_append(e->out, name);
    write_namespace(e->out, member->xml_namespace, member->xml_namespace_prefix);
}

static void encode_list(const struct encoder *e, struct str name, const struct member *member,
                        const void *slot)
{
    const struct shape *shape = member->shape;
    const struct value_list list = value_list(slot);
    const struct member *element = &shape->members[0];
    const bool is_flat = (member->flags & MEMBER_FLATTENED) != 0;
    if (!is_flat) {
        begin(e, name, member);
        buf_append_char(e->out, '>');
    }
    for (size_t i = 0; i < list.count; i++)
        encode_element(e, is_flat ? name : element->xml_name, element,
                       (const char *)list.items + i * shape->size, value_item_form(shape));
    if (!is_flat)
        xml_close(e->out, name);
}

static void encode_map(const struct encoder *e, struct str name, const struct member *member,
                       const void *slot)
{
    const struct shape *shape = member->shape;
    const struct value_list list = value_list(slot);
    const bool is_flat = (member->flags & MEMBER_FLATTENED) != 0;
    const struct str entry_name = is_flat ? name : STR("entry");
    if (!is_flat) {
        begin(e, name, member);
        buf_append_char(e->out, '>');
    }
    for (size_t i = 0; i < list.count; i++) {
        const char *entry = (const char *)list.items + i * shape->size;
        const struct member *key = &shape->members[0];
        const struct member *value = &shape->members[1];
        if (is_flat) {
            begin(e, entry_name, member);
            buf_append_char(e->out, '>');
        } else {
            xml_open(e->out, entry_name);
        }
        encode_element(e, key->xml_name, key, entry, VALUE_PLAIN);
        encode_element(e, value->xml_name, value, entry + shape->value_offset,
                       value_item_form(shape));
        xml_close(e->out, entry_name);
    }
    if (!is_flat)
        xml_close(e->out, name);
}

static void encode_structure(const struct encoder *e, struct str name, const struct member *member,
                             const void *structure)
{
    begin(e, name, member);
    write_attributes(e, member->shape, structure);
    buf_append_char(e->out, '>');
    encode_members(e, member->shape, structure, 0);
    xml_close(e->out, name);
}

/* Writes <name>..</name>; an absent item of a sparse collection is an empty element. */
static void encode_element(const struct encoder *e, struct str name, const struct member *member,
                           const void *slot, enum value_form form)
{
    const struct shape *shape = member->shape;
    const bool is_present = value_is_present(shape, slot, form);
    if (is_present && (shape->kind == KIND_STRUCTURE || shape->kind == KIND_UNION)) {
        encode_structure(e, name, member, value_structure(slot, form));
    } else if (is_present && shape->kind == KIND_LIST) {
        encode_list(e, name, member, slot);
    } else if (is_present && shape->kind == KIND_MAP) {
        encode_map(e, name, member, slot);
    } else {
        begin(e, name, member);
        buf_append_char(e->out, '>');
        if (is_present && shape->kind != KIND_DOCUMENT) /* Smithy has no documents in XML */
            xml_text(e->out, scalar_text(e, member, slot, form));
        xml_close(e->out, name);
    }
}

void xml_shape_encode_members(struct buf *out, struct arena *arena, const struct shape *shape,
                              const void *value, unsigned flags)
{
    const struct encoder e = {.out = out, .arena = arena, .flags = flags};
    encode_members(&e, shape, value, flags);
}

void xml_shape_encode(struct buf *out, struct arena *arena, struct str name,
                      struct str xml_namespace, const struct shape *shape, const void *value,
                      unsigned flags)
{
    const struct encoder e = {.out = out, .arena = arena, .flags = flags};
    buf_append_char(out, '<');
    buf_append(out, name);
    write_namespace(out, xml_namespace, STR(""));
    write_attributes(&e, shape, value);
    buf_append_char(out, '>');
    encode_members(&e, shape, value, flags);
    xml_close(out, name);
}

/* ---- decoding ---- */

struct decoder {
    struct arena *arena;
    unsigned flags;
    struct str message;
};

static int decode_value(struct decoder *d, const struct member *member, const struct xml_node *node,
                        void *slot, enum value_form form, unsigned depth);

/* "xsi:type" is "type" to the parser. */
static struct str local_name(struct str name)
{
    return str_from(name, (size_t)(str_index(name, ':') + 1));
}

static const struct xml_node *next_named(const struct xml_node *node, struct str name)
{
    while (node && !str_eq(node->name, name))
        node = node->next;
    return node;
}

static const struct member *find_member(const struct shape *shape, struct str name, size_t *guess)
{
    for (size_t tried = 0, i = *guess; tried < shape->member_count; tried++, i++) {
        if (i >= shape->member_count)
            i = 0;
        const struct member *member = &shape->members[i];
        if (!(member->flags & MEMBER_XML_ATTRIBUTE) && str_eq(local_name(member->xml_name), name)) {
            *guess = i + 1;
            return member;
        }
    }
    return NULL;
}

static int decode_attributes(struct decoder *d, const struct shape *shape,
                             const struct xml_node *node, char *base)
{
    for (size_t i = 0; i < shape->member_count; i++) {
        const struct member *member = &shape->members[i];
        if (!(member->flags & MEMBER_XML_ATTRIBUTE))
            continue;
        const struct str text = xml_attribute(node, local_name(member->xml_name));
        if (!str_is_set(text))
            continue;
        int rc = value_parse_text(d->arena, member, text, TIMESTAMP_DATE_TIME,
                                  base + member->offset, VALUE_OPTIONAL, &d->message);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int decode_members(struct decoder *d, const struct shape *shape, const struct xml_node *node,
                          char *base, unsigned depth)
{
    const unsigned root_flags = depth == 0 ? d->flags : 0;
    size_t guess = 0;
    int rc = decode_attributes(d, shape, node, base);
    for (const struct xml_node *child = node->first; child && rc == 0; child = child->next) {
        const struct member *member = find_member(shape, child->name, &guess);
        if (!member || !is_in_body(root_flags, member))
            continue;
        char *slot = base + member->offset;
        /* The first element of a flattened collection brings its siblings along. */
        if ((member->flags & MEMBER_FLATTENED) && value_list(slot).is_set)
            continue;
        rc = decode_value(d, member, child, slot, VALUE_OPTIONAL, depth + 1);
    }
    if (rc == 0)
        value_apply_defaults(d->arena, shape, base);
    return rc;
}

static int decode_structure(struct decoder *d, const struct shape *shape,
                            const struct xml_node *node, void *slot, enum value_form form,
                            unsigned depth)
{
    void *structure = form == VALUE_PLAIN ? slot : arena_alloc(d->arena, shape->size);
    int rc = decode_members(d, shape, node, structure, depth);
    if (rc == 0 && form == VALUE_OPTIONAL)
        value_set_pointer(slot, structure);
    return rc;
}

static int decode_list(struct decoder *d, const struct member *member, const struct xml_node *node,
                       void *slot, unsigned depth)
{
    const struct shape *shape = member->shape;
    const struct member *element = &shape->members[0];
    const bool is_flat = (member->flags & MEMBER_FLATTENED) != 0;
    const struct str name = is_flat ? node->name : local_name(element->xml_name);
    struct vec items;
    vec_init(&items, d->arena, shape->size);
    const struct xml_node *item = next_named(is_flat ? node : node->first, name);
    for (; item; item = next_named(item->next, name)) {
        int rc =
            decode_value(d, element, item, vec_push(&items), value_item_form(shape), depth + 1);
        if (rc < 0)
            return rc;
    }
    value_set_list(slot, items.items, items.count);
    return 0;
}

static int decode_entry(struct decoder *d, const struct shape *shape, const struct xml_node *node,
                        char *entry, unsigned depth)
{
    const struct xml_node *key = xml_find(node, local_name(shape->members[0].xml_name));
    const struct xml_node *value = xml_find(node, local_name(shape->members[1].xml_name));
    if (!key) {
        d->message = STR("Unexpected map entry without key");
        return -EINVAL;
    }
    int rc = decode_value(d, &shape->members[0], key, entry, VALUE_PLAIN, depth + 1);
    if (rc == 0 && value)
        rc = decode_value(d, &shape->members[1], value, entry + shape->value_offset,
                          value_item_form(shape), depth + 1);
    return rc;
}

static int decode_map(struct decoder *d, const struct member *member, const struct xml_node *node,
                      void *slot, unsigned depth)
{
    const struct shape *shape = member->shape;
    const bool is_flat = (member->flags & MEMBER_FLATTENED) != 0;
    const struct str name = is_flat ? node->name : STR("entry");
    struct vec entries;
    vec_init(&entries, d->arena, shape->size);
    const struct xml_node *item = next_named(is_flat ? node : node->first, name);
    for (; item; item = next_named(item->next, name)) {
        int rc = decode_entry(d, shape, item, vec_push(&entries), depth);
        if (rc < 0)
            return rc;
    }
    value_set_list(slot, entries.items, entries.count);
    return 0;
}

static int decode_value(struct decoder *d, const struct member *member, const struct xml_node *node,
                        void *slot, enum value_form form, unsigned depth)
{
    const struct shape *shape = member->shape;
    if (depth > WIRE_MAX_DEPTH) {
        d->message = STR("The request is nested too deeply");
        return -EINVAL;
    }
    switch (shape->kind) {
    case KIND_STRUCTURE:
    case KIND_UNION:
        return decode_structure(d, shape, node, slot, form, depth);
    case KIND_LIST:
        return decode_list(d, member, node, slot, depth);
    case KIND_MAP:
        return decode_map(d, member, node, slot, depth);
    case KIND_STRING:
    case KIND_BLOB:
    case KIND_BOOLEAN:
    case KIND_INTEGER:
    case KIND_LONG:
    case KIND_FLOAT:
    case KIND_DOUBLE:
    case KIND_TIMESTAMP:
        return value_parse_text(d->arena, member,
                                shape->kind == KIND_STRING ? node->text : str_trim(node->text),
                                TIMESTAMP_DATE_TIME, slot, form, &d->message);
    case KIND_DOCUMENT:
        break;
    }
    d->message = STR("Documents can not be sent as XML");
    return -EINVAL;
}

int xml_shape_decode(struct arena *arena, const struct shape *shape, const struct xml_node *node,
                     unsigned flags, void *out, struct str *out_message)
{
    struct decoder d = {.arena = arena, .flags = flags};
    int rc = decode_members(&d, shape, node, out, 0);
    if (rc < 0)
        *out_message = d.message;
    return rc;
}
