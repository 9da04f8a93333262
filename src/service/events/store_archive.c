/* store_archive.c — SQL of archives and replays. */
#include "base/arena.h"
#include "base/vec.h"
#include "service/events/archive.h"

#define ARCHIVE_COLUMNS                                                                            \
    "id, account, region, name, bus_id, bus_arn, description, pattern, kms_key, retention_days, "  \
    "created_at, size_bytes, event_count"
#define REPLAY_COLUMNS                                                                             \
    "account, region, name, archive_id, archive_arn, description, state, state_reason, "           \
    "destination, from_at, until_at, last_replayed_at, last_id, started_at, ended_at"

static const char sql_put_archive[] =
    "INSERT INTO events_archive (" ARCHIVE_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, "
    "$10, $11, $12, $13) ON CONFLICT (id) DO UPDATE SET description = excluded.description, "
    "pattern = excluded.pattern, kms_key = excluded.kms_key, retention_days = "
    "excluded.retention_days";
static const char sql_find_archive[] =
    "SELECT " ARCHIVE_COLUMNS
    " FROM events_archive WHERE account = $1 AND region = $2 AND name = $3";
static const char sql_delete_archive[] = "DELETE FROM events_archive WHERE id = $1";
static const char sql_delete_archived[] = "DELETE FROM events_archived WHERE archive_id = $1";
static const char sql_list_archives[] =
    "SELECT " ARCHIVE_COLUMNS " FROM events_archive WHERE account = $1 AND region = $2 AND name > "
    "$3 AND name >= $4 AND name < $5 ORDER BY name LIMIT $6";
static const char sql_archives_of_bus[] =
    "SELECT " ARCHIVE_COLUMNS " FROM events_archive WHERE bus_id = $1 ORDER BY id";
static const char sql_archive_event[] =
    "INSERT INTO events_archived (archive_id, archived_at, id, body) VALUES ($1, $2, $3, $4)";
static const char sql_count_event[] = "UPDATE events_archive SET size_bytes = size_bytes + $2, "
                                      "event_count = event_count + $3 WHERE id = $1";
static const char sql_list_archived[] =
    "SELECT archived_at, id, body FROM events_archived WHERE archive_id = $1 AND (archived_at, id) "
    "> ($2, $3) AND archived_at < $4 ORDER BY archived_at, id LIMIT $5";
static const char sql_expire[] =
    "DELETE FROM events_archived WHERE archive_id = $1 AND archived_at = $2 AND id = $3";
static const char sql_put_replay[] =
    "INSERT INTO events_replay (" REPLAY_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, "
    "$10, $11, $12, $13, $14, $15) ON CONFLICT (account, region, name) DO UPDATE SET state = "
    "excluded.state, state_reason = excluded.state_reason, last_replayed_at = "
    "excluded.last_replayed_at, last_id = excluded.last_id, ended_at = excluded.ended_at";
static const char sql_find_replay[] =
    "SELECT " REPLAY_COLUMNS " FROM events_replay WHERE account = $1 AND region = $2 AND name = $3";
static const char sql_list_replays[] =
    "SELECT " REPLAY_COLUMNS " FROM events_replay WHERE account = $1 AND region = $2 AND name > $3 "
    "AND name >= $4 AND name < $5 ORDER BY name LIMIT $6";

static int run(struct stmt *stmt)
{
    int64_t changed = stmt_run(stmt);
    return changed < 0 ? (int)changed : 0;
}

static void bind_page(struct stmt *stmt, const struct events_page *page, struct arena *arena)
{
    stmt_bind_str(stmt, 3, page->after);
    stmt_bind_str(stmt, 4, page->prefix);
    stmt_bind_str(stmt, 5, str_concat(arena, page->prefix, STR("\x7F")));
    stmt_bind_i64(stmt, 6, (int64_t)page->limit);
}

