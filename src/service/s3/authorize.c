/* authorize.c — may this caller do this in this bucket? The `authorize` hook of S3.
 *
 * The hook finds the bucket, redirects to its region, checks the expected owner and who pays, and
 * then decides itself: what speaks for a request are the caller's own policies, the bucket's policy
 * and ACLs; what speaks against it are Denies and public access blocks. ACLs are turned into
 * statements of the resource policy (acl.c), so that the policy engine judges everything at once.
 * The commonest case, the owner's account on a bucket without policy, is decided without any of it.
 *
 * An object that another account owns (only where ownership is not enforced) is judged by its own
 * ACL and the Denies of the bucket's policy: AWS: "How Amazon S3 authorizes a request for an object
 * operation".
 *
 * Docs: service authorization reference, "Actions, resources, and condition keys for Amazon S3";
 * user guide, "Required permissions for Amazon S3 API operations", "Blocking public access".
 */
#include <errno.h>

#include "auth/digest.h"
#include "auth/policy.h"
#include "base/arena.h"
#include "net/http.h"
#include "service/s3/bucket.h"
#include "syntax/base64.h"
#include "syntax/json.h"
#include "syntax/time.h"
#include "syntax/uri.h"
#include "wire/identity.h"

enum level {
    ON_BUCKET, /* the default */
    ON_OBJECT,
    ON_SERVICE,
    UNCHECKED, /* the handler asks itself, or anybody may */
};

enum special {
    OWNER_ONLY = 1 << 0, /* 405 for other accounts, whatever the policy says */
    WRITES_OBJECT =
        1 << 1, /* tags, ACLs and locks among its headers need permissions of their own */
    COPIES = 1 << 2,
};

/* Operations whose action is not their name, or that act on something else than a bucket. `version`
 * is the action when a version is named. */
