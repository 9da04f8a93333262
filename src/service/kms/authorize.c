/* authorize.c — what an operation acts on, and everything that decides whether it may.
 *
 * The key's policy and the caller's own policies are judged together by the runtime: for KMS the
 * key policy must allow, alone or by trusting the account (trusts_only_policy). Grants add to the
 * key policy: when one fits, a statement that allows the caller this one action is put behind the
 * policy before it is judged, so an explicit Deny anywhere still wins.
 *
 * Condition keys are read off the input by the members' names in the model.
 *
 * Docs: KMS developer guide, "AWS KMS permissions", "Condition keys for AWS KMS", "Troubleshooting
 * AWS KMS permissions"; service authorization reference, "AWS Key Management Service".
 */
#include <errno.h>

#include "base/arena.h"
#include "base/vec.h"
#include "service/kms/kms.h"
#include "syntax/json.h"

enum subject_kind {
    SUBJECT_NONE,
    SUBJECT_KEY,        /* member KeyId */
    SUBJECT_TARGET,     /* member TargetKeyId: CreateAlias, UpdateAlias */
    SUBJECT_CIPHERTEXT, /* Decrypt */
    SUBJECT_REENCRYPT,
    SUBJECT_ALIAS,     /* DeleteAlias */
    SUBJECT_UNCHECKED, /* the handler asks itself */
};

/* AWS: "Cross-account use" of each operation in the API reference. */
static const struct subject {
    enum subject_kind kind;
    bool takes_alias;
    bool crosses_accounts;
} subjects[KMS_OP_COUNT] = {
    [KMS_OP_CANCEL_KEY_DELETION] = {SUBJECT_KEY, false, false},
    [KMS_OP_CREATE_ALIAS] = {SUBJECT_TARGET, false, false},
    [KMS_OP_CREATE_GRANT] = {SUBJECT_KEY, false, true},
    [KMS_OP_DECRYPT] = {SUBJECT_CIPHERTEXT, true, true},
    [KMS_OP_DELETE_ALIAS] = {SUBJECT_ALIAS, false, false},
    [KMS_OP_DELETE_IMPORTED_KEY_MATERIAL] = {SUBJECT_KEY, false, false},
    [KMS_OP_DERIVE_SHARED_SECRET] = {SUBJECT_KEY, true, true},
    [KMS_OP_DESCRIBE_KEY] = {SUBJECT_KEY, true, true},
    [KMS_OP_DISABLE_KEY] = {SUBJECT_KEY, false, false},
    [KMS_OP_DISABLE_KEY_ROTATION] = {SUBJECT_KEY, false, false},
    [KMS_OP_ENABLE_KEY] = {SUBJECT_KEY, false, false},
    [KMS_OP_ENABLE_KEY_ROTATION] = {SUBJECT_KEY, false, false},
    [KMS_OP_ENCRYPT] = {SUBJECT_KEY, true, true},
    [KMS_OP_GENERATE_DATA_KEY] = {SUBJECT_KEY, true, true},
    [KMS_OP_GENERATE_DATA_KEY_PAIR] = {SUBJECT_KEY, true, true},
    [KMS_OP_GENERATE_DATA_KEY_PAIR_WITHOUT_PLAINTEXT] = {SUBJECT_KEY, true, true},
    [KMS_OP_GENERATE_DATA_KEY_WITHOUT_PLAINTEXT] = {SUBJECT_KEY, true, true},
    [KMS_OP_GENERATE_MAC] = {SUBJECT_KEY, true, true},
    [KMS_OP_GET_KEY_POLICY] = {SUBJECT_KEY, false, false},
    [KMS_OP_GET_KEY_ROTATION_STATUS] = {SUBJECT_KEY, false, true},
    [KMS_OP_GET_PARAMETERS_FOR_IMPORT] = {SUBJECT_KEY, false, false},
    [KMS_OP_GET_PUBLIC_KEY] = {SUBJECT_KEY, true, true},
    [KMS_OP_IMPORT_KEY_MATERIAL] = {SUBJECT_KEY, false, false},
    [KMS_OP_LIST_GRANTS] = {SUBJECT_KEY, false, true},
    [KMS_OP_LIST_KEY_POLICIES] = {SUBJECT_KEY, false, false},
    [KMS_OP_LIST_KEY_ROTATIONS] = {SUBJECT_KEY, false, false},
    [KMS_OP_LIST_RESOURCE_TAGS] = {SUBJECT_KEY, false, false},
    [KMS_OP_PUT_KEY_POLICY] = {SUBJECT_KEY, false, false},
    [KMS_OP_RE_ENCRYPT] = {SUBJECT_REENCRYPT, true, true},
    [KMS_OP_REPLICATE_KEY] = {SUBJECT_KEY, false, false},
    [KMS_OP_RETIRE_GRANT] = {SUBJECT_UNCHECKED, false, true},
    [KMS_OP_REVOKE_GRANT] = {SUBJECT_KEY, false, true},
    [KMS_OP_ROTATE_KEY_ON_DEMAND] = {SUBJECT_KEY, false, false},
    [KMS_OP_SCHEDULE_KEY_DELETION] = {SUBJECT_KEY, false, false},
    [KMS_OP_SIGN] = {SUBJECT_KEY, true, true},
    [KMS_OP_TAG_RESOURCE] = {SUBJECT_KEY, false, false},
    [KMS_OP_UNTAG_RESOURCE] = {SUBJECT_KEY, false, false},
    [KMS_OP_UPDATE_ALIAS] = {SUBJECT_TARGET, false, false},
    [KMS_OP_UPDATE_KEY_DESCRIPTION] = {SUBJECT_KEY, false, false},
    [KMS_OP_UPDATE_PRIMARY_REGION] = {SUBJECT_KEY, false, false},
    [KMS_OP_VERIFY] = {SUBJECT_KEY, true, true},
    [KMS_OP_VERIFY_MAC] = {SUBJECT_KEY, true, true},
};

