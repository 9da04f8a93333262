/* loop.c — libuv behind loop.h.
 *
 * The round end runs in a uv_prepare handle. One iteration of libuv is: timers, prepare, sleep and
 * I/O callbacks, close callbacks; then the next begins. So prepare runs after everything that the
 * last sleep woke up and after the timers that are due, directly before the next sleep: nothing
 * that was handed up is still waiting when the thread sleeps.
 *
 * Invariants:
 * 1. Behind every round end the hooks settle; when one of them handed work up, there is another
 *    round end, at most ROUNDS_PER_ITERATION in a row. Then the loop turns once without sleeping,
 *    so that one busy connection cannot keep the others from being read.
 * 2. `posted` is the only state that other threads touch, under `lock`.
 */
#include "net/loop.h"

#include <pthread.h>
#include <signal.h>
#include <uv.h>

#include "base/mem.h"
#include "net/loop_private.h"

enum {
    ROUNDS_PER_ITERATION = 4, /* enough for commit, answer, pipelined request, commit, answer */
    FIRST_POSTED = 64,
};

struct posted {
    loop_fn *fn;
    void *context;
};

struct posted_list {
    struct posted *items;
    size_t count;
    size_t capacity;
};

struct loop {
    uv_loop_t uv;
    uv_async_t async;     /* wakes the loop for `posted` */
    uv_prepare_t prepare; /* the round end */
    uv_idle_t spin;       /* active while the loop must not sleep */
    pthread_mutex_t lock; /* protects `posted` and `is_stopping` */
    struct posted_list posted;
    bool is_stopping;
    struct posted_list running; /* swapped with `posted`, so that posting goes on meanwhile */
    loop_fn *round_end;
    void *round_end_context;
    struct loop_hook *hooks;
    struct loop_hook *next_hook; /* the one that settles after the present one */
};

struct loop_timer {
    uv_timer_t uv;
    loop_fn *fn;
    void *context;
};

struct job {
    uv_work_t uv;
    loop_fn *work;
    loop_fn *done;
    void *context;
};

static void run_posted(struct loop *loop)
{
    pthread_mutex_lock(&loop->lock);
    struct posted_list taken = loop->posted;
    loop->posted = loop->running;
    loop->posted.count = 0;
    loop->running = (struct posted_list){0};
    bool is_stopping = loop->is_stopping;
    loop->is_stopping = false;
    pthread_mutex_unlock(&loop->lock);

    for (size_t i = 0; i < taken.count; i++)
        taken.items[i].fn(taken.items[i].context);
    mem_free(loop->running.items);
    loop->running = taken;
    if (is_stopping)
        uv_stop(&loop->uv);
}

static void on_async(uv_async_t *async)
{
    run_posted(async->data);
}

static bool settle_hooks(struct loop *loop)
{
    bool has_more = false;
    for (struct loop_hook *hook = loop->hooks; hook; hook = loop->next_hook) {
        loop->next_hook = hook->next;
        has_more |= hook->settle(hook->context);
    }
    return has_more;
}

static void on_spin(uv_idle_t *idle)
{
    (void)idle; /* being active is its purpose: the loop polls without sleeping */
}

static void on_prepare(uv_prepare_t *prepare)
{
    struct loop *loop = prepare->data;
    for (int round = 0; round < ROUNDS_PER_ITERATION; round++) {
        if (loop->round_end)
            loop->round_end(loop->round_end_context);
        if (!settle_hooks(loop)) {
            uv_idle_stop(&loop->spin);
            return;
        }
    }
    uv_idle_start(&loop->spin, on_spin);
}

struct loop *loop_new(void)
{
    /* A peer that went away is an EPIPE for the connection, not the end of the process. */
    signal(SIGPIPE, SIG_IGN);
    struct loop *loop = mem_new(sizeof(*loop));
    CHECK(uv_loop_init(&loop->uv) == 0);
    CHECK(pthread_mutex_init(&loop->lock, NULL) == 0);
    CHECK(uv_async_init(&loop->uv, &loop->async, on_async) == 0);
    CHECK(uv_prepare_init(&loop->uv, &loop->prepare) == 0);
    CHECK(uv_idle_init(&loop->uv, &loop->spin) == 0);
    loop->async.data = loop;
    loop->prepare.data = loop;
    CHECK(uv_prepare_start(&loop->prepare, on_prepare) == 0);
    return loop;
}

