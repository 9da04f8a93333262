/* authorize.c — may this principal do this? Gathers what applies and asks the policy engine.
 *
 * The order of evaluation is the policy library's (auth/policy.h). Here: which documents apply to
 * whom, the context keys every request has, and AWS's words for a refusal.
 *
 * Docs: IAM user guide, "AWS global condition context keys", "Troubleshoot access denied error
 * messages" (the texts), "Policy evaluation logic".
 */
#include <errno.h>

#include "auth/policy.h"
#include "base/arena.h"
#include "base/vec.h"
#include "syntax/json.h"
#include "syntax/time.h"
#include "wire/call.h"
#include "wire/identity.h"
#include "wire/runtime.h"

static void add_key(struct vec *keys, struct str key, struct str value)
{
    if (!value.ptr)
        return;
    struct str *values = arena_alloc(keys->arena, sizeof(*values));
    values[0] = value;
    *(struct policy_context_key *)vec_push(keys) =
        (struct policy_context_key){.key = key, .values = values, .value_count = 1};
}

static struct str bool_text(bool value)
{
    return value ? STR("true") : STR("false");
}

/* AWS: aws:PrincipalType and aws:userid by kind of principal ("Principal key values" table). */
static struct str principal_type(const struct principal *principal)
{
    switch (principal->kind) {
    case PRINCIPAL_ROOT:
        return STR("Account");
    case PRINCIPAL_USER:
        return STR("User");
    case PRINCIPAL_ASSUMED_ROLE:
        return STR("AssumedRole");
    case PRINCIPAL_FEDERATED_USER:
        return STR("FederatedUser");
    case PRINCIPAL_ANONYMOUS:
        return STR("Anonymous");
    case PRINCIPAL_SERVICE:
        break;
    }
    return (struct str){0};
}

static void add_principal_keys(struct call *call, struct vec *keys)
{
    const struct principal *principal = call->principal;
    bool is_service = principal->kind == PRINCIPAL_SERVICE;
    add_key(keys, STR("aws:PrincipalIsAWSService"), bool_text(is_service));
    add_key(keys, STR("aws:PrincipalType"), principal_type(principal));
    if (is_service) {
        add_key(keys, STR("aws:PrincipalServiceName"), principal->name);
        add_key(keys, STR("aws:SourceAccount"), principal->account);
        add_key(keys, STR("aws:SourceArn"), principal->source_arn);
        return;
    }
    if (principal->kind == PRINCIPAL_ANONYMOUS)
        return;
    /* AWS: of a role session "the ARN of the role"; of a federated user its own. */
    bool is_role = principal->kind == PRINCIPAL_ASSUMED_ROLE && principal->role_arn.len > 0;
    add_key(keys, STR("aws:PrincipalArn"), is_role ? principal->role_arn : principal->arn);
    add_key(keys, STR("aws:PrincipalAccount"), principal->account);
    add_key(keys, STR("aws:userid"), principal->user_id);
    if (principal->kind == PRINCIPAL_USER)
        add_key(keys, STR("aws:username"), principal->name);
    if (principal->is_temporary && principal->token_issued_at_ms != 0)
        add_key(keys, STR("aws:TokenIssueTime"),
                time_rfc3339(call->arena, principal->token_issued_at_ms));
    if (principal->is_temporary)
        add_key(keys, STR("aws:MultiFactorAuthPresent"), STR("false"));
    if (!principal->session_tags)
        return;
    for (const struct json *tag = principal->session_tags->first; tag; tag = tag->next)
        add_key(keys, str_concat(call->arena, STR("aws:PrincipalTag/"), tag->key), tag->text);
}

