/* get.c — GetObject, HeadObject, GetObjectAttributes.
 *
 * Docs: S3 API reference of each; "Common response headers".
 */
#include <errno.h>

#include "base/arena.h"
#include "service/s3/object.h"
#include "service/s3/range.h"
#include "syntax/time.h"

enum {
    STATUS_PARTIAL = 206,
    SECOND_MS = 1000,
};

/* The part of the object that is asked for. */
struct window {
    int64_t first;
    int64_t length;
    bool is_partial;
    const struct s3_piece *part; /* by part number, of an object uploaded in parts */
};

/* ---- archived objects ---- */

bool s3_is_archived(const struct call *call, const struct s3_object_row *object)
{
    int64_t until_ms = 0;
    if (!str_eq_cstr(object->storage_class, "GLACIER") &&
        !str_eq_cstr(object->storage_class, "DEEP_ARCHIVE"))
        return false;
    return !str_is_set(object->restore) || str_to_i64(object->restore, &until_ms) < 0 ||
           until_ms <= call->now_ms;
}

/* AWS: "If the object that you are retrieving is stored in the S3 Glacier Flexible Retrieval ...
 * you must first restore a copy. Otherwise, this action returns an InvalidObjectState error." */
enum status s3_check_readable(struct call *call, const struct s3_object_row *object)
{
    if (!s3_is_archived(call, object))
        return STATUS_DONE;
    return s3_fail(call, &S3_INVALID_OBJECT_STATE,
                   &(struct s3_fault_details_error){.storage_class = object->storage_class},
                   "The operation is not valid for the object's storage class");
}

/* x-amz-restore: the column holds the end of the copy's life in milliseconds. */
static struct str restore_text(const struct call *call, const struct s3_object_row *object)
{
    int64_t until_ms = 0;
    if (!str_is_set(object->restore) || str_to_i64(object->restore, &until_ms) < 0 ||
        until_ms <= call->now_ms)
        return (struct str){0};
    struct str date = time_http(call->arena, until_ms);
    return str_format(call->arena, "ongoing-request=\"false\", expiry-date=\"" STR_FMT "\"",
                      STR_ARG(date));
}

/* ---- windows ---- */

static const struct api_error invalid_part_number = {
    .code = STR_INIT("InvalidPartNumber"),
    .query_code = STR_INIT("InvalidPartNumber"),
    .http_status = 416,
    .query_status = 416,
    .is_sender = true,
};

static enum status window_of_part(struct call *call, const struct s3_object_row *object,
                                  int64_t number, struct window *out)
{
    struct s3_piece *part = NULL;
    if (number < 1 || number > S3_MAX_PARTS)
        return s3_fail_argument(call, "partNumber",
                                str_format(call->arena, "%lld", (long long)number),
                                "Part number must be an integer between 1 and 10000, inclusive");
    out->is_partial = true;
    if (object->part_count == 0 && number == 1)
        return STATUS_DONE;
    if (object->part_count > 0) {
        int rc = s3_store_find_part(call->db, call->arena, object->body_key, number, &part);
        if (rc < 0)
            return call_fail_internal(call, rc, "s3: find part");
    }
    if (!part)
        return s3_fail(call, &invalid_part_number,
                       &(struct s3_fault_details_error){
                           .part_number = str_format(call->arena, "%lld", (long long)number)},
                       "The requested partnumber is not satisfiable");
    out->first = part->place;
    out->length = part->part_size;
    out->part = part;
    return STATUS_DONE;
}

static enum status find_window(struct call *call, const struct s3_object_row *object,
                               struct str range, struct opt_i32 part_number, struct window *out)
{
    *out = (struct window){.length = object->size};
    if (part_number.is_set && str_is_set(range))
        return s3_fail(call, &S3_INVALID_REQUEST, NULL,
                       "Cannot specify both Range header and partNumber query parameter");
    if (part_number.is_set)
        return window_of_part(call, object, part_number.value, out);
    int rc = range_parse(range, object->size, &out->first, &out->length);
    out->is_partial = rc == 1;
    if (rc != -ERANGE)
        return STATUS_DONE;
    struct str size = str_format(call->arena, "%lld", (long long)object->size);
    call_add_header(call, STR("Content-Range"), str_concat(call->arena, STR("bytes */"), size));
    return s3_fail(
        call, &S3_INVALID_RANGE,
        &(struct s3_fault_details_error){.range_requested = range, .actual_object_size = size},
        "The requested range is not satisfiable");
}

/* ---- answers ---- */

/* AWS: GetObject: "you must sign the request, either by using an Authorization header or a
 * presigned URL, when using these parameters". */
