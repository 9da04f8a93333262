/* resolve.c — which secret a request means, and what is judged before the handler runs.
 *
 * A secret is named by its name, its ARN, or its ARN without the six random characters. An ARN that
 * ends in a hyphen and six characters is taken for a complete one, whatever the secret's name.
 *
 * Docs: API reference (SecretId); Secrets Manager user guide, "Secrets Manager secret ARN format",
 * "Permissions for cross-account access"; service authorization reference, "AWS Secrets Manager".
 */
#include "base/arena.h"
#include "base/vec.h"
#include "service/secretsmanager/secretsmanager.h"
#include "syntax/json.h"

struct subject {
    struct secret secret;
    bool is_found;
};

struct str secrets_arn(struct arena *arena, struct scope scope, struct str name, struct str suffix)
{
    struct str prefix = str_concat3(arena, STR("arn:aws:secretsmanager:"), scope.region, STR(":"));
    struct str middle = str_concat3(arena, scope.account, STR(":secret:"), name);
    return str_concat3(arena, prefix, middle, str_concat(arena, STR("-"), suffix));
}

enum status secrets_missing(struct call *call)
{
    /* OBSERVED (2022-09-28, recorded by public test suites). */
    return call_fail(call, &SECRETSMANAGER_RESOURCE_NOT_FOUND_EXCEPTION,
                     "Secrets Manager can't find the specified secret.");
}

/* arn:aws:secretsmanager:REGION:ACCOUNT:secret:REST */
static bool split_arn(struct str arn, struct scope *out_scope, struct str *out_rest)
{
    struct str rest = arn;
    struct str parts[6] = {{0}};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (!str_split_next(&rest, ':', &parts[i]))
            return false;
    }
    if (!str_eq_cstr(parts[2], "secretsmanager") || !str_eq_cstr(parts[5], "secret") || !rest.ptr)
        return false;
    *out_scope = (struct scope){.account = parts[4], .region = parts[3]};
    *out_rest = rest;
    return true;
}

