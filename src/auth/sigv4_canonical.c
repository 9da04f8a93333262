/* sigv4_canonical.c — canonical requests, strings to sign and signing keys.
 *
 * One writer produces the canonical request piece by piece, either into a digest (every request) or
 * into a text (to explain a mismatch, and for tests), so the two cannot differ. Signing keys depend
 * on secret, date, region and service only; each thread keeps the last ones, with both HMAC blocks
 * hashed.
 *
 * Docs: "Create a signed AWS API request" (IAM user guide), "Signature Calculations for the
 * Authorization Header" (S3 API reference), "Signing and authenticating REST requests" (version 2).
 */
#include "auth/sigv4.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "auth/sigv4_internal.h"
#include "base/arena.h"
#include "base/buf.h"
#include "net/http.h"
#include "syntax/uri.h"

/* ---- signing keys ---- */

enum {
    KEY_SLOTS = 64, /* 64 x 0.5 KiB per thread; a busy test suite has a handful of scopes */
    KEY_PARTS = 4,
    KEY_MATERIAL_MAX = 240, /* secrets have 40 characters; longer ones are derived each time */
};

/* What a cached key was derived from: the four parts behind each other, and where each ends. */
struct key_material {
    uint8_t ends[KEY_PARTS];
    char text[KEY_MATERIAL_MAX];
};

struct key_slot {
    size_t len; /* of the material; 0: free */
    struct key_material material;
    struct digest_hmac_key key;
};

static_assert(KEY_MATERIAL_MAX < 256, "ends are bytes");

static _Thread_local struct key_slot key_cache[KEY_SLOTS];

/* Fills the material and returns its length, or 0 when it is too long for a slot. */
static size_t key_material(struct key_material *material, struct str secret_key,
                           const struct sig *sig)
{
    const struct str parts[KEY_PARTS] = {secret_key, sig->date, sig->region, sig->service};
    size_t at = 0;
    for (size_t i = 0; i < KEY_PARTS; i++) {
        if (parts[i].len > sizeof(material->text) - at)
            return 0;
        if (parts[i].len > 0)
            memcpy(material->text + at, parts[i].ptr, parts[i].len);
        at += parts[i].len;
        material->ends[i] = (uint8_t)at;
    }
    return sizeof(material->ends) + at;
}

/* AWS: kSigning = HMAC(HMAC(HMAC(HMAC("AWS4" + kSecret, Date), Region), Service), "aws4_request")
 */
static void key_derive(struct str secret_key, const struct sig *sig,
                       struct digest_hmac_key *out_key)
{
    char first[4 + KEY_MATERIAL_MAX];
    unsigned char link[DIGEST_SHA256_SIZE];
    struct digest_hmac_key key;
    if (secret_key.len <= KEY_MATERIAL_MAX) {
        memcpy(first, "AWS4", 4);
        if (secret_key.len > 0)
            memcpy(first + 4, secret_key.ptr, secret_key.len);
        digest_hmac_key_init(&key, DIGEST_SHA256, str_of(first, 4 + secret_key.len));
    } else {
        /* Longer than a block: HMAC keys with the hash of the whole. */
        struct digest digest;
        digest_init(&digest, DIGEST_SHA256);
        digest_update(&digest, STR("AWS4"));
        digest_update(&digest, secret_key);
        digest_final(&digest, link);
        digest_hmac_key_init(&key, DIGEST_SHA256, str_of((const char *)link, sizeof(link)));
    }
    const struct str steps[] = {sig->date, sig->region, sig->service, STR("aws4_request")};
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        digest_hmac(&key, steps[i], link);
        digest_hmac_key_init(&key, DIGEST_SHA256, str_of((const char *)link, sizeof(link)));
    }
    *out_key = key;
    OPENSSL_cleanse(first, sizeof(first));
    OPENSSL_cleanse(link, sizeof(link));
}

void sig_signing_key(struct str secret_key, const struct sig *sig, struct digest_hmac_key *out_key)
{
    struct key_material material;
    size_t len = key_material(&material, secret_key, sig);
    if (len == 0) {
        key_derive(secret_key, sig, out_key);
        return;
    }
    uint64_t hash = str_hash(str_of((const char *)&material, len));
    struct key_slot *slot = &key_cache[hash % KEY_SLOTS];
    if (slot->len != len || memcmp(&slot->material, &material, len) != 0) {
        key_derive(secret_key, sig, &slot->key);
        memcpy(&slot->material, &material, len);
        slot->len = len;
    }
    *out_key = slot->key;
}

