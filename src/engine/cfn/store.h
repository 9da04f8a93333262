/* store.h — the rows of CloudFormation: stacks, resources, events, outputs, imports, change sets.
 *
 * Hot values are columns; the rest is JSON in the layouts below, so that a row can learn a field
 * without a migration. Absent members mean the default.
 *
 *   spec      what the stack is made of; rolled back with it. {"Generation": of its template,
 *             "Parameters": [{"Name", "Value", "Resolved", "NoEcho"}], "Tags": [{"Key", "Value"}],
 *             "Capabilities": [], "RoleArn", "NotificationArns": [], "Description", "Transforms":
 * [], "Imports": [], "RollbackConfiguration": {}} options   what a rollback leaves alone.
 * {"DisableRollback", "OnFailure", "TerminationProtection", "Policy", "PolicyDuringUpdate",
 * "ChangeSetId", "CreateToken", "UpdateToken", "RetainExceptOnCreate", "DeletionMode",
 * "TimeoutInMinutes", "LastGeneration", "ParentId", "RootId", "Reviewed": {}, "SetOperation",
 * "SetId", "Drift": {}, "OperationId", "Operations": [{"Id", "Type"}], "Tokens": {}} request   what
 * the running operation is asked to do next:
 * {"Action": "CANCEL" or "DELETE", "State": workflow state of that operation} applied   of a
 * resource, as last made: {"Type", "PhysicalId", "Properties", "Metadata", "StackTags",
 * "DeletionPolicy", "UpdateReplacePolicy", "CreationPolicy", "DependsOn": [], "Data": {}}
 */
#pragma once

#include "base/str.h"
#include "store/db.h"

struct arena;
struct json;

extern const struct migration_set cfn_migrations;

struct cfn_stack {
    struct str id; /* ARN */
    struct str name;
    struct scope scope;
    struct str status;
    struct str reason; /* empty: none */
    int64_t created_at_ms;
    int64_t updated_at_ms; /* 0: never */
    int64_t deleted_at_ms; /* 0: it lives */
    struct json *spec;
    struct json *saved_spec; /* before the running update; NULL: none */
    struct json *options;
    struct json *request; /* NULL: none */
};

struct cfn_resource {
    struct str stack_id;
    struct str logical_id;
    int64_t position; /* in the template; -1: no longer there */
    struct str type;
    struct str physical_id;
    struct str status; /* empty: not begun yet */
    struct str reason;
    int64_t updated_at_ms;
    struct json *applied; /* NULL: nothing was made */
    /* Of the running operation; see task.c. */
    struct str change;   /* what it did to the resource so far */
    struct json *saved;  /* `applied` before it */
    struct str action;   /* what it does now */
    struct str progress; /* how far */
    int64_t run_at_ms;   /* RUNNING: when to go on */
    struct json *wanted; /* `applied` to be */
    struct json *state;  /* of an adapter in progress */
};

struct cfn_event {
    struct str stack_id;
    struct str event_id;
    int64_t sequence;
    int64_t at_ms;
    struct str logical_id;
    struct str physical_id;
    struct str type;
    struct str status;
    struct str reason;       /* absent: none */
    struct str token;        /* absent: none */
    struct str properties;   /* JSON text; absent: none */
    struct str operation_id; /* absent: of an earlier version */
};

struct cfn_output {
    struct str name;
    struct str value;
    struct str description; /* absent: none */
    struct str export_name; /* absent: not exported */
};

struct cfn_export {
    struct str stack_id;
    struct str stack_name;
    struct str name;
    struct str value;
};

struct cfn_change_set {
    struct str id; /* ARN */
    struct str stack_id;
    struct str name;
    struct str status;
    struct str execution_status;
    struct str reason; /* empty: none */
    int64_t created_at_ms;
    struct json *data;    /* {"Description", "Type", "OnStackFailure", "Spec": {}, "Token"} */
    struct json *changes; /* see change.c */
};

/* Functions that look up return 1 (found), 0 or -errno; lists the count or -errno; others 0 or
 * -errno. Results live in the arena. */

MUST_CHECK int cfn_store_put_stack(struct db *db, const struct cfn_stack *stack);
MUST_CHECK int cfn_store_find_stack(struct db *db, struct arena *arena, struct str id,
                                    struct cfn_stack *out_stack);
/* The stack of that name that is not deleted. */
MUST_CHECK int cfn_store_find_live(struct db *db, struct arena *arena, struct scope scope,
                                   struct str name, struct cfn_stack *out_stack);
/* Newest first, behind (before_ms, before_id); deleted ones only with `with_deleted`. */
MUST_CHECK int64_t cfn_store_list_stacks(struct db *db, struct arena *arena, struct scope scope,
                                         bool with_deleted, int64_t before_ms, struct str before_id,
                                         int64_t limit, struct cfn_stack **out_stacks);

/* Templates are kept by owner (a stack's or change set's ARN) and generation. `processed` is JSON
 * after transforms. */
MUST_CHECK int cfn_store_put_template(struct db *db, struct str owner, int64_t generation,
                                      struct str original, struct str processed);
MUST_CHECK int cfn_store_find_template(struct db *db, struct arena *arena, struct str owner,
                                       int64_t generation, struct str *out_original,
                                       struct str *out_processed);
/* Forgets all of the owner's but one; `keep` 0 forgets all. */
MUST_CHECK int cfn_store_trim_templates(struct db *db, struct str owner, int64_t keep);

MUST_CHECK int cfn_store_put_resource(struct db *db, const struct cfn_resource *resource);
MUST_CHECK int cfn_store_delete_resource(struct db *db, struct str stack_id, struct str logical_id);
/* All of a stack in template order. */
MUST_CHECK int64_t cfn_store_list_resources(struct db *db, struct arena *arena, struct str stack_id,
                                            struct cfn_resource **out_resources);
