/* hot.c — what every operation on items needs of a table, as a few bytes of its row.
 *
 * The order of the fields is that of the functions below, which mirror each other: numbers are
 * LEB128, texts their length and bytes. The first number is the format's version.
 */
#include <errno.h>

#include "base/arena.h"
#include "base/buf.h"
#include "service/dynamodb/dynamodb.h"

enum {
    HOT_VERSION = 1,
    HOT_MAX_BYTES = 1 << 20, /* 25 indexes with 100 attribute names of 255 bytes */
    HOT_MAX_INDEXES = 100,
};

/* --- writing --- */

static void put_number(struct buf *out, int64_t value)
{
    uint64_t rest = (uint64_t)value;
    while (rest >= 0x80) {
        buf_append_char(out, (char)(unsigned char)(rest | 0x80));
        rest >>= 7;
    }
    buf_append_char(out, (char)(unsigned char)rest);
}

static void put_text(struct buf *out, struct str text)
{
    put_number(out, (int64_t)text.len);
    buf_append(out, text);
}

static void put_keys(struct buf *out, const struct ddb_key_schema *keys)
{
    put_number(out, (int64_t)keys->hash_count);
    put_number(out, (int64_t)keys->range_count);
    for (size_t i = 0; i < keys->hash_count; i++) {
        put_text(out, keys->hash[i].name);
        put_number(out, keys->hash[i].type);
    }
    for (size_t i = 0; i < keys->range_count; i++) {
        put_text(out, keys->range[i].name);
        put_number(out, keys->range[i].type);
    }
}

static void put_index(struct buf *out, const struct ddb_index *index)
{
    put_text(out, index->name);
    put_number(out, index->is_local);
    put_number(out, index->index_key);
    put_keys(out, &index->keys);
    put_number(out, index->projection);
    put_number(out, (int64_t)index->attribute_count);
    for (size_t i = 0; i < index->attribute_count; i++)
        put_text(out, index->attributes[i]);
    put_number(out, index->status);
    put_number(out, index->is_backfilling);
    put_number(out, index->read_units);
    put_number(out, index->write_units);
}

struct str ddb_hot_encode(struct arena *arena, const struct ddb_table *table)
{
    struct buf out;
    buf_init(&out, arena, HOT_MAX_BYTES);
    put_number(&out, HOT_VERSION);
    put_number(&out, table->status);
    put_keys(&out, &table->keys);
    put_number(&out, table->is_on_demand);
    put_number(&out, table->read_units);
    put_number(&out, table->write_units);
    put_number(&out, table->view);
    put_number(&out, table->stream_key);
    put_text(&out, table->ttl_attribute);
    put_number(&out, table->is_ttl_active);
    put_number(&out, table->is_protected);
    put_number(&out, table->is_logged);
    put_number(&out, table->epoch);
    put_number(&out, table->is_infrequent);
    put_number(&out, (int64_t)table->replica_count);
    for (size_t i = 0; i < table->replica_count; i++)
        put_text(&out, table->replicas[i]);
    put_number(&out, (int64_t)table->index_count);
    for (size_t i = 0; i < table->index_count; i++)
        put_index(&out, &table->indexes[i]);
    CHECK(!out.is_full);
    return buf_str(&out);
}

/* --- reading --- */

struct source {
    struct arena *arena;
    struct str rest;
    bool is_bad;
};

static int64_t take_number(struct source *in)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (in->rest.len == 0)
            break;
        unsigned char byte = (unsigned char)in->rest.ptr[0];
        in->rest = str_from(in->rest, 1);
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return (int64_t)value;
    }
    in->is_bad = true;
    return 0;
}

/* A number below `limit`. */
static size_t take_small(struct source *in, size_t limit)
{
    int64_t value = take_number(in);
    if (value < 0 || (uint64_t)value >= limit) {
        in->is_bad = true;
        return 0;
    }
    return (size_t)value;
}

static struct str take_text(struct source *in)
{
    size_t len = take_small(in, HOT_MAX_BYTES);
    if (len > in->rest.len) {
        in->is_bad = true;
        return STR("");
    }
    struct str text = str_slice(in->rest, 0, len);
    in->rest = str_from(in->rest, len);
    return text;
}

static void take_keys(struct source *in, struct ddb_key_schema *keys)
{
    keys->hash_count = take_small(in, DDB_KEY_PART_MAX + 1);
    keys->range_count = take_small(in, DDB_KEY_PART_MAX + 1);
    for (size_t i = 0; i < keys->hash_count; i++) {
        keys->hash[i].name = take_text(in);
        keys->hash[i].type = (enum ddb_type)take_small(in, DDB_BOOL + 1);
    }
    for (size_t i = 0; i < keys->range_count; i++) {
        keys->range[i].name = take_text(in);
        keys->range[i].type = (enum ddb_type)take_small(in, DDB_BOOL + 1);
    }
}

static const struct str *take_texts(struct source *in, size_t *out_count)
{
    size_t count = take_small(in, HOT_MAX_BYTES);
    *out_count = 0;
    if (count == 0)
        return NULL;
    struct str *texts = arena_alloc_array(in->arena, count, sizeof(*texts));
    for (size_t i = 0; i < count && !in->is_bad; i++)
        texts[i] = take_text(in);
    *out_count = count;
    return texts;
}

static void take_index(struct source *in, struct ddb_index *index)
{
    index->name = take_text(in);
    index->is_local = take_number(in) != 0;
    index->index_key = take_number(in);
    take_keys(in, &index->keys);
    index->projection = (enum ddb_projection)take_small(in, DDB_PROJECT_INCLUDE + 1);
    index->attributes = take_texts(in, &index->attribute_count);
    index->status = (enum ddb_status)take_small(in, DDB_ACTIVE + 1);
    index->is_backfilling = take_number(in) != 0;
    index->read_units = take_number(in);
    index->write_units = take_number(in);
}

int ddb_hot_decode(struct arena *arena, struct str blob, struct ddb_table *table)
{
    struct source in = {.arena = arena, .rest = blob};
    if (take_number(&in) != HOT_VERSION)
        return -EINVAL;
    table->status = (enum ddb_status)take_small(&in, DDB_ACTIVE + 1);
    take_keys(&in, &table->keys);
    table->is_on_demand = take_number(&in) != 0;
    table->read_units = take_number(&in);
    table->write_units = take_number(&in);
    table->view = (enum ddb_view)take_small(&in, DDB_VIEW_NEW_AND_OLD_IMAGES + 1);
    table->stream_key = take_number(&in);
    table->ttl_attribute = take_text(&in);
    table->is_ttl_active = take_number(&in) != 0;
    table->is_protected = take_number(&in) != 0;
    table->is_logged = take_number(&in) != 0;
    table->epoch = take_number(&in);
    table->is_infrequent = take_number(&in) != 0;
    table->replicas = take_texts(&in, &table->replica_count);
    table->index_count = take_small(&in, HOT_MAX_INDEXES);
    if (table->index_count > 0)
        table->indexes = arena_alloc_array(arena, table->index_count, sizeof(*table->indexes));
    for (size_t i = 0; i < table->index_count; i++)
        take_index(&in, &table->indexes[i]);
    return in.is_bad || in.rest.len > 0 ? -EINVAL : 0;
}
