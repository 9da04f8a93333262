/* schedule_test.c — expressions and the times they give, in UTC and where clocks are changed. */
#include "engine/events/schedule.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "syntax/time.h"

static struct arena *arena;

static int64_t at(const char *text)
{
    int64_t ms = -1;
    assert_int_equal(time_parse_rfc3339(str_from_cstr(text), &ms), 0);
    return ms;
}

static const struct {
    const char *expression;
    const char *zone; /* NULL: UTC */
    const char *after;
    const char *times[3]; /* NULL: no further one */
} cases[] = {
    {"rate(5 minutes)",
     NULL,
     "2026-01-01T00:00:00Z",
     {"2026-01-01T00:05:00Z", "2026-01-01T00:10:00Z", "2026-01-01T00:15:00Z"}},
    {"rate(1 day)",
     NULL,
     "2026-02-28T10:00:00Z",
     {"2026-03-01T10:00:00Z", "2026-03-02T10:00:00Z", "2026-03-03T10:00:00Z"}},
    {"cron(0 10 * * ? *)",
     NULL,
     "2026-01-01T10:00:00Z",
     {"2026-01-02T10:00:00Z", "2026-01-03T10:00:00Z", "2026-01-04T10:00:00Z"}},
    {"cron(0/15 8-9 ? * MON-FRI *)",
     NULL,
     "2026-01-02T09:40:00Z", /* a Friday */
     {"2026-01-02T09:45:00Z", "2026-01-05T08:00:00Z", "2026-01-05T08:15:00Z"}},
    {"cron(0 8 1 * ? *)",
     NULL,
     "2026-01-01T08:00:00Z",
     {"2026-02-01T08:00:00Z", "2026-03-01T08:00:00Z", "2026-04-01T08:00:00Z"}},
    {"cron(0 0 L * ? *)",
     NULL,
     "2028-02-01T00:00:00Z",
     {"2028-02-29T00:00:00Z", "2028-03-31T00:00:00Z", "2028-04-30T00:00:00Z"}},
    {"cron(0 0 LW * ? *)",
     NULL,
     "2026-01-01T00:00:00Z", /* 31 January 2026 is a Saturday */
     {"2026-01-30T00:00:00Z", "2026-02-27T00:00:00Z", "2026-03-31T00:00:00Z"}},
    {"cron(0 0 1W * ? *)",
     NULL,
     "2026-01-15T00:00:00Z", /* 1 February 2026 is a Sunday */
     {"2026-02-02T00:00:00Z", "2026-03-02T00:00:00Z", "2026-04-01T00:00:00Z"}},
    {"cron(0 0 ? * 6L *)",
     NULL,
     "2026-01-01T00:00:00Z",
     {"2026-01-30T00:00:00Z", "2026-02-27T00:00:00Z", "2026-03-27T00:00:00Z"}},
    {"cron(0 0 ? * 2#1 *)",
     NULL,
     "2026-01-01T00:00:00Z",
     {"2026-01-05T00:00:00Z", "2026-02-02T00:00:00Z", "2026-03-02T00:00:00Z"}},
    {"cron(30 12 29 2 ? *)",
     NULL,
     "2026-01-01T00:00:00Z",
     {"2028-02-29T12:30:00Z", "2032-02-29T12:30:00Z", "2036-02-29T12:30:00Z"}},
    {"cron(0 0 1 JAN,JUL ? 2026-2027)",
     NULL,
     "2026-02-01T00:00:00Z",
     {"2026-07-01T00:00:00Z", "2027-01-01T00:00:00Z", "2027-07-01T00:00:00Z"}},
    {"cron(0 0 1 1 ? 2027)", NULL, "2026-02-01T00:00:00Z", {"2027-01-01T00:00:00Z", NULL, NULL}},
    {"cron(0 0 31 2 ? *)", NULL, "2026-02-01T00:00:00Z", {NULL, NULL, NULL}},
    {"at(2026-06-01T12:30:15)", NULL, "2026-02-01T00:00:00Z", {"2026-06-01T12:30:15Z", NULL, NULL}},
    {"at(2026-06-01T12:00:00)",
     "Europe/Berlin",
     "2026-02-01T00:00:00Z",
     {"2026-06-01T10:00:00Z", NULL, NULL}},
    {"cron(0 9 * * ? *)",
     "America/New_York",
     "2026-03-06T20:00:00Z",
     {"2026-03-07T14:00:00Z", "2026-03-08T13:00:00Z", "2026-03-09T13:00:00Z"}},
    /* 02:30 does not exist on 29 March 2026 in Berlin, and comes twice on 25 October. */
    {"cron(30 2 * * ? *)",
     "Europe/Berlin",
     "2026-03-28T00:00:00Z",
     {"2026-03-28T01:30:00Z", "2026-03-30T00:30:00Z", "2026-03-31T00:30:00Z"}},
    {"cron(30 2 * * ? *)",
     "Europe/Berlin",
     "2026-10-24T12:00:00Z",
     {"2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z", "2026-10-27T01:30:00Z"}},
    {"cron(0 12 1 7 ? *)",
     "Europe/Berlin",
     "2049-12-01T00:00:00Z", /* by the rule */
     {"2050-07-01T10:00:00Z", "2051-07-01T10:00:00Z", "2052-07-01T10:00:00Z"}},
    {"cron(0 12 1 1 ? *)",
     "Australia/Sydney",
     "2049-02-01T00:00:00Z",
     {"2050-01-01T01:00:00Z", "2051-01-01T01:00:00Z", "2052-01-01T01:00:00Z"}},
    {"cron(0 0 * * ? *)",
     "Asia/Kolkata",
     "2026-01-01T00:00:00Z",
     {"2026-01-01T18:30:00Z", "2026-01-02T18:30:00Z", "2026-01-03T18:30:00Z"}},
};

