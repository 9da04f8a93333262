/* json_shape.c — JSON text to C values and back, by shape.
 *
 * Clients write members in the order of their model, so the decoder tries the member behind the
 * last one first and searches only when that fails.
 *
 * AWS: Smithy awsJson1_0/1_1 and restJson1: null is the same as absent; unknown members are
 * ignored, "__type" in unions included; NaN and the infinities are strings; timestamps are epoch
 * seconds unless the model says otherwise.
 * OBSERVED: texts of SerializationException (Kinesis and DynamoDB, recorded by the tests of
 * kinesalite and dynalite; "STRING_VALUE can not be converted to an Integer" from CodeDeploy,
 * aws-cdk #27087).
 */
#include "wire/json_shape.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/vec.h"
#include "syntax/base64.h"
#include "syntax/json.h"
#include "wire/protocol.h"
#include "wire/value.h"

struct decoder {
    struct json_reader reader;
    struct arena *arena;
    unsigned flags;
    struct str message; /* why it failed; absent: not JSON */
};

static int decode_value(struct decoder *d, const struct member *member, void *slot,
                        enum value_form form, enum json_token token, unsigned depth);

static int refuse(struct decoder *d, struct str message)
{
    d->message = message;
    return -EINVAL;
}

/* OBSERVED: text that is not JSON gets SerializationException without a message. */
static int refuse_syntax(struct decoder *d)
{
    return refuse(d, (struct str){0});
}

static bool is_decimal(struct str number)
{
    for (size_t i = 0; i < number.len; i++)
        if (number.ptr[i] == '.' || number.ptr[i] == 'e' || number.ptr[i] == 'E')
            return true;
    return false;
}

static const char *token_name(const struct decoder *d, enum json_token token)
{
    if (token == JSON_TOKEN_TRUE)
        return "TRUE_VALUE";
    if (token == JSON_TOKEN_FALSE)
        return "FALSE_VALUE";
    if (token == JSON_TOKEN_NUMBER)
        return is_decimal(d->reader.text) ? "DECIMAL_VALUE" : "NUMBER_VALUE";
    return token == JSON_TOKEN_NULL ? "NULL_VALUE" : "STRING_VALUE";
}

/* A token of the wrong kind where `shape` was expected. */
static int refuse_token(struct decoder *d, const struct shape *shape, enum json_token token)
{
    if (token == JSON_TOKEN_ERROR || token == JSON_TOKEN_END)
        return refuse_syntax(d);
    if (token == JSON_TOKEN_BEGIN_ARRAY)
        return refuse(d, STR("Start of list found where not expected"));
    if (token == JSON_TOKEN_BEGIN_OBJECT)
        return refuse(d, STR("Start of structure or map found where not expected."));
    if (shape->kind == KIND_LIST)
        return refuse(d, STR("Expected list or null"));
    if (shape->kind == KIND_MAP)
        return refuse(d, STR("Expected map or null"));
    if (shape->kind == KIND_STRUCTURE || shape->kind == KIND_UNION)
        return refuse(d, STR("Expected null"));
    const char *type =
        shape->kind == KIND_TIMESTAMP ? "milliseconds since epoch" : value_type_name(shape);
    return refuse(
        d, str_format(d->arena, "%s can not be converted to %s", token_name(d, token), type));
}

static struct str member_name(unsigned flags, const struct member *member)
{
    return flags & JSON_SHAPE_JSON_NAMES ? member->json_name : member->name;
}

static const struct member *find_member(unsigned flags, const struct shape *shape, struct str key,
                                        size_t *guess)
{
    for (size_t tried = 0, i = *guess; tried < shape->member_count; tried++, i++) {
        if (i >= shape->member_count)
            i = 0;
        const struct str name = member_name(flags, &shape->members[i]);
        if (name.len == key.len && memcmp(name.ptr, key.ptr, key.len) == 0) {
            *guess = i + 1;
            return &shape->members[i];
        }
    }
    return NULL;
}

/* Whether the body carries this member of the root structure. */
static bool is_in_body(unsigned flags, const struct member *member)
{
    return !(member->flags & MEMBER_STREAMING) &&
           (!(flags & JSON_SHAPE_BODY_ONLY) || member->location == LOCATION_BODY);
}

