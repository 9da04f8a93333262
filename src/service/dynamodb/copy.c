/* copy.c — the items of one table as they were at a moment become those of another, step by step.
 *
 * First pass: the source's rows, in the order of their keys. Second pass, when the copy is of a
 * moment: for every key that was changed since, the first change after the moment holds what the
 * item was then. Why that is right while the source goes on changing: a key without such a change
 * has been the same since the moment; a key with one is put right, whatever the first pass took; a
 * key that changes after the second pass has gone by was copied before it changed.
 *
 * A copy without a moment (of a backup, or of a table to its new replica) takes what is there; rows
 * that the target has already are newer and stay.
 *
 * State: what struct ddb_copy says, and Phase, Hash, Range, Number: how far it is.
 */
#include <errno.h>

#include "base/arena.h"
#include "service/dynamodb/dynamodb.h"
#include "syntax/base64.h"
#include "syntax/json.h"

enum {
    COPY_ROWS = 100,              /* of a step */
    LOG_LOOK_MS = 60 * 60 * 1000, /* how often old changes are looked for */
    TRIM_ROWS = 500,
    PITR_DAYS = 35,
};

enum status ddb_copy_start(struct call *call, const struct ddb_copy *copy)
{
    struct json *state = json_new(call->arena, JSON_OBJECT);
    ddb_detail_set_i64(call->arena, state, "Source", copy->source_key);
    ddb_detail_set_i64(call->arena, state, "Target", copy->target_key);
    ddb_detail_set_str(call->arena, state, "Account", copy->target_scope.account);
    ddb_detail_set_str(call->arena, state, "Region", copy->target_scope.region);
    ddb_detail_set_str(call->arena, state, "Table", str_or(copy->target_table, STR("")));
    ddb_detail_set_str(call->arena, state, "Backup", str_or(copy->backup_id, STR("")));
    ddb_detail_set_i64(call->arena, state, "Epoch", copy->epoch);
    ddb_detail_set_i64(call->arena, state, "At", copy->at_ms);
    return workflow_start(call, ddb_copy_kind.name,
                          str_format(call->arena, "%lld", (long long)copy->target_key), state);
}

static struct ddb_copy copy_of(const struct json *state)
{
    return (struct ddb_copy){
        .source_key = ddb_detail_i64(state, "Source", 0),
        .target_key = ddb_detail_i64(state, "Target", 0),
        .target_scope = {.account = json_find_str(state, "Account"),
                         .region = json_find_str(state, "Region")},
        .target_table = json_find_str(state, "Table"),
        .backup_id = json_find_str(state, "Backup"),
        .epoch = ddb_detail_i64(state, "Epoch", -1),
        .at_ms = ddb_detail_i64(state, "At", -1),
    };
}

static bool is_backup(const struct ddb_copy *copy)
{
    return copy->backup_id.len > 0;
}

static bool has_moment(const struct ddb_copy *copy)
{
    return copy->epoch >= 0 || copy->at_ms >= 0;
}

/* Puts the item of a key into the target, or removes it (blob absent). */
static int put(struct call *call, const struct ddb_copy *copy, const struct ddb_table *target,
               const struct ddb_item_row *row, bool is_final)
{
    if (is_backup(copy))
        return row->blob.ptr
                   ? ddb_store_put_row(call->db, copy->target_key, row)
                   : ddb_store_delete_row(call->db, copy->target_key, row->hash, row->range);
    struct ddb_value old_item;
    struct ddb_value new_item;
    struct ddb_write write = {
        .hash = row->hash,
        .range = row->range,
        .new_blob = row->blob,
        .is_replicated = true,
    };
    int rc = ddb_item_find(call->db, call->arena, copy->target_key, row->hash, row->range,
                           &write.old_blob);
    bool has_old = rc == 1;
    if (rc < 0 || (has_old && !is_final) || (!has_old && !row->blob.ptr))
        return rc < 0 ? rc : 0;
    rc = has_old ? ddb_value_from_blob(call->arena, write.old_blob, &old_item) : 0;
    if (rc == 0 && row->blob.ptr)
        rc = ddb_value_from_blob(call->arena, row->blob, &new_item);
    if (rc < 0)
        return rc;
    write.old_item = has_old ? &old_item : NULL;
    write.new_item = row->blob.ptr ? &new_item : NULL;
    return ddb_item_write(call, target, &write);
}

