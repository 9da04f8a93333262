/* life.c — what a table goes through by itself: becoming ACTIVE, building and dropping indexes,
 * marking what expires, ending.
 *
 * One workflow per table, named by its number; it does one bounded piece per step, writes how far
 * it is into its state and ends when nothing is left to do. Requests change the table's row and
 * schedule it.
 *
 * State: Hash, Range: how far an index or the expiry times are built; Purge: array of {Kind, Key}
 * of rows that no table names any more.
 */
#include <errno.h>

#include "base/arena.h"
#include "service/dynamodb/dynamodb.h"
#include "syntax/base64.h"
#include "syntax/json.h"

enum {
    PURGE_ROWS = 500,    /* of rows deleted in a step: about 3 ms */
    BACKFILL_ROWS = 100, /* items read and put into an index in a step */
};

static struct str workflow_id(struct arena *arena, int64_t table_key)
{
    return str_format(arena, "%lld", (long long)table_key);
}

enum status ddb_table_schedule(struct call *call, const struct ddb_table *table)
{
    struct str id = workflow_id(call->arena, table->table_key);
    int rc = workflow_exists(call, ddb_table_kind.name, id);
    if (rc < 0)
        return call_fail_internal(call, rc, "dynamodb: look for a table's workflow");
    if (rc == 1)
        return workflow_wake(call, ddb_table_kind.name, id);
    return workflow_start(call, ddb_table_kind.name, id, NULL);
}

/* --- clearing what is left --- */

static void add_purge(struct call *call, struct json *state, const char *kind, int64_t key)
{
    struct json *list = json_find_cstr(state, "Purge");
    if (!list) {
        list = json_new(call->arena, JSON_ARRAY);
        json_append_member(state, STR("Purge"), list);
    }
    struct json *one = json_new(call->arena, JSON_OBJECT);
    ddb_detail_set_str(call->arena, one, "Kind", str_from_cstr(kind));
    ddb_detail_set_i64(call->arena, one, "Key", key);
    json_append(list, one);
}

enum status ddb_purge_items(struct call *call, int64_t items_key)
{
    struct json *state = json_new(call->arena, JSON_OBJECT);
    struct str id = workflow_id(call->arena, items_key);
    int rc = workflow_exists(call, ddb_table_kind.name, id);
    if (rc < 0)
        return call_fail_internal(call, rc, "dynamodb: look for a table's workflow");
    if (rc == 1) /* the table that left these items is still being cleared away */
        return call_fail(call, &DYNAMODB_BACKUP_IN_USE_EXCEPTION, "Backup is being created");
    add_purge(call, state, "items", items_key);
    return workflow_start(call, ddb_table_kind.name, id, state);
}

/* One piece of the first entry. */
static enum status purge(struct call *call, struct json *state)
{
    struct json *list = json_find_cstr(state, "Purge");
    const struct json *first = list->first;
    int64_t key = ddb_detail_i64(first, "Key", 0);
    struct str kind = json_find_str(first, "Kind");
    int rc = ddb_store_delete_buckets(call->db, key);
    if (rc < 0)
        return call_fail_internal(call, rc, "dynamodb: forget tokens");
    int64_t count = str_eq_cstr(kind, "items") ? ddb_store_clear_items(call->db, key, PURGE_ROWS)
                    : str_eq_cstr(kind, "index")
                        ? ddb_store_clear_index(call->db, key, PURGE_ROWS)
                        : ddb_store_clear_changes(call->db, key, PURGE_ROWS);
    if (count < 0)
        return call_fail_internal(call, (int)count, "dynamodb: clear rows");
    if (count == PURGE_ROWS)
        return STATUS_DONE;
    struct json *rest = json_new(call->arena, JSON_ARRAY);
    for (const struct json *one = first->next; one; one = one->next)
        json_append(rest, json_copy(call->arena, one));
    json_set(state, STR("Purge"), rest);
    return STATUS_DONE;
}

static enum status end_table(struct call *call, struct ddb_table *table, struct json *state)
{
    bool is_kept = false;
    enum status status = ddb_backup_at_end(call, table, &is_kept);
    if (status == STATUS_DONE && table->stream_key != 0)
        status = ddb_stream_disable(call, table);
    if (status == STATUS_DONE && table->replica_count > 0)
        status = ddb_replica_forget(call, table, table->scope.region);
    if (status != STATUS_DONE)
        return status;
    int rc = ddb_store_delete_table(call->db, table->table_key);
    if (rc < 0)
        return call_fail_internal(call, rc, "dynamodb: delete a table");
    for (size_t i = 0; i < table->index_count; i++)
        add_purge(call, state, "index", table->indexes[i].index_key);
    if (!is_kept)
        add_purge(call, state, "items", table->table_key);
    add_purge(call, state, "changes", table->table_key);
    return STATUS_DONE;
}

/* --- indexes --- */

static struct str cursor(struct call *call, const struct json *state, const char *name)
{
    struct str bytes = STR("");
    if (base64_decode(call->arena, str_or(json_find_str(state, name), STR("")), &bytes) < 0)
        return STR("");
    return bytes;
}

static void set_cursor(struct call *call, struct json *state, const struct ddb_item_row *last)
{
    ddb_detail_set_str(call->arena, state, "Hash", base64_encode_str(call->arena, last->hash));
    ddb_detail_set_str(call->arena, state, "Range", base64_encode_str(call->arena, last->range));
}

static void drop_cursor(struct json *state)
{
    (void)json_remove(state, STR("Hash"));
    (void)json_remove(state, STR("Range"));
}

