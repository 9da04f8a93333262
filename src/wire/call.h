/* call.h — one operation being carried out: what a handler sees of the world.
 *
 * A handler is `enum status sqs_send_message(struct call *, const struct sqs_send_message_in *,
 * struct sqs_send_message_out *)`. It runs inside a transaction on call->db, allocates from
 * call->arena, and ends in STATUS_DONE, STATUS_FAILED (through call_fail) or STATUS_PENDING
 * (through call_wait). It may be run several times from its start (see store/db.h), so it must have
 * no effect outside the store before it returns; what it does outside (notify, file removal) goes
 * through functions here that act after commit. Engines make calls too, with the credentials of a
 * role: call_invoke.
 */
#pragma once

#include "base/str.h"
#include "store/db.h"
#include "wire/shape.h"

struct arena;
struct call_answer;
struct call_body;
struct call_effects;
struct http_exchange;
struct json;

enum principal_kind {
    PRINCIPAL_ANONYMOUS,
    PRINCIPAL_ROOT, /* of an account: everything is allowed but what SCPs would forbid */
    PRINCIPAL_USER,
    PRINCIPAL_ASSUMED_ROLE,
    PRINCIPAL_FEDERATED_USER,
    PRINCIPAL_SERVICE, /* Virga's own engines acting as "cloudformation.amazonaws.com" */
};

/* Who calls. Filled by the identity layer; all text lives at least as long as the call. */
struct principal {
    enum principal_kind kind;
    struct str account;      /* 12 digits; empty when anonymous */
    struct str arn;          /* arn:aws:iam::ACCOUNT:user/NAME, arn:aws:sts::...:assumed-role/... */
    struct str user_id;      /* aws:userid: AIDA..., AROA...:session, or the account for root */
    struct str name;         /* user name, role name, service principal */
    struct str session_name; /* assumed role or federated user */
    struct str access_key_id;      /* as sent */
    struct str role_arn;           /* of an assumed role: the role itself */
    struct str source_arn;         /* of a service: the resource that it acts for (aws:SourceArn) */
    bool is_temporary;             /* came with a session token */
    int64_t token_issued_at_ms;    /* 0 when long-lived */
    struct json *session_policies; /* array of policy documents, or NULL */
    struct json *session_tags;     /* object: principal tags of the session, or NULL */
    struct str federated; /* of an anonymous caller with a web identity: the provider's ARN or name,
                             as trust policies name it */
};

/* A failed call, as it will be written. */
struct call_error {
    const struct api_error *error; /* code, statuses */
    struct str message;
    const void *members; /* C struct of error->shape with further members, or NULL */
};

/* What the services need to know of the running program; one per process, never changes. */
struct runtime;

struct call {
    struct arena *arena;
    struct db *db;
    struct scope scope; /* account and region that the call acts in */
    const struct principal *principal;
    const struct service_model *service;
    const struct operation *operation;
    int64_t now_ms;        /* movable clock, read once when the call starts */
    struct str request_id; /* UUID */
    struct str endpoint;   /* "http://127.0.0.1:4566": scheme and authority as the client
                              used it; for URLs in answers. Never ends in '/' */
    struct str source_ip;
    struct str user_agent;
    bool is_secure_transport; /* see docs/DEVIATIONS: the loopback door counts as secure */
    struct runtime *runtime;
    struct http_exchange *exchange; /* NULL for calls made by engines */
    struct str raw_body;            /* of the request, as it came, unless it was streamed */
    struct call_body *body;         /* of a streaming input (wire/stream.h), else NULL */
    struct call_answer *answer;     /* further words about the answer (wire/stream.h), or NULL */
    struct call_effects *effects;   /* what is to be done outside the store after the commit */
    struct call_error error;        /* set when a handler answers STATUS_FAILED */
    uint32_t run_count;             /* 1 on the first run; more after PENDING or a conflict */
    int64_t started_at_ms;          /* now_ms of the first run: deadlines of long polls */
    struct str wait_channels[4];    /* set by call_wait */
    size_t wait_channel_count;
    int64_t wait_until_ms;
    /* What the service's authorize hook looked up, handed to the handler (SQS: the queue). */
    void *subject;
    /* What call_fail_internal was given; -EROFS and -EAGAIN make the runtime run the call again. */
    int store_errno;
    /* Engines: the service that acts on the caller's behalf ("cloudformation.amazonaws.com"), for
     * aws:CalledVia and aws:ViaAWSService; else empty. */
    struct str via_service;
    uint32_t delivery_depth; /* deliveries between services that this call is part of */
};

