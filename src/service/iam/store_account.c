/* store_account.c — the SQL of what belongs to an account as a whole (iam_account.h). */
#include "base/arena.h"
#include "service/iam/iam_account.h"

const char iam_account_migration[] = "CREATE TABLE iam_account_alias (\n"
                                     "    account text NOT NULL PRIMARY KEY,\n"
                                     "    alias text NOT NULL UNIQUE\n"
                                     ");\n"
                                     "CREATE TABLE iam_password_policy (\n"
                                     "    account text NOT NULL PRIMARY KEY,\n"
                                     "    body text NOT NULL\n"
                                     ");\n"
                                     "CREATE TABLE iam_credential_report (\n"
                                     "    account text NOT NULL PRIMARY KEY,\n"
                                     "    content text NOT NULL,\n"
                                     "    generated_at integer NOT NULL\n"
                                     ");\n"
                                     "CREATE TABLE iam_deletion (\n"
                                     "    account text NOT NULL,\n"
                                     "    task_id text NOT NULL,\n"
                                     "    PRIMARY KEY (account, task_id)\n"
                                     ");\n"
                                     "CREATE TABLE iam_provider (\n"
                                     "    account text NOT NULL,\n"
                                     "    arn text NOT NULL,\n"
                                     "    kind integer NOT NULL,\n"
                                     "    name text NOT NULL,\n"
                                     "    id text NOT NULL,\n"
                                     "    body text NOT NULL,\n"
                                     "    encryption_mode text NOT NULL,\n"
                                     "    private_keys text NOT NULL,\n"
                                     "    tags text NOT NULL,\n"
                                     "    created_at integer NOT NULL,\n"
                                     "    valid_until integer NOT NULL,\n"
                                     "    PRIMARY KEY (account, arn)\n"
                                     ");\n"
                                     "CREATE TABLE iam_mfa (\n"
                                     "    account text NOT NULL,\n"
                                     "    serial text NOT NULL,\n"
                                     "    name text NOT NULL,\n"
                                     "    seed text NOT NULL,\n"
                                     "    user_id text,\n"
                                     "    enabled_at integer NOT NULL,\n"
                                     "    drift integer NOT NULL,\n"
                                     "    last_step integer NOT NULL,\n"
                                     "    tags text NOT NULL,\n"
                                     "    created_at integer NOT NULL,\n"
                                     "    PRIMARY KEY (account, serial)\n"
                                     ");\n"
                                     "CREATE INDEX iam_mfa_by_user ON iam_mfa (account, user_id);\n"
                                     "CREATE TABLE iam_server_certificate (\n"
                                     "    id text NOT NULL PRIMARY KEY,\n"
                                     "    account text NOT NULL,\n"
                                     "    name text NOT NULL,\n"
                                     "    path text NOT NULL,\n"
                                     "    body text NOT NULL,\n"
                                     "    chain text,\n"
                                     "    private_key text NOT NULL,\n"
                                     "    tags text NOT NULL,\n"
                                     "    uploaded_at integer NOT NULL,\n"
                                     "    expires_at integer NOT NULL,\n"
                                     "    name_key text NOT NULL,\n"
                                     "    UNIQUE (account, name_key)\n"
                                     ");\n";

#define PROVIDER                                                                                   \
    "account, arn, kind, name, id, body, encryption_mode, private_keys, tags, created_at, "        \
    "valid_until"
#define MFA "account, serial, name, seed, user_id, enabled_at, drift, last_step, tags, created_at"
#define CERTIFICATE                                                                                \
    "id, account, name, path, body, chain, private_key, tags, uploaded_at, expires_at"

static const char sql_find_alias[] = "SELECT alias FROM iam_account_alias WHERE account = $1";
static const char sql_find_alias_owner[] = "SELECT account FROM iam_account_alias WHERE alias = $1";
static const char sql_put_alias[] =
    "INSERT INTO iam_account_alias (account, alias) VALUES ($1, $2) "
    "ON CONFLICT (account) DO UPDATE SET alias = excluded.alias";
static const char sql_delete_alias[] = "DELETE FROM iam_account_alias WHERE account = $1";

