/* db.h — one SQL interface over SQLite (default) and PostgreSQL.
 *
 * Statement text is written once: `$1` parameters, `ON CONFLICT ... RETURNING`; types are integer
 * (bigint on PostgreSQL), text, blob (a domain over bytea), real. A `struct db` is one connection
 * and belongs to one worker thread; statements are prepared once per connection and cached by the
 * address of their text, so pass `static const char[]` only.
 *
 * Transactions. The runtime, not the handler, begins and ends them (wire/executor). A call starts
 * reading; its first write in a read transaction gets -EROFS, the runtime rolls back and runs the
 * handler again from its start in a write transaction, and remembers that this operation writes.
 * On PostgreSQL everything is SERIALIZABLE and a conflict (-EAGAIN) is run again likewise. So a
 * handler never locks: it reads, checks, writes and answers. Inside a process, writers of a SQLite
 * database queue on a mutex, so SQLITE_BUSY never happens between workers.
 *
 * Errors are negative errnos: -EEXIST unique or primary-key violation, -EROFS write in a read
 * transaction, -EAGAIN serialization conflict, -EINVAL text that holds a NUL byte (PostgreSQL has
 * no such text, so SQLite refuses it too; blobs may hold anything) or is not UTF-8 (PostgreSQL
 * only), -EIO anything else (logged at debug with the engine's text; db_error_text has it). The SQL
 * that both engines understand alike is described in docs/store.md.
 */
#pragma once

#include "base/str.h"

struct arena;
struct store;
struct db;
struct stmt;

/* account and region of a row: almost every table is keyed by them. */
struct scope {
    struct str account; /* 12 digits */
    struct str region;  /* "us-east-1"; "" for global services */
};

/* Durability of an acknowledged write. */
enum durability {
    DURABILITY_PROCESS, /* survives kill -9 (SQLite synchronous=NORMAL over WAL) */
    DURABILITY_FULL,    /* survives loss of power (FULL) */
};

struct store_options {
    struct str url; /* "" : SQLite file DIR/virga.db; "memory:" ; "postgresql://..." */
    struct str dir; /* data directory: database, bodies/, snapshots/; created 0700 */
    enum durability durability;
};

/* One table of numbered migrations per service: SQL text, applied in order, each in a transaction,
 * recorded in table `schema_version(component, version)`. Text is separated by ';' at line ends. */
struct migration_set {
    const char *component;         /* "sqs" */
    const char *const *migrations; /* [0] is version 1 */
    size_t count;
};

/* Opens the store and applies migrations. Thread-safe object; shared by all workers. A directory
 * with a SQLite database can be open once at a time. Returns 0, -EIO (out_message says what, in the
 * arena), -EPROTO (database newer than this program). */
MUST_CHECK int store_open(struct arena *arena, const struct store_options *options,
                          const struct migration_set *sets, size_t set_count,
                          struct store **out_store, struct str *out_message);
void store_close(struct store *store);
void store_autoclose(struct store **slot);
bool store_is_postgres(const struct store *store);

/* A connection for the calling thread. */
MUST_CHECK int db_open(struct store *store, struct db **out_db);
void db_close(struct db *db);
void db_autoclose(struct db **slot);
struct store *db_store(struct db *db);
const char *db_error_text(const struct db *db);

enum tx_mode {
    TX_NONE,
    TX_READ,
    TX_WRITE,
};

MUST_CHECK int db_begin(struct db *db, enum tx_mode mode);
MUST_CHECK int db_commit(struct db *db); /* 0, -EAGAIN (rolled back; run again), -EIO */
void db_rollback(struct db *db);
enum tx_mode db_mode(const struct db *db);
/* What doomed the running transaction: 0 (nothing), -EROFS, -EAGAIN, -EINVAL or -EIO. The first
 * error of a step dooms it, on both engines: later steps and db_commit (which then rolls back)
 * give the same error, a unique violation -EIO. To go on after an error, put the statement
 * between db_savepoint and db_rollback_to, or write ON CONFLICT. */
