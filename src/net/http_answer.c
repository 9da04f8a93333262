/* http_answer.c — words answers, queues what the socket does not take, and sends it.
 *
 * http_respond writes head and body directly from the caller's memory in one system call; only what
 * the socket refuses is copied. A streamed answer is queued first and sent when the callback or the
 * round is over, so that many small http_write calls make few packets.
 *
 * Invariants:
 * 1. `pending` is the number of bytes in the pieces; bytes leave in the order they were queued.
 * 2. Nothing here calls the application: a failed write only sets is_broken, and conn_advance
 *    tells it later.
 * 3. Once `output` is OUTPUT_GIVEN the application is not called again for this exchange.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/mem.h"
#include "net/http_private.h"

enum {
    PIECE_BYTES = 16 * 1024 - 64, /* small writes are collected in pieces of this size */
    FLUSH_BYTES = 64 * 1024,      /* a streamed answer is sent when it has collected so much */
    HEAD_FIXED_BYTES = 256,       /* status line, Date, Content-Length, Connection */
    TLS_RECORD_BYTES = 16 * 1024,
    STATUS_NO_CONTENT = 204,
    STATUS_NOT_MODIFIED = 304,
};

static const char *const reasons[600] = {
    [100] = "Continue",
    [101] = "Switching Protocols",
    [200] = "OK",
    [201] = "Created",
    [202] = "Accepted",
    [203] = "Non-Authoritative Information",
    [204] = "No Content",
    [205] = "Reset Content",
    [206] = "Partial Content",
    [207] = "Multi-Status",
    [300] = "Multiple Choices",
    [301] = "Moved Permanently",
    [302] = "Found",
    [303] = "See Other",
    [304] = "Not Modified",
    [307] = "Temporary Redirect",
    [308] = "Permanent Redirect",
    [400] = "Bad Request",
    [401] = "Unauthorized",
    [402] = "Payment Required",
    [403] = "Forbidden",
    [404] = "Not Found",
    [405] = "Method Not Allowed",
    [406] = "Not Acceptable",
    [408] = "Request Timeout",
    [409] = "Conflict",
    [410] = "Gone",
    [411] = "Length Required",
    [412] = "Precondition Failed",
    [413] = "Content Too Large",
    [414] = "URI Too Long",
    [415] = "Unsupported Media Type",
    [416] = "Range Not Satisfiable",
    [417] = "Expectation Failed",
    [418] = "I'm a teapot",
    [422] = "Unprocessable Content",
    [423] = "Locked",
    [424] = "Failed Dependency",
    [426] = "Upgrade Required",
    [428] = "Precondition Required",
    [429] = "Too Many Requests",
    [431] = "Request Header Fields Too Large",
    [451] = "Unavailable For Legal Reasons",
    [500] = "Internal Server Error",
    [501] = "Not Implemented",
    [502] = "Bad Gateway",
    [503] = "Service Unavailable",
    [504] = "Gateway Timeout",
    [505] = "HTTP Version Not Supported",
    [507] = "Insufficient Storage",
    [509] = "Bandwidth Limit Exceeded",
    [511] = "Network Authentication Required",
};

/* The queue */

static struct piece *add_piece(struct conn *conn, size_t capacity)
{
    struct piece *piece = mem_new(sizeof(*piece) + capacity);
    piece->fd = -1;
    piece->capacity = capacity;
    if (conn->out_last)
        conn->out_last->next = piece;
    else
        conn->out_first = piece;
    conn->out_last = piece;
    return piece;
}

static void queue_bytes(struct conn *conn, struct str bytes)
{
    if (bytes.len == 0)
        return;
    struct piece *last = conn->out_last;
    if (!last || last->fd >= 0 || last->capacity - last->end < bytes.len)
        last = add_piece(conn, bytes.len > PIECE_BYTES ? bytes.len : PIECE_BYTES);
    memcpy(last->data + last->end, bytes.ptr, bytes.len);
    last->end += bytes.len;
    conn->pending += bytes.len;
}

static void drop_first(struct conn *conn)
{
    struct piece *piece = conn->out_first;
    conn->out_first = piece->next;
    if (!conn->out_first)
        conn->out_last = NULL;
    if (piece->fd >= 0)
        close(piece->fd);
    mem_free(piece);
}

void answer_forget(struct conn *conn)
{
    while (conn->out_first)
        drop_first(conn);
    conn->pending = 0;
}