static const char sql_find_password_policy[] =
    "SELECT body FROM iam_password_policy WHERE account = $1";
static const char sql_put_password_policy[] =
    "INSERT INTO iam_password_policy (account, body) VALUES ($1, $2) "
    "ON CONFLICT (account) DO UPDATE SET body = excluded.body";
static const char sql_delete_password_policy[] =
    "DELETE FROM iam_password_policy WHERE account = $1";

static const char sql_find_report[] =
    "SELECT content, generated_at FROM iam_credential_report WHERE account = $1";
static const char sql_put_report[] =
    "INSERT INTO iam_credential_report (account, content, generated_at) VALUES ($1, $2, $3) "
    "ON CONFLICT (account) DO UPDATE SET content = excluded.content, "
    "generated_at = excluded.generated_at";

static const char sql_find_deletion[] =
    "SELECT task_id FROM iam_deletion WHERE account = $1 AND task_id = $2";
static const char sql_insert_deletion[] =
    "INSERT INTO iam_deletion (account, task_id) VALUES ($1, $2)";

static const char sql_find_provider[] =
    "SELECT " PROVIDER " FROM iam_provider WHERE account = $1 AND arn = $2";
static const char sql_put_provider[] =
    "INSERT INTO iam_provider (" PROVIDER ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) "
    "ON CONFLICT (account, arn) DO UPDATE SET body = excluded.body, "
    "encryption_mode = excluded.encryption_mode, private_keys = excluded.private_keys, "
    "tags = excluded.tags, valid_until = excluded.valid_until";
static const char sql_delete_provider[] =
    "DELETE FROM iam_provider WHERE account = $1 AND arn = $2";
static const char sql_list_providers[] =
    "SELECT " PROVIDER " FROM iam_provider WHERE account = $1 AND kind = $2 ORDER BY arn";

static const char sql_find_mfa[] = "SELECT " MFA " FROM iam_mfa WHERE account = $1 AND serial = $2";
static const char sql_put_mfa[] =
    "INSERT INTO iam_mfa (" MFA ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) "
    "ON CONFLICT (account, serial) DO UPDATE SET user_id = excluded.user_id, "
    "enabled_at = excluded.enabled_at, drift = excluded.drift, last_step = excluded.last_step, "
    "tags = excluded.tags";
static const char sql_delete_mfa[] = "DELETE FROM iam_mfa WHERE account = $1 AND serial = $2";
static const char sql_list_mfa[] = "SELECT " MFA " FROM iam_mfa WHERE account = $1 AND serial > $2 "
                                   "ORDER BY serial LIMIT $3";
static const char sql_list_mfa_of_user[] =
    "SELECT " MFA " FROM iam_mfa WHERE account = $1 AND serial > $2 AND user_id = $4 "
    "ORDER BY serial LIMIT $3";

static const char sql_find_certificate[] =
    "SELECT " CERTIFICATE " FROM iam_server_certificate WHERE account = $1 AND name_key = $2";
static const char sql_put_certificate[] =
    "INSERT INTO iam_server_certificate (" CERTIFICATE ", name_key) VALUES ($1, $2, $3, $4, $5, "
    "$6, $7, $8, $9, $10, $11) ON CONFLICT (id) DO UPDATE SET name = excluded.name, "
    "path = excluded.path, tags = excluded.tags, name_key = excluded.name_key";
static const char sql_delete_certificate[] = "DELETE FROM iam_server_certificate WHERE id = $1";
static const char sql_list_certificates[] =
    "SELECT " CERTIFICATE " FROM iam_server_certificate WHERE account = $1 AND name_key > $2 AND "
    "substr(path, 1, length($3)) = $3 ORDER BY name_key LIMIT $4";

static const char sql_count_account[] =
    "SELECT (SELECT count(*) FROM iam_provider WHERE account = $1), "
    "(SELECT count(*) FROM iam_mfa WHERE account = $1), "
    "(SELECT count(*) FROM iam_mfa WHERE account = $1 AND user_id IS NOT NULL), "
    "(SELECT count(*) FROM iam_server_certificate WHERE account = $1), "
    "(SELECT count(*) FROM iam_version v JOIN iam_entity e ON e.id = v.policy_id "
    "WHERE e.account = $1)";

