/* store.c — the SQL of IAM: entities and what hangs on them. Credentials: store_credential.c.
 *
 * `name_key` is the name in small letters: names are unique, sorted and looked up by it. */
#include "service/iam/iam_store.h"

#include "base/arena.h"

static const char *const migrations[] = {
    "CREATE TABLE iam_entity (\n"
    "    id text NOT NULL PRIMARY KEY,\n"
    "    account text NOT NULL,\n"
    "    kind integer NOT NULL,\n"
    "    name text NOT NULL,\n"
    "    path text NOT NULL,\n"
    "    created_at integer NOT NULL,\n"
    "    updated_at integer NOT NULL,\n"
    "    description text,\n"
    "    boundary_arn text,\n"
    "    tags text NOT NULL,\n"
    "    trust_policy text,\n"
    "    max_session integer NOT NULL,\n"
    "    last_used_at integer NOT NULL,\n"
    "    last_used_region text,\n"
    "    default_version integer NOT NULL,\n"
    "    last_version integer NOT NULL,\n"
    "    name_key text NOT NULL,\n"
    "    UNIQUE (account, kind, name_key)\n"
    ");\n"
    "CREATE INDEX iam_entity_by_boundary ON iam_entity (account, boundary_arn)\n"
    "    WHERE boundary_arn IS NOT NULL;\n"
    "CREATE TABLE iam_inline (\n"
    "    entity_id text NOT NULL,\n"
    "    name text NOT NULL,\n"
    "    document text NOT NULL,\n"
    "    PRIMARY KEY (entity_id, name)\n"
    ");\n"
    "CREATE TABLE iam_attachment (\n"
    "    entity_id text NOT NULL,\n"
    "    policy_arn text NOT NULL,\n"
    "    account text NOT NULL,\n"
    "    PRIMARY KEY (entity_id, policy_arn)\n"
    ");\n"
    "CREATE INDEX iam_attachment_by_policy ON iam_attachment (account, policy_arn);\n"
    "CREATE TABLE iam_version (\n"
    "    policy_id text NOT NULL,\n"
    "    version integer NOT NULL,\n"
    "    document text NOT NULL,\n"
    "    created_at integer NOT NULL,\n"
    "    PRIMARY KEY (policy_id, version)\n"
    ");\n"
    "CREATE TABLE iam_link (\n"
    "    owner_id text NOT NULL,\n"
    "    member_id text NOT NULL,\n"
    "    PRIMARY KEY (owner_id, member_id)\n"
    ");\n"
    "CREATE INDEX iam_link_by_member ON iam_link (member_id);\n"
    "CREATE TABLE iam_access_key (\n"
    "    key_id text NOT NULL PRIMARY KEY,\n"
    "    account text NOT NULL,\n"
    "    user_id text NOT NULL,\n"
    "    secret text NOT NULL,\n"
    "    status text NOT NULL,\n"
    "    created_at integer NOT NULL\n"
    ");\n"
    "CREATE INDEX iam_access_key_by_user ON iam_access_key (account, user_id, key_id);\n"
    "CREATE TABLE iam_credential (\n"
    "    id text NOT NULL PRIMARY KEY,\n"
    "    kind integer NOT NULL,\n"
    "    account text NOT NULL,\n"
    "    user_id text NOT NULL,\n"
    "    status text NOT NULL,\n"
    "    label text NOT NULL,\n"
    "    body text NOT NULL,\n"
    "    secret text NOT NULL,\n"
    "    created_at integer NOT NULL,\n"
    "    expires_at integer NOT NULL\n"
    ");\n"
    "CREATE INDEX iam_credential_by_user ON iam_credential (account, kind, user_id);\n",
    iam_account_migration,
};

const struct migration_set iam_migrations = {
    .component = "iam",
    .migrations = migrations,
    .count = ARRAY_LEN(migrations),
};

const struct iam_range IAM_EVERYTHING = {.after = STR_INIT(""), .limit = IAM_ALL};

#define ENTITY(prefix)                                                                             \
    prefix "id, " prefix "account, " prefix "kind, " prefix "name, " prefix "path, " prefix        \
           "created_at, " prefix "updated_at, " prefix "description, " prefix                      \
           "boundary_arn, " prefix "tags, " prefix "trust_policy, " prefix "max_session, " prefix  \
           "last_used_at, " prefix "last_used_region, " prefix "default_version, " prefix          \
           "last_version"

static const char sql_find[] = "SELECT " ENTITY("") " FROM iam_entity WHERE account = $1 AND "
                                                    "kind = $2 AND name_key = $3";