static enum status check_overrides(struct call *call, bool has_overrides)
{
    if (!has_overrides || call->principal->kind != PRINCIPAL_ANONYMOUS)
        return STATUS_DONE;
    return s3_fail(call, &S3_INVALID_REQUEST, NULL,
                   "Request specific response headers cannot be used for anonymous GET requests.");
}

/* Lock headers are shown to whom their own operations would. */
static void show_lock(struct call *call, const struct s3_bucket_row *bucket,
                      const struct s3_object_row *object, struct s3_get_object_out *out)
{
    if (str_is_set(object->lock_mode) &&
        s3_may(call, bucket, object->key, object, "s3:GetObjectRetention")) {
        out->object_lock_mode = object->lock_mode;
        out->object_lock_retain_until_date = opt_i64(object->lock_until_ms);
    }
    if (str_is_set(object->legal_hold) &&
        s3_may(call, bucket, object->key, object, "s3:GetObjectLegalHold"))
        out->object_lock_legal_hold_status = object->legal_hold;
}

static void show_headers(struct call *call, const struct s3_get_object_in *in,
                         const struct s3_object_row *object, struct s3_get_object_out *out)
{
    struct s3_header_values kept;
    s3_read_headers(call->arena, object, &kept);
    out->cache_control = str_or(in->response_cache_control, kept.cache_control);
    out->content_disposition = str_or(in->response_content_disposition, kept.content_disposition);
    out->content_encoding = str_or(in->response_content_encoding, kept.content_encoding);
    out->content_language = str_or(in->response_content_language, kept.content_language);
    out->content_type =
        str_or(in->response_content_type, str_or(object->content_type, STR("binary/octet-stream")));
    out->expires = in->response_expires.is_set ? time_http(call->arena, in->response_expires.value)
                                               : kept.expires;
    out->metadata = s3_read_metadata(call->arena, object);
}

static void show_checksum(const struct s3_get_object_in *in, const struct s3_object_row *object,
                          const struct window *window, struct s3_get_object_out *out)
{
    if (!str_eq_nocase(in->checksum_mode, STR("ENABLED")))
        return;
    if (window->part) {
        s3_show_checksum(object->checksum_kind, window->part->checksum, &out->checksum_crc32);
    } else if (window->length == object->size) {
        s3_show_checksum(object->checksum_kind, object->checksum, &out->checksum_crc32);
    } else {
        return;
    }
    if (str_is_set(s3_checksum_member(object->checksum_kind, &out->checksum_crc32)))
        out->checksum_type = s3_checksum_type(object);
}

static enum status show_object(struct call *call, const struct s3_get_object_in *in,
                               const struct s3_object_row *object, const struct window *window,
                               struct s3_get_object_out *out)
{
    const struct s3_bucket_row *bucket = s3_bucket_of(call);
    out->accept_ranges = STR("bytes");
    out->last_modified = s3_whole_second(object->modified_at_ms);
    out->content_length = opt_i64(window->length);
    out->etag = s3_quoted(call->arena, object->etag);
    out->version_id = s3_answered_version(bucket, object);
    out->website_redirect_location = object->redirect;
    out->storage_class = object->storage_class;
    out->replication_status = object->replication;
    out->restore = restore_text(call, object);
    if (window->part)
        out->parts_count = opt_i32((int32_t)object->part_count);
    if (str_is_set(object->tags))
        out->tag_count = opt_i32((int32_t)s3_count_tags(call->arena, object->tags));
    if (window->is_partial && object->size > 0)
        out->content_range =
            str_format(call->arena, "bytes %lld-%lld/%lld", (long long)window->first,
                       (long long)(window->first + window->length - 1), (long long)object->size);
    if (window->is_partial)
        call_set_status(call, STATUS_PARTIAL);
    show_headers(call, in, object, out);
    show_checksum(in, object, window, out);
    show_lock(call, bucket, object, out);
    S3_SHOW_ENCRYPTION(object, out);
    return s3_show_expiration(call, bucket, object, &out->expiration);
}

/* Finds the version, and whether and what of it is to be answered. */
static enum status find_object(struct call *call, const struct s3_get_object_in *in,
                               struct s3_object_row **out_object, struct window *out_window)
{
    const struct s3_customer_key customer = S3_CUSTOMER_OF(in);
    const struct s3_conditions conditions = {in->if_match, in->if_none_match, in->if_modified_since,
                                             in->if_unmodified_since};
    const bool has_overrides =
        str_is_set(in->response_cache_control) || str_is_set(in->response_content_disposition) ||
        str_is_set(in->response_content_encoding) || str_is_set(in->response_content_language) ||
        str_is_set(in->response_content_type) || in->response_expires.is_set;
    enum status status = check_overrides(call, has_overrides);
    if (status == STATUS_DONE)
        status = s3_get_version(call, s3_bucket_of(call), in->key, in->version_id, out_object);
    if (status == STATUS_DONE)
        status = s3_check_customer_key(call, *out_object, &customer);
    if (status == STATUS_DONE)
        status = s3_check_read(call, &conditions, *out_object);
    return status == STATUS_DONE
               ? find_window(call, *out_object, in->range, in->part_number, out_window)
               : status;
}

