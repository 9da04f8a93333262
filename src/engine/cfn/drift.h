/* drift.h — what is there against what the stack made. */
#pragma once

#include "engine/cfn/stack.h"

struct cfn_difference {
    struct str path;     /* "/Tags/0/Value" */
    struct str expected; /* text; empty when it was added */
    struct str actual;   /* text; empty when it was removed */
    const char *kind;    /* "ADD", "REMOVE", "NOT_EQUAL" */
};

struct cfn_drift {
    const char *status; /* "IN_SYNC", "MODIFIED", "DELETED", "NOT_CHECKED" */
    struct str expected;
    struct str actual; /* absent: deleted, or not checked */
    struct cfn_difference *differences;
    size_t difference_count;
};

/* Compares a resource of a stack with what its type reads. STATUS_FAILED only for a fault of the
 * store. */
enum status cfn_find_drift(struct call *call, const struct principal *principal,
                           const struct cfn_stack *stack, const struct cfn_resource *row,
                           struct cfn_drift *out_drift);
/* The layout in which a drift is kept: {"Status", "Expected", "Actual", "Differences": [{"Path",
 * "Expected", "Actual", "Kind"}], "At"}. */
struct json *cfn_drift_to_json(struct arena *arena, const struct cfn_drift *drift, int64_t at_ms);
