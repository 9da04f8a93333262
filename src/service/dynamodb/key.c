/* key.c — keys: what a client may give, and their bytes. See item.h for the encoding. */
#include <errno.h>
#include <stdarg.h>

#include "base/arena.h"
#include "service/dynamodb/item.h"

enum {
    ESCAPE = 0x00,
    ESCAPED_ZERO = 0xFF,
    PART_END = 0x01,
    KEY_BYTES_MAX = 64 * 1024, /* of a whole encoded key: eight parts, each escaped at worst */
};

enum status ddb_fail(struct call *call, int rc, struct str message)
{
    if (rc == -EINVAL && str_is_set(message))
        return call_fail(call, &ERROR_VALIDATION, STR_FMT, STR_ARG(message));
    return call_fail_internal(call, rc, "dynamodb: items");
}

enum status ddb_refuse(struct call *call, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const struct str text = str_vformat(call->arena, format, args);
    va_end(args);
    return call_fail(call, &ERROR_VALIDATION, STR_FMT, STR_ARG(text));
}

/* ---- bytes ---- */

static void append_escaped(struct buf *out, struct str bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        buf_append_char(out, bytes.ptr[i]);
        if (bytes.ptr[i] == ESCAPE)
            buf_append_char(out, (char)ESCAPED_ZERO);
    }
    buf_append_char(out, ESCAPE);
    buf_append_char(out, PART_END);
}

void ddb_key_append(struct buf *out, const struct ddb_value *value, bool is_part)
{
    unsigned char number_key[DDB_NUMBER_KEY_MAX];
    struct str bytes = value->text;
    if (value->type == DDB_N) {
        struct ddb_number number = {0};
        CHECK(ddb_number_parse(value->text, &number) == DDB_NUMBER_OK);
        bytes = str_of((const char *)number_key, ddb_number_key(&number, number_key));
    }
    if (is_part)
        append_escaped(out, bytes);
    else
        buf_append(out, bytes);
}

/* FNV-1a with a final mix, so that short keys differ in the bits that are kept, too. */
static uint16_t bucket_of(struct str hash)
{
    uint32_t state = 2166136261U;
    for (size_t i = 0; i < hash.len; i++)
        state = (state ^ (unsigned char)hash.ptr[i]) * 16777619U;
    state = (state ^ (state >> 16)) * 0x85EBCA6BU;
    state = (state ^ (state >> 13)) * 0xC2B2AE35U;
    return (uint16_t)((state ^ (state >> 16)) & 0xFFFF);
}

struct str ddb_key_with_bucket(struct arena *arena, struct str hash)
{
    const uint16_t bucket = bucket_of(hash);
    const char prefix[DDB_BUCKET_BYTES] = {(char)(bucket >> 8), (char)(bucket & 0xFF)};
    return str_concat(arena, str_of(prefix, sizeof(prefix)), hash);
}

static int encode_part(struct arena *arena, const struct ddb_key_attribute *attributes,
                       size_t count, const struct ddb_value *item, struct str *out)
{
    struct buf bytes;
    buf_init(&bytes, arena, KEY_BYTES_MAX);
    for (size_t i = 0; i < count; i++) {
        const struct ddb_value *value = ddb_map_find(item, attributes[i].name);
        if (!value || value->type != attributes[i].type)
            return -EINVAL;
        ddb_key_append(&bytes, value, count > 1);
    }
    if (bytes.is_full)
        return -EINVAL;
    *out = buf_str(&bytes);
    return 0;
}

int ddb_item_key(struct arena *arena, const struct ddb_key_schema *keys,
                 const struct ddb_value *item, struct str *out_hash, struct str *out_range)
{
    struct str hash = {0};
    struct str range = {0};
    int rc = encode_part(arena, keys->hash, keys->hash_count, item, &hash);
    if (rc == 0)
        rc = encode_part(arena, keys->range, keys->range_count, item, &range);
    if (rc < 0)
        return rc;
    *out_hash = ddb_key_with_bucket(arena, hash);
    *out_range = range;
    return 0;
}

