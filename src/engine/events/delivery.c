/* delivery.c — attempts, pauses and dead letters: the same for whoever delivers to whomever.
 *
 * An attempt (attempt_delivery) runs in a savepoint of the caller's transaction, so that what a
 * target wrote before it refused is undone and the sender's work stays. settle() decides what comes
 * after it: nothing, another attempt, or the dead-letter queue. The first attempt is the sender's
 * (delivery_send); further ones are steps of a workflow whose state is the delivery as JSON.
 *
 *      delivery_send ──attempt──> DONE
 *            │   └──REFUSED, no attempts left──> bury() ──> the dead-letter queue, or dropped
 *            └──RETRY, or outside the store──> workflow "delivery": step() until settled
 *
 * A dead letter that its queue does not take is logged and dropped, as AWS does.
 */
#include "engine/events/delivery.h"

#include <errno.h>

#include "base/arena.h"
#include "base/log.h"
#include "base/rand.h"
#include "engine/events/http_target.h"
#include "syntax/json.h"
#include "wire/identity.h"

enum {
    DEFAULT_MIN_DELAY_MS = 1000,
    DEFAULT_MAX_DELAY_MS = 5 * 60 * 1000,
    MAX_DOUBLINGS = 30,
    MAX_DEPTH = 2, /* each delivery takes two savepoints, and these are few (store/backend.h) */
};

#define DELIVERY_WORKFLOW "delivery"

/* One attempt and what came of it. */
struct attempt {
    const struct delivery *delivery;
    const struct delivery_target *row;
    struct principal principal;
    struct scope scope; /* of the target */
    struct http_client_request request;
    struct call_error error;
    int64_t retry_after_ms; /* what the target asked for; 0: nothing */
};

/* Where a delivery stands between attempts. */
struct course {
    int64_t attempts; /* made so far */
    int64_t sent_at_ms;
    int64_t run_at_ms; /* of the next attempt */
};

static const struct api_error assume_error = {
    .code = STR_INIT("FAILED_TO_ASSUME_ROLE"),
    .query_code = STR_INIT("FAILED_TO_ASSUME_ROLE"),
    .http_status = 400,
    .query_status = 400,
    .is_sender = true,
};
static const struct api_error target_error = {
    .code = STR_INIT("INVALID_PARAMETER"),
    .query_code = STR_INIT("INVALID_PARAMETER"),
    .http_status = 400,
    .query_status = 400,
    .is_sender = true,
};

bool delivery_split_arn(struct str arn, struct str *out_service, struct scope *out_scope,
                        struct str *out_resource)
{
    struct str rest = arn;
    struct str parts[5];
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (!str_split_next(&rest, ':', &parts[i]))
            return false;
    }
    if (!str_eq_cstr(parts[0], "arn") || parts[2].len == 0 || !rest.ptr || rest.len == 0)
        return false;
    if (out_service)
        *out_service = parts[2];
    if (out_scope)
        *out_scope = (struct scope){.region = parts[3], .account = parts[4]};
    if (out_resource)
        *out_resource = rest;
    return true;
}

static bool is_url(struct str target)
{
    return str_starts_with(target, STR("http://")) || str_starts_with(target, STR("https://"));
}

static const struct delivery_target *find_target(struct str target)
{
    struct str service = {0};
    if (is_url(target))
        return &http_delivery_target;
    if (!delivery_split_arn(target, &service, NULL, NULL))
        return NULL;
    for (size_t i = 0; i < delivery_target_count; i++) {
        const struct delivery_target *row = delivery_targets[i];
        if (str_eq(row->service, service) && (!row->knows || row->knows(target)))
            return row;
    }
    return NULL;
}

bool delivery_knows(struct str target)
{
    return find_target(target) != NULL;
}

struct str delivery_extra(const struct delivery *delivery, const char *name)
{
    return json_find_str(delivery->extra, name);
}

/* AWS: errors of throttling by name; they carry status 400 in the JSON protocols. */
static bool is_throttling(struct str code)
{
    return str_contains(code, STR("Throttl")) || str_contains(code, STR("TooManyRequests")) ||
           str_contains(code, STR("RequestLimitExceeded")) ||
           str_contains(code, STR("ProvisionedThroughputExceeded"));
}

enum delivery_result delivery_result_of(const struct call_error *error)
{
    if (!error->error || error->error->http_status >= 500 || is_throttling(error->error->code))
        return DELIVERY_RETRY;
    return DELIVERY_REFUSED;
}

static enum delivery_result refuse(struct attempt *attempt, const struct api_error *error,
                                   struct str message)
{
    attempt->error = (struct call_error){.error = error, .message = message};
    return DELIVERY_REFUSED;
}