enum status s3_get_object(struct call *call, const struct s3_get_object_in *in,
                          struct s3_get_object_out *out)
{
    struct s3_object_row *object = NULL;
    struct window window;
    const struct s3_customer_key customer = S3_CUSTOMER_OF(in);
    enum status status = find_object(call, in, &object, &window);
    if (status == STATUS_DONE)
        status = s3_check_readable(call, object);
    if (status == STATUS_DONE)
        status = show_object(call, in, object, &window, out);
    if (status != STATUS_DONE)
        return status;
    return s3_send_object(call, s3_bucket_of(call), object, &customer, window.first, window.length);
}

/* HeadObject's members are GetObject's, in another order. */
static void copy_answer(const struct s3_get_object_out *from, struct s3_head_object_out *out)
{
    *out = (struct s3_head_object_out){
        .accept_ranges = from->accept_ranges,
        .expiration = from->expiration,
        .restore = from->restore,
        .last_modified = from->last_modified,
        .content_length = from->content_length,
        .checksum_crc32 = from->checksum_crc32,
        .checksum_crc32c = from->checksum_crc32c,
        .checksum_crc64nvme = from->checksum_crc64nvme,
        .checksum_sha1 = from->checksum_sha1,
        .checksum_sha256 = from->checksum_sha256,
        .checksum_type = from->checksum_type,
        .etag = from->etag,
        .version_id = from->version_id,
        .cache_control = from->cache_control,
        .content_disposition = from->content_disposition,
        .content_encoding = from->content_encoding,
        .content_language = from->content_language,
        .content_type = from->content_type,
        .content_range = from->content_range,
        .expires = from->expires,
        .website_redirect_location = from->website_redirect_location,
        .server_side_encryption = from->server_side_encryption,
        .metadata = from->metadata,
        .sse_customer_algorithm = from->sse_customer_algorithm,
        .sse_customer_key_md5 = from->sse_customer_key_md5,
        .ssekms_key_id = from->ssekms_key_id,
        .bucket_key_enabled = from->bucket_key_enabled,
        .storage_class = from->storage_class,
        .replication_status = from->replication_status,
        .parts_count = from->parts_count,
        .tag_count = from->tag_count,
        .object_lock_mode = from->object_lock_mode,
        .object_lock_retain_until_date = from->object_lock_retain_until_date,
        .object_lock_legal_hold_status = from->object_lock_legal_hold_status,
    };
}

enum status s3_head_object(struct call *call, const struct s3_head_object_in *in,
                           struct s3_head_object_out *out)
{
    const struct s3_get_object_in get_in = {
        .bucket = in->bucket,
        .if_match = in->if_match,
        .if_modified_since = in->if_modified_since,
        .if_none_match = in->if_none_match,
        .if_unmodified_since = in->if_unmodified_since,
        .key = in->key,
        .range = in->range,
        .response_cache_control = in->response_cache_control,
        .response_content_disposition = in->response_content_disposition,
        .response_content_encoding = in->response_content_encoding,
        .response_content_language = in->response_content_language,
        .response_content_type = in->response_content_type,
        .response_expires = in->response_expires,
        .version_id = in->version_id,
        .sse_customer_algorithm = in->sse_customer_algorithm,
        .sse_customer_key = in->sse_customer_key,
        .sse_customer_key_md5 = in->sse_customer_key_md5,
        .part_number = in->part_number,
        .checksum_mode = in->checksum_mode,
    };
    struct s3_get_object_out get_out = {0};
    struct s3_object_row *object = NULL;
    struct window window;
    enum status status = find_object(call, &get_in, &object, &window);
    if (status == STATUS_DONE)
        status = show_object(call, &get_in, object, &window, &get_out);
    if (status == STATUS_DONE)
        copy_answer(&get_out, out);
    return status;
}

/* ---- GetObjectAttributes ---- */

enum attribute {
    ATTRIBUTE_ETAG = 1 << 0,
    ATTRIBUTE_CHECKSUM = 1 << 1,
    ATTRIBUTE_PARTS = 1 << 2,
    ATTRIBUTE_CLASS = 1 << 3,
    ATTRIBUTE_SIZE = 1 << 4,
};

