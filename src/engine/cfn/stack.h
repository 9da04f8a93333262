/* stack.h — stacks: planning a template, beginning an operation, taking its next step.
 *
 * A stack operation is a workflow of kind CFN_WORKFLOW whose id is the stack's ARN. Handlers check
 * and begin it (cfn_begin); the workflow's step (cfn_step) does the rest. See docs/stacks.md for
 * the states and step.c for the phases.
 */
#pragma once

#include "engine/cfn/store.h"
#include "engine/template/template.h"
#include "engine/workflow/workflow.h"
#include "wire/call.h"

struct json;

#define CFN_WORKFLOW "cfn.stack"
#define CFN_SET_WORKFLOW "cfn.set"
#define CFN_SERVICE "cloudformation.amazonaws.com"

/* ---- Small JSON ------------------------------------------------------------------------------ */

bool cfn_flag(const struct json *object, const char *name);
int64_t cfn_number(const struct json *object, const char *name);
/* Sets, or removes when `text` is absent. */
void cfn_set_text(struct arena *arena, struct json *object, const char *name, struct str text);
void cfn_set_flag(struct arena *arena, struct json *object, const char *name, bool value);
void cfn_set_number(struct arena *arena, struct json *object, const char *name, int64_t value);
/* Sets, or removes when `value` is NULL. */
void cfn_set(struct json *object, const char *name, struct json *value);
struct json *cfn_text_list(struct arena *arena, const struct str *items, size_t count);
/* Whether an array of strings (or NULL) holds the text. */
bool cfn_list_has(const struct json *list, struct str text);

/* ---- Plans ----------------------------------------------------------------------------------- */

/* A template on its way to resources. */
struct cfn_plan {
    struct template_document *document;  /* as given */
    struct template_document *processed; /* after transforms; the same when there are none */
    struct template_model *model;     /* of `document` until cfn_plan_bind, then of `processed` */
    struct template_summary summary;  /* of the model that is there */
    struct template_binding *binding; /* after cfn_plan_bind */
};

/* What templates read of other services, listed by the program (service/cloudformation). Each
 * returns 0, -EINVAL with *out_error, or another -errno, and acts as `principal`. */
struct cfn_sources {
    /* The value of a Parameter Store parameter that a parameter of the template names. */
    int (*ssm_parameter)(struct call *call, const struct principal *principal, struct str name,
                         struct str *out_value, struct template_error *out_error);
    /* What a dynamic reference stands for. */
    int (*dynamic_reference)(struct call *call, const struct principal *principal,
                             const struct template_dynamic_reference *reference,
                             struct str *out_value, struct template_error *out_error);
    /* The file of an AWS::Include. */
    int (*include)(struct call *call, const struct principal *principal, struct str location,
                   struct str *out_text, struct template_error *out_error);
};
extern const struct cfn_sources cfn_sources;

/* An environment whose dynamic references are read as `principal`; in call->arena. */
const struct template_environment *cfn_reference_environment(struct call *call,
                                                             const struct principal *principal);

/* Values for a plan. */
struct cfn_values {
    struct str stack_id;
    struct str stack_name;
    const struct template_argument *arguments;
    size_t argument_count;
    const struct json *previous;       /* spec "Parameters" of the stack as it is, or NULL */
    const struct json *notifications;  /* array of ARNs, or NULL */
    const struct principal *principal; /* reads parameters and files; NULL: call->principal */
};

/* Reads and checks the text. 0, -EINVAL with *out_error, or -errno. */
MUST_CHECK int cfn_plan_read(struct call *call, struct str text, struct cfn_plan *out_plan,
                             struct template_error *out_error);
/* The same for who only looks: types that cannot be made here are no fault. */
MUST_CHECK int cfn_plan_survey(struct call *call, struct str text, struct cfn_plan *out_plan,
                               struct template_error *out_error);
/* Runs the transforms, checks types, attributes and policies, binds parameters. */
MUST_CHECK int cfn_plan_bind(struct call *call, struct cfn_plan *plan,
                             const struct cfn_values *values, struct template_error *out_error);
