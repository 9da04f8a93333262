/* executor.h — runs calls on one worker: transactions, batches, waiting, answering.
 *
 * One executor per worker thread, on that worker's loop and store connection. See executor.c for
 * the rules of transactions.
 */
#pragma once

#include "net/http.h"
#include "wire/call.h"
#include "wire/runtime.h"

struct executor;
struct loop;

/* `runtime`, `loop` and `db` outlive the executor. At the end `db` may be closed before: after the
 * last executor_flush, and after the server was freed, so that no request is left. */
struct executor *executor_new(struct runtime *runtime, struct loop *loop, struct db *db);
void executor_free(struct executor *executor);

/* Listeners, as `door` of their options. */
enum executor_door {
    DOOR_MAIN,
    /* Signatures are not checked and the access key id is the namespace (identity_namespace): how
     * DynamoDB Local treats its clients. */
    DOOR_NAMESPACES,
};

/* What the HTTP server of this worker calls; `app` is the executor. */
extern const struct http_handler executor_http;

/* A page of the program itself (/_virga/..., /metrics). Answers the exchange and returns true, or
 * returns false when the path is none of its. Set once before the workers start. */
typedef bool executor_page_fn(struct executor *executor, struct http_exchange *exchange);
void executor_set_pages(executor_page_fn *pages);

struct runtime *executor_runtime(struct executor *executor);
struct loop *executor_loop(struct executor *executor);

/* Runs calls that wait for `channel` again, soon, on the executor's thread. Thread-safe. */
void executor_wake(struct executor *executor, struct str channel);
/* Runs every waiting call again: anything may have happened. Thread-safe. */
void executor_wake_all(struct executor *executor);
/* The movable clock was moved: deadlines of waiting calls are looked at anew. Thread-safe. */
void executor_clock_moved(struct executor *executor);

/* From now on calls that would wait are answered with ServiceUnavailable, those that wait already
 * are; for a graceful end. Thread-safe. */
void executor_stop_waiting(struct executor *executor);

/* The executor that runs a client's call, on the calling thread: for handlers that start jobs. NULL
 * for calls that engines make, which cannot wait. */
struct executor *call_executor(const struct call *call);

/* A piece of work of an engine: straight-line code like a handler. */
typedef enum status executor_task_fn(struct call *call, void *context);

/* Runs `task` in a write transaction of its own, now, on the executor's thread, again from its
 * start after a conflict. `principal` and `scope` are whom it acts for. The transaction is
 * committed on STATUS_DONE and rolled back otherwise. Returns 0 when committed, -ECANCELED when the
 * task failed
 * (*out_error then holds the failure, in `arena`), or another -errno. */
MUST_CHECK int executor_run_task(struct executor *executor, struct arena *arena,
                                 const struct principal *principal, struct scope scope,
                                 executor_task_fn *task, void *context,
                                 struct call_error *out_error);

/* Commits the open batch and sends its answers; called at the end of each round of the loop, and by
 * whoever needs the connection for a transaction of its own. */
void executor_flush(struct executor *executor);

/* Counters for /metrics. */
struct operation_count {
    uint64_t calls;
    uint64_t client_errors;
    uint64_t server_errors;
    uint64_t micros;
};
/* Sums of all executors for one operation. Thread-safe. */
struct operation_count executor_count(const struct runtime *runtime, size_t service_index,
                                      size_t operation_index);
/* Calls that wait right now, over all executors. Thread-safe. */
uint64_t executor_waiting(const struct runtime *runtime);