static void add_request_keys(struct call *call, const struct authorization *what, struct vec *keys)
{
    add_key(keys, STR("aws:CurrentTime"), time_rfc3339(call->arena, call->now_ms));
    add_key(keys, STR("aws:EpochTime"),
            str_format(call->arena, "%lld", (long long)(call->now_ms / 1000)));
    if (call->scope.region.len > 0)
        add_key(keys, STR("aws:RequestedRegion"), call->scope.region);
    add_key(keys, STR("aws:SecureTransport"), bool_text(call->is_secure_transport));
    if (call->via_service.len > 0) {
        add_key(keys, STR("aws:CalledVia"), call->via_service);
        add_key(keys, STR("aws:CalledViaFirst"), call->via_service);
        add_key(keys, STR("aws:CalledViaLast"), call->via_service);
    } else if (call->source_ip.len > 0) {
        add_key(keys, STR("aws:SourceIp"), call->source_ip);
    }
    add_key(keys, STR("aws:ViaAWSService"), bool_text(call->via_service.len > 0));
    if (call->user_agent.len > 0)
        add_key(keys, STR("aws:UserAgent"), call->user_agent);
    struct str owner =
        what->resource_account.len > 0 ? what->resource_account : call->scope.account;
    add_key(keys, STR("aws:ResourceAccount"), owner);
    for (size_t i = 0; i < what->condition_count; i++) {
        const struct condition_value *condition = &what->conditions[i];
        *(struct policy_context_key *)vec_push(keys) =
            (struct policy_context_key){.key = condition->key,
                                        .values = condition->values,
                                        .value_count = condition->value_count};
    }
}

static struct policy_principal describe_principal(struct call *call,
                                                  const struct authorization *what)
{
    const struct principal *principal = call->principal;
    if (principal->kind == PRINCIPAL_SERVICE)
        return (struct policy_principal){.service = principal->name};
    if (principal->kind == PRINCIPAL_ANONYMOUS)
        return (struct policy_principal){.federated = principal->federated};
    struct policy_principal out = {
        .account = principal->account,
        .arn = principal->arn,
        .role_arn = principal->role_arn,
        .user_id = principal->user_id,
        .is_root = principal->kind == PRINCIPAL_ROOT,
        .is_federated_user = principal->kind == PRINCIPAL_FEDERATED_USER,
    };
    if (principal->kind == PRINCIPAL_ASSUMED_ROLE) {
        ptrdiff_t colon = str_index(principal->user_id, ':');
        out.role_id =
            colon < 0 ? principal->user_id : str_slice(principal->user_id, 0, (size_t)colon);
    }
    if (what->resource_policy.len > 0)
        out.canonical_user = identity_canonical_user(call->arena, principal->account);
    return out;
}

/* Session policies were checked by STS when the session was made. */
static int gather_session(struct call *call, struct policy_inputs *inputs)
{
    const struct json *documents = call->principal->session_policies;
    if (!documents)
        return 0;
    const struct policy **list =
        arena_alloc_array(call->arena, documents->count + 1, sizeof(*list));
    size_t count = 0;
    for (const struct json *item = documents->first; item; item = item->next) {
        list[count] = identity_compile(item->text, POLICY_SESSION);
        if (!list[count++])
            return -EIO;
    }
    inputs->session = (struct policy_set){.policies = list, .count = count};
    inputs->has_session = true;
    return 0;
}

static int gather(struct call *call, const struct authorization *what, struct policy_inputs *inputs,
                  struct vec *keys)
{
    const struct principal *principal = call->principal;
    inputs->resource_policy_required = what->trusts_only_policy;
    bool has_identity = principal->kind == PRINCIPAL_USER ||
                        principal->kind == PRINCIPAL_ASSUMED_ROLE ||
                        principal->kind == PRINCIPAL_FEDERATED_USER;
    if (has_identity) {
        const struct condition_value *tags = NULL;
        size_t tag_count = 0;
        const struct policy **boundary = arena_alloc(call->arena, sizeof(*boundary));
        int rc = identity_policies(call->runtime, call->db, call->arena, principal,
                                   &inputs->identity, boundary, &tags, &tag_count);
        if (rc < 0)
            return rc;
        inputs->has_boundary = *boundary != NULL;
        inputs->boundary =
            (struct policy_set){.policies = boundary, .count = inputs->has_boundary ? 1 : 0};
        for (size_t i = 0; i < tag_count; i++)
            add_key(keys, tags[i].key, tags[i].values[0]);
        rc = gather_session(call, inputs);
        if (rc < 0)
            return rc;
    }
    if (what->resource_policy.len == 0)
        return 0;
    const struct policy **resource = arena_alloc(call->arena, sizeof(*resource));
    *resource = identity_compile(what->resource_policy,
                                 what->trusts_only_policy ? POLICY_TRUST : POLICY_RESOURCE);
    if (!*resource)
        *resource = identity_compile(what->resource_policy, POLICY_RESOURCE);
    if (!*resource)
        return -EIO;
    inputs->resource = (struct policy_set){.policies = resource, .count = 1};
    return 0;
}