/* ---- An attempt ------------------------------------------------------------------------------ */

/* Whom the delivery acts as. 1, 0 when the role cannot be assumed, or -errno. */
static int make_principal(struct call *call, const struct delivery *delivery, struct str role_arn,
                          struct principal *out_principal)
{
    struct principal service = identity_service(
        call->arena, str_or(delivery->source_account, call->scope.account), delivery->service);
    service.source_arn = delivery->source_arn;
    if (role_arn.len > 0)
        return delivery_assume(call, role_arn, &service, out_principal);
    *out_principal = service;
    return 1;
}

static enum delivery_result run_row(struct call *call, struct attempt *attempt)
{
    const struct delivery_target *row = attempt->row;
    if (row->request)
        return row->request(call, attempt->delivery, &attempt->principal, &attempt->scope,
                            &attempt->request, &attempt->error);
    return row->deliver(call, attempt->delivery, &attempt->principal, &attempt->scope,
                        &attempt->error);
}

/* Runs the row's function in a savepoint. */
static enum status run_target(struct call *call, struct attempt *attempt,
                              enum delivery_result *out_result)
{
    int rc = db_savepoint(call->db);
    if (rc < 0)
        return call_fail_internal(call, rc, "savepoint");
    struct call inner = *call;
    inner.principal = &attempt->principal;
    inner.scope = attempt->scope;
    inner.error = (struct call_error){0};
    inner.store_errno = 0;
    inner.delivery_depth++;
    *out_result = run_row(&inner, attempt);
    if (*out_result == DELIVERY_RETRY || *out_result == DELIVERY_REFUSED)
        db_rollback_to(call->db);
    rc = db_release(call->db);
    if (rc < 0)
        return call_fail_internal(call, rc, "release a savepoint");
    if (inner.store_errno == 0)
        return STATUS_DONE;
    call->store_errno = inner.store_errno;
    call->error = inner.error;
    return STATUS_FAILED;
}

/* Finds the row and makes the principal. *out_result is DELIVERY_DONE when all is there. */
static enum status prepare(struct call *call, struct attempt *attempt, struct str role_arn,
                           enum delivery_result *out_result)
{
    const struct delivery *delivery = attempt->delivery;
    *out_result = DELIVERY_DONE;
    attempt->scope = call->scope;
    attempt->row = find_target(delivery->target);
    if (!attempt->row) {
        *out_result =
            refuse(attempt, &target_error,
                   str_concat(call->arena, STR("No such kind of target: "), delivery->target));
        return STATUS_DONE;
    }
    struct scope scope = {0};
    if (delivery_split_arn(delivery->target, NULL, &scope, NULL)) {
        /* ARNs of some services name no account or region (buckets, universal targets). */
        attempt->scope.account = scope.account.len > 0 ? scope.account : call->scope.account;
        attempt->scope.region = scope.region.len > 0 ? scope.region : call->scope.region;
    }
    int rc = make_principal(call, delivery, role_arn, &attempt->principal);
    if (rc < 0)
        return call_fail_internal(call, rc, "assume a role");
    if (rc == 0)
        *out_result =
            refuse(attempt, &assume_error,
                   str_concat3(call->arena, STR("Unable to assume role "), role_arn,
                               STR(": it does not exist or does not trust the service.")));
    return STATUS_DONE;
}

static enum status attempt_delivery(struct call *call, struct attempt *attempt, struct str role_arn,
                                    enum delivery_result *out_result)
{
    enum status status = prepare(call, attempt, role_arn, out_result);
    if (status == STATUS_DONE && *out_result == DELIVERY_DONE)
        status = run_target(call, attempt, out_result);
    CHECK(*out_result != DELIVERY_PENDING || attempt->row->answered);
    return status;
}

/* ---- Dead letters ---------------------------------------------------------------------------- */

/* Rows that know better give the class itself. */
static bool is_class(struct str code)
{
    bool is_upper = code.len > 0;
    for (size_t i = 0; i < code.len; i++)
        is_upper &= (code.ptr[i] >= 'A' && code.ptr[i] <= 'Z') || code.ptr[i] == '_';
    return is_upper;
}

