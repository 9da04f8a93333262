/* value.h — reading and writing the C values that shape tables describe. Private to the wire
 * engines.
 *
 * A value sits in memory in one of two forms (see wire/shape.h): as a member, where it can be
 * absent, or plain, as an item of a dense list or map. Items of sparse collections have the member
 * form. Everything here takes the form as an argument, so that each engine has one function per
 * kind instead of two.
 */
#pragma once

#include <string.h>

#include "base/buf.h"
#include "base/opt.h"
#include "wire/shape.h"

struct arena;

enum value_form {
    VALUE_OPTIONAL, /* member of a structure, item of a sparse collection */
    VALUE_PLAIN,    /* item of a dense collection; structures by value */
};

/* What every generated list and map looks like. Copied in and out, so that the generated types are
 * never read through this one. */
struct value_list {
    void *items;
    size_t count;
    bool is_set;
};

/* Room for one member of any kind. */
struct value_scratch {
    _Alignas(16) char bytes[32];
};

/* How the items of a list, or the values of a map, sit in memory. */
static inline enum value_form value_item_form(const struct shape *collection)
{
    return collection->flags & SHAPE_SPARSE ? VALUE_OPTIONAL : VALUE_PLAIN;
}

static inline struct value_list value_list(const void *slot)
{
    struct value_list list;
    memcpy(&list, slot, sizeof(list));
    return list;
}

static inline void value_set_list(void *slot, void *items, size_t count)
{
    const struct value_list list = {.items = items, .count = count, .is_set = true};
    memcpy(slot, &list, sizeof(list));
}

static inline const void *value_pointer(const void *slot)
{
    const void *pointer;
    memcpy(&pointer, slot, sizeof(pointer));
    return pointer;
}

static inline void value_set_pointer(void *slot, const void *pointer)
{
    memcpy(slot, &pointer, sizeof(pointer));
}

/* The structure or union itself, or NULL when absent. */
static inline const void *value_structure(const void *slot, enum value_form form)
{
    return form == VALUE_PLAIN ? slot : value_pointer(slot);
}

static inline struct str value_str(const void *slot)
{
    return *(const struct str *)slot;
}

static inline bool value_bool(const void *slot, enum value_form form)
{
    return form == VALUE_PLAIN ? *(const bool *)slot : ((const struct opt_bool *)slot)->value;
}

static inline double value_f64(const void *slot, enum value_form form)
{
    return form == VALUE_PLAIN ? *(const double *)slot : ((const struct opt_f64 *)slot)->value;
}

/* Of integers, longs and timestamps. */
int64_t value_i64(const struct shape *shape, const void *slot, enum value_form form);
void value_set_i64(const struct shape *shape, void *slot, enum value_form form, int64_t value);
void value_set_bool(void *slot, enum value_form form, bool value);
void value_set_f64(void *slot, enum value_form form, double value);
/* Whether an integer of this shape (8, 16, 32 or 64 bits) can hold the value. */
bool value_fits(const struct shape *shape, int64_t value);

/* Whether there is a value. Plain ones are always there. Lists and maps count as present when they
 * hold something or were set explicitly. */
bool value_is_present(const struct shape *shape, const void *slot, enum value_form form);

/* The slot of a member, or NULL when it is absent. A default of the model stands in for an absent
 * member when `arena` is given; it is then built in `scratch`. Streaming members are never there.
 */
const void *value_member(struct arena *arena, const struct member *member, const void *structure,
                         struct value_scratch *scratch);

/* Gives absent members the defaults of the model. */
void value_apply_defaults(struct arena *arena, const struct shape *shape, void *structure);

/* Reads a scalar from the text of a form field, element, attribute, header, label or query
 * parameter. `otherwise` is the timestamp format of the place when the model names none. Strings
 * must be UTF-8 and are borrowed. Returns 0, or -EINVAL with *out_message. */
MUST_CHECK int value_parse_text(struct arena *arena, const struct member *member, struct str text,
                                enum timestamp_format otherwise, void *slot, enum value_form form,
                                struct str *out_message);

/* Writes a scalar as such text, unescaped. */
void value_write_text(struct buf *out, const struct member *member, const void *slot,
                      enum value_form form, enum timestamp_format otherwise);

/* Shortest text that reads back to the same float or double: "1.5", "NaN", "-Infinity". */
void value_write_f64(struct buf *out, double value, bool is_float);
/* Reads a decimal number, or "NaN", "Infinity", "-Infinity" when `allow_names`. */
MUST_CHECK int value_parse_f64(struct str text, bool allow_names, double *out_value);
void value_write_time(struct buf *out, enum timestamp_format format, int64_t time_ms);
MUST_CHECK int value_parse_time(enum timestamp_format format, struct str text, int64_t *out_ms);

static inline enum timestamp_format value_time_format(const struct member *member,
                                                      enum timestamp_format otherwise)
{
    return member->timestamp_format != TIMESTAMP_DEFAULT
               ? (enum timestamp_format)member->timestamp_format
               : otherwise;
}

/* "an Integer", "a Long", "a String": the Java type of a kind as AWS's messages name it. */
const char *value_type_name(const struct shape *shape);
