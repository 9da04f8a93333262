/* xml.c — XML through expat into a small tree, and a writer.
 *
 * Expat calls back with names as "uri<US>local<US>prefix", where US (unit separator, U+001F) cannot
 * occur in XML. Anything that is refused stops the parser at once, and the handlers do nothing from
 * then on. Character data comes in pieces; those of the open elements are collected in one buffer
 * per level, so that text around child elements is joined without copying twice.
 *
 * Docs: libexpat reference, XML_ParserCreateNS, XML_SetReturnNSTriplet.
 */
#include "syntax/xml.h"

#include <errno.h>
#include <expat.h>
#include <limits.h>
#include <string.h>

#include "base/arena.h"
#include "base/map.h"
#include "syntax/text_scan.h"

enum {
    NAME_SEPARATOR = 0x1F,
    URI_MAX_BYTES = 1024, /* those of AWS have about 60 */
};

struct parse {
    struct arena *arena;
    XML_Parser expat;
    uint32_t depth;
    uint32_t node_count; /* elements and attributes */
    struct xml_node *root;
    struct xml_node *open[XML_MAX_DEPTH];
    struct buf texts[XML_MAX_DEPTH]; /* character data of each open element */
    struct map uris; /* namespace names seen, to the copy (struct str) that all nodes share */
    int rc;          /* why a handler stopped the parser */
    const char *message;
};

static void expat_autoclose(XML_Parser *slot)
{
    if (*slot)
        XML_ParserFree(*slot);
}

static void refuse(struct parse *parse, int rc, const char *message)
{
    if (parse->rc < 0)
        return;
    parse->rc = rc;
    parse->message = message;
    XML_StopParser(parse->expat, XML_FALSE);
}

/* The one copy of a namespace name. */
static struct str intern_uri(struct parse *parse, struct str uri)
{
    const struct str *known = map_find(&parse->uris, uri);
    if (known)
        return *known;
    struct str *copy = arena_alloc(parse->arena, sizeof(*copy));
    *copy = str_copy(parse->arena, uri);
    map_set(&parse->uris, *copy, copy);
    return *copy;
}

/* A name cut at the separators; pieces that are not there are empty. */
struct full_name {
    struct str uri;
    struct str local;
    struct str prefix;
};

/* Cuts "uri<US>local<US>prefix", "uri<US>local" or "local". */
static struct full_name split_name(struct parse *parse, const char *text)
{
    struct str rest = str_from_cstr(text);
    struct str pieces[3] = {{0}, {0}, {0}};
    size_t count = 0;
    while (count < ARRAY_LEN(pieces) && str_split_next(&rest, NAME_SEPARATOR, &pieces[count]))
        count++;
    struct str local = count > 1 ? pieces[1] : pieces[0];
    return (struct full_name){
        .uri = count > 1 ? intern_uri(parse, pieces[0]) : STR(""),
        .local = str_copy(parse->arena, local),
        .prefix = str_copy(parse->arena, str_or(pieces[2], STR(""))),
    };
}

static bool count_node(struct parse *parse)
{
    if (parse->node_count == XML_MAX_NODES) {
        refuse(parse, -E2BIG, "too many elements");
        return false;
    }
    parse->node_count++;
    return true;
}

static bool add_attributes(struct parse *parse, struct xml_node *node, const char **attributes)
{
    struct xml_attribute **link = &node->attributes;
    for (; attributes[0]; attributes += 2) {
        if (!count_node(parse))
            return false;
        struct xml_attribute *attribute = arena_alloc(parse->arena, sizeof(*attribute));
        struct full_name name = split_name(parse, attributes[0]);
        attribute->name = name.local;
        attribute->prefix = name.prefix;
        attribute->value = str_copy(parse->arena, str_from_cstr(attributes[1]));
        *link = attribute;
        link = &attribute->next;
    }
    return true;
}

static void on_start_element(void *user, const char *name, const char **attributes)
{
    struct parse *parse = user;
    if (parse->rc < 0)
        return;
    if (parse->depth == XML_MAX_DEPTH) {
        refuse(parse, -E2BIG, "nested too deeply");
        return;
    }
    if (!count_node(parse))
        return;
    struct xml_node *node = arena_alloc(parse->arena, sizeof(*node));
    struct full_name full = split_name(parse, name);
    node->name = full.local;
    node->namespace_uri = full.uri;
    if (!add_attributes(parse, node, attributes))
        return;
    if (parse->depth == 0) {
        parse->root = node;
    } else {
        struct xml_node *parent = parse->open[parse->depth - 1];
        if (parent->last)
            parent->last->next = node;
        else
            parent->first = node;
        parent->last = node;
    }
    parse->open[parse->depth] = node;
    buf_clear(&parse->texts[parse->depth]);
    parse->depth++;
}

