/* cfn.c — AWS::S3::Bucket and AWS::S3::BucketPolicy.
 *
 * A bucket is made by CreateBucket; each configuration is a row of `parts`: the property, how its
 * value becomes S3's structure (cfn_convert.c), the operation that puts it and the one that takes
 * it away when a template stops giving it. An update puts what changed. The order of the rows is
 * that in which S3 accepts them: versioning before replication and object lock, notifications last.
 *
 * Docs: CloudFormation template reference, AWS::S3::Bucket, AWS::S3::BucketPolicy.
 */
#include "service/s3/cfn.h"

#include "base/arena.h"
#include "service/s3/bucket.h"
#include "syntax/json.h"
#include "wire/protocol.h"

struct part {
    const char *property;
    s3_convert_fn *convert;
    int put;             /* enum s3_op */
    const char *payload; /* member of the operation's input */
    int remove;          /* operation, or -1: put `fallback` */
    const char *fallback;
    bool is_by_id; /* a list of configurations, each put under its Id */
};

static const struct part parts[] = {
    {.property = "PublicAccessBlockConfiguration",
     .convert = s3_cfn_same,
     .put = S3_OP_PUT_PUBLIC_ACCESS_BLOCK,
     .payload = "PublicAccessBlockConfiguration",
     .remove = S3_OP_DELETE_PUBLIC_ACCESS_BLOCK},
    {.property = "OwnershipControls",
     .convert = s3_cfn_same,
     .put = S3_OP_PUT_BUCKET_OWNERSHIP_CONTROLS,
     .payload = "OwnershipControls",
     .remove = S3_OP_DELETE_BUCKET_OWNERSHIP_CONTROLS},
    {.property = "VersioningConfiguration",
     .convert = s3_cfn_same,
     .put = S3_OP_PUT_BUCKET_VERSIONING,
     .payload = "VersioningConfiguration",
     .remove = -1,
     .fallback = "{\"Status\":\"Suspended\"}"},
    {.property = "ObjectLockConfiguration",
     .convert = s3_cfn_same,
     .put = S3_OP_PUT_OBJECT_LOCK_CONFIGURATION,
     .payload = "ObjectLockConfiguration",
     .remove = -1,
     .fallback = "{\"ObjectLockEnabled\":\"Enabled\"}"},
    {.property = "BucketEncryption",
     .convert = s3_cfn_encryption,
     .put = S3_OP_PUT_BUCKET_ENCRYPTION,
     .payload = "ServerSideEncryptionConfiguration",
     .remove = S3_OP_DELETE_BUCKET_ENCRYPTION},
    {.property = "AbacStatus",
     .convert = s3_cfn_abac,
     .put = S3_OP_PUT_BUCKET_ABAC,
     .payload = "AbacStatus",
     .remove = -1,
     .fallback = "{\"Status\":\"Disabled\"}"},
    {.property = "AccelerateConfiguration",
     .convert = s3_cfn_accelerate,
     .put = S3_OP_PUT_BUCKET_ACCELERATE_CONFIGURATION,
     .payload = "AccelerateConfiguration",
     .remove = -1,
     .fallback = "{\"Status\":\"Suspended\"}"},
    {.property = "CorsConfiguration",
     .convert = s3_cfn_cors,
     .put = S3_OP_PUT_BUCKET_CORS,
     .payload = "CORSConfiguration",
     .remove = S3_OP_DELETE_BUCKET_CORS},
    {.property = "LifecycleConfiguration",
     .convert = s3_cfn_lifecycle,
     .put = S3_OP_PUT_BUCKET_LIFECYCLE_CONFIGURATION,
     .payload = "LifecycleConfiguration",
     .remove = S3_OP_DELETE_BUCKET_LIFECYCLE},
    {.property = "LoggingConfiguration",
     .convert = s3_cfn_logging,
     .put = S3_OP_PUT_BUCKET_LOGGING,
     .payload = "BucketLoggingStatus",
     .remove = -1,
     .fallback = "{}"},
    {.property = "WebsiteConfiguration",
     .convert = s3_cfn_website,
     .put = S3_OP_PUT_BUCKET_WEBSITE,
     .payload = "WebsiteConfiguration",
     .remove = S3_OP_DELETE_BUCKET_WEBSITE},
    {.property = "AnalyticsConfigurations",
     .convert = s3_cfn_analytics,
     .put = S3_OP_PUT_BUCKET_ANALYTICS_CONFIGURATION,
     .payload = "AnalyticsConfiguration",
     .remove = S3_OP_DELETE_BUCKET_ANALYTICS_CONFIGURATION,
     .is_by_id = true},
    {.property = "IntelligentTieringConfigurations",
     .convert = s3_cfn_tiering,
     .put = S3_OP_PUT_BUCKET_INTELLIGENT_TIERING_CONFIGURATION,
     .payload = "IntelligentTieringConfiguration",
     .remove = S3_OP_DELETE_BUCKET_INTELLIGENT_TIERING_CONFIGURATION,
     .is_by_id = true},
    {.property = "InventoryConfigurations",
     .convert = s3_cfn_inventory,
     .put = S3_OP_PUT_BUCKET_INVENTORY_CONFIGURATION,
     .payload = "InventoryConfiguration",
     .remove = S3_OP_DELETE_BUCKET_INVENTORY_CONFIGURATION,
     .is_by_id = true},
    {.property = "MetricsConfigurations",
     .convert = s3_cfn_metrics,
     .put = S3_OP_PUT_BUCKET_METRICS_CONFIGURATION,
     .payload = "MetricsConfiguration",
     .remove = S3_OP_DELETE_BUCKET_METRICS_CONFIGURATION,
     .is_by_id = true},
    {.property = "ReplicationConfiguration",
     .convert = s3_cfn_replication,
     .put = S3_OP_PUT_BUCKET_REPLICATION,
     .payload = "ReplicationConfiguration",
     .remove = S3_OP_DELETE_BUCKET_REPLICATION},
    {.property = "NotificationConfiguration",
     .convert = s3_cfn_notification,
     .put = S3_OP_PUT_BUCKET_NOTIFICATION_CONFIGURATION,
     .payload = "NotificationConfiguration",
     .remove = -1,
     .fallback = "{}"},
};

