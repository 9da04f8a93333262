/* executor.c — the transactions around calls.
 *
 * States of a request (arrows are functions):
 *
 *      on_end ──► RUNNING ──executor_run──► ANSWERED            (read; failed before any write)
 *                  ▲   │ └───add_to_batch──► BATCHED ──executor_flush──► ANSWERED
 *                  │   └──────parking_add──► PARKED
 *                  └─────parking_remove────────┘
 *
 * A body that streams comes before: executor_plan at its head, and on_end when it is complete. An
 * answer that has pieces is SENDING between its head and its last piece (stream_out.c).
 *
 * Invariants:
 *  1. A call starts in a read transaction of its own unless its operation was seen to write. Its
 *     first write there is refused by the store (-EROFS); the operation is then marked and the call
 *     starts over in a write transaction.
 *  2. On SQLite the write transaction is shared by all calls of one round of the loop (group
 *     commit): each runs in a savepoint, and no answer leaves before the commit. Reads that come
 *     while it is open run inside it and are answered with it. The batch is bounded, so that other
 *     workers get the writer's lock.
 *  3. On PostgreSQL every call has its own SERIALIZABLE transaction; a conflict runs it again.
 *  4. A call that waits has written nothing: its savepoint is rolled back before it is parked.
 *  5. What decides about running again is the transaction's own state (db_tx_error), not what the
 *     handler made of a failing statement.
 *  6. Before a transaction may see its first row, the identity cache is made current and the
 *     waiters' sequence is noted: whatever commits later is then noticed.
 *  7. Of what a call allocates while it runs, a parked call keeps its first runs' at most: later
 *     runs have an arena of their own, which is emptied before each.
 */
#include "wire/executor.h"

#include <errno.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rand.h"
#include "net/loop.h"
#include "store/bodies.h"
#include "wire/identity.h"
#include "wire/request.h"
#include "wire/waiters.h"

enum {
    BATCH_MAX_CALLS = 128,  /* bounds how long a round keeps the writer's lock */
    EXCHANGE_MAX_RUNS = 4,  /* that allocate from the exchange's arena; most calls run once */
    CONFLICT_MAX_RUNS = 50, /* then the client gets an error instead of an endless loop */
};

static executor_page_fn *program_pages;

void executor_set_pages(executor_page_fn *pages)
{
    program_pages = pages;
}

struct runtime *executor_runtime(struct executor *executor)
{
    return executor->runtime;
}

struct loop *executor_loop(struct executor *executor)
{
    return executor->loop;
}

static bool has_seen_write(const struct request *request)
{
    size_t index = (size_t)(request->call.operation - request->call.service->operations);
    return request->executor->writes[request->service_index][index] != 0;
}

static void mark_write(struct request *request)
{
    size_t index = (size_t)(request->call.operation - request->call.service->operations);
    request->executor->writes[request->service_index][index] = 1;
}

static void reset_call(struct call *call)
{
    call->error = (struct call_error){0};
    call->store_errno = 0;
    call->subject = NULL;
    call->wait_channel_count = 0;
    call->now_ms = clock_now_ms();
    call->effects->removal_count = 0;
    if (call->body)
        call->body->is_kept = false;
    if (call->answer) {
        answer_unpin(call->answer, call->runtime->store);
        *call->answer = (struct call_answer){0};
    }
    if (call->run_count++ == 0)
        call->started_at_ms = call->now_ms;
}

static enum status authorize_operation(struct call *call, const struct service *service,
                                       const void *in)
{
    struct authorization what = {
        .action = str_concat3(call->arena, service->model->arn_namespace, STR(":"),
                              call->operation->name),
        .resource = STR("*"),
    };
    if (service->authorize) {
        enum status status = service->authorize(call, in, &what);
        if (status != STATUS_DONE)
            return status;
    }
    /* No action: AWS asks no permission for this operation (sts:GetCallerIdentity). */
    return what.action.len == 0 ? STATUS_DONE : call_authorize(call, &what);
}

