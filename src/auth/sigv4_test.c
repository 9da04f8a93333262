/* sigv4_test.c — golden cases with every intermediate text, refusals, and our own signing.
 *
 * A golden file in tests/golden/sigv4 has "name: value" lines, then sections that begin with
 * "--- name": the request as sent (with its signature), the canonical request, the string to sign
 * and the signature. Each section ends with the line before the next one.
 */
#include "auth/sigv4.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "auth/digest.h"
#include "base/arena.h"
#include "base/buf.h"
#include "net/http.h"
#include "syntax/time.h"

static struct arena *arena;

static int set_up(void **state)
{
    (void)state;
    arena = arena_new();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static void assert_str(struct str actual, const char *expected)
{
    assert_string_equal(str_to_cstr(arena, actual), expected);
}

static void assert_contains(struct str text, const char *needle)
{
    if (!str_contains(text, str_from_cstr(needle)))
        fail_msg("\"%s\" is not in \"%s\"", needle, str_to_cstr(arena, text));
}

static int64_t time_of(const char *basic)
{
    int64_t time_ms = 0;
    assert_int_equal(time_parse_basic(str_from_cstr(basic), &time_ms), 0);
    return time_ms;
}

/* ---- requests ---- */

enum {
    MAX_HEADERS = 20,
};

struct fixture {
    struct sig_request request;
    struct http_header headers[MAX_HEADERS];
    struct str body;
};

static void add_header(struct fixture *fixture, struct str name, struct str value)
{
    assert_true(fixture->request.header_count < MAX_HEADERS);
    fixture->headers[fixture->request.header_count++] =
        (struct http_header){.name = name, .value = str_trim(value)};
    fixture->request.headers = fixture->headers;
}

static void set_target(struct fixture *fixture, struct str target)
{
    ptrdiff_t mark = str_index(target, '?');
    fixture->request.raw_path = mark < 0 ? target : str_slice(target, 0, (size_t)mark);
    fixture->request.raw_query = mark < 0 ? (struct str){0} : str_from(target, (size_t)mark + 1);
}

static void parse_request(struct str text, struct fixture *fixture)
{
    struct str rest = text;
    struct str line;
    assert_true(str_split_next(&rest, '\n', &line));
    const struct str end = STR(" HTTP/1.1");
    assert_true(str_ends_with(line, end));
    ptrdiff_t space = str_index(line, ' ');
    fixture->request.method = str_slice(line, 0, (size_t)space);
    set_target(fixture, str_slice(line, (size_t)space + 1, line.len - end.len - (size_t)space - 1));
    while (str_split_next(&rest, '\n', &line) && line.len > 0) {
        if (line.ptr[0] == ' ') { /* folded: goes on with the value before */
            struct http_header *last = &fixture->headers[fixture->request.header_count - 1];
            last->value = str_concat3(arena, last->value, STR("\n"), line);
            continue;
        }
        size_t colon = (size_t)str_index(line, ':');
        add_header(fixture, str_slice(line, 0, colon), str_from(line, colon + 1));
    }
    fixture->body = str_is_set(rest) ? rest : STR("");
}

static struct fixture *fixture_of(const char *text, bool is_s3_style)
{
    struct fixture *fixture = arena_alloc(arena, sizeof(*fixture));
    parse_request(str_from_cstr(text), fixture);
    fixture->request.is_s3_style = is_s3_style;
    return fixture;
}

/* ---- golden cases ---- */

static struct str read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char *text = arena_alloc_text(arena, 64 * 1024);
    size_t len = fread(text, 1, 64 * 1024, file);
    fclose(file);
    return str_of(text, len);
}

static struct str golden_section(struct str file, const char *name)
{
    struct str mark = str_format(arena, "--- %s\n", name);
    ptrdiff_t start = str_find(file, mark);
    assert_true(start >= 0);
    struct str text = str_from(file, (size_t)start + mark.len);
    ptrdiff_t end = str_find(text, STR("\n--- "));
    return str_slice(text, 0, end >= 0 ? (size_t)end : text.len - 1);
}

static struct str golden_value(struct str file, const char *name)
{
    struct str rest = str_slice(file, 0, (size_t)str_find(file, STR("--- ")));
    struct str mark = str_format(arena, "%s: ", name);
    struct str line;
    while (str_split_next(&rest, '\n', &line)) {
        if (str_starts_with(line, mark))
            return str_from(line, mark.len);
    }
    return (struct str){0};
}

