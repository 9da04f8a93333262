/* identity_error.c — the words in which a caller is refused: S3's own, and everybody else's.
 *
 * AWS: "Common Errors" of the API references; S3 API reference, "Error responses".
 */
#include "wire/identity.h"

#define COMMON_ERROR(constant, json_code, json_status, xml_code, xml_status)                       \
    const struct api_error constant = {                                                            \
        .code = STR_INIT(json_code),                                                               \
        .query_code = STR_INIT(xml_code),                                                          \
        .http_status = json_status,                                                                \
        .query_status = xml_status,                                                                \
        .is_sender = true,                                                                         \
    }
#define S3_ERROR(constant, code, status) static COMMON_ERROR(constant, code, status, code, status)

COMMON_ERROR(ERROR_INVALID_CLIENT_TOKEN_ID, "UnrecognizedClientException", 400,
             "InvalidClientTokenId", 403);
COMMON_ERROR(ERROR_EXPIRED_TOKEN, "ExpiredTokenException", 400, "ExpiredToken", 403);
COMMON_ERROR(ERROR_SIGNATURE_DOES_NOT_MATCH, "InvalidSignatureException", 400,
             "SignatureDoesNotMatch", 403);
COMMON_ERROR(ERROR_INCOMPLETE_SIGNATURE, "IncompleteSignatureException", 400, "IncompleteSignature",
             400);
COMMON_ERROR(ERROR_MISSING_AUTHENTICATION_TOKEN, "MissingAuthenticationTokenException", 400,
             "MissingAuthenticationToken", 403);
COMMON_ERROR(ERROR_REQUEST_EXPIRED, "RequestExpired", 400, "RequestExpired", 400);
COMMON_ERROR(ERROR_INVALID_SIGNATURE_SCHEME, "InvalidSignatureException", 400,
             "InvalidSignatureException", 400);

S3_ERROR(s3_access_denied, "AccessDenied", 403);
S3_ERROR(s3_header_malformed, "AuthorizationHeaderMalformed", 400);
S3_ERROR(s3_query_malformed, "AuthorizationQueryParametersError", 400);
S3_ERROR(s3_time_skewed, "RequestTimeTooSkewed", 403);
S3_ERROR(s3_invalid_request, "InvalidRequest", 400);
S3_ERROR(s3_hash_mismatch, "XAmzContentSHA256Mismatch", 400);
S3_ERROR(s3_invalid_argument, "InvalidArgument", 400);
S3_ERROR(s3_unknown_key, "InvalidAccessKeyId", 403);
S3_ERROR(s3_invalid_token, "InvalidToken", 400);
S3_ERROR(s3_expired_token, "ExpiredToken", 400);

static const struct api_error *s3_error(enum sig_scheme scheme, enum sig_result result)
{
    bool is_query = scheme == SIG_V4_QUERY || scheme == SIG_V2_QUERY;
    switch (result) {
    case SIG_INCOMPLETE:
    case SIG_BAD_SCOPE:
        return is_query ? &s3_query_malformed : &s3_header_malformed;
    case SIG_MISSING_DATE:
    case SIG_PRESIGN_EXPIRED:
    case SIG_UNSIGNED_HEADER:
        return &s3_access_denied;
    case SIG_EXPIRED:
    case SIG_NOT_YET:
        return is_query ? &s3_access_denied : &s3_time_skewed;
    case SIG_UNSUPPORTED:
        return &s3_invalid_request;
    case SIG_PAYLOAD_MISMATCH:
        return &s3_hash_mismatch;
    case SIG_OK:
    case SIG_MISMATCH:
        break;
    }
    return &ERROR_SIGNATURE_DOES_NOT_MATCH;
}

static const struct api_error *common_error(enum sig_result result)
{
    switch (result) {
    case SIG_INCOMPLETE:
    case SIG_MISSING_DATE:
        return &ERROR_INCOMPLETE_SIGNATURE;
    case SIG_PRESIGN_EXPIRED:
        return &ERROR_REQUEST_EXPIRED;
    case SIG_UNSUPPORTED:
        return &ERROR_INVALID_SIGNATURE_SCHEME;
    case SIG_OK:
    case SIG_EXPIRED:
    case SIG_NOT_YET:
    case SIG_MISMATCH:
    case SIG_BAD_SCOPE:
    case SIG_PAYLOAD_MISMATCH:
    case SIG_UNSIGNED_HEADER:
        break;
    }
    return &ERROR_SIGNATURE_DOES_NOT_MATCH;
}

void identity_word_problem(bool is_s3_style, enum sig_scheme scheme, enum sig_result result,
                           struct str detail, struct identity_problem *out_problem)
{
    struct str message = detail;
    if (result == SIG_PRESIGN_EXPIRED)
        message = str_or(detail, STR("Request has expired."));
    if (result == SIG_UNSUPPORTED)
        message = str_or(detail, STR("The signature scheme is not supported."));
    if (is_s3_style && result == SIG_MISSING_DATE)
        message = STR("AWS authentication requires a valid Date or x-amz-date header");
    bool is_hash_form = is_s3_style && result == SIG_PAYLOAD_MISMATCH &&
                        str_starts_with(detail, STR("x-amz-content-sha256 must be"));
    *out_problem = (struct identity_problem){
        .error = is_hash_form  ? &s3_invalid_argument
                 : is_s3_style ? s3_error(scheme, result)
                               : common_error(result),
        .message = message,
    };
}

void identity_refuse_key(bool is_s3_style, bool is_session, struct identity_problem *out_problem)
{
    struct str message = STR("The security token included in the request is invalid.");
    const struct api_error *error = &ERROR_INVALID_CLIENT_TOKEN_ID;
    if (is_s3_style && is_session) {
        error = &s3_invalid_token;
        message = STR("The provided token is malformed or otherwise invalid.");
    } else if (is_s3_style) {
        error = &s3_unknown_key;
        message = STR("The AWS Access Key Id you provided does not exist in our records.");
    }
    *out_problem = (struct identity_problem){.error = error, .message = message};
}

void identity_refuse_expired(bool is_s3_style, struct identity_problem *out_problem)
{
    *out_problem = (struct identity_problem){
        .error = is_s3_style ? &s3_expired_token : &ERROR_EXPIRED_TOKEN,
        .message = is_s3_style ? STR("The provided token has expired.")
                               : STR("The security token included in the request is expired"),
    };
}
