/* sqlite.c — the embedded engine: one file in WAL mode, many readers, one writer.
 *
 * Writers of this process queue on `writer` instead of on SQLite's lock, which they would have to
 * poll; the busy time-out is only for other programs that open the file. Connections are opened
 * without SQLite's own mutexes, since each belongs to one thread.
 *
 * Docs: sqlite.org/wal.html, sqlite.org/pragma.html, sqlite.org/lang_transaction.html
 */
#include "store/sqlite.h"

#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/mem.h"
#include "store/backend.h"

/* First come, first served: a thread that writes in a loop (workflows) would take a plain mutex
 * again before the others that wait for it wake up. */
struct writer_queue {
    pthread_mutex_t mutex;
    pthread_cond_t served;
    uint64_t next;    /* number that the next thread draws */
    uint64_t serving; /* number whose turn it is */
};

struct sqlite_store {
    struct writer_queue writer; /* held from begin to the end of a write transaction */
};

enum fixed {
    FIXED_BEGIN_READ,
    FIXED_BEGIN_WRITE,
    FIXED_COMMIT,
    FIXED_ROLLBACK,
    FIXED_COUNT,
};

enum savepoint_verb {
    SAVEPOINT_OPEN,
    SAVEPOINT_RELEASE,
    SAVEPOINT_ROLLBACK_TO,
    SAVEPOINT_VERB_COUNT,
};

static const char *const fixed_texts[FIXED_COUNT] = {
    [FIXED_BEGIN_READ] = "BEGIN DEFERRED",
    [FIXED_BEGIN_WRITE] = "BEGIN IMMEDIATE",
    [FIXED_COMMIT] = "COMMIT",
    [FIXED_ROLLBACK] = "ROLLBACK",
};

static const char *const savepoint_verbs[SAVEPOINT_VERB_COUNT] = {
    [SAVEPOINT_OPEN] = "SAVEPOINT",
    [SAVEPOINT_RELEASE] = "RELEASE",
    [SAVEPOINT_ROLLBACK_TO] = "ROLLBACK TO",
};

struct sqlite_db {
    struct db base;
    sqlite3 *handle;
    sqlite3_stmt *fixed[FIXED_COUNT];
    /* By depth; prepared when first used. Grouped commits run each call in a savepoint. */
    sqlite3_stmt *savepoints[SAVEPOINT_VERB_COUNT][SAVEPOINT_DEPTH_MAX];
    bool holds_writer;
};

struct sqlite_stmt_entry {
    struct stmt base;
    sqlite3 *handle;
    sqlite3_stmt *stmt;
    bool is_readonly;
    bool has_row;           /* stepped and not at its end: needs a reset */
    int64_t changes_before; /* total_changes when it began */
    int column_count;
    uint8_t slot_count;            /* parameters */
    uint8_t slots[PARAMETERS_MAX]; /* [n - 1]: SQLite's index of $n; 0: the text has no $n */
};

static const char pragmas[] =
    /* Before anything is read: WAL is a property of the file, the rest of the connection. */
    "PRAGMA journal_mode = WAL;"
    "PRAGMA foreign_keys = ON;"
    "PRAGMA temp_store = MEMORY;"
    "PRAGMA cache_size = -8192;"            /* 8 MiB per connection */
    "PRAGMA mmap_size = 134217728;"         /* reads of the first 128 MiB need no copy */
    "PRAGMA wal_autocheckpoint = 4000;"     /* 16 MiB: fewer, larger checkpoints */
    "PRAGMA journal_size_limit = 67108864;" /* a WAL that a burst blew up shrinks again */
    "PRAGMA case_sensitive_like = ON;";     /* as PostgreSQL compares */

static struct sqlite_db *sqlite_db_of(struct db *db)
{
    return (struct sqlite_db *)db;
}

static struct sqlite_stmt_entry *entry_of(struct stmt *stmt)
{
    return (struct sqlite_stmt_entry *)stmt;
}

static int to_errno(int code)
{
    switch (code & 0xFF) {
    case SQLITE_CONSTRAINT:
        return code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY ||
                       code == SQLITE_CONSTRAINT_ROWID
                   ? -EEXIST
                   : -EIO;
    case SQLITE_BUSY: /* only when another program holds the file for longer than the time-out */
        return -EAGAIN;
    default:
        return -EIO;
    }
}

