/* xray_proxy.c — the TCP half of the X-Ray daemon.
 *
 * SDKs ask the daemon for sampling rules over HTTP, on the port that they send segments to by UDP,
 * and do not sign: AWS's daemon signs for them. Here the two operations are called for the daemon's
 * account.
 *
 * Docs: X-Ray developer guide, "Using sampling rules with the X-Ray API".
 */
#include "xray_proxy.h"

#include <errno.h>

#include "base/arena.h"
#include "base/mem.h"
#include "base/rand.h"
#include "net/http.h"
#include "service/xray/xray_public.h"
#include "wire/executor.h"
#include "wire/identity.h"
#include "wire/protocol.h"

enum {
    BODY_MAX = 256 * 1024, /* statistics of 25 rules */
};

struct xray_proxy {
    struct executor *executor;
    struct http_server *server;
    struct scope scope;
};

/* One request under way. */
struct relay {
    const struct xray_proxy *proxy;
    struct http_exchange *exchange;
    struct wire_response response;
};

static const struct operation *asked_for(struct str path)
{
    static const struct str names[] = {STR_INIT("GetSamplingRules"),
                                       STR_INIT("GetSamplingTargets")};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const struct operation *operation = service_find_operation(xray_service.model, names[i]);
        if (str_eq(operation->http_uri, path))
            return operation;
    }
    return NULL;
}

static void answer_error(struct relay *relay, const struct call_error *error)
{
    wire_response_init(&relay->response, relay->exchange->arena);
    wire_encode_error(PROTOCOL_REST_JSON, xray_service.model, error, false,
                      rand_uuid(relay->exchange->arena), &relay->response);
}

/* Decodes, calls and encodes inside one transaction. */
static enum status run(struct call *call, void *context)
{
    struct relay *relay = context;
    const struct http_exchange *exchange = relay->exchange;
    const struct operation *operation = asked_for(exchange->raw_path);
    const struct wire_request request = {
        .method = exchange->method,
        .raw_path = exchange->raw_path,
        .raw_query = exchange->raw_query,
        .headers = exchange->headers,
        .header_count = exchange->header_count,
        .body = exchange->body,
    };
    void *in = arena_alloc(call->arena, operation->in_size);
    void *out = arena_alloc(call->arena, operation->out_size);
    struct wire_problem problem = {0};
    struct str message = {0};
    if (wire_decode(PROTOCOL_REST_JSON, call->arena, xray_service.model, operation, &request, in,
                    &problem) < 0)
        return call_fail(call, problem.error, STR_FMT, STR_ARG(problem.message));
    if (wire_validate(call->arena, operation->in, in, &message) < 0)
        return call_fail(call, xray_service.validation_error, STR_FMT, STR_ARG(message));
    struct principal root = identity_root(call->arena, relay->proxy->scope.account);
    struct call_error error = {0};
    enum status status = call_invoke(call, &root, &relay->proxy->scope, xray_service.model,
                                     operation, in, out, &error);
    if (status != STATUS_DONE) {
        call->error = error;
        return status;
    }
    wire_response_init(&relay->response, relay->exchange->arena);
    wire_encode(PROTOCOL_REST_JSON, xray_service.model, operation, out, call->request_id,
                &relay->response);
    return STATUS_DONE;
}

static void on_head(void *app, struct http_exchange *exchange)
{
    (void)app;
    http_buffer_body(exchange, BODY_MAX);
}

static void on_body(void *app, struct http_exchange *exchange, struct str piece)
{
    (void)app;
    (void)exchange;
    (void)piece;
}

static void on_end(void *app, struct http_exchange *exchange)
{
    static const struct principal nobody = {.kind = PRINCIPAL_SERVICE,
                                            .name = STR_INIT("xray.amazonaws.com")};
    struct relay relay = {.proxy = app, .exchange = exchange};
    struct call_error error = {.error = &ERROR_UNKNOWN_OPERATION,
                               .message = STR("The daemon passes on sampling rules only.")};
    bool is_known = str_eq_cstr(exchange->method, "POST") && asked_for(exchange->raw_path);
    if (exchange->is_too_large || !is_known)
        answer_error(&relay, &error);
    else if (executor_run_task(relay.proxy->executor, exchange->arena, &nobody, relay.proxy->scope,
                               run, &relay, &error) < 0)
        answer_error(&relay,
                     error.error ? &error : &(struct call_error){.error = &ERROR_INTERNAL_FAILURE});
    http_respond(exchange, relay.response.status, relay.response.headers,
                 relay.response.header_count, buf_str(&relay.response.body));
}

static void on_close(void *app, struct http_exchange *exchange)
{
    (void)app;
    (void)exchange;
}

static const struct http_handler handler = {
    .on_head = on_head,
    .on_body = on_body,
    .on_end = on_end,
    .on_close = on_close,
};

int xray_proxy_open(struct executor *executor, uint16_t port, struct scope scope,
                    struct xray_proxy **out_proxy)
{
    static const struct http_server_options defaults = {0};
    int fd = http_listen(STR("127.0.0.1"), port, false);
    if (fd < 0)
        return fd;
    struct xray_proxy *proxy = mem_new(sizeof(*proxy));
    proxy->executor = executor;
    proxy->scope = scope;
    proxy->server = http_server_new(executor_loop(executor), fd, NULL, &defaults, &handler, proxy);
    *out_proxy = proxy;
    return 0;
}

void xray_proxy_close(struct xray_proxy *proxy)
{
    if (!proxy)
        return;
    http_server_free(proxy->server);
    mem_free(proxy);
}
