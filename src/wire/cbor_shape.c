/* cbor_shape.c — CBOR to C values and back, by shape.
 *
 * libcbor's streaming decoder names one item per call; here it becomes a pull reader, so that the
 * walk over the shapes looks like that of JSON. Nothing is allocated for counts that the input only
 * claims: lists grow as items come.
 *
 * Docs: Smithy RPC v2 CBOR: structures are maps with text keys, timestamps are tag 1, null is
 * absent, definite and indefinite lengths are equal, floats of any width. RFC 8949.
 */
#include "wire/cbor_shape.h"

#include <cbor.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/vec.h"
#include "wire/protocol.h"
#include "wire/value.h"

enum {
    TAG_EPOCH = 1,
    HEAD_BYTES = 9, /* the longest head of an item */
};

enum item_kind {
    ITEM_ERROR, /* malformed or cut off */
    ITEM_UNSIGNED,
    ITEM_NEGATIVE, /* -1 - number */
    ITEM_BYTES,
    ITEM_TEXT,
    ITEM_ARRAY,
    ITEM_MAP,
    ITEM_TAG,
    ITEM_FLOAT,
    ITEM_BOOLEAN,
    ITEM_NULL, /* also undefined */
    ITEM_BREAK,
};

struct item {
    enum item_kind kind;
    uint64_t number;    /* value, tag, or count of a definite array or map */
    bool is_indefinite; /* bytes, text, array, map */
    bool is_true;
    double real;
    struct str text; /* definite bytes and text: borrowed from the input */
};

struct decoder {
    struct arena *arena;
    struct str left; /* not read yet */
    struct str message;
};

/* The items of an array or map that are still to come. */
struct cursor {
    uint64_t count;
    bool is_indefinite;
};

static int decode_value(struct decoder *d, const struct member *member, void *slot,
                        enum value_form form, const struct item *item, unsigned depth);

/* ---- libcbor's callbacks: each notes what was read ---- */

static void on_unsigned(void *context, uint64_t value)
{
    *(struct item *)context = (struct item){.kind = ITEM_UNSIGNED, .number = value};
}

static void on_u8(void *context, uint8_t value)
{
    on_unsigned(context, value);
}

static void on_u16(void *context, uint16_t value)
{
    on_unsigned(context, value);
}

static void on_u32(void *context, uint32_t value)
{
    on_unsigned(context, value);
}

static void on_negative(void *context, uint64_t value)
{
    *(struct item *)context = (struct item){.kind = ITEM_NEGATIVE, .number = value};
}

static void on_n8(void *context, uint8_t value)
{
    on_negative(context, value);
}

static void on_n16(void *context, uint16_t value)
{
    on_negative(context, value);
}

static void on_n32(void *context, uint32_t value)
{
    on_negative(context, value);
}

static void on_bytes(void *context, cbor_data bytes, size_t len)
{
    *(struct item *)context =
        (struct item){.kind = ITEM_BYTES, .text = str_of((const char *)bytes, len)};
}

static void on_text(void *context, cbor_data bytes, size_t len)
{
    *(struct item *)context =
        (struct item){.kind = ITEM_TEXT, .text = str_of((const char *)bytes, len)};
}

static void on_bytes_start(void *context)
{
    *(struct item *)context = (struct item){.kind = ITEM_BYTES, .is_indefinite = true};
}

static void on_text_start(void *context)
{
    *(struct item *)context = (struct item){.kind = ITEM_TEXT, .is_indefinite = true};
}

static void on_array(void *context, size_t count)
{
    *(struct item *)context = (struct item){.kind = ITEM_ARRAY, .number = count};
}

static void on_array_start(void *context)
{
    *(struct item *)context = (struct item){.kind = ITEM_ARRAY, .is_indefinite = true};
}

static void on_map(void *context, size_t count)
{
    *(struct item *)context = (struct item){.kind = ITEM_MAP, .number = count};
}

static void on_map_start(void *context)
{
    *(struct item *)context = (struct item){.kind = ITEM_MAP, .is_indefinite = true};
}

static void on_tag(void *context, uint64_t tag)
{
    *(struct item *)context = (struct item){.kind = ITEM_TAG, .number = tag};
}