static const struct rule {
    enum level level;
    unsigned special;
    const char *action;
    const char *version;
} rules[S3_OP_COUNT] = {
    [S3_OP_ABORT_MULTIPART_UPLOAD] = {ON_OBJECT, 0, NULL, NULL},
    [S3_OP_COMPLETE_MULTIPART_UPLOAD] = {ON_OBJECT, 0, "s3:PutObject", NULL},
    [S3_OP_COPY_OBJECT] = {ON_OBJECT, WRITES_OBJECT | COPIES, "s3:PutObject", NULL},
    [S3_OP_CREATE_BUCKET] = {ON_SERVICE, 0, NULL, NULL},
    [S3_OP_CREATE_MULTIPART_UPLOAD] = {ON_OBJECT, WRITES_OBJECT, "s3:PutObject", NULL},
    [S3_OP_DELETE_BUCKET_ANALYTICS_CONFIGURATION] = {0, 0, "s3:PutAnalyticsConfiguration", NULL},
    [S3_OP_DELETE_BUCKET_CORS] = {0, 0, "s3:PutBucketCORS", NULL},
    [S3_OP_DELETE_BUCKET_ENCRYPTION] = {0, 0, "s3:PutEncryptionConfiguration", NULL},
    [S3_OP_DELETE_BUCKET_INTELLIGENT_TIERING_CONFIGURATION] =
        {0, 0, "s3:PutIntelligentTieringConfiguration", NULL},
    [S3_OP_DELETE_BUCKET_INVENTORY_CONFIGURATION] = {0, 0, "s3:PutInventoryConfiguration", NULL},
    [S3_OP_DELETE_BUCKET_LIFECYCLE] = {0, 0, "s3:PutLifecycleConfiguration", NULL},
    [S3_OP_DELETE_BUCKET_METRICS_CONFIGURATION] = {0, 0, "s3:PutMetricsConfiguration", NULL},
    [S3_OP_DELETE_BUCKET_OWNERSHIP_CONTROLS] = {0, 0, "s3:PutBucketOwnershipControls", NULL},
    [S3_OP_DELETE_BUCKET_POLICY] = {0, OWNER_ONLY, NULL, NULL},
    [S3_OP_DELETE_BUCKET_REPLICATION] = {0, 0, "s3:PutReplicationConfiguration", NULL},
    [S3_OP_DELETE_BUCKET_TAGGING] = {0, 0, "s3:PutBucketTagging", NULL},
    [S3_OP_DELETE_OBJECT] = {ON_OBJECT, 0, NULL, "s3:DeleteObjectVersion"},
    [S3_OP_DELETE_OBJECT_TAGGING] = {ON_OBJECT, 0, NULL, "s3:DeleteObjectVersionTagging"},
    [S3_OP_DELETE_OBJECTS] = {UNCHECKED, 0, NULL, NULL}, /* key by key, in the handler */
    [S3_OP_DELETE_PUBLIC_ACCESS_BLOCK] = {0, 0, "s3:PutBucketPublicAccessBlock", NULL},
    [S3_OP_GET_BUCKET_ACCELERATE_CONFIGURATION] = {0, 0, "s3:GetAccelerateConfiguration", NULL},
    [S3_OP_GET_BUCKET_ANALYTICS_CONFIGURATION] = {0, 0, "s3:GetAnalyticsConfiguration", NULL},
    [S3_OP_GET_BUCKET_CORS] = {0, 0, "s3:GetBucketCORS", NULL},
    [S3_OP_GET_BUCKET_ENCRYPTION] = {0, 0, "s3:GetEncryptionConfiguration", NULL},
    [S3_OP_GET_BUCKET_INTELLIGENT_TIERING_CONFIGURATION] = {0, 0,
                                                            "s3:GetIntelligentTieringConfiguration",
                                                            NULL},
    [S3_OP_GET_BUCKET_INVENTORY_CONFIGURATION] = {0, 0, "s3:GetInventoryConfiguration", NULL},
    [S3_OP_GET_BUCKET_LIFECYCLE_CONFIGURATION] = {0, 0, "s3:GetLifecycleConfiguration", NULL},
    [S3_OP_GET_BUCKET_METRICS_CONFIGURATION] = {0, 0, "s3:GetMetricsConfiguration", NULL},
    [S3_OP_GET_BUCKET_NOTIFICATION_CONFIGURATION] = {0, 0, "s3:GetBucketNotification", NULL},
    [S3_OP_GET_BUCKET_POLICY] = {0, OWNER_ONLY, NULL, NULL},
    [S3_OP_GET_BUCKET_REPLICATION] = {0, 0, "s3:GetReplicationConfiguration", NULL},
    [S3_OP_GET_OBJECT] = {ON_OBJECT, 0, NULL, "s3:GetObjectVersion"},
    [S3_OP_GET_OBJECT_ACL] = {ON_OBJECT, 0, NULL, "s3:GetObjectVersionAcl"},
    [S3_OP_GET_OBJECT_ATTRIBUTES] = {ON_OBJECT, 0, NULL, "s3:GetObjectVersionAttributes"},
    [S3_OP_GET_OBJECT_LEGAL_HOLD] = {ON_OBJECT, 0, NULL, NULL},
    [S3_OP_GET_OBJECT_LOCK_CONFIGURATION] = {0, 0, "s3:GetBucketObjectLockConfiguration", NULL},
    [S3_OP_GET_OBJECT_RETENTION] = {ON_OBJECT, 0, NULL, NULL},
    [S3_OP_GET_OBJECT_TAGGING] = {ON_OBJECT, 0, NULL, "s3:GetObjectVersionTagging"},
    [S3_OP_GET_OBJECT_TORRENT] = {ON_OBJECT, 0, NULL, NULL},
    [S3_OP_GET_PUBLIC_ACCESS_BLOCK] = {0, 0, "s3:GetBucketPublicAccessBlock", NULL},
    [S3_OP_HEAD_BUCKET] = {0, 0, "s3:ListBucket", NULL},
    [S3_OP_HEAD_OBJECT] = {ON_OBJECT, 0, "s3:GetObject", "s3:GetObjectVersion"},
    [S3_OP_LIST_BUCKET_ANALYTICS_CONFIGURATIONS] = {0, 0, "s3:GetAnalyticsConfiguration", NULL},
    [S3_OP_LIST_BUCKET_INTELLIGENT_TIERING_CONFIGURATIONS] =
        {0, 0, "s3:GetIntelligentTieringConfiguration", NULL},
    [S3_OP_LIST_BUCKET_INVENTORY_CONFIGURATIONS] = {0, 0, "s3:GetInventoryConfiguration", NULL},
    [S3_OP_LIST_BUCKET_METRICS_CONFIGURATIONS] = {0, 0, "s3:GetMetricsConfiguration", NULL},
    [S3_OP_LIST_BUCKETS] = {ON_SERVICE, 0, "s3:ListAllMyBuckets", NULL},
    [S3_OP_LIST_MULTIPART_UPLOADS] = {0, 0, "s3:ListBucketMultipartUploads", NULL},
    [S3_OP_LIST_OBJECT_VERSIONS] = {0, 0, "s3:ListBucketVersions", NULL},
    [S3_OP_LIST_OBJECTS] = {0, 0, "s3:ListBucket", NULL},
    [S3_OP_LIST_OBJECTS_V2] = {0, 0, "s3:ListBucket", NULL},
    [S3_OP_LIST_PARTS] = {ON_OBJECT, 0, "s3:ListMultipartUploadParts", NULL},
    [S3_OP_POST_OBJECT] = {UNCHECKED, 0, NULL, NULL},
    [S3_OP_PREFLIGHT_BUCKET] = {UNCHECKED, 0, NULL, NULL},
    [S3_OP_PREFLIGHT_OBJECT] = {UNCHECKED, 0, NULL, NULL},
    [S3_OP_PUT_BUCKET_ACCELERATE_CONFIGURATION] = {0, 0, "s3:PutAccelerateConfiguration", NULL},
    [S3_OP_PUT_BUCKET_ANALYTICS_CONFIGURATION] = {0, 0, "s3:PutAnalyticsConfiguration", NULL},
    [S3_OP_PUT_BUCKET_CORS] = {0, 0, "s3:PutBucketCORS", NULL},
    [S3_OP_PUT_BUCKET_ENCRYPTION] = {0, 0, "s3:PutEncryptionConfiguration", NULL},
    [S3_OP_PUT_BUCKET_INTELLIGENT_TIERING_CONFIGURATION] = {0, 0,
                                                            "s3:PutIntelligentTieringConfiguration",
                                                            NULL},
    [S3_OP_PUT_BUCKET_INVENTORY_CONFIGURATION] = {0, 0, "s3:PutInventoryConfiguration", NULL},
    [S3_OP_PUT_BUCKET_LIFECYCLE_CONFIGURATION] = {0, 0, "s3:PutLifecycleConfiguration", NULL},
    [S3_OP_PUT_BUCKET_METRICS_CONFIGURATION] = {0, 0, "s3:PutMetricsConfiguration", NULL},
    [S3_OP_PUT_BUCKET_NOTIFICATION_CONFIGURATION] = {0, 0, "s3:PutBucketNotification", NULL},
    [S3_OP_PUT_BUCKET_POLICY] = {0, OWNER_ONLY, NULL, NULL},
    [S3_OP_PUT_BUCKET_REPLICATION] = {0, 0, "s3:PutReplicationConfiguration", NULL},
    [S3_OP_PUT_OBJECT] = {ON_OBJECT, WRITES_OBJECT, NULL, NULL},
    [S3_OP_PUT_OBJECT_ACL] = {ON_OBJECT, 0, NULL, "s3:PutObjectVersionAcl"},
    [S3_OP_PUT_OBJECT_LEGAL_HOLD] = {ON_OBJECT, 0, NULL, NULL},
    [S3_OP_PUT_OBJECT_LOCK_CONFIGURATION] = {0, 0, "s3:PutBucketObjectLockConfiguration", NULL},
    [S3_OP_PUT_OBJECT_RETENTION] = {ON_OBJECT, 0, NULL, NULL},
    [S3_OP_PUT_OBJECT_TAGGING] = {ON_OBJECT, 0, NULL, "s3:PutObjectVersionTagging"},
    [S3_OP_PUT_PUBLIC_ACCESS_BLOCK] = {0, 0, "s3:PutBucketPublicAccessBlock", NULL},
    [S3_OP_RENAME_OBJECT] = {ON_OBJECT, 0, NULL, NULL},
    [S3_OP_RESTORE_OBJECT] = {ON_OBJECT, 0, NULL, NULL},
    [S3_OP_SELECT_OBJECT_CONTENT] = {ON_OBJECT, 0, "s3:GetObject", NULL},
    [S3_OP_UPDATE_OBJECT_ENCRYPTION] = {ON_OBJECT, 0, NULL, NULL},
    [S3_OP_UPLOAD_PART] = {ON_OBJECT, 0, "s3:PutObject", NULL},
    [S3_OP_UPLOAD_PART_COPY] = {ON_OBJECT, COPIES, "s3:PutObject", NULL},
    [S3_OP_WEBSITE_OBJECT] = {UNCHECKED, 0, NULL, NULL},
    [S3_OP_WEBSITE_ROOT] = {UNCHECKED, 0, NULL, NULL},
    [S3_OP_WRITE_GET_OBJECT_RESPONSE] = {UNCHECKED, 0, NULL, NULL},
};