/* Members of inputs that are condition keys. */
static const struct {
    const char *member;
    struct str key;
} input_conditions[] = {
    {"EncryptionAlgorithm", STR_INIT("kms:EncryptionAlgorithm")},
    {"SigningAlgorithm", STR_INIT("kms:SigningAlgorithm")},
    {"MacAlgorithm", STR_INIT("kms:MacAlgorithm")},
    {"MessageType", STR_INIT("kms:MessageType")},
    {"KeyAgreementAlgorithm", STR_INIT("kms:KeyAgreementAlgorithm")},
    {"KeyPairSpec", STR_INIT("kms:DataKeyPairSpec")},
    {"WrappingAlgorithm", STR_INIT("kms:WrappingAlgorithm")},
    {"WrappingKeySpec", STR_INIT("kms:WrappingKeySpec")},
    {"ExpirationModel", STR_INIT("kms:ExpirationModel")},
    {"GranteePrincipal", STR_INIT("kms:GranteePrincipal")},
    {"RetiringPrincipal", STR_INIT("kms:RetiringPrincipal")},
    {"ReplicaRegion", STR_INIT("kms:ReplicaRegion")},
    {"PrimaryRegion", STR_INIT("kms:PrimaryRegion")},
    {"Operations", STR_INIT("kms:GrantOperations")},
    {"BypassPolicyLockoutSafetyCheck", STR_INIT("kms:BypassPolicyLockoutSafetyCheck")},
    {"PendingWindowInDays", STR_INIT("kms:ScheduleKeyDeletionPendingWindowInDays")},
    {"RotationPeriodInDays", STR_INIT("kms:RotationPeriodInDays")},
};

const void *kms_member(const struct call *call, const void *in, const char *name)
{
    const struct shape *shape = call->operation->in;
    for (size_t i = 0; i < shape->member_count; i++) {
        if (str_eq_cstr(shape->members[i].name, name))
            return (const char *)in + shape->members[i].offset;
    }
    return NULL;
}

static struct str text_member(const struct call *call, const void *in, const char *name)
{
    const struct str *text = kms_member(call, in, name);
    return text ? *text : (struct str){0};
}

