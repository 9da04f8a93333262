/* events.h — private to the folder: buses, rules, targets, archives, replays, connections.
 *
 * A bus is a row of events_bus; the default bus has one as soon as something is changed on it. Its
 * `version` is a random number, new with each change of its rules, targets and archives: what a
 * thread has compiled of a bus (cache.c) is good as long as the version is the same.
 */
#pragma once

#include "engine/cfn/resource.h"
#include "events/events_api.h"
#include "service/events/events_public.h"
#include "service/events/pattern.h"

struct json;
struct vec;

#define EVENTS_PRINCIPAL "events.amazonaws.com"

enum {
    EVENTS_LIST_DEFAULT = 100, /* AWS: Limit */
    EVENTS_MAX_RULES = 300,    /* AWS: rules per bus */
    EVENTS_MAX_TARGETS = 5,    /* AWS: targets per rule */
    EVENTS_RESOURCE_TYPES = 6, /* of CloudFormation */
};

struct events_bus_row {
    int64_t id; /* 0: the default bus, of which there is no row yet */
    struct scope scope;
    struct str name;
    int64_t created_at_ms;
    int64_t modified_at_ms;
    int64_t version;
    struct str policy;      /* JSON text, or empty; so the next */
    struct str description; /* absent: none; so the next */
    struct str kms_key;
    struct str dead_letter; /* ARN of a queue */
    struct str log_config;  /* JSON text */
    struct str tags;        /* JSON object text */
};

struct events_rule_row {
    int64_t bus_id;
    struct str name;
    struct str pattern; /* absent: none; so the next three */
    struct str schedule;
    struct str description;
    struct str role_arn;
    struct str state;
    struct str tags; /* JSON object text */
    struct str created_by;
    int64_t scheduled_at_ms; /* when the schedule began: rates count from here */
};

struct events_target_row {
    int64_t bus_id;
    struct str rule;
    struct str id;
    struct str arn;
    struct str body; /* the API's Target as JSON text */
};

/* A page: names behind `after`, at most `limit`. */
struct events_page {
    struct str after;
    struct str prefix; /* names begin so; empty: all */
    size_t limit;
};

extern const struct migration_set events_migrations;
extern const struct events_handlers events_handlers;
extern const struct resource_type events_resource_types[];

/* ---- arn.c: names and ARNs ------------------------------------------------------------------- */

struct str events_bus_arn(struct arena *arena, struct scope scope, struct str bus);
struct str events_rule_arn(struct arena *arena, struct scope scope, struct str bus,
                           struct str rule);
/* Splits a bus's name or ARN; absent: the default bus. False for an ARN that is no bus's. */
bool events_split_bus(struct call *call, struct str text, struct scope *out_scope,
                      struct str *out_name);
/* Splits arn:aws:events:REGION:ACCOUNT:KIND/NAME... into kind and what is behind the slash. */
bool events_split_arn(struct str arn, struct scope *out_scope, struct str *out_kind,
                      struct str *out_name);
/* Splits what is behind rule/ of a rule's ARN: "RULE" or "BUS/RULE". */
void events_split_rule(struct str resource, struct str *out_bus, struct str *out_rule);
enum status events_page_begin(struct call *call, struct str token, struct opt_i32 limit,
                              struct str prefix, struct events_page *out_page);
/* The token that goes on behind `name`. */
struct str events_page_token(struct call *call, struct str name);
/* iam:PassRole for EventBridge. STATUS_DONE when `role_arn` is absent. */
enum status events_pass_role(struct call *call, struct str role_arn);

/* ---- bus.c ----------------------------------------------------------------------------------- */

/* The bus of a request's EventBusName; fails with ResourceNotFoundException. */
enum status events_get_bus(struct call *call, struct str name_or_arn, struct events_bus_row *out);
/* The same for writing: the default bus gets its row. */
enum status events_open_bus(struct call *call, struct str name_or_arn, struct events_bus_row *out);
/* 1: found (the default bus always is), 0: not, or -errno. */
MUST_CHECK int events_find_bus(struct call *call, struct scope scope, struct str name,
                               struct events_bus_row *out);
