/* bodies.c — large values as files: bodies/ab/abcd..., written as bodies/tmp/abcd... first.
 *
 * A body never changes once it has its name, so snapshots may share it by hard link, and reading
 * needs no lock. Folders of the first two digits keep each folder small. A crash leaves at most a
 * temporary file or a body without a row; bodies_sweep removes both.
 */
#include "store/bodies.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/fault.h"
#include "base/mem.h"
#include "base/rand.h"
#include "store/backend.h"
#include "store/body_pins.h"

enum {
    ID_LEN = BODY_ID_LEN,
    /* Nodes that share the folder write while another one sweeps: what is younger than this may
     * be named by a row that is about to commit. */
    SHARED_GRACE_S = 24 * 60 * 60,
};

struct body_writer {
    struct store *store;
    int fd;
    char id[ID_LEN + 1];
};

struct body_path {
    char text[ID_LEN + 8];
};

static struct body_path temporary_path(const char *id)
{
    struct body_path path;
    snprintf(path.text, sizeof(path.text), "tmp/%.32s", id);
    return path;
}

static struct body_path final_path(const char *id)
{
    struct body_path path;
    snprintf(path.text, sizeof(path.text), "%.2s/%.32s", id, id);
    return path;
}

/* Ids reach paths, so nothing but what body_create makes may pass. */
static bool is_id(struct str id)
{
    if (id.len != ID_LEN)
        return false;
    for (size_t i = 0; i < id.len; i++)
        if (!((id.ptr[i] >= '0' && id.ptr[i] <= '9') || (id.ptr[i] >= 'a' && id.ptr[i] <= 'f')))
            return false;
    return true;
}

static int io_error(int error)
{
    return error == ENOSPC || error == EDQUOT ? -ENOSPC : -EIO;
}

