/* complete.c — CompleteMultipartUpload: the parts become an object as they are.
 *
 * Docs: S3 API reference, CompleteMultipartUpload; user guide, "Checking object integrity" for the
 * ETag (MD5 of the parts' MD5s, "-", their number) and the two types of checksum.
 */
#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "service/s3/multipart.h"
#include "service/s3/object.h"
#include "syntax/base64.h"
#include "syntax/uri.h"

/* The pieces of an upload, and which of them the request wants. */
struct assembly {
    const struct s3_upload *upload;
    struct s3_piece *pieces;
    size_t piece_count;
    size_t part_count;
    int64_t size;
    bool is_enciphered;
};

static enum status refuse_part(struct call *call, struct str upload_id,
                               const struct s3_completed_part *wanted)
{
    return s3_fail(
        call, &S3_INVALID_PART,
        &(struct s3_fault_details_error){
            .upload_id = upload_id,
            .part_number = str_format(call->arena, "%d", opt_i32_or(wanted->part_number, 0)),
            .etag = wanted->etag},
        "One or more of the specified parts could not be found.  The part may not have "
        "been uploaded, or the specified entity tag may not match the part's entity "
        "tag.");
}

static struct str unquoted(struct str etag)
{
    etag = str_trim(etag);
    if (etag.len >= 2 && etag.ptr[0] == '"' && etag.ptr[etag.len - 1] == '"')
        return str_slice(etag, 1, etag.len - 2);
    return etag;
}

/* The order is checked before the parts are looked for. */
static enum status check_order(struct call *call, const struct s3_completed_part_list *parts)
{
    int32_t last = 0;
    if (parts->count == 0 || parts->count > S3_MAX_PARTS)
        return s3_fail_malformed_xml(call);
    for (size_t i = 0; i < parts->count; i++) {
        const struct opt_i32 number = parts->items[i].part_number;
        if (!number.is_set || !str_is_set(parts->items[i].etag))
            return s3_fail_malformed_xml(call);
        if (number.value < 1 || number.value > S3_MAX_PARTS)
            return s3_fail_argument(call, "PartNumber", str_format(call->arena, "%d", number.value),
                                    "Part number must be an integer between 1 and 10000, "
                                    "inclusive");
        if (number.value <= last)
            return s3_fail(call, &S3_INVALID_PART_ORDER, NULL,
                           "The list of parts was not in ascending order. Parts must be ordered "
                           "by part number.");
        last = number.value;
    }
    return STATUS_DONE;
}

static enum status check_part(struct call *call, const struct assembly *assembly,
                              const struct s3_completed_part *wanted, const struct s3_piece *part,
                              bool is_last)
{
    const struct s3_object_row *object = &assembly->upload->object;
    if (!part || !str_eq(unquoted(wanted->etag), part->etag))
        return refuse_part(call, assembly->upload->upload_id, wanted);
    struct str given = s3_checksum_member(object->checksum_kind, &wanted->checksum_crc32);
    if (str_is_set(given) && !str_eq(given, part->checksum))
        return refuse_part(call, assembly->upload->upload_id, wanted);
    if (!is_last && part->part_size < S3_PART_MIN)
        return s3_fail(
            call, &S3_ENTITY_TOO_SMALL,
            &(struct s3_fault_details_error){
                .proposed_size = str_format(call->arena, "%lld", (long long)part->part_size),
                .min_size_allowed = str_format(call->arena, "%d", S3_PART_MIN),
                .part_number = str_format(call->arena, "%lld", (long long)part->number),
                .etag = part->etag},
            "Your proposed upload is smaller than the minimum allowed size");
    return STATUS_DONE;
}

/* Places the wanted pieces one behind the other and removes the others. Parts are numbered anew
 * from 1: that is how GetObject's partNumber counts them. */