/* Its rules, targets or archives have changed. */
enum status events_bus_changed(struct call *call, const struct events_bus_row *bus);

/* ---- rule.c ---------------------------------------------------------------------------------- */

enum status events_get_rule(struct call *call, const struct events_bus_row *bus, struct str name,
                            struct events_rule_row *out);
enum status events_check_pattern(struct call *call, struct str pattern);

/* ---- tag.c ----------------------------------------------------------------------------------- */

/* Tags of a request put over those in `base` (JSON text or empty), as JSON text. */
enum status events_put_tags(struct call *call, struct str base, const struct events_tag_list *tags,
                            struct str *out_text);

/* ---- put.c: events on their way -------------------------------------------------------------- */

/* An event as it goes over a bus. */
struct events_event {
    const struct json *tree;       /* the whole event */
    struct str text;               /* the same as JSON text; absent: not made yet */
    struct str trace_header;       /* or absent */
    int64_t hops;                  /* buses that it came over before */
    const struct json *only_rules; /* replays: array of the ARNs that may see it; NULL: all */
    bool is_replayed;
};

/* What the makers of events give. */
struct events_draft {
    struct str id; /* absent: a new one */
    struct str source;
    struct str detail_type;
    int64_t time_ms;
    const struct str *resources;
    size_t resource_count;
    struct json *detail; /* becomes a part of the event's tree */
    struct str trace_header;
};
void events_build(struct call *call, struct scope scope, const struct events_draft *draft,
                  struct events_event *out);
/* Hands the event to what of the bus matches it: targets of rules, archives. */
enum status events_route(struct call *call, const struct events_bus_row *bus,
                         struct events_event *event);
/* 1: something of the bus could match; 0; or -errno, with call->error set. */
MUST_CHECK int events_bus_listens(struct call *call, const struct events_bus_row *bus);

/* ---- cache.c: rules, compiled ---------------------------------------------------------------- */

struct events_live_rule {
    struct str arn;
    const struct event_pattern *pattern; /* NULL: a schedule only */
    struct events_target_list targets;
};

struct events_live_archive {
    int64_t id;
    const struct event_pattern *pattern; /* NULL: everything */
};

struct events_live_bus {
    int64_t version;
    const struct events_live_rule *rules; /* those that are enabled */
    size_t rule_count;
    const struct events_live_archive *archives;
    size_t archive_count;
};

/* What the bus has at this version; stays until events_live_done, which must follow STATUS_DONE.
 * STATUS_FAILED for faults of the store. */
enum status events_live(struct call *call, const struct events_bus_row *bus,
                        const struct events_live_bus **out_live);
void events_live_done(void);

/* ---- deliver.c ------------------------------------------------------------------------------- */

enum status events_deliver(struct call *call, struct str rule_arn, struct scope bus_scope,
                           const struct events_target *target, const struct events_event *event);
/* The model's shape of a target, and a target out of its row's body. */
const struct shape *events_target_shape(void);
MUST_CHECK int events_target_of(struct arena *arena, struct str body, struct events_target *out);
struct event_path;
struct event_path *events_paths_of(struct arena *arena,
                                   const struct events_input_transformer *transformer);

/* ---- store.c --------------------------------------------------------------------------------- */

MUST_CHECK int events_store_insert_bus(struct db *db, const struct events_bus_row *bus);
/* All but id, scope, name and time of creation. */
MUST_CHECK int events_store_update_bus(struct db *db, const struct events_bus_row *bus);
MUST_CHECK int events_store_set_version(struct db *db, int64_t bus_id, int64_t version);
/* 1: found, 0: not, or -errno. So all finders. */
MUST_CHECK int events_store_find_bus(struct db *db, struct arena *arena, struct scope scope,
                                     struct str name, struct events_bus_row *out);
