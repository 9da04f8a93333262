/* store.c — every SQL statement of Parameter Store. See ssm.h for what the rows mean. */
#include "service/ssm/ssm.h"

#include <errno.h>

#include "base/arena.h"

static const char *const migrations[] = {
    "CREATE TABLE ssm_parameter (\n"
    "    account text NOT NULL,\n"
    "    region text NOT NULL,\n"
    "    path_key text NOT NULL,\n"
    "    parent text NOT NULL,\n"
    "    name text NOT NULL,\n"
    "    version integer NOT NULL,\n"
    "    tier text NOT NULL,\n"
    "    tags text NOT NULL,\n"
    "    PRIMARY KEY (account, region, path_key)\n"
    ");\n"
    "CREATE INDEX ssm_parameter_by_parent ON ssm_parameter (account, region, parent, path_key);\n"
    "CREATE TABLE ssm_version (\n"
    "    account text NOT NULL,\n"
    "    region text NOT NULL,\n"
    "    path_key text NOT NULL,\n"
    "    version integer NOT NULL,\n"
    "    value_type text NOT NULL,\n"
    "    tier text NOT NULL,\n"
    "    data_type text NOT NULL,\n"
    "    modified_at integer NOT NULL,\n"
    "    modified_by text NOT NULL,\n"
    "    description text NOT NULL,\n"
    "    allowed_pattern text NOT NULL,\n"
    "    key_id text NOT NULL,\n"
    "    policies text NOT NULL,\n"
    "    value blob NOT NULL,\n"
    "    PRIMARY KEY (account, region, path_key, version)\n"
    ");\n"
    "CREATE TABLE ssm_label (\n"
    "    account text NOT NULL,\n"
    "    region text NOT NULL,\n"
    "    path_key text NOT NULL,\n"
    "    label text NOT NULL,\n"
    "    version integer NOT NULL,\n"
    "    PRIMARY KEY (account, region, path_key, label)\n"
    ");\n"
    "CREATE TABLE ssm_resource_policy (\n"
    "    arn text NOT NULL PRIMARY KEY,\n"
    "    account text NOT NULL,\n"
    "    region text NOT NULL,\n"
    "    id text NOT NULL,\n"
    "    hash text NOT NULL,\n"
    "    policy text NOT NULL\n"
    ");\n"
    "CREATE INDEX ssm_resource_policy_by_region ON ssm_resource_policy (region, arn);\n",
};

const struct migration_set ssm_migrations = {
    .component = "ssm",
    .migrations = migrations,
    .count = ARRAY_LEN(migrations),
};

#define ENTRY_COLUMNS                                                                              \
    "p.path_key, p.name, v.version, v.value_type, v.tier, v.data_type, v.modified_at, "            \
    "v.modified_by, v.description, v.allowed_pattern, v.key_id, v.policies, p.tags"
#define CURRENT                                                                                    \
    " FROM ssm_parameter p JOIN ssm_version v ON v.account = p.account AND v.region = p.region "   \
    "AND v.path_key = p.path_key AND v.version = p.version "
#define ANY_VERSION                                                                                \
    " FROM ssm_parameter p JOIN ssm_version v ON v.account = p.account AND v.region = p.region "   \
    "AND v.path_key = p.path_key "
#define LABELLED                                                                                   \
    " FROM ssm_parameter p JOIN ssm_label l ON l.account = p.account AND l.region = p.region "     \
    "AND l.path_key = p.path_key JOIN ssm_version v ON v.account = p.account "                     \
    "AND v.region = p.region AND v.path_key = p.path_key AND v.version = l.version "
#define IN_SCOPE "WHERE p.account = $1 AND p.region = $2 "

static const char sql_find[] =
    "SELECT " ENTRY_COLUMNS ", v.value" CURRENT IN_SCOPE "AND p.path_key = $3";
static const char sql_find_many[] = "SELECT " ENTRY_COLUMNS ", v.value" CURRENT IN_SCOPE
                                    "AND p.path_key IN ($3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
static const char sql_find_version[] = "SELECT " ENTRY_COLUMNS ", v.value" ANY_VERSION IN_SCOPE
                                       "AND p.path_key = $3 AND v.version = $4";
