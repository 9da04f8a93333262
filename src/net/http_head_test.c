/* http_head_test.c — which heads are accepted, what they say, and which are refused. */
#include "net/http_head.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct http_header headers[HTTP_MAX_HEADERS];

/* The status a head is refused with, 0 when it is accepted, -1 when it is not complete. */
static int read_head(struct str bytes, struct http_head *out_head)
{
    size_t position = 0;
    ptrdiff_t len = http_head_scan(bytes, &position);
    if (len < 0)
        return 400;
    if (len == 0)
        return -1;
    *out_head = (struct http_head){.headers = headers};
    return http_head_parse(str_slice(bytes, 0, (size_t)len), out_head);
}

#define HOST "Host: h\r\n"

struct refusal {
    const char *what;
    struct str head;
    int status;
};

static const struct refusal refusals[] = {
    {"Content-Length with Transfer-Encoding",
     STR_INIT("POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"),
     400},
    {"Transfer-Encoding with Content-Length",
     STR_INIT("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"),
     400},
    {"two Content-Lengths",
     STR_INIT("POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nContent-Length: 6\r\n\r\n"), 400},
    {"the same Content-Length twice",
     STR_INIT("POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nContent-Length: 5\r\n\r\n"), 400},
    {"a list of Content-Lengths",
     STR_INIT("POST / HTTP/1.1\r\n" HOST "Content-Length: 5, 5\r\n\r\n"), 400},
    {"a negative Content-Length", STR_INIT("POST / HTTP/1.1\r\n" HOST "Content-Length: -1\r\n\r\n"),
     400},
    {"a signed Content-Length", STR_INIT("POST / HTTP/1.1\r\n" HOST "Content-Length: +1\r\n\r\n"),
     400},
    {"an empty Content-Length", STR_INIT("POST / HTTP/1.1\r\n" HOST "Content-Length: \r\n\r\n"),
     400},
    {"a hexadecimal Content-Length",
     STR_INIT("POST / HTTP/1.1\r\n" HOST "Content-Length: 0x5\r\n\r\n"), 400},
    {"a Content-Length with a space inside",
     STR_INIT("POST / HTTP/1.1\r\n" HOST "Content-Length: 1 0\r\n\r\n"), 400},
    {"a Content-Length above 2^63",
     STR_INIT("POST / HTTP/1.1\r\n" HOST "Content-Length: 9223372036854775808\r\n\r\n"), 400},
    {"a Content-Length above 2^64",
     STR_INIT("POST / HTTP/1.1\r\n" HOST "Content-Length: 18446744073709551621\r\n\r\n"), 400},
    {"obs-fold", STR_INIT("POST / HTTP/1.1\r\nHost: x\r\n Content-Length: 5\r\n\r\n"), 400},
    {"obs-fold with a tab", STR_INIT("POST / HTTP/1.1\r\nHost: x\r\n\tContent-Length: 5\r\n\r\n"),
     400},
    {"white space before the first header", STR_INIT("GET / HTTP/1.1\r\n Host: h\r\n\r\n"), 400},
    {"bare LF after the request line", STR_INIT("GET / HTTP/1.1\nHost: h\r\n\r\n"), 400},
    {"bare LF after a header", STR_INIT("GET / HTTP/1.1\r\nHost: h\nX: y\r\n\r\n"), 400},
    {"bare LF at the end", STR_INIT("GET / HTTP/1.1\r\nHost: h\r\n\n"), 400},
    {"CR CR LF", STR_INIT("GET / HTTP/1.1\r\nHost: h\r\r\n\r\n"), 400},
    {"bare CR in a value", STR_INIT("GET / HTTP/1.1\r\nHost: h\r\nA: b\rC: d\r\n\r\n"), 400},
    {"CR LF CR X for the end", STR_INIT("GET / HTTP/1.1\r\nHost: h\r\n\rX"), 400},
    {"NUL in a value", STR_INIT("GET / HTTP/1.1\r\nHost: h\r\nA: b\0c\r\n\r\n"), 400},
    {"NUL in a name", STR_INIT("GET / HTTP/1.1\r\nHost: h\r\nA\0: b\r\n\r\n"), 400},
    {"a control character in a value", STR_INIT("GET / HTTP/1.1\r\nHost: h\r\nA: \x01\r\n\r\n"),
     400},
    {"DEL in the target", STR_INIT("GET /\x7f HTTP/1.1\r\nHost: h\r\n\r\n"), 400},
    {"space before the colon", STR_INIT("GET / HTTP/1.1\r\nHost : h\r\n\r\n"), 400},
    {"tab before the colon", STR_INIT("GET / HTTP/1.1\r\nHost: h\r\nA\t: h\r\n\r\n"), 400},
    {"a name with a space", STR_INIT("GET / HTTP/1.1\r\nHost: h\r\nA B: h\r\n\r\n"), 400},
    {"an empty name", STR_INIT("GET / HTTP/1.1\r\nHost: h\r\n: h\r\n\r\n"), 400},
    {"a line without colon", STR_INIT("GET / HTTP/1.1\r\nHost: h\r\nabc\r\n\r\n"), 400},
    {"TE: xchunked", STR_INIT("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: xchunked\r\n\r\n"),
     400},
    {"TE: gzip, chunked",
     STR_INIT("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n"), 400},
    {"TE: chunked, identity",
     STR_INIT("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked, identity\r\n\r\n"), 400},
    {"TE: identity", STR_INIT("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: identity\r\n\r\n"),
     400},
    {"TE twice",
     STR_INIT("POST / HTTP/1.1\r\n" HOST
              "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"),
     400},
    {"TE empty", STR_INIT("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding:\r\n\r\n"), 400},
    {"TE with a vertical tab",
     STR_INIT("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: \x0b"
              "chunked\r\n\r\n"),
     400},
    {"TE in HTTP/1.0", STR_INIT("POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"),
     400},
    {"two Hosts", STR_INIT("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), 400},
    {"no Host", STR_INIT("GET / HTTP/1.1\r\nA: b\r\n\r\n"), 400},
    {"no headers", STR_INIT("GET / HTTP/1.1\r\n\r\n"), 400},
    {"a Host with a space", STR_INIT("GET / HTTP/1.1\r\nHost: a b\r\n\r\n"), 400},
    {"a Host with a slash", STR_INIT("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"), 400},
    {"a Host with user information", STR_INIT("GET / HTTP/1.1\r\nHost: u@h\r\n\r\n"), 400},
    {"no target", STR_INIT("GET HTTP/1.1\r\n" HOST "\r\n"), 400},
    {"a relative target", STR_INIT("GET a/b HTTP/1.1\r\n" HOST "\r\n"), 400},
    {"a fragment", STR_INIT("GET /a#b HTTP/1.1\r\n" HOST "\r\n"), 400},
    {"two spaces before the version", STR_INIT("GET /  HTTP/1.1\r\n" HOST "\r\n"), 400},
    {"a space in the target", STR_INIT("GET /a b HTTP/1.1\r\n" HOST "\r\n"), 400},
    {"a space after the version", STR_INIT("GET / HTTP/1.1 \r\n" HOST "\r\n"), 400},
    {"an unknown method", STR_INIT("FROB / HTTP/1.1\r\n" HOST "\r\n"), 400},
    {"a lower-case method", STR_INIT("get / HTTP/1.1\r\n" HOST "\r\n"), 400},
    {"CONNECT", STR_INIT("CONNECT h:443 HTTP/1.1\r\n" HOST "\r\n"), 501},
    {"HTTP/0.9", STR_INIT("GET /\r\n\r\n"), 400},
    {"HTTP/2", STR_INIT("GET / HTTP/2.0\r\n" HOST "\r\n"), 505},
    {"HTTP/1.2", STR_INIT("GET / HTTP/1.2\r\n" HOST "\r\n"), 505},
    {"the preface of HTTP/2", STR_INIT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505},
    {"RTSP", STR_INIT("DESCRIBE / RTSP/1.0\r\n" HOST "\r\n"), 400},
    {"ICE", STR_INIT("SOURCE / ICE/1.0\r\n" HOST "\r\n"), 400},
    {"an expectation we do not know", STR_INIT("POST / HTTP/1.1\r\n" HOST "Expect: tea\r\n\r\n"),
     417},
};

static void refuses_what_others_might_read_differently(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
        struct http_head head;
        int status = read_head(refusals[i].head, &head);
        if (status != refusals[i].status)
            fail_msg("%s: %d instead of %d", refusals[i].what, status, refusals[i].status);
    }
}

static void reads_a_request(void **state)
{
    (void)state;
    const struct str bytes = STR("PUT /a%20b/c?x=1&y?=2 HTTP/1.1\r\n"
                                 "host: s3.localhost:4566\r\n"
                                 "X-Empty:\r\n"
                                 "X-Spaces: \t a b \t \r\n"
                                 "Content-Length: 0042\r\n"
                                 "Expect: 100-Continue\r\n"
                                 "\r\nbody");
    struct http_head head;
    assert_int_equal(read_head(bytes, &head), 0);
    assert_true(str_eq_cstr(head.method, "PUT"));
    assert_true(str_eq_cstr(head.target, "/a%20b/c?x=1&y?=2"));
    assert_true(str_eq_cstr(head.raw_path, "/a%20b/c"));
    assert_true(str_eq_cstr(head.raw_query, "x=1&y?=2"));
    assert_true(str_eq_cstr(head.host, "s3.localhost:4566"));
    assert_int_equal(head.header_count, 5);
    assert_true(str_eq_cstr(head.headers[1].name, "X-Empty"));
    assert_true(str_is_set(head.headers[1].value));
    assert_int_equal(head.headers[1].value.len, 0);
    assert_true(str_eq_cstr(head.headers[2].value, "a b"));
    assert_int_equal(head.content_length, 42);
    assert_true(head.expects_continue);
    assert_true(head.keeps_alive);
    assert_false(head.is_chunked);
    assert_false(head.is_http10);
}

struct target_case {
    struct str head;
    const char *path;
    const char *query; /* NULL: absent */
    const char *host;
};

static void reads_all_forms_of_target(void **state)
{
    (void)state;
    static const struct target_case cases[] = {
        {STR_INIT("GET / HTTP/1.1\r\n" HOST "\r\n"), "/", NULL, "h"},
        {STR_INIT("GET /? HTTP/1.1\r\n" HOST "\r\n"), "/", "", "h"},
        {STR_INIT("GET //x HTTP/1.1\r\n" HOST "\r\n"), "//x", NULL, "h"},
        {STR_INIT("GET http://a.b:80/c?d HTTP/1.1\r\n" HOST "\r\n"), "/c", "d", "a.b:80"},
        {STR_INIT("GET https://a HTTP/1.1\r\n" HOST "\r\n"), "/", NULL, "a"},
        {STR_INIT("GET http://a?d HTTP/1.1\r\n" HOST "\r\n"), "/", "d", "a"},
        {STR_INIT("OPTIONS * HTTP/1.1\r\n" HOST "\r\n"), "*", NULL, "h"},
        {STR_INIT("GET / HTTP/1.0\r\n\r\n"), "/", NULL, ""},
        {STR_INIT("GET / HTTP/1.1\r\nHost: [::1]:4566\r\n\r\n"), "/", NULL, "[::1]:4566"},
        {STR_INIT("GET / HTTP/1.1\r\nHost:\r\n\r\n"), "/", NULL, ""},
        {STR_INIT("GET /\xc3\xa4 HTTP/1.1\r\n" HOST "\r\n"), "/\xc3\xa4", NULL, "h"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct http_head head;
        int status = read_head(cases[i].head, &head);
        if (status != 0 || !str_eq_cstr(head.raw_path, cases[i].path) ||
            str_is_set(head.raw_query) != (cases[i].query != NULL) ||
            !str_eq(head.raw_query, str_from_cstr(cases[i].query)) ||
            !str_eq_cstr(head.host, cases[i].host))
            fail_msg("case %zu: %d", i, status);
    }
}

static void connection_says_whether_to_keep_it(void **state)
{
    (void)state;
    static const struct {
        struct str head;
        bool keeps_alive;
    } cases[] = {
        {STR_INIT("GET / HTTP/1.1\r\n" HOST "\r\n"), true},
        {STR_INIT("GET / HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n"), false},
        {STR_INIT("GET / HTTP/1.1\r\n" HOST "Connection: TE , Close\r\n\r\n"), false},
        {STR_INIT("GET / HTTP/1.1\r\n" HOST "Connection: closed\r\n\r\n"), true},
        {STR_INIT("GET / HTTP/1.1\r\n" HOST "Connection: upgrade\r\nUpgrade: h2c\r\n\r\n"), true},
        {STR_INIT("GET / HTTP/1.0\r\n\r\n"), false},
        {STR_INIT("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"), true},
        {STR_INIT("GET / HTTP/1.0\r\nConnection: close, keep-alive\r\n\r\n"), false},
        {STR_INIT("GET / HTTP/1.0\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n"), false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct http_head head;
        assert_int_equal(read_head(cases[i].head, &head), 0);
        if (head.keeps_alive != cases[i].keeps_alive)
            fail_msg("case %zu", i);
    }
}

static void a_head_split_anywhere_is_found_at_the_same_place(void **state)
{
    (void)state;
    const struct str bytes = STR("GET /x HTTP/1.1\r\nHost: abc\r\nX: \t1234567890\r\n\r\nGET");
    for (size_t first = 0; first < bytes.len - 3; first++) {
        size_t position = 0;
        assert_int_equal(http_head_scan(str_slice(bytes, 0, first), &position), 0);
        assert_true(position <= first);
        assert_int_equal(http_head_scan(bytes, &position), bytes.len - 3);
    }
}

static void refuses_too_many_headers(void **state)
{
    (void)state;
    char bytes[16 * 1024] = "GET / HTTP/1.1\r\nHost: h\r\n";
    size_t len = strlen(bytes);
    for (int i = 1; i < HTTP_MAX_HEADERS; i++) {
        memcpy(bytes + len, "A: b\r\n", 6);
        len += 6;
    }
    memcpy(bytes + len, "\r\n", 2);
    struct http_head head;
    assert_int_equal(read_head(str_of(bytes, len + 2), &head), 0);
    assert_int_equal(head.header_count, HTTP_MAX_HEADERS);
    memcpy(bytes + len, "A: b\r\n\r\n", 8);
    assert_int_equal(read_head(str_of(bytes, len + 8), &head), 431);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_others_might_read_differently),
        cmocka_unit_test(reads_a_request),
        cmocka_unit_test(reads_all_forms_of_target),
        cmocka_unit_test(connection_says_whether_to_keep_it),
        cmocka_unit_test(a_head_split_anywhere_is_found_at_the_same_place),
        cmocka_unit_test(refuses_too_many_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
