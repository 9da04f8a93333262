/* postgres_listen.c — the listener thread: LISTEN on one channel that all nodes share.
 *
 * A notification's payload is the sender's node id and its channels, each ended by '\n'. Our own
 * are skipped: db_commit woke their waiters already. While the connection is down notifications
 * are lost, so after a reconnect everybody is woken.
 */
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"
#include "store/backend.h"
#include "store/postgres.h"

enum {
    RECONNECT_DELAY_MS = 1000,
    MESSAGE_MAX_BYTES = 1024,
};

static PGconn *connect_and_listen(const struct store *store, struct buf *message)
{
    const struct pg_api *pq = pg_api();
    PGconn *conn = postgres_connect(store, message);
    if (!conn)
        return NULL;
    PGresult *result = pq->PQexec(conn, "LISTEN virga");
    bool is_listening = pq->PQresultStatus(result) == PGRES_COMMAND_OK;
    pq->PQclear(result);
    if (is_listening)
        return conn;
    buf_append_cstr(message, pq->PQerrorMessage(conn));
    pq->PQfinish(conn);
    return NULL;
}

static void hand_on(struct store *store)
{
    const struct pg_api *pq = pg_api();
    struct postgres_store *engine = store->engine;
    PGnotify *notify = NULL;
    while ((notify = pq->PQnotifies(engine->listener)) != NULL) {
        struct str notes = str_from_cstr(notify->extra);
        struct str node;
        if (str_split_next(&notes, '\n', &node) && !str_eq_cstr(node, engine->node))
            store_wake_all(store, notes);
        pq->PQfreemem(notify);
    }
}

/* Waits until the connection has something or, without one, until it is time to try again.
 * Returns false when the thread shall end. */
static bool wait_for_input(const struct postgres_store *engine)
{
    struct pollfd fds[2] = {
        {.fd = engine->stop_fd, .events = POLLIN},
        {.fd = -1, .events = POLLIN}, /* poll skips a negative descriptor */
    };
    if (engine->listener)
        fds[1].fd = pg_api()->PQsocket(engine->listener);
    int rc = 0;
    do {
        rc = poll(fds, ARRAY_LEN(fds), engine->listener ? -1 : RECONNECT_DELAY_MS);
    } while (rc < 0 && errno == EINTR);
    return rc >= 0 && fds[0].revents == 0;
}

static void reconnect(struct store *store)
{
    struct postgres_store *engine = store->engine;
    AUTO(buf) struct buf message;
    buf_init(&message, NULL, MESSAGE_MAX_BYTES);
    engine->listener = connect_and_listen(store, &message);
    if (engine->listener)
        store_wake_all(store, STR("\n"));
    else
        log_message(LOG_DEBUG, "store: listener: " STR_FMT, STR_ARG(buf_str(&message)));
}

static void *run(void *context)
{
    const struct pg_api *pq = pg_api();
    struct store *store = context;
    struct postgres_store *engine = store->engine;
    while (wait_for_input(engine)) {
        if (!engine->listener) {
            reconnect(store);
        } else if (pq->PQconsumeInput(engine->listener) == 0) {
            pq->PQfinish(engine->listener);
            engine->listener = NULL;
        }
        if (engine->listener)
            hand_on(store);
    }
    return NULL;
}

int postgres_listen_start(struct store *store, struct buf *message)
{
    struct postgres_store *engine = store->engine;
    engine->listener = connect_and_listen(store, message);
    if (!engine->listener)
        return -EIO;
    engine->stop_fd = eventfd(0, EFD_CLOEXEC);
    if (engine->stop_fd < 0 || pthread_create(&engine->thread, NULL, run, store) != 0) {
        buf_append_cstr(message, "cannot start the listener thread");
        return -EIO;
    }
    engine->has_thread = true;
    return 0;
}

void postgres_listen_stop(struct store *store)
{
    struct postgres_store *engine = store->engine;
    if (engine->has_thread) {
        const uint64_t one = 1;
        CHECK(write(engine->stop_fd, &one, sizeof(one)) == (ssize_t)sizeof(one));
        CHECK(pthread_join(engine->thread, NULL) == 0);
    }
    if (engine->stop_fd >= 0)
        close(engine->stop_fd);
    if (engine->listener)
        pg_api()->PQfinish(engine->listener);
}
