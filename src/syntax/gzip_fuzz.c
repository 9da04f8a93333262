/* gzip_fuzz.c — any bytes as a gzip file and as bytes to compress: decompressing undoes. */
#include "base/arena.h"
#include "syntax/gzip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum {
        MAX_BYTES = 1 << 20,
    };
    AUTO(arena) struct arena *arena = arena_new();
    struct str bytes = str_of((const char *)data, size);
    struct str out = {0};
    int rc = gzip_decompress(arena, bytes, MAX_BYTES, &out);
    CHECK(rc <= 0);
    CHECK(rc < 0 || out.len <= MAX_BYTES);
    if (size > MAX_BYTES)
        return 0;
    rc = gzip_decompress(arena, gzip_compress(arena, bytes), MAX_BYTES, &out);
    CHECK(rc == 0 && str_eq(out, bytes));
    return 0;
}
