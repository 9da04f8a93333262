/* http_conn.c — one connection: reads requests, hands them up, finishes exchanges.
 *
 *   SNIFF --is_tls--> HANDSHAKE --conn_open--> OPEN --end_stream--> LINGER --conn_close--> CLOSED
 *     `------------- conn_open (plain) ---------^ `------------- conn_close -----------------^
 *
 *   in OPEN, input:  HEAD --step_head--> BODY --step_body--> DONE --finish_exchange--> HEAD
 *
 * Everything is driven by conn_advance, which repeats one step until nothing more can be done
 * without waiting. It runs when poll reports something and, for answers that were given outside a
 * callback, at the end of the round (conn_touch). Answers given inside a callback return to the
 * loop in conn_advance, so nothing recurses.
 *
 * Invariants:
 * 1. While `is_exchange`, the bytes of the head (and of a body that came with it) in `pinned` do
 *    not move; the exchange's strs point there.
 * 2. A connection without exchange and without received bytes owns no block and no arena.
 * 3. `interest` and `wait` are set in one place, conn_update, after each advance.
 * 4. A peer that closes its side before the application has given its whole answer counts as gone;
 *    half-closed clients that still wait are not told apart from clients that gave up.
 */
#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/mem.h"
#include "net/http_private.h"

enum {
    STATUS_BAD_REQUEST = 400,
    STATUS_REQUEST_TIMEOUT = 408,
    STATUS_HEAD_TOO_LARGE = 431,
    LINGER_TOTAL_MS = 30 * 1000, /* however busily the peer goes on sending */
    BODY_FIRST_BYTES = 64 * 1024,
};

static void on_poll(uv_poll_t *poll, int status, int events);

/* Received bytes */

static struct str received(const struct conn *conn)
{
    return conn->in ? str_of(conn->in->data + conn->start, conn->end - conn->start) : STR("");
}

static bool is_pinned(const struct conn *conn)
{
    return conn->is_exchange && conn->in == conn->pinned;
}

static void move_to_block(struct conn *conn, bool is_big)
{
    struct block *block = server_take_block(conn->server, is_big);
    struct str bytes = received(conn);
    memcpy(block->data, bytes.ptr, bytes.len);
    if (conn->in && conn->in != conn->pinned)
        server_give_block(conn->server, conn->in);
    conn->in = block;
    conn->start = 0;
    conn->end = bytes.len;
}

/* Makes room for a read behind the received bytes. False when there is none to be had now. */
static bool make_room(struct conn *conn)
{
    if (!conn->in) {
        conn->in = server_take_block(conn->server, false);
        conn->start = conn->end = 0;
        return true;
    }
    if (!is_pinned(conn) && conn->start > 0 &&
        (conn->start == conn->end || conn->in->capacity - conn->end < LEAST_READ_BYTES)) {
        memmove(conn->in->data, conn->in->data + conn->start, conn->end - conn->start);
        conn->end -= conn->start;
        conn->start = 0;
    }
    if (conn->in->capacity - conn->end >= LEAST_READ_BYTES)
        return true;
    if (conn->input == INPUT_DONE)
        return false; /* the next requests can wait in the socket */
    if (is_pinned(conn) || conn->in->capacity < BLOCK_BIG_BYTES)
        move_to_block(conn, true);
    return conn->in->capacity > conn->end;
}

/* Is the rest of a body of known length wanted, and nothing else in the way? Then it need not pass
 * through the block. */
static bool reads_body_directly(const struct conn *conn)
{
    return conn->input == INPUT_BODY && !conn->exchange.is_chunked && conn->start == conn->end &&
           conn->body_left > 0;
}

/* The exchange */

static void call_end(struct conn *conn)
{
    conn->input = INPUT_DONE;
    if (conn->output != OUTPUT_GIVEN)
        conn->server->handler->on_end(conn->server->app, &conn->exchange);
}

static void body_too_large(struct conn *conn)
{
    buf_deinit(&conn->body);
    conn->exchange.is_too_large = true;
    conn->keeps_alive = false;
    conn->must_linger = true;
    call_end(conn);
}

