/* template_fuzz.c — any text: reading, expanding, building, binding and resolving neither crash nor
 * use memory without bound, and errors are filled in.
 */
#include <errno.h>

#include "base/arena.h"
#include "engine/template/template.h"
#include "syntax/json.h"

enum {
    MEMORY_FLOOR = 300 * 1024 * 1024, /* the budgets of functions and loops, with their nodes */
    MEMORY_PER_BYTE = 100000,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int fuzz_ref(void *user, struct arena *arena, struct str id, struct json **out_value,
                    struct template_error *out_error)
{
    (void)user;
    (void)out_error;
    if (id.len % 2 == 0)
        return 1;
    *out_value = json_new_string(arena, id);
    return 0;
}

static int fuzz_attribute(void *user, struct arena *arena, struct str id, struct str attribute,
                          struct json **out_value, struct template_error *out_error)
{
    if (attribute.len == 1)
        return template_fail(arena, out_error, "no attribute " STR_FMT, STR_ARG(attribute));
    *out_value = json_new(arena, JSON_ARRAY);
    json_append(*out_value, json_new_string(arena, attribute));
    return attribute.len == 2 ? fuzz_ref(user, arena, id, out_value, out_error) : 0;
}

static int fuzz_text(void *user, struct arena *arena, struct str name, struct str *out_value,
                     struct template_error *out_error)
{
    (void)user;
    (void)arena;
    (void)out_error;
    *out_value = str_or(name, STR(""));
    return 0;
}

static int fuzz_dynamic(void *user, struct arena *arena,
                        const struct template_dynamic_reference *reference, struct str *out_value,
                        struct template_error *out_error)
{
    return fuzz_text(user, arena, reference->body, out_value, out_error);
}

static int fuzz_transform(void *user, struct arena *arena,
                          const struct template_transform_call *call, struct json **out_fragment,
                          struct template_error *out_error)
{
    (void)user;
    if (str_eq(call->name, STR("AWS::Include")))
        return template_read_snippet(arena, STR("{\"A\": {\"Fn::GetAtt\": \"B.C\"}}"), out_fragment,
                                     out_error);
    *out_fragment = call->fragment;
    return 0;
}

/* Each value in an arena of its own, as the stack engine does: the budget is per value. */
static void resolve_all(const struct template_binding *binding)
{
    struct arena *arena = arena_new();
    const struct template_resolver resolver = {.ref = fuzz_ref, .attribute = fuzz_attribute};
    struct template_error error = {0};
    for (size_t i = 0; i < binding->resource_count; i++) {
        const struct template_bound_resource *resource = &binding->resources[binding->order[i]];
        for (int part = TEMPLATE_PROPERTIES; part <= TEMPLATE_UPDATE_POLICY; part++) {
            struct json *value = NULL;
            int rc = template_resolve(arena, binding, resource, (enum template_part)part, &resolver,
                                      &value, &error);
            CHECK(rc == 0 ? json_is_object(value) : error.message.len > 0);
            CHECK(arena_used(arena) <= MEMORY_FLOOR);
            arena_reset(arena);
        }
    }
    for (size_t i = 0; i < binding->output_count; i++) {
        struct str value = {0};
        int rc = template_resolve_output(arena, binding, &binding->outputs[i], &resolver, &value,
                                         &error);
        CHECK(rc == 0 ? str_is_set(value) : error.message.len > 0);
        arena_reset(arena);
    }
    arena_free(arena);
}

static int run(struct arena *arena, struct str text, struct template_error *error)
{
    const struct template_environment environment = {
        .ssm_parameter = fuzz_text,
        .import_value = fuzz_text,
        .dynamic_reference = fuzz_dynamic,
    };
    const struct template_values values = {.environment = &environment};
    const struct template_expander expander = {.transform = fuzz_transform};
    struct template_document *document = NULL;
    struct template_model *model = NULL;
    struct template_binding *binding = NULL;
    int rc = template_read(arena, text, &document, error);
    if (rc < 0)
        return rc;
    /* As ValidateTemplate does; what is wrong here may be right after expansion. */
    if (template_build(arena, document, NULL, &model, error) == 0) {
        struct template_summary summary;
        template_summarize(arena, model, &summary);
    }
    rc = template_expand(arena, document, &values, &expander, &document, error);
    if (rc == 0)
        rc = template_build(arena, document, NULL, &model, error);
    if (rc == 0)
        rc = template_bind(arena, model, &values, &binding, error);
    if (rc == 0)
        resolve_all(binding);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new();
    struct template_error error = {0};
    int rc = run(arena, str_of((const char *)data, size), &error);
    CHECK(rc == 0 || (rc == -EINVAL && error.message.len > 0));
    CHECK(arena_used(arena) <= (size_t)MEMORY_FLOOR + size * MEMORY_PER_BYTE);
    arena_free(arena);
    return 0;
}