/* ---- inputs by the names of their members ---- */

static const struct member *member_of(const struct operation *operation, const char *name)
{
    for (size_t i = 0; i < operation->in->member_count; i++) {
        if (str_eq_cstr(operation->in->members[i].name, name))
            return &operation->in->members[i];
    }
    return NULL;
}

static void set_text(const struct operation *operation, void *in, const char *name, struct str text)
{
    const struct member *member = member_of(operation, name);
    CHECK(member != NULL);
    *(struct str *)((char *)in + member->offset) = text;
}

/* Calls an operation on the bucket with a payload (may be NULL) and an id (may be absent). */
static enum resource_result call_with(struct resource_call *rc, int op, struct str id,
                                      const char *payload_name, const struct json *payload)
{
    struct arena *arena = rc->call->arena;
    const struct operation *operation = &s3_operations[op];
    void *in = arena_alloc(arena, operation->in_size);
    void *out = arena_alloc(arena, operation->out_size);
    set_text(operation, in, "Bucket", rc->physical_id);
    if (id.ptr)
        set_text(operation, in, "Id", id);
    if (payload) {
        const struct member *member = member_of(operation, payload_name);
        struct str message = {0};
        CHECK(member != NULL);
        void *value = arena_alloc(arena, member->shape->size);
        if (wire_from_json(arena, member->shape, payload, value, &message) < 0)
            return resource_fail(rc, STR_FMT, STR_ARG(str_or(message, STR("Invalid property"))));
        *(void **)((char *)in + member->offset) = value;
    }
    return resource_invoke(rc, &s3_model, operation, in, out, NULL);
}

/* ---- one configuration ---- */

static bool names_id(const struct json *list, struct str id)
{
    for (const struct json *item = list ? list->first : NULL; item; item = item->next) {
        if (str_eq(json_find_str(item, "Id"), id))
            return true;
    }
    return false;
}

