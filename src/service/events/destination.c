/* destination.c — API destinations: an HTTP endpoint, and requests to it with an event.
 *
 * Docs: EventBridge API reference, CreateApiDestination; user guide, "API destinations": what goes
 * into a request, that it has five seconds, and which answers are worth another attempt.
 *
 * DEVIATION: endpoints may be http://, for servers on this machine.
 */
#include "base/arena.h"
#include "base/rand.h"
#include "base/vec.h"
#include "net/client.h"
#include "service/events/connection.h"
#include "syntax/base64.h"
#include "syntax/json.h"
#include "syntax/uri.h"

enum {
    DEFAULT_RATE = 300,    /* AWS: invocations per second */
    TIMEOUT_MS = 5 * 1000, /* AWS: "a maximum client execution timeout of 5 seconds" */
    MAX_ANSWER = 64 * 1024,
    MAX_URL = 64 * 1024,
    MAX_MESSAGE = 512,
};

struct str events_destination_arn(struct arena *arena, const struct events_destination_row *row)
{
    return str_format(arena,
                      "arn:aws:events:" STR_FMT ":" STR_FMT ":api-destination/" STR_FMT "/" STR_FMT,
                      STR_ARG(row->scope.region), STR_ARG(row->scope.account), STR_ARG(row->name),
                      STR_ARG(row->uuid));
}

/* ---- Operations ------------------------------------------------------------------------------ */

static enum status get_destination(struct call *call, struct str name,
                                   struct events_destination_row *out)
{
    int rc = events_store_find_destination(call->db, call->arena, call->scope, name, out);
    if (rc < 0)
        return call_fail_internal(call, rc, "events: find an API destination");
    return rc == 1 ? STATUS_DONE
                   : call_fail(call, &EVENTS_RESOURCE_NOT_FOUND_EXCEPTION,
                               "An api-destination '" STR_FMT "' does not exist.", STR_ARG(name));
}

static enum status check(struct call *call, const struct events_destination_row *row)
{
    struct events_connection_row connection = {0};
    if (!str_starts_with(row->endpoint, STR("https://")) &&
        !str_starts_with(row->endpoint, STR("http://")))
        return call_fail(call, &ERROR_VALIDATION,
                         "Parameter InvocationEndpoint is not valid. Reason: it must be an HTTPS "
                         "URL.");
    int rc = events_find_connection(call, row->connection_arn, &connection);
    if (rc < 0)
        return call_fail_internal(call, rc, "events: find a connection");
    return rc == 1 ? STATUS_DONE
                   : call_fail(call, &EVENTS_RESOURCE_NOT_FOUND_EXCEPTION,
                               "Connection '" STR_FMT "' does not exist.",
                               STR_ARG(row->connection_arn));
}

static struct str state_of(struct call *call, const struct events_destination_row *row)
{
    struct events_connection_row connection = {0};
    bool is_active = events_find_connection(call, row->connection_arn, &connection) == 1 &&
                     !str_eq_cstr(connection.state, "DEAUTHORIZED");
    return is_active ? STR("ACTIVE") : STR("INACTIVE");
}

enum status events_create_api_destination(struct call *call,
                                          const struct events_create_api_destination_in *in,
                                          struct events_create_api_destination_out *out)
{
    struct events_destination_row found = {0};
    const struct events_destination_row row = {
        .scope = call->scope,
        .name = in->name,
        .uuid = rand_uuid(call->arena),
        .description = in->description,
        .connection_arn = in->connection_arn,
        .endpoint = in->invocation_endpoint,
        .method = in->http_method,
        .rate_limit = opt_i32_or(in->invocation_rate_limit_per_second, DEFAULT_RATE),
        .created_at_ms = call->now_ms,
        .modified_at_ms = call->now_ms,
    };
    enum status status = check(call, &row);
    if (status != STATUS_DONE)
        return status;
    int rc = events_store_find_destination(call->db, call->arena, call->scope, in->name, &found);
    if (rc == 1)
        return call_fail(call, &EVENTS_RESOURCE_ALREADY_EXISTS_EXCEPTION,
                         "An api-destination '" STR_FMT "' already exists.", STR_ARG(in->name));
    if (rc == 0)
        rc = events_store_put_destination(call->db, &row);
    if (rc < 0)
        return call_fail_internal(call, rc, "events: write an API destination");
    *out = (struct events_create_api_destination_out){
        .api_destination_arn = events_destination_arn(call->arena, &row),
        .api_destination_state = state_of(call, &row),
        .creation_time = opt_i64(row.created_at_ms),
        .last_modified_time = opt_i64(row.modified_at_ms),
    };
    return STATUS_DONE;
}

