/* http_target.c — a delivery to a URL: one request with the body; 2xx takes it.
 *
 * What else the delivery's `extra` says: see delivery.h. AWS (SNS developer guide, "Message
 * delivery retries"): no answer, 429 and 500 to 599 are worth another attempt; any other status is
 * the target's last word.
 */
#include "engine/events/http_target.h"

#include "base/arena.h"
#include "syntax/json.h"

enum {
    TIMEOUT_MS = 15 * 1000, /* AWS: SNS waits 15 seconds for an answer */
    MAX_ANSWER = 64 * 1024, /* looked at only for messages */
    MAX_MESSAGE = 512,
};

static const struct api_error status_error = {
    .code = STR_INIT("ERROR_FROM_TARGET"),
    .query_code = STR_INIT("ERROR_FROM_TARGET"),
    .http_status = 400,
    .query_status = 400,
};

static const struct http_header *headers_of(struct arena *arena, const struct json *object,
                                            size_t *out_count)
{
    *out_count = 0;
    if (!json_is_object(object))
        return NULL;
    struct http_header *headers = arena_alloc_array(arena, object->count + 1, sizeof(*headers));
    for (const struct json *item = object->first; item; item = item->next) {
        if (json_is_string(item))
            headers[(*out_count)++] = (struct http_header){.name = item->key, .value = item->text};
    }
    return headers;
}

static enum delivery_result make_request(struct call *call, const struct delivery *delivery,
                                         const struct principal *principal,
                                         const struct scope *scope,
                                         struct http_client_request *out_request,
                                         struct call_error *out_error)
{
    (void)principal;
    (void)scope;
    (void)out_error;
    const struct json *timeout = json_find_cstr(delivery->extra, "TimeoutMs");
    int64_t timeout_ms = TIMEOUT_MS;
    if (timeout && str_to_i64(timeout->text, &timeout_ms) < 0)
        timeout_ms = TIMEOUT_MS;
    *out_request = (struct http_client_request){
        .method = str_or(delivery_extra(delivery, "Method"), STR("POST")),
        .url = delivery->target,
        .body = delivery->body,
        .timeout_ms = timeout_ms,
        .max_response_bytes = MAX_ANSWER,
    };
    out_request->headers = headers_of(call->arena, json_find_cstr(delivery->extra, "Headers"),
                                      &out_request->header_count);
    return DELIVERY_PENDING;
}

static bool is_listed(const struct json *statuses, int status)
{
    const struct json *item = json_is_array(statuses) ? statuses->first : NULL;
    for (; item; item = item->next) {
        int64_t number = 0;
        if (str_to_i64(item->text, &number) == 0 && number == status)
            return true;
    }
    return false;
}

static enum delivery_result answered(struct call *call, const struct delivery *delivery,
                                     const struct http_client_response *response,
                                     struct call_error *out_error)
{
    if (response->error) {
        out_error->message = str_copy(call->arena, str_from_cstr(response->error));
        return DELIVERY_RETRY;
    }
    if (response->status >= 200 && response->status < 300)
        return DELIVERY_DONE;
    *out_error = (struct call_error){
        .error = &status_error,
        .message = str_format(call->arena, "Request failed with status code %d. " STR_FMT,
                              response->status, STR_ARG(str_slice(response->body, 0, MAX_MESSAGE))),
    };
    bool is_worth_it =
        response->status == 429 || response->status >= 500 ||
        is_listed(json_find_cstr(delivery->extra, "RetryStatuses"), response->status);
    return is_worth_it ? DELIVERY_RETRY : DELIVERY_REFUSED;
}

const struct delivery_target http_delivery_target = {
    .service = STR_INIT("http"),
    .request = make_request,
    .answered = answered,
};
