/* parking.c — requests that wait: by channel in a hash table, by deadline with a timer.
 *
 * A request is parked only when it has written nothing. It is taken out and run again when one of
 * its channels is notified, its deadline comes, the clock moves, or its client goes away.
 *
 * Wake-ups come from any thread. They are collected in a list that the executor owns, and one
 * message to its loop stands for all of them: what was not delivered when the program ends, ends
 * with the executor.
 */
#include <pthread.h>

#include "base/clock.h"
#include "base/mem.h"
#include "net/loop.h"
#include "wire/request.h"
#include "wire/waiters.h"

enum {
    WAKES_MAX_BYTES = 1024 * 1024, /* channels not yet looked at; beyond, everybody looks */
    WAKES_SEARCHED_BYTES = 4096,
};

static struct park_node **bucket_of(struct executor *executor, struct str channel)
{
    return &executor->buckets[str_hash(channel) & (PARK_BUCKETS - 1)];
}

static void link_node(struct executor *executor, struct park_node *node)
{
    struct park_node **head = bucket_of(executor, node->channel);
    node->next = *head;
    node->prev = NULL;
    if (*head)
        (*head)->prev = node;
    *head = node;
}

static void unlink_node(struct executor *executor, struct park_node *node)
{
    if (node->prev)
        node->prev->next = node->next;
    else
        *bucket_of(executor, node->channel) = node->next;
    if (node->next)
        node->next->prev = node->prev;
}

static void run_again(struct request *request)
{
    parking_remove(request);
    executor_run(request);
}

static void deadline_came(void *context)
{
    run_again(context);
}

static void start_timer(struct request *request)
{
    int64_t left_ms = request->call.wait_until_ms - clock_now_ms();
    if (!request->timer)
        request->timer = loop_timer_new(request->executor->loop, deadline_came, request);
    loop_timer_start(request->timer, left_ms > 0 ? left_ms : 0);
}

static void link_request(struct executor *executor, struct request *request)
{
    request->state = REQUEST_PARKED;
    request->next = NULL;
    request->prev = executor->parked_last;
    if (executor->parked_last)
        executor->parked_last->next = request;
    else
        executor->parked_first = request;
    executor->parked_last = request;
    /* Before waiters_add: see executor_wake. */
    atomic_fetch_add_explicit(&executor->parked_count, 1, memory_order_relaxed);
}

static void unlink_request(struct executor *executor, struct request *request)
{
    if (request->prev)
        request->prev->next = request->next;
    else
        executor->parked_first = request->next;
    if (request->next)
        request->next->prev = request->prev;
    else
        executor->parked_last = request->prev;
    request->next = NULL;
    request->prev = NULL;
    request->state = REQUEST_RUNNING;
    atomic_fetch_sub_explicit(&executor->parked_count, 1, memory_order_relaxed);
}

void parking_add(struct request *request)
{
    struct executor *executor = request->executor;
    struct call *call = &request->call;
    link_request(executor, request);
    bool is_missed = false;
    for (size_t i = 0; i < call->wait_channel_count; i++) {
        struct park_node *node = &request->nodes[i];
        *node = (struct park_node){.request = request, .channel = call->wait_channels[i]};
        link_node(executor, node);
        is_missed |= waiters_add(executor->runtime->waiters, node->channel, request->sequence);
    }
    request->node_count = call->wait_channel_count;
    start_timer(request);
    if (is_missed)
        loop_timer_start(request->timer, 0); /* look again in the next round */
}

void parking_remove(struct request *request)
{
    struct executor *executor = request->executor;
    CHECK(request->state == REQUEST_PARKED);
    for (size_t i = 0; i < request->node_count; i++) {
        unlink_node(executor, &request->nodes[i]);
        waiters_remove(executor->runtime->waiters, request->nodes[i].channel);
    }
    request->node_count = 0;
    unlink_request(executor, request);
    loop_timer_stop(request->timer);
}

/* Takes the requests that wait for `channel` out and runs them, those first that wait longest.
 * Running one may park it again, so all are taken out before the first is run. */
