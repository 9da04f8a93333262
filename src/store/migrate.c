/* migrate.c — brings the tables of every component to the version this program knows.
 *
 * Table schema_version holds one row per component. All that is missing is done in one transaction
 * together with the change of these rows: a crash leaves the old versions or the new ones, and a
 * first start writes each page of the database once instead of once per table. A database that is
 * ahead of the program is refused before anything is changed.
 */
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "store/backend.h"

enum {
    STATEMENT_MAX_BYTES = 64 * 1024,
    CONFLICT_RETRIES_MAX = 10, /* a conflict needs another program that changes the same rows */
};

static const char sql_create[] = "CREATE TABLE IF NOT EXISTS schema_version ("
                                 "component text PRIMARY KEY, version integer NOT NULL);";
static const char sql_find[] = "SELECT version FROM schema_version WHERE component = $1";
static const char sql_set[] = "INSERT INTO schema_version (component, version) VALUES ($1, $2)"
                              " ON CONFLICT (component) DO UPDATE SET version = excluded.version";

/* Index just behind the ';' that ends the statement at the start of `text`, or text.len. A ';'
 * counts only as the last character of a line. */
static size_t statement_end(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != ';')
            continue;
        size_t at = i + 1;
        while (at < text.len &&
               (text.ptr[at] == ' ' || text.ptr[at] == '\t' || text.ptr[at] == '\r'))
            at++;
        if (at == text.len || text.ptr[at] == '\n')
            return i + 1;
    }
    return text.len;
}

bool migration_next_statement(struct str *rest, struct str *out_statement)
{
    *rest = str_trim(*rest);
    if (rest->len == 0)
        return false;
    size_t end = statement_end(*rest);
    *out_statement = str_slice(*rest, 0, end);
    *rest = str_from(*rest, end);
    return true;
}

static int run_statements(struct db *db, struct str text)
{
    AUTO(buf) struct buf translated;
    buf_init(&translated, NULL, STATEMENT_MAX_BYTES);
    struct str statement;
    while (migration_next_statement(&text, &statement)) {
        buf_clear(&translated);
        db->backend->translate(statement, &translated);
        buf_append_char(&translated, '\0');
        if (translated.is_full)
            return db_error(db, -EIO, "migration", "statement too long");
        int rc = db_run(db, translated.ptr);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* Sets *out_version to 0 for a component that the database does not know. */
static int find_version(struct db *db, const char *component, int64_t *out_version)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, str_from_cstr(component));
    rc = stmt_step(stmt);
    if (rc < 0)
        return rc;
    *out_version = rc == 1 ? stmt_i64(stmt, 0) : 0;
    return 0;
}

static int set_version(struct db *db, const char *component, int64_t version)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_set, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, str_from_cstr(component));
    stmt_bind_i64(stmt, 2, version);
    int64_t changed = stmt_run(stmt);
    return changed < 0 ? (int)changed : 0;
}

/* What one attempt to migrate found out. */
struct attempt {
    const char *component; /* of the migration that failed, */
    size_t number;         /* from 1; 0: it was something else */
    bool is_ahead;         /* the database knows more than the program; the message is written */
};

static int migrate_set(struct db *db, const struct migration_set *set, int64_t version,
                       struct attempt *attempt)
{
    for (size_t i = (size_t)version; i < set->count; i++) {
        int rc = run_statements(db, str_from_cstr(set->migrations[i]));
        if (rc < 0) {
            *attempt = (struct attempt){.component = set->component, .number = i + 1};
            return rc;
        }
    }
    return version < (int64_t)set->count ? set_version(db, set->component, (int64_t)set->count) : 0;
}

/* Reads all versions before anything is changed. */
static int read_versions(struct db *db, const struct migration_set *sets, size_t set_count,
                         int64_t *versions, struct attempt *attempt, struct buf *message)
{
    int rc = run_statements(db, str_from_cstr(sql_create));
    for (size_t i = 0; rc == 0 && i < set_count; i++) {
        rc = find_version(db, sets[i].component, &versions[i]);
        if (rc == 0 && versions[i] > (int64_t)sets[i].count) {
            buf_append_format(message,
                              "the database is newer than this program: %s has schema version "
                              "%lld, the program knows %zu",
                              sets[i].component, (long long)versions[i], sets[i].count);
            attempt->is_ahead = true;
            return -EPROTO;
        }
    }
    return rc;
}

static int migrate_once(struct db *db, const struct migration_set *sets, size_t set_count,
                        int64_t *versions, struct attempt *attempt, struct buf *message)
{
    *attempt = (struct attempt){0};
    int rc = db_begin(db, TX_WRITE);
    if (rc < 0)
        return rc;
    rc = read_versions(db, sets, set_count, versions, attempt, message);
    for (size_t i = 0; rc == 0 && i < set_count; i++)
        rc = migrate_set(db, &sets[i], versions[i], attempt);
    if (rc == 0)
        return db_commit(db);
    db_rollback(db);
    return rc;
}

int migrate(struct db *db, const struct migration_set *sets, size_t set_count, struct buf *message)
{
    int rc = db->backend->migration_lock(db);
    if (rc < 0) {
        buf_append_format(message, "cannot lock the schema: %s", db_error_text(db));
        return rc;
    }
    AUTO(mem) int64_t *versions = mem_new_array(set_count, sizeof(*versions));
    struct attempt attempt = {0};
    rc = -EAGAIN;
    for (int run = 0; run < CONFLICT_RETRIES_MAX && rc == -EAGAIN; run++)
        rc = migrate_once(db, sets, set_count, versions, &attempt, message);
    if (rc < 0 && attempt.number > 0)
        buf_append_format(message, "migration %zu of %s failed: %s", attempt.number,
                          attempt.component, db_error_text(db));
    else if (rc < 0 && !attempt.is_ahead)
        buf_append_format(message, "cannot migrate the schema: %s", db_error_text(db));
    db->backend->migration_unlock(db);
    return rc == -EAGAIN ? -EIO : rc;
}
