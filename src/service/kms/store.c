/* store.c — every SQL statement of KMS. See kms.h for what the rows mean. */
#include "service/kms/kms.h"

#include <errno.h>

#include "base/arena.h"

static const char *const migrations[] = {
    "CREATE TABLE kms_master (id integer NOT NULL PRIMARY KEY, secret blob NOT NULL);\n"
    "CREATE TABLE kms_key (\n"
    "    account text NOT NULL,\n"
    "    region text NOT NULL,\n"
    "    id text NOT NULL,\n"
    "    created_at integer NOT NULL,\n"
    "    description text NOT NULL,\n"
    "    key_usage text NOT NULL,\n"
    "    key_spec text NOT NULL,\n"
    "    origin text NOT NULL,\n"
    "    key_state text NOT NULL,\n"
    "    manager text NOT NULL,\n"
    "    key_policy text NOT NULL,\n"
    "    tags text NOT NULL,\n"
    "    primary_region text NOT NULL,\n"
    "    deletion_at integer NOT NULL,\n"
    "    pending_days integer NOT NULL,\n"
    "    is_rotating integer NOT NULL,\n"
    "    rotation_days integer NOT NULL,\n"
    "    next_rotation_at integer NOT NULL,\n"
    "    material_id text NOT NULL,\n"
    "    PRIMARY KEY (account, region, id)\n"
    ");\n"
    "CREATE TABLE kms_material (\n"
    "    account text NOT NULL,\n"
    "    region text NOT NULL,\n"
    "    key_id text NOT NULL,\n"
    "    id text NOT NULL,\n"
    "    serial integer NOT NULL,\n"
    "    created_at integer NOT NULL,\n"
    "    rotation text NOT NULL,\n"
    "    material_state integer NOT NULL,\n"
    "    sealed blob NOT NULL,\n"
    "    description text NOT NULL,\n"
    "    valid_to integer NOT NULL,\n"
    "    PRIMARY KEY (account, region, key_id, id)\n"
    ");\n"
    "CREATE TABLE kms_alias (\n"
    "    account text NOT NULL,\n"
    "    region text NOT NULL,\n"
    "    name text NOT NULL,\n"
    "    key_id text NOT NULL,\n"
    "    created_at integer NOT NULL,\n"
    "    updated_at integer NOT NULL,\n"
    "    PRIMARY KEY (account, region, name)\n"
    ");\n"
    "CREATE INDEX kms_alias_by_key ON kms_alias (account, region, key_id, name);\n"
    "CREATE TABLE kms_grant (\n"
    "    account text NOT NULL,\n"
    "    region text NOT NULL,\n"
    "    key_id text NOT NULL,\n"
    "    id text NOT NULL,\n"
    "    token text NOT NULL,\n"
    "    name text NOT NULL,\n"
    "    grantee text NOT NULL,\n"
    "    retiree text NOT NULL,\n"
    "    issuer text NOT NULL,\n"
    "    operations text NOT NULL,\n"
    "    grant_constraints text NOT NULL,\n"
    "    created_at integer NOT NULL,\n"
    "    PRIMARY KEY (account, region, key_id, id)\n"
    ");\n"
    "CREATE UNIQUE INDEX kms_grant_by_token ON kms_grant (token);\n"
    "CREATE INDEX kms_grant_by_retiree ON kms_grant (retiree, region, id);\n"
    "CREATE TABLE kms_spare (\n"
    "    id text NOT NULL PRIMARY KEY,\n"
    "    key_spec text NOT NULL,\n"
    "    sealed blob NOT NULL\n"
    ");\n"
    "CREATE INDEX kms_spare_by_spec ON kms_spare (key_spec, id);\n",
};

const struct migration_set kms_migrations = {
    .component = "kms",
    .migrations = migrations,
    .count = ARRAY_LEN(migrations),
};

