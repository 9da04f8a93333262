/* tls_private.h — TLS for connections that are already accepted. */
#pragma once

#include "net/tls.h"

struct ssl_st;

/* A server session on the socket, ready for SSL_accept; the certificate is chosen by SNI. NULL when
 * OpenSSL has no memory. The caller frees it with SSL_free. Thread-safe. */
struct ssl_st *tls_session_new(struct tls_context *context, int fd);