static const char sql_find_by_id[] = "SELECT " ENTITY("") " FROM iam_entity WHERE id = $1";
static const char sql_insert[] =
    "INSERT INTO iam_entity (" ENTITY("") ", name_key) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, "
                                          "$10, $11, $12, $13, $14, $15, $16, $17)";
static const char sql_update[] =
    "UPDATE iam_entity SET account = $2, kind = $3, name = $4, path = $5, created_at = $6, "
    "updated_at = $7, description = $8, boundary_arn = $9, tags = $10, trust_policy = $11, "
    "max_session = $12, last_used_at = $13, last_used_region = $14, default_version = $15, "
    "last_version = $16, name_key = $17 WHERE id = $1";
static const char sql_delete_entity[] = "DELETE FROM iam_entity WHERE id = $1";
static const char sql_delete_inlines[] = "DELETE FROM iam_inline WHERE entity_id = $1";
static const char sql_delete_attachments[] = "DELETE FROM iam_attachment WHERE entity_id = $1";
static const char sql_delete_versions[] = "DELETE FROM iam_version WHERE policy_id = $1";
static const char sql_delete_links[] = "DELETE FROM iam_link WHERE owner_id = $1 OR member_id = $1";
static const char sql_list[] =
    "SELECT " ENTITY("") " FROM iam_entity WHERE account = $1 AND kind = $2 AND name_key > $3 "
                         "AND substr(path, 1, length($4)) = $4 ORDER BY name_key LIMIT $5";
static const char sql_count[] = "SELECT count(*) FROM iam_entity WHERE account = $1 AND kind = $2";
static const char sql_note_role_used[] =
    "UPDATE iam_entity SET last_used_at = $4, last_used_region = $5 WHERE account = $1 AND "
    "kind = $2 AND name_key = $3";

static const char sql_put_inline[] =
    "INSERT INTO iam_inline (entity_id, name, document) VALUES ($1, $2, $3) "
    "ON CONFLICT (entity_id, name) DO UPDATE SET document = excluded.document";
static const char sql_find_inline[] =
    "SELECT document FROM iam_inline WHERE entity_id = $1 AND name = $2";
static const char sql_delete_inline[] = "DELETE FROM iam_inline WHERE entity_id = $1 AND name = $2";
static const char sql_list_inline[] =
    "SELECT name, document FROM iam_inline WHERE entity_id = $1 AND name > $2 ORDER BY name "
    "LIMIT $3";

static const char sql_attach[] =
    "INSERT INTO iam_attachment (entity_id, policy_arn, account) VALUES ($1, $2, $3) "
    "ON CONFLICT (entity_id, policy_arn) DO NOTHING";
static const char sql_detach[] =
    "DELETE FROM iam_attachment WHERE entity_id = $1 AND policy_arn = $2";
static const char sql_list_attached[] =
    "SELECT policy_arn FROM iam_attachment WHERE entity_id = $1 AND policy_arn > $2 "
    "ORDER BY policy_arn LIMIT $3";
static const char sql_list_attached_to[] = "SELECT " ENTITY(
    "e.") " FROM iam_attachment a JOIN iam_entity e ON e.id = a.entity_id "
          "WHERE a.account = $1 AND a.policy_arn = $2 AND e.id > $3 ORDER BY e.id LIMIT $4";
static const char sql_list_bounded_by[] =
    "SELECT " ENTITY("") " FROM iam_entity WHERE account = $1 AND boundary_arn = $2 AND id > $3 "
                         "ORDER BY id LIMIT $4";
static const char sql_count_attached_to[] =
    "SELECT count(*) FROM iam_attachment WHERE account = $1 AND policy_arn = $2";
static const char sql_count_bounded_by[] =
    "SELECT count(*) FROM iam_entity WHERE account = $1 AND boundary_arn = $2";

static const char sql_put_version[] =
    "INSERT INTO iam_version (policy_id, version, document, created_at) VALUES ($1, $2, $3, $4)";
static const char sql_find_version[] = "SELECT version, document, created_at FROM iam_version "
                                       "WHERE policy_id = $1 AND version = $2";
static const char sql_delete_version[] =
    "DELETE FROM iam_version WHERE policy_id = $1 AND version = $2";
static const char sql_list_versions[] = "SELECT version, document, created_at FROM iam_version "
                                        "WHERE policy_id = $1 ORDER BY version DESC";

