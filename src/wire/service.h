/* service.h — what a service is to the program: model, handlers, tables, hooks. One row each in
 * service/services.c.
 */
#pragma once

#include "store/db.h"
#include "wire/call.h"
#include "wire/shape.h"

struct body_plan;
struct resource_type;
struct sig;
struct wire_request;

/* What a service's `claim` hook made of a request. */
struct service_claim {
    struct str raw_path;               /* in place of the request's: /BUCKET/KEY */
    struct str region;                 /* that the host names, or "" */
    struct str virtual_bucket;         /* that the host names; signed by version 2; or absent */
    const struct operation *operation; /* NULL: method and path tell, as usual */
};

struct service {
    const struct service_model *model;
    const void *handlers;                   /* the generated handler struct, e.g. &sqs_handlers */
    const struct migration_set *migrations; /* or NULL */
    /* Names the resources that the operation acts on, for the policy check before the handler runs;
     * fills *out (resource, resource_policy, resource_account, conditions). NULL: resource "*".
     * May fail the call (a resource that does not exist keeps its own error). Runs in the call's
     * transaction. */
    enum status (*authorize)(struct call *call, const void *in, struct authorization *out);
    /* Error codes where this service departs from the common ones; any may be NULL. */
    const struct api_error *validation_error; /* constraint violated: default ERROR_VALIDATION */
    const struct resource_type
        *resource_types; /* CloudFormation adapters (engine/cfn/resource.h) */
    size_t resource_type_count;

    /* The rest is for services that are addressed by host names and stream bodies (S3). */

    bool is_s3_style;      /* its rules of signing (auth/sigv4.h) */
    bool allows_anonymous; /* every operation may come unsigned; policies decide */
    /* Whether the request is this service's, seen from its host name; asked before anything else
     * is. `host` is in lower case, without port. With an empty host: nothing else told whose the
     * request is; the service of last resort may claim it. It may also be asked for a request that
     * is this service's by its signature, and then says which operation it is when method, path and
     * query do not (a form upload, a CORS preflight). No store. */
    bool (*claim)(struct arena *arena, struct str host, const struct wire_request *request,
                  struct service_claim *out);
    /* Of an operation that streams its input: what is to be done with the body. Runs in a read
     * transaction (a write one when it writes) after the `authorize` hook; may fail the call. */
    enum status (*plan_body)(struct call *call, const void *in, struct body_plan *out);
    /* Has a last look at every answer, success or failure, inside the transaction: headers by
     * call_add_header, call->error's members. `in` is NULL when the request could not be decoded.
     * It must not write. */
    void (*finish)(struct call *call, const void *in);
};

extern const struct service *const services[];
extern const size_t service_count;

/* By model name ("sqs"), or NULL. */
const struct service *service_find(struct str name);
