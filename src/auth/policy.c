/* policy.c — questions about a compiled policy that need no request.
 *
 * Parsing is in policy_parse.c, the decision in policy_evaluate.c; policy_private.h has the map.
 */
#include "auth/policy_private.h"

#include "base/arena.h"
#include "syntax/json.h"

size_t policy_statement_count(const struct policy *policy)
{
    return policy->count;
}

struct str policy_document(const struct policy *policy)
{
    return policy->document;
}

struct str policy_statement_sid(const struct policy *policy, size_t index)
{
    CHECK(index < policy->count);
    return policy->statements[index].sid;
}

/* The document is valid JSON, so the statement ends where its braces balance outside of strings. */
struct str policy_statement_text(const struct policy *policy, size_t index)
{
    CHECK(index < policy->count);
    struct str rest = str_from(policy->document, policy->statements[index].offset);
    size_t depth = 0;
    bool in_string = false;
    for (size_t at = 0; at < rest.len; at++) {
        char c = rest.ptr[at];
        if (in_string) {
            at += c == '\\';
            in_string = c != '"';
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            depth++;
        } else if ((c == '}' || c == ']') && --depth == 0) {
            return str_slice(rest, 0, at + 1);
        }
    }
    return rest;
}

bool policy_names_resources(const struct policy *policy)
{
    for (size_t i = 0; i < policy->count; i++) {
        if (policy->statements[i].resource_count == 0)
            return false;
    }
    return true;
}

/* AWS: the keys whose fixed values make a bucket policy non-public ("The meaning of public",
 * Amazon S3 user guide). */
static bool is_limiting_key(struct str key)
{
    static const char *const keys[] = {
        "aws:SourceIp",
        "aws:SourceArn",
        "aws:SourceVpc",
        "aws:SourceVpce",
        "aws:SourceOwner",
        "aws:SourceAccount",
        "aws:userid",
        "aws:PrincipalOrgID",
        "aws:PrincipalAccount",
        "aws:PrincipalArn",
        "s3:x-amz-server-side-encryption-aws-kms-key-id",
        "s3:DataAccessPointArn",
        "s3:DataAccessPointAccount",
    };
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        if (str_eq_nocase(key, str_from_cstr(keys[i])))
            return true;
    }
    return false;
}

static bool is_for_anyone(const struct statement *statement)
{
    if (!statement->is_allow)
        return false;
    if (statement->is_not_principal)
        return true;
    for (size_t i = 0; i < statement->principal_count; i++) {
        if (statement->principals[i].kind == POLICY_PRINCIPAL_ANYONE)
            return true;
    }
    return false;
}

bool policy_is_public(const struct policy *policy)
{
    for (size_t i = 0; i < policy->count; i++) {
        const struct statement *statement = &policy->statements[i];
        bool is_open = is_for_anyone(statement);
        for (size_t j = 0; j < statement->condition_count && is_open; j++)
            is_open = !is_limiting_key(statement->conditions[j].key) ||
                      !condition_pins_value(&statement->conditions[j]);
        if (is_open)
            return true;
    }
    return false;
}

static void add_key(struct vec *keys, struct str key)
{
    for (size_t i = 0; i < keys->count; i++) {
        if (str_eq_nocase(*(const struct str *)vec_at(keys, i), key))
            return;
    }
    *(struct str *)vec_push(keys) = key;
}

static void add_variables(struct vec *keys, const struct pattern *pattern)
{
    for (size_t i = 0; i < pattern->segment_count; i++) {
        if (pattern->segments[i].kind == SEGMENT_VARIABLE)
            add_key(keys, pattern->segments[i].text);
    }
}

static void add_condition_keys(struct vec *keys, const struct condition *condition)
{
    add_key(keys, condition->key);
    for (size_t i = 0; i < condition->value_count; i++) {
        const struct condition_value *value = &condition->values[i];
        add_variables(keys, value->arn ? &value->arn->whole : &value->string);
    }
}

void policy_context_keys(struct arena *arena, const struct policy *policy, struct str **out_keys,
                         size_t *out_count)
{
    struct vec keys;
    vec_init(&keys, arena, sizeof(struct str));
    for (size_t i = 0; i < policy->count; i++) {
        const struct statement *statement = &policy->statements[i];
        for (size_t j = 0; j < statement->resource_count; j++)
            add_variables(&keys, &statement->resources[j].whole);
        for (size_t j = 0; j < statement->condition_count; j++)
            add_condition_keys(&keys, &statement->conditions[j]);
    }
    *out_keys = keys.items;
    *out_count = keys.count;
}

void policy_principals(struct arena *arena, const struct policy *policy,
                       struct policy_principal_entry **out_entries, size_t *out_count)
{
    struct vec entries;
    vec_init(&entries, arena, sizeof(struct policy_principal_entry));
    for (size_t i = 0; i < policy->count; i++) {
        const struct statement *statement = &policy->statements[i];
        for (size_t j = 0; j < statement->principal_count; j++) {
            struct policy_principal_entry *entry = vec_push(&entries);
            entry->kind = statement->principals[j].kind;
            entry->text = statement->principals[j].text;
            entry->statement_index = i;
        }
    }
    *out_entries = entries.items;
    *out_count = entries.count;
}
