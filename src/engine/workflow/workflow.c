/* workflow.c — takes the row that is due first, runs its step, writes what it decided; all in one
 * transaction.
 *
 * The runner sleeps on one timer set to the next due time. It is woken by commits that notified
 * WORKFLOW_CHANNEL. In one turn it runs at most TURN_MAX_STEPS steps, then lets the requests of its
 * worker go on.
 *
 * A step that ends in an internal error is rolled back; a second, small transaction then counts the
 * failure and puts the row off, so that one broken workflow does not stop the others.
 *
 * A step may leave a request to another server: it is sent when the step is committed, and its
 * answer is taken in a transaction of its own (take_answer). Until then the row is on lease: it is
 * due again after the request's time-out, so that nothing is lost when the process dies; in the
 * process itself a flight keeps the row from being run meanwhile, however the clock is moved.
 *
 * Order: what is due longest comes first. A workflow that wants to go on at once is due from now
 * on, so it cannot keep those from their turn that became due before.
 */
#include "engine/workflow/workflow.h"

#include <errno.h>
#include <stdatomic.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/workflow/store.h"
#include "net/client.h"
#include "net/loop.h"
#include "net/tls.h"
#include "syntax/json.h"
#include "wire/executor.h"

enum {
    TURN_MAX_STEPS = 20,            /* then requests have their turn */
    FAILURE_PAUSE_MS = 200,         /* doubled with each failure in a row, */
    FAILURE_MAX_DOUBLINGS = 8,      /* to about a minute */
    LONGEST_SLEEP_MS = 60 * 1000,   /* on PostgreSQL another node may have added rows unheard */
    REQUEST_TIMEOUT_MS = 30 * 1000, /* of requests that name none */
    LEASE_SLACK_MS = 10 * 1000,     /* for the answer to be taken after the time-out */
    MAX_FLIGHTS = 200,              /* requests under way; sockets are finite */
    CROWDED_PAUSE_MS = 50,
};

/* A request under way. */
struct flight {
    struct flight *next;
    struct workflow_runner *runner;
    struct arena *arena; /* owns this struct */
    struct str kind;
    struct str id;
    struct str state_text; /* as committed with the request: the answer is for this state */
};

struct workflow_runner {
    struct executor *executor;
    const struct workflow_kind *const *kinds;
    size_t kind_count;
    struct loop_timer *timer;
    struct arena *arena; /* reset after every step */
    atomic_bool is_wake_posted;
    struct http_client *client; /* NULL until the first request; so the next two */
    struct arena *client_arena;
    struct str ca_pem; /* of this program's own authority: requests may go to ourselves */
    struct flight *flights;
    size_t flight_count;
    bool is_ending;
};

/* What one step looked at, handed from the task to the runner. */
struct turn {
    struct workflow_runner *runner;
    struct workflow_row row;
    bool has_row;
    bool is_due;
    const struct http_client_request *request; /* to send after the commit, or NULL */
    struct str state_text;                     /* then: as written */
};

/* An answer on its way into the store. */
struct answer {
    struct flight *flight;
    const struct http_client_response *response;
    struct turn turn;
};

static const struct workflow_kind *find_kind(const struct workflow_runner *runner, struct str name)
{
    for (size_t i = 0; i < runner->kind_count; i++) {
        if (str_eq(runner->kinds[i]->name, name))
            return runner->kinds[i];
    }
    return NULL;
}

enum status workflow_start_at(struct call *call, struct str kind, struct str id,
                              const struct json *state, int64_t run_at_ms)
{
    const struct workflow_row row = {
        .kind = kind,
        .id = id,
        .scope = call->scope,
        .state_text = state ? json_to_str(call->arena, state) : STR("{}"),
        .run_at_ms = run_at_ms,
    };
    int rc = workflow_store_insert(call->db, &row);
    if (rc < 0)
        return call_fail_internal(call, rc, "start a workflow");
    call_notify(call, STR(WORKFLOW_CHANNEL));
    return STATUS_DONE;
}

