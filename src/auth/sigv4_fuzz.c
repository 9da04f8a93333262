/* sigv4_fuzz.c — arbitrary requests through the reader, the checker and the signer.
 *
 * Input: a line of options ("3": bit 0 S3 style, bit 1 a virtual bucket), a line "METHOD target",
 * then header lines. Asserts that texts and hashes agree and that what we sign we accept.
 */
#include <stdint.h>
#include <string.h>

#include "auth/sigv4.h"
#include "auth/sigv4_internal.h"
#include "base/arena.h"
#include "net/http.h"

enum {
    MAX_INPUT = 8192,
    MAX_HEADERS = 32,
};

struct input {
    struct sig_request request;
    struct http_header headers[MAX_HEADERS];
};

static void read_input(struct input *input, struct str text)
{
    struct str rest = text;
    struct str line = STR("");
    str_split_next(&rest, '\n', &line);
    unsigned options = line.len > 0 ? (unsigned char)line.ptr[0] : 0;
    input->request.is_s3_style = options & 1;
    if (options & 2)
        input->request.virtual_bucket = STR("bucket");
    if (!str_split_next(&rest, '\n', &line))
        line = STR("GET /");
    ptrdiff_t space = str_index(line, ' ');
    input->request.method = space < 0 ? line : str_slice(line, 0, (size_t)space);
    struct str target = space < 0 ? STR("/") : str_from(line, (size_t)space + 1);
    ptrdiff_t mark = str_index(target, '?');
    input->request.raw_path = mark < 0 ? target : str_slice(target, 0, (size_t)mark);
    input->request.raw_query = mark < 0 ? (struct str){0} : str_from(target, (size_t)mark + 1);
    input->request.headers = input->headers;
    while (input->request.header_count < MAX_HEADERS && str_split_next(&rest, '\n', &line)) {
        ptrdiff_t colon = str_index(line, ':');
        if (colon <= 0)
            continue;
        input->headers[input->request.header_count++] = (struct http_header){
            .name = str_slice(line, 0, (size_t)colon),
            .value = str_trim(str_from(line, (size_t)colon + 1)),
        };
    }
}

/* The hash that is signed is the hash of the text that is shown. */
static void check_texts(struct arena *arena, const struct sig_request *request,
                        const struct sig *sig)
{
    struct str canonical = sig_canonical_request(arena, request, sig, (struct str){0});
    CHECK(canonical.len < SIG_MAX_CANONICAL_BYTES);
    if (sig->scheme == SIG_V2_QUERY)
        return;
    char hash[DIGEST_SHA256_HEX_SIZE];
    sig_canonical_hash(arena, request, sig, sig_payload_line(request, sig, (struct str){0}),
                       SIG_TOKEN_SIGNED, hash);
    CHECK(str_eq(digest_sha256_hex(arena, canonical), str_of(hash, sizeof(hash))));
    CHECK(str_eq(sig_string_to_sign(arena, sig, canonical), sig_text_over_hash(arena, sig, hash)));
}

/* Presigns the request with no headers but Host; its query must not name a signature already. */
static void check_presign(struct arena *arena, const struct sig_request *request)
{
    static const struct http_header host = {.name = STR_INIT("Host"), .value = STR_INIT("h")};
    struct sig_request own = *request;
    own.headers = &host;
    own.header_count = 1;
    struct sig sig;
    struct str detail;
    if (sig_parse(arena, &own, &sig, &detail) != SIG_OK || sig.scheme != SIG_NONE ||
        str_is_set(sig.content_sha256))
        return;
    const struct str secret = STR("secret");
    own.raw_query = sig_presign(arena, &own, STR("AKID"), secret, STR("token"), STR("r"), STR("s"),
                                1440938160000, 60);
    enum sig_result result = sig_parse(arena, &own, &sig, &detail);
    if (result == SIG_INCOMPLETE || result == SIG_PAYLOAD_MISMATCH)
        return; /* the query was one parameter short of the limit, or named one of ours itself */
    const struct sig_check check = {.secret_key = secret, .now_ms = 1440938160000};
    if (str_eq(sig.session_token, STR("token")) && sig.expires_s == 60 &&
        !str_is_set(sig.content_sha256) && sig.signed_at_ms == check.now_ms &&
        str_eq(sig.signed_headers, STR("host")))
        CHECK(sig_verify(arena, &own, &sig, &check, &detail) == SIG_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > MAX_INPUT)
        return 0;
    struct arena *arena = arena_new();
    struct input *input = arena_alloc(arena, sizeof(*input));
    read_input(input, str_of((const char *)data, size));
    struct sig sig;
    struct str detail = STR("");
    if (sig_parse(arena, &input->request, &sig, &detail) != SIG_OK) {
        CHECK(detail.len > 0);
    } else if (sig.scheme != SIG_NONE) {
        const struct sig_check check = {
            .secret_key = STR("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
            .now_ms = sig.signed_at_ms,
        };
        enum sig_result result = sig_verify(arena, &input->request, &sig, &check, &detail);
        CHECK(result == SIG_OK || detail.len > 0);
        check_texts(arena, &input->request, &sig);
    }
    check_presign(arena, &input->request);
    arena_free(arena);
    return 0;
}
