/* run.h — what the files of a running stack operation share. Private to engine/cfn.
 *
 * One step loads the stack and its resources into a cfn_run, changes some and writes those back;
 * the workflow engine commits. Nothing outlives the step.
 */
#pragma once

#include "base/map.h"
#include "engine/cfn/property.h"
#include "engine/cfn/stack.h"

struct cfn_run {
    struct call *call;
    struct workflow *workflow;
    const struct principal *principal; /* NULL: the role cannot be used */
    struct json *state;                /* of the workflow */
    struct cfn_stack stack;
    struct cfn_resource *rows;
    size_t row_count;
    struct cfn_plan *plan; /* CREATE and UPDATE: loaded when first needed */
    struct map index;      /* logical id -> row, of the array `indexed` */
    const struct cfn_resource *indexed;
    struct map needed; /* logical ids that a waiting deletion depends on; see start_ready */
};

/* Progress of a resource in the running phase. */
#define PROGRESS_PENDING STR("PENDING")
#define PROGRESS_RUNNING STR("RUNNING")
#define PROGRESS_DONE STR("DONE")
#define PROGRESS_FAILED STR("FAILED")
/* What the operation did to a resource. */
#define CHANGE_NONE STR("")
#define CHANGE_CREATED STR("CREATED")
#define CHANGE_UPDATED STR("UPDATED")
#define CHANGE_REPLACED STR("REPLACED")
#define CHANGE_SWAPPED STR("SWAPPED") /* replaced, and put back: the new one is in `saved` */
#define CHANGE_REMOVED STR("REMOVED")
/* Whether there are two physical resources, one of them in `saved`. */
bool run_has_two(const struct cfn_resource *row);

struct cfn_resource *run_find_row(struct cfn_run *run, struct str logical_id);
enum status run_put(struct cfn_run *run, struct cfn_resource *row);
/* Sets status and reason (absent: none), adds the event, writes the row. */
enum status run_note(struct cfn_run *run, struct cfn_resource *row, const char *status,
                     struct str reason);

/* step.c, for import.c: the stack's status with its event; what the plan imports from other stacks
 * is noted (-EINVAL with *out_message); outputs and exports are written (same); old templates go; a
 * row goes; what must be there before a resource. */
enum status run_set_status(struct cfn_run *run, const char *status, struct str reason);
MUST_CHECK int run_take_imports(struct cfn_run *run, struct str *out_message);
MUST_CHECK int run_keep_outputs(struct cfn_run *run, struct str *out_message);
enum status run_trim_templates(struct cfn_run *run);
enum status run_drop_row(struct cfn_run *run, struct cfn_resource *row);
struct json *run_new_wanted(struct cfn_run *run, const struct template_bound_resource *bound);

/* import.c: the phases IMPORT and IMPORT_ROLLBACK. */
enum status import_enter(struct cfn_run *run, bool *out_is_over);
bool import_is_ready(struct cfn_run *run, const struct cfn_resource *row);
enum status import_start(struct cfn_run *run, struct cfn_resource *row);
enum status import_run(struct cfn_run *run, struct cfn_resource *row);
enum status import_finish(struct cfn_run *run, bool *out_is_over);
enum status import_enter_rollback(struct cfn_run *run, bool *out_is_over);
enum status import_finish_rollback(struct cfn_run *run, bool *out_is_over);

/* resolve.c: loads the plan unless it is there. 0, -EINVAL with *out_message, or -errno. */
MUST_CHECK int run_load_plan(struct cfn_run *run, struct str *out_message);
/* The ids of what a resource needs, as `applied` has them. */
struct json *run_dependencies(struct cfn_run *run, const struct template_bound_resource *bound);
/* The resource as the plan wants it, as `applied` would be. 0, -EINVAL with
 * *out_message, or -errno. */
MUST_CHECK int run_wanted(struct cfn_run *run, const struct cfn_resource *row,
                          struct json **out_wanted, struct str *out_message);
/* The outputs of the plan. Same results. */
MUST_CHECK int run_outputs(struct cfn_run *run, struct cfn_output **out_outputs, size_t *out_count,
                           struct str *out_message);
/* Puts what they stand for in the place of an output's dynamic references. */
MUST_CHECK int cfn_replace_in_output(struct call *call, const struct principal *principal,
                                     struct str *value, struct template_error *out_error);
/* Tags of the stack, CloudFormation's own for this resource included. */
struct json *cfn_stack_tags(struct arena *arena, const struct cfn_stack *stack,
                            const struct json *spec, struct str logical_id);
/* A call of an adapter about the resource that `applied` describes. */
struct resource_call cfn_resource_call(struct call *call, const struct principal *principal,
                                       const struct cfn_stack *stack, struct str logical_id,
                                       const struct json *applied);

/* policy.c: whether the stack's policy lets an update "Modify", "Replace" or "Delete" the resource;
 * else *out_message says which statement does not. */
bool run_policy_allows(struct cfn_run *run, const struct cfn_resource *row, const char *action,
                       struct str *out_message);

/* task.c */
enum status task_start_forward(struct cfn_run *run, struct cfn_resource *row);
enum status task_run_forward(struct cfn_run *run, struct cfn_resource *row);
enum status task_start_delete(struct cfn_run *run, struct cfn_resource *row);
enum status task_run_delete(struct cfn_run *run, struct cfn_resource *row);
/* A clean-up deletes what lost and lets the others settle; state "Settles" tells them apart. */
enum status task_start_cleanup(struct cfn_run *run, struct cfn_resource *row);
enum status task_run_cleanup(struct cfn_run *run, struct cfn_resource *row);
/* Whether the resource's type wants to know that an operation has succeeded. */
bool task_settles(const struct cfn_run *run, const struct cfn_resource *row);
enum status task_start_restore(struct cfn_run *run, struct cfn_resource *row);
enum status task_run_restore(struct cfn_run *run, struct cfn_resource *row);
/* A running resource is stopped because another failed. */
enum status task_cancel(struct cfn_run *run, struct cfn_resource *row);
/* What a deletion in this phase removes, as `applied`; NULL: nothing was made. */
const struct json *task_victim(const struct cfn_run *run, const struct cfn_resource *row);
bool run_is_phase(const struct cfn_run *run, const char *phase);