static void on_float(void *context, float value)
{
    *(struct item *)context = (struct item){.kind = ITEM_FLOAT, .real = (double)value};
}

static void on_double(void *context, double value)
{
    *(struct item *)context = (struct item){.kind = ITEM_FLOAT, .real = value};
}

static void on_null(void *context)
{
    *(struct item *)context = (struct item){.kind = ITEM_NULL};
}

static void on_boolean(void *context, bool value)
{
    *(struct item *)context = (struct item){.kind = ITEM_BOOLEAN, .is_true = value};
}

static void on_break(void *context)
{
    *(struct item *)context = (struct item){.kind = ITEM_BREAK};
}

static const struct cbor_callbacks callbacks = {
    .uint8 = on_u8,
    .uint16 = on_u16,
    .uint32 = on_u32,
    .uint64 = on_unsigned,
    .negint64 = on_negative,
    .negint32 = on_n32,
    .negint16 = on_n16,
    .negint8 = on_n8,
    .byte_string_start = on_bytes_start,
    .byte_string = on_bytes,
    .string = on_text,
    .string_start = on_text_start,
    .indef_array_start = on_array_start,
    .array_start = on_array,
    .indef_map_start = on_map_start,
    .map_start = on_map,
    .tag = on_tag,
    .float2 = on_float,
    .float4 = on_float,
    .float8 = on_double,
    .undefined = on_null,
    .null = on_null,
    .boolean = on_boolean,
    .indef_break = on_break,
};

/* ---- pulling items ---- */

static struct item read_raw(struct decoder *d)
{
    struct item item = {.kind = ITEM_ERROR};
    if (d->left.len == 0)
        return item;
    const struct cbor_decoder_result result =
        cbor_stream_decode((cbor_data)d->left.ptr, d->left.len, &callbacks, &item);
    if (result.status != CBOR_DECODER_FINISHED || result.read == 0)
        return (struct item){.kind = ITEM_ERROR};
    d->left = str_from(d->left, result.read);
    return item;
}

/* The next item; tags that mean nothing here are passed over. */
static struct item read_item(struct decoder *d)
{
    struct item item = read_raw(d);
    while (item.kind == ITEM_TAG && item.number != TAG_EPOCH)
        item = read_raw(d);
    return item;
}

static int refuse(struct decoder *d, struct str message)
{
    d->message = message;
    return -EINVAL;
}

static int refuse_syntax(struct decoder *d)
{
    return refuse(d, STR("The body is not well-formed CBOR"));
}

static const char *item_name(const struct item *item)
{
    static const char *const names[] = {
        [ITEM_ERROR] = "Nothing",       [ITEM_UNSIGNED] = "An integer",
        [ITEM_NEGATIVE] = "An integer", [ITEM_BYTES] = "A byte string",
        [ITEM_TEXT] = "A text string",  [ITEM_ARRAY] = "An array",
        [ITEM_MAP] = "A map",           [ITEM_TAG] = "A timestamp",
        [ITEM_FLOAT] = "A float",       [ITEM_BOOLEAN] = "A boolean",
        [ITEM_NULL] = "null",           [ITEM_BREAK] = "A break",
    };
    return names[item->kind];
}

static int refuse_item(struct decoder *d, const struct shape *shape, const struct item *item)
{
    if (item->kind == ITEM_ERROR || item->kind == ITEM_BREAK)
        return refuse_syntax(d);
    return refuse(d, str_format(d->arena, "%s can not be converted to %s", item_name(item),
                                value_type_name(shape)));
}

static struct cursor cursor_of(const struct item *collection)
{
    return (struct cursor){.count = collection->number, .is_indefinite = collection->is_indefinite};
}

/* Reads the next item of an array, or the next key of a map; false at its end. An input that ends
 * early gives ITEM_ERROR. */
static bool next_item(struct decoder *d, struct cursor *cursor, struct item *out_item)
{
    if (!cursor->is_indefinite && cursor->count-- == 0)
        return false;
    *out_item = read_item(d);
    return !(cursor->is_indefinite && out_item->kind == ITEM_BREAK);
}

