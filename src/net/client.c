/* client.c — outgoing requests: libcurl's multi interface on the loop's poll handles and timer.
 *
 * curl tells which sockets it waits for and until when (on_want_socket, on_want_timer); the loop
 * tells curl what happened (curl_multi_socket_action); finished transfers are then collected. All
 * on the loop's thread; only curl's name resolution has threads of its own.
 *
 * libcurl is found with dlopen when the first request is sent, and stays loaded. Where it is
 * missing, requests end with an error that says so.
 *
 * Invariants:
 * 1. `done` never runs inside http_client_send: what fails at once is ended by a timer.
 * 2. A transfer is on the client's list from http_client_send until its `done` has been called.
 */
#include "net/client.h"

#include <curl/curl.h>
#include <dlfcn.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <string.h>
#include <uv.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/mem.h"
#include "net/loop.h"
#include "syntax/base64.h"

enum {
    DEFAULT_TIMEOUT_MS = 30 * 1000,
    DEFAULT_MAX_RESPONSE_BYTES = 10 * 1024 * 1024,
    MAX_HEADER_BYTES = 64 * 1024,
    MAX_HEADERS = 200,
    MAX_IDLE_CONNECTIONS = 64,
};

/* The functions of libcurl that are used. */
struct curl_api {
    CURLcode (*global_init)(long flags);
    CURL *(*easy_init)(void);
    void (*easy_cleanup)(CURL *easy);
    CURLcode (*easy_setopt)(CURL *easy, CURLoption option, ...);
    CURLcode (*easy_getinfo)(CURL *easy, CURLINFO info, ...);
    const char *(*easy_strerror)(CURLcode code);
    struct curl_slist *(*slist_append)(struct curl_slist *list, const char *text);
    void (*slist_free_all)(struct curl_slist *list);
    CURLM *(*multi_init)(void);
    CURLMcode (*multi_cleanup)(CURLM *multi);
    CURLMcode (*multi_setopt)(CURLM *multi, CURLMoption option, ...);
    CURLMcode (*multi_add_handle)(CURLM *multi, CURL *easy);
    CURLMcode (*multi_remove_handle)(CURLM *multi, CURL *easy);
    CURLMcode (*multi_socket_action)(CURLM *multi, curl_socket_t fd, int events, int *running);
    CURLMcode (*multi_assign)(CURLM *multi, curl_socket_t fd, void *context);
    CURLMsg *(*multi_info_read)(CURLM *multi, int *left);
};

struct http_client {
    struct loop *loop;
    CURLM *multi; /* NULL until the first request */
    struct loop_timer *curl_timer;
    struct loop_timer *failed_timer; /* ends transfers that could not start */
    struct transfer *transfers;
    bool is_freeing;
    bool is_calling; /* inside a `done` */
};

struct transfer {
    struct transfer *next;
    struct transfer *previous;
    struct http_client *client;
    struct arena *arena; /* owns the copy of the request, the headers and this struct */
    http_client_fn *done;
    void *context;
    CURL *easy; /* NULL when it could not start */
    struct curl_slist *headers;
    struct str ca_pem;
    struct str thumbprints;
    struct buf body;
    struct http_header *answer_headers;
    size_t answer_header_count;
    size_t answer_header_bytes;
    const char *error; /* overrides curl's */
    char curl_error[CURL_ERROR_SIZE];
};

/* A socket of curl's that it waits for. */
struct watch {
    uv_poll_t poll;
    struct http_client *client;
    curl_socket_t fd;
};

/* Loading */

static struct curl_api curl;
static bool is_curl_loaded;
static pthread_once_t load_once = PTHREAD_ONCE_INIT;

