/* store.c — every SQL statement of Secrets Manager. See secretsmanager.h for what the rows mean. */
#include "service/secretsmanager/secretsmanager.h"

#include <errno.h>

#include "base/arena.h"

static const char *const migrations[] = {
    "CREATE TABLE secretsmanager_secret (\n"
    "    account text NOT NULL,\n"
    "    region text NOT NULL,\n"
    "    name text NOT NULL,\n"
    "    suffix text NOT NULL,\n"
    "    created_at integer NOT NULL,\n"
    "    changed_at integer NOT NULL,\n"
    "    accessed_at integer NOT NULL,\n"
    "    deleted_at integer NOT NULL,\n"
    "    deletion_at integer NOT NULL,\n"
    "    description text NOT NULL,\n"
    "    kms_key_id text NOT NULL,\n"
    "    resource_policy text NOT NULL,\n"
    "    tags text NOT NULL,\n"
    "    secret_type text NOT NULL,\n"
    "    primary_region text NOT NULL,\n"
    "    replicas text NOT NULL,\n"
    "    PRIMARY KEY (account, region, name)\n"
    ");\n"
    "CREATE INDEX secretsmanager_secret_by_created\n"
    "    ON secretsmanager_secret (account, region, created_at, name);\n"
    "CREATE TABLE secretsmanager_version (\n"
    "    account text NOT NULL,\n"
    "    region text NOT NULL,\n"
    "    name text NOT NULL,\n"
    "    id text NOT NULL,\n"
    "    created_at integer NOT NULL,\n"
    "    accessed_at integer NOT NULL,\n"
    "    stages text NOT NULL,\n"
    "    kms_key_id text NOT NULL,\n"
    "    is_binary integer NOT NULL,\n"
    "    value blob NOT NULL,\n"
    "    PRIMARY KEY (account, region, name, id)\n"
    ");\n",
};

const struct migration_set secretsmanager_migrations = {
    .component = "secretsmanager",
    .migrations = migrations,
    .count = ARRAY_LEN(migrations),
};

#define SECRET_COLUMNS                                                                             \
    "name, suffix, created_at, changed_at, accessed_at, deleted_at, deletion_at, description, "    \
    "kms_key_id, resource_policy, tags, secret_type, primary_region, replicas"
#define VERSION_COLUMNS "id, created_at, accessed_at, stages, kms_key_id, is_binary"
#define FROM_SECRET                                                                                \
    "SELECT " SECRET_COLUMNS " FROM secretsmanager_secret WHERE account = $1 AND region = $2 "
#define OF_SECRET "WHERE account = $1 AND region = $2 AND name = $3"

static const char sql_find[] = FROM_SECRET "AND name = $3";
static const char sql_put[] =
    "INSERT INTO secretsmanager_secret (account, region, " SECRET_COLUMNS ") VALUES ($1, $2, $3, "
    "$4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) "
    "ON CONFLICT (account, region, name) DO UPDATE SET suffix = excluded.suffix, "
    "created_at = excluded.created_at, changed_at = excluded.changed_at, "
    "accessed_at = excluded.accessed_at, deleted_at = excluded.deleted_at, "
    "deletion_at = excluded.deletion_at, description = excluded.description, "
    "kms_key_id = excluded.kms_key_id, resource_policy = excluded.resource_policy, "
    "tags = excluded.tags, secret_type = excluded.secret_type, "
    "primary_region = excluded.primary_region, replicas = excluded.replicas";
static const char sql_touch[] = "UPDATE secretsmanager_secret SET accessed_at = $4 " OF_SECRET;
static const char sql_touch_version[] =
    "UPDATE secretsmanager_version SET accessed_at = $4 " OF_SECRET " AND id = $5";
static const char sql_delete[] = "DELETE FROM secretsmanager_secret " OF_SECRET;
static const char sql_delete_versions[] = "DELETE FROM secretsmanager_version " OF_SECRET;
static const char sql_delete_version[] =
    "DELETE FROM secretsmanager_version " OF_SECRET " AND id = $4";
static const char sql_find_version[] =
    "SELECT " VERSION_COLUMNS ", value FROM secretsmanager_version " OF_SECRET " AND id = $4";
static const char sql_put_version[] =
    "INSERT INTO secretsmanager_version (account, region, name, " VERSION_COLUMNS ", value) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) "
    "ON CONFLICT (account, region, name, id) DO UPDATE SET created_at = excluded.created_at, "
    "stages = excluded.stages, kms_key_id = excluded.kms_key_id, "
    "is_binary = excluded.is_binary, value = excluded.value";
static const char sql_set_stages[] =
    "UPDATE secretsmanager_version SET stages = $5 " OF_SECRET " AND id = $4";
