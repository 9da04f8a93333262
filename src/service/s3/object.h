/* object.h — what the operations on objects share: headers that describe an object, on their way in
 * and out. Private to the folder.
 */
#pragma once

#include "service/s3/bucket.h"
#include "service/s3/checksum.h"
#include "service/s3/conditional.h"
#include "service/s3/store.h"

/* What a request says of the object that it makes. */
struct s3_description {
    struct str cache_control;
    struct str content_disposition;
    struct str content_encoding;
    struct str content_language;
    struct str content_type;
    struct str expires;
    const struct s3_metadata *metadata;
    struct str storage_class;
    struct str redirect;
    struct str tagging;
    struct str lock_mode;
    struct opt_i64 lock_until;
    struct str legal_hold;
    struct s3_acl_headers acl;
};
/* The same members stand in the inputs of PutObject, CopyObject and CreateMultipartUpload. */
#define S3_DESCRIPTION_OF(in)                                                                      \
    ((struct s3_description){                                                                      \
        .cache_control = (in)->cache_control,                                                      \
        .content_disposition = (in)->content_disposition,                                          \
        .content_encoding = (in)->content_encoding,                                                \
        .content_language = (in)->content_language,                                                \
        .content_type = (in)->content_type,                                                        \
        .expires = (in)->expires,                                                                  \
        .metadata = &(in)->metadata,                                                               \
        .storage_class = (in)->storage_class,                                                      \
        .redirect = (in)->website_redirect_location,                                               \
        .tagging = (in)->tagging,                                                                  \
        .lock_mode = (in)->object_lock_mode,                                                       \
        .lock_until = (in)->object_lock_retain_until_date,                                         \
        .legal_hold = (in)->object_lock_legal_hold_status,                                         \
        .acl = {.canned = (in)->acl,                                                               \
                .full_control = (in)->grant_full_control,                                          \
                .read = (in)->grant_read,                                                          \
                .read_acp = (in)->grant_read_acp,                                                  \
                .write_acp = (in)->grant_write_acp},                                               \
    })
#define S3_WISH_OF(in)                                                                             \
    ((struct s3_encryption_wish){                                                                  \
        .server_side = (in)->server_side_encryption,                                               \
        .kms_key = (in)->ssekms_key_id,                                                            \
        .kms_context = (in)->ssekms_encryption_context,                                            \
        .bucket_key = (in)->bucket_key_enabled,                                                    \
        .customer = S3_CUSTOMER_OF(in),                                                            \
    })
#define S3_CUSTOMER_OF(in)                                                                         \
    ((struct s3_customer_key){                                                                     \
        .algorithm = (in)->sse_customer_algorithm,                                                 \
        .key = (in)->sse_customer_key,                                                             \
        .key_md5 = (in)->sse_customer_key_md5,                                                     \
    })
/* Encryption as answers to writes and reads show it. */
#define S3_SHOW_ENCRYPTION(object, out)                                                            \
    do {                                                                                           \
        (out)->server_side_encryption = s3_encryption_name(object);                                \
        if ((object)->encryption == S3_SSE_CUSTOMER) {                                             \
            (out)->sse_customer_algorithm = STR("AES256");                                         \
            (out)->sse_customer_key_md5 = (object)->customer_md5;                                  \
        }                                                                                          \
        (out)->ssekms_key_id = (object)->kms_key;                                                  \
        if ((object)->has_bucket_key)                                                              \
            (out)->bucket_key_enabled = opt_bool(true);                                            \
    } while (0)

/* Checks and fills key, owner, acl, headers, metadata, tags, class, redirect and lock. */
enum status s3_describe(struct call *call, const struct s3_bucket_row *bucket, struct str key,
                        const struct s3_description *description, struct s3_object_row *object);
/* describe.c, from JSON columns. */
struct s3_header_values {
    struct str cache_control;
    struct str content_disposition;
    struct str content_encoding;
    struct str content_language;
    struct str expires;
};
void s3_read_headers(struct arena *arena, const struct s3_object_row *object,
                     struct s3_header_values *out);
struct s3_metadata s3_read_metadata(struct arena *arena, const struct s3_object_row *object);