static enum status refuse_missing(struct call *call, const struct service *service)
{
    return call_fail(call, &ERROR_NOT_IMPLEMENTED,
                     "Operation " STR_FMT " of " STR_FMT " is not implemented.",
                     STR_ARG(call->operation->name), STR_ARG(service->model->service_id));
}

static enum status invoke(struct call *call, const struct service *service, const void *in,
                          void *out)
{
    if (!operation_is_implemented(call->operation, service->handlers))
        return refuse_missing(call, service);
    enum status status = authorize_operation(call, service, in);
    if (status != STATUS_DONE)
        return status;
    return call->operation->invoke(service->handlers, call, in, out);
}

/* A long poll on a busy channel may be run thousands of times. */
static void choose_arena(struct request *request)
{
    if (!request->is_prepared || request->call.run_count < EXCHANGE_MAX_RUNS)
        return;
    if (!request->run_arena)
        request->run_arena = arena_new();
    arena_reset(request->run_arena);
    request->call.arena = request->run_arena;
}

/* Before a transaction or savepoint of this call begins. */
static void prepare_run(struct request *request)
{
    identity_refresh();
    request->sequence = waiters_sequence(request->call.runtime->waiters);
    choose_arena(request);
}

static enum status carry_out(struct request *request)
{
    struct call *call = &request->call;
    if (!request->is_prepared) {
        enum status status = request_prepare(request);
        if (status != STATUS_DONE)
            return status;
    }
    request->out = arena_alloc(call->arena, call->operation->out_size);
    return invoke(call, request->service, request->in, request->out);
}

/* One run of the call inside an open transaction. */
static enum status attempt(struct request *request)
{
    struct call *call = &request->call;
    reset_call(call);
    enum status status = carry_out(request);
    if (status == STATUS_PENDING && request->executor->is_ending)
        status = call_fail(call, &ERROR_SERVICE_UNAVAILABLE, "The server is shutting down.");
    if (status == STATUS_FAILED && !call->error.error)
        status = call_fail_internal(call, -EPROTO, "a handler failed without an error");
    if (status == STATUS_FAILED && call->body)
        call->body->is_kept = false;
    if (status != STATUS_PENDING && request->service->finish)
        request->service->finish(call, request->is_prepared ? request->in : NULL);
    return status;
}

/* Runs the call and notes whether its transaction demands another: a handler may have taken the
 * refusal of its write, or a conflict, for an answer of its own. */
static void run_once(struct request *request)
{
    request->status = attempt(request);
    int rc = db_tx_error(request->executor->db);
    if (rc != -EROFS && rc != -EAGAIN)
        return;
    request->status = STATUS_FAILED;
    request->call.store_errno = rc;
}

static bool wants_write(const struct request *request)
{
    return request->status == STATUS_FAILED && request->call.store_errno == -EROFS;
}

static bool has_conflict(const struct request *request)
{
    return request->status == STATUS_FAILED && request->call.store_errno == -EAGAIN;
}

static void fail_request(struct request *request, int rc, const char *what)
{
    request->status = call_fail_internal(&request->call, rc, what);
}

static void settle(struct request *request)
{
    if (request->status == STATUS_PENDING)
        parking_add(request);
    else
        request_answer(request);
}

/* A transaction for this call alone: reads on SQLite, everything on PostgreSQL. Returns false when
 * the call must be run in another way. */
static bool run_alone(struct request *request, enum tx_mode mode)
{
    struct db *db = request->executor->db;
    prepare_run(request);
    int rc = db_begin(db, mode);
    if (rc < 0) {
        fail_request(request, rc, "begin a transaction");
        return true;
    }
    run_once(request);
    if (request->status != STATUS_DONE)
        db_rollback(db);
    else if ((rc = db_commit(db)) < 0)
        fail_request(request, rc, "commit");
    return !wants_write(request) && !has_conflict(request);
}

