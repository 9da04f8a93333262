/* clock_test.c — wall time moves with the offset, monotonic time does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"

enum {
    SLOWEST_MS = 60000, /* how long a paused test machine may take between two lines */
};

static void the_offset_moves_wall_time_only(void **state)
{
    (void)state;
    const int64_t day_ms = 86400000;
    int64_t before_ms = clock_now_ms();
    int64_t before_us = clock_monotonic_us();
    clock_set_offset_ms(day_ms);
    assert_int_equal(clock_offset_ms(), day_ms);
    int64_t moved_ms = clock_now_ms() - before_ms;
    assert_in_range(moved_ms, day_ms - SLOWEST_MS, day_ms + SLOWEST_MS);
    assert_in_range(clock_monotonic_us() - before_us, 0, SLOWEST_MS * 1000);
    clock_set_offset_ms(-day_ms);
    assert_true(clock_now_ms() < before_ms);
    clock_set_offset_ms(0);
}

static void wall_time_is_this_century(void **state)
{
    (void)state;
    assert_true(clock_now_ms() > INT64_C(1577836800000));
}

static void monotonic_time_never_goes_back(void **state)
{
    (void)state;
    int64_t last_us = clock_monotonic_us();
    for (int i = 0; i < 10000; i++) {
        int64_t now_us = clock_monotonic_us();
        assert_true(now_us >= last_us);
        last_us = now_us;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_offset_moves_wall_time_only),
        cmocka_unit_test(wall_time_is_this_century),
        cmocka_unit_test(monotonic_time_never_goes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
