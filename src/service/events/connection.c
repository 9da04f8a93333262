/* connection.c — connections: how API destinations prove who calls.
 *
 * The secrets (AuthParameters as a whole) are sealed by a key of the store's own and leave it only
 * in requests. With OAuth a workflow fetches the token from the authorization endpoint, again
 * before it ends and when the destination does not take it any more.
 *
 * DEVIATION: AWS keeps the secrets in Secrets Manager; here SecretArn names nothing that can be
 * read. DEVIATION: endpoints may be http://, for servers on this machine.
 *
 * Docs: EventBridge API reference, CreateConnection; user guide, "Connections".
 */
#include "service/events/connection.h"

#include <errno.h>

#include "auth/seal.h"
#include "base/arena.h"
#include "base/rand.h"
#include "base/vec.h"
#include "net/client.h"
#include "syntax/json.h"
#include "syntax/uri.h"
#include "wire/protocol.h"

#define CONNECTION_WORKFLOW "events.connection"

enum {
    MAX_SECRET = 512 * 1024, /* what the model lets through stays far below */
    MAX_QUERY = 64 * 1024,
    TOKEN_TIMEOUT_MS = 10 * 1000,
    TOKEN_MAX_ANSWER = 64 * 1024,
    TOKEN_DEFAULT_S = 60 * 60, /* for servers that do not say */
    RENEW_BEFORE_MS = 60 * 1000,
};

static bool is_oauth(const struct events_connection_row *row)
{
    return str_eq_cstr(row->auth_type, "OAUTH_CLIENT_CREDENTIALS");
}

struct str events_connection_arn(struct arena *arena, const struct events_connection_row *row)
{
    return str_format(arena,
                      "arn:aws:events:" STR_FMT ":" STR_FMT ":connection/" STR_FMT "/" STR_FMT,
                      STR_ARG(row->scope.region), STR_ARG(row->scope.account), STR_ARG(row->name),
                      STR_ARG(row->uuid));
}

/* ---- Secrets --------------------------------------------------------------------------------- */

/* The store's key; made when it is first needed. 0 or -errno. */
static int sealing_key(struct call *call, struct str *out_key)
{
    int rc = events_store_find_key(call->db, call->arena, out_key);
    if (rc != 0)
        return rc < 0 ? rc : 0;
    char *bytes = arena_alloc_text(call->arena, SEAL_KEY_BYTES);
    rand_bytes(bytes, SEAL_KEY_BYTES);
    rc = events_store_put_key(call->db, str_of(bytes, SEAL_KEY_BYTES));
    if (rc == 0)
        rc = events_store_find_key(call->db, call->arena, out_key);
    return rc < 0 ? rc : 0;
}

static int seal_text(struct call *call, struct str text, struct str *out_sealed)
{
    struct str key = {0};
    int rc = sealing_key(call, &key);
    if (rc == 0)
        *out_sealed = seal(call->arena, key, text);
    return rc;
}

static struct str open_text(struct call *call, struct str sealed)
{
    struct str key = {0};
    struct str plain = {0};
    if (!sealed.ptr || events_store_find_key(call->db, call->arena, &key) != 1 ||
        unseal(call->arena, key, sealed, &plain) < 0)
        return (struct str){0};
    return plain;
}

struct json *events_open_secret(struct call *call, const struct events_connection_row *row)
{
    struct json *json = NULL;
    struct str text = open_text(call, row->secret);
    return text.ptr && json_parse(call->arena, text, 0, &json, NULL) == 0 ? json : NULL;
}

struct str events_open_token(struct call *call, const struct events_connection_row *row)
{
    bool is_good = row->token.ptr && row->token_expires_at_ms > call->now_ms;
    return is_good ? open_text(call, row->token) : (struct str){0};
}

static enum status save(struct call *call, const struct events_connection_row *row)
{
    int rc = events_store_put_connection(call->db, row);
    return rc < 0 ? call_fail_internal(call, rc, "events: write a connection") : STATUS_DONE;
}

static enum status get_connection(struct call *call, struct str name,
                                  struct events_connection_row *out)
{
    int rc = events_store_find_connection(call->db, call->arena, call->scope, name, out);
    if (rc < 0)
        return call_fail_internal(call, rc, "events: find a connection");
    return rc == 1 ? STATUS_DONE
                   : call_fail(call, &EVENTS_RESOURCE_NOT_FOUND_EXCEPTION,
                               "Connection '" STR_FMT "' does not exist.", STR_ARG(name));
}