static void run_on_postgres(struct request *request)
{
    enum tx_mode mode = has_seen_write(request) ? TX_WRITE : TX_READ;
    while (!run_alone(request, mode)) {
        if (wants_write(request) && mode == TX_READ) {
            mark_write(request);
            mode = TX_WRITE;
        } else if (++request->conflict_count >= CONFLICT_MAX_RUNS) {
            fail_request(request, -EBUSY, "too many conflicting transactions");
            break;
        }
    }
    request->conflict_count = 0; /* a call that waits starts counting anew */
    settle(request);
}

static void add_to_batch(struct request *request)
{
    struct executor *executor = request->executor;
    request->state = REQUEST_BATCHED;
    request->next = NULL;
    if (executor->batch_last)
        executor->batch_last->next = request;
    else
        executor->batch_first = request;
    executor->batch_last = request;
    if (++executor->batch_count >= BATCH_MAX_CALLS)
        executor_flush(executor);
}

/* Runs the call in a savepoint of the open write transaction. What goes wrong inside is undone with
 * the savepoint and touches no other call; an error that outlives it makes the commit fail, and all
 * of the batch with it. */
static void run_in_batch(struct request *request)
{
    struct db *db = request->executor->db;
    prepare_run(request);
    int rc = db_savepoint(db);
    if (rc < 0) {
        fail_request(request, rc, "savepoint");
        add_to_batch(request);
        return;
    }
    run_once(request);
    if (request->status != STATUS_DONE)
        db_rollback_to(db);
    rc = db_release(db);
    if (rc == -EROFS || rc == -EAGAIN)
        rc = -EIO; /* no other transaction could do better: the store itself refuses */
    if (rc < 0)
        fail_request(request, rc, "release a savepoint");
    if (request->status == STATUS_PENDING)
        parking_add(request);
    else
        add_to_batch(request);
}

static bool open_batch(struct request *request)
{
    struct executor *executor = request->executor;
    if (executor->has_batch)
        return true;
    int rc = db_begin(executor->db, TX_WRITE);
    if (rc < 0) {
        fail_request(request, rc, "begin a write transaction");
        return false;
    }
    executor->has_batch = true;
    return true;
}

static void run_on_sqlite(struct request *request)
{
    if (!request->executor->has_batch && !has_seen_write(request)) {
        if (run_alone(request, TX_READ)) {
            settle(request);
            return;
        }
        if (wants_write(request))
            mark_write(request);
    }
    if (open_batch(request))
        run_in_batch(request);
    else
        request_answer(request);
}

void executor_run(struct request *request)
{
    if (request->executor->is_postgres)
        run_on_postgres(request);
    else
        run_on_sqlite(request);
}

void executor_flush(struct executor *executor)
{
    if (!executor->has_batch || executor->is_flushing)
        return;
    executor->is_flushing = true;
    int rc = db_commit(executor->db);
    executor->has_batch = false;
    if (rc < 0) {
        /* What was cached, or seen by a call that waits now, inside the batch never happened. */
        identity_changed();
        executor_wake_all(executor);
    }
    struct request *request = executor->batch_first;
    executor->batch_first = NULL;
    executor->batch_last = NULL;
    executor->batch_count = 0;
    while (request) {
        struct request *next = request->next; /* answering ends the request's memory */
        if (rc < 0)
            fail_request(request, rc == -EROFS || rc == -EAGAIN ? -EIO : rc, "commit");
        request_answer(request);
        request = next;
    }
    executor->is_flushing = false;
}

/* ---- bodies that stream in ---- */

static enum status plan_once(struct request *request, struct body_plan *out_plan)
{
    struct call *call = &request->call;
    const struct service *service = request->service;
    reset_call(call);
    *out_plan = (struct body_plan){0};
    enum status status = request->is_prepared ? STATUS_DONE : request_prepare(request);
    if (status == STATUS_DONE && !operation_is_implemented(call->operation, service->handlers))
        status = refuse_missing(call, service);
    if (status == STATUS_DONE)
        status = authorize_operation(call, service, request->in);
    if (status == STATUS_DONE && service->plan_body)
        status = service->plan_body(call, request->in, out_plan);
    if (status == STATUS_FAILED && service->finish)
        service->finish(call, request->is_prepared ? request->in : NULL);
    return status;
}

