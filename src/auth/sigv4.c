/* sigv4.c — reading what a request says about its signature.
 *
 * Nothing is checked here against a secret. The texts of refusals are AWS's own; S3 words them
 * differently from all other services, so each refusal has two wordings. They are collected from
 * the AWS documentation ("Troubleshoot Signature Version 4 signing", "Error responses" of S3) and
 * from answers that clients have published.
 *
 * Docs: "Authorization header", "Query parameters" (IAM user guide and S3 API reference).
 */
#include "auth/sigv4.h"

#include <errno.h>

#include "auth/sigv4_internal.h"
#include "base/arena.h"
#include "base/buf.h"
#include "net/http.h"
#include "syntax/base64.h"
#include "syntax/time.h"
#include "syntax/uri.h"

/* What the steps of one sig_parse share. */
struct reader {
    struct arena *arena;
    const struct sig_request *request;
    struct sig *sig;
    struct str *out_detail;
    struct str authorization; /* the header, trimmed */
    struct str credential;
};

static enum sig_result refuse(const struct reader *reader, enum sig_result result,
                              struct str detail)
{
    *reader->out_detail = detail;
    return result;
}

static bool is_s3(const struct reader *reader)
{
    return reader->request->is_s3_style;
}

static bool is_query(const struct reader *reader)
{
    return reader->sig->scheme == SIG_V4_QUERY;
}

/* ---- dates ---- */

/* AWS: X-Amz-Date has precedence over Date; it is in ISO 8601 basic format, while Date may have any
 * of the HTTP forms as well. */
static enum sig_result read_header_date(struct reader *reader)
{
    struct str date = sig_header(reader->request, STR("x-amz-date"));
    int64_t time_ms = 0;
    int rc = -EINVAL;
    if (str_is_set(date)) {
        rc = time_parse_basic(date, &time_ms);
    } else {
        date = sig_header(reader->request, STR("date"));
        if (!str_is_set(date))
            return SIG_MISSING_DATE;
        rc = time_parse_http(date, &time_ms);
        if (rc < 0)
            rc = time_parse_basic(date, &time_ms);
        if (rc < 0)
            rc = time_parse_rfc3339(date, &time_ms);
    }
    if (rc < 0) {
        if (is_s3(reader))
            return SIG_MISSING_DATE;
        return refuse(reader, SIG_INCOMPLETE,
                      str_format(reader->arena,
                                 "Date must be in ISO-8601 'basic format'. Got '" STR_FMT
                                 "'. See http://en.wikipedia.org/wiki/ISO_8601",
                                 STR_ARG(date)));
    }
    reader->sig->signed_at_ms = time_ms;
    bool is_basic = date.len == STR("20150830T123600Z").len && date.ptr[8] == 'T';
    reader->sig->amz_date = is_basic ? date : time_basic(reader->arena, time_ms);
    return SIG_OK;
}

/* ---- the credential ---- */

static bool is_scope_date(struct str date)
{
    if (date.len != 8)
        return false;
    for (size_t i = 0; i < date.len; i++) {
        if (date.ptr[i] < '0' || date.ptr[i] > '9')
            return false;
    }
    return true;
}

/* S3 puts the same sentence behind a different beginning for headers and queries. */
static enum sig_result refuse_s3_scope(const struct reader *reader, enum sig_result result,
                                       struct str detail)
{
    struct str start = is_query(reader) ? STR("Error parsing the X-Amz-Credential parameter; ")
                                        : STR("The authorization header is malformed; ");
    return refuse(reader, result, str_concat(reader->arena, start, detail));
}