enum status workflow_start(struct call *call, struct str kind, struct str id,
                           const struct json *state)
{
    return workflow_start_at(call, kind, id, state, call->now_ms);
}

enum status workflow_stop(struct call *call, struct str kind, struct str id)
{
    int rc = workflow_store_delete(call->db, kind, id);
    return rc < 0 ? call_fail_internal(call, rc, "stop a workflow") : STATUS_DONE;
}

enum status workflow_wake(struct call *call, struct str kind, struct str id)
{
    int rc = workflow_store_set_run_at(call->db, kind, id, call->now_ms);
    if (rc < 0)
        return call_fail_internal(call, rc, "wake a workflow");
    call_notify(call, STR(WORKFLOW_CHANNEL));
    return STATUS_DONE;
}

enum status workflow_clock_goes_back(struct call *call)
{
    int rc = workflow_store_wake_all(call->db);
    return rc < 0 ? call_fail_internal(call, rc, "wake all workflows") : STATUS_DONE;
}

int workflow_exists(struct call *call, struct str kind, struct str id)
{
    return workflow_store_has(call->db, kind, id);
}

static int64_t lease_of(const struct http_client_request *request)
{
    return (request->timeout_ms > 0 ? request->timeout_ms : REQUEST_TIMEOUT_MS) + LEASE_SLACK_MS;
}

static enum status write_back(struct call *call, const struct workflow *workflow,
                              enum workflow_next next, struct turn *turn)
{
    if (next == WORKFLOW_DONE) {
        int rc = workflow_store_delete(call->db, workflow->kind, workflow->id);
        return rc < 0 ? call_fail_internal(call, rc, "end a workflow") : STATUS_DONE;
    }
    struct workflow_row row = {
        .kind = workflow->kind,
        .id = workflow->id,
        .state_text = json_to_str(call->arena, workflow->state),
        .run_at_ms = workflow->run_at_ms > 0 ? workflow->run_at_ms : call->now_ms,
        .failure_count = 0,
    };
    if (next == WORKFLOW_REQUEST) {
        CHECK(workflow->request != NULL);
        turn->request = workflow->request;
        turn->state_text = row.state_text;
        row.run_at_ms = call->now_ms + lease_of(workflow->request);
    }
    int rc = workflow_store_update(call->db, &row);
    return rc < 0 ? call_fail_internal(call, rc, "update a workflow") : STATUS_DONE;
}

static const struct flight *find_flight(const struct workflow_runner *runner, struct str kind,
                                        struct str id)
{
    const struct flight *flight = runner->flights;
    while (flight && !(str_eq(flight->id, id) && str_eq(flight->kind, kind)))
        flight = flight->next;
    return flight;
}

/* How long the row must wait for what is under way; 0: not at all. */
static int64_t held_for(const struct workflow_runner *runner, const struct workflow_kind *kind,
                        const struct workflow_row *row)
{
    if (!kind->answered)
        return 0;
    if (find_flight(runner, row->kind, row->id))
        return REQUEST_TIMEOUT_MS;
    return runner->flight_count >= MAX_FLIGHTS ? CROWDED_PAUSE_MS : 0;
}

/* One step of the first due workflow, inside the executor's transaction. */
static enum status run_step(struct call *call, void *context)
{
    struct turn *turn = context;
    turn->has_row = false;
    turn->is_due = false;
    turn->request = NULL;
    int rc = workflow_store_next(call->db, call->arena, &turn->row);
    if (rc < 0)
        return call_fail_internal(call, rc, "find a workflow");
    turn->has_row = rc == 1;
    turn->is_due = turn->has_row && turn->row.run_at_ms <= call->now_ms;
    if (!turn->is_due)
        return STATUS_DONE;
    const struct workflow_kind *kind = find_kind(turn->runner, turn->row.kind);
    if (!kind)
        return call_fail_internal(call, -ENOSYS, "workflow of an unknown kind");
    int64_t hold_ms = held_for(turn->runner, kind, &turn->row);
    if (hold_ms > 0) {
        rc = workflow_store_set_run_at(call->db, turn->row.kind, turn->row.id,
                                       call->now_ms + hold_ms);
        return rc < 0 ? call_fail_internal(call, rc, "hold a workflow") : STATUS_DONE;
    }
    struct workflow workflow = {
        .kind = turn->row.kind,
        .id = turn->row.id,
        .scope = turn->row.scope,
        .failure_count = (uint32_t)turn->row.failure_count,
    };
    rc = json_parse(call->arena, turn->row.state_text, 0, &workflow.state, NULL);
    if (rc < 0)
        return call_fail_internal(call, rc, "state of a workflow");
    call->scope = workflow.scope;
    enum workflow_next next = WORKFLOW_DONE;
    enum status status = kind->step(call, &workflow, &next);
    return status == STATUS_DONE ? write_back(call, &workflow, next, turn) : status;
}

