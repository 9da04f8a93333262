/* value.c — attribute values: reading, writing, encoding, sizes, equality and order.
 *
 * Recursion is bounded by DDB_DEPTH_MAX: deeper values are refused when they are read, from a
 * request or from a row.
 */
#include "service/dynamodb/value.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

/* All generated maps of attribute values have entries like these. */
static_assert(sizeof(struct dynamodb_attribute_map_entry) ==
                  sizeof(struct dynamodb_map_attribute_value_entry),
              "entries are alike");
static_assert(sizeof(struct dynamodb_attribute_map_entry) ==
                  sizeof(struct dynamodb_put_item_input_attribute_map_entry),
              "entries are alike");
static_assert(sizeof(struct dynamodb_attribute_map_entry) == sizeof(struct dynamodb_key_entry),
              "entries are alike");

static const struct str type_names[] = {
    [DDB_S] = STR_INIT("S"),       [DDB_N] = STR_INIT("N"),   [DDB_B] = STR_INIT("B"),
    [DDB_SS] = STR_INIT("SS"),     [DDB_NS] = STR_INIT("NS"), [DDB_BS] = STR_INIT("BS"),
    [DDB_M] = STR_INIT("M"),       [DDB_L] = STR_INIT("L"),   [DDB_NULL] = STR_INIT("NULL"),
    [DDB_BOOL] = STR_INIT("BOOL"),
};

struct str ddb_type_name(enum ddb_type type)
{
    return type_names[type];
}

enum ddb_type ddb_type_from_name(struct str name)
{
    for (size_t i = DDB_S; i < ARRAY_LEN(type_names); i++)
        if (str_eq(type_names[i], name))
            return (enum ddb_type)i;
    return (enum ddb_type)0;
}

bool ddb_is_set(enum ddb_type type)
{
    return type == DDB_SS || type == DDB_NS || type == DDB_BS;
}

static enum ddb_type member_type(enum ddb_type set)
{
    return set == DDB_SS ? DDB_S : set == DDB_NS ? DDB_N : DDB_B;
}

struct ddb_value ddb_text_value(enum ddb_type type, struct str text)
{
    return (struct ddb_value){.type = type, .text = text};
}

struct ddb_value ddb_number_value(struct arena *arena, const struct ddb_number *number)
{
    return (struct ddb_value){.type = DDB_N, .text = ddb_number_format(arena, number)};
}

/* ---- order and equality ---- */

int ddb_value_compare(const struct ddb_value *a, const struct ddb_value *b)
{
    CHECK(a->type == b->type && a->type >= DDB_S && a->type <= DDB_B);
    if (a->type != DDB_N)
        return str_compare(a->text, b->text);
    if (str_eq(a->text, b->text))
        return 0;
    struct ddb_number left = {0};
    struct ddb_number right = {0};
    CHECK(ddb_number_parse(a->text, &left) == DDB_NUMBER_OK);
    CHECK(ddb_number_parse(b->text, &right) == DDB_NUMBER_OK);
    return ddb_number_compare(&left, &right);
}

bool ddb_value_equal(const struct ddb_value *a, const struct ddb_value *b)
{
    if (a->type != b->type || a->is_true != b->is_true || a->count != b->count ||
        !str_eq(a->text, b->text))
        return false;
    for (uint32_t i = 0; i < a->count; i++)
        if (!str_eq(a->items[i].name, b->items[i].name) ||
            !ddb_value_equal(&a->items[i], &b->items[i]))
            return false;
    return true;
}

static int compare_members(const void *a, const void *b)
{
    return ddb_value_compare(a, b);
}

static int compare_names(const void *a, const void *b)
{
    const struct ddb_value *left = a;
    const struct ddb_value *right = b;
    return str_compare(left->name, right->name);
}

/* ---- maps ---- */