static void on_end_element(void *user, const char *name)
{
    (void)name;
    struct parse *parse = user;
    if (parse->rc < 0)
        return;
    parse->depth--;
    parse->open[parse->depth]->text = str_copy(parse->arena, buf_str(&parse->texts[parse->depth]));
}

static void on_text(void *user, const char *text, int len)
{
    struct parse *parse = user;
    if (parse->rc < 0 || parse->depth == 0)
        return;
    buf_append(&parse->texts[parse->depth - 1], str_of(text, (size_t)len));
}

static void on_doctype(void *user, const char *name, const char *system_id, const char *public_id,
                       int has_internal_subset)
{
    (void)name;
    (void)system_id;
    (void)public_id;
    (void)has_internal_subset;
    refuse(user, -EINVAL, "a document type declaration is not allowed");
}

static void locate(const struct parse *parse, struct xml_error *out_error)
{
    if (!out_error)
        return;
    *out_error = (struct xml_error){
        .line = (uint32_t)XML_GetCurrentLineNumber(parse->expat),
        .column = (uint32_t)XML_GetCurrentColumnNumber(parse->expat) + 1,
        .message = parse->rc < 0 ? parse->message : XML_ErrorString(XML_GetErrorCode(parse->expat)),
    };
}

/* Expat copies the URI into the name of every element below the declaration. */
static void on_namespace(void *user, const char *prefix, const char *uri)
{
    (void)prefix;
    if (uri && strlen(uri) > URI_MAX_BYTES)
        refuse(user, -E2BIG, "namespace name too long");
}

static int run(struct parse *parse, struct str text)
{
    XML_SetReturnNSTriplet(parse->expat, XML_TRUE);
    XML_SetUserData(parse->expat, parse);
    XML_SetElementHandler(parse->expat, on_start_element, on_end_element);
    XML_SetCharacterDataHandler(parse->expat, on_text);
    XML_SetStartDoctypeDeclHandler(parse->expat, on_doctype);
    XML_SetStartNamespaceDeclHandler(parse->expat, on_namespace);
    if (text.len > INT_MAX) { /* XML_Parse counts in int */
        refuse(parse, -E2BIG, "text too large");
        return parse->rc;
    }
    const char *start = str_or(text, STR("")).ptr;
    if (XML_Parse(parse->expat, start, (int)text.len, XML_TRUE) == XML_STATUS_OK)
        return 0;
    return parse->rc < 0 ? parse->rc : -EINVAL;
}

int xml_parse(struct arena *arena, struct str text, struct xml_node **out_root,
              struct xml_error *out_error)
{
    /* The parser's own state is large: on the heap of a scratch arena rather than on the stack, and
     * gone with it. */
    AUTO(arena) struct arena *scratch = arena_new();
    struct parse *parse = arena_alloc(scratch, sizeof(*parse));
    /* UTF-8 whatever the declaration says: no service of AWS takes another encoding. */
    AUTO(expat) XML_Parser expat = XML_ParserCreateNS("UTF-8", NAME_SEPARATOR);
    CHECK(expat != NULL);
    parse->arena = arena;
    parse->expat = expat;
    map_init(&parse->uris, scratch);
    /* Without entities, character data is never longer than its source. */
    for (size_t i = 0; i < ARRAY_LEN(parse->texts); i++)
        buf_init(&parse->texts[i], scratch, text.len);
    int rc = run(parse, text);
    if (rc < 0) {
        locate(parse, out_error);
        return rc;
    }
    *out_root = parse->root;
    return 0;
}

const struct xml_node *xml_find(const struct xml_node *parent, struct str name)
{
    for (const struct xml_node *child = parent ? parent->first : NULL; child; child = child->next) {
        if (str_eq(child->name, name))
            return child;
    }
    return NULL;
}

struct str xml_find_text(const struct xml_node *parent, const char *name)
{
    const struct xml_node *child = xml_find(parent, str_from_cstr(name));
    return child ? child->text : (struct str){0};
}

struct str xml_attribute(const struct xml_node *node, struct str name)
{
    for (const struct xml_attribute *at = node ? node->attributes : NULL; at; at = at->next) {
        if (str_eq(at->name, name))
            return at->value;
    }
    return (struct str){0};
}

/* ---- Writer -----------------------------------------------------------------------------------
 */

