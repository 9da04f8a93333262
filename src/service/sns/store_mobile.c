/* store_mobile.c — SQL of platform applications, their endpoints, and telephones. */
#include <errno.h>

#include "base/arena.h"
#include "service/sns/sns.h"
#include "syntax/json.h"

#define APPLICATION_COLUMNS "account, region, platform, name, settings"
#define ENDPOINT_COLUMNS "id, account, region, platform, application, uuid, token, settings"

static const char sql_find_application[] =
    "SELECT " APPLICATION_COLUMNS " FROM sns_application WHERE account = $1 AND region = $2 AND "
    "platform = $3 AND name = $4";
static const char sql_put_application[] =
    "INSERT INTO sns_application (" APPLICATION_COLUMNS ") VALUES ($1, $2, $3, $4, $5) "
    "ON CONFLICT (account, region, platform, name) DO UPDATE SET settings = excluded.settings";
static const char sql_delete_application[] =
    "DELETE FROM sns_application WHERE account = $1 AND region = $2 AND platform = $3 AND "
    "name = $4";
static const char sql_delete_endpoints[] =
    "DELETE FROM sns_endpoint WHERE account = $1 AND region = $2 AND platform = $3 AND "
    "application = $4";
static const char sql_list_applications[] =
    "SELECT " APPLICATION_COLUMNS " FROM sns_application WHERE account = $1 AND region = $2 AND "
    "(platform, name) > ($3, $4) ORDER BY platform, name LIMIT $5";
static const char sql_find_endpoint[] =
    "SELECT " ENDPOINT_COLUMNS " FROM sns_endpoint WHERE account = $1 AND region = $2 AND "
    "uuid = $3";
static const char sql_find_endpoint_of[] =
    "SELECT " ENDPOINT_COLUMNS " FROM sns_endpoint WHERE account = $1 AND region = $2 AND "
    "platform = $3 AND application = $4 AND token = $5";
static const char sql_put_endpoint[] =
    "INSERT INTO sns_endpoint (" ENDPOINT_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8) "
    "ON CONFLICT (id) DO UPDATE SET token = excluded.token, settings = excluded.settings";
static const char sql_delete_endpoint[] = "DELETE FROM sns_endpoint WHERE id = $1";
static const char sql_list_endpoints[] =
    "SELECT " ENDPOINT_COLUMNS " FROM sns_endpoint WHERE account = $1 AND region = $2 AND "
    "platform = $3 AND application = $4 AND id > $5 ORDER BY id LIMIT $6";
static const char sql_find_sms[] =
    "SELECT settings FROM sns_sms WHERE account = $1 AND region = $2";
static const char sql_put_sms[] =
    "INSERT INTO sns_sms (account, region, settings) VALUES ($1, $2, $3) "
    "ON CONFLICT (account, region) DO UPDATE SET settings = excluded.settings";
static const char sql_find_phone[] =
    "SELECT status, password FROM sns_phone WHERE account = $1 AND region = $2 AND kind = $3 AND "
    "number = $4";
static const char sql_put_phone[] =
    "INSERT INTO sns_phone (account, region, kind, number, status, password) "
    "VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (account, region, kind, number) DO UPDATE SET "
    "status = excluded.status, password = excluded.password";
static const char sql_delete_phone[] =
    "DELETE FROM sns_phone WHERE account = $1 AND region = $2 AND kind = $3 AND number = $4";
static const char sql_list_phones[] =
    "SELECT number, status FROM sns_phone WHERE account = $1 AND region = $2 AND kind = $3 AND "
    "number > $4 ORDER BY number LIMIT $5";

static int run(struct stmt *stmt)
{
    int64_t changed = stmt_run(stmt);
    return changed < 0 ? (int)changed : 0;
}

static int read_settings(struct stmt *stmt, int column, struct arena *arena, struct json **out)
{
    return json_parse(arena, stmt_str(stmt, column, arena), 0, out, NULL) < 0 ? -EIO : 0;
}

/* --- applications --- */

static int application_from_row(struct stmt *stmt, struct arena *arena, struct sns_application *out)
{
    *out = (struct sns_application){
        .scope = {.account = stmt_str(stmt, 0, arena), .region = stmt_str(stmt, 1, arena)},
        .platform = stmt_str(stmt, 2, arena),
        .name = stmt_str(stmt, 3, arena),
    };
    return read_settings(stmt, 4, arena, &out->settings);
}

