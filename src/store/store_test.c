/* store_test.c — every promise of db.h and bodies.h, on SQLite in a file, in memory, and on
 * PostgreSQL.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/fault.h"
#include "base/mem.h"
#include "store/backend.h"
#include "store/bodies.h"
#include "store/db.h"
#include "store/files.h"
#include "store/postgres.h"

/* The engines */

enum engine {
    ENGINE_SQLITE,
    ENGINE_MEMORY,
    ENGINE_POSTGRES,
};

struct fixture {
    struct arena *arena;
    struct store_options options;
    struct store *store;
    struct db *db;
};

static enum engine engine; /* of the group of tests that runs */
static struct str postgres_url;
static char server_dir[] = "/tmp/virga-pg-XXXXXX";

static const char *const item_migrations[] = {
    "CREATE TABLE item (\n"
    "    account text NOT NULL,\n"
    "    region text NOT NULL,\n"
    "    name text NOT NULL, -- integer; text\n"
    "    payload text DEFAULT 'plain text; integer',\n"
    "    data blob,\n"
    "    amount integer NOT NULL DEFAULT 0,\n"
    "    weight real,\n"
    "    PRIMARY KEY (account, region, name)\n"
    ");\n"
    "CREATE TABLE counter (id integer PRIMARY KEY, value integer NOT NULL);\n"
    "INSERT INTO counter (id, value) VALUES (1, 0);\n",
    "ALTER TABLE item ADD COLUMN note text;\n"
    "CREATE INDEX item_by_amount ON item (account, amount) WHERE amount > 0;\n",
};

static const struct migration_set item_set = {
    .component = "item",
    .migrations = item_migrations,
    .count = ARRAY_LEN(item_migrations),
};

static const struct scope scope = {.account = STR_INIT("000000000000"),
                                   .region = STR_INIT("eu-west-1")};

static const char sql_insert[] =
    "INSERT INTO item (account, region, name, amount) VALUES ($1, $2, $3, $4)";
static const char sql_count[] = "SELECT count(*) FROM item";
static const char sql_amount[] =
    "SELECT amount FROM item WHERE account = $1 AND region = $2 AND name = $3";
static const char sql_value[] = "SELECT value FROM counter WHERE id = 1";
static const char sql_set_value[] = "UPDATE counter SET value = $1 WHERE id = 1";

static void run_script(const char *action, char *out, int out_size)
{
    char command[256];
    snprintf(command, sizeof(command), "exec tests/unit/pg_server.sh %s %s %s", action, server_dir,
             strcmp(action, "start") == 0 ? "$PPID" : "");
    FILE *pipe = popen(command, "re");
    assert_non_null(pipe);
    if (out && !fgets(out, out_size, pipe))
        fail_msg("pg_server.sh %s printed nothing", action);
    assert_int_equal(pclose(pipe), 0);
}

static int start_server(void **state)
{
    (void)state;
    static char url[256];
    engine = ENGINE_POSTGRES;
    assert_non_null(mkdtemp(server_dir));
    run_script("start", url, sizeof(url));
    postgres_url = str_trim(str_from_cstr(url));
    return 0;
}

static int stop_server(void **state)
{
    (void)state;
    run_script("stop", NULL, 0);
    return 0;
}

static int use_sqlite(void **state)
{
    (void)state;
    engine = ENGINE_SQLITE;
    return 0;
}

static int use_memory(void **state)
{
    (void)state;
    engine = ENGINE_MEMORY;
    return 0;
}

/* Makes the server's database empty. */
static void reset_schema(struct fixture *f)
{
    struct store *store = NULL;
    struct db *db = NULL;
    struct str message = {0};
    if (store_open(f->arena, &f->options, NULL, 0, &store, &message) < 0)
        fail_msg("%s", message.ptr);
    assert_int_equal(db_open(store, &db), 0);
    int rc = db->backend->execute(db, "DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    if (rc < 0)
        fail_msg("%s", db_error_text(db));
    db_close(db);
    store_close(store);
}

static int try_open(struct fixture *f, const struct migration_set *set, struct str *out_message)
{
    return store_open(f->arena, &f->options, set, 1, &f->store, out_message);
}

static void open_store(struct fixture *f)
{
    struct str message = {0};
    if (try_open(f, &item_set, &message) < 0)
        fail_msg("%s", message.ptr);
    assert_int_equal(db_open(f->store, &f->db), 0);
}

static void close_store(struct fixture *f)
{
    db_close(f->db);
    store_close(f->store);
    f->db = NULL;
    f->store = NULL;
}

/* A store that is empty but for the tables. */
static int setup(void **state)
{
    struct fixture *f = mem_new(sizeof(*f));
    f->arena = arena_new();
    char *dir = str_to_cstr(f->arena, STR("/tmp/virga-test-XXXXXX"));
    assert_non_null(mkdtemp(dir));
    f->options = (struct store_options){.dir = str_from_cstr(dir)};
    if (engine == ENGINE_MEMORY)
        f->options.url = STR("memory:");
    if (engine == ENGINE_POSTGRES) {
        f->options.url = postgres_url;
        reset_schema(f);
    }
    open_store(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    fault_configure(NULL);
    close_store(f);
    assert_int_equal(files_remove_tree(f->options.dir.ptr), 0);
    arena_free(f->arena);
    mem_free(f);
    return 0;
}

/* Short forms */

static void begin(struct db *db, enum tx_mode mode)
{
    if (db_begin(db, mode) < 0)
        fail_msg("begin: %s", db_error_text(db));
}

static void commit(struct db *db)
{
    if (db_commit(db) < 0)
        fail_msg("commit: %s", db_error_text(db));
}

static int64_t insert(struct db *db, const char *name, int64_t amount)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_insert, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, scope);
    stmt_bind_str(stmt, 3, str_from_cstr(name));
    stmt_bind_i64(stmt, 4, amount);
    return stmt_run(stmt);
}

/* The first column of the first row; -1 when there is none. */
static int64_t query_i64(struct db *db, const char *sql)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    assert_int_equal(db_prepare(db, sql, &stmt), 0);
    int rc = stmt_step(stmt);
    if (rc < 0)
        fail_msg("%s", db_error_text(db));
    return rc == 1 ? stmt_i64(stmt, 0) : -1;
}

static int64_t count_items(struct db *db)
{
    begin(db, TX_READ);
    int64_t count = query_i64(db, sql_count);
    commit(db);
    return count;
}

static int64_t run_with(struct db *db, const char *sql, int64_t value)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, value);
    return stmt_run(stmt);
}

/* Opening and migrations */

static void migrations_apply_once(void **state)
{
    struct fixture *f = *state;
    if (engine == ENGINE_MEMORY)
        return; /* nothing outlives the store */
    begin(f->db, TX_WRITE);
    assert_int_equal(insert(f->db, "a", 1), 1);
    commit(f->db);
    close_store(f);
    open_store(f);
    assert_int_equal(count_items(f->db), 1);
    begin(f->db, TX_READ);
    assert_int_equal(
        query_i64(f->db, "SELECT version FROM schema_version WHERE component = 'item'"), 2);
    commit(f->db);
}