#define KEY_COLUMNS                                                                                \
    "account, region, id, created_at, description, key_usage, key_spec, origin, key_state, "       \
    "manager, key_policy, tags, primary_region, deletion_at, pending_days, is_rotating, "          \
    "rotation_days, next_rotation_at, material_id"
#define MATERIAL_COLUMNS                                                                           \
    "id, serial, created_at, rotation, material_state, sealed, description, valid_to"
#define GRANT_COLUMNS                                                                              \
    "account, region, key_id, id, token, name, grantee, retiree, issuer, operations, "             \
    "grant_constraints, created_at"

static const char sql_find_master[] = "SELECT secret FROM kms_master WHERE id = 1";
static const char sql_put_master[] =
    "INSERT INTO kms_master (id, secret) VALUES (1, $1) ON CONFLICT (id) DO NOTHING";
static const char sql_find_key[] =
    "SELECT " KEY_COLUMNS " FROM kms_key WHERE account = $1 AND region = $2 AND id = $3";
static const char sql_insert_key[] =
    "INSERT INTO kms_key (" KEY_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, "
    "$12, $13, $14, $15, $16, $17, $18, $19)";
static const char sql_update_key[] =
    "UPDATE kms_key SET created_at = $4, description = $5, key_usage = $6, key_spec = $7, "
    "origin = $8, key_state = $9, manager = $10, key_policy = $11, tags = $12, "
    "primary_region = $13, deletion_at = $14, pending_days = $15, is_rotating = $16, "
    "rotation_days = $17, next_rotation_at = $18, material_id = $19 "
    "WHERE account = $1 AND region = $2 AND id = $3";
static const char sql_delete_key[] =
    "DELETE FROM kms_key WHERE account = $1 AND region = $2 AND id = $3";
static const char sql_delete_materials[] =
    "DELETE FROM kms_material WHERE account = $1 AND region = $2 AND key_id = $3";
static const char sql_delete_aliases[] =
    "DELETE FROM kms_alias WHERE account = $1 AND region = $2 AND key_id = $3";
static const char sql_delete_grants[] =
    "DELETE FROM kms_grant WHERE account = $1 AND region = $2 AND key_id = $3";
static const char sql_list_keys[] =
    "SELECT id FROM kms_key WHERE account = $1 AND region = $2 AND id > $3 ORDER BY id LIMIT $4";
static const char sql_list_regions[] =
    "SELECT region FROM kms_key WHERE account = $1 AND id = $2 ORDER BY region LIMIT $3";
static const char sql_find_material[] =
    "SELECT " MATERIAL_COLUMNS
    " FROM kms_material WHERE account = $1 AND region = $2 AND key_id = $3 AND id = $4";
static const char sql_put_material[] =
    "INSERT INTO kms_material (account, region, key_id, " MATERIAL_COLUMNS
    ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) "
    "ON CONFLICT (account, region, key_id, id) DO UPDATE SET serial = excluded.serial, "
    "created_at = excluded.created_at, rotation = excluded.rotation, "
    "material_state = excluded.material_state, sealed = excluded.sealed, "
    "description = excluded.description, valid_to = excluded.valid_to";
static const char sql_list_materials[] =
    "SELECT " MATERIAL_COLUMNS
    " FROM kms_material WHERE account = $1 AND region = $2 AND key_id = $3 AND serial >= $4 "
    "ORDER BY serial LIMIT $5";
static const char sql_next_serial[] = "SELECT coalesce(max(serial) + 1, 0) FROM kms_material "
                                      "WHERE account = $1 AND region = $2 AND key_id = $3";
static const char sql_retire_material[] =
    "UPDATE kms_material SET material_state = 1 "
    "WHERE account = $1 AND region = $2 AND key_id = $3 AND material_state = 0";
static const char sql_count_on_demand[] =
    "SELECT count(*) FROM kms_material WHERE account = $1 AND region = $2 AND key_id = $3 "
    "AND rotation = 'ON_DEMAND'";