/* The next piece of the table's items; the count, or -errno. */
static int64_t next_items(struct call *call, const struct ddb_table *table, struct json *state,
                          struct ddb_item_row *rows)
{
    int64_t count =
        ddb_store_page_items(call->db, call->arena, table->table_key, cursor(call, state, "Hash"),
                             cursor(call, state, "Range"), BACKFILL_ROWS, rows);
    if (count == BACKFILL_ROWS)
        set_cursor(call, state, &rows[count - 1]);
    else if (count >= 0)
        drop_cursor(state);
    return count;
}

static enum status backfill(struct call *call, const struct ddb_table *table,
                            struct ddb_index *index, struct json *state)
{
    struct ddb_item_row rows[BACKFILL_ROWS];
    int64_t count = next_items(call, table, state, rows);
    int rc = count < 0 ? (int)count : 0;
    for (int64_t i = 0; i < count && rc == 0; i++) {
        struct ddb_value item;
        rc = ddb_value_from_blob(call->arena, rows[i].blob, &item);
        if (rc == 0)
            rc = ddb_index_add(call, table, index, rows[i].hash, rows[i].range, &item);
    }
    if (rc < 0)
        return call_fail_internal(call, rc, "dynamodb: fill an index");
    if (count < BACKFILL_ROWS) {
        index->status = DDB_ACTIVE;
        index->is_backfilling = false;
    }
    return STATUS_DONE;
}

static void drop_index(struct call *call, struct ddb_table *table, size_t at, struct json *state)
{
    add_purge(call, state, "index", table->indexes[at].index_key);
    drop_cursor(state);
    for (size_t i = at; i + 1 < table->index_count; i++)
        table->indexes[i] = table->indexes[i + 1];
    table->index_count--;
    ddb_schema_prune(call, table);
}

/* Sets expires_at of the items that were there before TTL was. */
static enum status mark_expiring(struct call *call, struct ddb_table *table, struct json *state)
{
    struct ddb_item_row rows[BACKFILL_ROWS];
    int64_t count = next_items(call, table, state, rows);
    int rc = count < 0 ? (int)count : 0;
    for (int64_t i = 0; i < count && rc == 0; i++) {
        struct ddb_value item;
        rc = ddb_value_from_blob(call->arena, rows[i].blob, &item);
        if (rc == 0)
            rc = ddb_store_set_expiry(call->db, table->table_key, rows[i].hash, rows[i].range,
                                      ddb_item_expiry(table, &item));
    }
    if (rc < 0)
        return call_fail_internal(call, rc, "dynamodb: mark what expires");
    return count < BACKFILL_ROWS ? ddb_ttl_ready(call, table) : STATUS_DONE;
}

/* --- the workflow --- */

/* Does the next piece of work. *out_is_idle: there is none. */
static enum status work(struct call *call, struct ddb_table *table, struct json *state,
                        bool *out_is_idle)
{
    /* A copy fills the table first, or has to be done with it, and then wakes this workflow. */
    bool is_deleting = table->status == DDB_DELETING;
    *out_is_idle = is_deleting ? ddb_detail_i64(table->detail, "Copies", 0) > 0
                               : ddb_detail_bool(table->detail, "Filling");
    if (*out_is_idle)
        return STATUS_DONE;
    if (is_deleting)
        return end_table(call, table, state);
    enum status status = STATUS_DONE;
    for (size_t i = 0; i < table->index_count; i++) {
        struct ddb_index *index = &table->indexes[i];
        if (index->status == DDB_DELETING) {
            drop_index(call, table, i, state);
            return ddb_table_save(call, table);
        }
        if (index->is_backfilling) {
            status = backfill(call, table, index, state);
            return status == STATUS_DONE ? ddb_table_save(call, table) : status;
        }
    }
    const struct json *ttl = json_find_cstr(table->detail, "Ttl");
    if (str_eq_cstr(json_find_str(ttl, "Status"), "ENABLING")) {
        status = mark_expiring(call, table, state);
        return status == STATUS_DONE ? ddb_table_save(call, table) : status;
    }
    *out_is_idle = table->status == DDB_ACTIVE;
    if (*out_is_idle)
        return STATUS_DONE;
    table->status = DDB_ACTIVE;
    call_notify(call, ddb_table_channel(call->arena, table->table_key));
    return ddb_table_save(call, table);
}

static enum status table_step(struct call *call, struct workflow *workflow,
                              enum workflow_next *out_next)
{
    int64_t table_key = 0;
    if (str_to_i64(workflow->id, &table_key) < 0)
        return call_fail_internal(call, -EINVAL, "dynamodb: a workflow's table");
    struct ddb_table *table = NULL;
    int rc = ddb_table_find_by_key(call, table_key, &table);
    if (rc < 0)
        return call_fail_internal(call, rc, "dynamodb: find a workflow's table");
    const struct json *left = json_find_cstr(workflow->state, "Purge");
    bool has_left = left && left->count > 0;
    bool is_idle = true;
    enum status status = STATUS_DONE;
    if (rc == 1)
        status = work(call, table, workflow->state, &is_idle);
    /* Clients wait for the table, nobody for what is cleared away. */
    if (status == STATUS_DONE && is_idle && has_left)
        status = purge(call, workflow->state);
    *out_next = is_idle && !has_left ? WORKFLOW_DONE : WORKFLOW_AGAIN;
    return status;
}

const struct workflow_kind ddb_table_kind = {
    .name = STR_INIT("dynamodb.table"),
    .step = table_step,
};