static const char sql_find_label[] =
    "SELECT " ENTRY_COLUMNS ", v.value" LABELLED IN_SCOPE "AND p.path_key = $3 AND l.label = $4";
static const char sql_list[] =
    "SELECT " ENTRY_COLUMNS CURRENT IN_SCOPE
    "AND p.path_key > $3 AND p.path_key < $4 ORDER BY p.path_key LIMIT $5";
static const char sql_list_direct[] =
    "SELECT " ENTRY_COLUMNS CURRENT IN_SCOPE
    "AND p.parent = $4 AND p.path_key > $3 ORDER BY p.path_key LIMIT $5";
static const char sql_list_values[] =
    "SELECT " ENTRY_COLUMNS ", v.value" CURRENT IN_SCOPE
    "AND p.path_key > $3 AND p.path_key < $4 ORDER BY p.path_key LIMIT $5";
static const char sql_list_direct_values[] =
    "SELECT " ENTRY_COLUMNS ", v.value" CURRENT IN_SCOPE
    "AND p.parent = $4 AND p.path_key > $3 ORDER BY p.path_key LIMIT $5";
static const char sql_list_labelled[] =
    "SELECT " ENTRY_COLUMNS ", v.value" LABELLED IN_SCOPE
    "AND p.path_key > $3 AND p.path_key < $4 AND l.label = $6 ORDER BY p.path_key LIMIT $5";
static const char sql_list_direct_labelled[] =
    "SELECT " ENTRY_COLUMNS ", v.value" LABELLED IN_SCOPE
    "AND p.parent = $4 AND p.path_key > $3 AND l.label = $6 ORDER BY p.path_key LIMIT $5";
static const char sql_history[] =
    "SELECT " ENTRY_COLUMNS ", v.value" ANY_VERSION IN_SCOPE
    "AND p.path_key = $3 AND v.version > $4 ORDER BY v.version LIMIT $5";
static const char sql_insert[] =
    "INSERT INTO ssm_parameter (account, region, path_key, parent, name, version, tier, tags) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
static const char sql_set_current[] = "UPDATE ssm_parameter SET version = $4, tier = $5 "
                                      "WHERE account = $1 AND region = $2 AND path_key = $3";
static const char sql_put_version[] =
    "INSERT INTO ssm_version (account, region, path_key, version, value_type, tier, data_type, "
    "modified_at, modified_by, description, allowed_pattern, key_id, policies, value) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
static const char sql_set_tags[] =
    "UPDATE ssm_parameter SET tags = $4 WHERE account = $1 AND region = $2 AND path_key = $3";
static const char sql_set_policies[] =
    "UPDATE ssm_version SET policies = $5 "
    "WHERE account = $1 AND region = $2 AND path_key = $3 AND version = $4";
static const char sql_delete[] =
    "DELETE FROM ssm_parameter WHERE account = $1 AND region = $2 AND path_key = $3";
static const char sql_delete_versions[] =
    "DELETE FROM ssm_version WHERE account = $1 AND region = $2 AND path_key = $3";
static const char sql_delete_labels[] =
    "DELETE FROM ssm_label WHERE account = $1 AND region = $2 AND path_key = $3";
static const char sql_delete_version[] =
    "DELETE FROM ssm_version "
    "WHERE account = $1 AND region = $2 AND path_key = $3 AND version = $4";
static const char sql_count[] =
    "SELECT count(*) FROM (SELECT 1 AS one FROM ssm_parameter WHERE account = $1 AND region = $2 "
    "AND tier = $3 LIMIT $4) AS counted";
static const char sql_versions[] = "SELECT coalesce(min(version), 0), count(*) FROM ssm_version "
                                   "WHERE account = $1 AND region = $2 AND path_key = $3";
static const char sql_labels[] =
    "SELECT label, version FROM ssm_label "
    "WHERE account = $1 AND region = $2 AND path_key = $3 ORDER BY label LIMIT $4";
static const char sql_put_label[] =
    "INSERT INTO ssm_label (account, region, path_key, label, version) "
    "VALUES ($1, $2, $3, $4, $5) ON CONFLICT (account, region, path_key, label) "
    "DO UPDATE SET version = excluded.version";