enum status events_update_api_destination(struct call *call,
                                          const struct events_update_api_destination_in *in,
                                          struct events_update_api_destination_out *out)
{
    struct events_destination_row row = {0};
    enum status status = get_destination(call, in->name, &row);
    if (status != STATUS_DONE)
        return status;
    row.description = str_or(in->description, row.description);
    row.connection_arn = str_or(in->connection_arn, row.connection_arn);
    row.endpoint = str_or(in->invocation_endpoint, row.endpoint);
    row.method = str_or(in->http_method, row.method);
    row.rate_limit = opt_i32_or(in->invocation_rate_limit_per_second, (int32_t)row.rate_limit);
    row.modified_at_ms = call->now_ms;
    status = check(call, &row);
    if (status != STATUS_DONE)
        return status;
    int rc = events_store_put_destination(call->db, &row);
    if (rc < 0)
        return call_fail_internal(call, rc, "events: write an API destination");
    *out = (struct events_update_api_destination_out){
        .api_destination_arn = events_destination_arn(call->arena, &row),
        .api_destination_state = state_of(call, &row),
        .creation_time = opt_i64(row.created_at_ms),
        .last_modified_time = opt_i64(row.modified_at_ms),
    };
    return STATUS_DONE;
}

enum status events_delete_api_destination(struct call *call,
                                          const struct events_delete_api_destination_in *in,
                                          struct events_delete_api_destination_out *out)
{
    (void)out;
    struct events_destination_row row = {0};
    enum status status = get_destination(call, in->name, &row);
    if (status != STATUS_DONE)
        return status;
    int rc = events_store_delete_destination(call->db, call->scope, row.name);
    return rc < 0 ? call_fail_internal(call, rc, "events: delete an API destination") : STATUS_DONE;
}

enum status events_describe_api_destination(struct call *call,
                                            const struct events_describe_api_destination_in *in,
                                            struct events_describe_api_destination_out *out)
{
    struct events_destination_row row = {0};
    enum status status = get_destination(call, in->name, &row);
    if (status != STATUS_DONE)
        return status;
    *out = (struct events_describe_api_destination_out){
        .api_destination_arn = events_destination_arn(call->arena, &row),
        .name = row.name,
        .description = row.description,
        .api_destination_state = state_of(call, &row),
        .connection_arn = row.connection_arn,
        .invocation_endpoint = row.endpoint,
        .http_method = row.method,
        .invocation_rate_limit_per_second = opt_i32((int32_t)row.rate_limit),
        .creation_time = opt_i64(row.created_at_ms),
        .last_modified_time = opt_i64(row.modified_at_ms),
    };
    return STATUS_DONE;
}

enum status events_list_api_destinations(struct call *call,
                                         const struct events_list_api_destinations_in *in,
                                         struct events_list_api_destinations_out *out)
{
    struct events_page page = {0};
    struct vec rows;
    vec_init(&rows, call->arena, sizeof(struct events_destination_row));
    enum status status = events_page_begin(call, in->next_token, in->limit, in->name_prefix, &page);
    if (status != STATUS_DONE)
        return status;
    size_t max = page.limit++;
    int rc = events_store_list_destinations(call->db, call->arena, call->scope, &page, &rows);
    if (rc < 0)
        return call_fail_internal(call, rc, "events: list API destinations");
    out->api_destinations.is_set = true;
    out->api_destinations.items =
        arena_alloc_array(call->arena, max + 1, sizeof(*out->api_destinations.items));
    for (size_t i = 0; i < rows.count && i < max; i++) {
        const struct events_destination_row *row = vec_at(&rows, i);
        if (rows.count > max)
            out->next_token = events_page_token(call, row->name);
        if (in->connection_arn.ptr && !str_eq(in->connection_arn, row->connection_arn))
            continue;
        out->api_destinations.items[out->api_destinations.count++] =
            (struct events_api_destination){
                .api_destination_arn = events_destination_arn(call->arena, row),
                .name = row->name,
                .api_destination_state = state_of(call, row),
                .connection_arn = row->connection_arn,
                .invocation_endpoint = row->endpoint,
                .http_method = row->method,
                .invocation_rate_limit_per_second = opt_i32((int32_t)row->rate_limit),
                .creation_time = opt_i64(row->created_at_ms),
                .last_modified_time = opt_i64(row->modified_at_ms),
            };
    }
    return STATUS_DONE;
}

/* ---- The target ------------------------------------------------------------------------------ */

