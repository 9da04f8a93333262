/* parking_test.c — calls that wait: woken by channel, by deadline, by the clock, or never again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "wire/server_for_test.h"

static int wait_for(struct fake_server *server, const char *queue, int wait_s)
{
    int fd = fake_dial(server);
    fake_say_receive(fd, server->arena, queue, wait_s);
    return fd;
}

static void send_text(struct fake_server *server, const char *queue, const char *text)
{
    int fd = fake_dial(server);
    fake_say_send(fd, server->arena, queue, text);
    assert_int_equal(test_status(test_hear_answer(server->arena, fd)), 200);
    close(fd);
}

static struct str hear(struct fake_server *server, int fd)
{
    struct str answer = test_hear_answer(server->arena, fd);
    close(fd);
    return answer;
}

static void a_notified_call_goes_on(void **state)
{
    struct fake_server *server = *state;
    int fd = wait_for(server, "q", 20);
    fake_await_parked(server, 1);
    send_text(server, "other", "x");
    send_text(server, "q", "hello");
    assert_true(str_contains(hear(server, fd), STR("hello")));
    assert_int_equal(executor_waiting(&server->runtime), 0);
}

static void who_waits_longest_is_served_first(void **state)
{
    struct fake_server *server = *state;
    int fds[5];
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        fds[i] = wait_for(server, "q", 20);
        fake_await_parked(server, i + 1);
    }
    static const char *const texts[] = {"m0", "m1", "m2", "m3", "m4"};
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        send_text(server, "q", texts[i]);
        assert_true(str_contains(hear(server, fds[i]), str_from_cstr(texts[i])));
    }
}

static void a_deadline_ends_the_waiting(void **state)
{
    struct fake_server *server = *state;
    struct str answer = hear(server, wait_for(server, "q", 1));
    assert_int_equal(test_status(answer), 200);
    assert_false(str_contains(answer, STR("Body")));
}

static void a_moved_clock_ends_the_waiting(void **state)
{
    struct fake_server *server = *state;
    int fd = wait_for(server, "q", 20);
    fake_await_parked(server, 1);
    clock_set_offset_ms(60 * 1000);
    executor_clock_moved(server->workers[0].executor);
    assert_int_equal(test_status(hear(server, fd)), 200);
    clock_set_offset_ms(0);
}

static void a_client_that_goes_away_waits_no_more(void **state)
{
    struct fake_server *server = *state;
    int fd = wait_for(server, "q", 20);
    fake_await_parked(server, 1);
    close(fd);
    fake_await_parked(server, 0);
    send_text(server, "q", "kept");
    assert_true(str_contains(hear(server, wait_for(server, "q", 20)), STR("kept")));
}

static void wake_all_looks_again_and_waits_on(void **state)
{
    struct fake_server *server = *state;
    int fd = wait_for(server, "q", 20);
    fake_await_parked(server, 1);
    for (int i = 0; i < 50; i++)
        executor_wake_all(server->workers[0].executor);
    send_text(server, "q", "found");
    assert_true(str_contains(hear(server, fd), STR("found")));
}

/* Far more runs than fit into a first arena chunk: memory must not grow with them. */
static void a_call_that_is_woken_in_vain_stays_small(void **state)
{
    struct fake_server *server = *state;
    int fd = wait_for(server, "q", 20);
    fake_await_parked(server, 1);
    for (int i = 0; i < 2000; i++) {
        executor_wake(server->workers[0].executor, STR("q"));
        if (i % 50 == 0) {
            fake_hold(server); /* lets it run, instead of being told once for many */
            fake_release(server);
        }
    }
    send_text(server, "q", "at last");
    assert_true(str_contains(hear(server, fd), STR("at last")));
}

