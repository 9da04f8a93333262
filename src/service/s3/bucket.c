/* bucket.c — S3 operations on buckets themselves: create, look up, list, delete.
 *
 * Names are unique over all accounts and regions. A bucket is made private: ACLs out of use, all
 * public access blocked, SSE-S3.
 *
 * Docs: S3 API reference, CreateBucket, DeleteBucket, HeadBucket, ListBuckets, GetBucketLocation;
 * user guide, "General purpose bucket naming rules".
 */
#include "service/s3/bucket.h"

#include <errno.h>

#include "base/arena.h"
#include "service/s3/store.h"
#include "syntax/base64.h"
#include "wire/identity.h"

enum {
    MIN_BUCKET_NAME = 3,
    MAX_BUCKET_NAME = 63,
    MAX_BUCKETS_PAGE = 10000, /* AWS: ListBuckets: MaxBuckets, 1 to 10000 */
    UPLOADS_PAGE = 1000,
};

/* AWS: "Bucket cannot have public ACLs set with BlockPublicAccess enabled". */
static const struct api_error BUCKET_ACL_WITH_BLOCK = {
    .code = STR_INIT("InvalidBucketAclWithBlockPublicAccessError"),
    .query_code = STR_INIT("InvalidBucketAclWithBlockPublicAccessError"),
    .http_status = 400,
    .query_status = 400,
    .is_sender = true,
};

/* AWS: "Amazon S3 endpoints and quotas". */
static const struct str regions[] = {
    STR_INIT("af-south-1"),     STR_INIT("ap-east-1"),      STR_INIT("ap-east-2"),
    STR_INIT("ap-northeast-1"), STR_INIT("ap-northeast-2"), STR_INIT("ap-northeast-3"),
    STR_INIT("ap-south-1"),     STR_INIT("ap-south-2"),     STR_INIT("ap-southeast-1"),
    STR_INIT("ap-southeast-2"), STR_INIT("ap-southeast-3"), STR_INIT("ap-southeast-4"),
    STR_INIT("ap-southeast-5"), STR_INIT("ap-southeast-6"), STR_INIT("ap-southeast-7"),
    STR_INIT("ca-central-1"),   STR_INIT("ca-west-1"),      STR_INIT("cn-north-1"),
    STR_INIT("cn-northwest-1"), STR_INIT("eu-central-1"),   STR_INIT("eu-central-2"),
    STR_INIT("eu-north-1"),     STR_INIT("eu-south-1"),     STR_INIT("eu-south-2"),
    STR_INIT("eu-west-1"),      STR_INIT("eu-west-2"),      STR_INIT("eu-west-3"),
    STR_INIT("il-central-1"),   STR_INIT("me-central-1"),   STR_INIT("me-south-1"),
    STR_INIT("mx-central-1"),   STR_INIT("sa-east-1"),      STR_INIT("us-east-1"),
    STR_INIT("us-east-2"),      STR_INIT("us-gov-east-1"),  STR_INIT("us-gov-west-1"),
    STR_INIT("us-west-1"),      STR_INIT("us-west-2"),
};

bool s3_is_region(struct str region)
{
    for (size_t i = 0; i < ARRAY_LEN(regions); i++) {
        if (str_eq(regions[i], region))
            return true;
    }
    return false;
}

struct str s3_bucket_arn(struct arena *arena, struct str bucket)
{
    return str_concat(arena, STR("arn:aws:s3:::"), bucket);
}

struct str s3_object_arn(struct arena *arena, struct str bucket, struct str key)
{
    return str_format(arena, "arn:aws:s3:::" STR_FMT "/" STR_FMT, STR_ARG(bucket), STR_ARG(key));
}

struct str s3_bucket_of_arn(struct str arn)
{
    const struct str prefix = STR("arn:aws:s3:::");
    struct str name = str_starts_with(arn, prefix) ? str_from(arn, prefix.len) : (struct str){0};
    return name.len > 0 && str_index(name, '/') < 0 ? name : (struct str){0};
}

