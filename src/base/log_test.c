/* log_test.c — both formats, escaping, levels, and that a cut line is still a whole line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/log.h"

/* The log goes to a file in memory, from where a test takes what was written. */
static int log_fd = -1;

static int open_log(void **state)
{
    (void)state;
    log_fd = memfd_create("log", 0);
    return log_fd >= 0 ? 0 : -1;
}

static int close_log(void **state)
{
    (void)state;
    log_configure(LOG_INFO, LOG_HUMAN, STDERR_FILENO);
    return close(log_fd);
}

static struct str take_written(struct arena *arena)
{
    off_t size = lseek(log_fd, 0, SEEK_CUR);
    assert_true(size >= 0);
    char *text = arena_alloc_text(arena, (size_t)size + 1);
    assert_int_equal(pread(log_fd, text, (size_t)size, 0), size);
    assert_int_equal(lseek(log_fd, 0, SEEK_SET), 0);
    assert_int_equal(ftruncate(log_fd, 0), 0);
    return str_of(text, (size_t)size);
}

/* Without the time at the start, which differs. */
static struct str after_time(struct str line)
{
    ptrdiff_t end = str_find(line, STR("Z"));
    assert_true(end > 0);
    return str_from(line, (size_t)end + 1);
}

static void check_str(struct str actual, const char *expected)
{
    if (!str_eq_cstr(actual, expected))
        fail_msg("got '" STR_FMT "', wanted '%s'", STR_ARG(actual), expected);
}

static const struct log_field fields[] = {
    {.name = "plain", .text = STR_INIT("abc")},
    {.name = "number", .number = -5},
    {.name = "empty", .text = STR_INIT("")},
    {.name = "forged", .text = STR_INIT("a\nb \"c\" \\ \x1B[0m\x7F")},
};

static void lines_for_people_quote_what_needs_it(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    log_configure(LOG_INFO, LOG_HUMAN, log_fd);
    log_event(LOG_WARN, "stack\ncreated", fields, ARRAY_LEN(fields));
    check_str(after_time(take_written(arena)),
              " warn  stack\\u000acreated plain=abc number=-5 empty=\"\" "
              "forged=\"a\\u000ab \\\"c\\\" \\\\ \\u001b[0m\\u007f\"\n");
}

static void lines_for_programs_are_json(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    log_configure(LOG_INFO, LOG_JSON, log_fd);
    log_event(LOG_ERROR, "stack \"x\"", fields, ARRAY_LEN(fields));
    struct str line = take_written(arena);
    assert_true(str_starts_with(line, STR("{\"time\":\"")));
    check_str(after_time(line),
              "\",\"level\":\"error\",\"message\":\"stack \\\"x\\\"\",\"plain\":\"abc\","
              "\"number\":-5,\"empty\":\"\","
              "\"forged\":\"a\\u000ab \\\"c\\\" \\\\ \\u001b[0m\\u007f\"}\n");
}

static void lower_levels_are_left_out(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    log_configure(LOG_WARN, LOG_HUMAN, log_fd);
    assert_false(log_enabled(LOG_INFO));
    assert_true(log_enabled(LOG_WARN));
    log_message(LOG_INFO, "no");
    assert_int_equal(take_written(arena).len, 0);
    log_message(LOG_ERROR, "%d yes", 5);
    check_str(after_time(take_written(arena)), " error 5 yes\n");
}

/* Whatever is too long, and wherever the cut falls, the line ends as it should. */
static void long_lines_are_cut_but_stay_whole(void **state)
{
    (void)state;
    static const enum log_format formats[] = {LOG_HUMAN, LOG_JSON};
    static const char *const units[] = {"x", "\"", "\n", "\xE2\x82\xAC", "\xFF"};
    AUTO(arena) struct arena *arena = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(formats) * ARRAY_LEN(units); i++) {
        const char *unit = units[i / ARRAY_LEN(formats)];
        log_configure(LOG_INFO, formats[i % ARRAY_LEN(formats)], log_fd);
        for (size_t len = 16200; len < 16500; len += 17) {
            char *text = arena_alloc_text(arena, len * 3 + 1);
            size_t at = 0;
            for (size_t k = 0; k < len; k++)
                at += (size_t)(stpcpy(text + at, unit) - (text + at));
            const struct log_field many[] = {
                {.name = "a", .number = 1},
                {.name = "body", .text = str_of(text, at)},
                {.name = "b", .number = 2},
            };
            log_event(LOG_INFO, "long", many, ARRAY_LEN(many));
            struct str line = take_written(arena);
            assert_true(line.len <= 16384);
            assert_int_equal(str_index(line, '\n'), line.len - 1);
            assert_true(str_is_utf8(line));
            if (formats[i % ARRAY_LEN(formats)] == LOG_JSON)
                assert_true(str_ends_with(line, STR("}\n")));
            arena_reset(arena);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_for_people_quote_what_needs_it),
        cmocka_unit_test(lines_for_programs_are_json),
        cmocka_unit_test(lower_levels_are_left_out),
        cmocka_unit_test(long_lines_are_cut_but_stay_whole),
    };
    return cmocka_run_group_tests(tests, open_log, close_log);
}
