/* db.c — connections: transactions, savepoints, the statement cache and notifications.
 *
 * Everything here holds for both engines. Invariants:
 *   1. A statement runs only inside a transaction.
 *   2. The first error dooms a transaction (PostgreSQL works so; SQLite would go on, and a handler
 *      that relied on that would break on the other engine). Until a rollback, or db_rollback_to a
 *      savepoint from before the error, every step gives the dooming error again.
 *   3. A statement text is prepared once per connection; a second taker of a text that is in use
 *      gets a second statement, chained to the first.
 */
#include "store/db.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/fault.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/backend.h"

enum {
    FIRST_SLOT_COUNT = 64,
    NOTE_WINDOW_BYTES = 1024, /* how far back a repeated channel is noticed */
};

int db_error(struct db *db, int rc, const char *what, const char *text)
{
    /* libpq's text ends with a line end; the statement is the part that may be cut. */
    struct str message = str_trim(str_from_cstr(text ? text : "unknown error"));
    snprintf(db->error, sizeof(db->error), STR_FMT " (%s)", STR_ARG(message), what);
    if (log_enabled(LOG_DEBUG)) {
        const struct log_field fields[] = {
            {.name = "error", .text = str_from_cstr(db->error)},
            {.name = "errno", .number = rc},
        };
        log_event(LOG_DEBUG, "store error", fields, ARRAY_LEN(fields));
    }
    return rc;
}

/* Remembers the first error of the transaction. Later steps repeat it; a unique violation they
 * repeat as -EIO, because it is not their own. */
static int doom(struct db *db, int rc)
{
    if (db->mode != TX_NONE && db->failed_rc == 0)
        db->failed_rc = rc == -EEXIST ? -EIO : rc;
    return rc;
}

/* Connections */

int db_open(struct store *store, struct db **out_db)
{
    AUTO(buf) struct buf message;
    buf_init(&message, NULL, sizeof(((struct db *)NULL)->error));
    struct db *db = NULL;
    int rc = fault_point("store.open") ? -EIO : store->backend->db_open(store, &db, &message);
    if (rc < 0) {
        log_message(LOG_DEBUG, "store: cannot open a connection: " STR_FMT,
                    STR_ARG(buf_str(&message)));
        return rc;
    }
    db->store = store;
    db->backend = store->backend;
    db->slot_count = FIRST_SLOT_COUNT;
    db->slots = mem_new_array(db->slot_count, sizeof(*db->slots));
    buf_init(&db->notes, NULL, NOTES_MAX_BYTES);
    *out_db = db;
    return 0;
}

void db_close(struct db *db)
{
    if (!db)
        return;
    if (db->mode != TX_NONE)
        db_rollback(db);
    for (size_t i = 0; i < db->slot_count; i++) {
        struct stmt *stmt = db->slots[i].first;
        while (stmt) {
            struct stmt *next = stmt->next;
            db->backend->stmt_free(stmt);
            stmt = next;
        }
    }
    mem_free(db->slots);
    buf_deinit(&db->notes);
    db->backend->db_close(db);
}

void db_autoclose(struct db **slot)
{
    db_close(*slot);
}

struct store *db_store(struct db *db)
{
    return db->store;
}

const char *db_error_text(const struct db *db)
{
    return db->error;
}

/* Transactions */

int db_begin(struct db *db, enum tx_mode mode)
{
    CHECK(db->mode == TX_NONE && mode != TX_NONE);
    CHECK(db->in_use_count == 0);
    if (fault_point("store.begin"))
        return db_error(db, -EIO, "begin", "fault point");
    int rc = db->backend->begin(db, mode);
    if (rc < 0)
        return rc;
    db->mode = mode;
    db->failed_rc = 0;
    db->depth = 0;
    buf_clear(&db->notes);
    return 0;
}

/* A statement that somebody still holds would keep the engine's read snapshot open. */
static void reset_all(struct db *db)
{
    if (db->in_use_count == 0)
        return;
    for (size_t i = 0; i < db->slot_count; i++)
        for (struct stmt *stmt = db->slots[i].first; stmt; stmt = stmt->next)
            if (stmt->is_in_use)
                stmt_reset(stmt);
}

static void end_transaction(struct db *db)
{
    db->mode = TX_NONE;
    db->failed_rc = 0;
    db->depth = 0;
}