/* In a savepoint of the open batch: to commit it here would give each upload a commit of its own. A
 * refusal leaves at once, so the batch, which it may have read, is committed before. */
static enum status plan_in_batch(struct request *request, struct body_plan *out_plan)
{
    struct db *db = request->executor->db;
    identity_refresh();
    int rc = db_savepoint(db);
    if (rc < 0)
        return call_fail_internal(&request->call, rc, "savepoint");
    enum status status = plan_once(request, out_plan);
    request->call.run_count = 0; /* the handler has not run yet */
    if (status != STATUS_DONE)
        db_rollback_to(db);
    rc = db_release(db);
    if (rc < 0 && status == STATUS_DONE)
        status = call_fail_internal(&request->call, rc == -EAGAIN ? -EIO : rc, "plan a body");
    if (status != STATUS_DONE)
        executor_flush(request->executor);
    return status;
}

/* As a read first; a hook that writes (a key's use is recorded) gets a write transaction. */
enum status executor_plan(struct request *request, struct body_plan *out_plan)
{
    struct db *db = request->executor->db;
    enum tx_mode mode = TX_READ;
    if (request->executor->has_batch)
        return plan_in_batch(request, out_plan);
    for (int runs = 0; runs < CONFLICT_MAX_RUNS; runs++) {
        identity_refresh();
        int rc = db_begin(db, mode);
        if (rc < 0)
            return call_fail_internal(&request->call, rc, "begin a transaction");
        enum status status = plan_once(request, out_plan);
        int problem = db_tx_error(db);
        if (problem == 0 && status == STATUS_FAILED)
            problem = request->call.store_errno;
        if (status == STATUS_DONE && problem == 0)
            problem = db_commit(db);
        else
            db_rollback(db);
        request->call.run_count = 0; /* the handler has not run yet */
        if (problem == -EROFS)
            mode = TX_WRITE;
        else if (problem != -EAGAIN)
            return problem < 0 && status == STATUS_DONE
                       ? call_fail_internal(&request->call, problem, "plan a body")
                       : status;
    }
    return call_fail_internal(&request->call, -EBUSY, "too many conflicting transactions");
}

static void round_end(void *context)
{
    struct executor *executor = context;
    /* Pipelined requests behind these answers are handed up after this round end, and the loop then
     * has another one before it sleeps (net/loop.c). */
    executor_flush(executor);
    log_flush();
}

static struct request *route(struct executor *executor, struct http_exchange *exchange)
{
    struct request *request = arena_alloc(exchange->arena, sizeof(*request));
    exchange->context = request;
    request->executor = executor;
    request->exchange = exchange;
    request->started_us = clock_monotonic_us();
    request->status = request_route(request);
    return request;
}

/* Operations that stream are PUT, or POST without any sign of another protocol. Only these are
 * routed before their body is there: of a form, the body tells the operation. */
static bool may_stream(const struct http_exchange *exchange)
{
    if (str_starts_with(exchange->raw_path, STR("/_virga/")))
        return false;
    if (str_eq(exchange->method, STR("PUT")))
        return true;
    return str_eq(exchange->method, STR("POST")) && !http_header(exchange, "X-Amz-Target").ptr &&
           !str_starts_with(http_header(exchange, "Content-Type"),
                            STR("application/x-www-form-urlencoded"));
}

static void on_head(void *app, struct http_exchange *exchange)
{
    struct executor *executor = app;
    if (executor->streams && may_stream(exchange)) {
        struct request *request = route(executor, exchange);
        request->is_routed = true;
        const struct operation *operation = request->call.operation;
        if (request->status == STATUS_DONE && operation->flags & OPERATION_STREAMS_INPUT) {
            request->status = stream_begin(request);
            if (request->status == STATUS_DONE)
                http_stream_body(exchange);
            else
                request_answer(request);
            return;
        }
    }
    http_buffer_body(exchange, REQUEST_MAX_BODY);
}

