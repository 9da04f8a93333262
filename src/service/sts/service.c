/* service.c — STS: identities and temporary credentials.
 *
 * Implemented: GetCallerIdentity, AssumeRole, GetSessionToken, GetFederationToken,
 * GetAccessKeyInfo, DecodeAuthorizationMessage, AssumeRoleWithWebIdentity; GetWebIdentityToken
 * answers that the feature is off, as in a fresh account. Refused with NotImplemented:
 * AssumeRoleWithSAML, AssumeRoot, GetDelegatedAccessToken.
 *
 * Model: models/sts.model
 */
#include "service/sts/sts.h"

const struct sts_handlers sts_handlers = {
    .assume_role = sts_assume_role,
    .assume_role_with_web_identity = sts_assume_role_with_web_identity,
    .decode_authorization_message = sts_decode_authorization_message,
    .get_access_key_info = sts_get_access_key_info,
    .get_caller_identity = sts_get_caller_identity,
    .get_federation_token = sts_get_federation_token,
    .get_session_token = sts_get_session_token,
    .get_web_identity_token = sts_get_web_identity_token,
};

/* AWS: GetCallerIdentity and GetSessionToken need no permission; AssumeRole is decided by the
 * role's trust policy together with the caller's own, in the handler, where the role is known. */
static enum status authorize(struct call *call, const void *in, struct authorization *out)
{
    const struct operation *operation = call->operation;
    if (operation == &sts_operations[STS_OP_GET_CALLER_IDENTITY] ||
        operation == &sts_operations[STS_OP_GET_SESSION_TOKEN] ||
        operation == &sts_operations[STS_OP_ASSUME_ROLE] ||
        operation == &sts_operations[STS_OP_ASSUME_ROLE_WITH_WEB_IDENTITY])
        out->action = STR("");
    if (operation == &sts_operations[STS_OP_GET_FEDERATION_TOKEN]) {
        const struct sts_get_federation_token_in *request = in;
        out->resource =
            call_arn(call, "sts", true, "federated-user/" STR_FMT, STR_ARG(request->name));
    }
    return STATUS_DONE;
}

const struct service sts_service = {
    .model = &sts_model,
    .handlers = &sts_handlers,
    .migrations = &sts_migrations,
    .authorize = authorize,
};
