/* part_copy.c — UploadPartCopy: a part that is a range of another object.
 *
 * The part's pieces are slices of the source's bodies, which they share. What is enciphered there
 * stays so: the key of the source is wrapped under the upload's own (s3_piece.wrapped_key). Only a
 * text that was kept as it came and is to be enciphered now is stored anew.
 *
 * Docs: S3 API reference, UploadPartCopy.
 */
#include <errno.h>

#include "auth/seal.h"
#include "base/arena.h"
#include "service/s3/copy.h"
#include "service/s3/multipart.h"
#include "service/s3/object.h"
#include "service/s3/range.h"
#include "service/s3/rewrite.h"
#include "syntax/base64.h"

struct part_copy {
    const struct s3_upload *upload;
    const struct s3_object_row *source;
    struct str source_key; /* object keys, opened; absent: none */
    struct str upload_key;
    int64_t first;
    int64_t length;
    struct s3_piece *pieces; /* to be written */
    size_t piece_count;
    struct s3_piece part; /* ETag and checksum */
};

static enum status read_range(struct call *call, struct str header,
                              const struct s3_object_row *source, int64_t *out_first,
                              int64_t *out_length)
{
    *out_first = 0;
    *out_length = source->size;
    if (!str_is_set(header))
        return STATUS_DONE;
    int rc = range_parse_copy(header, source->size, out_first, out_length);
    if (rc == -EINVAL)
        return s3_fail_argument(call, "x-amz-copy-source-range", header,
                                "The x-amz-copy-source-range value must be of the form "
                                "bytes=first-last where first and last are the zero-based offsets "
                                "of the first and last bytes to copy");
    if (rc == -ERANGE) {
        struct str message =
            str_format(call->arena, "Range specified is not valid for source object of size: %lld",
                       (long long)source->size);
        return s3_fail_argument(call, "x-amz-copy-source-range", header,
                                str_to_cstr(call->arena, message));
    }
    return STATUS_DONE;
}

/* A slice of a body of the source, as a piece of the part. */
static void add_slice(struct call *call, struct part_copy *copy, struct s3_piece slice,
                      struct str key)
{
    slice.list_key = copy->upload->object.body_key;
    slice.number = copy->part.number;
    slice.sub = (int64_t)copy->piece_count;
    slice.place = -1;
    slice.wrapped_key =
        str_is_set(slice.body_iv) ? seal(call->arena, copy->upload_key, key) : (struct str){0};
    slice.etag = (struct str){0};
    slice.checksum = (struct str){0};
    copy->pieces[copy->piece_count++] = slice;
}

static enum status slice_list(struct call *call, struct part_copy *copy)
{
    struct s3_piece *rows = NULL;
    size_t count = 0;
    int rc = s3_store_range_pieces(call->db, call->arena, copy->source->body_key, copy->first,
                                   copy->length, &rows, &count);
    if (rc < 0)
        return call_fail_internal(call, rc, "s3: find pieces");
    copy->pieces = arena_alloc_array(call->arena, count + 1, sizeof(*copy->pieces));
    for (size_t i = 0; i < count; i++) {
        struct s3_piece slice = rows[i];
        struct str key = copy->source_key;
        const int64_t end = copy->first + copy->length;
        const int64_t from = copy->first > slice.place ? copy->first - slice.place : 0;
        const int64_t to = end < slice.place + slice.size ? end - slice.place : slice.size;
        if (to <= from)
            continue;
        if (str_is_set(slice.wrapped_key))
            rc = unseal(call->arena, copy->source_key, slice.wrapped_key, &key);
        if (rc < 0)
            return call_fail_internal(call, rc, "s3: unwrap the key of a piece");
        slice.body_offset += from;
        slice.size = to - from;
        add_slice(call, copy, slice, key);
    }
    return STATUS_DONE;
}

