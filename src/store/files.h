/* files.h — private to store/: what is done with folders as a whole.
 *
 * Paths are C strings. All functions return 0 or a negative errno. Symbolic links are never
 * followed. Thread-safe.
 */
#pragma once

#include "base/base.h"

/* Makes a folder (0700); one that is there already is fine. */
MUST_CHECK int files_make_dir(const char *path);
/* Removes a folder and everything in it, or a file; a missing one is fine. */
MUST_CHECK int files_remove_tree(const char *path);
/* Makes `to` a copy of the folder `from`; files are hard links where the file system can, so they
 * must never be changed in place. `to` must not exist. */
MUST_CHECK int files_link_tree(const char *from, const char *to);
/* Copies a file's bytes to a new file and syncs it. */
MUST_CHECK int files_copy(const char *from, const char *to);
/* Sum of the sizes of all files below. */
MUST_CHECK int files_tree_size(const char *path, int64_t *out_size_bytes);
/* Makes the names in a folder durable. */
MUST_CHECK int files_sync_dir(const char *path);