void xml_write_declaration(struct buf *out)
{
    buf_append(out, STR("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"));
}

void xml_open(struct buf *out, struct str name)
{
    xml_open_with(out, name, STR(""));
}

void xml_open_with(struct buf *out, struct str name, struct str attributes)
{
    char *room = buf_reserve(out, name.len + attributes.len + 2);
    if (!room)
        return;
    *room++ = '<';
    memcpy(room, str_or(name, STR("")).ptr, name.len);
    room += name.len;
    memcpy(room, str_or(attributes, STR("")).ptr, attributes.len);
    room[attributes.len] = '>';
    out->len += name.len + attributes.len + 2;
}

void xml_close(struct buf *out, struct str name)
{
    char *room = buf_reserve(out, name.len + 3);
    if (!room)
        return;
    *room++ = '<';
    *room++ = '/';
    memcpy(room, str_or(name, STR("")).ptr, name.len);
    room[name.len] = '>';
    out->len += name.len + 3;
}

/* What an ASCII character is written as, or an absent str when it stays. */
static struct str replacement(unsigned char c, bool is_attribute)
{
    switch (c) {
    case '&':
        return STR("&amp;");
    case '<':
        return STR("&lt;");
    case '>':
        return STR("&gt;");
    case '"':
        return STR("&quot;");
    case '\'':
        return STR("&apos;");
    case '\r':
        return STR("&#13;"); /* a bare CR would be read as LF */
    case '\n':
        return is_attribute ? STR("&#10;") : (struct str){0};
    case '\t':
        return is_attribute ? STR("&#9;") : (struct str){0};
    default:
        return c < 0x20 ? STR("\xEF\xBF\xBD") : (struct str){0};
    }
}

/* U+FFFE and U+FFFF are well-formed UTF-8 but no XML characters. */
static bool is_noncharacter(const char *at, size_t len)
{
    return len == 3 && at[0] == '\xEF' && at[1] == '\xBF' && (at[2] == '\xBE' || at[2] == '\xBF');
}

/* Most text has nothing to escape and nothing beyond ASCII: that is all one look per byte. */
static bool is_plain(char c)
{
    /* 0x20 to 0x7E without & < > " ', a bit each */
    static const uint64_t plain[4] = {UINT64_C(0xAFFFFF3B00000000), UINT64_C(0x7FFFFFFFFFFFFFFF)};
    return plain[(unsigned char)c >> 6] >> ((unsigned char)c & 63) & 1;
}

/* Whether eight bytes are all letters, digits and what else is plain: for each byte that is not,
 * one of the differences below has its highest bit set; a borrow can only make it say no once too
 * often.
 */
static bool are_plain(const char *eight)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    const uint64_t tops = ones * 0x80;
    uint64_t word = 0;
    memcpy(&word, eight, sizeof(word));
    uint64_t is_special = (word - ones * 0x20) | word | (word + ones); /* < 0x20, > 0x7E */
    static const char specials[] = {'&', '<', '>', '"', '\''};
    for (size_t i = 0; i < ARRAY_LEN(specials); i++)
        is_special |= (word ^ ones * (unsigned char)specials[i]) - ones;
    return (is_special & tops) == 0;
}

static void write_escaped(struct buf *out, struct str text, bool is_attribute)
{
    const char *run = str_or(text, STR("")).ptr; /* start of what is not appended yet */
    const char *end = run + text.len;
    for (const char *at = run; at < end;) {
        if (end - at >= 8 && are_plain(at)) {
            at += 8;
            continue;
        }
        if (is_plain(*at)) {
            at++;
            continue;
        }
        size_t step = scan_utf8(at, end);
        struct str instead =
            step == 1 ? replacement((unsigned char)*at, is_attribute) : (struct str){0};
        if (step == 0 || is_noncharacter(at, step))
            instead = STR("\xEF\xBF\xBD");
        if (str_is_set(instead)) {
            buf_append(out, str_of(run, (size_t)(at - run)));
            buf_append(out, instead);
            at += step > 0 ? step : 1;
            run = at;
        } else {
            at += step;
        }
    }
    buf_append(out, str_of(run, (size_t)(end - run)));
}

void xml_text(struct buf *out, struct str text)
{
    write_escaped(out, text, false);
}

void xml_attribute_text(struct buf *out, struct str text)
{
    write_escaped(out, text, true);
}

void xml_element(struct buf *out, struct str name, struct str text)
{
    xml_open(out, name);
    xml_text(out, text);
    xml_close(out, name);
}