static bool ends_in_suffix(struct str text)
{
    if (text.len <= SECRETS_SUFFIX_LEN + 1 || text.ptr[text.len - SECRETS_SUFFIX_LEN - 1] != '-')
        return false;
    for (size_t i = text.len - SECRETS_SUFFIX_LEN; i < text.len; i++) {
        char c = text.ptr[i];
        if ((c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z'))
            return false;
    }
    return true;
}

int secrets_find(struct call *call, struct str id, struct secret *out_secret)
{
    struct scope scope = {0};
    struct str name = {0};
    if (!str_starts_with(id, STR("arn:")))
        return secrets_store_find(call->db, call->arena, call->scope, id, out_secret);
    if (!split_arn(id, &scope, &name) || !str_eq(scope.region, call->scope.region))
        return 0;
    if (!ends_in_suffix(name))
        return secrets_store_find(call->db, call->arena, scope, name, out_secret);
    size_t stem = name.len - SECRETS_SUFFIX_LEN - 1;
    struct secret found = {0};
    int rc = secrets_store_find(call->db, call->arena, scope, str_slice(name, 0, stem), &found);
    if (rc != 1 || !str_eq(found.suffix, str_from(name, stem + 1)))
        return rc < 0 ? rc : 0;
    *out_secret = found;
    return 1;
}

/* --- what handlers get --- */

enum status secrets_subject(struct call *call, struct secret *out_secret)
{
    const struct subject *subject = call->subject;
    CHECK(subject != NULL);
    if (!subject->is_found)
        return secrets_missing(call);
    *out_secret = subject->secret;
    return STATUS_DONE;
}

enum status secrets_usable_subject(struct call *call, struct secret *out_secret)
{
    enum status status = secrets_subject(call, out_secret);
    if (status != STATUS_DONE)
        return status;
    /* OBSERVED (2023-01-31, recorded by public test suites with boto3). */
    if (out_secret->deleted_at_ms > 0)
        return call_fail(call, &SECRETSMANAGER_INVALID_REQUEST_EXCEPTION,
                         "You can't perform this operation on the secret because it was marked for "
                         "deletion.");
    return STATUS_DONE;
}

enum status secrets_primary_subject(struct call *call, struct secret *out_secret)
{
    enum status status = secrets_usable_subject(call, out_secret);
    if (status != STATUS_DONE)
        return status;
    /* OBSERVED (2023-01-31, recorded by public test suites with boto3). */
    if (secrets_is_replica(out_secret))
        return call_fail(call, &SECRETSMANAGER_INVALID_PARAMETER_EXCEPTION,
                         "Operation not permitted on a replica secret. Call must be made in "
                         "primary secret's region.");
    return STATUS_DONE;
}

/* --- the hook --- */

static void add_values(struct vec *keys, struct str key, const struct str *values, size_t count)
{
    *(struct condition_value *)vec_push(keys) =
        (struct condition_value){.key = key, .values = values, .value_count = count};
}

static void add_value(struct call *call, struct vec *keys, struct str key, struct str value)
{
    struct str *values = arena_alloc(call->arena, sizeof(*values));
    values[0] = value;
    add_values(keys, key, values, 1);
}

/* Members of inputs that are condition keys. */
static const struct {
    const char *member;
    struct str key;
} input_conditions[] = {
    {"SecretId", STR_INIT("secretsmanager:SecretId")},
    {"Name", STR_INIT("secretsmanager:Name")},
    {"Description", STR_INIT("secretsmanager:Description")},
    {"KmsKeyId", STR_INIT("secretsmanager:KmsKeyId")},
    {"VersionId", STR_INIT("secretsmanager:VersionId")},
    {"VersionStage", STR_INIT("secretsmanager:VersionStage")},
    {"RotationLambdaARN", STR_INIT("secretsmanager:RotationLambdaARN")},
    {"RecoveryWindowInDays", STR_INIT("secretsmanager:RecoveryWindowInDays")},
    {"ForceDeleteWithoutRecovery", STR_INIT("secretsmanager:ForceDeleteWithoutRecovery")},
    {"BlockPublicPolicy", STR_INIT("secretsmanager:BlockPublicPolicy")},
    {"ForceOverwriteReplicaSecret", STR_INIT("secretsmanager:ForceOverwriteReplicaSecret")},
};

static const void *find_input(const struct call *call, const void *in, const char *name,
                              const struct shape **out_shape)
{
    const struct shape *shape = call->operation->in;
    for (size_t i = 0; i < shape->member_count; i++) {
        if (str_eq_cstr(shape->members[i].name, name)) {
            *out_shape = shape->members[i].shape;
            return (const char *)in + shape->members[i].offset;
        }
    }
    return NULL;
}

static void add_input(struct call *call, const void *in, size_t index, struct vec *keys)
{
    const struct shape *shape = NULL;
    const void *member = find_input(call, in, input_conditions[index].member, &shape);
    struct str value = {0};
    if (!member)
        return;
    if (shape->kind == KIND_STRING)
        value = *(const struct str *)member;
    if (shape->kind == KIND_BOOLEAN && ((const struct opt_bool *)member)->is_set)
        value = ((const struct opt_bool *)member)->value ? STR("true") : STR("false");
    if (shape->kind == KIND_LONG && ((const struct opt_i64 *)member)->is_set)
        value = str_format(call->arena, "%lld", (long long)((const struct opt_i64 *)member)->value);
    if (str_is_set(value))
        add_value(call, keys, input_conditions[index].key, value);
}

/* AWS: aws:RequestTag/..., aws:TagKeys. */
static void add_request_tags(struct call *call, const void *in, struct vec *keys)
{
    const struct shape *shape = NULL;
    const struct secretsmanager_tag_list_type *tags = find_input(call, in, "Tags", &shape);
    const struct secretsmanager_tag_key_list_type *tag_keys =
        find_input(call, in, "TagKeys", &shape);
    if (tag_keys && tag_keys->count > 0)
        add_values(keys, STR("aws:TagKeys"), tag_keys->items, tag_keys->count);
    if (!tags || tags->count == 0)
        return;
    struct str *names = arena_alloc_array(call->arena, tags->count, sizeof(*names));
    for (size_t i = 0; i < tags->count; i++) {
        names[i] = tags->items[i].key;
        add_value(call, keys, str_concat(call->arena, STR("aws:RequestTag/"), names[i]),
                  tags->items[i].value);
    }
    add_values(keys, STR("aws:TagKeys"), names, tags->count);
}

static void add_secret(struct call *call, const struct secret *secret, struct vec *keys)
{
    struct json *tags = NULL;
    if (secret->primary_region.len > 0)
        add_value(call, keys, STR("secretsmanager:SecretPrimaryRegion"), secret->primary_region);
    if (json_parse(call->arena, secret->tags, 0, &tags, NULL) < 0)
        return;
    for (const struct json *tag = tags->first; tag; tag = tag->next) {
        add_value(call, keys, str_concat(call->arena, STR("aws:ResourceTag/"), tag->key),
                  tag->text);
        add_value(call, keys, str_concat(call->arena, STR("secretsmanager:ResourceTag/"), tag->key),
                  tag->text);
    }
}

/* Which operations have no secret: CreateSecret names one to be; ValidateResourcePolicy may. */
static enum status find_subject(struct call *call, const void *in, struct subject *subject,
                                struct authorization *out)
{
    const struct shape *shape = NULL;
    const struct str *id = find_input(call, in, "SecretId", &shape);
    const struct str *name = find_input(call, in, "Name", &shape);
    if (name && !id)
        out->resource = secrets_arn(call->arena, call->scope, *name, STR("??????"));
    if (!id || id->len == 0)
        return STATUS_DONE;
    int found = secrets_find(call, *id, &subject->secret);
    if (found < 0)
        return call_fail_internal(call, found, "secretsmanager: find a secret");
    subject->is_found = found == 1;
    out->resource = str_starts_with(*id, STR("arn:"))
                        ? *id
                        : secrets_arn(call->arena, call->scope, *id, STR("??????"));
    if (!subject->is_found)
        return STATUS_DONE;
    out->resource = subject->secret.arn;
    out->resource_account = subject->secret.scope.account;
    out->resource_policy =
        subject->secret.policy.len > 0 ? subject->secret.policy : (struct str){0};
    return STATUS_DONE;
}

enum status secrets_authorize(struct call *call, const void *in, struct authorization *out)
{
    struct subject *subject = arena_alloc(call->arena, sizeof(*subject));
    call->subject = subject;
    enum status status = find_subject(call, in, subject, out);
    if (status != STATUS_DONE)
        return status;
    struct vec keys;
    vec_init(&keys, call->arena, sizeof(struct condition_value));
    for (size_t i = 0; i < ARRAY_LEN(input_conditions); i++)
        add_input(call, in, i, &keys);
    add_request_tags(call, in, &keys);
    if (subject->is_found)
        add_secret(call, &subject->secret, &keys);
    out->conditions = keys.items;
    out->condition_count = keys.count;
    return STATUS_DONE;
}
