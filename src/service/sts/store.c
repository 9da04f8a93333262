/* store.c — every SQL statement of STS: the key that seals session tokens, keys of identity
 * providers. */
#include "service/sts/sts.h"

static const char *const migrations[] = {
    "CREATE TABLE sts_key (id integer NOT NULL PRIMARY KEY, secret blob NOT NULL);",
    "CREATE TABLE sts_key_set (issuer text NOT NULL PRIMARY KEY, document text NOT NULL,\n"
    "    fetched_at bigint NOT NULL);",
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

static const char sql_find_key_set[] =
    "SELECT document, fetched_at FROM sts_key_set WHERE issuer = $1";
static const char sql_put_key_set[] =
    "INSERT INTO sts_key_set (issuer, document, fetched_at) VALUES ($1, $2, $3) "
    "ON CONFLICT (issuer) DO UPDATE SET document = excluded.document, "
    "fetched_at = excluded.fetched_at";

int sts_store_find_key_set(struct db *db, struct arena *arena, struct str issuer,
                           struct sts_key_set *out_set)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find_key_set, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, issuer);
    rc = stmt_step(stmt);
    if (rc == 1)
        *out_set = (struct sts_key_set){
            .issuer = issuer,
            .document = stmt_str(stmt, 0, arena),
            .fetched_at_ms = stmt_i64(stmt, 1),
        };
    return rc;
}

int sts_store_put_key_set(struct db *db, const struct sts_key_set *set)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_put_key_set, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, set->issuer);
    stmt_bind_str(stmt, 2, set->document);
    stmt_bind_i64(stmt, 3, set->fetched_at_ms);
    int64_t changed = stmt_run(stmt);
    return changed < 0 ? (int)changed : 0;
}
