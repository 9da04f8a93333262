/* sqlite.h — private to store/: copying a SQLite database while it is in use. */
#pragma once

#include "store/db.h"

/* Writes the database as it is at one moment to a new file at `path`. `copy_bodies` is called at
 * that moment, while no transaction can commit, so that bodies and rows fit together; writers wait
 * for it, but not for the copying of the database. The connection must not be in a transaction.
 * Returns 0, -EIO, or what copy_bodies returned. */
MUST_CHECK int sqlite_snapshot(struct db *db, const char *path, int (*copy_bodies)(void *),
                               void *context);