static void load_curl(void)
{
    void *library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return;
    const struct {
        void *slot;
        const char *name;
    } symbols[] = {
        {&curl.global_init, "curl_global_init"},
        {&curl.easy_init, "curl_easy_init"},
        {&curl.easy_cleanup, "curl_easy_cleanup"},
        {&curl.easy_setopt, "curl_easy_setopt"},
        {&curl.easy_getinfo, "curl_easy_getinfo"},
        {&curl.easy_strerror, "curl_easy_strerror"},
        {&curl.slist_append, "curl_slist_append"},
        {&curl.slist_free_all, "curl_slist_free_all"},
        {&curl.multi_init, "curl_multi_init"},
        {&curl.multi_cleanup, "curl_multi_cleanup"},
        {&curl.multi_setopt, "curl_multi_setopt"},
        {&curl.multi_add_handle, "curl_multi_add_handle"},
        {&curl.multi_remove_handle, "curl_multi_remove_handle"},
        {&curl.multi_socket_action, "curl_multi_socket_action"},
        {&curl.multi_assign, "curl_multi_assign"},
        {&curl.multi_info_read, "curl_multi_info_read"},
    };
    for (size_t i = 0; i < ARRAY_LEN(symbols); i++) {
        void *symbol = dlsym(library, symbols[i].name);
        if (!symbol)
            return;
        /* A function pointer has the size of an object pointer wherever there is dlsym. */
        memcpy(symbols[i].slot, &symbol, sizeof(symbol));
    }
    is_curl_loaded = curl.global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

/* Ending transfers */

static void unlink_transfer(struct transfer *transfer)
{
    if (transfer->next)
        transfer->next->previous = transfer->previous;
    if (transfer->previous)
        transfer->previous->next = transfer->next;
    else
        transfer->client->transfers = transfer->next;
}

static void transfer_free(struct transfer *transfer)
{
    if (transfer->easy)
        curl.easy_cleanup(transfer->easy); /* also ends the use of the headers */
    if (transfer->headers)
        curl.slist_free_all(transfer->headers);
    buf_deinit(&transfer->body);
    arena_free(transfer->arena);
}

static void finish(struct transfer *transfer, const char *error)
{
    struct http_client_response response = {.error = error, .body = STR("")};
    if (!error) {
        long status = 0;
        curl.easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
        response.status = (int)status;
        response.headers = transfer->answer_headers;
        response.header_count = transfer->answer_header_count;
        response.body = buf_str(&transfer->body);
    }
    if (transfer->easy)
        curl.multi_remove_handle(transfer->client->multi, transfer->easy);
    unlink_transfer(transfer);
    transfer->client->is_calling = true;
    transfer->done(transfer->context, &response);
    transfer->client->is_calling = false;
    transfer_free(transfer);
}

static const char *error_text(const struct transfer *transfer, CURLcode code)
{
    if (code == CURLE_OK)
        return NULL;
    if (transfer->error)
        return transfer->error;
    return transfer->curl_error[0] ? transfer->curl_error : curl.easy_strerror(code);
}

static void collect_finished(struct http_client *client)
{
    int left = 0;
    for (CURLMsg *message = curl.multi_info_read(client->multi, &left); message;
         message = curl.multi_info_read(client->multi, &left)) {
        if (message->msg != CURLMSG_DONE)
            continue;
        struct transfer *transfer = NULL;
        CURLcode code = message->data.result;
        curl.easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
        finish(transfer, error_text(transfer, code));
    }
}

static void end_failed(void *context)
{
    struct http_client *client = context;
    for (struct transfer *transfer = client->transfers; transfer;) {
        struct transfer *next = transfer->next;
        if (!transfer->easy)
            finish(transfer, transfer->error);
        transfer = next;
    }
}

/* Sockets and time */

static void on_socket(uv_poll_t *poll, int status, int events)
{
    struct watch *watch = poll->data;
    struct http_client *client = watch->client;
    int flags = status < 0 ? CURL_CSELECT_ERR : 0;
    if (events & UV_READABLE)
        flags |= CURL_CSELECT_IN;
    if (events & UV_WRITABLE)
        flags |= CURL_CSELECT_OUT;
    int running = 0;
    curl.multi_socket_action(client->multi, watch->fd, flags, &running);
    collect_finished(client);
}

static void on_watch_closed(uv_handle_t *handle)
{
    mem_free(handle->data);
}

static int on_want_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *socket)
{
    (void)easy;
    struct http_client *client = context;
    struct watch *watch = socket;
    if (what == CURL_POLL_REMOVE) {
        if (watch) {
            curl.multi_assign(client->multi, fd, NULL);
            uv_close((uv_handle_t *)&watch->poll, on_watch_closed);
        }
        return 0;
    }
    if (!watch) {
        watch = mem_new(sizeof(*watch));
        watch->client = client;
        watch->fd = fd;
        CHECK(uv_poll_init(loop_uv(client->loop), &watch->poll, fd) == 0);
        watch->poll.data = watch;
        curl.multi_assign(client->multi, fd, watch);
    }
    int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
    CHECK(uv_poll_start(&watch->poll, events, on_socket) == 0);
    return 0;
}