static void wake_channel(struct executor *executor, struct str channel)
{
    struct request *woken = NULL;
    struct park_node *node = *bucket_of(executor, channel);
    while (node) {
        struct request *request = node->request;
        bool is_meant = str_eq(node->channel, channel);
        node = node->next;
        if (!is_meant)
            continue;
        while (node && node->request == request)
            node = node->next; /* leaves the bucket together with this one */
        parking_remove(request);
        request->next = woken; /* the bucket has the latest first */
        woken = request;
    }
    while (woken) {
        struct request *request = woken;
        woken = request->next;
        request->next = NULL;
        executor_run(request);
    }
}

static void look_again(struct executor *executor)
{
    for (struct request *request = executor->parked_first; request; request = request->next)
        loop_timer_start(request->timer, 0);
}

static void wake_posted(void *context)
{
    struct executor *executor = context;
    pthread_mutex_lock(&executor->wake_lock);
    AUTO(buf) struct buf wakes = executor->wakes;
    bool must_wake_all = executor->must_wake_all || wakes.is_full;
    buf_init(&executor->wakes, NULL, WAKES_MAX_BYTES);
    executor->must_wake_all = false;
    executor->is_wake_posted = false;
    pthread_mutex_unlock(&executor->wake_lock);

    if (must_wake_all) {
        look_again(executor);
        return;
    }
    struct str rest = buf_str(&wakes);
    struct str channel = {0};
    while (rest.len > 0 && str_split_next(&rest, '\n', &channel))
        wake_channel(executor, channel);
}

/* A channel that is in the list already is not added: one run serves both. Only the beginning is
 * searched; a channel twice in a long list costs a needless run. */
static bool is_listed(const struct buf *wakes, struct str channel)
{
    if (wakes->len > WAKES_SEARCHED_BYTES)
        return false;
    struct str rest = buf_str(wakes);
    struct str listed = {0};
    while (rest.len > 0 && str_split_next(&rest, '\n', &listed))
        if (str_eq(listed, channel))
            return true;
    return false;
}

static void post_wake(struct executor *executor, struct str channel)
{
    pthread_mutex_lock(&executor->wake_lock);
    if (channel.len == 0) {
        executor->must_wake_all = true;
    } else if (!is_listed(&executor->wakes, channel)) {
        buf_append(&executor->wakes, channel);
        buf_append_char(&executor->wakes, '\n');
    }
    bool must_post = !executor->is_wake_posted;
    executor->is_wake_posted = true;
    pthread_mutex_unlock(&executor->wake_lock);
    if (must_post)
        loop_post(executor->loop, wake_posted, executor);
}

/* The count is raised before the channel's waiters are: whoever saw a waiter there (waiters_notify)
 * sees its count here, too. */
void executor_wake(struct executor *executor, struct str channel)
{
    if (atomic_load_explicit(&executor->parked_count, memory_order_relaxed) > 0)
        post_wake(executor, channel);
}

void executor_wake_all(struct executor *executor)
{
    post_wake(executor, STR(""));
}

static void restart_timers(void *context)
{
    struct executor *executor = context;
    for (struct request *request = executor->parked_first; request; request = request->next)
        start_timer(request);
}

void executor_clock_moved(struct executor *executor)
{
    loop_post(executor->loop, restart_timers, executor);
}

static void end_waiting(void *context)
{
    struct executor *executor = context;
    executor->is_ending = true;
    while (executor->parked_first)
        run_again(executor->parked_first);
}

void executor_stop_waiting(struct executor *executor)
{
    loop_post(executor->loop, end_waiting, executor);
}

uint64_t executor_waiting(const struct runtime *runtime)
{
    uint64_t total = 0;
    for (size_t i = 0; i < runtime->executor_count; i++)
        total += atomic_load_explicit(&runtime->executors[i]->parked_count, memory_order_relaxed);
    return total;
}

void parking_init(struct executor *executor)
{
    CHECK(pthread_mutex_init(&executor->wake_lock, NULL) == 0);
    buf_init(&executor->wakes, NULL, WAKES_MAX_BYTES);
}

void parking_deinit(struct executor *executor)
{
    CHECK(!executor->parked_first); /* the server was freed, and with it every request */
    buf_deinit(&executor->wakes);
    pthread_mutex_destroy(&executor->wake_lock);
}