static void add_values(struct vec *keys, struct str key, const struct str *values, size_t count)
{
    *(struct condition_value *)vec_push(keys) =
        (struct condition_value){.key = key, .values = values, .value_count = count};
}

static void add_value(struct vec *keys, struct str key, struct str value)
{
    struct str *values = arena_alloc(keys->arena, sizeof(*values));
    values[0] = value;
    add_values(keys, key, values, 1);
}

static const struct member *find_member(const struct shape *shape, const char *name)
{
    for (size_t i = 0; i < shape->member_count; i++) {
        if (str_eq_cstr(shape->members[i].name, name))
            return &shape->members[i];
    }
    return NULL;
}

static void add_input(struct call *call, const void *in, struct vec *keys)
{
    for (size_t i = 0; i < ARRAY_LEN(input_conditions); i++) {
        const struct member *member = find_member(call->operation->in, input_conditions[i].member);
        if (!member)
            continue;
        const void *slot = (const char *)in + member->offset;
        const struct str *text = slot;
        const struct opt_bool *flag = slot;
        const struct opt_i32 *number = slot;
        const struct kms_grant_operation_list *list = slot;
        if (member->shape->kind == KIND_STRING && text->ptr)
            add_value(keys, input_conditions[i].key, *text);
        if (member->shape->kind == KIND_BOOLEAN && flag->is_set)
            add_value(keys, input_conditions[i].key, flag->value ? STR("true") : STR("false"));
        if (member->shape->kind == KIND_INTEGER && number->is_set)
            add_value(keys, input_conditions[i].key, str_format(call->arena, "%d", number->value));
        if (member->shape->kind == KIND_LIST)
            add_values(keys, input_conditions[i].key, list->items, list->count);
    }
}

static void add_context(struct call *call, const struct kms_encryption_context_type *context,
                        struct vec *keys)
{
    if (!context || context->count == 0)
        return;
    struct str *names = arena_alloc_array(call->arena, context->count, sizeof(*names));
    for (size_t i = 0; i < context->count; i++) {
        names[i] = context->items[i].key;
        add_value(keys, str_concat(call->arena, STR("kms:EncryptionContext:"), names[i]),
                  context->items[i].value);
    }
    add_values(keys, STR("kms:EncryptionContextKeys"), names, context->count);
}

/* "s3.amazonaws.com" is "s3.us-east-1.amazonaws.com" to kms:ViaService. */
static struct str via_service(struct call *call)
{
    struct str suffix = STR(".amazonaws.com");
    if (!str_ends_with(call->via_service, suffix))
        return call->via_service;
    struct str name = str_slice(call->via_service, 0, call->via_service.len - suffix.len);
    return str_format(call->arena, STR_FMT "." STR_FMT STR_FMT, STR_ARG(name),
                      STR_ARG(call->scope.region), STR_ARG(suffix));
}

static void add_caller(struct call *call, struct vec *keys)
{
    add_value(keys, STR("kms:CallerAccount"), call->principal->account);
    if (call->via_service.len > 0)
        add_value(keys, STR("kms:ViaService"), via_service(call));
}

static int add_key(struct call *call, const struct kms_key *key, struct str alias, struct vec *keys)
{
    enum {
        MAX_ALIASES = 50, /* AWS: aliases per KMS key */
    };
    bool is_multi_region = key->primary_region.len > 0;
    add_value(keys, STR("kms:KeySpec"), key->spec->name);
    add_value(keys, STR("kms:KeyUsage"), key->usage);
    add_value(keys, STR("kms:KeyOrigin"), key->origin);
    add_value(keys, STR("kms:MultiRegion"), is_multi_region ? STR("true") : STR("false"));
    if (is_multi_region)
        add_value(keys, STR("kms:MultiRegionKeyType"),
                  str_eq(key->primary_region, key->scope.region) ? STR("PRIMARY") : STR("REPLICA"));
    if (alias.len > 0)
        add_value(keys, STR("kms:RequestAlias"), alias);
    struct kms_alias *aliases = arena_alloc_array(call->arena, MAX_ALIASES, sizeof(*aliases));
    int64_t count = kms_store_list_aliases(call->db, call->arena, key->scope, key->id, STR(""),
                                           MAX_ALIASES, aliases);
    if (count < 0)
        return (int)count;
    struct str *names = arena_alloc_array(call->arena, (size_t)count + 1, sizeof(*names));
    for (int64_t i = 0; i < count; i++)
        names[i] = aliases[i].name;
    if (count > 0)
        add_values(keys, STR("kms:ResourceAliases"), names, (size_t)count);
    struct json *tags = NULL;
    int rc = json_parse(call->arena, key->tags, 0, &tags, NULL);
    if (rc < 0)
        return rc;
    for (const struct json *tag = tags->first; tag; tag = tag->next)
        add_value(keys, str_concat(call->arena, STR("aws:ResourceTag/"), tag->key), tag->text);
    return 0;
}