static enum status slice_source(struct call *call, struct part_copy *copy)
{
    struct s3_body *body = NULL;
    if (copy->length == 0) { /* a part all the same: a row that shares no body */
        copy->pieces = arena_alloc_array(call->arena, 1, sizeof(*copy->pieces));
        add_slice(call, copy, (struct s3_piece){.size = 0}, copy->source_key);
        return STATUS_DONE;
    }
    int rc = s3_store_find_body(call->db, call->arena, copy->source->body_key, &body);
    if (rc < 0 || !body)
        return call_fail_internal(call, rc < 0 ? rc : -ENOENT, "s3: find body");
    if (!str_is_set(body->file) && !str_is_set(body->bytes))
        return slice_list(call, copy);
    copy->pieces = arena_alloc_array(call->arena, 1, sizeof(*copy->pieces));
    const struct s3_piece slice = {
        .size = copy->length,
        .body_key = copy->source->body_key,
        .body_offset = copy->source->body_offset + copy->first,
        .body_iv = copy->source->body_iv,
    };
    add_slice(call, copy, slice, copy->source_key);
    return STATUS_DONE;
}

/* What is known of the range without reading it: all of an object with an MD5, or one part of it.
 */
static enum status take_known(struct call *call, struct part_copy *copy)
{
    const struct s3_object_row *source = copy->source;
    const struct s3_object_row *object = &copy->upload->object;
    const bool has_same_kind = source->checksum_kind == object->checksum_kind;
    const bool is_plain =
        source->encryption == S3_SSE_DEFAULT || source->encryption == S3_SSE_AES256;
    if (source->part_count == 0 && copy->length == source->size && is_plain) {
        copy->part.etag = source->etag;
        if (has_same_kind && !source->is_composite)
            copy->part.checksum = source->checksum;
        return STATUS_DONE;
    }
    if (source->part_count == 0 || !is_plain)
        return STATUS_DONE;
    struct s3_piece *rows = NULL;
    size_t count = 0;
    int rc = s3_store_range_pieces(call->db, call->arena, source->body_key, copy->first,
                                   copy->length, &rows, &count);
    if (rc < 0)
        return call_fail_internal(call, rc, "s3: find pieces");
    if (count == 0 || rows[0].sub > 0 || rows[0].place != copy->first ||
        rows[0].part_size != copy->length)
        return STATUS_DONE;
    copy->part.etag = rows[0].etag;
    if (has_same_kind)
        copy->part.checksum = rows[0].checksum;
    return STATUS_DONE;
}

/* Reads the range for what is not known, and to encipher it when it must be. */
static enum status read_rest(struct call *call, struct part_copy *copy)
{
    const struct s3_object_row *object = &copy->upload->object;
    const bool has_md5_etag =
        object->encryption == S3_SSE_DEFAULT || object->encryption == S3_SSE_AES256;
    struct body_piece *pieces = NULL;
    struct s3_rewrite rewrite = {
        .size = copy->length,
        .stores = object->encryption != S3_SSE_DEFAULT && !str_is_set(copy->source_key) &&
                  copy->length > 0,
    };
    if (!has_md5_etag)
        copy->part.etag = s3_random_etag(call->arena);
    if (!str_is_set(copy->part.etag))
        rewrite.checksums |= 1U << CHECKSUM_MD5;
    if (!str_is_set(copy->part.checksum))
        rewrite.checksums |= 1U << object->checksum_kind;
    if (rewrite.checksums == 0 && !rewrite.stores)
        return STATUS_DONE;
    enum status status = s3_pieces_of(call, copy->source, copy->source_key, copy->first,
                                      copy->length, &pieces, &rewrite.piece_count);
    rewrite.pieces = pieces;
    if (rewrite.stores) {
        rewrite.cipher = s3_new_cipher(call, object);
        rewrite.cipher.key = copy->upload_key;
    }
    if (status == STATUS_DONE)
        status = s3_rewrite(call, &rewrite);
    if (status != STATUS_DONE)
        return status;
    if (str_is_set(rewrite.sums[CHECKSUM_MD5]))
        copy->part.etag = hex_encode(call->arena, rewrite.sums[CHECKSUM_MD5]);
    if (str_is_set(rewrite.sums[object->checksum_kind]))
        copy->part.checksum = base64_encode_str(call->arena, rewrite.sums[object->checksum_kind]);
    if (!rewrite.stores)
        return STATUS_DONE;
    copy->pieces = arena_alloc_array(call->arena, 1, sizeof(*copy->pieces));
    copy->piece_count = 1;
    copy->pieces[0] = (struct s3_piece){
        .list_key = object->body_key,
        .number = copy->part.number,
        .place = -1,
        .size = copy->length,
        .body_key = rewrite.body_key,
        .body_iv = rewrite.cipher.iv,
    };
    return STATUS_DONE;
}

