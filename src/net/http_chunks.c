/* http_chunks.c — the state machine of a chunked body.
 *
 *   SIZE -digit-> SIZE -CR-> SIZE_LF -LF-> DATA -all-> DATA_CR -CR-> DATA_LF -LF-> SIZE
 *   SIZE -';'-> EXTENSION -CR-> SIZE_LF          size 0: SIZE_LF -LF-> TRAILER_START
 *   TRAILER_START -CR-> END_LF -LF-> DONE        TRAILER_START -token-> TRAILER_NAME
 *   TRAILER_NAME -':'-> TRAILER_VALUE -CR-> TRAILER_LF -LF-> TRAILER_START
 *
 * Extensions have been used to hold a connection for ever (CVE-2024-22019), so they and the
 * trailers share one limit per body.
 */
#include "net/http_chunks.h"

enum {
    MAX_SIZE_DIGITS = 15,           /* below 2^60: no overflow of int64_t */
    MAX_OVERHEAD_BYTES = 16 * 1024, /* extensions and trailers of one body; clients send none */
};

enum chunks_state {
    SIZE,
    EXTENSION,
    SIZE_LF,
    DATA,
    DATA_CR,
    DATA_LF,
    TRAILER_START,
    TRAILER_NAME,
    TRAILER_VALUE,
    TRAILER_LF,
    END_LF,
    DONE,
    BAD,
};

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static enum chunks_state on_size(struct http_chunks *chunks, char c)
{
    int digit = hex_digit(c);
    if (digit >= 0 && chunks->digit_count < MAX_SIZE_DIGITS) {
        chunks->digit_count++;
        chunks->left = chunks->left * 16 + (uint64_t)digit;
        return SIZE;
    }
    if (chunks->digit_count == 0)
        return BAD;
    if (c == '\r')
        return SIZE_LF;
    return c == ';' ? EXTENSION : BAD;
}

static bool is_text(char c)
{
    return ((unsigned char)c >= 0x20 && c != 0x7f) || c == '\t';
}

static bool is_name_char(char c)
{
    return (unsigned char)c > 0x20 && (unsigned char)c < 0x7f && c != ':';
}

/* Within `limit` for this body? */
static bool count_overhead(struct http_chunks *chunks)
{
    return ++chunks->overhead_bytes <= MAX_OVERHEAD_BYTES;
}

static enum chunks_state on_byte(struct http_chunks *chunks, char c)
{
    switch ((enum chunks_state)chunks->state) {
    case SIZE:
        return on_size(chunks, c);
    case EXTENSION:
        if (c == '\r')
            return SIZE_LF;
        return is_text(c) && count_overhead(chunks) ? EXTENSION : BAD;
    case SIZE_LF:
        if (c != '\n')
            return BAD;
        return chunks->left > 0 ? DATA : TRAILER_START;
    case DATA_CR:
        return c == '\r' ? DATA_LF : BAD;
    case DATA_LF:
        chunks->left = 0;
        chunks->digit_count = 0;
        return c == '\n' ? SIZE : BAD;
    case TRAILER_START:
        if (c == '\r')
            return END_LF;
        return is_name_char(c) && count_overhead(chunks) ? TRAILER_NAME : BAD;
    case TRAILER_NAME:
        if (c == ':')
            return TRAILER_VALUE;
        return is_name_char(c) && count_overhead(chunks) ? TRAILER_NAME : BAD;
    case TRAILER_VALUE:
        if (c == '\r')
            return TRAILER_LF;
        return is_text(c) && count_overhead(chunks) ? TRAILER_VALUE : BAD;
    case TRAILER_LF:
        return c == '\n' ? TRAILER_START : BAD;
    case END_LF:
        return c == '\n' ? DONE : BAD;
    case DATA:
    case DONE:
    case BAD:
        break;
    }
    return BAD;
}

enum http_chunks_event http_chunks_next(struct http_chunks *chunks, struct str *input,
                                        struct str *out_piece)
{
    while (chunks->state != DONE && chunks->state != BAD && input->len > 0) {
        if (chunks->state == DATA) {
            size_t len = chunks->left < input->len ? (size_t)chunks->left : input->len;
            *out_piece = str_of(input->ptr, len);
            *input = str_of(input->ptr + len, input->len - len);
            chunks->left -= len;
            if (chunks->left == 0)
                chunks->state = DATA_CR;
            return HTTP_CHUNKS_DATA;
        }
        chunks->state = (int)on_byte(chunks, input->ptr[0]);
        *input = str_of(input->ptr + 1, input->len - 1);
    }
    if (chunks->state == DONE)
        return HTTP_CHUNKS_END;
    return chunks->state == BAD ? HTTP_CHUNKS_BAD : HTTP_CHUNKS_MORE;
}
