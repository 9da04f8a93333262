/* call.c — failing, waiting, naming: what every handler uses.
 */
#include "wire/call.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/log.h"
#include "wire/identity.h"

/* AWS: "Common Errors" of the API references; codes differ between JSON and query services. */
const struct api_error ERROR_ACCESS_DENIED = {
    .code = STR_INIT("AccessDeniedException"),
    .query_code = STR_INIT("AccessDenied"),
    .http_status = 400,
    .query_status = 403,
    .is_sender = true,
};
const struct api_error ERROR_VALIDATION = {
    .code = STR_INIT("ValidationException"),
    .query_code = STR_INIT("ValidationError"),
    .http_status = 400,
    .query_status = 400,
    .is_sender = true,
};
const struct api_error ERROR_INTERNAL_FAILURE = {
    .code = STR_INIT("InternalFailure"),
    .query_code = STR_INIT("InternalFailure"),
    .http_status = 500,
    .query_status = 500,
};
const struct api_error ERROR_NOT_IMPLEMENTED = {
    .code = STR_INIT("NotImplemented"),
    .query_code = STR_INIT("NotImplemented"),
    .http_status = 501,
    .query_status = 501,
};
const struct api_error ERROR_SERVICE_UNAVAILABLE = {
    .code = STR_INIT("ServiceUnavailable"),
    .query_code = STR_INIT("ServiceUnavailable"),
    .http_status = 503,
    .query_status = 503,
};
const struct api_error ERROR_INVALID_PARAMETER_VALUE = {
    .code = STR_INIT("InvalidParameterValue"),
    .query_code = STR_INIT("InvalidParameterValue"),
    .http_status = 400,
    .query_status = 400,
    .is_sender = true,
};
const struct api_error ERROR_MISSING_PARAMETER = {
    .code = STR_INIT("MissingParameter"),
    .query_code = STR_INIT("MissingParameter"),
    .http_status = 400,
    .query_status = 400,
    .is_sender = true,
};

static enum status fail(struct call *call, const struct api_error *error, const void *members,
                        struct str message)
{
    call->error = (struct call_error){.error = error, .message = message, .members = members};
    return STATUS_FAILED;
}

enum status call_fail(struct call *call, const struct api_error *error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct str message = str_vformat(call->arena, format, args);
    va_end(args);
    return fail(call, error, NULL, message);
}

enum status call_fail_with(struct call *call, const struct api_error *error, const void *members,
                           const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct str message = str_vformat(call->arena, format, args);
    va_end(args);
    return fail(call, error, members, message);
}

enum status call_fail_internal(struct call *call, int rc, const char *what)
{
    call->store_errno = rc;
    /* The runtime runs the call again for these two: nobody needs to hear of them. */
    if (rc != -EROFS && rc != -EAGAIN) {
        const struct log_field fields[] = {
            {.name = "what", .text = str_from_cstr(what)},
            {.name = "error", .text = str_from_cstr(strerror(-rc))},
            {.name = "detail", .text = str_from_cstr(call->db ? db_error_text(call->db) : "")},
            {.name = "request", .text = call->request_id},
        };
        log_event(LOG_ERROR, "internal failure", fields, ARRAY_LEN(fields));
    }
    return fail(call, &ERROR_INTERNAL_FAILURE, NULL,
                STR("The request processing has failed because of an unknown error, exception or "
                    "failure."));
}

enum status call_wait(struct call *call, struct str channel, int64_t until_ms)
{
    CHECK(call->wait_channel_count < ARRAY_LEN(call->wait_channels));
    bool is_first = call->wait_channel_count == 0;
    call->wait_channels[call->wait_channel_count++] = str_copy(call->arena, channel);
    if (is_first || until_ms < call->wait_until_ms)
        call->wait_until_ms = until_ms;
    return STATUS_PENDING;
}

void call_notify(struct call *call, struct str channel)
{
    if (str_eq_cstr(channel, IDENTITY_CHANNEL))
        identity_written();
    db_notify(call->db, channel);
}

struct str call_arn(struct call *call, const char *service, bool is_global, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct str resource = str_vformat(call->arena, format, args);
    va_end(args);
    struct str region = is_global ? STR("") : call->scope.region;
    return str_format(call->arena, "arn:aws:%s:" STR_FMT ":" STR_FMT ":" STR_FMT, service,
                      STR_ARG(region), STR_ARG(call->scope.account), STR_ARG(resource));
}
