/* serve.c — starts everything, waits for a signal, ends everything in order.
 *
 * Threads: main waits for signals; each worker runs a loop with its own servers, store connection
 * and executor. A listening socket is one, duplicated per worker, so the kernel hands a connection
 * to whichever worker is free, and a second program on the same port fails to bind. There are one
 * or two: --dynamodb-port opens a door for clients of DynamoDB Local beside the main one.
 * Everything is built on the main thread before the first worker starts; afterwards main only posts
 * to the loops.
 *
 * Ending: stop accepting, answer what waits, finish what was accepted (GRACE_MS), join, close the
 * store. A second signal ends at once. Commits wake executors, so the store is closed (and with it
 * PostgreSQL's listener thread ended) before the first executor goes.
 *
 * DIR/virga.run says who serves the directory: process and port. The server holds a lock on it as
 * long as it lives, so a file that a killed server left behind is told from a living one's.
 */
#include "serve.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/workflow/workflow.h"
#include "net/http.h"
#include "net/loop.h"
#include "net/tls.h"
#include "pages.h"
#include "service/s3/s3_public.h"
#include "service/services.h"
#include "service/xray/xray_public.h"
#include "settings.h"
#include "wire/executor.h"
#include "wire/identity.h"
#include "wire/waiters.h"
#include "xray_proxy.h"

enum {
    GRACE_MS = 5000,    /* for requests under way when the program is told to end */
    MAX_RUN_FILE = 256, /* two numbers */
    MAX_DOORS = 2,
};

struct worker {
    pthread_t thread;
    struct loop *loop;
    struct db *db;
    struct executor *executor;
    struct http_server *servers[MAX_DOORS];
    int draining; /* servers that have not answered their last exchange yet */
    bool is_started;
};

struct server {
    struct runtime runtime;
    struct worker workers[RUNTIME_MAX_WORKERS];
    size_t worker_count;
    struct tls_context *tls;
    struct xray_daemon *xray;
    struct xray_proxy *xray_proxy;
    int listen_fds[MAX_DOORS]; /* by enum executor_door; -1: not open */
    int run_fd;                /* the run file, locked */
    uint16_t port;
};

static void wake(void *context, struct str channel)
{
    struct server *server = context;
    struct runtime *runtime = &server->runtime;
    bool is_everything = channel.len == 0;
    if (is_everything || str_eq_cstr(channel, IDENTITY_CHANNEL))
        identity_changed();
    if ((is_everything || str_eq_cstr(channel, WORKFLOW_CHANNEL)) && runtime->workflows)
        workflow_runner_wake(runtime->workflows);
    if (is_everything) {
        for (size_t i = 0; i < runtime->executor_count; i++)
            executor_wake_all(runtime->executors[i]);
    } else if (waiters_notify(runtime->waiters, channel)) {
        for (size_t i = 0; i < runtime->executor_count; i++)
            executor_wake(runtime->executors[i], channel);
    }
}

static void configure_log(const struct options *options)
{
    static const char *const levels[] = {
        [LOG_DEBUG] = "debug",
        [LOG_INFO] = "info",
        [LOG_WARN] = "warn",
        [LOG_ERROR] = "error",
    };
    enum log_level level = LOG_INFO;
    for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
        if (str_eq_cstr(options->log_level, levels[i]))
            level = (enum log_level)i;
    }
    log_configure(level, str_eq_cstr(options->log_format, "json") ? LOG_JSON : LOG_HUMAN,
                  STDERR_FILENO);
}

static struct str run_file_path(struct arena *arena, struct str dir)
{
    return str_format(arena, STR_FMT "/virga.run", STR_ARG(dir));
}

static int write_run_file(struct server *server, struct arena *arena, struct str dir)
{
    char *path = str_to_cstr(arena, run_file_path(arena, dir));
    char *temporary = str_to_cstr(arena, str_format(arena, "%s.new", path));
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    server->run_fd = fd;
    struct str text = str_format(arena, "%d %d\n", (int)getpid(), (int)server->port);
    if (flock(fd, LOCK_EX | LOCK_NB) < 0 || write(fd, text.ptr, text.len) != (ssize_t)text.len ||
        rename(temporary, path) < 0)
        return -EIO;
    return 0;
}