static enum resource_result put_each(struct resource_call *rc, const struct part *part,
                                     const struct json *before, const struct json *after)
{
    enum resource_result result = RESOURCE_DONE;
    for (const struct json *item = after ? after->first : NULL; item && result == RESOURCE_DONE;
         item = item->next)
        result = call_with(rc, part->put, json_find_str(item, "Id"), part->payload,
                           part->convert(rc->call->arena, item));
    for (const struct json *item = before ? before->first : NULL; item && result == RESOURCE_DONE;
         item = item->next) {
        struct str id = json_find_str(item, "Id");
        if (!names_id(after, id))
            result = call_with(rc, part->remove, id, NULL, NULL);
    }
    return result;
}

/* AWS: a log goes to the bucket itself when no other is named. */
static void complete(const struct resource_call *rc, const struct part *part, struct json *payload)
{
    struct json *enabled = json_find_cstr(payload, "LoggingEnabled");
    if (part->put == S3_OP_PUT_BUCKET_LOGGING && enabled &&
        !json_find_cstr(enabled, "TargetBucket"))
        json_set(enabled, STR("TargetBucket"), json_new_string(rc->call->arena, rc->physical_id));
}

static enum resource_result apply(struct resource_call *rc, const struct part *part,
                                  const struct json *before, const struct json *after)
{
    if (part->is_by_id)
        return put_each(rc, part, before, after);
    if (after) {
        struct json *payload = part->convert(rc->call->arena, after);
        complete(rc, part, payload);
        return call_with(rc, part->put, (struct str){0}, part->payload, payload);
    }
    if (part->remove >= 0)
        return call_with(rc, part->remove, (struct str){0}, NULL, NULL);
    struct json *fallback = NULL;
    int error = json_parse(rc->call->arena, str_from_cstr(part->fallback), 0, &fallback, NULL);
    CHECK(error == 0);
    return call_with(rc, part->put, (struct str){0}, part->payload, fallback);
}

static enum resource_result apply_tags(struct resource_call *rc)
{
    struct arena *arena = rc->call->arena;
    const struct json *tags = resource_tags(rc, "Tags");
    struct json *payload = json_new(arena, JSON_OBJECT);
    json_set(payload, STR("TagSet"), json_copy(arena, tags));
    return call_with(rc, S3_OP_PUT_BUCKET_TAGGING, (struct str){0}, "Tagging", payload);
}

/* "PublicReadWrite" is "public-read-write". */
static struct str canned_name(struct arena *arena, struct str name)
{
    struct buf out;
    buf_init(&out, arena, name.len * 2 + 1);
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool is_upper = c >= 'A' && c <= 'Z';
        if (is_upper && i > 0)
            buf_append_char(&out, '-');
        buf_append_char(&out, is_upper ? (char)(c - 'A' + 'a') : c);
    }
    return buf_str(&out);
}

static enum resource_result apply_acl(struct resource_call *rc)
{
    struct str acl = resource_string(rc->properties, "AccessControl");
    const struct s3_put_bucket_acl_in in = {
        .bucket = rc->physical_id,
        .acl = canned_name(rc->call->arena, str_or(acl, STR("Private"))),
    };
    struct s3_put_bucket_acl_out out = {0};
    return resource_invoke(rc, &s3_model, &s3_operations[S3_OP_PUT_BUCKET_ACL], &in, &out, NULL);
}

/* ---- AWS::S3::Bucket ---- */