static enum status place_pieces(struct call *call, struct assembly *assembly,
                                const struct s3_completed_part_list *parts)
{
    size_t at = 0;
    for (size_t i = 0; i < parts->count; i++) {
        const struct s3_completed_part *wanted = &parts->items[i];
        const int64_t number = wanted->part_number.value;
        while (at < assembly->piece_count && assembly->pieces[at].number < number) {
            const int64_t unwanted = assembly->pieces[at].number;
            enum status status = s3_release_part(call, assembly->pieces[at].list_key, unwanted);
            if (status != STATUS_DONE)
                return status;
            while (at < assembly->piece_count && assembly->pieces[at].number == unwanted)
                assembly->pieces[at++].place = -1;
        }
        const bool is_there = at < assembly->piece_count && assembly->pieces[at].number == number;
        enum status status = check_part(
            call, assembly, wanted, is_there ? &assembly->pieces[at] : NULL, i + 1 == parts->count);
        if (status != STATUS_DONE)
            return status;
        for (; at < assembly->piece_count && assembly->pieces[at].number == number; at++) {
            struct s3_piece *piece = &assembly->pieces[at];
            piece->place = assembly->size;
            assembly->size += piece->size;
            assembly->is_enciphered |= str_is_set(piece->body_iv);
            int rc = s3_store_set_place(call->db, piece, (int64_t)i + 1);
            if (rc < 0)
                return call_fail_internal(call, rc, "s3: place a part");
        }
        assembly->part_count++;
    }
    for (; at < assembly->piece_count; at++) {
        if (assembly->pieces[at].sub > 0)
            continue;
        assembly->pieces[at].place = -1;
        enum status status =
            s3_release_part(call, assembly->pieces[at].list_key, assembly->pieces[at].number);
        if (status != STATUS_DONE)
            return status;
    }
    return STATUS_DONE;
}

static bool is_part(const struct s3_piece *piece)
{
    return piece->place >= 0 && piece->sub == 0;
}

/* The MD5 of the parts' ETags as bytes. */
static struct str etag_of(struct call *call, const struct assembly *assembly)
{
    struct digest digest;
    unsigned char md5[DIGEST_MD5_SIZE];
    digest_init(&digest, DIGEST_MD5);
    for (size_t i = 0; i < assembly->piece_count; i++) {
        struct str raw = {0};
        if (is_part(&assembly->pieces[i]) &&
            hex_decode(call->arena, assembly->pieces[i].etag, &raw) == 0)
            digest_update(&digest, raw);
    }
    digest_final(&digest, md5);
    struct str hex = digest_hex(call->arena, md5, sizeof(md5));
    return str_format(call->arena, STR_FMT "-%zu", STR_ARG(hex), assembly->part_count);
}

static struct str composite_of(struct call *call, const struct assembly *assembly, int64_t kind)
{
    struct checksums sums;
    unsigned char raw_sum[CHECKSUM_MAX_SIZE];
    checksums_init(&sums, 1U << kind);
    for (size_t i = 0; i < assembly->piece_count; i++) {
        struct str raw = {0};
        if (is_part(&assembly->pieces[i]) &&
            base64_decode(call->arena, assembly->pieces[i].checksum, &raw) == 0)
            checksums_update(&sums, raw);
    }
    size_t size = checksums_final(&sums, (enum checksum_kind)kind, raw_sum);
    struct str text = base64_encode_str(call->arena, str_of((const char *)raw_sum, size));
    return str_format(call->arena, STR_FMT "-%zu", STR_ARG(text), assembly->part_count);
}

static struct str combined_of(struct call *call, const struct assembly *assembly, int64_t kind)
{
    unsigned char sum[CHECKSUM_MAX_SIZE] = {0};
    bool is_first = true;
    for (size_t i = 0; i < assembly->piece_count; i++) {
        const struct s3_piece *part = &assembly->pieces[i];
        struct str raw = {0};
        if (!is_part(part))
            continue;
        if (base64_decode(call->arena, str_or(part->checksum, STR("")), &raw) < 0 ||
            raw.len != checksum_size((enum checksum_kind)kind))
            return (struct str){0};
        if (is_first)
            memcpy(sum, raw.ptr, raw.len);
        else
            checksum_combine((enum checksum_kind)kind, sum, (const unsigned char *)raw.ptr,
                             part->part_size, sum);
        is_first = false;
    }
    return base64_encode_str(call->arena,
                             str_of((const char *)sum, checksum_size((enum checksum_kind)kind)));
}

