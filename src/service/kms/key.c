/* key.c — KMS keys: create, describe, list, enable, disable, describe anew, schedule for deletion.
 *
 * Docs: KMS API reference, CreateKey, KeyMetadata, ScheduleKeyDeletion, CancelKeyDeletion;
 * developer guide, "AWS managed keys".
 */
#include "base/arena.h"
#include "base/rand.h"
#include "service/kms/kms.h"

enum {
    LIST_DEFAULT_KEYS = 100, /* AWS: ListKeys Limit */
    LIST_MAX_KEYS = 1000,
    PENDING_DEFAULT_DAYS = 30, /* AWS: 7 to 30, default 30 */
    PENDING_MIN_DAYS = 7,
    PENDING_MAX_DAYS = 30,
    MANAGED_ROTATION_DAYS = 365, /* AWS: "AWS managed keys are rotated every year" */
    MAX_REGIONS = 100,
};

/* AWS services with a key of their own: "AWS managed keys ... have aliases in the format
 * aws/service-name". `name` is how ViaService spells the service. */
static const struct {
    struct str alias;
    const char *name;
    const char *title;
} managed[] = {
    {STR_INIT("alias/aws/acm"), "acm", "ACM"},
    {STR_INIT("alias/aws/backup"), "backup", "Backup"},
    {STR_INIT("alias/aws/cloud9"), "cloud9", "Cloud9"},
    {STR_INIT("alias/aws/codecommit"), "codecommit", "CodeCommit"},
    {STR_INIT("alias/aws/dms"), "dms", "DMS"},
    {STR_INIT("alias/aws/dynamodb"), "dynamodb", "DynamoDB"},
    {STR_INIT("alias/aws/ebs"), "ec2", "EBS"},
    {STR_INIT("alias/aws/ecr"), "ecr", "ECR"},
    {STR_INIT("alias/aws/elasticfilesystem"), "elasticfilesystem", "EFS"},
    {STR_INIT("alias/aws/es"), "es", "OpenSearch"},
    {STR_INIT("alias/aws/fsx"), "fsx", "FSx"},
    {STR_INIT("alias/aws/glue"), "glue", "Glue"},
    {STR_INIT("alias/aws/kafka"), "kafka", "MSK"},
    {STR_INIT("alias/aws/kinesis"), "kinesis", "Kinesis"},
    {STR_INIT("alias/aws/lambda"), "lambda", "Lambda"},
    {STR_INIT("alias/aws/rds"), "rds", "RDS"},
    {STR_INIT("alias/aws/redshift"), "redshift", "Redshift"},
    {STR_INIT("alias/aws/s3"), "s3", "S3"},
    {STR_INIT("alias/aws/secretsmanager"), "secretsmanager", "Secrets Manager"},
    {STR_INIT("alias/aws/ses"), "ses", "SES"},
    {STR_INIT("alias/aws/sns"), "sns", "SNS"},
    {STR_INIT("alias/aws/sqs"), "sqs", "SQS"},
    {STR_INIT("alias/aws/ssm"), "ssm", "SSM"},
    {STR_INIT("alias/aws/xray"), "xray", "X-Ray"},
};

/* --- metadata --- */

static struct str *copy_names(struct call *call, struct kms_algorithms algorithms)
{
    struct str *names = arena_alloc_array(call->arena, algorithms.count + 1, sizeof(*names));
    for (size_t i = 0; i < algorithms.count; i++)
        names[i] = algorithms.items[i];
    return names;
}

static void add_algorithms(struct call *call, const struct kms_key *key,
                           struct kms_key_metadata *out)
{
    struct kms_algorithms list = {0};
    if (str_eq_cstr(key->usage, "ENCRYPT_DECRYPT")) {
        list = kms_encryption_algorithms(key->spec);
        out->encryption_algorithms.items = copy_names(call, list);
        out->encryption_algorithms.count = list.count;
    } else if (str_eq_cstr(key->usage, "SIGN_VERIFY")) {
        list = kms_signing_algorithms(key->spec);
        out->signing_algorithms.items = copy_names(call, list);
        out->signing_algorithms.count = list.count;
    } else if (str_eq_cstr(key->usage, "GENERATE_VERIFY_MAC")) {
        list = kms_mac_algorithms(key->spec);
        out->mac_algorithms.items = copy_names(call, list);
        out->mac_algorithms.count = list.count;
    } else {
        static const struct str ecdh[] = {STR_INIT("ECDH")};
        out->key_agreement_algorithms.items =
            copy_names(call, (struct kms_algorithms){ecdh, ARRAY_LEN(ecdh)});
        out->key_agreement_algorithms.count = ARRAY_LEN(ecdh);
    }
}