static enum sig_result check_s3_scope(const struct reader *reader)
{
    const struct sig *sig = reader->sig;
    if (!is_scope_date(sig->date))
        return refuse_s3_scope(
            reader, SIG_BAD_SCOPE,
            str_format(reader->arena,
                       "incorrect date format \"" STR_FMT
                       "\". This date in the credential must be in the format \"yyyyMMdd\".",
                       STR_ARG(sig->date)));
    if (!str_eq(sig->terminator, STR("aws4_request")))
        return refuse_s3_scope(reader, SIG_BAD_SCOPE,
                               str_format(reader->arena,
                                          "incorrect terminal \"" STR_FMT
                                          "\". This endpoint uses \"aws4_request\".",
                                          STR_ARG(sig->terminator)));
    struct str day = str_slice(sig->amz_date, 0, 8);
    if (!str_eq(sig->date, day))
        return refuse_s3_scope(reader, SIG_BAD_SCOPE,
                               str_format(reader->arena,
                                          "Invalid credential date \"" STR_FMT
                                          "\". This date is not the same as X-Amz-Date: \"" STR_FMT
                                          "\".",
                                          STR_ARG(sig->date), STR_ARG(day)));
    return SIG_OK;
}

/* AWS reports every fault of the scope at once. */
static enum sig_result check_scope(const struct reader *reader)
{
    if (is_s3(reader))
        return check_s3_scope(reader);
    const struct sig *sig = reader->sig;
    struct str day = str_slice(sig->amz_date, 0, 8);
    struct str terminator = STR("");
    struct str date = STR("");
    if (!str_eq(sig->terminator, STR("aws4_request")))
        terminator = str_format(reader->arena,
                                "Credential should be scoped with a valid terminator: "
                                "'aws4_request', not '" STR_FMT "'. ",
                                STR_ARG(sig->terminator));
    if (!str_eq(sig->date, day))
        date = str_format(reader->arena,
                          "Date in Credential scope does not match YYYYMMDD from ISO-8601 version "
                          "of date from HTTP: '" STR_FMT "' != '" STR_FMT "', from '" STR_FMT "'.",
                          STR_ARG(sig->date), STR_ARG(day), STR_ARG(sig->amz_date));
    if (terminator.len == 0 && date.len == 0)
        return SIG_OK;
    return refuse(reader, SIG_BAD_SCOPE, str_trim(str_concat(reader->arena, terminator, date)));
}

/* Splits "keyid/date/region/service/aws4_request" (V4A: without region). Returns false when the
 * number of parts is wrong. */
static bool split_credential(struct sig *sig, struct str credential)
{
    struct str *const v4_parts[] = {&sig->access_key_id, &sig->date, &sig->region, &sig->service,
                                    &sig->terminator};
    struct str *const v4a_parts[] = {&sig->access_key_id, &sig->date, &sig->service,
                                     &sig->terminator};
    bool is_v4a = sig->scheme == SIG_V4A;
    struct str *const *parts = is_v4a ? v4a_parts : v4_parts;
    size_t count = is_v4a ? ARRAY_LEN(v4a_parts) : ARRAY_LEN(v4_parts);
    struct str rest = credential;
    struct str piece;
    size_t at = 0;
    while (str_split_next(&rest, '/', &piece)) {
        if (at < count)
            *parts[at] = piece;
        at++;
    }
    return at == count && sig->access_key_id.len > 0;
}

static enum sig_result read_credential(const struct reader *reader)
{
    if (split_credential(reader->sig, reader->credential))
        return SIG_OK;
    if (is_s3(reader))
        return refuse_s3_scope(reader, SIG_INCOMPLETE,
                               STR("the Credential is mal-formed; expecting "
                                   "\"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\"."));
    return refuse(reader, SIG_INCOMPLETE,
                  str_format(reader->arena,
                             "Credential must have exactly 5 slash-delimited elements, e.g. "
                             "keyid/date/region/service/term, got '" STR_FMT "'",
                             STR_ARG(reader->credential)));
}

static enum sig_result check_signed_header_count(const struct reader *reader)
{
    size_t count = 1;
    struct str names = reader->sig->signed_headers;
    for (size_t i = 0; i < names.len; i++)
        count += names.ptr[i] == ';';
    if (count <= SIG_MAX_SIGNED_HEADERS)
        return SIG_OK;
    return refuse(reader, SIG_INCOMPLETE, STR("SignedHeaders names too many headers."));
}

