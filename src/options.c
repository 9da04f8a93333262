/* options.c — the table of options and its three readers. */
#include "options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"

enum option_kind {
    OPTION_TEXT,
    OPTION_NUMBER,
    OPTION_SWITCH,
};

struct option_row {
    const char *name; /* flag without dashes, and key in the file */
    const char *env;
    enum option_kind kind;
    size_t offset;
    const char *fallback; /* default; NULL: computed */
    const char *argument; /* for the help text */
    const char *help;
};

static const struct option_row rows[] = {
    {"port", "VIRGA_PORT", OPTION_NUMBER, offsetof(struct options, port), "4566", "PORT",
     "port on 127.0.0.1, HTTP and TLS alike; 0 picks a free one"},
    {"dynamodb-port", "VIRGA_DYNAMODB_PORT", OPTION_NUMBER, offsetof(struct options, dynamodb_port),
     "0", "PORT",
     "a second port, for clients of DynamoDB Local: any key is a namespace of its own"},
    {"dynamodb-throttle", "VIRGA_DYNAMODB_THROTTLE", OPTION_SWITCH,
     offsetof(struct options, dynamodb_throttle), "false", NULL,
     "enforce the throughput that DynamoDB's tables are provisioned with"},
    {"data", "VIRGA_DATA", OPTION_TEXT, offsetof(struct options, data_dir), NULL, "DIR",
     "data directory (default ~/.local/share/virga)"},
    {"ephemeral", "VIRGA_EPHEMERAL", OPTION_SWITCH, offsetof(struct options, ephemeral), "false",
     NULL, "keep the database in memory only"},
    {"workers", "VIRGA_WORKERS", OPTION_NUMBER, offsetof(struct options, workers), NULL, "N",
     "worker threads (default: one per CPU, at most 8)"},
    {"store", "VIRGA_STORE", OPTION_TEXT, offsetof(struct options, store), "", "URL",
     "postgresql://... instead of SQLite in the data directory"},
    {"durability", "VIRGA_DURABILITY", OPTION_TEXT, offsetof(struct options, durability), "process",
     "LEVEL", "process (survives kill -9) or full (survives loss of power)"},
    {"region", "VIRGA_REGION", OPTION_TEXT, offsetof(struct options, region), "us-east-1", "NAME",
     "region of requests that name none"},
    {"account", "VIRGA_ACCOUNT", OPTION_TEXT, offsetof(struct options, account), "000000000000",
     "ID", "account that exec and env act for"},
    {"strict-auth", "VIRGA_STRICT_AUTH", OPTION_SWITCH, offsetof(struct options, strict_auth),
     "false", NULL, "refuse access keys that nobody issued"},
    {"xray-port", "VIRGA_XRAY_PORT", OPTION_NUMBER, offsetof(struct options, xray_port), "2000",
     "PORT", "UDP and TCP port on 127.0.0.1 of X-Ray's daemon; 0 turns it off"},
    {"log-level", "VIRGA_LOG_LEVEL", OPTION_TEXT, offsetof(struct options, log_level), "info",
     "LEVEL", "debug, info, warn or error"},
    {"log-format", "VIRGA_LOG_FORMAT", OPTION_TEXT, offsetof(struct options, log_format), "human",
     "FORMAT", "human or json"},
    {"log-requests", "VIRGA_LOG_REQUESTS", OPTION_SWITCH, offsetof(struct options, log_requests),
     "true", NULL, "a line per request (--log-requests=false turns it off)"},
    {"detach", NULL, OPTION_SWITCH, offsetof(struct options, detach), "false", NULL,
     "serve in the background, log to virga.log in the data directory"},
    {"config", "VIRGA_CONFIG", OPTION_TEXT, offsetof(struct options, config), "", "FILE",
     "config file (default virga.conf in the data directory)"},
};

enum {
    ROW_COUNT = ARRAY_LEN(rows),
    MAX_CONFIG_BYTES = 64 * 1024, /* a short line per option, and comments */
};

void options_help(void)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        char flag[64];
        snprintf(flag, sizeof(flag), "--%s%s%s", rows[i].name, rows[i].argument ? " " : "",
                 rows[i].argument ? rows[i].argument : "");
        printf("  %-22s %s", flag, rows[i].help);
        if (rows[i].env)
            printf(" [%s]", rows[i].env);
        printf("\n");
    }
}