static void add_request_tags(struct call *call, const void *in, struct vec *keys)
{
    const struct kms_tag_list *tags = kms_member(call, in, "Tags");
    const struct kms_tag_key_list *removed = kms_member(call, in, "TagKeys");
    if (removed)
        add_values(keys, STR("aws:TagKeys"), removed->items, removed->count);
    if (!tags || tags->count == 0)
        return;
    struct str *names = arena_alloc_array(call->arena, tags->count, sizeof(*names));
    for (size_t i = 0; i < tags->count; i++) {
        names[i] = tags->items[i].tag_key;
        add_value(keys, str_concat(call->arena, STR("aws:RequestTag/"), names[i]),
                  tags->items[i].tag_value);
    }
    add_values(keys, STR("aws:TagKeys"), names, tags->count);
}

static void add_grant(struct call *call, const void *in, struct vec *keys)
{
    if (call->operation != &kms_operations[KMS_OP_CREATE_GRANT])
        return;
    const struct kms_create_grant_in *grant = in;
    add_value(keys, STR("kms:GrantIsForAWSResource"),
              call->via_service.len > 0 ? STR("true") : STR("false"));
    if (grant->constraints)
        add_value(keys, STR("kms:GrantConstraintType"),
                  grant->constraints->encryption_context_equals.count > 0
                      ? STR("EncryptionContextEquals")
                      : STR("EncryptionContextSubset"));
}

/* The policy with one more statement: this caller may do this action. */
static int add_statement(struct call *call, struct str policy, struct str action,
                         struct str *out_policy)
{
    struct arena *arena = call->arena;
    struct json *document = NULL;
    int rc = json_parse(arena, policy, 0, &document, NULL);
    if (rc < 0)
        return rc;
    bool is_service = call->principal->kind == PRINCIPAL_SERVICE;
    struct json *who = json_new(arena, JSON_OBJECT);
    json_append_member(
        who, is_service ? STR("Service") : STR("AWS"),
        json_new_string(arena, is_service ? call->principal->name : call->principal->arn));
    struct json *statement = json_new(arena, JSON_OBJECT);
    json_append_member(statement, STR("Effect"), json_new_string(arena, STR("Allow")));
    json_append_member(statement, STR("Principal"), who);
    json_append_member(statement, STR("Action"), json_new_string(arena, action));
    json_append_member(statement, STR("Resource"), json_new_string(arena, STR("*")));
    struct json *have = json_find_cstr(document, "Statement");
    struct json *all = json_new(arena, JSON_ARRAY);
    if (json_is_object(have))
        json_append(all, json_copy(arena, have));
    for (const struct json *one = json_is_array(have) ? have->first : NULL; one; one = one->next)
        json_append(all, json_copy(arena, one));
    json_append(all, statement);
    json_set(document, STR("Statement"), all);
    *out_policy = json_to_str(arena, document);
    return 0;
}

static const struct kms_encryption_context_type *context_of(struct call *call, const void *in,
                                                            struct str action)
{
    const char *name = "EncryptionContext";
    if (str_eq_cstr(action, "kms:ReEncryptFrom"))
        name = "SourceEncryptionContext";
    else if (str_eq_cstr(action, "kms:ReEncryptTo"))
        name = "DestinationEncryptionContext";
    return in ? kms_member(call, in, name) : NULL;
}