static void on_time(void *context)
{
    struct http_client *client = context;
    int running = 0;
    curl.multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    collect_finished(client);
}

static int on_want_timer(CURLM *multi, long timeout_ms, void *context)
{
    (void)multi;
    struct http_client *client = context;
    if (timeout_ms < 0)
        loop_timer_stop(client->curl_timer);
    else
        loop_timer_start(client->curl_timer, timeout_ms);
    return 0;
}

/* Answers */

static size_t on_body(char *bytes, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context;
    buf_append(&transfer->body, str_of(bytes, size * count));
    if (!transfer->body.is_full)
        return size * count;
    transfer->error = "the answer is too large";
    return 0; /* curl gives the transfer up */
}

/* One header line; a status line begins the headers anew (100 Continue, redirects). */
static size_t on_header(char *bytes, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context;
    struct str line = str_trim(str_of(bytes, size * count));
    if (str_starts_with(line, STR("HTTP/"))) {
        transfer->answer_header_count = 0;
        return size * count;
    }
    ptrdiff_t colon = str_index(line, ':');
    if (colon <= 0)
        return size * count;
    transfer->answer_header_bytes += line.len;
    if (transfer->answer_header_count == MAX_HEADERS ||
        transfer->answer_header_bytes > MAX_HEADER_BYTES) {
        transfer->error = "the answer has too many headers";
        return 0;
    }
    line = str_copy(transfer->arena, line);
    transfer->answer_headers[transfer->answer_header_count++] = (struct http_header){
        .name = str_slice(line, 0, (size_t)colon),
        .value = str_trim(str_from(line, (size_t)colon + 1)),
    };
    return size * count;
}

/* Whether the chain's last certificate has one of the fingerprints. */
static bool is_known(const struct transfer *transfer, X509 *last)
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    if (X509_digest(last, EVP_sha1(), hash, &size) != 1)
        return false;
    struct str print = hex_encode(transfer->arena, str_of((const char *)hash, size));
    struct str rest = transfer->thumbprints;
    struct str one = {0};
    while (str_split_next(&rest, ',', &one)) {
        if (str_eq(one, print))
            return true;
    }
    return false;
}

/* Verifies the chain again with its last certificate as the only one that is trusted. */
static int verify_up_to(X509_STORE_CTX *given, X509 *last)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *again = X509_STORE_CTX_new();
    CHECK(store && again);
    X509_STORE_add_cert(store, last);
    X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
    int is_right = X509_STORE_CTX_init(again, store, X509_STORE_CTX_get0_cert(given),
                                       X509_STORE_CTX_get0_untrusted(given)) == 1 &&
                   X509_verify_cert(again) == 1;
    if (is_right)
        X509_STORE_CTX_set_error(given, X509_V_OK);
    X509_STORE_CTX_free(again);
    X509_STORE_free(store);
    return is_right;
}