/* Fails the call with one of the model's errors. `format` is the message as AWS words it. */
enum status call_fail(struct call *call, const struct api_error *error, const char *format, ...)
    PRINTF_LIKE(3, 4);
/* The same with further members of the error's structure (`members` lives in call->arena). */
enum status call_fail_with(struct call *call, const struct api_error *error, const void *members,
                           const char *format, ...) PRINTF_LIKE(4, 5);
/* A fault of ours: InternalFailure with status 500, logged once with the request id. `rc` is a
 * negative errno; -EROFS and -EAGAIN of the store are passed on to the runtime, which runs the call
 * again. */
enum status call_fail_internal(struct call *call, int rc, const char *what);

/* Errors that every AWS service has (AWS: "Common Errors"). */
extern const struct api_error ERROR_ACCESS_DENIED; /* AccessDenied(Exception), by protocol */
extern const struct api_error ERROR_VALIDATION;    /* ValidationError / ValidationException */
extern const struct api_error ERROR_INTERNAL_FAILURE;
extern const struct api_error ERROR_NOT_IMPLEMENTED;     /* 501 */
extern const struct api_error ERROR_SERVICE_UNAVAILABLE; /* 503 */
extern const struct api_error ERROR_INVALID_PARAMETER_VALUE;
extern const struct api_error ERROR_MISSING_PARAMETER;

/* Parks the call: it is run again from its start when `channel` is notified or at `until_ms`
 * (movable clock). Up to four channels by calling it again. Returns STATUS_PENDING. */
enum status call_wait(struct call *call, struct str channel, int64_t until_ms);

/* Authorization. The runtime asks by itself for every operation with the action
 * "<arn_namespace>:<Operation>" on the resources that the service's `authorize` hook names (see
 * wire/service.h). A handler asks for anything else it needs (iam:PassRole ...). */
struct authorization {
    struct str action;           /* "sqs:SendMessage" */
    struct str resource;         /* ARN, or "*" */
    struct str resource_policy;  /* JSON text of the resource's own policy, or absent */
    struct str resource_account; /* owner; empty: the call's account */
    const struct condition_value *conditions; /* further context keys */
    size_t condition_count;
    bool trusts_only_policy; /* KMS keys, role trust: the resource policy alone decides, too */
};

struct condition_value {
    struct str key; /* "sqs:..."; matched without regard to case */
    const struct str *values;
    size_t value_count;
};

/* STATUS_DONE when allowed; otherwise fails the call with AWS's AccessDenied text. */
enum status call_authorize(struct call *call, const struct authorization *what);
/* The bare answer, for operations that must look first. */
bool call_is_allowed(struct call *call, const struct authorization *what);

/* Calls another operation in the same transaction, as `principal` in `scope` (NULL: the same). The
 * operation's errors come back in *out_error; its writes are undone when it fails (savepoint).
 * `in` and `out` are the typed structs of the operation. */
enum status call_invoke(struct call *call, const struct principal *principal,
                        const struct scope *scope, const struct service_model *service,
                        const struct operation *operation, const void *in, void *out,
                        struct call_error *out_error);

/* Wakes waiters of the channel after commit. */
void call_notify(struct call *call, struct str channel);

/* arn:aws:<service>:<region>:<account>:<resource> in the call's arena and scope; `is_global` leaves
 * the region empty. */
struct str call_arn(struct call *call, const char *service, bool is_global, const char *format, ...)
    PRINTF_LIKE(4, 5);