struct s3_subject *s3_subject(struct call *call)
{
    CHECK(call->subject != NULL);
    return call->subject;
}

struct s3_bucket_row *s3_bucket_of(struct call *call)
{
    struct s3_bucket_row *bucket = s3_subject(call)->bucket;
    CHECK(bucket != NULL);
    return bucket;
}

/* ---- context keys ---- */

struct context {
    struct call *call;
    struct vec keys; /* struct condition_value */
};

static void add_key(struct context *context, struct str key, struct str value)
{
    if (!value.ptr)
        return;
    struct str *values = arena_alloc(context->call->arena, sizeof(*values));
    *values = value;
    *(struct condition_value *)vec_push(&context->keys) =
        (struct condition_value){.key = key, .values = values, .value_count = 1};
}

/* AWS: condition keys that repeat a header or parameter of the request, by the member's name. */
static const struct {
    const char *member;
    const char *key;
} member_keys[] = {
    {"ACL", "s3:x-amz-acl"},
    {"BucketKeyEnabled", "s3:x-amz-server-side-encryption-bucket-key-enabled"},
    {"CopySource", "s3:x-amz-copy-source"},
    {"Delimiter", "s3:delimiter"},
    {"GrantFullControl", "s3:x-amz-grant-full-control"},
    {"GrantRead", "s3:x-amz-grant-read"},
    {"GrantReadACP", "s3:x-amz-grant-read-acp"},
    {"GrantWrite", "s3:x-amz-grant-write"},
    {"GrantWriteACP", "s3:x-amz-grant-write-acp"},
    {"IfMatch", "s3:if-match"},
    {"IfNoneMatch", "s3:if-none-match"},
    {"MaxKeys", "s3:max-keys"},
    {"MetadataDirective", "s3:x-amz-metadata-directive"},
    {"ObjectLockLegalHoldStatus", "s3:object-lock-legal-hold"},
    {"ObjectLockMode", "s3:object-lock-mode"},
    {"ObjectOwnership", "s3:x-amz-object-ownership"},
    {"Prefix", "s3:prefix"},
    {"SSECustomerAlgorithm", "s3:x-amz-server-side-encryption-customer-algorithm"},
    {"SSEKMSKeyId", "s3:x-amz-server-side-encryption-aws-kms-key-id"},
    {"ServerSideEncryption", "s3:x-amz-server-side-encryption"},
    {"StorageClass", "s3:x-amz-storage-class"},
    {"VersionId", "s3:VersionId"},
    {"WebsiteRedirectLocation", "s3:x-amz-website-redirect-location"},
};

static void add_member_keys(struct context *context, const void *in)
{
    const struct operation *operation = context->call->operation;
    for (size_t i = 0; in && i < ARRAY_LEN(member_keys); i++)
        add_key(context, str_from_cstr(member_keys[i].key),
                s3_input_text(operation, in, member_keys[i].member));
}