static int failed(struct sqlite_db *db, int code, const char *what)
{
    return db_error(&db->base, to_errno(code), what, sqlite3_errmsg(db->handle));
}

/* Store */

static void configure_library(void)
{
    /* Counting allocations takes one lock for all threads. Refused when SQLite already runs. */
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    sqlite3_initialize();
}

static int sqlite_store_open(struct store *store, struct buf *message)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, configure_library);
    if (!sqlite3_threadsafe()) {
        buf_append_cstr(message, "this SQLite was built without support for threads");
        return -EIO;
    }
    static const char name[] = "/virga.db";
    size_t dir_len = strlen(store->dir);
    store->database_path = mem_new(dir_len + sizeof(name));
    memcpy(store->database_path, store->dir, dir_len);
    memcpy(store->database_path + dir_len, name, sizeof(name));
    struct sqlite_store *engine = mem_new(sizeof(*engine));
    CHECK(pthread_mutex_init(&engine->writer.mutex, NULL) == 0);
    CHECK(pthread_cond_init(&engine->writer.served, NULL) == 0);
    store->engine = engine;
    return 0;
}

static int sqlite_store_start(struct store *store, struct buf *message)
{
    (void)store;
    (void)message;
    return 0;
}

static void sqlite_store_close(struct store *store)
{
    struct sqlite_store *engine = store->engine;
    pthread_cond_destroy(&engine->writer.served);
    pthread_mutex_destroy(&engine->writer.mutex);
    mem_free(engine);
    store->engine = NULL;
}

static void writer_lock(struct store *store)
{
    struct writer_queue *queue = &((struct sqlite_store *)store->engine)->writer;
    CHECK(pthread_mutex_lock(&queue->mutex) == 0);
    uint64_t number = queue->next++;
    while (queue->serving != number)
        CHECK(pthread_cond_wait(&queue->served, &queue->mutex) == 0);
    CHECK(pthread_mutex_unlock(&queue->mutex) == 0);
}

static void writer_unlock(struct store *store)
{
    struct writer_queue *queue = &((struct sqlite_store *)store->engine)->writer;
    CHECK(pthread_mutex_lock(&queue->mutex) == 0);
    queue->serving++;
    CHECK(pthread_cond_broadcast(&queue->served) == 0);
    CHECK(pthread_mutex_unlock(&queue->mutex) == 0);
}

/* The lock of DIR keeps other processes out and this process opens the store one at a time. */
static int sqlite_migration_lock(struct db *db)
{
    (void)db;
    return 0;
}

static void sqlite_migration_unlock(struct db *db)
{
    (void)db;
}

static void sqlite_translate(struct str statement, struct buf *out)
{
    buf_append(out, statement);
}

static int sqlite_execute(struct db *base, const char *sql)
{
    struct sqlite_db *db = sqlite_db_of(base);
    int code = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? 0 : failed(db, code, sql);
}

/* Connections */

static void close_handle(struct sqlite_db *db)
{
    for (int i = 0; i < FIXED_COUNT; i++)
        sqlite3_finalize(db->fixed[i]);
    for (int verb = 0; verb < SAVEPOINT_VERB_COUNT; verb++)
        for (int depth = 0; depth < SAVEPOINT_DEPTH_MAX; depth++)
            sqlite3_finalize(db->savepoints[verb][depth]);
    CHECK(sqlite3_close(db->handle) == SQLITE_OK);
}

static int open_handle(struct store *store, struct sqlite_db *db)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
                SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE;
    int code = sqlite3_open_v2(store->database_path, &db->handle, flags, NULL);
    if (code != SQLITE_OK)
        return code;
    sqlite3_busy_timeout(db->handle, 5000);
    code = sqlite3_exec(db->handle, pragmas, NULL, NULL, NULL);
    if (code != SQLITE_OK)
        return code;
    code = sqlite3_exec(db->handle,
                        store->durability == DURABILITY_FULL ? "PRAGMA synchronous = FULL"
                                                             : "PRAGMA synchronous = NORMAL",
                        NULL, NULL, NULL);
    for (int i = 0; i < FIXED_COUNT && code == SQLITE_OK; i++)
        code = sqlite3_prepare_v3(db->handle, fixed_texts[i], -1, SQLITE_PREPARE_PERSISTENT,
                                  &db->fixed[i], NULL);
    return code;
}

