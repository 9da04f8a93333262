/* postgres.c — the engine of a team or a cluster, through libpq.
 *
 * Every transaction is SERIALIZABLE: what a handler read is still true when it commits, or it is
 * told to run again (-EAGAIN). Statements are prepared on the server when they are first run, with
 * the types of what is bound then; a NULL has no type, so a statement can be prepared more than
 * once. Parameters travel in binary, results as text, because result columns can have types that
 * only the server knows (sum() of bigint is numeric). The rows of a result are held in memory.
 *
 * A lost connection costs the running call an -EIO; the next transaction connects anew.
 *
 * Docs: PostgreSQL 15 manual, chapters 13.2.3 (Serializable), 34 (libpq), appendix A (SQLSTATE)
 */
#include "store/postgres.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rand.h"
#include "store/backend.h"

enum {
    NOTIFY_MAX_BYTES = 7000, /* the server refuses a payload of 8000 */
    VARIANTS_MAX = 8,        /* more mixes of NULLs in one statement take turns */
    MESSAGE_MAX_BYTES = 1024,
};

/* pg_type.dat: object ids of built-in types are fixed. */
enum type_oid {
    OID_ANY = 0, /* the server finds out */
    OID_BOOL = 16,
    OID_BYTEA = 17,
    OID_INT8 = 20,
    OID_TEXT = 25,
    OID_FLOAT8 = 701,
};

struct postgres_db {
    struct db base;
    PGconn *conn;        /* NULL: lost, the next begin connects */
    uint64_t generation; /* of the connection; statements of an older one must be prepared anew */
    uint64_t next_name;
};

struct variant {
    uint64_t generation; /* 0: unused */
    uint64_t name;
    Oid types[PARAMETERS_MAX];
};

struct postgres_stmt {
    struct stmt base;
    int parameter_count;
    struct variant variants[VARIANTS_MAX];
    size_t next_victim; /* the variant that is given up when there are too many */
    PGresult *result;   /* NULL: not run */
    int row;
    Oid types[PARAMETERS_MAX];
    const char *values[PARAMETERS_MAX]; /* NULL: NULL */
    int lengths[PARAMETERS_MAX];
    int formats[PARAMETERS_MAX];      /* 1: binary */
    uint64_t numbers[PARAMETERS_MAX]; /* what values points to for numbers, big-endian */
};

static struct postgres_db *postgres_db_of(struct db *db)
{
    return (struct postgres_db *)db;
}

static struct postgres_stmt *postgres_stmt_of(struct stmt *stmt)
{
    return (struct postgres_stmt *)stmt;
}

/* Errors */

static const struct {
    const char *sqlstate;
    int rc;
} sqlstates[] = {
    {"40001", -EAGAIN}, /* serialization_failure */
    {"40P01", -EAGAIN}, /* deadlock_detected */
    {"23505", -EEXIST}, /* unique_violation */
    {"25006", -EROFS},  /* read_only_sql_transaction */
    {"22021", -EINVAL}, /* character_not_in_repertoire */
};

static int to_errno(const PGresult *result)
{
    const char *sqlstate = pg_api()->PQresultErrorField(result, PG_DIAG_SQLSTATE);
    for (size_t i = 0; sqlstate && i < ARRAY_LEN(sqlstates); i++)
        if (strcmp(sqlstate, sqlstates[i].sqlstate) == 0)
            return sqlstates[i].rc;
    return -EIO;
}

