/* loop_test.c — timers, posted work, jobs and the end of the round. */
#include "net/loop.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "net/loop_private.h"

enum {
    POSTS = 1000,
};

struct subject {
    struct loop *loop;
    struct loop_timer *timer;
    char log[64];
    size_t log_len;
    int count;
    int expected;
    int rounds;
    bool is_in_order;
    pthread_t job_thread;
    int settles_left;
};

static int set_up(void **state)
{
    static struct subject subject;
    subject = (struct subject){.loop = loop_new(), .is_in_order = true};
    *state = &subject;
    return 0;
}

static int tear_down(void **state)
{
    struct subject *subject = *state;
    loop_timer_free(subject->timer);
    loop_free(subject->loop);
    return 0;
}

static void note(struct subject *subject, char what)
{
    if (subject->log_len + 1 < sizeof(subject->log))
        subject->log[subject->log_len++] = what;
}

static void stop(void *context)
{
    struct subject *subject = context;
    loop_stop(subject->loop);
}

struct numbered {
    struct subject *subject;
    int number;
};

static void check_number(void *context)
{
    struct numbered *item = context;
    item->subject->is_in_order &= item->number == item->subject->count++;
    if (item->subject->count == POSTS)
        loop_stop(item->subject->loop);
}

static void *post_all(void *context)
{
    struct numbered *items = context;
    for (int i = 0; i < POSTS; i++)
        loop_post(items->subject->loop, check_number, &items[i]);
    return NULL;
}

static void posts_from_another_thread_run_in_order(void **state)
{
    struct subject *subject = *state;
    static struct numbered items[POSTS];
    for (int i = 0; i < POSTS; i++)
        items[i] = (struct numbered){.subject = subject, .number = i};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, post_all, items), 0);
    loop_run(subject->loop);
    pthread_join(thread, NULL);
    assert_int_equal(subject->count, POSTS);
    assert_true(subject->is_in_order);
}

static void post_again(void *context)
{
    struct subject *subject = context;
    note(subject, 'p');
    if (++subject->count < 3)
        loop_post(subject->loop, post_again, subject);
    else
        loop_stop(subject->loop);
}

static void posted_work_may_post(void **state)
{
    struct subject *subject = *state;
    loop_post(subject->loop, post_again, subject);
    loop_run(subject->loop);
    assert_string_equal(subject->log, "ppp");
}

static void on_time(void *context)
{
    struct subject *subject = context;
    note(subject, 't');
    loop_stop(subject->loop);
}

static void a_timer_fires_once_and_not_early(void **state)
{
    struct subject *subject = *state;
    subject->timer = loop_timer_new(subject->loop, on_time, subject);
    int64_t started_us = clock_monotonic_us();
    loop_timer_start(subject->timer, 3600 * 1000);
    loop_timer_start(subject->timer, 20);
    loop_run(subject->loop);
    assert_true(clock_monotonic_us() - started_us >= 19 * 1000);
    assert_string_equal(subject->log, "t");
}

static void a_stopped_timer_does_not_fire(void **state)
{
    struct subject *subject = *state;
    subject->timer = loop_timer_new(subject->loop, on_time, subject);
    loop_timer_start(subject->timer, 0);
    loop_timer_stop(subject->timer);
    struct loop_timer *other = loop_timer_new(subject->loop, stop, subject);
    loop_timer_start(other, 10);
    loop_run(subject->loop);
    loop_timer_free(other);
    assert_string_equal(subject->log, "");
}

static void free_itself(void *context)
{
    struct subject *subject = context;
    loop_timer_free(subject->timer);
    subject->timer = NULL;
    loop_stop(subject->loop);
}

static void a_timer_may_be_freed_when_it_fires(void **state)
{
    struct subject *subject = *state;
    subject->timer = loop_timer_new(subject->loop, free_itself, subject);
    loop_timer_start(subject->timer, 0);
    loop_run(subject->loop);
    assert_null(subject->timer);
    loop_timer_free(NULL);
}

static void work(void *context)
{
    struct subject *subject = context;
    subject->job_thread = pthread_self();
    note(subject, 'w');
}

static void worked(void *context)
{
    struct subject *subject = context;
    note(subject, 'd');
    assert_false(pthread_equal(subject->job_thread, pthread_self()));
    loop_stop(subject->loop);
}

static void a_job_works_elsewhere_and_is_done_here(void **state)
{
    struct subject *subject = *state;
    loop_job(subject->loop, work, worked, subject);
    loop_run(subject->loop);
    assert_string_equal(subject->log, "wd");
}

static void end_round(void *context)
{
    struct subject *subject = context;
    subject->rounds++;
    note(subject, 'r');
}

static void post_work(void *context)
{
    struct subject *subject = context;
    note(subject, 'p');
    loop_stop(subject->loop);
}

static void a_round_ends_before_sleeping_and_after_stopping(void **state)
{
    struct subject *subject = *state;
    loop_set_round_end(subject->loop, end_round, subject);
    loop_post(subject->loop, post_work, subject);
    loop_run(subject->loop);
    assert_memory_equal(subject->log, "rpr", 3);
}

static bool settle(void *context)
{
    struct subject *subject = context;
    note(subject, 's');
    return subject->settles_left-- > 0;
}

static void rounds_go_on_while_there_is_work_but_not_for_ever(void **state)
{
    struct subject *subject = *state;
    struct loop_hook hook = {.settle = settle, .context = subject};
    loop_add_hook(subject->loop, &hook);
    loop_set_round_end(subject->loop, end_round, subject);
    subject->settles_left = 5;
    loop_post(subject->loop, post_work, subject);
    loop_run(subject->loop);
    loop_remove_hook(subject->loop, &hook);
    /* Four rounds, then the others (here: the posted work), then the rest. */
    assert_memory_equal(subject->log, "rsrsrsrsprsrs", 13);
    assert_true(subject->settles_left < 0);
}

static void nothing_leaks_when_a_loop_is_freed_with_work_on_its_way(void **state)
{
    struct subject *subject = *state;
    loop_post(subject->loop, post_work, subject);
    loop_job(subject->loop, work, worked, subject); /* done runs while the loop is freed */
    loop_free(NULL);
}

#define LOOPED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOOPED(posts_from_another_thread_run_in_order),
        LOOPED(posted_work_may_post),
        LOOPED(a_timer_fires_once_and_not_early),
        LOOPED(a_stopped_timer_does_not_fire),
        LOOPED(a_timer_may_be_freed_when_it_fires),
        LOOPED(a_job_works_elsewhere_and_is_done_here),
        LOOPED(a_round_ends_before_sleeping_and_after_stopping),
        LOOPED(rounds_go_on_while_there_is_work_but_not_for_ever),
        LOOPED(nothing_leaks_when_a_loop_is_freed_with_work_on_its_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