static int sqlite_db_open(struct store *store, struct db **out_db, struct buf *message)
{
    struct sqlite_db *db = mem_new(sizeof(*db));
    int code = open_handle(store, db);
    if (code != SQLITE_OK) {
        buf_append_cstr(message, db->handle ? sqlite3_errmsg(db->handle) : sqlite3_errstr(code));
        close_handle(db);
        mem_free(db);
        return -EIO;
    }
    *out_db = &db->base;
    return 0;
}

static void sqlite_db_close(struct db *base)
{
    struct sqlite_db *db = sqlite_db_of(base);
    close_handle(db);
    mem_free(db);
}

/* Transactions */

/* Runs a statement without parameters and rows. */
static int run_prepared(struct sqlite_db *db, sqlite3_stmt *stmt)
{
    int code = sqlite3_step(stmt);
    sqlite3_reset(stmt);
    return code == SQLITE_DONE ? 0 : failed(db, code, sqlite3_sql(stmt));
}

static int run_fixed(struct sqlite_db *db, enum fixed which)
{
    return run_prepared(db, db->fixed[which]);
}

static void release_writer(struct sqlite_db *db)
{
    if (!db->holds_writer)
        return;
    db->holds_writer = false;
    writer_unlock(db->base.store);
}

static int sqlite_begin(struct db *base, enum tx_mode mode)
{
    struct sqlite_db *db = sqlite_db_of(base);
    if (mode == TX_WRITE) {
        writer_lock(base->store);
        db->holds_writer = true;
    }
    /* A transaction that only reads begins with its first read: many calls never look at a row. */
    int rc = mode == TX_WRITE ? run_fixed(db, FIXED_BEGIN_WRITE) : 0;
    if (rc < 0)
        release_writer(db);
    return rc;
}

/* Before anything is run: begins a transaction that only reads, if that is still to be done. One
 * that writes has begun. */
static int begin_reading(struct sqlite_db *db)
{
    return sqlite3_get_autocommit(db->handle) ? run_fixed(db, FIXED_BEGIN_READ) : 0;
}

static void sqlite_rollback(struct db *base)
{
    struct sqlite_db *db = sqlite_db_of(base);
    /* Some errors (disk full, I/O) have rolled back already. */
    if (!sqlite3_get_autocommit(db->handle)) {
        int rc = run_fixed(db, FIXED_ROLLBACK);
        CHECK(rc == 0 || sqlite3_get_autocommit(db->handle));
    }
    release_writer(db);
}

static int sqlite_commit(struct db *base, struct str notes)
{
    (void)notes; /* there are no other nodes */
    struct sqlite_db *db = sqlite_db_of(base);
    bool is_begun = !sqlite3_get_autocommit(db->handle) || base->mode == TX_WRITE;
    int rc = is_begun ? run_fixed(db, FIXED_COMMIT) : 0;
    if (rc < 0) {
        sqlite_rollback(base);
        return rc;
    }
    release_writer(db);
    return 0;
}

static int run_savepoint(struct db *base, enum savepoint_verb verb, unsigned depth)
{
    struct sqlite_db *db = sqlite_db_of(base);
    sqlite3_stmt **slot = &db->savepoints[verb][depth];
    int rc = verb == SAVEPOINT_OPEN ? begin_reading(db) : 0;
    if (rc < 0)
        return rc;
    if (!*slot) {
        char sql[32];
        snprintf(sql, sizeof(sql), "%s s%u", savepoint_verbs[verb], depth);
        int code = sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, slot, NULL);
        if (code != SQLITE_OK)
            return failed(db, code, sql);
    }
    return run_prepared(db, *slot);
}

static int sqlite_savepoint(struct db *base, unsigned depth)
{
    return run_savepoint(base, SAVEPOINT_OPEN, depth);
}

static int sqlite_release(struct db *base, unsigned depth)
{
    return run_savepoint(base, SAVEPOINT_RELEASE, depth);
}

static int sqlite_rollback_to(struct db *base, unsigned depth)
{
    return run_savepoint(base, SAVEPOINT_ROLLBACK_TO, depth);
}

/* Statements */

