/* load.c — replays signed requests over keep-alive connections and measures what they cost.
 *
 * usage: load --port PORT --pid PID --requests FILE [--connections N]
 *             [--seconds S | --count N] [--save FILE]
 *
 * FILE holds raw HTTP requests, each behind a line with its length in bytes. They were signed
 * beforehand: a signature is good for 15 minutes, so making one is not part of what is measured.
 * Every connection has one request under way and sends the next when the answer is complete; the
 * requests are taken in turn. One line of JSON tells the result: how many answers, the time, the
 * median and 99th percentile of the time from the first byte sent to the last byte received, and
 * the CPU time that process PID used meanwhile, over all its threads. What an answer holds beyond
 * MAX_ANSWER_BYTES is received and forgotten.
 *
 * One thread, static memory, no library: what this program needs is taken from the server on a
 * machine with few CPUs, so it does as little as can be done.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    MAX_CONNECTIONS = 256,
    MAX_REQUESTS = 100 * 1000,     /* in the file */
    MAX_ANSWERS = 8 * 1000 * 1000, /* whose times are kept: a minute of the fastest server */
    MAX_ANSWER_BYTES = 64 * 1024,  /* that are kept: the head, and what --save writes */
    SINK_BYTES = 1024 * 1024,      /* for the rest, received at once */
    EXIT_USAGE = 2,
};

struct request {
    const char *text;
    size_t len;
};

struct connection {
    int fd;
    int64_t sent_at_ns;
    size_t in_len;     /* received of the answer, kept or not */
    size_t answer_len; /* head and body; 0: the head is not complete */
    size_t head_len;
    bool is_closing; /* the server said "Connection: close" */
    char in[MAX_ANSWER_BYTES];
};

struct load {
    struct sockaddr_in address;
    int epoll_fd;
    FILE *save;
    int64_t started_at_ns;
    int64_t stop_at_ns; /* no new request from here on */
    uint64_t request_limit;
    uint64_t sent;
    uint64_t answered;
    uint64_t refused; /* answers other than 200 */
    uint64_t reconnects;
    size_t answer_bytes; /* of the latest answer */
    size_t request_count;
};

static struct request requests[MAX_REQUESTS];
static struct connection connections[MAX_CONNECTIONS];
static uint32_t latencies_us[MAX_ANSWERS];
static char sink[SINK_BYTES];

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "load: %s%s%s\n", what, errno ? ": " : "", errno ? strerror(errno) : "");
    exit(1);
}

static int64_t clock_ns(clockid_t clock)
{
    struct timespec now = {0};
    if (clock_gettime(clock, &now) < 0)
        fail("clock_gettime");
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void read_requests(struct load *load, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) < 0 || status.st_size == 0)
        fail(path);
    size_t size = (size_t)status.st_size;
    const char *at = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (at == MAP_FAILED)
        fail("mmap");
    close(fd);
    const char *end = at + size;
    while (at < end && load->request_count < MAX_REQUESTS) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        size_t len = line_end ? strtoul(at, NULL, 10) : 0;
        if (len == 0 || len > (size_t)(end - line_end - 1))
            fail("the file of requests is damaged");
        requests[load->request_count++] = (struct request){line_end + 1, len};
        at = line_end + 1 + len;
    }
}

static void send_next(struct load *load, struct connection *connection)
{
    const struct request *request = &requests[load->sent++ % load->request_count];
    connection->in_len = 0;
    connection->answer_len = 0;
    connection->sent_at_ns = clock_ns(CLOCK_MONOTONIC);
    for (size_t done = 0; done < request->len;) {
        ssize_t len = send(connection->fd, request->text + done, request->len - done, MSG_NOSIGNAL);
        if (len < 0)
            fail("send");
        done += (size_t)len;
    }
}

