/* store_set.h — the rows of stack sets: sets, instances, operations.
 *
 *   set        {"Description", "Parameters": [{"Name", "Value"}], "Capabilities": [], "Tags":
 *              [{"Key", "Value"}], "AdministrationRoleArn", "ExecutionRoleName", "Token",
 *              "ManagedExecution", "Drift": {}}; its template is cfn_template's, generation
 *              "Generation"
 *   instance   {"StackId", "Status", "Detailed", "Reason", "Overrides": [], "Operation", "Drift",
 *              "DriftAt"}
 *   operation  {"Action", "Created", "Ended", "Preferences": {}, "Retain", "Reason", "Targets":
 *              [{"Account", "Region", "Status", "Reason", "Overrides"}]}
 */
#pragma once

#include "base/str.h"
#include "store/db.h"

struct arena;
struct json;

struct cfn_set {
    struct str id; /* NAME:UUID */
    struct scope scope;
    struct str name;
    struct str status; /* ACTIVE or DELETED */
    int64_t created_at_ms;
    struct json *data;
};

struct cfn_instance {
    struct str set_id;
    struct str account;
    struct str region;
    struct json *data;
};

struct cfn_set_operation {
    struct str set_id;
    struct str id;
    int64_t sequence;  /* of the set: newer is greater */
    struct str status; /* RUNNING, STOPPING, STOPPED, SUCCEEDED, FAILED */
    struct json *data;
};

/* Functions that look up return 1 (found), 0 or -errno; lists the count or -errno; others 0 or
 * -errno. Results live in the arena. */

MUST_CHECK int cfn_store_put_set(struct db *db, const struct cfn_set *set);
/* The active one of that name. */
MUST_CHECK int cfn_store_find_set(struct db *db, struct arena *arena, struct scope scope,
                                  struct str name, struct cfn_set *out_set);
MUST_CHECK int cfn_store_find_set_by_id(struct db *db, struct arena *arena, struct scope scope,
                                        struct str id, struct cfn_set *out_set);
/* By id, behind `after`; of one status, or of both when it is absent. */
MUST_CHECK int64_t cfn_store_list_sets(struct db *db, struct arena *arena, struct scope scope,
                                       struct str status, struct str after, int64_t limit,
                                       struct cfn_set **out_sets);

MUST_CHECK int cfn_store_put_instance(struct db *db, const struct cfn_instance *instance);
MUST_CHECK int cfn_store_delete_instance(struct db *db, const struct cfn_instance *instance);
/* All of a set, by account and region. */
MUST_CHECK int64_t cfn_store_list_instances(struct db *db, struct arena *arena, struct str set_id,
                                            struct cfn_instance **out_instances);

MUST_CHECK int cfn_store_put_operation(struct db *db, const struct cfn_set_operation *operation);
MUST_CHECK int cfn_store_find_operation(struct db *db, struct arena *arena, struct str set_id,
                                        struct str id, struct cfn_set_operation *out_operation);
/* Newest first, below the sequence `before`. */
MUST_CHECK int64_t cfn_store_list_operations(struct db *db, struct arena *arena, struct str set_id,
                                             int64_t before, int64_t limit,
                                             struct cfn_set_operation **out_operations);