/* What the system's authorities do not vouch for may still be known by its fingerprint. */
static int verify_chain(X509_STORE_CTX *chain, void *context)
{
    if (X509_verify_cert(chain) == 1)
        return 1;
    STACK_OF(X509) *sent = X509_STORE_CTX_get0_untrusted(chain);
    X509 *last = sent && sk_X509_num(sent) > 0 ? sk_X509_value(sent, sk_X509_num(sent) - 1) : NULL;
    return last && is_known(context, last) && verify_up_to(chain, last);
}

/* Trusts the given certificates besides the system's, which curl has loaded already. */
static CURLcode on_ssl_context(CURL *easy, void *ssl_context, void *context)
{
    (void)easy;
    struct transfer *transfer = context;
    if (transfer->thumbprints.len > 0)
        SSL_CTX_set_cert_verify_callback(ssl_context, verify_chain, transfer);
    if (transfer->ca_pem.len == 0)
        return CURLE_OK;
    X509_STORE *store = SSL_CTX_get_cert_store(ssl_context);
    BIO *bio = BIO_new_mem_buf(transfer->ca_pem.ptr, (int)transfer->ca_pem.len);
    CHECK(bio != NULL);
    for (X509 *ca = PEM_read_bio_X509(bio, NULL, NULL, NULL); ca;
         ca = PEM_read_bio_X509(bio, NULL, NULL, NULL)) {
        X509_STORE_add_cert(store, ca);
        X509_free(ca);
    }
    BIO_free(bio);
    ERR_clear_error(); /* the end of the text is reported as an error */
    return CURLE_OK;
}

/* Requests */

static void add_headers(struct transfer *transfer, const struct http_client_request *request)
{
    bool has_type = false;
    for (size_t i = 0; i < request->header_count; i++) {
        const struct http_header *header = &request->headers[i];
        has_type |= str_eq_nocase(header->name, STR("content-type"));
        /* "Name:" would take the header out; "Name;" is how curl spells an empty value. */
        struct str line = header->value.len > 0
                              ? str_concat3(transfer->arena, header->name, STR(": "), header->value)
                              : str_concat(transfer->arena, header->name, STR(";"));
        const char *text = str_to_cstr(transfer->arena, line);
        transfer->headers = curl.slist_append(transfer->headers, text);
    }
    /* curl would wait a second for 100 Continue, and name a Content-Type of its own. */
    transfer->headers = curl.slist_append(transfer->headers, "Expect:");
    if (!has_type)
        transfer->headers = curl.slist_append(transfer->headers, "Content-Type:");
}

static CURLcode set_body(struct transfer *transfer, const struct http_client_request *request)
{
    CURL *easy = transfer->easy;
    if (str_eq(request->method, STR("HEAD")))
        return curl.easy_setopt(easy, CURLOPT_NOBODY, 1L);
    bool has_body = request->body.len > 0 || str_eq(request->method, STR("POST")) ||
                    str_eq(request->method, STR("PUT")) || str_eq(request->method, STR("PATCH"));
    if (has_body) {
        /* Large first: without a size curl would take the text for NUL-terminated. */
        curl.easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
        curl.easy_setopt(easy, CURLOPT_POSTFIELDS,
                         str_to_cstr(transfer->arena, str_or(request->body, STR(""))));
    }
    return curl.easy_setopt(easy, CURLOPT_CUSTOMREQUEST,
                            str_to_cstr(transfer->arena, request->method));
}

static CURLcode set_trust(struct transfer *transfer, const struct http_client_request *request)
{
    if (request->ca_pem.len == 0 && request->thumbprints.len == 0)
        return CURLE_OK;
    CURL *easy = transfer->easy;
    transfer->ca_pem = str_copy(transfer->arena, request->ca_pem);
    transfer->thumbprints = str_copy(transfer->arena, request->thumbprints);
    /* curl does not see what the function below trusts, so it must neither use a connection that
     * was checked otherwise nor keep this one for others. */
    curl.easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    curl.easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    curl.easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
    curl.easy_setopt(easy, CURLOPT_SSL_CTX_DATA, transfer);
    return curl.easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, on_ssl_context);
}

