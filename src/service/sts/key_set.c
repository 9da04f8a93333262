/* key_set.c — the keys of identity providers: fetched when a token first needs them, kept, and
 * fetched again when a token names a key that is not among them.
 *
 *   a call finds no (or too old) keys ──► posts start_fetch to its loop, waits for the channel
 *   workflow "sts.keys":  step: GET ISSUER/.well-known/openid-configuration
 *                         answered: jwks_uri, GET it; answered: the set is written, callers wake
 *
 * Fetching writes, and a call that waits must not have written anything: so the fetch is begun
 * outside the call. What cannot be fetched is remembered for a moment as well, so that callers get
 * an answer instead of another attempt.
 *
 * Standards: OpenID Connect Discovery 1.0; RFC 7517.
 */
#include <string.h>

#include "base/arena.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/client.h"
#include "net/loop.h"
#include "service/iam/iam_public.h"
#include "service/sts/sts.h"
#include "syntax/json.h"
#include "wire/executor.h"

#define KEYS_WORKFLOW "sts.keys"

enum {
    FETCH_TIMEOUT_MS = 5000,
    MAX_DOCUMENT_BYTES = 256 * 1024,
    WAIT_MS = 11000,            /* two requests and a little */
    REFRESH_MIN_MS = 30 * 1000, /* a provider is not asked more often */
};

static struct str channel_of(struct arena *arena, struct str issuer)
{
    return str_concat(arena, STR("sts.keys:"), issuer);
}

/* ---- Asking ---------------------------------------------------------------------------------- */

struct fetch {
    struct executor *executor;
    struct arena *arena; /* owns this struct */
    struct scope scope;
    struct str issuer;
    struct str thumbprints;
};

static enum status start(struct call *call, void *context)
{
    const struct fetch *fetch = context;
    int rc = workflow_exists(call, STR(KEYS_WORKFLOW), fetch->issuer);
    if (rc != 0)
        return rc < 0 ? call_fail_internal(call, rc, "look for a fetch of keys") : STATUS_DONE;
    struct json *state = json_new(call->arena, JSON_OBJECT);
    json_append_member(state, STR("thumbprints"), json_new_string(call->arena, fetch->thumbprints));
    return workflow_start(call, STR(KEYS_WORKFLOW), fetch->issuer, state);
}

static void start_fetch(void *context)
{
    struct fetch *fetch = context;
    static const struct principal nobody = {.kind = PRINCIPAL_SERVICE, .name = STR_INIT("virga")};
    struct call_error error = {0};
    int rc = executor_run_task(fetch->executor, fetch->arena, &nobody, fetch->scope, start, fetch,
                               &error);
    if (rc < 0) /* the caller's wait ends by its deadline */
        log_message(LOG_WARN, "the keys of an identity provider cannot be asked for: %s",
                    strerror(-rc));
    arena_free(fetch->arena);
}

enum status sts_find_key_set(struct call *call, struct str issuer, struct str thumbprints,
                             bool must_be_fresh, struct json **out_set)
{
    struct sts_key_set row = {0};
    int rc = sts_store_find_key_set(call->db, call->arena, issuer, &row);
    if (rc < 0)
        return call_fail_internal(call, rc, "find the keys of a provider");
    *out_set = NULL;
    bool is_recent = rc == 1 && call->now_ms - row.fetched_at_ms < REFRESH_MIN_MS;
    bool has_waited = call->now_ms >= call->started_at_ms + WAIT_MS;
    bool is_enough = rc == 1 && (is_recent || (row.document.len > 0 && !must_be_fresh));
    if (is_enough || has_waited || !call_executor(call)) {
        if (rc == 1 && row.document.len > 0 &&
            json_parse(call->arena, row.document, 0, out_set, NULL) < 0)
            *out_set = NULL;
        return STATUS_DONE;
    }
    if (call->run_count == 1) {
        struct arena *arena = arena_new();
        struct fetch *fetch = arena_alloc(arena, sizeof(*fetch));
        *fetch = (struct fetch){
            .executor = call_executor(call),
            .arena = arena,
            .scope = {.account = str_copy(arena, call->scope.account),
                      .region = str_copy(arena, call->scope.region)},
            .issuer = str_copy(arena, issuer),
            .thumbprints = str_copy(arena, thumbprints),
        };
        loop_post(executor_loop(fetch->executor), start_fetch, fetch);
    }
    return call_wait(call, channel_of(call->arena, issuer), call->started_at_ms + WAIT_MS);
}

/* ---- Fetching -------------------------------------------------------------------------------- */

static const struct http_client_request *request_of(struct call *call, const struct json *state,
                                                    struct str url)
{
    struct http_client_request *request = arena_alloc(call->arena, sizeof(*request));
    *request = (struct http_client_request){
        .method = STR("GET"),
        .url = url,
        .timeout_ms = FETCH_TIMEOUT_MS,
        .max_response_bytes = MAX_DOCUMENT_BYTES,
        .thumbprints = json_find_str(state, "thumbprints"),
    };
    return request;
}

static enum status ask_discovery(struct call *call, struct workflow *workflow,
                                 enum workflow_next *out_next)
{
    json_remove(workflow->state, STR("jwks_uri"));
    struct str issuer = workflow->id;
    while (str_ends_with(issuer, STR("/")))
        issuer = str_slice(issuer, 0, issuer.len - 1);
    struct str url = str_concat(call->arena, issuer, STR("/.well-known/openid-configuration"));
    workflow->request = request_of(call, workflow->state, url);
    *out_next = WORKFLOW_REQUEST;
    return STATUS_DONE;
}

static enum status finish(struct call *call, const struct workflow *workflow, struct str document,
                          enum workflow_next *out_next)
{
    const struct sts_key_set row = {
        .issuer = workflow->id, .document = document, .fetched_at_ms = call->now_ms};
    int rc = sts_store_put_key_set(call->db, &row);
    if (rc < 0)
        return call_fail_internal(call, rc, "keep the keys of a provider");
    call_notify(call, channel_of(call->arena, workflow->id));
    *out_next = WORKFLOW_DONE;
    return STATUS_DONE;
}

static enum status take_answer(struct call *call, struct workflow *workflow,
                               const struct http_client_response *response,
                               enum workflow_next *out_next)
{
    struct json *document = NULL;
    bool is_good = response->status == 200 &&
                   json_parse(call->arena, response->body, 0, &document, NULL) == 0 &&
                   json_is_object(document);
    if (!is_good)
        return finish(call, workflow, STR(""), out_next);
    if (json_find_cstr(workflow->state, "jwks_uri"))
        return finish(call, workflow, json_to_str(call->arena, document), out_next);
    struct str url = json_find_str(document, "jwks_uri");
    if (!str_starts_with(url, STR("https://")))
        return finish(call, workflow, STR(""), out_next);
    json_append_member(workflow->state, STR("jwks_uri"),
                       json_new_string(call->arena, str_copy(call->arena, url)));
    workflow->request = request_of(call, workflow->state, url);
    *out_next = WORKFLOW_REQUEST;
    return STATUS_DONE;
}

const struct workflow_kind sts_keys_kind = {
    .name = STR_INIT(KEYS_WORKFLOW),
    .step = ask_discovery,
    .answered = take_answer,
};