/* Signing with the same names signed gives the same header, when the request signs all it has. */
static void check_golden_signing(struct fixture *fixture, const struct sig *sig,
                                 struct str secret_key, struct str payload_hash)
{
    struct sig_request bare = fixture->request;
    bare.header_count--; /* Authorization is the last */
    size_t signed_count = 1;
    for (size_t i = 0; i < sig->signed_headers.len; i++)
        signed_count += sig->signed_headers.ptr[i] == ';';
    struct str made = sig_sign(arena, &bare, sig->access_key_id, secret_key, sig->region,
                               sig->service, sig->signed_at_ms, payload_hash);
    if (signed_count == bare.header_count)
        assert_true(str_ends_with(made, sig->signature));
}

static void check_golden(const char *path)
{
    struct str file = read_file(path);
    struct fixture fixture = {0};
    parse_request(golden_section(file, "request"), &fixture);
    fixture.request.is_s3_style = str_eq_cstr(golden_value(file, "style"), "s3");
    fixture.request.virtual_bucket = golden_value(file, "bucket");
    struct str payload_hash = digest_sha256_hex(arena, fixture.body);

    struct sig sig;
    struct str detail = STR("");
    assert_int_equal(sig_parse(arena, &fixture.request, &sig, &detail), SIG_OK);
    struct str canonical = sig_canonical_request(arena, &fixture.request, &sig, payload_hash);
    assert_str(canonical, str_to_cstr(arena, golden_section(file, "canonical-request")));
    assert_str(sig_string_to_sign(arena, &sig, canonical),
               str_to_cstr(arena, golden_section(file, "string-to-sign")));
    assert_str(sig.signature, str_to_cstr(arena, golden_section(file, "signature")));

    struct sig_check check = {
        .secret_key = golden_value(file, "secret"),
        .now_ms = sig.scheme == SIG_V2_QUERY ? sig.expires_s * 1000 : sig.signed_at_ms,
        .payload_hash = payload_hash,
    };
    if (sig.payload != SIG_PAYLOAD_HASH)
        check.payload_hash = (struct str){0};
    assert_int_equal(sig_verify(arena, &fixture.request, &sig, &check, &detail), SIG_OK);
    if (sig.scheme == SIG_V4_HEADER)
        check_golden_signing(&fixture, &sig, check.secret_key, payload_hash);
    check.secret_key = STR("another secret");
    assert_int_equal(sig_verify(arena, &fixture.request, &sig, &check, &detail), SIG_MISMATCH);
    assert_contains(detail, "does not match the signature you provided");
}

static void golden_cases_have_their_texts_and_signatures(void **state)
{
    (void)state;
    const char *folder = "tests/golden/sigv4";
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    int count = 0;
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        if (entry->d_name[0] == '.')
            continue;
        print_message("  %s\n", entry->d_name);
        check_golden(str_to_cstr(arena, str_format(arena, "%s/%s", folder, entry->d_name)));
        count++;
    }
    closedir(dir);
    assert_true(count >= 40);
}

/* ---- refusals of sig_parse ---- */

#define DATE "X-Amz-Date: 20150830T123600Z\n"
#define SCOPE "AKIDEXAMPLE/20150830/us-east-1/service/aws4_request"
#define QUERY_SCOPE "AKIDEXAMPLE/20150830/us-east-1/s3/aws4_request"

struct parse_case {
    bool is_s3_style;
    enum sig_result result;
    const char *target;
    const char *headers;
    const char *detail;
};

