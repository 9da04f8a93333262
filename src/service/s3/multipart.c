/* multipart.c — CreateMultipartUpload, UploadPart, AbortMultipartUpload, ListParts,
 * ListMultipartUploads. Completing is in complete.c, UploadPartCopy in part_copy.c.
 *
 * An upload is a row with everything about the object that will be, and the number of the list that
 * its parts are pieces of. Each upload has an object key: parts that are copied from an enciphered
 * object need one to wrap their own keys by, whatever the upload's encryption.
 *
 * Docs: S3 API reference of each; user guide, "Uploading and copying objects using multipart
 * upload", "Amazon S3 multipart upload limits".
 */
#include "service/s3/multipart.h"

#include <errno.h>

#include "base/arena.h"
#include "base/rand.h"
#include "service/s3/body_plan.h"
#include "service/s3/list.h"
#include "service/s3/object.h"
#include "syntax/base64.h"

enum {
    ID_TIME_DIGITS = 12, /* in front: uploads of a key are in the order of their beginning */
};

/* ---- creating ---- */

static struct str new_upload_id(struct call *call)
{
    struct str alphabet = STR("abcdefghijklmnopqrstuvwxyz0123456789");
    struct str random = rand_text(call->arena, alphabet, S3_UPLOAD_ID_LEN - ID_TIME_DIGITS);
    return str_format(call->arena, "%0*llx" STR_FMT, ID_TIME_DIGITS, (long long)call->now_ms,
                      STR_ARG(random));
}

bool s3_has_explicit_checksum(const struct s3_upload *upload)
{
    return str_is_set(upload->object.checksum);
}

/* AWS: "Checking object integrity", table of types by algorithm: SHA-1 and SHA-256 are COMPOSITE,
 * CRC64NVME is FULL_OBJECT, CRC32 and CRC32C may be either, COMPOSITE unless asked. */
static enum status choose_checksum(struct call *call, struct str algorithm, struct str type,
                                   struct s3_object_row *object)
{
    object->checksum_kind = CHECKSUM_CRC64NVME;
    const bool is_full = str_eq_cstr(type, "FULL_OBJECT");
    const bool is_composite = str_eq_cstr(type, "COMPOSITE");
    if (str_is_set(type) && !is_full && !is_composite)
        return s3_fail(call, &S3_INVALID_REQUEST, NULL,
                       "Value for x-amz-checksum-type header is invalid.");
    enum status status = s3_check_algorithm(call, algorithm);
    if (status != STATUS_DONE)
        return status;
    if (!str_is_set(algorithm)) {
        if (str_is_set(type))
            return s3_fail(call, &S3_INVALID_REQUEST, NULL,
                           "The x-amz-checksum-type header can only be used with the "
                           "x-amz-checksum-algorithm header.");
        return STATUS_DONE;
    }
    object->checksum_kind = s3_checksum_kind(algorithm);
    object->checksum = STR("");
    const bool must_be_full = object->checksum_kind == CHECKSUM_CRC64NVME;
    const bool must_be_composite =
        object->checksum_kind == CHECKSUM_SHA1 || object->checksum_kind == CHECKSUM_SHA256;
    if ((must_be_full && is_composite) || (must_be_composite && is_full)) {
        struct str name = str_lower(call->arena, algorithm);
        return s3_fail(call, &S3_INVALID_REQUEST, NULL,
                       "The %s checksum type cannot be used with the " STR_FMT
                       " checksum algorithm.",
                       is_full ? "FULL_OBJECT" : "COMPOSITE", STR_ARG(name));
    }
    object->is_composite = !must_be_full && !is_full;
    return STATUS_DONE;
}

static struct str new_object_key(struct call *call)
{
    char *bytes = arena_alloc_text(call->arena, BODY_KEY_BYTES);
    rand_bytes(bytes, BODY_KEY_BYTES);
    return str_of(bytes, BODY_KEY_BYTES);
}