static int store_value(struct arena *arena, const struct option_row *row, struct str value,
                       struct options *out, struct str *out_message)
{
    char *field = (char *)out + row->offset;
    if (row->kind == OPTION_TEXT) {
        struct str copy = str_copy(arena, value);
        memcpy(field, &copy, sizeof(copy));
        return 0;
    }
    if (row->kind == OPTION_NUMBER) {
        int64_t number = 0;
        if (str_to_i64(value, &number) < 0 || number < 0) {
            *out_message =
                str_format(arena, "%s: '" STR_FMT "' is no number", row->name, STR_ARG(value));
            return -EINVAL;
        }
        memcpy(field, &number, sizeof(number));
        return 0;
    }
    bool is_on = str_eq_cstr(value, "true") || str_eq_cstr(value, "1") || str_eq_cstr(value, "yes");
    bool is_off =
        str_eq_cstr(value, "false") || str_eq_cstr(value, "0") || str_eq_cstr(value, "no");
    if (!is_on && !is_off) {
        *out_message = str_format(arena, "%s: '" STR_FMT "' is neither true nor false", row->name,
                                  STR_ARG(value));
        return -EINVAL;
    }
    memcpy(field, &is_on, sizeof(is_on));
    return 0;
}

static const struct option_row *find_row(struct str name)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (str_eq_cstr(name, rows[i].name))
            return &rows[i];
    }
    return NULL;
}

static int unknown_option(struct arena *arena, struct str name, struct str *out_message)
{
    *out_message = str_format(arena, "unknown option '" STR_FMT "'", STR_ARG(name));
    return -EINVAL;
}

/* Returns the index of the first operand. `is_set` remembers which rows have their value. */
static int read_flags(struct arena *arena, int argc, char **argv, struct options *out, bool *is_set,
                      struct str *out_message)
{
    int at = 0;
    while (at < argc && strncmp(argv[at], "--", 2) == 0) {
        struct str flag = str_from_cstr(argv[at] + 2);
        at++;
        if (flag.len == 0)
            break;
        ptrdiff_t equals = str_index(flag, '=');
        struct str name = equals < 0 ? flag : str_slice(flag, 0, (size_t)equals);
        const struct option_row *row = find_row(name);
        if (!row)
            return unknown_option(arena, str_from_cstr(argv[at - 1]), out_message);
        struct str value = equals < 0 ? STR("true") : str_from(flag, (size_t)equals + 1);
        if (equals < 0 && row->kind != OPTION_SWITCH) {
            if (at == argc) {
                *out_message = str_format(arena, "--%s needs a value", row->name);
                return -EINVAL;
            }
            value = str_from_cstr(argv[at++]);
        }
        int rc = store_value(arena, row, value, out, out_message);
        if (rc < 0)
            return rc;
        is_set[row - rows] = true;
    }
    return at;
}

static int read_environment(struct arena *arena, struct options *out, bool *is_set,
                            struct str *out_message)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        const char *value = rows[i].env && !is_set[i] ? getenv(rows[i].env) : NULL;
        if (!value || !*value)
            continue;
        int rc = store_value(arena, &rows[i], str_from_cstr(value), out, out_message);
        if (rc < 0)
            return rc;
        is_set[i] = true;
    }
    return 0;
}

static int read_file(struct arena *arena, const char *path, bool is_asked_for, struct options *out,
                     bool *is_set, struct str *out_message)
{
    FILE *file = fopen(path, "r");
    if (!file && !is_asked_for)
        return 0;
    if (!file) {
        *out_message = str_format(arena, "cannot read %s: %s", path, strerror(errno));
        return -EINVAL;
    }
    char *text = arena_alloc_text(arena, MAX_CONFIG_BYTES);
    size_t len = fread(text, 1, MAX_CONFIG_BYTES, file);
    fclose(file);
    struct str rest = str_of(text, len);
    struct str line = {0};
    while (str_split_next(&rest, '\n', &line)) {
        ptrdiff_t hash = str_index(line, '#');
        line = str_trim(hash < 0 ? line : str_slice(line, 0, (size_t)hash));
        if (line.len == 0)
            continue;
        ptrdiff_t equals = str_index(line, '=');
        struct str name = equals < 0 ? line : str_trim(str_slice(line, 0, (size_t)equals));
        const struct option_row *row = equals < 0 ? NULL : find_row(name);
        if (!row)
            return unknown_option(arena, name, out_message);
        if (is_set[row - rows])
            continue;
        int rc =
            store_value(arena, row, str_trim(str_from(line, (size_t)equals + 1)), out, out_message);
        if (rc < 0)
            return rc;
        is_set[row - rows] = true;
    }
    return 0;
}