static void on_body(void *app, struct http_exchange *exchange, struct str piece)
{
    (void)app;
    struct request *request = exchange->context;
    if (request->state == REQUEST_ANSWERED)
        return;
    request->status = stream_feed(request, piece);
    if (request->status != STATUS_DONE)
        request_answer(request);
}

static void on_end(void *app, struct http_exchange *exchange)
{
    struct executor *executor = app;
    if (program_pages && program_pages(executor, exchange))
        return;
    struct request *request = exchange->context;
    if (!request) {
        request = route(executor, exchange);
    } else if (request->state == REQUEST_ANSWERED) {
        return;
    } else if (request->stream) {
        request->status = stream_end(request);
    } else {
        request_take_body(request);
    }
    if (request->status == STATUS_DONE)
        executor_run(request);
    else
        request_answer(request);
}

static void on_close(void *app, struct http_exchange *exchange)
{
    struct request *request = exchange->context;
    if (!request || request->state == REQUEST_ANSWERED)
        return;
    request->is_gone = true;
    if (request->state == REQUEST_SENDING)
        stream_out_end(request);
    else if (request->state == REQUEST_PARKED)
        parking_remove(request);
    else
        executor_flush(app); /* the batch keeps no request whose memory ends here */
    request_end(request);
}

const struct http_handler executor_http = {
    .on_head = on_head,
    .on_body = on_body,
    .on_end = on_end,
    .on_close = on_close,
};

struct executor *executor_new(struct runtime *runtime, struct loop *loop, struct db *db)
{
    struct executor *executor = mem_new(sizeof(*executor));
    executor->runtime = runtime;
    executor->loop = loop;
    executor->db = db;
    executor->is_postgres = store_is_postgres(runtime->store);
    parking_init(executor);
    executor->writes = mem_new_array(runtime->service_count, sizeof(*executor->writes));
    executor->counts = mem_new_array(runtime->service_count, sizeof(*executor->counts));
    for (size_t i = 0; i < runtime->service_count; i++) {
        size_t operations = runtime->services[i]->model->operation_count;
        executor->streams |= runtime->services[i]->is_s3_style;
        executor->writes[i] = mem_new_array(operations, sizeof(**executor->writes));
        executor->counts[i] = mem_new_array(operations, sizeof(**executor->counts));
    }
    loop_set_round_end(loop, round_end, executor);
    return executor;
}

void executor_free(struct executor *executor)
{
    if (!executor)
        return;
    executor_flush(executor);
    parking_deinit(executor);
    for (size_t i = 0; i < executor->runtime->service_count; i++) {
        mem_free(executor->writes[i]);
        mem_free(executor->counts[i]);
    }
    mem_free(executor->writes);
    mem_free(executor->counts);
    mem_free(executor);
}

struct operation_count executor_count(const struct runtime *runtime, size_t service_index,
                                      size_t operation_index)
{
    uint64_t sums[4] = {0};
    for (size_t i = 0; i < runtime->executor_count; i++) {
        _Atomic uint64_t *fields = runtime->executors[i]->counts[service_index][operation_index];
        for (size_t field = 0; field < ARRAY_LEN(sums); field++)
            sums[field] += atomic_load_explicit(&fields[field], memory_order_relaxed);
    }
    return (struct operation_count){
        .calls = sums[0],
        .client_errors = sums[1],
        .server_errors = sums[2],
        .micros = sums[3],
    };
}