static void deliver(struct conn *conn, struct str piece)
{
    switch (conn->body_mode) {
    case BODY_STREAM:
        conn->server->handler->on_body(conn->server->app, &conn->exchange, piece);
        return;
    case BODY_BUFFER:
        buf_append(&conn->body, piece);
        return;
    case BODY_DROP:
    case BODY_UNDECIDED:
        return;
    }
}

static void end_body(struct conn *conn)
{
    if (conn->body_mode == BODY_BUFFER && !conn->exchange.body.ptr)
        conn->exchange.body = buf_str(&conn->body);
    call_end(conn);
}

/* The application may have answered, closed or paused in on_body; a pause holds back on_end, too.
 */
static void end_length_body(struct conn *conn)
{
    bool is_over = conn->stage == STAGE_OPEN && conn->input == INPUT_BODY && !conn->is_paused;
    if (is_over && conn->body_left == 0)
        end_body(conn);
}

static bool step_length_body(struct conn *conn)
{
    struct str bytes = received(conn);
    size_t len = (int64_t)bytes.len < conn->body_left ? bytes.len : (size_t)conn->body_left;
    if (len == 0 && conn->body_left > 0)
        return false;
    struct str piece = str_of(bytes.ptr, len);
    bool is_whole = len > 0 && (int64_t)len == conn->exchange.content_length;
    conn->start += len;
    conn->body_left -= (int64_t)len;
    if (is_whole && conn->body_mode == BODY_BUFFER)
        conn->exchange.body = piece; /* came with the head: no copy */
    else if (len > 0)
        deliver(conn, piece);
    end_length_body(conn);
    return true;
}

static void refuse(struct conn *conn, int status)
{
    bool can_answer = conn->output == OUTPUT_NONE;
    bool is_owed_close = conn->is_exchange && conn->output != OUTPUT_GIVEN;
    conn->output = OUTPUT_GIVEN;
    if (is_owed_close)
        conn->server->handler->on_close(conn->server->app, &conn->exchange);
    if (can_answer && conn->stage == STAGE_OPEN)
        answer_refuse(conn, status);
    else
        conn_close(conn);
}

static bool step_chunked_body(struct conn *conn)
{
    struct str bytes = received(conn);
    struct str piece = {0};
    enum http_chunks_event event = http_chunks_next(&conn->chunks, &bytes, &piece);
    conn->start = conn->end - bytes.len;
    switch (event) {
    case HTTP_CHUNKS_MORE:
        return false;
    case HTTP_CHUNKS_DATA:
        if (conn->body_mode == BODY_BUFFER && piece.len > conn->body_max - conn->body.len)
            body_too_large(conn);
        else
            deliver(conn, piece);
        return true;
    case HTTP_CHUNKS_END:
        end_body(conn);
        return true;
    case HTTP_CHUNKS_BAD:
        refuse(conn, STATUS_BAD_REQUEST);
        return true;
    }
    return false;
}

static bool step_body(struct conn *conn)
{
    if (conn->body_mode == BODY_BUFFER && conn->exchange.is_too_large) {
        body_too_large(conn);
        return true;
    }
    if (conn->body_mode == BODY_UNDECIDED || conn->is_paused)
        return false;
    return conn->exchange.is_chunked ? step_chunked_body(conn) : step_length_body(conn);
}

/* Fills the exchange from the parsed head. */
static void begin_exchange(struct conn *conn, const struct http_head *head)
{
    struct arena *arena = server_take_arena(conn->server);
    struct http_header *headers = NULL;
    if (head->header_count > 0) {
        headers = arena_alloc_array(arena, head->header_count, sizeof(*headers));
        memcpy(headers, head->headers, head->header_count * sizeof(*headers));
    }
    conn->exchange = (struct http_exchange){
        .arena = arena,
        .method = head->method,
        .target = head->target,
        .raw_path = head->raw_path,
        .raw_query = head->raw_query,
        .headers = headers,
        .header_count = head->header_count,
        .host = head->host,
        .content_length = head->content_length,
        .is_chunked = head->is_chunked,
        .has_body = head->is_chunked || head->content_length > 0,
        .is_tls = conn->ssl != NULL,
        .is_loopback = conn->is_loopback,
        .door = conn->server->door,
        .tls_server_name = str_or(str_from_cstr(conn->tls_server_name), STR("")),
        .peer = str_from_cstr(conn->peer),
    };
    conn->pinned = conn->in;
    conn->is_exchange = true;
    conn->is_http10 = head->is_http10;
    conn->keeps_alive = head->keeps_alive;
    conn->expects_continue = head->expects_continue;
    conn->is_head_request = str_eq(head->method, STR("HEAD"));
    conn->is_paused = false;
    conn->must_linger = false;
    conn->is_chunked_answer = false;
    conn->on_drain = NULL;
    conn->answer_left = -1;
    conn->output = OUTPUT_NONE;
    conn->body_mode = BODY_UNDECIDED;
    conn->body_left = head->content_length > 0 ? head->content_length : 0;
    conn->chunks = (struct http_chunks){0};
    conn->input = conn->exchange.has_body ? INPUT_BODY : INPUT_DONE;
    server_wait(conn->server, conn, WAIT_NONE);
}