int events_find_connection(struct call *call, struct str arn, struct events_connection_row *out)
{
    struct scope scope = {0};
    struct str kind = {0};
    struct str path = {0};
    if (!events_split_arn(arn, &scope, &kind, &path) || !str_eq_cstr(kind, "connection"))
        return 0;
    ptrdiff_t slash = str_index(path, '/');
    struct str name = slash < 0 ? path : str_slice(path, 0, (size_t)slash);
    int rc = events_store_find_connection(call->db, call->arena, scope, name, out);
    return rc == 1 && !str_eq(arn, events_connection_arn(call->arena, out)) ? 0 : rc;
}

/* ---- What is given and what is shown --------------------------------------------------------- */

static const struct shape *member_shape(const struct shape *shape, const char *name)
{
    for (size_t i = 0; i < shape->member_count; i++) {
        if (str_eq_cstr(shape->members[i].name, name))
            return shape->members[i].shape;
    }
    CHECK(false);
    return NULL;
}

static struct json *parameters_of(struct call *call, enum events_op op, const void *parameters)
{
    struct buf text;
    struct json *json = NULL;
    buf_init(&text, call->arena, MAX_SECRET);
    wire_to_json(&text, member_shape(events_operations[op].in, "AuthParameters"), parameters);
    return json_parse(call->arena, buf_str(&text), 0, &json, NULL) == 0
               ? json
               : json_new(call->arena, JSON_OBJECT);
}

/* The part that the kind of authorization needs. */
static const char *part_of(struct str auth_type)
{
    if (str_eq_cstr(auth_type, "BASIC"))
        return "BasicAuthParameters";
    return str_eq_cstr(auth_type, "API_KEY") ? "ApiKeyAuthParameters" : "OAuthParameters";
}

static enum status check_parameters(struct call *call, struct str auth_type,
                                    const struct json *parameters)
{
    const struct json *part = json_find_cstr(parameters, part_of(auth_type));
    struct str endpoint = json_find_str(part, "AuthorizationEndpoint");
    if (!part)
        return call_fail(call, &ERROR_VALIDATION,
                         "Parameter %s must be specified for authorization type " STR_FMT ".",
                         part_of(auth_type), STR_ARG(auth_type));
    if (json_find_cstr(parameters, "ConnectivityParameters"))
        return call_fail(call, &ERROR_VALIDATION,
                         "Connections to private endpoints are not supported.");
    if (endpoint.ptr && !str_starts_with(endpoint, STR("https://")) &&
        !str_starts_with(endpoint, STR("http://")))
        return call_fail(call, &ERROR_VALIDATION,
                         "Parameter AuthorizationEndpoint is not valid. Reason: it must be an "
                         "HTTPS URL.");
    return STATUS_DONE;
}

static void hide_values(struct json *http)
{
    static const char *const lists[] = {"HeaderParameters", "QueryStringParameters",
                                        "BodyParameters"};
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        struct json *list = json_find_cstr(http, lists[i]);
        for (struct json *one = list ? list->first : NULL; one; one = one->next) {
            const struct json *flag = json_find_cstr(one, "IsValueSecret");
            if (flag && flag->kind == JSON_TRUE)
                json_remove(one, STR("Value"));
        }
    }
}

/* AuthParameters without what is secret. */
static struct json *shown(struct call *call, const struct events_connection_row *row)
{
    struct json *parameters = events_open_secret(call, row);
    if (!parameters)
        return NULL;
    struct json *basic = json_find_cstr(parameters, "BasicAuthParameters");
    struct json *key = json_find_cstr(parameters, "ApiKeyAuthParameters");
    struct json *oauth = json_find_cstr(parameters, "OAuthParameters");
    struct json *client = json_find_cstr(oauth, "ClientParameters");
    if (basic)
        json_remove(basic, STR("Password"));
    if (key)
        json_remove(key, STR("ApiKeyValue"));
    if (client)
        json_remove(client, STR("ClientSecret"));
    hide_values(json_find_cstr(oauth, "OAuthHttpParameters"));
    hide_values(json_find_cstr(parameters, "InvocationHttpParameters"));
    return parameters;
}