static enum status finish_checksum(struct call *call,
                                   const struct s3_complete_multipart_upload_in *in,
                                   const struct assembly *assembly, struct s3_object_row *object)
{
    const int64_t kind = object->checksum_kind;
    if (str_is_set(in->checksum_type) && !str_eq(in->checksum_type, s3_checksum_type(object)))
        return s3_fail(call, &S3_INVALID_REQUEST, NULL,
                       "The upload was created using the " STR_FMT
                       " checksum mode. The complete request must use the same checksum mode.",
                       STR_ARG(s3_checksum_type(object)));
    object->checksum = object->is_composite ? composite_of(call, assembly, kind)
                                            : combined_of(call, assembly, kind);
    struct str given = s3_checksum_member(kind, &in->checksum_crc32);
    if (str_is_set(given) && !str_eq(given, object->checksum)) {
        struct str name = s3_checksum_name(kind);
        return s3_fail(call, &S3_BAD_DIGEST, NULL,
                       "The " STR_FMT " you specified did not match the calculated checksum.",
                       STR_ARG(name));
    }
    if (in->mpu_object_size.is_set && in->mpu_object_size.value != object->size)
        return s3_fail(call, &S3_INVALID_REQUEST, NULL,
                       "The provided 'x-amz-mp-object-size' header value %lld does not match what "
                       "was computed: %lld",
                       (long long)in->mpu_object_size.value, (long long)object->size);
    if (!str_is_set(object->checksum))
        object->checksum_kind = CHECKSUM_KIND_COUNT;
    return STATUS_DONE;
}

/* AWS: "http://Example-Bucket.s3.<Region>.amazonaws.com/Example-Object": the bucket in the host's
 * name when the request had it there. */
static struct str location_of(struct call *call, struct str bucket, struct str key)
{
    struct str path = uri_encode_str(call->arena, key, true);
    struct str base = call->endpoint;
    ptrdiff_t slashes = str_find(base, STR("://"));
    struct str host = slashes >= 0 ? str_from(base, (size_t)slashes + 3) : base;
    if (str_starts_with(host, bucket) && host.len > bucket.len && host.ptr[bucket.len] == '.')
        return str_concat3(call->arena, base, STR("/"), path);
    return str_format(call->arena, STR_FMT "/" STR_FMT "/" STR_FMT, STR_ARG(base), STR_ARG(bucket),
                      STR_ARG(path));
}

static enum status assemble(struct call *call, const struct s3_complete_multipart_upload_in *in,
                            struct s3_upload *upload, struct s3_object_row *object)
{
    struct assembly assembly = {.upload = upload};
    int rc = s3_store_list_pieces(call->db, call->arena, upload->object.body_key, 0, false,
                                  INT64_MAX, &assembly.pieces, &assembly.piece_count);
    if (rc < 0)
        return call_fail_internal(call, rc, "s3: list parts");
    enum status status = place_pieces(call, &assembly, &in->multipart_upload->parts);
    if (status != STATUS_DONE)
        return status;
    *object = upload->object;
    object->modified_at_ms = call->now_ms;
    object->size = assembly.size;
    object->part_count = (int64_t)assembly.part_count;
    object->etag = etag_of(call, &assembly);
    /* The key was for nothing. */
    if (object->encryption == S3_SSE_DEFAULT && !assembly.is_enciphered)
        object->sealed_key = (struct str){0};
    if (object->size > S3_MAX_OBJECT)
        return s3_fail(call, &S3_ENTITY_TOO_LARGE, NULL,
                       "Your proposed upload exceeds the maximum allowed size");
    return finish_checksum(call, in, &assembly, object);
}

