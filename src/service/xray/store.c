/* store.c — every SQL statement of X-Ray. See xray.h for what the rows mean. */
#include <errno.h>

#include "base/arena.h"
#include "base/vec.h"
#include "service/xray/xray.h"

static const char *const migrations[] = {
    "CREATE TABLE xray_trace (\n"
    "    account text NOT NULL,\n"
    "    region text NOT NULL,\n"
    "    trace_id text NOT NULL,\n"
    "    id_time integer NOT NULL,\n"
    "    started_at integer NOT NULL,\n"
    "    ended_at integer NOT NULL,\n"
    "    received_at integer NOT NULL,\n"
    "    revision integer NOT NULL,\n"
    "    PRIMARY KEY (account, region, trace_id)\n"
    ");\n"
    "CREATE INDEX xray_trace_by_id_time ON xray_trace (account, region, id_time, trace_id);\n"
    "CREATE INDEX xray_trace_by_start ON xray_trace (account, region, started_at, trace_id);\n"
    "CREATE INDEX xray_trace_by_receipt ON xray_trace (received_at);\n"
    "CREATE TABLE xray_segment (\n"
    "    account text NOT NULL,\n"
    "    region text NOT NULL,\n"
    "    trace_id text NOT NULL,\n"
    "    segment_id text NOT NULL,\n"
    "    start_at integer NOT NULL,\n"
    "    end_at integer NOT NULL,\n"
    "    document text NOT NULL,\n"
    "    PRIMARY KEY (account, region, trace_id, segment_id)\n"
    ");\n"
    "CREATE TABLE xray_thing (\n"
    "    account text NOT NULL,\n"
    "    region text NOT NULL,\n"
    "    kind text NOT NULL,\n"
    "    name text NOT NULL,\n"
    "    body text NOT NULL,\n"
    "    created_at integer NOT NULL,\n"
    "    modified_at integer NOT NULL,\n"
    "    PRIMARY KEY (account, region, kind, name)\n"
    ");\n"
    "CREATE TABLE xray_statistic (\n"
    "    account text NOT NULL,\n"
    "    region text NOT NULL,\n"
    "    rule text NOT NULL,\n"
    "    minute integer NOT NULL,\n"
    "    requests integer NOT NULL,\n"
    "    borrowed integer NOT NULL,\n"
    "    sampled integer NOT NULL,\n"
    "    PRIMARY KEY (account, region, rule, minute)\n"
    ");\n"
    "CREATE INDEX xray_statistic_by_minute ON xray_statistic (minute);\n",
};

const struct migration_set xray_migrations = {
    .component = "xray",
    .migrations = migrations,
    .count = ARRAY_LEN(migrations),
};

/* A segment that is sent again (first in progress, then complete) takes the place of itself. */
static const char sql_put_segment[] =
    "INSERT INTO xray_segment (account, region, trace_id, segment_id, start_at, end_at, document) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (account, region, trace_id, segment_id) "
    "DO UPDATE SET start_at = excluded.start_at, end_at = excluded.end_at, "
    "document = excluded.document";
static const char sql_put_trace[] =
    "INSERT INTO xray_trace (account, region, trace_id, id_time, started_at, ended_at, "
    "received_at, revision) VALUES ($1, $2, $3, $4, $5, $6, $7, 1) "
    "ON CONFLICT (account, region, trace_id) DO UPDATE SET "
    "started_at = CASE WHEN excluded.started_at < xray_trace.started_at "
    "THEN excluded.started_at ELSE xray_trace.started_at END, "
    "ended_at = CASE WHEN excluded.ended_at > xray_trace.ended_at "
    "THEN excluded.ended_at ELSE xray_trace.ended_at END, "
    "received_at = excluded.received_at, revision = xray_trace.revision + 1";
