/* chunked.c — the aws-chunked body coding: chunks with signatures, then trailers.
 *
 *   body     = *( chunk ) last-chunk *( trailer ) CRLF
 *   chunk    = hex-size [ ";chunk-signature=" 64hex ] CRLF data CRLF
 *   last     = "0" [ ";chunk-signature=" 64hex ] CRLF
 *   trailer  = name ":" value CRLF          the last may be x-amz-trailer-signature
 *
 * Each signature covers the one before it, the first the signature of the request itself, so chunks
 * cannot be dropped, repeated or reordered. One state per place in the grammar:
 *
 *   HEADER --read_header--> DATA --feed_data--> DATA_END --read_data_end--> HEADER
 *   HEADER --read_header(size 0)--> TRAILERS --read_trailer(blank line)--> DONE
 *   any --error--> FAILED
 *
 * Docs: "Transferring Payload in Multiple Chunks" and "Signature calculations for trailing headers"
 * (S3 API reference).
 */
#include "auth/chunked.h"

#include <errno.h>
#include <string.h>

#include "auth/sigv4_internal.h"
#include "base/arena.h"
#include "base/buf.h"

enum state {
    STATE_HEADER,
    STATE_DATA,
    STATE_DATA_END,
    STATE_TRAILERS,
    STATE_DONE,
    STATE_FAILED,
};

struct trailer {
    struct str name;
    struct str value;
};

struct aws_chunked {
    struct arena *arena;
    aws_chunked_data_fn *on_data;
    aws_chunked_trailer_fn *on_trailer;
    void *context;
    enum state state;
    int error;       /* in STATE_FAILED */
    struct buf line; /* the start of a line that came in pieces */

    bool is_signed;
    bool is_checked; /* the key is known */
    bool has_trailers;
    struct digest_hmac_key key;
    struct str scope_lines; /* "20130524T000000Z\n20130524/us-east-1/s3/aws4_request\n" */
    char previous[DIGEST_SHA256_HEX_SIZE];  /* signature that the next one covers */
    char announced[DIGEST_SHA256_HEX_SIZE]; /* of the chunk being read, by its header */
    struct digest digest;                   /* of that chunk's data */

    uint64_t left;           /* bytes of the chunk still to come */
    bool was_small;          /* a chunk below the minimum was read: it must be the last with data */
    int64_t expected_length; /* or -1 */
    int64_t length;          /* data announced so far */

    struct str trailer_names; /* x-amz-trailer, or absent */
    struct trailer trailers[AWS_CHUNKED_MAX_TRAILERS];
    size_t trailer_count;
    size_t trailer_bytes;
    struct str trailer_signature;
};

struct aws_chunked *aws_chunked_new(struct arena *arena, const struct aws_chunked_options *options,
                                    aws_chunked_data_fn *on_data,
                                    aws_chunked_trailer_fn *on_trailer, void *context)
{
    struct aws_chunked *decoder = arena_alloc(arena, sizeof(*decoder));
    decoder->arena = arena;
    decoder->on_data = on_data;
    decoder->on_trailer = on_trailer;
    decoder->context = context;
    decoder->expected_length = options->decoded_length;
    decoder->trailer_names = str_copy(arena, options->trailer_names);
    decoder->has_trailers = options->payload == SIG_PAYLOAD_STREAMING_TRAILER ||
                            options->payload == SIG_PAYLOAD_UNSIGNED_TRAILER;
    buf_init(&decoder->line, arena, AWS_CHUNKED_MAX_LINE);
    decoder->is_signed = options->payload == SIG_PAYLOAD_STREAMING ||
                         options->payload == SIG_PAYLOAD_STREAMING_TRAILER;
    decoder->is_checked = decoder->is_signed && str_is_set(options->secret_key);
    if (decoder->is_checked) {
        const struct sig *sig = options->sig;
        CHECK(sig);
        sig_signing_key(options->secret_key, sig, &decoder->key);
        decoder->scope_lines = str_format(arena, STR_FMT "\n" STR_FMT "\n", STR_ARG(sig->amz_date),
                                          STR_ARG(sig_scope(arena, sig)));
        /* sig_verify has compared it, so it has this size; else no chunk will match. */
        struct str seed = str_lower(arena, sig->signature);
        if (seed.len == sizeof(decoder->previous))
            memcpy(decoder->previous, seed.ptr, seed.len);
    }
    return decoder;
}