static void a_newer_database_is_refused(void **state)
{
    struct fixture *f = *state;
    if (engine == ENGINE_MEMORY)
        return;
    close_store(f);
    const struct migration_set old = {"item", item_migrations, 1};
    struct str message = {0};
    assert_int_equal(try_open(f, &old, &message), -EPROTO);
    assert_true(str_contains(message, STR("newer than this program")));
    open_store(f);
}

static void a_later_migration_reaches_an_old_database(void **state)
{
    struct fixture *f = *state;
    static const char *const texts[] = {
        "CREATE TABLE thing (id integer PRIMARY KEY);",
        "INSERT INTO thing (id)\n  VALUES (7);  \nINSERT INTO thing (id) VALUES (8)",
    };
    if (engine == ENGINE_MEMORY)
        return;
    struct str message = {0};
    for (size_t count = 1; count <= ARRAY_LEN(texts); count++) {
        close_store(f);
        const struct migration_set set = {"thing", texts, count};
        assert_int_equal(try_open(f, &set, &message), 0);
        assert_int_equal(db_open(f->store, &f->db), 0);
        begin(f->db, TX_READ);
        assert_int_equal(query_i64(f->db, "SELECT count(*) FROM thing"), count == 1 ? 0 : 2);
        commit(f->db);
    }
}

static void a_broken_migration_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    static const char *const texts[] = {
        "CREATE TABLE broken (id integer PRIMARY KEY);\nINSERT INTO nowhere (id) VALUES (1);"};
    static const char *const mended[] = {"CREATE TABLE broken (id integer PRIMARY KEY);"};
    close_store(f);
    struct str message = {0};
    const struct migration_set set = {"broken", texts, 1};
    assert_int_equal(try_open(f, &set, &message), -EIO);
    assert_true(str_contains(message, STR("migration 1 of broken failed")));
    assert_true(str_contains(message, STR("nowhere")));
    const struct migration_set mended_set = {"broken", mended, 1};
    assert_int_equal(try_open(f, &mended_set, &message), 0);
    assert_int_equal(db_open(f->store, &f->db), 0);
}

static void a_folder_is_open_once(void **state)
{
    struct fixture *f = *state;
    struct store *second = NULL;
    struct str message = {0};
    int rc = store_open(f->arena, &f->options, NULL, 0, &second, &message);
    if (engine == ENGINE_SQLITE) {
        assert_int_equal(rc, -EIO);
        assert_true(str_contains(message, STR("in use by another process")));
    } else {
        assert_int_equal(rc, 0); /* memory: another one; PostgreSQL: another node */
        store_close(second);
    }
}

static void an_unusable_url_is_explained(void **state)
{
    struct fixture *f = *state;
    struct store_options options = f->options;
    struct store *store = NULL;
    struct str message = {0};
    options.url = STR("mysql://localhost/virga");
    assert_int_equal(store_open(f->arena, &options, NULL, 0, &store, &message), -EIO);
    assert_true(str_starts_with(message, STR("unknown store: mysql:")));
    options.url = STR("postgresql://nobody@/none?host=/nonexistent");
    assert_int_equal(store_open(f->arena, &options, NULL, 0, &store, &message), -EIO);
    assert_true(str_contains(message, STR("/nonexistent")));
}

static void migrations_are_cut_at_semicolons_that_end_lines(void **state)
{
    (void)state;
    struct str rest = STR("\n a 'x;y' b;  \nc; d;\r\n\n  e\n");
    struct str statement = {0};
    static const char *const expected[] = {"a 'x;y' b;", "c; d;", "e"};
    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        assert_true(migration_next_statement(&rest, &statement));
        assert_true(str_eq_cstr(statement, expected[i]));
    }
    assert_false(migration_next_statement(&rest, &statement));
}

static void table_definitions_are_translated(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *in;
        const char *out;
    } cases[] = {
        {"CREATE TABLE a (b integer, c text NOT NULL, d real, e blob);",
         "CREATE TABLE a (b bigint, c text COLLATE \"C\" NOT NULL, d double precision, e blob);"},
        {"create table a (text text, \"real\" REAL, PRIMARY KEY (text, \"real\"));",
         "create table a (text text COLLATE \"C\", \"real\" double precision, "
         "PRIMARY KEY (text, \"real\"));"},
        {"-- text integer\nCREATE TABLE a (b text DEFAULT 'a text', /* c text */ d blob)",
         "-- text integer\nCREATE TABLE a (b text COLLATE \"C\" DEFAULT 'a text', "
         "/* c text */ d blob)"},
        {"CREATE TABLE a (b text PRIMARY KEY) WITHOUT ROWID;",
         "CREATE TABLE a (b text COLLATE \"C\" PRIMARY KEY) ;"},
        {"ALTER TABLE a ADD COLUMN text text;",
         "ALTER TABLE a ADD COLUMN text text COLLATE \"C\";"},
        {"ALTER TABLE a ADD real real;", "ALTER TABLE a ADD real double precision;"},
        {"CREATE TABLE a (b text CHECK (cast(b AS text) <> ''))",
         "CREATE TABLE a (b text COLLATE \"C\" CHECK (cast(b AS text) <> ''))"},
        {"INSERT INTO a (b) SELECT cast(c AS text) FROM d;",
         "INSERT INTO a (b) SELECT cast(c AS text) FROM d;"},
        {"CREATE TABLE a (b text DEFAULT 'unended", /* the server shall complain, not we */
         "CREATE TABLE a (b text COLLATE \"C\" DEFAULT 'unended"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf out;
        buf_init(&out, f->arena, 1000);
        postgres_translate(str_from_cstr(cases[i].in), &out);
        struct str text = buf_str(&out);
        assert_string_equal(str_to_cstr(f->arena, text), cases[i].out);
    }
}

/* Values */

static void values_come_back_as_they_were(void **state)
{
    struct fixture *f = *state;
    static const char sql_put[] =
        "INSERT INTO item (account, region, name, payload, data, amount, weight)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)";
    static const char sql_get[] = "SELECT payload, data, amount, weight FROM item"
                                  " WHERE account = $1 AND region = $2 AND name = $3";
    char bytes[256];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)i;
    const struct {
        struct str payload;
        struct str data;
        int64_t amount;
        double weight;
    } rows[] = {
        {STR("text"), str_of(bytes, sizeof(bytes)), INT64_MAX, 0.1},
        {STR(""), STR(""), INT64_MIN, -1e300},
        {{0}, {0}, 0, 5e-324},
        {STR("Größe 😀 '\"\\x00\\"), STR("\\x41"), -1, 1.0 / 3.0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char name[8];
        snprintf(name, sizeof(name), "row-%zu", i);
        begin(f->db, TX_WRITE);
        AUTO(stmt) struct stmt *put = NULL;
        assert_int_equal(db_prepare(f->db, sql_put, &put), 0);
        stmt_bind_scope(put, scope);
        stmt_bind_str(put, 3, str_from_cstr(name));
        stmt_bind_str(put, 4, rows[i].payload);
        stmt_bind_blob(put, 5, rows[i].data);
        stmt_bind_i64(put, 6, rows[i].amount);
        stmt_bind_f64(put, 7, rows[i].weight);
        if (stmt_run(put) != 1)
            fail_msg("%s", db_error_text(f->db));
        stmt_release(TAKE(put));
        commit(f->db);

        begin(f->db, TX_READ);
        AUTO(stmt) struct stmt *get = NULL;
        assert_int_equal(db_prepare(f->db, sql_get, &get), 0);
        stmt_bind_scope(get, scope);
        stmt_bind_str(get, 3, str_from_cstr(name));
        assert_int_equal(stmt_step(get), 1);
        struct str payload = stmt_str(get, 0, f->arena);
        struct str data = stmt_str(get, 1, f->arena);
        assert_true(str_eq(payload, rows[i].payload));
        assert_int_equal(str_is_set(payload), str_is_set(rows[i].payload));
        assert_int_equal(stmt_is_null(get, 0), !str_is_set(rows[i].payload));
        assert_true(str_eq(data, rows[i].data));
        assert_int_equal(str_is_set(data), str_is_set(rows[i].data));
        assert_int_equal(stmt_i64(get, 2), rows[i].amount);
        assert_true(stmt_f64(get, 3) == rows[i].weight);
        assert_int_equal(stmt_step(get), 0);
        assert_int_equal(stmt_step(get), 0); /* stays at its end */
        stmt_release(TAKE(get));
        commit(f->db);
    }
}