static struct str bytes_of(struct call *call, const struct json *state, const char *name)
{
    struct str bytes = STR("");
    if (base64_decode(call->arena, str_or(json_find_str(state, name), STR("")), &bytes) < 0)
        return STR("");
    return bytes;
}

static void keep_place(struct call *call, struct json *state, struct str hash, struct str range,
                       int64_t number)
{
    ddb_detail_set_str(call->arena, state, "Hash", base64_encode_str(call->arena, hash));
    ddb_detail_set_str(call->arena, state, "Range", base64_encode_str(call->arena, range));
    ddb_detail_set_i64(call->arena, state, "Number", number);
}

/* A piece of the first pass. 1: there is more, 0: it is over, or -errno. */
static int copy_rows(struct call *call, const struct ddb_copy *copy, const struct ddb_table *target,
                     struct json *state)
{
    struct ddb_item_row rows[COPY_ROWS];
    int64_t count =
        ddb_store_page_items(call->db, call->arena, copy->source_key, bytes_of(call, state, "Hash"),
                             bytes_of(call, state, "Range"), COPY_ROWS, rows);
    for (int64_t i = 0; i < count; i++) {
        int rc = put(call, copy, target, &rows[i], false);
        if (rc < 0)
            return rc;
    }
    if (count < COPY_ROWS)
        return count < 0 ? (int)count : 0;
    keep_place(call, state, rows[count - 1].hash, rows[count - 1].range, 0);
    return 1;
}

/* A piece of the second pass. */
static int undo_changes(struct call *call, const struct ddb_copy *copy,
                        const struct ddb_table *target, struct json *state)
{
    struct ddb_change_row rows[COPY_ROWS];
    struct ddb_change_row last = {
        .hash = bytes_of(call, state, "Hash"),
        .range = bytes_of(call, state, "Range"),
        .number = ddb_detail_i64(state, "Number", 0),
    };
    int64_t count = ddb_store_page_changes(call->db, call->arena, copy->source_key, &last,
                                           copy->epoch, copy->at_ms, COPY_ROWS, rows);
    for (int64_t i = 0; i < count; i++) {
        bool is_first = !str_eq(rows[i].hash, last.hash) || !str_eq(rows[i].range, last.range);
        last = rows[i];
        if (!is_first)
            continue;
        struct ddb_item_row row = {
            .hash = rows[i].hash,
            .range = rows[i].range,
            .blob = rows[i].old_blob,
        };
        struct ddb_value item;
        int rc = row.blob.ptr ? ddb_value_from_blob(call->arena, row.blob, &item) : 0;
        if (rc == 0 && row.blob.ptr)
            row.size = (int64_t)ddb_item_size(&item);
        if (rc == 0)
            rc = put(call, copy, target, &row, true);
        if (rc < 0)
            return rc;
    }
    if (count < COPY_ROWS)
        return count < 0 ? (int)count : 0;
    keep_place(call, state, last.hash, last.range, last.number);
    return 1;
}

/* --- the end --- */

static enum status finish_backup(struct call *call, const struct ddb_copy *copy)
{
    struct ddb_backup backup;
    int rc = ddb_store_find_backup(call->db, call->arena, copy->target_scope, copy->target_table,
                                   copy->backup_id, &backup);
    if (rc == 0) /* what it was copied for is no backup but an export */
        return ddb_export_begin(call, copy->backup_id, copy->target_key);
    if (rc == 1) {
        backup.status = STR("AVAILABLE");
        rc = ddb_store_update_backup(call->db, &backup);
    }
    return rc < 0 ? call_fail_internal(call, rc, "dynamodb: finish a backup") : STATUS_DONE;
}

static enum status finish_table(struct call *call, struct ddb_table *target)
{
    struct json *restore = json_find_cstr(target->detail, "Restore");
    if (restore)
        ddb_detail_set_bool(call->arena, restore, "Running", false);
    (void)json_remove(target->detail, STR("Filling"));
    enum status status = ddb_table_save(call, target);
    return status == STATUS_DONE ? ddb_table_schedule(call, target) : status;
}