int serve_find(struct arena *arena, struct str dir, struct running *out_running)
{
    int fd = open(str_to_cstr(arena, run_file_path(arena, dir)), O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -ENOENT;
    char text[MAX_RUN_FILE];
    ssize_t len = read(fd, text, sizeof(text));
    bool is_held = flock(fd, LOCK_SH | LOCK_NB) < 0;
    close(fd);
    if (!is_held || len <= 0)
        return -ENOENT;
    struct str rest = str_trim(str_of(text, (size_t)len));
    struct str pid = {0};
    struct running running = {0};
    if (!str_split_next(&rest, ' ', &pid) || str_to_i64(pid, &running.pid) < 0 ||
        str_to_i64(rest, &running.port) < 0 || running.pid <= 0)
        return -ENOENT;
    *out_running = running;
    return 0;
}

static int make_dirs(struct arena *arena, struct str path)
{
    for (size_t i = 1; i <= path.len; i++) {
        if (i < path.len && path.ptr[i] != '/')
            continue;
        char *part = str_to_cstr(arena, str_slice(path, 0, i));
        if (mkdir(part, 0700) < 0 && errno != EEXIST)
            return -errno;
    }
    return 0;
}

static int complain(const char *what, struct str detail)
{
    fprintf(stderr, "virga: %s: " STR_FMT "\n", what, STR_ARG(detail));
    return 1;
}

/* All migrations: the program's, the engines', the services'. */
static const struct migration_set *gather_migrations(struct arena *arena, size_t *out_count)
{
    struct migration_set *sets = arena_alloc_array(arena, service_count + 2, sizeof(*sets));
    size_t count = 0;
    sets[count++] = settings_migrations;
    sets[count++] = workflow_migrations;
    for (size_t i = 0; i < service_count; i++) {
        if (services[i]->migrations)
            sets[count++] = *services[i]->migrations;
    }
    *out_count = count;
    return sets;
}

static void *worker_main(void *context)
{
    struct worker *worker = context;
    log_hold(true);
    loop_run(worker->loop);
    log_hold(false);
    identity_thread_end();
    return NULL;
}

static int build_worker(struct server *server, struct worker *worker)
{
    worker->loop = loop_new();
    int rc = db_open(server->runtime.store, &worker->db);
    if (rc < 0)
        return rc;
    worker->executor = executor_new(&server->runtime, worker->loop, worker->db);
    server->runtime.executors[server->runtime.executor_count++] = worker->executor;
    for (int door = 0; door < MAX_DOORS; door++) {
        if (server->listen_fds[door] < 0)
            continue;
        int fd = fcntl(server->listen_fds[door], F_DUPFD_CLOEXEC, 0);
        if (fd < 0)
            return -errno;
        const struct http_server_options options = {.door = door};
        worker->servers[door] = http_server_new(worker->loop, fd, server->tls, &options,
                                                &executor_http, worker->executor);
    }
    return 0;
}

static int build_workers(struct server *server, const struct options *options)
{
    server->worker_count = (size_t)options->workers;
    for (size_t i = 0; i < server->worker_count; i++) {
        int rc = build_worker(server, &server->workers[i]);
        if (rc < 0)
            return rc;
    }
    struct executor *first = server->workers[0].executor;
    server->runtime.workflows = workflow_runner_new(first, workflow_kinds, workflow_kind_count);
    int64_t offset_ms = 0;
    int rc = settings_read(server->workers[0].db, STR("clock_offset_ms"), &offset_ms);
    if (rc < 0)
        return rc;
    clock_set_offset_ms(offset_ms);
    return 0;
}

static void server_drained(void *context)
{
    struct worker *worker = context;
    if (--worker->draining == 0)
        loop_stop(worker->loop);
}

static void drain_worker(void *context)
{
    struct worker *worker = context;
    worker->draining = 1; /* until all have been told: the first may be done at once */
    for (int door = 0; door < MAX_DOORS; door++) {
        if (!worker->servers[door])
            continue;
        worker->draining++;
        http_server_drain(worker->servers[door], GRACE_MS, server_drained, worker);
    }
    server_drained(worker);
}

static void wait_for_end(struct server *server, const sigset_t *signals)
{
    int number = 0;
    sigwait(signals, &number);
    log_message(LOG_INFO, "ending on signal %d", number);
    for (size_t i = 0; i < server->worker_count; i++) {
        executor_stop_waiting(server->workers[i].executor);
        loop_post(server->workers[i].loop, drain_worker, &server->workers[i]);
    }
    pthread_sigmask(SIG_UNBLOCK, signals, NULL); /* a second signal ends at once */
}

static int start_workers(struct server *server)
{
    for (size_t i = 0; i < server->worker_count; i++) {
        struct worker *worker = &server->workers[i];
        int rc = pthread_create(&worker->thread, NULL, worker_main, worker);
        if (rc != 0) {
            while (i-- > 0)
                loop_stop(server->workers[i].loop);
            return -rc;
        }
        worker->is_started = true;
    }
    return 0;
}

/* Another program, mostly another server, may have the port: that is no reason not to serve. */
static void open_xray(struct server *server, const struct options *options)
{
    const struct scope scope = {.account = options->account, .region = options->region};
    if (options->xray_port == 0)
        return;
    struct executor *executor = server->workers[0].executor;
    uint16_t port = (uint16_t)options->xray_port;
    int rc = options->xray_port > UINT16_MAX
                 ? -EINVAL
                 : xray_daemon_open(executor, port, scope, &server->xray);
    if (rc == 0)
        rc = xray_proxy_open(executor, port, scope, &server->xray_proxy);
    if (rc < 0)
        log_message(LOG_WARN, "not all that X-Ray's daemon would take is taken on port %lld: %s",
                    (long long)options->xray_port, strerror(-rc));
}

/* The order is that of who uses whom; see the file's comment. */
static void close_server(struct server *server)
{
    struct worker *workers = server->workers;
    for (size_t i = 0; i < server->worker_count; i++) {
        if (workers[i].is_started)
            pthread_join(workers[i].thread, NULL);
        for (int door = 0; door < MAX_DOORS; door++)
            http_server_free(workers[i].servers[door]);
        if (workers[i].executor)
            executor_flush(workers[i].executor);
        if (workers[i].db)
            db_close(workers[i].db);
    }
    xray_proxy_close(server->xray_proxy);
    xray_daemon_close(server->xray);
    if (server->runtime.store)
        store_close(server->runtime.store);
    workflow_runner_free(server->runtime.workflows);
    for (size_t i = 0; i < server->worker_count; i++) {
        executor_free(workers[i].executor);
        loop_free(workers[i].loop);
    }
    tls_context_close(server->tls);
    waiters_free(server->runtime.waiters);
    for (int door = 0; door < MAX_DOORS; door++) {
        if (server->listen_fds[door] >= 0)
            close(server->listen_fds[door]);
    }
}

static int listen_on(struct arena *arena, int64_t port, int *out_fd)
{
    int fd = http_listen(STR("127.0.0.1"), (uint16_t)port, false);
    if (fd < 0) {
        struct str reason = str_from_cstr(strerror(-fd));
        return complain("cannot listen on 127.0.0.1",
                        str_format(arena, "port %lld: " STR_FMT, (long long)port, STR_ARG(reason)));
    }
    *out_fd = fd;
    return 0;
}

static int open_doors(struct server *server, struct arena *arena, const struct options *options)
{
    int code = listen_on(arena, options->port, &server->listen_fds[DOOR_MAIN]);
    if (code == 0 && options->dynamodb_port > 0)
        code = listen_on(arena, options->dynamodb_port, &server->listen_fds[DOOR_NAMESPACES]);
    if (code != 0)
        return code;
    server->port = http_listen_port(server->listen_fds[DOOR_MAIN]);
    struct str message = STR("");
    if (tls_context_open(arena, options->data_dir, &server->tls, &message) < 0)
        return complain("cannot open the TLS door", message);
    server->runtime.endpoint = str_format(arena, "http://127.0.0.1:%d", (int)server->port);
    return 0;
}

static int open_store(struct server *server, struct arena *arena, const struct options *options)
{
    struct str message = STR("");
    size_t set_count = 0;
    const struct migration_set *sets = gather_migrations(arena, &set_count);
    const struct store_options store_options = options_store(options);
    int rc = store_open(arena, &store_options, sets, set_count, &server->runtime.store, &message);
    if (rc < 0)
        return complain("cannot open the store", message);
    rc = s3_sweep_bodies(server->runtime.store);
    return rc < 0 ? complain("cannot sweep the bodies of objects", STR("the store failed")) : 0;
}

static void announce(const struct server *server, const struct options *options)
{
    log_message(LOG_INFO,
                "virga %s serves http://127.0.0.1:%d and https on the same port, data "
                "in " STR_FMT ", %zu workers",
                VIRGA_VERSION, (int)server->port, STR_ARG(options->data_dir), server->worker_count);
    /* For scripts: the line that says that requests are taken from now on. */
    printf("http://127.0.0.1:%d\n", (int)server->port);
    fflush(stdout);
}

static void block_signals(sigset_t *signals)
{
    sigemptyset(signals);
    sigaddset(signals, SIGINT);
    sigaddset(signals, SIGTERM);
    sigaddset(signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, signals, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* Builds all and serves. Returns the exit code. */
static int run(struct server *server, struct arena *arena, const struct options *options)
{
    sigset_t signals;
    block_signals(&signals); /* before the first thread, PostgreSQL's listener, which inherits it */
    int code = open_store(server, arena, options);
    if (code != 0)
        return code;
    code = open_doors(server, arena, options);
    if (code != 0)
        return code;
    store_set_wake(server->runtime.store, wake, server);
    executor_set_pages(pages_serve);
    int rc = build_workers(server, options);
    if (rc < 0)
        return complain("cannot start", str_from_cstr(strerror(-rc)));
    open_xray(server, options);
    rc = write_run_file(server, arena, options->data_dir);
    if (rc < 0)
        return complain("cannot write the run file", str_from_cstr(strerror(-rc)));
    rc = start_workers(server);
    if (rc < 0)
        return complain("cannot start a thread", str_from_cstr(strerror(-rc)));
    announce(server, options);
    wait_for_end(server, &signals);
    return 0;
}

int serve_run(const struct options *options)
{
    configure_log(options);
    AUTO(arena) struct arena *arena = arena_new();
    struct running running = {0};
    int rc = make_dirs(arena, options->data_dir);
    if (rc < 0)
        return complain("cannot make the data directory", str_from_cstr(strerror(-rc)));
    if (serve_find(arena, options->data_dir, &running) == 0)
        return complain("already running on this data directory",
                        str_format(arena, "process %lld, port %lld", (long long)running.pid,
                                   (long long)running.port));
    struct server *server = mem_new(sizeof(*server));
    for (int door = 0; door < MAX_DOORS; door++)
        server->listen_fds[door] = -1;
    server->run_fd = -1;
    server->runtime = (struct runtime){
        .services = services,
        .service_count = service_count,
        .identity = service_identity,
        .strict_auth = options->strict_auth,
        .log_requests = options->log_requests,
        .default_region = options->region,
        .namespaced = STR("dynamodb"),
        .throttles = options->dynamodb_throttle,
        .data_dir = options->data_dir,
        .waiters = waiters_new(),
        .started_at_ms = clock_now_ms(),
        .started_monotonic_us = clock_monotonic_us(),
    };
    int code = run(server, arena, options);
    close_server(server);
    if (server->run_fd >= 0) {
        unlink(str_to_cstr(arena, run_file_path(arena, options->data_dir)));
        close(server->run_fd); /* and with it the lock */
    }
    mem_free(server);
    return code;
}
