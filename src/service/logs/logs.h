/* logs.h — CloudWatch Logs from inside. Private to this folder.
 *
 * A group (logs_group) has streams (logs_stream); the events of one PutLogEvents are one row of
 * logs_batch: a blob, the range of their times and a sequence number within the stream. So a
 * million events are some hundred rows, and a filter reads them at the speed of memory.
 *
 * An event's place is its key (time, stream, sequence, index in its batch), which orders all events
 * of a group; event ids, tokens and record pointers are keys written as 56 digits. A batch spans at
 * most a day, so the batches that can hold a time begin in the day before it.
 */
#pragma once

#include "engine/cfn/resource.h"
#include "logs/logs_api.h"
#include "service/logs/logs_public.h"
#include "store/db.h"

struct buf;
struct json;
struct filter_pattern;

enum {
    LOGS_DAY_MS = 24 * 60 * 60 * 1000,
    LOGS_HOUR_MS = 60 * 60 * 1000,
    LOGS_MAX_EVENTS = 10000,      /* AWS: of a PutLogEvents, and of an answer */
    LOGS_MAX_BATCH = 1024 * 1024, /* AWS: bytes, 26 for each event added */
    LOGS_EVENT_OVERHEAD = 26,
    LOGS_MAX_ANSWER = 1024 * 1024, /* AWS: "up to 1 MB" */
    LOGS_RESOURCE_TYPES = 6,       /* of CloudFormation */
};

struct log_group {
    int64_t id;
    struct scope scope;
    struct str name;
    int64_t created_at_ms;
    int64_t retention_days; /* 0: for ever */
    struct str class_name;
    struct str kms_key_id; /* ARN or empty */
    struct str tags;       /* JSON object */
    bool is_protected;
    bool is_subscribed; /* has a subscription filter */
    /* not columns */
    struct str arn;
    int64_t stored_bytes;
    int64_t metric_filter_count;
};

struct log_stream {
    int64_t id;
    int64_t group_id;
    struct str name;
    int64_t created_at_ms;
    int64_t first_at_ms; /* of events; 0: none */
    int64_t last_at_ms;
    int64_t ingested_at_ms;
    int64_t stored_bytes;
    int64_t sequence; /* of its last batch */
};

struct log_batch {
    int64_t stream_id;
    int64_t sequence;
    int64_t group_id;
    int64_t first_at_ms;
    int64_t last_at_ms;
    int64_t count;
    int64_t byte_count; /* as AWS counts */
    int64_t ingested_at_ms;
    struct str events;
};

struct log_key {
    int64_t at_ms;
    int64_t stream_id;
    int64_t sequence;
    int64_t index;
};

struct log_event {
    struct log_key key;
    int64_t ingested_at_ms;
    struct str message;
};

/* --- group.c --- */

struct str logs_group_arn(struct arena *arena, struct scope scope, struct str name);
/* The group that a name, an ARN or (the other absent) an identifier means; fails the call. */
enum status logs_find_group(struct call *call, struct str name, struct str identifier,
                            struct log_group *out_group);
enum status logs_group_missing(struct call *call);
enum status logs_token_read(struct call *call, struct str token, struct str *out_after);
struct str logs_token_write(struct call *call, struct str last);
enum status logs_make_group(struct call *call, struct scope scope, struct str name,
                            struct log_group *out_group);
/* 0 for none: the time before which the group's events have expired. */
int64_t logs_expiry(const struct call *call, const struct log_group *group);

/* --- stream.c --- */

enum status logs_find_stream(struct call *call, const struct log_group *group, struct str name,
                             struct log_stream *out_stream);
enum status logs_make_stream(struct call *call, const struct log_group *group, struct str name,
                             struct log_stream *out_stream);

/* --- key.c: keys as text --- */

int log_key_compare(const struct log_key *a, const struct log_key *b);
/* 56 digits. */
struct str log_key_write(struct arena *arena, const struct log_key *key);
/* 0 or -EINVAL. */
MUST_CHECK int log_key_read(struct str text, struct log_key *out_key);

/* --- scan.c --- */

/* Walks over the events of a batch. */
struct log_walk {
    const struct log_batch *batch;
    size_t at;
    int64_t index;
};
bool log_walk_next(struct log_walk *walk, struct log_event *out_event);
void log_batch_append(struct buf *out, int64_t at_ms, struct str message);

