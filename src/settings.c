/* settings.c — every SQL statement of the program itself. */
#include "settings.h"

#include <errno.h>

static const char *const migrations[] = {
    "CREATE TABLE setting (name text NOT NULL PRIMARY KEY, value integer NOT NULL);",
};

const struct migration_set settings_migrations = {
    .component = "virga",
    .migrations = migrations,
    .count = ARRAY_LEN(migrations),
};

static const char sql_find[] = "SELECT value FROM setting WHERE name = $1";
static const char sql_put[] = "INSERT INTO setting (name, value) VALUES ($1, $2) "
                              "ON CONFLICT (name) DO UPDATE SET value = excluded.value";

int settings_read(struct db *db, struct str name, int64_t *out_value)
{
    int rc = db_begin(db, TX_READ);
    if (rc < 0)
        return rc;
    int64_t value = 0;
    {
        AUTO(stmt) struct stmt *stmt = NULL;
        rc = db_prepare(db, sql_find, &stmt);
        if (rc == 0) {
            stmt_bind_str(stmt, 1, name);
            rc = stmt_step(stmt);
        }
        if (rc == 1)
            value = stmt_i64(stmt, 0);
    }
    db_rollback(db);
    if (rc < 0)
        return rc;
    *out_value = value;
    return 0;
}

int settings_write(struct db *db, struct str name, int64_t value)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_put, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, name);
    stmt_bind_i64(stmt, 2, value);
    int64_t changed = stmt_run(stmt);
    return changed < 0 ? (int)changed : 0;
}
