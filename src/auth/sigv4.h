/* sigv4.h — AWS Signature Version 4 (and the presigned form of Version 2): checking and making.
 *
 * Docs: "Signing AWS API requests" (IAM user guide), "Authenticating requests" (S3 API reference).
 * Pure: takes the request and a key, says yes or why not. Credentials come from the caller.
 */
#pragma once

#include "base/str.h"

struct arena;
struct http_header;

enum {
    SIG_MAX_SKEW_MS = 15 * 60 * 1000,      /* between signer's clock and ours */
    SIG_MAX_EXPIRES_S = 7 * 24 * 60 * 60,  /* X-Amz-Expires */
    SIG_MAX_SIGNED_HEADERS = 200,          /* as many as a request may have headers */
    SIG_MAX_CANONICAL_BYTES = 1024 * 1024, /* an explained canonical request; heads are 64 KiB */
};

enum sig_scheme {
    SIG_NONE, /* the request is not signed */
    SIG_V4_HEADER,
    SIG_V4_QUERY,  /* presigned */
    SIG_V2_QUERY,  /* presigned, S3 only: AWSAccessKeyId, Expires, Signature */
    SIG_V2_HEADER, /* "Authorization: AWS key:signature": recognised, refused */
    SIG_V4A,       /* recognised, refused */
    SIG_BEARER,    /* "Authorization: Bearer ...": not ours to check */
    SIG_BASIC,
};

enum sig_payload {
    SIG_PAYLOAD_HASH,      /* x-amz-content-sha256 is the hash, or absent: hash of the body */
    SIG_PAYLOAD_UNSIGNED,  /* UNSIGNED-PAYLOAD */
    SIG_PAYLOAD_STREAMING, /* STREAMING-AWS4-HMAC-SHA256-PAYLOAD */
    SIG_PAYLOAD_STREAMING_TRAILER,
    SIG_PAYLOAD_UNSIGNED_TRAILER, /* STREAMING-UNSIGNED-PAYLOAD-TRAILER */
};

/* Why a request is refused. The wire layer words it for each protocol. */
enum sig_result {
    SIG_OK,
    SIG_INCOMPLETE, /* IncompleteSignature: malformed Authorization header */
    SIG_MISSING_DATE,
    SIG_EXPIRED, /* older than 15 minutes: "Signature expired: ..." / RequestTimeTooSkewed */
    SIG_NOT_YET, /* "Signature not yet current: ..." */
    SIG_PRESIGN_EXPIRED,  /* S3: "Request has expired" */
    SIG_MISMATCH,         /* SignatureDoesNotMatch */
    SIG_BAD_SCOPE,        /* credential date, region, service or terminator wrong */
    SIG_UNSUPPORTED,      /* V4A, V2 header */
    SIG_PAYLOAD_MISMATCH, /* XAmzContentSHA256Mismatch */
    SIG_UNSIGNED_HEADER,  /* a header that must be signed (host, x-amz-*) is not */
};

/* What stands in the request about its signature. Text borrows from the request or the arena. */
struct sig {
    enum sig_scheme scheme;
    enum sig_payload payload;
    struct str access_key_id;
    struct str date; /* "20150830" of the scope */
    struct str region;
    struct str service;
    struct str terminator;     /* "aws4_request" */
    struct str signed_headers; /* "host;x-amz-date" */
    struct str signature;      /* hex (V4) or base64 (V2) */
    struct str session_token;  /* header or query; absent when none */
    struct str amz_date;       /* "20150830T123600Z", from X-Amz-Date or made from Date */
    int64_t signed_at_ms;
    int64_t expires_s;         /* presigned: X-Amz-Expires; V2: absolute epoch seconds */
    struct str content_sha256; /* header (or query parameter) as sent; absent when none */
};

/* The parts of a request that are signed. */
struct sig_request {
    struct str method;
    struct str raw_path;  /* undecoded */
    struct str raw_query; /* undecoded; may be absent */
    const struct http_header *headers;
    size_t header_count;
    bool is_s3_style;          /* S3's rules: path coded once and not normalised; its error texts */
    struct str virtual_bucket; /* bucket named by the host, which version 2 signs; else absent */
};

/* Reads the signature's parts. Returns SIG_OK (scheme may be SIG_NONE), SIG_INCOMPLETE with
 * *out_detail worded as AWS does ("Authorization header requires 'Credential' parameter. ..."),
 * SIG_MISSING_DATE, SIG_BAD_SCOPE (date or terminator), SIG_PAYLOAD_MISMATCH (S3: x-amz-content-
 * sha256 is neither a hash nor one of the known words). On refusal *out_sig holds what was read so
 * far, its scheme at least. Version 2 headers, V4A, Bearer and Basic give SIG_OK here, so that the
 * caller may know better what to do with them; sig_verify refuses them. */
enum sig_result sig_parse(struct arena *arena, const struct sig_request *request,
                          struct sig *out_sig, struct str *out_detail);

struct sig_check {
    struct str secret_key;
    int64_t now_ms;
    struct str payload_hash; /* hex SHA-256 of the body, used when the request names none;
                                absent: use content_sha256 as sent */
    struct str region;       /* the scope must name this region; absent: any */
    struct str service;      /* the scope must name this service; absent: any */
};

/* Checks signed headers, time, scope and signature. On SIG_MISMATCH *out_detail holds AWS's
 * explanation with the canonical string and string to sign (S3 has these in elements of their own:
 * there it is the sentence alone); on time errors the times compared. Keys derived from secret,
 * date, region and service are cached per thread. Thread-safe. */
enum sig_result sig_verify(struct arena *arena, const struct sig_request *request,
                           const struct sig *sig, const struct sig_check *check,
                           struct str *out_detail);

/* Checks the time of a presigned request alone, for keys whose secret nobody knows; SIG_OK for all
 * other requests. */
enum sig_result sig_check_presigned_time(struct arena *arena, const struct sig_request *request,
                                         const struct sig *sig, int64_t now_ms,
                                         struct str *out_detail);

/* The headers that had to be signed and are not, "x-amz-acl, x-amz-meta-a", or an absent str: S3's
 * HeadersNotSigned. */
struct str sig_unsigned_headers(struct arena *arena, const struct sig_request *request,
                                const struct sig *sig);

/* Intermediate texts, for golden tests and for error messages. `payload_hash` as in sig_check. For
 * version 2, which has no canonical request, the first gives the string to sign and the second
 * returns that unchanged. */
struct str sig_canonical_request(struct arena *arena, const struct sig_request *request,
                                 const struct sig *sig, struct str payload_hash);
struct str sig_string_to_sign(struct arena *arena, const struct sig *sig, struct str canonical);

/* Signing, for our own client: returns the Authorization header value. X-Amz-Date, X-Amz-Security-
 * Token and (S3) X-Amz-Content-Sha256 must already be among the headers; without X-Amz-Date,
 * `now_ms` is signed. Signs every header but those that proxies change. An absent `payload_hash`
 * stands for an empty body. */
struct str sig_sign(struct arena *arena, const struct sig_request *request,
                    struct str access_key_id, struct str secret_key, struct str region,
                    struct str service, int64_t now_ms, struct str payload_hash);
/* A presigned query string (without '?') for the request: its own query, then the X-Amz-
 * parameters. `session_token` may be absent. */
struct str sig_presign(struct arena *arena, const struct sig_request *request,
                       struct str access_key_id, struct str secret_key, struct str session_token,
                       struct str region, struct str service, int64_t now_ms, int64_t expires_s);
