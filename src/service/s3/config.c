/* config.c — how configurations of a bucket are kept, and the operations on those that are only
 * checked, kept and returned.
 *
 * A configuration is the JSON of the structure that came as the request's payload. The answer of
 * the matching Get is that structure again, as its payload or as its whole output: both are read by
 * the shape of the running operation, so that one pair of functions serves all of them.
 *
 * Docs: S3 API reference, Put/Get/DeleteBucket*; user guide, "Bucket configuration options".
 */
#include <errno.h>

#include "base/arena.h"
#include "service/s3/bucket.h"
#include "syntax/json.h"
#include "wire/protocol.h"

enum {
    MAX_BUCKET_TAGS = 50, /* AWS: "a bucket can have up to 50 tags" */
    MAX_TAG_KEY = 128,
    MAX_TAG_VALUE = 256,
    MAX_CORS_RULES = 100, /* AWS: PutBucketCors: "up to 100 rules" */
    MAX_RETENTION_DAYS = 36500,
    MAX_RETENTION_YEARS = 100,
};

static void *slot_of(void *structure, const struct member *member)
{
    return (char *)structure + member->offset;
}

static const struct member *find_member(const struct shape *shape, struct str name)
{
    for (size_t i = 0; i < shape->member_count; i++) {
        if (str_eq(shape->members[i].name, name))
            return &shape->members[i];
    }
    return NULL;
}

static const struct member *payload_of(const struct shape *shape)
{
    for (size_t i = 0; i < shape->member_count; i++) {
        if (shape->members[i].location == LOCATION_PAYLOAD)
            return &shape->members[i];
    }
    return NULL;
}

const struct shape *s3_member_shape(const struct shape *shape, const char *member)
{
    const struct member *found = find_member(shape, str_from_cstr(member));
    CHECK(found != NULL);
    return found->shape;
}

struct str s3_input_text(const struct operation *operation, const void *in, const char *name)
{
    const struct member *member = find_member(operation->in, str_from_cstr(name));
    if (!member || member->shape->kind != KIND_STRING)
        return (struct str){0};
    return *(const struct str *)((const char *)in + member->offset);
}

enum status s3_read_config(struct call *call, struct str body, const struct shape *shape, void *out)
{
    struct json *json = NULL;
    struct str message = {0};
    int rc = json_parse(call->arena, body, 0, &json, NULL);
    if (rc == 0)
        rc = wire_from_json(call->arena, shape, json, out, &message);
    return rc < 0 ? call_fail_internal(call, rc, "s3: read a configuration") : STATUS_DONE;
}

struct str s3_config_text(struct call *call, const struct shape *shape, const void *value)
{
    struct buf text;
    buf_init(&text, call->arena, WIRE_MAX_BODY);
    wire_to_json(&text, shape, value);
    return buf_str(&text);
}

enum status s3_load_config(struct call *call, const struct s3_bucket_row *bucket,
                           enum s3_config_kind kind, const struct shape *shape, void **out)
{
    *out = NULL;
    if (!s3_has_config(bucket, kind))
        return STATUS_DONE;
    struct str body = {0};
    int rc = s3_store_find_config(call->db, call->arena, bucket->bucket_key, kind, STR(""), &body);
    if (rc < 0)
        return call_fail_internal(call, rc, "s3: find a configuration");
    if (!body.ptr)
        return STATUS_DONE;
    *out = arena_alloc(call->arena, shape->size);
    return s3_read_config(call, body, shape, *out);
}

enum status s3_save_bucket(struct call *call, const struct s3_bucket_row *bucket)
{
    int rc = s3_store_update_bucket(call->db, bucket);
    return rc < 0 ? call_fail_internal(call, rc, "s3: write a bucket") : STATUS_DONE;
}

enum status s3_set_kind(struct call *call, struct s3_bucket_row *bucket, enum s3_config_kind kind,
                        bool is_there)
{
    uint32_t kinds =
        is_there ? bucket->config_kinds | (1u << kind) : bucket->config_kinds & ~(1u << kind);
    if (kinds == bucket->config_kinds)
        return STATUS_DONE;
    bucket->config_kinds = kinds;
    return s3_save_bucket(call, bucket);
}

enum status s3_set_config(struct call *call, struct s3_bucket_row *bucket, enum s3_config_kind kind,
                          struct str body)
{
    int rc;
    if (body.ptr)
        rc = s3_store_put_config(call->db, bucket->bucket_key, kind, STR(""), body);
    else
        rc = s3_store_delete_config(call->db, bucket->bucket_key, kind, STR(""));
    if (rc < 0)
        return call_fail_internal(call, rc, "s3: write a configuration");
    return s3_set_kind(call, bucket, kind, body.ptr != NULL);
}

/* The payload of the running operation's input, as the text that is kept. */
struct str s3_payload_text(struct call *call, const void *in)
{
    const struct member *payload = payload_of(call->operation->in);
    CHECK(payload != NULL);
    const void *value = *(const void *const *)((const char *)in + payload->offset);
    return value ? s3_config_text(call, payload->shape, value) : (struct str){0};
}

