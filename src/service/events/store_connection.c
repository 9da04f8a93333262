/* store_connection.c — SQL of connections, API destinations and the key that seals secrets. */
#include "base/arena.h"
#include "base/vec.h"
#include "service/events/connection.h"

#define CONNECTION_COLUMNS                                                                         \
    "account, region, name, uuid, description, auth_type, state, state_reason, kms_key, secret, "  \
    "token, token_expires_at, created_at, modified_at, authorized_at"
#define DESTINATION_COLUMNS                                                                        \
    "account, region, name, uuid, description, connection_arn, endpoint, method, rate_limit, "     \
    "created_at, modified_at"

static const char sql_find_key[] = "SELECT secret FROM events_key WHERE id = 1";
static const char sql_put_key[] =
    "INSERT INTO events_key (id, secret) VALUES (1, $1) ON CONFLICT (id) DO NOTHING";
static const char sql_put_connection[] =
    "INSERT INTO events_connection (" CONNECTION_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, "
    "$8, $9, $10, $11, $12, $13, $14, $15) ON CONFLICT (account, region, name) DO UPDATE SET "
    "description = excluded.description, auth_type = excluded.auth_type, state = excluded.state, "
    "state_reason = excluded.state_reason, kms_key = excluded.kms_key, secret = excluded.secret, "
    "token = excluded.token, token_expires_at = excluded.token_expires_at, modified_at = "
    "excluded.modified_at, authorized_at = excluded.authorized_at";
static const char sql_find_connection[] =
    "SELECT " CONNECTION_COLUMNS
    " FROM events_connection WHERE account = $1 AND region = $2 AND name = $3";
static const char sql_delete_connection[] =
    "DELETE FROM events_connection WHERE account = $1 AND region = $2 AND name = $3";
static const char sql_list_connections[] =
    "SELECT " CONNECTION_COLUMNS " FROM events_connection WHERE account = $1 AND region = $2 AND "
    "name > $3 AND name >= $4 AND name < $5 ORDER BY name LIMIT $6";
static const char sql_put_destination[] =
    "INSERT INTO events_destination (" DESTINATION_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, "
    "$8, $9, $10, $11) ON CONFLICT (account, region, name) DO UPDATE SET description = "
    "excluded.description, connection_arn = excluded.connection_arn, endpoint = excluded.endpoint, "
    "method = excluded.method, rate_limit = excluded.rate_limit, modified_at = "
    "excluded.modified_at";
static const char sql_find_destination[] =
    "SELECT " DESTINATION_COLUMNS
    " FROM events_destination WHERE account = $1 AND region = $2 AND name = $3";
static const char sql_delete_destination[] =
    "DELETE FROM events_destination WHERE account = $1 AND region = $2 AND name = $3";
static const char sql_list_destinations[] =
    "SELECT " DESTINATION_COLUMNS " FROM events_destination WHERE account = $1 AND region = $2 AND "
    "name > $3 AND name >= $4 AND name < $5 ORDER BY name LIMIT $6";

static int run(struct stmt *stmt)
{
    int64_t changed = stmt_run(stmt);
    return changed < 0 ? (int)changed : 0;
}

int events_store_find_key(struct db *db, struct arena *arena, struct str *out_key)
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

int events_store_put_key(struct db *db, struct str key)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_put_key, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_blob(stmt, 1, key);
    return run(stmt);
}

/* Runs a statement about one row; -errno, or what stmt_step gives when it is a query. */
static int prepare_named(struct db *db, const char *sql, struct scope scope, struct str name,
                         struct stmt **out_stmt)
{
    int rc = db_prepare(db, sql, out_stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(*out_stmt, scope);
    stmt_bind_str(*out_stmt, 3, name);
    return 0;
}

static int delete_named(struct db *db, const char *sql, struct scope scope, struct str name)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = prepare_named(db, sql, scope, name, &stmt);
    return rc < 0 ? rc : run(stmt);
}

static int prepare_page(struct db *db, const char *sql, struct scope scope,
                        const struct events_page *page, struct arena *arena, struct stmt **out_stmt)
{
    int rc = db_prepare(db, sql, out_stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(*out_stmt, scope);
    stmt_bind_str(*out_stmt, 3, page->after);
    stmt_bind_str(*out_stmt, 4, page->prefix);
    stmt_bind_str(*out_stmt, 5, str_concat(arena, page->prefix, STR("\x7F")));
    stmt_bind_i64(*out_stmt, 6, (int64_t)page->limit);
    return 0;
}

int events_store_put_connection(struct db *db, const struct events_connection_row *row)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = prepare_named(db, sql_put_connection, row->scope, row->name, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 4, row->uuid);
    stmt_bind_str(stmt, 5, row->description);
    stmt_bind_str(stmt, 6, row->auth_type);
    stmt_bind_str(stmt, 7, row->state);
    stmt_bind_str(stmt, 8, row->state_reason);
    stmt_bind_str(stmt, 9, row->kms_key);
    stmt_bind_blob(stmt, 10, row->secret);
    if (row->token.ptr)
        stmt_bind_blob(stmt, 11, row->token);
    else
        stmt_bind_null(stmt, 11);
    stmt_bind_i64(stmt, 12, row->token_expires_at_ms);
    stmt_bind_i64(stmt, 13, row->created_at_ms);
    stmt_bind_i64(stmt, 14, row->modified_at_ms);
    stmt_bind_i64(stmt, 15, row->authorized_at_ms);
    return run(stmt);
}