/* The place of `name` in the map, or where it would be. */
static uint32_t find_place(const struct ddb_value *map, struct str name, bool *out_is_there)
{
    uint32_t low = 0;
    uint32_t high = map->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = str_compare(map->items[middle].name, name);
        if (order == 0) {
            *out_is_there = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *out_is_there = false;
    return low;
}

struct ddb_value *ddb_map_find(const struct ddb_value *map, struct str name)
{
    bool is_there = false;
    uint32_t place = find_place(map, name, &is_there);
    return is_there ? &map->items[place] : NULL;
}

void ddb_map_set(struct arena *arena, struct ddb_value *map, struct str name,
                 const struct ddb_value *value)
{
    bool is_there = false;
    uint32_t place = find_place(map, name, &is_there);
    struct ddb_value named = *value;
    named.name = name;
    if (is_there) {
        map->items[place] = named;
        return;
    }
    struct ddb_value *items = arena_alloc_array(arena, map->count + (size_t)1, sizeof(*items));
    if (place > 0)
        memcpy(items, map->items, place * sizeof(*items));
    items[place] = named;
    if (place < map->count)
        memcpy(items + place + 1, map->items + place, (map->count - place) * sizeof(*items));
    map->items = items;
    map->count++;
}

void ddb_map_remove(struct ddb_value *map, struct str name)
{
    bool is_there = false;
    uint32_t place = find_place(map, name, &is_there);
    if (!is_there)
        return;
    map->count--;
    memmove(map->items + place, map->items + place + 1, (map->count - place) * sizeof(*map->items));
}

struct ddb_value ddb_value_copy(struct arena *arena, const struct ddb_value *value)
{
    struct ddb_value copy = *value;
    if (value->count == 0)
        return copy;
    copy.items = arena_alloc_array(arena, value->count, sizeof(*copy.items));
    for (uint32_t i = 0; i < value->count; i++)
        copy.items[i] = ddb_value_copy(arena, &value->items[i]);
    return copy;
}

/* ---- sets ---- */

bool ddb_set_has(const struct ddb_value *set, const struct ddb_value *member)
{
    for (uint32_t i = 0; i < set->count; i++)
        if (str_eq(set->items[i].text, member->text))
            return true;
    return false;
}

struct ddb_value ddb_set_union(struct arena *arena, const struct ddb_value *a,
                               const struct ddb_value *b)
{
    struct ddb_value sum = {.type = a->type};
    sum.items = arena_alloc_array(arena, (size_t)a->count + b->count, sizeof(*sum.items));
    uint32_t i = 0;
    uint32_t j = 0;
    while (i < a->count || j < b->count) {
        int order = i == a->count   ? 1
                    : j == b->count ? -1
                                    : ddb_value_compare(&a->items[i], &b->items[j]);
        sum.items[sum.count++] = order <= 0 ? a->items[i] : b->items[j];
        i += order <= 0;
        j += order >= 0;
    }
    return sum;
}

struct ddb_value ddb_set_difference(struct arena *arena, const struct ddb_value *a,
                                    const struct ddb_value *b)
{
    struct ddb_value rest = {.type = a->type};
    rest.items = arena_alloc_array(arena, a->count, sizeof(*rest.items));
    uint32_t j = 0;
    for (uint32_t i = 0; i < a->count; i++) {
        while (j < b->count && ddb_value_compare(&b->items[j], &a->items[i]) < 0)
            j++;
        if (j == b->count || !str_eq(a->items[i].text, b->items[j].text))
            rest.items[rest.count++] = a->items[i];
    }
    return rest;
}

/* ---- reading requests ---- */

struct reading {
    struct arena *arena;
    struct str message;
};

static int read_value(struct reading *reading, const struct dynamodb_attribute_value *in,
                      struct ddb_value *out, unsigned depth);

static int refuse(struct reading *reading, struct str message)
{
    reading->message = message;
    return -EINVAL;
}

static int read_number(struct reading *reading, struct str text, struct ddb_value *out)
{
    struct ddb_number number = {0};
    enum ddb_number_error error = ddb_number_parse(text, &number);
    if (error != DDB_NUMBER_OK)
        return refuse(reading, ddb_number_error_text(reading->arena, error, text));
    *out = ddb_number_value(reading->arena, &number);
    return 0;
}

/* "[a, b]" */
static struct str list_text(struct arena *arena, const struct str *items, size_t count)
{
    struct buf text;
    buf_init(&text, arena, DDB_BLOB_MAX);
    buf_append_char(&text, '[');
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_append(&text, STR(", "));
        buf_append(&text, items[i]);
    }
    buf_append_char(&text, ']');
    return buf_str(&text);
}