/* Fills the running operation's output with what is kept. */
enum status s3_fill_output(struct call *call, struct str body, void *out)
{
    const struct shape *shape = call->operation->out;
    const struct member *payload = payload_of(shape);
    if (!payload)
        return s3_read_config(call, body, shape, out);
    void *value = arena_alloc(call->arena, payload->shape->size);
    *(void **)slot_of(out, payload) = value;
    return s3_read_config(call, body, payload->shape, value);
}

static enum status put_single(struct call *call, const void *in, enum s3_config_kind kind)
{
    return s3_set_config(call, s3_bucket_of(call), kind, s3_payload_text(call, in));
}

static enum status delete_single(struct call *call, enum s3_config_kind kind)
{
    return s3_set_config(call, s3_bucket_of(call), kind, (struct str){0});
}

/* What a Get answers when the bucket has none of it. */
enum status s3_missing_config(struct call *call, const struct api_error *error, const char *text)
{
    return s3_fail(call, error,
                   &(struct s3_fault_details_error){.bucket_name = s3_bucket_of(call)->name}, "%s",
                   text);
}

/* `error` NULL: what is missing is answered as an empty output. */
static enum status get_single(struct call *call, enum s3_config_kind kind,
                              const struct api_error *error, const char *text, void *out)
{
    const struct s3_bucket_row *bucket = s3_bucket_of(call);
    struct str body = {0};
    if (s3_has_config(bucket, kind)) {
        int rc =
            s3_store_find_config(call->db, call->arena, bucket->bucket_key, kind, STR(""), &body);
        if (rc < 0)
            return call_fail_internal(call, rc, "s3: find a configuration");
    }
    if (body.ptr)
        return s3_fill_output(call, body, out);
    return error ? s3_missing_config(call, error, text) : STATUS_DONE;
}

/* ---- CORS ---- */

static bool is_cors_method(struct str method)
{
    static const struct str methods[] = {STR_INIT("GET"), STR_INIT("PUT"), STR_INIT("POST"),
                                         STR_INIT("DELETE"), STR_INIT("HEAD")};
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        if (str_eq(methods[i], method))
            return true;
    }
    return false;
}

static bool has_two_stars(struct str text)
{
    return str_index(text, '*') != str_last_index(text, '*');
}

static enum status check_cors_rule(struct call *call, const struct s3_cors_rule *rule)
{
    if (rule->allowed_methods.count == 0 || rule->allowed_origins.count == 0)
        return s3_fail_malformed_xml(call);
    for (size_t i = 0; i < rule->allowed_methods.count; i++) {
        if (!is_cors_method(rule->allowed_methods.items[i]))
            return s3_fail(
                call, &S3_INVALID_REQUEST, NULL,
                "Found unsupported HTTP method in CORS config. Unsupported method is " STR_FMT,
                STR_ARG(rule->allowed_methods.items[i]));
    }
    for (size_t i = 0; i < rule->allowed_origins.count; i++) {
        if (has_two_stars(rule->allowed_origins.items[i]))
            return s3_fail(call, &S3_INVALID_REQUEST, NULL,
                           "AllowedOrigin \"" STR_FMT "\" can not have more than one wildcard.",
                           STR_ARG(rule->allowed_origins.items[i]));
    }
    for (size_t i = 0; i < rule->allowed_headers.count; i++) {
        if (has_two_stars(rule->allowed_headers.items[i]))
            return s3_fail(call, &S3_INVALID_REQUEST, NULL,
                           "AllowedHeader \"" STR_FMT "\" can not have more than one wildcard.",
                           STR_ARG(rule->allowed_headers.items[i]));
    }
    for (size_t i = 0; i < rule->expose_headers.count; i++) {
        /* AWS: wildcards are for AllowedHeader and AllowedOrigin only. */
        if (str_index(rule->expose_headers.items[i], '*') >= 0)
            return s3_fail(call, &S3_INVALID_REQUEST, NULL,
                           "ExposeHeader \"" STR_FMT
                           "\" contains wildcard. We currently do not support wildcard for "
                           "ExposeHeader.",
                           STR_ARG(rule->expose_headers.items[i]));
    }
    return STATUS_DONE;
}

enum status s3_put_bucket_cors(struct call *call, const struct s3_put_bucket_cors_in *in,
                               struct s3_put_bucket_cors_out *out)
{
    (void)out;
    const struct s3_cors_rules *rules = &in->cors_configuration->cors_rules;
    if (rules->count == 0)
        return s3_fail_malformed_xml(call);
    if (rules->count > MAX_CORS_RULES)
        return s3_fail(call, &S3_INVALID_REQUEST, NULL,
                       "The number of CORS rules should not exceed allowed limit of 100 rules.");
    for (size_t i = 0; i < rules->count; i++) {
        enum status status = check_cors_rule(call, &rules->items[i]);
        if (status != STATUS_DONE)
            return status;
    }
    return put_single(call, in, S3_CONFIG_CORS);
}