static const char sql_link[] = "INSERT INTO iam_link (owner_id, member_id) VALUES ($1, $2) "
                               "ON CONFLICT (owner_id, member_id) DO NOTHING";
static const char sql_unlink[] = "DELETE FROM iam_link WHERE owner_id = $1 AND member_id = $2";
static const char sql_list_members[] =
    "SELECT " ENTITY("e.") " FROM iam_link l JOIN iam_entity e ON e.id = l.member_id "
                           "WHERE l.owner_id = $1 AND e.name_key > $2 ORDER BY e.name_key LIMIT $3";
static const char sql_list_owners[] = "SELECT " ENTITY(
    "e.") " FROM iam_link l JOIN iam_entity e ON e.id = l.owner_id "
          "WHERE l.member_id = $1 AND e.name_key > $2 ORDER BY e.name_key LIMIT $3";

/* The name in small letters; statements borrow it until they are released. */
static struct str name_key(struct arena *arena, struct str name)
{
    return str_lower(arena, name);
}

static int run(struct stmt *stmt)
{
    int64_t changed = stmt_run(stmt);
    return changed < 0 ? (int)changed : 0;
}

static int run_counting(struct stmt *stmt)
{
    return (int)stmt_run(stmt);
}

/* Runs a statement with up to three texts and gives the number of rows changed. */
static int run_with_texts(struct db *db, const char *sql, struct str first, struct str second,
                          struct str third)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, first);
    if (second.ptr)
        stmt_bind_str(stmt, 2, second);
    if (third.ptr)
        stmt_bind_str(stmt, 3, third);
    return run_counting(stmt);
}

static void entity_from_row(struct stmt *stmt, struct arena *arena, struct iam_entity *out)
{
    int column = 0;
    out->id = stmt_str(stmt, column++, arena);
    out->account = stmt_str(stmt, column++, arena);
    out->kind = (enum iam_kind)stmt_i64(stmt, column++);
    out->name = stmt_str(stmt, column++, arena);
    out->path = stmt_str(stmt, column++, arena);
    out->created_at_ms = stmt_i64(stmt, column++);
    out->updated_at_ms = stmt_i64(stmt, column++);
    out->description = stmt_str(stmt, column++, arena);
    out->boundary_arn = stmt_str(stmt, column++, arena);
    out->tags = stmt_str(stmt, column++, arena);
    out->trust_policy = stmt_str(stmt, column++, arena);
    out->max_session_seconds = stmt_i64(stmt, column++);
    out->last_used_at_ms = stmt_i64(stmt, column++);
    out->last_used_region = stmt_str(stmt, column++, arena);
    out->default_version = stmt_i64(stmt, column++);
    out->last_version = stmt_i64(stmt, column++);
}

/* Binds every column; `key` is the name in small letters. */
static void bind_entity(struct stmt *stmt, const struct iam_entity *entity, struct str key)
{
    int index = 1;
    stmt_bind_str(stmt, index++, entity->id);
    stmt_bind_str(stmt, index++, entity->account);
    stmt_bind_i64(stmt, index++, (int64_t)entity->kind);
    stmt_bind_str(stmt, index++, entity->name);
    stmt_bind_str(stmt, index++, entity->path);
    stmt_bind_i64(stmt, index++, entity->created_at_ms);
    stmt_bind_i64(stmt, index++, entity->updated_at_ms);
    stmt_bind_str(stmt, index++, entity->description);
    stmt_bind_str(stmt, index++, entity->boundary_arn);
    stmt_bind_str(stmt, index++, str_or(entity->tags, STR("{}")));
    stmt_bind_str(stmt, index++, entity->trust_policy);
    stmt_bind_i64(stmt, index++, entity->max_session_seconds);
    stmt_bind_i64(stmt, index++, entity->last_used_at_ms);
    stmt_bind_str(stmt, index++, entity->last_used_region);
    stmt_bind_i64(stmt, index++, entity->default_version);
    stmt_bind_i64(stmt, index++, entity->last_version);
    stmt_bind_str(stmt, index++, key);
}

/* Steps a bound statement once. */
static int read_entity(struct stmt *stmt, struct arena *arena, struct iam_entity **out_entity)
{
    int rc = stmt_step(stmt);
    if (rc == 1) {
        *out_entity = arena_alloc(arena, sizeof(**out_entity));
        entity_from_row(stmt, arena, *out_entity);
    }
    return rc;
}

static int read_entities(struct stmt *stmt, struct arena *arena, struct vec *out_entities)
{
    int rc = 0;
    while ((rc = stmt_step(stmt)) == 1)
        entity_from_row(stmt, arena, vec_push(out_entities));
    return rc;
}

