/* value.c — C values by shape: presence, defaults, and scalars as text.
 *
 * Texts of errors are those of AWS's Coral framework, which most services run on.
 */
#include "wire/value.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "syntax/base64.h"
#include "syntax/time.h"
#include "wire/json_shape.h"

enum {
    NUMBER_MAX_TEXT =
        400, /* a double needs at most 325 digits and an exponent to be exact enough */
};

int64_t value_i64(const struct shape *shape, const void *slot, enum value_form form)
{
    if (shape->kind == KIND_INTEGER)
        return form == VALUE_PLAIN ? *(const int32_t *)slot : ((const struct opt_i32 *)slot)->value;
    return form == VALUE_PLAIN ? *(const int64_t *)slot : ((const struct opt_i64 *)slot)->value;
}

void value_set_i64(const struct shape *shape, void *slot, enum value_form form, int64_t value)
{
    if (shape->kind == KIND_INTEGER && form == VALUE_PLAIN)
        *(int32_t *)slot = (int32_t)value;
    else if (shape->kind == KIND_INTEGER)
        *(struct opt_i32 *)slot = opt_i32((int32_t)value);
    else if (form == VALUE_PLAIN)
        *(int64_t *)slot = value;
    else
        *(struct opt_i64 *)slot = opt_i64(value);
}

void value_set_bool(void *slot, enum value_form form, bool value)
{
    if (form == VALUE_PLAIN)
        *(bool *)slot = value;
    else
        *(struct opt_bool *)slot = opt_bool(value);
}

void value_set_f64(void *slot, enum value_form form, double value)
{
    if (form == VALUE_PLAIN)
        *(double *)slot = value;
    else
        *(struct opt_f64 *)slot = (struct opt_f64){.is_set = true, .value = value};
}

bool value_fits(const struct shape *shape, int64_t value)
{
    if (shape->kind != KIND_INTEGER)
        return true;
    if (shape->flags & SHAPE_IS_BYTE)
        return value >= INT8_MIN && value <= INT8_MAX;
    if (shape->flags & SHAPE_IS_SHORT)
        return value >= INT16_MIN && value <= INT16_MAX;
    return value >= INT32_MIN && value <= INT32_MAX;
}

bool value_is_present(const struct shape *shape, const void *slot, enum value_form form)
{
    switch (shape->kind) {
    case KIND_STRUCTURE:
    case KIND_UNION:
        return form == VALUE_PLAIN || value_pointer(slot);
    case KIND_DOCUMENT:
        return value_pointer(slot);
    case KIND_LIST:
    case KIND_MAP: {
        const struct value_list list = value_list(slot);
        return form == VALUE_PLAIN || list.is_set || list.count > 0;
    }
    case KIND_STRING:
    case KIND_BLOB:
        return form == VALUE_PLAIN || str_is_set(value_str(slot));
    case KIND_BOOLEAN:
        return form == VALUE_PLAIN || ((const struct opt_bool *)slot)->is_set;
    case KIND_INTEGER:
        return form == VALUE_PLAIN || ((const struct opt_i32 *)slot)->is_set;
    case KIND_LONG:
    case KIND_TIMESTAMP:
        return form == VALUE_PLAIN || ((const struct opt_i64 *)slot)->is_set;
    case KIND_FLOAT:
    case KIND_DOUBLE:
        return form == VALUE_PLAIN || ((const struct opt_f64 *)slot)->is_set;
    }
    return false;
}

/* A default is part of the model, so one that cannot be read is our own mistake. */
static void build_default(struct arena *arena, const struct member *member, void *slot)
{
    struct str message = {0};
    int rc =
        json_shape_decode_text(arena, member, str_from_cstr(member->default_text), slot, &message);
    CHECK(rc == 0);
}

const void *value_member(struct arena *arena, const struct member *member, const void *structure,
                         struct value_scratch *scratch)
{
    if (member->flags & MEMBER_STREAMING)
        return NULL;
    const char *slot = (const char *)structure + member->offset;
    if (value_is_present(member->shape, slot, VALUE_OPTIONAL))
        return slot;
    if (!member->default_text || !arena)
        return NULL;
    *scratch = (struct value_scratch){0};
    build_default(arena, member, scratch->bytes);
    const void *built = scratch->bytes;
    return value_is_present(member->shape, built, VALUE_OPTIONAL) ? built : NULL;
}