static void bind_application(struct stmt *stmt, const struct sns_application *application)
{
    stmt_bind_scope(stmt, application->scope);
    stmt_bind_str(stmt, 3, application->platform);
    stmt_bind_str(stmt, 4, application->name);
}

int sns_store_find_application(struct db *db, struct arena *arena, struct scope scope,
                               struct str platform, struct str name,
                               struct sns_application **out_application)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find_application, &stmt);
    if (rc < 0)
        return rc;
    const struct sns_application key = {.scope = scope, .platform = platform, .name = name};
    bind_application(stmt, &key);
    rc = stmt_step(stmt);
    if (rc < 0)
        return rc;
    *out_application = NULL;
    if (rc == 0)
        return 0;
    *out_application = arena_alloc(arena, sizeof(**out_application));
    return application_from_row(stmt, arena, *out_application);
}

int sns_store_put_application(struct db *db, struct arena *arena,
                              const struct sns_application *application)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_put_application, &stmt);
    if (rc < 0)
        return rc;
    bind_application(stmt, application);
    stmt_bind_str(stmt, 5, json_to_str(arena, application->settings));
    return run(stmt);
}

static int delete_by_application(struct db *db, const char *sql,
                                 const struct sns_application *application)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql, &stmt);
    if (rc < 0)
        return rc;
    bind_application(stmt, application);
    return run(stmt);
}

int sns_store_delete_application(struct db *db, const struct sns_application *application)
{
    int rc = delete_by_application(db, sql_delete_endpoints, application);
    return rc < 0 ? rc : delete_by_application(db, sql_delete_application, application);
}

int64_t sns_store_list_applications(struct db *db, struct arena *arena, struct scope scope,
                                    struct str after_platform, struct str after_name, int64_t limit,
                                    struct sns_application *out_applications)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_list_applications, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, scope);
    stmt_bind_str(stmt, 3, after_platform);
    stmt_bind_str(stmt, 4, after_name);
    stmt_bind_i64(stmt, 5, limit);
    int64_t count = 0;
    while ((rc = stmt_step(stmt)) == 1) {
        rc = application_from_row(stmt, arena, &out_applications[count++]);
        if (rc < 0)
            return rc;
    }
    return rc < 0 ? rc : count;
}

/* --- endpoints --- */

static int endpoint_from_row(struct stmt *stmt, struct arena *arena, struct sns_endpoint_row *out)
{
    *out = (struct sns_endpoint_row){
        .id = stmt_i64(stmt, 0),
        .scope = {.account = stmt_str(stmt, 1, arena), .region = stmt_str(stmt, 2, arena)},
        .platform = stmt_str(stmt, 3, arena),
        .application = stmt_str(stmt, 4, arena),
        .uuid = stmt_str(stmt, 5, arena),
        .token = stmt_str(stmt, 6, arena),
    };
    return read_settings(stmt, 7, arena, &out->settings);
}

static int find_endpoint(struct stmt *stmt, struct arena *arena,
                         struct sns_endpoint_row **out_endpoint)
{
    int rc = stmt_step(stmt);
    if (rc < 0)
        return rc;
    *out_endpoint = NULL;
    if (rc == 0)
        return 0;
    *out_endpoint = arena_alloc(arena, sizeof(**out_endpoint));
    return endpoint_from_row(stmt, arena, *out_endpoint);
}

int sns_store_find_endpoint(struct db *db, struct arena *arena, struct scope scope, struct str uuid,
                            struct sns_endpoint_row **out_endpoint)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find_endpoint, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, scope);
    stmt_bind_str(stmt, 3, uuid);
    return find_endpoint(stmt, arena, out_endpoint);
}

int sns_store_find_endpoint_of(struct db *db, struct arena *arena,
                               const struct sns_application *application, struct str token,
                               struct sns_endpoint_row **out_endpoint)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find_endpoint_of, &stmt);
    if (rc < 0)
        return rc;
    bind_application(stmt, application);
    stmt_bind_str(stmt, 5, token);
    return find_endpoint(stmt, arena, out_endpoint);
}