/* Puts a workflow off whose step failed. */
static enum status put_off(struct call *call, void *context)
{
    const struct workflow_row *row = &((struct turn *)context)->row;
    int64_t doublings =
        row->failure_count < FAILURE_MAX_DOUBLINGS ? row->failure_count : FAILURE_MAX_DOUBLINGS;
    int64_t pause_ms = (int64_t)FAILURE_PAUSE_MS << doublings;
    int rc = workflow_store_put_off(call->db, row, call->now_ms + pause_ms);
    return rc < 0 ? call_fail_internal(call, rc, "put a workflow off") : STATUS_DONE;
}

static void report(const struct turn *turn, const struct call_error *error)
{
    const struct log_field fields[] = {
        {.name = "kind", .text = turn->row.kind},
        {.name = "id", .text = turn->row.id},
        {.name = "failures", .number = turn->row.failure_count + 1},
        {.name = "message", .text = str_or(error->message, STR(""))},
    };
    log_event(LOG_ERROR, "a workflow's step failed and will be run again", fields,
              ARRAY_LEN(fields));
}

static const struct principal nobody = {
    .kind = PRINCIPAL_SERVICE,
    .name = STR_INIT("virga"),
};

/* The workflow goes on with the answer, if it still stands where it asked. */
static enum status take_answer(struct call *call, void *context)
{
    struct answer *answer = context;
    const struct flight *flight = answer->flight;
    struct turn *turn = &answer->turn;
    turn->request = NULL;
    int rc = workflow_store_find(call->db, call->arena, flight->kind, flight->id, &turn->row);
    if (rc < 0)
        return call_fail_internal(call, rc, "find a workflow");
    if (rc == 0 || !str_eq(turn->row.state_text, flight->state_text))
        return STATUS_DONE;
    struct workflow workflow = {
        .kind = turn->row.kind,
        .id = turn->row.id,
        .scope = turn->row.scope,
        .failure_count = (uint32_t)turn->row.failure_count,
    };
    rc = json_parse(call->arena, turn->row.state_text, 0, &workflow.state, NULL);
    if (rc < 0)
        return call_fail_internal(call, rc, "state of a workflow");
    call->scope = workflow.scope;
    enum workflow_next next = WORKFLOW_DONE;
    const struct workflow_kind *kind = find_kind(turn->runner, turn->row.kind);
    enum status status = kind->answered(call, &workflow, answer->response, &next);
    return status == STATUS_DONE ? write_back(call, &workflow, next, turn) : status;
}

static void send_request(struct turn *turn);

static void end_flight(struct flight *flight)
{
    struct flight **link = &flight->runner->flights;
    while (*link != flight)
        link = &(*link)->next;
    *link = flight->next;
    flight->runner->flight_count--;
    arena_free(flight->arena);
}

static void on_answer(void *context, const struct http_client_response *response)
{
    struct flight *flight = context;
    struct workflow_runner *runner = flight->runner;
    if (runner->is_ending) { /* the lease sees to it in the next process */
        end_flight(flight);
        return;
    }
    AUTO(arena) struct arena *arena = arena_new();
    struct answer answer = {.flight = flight, .response = response, .turn.runner = runner};
    struct call_error error = {0};
    int rc = executor_run_task(runner->executor, arena, &nobody, (struct scope){0}, take_answer,
                               &answer, &error);
    if (rc < 0)
        report(&answer.turn, &error);
    end_flight(flight);
    if (rc == 0 && answer.turn.request)
        send_request(&answer.turn);
    workflow_runner_wake(runner);
}