/* AWS: EventBridge user guide, "Using dead-letter queues": ERROR_CODE is a class of its own. */
static struct str error_class(const struct call_error *error)
{
    struct str code = error->error ? error->error->code : STR("");
    bool is_missing = str_contains(code, STR("NotFound")) ||
                      str_contains(code, STR("DoesNotExist")) ||
                      str_contains(code, STR("NonExistent")) || str_contains(code, STR("NoSuch"));
    if (!error->error)
        return STR("CONNECTION_FAILURE");
    if (is_class(code))
        return code;
    if (str_starts_with(code, STR("AccessDenied")))
        return STR("NO_PERMISSIONS");
    if (is_missing)
        return STR("NO_RESOURCE");
    return is_throttling(code) ? STR("THROTTLING") : STR("ERROR_FROM_TARGET");
}

static void add_attribute(struct call *call, struct json *attributes, struct str name,
                          struct str type, struct str value)
{
    if (value.len == 0)
        return;
    struct json *attribute = json_new(call->arena, JSON_OBJECT);
    json_append_member(attribute, STR("DataType"), json_new_string(call->arena, type));
    json_append_member(attribute, STR("StringValue"), json_new_string(call->arena, value));
    json_set(attributes, name, attribute);
}

/* `condition` is what was exhausted; empty when no further attempt was worth it. */
static struct json *dead_letter_extra(struct call *call, const struct attempt *attempt,
                                      int64_t attempts, struct str condition)
{
    const struct delivery *delivery = attempt->delivery;
    struct json *extra = delivery->dead_letter_extra
                             ? json_copy(call->arena, delivery->dead_letter_extra)
                             : json_new(call->arena, JSON_OBJECT);
    if (!delivery->has_error_attributes)
        return extra;
    struct json *attributes = json_find_cstr(extra, "MessageAttributes");
    if (!json_is_object(attributes)) {
        attributes = json_new(call->arena, JSON_OBJECT);
        json_set(extra, STR("MessageAttributes"), attributes);
    }
    const struct call_error *error = &attempt->error;
    struct str code = delivery->has_error_classes ? error_class(error)
                      : error->error              ? error->error->code
                                                  : STR("ConnectionFailure");
    struct str retries = str_format(call->arena, "%lld", (long long)(attempts - 1));
    add_attribute(call, attributes, STR("ERROR_CODE"), STR("String"), code);
    add_attribute(call, attributes, STR("ERROR_MESSAGE"), STR("String"), error->message);
    add_attribute(call, attributes, STR("RETRY_ATTEMPTS"), STR("String"), retries);
    add_attribute(call, attributes, STR("EXHAUSTED_RETRY_CONDITION"), STR("String"), condition);
    return extra;
}

static void log_lost(struct call *call, const struct delivery *delivery,
                     const struct call_error *error, const char *what)
{
    const struct log_field fields[] = {
        {.name = "target", .text = delivery->target},
        {.name = "source", .text = str_or(delivery->source_arn, STR(""))},
        {.name = "code", .text = error->error ? error->error->code : STR("")},
        {.name = "message", .text = str_or(error->message, STR(""))},
        {.name = "request", .text = call->request_id},
    };
    log_event(LOG_WARN, what, fields, ARRAY_LEN(fields));
}

static enum status bury(struct call *call, const struct attempt *attempt, int64_t attempts,
                        struct str condition)
{
    const struct delivery *delivery = attempt->delivery;
    if (delivery->dead_letter_arn.len == 0) {
        log_lost(call, delivery, &attempt->error, "a delivery failed for good");
        return STATUS_DONE;
    }
    const struct delivery letter = {
        .target = delivery->dead_letter_arn,
        .body = str_or(delivery->dead_letter_body, delivery->body),
        .extra = dead_letter_extra(call, attempt, attempts, condition),
        .service = delivery->service,
        .source_arn = delivery->source_arn,
        .source_account = delivery->source_account,
    };
    struct attempt burial = {.delivery = &letter};
    enum delivery_result result = DELIVERY_DONE;
    enum status status = attempt_delivery(call, &burial, delivery->dead_letter_role_arn, &result);
    if (status == STATUS_DONE && result != DELIVERY_DONE)
        log_lost(call, &letter, &burial.error, "a dead letter was not taken by its queue");
    return status;
}

/* ---- What comes after an attempt ------------------------------------------------------------- */

static int64_t pause_after(const struct delivery_policy *policy, int64_t attempts)
{
    int64_t pause_ms = policy->min_delay_ms > 0 ? policy->min_delay_ms : DEFAULT_MIN_DELAY_MS;
    int64_t most_ms = policy->max_delay_ms > 0 ? policy->max_delay_ms : DEFAULT_MAX_DELAY_MS;
    for (int64_t i = 1; i < attempts && i < MAX_DOUBLINGS && pause_ms < most_ms; i++)
        pause_ms *= 2;
    return pause_ms < most_ms ? pause_ms : most_ms;
}