/* ---- checks ---- */

static int refuse(struct str *out_message, struct str text)
{
    *out_message = text;
    return -EINVAL;
}

/* OBSERVED: texts, the missing blank included, as recorded by dynalite and by
 * nubo-db/dynamodb-conformance (deleteItem, batchWriteItem). */
static int check_key_value(struct arena *arena, const struct ddb_key_attribute *attribute,
                           const struct ddb_value *value, bool is_hash, struct str *out_message)
{
    if (value->type == DDB_N)
        return 0;
    if (value->text.len == 0)
        return refuse(
            out_message,
            str_format(arena,
                       "One or more parameter values are not valid. The AttributeValue "
                       "for a key attribute cannot contain an empty %s value. Key: " STR_FMT,
                       value->type == DDB_S ? "string" : "binary", STR_ARG(attribute->name)));
    if (is_hash && value->text.len > DDB_HASH_BYTES_MAX)
        return refuse(out_message,
                      STR("One or more parameter values were invalid: Size of hashkey has exceeded "
                          "the maximum size limit of2048 bytes"));
    if (!is_hash && value->text.len > DDB_RANGE_BYTES_MAX)
        return refuse(out_message,
                      STR("One or more parameter values were invalid: Aggregated size of all range "
                          "keys has exceeded the size limit of 1024 bytes"));
    return 0;
}

static const struct ddb_key_attribute *key_attribute(const struct ddb_key_schema *keys, size_t i)
{
    return i < keys->hash_count ? &keys->hash[i] : &keys->range[i - keys->hash_count];
}

int ddb_check_key(struct arena *arena, const struct ddb_table *table, const struct ddb_value *key,
                  struct str *out_message)
{
    const struct ddb_key_schema *keys = &table->keys;
    const size_t count = keys->hash_count + keys->range_count;
    if (key->count != count)
        return refuse(out_message, STR("The provided key element does not match the schema"));
    for (size_t i = 0; i < count; i++) {
        const struct ddb_key_attribute *attribute = key_attribute(keys, i);
        const struct ddb_value *value = ddb_map_find(key, attribute->name);
        if (!value || value->type != attribute->type)
            return refuse(out_message, STR("The provided key element does not match the schema"));
    }
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        const struct ddb_key_attribute *attribute = key_attribute(keys, i);
        rc = check_key_value(arena, attribute, ddb_map_find(key, attribute->name),
                             i < keys->hash_count, out_message);
    }
    return rc;
}

static int check_index_value(struct arena *arena, const struct ddb_index *index,
                             const struct ddb_key_attribute *attribute,
                             const struct ddb_value *value, struct str *out_message)
{
    if (value->type != attribute->type)
        return refuse(out_message,
                      str_format(arena,
                                 "One or more parameter values were invalid: Type mismatch for "
                                 "Index Key " STR_FMT " Expected: " STR_FMT " Actual: " STR_FMT
                                 " IndexName: " STR_FMT,
                                 STR_ARG(attribute->name), STR_ARG(ddb_type_name(attribute->type)),
                                 STR_ARG(ddb_type_name(value->type)), STR_ARG(index->name)));
    if (value->type != DDB_N && value->text.len == 0)
        return refuse(
            out_message,
            str_format(arena,
                       "One or more parameter values are not valid. A value specified "
                       "for a secondary index key is not supported. The AttributeValue "
                       "for a key attribute cannot contain an empty %s value. IndexName: " STR_FMT
                       ", IndexKey: " STR_FMT,
                       value->type == DDB_S ? "string" : "binary", STR_ARG(index->name),
                       STR_ARG(attribute->name)));
    return 0;
}

/* Of several indexes that refuse the item the first by name is named (nubo-db/dynamodb-conformance,
 * batchWriteItem). */