enum status s3_get_bucket_cors(struct call *call, const struct s3_get_bucket_cors_in *in,
                               struct s3_get_bucket_cors_out *out)
{
    (void)in;
    return get_single(call, S3_CONFIG_CORS, &S3_NO_SUCH_CORS_CONFIGURATION,
                      "The CORS configuration does not exist", out);
}

enum status s3_delete_bucket_cors(struct call *call, const struct s3_delete_bucket_cors_in *in,
                                  struct s3_delete_bucket_cors_out *out)
{
    (void)in;
    (void)out;
    return delete_single(call, S3_CONFIG_CORS);
}

/* ---- tagging ---- */

enum status s3_check_tags(struct call *call, const struct s3_tag_set *tags, size_t limit)
{
    if (tags->count > limit)
        return s3_fail(call, &S3_BAD_REQUEST, NULL, "Bucket tag count cannot be greater than %zu",
                       limit);
    for (size_t i = 0; i < tags->count; i++) {
        struct str key = str_or(tags->items[i].key, STR(""));
        struct str value = str_or(tags->items[i].value, STR(""));
        const struct s3_fault_details_error details = {.tag_key = key};
        if (key.len == 0 || str_utf8_length(key) > MAX_TAG_KEY)
            return s3_fail(call, &S3_INVALID_TAG, &details,
                           "The TagKey you have provided is invalid");
        if (str_utf8_length(value) > MAX_TAG_VALUE)
            return s3_fail(call, &S3_INVALID_TAG, &details,
                           "The TagValue you have provided is invalid");
        /* AWS: names beginning with "aws:" are its own; CloudFormation sets some. */
        if (str_starts_with(key, STR("aws:")) && call->via_service.len == 0)
            return s3_fail(call, &S3_INVALID_TAG, &details,
                           "System tags cannot be added/updated by requester");
        for (size_t j = 0; j < i; j++) {
            if (str_eq(str_or(tags->items[j].key, STR("")), key))
                return s3_fail(call, &S3_INVALID_TAG, &details,
                               "Cannot provide multiple Tags with the same key");
        }
    }
    return STATUS_DONE;
}

enum status s3_put_bucket_tagging(struct call *call, const struct s3_put_bucket_tagging_in *in,
                                  struct s3_put_bucket_tagging_out *out)
{
    (void)out;
    enum status status = s3_check_tags(call, &in->tagging->tag_set, S3_MAX_BUCKET_TAGS);
    if (status != STATUS_DONE)
        return status;
    if (in->tagging->tag_set.count == 0)
        return delete_single(call, S3_CONFIG_TAGGING);
    return put_single(call, in, S3_CONFIG_TAGGING);
}

enum status s3_get_bucket_tagging(struct call *call, const struct s3_get_bucket_tagging_in *in,
                                  struct s3_get_bucket_tagging_out *out)
{
    (void)in;
    return get_single(call, S3_CONFIG_TAGGING, &S3_NO_SUCH_TAG_SET, "The TagSet does not exist",
                      out);
}

enum status s3_delete_bucket_tagging(struct call *call,
                                     const struct s3_delete_bucket_tagging_in *in,
                                     struct s3_delete_bucket_tagging_out *out)
{
    (void)in;
    (void)out;
    return delete_single(call, S3_CONFIG_TAGGING);
}

/* ---- versioning, object lock ---- */

enum status s3_put_bucket_versioning(struct call *call,
                                     const struct s3_put_bucket_versioning_in *in,
                                     struct s3_put_bucket_versioning_out *out)
{
    (void)out;
    struct s3_bucket_row *bucket = s3_bucket_of(call);
    struct str wanted = in->versioning_configuration->status;
    if (!wanted.ptr)
        return s3_fail(call, &S3_ILLEGAL_VERSIONING_CONFIGURATION_EXCEPTION, NULL,
                       "The Versioning element must be specified");
    bool is_enabled = str_eq_cstr(wanted, "Enabled");
    if (!is_enabled && !str_eq_cstr(wanted, "Suspended"))
        return s3_fail_malformed_xml(call);
    /* DEVIATION: there are no MFA devices that could sign a delete; a bucket that asks for them is
     * refused instead of being left unprotected. */
    if (str_eq_cstr(in->versioning_configuration->mfa_delete, "Enabled"))
        return s3_fail(call, &S3_NOT_IMPLEMENTED, NULL,
                       "MFA delete is not implemented: MfaDelete cannot be enabled.");
    if (!is_enabled && bucket->has_object_lock)
        return s3_fail(call, &S3_INVALID_BUCKET_STATE, NULL,
                       "An Object Lock configuration is present on this bucket, so the versioning "
                       "state cannot be changed.");
    if (!is_enabled && s3_has_config(bucket, S3_CONFIG_REPLICATION))
        return s3_fail(call, &S3_INVALID_BUCKET_STATE, NULL,
                       "A replication configuration is present on this bucket, so the versioning "
                       "state cannot be changed.");
    bucket->versioning = is_enabled ? S3_VERSIONED : S3_SUSPENDED;
    return s3_save_bucket(call, bucket);
}