/* The stack (that lives, in the scope) which holds a physical resource. */
MUST_CHECK int cfn_store_find_by_physical(struct db *db, struct arena *arena, struct scope scope,
                                          struct str physical_id, struct str *out_stack_id);

/* Makes what runs of the stack due at once: something that it waits for has happened. */
MUST_CHECK int cfn_store_wake_resources(struct db *db, struct str stack_id, int64_t now_ms);

/* A signal that a resource was sent, by SignalResource or through the URL of a wait handle (then
 * `target` is the URL). */
struct cfn_signal {
    struct str stack_id;
    struct str target; /* logical id, or URL */
    struct str unique_id;
    struct str status; /* SUCCESS or FAILURE */
    struct str reason;
    struct str data;
    int64_t at_ms;
};
MUST_CHECK int cfn_store_put_signal(struct db *db, const struct cfn_signal *signal);
/* In the order in which they came, those since `since_ms`. */
MUST_CHECK int64_t cfn_store_list_signals(struct db *db, struct arena *arena, struct str stack_id,
                                          struct str target, int64_t since_ms,
                                          struct cfn_signal **out_signals);

/* A URL that was given out for an answer, by its token. */
struct cfn_callback {
    struct str token;
    struct scope scope;
    struct str stack_id;
    struct str logical_id;
    struct str kind;       /* "WAIT" or "CUSTOM" */
    struct str request_id; /* of a custom resource's request */
    struct str answer;     /* of a custom resource, as it was sent; absent: none yet */
    int64_t made_at_ms;
};
MUST_CHECK int cfn_store_put_callback(struct db *db, const struct cfn_callback *callback);
MUST_CHECK int cfn_store_find_callback(struct db *db, struct arena *arena, struct str token,
                                       struct cfn_callback *out_callback);
MUST_CHECK int cfn_store_delete_callback(struct db *db, struct str token);
/* Signals and callbacks of a stack that is gone. */
MUST_CHECK int cfn_store_forget_signals(struct db *db, struct str stack_id);

/* What the last detection found, by resource: data in the layout of drift.h. */
MUST_CHECK int cfn_store_put_drift(struct db *db, struct str stack_id, struct str logical_id,
                                   struct str data);
/* An object: logical id to data. */
MUST_CHECK int cfn_store_list_drifts(struct db *db, struct arena *arena, struct str stack_id,
                                     struct json **out_drifts);
/* Detections by their id: {"Status", "Count", "At"}. */
MUST_CHECK int cfn_store_add_detection(struct db *db, struct str id, struct str stack_id,
                                       struct str data);
MUST_CHECK int cfn_store_find_detection(struct db *db, struct arena *arena, struct str id,
                                        struct str *out_stack_id, struct json **out_data);
/* Drifts and detections of a stack that is gone. */
MUST_CHECK int cfn_store_forget_drifts(struct db *db, struct str stack_id);

/* Gives the event its sequence. */
MUST_CHECK int cfn_store_add_event(struct db *db, const struct cfn_event *event);
/* Newest first, below the sequence `before`. */
MUST_CHECK int64_t cfn_store_list_events(struct db *db, struct arena *arena, struct str stack_id,
                                         int64_t before, int64_t limit,
                                         struct cfn_event **out_events);

/* Those of one operation (absent: all), or only what failed. */
MUST_CHECK int64_t cfn_store_list_operation_events(struct db *db, struct arena *arena,
                                                   struct str stack_id, struct str operation_id,
                                                   bool only_failed, int64_t before, int64_t limit,
                                                   struct cfn_event **out_events);

/* Replaces all outputs of a stack; exports among them. */
MUST_CHECK int cfn_store_set_outputs(struct db *db, const struct cfn_stack *stack,
                                     const struct cfn_output *outputs, size_t count);
MUST_CHECK int64_t cfn_store_list_outputs(struct db *db, struct arena *arena, struct str stack_id,
                                          struct cfn_output **out_outputs);
MUST_CHECK int cfn_store_find_export(struct db *db, struct arena *arena, struct scope scope,
                                     struct str name, struct cfn_export *out_export);
/* By name, behind `after`. */
MUST_CHECK int64_t cfn_store_list_exports(struct db *db, struct arena *arena, struct scope scope,
                                          struct str after, int64_t limit,
                                          struct cfn_export **out_exports);

/* Notes that a stack uses an export; again is no error. */
MUST_CHECK int cfn_store_add_import(struct db *db, const struct cfn_stack *stack,
                                    struct str export_name);
MUST_CHECK int cfn_store_clear_imports(struct db *db, struct str stack_id);
/* Names of the stacks that use the export, by name, behind `after`. */
MUST_CHECK int64_t cfn_store_list_importers(struct db *db, struct arena *arena, struct scope scope,
                                            struct str export_name, struct str after, int64_t limit,
                                            struct str **out_names);

MUST_CHECK int cfn_store_put_change_set(struct db *db, const struct cfn_change_set *set);
MUST_CHECK int cfn_store_find_change_set(struct db *db, struct arena *arena, struct str id,
                                         struct cfn_change_set *out_set);
MUST_CHECK int cfn_store_find_change_set_by_name(struct db *db, struct arena *arena,
                                                 struct str stack_id, struct str name,
                                                 struct cfn_change_set *out_set);
/* Newest first, behind (before_ms, before_id). */
MUST_CHECK int64_t cfn_store_list_change_sets(struct db *db, struct arena *arena,
                                              struct str stack_id, int64_t before_ms,
                                              struct str before_id, int64_t limit,
                                              struct cfn_change_set **out_sets);
MUST_CHECK int cfn_store_delete_change_set(struct db *db, struct str id);