/* ---- the payload ---- */

static bool is_hash(struct str text)
{
    if (text.len != DIGEST_SHA256_HEX_SIZE)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')))
            return false;
    }
    return true;
}

static enum sig_result read_payload(const struct reader *reader)
{
    static const struct {
        struct str text;
        enum sig_payload payload;
    } words[] = {
        {STR_INIT(SIG_UNSIGNED_PAYLOAD), SIG_PAYLOAD_UNSIGNED},
        {STR_INIT("STREAMING-AWS4-HMAC-SHA256-PAYLOAD"), SIG_PAYLOAD_STREAMING},
        {STR_INIT("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"), SIG_PAYLOAD_STREAMING_TRAILER},
        {STR_INIT("STREAMING-UNSIGNED-PAYLOAD-TRAILER"), SIG_PAYLOAD_UNSIGNED_TRAILER},
    };
    struct sig *sig = reader->sig;
    if (!str_is_set(sig->content_sha256))
        sig->content_sha256 = sig_header(reader->request, STR("x-amz-content-sha256"));
    if (!str_is_set(sig->content_sha256)) {
        bool is_unknown = is_s3(reader) && is_query(reader);
        sig->payload = is_unknown ? SIG_PAYLOAD_UNSIGNED : SIG_PAYLOAD_HASH;
        return SIG_OK;
    }
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (str_eq(sig->content_sha256, words[i].text)) {
            sig->payload = words[i].payload;
            return SIG_OK;
        }
    }
    sig->payload = SIG_PAYLOAD_HASH;
    if (!is_s3(reader) || is_hash(sig->content_sha256))
        return SIG_OK;
    return refuse(reader, SIG_PAYLOAD_MISMATCH,
                  STR("x-amz-content-sha256 must be UNSIGNED-PAYLOAD, "
                      "STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, "
                      "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER, "
                      "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD, "
                      "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER or a valid sha256 value."));
}

/* ---- the Authorization header ---- */

/* "(Hashed with SHA-256 and encoded with Base64)": AWS no longer repeats the header itself, which
 * may hold a password or token. */
static struct str hashed_authorization(const struct reader *reader)
{
    unsigned char hash[DIGEST_SHA256_SIZE];
    digest_sha256(reader->authorization, hash);
    return base64_encode_str(reader->arena, str_of((const char *)hash, sizeof(hash)));
}

static enum sig_result refuse_pair(const struct reader *reader, struct str pair)
{
    if (is_s3(reader))
        return refuse(reader, SIG_INCOMPLETE,
                      str_format(reader->arena,
                                 "The authorization header is malformed; the authorization "
                                 "component \"" STR_FMT "\" is malformed.",
                                 STR_ARG(pair)));
    return refuse(reader, SIG_INCOMPLETE,
                  str_format(reader->arena,
                             "Invalid key=value pair (missing equal-sign) in Authorization header "
                             "(hashed with SHA-256 and encoded with Base64): '" STR_FMT "'.",
                             STR_ARG(hashed_authorization(reader))));
}

/* Reads "Credential=..., SignedHeaders=..., Signature=..." in any order. */
static enum sig_result read_pairs(struct reader *reader, struct str pairs)
{
    struct str rest = pairs;
    struct str piece;
    while (str_split_next(&rest, ',', &piece)) {
        struct str pair = str_trim(piece);
        if (pair.len == 0)
            continue;
        ptrdiff_t equals = str_index(pair, '=');
        if (equals < 0)
            return refuse_pair(reader, pair);
        struct str name = str_slice(pair, 0, (size_t)equals);
        struct str value = str_from(pair, (size_t)equals + 1);
        if (str_eq(name, STR("Credential")))
            reader->credential = value;
        else if (str_eq(name, STR("SignedHeaders")))
            reader->sig->signed_headers = value;
        else if (str_eq(name, STR("Signature")))
            reader->sig->signature = value;
    }
    return SIG_OK;
}