/* Decides after attempt number course->attempts. *out_again: another one at course->run_at_ms. */
static enum status settle(struct call *call, const struct attempt *attempt,
                          enum delivery_result result, struct course *course, bool *out_again)
{
    const struct delivery_policy *policy = &attempt->delivery->policy;
    *out_again = false;
    if (result == DELIVERY_DONE)
        return STATUS_DONE;
    struct str condition = STR("");
    if (result == DELIVERY_RETRY) {
        int64_t pause_ms = pause_after(policy, course->attempts);
        if (attempt->retry_after_ms > pause_ms)
            pause_ms = attempt->retry_after_ms;
        course->run_at_ms = call->now_ms + pause_ms;
        bool is_used_up = course->attempts >= (int64_t)policy->max_attempts;
        bool is_too_old =
            policy->max_age_ms > 0 && course->run_at_ms - course->sent_at_ms > policy->max_age_ms;
        *out_again = !is_used_up && !is_too_old;
        condition = is_used_up ? STR("MaximumRetryAttempts") : STR("MaximumEventAgeInSeconds");
    }
    return *out_again ? STATUS_DONE : bury(call, attempt, course->attempts, condition);
}

/* ---- The workflow ---------------------------------------------------------------------------- */

static void put_text(struct call *call, struct json *state, struct str name, struct str text)
{
    if (text.ptr)
        json_set(state, name, json_new_string(call->arena, text));
}

static void put_number(struct call *call, struct json *state, struct str name, int64_t number)
{
    if (number != 0)
        json_set(state, name, json_new_number(call->arena, number));
}

static int64_t take_number(const struct json *state, const char *name)
{
    const struct json *found = json_find_cstr(state, name);
    int64_t number = 0;
    return found && str_to_i64(found->text, &number) == 0 ? number : 0;
}

static struct json *state_of(struct call *call, const struct delivery *delivery,
                             const struct course *course)
{
    struct json *state = json_new(call->arena, JSON_OBJECT);
    put_text(call, state, STR("Target"), delivery->target);
    put_text(call, state, STR("Body"), delivery->body);
    if (delivery->extra)
        json_set(state, STR("Extra"), json_copy(call->arena, delivery->extra));
    put_text(call, state, STR("Role"), delivery->role_arn);
    put_text(call, state, STR("Service"), delivery->service);
    put_text(call, state, STR("SourceArn"), delivery->source_arn);
    put_text(call, state, STR("SourceAccount"),
             str_or(delivery->source_account, call->scope.account));
    put_number(call, state, STR("MaxAttempts"), delivery->policy.max_attempts);
    put_number(call, state, STR("MaxAge"), delivery->policy.max_age_ms);
    put_number(call, state, STR("MinDelay"), delivery->policy.min_delay_ms);
    put_number(call, state, STR("MaxDelay"), delivery->policy.max_delay_ms);
    put_text(call, state, STR("DeadLetter"), delivery->dead_letter_arn);
    put_text(call, state, STR("DeadLetterRole"), delivery->dead_letter_role_arn);
    if (delivery->dead_letter_extra)
        json_set(state, STR("DeadLetterExtra"),
                 json_copy(call->arena, delivery->dead_letter_extra));
    put_text(call, state, STR("DeadLetterBody"), delivery->dead_letter_body);
    put_number(call, state, STR("HasAttributes"), delivery->has_error_attributes);
    put_number(call, state, STR("HasClasses"), delivery->has_error_classes);
    put_number(call, state, STR("Attempts"), course->attempts);
    put_number(call, state, STR("SentAt"), course->sent_at_ms);
    return state;
}

static struct delivery delivery_of(const struct json *state, struct course *out_course)
{
    *out_course = (struct course){
        .attempts = take_number(state, "Attempts"),
        .sent_at_ms = take_number(state, "SentAt"),
    };
    return (struct delivery){
        .target = json_find_str(state, "Target"),
        .body = json_find_str(state, "Body"),
        .extra = json_find_cstr(state, "Extra"),
        .role_arn = json_find_str(state, "Role"),
        .service = json_find_str(state, "Service"),
        .source_arn = json_find_str(state, "SourceArn"),
        .source_account = json_find_str(state, "SourceAccount"),
        .policy =
            {
                .max_attempts = (uint32_t)take_number(state, "MaxAttempts"),
                .max_age_ms = take_number(state, "MaxAge"),
                .min_delay_ms = take_number(state, "MinDelay"),
                .max_delay_ms = take_number(state, "MaxDelay"),
            },
        .dead_letter_arn = json_find_str(state, "DeadLetter"),
        .dead_letter_role_arn = json_find_str(state, "DeadLetterRole"),
        .dead_letter_extra = json_find_cstr(state, "DeadLetterExtra"),
        .dead_letter_body = json_find_str(state, "DeadLetterBody"),
        .has_error_attributes = take_number(state, "HasAttributes") != 0,
        .has_error_classes = take_number(state, "HasClasses") != 0,
    };
}