/* 0 with the result, or -errno. */
static int evaluate(struct call *call, const struct authorization *what,
                    struct policy_result *out_result)
{
    const struct principal *principal = call->principal;
    struct str owner =
        what->resource_account.len > 0 ? what->resource_account : call->scope.account;
    bool is_own = str_eq(owner, principal->account);
    if (principal->kind == PRINCIPAL_ROOT && is_own && what->resource_policy.len == 0 &&
        !what->trusts_only_policy) {
        *out_result = (struct policy_result){.decision = POLICY_ALLOWED};
        return 0;
    }
    struct vec keys;
    vec_init(&keys, call->arena, sizeof(struct policy_context_key));
    add_principal_keys(call, &keys);
    add_request_keys(call, what, &keys);
    struct policy_inputs inputs = {0};
    int rc = gather(call, what, &inputs, &keys);
    if (rc < 0)
        return rc;
    const struct policy_context context = {.keys = keys.items, .key_count = keys.count};
    const struct policy_request request = {
        .principal = describe_principal(call, what),
        .action = what->action,
        .resource = what->resource,
        .resource_account = owner,
        .context = &context,
    };
    *out_result = policy_evaluate(call->arena, &request, &inputs);
    return 0;
}

static const char *source_name(enum policy_source source)
{
    switch (source) {
    case POLICY_SOURCE_RESOURCE:
        return "resource-based policy";
    case POLICY_SOURCE_BOUNDARY:
        return "permissions boundary";
    case POLICY_SOURCE_SESSION:
        return "session policy";
    case POLICY_SOURCE_SERVICE_CONTROL:
        return "service control policy";
    case POLICY_SOURCE_NONE:
    case POLICY_SOURCE_IDENTITY:
        break;
    }
    return "identity-based policy";
}

/* AWS: "Troubleshoot access denied error messages": the policy type is named for requests inside
 * one account; for cross-account requests the text ends with the resource. */
static enum status refuse(struct call *call, const struct authorization *what,
                          const struct policy_result *result)
{
    const struct principal *principal = call->principal;
    struct str who = principal->kind == PRINCIPAL_ANONYMOUS ? STR("anonymous")
                     : principal->kind == PRINCIPAL_SERVICE ? principal->name
                                                            : principal->arn;
    struct str text =
        str_format(call->arena, "User: " STR_FMT " is not authorized to perform: " STR_FMT,
                   STR_ARG(who), STR_ARG(what->action));
    if (what->resource.len > 0 && !str_eq_cstr(what->resource, "*"))
        text = str_format(call->arena, STR_FMT " on resource: " STR_FMT, STR_ARG(text),
                          STR_ARG(what->resource));
    bool is_cross_account =
        what->resource_account.len > 0 && !str_eq(what->resource_account, principal->account);
    const char *source = source_name(result->source);
    const char *article =
        result->source == POLICY_SOURCE_NONE || result->source == POLICY_SOURCE_IDENTITY ? "an"
                                                                                         : "a";
    if (is_cross_account)
        return call_fail(call, &ERROR_ACCESS_DENIED, STR_FMT, STR_ARG(text));
    if (result->decision == POLICY_EXPLICIT_DENY)
        return call_fail(call, &ERROR_ACCESS_DENIED, STR_FMT " with an explicit deny in %s %s",
                         STR_ARG(text), article, source);
    return call_fail(call, &ERROR_ACCESS_DENIED,
                     STR_FMT " because no %s allows the " STR_FMT " action", STR_ARG(text), source,
                     STR_ARG(what->action));
}

enum status call_authorize(struct call *call, const struct authorization *what)
{
    struct policy_result result = {0};
    int rc = evaluate(call, what, &result);
    if (rc < 0)
        return call_fail_internal(call, rc, "authorize");
    if (result.decision == POLICY_ALLOWED)
        return STATUS_DONE;
    return refuse(call, what, &result);
}

bool call_is_allowed(struct call *call, const struct authorization *what)
{
    struct policy_result result = {0};
    return evaluate(call, what, &result) == 0 && result.decision == POLICY_ALLOWED;
}
