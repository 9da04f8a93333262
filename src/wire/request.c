/* request.c — from an HTTP exchange to a decoded call, and from its result to an answer.
 */
#include "wire/request.h"

#include <errno.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/rand.h"
#include "net/loop.h"
#include "store/bodies.h"
#include "wire/identity.h"

/* What the request would be answered in when its service or protocol is not known: what the client
 * speaks can still be seen. */
static enum protocol guess_protocol(const struct service *service, const struct wire_request *wire)
{
    /* A service with one REST protocol is answered in it, whatever the request looks like. */
    if (service && service->model->protocols == 1U << PROTOCOL_REST_XML)
        return PROTOCOL_REST_XML;
    if (service && service->model->protocols == 1U << PROTOCOL_REST_JSON)
        return PROTOCOL_REST_JSON;
    if (wire_header(wire, "X-Amz-Target").ptr)
        return PROTOCOL_AWS_JSON_1_0;
    struct str type = wire_header(wire, "Content-Type");
    if (str_contains(type, STR("json")))
        return PROTOCOL_REST_JSON;
    if (str_contains(type, STR("cbor")))
        return PROTOCOL_RPC_V2_CBOR;
    return PROTOCOL_AWS_QUERY;
}

static const struct service_model nameless_service = {
    .name = STR_INIT("virga"),
    .xml_namespace = STR_INIT("http://webservices.amazon.com/AWSFault/2005-15-09"),
};

static void describe_call(struct request *request)
{
    struct http_exchange *exchange = request->exchange;
    struct call *call = &request->call;
    call->arena = exchange->arena;
    call->db = request->executor->db;
    call->runtime = request->executor->runtime;
    call->exchange = exchange;
    call->service = &nameless_service;
    call->request_id = rand_uuid(exchange->arena);
    struct str host = exchange->host.len > 0 ? exchange->host : STR("127.0.0.1");
    call->endpoint =
        str_concat(exchange->arena, exchange->is_tls ? STR("https://") : STR("http://"), host);
    call->source_ip = exchange->peer;
    call->user_agent = http_header(exchange, "User-Agent");
    call->is_secure_transport = exchange->is_tls || exchange->is_loopback;
    call->raw_body = exchange->body;
    call->answer = &request->answer;
    call->effects = &request->effects;
}

static enum status refuse_size(struct call *call)
{
    static const struct api_error too_large = {
        .code = STR_INIT("RequestEntityTooLargeException"),
        .query_code = STR_INIT("RequestEntityTooLarge"),
        .http_status = 413,
        .query_status = 413,
        .is_sender = true,
    };
    return call_fail(call, &too_large, "The request body exceeds %d bytes.", REQUEST_MAX_BODY);
}

static enum status find_operation(struct request *request)
{
    struct call *call = &request->call;
    int protocol = wire_detect_protocol(call->service, &request->wire);
    if (protocol < 0)
        return call_fail(call, &ERROR_UNKNOWN_OPERATION,
                         "The request fits no protocol of service " STR_FMT ".",
                         STR_ARG(call->service->name));
    request->protocol = (enum protocol)protocol;
    struct str name = {0};
    call->operation =
        wire_find_operation(call->service, request->protocol, &request->wire, call->arena, &name);
    if (call->operation)
        return STATUS_DONE;
    if (name.len == 0)
        return call_fail(call, &ERROR_UNKNOWN_OPERATION, "The request names no operation.");
    /* AWS: InvalidAction "Could not find operation X for version V" (query services). */
    if (request->protocol == PROTOCOL_AWS_QUERY || request->protocol == PROTOCOL_EC2_QUERY)
        return call_fail(call, &ERROR_UNKNOWN_OPERATION,
                         "Could not find operation " STR_FMT " for version " STR_FMT, STR_ARG(name),
                         STR_ARG(call->service->api_version));
    return call_fail(call, &ERROR_UNKNOWN_OPERATION, "Operation " STR_FMT " is not known.",
                     STR_ARG(name));
}

