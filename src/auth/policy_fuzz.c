/* policy_fuzz.c — any bytes as a policy document, compiled, questioned and evaluated.
 *
 * The first byte chooses the kind of document and who asks; 'w' instead feeds the rest, two lines,
 * to the wildcard matcher and compares with a slow, obvious one. Asserted: what was accepted can be
 * found again in the document, a stricter kind accepts no more than a laxer one, an explicit deny
 * is never lost when the same policy is used in another place.
 */
#include <string.h>

#include "auth/policy.h"
#include "base/arena.h"
#include "syntax/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    TEXT_MAX = 200, /* of the wildcard comparison, which is quadratic */
};

static const struct str one[] = {STR_INIT("ann")};
static const struct str two[] = {STR_INIT("a"), STR_INIT("b*")};
static const struct str number[] = {STR_INIT("10")};
static const struct str date[] = {STR_INIT("2020-01-01T00:00:00Z")};
static const struct str address[] = {STR_INIT("203.0.113.7")};
static const struct str arn[] = {STR_INIT("arn:aws:iam::111122223333:user/ann")};
static const struct policy_context_key context_keys[] = {
    {STR_INIT("aws:username"), one, 1},
    {STR_INIT("aws:TagKeys"), two, 2},
    {STR_INIT("k"), number, 1},
    {STR_INIT("aws:CurrentTime"), date, 1},
    {STR_INIT("aws:SourceIp"), address, 1},
    {STR_INIT("aws:PrincipalArn"), arn, 1},
};
static const struct policy_context context = {context_keys, ARRAY_LEN(context_keys)};

static const struct policy_principal principals[] = {
    {.account = STR_INIT("111122223333"),
     .arn = STR_INIT("arn:aws:iam::111122223333:user/ann"),
     .user_id = STR_INIT("AIDAANNANNANNANNANNAN")},
    {.account = STR_INIT("111122223333"),
     .arn = STR_INIT("arn:aws:sts::111122223333:assumed-role/r/s"),
     .role_arn = STR_INIT("arn:aws:iam::111122223333:role/r")},
    {.account = STR_INIT("111122223333"),
     .arn = STR_INIT("arn:aws:iam::111122223333:root"),
     .is_root = true},
    {.service = STR_INIT("sns.amazonaws.com")},
    {.account = {0}},
};

/* One row per pattern byte: which prefixes of the text match the pattern so far. */
static bool slow_match(struct str pattern, struct str text)
{
    bool row[TEXT_MAX + 1] = {true};
    for (size_t i = 0; i < pattern.len; i++) {
        bool next[TEXT_MAX + 1] = {false};
        char c = pattern.ptr[i];
        next[0] = row[0] && c == '*';
        for (size_t j = 0; j < text.len; j++) {
            if (c == '*')
                next[j + 1] = row[j + 1] || next[j];
            else
                next[j + 1] = row[j] && (c == '?' || c == text.ptr[j]);
        }
        memcpy(row, next, sizeof(row));
    }
    return row[text.len];
}

static void fuzz_wildcards(struct str input)
{
    struct str pattern = {0};
    struct str rest = input;
    CHECK(str_split_next(&rest, '\n', &pattern));
    struct str text = str_slice(str_or(rest, STR("")), 0, TEXT_MAX);
    CHECK(policy_wildcard_match(pattern, text, false) == slow_match(pattern, text));
    (void)policy_wildcard_match(pattern, text, true);
    (void)policy_arn_match(pattern, text);
}

static void question(struct arena *arena, const struct policy *policy)
{
    struct str *keys = NULL;
    struct policy_principal_entry *entries = NULL;
    size_t count = 0;
    policy_context_keys(arena, policy, &keys, &count);
    policy_principals(arena, policy, &entries, &count);
    (void)policy_is_public(policy);
    (void)policy_names_resources(policy);
    for (size_t i = 0; i < policy_statement_count(policy); i++) {
        struct json *statement = NULL;
        struct str text = policy_statement_text(policy, i);
        CHECK(json_parse(arena, text, 0, &statement, NULL) == 0);
        CHECK(str_eq(json_find_str(statement, "Sid"), policy_statement_sid(policy, i)));
    }
}

static void evaluate(struct arena *arena, const struct policy *policy,
                     const struct policy_principal *principal)
{
    const struct policy_request request = {
        .principal = *principal,
        .action = STR("s3:GetObject"),
        .resource = STR("arn:aws:s3:::bucket/ann/key"),
        .resource_account = STR("111122223333"),
        .context = &context,
    };
    const struct policy_set set = {.policies = &policy, .count = 1};
    const struct policy_inputs as_identity = {.identity = set};
    const struct policy_inputs as_resource = {.resource = set, .resource_policy_required = true};
    const struct policy_inputs as_all = {
        .identity = set,
        .boundary = set,
        .has_boundary = true,
        .session = set,
        .has_session = true,
    };
    struct policy_result first = policy_evaluate(arena, &request, &as_identity);
    struct policy_result all = policy_evaluate(arena, &request, &as_all);
    (void)policy_evaluate(arena, &request, &as_resource);
    CHECK((first.decision == POLICY_EXPLICIT_DENY) == (all.decision == POLICY_EXPLICIT_DENY));
    if (!principal->is_root)
        CHECK(first.decision == all.decision);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum policy_kind kinds[] = {POLICY_IDENTITY, POLICY_RESOURCE, POLICY_TRUST,
                                             POLICY_MANAGED};
    if (size == 0)
        return 0;
    struct str rest = str_of((const char *)data + 1, size - 1);
    if (data[0] == 'w') {
        fuzz_wildcards(rest);
        return 0;
    }
    struct arena *arena = arena_new();
    struct policy *policy = NULL;
    struct policy_error error = {.message = {0}};
    enum policy_kind kind = kinds[data[0] % ARRAY_LEN(kinds)];
    if (policy_parse(arena, rest, kind, &policy, &error) == 0) {
        question(arena, policy);
        for (size_t i = 0; i < ARRAY_LEN(principals); i++)
            evaluate(arena, policy, &principals[i]);
        if (kind == POLICY_MANAGED)
            CHECK(policy_parse(arena, rest, POLICY_IDENTITY, &policy, &error) == 0);
    } else {
        CHECK(error.message.len > 0);
    }
    arena_free(arena);
    return 0;
}