static const char sql_next_expiry[] =
    "SELECT coalesce(min(valid_to), 0) FROM kms_material "
    "WHERE account = $1 AND region = $2 AND key_id = $3 AND valid_to > 0 AND length(sealed) > 0";
static const char sql_expire[] =
    "UPDATE kms_material SET sealed = $4 WHERE account = $1 AND region = $2 AND key_id = $3 "
    "AND valid_to > 0 AND valid_to <= $5 AND length(sealed) > 0";
static const char sql_count_absent[] =
    "SELECT count(*) FROM kms_material WHERE account = $1 AND region = $2 AND key_id = $3 "
    "AND material_state <> 2 AND length(sealed) = 0";
static const char sql_find_alias[] =
    "SELECT account, region, name, key_id, created_at, updated_at FROM kms_alias "
    "WHERE account = $1 AND region = $2 AND name = $3";
static const char sql_put_alias[] =
    "INSERT INTO kms_alias (account, region, name, key_id, created_at, updated_at) "
    "VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (account, region, name) DO UPDATE SET "
    "key_id = excluded.key_id, updated_at = excluded.updated_at";
static const char sql_delete_alias[] =
    "DELETE FROM kms_alias WHERE account = $1 AND region = $2 AND name = $3";
static const char sql_list_aliases[] =
    "SELECT account, region, name, key_id, created_at, updated_at FROM kms_alias "
    "WHERE account = $1 AND region = $2 AND name > $3 ORDER BY name LIMIT $4";
static const char sql_list_key_aliases[] =
    "SELECT account, region, name, key_id, created_at, updated_at FROM kms_alias "
    "WHERE account = $1 AND region = $2 AND name > $3 AND key_id = $5 ORDER BY name LIMIT $4";
static const char sql_insert_grant[] = "INSERT INTO kms_grant (" GRANT_COLUMNS
                                       ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, "
                                       "$12)";
static const char sql_find_grant[] =
    "SELECT " GRANT_COLUMNS
    " FROM kms_grant WHERE account = $1 AND region = $2 AND key_id = $3 AND id = $4";
static const char sql_find_grant_token[] =
    "SELECT " GRANT_COLUMNS " FROM kms_grant WHERE token = $1";
static const char sql_delete_grant[] =
    "DELETE FROM kms_grant WHERE account = $1 AND region = $2 AND key_id = $3 AND id = $4";
static const char sql_list_grants[] =
    "SELECT " GRANT_COLUMNS
    " FROM kms_grant WHERE account = $1 AND region = $2 AND key_id = $3 AND id > $4 "
    "AND ($6 = '' OR grantee = $6) AND ($7 = '' OR id = $7) ORDER BY id LIMIT $5";
static const char sql_list_retirable[] =
    "SELECT " GRANT_COLUMNS
    " FROM kms_grant WHERE retiree = $1 AND region = $2 AND id > $3 ORDER BY id LIMIT $4";
static const char sql_put_spare[] =
    "INSERT INTO kms_spare (id, key_spec, sealed) VALUES ($1, $2, $3)";
static const char sql_find_spare[] =
    "SELECT id, sealed FROM kms_spare WHERE key_spec = $1 ORDER BY id LIMIT 1";
static const char sql_delete_spare[] = "DELETE FROM kms_spare WHERE id = $1";

/* A statement about one key begins with these three parameters. */
static int prepare_key(struct db *db, const char *sql, const struct kms_key *key,
                       struct stmt **out_stmt)
{
    int rc = db_prepare(db, sql, out_stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(*out_stmt, key->scope);
    stmt_bind_str(*out_stmt, 3, key->id);
    return 0;
}

static int run(struct stmt *stmt)
{
    int64_t changed = stmt_run(stmt);
    return changed < 0 ? (int)changed : 0;
}

static int64_t run_count(struct db *db, const char *sql, const struct kms_key *key)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = prepare_key(db, sql, key, &stmt);
    if (rc == 0)
        rc = stmt_step(stmt);
    if (rc < 0)
        return rc;
    return rc == 1 ? stmt_i64(stmt, 0) : 0;
}

