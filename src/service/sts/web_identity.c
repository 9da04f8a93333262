/* web_identity.c — AssumeRoleWithWebIdentity: a token of an OpenID Connect provider that the
 * account trusts becomes a session of a role.
 *
 * Docs: STS API reference, AssumeRoleWithWebIdentity; IAM user guide, "Available keys for AWS OIDC
 * federation", "Passing session tags using AssumeRoleWithWebIdentity".
 */
#include <errno.h>

#include "auth/jwt.h"
#include "base/arena.h"
#include "service/iam/iam_public.h"
#include "service/sts/sts.h"
#include "syntax/json.h"

enum {
    DEFAULT_SECONDS = 3600,
    CLOCK_SKEW_MS = 5 * 60 * 1000, /* AWS: "up to five minutes" between issuer and STS */
};

#define TAGS_CLAIM "https://aws.amazon.com/tags"
#define SOURCE_IDENTITY_CLAIM "https://aws.amazon.com/source_identity"

/* A token and what stands behind it. */
struct web_identity {
    struct jwt jwt;
    struct str issuer;        /* as in the token */
    struct str provider_name; /* without scheme: prefix of the condition keys */
    struct iam_oidc_provider provider;
    struct str subject;
    struct str audience; /* the one that the provider's list has */
};

static const struct api_error access_denied = {
    .code = STR_INIT("AccessDenied"),
    .query_code = STR_INIT("AccessDenied"),
    .http_status = 403,
    .query_status = 403,
    .is_sender = true,
};

/* OBSERVED: one text, whether the role is missing or does not trust the caller. */
static enum status refuse(struct call *call)
{
    return call_fail(call, &access_denied,
                     "Not authorized to perform sts:AssumeRoleWithWebIdentity");
}

static enum status require_claim(struct call *call, const struct web_identity *identity,
                                 const char *name)
{
    if (json_find_cstr(identity->jwt.claims, name))
        return STATUS_DONE;
    return call_fail(call, &STS_INVALID_IDENTITY_TOKEN_EXCEPTION, "Missing a required claim: %s",
                     name);
}

/* "aud" is a text or a list of texts. AWS: all of them are compared with the provider's list. */
static bool find_audience(struct web_identity *identity)
{
    const struct json *claim = json_find_cstr(identity->jwt.claims, "aud");
    const struct json *first = json_is_array(claim) ? claim->first : claim;
    for (const struct json *item = first; item; item = json_is_array(claim) ? item->next : NULL) {
        for (size_t i = 0; json_is_string(item) && i < identity->provider.client_count; i++) {
            if (str_eq(item->text, identity->provider.clients[i])) {
                identity->audience = item->text;
                return true;
            }
        }
    }
    return false;
}

static enum status find_provider(struct call *call, struct str account,
                                 struct web_identity *identity)
{
    identity->issuer = json_find_str(identity->jwt.claims, "iss");
    if (!str_starts_with(identity->issuer, STR("https://")))
        return call_fail(call, &STS_INVALID_IDENTITY_TOKEN_EXCEPTION, "Issuer must be a valid URL");
    identity->provider_name = str_from(identity->issuer, STR("https://").len);
    int rc = iam_find_oidc_provider(call->db, call->arena, account, identity->provider_name,
                                    &identity->provider);
    if (rc < 0)
        return call_fail_internal(call, rc, "find an identity provider");
    if (rc == 0)
        return call_fail(call, &STS_INVALID_IDENTITY_TOKEN_EXCEPTION,
                         "No OpenIDConnect provider found in your account for " STR_FMT,
                         STR_ARG(identity->issuer));
    if (!find_audience(identity))
        return call_fail(call, &STS_INVALID_IDENTITY_TOKEN_EXCEPTION, "Incorrect token audience");
    return STATUS_DONE;
}

/* RFC 7519: seconds since 1970, perhaps with a fraction. */
static bool read_time(const struct jwt *jwt, const char *claim, int64_t *out_seconds)
{
    const struct json *value = json_find_cstr(jwt->claims, claim);
    if (!value || value->kind != JSON_NUMBER)
        return false;
    ptrdiff_t dot = str_index(value->text, '.');
    struct str whole = dot < 0 ? value->text : str_slice(value->text, 0, (size_t)dot);
    return str_to_i64(whole, out_seconds) == 0 && *out_seconds >= 0 &&
           *out_seconds < INT64_MAX / 1000;
}