/* Objects are merged, all else is replaced. */
static void merge(struct call *call, struct json *base, const struct json *update)
{
    for (const struct json *member = update->first; member; member = member->next) {
        struct json *old = json_find(base, member->key);
        if (json_is_object(old) && json_is_object(member))
            merge(call, old, member);
        else
            json_set(base, member->key, json_copy(call->arena, member));
    }
}

static struct opt_i64 time_or_none(int64_t ms)
{
    return ms != 0 ? opt_i64(ms) : (struct opt_i64){0};
}

/* ---- Operations ------------------------------------------------------------------------------ */

/* Sets the state that follows from the kind, and has a token fetched where one is needed. */
static enum status authorize(struct call *call, struct events_connection_row *row)
{
    row->state_reason = (struct str){0};
    row->token = (struct str){0};
    row->state = is_oauth(row) ? STR("AUTHORIZING") : STR("AUTHORIZED");
    if (!is_oauth(row))
        row->authorized_at_ms = call->now_ms;
    struct str arn = events_connection_arn(call->arena, row);
    enum status status = workflow_stop(call, STR(CONNECTION_WORKFLOW), arn);
    if (status == STATUS_DONE && is_oauth(row))
        status = workflow_start(call, STR(CONNECTION_WORKFLOW), arn, NULL);
    return status == STATUS_DONE ? save(call, row) : status;
}

enum status events_renew_token(struct call *call, struct events_connection_row *row)
{
    return authorize(call, row);
}

enum status events_create_connection(struct call *call,
                                     const struct events_create_connection_in *in,
                                     struct events_create_connection_out *out)
{
    struct events_connection_row row = {0};
    const struct json *parameters =
        parameters_of(call, EVENTS_OP_CREATE_CONNECTION, in->auth_parameters);
    if (in->invocation_connectivity_parameters)
        return call_fail(call, &ERROR_VALIDATION,
                         "Connections to private endpoints are not supported.");
    enum status status = check_parameters(call, in->authorization_type, parameters);
    if (status != STATUS_DONE)
        return status;
    int rc = events_store_find_connection(call->db, call->arena, call->scope, in->name, &row);
    if (rc == 1)
        return call_fail(call, &EVENTS_RESOURCE_ALREADY_EXISTS_EXCEPTION,
                         "Connection " STR_FMT " already exists.", STR_ARG(in->name));
    row = (struct events_connection_row){
        .scope = call->scope,
        .name = in->name,
        .uuid = rand_uuid(call->arena),
        .description = in->description,
        .kms_key = in->kms_key_identifier,
        .auth_type = in->authorization_type,
        .created_at_ms = call->now_ms,
        .modified_at_ms = call->now_ms,
    };
    if (rc == 0)
        rc = seal_text(call, json_to_str(call->arena, parameters), &row.secret);
    if (rc < 0)
        return call_fail_internal(call, rc, "events: make a connection");
    status = authorize(call, &row);
    *out = (struct events_create_connection_out){
        .connection_arn = events_connection_arn(call->arena, &row),
        .connection_state = row.state,
        .creation_time = opt_i64(row.created_at_ms),
        .last_modified_time = opt_i64(row.modified_at_ms),
    };
    return status;
}

enum status events_update_connection(struct call *call,
                                     const struct events_update_connection_in *in,
                                     struct events_update_connection_out *out)
{
    struct events_connection_row row = {0};
    enum status status = get_connection(call, in->name, &row);
    if (status != STATUS_DONE)
        return status;
    struct json *parameters = events_open_secret(call, &row);
    if (!parameters)
        parameters = json_new(call->arena, JSON_OBJECT);
    if (in->auth_parameters)
        merge(call, parameters,
              parameters_of(call, EVENTS_OP_UPDATE_CONNECTION, in->auth_parameters));
    row.auth_type = str_or(in->authorization_type, row.auth_type);
    row.description = str_or(in->description, row.description);
    row.kms_key = str_or(in->kms_key_identifier, row.kms_key);
    row.modified_at_ms = call->now_ms;
    status = check_parameters(call, row.auth_type, parameters);
    if (status != STATUS_DONE)
        return status;
    int rc = seal_text(call, json_to_str(call->arena, parameters), &row.secret);
    if (rc < 0)
        return call_fail_internal(call, rc, "events: seal a secret");
    status = authorize(call, &row);
    *out = (struct events_update_connection_out){
        .connection_arn = events_connection_arn(call->arena, &row),
        .connection_state = row.state,
        .creation_time = opt_i64(row.created_at_ms),
        .last_modified_time = opt_i64(row.modified_at_ms),
        .last_authorized_time = time_or_none(row.authorized_at_ms),
    };
    return status;
}

