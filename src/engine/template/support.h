/* support.h — what the unit tests of engine/template share: one call per stage, a fake outside.
 *
 * Only tests include this.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "engine/template/template.h"
#include "syntax/json.h"

struct fixture {
    struct arena *arena;
    struct template_error error;
    struct template_environment environment;
    struct template_values values;
};

static inline int setup(void **state)
{
    struct arena *arena = arena_new();
    struct fixture *fixture = arena_alloc(arena, sizeof(*fixture));
    fixture->arena = arena;
    fixture->values.environment = &fixture->environment;
    fixture->values.pseudo = (struct template_pseudo){
        .account_id = STR("123456789012"),
        .partition = STR("aws"),
        .region = STR("eu-west-1"),
        .stack_id = STR("arn:aws:cloudformation:eu-west-1:123456789012:stack/s/1"),
        .stack_name = STR("s"),
        .url_suffix = STR("amazonaws.com"),
    };
    *state = fixture;
    return 0;
}

static inline int teardown(void **state)
{
    struct fixture *fixture = *state;
    arena_free(fixture->arena);
    return 0;
}

/* Runs the stages up to binding. Returns the first failure. */
static inline int run_bind(struct fixture *fixture, const char *text,
                           struct template_binding **out_binding)
{
    struct template_document *document = NULL;
    struct template_document *expanded = NULL;
    struct template_model *model = NULL;
    fixture->error = (struct template_error){0};
    int rc = template_read(fixture->arena, str_from_cstr(text), &document, &fixture->error);
    if (rc == 0)
        rc = template_expand(fixture->arena, document, &fixture->values, NULL, &expanded,
                             &fixture->error);
    if (rc == 0)
        rc = template_build(fixture->arena, expanded, NULL, &model, &fixture->error);
    if (rc == 0)
        rc = template_bind(fixture->arena, model, &fixture->values, out_binding, &fixture->error);
    return rc;
}

/* The error of all stages up to binding; "" when there is none. */
static inline const char *bind_error(struct fixture *fixture, const char *text)
{
    struct template_binding *binding = NULL;
    int rc = run_bind(fixture, text, &binding);
    assert_true(rc == 0 || rc == -EINVAL);
    return rc == 0 ? "" : str_to_cstr(fixture->arena, fixture->error.message);
}

static inline struct template_binding *must_bind(struct fixture *fixture, const char *text)
{
    struct template_binding *binding = NULL;
    int rc = run_bind(fixture, text, &binding);
    if (rc < 0)
        fail_msg("%s", str_to_cstr(fixture->arena, fixture->error.message));
    return binding;
}

/* The fake resources: Ref gives "<id>-ref", an attribute "<id>-<attribute>"; List gives a list and
 * Unknown is not known yet; Missing does not exist. */
static inline int fake_ref(void *user, struct arena *arena, struct str id, struct json **out_value,
                           struct template_error *out_error)
{
    (void)user;
    (void)out_error;
    if (str_eq(id, STR("Unknown")))
        return 1;
    *out_value = json_new_string(arena, str_concat(arena, id, STR("-ref")));
    return 0;
}

static inline int fake_attribute(void *user, struct arena *arena, struct str id,
                                 struct str attribute, struct json **out_value,
                                 struct template_error *out_error)
{
    (void)user;
    if (str_eq(attribute, STR("Missing")))
        return template_fail(arena, out_error,
                             "Requested attribute Missing does not exist in schema");
    if (str_eq(id, STR("Unknown")))
        return 1;
    if (str_eq(attribute, STR("List"))) {
        *out_value = json_new(arena, JSON_ARRAY);
        json_append(*out_value, json_new_string(arena, STR("one")));
        json_append(*out_value, json_new_string(arena, STR("two")));
        return 0;
    }
    *out_value = json_new_string(arena, str_concat3(arena, id, STR("-"), attribute));
    return 0;
}

static const struct template_resolver fake_resolver = {
    .ref = fake_ref,
    .attribute = fake_attribute,
};

/* The properties of a resource as JSON text, or the error. */
static inline const char *resolved(struct fixture *fixture, const struct template_binding *binding,
                                   const char *id)
{
    const struct template_bound_resource *bound = template_find_bound(binding, str_from_cstr(id));
    assert_non_null(bound);
    struct json *value = NULL;
    fixture->error = (struct template_error){0};
    int rc = template_resolve(fixture->arena, binding, bound, TEMPLATE_PROPERTIES, &fake_resolver,
                              &value, &fixture->error);
    struct str text = rc == 0 ? json_to_str(fixture->arena, value) : fixture->error.message;
    assert_true(rc == 0 || rc == -EINVAL);
    return str_to_cstr(fixture->arena, text);
}
