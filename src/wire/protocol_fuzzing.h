/* protocol_fuzzing.h — what the fuzzers of the wire engines share: whatever a request decodes to
 * must also be checked, written and described without a fault. Only fuzzers include it.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "wire/protocol.h"
#include "wire/protocol_fixture.h"

/* Decodes the request and sends the result through everything that walks shapes. */
static UNUSED void fuzz_request(struct arena *arena, enum protocol protocol,
                                const struct operation *operation,
                                const struct wire_request *request)
{
    void *in = arena_alloc(arena, operation->in->size);
    struct wire_problem problem = {0};
    struct wire_response response;
    struct str message = {0};
    wire_response_init(&response, arena);
    if (wire_decode(protocol, arena, &fix_service, operation, request, in, &problem) < 0) {
        CHECK(problem.error);
        const struct call_error error = {.error = problem.error, .message = problem.message};
        wire_encode_error(protocol, &fix_service, &error, true, STR("id"), &response);
        return;
    }
    int rc = wire_validate(arena, operation->in, in, &message);
    CHECK(rc == 0 || str_is_set(message));
    if (operation->in == operation->out)
        wire_encode(protocol, &fix_service, operation, in, STR("id"), &response);
    buf_clear(&response.body);
    wire_to_json(&response.body, operation->in, in);
}

static UNUSED const struct operation *fuzz_operation(const char *name)
{
    const struct operation *operation = service_find_operation(&fix_service, str_from_cstr(name));
    CHECK(operation);
    return operation;
}