enum status s3_create_multipart_upload(struct call *call,
                                       const struct s3_create_multipart_upload_in *in,
                                       struct s3_create_multipart_upload_out *out)
{
    const struct s3_bucket_row *bucket = s3_bucket_of(call);
    const struct s3_description description = S3_DESCRIPTION_OF(in);
    const struct s3_encryption_wish wish = S3_WISH_OF(in);
    struct s3_upload *upload = arena_alloc(call->arena, sizeof(*upload));
    struct s3_object_row *object = &upload->object;
    struct s3_body list = {.refs = 1};
    enum status status = s3_describe(call, bucket, in->key, &description, object);
    if (status == STATUS_DONE)
        status = choose_checksum(call, in->checksum_algorithm, in->checksum_type, object);
    if (status == STATUS_DONE)
        status = s3_plan_encryption(call, bucket, &wish, object);
    if (status == STATUS_DONE)
        status = s3_seal_key(call, bucket, &wish.customer, new_object_key(call), object);
    if (status != STATUS_DONE)
        return status;
    int rc = s3_add_body(call, &list);
    object->body_key = list.body_key;
    object->version_id = STR("null"); /* the column must hold a text */
    object->modified_at_ms = call->now_ms;
    upload->upload_id = new_upload_id(call);
    upload->initiator = str_or(call->principal->arn, STR(""));
    if (rc == 0)
        rc = s3_store_put_upload(call->db, upload);
    if (rc < 0)
        return call_fail_internal(call, rc, "s3: put an upload");
    out->bucket = bucket->name;
    out->key = in->key;
    out->upload_id = upload->upload_id;
    if (s3_has_explicit_checksum(upload)) {
        out->checksum_algorithm = s3_checksum_name(object->checksum_kind);
        out->checksum_type = s3_checksum_type(object);
    }
    S3_SHOW_ENCRYPTION(object, out);
    return STATUS_DONE;
}

/* ---- parts ---- */

enum status s3_no_such_upload(struct call *call, struct str upload_id)
{
    return s3_fail(call, &S3_NO_SUCH_UPLOAD,
                   &(struct s3_fault_details_error){.upload_id = upload_id},
                   "The specified upload does not exist. The upload ID may be invalid, or the "
                   "upload may have been aborted or completed.");
}

enum status s3_find_upload(struct call *call, struct str key, struct str upload_id,
                           struct s3_upload **out)
{
    struct s3_upload *upload = NULL;
    int rc = s3_store_find_upload(call->db, call->arena, upload_id, &upload);
    if (rc < 0)
        return call_fail_internal(call, rc, "s3: find an upload");
    const bool is_right = upload && upload->object.bucket_key == s3_bucket_of(call)->bucket_key &&
                          str_eq(upload->object.key, key);
    *out = is_right ? upload : NULL;
    return STATUS_DONE;
}

enum status s3_get_upload(struct call *call, struct str key, struct str upload_id,
                          struct s3_upload **out)
{
    struct s3_upload *upload = NULL;
    enum status status = s3_find_upload(call, key, upload_id, &upload);
    if (status != STATUS_DONE)
        return status;
    if (!upload)
        return s3_no_such_upload(call, upload_id);
    *out = upload;
    return STATUS_DONE;
}

enum status s3_check_part_number(struct call *call, struct opt_i32 number)
{
    if (number.is_set && number.value >= 1 && number.value <= S3_MAX_PARTS)
        return STATUS_DONE;
    return s3_fail_argument(call, "partNumber",
                            str_format(call->arena, "%d", opt_i32_or(number, 0)),
                            "Part number must be an integer between 1 and 10000, inclusive");
}

/* An upload that named its algorithm takes parts with that alone. */
static enum status check_kind(struct call *call, const struct s3_upload *upload, int64_t kind)
{
    if (!s3_has_explicit_checksum(upload) || kind == upload->object.checksum_kind ||
        kind == CHECKSUM_KIND_COUNT)
        return STATUS_DONE;
    struct str expected = str_lower(call->arena, s3_checksum_name(upload->object.checksum_kind));
    struct str actual = str_lower(call->arena, s3_checksum_name(kind));
    return s3_fail(call, &S3_INVALID_REQUEST, NULL,
                   "Checksum Type mismatch occurred, expected checksum Type: " STR_FMT
                   ", actual checksum Type: " STR_FMT,
                   STR_ARG(expected), STR_ARG(actual));
}

