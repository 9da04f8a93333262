/* store.c — opens and closes a store: its folder, its lock, its engine; hands out wake-ups.
 *
 * DIR/virga.db     the database (SQLite)      DIR/bodies/     large values, see bodies.c
 * DIR/lock         held while it is open      DIR/snapshots/  see snapshot.c
 *
 * A "memory:" store is the same thing in a folder of its own on /dev/shm. SQLite's memdb would
 * need no files and writes twice as fast, but locks the whole database: a reader makes the writer
 * fail as busy and the other way round, where WAL lets both run (numbers: docs/store.md). The
 * folder is removed at close; those of processes that were killed are removed by the next one that
 * opens such a store, which it knows by their free locks.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/mem.h"
#include "store/backend.h"
#include "store/body_pins.h"
#include "store/files.h"
#include "store/snapshot.h"

enum {
    MESSAGE_MAX_BYTES = 2048,
    MEMORY_ATTEMPTS_MAX = 4, /* each lost against a sweep that came between two system calls */
};

static const char *const memory_roots[] = {"/dev/shm", "/tmp"}; /* /tmp: slower, but it works */
static const char memory_prefix[] = "virga-store-";

static void dir_autoclose(DIR **dir)
{
    if (*dir)
        closedir(*dir);
}

/* Takes DIR/lock. Returns the descriptor, -EBUSY when another holds it, or -errno. */
int store_lock_dir(const char *dir)
{
    AUTO(arena) struct arena *arena = arena_new();
    const char *path = str_format(arena, "%s/lock", dir).ptr;
    int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        int rc = errno == EWOULDBLOCK ? -EBUSY : -errno;
        close(fd);
        return rc;
    }
    return fd;
}

/* Removes the memory store at `path` if its process is gone. A folder of another user could hold
 * anything; one without a lock is being made, in the moment before it has one. */
static void sweep_memory_store(struct arena *arena, const char *path)
{
    struct stat status;
    if (lstat(path, &status) < 0 || !S_ISDIR(status.st_mode) || status.st_uid != geteuid())
        return;
    if (lstat(str_format(arena, "%s/lock", path).ptr, &status) < 0)
        return;
    int fd = store_lock_dir(path);
    if (fd < 0)
        return;
    int rc = files_remove_tree(path);
    (void)rc; /* the next one tries again */
    close(fd);
}

static void sweep_memory_stores(void)
{
    AUTO(arena) struct arena *arena = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(memory_roots); i++) {
        AUTO(dir) DIR *dir = opendir(memory_roots[i]);
        struct dirent *entry = NULL;
        while (dir && (entry = readdir(dir)) != NULL)
            if (str_starts_with(str_from_cstr(entry->d_name), str_from_cstr(memory_prefix)))
                sweep_memory_store(arena,
                                   str_format(arena, "%s/%s", memory_roots[i], entry->d_name).ptr);
    }
}

static int make_memory_dir(struct store *store)
{
    int rc = -ENOENT;
    for (size_t i = 0; i < ARRAY_LEN(memory_roots); i++) {
        char path[64];
        snprintf(path, sizeof(path), "%s/%sXXXXXX", memory_roots[i], memory_prefix);
        if (mkdtemp(path)) {
            store->dir = mem_copy(path, strlen(path));
            return 0;
        }
        rc = -errno;
    }
    return rc;
}

/* Makes and locks a folder in memory. */
static int open_memory_dir(struct store *store, struct buf *message)
{
    sweep_memory_stores();
    int rc = 0;
    for (int attempt = 0; attempt < MEMORY_ATTEMPTS_MAX; attempt++) {
        rc = make_memory_dir(store);
        if (rc < 0)
            break;
        rc = store_lock_dir(store->dir);
        struct stat status;
        if (rc >= 0 && lstat(store->dir, &status) == 0) {
            store->lock_fd = rc;
            return 0;
        }
        if (rc >= 0)
            close(rc);
        mem_free(TAKE(store->dir));
    }
    buf_append_format(message, "cannot create a folder in memory: %s",
                      strerror(rc < 0 ? -rc : EAGAIN));
    return -EIO;
}

/* Makes DIR with its parents, as `mkdir -p` does. */
static int make_dirs(struct str path)
{
    AUTO(arena) struct arena *arena = arena_new();
    char *whole = str_to_cstr(arena, path);
    for (char *at = whole + 1; *at; at++) {
        if (*at != '/')
            continue;
        *at = '\0';
        int rc = files_make_dir(whole);
        *at = '/';
        if (rc < 0)
            return rc;
    }
    return files_make_dir(whole);
}