static int check_union(struct decoder *d, size_t set_count, size_t unknown_count)
{
    if (!(d->flags & JSON_SHAPE_STRICT_UNIONS) || (set_count == 1 && unknown_count == 0))
        return 0;
    return refuse(d, set_count == 0 ? STR("Unions must have exactly one member set, but none were")
                                    : STR("Unions must have exactly one member set, but more "
                                          "were"));
}

/* The object was opened; fills the structure or union at `base`. */
static int decode_members(struct decoder *d, const struct shape *shape, char *base, unsigned depth)
{
    const unsigned root_flags = depth == 0 ? d->flags : d->flags & ~(unsigned)JSON_SHAPE_BODY_ONLY;
    size_t guess = 0;
    size_t set_count = 0;
    size_t unknown_count = 0;
    for (;;) {
        enum json_token token = json_read(&d->reader);
        if (token == JSON_TOKEN_END_OBJECT)
            break;
        if (token != JSON_TOKEN_KEY)
            return refuse_syntax(d);
        const struct member *member = find_member(d->flags, shape, d->reader.text, &guess);
        const bool is_type_name = str_eq_cstr(d->reader.text, "__type");
        token = json_read(&d->reader);
        if (!member || !is_in_body(root_flags, member)) {
            unknown_count += !is_type_name && token != JSON_TOKEN_NULL;
            if (json_skip(&d->reader, token) < 0)
                return refuse_syntax(d);
            continue;
        }
        if (token == JSON_TOKEN_NULL)
            continue;
        int rc = decode_value(d, member, base + member->offset, VALUE_OPTIONAL, token, depth + 1);
        if (rc < 0)
            return rc;
        set_count++;
    }
    if (shape->kind == KIND_UNION)
        return check_union(d, set_count, unknown_count);
    value_apply_defaults(d->arena, shape, base);
    return 0;
}

static int decode_structure(struct decoder *d, const struct shape *shape, void *slot,
                            enum value_form form, unsigned depth)
{
    void *structure = form == VALUE_PLAIN ? slot : arena_alloc(d->arena, shape->size);
    int rc = decode_members(d, shape, structure, depth);
    if (rc < 0)
        return rc;
    if (form == VALUE_OPTIONAL)
        value_set_pointer(slot, structure);
    return 0;
}

static int decode_list(struct decoder *d, const struct shape *shape, void *slot, unsigned depth)
{
    const enum value_form form = value_item_form(shape);
    struct vec items;
    vec_init(&items, d->arena, shape->size);
    for (;;) {
        const enum json_token token = json_read(&d->reader);
        if (token == JSON_TOKEN_END_ARRAY)
            break;
        void *item = vec_push(&items);
        if (token == JSON_TOKEN_NULL && form == VALUE_OPTIONAL)
            continue;
        int rc = decode_value(d, &shape->members[0], item, form, token, depth + 1);
        if (rc < 0)
            return rc;
    }
    value_set_list(slot, items.items, items.count);
    return 0;
}

static int decode_map(struct decoder *d, const struct shape *shape, void *slot, unsigned depth)
{
    const enum value_form form = value_item_form(shape);
    struct vec entries;
    vec_init(&entries, d->arena, shape->size);
    for (;;) {
        enum json_token token = json_read(&d->reader);
        if (token == JSON_TOKEN_END_OBJECT)
            break;
        if (token != JSON_TOKEN_KEY)
            return refuse_syntax(d);
        char *entry = vec_push(&entries);
        *(struct str *)(void *)entry = str_or(d->reader.text, STR(""));
        token = json_read(&d->reader);
        if (token == JSON_TOKEN_NULL && form == VALUE_OPTIONAL)
            continue;
        int rc = decode_value(d, &shape->members[1], entry + shape->value_offset, form, token,
                              depth + 1);
        if (rc < 0)
            return rc;
    }
    value_set_list(slot, entries.items, entries.count);
    return 0;
}

/* 5.0 and 1e3 are integers, too: some languages have one number type only. */
static int decode_integer(struct decoder *d, const struct shape *shape, void *slot,
                          enum value_form form)
{
    enum { EXACT_BITS = 53 };
    const double largest = (double)(INT64_C(1) << EXACT_BITS);
    int64_t value = 0;
    double real = 0;
    if (str_to_i64(d->reader.text, &value) < 0) {
        if (!is_decimal(d->reader.text) || value_parse_f64(d->reader.text, false, &real) < 0 ||
            !(fabs(real) <= largest) || fabs(real - trunc(real)) > 0)
            return refuse_token(d, shape, JSON_TOKEN_NUMBER);
        value = (int64_t)real;
    }
    if (!value_fits(shape, value))
        return refuse_token(d, shape, JSON_TOKEN_NUMBER);
    value_set_i64(shape, slot, form, value);
    return 0;
}

