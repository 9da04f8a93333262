/* client.h — outgoing HTTP and HTTPS (libcurl multi on the loop): webhooks, JWKS, HTTP targets.
 *
 * libcurl is loaded when the first request is made (dlopen): most runs never need it, and it costs
 * 3 ms of start-up. Redirects are not followed unless asked; answers are limited.
 */
#pragma once

#include "net/http.h"

struct http_client;
struct loop;

struct http_client_request {
    struct str method;
    struct str url; /* http:// or https:// only */
    const struct http_header *headers;
    size_t header_count;
    struct str body;
    int64_t timeout_ms;
    size_t max_response_bytes;
    struct str ca_pem; /* trusted besides the system's; may be absent */
    /* SHA-1 fingerprints in lower-case hex, with commas between: a chain whose last certificate has
     * one of them is trusted, too. Absent: none. */
    struct str thumbprints;
};

struct http_client_response {
    int status; /* 0 when there was no answer */
    const struct http_header *headers;
    size_t header_count;
    struct str body;
    const char *error; /* static or valid during the callback; NULL on success */
};

typedef void http_client_fn(void *context, const struct http_client_response *response);

struct http_client *http_client_new(struct loop *loop);
/* Pending requests end with error "cancelled". */
void http_client_free(struct http_client *client);
/* `done` runs exactly once, later, on the loop's thread. The request is copied. */
void http_client_send(struct http_client *client, const struct http_client_request *request,
                      http_client_fn *done, void *context);