static void numbers_and_booleans_read_alike(void **state)
{
    struct fixture *f = *state;
    begin(f->db, TX_WRITE);
    assert_int_equal(insert(f->db, "a", 40), 1);
    assert_int_equal(insert(f->db, "b", 2), 1);
    assert_int_equal(query_i64(f->db, "SELECT sum(amount) FROM item"), 42);
    assert_int_equal(query_i64(f->db, "SELECT EXISTS (SELECT 1 FROM item)"), 1);
    assert_int_equal(query_i64(f->db, "SELECT 1 > 2"), 0);
    assert_int_equal(query_i64(f->db, "SELECT max(weight) FROM item"), 0); /* NULL */
    assert_int_equal(query_i64(f->db, "SELECT coalesce(max(weight), 7) FROM item"), 7);
    assert_int_equal(query_i64(f->db, "SELECT CASE WHEN 1 = 1 THEN 3 ELSE 4 END"), 3);
    static const char sql_sum[] = "SELECT sum(amount) FROM item";
    AUTO(stmt) struct stmt *stmt = NULL;
    assert_int_equal(db_prepare(f->db, sql_sum, &stmt), 0);
    assert_int_equal(stmt_step(stmt), 1);
    assert_true(str_eq_cstr(stmt_str(stmt, 0, f->arena), "42"));
    stmt_release(TAKE(stmt));
    commit(f->db);
}

static void text_orders_by_bytes(void **state)
{
    struct fixture *f = *state;
    static const char *const names[] = {"b", "a/2", "B", "Z", "a", "a-1", "\xC3\xA4", "_", "a1"};
    static const char *const sorted[] = {"B", "Z", "_", "a", "a-1", "a/2", "a1", "b", "\xC3\xA4"};
    begin(f->db, TX_WRITE);
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        assert_int_equal(insert(f->db, names[i], 0), 1);
    static const char sql_all[] = "SELECT name FROM item WHERE name > $1 ORDER BY name";
    AUTO(stmt) struct stmt *stmt = NULL;
    assert_int_equal(db_prepare(f->db, sql_all, &stmt), 0);
    stmt_bind_str(stmt, 1, STR("A"));
    for (size_t i = 0; i < ARRAY_LEN(sorted); i++) {
        assert_int_equal(stmt_step(stmt), 1);
        struct str name = stmt_str(stmt, 0, f->arena);
        assert_string_equal(str_to_cstr(f->arena, name), sorted[i]);
    }
    assert_int_equal(stmt_step(stmt), 0);
    stmt_release(TAKE(stmt));
    /* LIKE is case-sensitive on both. */
    assert_int_equal(query_i64(f->db, "SELECT count(*) FROM item WHERE name LIKE 'B%'"), 1);
    commit(f->db);
}

static void parameters_are_numbered(void **state)
{
    struct fixture *f = *state;
    /* SQLite alone would count $2 as the first parameter here. */
    static const char sql[] = "SELECT $2 || '-' || $1 || '-' || $2";
    begin(f->db, TX_READ);
    AUTO(stmt) struct stmt *stmt = NULL;
    assert_int_equal(db_prepare(f->db, sql, &stmt), 0);
    stmt_bind_str(stmt, 1, STR("one"));
    stmt_bind_str(stmt, 2, STR("two"));
    assert_int_equal(stmt_step(stmt), 1);
    assert_true(str_eq_cstr(stmt_str(stmt, 0, f->arena), "two-one-two"));
    stmt_release(TAKE(stmt));
    commit(f->db);
}

static void nulls_mix_with_values(void **state)
{
    struct fixture *f = *state;
    static const char sql[] = "UPDATE item SET payload = $1, data = $2, weight = $3, note = $4";
    begin(f->db, TX_WRITE);
    assert_int_equal(insert(f->db, "a", 1), 1);
    /* All 16 mixes: more than a PostgreSQL statement keeps prepared. Twice, and back again. */
    for (unsigned run = 0; run < 48; run++) {
        unsigned mask = (run < 32 ? run : 47 - run) & 15;
        AUTO(stmt) struct stmt *stmt = NULL;
        assert_int_equal(db_prepare(f->db, sql, &stmt), 0);
        stmt_bind_str(stmt, 1, mask & 1 ? STR("x") : (struct str){0});
        if (mask & 2)
            stmt_bind_blob(stmt, 2, STR("y"));
        if (mask & 4)
            stmt_bind_f64(stmt, 3, 2.5);
        else
            stmt_bind_null(stmt, 3);
        stmt_bind_str(stmt, 4, mask & 8 ? STR("z") : (struct str){0});
        if (stmt_run(stmt) != 1)
            fail_msg("mask %u: %s", mask, db_error_text(f->db));
        stmt_release(TAKE(stmt));
        static const char sql_get[] = "SELECT payload, data, weight, note FROM item";
        assert_int_equal(db_prepare(f->db, sql_get, &stmt), 0);
        assert_int_equal(stmt_step(stmt), 1);
        for (int i = 0; i < 4; i++)
            assert_int_equal(stmt_is_null(stmt, i), (mask & (1u << i)) == 0);
    }
    commit(f->db);
}

static void text_with_a_nul_is_refused(void **state)
{
    struct fixture *f = *state;
    static const char sql[] = "INSERT INTO item (account, region, name) VALUES ($1, $2, $3)";
    begin(f->db, TX_WRITE);
    AUTO(stmt) struct stmt *stmt = NULL;
    assert_int_equal(db_prepare(f->db, sql, &stmt), 0);
    stmt_bind_scope(stmt, scope);
    stmt_bind_str(stmt, 3, STR("a\0b"));
    assert_int_equal(stmt_run(stmt), -EINVAL);
    assert_int_equal(db_tx_error(f->db), -EINVAL);
    stmt_release(TAKE(stmt));
    db_rollback(f->db);
    assert_int_equal(count_items(f->db), 0);
}