enum status kms_describe_access(struct call *call, const void *in, const struct kms_key *key,
                                struct str alias, struct str action, struct authorization *out)
{
    struct vec keys;
    vec_init(&keys, call->arena, sizeof(struct condition_value));
    const struct kms_encryption_context_type *context = context_of(call, in, action);
    add_caller(call, &keys);
    if (in) {
        add_input(call, in, &keys);
        add_request_tags(call, in, &keys);
        add_grant(call, in, &keys);
    }
    add_context(call, context, &keys);
    int rc = add_key(call, key, alias, &keys);
    *out = (struct authorization){
        .action = action,
        .resource = key->arn,
        .resource_policy = key->policy,
        .resource_account = key->scope.account,
        .trusts_only_policy = true,
    };
    struct str operation = str_from(action, 4); /* behind "kms:" */
    if (rc == 0)
        rc = kms_grant_allows(call, key, operation, context);
    if (rc == 1)
        rc = add_statement(call, key->policy, action, &out->resource_policy);
    if (rc < 0)
        return call_fail_internal(call, rc, "kms: gather what decides about access");
    out->conditions = keys.items;
    out->condition_count = keys.count;
    return STATUS_DONE;
}

static struct str own_action(struct call *call)
{
    return str_concat(call->arena, STR("kms:"), call->operation->name);
}

/* A key that exists, for an operation that may not reach into other accounts. */
static enum status check_account(struct call *call, const struct kms_key *key, bool crosses)
{
    if (crosses || str_eq(key->scope.account, call->scope.account))
        return STATUS_DONE;
    return call_fail(
        call, &ERROR_ACCESS_DENIED,
        "User: " STR_FMT " is not authorized to perform: kms:" STR_FMT " on resource: " STR_FMT,
        STR_ARG(call->principal->arn), STR_ARG(call->operation->name), STR_ARG(key->arn));
}

/* The key that a ciphertext was made with, or that the request names. A symmetric blob names its
 * key itself; AWS: KeyId is then optional, and a different one fails with IncorrectKeyException. */
static enum status find_opener(struct call *call, struct str ciphertext, struct str key_id,
                               struct str algorithm, struct kms_subject *subject)
{
    bool is_symmetric = !algorithm.ptr || str_eq_cstr(algorithm, "SYMMETRIC_DEFAULT");
    if (key_id.ptr) {
        enum status status = kms_resolve(call, key_id, true, &subject->key, &subject->alias);
        if (status != STATUS_DONE || !is_symmetric)
            return status;
    } else if (!is_symmetric) {
        return call_fail(call, &ERROR_VALIDATION,
                         "KeyId is required to decrypt with an asymmetric KMS key.");
    }
    struct kms_blob blob = {0};
    if (kms_blob_read(call->arena, ciphertext, &blob) < 0)
        return call_fail(call, &KMS_INVALID_CIPHERTEXT_EXCEPTION, "%s", "");
    if (subject->key) {
        bool is_it = str_eq(subject->key->id, blob.key_id) &&
                     str_eq(subject->key->scope.account, blob.account);
        /* OBSERVED: the text still says CMK. */
        return is_it ? STATUS_DONE
                     : call_fail(call, &KMS_INCORRECT_KEY_EXCEPTION,
                                 "The key ID in the request does not identify a CMK that can "
                                 "perform this operation.");
    }
    const struct scope scope = {.account = blob.account, .region = call->scope.region};
    int rc = kms_store_find_key(call->db, call->arena, scope, blob.key_id, &subject->key);
    if (rc < 0)
        return call_fail_internal(call, rc, "kms: find a key");
    if (rc == 0)
        return call_fail(call, &ERROR_ACCESS_DENIED,
                         "The ciphertext refers to a customer master key that does not exist, "
                         "does not exist in this region, or you are not allowed to access.");
    subject->alias = STR("");
    return STATUS_DONE;
}