static enum status add_regions(struct call *call, const struct kms_key *key,
                               struct kms_key_metadata *out)
{
    out->multi_region = opt_bool(key->primary_region.len > 0);
    if (key->primary_region.len == 0)
        return STATUS_DONE;
    struct str regions[MAX_REGIONS];
    int64_t count = kms_store_list_regions(call->db, call->arena, key->scope.account, key->id,
                                           MAX_REGIONS, regions);
    if (count < 0)
        return call_fail_internal(call, (int)count, "kms: regions of a key");
    struct kms_multi_region_configuration *config = arena_alloc(call->arena, sizeof(*config));
    bool is_primary = str_eq(key->primary_region, key->scope.region);
    config->multi_region_key_type = is_primary ? STR("PRIMARY") : STR("REPLICA");
    config->primary_key = arena_alloc(call->arena, sizeof(*config->primary_key));
    config->replica_keys.items =
        arena_alloc_array(call->arena, (size_t)count + 1, sizeof(*config->replica_keys.items));
    config->replica_keys.is_set = true;
    config->primary_key->region = key->primary_region;
    config->primary_key->arn = kms_arn(
        call->arena, (struct scope){key->scope.account, key->primary_region}, "key", key->id);
    for (int64_t i = 0; i < count; i++) {
        if (str_eq(regions[i], key->primary_region))
            continue;
        const struct scope scope = {key->scope.account, regions[i]};
        config->replica_keys.items[config->replica_keys.count++] = (struct kms_multi_region_key){
            .arn = kms_arn(call->arena, scope, "key", key->id), .region = regions[i]};
    }
    out->multi_region_configuration = config;
    return STATUS_DONE;
}

static enum status add_material(struct call *call, const struct kms_key *key,
                                struct kms_key_metadata *out)
{
    if (key->spec->family == KMS_SYMMETRIC && key->material_id.len > 0)
        out->current_key_material_id = key->material_id;
    if (!str_eq_cstr(key->origin, "EXTERNAL") || str_eq(key->state, KMS_STATE_PENDING_IMPORT))
        return STATUS_DONE;
    struct kms_material material = {0};
    int rc = kms_store_find_material(call->db, call->arena, key, key->material_id, &material);
    if (rc < 0)
        return call_fail_internal(call, rc, "kms: find key material");
    bool expires = material.valid_to_ms > 0;
    out->expiration_model =
        expires ? STR("KEY_MATERIAL_EXPIRES") : STR("KEY_MATERIAL_DOES_NOT_EXPIRE");
    if (expires)
        out->valid_to = opt_i64(material.valid_to_ms);
    return STATUS_DONE;
}

enum status kms_metadata(struct call *call, const struct kms_key *key,
                         struct kms_key_metadata **out_metadata)
{
    struct kms_key_metadata *out = arena_alloc(call->arena, sizeof(*out));
    *out = (struct kms_key_metadata){
        .aws_account_id = key->scope.account,
        .key_id = key->id,
        .arn = key->arn,
        .creation_date = opt_i64(key->created_at_ms),
        .enabled = opt_bool(str_eq(key->state, KMS_STATE_ENABLED)),
        .description = key->description,
        .key_usage = key->usage,
        .key_state = key->state,
        .origin = key->origin,
        .key_manager = key->manager,
        .customer_master_key_spec = key->spec->name,
        .key_spec = key->spec->name,
    };
    if (str_eq(key->state, KMS_STATE_PENDING_DELETION))
        out->deletion_date = opt_i64(key->deletion_at_ms);
    if (str_eq(key->state, KMS_STATE_PENDING_REPLICA_DELETION))
        out->pending_deletion_window_in_days = opt_i32((int32_t)key->pending_days);
    add_algorithms(call, key, out);
    enum status status = add_regions(call, key, out);
    if (status == STATUS_DONE)
        status = add_material(call, key, out);
    *out_metadata = out;
    return status;
}