/* Tags that the request brings: x-amz-tagging. */
static void add_request_tags(struct context *context, const void *in)
{
    struct arena *arena = context->call->arena;
    struct str header =
        in ? s3_input_text(context->call->operation, in, "Tagging") : (struct str){0};
    struct form tags = {0};
    if (!header.ptr || form_parse(arena, header, true, &tags) < 0 || tags.count == 0)
        return;
    struct str *names = arena_alloc_array(arena, tags.count, sizeof(*names));
    for (size_t i = 0; i < tags.count; i++) {
        names[i] = tags.fields[i].name;
        add_key(context, str_concat(arena, STR("s3:RequestObjectTag/"), names[i]),
                tags.fields[i].value);
    }
    *(struct condition_value *)vec_push(&context->keys) = (struct condition_value){
        .key = STR("s3:RequestObjectTagKeys"), .values = names, .value_count = tags.count};
}

static void add_existing_tags(struct context *context, const struct s3_object_row *object)
{
    struct arena *arena = context->call->arena;
    struct json *tags = NULL;
    if (!object || !object->tags.ptr || json_parse(arena, object->tags, 0, &tags, NULL) < 0)
        return;
    for (const struct json *tag = tags->first; tag; tag = tag->next)
        add_key(context, str_concat(arena, STR("s3:ExistingObjectTag/"), tag->key), tag->text);
}

/* AWS: "Amazon S3 signature version 4 authentication-specific policy keys". */
static void add_signature_keys(struct context *context)
{
    struct call *call = context->call;
    const struct http_exchange *exchange = call->exchange;
    if (!exchange)
        return;
    struct str authorization = http_header(exchange, "authorization");
    struct form query = {0};
    if (authorization.ptr) {
        bool is_v4 = str_starts_with(authorization, STR("AWS4-"));
        add_key(context, STR("s3:authType"), STR("REST-HEADER"));
        add_key(context, STR("s3:signatureversion"), is_v4 ? STR("AWS4-HMAC-SHA256") : STR("AWS"));
    } else if (exchange->raw_query.ptr &&
               form_parse(call->arena, exchange->raw_query, false, &query) == 0) {
        struct str date = form_find(&query, STR("X-Amz-Date"));
        int64_t signed_ms = 0;
        bool is_v4 = form_find(&query, STR("X-Amz-Signature")).ptr != NULL;
        if (is_v4 || form_find(&query, STR("Signature")).ptr) {
            add_key(context, STR("s3:authType"), STR("REST-QUERY-STRING"));
            add_key(context, STR("s3:signatureversion"),
                    is_v4 ? STR("AWS4-HMAC-SHA256") : STR("AWS"));
        }
        if (date.ptr && time_parse_basic(date, &signed_ms) == 0)
            add_key(context, STR("s3:signatureAge"),
                    str_format(call->arena, "%lld", (long long)(call->now_ms - signed_ms)));
    }
    add_key(context, STR("s3:x-amz-content-sha256"), http_header(exchange, "x-amz-content-sha256"));
    /* The TLS layer speaks 1.2 and above. */
    if (exchange->is_tls)
        add_key(context, STR("s3:TlsVersion"), STR("1.2"));
}

/* ---- the decision ---- */

enum status s3_effective_block(struct call *call, const struct s3_bucket_row *bucket,
                               unsigned *out_bits)
{
    struct str body = {0};
    int rc = s3_store_find_account_block(call->db, call->arena, bucket->account, &body);
    if (rc < 0)
        return call_fail_internal(call, rc, "s3: find the account's public access block");
    *out_bits =
        s3_block_bits(call->arena, bucket->public_access) | s3_block_bits(call->arena, body);
    return STATUS_DONE;
}

/* One question. */
struct question {
    const struct s3_bucket_row *bucket;
    struct str key;                     /* absent: about the bucket */
    const struct s3_object_row *object; /* when known */
    struct str action;
    const void *in; /* of the operation, for context keys; or NULL */
};

static bool uses_acls(const struct s3_bucket_row *bucket)
{
    return bucket->ownership.ptr && !str_eq_cstr(bucket->ownership, "BucketOwnerEnforced");
}

/* Statements of a policy, one or many, into an array. */
static void add_statements(const struct json *policy, bool only_denies, struct arena *arena,
                           struct json *statements)
{
    const struct json *all = json_find_cstr(policy, "Statement");
    const struct json *first = json_is_object(all) ? all : all ? all->first : NULL;
    for (const struct json *item = first; item; item = item == all ? NULL : item->next) {
        if (only_denies && !str_eq_cstr(json_find_str(item, "Effect"), "Deny"))
            continue;
        struct json *copy = json_copy(arena, item);
        copy->key = (struct str){0};
        json_append(statements, copy);
    }
}

