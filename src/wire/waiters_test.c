/* waiters_test.c — the promise that rules out lost wake-ups, sequentially and between threads. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>

#include <cmocka.h>

#include "wire/waiters.h"

static void nobody_is_told_when_nobody_waits(void **state)
{
    (void)state;
    struct waiters *waiters = waiters_new();
    assert_false(waiters_notify(waiters, STR("a")));
    uint64_t sequence = waiters_sequence(waiters);
    assert_false(waiters_add(waiters, STR("a"), sequence));
    assert_true(waiters_notify(waiters, STR("a")));
    waiters_remove(waiters, STR("a"));
    assert_false(waiters_notify(waiters, STR("a")));
    waiters_free(waiters);
}

static void a_notification_after_the_look_is_noticed(void **state)
{
    (void)state;
    struct waiters *waiters = waiters_new();
    uint64_t sequence = waiters_sequence(waiters);
    assert_false(waiters_notify(waiters, STR("a")));
    assert_true(waiters_add(waiters, STR("a"), sequence));
    waiters_remove(waiters, STR("a"));
    assert_false(waiters_add(waiters, STR("a"), waiters_sequence(waiters)));
    waiters_remove(waiters, STR("a"));
    waiters_free(waiters);
}

enum {
    ROUNDS = 100000,
};

struct meeting {
    struct waiters *waiters;
    _Atomic int value;     /* the "store": what is looked at */
    _Atomic int told;      /* highest value whose notification found a waiter */
    _Atomic bool is_ready; /* the looker has finished its round */
};

static void *notify_all(void *context)
{
    struct meeting *meeting = context;
    for (int i = 1; i <= ROUNDS; i++) {
        while (!atomic_load(&meeting->is_ready))
            continue;
        atomic_store(&meeting->is_ready, false);
        atomic_store(&meeting->value, i); /* the commit */
        if (waiters_notify(meeting->waiters, STR("c")))
            atomic_store(&meeting->told, i);
    }
    return NULL;
}

/* Look, then register: either the look saw the value, or the registration says that something was
 * missed, or the notifier saw us. A round in which none holds would never end. */
static void one_of_two_threads_always_sees_the_other(void **state)
{
    (void)state;
    struct meeting meeting = {.waiters = waiters_new()};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, notify_all, &meeting), 0);
    for (int i = 1; i <= ROUNDS; i++) {
        atomic_store(&meeting.is_ready, true);
        uint64_t sequence = waiters_sequence(meeting.waiters);
        bool is_seen = atomic_load(&meeting.value) >= i;
        bool is_missed = waiters_add(meeting.waiters, STR("c"), sequence);
        while (!is_seen && !is_missed && atomic_load(&meeting.told) < i)
            continue;
        while (atomic_load(&meeting.value) < i)
            continue;
        waiters_remove(meeting.waiters, STR("c"));
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    waiters_free(meeting.waiters);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_is_told_when_nobody_waits),
        cmocka_unit_test(a_notification_after_the_look_is_noticed),
        cmocka_unit_test(one_of_two_threads_always_sees_the_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