static struct str default_data_dir(struct arena *arena)
{
    const char *base = getenv("XDG_DATA_HOME");
    if (base && *base)
        return str_format(arena, "%s/virga", base);
    const char *home = getenv("HOME");
    return str_format(arena, "%s/.local/share/virga", home && *home ? home : "/tmp");
}

static int fill_defaults(struct arena *arena, struct options *out, const bool *is_set,
                         struct str *out_message)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (is_set[i] || !rows[i].fallback)
            continue;
        int rc = store_value(arena, &rows[i], str_from_cstr(rows[i].fallback), out, out_message);
        CHECK(rc == 0);
    }
    return 0;
}

static bool is_one_of(struct str value, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq_cstr(value, words[i]))
            return true;
    }
    return false;
}

static bool is_account(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
    }
    return text.len == 12;
}

static int check_values(struct arena *arena, struct options *out, struct str *out_message)
{
    static const char *const durabilities[] = {"process", "full"};
    static const char *const formats[] = {"human", "json"};
    static const char *const levels[] = {"debug", "info", "warn", "error"};
    const struct {
        bool is_good;
        const char *message;
    } checks[] = {
        {out->port <= 65535, "port: at most 65535"},
        {out->dynamodb_port <= 65535, "dynamodb-port: at most 65535"},
        {out->workers <= 64, "workers: at most 64"},
        {is_one_of(out->durability, durabilities, ARRAY_LEN(durabilities)),
         "durability: must be process or full"},
        {is_one_of(out->log_format, formats, ARRAY_LEN(formats)),
         "log-format: must be human or json"},
        {is_one_of(out->log_level, levels, ARRAY_LEN(levels)),
         "log-level: must be debug, info, warn or error"},
        {is_account(out->account), "account: must have 12 digits"},
        {out->region.len > 0, "region: must not be empty"},
        {out->data_dir.len > 0, "data: must not be empty"},
    };
    for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
        if (!checks[i].is_good) {
            *out_message = str_copy(arena, str_from_cstr(checks[i].message));
            return -EINVAL;
        }
    }
    if (out->workers == 0) {
        long cpus = sysconf(_SC_NPROCESSORS_ONLN);
        out->workers = cpus < 1 ? 1 : cpus > 8 ? 8 : cpus;
    }
    return 0;
}

int options_read(struct arena *arena, int argc, char **argv, struct options *out,
                 struct str *out_message)
{
    *out = (struct options){0};
    bool is_set[ROW_COUNT] = {false};
    int operand = read_flags(arena, argc, argv, out, is_set, out_message);
    if (operand < 0)
        return operand;
    int rc = read_environment(arena, out, is_set, out_message);
    if (rc < 0)
        return rc;
    if (out->data_dir.len == 0)
        out->data_dir = default_data_dir(arena);
    bool is_asked_for = out->config.len > 0;
    struct str path = is_asked_for
                          ? out->config
                          : str_format(arena, STR_FMT "/virga.conf", STR_ARG(out->data_dir));
    rc = read_file(arena, str_to_cstr(arena, path), is_asked_for, out, is_set, out_message);
    if (rc < 0)
        return rc;
    rc = fill_defaults(arena, out, is_set, out_message);
    if (rc < 0)
        return rc;
    rc = check_values(arena, out, out_message);
    return rc < 0 ? rc : operand;
}

struct store_options options_store(const struct options *options)
{
    return (struct store_options){
        .url = options->ephemeral ? STR("memory:") : options->store,
        .dir = options->data_dir,
        .durability =
            str_eq_cstr(options->durability, "full") ? DURABILITY_FULL : DURABILITY_PROCESS,
    };
}
