/* event.h — the internal bus: a service says what happened, in the shape of an AWS event.
 *
 * "S3 Object Created", "CloudFormation Stack Status Change", "CloudWatch Alarm State Change" and
 * the like. An event is put inside the transaction in which it happened; every listener
 * (EventBridge's rules first of all) is run in that transaction, and decides what is to be
 * delivered. With no rule on the default bus of the account and region an event costs one look-up.
 */
#pragma once

#include "wire/call.h"

struct json;

struct event {
    struct str source;           /* "aws.s3" */
    struct str detail_type;      /* "Object Created" */
    const struct str *resources; /* ARNs */
    size_t resource_count;
    const struct json *detail; /* object */
};

/* Listeners read the event; they must not fail the sender for reasons of their own. STATUS_FAILED
 * only for a fault of the store. */
typedef enum status event_listener_fn(struct call *call, struct scope scope,
                                      const struct event *event);
/* Whether a listener would look at any event of this scope, so that a sender need not build the
 * detail. Returns 1, 0 or -errno. */
typedef int event_interest_fn(struct call *call, struct scope scope);

struct event_listener {
    event_interest_fn *has_interest;
    event_listener_fn *listen;
};

/* Listed by the program (service/services.c). */
extern const struct event_listener *const event_listeners[];
extern const size_t event_listener_count;

/* Puts the event on the default bus of `scope` (an account and region). */
enum status event_put(struct call *call, struct scope scope, const struct event *event);
/* 1 when anybody listens there, 0, or -errno. */
MUST_CHECK int event_is_wanted(struct call *call, struct scope scope);