int kms_store_find_master(struct db *db, struct arena *arena, struct str *out_key)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find_master, &stmt);
    if (rc == 0)
        rc = stmt_step(stmt);
    if (rc == 1)
        *out_key = stmt_str(stmt, 0, arena);
    return rc;
}

int kms_store_put_master(struct db *db, struct str key)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_put_master, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_blob(stmt, 1, key);
    return run(stmt);
}

/* --- keys --- */

static struct kms_key *key_from_row(struct stmt *stmt, struct arena *arena)
{
    struct kms_key *key = arena_alloc(arena, sizeof(*key));
    int column = 0;
    key->scope.account = stmt_str(stmt, column++, arena);
    key->scope.region = stmt_str(stmt, column++, arena);
    key->id = stmt_str(stmt, column++, arena);
    key->arn = kms_arn(arena, key->scope, "key", key->id);
    key->created_at_ms = stmt_i64(stmt, column++);
    key->description = stmt_str(stmt, column++, arena);
    key->usage = stmt_str(stmt, column++, arena);
    key->spec = kms_find_spec(stmt_str(stmt, column++, arena));
    key->origin = stmt_str(stmt, column++, arena);
    key->state = stmt_str(stmt, column++, arena);
    key->manager = stmt_str(stmt, column++, arena);
    key->policy = stmt_str(stmt, column++, arena);
    key->tags = stmt_str(stmt, column++, arena);
    key->primary_region = stmt_str(stmt, column++, arena);
    key->deletion_at_ms = stmt_i64(stmt, column++);
    key->pending_days = stmt_i64(stmt, column++);
    key->is_rotating = stmt_i64(stmt, column++) != 0;
    key->rotation_days = stmt_i64(stmt, column++);
    key->next_rotation_at_ms = stmt_i64(stmt, column++);
    key->material_id = stmt_str(stmt, column++, arena);
    CHECK(key->spec);
    return key;
}

int kms_store_find_key(struct db *db, struct arena *arena, struct scope scope, struct str id,
                       struct kms_key **out_key)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find_key, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, scope);
    stmt_bind_str(stmt, 3, id);
    rc = stmt_step(stmt);
    if (rc == 1)
        *out_key = key_from_row(stmt, arena);
    return rc;
}

static int write_key(struct db *db, const char *sql, const struct kms_key *key)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = prepare_key(db, sql, key, &stmt);
    if (rc < 0)
        return rc;
    int index = 4;
    stmt_bind_i64(stmt, index++, key->created_at_ms);
    stmt_bind_str(stmt, index++, key->description);
    stmt_bind_str(stmt, index++, key->usage);
    stmt_bind_str(stmt, index++, key->spec->name);
    stmt_bind_str(stmt, index++, key->origin);
    stmt_bind_str(stmt, index++, key->state);
    stmt_bind_str(stmt, index++, key->manager);
    stmt_bind_str(stmt, index++, key->policy);
    stmt_bind_str(stmt, index++, key->tags);
    stmt_bind_str(stmt, index++, key->primary_region);
    stmt_bind_i64(stmt, index++, key->deletion_at_ms);
    stmt_bind_i64(stmt, index++, key->pending_days);
    stmt_bind_i64(stmt, index++, key->is_rotating ? 1 : 0);
    stmt_bind_i64(stmt, index++, key->rotation_days);
    stmt_bind_i64(stmt, index++, key->next_rotation_at_ms);
    stmt_bind_str(stmt, index++, key->material_id);
    return run(stmt);
}

int kms_store_insert_key(struct db *db, const struct kms_key *key)
{
    return write_key(db, sql_insert_key, key);
}

int kms_store_update_key(struct db *db, const struct kms_key *key)
{
    return write_key(db, sql_update_key, key);
}

static int delete_of_key(struct db *db, const char *sql, const struct kms_key *key)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = prepare_key(db, sql, key, &stmt);
    return rc < 0 ? rc : run(stmt);
}