/* Text or bytes in one piece; chunks of an indefinite one are joined. */
static int read_text(struct decoder *d, const struct item *item, struct str *out_text)
{
    if (!item->is_indefinite) {
        *out_text = str_or(item->text, STR(""));
    } else {
        struct buf joined;
        struct cursor chunks = cursor_of(item);
        struct item chunk;
        buf_init(&joined, d->arena, WIRE_MAX_BODY);
        while (next_item(d, &chunks, &chunk)) {
            if (chunk.kind != item->kind || chunk.is_indefinite)
                return refuse_syntax(d);
            buf_append(&joined, chunk.text);
        }
        *out_text = buf_str(&joined);
    }
    if (item->kind == ITEM_TEXT && !str_is_utf8(*out_text))
        return refuse_syntax(d);
    return 0;
}

static int skip_item(struct decoder *d, const struct item *item, unsigned depth)
{
    struct str text;
    struct item part;
    if (depth > WIRE_MAX_DEPTH)
        return refuse(d, STR("The request is nested too deeply"));
    if (item->kind == ITEM_ERROR || item->kind == ITEM_BREAK)
        return refuse_syntax(d);
    if (item->kind == ITEM_BYTES || item->kind == ITEM_TEXT)
        return read_text(d, item, &text);
    if (item->kind == ITEM_TAG) {
        part = read_raw(d);
        return skip_item(d, &part, depth + 1);
    }
    if (item->kind != ITEM_ARRAY && item->kind != ITEM_MAP)
        return 0;
    struct cursor cursor = cursor_of(item);
    while (next_item(d, &cursor, &part)) {
        int rc = skip_item(d, &part, depth + 1);
        if (rc == 0 && item->kind == ITEM_MAP) {
            part = read_item(d);
            rc = skip_item(d, &part, depth + 1);
        }
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* ---- decoding ---- */

static int read_key(struct decoder *d, const struct item *item, struct str *out_key)
{
    return item->kind == ITEM_TEXT ? read_text(d, item, out_key) : refuse_syntax(d);
}

static const struct member *find_member(const struct shape *shape, struct str key, size_t *guess)
{
    for (size_t tried = 0, i = *guess; tried < shape->member_count; tried++, i++) {
        if (i >= shape->member_count)
            i = 0;
        if (str_eq(shape->members[i].name, key)) {
            *guess = i + 1;
            return &shape->members[i];
        }
    }
    return NULL;
}

static int decode_members(struct decoder *d, const struct shape *shape, const struct item *map,
                          char *base, unsigned depth)
{
    struct cursor cursor = cursor_of(map);
    struct item item;
    size_t guess = 0;
    size_t set_count = 0;
    while (next_item(d, &cursor, &item)) {
        struct str key;
        int rc = read_key(d, &item, &key);
        if (rc < 0)
            return rc;
        const struct member *member = find_member(shape, key, &guess);
        item = read_item(d);
        if (!member || (member->flags & MEMBER_STREAMING)) {
            rc = skip_item(d, &item, depth + 1);
        } else if (item.kind != ITEM_NULL) {
            rc = decode_value(d, member, base + member->offset, VALUE_OPTIONAL, &item, depth + 1);
            set_count++;
        }
        if (rc < 0)
            return rc;
    }
    if (shape->kind == KIND_UNION && set_count != 1)
        return refuse(d, STR("Unions must have exactly one member set"));
    value_apply_defaults(d->arena, shape, base);
    return 0;
}

static int decode_structure(struct decoder *d, const struct shape *shape, void *slot,
                            enum value_form form, const struct item *item, unsigned depth)
{
    void *structure = form == VALUE_PLAIN ? slot : arena_alloc(d->arena, shape->size);
    int rc = decode_members(d, shape, item, structure, depth);
    if (rc == 0 && form == VALUE_OPTIONAL)
        value_set_pointer(slot, structure);
    return rc;
}

static int decode_list(struct decoder *d, const struct shape *shape, void *slot,
                       const struct item *array, unsigned depth)
{
    const enum value_form form = value_item_form(shape);
    struct cursor cursor = cursor_of(array);
    struct item item;
    struct vec items;
    vec_init(&items, d->arena, shape->size);
    while (next_item(d, &cursor, &item)) {
        void *place = vec_push(&items);
        if (item.kind == ITEM_NULL && form == VALUE_OPTIONAL)
            continue;
        int rc = decode_value(d, &shape->members[0], place, form, &item, depth + 1);
        if (rc < 0)
            return rc;
    }
    value_set_list(slot, items.items, items.count);
    return 0;
}

static int decode_map(struct decoder *d, const struct shape *shape, void *slot,
                      const struct item *map, unsigned depth)
{
    const enum value_form form = value_item_form(shape);
    struct cursor cursor = cursor_of(map);
    struct item item;
    struct vec entries;
    vec_init(&entries, d->arena, shape->size);
    while (next_item(d, &cursor, &item)) {
        char *entry = vec_push(&entries);
        int rc = read_key(d, &item, (struct str *)(void *)entry);
        if (rc < 0)
            return rc;
        item = read_item(d);
        if (item.kind == ITEM_NULL && form == VALUE_OPTIONAL)
            continue;
        rc = decode_value(d, &shape->members[1], entry + shape->value_offset, form, &item,
                          depth + 1);
        if (rc < 0)
            return rc;
    }
    value_set_list(slot, entries.items, entries.count);
    return 0;
}

static bool integer_of(const struct item *item, int64_t *out_value)
{
    if ((item->kind != ITEM_UNSIGNED && item->kind != ITEM_NEGATIVE) || item->number > INT64_MAX)
        return false;
    *out_value = item->kind == ITEM_UNSIGNED ? (int64_t)item->number : -1 - (int64_t)item->number;
    return true;
}

static bool real_of(const struct item *item, double *out_value)
{
    int64_t whole = 0;
    if (item->kind == ITEM_FLOAT) {
        *out_value = item->real;
        return true;
    }
    if (!integer_of(item, &whole))
        return false;
    *out_value = (double)whole;
    return true;
}

static int decode_timestamp(struct decoder *d, const struct shape *shape, void *slot,
                            enum value_form form, const struct item *tag)
{
    enum { MS = 1000 };
    const double first = -62135596800.0; /* year 1 */
    const double last = 253402300800.0;  /* year 10000 */
    double seconds = 0;
    if (tag->kind != ITEM_TAG)
        return refuse_item(d, shape, tag);
    const struct item item = read_raw(d);
    if (!real_of(&item, &seconds) || !(seconds >= first && seconds < last))
        return refuse_item(d, shape, &item);
    value_set_i64(shape, slot, form, (int64_t)llround(seconds * MS));
    return 0;
}

static int decode_scalar(struct decoder *d, const struct shape *shape, void *slot,
                         enum value_form form, const struct item *item)
{
    int64_t whole = 0;
    double real = 0;
    switch (shape->kind) {
    case KIND_STRING:
        return item->kind == ITEM_TEXT ? read_text(d, item, slot) : refuse_item(d, shape, item);
    case KIND_BLOB:
        return item->kind == ITEM_BYTES ? read_text(d, item, slot) : refuse_item(d, shape, item);
    case KIND_BOOLEAN:
        if (item->kind != ITEM_BOOLEAN)
            return refuse_item(d, shape, item);
        value_set_bool(slot, form, item->is_true);
        return 0;
    case KIND_INTEGER:
    case KIND_LONG:
        if (!integer_of(item, &whole) || !value_fits(shape, whole))
            return refuse_item(d, shape, item);
        value_set_i64(shape, slot, form, whole);
        return 0;
    case KIND_FLOAT:
    case KIND_DOUBLE:
        if (!real_of(item, &real))
            return refuse_item(d, shape, item);
        value_set_f64(slot, form, real);
        return 0;
    case KIND_TIMESTAMP:
        return decode_timestamp(d, shape, slot, form, item);
    case KIND_STRUCTURE:
    case KIND_UNION:
    case KIND_LIST:
    case KIND_MAP:
    case KIND_DOCUMENT:
        break;
    }
    return refuse_item(d, shape, item);
}

static int decode_value(struct decoder *d, const struct member *member, void *slot,
                        enum value_form form, const struct item *item, unsigned depth)
{
    const struct shape *shape = member->shape;
    if (depth > WIRE_MAX_DEPTH)
        return refuse(d, STR("The request is nested too deeply"));
    if ((shape->kind == KIND_STRUCTURE || shape->kind == KIND_UNION) && item->kind == ITEM_MAP)
        return decode_structure(d, shape, slot, form, item, depth);
    if (shape->kind == KIND_LIST && item->kind == ITEM_ARRAY)
        return decode_list(d, shape, slot, item, depth);
    if (shape->kind == KIND_MAP && item->kind == ITEM_MAP)
        return decode_map(d, shape, slot, item, depth);
    return decode_scalar(d, shape, slot, form, item);
}

int cbor_shape_decode(struct arena *arena, const struct shape *shape, struct str bytes, void *out,
                      struct str *out_message)
{
    struct decoder d = {.arena = arena, .left = bytes};
    if (bytes.len == 0) {
        value_apply_defaults(arena, shape, out);
        return 0;
    }
    const struct item item = read_item(&d);
    int rc = item.kind == ITEM_MAP ? decode_members(&d, shape, &item, out, 0)
                                   : refuse_item(&d, shape, &item);
    if (rc == 0 && d.left.len > 0)
        rc = refuse_syntax(&d);
    if (rc < 0)
        *out_message = d.message;
    return rc;
}

/* ---- encoding ---- */

struct encoder {
    struct buf *out;
    struct arena *arena;
};

static void encode_value(const struct encoder *e, const struct member *member, const void *slot,
                         enum value_form form);

/* Appends one head written by libcbor's `write(number)`. */
static void write_head(struct buf *out, size_t (*write)(uint64_t, unsigned char *, size_t),
                       uint64_t number)
{
    char *room = buf_reserve(out, HEAD_BYTES);
    if (room)
        out->len += write(number, (unsigned char *)room, HEAD_BYTES);
}

static size_t write_text_start(uint64_t len, unsigned char *room, size_t size)
{
    return cbor_encode_string_start((size_t)len, room, size);
}

static size_t write_bytes_start(uint64_t len, unsigned char *room, size_t size)
{
    return cbor_encode_bytestring_start((size_t)len, room, size);
}

static size_t write_array_start(uint64_t count, unsigned char *room, size_t size)
{
    return cbor_encode_array_start((size_t)count, room, size);
}

static size_t write_map_start(uint64_t count, unsigned char *room, size_t size)
{
    return cbor_encode_map_start((size_t)count, room, size);
}

static size_t write_unsigned(uint64_t number, unsigned char *room, size_t size)
{
    return cbor_encode_uint(number, room, size);
}

static size_t write_negative(uint64_t number, unsigned char *room, size_t size)
{
    return cbor_encode_negint(number, room, size);
}

static size_t write_tag(uint64_t tag, unsigned char *room, size_t size)
{
    return cbor_encode_tag(tag, room, size);
}

static size_t write_boolean(uint64_t value, unsigned char *room, size_t size)
{
    return cbor_encode_bool(value != 0, room, size);
}

static size_t write_null(uint64_t ignored UNUSED, unsigned char *room, size_t size)
{
    return cbor_encode_null(room, size);
}

static size_t write_open(uint64_t ignored UNUSED, unsigned char *room, size_t size)
{
    return cbor_encode_indef_map_start(room, size);
}

static size_t write_break(uint64_t ignored UNUSED, unsigned char *room, size_t size)
{
    return cbor_encode_break(room, size);
}

void cbor_shape_open(struct buf *out)
{
    write_head(out, write_open, 0);
}

void cbor_shape_close(struct buf *out)
{
    write_head(out, write_break, 0);
}

void cbor_shape_text(struct buf *out, struct str text)
{
    write_head(out, write_text_start, text.len);
    buf_append(out, text);
}

static void encode_integer(struct buf *out, int64_t value)
{
    if (value >= 0)
        write_head(out, write_unsigned, (uint64_t)value);
    else
        write_head(out, write_negative, (uint64_t)(-(value + 1)));
}

static void encode_real(struct buf *out, const struct shape *shape, double value)
{
    char *room = buf_reserve(out, HEAD_BYTES);
    if (!room)
        return;
    out->len += shape->kind == KIND_FLOAT
                    ? cbor_encode_single((float)value, (unsigned char *)room, HEAD_BYTES)
                    : cbor_encode_double(value, (unsigned char *)room, HEAD_BYTES);
}

/* Whole seconds as an integer, others as a double: both are exact enough for milliseconds. */
static void encode_timestamp(struct buf *out, int64_t time_ms)
{
    enum { MS = 1000 };
    static const struct shape seconds = {.kind = KIND_DOUBLE};
    write_head(out, write_tag, TAG_EPOCH);
    if (time_ms % MS == 0)
        encode_integer(out, time_ms / MS);
    else
        encode_real(out, &seconds, (double)time_ms / MS);
}

static void encode_item(const struct encoder *e, const struct member *member, const void *slot,
                        enum value_form form)
{
    if (value_is_present(member->shape, slot, form))
        encode_value(e, member, slot, form);
    else
        write_head(e->out, write_null, 0);
}

static void encode_list(const struct encoder *e, const struct shape *shape, const void *slot)
{
    const struct value_list list = value_list(slot);
    write_head(e->out, write_array_start, list.count);
    for (size_t i = 0; i < list.count; i++)
        encode_item(e, &shape->members[0], (const char *)list.items + i * shape->size,
                    value_item_form(shape));
}

static void encode_map(const struct encoder *e, const struct shape *shape, const void *slot)
{
    const struct value_list list = value_list(slot);
    write_head(e->out, write_map_start, list.count);
    for (size_t i = 0; i < list.count; i++) {
        const char *entry = (const char *)list.items + i * shape->size;
        cbor_shape_text(e->out, value_str(entry));
        encode_item(e, &shape->members[1], entry + shape->value_offset, value_item_form(shape));
    }
}

static void encode_members(const struct encoder *e, const struct shape *shape, const void *value)
{
    struct value_scratch scratch;
    for (size_t i = 0; i < shape->member_count; i++) {
        const struct member *member = &shape->members[i];
        struct arena *arena = shape->kind == KIND_UNION ? NULL : e->arena;
        const void *slot = value_member(arena, member, value, &scratch);
        if (!slot)
            continue;
        cbor_shape_text(e->out, member->name);
        encode_value(e, member, slot, VALUE_OPTIONAL);
    }
}

static void encode_value(const struct encoder *e, const struct member *member, const void *slot,
                         enum value_form form)
{
    const struct shape *shape = member->shape;
    switch (shape->kind) {
    case KIND_STRUCTURE:
    case KIND_UNION:
        cbor_shape_open(e->out);
        encode_members(e, shape, value_structure(slot, form));
        cbor_shape_close(e->out);
        break;
    case KIND_LIST:
        encode_list(e, shape, slot);
        break;
    case KIND_MAP:
        encode_map(e, shape, slot);
        break;
    case KIND_STRING:
        cbor_shape_text(e->out, value_str(slot));
        break;
    case KIND_BLOB:
        write_head(e->out, write_bytes_start, value_str(slot).len);
        buf_append(e->out, value_str(slot));
        break;
    case KIND_BOOLEAN:
        write_head(e->out, write_boolean, value_bool(slot, form));
        break;
    case KIND_INTEGER:
    case KIND_LONG:
        encode_integer(e->out, value_i64(shape, slot, form));
        break;
    case KIND_FLOAT:
    case KIND_DOUBLE:
        encode_real(e->out, shape, value_f64(slot, form));
        break;
    case KIND_TIMESTAMP:
        encode_timestamp(e->out, value_i64(shape, slot, form));
        break;
    case KIND_DOCUMENT: /* Smithy RPC v2 CBOR has no documents */
        write_head(e->out, write_null, 0);
        break;
    }
}

void cbor_shape_encode(struct buf *out, struct arena *arena, const struct shape *shape,
                       const void *value)
{
    cbor_shape_open(out);
    cbor_shape_encode_members(out, arena, shape, value);
    cbor_shape_close(out);
}

void cbor_shape_encode_members(struct buf *out, struct arena *arena, const struct shape *shape,
                               const void *value)
{
    const struct encoder e = {.out = out, .arena = arena};
    encode_members(&e, shape, value);
}
