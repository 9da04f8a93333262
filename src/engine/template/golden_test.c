/* golden_test.c — whole templates through every stage, against tests/golden/templates/x.expected.
 *
 * An .expected file has the order, the resolved properties of every active resource in that order,
 * the outputs with their export names, and the imports.
 */
#include "engine/template/support.h"

#include <stdio.h>

#include "base/buf.h"

enum { FILE_MAX_BYTES = 65536 };

static const char *read_file(struct arena *arena, const char *name, const char *extension)
{
    struct str path = str_format(arena, "tests/golden/templates/%s.%s", name, extension);
    FILE *file = fopen(path.ptr, "rb");
    if (!file)
        fail_msg("cannot open %s", path.ptr);
    char *text = arena_alloc(arena, FILE_MAX_BYTES + 1);
    size_t size = fread(text, 1, FILE_MAX_BYTES, file);
    fclose(file);
    assert_true(size > 0 && size < FILE_MAX_BYTES);
    return text;
}

static int golden_ssm(void *user, struct arena *arena, struct str name, struct str *out_value,
                      struct template_error *out_error)
{
    (void)user;
    (void)out_error;
    *out_value = str_concat(arena, STR("value-of-"), name);
    return 0;
}

static int golden_import(void *user, struct arena *arena, struct str name, struct str *out_value,
                         struct template_error *out_error)
{
    (void)user;
    (void)out_error;
    *out_value = str_concat(arena, STR("import-of-"), name);
    return 0;
}

static int golden_ref(void *user, struct arena *arena, struct str id, struct json **out_value,
                      struct template_error *out_error)
{
    (void)user;
    (void)out_error;
    *out_value = json_new_string(arena, str_concat(arena, STR("loadbalancer/"), id));
    return 0;
}

static int golden_attribute(void *user, struct arena *arena, struct str id, struct str attribute,
                            struct json **out_value, struct template_error *out_error)
{
    (void)user;
    (void)out_error;
    bool is_block = str_eq(attribute, STR("CidrBlock"));
    *out_value = json_new_string(arena, is_block ? STR("10.20.0.0/16")
                                                 : str_concat3(arena, id, STR("."), attribute));
    return 0;
}

static const struct template_resolver golden_resolver = {
    .ref = golden_ref,
    .attribute = golden_attribute,
};

static void write_resources(struct fixture *fixture, const struct template_binding *binding,
                            struct buf *out)
{
    for (size_t i = 0; i < binding->resource_count; i++) {
        const struct template_bound_resource *bound = &binding->resources[binding->order[i]];
        struct json *value = NULL;
        int rc = template_resolve(fixture->arena, binding, bound, TEMPLATE_PROPERTIES,
                                  &golden_resolver, &value, &fixture->error);
        if (rc < 0)
            fail_msg(STR_FMT, STR_ARG(fixture->error.message));
        buf_append_format(out, STR_FMT " [" STR_FMT "] ", STR_ARG(bound->resource->id),
                          STR_ARG(bound->deletion_policy));
        json_write(out, value, 0);
        buf_append_char(out, '\n');
    }
}

static void write_rest(struct fixture *fixture, const struct template_binding *binding,
                       struct buf *out)
{
    for (size_t i = 0; i < binding->output_count; i++) {
        const struct template_bound_output *output = &binding->outputs[i];
        struct str value = {0};
        int rc = template_resolve_output(fixture->arena, binding, output, &golden_resolver, &value,
                                         &fixture->error);
        if (rc < 0)
            fail_msg(STR_FMT, STR_ARG(fixture->error.message));
        buf_append_format(out, "output " STR_FMT " = " STR_FMT " as [" STR_FMT "]\n",
                          STR_ARG(output->output->name), STR_ARG(value),
                          STR_ARG(output->export_name));
    }
    for (size_t i = 0; i < binding->import_count; i++)
        buf_append_format(out, "import " STR_FMT "\n", STR_ARG(binding->imports[i]));
}

static void check_golden(struct fixture *fixture, const char *name, const char *extension)
{
    fixture->environment.ssm_parameter = golden_ssm;
    fixture->environment.import_value = golden_import;
    struct template_binding *binding =
        must_bind(fixture, read_file(fixture->arena, name, extension));
    struct buf out;
    buf_init(&out, fixture->arena, FILE_MAX_BYTES);
    write_resources(fixture, binding, &out);
    write_rest(fixture, binding, &out);
    assert_false(out.is_full);
    buf_append_char(&out, '\0');
    assert_string_equal(out.ptr, read_file(fixture->arena, name, "expected"));
}

static void a_container_service_resolves(void **state)
{
    check_golden(*state, "service", "yaml");
}

static void a_network_in_json_resolves(void **state)
{
    check_golden(*state, "network", "json");
}

static void a_pipeline_with_imports_resolves(void **state)
{
    check_golden(*state, "pipeline", "yaml");
}

static void loops_and_extensions_resolve(void **state)
{
    check_golden(*state, "loops", "yaml");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_container_service_resolves, setup, teardown),
        cmocka_unit_test_setup_teardown(a_network_in_json_resolves, setup, teardown),
        cmocka_unit_test_setup_teardown(a_pipeline_with_imports_resolves, setup, teardown),
        cmocka_unit_test_setup_teardown(loops_and_extensions_resolve, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
