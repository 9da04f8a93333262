/* tls_test.c — the local CA, certificates per name, and HTTPS on the port of HTTP. */
#include "net/tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "net/server_for_test.h"

struct fixture {
    struct arena *arena;
    struct tls_context *tls;
    struct test_server *server;
    char dir[64];
};

static int set_up(void **state)
{
    static const struct http_server_options options = {.head_timeout_ms = 150};
    struct fixture *fixture = mem_new(sizeof(*fixture));
    fixture->arena = arena_new();
    snprintf(fixture->dir, sizeof(fixture->dir), "/tmp/virga-tls-test-XXXXXX");
    assert_non_null(mkdtemp(fixture->dir));
    struct str message = {0};
    int rc = tls_context_open(fixture->arena, str_from_cstr(fixture->dir), &fixture->tls, &message);
    if (rc != 0)
        fail_msg(STR_FMT, STR_ARG(message));
    fixture->server = test_server_start(fixture->tls, &options);
    *state = fixture;
    return 0;
}

static const char *path_of(struct fixture *fixture, const char *name)
{
    return str_format(fixture->arena, "%s/%s", fixture->dir, name).ptr;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    test_server_stop(fixture->server);
    tls_context_close(fixture->tls);
    unlink(path_of(fixture, "ca.pem"));
    unlink(path_of(fixture, "ca-key.pem"));
    unlink(path_of(fixture, "ca.lock"));
    rmdir(fixture->dir);
    arena_free(fixture->arena);
    mem_free(fixture);
    return 0;
}

/* A client session that trusts the CA only and verifies `name` (NULL: no SNI, 127.0.0.1). NULL when
 * the handshake fails. */
static SSL *dial_tls(struct fixture *fixture, SSL_CTX *context, const char *name)
{
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    assert_int_equal(SSL_CTX_load_verify_locations(context, path_of(fixture, "ca.pem"), NULL), 1);
    SSL *ssl = SSL_new(context);
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_X509_STRICT);
    if (name) {
        /* The macro for it casts const away. */
        SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                 str_to_cstr(fixture->arena, str_from_cstr(name)));
        X509_VERIFY_PARAM_set1_host(param, name, 0);
    } else {
        X509_VERIFY_PARAM_set1_ip_asc(param, "127.0.0.1");
    }
    SSL_set_alpn_protos(ssl, (const unsigned char *)"\x02h2\x08http/1.1", 12);
    SSL_set_fd(ssl, test_dial(fixture->server));
    if (SSL_connect(ssl) == 1)
        return ssl;
    close(SSL_get_fd(ssl));
    SSL_free(ssl);
    ERR_clear_error();
    return NULL;
}

static void hang_up(SSL *ssl)
{
    int fd = SSL_get_fd(ssl);
    SSL_shutdown(ssl);
    SSL_free(ssl);
    close(fd);
}

static struct str hear_all(struct arena *arena, SSL *ssl, size_t max)
{
    char *bytes = arena_alloc_text(arena, max);
    size_t len = 0;
    size_t got = 0;
    while (len < max && SSL_read_ex(ssl, bytes + len, max - len, &got) == 1)
        len += got;
    ERR_clear_error();
    return str_of(bytes, len);
}

static struct str talk(struct fixture *fixture, const char *name, struct str request, size_t max)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL *ssl = dial_tls(fixture, context, name);
    assert_non_null(ssl);
    size_t sent = 0;
    assert_int_equal(SSL_write_ex(ssl, request.ptr, request.len, &sent), 1);
    struct str answer = hear_all(fixture->arena, ssl, max);
    hang_up(ssl);
    SSL_CTX_free(context);
    return answer;
}

