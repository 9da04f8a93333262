/* sigv4_sign.c — signing requests of our own: headers and presigned queries.
 *
 * Uses the same canonical writer as the check, so what we sign we also accept.
 */
#include "auth/sigv4.h"

#include <stdlib.h>

#include "auth/sigv4_internal.h"
#include "base/arena.h"
#include "base/buf.h"
#include "net/http.h"
#include "syntax/time.h"
#include "syntax/uri.h"

/* Headers that proxies add, drop or change on the way, as the SDKs leave them out. */
static const struct str unsigned_names[] = {
    STR_INIT("authorization"),     STR_INIT("connection"), STR_INIT("expect"),
    STR_INIT("transfer-encoding"), STR_INIT("user-agent"), STR_INIT("x-amzn-trace-id"),
};

static bool is_signable(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(unsigned_names); i++) {
        if (str_eq(name, unsigned_names[i]))
            return false;
    }
    return true;
}

static int name_compare(const void *a, const void *b)
{
    return str_compare(*(const struct str *)a, *(const struct str *)b);
}

/* "content-type;host;x-amz-date" */
static struct str names_to_sign(struct arena *arena, const struct sig_request *request)
{
    struct str *names = arena_alloc_array(arena, request->header_count, sizeof(*names));
    size_t count = 0;
    for (size_t i = 0; i < request->header_count; i++) {
        struct str name = str_lower(arena, request->headers[i].name);
        if (is_signable(name))
            names[count++] = name;
    }
    if (count > 1)
        qsort(names, count, sizeof(*names), name_compare);
    struct buf text;
    buf_init(&text, arena, SIG_MAX_CANONICAL_BYTES);
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && str_eq(names[i], names[i - 1]))
            continue;
        if (i > 0)
            buf_append_char(&text, ';');
        buf_append(&text, names[i]);
    }
    return buf_str(&text);
}

static struct str signature(struct arena *arena, const struct sig_request *request,
                            const struct sig *sig, struct str secret_key, struct str payload_hash)
{
    char hash[DIGEST_SHA256_HEX_SIZE];
    sig_canonical_hash(arena, request, sig, sig_payload_line(request, sig, payload_hash),
                       SIG_TOKEN_SIGNED, hash);
    struct digest_hmac_key key;
    sig_signing_key(secret_key, sig, &key);
    char *hex = arena_alloc_text(arena, DIGEST_SHA256_HEX_SIZE);
    sig_hex(&key, sig_text_over_hash(arena, sig, hash), hex);
    return str_of(hex, DIGEST_SHA256_HEX_SIZE);
}

struct str sig_sign(struct arena *arena, const struct sig_request *request,
                    struct str access_key_id, struct str secret_key, struct str region,
                    struct str service, int64_t now_ms, struct str payload_hash)
{
    struct str amz_date = str_or(sig_header(request, STR("x-amz-date")), time_basic(arena, now_ms));
    const struct sig sig = {
        .scheme = SIG_V4_HEADER,
        .access_key_id = access_key_id,
        .date = str_slice(amz_date, 0, 8),
        .region = region,
        .service = service,
        .terminator = STR("aws4_request"),
        .signed_headers = names_to_sign(arena, request),
        .amz_date = amz_date,
        .content_sha256 = sig_header(request, STR("x-amz-content-sha256")),
    };
    struct str hex = signature(arena, request, &sig, secret_key, payload_hash);
    return str_format(arena,
                      "AWS4-HMAC-SHA256 Credential=" STR_FMT "/" STR_FMT ", SignedHeaders=" STR_FMT
                      ", Signature=" STR_FMT,
                      STR_ARG(access_key_id), STR_ARG(sig_scope(arena, &sig)),
                      STR_ARG(sig.signed_headers), STR_ARG(hex));
}

static void add_parameter(struct buf *query, const char *name, struct str value)
{
    if (query->len > 0)
        buf_append_char(query, '&');
    buf_append_cstr(query, name);
    buf_append_char(query, '=');
    uri_encode(query, value, false);
}

struct str sig_presign(struct arena *arena, const struct sig_request *request,
                       struct str access_key_id, struct str secret_key, struct str session_token,
                       struct str region, struct str service, int64_t now_ms, int64_t expires_s)
{
    struct str amz_date = time_basic(arena, now_ms);
    const struct sig sig = {
        .scheme = SIG_V4_QUERY,
        .access_key_id = access_key_id,
        .date = str_slice(amz_date, 0, 8),
        .region = region,
        .service = service,
        .terminator = STR("aws4_request"),
        .signed_headers = names_to_sign(arena, request),
        .amz_date = amz_date,
        .content_sha256 = sig_header(request, STR("x-amz-content-sha256")),
    };
    struct buf query;
    buf_init(&query, arena, SIG_MAX_CANONICAL_BYTES);
    buf_append(&query, request->raw_query);
    add_parameter(&query, "X-Amz-Algorithm", STR("AWS4-HMAC-SHA256"));
    add_parameter(&query, "X-Amz-Credential",
                  str_concat3(arena, access_key_id, STR("/"), sig_scope(arena, &sig)));
    add_parameter(&query, "X-Amz-Date", amz_date);
    add_parameter(&query, "X-Amz-Expires", str_format(arena, "%lld", (long long)expires_s));
    if (str_is_set(session_token))
        add_parameter(&query, "X-Amz-Security-Token", session_token);
    add_parameter(&query, "X-Amz-SignedHeaders", sig.signed_headers);

    struct sig_request presigned = *request;
    presigned.raw_query = buf_str(&query);
    struct str hex = signature(arena, &presigned, &sig, secret_key, (struct str){0});
    add_parameter(&query, "X-Amz-Signature", hex);
    return buf_str(&query);
}