static const char sql_delete_label[] =
    "DELETE FROM ssm_label WHERE account = $1 AND region = $2 AND path_key = $3 AND label = $4";
static const char sql_find_policy[] =
    "SELECT arn, id, hash, policy FROM ssm_resource_policy WHERE arn = $1";
static const char sql_put_policy[] =
    "INSERT INTO ssm_resource_policy (account, region, arn, id, hash, policy) "
    "VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (arn) "
    "DO UPDATE SET id = excluded.id, hash = excluded.hash, policy = excluded.policy";
static const char sql_delete_policy[] = "DELETE FROM ssm_resource_policy WHERE arn = $1";
static const char sql_list_policies[] =
    "SELECT arn, id, hash, policy FROM ssm_resource_policy "
    "WHERE region = $2 AND account <> $1 AND arn > $3 ORDER BY arn LIMIT $4";

enum {
    ENTRY_COLUMN_COUNT = 13,
};

static int run(struct stmt *stmt)
{
    int64_t changed = stmt_run(stmt);
    return changed < 0 ? (int)changed : 0;
}

/* Columns as in ENTRY_COLUMNS, then the value. */
static void entry_from_row(struct stmt *stmt, struct arena *arena, struct scope scope,
                           bool has_value, struct ssm_entry *out)
{
    *out = (struct ssm_entry){
        .scope = {str_copy(arena, scope.account), str_copy(arena, scope.region)},
        .key = stmt_str(stmt, 0, arena),
        .name = stmt_str(stmt, 1, arena),
        .version = stmt_i64(stmt, 2),
        .type = stmt_str(stmt, 3, arena),
        .tier = stmt_str(stmt, 4, arena),
        .data_type = stmt_str(stmt, 5, arena),
        .modified_at_ms = stmt_i64(stmt, 6),
        .modified_by = stmt_str(stmt, 7, arena),
        .description = stmt_str(stmt, 8, arena),
        .allowed_pattern = stmt_str(stmt, 9, arena),
        .key_id = stmt_str(stmt, 10, arena),
        .policies = stmt_str(stmt, 11, arena),
        .tags = stmt_str(stmt, 12, arena),
    };
    if (has_value)
        out->value = str_or(stmt_str(stmt, ENTRY_COLUMN_COUNT, arena), STR(""));
    out->arn = ssm_arn(arena, out->scope, out->key);
}

/* Steps once. */
static int find_one(struct stmt *stmt, struct arena *arena, struct scope scope,
                    struct ssm_entry *out_entry)
{
    int rc = stmt_step(stmt);
    if (rc == 1)
        entry_from_row(stmt, arena, scope, true, out_entry);
    return rc;
}

/* Steps to the end. */
static int64_t find_all(struct stmt *stmt, struct arena *arena, struct scope scope, bool has_values,
                        struct ssm_entry *out_entries)
{
    int64_t count = 0;
    int rc = 0;
    while ((rc = stmt_step(stmt)) == 1)
        entry_from_row(stmt, arena, scope, has_values, &out_entries[count++]);
    return rc < 0 ? rc : count;
}

int ssm_store_find(struct db *db, struct arena *arena, struct scope scope, struct str key,
                   struct ssm_entry *out_entry)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, scope);
    stmt_bind_str(stmt, 3, key);
    return find_one(stmt, arena, scope, out_entry);
}

int64_t ssm_store_find_many(struct db *db, struct arena *arena, struct scope scope,
                            const struct str *keys, size_t count, struct ssm_entry *out_entries)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find_many, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, scope);
    for (size_t i = 0; i < SSM_MAX_NAMES; i++)
        stmt_bind_str(stmt, (int)i + 3, i < count ? keys[i] : STR(""));
    return find_all(stmt, arena, scope, true, out_entries);
}

int ssm_store_find_version(struct db *db, struct arena *arena, struct scope scope, struct str key,
                           int64_t version, struct ssm_entry *out_entry)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find_version, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, scope);
    stmt_bind_str(stmt, 3, key);
    stmt_bind_i64(stmt, 4, version);
    return find_one(stmt, arena, scope, out_entry);
}

int ssm_store_find_label(struct db *db, struct arena *arena, struct scope scope, struct str key,
                         struct str label, struct ssm_entry *out_entry)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find_label, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, scope);
    stmt_bind_str(stmt, 3, key);
    stmt_bind_str(stmt, 4, label);
    return find_one(stmt, arena, scope, out_entry);
}

