/* stream_out.c — the pieces of an answer on their way to the connection.
 *
 * Everything queued is bounded: after each large piece the sending waits until the queue is empty.
 * A plain file goes by sendfile; an enciphered one is read, deciphered and copied. When a file
 * cannot be read the connection is closed: the length was promised, so the client sees the loss.
 */
#include <errno.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/bodies.h"
#include "wire/request.h"

enum {
    QUEUE_BYTES = 512 * 1024, /* then the sending waits */
    STEP_BYTES = 64 * 1024,   /* read and deciphered at once */
};

static int64_t total_length(const struct call_answer *answer)
{
    int64_t total = 0;
    for (size_t i = 0; i < answer->piece_count; i++)
        total += answer->pieces[i].length;
    return total;
}

static int send_plain_file(struct request *request, const struct body_piece *piece)
{
    int64_t size = 0;
    int fd = body_open(request->call.runtime->store, piece->id, &size);
    if (fd < 0)
        return fd;
    if (piece->offset + piece->length > size) {
        close(fd);
        return -EIO;
    }
    http_send_file(request->exchange, fd, piece->offset, piece->length);
    request->sent_index++;
    return 0;
}

static int open_enciphered(struct request *request, const struct body_piece *piece)
{
    int64_t size = 0;
    int fd = body_open(request->call.runtime->store, piece->id, &size);
    if (fd < 0)
        return fd;
    request->sent_fd = fd;
    body_crypter_init(&request->sent_crypter, &piece->cipher, piece->offset);
    return 0;
}

static void close_enciphered(struct request *request)
{
    if (request->sent_fd < 0)
        return;
    close(request->sent_fd);
    request->sent_fd = -1;
    body_crypter_deinit(&request->sent_crypter);
}

/* The next step of an enciphered file. */
static int send_enciphered(struct request *request, const struct body_piece *piece)
{
    if (request->sent_fd < 0) {
        int rc = open_enciphered(request, piece);
        if (rc < 0)
            return rc;
    }
    int64_t left = piece->length - request->sent_bytes;
    size_t wanted = left < STEP_BYTES ? (size_t)left : STEP_BYTES;
    char *step = mem_new_array(wanted + 1, 1);
    ssize_t got = pread(request->sent_fd, step, wanted, piece->offset + request->sent_bytes);
    if (got > 0) {
        body_crypter_update(&request->sent_crypter, step, (size_t)got);
        http_write(request->exchange, str_of(step, (size_t)got));
        request->sent_bytes += got;
    }
    mem_free(step);
    if (got <= 0 && wanted > 0)
        return -EIO;
    if (request->sent_bytes == piece->length) {
        close_enciphered(request);
        request->sent_bytes = 0;
        request->sent_index++;
    }
    return 0;
}

static struct str piece_text(struct arena *arena, const struct body_piece *piece)
{
    struct str text = str_slice(piece->bytes, (size_t)piece->offset, (size_t)piece->length);
    if (piece->cipher.key.len == 0)
        return text;
    char *copy = arena_alloc_text(arena, text.len);
    for (size_t i = 0; i < text.len; i++)
        copy[i] = text.ptr[i];
    body_crypt(&piece->cipher, piece->offset, copy, text.len);
    return str_of(copy, text.len);
}

static int send_next(struct request *request)
{
    const struct body_piece *piece = &request->answer.pieces[request->sent_index];
    if (piece->length == 0) {
        request->sent_index++;
        return 0;
    }
    if (piece->id.len > 0)
        return piece->cipher.key.len > 0 ? send_enciphered(request, piece)
                                         : send_plain_file(request, piece);
    http_write(request->exchange, piece_text(request->exchange->arena, piece));
    request->sent_index++;
    return 0;
}

static void send_more(void *app, struct http_exchange *exchange)
{
    (void)app;
    struct request *request = exchange->context;
    while (request->sent_index < request->answer.piece_count) {
        int rc = send_next(request);
        if (rc < 0) {
            log_message(LOG_ERROR, "the file of a body cannot be read: the answer is broken off");
            stream_out_end(request);
            request_end(request);
            http_abort(exchange);
            return;
        }
        if (http_pending_bytes(exchange) >= QUEUE_BYTES) {
            http_on_drain(exchange, send_more);
            return;
        }
    }
    stream_out_end(request);
    request_end(request);
    http_end(exchange);
}

void stream_out(struct request *request, int status, const struct http_header *headers,
                size_t header_count)
{
    const struct call_answer *answer = &request->answer;
    struct http_exchange *exchange = request->exchange;
    bool is_small =
        answer->piece_count == 0 || (answer->piece_count == 1 && answer->pieces[0].id.len == 0);
    if (is_small) {
        struct str body = answer->piece_count == 0 || answer->pieces[0].length == 0
                              ? STR("")
                              : piece_text(exchange->arena, &answer->pieces[0]);
        http_respond(exchange, status, headers, header_count, body);
        stream_out_end(request);
        request_end(request);
        return;
    }
    request->state = REQUEST_SENDING;
    request->sent_fd = -1;
    http_respond_begin(exchange, status, headers, header_count, total_length(answer));
    send_more(request->executor, exchange);
}

void stream_out_end(struct request *request)
{
    if (request->state == REQUEST_SENDING)
        close_enciphered(request);
    request->state = REQUEST_ANSWERED;
    answer_unpin(&request->answer, request->call.runtime->store);
}