/* AWS names every missing part in one message, the date too, which may be missing alone. */
static enum sig_result check_parts(const struct reader *reader, enum sig_result date_result)
{
    const struct {
        struct str value;
        const char *name;
    } parts[] = {
        {reader->credential, "Credential"},
        {reader->sig->signature, "Signature"},
        {reader->sig->signed_headers, "SignedHeaders"},
    };
    struct buf text;
    buf_init(&text, reader->arena, 4096); /* four fixed sentences and a hash */
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (!str_is_set(parts[i].value))
            buf_append_format(&text, "Authorization header requires '%s' parameter. ",
                              parts[i].name);
    }
    bool has_parts = text.len == 0;
    if (has_parts && date_result == SIG_OK)
        return SIG_OK;
    if (is_s3(reader))
        return has_parts
                   ? refuse(reader, SIG_MISSING_DATE,
                            STR("AWS authentication requires a valid Date or x-amz-date header"))
                   : refuse(reader, SIG_INCOMPLETE,
                            STR("The authorization header is malformed; the authorization header "
                                "requires three components: Credential, SignedHeaders, and "
                                "Signature."));
    if (date_result != SIG_OK)
        buf_append_cstr(&text, "Authorization header requires existence of either a 'X-Amz-Date' "
                               "or a 'Date' header. ");
    buf_append_cstr(&text, "(Hashed with SHA-256 and encoded with Base64) Authorization=");
    buf_append(&text, hashed_authorization(reader));
    return refuse(reader, has_parts ? SIG_MISSING_DATE : SIG_INCOMPLETE, buf_str(&text));
}

static enum sig_result read_v4_header(struct reader *reader, struct str pairs)
{
    enum sig_result result = read_pairs(reader, pairs);
    if (result != SIG_OK)
        return result;
    enum sig_result date_result = read_header_date(reader);
    if (date_result == SIG_INCOMPLETE)
        return date_result;
    result = check_parts(reader, date_result);
    if (result == SIG_OK)
        result = check_signed_header_count(reader);
    if (result == SIG_OK)
        result = read_credential(reader);
    if (result == SIG_OK)
        result = check_scope(reader);
    if (result == SIG_OK)
        result = read_payload(reader);
    return result;
}

/* A header that is of no scheme we know. What AWS complains about follows from reading it as if it
 * were version 4. */
static enum sig_result refuse_scheme(struct reader *reader, struct str scheme, struct str rest)
{
    reader->sig->scheme = SIG_NONE;
    if (is_s3(reader))
        return refuse(reader, SIG_INCOMPLETE, STR("Unsupported Authorization Type"));
    if (str_starts_with(scheme, STR("AWS")))
        return refuse(reader, SIG_INCOMPLETE,
                      str_format(reader->arena, "Unsupported AWS 'algorithm': '" STR_FMT "'.",
                                 STR_ARG(scheme)));
    enum sig_result result = read_pairs(reader, rest);
    if (result != SIG_OK)
        return result;
    if (check_parts(reader, read_header_date(reader)) != SIG_OK)
        return SIG_INCOMPLETE;
    return refuse(
        reader, SIG_INCOMPLETE,
        str_format(reader->arena, "Unsupported AWS 'algorithm': '" STR_FMT "'.", STR_ARG(scheme)));
}

