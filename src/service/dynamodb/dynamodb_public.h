/* dynamodb_public.h — what others may call: the service, its workflows, reading a stream.
 *
 * A stream's records are rows in shards. A reader of another service (Lambda's event source
 * mappings) keeps a position per shard, reads on from it, and waits on the stream's channel
 * when there is nothing: every append notifies it.
 */
#pragma once

#include "engine/workflow/workflow.h"
#include "wire/service.h"

extern const struct service dynamodb_service;

extern const struct workflow_kind ddb_table_kind;  /* a table's way to ACTIVE, and its end */
extern const struct workflow_kind ddb_expiry_kind; /* time to live */
extern const struct workflow_kind ddb_trim_kind;   /* what is too old in streams and logs */
extern const struct workflow_kind ddb_copy_kind;   /* backups and restores */
extern const struct workflow_kind ddb_export_kind; /* tables to S3 */
extern const struct workflow_kind ddb_import_kind; /* and from there */
extern const struct workflow_kind ddb_count_kind;  /* sizes of large tables */

enum {
    DDB_STREAM_RECORDS_MAX = 1000, /* AWS: GetRecords: up to 1000 records or 1 MB */
    DDB_STREAM_BYTES_MAX = 1024 * 1024,
};

/* One stream of a table: a table has a new one each time its stream is enabled. */
struct ddb_stream {
    struct scope scope;
    struct str table_name;
    struct str label; /* "2026-11-21T00:34:27.123" */
    struct str arn;
    int64_t stream_key;
    int64_t table_key;
    struct str view_type;
    bool is_enabled;
    int64_t created_at_ms;
    int64_t disabled_at_ms; /* 0: it is not */
    struct str key_schema;  /* JSON: ["hash"] or ["hash", "range"] */
};

struct ddb_stream_shard {
    struct str id; /* "shardId-00000001541626099285-f35f62ef" */
    struct str parent_id;
    int64_t slot;  /* records of a partition key are always in the same slot */
    int64_t first; /* number of the first record that it may hold */
    int64_t last;  /* number of its last record; open: -1 */
};

/* A record as stored. Items are lists of entries of any generated map of attribute values (see
 * ddb_item_to_api): dynamodb's and dynamodbstreams's look alike. */
struct ddb_stream_record {
    int64_t slot;
    int64_t number; /* within the slot; ascending, without gaps */
    int64_t created_at_ms;
    struct str event_name; /* INSERT, MODIFY, REMOVE */
    bool is_expiry;        /* deleted by time to live */
    int64_t size_bytes;
    struct str keys; /* encoded items (ddb_stream_image); empty: not in the view */
    struct str new_image;
    struct str old_image;
};

/* The stream of that ARN. 1, 0 when there is none, or -errno. */
MUST_CHECK int ddb_stream_find(struct call *call, struct str arn, struct ddb_stream *out_stream);
/* Shards, oldest first. Returns 0 or -errno. */
MUST_CHECK int ddb_stream_shards(struct call *call, const struct ddb_stream *stream,
                                 struct ddb_stream_shard **out_shards, size_t *out_count);
/* Records of a slot with numbers from `from` to `to`, at most `limit` and DDB_STREAM_BYTES_MAX.
 * Returns 0 or -errno. */
MUST_CHECK int ddb_stream_read(struct call *call, const struct ddb_stream *stream, int64_t slot,
                               int64_t from, int64_t to, int64_t limit,
                               struct ddb_stream_record **out_records, size_t *out_count);
/* The first record that is kept in the slot and the last one made; first > last: none is kept.
 * Returns 0 or -errno. */
MUST_CHECK int ddb_stream_bounds(struct call *call, const struct ddb_stream *stream, int64_t slot,
                                 int64_t *out_first, int64_t *out_last);
/* Streams of the call's scope in order of table and label, behind (after_table, after_label);
 * table_name empty: of all tables. Returns the count or -errno. */
MUST_CHECK int64_t ddb_stream_list(struct call *call, struct str table_name, struct str after_table,
                                   struct str after_label, int64_t limit,
                                   struct ddb_stream *out_streams);
/* Resource policy of a stream, for its readers' authorization: 1, 0 when it has none, or -errno. */
MUST_CHECK int ddb_stream_policy(struct call *call, const struct ddb_stream *stream,
                                 struct str *out_policy);
/* The record as AWS names it. */
struct str ddb_sequence_number(struct arena *arena, int64_t slot, int64_t number);
/* Reads such a text. 0 or -EINVAL. */
MUST_CHECK int ddb_sequence_read(struct str text, int64_t *out_slot, int64_t *out_number);
struct str ddb_event_id(struct arena *arena, const struct ddb_stream *stream,
                        const struct ddb_stream_record *record);
/* Entries of an image. Returns 0 or -errno. */
MUST_CHECK int ddb_stream_image(struct arena *arena, struct str image, void **out_entries,
                                size_t *out_count);
/* Notified by the commit of every append to the stream. */
struct str ddb_stream_channel(struct arena *arena, int64_t stream_key);
