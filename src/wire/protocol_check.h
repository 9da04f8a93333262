/* protocol_check.h — what the tests of the wire engines share: one exchange in a fresh arena.
 * Only test programs include it.
 */
#pragma once

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "syntax/json.h"
#include "wire/protocol.h"
#include "wire/protocol_fixture.h"

/* One request and its answer. */
struct exchange {
    struct arena *arena;
    enum protocol protocol;
    struct http_header headers[8];
    struct wire_request request;
    struct wire_problem problem;
    struct wire_response response;
};

static UNUSED void exchange_open(struct exchange *x, enum protocol protocol)
{
    *x = (struct exchange){.arena = arena_new(), .protocol = protocol};
    x->request = (struct wire_request){
        .method = STR("POST"), .raw_path = STR("/"), .headers = x->headers, .body = STR("")};
}

static UNUSED void exchange_close(struct exchange *x)
{
    arena_free(x->arena);
}

static UNUSED void exchange_header(struct exchange *x, const char *name, const char *value)
{
    assert_true(x->request.header_count < ARRAY_LEN(x->headers));
    x->headers[x->request.header_count++] =
        (struct http_header){.name = str_from_cstr(name), .value = str_from_cstr(value)};
}

static UNUSED const struct operation *operation_named(const char *name)
{
    const struct operation *operation = service_find_operation(&fix_service, str_from_cstr(name));
    assert_non_null(operation);
    return operation;
}

/* Decodes the body as input of the operation; fails the test when it is refused. */
static UNUSED void *exchange_decode(struct exchange *x, const char *operation, const char *body)
{
    const struct operation *found = operation_named(operation);
    void *in = arena_alloc(x->arena, found->in->size);
    x->request.body = str_from_cstr(body);
    int rc = wire_decode(x->protocol, x->arena, &fix_service, found, &x->request, in, &x->problem);
    if (rc < 0)
        fail_msg("refused: " STR_FMT, STR_ARG(x->problem.message));
    return in;
}

/* Decodes a body that must be refused with that message (NULL: none). */
static UNUSED void exchange_refuses(struct exchange *x, const char *operation, const char *body,
                                    const char *message)
{
    const struct operation *found = operation_named(operation);
    void *in = arena_alloc(x->arena, found->in->size);
    x->request.body = str_from_cstr(body);
    int rc = wire_decode(x->protocol, x->arena, &fix_service, found, &x->request, in, &x->problem);
    assert_int_equal(rc, -EINVAL);
    assert_non_null(x->problem.error);
    assert_string_equal(str_to_cstr(x->arena, x->problem.message), message ? message : "");
}

/* Encodes an answer and gives its body. */
static UNUSED const char *exchange_encode(struct exchange *x, const char *operation,
                                          const void *out)
{
    wire_response_init(&x->response, x->arena);
    wire_encode(x->protocol, &fix_service, operation_named(operation), out, STR("req-1"),
                &x->response);
    return str_to_cstr(x->arena, buf_str(&x->response.body));
}

static UNUSED const char *exchange_error(struct exchange *x, const struct call_error *error,
                                         bool is_query_mode)
{
    wire_response_init(&x->response, x->arena);
    wire_encode_error(x->protocol, &fix_service, error, is_query_mode, STR("req-1"), &x->response);
    return str_to_cstr(x->arena, buf_str(&x->response.body));
}

/* A header of the answer, or NULL. */
static UNUSED const char *answer_header(struct exchange *x, const char *name)
{
    for (size_t i = 0; i < x->response.header_count; i++)
        if (str_eq_nocase(x->response.headers[i].name, str_from_cstr(name)))
            return str_to_cstr(x->arena, x->response.headers[i].value);
    return NULL;
}

static UNUSED void assert_str(struct str actual, const char *expected)
{
    if (!expected) {
        assert_false(str_is_set(actual));
        return;
    }
    if (!str_eq_cstr(actual, expected))
        fail_msg("\"" STR_FMT "\" is not \"%s\"", STR_ARG(actual), expected);
}