static void who_waits_at_the_end_is_answered(void **state)
{
    struct fake_server *server = *state;
    int first = wait_for(server, "q", 20);
    int second = wait_for(server, "r", 20);
    fake_await_parked(server, 2);
    executor_stop_waiting(server->workers[0].executor);
    assert_int_equal(test_status(hear(server, first)), 503);
    assert_int_equal(test_status(hear(server, second)), 503);
    assert_int_equal(test_status(hear(server, wait_for(server, "q", 20))), 503);
}

static void a_server_may_end_with_calls_waiting(void **state)
{
    (void)state;
    struct fake_server *server = fake_server_start(2);
    int fds[6];
    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        fds[i] = wait_for(server, "q", 20);
    fake_await_parked(server, ARRAY_LEN(fds));
    for (size_t i = 0; i < server->worker_count; i++)
        executor_wake(server->workers[i].executor, STR("q")); /* perhaps never delivered */
    fake_server_stop(server);
    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        close(fds[i]);
}

/* Lost wake-ups: as many receivers as senders, over several workers. Each receiver waits up to 20 s
 * for one message; one that was lost makes its client give up waiting (TEST_PATIENCE_S). */
enum {
    PAIRS = 4,
    MESSAGES = 150,
};

struct pair {
    struct fake_server *server;
    char queue[8];
};

static void *send_many(void *context)
{
    struct pair *pair = context;
    AUTO(arena) struct arena *arena = arena_new();
    int fd = fake_dial(pair->server);
    for (int i = 0; i < MESSAGES; i++) {
        arena_reset(arena);
        fake_say_send(fd, arena, pair->queue, "x");
        CHECK(test_status(test_hear_answer(arena, fd)) == 200);
    }
    close(fd);
    return NULL;
}

static void *receive_many(void *context)
{
    struct pair *pair = context;
    AUTO(arena) struct arena *arena = arena_new();
    int fd = fake_dial(pair->server);
    for (int i = 0; i < MESSAGES; i++) {
        arena_reset(arena);
        fake_say_receive(fd, arena, pair->queue, 20);
        CHECK(str_contains(test_hear_answer(arena, fd), STR("Body")));
    }
    close(fd);
    return NULL;
}

static void no_wake_up_is_lost(void **state)
{
    (void)state;
    struct fake_server *server = fake_server_start(3);
    struct pair pairs[PAIRS];
    pthread_t threads[PAIRS][2];
    for (size_t i = 0; i < PAIRS; i++) {
        pairs[i].server = server;
        snprintf(pairs[i].queue, sizeof(pairs[i].queue), "q%zu", i / 2); /* two pairs share one */
        CHECK(pthread_create(&threads[i][0], NULL, receive_many, &pairs[i]) == 0);
        CHECK(pthread_create(&threads[i][1], NULL, send_many, &pairs[i]) == 0);
    }
    for (size_t i = 0; i < PAIRS; i++) {
        CHECK(pthread_join(threads[i][0], NULL) == 0);
        CHECK(pthread_join(threads[i][1], NULL) == 0);
    }
    fake_server_stop(server);
}

static int start(void **state)
{
    *state = fake_server_start(1);
    return 0;
}

static int stop(void **state)
{
    fake_server_stop(*state);
    return 0;
}

#define SERVED(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVED(a_notified_call_goes_on),
        SERVED(who_waits_longest_is_served_first),
        SERVED(a_deadline_ends_the_waiting),
        SERVED(a_moved_clock_ends_the_waiting),
        SERVED(a_client_that_goes_away_waits_no_more),
        SERVED(wake_all_looks_again_and_waits_on),
        SERVED(a_call_that_is_woken_in_vain_stays_small),
        SERVED(who_waits_at_the_end_is_answered),
        cmocka_unit_test(a_server_may_end_with_calls_waiting),
        cmocka_unit_test(no_wake_up_is_lost),
    };
    int failed = cmocka_run_group_tests_name("sqlite", tests, NULL, NULL);
    return failed +
           cmocka_run_group_tests_name("postgres", tests, fake_postgres_start, fake_postgres_stop);
}