/* ---- signatures ---- */

/* Computes the next signature of the chain: over the algorithm, time, scope, the signature before
 * and `hash_lines`. */
static void next_signature(const struct aws_chunked *decoder, struct str algorithm_line,
                           struct str hash_lines, char out_hex[DIGEST_SHA256_HEX_SIZE])
{
    struct digest digest;
    digest_hmac_begin(&decoder->key, &digest);
    digest_update(&digest, algorithm_line);
    digest_update(&digest, decoder->scope_lines);
    digest_update(&digest, str_of(decoder->previous, sizeof(decoder->previous)));
    digest_update(&digest, STR("\n"));
    digest_update(&digest, hash_lines);
    unsigned char mac[DIGEST_SHA256_SIZE];
    digest_hmac_end(&decoder->key, &digest, mac);
    digest_write_hex(mac, sizeof(mac), out_hex);
}

/* AWS: "AWS4-HMAC-SHA256-PAYLOAD" \n date \n scope \n previous-signature \n SHA256("") \n
 * SHA256(chunk-data) */
static int check_chunk(struct aws_chunked *decoder)
{
    if (!decoder->is_checked)
        return 0;
    unsigned char hash[DIGEST_SHA256_SIZE];
    char hash_lines[2 * DIGEST_SHA256_HEX_SIZE + 1] = SIG_EMPTY_HASH "\n";
    digest_final(&decoder->digest, hash);
    digest_write_hex(hash, sizeof(hash), hash_lines + DIGEST_SHA256_HEX_SIZE + 1);
    char expected[DIGEST_SHA256_HEX_SIZE];
    next_signature(decoder, STR("AWS4-HMAC-SHA256-PAYLOAD\n"),
                   str_of(hash_lines, sizeof(hash_lines)), expected);
    if (!str_eq_secret(str_of(expected, sizeof(expected)),
                       str_of(decoder->announced, sizeof(decoder->announced))))
        return -EKEYREJECTED;
    memcpy(decoder->previous, expected, sizeof(expected));
    return 0;
}

/* AWS: "AWS4-HMAC-SHA256-TRAILER" \n date \n scope \n previous-signature \n
 * SHA256(trailing headers, each as name:value\n) */
static int check_trailers(struct aws_chunked *decoder)
{
    if (!decoder->is_checked)
        return 0;
    struct digest digest;
    digest_init(&digest, DIGEST_SHA256);
    for (size_t i = 0; i < decoder->trailer_count; i++) {
        digest_update(&digest, decoder->trailers[i].name);
        digest_update(&digest, STR(":"));
        digest_update(&digest, decoder->trailers[i].value);
        digest_update(&digest, STR("\n"));
    }
    unsigned char hash[DIGEST_SHA256_SIZE];
    char hash_hex[DIGEST_SHA256_HEX_SIZE];
    digest_final(&digest, hash);
    digest_write_hex(hash, sizeof(hash), hash_hex);
    char expected[DIGEST_SHA256_HEX_SIZE];
    next_signature(decoder, STR("AWS4-HMAC-SHA256-TRAILER\n"), str_of(hash_hex, sizeof(hash_hex)),
                   expected);
    struct str given = str_lower(decoder->arena, decoder->trailer_signature);
    return str_eq_secret(str_of(expected, sizeof(expected)), given) ? 0 : -EKEYREJECTED;
}

/* ---- chunk headers ---- */

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

static int parse_size(struct str text, uint64_t *out_size)
{
    if (text.len == 0)
        return -EINVAL;
    uint64_t size = 0;
    for (size_t i = 0; i < text.len; i++) {
        int digit = hex_digit(text.ptr[i]);
        if (digit < 0)
            return -EINVAL;
        size = size * 16 + (uint64_t)digit;
        if (size > AWS_CHUNKED_MAX_CHUNK)
            return -EMSGSIZE;
    }
    *out_size = size;
    return 0;
}