void sig_hex(const struct digest_hmac_key *key, struct str text,
             char out_hex[DIGEST_SHA256_HEX_SIZE])
{
    unsigned char mac[DIGEST_SHA256_SIZE];
    digest_hmac(key, text, mac);
    digest_write_hex(mac, sizeof(mac), out_hex);
}

/* ---- the writer ---- */

/* Collects small pieces, because a digest or buffer call per character would cost more than the
 * hashing. Exactly one of digest and text is set. */
struct sink {
    struct digest *digest;
    struct buf *text;
    size_t used;
    char block[512];
};

static void sink_flush(struct sink *sink)
{
    struct str piece = str_of(sink->block, sink->used);
    if (sink->digest)
        digest_update(sink->digest, piece);
    else
        buf_append(sink->text, piece);
    sink->used = 0;
}

static inline void sink_char(struct sink *sink, char c)
{
    if (sink->used == sizeof(sink->block))
        sink_flush(sink);
    sink->block[sink->used++] = c;
}

static void sink_str(struct sink *sink, struct str s)
{
    while (s.len > 0) {
        if (sink->used == sizeof(sink->block))
            sink_flush(sink);
        size_t room = sizeof(sink->block) - sink->used;
        size_t count = s.len < room ? s.len : room;
        memcpy(sink->block + sink->used, s.ptr, count);
        sink->used += count;
        s = str_from(s, count);
    }
}

/* ---- percent coding ---- */

static bool is_unreserved(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.' || c == '~';
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

/* Takes one byte off *rest, decoding %XX. A '%' that starts no escape stands for itself. */
static unsigned char take_decoded(struct str *rest)
{
    unsigned char c = (unsigned char)rest->ptr[0];
    if (c == '%' && rest->len >= 3) {
        int high = hex_value(rest->ptr[1]);
        int low = hex_value(rest->ptr[2]);
        if (high >= 0 && low >= 0) {
            *rest = str_from(*rest, 3);
            return (unsigned char)(high * 16 + low);
        }
    }
    *rest = str_from(*rest, 1);
    return c;
}

static size_t put_coded(char *out, unsigned char c)
{
    static const char digits[] = "0123456789ABCDEF";
    if (is_unreserved(c)) {
        out[0] = (char)c;
        return 1;
    }
    out[0] = '%';
    out[1] = digits[c >> 4];
    out[2] = digits[c & 15];
    return 3;
}

static void sink_coded(struct sink *sink, unsigned char c)
{
    char coded[3];
    sink_str(sink, str_of(coded, put_coded(coded, c)));
}

static bool is_canonically_coded(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (is_unreserved((unsigned char)text.ptr[i]))
            continue;
        if (text.ptr[i] != '%' || text.len - i < 3)
            return false;
        int high = hex_value(text.ptr[i + 1]);
        int low = hex_value(text.ptr[i + 2]);
        if (high < 0 || low < 0 || text.ptr[i + 1] >= 'a' || text.ptr[i + 2] >= 'a' ||
            is_unreserved((unsigned char)(high * 16 + low)))
            return false;
        i += 2;
    }
    return true;
}

/* '+' is a space, as in every query that AWS reads; signers send spaces as %20. */
struct str sig_recode(struct arena *arena, struct str coded)
{
    if (is_canonically_coded(coded))
        return coded;
    char *text = arena_alloc_text(arena, 3 * coded.len);
    size_t len = 0;
    while (coded.len > 0) {
        if (coded.ptr[0] == '+') {
            coded = str_from(coded, 1);
            len += put_coded(text + len, ' ');
        } else {
            len += put_coded(text + len, take_decoded(&coded));
        }
    }
    return str_of(text, len);
}

/* ---- the parts of a canonical request ---- */

static void write_s3_path(struct sink *sink, struct str path)
{
    if (path.len == 0)
        sink_char(sink, '/');
    while (path.len > 0) {
        if (path.ptr[0] == '/') {
            sink_char(sink, '/');
            path = str_from(path, 1);
        } else {
            sink_coded(sink, take_decoded(&path));
        }
    }
}