static void write_failed(struct conn *conn, ssize_t rc)
{
    if (rc == -EAGAIN)
        conn->is_write_blocked = true;
    else
        conn->is_broken = true;
}

/* Takes `count` sent bytes off the front of the queue. */
static void count_sent(struct conn *conn, size_t count)
{
    conn->has_progress = true;
    conn->pending -= count;
    while (count > 0) {
        struct piece *piece = conn->out_first;
        if (piece->fd >= 0) {
            piece->file_offset += (int64_t)count;
            piece->file_left -= (int64_t)count;
            if (piece->file_left == 0)
                drop_first(conn);
            return;
        }
        size_t here = piece->end - piece->start;
        if (count < here) {
            piece->start += count;
            return;
        }
        count -= here;
        drop_first(conn);
    }
}

static struct str piece_bytes(const struct piece *piece)
{
    if (!piece || piece->fd >= 0)
        return STR("");
    return str_of(piece->data + piece->start, piece->end - piece->start);
}

void answer_flush(struct conn *conn)
{
    size_t file_budget = FILE_BYTES_PER_TURN;
    while (conn->out_first && !conn->is_broken && !conn->is_write_blocked) {
        const struct piece *piece = conn->out_first;
        ssize_t sent = 0;
        size_t wanted = 0;
        if (piece->fd < 0) {
            struct str first = piece_bytes(piece);
            struct str second = piece_bytes(piece->next);
            wanted = first.len + second.len;
            sent = transport_write(conn, first, second);
        } else if (file_budget == 0) {
            /* The others' turn: the socket is writable, so poll comes back here soon. */
            conn->is_write_blocked = true;
            return;
        } else {
            wanted =
                piece->file_left < (int64_t)file_budget ? (size_t)piece->file_left : file_budget;
            sent = transport_send_file(conn, piece->fd, piece->file_offset, wanted);
            file_budget -= sent > 0 ? (size_t)sent : 0;
        }
        if (sent < 0) {
            write_failed(conn, sent);
            return;
        }
        count_sent(conn, (size_t)sent);
        if ((size_t)sent < wanted && !conn->ssl)
            conn->is_write_blocked = true; /* a plain socket that takes less is full */
    }
}

/* Sends from the caller's memory and queues the rest. */
static void send_or_queue(struct conn *conn, struct str first, struct str second)
{
    while (conn->pending == 0 && first.len + second.len > 0 && !conn->is_write_blocked &&
           !conn->is_broken) {
        size_t wanted = first.len + second.len;
        ssize_t sent = transport_write(conn, first, second);
        if (sent < 0) {
            write_failed(conn, sent);
            break;
        }
        conn->has_progress = true;
        size_t of_first = (size_t)sent < first.len ? (size_t)sent : first.len;
        first = str_from(first, of_first);
        second = str_from(second, (size_t)sent - of_first);
        if ((size_t)sent < wanted && !conn->ssl)
            conn->is_write_blocked = true;
    }
    if (!conn->is_broken) {
        queue_bytes(conn, first);
        queue_bytes(conn, second);
    }
}

/* The head */

static char *put(char *at, struct str text)
{
    if (text.len > 0)
        memcpy(at, text.ptr, text.len);
    return at + text.len;
}

static char *put_number(char *at, int64_t number)
{
    char digits[20];
    size_t first = sizeof(digits);
    do {
        digits[--first] = (char)('0' + (char)(number % 10));
        number /= 10;
    } while (number > 0);
    return put(at, str_of(digits + first, sizeof(digits) - first));
}

/* A CR, LF or NUL here would let whoever wrote the text write headers of their own. */
static char *put_field(char *at, struct str text)
{
    bool is_clean = true;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        is_clean &= c != '\r' && c != '\n' && c != '\0';
        at[i] = c;
    }
    CHECK(is_clean);
    return at + text.len;
}

static char *put_status_line(char *at, int status)
{
    CHECK(status >= 100 && status < (int)ARRAY_LEN(reasons));
    at = put(at, STR("HTTP/1.1 "));
    at = put_number(at, status);
    *at++ = ' ';
    at = put(at, str_or(str_from_cstr(reasons[status]), STR("")));
    return put(at, STR("\r\n"));
}

static bool is_length_name(struct str name)
{
    return name.len == 14 && str_eq_nocase(name, STR("content-length"));
}