static void upsert_and_returning_work(void **state)
{
    struct fixture *f = *state;
    static const char sql[] =
        "INSERT INTO item (account, region, name, amount) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (account, region, name)"
        " DO UPDATE SET amount = item.amount + excluded.amount RETURNING amount, name";
    begin(f->db, TX_WRITE);
    for (int64_t i = 1; i <= 3; i++) {
        AUTO(stmt) struct stmt *stmt = NULL;
        assert_int_equal(db_prepare(f->db, sql, &stmt), 0);
        stmt_bind_scope(stmt, scope);
        stmt_bind_str(stmt, 3, STR("n"));
        stmt_bind_i64(stmt, 4, 5);
        assert_int_equal(stmt_step(stmt), 1);
        assert_int_equal(stmt_i64(stmt, 0), 5 * i);
        assert_int_equal(stmt_step(stmt), 0);
    }
    static const char sql_ignore[] =
        "INSERT INTO item (account, region, name) VALUES ('000000000000', 'eu-west-1', 'n')"
        " ON CONFLICT DO NOTHING";
    AUTO(stmt) struct stmt *ignore = NULL;
    assert_int_equal(db_prepare(f->db, sql_ignore, &ignore), 0);
    assert_int_equal(stmt_run(ignore), 0);
    stmt_release(TAKE(ignore));
    commit(f->db);
}

static void run_counts_changed_rows(void **state)
{
    struct fixture *f = *state;
    static const char sql_all[] = "UPDATE item SET amount = amount + $1";
    static const char sql_none[] = "DELETE FROM item WHERE amount = $1";
    static const char sql_select[] = "SELECT name FROM item WHERE amount <> $1";
    begin(f->db, TX_WRITE);
    static const char *const names[] = {"a", "b", "c"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        assert_int_equal(insert(f->db, names[i], 0), 1);
    assert_int_equal(run_with(f->db, sql_all, 1), 3);
    assert_int_equal(run_with(f->db, sql_none, 99), 0);
    assert_int_equal(run_with(f->db, sql_select, 99), 0);
    assert_int_equal(run_with(f->db, sql_none, 1), 3);
    commit(f->db);
}

static void statements_can_be_reset_and_nested(void **state)
{
    struct fixture *f = *state;
    static const char sql[] = "SELECT name FROM item WHERE name >= $1 ORDER BY name";
    begin(f->db, TX_WRITE);
    static const char *const names[] = {"a", "b", "c"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        assert_int_equal(insert(f->db, names[i], 0), 1);
    AUTO(stmt) struct stmt *outer = NULL;
    AUTO(stmt) struct stmt *inner = NULL;
    assert_int_equal(db_prepare(f->db, sql, &outer), 0);
    assert_int_equal(db_prepare(f->db, sql, &inner), 0);
    assert_ptr_not_equal(outer, inner);
    stmt_bind_str(outer, 1, STR("a"));
    int rows = 0;
    while (stmt_step(outer) == 1) {
        stmt_bind_str(inner, 1, stmt_str(outer, 0, f->arena));
        while (stmt_step(inner) == 1)
            rows++;
        stmt_reset(inner);
    }
    assert_int_equal(rows, 3 + 2 + 1);
    /* Unbound after a reset: NULL is not smaller than anything. */
    stmt_reset(outer);
    assert_int_equal(stmt_step(outer), 0);
    /* Given back, the same statement is handed out again. */
    struct stmt *const address = inner;
    stmt_release(TAKE(inner));
    assert_int_equal(db_prepare(f->db, sql, &inner), 0);
    assert_ptr_equal(inner, address);
    stmt_release(TAKE(inner));
    stmt_release(TAKE(outer));
    commit(f->db);
}

static void the_statement_cache_grows(void **state)
{
    struct fixture *f = *state;
    begin(f->db, TX_READ);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 200; i++) {
            static char texts[200][16];
            snprintf(texts[i], sizeof(texts[i]), "SELECT %d", i);
            assert_int_equal(query_i64(f->db, texts[i]), i);
        }
    }
    commit(f->db);
}

/* Transactions */

static void rollback_undoes(void **state)
{
    struct fixture *f = *state;
    begin(f->db, TX_WRITE);
    assert_int_equal(db_mode(f->db), TX_WRITE);
    assert_int_equal(insert(f->db, "a", 1), 1);
    db_rollback(f->db);
    assert_int_equal(db_mode(f->db), TX_NONE);
    db_rollback(f->db); /* nothing runs: no effect */
    assert_int_equal(count_items(f->db), 0);
}

static void a_write_in_a_read_transaction_is_refused(void **state)
{
    struct fixture *f = *state;
    begin(f->db, TX_READ);
    assert_int_equal(query_i64(f->db, sql_count), 0);
    assert_int_equal(insert(f->db, "a", 1), -EROFS);
    assert_int_equal(db_tx_error(f->db), -EROFS);
    assert_int_equal(insert(f->db, "b", 1), -EROFS); /* doomed */
    assert_int_equal(db_commit(f->db), -EROFS);
    assert_int_equal(db_mode(f->db), TX_NONE);
    assert_int_equal(count_items(f->db), 0);
    begin(f->db, TX_WRITE);
    assert_int_equal(insert(f->db, "a", 1), 1);
    commit(f->db);
    assert_int_equal(count_items(f->db), 1);
}

static void a_duplicate_is_told_and_dooms(void **state)
{
    struct fixture *f = *state;
    begin(f->db, TX_WRITE);
    assert_int_equal(insert(f->db, "a", 1), 1);
    assert_int_equal(insert(f->db, "a", 2), -EEXIST);
    assert_int_equal(db_tx_error(f->db), -EIO);
    assert_int_equal(insert(f->db, "b", 2), -EIO);
    assert_int_equal(db_commit(f->db), -EIO);
    assert_int_equal(count_items(f->db), 0);
}

static void other_errors_are_io_errors(void **state)
{
    struct fixture *f = *state;
    static const char sql_bad[] = "SELECT nothing FROM nowhere";
    static const char sql_null[] =
        "INSERT INTO item (account, region, name) VALUES ('a', 'b', NULL)";
    begin(f->db, TX_WRITE);
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(f->db, sql_bad, &stmt); /* PostgreSQL sees it at the first step */
    if (rc == 0)
        rc = stmt_step(stmt);
    assert_int_equal(rc, -EIO);
    assert_non_null(strstr(db_error_text(f->db), "nowhere"));
    stmt_release(TAKE(stmt));
    db_rollback(f->db);
    begin(f->db, TX_WRITE);
    assert_int_equal(db_prepare(f->db, sql_null, &stmt), 0);
    assert_int_equal(stmt_run(stmt), -EIO);
    stmt_release(TAKE(stmt));
    db_rollback(f->db);
}

static void savepoints_nest(void **state)
{
    struct fixture *f = *state;
    begin(f->db, TX_WRITE);
    assert_int_equal(insert(f->db, "base", 0), 1);
    assert_int_equal(db_savepoint(f->db), 0);
    assert_int_equal(insert(f->db, "outer", 0), 1);
    assert_int_equal(db_savepoint(f->db), 0);
    assert_int_equal(insert(f->db, "inner", 0), 1);
    db_rollback_to(f->db);
    assert_int_equal(query_i64(f->db, sql_count), 2);
    /* It stays open: what comes now can be undone as well. */
    assert_int_equal(insert(f->db, "inner again", 0), 1);
    db_rollback_to(f->db);
    assert_int_equal(db_release(f->db), 0);
    assert_int_equal(db_release(f->db), 0);
    assert_int_equal(query_i64(f->db, sql_count), 2);
    commit(f->db);
    assert_int_equal(count_items(f->db), 2);
}