enum status events_deauthorize_connection(struct call *call,
                                          const struct events_deauthorize_connection_in *in,
                                          struct events_deauthorize_connection_out *out)
{
    struct events_connection_row row = {0};
    enum status status = get_connection(call, in->name, &row);
    if (status != STATUS_DONE)
        return status;
    /* AWS: "removes all authorization parameters from the connection". */
    int rc = seal_text(call, STR("{}"), &row.secret);
    if (rc < 0)
        return call_fail_internal(call, rc, "events: seal a secret");
    row.state = STR("DEAUTHORIZED");
    row.token = (struct str){0};
    row.modified_at_ms = call->now_ms;
    *out = (struct events_deauthorize_connection_out){
        .connection_arn = events_connection_arn(call->arena, &row),
        .connection_state = STR("DEAUTHORIZING"),
        .creation_time = opt_i64(row.created_at_ms),
        .last_modified_time = opt_i64(row.modified_at_ms),
        .last_authorized_time = time_or_none(row.authorized_at_ms),
    };
    status = workflow_stop(call, STR(CONNECTION_WORKFLOW), out->connection_arn);
    return status == STATUS_DONE ? save(call, &row) : status;
}

enum status events_delete_connection(struct call *call,
                                     const struct events_delete_connection_in *in,
                                     struct events_delete_connection_out *out)
{
    struct events_connection_row row = {0};
    enum status status = get_connection(call, in->name, &row);
    if (status != STATUS_DONE)
        return status;
    *out = (struct events_delete_connection_out){
        .connection_arn = events_connection_arn(call->arena, &row),
        .connection_state = STR("DELETING"),
        .creation_time = opt_i64(row.created_at_ms),
        .last_modified_time = opt_i64(row.modified_at_ms),
        .last_authorized_time = time_or_none(row.authorized_at_ms),
    };
    int rc = events_store_delete_connection(call->db, call->scope, row.name);
    if (rc < 0)
        return call_fail_internal(call, rc, "events: delete a connection");
    return workflow_stop(call, STR(CONNECTION_WORKFLOW), out->connection_arn);
}

/* AWS: the secret is named after the connection. */
static struct str secret_arn(struct call *call, const struct events_connection_row *row)
{
    return str_format(call->arena,
                      "arn:aws:secretsmanager:" STR_FMT ":" STR_FMT
                      ":secret:events!connection/" STR_FMT "/" STR_FMT,
                      STR_ARG(row->scope.region), STR_ARG(row->scope.account), STR_ARG(row->name),
                      STR_ARG(row->uuid));
}

enum status events_describe_connection(struct call *call,
                                       const struct events_describe_connection_in *in,
                                       struct events_describe_connection_out *out)
{
    struct events_connection_row row = {0};
    struct str message = {0};
    enum status status = get_connection(call, in->name, &row);
    if (status != STATUS_DONE)
        return status;
    const struct json *parameters = shown(call, &row);
    struct events_connection_auth_response_parameters *auth =
        arena_alloc(call->arena, sizeof(*auth));
    const struct shape *shape =
        member_shape(events_operations[EVENTS_OP_DESCRIBE_CONNECTION].out, "AuthParameters");
    if (parameters && wire_from_json(call->arena, shape, parameters, auth, &message) < 0)
        return call_fail_internal(call, -EIO, "events: read a connection");
    *out = (struct events_describe_connection_out){
        .connection_arn = events_connection_arn(call->arena, &row),
        .name = row.name,
        .description = row.description,
        .connection_state = row.state,
        .state_reason = row.state_reason,
        .authorization_type = row.auth_type,
        .secret_arn = secret_arn(call, &row),
        .kms_key_identifier = row.kms_key,
        .auth_parameters = auth,
        .creation_time = opt_i64(row.created_at_ms),
        .last_modified_time = opt_i64(row.modified_at_ms),
        .last_authorized_time = time_or_none(row.authorized_at_ms),
    };
    return STATUS_DONE;
}