static bool has_dots_or_empty_segments(struct str path)
{
    for (size_t i = 0; i + 1 < path.len; i++) {
        if (path.ptr[i] == '/' && (path.ptr[i + 1] == '/' || path.ptr[i + 1] == '.'))
            return true;
    }
    return path.len == 0 || path.ptr[0] != '/';
}

/* Resolves "." and ".." and joins runs of slashes, as RFC 3986 section 5.2.4 would after the empty
 * segments are gone. A slash at the end stays when anything is left before it. */
static struct str normalize_path(struct arena *arena, struct str path)
{
    if (!has_dots_or_empty_segments(path))
        return path;
    char *text = arena_alloc_text(arena, path.len + 2);
    size_t len = 0;
    struct str rest = path;
    struct str segment;
    while (str_split_next(&rest, '/', &segment)) {
        if (segment.len == 0 || str_eq(segment, STR(".")))
            continue;
        if (str_eq(segment, STR(".."))) {
            while (len > 0 && text[--len] != '/')
                continue;
            continue;
        }
        text[len++] = '/';
        memcpy(text + len, segment.ptr, segment.len);
        len += segment.len;
    }
    if (len == 0 || str_ends_with(path, STR("/")))
        text[len++] = '/';
    return str_of(text, len);
}

/* AWS: "Each path segment must be URI-encoded twice (except for Amazon S3 which only gets
 * URI-encoded once)" and "Do not normalize URI paths for requests to Amazon S3". The path as sent
 * has been coded once already. */
static void write_path(struct sink *sink, struct arena *arena, const struct sig_request *request)
{
    if (request->is_s3_style) {
        write_s3_path(sink, request->raw_path);
        return;
    }
    struct str path = normalize_path(arena, request->raw_path);
    for (size_t i = 0; i < path.len; i++) {
        if (path.ptr[i] == '/')
            sink_char(sink, '/');
        else
            sink_coded(sink, (unsigned char)path.ptr[i]);
    }
}

bool sig_next_field(struct str *rest, struct str *out_name, struct str *out_value)
{
    struct str piece;
    while (str_split_next(rest, '&', &piece)) {
        if (piece.len == 0)
            continue;
        ptrdiff_t equals = str_index(piece, '=');
        *out_name = equals < 0 ? piece : str_slice(piece, 0, (size_t)equals);
        *out_value = equals < 0 ? STR("") : str_from(piece, (size_t)equals + 1);
        return true;
    }
    return false;
}

struct field {
    struct str name;
    struct str value;
};

/* AWS: sorted by code point of the coded name; same names by value. */
static int field_compare(const void *a, const void *b)
{
    const struct field *left = a;
    const struct field *right = b;
    int order = str_compare(left->name, right->name);
    return order ? order : str_compare(left->value, right->value);
}

static size_t field_bound(struct str query)
{
    size_t count = 1;
    for (size_t i = 0; i < query.len; i++)
        count += query.ptr[i] == '&';
    return count;
}

static bool is_left_out(struct str name, const struct sig *sig, enum sig_token token)
{
    if (sig->scheme != SIG_V4_QUERY)
        return false;
    return str_eq_nocase(name, STR("X-Amz-Signature")) ||
           (token == SIG_TOKEN_LEFT_OUT && str_eq_nocase(name, STR("X-Amz-Security-Token")));
}

static void write_query(struct sink *sink, struct arena *arena, const struct sig_request *request,
                        const struct sig *sig, enum sig_token token)
{
    struct str rest = request->raw_query;
    if (rest.len == 0)
        return;
    struct field *fields = arena_alloc_array(arena, field_bound(rest), sizeof(*fields));
    size_t count = 0;
    bool is_sorted = true;
    struct field field;
    while (sig_next_field(&rest, &field.name, &field.value)) {
        field.name = sig_recode(arena, field.name);
        if (is_left_out(field.name, sig, token))
            continue;
        field.value = sig_recode(arena, field.value);
        is_sorted = is_sorted && (count == 0 || field_compare(&fields[count - 1], &field) <= 0);
        fields[count++] = field;
    }
    if (!is_sorted)
        qsort(fields, count, sizeof(*fields), field_compare);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            sink_char(sink, '&');
        sink_str(sink, fields[i].name);
        sink_char(sink, '=');
        sink_str(sink, fields[i].value);
    }
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* AWS: "remove excess white space before and after values, and convert sequential spaces to a
 * single space". Line ends count as space, so folded values come out in one line. */
