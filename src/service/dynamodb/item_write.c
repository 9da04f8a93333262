/* item_write.c — writing an item's row and what its indexes have of it.
 *
 * An index has a row for each item with all of the index's key attributes, of its types. Rows of an
 * index that projects everything hold no copy: readers join the item.
 *
 * DEVIATION: an item collection of a table with local indexes may grow beyond 10 GB; AWS then
 * answers ItemCollectionSizeLimitExceededException.
 */
#include <errno.h>

#include "base/arena.h"
#include "service/dynamodb/item.h"

bool ddb_is_projected(const struct ddb_table *table, const struct ddb_index *index, struct str name)
{
    if (index->projection == DDB_PROJECT_ALL || ddb_is_key_attribute(&table->keys, name) ||
        ddb_is_key_attribute(&index->keys, name))
        return true;
    for (size_t i = 0; index->projection == DDB_PROJECT_INCLUDE && i < index->attribute_count; i++)
        if (str_eq(index->attributes[i], name))
            return true;
    return false;
}

static struct ddb_value project(struct arena *arena, const struct ddb_table *table,
                                const struct ddb_index *index, const struct ddb_value *item)
{
    if (index->projection == DDB_PROJECT_ALL)
        return *item;
    struct ddb_value projected = {.type = DDB_M};
    projected.items = arena_alloc_array(arena, item->count, sizeof(*projected.items));
    for (uint32_t i = 0; i < item->count; i++)
        if (ddb_is_projected(table, index, item->items[i].name))
            projected.items[projected.count++] = item->items[i];
    return projected;
}

bool ddb_index_entry(struct arena *arena, const struct ddb_table *table,
                     const struct ddb_index *index, const struct ddb_value *item,
                     struct ddb_index_entry *out)
{
    struct ddb_index_entry entry = {0};
    if (!item || ddb_item_key(arena, &index->keys, item, &entry.hash, &entry.range) < 0)
        return false;
    entry.item = project(arena, table, index, item);
    entry.size = ddb_item_size(&entry.item);
    *out = entry;
    return true;
}

static int put_entry(struct call *call, const struct ddb_index *index,
                     const struct ddb_index_entry *entry, struct str hash, struct str range)
{
    struct str blob = {0};
    if (index->projection != DDB_PROJECT_ALL)
        blob = ddb_value_to_blob(call->arena, &entry->item);
    return ddb_store_put_index_item(call->db, index->index_key, entry->hash, entry->range, hash,
                                    range, entry->size, blob);
}

static int write_index(struct call *call, const struct ddb_table *table,
                       const struct ddb_index *index, const struct ddb_write *write)
{
    struct ddb_index_entry old_entry;
    struct ddb_index_entry new_entry;
    const bool had = ddb_index_entry(call->arena, table, index, write->old_item, &old_entry);
    const bool has = ddb_index_entry(call->arena, table, index, write->new_item, &new_entry);
    const bool is_moved =
        had && has &&
        !(str_eq(old_entry.hash, new_entry.hash) && str_eq(old_entry.range, new_entry.range));
    int rc = 0;
    if (had && (!has || is_moved))
        rc = ddb_store_delete_index_item(call->db, index->index_key, old_entry.hash,
                                         old_entry.range, write->hash, write->range);
    if (rc < 0 || !has)
        return rc;
    if (had && !is_moved && old_entry.size == new_entry.size &&
        (index->projection == DDB_PROJECT_ALL ||
         ddb_value_equal(&old_entry.item, &new_entry.item)) &&
        !index->is_backfilling)
        return 0;
    return put_entry(call, index, &new_entry, write->hash, write->range);
}

int ddb_index_add(struct call *call, const struct ddb_table *table, const struct ddb_index *index,
                  struct str hash, struct str range, const struct ddb_value *item)
{
    struct ddb_index_entry entry;
    if (!ddb_index_entry(call->arena, table, index, item, &entry))
        return 0;
    return put_entry(call, index, &entry, hash, range);
}

int ddb_item_write(struct call *call, const struct ddb_table *table, struct ddb_write *write)
{
    int rc = 0;
    if (!write->old_item && !write->new_item)
        return 0;
    if (write->old_item && !str_is_set(write->old_blob))
        write->old_blob = ddb_value_to_blob(call->arena, write->old_item);
    if (write->new_item && !str_is_set(write->new_blob))
        write->new_blob = ddb_value_to_blob(call->arena, write->new_item);
    if (write->new_item)
        rc = ddb_store_put_item(call->db, table->table_key, write->hash, write->range,
                                ddb_item_size(write->new_item),
                                ddb_item_expiry(table, write->new_item), write->new_blob);
    else
        rc = ddb_store_delete_item(call->db, table->table_key, write->hash, write->range);
    for (size_t i = 0; rc == 0 && i < table->index_count; i++)
        if (table->indexes[i].status != DDB_DELETING)
            rc = write_index(call, table, &table->indexes[i], write);
    return rc < 0 ? rc : ddb_item_changed(call, table, write);
}
