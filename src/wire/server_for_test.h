/* server_for_test.h — executors with a small service behind real sockets, for the tests of the
 * executor and of parking.
 *
 * The service has SQS's model and handlers of its own over one table. What GetQueueUrl does is
 * chosen by the queue's name; see fake_get_queue_url.
 */
#pragma once

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>

#include "base/clock.h"
#include "base/rand.h"
#include "net/server_for_test.h"
#include "sqs/sqs_api.h"
#include "store/db.h"
#include "wire/executor.h"
#include "wire/identity.h"
#include "wire/waiters.h"

enum {
    FAKE_WORKERS_MAX = 4,
};

static const char *const fake_migrations[] = {
    "CREATE TABLE fake (id integer NOT NULL PRIMARY KEY, channel text NOT NULL,\n"
    "    body text NOT NULL);\n"
    "CREATE TABLE sole (id integer NOT NULL PRIMARY KEY);\n"
    "INSERT INTO sole (id) VALUES (1);\n",
};

static const struct migration_set fake_migration_set = {
    .component = "fake",
    .migrations = fake_migrations,
    .count = ARRAY_LEN(fake_migrations),
};

static const char fake_sql_add[] = "INSERT INTO fake (id, channel, body) VALUES ($3, $1, $2)";
static const char fake_sql_take[] =
    "DELETE FROM fake WHERE id = (SELECT min(id) FROM fake WHERE channel = $1) RETURNING body";
static const char fake_sql_peek[] = "SELECT count(*) FROM fake WHERE channel = $1";
static const char fake_sql_twice[] = "INSERT INTO sole (id) VALUES (1)";

static inline int fake_add(struct call *call, struct str channel, struct str body)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(call->db, fake_sql_add, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, channel);
    stmt_bind_str(stmt, 2, body);
    stmt_bind_i64(stmt, 3, (int64_t)rand_below(INT64_MAX));
    int64_t changed = stmt_run(stmt);
    return changed < 0 ? (int)changed : 0;
}

static inline int fake_insert_twice(struct call *call)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(call->db, fake_sql_twice, &stmt);
    if (rc < 0)
        return rc;
    int64_t changed = stmt_run(stmt);
    return changed < 0 ? (int)changed : 0;
}

static inline int fake_count(struct call *call, struct str channel, int64_t *out_count)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(call->db, fake_sql_peek, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, channel);
    rc = stmt_step(stmt);
    if (rc == 1)
        *out_count = stmt_i64(stmt, 0);
    return rc < 0 ? rc : 0;
}

static inline enum status fake_send(struct call *call, const struct sqs_send_message_in *in,
                                    struct sqs_send_message_out *out)
{
    int rc = fake_add(call, in->queue_url, in->message_body);
    if (rc < 0)
        return call_fail_internal(call, rc, "add");
    call_notify(call, in->queue_url);
    out->message_id = call->request_id;
    return STATUS_DONE;
}

static inline int fake_take(struct call *call, struct str channel, struct str *out_body)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    int rc = db_prepare(call->db, fake_sql_take, &stmt);
    if (rc < 0)
        return rc;
    stmt_bind_str(stmt, 1, channel);
    rc = stmt_step(stmt);
    if (rc == 1)
        *out_body = stmt_str(stmt, 0, call->arena);
    return rc;
}

static inline enum status fake_receive(struct call *call, const struct sqs_receive_message_in *in,
                                       struct sqs_receive_message_out *out)
{
    int64_t count = 0;
    int rc = fake_count(call, in->queue_url, &count);
    if (rc < 0)
        return call_fail_internal(call, rc, "count");
    int64_t until_ms = call->started_at_ms + 1000LL * opt_i32_or(in->wait_time_seconds, 0);
    if (count == 0 && call->now_ms < until_ms)
        return call_wait(call, in->queue_url, until_ms);
    struct str body = {0};
    rc = count == 0 ? 0 : fake_take(call, in->queue_url, &body);
    if (rc < 0)
        return call_fail_internal(call, rc, "take");
    if (rc == 1) {
        out->messages.items = arena_alloc(call->arena, sizeof(*out->messages.items));
        out->messages.items[0].body = body;
        out->messages.count = 1;
    }
    return STATUS_DONE;
}