enum status s3_get_bucket_versioning(struct call *call,
                                     const struct s3_get_bucket_versioning_in *in,
                                     struct s3_get_bucket_versioning_out *out)
{
    (void)in;
    const struct s3_bucket_row *bucket = s3_bucket_of(call);
    if (bucket->versioning != S3_UNVERSIONED)
        out->status = bucket->versioning == S3_VERSIONED ? STR("Enabled") : STR("Suspended");
    return STATUS_DONE;
}

static enum status check_retention(struct call *call, const struct s3_default_retention *retention)
{
    bool has_days = retention->days.is_set;
    if (!retention->mode.ptr || has_days == retention->years.is_set ||
        (!str_eq_cstr(retention->mode, "GOVERNANCE") &&
         !str_eq_cstr(retention->mode, "COMPLIANCE")))
        return s3_fail_malformed_xml(call);
    int32_t length = has_days ? retention->days.value : retention->years.value;
    struct str text = str_format(call->arena, "%d", length);
    const char *name = has_days ? "days" : "years";
    if (length <= 0)
        return s3_fail_argument(call, name, text,
                                "Default retention period must be a positive integer value");
    if (length > (has_days ? MAX_RETENTION_DAYS : MAX_RETENTION_YEARS))
        return s3_fail_argument(call, name, text, "Default retention period too large");
    return STATUS_DONE;
}

enum status s3_put_object_lock_configuration(struct call *call,
                                             const struct s3_put_object_lock_configuration_in *in,
                                             struct s3_put_object_lock_configuration_out *out)
{
    (void)out;
    struct s3_bucket_row *bucket = s3_bucket_of(call);
    const struct s3_object_lock_configuration *wanted = in->object_lock_configuration;
    if (!wanted || !str_eq_cstr(wanted->object_lock_enabled, "Enabled"))
        return s3_fail_malformed_xml(call);
    if (bucket->versioning != S3_VERSIONED)
        return s3_fail(call, &S3_INVALID_BUCKET_STATE, NULL,
                       "Versioning must be 'Enabled' on the bucket to apply a Object Lock "
                       "configuration");
    const struct s3_default_retention *retention =
        wanted->rule ? wanted->rule->default_retention : NULL;
    if (wanted->rule && !retention)
        return s3_fail_malformed_xml(call);
    if (retention) {
        enum status status = check_retention(call, retention);
        if (status != STATUS_DONE)
            return status;
    }
    bucket->has_object_lock = true;
    const struct shape *shape =
        s3_member_shape(s3_member_shape(call->operation->in, "ObjectLockConfiguration"), "Rule");
    bucket->object_lock = retention ? s3_config_text(call, shape, wanted->rule) : (struct str){0};
    return s3_save_bucket(call, bucket);
}

enum status s3_get_object_lock_configuration(struct call *call,
                                             const struct s3_get_object_lock_configuration_in *in,
                                             struct s3_get_object_lock_configuration_out *out)
{
    (void)in;
    const struct s3_bucket_row *bucket = s3_bucket_of(call);
    if (!bucket->has_object_lock)
        return s3_missing_config(call, &S3_OBJECT_LOCK_CONFIGURATION_NOT_FOUND_ERROR,
                                 "Object Lock configuration does not exist for this bucket");
    struct s3_object_lock_configuration *answer = arena_alloc(call->arena, sizeof(*answer));
    answer->object_lock_enabled = STR("Enabled");
    out->object_lock_configuration = answer;
    if (!bucket->object_lock.ptr)
        return STATUS_DONE;
    const struct shape *shape =
        s3_member_shape(s3_member_shape(call->operation->out, "ObjectLockConfiguration"), "Rule");
    answer->rule = arena_alloc(call->arena, sizeof(*answer->rule));
    return s3_read_config(call, bucket->object_lock, shape, answer->rule);
}

/* ---- encryption ---- */

static enum status check_encryption(struct call *call,
                                    const struct s3_server_side_encryption_rules *rules)
{
    if (rules->count != 1)
        return s3_fail_malformed_xml(call);
    const struct s3_server_side_encryption_by_default *by_default =
        rules->items[0].apply_server_side_encryption_by_default;
    if (!by_default)
        return rules->items[0].blocked_encryption_types ? STATUS_DONE : s3_fail_malformed_xml(call);
    bool is_kms = str_starts_with(by_default->sse_algorithm, STR("aws:kms"));
    if (!is_kms && !str_eq_cstr(by_default->sse_algorithm, "AES256"))
        return s3_fail_malformed_xml(call);
    if (!is_kms && by_default->kms_master_key_id.len > 0)
        return s3_fail_argument(call, "ApplyServerSideEncryptionByDefault",
                                by_default->kms_master_key_id,
                                "a KMSMasterKeyID is not applicable if the default sse algorithm "
                                "is not aws:kms or aws:kms:dsse");
    return STATUS_DONE;
}

