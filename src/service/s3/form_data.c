/* form_data.c — splits multipart/form-data into its parts.
 *
 * A part is what stands between two lines "--BOUNDARY"; its head ends at the first empty line. Only
 * Content-Disposition and Content-Type of the head are looked at. Names are taken as browsers write
 * them: quoted, with %22 or a backslash before a quote inside.
 *
 * RFC: 7578 (form data), 2046 section 5.1 (boundaries).
 */
#include "service/s3/form_data.h"

#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/vec.h"

/* The value of `name` in "form-data; name=\"key\"; filename=\"a.txt\"", or absent. */
static struct str parameter(struct arena *arena, struct str header, struct str name)
{
    ptrdiff_t at = str_index(header, ';');
    while (at >= 0) {
        header = str_trim(str_from(header, (size_t)at + 1));
        ptrdiff_t equals = str_index(header, '=');
        if (equals < 0)
            return (struct str){0};
        struct str key = str_trim(str_slice(header, 0, (size_t)equals));
        struct str rest = str_from(header, (size_t)equals + 1);
        bool is_wanted = str_eq_nocase(key, name);
        if (!str_starts_with(rest, STR("\""))) {
            at = str_index(rest, ';');
            if (is_wanted)
                return str_trim(at < 0 ? rest : str_slice(rest, 0, (size_t)at));
            header = rest;
            continue;
        }
        char *value = arena ? arena_alloc_text(arena, rest.len + 1) : NULL;
        size_t len = 0;
        size_t i = 1;
        for (; i < rest.len && rest.ptr[i] != '"'; i++) {
            if (rest.ptr[i] == '\\' && i + 1 < rest.len && rest.ptr[i + 1] == '"')
                i++;
            if (value)
                value[len++] = rest.ptr[i];
        }
        if (is_wanted)
            return value ? str_of(value, len) : str_slice(rest, 1, i - 1);
        header = str_from(rest, i < rest.len ? i + 1 : rest.len);
        at = str_index(header, ';');
    }
    return (struct str){0};
}

struct str form_data_boundary(struct str content_type)
{
    ptrdiff_t semicolon = str_index(content_type, ';');
    struct str type = semicolon < 0 ? content_type : str_slice(content_type, 0, (size_t)semicolon);
    if (!str_eq_nocase(str_trim(type), STR("multipart/form-data")))
        return (struct str){0};
    struct str boundary = parameter(NULL, content_type, STR("boundary"));
    bool is_valid = boundary.len > 0 && boundary.len <= FORM_DATA_MAX_BOUNDARY;
    return is_valid ? boundary : (struct str){0};
}

/* Cuts the next line, which ends in CR LF, off *rest. */
static bool next_line(struct str *rest, struct str *out_line)
{
    const char *end = rest->len > 0 ? memmem(rest->ptr, rest->len, "\r\n", 2) : NULL;
    if (!end)
        return false;
    *out_line = str_of(rest->ptr, (size_t)(end - rest->ptr));
    *rest = str_from(*rest, out_line->len + 2);
    return true;
}

static void read_header(struct arena *arena, struct str line, struct form_data_part *part)
{
    ptrdiff_t colon = str_index(line, ':');
    if (colon < 0)
        return;
    struct str name = str_trim(str_slice(line, 0, (size_t)colon));
    struct str value = str_trim(str_from(line, (size_t)colon + 1));
    if (str_eq_nocase(name, STR("content-disposition"))) {
        part->name = parameter(arena, value, STR("name"));
        part->filename = parameter(arena, value, STR("filename"));
    } else if (str_eq_nocase(name, STR("content-type"))) {
        part->content_type = value;
    }
}

/* Reads one part off *rest, which begins behind a boundary's line. The value ends at `delimiter`,
 * CR LF "--" BOUNDARY. */
static int read_part(struct arena *arena, struct str delimiter, struct str *rest,
                     struct form_data_part *out_part)
{
    struct str line = {0};
    *out_part = (struct form_data_part){0};
    for (;;) {
        if (!next_line(rest, &line))
            return -EINVAL;
        if (line.len == 0)
            break;
        read_header(arena, line, out_part);
    }
    const char *end =
        rest->len > 0 ? memmem(rest->ptr, rest->len, delimiter.ptr, delimiter.len) : NULL;
    if (!end || !out_part->name.ptr)
        return -EINVAL;
    out_part->value = str_of(rest->ptr, (size_t)(end - rest->ptr));
    *rest = str_from(*rest, out_part->value.len + delimiter.len);
    return 0;
}

/* What follows a boundary: 1: another part, 0: the end, or -EINVAL. */
static int read_separator(struct str *rest)
{
    struct str line = {0};
    if (str_starts_with(*rest, STR("--")))
        return 0;
    if (!next_line(rest, &line) || str_trim(line).len > 0)
        return -EINVAL;
    return 1;
}

int form_data_parse(struct arena *arena, struct str boundary, struct str text,
                    struct form_data *out_form)
{
    struct str delimiter = str_concat(arena, STR("\r\n--"), boundary);
    struct str first = str_from(delimiter, 2);
    struct vec parts;
    struct form_data form = {0};
    struct str rest = text;
    vec_init(&parts, arena, sizeof(struct form_data_part));
    if (str_starts_with(rest, first)) {
        rest = str_from(rest, first.len);
    } else { /* a preamble is allowed before the first boundary */
        const char *at =
            rest.len > 0 ? memmem(rest.ptr, rest.len, delimiter.ptr, delimiter.len) : NULL;
        if (!at)
            return -EINVAL;
        rest = str_from(rest, (size_t)(at - rest.ptr) + delimiter.len);
    }
    int rc = 0;
    while ((rc = read_separator(&rest)) == 1) {
        struct form_data_part part;
        rc = read_part(arena, delimiter, &rest, &part);
        if (rc < 0)
            return rc;
        if (part.value.ptr - text.ptr > FORM_DATA_MAX_HEAD || parts.count == FORM_DATA_MAX_PARTS)
            return -E2BIG;
        if (str_eq_nocase(part.name, STR("file"))) {
            struct form_data_part *file = arena_alloc(arena, sizeof(*file));
            *file = part;
            form.file = file;
            rc = 0;
            break;
        }
        *(struct form_data_part *)vec_push(&parts) = part;
    }
    if (rc < 0)
        return rc;
    form.parts = parts.items;
    form.part_count = parts.count;
    *out_form = form;
    return 0;
}

struct str form_data_find(const struct form_data *form, struct str name)
{
    for (size_t i = 0; i < form->part_count; i++) {
        if (str_eq_nocase(form->parts[i].name, name))
            return form->parts[i].value;
    }
    return (struct str){0};
}