int kms_store_delete_key(struct db *db, const struct kms_key *key)
{
    int rc = delete_of_key(db, sql_delete_materials, key);
    if (rc == 0)
        rc = delete_of_key(db, sql_delete_aliases, key);
    if (rc == 0)
        rc = delete_of_key(db, sql_delete_grants, key);
    return rc < 0 ? rc : delete_of_key(db, sql_delete_key, key);
}

int64_t kms_store_list_keys(struct db *db, struct arena *arena, struct scope scope,
                            struct str after, int64_t limit, struct str *out_ids)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_list_keys, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, scope);
    stmt_bind_str(stmt, 3, after);
    stmt_bind_i64(stmt, 4, limit);
    int64_t count = 0;
    while ((rc = stmt_step(stmt)) == 1)
        out_ids[count++] = stmt_str(stmt, 0, arena);
    return rc < 0 ? rc : count;
}

int64_t kms_store_list_regions(struct db *db, struct arena *arena, struct str account,
                               struct str id, int64_t limit, struct str *out_regions)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_list_regions, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, account);
    stmt_bind_str(stmt, 2, id);
    stmt_bind_i64(stmt, 3, limit);
    int64_t count = 0;
    while ((rc = stmt_step(stmt)) == 1)
        out_regions[count++] = stmt_str(stmt, 0, arena);
    return rc < 0 ? rc : count;
}

/* --- materials --- */

static void material_from_row(struct stmt *stmt, struct arena *arena, struct kms_material *out)
{
    int column = 0;
    out->id = stmt_str(stmt, column++, arena);
    out->serial = stmt_i64(stmt, column++);
    out->created_at_ms = stmt_i64(stmt, column++);
    out->rotation = stmt_str(stmt, column++, arena);
    out->state = stmt_i64(stmt, column++);
    out->sealed = stmt_str(stmt, column++, arena);
    out->description = stmt_str(stmt, column++, arena);
    out->valid_to_ms = stmt_i64(stmt, column++);
}

int kms_store_find_material(struct db *db, struct arena *arena, const struct kms_key *key,
                            struct str id, struct kms_material *out_material)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = prepare_key(db, sql_find_material, key, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 4, id);
    rc = stmt_step(stmt);
    if (rc == 1)
        material_from_row(stmt, arena, out_material);
    return rc;
}

int kms_store_put_material(struct db *db, const struct kms_key *key,
                           const struct kms_material *material)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = prepare_key(db, sql_put_material, key, &stmt);
    if (rc < 0)
        return rc;
    int index = 4;
    stmt_bind_str(stmt, index++, material->id);
    stmt_bind_i64(stmt, index++, material->serial);
    stmt_bind_i64(stmt, index++, material->created_at_ms);
    stmt_bind_str(stmt, index++, str_or(material->rotation, STR("")));
    stmt_bind_i64(stmt, index++, material->state);
    stmt_bind_blob(stmt, index++, str_or(material->sealed, STR("")));
    stmt_bind_str(stmt, index++, str_or(material->description, STR("")));
    stmt_bind_i64(stmt, index++, material->valid_to_ms);
    return run(stmt);
}

int64_t kms_store_list_materials(struct db *db, struct arena *arena, const struct kms_key *key,
                                 int64_t after, int64_t limit, struct kms_material *out_materials)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = prepare_key(db, sql_list_materials, key, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 4, after);
    stmt_bind_i64(stmt, 5, limit);
    int64_t count = 0;
    while ((rc = stmt_step(stmt)) == 1)
        material_from_row(stmt, arena, &out_materials[count++]);
    return rc < 0 ? rc : count;
}

int64_t kms_store_next_serial(struct db *db, const struct kms_key *key)
{
    return run_count(db, sql_next_serial, key);
}

int kms_store_retire_material(struct db *db, const struct kms_key *key)
{
    return delete_of_key(db, sql_retire_material, key);
}

