/* uri.h — percent coding and query strings exactly as SigV4 and the AWS query protocol want them.
 *
 * RFC 3986 unreserved characters (A-Z a-z 0-9 - _ . ~) stay, everything else becomes %XX in upper
 * case, byte by byte.
 */
#pragma once

#include "base/buf.h"
#include "base/str.h"

struct arena;

enum {
    FORM_MAX_FIELDS = 10000, /* SendMessageBatch with all attributes stays far below */
};

/* Appends the coded form. Slashes are kept when `keep_slash`. */
void uri_encode(struct buf *out, struct str text, bool keep_slash);
struct str uri_encode_str(struct arena *arena, struct str text, bool keep_slash);
/* Decodes %XX; '+' becomes a space only when `plus_is_space`. Returns 0 or -EINVAL for a broken
 * escape. The result borrows from text when nothing was coded. */
MUST_CHECK int uri_decode(struct arena *arena, struct str text, bool plus_is_space,
                          struct str *out_text);

/* A decoded name=value pair; `has_equals` tells "a" from "a=". */
struct form_field {
    struct str name;
    struct str value;
    bool has_equals;
};

struct form {
    struct form_field *fields; /* in source order */
    size_t count;
};

/* Parses a query string or an x-www-form-urlencoded body. Returns 0, -EINVAL (broken escape),
 * -E2BIG (too many fields). Empty pieces ("a&&b") are skipped. */
MUST_CHECK int form_parse(struct arena *arena, struct str text, bool plus_is_space,
                          struct form *out_form);
/* First value of the name, or an absent str. */
struct str form_find(const struct form *form, struct str name);