/* Headers that are the server's own. An explicit Content-Length stays for HEAD. */
static bool is_own_header(const struct conn *conn, struct str name)
{
    switch (name.len) {
    case 4:
        return str_eq_nocase(name, STR("date"));
    case 10:
        return str_eq_nocase(name, STR("connection"));
    case 14:
        return is_length_name(name) && !conn->is_head_request;
    case 17:
        return str_eq_nocase(name, STR("transfer-encoding"));
    default:
        return false;
    }
}

/* Writes the head into the exchange's arena. `length` is -1 when it is not known. */
static struct str word_head(struct conn *conn, int status, const struct http_header *headers,
                            size_t header_count, int64_t length)
{
    size_t size = HEAD_FIXED_BYTES;
    bool has_length = false;
    for (size_t i = 0; i < header_count; i++) {
        size += headers[i].name.len + headers[i].value.len + 4;
        has_length |= conn->is_head_request && is_length_name(headers[i].name);
    }
    char *start = arena_alloc_text(conn->exchange.arena, size);
    char *at = put_status_line(start, status);
    at = put(at, server_date(conn->server));
    for (size_t i = 0; i < header_count; i++) {
        if (is_own_header(conn, headers[i].name))
            continue;
        CHECK(headers[i].name.len > 0);
        at = put_field(at, headers[i].name);
        at = put(at, STR(": "));
        at = put_field(at, headers[i].value);
        at = put(at, STR("\r\n"));
    }
    bool forbids_length = status == STATUS_NO_CONTENT || status == STATUS_NOT_MODIFIED;
    if (length >= 0 && !has_length && !forbids_length) {
        at = put(at, STR("Content-Length: "));
        at = put_number(at, length);
        at = put(at, STR("\r\n"));
    }
    if (conn->is_chunked_answer)
        at = put(at, STR("Transfer-Encoding: chunked\r\n"));
    if (!conn->keeps_alive)
        at = put(at, STR("Connection: close\r\n"));
    else if (conn->is_http10)
        at = put(at, STR("Connection: keep-alive\r\n"));
    at = put(at, STR("\r\n"));
    return str_of(start, (size_t)(at - start));
}

/* The answer is complete, or about to be, and the request is not read to its end: drop the rest if
 * that is cheap, else close. */
static void leave_body(struct conn *conn)
{
    if (conn->input != INPUT_BODY)
        return;
    conn->is_paused = false;
    conn->body_mode = BODY_DROP;
    bool is_cheap = !conn->exchange.is_chunked && conn->body_left <= DRAIN_MAX_BYTES;
    /* A client that waits for 100 may or may not send the body now: nobody can tell the two apart,
     * so the connection cannot be used again (RFC 9110 10.1.1). */
    if (!is_cheap || conn->expects_continue) {
        conn->input = INPUT_DONE;
        conn->keeps_alive = false;
        conn->must_linger = true;
    }
}

static bool is_gone(const struct conn *conn)
{
    return conn->is_broken || conn->stage != STAGE_OPEN;
}

static void begin_answer(struct conn *conn, int status)
{
    CHECK(conn->is_exchange && conn->output == OUTPUT_NONE);
    CHECK(status >= 200);
    if (conn->server->is_draining || conn->is_eof)
        conn->keeps_alive = false;
    conn->is_bodyless_answer =
        conn->is_head_request || status == STATUS_NO_CONTENT || status == STATUS_NOT_MODIFIED;
}

void http_respond(struct http_exchange *exchange, int status, const struct http_header *headers,
                  size_t header_count, struct str body)
{
    struct conn *conn = (struct conn *)exchange;
    begin_answer(conn, status);
    conn->output = OUTPUT_GIVEN;
    conn_touch(conn);
    if (is_gone(conn))
        return;
    leave_body(conn);
    struct str head = word_head(conn, status, headers, header_count, (int64_t)body.len);
    if (conn->is_bodyless_answer)
        body = STR("");
    if (conn->ssl && body.len > 0 && head.len + body.len <= TLS_RECORD_BYTES) {
        head = str_concat(exchange->arena, head, body); /* one record instead of two */
        body = STR("");
    }
    send_or_queue(conn, head, body);
}

