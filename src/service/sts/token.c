/* token.c — who am I, and sessions of users: GetCallerIdentity, GetSessionToken,
 * GetFederationToken, GetAccessKeyInfo, DecodeAuthorizationMessage.
 */
#include "auth/key_id.h"
#include "auth/seal.h"
#include "base/arena.h"
#include "service/sts/sts.h"
#include "syntax/base64.h"
#include "syntax/json.h"

enum {
    DEFAULT_SECONDS = 43200, /* AWS: 12 hours for users, */
    ROOT_MAX_SECONDS = 3600, /* and one hour at the most for the root */
};

enum status sts_get_caller_identity(struct call *call, const struct sts_get_caller_identity_in *in,
                                    struct sts_get_caller_identity_out *out)
{
    (void)in;
    out->user_id = call->principal->user_id;
    out->account = call->principal->account;
    out->arn = call->principal->arn;
    return STATUS_DONE;
}

static int64_t session_seconds(const struct call *call, struct opt_i32 asked)
{
    bool is_root = call->principal->kind == PRINCIPAL_ROOT;
    int64_t seconds = opt_i32_or(asked, is_root ? ROOT_MAX_SECONDS : DEFAULT_SECONDS);
    return is_root && seconds > ROOT_MAX_SECONDS ? ROOT_MAX_SECONDS : seconds;
}

enum status sts_get_session_token(struct call *call, const struct sts_get_session_token_in *in,
                                  struct sts_get_session_token_out *out)
{
    const struct principal *principal = call->principal;
    if (principal->is_temporary)
        return call_fail(call, &ERROR_ACCESS_DENIED,
                         "Cannot call GetSessionToken with session credentials");
    const struct sts_session session = {
        .kind = principal->kind,
        .account = principal->account,
        .arn = principal->arn,
        .user_id = principal->user_id,
        .name = principal->name,
        .expires_at_ms = call->now_ms + session_seconds(call, in->duration_seconds) * 1000,
    };
    return sts_credentials_for(call, &session, &out->credentials);
}

/* AWS: without a policy the session has only what resource policies give it: an empty list of
 * session policies says just that. */
enum status sts_get_federation_token(struct call *call,
                                     const struct sts_get_federation_token_in *in,
                                     struct sts_get_federation_token_out *out)
{
    const struct principal *principal = call->principal;
    if (principal->is_temporary)
        return call_fail(call, &ERROR_ACCESS_DENIED,
                         "Cannot call GetFederationToken with session credentials");
    const struct sts_policy_request request = {
        .policy = in->policy, .policy_arns = &in->policy_arns, .tags = &in->tags};
    struct json *policies = NULL;
    struct json *tags = NULL;
    enum status status = sts_gather_policies(call, &request, &policies);
    if (status == STATUS_DONE)
        status = sts_gather_tags(call, &in->tags, &tags);
    if (status != STATUS_DONE)
        return status;
    struct str account = principal->account;
    const struct sts_session session = {
        .kind = PRINCIPAL_FEDERATED_USER,
        .account = account,
        .arn = str_format(call->arena, "arn:aws:sts::" STR_FMT ":federated-user/" STR_FMT,
                          STR_ARG(account), STR_ARG(in->name)),
        .user_id = str_concat3(call->arena, account, STR(":"), in->name),
        .name = principal->name,
        .session_name = in->name,
        .role_arn = principal->arn, /* whom resource policies may name instead */
        .policies = policies,
        .tags = tags,
        .expires_at_ms = call->now_ms + session_seconds(call, in->duration_seconds) * 1000,
    };
    out->federated_user = arena_alloc(call->arena, sizeof(*out->federated_user));
    out->federated_user->arn = session.arn;
    out->federated_user->federated_user_id = session.user_id;
    out->packed_policy_size = sts_packed_size(&request);
    return sts_credentials_for(call, &session, &out->credentials);
}

enum status sts_get_access_key_info(struct call *call, const struct sts_get_access_key_info_in *in,
                                    struct sts_get_access_key_info_out *out)
{
    if (key_id_account(call->arena, in->access_key_id, &out->account) < 0)
        return call_fail(call, &ERROR_VALIDATION, "Invalid Access Key ID: " STR_FMT,
                         STR_ARG(in->access_key_id));
    return STATUS_DONE;
}

/* Messages are sealed by the services that encode them (EC2), with the key of this store. */
enum status sts_decode_authorization_message(struct call *call,
                                             const struct sts_decode_authorization_message_in *in,
                                             struct sts_decode_authorization_message_out *out)
{
    struct str key = {0};
    int rc = sts_store_find_key(call->db, call->arena, &key);
    if (rc < 0)
        return call_fail_internal(call, rc, "find the sealing key");
    struct str sealed = {0};
    if (rc == 0 || base64url_decode(call->arena, in->encoded_message, &sealed) < 0 ||
        unseal(call->arena, key, sealed, &out->decoded_message) < 0)
        return call_fail(call, &STS_INVALID_AUTHORIZATION_MESSAGE_EXCEPTION,
                         "Message is not valid");
    return STATUS_DONE;
}

/* AWS: outbound federation is off in an account until EnableOutboundWebIdentityFederation. */
enum status sts_get_web_identity_token(struct call *call,
                                       const struct sts_get_web_identity_token_in *in,
                                       struct sts_get_web_identity_token_out *out)
{
    (void)in;
    (void)out;
    return call_fail(call, &STS_OUTBOUND_WEB_IDENTITY_FEDERATION_DISABLED_EXCEPTION,
                     "Outbound web identity federation is disabled for this account");
}