/* OBSERVED: texts as recorded by dynalite and by nubo-db/dynamodb-conformance, blanks included. */
static struct str empty_set_text(enum ddb_type type)
{
    if (type == DDB_SS)
        return STR("One or more parameter values were invalid: An string set  may not be empty");
    if (type == DDB_NS)
        return STR("One or more parameter values were invalid: An number set  may not be empty");
    return STR("One or more parameter values were invalid: Binary sets should not be empty");
}

static struct str duplicate_text(struct reading *reading, enum ddb_type type,
                                 const struct str *texts, size_t count)
{
    if (type == DDB_NS)
        return STR("Input collection contains duplicates");
    return str_format(reading->arena,
                      "One or more parameter values were invalid: Input collection " STR_FMT "%s",
                      STR_ARG(list_text(reading->arena, texts, count)),
                      type == DDB_SS ? " contains duplicates." : "of type BS contains duplicates.");
}

static int read_set(struct reading *reading, enum ddb_type type, const struct str *texts,
                    size_t count, struct ddb_value *out)
{
    if (count == 0)
        return refuse(reading, empty_set_text(type));
    struct ddb_value set = {.type = type, .count = (uint32_t)count};
    set.items = arena_alloc_array(reading->arena, count, sizeof(*set.items));
    for (size_t i = 0; i < count; i++) {
        if (texts[i].len == 0 && type == DDB_SS)
            return refuse(reading, STR("One or more parameter values were invalid: An string set "
                                       "may not have a empty string as a member"));
        if (texts[i].len == 0 && type == DDB_BS)
            return refuse(reading, STR("One or more parameter values were invalid: Binary sets "
                                       "may not contain null or empty values"));
        set.items[i] = ddb_text_value(member_type(type), texts[i]);
        int rc = type == DDB_NS ? read_number(reading, texts[i], &set.items[i]) : 0;
        if (rc < 0)
            return rc;
    }
    qsort(set.items, count, sizeof(*set.items), compare_members);
    for (size_t i = 1; i < count; i++)
        if (str_eq(set.items[i - 1].text, set.items[i].text))
            return refuse(reading, duplicate_text(reading, type, texts, count));
    *out = set;
    return 0;
}

static int read_map(struct reading *reading, const struct dynamodb_attribute_map_entry *entries,
                    size_t count, struct ddb_value *out, unsigned depth)
{
    struct ddb_value map = {.type = DDB_M, .count = (uint32_t)count};
    map.items = arena_alloc_array(reading->arena, count, sizeof(*map.items));
    bool is_sorted = true;
    for (size_t i = 0; i < count; i++) {
        int rc = read_value(reading, &entries[i].value, &map.items[i], depth);
        if (rc < 0)
            return rc;
        map.items[i].name = entries[i].key;
        is_sorted = is_sorted && (i == 0 || str_compare(entries[i - 1].key, entries[i].key) < 0);
    }
    if (!is_sorted) {
        qsort(map.items, count, sizeof(*map.items), compare_names);
        uint32_t kept = 0;
        for (size_t i = 0; i < count; i++)
            if (i == 0 || !str_eq(map.items[kept - 1].name, map.items[i].name))
                map.items[kept++] = map.items[i];
        map.count = kept;
    }
    *out = map;
    return 0;
}