static int open_dir(struct store *store, struct str dir, struct buf *message)
{
    if (store->is_memory)
        return open_memory_dir(store, message);
    if (dir.len == 0) {
        buf_append_cstr(message, "no data directory given");
        return -EIO;
    }
    store->dir = mem_copy(dir.ptr, dir.len);
    int rc = make_dirs(dir);
    if (rc < 0) {
        buf_append_format(message, "cannot create the data directory %s: %s", store->dir,
                          strerror(-rc));
        return -EIO;
    }
    /* Nodes that share a PostgreSQL database may share the folder of bodies too. */
    if (store->backend->is_postgres)
        return 0;
    rc = store_lock_dir(store->dir);
    if (rc == -EBUSY)
        buf_append_format(message, "%s is in use by another process", store->dir);
    else if (rc < 0)
        buf_append_format(message, "cannot lock %s: %s", store->dir, strerror(-rc));
    if (rc < 0)
        return -EIO;
    store->lock_fd = rc;
    return 0;
}

static int open_bodies(struct store *store, struct buf *message)
{
    AUTO(arena) struct arena *arena = arena_new();
    const char *path = str_format(arena, "%s/bodies", store->dir).ptr;
    int rc = files_make_dir(path);
    if (rc == 0) {
        store->bodies_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        rc = store->bodies_fd < 0 ? -errno : 0;
    }
    if (rc == 0 && mkdirat(store->bodies_fd, "tmp", 0700) < 0 && errno != EEXIST)
        rc = -errno;
    if (rc < 0) {
        buf_append_format(message, "cannot open %s: %s", path, strerror(-rc));
        return -EIO;
    }
    return 0;
}

static int open_all(struct store *store, const struct store_options *options,
                    const struct migration_set *sets, size_t set_count, struct buf *message)
{
    int rc = open_dir(store, options->dir, message);
    if (rc < 0)
        return rc;
    if (!store->is_memory && !store->backend->is_postgres) {
        rc = snapshot_finish_restore(store->dir);
        if (rc < 0) {
            buf_append_format(message, "cannot finish restoring a snapshot: %s", strerror(-rc));
            return -EIO;
        }
    }
    rc = open_bodies(store, message);
    if (rc < 0)
        return rc;
    rc = store->backend->store_open(store, message);
    if (rc < 0)
        return rc;
    AUTO(db) struct db *db = NULL;
    rc = db_open(store, &db);
    if (rc < 0) {
        buf_append_cstr(message, "cannot open the database");
        return rc;
    }
    rc = migrate(db, sets, set_count, message);
    return rc < 0 ? rc : store->backend->store_start(store, message);
}

static const struct backend *backend_of(struct str url)
{
    if (url.len == 0 || str_eq(url, STR("memory:")))
        return &sqlite_backend;
    if (str_starts_with(url, STR("postgresql://")) || str_starts_with(url, STR("postgres://")))
        return &postgres_backend;
    return NULL;
}

int store_open(struct arena *arena, const struct store_options *options,
               const struct migration_set *sets, size_t set_count, struct store **out_store,
               struct str *out_message)
{
    const struct backend *backend = backend_of(options->url);
    if (!backend) {
        *out_message = str_format(arena, "unknown store: " STR_FMT, STR_ARG(options->url));
        return -EIO;
    }
    AUTO(store) struct store *store = mem_new(sizeof(*store));
    *store = (struct store){
        .backend = backend,
        .url = mem_copy(options->url.ptr ? options->url.ptr : "", options->url.len),
        .bodies_fd = -1,
        .pins = body_pins_new(),
        .lock_fd = -1,
        .is_memory = str_eq(options->url, STR("memory:")),
        .durability = options->durability,
    };
    AUTO(buf) struct buf message;
    buf_init(&message, NULL, MESSAGE_MAX_BYTES);
    int rc = open_all(store, options, sets, set_count, &message);
    if (rc < 0) {
        *out_message = str_copy(arena, buf_str(&message));
        return rc == -EPROTO ? -EPROTO : -EIO;
    }
    *out_store = TAKE(store);
    return 0;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    if (store->engine)
        store->backend->store_close(store);
    if (store->bodies_fd >= 0)
        close(store->bodies_fd);
    if (store->is_memory && store->dir) {
        int rc = files_remove_tree(store->dir);
        (void)rc; /* what stays is swept by the next process */
    }
    if (store->lock_fd >= 0)
        close(store->lock_fd);
    body_pins_free(store->pins);
    mem_free(store->url);
    mem_free(store->dir);
    mem_free(store->database_path);
    mem_free(store);
}

void store_autoclose(struct store **slot)
{
    store_close(*slot);
}

bool store_is_postgres(const struct store *store)
{
    return store->backend->is_postgres;
}

void store_set_wake(struct store *store, store_wake_fn *wake, void *context)
{
    store->wake_context = context;
    atomic_store_explicit(&store->wake, wake, memory_order_release);
}

void store_wake_all(struct store *store, struct str notes)
{
    store_wake_fn *wake = atomic_load_explicit(&store->wake, memory_order_acquire);
    if (!wake)
        return;
    struct str channel;
    while (notes.len > 0 && str_split_next(&notes, '\n', &channel))
        wake(store->wake_context, channel);
}