static inline enum status fake_nest(struct call *call, struct str queue_url, int32_t wait_s,
                                    struct call_error *error)
{
    const struct sqs_receive_message_in in = {
        .queue_url = queue_url,
        .wait_time_seconds = opt_i32(wait_s),
    };
    struct sqs_receive_message_out out = {0};
    return call_invoke(call, NULL, NULL, &sqs_model, &sqs_operations[SQS_OP_RECEIVE_MESSAGE], &in,
                       &out, error);
}

/* Does what the queue's name says; answers the call's run count as the queue's URL. */
static inline enum status fake_get_queue_url(struct call *call,
                                             const struct sqs_get_queue_url_in *in,
                                             struct sqs_get_queue_url_out *out)
{
    struct str name = in->queue_name;
    struct call_error error = {0};
    int rc = 0;
    out->queue_url = str_format(call->arena, "%u", (unsigned)call->run_count);
    if (str_eq_cstr(name, "fails"))
        return call_fail(call, &SQS_QUEUE_DOES_NOT_EXIST, "no such queue");
    if (str_eq_cstr(name, "fails-without-error"))
        return STATUS_FAILED;
    if (str_eq_cstr(name, "writes"))
        rc = fake_add(call, STR("writes"), name);
    if (str_eq_cstr(name, "writes-and-ignores-errors"))
        (void)(fake_add(call, name, name) + 1);
    if (str_eq_cstr(name, "writes-then-fails")) {
        rc = fake_add(call, name, name);
        if (rc == 0)
            return call_fail(call, &SQS_QUEUE_DOES_NOT_EXIST, "no such queue");
    }
    if (str_eq_cstr(name, "ignores-a-broken-statement"))
        (void)(fake_insert_twice(call) + 1);
    if (str_eq_cstr(name, "breaks"))
        rc = fake_insert_twice(call);
    if (str_eq_cstr(name, "nests-a-write"))
        return fake_nest(call, STR("nested"), 0, &error);
    if (str_eq_cstr(name, "nests-a-wait"))
        return fake_nest(call, STR("nothing-there"), 1, &error);
    return rc < 0 ? call_fail_internal(call, rc, "fake") : STATUS_DONE;
}

static const struct sqs_handlers fake_handlers = {
    .send_message = fake_send,
    .receive_message = fake_receive,
    .get_queue_url = fake_get_queue_url,
};

static const struct service fake_service = {.model = &sqs_model, .handlers = &fake_handlers};
static const struct service *const fake_services[] = {&fake_service};

static inline bool fake_is_issued(struct str key_id)
{
    return str_starts_with(key_id, STR("AKIA"));
}

static inline int fake_find_key(struct db *db, struct arena *arena, struct str key_id,
                                struct access_key *out)
{
    (void)db;
    (void)arena;
    (void)key_id;
    (void)out;
    return 0;
}

static inline int fake_open_session(struct db *db, struct arena *arena, struct str key_id,
                                    struct str token, struct access_key *out)
{
    (void)token;
    return fake_find_key(db, arena, key_id, out);
}

static inline int fake_load_policies(struct db *db, struct arena *arena,
                                     const struct principal *principal,
                                     struct principal_policies *out)
{
    (void)db;
    (void)arena;
    (void)principal;
    *out = (struct principal_policies){0};
    return 0;
}

static const struct identity_source fake_identity = {
    .is_issued = fake_is_issued,
    .find_key = fake_find_key,
    .open_session = fake_open_session,
    .load_policies = fake_load_policies,
};

static const char *fake_store_url = "memory:"; /* or of the server that fake_postgres_start made */
static char fake_postgres_dir[] = "/tmp/virga-pg-XXXXXX";

