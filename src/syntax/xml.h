/* xml.h — XML in (expat, into a small tree) and out (a writer).
 *
 * Input: namespaces are recognised and dropped from names (`ns:Name` and `<Name xmlns=..>` both
 * give "Name"; the URI is kept). DTDs are refused (no entity bombs); depth and node count are
 * limited; comments and processing instructions are ignored; text of mixed content is concatenated.
 */
#pragma once

#include "base/buf.h"
#include "base/str.h"

struct arena;

enum {
    XML_MAX_DEPTH = 100,
    XML_MAX_NODES = 200000, /* a DeleteObjects body of 1,000 keys has about 3,000 */
};

struct xml_attribute {
    struct str name;   /* local name */
    struct str prefix; /* "xsi" of xsi:type; empty when none */
    struct str value;
    struct xml_attribute *next;
};

struct xml_node {
    struct str name; /* local name */
    struct str namespace_uri;
    struct str text; /* all character data directly inside, concatenated; "" when none */
    struct xml_attribute *attributes;
    struct xml_node *first; /* child elements in order */
    struct xml_node *last;
    struct xml_node *next;
};

struct xml_error {
    uint32_t line;
    uint32_t column;
    const char *message; /* static text */
};

/* Parses a document; everything is copied into the arena. Returns 0, -EINVAL (malformed or a DTD),
 * -E2BIG (too deep or too many nodes). */
MUST_CHECK int xml_parse(struct arena *arena, struct str text, struct xml_node **out_root,
                         struct xml_error *out_error);
/* First child element with that local name, or NULL. */
const struct xml_node *xml_find(const struct xml_node *parent, struct str name);
/* Text of that child, or an absent str. */
struct str xml_find_text(const struct xml_node *parent, const char *name);
/* Attribute value (any prefix), or an absent str. */
struct str xml_attribute(const struct xml_node *node, struct str name);

/* Writer. Names are trusted (from models); text is escaped so that every parser reads it back:
 * & < > " ' and CR, LF, TAB inside attributes, CR in text as &#13;. Characters that XML 1.0 cannot
 * hold (other controls) are written as U+FFFD. */
void xml_write_declaration(struct buf *out); /* <?xml version="1.0" encoding="UTF-8"?> + newline */
void xml_open(struct buf *out, struct str name);
/* Opens with attributes text already formed, e.g. ` xmlns="..."`. */
void xml_open_with(struct buf *out, struct str name, struct str attributes);
void xml_close(struct buf *out, struct str name);
void xml_text(struct buf *out, struct str text);
void xml_attribute_text(struct buf *out, struct str text);
/* <name>text</name> */
void xml_element(struct buf *out, struct str name, struct str text);