static void a_savepoint_confines_an_error(void **state)
{
    struct fixture *f = *state;
    begin(f->db, TX_WRITE);
    assert_int_equal(insert(f->db, "base", 0), 1);
    assert_int_equal(db_savepoint(f->db), 0);
    assert_int_equal(insert(f->db, "gone", 0), 1);
    assert_int_equal(insert(f->db, "base", 0), -EEXIST);
    assert_int_equal(insert(f->db, "next", 0), -EIO);
    db_rollback_to(f->db);
    assert_int_equal(db_tx_error(f->db), 0);
    assert_int_equal(insert(f->db, "kept", 0), 1);
    assert_int_equal(db_release(f->db), 0);
    /* Released without a thought, it is undone all the same. */
    assert_int_equal(db_savepoint(f->db), 0);
    assert_int_equal(insert(f->db, "gone", 0), 1);
    assert_int_equal(insert(f->db, "base", 0), -EEXIST);
    assert_int_equal(db_release(f->db), -EIO);
    assert_int_equal(db_tx_error(f->db), 0);
    commit(f->db);
    assert_int_equal(count_items(f->db), 2);
}

static void a_query_goes_on_over_a_rollback_to(void **state)
{
    struct fixture *f = *state;
    static const char sql_names[] = "SELECT name FROM item ORDER BY name";
    begin(f->db, TX_WRITE);
    static const char *const names[] = {"a", "b", "c", "d"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        assert_int_equal(insert(f->db, names[i], 0), 1);
    AUTO(stmt) struct stmt *stmt = NULL;
    assert_int_equal(db_prepare(f->db, sql_names, &stmt), 0);
    struct buf seen;
    buf_init(&seen, f->arena, 8); /* stops a loop that starts anew */
    while (!seen.is_full && stmt_step(stmt) == 1) {
        buf_append(&seen, stmt_str(stmt, 0, f->arena));
        assert_int_equal(db_savepoint(f->db), 0);
        assert_int_equal(run_with(f->db, sql_set_value, 9), 1);
        assert_int_equal(insert(f->db, "a", 0), -EEXIST);
        db_rollback_to(f->db);
        assert_int_equal(db_release(f->db), 0);
    }
    assert_true(str_eq_cstr(buf_str(&seen), "abcd"));
    stmt_release(TAKE(stmt));
    assert_int_equal(query_i64(f->db, sql_value), 0);
    commit(f->db);
}

static void a_refused_write_outlives_the_savepoint(void **state)
{
    struct fixture *f = *state;
    begin(f->db, TX_READ);
    assert_int_equal(db_savepoint(f->db), 0);
    assert_int_equal(insert(f->db, "a", 0), -EROFS);
    db_rollback_to(f->db);
    assert_int_equal(db_release(f->db), -EROFS);
    assert_int_equal(db_commit(f->db), -EROFS);
}

static void a_reader_sees_one_moment(void **state)
{
    struct fixture *f = *state;
    struct db *other = NULL;
    assert_int_equal(db_open(f->store, &other), 0);
    begin(f->db, TX_READ);
    assert_int_equal(query_i64(f->db, sql_count), 0);
    begin(other, TX_WRITE);
    assert_int_equal(insert(other, "a", 1), 1);
    commit(other);
    assert_int_equal(query_i64(f->db, sql_count), 0);
    commit(f->db);
    assert_int_equal(count_items(f->db), 1);
    db_close(other);
}

/* On PostgreSQL both read 0 and write 1: one must run again. On SQLite the second waits for its
 * turn, so there is nothing to see without threads. */
static void a_conflict_asks_to_run_again(void **state)
{
    struct fixture *f = *state;
    if (engine != ENGINE_POSTGRES)
        return;
    struct db *other = NULL;
    assert_int_equal(db_open(f->store, &other), 0);
    begin(f->db, TX_WRITE);
    begin(other, TX_WRITE);
    int64_t mine = query_i64(f->db, sql_value);
    int64_t theirs = query_i64(other, sql_value);
    assert_int_equal(run_with(f->db, sql_set_value, mine + 1), 1);
    commit(f->db);
    int64_t rc = run_with(other, sql_set_value, theirs + 1);
    assert_int_equal(rc, -EAGAIN);
    assert_int_equal(db_tx_error(other), -EAGAIN);
    assert_int_equal(db_commit(other), -EAGAIN);
    db_close(other);
}

enum {
    THREADS = 4,
    ROUNDS = 50,
};

static int increment(struct db *db)
{
    int rc = db_begin(db, TX_WRITE);
    if (rc < 0)
        return rc;
    AUTO(stmt) struct stmt *stmt = NULL;
    rc = db_prepare(db, sql_value, &stmt);
    if (rc == 0)
        rc = stmt_step(stmt);
    if (rc == 1) {
        int64_t changed = run_with(db, sql_set_value, stmt_i64(stmt, 0) + 1);
        rc = changed < 0 ? (int)changed : 0;
    }
    stmt_release(TAKE(stmt));
    if (rc < 0) {
        db_rollback(db);
        return rc;
    }
    return db_commit(db);
}

static void *increment_many(void *context)
{
    struct fixture *f = context;
    struct db *db = NULL;
    CHECK(db_open(f->store, &db) == 0);
    for (int i = 0; i < ROUNDS; i++) {
        int rc = -EAGAIN;
        while (rc == -EAGAIN)
            rc = increment(db);
        CHECK(rc == 0);
    }
    db_close(db);
    return NULL;
}

static void threads_lose_no_update(void **state)
{
    struct fixture *f = *state;
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, increment_many, f), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    begin(f->db, TX_READ);
    assert_int_equal(query_i64(f->db, sql_value), THREADS * ROUNDS);
    commit(f->db);
}

/* Notifications */

struct wakes {
    char text[4096];
    sem_t arrived; /* once per wake */
};

static void on_wake(void *context, struct str channel)
{
    struct wakes *wakes = context;
    size_t len = strlen(wakes->text);
    snprintf(wakes->text + len, sizeof(wakes->text) - len, STR_FMT ";", STR_ARG(channel));
    sem_post(&wakes->arrived);
}

static void wakes_come_after_the_commit(void **state)
{
    struct fixture *f = *state;
    struct wakes wakes = {0};
    sem_init(&wakes.arrived, 0, 0);
    store_set_wake(f->store, on_wake, &wakes);
    begin(f->db, TX_WRITE);
    db_notify(f->db, STR("kept"));
    db_notify(f->db, STR("kept"));
    assert_int_equal(db_savepoint(f->db), 0);
    db_notify(f->db, STR("dropped"));
    db_notify(f->db, STR("kept"));
    db_rollback_to(f->db);
    assert_int_equal(db_release(f->db), 0);
    assert_int_equal(db_savepoint(f->db), 0);
    db_notify(f->db, STR("inner 'quoted'"));
    assert_int_equal(db_release(f->db), 0);
    assert_string_equal(wakes.text, "");
    commit(f->db);
    assert_string_equal(wakes.text, "kept;inner 'quoted';");
    begin(f->db, TX_WRITE);
    db_notify(f->db, STR("never"));
    db_rollback(f->db);
    begin(f->db, TX_READ);
    db_notify(f->db, STR("never"));
    assert_int_equal(insert(f->db, "a", 0), -EROFS);
    assert_int_equal(db_commit(f->db), -EROFS);
    begin(f->db, TX_READ);
    db_notify(f->db, STR("later"));
    commit(f->db);
    assert_string_equal(wakes.text, "kept;inner 'quoted';later;");
    sem_destroy(&wakes.arrived);
}