static enum status describe_part(struct call *call, const struct s3_upload_part_in *in,
                                 struct s3_upload **out_upload,
                                 struct s3_checksum_wish *out_checksum)
{
    struct str md5 = {0};
    enum status status = s3_check_part_number(call, in->part_number);
    if (status == STATUS_DONE)
        status = s3_check_md5_text(call, in->content_md5, &md5);
    if (status == STATUS_DONE)
        status = s3_read_checksum(call, &in->checksum_crc32, in->checksum_algorithm,
                                  s3_trailer_names(call), out_checksum);
    if (status == STATUS_DONE)
        status = s3_get_upload(call, in->key, in->upload_id, out_upload);
    return status == STATUS_DONE ? check_kind(call, *out_upload, out_checksum->kind) : status;
}

enum status s3_plan_part(struct call *call, const struct s3_upload_part_in *in,
                         struct body_plan *out)
{
    const struct s3_customer_key customer = S3_CUSTOMER_OF(in);
    struct s3_upload *upload = NULL;
    struct s3_checksum_wish checksum;
    struct str key = {0};
    enum status status = describe_part(call, in, &upload, &checksum);
    if (status == STATUS_DONE)
        status = s3_plan_upload(call, in->content_length, &checksum, str_is_set(in->content_md5),
                                &upload->object, out);
    if (status != STATUS_DONE)
        return status;
    out->checksums |= 1U << upload->object.checksum_kind;
    if (upload->object.encryption == S3_SSE_DEFAULT)
        return STATUS_DONE;
    status = s3_open_key(call, s3_bucket_of(call), &upload->object, &customer, &key);
    out->cipher = s3_new_cipher(call, &upload->object);
    out->cipher.key = key;
    return status;
}

enum status s3_upload_part(struct call *call, const struct s3_upload_part_in *in,
                           struct s3_upload_part_out *out)
{
    struct s3_upload *upload = NULL;
    struct s3_checksum_wish checksum;
    struct str value = {0};
    enum status status = describe_part(call, in, &upload, &checksum);
    if (status == STATUS_DONE)
        status = s3_check_body(call, call->body, &checksum, in->content_md5, &value);
    if (status != STATUS_DONE)
        return status;
    const struct s3_object_row *object = &upload->object;
    struct s3_piece piece = {
        .list_key = object->body_key,
        .number = in->part_number.value,
        .place = -1,
        .size = call->body->size,
        .body_iv = call->body->cipher.iv,
        .part_size = call->body->size,
        .modified_at_ms = call->now_ms,
        .etag = s3_etag_of(call, call->body, object),
        .checksum = base64_encode_str(call->arena, call->body->checksums[object->checksum_kind]),
    };
    status = s3_release_part(call, piece.list_key, piece.number);
    if (status != STATUS_DONE)
        return status;
    int rc = s3_keep_body(call, call->body, &piece.body_key);
    if (rc == 0)
        rc = s3_store_put_piece(call->db, &piece);
    if (rc < 0)
        return call_fail_internal(call, rc, "s3: put a part");
    out->etag = s3_quoted(call->arena, piece.etag);
    const int64_t kind =
        checksum.kind < CHECKSUM_KIND_COUNT ? checksum.kind : object->checksum_kind;
    s3_show_checksum(kind, value, &out->checksum_crc32);
    if (kind == object->checksum_kind)
        s3_show_checksum(kind, piece.checksum, &out->checksum_crc32);
    S3_SHOW_ENCRYPTION(object, out);
    return STATUS_DONE;
}

/* ---- aborting ---- */

enum status s3_abort_upload(struct call *call, const struct s3_upload *upload)
{
    int rc = s3_store_delete_upload(call->db, upload->upload_id);
    if (rc < 0)
        return call_fail_internal(call, rc, "s3: delete an upload");
    return s3_release_body(call, upload->object.body_key);
}

enum status s3_abort_multipart_upload(struct call *call,
                                      const struct s3_abort_multipart_upload_in *in,
                                      struct s3_abort_multipart_upload_out *out)
{
    struct s3_upload *upload = NULL;
    (void)out;
    enum status status = s3_get_upload(call, in->key, in->upload_id, &upload);
    return status == STATUS_DONE ? s3_abort_upload(call, upload) : status;
}

/* ---- lists ---- */

