/* bodies.h — large values as files beside the database.
 *
 * A body is written to a temporary name, fsynced when durability is FULL, renamed to its id when it
 * is complete, and only then does the row that names it commit. What no row names is removed by
 * bodies_sweep, which the owner of the rows calls at start.
 */
#pragma once

#include "base/str.h"

struct arena;
struct store;
struct body_writer;

/* Starts a body. Returns 0 or -EIO / -ENOSPC. */
MUST_CHECK int body_create(struct store *store, struct body_writer **out_writer);
MUST_CHECK int body_write(struct body_writer *writer, struct str bytes);
/* Completes it; the id (32 hex digits) lives in the arena. The writer is gone either way. */
MUST_CHECK int body_commit(struct arena *arena, struct body_writer *writer, struct str *out_id);
/* Throws it away. Accepts NULL. */
void body_abort(struct body_writer *writer);
void body_autoclose(struct body_writer **slot);
/* Opens for reading; the caller closes the descriptor. Returns it, or -ENOENT / -EIO. */
MUST_CHECK int body_open(struct store *store, struct str id, int64_t *out_size_bytes);
/* Removes; a missing one is no error. What is pinned goes with its last pin. */
void body_remove(struct store *store, struct str id);
/* Keeps a body from removal by this process while it is being sent; counted. Returns 0, or -ENOENT
 * when it is gone already. Thread-safe. */
MUST_CHECK int body_pin(struct store *store, struct str id);
void body_unpin(struct store *store, struct str id);
/* Removes temporary files, and bodies that `is_referenced` does not know. */
typedef bool body_is_referenced_fn(void *context, struct str id);
MUST_CHECK int bodies_sweep(struct store *store, body_is_referenced_fn *is_referenced,
                            void *context);