enum status s3_put_bucket_encryption(struct call *call,
                                     const struct s3_put_bucket_encryption_in *in,
                                     struct s3_put_bucket_encryption_out *out)
{
    (void)out;
    struct s3_bucket_row *bucket = s3_bucket_of(call);
    enum status status = check_encryption(call, &in->server_side_encryption_configuration->rules);
    if (status != STATUS_DONE)
        return status;
    struct s3_server_side_encryption_rule *rule =
        &in->server_side_encryption_configuration->rules.items[0];
    if (!rule->bucket_key_enabled.is_set)
        rule->bucket_key_enabled = opt_bool(false);
    bucket->encryption = s3_payload_text(call, in);
    return s3_save_bucket(call, bucket);
}

enum status s3_get_bucket_encryption(struct call *call,
                                     const struct s3_get_bucket_encryption_in *in,
                                     struct s3_get_bucket_encryption_out *out)
{
    (void)in;
    /* AWS: "all new buckets have ... SSE-S3 as the base level of encryption" (since January 2023);
     * the answer of a bucket that nobody configured. */
    return s3_fill_output(
        call,
        str_or(s3_bucket_of(call)->encryption,
               STR("{\"Rules\":[{\"ApplyServerSideEncryptionByDefault\":"
                   "{\"SSEAlgorithm\":\"AES256\"},\"BucketKeyEnabled\":false}]}")),
        out);
}

enum status s3_delete_bucket_encryption(struct call *call,
                                        const struct s3_delete_bucket_encryption_in *in,
                                        struct s3_delete_bucket_encryption_out *out)
{
    (void)in;
    (void)out;
    struct s3_bucket_row *bucket = s3_bucket_of(call);
    bucket->encryption = (struct str){0};
    return s3_save_bucket(call, bucket);
}

/* ---- ownership, public access block ---- */

enum status s3_put_bucket_ownership_controls(struct call *call,
                                             const struct s3_put_bucket_ownership_controls_in *in,
                                             struct s3_put_bucket_ownership_controls_out *out)
{
    (void)out;
    struct s3_bucket_row *bucket = s3_bucket_of(call);
    const struct s3_ownership_controls_rules *rules = &in->ownership_controls->rules;
    if (rules->count != 1)
        return s3_fail_malformed_xml(call);
    struct str wanted = rules->items[0].object_ownership;
    bool is_enforced = str_eq_cstr(wanted, "BucketOwnerEnforced");
    if (!is_enforced && !str_eq_cstr(wanted, "BucketOwnerPreferred") &&
        !str_eq_cstr(wanted, "ObjectWriter"))
        return s3_fail_malformed_xml(call);
    /* AWS: "Error responses when changing the setting to bucket owner enforced". */
    if (is_enforced && bucket->acl.ptr)
        return s3_fail(call, &S3_INVALID_BUCKET_ACL_WITH_OBJECT_OWNERSHIP, NULL,
                       "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced "
                       "setting");
    bucket->ownership = wanted;
    return s3_save_bucket(call, bucket);
}

enum status s3_get_bucket_ownership_controls(struct call *call,
                                             const struct s3_get_bucket_ownership_controls_in *in,
                                             struct s3_get_bucket_ownership_controls_out *out)
{
    (void)in;
    struct str ownership = str_or(s3_bucket_of(call)->ownership, STR("BucketOwnerEnforced"));
    if (ownership.len == 0)
        return s3_missing_config(call, &S3_OWNERSHIP_CONTROLS_NOT_FOUND_ERROR,
                                 "The bucket ownership controls were not found");
    struct s3_ownership_controls *controls = arena_alloc(call->arena, sizeof(*controls));
    controls->rules.items = arena_alloc(call->arena, sizeof(*controls->rules.items));
    controls->rules.items[0].object_ownership = ownership;
    controls->rules.count = 1;
    out->ownership_controls = controls;
    return STATUS_DONE;
}

enum status
s3_delete_bucket_ownership_controls(struct call *call,
                                    const struct s3_delete_bucket_ownership_controls_in *in,
                                    struct s3_delete_bucket_ownership_controls_out *out)
{
    (void)in;
    (void)out;
    struct s3_bucket_row *bucket = s3_bucket_of(call);
    bucket->ownership = STR(""); /* none, as against never put: see s3_object_owner */
    return s3_save_bucket(call, bucket);
}