int sns_store_put_endpoint(struct db *db, struct arena *arena,
                           const struct sns_endpoint_row *endpoint)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_put_endpoint, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, endpoint->id);
    stmt_bind_str(stmt, 2, endpoint->scope.account);
    stmt_bind_str(stmt, 3, endpoint->scope.region);
    stmt_bind_str(stmt, 4, endpoint->platform);
    stmt_bind_str(stmt, 5, endpoint->application);
    stmt_bind_str(stmt, 6, endpoint->uuid);
    stmt_bind_str(stmt, 7, endpoint->token);
    stmt_bind_str(stmt, 8, json_to_str(arena, endpoint->settings));
    return run(stmt);
}

int sns_store_delete_endpoint(struct db *db, int64_t id)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_delete_endpoint, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, id);
    return run(stmt);
}

int64_t sns_store_list_endpoints(struct db *db, struct arena *arena,
                                 const struct sns_application *application, int64_t after,
                                 int64_t limit, struct sns_endpoint_row *out_endpoints)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_list_endpoints, &stmt);
    if (rc < 0)
        return rc;
    bind_application(stmt, application);
    stmt_bind_i64(stmt, 5, after);
    stmt_bind_i64(stmt, 6, limit);
    int64_t count = 0;
    while ((rc = stmt_step(stmt)) == 1) {
        rc = endpoint_from_row(stmt, arena, &out_endpoints[count++]);
        if (rc < 0)
            return rc;
    }
    return rc < 0 ? rc : count;
}

/* --- telephones --- */

int sns_store_find_sms(struct db *db, struct arena *arena, struct scope scope,
                       struct json **out_settings)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find_sms, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, scope);
    rc = stmt_step(stmt);
    if (rc == 1)
        return read_settings(stmt, 0, arena, out_settings);
    if (rc == 0)
        *out_settings = json_new(arena, JSON_OBJECT);
    return rc;
}

int sns_store_put_sms(struct db *db, struct arena *arena, struct scope scope,
                      const struct json *settings)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_put_sms, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, scope);
    stmt_bind_str(stmt, 3, json_to_str(arena, settings));
    return run(stmt);
}

static void bind_phone(struct stmt *stmt, const struct sns_phone *phone)
{
    stmt_bind_scope(stmt, phone->scope);
    stmt_bind_str(stmt, 3, phone->kind);
    stmt_bind_str(stmt, 4, phone->number);
}

int sns_store_find_phone(struct db *db, struct arena *arena, struct sns_phone *phone)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find_phone, &stmt);
    if (rc < 0)
        return rc;
    bind_phone(stmt, phone);
    rc = stmt_step(stmt);
    if (rc == 1) {
        phone->status = stmt_str(stmt, 0, arena);
        phone->password = stmt_str(stmt, 1, arena);
    }
    return rc;
}

int sns_store_put_phone(struct db *db, const struct sns_phone *phone)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_put_phone, &stmt);
    if (rc < 0)
        return rc;
    bind_phone(stmt, phone);
    stmt_bind_str(stmt, 5, str_or(phone->status, STR("")));
    stmt_bind_str(stmt, 6, str_or(phone->password, STR("")));
    return run(stmt);
}

int sns_store_delete_phone(struct db *db, const struct sns_phone *phone)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_delete_phone, &stmt);
    if (rc < 0)
        return rc;
    bind_phone(stmt, phone);
    int64_t changed = stmt_run(stmt);
    return changed < 0 ? (int)changed : changed > 0;
}

int64_t sns_store_list_phones(struct db *db, struct arena *arena, struct scope scope,
                              const char *kind, struct str after, int64_t limit,
                              struct sns_phone *out_phones)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_list_phones, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, scope);
    stmt_bind_str(stmt, 3, str_from_cstr(kind));
    stmt_bind_str(stmt, 4, after);
    stmt_bind_i64(stmt, 5, limit);
    int64_t count = 0;
    while ((rc = stmt_step(stmt)) == 1)
        out_phones[count++] = (struct sns_phone){.scope = scope,
                                                 .kind = str_from_cstr(kind),
                                                 .number = stmt_str(stmt, 0, arena),
                                                 .status = stmt_str(stmt, 1, arena)};
    return rc < 0 ? rc : count;
}
