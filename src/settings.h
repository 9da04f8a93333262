/* settings.h — the program's own rows in the store: the clock's offset. */
#pragma once

#include "store/db.h"

extern const struct migration_set settings_migrations;

/* Reads a setting; 0 when it is not there. Opens a transaction of its own. Returns 0 or -errno. */
MUST_CHECK int settings_read(struct db *db, struct str name, int64_t *out_value);
/* Writes it inside the caller's write transaction. */
MUST_CHECK int settings_write(struct db *db, struct str name, int64_t value);
