/* service.h — what a service is to the program: model, handlers, tables, hooks. One row each in
 * service/services.c.
 */
#pragma once

#include "store/db.h"
#include "wire/call.h"
#include "wire/shape.h"

struct resource_type;

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
};

extern const struct service *const services[];
extern const size_t service_count;

/* By model name ("sqs"), or NULL. */
const struct service *service_find(struct str name);