int db_commit(struct db *db)
{
    CHECK(db->mode != TX_NONE);
    int rc = db->failed_rc;
    if (rc == 0 && fault_point("store.commit"))
        rc = db_error(db, -EIO, "commit", "fault point");
    if (rc < 0) {
        db_rollback(db);
        return rc;
    }
    reset_all(db);
    /* When so many channels were named that they did not fit, the empty one wakes everybody. */
    struct str notes = db->notes.is_full ? STR("\n") : buf_str(&db->notes);
    rc = db->backend->commit(db, notes);
    end_transaction(db);
    if (rc == 0 && notes.len > 0)
        store_wake_all(db->store, notes);
    return rc;
}

void db_rollback(struct db *db)
{
    if (db->mode == TX_NONE)
        return;
    reset_all(db);
    db->backend->rollback(db);
    end_transaction(db);
}

enum tx_mode db_mode(const struct db *db)
{
    return db->mode;
}

int db_tx_error(const struct db *db)
{
    return db->failed_rc;
}

int db_savepoint(struct db *db)
{
    CHECK(db->mode != TX_NONE && db->depth < SAVEPOINT_DEPTH_MAX);
    if (db->failed_rc < 0)
        return db->failed_rc;
    int rc = db->backend->savepoint(db, db->depth);
    if (rc < 0)
        return doom(db, rc);
    db->note_marks[db->depth] = db->notes.len;
    db->depth++;
    return 0;
}

void db_rollback_to(struct db *db)
{
    CHECK(db->depth > 0);
    unsigned depth = db->depth - 1;
    /* Queries that are being stepped through stay as they are: somebody may undo what a row led to
     * and go on with the next. */
    int rc = db->backend->rollback_to(db, depth);
    db->notes.len = db->note_marks[depth];
    /* What only another transaction can cure outlives the savepoint. */
    if (rc < 0)
        db->failed_rc = rc;
    else if (db->failed_rc != -EAGAIN && db->failed_rc != -EROFS)
        db->failed_rc = 0;
}

int db_release(struct db *db)
{
    CHECK(db->depth > 0);
    const int doomed_rc = db->failed_rc;
    if (doomed_rc < 0)
        db_rollback_to(db);
    int rc = db->backend->release(db, db->depth - 1);
    db->depth--;
    if (doomed_rc < 0)
        return doomed_rc;
    return rc < 0 ? doom(db, rc) : 0;
}

/* Statements */

static struct stmt_slot *find_slot(const struct db *db, const char *sql)
{
    size_t mask = db->slot_count - 1;
    /* Fibonacci hashing spreads addresses that differ in few bits. */
    size_t at = (size_t)(((uint64_t)(uintptr_t)sql * UINT64_C(0x9E3779B97F4A7C15)) >> 32) & mask;
    while (db->slots[at].sql && db->slots[at].sql != sql)
        at = (at + 1) & mask;
    return &db->slots[at];
}

static void grow_slots(struct db *db)
{
    struct stmt_slot *old = db->slots;
    size_t old_count = db->slot_count;
    db->slot_count = old_count * 2;
    db->slots = mem_new_array(db->slot_count, sizeof(*db->slots));
    for (size_t i = 0; i < old_count; i++)
        if (old[i].sql)
            *find_slot(db, old[i].sql) = old[i];
    mem_free(old);
}

static struct stmt *take_cached(const struct stmt_slot *slot)
{
    for (struct stmt *stmt = slot->first; stmt; stmt = stmt->next)
        if (!stmt->is_in_use)
            return stmt;
    return NULL;
}

int db_prepare(struct db *db, const char *sql, struct stmt **out_stmt)
{
    CHECK(db->mode != TX_NONE);
    struct stmt_slot *slot = find_slot(db, sql);
    struct stmt *stmt = take_cached(slot);
    if (!stmt) {
        if (db->failed_rc < 0)
            return db->failed_rc;
        int rc = db->backend->stmt_new(db, sql, &stmt);
        if (rc < 0)
            return doom(db, rc);
        stmt->db = db;
        stmt->sql = sql;
        stmt->next = slot->first;
        if (!slot->sql)
            db->slots_used++;
        *slot = (struct stmt_slot){.sql = sql, .first = stmt};
        if (db->slots_used * 2 > db->slot_count)
            grow_slots(db);
    }
    stmt->is_in_use = true;
    db->in_use_count++;
    *out_stmt = stmt;
    return 0;
}

void stmt_release(struct stmt *stmt)
{
    if (!stmt)
        return;
    CHECK(stmt->is_in_use);
    stmt_reset(stmt);
    stmt->is_in_use = false;
    stmt->db->in_use_count--;
}

