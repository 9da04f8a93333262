/* sigv4_verify.c — checking a signature that sigv4.c has read.
 *
 * The order of the checks decides which error a request with several faults gets, so it follows
 * AWS. S3: unsigned headers, scope, signature, time, payload. All others: unsigned headers, time,
 * scope, signature. Explanations are built only when a request is refused.
 *
 * Docs: "Troubleshoot Signature Version 4 signing" (IAM user guide), "Error responses" (S3).
 */
#include "auth/sigv4.h"

#include "auth/sigv4_internal.h"
#include "base/arena.h"
#include "base/buf.h"
#include "net/http.h"
#include "syntax/base64.h"
#include "syntax/time.h"

/* What the steps of one sig_verify share. */
struct checker {
    struct arena *arena;
    const struct sig_request *request;
    const struct sig *sig;
    const struct sig_check *check;
    struct str *out_detail;
};

static enum sig_result refuse(const struct checker *checker, enum sig_result result,
                              struct str detail)
{
    *checker->out_detail = detail;
    return result;
}

/* ---- headers that must be signed ---- */

/* AWS: "You must include the host header ... and any x-amz-* headers in the signature." The session
 * token may be added after signing, for services other than S3. Content-Type is not required, as
 * several SDKs leave it out of presigned URLs. */
static bool must_be_signed(const struct sig_request *request, struct str name)
{
    const struct str prefix = STR("x-amz-");
    if (name.len <= prefix.len || (name.ptr[0] | 0x20) != 'x' ||
        !str_eq_nocase(str_slice(name, 0, prefix.len), prefix))
        return false;
    return request->is_s3_style || !str_eq_nocase(name, STR("x-amz-security-token"));
}

/* The first such header in *out_name. */
static bool find_unsigned(const struct sig_request *request, const struct sig *sig,
                          struct str *out_name)
{
    if (!sig_is_signed(sig->signed_headers, STR("host"))) {
        *out_name = STR("host");
        return true;
    }
    for (size_t i = 0; i < request->header_count; i++) {
        struct str name = request->headers[i].name;
        if (must_be_signed(request, name) && !sig_is_signed(sig->signed_headers, name)) {
            *out_name = name;
            return true;
        }
    }
    return false;
}

struct str sig_unsigned_headers(struct arena *arena, const struct sig_request *request,
                                const struct sig *sig)
{
    struct buf names;
    buf_init(&names, arena, SIG_MAX_CANONICAL_BYTES);
    if (!sig_is_signed(sig->signed_headers, STR("host")))
        buf_append_cstr(&names, "host");
    for (size_t i = 0; i < request->header_count; i++) {
        struct str name = request->headers[i].name;
        if (!must_be_signed(request, name) || sig_is_signed(sig->signed_headers, name))
            continue;
        if (names.len > 0)
            buf_append_cstr(&names, ", ");
        buf_append(&names, str_lower(arena, name));
    }
    return names.len > 0 ? buf_str(&names) : (struct str){0};
}

static enum sig_result check_headers(const struct checker *checker)
{
    struct str name;
    if (!find_unsigned(checker->request, checker->sig, &name))
        return SIG_OK;
    if (checker->request->is_s3_style)
        return refuse(checker, SIG_UNSIGNED_HEADER,
                      STR("There were headers present in the request which were not signed"));
    if (str_eq(name, STR("host")))
        return refuse(
            checker, SIG_UNSIGNED_HEADER,
            STR("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."));
    return refuse(checker, SIG_UNSIGNED_HEADER,
                  str_format(checker->arena,
                             "'" STR_FMT "' must be a 'SignedHeader' in the AWS Authorization.",
                             STR_ARG(str_lower(checker->arena, name))));
}

/* ---- time ---- */

/* "15 min." for whole minutes, which the skew is; presigned URLs may have been given seconds. */
static struct str span(struct arena *arena, int64_t span_s)
{
    if (span_s % 60 == 0)
        return str_format(arena, "%lld min.", (long long)(span_s / 60));
    return str_format(arena, "%lld sec.", (long long)span_s);
}