/* The policy that the request is judged by: the bucket's, with the ACL of what it is about. */
static enum status resource_policy(struct call *call, const struct question *question,
                                   bool is_foreign, struct str *out_policy)
{
    const struct s3_bucket_row *bucket = question->bucket;
    *out_policy = bucket->policy;
    if (!uses_acls(bucket))
        return STATUS_DONE;
    bool is_about_object = question->key.ptr && question->object && !question->object->is_marker;
    struct s3_acl_view view = {
        .acl = is_about_object ? question->object->acl : bucket->acl,
        .owner = is_about_object ? question->object->owner : bucket->account,
        .is_object = is_about_object,
    };
    unsigned block = 0;
    enum status status = s3_effective_block(call, bucket, &block);
    if (status != STATUS_DONE)
        return status;
    view.ignores_public = (block & S3_IGNORE_ACLS) != 0;
    struct json *statements = json_new(call->arena, JSON_ARRAY);
    struct json *policy = NULL;
    if (bucket->policy.ptr && json_parse(call->arena, bucket->policy, 0, &policy, NULL) == 0)
        add_statements(policy, is_foreign, call->arena, statements);
    s3_acl_statements(call->arena, &view, statements);
    /* Writing, and deleting, is granted by the bucket's list. */
    if (is_about_object) {
        view = (struct s3_acl_view){
            .acl = bucket->acl, .owner = bucket->account, .ignores_public = view.ignores_public};
        if (!is_foreign)
            s3_acl_statements(call->arena, &view, statements);
    }
    if (statements->count == 0) {
        *out_policy = (struct str){0};
        return STATUS_DONE;
    }
    struct json *document = json_new(call->arena, JSON_OBJECT);
    struct str version = json_find_str(policy, "Version");
    json_append_member(document, STR("Version"),
                       json_new_string(call->arena, str_or(version, STR("2008-10-17"))));
    json_append_member(document, STR("Statement"), statements);
    *out_policy = json_to_str(call->arena, document);
    return STATUS_DONE;
}

/* AWS: RestrictPublicBuckets: "only AWS service principals and authorized users within the bucket
 * owner's account can access this bucket if the bucket has a public policy". */
static enum status is_restricted(struct call *call, const struct question *question, bool *out)
{
    const struct s3_bucket_row *bucket = question->bucket;
    *out = false;
    if (!bucket->policy.ptr || call->principal->kind == PRINCIPAL_SERVICE ||
        str_eq(call->principal->account, bucket->account))
        return STATUS_DONE;
    const struct policy *policy = identity_compile(bucket->policy, POLICY_RESOURCE);
    if (!policy || !policy_is_public(policy))
        return STATUS_DONE;
    unsigned block = 0;
    enum status status = s3_effective_block(call, bucket, &block);
    *out = (block & S3_RESTRICT_BUCKETS) != 0;
    return status;
}

/* Fills in what the policy engine is asked; *out_is_known when the answer is clear without it. */
static enum status prepare(struct call *call, const struct question *question,
                           struct authorization *out, bool *out_is_allowed, bool *out_is_known)
{
    const struct s3_bucket_row *bucket = question->bucket;
    bool is_own = str_eq(call->principal->account, bucket->account);
    const struct s3_object_row *object = question->object;
    bool is_foreign = uses_acls(bucket) && object && !object->is_marker && question->key.ptr &&
                      !str_eq(object->owner, bucket->account) &&
                      !str_eq_cstr(question->action, "s3:PutObject") &&
                      !str_starts_with(question->action, STR("s3:DeleteObject"));
    *out_is_known = true;
    *out_is_allowed =
        call->principal->kind == PRINCIPAL_ROOT && is_own && !bucket->policy.ptr && !is_foreign;
    if (*out_is_allowed)
        return STATUS_DONE;
    bool is_public = false;
    enum status status = is_restricted(call, question, &is_public);
    if (status != STATUS_DONE || is_public)
        return status;
    *out_is_known = false;
    struct context context = {.call = call};
    vec_init(&context.keys, call->arena, sizeof(struct condition_value));
    add_member_keys(&context, question->in);
    add_request_tags(&context, question->in);
    add_existing_tags(&context, object);
    add_signature_keys(&context);
    add_key(&context, STR("s3:ResourceAccount"), bucket->account);
    *out = (struct authorization){
        .action = question->action,
        .resource = question->key.ptr ? s3_object_arn(call->arena, bucket->name, question->key)
                                      : s3_bucket_arn(call->arena, bucket->name),
        .resource_account = is_foreign ? object->owner : bucket->account,
        .conditions = context.keys.items,
        .condition_count = context.keys.count,
    };
    return resource_policy(call, question, is_foreign, &out->resource_policy);
}

/* AWS: "Troubleshoot access denied (403 Forbidden) errors in Amazon S3": inside one account the
 * text says what is missing, with the resource in quotes; to others it is "Access Denied". */
static enum status word_refusal(struct call *call, const struct authorization *asked)
{
    if (call->error.error != &ERROR_ACCESS_DENIED)
        return STATUS_FAILED;
    bool is_own = str_eq(call->principal->account, asked->resource_account) &&
                  call->principal->kind != PRINCIPAL_ANONYMOUS;
    if (!is_own)
        return call_fail(call, &S3_ACCESS_DENIED, "Access Denied");
    struct str plain = str_concat(call->arena, STR(" on resource: "), asked->resource);
    struct str quoted =
        str_format(call->arena, " on resource: \"" STR_FMT "\"", STR_ARG(asked->resource));
    struct str text = str_replace(call->arena, call->error.message, plain, quoted);
    return call_fail(call, &S3_ACCESS_DENIED, STR_FMT, STR_ARG(text));
}

