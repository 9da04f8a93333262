/* router.h — which service and region a request is for.
 *
 * In this order: host name, credential scope, X-Amz-Target, Action with Version, path. The
 * credential scope alone is not enough: several Cognito calls, AssumeRoleWithWebIdentity and local
 * Lambda invocations are unsigned.
 */
#pragma once

#include "auth/sigv4.h"
#include "wire/protocol.h"
#include "wire/runtime.h"

struct route {
    const struct service *service; /* NULL: nothing fits */
    size_t service_index;          /* in the runtime's table */
    struct str asked_for;          /* the service's name as the request gives it, for the error */
    struct str region;             /* "" when the request names none */
    struct str host_region;        /* region that the host name gives, or "" */
    /* From the service's `claim` hook: */
    struct str raw_path; /* in place of the request's, or absent */
    struct str virtual_bucket;
    const struct operation *operation; /* NULL: still to be found */
};

/* Asks the services that are addressed by host names of their own (struct service, `claim`). No
 * service in the result: none claims it. */
struct route route_by_name(const struct runtime *runtime, struct arena *arena, struct str host,
                           const struct wire_request *request);

/* `host` is the Host header with port; `request` has method, path, query, headers and, when it was
 * read already, the body. */
struct route route_request(const struct runtime *runtime, struct arena *arena, struct str host,
                           const struct sig *sig, const struct wire_request *request);

/* First header of that name among the request's, or an absent str. */
struct str wire_header(const struct wire_request *request, const char *name);