unsigned s3_block_bits(struct arena *arena, struct str body)
{
    static const struct {
        const char *name;
        enum s3_public_block bit;
    } settings[] = {
        {"BlockPublicAcls", S3_BLOCK_ACLS},
        {"IgnorePublicAcls", S3_IGNORE_ACLS},
        {"BlockPublicPolicy", S3_BLOCK_POLICY},
        {"RestrictPublicBuckets", S3_RESTRICT_BUCKETS},
    };
    struct json *json = NULL;
    unsigned bits = 0;
    if (!body.ptr || json_parse(arena, body, 0, &json, NULL) < 0)
        return 0;
    for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
        const struct json *value = json_find_cstr(json, settings[i].name);
        if (value && value->kind == JSON_TRUE)
            bits |= (unsigned)settings[i].bit;
    }
    return bits;
}

enum status s3_put_public_access_block(struct call *call,
                                       const struct s3_put_public_access_block_in *in,
                                       struct s3_put_public_access_block_out *out)
{
    (void)out;
    struct s3_bucket_row *bucket = s3_bucket_of(call);
    struct s3_public_access_block_configuration *wanted = in->public_access_block_configuration;
    /* AWS: settings that were not given are false. */
    wanted->block_public_acls = opt_bool(opt_bool_or(wanted->block_public_acls, false));
    wanted->ignore_public_acls = opt_bool(opt_bool_or(wanted->ignore_public_acls, false));
    wanted->block_public_policy = opt_bool(opt_bool_or(wanted->block_public_policy, false));
    wanted->restrict_public_buckets = opt_bool(opt_bool_or(wanted->restrict_public_buckets, false));
    bucket->public_access = s3_payload_text(call, in);
    return s3_save_bucket(call, bucket);
}

enum status s3_get_public_access_block(struct call *call,
                                       const struct s3_get_public_access_block_in *in,
                                       struct s3_get_public_access_block_out *out)
{
    (void)in;
    const struct s3_bucket_row *bucket = s3_bucket_of(call);
    if (!bucket->public_access.ptr)
        return s3_missing_config(call, &S3_NO_SUCH_PUBLIC_ACCESS_BLOCK_CONFIGURATION,
                                 "The public access block configuration was not found");
    return s3_fill_output(call, bucket->public_access, out);
}

enum status s3_delete_public_access_block(struct call *call,
                                          const struct s3_delete_public_access_block_in *in,
                                          struct s3_delete_public_access_block_out *out)
{
    (void)in;
    (void)out;
    struct s3_bucket_row *bucket = s3_bucket_of(call);
    bucket->public_access = (struct str){0};
    return s3_save_bucket(call, bucket);
}

/* ---- request payment, acceleration, attribute-based access control ---- */

enum status s3_put_bucket_request_payment(struct call *call,
                                          const struct s3_put_bucket_request_payment_in *in,
                                          struct s3_put_bucket_request_payment_out *out)
{
    (void)out;
    struct str payer = in->request_payment_configuration->payer;
    if (str_eq_cstr(payer, "BucketOwner"))
        return delete_single(call, S3_CONFIG_REQUEST_PAYMENT);
    if (!str_eq_cstr(payer, "Requester"))
        return s3_fail_malformed_xml(call);
    return put_single(call, in, S3_CONFIG_REQUEST_PAYMENT);
}

enum status s3_get_bucket_request_payment(struct call *call,
                                          const struct s3_get_bucket_request_payment_in *in,
                                          struct s3_get_bucket_request_payment_out *out)
{
    (void)in;
    out->payer = s3_has_config(s3_bucket_of(call), S3_CONFIG_REQUEST_PAYMENT) ? STR("Requester")
                                                                              : STR("BucketOwner");
    return STATUS_DONE;
}

enum status
s3_put_bucket_accelerate_configuration(struct call *call,
                                       const struct s3_put_bucket_accelerate_configuration_in *in,
                                       struct s3_put_bucket_accelerate_configuration_out *out)
{
    (void)out;
    struct str wanted = in->accelerate_configuration->status;
    if (!str_eq_cstr(wanted, "Enabled") && !str_eq_cstr(wanted, "Suspended"))
        return s3_fail_malformed_xml(call);
    if (str_index(s3_bucket_of(call)->name, '.') >= 0)
        return s3_fail(call, &S3_INVALID_REQUEST, NULL,
                       "S3 Transfer Acceleration is not supported for buckets with periods (.) in "
                       "their names");
    return put_single(call, in, S3_CONFIG_ACCELERATE);
}

enum status
s3_get_bucket_accelerate_configuration(struct call *call,
                                       const struct s3_get_bucket_accelerate_configuration_in *in,
                                       struct s3_get_bucket_accelerate_configuration_out *out)
{
    (void)in;
    return get_single(call, S3_CONFIG_ACCELERATE, NULL, NULL, out);
}

enum status s3_put_bucket_abac(struct call *call, const struct s3_put_bucket_abac_in *in,
                               struct s3_put_bucket_abac_out *out)
{
    (void)out;
    return put_single(call, in, S3_CONFIG_ABAC);
}