static enum status decide(struct call *call, const struct question *question)
{
    struct authorization asked = {0};
    bool is_allowed = false;
    bool is_known = false;
    enum status status = prepare(call, question, &asked, &is_allowed, &is_known);
    if (status != STATUS_DONE)
        return status;
    if (is_known)
        return is_allowed ? STATUS_DONE : call_fail(call, &S3_ACCESS_DENIED, "Access Denied");
    if (call_authorize(call, &asked) == STATUS_DONE)
        return STATUS_DONE;
    /* An object that is not there has no list that could let anybody read it: whoever may list the
     * bucket is told that it is not there. */
    bool is_missing = uses_acls(question->bucket) && question->key.ptr && !question->object &&
                      str_starts_with(question->action, STR("s3:GetObject"));
    if (is_missing && call->store_errno == 0 &&
        s3_may(call, question->bucket, (struct str){0}, NULL, "s3:ListBucket")) {
        call->error = (struct call_error){0};
        return STATUS_DONE;
    }
    return word_refusal(call, &asked);
}

bool s3_may(struct call *call, const struct s3_bucket_row *bucket, struct str key,
            const struct s3_object_row *object, const char *action)
{
    const struct question question = {
        .bucket = bucket, .key = key, .object = object, .action = str_from_cstr(action)};
    struct authorization asked = {0};
    bool is_allowed = false;
    bool is_known = false;
    if (prepare(call, &question, &asked, &is_allowed, &is_known) != STATUS_DONE)
        return false;
    return is_known ? is_allowed : call_is_allowed(call, &asked);
}

enum status s3_require(struct call *call, const struct s3_bucket_row *bucket, struct str key,
                       const struct s3_object_row *object, const char *action)
{
    const struct question question = {
        .bucket = bucket, .key = key, .object = object, .action = str_from_cstr(action)};
    return decide(call, &question);
}

enum status s3_no_such_key(struct call *call, const struct s3_bucket_row *bucket, struct str key)
{
    if (!s3_may(call, bucket, (struct str){0}, NULL, "s3:ListBucket")) {
        enum status status = s3_require(call, bucket, (struct str){0}, NULL, "s3:ListBucket");
        return status == STATUS_DONE ? STATUS_FAILED : status;
    }
    return s3_fail(call, &S3_NO_SUCH_KEY, &(struct s3_fault_details_error){.key = key},
                   "The specified key does not exist.");
}

/* ---- the bucket ---- */

/* AWS: 301 PermanentRedirect: "The bucket that you are attempting to access must be addressed using
 * the specified endpoint"; clients find the region in x-amz-bucket-region. */
static enum status check_region(struct call *call, const struct s3_bucket_row *bucket)
{
    const struct http_exchange *exchange = call->exchange;
    if (str_eq(call->scope.region, bucket->region))
        return STATUS_DONE;
    bool is_v4 =
        exchange && (str_starts_with(http_header(exchange, "authorization"), STR("AWS4-")) ||
                     str_contains(str_or(exchange->raw_query, STR("")), STR("X-Amz-Signature=")));
    /* Only a signature of version 4 says which region is meant. */
    if (!is_v4) {
        call->scope.region = bucket->region;
        return STATUS_DONE;
    }
    call_add_header(call, STR("x-amz-bucket-region"), bucket->region);
    const struct s3_fault_details_error details = {
        .endpoint = str_format(call->arena, STR_FMT ".s3." STR_FMT ".amazonaws.com",
                               STR_ARG(bucket->name), STR_ARG(bucket->region)),
        .bucket = bucket->name,
        .region = bucket->region,
    };
    return s3_fail(call, &S3_PERMANENT_REDIRECT, &details,
                   "The bucket you are attempting to access must be addressed using the specified "
                   "endpoint. Please send all future requests to this endpoint.");
}

static bool is_account_id(struct str text)
{
    bool is_valid = text.len == 12;
    for (size_t i = 0; i < text.len; i++)
        is_valid &= text.ptr[i] >= '0' && text.ptr[i] <= '9';
    return is_valid;
}

/* AWS: "Verifying bucket ownership with bucket owner condition". */
static enum status check_owner(struct call *call, const struct s3_bucket_row *bucket,
                               struct str expected)
{
    if (!expected.ptr)
        return STATUS_DONE;
    if (!is_account_id(expected))
        return s3_fail(call, &S3_INVALID_BUCKET_OWNER_AWS_ACCOUNT_ID, NULL,
                       "The value of the expected bucket owner parameter must be an AWS account "
                       "ID");
    if (!str_eq(expected, bucket->account))
        return call_fail(call, &S3_ACCESS_DENIED, "Access Denied");
    return STATUS_DONE;
}

/* AWS: "Using Requester Pays buckets for storage transfers and usage": requests of others that do
 * not say that they pay are refused, anonymous ones always. */
static enum status check_payer(struct call *call, const struct s3_bucket_row *bucket,
                               const void *in)
{
    if (!s3_has_config(bucket, S3_CONFIG_REQUEST_PAYMENT) ||
        str_eq(call->principal->account, bucket->account) ||
        call->principal->kind == PRINCIPAL_SERVICE)
        return STATUS_DONE;
    struct str payer = s3_input_text(call->operation, in, "RequestPayer");
    if (str_eq_cstr(payer, "requester") && call->principal->kind != PRINCIPAL_ANONYMOUS) {
        call_add_header(call, STR("x-amz-request-charged"), STR("requester"));
        return STATUS_DONE;
    }
    return call_fail(call, &S3_ACCESS_DENIED, "Access Denied");
}