void stmt_autoclose(struct stmt **slot)
{
    stmt_release(*slot);
}

void stmt_reset(struct stmt *stmt)
{
    stmt->db->backend->reset(stmt);
    stmt->state = STMT_READY;
    stmt->has_bad_text = false;
}

void stmt_bind_i64(struct stmt *stmt, int index, int64_t value)
{
    stmt->db->backend->bind_i64(stmt, index, value);
}

void stmt_bind_f64(struct stmt *stmt, int index, double value)
{
    stmt->db->backend->bind_f64(stmt, index, value);
}

void stmt_bind_str(struct stmt *stmt, int index, struct str text)
{
    if (text.len > 0 && memchr(text.ptr, '\0', text.len))
        stmt->has_bad_text = true;
    stmt->db->backend->bind_bytes(stmt, index, text, true);
}

void stmt_bind_blob(struct stmt *stmt, int index, struct str bytes)
{
    stmt->db->backend->bind_bytes(stmt, index, bytes, false);
}

void stmt_bind_null(struct stmt *stmt, int index)
{
    stmt->db->backend->bind_bytes(stmt, index, (struct str){0}, true);
}

void stmt_bind_scope(struct stmt *stmt, struct scope scope)
{
    stmt_bind_str(stmt, 1, scope.account);
    stmt_bind_str(stmt, 2, scope.region);
}

int stmt_step(struct stmt *stmt)
{
    struct db *db = stmt->db;
    CHECK(db->mode != TX_NONE);
    if (stmt->state == STMT_DONE)
        return 0;
    if (db->failed_rc < 0)
        return db->failed_rc;
    if (stmt->has_bad_text)
        return doom(db, db_error(db, -EINVAL, stmt->sql, "text holds a NUL byte"));
    if (fault_point("store.step"))
        return doom(db, db_error(db, -EIO, stmt->sql, "fault point"));
    int rc = db->backend->step(stmt);
    if (rc < 0)
        return doom(db, rc);
    stmt->state = rc == 1 ? STMT_ROW : STMT_DONE;
    return rc;
}

int64_t stmt_run(struct stmt *stmt)
{
    int rc = 0;
    do {
        rc = stmt_step(stmt);
    } while (rc == 1);
    return rc < 0 ? rc : stmt->db->backend->changed(stmt);
}

int db_run(struct db *db, const char *sql)
{
    if (db->failed_rc < 0)
        return db->failed_rc;
    int rc = db->backend->execute(db, sql);
    return rc < 0 ? doom(db, rc) : 0;
}

int64_t stmt_i64(struct stmt *stmt, int column)
{
    CHECK(stmt->state == STMT_ROW);
    return stmt->db->backend->i64(stmt, column);
}

double stmt_f64(struct stmt *stmt, int column)
{
    CHECK(stmt->state == STMT_ROW);
    return stmt->db->backend->f64(stmt, column);
}

struct str stmt_str(struct stmt *stmt, int column, struct arena *arena)
{
    CHECK(stmt->state == STMT_ROW);
    return stmt->db->backend->bytes(stmt, column, arena);
}

bool stmt_is_null(struct stmt *stmt, int column)
{
    CHECK(stmt->state == STMT_ROW);
    return stmt->db->backend->is_null(stmt, column);
}

/* Notifications */

/* True when `channel` is among the last notes: most transactions name one channel many times. A
 * repetition that is missed costs a needless wake-up, nothing more. A note from before the
 * innermost savepoint counts too, since it outlives that savepoint. */
static bool is_noted(const struct buf *notes, struct str channel)
{
    struct str rest = buf_str(notes);
    if (rest.len > NOTE_WINDOW_BYTES) {
        rest = str_from(rest, rest.len - NOTE_WINDOW_BYTES);
        rest = str_from(rest, (size_t)(str_index(rest, '\n') + 1));
    }
    struct str note;
    while (rest.len > 0 && str_split_next(&rest, '\n', &note))
        if (str_eq(note, channel))
            return true;
    return false;
}

void db_notify(struct db *db, struct str channel)
{
    CHECK(db->mode != TX_NONE);
    /* A channel that cannot be listed is not worth a crash: everybody looks then. */
    if (channel.len == 0 || channel.len > CHANNEL_MAX_BYTES || str_index(channel, '\n') >= 0) {
        db->notes.is_full = true;
        return;
    }
    if (is_noted(&db->notes, channel))
        return;
    buf_append(&db->notes, channel);
    buf_append_char(&db->notes, '\n');
}