static bool step_head(struct conn *conn)
{
    /* RFC 9112 2.2: empty lines before a request are ignored. */
    struct str bytes = received(conn);
    while (conn->scanned == 0 && str_starts_with(bytes, STR("\r\n"))) {
        conn->start += 2;
        bytes = received(conn);
    }
    if (bytes.len == 0)
        return false;
    ptrdiff_t len = http_head_scan(bytes, &conn->scanned);
    if (len < 0) {
        refuse(conn, STATUS_BAD_REQUEST);
        return true;
    }
    if (len > HTTP_MAX_HEAD_BYTES || (len == 0 && bytes.len >= HTTP_MAX_HEAD_BYTES)) {
        refuse(conn, STATUS_HEAD_TOO_LARGE);
        return true;
    }
    if (len == 0)
        return false;

    struct http_head head = {.headers = conn->server->headers};
    int status = http_head_parse(str_of(bytes.ptr, (size_t)len), &head);
    if (status != 0) {
        refuse(conn, status);
        return true;
    }
    conn->start += (size_t)len;
    conn->scanned = 0;
    begin_exchange(conn, &head);
    conn->server->handler->on_head(conn->server->app, &conn->exchange);
    if (conn->stage == STAGE_OPEN && !conn->exchange.has_body)
        call_end(conn);
    return true;
}

static void release_exchange(struct conn *conn)
{
    struct http_server *server = conn->server;
    buf_deinit(&conn->body);
    server_give_arena(server, conn->exchange.arena);
    conn->exchange.arena = NULL;
    if (conn->pinned != conn->in)
        server_give_block(server, conn->pinned);
    conn->pinned = NULL;
    conn->is_exchange = false;
}

/* No more will be sent. Closing at once while the peer still sends would make the kernel reset the
 * connection, and the reset can overtake the answer: read on until the peer has closed. */
static void end_stream(struct conn *conn)
{
    bool has_unread = conn->must_linger || conn->start < conn->end;
    if (!has_unread || conn->is_eof) {
        if (conn->ssl)
            transport_shutdown(conn);
        conn_close(conn);
        return;
    }
    transport_shutdown(conn);
    conn->stage = STAGE_LINGER;
    conn->start = conn->end = 0;
    conn->linger_until_ms = server_now_ms(conn->server) + LINGER_TOTAL_MS;
}

/* The answer is sent and the request is read: the next one may come. */
static void finish_exchange(struct conn *conn)
{
    if (conn->is_exchange)
        release_exchange(conn);
    bool is_over = !conn->keeps_alive || conn->is_eof || conn->server->is_draining;
    conn->output = OUTPUT_NONE;
    conn->input = INPUT_HEAD;
    conn->scanned = 0;
    if (is_over)
        end_stream(conn);
}

/* One step. True when there may be another. */
static bool step(struct conn *conn)
{
    if (conn->stage != STAGE_OPEN)
        return false;
    if (conn->is_broken) {
        conn_lose(conn);
        return false;
    }
    if (conn->pending > 0 && !conn->is_write_blocked) {
        answer_flush(conn);
        return true;
    }
    if (conn->output == OUTPUT_STREAM && conn->pending == 0 && conn->on_drain) {
        TAKE(conn->on_drain)(conn->server->app, &conn->exchange);
        return true;
    }
    if (conn->input == INPUT_HEAD && step_head(conn))
        return true;
    if (conn->input == INPUT_BODY && step_body(conn))
        return true;
    if (conn->output == OUTPUT_GIVEN && conn->pending == 0 && conn->input == INPUT_DONE) {
        finish_exchange(conn);
        return true;
    }
    return false;
}