/* Which events, and how many. */
struct log_query {
    int64_t group_id;
    int64_t stream_id;         /* not 0: only this stream */
    const int64_t *stream_ids; /* or only these, sorted; NULL: all */
    size_t stream_count;
    int64_t from_ms; /* inclusive */
    int64_t to_ms;   /* inclusive */
    bool has_bound;  /* only events behind (newest: before) `bound` */
    struct log_key bound;
    bool takes_newest;
    size_t limit;
    size_t max_bytes;
    const struct filter_pattern *pattern; /* NULL: everything */
};
struct log_found {
    struct log_event *items; /* in order */
    size_t count;
    bool is_partial;       /* there may be more */
    struct log_key resume; /* the bound with which to go on */
};
MUST_CHECK int logs_select(struct call *call, const struct log_query *query,
                           struct log_found *out_found);
/* Calls `visit` for every event of the range, batch by batch, in no special order; ends early when
 * it returns false. The event's message lives only during the call. */
typedef bool log_visit_fn(void *context, const struct log_event *event);
MUST_CHECK int logs_each(struct call *call, const struct log_query *query, log_visit_fn *visit,
                         void *context);

/* --- put.c --- */

struct log_put {
    const struct log_group *group;
    struct log_stream *stream;
    const struct logs_line *lines;
    size_t count;
};
/* Indexes as in RejectedLogEventsInfo; negative: none. */
struct log_rejected {
    int64_t old_end;
    int64_t expired_end;
    int64_t new_start;
};
enum status logs_put(struct call *call, const struct log_put *put, struct log_rejected *out);
enum status logs_schedule(struct call *call, const struct log_group *group);

/* --- subscription.c --- */

enum status logs_deliver(struct call *call, const struct log_group *group,
                         const struct log_stream *stream, const struct log_batch *batch);

/* --- query.c --- */

enum status logs_check_filter(struct call *call, struct str text,
                              struct filter_pattern **out_pattern);

/* --- store.c: finders give 1 or 0, lists a count, others 0; all -errno --- */

MUST_CHECK int logs_store_find_group(struct db *db, struct arena *arena, struct scope scope,
                                     struct str name, struct log_group *out_group);
MUST_CHECK int logs_store_insert_group(struct db *db, const struct log_group *group);
MUST_CHECK int logs_store_update_group(struct db *db, const struct log_group *group);
/* With streams, events and filters. */
MUST_CHECK int logs_store_delete_group(struct db *db, const struct log_group *group);
struct log_group_list {
    struct str after;
    struct str prefix;
    struct str pattern; /* LIKE, escaped with '\' */
    struct str class_name;
};
MUST_CHECK int64_t logs_store_list_groups(struct db *db, struct arena *arena, struct scope scope,
                                          const struct log_group_list *list, int64_t limit,
                                          struct log_group *out_groups);
MUST_CHECK int logs_store_find_stream(struct db *db, struct arena *arena, int64_t group_id,
                                      struct str name, struct log_stream *out_stream);
MUST_CHECK int logs_store_find_stream_by_id(struct db *db, struct arena *arena, int64_t id,
                                            struct log_stream *out_stream);
MUST_CHECK int logs_store_insert_stream(struct db *db, const struct log_stream *stream);
MUST_CHECK int logs_store_update_stream(struct db *db, const struct log_stream *stream);
MUST_CHECK int logs_store_delete_stream(struct db *db, const struct log_stream *stream);
struct log_stream_list {
    bool by_time;
    bool is_descending;
    bool has_start;
    int64_t after_ms;
    struct str after;
    struct str prefix;
};
MUST_CHECK int64_t logs_store_list_streams(struct db *db, struct arena *arena, int64_t group_id,
                                           const struct log_stream_list *list, int64_t limit,
                                           struct log_stream *out_streams);
MUST_CHECK int logs_store_insert_batch(struct db *db, const struct log_batch *batch);
/* Batches that touch [from_ms, to_ms], in order of (first_at, stream, sequence), or of last_at
 * backwards; behind `after` when it is not NULL. */
struct log_batch_list {
    int64_t group_id;
    int64_t stream_id;
    int64_t from_ms;
    int64_t to_ms;
    bool is_descending;
    bool has_start;
    int64_t after_ms;
    int64_t after_stream;
    int64_t after_sequence;
};
MUST_CHECK int64_t logs_store_list_batches(struct db *db, struct arena *arena,
                                           const struct log_batch_list *list, int64_t limit,
                                           struct log_batch *out_batches);