static enum status find_reencryption(struct call *call, const struct kms_re_encrypt_in *in,
                                     struct kms_subject *subject)
{
    enum status status = find_opener(call, in->ciphertext_blob, in->source_key_id,
                                     in->source_encryption_algorithm, subject);
    struct str alias = {0};
    if (status == STATUS_DONE)
        status = kms_resolve(call, in->destination_key_id, true, &subject->destination, &alias);
    return status;
}

static enum status find_alias(struct call *call, struct str name, struct kms_subject *subject)
{
    int rc = kms_store_find_alias(call->db, call->arena, call->scope, name, &subject->named_alias);
    if (rc < 0)
        return call_fail_internal(call, rc, "kms: find an alias");
    struct str arn = kms_arn(call->arena, call->scope, "", name);
    if (rc == 0)
        return call_fail(call, &KMS_NOT_FOUND_EXCEPTION, "Alias " STR_FMT " is not found.",
                         STR_ARG(arn));
    rc = kms_store_find_key(call->db, call->arena, call->scope, subject->named_alias->key_id,
                            &subject->key);
    if (rc <= 0)
        return call_fail_internal(call, rc < 0 ? rc : -ENOENT, "kms: find an alias's key");
    return STATUS_DONE;
}

static enum status describe_creation(struct call *call, const void *in, struct authorization *out)
{
    struct vec keys;
    vec_init(&keys, call->arena, sizeof(struct condition_value));
    add_caller(call, &keys);
    add_input(call, in, &keys);
    add_request_tags(call, in, &keys);
    if (call->operation == &kms_operations[KMS_OP_CREATE_KEY]) {
        const struct kms_create_key_in *wanted = in;
        struct str spec = str_or(wanted->key_spec, wanted->customer_master_key_spec);
        add_value(&keys, STR("kms:KeySpec"), str_or(spec, STR("SYMMETRIC_DEFAULT")));
        add_value(&keys, STR("kms:KeyUsage"), str_or(wanted->key_usage, STR("ENCRYPT_DECRYPT")));
        add_value(&keys, STR("kms:KeyOrigin"), str_or(wanted->origin, STR("AWS_KMS")));
        add_value(&keys, STR("kms:MultiRegion"),
                  opt_bool_or(wanted->multi_region, false) ? STR("true") : STR("false"));
    }
    out->conditions = keys.items;
    out->condition_count = keys.count;
    return STATUS_DONE;
}

enum status kms_authorize(struct call *call, const void *in, struct authorization *out)
{
    const struct subject *rule = &subjects[call->operation - kms_operations];
    struct kms_subject *subject = arena_alloc(call->arena, sizeof(*subject));
    call->subject = subject;
    struct str action = own_action(call);
    enum status status = STATUS_DONE;
    switch (rule->kind) {
    case SUBJECT_NONE:
        return describe_creation(call, in, out);
    case SUBJECT_UNCHECKED:
        out->action = STR("");
        return STATUS_DONE;
    case SUBJECT_KEY:
        status = kms_resolve(call, text_member(call, in, "KeyId"), rule->takes_alias, &subject->key,
                             &subject->alias);
        break;
    case SUBJECT_TARGET:
        status = kms_resolve(call, text_member(call, in, "TargetKeyId"), false, &subject->key,
                             &subject->alias);
        break;
    case SUBJECT_CIPHERTEXT:
        status = find_opener(call, text_member(call, in, "CiphertextBlob"),
                             text_member(call, in, "KeyId"),
                             text_member(call, in, "EncryptionAlgorithm"), subject);
        break;
    case SUBJECT_REENCRYPT:
        status = find_reencryption(call, in, subject);
        action = STR("kms:ReEncryptFrom");
        break;
    case SUBJECT_ALIAS:
        status = find_alias(call, text_member(call, in, "AliasName"), subject);
        break;
    }
    if (status == STATUS_DONE)
        status = check_account(call, subject->key, rule->crosses_accounts);
    if (status != STATUS_DONE)
        return status;
    return kms_describe_access(call, in, subject->key, subject->alias, action, out);
}