static enum status refuse_unsigned(struct call *call)
{
    return call_fail(call, &ERROR_MISSING_AUTHENTICATION_TOKEN,
                     "Request is missing Authentication Token");
}

/* Reads the signature by the rules of S3 or of all others; which is known when the service is. */
static enum sig_result read_signature(struct request *request, bool is_s3_style,
                                      struct str *out_detail)
{
    request->sig = (struct sig){0};
    request->sig_request.is_s3_style = is_s3_style;
    return sig_parse(request->call.arena, &request->sig_request, &request->sig, out_detail);
}

/* Finds the service, and reads the signature by its rules. */
static enum status find_service(struct request *request, struct route *route)
{
    struct call *call = &request->call;
    struct str detail = {0};
    *route = route_by_name(call->runtime, call->arena, request->exchange->host, &request->wire);
    bool is_s3_style = route->service && route->service->is_s3_style;
    enum sig_result result = read_signature(request, is_s3_style, &detail);
    if (!route->service) {
        *route = route_request(call->runtime, call->arena, request->exchange->host, &request->sig,
                               &request->wire);
        is_s3_style = route->service && route->service->is_s3_style;
        if (is_s3_style)
            result = read_signature(request, true, &detail);
    }
    if (route->region.len == 0)
        route->region = request->sig.region;
    if (route->service) {
        request->service = route->service;
        request->service_index = route->service_index;
        call->service = route->service->model;
    }
    if (result == SIG_OK)
        return STATUS_DONE;
    struct identity_problem problem = {0};
    identity_word_problem(is_s3_style, request->sig.scheme, result, detail, &problem);
    return call_fail(call, problem.error, STR_FMT, STR_ARG(problem.message));
}

static enum status find_route(struct request *request)
{
    struct http_exchange *exchange = request->exchange;
    struct call *call = &request->call;
    describe_call(request);
    request->wire = (struct wire_request){
        .method = exchange->method,
        .raw_path = exchange->raw_path,
        .raw_query = exchange->raw_query,
        .headers = exchange->headers,
        .header_count = exchange->header_count,
        .body = exchange->body,
    };
    request->sig_request = (struct sig_request){
        .method = exchange->method,
        .raw_path = exchange->raw_path,
        .raw_query = exchange->raw_query,
        .headers = exchange->headers,
        .header_count = exchange->header_count,
    };
    struct route route = {0};
    enum status status = find_service(request, &route);
    if (status != STATUS_DONE)
        return status;
    if (exchange->is_too_large)
        return refuse_size(call);
    call->scope.region = route.region.len > 0 ? route.region : call->runtime->default_region;
    request->host_region = route.host_region;
    if (!route.service && route.asked_for.len == 0)
        return refuse_unsigned(call);
    if (!route.service)
        return call_fail(call, &ERROR_NOT_IMPLEMENTED, "Service '" STR_FMT "' is not implemented.",
                         STR_ARG(route.asked_for));
    if (route.raw_path.ptr)
        request->wire.raw_path = route.raw_path;
    request->sig_request.virtual_bucket = route.virtual_bucket;
    if (!route.operation)
        return find_operation(request);
    request->protocol = guess_protocol(request->service, &request->wire);
    call->operation = route.operation;
    return STATUS_DONE;
}

enum status request_route(struct request *request)
{
    request->protocol = PROTOCOL_COUNT;
    enum status status = find_route(request);
    if (request->protocol == PROTOCOL_COUNT)
        request->protocol = guess_protocol(request->service, &request->wire);
    return status;
}

void request_take_body(struct request *request)
{
    request->wire.body = request->exchange->body;
    request->call.raw_body = request->exchange->body;
}

