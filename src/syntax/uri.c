/* uri.c — percent coding and x-www-form-urlencoded pairs.
 *
 * RFC: 3986 section 2. Docs: "Create a signed AWS API request", UriEncode.
 */
#include "syntax/uri.h"

#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/vec.h"

static bool is_unreserved(unsigned char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.' || c == '~';
}

static bool stays(char c, bool keep_slash)
{
    return is_unreserved((unsigned char)c) || (keep_slash && c == '/');
}

void uri_encode(struct buf *out, struct str text, bool keep_slash)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t coded_count = 0;
    for (size_t i = 0; i < text.len; i++)
        coded_count += !stays(text.ptr[i], keep_slash);
    if (coded_count == 0) {
        buf_append(out, text);
        return;
    }
    size_t len = text.len + 2 * coded_count;
    char *at = buf_reserve(out, len);
    if (!at)
        return;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (stays((char)c, keep_slash)) {
            *at++ = (char)c;
        } else {
            *at++ = '%';
            *at++ = hex[c >> 4];
            *at++ = hex[c & 0x0F];
        }
    }
    out->len += len;
}

struct str uri_encode_str(struct arena *arena, struct str text, bool keep_slash)
{
    struct buf out;
    buf_init(&out, arena, text.len * 3);
    uri_encode(&out, text, keep_slash);
    return buf_str(&out);
}

/* Value of a hex digit, or -1. */
static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

static bool is_coded(struct str text, bool plus_is_space)
{
    return str_index(text, '%') >= 0 || (plus_is_space && str_index(text, '+') >= 0);
}

int uri_decode(struct arena *arena, struct str text, bool plus_is_space, struct str *out_text)
{
    if (!is_coded(text, plus_is_space)) {
        *out_text = text;
        return 0;
    }
    char *decoded = arena_alloc_text(arena, text.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '%') {
            int high = i + 2 < text.len ? hex_value(text.ptr[i + 1]) : -1;
            int low = i + 2 < text.len ? hex_value(text.ptr[i + 2]) : -1;
            if (high < 0 || low < 0)
                return -EINVAL;
            c = (char)(high << 4 | low);
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        decoded[len++] = c;
    }
    decoded[len] = '\0';
    *out_text = str_of(decoded, len);
    return 0;
}

static int parse_field(struct arena *arena, struct str piece, bool plus_is_space,
                       struct form_field *out_field)
{
    ptrdiff_t equals = str_index(piece, '=');
    size_t name_len = equals >= 0 ? (size_t)equals : piece.len;
    struct str value = str_from(piece, equals >= 0 ? name_len + 1 : name_len);
    struct form_field field = {.has_equals = equals >= 0};
    int rc = uri_decode(arena, str_slice(piece, 0, name_len), plus_is_space, &field.name);
    if (rc < 0)
        return rc;
    rc = uri_decode(arena, value, plus_is_space, &field.value);
    if (rc < 0)
        return rc;
    *out_field = field;
    return 0;
}

int form_parse(struct arena *arena, struct str text, bool plus_is_space, struct form *out_form)
{
    struct vec fields;
    vec_init(&fields, arena, sizeof(struct form_field));
    struct str rest = text;
    struct str piece;
    while (str_split_next(&rest, '&', &piece)) {
        if (piece.len == 0)
            continue;
        if (fields.count == FORM_MAX_FIELDS)
            return -E2BIG;
        struct form_field field;
        int rc = parse_field(arena, piece, plus_is_space, &field);
        if (rc < 0)
            return rc;
        *(struct form_field *)vec_push(&fields) = field;
    }
    *out_form = (struct form){.fields = fields.items, .count = fields.count};
    return 0;
}

struct str form_find(const struct form *form, struct str name)
{
    for (size_t i = 0; i < form->count; i++) {
        if (str_eq(form->fields[i].name, name))
            return form->fields[i].value;
    }
    return (struct str){0};
}