static enum sig_result refuse_not_yet(const struct checker *checker)
{
    if (checker->request->is_s3_style)
        return refuse(checker, SIG_NOT_YET,
                      checker->sig->scheme == SIG_V4_QUERY
                          ? STR("Request is not yet valid")
                          : STR("The difference between the request time and the current time is "
                                "too large."));
    struct arena *arena = checker->arena;
    int64_t now_ms = checker->check->now_ms;
    return refuse(checker, SIG_NOT_YET,
                  str_format(arena,
                             "Signature not yet current: " STR_FMT " is still later than " STR_FMT
                             " (" STR_FMT " + " STR_FMT ")",
                             STR_ARG(checker->sig->amz_date),
                             STR_ARG(time_basic(arena, now_ms + SIG_MAX_SKEW_MS)),
                             STR_ARG(time_basic(arena, now_ms)),
                             STR_ARG(span(arena, SIG_MAX_SKEW_MS / 1000))));
}

static enum sig_result refuse_expired(const struct checker *checker, int64_t allowed_ms)
{
    if (checker->request->is_s3_style)
        return checker->sig->scheme == SIG_V4_QUERY
                   ? refuse(checker, SIG_PRESIGN_EXPIRED, STR("Request has expired"))
                   : refuse(checker, SIG_EXPIRED,
                            STR("The difference between the request time and the current time is "
                                "too large."));
    struct arena *arena = checker->arena;
    int64_t now_ms = checker->check->now_ms;
    return refuse(
        checker, SIG_EXPIRED,
        str_format(arena,
                   "Signature expired: " STR_FMT " is now earlier than " STR_FMT " (" STR_FMT
                   " - " STR_FMT ")",
                   STR_ARG(checker->sig->amz_date), STR_ARG(time_basic(arena, now_ms - allowed_ms)),
                   STR_ARG(time_basic(arena, now_ms)), STR_ARG(span(arena, allowed_ms / 1000))));
}

/* AWS: a request must reach AWS within 15 minutes of its time stamp; a presigned one may be used
 * from its X-Amz-Date, less the same skew, until X-Amz-Expires seconds later. X-Amz-Expires=0 has
 * expired when it arrives. */
static enum sig_result check_time(const struct checker *checker)
{
    const struct sig *sig = checker->sig;
    bool is_presigned = sig->scheme == SIG_V4_QUERY;
    int64_t allowed_ms = is_presigned ? sig->expires_s * 1000 : SIG_MAX_SKEW_MS;
    int64_t age_ms = checker->check->now_ms - sig->signed_at_ms;
    if (age_ms < -SIG_MAX_SKEW_MS)
        return refuse_not_yet(checker);
    if (age_ms > allowed_ms || allowed_ms == 0)
        return refuse_expired(checker, allowed_ms);
    return SIG_OK;
}

/* ---- scope ---- */

static enum sig_result check_s3_scope(const struct checker *checker, bool has_region,
                                      bool has_service)
{
    const struct sig *sig = checker->sig;
    const struct sig_check *check = checker->check;
    struct arena *arena = checker->arena;
    struct str start = sig->scheme == SIG_V4_QUERY
                           ? STR("Error parsing the X-Amz-Credential parameter; ")
                           : STR("The authorization header is malformed; ");
    if (!has_service)
        return refuse(checker, SIG_BAD_SCOPE,
                      str_format(arena,
                                 STR_FMT "incorrect service \"" STR_FMT
                                         "\". This endpoint belongs to \"" STR_FMT "\".",
                                 STR_ARG(start), STR_ARG(sig->service), STR_ARG(check->service)));
    if (!has_region)
        return refuse(
            checker, SIG_BAD_SCOPE,
            str_format(arena, STR_FMT "the region '" STR_FMT "' is wrong; expecting '" STR_FMT "'",
                       STR_ARG(start), STR_ARG(sig->region), STR_ARG(check->region)));
    return SIG_OK;
}