/* --- creating --- */

static struct str new_key_id(struct arena *arena, bool is_multi_region)
{
    struct str uuid = rand_uuid(arena);
    if (!is_multi_region)
        return uuid;
    return str_concat(arena, STR("mrk-"), str_replace(arena, uuid, STR("-"), STR("")));
}

static enum status check_origin(struct call *call, const struct kms_create_key_in *in)
{
    bool is_store =
        str_eq_cstr(in->origin, "AWS_CLOUDHSM") || str_eq_cstr(in->origin, "EXTERNAL_KEY_STORE");
    if (is_store || in->custom_key_store_id.ptr || in->xks_key_id.ptr)
        return call_fail(call, &KMS_UNSUPPORTED_OPERATION_EXCEPTION,
                         "Custom key stores are not supported.");
    return STATUS_DONE;
}

/* AWS: KeyUsage "is optional when you are creating a symmetric encryption KMS key"; KeySpec "The
 * default value, SYMMETRIC_DEFAULT". */
static enum status read_kind(struct call *call, const struct kms_create_key_in *in,
                             struct kms_key *key)
{
    if (in->key_spec.ptr && in->customer_master_key_spec.ptr &&
        !str_eq(in->key_spec, in->customer_master_key_spec))
        return call_fail(call, &ERROR_VALIDATION,
                         "You cannot specify KeySpec and CustomerMasterKeySpec in the same "
                         "request. CustomerMasterKeySpec is deprecated.");
    struct str spec = str_or(in->key_spec, in->customer_master_key_spec);
    spec = str_or(spec, STR("SYMMETRIC_DEFAULT"));
    key->spec = kms_find_spec(spec);
    if (!key->spec)
        return call_fail(call, &KMS_UNSUPPORTED_OPERATION_EXCEPTION,
                         "KeySpec " STR_FMT " is not supported in this region.", STR_ARG(spec));
    bool is_optional = key->spec->family == KMS_SYMMETRIC;
    if (!in->key_usage.ptr && !is_optional)
        return call_fail(call, &ERROR_VALIDATION,
                         "You must specify a KeyUsage value for all KMS keys except for symmetric "
                         "encryption keys.");
    key->usage = str_or(in->key_usage, STR("ENCRYPT_DECRYPT"));
    if (!kms_spec_has_usage(key->spec, key->usage))
        return call_fail(call, &ERROR_VALIDATION,
                         "KeyUsage " STR_FMT " is not compatible with KeySpec " STR_FMT,
                         STR_ARG(key->usage), STR_ARG(spec));
    return STATUS_DONE;
}

static enum status fill_key(struct call *call, const struct kms_create_key_in *in,
                            struct kms_key *key)
{
    bool is_multi_region = opt_bool_or(in->multi_region, false);
    *key = (struct kms_key){
        .scope = call->scope,
        .id = new_key_id(call->arena, is_multi_region),
        .created_at_ms = call->now_ms,
        .description = str_or(in->description, STR("")),
        .origin = str_or(in->origin, STR("AWS_KMS")),
        .state = KMS_STATE_ENABLED,
        .manager = STR("CUSTOMER"),
        .primary_region = is_multi_region ? call->scope.region : STR(""),
        .material_id = STR(""),
    };
    key->arn = kms_arn(call->arena, key->scope, "key", key->id);
    enum status status = check_origin(call, in);
    if (status == STATUS_DONE)
        status = read_kind(call, in, key);
    if (status == STATUS_DONE)
        status = kms_gather_tags(call, &in->tags, NULL, &key->tags);
    if (status == STATUS_DONE)
        status = kms_check_policy(call, key, in->policy,
                                  opt_bool_or(in->bypass_policy_lockout_safety_check, false),
                                  &key->policy);
    return status;
}