static enum sig_result read_authorization(struct reader *reader)
{
    struct str header = reader->authorization;
    size_t end = 0;
    while (end < header.len && header.ptr[end] != ' ' && header.ptr[end] != '\t')
        end++;
    struct str scheme = str_slice(header, 0, end);
    struct str rest = str_trim(str_from(header, end));
    struct sig *sig = reader->sig;
    if (str_eq(scheme, STR("AWS4-HMAC-SHA256"))) {
        sig->scheme = SIG_V4_HEADER;
        return read_v4_header(reader, rest);
    }
    if (str_eq(scheme, STR("AWS4-ECDSA-P256-SHA256"))) {
        sig->scheme = SIG_V4A;
        enum sig_result result = read_pairs(reader, rest);
        if (result == SIG_OK)
            split_credential(sig, reader->credential);
        return result;
    }
    if (str_eq(scheme, STR("AWS")) && str_index(rest, ':') >= 0) {
        sig->scheme = SIG_V2_HEADER;
        size_t colon = (size_t)str_index(rest, ':');
        sig->access_key_id = str_slice(rest, 0, colon);
        sig->signature = str_from(rest, colon + 1);
        return SIG_OK;
    }
    if (str_eq_nocase(scheme, STR("Bearer")) || str_eq_nocase(scheme, STR("Basic"))) {
        sig->scheme = scheme.len == 6 ? SIG_BEARER : SIG_BASIC;
        return SIG_OK;
    }
    return refuse_scheme(reader, scheme, rest);
}

/* ---- presigned queries ---- */

/* The parameters that a presigned URL carries, decoded. */
struct presigned {
    struct str algorithm;
    struct str credential;
    struct str signature;
    struct str date;
    struct str signed_headers;
    struct str expires;
    struct str security_token;
    struct str content_sha256;
    struct str v2_access_key_id;
    struct str v2_signature;
    struct str v2_expires;
};

static struct str *presigned_slot(struct presigned *presigned, struct str name)
{
    const struct {
        struct str name;
        struct str *slot;
    } v4_slots[] = {
        {STR("X-Amz-Algorithm"), &presigned->algorithm},
        {STR("X-Amz-Credential"), &presigned->credential},
        {STR("X-Amz-Signature"), &presigned->signature},
        {STR("X-Amz-Date"), &presigned->date},
        {STR("X-Amz-SignedHeaders"), &presigned->signed_headers},
        {STR("X-Amz-Expires"), &presigned->expires},
        {STR("X-Amz-Security-Token"), &presigned->security_token},
        {STR("X-Amz-Content-Sha256"), &presigned->content_sha256},
    };
    /* S3 takes the names of the X-Amz- parameters in any case, and those of version 2 as they are
     * documented only. */
    if (name.len > 6 && (name.ptr[0] | 0x20) == 'x') {
        for (size_t i = 0; i < ARRAY_LEN(v4_slots); i++) {
            if (str_eq_nocase(name, v4_slots[i].name))
                return v4_slots[i].slot;
        }
    }
    if (str_eq(name, STR("AWSAccessKeyId")))
        return &presigned->v2_access_key_id;
    if (str_eq(name, STR("Signature")))
        return &presigned->v2_signature;
    if (str_eq(name, STR("Expires")))
        return &presigned->v2_expires;
    return NULL;
}

/* The first value of each parameter. Returns false when there are more fields than any request of
 * ours may have. */
static bool read_query(const struct reader *reader, struct presigned *presigned)
{
    struct str rest = reader->request->raw_query;
    struct str name;
    struct str value;
    size_t count = 0;
    while (sig_next_field(&rest, &name, &value)) {
        if (++count > FORM_MAX_FIELDS)
            return false;
        struct str *slot = presigned_slot(presigned, sig_recode(reader->arena, name));
        if (!slot || str_is_set(*slot))
            continue;
        struct str text = value;
        *slot = uri_decode(reader->arena, value, false, &text) == 0 ? text : value;
    }
    return true;
}

static enum sig_result check_s3_parameters(const struct reader *reader,
                                           const struct presigned *presigned)
{
    if (str_is_set(presigned->algorithm) && str_is_set(presigned->credential) &&
        str_is_set(presigned->signature) && str_is_set(presigned->date) &&
        str_is_set(presigned->signed_headers) && str_is_set(presigned->expires))
        return SIG_OK;
    return refuse(reader, SIG_INCOMPLETE,
                  STR("Query-string authentication version 4 requires the X-Amz-Algorithm, "
                      "X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and "
                      "X-Amz-Expires parameters."));
}

