/* backend.h — private to store/: what db.c asks of an engine, and the structs that both share.
 *
 * db.c keeps the rules that do not depend on the engine (modes, failed transactions, the statement
 * cache, savepoints, notifications); an engine embeds `struct db` and `struct stmt` as the first
 * member of its own structs and fills this table. No function of the table is called after an error
 * has doomed the transaction, except rollback, rollback_to and release.
 */
#pragma once

#include "base/buf.h"
#include "store/db.h"

enum {
    SAVEPOINT_DEPTH_MAX = 8, /* a call, its resource adapter and their helpers nest 3 deep */
    PARAMETERS_MAX = 64,     /* the widest row we write has about 40 columns */
    CHANNEL_MAX_BYTES = 1024,
    NOTES_MAX_BYTES = 1024 * 1024, /* beyond this, everybody is woken instead */
};

struct backend {
    bool is_postgres;
    /* Opens what all connections share and sets store->engine. Errors are put into `message`. */
    int (*store_open)(struct store *store, struct buf *message);
    /* Called after the migrations: may start threads. */
    int (*store_start)(struct store *store, struct buf *message);
    void (*store_close)(struct store *store);
    /* Keeps other nodes from migrating the same database at the same time. */
    int (*migration_lock)(struct db *db);
    void (*migration_unlock)(struct db *db);
    /* Turns the text of one migration statement into the engine's own words. */
    void (*translate)(struct str statement, struct buf *out);
    /* Runs text without parameters and results, also outside transactions. */
    int (*execute)(struct db *db, const char *sql);

    int (*db_open)(struct store *store, struct db **out_db, struct buf *message);
    void (*db_close)(struct db *db);
    int (*begin)(struct db *db, enum tx_mode mode);
    /* After an error the engine has rolled back. `notes`: channels, each ended by '\n'. */
    int (*commit)(struct db *db, struct str notes);
    void (*rollback)(struct db *db);
    int (*savepoint)(struct db *db, unsigned depth);
    int (*release)(struct db *db, unsigned depth);
    int (*rollback_to)(struct db *db, unsigned depth); /* the savepoint stays */

    int (*stmt_new)(struct db *db, const char *sql, struct stmt **out_stmt);
    void (*stmt_free)(struct stmt *stmt);
    void (*reset)(struct stmt *stmt); /* also unbinds */
    void (*bind_i64)(struct stmt *stmt, int index, int64_t value);
    void (*bind_f64)(struct stmt *stmt, int index, double value);
    void (*bind_bytes)(struct stmt *stmt, int index, struct str bytes, bool is_text);
    int (*step)(struct stmt *stmt);        /* as stmt_step */
    int64_t (*changed)(struct stmt *stmt); /* rows changed, after step gave 0 */
    int64_t (*i64)(struct stmt *stmt, int column);
    double (*f64)(struct stmt *stmt, int column);
    struct str (*bytes)(struct stmt *stmt, int column, struct arena *arena);
    bool (*is_null)(struct stmt *stmt, int column);
};

extern const struct backend sqlite_backend;
extern const struct backend postgres_backend;

struct store {
    const struct backend *backend;
    void *engine;        /* the backend's own */
    char *url;           /* as in the options */
    char *dir;           /* data directory; of a "memory:" store one of its own in memory */
    char *database_path; /* SQLite only */
    int bodies_fd;       /* DIR/bodies */
    struct body_pins *pins;
    int lock_fd;    /* DIR/lock, held while the store is open (SQLite); else -1 */
    bool is_memory; /* `dir` is private and removed at close */
    enum durability durability;
    _Atomic(store_wake_fn *) wake; /* NULL: nobody; the listener thread reads it too */
    void *wake_context;            /* written before wake */
};

enum stmt_state {
    STMT_READY,
    STMT_ROW,
    STMT_DONE,
};

struct stmt {
    struct db *db;
    const char *sql;
    struct stmt *next; /* same text, prepared again because the first was in use */
    enum stmt_state state;
    bool is_in_use;
    bool has_bad_text; /* a str with a NUL inside was bound as text */
};

struct stmt_slot {
    const char *sql; /* its address is the key; NULL: free */
    struct stmt *first;
};

struct db {
    struct store *store;
    const struct backend *backend;
    struct stmt_slot *slots; /* open addressing, a power of two */
    size_t slot_count;
    size_t slots_used;
    size_t in_use_count; /* statements taken and not given back */
    enum tx_mode mode;
    int failed_rc; /* what doomed the running transaction; 0: nothing */
    unsigned depth;
    size_t note_marks[SAVEPOINT_DEPTH_MAX]; /* length of notes at each savepoint */
    struct buf notes;                       /* channels, each ended by '\n' */
    char error[512];
};

/* Keeps the engine's text for db_error_text and logs it at debug. Returns rc. */
int db_error(struct db *db, int rc, const char *what, const char *text);
/* Runs `sql` in the running transaction; it has no parameters and no rows are looked at. */
MUST_CHECK int db_run(struct db *db, const char *sql);
/* Calls the wake callback for each channel in `notes`. Thread-safe. */
void store_wake_all(struct store *store, struct str notes);

/* migrate.c */
MUST_CHECK int migrate(struct db *db, const struct migration_set *sets, size_t set_count,
                       struct buf *message);
/* Cuts the next statement (ended by ';' at the end of a line, or by the end of the text) off
 * *rest. Returns false when only white space is left. */
bool migration_next_statement(struct str *rest, struct str *out_statement);
