/* delivery.h — one service hands a message to another's resource: a topic to its queues, a bucket
 * or a rule to its targets, an alarm to its topic.
 *
 * The way: delivery_send is called inside the transaction in which the thing happened. A target
 * that lives in the store (queue, topic, bus, function queue, log group) takes the message in the
 * same transaction: either both are there after a crash or neither is, and nothing polls. What a
 * target refuses does not undo the sender's own work (savepoint); it is kept as a workflow
 * "delivery", tried again with growing pauses until the policy's attempts or age are used up, and
 * then goes to the dead-letter queue. Targets outside the store (HTTP) are always such a workflow:
 * its step asks the runner for the request, which is sent after the commit, and the answer is an
 * attempt's result (engine/workflow/workflow.h).
 *
 * Which targets exist is a table of rows, one per service of the target's ARN, that the program
 * lists (service/services.c), as it lists workflow kinds; this layer knows no service.
 */
#pragma once

#include "engine/workflow/workflow.h"
#include "net/client.h"
#include "wire/call.h"

struct json;

/* How often and how long. Zeros: one attempt. */
struct delivery_policy {
    uint32_t max_attempts; /* the first one included */
    int64_t max_age_ms;    /* since delivery_send; 0: no bound */
    int64_t min_delay_ms;  /* before the second attempt; doubles with each; 0: one second */
    int64_t max_delay_ms;  /* 0: five minutes */
};

struct delivery {
    struct str target;  /* ARN, or an http(s) URL */
    struct str body;    /* what the target gets: message body, payload */
    struct json *extra; /* object of what only this kind of target knows, as its row documents it;
                           or NULL. SQS: service/sqs/target.c. URLs: "Method" (POST), "Headers"
                           (object of strings), "TimeoutMs", "RetryStatuses" (numbers that are worth
                           another attempt besides 429 and 500 to 599) */
    /* Who delivers: a role that is assumed, or a service named in the target's resource policy. The
     * source goes into aws:SourceArn and aws:SourceAccount. The service is always set: it is who
     * assumes the role. */
    struct str role_arn;
    struct str service; /* "events.amazonaws.com" */
    struct str source_arn;
    struct str source_account; /* absent: the call's account */
    struct delivery_policy policy;
    struct str dead_letter_arn;      /* of a queue; or absent */
    struct str dead_letter_role_arn; /* absent: the service sends it, by the queue's policy */
    struct json *dead_letter_extra;  /* as `extra`, for the dead-letter queue */
    struct str dead_letter_body;     /* absent: the body */
    /* Adds to the dead letter's "MessageAttributes": ERROR_CODE, ERROR_MESSAGE, RETRY_ATTEMPTS and
     * EXHAUSTED_RETRY_CONDITION. */
    bool has_error_attributes;
    /* ERROR_CODE is EventBridge's class of the error (NO_PERMISSIONS, NO_RESOURCE, THROTTLING ...)
     * instead of the error's own code. */
    bool has_error_classes;
};

/* What became of an attempt. */
enum delivery_result {
    DELIVERY_DONE,
    DELIVERY_RETRY,   /* may work later: throttled, target's fault, not reachable */
    DELIVERY_REFUSED, /* never will: straight to the dead-letter queue */
    DELIVERY_PENDING, /* of delivery_send: the attempt is still to come */
};

/* One attempt in the call's transaction. `principal` is whom the delivery acts as (made from
 * role_arn or service), `scope` that of the target's
 * ARN (the call's where the ARN names none); the call has both, too. On RETRY and
 * REFUSED *out_error says why, and what the row wrote is undone. */
typedef enum delivery_result delivery_target_fn(struct call *call, const struct delivery *delivery,
                                                const struct principal *principal,
                                                const struct scope *scope,
                                                struct call_error *out_error);
/* For targets outside the store, in two parts. The first makes the request (in call->arena) and
 * returns DELIVERY_PENDING; the second judges the answer. DELIVERY_PENDING from the second: the
 * same attempt goes on with another request (the first one fetched a token). */
typedef enum delivery_result delivery_request_fn(struct call *call, const struct delivery *delivery,
                                                 const struct principal *principal,
                                                 const struct scope *scope,
                                                 struct http_client_request *out_request,
                                                 struct call_error *out_error);
typedef enum delivery_result delivery_answer_fn(struct call *call, const struct delivery *delivery,
                                                const struct http_client_response *response,
                                                struct call_error *out_error);

struct delivery_target {
    struct str service;          /* third field of the ARN: "sqs" */
    delivery_target_fn *deliver; /* or the next two */
    delivery_request_fn *request;
    delivery_answer_fn *answered;
    bool (*knows)(struct str arn); /* which ARNs of the service; NULL: all */
};

/* Listed by the program. */
extern const struct delivery_target *const delivery_targets[];
extern const size_t delivery_target_count;

/* How a service acts as a role, listed by the program: fills *out_principal (in call->arena) with a
 * session of the role. `service` is the principal that assumes it (PRINCIPAL_SERVICE). Returns 1, 0
 * when the role is not there or does not trust the service, or -errno. */
typedef int delivery_assume_fn(struct call *call, struct str role_arn,
                               const struct principal *service, struct principal *out_principal);
extern delivery_assume_fn *const delivery_assume;

/* Delivers now or later (see above). Where deliveries make deliveries (a bus to a bus to a topic to
 * a queue), those more than two deep are made by the workflow at once. STATUS_FAILED only for a
 * fault of the store: what the target answers never fails the sender. *out_result (may be NULL)
 * tells what the first attempt gave. */
enum status delivery_send(struct call *call, const struct delivery *delivery,
                          enum delivery_result *out_result);
/* Whether a target of that kind exists, for checks when a subscription or rule is made. */
bool delivery_knows(struct str target);

/* For rows: what an error of call_invoke means. Faults of a server and throttling are worth another
 * attempt, all else is not. */
enum delivery_result delivery_result_of(const struct call_error *error);
/* For rows: the text of an extra's member; absent when it is not there. */
struct str delivery_extra(const struct delivery *delivery, const char *name);
/* Splits arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE; any output may be NULL. */
bool delivery_split_arn(struct str arn, struct str *out_service, struct scope *out_scope,
                        struct str *out_resource);

/* Tries again what was not taken at once. */
extern const struct workflow_kind delivery_kind;
