/* json_call.c — from properties to an operation's struct and back, by the shapes of the model. */
#include "engine/cfn/json_call.h"

#include "base/arena.h"
#include "syntax/json.h"
#include "wire/protocol.h"

enum {
    MAX_OUTPUT = 4 * 1024 * 1024, /* descriptions, not lists */
};

enum resource_result resource_call_json(struct resource_call *rc,
                                        const struct service_model *service,
                                        const struct operation *operation, const struct json *input,
                                        struct json **out_output, struct str *out_code)
{
    struct arena *arena = rc->call->arena;
    struct str message = {0};
    void *in = arena_alloc(arena, operation->in_size);
    void *out = arena_alloc(arena, operation->out_size);
    if (wire_from_json(arena, operation->in, input, in, &message) < 0 ||
        wire_validate(arena, operation->in, in, &message) < 0)
        return resource_fail(rc, "Model validation failed: " STR_FMT,
                             STR_ARG(str_or(message, STR("a property has the wrong type"))));
    enum resource_result result = resource_invoke(rc, service, operation, in, out, out_code);
    if (result != RESOURCE_DONE || !out_output)
        return result;
    struct buf text;
    buf_init(&text, arena, MAX_OUTPUT);
    wire_to_json(&text, operation->out, out);
    if (text.is_full || json_parse(arena, buf_str(&text), 0, out_output, NULL) < 0)
        return resource_fail(rc, "The answer of " STR_FMT " cannot be read",
                             STR_ARG(operation->name));
    return RESOURCE_DONE;
}