/* The plan of a stack as its spec says. */
MUST_CHECK int cfn_plan_load(struct call *call, const struct cfn_stack *stack,
                             const struct json *spec, const struct principal *principal,
                             struct cfn_plan *out_plan, struct template_error *out_error);
/* The bound parameters as spec "Parameters". */
struct json *cfn_plan_parameters(struct arena *arena, const struct cfn_plan *plan);

/* ---- Operations ------------------------------------------------------------------------------ */

/* Adds an event of the stack's running operation, and publishes it to the stack's topics and on the
 * event bus. */
enum status cfn_note_event(struct call *call, const struct cfn_stack *stack,
                           struct cfn_event *event);
/* A new operation of the stack begins ("CREATE_STACK", see OperationType): its id, which the events
 * that follow have. */
struct str cfn_new_operation(struct call *call, struct cfn_stack *stack, const char *type);

/* Notes a stack's own event and its new status and reason (absent: none). */
enum status cfn_set_status(struct call *call, struct cfn_stack *stack, struct str status,
                           struct str reason, struct str token);

/* Something that the stack's resources wait for has happened: they are looked at again. */
enum status cfn_wake(struct call *call, struct str stack_id);

/* The channel that is notified when an operation of the stack has ended. */
struct str cfn_stack_channel(struct arena *arena, struct str stack_id);

/* What an operation starts from, besides the stack. */
struct cfn_begin {
    const char *phase;       /* "CREATE", "UPDATE", "DELETE", "RESTORE", "ROLLBACK", "IMPORT" */
    struct str token;        /* ClientRequestToken */
    struct str prior_status; /* of the stack, before the operation */
    struct str reason;       /* of the phase's first status; absent: "User Initiated" */
    struct str role_arn;     /* acts as this role; absent: as the caller */
    struct json *retain;     /* DELETE: logical ids to keep, or NULL */
    struct json *skip;       /* RESTORE: ResourcesToSkip, or NULL */
    struct json *import;     /* IMPORT: an object, logical id to physical id */
    int64_t deadline_ms;     /* CREATE: 0: none */
    const struct principal *principal; /* acts as this one; NULL: as call->principal */
    bool is_nested;                    /* its parent stack leads it */
    bool retain_except_on_create;
    bool is_rollback_disabled;
};

/* The workflow state of an operation, acting as call->principal unless a role is given. */
struct json *cfn_operation_state(struct call *call, const struct cfn_begin *begin);
/* Writes the stack and starts its workflow; the first status was set by the caller. */
enum status cfn_begin(struct call *call, const struct cfn_stack *stack,
                      const struct cfn_begin *begin);
/* Asks the running operation for something else: "CANCEL" (go back), "DELETE" with the state of the
 * deletion; a nested stack that is held in its clean-up: "SETTLE" (go on) or "CANCEL". */
enum status cfn_request(struct call *call, struct cfn_stack *stack, const char *action,
                        struct json *state);

/* Takes the next step of a stack's workflow. `principal` is who it acts as; NULL when the role that
 * it should act as cannot be used. */
enum status cfn_step(struct call *call, struct workflow *workflow,
                     const struct principal *principal, enum workflow_next *out_next);
/* Who asked for the operation: what cfn_operation_state wrote down. */
struct principal cfn_state_principal(const struct json *state);

/* ---- Differences ----------------------------------------------------------------------------- */

/* The changes that going to `plan` with the spec makes, in the layout of change.c. *out_differs is
 * whether there is anything to do at all: besides resources, outputs, tags and notifications count.
 * `stack` may be new (no resources). */
enum status cfn_changes(struct call *call, const struct cfn_stack *stack,
                        const struct cfn_plan *plan, const struct json *spec,
                        const struct principal *principal, struct json **out_changes,
                        bool *out_differs);
/* The names of the stacks that import, as AWS lists them: "a", "a and b", "a, b and c". */
struct str cfn_name_list(struct arena *arena, const struct str *names, size_t count);