static void times_follow_the_expression(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct schedule schedule = {0};
        const struct time_zone *zone = NULL;
        if (schedule_parse(str_from_cstr(cases[i].expression), &schedule) < 0)
            fail_msg("%s", cases[i].expression);
        if (cases[i].zone)
            assert_int_equal(time_zone_load(arena, str_from_cstr(cases[i].zone), &zone), 0);
        int64_t start = at(cases[i].after);
        int64_t now = start;
        for (size_t n = 0; n < ARRAY_LEN(cases[i].times); n++) {
            int64_t next = schedule_next(&schedule, zone, start, now);
            int64_t wanted = cases[i].times[n] ? at(cases[i].times[n]) : -1;
            if (next != wanted)
                fail_msg("%s: number %zu is " STR_FMT, cases[i].expression, n,
                         STR_ARG(next < 0 ? STR("none") : time_rfc3339(arena, next)));
            if (next < 0)
                break;
            now = next;
        }
    }
}

static void what_is_no_expression_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "rate()",
        "rate(1 minutes)",
        "rate(2 minute)",
        "rate(0 minutes)",
        "rate(-1 minutes)",
        "rate(1  minute)",
        "rate(1 second)",
        "rate(5 minutes",
        "cron()",
        "cron(* * * * *)",
        "cron(* * * * * *)",
        "cron(* * ? * ? *)",
        "cron(60 * * * ? *)",
        "cron(* 24 * * ? *)",
        "cron(* * 0 * ? *)",
        "cron(* * * 13 ? *)",
        "cron(* * ? * 8 *)",
        "cron(* * ? * MON#6 *)",
        "cron(* * * * ? 1969)",
        "cron(5-1 * * * ? *)",
        "cron(*/0 * * * ? *)",
        "cron(a * * * ? *)",
        "cron(, * * * ? *)",
        "at(2026-01-01)",
        "at(2026-01-01T00:00:00Z)",
        "at(2026-13-01T00:00:00)",
        "every(5 minutes)",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct schedule schedule = {0};
        if (schedule_parse(str_from_cstr(bad[i]), &schedule) == 0)
            fail_msg("%s", bad[i]);
    }
}

static void zones_that_are_none_are_not_found(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "Europe/Atlantis", "../../../etc/passwd", "/etc/passwd", "Europe", "tzdata.zi"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        const struct time_zone *zone = NULL;
        assert_int_equal(time_zone_load(arena, str_from_cstr(bad[i]), &zone), -ENOENT);
    }
}

static int setup(void **state)
{
    (void)state;
    arena = arena_new();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_follow_the_expression),
        cmocka_unit_test(what_is_no_expression_is_refused),
        cmocka_unit_test(zones_that_are_none_are_not_found),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