MUST_CHECK int events_store_delete_bus(struct db *db, int64_t bus_id);
/* Appends struct events_bus_row. 0 or -errno. So all lists. */
MUST_CHECK int events_store_list_buses(struct db *db, struct arena *arena, struct scope scope,
                                       const struct events_page *page, struct vec *out);
MUST_CHECK int events_store_put_rule(struct db *db, const struct events_rule_row *rule);
MUST_CHECK int events_store_find_rule(struct db *db, struct arena *arena, int64_t bus_id,
                                      struct str name, struct events_rule_row *out);
MUST_CHECK int events_store_delete_rule(struct db *db, int64_t bus_id, struct str name);
MUST_CHECK int events_store_list_rules(struct db *db, struct arena *arena, int64_t bus_id,
                                       const struct events_page *page, struct vec *out);
MUST_CHECK int events_store_count_rules(struct db *db, int64_t bus_id, int64_t *out_count);
MUST_CHECK int events_store_list_rules_by_target(struct db *db, struct arena *arena, int64_t bus_id,
                                                 struct str arn, const struct events_page *page,
                                                 struct vec *out_names);
MUST_CHECK int events_store_put_target(struct db *db, const struct events_target_row *target);
/* Whether it was there: 1, 0 or -errno. */
MUST_CHECK int events_store_delete_target(struct db *db, int64_t bus_id, struct str rule,
                                          struct str id);
/* Of one rule; an empty `rule`: of all rules of the bus, by rule. */
MUST_CHECK int events_store_list_targets(struct db *db, struct arena *arena, int64_t bus_id,
                                         struct str rule, const struct events_page *page,
                                         struct vec *out);
MUST_CHECK int events_store_list_all_targets(struct db *db, struct arena *arena, int64_t bus_id,
                                             struct vec *out);

/* ---- handlers -------------------------------------------------------------------------------- */

events_create_event_bus_fn events_create_event_bus;
events_delete_event_bus_fn events_delete_event_bus;
events_describe_event_bus_fn events_describe_event_bus;
events_list_event_buses_fn events_list_event_buses;
events_update_event_bus_fn events_update_event_bus;
events_put_permission_fn events_put_permission;
events_remove_permission_fn events_remove_permission;
events_put_rule_fn events_put_rule;
events_delete_rule_fn events_delete_rule;
events_describe_rule_fn events_describe_rule;
events_disable_rule_fn events_disable_rule;
events_enable_rule_fn events_enable_rule;
events_list_rules_fn events_list_rules;
events_list_rule_names_by_target_fn events_list_rule_names_by_target;
events_test_event_pattern_fn events_test_event_pattern;
events_put_targets_fn events_put_targets;
events_remove_targets_fn events_remove_targets;
events_list_targets_by_rule_fn events_list_targets_by_rule;
events_put_events_fn events_put_events;
events_list_tags_for_resource_fn events_list_tags_for_resource;
events_tag_resource_fn events_tag_resource;
events_untag_resource_fn events_untag_resource;
events_create_archive_fn events_create_archive;
events_update_archive_fn events_update_archive;
events_delete_archive_fn events_delete_archive;
events_describe_archive_fn events_describe_archive;
events_list_archives_fn events_list_archives;
events_start_replay_fn events_start_replay;
events_cancel_replay_fn events_cancel_replay;
events_describe_replay_fn events_describe_replay;
events_list_replays_fn events_list_replays;
events_create_connection_fn events_create_connection;
events_update_connection_fn events_update_connection;
events_deauthorize_connection_fn events_deauthorize_connection;
events_delete_connection_fn events_delete_connection;
events_describe_connection_fn events_describe_connection;
events_list_connections_fn events_list_connections;
events_create_api_destination_fn events_create_api_destination;
events_update_api_destination_fn events_update_api_destination;
events_delete_api_destination_fn events_delete_api_destination;
events_describe_api_destination_fn events_describe_api_destination;
events_list_api_destinations_fn events_list_api_destinations;