static enum status identify(struct request *request)
{
    struct call *call = &request->call;
    static const struct principal anonymous = {.kind = PRINCIPAL_ANONYMOUS};
    bool is_signed = request->sig.scheme != SIG_NONE && request->sig.scheme != SIG_BEARER &&
                     request->sig.scheme != SIG_BASIC;
    if (!is_signed) {
        if (!(call->operation->flags & OPERATION_UNSIGNED) && !request->service->allows_anonymous)
            return refuse_unsigned(call);
        call->principal = &anonymous;
        call->scope.account = STR("");
        return STATUS_DONE;
    }
    if (request->exchange->door == DOOR_NAMESPACES) {
        if (!str_eq(call->service->signing_name, call->runtime->namespaced))
            return call_fail(call, &ERROR_NOT_IMPLEMENTED,
                             "Service '" STR_FMT "' is not served on this port.",
                             STR_ARG(call->service->signing_name));
        struct principal *principal = arena_alloc(call->arena, sizeof(*principal));
        *principal = identity_namespace(call->arena, request->sig.access_key_id);
        call->principal = principal;
        call->scope.account = principal->account;
        return STATUS_DONE;
    }
    bool is_stream = (call->operation->flags & OPERATION_STREAMS_INPUT) != 0;
    const struct identity_request asked = {
        .request = &request->sig_request,
        .sig = &request->sig,
        .body = is_stream ? (struct str){0} : request->wire.body,
        .service = call->service->signing_name,
        .region = request->host_region,
        /* Clients sign with the real time, however far the clock of this program was moved. */
        .real_now_ms = call->now_ms - clock_offset_ms(),
        .now_ms = call->now_ms,
        .out_secret_key = is_stream ? &request->secret_key : NULL,
    };
    struct identity_problem problem = {0};
    int rc =
        identity_resolve(call->runtime, call->db, call->arena, &asked, &call->principal, &problem);
    if (rc == -EACCES)
        return call_fail(call, problem.error, STR_FMT, STR_ARG(problem.message));
    if (rc < 0)
        return call_fail_internal(call, rc, "identify the caller");
    call->scope.account = call->principal->account;
    return STATUS_DONE;
}

enum status request_prepare(struct request *request)
{
    struct call *call = &request->call;
    enum status status = identify(request);
    if (status != STATUS_DONE)
        return status;
    const struct operation *operation = call->operation;
    request->in = arena_alloc(call->arena, operation->in_size);
    struct wire_problem problem = {0};
    int rc = wire_decode(request->protocol, call->arena, call->service, operation, &request->wire,
                         request->in, &problem);
    if (rc < 0)
        return call_fail(call, problem.error, STR_FMT, STR_ARG(problem.message));
    struct str message = {0};
    rc = wire_validate(call->arena, operation->in, request->in, &message);
    if (rc < 0) {
        const struct api_error *error = request->service->validation_error
                                            ? request->service->validation_error
                                            : &ERROR_VALIDATION;
        return call_fail(call, error, STR_FMT, STR_ARG(message));
    }
    request->is_prepared = true;
    return STATUS_DONE;
}

/* Only this worker writes its counters; others read them. */
static void add(_Atomic uint64_t *field, uint64_t amount)
{
    atomic_store_explicit(field, atomic_load_explicit(field, memory_order_relaxed) + amount,
                          memory_order_relaxed);
}

static void count(struct request *request, int status, int64_t micros)
{
    const struct call *call = &request->call;
    if (!request->service || !call->operation)
        return;
    size_t index = (size_t)(call->operation - call->service->operations);
    _Atomic uint64_t *fields = request->executor->counts[request->service_index][index];
    add(&fields[0], 1);
    if (status >= 500)
        add(&fields[2], 1);
    else if (status >= 400)
        add(&fields[1], 1);
    add(&fields[3], (uint64_t)micros);
}

static void log_request(struct request *request, int status, int64_t micros)
{
    const struct call *call = &request->call;
    if (!call->runtime->log_requests || !log_enabled(LOG_INFO))
        return;
    struct str account = call->scope.account.len > 0 ? call->scope.account : STR("-");
    struct log_field fields[8] = {
        {.name = "service", .text = call->service->name},
        {.name = "operation", .text = call->operation ? call->operation->name : STR("-")},
        {.name = "account", .text = account},
        {.name = "region", .text = str_or(call->scope.region, STR("-"))},
        {.name = "status", .number = status},
        {.name = "us", .number = micros},
        {.name = "request", .text = call->request_id},
    };
    size_t field_count = 7;
    if (request->status == STATUS_FAILED)
        fields[field_count++] =
            (struct log_field){.name = "error", .text = call->error.error->code};
    log_event(LOG_INFO, "request", fields, field_count);
}

