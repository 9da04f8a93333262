/* store.c — every SQL statement of STS: one row, the key that seals session tokens. */
#include "service/sts/sts.h"

static const char *const migrations[] = {
    "CREATE TABLE sts_key (id integer NOT NULL PRIMARY KEY, secret blob NOT NULL);",
};

const struct migration_set sts_migrations = {
    .component = "sts",
    .migrations = migrations,
    .count = ARRAY_LEN(migrations),
};

static const char sql_find_key[] = "SELECT secret FROM sts_key WHERE id = 1";
static const char sql_put_key[] =
    "INSERT INTO sts_key (id, secret) VALUES (1, $1) ON CONFLICT (id) DO NOTHING";

int sts_store_find_key(struct db *db, struct arena *arena, struct str *out_key)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find_key, &stmt);
    if (rc < 0)
        return rc;
    rc = stmt_step(stmt);
    if (rc == 1)
        *out_key = stmt_str(stmt, 0, arena);
    return rc;
}

int sts_store_put_key(struct db *db, struct str key)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_put_key, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_blob(stmt, 1, key);
    int64_t changed = stmt_run(stmt);
    return changed < 0 ? (int)changed : 0;
}