int64_t ssm_store_list(struct db *db, struct arena *arena, struct scope scope,
                       const struct ssm_range *range, int64_t limit, struct ssm_entry *out_entries)
{
    const char *sql = range->is_direct ? sql_list_direct : sql_list;
    if (range->has_values)
        sql = range->is_direct ? sql_list_direct_values : sql_list_values;
    if (range->label.len > 0)
        sql = range->is_direct ? sql_list_direct_labelled : sql_list_labelled;
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql, &stmt);
    if (rc < 0)
        return rc;
    struct str from = str_concat(arena, range->path, STR("/"));
    stmt_bind_scope(stmt, scope);
    stmt_bind_str(stmt, 3, str_compare(range->after, from) > 0 ? range->after : from);
    stmt_bind_str(stmt, 4,
                  range->is_direct ? str_or(range->path, STR(""))
                                   : str_concat(arena, range->path, STR("0")));
    stmt_bind_i64(stmt, 5, limit);
    if (range->label.len > 0)
        stmt_bind_str(stmt, 6, range->label);
    return find_all(stmt, arena, scope, range->has_values || range->label.len > 0, out_entries);
}

int64_t ssm_store_history(struct db *db, struct arena *arena, struct scope scope, struct str key,
                          int64_t after, int64_t limit, struct ssm_entry *out_entries)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_history, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, scope);
    stmt_bind_str(stmt, 3, key);
    stmt_bind_i64(stmt, 4, after);
    stmt_bind_i64(stmt, 5, limit);
    return find_all(stmt, arena, scope, true, out_entries);
}

int ssm_store_insert(struct db *db, const struct ssm_entry *entry)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_insert, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, entry->scope);
    stmt_bind_str(stmt, 3, entry->key);
    stmt_bind_str(stmt, 4, ssm_parent(entry->key));
    stmt_bind_str(stmt, 5, entry->name);
    stmt_bind_i64(stmt, 6, entry->version);
    stmt_bind_str(stmt, 7, entry->tier);
    stmt_bind_str(stmt, 8, entry->tags);
    return run(stmt);
}

int ssm_store_set_current(struct db *db, const struct ssm_entry *entry)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_set_current, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, entry->scope);
    stmt_bind_str(stmt, 3, entry->key);
    stmt_bind_i64(stmt, 4, entry->version);
    stmt_bind_str(stmt, 5, entry->tier);
    return run(stmt);
}

int ssm_store_put_version(struct db *db, const struct ssm_entry *entry)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_put_version, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, entry->scope);
    stmt_bind_str(stmt, 3, entry->key);
    stmt_bind_i64(stmt, 4, entry->version);
    stmt_bind_str(stmt, 5, entry->type);
    stmt_bind_str(stmt, 6, entry->tier);
    stmt_bind_str(stmt, 7, entry->data_type);
    stmt_bind_i64(stmt, 8, entry->modified_at_ms);
    stmt_bind_str(stmt, 9, entry->modified_by);
    stmt_bind_str(stmt, 10, entry->description);
    stmt_bind_str(stmt, 11, entry->allowed_pattern);
    stmt_bind_str(stmt, 12, entry->key_id);
    stmt_bind_str(stmt, 13, entry->policies);
    stmt_bind_blob(stmt, 14, entry->value);
    return run(stmt);
}

int ssm_store_set_tags(struct db *db, const struct ssm_entry *entry)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_set_tags, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, entry->scope);
    stmt_bind_str(stmt, 3, entry->key);
    stmt_bind_str(stmt, 4, entry->tags);
    return run(stmt);
}

int ssm_store_set_policies(struct db *db, const struct ssm_entry *entry)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_set_policies, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, entry->scope);
    stmt_bind_str(stmt, 3, entry->key);
    stmt_bind_i64(stmt, 4, entry->version);
    stmt_bind_str(stmt, 5, entry->policies);
    return run(stmt);
}

