/* xray_proxy.h — the TCP half of the X-Ray daemon: unsigned requests of SDKs for sampling rules. */
#pragma once

#include "store/db.h"

struct executor;
struct xray_proxy;

/* Serves POST /GetSamplingRules and /SamplingTargets on a port of the loopback interface, on the
 * executor's worker, as the root of `scope`. Returns 0 or a negative errno (the port is taken). */
MUST_CHECK int xray_proxy_open(struct executor *executor, uint16_t port, struct scope scope,
                               struct xray_proxy **out_proxy);
/* Before the worker's loop is freed. Accepts NULL. */
void xray_proxy_close(struct xray_proxy *proxy);