enum status s3_get_bucket_abac(struct call *call, const struct s3_get_bucket_abac_in *in,
                               struct s3_get_bucket_abac_out *out)
{
    (void)in;
    if (s3_has_config(s3_bucket_of(call), S3_CONFIG_ABAC))
        return get_single(call, S3_CONFIG_ABAC, NULL, NULL, out);
    out->abac_status = arena_alloc(call->arena, sizeof(*out->abac_status));
    out->abac_status->status = STR("Disabled");
    return STATUS_DONE;
}

/* ---- logging ---- */

enum status s3_put_bucket_logging(struct call *call, const struct s3_put_bucket_logging_in *in,
                                  struct s3_put_bucket_logging_out *out)
{
    (void)out;
    const struct s3_bucket_row *bucket = s3_bucket_of(call);
    const struct s3_logging_enabled *wanted = in->bucket_logging_status->logging_enabled;
    if (!wanted)
        return delete_single(call, S3_CONFIG_LOGGING);
    struct s3_bucket_row *target = NULL;
    int rc = s3_store_find_bucket(call->db, call->arena, wanted->target_bucket, &target);
    if (rc < 0)
        return call_fail_internal(call, rc, "s3: find the target bucket");
    const struct s3_fault_details_error details = {.bucket = wanted->target_bucket};
    if (!target)
        return s3_fail(call, &S3_INVALID_TARGET_BUCKET_FOR_LOGGING, &details,
                       "The target bucket for logging does not exist");
    if (!str_eq(target->account, bucket->account))
        return s3_fail(call, &S3_INVALID_TARGET_BUCKET_FOR_LOGGING, &details,
                       "The owner for the bucket to be logged and the target bucket must be the "
                       "same.");
    if (!str_eq(target->region, bucket->region))
        return s3_fail(call, &S3_CROSS_LOCATION_LOGGING_PROHIBITED, &details,
                       "Cross S3 location logging not allowed. ");
    /* AWS: "Bucket owner enforced setting for S3 Object Ownership": target grants are ACLs. */
    if (wanted->target_grants.count > 0 &&
        str_eq_cstr(str_or(target->ownership, STR("BucketOwnerEnforced")), "BucketOwnerEnforced"))
        return s3_fail(call, &S3_INVALID_TARGET_BUCKET_FOR_LOGGING, &details,
                       "The target bucket for logging has ACLs disabled (Object Ownership is "
                       "bucket owner enforced): target grants cannot be given.");
    return put_single(call, in, S3_CONFIG_LOGGING);
}

enum status s3_get_bucket_logging(struct call *call, const struct s3_get_bucket_logging_in *in,
                                  struct s3_get_bucket_logging_out *out)
{
    (void)in;
    return get_single(call, S3_CONFIG_LOGGING, NULL, NULL, out);
}

/* ---- website ---- */

static bool is_protocol(struct str protocol)
{
    return !protocol.ptr || str_eq_cstr(protocol, "http") || str_eq_cstr(protocol, "https");
}

static enum status check_routing_rule(struct call *call, const struct s3_routing_rule *rule)
{
    const struct s3_redirect *redirect = rule->redirect;
    if (!redirect || !is_protocol(redirect->protocol))
        return s3_fail(call, &S3_INVALID_REQUEST, NULL,
                       "Invalid protocol, protocol can be http or https. If not defined the "
                       "protocol will be selected automatically.");
    if (redirect->replace_key_prefix_with.ptr && redirect->replace_key_with.ptr)
        return s3_fail(call, &S3_INVALID_REQUEST, NULL,
                       "You can only define ReplaceKeyPrefix or ReplaceKey but not both.");
    int64_t code = 0;
    struct str code_text = redirect->http_redirect_code;
    if (code_text.ptr && (str_to_i64(code_text, &code) < 0 || code < 301 || code > 399))
        return s3_fail(call, &S3_INVALID_REQUEST, NULL,
                       "The provided HTTP redirect code (" STR_FMT
                       ") is not valid. Valid codes are 3XX except 300.",
                       STR_ARG(code_text));
    struct str error_text =
        rule->condition ? rule->condition->http_error_code_returned_equals : (struct str){0};
    if (error_text.ptr && (str_to_i64(error_text, &code) < 0 || code < 400 || code > 599))
        return s3_fail(call, &S3_INVALID_REQUEST, NULL,
                       "The provided HTTP error code (" STR_FMT
                       ") is not valid. Valid codes are 4XX or 5XX.",
                       STR_ARG(error_text));
    if (rule->condition && !error_text.ptr && !rule->condition->key_prefix_equals.ptr)
        return s3_fail(call, &S3_INVALID_REQUEST, NULL,
                       "Condition cannot be empty. To redirect all requests without a condition, "
                       "the condition element shouldn't be present.");
    return STATUS_DONE;
}