static void write_header_value(struct sink *sink, struct str value)
{
    struct str rest = str_trim(value);
    while (rest.len > 0) {
        /* Up to where something must be left out: single spaces go along. */
        size_t count = 0;
        while (count < rest.len && (!is_space(rest.ptr[count]) ||
                                    (rest.ptr[count] == ' ' && !is_space(rest.ptr[count + 1]))))
            count++;
        sink_str(sink, str_slice(rest, 0, count));
        rest = str_from(rest, count);
        if (rest.len > 0)
            sink_char(sink, ' ');
        while (rest.len > 0 && is_space(rest.ptr[0]))
            rest = str_from(rest, 1);
    }
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/* One line per signed header; a header sent several times has its values joined by commas. */
static void write_headers(struct sink *sink, const struct sig_request *request,
                          struct str signed_headers)
{
    struct str rest = signed_headers;
    struct str name;
    while (str_split_next(&rest, ';', &name)) {
        for (size_t i = 0; i < name.len; i++)
            sink_char(sink, lower(name.ptr[i]));
        sink_char(sink, ':');
        bool is_first = true;
        for (size_t i = 0; i < request->header_count; i++) {
            const struct http_header *header = &request->headers[i];
            if (!sig_is_name(header->name, name))
                continue;
            if (!is_first)
                sink_char(sink, ',');
            is_first = false;
            write_header_value(sink, header->value);
        }
        sink_char(sink, '\n');
    }
}

static void write_canonical(struct sink *sink, struct arena *arena,
                            const struct sig_request *request, const struct sig *sig,
                            struct str payload_line, enum sig_token token)
{
    sink_str(sink, request->method);
    sink_char(sink, '\n');
    write_path(sink, arena, request);
    sink_char(sink, '\n');
    write_query(sink, arena, request, sig, token);
    sink_char(sink, '\n');
    write_headers(sink, request, sig->signed_headers);
    sink_char(sink, '\n');
    sink_str(sink, sig->signed_headers);
    sink_char(sink, '\n');
    sink_str(sink, payload_line);
    sink_flush(sink);
}

/* ---- what the rest uses ---- */

struct str sig_header(const struct sig_request *request, struct str name)
{
    for (size_t i = 0; i < request->header_count; i++) {
        const struct http_header *header = &request->headers[i];
        if (sig_is_name(header->name, name))
            return header->value;
    }
    return (struct str){0};
}

bool sig_is_signed(struct str signed_headers, struct str name)
{
    struct str rest = signed_headers;
    struct str piece;
    while (str_split_next(&rest, ';', &piece)) {
        if (sig_is_name(piece, name))
            return true;
    }
    return false;
}

struct str sig_payload_line(const struct sig_request *request, const struct sig *sig,
                            struct str payload_hash)
{
    if (str_is_set(sig->content_sha256) &&
        (request->is_s3_style || sig->payload != SIG_PAYLOAD_HASH))
        return sig->content_sha256;
    /* AWS: the payload of a presigned S3 URL is not known when it is made: "UNSIGNED-PAYLOAD". */
    if (request->is_s3_style && sig->scheme == SIG_V4_QUERY)
        return STR(SIG_UNSIGNED_PAYLOAD);
    if (str_is_set(payload_hash))
        return payload_hash;
    return str_or(sig->content_sha256, STR(SIG_EMPTY_HASH));
}

void sig_canonical_hash(struct arena *arena, const struct sig_request *request,
                        const struct sig *sig, struct str payload_line, enum sig_token token,
                        char out_hex[DIGEST_SHA256_HEX_SIZE])
{
    struct digest digest;
    digest_init(&digest, DIGEST_SHA256);
    struct sink sink;
    sink.digest = &digest;
    sink.text = NULL;
    sink.used = 0;
    write_canonical(&sink, arena, request, sig, payload_line, token);
    unsigned char hash[DIGEST_SHA256_SIZE];
    digest_final(&digest, hash);
    digest_write_hex(hash, sizeof(hash), out_hex);
}

struct str sig_canonical_request(struct arena *arena, const struct sig_request *request,
                                 const struct sig *sig, struct str payload_hash)
{
    if (sig->scheme == SIG_V2_QUERY)
        return sig_v2_text(arena, request, sig);
    struct buf text;
    buf_init(&text, arena, SIG_MAX_CANONICAL_BYTES);
    struct sink sink;
    sink.digest = NULL;
    sink.text = &text;
    sink.used = 0;
    write_canonical(&sink, arena, request, sig, sig_payload_line(request, sig, payload_hash),
                    SIG_TOKEN_SIGNED);
    return buf_str(&text);
}

static char *put(char *at, struct str s)
{
    if (s.len > 0)
        memcpy(at, s.ptr, s.len);
    return at + s.len;
}

static char *put_scope(char *at, const struct sig *sig)
{
    const struct str parts[] = {sig->date, sig->region, sig->service, sig->terminator};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (i > 0)
            *at++ = '/';
        at = put(at, parts[i]);
    }
    return at;
}

