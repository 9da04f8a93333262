/* commands.c — what the program does besides serving; most of it asks the running server.
 */
#include "commands.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "engine/cfn/resource.h"
#include "net/tls.h"
#include "serve.h"
#include "service/services.h"
#include "syntax/json.h"
#include "syntax/time.h"
#include "syntax/uri.h"

enum {
    MAX_ANSWER = 16 * 1024 * 1024, /* of the server's own pages */
    STOP_WAIT_MS = 10000,          /* a little more than the server's grace */
};

static int not_running(const struct options *options)
{
    fprintf(stderr,
            "virga: nothing is running on " STR_FMT " (start it with: virga serve --detach)\n",
            STR_ARG(options->data_dir));
    return EXIT_NOT_RUNNING;
}

static int connect_to(int64_t port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    const struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
        int rc = -errno;
        close(fd);
        return rc;
    }
    return fd;
}

/* One request to the server's own pages. Returns the HTTP status with the body, or -errno. */
static int ask(struct arena *arena, int64_t port, const char *method, struct str target,
               struct str *out_body)
{
    int fd = connect_to(port);
    if (fd < 0)
        return fd;
    struct str request = str_format(arena,
                                    "%s " STR_FMT " HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                                    "X-Virga-Control: 1\r\nContent-Length: 0\r\n"
                                    "Connection: close\r\n\r\n",
                                    method, STR_ARG(target));
    struct buf answer;
    buf_init(&answer, arena, MAX_ANSWER);
    ssize_t sent = send(fd, request.ptr, request.len, MSG_NOSIGNAL);
    ssize_t got = sent == (ssize_t)request.len ? 1 : -1;
    while (got > 0) {
        char *room = buf_reserve(&answer, 16384);
        got = room ? read(fd, room, 16384) : -1;
        if (got > 0)
            answer.len += (size_t)got;
    }
    close(fd);
    struct str text = buf_str(&answer);
    ptrdiff_t head_end = str_find(text, STR("\r\n\r\n"));
    int64_t status = 0;
    if (got < 0 || head_end < 0 || str_to_i64(str_slice(text, 9, 3), &status) < 0)
        return -EIO;
    *out_body = str_from(text, (size_t)head_end + 4);
    return (int)status;
}

/* Asks, prints the body or the error's message. */
static int ask_and_print(struct arena *arena, const struct options *options, const char *method,
                         struct str target, bool is_quiet)
{
    struct running running = {0};
    if (serve_find(arena, options->data_dir, &running) < 0)
        return not_running(options);
    struct str body = STR("");
    int status = ask(arena, running.port, method, target, &body);
    if (status < 0) {
        fprintf(stderr, "virga: the server does not answer: %s\n", strerror(-status));
        return EXIT_FAILED;
    }
    if (status == 200) {
        if (!is_quiet)
            printf(STR_FMT, STR_ARG(body));
        return EXIT_DONE;
    }
    struct json *json = NULL;
    struct str message = STR("unexpected answer");
    if (json_parse(arena, body, 0, &json, NULL) == 0)
        message = str_or(json_find_str(json, "message"), message);
    fprintf(stderr, "virga: " STR_FMT "\n", STR_ARG(message));
    return EXIT_FAILED;
}

int command_status(struct arena *arena, const struct options *options, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return ask_and_print(arena, options, "GET", STR("/_virga/health"), false);
}

int command_stop(struct arena *arena, const struct options *options, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    struct running running = {0};
    if (serve_find(arena, options->data_dir, &running) < 0)
        return not_running(options);
    int process = (int)syscall(SYS_pidfd_open, (pid_t)running.pid, 0);
    if (kill((pid_t)running.pid, SIGTERM) < 0) {
        fprintf(stderr, "virga: cannot stop process %lld: %s\n", (long long)running.pid,
                strerror(errno));
        return EXIT_FAILED;
    }
    if (process < 0)
        return EXIT_DONE;
    struct pollfd ended = {.fd = process, .events = POLLIN};
    int ready = poll(&ended, 1, STOP_WAIT_MS);
    close(process);
    if (ready == 1)
        return EXIT_DONE;
    fprintf(stderr, "virga: process %lld did not end within %d s\n", (long long)running.pid,
            STOP_WAIT_MS / 1000);
    return EXIT_FAILED;
}

int command_reset(struct arena *arena, const struct options *options, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return ask_and_print(arena, options, "POST", STR("/_virga/reset"), true);
}