static enum status find_bucket(struct call *call, struct str name,
                               struct s3_bucket_row **out_bucket)
{
    /* DEVIATION: access points and object lambdas, whose ARNs stand in place of bucket names, are
     * not implemented. */
    if (str_starts_with(name, STR("arn:")))
        return s3_fail(call, &S3_NOT_IMPLEMENTED, NULL,
                       "Access points (" STR_FMT ") are not implemented.", STR_ARG(name));
    int rc = s3_store_find_bucket(call->db, call->arena, name, out_bucket);
    if (rc < 0)
        return call_fail_internal(call, rc, "s3: find a bucket");
    if (*out_bucket)
        return STATUS_DONE;
    if (name.len < 3 || name.len > 255)
        return s3_fail(call, &S3_INVALID_BUCKET_NAME,
                       &(struct s3_fault_details_error){.bucket_name = name},
                       "The specified bucket is not valid.");
    return s3_fail_no_bucket(call, name);
}

/* ---- the source of a copy ---- */

static enum status split_source(struct call *call, struct str header, struct s3_subject *subject,
                                struct str *out_bucket)
{
    struct str source = str_starts_with(header, STR("/")) ? str_from(header, 1) : header;
    ptrdiff_t question = str_last_index(source, '?');
    if (question >= 0 && str_starts_with(str_from(source, (size_t)question), STR("?versionId="))) {
        subject->source_version = str_from(source, (size_t)question + STR("?versionId=").len);
        source = str_slice(source, 0, (size_t)question);
    }
    if (uri_decode(call->arena, source, true, &source) < 0)
        source = STR("");
    if (str_starts_with(source, STR("arn:")))
        return s3_fail(call, &S3_NOT_IMPLEMENTED, NULL,
                       "Access points (" STR_FMT ") are not implemented.", STR_ARG(source));
    ptrdiff_t slash = str_index(source, '/');
    if (slash <= 0 || (size_t)slash + 1 == source.len)
        return s3_fail_argument(call, "x-amz-copy-source", header,
                                "Copy Source must mention the source bucket and key: "
                                "sourcebucket/sourcekey");
    *out_bucket = str_slice(source, 0, (size_t)slash);
    subject->source_key = str_from(source, (size_t)slash + 1);
    return STATUS_DONE;
}

static enum status check_source(struct call *call, const void *in, struct s3_subject *subject)
{
    struct str name = {0};
    struct str header = str_or(s3_input_text(call->operation, in, "CopySource"), STR(""));
    enum status status = split_source(call, header, subject, &name);
    if (status == STATUS_DONE)
        status = find_bucket(call, name, &subject->source);
    if (status == STATUS_DONE)
        status = check_owner(call, subject->source,
                             s3_input_text(call->operation, in, "ExpectedSourceBucketOwner"));
    if (status != STATUS_DONE)
        return status;
    struct s3_object_row *object = NULL;
    if (uses_acls(subject->source) || call->principal->kind != PRINCIPAL_ROOT) {
        int rc = s3_store_find_object(call->db, call->arena, subject->source->bucket_key,
                                      subject->source_key, subject->source_version, &object);
        if (rc < 0)
            return call_fail_internal(call, rc, "s3: find the source");
    }
    return s3_require(call, subject->source, subject->source_key, object,
                      subject->source_version.ptr ? "s3:GetObjectVersion" : "s3:GetObject");
}

/* ---- permissions beside the operation's own ---- */

static const struct {
    const char *member;
    const char *action;
} write_actions[] = {
    {"ACL", "s3:PutObjectAcl"},
    {"GrantFullControl", "s3:PutObjectAcl"},
    {"GrantRead", "s3:PutObjectAcl"},
    {"GrantReadACP", "s3:PutObjectAcl"},
    {"GrantWriteACP", "s3:PutObjectAcl"},
    {"ObjectLockLegalHoldStatus", "s3:PutObjectLegalHold"},
    {"ObjectLockMode", "s3:PutObjectRetention"},
    {"Tagging", "s3:PutObjectTagging"},
};

/* Whether the bucket's list lets the caller write: then the object will be the caller's, lists
 * included. */
static bool may_write_by_list(struct call *call, const struct question *question)
{
    struct s3_bucket_row bucket = *question->bucket;
    bucket.policy = (struct str){0};
    return uses_acls(&bucket) && s3_may(call, &bucket, question->key, NULL, "s3:PutObject");
}

static enum status check_write_actions(struct call *call, const struct question *question)
{
    for (size_t i = 0; i < ARRAY_LEN(write_actions); i++) {
        struct question further = *question;
        further.action = str_from_cstr(write_actions[i].action);
        if (!s3_input_text(call->operation, question->in, write_actions[i].member).ptr)
            continue;
        bool is_list = str_eq_cstr(further.action, "s3:PutObjectAcl");
        if (is_list && may_write_by_list(call, question))
            continue;
        enum status status = decide(call, &further);
        if (status != STATUS_DONE)
            return status;
    }
    return STATUS_DONE;
}