static int decode_float(struct decoder *d, const struct shape *shape, void *slot,
                        enum value_form form, enum json_token token)
{
    double value = 0;
    if (token == JSON_TOKEN_NUMBER) {
        if (value_parse_f64(d->reader.text, false, &value) < 0)
            return refuse_token(d, shape, token);
    } else if (token != JSON_TOKEN_STRING || value_parse_f64(d->reader.text, true, &value) < 0 ||
               isfinite(value)) {
        return refuse_token(d, shape, token); /* of strings only the names of what JSON lacks */
    }
    value_set_f64(slot, form, value);
    return 0;
}

static int decode_timestamp(struct decoder *d, const struct member *member, void *slot,
                            enum value_form form, enum json_token token)
{
    const enum timestamp_format format = value_time_format(member, TIMESTAMP_EPOCH_SECONDS);
    const enum json_token wanted =
        format == TIMESTAMP_EPOCH_SECONDS ? JSON_TOKEN_NUMBER : JSON_TOKEN_STRING;
    int64_t time_ms = 0;
    if (token != wanted || value_parse_time(format, d->reader.text, &time_ms) < 0)
        return refuse_token(d, member->shape, token);
    value_set_i64(member->shape, slot, form, time_ms);
    return 0;
}

static int decode_blob(struct decoder *d, void *slot)
{
    const struct str text = d->reader.text;
    struct str bytes = {0};
    if (base64_decode(d->arena, text, &bytes) == 0) {
        *(struct str *)slot = str_or(bytes, STR(""));
        return 0;
    }
    if (text.len % 4 != 0)
        return refuse(d, str_format(d->arena,
                                    "'" STR_FMT "' can not be converted to a Blob: Base64 encoded "
                                    "length is expected a multiple of 4 bytes but found: %zu",
                                    STR_ARG(text), text.len));
    return refuse(d, str_format(d->arena,
                                "'" STR_FMT "' can not be converted to a Blob: Invalid Base64 "
                                "character",
                                STR_ARG(text)));
}

static int decode_scalar(struct decoder *d, const struct member *member, void *slot,
                         enum value_form form, enum json_token token)
{
    const struct shape *shape = member->shape;
    switch (shape->kind) {
    case KIND_STRING:
        if (token != JSON_TOKEN_STRING)
            return refuse_token(d, shape, token);
        *(struct str *)slot = str_or(d->reader.text, STR(""));
        return 0;
    case KIND_BLOB:
        return token == JSON_TOKEN_STRING ? decode_blob(d, slot) : refuse_token(d, shape, token);
    case KIND_BOOLEAN:
        if (token != JSON_TOKEN_TRUE && token != JSON_TOKEN_FALSE)
            return refuse_token(d, shape, token);
        value_set_bool(slot, form, token == JSON_TOKEN_TRUE);
        return 0;
    case KIND_INTEGER:
    case KIND_LONG:
        return token == JSON_TOKEN_NUMBER ? decode_integer(d, shape, slot, form)
                                          : refuse_token(d, shape, token);
    case KIND_FLOAT:
    case KIND_DOUBLE:
        return decode_float(d, shape, slot, form, token);
    case KIND_TIMESTAMP:
        return decode_timestamp(d, member, slot, form, token);
    case KIND_STRUCTURE:
    case KIND_UNION:
    case KIND_LIST:
    case KIND_MAP:
    case KIND_DOCUMENT:
        break;
    }
    return -EINVAL;
}

static int decode_document(struct decoder *d, void *slot, enum json_token token)
{
    struct json *tree = NULL;
    if (json_read_tree(&d->reader, token, &tree) < 0)
        return refuse_syntax(d);
    value_set_pointer(slot, tree);
    return 0;
}