static void too_many_channels_wake_everybody(void **state)
{
    struct fixture *f = *state;
    struct wakes wakes = {0};
    sem_init(&wakes.arrived, 0, 0);
    store_set_wake(f->store, on_wake, &wakes);
    begin(f->db, TX_WRITE);
    char channel[CHANNEL_MAX_BYTES];
    for (unsigned i = 0; i <= NOTES_MAX_BYTES / sizeof(channel) + 1; i++) {
        memset(channel, 'x', sizeof(channel));
        memcpy(channel, &(unsigned){i | 0x40404040}, sizeof(i));
        db_notify(f->db, str_of(channel, sizeof(channel)));
    }
    commit(f->db);
    assert_string_equal(wakes.text, ";");
    sem_destroy(&wakes.arrived);
}

static void other_nodes_are_woken(void **state)
{
    struct fixture *f = *state;
    if (engine != ENGINE_POSTGRES)
        return;
    struct store *node = NULL;
    struct str message = {0};
    assert_int_equal(store_open(f->arena, &f->options, &item_set, 1, &node, &message), 0);
    struct wakes wakes = {0};
    sem_init(&wakes.arrived, 0, 0);
    store_set_wake(node, on_wake, &wakes);
    begin(f->db, TX_WRITE);
    enum { CHANNELS = 40 }; /* of 300 bytes: two payloads */
    char channel[300];
    memset(channel, 'x', sizeof(channel));
    for (int i = 0; i < CHANNELS; i++) {
        channel[0] = (char)('A' + i);
        db_notify(f->db, str_of(channel, sizeof(channel)));
    }
    commit(f->db);
    for (int i = 0; i < CHANNELS; i++)
        assert_int_equal(sem_wait(&wakes.arrived), 0);
    assert_int_equal(wakes.text[0], 'A');
    store_close(node);
    sem_destroy(&wakes.arrived);
}

/* Ends all other connections to the server, as its restart would. */
static void cut_connections(struct fixture *f)
{
    struct db *db = NULL;
    assert_int_equal(db_open(f->store, &db), 0);
    int rc = db->backend->execute(db, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                                      " WHERE application_name = 'virga'"
                                      " AND pid <> pg_backend_pid()");
    assert_int_equal(rc, 0);
    db_close(db);
}

static void a_lost_connection_is_made_anew(void **state)
{
    struct fixture *f = *state;
    if (engine != ENGINE_POSTGRES)
        return;
    struct wakes wakes = {0};
    sem_init(&wakes.arrived, 0, 0);
    store_set_wake(f->store, on_wake, &wakes);
    begin(f->db, TX_WRITE);
    assert_int_equal(insert(f->db, "a", 1), 1);
    cut_connections(f);
    assert_int_equal(insert(f->db, "b", 1), -EIO);
    assert_int_equal(db_savepoint(f->db), -EIO);
    assert_int_equal(db_commit(f->db), -EIO);
    begin(f->db, TX_WRITE);
    assert_int_equal(insert(f->db, "c", 1), 1);
    commit(f->db);
    cut_connections(f); /* between transactions nobody notices */
    assert_int_equal(count_items(f->db), 1);
    /* The listener came back too, and woke everybody. */
    assert_int_equal(sem_wait(&wakes.arrived), 0);
    assert_int_equal(wakes.text[0], ';');
    store_set_wake(f->store, NULL, NULL);
    sem_destroy(&wakes.arrived);
}

/* Crashes */

/* Inserts for ever, and says after each commit so. */
static void write_until_killed(struct fixture *f, int out)
{
    struct store *store = NULL;
    struct db *db = NULL;
    struct str message = {0};
    if (store_open(f->arena, &f->options, &item_set, 1, &store, &message) < 0 ||
        db_open(store, &db) < 0)
        _exit(1);
    for (int i = 0;; i++) {
        char name[16];
        snprintf(name, sizeof(name), "row-%d", i);
        if (db_begin(db, TX_WRITE) < 0 || insert(db, name, i) != 1 || db_commit(db) < 0 ||
            write(out, "x", 1) != 1)
            _exit(1);
    }
}

static void what_was_committed_survives_kill_9(void **state)
{
    struct fixture *f = *state;
    if (engine == ENGINE_MEMORY)
        return;
    close_store(f);
    int pipe_fds[2];
    assert_int_equal(pipe(pipe_fds), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        write_until_killed(f, pipe_fds[1]);
    close(pipe_fds[1]);
    char reports[64];
    int64_t reported = 0;
    while (reported < 300) {
        ssize_t got = read(pipe_fds[0], reports, sizeof(reports));
        assert_true(got > 0);
        reported += got;
    }
    assert_int_equal(kill(child, SIGKILL), 0);
    ssize_t got = 0;
    while ((got = read(pipe_fds[0], reports, sizeof(reports))) > 0)
        reported += got;
    close(pipe_fds[0]);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));

    open_store(f);
    /* The last commit may have been killed before its report. */
    int64_t count = count_items(f->db);
    assert_true(count == reported || count == reported + 1);
    begin(f->db, TX_READ);
    AUTO(stmt) struct stmt *stmt = NULL;
    assert_int_equal(db_prepare(f->db, sql_amount, &stmt), 0);
    stmt_bind_scope(stmt, scope);
    stmt_bind_str(stmt, 3, str_format(f->arena, "row-%d", (int)reported - 1));
    assert_int_equal(stmt_step(stmt), 1);
    assert_int_equal(stmt_i64(stmt, 0), reported - 1);
    stmt_release(TAKE(stmt));
    commit(f->db);
}

static void what_a_killed_memory_store_left_is_swept(void **state)
{
    struct fixture *f = *state;
    if (engine != ENGINE_MEMORY)
        return;
    int pipe_fds[2];
    assert_int_equal(pipe(pipe_fds), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct store *store = NULL;
        struct str message = {0};
        if (store_open(f->arena, &f->options, &item_set, 1, &store, &message) < 0)
            _exit(1);
        size_t size = strlen(store->dir) + 1;
        if (write(pipe_fds[1], store->dir, size) != (ssize_t)size)
            _exit(1);
        raise(SIGKILL);
    }
    char dir[128] = "";
    assert_true(read(pipe_fds[0], dir, sizeof(dir)) > 0);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(access(dir, F_OK), 0);
    char *own = str_to_cstr(f->arena, str_from_cstr(f->store->dir));
    struct store *next = NULL;
    struct str message = {0};
    assert_int_equal(store_open(f->arena, &f->options, NULL, 0, &next, &message), 0);
    assert_int_equal(access(dir, F_OK), -1);
    assert_int_equal(access(own, F_OK), 0); /* in use */
    store_close(next);
}