/* SQLite numbers "$2" by its first appearance, not by its digit: remember which is which. */
static int map_parameters(struct sqlite_stmt_entry *entry)
{
    int count = sqlite3_bind_parameter_count(entry->stmt);
    for (int i = 1; i <= count; i++) {
        const char *name = sqlite3_bind_parameter_name(entry->stmt, i);
        int64_t number = 0;
        if (!name || name[0] != '$' || str_to_i64(str_from_cstr(name + 1), &number) < 0 ||
            number < 1 || number > PARAMETERS_MAX)
            return -EINVAL;
        entry->slots[number - 1] = (uint8_t)i;
        if (number > entry->slot_count)
            entry->slot_count = (uint8_t)number;
    }
    return 0;
}

static int sqlite_stmt_new(struct db *base, const char *sql, struct stmt **out_stmt)
{
    struct sqlite_db *db = sqlite_db_of(base);
    sqlite3_stmt *stmt = NULL;
    int code = sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL);
    if (code != SQLITE_OK)
        return failed(db, code, sql);
    CHECK(stmt != NULL); /* an empty text */
    struct sqlite_stmt_entry *entry = mem_new(sizeof(*entry));
    entry->handle = db->handle;
    entry->stmt = stmt;
    entry->is_readonly = sqlite3_stmt_readonly(stmt) != 0;
    entry->column_count = sqlite3_column_count(stmt);
    CHECK(map_parameters(entry) == 0);
    *out_stmt = &entry->base;
    return 0;
}

static void sqlite_stmt_free(struct stmt *stmt)
{
    struct sqlite_stmt_entry *entry = entry_of(stmt);
    sqlite3_finalize(entry->stmt);
    mem_free(entry);
}

static void sqlite_reset(struct stmt *stmt)
{
    struct sqlite_stmt_entry *entry = entry_of(stmt);
    if (entry->has_row)
        sqlite3_reset(entry->stmt);
    entry->has_row = false;
    if (entry->slot_count > 0)
        sqlite3_clear_bindings(entry->stmt);
}

static int slot_of(const struct sqlite_stmt_entry *entry, int index)
{
    CHECK(index >= 1 && index <= entry->slot_count && entry->slots[index - 1] != 0);
    CHECK(entry->base.state == STMT_READY);
    return entry->slots[index - 1];
}

static void sqlite_bind_i64(struct stmt *stmt, int index, int64_t value)
{
    struct sqlite_stmt_entry *entry = entry_of(stmt);
    CHECK(sqlite3_bind_int64(entry->stmt, slot_of(entry, index), value) == SQLITE_OK);
}

static void sqlite_bind_f64(struct stmt *stmt, int index, double value)
{
    struct sqlite_stmt_entry *entry = entry_of(stmt);
    CHECK(sqlite3_bind_double(entry->stmt, slot_of(entry, index), value) == SQLITE_OK);
}

static void sqlite_bind_bytes(struct stmt *stmt, int index, struct str bytes, bool is_text)
{
    struct sqlite_stmt_entry *entry = entry_of(stmt);
    int slot = slot_of(entry, index);
    int code = SQLITE_OK;
    if (!bytes.ptr)
        code = sqlite3_bind_null(entry->stmt, slot);
    else if (is_text)
        code = sqlite3_bind_text64(entry->stmt, slot, bytes.ptr, bytes.len, SQLITE_STATIC,
                                   SQLITE_UTF8);
    else
        code = sqlite3_bind_blob64(entry->stmt, slot, bytes.ptr, bytes.len, SQLITE_STATIC);
    /* SQLITE_TOOBIG: a gigabyte; such values are bodies. */
    CHECK(code == SQLITE_OK);
}

static int sqlite_step(struct stmt *stmt)
{
    struct sqlite_stmt_entry *entry = entry_of(stmt);
    struct db *base = stmt->db;
    if (!entry->is_readonly && base->mode == TX_READ)
        return -EROFS;
    int rc = begin_reading(sqlite_db_of(base));
    if (rc < 0)
        return rc;
    if (!entry->has_row)
        entry->changes_before = sqlite3_total_changes64(entry->handle);
    int code = sqlite3_step(entry->stmt);
    entry->has_row = code == SQLITE_ROW;
    if (code == SQLITE_ROW)
        return 1;
    rc = code == SQLITE_DONE ? 0 : failed(sqlite_db_of(base), code, stmt->sql);
    sqlite3_reset(entry->stmt);
    return rc;
}

static int64_t sqlite_changed(struct stmt *stmt)
{
    const struct sqlite_stmt_entry *entry = entry_of(stmt);
    /* sqlite3_changes keeps its value over statements that change no rows. */
    if (sqlite3_total_changes64(entry->handle) == entry->changes_before)
        return 0;
    return sqlite3_changes64(entry->handle);
}

