/* ceiling.c — the least that a server can do: what no HTTP server on this machine can beat.
 *
 * usage: ceiling FILE
 *
 * One thread, epoll, keep-alive. Finds the end of each request and answers with the bytes of FILE,
 * which are a whole HTTP answer, taken from the server that is compared. It parses no more than the
 * length of the body, checks no signature and knows nothing. A body that fits no buffer is received
 * and forgotten; an answer that fits none is sent with sendfile, as a web server sends files.
 * Prints its port, as Virga does.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    MAX_CONNECTIONS = 1024, /* by number of the descriptor */
    MAX_BYTES = 64 * 1024,  /* of a request, and of the answer, in memory */
    SINK_BYTES = 1024 * 1024,
};

struct connection {
    size_t in_len;
    size_t skip_len; /* bytes of a long body that are still to come */
    char in[MAX_BYTES];
};

static struct connection connections[MAX_CONNECTIONS];
static char answer[MAX_BYTES]; /* its start */
static char sink[SINK_BYTES];
static size_t answer_len;
static int answer_fd;

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "ceiling: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void open_answer(const char *path)
{
    struct stat status;
    answer_fd = open(path, O_RDONLY | O_CLOEXEC);
    if (answer_fd < 0 || fstat(answer_fd, &status) < 0 || read(answer_fd, answer, MAX_BYTES) < 0)
        fail(path);
    answer_len = (size_t)status.st_size;
}

static int open_listener(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&address, len) < 0 || listen(fd, 1024) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) < 0)
        fail("listen");
    printf("http://127.0.0.1:%d\n", (int)ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

/* Length of the request at the start of the buffer, 0 while its head is not complete. */
static size_t request_len(const struct connection *connection)
{
    static const char name[] = "\ncontent-length:";
    const char *end = memmem(connection->in, connection->in_len, "\r\n\r\n", 4);
    if (!end)
        return 0;
    size_t len = (size_t)(end - connection->in) + 4;
    for (const char *at = connection->in; (at = memchr(at, '\n', (size_t)(end - at))); at++) {
        if (strncasecmp(at, name, sizeof(name) - 1) == 0) {
            len += strtoul(at + sizeof(name) - 1, NULL, 10);
            break;
        }
    }
    return len;
}

static bool send_answer(int fd)
{
    if (answer_len <= MAX_BYTES)
        return send(fd, answer, answer_len, MSG_NOSIGNAL) == (ssize_t)answer_len;
    for (off_t at = 0; at < (off_t)answer_len;)
        if (sendfile(fd, answer_fd, &at, answer_len - (size_t)at) <= 0)
            return false;
    return true;
}

/* Takes what has come; false when the connection is to be closed. */
static bool serve(int fd, struct connection *connection)
{
    if (connection->skip_len > 0) {
        size_t want = connection->skip_len < SINK_BYTES ? connection->skip_len : SINK_BYTES;
        ssize_t got = recv(fd, sink, want, 0);
        if (got <= 0)
            return false;
        connection->skip_len -= (size_t)got;
        return connection->skip_len > 0 || send_answer(fd);
    }
    ssize_t got = recv(fd, connection->in + connection->in_len, MAX_BYTES - connection->in_len, 0);
    if (got <= 0)
        return false;
    connection->in_len += (size_t)got;
    for (size_t len; (len = request_len(connection)) > 0 && len <= connection->in_len;) {
        if (!send_answer(fd))
            return false;
        connection->in_len -= len;
        memmove(connection->in, connection->in + len, connection->in_len);
    }
    size_t len = request_len(connection);
    if (len > MAX_BYTES) {
        connection->skip_len = len - connection->in_len;
        connection->in_len = 0;
    }
    return true;
}

static void accept_all(int epoll_fd, int listener)
{
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        if (fd >= MAX_CONNECTIONS) {
            close(fd);
            continue;
        }
        int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        connections[fd].in_len = connections[fd].skip_len = 0;
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
    }
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: ceiling FILE\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN); /* sendfile has no MSG_NOSIGNAL */
    open_answer(argv[1]);
    int listener = open_listener();
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
    if (epoll_fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &event) < 0)
        fail("epoll");
    for (;;) {
        struct epoll_event events[256];
        int count = epoll_wait(epoll_fd, events, 256, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.fd == listener)
                accept_all(epoll_fd, listener);
            else if (!serve(events[i].data.fd, &connections[events[i].data.fd]))
                close(events[i].data.fd);
        }
    }
}
