/* snapshot.c — named copies of the database and the bodies under DIR/snapshots/NAME.
 *
 * A snapshot is made as snapshots/.new-NAME and renamed when it is whole. Restoring prepares
 * DIR/restore the same way; from the rename of DIR/restore.new to DIR/restore on, it is decided,
 * and snapshot_finish_restore carries it out, at once or, after a crash, when the store is opened
 * next. Bodies are hard links, so a snapshot costs the size of the database.
 */
#include "store/snapshot.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/fault.h"
#include "base/mem.h"
#include "base/vec.h"
#include "store/backend.h"
#include "store/files.h"
#include "store/sqlite.h"

enum {
    NAME_MAX_LEN = 64,
};

static void fd_autoclose(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static void dir_autoclose(DIR **dir)
{
    if (*dir)
        closedir(*dir);
}

static bool is_name(struct str name)
{
    if (name.len == 0 || name.len > NAME_MAX_LEN || name.ptr[0] == '.')
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool is_allowed = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
        if (!is_allowed)
            return false;
    }
    return true;
}

static int io_error(int rc)
{
    return rc < 0 ? -EIO : 0;
}

/* Saving */

struct bodies_copy {
    const char *from;
    const char *to;
};

static int copy_bodies(void *context)
{
    const struct bodies_copy *copy = context;
    return files_link_tree(copy->from, copy->to);
}

static int write_snapshot(struct store *store, struct arena *arena, const char *path)
{
    int rc = files_remove_tree(path); /* of a process that died */
    if (rc == 0)
        rc = files_make_dir(path);
    if (rc < 0)
        return rc;
    AUTO(db) struct db *db = NULL;
    rc = db_open(store, &db);
    if (rc < 0)
        return rc;
    struct bodies_copy copy = {
        .from = str_format(arena, "%s/bodies", store->dir).ptr,
        .to = str_format(arena, "%s/bodies", path).ptr,
    };
    rc = sqlite_snapshot(db, str_format(arena, "%s/virga.db", path).ptr, copy_bodies, &copy);
    return rc < 0 ? rc : files_sync_dir(path);
}

int store_snapshot_save(struct store *store, struct str name)
{
    if (store->backend->is_postgres || store->is_memory)
        return -ENOTSUP;
    if (!is_name(name))
        return -EINVAL;
    AUTO(arena) struct arena *arena = arena_new();
    const char *root = str_format(arena, "%s/snapshots", store->dir).ptr;
    const char *path = str_format(arena, "%s/" STR_FMT, root, STR_ARG(name)).ptr;
    const char *unfinished = str_format(arena, "%s/.new-" STR_FMT, root, STR_ARG(name)).ptr;
    struct stat status;
    if (files_make_dir(root) < 0)
        return -EIO;
    if (lstat(path, &status) == 0)
        return -EEXIST;
    int rc = write_snapshot(store, arena, unfinished);
    if (rc == 0 && fault_point("snapshot.rename"))
        rc = -EIO;
    if (rc == 0 && rename(unfinished, path) < 0)
        rc = -errno;
    if (rc == 0)
        return io_error(files_sync_dir(root));
    int remove_rc = files_remove_tree(unfinished);
    (void)remove_rc; /* the next save of that name removes it */
    return rc == -ENOTEMPTY || rc == -EEXIST ? -EEXIST : -EIO;
}

/* Restoring */

static int finish_bodies(struct arena *arena, const char *dir)
{
    struct stat status;
    const char *from = str_format(arena, "%s/restore/bodies", dir).ptr;
    const char *to = str_format(arena, "%s/bodies", dir).ptr;
    if (lstat(from, &status) < 0)
        return errno == ENOENT ? 0 : -errno;
    int rc = files_remove_tree(to);
    if (rc < 0)
        return rc;
    return rename(from, to) < 0 ? -errno : 0;
}

static int finish_database(struct arena *arena, const char *dir)
{
    struct stat status;
    const char *from = str_format(arena, "%s/restore/virga.db", dir).ptr;
    if (lstat(from, &status) < 0)
        return errno == ENOENT ? 0 : -errno;
    /* The old log must not be replayed into the restored file. */
    static const char *const logs[] = {"-wal", "-shm"};
    for (size_t i = 0; i < ARRAY_LEN(logs); i++) {
        int rc = files_remove_tree(str_format(arena, "%s/virga.db%s", dir, logs[i]).ptr);
        if (rc < 0)
            return rc;
    }
    int rc = files_sync_dir(dir);
    if (rc < 0)
        return rc;
    return rename(from, str_format(arena, "%s/virga.db", dir).ptr) < 0 ? -errno : 0;
}

