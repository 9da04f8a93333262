/* parking.c — requests that wait: by channel in a hash table, by deadline with a timer.
 *
 * A request is parked only when it has written nothing. It is taken out and run again when one of
 * its channels is notified, its deadline comes, the clock moves, or its client goes away.
 */
#include "base/arena.h"
#include "base/clock.h"
#include "base/mem.h"
#include "net/loop.h"
#include "wire/request.h"
#include "wire/waiters.h"

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

void parking_add(struct request *request)
{
    struct executor *executor = request->executor;
    struct call *call = &request->call;
    request->state = REQUEST_PARKED;
    request->prev = NULL;
    request->next = executor->parked;
    if (executor->parked)
        executor->parked->prev = request;
    executor->parked = request;
    atomic_fetch_add_explicit(&executor->parked_count, 1, memory_order_relaxed);
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
    if (request->prev)
        request->prev->next = request->next;
    else
        executor->parked = request->next;
    if (request->next)
        request->next->prev = request->prev;
    request->next = NULL;
    request->prev = NULL;
    atomic_fetch_sub_explicit(&executor->parked_count, 1, memory_order_relaxed);
    loop_timer_free(request->timer);
    request->timer = NULL;
    request->state = REQUEST_RUNNING;
}

struct wake {
    struct executor *executor;
    char *text;
    size_t len;
};

static void wake_channel(void *context)
{
    struct wake *wake = context;
    struct str channel = str_of(wake->text, wake->len);
    /* Running a request may park it again at the head of the bucket: take the matching ones out
     * first, then run them. */
    struct request *woken = NULL;
    struct park_node *node = *bucket_of(wake->executor, channel);
    while (node) {
        struct park_node *next = node->next;
        if (str_eq(node->channel, channel)) {
            struct request *request = node->request;
            /* Its other nodes may be in this bucket, too: start over after taking it out. */
            parking_remove(request);
            request->next = woken;
            woken = request;
            next = *bucket_of(wake->executor, channel);
        }
        node = next;
    }
    while (woken) {
        struct request *request = woken;
        woken = request->next;
        request->next = NULL;
        executor_run(request);
    }
    mem_free(wake->text);
    mem_free(wake);
}

void executor_wake(struct executor *executor, struct str channel)
{
    struct wake *wake = mem_new(sizeof(*wake));
    *wake = (struct wake){
        .executor = executor,
        .text = mem_copy(channel.ptr, channel.len),
        .len = channel.len,
    };
    loop_post(executor->loop, wake_channel, wake);
}

static void restart_timers(void *context)
{
    struct executor *executor = context;
    for (struct request *request = executor->parked; request; request = request->next)
        start_timer(request);
}

void executor_clock_moved(struct executor *executor)
{
    loop_post(executor->loop, restart_timers, executor);
}

static void look_again(void *context)
{
    struct executor *executor = context;
    for (struct request *request = executor->parked; request; request = request->next)
        loop_timer_start(request->timer, 0);
}

void executor_wake_all(struct executor *executor)
{
    loop_post(executor->loop, look_again, executor);
}

static void end_waiting(void *context)
{
    struct executor *executor = context;
    executor->is_ending = true;
    while (executor->parked)
        run_again(executor->parked);
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