static enum status check_times(struct call *call, const struct web_identity *identity)
{
    int64_t expires_s = 0;
    int64_t begins_s = 0;
    if (!read_time(&identity->jwt, "exp", &expires_s))
        return call_fail(call, &STS_INVALID_IDENTITY_TOKEN_EXCEPTION,
                         "Missing a required claim: exp");
    if (expires_s * 1000 <= call->now_ms)
        return call_fail(call, &STS_EXPIRED_TOKEN_EXCEPTION,
                         "Token expired: current date/time %lld must be before the expiration "
                         "date/time %lld",
                         (long long)(call->now_ms / 1000), (long long)expires_s);
    if (read_time(&identity->jwt, "nbf", &begins_s) &&
        begins_s * 1000 > call->now_ms + CLOCK_SKEW_MS)
        return call_fail(call, &STS_INVALID_IDENTITY_TOKEN_EXCEPTION, "Token is not yet valid");
    return STATUS_DONE;
}

/* The keys that are kept may be older than the one that signed: then the provider is asked once
 * more. */
static enum status check_signature(struct call *call, const struct web_identity *identity)
{
    int rc = -ENOKEY;
    for (int pass = 0; pass < 2 && rc == -ENOKEY; pass++) {
        struct json *keys = NULL;
        enum status status = sts_find_key_set(call, identity->issuer,
                                              identity->provider.thumbprints, pass > 0, &keys);
        if (status != STATUS_DONE)
            return status;
        rc = keys ? jwt_verify(call->arena, &identity->jwt, keys) : -ENOKEY;
    }
    if (rc == -ENOKEY) /* OBSERVED */
        return call_fail(call, &STS_INVALID_IDENTITY_TOKEN_EXCEPTION,
                         "Couldn't retrieve verification key from your identity provider,  please "
                         "reference AssumeRoleWithWebIdentity documentation for requirements");
    if (rc < 0)
        return call_fail(call, &STS_INVALID_IDENTITY_TOKEN_EXCEPTION,
                         "The ID Token provided has an invalid signature.");
    return STATUS_DONE;
}

static enum status read_identity(struct call *call, struct str token, struct str account,
                                 struct web_identity *identity)
{
    if (jwt_parse(call->arena, token, &identity->jwt) < 0) /* OBSERVED */
        return call_fail(call, &STS_INVALID_IDENTITY_TOKEN_EXCEPTION,
                         "The ID Token provided is not a valid JWT. (You may see this error if you "
                         "sent an Access Token)");
    static const char *const required[] = {"iss", "sub", "aud"};
    for (size_t i = 0; i < ARRAY_LEN(required); i++) {
        if (require_claim(call, identity, required[i]) != STATUS_DONE)
            return STATUS_FAILED;
    }
    identity->subject = json_find_str(identity->jwt.claims, "sub");
    enum status status = find_provider(call, account, identity);
    if (status == STATUS_DONE)
        status = check_times(call, identity);
    return status == STATUS_DONE ? check_signature(call, identity) : status;
}

/* ---- The session ----------------------------------------------------------------------------- */

/* AWS: {"principal_tags": {"KEY": ["VALUE"]}, "transitive_tag_keys": [...]} */
static enum status read_tags(struct call *call, const struct web_identity *identity,
                             struct json **out_tags)
{
    const struct json *claim = json_find_cstr(identity->jwt.claims, TAGS_CLAIM);
    const struct json *tags = json_find_cstr(claim, "principal_tags");
    *out_tags = NULL;
    for (const struct json *tag = json_is_object(tags) ? tags->first : NULL; tag; tag = tag->next) {
        if (!json_is_array(tag) || tag->count != 1 || !json_is_string(tag->first))
            return call_fail(call, &STS_INVALID_IDENTITY_TOKEN_EXCEPTION,
                             "The session tags in the token are not valid.");
        if (!*out_tags)
            *out_tags = json_new(call->arena, JSON_OBJECT);
        json_append_member(*out_tags, tag->key, json_new_string(call->arena, tag->first->text));
    }
    return STATUS_DONE;
}

/* AWS: condition keys are PROVIDER:aud (the authorized party when the token has one), PROVIDER:sub,
 * PROVIDER:amr. */