MUST_CHECK int logs_store_find_batch(struct db *db, struct arena *arena, int64_t stream_id,
                                     int64_t sequence, struct log_batch *out_batch);
/* Removes batches that ended before a time; the streams' sizes follow. */
MUST_CHECK int logs_store_expire(struct db *db, int64_t group_id, int64_t before_ms);
/* Time of the oldest last event of a batch; 0: there is none. */
MUST_CHECK int logs_store_oldest(struct db *db, int64_t group_id, int64_t *out_ms);

/* Small things that have a name in a scope: filters, policies, destinations, query definitions and
 * queries. What they are is JSON. */
struct log_item {
    struct str kind;  /* "metric", "subscription", "policy", "destination", "definition", "query" */
    struct str owner; /* group name, or empty */
    struct str name;
    int64_t created_at_ms;
    struct str value;
};
MUST_CHECK int logs_store_find_item(struct db *db, struct arena *arena, struct scope scope,
                                    struct str kind, struct str owner, struct str name,
                                    struct log_item *out_item);
MUST_CHECK int logs_store_put_item(struct db *db, struct scope scope, const struct log_item *item);
/* 1: it was there. */
MUST_CHECK int logs_store_delete_item(struct db *db, struct scope scope, struct str kind,
                                      struct str owner, struct str name);
/* After (owner, name); `owner` not empty: only its. */
struct log_item_list {
    struct str kind;
    struct str owner;
    struct str prefix;
    struct str after_owner;
    struct str after_name;
};
MUST_CHECK int64_t logs_store_list_items(struct db *db, struct arena *arena, struct scope scope,
                                         const struct log_item_list *list, int64_t limit,
                                         struct log_item *out_items);

extern const struct migration_set logs_migrations;
extern const struct resource_type logs_resource_types[];

/* handlers */
logs_associate_kms_key_fn logs_associate_kms_key;
logs_create_log_group_fn logs_create_log_group;
logs_create_log_stream_fn logs_create_log_stream;
logs_delete_destination_fn logs_delete_destination;
logs_delete_log_group_fn logs_delete_log_group;
logs_delete_log_stream_fn logs_delete_log_stream;
logs_delete_metric_filter_fn logs_delete_metric_filter;
logs_delete_query_definition_fn logs_delete_query_definition;
logs_delete_resource_policy_fn logs_delete_resource_policy;
logs_delete_retention_policy_fn logs_delete_retention_policy;
logs_delete_subscription_filter_fn logs_delete_subscription_filter;
logs_describe_destinations_fn logs_describe_destinations;
logs_describe_log_groups_fn logs_describe_log_groups;
logs_describe_log_streams_fn logs_describe_log_streams;
logs_describe_metric_filters_fn logs_describe_metric_filters;
logs_describe_queries_fn logs_describe_queries;
logs_describe_query_definitions_fn logs_describe_query_definitions;
logs_describe_resource_policies_fn logs_describe_resource_policies;
logs_describe_subscription_filters_fn logs_describe_subscription_filters;
logs_disassociate_kms_key_fn logs_disassociate_kms_key;
logs_filter_log_events_fn logs_filter_log_events;
logs_get_log_events_fn logs_get_log_events;
logs_get_log_group_fields_fn logs_get_log_group_fields;
logs_get_log_record_fn logs_get_log_record;
logs_get_query_results_fn logs_get_query_results;
logs_list_log_groups_fn logs_list_log_groups;
logs_list_tags_for_resource_fn logs_list_tags_for_resource;
logs_list_tags_log_group_fn logs_list_tags_log_group;
logs_put_destination_fn logs_put_destination;
logs_put_destination_policy_fn logs_put_destination_policy;
logs_put_log_events_fn logs_put_log_events;
logs_put_log_group_deletion_protection_fn logs_put_log_group_deletion_protection;
logs_put_metric_filter_fn logs_put_metric_filter;
logs_put_query_definition_fn logs_put_query_definition;
logs_put_resource_policy_fn logs_put_resource_policy;
logs_put_retention_policy_fn logs_put_retention_policy;
logs_put_subscription_filter_fn logs_put_subscription_filter;
logs_start_query_fn logs_start_query;
logs_stop_query_fn logs_stop_query;
logs_tag_log_group_fn logs_tag_log_group;
logs_tag_resource_fn logs_tag_resource;
logs_test_metric_filter_fn logs_test_metric_filter;
logs_untag_log_group_fn logs_untag_log_group;
logs_untag_resource_fn logs_untag_resource;
extern const struct logs_handlers logs_handlers;