static void open_connection(struct load *load, struct connection *connection)
{
    connection->is_closing = false;
    connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection->fd < 0 ||
        connect(connection->fd, (const struct sockaddr *)&load->address, sizeof(load->address)) < 0)
        fail("connect");
    int on = 1;
    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    if (epoll_ctl(load->epoll_fd, EPOLL_CTL_ADD, connection->fd, &event) < 0)
        fail("epoll_ctl");
}

/* The value of a header of the head, or NULL. */
static const char *find_header(const char *head, size_t head_len, const char *name)
{
    size_t name_len = strlen(name);
    for (const char *line = head; line;) {
        size_t rest = head_len - (size_t)(line - head);
        if (rest > name_len && line[name_len] == ':' && strncasecmp(line, name, name_len) == 0) {
            const char *value = line + name_len + 1;
            return value + strspn(value, " ");
        }
        const char *line_end = memchr(line, '\n', rest);
        line = line_end && line_end + 1 < head + head_len ? line_end + 1 : NULL;
    }
    return NULL;
}

static void read_head(struct load *load, struct connection *connection)
{
    const char *end = memmem(connection->in, connection->in_len, "\r\n\r\n", 4);
    if (!end)
        return;
    connection->head_len = (size_t)(end - connection->in) + 4;
    const char *length = find_header(connection->in, connection->head_len, "content-length");
    if (!length)
        fail("an answer without Content-Length");
    connection->answer_len = connection->head_len + strtoul(length, NULL, 10);
    if (load->save && connection->answer_len > MAX_ANSWER_BYTES)
        fail("an answer is too long to be saved");
    const char *state = find_header(connection->in, connection->head_len, "connection");
    connection->is_closing = state && strncasecmp(state, "close", 5) == 0;
    if (strncmp(connection->in + strlen("HTTP/1.1 "), "200", 3) != 0 && load->refused++ == 0)
        fprintf(
            stderr, "load: refused: %.*s\n",
            (int)(connection->in_len < MAX_ANSWER_BYTES ? connection->in_len : MAX_ANSWER_BYTES),
            connection->in);
}

static void finish_answer(struct load *load, struct connection *connection)
{
    int64_t now_ns = clock_ns(CLOCK_MONOTONIC);
    if (load->answered < MAX_ANSWERS)
        latencies_us[load->answered] = (uint32_t)((now_ns - connection->sent_at_ns) / 1000);
    load->answered++;
    load->answer_bytes = connection->answer_len;
    if (load->save) {
        fwrite(connection->in + connection->head_len, 1,
               connection->answer_len - connection->head_len, load->save);
        fputc('\n', load->save);
    }
    if (now_ns >= load->stop_at_ns || load->sent >= load->request_limit)
        return;
    if (connection->is_closing) {
        close(connection->fd);
        open_connection(load, connection);
        load->reconnects++;
    }
    send_next(load, connection);
}

static void receive(struct load *load, struct connection *connection)
{
    bool is_kept = connection->in_len < MAX_ANSWER_BYTES;
    ssize_t len = is_kept ? recv(connection->fd, connection->in + connection->in_len,
                                 MAX_ANSWER_BYTES - connection->in_len, 0)
                          : recv(connection->fd, sink, sizeof(sink), 0);
    if (len < 0)
        fail("recv");
    if (len == 0) {
        if (load->answered == load->sent || connection->is_closing) {
            epoll_ctl(load->epoll_fd, EPOLL_CTL_DEL, connection->fd, NULL);
            return;
        }
        fail("the server closed a connection");
    }
    connection->in_len += (size_t)len;
    if (connection->answer_len == 0)
        read_head(load, connection);
    if (connection->answer_len == 0 && connection->in_len >= MAX_ANSWER_BYTES)
        fail("the head of an answer is too long");
    if (connection->answer_len > 0 && connection->in_len >= connection->answer_len)
        finish_answer(load, connection);
}