static int read_list(struct reading *reading, const struct dynamodb_list_attribute_value *in,
                     struct ddb_value *out, unsigned depth)
{
    struct ddb_value list = {.type = DDB_L, .count = (uint32_t)in->count};
    list.items = arena_alloc_array(reading->arena, in->count, sizeof(*list.items));
    for (size_t i = 0; i < in->count; i++) {
        int rc = read_value(reading, &in->items[i], &list.items[i], depth);
        if (rc < 0)
            return rc;
    }
    *out = list;
    return 0;
}

static size_t count_types(const struct dynamodb_attribute_value *in)
{
    return (size_t)(str_is_set(in->s) + str_is_set(in->n) + str_is_set(in->b) + in->ss.is_set +
                    in->ns.is_set + in->bs.is_set + in->m.is_set + in->l.is_set + in->null.is_set +
                    in->bool_.is_set);
}

/* OBSERVED: {"NULL": false} is taken as null (eu-west-2, June 2026; public conformance suite
 * nubo-db/dynamodb-conformance, putItem). */
static int read_value(struct reading *reading, const struct dynamodb_attribute_value *in,
                      struct ddb_value *out, unsigned depth)
{
    size_t types = count_types(in);
    if (types == 0)
        return refuse(reading, STR("Supplied AttributeValue is empty, must contain exactly one of "
                                   "the supported datatypes"));
    if (types > 1)
        return refuse(reading, STR("Supplied AttributeValue has more than one datatypes set, must "
                                   "contain exactly one of the supported datatypes"));
    if (depth > DDB_DEPTH_MAX)
        return refuse(reading, STR("Nesting Levels have exceeded supported limits: Attributes in "
                                   "the item have nested levels beyond supported limit"));
    if (str_is_set(in->n))
        return read_number(reading, in->n, out);
    if (in->ss.is_set)
        return read_set(reading, DDB_SS, in->ss.items, in->ss.count, out);
    if (in->ns.is_set)
        return read_set(reading, DDB_NS, in->ns.items, in->ns.count, out);
    if (in->bs.is_set)
        return read_set(reading, DDB_BS, in->bs.items, in->bs.count, out);
    if (in->m.is_set)
        return read_map(reading, (const void *)in->m.items, in->m.count, out, depth + 1);
    if (in->l.is_set)
        return read_list(reading, &in->l, out, depth + 1);
    if (str_is_set(in->s))
        *out = ddb_text_value(DDB_S, in->s);
    else if (str_is_set(in->b))
        *out = ddb_text_value(DDB_B, in->b);
    else if (in->null.is_set)
        *out = (struct ddb_value){.type = DDB_NULL};
    else
        *out = (struct ddb_value){.type = DDB_BOOL, .is_true = in->bool_.value};
    return 0;
}

int ddb_value_from_api(struct arena *arena, const struct dynamodb_attribute_value *in,
                       struct ddb_value *out, struct str *out_message)
{
    struct reading reading = {.arena = arena};
    int rc = read_value(&reading, in, out, 1);
    if (rc < 0)
        *out_message = reading.message;
    return rc;
}

int ddb_item_from_api(struct arena *arena, const void *entries, size_t count, struct ddb_value *out,
                      struct str *out_message)
{
    struct reading reading = {.arena = arena};
    int rc = read_map(&reading, entries, count, out, 1);
    if (rc < 0)
        *out_message = reading.message;
    return rc;
}

/* ---- writing answers ---- */

static struct str *set_to_api(struct arena *arena, const struct ddb_value *set)
{
    struct str *texts = arena_alloc_array(arena, set->count, sizeof(*texts));
    for (uint32_t i = 0; i < set->count; i++)
        texts[i] = set->items[i].text;
    return texts;
}