/* Prepares a statement and binds up to two texts. */
static int prepare(struct db *db, const char *sql, struct str first, struct str second,
                   struct stmt **out_stmt)
{
    int rc = db_prepare(db, sql, out_stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(*out_stmt, 1, first);
    if (second.ptr)
        stmt_bind_str(*out_stmt, 2, second);
    return 0;
}

/* Runs a statement of up to two texts; the number of rows changed or -errno. */
static int run(struct db *db, const char *sql, struct str first, struct str second)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = prepare(db, sql, first, second, &stmt);
    return rc < 0 ? rc : (int)stmt_run(stmt);
}

static int run_quietly(struct db *db, const char *sql, struct str first, struct str second)
{
    int rc = run(db, sql, first, second);
    return rc < 0 ? rc : 0;
}

/* The first column of the row with this key. */
static int find_text(struct db *db, struct arena *arena, const char *sql, struct str key,
                     struct str *out_text)
{
    const struct str none = {0};
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = prepare(db, sql, key, none, &stmt);
    if (rc == 0)
        rc = stmt_step(stmt);
    if (rc == 1)
        *out_text = stmt_str(stmt, 0, arena);
    return rc;
}

/* --- alias, password policy, report, deletions --- */

int iam_store_find_alias(struct db *db, struct arena *arena, struct str account,
                         struct str *out_alias)
{
    return find_text(db, arena, sql_find_alias, account, out_alias);
}

int iam_store_find_alias_owner(struct db *db, struct arena *arena, struct str alias,
                               struct str *out_account)
{
    return find_text(db, arena, sql_find_alias_owner, alias, out_account);
}

int iam_store_put_alias(struct db *db, struct str account, struct str alias)
{
    return run_quietly(db, sql_put_alias, account, alias);
}

int iam_store_delete_alias(struct db *db, struct str account)
{
    const struct str none = {0};
    return run_quietly(db, sql_delete_alias, account, none);
}

int iam_store_find_password_policy(struct db *db, struct arena *arena, struct str account,
                                   struct str *out_body)
{
    return find_text(db, arena, sql_find_password_policy, account, out_body);
}

int iam_store_put_password_policy(struct db *db, struct str account, struct str body)
{
    return run_quietly(db, sql_put_password_policy, account, body);
}

int iam_store_delete_password_policy(struct db *db, struct str account)
{
    const struct str none = {0};
    return run(db, sql_delete_password_policy, account, none);
}

int iam_store_find_report(struct db *db, struct arena *arena, struct str account,
                          struct str *out_content, int64_t *out_generated_at_ms)
{
    const struct str none = {0};
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = prepare(db, sql_find_report, account, none, &stmt);
    if (rc == 0)
        rc = stmt_step(stmt);
    if (rc == 1) {
        *out_content = stmt_str(stmt, 0, arena);
        *out_generated_at_ms = stmt_i64(stmt, 1);
    }
    return rc;
}

int iam_store_put_report(struct db *db, struct str account, struct str content,
                         int64_t generated_at_ms)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = prepare(db, sql_put_report, account, content, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 3, generated_at_ms);
    int64_t changed = stmt_run(stmt);
    return changed < 0 ? (int)changed : 0;
}

int iam_store_find_deletion(struct db *db, struct str account, struct str task_id)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = prepare(db, sql_find_deletion, account, task_id, &stmt);
    return rc < 0 ? rc : stmt_step(stmt);
}

int iam_store_insert_deletion(struct db *db, struct str account, struct str task_id)
{
    return run_quietly(db, sql_insert_deletion, account, task_id);
}

/* --- providers --- */

static void provider_from_row(struct stmt *stmt, struct arena *arena, struct iam_provider *out)
{
    int column = 0;
    out->account = stmt_str(stmt, column++, arena);
    out->arn = stmt_str(stmt, column++, arena);
    out->kind = (enum iam_provider_kind)stmt_i64(stmt, column++);
    out->name = stmt_str(stmt, column++, arena);
    out->id = stmt_str(stmt, column++, arena);
    out->body = stmt_str(stmt, column++, arena);
    out->encryption_mode = stmt_str(stmt, column++, arena);
    out->private_keys = stmt_str(stmt, column++, arena);
    out->tags = stmt_str(stmt, column++, arena);
    out->created_at_ms = stmt_i64(stmt, column++);
    out->valid_until_ms = stmt_i64(stmt, column++);
}