static bool is_success(const PGresult *result)
{
    ExecStatusType status = pg_api()->PQresultStatus(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

static void drop_lost_connection(struct postgres_db *db)
{
    if (!db->conn || pg_api()->PQstatus(db->conn) == CONNECTION_OK)
        return;
    pg_api()->PQfinish(db->conn);
    db->conn = NULL;
}

/* Frees the result of `what` and returns 0 or its error. */
static int finish(struct postgres_db *db, PGresult *result, const char *what)
{
    int rc = 0;
    if (!is_success(result))
        rc = db_error(&db->base, to_errno(result), what, pg_api()->PQerrorMessage(db->conn));
    pg_api()->PQclear(result);
    if (rc < 0)
        drop_lost_connection(db);
    return rc;
}

static int execute(struct postgres_db *db, const char *sql)
{
    if (!db->conn)
        return db_error(&db->base, -EIO, sql, "the connection was lost");
    return finish(db, pg_api()->PQexec(db->conn, sql), sql);
}

static int postgres_execute(struct db *db, const char *sql)
{
    return execute(postgres_db_of(db), sql);
}

/* Connections */

static void on_notice(void *context, const char *text)
{
    (void)context;
    log_message(LOG_DEBUG, "store: %s", text);
}

PGconn *postgres_connect(const struct store *store, struct buf *message)
{
    const struct pg_api *pq = pg_api();
    /* Later settings win, so the URL can change all but the encoding. Without keep-alives a server
     * whose machine is gone would be waited for for hours. */
    static const char *const names[] = {
        "application_name", "connect_timeout", "keepalives_idle", "keepalives_interval",
        "keepalives_count", "dbname",          "client_encoding", NULL};
    const char *const values[] = {"virga", "10", "30", "10", "3", store->url, "UTF8", NULL};
    PGconn *conn = pq->PQconnectdbParams(names, values, 1);
    CHECK(conn != NULL);
    if (pq->PQstatus(conn) == CONNECTION_OK) {
        pq->PQsetNoticeProcessor(conn, on_notice, NULL);
        /* A database or a role may have other defaults. */
        PGresult *result = pq->PQexec(conn, "SET bytea_output = 'hex';"
                                            "SET extra_float_digits = 1;"
                                            "SET standard_conforming_strings = on");
        bool is_set = is_success(result);
        pq->PQclear(result);
        if (is_set)
            return conn;
    }
    buf_append_cstr(message, pq->PQerrorMessage(conn));
    pq->PQfinish(conn);
    return NULL;
}

static int reconnect(struct postgres_db *db)
{
    AUTO(buf) struct buf message;
    buf_init(&message, NULL, MESSAGE_MAX_BYTES);
    db->conn = postgres_connect(db->base.store, &message);
    db->generation++;
    if (db->conn)
        return 0;
    buf_append_char(&message, '\0');
    return db_error(&db->base, -EIO, "connect", message.ptr);
}

static int postgres_db_open(struct store *store, struct db **out_db, struct buf *message)
{
    PGconn *conn = postgres_connect(store, message);
    if (!conn)
        return -EIO;
    struct postgres_db *db = mem_new(sizeof(*db));
    db->conn = conn;
    db->generation = 1;
    *out_db = &db->base;
    return 0;
}

static void postgres_db_close(struct db *base)
{
    struct postgres_db *db = postgres_db_of(base);
    if (db->conn)
        pg_api()->PQfinish(db->conn);
    mem_free(db);
}

/* Store */

static int postgres_store_open(struct store *store, struct buf *message)
{
    const char *text = NULL;
    if (pg_api_load(&text) < 0) {
        buf_append_cstr(message, text);
        return -EIO;
    }
    /* A first connection, for a message that says what is wrong with the URL or the database. */
    PGconn *conn = postgres_connect(store, message);
    if (!conn)
        return -EIO;
    const char *encoding = pg_api()->PQparameterStatus(conn, "server_encoding");
    bool is_utf8 = encoding && strcmp(encoding, "UTF8") == 0;
    if (!is_utf8)
        buf_append_format(message, "the database's encoding must be UTF8, it is %s",
                          encoding ? encoding : "unknown");
    pg_api()->PQfinish(conn);
    if (!is_utf8)
        return -EIO;
    AUTO(arena) struct arena *arena = arena_new();
    struct postgres_store *engine = mem_new(sizeof(*engine));
    engine->stop_fd = -1;
    struct str node = rand_text(arena, STR("0123456789abcdef"), NODE_ID_LEN);
    memcpy(engine->node, node.ptr, node.len);
    store->engine = engine;
    return 0;
}

static void postgres_store_close(struct store *store)
{
    postgres_listen_stop(store);
    mem_free(store->engine);
    store->engine = NULL;
}

/* The number of the lock is ours by convention: "virga" in ASCII. */
static int postgres_migration_lock(struct db *base)
{
    struct postgres_db *db = postgres_db_of(base);
    int rc = execute(db, "SELECT pg_advisory_lock(508606441313)");
    if (rc < 0)
        return rc;
    /* CREATE DOMAIN has no IF NOT EXISTS. */
    return execute(db, "DO $$ BEGIN IF to_regtype('blob') IS NULL THEN"
                       " CREATE DOMAIN blob AS bytea; END IF; END $$");
}

static void postgres_migration_unlock(struct db *db)
{
    /* A connection that is lost has lost the lock too. */
    int rc = execute(postgres_db_of(db), "SELECT pg_advisory_unlock(508606441313)");
    (void)rc;
}

/* Transactions */

static int postgres_begin(struct db *base, enum tx_mode mode)
{
    struct postgres_db *db = postgres_db_of(base);
    const char *sql = mode == TX_WRITE ? "BEGIN ISOLATION LEVEL SERIALIZABLE READ WRITE"
                                       : "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY";
    int rc = -EIO;
    if (db->conn)
        rc = execute(db, sql);
    if (rc == 0 || db->conn)
        return rc;
    /* The server was away since the last transaction. Nothing has been done yet: try once more. */
    rc = reconnect(db);
    return rc < 0 ? rc : execute(db, sql);
}

static void postgres_rollback(struct db *base)
{
    struct postgres_db *db = postgres_db_of(base);
    if (!db->conn)
        return;
    if (execute(db, "ROLLBACK") < 0 && db->conn) {
        /* Cannot happen on a connection that works; one in an unknown state is not kept. */
        pg_api()->PQfinish(db->conn);
        db->conn = NULL;
    }
}

/* Appends "SELECT pg_notify(...);" for as many channels as fit one payload, and cuts them off. */
static int append_notify(struct postgres_db *db, struct str *notes, struct buf *sql)
{
    const struct postgres_store *engine = db->base.store->engine;
    AUTO(buf) struct buf payload;
    buf_init(&payload, NULL, NOTIFY_MAX_BYTES + CHANNEL_MAX_BYTES);
    buf_append_format(&payload, "%s\n", engine->node);
    struct str channel;
    while (notes->len > 0 && payload.len < NOTIFY_MAX_BYTES - CHANNEL_MAX_BYTES &&
           str_split_next(notes, '\n', &channel)) {
        buf_append(&payload, channel);
        buf_append_char(&payload, '\n');
    }
    char *literal = pg_api()->PQescapeLiteral(db->conn, payload.ptr, payload.len);
    if (!literal) /* not UTF-8 */
        return db_error(&db->base, -EINVAL, "notify", pg_api()->PQerrorMessage(db->conn));
    buf_append_format(sql, "SELECT pg_notify('virga', %s);", literal);
    pg_api()->PQfreemem(literal);
    return 0;
}

static int commit_with(struct postgres_db *db, struct str notes)
{
    if (notes.len == 0)
        return execute(db, "COMMIT");
    if (!db->conn)
        return -EIO;
    AUTO(buf) struct buf sql; /* quotes can double the text */
    buf_init(&sql, NULL, 3 * (size_t)NOTES_MAX_BYTES);
    while (notes.len > 0) {
        int rc = append_notify(db, &notes, &sql);
        if (rc < 0)
            return rc;
    }
    buf_append_cstr(&sql, "COMMIT");
    buf_append_char(&sql, '\0');
    CHECK(!sql.is_full);
    return execute(db, sql.ptr);
}

static int postgres_commit(struct db *base, struct str notes)
{
    int rc = commit_with(postgres_db_of(base), notes);
    if (rc < 0) /* a no-op with a warning when the server has rolled back itself */
        postgres_rollback(base);
    return rc;
}

static int run_savepoint(struct db *base, const char *format, unsigned depth)
{
    char sql[64];
    snprintf(sql, sizeof(sql), "%s s%u", format, depth);
    return execute(postgres_db_of(base), sql);
}

static int postgres_savepoint(struct db *base, unsigned depth)
{
    return run_savepoint(base, "SAVEPOINT", depth);
}

static int postgres_release(struct db *base, unsigned depth)
{
    return run_savepoint(base, "RELEASE SAVEPOINT", depth);
}

static int postgres_rollback_to(struct db *base, unsigned depth)
{
    return run_savepoint(base, "ROLLBACK TO SAVEPOINT", depth);
}

/* Statements */

/* The highest n of all $n outside quotes. */
static int count_parameters(const char *sql)
{
    int count = 0;
    char quote = '\0';
    for (const char *at = sql; *at; at++) {
        if (quote != '\0') {
            if (*at == quote)
                quote = '\0';
        } else if (*at == '\'' || *at == '"') {
            quote = *at;
        } else if (*at == '$') {
            int number = (int)strtol(at + 1, NULL, 10);
            if (number > count)
                count = number;
        }
    }
    return count;
}

static int postgres_stmt_new(struct db *base, const char *sql, struct stmt **out_stmt)
{
    (void)base;
    struct postgres_stmt *stmt = mem_new(sizeof(*stmt));
    stmt->parameter_count = count_parameters(sql);
    CHECK(stmt->parameter_count <= PARAMETERS_MAX);
    *out_stmt = &stmt->base;
    return 0;
}

static void clear_result(struct postgres_stmt *stmt)
{
    if (stmt->result)
        pg_api()->PQclear(stmt->result);
    stmt->result = NULL;
    stmt->row = 0;
}

static void postgres_stmt_free(struct stmt *base)
{
    struct postgres_stmt *stmt = postgres_stmt_of(base);
    clear_result(stmt);
    mem_free(stmt);
}

static void postgres_reset(struct stmt *base)
{
    struct postgres_stmt *stmt = postgres_stmt_of(base);
    clear_result(stmt);
    for (int i = 0; i < stmt->parameter_count; i++) {
        stmt->types[i] = OID_ANY;
        stmt->values[i] = NULL;
    }
}

static void bind(struct postgres_stmt *stmt, int index, Oid type, const void *value, size_t size)
{
    CHECK(index >= 1 && index <= stmt->parameter_count);
    CHECK(stmt->base.state == STMT_READY);
    CHECK(size <= INT32_MAX); /* the server takes a gigabyte; such values are bodies */
    stmt->types[index - 1] = type;
    stmt->values[index - 1] = value;
    stmt->lengths[index - 1] = (int)size;
    stmt->formats[index - 1] = 1;
}

static void bind_number(struct postgres_stmt *stmt, int index, Oid type, uint64_t bits)
{
    CHECK(index >= 1 && index <= stmt->parameter_count);
    stmt->numbers[index - 1] = htobe64(bits);
    bind(stmt, index, type, &stmt->numbers[index - 1], sizeof(bits));
}

static void postgres_bind_i64(struct stmt *stmt, int index, int64_t value)
{
    bind_number(postgres_stmt_of(stmt), index, OID_INT8, (uint64_t)value);
}

static void postgres_bind_f64(struct stmt *stmt, int index, double value)
{
    uint64_t bits = 0;
    static_assert(sizeof(bits) == sizeof(value), "IEEE 754 double");
    memcpy(&bits, &value, sizeof(bits));
    bind_number(postgres_stmt_of(stmt), index, OID_FLOAT8, bits);
}

static void postgres_bind_bytes(struct stmt *stmt, int index, struct str bytes, bool is_text)
{
    Oid type = is_text ? OID_TEXT : OID_BYTEA;
    bind(postgres_stmt_of(stmt), index, bytes.ptr ? type : OID_ANY, bytes.ptr, bytes.len);
}

/* A NULL fits any type that the statement was prepared with. */
static bool is_fitting(const struct postgres_stmt *stmt, const struct variant *variant)
{
    for (int i = 0; i < stmt->parameter_count; i++)
        if (stmt->types[i] != OID_ANY && stmt->types[i] != variant->types[i])
            return false;
    return true;
}

static void variant_name(const struct variant *variant, char out_name[24])
{
    snprintf(out_name, 24, "v%llu", (unsigned long long)variant->name);
}

/* Gives up what the server holds under a variant that is reused. */
static int deallocate(struct postgres_db *db, const struct variant *variant)
{
    if (variant->generation != db->generation)
        return 0;
    char name[24];
    char sql[48];
    variant_name(variant, name);
    snprintf(sql, sizeof(sql), "DEALLOCATE %s", name);
    return execute(db, sql);
}

static int find_variant(struct postgres_db *db, struct postgres_stmt *stmt,
                        struct variant **out_variant)
{
    struct variant *unused = NULL;
    for (size_t i = 0; i < VARIANTS_MAX; i++) {
        struct variant *variant = &stmt->variants[i];
        if (variant->generation != db->generation)
            unused = unused ? unused : variant;
        else if (is_fitting(stmt, variant)) {
            *out_variant = variant;
            return 0;
        }
    }
    if (!unused) {
        unused = &stmt->variants[stmt->next_victim];
        stmt->next_victim = (stmt->next_victim + 1) % VARIANTS_MAX;
        int rc = deallocate(db, unused);
        if (rc < 0)
            return rc;
        unused->generation = 0;
    }
    struct variant fresh = {.name = ++db->next_name};
    memcpy(fresh.types, stmt->types, sizeof(fresh.types));
    char name[24];
    variant_name(&fresh, name);
    int rc = finish(
        db, pg_api()->PQprepare(db->conn, name, stmt->base.sql, stmt->parameter_count, fresh.types),
        stmt->base.sql);
    if (rc < 0)
        return rc;
    fresh.generation = db->generation;
    *unused = fresh;
    *out_variant = unused;
    return 0;
}

static int run_statement(struct postgres_db *db, struct postgres_stmt *stmt)
{
    if (!db->conn)
        return db_error(&db->base, -EIO, stmt->base.sql, "the connection was lost");
    struct variant *variant = NULL;
    int rc = find_variant(db, stmt, &variant);
    if (rc < 0)
        return rc;
    char name[24];
    variant_name(variant, name);
    PGresult *result = pg_api()->PQexecPrepared(db->conn, name, stmt->parameter_count, stmt->values,
                                                stmt->lengths, stmt->formats, 0);
    if (!is_success(result))
        return finish(db, result, stmt->base.sql);
    stmt->result = result;
    stmt->row = -1;
    return 0;
}

static int postgres_step(struct stmt *base)
{
    struct postgres_stmt *stmt = postgres_stmt_of(base);
    if (!stmt->result) {
        int rc = run_statement(postgres_db_of(base->db), stmt);
        if (rc < 0)
            return rc;
    }
    stmt->row++;
    return stmt->row < pg_api()->PQntuples(stmt->result) ? 1 : 0;
}

static int64_t postgres_changed(struct stmt *base)
{
    const struct postgres_stmt *stmt = postgres_stmt_of(base);
    /* "INSERT 0 5", "UPDATE 5"; but also "SELECT 5", which changed nothing. */
    if (str_starts_with(str_from_cstr(pg_api()->PQcmdStatus(stmt->result)), STR("SELECT")))
        return 0;
    int64_t count = 0;
    return str_to_i64(str_from_cstr(pg_api()->PQcmdTuples(stmt->result)), &count) < 0 ? 0 : count;
}

/* Columns */

static bool postgres_is_null(struct stmt *base, int column)
{
    const struct postgres_stmt *stmt = postgres_stmt_of(base);
    CHECK(column >= 0 && column < pg_api()->PQnfields(stmt->result));
    return pg_api()->PQgetisnull(stmt->result, stmt->row, column) != 0;
}

/* The column as the server prints it. */
static const char *column_text(struct stmt *base, int column)
{
    const struct postgres_stmt *stmt = postgres_stmt_of(base);
    CHECK(column >= 0 && column < pg_api()->PQnfields(stmt->result));
    const char *text = pg_api()->PQgetvalue(stmt->result, stmt->row, column);
    /* SQLite's booleans are 0 and 1. */
    if (pg_api()->PQftype(stmt->result, column) == OID_BOOL && text[0] != '\0')
        return text[0] == 't' ? "1" : "0";
    return text;
}

static int64_t postgres_i64(struct stmt *base, int column)
{
    return strtoll(column_text(base, column), NULL, 10);
}

static double postgres_f64(struct stmt *base, int column)
{
    return strtod(column_text(base, column), NULL);
}

static unsigned hex_value(char digit)
{
    return digit <= '9' ? (unsigned)(digit - '0') : (unsigned)(digit - 'a') + 10;
}

/* bytea as text: "\x" and two digits per byte (bytea_output = hex, the default). */
static struct str decode_bytea(struct arena *arena, struct str text)
{
    CHECK(text.len >= 2 && text.ptr[0] == '\\' && text.ptr[1] == 'x');
    size_t len = (text.len - 2) / 2;
    char *bytes = arena_alloc_text(arena, len + 1);
    const char *digits = text.ptr + 2;
    for (size_t i = 0; i < len; i++)
        bytes[i] = (char)(hex_value(digits[2 * i]) << 4 | hex_value(digits[2 * i + 1]));
    bytes[len] = '\0';
    return str_of(bytes, len);
}

static struct str postgres_bytes(struct stmt *base, int column, struct arena *arena)
{
    if (postgres_is_null(base, column))
        return (struct str){0};
    const struct postgres_stmt *stmt = postgres_stmt_of(base);
    if (pg_api()->PQftype(stmt->result, column) != OID_BYTEA)
        return str_copy(arena, str_from_cstr(column_text(base, column)));
    const char *text = pg_api()->PQgetvalue(stmt->result, stmt->row, column);
    int len = pg_api()->PQgetlength(stmt->result, stmt->row, column);
    return decode_bytea(arena, str_of(text, (size_t)len));
}

const struct backend postgres_backend = {
    .is_postgres = true,
    .store_open = postgres_store_open,
    .store_start = postgres_listen_start,
    .store_close = postgres_store_close,
    .migration_lock = postgres_migration_lock,
    .migration_unlock = postgres_migration_unlock,
    .translate = postgres_translate,
    .execute = postgres_execute,
    .db_open = postgres_db_open,
    .db_close = postgres_db_close,
    .begin = postgres_begin,
    .commit = postgres_commit,
    .rollback = postgres_rollback,
    .savepoint = postgres_savepoint,
    .release = postgres_release,
    .rollback_to = postgres_rollback_to,
    .stmt_new = postgres_stmt_new,
    .stmt_free = postgres_stmt_free,
    .reset = postgres_reset,
    .bind_i64 = postgres_bind_i64,
    .bind_f64 = postgres_bind_f64,
    .bind_bytes = postgres_bind_bytes,
    .step = postgres_step,
    .changed = postgres_changed,
    .i64 = postgres_i64,
    .f64 = postgres_f64,
    .bytes = postgres_bytes,
    .is_null = postgres_is_null,
};