/* The source's changes are needed by one copy less. */
static enum status release_source(struct call *call, const struct ddb_copy *copy)
{
    struct ddb_table *source = NULL;
    if (!has_moment(copy))
        return STATUS_DONE;
    int rc = ddb_table_find_by_key(call, copy->source_key, &source);
    if (rc <= 0)
        return rc < 0 ? call_fail_internal(call, rc, "dynamodb: find a copied table") : STATUS_DONE;
    int64_t copies = ddb_detail_i64(source->detail, "Copies", 1);
    ddb_detail_set_i64(call->arena, source->detail, "Copies", copies - 1);
    ddb_log_decide(source);
    enum status status = ddb_table_save(call, source);
    if (status == STATUS_DONE)
        status = ddb_log_watch(call, source);
    /* A deletion may have waited for the copy. */
    return status == STATUS_DONE ? ddb_table_schedule(call, source) : status;
}

static enum status copy_step(struct call *call, struct workflow *workflow,
                             enum workflow_next *out_next)
{
    const struct ddb_copy copy = copy_of(workflow->state);
    struct ddb_table *target = NULL;
    int rc = is_backup(&copy) ? 0 : ddb_table_find_by_key(call, copy.target_key, &target);
    bool is_gone = rc == 0 && !is_backup(&copy);
    bool is_second = str_eq_cstr(json_find_str(workflow->state, "Phase"), "undo");
    if (rc >= 0 && !is_gone)
        rc = is_second ? undo_changes(call, &copy, target, workflow->state)
                       : copy_rows(call, &copy, target, workflow->state);
    if (rc < 0)
        return call_fail_internal(call, rc, "dynamodb: copy items");
    *out_next = WORKFLOW_AGAIN;
    if (rc == 1)
        return STATUS_DONE;
    if (!is_gone && !is_second && has_moment(&copy)) {
        ddb_detail_set_str(call->arena, workflow->state, "Phase", STR("undo"));
        keep_place(call, workflow->state, STR(""), STR(""), 0);
        return STATUS_DONE;
    }
    *out_next = WORKFLOW_DONE;
    enum status status = is_gone            ? STATUS_DONE
                         : is_backup(&copy) ? finish_backup(call, &copy)
                                            : finish_table(call, target);
    return status == STATUS_DONE ? release_source(call, &copy) : status;
}

const struct workflow_kind ddb_copy_kind = {
    .name = STR_INIT("dynamodb.copy"),
    .step = copy_step,
};

/* --- the log's own life --- */

static struct str log_id(struct arena *arena, int64_t table_key)
{
    return str_format(arena, "log:%lld", (long long)table_key);
}

enum status ddb_log_watch(struct call *call, const struct ddb_table *table)
{
    struct str id = log_id(call->arena, table->table_key);
    int rc = workflow_exists(call, ddb_trim_kind.name, id);
    if (rc < 0)
        return call_fail_internal(call, rc, "dynamodb: look for a log's workflow");
    return rc == 1 ? workflow_wake(call, ddb_trim_kind.name, id)
                   : workflow_start(call, ddb_trim_kind.name, id, NULL);
}

enum status ddb_log_trim(struct call *call, int64_t table_key, struct workflow *workflow,
                         enum workflow_next *out_next)
{
    struct ddb_table *table = NULL;
    int rc = ddb_table_find_by_key(call, table_key, &table);
    if (rc < 0)
        return call_fail_internal(call, rc, "dynamodb: find a logged table");
    if (rc == 0)
        return STATUS_DONE; /* its end clears the log */
    int64_t count = 0;
    const struct json *pitr = json_find_cstr(table->detail, "Pitr");
    int64_t days = ddb_detail_i64(pitr, "Days", PITR_DAYS);
    if (!table->is_logged)
        count = ddb_store_clear_changes(call->db, table_key, TRIM_ROWS);
    else if (ddb_detail_i64(table->detail, "Copies", 0) == 0)
        count = ddb_store_trim_changes(call->db, table_key,
                                       call->now_ms - days * (int64_t)DDB_DAY_MS, TRIM_ROWS);
    if (count < 0)
        return call_fail_internal(call, (int)count, "dynamodb: trim a log");
    bool has_more = count == TRIM_ROWS;
    *out_next = table->is_logged || has_more ? WORKFLOW_AGAIN : WORKFLOW_DONE;
    workflow->run_at_ms = call->now_ms + (has_more ? 0 : LOG_LOOK_MS);
    return STATUS_DONE;
}