static const char sql_list_versions[] =
    "SELECT " VERSION_COLUMNS " FROM secretsmanager_version " OF_SECRET
    " ORDER BY created_at, id LIMIT $4";
static const char sql_list_values[] =
    "SELECT " VERSION_COLUMNS ", value FROM secretsmanager_version " OF_SECRET
    " ORDER BY created_at, id LIMIT $4";

/* $3: nothing asked for before; $4, $5: where the page before ended. */
#define PAGE(column)                                                                               \
    {                                                                                              \
        FROM_SECRET "AND ($3 = 0 OR (" column ", name) > ($4, $5)) ORDER BY " column               \
                    ", name LIMIT $6",                                                             \
            FROM_SECRET "AND ($3 = 0 OR (" column ", name) < ($4, $5)) ORDER BY " column           \
                        " DESC, name DESC LIMIT $6",                                               \
    }
static const char *const sql_list[][2] = {
    [SECRETS_BY_NAME] =
        {
            FROM_SECRET "AND ($3 = 0 OR (0, name) > ($4, $5)) ORDER BY name LIMIT $6",
            FROM_SECRET "AND ($3 = 0 OR (0, name) < ($4, $5)) ORDER BY name DESC LIMIT $6",
        },
    [SECRETS_BY_CREATED] = PAGE("created_at"),
    [SECRETS_BY_CHANGED] = PAGE("changed_at"),
    [SECRETS_BY_ACCESSED] = PAGE("accessed_at"),
};

static int run(struct stmt *stmt)
{
    int64_t changed = stmt_run(stmt);
    return changed < 0 ? (int)changed : 0;
}

static void secret_from_row(struct stmt *stmt, struct arena *arena, struct scope scope,
                            struct secret *out)
{
    int column = 0;
    *out =
        (struct secret){.scope = {str_copy(arena, scope.account), str_copy(arena, scope.region)}};
    out->name = stmt_str(stmt, column++, arena);
    out->suffix = stmt_str(stmt, column++, arena);
    out->created_at_ms = stmt_i64(stmt, column++);
    out->changed_at_ms = stmt_i64(stmt, column++);
    out->accessed_at_ms = stmt_i64(stmt, column++);
    out->deleted_at_ms = stmt_i64(stmt, column++);
    out->deletion_at_ms = stmt_i64(stmt, column++);
    out->description = stmt_str(stmt, column++, arena);
    out->kms_key_id = stmt_str(stmt, column++, arena);
    out->policy = stmt_str(stmt, column++, arena);
    out->tags = stmt_str(stmt, column++, arena);
    out->type = stmt_str(stmt, column++, arena);
    out->primary_region = stmt_str(stmt, column++, arena);
    out->replicas = stmt_str(stmt, column++, arena);
    out->arn = secrets_arn(arena, out->scope, out->name, out->suffix);
}

static void version_from_row(struct stmt *stmt, struct arena *arena, bool has_value,
                             struct secret_version *out)
{
    *out = (struct secret_version){
        .id = stmt_str(stmt, 0, arena),
        .created_at_ms = stmt_i64(stmt, 1),
        .accessed_at_ms = stmt_i64(stmt, 2),
        .stages = stmt_str(stmt, 3, arena),
        .kms_key_id = stmt_str(stmt, 4, arena),
        .is_binary = stmt_i64(stmt, 5) != 0,
    };
    if (has_value)
        out->value = stmt_str(stmt, 6, arena);
}

static void bind_secret(struct stmt *stmt, const struct secret *secret)
{
    stmt_bind_scope(stmt, secret->scope);
    stmt_bind_str(stmt, 3, secret->name);
}

int secrets_store_find(struct db *db, struct arena *arena, struct scope scope, struct str name,
                       struct secret *out_secret)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, scope);
    stmt_bind_str(stmt, 3, name);
    rc = stmt_step(stmt);
    if (rc == 1)
        secret_from_row(stmt, arena, scope, out_secret);
    return rc;
}

int secrets_store_put(struct db *db, const struct secret *secret)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_put, &stmt);
    if (rc < 0)
        return rc;
    bind_secret(stmt, secret);
    int index = 4;
    stmt_bind_str(stmt, index++, secret->suffix);
    stmt_bind_i64(stmt, index++, secret->created_at_ms);
    stmt_bind_i64(stmt, index++, secret->changed_at_ms);
    stmt_bind_i64(stmt, index++, secret->accessed_at_ms);
    stmt_bind_i64(stmt, index++, secret->deleted_at_ms);
    stmt_bind_i64(stmt, index++, secret->deletion_at_ms);
    stmt_bind_str(stmt, index++, secret->description);
    stmt_bind_str(stmt, index++, secret->kms_key_id);
    stmt_bind_str(stmt, index++, secret->policy);
    stmt_bind_str(stmt, index++, secret->tags);
    stmt_bind_str(stmt, index++, secret->type);
    stmt_bind_str(stmt, index++, secret->primary_region);
    stmt_bind_str(stmt, index++, secret->replicas);
    return run(stmt);
}

