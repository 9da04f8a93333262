/* postgres.h — private to store/: what the files of the PostgreSQL backend share. */
#pragma once

#include <pthread.h>

#include "base/buf.h"
#include "store/pg_api.h"

struct store;

enum {
    NODE_ID_LEN = 16,
};

struct postgres_store {
    char node[NODE_ID_LEN + 1]; /* marks our own notifications */
    PGconn *listener;           /* owned by the thread while it runs */
    int stop_fd;                /* eventfd: the thread shall end */
    pthread_t thread;
    bool has_thread;
};

/* Connects with our settings. Returns NULL and explains in `message`. Thread-safe. */
PGconn *postgres_connect(const struct store *store, struct buf *message);

/* postgres_listen.c: one thread per store that hands on the notifications of other nodes. */
MUST_CHECK int postgres_listen_start(struct store *store, struct buf *message);
void postgres_listen_stop(struct store *store);

/* postgres_ddl.c: `statement` of a migration in PostgreSQL's words. */
void postgres_translate(struct str statement, struct buf *out);