int body_create(struct store *store, struct body_writer **out_writer)
{
    static const char hex[] = "0123456789abcdef";
    unsigned char random[ID_LEN / 2];
    rand_bytes(random, sizeof(random));
    AUTO(body) struct body_writer *writer = mem_new(sizeof(*writer));
    writer->store = store;
    for (size_t i = 0; i < sizeof(random); i++) {
        writer->id[2 * i] = hex[random[i] >> 4];
        writer->id[2 * i + 1] = hex[random[i] & 0x0F];
    }
    writer->fd = fault_point("body.create")
                     ? -1
                     : openat(store->bodies_fd, temporary_path(writer->id).text,
                              O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (writer->fd < 0)
        return io_error(errno);
    *out_writer = TAKE(writer);
    return 0;
}

int body_write(struct body_writer *writer, struct str bytes)
{
    if (fault_point("body.write"))
        return -EIO;
    while (bytes.len > 0) {
        ssize_t written = write(writer->fd, bytes.ptr, bytes.len);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return io_error(errno);
        bytes = str_from(bytes, (size_t)written);
    }
    return 0;
}

static int sync_folder(int at, const char *name)
{
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int rc = fsync(fd) < 0 ? -errno : 0;
    close(fd);
    return rc;
}

/* Moves the file from tmp/ into its folder, which is made when the first body needs it. */
static int rename_body(const struct store *store, const char *id)
{
    struct body_path from = temporary_path(id);
    struct body_path to = final_path(id);
    const char folder[] = {id[0], id[1], '\0'};
    int at = store->bodies_fd;
    if (fault_point("body.rename"))
        return -EIO;
    if (renameat(at, from.text, at, to.text) < 0) {
        if (errno != ENOENT)
            return -errno;
        if (mkdirat(at, folder, 0700) < 0 && errno != EEXIST)
            return -errno;
        if (store->durability == DURABILITY_FULL) {
            int rc = sync_folder(at, ".");
            if (rc < 0)
                return rc;
        }
        if (renameat(at, from.text, at, to.text) < 0)
            return -errno;
    }
    return store->durability == DURABILITY_FULL ? sync_folder(at, folder) : 0;
}

int body_commit(struct arena *arena, struct body_writer *given, struct str *out_id)
{
    AUTO(body) struct body_writer *writer = given; /* removes the file on every early return */
    if (writer->store->durability == DURABILITY_FULL && fsync(writer->fd) < 0)
        return io_error(errno);
    int rc = rename_body(writer->store, writer->id);
    if (rc < 0)
        return io_error(-rc);
    *out_id = str_copy(arena, str_of(writer->id, ID_LEN));
    /* Complete: the name in tmp/ is gone, so aborting only closes and frees. */
    return 0;
}

void body_abort(struct body_writer *writer)
{
    if (!writer)
        return;
    if (writer->fd >= 0) {
        close(writer->fd);
        unlinkat(writer->store->bodies_fd, temporary_path(writer->id).text, 0);
    }
    mem_free(writer);
}

void body_autoclose(struct body_writer **slot)
{
    body_abort(*slot);
}

int body_open(struct store *store, struct str id, int64_t *out_size_bytes)
{
    if (!is_id(id))
        return -ENOENT;
    int fd = openat(store->bodies_fd, final_path(id.ptr).text, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? -ENOENT : -EIO;
    struct stat status;
    if (fstat(fd, &status) < 0) {
        close(fd);
        return -EIO;
    }
    *out_size_bytes = status.st_size;
    return fd;
}

static void remove_file(struct store *store, struct str id)
{
    unlinkat(store->bodies_fd, final_path(id.ptr).text, 0);
    body_pins_end_removal(store->pins, id.ptr);
}

void body_remove(struct store *store, struct str id)
{
    if (is_id(id) && body_pins_begin_removal(store->pins, id.ptr))
        remove_file(store, id);
}

int body_pin(struct store *store, struct str id)
{
    if (!is_id(id) || !body_pins_add(store->pins, id.ptr))
        return -ENOENT;
    if (faccessat(store->bodies_fd, final_path(id.ptr).text, F_OK, 0) == 0)
        return 0;
    body_unpin(store, id);
    return -ENOENT;
}

void body_unpin(struct store *store, struct str id)
{
    CHECK(is_id(id));
    if (body_pins_drop(store->pins, id.ptr))
        remove_file(store, id);
}

/* Sweeping */

struct sweep {
    const struct store *store;
    body_is_referenced_fn *is_referenced; /* NULL in tmp/: nothing is */
    void *context;
};

static bool is_old_enough(const struct store *store, int folder_fd, const char *name)
{
    if (!store->backend->is_postgres)
        return true;
    struct stat status;
    struct timespec now; /* real time: file times do not follow the movable clock */
    clock_gettime(CLOCK_REALTIME, &now);
    return fstatat(folder_fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
           status.st_mtim.tv_sec + SHARED_GRACE_S < now.tv_sec;
}

static int sweep_folder(const struct sweep *sweep, const char *folder)
{
    int fd = openat(sweep->store->bodies_fd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -EIO;
    DIR *dir = fdopendir(fd);
    if (!dir) {
        close(fd);
        return -EIO;
    }
    int rc = 0;
    struct dirent *entry = NULL;
    while (rc == 0 && (errno = 0, entry = readdir(dir)) != NULL) {
        struct str name = str_from_cstr(entry->d_name);
        if (!is_id(name)) /* ".", ".." and what somebody else put there */
            continue;
        if (sweep->is_referenced && sweep->is_referenced(sweep->context, name))
            continue;
        if (is_old_enough(sweep->store, fd, entry->d_name) && unlinkat(fd, entry->d_name, 0) < 0 &&
            errno != ENOENT)
            rc = -EIO;
    }
    if (!entry && errno != 0)
        rc = -EIO;
    closedir(dir);
    return rc;
}

int bodies_sweep(struct store *store, body_is_referenced_fn *is_referenced, void *context)
{
    struct sweep sweep = {.store = store};
    int rc = sweep_folder(&sweep, "tmp");
    sweep.is_referenced = is_referenced;
    sweep.context = context;
    for (int i = 0; rc == 0 && i < 256; i++) {
        char folder[3];
        snprintf(folder, sizeof(folder), "%02x", (unsigned)i & 0xFF);
        if (faccessat(store->bodies_fd, folder, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
            rc = sweep_folder(&sweep, folder);
    }
    return rc;
}
