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
#include "wire/router.h"
#include "wire/stream.h"

struct body_sink;
struct evp_cipher_ctx_st;
struct loop_timer;
struct store;
struct stream_in;

enum {
    REQUEST_MAX_BODY = 16 * 1024 * 1024, /* AWS: DynamoDB's BatchWriteItem, the largest input that
                                            is no stream */
    PARK_BUCKETS = 1024,
    STREAM_MAX_MISSES = 5, /* runs of a call whose body's file is always gone again */
};

/* What a call does outside the store once its transaction is committed. */
struct call_effects {
    struct str *removals; /* ids of stored bodies */
    size_t removal_count;
    size_t removal_capacity;
};

void effects_remove_body(struct call_effects *effects, struct arena *arena, struct str id);
void effects_apply(const struct call_effects *effects, struct store *store);
/* The pieces of the answer need their files no more. */
void answer_unpin(struct call_answer *answer, struct store *store);

/* AES-256-CTR under way. */
struct body_crypter {
    struct evp_cipher_ctx_st *context; /* NULL: not begun */
};

void body_crypter_init(struct body_crypter *crypter, const struct body_cipher *cipher,
                       int64_t offset);
void body_crypter_update(struct body_crypter *crypter, char *bytes, size_t len);
void body_crypter_deinit(struct body_crypter *crypter);

/* Where the text of a body goes. `plan` outlives it. Freed without body_sink_finish, it leaves
 * nothing. */
struct body_sink *body_sink_new(struct arena *arena, struct store *store,
                                const struct body_plan *plan);
void body_sink_free(struct body_sink *sink);
void body_sink_autoclose(struct body_sink **slot);
/* 0, -EFBIG beyond the plan's max_bytes, -ENOSPC or -EIO. */
MUST_CHECK int body_sink_write(struct body_sink *sink, struct str text);
/* The checksum so far, of a kind that was planned; raw, in the arena. */
struct str body_sink_checksum(struct body_sink *sink, enum checksum_kind kind);
MUST_CHECK int body_sink_finish(struct body_sink *sink, struct call_body **out_body);

enum request_state {
    REQUEST_RUNNING,
    REQUEST_BATCHED, /* done, waits for the commit of its batch */
    REQUEST_PARKED,  /* pending: waits for a channel or a deadline */
    REQUEST_SENDING, /* the head of its answer was given, pieces follow */
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
    struct str secret_key;  /* that signed the request, when it was checked; for streams */
    bool is_routed;         /* at its head already; status says how that went */
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
    struct call_answer answer;
    struct call_effects effects;
    struct stream_in *stream; /* of its body, or NULL */
    size_t sent_index;        /* pieces of the answer that are sent or queued */
    int64_t sent_bytes;       /* of the piece under way, which is enciphered */
    int sent_fd;
    struct body_crypter sent_crypter;
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
    bool streams;                 /* some service streams bodies */
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
/* The body was buffered after the routing. */
void request_take_body(struct request *request);
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
/* Runs the call up to the service's `plan_body` hook, in a transaction of its own that leaves
 * nothing behind unless the hook had to write. */
enum status executor_plan(struct request *request, struct body_plan *out_plan);

/* A body that streams in (stream_in.c). Each may fail the call. */
enum status stream_begin(struct request *request);
enum status stream_feed(struct request *request, struct str piece);
/* The body has come: call.body is set. */
enum status stream_end(struct request *request);
void stream_free(struct request *request);
/* Sends an answer that has pieces, and ends the request when they are all gone. */
void stream_out(struct request *request, int status, const struct http_header *headers,
                size_t header_count);
void stream_out_end(struct request *request);