static enum sig_result check_scope(const struct checker *checker)
{
    const struct sig *sig = checker->sig;
    const struct sig_check *check = checker->check;
    bool has_region = !str_is_set(check->region) || str_eq(sig->region, check->region);
    bool has_service = !str_is_set(check->service) || str_eq(sig->service, check->service);
    if (has_region && has_service)
        return SIG_OK;
    if (checker->request->is_s3_style)
        return check_s3_scope(checker, has_region, has_service);
    struct arena *arena = checker->arena;
    struct str region = STR("");
    struct str service = STR("");
    if (!has_region)
        region =
            str_format(arena, "Credential should be scoped to a valid region, not '" STR_FMT "'. ",
                       STR_ARG(sig->region));
    if (!has_service)
        service =
            str_format(arena, "Credential should be scoped to correct service: '" STR_FMT "'. ",
                       STR_ARG(check->service));
    return refuse(checker, SIG_BAD_SCOPE, str_concat(arena, region, service));
}

/* ---- signature ---- */

static bool is_signature(const struct checker *checker, const struct digest_hmac_key *key,
                         struct str payload_line, enum sig_token token)
{
    char hash[DIGEST_SHA256_HEX_SIZE];
    sig_canonical_hash(checker->arena, checker->request, checker->sig, payload_line, token, hash);
    char expected[DIGEST_SHA256_HEX_SIZE];
    sig_hex(key, sig_text_over_hash(checker->arena, checker->sig, hash), expected);
    /* Upper-case hex is the same signature. */
    struct str given = str_lower(checker->arena, checker->sig->signature);
    return str_eq_secret(given, str_of(expected, sizeof(expected)));
}

/* AWS: "The Canonical String for this request should have been ..." */
static enum sig_result refuse_signature(const struct checker *checker)
{
    if (checker->request->is_s3_style)
        return refuse(checker, SIG_MISMATCH,
                      STR("The request signature we calculated does not match the signature you "
                          "provided. Check your key and signing method."));
    struct arena *arena = checker->arena;
    struct str canonical =
        sig_canonical_request(arena, checker->request, checker->sig, checker->check->payload_hash);
    struct str text = sig_string_to_sign(arena, checker->sig, canonical);
    return refuse(checker, SIG_MISMATCH,
                  str_format(arena,
                             "The request signature we calculated does not match the signature you "
                             "provided. Check your AWS Secret Access Key and signing method. "
                             "Consult the service documentation for details.\n\n"
                             "The Canonical String for this request should have been\n'" STR_FMT
                             "'\n\nThe String-to-Sign should have been\n'" STR_FMT "'\n",
                             STR_ARG(canonical), STR_ARG(text)));
}

/* AWS: "For some services, you must include the X-Amz-Security-Token query parameter in the
 * canonical (signed) query string. For other services, you add this parameter at the end, after you
 * calculate the signature." Which is which is not documented, so the second is tried when the first
 * fails; S3 is of the first kind. */
static enum sig_result check_signature(const struct checker *checker)
{
    const struct sig *sig = checker->sig;
    struct str payload_line = sig_payload_line(checker->request, sig, checker->check->payload_hash);
    struct digest_hmac_key key;
    sig_signing_key(checker->check->secret_key, sig, &key);
    if (is_signature(checker, &key, payload_line, SIG_TOKEN_SIGNED))
        return SIG_OK;
    bool may_be_added = sig->scheme == SIG_V4_QUERY && str_is_set(sig->session_token) &&
                        !checker->request->is_s3_style;
    if (may_be_added && is_signature(checker, &key, payload_line, SIG_TOKEN_LEFT_OUT))
        return SIG_OK;
    return refuse_signature(checker);
}

/* Only S3 signs the hash that the client states; the others sign the body's own. */
static enum sig_result check_payload(const struct checker *checker)
{
    const struct sig *sig = checker->sig;
    bool is_stated = sig->payload == SIG_PAYLOAD_HASH && str_is_set(sig->content_sha256);
    if (!checker->request->is_s3_style || !is_stated || !str_is_set(checker->check->payload_hash) ||
        str_eq_nocase(sig->content_sha256, checker->check->payload_hash))
        return SIG_OK;
    return refuse(
        checker, SIG_PAYLOAD_MISMATCH,
        STR("The provided 'x-amz-content-sha256' header does not match what was computed."));
}