static enum status insert_key(struct call *call, struct kms_key *key, struct str secret)
{
    enum status status = STATUS_DONE;
    if (secret.ptr)
        status = kms_add_material(call, key, secret, STR(""));
    if (status != STATUS_DONE)
        return status;
    int rc = kms_store_insert_key(call->db, key);
    return rc < 0 ? call_fail_internal(call, rc, "kms: insert a key") : STATUS_DONE;
}

enum status kms_create_key(struct call *call, const struct kms_create_key_in *in,
                           struct kms_create_key_out *out)
{
    struct kms_key key = {0};
    struct str secret = {0};
    enum status status = fill_key(call, in, &key);
    if (status != STATUS_DONE)
        return status;
    if (str_eq_cstr(key.origin, "EXTERNAL"))
        key.state = KMS_STATE_PENDING_IMPORT;
    else
        status = kms_take_secret(call, key.spec, &secret);
    if (status == STATUS_DONE)
        status = insert_key(call, &key, secret);
    return status == STATUS_DONE ? kms_metadata(call, &key, &out->key_metadata) : status;
}

/* --- keys of AWS --- */

/* OBSERVED: the policy of alias/aws/... keys, as GetKeyPolicy shows it in any account. */
static struct str managed_policy(struct call *call, const char *name, const char *title)
{
    struct str account = call->scope.account;
    return str_format(
        call->arena,
        "{\n"
        "  \"Version\" : \"2012-10-17\",\n"
        "  \"Id\" : \"auto-%s-2\",\n"
        "  \"Statement\" : [ {\n"
        "    \"Sid\" : \"Allow access through %s for all principals in the account that are "
        "authorized to use %s\",\n"
        "    \"Effect\" : \"Allow\",\n"
        "    \"Principal\" : {\n"
        "      \"AWS\" : \"*\"\n"
        "    },\n"
        "    \"Action\" : [ \"kms:Encrypt\", \"kms:Decrypt\", \"kms:ReEncrypt*\", "
        "\"kms:GenerateDataKey*\", \"kms:CreateGrant\", \"kms:DescribeKey\" ],\n"
        "    \"Resource\" : \"*\",\n"
        "    \"Condition\" : {\n"
        "      \"StringEquals\" : {\n"
        "        \"kms:ViaService\" : \"%s." STR_FMT ".amazonaws.com\",\n"
        "        \"kms:CallerAccount\" : \"" STR_FMT "\"\n"
        "      }\n"
        "    }\n"
        "  }, {\n"
        "    \"Sid\" : \"Allow direct access to key metadata to the account\",\n"
        "    \"Effect\" : \"Allow\",\n"
        "    \"Principal\" : {\n"
        "      \"AWS\" : \"arn:aws:iam::" STR_FMT ":root\"\n"
        "    },\n"
        "    \"Action\" : [ \"kms:Describe*\", \"kms:Get*\", \"kms:List*\", "
        "\"kms:RevokeGrant\" ],\n"
        "    \"Resource\" : \"*\"\n"
        "  } ]\n"
        "}",
        name, title, title, name, STR_ARG(call->scope.region), STR_ARG(account), STR_ARG(account));
}

enum status kms_managed_key(struct call *call, struct str alias, struct kms_key **out_key)
{
    size_t i = 0;
    while (i < ARRAY_LEN(managed) && !str_eq(managed[i].alias, alias))
        i++;
    *out_key = NULL;
    if (i == ARRAY_LEN(managed))
        return STATUS_DONE;
    struct kms_key *key = arena_alloc(call->arena, sizeof(*key));
    *key = (struct kms_key){
        .scope = call->scope,
        .id = rand_uuid(call->arena),
        .created_at_ms = call->now_ms,
        .description = str_format(call->arena,
                                  "Default key that protects my %s data when no other key is "
                                  "defined",
                                  managed[i].title),
        .usage = STR("ENCRYPT_DECRYPT"),
        .spec = kms_find_spec(STR("SYMMETRIC_DEFAULT")),
        .origin = STR("AWS_KMS"),
        .state = KMS_STATE_ENABLED,
        .manager = STR("AWS"),
        .policy = managed_policy(call, managed[i].name, managed[i].title),
        .tags = STR("{}"),
        .primary_region = STR(""),
        .is_rotating = true,
        .rotation_days = MANAGED_ROTATION_DAYS,
        .next_rotation_at_ms = call->now_ms + MANAGED_ROTATION_DAYS * (int64_t)KMS_DAY_MS,
        .material_id = STR(""),
    };
    key->arn = kms_arn(call->arena, key->scope, "key", key->id);
    struct str secret = {0};
    enum status status = kms_take_secret(call, key->spec, &secret);
    if (status == STATUS_DONE)
        status = insert_key(call, key, secret);
    if (status != STATUS_DONE)
        return status;
    const struct kms_alias row = {.scope = call->scope,
                                  .name = alias,
                                  .key_id = key->id,
                                  .created_at_ms = call->now_ms,
                                  .updated_at_ms = call->now_ms};
    int rc = kms_store_put_alias(call->db, &row);
    if (rc < 0)
        return call_fail_internal(call, rc, "kms: insert an alias");
    *out_key = key;
    return kms_reschedule(call, key);
}

