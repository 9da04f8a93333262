/* xray_public.h — what the program and other services need of X-Ray. */
#pragma once

#include "engine/workflow/workflow.h"
#include "wire/service.h"

struct executor;
struct xray_daemon;

extern const struct service xray_service;
/* Removes traces after 30 days. */
extern const struct workflow_kind xray_sweep_kind;

/* The daemon's protocol on a UDP port of the loopback interface: datagrams of a line
 * {"format":"json","version":1} and a segment document, which are taken for `scope`. Runs on the
 * executor's worker, which must not run yet. Returns 0 or a negative errno (the port is taken). */
MUST_CHECK int xray_daemon_open(struct executor *executor, uint16_t port, struct scope scope,
                                struct xray_daemon **out_daemon);
/* Before the worker's loop is freed. Accepts NULL. */
void xray_daemon_close(struct xray_daemon *daemon);
