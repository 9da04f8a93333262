/* tls.h — the local certificate authority and certificates made on demand per server name.
 *
 * At first start an ECDSA P-256 CA ("Virga local CA", 10 years) is written to DIR/ca.pem and
 * DIR/ca-key.pem (0600). For each SNI name a leaf (1 year, SAN of the name and its wildcard parent
 * where that helps) is made when first asked for and cached in memory, at most TLS_MAX_NAMES.
 * Clients without SNI get one for localhost, 127.0.0.1 and ::1.
 */
#pragma once

#include "base/str.h"

struct arena;
struct tls_context;
struct ssl_ctx_st;

enum {
    TLS_MAX_NAMES = 1000, /* certificates kept; the oldest goes */
};

/* Loads or makes the CA under `dir`. Returns 0 or -EIO (out_message in the arena says what).
 * The context is thread-safe and shared by all servers. */
MUST_CHECK int tls_context_open(struct arena *arena, struct str dir,
                                struct tls_context **out_context, struct str *out_message);
void tls_context_close(struct tls_context *context);
/* The CA certificate as PEM; makes the CA when `dir` has none. */
MUST_CHECK int tls_ca_pem(struct arena *arena, struct str dir, struct str *out_pem);