int ssm_store_delete(struct db *db, struct scope scope, struct str key)
{
    static const char *const statements[] = {sql_delete, sql_delete_versions, sql_delete_labels};
    for (size_t i = 0; i < ARRAY_LEN(statements); i++) {
        AUTO(stmt) struct stmt *stmt = NULL;
        int rc = db_prepare(db, statements[i], &stmt);
        if (rc < 0)
            return rc;
        stmt_bind_scope(stmt, scope);
        stmt_bind_str(stmt, 3, key);
        rc = run(stmt);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int ssm_store_delete_version(struct db *db, struct scope scope, struct str key, int64_t version)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_delete_version, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, scope);
    stmt_bind_str(stmt, 3, key);
    stmt_bind_i64(stmt, 4, version);
    return run(stmt);
}

int64_t ssm_store_count(struct db *db, struct scope scope, struct str tier, int64_t limit)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_count, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, scope);
    stmt_bind_str(stmt, 3, tier);
    stmt_bind_i64(stmt, 4, limit);
    rc = stmt_step(stmt);
    return rc < 0 ? rc : stmt_i64(stmt, 0);
}

int ssm_store_versions(struct db *db, struct scope scope, struct str key, int64_t *out_oldest,
                       int64_t *out_count)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_versions, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, scope);
    stmt_bind_str(stmt, 3, key);
    rc = stmt_step(stmt);
    if (rc < 0)
        return rc;
    *out_oldest = stmt_i64(stmt, 0);
    *out_count = stmt_i64(stmt, 1);
    return 0;
}

int64_t ssm_store_labels(struct db *db, struct arena *arena, struct scope scope, struct str key,
                         int64_t limit, struct ssm_label *out_labels)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_labels, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, scope);
    stmt_bind_str(stmt, 3, key);
    stmt_bind_i64(stmt, 4, limit);
    int64_t count = 0;
    while ((rc = stmt_step(stmt)) == 1)
        out_labels[count++] =
            (struct ssm_label){.name = stmt_str(stmt, 0, arena), .version = stmt_i64(stmt, 1)};
    return rc < 0 ? rc : count;
}

int ssm_store_put_label(struct db *db, struct scope scope, struct str key, struct str label,
                        int64_t version)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_put_label, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, scope);
    stmt_bind_str(stmt, 3, key);
    stmt_bind_str(stmt, 4, label);
    stmt_bind_i64(stmt, 5, version);
    return run(stmt);
}

int ssm_store_delete_label(struct db *db, struct scope scope, struct str key, struct str label)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_delete_label, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, scope);
    stmt_bind_str(stmt, 3, key);
    stmt_bind_str(stmt, 4, label);
    return run(stmt);
}

static void policy_from_row(struct stmt *stmt, struct arena *arena, struct ssm_policy_row *out)
{
    *out = (struct ssm_policy_row){
        .arn = stmt_str(stmt, 0, arena),
        .id = stmt_str(stmt, 1, arena),
        .hash = stmt_str(stmt, 2, arena),
        .policy = stmt_str(stmt, 3, arena),
    };
}

int ssm_store_find_policy(struct db *db, struct arena *arena, struct str arn,
                          struct ssm_policy_row *out_row)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find_policy, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, arn);
    rc = stmt_step(stmt);
    if (rc == 1)
        policy_from_row(stmt, arena, out_row);
    return rc;
}

int ssm_store_put_policy(struct db *db, struct scope scope, const struct ssm_policy_row *row)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_put_policy, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, scope);
    stmt_bind_str(stmt, 3, row->arn);
    stmt_bind_str(stmt, 4, row->id);
    stmt_bind_str(stmt, 5, row->hash);
    stmt_bind_str(stmt, 6, row->policy);
    return run(stmt);
}

int ssm_store_delete_policy(struct db *db, struct str arn)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_delete_policy, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, arn);
    return run(stmt);
}

int64_t ssm_store_list_policies(struct db *db, struct arena *arena, struct scope scope,
                                struct str after, int64_t limit, struct ssm_policy_row *out_rows)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_list_policies, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, scope);
    stmt_bind_str(stmt, 3, str_or(after, STR("")));
    stmt_bind_i64(stmt, 4, limit);
    int64_t count = 0;
    while ((rc = stmt_step(stmt)) == 1)
        policy_from_row(stmt, arena, &out_rows[count++]);
    return rc < 0 ? rc : count;
}