static enum status read_attributes(struct call *call, const struct s3_object_attributes_list *list,
                                   unsigned *out_wanted)
{
    static const struct {
        struct str name;
        unsigned bit;
    } names[] = {
        {STR_INIT("ETag"), ATTRIBUTE_ETAG},         {STR_INIT("Checksum"), ATTRIBUTE_CHECKSUM},
        {STR_INIT("ObjectParts"), ATTRIBUTE_PARTS}, {STR_INIT("StorageClass"), ATTRIBUTE_CLASS},
        {STR_INIT("ObjectSize"), ATTRIBUTE_SIZE},
    };
    *out_wanted = 0;
    for (size_t i = 0; i < list->count; i++) {
        unsigned bit = 0;
        for (size_t j = 0; j < ARRAY_LEN(names); j++)
            bit |= str_eq(list->items[i], names[j].name) ? names[j].bit : 0;
        if (bit == 0)
            return s3_fail_argument(call, "x-amz-object-attributes", list->items[i],
                                    "Invalid attribute name specified.");
        *out_wanted |= bit;
    }
    return STATUS_DONE;
}

/* AWS: part sizes and numbers are listed only for uploads with additional checksums; the count is
 * always there. */
static enum status show_parts(struct call *call, const struct s3_get_object_attributes_in *in,
                              const struct s3_object_row *object,
                              struct s3_get_object_attributes_out *out)
{
    int64_t limit = 0;
    int64_t marker = 0;
    struct s3_piece *rows = NULL;
    size_t count = 0;
    enum status status = s3_read_count(call, "x-amz-max-parts", in->max_parts, &limit);
    if (status == STATUS_DONE && str_is_set(in->part_number_marker) &&
        str_to_i64(in->part_number_marker, &marker) < 0)
        status = s3_fail_argument(call, "x-amz-part-number-marker", in->part_number_marker,
                                  "Provided part-number-marker not an integer");
    if (status != STATUS_DONE)
        return status;
    struct s3_get_object_attributes_parts *parts = arena_alloc(call->arena, sizeof(*parts));
    out->object_parts = parts;
    parts->total_parts_count = opt_i32((int32_t)object->part_count);
    if (!object->is_composite)
        return STATUS_DONE;
    int rc = s3_store_list_pieces(call->db, call->arena, object->body_key, marker, true, limit + 1,
                                  &rows, &count);
    if (rc < 0)
        return call_fail_internal(call, rc, "s3: list parts");
    const bool is_truncated = count > (size_t)limit;
    count = is_truncated ? (size_t)limit : count;
    parts->is_truncated = opt_bool(is_truncated);
    parts->max_parts = str_format(call->arena, "%lld", (long long)limit);
    parts->part_number_marker = str_format(call->arena, "%lld", (long long)marker);
    parts->next_part_number_marker =
        opt_i32(count > 0 ? (int32_t)rows[count - 1].number : (int32_t)marker);
    parts->parts.items = arena_alloc_array(call->arena, count, sizeof(*parts->parts.items));
    for (size_t i = 0; i < count; i++) {
        struct s3_object_part *part = &parts->parts.items[parts->parts.count++];
        part->part_number = opt_i32((int32_t)rows[i].number);
        part->size = opt_i64(rows[i].part_size);
        s3_show_checksum(object->checksum_kind, rows[i].checksum, &part->checksum_crc32);
    }
    return STATUS_DONE;
}

enum status s3_get_object_attributes(struct call *call,
                                     const struct s3_get_object_attributes_in *in,
                                     struct s3_get_object_attributes_out *out)
{
    const struct s3_bucket_row *bucket = s3_bucket_of(call);
    const struct s3_customer_key customer = S3_CUSTOMER_OF(in);
    struct s3_object_row *object = NULL;
    unsigned wanted = 0;
    enum status status = read_attributes(call, &in->object_attributes, &wanted);
    if (status == STATUS_DONE)
        status = s3_get_version(call, bucket, in->key, in->version_id, &object);
    if (status == STATUS_DONE)
        status = s3_check_customer_key(call, object, &customer);
    if (status != STATUS_DONE)
        return status;
    out->last_modified = s3_whole_second(object->modified_at_ms);
    out->version_id = s3_answered_version(bucket, object);
    if (wanted & ATTRIBUTE_ETAG)
        out->etag = object->etag;
    if (wanted & ATTRIBUTE_CLASS)
        out->storage_class = s3_class_name(object);
    if (wanted & ATTRIBUTE_SIZE)
        out->object_size = opt_i64(object->size);
    if ((wanted & ATTRIBUTE_CHECKSUM) && str_is_set(object->checksum)) {
        out->checksum = arena_alloc(call->arena, sizeof(*out->checksum));
        out->checksum->checksum_type = s3_checksum_type(object);
        s3_show_checksum(object->checksum_kind, object->checksum, &out->checksum->checksum_crc32);
    }
    if ((wanted & ATTRIBUTE_PARTS) && object->part_count > 0)
        return show_parts(call, in, object, out);
    return STATUS_DONE;
}