static const struct api_error not_authorized = {
    .code = STR_INIT("CONNECTION_FAILURE"),
    .query_code = STR_INIT("CONNECTION_FAILURE"),
    .http_status = 500,
    .query_status = 500,
};
static const struct api_error bad_answer = {
    .code = STR_INIT("ERROR_FROM_TARGET"),
    .query_code = STR_INIT("ERROR_FROM_TARGET"),
    .http_status = 400,
    .query_status = 400,
};

static enum delivery_result give_up(struct call_error *out_error, enum delivery_result result,
                                    const struct api_error *error, struct str message)
{
    *out_error = (struct call_error){.error = error, .message = message};
    return result;
}

/* The destination and its connection. 1, 0 or -errno. */
static int find_both(struct call *call, struct str arn, struct events_destination_row *destination,
                     struct events_connection_row *connection)
{
    struct scope scope = {0};
    struct str kind = {0};
    struct str path = {0};
    if (!events_split_arn(arn, &scope, &kind, &path))
        return 0;
    ptrdiff_t slash = str_index(path, '/');
    struct str name = slash < 0 ? path : str_slice(path, 0, (size_t)slash);
    int rc = events_store_find_destination(call->db, call->arena, scope, name, destination);
    if (rc == 1 && !str_eq(arn, events_destination_arn(call->arena, destination)))
        return 0;
    return rc == 1 ? events_find_connection(call, destination->connection_arn, connection) : rc;
}

/* AWS: each "*" of the endpoint is a path parameter. */
static struct str fill_path(struct call *call, struct str endpoint, const struct json *values)
{
    struct buf url;
    const struct json *value = json_is_array(values) ? values->first : NULL;
    buf_init(&url, call->arena, MAX_URL);
    for (size_t i = 0; i < endpoint.len; i++) {
        if (endpoint.ptr[i] != '*' || !value) {
            buf_append_char(&url, endpoint.ptr[i]);
            continue;
        }
        uri_encode(&url, value->text, false);
        value = value->next;
    }
    return buf_str(&url);
}

/* The credentials. False when there are none (yet). */
static bool add_credentials(struct call *call, const struct events_connection_row *connection,
                            const struct json *secret, struct vec *headers)
{
    const struct json *basic = json_find_cstr(secret, "BasicAuthParameters");
    const struct json *key = json_find_cstr(secret, "ApiKeyAuthParameters");
    if (str_eq_cstr(connection->auth_type, "BASIC") && basic) {
        struct str pair =
            str_concat3(call->arena, str_or(json_find_str(basic, "Username"), STR("")), STR(":"),
                        str_or(json_find_str(basic, "Password"), STR("")));
        events_set_header(
            headers, STR("Authorization"),
            str_concat(call->arena, STR("Basic "), base64_encode_str(call->arena, pair)));
        return true;
    }
    if (str_eq_cstr(connection->auth_type, "API_KEY") && key) {
        events_set_header(headers, str_or(json_find_str(key, "ApiKeyName"), STR("")),
                          str_or(json_find_str(key, "ApiKeyValue"), STR("")));
        return true;
    }
    struct str token = events_open_token(call, connection);
    if (!token.ptr)
        return false;
    events_set_header(headers, STR("Authorization"),
                      str_concat(call->arena, STR("Bearer "), token));
    return true;
}

static void add_target_parameters(const struct json *parameters, struct events_http *http)
{
    const struct json *headers = json_find_cstr(parameters, "HeaderParameters");
    const struct json *query = json_find_cstr(parameters, "QueryStringParameters");
    for (const struct json *one = headers ? headers->first : NULL; one; one = one->next)
        events_set_header(http->headers, one->key, one->text);
    for (const struct json *one = query ? query->first : NULL; one; one = one->next) {
        if (http->query->len > 0)
            buf_append_char(http->query, '&');
        uri_encode(http->query, one->key, false);
        buf_append_char(http->query, '=');
        uri_encode(http->query, one->text, false);
    }
}

/* AWS: what the connection has counts over what the target has; body parameters go into a body that
 * is an object. */
