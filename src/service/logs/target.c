/* target.c — log groups as targets of deliveries: EventBridge writes an event to a group.
 *
 * The source acts as a service and needs a resource policy of the account that lets it
 * (logs:CreateLogStream, logs:PutLogEvents). Each source has a stream of its own.
 *
 * Docs: EventBridge user guide, "CloudWatch Logs" among the targets; "Using resource-based policies
 * for Amazon EventBridge: CloudWatch Logs permissions".
 */
#include "auth/digest.h"
#include "base/arena.h"
#include "service/logs/logs.h"
#include "syntax/json.h"

enum {
    MAX_POLICIES = 10,
    STREAM_DIGITS = 32,
};

/* All resource policies of the account as one document. */
static int read_policies(struct call *call, struct scope scope, struct str *out_document)
{
    const struct log_item_list list = {.kind = STR("policy")};
    struct log_item items[MAX_POLICIES];
    struct json *document = json_new(call->arena, JSON_OBJECT);
    struct json *statements = json_new(call->arena, JSON_ARRAY);
    int64_t count = logs_store_list_items(call->db, call->arena, scope, &list, MAX_POLICIES, items);
    for (int64_t i = 0; i < count; i++) {
        struct json *value = NULL;
        struct json *policy = NULL;
        if (json_parse(call->arena, items[i].value, 0, &value, NULL) < 0 ||
            json_parse(call->arena, json_find_str(value, "document"), 0, &policy, NULL) < 0)
            continue;
        const struct json *statement = json_find_cstr(policy, "Statement");
        if (json_is_object(statement))
            json_append(statements, json_copy(call->arena, statement));
        const struct json *item = json_is_array(statement) ? statement->first : NULL;
        for (; item; item = item->next)
            json_append(statements, json_copy(call->arena, item));
    }
    json_append_member(document, STR("Version"), json_new_string(call->arena, STR("2012-10-17")));
    json_append_member(document, STR("Statement"), statements);
    if (statements->count > 0)
        *out_document = json_to_str(call->arena, document);
    return count < 0 ? (int)count : 0;
}

static bool may_write(struct call *call, const struct principal *principal,
                      const struct log_group *group, struct str stream, struct str policies)
{
    struct call inner = *call;
    inner.principal = principal;
    const struct authorization what = {
        .action = STR("logs:PutLogEvents"),
        .resource = str_concat3(call->arena, group->arn, STR(":log-stream:"), stream),
        .resource_policy = policies,
        .resource_account = group->scope.account,
    };
    return call_is_allowed(&inner, &what);
}

static bool parse_target(struct str arn, struct str *out_name)
{
    ptrdiff_t at = str_find(arn, STR(":log-group:"));
    if (at < 0)
        return false;
    *out_name = str_from(arn, (size_t)at + STR(":log-group:").len);
    ptrdiff_t colon = str_index(*out_name, ':');
    if (colon >= 0)
        *out_name = str_slice(*out_name, 0, (size_t)colon);
    return out_name->len > 0;
}

static enum delivery_result refuse(struct call *call, const struct api_error *error,
                                   struct str message, struct call_error *out_error)
{
    (void)call;
    *out_error = (struct call_error){.error = error, .message = message};
    return DELIVERY_REFUSED;
}

static enum delivery_result deliver(struct call *call, const struct delivery *delivery,
                                    const struct principal *principal, const struct scope *scope,
                                    struct call_error *out_error)
{
    struct str name = {0};
    struct str policies = {0};
    struct log_group group = {0};
    const struct logs_line line = {.at_ms = call->now_ms, .text = delivery->body};
    struct str stream = str_slice(
        digest_sha256_hex(call->arena, str_or(delivery->source_arn, STR(""))), 0, STREAM_DIGITS);
    if (!parse_target(delivery->target, &name))
        return refuse(call, &LOGS_INVALID_PARAMETER_EXCEPTION,
                      STR("The target is not the ARN of a log group."), out_error);
    int rc = logs_store_find_group(call->db, call->arena, *scope, name, &group);
    if (rc == 0)
        return refuse(call, &LOGS_RESOURCE_NOT_FOUND_EXCEPTION,
                      STR("The specified log group does not exist."), out_error);
    if (rc == 1)
        rc = read_policies(call, *scope, &policies);
    if (rc < 0) {
        (void)call_fail_internal(call, rc, "logs: deliver to a group");
        *out_error = call->error;
        return DELIVERY_RETRY;
    }
    if (!may_write(call, principal, &group, stream, policies))
        return refuse(call, &ERROR_ACCESS_DENIED,
                      STR("No resource policy lets the service write to the log group."),
                      out_error);
    if (logs_write(call, *scope, name, stream, &line, 1) == STATUS_DONE)
        return DELIVERY_DONE;
    *out_error = call->error;
    return call->store_errno != 0 ? DELIVERY_RETRY : DELIVERY_REFUSED;
}

const struct delivery_target logs_delivery_target = {
    .service = STR_INIT("logs"),
    .deliver = deliver,
};
