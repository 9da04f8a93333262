/* validate.c — the model's constraints on a decoded input, reported in the words of AWS's Coral.
 *
 * OBSERVED: texts and paths as recorded from Kinesis and DynamoDB by the tests of kinesalite and
 * dynalite: "Value 'x' at 'records.1.member.partitionKey' failed to satisfy constraint: Member must
 * have length less than or equal to 256". Members of simple lists and maps are reported at the
 * collection, with all constraints of the item. Names start with a small letter. The order of
 * several errors is not fixed at AWS; ours is the model's.
 */
#include <errno.h>

#include "base/arena.h"
#include "base/map.h"
#include "wire/pattern.h"
#include "wire/protocol.h"
#include "wire/value.h"

enum {
    MAX_LISTED = 10,             /* errors in one message */
    MAX_MESSAGE = 64 * 1024,     /* the values in it come from outside */
    MAX_CONSTRAINTS = 16 * 1024, /* one item's, for the bracketed list */
};

/* Where a value is; built on the stack, written only for an error. */
struct path {
    const struct path *parent;
    struct str name; /* member name or map key */
    size_t index;    /* list item, from 1, when name is absent */
    bool is_item;    /* of a list or map: ".member" follows */
};

struct validator {
    struct arena *arena;
    struct buf errors; /* joined by "; " */
    size_t count;
};

static void check_value(struct validator *v, const struct path *path, const struct shape *shape,
                        const void *slot, enum value_form form);

static void write_path(struct buf *out, const struct path *path)
{
    if (path->parent) {
        write_path(out, path->parent);
        buf_append_char(out, '.');
    }
    if (!str_is_set(path->name)) {
        buf_append_i64(out, (int64_t)path->index);
    } else if (path->is_item || path->name.len == 0) {
        buf_append(out, path->name);
    } else { /* AWS: Java's property names: QueueUrl is queueUrl */
        const char first = path->name.ptr[0];
        buf_append_char(out, first >= 'A' && first <= 'Z' ? (char)(first - 'A' + 'a') : first);
        buf_append(out, str_from(path->name, 1));
    }
    if (path->is_item)
        buf_append(out, STR(".member"));
}

/* Whether sensitive parts are written or hidden. */
enum disclosure {
    HIDE_SENSITIVE,
    SHOW_SENSITIVE,
};

static void write_value(struct buf *out, const struct shape *shape, const void *slot,
                        enum value_form form, enum disclosure disclosure);

static void write_structure(struct buf *out, const struct shape *shape, const void *structure,
                            enum disclosure disclosure)
{
    struct value_scratch scratch;
    bool is_first = true;
    buf_append(out, shape->name);
    buf_append_char(out, '(');
    for (size_t i = 0; i < shape->member_count; i++) {
        const struct member *member = &shape->members[i];
        const void *slot = value_member(NULL, member, structure, &scratch);
        if (!slot)
            continue;
        if (!is_first)
            buf_append(out, STR(", "));
        is_first = false;
        write_path(out, &(struct path){.name = member->name});
        buf_append_char(out, '=');
        write_value(out, member->shape, slot, VALUE_OPTIONAL, disclosure);
    }
    buf_append_char(out, ')');
}

static void write_collection(struct buf *out, const struct shape *shape, const void *slot,
                             enum disclosure disclosure)
{
    const struct value_list list = value_list(slot);
    const bool is_map = shape->kind == KIND_MAP;
    buf_append_char(out, is_map ? '{' : '[');
    for (size_t i = 0; i < list.count; i++) {
        const char *item = (const char *)list.items + i * shape->size;
        if (i > 0)
            buf_append(out, STR(", "));
        if (is_map) {
            buf_append(out, value_str(item));
            buf_append_char(out, '=');
        }
        write_value(out, shape->members[is_map ? 1 : 0].shape,
                    item + (is_map ? shape->value_offset : 0), value_item_form(shape), disclosure);
    }
    buf_append_char(out, is_map ? '}' : ']');
}