void http_respond_begin(struct http_exchange *exchange, int status,
                        const struct http_header *headers, size_t header_count, int64_t length)
{
    struct conn *conn = (struct conn *)exchange;
    begin_answer(conn, status);
    conn->output = OUTPUT_STREAM;
    conn->answer_left = length;
    conn_touch(conn);
    if (is_gone(conn))
        return;
    if (length < 0 && !conn->is_bodyless_answer) {
        conn->is_chunked_answer = !conn->is_http10;
        if (conn->is_http10)
            conn->keeps_alive = false; /* the end of the body is the end of the connection */
    }
    queue_bytes(conn, word_head(conn, status, headers, header_count, length));
}

/* Counts `len` bytes against the promised length. False when they must not be sent. */
static bool admit(struct conn *conn, int64_t len)
{
    CHECK(conn->output == OUTPUT_STREAM);
    if (len == 0 || is_gone(conn) || conn->is_bodyless_answer)
        return false;
    if (conn->answer_left >= 0) {
        CHECK(len <= conn->answer_left);
        conn->answer_left -= len;
    }
    return true;
}

static void queue_chunk_size(struct conn *conn, uint64_t size)
{
    if (!conn->is_chunked_answer)
        return;
    char text[20];
    size_t first = sizeof(text);
    text[--first] = '\n';
    text[--first] = '\r';
    do {
        text[--first] = "0123456789abcdef"[size % 16];
        size /= 16;
    } while (size > 0);
    queue_bytes(conn, str_of(text + first, sizeof(text) - first));
}

static void queue_chunk_end(struct conn *conn)
{
    if (conn->is_chunked_answer)
        queue_bytes(conn, STR("\r\n"));
}

void http_write(struct http_exchange *exchange, struct str bytes)
{
    struct conn *conn = (struct conn *)exchange;
    if (!admit(conn, (int64_t)bytes.len))
        return;
    queue_chunk_size(conn, bytes.len);
    queue_bytes(conn, bytes);
    queue_chunk_end(conn);
    if (conn->pending >= FLUSH_BYTES)
        answer_flush(conn);
    conn_touch(conn);
}

void http_send_file(struct http_exchange *exchange, int fd, int64_t offset, int64_t length)
{
    struct conn *conn = (struct conn *)exchange;
    CHECK(fd >= 0 && offset >= 0 && length >= 0);
    if (!admit(conn, length)) {
        close(fd);
        return;
    }
    queue_chunk_size(conn, (uint64_t)length);
    struct piece *piece = add_piece(conn, 0);
    piece->fd = fd;
    piece->file_offset = offset;
    piece->file_left = length;
    conn->pending += (size_t)length;
    queue_chunk_end(conn);
    conn_touch(conn);
}

size_t http_pending_bytes(const struct http_exchange *exchange)
{
    return ((const struct conn *)exchange)->pending;
}

void http_on_drain(struct http_exchange *exchange, void (*fn)(void *app, struct http_exchange *))
{
    struct conn *conn = (struct conn *)exchange;
    CHECK(conn->output == OUTPUT_STREAM);
    conn->on_drain = fn;
    conn_touch(conn);
}

void http_end(struct http_exchange *exchange)
{
    struct conn *conn = (struct conn *)exchange;
    CHECK(conn->output == OUTPUT_STREAM);
    conn->output = OUTPUT_GIVEN;
    conn->on_drain = NULL;
    conn_touch(conn);
    if (is_gone(conn))
        return;
    if (conn->is_chunked_answer)
        queue_bytes(conn, STR("0\r\n\r\n"));
    if (conn->answer_left > 0 && !conn->is_bodyless_answer)
        conn->keeps_alive = false; /* less than promised: only a close tells the client */
    leave_body(conn);
}

void http_abort(struct http_exchange *exchange)
{
    struct conn *conn = (struct conn *)exchange;
    conn->output = OUTPUT_GIVEN;
    conn_close(conn);
}

void answer_refuse(struct conn *conn, int status)
{
    char head[HEAD_FIXED_BYTES];
    char *at = put_status_line(head, status);
    at = put(at, server_date(conn->server));
    at = put(at, STR("Content-Length: 0\r\nConnection: close\r\n\r\n"));
    conn->output = OUTPUT_GIVEN;
    conn->input = INPUT_DONE;
    conn->keeps_alive = false;
    conn->must_linger = true;
    send_or_queue(conn, str_of(head, (size_t)(at - head)), STR(""));
}

void answer_continue(struct conn *conn)
{
    conn->expects_continue = false;
    send_or_queue(conn, STR("HTTP/1.1 100 Continue\r\n\r\n"), STR(""));
}