void value_apply_defaults(struct arena *arena, const struct shape *shape, void *structure)
{
    if (shape->kind != KIND_STRUCTURE)
        return;
    for (size_t i = 0; i < shape->member_count; i++) {
        const struct member *member = &shape->members[i];
        if (!member->default_text || (member->flags & MEMBER_STREAMING))
            continue;
        char *slot = (char *)structure + member->offset;
        if (!value_is_present(member->shape, slot, VALUE_OPTIONAL))
            build_default(arena, member, slot);
    }
}

const char *value_type_name(const struct shape *shape)
{
    switch (shape->kind) {
    case KIND_STRUCTURE:
    case KIND_UNION:
        return "a Structure";
    case KIND_LIST:
        return "a List";
    case KIND_MAP:
        return "a Map";
    case KIND_STRING:
        return "a String";
    case KIND_BLOB:
        return "a Blob";
    case KIND_BOOLEAN:
        return "a Boolean";
    case KIND_INTEGER:
        if (shape->flags & SHAPE_IS_BYTE)
            return "a Byte";
        return shape->flags & SHAPE_IS_SHORT ? "a Short" : "an Integer";
    case KIND_LONG:
        return "a Long";
    case KIND_FLOAT:
        return "a Float";
    case KIND_DOUBLE:
        return "a Double";
    case KIND_TIMESTAMP:
        return "a Timestamp";
    case KIND_DOCUMENT:
        return "a Document";
    }
    return "a Value";
}

int value_parse_f64(struct str text, bool allow_names, double *out_value)
{
    if (allow_names && str_eq(text, STR("NaN"))) {
        *out_value = (double)NAN;
        return 0;
    }
    const bool is_negative = text.len > 0 && text.ptr[0] == '-';
    if (allow_names && str_eq(str_from(text, is_negative ? 1 : 0), STR("Infinity"))) {
        *out_value = is_negative ? -(double)INFINITY : (double)INFINITY;
        return 0;
    }
    char digits[NUMBER_MAX_TEXT + 1];
    if (text.len == 0 || text.len > NUMBER_MAX_TEXT)
        return -EINVAL;
    for (size_t i = 0; i < text.len; i++) /* strtod knows hex, "inf" and spaces; we do not */
        if (!strchr("0123456789+-.eE", text.ptr[i]) || text.ptr[i] == '\0')
            return -EINVAL;
    memcpy(digits, text.ptr, text.len);
    digits[text.len] = '\0';
    char *end = NULL;
    const double value = strtod(digits, &end);
    if (end != digits + text.len)
        return -EINVAL;
    *out_value = value;
    return 0;
}

void value_write_f64(struct buf *out, double value, bool is_float)
{
    if (isnan(value)) {
        buf_append(out, STR("NaN"));
        return;
    }
    if (isinf(value)) {
        buf_append(out, value < 0 ? STR("-Infinity") : STR("Infinity"));
        return;
    }
    char text[40];
    const int most = is_float ? 9 : 17;
    for (int precision = is_float ? 6 : 15; precision <= most; precision++) {
        snprintf(text, sizeof(text), "%.*g", precision, value);
        const double back = is_float ? (double)strtof(text, NULL) : strtod(text, NULL);
        if (is_float ? (float)back == (float)value : !(back < value || back > value))
            break;
    }
    buf_append_cstr(out, text);
}

void value_write_time(struct buf *out, enum timestamp_format format, int64_t time_ms)
{
    switch (format) {
    case TIMESTAMP_EPOCH_SECONDS:
        time_write_epoch(out, time_ms);
        break;
    case TIMESTAMP_HTTP_DATE:
        time_write_http(out, time_ms);
        break;
    case TIMESTAMP_DEFAULT:
    case TIMESTAMP_DATE_TIME:
        time_write_rfc3339(out, time_ms);
        break;
    }
}

