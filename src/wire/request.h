/* request.h — a request on its way through the executor: private to src/wire.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "auth/sigv4.h"
#include "base/buf.h"
#include "net/http.h"
#include "wire/executor.h"
#include "wire/protocol.h"

struct loop_timer;

enum {
    REQUEST_MAX_BODY = 16 * 1024 * 1024, /* the largest buffered input of any operation so far is
                                            SQS's 1 MiB batch, coded as a form (x3) */
    PARK_BUCKETS = 1024,
};

enum request_state {
    REQUEST_RUNNING,
    REQUEST_BATCHED, /* done, waits for the commit of its batch */
    REQUEST_PARKED,  /* pending: waits for a channel or a deadline */
    REQUEST_ANSWERED,
};

struct request;

/* A place in the table of waiting requests, one per channel. */
struct park_node {
    struct request *request;
    struct str channel;
    struct park_node *next;
    struct park_node *prev;
};

struct request {
    struct executor *executor;
    struct http_exchange *exchange;
    enum request_state state;
    bool is_gone;                  /* the client went away: answer nothing */
    const struct service *service; /* NULL until routed */
    size_t service_index;
    enum protocol protocol;
    struct wire_request wire;
    struct sig_request sig_request;
    struct sig sig;
    struct str host_region; /* region that the host name gives, or "" */
    bool is_prepared;       /* identity, decoding and constraints are done */
    struct call call;
    void *in;
    void *out;
    enum status status;
    int64_t started_us;
    uint64_t sequence; /* of waiters, noted before the run */
    uint32_t conflict_count;
    struct park_node nodes[4];
    size_t node_count;
    struct loop_timer *timer; /* of its deadline, once it has waited */
    struct arena *run_arena;  /* of the present run, after many runs; else NULL */
    struct request *next;     /* in the batch or in the list of parked requests */
    struct request *prev;
};

struct executor {
    struct runtime *runtime;
    struct loop *loop;
    struct db *db;
    bool is_postgres;
    uint8_t **writes;               /* [service][operation]: it was seen to write */
    _Atomic uint64_t (**counts)[4]; /* [service][operation]: struct operation_count's fields */
    struct request *batch_first;    /* answered when the open write transaction commits */
    struct request *batch_last;
    size_t batch_count;
    bool has_batch; /* a write transaction is open */
    bool is_flushing;
    bool is_ending;               /* nobody may wait any more */
    struct request *parked_first; /* in order of parking, for clock moves and shutdown */
    struct request *parked_last;
    struct park_node *buckets[PARK_BUCKETS];
    _Atomic uint64_t parked_count;
    pthread_mutex_t wake_lock; /* protects the next three */
    struct buf wakes;          /* channels to look at, each with a line end */
    bool must_wake_all;
    bool is_wake_posted;
};

/* Reads signature, service, protocol and operation. Returns STATUS_DONE, or STATUS_FAILED with
 * call.error set. */
enum status request_route(struct request *request);
/* Identity, decoding, constraints: inside the transaction, once. */
enum status request_prepare(struct request *request);
/* Encodes and sends the answer for request->status and ends the request. */
void request_answer(struct request *request);
/* Frees what is not in the exchange's arena. */
void request_end(struct request *request);

void parking_init(struct executor *executor);
void parking_deinit(struct executor *executor); /* nobody waits any more */
void parking_add(struct request *request);
void parking_remove(struct request *request);
/* Runs a request (again). */
void executor_run(struct request *request);