/* --- looking --- */

enum status kms_describe_key(struct call *call, const struct kms_describe_key_in *in,
                             struct kms_describe_key_out *out)
{
    (void)in;
    return kms_metadata(call, kms_subject_key(call), &out->key_metadata);
}

enum status kms_list_keys(struct call *call, const struct kms_list_keys_in *in,
                          struct kms_list_keys_out *out)
{
    struct str after = {0};
    enum status status = kms_marker_read(call, in->marker, &after);
    if (status != STATUS_DONE)
        return status;
    int32_t limit = opt_i32_or(in->limit, LIST_DEFAULT_KEYS);
    CHECK(limit >= 1 && limit <= LIST_MAX_KEYS); /* the model's range */
    struct str *ids = arena_alloc_array(call->arena, (size_t)limit + 1, sizeof(*ids));
    int64_t count = kms_store_list_keys(call->db, call->arena, call->scope, after, limit + 1, ids);
    if (count < 0)
        return call_fail_internal(call, (int)count, "kms: list keys");
    bool is_cut = count > limit;
    out->keys.count = is_cut ? (size_t)limit : (size_t)count;
    out->keys.items = arena_alloc_array(call->arena, out->keys.count + 1, sizeof(*out->keys.items));
    out->keys.is_set = true;
    for (size_t i = 0; i < out->keys.count; i++) {
        out->keys.items[i].key_id = ids[i];
        out->keys.items[i].key_arn = kms_arn(call->arena, call->scope, "key", ids[i]);
    }
    out->truncated = opt_bool(is_cut);
    if (is_cut)
        out->next_marker = kms_marker_write(call, ids[limit - 1]);
    return STATUS_DONE;
}

/* --- changing --- */

static enum status write_key(struct call *call, const struct kms_key *key)
{
    int rc = kms_store_update_key(call->db, key);
    return rc < 0 ? call_fail_internal(call, rc, "kms: update a key") : STATUS_DONE;
}

static enum status check_manageable(struct call *call, bool may_import)
{
    const struct kms_key *key = kms_subject_key(call);
    enum status status = kms_require_own(call, key);
    if (status == STATUS_DONE)
        status = kms_require_kept(call, key);
    if (status == STATUS_DONE && !may_import && str_eq(key->state, KMS_STATE_PENDING_IMPORT))
        status = call_fail(call, &KMS_KMS_INVALID_STATE_EXCEPTION, STR_FMT " is pending import.",
                           STR_ARG(key->arn));
    return status;
}

enum status kms_enable_key(struct call *call, const struct kms_enable_key_in *in,
                           struct kms_enable_key_out *out)
{
    (void)in;
    (void)out;
    enum status status = check_manageable(call, false);
    if (status != STATUS_DONE)
        return status;
    kms_subject_key(call)->state = KMS_STATE_ENABLED;
    status = write_key(call, kms_subject_key(call));
    /* A rotation that was due meanwhile is made up for. */
    if (status == STATUS_DONE && kms_subject_key(call)->is_rotating)
        status = kms_reschedule(call, kms_subject_key(call));
    return status;
}

