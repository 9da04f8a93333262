/* put.c — PutObject.
 *
 * The body is asked for by s3_plan_body, which decides everything that can be decided without it;
 * the handler runs when it is there, and checks again what may have changed meanwhile.
 *
 * Docs: S3 API reference, PutObject.
 */
#include "base/arena.h"
#include "service/s3/body_plan.h"
#include "service/s3/object.h"
#include "syntax/base64.h"

/* Everything about the new object but its body. */
static enum status describe_put(struct call *call, const struct s3_put_object_in *in,
                                struct s3_object_row *object, struct s3_checksum_wish *out_checksum)
{
    const struct s3_bucket_row *bucket = s3_bucket_of(call);
    const struct s3_description description = S3_DESCRIPTION_OF(in);
    const struct s3_encryption_wish wish = S3_WISH_OF(in);
    struct str md5 = {0};
    if (in->write_offset_bytes.is_set)
        return s3_fail(call, &S3_NOT_IMPLEMENTED,
                       &(struct s3_fault_details_error){.header = STR("x-amz-write-offset-bytes")},
                       "A header you provided implies functionality that is not implemented");
    enum status status = s3_describe(call, bucket, in->key, &description, object);
    if (status == STATUS_DONE)
        status = s3_check_md5_text(call, in->content_md5, &md5);
    if (status == STATUS_DONE)
        status = s3_read_checksum(call, &in->checksum_crc32, in->checksum_algorithm,
                                  s3_trailer_names(call), out_checksum);
    if (status == STATUS_DONE)
        status = s3_plan_encryption(call, bucket, &wish, object);
    if (status != STATUS_DONE)
        return status;
    /* AWS: PutObject: "The Content-MD5 or x-amz-sdk-checksum-algorithm header is required for any
     * request to upload an object with a retention period configured using Amazon S3 Object Lock".
     */
    if ((str_is_set(in->object_lock_mode) || str_is_set(in->object_lock_legal_hold_status)) &&
        !str_is_set(in->content_md5) && out_checksum->kind == CHECKSUM_KIND_COUNT)
        return s3_fail(call, &S3_INVALID_REQUEST, NULL,
                       "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object "
                       "requests with Object Lock parameters");
    return s3_check_write(call, bucket, in->key, in->if_match, in->if_none_match);
}

enum status s3_plan_put(struct call *call, const struct s3_put_object_in *in, struct body_plan *out)
{
    struct s3_object_row object = {0};
    struct s3_checksum_wish checksum;
    enum status status = describe_put(call, in, &object, &checksum);
    if (status == STATUS_DONE)
        status = s3_plan_upload(call, in->content_length, &checksum, str_is_set(in->content_md5),
                                &object, out);
    if (status == STATUS_DONE)
        out->cipher = s3_new_cipher(call, &object);
    return status;
}

struct str s3_etag_of(struct call *call, const struct call_body *body,
                      const struct s3_object_row *object)
{
    if (object->encryption == S3_SSE_DEFAULT || object->encryption == S3_SSE_AES256)
        return hex_encode(call->arena, body->checksums[CHECKSUM_MD5]);
    return s3_random_etag(call->arena);
}

static enum status store(struct call *call, const struct s3_put_object_in *in,
                         const char *event_name, struct s3_object_row *object)
{
    const struct s3_bucket_row *bucket = s3_bucket_of(call);
    const struct call_body *body = call->body;
    const struct s3_customer_key customer = S3_CUSTOMER_OF(in);
    object->size = body->size;
    object->etag = s3_etag_of(call, body, object);
    object->body_iv = body->cipher.iv;
    enum status status = s3_seal_key(call, bucket, &customer, body->cipher.key, object);
    if (status != STATUS_DONE)
        return status;
    int rc = s3_keep_body(call, body, &object->body_key);
    if (rc < 0)
        return call_fail_internal(call, rc, "s3: keep a body");
    status = s3_put_version(call, bucket, object);
    return status == STATUS_DONE ? s3_announce(call, bucket, object, event_name) : status;
}

enum status s3_put_as(struct call *call, const struct s3_put_object_in *in,
                      struct s3_put_object_out *out, const char *event_name)
{
    const struct s3_bucket_row *bucket = s3_bucket_of(call);
    struct s3_object_row *object = arena_alloc(call->arena, sizeof(*object));
    struct s3_checksum_wish checksum;
    enum status status = describe_put(call, in, object, &checksum);
    if (status == STATUS_DONE)
        status = s3_check_body(call, call->body, &checksum, in->content_md5, &object->checksum);
    if (status != STATUS_DONE)
        return status;
    object->checksum_kind =
        checksum.kind < CHECKSUM_KIND_COUNT ? checksum.kind : CHECKSUM_CRC64NVME;
    status = store(call, in, event_name, object);
    if (status == STATUS_DONE)
        status = s3_show_expiration(call, bucket, object, &out->expiration);
    if (status != STATUS_DONE)
        return status;
    out->etag = s3_quoted(call->arena, object->etag);
    out->version_id = s3_answered_version(bucket, object);
    out->checksum_type = s3_checksum_type(object);
    s3_show_checksum(object->checksum_kind, object->checksum, &out->checksum_crc32);
    S3_SHOW_ENCRYPTION(object, out);
    return STATUS_DONE;
}

enum status s3_put_object(struct call *call, const struct s3_put_object_in *in,
                          struct s3_put_object_out *out)
{
    return s3_put_as(call, in, out, "ObjectCreated:Put");
}
