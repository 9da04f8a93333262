/* delivery.h — one service hands a message to another's resource: a topic to its queues, a bucket
 * or a rule to its targets, an alarm to its topic.
 *
 * The way: delivery_send is called inside the transaction in which the thing happened. A target
 * that lives in the store (queue, topic, bus, function queue, log group) takes the message in the
 * same transaction: either both are there after a crash or neither is, and nothing polls. What a
 * target refuses does not undo the sender's own work (savepoint); it is kept as a workflow
 * "delivery", tried again with growing pauses until the policy's attempts or age are used up, and
 * then goes to the dead-letter queue. Targets outside the store (HTTP) are always such a workflow.
 *
 * Which targets exist is a table of rows, one per service of the target's ARN, that the program
 * lists (service/services.c), as it lists workflow kinds; this layer knows no service.
 */
#pragma once

#include "engine/workflow/workflow.h"
#include "wire/call.h"

struct json;

/* How often and how long. Zeros: one attempt. */
struct delivery_policy {
    uint32_t max_attempts; /* the first one included */
    int64_t max_age_ms;    /* since delivery_send; 0: no bound */
    int64_t min_delay_ms;  /* before the second attempt; doubles with each */
    int64_t max_delay_ms;
};

struct delivery {
    struct str target;  /* ARN, or an http(s) URL */
    struct str body;    /* what the target gets: message body, payload */
    struct json *extra; /* object of what only this kind of target knows, as its row documents it
                           (SQS: "MessageGroupId", "MessageDeduplicationId", "MessageAttributes");
                           or NULL */
    /* Who delivers: a role that is assumed, or a service named in the target's resource policy. The
     * source goes into aws:SourceArn and aws:SourceAccount. */
    struct str role_arn;
    struct str service; /* "events.amazonaws.com" */
    struct str source_arn;
    struct str source_account;
    struct delivery_policy policy;
    struct str dead_letter_arn;     /* of a queue; or absent */
    struct json *dead_letter_extra; /* as `extra`, for the dead-letter queue; "MessageAttributes"
                                       gets ERROR_CODE and ERROR_MESSAGE added when the sender asks
                                       by `has_error_attributes` */
    struct str dead_letter_body;    /* absent: the body */
    bool has_error_attributes;
};

/* What became of an attempt. */
enum delivery_result {
    DELIVERY_DONE,
    DELIVERY_RETRY,   /* may work later: throttled, target's fault, not reachable */
    DELIVERY_REFUSED, /* never will: straight to the dead-letter queue */
};

/* One attempt in the call's transaction. `principal` is whom the delivery acts as (made from
 * role_arn or service), `scope` that of the target's ARN. On anything but DELIVERY_DONE *out_error
 * says why. */
typedef enum delivery_result delivery_target_fn(struct call *call, const struct delivery *delivery,
                                                const struct principal *principal,
                                                const struct scope *scope,
                                                struct call_error *out_error);

struct delivery_target {
    struct str service; /* third field of the ARN: "sqs" */
    delivery_target_fn *deliver;
};

/* Listed by the program. */
extern const struct delivery_target *const delivery_targets[];
extern const size_t delivery_target_count;

/* Delivers now or later (see above). STATUS_FAILED only for a fault of the store: what the target
 * answers never fails the sender. *out_result (may be NULL) tells what the first attempt gave. */
enum status delivery_send(struct call *call, const struct delivery *delivery,
                          enum delivery_result *out_result);
/* Whether a target of that kind exists, for checks when a subscription or rule is made. */
bool delivery_knows(struct str target);

/* Tries again what was not taken at once. */
extern const struct workflow_kind delivery_kind;