/* The value as Java's toString prints it. */
static void write_value(struct buf *out, const struct shape *shape, const void *slot,
                        enum value_form form, enum disclosure disclosure)
{
    if ((shape->flags & SHAPE_SENSITIVE) && disclosure == HIDE_SENSITIVE) {
        buf_append(out, STR("*** Sensitive Data Redacted ***"));
        return;
    }
    if (!value_is_present(shape, slot, form)) {
        buf_append(out, STR("null"));
        return;
    }
    const struct member member = {.shape = shape};
    switch (shape->kind) {
    case KIND_STRUCTURE:
    case KIND_UNION:
        write_structure(out, shape, value_structure(slot, form), disclosure);
        break;
    case KIND_LIST:
    case KIND_MAP:
        write_collection(out, shape, slot, disclosure);
        break;
    case KIND_BLOB: /* OBSERVED: KMS Encrypt, plaintext of 4,097 bytes */
        buf_append_format(out, "java.nio.HeapByteBuffer[pos=0 lim=%zu cap=%zu]",
                          value_str(slot).len, value_str(slot).len);
        break;
    case KIND_DOCUMENT:
        buf_append(out, STR("Document"));
        break;
    case KIND_STRING:
    case KIND_BOOLEAN:
    case KIND_INTEGER:
    case KIND_LONG:
    case KIND_FLOAT:
    case KIND_DOUBLE:
    case KIND_TIMESTAMP:
        value_write_text(out, &member, slot, form, TIMESTAMP_DATE_TIME);
        break;
    }
}

/* `slot` NULL: the value is missing. OBSERVED: Cognito leaves sensitive values out: "Value at
 * 'password' failed ...". */
static void report(struct validator *v, const struct path *path, const struct shape *shape,
                   const void *slot, enum value_form form, struct str constraint)
{
    v->count++;
    if (v->count > MAX_LISTED)
        return;
    if (v->count > 1)
        buf_append(&v->errors, STR("; "));
    buf_append(&v->errors, STR("Value "));
    if (!slot) {
        buf_append(&v->errors, STR("null "));
    } else if (!(shape->flags & SHAPE_SENSITIVE)) {
        buf_append_char(&v->errors, '\'');
        write_value(&v->errors, shape, slot, form, HIDE_SENSITIVE);
        buf_append(&v->errors, STR("' "));
    }
    buf_append(&v->errors, STR("at '"));
    write_path(&v->errors, path);
    buf_append(&v->errors, STR("' failed to satisfy constraint: "));
    buf_append(&v->errors, constraint);
}

/* ---- constraints of simple values ---- */

/* What a constraint is about, and its text: both needed for single values and for the bracketed
 * list of an item's constraints. */
enum constraint {
    CONSTRAINT_MAX,
    CONSTRAINT_MIN,
    CONSTRAINT_PATTERN,
    CONSTRAINT_ENUM,
    CONSTRAINT_COUNT,
};

static bool has_length(const struct shape *shape)
{
    return shape->kind == KIND_STRING || shape->kind == KIND_BLOB || shape->kind == KIND_LIST ||
           shape->kind == KIND_MAP;
}

static bool has_constraint(const struct shape *shape, enum constraint constraint)
{
    switch (constraint) {
    case CONSTRAINT_MAX:
        return (shape->flags & SHAPE_HAS_MAX) != 0;
    case CONSTRAINT_MIN:
        return (shape->flags & SHAPE_HAS_MIN) != 0;
    case CONSTRAINT_PATTERN:
        return shape->pattern && shape->kind == KIND_STRING;
    case CONSTRAINT_ENUM:
        return shape->enum_count > 0 && shape->kind == KIND_STRING;
    case CONSTRAINT_COUNT:
        break;
    }
    return false;
}

static bool is_in_enum(const struct shape *shape, struct str text)
{
    for (size_t i = 0; i < shape->enum_count; i++)
        if (str_eq(shape->enum_values[i], text))
            return true;
    return false;
}

static int64_t length_of(const struct shape *shape, const void *slot)
{
    if (shape->kind == KIND_STRING) {
        const struct str text = value_str(slot);
        return (int64_t)str_utf8_length(text);
    }
    if (shape->kind == KIND_BLOB)
        return (int64_t)value_str(slot).len;
    return (int64_t)value_list(slot).count;
}

/* -1, 0 or 1: the length or number is below, within or above the limits. */
static int compare_limits(const struct shape *shape, const void *slot, enum value_form form)
{
    const bool has_min = (shape->flags & SHAPE_HAS_MIN) != 0;
    const bool has_max = (shape->flags & SHAPE_HAS_MAX) != 0;
    if (!has_min && !has_max)
        return 0;
    if (shape->kind == KIND_FLOAT || shape->kind == KIND_DOUBLE) {
        const double value = value_f64(slot, form);
        if (has_min && !(value >= (double)shape->min))
            return -1;
        return has_max && !(value <= (double)shape->max) ? 1 : 0;
    }
    const int64_t value = has_length(shape) ? length_of(shape, slot) : value_i64(shape, slot, form);
    if (has_min && value < shape->min)
        return -1;
    return has_max && value > shape->max ? 1 : 0;
}

