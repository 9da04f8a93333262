/* custom.c — AWS::CloudFormation::CustomResource and Custom::*: resources that somebody else makes,
 * asked by a message and answering with a PUT to a URL.
 *
 * A request is sent when the resource's turn comes and kept as the adapter's state; the answer
 * wakes the stack (wait.c). Attributes are what the answer's Data holds, kept with the resource.
 *
 * Docs: CloudFormation user guide, "Custom resources", "Custom resource request objects", "Custom
 * resource response objects".
 */
#include <errno.h>

#include "base/arena.h"
#include "base/rand.h"
#include "engine/events/delivery.h"
#include "service/cloudformation/cloudformation.h"
#include "syntax/json.h"

enum {
    DEFAULT_TIMEOUT_SECONDS = 3600, /* AWS: ServiceTimeout: "The default value is 3600" */
    MAX_TIMEOUT_SECONDS = 3600,
    MAX_RESPONSE_BYTES = 4096,    /* AWS: "The response object can't exceed 4,096 bytes." */
    MAX_PHYSICAL_ID_BYTES = 1024, /* AWS: PhysicalResourceId, "up to 1 KB" */
};

static enum resource_result fail_store(struct resource_call *rc, int error, const char *what)
{
    call_fail_internal(rc->call, error, what);
    return RESOURCE_FAILED;
}

/* OBSERVED: the properties of a request are text: true becomes "true", 5 becomes "5". */
static struct json *as_text(struct arena *arena, const struct json *value)
{
    switch (value->kind) {
    case JSON_TRUE:
        return json_new_string(arena, STR("true"));
    case JSON_FALSE:
        return json_new_string(arena, STR("false"));
    case JSON_NULL:
    case JSON_STRING:
    case JSON_NUMBER:
        return json_new_string(arena, str_or(value->text, STR("")));
    case JSON_ARRAY:
    case JSON_OBJECT:
        break;
    }
    struct json *copy = json_new(arena, value->kind);
    for (const struct json *child = value->first; child; child = child->next) {
        if (value->kind == JSON_OBJECT)
            json_append_member(copy, child->key, as_text(arena, child));
        else
            json_append(copy, as_text(arena, child));
    }
    return copy;
}

/* The text of a request. */
static struct str request_text(struct resource_call *rc, const char *kind, struct str request_id,
                               struct str url)
{
    struct arena *arena = rc->call->arena;
    struct json *body = json_new(arena, JSON_OBJECT);
    cfn_set_text(arena, body, "RequestType", str_from_cstr(kind));
    cfn_set_text(arena, body, "ServiceToken", resource_string(rc->properties, "ServiceToken"));
    cfn_set_text(arena, body, "ResponseURL", url);
    cfn_set_text(arena, body, "StackId", rc->stack_id);
    cfn_set_text(arena, body, "RequestId", request_id);
    cfn_set_text(arena, body, "LogicalResourceId", rc->logical_id);
    if (rc->physical_id.len > 0)
        cfn_set_text(arena, body, "PhysicalResourceId", rc->physical_id);
    cfn_set_text(arena, body, "ResourceType", rc->type_name);
    cfn_set(body, "ResourceProperties", as_text(arena, rc->properties));
    if (rc->old_properties)
        cfn_set(body, "OldResourceProperties", as_text(arena, rc->old_properties));
    return json_to_str(arena, body);
}

/* AWS: "The service token ... must be a topic or a Lambda function". */
static bool is_service_token(struct str token)
{
    bool is_kind = str_starts_with(token, STR("arn:aws:sns:")) ||
                   str_starts_with(token, STR("arn:aws:lambda:"));
    return is_kind && delivery_knows(token);
}

static enum resource_result send_request(struct resource_call *rc, const char *kind)
{
    struct arena *arena = rc->call->arena;
    struct str token = {0};
    struct str url = {0};
    struct str request_id = rand_uuid(arena);
    struct str target = resource_string(rc->properties, "ServiceToken");
    int64_t seconds =
        opt_i64_or(resource_integer(rc->properties, "ServiceTimeout"), DEFAULT_TIMEOUT_SECONDS);
    if (seconds < 1 || seconds > MAX_TIMEOUT_SECONDS)
        return resource_fail(rc, "ServiceTimeout must be a number of seconds from 1 to %d",
                             MAX_TIMEOUT_SECONDS);
    /* OBSERVED: the reason when the token is no ARN of a topic or a function. */
    if (!is_service_token(target))
        return resource_fail(rc, "Invalid service token.");
    int error = new_callback(rc, "CUSTOM", request_id, &url, &token);
    if (error < 0)
        return fail_store(rc, error, "make a callback");
    struct json *extra = json_new(arena, JSON_OBJECT);
    cfn_set_text(arena, extra, "Subject", STR("AWS CloudFormation custom resource request"));
    const struct delivery delivery = {
        .target = target,
        .body = request_text(rc, kind, request_id, url),
        .extra = extra,
        .service = STR(CFN_SERVICE),
        .source_arn = rc->stack_id,
        .source_account = rc->call->scope.account,
    };
    enum delivery_result result = DELIVERY_DONE;
    if (delivery_send(rc->call, &delivery, &result) != STATUS_DONE)
        return RESOURCE_FAILED;
    if (result == DELIVERY_REFUSED)
        return resource_fail(rc, "Unable to publish to the service token " STR_FMT,
                             STR_ARG(target));
    rc->state = json_new(arena, JSON_OBJECT);
    cfn_set_text(arena, rc->state, "Token", token);
    cfn_set_text(arena, rc->state, "RequestId", request_id);
    cfn_set_number(arena, rc->state, "Deadline", rc->call->now_ms + seconds * 1000);
    rc->retry_at_ms = rc->call->now_ms + seconds * 1000;
    return RESOURCE_IN_PROGRESS;
}