/* Columns */

/* SQLite itself answers NULL for a column that is not there. */
static sqlite3_stmt *row_of(struct stmt *stmt, int column)
{
    const struct sqlite_stmt_entry *entry = entry_of(stmt);
    CHECK(column >= 0 && column < entry->column_count);
    return entry->stmt;
}

static int64_t sqlite_i64(struct stmt *stmt, int column)
{
    return sqlite3_column_int64(row_of(stmt, column), column);
}

static double sqlite_f64(struct stmt *stmt, int column)
{
    return sqlite3_column_double(row_of(stmt, column), column);
}

static struct str sqlite_bytes(struct stmt *stmt, int column, struct arena *arena)
{
    sqlite3_stmt *handle = row_of(stmt, column);
    int type = sqlite3_column_type(handle, column);
    if (type == SQLITE_NULL)
        return (struct str){0};
    /* The pointer first: for a number it makes the text whose length is asked next. */
    const void *ptr = type == SQLITE_BLOB ? sqlite3_column_blob(handle, column)
                                          : (const void *)sqlite3_column_text(handle, column);
    int len = sqlite3_column_bytes(handle, column);
    return str_copy(arena, str_of(ptr ? ptr : "", (size_t)len));
}

static bool sqlite_is_null(struct stmt *stmt, int column)
{
    return sqlite3_column_type(row_of(stmt, column), column) == SQLITE_NULL;
}

/* Snapshots */

static int copy_database(struct sqlite_db *db, const char *path)
{
    sqlite3 *target = NULL;
    int code = sqlite3_open_v2(
        path, &target, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
    sqlite3_backup *backup =
        code == SQLITE_OK ? sqlite3_backup_init(target, "main", db->handle, "main") : NULL;
    int rc = -EIO;
    if (backup) {
        /* One step, under the read transaction that is open: writers go on meanwhile. */
        sqlite3_backup_step(backup, -1);
        rc = sqlite3_backup_finish(backup) == SQLITE_OK ? 0 : -EIO;
    }
    if (rc < 0)
        db_error(&db->base, rc, path, sqlite3_errmsg(target));
    sqlite3_close(target);
    return rc;
}

int sqlite_snapshot(struct db *base, const char *path, int (*copy_bodies)(void *), void *context)
{
    struct sqlite_db *db = sqlite_db_of(base);
    writer_lock(base->store);
    int rc = run_fixed(db, FIXED_BEGIN_READ);
    if (rc < 0) {
        writer_unlock(base->store);
        return rc;
    }
    /* BEGIN DEFERRED looks at nothing; the first read fixes what the transaction sees. */
    rc = sqlite_execute(base, "SELECT count(*) FROM sqlite_schema");
    if (rc == 0)
        rc = copy_bodies(context);
    writer_unlock(base->store);
    if (rc == 0)
        rc = copy_database(db, path);
    int rollback_rc = run_fixed(db, FIXED_ROLLBACK);
    return rc < 0 ? rc : rollback_rc;
}

const struct backend sqlite_backend = {
    .is_postgres = false,
    .store_open = sqlite_store_open,
    .store_start = sqlite_store_start,
    .store_close = sqlite_store_close,
    .migration_lock = sqlite_migration_lock,
    .migration_unlock = sqlite_migration_unlock,
    .translate = sqlite_translate,
    .execute = sqlite_execute,
    .db_open = sqlite_db_open,
    .db_close = sqlite_db_close,
    .begin = sqlite_begin,
    .commit = sqlite_commit,
    .rollback = sqlite_rollback,
    .savepoint = sqlite_savepoint,
    .release = sqlite_release,
    .rollback_to = sqlite_rollback_to,
    .stmt_new = sqlite_stmt_new,
    .stmt_free = sqlite_stmt_free,
    .reset = sqlite_reset,
    .bind_i64 = sqlite_bind_i64,
    .bind_f64 = sqlite_bind_f64,
    .bind_bytes = sqlite_bind_bytes,
    .step = sqlite_step,
    .changed = sqlite_changed,
    .i64 = sqlite_i64,
    .f64 = sqlite_f64,
    .bytes = sqlite_bytes,
    .is_null = sqlite_is_null,
};