int db_tx_error(const struct db *db);
/* Savepoints nest, at most 8 deep. Rollback_to undoes what was done since the innermost one, and
 * clears db_tx_error, unless that is -EROFS, -EAGAIN or a lost connection, which only another
 * transaction cures; the savepoint stays. Release ends the innermost savepoint and keeps what was
 * done since; when an error has doomed it, release undoes it instead and returns the error. */
MUST_CHECK int db_savepoint(struct db *db);
MUST_CHECK int db_release(struct db *db);
void db_rollback_to(struct db *db);

/* Prepares (or takes from the cache) and resets; only inside a transaction. AUTO(stmt) gives it
 * back to the cache. */
MUST_CHECK int db_prepare(struct db *db, const char *sql, struct stmt **out_stmt);
void stmt_release(struct stmt *stmt);
void stmt_autoclose(struct stmt **slot);
/* Parameters count from 1. Text and blobs are borrowed until the statement is reset or released.
 * An absent str binds NULL. */
void stmt_bind_i64(struct stmt *stmt, int index, int64_t value);
void stmt_bind_f64(struct stmt *stmt, int index, double value);
void stmt_bind_str(struct stmt *stmt, int index, struct str text);
void stmt_bind_blob(struct stmt *stmt, int index, struct str bytes);
void stmt_bind_null(struct stmt *stmt, int index);
/* $1 = account, $2 = region. */
void stmt_bind_scope(struct stmt *stmt, struct scope scope);
/* 1: a row is there, 0: done, <0: -errno. */
MUST_CHECK int stmt_step(struct stmt *stmt);
/* Runs a statement that gives no rows to its end. Returns the number of rows changed or -errno. */
MUST_CHECK int64_t stmt_run(struct stmt *stmt);
/* Ready to bind and step again. */
void stmt_reset(struct stmt *stmt);
/* Columns count from 0. Text is copied into the arena; NULL gives an absent str / 0. */
int64_t stmt_i64(struct stmt *stmt, int column);
double stmt_f64(struct stmt *stmt, int column);
struct str stmt_str(struct stmt *stmt, int column, struct arena *arena);
bool stmt_is_null(struct stmt *stmt, int column);

/* Wakes whoever waits for `channel`, after the running transaction commits (never if it rolls
 * back); on PostgreSQL on all nodes. Channels are short ASCII texts, at most 1024 bytes without a
 * line end (any other wakes everybody): "sqs:000000000000:eu-west-1:q". */
void db_notify(struct db *db, struct str channel);

/* Called after each commit with the channels notified, from the committing thread; on PostgreSQL
 * also from the listener thread for channels of other nodes. An empty channel means: anything may
 * have happened, wake everybody (the listener was cut off for a while, or a transaction notified a
 * megabyte of channels). Thread-safe callback required. Set once before workers start. */
typedef void store_wake_fn(void *context, struct str channel);
void store_set_wake(struct store *store, store_wake_fn *wake, void *context);

/* Removes every row of every table but the record of migrations; in a write transaction, which the
 * caller commits. Bodies stay: bodies_sweep removes what no row names. Returns 0 or -errno. */
MUST_CHECK int db_empty(struct db *db);

/* Snapshots: database and bodies copied under DIR/snapshots/NAME. Load needs all connections
 * closed (the program restarts its workers). Names: [A-Za-z0-9._-]{1,64}, no '.' in front. Returns
 * 0, -EEXIST, -ENOENT, -EINVAL, -EBUSY (load: the store is open), -ENOTSUP (PostgreSQL, and
 * "memory:", which is gone once its connections are closed), -EIO. */
MUST_CHECK int store_snapshot_save(struct store *store, struct str name);
MUST_CHECK int store_snapshot_restore(const struct store_options *options, struct str name);
struct snapshot_info {
    struct str name;
    int64_t created_at_ms;
    int64_t size_bytes;
};
MUST_CHECK int store_snapshot_list(struct arena *arena, const struct store_options *options,
                                   struct snapshot_info **out_items, size_t *out_count);
