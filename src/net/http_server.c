/* http_server.c — accepts connections, keeps their time, pools their memory, and drains.
 *
 * Deadlines. A connection waits for one thing at a time, and all waits of one kind are equally
 * long, so a new wait always goes to the end of its kind's queue and the queues stay in order of
 * deadline: starting and ending a wait is O(1), and one timer for the earliest front serves all.
 *
 * Pools. Blocks and arenas are given to connections while they serve a request and come back
 * afterwards, last in, first out: an idle connection costs less than a KiB, and a busy server works
 * in few, warm pages.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/mem.h"
#include "net/http_private.h"
#include "syntax/time.h"

enum {
    DEFAULT_HEAD_MS = 10 * 1000,
    DEFAULT_BODY_MS = 60 * 1000,
    DEFAULT_IDLE_MS = 75 * 1000,
    DEFAULT_WRITE_MS = 60 * 1000,
    DEFAULT_MAX_CONNECTIONS = 10000,
    LINGER_MS = 2 * 1000,    /* without a byte; the answer has long arrived then */
    ACCEPTS_PER_TURN = 64,   /* before the connections get their turn */
    ACCEPT_AGAIN_MS = 100,   /* after running out of descriptors */
    SMALL_BLOCKS_KEPT = 256, /* 4 MiB */
    BIG_BLOCKS_KEPT = 16,    /* 2 MiB */
    ARENAS_KEPT = 256,       /* 2 MiB */
    LISTEN_BACKLOG = 4096,
};

int64_t server_now_ms(const struct http_server *server)
{
    return (int64_t)uv_now(loop_uv(server->loop));
}

/* Pools */

struct block *server_take_block(struct http_server *server, bool is_big)
{
    struct block **pool = is_big ? &server->big_blocks : &server->small_blocks;
    struct block *block = *pool;
    if (block) {
        *pool = block->next;
        *(is_big ? &server->big_block_count : &server->small_block_count) -= 1;
        block->next = NULL;
        return block;
    }
    size_t capacity = is_big ? BLOCK_BIG_BYTES : BLOCK_SMALL_BYTES;
    block = mem_resize(NULL, sizeof(*block) + capacity); /* not zeroed */
    *block = (struct block){.capacity = capacity};
    return block;
}

void server_give_block(struct http_server *server, struct block *block)
{
    if (!block)
        return;
    bool is_big = block->capacity == BLOCK_BIG_BYTES;
    size_t *count = is_big ? &server->big_block_count : &server->small_block_count;
    if (server->is_freed || *count >= (size_t)(is_big ? BIG_BLOCKS_KEPT : SMALL_BLOCKS_KEPT)) {
        mem_free(block);
        return;
    }
    struct block **pool = is_big ? &server->big_blocks : &server->small_blocks;
    block->next = *pool;
    *pool = block;
    *count += 1;
}

struct arena *server_take_arena(struct http_server *server)
{
    return server->arena_count > 0 ? server->arenas[--server->arena_count] : arena_new();
}

void server_give_arena(struct http_server *server, struct arena *arena)
{
    if (!arena)
        return;
    if (server->is_freed || server->arena_count == ARENAS_KEPT) {
        arena_free(arena);
        return;
    }
    arena_reset(arena);
    server->arenas[server->arena_count++] = arena;
}

static void free_blocks(struct block *block)
{
    while (block) {
        struct block *next = block->next;
        mem_free(block);
        block = next;
    }
}

/* The real time: SDKs set their clocks by this header, and signatures are checked against the real
 * time, however far the clock that services see was moved. */
struct str server_date(struct http_server *server)
{
    /* A round of the loop is far shorter than the second that the header counts. */
    uint64_t round_ms = uv_now(loop_uv(server->loop));
    if (round_ms == server->date_round_ms)
        return str_of(server->date, server->date_len);
    server->date_round_ms = round_ms;
    int64_t now_ms = clock_now_ms() - clock_offset_ms();
    if (now_ms / 1000 != server->date_s) {
        server->date_s = now_ms / 1000;
        struct buf text;
        buf_init(&text, NULL, sizeof(server->date));
        buf_append(&text, STR("Date: "));
        time_write_http(&text, now_ms);
        buf_append(&text, STR("\r\n"));
        CHECK(!text.is_full);
        memcpy(server->date, text.ptr, text.len);
        server->date_len = text.len;
        buf_deinit(&text);
    }
    return str_of(server->date, server->date_len);
}