static bool is_letter_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* Four decimal numbers with points between. */
static bool looks_like_address(struct str name)
{
    size_t parts = 0;
    struct str part = {0};
    while (str_split_next(&name, '.', &part)) {
        parts++;
        for (size_t i = 0; i < part.len; i++) {
            if (part.ptr[i] < '0' || part.ptr[i] > '9')
                return false;
        }
    }
    return parts == 4;
}

bool s3_is_bucket_name(struct str name)
{
    static const struct str prefixes[] = {STR_INIT("xn--"), STR_INIT("sthree-"),
                                          STR_INIT("amzn-s3-demo-")};
    static const struct str suffixes[] = {STR_INIT("-s3alias"), STR_INIT("--ol-s3"),
                                          STR_INIT(".mrap"), STR_INIT("--x-s3"),
                                          STR_INIT("--table-s3")};
    if (name.len < MIN_BUCKET_NAME || name.len > MAX_BUCKET_NAME || looks_like_address(name) ||
        !is_letter_or_digit(name.ptr[0]) || !is_letter_or_digit(name.ptr[name.len - 1]))
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (!is_letter_or_digit(c) && c != '-' && (c != '.' || name.ptr[i - 1] == '.'))
            return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
        if (str_starts_with(name, prefixes[i]))
            return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
        if (str_ends_with(name, suffixes[i]))
            return false;
    }
    return true;
}

/* ---- CreateBucket ---- */

/* The region that the bucket will be in. AWS: CreateBucket, LocationConstraint: requests to
 * us-east-1 may name any region, requests to others must name theirs. */
static enum status choose_region(struct call *call, const struct s3_create_bucket_in *in,
                                 struct str *out_region)
{
    const struct s3_create_bucket_configuration *wanted = in->create_bucket_configuration;
    struct str constraint = wanted ? wanted->location_constraint : (struct str){0};
    bool is_global = str_eq_cstr(call->scope.region, "us-east-1");
    if (constraint.len == 0) {
        *out_region = call->scope.region;
        if (is_global)
            return STATUS_DONE;
        return s3_fail(call, &S3_ILLEGAL_LOCATION_CONSTRAINT_EXCEPTION, NULL,
                       "The unspecified location constraint is incompatible for the region "
                       "specific endpoint this request was sent to.");
    }
    struct str region = str_eq_cstr(constraint, "EU") ? STR("eu-west-1") : constraint;
    if (!s3_is_region(region) || str_eq_cstr(region, "us-east-1")) {
        if (is_global || !s3_is_region(region))
            return s3_fail(call, &S3_INVALID_LOCATION_CONSTRAINT,
                           &(struct s3_fault_details_error){.region = constraint},
                           "The specified location-constraint is not valid");
    }
    if (!is_global && !str_eq(region, call->scope.region))
        return s3_fail(call, &S3_ILLEGAL_LOCATION_CONSTRAINT_EXCEPTION, NULL,
                       "The " STR_FMT " location constraint is incompatible for the region "
                       "specific endpoint this request was sent to.",
                       STR_ARG(constraint));
    *out_region = region;
    return STATUS_DONE;
}

static enum status check_new_name(struct call *call, const struct s3_create_bucket_in *in)
{
    const struct s3_create_bucket_configuration *wanted = in->create_bucket_configuration;
    if (str_ends_with(in->bucket, STR("--x-s3")) ||
        (wanted && (wanted->location || wanted->bucket)))
        return s3_fail(call, &S3_NOT_IMPLEMENTED, NULL, "Directory buckets are not implemented.");
    if (in->bucket_namespace.ptr && !str_eq_cstr(in->bucket_namespace, "global"))
        return s3_fail(call, &S3_NOT_IMPLEMENTED, NULL,
                       "Buckets of the namespace " STR_FMT " are not implemented.",
                       STR_ARG(in->bucket_namespace));
    if (!s3_is_bucket_name(in->bucket))
        return s3_fail(call, &S3_INVALID_BUCKET_NAME,
                       &(struct s3_fault_details_error){.bucket_name = in->bucket},
                       "The specified bucket is not valid.");
    return STATUS_DONE;
}