static size_t scope_len(const struct sig *sig)
{
    return sig->date.len + sig->region.len + sig->service.len + sig->terminator.len + 3;
}

struct str sig_scope(struct arena *arena, const struct sig *sig)
{
    char *text = arena_alloc_text(arena, scope_len(sig));
    put_scope(text, sig);
    return str_of(text, scope_len(sig));
}

struct str sig_text_over_hash(struct arena *arena, const struct sig *sig,
                              const char hash_hex[DIGEST_SHA256_HEX_SIZE])
{
    const struct str algorithm = STR("AWS4-HMAC-SHA256\n");
    char *text = arena_alloc_text(arena, algorithm.len + sig->amz_date.len + 1 + scope_len(sig) +
                                             1 + DIGEST_SHA256_HEX_SIZE);
    char *at = put(text, algorithm);
    at = put(at, sig->amz_date);
    *at++ = '\n';
    at = put_scope(at, sig);
    *at++ = '\n';
    at = put(at, str_of(hash_hex, DIGEST_SHA256_HEX_SIZE));
    return str_of(text, (size_t)(at - text));
}

struct str sig_string_to_sign(struct arena *arena, const struct sig *sig, struct str canonical)
{
    if (sig->scheme == SIG_V2_QUERY)
        return canonical;
    unsigned char hash[DIGEST_SHA256_SIZE];
    char hex[DIGEST_SHA256_HEX_SIZE];
    digest_sha256(canonical, hash);
    digest_write_hex(hash, sizeof(hash), hex);
    return sig_text_over_hash(arena, sig, hex);
}

/* ---- version 2 ---- */

/* AWS: sub-resources and response overrides that are part of CanonicalizedResource ("Signing and
 * authenticating REST requests"); the SDKs sign the same set. Sorted. */
static const struct str v2_signed_parameters[] = {
    STR_INIT("accelerate"),
    STR_INIT("acl"),
    STR_INIT("analytics"),
    STR_INIT("cors"),
    STR_INIT("defaultObjectAcl"),
    STR_INIT("delete"),
    STR_INIT("inventory"),
    STR_INIT("lifecycle"),
    STR_INIT("location"),
    STR_INIT("logging"),
    STR_INIT("metrics"),
    STR_INIT("notification"),
    STR_INIT("object-lock"),
    STR_INIT("partNumber"),
    STR_INIT("policy"),
    STR_INIT("replication"),
    STR_INIT("requestPayment"),
    STR_INIT("response-cache-control"),
    STR_INIT("response-content-disposition"),
    STR_INIT("response-content-encoding"),
    STR_INIT("response-content-language"),
    STR_INIT("response-content-type"),
    STR_INIT("response-expires"),
    STR_INIT("restore"),
    STR_INIT("select"),
    STR_INIT("select-type"),
    STR_INIT("storageClass"),
    STR_INIT("tagging"),
    STR_INIT("torrent"),
    STR_INIT("uploadId"),
    STR_INIT("uploads"),
    STR_INIT("versionId"),
    STR_INIT("versioning"),
    STR_INIT("versions"),
    STR_INIT("website"),
};

static struct str decoded(struct arena *arena, struct str coded)
{
    struct str text = coded;
    return uri_decode(arena, coded, false, &text) == 0 ? text : coded;
}