static const struct parse_case parse_cases[] = {
    {false, SIG_INCOMPLETE, "/", "Authorization:\n", "Authorization header cannot be empty: ''"},
    {false, SIG_INCOMPLETE, "/", "Authorization: AWS5-HMAC-SHA256 a=b\n",
     "Unsupported AWS 'algorithm': 'AWS5-HMAC-SHA256'."},
    {false, SIG_INCOMPLETE, "/", "Authorization: allow\n",
     "Authorization header requires 'Credential' parameter. Authorization header requires "
     "'Signature' parameter. Authorization header requires 'SignedHeaders' parameter. "
     "Authorization "
     "header requires existence of either a 'X-Amz-Date' or a 'Date' header. (Hashed with SHA-256 "
     "and encoded with Base64) Authorization=QQCDc1c1oQ5lihnt0XBOYGyd0RLiJYJbY/r+3tdmyLk="},
    {false, SIG_INCOMPLETE, "/", "Authorization: AWS4-HMAC-SHA256 FooBar\n" DATE,
     "Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and "
     "encoded with Base64): '"},
    {false, SIG_INCOMPLETE, "/", "Authorization: AWS4-HMAC-SHA256 Credential=" SCOPE "\n" DATE,
     "Authorization header requires 'Signature' parameter. Authorization header requires "
     "'SignedHeaders' parameter. (Hashed"},
    {false, SIG_MISSING_DATE, "/",
     "Authorization: AWS4-HMAC-SHA256 Credential=" SCOPE ", SignedHeaders=host, Signature=00\n",
     "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. "},
    {false, SIG_INCOMPLETE, "/",
     "Authorization: AWS4-HMAC-SHA256 Credential=" SCOPE ", SignedHeaders=host, Signature=00\n"
     "X-Amz-Date: 2015/08/30T12/36/00Z\n",
     "Date must be in ISO-8601 'basic format'. Got '2015/08/30T12/36/00Z'. See "
     "http://en.wikipedia.org/wiki/ISO_8601"},
    {false, SIG_INCOMPLETE, "/",
     "Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE, SignedHeaders=host, "
     "Signature=00\n" DATE,
     "Credential must have exactly 5 slash-delimited elements, e.g. "
     "keyid/date/region/service/term, "
     "got 'AKIDEXAMPLE'"},
    {false, SIG_BAD_SCOPE, "/",
     "Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/foobar/r/s/aws5_request, "
     "SignedHeaders=host, Signature=00\n" DATE,
     "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5_request'. "
     "Date "
     "in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
     "'foobar' "
     "!= '20150830', from '20150830T123600Z'."},
    {false, SIG_INCOMPLETE, "/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20150830T123600Z", "",
     "AWS query-string parameters must include 'X-Amz-Credential'. AWS query-string parameters "
     "must "
     "include 'X-Amz-Signature'. AWS query-string parameters must include 'X-Amz-SignedHeaders'. "
     "Re-examine the query-string parameters."},
    {true, SIG_INCOMPLETE, "/", "Authorization: allow\n", "Unsupported Authorization Type"},
    {true, SIG_INCOMPLETE, "/", "Authorization: AWS4-HMAC-SHA256 Credential=" SCOPE "\n" DATE,
     "The authorization header is malformed; the authorization header requires three components: "
     "Credential, SignedHeaders, and Signature."},
    {true, SIG_MISSING_DATE, "/",
     "Authorization: AWS4-HMAC-SHA256 Credential=" SCOPE ", SignedHeaders=host, Signature=00\n",
     "AWS authentication requires a valid Date or x-amz-date header"},
    {true, SIG_INCOMPLETE, "/",
     "Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE, SignedHeaders=host, "
     "Signature=00\n" DATE,
     "The authorization header is malformed; the Credential is mal-formed; expecting "
     "\"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\"."},
    {true, SIG_BAD_SCOPE, "/",
     "Authorization: AWS4-HMAC-SHA256 Credential=A/2015083/r/s3/aws4_request, SignedHeaders=host, "
     "Signature=00\n" DATE,
     "The authorization header is malformed; incorrect date format \"2015083\". This date in the "
     "credential must be in the format \"yyyyMMdd\"."},
    {true, SIG_BAD_SCOPE, "/",
     "Authorization: AWS4-HMAC-SHA256 Credential=A/20150830/r/s3/aws4_reques, SignedHeaders=host, "
     "Signature=00\n" DATE,
     "The authorization header is malformed; incorrect terminal \"aws4_reques\". This endpoint "
     "uses "
     "\"aws4_request\"."},
    {true, SIG_BAD_SCOPE, "/",
     "Authorization: AWS4-HMAC-SHA256 Credential=A/20150829/r/s3/aws4_request, SignedHeaders=host, "
     "Signature=00\n" DATE,
     "The authorization header is malformed; Invalid credential date \"20150829\". This date is "
     "not "
     "the same as X-Amz-Date: \"20150830\"."},
    {true, SIG_PAYLOAD_MISMATCH, "/",
     "Authorization: AWS4-HMAC-SHA256 Credential=" SCOPE ", SignedHeaders=host, Signature=00\n" DATE
     "x-amz-content-sha256: abc\n",
     "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, "},
    {true, SIG_INCOMPLETE, "/?X-Amz-Algorithm=AWS4-HMAC-SHA256",
     "Authorization: AWS4-HMAC-SHA256 a\n", "Only one auth mechanism allowed; "},
    {true, SIG_INCOMPLETE, "/?X-Amz-Algorithm=AWS4-HMAC-SHA256", "",
     "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, "
     "X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."},
    {true, SIG_INCOMPLETE,
     "/?X-Amz-Algorithm=AWS4-HMAC-SHA1&X-Amz-Credential=" QUERY_SCOPE
     "&X-Amz-Date=20150830T123600Z&X-Amz-SignedHeaders=host&X-Amz-Expires=1&X-Amz-Signature=0",
     "", "X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256 and AWS4-ECDSA-P256-SHA256\""},
    {true, SIG_INCOMPLETE,
     "/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=" QUERY_SCOPE
     "&X-Amz-Date=2015-08-30&X-Amz-SignedHeaders=host&X-Amz-Expires=1&X-Amz-Signature=0",
     "", "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\""},
    {true, SIG_INCOMPLETE, "/?AWSAccessKeyId=a&Signature=b", "",
     "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters"},
    {true, SIG_INCOMPLETE, "/?AWSAccessKeyId=a&Signature=b&Expires=soon", "",
     "Invalid date (should be seconds since epoch): soon"},
};