/* "\"etag\"" */
struct str s3_quoted(struct arena *arena, struct str etag);
/* "3858f62230ac3c915f300c664312c11f" of raw bytes, or of random ones. */
struct str s3_random_etag(struct arena *arena);
/* Last-Modified and the like: whole seconds. */
struct opt_i64 s3_whole_second(int64_t time_ms);
/* "STANDARD" when the column is absent. */
struct str s3_class_name(const struct s3_object_row *object);
/* InvalidStorageClass; gives the column. */
enum status s3_check_class(struct call *call, struct str name, struct str *out_column);
/* KeyTooLongError, and texts that no list could show. */
enum status s3_check_key(struct call *call, struct str key);
/* EntityTooLarge, MissingContentLength, and the plan of a body. */
enum status s3_plan_upload(struct call *call, struct opt_i64 content_length,
                           const struct s3_checksum_wish *checksum, bool has_md5,
                           const struct s3_object_row *object, struct body_plan *out);
/* Version ids as requests and answers have them. */
enum status s3_check_version_id(struct call *call, struct str version_id);
enum status s3_no_such_version(struct call *call, struct str key, struct str version_id);
/* Absent while the bucket was never versioned. */
struct str s3_answered_version(const struct s3_bucket_row *bucket,
                               const struct s3_object_row *object);
/* lock.c: whether the version may go. */
enum status s3_check_unlocked(struct call *call, const struct s3_bucket_row *bucket,
                              const struct s3_object_row *object, bool bypasses_governance);
/* Mode, date and legal hold of a request; the bucket's default when there are none. */
enum status s3_describe_lock(struct call *call, const struct s3_bucket_row *bucket,
                             const struct s3_description *description,
                             struct s3_object_row *object);
/* tagging.c */
size_t s3_count_tags(struct arena *arena, struct str tags);
/* x-amz-expiration, when the bucket has a lifecycle. */
enum status s3_show_expiration(struct call *call, const struct s3_bucket_row *bucket,
                               const struct s3_object_row *object, struct str *out);
/* After a version was made: replication, notifications. */
enum status s3_announce(struct call *call, const struct s3_bucket_row *bucket,
                        const struct s3_object_row *object, const char *event_name);
/* get.c: GLACIER and DEEP_ARCHIVE, unless a restored copy is there. */
bool s3_is_archived(const struct call *call, const struct s3_object_row *object);
enum status s3_check_readable(struct call *call, const struct s3_object_row *object);
/* list.c: max-keys and its like: 0 to 1,000, more is 1,000; absent is 1,000. */
enum status s3_read_count(struct call *call, const char *name, struct str text, int64_t *out_count);

/* ---- handlers of this half ---- */

s3_abort_multipart_upload_fn s3_abort_multipart_upload;
s3_complete_multipart_upload_fn s3_complete_multipart_upload;
s3_copy_object_fn s3_copy_object;
s3_create_multipart_upload_fn s3_create_multipart_upload;
s3_delete_object_fn s3_delete_object;
s3_delete_object_tagging_fn s3_delete_object_tagging;
s3_delete_objects_fn s3_delete_objects;
s3_get_object_fn s3_get_object;
s3_get_object_attributes_fn s3_get_object_attributes;
s3_get_object_legal_hold_fn s3_get_object_legal_hold;
s3_get_object_retention_fn s3_get_object_retention;
s3_get_object_tagging_fn s3_get_object_tagging;
s3_head_object_fn s3_head_object;
s3_list_multipart_uploads_fn s3_list_multipart_uploads;
s3_list_object_versions_fn s3_list_object_versions;
s3_list_objects_fn s3_list_objects;
s3_list_objects_v2_fn s3_list_objects_v2;
s3_list_parts_fn s3_list_parts;
s3_put_object_fn s3_put_object;
s3_put_object_legal_hold_fn s3_put_object_legal_hold;
s3_put_object_retention_fn s3_put_object_retention;
s3_put_object_tagging_fn s3_put_object_tagging;
s3_restore_object_fn s3_restore_object;
s3_upload_part_fn s3_upload_part;
s3_upload_part_copy_fn s3_upload_part_copy;