/* Finds ";chunk-signature=..." among the extensions; others are ignored, as RFC 9112 7.1.1 asks. */
static int parse_signature(struct aws_chunked *decoder, struct str extensions)
{
    const struct str start = STR("chunk-signature=");
    struct str rest = extensions;
    struct str piece;
    while (str_split_next(&rest, ';', &piece)) {
        struct str extension = str_trim(piece);
        if (!str_starts_with(extension, start))
            continue;
        struct str hex = str_from(extension, start.len);
        if (hex.len != sizeof(decoder->announced))
            return -EINVAL;
        for (size_t i = 0; i < hex.len; i++) {
            char c = hex.ptr[i];
            if (hex_digit(c) < 0)
                return -EINVAL;
            decoder->announced[i] = c >= 'A' && c <= 'F' ? (char)(c + ('a' - 'A')) : c;
        }
        return 0;
    }
    return decoder->is_signed ? -EINVAL : 0;
}

static int begin_chunk(struct aws_chunked *decoder, uint64_t size)
{
    /* AWS: "Only the last chunk is allowed to have a size less than 8192 bytes" (S3,
     * InvalidChunkSizeError). */
    if (decoder->was_small)
        return -ERANGE;
    decoder->was_small = size < AWS_CHUNKED_MIN_CHUNK;
    if (decoder->length > INT64_MAX - (int64_t)size)
        return -EMSGSIZE;
    decoder->length += (int64_t)size;
    if (decoder->expected_length >= 0 && decoder->length > decoder->expected_length)
        return -EMSGSIZE;
    decoder->left = size;
    decoder->state = STATE_DATA;
    return 0;
}

static int read_header(struct aws_chunked *decoder, struct str line)
{
    ptrdiff_t semicolon = str_index(line, ';');
    struct str size_text = semicolon < 0 ? line : str_slice(line, 0, (size_t)semicolon);
    struct str extensions = semicolon < 0 ? (struct str){0} : str_from(line, (size_t)semicolon + 1);
    uint64_t size = 0;
    int rc = parse_size(str_trim(size_text), &size);
    if (rc < 0)
        return rc;
    rc = parse_signature(decoder, extensions);
    if (rc < 0)
        return rc;
    if (decoder->is_signed)
        digest_init(&decoder->digest, DIGEST_SHA256);
    if (size > 0)
        return begin_chunk(decoder, size);
    decoder->state = STATE_TRAILERS;
    return decoder->is_signed ? check_chunk(decoder) : 0;
}

static int read_data_end(struct aws_chunked *decoder, struct str line)
{
    if (line.len != 0)
        return -EINVAL;
    decoder->state = STATE_HEADER;
    return decoder->is_signed ? check_chunk(decoder) : 0;
}

/* ---- trailers ---- */

static bool is_named(struct str names, struct str name)
{
    struct str rest = names;
    struct str piece;
    while (str_split_next(&rest, ',', &piece)) {
        if (str_eq_nocase(str_trim(piece), name))
            return true;
    }
    return false;
}

static int end_trailers(struct aws_chunked *decoder)
{
    if (decoder->is_signed && decoder->has_trailers) {
        if (!str_is_set(decoder->trailer_signature))
            return -EINVAL;
        int rc = check_trailers(decoder);
        if (rc < 0)
            return rc;
    }
    for (size_t i = 0; i < decoder->trailer_count; i++) {
        const struct trailer *trailer = &decoder->trailers[i];
        int rc = decoder->on_trailer
                     ? decoder->on_trailer(decoder->context, trailer->name, trailer->value)
                     : 0;
        if (rc < 0)
            return rc;
    }
    decoder->state = STATE_DONE;
    return 0;
}

/* A blank line ends the trailers. Some signers end a trailer with LF, as it is signed, and then
 * send CRLF: while the signature that must follow is missing, a blank line means nothing. */
static int read_trailer(struct aws_chunked *decoder, struct str line)
{
    if (line.len == 0) {
        bool is_early = decoder->is_signed && decoder->has_trailers && decoder->trailer_count > 0 &&
                        !str_is_set(decoder->trailer_signature);
        return is_early ? 0 : end_trailers(decoder);
    }
    ptrdiff_t colon = str_index(line, ':');
    if (!decoder->has_trailers || colon <= 0 || str_is_set(decoder->trailer_signature))
        return -EINVAL;
    decoder->trailer_bytes += line.len;
    if (decoder->trailer_bytes > AWS_CHUNKED_MAX_LINE)
        return -EMSGSIZE;
    struct str name = str_lower(decoder->arena, str_trim(str_slice(line, 0, (size_t)colon)));
    struct str value = str_copy(decoder->arena, str_trim(str_from(line, (size_t)colon + 1)));
    if (decoder->is_signed && str_eq(name, STR("x-amz-trailer-signature"))) {
        decoder->trailer_signature = value;
        return 0;
    }
    if (!is_named(decoder->trailer_names, name))
        return -EINVAL;
    if (decoder->trailer_count == AWS_CHUNKED_MAX_TRAILERS)
        return -EMSGSIZE;
    decoder->trailers[decoder->trailer_count++] = (struct trailer){.name = name, .value = value};
    return 0;
}