/* Deadlines */

static void on_timer(uv_timer_t *timer);

static void arm_timer(struct http_server *server, int64_t at_ms)
{
    if (server->is_freed || (server->timer_at_ms != 0 && server->timer_at_ms <= at_ms))
        return;
    int64_t delay_ms = at_ms - server_now_ms(server);
    server->timer_at_ms = at_ms;
    CHECK(uv_timer_start(&server->timer, on_timer, delay_ms > 0 ? (uint64_t)delay_ms : 0, 0) == 0);
}

static void leave_queue(struct http_server *server, struct conn *conn)
{
    if (conn->wait == WAIT_NONE)
        return;
    struct wait_queue *queue = &server->waits[conn->wait];
    if (conn->wait_previous)
        conn->wait_previous->wait_next = conn->wait_next;
    else
        queue->first = conn->wait_next;
    if (conn->wait_next)
        conn->wait_next->wait_previous = conn->wait_previous;
    else
        queue->last = conn->wait_previous;
    conn->wait_next = conn->wait_previous = NULL;
    conn->wait = WAIT_NONE;
}

void server_wait(struct http_server *server, struct conn *conn, enum wait_kind kind)
{
    leave_queue(server, conn);
    if (kind == WAIT_NONE)
        return;
    struct wait_queue *queue = &server->waits[kind];
    conn->wait = kind;
    conn->deadline_ms = server_now_ms(server) + queue->wait_ms;
    conn->wait_previous = queue->last;
    if (queue->last)
        queue->last->wait_next = conn;
    else
        queue->first = conn;
    queue->last = conn;
    arm_timer(server, conn->deadline_ms);
}

static void resume_accepting(struct http_server *server);

static void end_drain(struct http_server *server)
{
    while (server->conns)
        conn_lose(server->conns);
}

static void on_timer(uv_timer_t *timer)
{
    struct http_server *server = timer->data;
    int64_t now_ms = server_now_ms(server);
    server->timer_at_ms = 0;
    if (server->accept_again_ms != 0 && server->accept_again_ms <= now_ms)
        resume_accepting(server);
    if (server->drain_at_ms != 0 && server->drain_at_ms <= now_ms) {
        server->drain_at_ms = 0;
        end_drain(server);
    }
    for (int kind = WAIT_IDLE; kind < WAIT_KINDS; kind++) {
        struct wait_queue *queue = &server->waits[kind];
        while (queue->first && queue->first->deadline_ms <= now_ms) {
            struct conn *late = queue->first;
            conn_time_out(late);
            if (queue->first == late) /* it answers, and waits for that to be taken */
                server_wait(server, late, (enum wait_kind)kind);
        }
        if (queue->first)
            arm_timer(server, queue->first->deadline_ms);
    }
    if (server->accept_again_ms != 0)
        arm_timer(server, server->accept_again_ms);
    if (server->drain_at_ms != 0)
        arm_timer(server, server->drain_at_ms);
}

/* The end of a round */

void server_touch(struct http_server *server, struct conn *conn)
{
    if (conn->is_touched)
        return;
    conn->is_touched = true;
    conn->touched_previous = NULL;
    conn->touched_next = server->touched;
    if (conn->touched_next)
        conn->touched_next->touched_previous = conn;
    server->touched = conn;
}

static void untouch(struct http_server *server, struct conn *conn)
{
    if (!conn->is_touched)
        return;
    conn->is_touched = false;
    if (conn->touched_next)
        conn->touched_next->touched_previous = conn->touched_previous;
    if (conn->touched_previous)
        conn->touched_previous->touched_next = conn->touched_next;
    else if (server->touched == conn)
        server->touched = conn->touched_next;
    else
        server->settling = conn->touched_next;
    conn->touched_next = conn->touched_previous = NULL;
}

static bool on_settle(void *context)
{
    struct http_server *server = context;
    /* Those that are touched from here on wait for the next round end. */
    server->settling = TAKE(server->touched);
    bool has_worked = server->settling != NULL;
    while (server->settling) {
        struct conn *conn = server->settling;
        untouch(server, conn);
        conn_run(conn);
    }
    if (server->is_draining && server->conn_count == 0 && server->drained) {
        void (*drained)(void *) = TAKE(server->drained);
        drained(server->drained_context);
    }
    return has_worked;
}

/* Connections */

