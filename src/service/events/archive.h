/* archive.h — archives and replays: private to this folder. */
#pragma once

#include "service/events/events.h"

struct events_archive_row {
    int64_t id;
    struct scope scope;
    struct str name;
    int64_t bus_id;
    struct str bus_arn;
    struct str description; /* absent: none; so the next two */
    struct str pattern;
    struct str kms_key;
    int64_t retention_days; /* 0: for ever */
    int64_t created_at_ms;
    int64_t size_bytes;
    int64_t event_count;
};

struct events_archived_row {
    int64_t archived_at_ms;
    int64_t id;
    struct str body;
};

struct events_replay_row {
    struct scope scope;
    struct str name;
    int64_t archive_id;
    struct str archive_arn;
    struct str description;
    struct str state;
    struct str state_reason;
    struct str destination; /* JSON text: {"Arn", "FilterArns"} */
    int64_t from_ms;
    int64_t until_ms;
    int64_t last_replayed_ms; /* of the last event that was sent, with its id; 0: none */
    int64_t last_id;
    int64_t started_at_ms;
    int64_t ended_at_ms; /* 0: not yet */
};

struct str events_archive_arn(struct arena *arena, const struct events_archive_row *archive);
/* Starts, moves or stops what removes old events. */
enum status events_schedule_archive(struct call *call, const struct events_archive_row *archive);

/* ---- store_archive.c ------------------------------------------------------------------------- */

MUST_CHECK int events_store_put_archive(struct db *db, const struct events_archive_row *archive);
MUST_CHECK int events_store_find_archive(struct db *db, struct arena *arena, struct scope scope,
                                         struct str name, struct events_archive_row *out);
/* With all its events. */
MUST_CHECK int events_store_delete_archive(struct db *db, int64_t archive_id);
MUST_CHECK int events_store_list_archives(struct db *db, struct arena *arena, struct scope scope,
                                          const struct events_page *page, struct vec *out);
MUST_CHECK int events_store_list_archives_of_bus(struct db *db, struct arena *arena, int64_t bus_id,
                                                 struct vec *out);
/* Adds an event and counts it. */
MUST_CHECK int events_store_archive_event(struct db *db, int64_t archive_id, int64_t now_ms,
                                          int64_t id, struct str body);
/* Events behind (after_ms, after_id) up to before `until_ms`, oldest first. */
MUST_CHECK int events_store_list_archived(struct db *db, struct arena *arena, int64_t archive_id,
                                          const struct events_archived_row *after, int64_t until_ms,
                                          int64_t limit, struct vec *out);
/* Removes up to `limit` events older than `before_ms` and counts them off. Their number or -errno.
 */
MUST_CHECK int64_t events_store_expire_archived(struct db *db, struct arena *arena,
                                                int64_t archive_id, int64_t before_ms,
                                                int64_t limit);
MUST_CHECK int events_store_put_replay(struct db *db, const struct events_replay_row *replay);
MUST_CHECK int events_store_find_replay(struct db *db, struct arena *arena, struct scope scope,
                                        struct str name, struct events_replay_row *out);
MUST_CHECK int events_store_list_replays(struct db *db, struct arena *arena, struct scope scope,
                                         const struct events_page *page, struct vec *out);