int iam_store_find_provider(struct db *db, struct arena *arena, struct str account, struct str arn,
                            struct iam_provider *out_provider)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = prepare(db, sql_find_provider, account, arn, &stmt);
    if (rc == 0)
        rc = stmt_step(stmt);
    if (rc == 1)
        provider_from_row(stmt, arena, out_provider);
    return rc;
}

int iam_store_put_provider(struct db *db, const struct iam_provider *provider)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = prepare(db, sql_put_provider, provider->account, provider->arn, &stmt);
    if (rc < 0)
        return rc;
    int index = 3;
    stmt_bind_i64(stmt, index++, (int64_t)provider->kind);
    stmt_bind_str(stmt, index++, provider->name);
    stmt_bind_str(stmt, index++, str_or(provider->id, STR("")));
    stmt_bind_str(stmt, index++, provider->body);
    stmt_bind_str(stmt, index++, str_or(provider->encryption_mode, STR("")));
    stmt_bind_str(stmt, index++, str_or(provider->private_keys, STR("[]")));
    stmt_bind_str(stmt, index++, provider->tags);
    stmt_bind_i64(stmt, index++, provider->created_at_ms);
    stmt_bind_i64(stmt, index++, provider->valid_until_ms);
    int64_t changed = stmt_run(stmt);
    return changed < 0 ? (int)changed : 0;
}

int iam_store_delete_provider(struct db *db, struct str account, struct str arn)
{
    return run_quietly(db, sql_delete_provider, account, arn);
}

int iam_store_list_providers(struct db *db, struct arena *arena, struct str account,
                             enum iam_provider_kind kind, struct vec *out_providers)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_list_providers, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, account);
    stmt_bind_i64(stmt, 2, (int64_t)kind);
    while ((rc = stmt_step(stmt)) == 1)
        provider_from_row(stmt, arena, vec_push(out_providers));
    return rc;
}

/* --- MFA devices --- */

static void mfa_from_row(struct stmt *stmt, struct arena *arena, struct iam_mfa_row *out)
{
    int column = 0;
    out->account = stmt_str(stmt, column++, arena);
    out->serial = stmt_str(stmt, column++, arena);
    out->name = stmt_str(stmt, column++, arena);
    out->seed = stmt_str(stmt, column++, arena);
    out->user_id = stmt_str(stmt, column++, arena);
    out->enabled_at_ms = stmt_i64(stmt, column++);
    out->drift_steps = stmt_i64(stmt, column++);
    out->last_step = stmt_i64(stmt, column++);
    out->tags = stmt_str(stmt, column++, arena);
    out->created_at_ms = stmt_i64(stmt, column++);
}

int iam_store_find_mfa(struct db *db, struct arena *arena, struct str account, struct str serial,
                       struct iam_mfa_row *out_device)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = prepare(db, sql_find_mfa, account, serial, &stmt);
    if (rc == 0)
        rc = stmt_step(stmt);
    if (rc == 1)
        mfa_from_row(stmt, arena, out_device);
    return rc;
}

int iam_store_put_mfa(struct db *db, const struct iam_mfa_row *device)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = prepare(db, sql_put_mfa, device->account, device->serial, &stmt);
    if (rc < 0)
        return rc;
    int index = 3;
    stmt_bind_str(stmt, index++, device->name);
    stmt_bind_str(stmt, index++, device->seed);
    stmt_bind_str(stmt, index++, device->user_id);
    stmt_bind_i64(stmt, index++, device->enabled_at_ms);
    stmt_bind_i64(stmt, index++, device->drift_steps);
    stmt_bind_i64(stmt, index++, device->last_step);
    stmt_bind_str(stmt, index++, device->tags);
    stmt_bind_i64(stmt, index++, device->created_at_ms);
    int64_t changed = stmt_run(stmt);
    return changed < 0 ? (int)changed : 0;
}