#define LIST_BY(column)                                                                            \
    "SELECT s.trace_id, s.segment_id, s.start_at, s.end_at, s.document, t." column                 \
    ", t.revision FROM (SELECT trace_id, " column ", revision FROM xray_trace "                    \
    "WHERE account = $1 AND region = $2 AND " column " <= $4 AND (" column " > $5 OR (" column     \
    " = $5 AND trace_id > $6)) AND " column " >= $3 ORDER BY " column                              \
    ", trace_id LIMIT $7) t JOIN xray_segment s ON s.account = $1 AND s.region = $2 "              \
    "AND s.trace_id = t.trace_id ORDER BY t." column ", t.trace_id, s.start_at, s.segment_id"
static const char sql_list_by_id[] = LIST_BY("id_time");
static const char sql_list_by_start[] = LIST_BY("started_at");
static const char sql_find[] =
    "SELECT s.trace_id, s.segment_id, s.start_at, s.end_at, s.document, 0, 0 FROM xray_segment s "
    "WHERE s.account = $1 AND s.region = $2 AND s.trace_id = $3 ORDER BY s.start_at, s.segment_id";
static const char sql_old_traces[] =
    "SELECT account, region, trace_id FROM xray_trace WHERE received_at < $1 "
    "ORDER BY received_at LIMIT $2";
static const char sql_delete_segments[] =
    "DELETE FROM xray_segment WHERE account = $1 AND region = $2 AND trace_id = $3";
static const char sql_delete_trace[] =
    "DELETE FROM xray_trace WHERE account = $1 AND region = $2 AND trace_id = $3";
static const char sql_sweep_statistics[] = "DELETE FROM xray_statistic WHERE minute < $1";
static const char sql_has_traces[] =
    "SELECT CASE WHEN EXISTS (SELECT 1 FROM xray_trace) THEN 1 ELSE 0 END";
static const char sql_find_thing[] =
    "SELECT name, body, created_at, modified_at FROM xray_thing WHERE account = $1 AND "
    "region = $2 AND kind = $3 AND name = $4";
static const char sql_put_thing[] =
    "INSERT INTO xray_thing (account, region, kind, name, body, created_at, modified_at) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (account, region, kind, name) DO UPDATE SET "
    "body = excluded.body, modified_at = excluded.modified_at";
static const char sql_delete_thing[] =
    "DELETE FROM xray_thing WHERE account = $1 AND region = $2 AND kind = $3 AND name = $4";
static const char sql_list_things[] =
    "SELECT name, body, created_at, modified_at FROM xray_thing WHERE account = $1 AND "
    "region = $2 AND kind = $3 AND name > $4 ORDER BY name LIMIT $5";
static const char sql_add_statistic[] =
    "INSERT INTO xray_statistic (account, region, rule, minute, requests, borrowed, sampled) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (account, region, rule, minute) DO UPDATE SET "
    "requests = xray_statistic.requests + excluded.requests, "
    "borrowed = xray_statistic.borrowed + excluded.borrowed, "
    "sampled = xray_statistic.sampled + excluded.sampled";
static const char sql_list_statistics[] =
    "SELECT rule, minute, requests, borrowed, sampled FROM xray_statistic WHERE account = $1 AND "
    "region = $2 AND minute >= $3 ORDER BY rule, minute DESC LIMIT $4";

static int run(struct stmt *stmt)
{
    int64_t changed = stmt_run(stmt);
    return changed < 0 ? (int)changed : 0;
}

int xray_store_put_segment(struct db *db, struct scope scope, const struct xray_segment_row *row,
                           int64_t id_time_ms, int64_t now_ms)
{
    AUTO(stmt) struct stmt *segment = NULL;
    AUTO(stmt) struct stmt *trace = NULL;
    int rc = db_prepare(db, sql_put_segment, &segment);
    if (rc < 0)
        return rc;
    stmt_bind_scope(segment, scope);
    stmt_bind_str(segment, 3, row->trace_id);
    stmt_bind_str(segment, 4, row->segment_id);
    stmt_bind_i64(segment, 5, row->start_ms);
    stmt_bind_i64(segment, 6, row->end_ms);
    stmt_bind_str(segment, 7, row->document);
    rc = run(segment);
    if (rc == 0)
        rc = db_prepare(db, sql_put_trace, &trace);
    if (rc < 0)
        return rc;
    stmt_bind_scope(trace, scope);
    stmt_bind_str(trace, 3, row->trace_id);
    stmt_bind_i64(trace, 4, id_time_ms);
    stmt_bind_i64(trace, 5, row->start_ms);
    stmt_bind_i64(trace, 6, row->end_ms);
    stmt_bind_i64(trace, 7, now_ms);
    return run(trace);
}