/* A name that is taken. AWS: CreateBucket, BucketAlreadyOwnedByYou: "in all AWS Regions except in
 * the North Virginia Region. For legacy compatibility, if you re-create an existing bucket that you
 * already own in the North Virginia Region, Amazon S3 returns 200 OK". */
static enum status answer_taken(struct call *call, const struct s3_bucket_row *bucket,
                                struct s3_create_bucket_out *out)
{
    const struct s3_fault_details_error details = {.bucket_name = bucket->name};
    if (!str_eq(bucket->account, call->scope.account))
        return s3_fail(call, &S3_BUCKET_ALREADY_EXISTS, &details,
                       "The requested bucket name is not available. The bucket namespace is "
                       "shared by all users of the system. Please select a different name and try "
                       "again.");
    if (!str_eq_cstr(call->scope.region, "us-east-1") || !str_eq_cstr(bucket->region, "us-east-1"))
        return s3_fail(call, &S3_BUCKET_ALREADY_OWNED_BY_YOU, &details,
                       "Your previous request to create the named bucket succeeded and you already "
                       "own it.");
    out->location = str_concat(call->arena, STR("/"), bucket->name);
    out->bucket_arn = s3_bucket_arn(call->arena, bucket->name);
    return STATUS_DONE;
}

static enum status set_access(struct call *call, const struct s3_create_bucket_in *in,
                              struct s3_bucket_row *bucket)
{
    const struct s3_acl_headers headers = {
        .canned = in->acl,
        .full_control = in->grant_full_control,
        .read = in->grant_read,
        .read_acp = in->grant_read_acp,
        .write = in->grant_write,
        .write_acp = in->grant_write_acp,
    };
    struct str ownership = in->object_ownership;
    bool is_enforced = !ownership.ptr || str_eq_cstr(ownership, "BucketOwnerEnforced");
    if (!is_enforced && !str_eq_cstr(ownership, "BucketOwnerPreferred") &&
        !str_eq_cstr(ownership, "ObjectWriter"))
        return s3_fail_argument(call, "x-amz-object-ownership", ownership,
                                "Invalid x-amz-object-ownership header: must be one of "
                                "BucketOwnerPreferred, ObjectWriter or BucketOwnerEnforced");
    bool has_acl = (in->acl.ptr && !str_eq_cstr(in->acl, "private")) || headers.full_control.ptr ||
                   headers.read.ptr || headers.read_acp.ptr || headers.write.ptr ||
                   headers.write_acp.ptr;
    if (is_enforced && has_acl)
        return s3_fail(call, &S3_INVALID_BUCKET_ACL_WITH_OBJECT_OWNERSHIP, NULL,
                       "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced "
                       "setting");
    bucket->ownership = ownership;
    if (has_acl) {
        enum status status = s3_acl_from_headers(call, bucket, &headers, &bucket->acl);
        if (status != STATUS_DONE)
            return status;
    }
    if (bucket->acl.ptr && s3_acl_is_public(call->arena, bucket->acl))
        return s3_fail(call, &BUCKET_ACL_WITH_BLOCK, NULL,
                       "Bucket cannot have public ACLs set with BlockPublicAccess enabled");
    /* AWS: "Starting in April 2023, all Block Public Access settings are enabled by default for new
     * buckets". */
    bucket->public_access = STR("{\"BlockPublicAcls\":true,\"IgnorePublicAcls\":true,"
                                "\"BlockPublicPolicy\":true,\"RestrictPublicBuckets\":true}");
    return STATUS_DONE;
}

/* Tags of the request's body. */
static enum status set_tags(struct call *call, const struct s3_create_bucket_in *in,
                            struct s3_bucket_row *bucket)
{
    const struct s3_create_bucket_configuration *wanted = in->create_bucket_configuration;
    if (!wanted || wanted->tags.count == 0)
        return STATUS_DONE;
    enum status status = s3_check_tags(call, &wanted->tags, S3_MAX_BUCKET_TAGS);
    if (status != STATUS_DONE)
        return status;
    const struct s3_tagging tagging = {.tag_set = wanted->tags};
    const struct shape *shape =
        s3_member_shape(s3_operations[S3_OP_PUT_BUCKET_TAGGING].in, "Tagging");
    return s3_set_config(call, bucket, S3_CONFIG_TAGGING, s3_config_text(call, shape, &tagging));
}