void ddb_value_to_api(struct arena *arena, const struct ddb_value *value,
                      struct dynamodb_attribute_value *out)
{
    switch (value->type) {
    case DDB_S:
        out->s = value->text;
        break;
    case DDB_N:
        out->n = value->text;
        break;
    case DDB_B:
        out->b = value->text;
        break;
    case DDB_SS:
        out->ss.items = set_to_api(arena, value);
        out->ss.count = value->count;
        out->ss.is_set = true;
        break;
    case DDB_NS:
        out->ns.items = set_to_api(arena, value);
        out->ns.count = value->count;
        out->ns.is_set = true;
        break;
    case DDB_BS:
        out->bs.items = set_to_api(arena, value);
        out->bs.count = value->count;
        out->bs.is_set = true;
        break;
    case DDB_M:
        out->m.items = ddb_item_to_api(arena, value);
        out->m.count = value->count;
        out->m.is_set = true;
        break;
    case DDB_L:
        out->l.items = arena_alloc_array(arena, value->count, sizeof(*out->l.items));
        out->l.count = value->count;
        out->l.is_set = true;
        for (uint32_t i = 0; i < value->count; i++)
            ddb_value_to_api(arena, &value->items[i], &out->l.items[i]);
        break;
    case DDB_NULL:
        out->null = opt_bool(true);
        break;
    case DDB_BOOL:
        out->bool_ = opt_bool(value->is_true);
        break;
    }
}

void *ddb_item_to_api(struct arena *arena, const struct ddb_value *item)
{
    struct dynamodb_attribute_map_entry *entries =
        arena_alloc_array(arena, item->count, sizeof(*entries));
    for (uint32_t i = 0; i < item->count; i++) {
        entries[i].key = item->items[i].name;
        ddb_value_to_api(arena, &item->items[i], &entries[i].value);
    }
    return entries;
}

/* ---- bytes ---- */

enum {
    CODE_FALSE = DDB_BOOL,
    CODE_TRUE = DDB_BOOL + 1,
    VARINT_MAX = 5, /* 32 bits */
    VARINT_BITS = 7,
    VARINT_MORE = 0x80,
};

static void write_count(struct buf *out, size_t count)
{
    while (count >= VARINT_MORE) {
        buf_append_char(out, (char)(count | VARINT_MORE));
        count >>= VARINT_BITS;
    }
    buf_append_char(out, (char)count);
}

static void write_text(struct buf *out, struct str text)
{
    write_count(out, text.len);
    buf_append(out, text);
}

void ddb_value_encode(struct buf *out, const struct ddb_value *value)
{
    buf_append_char(out, (char)(value->is_true ? CODE_TRUE : (int)value->type));
    if (value->type <= DDB_B) {
        write_text(out, value->text);
        return;
    }
    if (value->type > DDB_L)
        return;
    write_count(out, value->count);
    for (uint32_t i = 0; i < value->count; i++) {
        if (ddb_is_set(value->type)) {
            write_text(out, value->items[i].text);
            continue;
        }
        if (value->type == DDB_M)
            write_text(out, value->items[i].name);
        ddb_value_encode(out, &value->items[i]);
    }
}

struct str ddb_value_to_blob(struct arena *arena, const struct ddb_value *value)
{
    struct buf blob;
    buf_init(&blob, arena, DDB_BLOB_MAX);
    ddb_value_encode(&blob, value);
    CHECK(!blob.is_full);
    return buf_str(&blob);
}

struct decoding {
    struct arena *arena;
    const char *at;
    const char *end;
};

static int read_count(struct decoding *d, size_t *out_count)
{
    uint64_t count = 0;
    for (unsigned i = 0; i < VARINT_MAX; i++) {
        if (d->at == d->end)
            return -EINVAL;
        unsigned char byte = (unsigned char)*d->at++;
        count |= (uint64_t)(byte & (VARINT_MORE - 1)) << (i * VARINT_BITS);
        if (byte < VARINT_MORE) {
            /* Nothing has more members or bytes than there are bytes left. */
            if (count > (size_t)(d->end - d->at))
                return -EINVAL;
            *out_count = (size_t)count;
            return 0;
        }
    }
    return -EINVAL;
}