/* What the answer says. OBSERVED: the reasons. */
static enum resource_result read_answer(struct resource_call *rc, struct str text, bool is_delete)
{
    struct json *answer = NULL;
    struct str request_id = json_find_str(rc->state, "RequestId");
    if (text.len > MAX_RESPONSE_BYTES)
        return resource_fail(rc, "Response object is too long.");
    if (json_parse(rc->call->arena, text, 0, &answer, NULL) < 0 || !json_is_object(answer))
        return resource_fail(rc, "Invalid response object: not a JSON object");
    struct str status = json_find_str(answer, "Status");
    struct str physical_id = json_find_str(answer, "PhysicalResourceId");
    if (physical_id.len > MAX_PHYSICAL_ID_BYTES)
        return resource_fail(rc, "Invalid PhysicalResourceId");
    if (physical_id.len > 0)
        rc->physical_id = physical_id;
    if (str_eq(status, STR("FAILED")))
        return resource_fail(rc,
                             "Received response status [FAILED] from custom resource. Message "
                             "returned: " STR_FMT " (RequestId: " STR_FMT ")",
                             STR_ARG(str_or(json_find_str(answer, "Reason"), STR(""))),
                             STR_ARG(request_id));
    if (!str_eq(status, STR("SUCCESS")))
        return resource_fail(rc, "Invalid response status: " STR_FMT,
                             STR_ARG(str_or(status, STR(""))));
    if (!is_delete && physical_id.len == 0)
        return resource_fail(rc, "Invalid PhysicalResourceId");
    const struct json *data = json_find_cstr(answer, "Data");
    rc->data = json_new(rc->call->arena, JSON_OBJECT);
    if (json_is_object(data))
        cfn_set(rc->data, "Attributes", json_copy(rc->call->arena, data));
    const struct json *no_echo = json_find_cstr(answer, "NoEcho");
    cfn_set_flag(rc->call->arena, rc->data, "NoEcho", no_echo && no_echo->kind == JSON_TRUE);
    return RESOURCE_DONE;
}

/* Sends the request, then waits for its answer. */
static enum resource_result ask(struct resource_call *rc, const char *kind)
{
    bool is_delete = str_eq_cstr(STR("Delete"), kind);
    struct str token = json_find_str(rc->state, "Token");
    if (!token.ptr)
        return send_request(rc, kind);
    struct cfn_callback callback = {0};
    int found = cfn_store_find_callback(rc->call->db, rc->call->arena, token, &callback);
    if (found < 0)
        return fail_store(rc, found, "find a callback");
    int64_t deadline = cfn_number(rc->state, "Deadline");
    bool is_late = rc->call->now_ms >= deadline;
    if (!callback.answer.ptr && !is_late) {
        rc->retry_at_ms = deadline;
        return RESOURCE_IN_PROGRESS;
    }
    int error = cfn_store_delete_callback(rc->call->db, token);
    if (error < 0)
        return fail_store(rc, error, "delete a callback");
    if (callback.answer.ptr)
        return read_answer(rc, callback.answer, is_delete);
    /* OBSERVED: the reason after the timeout. */
    return resource_fail(rc,
                         "CloudFormation did not receive a response from your Custom Resource. "
                         "Please check your logs for requestId [" STR_FMT
                         "]. If you are using the Python cfn-response module, you may need to "
                         "update your Lambda function code so that CloudFormation can attach the "
                         "updated version.",
                         STR_ARG(json_find_str(rc->state, "RequestId")));
}

enum resource_result create_custom(struct resource_call *rc)
{
    bool was_sent = json_find_str(rc->state, "Token").ptr != NULL;
    enum resource_result result = ask(rc, "Create");
    /* AWS: who did not answer with an id is told to delete one that CloudFormation made up. */
    if (result == RESOURCE_FAILED && was_sent && rc->physical_id.len == 0)
        rc->physical_id = resource_physical_name(rc, MAX_PHYSICAL_ID_BYTES, STR(""));
    return result;
}

enum resource_result update_custom(struct resource_call *rc)
{
    /* AWS: ServiceToken: "Updates aren't supported." OBSERVED: the text. */
    if (!str_eq(resource_string(rc->properties, "ServiceToken"),
                resource_string(rc->old_properties, "ServiceToken")))
        return resource_fail(rc, "Modifying service token is not allowed.");
    return ask(rc, "Update");
}

enum resource_result remove_custom(struct resource_call *rc)
{
    /* It never answered with an id: there is nothing that could be named. */
    if (rc->physical_id.len == 0)
        return RESOURCE_DONE;
    return ask(rc, "Delete");
}

/* AWS: "Data: ... you can access these name-value pairs by name in the template with Fn::GetAtt".
 * Names with dots reach into objects. */
enum resource_result custom_attribute(struct resource_call *rc, struct str name,
                                      struct json **out_value)
{
    const struct json *at = json_find_cstr(rc->data, "Attributes");
    const struct json *whole = json_find(at, name);
    struct str rest = name;
    struct str part = {0};
    while (!whole && at && str_split_next(&rest, '.', &part))
        at = json_find(at, part);
    const struct json *value = whole ? whole : at;
    if (!value)
        /* OBSERVED: the reason of a Fn::GetAtt of what the answer did not have. */
        return resource_fail(
            rc,
            "CustomResource attribute error: Vendor response doesn't contain " STR_FMT
            " attribute in object " STR_FMT "|" STR_FMT "|" STR_FMT,
            STR_ARG(name), STR_ARG(rc->stack_id), STR_ARG(rc->logical_id),
            STR_ARG(rc->physical_id));
    *out_value = json_copy(rc->call->arena, value);
    return RESOURCE_DONE;
}