static void faults_lose_nothing(void **state)
{
    struct fixture *f = *state;
    if (!fault_available())
        return;
    static const char *const points[] = {"store.begin:1", "store.step:1", "store.commit:1"};
    for (size_t i = 0; i < ARRAY_LEN(points); i++) {
        fault_configure(points[i]);
        int64_t rc = db_begin(f->db, TX_WRITE);
        if (rc == 0) {
            rc = insert(f->db, "a", 1);
            if (rc == 1)
                rc = db_commit(f->db);
            else
                db_rollback(f->db);
        }
        assert_int_equal(rc, -EIO);
        assert_int_equal(db_mode(f->db), TX_NONE);
        fault_configure(NULL);
        assert_int_equal(count_items(f->db), 0);
    }
}

/* Bodies */

static struct str put_body(struct fixture *f, struct str bytes)
{
    AUTO(body) struct body_writer *writer = NULL;
    struct str id = {0};
    assert_int_equal(body_create(f->store, &writer), 0);
    assert_int_equal(body_write(writer, str_slice(bytes, 0, 3)), 0);
    assert_int_equal(body_write(writer, str_from(bytes, 3)), 0);
    assert_int_equal(body_commit(f->arena, TAKE(writer), &id), 0);
    assert_int_equal(id.len, 32);
    return id;
}

static void check_body(struct fixture *f, struct str id, const char *expected)
{
    int64_t size = -1;
    int fd = body_open(f->store, id, &size);
    assert_true(fd >= 0);
    char bytes[64] = "";
    assert_int_equal(read(fd, bytes, sizeof(bytes) - 1), (ssize_t)strlen(expected));
    close(fd);
    assert_string_equal(bytes, expected);
    assert_int_equal(size, strlen(expected));
}

static void bodies_are_written_and_read(void **state)
{
    struct fixture *f = *state;
    struct str id = put_body(f, STR("hello body"));
    check_body(f, id, "hello body");
    check_body(f, put_body(f, STR("")), "");
    int64_t size = 0;
    body_remove(f->store, id);
    body_remove(f->store, id);
    assert_int_equal(body_open(f->store, id, &size), -ENOENT);
    assert_int_equal(body_open(f->store, STR("../../../../../../etc/passwd!!!!"), &size), -ENOENT);
    assert_int_equal(body_open(f->store, STR(""), &size), -ENOENT);
    body_remove(f->store, STR("../virga.db"));
}

static int64_t files_below(struct fixture *f, const char *folder)
{
    int64_t size = 0;
    const char *path = str_format(f->arena, "%s/bodies/%s", f->store->dir, folder).ptr;
    assert_int_equal(files_tree_size(path, &size), 0);
    return size;
}

static void a_pinned_body_stays_until_its_last_pin_goes(void **state)
{
    struct fixture *f = *state;
    int64_t size = 0;
    struct str id = put_body(f, STR("pinned"));
    assert_int_equal(body_pin(f->store, id), 0);
    assert_int_equal(body_pin(f->store, id), 0);
    body_remove(f->store, id);
    assert_int_equal(body_pin(f->store, id), -ENOENT); /* it is gone for who comes now */
    body_unpin(f->store, id);
    int fd = body_open(f->store, id, &size);
    assert_true(fd >= 0);
    close(fd);
    body_unpin(f->store, id);
    assert_int_equal(body_open(f->store, id, &size), -ENOENT);
    assert_int_equal(body_pin(f->store, id), -ENOENT);
}

static void an_aborted_body_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    struct body_writer *writer = NULL;
    assert_int_equal(body_create(f->store, &writer), 0);
    assert_int_equal(body_write(writer, STR("12345")), 0);
    assert_int_equal(files_below(f, "tmp"), 5);
    body_abort(writer);
    body_abort(NULL);
    assert_int_equal(files_below(f, "tmp"), 0);
    if (!fault_available())
        return;
    struct str id = {0};
    assert_int_equal(body_create(f->store, &writer), 0);
    fault_configure("body.write:1");
    assert_int_equal(body_write(writer, STR("12345")), -EIO);
    fault_configure("body.rename:1");
    assert_int_equal(body_commit(f->arena, writer, &id), -EIO);
    fault_configure(NULL);
    assert_null(id.ptr);
    assert_int_equal(files_below(f, ""), 0);
}

static bool is_the_one(void *context, struct str id)
{
    return str_eq(id, *(const struct str *)context);
}

static void sweeping_keeps_what_rows_name(void **state)
{
    struct fixture *f = *state;
    struct str kept = put_body(f, STR("kept"));
    struct str orphan = put_body(f, STR("orphan"));
    struct body_writer *unfinished = NULL;
    assert_int_equal(body_create(f->store, &unfinished), 0);
    assert_int_equal(body_write(unfinished, STR("unfinished")), 0);
    int64_t size = 0;
    if (engine == ENGINE_POSTGRES) {
        /* Other nodes may be about to commit what is young. */
        assert_int_equal(bodies_sweep(f->store, is_the_one, &kept), 0);
        check_body(f, orphan, "orphan");
        const struct timespec old[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
        char path[64];
        snprintf(path, sizeof(path), "%.2s/%s", orphan.ptr, orphan.ptr);
        assert_int_equal(utimensat(f->store->bodies_fd, path, old, 0), 0);
    }
    assert_int_equal(bodies_sweep(f->store, is_the_one, &kept), 0);
    assert_int_equal(body_open(f->store, orphan, &size), -ENOENT);
    check_body(f, kept, "kept");
    assert_int_equal(files_below(f, "tmp"), engine == ENGINE_POSTGRES ? 10 : 0);
    body_abort(unfinished);
}

static void full_durability_works_too(void **state)
{
    struct fixture *f = *state;
    close_store(f);
    f->options.durability = DURABILITY_FULL;
    open_store(f);
    check_body(f, put_body(f, STR("synced")), "synced");
    begin(f->db, TX_WRITE);
    assert_int_equal(insert(f->db, "a", 1), 1);
    commit(f->db);
    assert_int_equal(count_items(f->db), 1);
}

/* Snapshots */

static void snapshots_come_back(void **state)
{
    struct fixture *f = *state;
    struct snapshot_info *items = NULL;
    size_t count = 0;
    if (engine != ENGINE_SQLITE) {
        assert_int_equal(store_snapshot_save(f->store, STR("one")), -ENOTSUP);
        assert_int_equal(store_snapshot_restore(&f->options, STR("one")), -ENOTSUP);
        assert_int_equal(store_snapshot_list(f->arena, &f->options, &items, &count), -ENOTSUP);
        return;
    }
    assert_int_equal(store_snapshot_list(f->arena, &f->options, &items, &count), 0);
    assert_int_equal(count, 0);
    struct str body = put_body(f, STR("in the snapshot"));
    begin(f->db, TX_WRITE);
    assert_int_equal(insert(f->db, "before", 1), 1);
    commit(f->db);
    assert_int_equal(store_snapshot_save(f->store, STR("one")), 0);
    assert_int_equal(store_snapshot_save(f->store, STR("one")), -EEXIST);
    begin(f->db, TX_WRITE);
    assert_int_equal(insert(f->db, "after", 1), 1);
    commit(f->db);
    body_remove(f->store, body);
    struct str later = put_body(f, STR("not in the snapshot"));
    assert_int_equal(store_snapshot_save(f->store, STR("two.2_-")), 0);

    assert_int_equal(store_snapshot_restore(&f->options, STR("one")), -EBUSY);
    close_store(f);
    assert_int_equal(store_snapshot_restore(&f->options, STR("none")), -ENOENT);
    assert_int_equal(store_snapshot_restore(&f->options, STR("one")), 0);
    open_store(f);
    assert_int_equal(count_items(f->db), 1);
    check_body(f, body, "in the snapshot");
    int64_t size = 0;
    assert_int_equal(body_open(f->store, later, &size), -ENOENT);
    /* Writing to what was restored leaves the snapshot as it was. */
    begin(f->db, TX_WRITE);
    assert_int_equal(insert(f->db, "again", 1), 1);
    commit(f->db);
    close_store(f);
    assert_int_equal(store_snapshot_restore(&f->options, STR("two.2_-")), 0);
    open_store(f);
    assert_int_equal(count_items(f->db), 2);
    check_body(f, later, "not in the snapshot");

    assert_int_equal(store_snapshot_list(f->arena, &f->options, &items, &count), 0);
    assert_int_equal(count, 2);
    assert_true(str_eq_cstr(items[0].name, "one"));
    assert_true(str_eq_cstr(items[1].name, "two.2_-"));
    assert_true(items[0].size_bytes > 4096 && items[0].created_at_ms > 1600000000000);
}

struct busy_writer {
    struct fixture *f;
    sem_t is_running;
    sem_t may_end;
};

/* Keeps the counter equal to the number of items, one transaction after the other. */
static void *write_pairs(void *context)
{
    struct busy_writer *writer = context;
    struct db *db = NULL;
    CHECK(db_open(writer->f->store, &db) == 0);
    for (int i = 1; i <= 50 || sem_trywait(&writer->may_end) < 0; i++) {
        char name[16];
        snprintf(name, sizeof(name), "row-%d", i);
        CHECK(db_begin(db, TX_WRITE) == 0);
        CHECK(insert(db, name, i) == 1);
        CHECK(run_with(db, sql_set_value, i) == 1);
        CHECK(db_commit(db) == 0);
        if (i == 10)
            sem_post(&writer->is_running);
    }
    db_close(db);
    return NULL;
}

static void a_snapshot_under_load_is_of_one_moment(void **state)
{
    struct fixture *f = *state;
    if (engine != ENGINE_SQLITE)
        return;
    struct busy_writer writer = {.f = f};
    sem_init(&writer.is_running, 0, 0);
    sem_init(&writer.may_end, 0, 0);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, write_pairs, &writer), 0);
    assert_int_equal(sem_wait(&writer.is_running), 0);
    int rc = store_snapshot_save(f->store, STR("moment"));
    sem_post(&writer.may_end);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(rc, 0);
    int64_t last = count_items(f->db);
    close_store(f);
    assert_int_equal(store_snapshot_restore(&f->options, STR("moment")), 0);
    open_store(f);
    int64_t count = count_items(f->db);
    assert_true(count >= 10 && count <= last);
    begin(f->db, TX_READ);
    assert_int_equal(query_i64(f->db, sql_value), count);
    commit(f->db);
    sem_destroy(&writer.is_running);
    sem_destroy(&writer.may_end);
}