static enum resource_result create_bucket(struct resource_call *rc)
{
    struct call *call = rc->call;
    struct str name = resource_string(rc->properties, "BucketName");
    if (name.len == 0)
        name = str_lower(call->arena, resource_physical_name(rc, 63, STR("")));
    struct s3_create_bucket_configuration where = {.location_constraint = call->scope.region};
    struct s3_create_bucket_in in = {
        .bucket = name,
        .object_lock_enabled_for_bucket = resource_boolean(rc->properties, "ObjectLockEnabled"),
    };
    if (!str_eq_cstr(call->scope.region, "us-east-1"))
        in.create_bucket_configuration = &where;
    /* CreateBucket may be repeated in us-east-1, CloudFormation's may not. */
    struct s3_bucket_row *found = NULL;
    int error = s3_store_find_bucket(call->db, call->arena, name, &found);
    if (error < 0)
        return resource_fail(rc, "s3: find a bucket");
    if (found)
        return resource_fail(rc, STR_FMT " already exists", STR_ARG(name));
    struct s3_create_bucket_out out = {0};
    enum resource_result result =
        resource_invoke(rc, &s3_model, &s3_operations[S3_OP_CREATE_BUCKET], &in, &out, NULL);
    if (result != RESOURCE_DONE)
        return result;
    rc->physical_id = name;
    for (size_t i = 0; i < ARRAY_LEN(parts) && result == RESOURCE_DONE; i++) {
        const struct json *value = json_find_cstr(rc->properties, parts[i].property);
        if (value)
            result = apply(rc, &parts[i], NULL, value);
    }
    if (result == RESOURCE_DONE && resource_string(rc->properties, "AccessControl").ptr)
        result = apply_acl(rc);
    return result == RESOURCE_DONE ? apply_tags(rc) : result;
}

static enum resource_result update_bucket(struct resource_call *rc)
{
    enum resource_result result = RESOURCE_DONE;
    for (size_t i = 0; i < ARRAY_LEN(parts) && result == RESOURCE_DONE; i++) {
        if (resource_changed(rc, parts[i].property))
            result = apply(rc, &parts[i], json_find_cstr(rc->old_properties, parts[i].property),
                           json_find_cstr(rc->properties, parts[i].property));
    }
    if (result == RESOURCE_DONE && resource_changed(rc, "AccessControl"))
        result = apply_acl(rc);
    return result == RESOURCE_DONE ? apply_tags(rc) : result;
}

static enum resource_result remove_bucket(struct resource_call *rc)
{
    const struct s3_delete_bucket_in in = {.bucket = rc->physical_id};
    struct s3_delete_bucket_out out = {0};
    struct str code = STR("");
    enum resource_result result =
        resource_invoke(rc, &s3_model, &s3_operations[S3_OP_DELETE_BUCKET], &in, &out, &code);
    bool is_gone = str_eq(code, S3_NO_SUCH_BUCKET.code);
    return result == RESOURCE_FAILED && is_gone ? RESOURCE_DONE : result;
}

static const struct str bucket_attributes[] = {
    STR_INIT("Arn"),
    STR_INIT("DomainName"),
    STR_INIT("DualStackDomainName"),
    STR_INIT("RegionalDomainName"),
    STR_INIT("WebsiteURL"),
};

/* AWS: "Website endpoints": regions of before 2014 have a dash before their name. */
static bool has_old_website_host(struct str region)
{
    static const struct str old[] = {
        STR_INIT("us-east-1"),      STR_INIT("us-west-1"),      STR_INIT("us-west-2"),
        STR_INIT("ap-southeast-1"), STR_INIT("ap-southeast-2"), STR_INIT("ap-northeast-1"),
        STR_INIT("eu-west-1"),      STR_INIT("sa-east-1"),      STR_INIT("us-gov-west-1"),
    };
    for (size_t i = 0; i < ARRAY_LEN(old); i++) {
        if (str_eq(old[i], region))
            return true;
    }
    return false;
}

static enum resource_result bucket_attribute(struct resource_call *rc, struct str name,
                                             struct json **out_value)
{
    struct arena *arena = rc->call->arena;
    struct str id = rc->physical_id;
    struct str region = rc->call->scope.region;
    struct str value = s3_bucket_arn(arena, id);
    if (str_eq_cstr(name, "DomainName"))
        value = str_concat(arena, id, STR(".s3.amazonaws.com"));
    else if (str_eq_cstr(name, "DualStackDomainName"))
        value = str_format(arena, STR_FMT ".s3.dualstack." STR_FMT ".amazonaws.com", STR_ARG(id),
                           STR_ARG(region));
    else if (str_eq_cstr(name, "RegionalDomainName"))
        value = str_format(arena, STR_FMT ".s3." STR_FMT ".amazonaws.com", STR_ARG(id),
                           STR_ARG(region));
    else if (str_eq_cstr(name, "WebsiteURL"))
        value = str_format(arena, "http://" STR_FMT ".s3-website%s" STR_FMT ".amazonaws.com",
                           STR_ARG(id), has_old_website_host(region) ? "-" : ".", STR_ARG(region));
    *out_value = json_new_string(arena, value);
    return RESOURCE_DONE;
}

