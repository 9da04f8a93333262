/* form_data.h — multipart/form-data (RFC 7578), as browsers upload files with it. Pure: text in,
 * parts out; borrows from the text.
 */
#pragma once

#include "base/str.h"

struct arena;

enum {
    FORM_DATA_MAX_PARTS = 200,
    /* AWS: "The maximum size of form data before the file is 20 KB". */
    FORM_DATA_MAX_HEAD = 20 * 1024,
    FORM_DATA_MAX_BOUNDARY = 70, /* RFC 2046 section 5.1.1 */
};

struct form_data_part {
    struct str name;
    struct str filename;     /* absent: none was given */
    struct str content_type; /* or absent */
    struct str value;
};

/* Parts up to and including "file"; what comes behind it is ignored, as S3 does. */
struct form_data {
    const struct form_data_part *parts; /* in source order, without the file */
    size_t part_count;
    const struct form_data_part *file; /* NULL: there is none */
};

/* The boundary that a Content-Type names, or an absent str when it is no multipart/form-data. */
struct str form_data_boundary(struct str content_type);

/* Returns 0, -EINVAL (not well-formed), or -E2BIG (what precedes the file is too large, or too many
 * parts). */
MUST_CHECK int form_data_parse(struct arena *arena, struct str boundary, struct str text,
                               struct form_data *out_form);

/* The value of the first part of that name (ASCII case does not count), or an absent str. */
struct str form_data_find(const struct form_data *form, struct str name);