static void encode(struct request *request, struct wire_response *response)
{
    struct call *call = &request->call;
    wire_response_init(response, call->arena);
    if (request->status == STATUS_DONE) {
        wire_encode(request->protocol, call->service, call->operation, request->out,
                    call->request_id, response);
        if (!response->body.is_full)
            return;
        request->status = call_fail_internal(call, -EMSGSIZE, "the answer is too large");
        wire_response_init(response, call->arena);
    }
    bool is_query_mode = call->service->is_query_compatible &&
                         str_eq_cstr(wire_header(&request->wire, "x-amzn-query-mode"), "true");
    wire_encode_error(request->protocol, call->service, &call->error, is_query_mode,
                      call->request_id, response);
}

/* Stored text may come back as a header. HTTP has no way to say a line end there. */
static void strip_line_ends(struct arena *arena, struct wire_response *response)
{
    for (size_t i = 0; i < response->header_count; i++) {
        struct str *value = &response->headers[i].value;
        if (str_index(*value, '\r') >= 0)
            *value = str_replace(arena, *value, STR("\r"), STR(" "));
        if (str_index(*value, '\n') >= 0)
            *value = str_replace(arena, *value, STR("\n"), STR(" "));
    }
}

/* What the handler said of its answer beyond the output struct. */
static void add_answer(struct request *request, struct wire_response *response)
{
    const struct call_answer *answer = &request->answer;
    if (request->status == STATUS_DONE && answer->status != 0)
        response->status = answer->status;
    for (size_t i = 0; i < answer->header_count; i++)
        wire_add_header(response, answer->headers[i].name, answer->headers[i].value);
}

static void drop_body(struct request *request)
{
    const struct call_body *body = request->call.body;
    if (body && !body->is_kept)
        body_remove(request->call.runtime->store, body->id);
}

/* The transaction is over: what it decided happens outside the store, too. A body that came and was
 * not kept goes; one that was kept stays even when the commit seems to have failed, as a lost
 * connection to the database leaves that open (bodies_sweep finds it if nobody owns it). */
static void settle_effects(struct request *request)
{
    struct store *store = request->call.runtime->store;
    if (request->status == STATUS_DONE)
        effects_apply(&request->effects, store);
    drop_body(request);
}

void request_answer(struct request *request)
{
    struct call *call = &request->call;
    request->state = REQUEST_ANSWERED;
    settle_effects(request);
    struct wire_response response;
    encode(request, &response);
    add_answer(request, &response);
    int64_t micros = clock_monotonic_us() - request->started_us;
    count(request, response.status, micros);
    log_request(request, response.status, micros);
    if (request->is_gone) { /* on_close ends the request */
        answer_unpin(&request->answer, call->runtime->store);
        return;
    }
    strip_line_ends(call->arena, &response);
    if (request->status == STATUS_DONE && request->answer.has_pieces) {
        stream_out(request, response.status, response.headers, response.header_count);
        return;
    }
    answer_unpin(&request->answer, call->runtime->store);
    http_respond(request->exchange, response.status, response.headers, response.header_count,
                 buf_str(&response.body));
    request_end(request);
}

void request_end(struct request *request)
{
    if (request->is_gone) /* before its answer: nobody else drops what it sent */
        drop_body(request);
    stream_free(request);
    loop_timer_free(TAKE(request->timer));
    arena_free(TAKE(request->run_arena));
}

struct executor *call_executor(const struct call *call)
{
    const struct request *request = call->exchange ? call->exchange->context : NULL;
    return request ? request->executor : NULL;
}