/* Calls a Get and puts what it answers in, as JSON, when it answers. */
static enum resource_result read_part(struct resource_call *rc, int op, const char *member,
                                      const char *property, struct json *properties)
{
    struct arena *arena = rc->call->arena;
    const struct operation *operation = &s3_operations[op];
    void *in = arena_alloc(arena, operation->in_size);
    void *out = arena_alloc(arena, operation->out_size);
    struct str code = STR("");
    set_text(operation, in, "Bucket", rc->physical_id);
    if (resource_invoke(rc, &s3_model, operation, in, out, &code) != RESOURCE_DONE)
        return str_eq(code, S3_NO_SUCH_BUCKET.code) ? RESOURCE_FAILED : RESOURCE_DONE;
    struct buf text;
    struct json *answer = NULL;
    buf_init(&text, arena, WIRE_MAX_BODY);
    wire_to_json(&text, operation->out, out);
    if (json_parse(arena, buf_str(&text), 0, &answer, NULL) < 0)
        return RESOURCE_DONE;
    struct json *value = member ? json_find_cstr(answer, member) : answer;
    if (value && value->count > 0)
        json_set(properties, str_from_cstr(property), json_copy(arena, value));
    return RESOURCE_DONE;
}

static struct json *encryption_of(struct arena *arena, const struct json *configuration)
{
    struct json *rules = json_new(arena, JSON_ARRAY);
    const struct json *from = json_find_cstr(configuration, "Rules");
    for (const struct json *rule = from ? from->first : NULL; rule; rule = rule->next) {
        struct json *copy = json_new(arena, JSON_OBJECT);
        const struct json *by_default = json_find_cstr(rule, "ApplyServerSideEncryptionByDefault");
        const struct json *key = json_find_cstr(rule, "BucketKeyEnabled");
        if (key)
            json_set(copy, STR("BucketKeyEnabled"), json_copy(arena, key));
        if (by_default)
            json_set(copy, STR("ServerSideEncryptionByDefault"), json_copy(arena, by_default));
        json_append(rules, copy);
    }
    struct json *out = json_new(arena, JSON_OBJECT);
    json_set(out, STR("ServerSideEncryptionConfiguration"), rules);
    return out;
}

static enum resource_result read_bucket(struct resource_call *rc, struct json **out_properties)
{
    static const struct {
        int op;
        const char *member;
        const char *property;
    } reads[] = {
        {S3_OP_GET_PUBLIC_ACCESS_BLOCK, "PublicAccessBlockConfiguration",
         "PublicAccessBlockConfiguration"},
        {S3_OP_GET_BUCKET_OWNERSHIP_CONTROLS, "OwnershipControls", "OwnershipControls"},
        {S3_OP_GET_BUCKET_VERSIONING, NULL, "VersioningConfiguration"},
        {S3_OP_GET_BUCKET_ENCRYPTION, "ServerSideEncryptionConfiguration", "BucketEncryption"},
        {S3_OP_GET_BUCKET_TAGGING, "TagSet", "Tags"},
    };
    struct arena *arena = rc->call->arena;
    struct json *properties = json_new(arena, JSON_OBJECT);
    json_set(properties, STR("BucketName"), json_new_string(arena, rc->physical_id));
    for (size_t i = 0; i < ARRAY_LEN(reads); i++) {
        enum resource_result result =
            read_part(rc, reads[i].op, reads[i].member, reads[i].property, properties);
        if (result != RESOURCE_DONE)
            return result;
    }
    const struct json *encryption = json_find_cstr(properties, "BucketEncryption");
    if (encryption)
        json_set(properties, STR("BucketEncryption"), encryption_of(arena, encryption));
    *out_properties = properties;
    return RESOURCE_DONE;
}