enum status events_list_connections(struct call *call, const struct events_list_connections_in *in,
                                    struct events_list_connections_out *out)
{
    struct events_page page = {0};
    struct vec rows;
    vec_init(&rows, call->arena, sizeof(struct events_connection_row));
    enum status status = events_page_begin(call, in->next_token, in->limit, in->name_prefix, &page);
    if (status != STATUS_DONE)
        return status;
    size_t max = page.limit++;
    int rc = events_store_list_connections(call->db, call->arena, call->scope, &page, &rows);
    if (rc < 0)
        return call_fail_internal(call, rc, "events: list connections");
    out->connections.is_set = true;
    out->connections.items =
        arena_alloc_array(call->arena, max + 1, sizeof(*out->connections.items));
    for (size_t i = 0; i < rows.count && i < max; i++) {
        const struct events_connection_row *row = vec_at(&rows, i);
        if (rows.count > max)
            out->next_token = events_page_token(call, row->name);
        if (in->connection_state.ptr && !str_eq(in->connection_state, row->state))
            continue;
        out->connections.items[out->connections.count++] = (struct events_connection){
            .connection_arn = events_connection_arn(call->arena, row),
            .name = row->name,
            .connection_state = row->state,
            .state_reason = row->state_reason,
            .authorization_type = row->auth_type,
            .creation_time = opt_i64(row->created_at_ms),
            .last_modified_time = opt_i64(row->modified_at_ms),
            .last_authorized_time = time_or_none(row->authorized_at_ms),
        };
    }
    return STATUS_DONE;
}

/* ---- Requests -------------------------------------------------------------------------------- */

void events_set_header(struct vec *headers, struct str name, struct str value)
{
    for (size_t i = 0; i < headers->count; i++) {
        struct http_header *header = vec_at(headers, i);
        if (str_eq_nocase(header->name, name)) {
            header->value = value;
            return;
        }
    }
    *(struct http_header *)vec_push(headers) = (struct http_header){.name = name, .value = value};
}

void events_add_http(struct call *call, const struct json *parameters, struct events_http *http)
{
    const struct json *headers = json_find_cstr(parameters, "HeaderParameters");
    const struct json *query = json_find_cstr(parameters, "QueryStringParameters");
    const struct json *body = json_find_cstr(parameters, "BodyParameters");
    for (const struct json *one = headers ? headers->first : NULL; one; one = one->next)
        events_set_header(http->headers, json_find_str(one, "Key"),
                          str_or(json_find_str(one, "Value"), STR("")));
    for (const struct json *one = query ? query->first : NULL; one; one = one->next) {
        if (http->query->len > 0)
            buf_append_char(http->query, '&');
        uri_encode(http->query, str_or(json_find_str(one, "Key"), STR("")), false);
        buf_append_char(http->query, '=');
        uri_encode(http->query, str_or(json_find_str(one, "Value"), STR("")), false);
    }
    for (const struct json *one = body && http->body ? body->first : NULL; one; one = one->next)
        json_set(http->body, str_or(json_find_str(one, "Key"), STR("")),
                 json_new_string(call->arena, str_or(json_find_str(one, "Value"), STR(""))));
}

struct str events_url(struct arena *arena, struct str endpoint, struct str query)
{
    if (query.len == 0)
        return endpoint;
    return str_concat3(arena, endpoint, str_index(endpoint, '?') < 0 ? STR("?") : STR("&"), query);
}

/* RFC 6749, 4.4: the form of a client's credentials. */
static struct str form_of(struct call *call, const struct json *fields)
{
    struct buf form;
    buf_init(&form, call->arena, MAX_QUERY);
    for (const struct json *field = fields->first; field; field = field->next) {
        if (form.len > 0)
            buf_append_char(&form, '&');
        uri_encode(&form, field->key, false);
        buf_append_char(&form, '=');
        uri_encode(&form, field->text, false);
    }
    return buf_str(&form);
}