int events_store_put_archive(struct db *db, const struct events_archive_row *archive)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_put_archive, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, archive->id);
    stmt_bind_str(stmt, 2, archive->scope.account);
    stmt_bind_str(stmt, 3, archive->scope.region);
    stmt_bind_str(stmt, 4, archive->name);
    stmt_bind_i64(stmt, 5, archive->bus_id);
    stmt_bind_str(stmt, 6, archive->bus_arn);
    stmt_bind_str(stmt, 7, archive->description);
    stmt_bind_str(stmt, 8, archive->pattern);
    stmt_bind_str(stmt, 9, archive->kms_key);
    stmt_bind_i64(stmt, 10, archive->retention_days);
    stmt_bind_i64(stmt, 11, archive->created_at_ms);
    stmt_bind_i64(stmt, 12, archive->size_bytes);
    stmt_bind_i64(stmt, 13, archive->event_count);
    return run(stmt);
}

static struct events_archive_row read_archive(struct stmt *stmt, struct arena *arena)
{
    return (struct events_archive_row){
        .id = stmt_i64(stmt, 0),
        .scope = {.account = stmt_str(stmt, 1, arena), .region = stmt_str(stmt, 2, arena)},
        .name = stmt_str(stmt, 3, arena),
        .bus_id = stmt_i64(stmt, 4),
        .bus_arn = stmt_str(stmt, 5, arena),
        .description = stmt_str(stmt, 6, arena),
        .pattern = stmt_str(stmt, 7, arena),
        .kms_key = stmt_str(stmt, 8, arena),
        .retention_days = stmt_i64(stmt, 9),
        .created_at_ms = stmt_i64(stmt, 10),
        .size_bytes = stmt_i64(stmt, 11),
        .event_count = stmt_i64(stmt, 12),
    };
}

int events_store_find_archive(struct db *db, struct arena *arena, struct scope scope,
                              struct str name, struct events_archive_row *out)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find_archive, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, scope);
    stmt_bind_str(stmt, 3, name);
    rc = stmt_step(stmt);
    if (rc == 1)
        *out = read_archive(stmt, arena);
    return rc;
}

static int run_with_id(struct db *db, const char *sql, int64_t id)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, id);
    return run(stmt);
}

int events_store_delete_archive(struct db *db, int64_t archive_id)
{
    int rc = run_with_id(db, sql_delete_archived, archive_id);
    return rc < 0 ? rc : run_with_id(db, sql_delete_archive, archive_id);
}

int events_store_list_archives(struct db *db, struct arena *arena, struct scope scope,
                               const struct events_page *page, struct vec *out)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_list_archives, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, scope);
    bind_page(stmt, page, arena);
    while ((rc = stmt_step(stmt)) == 1)
        *(struct events_archive_row *)vec_push(out) = read_archive(stmt, arena);
    return rc;
}

int events_store_list_archives_of_bus(struct db *db, struct arena *arena, int64_t bus_id,
                                      struct vec *out)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_archives_of_bus, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, bus_id);
    while ((rc = stmt_step(stmt)) == 1)
        *(struct events_archive_row *)vec_push(out) = read_archive(stmt, arena);
    return rc;
}

static int count_events(struct db *db, int64_t archive_id, int64_t bytes, int64_t count)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_count_event, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, archive_id);
    stmt_bind_i64(stmt, 2, bytes);
    stmt_bind_i64(stmt, 3, count);
    return run(stmt);
}

int events_store_archive_event(struct db *db, int64_t archive_id, int64_t now_ms, int64_t id,
                               struct str body)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_archive_event, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, archive_id);
    stmt_bind_i64(stmt, 2, now_ms);
    stmt_bind_i64(stmt, 3, id);
    stmt_bind_str(stmt, 4, body);
    rc = run(stmt);
    return rc < 0 ? rc : count_events(db, archive_id, (int64_t)body.len, 1);
}

int events_store_list_archived(struct db *db, struct arena *arena, int64_t archive_id,
                               const struct events_archived_row *after, int64_t until_ms,
                               int64_t limit, struct vec *out)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_list_archived, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, archive_id);
    stmt_bind_i64(stmt, 2, after->archived_at_ms);
    stmt_bind_i64(stmt, 3, after->id);
    stmt_bind_i64(stmt, 4, until_ms);
    stmt_bind_i64(stmt, 5, limit);
    while ((rc = stmt_step(stmt)) == 1)
        *(struct events_archived_row *)vec_push(out) = (struct events_archived_row){
            .archived_at_ms = stmt_i64(stmt, 0),
            .id = stmt_i64(stmt, 1),
            .body = stmt_str(stmt, 2, arena),
        };
    return rc;
}