/* Waiting */

/* Does a read make sense now? While the application works, reading is how we learn that the peer
 * went away. */
static bool wants_read(const struct conn *conn)
{
    if (conn->is_eof || conn->stage == STAGE_CLOSED)
        return false;
    if (conn->stage == STAGE_LINGER || conn->stage == STAGE_SNIFF)
        return true;
    switch (conn->input) {
    case INPUT_HEAD:
        return conn->output == OUTPUT_NONE;
    case INPUT_BODY:
        return conn->body_mode != BODY_UNDECIDED && !conn->is_paused;
    case INPUT_DONE:
        return conn->output != OUTPUT_GIVEN && conn->in &&
               conn->in->capacity - conn->end >= LEAST_READ_BYTES;
    }
    return false;
}

static enum wait_kind wait_kind(const struct conn *conn)
{
    if (conn->stage == STAGE_LINGER)
        return WAIT_LINGER;
    if (conn->stage == STAGE_SNIFF)
        return WAIT_IDLE;
    if (conn->stage == STAGE_HANDSHAKE)
        return WAIT_HEAD;
    if (conn->pending > 0)
        return WAIT_WRITE;
    if (conn->input == INPUT_HEAD)
        return conn->start < conn->end ? WAIT_HEAD : WAIT_IDLE;
    if (conn->input == INPUT_BODY && wants_read(conn))
        return WAIT_BODY;
    return WAIT_NONE;
}

static void poll_for(struct conn *conn, int events)
{
    if (events == conn->interest)
        return;
    conn->interest = events;
    if (events)
        CHECK(uv_poll_start(&conn->poll, events, on_poll) == 0);
    else
        uv_poll_stop(&conn->poll);
}

/* Gives back what an idle connection does not need, and sets what to wait for. */
static void conn_update(struct conn *conn)
{
    if (conn->stage == STAGE_CLOSED)
        return;
    if (conn->in && conn->start == conn->end && !conn->is_exchange) {
        server_give_block(conn->server, conn->in);
        conn->in = NULL;
        conn->start = conn->end = 0;
    }
    enum wait_kind kind = wait_kind(conn);
    /* A head has one deadline however it trickles in; the other waits start again with every
     * byte. */
    if (kind != conn->wait || (conn->has_progress && kind != WAIT_HEAD))
        server_wait(conn->server, conn, kind);
    conn->has_progress = false;
    if (conn->stage != STAGE_HANDSHAKE) {
        int events = wants_read(conn) ? UV_READABLE : 0;
        if (conn->pending > 0 && conn->is_write_blocked)
            events |= UV_WRITABLE;
        poll_for(conn, events);
    }
}

void conn_advance(struct conn *conn)
{
    if (conn->is_advancing)
        return;
    conn->is_advancing = true;
    int requests = 0;
    while (true) {
        bool was_exchange = conn->is_exchange;
        if (!step(conn))
            break;
        if (was_exchange || !conn->is_exchange)
            continue;
        if (++requests == REQUESTS_PER_TURN) {
            server_touch(conn->server, conn); /* goes on when the others had their turn */
            break;
        }
    }
    conn->is_advancing = false;
    conn_update(conn);
}

void conn_touch(struct conn *conn)
{
    if (!conn->is_advancing && conn->stage != STAGE_CLOSED)
        server_touch(conn->server, conn);
}

bool conn_is_idle(const struct conn *conn)
{
    if (conn->stage == STAGE_SNIFF)
        return true;
    return conn->stage == STAGE_OPEN && conn->input == INPUT_HEAD && conn->start == conn->end &&
           conn->pending == 0;
}

/* The end */

static void on_closed(uv_handle_t *handle)
{
    struct conn *conn = handle->data;
    struct http_server *server = conn->server;
    if (conn->is_exchange)
        release_exchange(conn);
    server_give_block(server, conn->in);
    answer_forget(conn);
    mem_free(conn->tls_server_name);
    mem_free(conn);
    server_handle_closed(server);
}