enum status s3_put_bucket_website(struct call *call, const struct s3_put_bucket_website_in *in,
                                  struct s3_put_bucket_website_out *out)
{
    (void)out;
    const struct s3_website_configuration *wanted = in->website_configuration;
    bool has_rules = wanted->routing_rules.count > 0;
    if (wanted->redirect_all_requests_to) {
        if (wanted->index_document || wanted->error_document || has_rules)
            return s3_fail(call, &S3_INVALID_REQUEST, NULL,
                           "RedirectAllRequestsTo cannot be provided in conjunction with other "
                           "Routing Rules.");
        if (!is_protocol(wanted->redirect_all_requests_to->protocol))
            return s3_fail(call, &S3_INVALID_REQUEST, NULL,
                           "Invalid protocol, protocol can be http or https. If not defined the "
                           "protocol will be selected automatically.");
        return put_single(call, in, S3_CONFIG_WEBSITE);
    }
    if (!wanted->index_document)
        return s3_fail_argument(call, "IndexDocument", STR("null"),
                                "A value for IndexDocument Suffix must be provided if "
                                "RedirectAllRequestsTo is empty");
    struct str suffix = wanted->index_document->suffix;
    if (suffix.len == 0 || str_index(suffix, '/') >= 0)
        return s3_fail_argument(call, "IndexDocument", suffix,
                                "The IndexDocument Suffix is not well formed");
    if (wanted->error_document && wanted->error_document->key.len == 0)
        return s3_fail_argument(call, "ErrorDocument", STR(""),
                                "The ErrorDocument Key is not well formed");
    if (wanted->routing_rules.count > 50) /* AWS: "a limitation of 50 routing rules" */
        return s3_fail(call, &S3_INVALID_REQUEST, NULL,
                       "%zu routing rules provided, the number of routing rules in a website "
                       "configuration is limited to 50.",
                       wanted->routing_rules.count);
    for (size_t i = 0; i < wanted->routing_rules.count; i++) {
        enum status status = check_routing_rule(call, &wanted->routing_rules.items[i]);
        if (status != STATUS_DONE)
            return status;
    }
    return put_single(call, in, S3_CONFIG_WEBSITE);
}

enum status s3_get_bucket_website(struct call *call, const struct s3_get_bucket_website_in *in,
                                  struct s3_get_bucket_website_out *out)
{
    (void)in;
    return get_single(call, S3_CONFIG_WEBSITE, &S3_NO_SUCH_WEBSITE_CONFIGURATION,
                      "The specified bucket does not have a website configuration", out);
}

enum status s3_delete_bucket_website(struct call *call,
                                     const struct s3_delete_bucket_website_in *in,
                                     struct s3_delete_bucket_website_out *out)
{
    (void)in;
    (void)out;
    return delete_single(call, S3_CONFIG_WEBSITE);
}

/* ---- notifications: checked in event.c ---- */

enum status s3_put_bucket_notification_configuration(
    struct call *call, const struct s3_put_bucket_notification_configuration_in *in,
    struct s3_put_bucket_notification_configuration_out *out)
{
    (void)out;
    struct s3_bucket_row *bucket = s3_bucket_of(call);
    const struct s3_notification_configuration *wanted = in->notification_configuration;
    bool is_empty =
        wanted->topic_configurations.count == 0 && wanted->queue_configurations.count == 0 &&
        wanted->lambda_function_configurations.count == 0 && !wanted->event_bridge_configuration;
    if (is_empty)
        return delete_single(call, S3_CONFIG_NOTIFICATION);
    enum status status = s3_check_notification(call, bucket, wanted,
                                               opt_bool_or(in->skip_destination_validation, false));
    return status == STATUS_DONE ? put_single(call, in, S3_CONFIG_NOTIFICATION) : status;
}

enum status s3_get_bucket_notification_configuration(
    struct call *call, const struct s3_get_bucket_notification_configuration_in *in,
    struct s3_get_bucket_notification_configuration_out *out)
{
    (void)in;
    return get_single(call, S3_CONFIG_NOTIFICATION, NULL, NULL, out);
}

/* ---- what is refused ---- */

/* DEVIATION: metadata tables are Iceberg tables in S3 Tables, which is not implemented. */
static enum status refuse(struct call *call, const char *what)
{
    return s3_fail(call, &S3_NOT_IMPLEMENTED, NULL, "%s are not implemented.", what);
}

enum status
s3_create_bucket_metadata_configuration(struct call *call,
                                        const struct s3_create_bucket_metadata_configuration_in *in,
                                        struct s3_create_bucket_metadata_configuration_out *out)
{
    (void)in;
    (void)out;
    return refuse(call, "Bucket metadata configurations (S3 Metadata tables)");
}

enum status s3_create_bucket_metadata_table_configuration(
    struct call *call, const struct s3_create_bucket_metadata_table_configuration_in *in,
    struct s3_create_bucket_metadata_table_configuration_out *out)
{
    (void)in;
    (void)out;
    return refuse(call, "Bucket metadata configurations (S3 Metadata tables)");
}

enum status s3_create_session(struct call *call, const struct s3_create_session_in *in,
                              struct s3_create_session_out *out)
{
    (void)in;
    (void)out;
    return refuse(call, "Directory buckets (CreateSession)");
}
