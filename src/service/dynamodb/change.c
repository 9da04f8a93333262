/* change.c — what follows from the write of an item, in the writer's transaction. */
#include "service/dynamodb/dynamodb.h"

static bool is_same(const struct ddb_write *write)
{
    return write->old_item && write->new_item && write->old_blob.ptr && write->new_blob.ptr &&
           str_eq(write->old_blob, write->new_blob);
}

int ddb_item_changed(struct call *call, const struct ddb_table *table,
                     const struct ddb_write *write)
{
    bool is_watched = table->view != DDB_VIEW_NONE || table->is_logged || table->replica_count > 0;
    /* AWS: a write "that doesn't change any data in an item" gives no stream record. */
    if (!is_watched || is_same(write) || (!write->old_item && !write->new_item))
        return 0;
    int rc = 0;
    if (table->view != DDB_VIEW_NONE)
        rc = ddb_stream_append(call, table, write);
    if (rc == 0 && table->is_logged) {
        struct str old_blob = write->old_blob;
        if (write->old_item && !old_blob.ptr)
            old_blob = ddb_value_to_blob(call->arena, write->old_item);
        rc = ddb_store_log(call->db, table, write->hash, write->range, call->now_ms,
                           write->old_item ? old_blob : (struct str){0});
    }
    if (rc == 0 && table->replica_count > 0 && !write->is_replicated)
        rc = ddb_replicate(call, table, write);
    return rc;
}