void conn_close(struct conn *conn)
{
    if (conn->stage == STAGE_CLOSED)
        return;
    conn->stage = STAGE_CLOSED;
    server_remove(conn->server, conn);
    /* Memory stays until libuv calls back: a callback of the application may be running. */
    uv_close((uv_handle_t *)&conn->poll, on_closed);
    transport_close(conn);
}

void conn_lose(struct conn *conn)
{
    bool is_owed_close =
        conn->is_exchange && conn->output != OUTPUT_GIVEN && conn->stage == STAGE_OPEN;
    conn->output = OUTPUT_GIVEN;
    if (is_owed_close) {
        bool was_advancing = conn->is_advancing;
        conn->is_advancing = true;
        conn->server->handler->on_close(conn->server->app, &conn->exchange);
        conn->is_advancing = was_advancing;
    }
    conn_close(conn);
}

void conn_time_out(struct conn *conn)
{
    bool is_slow_request =
        conn->stage == STAGE_OPEN && (conn->wait == WAIT_HEAD || conn->wait == WAIT_BODY);
    if (!is_slow_request || conn->is_write_blocked) {
        conn_lose(conn);
        return;
    }
    conn->is_advancing = true;
    refuse(conn, STATUS_REQUEST_TIMEOUT);
    conn->is_advancing = false;
    conn_advance(conn);
}

/* Reading */

static void on_end_of_input(struct conn *conn)
{
    conn->is_eof = true;
    bool is_sending = conn->output == OUTPUT_GIVEN && conn->pending > 0;
    if (!is_sending || conn->stage == STAGE_LINGER)
        conn_lose(conn);
    else if (conn->input == INPUT_BODY)
        conn->input = INPUT_DONE; /* the rest of the dropped body does not come */
}

/* Reads the next part of a body straight to where it belongs. */
static ssize_t read_body(struct conn *conn, size_t *out_wanted)
{
    struct http_server *server = conn->server;
    char *to = server->scratch;
    size_t room = BLOCK_BIG_BYTES;
    if (conn->body_mode == BODY_BUFFER) {
        /* Grows with what really came, so that a promise alone costs no memory. */
        room = conn->body.len > BODY_FIRST_BYTES ? conn->body.len : BODY_FIRST_BYTES;
        if ((int64_t)room > conn->body_left)
            room = (size_t)conn->body_left;
        to = buf_reserve(&conn->body, room);
        CHECK(to != NULL); /* content_length is within body_max */
    }
    if ((int64_t)room > conn->body_left)
        room = (size_t)conn->body_left;
    *out_wanted = room;
    ssize_t got = transport_read(conn, to, room);
    if (got <= 0)
        return got;
    conn->body_left -= got;
    conn->is_advancing = true;
    if (conn->body_mode == BODY_BUFFER)
        conn->body.len += (size_t)got;
    else
        deliver(conn, str_of(to, (size_t)got));
    end_length_body(conn);
    conn->is_advancing = false;
    return got;
}

static ssize_t read_block(struct conn *conn, size_t *out_wanted)
{
    if (conn->stage == STAGE_LINGER) {
        *out_wanted = BLOCK_BIG_BYTES;
        return transport_read(conn, conn->server->scratch, BLOCK_BIG_BYTES);
    }
    if (!make_room(conn))
        return -EAGAIN;
    *out_wanted = conn->in->capacity - conn->end;
    ssize_t got = transport_read(conn, conn->in->data + conn->end, *out_wanted);
    if (got > 0) {
        conn->end += (size_t)got;
        if (conn->input == INPUT_BODY)
            conn->expects_continue = false; /* it did not wait */
    }
    return got;
}

/* Reads once and does what follows from it. True when there may be more to read at once. */
static bool read_once(struct conn *conn)
{
    size_t wanted = 0;
    ssize_t got = reads_body_directly(conn) ? read_body(conn, &wanted) : read_block(conn, &wanted);
    if (got == -EAGAIN)
        return false;
    if (got < 0) {
        conn_lose(conn);
        return false;
    }
    if (got == 0) {
        on_end_of_input(conn);
        return false;
    }
    conn->has_progress = true;
    if (conn->stage == STAGE_LINGER && server_now_ms(conn->server) > conn->linger_until_ms) {
        conn_close(conn);
        return false;
    }
    conn_advance(conn);
    return (size_t)got == wanted || transport_has_more(conn);
}