static void malformed_signatures_are_refused_in_the_words_of_aws(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(parse_cases); i++) {
        const struct parse_case *c = &parse_cases[i];
        struct str text =
            str_format(arena, "GET %s HTTP/1.1\nHost: h\n%s\n", c->target, c->headers);
        struct fixture *fixture = fixture_of(str_to_cstr(arena, text), c->is_s3_style);
        struct sig sig;
        struct str detail = STR("");
        enum sig_result result = sig_parse(arena, &fixture->request, &sig, &detail);
        if (result != c->result)
            fail_msg("case %zu gave %d: %s", i, (int)result, str_to_cstr(arena, detail));
        if (!str_starts_with(detail, str_from_cstr(c->detail)))
            fail_msg("case %zu: \"%s\"", i, str_to_cstr(arena, detail));
    }
}

static void expires_is_between_zero_and_a_week(void **state)
{
    (void)state;
    static const struct {
        const char *expires;
        const char *detail; /* NULL: accepted */
    } cases[] = {
        {"0", NULL},
        {"1", NULL},
        {"604800", NULL},
        {"604801", "X-Amz-Expires must be less than a week (in seconds); that is, the given "
                   "X-Amz-Expires must be less than 604800 seconds"},
        {"99999999999999999999", "X-Amz-Expires must be less than a week"},
        {"-1", "X-Amz-Expires must be non-negative"},
        {"-99999999999999999999", "X-Amz-Expires must be non-negative"},
        {"1h", "X-Amz-Expires should be a number"},
        {"", "X-Amz-Expires should be a number"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str text =
            str_format(arena,
                       "GET /?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=" QUERY_SCOPE
                       "&X-Amz-Date=20150830T123600Z&X-Amz-SignedHeaders="
                       "host&X-Amz-Expires=%s&X-Amz-Signature=0 HTTP/1.1\nHost: h\n\n",
                       cases[i].expires);
        struct fixture *fixture = fixture_of(str_to_cstr(arena, text), true);
        struct sig sig;
        struct str detail = STR("");
        enum sig_result result = sig_parse(arena, &fixture->request, &sig, &detail);
        assert_int_equal(result, cases[i].detail ? SIG_INCOMPLETE : SIG_OK);
        if (cases[i].detail)
            assert_true(str_starts_with(detail, str_from_cstr(cases[i].detail)));
    }
}

static void other_schemes_are_recognised_and_refused(void **state)
{
    (void)state;
    static const struct {
        const char *authorization;
        enum sig_scheme scheme;
        const char *access_key_id;
        const char *detail;
        const char *s3_detail;
    } cases[] = {
        {"AWS AKID:c2ln", SIG_V2_HEADER, "AKID", "AWS Signature Version 2 is not supported.",
         "The authorization mechanism you have provided is not supported. Please use "
         "AWS4-HMAC-SHA256."},
        {"AWS4-ECDSA-P256-SHA256 Credential=AKID/20150830/s3/aws4_request, SignedHeaders=host, "
         "Signature=00",
         SIG_V4A, "AKID", "Unsupported AWS 'algorithm': 'AWS4-ECDSA-P256-SHA256'.",
         "The authorization mechanism you have provided is not supported. Please use "
         "AWS4-HMAC-SHA256."},
        {"Bearer abc.def", SIG_BEARER, "", "Request is missing Authentication Token",
         "Unsupported Authorization Type"},
        {"Basic YTpi", SIG_BASIC, "", "Request is missing Authentication Token",
         "Unsupported Authorization Type"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (int is_s3 = 0; is_s3 <= 1; is_s3++) {
            struct str text = str_format(arena, "GET / HTTP/1.1\nHost: h\nAuthorization: %s\n\n",
                                         cases[i].authorization);
            struct fixture *fixture = fixture_of(str_to_cstr(arena, text), is_s3);
            struct sig sig;
            struct str detail = STR("");
            assert_int_equal(sig_parse(arena, &fixture->request, &sig, &detail), SIG_OK);
            assert_int_equal(sig.scheme, cases[i].scheme);
            assert_str(sig.access_key_id, cases[i].access_key_id);
            const struct sig_check check = {.secret_key = STR("x")};
            assert_int_equal(sig_verify(arena, &fixture->request, &sig, &check, &detail),
                             SIG_UNSUPPORTED);
            assert_str(detail, is_s3 ? cases[i].s3_detail : cases[i].detail);
        }
    }
}

static void a_request_without_signature_is_not_refused(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_of("GET /?a=b&Signature=x HTTP/1.1\nHost: h\n\n", false);
    struct sig sig;
    struct str detail = STR("");
    assert_int_equal(sig_parse(arena, &fixture->request, &sig, &detail), SIG_OK);
    assert_int_equal(sig.scheme, SIG_NONE);
    fixture = fixture_of("GET / HTTP/1.1\nHost: h\nAuthorization:\n\n", true);
    assert_int_equal(sig_parse(arena, &fixture->request, &sig, &detail), SIG_OK);
    assert_int_equal(sig.scheme, SIG_NONE);
}

static void floods_of_names_are_refused(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text, arena, 1 << 20);
    for (int i = 0; i < 10001; i++)
        buf_append_cstr(&text, "a&");
    struct fixture *fixture = fixture_of("GET / HTTP/1.1\nHost: h\n\n", false);
    fixture->request.raw_query = buf_str(&text);
    struct sig sig;
    struct str detail = STR("");
    assert_int_equal(sig_parse(arena, &fixture->request, &sig, &detail), SIG_INCOMPLETE);
    buf_clear(&text);
    buf_append_cstr(&text, "AWS4-HMAC-SHA256 Credential=" SCOPE ", Signature=0, SignedHeaders=");
    for (int i = 0; i < SIG_MAX_SIGNED_HEADERS; i++)
        buf_append_cstr(&text, "a;");
    fixture = fixture_of("GET / HTTP/1.1\nHost: h\n" DATE "\n", false);
    add_header(fixture, STR("Authorization"), buf_str(&text));
    assert_int_equal(sig_parse(arena, &fixture->request, &sig, &detail), SIG_INCOMPLETE);
}

/* ---- refusals of sig_verify ---- */

static const struct str secret = STR_INIT("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");

/* Signs the request in its headers, as of 20150830T123600Z. */
static void sign(struct fixture *fixture, const char *service, struct str payload_hash)
{
    struct str value = sig_sign(arena, &fixture->request, STR("AKIDEXAMPLE"), secret,
                                STR("us-east-1"), str_from_cstr(service), 0, payload_hash);
    add_header(fixture, STR("Authorization"), value);
}

static enum sig_result verify(const struct fixture *fixture, const struct sig_check *check,
                              struct str *out_detail)
{
    struct sig sig;
    *out_detail = STR("");
    enum sig_result result = sig_parse(arena, &fixture->request, &sig, out_detail);
    return result == SIG_OK ? sig_verify(arena, &fixture->request, &sig, check, out_detail)
                            : result;
}

static void a_request_is_valid_for_fifteen_minutes_either_way(void **state)
{
    (void)state;
    static const struct {
        const char *now;
        enum sig_result result;
        const char *detail;
    } cases[] = {
        {"20150830T123600Z", SIG_OK, ""},
        {"20150830T125100Z", SIG_OK, ""},
        {"20150830T122100Z", SIG_OK, ""},
        {"20150830T130000Z", SIG_EXPIRED,
         "Signature expired: 20150830T123600Z is now earlier than 20150830T124500Z "
         "(20150830T130000Z - 15 min.)"},
        {"20150830T122059Z", SIG_NOT_YET,
         "Signature not yet current: 20150830T123600Z is still later than 20150830T123559Z "
         "(20150830T122059Z + 15 min.)"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (int is_s3 = 0; is_s3 <= 1; is_s3++) {
            struct fixture *fixture = fixture_of("GET / HTTP/1.1\nHost: h\n" DATE "\n", is_s3);
            sign(fixture, "service", (struct str){0});
            const struct sig_check check = {.secret_key = secret, .now_ms = time_of(cases[i].now)};
            struct str detail;
            assert_int_equal(verify(fixture, &check, &detail), cases[i].result);
            if (!is_s3)
                assert_str(detail, cases[i].detail);
            else if (cases[i].result != SIG_OK)
                assert_str(detail, "The difference between the request time and the current time "
                                   "is too large.");
        }
    }
}

static void headers_that_must_be_signed_are_named(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_of("GET / HTTP/1.1\nHost: h\n" DATE "\n", false);
    sign(fixture, "service", (struct str){0});
    add_header(fixture, STR("X-Amz-Acl"), STR("private"));
    add_header(fixture, STR("X-Amz-Meta-A"), STR("1"));
    add_header(fixture, STR("X-Amzn-Trace-Id"), STR("Root=1"));
    const struct sig_check check = {.secret_key = secret, .now_ms = time_of("20150830T123600Z")};
    struct str detail;
    assert_int_equal(verify(fixture, &check, &detail), SIG_UNSIGNED_HEADER);
    assert_str(detail, "'x-amz-acl' must be a 'SignedHeader' in the AWS Authorization.");
    fixture->request.is_s3_style = true;
    assert_int_equal(verify(fixture, &check, &detail), SIG_UNSIGNED_HEADER);
    assert_str(detail, "There were headers present in the request which were not signed");
    struct sig sig;
    assert_int_equal(sig_parse(arena, &fixture->request, &sig, &detail), SIG_OK);
    assert_str(sig_unsigned_headers(arena, &fixture->request, &sig), "x-amz-acl, x-amz-meta-a");

    fixture = fixture_of("GET / HTTP/1.1\nX-A: h\n" DATE "\n", false);
    sign(fixture, "service", (struct str){0});
    assert_int_equal(verify(fixture, &check, &detail), SIG_UNSIGNED_HEADER);
    assert_str(detail, "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.");
}

static void a_session_token_may_be_added_later_except_on_s3(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_of("GET / HTTP/1.1\nHost: h\n" DATE "\n", false);
    sign(fixture, "service", (struct str){0});
    add_header(fixture, STR("X-Amz-Security-Token"), STR("token"));
    const struct sig_check check = {.secret_key = secret, .now_ms = time_of("20150830T123600Z")};
    struct str detail;
    assert_int_equal(verify(fixture, &check, &detail), SIG_OK);
    fixture->request.is_s3_style = true;
    assert_int_equal(verify(fixture, &check, &detail), SIG_UNSIGNED_HEADER);

    for (int is_s3 = 0; is_s3 <= 1; is_s3++) {
        fixture = fixture_of("GET /?a=b HTTP/1.1\nHost: h\n\n", is_s3);
        struct str query =
            sig_presign(arena, &fixture->request, STR("AKIDEXAMPLE"), secret, (struct str){0},
                        STR("us-east-1"), STR("service"), check.now_ms, 60);
        fixture->request.raw_query =
            str_concat(arena, query, STR("&X-Amz-Security-Token=to%2Fken"));
        assert_int_equal(verify(fixture, &check, &detail), is_s3 ? SIG_MISMATCH : SIG_OK);
        struct sig sig;
        assert_int_equal(sig_parse(arena, &fixture->request, &sig, &detail), SIG_OK);
        assert_str(sig.session_token, "to/ken");
    }
}

static void the_scope_must_be_the_expected_one(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_of("GET / HTTP/1.1\nHost: h\n" DATE "\n", false);
    sign(fixture, "sqs", (struct str){0});
    struct sig_check check = {
        .secret_key = secret,
        .now_ms = time_of("20150830T123600Z"),
        .region = STR("us-east-1"),
        .service = STR("sqs"),
    };
    struct str detail;
    assert_int_equal(verify(fixture, &check, &detail), SIG_OK);
    check.region = STR("eu-west-1");
    assert_int_equal(verify(fixture, &check, &detail), SIG_BAD_SCOPE);
    assert_str(detail, "Credential should be scoped to a valid region, not 'us-east-1'. ");
    check.service = STR("sns");
    assert_int_equal(verify(fixture, &check, &detail), SIG_BAD_SCOPE);
    assert_str(detail, "Credential should be scoped to a valid region, not 'us-east-1'. Credential "
                       "should be scoped to correct service: 'sns'. ");
    fixture->request.is_s3_style = true;
    assert_int_equal(verify(fixture, &check, &detail), SIG_BAD_SCOPE);
    assert_str(detail, "The authorization header is malformed; incorrect service \"sqs\". This "
                       "endpoint belongs to \"sns\".");
    check.service = STR("sqs");
    assert_int_equal(verify(fixture, &check, &detail), SIG_BAD_SCOPE);
    assert_str(detail, "The authorization header is malformed; the region 'us-east-1' is wrong; "
                       "expecting 'eu-west-1'");
}

static void a_mismatch_is_explained(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_of("GET /a?b HTTP/1.1\nHost: h\n" DATE "\n", false);
    sign(fixture, "service", (struct str){0});
    struct sig_check check = {.secret_key = STR("no"), .now_ms = time_of("20150830T123600Z")};
    struct str detail;
    assert_int_equal(verify(fixture, &check, &detail), SIG_MISMATCH);
    assert_str(detail,
               "The request signature we calculated does not match the signature you provided. "
               "Check your AWS Secret Access Key and signing method. Consult the service "
               "documentation for details.\n\nThe Canonical String for this request should have "
               "been\n'GET\n/a\nb=\nhost:h\nx-amz-date:20150830T123600Z\n\nhost;x-amz-date\n"
               "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'\n\n"
               "The String-to-Sign should have been\n'AWS4-HMAC-SHA256\n20150830T123600Z\n"
               "20150830/us-east-1/service/aws4_request\n"
               "0c0ee47c2fbd8a60c0dc2c104fb922dacaee5bf14f9ff53387f5830f4b1581e0'\n");
}

static void the_body_is_part_of_the_signature(void **state)
{
    (void)state;
    struct str hash = digest_sha256_hex(arena, STR("{}"));
    struct fixture *fixture = fixture_of("POST / HTTP/1.1\nHost: h\n" DATE "\n", false);
    sign(fixture, "service", hash);
    struct sig_check check = {
        .secret_key = secret,
        .now_ms = time_of("20150830T123600Z"),
        .payload_hash = hash,
    };
    struct str detail;
    assert_int_equal(verify(fixture, &check, &detail), SIG_OK);
    check.payload_hash = digest_sha256_hex(arena, STR("[]"));
    assert_int_equal(verify(fixture, &check, &detail), SIG_MISMATCH);

    /* S3 signs what the header says; a body that differs is an error of its own. */
    fixture = fixture_of("PUT / HTTP/1.1\nHost: h\n" DATE "\n", true);
    add_header(fixture, STR("x-amz-content-sha256"), hash);
    sign(fixture, "s3", hash);
    assert_int_equal(verify(fixture, &check, &detail), SIG_PAYLOAD_MISMATCH);
    check.payload_hash = (struct str){0};
    assert_int_equal(verify(fixture, &check, &detail), SIG_OK);
    check.payload_hash = hash;
    assert_int_equal(verify(fixture, &check, &detail), SIG_OK);

    fixture = fixture_of(
        "PUT / HTTP/1.1\nHost: h\nx-amz-content-sha256: UNSIGNED-PAYLOAD\n" DATE "\n", false);
    sign(fixture, "service", STR("UNSIGNED-PAYLOAD"));
    assert_int_equal(verify(fixture, &check, &detail), SIG_OK);
}

static void a_presigned_url_lives_until_it_expires(void **state)
{
    (void)state;
    static const struct {
        int64_t expires_s;
        int64_t age_ms;
        enum sig_result s3_result;
        enum sig_result result;
    } cases[] = {
        {60, 0, SIG_OK, SIG_OK},
        {60, 60000, SIG_OK, SIG_OK},
        {60, 60001, SIG_PRESIGN_EXPIRED, SIG_EXPIRED},
        {604800, 604800000, SIG_OK, SIG_OK},
        {0, 0, SIG_PRESIGN_EXPIRED, SIG_EXPIRED},
        {60, -900000, SIG_OK, SIG_OK},
        {60, -900001, SIG_NOT_YET, SIG_NOT_YET},
    };
    int64_t signed_at_ms = time_of("20150830T123600Z");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (int is_s3 = 0; is_s3 <= 1; is_s3++) {
            struct fixture *fixture = fixture_of("GET /k HTTP/1.1\nHost: h\n\n", is_s3);
            fixture->request.raw_query =
                sig_presign(arena, &fixture->request, STR("AKIDEXAMPLE"), secret, STR("to+ken="),
                            STR("us-east-1"), STR("service"), signed_at_ms, cases[i].expires_s);
            const struct sig_check check = {
                .secret_key = secret,
                .now_ms = signed_at_ms + cases[i].age_ms,
            };
            struct str detail;
            assert_int_equal(verify(fixture, &check, &detail),
                             is_s3 ? cases[i].s3_result : cases[i].result);
            if (is_s3 && cases[i].s3_result == SIG_PRESIGN_EXPIRED)
                assert_str(detail, "Request has expired");
            if (is_s3 && cases[i].s3_result == SIG_NOT_YET)
                assert_str(detail, "Request is not yet valid");
        }
    }
}

static void s3_looks_at_the_signature_before_the_time(void **state)
{
    (void)state;
    for (int is_s3 = 0; is_s3 <= 1; is_s3++) {
        struct fixture *fixture = fixture_of("GET / HTTP/1.1\nHost: h\n" DATE "\n", is_s3);
        sign(fixture, "service", (struct str){0});
        const struct sig_check check = {.secret_key = STR("x")};
        struct str detail;
        assert_int_equal(verify(fixture, &check, &detail), is_s3 ? SIG_MISMATCH : SIG_NOT_YET);
    }
}

static void case_of_signature_and_parameter_names_does_not_matter(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_of("GET /k HTTP/1.1\nHost: h\n\n", true);
    const struct sig_check check = {.secret_key = secret, .now_ms = time_of("20150830T123600Z")};
    /* The names are signed as sent, so they are changed before signing. */
    fixture->request.raw_query =
        STR("x-amz-algorithm=AWS4-HMAC-SHA256&x-amz-credential=" QUERY_SCOPE
            "&x-amz-date=20150830T123600Z&x-amz-expires=60&x-amz-signedheaders=host"
            "&x-amz-signature=00");
    struct sig sig;
    struct str detail;
    assert_int_equal(sig_parse(arena, &fixture->request, &sig, &detail), SIG_OK);
    struct str canonical = sig_canonical_request(arena, &fixture->request, &sig, (struct str){0});
    assert_false(str_contains(canonical, STR("signature")));

    fixture = fixture_of("GET / HTTP/1.1\nHost: h\n" DATE "\n", false);
    sign(fixture, "service", (struct str){0});
    struct http_header *last = &fixture->headers[fixture->request.header_count - 1];
    size_t start = last->value.len - 64;
    last->value = str_concat(arena, str_slice(last->value, 0, start),
                             str_upper(arena, str_from(last->value, start)));
    assert_int_equal(verify(fixture, &check, &detail), SIG_OK);
}

static void secrets_of_any_length_are_told_apart(void **state)
{
    (void)state;
    for (size_t len = 0; len < 400; len += 7) {
        char *text = arena_alloc_text(arena, len + 1);
        memset(text, 'k', len + 1);
        struct fixture *fixture = fixture_of("GET / HTTP/1.1\nHost: h\n" DATE "\n", false);
        add_header(fixture, STR("Authorization"),
                   sig_sign(arena, &fixture->request, STR("A"), str_of(text, len), STR("r"),
                            STR("s"), 0, (struct str){0}));
        struct sig_check check = {
            .secret_key = str_of(text, len),
            .now_ms = time_of("20150830T123600Z"),
        };
        struct str detail;
        assert_int_equal(verify(fixture, &check, &detail), SIG_OK);
        assert_int_equal(verify(fixture, &check, &detail), SIG_OK); /* from the cache */
        check.secret_key = str_of(text, len + 1);
        assert_int_equal(verify(fixture, &check, &detail), SIG_MISMATCH);
    }
}

static void the_limits_of_version_2_are_checked(void **state)
{
    (void)state;
    struct fixture *fixture =
        fixture_of("GET /photos/puppy.jpg?AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Expires=1175139620"
                   "&Signature=NpgCjnDzrM%2BWFzoENXmpNDUsSn8%3D HTTP/1.1\nHost: h\n\n",
                   true);
    fixture->request.virtual_bucket = STR("johnsmith");
    struct sig_check check = {
        .secret_key = STR("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        .now_ms = 1175139620000,
    };
    struct str detail;
    assert_int_equal(verify(fixture, &check, &detail), SIG_OK);
    check.now_ms += 1000;
    assert_int_equal(verify(fixture, &check, &detail), SIG_PRESIGN_EXPIRED);
    fixture->request.virtual_bucket = STR("janesmith");
    assert_int_equal(verify(fixture, &check, &detail), SIG_MISMATCH);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(golden_cases_have_their_texts_and_signatures),
        TEST(malformed_signatures_are_refused_in_the_words_of_aws),
        TEST(expires_is_between_zero_and_a_week),
        TEST(other_schemes_are_recognised_and_refused),
        TEST(a_request_without_signature_is_not_refused),
        TEST(floods_of_names_are_refused),
        TEST(a_request_is_valid_for_fifteen_minutes_either_way),
        TEST(headers_that_must_be_signed_are_named),
        TEST(a_session_token_may_be_added_later_except_on_s3),
        TEST(the_scope_must_be_the_expected_one),
        TEST(a_mismatch_is_explained),
        TEST(the_body_is_part_of_the_signature),
        TEST(a_presigned_url_lives_until_it_expires),
        TEST(s3_looks_at_the_signature_before_the_time),
        TEST(case_of_signature_and_parameter_names_does_not_matter),
        TEST(secrets_of_any_length_are_told_apart),
        TEST(the_limits_of_version_2_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