static void set_peer(struct conn *conn, const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;
        conn->is_loopback = (ntohl(v4->sin_addr.s_addr) >> 24) == IN_LOOPBACKNET;
        inet_ntop(AF_INET, &v4->sin_addr, conn->peer, sizeof(conn->peer));
    } else if (address->ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)address;
        const struct in6_addr *bytes = &v6->sin6_addr;
        if (IN6_IS_ADDR_V4MAPPED(bytes)) {
            conn->is_loopback = bytes->s6_addr[12] == IN_LOOPBACKNET;
            inet_ntop(AF_INET, &bytes->s6_addr[12], conn->peer, sizeof(conn->peer));
        } else {
            conn->is_loopback = IN6_IS_ADDR_LOOPBACK(bytes);
            inet_ntop(AF_INET6, bytes, conn->peer, sizeof(conn->peer));
        }
    } else {
        conn->is_loopback = true; /* a local socket has no address */
    }
}

static void add_connection(struct http_server *server, int fd,
                           const struct sockaddr_storage *address)
{
    struct conn *conn = mem_new(sizeof(*conn));
    conn->server = server;
    conn->fd = fd;
    conn->keeps_alive = true;
    set_peer(conn, address);
    CHECK(uv_poll_init(loop_uv(server->loop), &conn->poll, fd) == 0);
    conn->poll.data = conn;
    server->open_handles++;
    conn->next = server->conns;
    if (conn->next)
        conn->next->previous = conn;
    server->conns = conn;
    server->conn_count++;
    conn_start(conn);
}

void http_server_adopt(struct http_server *server, int fd)
{
    add_connection(server, fd, &(struct sockaddr_storage){.ss_family = AF_UNIX});
}

static void stop_accepting(struct http_server *server)
{
    if (server->is_accepting)
        uv_poll_stop(&server->accept_poll);
    server->is_accepting = false;
}

static void on_accept(uv_poll_t *poll, int status, int events)
{
    struct http_server *server = poll->data;
    (void)status; /* accept4 says what is wrong */
    (void)events;
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        if (server->conn_count >= server->max_connections) {
            stop_accepting(server); /* until one closes */
            return;
        }
        struct sockaddr_storage address = {0};
        socklen_t size = sizeof(address);
        int fd = accept4(server->listen_fd, (struct sockaddr *)&address, &size,
                         SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            add_connection(server, fd, &address);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            stop_accepting(server);
            server->accept_again_ms = server_now_ms(server) + ACCEPT_AGAIN_MS;
            arm_timer(server, server->accept_again_ms);
            return;
        }
        if (errno != EINTR && errno != ECONNABORTED)
            return; /* EAGAIN: nobody there, or another worker was faster */
    }
}

static void resume_accepting(struct http_server *server)
{
    server->accept_again_ms = 0;
    if (server->is_accepting || server->is_draining || server->is_freed)
        return;
    server->is_accepting = true;
    CHECK(uv_poll_start(&server->accept_poll, UV_READABLE, on_accept) == 0);
}

void server_remove(struct http_server *server, struct conn *conn)
{
    leave_queue(server, conn);
    untouch(server, conn);
    if (conn->next)
        conn->next->previous = conn->previous;
    if (conn->previous)
        conn->previous->next = conn->next;
    else
        server->conns = conn->next;
    conn->next = conn->previous = NULL;
    server->conn_count--;
    if (server->accept_again_ms == 0)
        resume_accepting(server);
}

/* The server */

static int64_t or_default(int64_t value, int64_t fallback)
{
    return value > 0 ? value : fallback;
}

struct http_server *http_server_new(struct loop *loop, int listen_fd, struct tls_context *tls,
                                    const struct http_server_options *options,
                                    const struct http_handler *handler, void *app)
{
    static const struct http_server_options defaults = {0};
    const struct http_server_options *given = options ? options : &defaults;
    struct http_server *server = mem_new(sizeof(*server));
    server->loop = loop;
    server->handler = handler;
    server->app = app;
    server->tls = tls;
    server->listen_fd = listen_fd;
    server->door = given->door;
    server->max_connections =
        given->max_connections > 0 ? given->max_connections : DEFAULT_MAX_CONNECTIONS;
    server->waits[WAIT_IDLE].wait_ms = or_default(given->keep_alive_ms, DEFAULT_IDLE_MS);
    server->waits[WAIT_HEAD].wait_ms = or_default(given->head_timeout_ms, DEFAULT_HEAD_MS);
    server->waits[WAIT_BODY].wait_ms = or_default(given->body_idle_ms, DEFAULT_BODY_MS);
    server->waits[WAIT_WRITE].wait_ms = or_default(given->write_idle_ms, DEFAULT_WRITE_MS);
    server->waits[WAIT_LINGER].wait_ms = LINGER_MS;
    server->scratch = mem_new(BLOCK_BIG_BYTES);
    server->arenas = mem_new_array(ARENAS_KEPT, sizeof(struct arena *));

    /* Accepted sockets inherit it; a local socket has no use for it and says so. */
    int on = 1;
    (void)setsockopt(listen_fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));

    CHECK(uv_timer_init(loop_uv(loop), &server->timer) == 0);
    server->timer.data = server;
    CHECK(uv_poll_init(loop_uv(loop), &server->accept_poll, listen_fd) == 0);
    server->accept_poll.data = server;
    server->open_handles = 2;
    server->hook = (struct loop_hook){.settle = on_settle, .context = server};
    loop_add_hook(loop, &server->hook);
    resume_accepting(server);
    return server;
}