static bool build(struct call *call, const struct delivery *delivery,
                  const struct events_destination_row *destination,
                  const struct events_connection_row *connection,
                  struct http_client_request *out_request)
{
    const struct json *secret = events_open_secret(call, connection);
    const struct json *target = json_find_cstr(delivery->extra, "HttpParameters");
    const struct json *mine = json_find_cstr(secret, "InvocationHttpParameters");
    struct json *body = NULL;
    struct vec headers;
    struct buf query;
    vec_init(&headers, call->arena, sizeof(struct http_header));
    buf_init(&query, call->arena, MAX_URL);
    if (json_parse(call->arena, delivery->body, 0, &body, NULL) < 0 || !json_is_object(body))
        body = NULL;
    struct events_http http = {.headers = &headers, .query = &query, .body = body};
    events_set_header(&headers, STR("Content-Type"), STR("application/json; charset=utf-8"));
    events_set_header(&headers, STR("User-Agent"), STR("Amazon/EventBridge/ApiDestinations"));
    events_set_header(&headers, STR("Range"), STR("bytes=0-1048575"));
    add_target_parameters(target, &http);
    events_add_http(call, mine, &http);
    bool has_body =
        !str_eq_cstr(destination->method, "GET") && !str_eq_cstr(destination->method, "HEAD");
    bool adds_body = body && json_find_cstr(mine, "BodyParameters");
    if (!add_credentials(call, connection, secret, &headers))
        return false;
    struct str url =
        fill_path(call, destination->endpoint, json_find_cstr(target, "PathParameterValues"));
    *out_request = (struct http_client_request){
        .method = destination->method,
        .url = events_url(call->arena, url, buf_str(&query)),
        .headers = headers.items,
        .header_count = headers.count,
        .body = !has_body   ? STR("")
                : adds_body ? json_to_str(call->arena, body)
                            : delivery->body,
        .timeout_ms = TIMEOUT_MS,
        .max_response_bytes = MAX_ANSWER,
    };
    return true;
}

static enum delivery_result make_request(struct call *call, const struct delivery *delivery,
                                         const struct principal *principal,
                                         const struct scope *scope,
                                         struct http_client_request *out_request,
                                         struct call_error *out_error)
{
    (void)principal;
    (void)scope;
    struct events_destination_row destination = {0};
    struct events_connection_row connection = {0};
    int rc = find_both(call, delivery->target, &destination, &connection);
    if (rc < 0) {
        (void)call_fail_internal(call, rc, "events: find an API destination");
        return DELIVERY_RETRY;
    }
    if (rc == 0)
        return give_up(out_error, DELIVERY_REFUSED, &EVENTS_RESOURCE_NOT_FOUND_EXCEPTION,
                       STR("The API destination or its connection does not exist."));
    const struct authorization what = {
        .action = STR("events:InvokeApiDestination"),
        .resource = delivery->target,
        .resource_account = destination.scope.account,
    };
    if (call_authorize(call, &what) != STATUS_DONE) {
        *out_error = call->error;
        return delivery_result_of(out_error);
    }
    if (build(call, delivery, &destination, &connection, out_request))
        return DELIVERY_PENDING;
    /* The token is on its way, or could not be had: the connection tells. */
    return give_up(
        out_error, DELIVERY_RETRY, &not_authorized,
        str_concat3(call->arena, STR("The connection is in state "), connection.state, STR(".")));
}

static enum delivery_result take_answer(struct call *call, const struct delivery *delivery,
                                        const struct http_client_response *response,
                                        struct call_error *out_error)
{
    struct events_destination_row destination = {0};
    struct events_connection_row connection = {0};
    int status = response->status;
    if (response->error)
        return give_up(out_error, DELIVERY_RETRY, &not_authorized,
                       str_copy(call->arena, str_from_cstr(response->error)));
    if (status >= 200 && status < 300)
        return DELIVERY_DONE;
    struct str message = str_format(call->arena, "Request failed with status code %d. " STR_FMT,
                                    status, STR_ARG(str_slice(response->body, 0, MAX_MESSAGE)));
    bool is_denied = status == 401 || status == 407;
    if (is_denied && find_both(call, delivery->target, &destination, &connection) == 1 &&
        str_eq_cstr(connection.auth_type, "OAUTH_CLIENT_CREDENTIALS") &&
        events_renew_token(call, &connection) != STATUS_DONE)
        return DELIVERY_RETRY; /* a fault of the store: the caller sees to it */
    /* AWS: "retries ... 401, 407, 409, 429, and 5xx". */
    bool is_worth_it = is_denied || status == 409 || status == 429 || status >= 500;
    return give_up(out_error, is_worth_it ? DELIVERY_RETRY : DELIVERY_REFUSED, &bad_answer,
                   message);
}

static bool is_destination(struct str arn)
{
    struct scope scope = {0};
    struct str kind = {0};
    struct str name = {0};
    return events_split_arn(arn, &scope, &kind, &name) && str_eq_cstr(kind, "api-destination");
}

const struct delivery_target events_destination_target = {
    .service = STR_INIT("events"),
    .request = make_request,
    .answered = take_answer,
    .knows = is_destination,
};
