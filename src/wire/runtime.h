/* runtime.h — the running program as the wire layer and the engines see it: configuration, store,
 * services, waiters.
 */
#pragma once

#include "base/str.h"
#include "store/db.h"
#include "wire/service.h"

struct executor;
struct identity_source;
struct loop;
struct waiters;
struct workflow_runner;

enum {
    RUNTIME_MAX_WORKERS = 64,
};

struct runtime {
    struct store *store;
    const struct service *const *services; /* in order of services.c */
    size_t service_count;
    const struct identity_source *identity;
    bool strict_auth; /* refuse keys that nobody issued */
    bool log_requests;
    struct str default_region; /* for requests that name none: "us-east-1" */
    bool throttles;            /* provisioned throughput is enforced (--dynamodb-throttle) */
    struct str namespaced;     /* signing name of the services that DOOR_NAMESPACES serves */
    struct str data_dir;
    struct str endpoint; /* as engines name it in URLs: "http://127.0.0.1:4566" */
    struct waiters *waiters;
    struct workflow_runner *workflows; /* of this process; runs on the first executor's worker */
    struct executor *executors[RUNTIME_MAX_WORKERS];
    size_t executor_count;
    int64_t started_at_ms;
    int64_t started_monotonic_us;
};

/* The service whose model this is; it is there. */
const struct service *runtime_service(const struct runtime *runtime,
                                      const struct service_model *model);
