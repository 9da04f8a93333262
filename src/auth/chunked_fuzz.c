/* chunked_fuzz.c — arbitrary bodies through the aws-chunked decoder, whole and in small pieces.
 *
 * Input: the first byte chooses the kind of stream (bits 0-1) and the size of the pieces (the
 * rest); what follows is the body. Asserts that the pieces do not change what comes out.
 */
#include <stdint.h>
#include <string.h>

#include "auth/chunked.h"
#include "base/arena.h"
#include "base/buf.h"

enum {
    MAX_INPUT = 64 * 1024,
};

struct sink {
    struct buf data;
    struct buf trailers;
};

static int take_data(void *context, struct str data)
{
    struct sink *sink = context;
    buf_append(&sink->data, data);
    return 0;
}

static int take_trailer(void *context, struct str name, struct str value)
{
    struct sink *sink = context;
    buf_append(&sink->trailers, name);
    buf_append_char(&sink->trailers, ':');
    buf_append(&sink->trailers, value);
    buf_append_char(&sink->trailers, '\n');
    return 0;
}

/* The seed of the documented example, so that a corpus can hold bodies with right signatures. */
static const struct sig seed = {
    .scheme = SIG_V4_HEADER,
    .date = STR_INIT("20130524"),
    .region = STR_INIT("us-east-1"),
    .service = STR_INIT("s3"),
    .terminator = STR_INIT("aws4_request"),
    .amz_date = STR_INIT("20130524T000000Z"),
    .signature = STR_INIT("106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e"),
};

static int decode(struct arena *arena, enum sig_payload payload, struct str body, size_t step,
                  struct sink *sink)
{
    const struct aws_chunked_options options = {
        .payload = payload,
        .sig = &seed,
        .secret_key = STR("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        .decoded_length = -1,
        .trailer_names = STR("x-amz-checksum-crc32, x-amz-checksum-crc32c"),
    };
    buf_init(&sink->data, arena, MAX_INPUT);
    buf_init(&sink->trailers, arena, MAX_INPUT);
    struct aws_chunked *decoder = aws_chunked_new(arena, &options, take_data, take_trailer, sink);
    for (size_t at = 0; at < body.len; at += step) {
        int rc = aws_chunked_feed(decoder, str_slice(body, at, step));
        if (rc < 0)
            return rc;
    }
    return aws_chunked_finish(decoder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum sig_payload payloads[] = {
        SIG_PAYLOAD_STREAMING,
        SIG_PAYLOAD_STREAMING_TRAILER,
        SIG_PAYLOAD_UNSIGNED_TRAILER,
        SIG_PAYLOAD_UNSIGNED_TRAILER,
    };
    if (size == 0 || size > MAX_INPUT)
        return 0;
    struct arena *arena = arena_new();
    enum sig_payload payload = payloads[data[0] & 3];
    size_t step = (size_t)(data[0] >> 2) + 1;
    struct str body = str_of((const char *)data + 1, size - 1);
    struct sink whole;
    struct sink pieces;
    int rc = decode(arena, payload, body, body.len + 1, &whole);
    CHECK(decode(arena, payload, body, step, &pieces) == rc);
    CHECK(str_eq(buf_str(&whole.data), buf_str(&pieces.data)));
    CHECK(str_eq(buf_str(&whole.trailers), buf_str(&pieces.trailers)));
    CHECK(whole.data.len <= body.len);
    arena_free(arena);
    return 0;
}