/* The initiator as lists show it: an account by its canonical id, others by their ARN. */
static struct s3_initiator *initiator_of(struct call *call, const struct s3_upload *upload)
{
    struct s3_initiator *initiator = arena_alloc(call->arena, sizeof(*initiator));
    if (str_ends_with(upload->initiator, STR(":root")) || upload->initiator.len == 0) {
        initiator->id = s3_owner_of(call->arena, upload->object.owner)->id;
    } else {
        initiator->id = upload->initiator;
        ptrdiff_t slash = str_last_index(upload->initiator, '/');
        initiator->display_name = str_from(upload->initiator, (size_t)(slash + 1));
    }
    return initiator;
}

enum status s3_list_parts(struct call *call, const struct s3_list_parts_in *in,
                          struct s3_list_parts_out *out)
{
    struct s3_upload *upload = NULL;
    struct s3_piece *parts = NULL;
    size_t count = 0;
    int64_t limit = 0;
    int64_t marker = 0;
    enum status status = s3_read_count(call, "max-parts", in->max_parts, &limit);
    if (status == STATUS_DONE && in->part_number_marker.len > 0 &&
        (str_to_i64(in->part_number_marker, &marker) < 0 || marker < 0))
        status =
            s3_fail_argument(call, "part-number-marker", in->part_number_marker,
                             "Provided part-number-marker not an integer or within integer range");
    if (status == STATUS_DONE)
        status = s3_get_upload(call, in->key, in->upload_id, &upload);
    if (status != STATUS_DONE)
        return status;
    const struct s3_object_row *object = &upload->object;
    int rc = s3_store_list_pieces(call->db, call->arena, object->body_key, marker, true, limit + 1,
                                  &parts, &count);
    if (rc < 0)
        return call_fail_internal(call, rc, "s3: list parts");
    const bool is_truncated = count > (size_t)limit;
    count = is_truncated ? (size_t)limit : count;
    out->bucket = in->bucket;
    out->key = in->key;
    out->upload_id = in->upload_id;
    out->part_number_marker = str_format(call->arena, "%lld", (long long)marker);
    out->next_part_number_marker = opt_i32(count > 0 ? (int32_t)parts[count - 1].number : 0);
    out->max_parts = str_format(call->arena, "%lld", (long long)limit);
    out->is_truncated = opt_bool(is_truncated);
    out->initiator = initiator_of(call, upload);
    out->owner = s3_owner_of(call->arena, object->owner);
    out->storage_class = s3_class_name(object);
    if (s3_has_explicit_checksum(upload)) {
        out->checksum_algorithm = s3_checksum_name(object->checksum_kind);
        out->checksum_type = s3_checksum_type(object);
    }
    out->parts.items = arena_alloc_array(call->arena, count, sizeof(*out->parts.items));
    for (size_t i = 0; i < count; i++) {
        struct s3_part *part = &out->parts.items[out->parts.count++];
        part->part_number = opt_i32((int32_t)parts[i].number);
        part->last_modified = s3_whole_second(parts[i].modified_at_ms);
        part->etag = s3_quoted(call->arena, parts[i].etag);
        part->size = opt_i64(parts[i].part_size);
        if (s3_has_explicit_checksum(upload))
            s3_show_checksum(object->checksum_kind, parts[i].checksum, &part->checksum_crc32);
    }
    return STATUS_DONE;
}

/* One upload, or the prefix that it falls under, into the page; false: the page is full. */
static bool add_upload(struct call *call, const struct s3_view *view,
                       const struct s3_upload *upload, struct s3_walk *walk,
                       struct s3_list_multipart_uploads_out *out)
{
    struct str key = upload->object.key;
    ptrdiff_t found =
        walk->delimiter.len > 0 ? str_find(str_from(key, walk->prefix.len), walk->delimiter) : -1;
    struct str prefix = {0};
    if (found >= 0) {
        prefix = str_slice(key, 0, walk->prefix.len + (size_t)found + walk->delimiter.len);
        if ((walk->prefix_count > 0 && str_eq(prefix, walk->prefixes[walk->prefix_count - 1])) ||
            str_eq(prefix, walk->marker))
            return true;
    }
    if (walk->item_count + walk->prefix_count == walk->limit) {
        walk->is_truncated = true;
        return false;
    }
    out->next_key_marker = s3_coded(view, key);
    out->next_upload_id_marker = upload->upload_id;
    if (str_is_set(prefix)) {
        walk->prefixes[walk->prefix_count++] = prefix;
        out->next_key_marker = s3_coded(view, prefix);
        out->next_upload_id_marker = (struct str){0};
        return true;
    }
    walk->item_count++;
    struct s3_multipart_upload *item = &out->uploads.items[out->uploads.count++];
    item->upload_id = upload->upload_id;
    item->key = s3_coded(view, key);
    item->initiated = s3_whole_second(upload->object.modified_at_ms);
    item->storage_class = s3_class_name(&upload->object);
    item->owner = s3_owner_of(call->arena, upload->object.owner);
    item->initiator = initiator_of(call, upload);
    if (s3_has_explicit_checksum(upload)) {
        item->checksum_algorithm = s3_checksum_name(upload->object.checksum_kind);
        item->checksum_type = s3_checksum_type(&upload->object);
    }
    return true;
}