int64_t kms_store_count_on_demand(struct db *db, const struct kms_key *key)
{
    return run_count(db, sql_count_on_demand, key);
}

int kms_store_next_expiry(struct db *db, const struct kms_key *key, int64_t *out_ms)
{
    int64_t ms = run_count(db, sql_next_expiry, key);
    if (ms < 0)
        return (int)ms;
    *out_ms = ms;
    return 0;
}

int64_t kms_store_expire(struct db *db, const struct kms_key *key, int64_t now_ms)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = prepare_key(db, sql_expire, key, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_blob(stmt, 4, STR(""));
    stmt_bind_i64(stmt, 5, now_ms);
    return stmt_run(stmt);
}

int64_t kms_store_count_absent(struct db *db, const struct kms_key *key)
{
    return run_count(db, sql_count_absent, key);
}

/* --- aliases --- */

static void alias_from_row(struct stmt *stmt, struct arena *arena, struct kms_alias *out)
{
    out->scope.account = stmt_str(stmt, 0, arena);
    out->scope.region = stmt_str(stmt, 1, arena);
    out->name = stmt_str(stmt, 2, arena);
    out->key_id = stmt_str(stmt, 3, arena);
    out->created_at_ms = stmt_i64(stmt, 4);
    out->updated_at_ms = stmt_i64(stmt, 5);
}

int kms_store_find_alias(struct db *db, struct arena *arena, struct scope scope, struct str name,
                         struct kms_alias **out_alias)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find_alias, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, scope);
    stmt_bind_str(stmt, 3, name);
    rc = stmt_step(stmt);
    if (rc == 1) {
        *out_alias = arena_alloc(arena, sizeof(**out_alias));
        alias_from_row(stmt, arena, *out_alias);
    }
    return rc;
}

int kms_store_put_alias(struct db *db, const struct kms_alias *alias)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_put_alias, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, alias->scope);
    stmt_bind_str(stmt, 3, alias->name);
    stmt_bind_str(stmt, 4, alias->key_id);
    stmt_bind_i64(stmt, 5, alias->created_at_ms);
    stmt_bind_i64(stmt, 6, alias->updated_at_ms);
    return run(stmt);
}

int kms_store_delete_alias(struct db *db, const struct kms_alias *alias)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_delete_alias, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, alias->scope);
    stmt_bind_str(stmt, 3, alias->name);
    return run(stmt);
}

int64_t kms_store_list_aliases(struct db *db, struct arena *arena, struct scope scope,
                               struct str key_id, struct str after, int64_t limit,
                               struct kms_alias *out_aliases)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, key_id.len > 0 ? sql_list_key_aliases : sql_list_aliases, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, scope);
    stmt_bind_str(stmt, 3, after);
    stmt_bind_i64(stmt, 4, limit);
    if (key_id.len > 0)
        stmt_bind_str(stmt, 5, key_id);
    int64_t count = 0;
    while ((rc = stmt_step(stmt)) == 1)
        alias_from_row(stmt, arena, &out_aliases[count++]);
    return rc < 0 ? rc : count;
}

/* --- grants --- */

static void grant_from_row(struct stmt *stmt, struct arena *arena, struct kms_grant *out)
{
    int column = 0;
    out->scope.account = stmt_str(stmt, column++, arena);
    out->scope.region = stmt_str(stmt, column++, arena);
    out->key_id = stmt_str(stmt, column++, arena);
    out->id = stmt_str(stmt, column++, arena);
    out->token = stmt_str(stmt, column++, arena);
    out->name = stmt_str(stmt, column++, arena);
    out->grantee = stmt_str(stmt, column++, arena);
    out->retiree = stmt_str(stmt, column++, arena);
    out->issuer = stmt_str(stmt, column++, arena);
    out->operations = stmt_str(stmt, column++, arena);
    out->constraints = stmt_str(stmt, column++, arena);
    out->created_at_ms = stmt_i64(stmt, column++);
}