static int expire_one(struct db *db, int64_t archive_id, const struct events_archived_row *row)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_expire, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, archive_id);
    stmt_bind_i64(stmt, 2, row->archived_at_ms);
    stmt_bind_i64(stmt, 3, row->id);
    return run(stmt);
}

int64_t events_store_expire_archived(struct db *db, struct arena *arena, int64_t archive_id,
                                     int64_t before_ms, int64_t limit)
{
    const struct events_archived_row start = {0};
    int64_t bytes = 0;
    struct vec rows;
    vec_init(&rows, arena, sizeof(struct events_archived_row));
    int rc = events_store_list_archived(db, arena, archive_id, &start, before_ms, limit, &rows);
    for (size_t i = 0; rc == 0 && i < rows.count; i++) {
        const struct events_archived_row *row = vec_at(&rows, i);
        bytes += (int64_t)row->body.len;
        rc = expire_one(db, archive_id, row);
    }
    if (rc == 0 && rows.count > 0)
        rc = count_events(db, archive_id, -bytes, -(int64_t)rows.count);
    return rc < 0 ? rc : (int64_t)rows.count;
}

int events_store_put_replay(struct db *db, const struct events_replay_row *replay)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_put_replay, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, replay->scope);
    stmt_bind_str(stmt, 3, replay->name);
    stmt_bind_i64(stmt, 4, replay->archive_id);
    stmt_bind_str(stmt, 5, replay->archive_arn);
    stmt_bind_str(stmt, 6, replay->description);
    stmt_bind_str(stmt, 7, replay->state);
    stmt_bind_str(stmt, 8, replay->state_reason);
    stmt_bind_str(stmt, 9, replay->destination);
    stmt_bind_i64(stmt, 10, replay->from_ms);
    stmt_bind_i64(stmt, 11, replay->until_ms);
    stmt_bind_i64(stmt, 12, replay->last_replayed_ms);
    stmt_bind_i64(stmt, 13, replay->last_id);
    stmt_bind_i64(stmt, 14, replay->started_at_ms);
    stmt_bind_i64(stmt, 15, replay->ended_at_ms);
    return run(stmt);
}

static struct events_replay_row read_replay(struct stmt *stmt, struct arena *arena)
{
    return (struct events_replay_row){
        .scope = {.account = stmt_str(stmt, 0, arena), .region = stmt_str(stmt, 1, arena)},
        .name = stmt_str(stmt, 2, arena),
        .archive_id = stmt_i64(stmt, 3),
        .archive_arn = stmt_str(stmt, 4, arena),
        .description = stmt_str(stmt, 5, arena),
        .state = stmt_str(stmt, 6, arena),
        .state_reason = stmt_str(stmt, 7, arena),
        .destination = stmt_str(stmt, 8, arena),
        .from_ms = stmt_i64(stmt, 9),
        .until_ms = stmt_i64(stmt, 10),
        .last_replayed_ms = stmt_i64(stmt, 11),
        .last_id = stmt_i64(stmt, 12),
        .started_at_ms = stmt_i64(stmt, 13),
        .ended_at_ms = stmt_i64(stmt, 14),
    };
}

int events_store_find_replay(struct db *db, struct arena *arena, struct scope scope,
                             struct str name, struct events_replay_row *out)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_find_replay, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, scope);
    stmt_bind_str(stmt, 3, name);
    rc = stmt_step(stmt);
    if (rc == 1)
        *out = read_replay(stmt, arena);
    return rc;
}

int events_store_list_replays(struct db *db, struct arena *arena, struct scope scope,
                              const struct events_page *page, struct vec *out)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(db, sql_list_replays, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_scope(stmt, scope);
    bind_page(stmt, page, arena);
    while ((rc = stmt_step(stmt)) == 1)
        *(struct events_replay_row *)vec_push(out) = read_replay(stmt, arena);
    return rc;
}
