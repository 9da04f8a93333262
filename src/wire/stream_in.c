/* stream_in.c — a body on its way from the connection to its handler.
 *
 *   stream_begin ──► stream_feed * ──► stream_end ──► the executor runs the call
 *        └───────────────┴────────────────┴──► refused: answered at once, the rest is dropped
 *
 * stream_begin is a run of the call in a transaction of its own that goes no further than the
 * `plan_body` hook. What it found out (caller, input) is kept; permissions are asked for again when
 * the handler runs, since an upload may take hours.
 */
#include <errno.h>

#include "auth/chunked.h"
#include "base/arena.h"
#include "base/log.h"
#include "base/vec.h"
#include "wire/request.h"

/* AWS: S3 API reference, "Error responses"; S3 is the only service that signs streams. */
#define STREAM_ERROR(name, text, status)                                                           \
    static const struct api_error name = {                                                         \
        .code = STR_INIT(text),                                                                    \
        .query_code = STR_INIT(text),                                                              \
        .http_status = (status),                                                                   \
        .query_status = (status),                                                                  \
        .is_sender = true,                                                                         \
    }
STREAM_ERROR(incomplete_body, "IncompleteBody", 400);
STREAM_ERROR(invalid_chunk_size, "InvalidChunkSizeError", 403);
STREAM_ERROR(content_hash_mismatch, "XAmzContentSHA256Mismatch", 400);
STREAM_ERROR(signature_mismatch, "SignatureDoesNotMatch", 403);
STREAM_ERROR(malformed_trailer, "MalformedTrailerError", 400);
STREAM_ERROR(missing_length, "MissingContentLength", 411);

struct stream_in {
    struct request *request;
    struct body_plan plan;
    struct body_sink *sink;
    struct aws_chunked *chunked; /* NULL: the body is the text itself */
    struct vec trailers;         /* struct http_header */
    bool must_match_hash;        /* x-amz-content-sha256 is the hash of the text */
};

static bool is_coded(const struct sig *sig)
{
    return sig->payload == SIG_PAYLOAD_STREAMING || sig->payload == SIG_PAYLOAD_STREAMING_TRAILER ||
           sig->payload == SIG_PAYLOAD_UNSIGNED_TRAILER;
}

static int take_text(void *context, struct str text)
{
    struct stream_in *stream = context;
    return body_sink_write(stream->sink, text);
}

static int take_trailer(void *context, struct str name, struct str value)
{
    struct stream_in *stream = context;
    struct arena *arena = stream->request->exchange->arena;
    *(struct http_header *)vec_push(&stream->trailers) =
        (struct http_header){.name = str_copy(arena, name), .value = str_copy(arena, value)};
    return 0;
}

/* AWS: "x-amz-decoded-content-length" must come with every STREAMING- payload. */
static enum status start_decoder(struct stream_in *stream)
{
    struct request *request = stream->request;
    struct str stated = wire_header(&request->wire, "x-amz-decoded-content-length");
    int64_t length = 0;
    if (!stated.ptr || str_to_i64(stated, &length) < 0 || length < 0)
        return call_fail(&request->call, &missing_length,
                         "You must provide the Content-Length HTTP header.");
    const struct aws_chunked_options options = {
        .payload = request->sig.payload,
        .sig = &request->sig,
        .secret_key = request->secret_key,
        .decoded_length = length,
        .trailer_names = wire_header(&request->wire, "x-amz-trailer"),
    };
    stream->chunked =
        aws_chunked_new(request->exchange->arena, &options, take_text, take_trailer, stream);
    return STATUS_DONE;
}

enum status stream_begin(struct request *request)
{
    struct arena *arena = request->exchange->arena;
    struct stream_in *stream = arena_alloc(arena, sizeof(*stream));
    stream->request = request;
    enum status status = executor_plan(request, &stream->plan);
    if (status != STATUS_DONE)
        return status;
    const struct sig *sig = &request->sig;
    stream->must_match_hash =
        sig->scheme == SIG_V4_HEADER && sig->payload == SIG_PAYLOAD_HASH && sig->content_sha256.ptr;
    if (stream->must_match_hash)
        stream->plan.checksums |= 1U << CHECKSUM_SHA256;
    vec_init(&stream->trailers, arena, sizeof(struct http_header));
    if (is_coded(sig) && start_decoder(stream) != STATUS_DONE)
        return STATUS_FAILED;
    stream->sink = body_sink_new(arena, request->call.runtime->store, &stream->plan);
    request->stream = stream;
    return STATUS_DONE;
}

static enum status refuse(const struct stream_in *stream, int rc)
{
    struct call *call = &stream->request->call;
    switch (rc) {
    case -EFBIG:
        return call_fail(call, stream->plan.too_large, STR_FMT,
                         STR_ARG(stream->plan.too_large_message));
    case -EINVAL:
    case -EMSGSIZE:
        return call_fail(call, &incomplete_body, "The request body terminated unexpectedly");
    case -ERANGE:
        return call_fail(call, &invalid_chunk_size,
                         "Only the last chunk is allowed to have a size less than 8192 bytes");
    case -EKEYREJECTED:
        return call_fail(call, &signature_mismatch,
                         "The request signature we calculated does not match the signature you "
                         "provided. Check your key and signing method.");
    default:
        return call_fail_internal(call, rc, "store a body");
    }
}

enum status stream_feed(struct request *request, struct str piece)
{
    struct stream_in *stream = request->stream;
    int rc = stream->chunked ? aws_chunked_feed(stream->chunked, piece)
                             : body_sink_write(stream->sink, piece);
    return rc < 0 ? refuse(stream, rc) : STATUS_DONE;
}

static enum status check_hash(struct stream_in *stream)
{
    struct request *request = stream->request;
    struct str hash = body_sink_checksum(stream->sink, CHECKSUM_SHA256);
    struct str computed =
        digest_hex(request->exchange->arena, (const unsigned char *)hash.ptr, hash.len);
    if (str_eq_nocase(computed, request->sig.content_sha256))
        return STATUS_DONE;
    return call_fail(
        &request->call, &content_hash_mismatch,
        "The provided 'x-amz-content-sha256' header does not match what was computed.");
}

enum status stream_end(struct request *request)
{
    struct stream_in *stream = request->stream;
    struct call *call = &request->call;
    int rc = stream->chunked ? aws_chunked_finish(stream->chunked) : 0;
    if (rc == -ENODATA)
        return call_fail(call, &malformed_trailer,
                         "The request contained trailing data that was not well-formed or did not "
                         "conform to our published schema.");
    if (rc < 0)
        return refuse(stream, rc);
    if (stream->must_match_hash && check_hash(stream) != STATUS_DONE)
        return STATUS_FAILED;
    rc = body_sink_finish(stream->sink, &call->body);
    if (rc < 0)
        return refuse(stream, rc);
    call->body->trailers = stream->trailers.items;
    call->body->trailer_count = stream->trailers.count;
    stream_free(request);
    return STATUS_DONE;
}

void stream_free(struct request *request)
{
    if (request->stream)
        body_sink_free(TAKE(request->stream->sink));
}