static enum sig_result check_parameters(const struct reader *reader,
                                        const struct presigned *presigned)
{
    if (is_s3(reader))
        return check_s3_parameters(reader, presigned);
    const struct {
        struct str value;
        const char *name;
    } parameters[] = {
        {presigned->algorithm, "X-Amz-Algorithm"},
        {presigned->credential, "X-Amz-Credential"},
        {presigned->signature, "X-Amz-Signature"},
        {presigned->signed_headers, "X-Amz-SignedHeaders"},
        {presigned->date, "X-Amz-Date"},
    };
    struct buf text;
    buf_init(&text, reader->arena, 4096); /* five fixed sentences */
    for (size_t i = 0; i < ARRAY_LEN(parameters); i++) {
        if (!str_is_set(parameters[i].value))
            buf_append_format(&text, "AWS query-string parameters must include '%s'. ",
                              parameters[i].name);
    }
    if (text.len == 0)
        return SIG_OK;
    buf_append_cstr(&text, "Re-examine the query-string parameters.");
    return refuse(reader, SIG_INCOMPLETE, buf_str(&text));
}

static enum sig_result check_algorithm(const struct reader *reader, struct str algorithm)
{
    if (str_eq(algorithm, STR("AWS4-HMAC-SHA256")))
        return SIG_OK;
    if (is_s3(reader))
        return refuse(reader, SIG_INCOMPLETE,
                      STR("X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256 and "
                          "AWS4-ECDSA-P256-SHA256\""));
    return refuse(reader, SIG_INCOMPLETE,
                  str_format(reader->arena, "Unsupported AWS 'algorithm': '" STR_FMT "'.",
                             STR_ARG(algorithm)));
}

static enum sig_result read_query_date(const struct reader *reader, struct str date)
{
    if (time_parse_basic(date, &reader->sig->signed_at_ms) == 0) {
        reader->sig->amz_date = date;
        return SIG_OK;
    }
    if (is_s3(reader))
        return refuse(reader, SIG_INCOMPLETE,
                      STR("X-Amz-Date must be in the ISO8601 Long Format "
                          "\"yyyyMMdd'T'HHmmss'Z'\""));
    return refuse(reader, SIG_INCOMPLETE,
                  str_format(reader->arena,
                             "Date must be in ISO-8601 'basic format'. Got '" STR_FMT
                             "'. See http://en.wikipedia.org/wiki/ISO_8601",
                             STR_ARG(date)));
}

/* AWS: "The minimum value you can set is 1, and the maximum is 604800 (seven days)" (S3). Other
 * services may be called without; then the URL lives as long as a signed header does. */
static enum sig_result read_expires(const struct reader *reader, struct str expires)
{
    reader->sig->expires_s = SIG_MAX_SKEW_MS / 1000;
    if (!str_is_set(expires))
        return SIG_OK;
    int64_t seconds = 0;
    int rc = str_to_i64(expires, &seconds);
    if (rc == -EINVAL)
        return refuse(reader, SIG_INCOMPLETE, STR("X-Amz-Expires should be a number"));
    if (rc < 0)
        seconds = expires.ptr[0] == '-' ? -1 : INT64_MAX;
    if (seconds < 0)
        return refuse(reader, SIG_INCOMPLETE, STR("X-Amz-Expires must be non-negative"));
    if (seconds > SIG_MAX_EXPIRES_S)
        return refuse(reader, SIG_INCOMPLETE,
                      STR("X-Amz-Expires must be less than a week (in seconds); that is, the given "
                          "X-Amz-Expires must be less than 604800 seconds"));
    reader->sig->expires_s = seconds;
    return SIG_OK;
}

