/* role.c — AssumeRole: the trust policy decides, then a session of the role is issued.
 *
 * Docs: STS API reference, AssumeRole; IAM user guide, "Requesting temporary security credentials".
 */
#include "auth/policy.h"
#include "base/arena.h"
#include "service/iam/iam_public.h"
#include "service/sts/sts.h"
#include "syntax/json.h"

enum {
    DEFAULT_SECONDS = 3600,
    CHAINED_MAX_SECONDS = 3600, /* AWS: role chaining limits the session to one hour */
};

bool sts_split_role_arn(struct str arn, struct str *out_account, struct str *out_name)
{
    struct str rest = arn;
    struct str parts[6];
    for (size_t i = 0; i < 5; i++) {
        if (!str_split_next(&rest, ':', &parts[i]))
            return false;
    }
    parts[5] = rest;
    if (!str_eq_cstr(parts[0], "arn") || !str_eq_cstr(parts[1], "aws") ||
        !str_eq_cstr(parts[2], "iam") || parts[3].len != 0 || parts[4].len != 12 ||
        !str_starts_with(parts[5], STR("role/")))
        return false;
    ptrdiff_t slash = str_last_index(parts[5], '/');
    *out_account = parts[4];
    *out_name = str_from(parts[5], (size_t)slash + 1);
    return out_name->len > 0;
}

void sts_add_condition(struct arena *arena, struct sts_conditions *conditions, struct str key,
                       struct str value)
{
    if (!value.ptr)
        return;
    CHECK(conditions->count < STS_MAX_CONDITIONS);
    struct str *values = arena_alloc(arena, sizeof(*values));
    values[0] = value;
    conditions->items[conditions->count++] =
        (struct condition_value){.key = key, .values = values, .value_count = 1};
}

void sts_add_conditions(struct arena *arena, struct sts_conditions *conditions, struct str key,
                        const struct json *list)
{
    if (!json_is_array(list) || list->count == 0)
        return;
    CHECK(conditions->count < STS_MAX_CONDITIONS);
    struct str *values = arena_alloc_array(arena, list->count, sizeof(*values));
    size_t count = 0;
    for (const struct json *item = list->first; item; item = item->next) {
        if (json_is_string(item))
            values[count++] = item->text;
    }
    conditions->items[conditions->count++] =
        (struct condition_value){.key = key, .values = values, .value_count = count};
}

static void add_tag_conditions(struct arena *arena, const struct sts_assume_role_in *in,
                               struct sts_conditions *conditions)
{
    if (in->tags.count == 0)
        return;
    struct str *keys = arena_alloc_array(arena, in->tags.count, sizeof(*keys));
    for (size_t i = 0; i < in->tags.count; i++) {
        keys[i] = in->tags.items[i].key;
        sts_add_condition(arena, conditions,
                          str_concat(arena, STR("aws:RequestTag/"), in->tags.items[i].key),
                          in->tags.items[i].value);
    }
    conditions->items[conditions->count++] = (struct condition_value){
        .key = STR("aws:TagKeys"), .values = keys, .value_count = in->tags.count};
    if (in->transitive_tag_keys.count > 0)
        conditions->items[conditions->count++] = (struct condition_value){
            .key = STR("sts:TransitiveTagKeys"),
            .values = in->transitive_tag_keys.items,
            .value_count = in->transitive_tag_keys.count,
        };
}