/* ---- AWS::S3::BucketPolicy ---- */

static const struct resource_property policy_properties[] = {
    {
        .name = STR_INIT("Bucket"),
        .type = PROPERTY_STRING,
        .update = UPDATE_REPLACEMENT,
        .is_required = true,
    },
    {
        .name = STR_INIT("PolicyDocument"),
        .type = PROPERTY_JSON,
        .is_required = true,
    },
};

static enum resource_result put_policy(struct resource_call *rc)
{
    const struct s3_put_bucket_policy_in in = {
        .bucket = rc->physical_id,
        .policy = resource_json_text(rc, rc->properties, "PolicyDocument"),
    };
    struct s3_put_bucket_policy_out out = {0};
    return resource_invoke(rc, &s3_model, &s3_operations[S3_OP_PUT_BUCKET_POLICY], &in, &out, NULL);
}

static enum resource_result create_policy(struct resource_call *rc)
{
    rc->physical_id = resource_string(rc->properties, "Bucket");
    struct s3_bucket_row *bucket = NULL;
    int error = s3_store_find_bucket(rc->call->db, rc->call->arena, rc->physical_id, &bucket);
    if (error < 0)
        return resource_fail(rc, "s3: find a bucket");
    if (bucket && bucket->policy.ptr && str_eq(bucket->account, rc->call->scope.account))
        return resource_fail(rc, "The bucket policy already exists on bucket " STR_FMT ".",
                             STR_ARG(rc->physical_id));
    return put_policy(rc);
}

static enum resource_result remove_policy(struct resource_call *rc)
{
    const struct s3_delete_bucket_policy_in in = {.bucket = rc->physical_id};
    struct s3_delete_bucket_policy_out out = {0};
    struct str code = STR("");
    enum resource_result result = resource_invoke(
        rc, &s3_model, &s3_operations[S3_OP_DELETE_BUCKET_POLICY], &in, &out, &code);
    bool is_gone = str_eq(code, S3_NO_SUCH_BUCKET.code);
    return result == RESOURCE_FAILED && is_gone ? RESOURCE_DONE : result;
}

static enum resource_result read_policy(struct resource_call *rc, struct json **out_properties)
{
    const struct s3_get_bucket_policy_in in = {.bucket = rc->physical_id};
    struct s3_get_bucket_policy_out out = {0};
    struct json *document = NULL;
    enum resource_result result =
        resource_invoke(rc, &s3_model, &s3_operations[S3_OP_GET_BUCKET_POLICY], &in, &out, NULL);
    if (result != RESOURCE_DONE)
        return result;
    if (json_parse(rc->call->arena, out.policy, 0, &document, NULL) < 0)
        return resource_fail(rc, "The bucket policy is not JSON.");
    *out_properties = json_new(rc->call->arena, JSON_OBJECT);
    json_set(*out_properties, STR("Bucket"), json_new_string(rc->call->arena, rc->physical_id));
    json_set(*out_properties, STR("PolicyDocument"), document);
    return RESOURCE_DONE;
}

const struct resource_type s3_resource_types[S3_RESOURCE_TYPE_COUNT] = {
    {
        .name = STR_INIT("AWS::S3::Bucket"),
        .properties = s3_bucket_properties,
        .property_count = S3_BUCKET_PROPERTY_COUNT,
        .attributes = bucket_attributes,
        .attribute_count = ARRAY_LEN(bucket_attributes),
        .accepts_tags = true,
        .create = create_bucket,
        .update = update_bucket,
        .remove = remove_bucket,
        .attribute = bucket_attribute,
        .read = read_bucket,
    },
    {
        .name = STR_INIT("AWS::S3::BucketPolicy"),
        .properties = policy_properties,
        .property_count = ARRAY_LEN(policy_properties),
        .create = create_policy,
        .update = put_policy,
        .remove = remove_policy,
        .read = read_policy,
    },
};