static enum sig_result read_v4_query(struct reader *reader, const struct presigned *presigned)
{
    struct sig *sig = reader->sig;
    sig->scheme = SIG_V4_QUERY;
    sig->signature = presigned->signature;
    sig->signed_headers = presigned->signed_headers;
    sig->content_sha256 = presigned->content_sha256;
    if (str_is_set(presigned->security_token))
        sig->session_token = presigned->security_token;
    reader->credential = presigned->credential;
    if (str_eq(presigned->algorithm, STR("AWS4-ECDSA-P256-SHA256"))) {
        sig->scheme = SIG_V4A;
        split_credential(sig, presigned->credential);
        return SIG_OK;
    }
    enum sig_result result = check_parameters(reader, presigned);
    if (result == SIG_OK)
        result = check_algorithm(reader, presigned->algorithm);
    if (result == SIG_OK)
        result = check_signed_header_count(reader);
    if (result == SIG_OK)
        result = read_query_date(reader, presigned->date);
    if (result == SIG_OK)
        result = read_expires(reader, presigned->expires);
    if (result == SIG_OK)
        result = read_credential(reader);
    if (result == SIG_OK)
        result = check_scope(reader);
    if (result == SIG_OK)
        result = read_payload(reader);
    return result;
}

static enum sig_result read_v2_query(const struct reader *reader, const struct presigned *presigned)
{
    struct sig *sig = reader->sig;
    sig->scheme = SIG_V2_QUERY;
    sig->payload = SIG_PAYLOAD_UNSIGNED;
    sig->access_key_id = presigned->v2_access_key_id;
    sig->signature = presigned->v2_signature;
    if (str_is_set(presigned->security_token))
        sig->session_token = presigned->security_token;
    if (!str_is_set(sig->access_key_id) || !str_is_set(sig->signature) ||
        !str_is_set(presigned->v2_expires))
        return refuse(reader, SIG_INCOMPLETE,
                      STR("Query-string authentication requires the Signature, Expires and "
                          "AWSAccessKeyId parameters"));
    if (str_to_i64(presigned->v2_expires, &sig->expires_s) < 0)
        return refuse(reader, SIG_INCOMPLETE,
                      str_format(reader->arena,
                                 "Invalid date (should be seconds since epoch): " STR_FMT,
                                 STR_ARG(presigned->v2_expires)));
    return SIG_OK;
}

enum sig_result sig_parse(struct arena *arena, const struct sig_request *request,
                          struct sig *out_sig, struct str *out_detail)
{
    *out_sig = (struct sig){0};
    struct reader reader = {
        .arena = arena,
        .request = request,
        .sig = out_sig,
        .out_detail = out_detail,
    };
    struct presigned presigned = {0};
    if (request->raw_query.len > 0 && !read_query(&reader, &presigned))
        return refuse(&reader, SIG_INCOMPLETE, STR("The query string has too many fields."));
    bool has_v4_query = str_is_set(presigned.algorithm) || str_is_set(presigned.credential) ||
                        str_is_set(presigned.signature);
    bool has_v2_query = request->is_s3_style && (str_is_set(presigned.v2_access_key_id) ||
                                                 str_is_set(presigned.v2_signature));
    struct str authorization = sig_header(request, STR("authorization"));
    out_sig->session_token = sig_header(request, STR("x-amz-security-token"));

    if (!str_is_set(authorization)) {
        if (has_v4_query)
            return read_v4_query(&reader, &presigned);
        if (has_v2_query)
            return read_v2_query(&reader, &presigned);
        return read_payload(&reader);
    }
    reader.authorization = str_trim(authorization);
    if (reader.authorization.len == 0) {
        /* S3 takes an empty header for none, and the request for an anonymous one. */
        if (request->is_s3_style)
            return read_payload(&reader);
        return refuse(&reader, SIG_INCOMPLETE, STR("Authorization header cannot be empty: ''"));
    }
    if (request->is_s3_style && (has_v4_query || has_v2_query))
        return refuse(&reader, SIG_INCOMPLETE,
                      STR("Only one auth mechanism allowed; only the X-Amz-Algorithm query "
                          "parameter, Signature query string parameter or the Authorization header "
                          "should be specified"));
    return read_authorization(&reader);
}