static void open_client(struct workflow_runner *runner)
{
    struct str data_dir = executor_runtime(runner->executor)->data_dir;
    runner->client = http_client_new(executor_loop(runner->executor));
    runner->client_arena = arena_new();
    if (data_dir.len > 0 && tls_ca_pem(runner->client_arena, data_dir, &runner->ca_pem) < 0)
        runner->ca_pem = (struct str){0};
}

static void send_request(struct turn *turn)
{
    struct workflow_runner *runner = turn->runner;
    struct arena *arena = arena_new();
    struct flight *flight = arena_alloc(arena, sizeof(*flight));
    *flight = (struct flight){
        .next = runner->flights,
        .runner = runner,
        .arena = arena,
        .kind = str_copy(arena, turn->row.kind),
        .id = str_copy(arena, turn->row.id),
        .state_text = str_copy(arena, turn->state_text),
    };
    runner->flights = flight;
    runner->flight_count++;
    if (!runner->client)
        open_client(runner);
    struct http_client_request request = *turn->request;
    if (!request.ca_pem.ptr && str_starts_with(request.url, STR("https://")))
        request.ca_pem = runner->ca_pem;
    http_client_send(runner->client, &request, on_answer, flight);
}

/* Returns true when there may be more to do at once. */
static bool take_turn(struct workflow_runner *runner)
{
    struct turn turn = {.runner = runner};
    struct call_error error = {0};
    arena_reset(runner->arena);
    int rc = executor_run_task(runner->executor, runner->arena, &nobody, (struct scope){0},
                               run_step, &turn, &error);
    if (rc < 0)
        turn.request = NULL; /* not committed */
    if (rc < 0 && rc != -EAGAIN && turn.is_due) {
        report(&turn, &error);
        rc = executor_run_task(runner->executor, runner->arena, &nobody, (struct scope){0}, put_off,
                               &turn, &error);
    }
    if (rc < 0) {
        loop_timer_start(runner->timer, FAILURE_PAUSE_MS);
        return false;
    }
    if (turn.request)
        send_request(&turn);
    if (turn.is_due)
        return true;
    int64_t sleep_ms = LONGEST_SLEEP_MS;
    if (turn.has_row && turn.row.run_at_ms - clock_now_ms() < sleep_ms)
        sleep_ms = turn.row.run_at_ms - clock_now_ms();
    loop_timer_start(runner->timer, sleep_ms > 0 ? sleep_ms : 0);
    return false;
}

static void look(void *context)
{
    struct workflow_runner *runner = context;
    atomic_store(&runner->is_wake_posted, false);
    for (int i = 0; i < TURN_MAX_STEPS; i++) {
        if (!take_turn(runner))
            return;
    }
    /* Posted, not timed: libuv runs a timer of zero again in the same round, and requests starve.
     */
    workflow_runner_wake(runner);
}

void workflow_runner_wake(struct workflow_runner *runner)
{
    if (!atomic_exchange(&runner->is_wake_posted, true))
        loop_post(executor_loop(runner->executor), look, runner);
}

struct workflow_runner *workflow_runner_new(struct executor *executor,
                                            const struct workflow_kind *const *kinds,
                                            size_t kind_count)
{
    struct workflow_runner *runner = mem_new(sizeof(*runner));
    runner->executor = executor;
    runner->kinds = kinds;
    runner->kind_count = kind_count;
    runner->arena = arena_new();
    runner->timer = loop_timer_new(executor_loop(executor), look, runner);
    workflow_runner_wake(runner); /* what an earlier process left */
    return runner;
}

void workflow_runner_free(struct workflow_runner *runner)
{
    if (!runner)
        return;
    runner->is_ending = true;
    http_client_free(runner->client); /* ends all flights */
    arena_free(runner->client_arena);
    loop_timer_free(runner->timer);
    arena_free(runner->arena);
    mem_free(runner);
}