static bool satisfies(const struct shape *shape, const void *slot, enum value_form form,
                      enum constraint constraint)
{
    switch (constraint) {
    case CONSTRAINT_MAX:
        return compare_limits(shape, slot, form) <= 0;
    case CONSTRAINT_MIN:
        return compare_limits(shape, slot, form) >= 0;
    case CONSTRAINT_PATTERN:
        return pattern_matches(shape->pattern, value_str(slot));
    case CONSTRAINT_ENUM:
        return is_in_enum(shape, value_str(slot));
    case CONSTRAINT_COUNT:
        break;
    }
    return true;
}

static void write_constraint(struct buf *out, const struct shape *shape, enum constraint constraint)
{
    switch (constraint) {
    case CONSTRAINT_MAX:
        buf_append_format(out, "Member must have %s less than or equal to ",
                          has_length(shape) ? "length" : "value");
        buf_append_i64(out, shape->max);
        break;
    case CONSTRAINT_MIN:
        buf_append_format(out, "Member must have %s greater than or equal to ",
                          has_length(shape) ? "length" : "value");
        buf_append_i64(out, shape->min);
        break;
    case CONSTRAINT_PATTERN:
        buf_append(out, STR("Member must satisfy regular expression pattern: "));
        buf_append_cstr(out, shape->pattern);
        break;
    case CONSTRAINT_ENUM:
        buf_append(out, STR("Member must satisfy enum value set: ["));
        for (size_t i = 0; i < shape->enum_count; i++) {
            if (i > 0)
                buf_append(out, STR(", "));
            buf_append(out, shape->enum_values[i]);
        }
        buf_append_char(out, ']');
        break;
    case CONSTRAINT_COUNT:
        break;
    }
}

static void check_own_constraints(struct validator *v, const struct path *path,
                                  const struct shape *shape, const void *slot, enum value_form form)
{
    for (int i = 0; i < CONSTRAINT_COUNT; i++) {
        const enum constraint constraint = (enum constraint)i;
        if (!has_constraint(shape, constraint) || satisfies(shape, slot, form, constraint))
            continue;
        struct buf text;
        buf_init(&text, v->arena, MAX_CONSTRAINTS);
        write_constraint(&text, shape, constraint);
        report(v, path, shape, slot, form, buf_str(&text));
    }
}

/* ---- collections ---- */

static bool is_simple(const struct shape *shape)
{
    return shape->kind != KIND_STRUCTURE && shape->kind != KIND_UNION && shape->kind != KIND_LIST &&
           shape->kind != KIND_MAP;
}

static bool satisfies_all(const struct shape *shape, const void *slot, enum value_form form)
{
    for (int i = 0; i < CONSTRAINT_COUNT; i++)
        if (has_constraint(shape, (enum constraint)i) &&
            !satisfies(shape, slot, form, (enum constraint)i))
            return false;
    return true;
}

static bool is_constrained(const struct shape *shape)
{
    for (int i = 0; i < CONSTRAINT_COUNT; i++)
        if (has_constraint(shape, (enum constraint)i))
            return true;
    return false;
}

/* Reports the collection once when one of its simple parts breaks a constraint. `part` is at
 * `offset` in each item. */
static void check_simple_parts(struct validator *v, const struct path *path,
                               const struct shape *shape, const void *slot, enum value_form form,
                               const struct shape *part, size_t offset, enum value_form part_form,
                               const char *what)
{
    const struct value_list list = value_list(slot);
    bool is_fine = true;
    if (!is_constrained(part))
        return;
    for (size_t i = 0; i < list.count && is_fine; i++) {
        const char *item = (const char *)list.items + i * shape->size + offset;
        is_fine = !value_is_present(part, item, part_form) || satisfies_all(part, item, part_form);
    }
    if (is_fine)
        return;
    struct buf text;
    bool is_first = true;
    buf_init(&text, v->arena, MAX_CONSTRAINTS);
    buf_append_format(&text, "%s must satisfy constraint: [", what);
    for (int i = 0; i < CONSTRAINT_COUNT; i++) {
        if (!has_constraint(part, (enum constraint)i))
            continue;
        if (!is_first)
            buf_append(&text, STR(", "));
        is_first = false;
        write_constraint(&text, part, (enum constraint)i);
    }
    buf_append_char(&text, ']');
    report(v, path, shape, slot, form, buf_str(&text));
}

