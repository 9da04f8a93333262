/* store.h — rows of workflows: private to this folder. */
#pragma once

#include "engine/workflow/workflow.h"

struct workflow_row {
    struct str kind;
    struct str id;
    struct scope scope;
    struct str state_text;
    int64_t run_at_ms;
    int64_t failure_count;
};

/* 0, -EEXIST when it runs already, or another -errno. */
MUST_CHECK int workflow_store_insert(struct db *db, const struct workflow_row *row);
MUST_CHECK int workflow_store_set_run_at(struct db *db, struct str kind, struct str id,
                                         int64_t run_at_ms);
/* Counts a failure and sets the time of the next run, if the row still is as it was read: what the
 * failed step did may have been committed after all (a connection lost during COMMIT). */
MUST_CHECK int workflow_store_put_off(struct db *db, const struct workflow_row *row,
                                      int64_t run_at_ms);
/* Makes all rows due, whatever time it is. */
MUST_CHECK int workflow_store_wake_all(struct db *db);
/* 1: there, 0: not, or -errno. */
MUST_CHECK int workflow_store_has(struct db *db, struct str kind, struct str id);
/* The row that is due first, whether or not it is due yet. 1, 0 when there is none, or -errno. */
MUST_CHECK int workflow_store_next(struct db *db, struct arena *arena,
                                   struct workflow_row *out_row);
/* The row of that kind and id. 1, 0 or -errno. */
MUST_CHECK int workflow_store_find(struct db *db, struct arena *arena, struct str kind,
                                   struct str id, struct workflow_row *out_row);
MUST_CHECK int workflow_store_update(struct db *db, const struct workflow_row *row);
MUST_CHECK int workflow_store_delete(struct db *db, struct str kind, struct str id);
