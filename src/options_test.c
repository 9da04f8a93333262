/* options_test.c — flags over environment over file over defaults. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "options.h"

static char dir[] = "/tmp/virga-options-XXXXXX";

enum {
    MAX_ARGS = 8,
};

struct reading {
    struct options options;
    struct str message;
    int result;
};

/* Reads `words`, separated by spaces. */
static struct reading read_words(struct arena *arena, const char *words)
{
    char *argv[MAX_ARGS + 1] = {NULL};
    int argc = 0;
    struct str rest = str_from_cstr(words);
    struct str word = {0};
    while (rest.len > 0 && str_split_next(&rest, ' ', &word)) {
        assert_true(argc < MAX_ARGS);
        argv[argc++] = str_to_cstr(arena, word);
    }
    struct reading reading = {.message = STR("")};
    reading.result = options_read(arena, argc, argv, &reading.options, &reading.message);
    return reading;
}

static void write_config(const char *text)
{
    char path[64];
    snprintf(path, sizeof(path), "%s/virga.conf", dir);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

static void defaults_are_used(void **state)
{
    struct reading reading = read_words(*state, "");
    assert_int_equal(reading.result, 0);
    const struct options *options = &reading.options;
    assert_int_equal(options->port, 4566);
    assert_true(str_eq_cstr(options->data_dir, dir));
    assert_true(options->workers >= 1 && options->workers <= 8);
    assert_true(str_eq_cstr(options->region, "us-east-1"));
    assert_true(str_eq_cstr(options->account, "000000000000"));
    assert_true(options->log_requests);
    assert_false(options->strict_auth);
    struct store_options store = options_store(options);
    assert_int_equal(store.url.len, 0);
    assert_int_equal(store.durability, DURABILITY_PROCESS);
}

static void flags_are_read_up_to_the_first_operand(void **state)
{
    struct reading reading = read_words(
        *state, "--port 80 --region=eu-west-1 --ephemeral --log-requests=false -- --port 81");
    assert_int_equal(reading.result, 6);
    assert_int_equal(reading.options.port, 80);
    assert_true(str_eq_cstr(reading.options.region, "eu-west-1"));
    assert_false(reading.options.log_requests);
    assert_true(str_eq_cstr(options_store(&reading.options).url, "memory:"));
    reading = read_words(*state, "--strict-auth save name");
    assert_int_equal(reading.result, 1);
    assert_true(reading.options.strict_auth);
}

static void a_flag_beats_the_environment_beats_the_file(void **state)
{
    write_config("# comment\nport = 1000\n  region=eu-north-1  # too\n\nworkers = 3\n");
    setenv("VIRGA_PORT", "2000", 1);
    setenv("VIRGA_REGION", "ap-south-1", 1);
    struct reading reading = read_words(*state, "--port 3000");
    assert_int_equal(reading.options.port, 3000);
    assert_true(str_eq_cstr(reading.options.region, "ap-south-1"));
    assert_int_equal(reading.options.workers, 3);
    unsetenv("VIRGA_PORT");
    unsetenv("VIRGA_REGION");
    reading = read_words(*state, "");
    assert_int_equal(reading.options.port, 1000);
    assert_true(str_eq_cstr(reading.options.region, "eu-north-1"));
}

static void an_empty_variable_is_none(void **state)
{
    setenv("VIRGA_PORT", "", 1);
    assert_int_equal(read_words(*state, "").options.port, 4566);
    unsetenv("VIRGA_PORT");
}

static void what_is_wrong_is_named(void **state)
{
    static const struct {
        const char *words;
        const char *message;
    } cases[] = {
        {"--prot 80", "unknown option '--prot'"},
        {"--port", "--port needs a value"},
        {"--port http", "port: 'http' is no number"},
        {"--port -1", "port: '-1' is no number"},
        {"--port 65536", "port: at most 65535"},
        {"--workers 65", "workers: at most 64"},
        {"--ephemeral=maybe", "ephemeral: 'maybe' is neither true nor false"},
        {"--durability=some", "durability: must be process or full"},
        {"--log-format=xml", "log-format: must be human or json"},
        {"--log-level=loud", "log-level: must be debug, info, warn or error"},
        {"--account=12345", "account: must have 12 digits"},
        {"--account=12345678901x", "account: must have 12 digits"},
        {"--region=", "region: must not be empty"},
        {"--config=/nonexistent/virga.conf", "cannot read /nonexistent/virga.conf"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct reading reading = read_words(*state, cases[i].words);
        assert_int_equal(reading.result, -EINVAL);
        if (!str_starts_with(reading.message, str_from_cstr(cases[i].message)))
            fail_msg("'%s': " STR_FMT, cases[i].words, STR_ARG(reading.message));
    }
}

static void the_file_may_hold_options_only(void **state)
{
    static const char *const texts[] = {"nonsense\n", "prot = 80\n", "port = x\n"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        write_config(texts[i]);
        assert_int_equal(read_words(*state, "").result, -EINVAL);
    }
}

static int setup(void **state)
{
    char path[64];
    snprintf(path, sizeof(path), "%s/virga.conf", dir);
    unlink(path);
    setenv("VIRGA_DATA", dir, 1);
    *state = arena_new();
    return 0;
}

static int teardown(void **state)
{
    arena_free(*state);
    return 0;
}

static int make_dir(void **state)
{
    (void)state;
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
    (void)state;
    char path[64];
    snprintf(path, sizeof(path), "%s/virga.conf", dir);
    unlink(path);
    return rmdir(dir);
}

#define FRESH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FRESH(defaults_are_used),
        FRESH(flags_are_read_up_to_the_first_operand),
        FRESH(a_flag_beats_the_environment_beats_the_file),
        FRESH(an_empty_variable_is_none),
        FRESH(what_is_wrong_is_named),
        FRESH(the_file_may_hold_options_only),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