static int decode_value(struct decoder *d, const struct member *member, void *slot,
                        enum value_form form, enum json_token token, unsigned depth)
{
    const struct shape *shape = member->shape;
    if (depth > WIRE_MAX_DEPTH)
        return refuse(d, STR("The request is nested too deeply"));
    if (token == JSON_TOKEN_ERROR || token == JSON_TOKEN_END)
        return refuse_syntax(d);
    switch (shape->kind) {
    case KIND_STRUCTURE:
    case KIND_UNION:
        return token == JSON_TOKEN_BEGIN_OBJECT ? decode_structure(d, shape, slot, form, depth)
                                                : refuse_token(d, shape, token);
    case KIND_LIST:
        return token == JSON_TOKEN_BEGIN_ARRAY ? decode_list(d, shape, slot, depth)
                                               : refuse_token(d, shape, token);
    case KIND_MAP:
        return token == JSON_TOKEN_BEGIN_OBJECT ? decode_map(d, shape, slot, depth)
                                                : refuse_token(d, shape, token);
    case KIND_DOCUMENT:
        return decode_document(d, slot, token);
    case KIND_STRING:
    case KIND_BLOB:
    case KIND_BOOLEAN:
    case KIND_INTEGER:
    case KIND_LONG:
    case KIND_FLOAT:
    case KIND_DOUBLE:
    case KIND_TIMESTAMP:
        return decode_scalar(d, member, slot, form, token);
    }
    return -EINVAL;
}

static int finish(struct decoder *d, int rc, struct str *out_message)
{
    if (rc == 0 && json_read(&d->reader) != JSON_TOKEN_END)
        rc = refuse_syntax(d);
    if (rc < 0)
        *out_message = d->message;
    return rc;
}

int json_shape_decode(struct arena *arena, const struct shape *shape, struct str text,
                      unsigned flags, void *out, struct str *out_message)
{
    if (str_trim(text).len == 0) {
        value_apply_defaults(arena, shape, out);
        return 0;
    }
    struct decoder d = {.arena = arena, .flags = flags};
    json_reader_init(&d.reader, arena, text);
    const enum json_token token = json_read(&d.reader);
    int rc = token == JSON_TOKEN_BEGIN_OBJECT ? decode_members(&d, shape, out, 0)
                                              : refuse_token(&d, shape, token);
    return finish(&d, rc, out_message);
}

int json_shape_decode_slot(struct arena *arena, const struct member *member, struct str text,
                           unsigned flags, void *slot, struct str *out_message)
{
    struct decoder d = {.arena = arena, .flags = flags & ~(unsigned)JSON_SHAPE_BODY_ONLY};
    json_reader_init(&d.reader, arena, text);
    const enum json_token token = json_read(&d.reader);
    int rc =
        token == JSON_TOKEN_NULL ? 0 : decode_value(&d, member, slot, VALUE_OPTIONAL, token, 0);
    return finish(&d, rc, out_message);
}

int json_shape_decode_text(struct arena *arena, const struct member *member, struct str text,
                           void *slot, struct str *out_message)
{
    return json_shape_decode_slot(arena, member, text, 0, slot, out_message);
}

/* ---- encoding ---- */

struct encoder {
    struct buf *out;
    struct arena *arena; /* for defaults; NULL: none */
    unsigned flags;
};

static void encode_value(const struct encoder *e, const struct member *member, const void *slot,
                         enum value_form form);

/* Member names are identifiers of the model: nothing in them needs escaping. */
static void write_key(struct buf *out, struct str name, bool *is_first)
{
    enum { PUNCTUATION = 4 }; /* ,"": */
    char *room = buf_reserve(out, name.len + PUNCTUATION);
    if (!room)
        return;
    size_t used = 0;
    if (!*is_first)
        room[used++] = ',';
    *is_first = false;
    room[used++] = '"';
    memcpy(room + used, name.ptr, name.len);
    used += name.len;
    room[used++] = '"';
    room[used++] = ':';
    out->len += used;
}

static void encode_members(const struct encoder *e, const struct shape *shape, const void *value,
                           unsigned root_flags, bool *is_first)
{
    struct value_scratch scratch;
    for (size_t i = 0; i < shape->member_count; i++) {
        const struct member *member = &shape->members[i];
        if (!is_in_body(root_flags, member))
            continue;
        struct arena *arena = shape->kind == KIND_UNION ? NULL : e->arena;
        const void *slot = value_member(arena, member, value, &scratch);
        if (!slot)
            continue;
        write_key(e->out, member_name(e->flags, member), is_first);
        encode_value(e, member, slot, VALUE_OPTIONAL);
    }
}