int command_clock(struct arena *arena, const struct options *options, int argc, char **argv)
{
    if (argc == 0)
        return ask_and_print(arena, options, "GET", STR("/_virga/clock"), false);
    if (argc == 1 && strcmp(argv[0], "reset") == 0)
        return ask_and_print(arena, options, "POST", STR("/_virga/clock?reset=1"), false);
    if (argc != 2 || strcmp(argv[0], "advance") != 0) {
        fprintf(stderr, "usage: virga clock [advance DURATION | reset]\n");
        return EXIT_USAGE;
    }
    struct str duration = uri_encode_str(arena, str_from_cstr(argv[1]), false);
    struct str target = str_concat(arena, STR("/_virga/clock?advance="), duration);
    return ask_and_print(arena, options, "POST", target, false);
}

static int list_snapshots(struct arena *arena, const struct options *options)
{
    const struct store_options store = options_store(options);
    struct snapshot_info *items = NULL;
    size_t count = 0;
    int rc = store_snapshot_list(arena, &store, &items, &count);
    if (rc < 0) {
        fprintf(stderr, "virga: cannot list snapshots: %s\n", strerror(-rc));
        return EXIT_FAILED;
    }
    for (size_t i = 0; i < count; i++)
        printf("%-32.*s " STR_FMT " %lld bytes\n", STR_ARG(items[i].name),
               STR_ARG(time_rfc3339(arena, items[i].created_at_ms)),
               (long long)items[i].size_bytes);
    return EXIT_DONE;
}

static int load_snapshot(struct arena *arena, const struct options *options, struct str name)
{
    struct running running = {0};
    if (serve_find(arena, options->data_dir, &running) == 0) {
        fprintf(stderr, "virga: stop the server before loading a snapshot (virga stop)\n");
        return EXIT_FAILED;
    }
    const struct store_options store = options_store(options);
    int rc = store_snapshot_restore(&store, name);
    if (rc == 0)
        return EXIT_DONE;
    fprintf(stderr, "virga: cannot load snapshot " STR_FMT ": %s\n", STR_ARG(name),
            rc == -ENOENT ? "there is none of that name" : strerror(-rc));
    return EXIT_FAILED;
}

int command_snapshot(struct arena *arena, const struct options *options, int argc, char **argv)
{
    if (argc == 1 && strcmp(argv[0], "list") == 0)
        return list_snapshots(arena, options);
    if (argc == 2 && strcmp(argv[0], "load") == 0)
        return load_snapshot(arena, options, str_from_cstr(argv[1]));
    if (argc == 2 && strcmp(argv[0], "save") == 0) {
        struct str name = uri_encode_str(arena, str_from_cstr(argv[1]), false);
        struct str target = str_concat(arena, STR("/_virga/snapshot?name="), name);
        return ask_and_print(arena, options, "POST", target, true);
    }
    fprintf(stderr, "usage: virga snapshot save NAME | load NAME | list\n");
    return EXIT_USAGE;
}

int command_ca(struct arena *arena, const struct options *options, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    struct str pem = STR("");
    int rc = tls_ca_pem(arena, options->data_dir, &pem);
    if (rc < 0) {
        fprintf(stderr, "virga: cannot read or make the CA in " STR_FMT ": %s\n",
                STR_ARG(options->data_dir), strerror(-rc));
        return EXIT_FAILED;
    }
    printf(STR_FMT, STR_ARG(pem));
    return EXIT_DONE;
}

/* The environment that makes AWS clients talk to the running server. */
struct variable {
    const char *name;
    struct str value;
};

enum {
    VARIABLE_COUNT = 11,
};

/* A bundle of the machine's CAs and ours: clients that get it still reach other hosts. */
static struct str make_bundle(struct arena *arena, const struct options *options)
{
    struct str path = str_format(arena, STR_FMT "/ca-bundle.pem", STR_ARG(options->data_dir));
    struct buf bundle;
    buf_init(&bundle, arena, MAX_ANSWER);
    FILE *system_cas = fopen("/etc/ssl/certs/ca-certificates.crt", "re");
    while (system_cas && !feof(system_cas) && !ferror(system_cas)) {
        char *room = buf_reserve(&bundle, 65536);
        bundle.len += room ? fread(room, 1, 65536, system_cas) : 0;
        if (!room)
            break;
    }
    if (system_cas)
        fclose(system_cas);
    struct str pem = STR("");
    if (tls_ca_pem(arena, options->data_dir, &pem) < 0)
        return str_format(arena, STR_FMT "/ca.pem", STR_ARG(options->data_dir));
    buf_append(&bundle, pem);
    FILE *out = fopen(str_to_cstr(arena, path), "we");
    bool is_written = out && fwrite(bundle.ptr, 1, bundle.len, out) == bundle.len;
    if (out)
        fclose(out);
    return is_written ? path : str_format(arena, STR_FMT "/ca.pem", STR_ARG(options->data_dir));
}