int snapshot_finish_restore(const char *dir)
{
    AUTO(arena) struct arena *arena = arena_new();
    const char *pending = str_format(arena, "%s/restore", dir).ptr;
    struct stat status;
    if (lstat(pending, &status) < 0)
        return errno == ENOENT ? 0 : -errno;
    int rc = finish_bodies(arena, dir);
    if (rc == 0)
        rc = finish_database(arena, dir);
    if (rc == 0)
        rc = files_sync_dir(dir);
    return rc < 0 ? rc : files_remove_tree(pending);
}

/* Copies the snapshot to DIR/restore. */
static int prepare_restore(struct arena *arena, const char *dir, const char *snapshot)
{
    const char *unfinished = str_format(arena, "%s/restore.new", dir).ptr;
    int rc = files_remove_tree(unfinished);
    if (rc == 0)
        rc = files_make_dir(unfinished);
    if (rc == 0)
        rc = files_link_tree(str_format(arena, "%s/bodies", snapshot).ptr,
                             str_format(arena, "%s/bodies", unfinished).ptr);
    /* Not a link: the database will be written to. */
    if (rc == 0)
        rc = files_copy(str_format(arena, "%s/virga.db", snapshot).ptr,
                        str_format(arena, "%s/virga.db", unfinished).ptr);
    if (rc == 0)
        rc = files_sync_dir(unfinished);
    if (rc < 0)
        return rc;
    if (fault_point("snapshot.restore"))
        return -EIO;
    if (rename(unfinished, str_format(arena, "%s/restore", dir).ptr) < 0)
        return -errno;
    return files_sync_dir(dir);
}

int store_snapshot_restore(const struct store_options *options, struct str name)
{
    if (options->url.len > 0)
        return -ENOTSUP;
    if (!is_name(name))
        return -EINVAL;
    AUTO(arena) struct arena *arena = arena_new();
    const char *dir = str_to_cstr(arena, options->dir);
    const char *path = str_format(arena, "%s/snapshots/" STR_FMT, dir, STR_ARG(name)).ptr;
    struct stat status;
    if (lstat(path, &status) < 0)
        return errno == ENOENT ? -ENOENT : -EIO;
    AUTO(fd) int lock_fd = store_lock_dir(dir);
    if (lock_fd < 0)
        return lock_fd == -EBUSY ? -EBUSY : -EIO;
    int rc = snapshot_finish_restore(dir); /* one that a crash interrupted */
    if (rc == 0)
        rc = prepare_restore(arena, dir, path);
    return rc < 0 ? -EIO : io_error(snapshot_finish_restore(dir));
}

/* Listing */

static int compare_snapshots(const void *left, const void *right)
{
    const struct snapshot_info *a = left;
    const struct snapshot_info *b = right;
    if (a->created_at_ms != b->created_at_ms)
        return a->created_at_ms < b->created_at_ms ? -1 : 1;
    return str_compare(a->name, b->name);
}

int store_snapshot_list(struct arena *arena, const struct store_options *options,
                        struct snapshot_info **out_items, size_t *out_count)
{
    if (options->url.len > 0)
        return -ENOTSUP;
    const char *root = str_format(arena, STR_FMT "/snapshots", STR_ARG(options->dir)).ptr;
    struct vec items;
    vec_init(&items, arena, sizeof(struct snapshot_info));
    AUTO(dir) DIR *dir = opendir(root);
    if (!dir && errno != ENOENT)
        return -EIO;
    struct dirent *entry = NULL;
    while (dir && (entry = readdir(dir)) != NULL) {
        struct str name = str_from_cstr(entry->d_name);
        if (!is_name(name))
            continue;
        const char *path = str_format(arena, "%s/%s", root, entry->d_name).ptr;
        /* The database is written once, when the snapshot is made. */
        struct stat status;
        if (lstat(str_format(arena, "%s/virga.db", path).ptr, &status) < 0)
            continue;
        struct snapshot_info *item = vec_push(&items);
        item->name = str_copy(arena, name);
        item->created_at_ms =
            (int64_t)status.st_mtim.tv_sec * 1000 + status.st_mtim.tv_nsec / 1000000;
        if (files_tree_size(path, &item->size_bytes) < 0)
            return -EIO;
    }
    vec_sort(&items, compare_snapshots);
    *out_items = items.items;
    *out_count = items.count;
    return 0;
}