static void answer(struct call *call, const struct s3_complete_multipart_upload_in *in,
                   const struct s3_completed *completed,
                   struct s3_complete_multipart_upload_out *out)
{
    const struct s3_object_row *object = &completed->object;
    struct str bucket = s3_bucket_of(call)->name;
    out->location = location_of(call, bucket, in->key);
    out->bucket = bucket;
    out->key = in->key;
    out->etag = s3_quoted(call->arena, object->etag);
    out->version_id = object->version_id;
    out->expiration = completed->expiration;
    out->checksum_type = s3_checksum_type(object);
    s3_show_checksum(object->checksum_kind, object->checksum, &out->checksum_crc32);
    out->server_side_encryption = s3_encryption_name(object);
    out->ssekms_key_id = object->kms_key;
    if (object->has_bucket_key)
        out->bucket_key_enabled = opt_bool(true);
}

/* Whether a request asks for what was completed: its parts give the same ETag. */
static bool is_same(struct call *call, const struct s3_complete_multipart_upload_in *in,
                    const struct s3_object_row *object)
{
    const struct s3_completed_part_list *parts = &in->multipart_upload->parts;
    struct assembly assembly = {
        .pieces = arena_alloc_array(call->arena, parts->count, sizeof(struct s3_piece)),
        .piece_count = parts->count,
        .part_count = parts->count,
    };
    for (size_t i = 0; i < parts->count; i++)
        assembly.pieces[i].etag = unquoted(parts->items[i].etag);
    struct str given = s3_checksum_member(object->checksum_kind, &in->checksum_crc32);
    return str_eq(etag_of(call, &assembly), object->etag) &&
           (!str_is_set(given) || str_eq(given, object->checksum));
}

/* The upload is not there: it may be that it was completed. OBSERVED: (2025-08-26, AWS CLI, in a
 * public report that does not tell the region) the same completion again is answered as it was the
 * first time. Conditions are not asked again: they held. */
static enum status repeat(struct call *call, const struct s3_complete_multipart_upload_in *in,
                          struct s3_complete_multipart_upload_out *out)
{
    struct s3_completed *completed = NULL;
    enum status status = s3_find_completed(call, in->key, in->upload_id, &completed);
    if (status == STATUS_DONE && !completed)
        status = s3_no_such_upload(call, in->upload_id);
    if (status == STATUS_DONE)
        status = in->multipart_upload ? check_order(call, &in->multipart_upload->parts)
                                      : s3_fail_malformed_xml(call);
    if (status == STATUS_DONE && !is_same(call, in, &completed->object))
        status = s3_no_such_upload(call, in->upload_id);
    if (status == STATUS_DONE)
        answer(call, in, completed, out);
    return status;
}

enum status s3_complete_multipart_upload(struct call *call,
                                         const struct s3_complete_multipart_upload_in *in,
                                         struct s3_complete_multipart_upload_out *out)
{
    const struct s3_bucket_row *bucket = s3_bucket_of(call);
    struct s3_upload *upload = NULL;
    struct s3_object_row *object = arena_alloc(call->arena, sizeof(*object));
    struct s3_completed completed = {.upload_id = in->upload_id};
    enum status status = s3_find_upload(call, in->key, in->upload_id, &upload);
    if (status == STATUS_DONE && !upload)
        return repeat(call, in, out);
    if (status == STATUS_DONE)
        status = in->multipart_upload ? check_order(call, &in->multipart_upload->parts)
                                      : s3_fail_malformed_xml(call);
    if (status == STATUS_DONE)
        status = s3_check_write(call, bucket, in->key, in->if_match, in->if_none_match);
    if (status == STATUS_DONE)
        status = assemble(call, in, upload, object);
    if (status != STATUS_DONE)
        return status;
    /* The upload's reference to the list becomes the object's. */
    int rc = s3_store_delete_upload(call->db, upload->upload_id);
    if (rc < 0)
        return call_fail_internal(call, rc, "s3: delete an upload");
    status = s3_put_version(call, bucket, object);
    if (status == STATUS_DONE)
        status = s3_announce(call, bucket, object, "ObjectCreated:CompleteMultipartUpload");
    if (status == STATUS_DONE)
        status = s3_show_expiration(call, bucket, object, &completed.expiration);
    if (status != STATUS_DONE)
        return status;
    completed.object = *object;
    completed.object.version_id = s3_answered_version(bucket, object);
    answer(call, in, &completed, out);
    return s3_keep_completed(call, &completed);
}