/* ListBuckets, CreateBucket: only the caller's own policies speak. */
static enum status check_service(struct call *call, const void *in, struct str action)
{
    if (call->principal->kind == PRINCIPAL_ANONYMOUS)
        return call_fail(call, &S3_ACCESS_DENIED, "Access Denied");
    struct str name = s3_input_text(call->operation, in, "Bucket");
    const struct {
        struct str action;
        bool is_needed;
    } asked[] = {
        {action, true},
        {STR("s3:PutBucketAcl"), s3_input_text(call->operation, in, "ACL").ptr != NULL},
        {STR("s3:PutBucketOwnershipControls"),
         s3_input_text(call->operation, in, "ObjectOwnership").ptr != NULL},
    };
    struct context context = {.call = call};
    vec_init(&context.keys, call->arena, sizeof(struct condition_value));
    add_member_keys(&context, in);
    add_signature_keys(&context);
    for (size_t i = 0; i < ARRAY_LEN(asked); i++) {
        const struct authorization question = {
            .action = asked[i].action,
            .resource = s3_bucket_arn(call->arena, name.ptr ? name : STR("*")),
            .resource_account = call->scope.account,
            .conditions = context.keys.items,
            .condition_count = context.keys.count,
        };
        if (asked[i].is_needed && call_authorize(call, &question) != STATUS_DONE)
            return word_refusal(call, &question);
    }
    return STATUS_DONE;
}

/* ---- Content-MD5 of bodies that are no stream ---- */

static enum status check_digest(struct call *call)
{
    if (!call->exchange || (call->operation->flags & OPERATION_STREAMS_INPUT))
        return STATUS_DONE;
    struct str header = http_header(call->exchange, "content-md5");
    struct str wanted = {0};
    if (!header.ptr)
        return STATUS_DONE;
    if (base64_decode(call->arena, header, &wanted) < 0 || wanted.len != DIGEST_MD5_SIZE)
        return s3_fail(call, &S3_INVALID_DIGEST, NULL,
                       "The Content-MD5 you specified was invalid.");
    unsigned char digest[DIGEST_MD5_SIZE];
    digest_md5(call->raw_body, digest);
    if (str_eq(wanted, str_of((const char *)digest, sizeof(digest))))
        return STATUS_DONE;
    const struct s3_fault_details_error details = {
        .expected_digest = header,
        .calculated_digest =
            base64_encode_str(call->arena, str_of((const char *)digest, sizeof(digest))),
    };
    return s3_fail(call, &S3_BAD_DIGEST, &details,
                   "The Content-MD5 you specified did not match what we received.");
}

/* ---- the hook ---- */

/* Loads the version that the decision depends on: its tags, its owner, its list. */
static enum status load_object(struct call *call, struct question *question, struct str version_id)
{
    if (!question->key.ptr || (call->principal->kind == PRINCIPAL_ROOT &&
                               !uses_acls(question->bucket) && !question->bucket->policy.ptr))
        return STATUS_DONE;
    struct s3_object_row *object = NULL;
    int rc = s3_store_find_object(call->db, call->arena, question->bucket->bucket_key,
                                  question->key, version_id, &object);
    question->object = object;
    return rc < 0 ? call_fail_internal(call, rc, "s3: find a version") : STATUS_DONE;
}

static enum status check_object_or_bucket(struct call *call, const void *in,
                                          const struct rule *rule, struct str action)
{
    struct s3_subject *subject = s3_subject(call);
    struct str version_id = s3_input_text(call->operation, in, "VersionId");
    struct question question = {
        .bucket = subject->bucket,
        .in = in,
        .action = version_id.len > 0 && rule->version ? str_from_cstr(rule->version) : action,
    };
    if (rule->level == ON_OBJECT)
        question.key = s3_input_text(call->operation, in, "Key");
    enum status status = load_object(call, &question, version_id);
    if (status == STATUS_DONE)
        status = decide(call, &question);
    if (status == STATUS_DONE && rule->special & OWNER_ONLY &&
        !str_eq(call->principal->account, subject->bucket->account))
        return s3_fail(call, &S3_METHOD_NOT_ALLOWED, NULL,
                       "The specified method is not allowed against this resource.");
    if (status == STATUS_DONE && rule->special & WRITES_OBJECT)
        status = check_write_actions(call, &question);
    if (status == STATUS_DONE && rule->special & COPIES)
        status = check_source(call, in, subject);
    return status;
}

enum status s3_authorize(struct call *call, const void *in, struct authorization *out)
{
    const struct rule *rule = &rules[call->operation - s3_operations];
    struct str action = rule->action ? str_from_cstr(rule->action)
                                     : str_concat(call->arena, STR("s3:"), call->operation->name);
    out->action = (struct str){0}; /* decided here, not by the runtime */
    struct s3_subject *subject = arena_alloc(call->arena, sizeof(*subject));
    call->subject = subject;
    if (rule->level == ON_SERVICE)
        return check_service(call, in, action);
    struct str name = s3_input_text(call->operation, in, "Bucket");
    if (!name.ptr) /* WriteGetObjectResponse */
        return STATUS_DONE;
    enum status status = find_bucket(call, name, &subject->bucket);
    /* A website answers with a page of its own that there is no such bucket. */
    bool is_website = call->operation == &s3_operations[S3_OP_WEBSITE_ROOT] ||
                      call->operation == &s3_operations[S3_OP_WEBSITE_OBJECT];
    if (is_website && !subject->bucket && call->store_errno == 0) {
        call->error = (struct call_error){0};
        return STATUS_DONE;
    }
    if (status == STATUS_DONE)
        status = check_region(call, subject->bucket);
    if (status == STATUS_DONE)
        status = check_owner(call, subject->bucket,
                             s3_input_text(call->operation, in, "ExpectedBucketOwner"));
    if (status == STATUS_DONE && rule->level != UNCHECKED) {
        status = check_payer(call, subject->bucket, in);
        if (status == STATUS_DONE)
            status = check_object_or_bucket(call, in, rule, action);
    }
    return status == STATUS_DONE ? check_digest(call) : status;
}