static void check_unique(struct validator *v, const struct path *path, const struct shape *shape,
                         const void *slot, enum value_form form)
{
    const struct value_list list = value_list(slot);
    struct map seen;
    map_init(&seen, v->arena);
    for (size_t i = 0; i < list.count; i++) {
        struct buf text;
        buf_init(&text, v->arena, WIRE_MAX_BODY);
        write_value(&text, shape->members[0].shape, (const char *)list.items + i * shape->size,
                    value_item_form(shape), SHOW_SENSITIVE);
        if (!map_set(&seen, buf_str(&text), v)) {
            report(v, path, shape, slot, form, STR("Member must have unique values"));
            return;
        }
    }
}

static void check_items(struct validator *v, const struct path *path, const struct shape *shape,
                        const void *slot)
{
    const struct value_list list = value_list(slot);
    const bool is_map = shape->kind == KIND_MAP;
    const struct shape *part = shape->members[is_map ? 1 : 0].shape;
    const enum value_form form = value_item_form(shape);
    for (size_t i = 0; i < list.count && v->count < MAX_LISTED; i++) {
        const char *item = (const char *)list.items + i * shape->size;
        const struct path at = {
            .parent = path,
            .name = is_map ? value_str(item) : (struct str){0},
            .index = i + 1,
            .is_item = true,
        };
        const char *part_slot = item + (is_map ? shape->value_offset : 0);
        if (value_is_present(part, part_slot, form))
            check_value(v, &at, part, part_slot, form);
    }
}

static void check_collection(struct validator *v, const struct path *path,
                             const struct shape *shape, const void *slot, enum value_form form)
{
    const bool is_map = shape->kind == KIND_MAP;
    const struct shape *part = shape->members[is_map ? 1 : 0].shape;
    if (shape->flags & SHAPE_UNIQUE)
        check_unique(v, path, shape, slot, form);
    if (is_map)
        check_simple_parts(v, path, shape, slot, form, shape->members[0].shape, 0, VALUE_PLAIN,
                           "Map keys");
    if (is_simple(part))
        check_simple_parts(v, path, shape, slot, form, part, is_map ? shape->value_offset : 0,
                           value_item_form(shape), is_map ? "Map value" : "Member");
    else
        check_items(v, path, shape, slot);
}

static void check_members(struct validator *v, const struct path *path, const struct shape *shape,
                          const void *structure)
{
    struct value_scratch scratch;
    for (size_t i = 0; i < shape->member_count && v->count < MAX_LISTED; i++) {
        const struct member *member = &shape->members[i];
        const struct path at = {.parent = path, .name = member->name};
        const void *slot = value_member(NULL, member, structure, &scratch);
        if (slot)
            check_value(v, &at, member->shape, slot, VALUE_OPTIONAL);
        else if ((member->flags & MEMBER_REQUIRED) && !(member->flags & MEMBER_STREAMING))
            report(v, &at, member->shape, NULL, VALUE_OPTIONAL, STR("Member must not be null"));
    }
}

static void check_value(struct validator *v, const struct path *path, const struct shape *shape,
                        const void *slot, enum value_form form)
{
    if (shape->kind == KIND_STRUCTURE || shape->kind == KIND_UNION) {
        check_members(v, path, shape, value_structure(slot, form));
        return;
    }
    check_own_constraints(v, path, shape, slot, form);
    if (shape->kind == KIND_LIST || shape->kind == KIND_MAP)
        check_collection(v, path, shape, slot, form);
}

int wire_validate(struct arena *arena, const struct shape *shape, const void *value,
                  struct str *out_message)
{
    struct validator v = {.arena = arena};
    buf_init(&v.errors, arena, MAX_MESSAGE);
    check_members(&v, NULL, shape, value);
    if (v.count == 0)
        return 0;
    const size_t listed = v.count < MAX_LISTED ? v.count : MAX_LISTED;
    *out_message = str_format(arena, "%zu validation error%s detected: " STR_FMT, listed,
                              listed == 1 ? "" : "s", STR_ARG(buf_str(&v.errors)));
    return -EINVAL;
}