static void run(struct load *load, size_t connection_count)
{
    load->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (load->epoll_fd < 0)
        fail("epoll_create1");
    for (size_t i = 0; i < connection_count; i++)
        open_connection(load, &connections[i]);
    for (size_t i = 0; i < connection_count && load->sent < load->request_limit; i++)
        send_next(load, &connections[i]);
    while (load->answered < load->sent) {
        struct epoll_event events[MAX_CONNECTIONS];
        int count = epoll_wait(load->epoll_fd, events, MAX_CONNECTIONS, -1);
        if (count < 0 && errno != EINTR)
            fail("epoll_wait");
        for (int i = 0; i < count; i++)
            receive(load, events[i].data.ptr);
    }
}

static int compare_latencies(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left;
    uint32_t b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

static void report(const struct load *load, int64_t elapsed_ns, int64_t cpu_ns)
{
    uint64_t kept = load->answered < MAX_ANSWERS ? load->answered : MAX_ANSWERS;
    qsort(latencies_us, kept, sizeof(latencies_us[0]), compare_latencies);
    double seconds = (double)elapsed_ns / 1e9;
    double answered = (double)load->answered;
    printf("{\"answers\": %llu, \"refused\": %llu, \"reconnects\": %llu, \"seconds\": %.4f, "
           "\"rate\": %.1f, \"p50_us\": %u, \"p99_us\": %u, \"max_us\": %u, \"cpu_us\": %.3f, "
           "\"answer_bytes\": %zu}\n",
           (unsigned long long)load->answered, (unsigned long long)load->refused,
           (unsigned long long)load->reconnects, seconds, answered / seconds,
           latencies_us[kept / 2], latencies_us[kept * 99 / 100], latencies_us[kept - 1],
           (double)cpu_ns / 1000.0 / answered, load->answer_bytes);
}

static _Noreturn void usage(void)
{
    fprintf(stderr, "usage: load --port PORT --pid PID --requests FILE [--connections N] "
                    "[--seconds S | --count N] [--save FILE]\n");
    exit(EXIT_USAGE);
}

int main(int argc, char **argv)
{
    struct load load = {
        .address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)},
        .request_limit = UINT64_MAX,
    };
    size_t connection_count = 64;
    double seconds = 1.0;
    pid_t pid = 0;
    if (argc % 2 == 0)
        usage();
    for (int i = 1; i < argc; i += 2) {
        const char *value = argv[i + 1];
        if (strcmp(argv[i], "--port") == 0)
            load.address.sin_port = htons((uint16_t)strtoul(value, NULL, 10));
        else if (strcmp(argv[i], "--pid") == 0)
            pid = (pid_t)strtol(value, NULL, 10);
        else if (strcmp(argv[i], "--requests") == 0)
            read_requests(&load, value);
        else if (strcmp(argv[i], "--connections") == 0)
            connection_count = strtoul(value, NULL, 10);
        else if (strcmp(argv[i], "--seconds") == 0)
            seconds = strtod(value, NULL);
        else if (strcmp(argv[i], "--count") == 0)
            load.request_limit = strtoull(value, NULL, 10);
        else if (strcmp(argv[i], "--save") == 0)
            load.save = fopen(value, "we");
        else
            usage();
    }
    if (!load.address.sin_port || pid <= 0 || load.request_count == 0 || connection_count == 0 ||
        connection_count > MAX_CONNECTIONS || load.request_limit == 0)
        usage();
    clockid_t cpu_clock;
    errno = clock_getcpuclockid(pid, &cpu_clock);
    if (errno != 0)
        fail("no such process");
    int64_t cpu_before_ns = clock_ns(cpu_clock);
    load.started_at_ns = clock_ns(CLOCK_MONOTONIC);
    load.stop_at_ns = load.request_limit == UINT64_MAX
                          ? load.started_at_ns + (int64_t)(seconds * 1e9)
                          : INT64_MAX;
    run(&load, connection_count);
    int64_t elapsed_ns = clock_ns(CLOCK_MONOTONIC) - load.started_at_ns;
    report(&load, elapsed_ns, clock_ns(cpu_clock) - cpu_before_ns);
    if (load.save && fclose(load.save) != 0)
        fail("cannot save the answers");
    return load.refused > 0;
}