void server_handle_closed(struct http_server *server)
{
    if (--server->open_handles > 0 || !server->is_freed)
        return;
    mem_free(server->scratch);
    mem_free(server->arenas);
    mem_free(server);
}

static void on_handle_closed(uv_handle_t *handle)
{
    server_handle_closed(handle->data);
}

static void close_listener(struct http_server *server)
{
    stop_accepting(server);
    if (server->listen_fd < 0)
        return;
    uv_close((uv_handle_t *)&server->accept_poll, on_handle_closed);
    close(server->listen_fd);
    server->listen_fd = -1;
}

void http_server_drain(struct http_server *server, int64_t grace_ms, void (*done)(void *),
                       void *app)
{
    CHECK(!server->is_draining);
    server->is_draining = true;
    server->drained = done;
    server->drained_context = app;
    server->accept_again_ms = 0;
    close_listener(server);
    for (struct conn *conn = server->conns; conn;) {
        struct conn *next = conn->next;
        if (conn_is_idle(conn))
            conn_close(conn);
        conn = next;
    }
    server->drain_at_ms = server_now_ms(server) + (grace_ms > 0 ? grace_ms : 0);
    arm_timer(server, server->drain_at_ms);
}

void http_server_free(struct http_server *server)
{
    if (!server)
        return;
    server->is_draining = true;
    server->drained = NULL;
    while (server->conns)
        conn_lose(server->conns);
    close_listener(server);
    loop_remove_hook(server->loop, &server->hook);
    server->is_freed = true;
    free_blocks(TAKE(server->small_blocks));
    free_blocks(TAKE(server->big_blocks));
    while (server->arena_count > 0)
        arena_free(server->arenas[--server->arena_count]);
    uv_close((uv_handle_t *)&server->timer, on_handle_closed);
}

/* Listening sockets */

static int parse_address(struct str address, uint16_t port, struct sockaddr_storage *out_address,
                         socklen_t *out_size)
{
    char text[INET6_ADDRSTRLEN + 1];
    if (address.len == 0 || address.len >= sizeof(text))
        return -EINVAL;
    memcpy(text, address.ptr, address.len);
    text[address.len] = '\0';
    struct sockaddr_storage storage = {0};
    struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)&storage;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)&storage;
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        *out_size = sizeof(*v4);
    } else if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        *out_size = sizeof(*v6);
    } else {
        return -EINVAL;
    }
    *out_address = storage;
    return 0;
}

int http_listen(struct str address, uint16_t port, bool reuse_port)
{
    struct sockaddr_storage storage;
    socklen_t size = 0;
    int rc = parse_address(address, port, &storage, &size);
    if (rc < 0)
        return rc;
    int fd = socket(storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    int on = 1;
    bool is_ok = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0;
    if (reuse_port)
        is_ok = is_ok && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) == 0;
    is_ok = is_ok && bind(fd, (const struct sockaddr *)&storage, size) == 0 &&
            listen(fd, LISTEN_BACKLOG) == 0;
    if (is_ok)
        return fd;
    rc = -errno;
    close(fd);
    return rc;
}

uint16_t http_listen_port(int listen_fd)
{
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof(address);
    if (getsockname(listen_fd, (struct sockaddr *)&address, &size) != 0)
        return 0;
    if (address.ss_family == AF_INET)
        return ntohs(((const struct sockaddr_in *)(const void *)&address)->sin_port);
    if (address.ss_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)(const void *)&address)->sin6_port);
    return 0;
}
