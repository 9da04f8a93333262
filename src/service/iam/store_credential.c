/* store_credential.c — the SQL of access keys and of users' other credentials. The tables are made
 * by store.c. */
#include "service/iam/iam_store.h"

#define KEY_COLUMNS "key_id, account, user_id, secret, status, created_at"
#define CREDENTIAL_COLUMNS                                                                         \
    "id, kind, account, user_id, status, label, body, secret, created_at, expires_at"

static const char sql_find_key[] = "SELECT " KEY_COLUMNS " FROM iam_access_key WHERE key_id = $1";
static const char sql_insert_key[] =
    "INSERT INTO iam_access_key (" KEY_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6)";
static const char sql_set_key_status[] = "UPDATE iam_access_key SET status = $2 WHERE key_id = $1";
static const char sql_delete_key[] = "DELETE FROM iam_access_key WHERE key_id = $1";
static const char sql_list_keys[] =
    "SELECT " KEY_COLUMNS " FROM iam_access_key WHERE account = $1 AND user_id = $2 AND "
    "key_id > $3 ORDER BY key_id LIMIT $4";
static const char sql_find_credential[] =
    "SELECT " CREDENTIAL_COLUMNS " FROM iam_credential WHERE id = $1 AND kind = $2";
static const char sql_put_credential[] =
    "INSERT INTO iam_credential (" CREDENTIAL_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, "
    "$9, $10) ON CONFLICT (id) DO UPDATE SET status = excluded.status, label = excluded.label, "
    "body = excluded.body, secret = excluded.secret, created_at = excluded.created_at, "
    "expires_at = excluded.expires_at";
static const char sql_delete_credential[] = "DELETE FROM iam_credential WHERE id = $1";
static const char sql_list_credentials[] =
    "SELECT " CREDENTIAL_COLUMNS " FROM iam_credential WHERE account = $1 AND kind = $2 AND "
    "user_id = $3 AND id > $4 ORDER BY id LIMIT $5";
static const char sql_list_all_credentials[] =
    "SELECT " CREDENTIAL_COLUMNS " FROM iam_credential WHERE account = $1 AND kind = $2 AND "
    "id > $3 ORDER BY id LIMIT $4";

static void key_from_row(struct stmt *stmt, struct arena *arena, struct iam_key_row *out)
{
    out->key_id = stmt_str(stmt, 0, arena);
    out->account = stmt_str(stmt, 1, arena);
    out->user_id = stmt_str(stmt, 2, arena);
    out->secret = stmt_str(stmt, 3, arena);
    out->status = stmt_str(stmt, 4, arena);
    out->created_at_ms = stmt_i64(stmt, 5);
}

int iam_store_find_key(struct db *db, struct arena *arena, struct str key_id,
                       struct iam_key_row *out_key)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find_key, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, key_id);
    rc = stmt_step(stmt);
    if (rc == 1)
        key_from_row(stmt, arena, out_key);
    return rc;
}

int iam_store_insert_key(struct db *db, const struct iam_key_row *key)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_insert_key, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, key->key_id);
    stmt_bind_str(stmt, 2, key->account);
    stmt_bind_str(stmt, 3, key->user_id);
    stmt_bind_str(stmt, 4, key->secret);
    stmt_bind_str(stmt, 5, key->status);
    stmt_bind_i64(stmt, 6, key->created_at_ms);
    int64_t changed = stmt_run(stmt);
    return changed < 0 ? (int)changed : 0;
}

int iam_store_set_key_status(struct db *db, struct str key_id, struct str status)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_set_key_status, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, key_id);
    stmt_bind_str(stmt, 2, status);
    int64_t changed = stmt_run(stmt);
    return changed < 0 ? (int)changed : 0;
}

static int delete_row(struct db *db, const char *sql, struct str id)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, id);
    int64_t changed = stmt_run(stmt);
    return changed < 0 ? (int)changed : 0;
}

int iam_store_delete_key(struct db *db, struct str key_id)
{
    return delete_row(db, sql_delete_key, key_id);
}

int iam_store_list_keys(struct db *db, struct arena *arena, struct str account, struct str user_id,
                        struct iam_range range, struct vec *out_keys)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_list_keys, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, account);
    stmt_bind_str(stmt, 2, user_id);
    stmt_bind_str(stmt, 3, range.after);
    stmt_bind_i64(stmt, 4, (int64_t)range.limit);
    while ((rc = stmt_step(stmt)) == 1)
        key_from_row(stmt, arena, vec_push(out_keys));
    return rc;
}

static void credential_from_row(struct stmt *stmt, struct arena *arena, struct iam_credential *out)
{
    int column = 0;
    out->id = stmt_str(stmt, column++, arena);
    out->kind = (enum iam_credential_kind)stmt_i64(stmt, column++);
    out->account = stmt_str(stmt, column++, arena);
    out->user_id = stmt_str(stmt, column++, arena);
    out->status = stmt_str(stmt, column++, arena);
    out->label = stmt_str(stmt, column++, arena);
    out->body = stmt_str(stmt, column++, arena);
    out->secret = stmt_str(stmt, column++, arena);
    out->created_at_ms = stmt_i64(stmt, column++);
    out->expires_at_ms = stmt_i64(stmt, column++);
}

int iam_store_find_credential(struct db *db, struct arena *arena, enum iam_credential_kind kind,
                              struct str id, struct iam_credential *out_credential)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find_credential, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, id);
    stmt_bind_i64(stmt, 2, (int64_t)kind);
    rc = stmt_step(stmt);
    if (rc == 1)
        credential_from_row(stmt, arena, out_credential);
    return rc;
}

int iam_store_put_credential(struct db *db, const struct iam_credential *credential)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_put_credential, &stmt);
    if (rc < 0)
        return rc;
    int index = 1;
    stmt_bind_str(stmt, index++, credential->id);
    stmt_bind_i64(stmt, index++, (int64_t)credential->kind);
    stmt_bind_str(stmt, index++, credential->account);
    stmt_bind_str(stmt, index++, credential->user_id);
    stmt_bind_str(stmt, index++, str_or(credential->status, STR("")));
    stmt_bind_str(stmt, index++, str_or(credential->label, STR("")));
    stmt_bind_str(stmt, index++, str_or(credential->body, STR("")));
    stmt_bind_str(stmt, index++, str_or(credential->secret, STR("")));
    stmt_bind_i64(stmt, index++, credential->created_at_ms);
    stmt_bind_i64(stmt, index++, credential->expires_at_ms);
    int64_t changed = stmt_run(stmt);
    return changed < 0 ? (int)changed : 0;
}

int iam_store_delete_credential(struct db *db, struct str id)
{
    return delete_row(db, sql_delete_credential, id);
}

int iam_store_list_credentials(struct db *db, struct arena *arena, enum iam_credential_kind kind,
                               struct str account, struct str user_id, struct iam_range range,
                               struct vec *out_credentials)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, user_id.ptr ? sql_list_credentials : sql_list_all_credentials, &stmt);
    if (rc < 0)
        return rc;
    int index = 1;
    stmt_bind_str(stmt, index++, account);
    stmt_bind_i64(stmt, index++, (int64_t)kind);
    if (user_id.ptr)
        stmt_bind_str(stmt, index++, user_id);
    stmt_bind_str(stmt, index++, range.after);
    stmt_bind_i64(stmt, index++, (int64_t)range.limit);
    while ((rc = stmt_step(stmt)) == 1)
        credential_from_row(stmt, arena, vec_push(out_credentials));
    return rc;
}