static int read_rows(struct stmt *stmt, struct arena *arena, struct vec *out_rows)
{
    int rc = 0;
    while ((rc = stmt_step(stmt)) == 1)
        *(struct xray_store_row *)vec_push(out_rows) = (struct xray_store_row){
            .segment = {.trace_id = stmt_str(stmt, 0, arena),
                        .segment_id = stmt_str(stmt, 1, arena),
                        .start_ms = stmt_i64(stmt, 2),
                        .end_ms = stmt_i64(stmt, 3),
                        .document = stmt_str(stmt, 4, arena)},
            .at_ms = stmt_i64(stmt, 5),
            .revision = stmt_i64(stmt, 6),
        };
    return rc;
}

int xray_store_list(struct db *db, struct arena *arena, const struct xray_trace_query *query,
                    struct vec *out_rows)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, query->is_by_id_time ? sql_list_by_id : sql_list_by_start, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, query->scope);
    stmt_bind_i64(stmt, 3, query->from_ms);
    stmt_bind_i64(stmt, 4, query->to_ms);
    stmt_bind_i64(stmt, 5, query->after_ms);
    stmt_bind_str(stmt, 6, str_or(query->after_id, STR("")));
    stmt_bind_i64(stmt, 7, query->limit);
    return read_rows(stmt, arena, out_rows);
}

int xray_store_find(struct db *db, struct arena *arena, struct scope scope, struct str trace_id,
                    struct vec *out_rows)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, scope);
    stmt_bind_str(stmt, 3, trace_id);
    return read_rows(stmt, arena, out_rows);
}

struct trace_key {
    struct scope scope;
    struct str trace_id;
};

static int delete_by_key(struct db *db, const char *sql, const struct trace_key *key)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, key->scope);
    stmt_bind_str(stmt, 3, key->trace_id);
    return run(stmt);
}

static int64_t old_traces(struct db *db, struct arena *arena, int64_t before_ms, int64_t limit,
                          struct trace_key *out_keys)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_old_traces, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, before_ms);
    stmt_bind_i64(stmt, 2, limit);
    int64_t count = 0;
    while ((rc = stmt_step(stmt)) == 1)
        out_keys[count++] = (struct trace_key){
            .scope = {.account = stmt_str(stmt, 0, arena), .region = stmt_str(stmt, 1, arena)},
            .trace_id = stmt_str(stmt, 2, arena),
        };
    return rc < 0 ? rc : count;
}

int64_t xray_store_sweep(struct db *db, int64_t before_ms, int64_t limit)
{
    AUTO(arena) struct arena *arena = arena_new();
    AUTO(stmt) struct stmt *stmt = NULL;
    struct trace_key *keys = arena_alloc_array(arena, (size_t)limit, sizeof(*keys));
    int64_t count = old_traces(db, arena, before_ms, limit, keys);
    for (int64_t i = 0; i < count; i++) {
        int rc = delete_by_key(db, sql_delete_segments, &keys[i]);
        if (rc == 0)
            rc = delete_by_key(db, sql_delete_trace, &keys[i]);
        if (rc < 0)
            return rc;
    }
    int rc = count < 0 ? (int)count : db_prepare(db, sql_sweep_statistics, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, before_ms);
    rc = run(stmt);
    return rc < 0 ? rc : count;
}

int xray_store_has_traces(struct db *db)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_has_traces, &stmt);
    if (rc == 0)
        rc = stmt_step(stmt);
    return rc == 1 ? stmt_i64(stmt, 0) != 0 : rc;
}

