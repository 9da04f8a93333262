/* http_chunks_fuzz.c — a chunked body reads the same whole and byte by byte. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "net/http_chunks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct reading {
    enum http_chunks_event event;
    size_t body_bytes;
    uint64_t sum;
    size_t used;
};

static struct reading read_in_steps(struct str bytes, size_t step)
{
    struct reading reading = {.event = HTTP_CHUNKS_MORE};
    struct http_chunks chunks = {0};
    while (reading.event == HTTP_CHUNKS_MORE && reading.used < bytes.len) {
        struct str now = str_slice(bytes, reading.used, step);
        const char *start = now.ptr;
        struct str piece = {0};
        do {
            reading.event = http_chunks_next(&chunks, &now, &piece);
            if (reading.event != HTTP_CHUNKS_DATA)
                break;
            CHECK(piece.len > 0 && piece.ptr >= start && piece.ptr + piece.len == now.ptr);
            reading.body_bytes += piece.len;
            for (size_t i = 0; i < piece.len; i++)
                reading.sum = reading.sum * 31 + (unsigned char)piece.ptr[i];
        } while (true);
        CHECK(reading.event != HTTP_CHUNKS_MORE || now.len == 0);
        reading.used += (size_t)(now.ptr - start);
    }
    return reading;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str bytes = str_of((const char *)data, size);
    struct reading whole = read_in_steps(bytes, size > 0 ? size : 1);
    struct reading split = read_in_steps(bytes, 1);
    CHECK(whole.event == split.event);
    CHECK(whole.body_bytes == split.body_bytes && whole.sum == split.sum);
    CHECK(whole.used == split.used);
    CHECK(whole.body_bytes <= size);
    return 0;
}