/* A header's value, or that of the query parameter of the same name: signers of URLs put
 * Content-MD5, Content-Type and x-amz-* into the query. */
static struct str v2_header(struct arena *arena, const struct sig_request *request, struct str name)
{
    struct str value = sig_header(request, name);
    if (str_is_set(value))
        return value;
    struct str rest = request->raw_query;
    struct str field_name;
    struct str field_value;
    while (sig_next_field(&rest, &field_name, &field_value)) {
        if (str_eq_nocase(decoded(arena, field_name), name))
            return decoded(arena, field_value);
    }
    return STR("");
}

/* Adds "name:value" unless the name is there already, then its value is appended with a comma. The
 * limit keeps the search cheap; no signer comes near it, and a forger only misses. */
static void v2_add(struct arena *arena, struct field *fields, size_t *count, struct str name,
                   struct str value)
{
    struct str key = str_lower(arena, name);
    struct str text = str_trim(value);
    for (size_t i = 0; i < *count; i++) {
        if (str_eq(fields[i].name, key)) {
            fields[i].value = str_concat3(arena, fields[i].value, STR(","), text);
            return;
        }
    }
    if (*count < SIG_MAX_SIGNED_HEADERS)
        fields[(*count)++] = (struct field){.name = key, .value = text};
}

static bool is_amz_name(struct str name)
{
    const struct str prefix = STR("x-amz-");
    return name.len > prefix.len && str_eq_nocase(str_slice(name, 0, prefix.len), prefix);
}

static void v2_write_amz_headers(struct buf *out, struct arena *arena,
                                 const struct sig_request *request)
{
    struct field *fields = arena_alloc_array(arena, SIG_MAX_SIGNED_HEADERS, sizeof(*fields));
    size_t count = 0;
    for (size_t i = 0; i < request->header_count; i++) {
        if (is_amz_name(request->headers[i].name))
            v2_add(arena, fields, &count, request->headers[i].name, request->headers[i].value);
    }
    struct str rest = request->raw_query;
    struct str name;
    struct str value;
    while (sig_next_field(&rest, &name, &value)) {
        struct str plain = decoded(arena, name);
        if (is_amz_name(plain) && !str_is_set(sig_header(request, plain)))
            v2_add(arena, fields, &count, plain, decoded(arena, value));
    }
    qsort(fields, count, sizeof(*fields), field_compare);
    for (size_t i = 0; i < count; i++) {
        buf_append(out, fields[i].name);
        buf_append_char(out, ':');
        buf_append(out, fields[i].value);
        buf_append_char(out, '\n');
    }
}

static void v2_write_resource(struct buf *out, struct arena *arena,
                              const struct sig_request *request)
{
    if (request->virtual_bucket.len > 0) {
        buf_append_char(out, '/');
        buf_append(out, request->virtual_bucket);
    }
    buf_append(out, request->raw_path.len > 0 ? request->raw_path : STR("/"));
    char separator = '?';
    for (size_t i = 0; i < ARRAY_LEN(v2_signed_parameters); i++) {
        struct str rest = request->raw_query;
        struct str name;
        struct str value;
        while (sig_next_field(&rest, &name, &value)) {
            if (!str_eq(name, v2_signed_parameters[i]))
                continue;
            buf_append_char(out, separator);
            buf_append(out, name);
            separator = '&';
            bool has_equals = value.ptr == name.ptr + name.len + 1;
            if (has_equals) {
                buf_append_char(out, '=');
                buf_append(out, decoded(arena, value));
            }
        }
    }
}

struct str sig_v2_text(struct arena *arena, const struct sig_request *request,
                       const struct sig *sig)
{
    struct buf out;
    buf_init(&out, arena, SIG_MAX_CANONICAL_BYTES);
    buf_append(&out, request->method);
    buf_append_char(&out, '\n');
    buf_append(&out, v2_header(arena, request, STR("content-md5")));
    buf_append_char(&out, '\n');
    buf_append(&out, v2_header(arena, request, STR("content-type")));
    buf_append_char(&out, '\n');
    buf_append_i64(&out, sig->expires_s);
    buf_append_char(&out, '\n');
    v2_write_amz_headers(&out, arena, request);
    v2_write_resource(&out, arena, request);
    return buf_str(&out);
}
