/* scheduler.h — private to the folder: groups and schedules.
 *
 * A schedule that is enabled and has a time to come is a workflow as well (run.c). The group
 * "default" is always there; it has a row as soon as it is tagged.
 */
#pragma once

#include "engine/cfn/resource.h"
#include "engine/events/schedule.h"
#include "scheduler/scheduler_api.h"
#include "service/scheduler/scheduler_public.h"

struct json;
struct vec;

#define SCHEDULER_PRINCIPAL "scheduler.amazonaws.com"

enum {
    SCHEDULER_LIST_DEFAULT = 100,
    SCHEDULER_RESOURCE_TYPES = 2, /* of CloudFormation */
};

struct scheduler_group_row {
    struct scope scope;
    struct str name;
    int64_t created_at_ms;
    int64_t modified_at_ms;
    struct str tags;  /* JSON object text */
    struct str token; /* of the request that made it */
};

struct scheduler_row {
    struct scope scope;
    struct str group;
    struct str name;
    struct str expression;
    struct str zone; /* absent: none given, UTC; so the next two */
    struct str description;
    struct str kms_key;
    struct str state;
    int64_t start_ms; /* 0: none; so the next */
    int64_t end_ms;
    int64_t window_minutes; /* 0: mode OFF */
    bool is_deleted_after;  /* ActionAfterCompletion = DELETE */
    struct str target;      /* the API's Target as JSON text */
    int64_t created_at_ms;
    int64_t modified_at_ms;
    struct str token;
};

/* A page: names behind `after`, at most `limit`. */
struct scheduler_page {
    struct str after; /* of schedules of all groups: GROUP/NAME */
    struct str prefix;
    size_t limit;
};

extern const struct migration_set scheduler_migrations;
extern const struct scheduler_handlers scheduler_handlers;
extern const struct resource_type scheduler_resource_types[];

struct str scheduler_arn(struct arena *arena, const struct scheduler_row *row);
struct str scheduler_group_arn(struct arena *arena, struct scope scope, struct str name);
enum status scheduler_page_begin(struct call *call, struct str token, struct opt_i32 limit,
                                 struct str prefix, struct scheduler_page *out_page);
/* The group, or ResourceNotFoundException. */
enum status scheduler_get_group(struct call *call, struct str name,
                                struct scheduler_group_row *out);
/* The API's structure out of a row, and the model's shape of it. */
const struct shape *scheduler_target_shape(void);
struct scheduler_target *scheduler_target_of(struct call *call, const struct scheduler_row *row);

/* ---- run.c ----------------------------------------------------------------------------------- */

/* Starts, moves or stops the workflow, as the schedule says. */
enum status scheduler_plan(struct call *call, const struct scheduler_row *row);
enum status scheduler_cancel(struct call *call, const struct scheduler_row *row);

/* ---- universal.c ----------------------------------------------------------------------------- */

bool scheduler_is_universal(struct str arn);
/* Why the universal target cannot be; absent: it can. */
struct str scheduler_universal_problem(struct call *call, struct str arn, struct str input);

/* ---- store.c --------------------------------------------------------------------------------- */

MUST_CHECK int scheduler_store_put_group(struct db *db, const struct scheduler_group_row *row);
MUST_CHECK int scheduler_store_find_group(struct db *db, struct arena *arena, struct scope scope,
                                          struct str name, struct scheduler_group_row *out);
MUST_CHECK int scheduler_store_delete_group(struct db *db, struct scope scope, struct str name);
MUST_CHECK int scheduler_store_list_groups(struct db *db, struct arena *arena, struct scope scope,
                                           const struct scheduler_page *page, struct vec *out);
MUST_CHECK int scheduler_store_put(struct db *db, const struct scheduler_row *row);
MUST_CHECK int scheduler_store_find(struct db *db, struct arena *arena, struct scope scope,
                                    struct str group, struct str name, struct scheduler_row *out);
MUST_CHECK int scheduler_store_delete(struct db *db, struct scope scope, struct str group,
                                      struct str name);
/* Of one group, or of all when it is empty; absent `state`: any. Sorted by group and name. */
MUST_CHECK int scheduler_store_list(struct db *db, struct arena *arena, struct scope scope,
                                    struct str group, struct str state,
                                    const struct scheduler_page *page, struct vec *out);

scheduler_create_schedule_fn scheduler_create_schedule;
scheduler_update_schedule_fn scheduler_update_schedule;
scheduler_delete_schedule_fn scheduler_delete_schedule;
scheduler_get_schedule_fn scheduler_get_schedule;
scheduler_list_schedules_fn scheduler_list_schedules;
scheduler_create_schedule_group_fn scheduler_create_schedule_group;
scheduler_delete_schedule_group_fn scheduler_delete_schedule_group;
scheduler_get_schedule_group_fn scheduler_get_schedule_group;
scheduler_list_schedule_groups_fn scheduler_list_schedule_groups;
scheduler_tag_resource_fn scheduler_tag_resource;
scheduler_untag_resource_fn scheduler_untag_resource;
scheduler_list_tags_for_resource_fn scheduler_list_tags_for_resource;