static void add_token_conditions(struct call *call, const struct web_identity *identity,
                                 struct sts_conditions *conditions)
{
    struct arena *arena = call->arena;
    struct str prefix = identity->provider_name;
    struct str party = json_find_str(identity->jwt.claims, "azp");
    sts_add_condition(arena, conditions, str_concat(arena, prefix, STR(":aud")),
                      str_or(party, identity->audience));
    sts_add_condition(arena, conditions, str_concat(arena, prefix, STR(":sub")), identity->subject);
    sts_add_conditions(arena, conditions, str_concat(arena, prefix, STR(":amr")),
                       json_find_cstr(identity->jwt.claims, "amr"));
}

/* The caller is the token's subject, whoever carried it. */
static enum status check_trust(struct call *call,
                               const struct sts_assume_role_with_web_identity_in *in,
                               const struct web_identity *identity, const struct iam_role_row *role,
                               struct str account, const struct json *tags)
{
    struct sts_conditions conditions = {0};
    struct str source = json_find_str(identity->jwt.claims, SOURCE_IDENTITY_CLAIM);
    add_token_conditions(call, identity, &conditions);
    sts_add_condition(call->arena, &conditions, STR("sts:RoleSessionName"), in->role_session_name);
    sts_add_condition(call->arena, &conditions, STR("sts:SourceIdentity"), source);
    for (const struct json *tag = tags ? tags->first : NULL; tag; tag = tag->next)
        sts_add_condition(call->arena, &conditions,
                          str_concat(call->arena, STR("aws:RequestTag/"), tag->key), tag->text);
    const struct principal subject = {
        .kind = PRINCIPAL_ANONYMOUS, .account = STR(""), .federated = identity->provider.arn};
    struct call asked = *call;
    asked.principal = &subject;
    const struct {
        struct str action;
        bool is_needed;
    } actions[] = {
        {STR_INIT("sts:AssumeRoleWithWebIdentity"), true},
        {STR_INIT("sts:TagSession"), tags != NULL},
        {STR_INIT("sts:SetSourceIdentity"), source.len > 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
        const struct authorization what = {
            .action = actions[i].action,
            .resource = role->arn,
            .resource_policy = role->trust_policy,
            .resource_account = account,
            .conditions = conditions.items,
            .condition_count = conditions.count,
            .trusts_only_policy = true,
        };
        if (actions[i].is_needed && !call_is_allowed(&asked, &what))
            return refuse(call);
    }
    return STATUS_DONE;
}

enum status sts_assume_role_with_web_identity(struct call *call,
                                              const struct sts_assume_role_with_web_identity_in *in,
                                              struct sts_assume_role_with_web_identity_out *out)
{
    struct str account = {0};
    struct str name = {0};
    if (!sts_split_role_arn(in->role_arn, &account, &name))
        return call_fail(call, &ERROR_VALIDATION, STR_FMT " is invalid", STR_ARG(in->role_arn));
    if (in->provider_id.len > 0) /* AWS: only of OAuth 2.0 access tokens of two old providers */
        return call_fail(call, &ERROR_VALIDATION, "ProviderId is not supported for OpenID Connect");
    struct web_identity identity = {0};
    struct json *tags = NULL;
    struct iam_role_row role = {0};
    enum status status = read_identity(call, in->web_identity_token, account, &identity);
    if (status == STATUS_DONE)
        status = read_tags(call, &identity, &tags);
    if (status != STATUS_DONE)
        return status;
    int rc = iam_find_role(call->db, call->arena, account, name, &role);
    if (rc < 0)
        return call_fail_internal(call, rc, "find a role");
    if (rc == 0 || !str_eq(role.arn, in->role_arn))
        return refuse(call);
    status = check_trust(call, in, &identity, &role, account, tags);
    if (status != STATUS_DONE)
        return status;
    const struct sts_role_request request = {
        .role = &role,
        .account = account,
        .session_name = in->role_session_name,
        .policies = {.policy = in->policy, .policy_arns = &in->policy_arns},
        .tags = tags,
        .seconds = opt_i32_or(in->duration_seconds, DEFAULT_SECONDS),
        .is_federated = true,
    };
    out->provider = identity.provider.arn;
    out->audience = identity.audience;
    out->subject_from_web_identity_token = identity.subject;
    out->source_identity = json_find_str(identity.jwt.claims, SOURCE_IDENTITY_CLAIM);
    out->packed_policy_size = sts_packed_size(&request.policies);
    return sts_open_role_session(call, &request, &out->assumed_role_user, &out->credentials);
}
