/* copy.c — CopyObject.
 *
 * A copy is a row that shares its source's body. The authorize hook has found the source's bucket
 * and asked whether it may be read.
 *
 * Docs: S3 API reference, CopyObject; user guide, "Copying, moving, and renaming objects".
 */
#include "service/s3/copy.h"

#include <errno.h>

#include "base/arena.h"
#include "service/s3/object.h"
#include "service/s3/rewrite.h"
#include "syntax/base64.h"

/* ---- the source ---- */

enum status s3_find_source(struct call *call, const struct s3_conditions *conditions,
                           struct s3_object_row **out)
{
    const struct s3_subject *subject = s3_subject(call);
    struct s3_object_row *found = NULL;
    enum status status = s3_check_version_id(call, subject->source_version);
    if (status != STATUS_DONE)
        return status;
    int rc = s3_store_find_object(call->db, call->arena, subject->source->bucket_key,
                                  subject->source_key, subject->source_version, &found);
    if (rc < 0)
        return call_fail_internal(call, rc, "s3: find the source of a copy");
    if (!found && str_is_set(subject->source_version))
        return s3_no_such_version(call, subject->source_key, subject->source_version);
    if (found && found->is_marker && str_is_set(subject->source_version))
        return s3_fail(call, &S3_INVALID_REQUEST, NULL,
                       "The source of a copy request may not specifically refer to a delete "
                       "marker by version id.");
    if (!found || found->is_marker)
        return s3_no_such_key(call, subject->source, subject->source_key);
    status = s3_check_source(call, conditions, found);
    if (status == STATUS_DONE && s3_is_archived(call, found))
        status = s3_fail(call, &S3_OBJECT_NOT_IN_ACTIVE_TIER_ERROR, NULL,
                         "The source object of the COPY action is not in the active tier and is "
                         "only stored in Amazon S3 Glacier.");
    *out = found;
    return status;
}

/* ---- what the copy is to be ---- */

enum status s3_check_directive(struct call *call, const char *header, const char *what,
                               struct str value, bool *out_replaces)
{
    *out_replaces = str_eq_cstr(value, "REPLACE");
    if (!str_is_set(value) || *out_replaces || str_eq_cstr(value, "COPY"))
        return STATUS_DONE;
    struct str message = str_format(call->arena, "Unknown %s directive.", what);
    return s3_fail_argument(call, header, value, str_to_cstr(call->arena, message));
}

/* AWS: the text below; a version as source is a change by itself. */
static enum status check_self_copy(struct call *call, const struct s3_copy_object_in *in,
                                   const struct s3_object_row *source, bool replaces_metadata)
{
    const struct s3_subject *subject = s3_subject(call);
    const bool is_itself = subject->source->bucket_key == s3_bucket_of(call)->bucket_key &&
                           str_eq(subject->source_key, in->key) &&
                           !str_is_set(subject->source_version);
    const bool changes =
        replaces_metadata || str_is_set(in->website_redirect_location) ||
        str_is_set(in->server_side_encryption) || str_is_set(in->sse_customer_algorithm) ||
        (str_is_set(in->storage_class) && !str_eq(in->storage_class, s3_class_name(source))) ||
        str_is_set(in->checksum_algorithm);
    if (!is_itself || changes)
        return STATUS_DONE;
    return s3_fail(call, &S3_INVALID_REQUEST, NULL,
                   "This copy request is illegal because it is trying to copy an object to itself "
                   "without changing the object's metadata, storage class, website redirect "
                   "location or encryption attributes.");
}

static enum status describe_copy(struct call *call, const struct s3_copy_object_in *in,
                                 const struct s3_object_row *source, struct s3_object_row *object)
{
    const struct s3_bucket_row *bucket = s3_bucket_of(call);
    const struct s3_encryption_wish wish = S3_WISH_OF(in);
    struct s3_description description = S3_DESCRIPTION_OF(in);
    bool replaces_metadata = false;
    bool replaces_tags = false;
    enum status status = s3_check_directive(call, "x-amz-metadata-directive", "metadata",
                                            in->metadata_directive, &replaces_metadata);
    if (status == STATUS_DONE)
        status = s3_check_directive(call, "x-amz-tagging-directive", "tagging",
                                    in->tagging_directive, &replaces_tags);
    if (!replaces_tags)
        description.tagging = (struct str){0};
    if (status == STATUS_DONE)
        status = check_self_copy(call, in, source, replaces_metadata);
    if (status == STATUS_DONE)
        status = s3_check_algorithm(call, in->checksum_algorithm);
    if (status == STATUS_DONE)
        status = s3_describe(call, bucket, in->key, &description, object);
    if (status == STATUS_DONE)
        status = s3_plan_encryption(call, bucket, &wish, object);
    if (status != STATUS_DONE)
        return status;
    if (!replaces_tags)
        object->tags = source->tags;
    if (!replaces_metadata) {
        object->content_type = source->content_type;
        object->headers = source->headers;
        object->metadata = source->metadata;
    }
    return s3_check_write(call, bucket, in->key, in->if_match, in->if_none_match);
}

/* ---- body, digests, encryption ---- */

static bool has_md5_etag(const struct s3_object_row *object)
{
    return object->part_count == 0 &&
           (object->encryption == S3_SSE_DEFAULT || object->encryption == S3_SSE_AES256);
}

/* Which digests of the text must be made: of an ETag that was none, of a checksum of another kind
 * or of parts. DEVIATION: beyond S3_READ_MAX the text is not read for them: the copy gets an ETag
 * that is no digest, and no checksum. */
