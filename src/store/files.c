/* files.c — folders as a whole, by descriptor, depth first.
 *
 * Trees here are the store's own and two levels deep; the depth limit is against a folder that
 * somebody else put there.
 */
#include "store/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    TREE_DEPTH_MAX = 8,
    COPY_CHUNK_BYTES = 8 * 1024 * 1024,
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

int files_make_dir(const char *path)
{
    return mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

int files_sync_dir(const char *path)
{
    AUTO(fd) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    return fsync(fd) < 0 ? -errno : 0;
}

/* Opens folder `name` of `at` for listing. */
static DIR *open_dir(int at, const char *name)
{
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    DIR *dir = fdopendir(fd);
    if (!dir)
        close(fd);
    return dir;
}

/* The next entry but "." and "..", or NULL with errno 0 at the end. */
static struct dirent *next_entry(DIR *dir)
{
    for (;;) {
        errno = 0;
        struct dirent *entry = readdir(dir);
        if (!entry || (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0))
            return entry;
    }
}

static bool is_dir(int at, const char *name)
{
    struct stat status;
    return fstatat(at, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(status.st_mode);
}

static int remove_at(int at, const char *name, int depth)
{
    if (!is_dir(at, name))
        return unlinkat(at, name, 0) < 0 && errno != ENOENT ? -errno : 0;
    if (depth == TREE_DEPTH_MAX)
        return -ELOOP;
    AUTO(dir) DIR *dir = open_dir(at, name);
    if (!dir)
        return -errno;
    struct dirent *entry = NULL;
    while ((entry = next_entry(dir)) != NULL) {
        int rc = remove_at(dirfd(dir), entry->d_name, depth + 1);
        if (rc < 0)
            return rc;
    }
    if (errno != 0)
        return -errno;
    return unlinkat(at, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

int files_remove_tree(const char *path)
{
    return remove_at(AT_FDCWD, path, 0);
}

static int copy_at(int from_at, const char *from, int to_at, const char *to)
{
    AUTO(fd) int in = openat(from_at, from, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (in < 0)
        return -errno;
    AUTO(fd) int out = openat(to_at, to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (out < 0)
        return -errno;
    ssize_t got = 0;
    do {
        got = copy_file_range(in, NULL, out, NULL, COPY_CHUNK_BYTES, 0);
    } while (got > 0 || (got < 0 && errno == EINTR));
    if (got < 0)
        return -errno;
    return fsync(out) < 0 ? -errno : 0;
}

int files_copy(const char *from, const char *to)
{
    return copy_at(AT_FDCWD, from, AT_FDCWD, to);
}

static int link_or_copy(int from_at, int to_at, const char *name)
{
    if (linkat(from_at, name, to_at, name, 0) == 0)
        return 0;
    /* EXDEV: another file system; EPERM: one without links; EMLINK: too many. A file that went
     * away since it was listed is one that the copy need not have. */
    if (errno == ENOENT)
        return 0;
    if (errno == EXDEV || errno == EPERM || errno == EMLINK)
        return copy_at(from_at, name, to_at, name);
    return -errno;
}

static int link_at(int from_at, const char *from, int to_at, const char *to, int depth)
{
    if (depth == TREE_DEPTH_MAX)
        return -ELOOP;
    AUTO(dir) DIR *in = open_dir(from_at, from);
    if (!in)
        return -errno;
    if (mkdirat(to_at, to, 0700) < 0)
        return -errno;
    AUTO(fd) int out = openat(to_at, to, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (out < 0)
        return -errno;
    struct dirent *entry = NULL;
    while ((entry = next_entry(in)) != NULL) {
        const char *name = entry->d_name;
        int rc = is_dir(dirfd(in), name) ? link_at(dirfd(in), name, out, name, depth + 1)
                                         : link_or_copy(dirfd(in), out, name);
        if (rc < 0)
            return rc;
    }
    if (errno != 0)
        return -errno;
    return fsync(out) < 0 ? -errno : 0;
}

int files_link_tree(const char *from, const char *to)
{
    return link_at(AT_FDCWD, from, AT_FDCWD, to, 0);
}

static int size_at(int at, const char *name, int depth, int64_t *size)
{
    struct stat status;
    if (fstatat(at, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : -errno;
    if (!S_ISDIR(status.st_mode)) {
        *size += status.st_size;
        return 0;
    }
    if (depth == TREE_DEPTH_MAX)
        return -ELOOP;
    AUTO(dir) DIR *dir = open_dir(at, name);
    if (!dir)
        return -errno;
    struct dirent *entry = NULL;
    while ((entry = next_entry(dir)) != NULL) {
        int rc = size_at(dirfd(dir), entry->d_name, depth + 1, size);
        if (rc < 0)
            return rc;
    }
    return errno != 0 ? -errno : 0;
}

int files_tree_size(const char *path, int64_t *out_size_bytes)
{
    int64_t size = 0;
    int rc = size_at(AT_FDCWD, path, 0, &size);
    if (rc == 0)
        *out_size_bytes = size;
    return rc;
}