/* ---- the push interface ---- */

static int read_line(struct aws_chunked *decoder, struct str line)
{
    bool has_cr = str_ends_with(line, STR("\r"));
    /* LF alone ends trailers only: around data it would let one byte more or less pass unseen. */
    if (!has_cr && decoder->state != STATE_TRAILERS)
        return -EINVAL;
    struct str text = has_cr ? str_slice(line, 0, line.len - 1) : line;
    switch (decoder->state) {
    case STATE_HEADER:
        return read_header(decoder, text);
    case STATE_DATA_END:
        return read_data_end(decoder, text);
    case STATE_TRAILERS:
        return read_trailer(decoder, text);
    case STATE_DONE: /* blank lines behind the end, see read_trailer */
        return text.len == 0 ? 0 : -EINVAL;
    case STATE_DATA:
    case STATE_FAILED:
        break;
    }
    CHECK(false);
}

/* Hands on as much of the chunk as the piece holds. */
static int feed_data(struct aws_chunked *decoder, struct str *piece)
{
    size_t count = decoder->left < piece->len ? (size_t)decoder->left : piece->len;
    struct str data = str_slice(*piece, 0, count);
    *piece = str_from(*piece, count);
    decoder->left -= count;
    if (decoder->left == 0)
        decoder->state = STATE_DATA_END;
    if (decoder->is_signed)
        digest_update(&decoder->digest, data);
    return decoder->on_data(decoder->context, data);
}

/* Takes a line off the piece, or keeps what there is of it. */
static int feed_line(struct aws_chunked *decoder, struct str *piece)
{
    ptrdiff_t end = str_index(*piece, '\n');
    struct str part = end < 0 ? *piece : str_slice(*piece, 0, (size_t)end);
    *piece = end < 0 ? STR("") : str_from(*piece, (size_t)end + 1);
    if (end >= 0 && decoder->line.len == 0)
        return part.len > AWS_CHUNKED_MAX_LINE ? -EMSGSIZE : read_line(decoder, part);
    buf_append(&decoder->line, part);
    if (decoder->line.is_full)
        return -EMSGSIZE;
    if (end < 0)
        return 0;
    int rc = read_line(decoder, buf_str(&decoder->line));
    buf_clear(&decoder->line);
    return rc;
}

int aws_chunked_feed(struct aws_chunked *decoder, struct str piece)
{
    if (decoder->state == STATE_FAILED)
        return decoder->error;
    while (piece.len > 0) {
        int rc =
            decoder->state == STATE_DATA ? feed_data(decoder, &piece) : feed_line(decoder, &piece);
        if (rc < 0) {
            decoder->state = STATE_FAILED;
            decoder->error = rc;
            return rc;
        }
    }
    return 0;
}

static bool has_trailer(const struct aws_chunked *decoder, struct str name)
{
    for (size_t i = 0; i < decoder->trailer_count; i++) {
        if (str_eq_nocase(decoder->trailers[i].name, name))
            return true;
    }
    return false;
}

int aws_chunked_finish(struct aws_chunked *decoder)
{
    if (decoder->state == STATE_FAILED)
        return decoder->error;
    if (decoder->state != STATE_DONE || str_trim(buf_str(&decoder->line)).len > 0)
        return -EINVAL;
    if (decoder->expected_length >= 0 && decoder->length != decoder->expected_length)
        return -EINVAL;
    struct str rest = decoder->has_trailers ? decoder->trailer_names : (struct str){0};
    struct str piece;
    while (str_split_next(&rest, ',', &piece)) {
        struct str name = str_trim(piece);
        if (name.len > 0 && !has_trailer(decoder, name))
            return -ENODATA;
    }
    return 0;
}
