/* wire_query_fuzz.c — any form as input of awsQuery and ec2Query operations. */
#include "wire/protocol_fuzzing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new();
    struct str name;
    const struct wire_request request = {
        .method = STR("POST"),
        .raw_path = STR("/"),
        .body = str_of((const char *)data, size),
    };
    wire_detect_protocol(&fix_service, &request);
    wire_find_operation(&fix_service, PROTOCOL_AWS_QUERY, &request, arena, &name);
    fuzz_request(arena, PROTOCOL_AWS_QUERY, fuzz_operation("Echo"), &request);
    fuzz_request(arena, PROTOCOL_AWS_QUERY, fuzz_operation("Limit"), &request);
    fuzz_request(arena, PROTOCOL_EC2_QUERY, fuzz_operation("Echo"), &request);
    arena_free(arena);
    return 0;
}
