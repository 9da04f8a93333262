/* pages.h — what the program itself answers over HTTP: /_virga/... and /metrics.
 *
 * GET  /_virga/health               {"status":"running","version":...,"services":[...]}
 * GET  /metrics                     Prometheus text
 * POST /_virga/clock?advance=15m    moves the clock; GET tells the offset
 * POST /_virga/snapshot?name=N      saves a snapshot
 * POST /_virga/reset                empties the store
 * GET  /_virga/sns/messages         what SNS sent to telephones, mailboxes and applications
 * POST /_virga/sns/opt-out?phone=N  a telephone answers "STOP" (with account and region)
 *
 * Requests that change something are taken from loopback peers only, and only with the header
 * X-Virga-Control, which no web page can send without asking first (CORS).
 */
#pragma once

#include "wire/executor.h"

executor_page_fn pages_serve;

/* "15m", "1h30m", "45s", "2d", "500ms", with optional '-'. Returns 0 or -EINVAL. */
MUST_CHECK int duration_parse(struct str text, int64_t *out_ms);