static enum status walk_uploads(struct call *call, const struct s3_view *view,
                                struct str upload_id_marker, struct s3_walk *walk,
                                struct s3_list_multipart_uploads_out *out)
{
    struct str end = s3_end_of_prefix(call->arena, walk->prefix);
    struct str after_id = upload_id_marker;
    bool is_full = false;
    if (str_compare(walk->at, walk->prefix) < 0) {
        walk->at = walk->prefix;
        after_id = STR("");
    }
    while (!is_full) {
        struct s3_upload *uploads = NULL;
        size_t count = 0;
        int rc = s3_store_list_uploads(call->db, call->arena, s3_bucket_of(call)->bucket_key,
                                       walk->at, after_id, end, S3_MAX_PAGE + 1, &uploads, &count);
        if (rc < 0)
            return call_fail_internal(call, rc, "s3: list uploads");
        for (size_t i = 0; i < count && !is_full; i++)
            is_full = !add_upload(call, view, &uploads[i], walk, out);
        if (count < S3_MAX_PAGE + 1)
            break;
        walk->at = uploads[count - 1].object.key;
        after_id = uploads[count - 1].upload_id;
    }
    return STATUS_DONE;
}

enum status s3_list_multipart_uploads(struct call *call,
                                      const struct s3_list_multipart_uploads_in *in,
                                      struct s3_list_multipart_uploads_out *out)
{
    struct s3_view view;
    int64_t limit = 0;
    enum status status = s3_begin_view(call, in->encoding_type, &view);
    if (status == STATUS_DONE)
        status = s3_read_count(call, "max-uploads", in->max_uploads, &limit);
    if (status != STATUS_DONE)
        return status;
    struct s3_walk walk = {
        .prefix = str_or(in->prefix, STR("")),
        .delimiter = in->delimiter,
        .marker = in->key_marker,
        .at = str_or(in->key_marker, STR("")),
        .limit = (size_t)limit,
        .prefixes = arena_alloc_array(call->arena, (size_t)limit + 1, sizeof(struct str)),
    };
    out->uploads.items =
        arena_alloc_array(call->arena, (size_t)limit + 1, sizeof(*out->uploads.items));
    /* AWS: "If key-marker is not specified, the upload-id-marker parameter is ignored." */
    struct str after_id = in->upload_id_marker.len > 0 && in->key_marker.len > 0
                              ? in->upload_id_marker
                              : (struct str){0};
    if (limit > 0)
        status = walk_uploads(call, &view, after_id, &walk, out);
    if (status != STATUS_DONE)
        return status;
    out->bucket = in->bucket;
    out->key_marker = str_or(s3_coded(&view, in->key_marker), STR(""));
    out->upload_id_marker = str_or(in->upload_id_marker, STR(""));
    if (in->prefix.len > 0)
        out->prefix = s3_coded(&view, in->prefix);
    if (in->delimiter.len > 0)
        out->delimiter = s3_coded(&view, in->delimiter);
    out->encoding_type = in->encoding_type;
    out->max_uploads = str_format(call->arena, "%lld", (long long)limit);
    out->is_truncated = opt_bool(walk.is_truncated);
    if (!walk.is_truncated) {
        out->next_key_marker = (struct str){0};
        out->next_upload_id_marker = (struct str){0};
    }
    s3_show_prefixes(&view, &walk, &out->common_prefixes);
    return STATUS_DONE;
}