static int read_text(struct decoding *d, struct str *out)
{
    size_t len = 0;
    int rc = read_count(d, &len);
    if (rc < 0)
        return rc;
    *out = str_of(d->at, len);
    d->at += len;
    return 0;
}

static int decode_text(struct decoding *d, enum ddb_type type, struct ddb_value *out)
{
    out->type = type;
    int rc = read_text(d, &out->text);
    struct ddb_number number;
    if (rc == 0 && type == DDB_N && ddb_number_parse(out->text, &number) != DDB_NUMBER_OK)
        return -EINVAL;
    return rc;
}

static int decode_value(struct decoding *d, struct ddb_value *out, unsigned depth)
{
    if (d->at == d->end || depth > DDB_DEPTH_MAX)
        return -EINVAL;
    unsigned code = (unsigned char)*d->at++;
    if (code == CODE_TRUE || code == CODE_FALSE || code == DDB_NULL) {
        out->type = code == DDB_NULL ? DDB_NULL : DDB_BOOL;
        out->is_true = code == CODE_TRUE;
        return 0;
    }
    if (code < DDB_S || code > DDB_L)
        return -EINVAL;
    enum ddb_type type = (enum ddb_type)code;
    if (type <= DDB_B)
        return decode_text(d, type, out);
    size_t count = 0;
    int rc = read_count(d, &count);
    if (rc < 0)
        return rc;
    out->type = type;
    out->count = (uint32_t)count;
    out->items = arena_alloc_array(d->arena, count, sizeof(*out->items));
    for (size_t i = 0; rc == 0 && i < count; i++) {
        if (ddb_is_set(type)) {
            rc = decode_text(d, member_type(type), &out->items[i]);
            continue;
        }
        if (type == DDB_M)
            rc = read_text(d, &out->items[i].name);
        if (rc == 0)
            rc = decode_value(d, &out->items[i], depth + 1);
    }
    return rc;
}

int ddb_value_from_blob(struct arena *arena, struct str blob, struct ddb_value *out)
{
    struct decoding decoding = {.arena = arena, .at = blob.ptr, .end = blob.ptr + blob.len};
    struct ddb_value value = {0};
    int rc = decode_value(&decoding, &value, 0);
    if (rc < 0 || decoding.at != decoding.end)
        return -EINVAL;
    *out = value;
    return 0;
}

/* ---- sizes ---- */

static size_t number_text_size(struct str text)
{
    struct ddb_number number = {0};
    CHECK(ddb_number_parse(text, &number) == DDB_NUMBER_OK);
    return ddb_number_size(&number);
}

/* AWS: "DynamoDB item sizes and formats": strings by their UTF-8 bytes, null and boolean 1 byte,
 * "An attribute of type List or Map requires 3 bytes of overhead ... each List or Map element also
 * requires 1 byte of overhead". */
size_t ddb_value_size(const struct ddb_value *value)
{
    enum { DOCUMENT_OVERHEAD = 3, MEMBER_OVERHEAD = 1 };
    size_t size = 0;
    switch (value->type) {
    case DDB_S:
    case DDB_B:
        return value->text.len;
    case DDB_N:
        return number_text_size(value->text);
    case DDB_NULL:
    case DDB_BOOL:
        return 1;
    case DDB_SS:
    case DDB_NS:
    case DDB_BS:
        for (uint32_t i = 0; i < value->count; i++)
            size += ddb_value_size(&value->items[i]);
        return size;
    case DDB_M:
    case DDB_L:
        size = DOCUMENT_OVERHEAD;
        for (uint32_t i = 0; i < value->count; i++)
            size += MEMBER_OVERHEAD + value->items[i].name.len + ddb_value_size(&value->items[i]);
        return size;
    }
    return 0;
}

size_t ddb_item_size(const struct ddb_value *item)
{
    size_t size = 0;
    for (uint32_t i = 0; i < item->count; i++)
        size += item->items[i].name.len + ddb_value_size(&item->items[i]);
    return size;
}