/* Writes the rows; shares what is the source's. */
static enum status write_part(struct call *call, struct part_copy *copy, bool is_shared)
{
    enum status status = s3_release_part(call, copy->upload->object.body_key, copy->part.number);
    for (size_t i = 0; i < copy->piece_count && status == STATUS_DONE; i++) {
        struct s3_piece *piece = &copy->pieces[i];
        piece->modified_at_ms = call->now_ms;
        piece->part_size = i == 0 ? copy->length : 0;
        if (i == 0) {
            piece->etag = copy->part.etag;
            piece->checksum = copy->part.checksum;
        }
        if (is_shared && piece->body_key != 0)
            status = s3_share_body(call, piece->body_key);
        int rc = status == STATUS_DONE ? s3_store_put_piece(call->db, piece) : 0;
        if (rc < 0)
            return call_fail_internal(call, rc, "s3: put a part");
    }
    return status;
}

static enum status open_keys(struct call *call, const struct s3_upload_part_copy_in *in,
                             struct part_copy *copy)
{
    const struct s3_customer_key from = {in->copy_source_sse_customer_algorithm,
                                         in->copy_source_sse_customer_key,
                                         in->copy_source_sse_customer_key_md5};
    const struct s3_customer_key to = S3_CUSTOMER_OF(in);
    enum status status =
        s3_open_key(call, s3_subject(call)->source, copy->source, &from, &copy->source_key);
    if (status != STATUS_DONE)
        return status;
    return s3_open_key(call, s3_bucket_of(call), &copy->upload->object, &to, &copy->upload_key);
}

static enum status find_both(struct call *call, const struct s3_upload_part_copy_in *in,
                             struct part_copy *copy)
{
    const struct s3_conditions conditions = {
        in->copy_source_if_match, in->copy_source_if_none_match, in->copy_source_if_modified_since,
        in->copy_source_if_unmodified_since};
    struct s3_upload *upload = NULL;
    struct s3_object_row *source = NULL;
    enum status status = s3_check_part_number(call, in->part_number);
    if (status == STATUS_DONE)
        status = s3_get_upload(call, in->key, in->upload_id, &upload);
    if (status == STATUS_DONE)
        status = s3_find_source(call, &conditions, &source);
    if (status != STATUS_DONE)
        return status;
    copy->upload = upload;
    copy->source = source;
    copy->part.number = in->part_number.value;
    status = read_range(call, in->copy_source_range, source, &copy->first, &copy->length);
    if (status == STATUS_DONE && copy->length > S3_MAX_PUT)
        status = s3_fail(call, &S3_INVALID_REQUEST, NULL,
                         "The specified copy source is larger than the maximum allowable size for "
                         "a copy source: %lld",
                         S3_MAX_PUT);
    return status;
}

enum status s3_upload_part_copy(struct call *call, const struct s3_upload_part_copy_in *in,
                                struct s3_upload_part_copy_out *out)
{
    struct part_copy copy = {0};
    enum status status = find_both(call, in, &copy);
    if (status == STATUS_DONE)
        status = open_keys(call, in, &copy);
    if (status == STATUS_DONE)
        status = take_known(call, &copy);
    if (status == STATUS_DONE)
        status = read_rest(call, &copy);
    const bool is_shared = copy.piece_count == 0;
    if (status == STATUS_DONE && is_shared)
        status = slice_source(call, &copy);
    if (status == STATUS_DONE)
        status = write_part(call, &copy, is_shared);
    if (status != STATUS_DONE)
        return status;
    const struct s3_object_row *object = &copy.upload->object;
    struct s3_copy_part_result *result = arena_alloc(call->arena, sizeof(*result));
    result->etag = s3_quoted(call->arena, copy.part.etag);
    result->last_modified = s3_whole_second(call->now_ms);
    if (s3_has_explicit_checksum(copy.upload))
        s3_show_checksum(object->checksum_kind, copy.part.checksum, &result->checksum_crc32);
    out->copy_part_result = result;
    out->copy_source_version_id = s3_answered_version(s3_subject(call)->source, copy.source);
    S3_SHOW_ENCRYPTION(object, out);
    return STATUS_DONE;
}
