/* http_transport.c — bytes in and out of a connection's socket, plain or TLS.
 *
 * The socket is non-blocking and ours; OpenSSL reads and writes it directly (SSL_set_fd), so that
 * both kinds are polled the same way.
 */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/mem.h"
#include "net/http_private.h"
#include "net/tls_private.h"

enum {
    TLS_RECORD_HANDSHAKE = 0x16,
    FILE_PIECE_BYTES = 16 * 1024, /* read at a time where there is no sendfile: one TLS record */
    MAX_SERVER_NAME = 255,
};

/* What a failed SSL_read or SSL_write means as a negative errno. */
static int tls_error(struct conn *conn, int rc)
{
    int error = SSL_get_error(conn->ssl, rc);
    ERR_clear_error();
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
        return -EAGAIN;
    if (error == SSL_ERROR_ZERO_RETURN)
        return 0;
    return -ECONNRESET;
}

ssize_t transport_read(struct conn *conn, char *out, size_t size)
{
    if (fault_point("socket_read"))
        return -ECONNRESET;
    if (conn->ssl) {
        size_t got = 0;
        int rc = SSL_read_ex(conn->ssl, out, size, &got);
        return rc == 1 ? (ssize_t)got : tls_error(conn, rc);
    }
    ssize_t got = 0;
    do {
        got = recv(conn->fd, out, size, 0);
    } while (got < 0 && errno == EINTR);
    return got < 0 ? -errno : got;
}

static ssize_t tls_write(struct conn *conn, struct str bytes)
{
    size_t sent = 0;
    int rc = SSL_write_ex(conn->ssl, bytes.ptr, bytes.len, &sent);
    if (rc == 1)
        return (ssize_t)sent;
    int error = tls_error(conn, rc);
    return error == 0 ? -EPIPE : error;
}

ssize_t transport_write(struct conn *conn, struct str first, struct str second)
{
    if (fault_point("socket_write"))
        return -EPIPE;
    if (conn->ssl)
        return tls_write(conn, first.len > 0 ? first : second);
    struct iovec parts[2];
    int count = 0;
    /* iovec is not const-correct: sendmsg only reads. */
    if (first.len > 0)
        parts[count++] = (struct iovec){.iov_base = (void *)(uintptr_t)first.ptr, first.len};
    if (second.len > 0)
        parts[count++] = (struct iovec){.iov_base = (void *)(uintptr_t)second.ptr, second.len};
    ssize_t sent = 0;
    do {
        sent = writev(conn->fd, parts, count);
    } while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : sent;
}

ssize_t transport_send_file(struct conn *conn, int fd, int64_t offset, size_t size)
{
    if (fault_point("file_send"))
        return -EIO;
    ssize_t sent = 0;
    if (!conn->ssl) {
        off_t at = offset;
        do {
            sent = sendfile(conn->fd, fd, &at, size);
        } while (sent < 0 && errno == EINTR);
        if (sent < 0)
            return -errno;
        return sent > 0 ? sent : -EIO; /* the file is shorter than promised */
    }
    char bytes[FILE_PIECE_BYTES];
    ssize_t got = 0;
    do {
        got = pread(fd, bytes, size < sizeof(bytes) ? size : sizeof(bytes), offset);
    } while (got < 0 && errno == EINTR);
    if (got <= 0)
        return -EIO;
    return tls_write(conn, str_of(bytes, (size_t)got));
}

int transport_sniff(struct conn *conn)
{
    unsigned char first = 0;
    ssize_t got = 0;
    do {
        got = recv(conn->fd, &first, 1, MSG_PEEK);
    } while (got < 0 && errno == EINTR);
    if (got < 0)
        return -errno;
    if (got == 0)
        return -EPIPE;
    return first == TLS_RECORD_HANDSHAKE;
}

int transport_handshake(struct conn *conn, int *out_events)
{
    if (!conn->ssl) {
        conn->ssl = tls_session_new(conn->server->tls, conn->fd);
        if (!conn->ssl)
            return -EPROTO;
    }
    int rc = SSL_accept(conn->ssl);
    if (rc == 1) {
        const char *name = SSL_get_servername(conn->ssl, TLSEXT_NAMETYPE_host_name);
        struct str text = str_slice(str_or(str_from_cstr(name), STR("")), 0, MAX_SERVER_NAME);
        if (text.len > 0)
            conn->tls_server_name = mem_copy(text.ptr, text.len);
        return 0;
    }
    int error = SSL_get_error(conn->ssl, rc);
    ERR_clear_error();
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
        return -EPROTO;
    *out_events = error == SSL_ERROR_WANT_WRITE ? UV_WRITABLE : UV_READABLE;
    return -EAGAIN;
}

bool transport_has_more(const struct conn *conn)
{
    return conn->ssl && SSL_has_pending(conn->ssl);
}

void transport_shutdown(struct conn *conn)
{
    if (conn->ssl) {
        SSL_shutdown(conn->ssl); /* sends close_notify; nobody waits for the peer's */
        ERR_clear_error();
    }
    shutdown(conn->fd, SHUT_WR);
}

void transport_close(struct conn *conn)
{
    SSL_free(conn->ssl);
    conn->ssl = NULL;
    close(conn->fd);
    conn->fd = -1;
}