/* One run of a task. Returns what executor_run_task does, or -EAGAIN. */
static int attempt_task(struct executor *executor, struct call *call, executor_task_fn *task,
                        void *context)
{
    identity_refresh();
    int rc = db_begin(executor->db, TX_WRITE);
    if (rc < 0)
        return rc;
    reset_call(call);
    enum status status = task(call, context);
    if (status == STATUS_PENDING)
        status = call_fail_internal(call, -EDEADLK, "a task would wait");
    if (status == STATUS_DONE)
        return db_commit(executor->db);
    bool has_conflict = db_tx_error(executor->db) == -EAGAIN || call->store_errno == -EAGAIN;
    db_rollback(executor->db);
    return has_conflict ? -EAGAIN : -ECANCELED;
}

int executor_run_task(struct executor *executor, struct arena *arena,
                      const struct principal *principal, struct scope scope, executor_task_fn *task,
                      void *context, struct call_error *out_error)
{
    executor_flush(executor);
    struct call_effects effects = {0};
    struct call call = {
        .arena = arena,
        .db = executor->db,
        .scope = scope,
        .principal = principal,
        .runtime = executor->runtime,
        .request_id = rand_uuid(arena),
        .endpoint = executor->runtime->endpoint,
        .is_secure_transport = true,
        .effects = &effects,
    };
    int rc = -EAGAIN;
    for (int runs = 0; runs < CONFLICT_MAX_RUNS && rc == -EAGAIN; runs++)
        rc = attempt_task(executor, &call, task, context);
    if (rc == -ECANCELED)
        *out_error = call.error;
    if (rc == 0)
        effects_apply(&effects, executor->runtime->store);
    return rc;
}

static enum status fail_nested(struct call *call, int rc, const char *what,
                               struct call_error *out_error)
{
    enum status status = call_fail_internal(call, rc, what);
    *out_error = call->error;
    return status;
}

enum status call_invoke(struct call *call, const struct principal *principal,
                        const struct scope *scope, const struct service_model *service,
                        const struct operation *operation, const void *in, void *out,
                        struct call_error *out_error)
{
    return call_invoke_stream(call, principal, scope, service, operation, NULL, in, out, NULL,
                              out_error);
}

/* What an engine made for an operation and the operation did not keep. */
static void drop_body(struct call *call, const struct call_body *body)
{
    if (body && !body->is_kept)
        body_remove(call->runtime->store, body->id);
}

enum status call_invoke_stream(struct call *call, const struct principal *principal,
                               const struct scope *scope, const struct service_model *service,
                               const struct operation *operation, struct call_body *body,
                               const void *in, void *out, struct call_answer *out_answer,
                               struct call_error *out_error)
{
    struct call_answer answer = {0};
    size_t removal_count = call->effects->removal_count;
    struct call inner = *call;
    inner.principal = principal ? principal : call->principal;
    inner.scope = scope ? *scope : call->scope;
    inner.service = service;
    inner.operation = operation;
    inner.error = (struct call_error){0};
    inner.store_errno = 0;
    inner.subject = NULL;
    inner.wait_channel_count = 0;
    inner.exchange = NULL;
    inner.raw_body = (struct str){0};
    inner.body = body;
    inner.answer = out_answer ? &answer : NULL;
    int rc = db_savepoint(call->db);
    if (rc < 0)
        return fail_nested(call, rc, "savepoint", out_error);
    enum status status = invoke(&inner, runtime_service(call->runtime, service), in, out);
    if (status == STATUS_PENDING)
        status = call_fail_internal(&inner, -EDEADLK, "a nested call would wait");
    if (status != STATUS_DONE) {
        db_rollback_to(call->db);
        call->effects->removal_count = removal_count;
        if (body)
            body->is_kept = false;
    }
    drop_body(call, body);
    answer_unpin(&answer, call->runtime->store); /* the transaction's rows keep the files */
    rc = db_release(call->db);
    if (rc < 0)
        return fail_nested(call, rc, "release a savepoint", out_error);
    if (status == STATUS_DONE && out_answer)
        *out_answer = answer;
    if (status == STATUS_DONE)
        return status;
    *out_error = inner.error;
    if (inner.store_errno != 0) { /* a fault of ours, logged already, is one of the outer call */
        call->store_errno = inner.store_errno;
        call->error = inner.error;
    }
    return status;
}