static void close_leftover(uv_handle_t *handle, void *context)
{
    (void)context;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

void loop_free(struct loop *loop)
{
    if (!loop)
        return;
    loop->round_end = NULL;
    uv_walk(&loop->uv, close_leftover, NULL);
    while (uv_loop_close(&loop->uv) == UV_EBUSY)
        uv_run(&loop->uv, UV_RUN_DEFAULT); /* close callbacks and jobs on their way */
    pthread_mutex_destroy(&loop->lock);
    mem_free(loop->posted.items);
    mem_free(loop->running.items);
    mem_free(loop);
}

void loop_run(struct loop *loop)
{
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    on_prepare(&loop->prepare); /* what the last iteration was handed is still committed */
}

void loop_stop(struct loop *loop)
{
    pthread_mutex_lock(&loop->lock);
    loop->is_stopping = true;
    pthread_mutex_unlock(&loop->lock);
    uv_async_send(&loop->async);
}

struct uv_loop_s *loop_uv(struct loop *loop)
{
    return &loop->uv;
}

void loop_post(struct loop *loop, loop_fn *fn, void *context)
{
    CHECK(fn != NULL);
    pthread_mutex_lock(&loop->lock);
    struct posted_list *list = &loop->posted;
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? list->capacity * 2 : FIRST_POSTED;
        list->items = mem_resize(list->items, list->capacity * sizeof(*list->items));
    }
    list->items[list->count] = (struct posted){.fn = fn, .context = context};
    bool was_empty = list->count++ == 0;
    pthread_mutex_unlock(&loop->lock);
    if (was_empty)
        uv_async_send(&loop->async);
}

static void job_work(uv_work_t *uv)
{
    struct job *job = uv->data;
    job->work(job->context);
}

static void job_done(uv_work_t *uv, int status)
{
    (void)status; /* nobody cancels */
    struct job *job = uv->data;
    job->done(job->context);
    mem_free(job);
}

void loop_job(struct loop *loop, loop_fn *work, loop_fn *done, void *context)
{
    CHECK(work != NULL && done != NULL);
    struct job *job = mem_new(sizeof(*job));
    *job = (struct job){.work = work, .done = done, .context = context};
    job->uv.data = job;
    CHECK(uv_queue_work(&loop->uv, &job->uv, job_work, job_done) == 0);
}

static void on_timer(uv_timer_t *uv)
{
    struct loop_timer *timer = uv->data;
    timer->fn(timer->context);
}

struct loop_timer *loop_timer_new(struct loop *loop, loop_fn *fn, void *context)
{
    CHECK(fn != NULL);
    struct loop_timer *timer = mem_new(sizeof(*timer));
    timer->fn = fn;
    timer->context = context;
    CHECK(uv_timer_init(&loop->uv, &timer->uv) == 0);
    timer->uv.data = timer;
    return timer;
}

void loop_timer_start(struct loop_timer *timer, int64_t after_ms)
{
    /* libuv counts from its idea of now, which is as old as this iteration. */
    uv_update_time(timer->uv.loop);
    uint64_t delay_ms = after_ms > 0 ? (uint64_t)after_ms : 0;
    CHECK(uv_timer_start(&timer->uv, on_timer, delay_ms, 0) == 0);
}

void loop_timer_stop(struct loop_timer *timer)
{
    uv_timer_stop(&timer->uv);
}

static void on_timer_closed(uv_handle_t *handle)
{
    mem_free(handle->data);
}

void loop_timer_free(struct loop_timer *timer)
{
    if (timer)
        uv_close((uv_handle_t *)&timer->uv, on_timer_closed);
}

void loop_set_round_end(struct loop *loop, loop_fn *fn, void *context)
{
    loop->round_end = fn;
    loop->round_end_context = context;
}

void loop_add_hook(struct loop *loop, struct loop_hook *hook)
{
    hook->previous = NULL;
    hook->next = loop->hooks;
    if (hook->next)
        hook->next->previous = hook;
    loop->hooks = hook;
}

void loop_remove_hook(struct loop *loop, struct loop_hook *hook)
{
    if (loop->next_hook == hook)
        loop->next_hook = hook->next;
    if (hook->next)
        hook->next->previous = hook->previous;
    if (hook->previous)
        hook->previous->next = hook->next;
    else
        loop->hooks = hook->next;
}