int ddb_check_index_keys(struct arena *arena, const struct ddb_table *table,
                         const struct ddb_value *item, struct str *out_message)
{
    const struct ddb_index *refusing = NULL;
    for (size_t i = 0; i < table->index_count; i++) {
        const struct ddb_index *index = &table->indexes[i];
        const size_t count = index->keys.hash_count + index->keys.range_count;
        if (index->status == DDB_DELETING ||
            (refusing && str_compare(refusing->name, index->name) < 0))
            continue;
        for (size_t j = 0; j < count; j++) {
            const struct ddb_key_attribute *attribute = key_attribute(&index->keys, j);
            const struct ddb_value *value = ddb_map_find(item, attribute->name);
            if (!value || check_index_value(arena, index, attribute, value, out_message) == 0)
                continue;
            refusing = index;
            break;
        }
    }
    return refusing ? -EINVAL : 0;
}

int ddb_check_item(struct arena *arena, const struct ddb_table *table, const struct ddb_value *item,
                   struct str *out_message)
{
    const struct ddb_key_schema *keys = &table->keys;
    for (size_t i = 0; i < keys->hash_count + keys->range_count; i++) {
        const struct ddb_key_attribute *attribute = key_attribute(keys, i);
        const struct ddb_value *value = ddb_map_find(item, attribute->name);
        if (!value)
            return refuse(
                out_message,
                str_format(arena,
                           "One or more parameter values were invalid: Missing the key " STR_FMT
                           " in the item",
                           STR_ARG(attribute->name)));
        if (value->type != attribute->type)
            return refuse(out_message,
                          str_format(arena,
                                     "One or more parameter values were invalid: Type mismatch for "
                                     "key " STR_FMT " expected: " STR_FMT " actual: " STR_FMT,
                                     STR_ARG(attribute->name),
                                     STR_ARG(ddb_type_name(attribute->type)),
                                     STR_ARG(ddb_type_name(value->type))));
        int rc = check_key_value(arena, attribute, value, i < keys->hash_count, out_message);
        if (rc < 0)
            return rc;
    }
    return ddb_check_index_keys(arena, table, item, out_message);
}

bool ddb_is_key_attribute(const struct ddb_key_schema *keys, struct str name)
{
    for (size_t i = 0; i < keys->hash_count + keys->range_count; i++)
        if (str_eq(key_attribute(keys, i)->name, name))
            return true;
    return false;
}

static void copy_key(struct arena *arena, const struct ddb_key_schema *keys,
                     const struct ddb_value *item, struct ddb_value *out)
{
    for (size_t i = 0; i < keys->hash_count + keys->range_count; i++) {
        const struct str name = key_attribute(keys, i)->name;
        const struct ddb_value *value = ddb_map_find(item, name);
        if (value)
            ddb_map_set(arena, out, name, value);
    }
}

struct ddb_value ddb_key_of(struct arena *arena, const struct ddb_table *table,
                            const struct ddb_index *index, const struct ddb_value *item)
{
    struct ddb_value key = {.type = DDB_M};
    copy_key(arena, &table->keys, item, &key);
    if (index)
        copy_key(arena, &index->keys, item, &key);
    return key;
}

static unsigned depth_of(const struct ddb_value *value)
{
    unsigned deepest = 0;
    for (uint32_t i = 0; i < value->count && !ddb_is_set(value->type); i++) {
        const unsigned depth = depth_of(&value->items[i]);
        deepest = depth > deepest ? depth : deepest;
    }
    return deepest + 1;
}

/* Neither the item nor an update's values nest deeper than DDB_DEPTH_MAX, so this recursion ends
 * soon whatever was put into what. */
int ddb_check_depth(const struct ddb_value *item, struct str *out_message)
{
    if (depth_of(item) <= DDB_DEPTH_MAX + 1)
        return 0;
    return refuse(out_message, STR("Nesting Levels have exceeded supported limits: Attributes in "
                                   "the item have nested levels beyond supported limit"));
}