int value_parse_time(enum timestamp_format format, struct str text, int64_t *out_ms)
{
    switch (format) {
    case TIMESTAMP_EPOCH_SECONDS:
        return time_parse_epoch(text, out_ms);
    case TIMESTAMP_HTTP_DATE:
        return time_parse_http(text, out_ms);
    case TIMESTAMP_DEFAULT:
    case TIMESTAMP_DATE_TIME:
        return time_parse_rfc3339(text, out_ms);
    }
    return -EINVAL;
}

/* The text in an error message: long values would drown it. */
static struct str excerpt(struct str text)
{
    enum { EXCERPT_BYTES = 200 };
    return str_is_utf8(text) && text.len <= EXCERPT_BYTES ? text : STR("...");
}

static int refuse_text(struct arena *arena, const struct shape *shape, struct str text,
                       struct str *out_message)
{
    *out_message = str_format(arena, "'" STR_FMT "' can not be converted to %s",
                              STR_ARG(excerpt(text)), value_type_name(shape));
    return -EINVAL;
}

static int parse_integer(const struct shape *shape, struct str text, int64_t *out_value)
{
    int64_t value = 0;
    if (str_to_i64(text, &value) < 0 || !value_fits(shape, value))
        return -EINVAL;
    *out_value = value;
    return 0;
}

static int parse_scalar(struct arena *arena, const struct member *member, struct str text,
                        enum timestamp_format otherwise, void *slot, enum value_form form)
{
    const struct shape *shape = member->shape;
    int64_t number = 0;
    double real = 0;
    switch (shape->kind) {
    case KIND_STRING:
        if (!str_is_utf8(text))
            return -EINVAL;
        *(struct str *)slot = str_or(text, STR(""));
        return 0;
    case KIND_BLOB:
        return base64_decode(arena, text, slot);
    case KIND_BOOLEAN:
        if (!str_eq(text, STR("true")) && !str_eq(text, STR("false")))
            return -EINVAL;
        value_set_bool(slot, form, text.ptr[0] == 't');
        return 0;
    case KIND_INTEGER:
    case KIND_LONG:
        if (parse_integer(shape, text, &number) < 0)
            return -EINVAL;
        value_set_i64(shape, slot, form, number);
        return 0;
    case KIND_FLOAT:
    case KIND_DOUBLE:
        if (value_parse_f64(text, true, &real) < 0)
            return -EINVAL;
        value_set_f64(slot, form, real);
        return 0;
    case KIND_TIMESTAMP:
        if (value_parse_time(value_time_format(member, otherwise), text, &number) < 0)
            return -EINVAL;
        value_set_i64(shape, slot, form, number);
        return 0;
    case KIND_STRUCTURE:
    case KIND_UNION:
    case KIND_LIST:
    case KIND_MAP:
    case KIND_DOCUMENT:
        break;
    }
    return -EINVAL;
}

int value_parse_text(struct arena *arena, const struct member *member, struct str text,
                     enum timestamp_format otherwise, void *slot, enum value_form form,
                     struct str *out_message)
{
    if (parse_scalar(arena, member, text, otherwise, slot, form) == 0)
        return 0;
    return refuse_text(arena, member->shape, text, out_message);
}

void value_write_text(struct buf *out, const struct member *member, const void *slot,
                      enum value_form form, enum timestamp_format otherwise)
{
    const struct shape *shape = member->shape;
    switch (shape->kind) {
    case KIND_STRING:
        buf_append(out, value_str(slot));
        break;
    case KIND_BLOB:
        base64_encode(out, value_str(slot));
        break;
    case KIND_BOOLEAN:
        buf_append(out, value_bool(slot, form) ? STR("true") : STR("false"));
        break;
    case KIND_INTEGER:
    case KIND_LONG:
        buf_append_i64(out, value_i64(shape, slot, form));
        break;
    case KIND_FLOAT:
    case KIND_DOUBLE:
        value_write_f64(out, value_f64(slot, form), shape->kind == KIND_FLOAT);
        break;
    case KIND_TIMESTAMP:
        value_write_time(out, value_time_format(member, otherwise), value_i64(shape, slot, form));
        break;
    case KIND_STRUCTURE:
    case KIND_UNION:
    case KIND_LIST:
    case KIND_MAP:
    case KIND_DOCUMENT:
        CHECK(false); /* not scalars: the engines walk into them */
    }
}