int iam_store_find(struct db *db, struct arena *arena, struct str account, enum iam_kind kind,
                   struct str name, struct iam_entity **out_entity)
{
    struct str key = name_key(arena, name);
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, account);
    stmt_bind_i64(stmt, 2, (int64_t)kind);
    stmt_bind_str(stmt, 3, key);
    return read_entity(stmt, arena, out_entity);
}

int iam_store_find_by_id(struct db *db, struct arena *arena, struct str id,
                         struct iam_entity **out_entity)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find_by_id, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, id);
    return read_entity(stmt, arena, out_entity);
}

static int write_entity(struct db *db, const char *sql, const struct iam_entity *entity)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct str key = name_key(arena, entity->name);
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql, &stmt);
    if (rc < 0)
        return rc;
    bind_entity(stmt, entity, key);
    return run(stmt);
}

int iam_store_insert(struct db *db, const struct iam_entity *entity)
{
    return write_entity(db, sql_insert, entity);
}

int iam_store_update(struct db *db, const struct iam_entity *entity)
{
    return write_entity(db, sql_update, entity);
}

int iam_store_delete(struct db *db, struct str id)
{
    static const char *const statements[] = {
        sql_delete_inlines, sql_delete_attachments, sql_delete_versions,
        sql_delete_links,   sql_delete_entity,
    };
    const struct str none = {0};
    for (size_t i = 0; i < ARRAY_LEN(statements); i++) {
        int rc = run_with_texts(db, statements[i], id, none, none);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int iam_store_list(struct db *db, struct arena *arena, struct str account, enum iam_kind kind,
                   struct str path_prefix, struct iam_range range, struct vec *out_entities)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_list, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, account);
    stmt_bind_i64(stmt, 2, (int64_t)kind);
    stmt_bind_str(stmt, 3, range.after);
    stmt_bind_str(stmt, 4, path_prefix);
    stmt_bind_i64(stmt, 5, (int64_t)range.limit);
    return read_entities(stmt, arena, out_entities);
}

int iam_store_count(struct db *db, struct str account, enum iam_kind kind, int64_t *out_count)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_count, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, account);
    stmt_bind_i64(stmt, 2, (int64_t)kind);
    rc = stmt_step(stmt);
    if (rc < 0)
        return rc;
    *out_count = stmt_i64(stmt, 0);
    return 0;
}

int iam_store_note_role_used(struct db *db, struct str account, struct str name, struct str region,
                             int64_t now_ms)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct str key = name_key(arena, name);
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_note_role_used, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, account);
    stmt_bind_i64(stmt, 2, (int64_t)IAM_KIND_ROLE);
    stmt_bind_str(stmt, 3, key);
    stmt_bind_i64(stmt, 4, now_ms);
    stmt_bind_str(stmt, 5, region);
    return run(stmt);
}

/* --- inline policies --- */

int iam_store_put_inline(struct db *db, struct str entity_id, struct str name, struct str document)
{
    int rc = run_with_texts(db, sql_put_inline, entity_id, name, document);
    return rc < 0 ? rc : 0;
}

int iam_store_find_inline(struct db *db, struct arena *arena, struct str entity_id, struct str name,
                          struct str *out_document)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find_inline, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, entity_id);
    stmt_bind_str(stmt, 2, name);
    rc = stmt_step(stmt);
    if (rc == 1)
        *out_document = stmt_str(stmt, 0, arena);
    return rc;
}

int iam_store_delete_inline(struct db *db, struct str entity_id, struct str name)
{
    const struct str none = {0};
    return run_with_texts(db, sql_delete_inline, entity_id, name, none);
}

/* Prepares and binds a list: $1 the owner, $2 the key to go on after, $3 the limit. */
static int prepare_list(struct db *db, const char *sql, struct str owner, struct iam_range range,
                        struct stmt **out_stmt)
{
    int rc = db_prepare(db, sql, out_stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(*out_stmt, 1, owner);
    stmt_bind_str(*out_stmt, 2, range.after);
    stmt_bind_i64(*out_stmt, 3, (int64_t)range.limit);
    return 0;
}

int iam_store_list_inline(struct db *db, struct arena *arena, struct str entity_id,
                          struct iam_range range, struct vec *out_policies)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = prepare_list(db, sql_list_inline, entity_id, range, &stmt);
    if (rc < 0)
        return rc;
    while ((rc = stmt_step(stmt)) == 1) {
        struct iam_inline_policy *policy = vec_push(out_policies);
        policy->name = stmt_str(stmt, 0, arena);
        policy->document = stmt_str(stmt, 1, arena);
    }
    return rc;
}