/* --- things --- */

static void bind_key(struct stmt *stmt, struct scope scope, const char *kind, struct str name)
{
    stmt_bind_scope(stmt, scope);
    stmt_bind_str(stmt, 3, str_from_cstr(kind));
    stmt_bind_str(stmt, 4, name);
}

static struct xray_thing thing_from_row(struct stmt *stmt, struct arena *arena)
{
    return (struct xray_thing){
        .name = stmt_str(stmt, 0, arena),
        .text = stmt_str(stmt, 1, arena),
        .created_at_ms = stmt_i64(stmt, 2),
        .modified_at_ms = stmt_i64(stmt, 3),
    };
}

int xray_store_find_thing(struct db *db, struct arena *arena, struct scope scope, const char *kind,
                          struct str name, struct xray_thing **out_thing)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find_thing, &stmt);
    if (rc < 0)
        return rc;
    bind_key(stmt, scope, kind, name);
    rc = stmt_step(stmt);
    if (rc < 0)
        return rc;
    *out_thing = NULL;
    if (rc == 1) {
        *out_thing = arena_alloc(arena, sizeof(**out_thing));
        **out_thing = thing_from_row(stmt, arena);
    }
    return 0;
}

int xray_store_put_thing(struct db *db, struct scope scope, const char *kind,
                         const struct xray_thing *thing)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_put_thing, &stmt);
    if (rc < 0)
        return rc;
    bind_key(stmt, scope, kind, thing->name);
    stmt_bind_str(stmt, 5, thing->text);
    stmt_bind_i64(stmt, 6, thing->created_at_ms);
    stmt_bind_i64(stmt, 7, thing->modified_at_ms);
    return run(stmt);
}

int xray_store_delete_thing(struct db *db, struct scope scope, const char *kind, struct str name)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_delete_thing, &stmt);
    if (rc < 0)
        return rc;
    bind_key(stmt, scope, kind, name);
    int64_t changed = stmt_run(stmt);
    return changed < 0 ? (int)changed : changed > 0;
}

int64_t xray_store_list_things(struct db *db, struct arena *arena, struct scope scope,
                               const char *kind, struct str after, int64_t limit,
                               struct xray_thing *out_things)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_list_things, &stmt);
    if (rc < 0)
        return rc;
    bind_key(stmt, scope, kind, after);
    stmt_bind_i64(stmt, 5, limit);
    int64_t count = 0;
    while ((rc = stmt_step(stmt)) == 1)
        out_things[count++] = thing_from_row(stmt, arena);
    return rc < 0 ? rc : count;
}

/* --- sampling statistics --- */

int xray_store_add_statistic(struct db *db, struct scope scope,
                             const struct xray_statistic *statistic)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_add_statistic, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, scope);
    stmt_bind_str(stmt, 3, statistic->rule);
    stmt_bind_i64(stmt, 4, statistic->minute_ms);
    stmt_bind_i64(stmt, 5, statistic->requests);
    stmt_bind_i64(stmt, 6, statistic->borrowed);
    stmt_bind_i64(stmt, 7, statistic->sampled);
    return run(stmt);
}

int64_t xray_store_list_statistics(struct db *db, struct arena *arena, struct scope scope,
                                   int64_t from_ms, int64_t limit,
                                   struct xray_statistic *out_statistics)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_list_statistics, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, scope);
    stmt_bind_i64(stmt, 3, from_ms);
    stmt_bind_i64(stmt, 4, limit);
    int64_t count = 0;
    while ((rc = stmt_step(stmt)) == 1)
        out_statistics[count++] = (struct xray_statistic){
            .rule = stmt_str(stmt, 0, arena),
            .minute_ms = stmt_i64(stmt, 1),
            .requests = stmt_i64(stmt, 2),
            .borrowed = stmt_i64(stmt, 3),
            .sampled = stmt_i64(stmt, 4),
        };
    return rc < 0 ? rc : count;
}