/* AWS (EventBridge user guide, "API destinations"): Retry-After is honoured; here in seconds, for
 * at most a day. */
static int64_t retry_after(const struct http_client_response *response)
{
    for (size_t i = 0; i < response->header_count; i++) {
        int64_t seconds = 0;
        if (str_eq_nocase(response->headers[i].name, STR("retry-after")) &&
            str_to_i64(response->headers[i].value, &seconds) == 0 && seconds > 0 &&
            seconds <= 24 * 60 * 60)
            return seconds * 1000;
    }
    return 0;
}

/* After an attempt of the workflow's: writes the course back into the state. */
static enum status go_on(struct call *call, struct workflow *workflow,
                         const struct attempt *attempt, enum delivery_result result,
                         struct course *course, enum workflow_next *out_next)
{
    bool is_again = false;
    course->attempts++;
    enum status status = settle(call, attempt, result, course, &is_again);
    *out_next = is_again ? WORKFLOW_AGAIN : WORKFLOW_DONE;
    workflow->run_at_ms = course->run_at_ms;
    put_number(call, workflow->state, STR("Attempts"), course->attempts);
    return status;
}

static enum status step(struct call *call, struct workflow *workflow, enum workflow_next *out_next)
{
    struct course course = {0};
    struct delivery delivery = delivery_of(workflow->state, &course);
    struct attempt *attempt = arena_alloc(call->arena, sizeof(*attempt));
    attempt->delivery = &delivery;
    enum delivery_result result = DELIVERY_DONE;
    enum status status = attempt_delivery(call, attempt, delivery.role_arn, &result);
    if (status != STATUS_DONE)
        return status;
    if (result == DELIVERY_PENDING) {
        workflow->request = &attempt->request;
        *out_next = WORKFLOW_REQUEST;
        return STATUS_DONE;
    }
    return go_on(call, workflow, attempt, result, &course, out_next);
}

static enum status take_answer(struct call *call, struct workflow *workflow,
                               const struct http_client_response *response,
                               enum workflow_next *out_next)
{
    struct course course = {0};
    struct delivery delivery = delivery_of(workflow->state, &course);
    struct attempt attempt = {.delivery = &delivery};
    enum delivery_result result = DELIVERY_DONE;
    enum status status = prepare(call, &attempt, delivery.role_arn, &result);
    if (status != STATUS_DONE)
        return status;
    if (result == DELIVERY_DONE) {
        struct scope scope = call->scope;
        call->scope = attempt.scope;
        result = attempt.row->answered(call, &delivery, response, &attempt.error);
        call->scope = scope;
        if (call->store_errno != 0)
            return STATUS_FAILED;
    }
    if (result == DELIVERY_RETRY)
        attempt.retry_after_ms = retry_after(response);
    if (result == DELIVERY_PENDING) {
        *out_next = WORKFLOW_AGAIN;
        return STATUS_DONE;
    }
    return go_on(call, workflow, &attempt, result, &course, out_next);
}

const struct workflow_kind delivery_kind = {
    .name = STR_INIT(DELIVERY_WORKFLOW),
    .step = step,
    .answered = take_answer,
};

enum status delivery_send(struct call *call, const struct delivery *delivery,
                          enum delivery_result *out_result)
{
    struct attempt attempt = {.delivery = delivery};
    struct course course = {.sent_at_ms = call->now_ms, .run_at_ms = call->now_ms};
    enum delivery_result result = DELIVERY_DONE;
    const struct delivery_target *row = find_target(delivery->target);
    bool is_later = row && (row->request || call->delivery_depth >= MAX_DEPTH);
    bool is_again = is_later;
    enum status status = STATUS_DONE;
    if (is_later) {
        result = DELIVERY_PENDING;
    } else {
        course.attempts = 1;
        status = attempt_delivery(call, &attempt, delivery->role_arn, &result);
        if (status == STATUS_DONE)
            status = settle(call, &attempt, result, &course, &is_again);
    }
    if (status == STATUS_DONE && is_again)
        status = workflow_start_at(call, STR(DELIVERY_WORKFLOW), rand_uuid(call->arena),
                                   state_of(call, delivery, &course), course.run_at_ms);
    if (status == STATUS_DONE && out_result)
        *out_result = result;
    return status;
}