/* --- attached managed policies --- */

int iam_store_attach(struct db *db, const struct iam_entity *entity, struct str policy_arn)
{
    int rc = run_with_texts(db, sql_attach, entity->id, policy_arn, entity->account);
    return rc < 0 ? rc : 0;
}

int iam_store_detach(struct db *db, struct str entity_id, struct str policy_arn)
{
    const struct str none = {0};
    return run_with_texts(db, sql_detach, entity_id, policy_arn, none);
}

int iam_store_list_attached(struct db *db, struct arena *arena, struct str entity_id,
                            struct iam_range range, struct vec *out_arns)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = prepare_list(db, sql_list_attached, entity_id, range, &stmt);
    if (rc < 0)
        return rc;
    while ((rc = stmt_step(stmt)) == 1)
        *(struct str *)vec_push(out_arns) = stmt_str(stmt, 0, arena);
    return rc;
}

int iam_store_list_holders(struct db *db, struct arena *arena, struct str account,
                           struct str policy_arn, bool as_boundary, struct iam_range range,
                           struct vec *out_entities)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, as_boundary ? sql_list_bounded_by : sql_list_attached_to, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, account);
    stmt_bind_str(stmt, 2, policy_arn);
    stmt_bind_str(stmt, 3, range.after);
    stmt_bind_i64(stmt, 4, (int64_t)range.limit);
    return read_entities(stmt, arena, out_entities);
}

int iam_store_count_holders(struct db *db, struct str account, struct str policy_arn,
                            bool as_boundary, int64_t *out_count)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, as_boundary ? sql_count_bounded_by : sql_count_attached_to, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, account);
    stmt_bind_str(stmt, 2, policy_arn);
    rc = stmt_step(stmt);
    if (rc < 0)
        return rc;
    *out_count = stmt_i64(stmt, 0);
    return 0;
}

/* --- versions --- */

int iam_store_put_version(struct db *db, struct str policy_id, const struct iam_version *version)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_put_version, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, policy_id);
    stmt_bind_i64(stmt, 2, version->number);
    stmt_bind_str(stmt, 3, version->document);
    stmt_bind_i64(stmt, 4, version->created_at_ms);
    return run(stmt);
}

static void version_from_row(struct stmt *stmt, struct arena *arena, struct iam_version *out)
{
    out->number = stmt_i64(stmt, 0);
    out->document = stmt_str(stmt, 1, arena);
    out->created_at_ms = stmt_i64(stmt, 2);
}

int iam_store_find_version(struct db *db, struct arena *arena, struct str policy_id, int64_t number,
                           struct iam_version *out_version)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find_version, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, policy_id);
    stmt_bind_i64(stmt, 2, number);
    rc = stmt_step(stmt);
    if (rc == 1)
        version_from_row(stmt, arena, out_version);
    return rc;
}

int iam_store_delete_version(struct db *db, struct str policy_id, int64_t number)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_delete_version, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, policy_id);
    stmt_bind_i64(stmt, 2, number);
    return run_counting(stmt);
}

int iam_store_list_versions(struct db *db, struct arena *arena, struct str policy_id,
                            struct vec *out_versions)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_list_versions, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, policy_id);
    while ((rc = stmt_step(stmt)) == 1)
        version_from_row(stmt, arena, vec_push(out_versions));
    return rc;
}

/* --- links --- */

int iam_store_link(struct db *db, struct str owner_id, struct str member_id)
{
    const struct str none = {0};
    int rc = run_with_texts(db, sql_link, owner_id, member_id, none);
    return rc < 0 ? rc : 0;
}

int iam_store_unlink(struct db *db, struct str owner_id, struct str member_id)
{
    const struct str none = {0};
    return run_with_texts(db, sql_unlink, owner_id, member_id, none);
}

int iam_store_list_members(struct db *db, struct arena *arena, struct str owner_id,
                           struct iam_range range, struct vec *out_entities)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = prepare_list(db, sql_list_members, owner_id, range, &stmt);
    return rc < 0 ? rc : read_entities(stmt, arena, out_entities);
}

int iam_store_list_owners(struct db *db, struct arena *arena, struct str member_id,
                          struct iam_range range, struct vec *out_entities)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = prepare_list(db, sql_list_owners, member_id, range, &stmt);
    return rc < 0 ? rc : read_entities(stmt, arena, out_entities);
}