enum status s3_create_bucket(struct call *call, const struct s3_create_bucket_in *in,
                             struct s3_create_bucket_out *out)
{
    struct str region = {0};
    enum status status = check_new_name(call, in);
    if (status == STATUS_DONE)
        status = choose_region(call, in, &region);
    if (status != STATUS_DONE)
        return status;
    struct s3_bucket_row *found = NULL;
    int rc = s3_store_find_bucket(call->db, call->arena, in->bucket, &found);
    if (rc < 0)
        return call_fail_internal(call, rc, "s3: find a bucket");
    if (found)
        return answer_taken(call, found, out);
    bool has_lock = opt_bool_or(in->object_lock_enabled_for_bucket, false);
    struct s3_bucket_row bucket = {
        .name = in->bucket,
        .account = call->scope.account,
        .region = region,
        .created_at_ms = call->now_ms - call->now_ms % 1000, /* whole seconds, as all S3 times */
        .versioning = has_lock ? S3_VERSIONED : S3_UNVERSIONED,
        .has_object_lock = has_lock,
    };
    status = set_access(call, in, &bucket);
    if (status != STATUS_DONE)
        return status;
    rc = s3_store_insert_bucket(call->db, &bucket);
    if (rc < 0)
        return call_fail_internal(call, rc, "s3: make a bucket");
    status = set_tags(call, in, &bucket);
    /* OBSERVED: the path of a bucket in us-east-1, the URL of any other. */
    out->location =
        str_eq_cstr(region, "us-east-1")
            ? str_concat(call->arena, STR("/"), in->bucket)
            : str_format(call->arena, "http://" STR_FMT ".s3.amazonaws.com/", STR_ARG(in->bucket));
    out->bucket_arn = s3_bucket_arn(call->arena, in->bucket);
    return status;
}

/* ---- look up ---- */

enum status s3_head_bucket(struct call *call, const struct s3_head_bucket_in *in,
                           struct s3_head_bucket_out *out)
{
    (void)in;
    const struct s3_bucket_row *bucket = s3_bucket_of(call);
    out->bucket_region = bucket->region;
    out->bucket_arn = s3_bucket_arn(call->arena, bucket->name);
    out->access_point_alias = opt_bool(false);
    return STATUS_DONE;
}

enum status s3_get_bucket_location(struct call *call, const struct s3_get_bucket_location_in *in,
                                   struct s3_get_bucket_location_out *out)
{
    (void)in;
    /* AWS: "Buckets in Region us-east-1 have a LocationConstraint of null." */
    struct str region = s3_bucket_of(call)->region;
    out->location_constraint = str_eq_cstr(region, "us-east-1") ? STR("") : region;
    return STATUS_DONE;
}

/* ---- ListBuckets ---- */

static enum status read_page(struct call *call, const struct s3_list_buckets_in *in,
                             struct s3_bucket_page *out)
{
    *out = (struct s3_bucket_page){
        .account = call->scope.account,
        .region = in->bucket_region,
        .prefix = in->prefix,
        .limit = MAX_BUCKETS_PAGE,
    };
    if (in->max_buckets.ptr && (str_to_i64(in->max_buckets, &out->limit) < 0 || out->limit < 1 ||
                                out->limit > MAX_BUCKETS_PAGE))
        return s3_fail_argument(call, "max-buckets", in->max_buckets,
                                "Argument max-buckets must be an integer between 1 and 10000");
    if (in->bucket_region.ptr && !s3_is_region(in->bucket_region))
        return s3_fail_argument(call, "bucket-region", in->bucket_region,
                                "Argument value for bucket-region is not valid");
    if (in->continuation_token.ptr &&
        base64url_decode(call->arena, in->continuation_token, &out->after) < 0)
        return s3_fail_argument(call, "continuation-token", in->continuation_token,
                                "The continuation token provided is incorrect");
    return STATUS_DONE;
}