static uint32_t missing_digests(const struct s3_copy_object_in *in,
                                const struct s3_object_row *source, struct s3_object_row *object)
{
    uint32_t missing = 0;
    int64_t kind = source->checksum_kind;
    if (str_is_set(in->checksum_algorithm))
        kind = s3_checksum_kind(in->checksum_algorithm);
    object->checksum_kind = kind;
    if (kind == source->checksum_kind && !source->is_composite)
        object->checksum = source->checksum;
    else if (kind < CHECKSUM_KIND_COUNT)
        missing |= 1U << kind;
    if (has_md5_etag(object) && has_md5_etag(source))
        object->etag = source->etag;
    else if (has_md5_etag(object))
        missing |= 1U << CHECKSUM_MD5;
    return missing;
}

static void take_digests(struct call *call, const struct s3_rewrite *rewrite,
                         struct s3_object_row *object)
{
    if (str_is_set(rewrite->sums[CHECKSUM_MD5]))
        object->etag = hex_encode(call->arena, rewrite->sums[CHECKSUM_MD5]);
    if (!str_is_set(object->etag))
        object->etag = s3_random_etag(call->arena);
    if (str_is_set(object->checksum))
        return;
    if (object->checksum_kind < CHECKSUM_KIND_COUNT &&
        str_is_set(rewrite->sums[object->checksum_kind]))
        object->checksum = base64_encode_str(call->arena, rewrite->sums[object->checksum_kind]);
    else
        object->checksum_kind = CHECKSUM_KIND_COUNT;
}

/* Shares the source's body, or stores its text anew, and seals the key for the copy. */
static enum status take_body(struct call *call, const struct s3_copy_object_in *in,
                             const struct s3_object_row *source, struct s3_object_row *object)
{
    const struct s3_customer_key from = {in->copy_source_sse_customer_algorithm,
                                         in->copy_source_sse_customer_key,
                                         in->copy_source_sse_customer_key_md5};
    const struct s3_customer_key to = S3_CUSTOMER_OF(in);
    struct str key = {0};
    struct body_piece *pieces = NULL;
    struct s3_rewrite rewrite = {.size = source->size,
                                 .checksums = missing_digests(in, source, object)};
    enum status status = s3_open_key(call, s3_subject(call)->source, source, &from, &key);
    /* What is enciphered stays so. */
    if (object->encryption == S3_SSE_DEFAULT && str_is_set(key))
        object->encryption = S3_SSE_AES256;
    rewrite.stores = object->encryption != S3_SSE_DEFAULT && !str_is_set(key);
    if (source->size > S3_READ_MAX && !rewrite.stores)
        rewrite.checksums = 0;
    if (status == STATUS_DONE && (rewrite.stores || rewrite.checksums != 0)) {
        status = s3_pieces_of(call, source, key, 0, source->size, &pieces, &rewrite.piece_count);
        rewrite.pieces = pieces;
        if (rewrite.stores) {
            rewrite.cipher = s3_new_cipher(call, object);
            key = rewrite.cipher.key;
            object->body_iv = rewrite.cipher.iv;
        }
        if (status == STATUS_DONE)
            status = s3_rewrite(call, &rewrite);
    }
    if (status != STATUS_DONE)
        return status;
    take_digests(call, &rewrite, object);
    object->size = source->size;
    object->body_key = rewrite.body_key;
    if (!rewrite.stores) {
        object->body_key = source->body_key;
        object->body_offset = source->body_offset;
        object->body_iv = source->body_iv;
        status = s3_share_body(call, source->body_key);
    }
    return status == STATUS_DONE ? s3_seal_key(call, s3_bucket_of(call), &to, key, object) : status;
}

static void show_copy(struct call *call, const struct s3_object_row *source,
                      const struct s3_object_row *object, struct s3_copy_object_out *out)
{
    struct s3_copy_object_result *result = arena_alloc(call->arena, sizeof(*result));
    result->etag = s3_quoted(call->arena, object->etag);
    result->last_modified = s3_whole_second(object->modified_at_ms);
    result->checksum_type = s3_checksum_type(object);
    s3_show_checksum(object->checksum_kind, object->checksum, &result->checksum_crc32);
    out->copy_object_result = result;
    out->copy_source_version_id = s3_answered_version(s3_subject(call)->source, source);
    out->version_id = s3_answered_version(s3_bucket_of(call), object);
    S3_SHOW_ENCRYPTION(object, out);
}

enum status s3_copy_object(struct call *call, const struct s3_copy_object_in *in,
                           struct s3_copy_object_out *out)
{
    const struct s3_bucket_row *bucket = s3_bucket_of(call);
    const struct s3_conditions conditions = {
        in->copy_source_if_match, in->copy_source_if_none_match, in->copy_source_if_modified_since,
        in->copy_source_if_unmodified_since};
    struct s3_object_row *source = NULL;
    struct s3_object_row *object = arena_alloc(call->arena, sizeof(*object));
    enum status status = s3_find_source(call, &conditions, &source);
    if (status != STATUS_DONE)
        return status;
    if (source->size > S3_MAX_PUT)
        return s3_fail(call, &S3_INVALID_REQUEST, NULL,
                       "The specified copy source is larger than the maximum allowable size for a "
                       "copy source: %lld",
                       S3_MAX_PUT);
    status = describe_copy(call, in, source, object);
    if (status == STATUS_DONE)
        status = take_body(call, in, source, object);
    if (status == STATUS_DONE)
        status = s3_put_version(call, bucket, object);
    if (status == STATUS_DONE)
        status = s3_announce(call, bucket, object, "ObjectCreated:Copy");
    if (status == STATUS_DONE)
        status = s3_show_expiration(call, bucket, object, &out->expiration);
    if (status == STATUS_DONE)
        show_copy(call, source, object, out);
    return status;
}