static void conn_read(struct conn *conn)
{
    for (int turn = 0; wants_read(conn); turn++) {
        if (!read_once(conn))
            return;
        if (turn + 1 >= READS_PER_TURN) {
            /* Poll does not see what TLS has already taken in. */
            if (transport_has_more(conn))
                server_touch(conn->server, conn);
            return;
        }
    }
}

void conn_run(struct conn *conn)
{
    conn_advance(conn);
    if (wants_read(conn) && transport_has_more(conn))
        conn_read(conn); /* poll will not tell of it */
}

static void conn_open(struct conn *conn)
{
    conn->stage = STAGE_OPEN;
    conn_read(conn);
}

/* Goes on with the door: first byte, then the handshake. */
static void go_through_door(struct conn *conn)
{
    int events = UV_READABLE;
    if (conn->stage == STAGE_SNIFF) {
        int kind = transport_sniff(conn);
        if (kind == -EAGAIN)
            return;
        if (kind < 0) {
            conn_close(conn);
            return;
        }
        if (kind == 0) {
            conn_open(conn);
            return;
        }
        conn->stage = STAGE_HANDSHAKE;
    }
    int rc = transport_handshake(conn, &events);
    if (rc == 0) {
        conn_open(conn);
    } else if (rc == -EAGAIN) {
        poll_for(conn, events);
    } else {
        conn_close(conn);
    }
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct conn *conn = poll->data;
    if (status < 0) {
        conn_lose(conn);
        return;
    }
    if (conn->stage == STAGE_SNIFF || conn->stage == STAGE_HANDSHAKE) {
        go_through_door(conn);
        conn_update(conn);
        return;
    }
    if (events & UV_WRITABLE) {
        conn->is_write_blocked = false;
        conn_run(conn);
    }
    if (events & UV_READABLE)
        conn_read(conn);
    conn_update(conn);
}

void conn_start(struct conn *conn)
{
    conn->stage = conn->server->tls ? STAGE_SNIFF : STAGE_OPEN;
    buf_init(&conn->body, NULL, 0);
    conn_update(conn);
}

/* What the application calls */

struct str http_header(const struct http_exchange *exchange, const char *name)
{
    struct str wanted = str_from_cstr(name);
    for (size_t i = 0; i < exchange->header_count; i++) {
        const struct http_header *header = &exchange->headers[i];
        if (header->name.len == wanted.len && str_eq_nocase(header->name, wanted))
            return header->value;
    }
    return (struct str){0};
}

static void choose_body(struct conn *conn, enum body_mode mode)
{
    /* An empty body is invited, too: botocore takes a final answer without 100 for one that belongs
     * to the next request of the connection. */
    if (conn->expects_continue && conn->input != INPUT_BODY && conn->start == conn->end)
        answer_continue(conn);
    if (conn->input != INPUT_BODY || conn->body_mode != BODY_UNDECIDED)
        return; /* no body, or answered already */
    conn->body_mode = mode;
    if (conn->start < conn->end)
        conn->expects_continue = false; /* the body is coming anyway */
    if (conn->expects_continue)
        answer_continue(conn);
    conn_touch(conn);
}

void http_buffer_body(struct http_exchange *exchange, size_t max_bytes)
{
    struct conn *conn = (struct conn *)exchange;
    if (conn->input != INPUT_BODY || conn->body_mode != BODY_UNDECIDED)
        return;
    if (exchange->content_length > 0 && (uint64_t)exchange->content_length > max_bytes) {
        /* Not worth reading, nor asking for. step_body ends it once on_head has returned. */
        conn->body_mode = BODY_BUFFER;
        exchange->is_too_large = true;
        return;
    }
    conn->body_max = max_bytes;
    buf_init(&conn->body, NULL, max_bytes);
    choose_body(conn, BODY_BUFFER);
}

void http_stream_body(struct http_exchange *exchange)
{
    choose_body((struct conn *)exchange, BODY_STREAM);
}

void http_pause(struct http_exchange *exchange)
{
    ((struct conn *)exchange)->is_paused = true;
}

void http_resume(struct http_exchange *exchange)
{
    struct conn *conn = (struct conn *)exchange;
    conn->is_paused = false;
    conn_touch(conn);
}
