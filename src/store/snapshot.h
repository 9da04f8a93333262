/* snapshot.h — private to store/: finishing a restore that was decided, and the folder's lock. */
#pragma once

#include "base/base.h"

/* Puts a restored database and its bodies in place, if a restore is pending. Called with the
 * folder's lock held. May be repeated after a crash at any point. Returns 0 or -errno. */
MUST_CHECK int snapshot_finish_restore(const char *dir);

/* Takes DIR/lock. Returns its descriptor, -EBUSY when the store is open, or -errno. */
MUST_CHECK int store_lock_dir(const char *dir);