/* The trust policy must allow the call, and besides what goes with it. */
static enum status check_trust(struct call *call, const struct sts_assume_role_in *in,
                               const struct iam_role_row *role, struct str account)
{
    struct sts_conditions conditions = {0};
    sts_add_condition(call->arena, &conditions, STR("sts:ExternalId"), in->external_id);
    sts_add_condition(call->arena, &conditions, STR("sts:RoleSessionName"), in->role_session_name);
    sts_add_condition(call->arena, &conditions, STR("sts:SourceIdentity"), in->source_identity);
    add_tag_conditions(call->arena, in, &conditions);
    const struct {
        struct str action;
        bool is_needed;
    } actions[] = {
        {STR_INIT("sts:AssumeRole"), true},
        {STR_INIT("sts:TagSession"), in->tags.count > 0},
        {STR_INIT("sts:SetSourceIdentity"), in->source_identity.len > 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
        if (!actions[i].is_needed)
            continue;
        const struct authorization what = {
            .action = actions[i].action,
            .resource = role->arn,
            .resource_policy = role->trust_policy,
            .resource_account = account,
            .conditions = conditions.items,
            .condition_count = conditions.count,
            .trusts_only_policy = true,
        };
        enum status status = call_authorize(call, &what);
        if (status != STATUS_DONE)
            return status;
    }
    return STATUS_DONE;
}

/* AWS: transitive tags of the caller's session go on into the session of the next role; session
 * tags stand over the role's own. */
static void add_role_tags(struct call *call, const struct iam_role_row *role, struct json **tags)
{
    for (size_t i = 0; i < role->tag_count; i++) {
        if (!*tags)
            *tags = json_new(call->arena, JSON_OBJECT);
        if (!json_find(*tags, role->tags[i].key))
            json_append_member(*tags, role->tags[i].key,
                               json_new_string(call->arena, role->tags[i].value));
    }
}

static enum status check_duration(struct call *call, const struct sts_role_request *request)
{
    bool is_chained = call->principal->kind == PRINCIPAL_ASSUMED_ROLE && !request->is_federated;
    if (is_chained && request->seconds > CHAINED_MAX_SECONDS)
        return call_fail(call, &ERROR_VALIDATION,
                         "The requested DurationSeconds exceeds the 1 hour session limit for roles "
                         "assumed by role chaining.");
    if (request->seconds > request->role->max_session_seconds)
        return call_fail(call, &ERROR_VALIDATION,
                         "The requested DurationSeconds exceeds the MaxSessionDuration set for "
                         "this role.");
    return STATUS_DONE;
}

enum status sts_open_role_session(struct call *call, const struct sts_role_request *request,
                                  struct sts_assumed_role_user **out_user,
                                  struct sts_credentials **out_credentials)
{
    const struct iam_role_row *role = request->role;
    struct json *policies = NULL;
    struct json *tags = request->tags;
    enum status status = check_duration(call, request);
    if (status == STATUS_DONE)
        status = sts_gather_policies(call, &request->policies, &policies);
    if (status != STATUS_DONE)
        return status;
    add_role_tags(call, role, &tags);
    const struct principal principal =
        sts_role_principal(call, role, request->account, request->session_name);
    const struct sts_session session = {
        .kind = PRINCIPAL_ASSUMED_ROLE,
        .account = request->account,
        .arn = principal.arn,
        .user_id = principal.user_id,
        .name = role->name,
        .session_name = request->session_name,
        .role_arn = role->arn,
        .policies = policies->count > 0 ? policies : NULL,
        .tags = tags,
        .expires_at_ms = call->now_ms + request->seconds * 1000,
    };
    int rc = iam_note_role_used(call->db, request->account, role->name, call->scope.region,
                                call->now_ms);
    if (rc < 0)
        return call_fail_internal(call, rc, "note the role's use");
    *out_user = arena_alloc(call->arena, sizeof(**out_user));
    (*out_user)->arn = principal.arn;
    (*out_user)->assumed_role_id = principal.user_id;
    return sts_credentials_for(call, &session, out_credentials);
}

/* DEVIATION: the root of an account may assume roles. AWS answers "Roles may not be assumed by root
 * accounts."; here a 12-digit key id is the root and the usual way to begin, and the trust policy
 * is checked all the same. */
enum status sts_assume_role(struct call *call, const struct sts_assume_role_in *in,
                            struct sts_assume_role_out *out)
{
    struct str account = {0};
    struct str name = {0};
    if (!sts_split_role_arn(in->role_arn, &account, &name))
        return call_fail(call, &ERROR_VALIDATION, STR_FMT " is invalid", STR_ARG(in->role_arn));
    struct iam_role_row role = {0};
    int rc = iam_find_role(call->db, call->arena, account, name, &role);
    if (rc < 0)
        return call_fail_internal(call, rc, "find a role");
    /* AWS does not tell a role that is missing from one that does not trust the caller. */
    if (rc == 0 || !str_eq(role.arn, in->role_arn))
        return call_fail(call, &ERROR_ACCESS_DENIED,
                         "User: " STR_FMT " is not authorized to perform: sts:AssumeRole on "
                         "resource: " STR_FMT,
                         STR_ARG(call->principal->arn), STR_ARG(in->role_arn));
    struct json *tags = NULL;
    enum status status = check_trust(call, in, &role, account);
    if (status == STATUS_DONE)
        status = sts_gather_tags(call, &in->tags, &tags);
    if (status != STATUS_DONE)
        return status;
    const struct sts_role_request request = {
        .role = &role,
        .account = account,
        .session_name = in->role_session_name,
        .policies = {.policy = in->policy, .policy_arns = &in->policy_arns, .tags = &in->tags},
        .tags = tags,
        .seconds = opt_i32_or(in->duration_seconds, DEFAULT_SECONDS),
    };
    out->packed_policy_size = sts_packed_size(&request.policies);
    out->source_identity = in->source_identity;
    return sts_open_role_session(call, &request, &out->assumed_role_user, &out->credentials);
}
