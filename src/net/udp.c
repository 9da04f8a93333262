/* udp.c — see udp.h. */
#include "net/udp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <uv.h>

#include "base/mem.h"
#include "net/loop.h"

enum {
    DATAGRAM_MAX = 64 * 1024,
    ADDRESS_MAX = 64,
    RECEIVE_BUFFER = 4 * 1024 * 1024, /* bursts of a busy program; the kernel may give less */
};

struct udp_socket {
    uv_udp_t uv;
    udp_fn *receive;
    void *context;
    char buffer[DATAGRAM_MAX];
};

static void give_buffer(uv_handle_t *handle, size_t size, uv_buf_t *out)
{
    (void)size;
    struct udp_socket *socket = handle->data;
    *out = uv_buf_init(socket->buffer, sizeof(socket->buffer));
}

static void on_receive(uv_udp_t *uv, ssize_t len, const uv_buf_t *buffer,
                       const struct sockaddr *peer, unsigned flags)
{
    struct udp_socket *socket = uv->data;
    if (len > 0 && peer && !(flags & UV_UDP_PARTIAL))
        socket->receive(socket->context, str_of(buffer->base, (size_t)len));
}

static void on_closed(uv_handle_t *handle)
{
    mem_free(handle->data);
}

int udp_open(struct loop *loop, struct str address, uint16_t port, udp_fn *receive, void *context,
             struct udp_socket **out_socket)
{
    char text[ADDRESS_MAX] = "";
    struct sockaddr_in where;
    int size = RECEIVE_BUFFER;
    if (address.len >= sizeof(text))
        return -EINVAL;
    for (size_t i = 0; i < address.len; i++)
        text[i] = address.ptr[i];
    if (uv_ip4_addr(text, port, &where) < 0)
        return -EINVAL;
    struct udp_socket *socket = mem_new(sizeof(*socket));
    socket->receive = receive;
    socket->context = context;
    int rc = uv_udp_init(loop_uv(loop), &socket->uv);
    if (rc < 0) {
        mem_free(socket);
        return rc; /* on Linux libuv's errors are negative errnos */
    }
    socket->uv.data = socket;
    rc = uv_udp_bind(&socket->uv, (const struct sockaddr *)&where, 0);
    if (rc == 0)
        rc = uv_udp_recv_start(&socket->uv, give_buffer, on_receive);
    if (rc < 0) {
        udp_close(socket);
        return rc;
    }
    (void)uv_recv_buffer_size((uv_handle_t *)&socket->uv, &size);
    *out_socket = socket;
    return 0;
}

void udp_close(struct udp_socket *socket)
{
    if (socket)
        uv_close((uv_handle_t *)&socket->uv, on_closed);
}
