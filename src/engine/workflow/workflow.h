/* workflow.h — work that takes longer than a request: rows with a state, advanced step by step.
 *
 * A kind is a static row with a step function. A workflow is a row of table `workflow`: kind, id,
 * account, region, state (JSON text), run_at. The runner takes the next due row, runs its step in a
 * write transaction and writes what the step decided in the same transaction. So a step happens
 * exactly once, whatever dies when; what it did and where the workflow stands can never disagree.
 * Steps are short (a few milliseconds); they may ask to be run again at once to let others in
 * between.
 *
 * One worker per process runs workflows; on PostgreSQL any node may, and conflicts resolve
 * themselves (wire/executor.c).
 */
#pragma once

#include "base/str.h"
#include "wire/call.h"

struct executor;
struct http_client_request;
struct http_client_response;
struct json;
struct workflow_runner;

enum workflow_next {
    WORKFLOW_AGAIN,   /* run again at workflow->run_at_ms (0: at once) */
    WORKFLOW_DONE,    /* the row goes */
    WORKFLOW_REQUEST, /* workflow->request is sent after the commit; the kind's `answered` goes on
                       */
};

struct workflow {
    struct str kind;
    struct str id; /* unique in its kind: a stack's ARN */
    struct scope scope;
    struct json *state;     /* the step changes it; written back after the step */
    int64_t run_at_ms;      /* movable clock */
    uint32_t failure_count; /* steps in a row that ended in an internal error */
    const struct http_client_request *request; /* in the call's arena; for WORKFLOW_REQUEST */
};

struct workflow_kind {
    struct str name; /* "cfn.stack" */
    /* Runs in a write transaction and must not wait. STATUS_FAILED (through call_fail_internal)
     * rolls the step back; it is run again after a pause that grows, and the failure is logged. */
    enum status (*step)(struct call *call, struct workflow *workflow, enum workflow_next *out_next);
    /* The answer to the request that the last step asked for, in a write transaction of its own; as
     * a step otherwise. NULL for kinds that ask for none. A request is sent at least once: when the
     * process dies before the answer is taken, or the answer fails, the step is run again. */
    enum status (*answered)(struct call *call, struct workflow *workflow,
                            const struct http_client_response *response,
                            enum workflow_next *out_next);
};

extern const struct migration_set workflow_migrations;

/* Starts a workflow inside the call's transaction; it runs after the commit. `state` may be NULL.
 */
enum status workflow_start(struct call *call, struct str kind, struct str id,
                           const struct json *state);
/* The same, to run at `run_at_ms` (movable clock). */
enum status workflow_start_at(struct call *call, struct str kind, struct str id,
                              const struct json *state, int64_t run_at_ms);
/* Ends a workflow wherever it stands. No error when there is none. */
enum status workflow_stop(struct call *call, struct str kind, struct str id);
/* Makes a workflow due now (something it waits for has happened). No error when there is none. */
enum status workflow_wake(struct call *call, struct str kind, struct str id);
/* The movable clock will be set back. What was due stays due, and what waits for a time that was
 * reckoned from the old clock must not wait until that comes again: all are run at once, and say
 * anew when they want to be. So a step may come early, and looks at the time before it acts on it.
 */
enum status workflow_clock_goes_back(struct call *call);
/* Whether a workflow of that kind and id exists. Returns 1, 0 or -errno. */
MUST_CHECK int workflow_exists(struct call *call, struct str kind, struct str id);

/* Runs the workflows of `kinds` on this executor's worker. */
struct workflow_runner *workflow_runner_new(struct executor *executor,
                                            const struct workflow_kind *const *kinds,
                                            size_t kind_count);
void workflow_runner_free(struct workflow_runner *runner);
/* Something became due: look. Thread-safe. The runtime calls it for WORKFLOW_CHANNEL and when the
 * clock moved. */
void workflow_runner_wake(struct workflow_runner *runner);
#define WORKFLOW_CHANNEL "workflow"