static int touch(struct db *db, const char *sql, const struct secret *secret, struct str id,
                 int64_t day_ms)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql, &stmt);
    if (rc < 0)
        return rc;
    bind_secret(stmt, secret);
    stmt_bind_i64(stmt, 4, day_ms);
    if (str_is_set(id))
        stmt_bind_str(stmt, 5, id);
    return run(stmt);
}

int secrets_store_touch(struct db *db, const struct secret *secret,
                        const struct secret_version *version, int64_t day_ms)
{
    int rc = touch(db, sql_touch, secret, (struct str){0}, day_ms);
    return rc < 0 ? rc : touch(db, sql_touch_version, secret, version->id, day_ms);
}

int secrets_store_delete(struct db *db, const struct secret *secret)
{
    static const char *const statements[] = {sql_delete, sql_delete_versions};
    for (size_t i = 0; i < ARRAY_LEN(statements); i++) {
        AUTO(stmt) struct stmt *stmt = NULL;
        int rc = db_prepare(db, statements[i], &stmt);
        if (rc < 0)
            return rc;
        bind_secret(stmt, secret);
        rc = run(stmt);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int64_t secrets_sort_value(const struct secret *secret, enum secrets_order order)
{
    switch (order) {
    case SECRETS_BY_NAME:
        break;
    case SECRETS_BY_CREATED:
        return secret->created_at_ms;
    case SECRETS_BY_CHANGED:
        return secret->changed_at_ms;
    case SECRETS_BY_ACCESSED:
        return secret->accessed_at_ms;
    }
    return 0;
}

int64_t secrets_store_list(struct db *db, struct arena *arena, struct scope scope,
                           const struct secrets_page *page, int64_t limit,
                           struct secret *out_secrets)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_list[page->order][page->is_descending ? 1 : 0], &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, scope);
    stmt_bind_i64(stmt, 3, page->has_start ? 1 : 0);
    stmt_bind_i64(stmt, 4, page->after_value);
    stmt_bind_str(stmt, 5, str_or(page->after_name, STR("")));
    stmt_bind_i64(stmt, 6, limit);
    int64_t count = 0;
    while ((rc = stmt_step(stmt)) == 1)
        secret_from_row(stmt, arena, scope, &out_secrets[count++]);
    return rc < 0 ? rc : count;
}

int secrets_store_find_version(struct db *db, struct arena *arena, const struct secret *secret,
                               struct str id, struct secret_version *out_version)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find_version, &stmt);
    if (rc < 0)
        return rc;
    bind_secret(stmt, secret);
    stmt_bind_str(stmt, 4, id);
    rc = stmt_step(stmt);
    if (rc == 1)
        version_from_row(stmt, arena, true, out_version);
    return rc;
}

int secrets_store_put_version(struct db *db, const struct secret *secret,
                              const struct secret_version *version)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_put_version, &stmt);
    if (rc < 0)
        return rc;
    bind_secret(stmt, secret);
    stmt_bind_str(stmt, 4, version->id);
    stmt_bind_i64(stmt, 5, version->created_at_ms);
    stmt_bind_i64(stmt, 6, version->accessed_at_ms);
    stmt_bind_str(stmt, 7, version->stages);
    stmt_bind_str(stmt, 8, version->kms_key_id);
    stmt_bind_i64(stmt, 9, version->is_binary ? 1 : 0);
    stmt_bind_blob(stmt, 10, version->value);
    return run(stmt);
}

int secrets_store_set_stages(struct db *db, const struct secret *secret,
                             const struct secret_version *version)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_set_stages, &stmt);
    if (rc < 0)
        return rc;
    bind_secret(stmt, secret);
    stmt_bind_str(stmt, 4, version->id);
    stmt_bind_str(stmt, 5, version->stages);
    return run(stmt);
}

int secrets_store_delete_version(struct db *db, const struct secret *secret, struct str id)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_delete_version, &stmt);
    if (rc < 0)
        return rc;
    bind_secret(stmt, secret);
    stmt_bind_str(stmt, 4, id);
    return run(stmt);
}

int64_t secrets_store_list_versions(struct db *db, struct arena *arena, const struct secret *secret,
                                    bool has_values, int64_t limit,
                                    struct secret_version *out_versions)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, has_values ? sql_list_values : sql_list_versions, &stmt);
    if (rc < 0)
        return rc;
    bind_secret(stmt, secret);
    stmt_bind_i64(stmt, 4, limit);
    int64_t count = 0;
    while ((rc = stmt_step(stmt)) == 1)
        version_from_row(stmt, arena, has_values, &out_versions[count++]);
    return rc < 0 ? rc : count;
}
