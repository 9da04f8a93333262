/* udp.h — a UDP socket that receives, on a loop. */
#pragma once

#include "base/str.h"

struct loop;
struct udp_socket;

/* Called for each datagram, whose bytes are borrowed until it returns. */
typedef void udp_fn(void *context, struct str datagram);

/* Receives on a literal IPv4 address. Returns 0 or a negative errno (-EADDRINUSE). */
MUST_CHECK int udp_open(struct loop *loop, struct str address, uint16_t port, udp_fn *receive,
                        void *context, struct udp_socket **out_socket);
/* On the loop's thread, or while the loop does not run. Accepts NULL. */
void udp_close(struct udp_socket *socket);