static inline void fake_postgres_script(const char *action, char *out, int out_size)
{
    char command[256];
    snprintf(command, sizeof(command), "exec tests/unit/pg_server.sh %s %s %s", action,
             fake_postgres_dir, strcmp(action, "start") == 0 ? "$PPID" : "");
    FILE *pipe = popen(command, "re");
    CHECK(pipe);
    CHECK(!out || fgets(out, out_size, pipe));
    CHECK(pclose(pipe) == 0);
}

/* Group setup and teardown: the tests in between run on PostgreSQL. */
static inline int fake_postgres_start(void **state)
{
    (void)state;
    static char url[256];
    CHECK(mkdtemp(fake_postgres_dir));
    fake_postgres_script("start", url, sizeof(url));
    url[strcspn(url, "\n")] = '\0';
    fake_store_url = url;
    return 0;
}

static inline int fake_postgres_stop(void **state)
{
    (void)state;
    fake_postgres_script("stop", NULL, 0);
    return 0;
}

/* On PostgreSQL the tests follow each other in one database. */
static inline void fake_empty(struct store *store)
{
    static const char sql_refill[] = "INSERT INTO sole (id) VALUES (1)";
    AUTO(db) struct db *db = NULL;
    CHECK(db_open(store, &db) == 0 && db_begin(db, TX_WRITE) == 0 && db_empty(db) == 0);
    struct stmt *stmt = NULL;
    CHECK(db_prepare(db, sql_refill, &stmt) == 0 && stmt_run(stmt) == 1);
    stmt_release(stmt);
    CHECK(db_commit(db) == 0);
}

struct fake_worker {
    pthread_t thread;
    struct loop *loop;
    struct db *db;
    struct executor *executor;
    struct http_server *server;
};

struct fake_server {
    struct arena *arena;
    struct runtime runtime;
    struct fake_worker workers[FAKE_WORKERS_MAX];
    size_t worker_count;
    int listen_fd;
    uint16_t port;
    sem_t is_held; /* the first worker stands still, */
    sem_t release; /* until this is posted */
};

static inline void fake_wake(void *context, struct str channel)
{
    struct runtime *runtime = context;
    for (size_t i = 0; i < runtime->executor_count; i++) {
        if (channel.len == 0)
            executor_wake_all(runtime->executors[i]);
        else if (waiters_notify(runtime->waiters, channel))
            executor_wake(runtime->executors[i], channel);
    }
}

static inline void *fake_worker_main(void *context)
{
    struct fake_worker *worker = context;
    loop_run(worker->loop);
    identity_thread_end();
    return NULL;
}

static inline struct fake_server *fake_server_start(size_t worker_count)
{
    struct fake_server *server = mem_new(sizeof(*server));
    server->arena = arena_new();
    server->worker_count = worker_count;
    const struct store_options options = {.url = str_from_cstr(fake_store_url),
                                          .dir = str_from_cstr(fake_postgres_dir)};
    struct str message = STR("");
    struct runtime *runtime = &server->runtime;
    *runtime = (struct runtime){
        .services = fake_services,
        .service_count = ARRAY_LEN(fake_services),
        .identity = &fake_identity,
        .default_region = STR("us-east-1"),
        .waiters = waiters_new(),
    };
    CHECK(store_open(server->arena, &options, &fake_migration_set, 1, &runtime->store, &message) ==
          0);
    fake_empty(runtime->store);
    store_set_wake(runtime->store, fake_wake, runtime);
    server->listen_fd = http_listen(STR("127.0.0.1"), 0, false);
    CHECK(server->listen_fd >= 0);
    server->port = http_listen_port(server->listen_fd);
    CHECK(sem_init(&server->is_held, 0, 0) == 0 && sem_init(&server->release, 0, 0) == 0);
    for (size_t i = 0; i < worker_count; i++) {
        struct fake_worker *worker = &server->workers[i];
        worker->loop = loop_new();
        CHECK(db_open(runtime->store, &worker->db) == 0);
        worker->executor = executor_new(runtime, worker->loop, worker->db);
        runtime->executors[runtime->executor_count++] = worker->executor;
        const struct http_server_options defaults = {0};
        worker->server = http_server_new(worker->loop, fcntl(server->listen_fd, F_DUPFD_CLOEXEC, 0),
                                         NULL, &defaults, &executor_http, worker->executor);
    }
    for (size_t i = 0; i < worker_count; i++)
        CHECK(pthread_create(&server->workers[i].thread, NULL, fake_worker_main,
                             &server->workers[i]) == 0);
    return server;
}