int kms_store_insert_grant(struct db *db, const struct kms_grant *grant)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_insert_grant, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, grant->scope);
    int index = 3;
    stmt_bind_str(stmt, index++, grant->key_id);
    stmt_bind_str(stmt, index++, grant->id);
    stmt_bind_str(stmt, index++, grant->token);
    stmt_bind_str(stmt, index++, str_or(grant->name, STR("")));
    stmt_bind_str(stmt, index++, grant->grantee);
    stmt_bind_str(stmt, index++, str_or(grant->retiree, STR("")));
    stmt_bind_str(stmt, index++, grant->issuer);
    stmt_bind_str(stmt, index++, grant->operations);
    stmt_bind_str(stmt, index++, str_or(grant->constraints, STR("")));
    stmt_bind_i64(stmt, index++, grant->created_at_ms);
    return run(stmt);
}

int kms_store_find_grant(struct db *db, struct arena *arena, struct scope scope, struct str key_id,
                         struct str id, struct kms_grant *out_grant)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find_grant, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, scope);
    stmt_bind_str(stmt, 3, key_id);
    stmt_bind_str(stmt, 4, id);
    rc = stmt_step(stmt);
    if (rc == 1)
        grant_from_row(stmt, arena, out_grant);
    return rc;
}

int kms_store_find_grant_token(struct db *db, struct arena *arena, struct str token,
                               struct kms_grant *out_grant)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find_grant_token, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, token);
    rc = stmt_step(stmt);
    if (rc == 1)
        grant_from_row(stmt, arena, out_grant);
    return rc;
}

int kms_store_delete_grant(struct db *db, const struct kms_grant *grant)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_delete_grant, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, grant->scope);
    stmt_bind_str(stmt, 3, grant->key_id);
    stmt_bind_str(stmt, 4, grant->id);
    return run(stmt);
}

int64_t kms_store_list_grants(struct db *db, struct arena *arena, const struct kms_key *key,
                              const struct kms_grant_filter *filter, struct str after,
                              int64_t limit, struct kms_grant *out_grants)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = prepare_key(db, sql_list_grants, key, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 4, after);
    stmt_bind_i64(stmt, 5, limit);
    stmt_bind_str(stmt, 6, str_or(filter->grantee, STR("")));
    stmt_bind_str(stmt, 7, str_or(filter->id, STR("")));
    int64_t count = 0;
    while ((rc = stmt_step(stmt)) == 1)
        grant_from_row(stmt, arena, &out_grants[count++]);
    return rc < 0 ? rc : count;
}

int64_t kms_store_list_retirable(struct db *db, struct arena *arena, struct scope scope,
                                 struct str retiree, struct str after, int64_t limit,
                                 struct kms_grant *out_grants)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_list_retirable, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, retiree);
    stmt_bind_str(stmt, 2, scope.region);
    stmt_bind_str(stmt, 3, after);
    stmt_bind_i64(stmt, 4, limit);
    int64_t count = 0;
    while ((rc = stmt_step(stmt)) == 1)
        grant_from_row(stmt, arena, &out_grants[count++]);
    return rc < 0 ? rc : count;
}

/* --- RSA keys made ahead --- */

int kms_store_put_spare(struct db *db, struct str id, struct str spec, struct str sealed)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_put_spare, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, id);
    stmt_bind_str(stmt, 2, spec);
    stmt_bind_blob(stmt, 3, sealed);
    return run(stmt);
}

int kms_store_find_spare(struct db *db, struct arena *arena, struct str spec, struct str *out_id,
                         struct str *out_sealed)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find_spare, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, spec);
    rc = stmt_step(stmt);
    if (rc == 1) {
        *out_id = stmt_str(stmt, 0, arena);
        *out_sealed = stmt_str(stmt, 1, arena);
    }
    return rc;
}

int kms_store_delete_spare(struct db *db, struct str id)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_delete_spare, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, id);
    int64_t changed = stmt_run(stmt);
    return (int)changed;
}