static struct events_connection_row read_connection(struct stmt *stmt, struct arena *arena)
{
    return (struct events_connection_row){
        .scope = {.account = stmt_str(stmt, 0, arena), .region = stmt_str(stmt, 1, arena)},
        .name = stmt_str(stmt, 2, arena),
        .uuid = stmt_str(stmt, 3, arena),
        .description = stmt_str(stmt, 4, arena),
        .auth_type = stmt_str(stmt, 5, arena),
        .state = stmt_str(stmt, 6, arena),
        .state_reason = stmt_str(stmt, 7, arena),
        .kms_key = stmt_str(stmt, 8, arena),
        .secret = stmt_str(stmt, 9, arena),
        .token = stmt_str(stmt, 10, arena),
        .token_expires_at_ms = stmt_i64(stmt, 11),
        .created_at_ms = stmt_i64(stmt, 12),
        .modified_at_ms = stmt_i64(stmt, 13),
        .authorized_at_ms = stmt_i64(stmt, 14),
    };
}

int events_store_find_connection(struct db *db, struct arena *arena, struct scope scope,
                                 struct str name, struct events_connection_row *out)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = prepare_named(db, sql_find_connection, scope, name, &stmt);
    if (rc < 0)
        return rc;
    rc = stmt_step(stmt);
    if (rc == 1)
        *out = read_connection(stmt, arena);
    return rc;
}

int events_store_delete_connection(struct db *db, struct scope scope, struct str name)
{
    return delete_named(db, sql_delete_connection, scope, name);
}

int events_store_list_connections(struct db *db, struct arena *arena, struct scope scope,
                                  const struct events_page *page, struct vec *out)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = prepare_page(db, sql_list_connections, scope, page, arena, &stmt);
    if (rc < 0)
        return rc;
    while ((rc = stmt_step(stmt)) == 1)
        *(struct events_connection_row *)vec_push(out) = read_connection(stmt, arena);
    return rc;
}

int events_store_put_destination(struct db *db, const struct events_destination_row *row)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = prepare_named(db, sql_put_destination, row->scope, row->name, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 4, row->uuid);
    stmt_bind_str(stmt, 5, row->description);
    stmt_bind_str(stmt, 6, row->connection_arn);
    stmt_bind_str(stmt, 7, row->endpoint);
    stmt_bind_str(stmt, 8, row->method);
    stmt_bind_i64(stmt, 9, row->rate_limit);
    stmt_bind_i64(stmt, 10, row->created_at_ms);
    stmt_bind_i64(stmt, 11, row->modified_at_ms);
    return run(stmt);
}

static struct events_destination_row read_destination(struct stmt *stmt, struct arena *arena)
{
    return (struct events_destination_row){
        .scope = {.account = stmt_str(stmt, 0, arena), .region = stmt_str(stmt, 1, arena)},
        .name = stmt_str(stmt, 2, arena),
        .uuid = stmt_str(stmt, 3, arena),
        .description = stmt_str(stmt, 4, arena),
        .connection_arn = stmt_str(stmt, 5, arena),
        .endpoint = stmt_str(stmt, 6, arena),
        .method = stmt_str(stmt, 7, arena),
        .rate_limit = stmt_i64(stmt, 8),
        .created_at_ms = stmt_i64(stmt, 9),
        .modified_at_ms = stmt_i64(stmt, 10),
    };
}

int events_store_find_destination(struct db *db, struct arena *arena, struct scope scope,
                                  struct str name, struct events_destination_row *out)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = prepare_named(db, sql_find_destination, scope, name, &stmt);
    if (rc < 0)
        return rc;
    rc = stmt_step(stmt);
    if (rc == 1)
        *out = read_destination(stmt, arena);
    return rc;
}

int events_store_delete_destination(struct db *db, struct scope scope, struct str name)
{
    return delete_named(db, sql_delete_destination, scope, name);
}

int events_store_list_destinations(struct db *db, struct arena *arena, struct scope scope,
                                   const struct events_page *page, struct vec *out)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = prepare_page(db, sql_list_destinations, scope, page, arena, &stmt);
    if (rc < 0)
        return rc;
    while ((rc = stmt_step(stmt)) == 1)
        *(struct events_destination_row *)vec_push(out) = read_destination(stmt, arena);
    return rc;
}
