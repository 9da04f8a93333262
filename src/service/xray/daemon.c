/* daemon.c — the X-Ray daemon's UDP protocol, which SDKs send segments with.
 *
 * A datagram is a line {"format":"json","version":1} and a segment document. AWS's daemon sends
 * them on by PutTraceSegments; here they go straight into the store, each in a transaction of its
 * own, on the worker whose loop reads the socket. What is malformed is dropped, as the daemon does,
 * with a line in the log at debug.
 *
 * Docs: X-Ray developer guide, "Sending segment documents to the X-Ray daemon".
 */
#include <errno.h>

#include "base/arena.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/udp.h"
#include "service/xray/xray.h"
#include "syntax/json.h"
#include "wire/executor.h"

struct xray_daemon {
    struct executor *executor;
    struct udp_socket *socket;
    struct arena *arena;
    struct scope scope;
};

struct datagram {
    const struct xray_daemon *daemon;
    struct str document;
    const char *problem;
};

static enum status take(struct call *call, void *context)
{
    struct datagram *datagram = context;
    struct str id = {0};
    int rc = 0;
    datagram->problem = xray_take_segment(call, call->scope, datagram->document, &id, &rc);
    if (rc < 0)
        return call_fail_internal(call, rc, "xray: write a segment");
    return datagram->problem ? STATUS_DONE : xray_start_sweep(call);
}

static bool is_header(struct arena *arena, struct str line)
{
    struct json *header = NULL;
    return json_parse(arena, line, 0, &header, NULL) == 0 &&
           str_eq_cstr(json_find_str(header, "format"), "json") &&
           json_find_cstr(header, "version") != NULL;
}

static void on_datagram(void *context, struct str bytes)
{
    struct xray_daemon *daemon = context;
    static const struct principal self = {.kind = PRINCIPAL_SERVICE,
                                          .name = STR_INIT("xray.amazonaws.com")};
    struct str rest = bytes;
    struct str line = {0};
    struct call_error error = {0};
    arena_reset(daemon->arena);
    if (!str_split_next(&rest, '\n', &line) || !rest.ptr || !is_header(daemon->arena, line)) {
        log_message(LOG_DEBUG, "xray: a datagram without its header was dropped");
        return;
    }
    struct datagram datagram = {.daemon = daemon, .document = str_trim(rest)};
    int rc = executor_run_task(daemon->executor, daemon->arena, &self, daemon->scope, take,
                               &datagram, &error);
    if (rc < 0)
        log_message(LOG_ERROR, "xray: a segment could not be kept (%d)", rc);
    else if (datagram.problem)
        log_message(LOG_DEBUG, "xray: a segment was dropped: %s", datagram.problem);
}

int xray_daemon_open(struct executor *executor, uint16_t port, struct scope scope,
                     struct xray_daemon **out_daemon)
{
    struct xray_daemon *daemon = mem_new(sizeof(*daemon));
    daemon->executor = executor;
    daemon->scope = scope;
    daemon->arena = arena_new();
    int rc = udp_open(executor_loop(executor), STR("127.0.0.1"), port, on_datagram, daemon,
                      &daemon->socket);
    if (rc < 0) {
        xray_daemon_close(daemon);
        return rc;
    }
    *out_daemon = daemon;
    return 0;
}

void xray_daemon_close(struct xray_daemon *daemon)
{
    if (!daemon)
        return;
    udp_close(daemon->socket);
    arena_free(daemon->arena);
    mem_free(daemon);
}
