/* wire_cbor_fuzz.c — any body as input of rpcv2Cbor operations. */
#include "wire/protocol_fuzzing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new();
    const struct wire_request request = {
        .method = STR("POST"),
        .raw_path = STR("/"),
        .body = str_of((const char *)data, size),
    };
    fuzz_request(arena, PROTOCOL_RPC_V2_CBOR, fuzz_operation("Echo"), &request);
    fuzz_request(arena, PROTOCOL_RPC_V2_CBOR, fuzz_operation("Limit"), &request);
    arena_free(arena);
    return 0;
}