static CURLcode configure(struct transfer *transfer, const struct http_client_request *request)
{
    CURL *easy = transfer->easy;
    int64_t timeout_ms = request->timeout_ms > 0 ? request->timeout_ms : DEFAULT_TIMEOUT_MS;
    add_headers(transfer, request);
    curl.easy_setopt(easy, CURLOPT_PRIVATE, transfer);
    curl.easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->curl_error);
    curl.easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl.easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl.easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl.easy_setopt(easy, CURLOPT_USERAGENT, "virga/" VIRGA_VERSION);
    curl.easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    curl.easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers);
    curl.easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl.easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    curl.easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl.easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
    CURLcode code = curl.easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    if (code == CURLE_OK)
        code = set_trust(transfer, request);
    if (code == CURLE_OK)
        code = curl.easy_setopt(easy, CURLOPT_URL, str_to_cstr(transfer->arena, request->url));
    return code == CURLE_OK ? set_body(transfer, request) : code;
}

static bool open_multi(struct http_client *client)
{
    pthread_once(&load_once, load_curl);
    if (client->multi || !is_curl_loaded)
        return client->multi != NULL;
    client->multi = curl.multi_init();
    CHECK(client->multi != NULL);
    curl.multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, on_want_socket);
    curl.multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
    curl.multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, on_want_timer);
    curl.multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
    curl.multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, (long)MAX_IDLE_CONNECTIONS);
    return true;
}

/* Hands the transfer to curl. Returns a complaint, or NULL. */
static const char *start(struct transfer *transfer, const struct http_client_request *request)
{
    struct http_client *client = transfer->client;
    if (!open_multi(client))
        return "libcurl.so.4 is not installed";
    transfer->easy = curl.easy_init();
    CHECK(transfer->easy != NULL);
    CURLcode code = configure(transfer, request);
    const char *error = code == CURLE_OK ? NULL : curl.easy_strerror(code);
    if (!error && curl.multi_add_handle(client->multi, transfer->easy) != CURLM_OK)
        error = "libcurl refused the request";
    if (error) {
        curl.easy_cleanup(transfer->easy);
        transfer->easy = NULL;
    }
    return error;
}

struct http_client *http_client_new(struct loop *loop)
{
    struct http_client *client = mem_new(sizeof(*client));
    client->loop = loop;
    client->curl_timer = loop_timer_new(loop, on_time, client);
    client->failed_timer = loop_timer_new(loop, end_failed, client);
    return client;
}

void http_client_free(struct http_client *client)
{
    if (!client)
        return;
    CHECK(!client->is_calling); /* not from inside `done` */
    client->is_freeing = true;
    while (client->transfers)
        finish(client->transfers, "cancelled");
    if (client->multi)
        curl.multi_cleanup(client->multi);
    loop_timer_free(client->curl_timer);
    loop_timer_free(client->failed_timer);
    mem_free(client);
}

void http_client_send(struct http_client *client, const struct http_client_request *request,
                      http_client_fn *done, void *context)
{
    CHECK(done != NULL && !client->is_freeing);
    struct arena *arena = arena_new();
    struct transfer *transfer = arena_alloc(arena, sizeof(*transfer));
    transfer->client = client;
    transfer->arena = arena;
    transfer->done = done;
    transfer->context = context;
    transfer->answer_headers =
        arena_alloc_array(arena, MAX_HEADERS, sizeof(*transfer->answer_headers));
    size_t max_bytes = request->max_response_bytes;
    buf_init(&transfer->body, NULL, max_bytes > 0 ? max_bytes : DEFAULT_MAX_RESPONSE_BYTES);
    transfer->next = client->transfers;
    if (transfer->next)
        transfer->next->previous = transfer;
    client->transfers = transfer;

    transfer->error = start(transfer, request);
    if (transfer->error)
        loop_timer_start(client->failed_timer, 0);
}
