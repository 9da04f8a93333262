/* policy_testing.h — what the tests of policies share: documents and contexts in a short form. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "auth/policy.h"
#include "base/arena.h"
#include "base/vec.h"

/* Documents in tests are written with ' for " and ^ for '. */
static inline struct str test_json(struct arena *arena, const char *text)
{
    struct str copy = str_copy(arena, str_from_cstr(text));
    char *bytes = str_to_cstr(arena, copy);
    for (size_t i = 0; i < copy.len; i++) {
        if (bytes[i] == '\'')
            bytes[i] = '"';
        else if (bytes[i] == '^')
            bytes[i] = '\'';
    }
    return str_of(bytes, copy.len);
}

static inline struct policy *test_policy(struct arena *arena, enum policy_kind kind,
                                         const char *text)
{
    struct policy *policy = NULL;
    struct policy_error error = {.message = {0}};
    int rc = policy_parse(arena, test_json(arena, text), kind, &policy, &error);
    if (rc < 0)
        fail_msg("%s: " STR_FMT, text, STR_ARG(error.message));
    return policy;
}

/* "aws:username=ann;aws:TagKeys=a|b;aws:Empty" : a key without '=' has no values. */
static inline struct policy_context *test_context(struct arena *arena, const char *text)
{
    struct vec keys;
    vec_init(&keys, arena, sizeof(struct policy_context_key));
    struct str rest = str_from_cstr(text);
    struct str pair;
    while (text[0] && str_split_next(&rest, ';', &pair)) {
        struct policy_context_key *key = vec_push(&keys);
        struct str values = pair;
        CHECK(str_split_next(&values, '=', &key->key));
        struct vec list;
        vec_init(&list, arena, sizeof(struct str));
        struct str value;
        while (str_split_next(&values, '|', &value))
            *(struct str *)vec_push(&list) = value;
        key->values = list.items;
        key->value_count = list.count;
    }
    struct policy_context *context = arena_alloc(arena, sizeof(*context));
    context->keys = keys.items;
    context->key_count = keys.count;
    return context;
}