static void make_environment(struct arena *arena, const struct options *options,
                             const struct running *running, struct variable *out)
{
    struct str bundle = make_bundle(arena, options);
    struct str ca = str_format(arena, STR_FMT "/ca.pem", STR_ARG(options->data_dir));
    const struct variable variables[VARIABLE_COUNT] = {
        {"AWS_ENDPOINT_URL", str_format(arena, "http://127.0.0.1:%lld", (long long)running->port)},
        {"AWS_ACCESS_KEY_ID", options->account},
        {"AWS_SECRET_ACCESS_KEY", STR("virga")},
        {"AWS_DEFAULT_REGION", options->region},
        {"AWS_REGION", options->region},
        {"AWS_EC2_METADATA_DISABLED", STR("true")},
        {"AWS_CA_BUNDLE", bundle},
        {"REQUESTS_CA_BUNDLE", bundle},
        {"SSL_CERT_FILE", bundle},
        {"CURL_CA_BUNDLE", bundle},
        {"NODE_EXTRA_CA_CERTS", ca},
    };
    memcpy(out, variables, sizeof(variables));
}

int command_env(struct arena *arena, const struct options *options, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    struct running running = {0};
    if (serve_find(arena, options->data_dir, &running) < 0)
        return not_running(options);
    struct variable variables[VARIABLE_COUNT];
    make_environment(arena, options, &running, variables);
    for (size_t i = 0; i < VARIABLE_COUNT; i++) {
        struct str quoted = str_replace(arena, variables[i].value, STR("'"), STR("'\\''"));
        printf("export %s='" STR_FMT "'\n", variables[i].name, STR_ARG(quoted));
    }
    /* A session token of another account would be sent along with the key above. */
    printf("unset AWS_SESSION_TOKEN AWS_PROFILE\n");
    return EXIT_DONE;
}

int command_exec(struct arena *arena, const struct options *options, int argc, char **argv)
{
    if (argc == 0) {
        fprintf(stderr, "usage: virga exec [--account ID] [--region NAME] -- COMMAND [ARG...]\n");
        return EXIT_USAGE;
    }
    struct running running = {0};
    if (serve_find(arena, options->data_dir, &running) < 0)
        return not_running(options);
    struct variable variables[VARIABLE_COUNT];
    make_environment(arena, options, &running, variables);
    for (size_t i = 0; i < VARIABLE_COUNT; i++)
        setenv(variables[i].name, str_to_cstr(arena, variables[i].value), 1);
    unsetenv("AWS_SESSION_TOKEN");
    unsetenv("AWS_PROFILE");
    execvp(argv[0], argv);
    fprintf(stderr, "virga: cannot run %s: %s\n", argv[0], strerror(errno));
    return 127; /* what a shell answers for a command that is not there */
}

static size_t count_implemented(const struct service *service)
{
    size_t count = 0;
    for (size_t i = 0; i < service->model->operation_count; i++)
        count += operation_is_implemented(&service->model->operations[i], service->handlers);
    return count;
}

/* A Markdown table: the README's is this output, and `make check` compares them. */
int command_coverage(struct arena *arena, const struct options *options, int argc, char **argv)
{
    (void)arena;
    (void)options;
    bool is_missing_asked = argc == 1 && strcmp(argv[0], "missing") == 0;
    if (is_missing_asked) {
        for (size_t i = 0; i < service_count; i++) {
            const struct service_model *model = services[i]->model;
            for (size_t op = 0; op < model->operation_count; op++) {
                if (!operation_is_implemented(&model->operations[op], services[i]->handlers))
                    printf(STR_FMT " " STR_FMT "\n", STR_ARG(model->name),
                           STR_ARG(model->operations[op].name));
            }
        }
        return EXIT_DONE;
    }
    printf("| service | operations | of | CloudFormation types |\n|---|---:|---:|---|\n");
    for (size_t i = 0; i < service_count; i++) {
        const struct service *service = services[i];
        printf("| " STR_FMT " | %zu | %u | ", STR_ARG(service->model->service_id),
               count_implemented(service), service->model->operation_count);
        for (size_t t = 0; t < service->resource_type_count; t++)
            printf("%s`" STR_FMT "`", t == 0 ? "" : ", ", STR_ARG(service->resource_types[t].name));
        printf(" |\n");
    }
    return EXIT_DONE;
}