/* Ends as the program does; calls that wait, connections that are open: all must go. */
static inline void fake_server_stop(struct fake_server *server)
{
    for (size_t i = 0; i < server->worker_count; i++)
        loop_stop(server->workers[i].loop);
    for (size_t i = 0; i < server->worker_count; i++) {
        CHECK(pthread_join(server->workers[i].thread, NULL) == 0);
        http_server_free(server->workers[i].server);
        executor_flush(server->workers[i].executor);
        db_close(server->workers[i].db);
    }
    store_close(server->runtime.store);
    for (size_t i = 0; i < server->worker_count; i++) {
        executor_free(server->workers[i].executor);
        loop_free(server->workers[i].loop);
    }
    waiters_free(server->runtime.waiters);
    close(server->listen_fd);
    sem_destroy(&server->is_held);
    sem_destroy(&server->release);
    arena_free(server->arena);
    mem_free(server);
}

static inline void fake_stand_still(void *context)
{
    struct fake_server *server = context;
    CHECK(sem_post(&server->is_held) == 0);
    while (sem_wait(&server->release) < 0)
        CHECK(errno == EINTR);
}

/* Holds the first worker between two rounds: what is sent meanwhile comes in one round. */
static inline void fake_hold(struct fake_server *server)
{
    loop_post(server->workers[0].loop, fake_stand_still, server);
    while (sem_wait(&server->is_held) < 0)
        CHECK(errno == EINTR);
}

static inline void fake_release(struct fake_server *server)
{
    CHECK(sem_post(&server->release) == 0);
}

static inline int fake_dial(const struct fake_server *server)
{
    const struct test_server address = {.port = server->port};
    return test_dial(&address);
}

/* Sends a request of account 111122223333; the answer is read by fake_hear. */
static inline void fake_say(int fd, struct arena *arena, const char *operation, struct str body)
{
    test_say(fd, str_format(arena,
                            "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                            "X-Amz-Target: AmazonSQS.%s\r\nX-Amz-Date: 20260101T000000Z\r\n"
                            "Content-Type: application/x-amz-json-1.0\r\n"
                            "Authorization: AWS4-HMAC-SHA256 Credential=111122223333/20260101/"
                            "eu-west-1/sqs/aws4_request, SignedHeaders=host;x-amz-date, "
                            "Signature=%064d\r\nContent-Length: %zu\r\n\r\n" STR_FMT,
                            operation, 0, body.len, STR_ARG(body)));
}

static inline void fake_say_url(int fd, struct arena *arena, const char *name)
{
    fake_say(fd, arena, "GetQueueUrl", str_format(arena, "{\"QueueName\":\"%s\"}", name));
}

static inline void fake_say_send(int fd, struct arena *arena, const char *queue, const char *text)
{
    fake_say(fd, arena, "SendMessage",
             str_format(arena, "{\"QueueUrl\":\"%s\",\"MessageBody\":\"%s\"}", queue, text));
}

static inline void fake_say_receive(int fd, struct arena *arena, const char *queue, int wait_s)
{
    fake_say(fd, arena, "ReceiveMessage",
             str_format(arena, "{\"QueueUrl\":\"%s\",\"WaitTimeSeconds\":%d}", queue, wait_s));
}

/* Waits until so many calls are parked. */
static inline void fake_await_parked(const struct fake_server *server, uint64_t count)
{
    while (executor_waiting(&server->runtime) != count)
        sched_yield();
}