int iam_store_delete_mfa(struct db *db, struct str account, struct str serial)
{
    return run_quietly(db, sql_delete_mfa, account, serial);
}

int iam_store_list_mfa(struct db *db, struct arena *arena, struct str account, struct str user_id,
                       struct iam_range range, struct vec *out_devices)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc =
        prepare(db, user_id.ptr ? sql_list_mfa_of_user : sql_list_mfa, account, range.after, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 3, (int64_t)range.limit);
    if (user_id.ptr)
        stmt_bind_str(stmt, 4, user_id);
    while ((rc = stmt_step(stmt)) == 1)
        mfa_from_row(stmt, arena, vec_push(out_devices));
    return rc;
}

/* --- server certificates --- */

static void certificate_from_row(struct stmt *stmt, struct arena *arena,
                                 struct iam_certificate_row *out)
{
    int column = 0;
    out->id = stmt_str(stmt, column++, arena);
    out->account = stmt_str(stmt, column++, arena);
    out->name = stmt_str(stmt, column++, arena);
    out->path = stmt_str(stmt, column++, arena);
    out->body = stmt_str(stmt, column++, arena);
    out->chain = stmt_str(stmt, column++, arena);
    out->private_key = stmt_str(stmt, column++, arena);
    out->tags = stmt_str(stmt, column++, arena);
    out->uploaded_at_ms = stmt_i64(stmt, column++);
    out->expires_at_ms = stmt_i64(stmt, column++);
}

int iam_store_find_certificate(struct db *db, struct arena *arena, struct str account,
                               struct str name, struct iam_certificate_row *out_certificate)
{
    struct str key = str_lower(arena, name);
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = prepare(db, sql_find_certificate, account, key, &stmt);
    if (rc == 0)
        rc = stmt_step(stmt);
    if (rc == 1)
        certificate_from_row(stmt, arena, out_certificate);
    return rc;
}

int iam_store_put_certificate(struct db *db, const struct iam_certificate_row *certificate)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct str key = str_lower(arena, certificate->name);
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = prepare(db, sql_put_certificate, certificate->id, certificate->account, &stmt);
    if (rc < 0)
        return rc;
    int index = 3;
    stmt_bind_str(stmt, index++, certificate->name);
    stmt_bind_str(stmt, index++, certificate->path);
    stmt_bind_str(stmt, index++, certificate->body);
    stmt_bind_str(stmt, index++, certificate->chain);
    stmt_bind_str(stmt, index++, certificate->private_key);
    stmt_bind_str(stmt, index++, certificate->tags);
    stmt_bind_i64(stmt, index++, certificate->uploaded_at_ms);
    stmt_bind_i64(stmt, index++, certificate->expires_at_ms);
    stmt_bind_str(stmt, index++, key);
    int64_t changed = stmt_run(stmt);
    return changed < 0 ? (int)changed : 0;
}

int iam_store_delete_certificate(struct db *db, struct str id)
{
    const struct str none = {0};
    return run_quietly(db, sql_delete_certificate, id, none);
}

int iam_store_list_certificates(struct db *db, struct arena *arena, struct str account,
                                struct str path_prefix, struct iam_range range,
                                struct vec *out_certificates)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = prepare(db, sql_list_certificates, account, range.after, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 3, path_prefix);
    stmt_bind_i64(stmt, 4, (int64_t)range.limit);
    while ((rc = stmt_step(stmt)) == 1)
        certificate_from_row(stmt, arena, vec_push(out_certificates));
    return rc;
}

/* --- counts --- */

int iam_store_count_account(struct db *db, struct str account,
                            struct iam_account_counts *out_counts)
{
    const struct str none = {0};
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = prepare(db, sql_count_account, account, none, &stmt);
    if (rc == 0)
        rc = stmt_step(stmt);
    if (rc < 0)
        return rc;
    *out_counts = (struct iam_account_counts){
        .providers = stmt_i64(stmt, 0),
        .mfa_devices = stmt_i64(stmt, 1),
        .mfa_devices_in_use = stmt_i64(stmt, 2),
        .certificates = stmt_i64(stmt, 3),
        .policy_versions = stmt_i64(stmt, 4),
    };
    return 0;
}