enum status s3_list_buckets(struct call *call, const struct s3_list_buckets_in *in,
                            struct s3_list_buckets_out *out)
{
    struct s3_bucket_page page = {0};
    enum status status = read_page(call, in, &page);
    if (status != STATUS_DONE)
        return status;
    int64_t wanted = page.limit++;
    struct s3_bucket_row *found =
        arena_alloc_array(call->arena, (size_t)page.limit, sizeof(*found));
    int64_t count = s3_store_list_buckets(call->db, call->arena, &page, found);
    if (count < 0)
        return call_fail_internal(call, (int)count, "s3: list buckets");
    if (count > wanted) {
        count = wanted;
        out->continuation_token = base64url_encode_str(call->arena, found[count - 1].name);
    }
    /* AWS: BucketRegion: "If the request contains at least one valid parameter, it is included in
     * the response." */
    bool has_regions = in->max_buckets.ptr || in->bucket_region.ptr || in->prefix.ptr ||
                       in->continuation_token.ptr;
    out->buckets.items =
        arena_alloc_array(call->arena, (size_t)count + 1, sizeof(*out->buckets.items));
    out->buckets.is_set = true;
    for (int64_t i = 0; i < count; i++) {
        out->buckets.items[out->buckets.count].name = found[i].name;
        out->buckets.items[out->buckets.count].creation_date = opt_i64(found[i].created_at_ms);
        if (has_regions)
            out->buckets.items[out->buckets.count].bucket_region = found[i].region;
        out->buckets.count++;
    }
    out->prefix = in->prefix;
    out->owner = arena_alloc(call->arena, sizeof(*out->owner));
    out->owner->id = identity_canonical_user(call->arena, call->scope.account);
    return STATUS_DONE;
}

/* ---- DeleteBucket ---- */

/* AWS: a bucket may go while multipart uploads are in progress; they go with it. */
static enum status drop_uploads(struct call *call, const struct s3_bucket_row *bucket)
{
    for (;;) {
        struct s3_upload *uploads = NULL;
        size_t count = 0;
        int rc =
            s3_store_list_uploads(call->db, call->arena, bucket->bucket_key, STR(""),
                                  (struct str){0}, (struct str){0}, UPLOADS_PAGE, &uploads, &count);
        if (rc < 0)
            return call_fail_internal(call, rc, "s3: list uploads");
        if (count == 0)
            return STATUS_DONE;
        for (size_t i = 0; i < count; i++) {
            enum status status = s3_release_body(call, uploads[i].object.body_key);
            if (status != STATUS_DONE)
                return status;
            rc = s3_store_delete_upload(call->db, uploads[i].upload_id);
            if (rc < 0)
                return call_fail_internal(call, rc, "s3: delete an upload");
        }
    }
}

enum status s3_delete_bucket(struct call *call, const struct s3_delete_bucket_in *in,
                             struct s3_delete_bucket_out *out)
{
    (void)in;
    (void)out;
    const struct s3_bucket_row *bucket = s3_bucket_of(call);
    int rc = s3_store_is_empty_bucket(call->db, bucket->bucket_key);
    if (rc < 0)
        return call_fail_internal(call, rc, "s3: look into a bucket");
    if (rc == 0)
        return s3_fail(call, &S3_BUCKET_NOT_EMPTY,
                       &(struct s3_fault_details_error){.bucket_name = bucket->name},
                       "The bucket you tried to delete is not empty%s",
                       bucket->versioning == S3_UNVERSIONED
                           ? ""
                           : ". You must delete all versions in the bucket.");
    enum status status = drop_uploads(call, bucket);
    if (status != STATUS_DONE)
        return status;
    rc = s3_store_delete_bucket(call->db, bucket->bucket_key);
    return rc < 0 ? call_fail_internal(call, rc, "s3: delete a bucket") : STATUS_DONE;
}
