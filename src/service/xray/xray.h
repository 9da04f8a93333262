/* xray.h — private to the folder: traces, rules, groups and what the files share.
 *
 * A segment document is a row of xray_segment, as it came; its trace has a row of xray_trace with
 * the times that it is looked up by. Everything else about a trace is computed when asked for
 * (trace.h).
 */
#pragma once

#include "engine/cfn/resource.h"
#include "service/xray/expression.h"
#include "service/xray/trace.h"
#include "service/xray/xray_public.h"
#include "xray/xray_api.h"

struct json;

enum {
    XRAY_KEPT_MS_DAYS = 30, /* AWS: "X-Ray retains trace data for 30 days" */
    XRAY_PAGE = 100,
    XRAY_DOCUMENT_MAX = 64 * 1024, /* AWS: size of a segment document */
};

struct xray_segment_row {
    struct str trace_id;
    struct str segment_id;
    int64_t start_ms;
    int64_t end_ms;
    struct str document;
};

/* What a page of traces is chosen by. */
struct xray_trace_query {
    struct scope scope;
    bool is_by_id_time; /* TimeRangeType TraceId: the time in the id; else that of the segments */
    int64_t from_ms;
    int64_t to_ms;
    int64_t after_ms; /* the last trace of the page before */
    struct str after_id;
    int64_t limit;
};

/* A trace with its segments, parsed. */
struct xray_loaded {
    struct xray_tree *tree;
    int64_t at_ms; /* what it is sorted by */
    int64_t revision;
    const struct xray_segment_row *segments;
    size_t segment_count;
};

PRINTF_LIKE(2, 3) enum status xray_invalid(struct call *call, const char *format, ...);
/* "{TIME}.{ID}" in base64, of lists of traces; or a plain text. */
struct str xray_token(struct call *call, struct str text);
enum status xray_read_token(struct call *call, struct str token, struct str *out_text);

/* segment.c */
/* Takes one document; *out_id is its segment id where it has one. NULL on success, else the error
 * code; a fault of the store is a negative *out_rc. */
const char *xray_take_segment(struct call *call, struct scope scope, struct str text,
                              struct str *out_id, int *out_rc);
enum status xray_start_sweep(struct call *call);
/* One page of traces; *out_count is what came, at most query->limit. 0 or -errno. */
MUST_CHECK int xray_load_traces(struct call *call, const struct xray_trace_query *query,
                                struct xray_loaded **out_traces, size_t *out_count);
/* By ids, as far as they are there. */
MUST_CHECK int xray_load_trace(struct call *call, struct str id, struct xray_loaded *out_trace);

/* group.c */
struct xray_group_row {
    struct str name;
    struct str id; /* behind the name in its ARN; empty: the default group */
    struct str filter;
    bool has_insights;
    bool has_notifications;
};
/* Compiles an expression with its groups; fails the call when it is malformed. */
enum status xray_compile(struct call *call, struct str text, struct xray_expression **out);
/* The filter of the group that is named; absent names give the expression of everything. */
enum status xray_group_filter(struct call *call, struct str name, struct str arn,
                              struct xray_expression **out);

/* config.c: tags of groups and rules, by ARN. `tags` replaces nothing: it is for new ones. */
enum status xray_put_tags(struct call *call, struct str arn, const struct xray_tag_list *tags);

/* store.c */
extern const struct migration_set xray_migrations;
MUST_CHECK int xray_store_put_segment(struct db *db, struct scope scope,
                                      const struct xray_segment_row *row, int64_t id_time_ms,
                                      int64_t now_ms);
/* Segments of the traces of a query, trace by trace. Rows are pushed into `out_rows` (struct
 * xray_store_row). 0 or -errno. */
struct xray_store_row {
    struct xray_segment_row segment;
    int64_t at_ms;
    int64_t revision;
};
struct vec;
MUST_CHECK int xray_store_list(struct db *db, struct arena *arena,
                               const struct xray_trace_query *query, struct vec *out_rows);
MUST_CHECK int xray_store_find(struct db *db, struct arena *arena, struct scope scope,
                               struct str trace_id, struct vec *out_rows);
/* Removes up to `limit` traces that came before `before_ms`. Count or -errno. */
MUST_CHECK int64_t xray_store_sweep(struct db *db, int64_t before_ms, int64_t limit);
/* 1 when there is any trace, 0 or -errno. */
MUST_CHECK int xray_store_has_traces(struct db *db);

/* Things with a name and a JSON text, by kind: "group", "rule", "policy", "encryption", "tags". */
struct xray_thing {
    struct str name;
    struct str text;
    int64_t created_at_ms;
    int64_t modified_at_ms;
};
MUST_CHECK int xray_store_find_thing(struct db *db, struct arena *arena, struct scope scope,
                                     const char *kind, struct str name,
                                     struct xray_thing **out_thing);
MUST_CHECK int xray_store_put_thing(struct db *db, struct scope scope, const char *kind,
                                    const struct xray_thing *thing);
/* 1: removed, 0: was not there, -errno. */
MUST_CHECK int xray_store_delete_thing(struct db *db, struct scope scope, const char *kind,
                                       struct str name);
/* By name, behind `after`. Count or -errno. */
MUST_CHECK int64_t xray_store_list_things(struct db *db, struct arena *arena, struct scope scope,
                                          const char *kind, struct str after, int64_t limit,
                                          struct xray_thing *out_things);
struct xray_statistic {
    struct str rule;
    int64_t minute_ms;
    int64_t requests;
    int64_t borrowed;
    int64_t sampled;
};
MUST_CHECK int xray_store_add_statistic(struct db *db, struct scope scope,
                                        const struct xray_statistic *statistic);
MUST_CHECK int64_t xray_store_list_statistics(struct db *db, struct arena *arena,
                                              struct scope scope, int64_t from_ms, int64_t limit,
                                              struct xray_statistic *out_statistics);

/* cfn.c */
extern const struct resource_type xray_resource_types[];

/* handlers */
xray_batch_get_traces_fn xray_batch_get_traces;
xray_create_group_fn xray_create_group;
xray_create_sampling_rule_fn xray_create_sampling_rule;
xray_delete_group_fn xray_delete_group;
xray_delete_resource_policy_fn xray_delete_resource_policy;
xray_delete_sampling_rule_fn xray_delete_sampling_rule;
xray_get_encryption_config_fn xray_get_encryption_config;
xray_get_group_fn xray_get_group;
xray_get_groups_fn xray_get_groups;
xray_get_sampling_rules_fn xray_get_sampling_rules;
xray_get_sampling_statistic_summaries_fn xray_get_sampling_statistic_summaries;
xray_get_sampling_targets_fn xray_get_sampling_targets;
xray_get_service_graph_fn xray_get_service_graph;
xray_get_time_series_service_statistics_fn xray_get_time_series_service_statistics;
xray_get_trace_graph_fn xray_get_trace_graph;
xray_get_trace_summaries_fn xray_get_trace_summaries;
xray_list_resource_policies_fn xray_list_resource_policies;
xray_list_tags_for_resource_fn xray_list_tags_for_resource;
xray_put_encryption_config_fn xray_put_encryption_config;
xray_put_resource_policy_fn xray_put_resource_policy;
xray_put_telemetry_records_fn xray_put_telemetry_records;
xray_put_trace_segments_fn xray_put_trace_segments;
xray_tag_resource_fn xray_tag_resource;
xray_untag_resource_fn xray_untag_resource;
xray_update_group_fn xray_update_group;
xray_update_sampling_rule_fn xray_update_sampling_rule;