static void encode_structure(const struct encoder *e, const struct shape *shape, const void *value,
                             unsigned root_flags)
{
    bool is_first = true;
    buf_append_char(e->out, '{');
    encode_members(e, shape, value, root_flags, &is_first);
    buf_append_char(e->out, '}');
}

static void encode_item(const struct encoder *e, const struct member *member, const void *slot,
                        enum value_form form)
{
    if (value_is_present(member->shape, slot, form))
        encode_value(e, member, slot, form);
    else
        buf_append(e->out, STR("null"));
}

static void encode_list(const struct encoder *e, const struct shape *shape, const void *slot)
{
    const struct value_list list = value_list(slot);
    const enum value_form form = value_item_form(shape);
    buf_append_char(e->out, '[');
    for (size_t i = 0; i < list.count; i++) {
        if (i > 0)
            buf_append_char(e->out, ',');
        encode_item(e, &shape->members[0], (const char *)list.items + i * shape->size, form);
    }
    buf_append_char(e->out, ']');
}

static void encode_map(const struct encoder *e, const struct shape *shape, const void *slot)
{
    const struct value_list list = value_list(slot);
    const enum value_form form = value_item_form(shape);
    buf_append_char(e->out, '{');
    for (size_t i = 0; i < list.count; i++) {
        const char *entry = (const char *)list.items + i * shape->size;
        if (i > 0)
            buf_append_char(e->out, ',');
        json_write_string(e->out, value_str(entry));
        buf_append_char(e->out, ':');
        encode_item(e, &shape->members[1], entry + shape->value_offset, form);
    }
    buf_append_char(e->out, '}');
}

static void encode_float(struct buf *out, const struct shape *shape, double value)
{
    if (!isfinite(value))
        buf_append_char(out, '"');
    value_write_f64(out, value, shape->kind == KIND_FLOAT);
    if (!isfinite(value))
        buf_append_char(out, '"');
}

static void encode_timestamp(struct buf *out, const struct member *member, int64_t time_ms)
{
    const enum timestamp_format format = value_time_format(member, TIMESTAMP_EPOCH_SECONDS);
    if (format != TIMESTAMP_EPOCH_SECONDS)
        buf_append_char(out, '"');
    value_write_time(out, format, time_ms);
    if (format != TIMESTAMP_EPOCH_SECONDS)
        buf_append_char(out, '"');
}

static void encode_value(const struct encoder *e, const struct member *member, const void *slot,
                         enum value_form form)
{
    const struct shape *shape = member->shape;
    switch (shape->kind) {
    case KIND_STRUCTURE:
    case KIND_UNION:
        encode_structure(e, shape, value_structure(slot, form), 0);
        break;
    case KIND_LIST:
        encode_list(e, shape, slot);
        break;
    case KIND_MAP:
        encode_map(e, shape, slot);
        break;
    case KIND_STRING:
        json_write_string(e->out, value_str(slot));
        break;
    case KIND_BLOB:
        buf_append_char(e->out, '"');
        base64_encode(e->out, value_str(slot));
        buf_append_char(e->out, '"');
        break;
    case KIND_FLOAT:
    case KIND_DOUBLE:
        encode_float(e->out, shape, value_f64(slot, form));
        break;
    case KIND_TIMESTAMP:
        encode_timestamp(e->out, member, value_i64(shape, slot, form));
        break;
    case KIND_DOCUMENT:
        json_write(e->out, value_pointer(slot), 0);
        break;
    case KIND_BOOLEAN:
    case KIND_INTEGER:
    case KIND_LONG:
        value_write_text(e->out, member, slot, form, TIMESTAMP_DEFAULT);
        break;
    }
}

void json_shape_encode(struct buf *out, struct arena *arena, const struct shape *shape,
                       const void *value, unsigned flags)
{
    const struct encoder e = {.out = out, .arena = arena, .flags = flags};
    encode_structure(&e, shape, value, flags);
}

void json_shape_encode_members(struct buf *out, struct arena *arena, const struct shape *shape,
                               const void *value, unsigned flags, bool *is_first)
{
    const struct encoder e = {.out = out, .arena = arena, .flags = flags};
    encode_members(&e, shape, value, flags, is_first);
}

void json_shape_encode_slot(struct buf *out, struct arena *arena, const struct member *member,
                            const void *slot, unsigned flags)
{
    const struct encoder e = {.out = out, .arena = arena, .flags = flags};
    encode_item(&e, member, slot, VALUE_OPTIONAL);
}