static struct http_client_request *token_request(struct call *call, const struct json *oauth)
{
    const struct json *client = json_find_cstr(oauth, "ClientParameters");
    struct http_client_request *request = arena_alloc(call->arena, sizeof(*request));
    struct json *fields = json_new(call->arena, JSON_OBJECT);
    struct vec headers;
    struct buf query;
    vec_init(&headers, call->arena, sizeof(struct http_header));
    buf_init(&query, call->arena, MAX_QUERY);
    json_set(fields, STR("grant_type"), json_new_string(call->arena, STR("client_credentials")));
    json_set(fields, STR("client_id"),
             json_new_string(call->arena, str_or(json_find_str(client, "ClientID"), STR(""))));
    json_set(fields, STR("client_secret"),
             json_new_string(call->arena, str_or(json_find_str(client, "ClientSecret"), STR(""))));
    events_set_header(&headers, STR("Content-Type"), STR("application/x-www-form-urlencoded"));
    struct events_http http = {.headers = &headers, .query = &query, .body = fields};
    events_add_http(call, json_find_cstr(oauth, "OAuthHttpParameters"), &http);
    struct str form = form_of(call, fields);
    bool is_get = str_eq_cstr(json_find_str(oauth, "HttpMethod"), "GET");
    struct str endpoint = str_or(json_find_str(oauth, "AuthorizationEndpoint"), STR(""));
    endpoint = events_url(call->arena, endpoint, buf_str(&query));
    *request = (struct http_client_request){
        .method = str_or(json_find_str(oauth, "HttpMethod"), STR("POST")),
        .url = is_get ? events_url(call->arena, endpoint, form) : endpoint,
        .headers = headers.items,
        .header_count = headers.count,
        .body = is_get ? STR("") : form,
        .timeout_ms = TOKEN_TIMEOUT_MS,
        .max_response_bytes = TOKEN_MAX_ANSWER,
    };
    return request;
}

static int find_by_id(struct call *call, const struct workflow *workflow,
                      struct events_connection_row *out)
{
    int rc = events_find_connection(call, workflow->id, out);
    return rc == 1 && !is_oauth(out) ? 0 : rc;
}

static enum status step(struct call *call, struct workflow *workflow, enum workflow_next *out_next)
{
    struct events_connection_row row = {0};
    *out_next = WORKFLOW_DONE;
    int rc = find_by_id(call, workflow, &row);
    if (rc < 0)
        return call_fail_internal(call, rc, "events: find a connection");
    const struct json *secret = rc == 1 ? events_open_secret(call, &row) : NULL;
    const struct json *oauth = json_find_cstr(secret, "OAuthParameters");
    if (!oauth)
        return STATUS_DONE;
    workflow->request = token_request(call, oauth);
    *out_next = WORKFLOW_REQUEST;
    return STATUS_DONE;
}

/* The token of an answer, and for how many seconds it is good; absent: there is none. */
static struct str token_of(struct call *call, const struct http_client_response *response,
                           int64_t *out_seconds)
{
    struct json *json = NULL;
    *out_seconds = TOKEN_DEFAULT_S;
    if (response->error || response->status < 200 || response->status > 299 ||
        json_parse(call->arena, response->body, 0, &json, NULL) < 0)
        return (struct str){0};
    const struct json *seconds = json_find_cstr(json, "expires_in");
    if (seconds && (str_to_i64(seconds->text, out_seconds) < 0 || *out_seconds <= 0))
        *out_seconds = TOKEN_DEFAULT_S;
    return json_find_str(json, "access_token");
}

static enum status take_token(struct call *call, struct workflow *workflow,
                              const struct http_client_response *response,
                              enum workflow_next *out_next)
{
    struct events_connection_row row = {0};
    int64_t seconds = 0;
    *out_next = WORKFLOW_DONE;
    int rc = find_by_id(call, workflow, &row);
    if (rc < 0)
        return call_fail_internal(call, rc, "events: find a connection");
    if (rc == 0)
        return STATUS_DONE;
    struct str token = token_of(call, response, &seconds);
    if (!token.ptr) {
        row.state = STR("DEAUTHORIZED");
        row.state_reason =
            response->error
                ? str_copy(call->arena, str_from_cstr(response->error))
                : str_format(call->arena,
                             "The authorization endpoint answered %d and no access token.",
                             response->status);
        return save(call, &row);
    }
    rc = seal_text(call, token, &row.token);
    if (rc < 0)
        return call_fail_internal(call, rc, "events: seal a token");
    row.state = STR("AUTHORIZED");
    row.state_reason = (struct str){0};
    row.authorized_at_ms = call->now_ms;
    row.token_expires_at_ms = call->now_ms + seconds * 1000;
    workflow->run_at_ms = row.token_expires_at_ms - RENEW_BEFORE_MS;
    if (workflow->run_at_ms < call->now_ms + RENEW_BEFORE_MS)
        workflow->run_at_ms = call->now_ms + RENEW_BEFORE_MS;
    *out_next = WORKFLOW_AGAIN;
    return save(call, &row);
}

const struct workflow_kind events_connection_kind = {
    .name = STR_INIT(CONNECTION_WORKFLOW),
    .step = step,
    .answered = take_token,
};