static void snapshot_names_are_checked(void **state)
{
    struct fixture *f = *state;
    if (engine != ENGINE_SQLITE)
        return;
    static const char *const names[] = {"", ".", "..", ".hidden", "a/b", "a b", "\xC3\xA4"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        assert_int_equal(store_snapshot_save(f->store, str_from_cstr(names[i])), -EINVAL);
    char name[65];
    memset(name, 'n', sizeof(name));
    assert_int_equal(store_snapshot_save(f->store, str_of(name, 65)), -EINVAL);
    assert_int_equal(store_snapshot_save(f->store, str_of(name, 64)), 0);
}

static void an_interrupted_restore_is_finished(void **state)
{
    struct fixture *f = *state;
    if (engine != ENGINE_SQLITE)
        return;
    struct str body = put_body(f, STR("body"));
    assert_int_equal(store_snapshot_save(f->store, STR("one")), 0);
    begin(f->db, TX_WRITE);
    assert_int_equal(insert(f->db, "after", 1), 1);
    commit(f->db);
    close_store(f);
    if (fault_available()) {
        /* Not decided yet: nothing has changed. */
        fault_configure("snapshot.restore:1");
        assert_int_equal(store_snapshot_restore(&f->options, STR("one")), -EIO);
        fault_configure(NULL);
        open_store(f);
        assert_int_equal(count_items(f->db), 1);
        close_store(f);
    }
    /* Decided, and then killed: the snapshot stands ready as DIR/restore. */
    const char *dir = f->options.dir.ptr;
    assert_int_equal(files_link_tree(str_format(f->arena, "%s/snapshots/one", dir).ptr,
                                     str_format(f->arena, "%s/restore", dir).ptr),
                     0);
    open_store(f);
    assert_int_equal(count_items(f->db), 0);
    check_body(f, body, "body");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static const struct CMUnitTest cases[] = {
    CASE(migrations_apply_once),
    CASE(a_newer_database_is_refused),
    CASE(a_later_migration_reaches_an_old_database),
    CASE(a_broken_migration_leaves_nothing),
    CASE(a_folder_is_open_once),
    CASE(an_unusable_url_is_explained),
    CASE(migrations_are_cut_at_semicolons_that_end_lines),
    CASE(table_definitions_are_translated),
    CASE(values_come_back_as_they_were),
    CASE(numbers_and_booleans_read_alike),
    CASE(text_orders_by_bytes),
    CASE(parameters_are_numbered),
    CASE(nulls_mix_with_values),
    CASE(text_with_a_nul_is_refused),
    CASE(upsert_and_returning_work),
    CASE(run_counts_changed_rows),
    CASE(statements_can_be_reset_and_nested),
    CASE(the_statement_cache_grows),
    CASE(rollback_undoes),
    CASE(a_write_in_a_read_transaction_is_refused),
    CASE(a_duplicate_is_told_and_dooms),
    CASE(other_errors_are_io_errors),
    CASE(savepoints_nest),
    CASE(a_savepoint_confines_an_error),
    CASE(a_query_goes_on_over_a_rollback_to),
    CASE(a_refused_write_outlives_the_savepoint),
    CASE(a_reader_sees_one_moment),
    CASE(a_conflict_asks_to_run_again),
    CASE(threads_lose_no_update),
    CASE(wakes_come_after_the_commit),
    CASE(too_many_channels_wake_everybody),
    CASE(other_nodes_are_woken),
    CASE(a_lost_connection_is_made_anew),
    CASE(what_was_committed_survives_kill_9),
    CASE(what_a_killed_memory_store_left_is_swept),
    CASE(faults_lose_nothing),
    CASE(bodies_are_written_and_read),
    CASE(a_pinned_body_stays_until_its_last_pin_goes),
    CASE(an_aborted_body_leaves_nothing),
    CASE(sweeping_keeps_what_rows_name),
    CASE(full_durability_works_too),
    CASE(snapshots_come_back),
    CASE(a_snapshot_under_load_is_of_one_moment),
    CASE(snapshot_names_are_checked),
    CASE(an_interrupted_restore_is_finished),
};

int main(void)
{
    int failed = cmocka_run_group_tests_name("sqlite", cases, use_sqlite, NULL);
    failed += cmocka_run_group_tests_name("memory", cases, use_memory, NULL);
    failed += cmocka_run_group_tests_name("postgres", cases, start_server, stop_server);
    return failed;
}
