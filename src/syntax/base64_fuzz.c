/* base64_fuzz.c — any bytes as a coded text and as bytes to code: decoding undoes coding, and a
 * text that is accepted is the only one for its bytes. */
#include "base/arena.h"
#include "syntax/base64.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct str text = str_of((const char *)data, size);
    struct str bytes = {0};
    if (base64_decode(arena, text, &bytes) == 0)
        CHECK(str_eq(base64_encode_str(arena, bytes), text));
    if (base64url_decode(arena, text, &bytes) == 0)
        CHECK(str_starts_with(text, base64url_encode_str(arena, bytes)));
    if (hex_decode(arena, text, &bytes) == 0)
        CHECK(str_eq_nocase(hex_encode(arena, bytes), text));
    CHECK(base64_decode(arena, base64_encode_str(arena, text), &bytes) == 0);
    CHECK(str_eq(bytes, text));
    CHECK(base64url_decode(arena, base64url_encode_str(arena, text), &bytes) == 0);
    CHECK(str_eq(bytes, text));
    CHECK(hex_decode(arena, hex_encode(arena, text), &bytes) == 0);
    CHECK(str_eq(bytes, text));
    return 0;
}