static enum sig_result verify_v4(const struct checker *checker)
{
    enum sig_result result = check_headers(checker);
    if (checker->request->is_s3_style) {
        if (result == SIG_OK)
            result = check_scope(checker);
        if (result == SIG_OK)
            result = check_signature(checker);
        if (result == SIG_OK)
            result = check_time(checker);
        if (result == SIG_OK)
            result = check_payload(checker);
        return result;
    }
    if (result == SIG_OK)
        result = check_time(checker);
    if (result == SIG_OK)
        result = check_scope(checker);
    if (result == SIG_OK)
        result = check_signature(checker);
    return result;
}

static enum sig_result check_v2_time(const struct checker *checker)
{
    if (checker->sig->expires_s < checker->check->now_ms / 1000)
        return refuse(checker, SIG_PRESIGN_EXPIRED, STR("Request has expired"));
    return SIG_OK;
}

/* AWS: Signature = Base64(HMAC-SHA1(secret, StringToSign)); Expires is in seconds since 1970. */
static enum sig_result verify_v2(const struct checker *checker)
{
    const struct sig *sig = checker->sig;
    unsigned char mac[DIGEST_SHA1_SIZE];
    digest_hmac_sha1(checker->check->secret_key, sig_v2_text(checker->arena, checker->request, sig),
                     mac);
    struct str expected = base64_encode_str(checker->arena, str_of((const char *)mac, sizeof(mac)));
    if (!str_eq_secret(sig->signature, expected))
        return refuse_signature(checker);
    return check_v2_time(checker);
}

enum sig_result sig_check_presigned_time(struct arena *arena, const struct sig_request *request,
                                         const struct sig *sig, int64_t now_ms,
                                         struct str *out_detail)
{
    const struct sig_check check = {.now_ms = now_ms};
    const struct checker checker = {
        .arena = arena,
        .request = request,
        .sig = sig,
        .check = &check,
        .out_detail = out_detail,
    };
    if (sig->scheme == SIG_V4_QUERY)
        return check_time(&checker);
    return sig->scheme == SIG_V2_QUERY ? check_v2_time(&checker) : SIG_OK;
}

static enum sig_result refuse_scheme(const struct checker *checker)
{
    if (checker->request->is_s3_style && checker->sig->scheme != SIG_V2_HEADER &&
        checker->sig->scheme != SIG_V4A)
        return refuse(checker, SIG_UNSUPPORTED, STR("Unsupported Authorization Type"));
    if (checker->request->is_s3_style)
        return refuse(checker, SIG_UNSUPPORTED,
                      STR("The authorization mechanism you have provided is not supported. Please "
                          "use AWS4-HMAC-SHA256."));
    if (checker->sig->scheme == SIG_V4A)
        return refuse(checker, SIG_UNSUPPORTED,
                      STR("Unsupported AWS 'algorithm': 'AWS4-ECDSA-P256-SHA256'."));
    if (checker->sig->scheme == SIG_V2_HEADER)
        return refuse(checker, SIG_UNSUPPORTED, STR("AWS Signature Version 2 is not supported."));
    return refuse(checker, SIG_UNSUPPORTED, STR("Request is missing Authentication Token"));
}

enum sig_result sig_verify(struct arena *arena, const struct sig_request *request,
                           const struct sig *sig, const struct sig_check *check,
                           struct str *out_detail)
{
    const struct checker checker = {
        .arena = arena,
        .request = request,
        .sig = sig,
        .check = check,
        .out_detail = out_detail,
    };
    switch (sig->scheme) {
    case SIG_V4_HEADER:
    case SIG_V4_QUERY:
        return verify_v4(&checker);
    case SIG_V2_QUERY:
        return verify_v2(&checker);
    case SIG_NONE:
    case SIG_V2_HEADER:
    case SIG_V4A:
    case SIG_BEARER:
    case SIG_BASIC:
        break;
    }
    return refuse_scheme(&checker);
}