enum status kms_disable_key(struct call *call, const struct kms_disable_key_in *in,
                            struct kms_disable_key_out *out)
{
    (void)in;
    (void)out;
    enum status status = check_manageable(call, false);
    if (status != STATUS_DONE)
        return status;
    kms_subject_key(call)->state = KMS_STATE_DISABLED;
    return write_key(call, kms_subject_key(call));
}

enum status kms_update_key_description(struct call *call,
                                       const struct kms_update_key_description_in *in,
                                       struct kms_update_key_description_out *out)
{
    (void)out;
    enum status status = check_manageable(call, true);
    if (status != STATUS_DONE)
        return status;
    kms_subject_key(call)->description = in->description;
    return write_key(call, kms_subject_key(call));
}

/* AWS: a primary key with replicas is PendingReplicaDeletion; its waiting period "begins when the
 * last of its replica keys is deleted". */
static enum status schedule(struct call *call, struct kms_key *key)
{
    int64_t regions = 1;
    if (key->primary_region.len > 0 && str_eq(key->primary_region, key->scope.region)) {
        struct str names[2];
        regions = kms_store_list_regions(call->db, call->arena, key->scope.account, key->id,
                                         ARRAY_LEN(names), names);
        if (regions < 0)
            return call_fail_internal(call, (int)regions, "kms: regions of a key");
    }
    bool has_replicas = regions > 1;
    key->state = has_replicas ? KMS_STATE_PENDING_REPLICA_DELETION : KMS_STATE_PENDING_DELETION;
    key->deletion_at_ms = has_replicas ? 0 : call->now_ms + key->pending_days * (int64_t)KMS_DAY_MS;
    enum status status = write_key(call, key);
    return status == STATUS_DONE ? kms_reschedule(call, key) : status;
}

enum status kms_schedule_key_deletion(struct call *call,
                                      const struct kms_schedule_key_deletion_in *in,
                                      struct kms_schedule_key_deletion_out *out)
{
    struct kms_key *key = kms_subject_key(call);
    int32_t days = opt_i32_or(in->pending_window_in_days, PENDING_DEFAULT_DAYS);
    enum status status = check_manageable(call, true);
    if (status != STATUS_DONE)
        return status;
    if (days < PENDING_MIN_DAYS || days > PENDING_MAX_DAYS)
        return call_fail(call, &ERROR_VALIDATION,
                         "1 validation error detected: Value '%d' at 'pendingWindowInDays' failed "
                         "to satisfy constraint: Member must have value %s than or equal to %d",
                         days, days < PENDING_MIN_DAYS ? "greater" : "less",
                         days < PENDING_MIN_DAYS ? PENDING_MIN_DAYS : PENDING_MAX_DAYS);
    key->pending_days = days;
    status = schedule(call, key);
    if (status != STATUS_DONE)
        return status;
    out->key_id = key->arn;
    out->key_state = key->state;
    out->pending_window_in_days = opt_i32(days);
    if (key->deletion_at_ms > 0)
        out->deletion_date = opt_i64(key->deletion_at_ms);
    return STATUS_DONE;
}

/* AWS: "If the operation succeeds, the key state of the KMS key is Disabled." */
enum status kms_cancel_key_deletion(struct call *call, const struct kms_cancel_key_deletion_in *in,
                                    struct kms_cancel_key_deletion_out *out)
{
    (void)in;
    struct kms_key *key = kms_subject_key(call);
    if (!str_eq(key->state, KMS_STATE_PENDING_DELETION) &&
        !str_eq(key->state, KMS_STATE_PENDING_REPLICA_DELETION))
        return call_fail(call, &KMS_KMS_INVALID_STATE_EXCEPTION,
                         STR_FMT " is not pending deletion.", STR_ARG(key->arn));
    int64_t absent = kms_store_count_absent(call->db, key);
    if (absent < 0)
        return call_fail_internal(call, (int)absent, "kms: count key material");
    bool has_material = key->material_id.len > 0 && absent == 0;
    key->state = has_material ? KMS_STATE_DISABLED : KMS_STATE_PENDING_IMPORT;
    key->deletion_at_ms = 0;
    key->pending_days = 0;
    out->key_id = key->arn;
    enum status status = write_key(call, key);
    return status == STATUS_DONE ? kms_reschedule(call, key) : status;
}