static void serves_https_and_http_on_one_port(void **state)
{
    struct fixture *fixture = *state;
    const struct str request = STR("GET /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    struct str answer = talk(fixture, "sqs.us-east-1.amazonaws.com", request, 4096);
    assert_true(str_ends_with(answer, STR("GET|/x||h|loopback|tls|sqs.us-east-1.amazonaws.com")));
    int fd = test_dial(fixture->server);
    test_say(fd, request);
    answer = test_hear_all(fixture->arena, fd, 4096);
    assert_true(str_ends_with(answer, STR("GET|/x||h|loopback|plain|")));
    close(fd);
}

static void a_client_without_sni_gets_a_certificate_for_loopback(void **state)
{
    struct fixture *fixture = *state;
    const struct str request = STR("GET /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    struct str answer = talk(fixture, NULL, request, 4096);
    assert_true(str_ends_with(answer, STR("|tls|")));
}

static void certificates_name_the_host_and_its_siblings(void **state)
{
    struct fixture *fixture = *state;
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL *ssl = dial_tls(fixture, context, "Bucket.S3.amazonaws.com");
    assert_non_null(ssl);
    X509 *certificate = SSL_get1_peer_certificate(ssl);
    assert_int_equal(X509_check_host(certificate, "bucket.s3.amazonaws.com", 0, 0, NULL), 1);
    assert_int_equal(X509_check_host(certificate, "other.s3.amazonaws.com", 0, 0, NULL), 1);
    assert_int_equal(X509_check_host(certificate, "s3.amazonaws.com", 0, 0, NULL), 0);
    const unsigned char *protocol = NULL;
    unsigned int len = 0;
    SSL_get0_alpn_selected(ssl, &protocol, &len);
    assert_true(str_eq_cstr(str_of((const char *)protocol, len), "http/1.1"));
    X509_free(certificate);
    hang_up(ssl);
    SSL_CTX_free(context);
}

static void odd_names_get_the_default_certificate(void **state)
{
    struct fixture *fixture = *state;
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    assert_null(dial_tls(fixture, context, "a,DNS:evil.example"));
    assert_null(dial_tls(fixture, context, ".a.b"));
    SSL_CTX_free(context);
}

static void the_oldest_of_many_names_goes(void **state)
{
    struct fixture *fixture = *state;
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    for (int i = 0; i < TLS_MAX_NAMES + 20; i += 1) {
        char name[64];
        snprintf(name, sizeof(name), "n%d.example.com", i % (TLS_MAX_NAMES + 10));
        SSL *ssl = dial_tls(fixture, context, name);
        assert_non_null(ssl);
        hang_up(ssl);
    }
    SSL_CTX_free(context);
}

static void large_bodies_pass_both_ways(void **state)
{
    struct fixture *fixture = *state;
    enum { SIZE = 1000 * 1000 };
    char *body = arena_alloc_text(fixture->arena, SIZE);
    for (size_t i = 0; i < SIZE; i++)
        body[i] = (char)('a' + i * i % 23);
    struct str head = STR("POST /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
                          "Content-Length: 1000000\r\n\r\n");
    struct str answer =
        talk(fixture, "localhost", str_concat(fixture->arena, head, str_of(body, SIZE)), SIZE * 2);
    assert_true(str_eq(test_body(answer), str_of(body, SIZE)));
    answer =
        talk(fixture, "localhost",
             STR("GET /file HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"), 8 * 1024 * 1024);
    assert_int_equal(test_body(answer).len, fixture->server->file_size + 11);
    assert_true(str_ends_with(answer, STR("z<!-->")) || str_ends_with(answer, STR("<!-->")));
    answer = talk(fixture, "localhost",
                  STR("GET /stream?5000000 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"),
                  8 * 1024 * 1024);
    assert_int_equal(test_body(answer).len, 5000000);
}

static void pipelined_requests_in_one_record_are_all_answered(void **state)
{
    struct fixture *fixture = *state;
    struct buf request;
    buf_init(&request, fixture->arena, 64 * 1024);
    for (int i = 0; i < 100; i++)
        buf_append(&request, STR("GET /later HTTP/1.1\r\nHost: h\r\n\r\n"));
    buf_append(&request, STR("GET /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
    struct str answer = talk(fixture, "localhost", buf_str(&request), 64 * 1024);
    size_t count = 0;
    for (ptrdiff_t at = str_find(answer, STR("200 OK")); at >= 0;
         at = str_find(answer, STR("200 OK"))) {
        answer = str_from(answer, (size_t)at + 6);
        count++;
    }
    assert_int_equal(count, 101);
}

static void a_half_done_handshake_times_out(void **state)
{
    struct fixture *fixture = *state;
    int fd = test_dial(fixture->server);
    test_say(fd, STR("\x16\x03\x01"));
    assert_int_equal(test_hear_all(fixture->arena, fd, 100).len, 0);
    close(fd);
    fd = test_dial(fixture->server);
    test_say(fd, STR("\x16 this is not TLS, whatever it says"));
    test_hear_all(fixture->arena, fd, 100); /* an alert at most */
    close(fd);
}

static void the_ca_is_made_once_and_kept(void **state)
{
    struct fixture *fixture = *state;
    struct str first = {0};
    struct str second = {0};
    assert_int_equal(tls_ca_pem(fixture->arena, str_from_cstr(fixture->dir), &first), 0);
    assert_true(str_starts_with(first, STR("-----BEGIN CERTIFICATE-----")));
    struct tls_context *again = NULL;
    struct str message = {0};
    assert_int_equal(
        tls_context_open(fixture->arena, str_from_cstr(fixture->dir), &again, &message), 0);
    tls_context_close(again);
    assert_int_equal(tls_ca_pem(fixture->arena, str_from_cstr(fixture->dir), &second), 0);
    assert_true(str_eq(first, second));
    struct stat info;
    assert_int_equal(stat(path_of(fixture, "ca-key.pem"), &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
}

static void a_broken_ca_is_explained(void **state)
{
    struct fixture *fixture = *state;
    struct tls_context *context = NULL;
    struct str message = {0};
    FILE *file = fopen(path_of(fixture, "ca-key.pem"), "w");
    assert_non_null(file);
    fputs("nonsense", file);
    fclose(file);
    assert_int_equal(
        tls_context_open(fixture->arena, str_from_cstr(fixture->dir), &context, &message), -EIO);
    assert_true(str_contains(message, STR("ca-key.pem is not a private key")));
    assert_int_equal(tls_context_open(fixture->arena, STR("/nonexistent/dir"), &context, &message),
                     -EIO);
    assert_true(str_contains(message, STR("/nonexistent/dir")));
    assert_null(context);
}

#define SERVED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVED(serves_https_and_http_on_one_port),
        SERVED(a_client_without_sni_gets_a_certificate_for_loopback),
        SERVED(certificates_name_the_host_and_its_siblings),
        SERVED(odd_names_get_the_default_certificate),
        SERVED(the_oldest_of_many_names_goes),
        SERVED(large_bodies_pass_both_ways),
        SERVED(pipelined_requests_in_one_record_are_all_answered),
        SERVED(a_half_done_handshake_times_out),
        SERVED(the_ca_is_made_once_and_kept),
        SERVED(a_broken_ca_is_explained),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
