/* checksum.c — checksums of objects and parts: which one a request means, whether it holds, how
 * answers show it.
 *
 * The model has ten members for them, one behind the other, in requests and answers alike; the
 * functions here take the first one's address. S3 keeps one per object: the one that came with it,
 * else CRC64NVME.
 *
 * AWS: S3 user guide, "Checking object integrity in Amazon S3".
 */
#include "service/s3/checksum.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "base/arena.h"
#include "syntax/base64.h"

static const struct {
    struct str name; /* as x-amz-sdk-checksum-algorithm has it */
    struct str header;
    size_t member; /* of the ten */
} kinds[CHECKSUM_KIND_COUNT] = {
    [CHECKSUM_CRC32] = {STR_INIT("CRC32"), STR_INIT("x-amz-checksum-crc32"), 0},
    [CHECKSUM_CRC32C] = {STR_INIT("CRC32C"), STR_INIT("x-amz-checksum-crc32c"), 1},
    [CHECKSUM_CRC64NVME] = {STR_INIT("CRC64NVME"), STR_INIT("x-amz-checksum-crc64nvme"), 2},
    [CHECKSUM_SHA1] = {STR_INIT("SHA1"), STR_INIT("x-amz-checksum-sha1"), 3},
    [CHECKSUM_SHA256] = {STR_INIT("SHA256"), STR_INIT("x-amz-checksum-sha256"), 4},
};

/* The ten members stand in this order wherever they are. */
#define CHECK_ORDER(type)                                                                          \
    static_assert(offsetof(type, checksum_sha256) ==                                               \
                          offsetof(type, checksum_crc32) + 4 * sizeof(struct str) &&               \
                      offsetof(type, checksum_xxhash128) ==                                        \
                          offsetof(type, checksum_crc32) + 9 * sizeof(struct str),                 \
                  "checksums stand together")
CHECK_ORDER(struct s3_put_object_in);
CHECK_ORDER(struct s3_put_object_out);
CHECK_ORDER(struct s3_get_object_out);
CHECK_ORDER(struct s3_head_object_out);
CHECK_ORDER(struct s3_upload_part_in);
CHECK_ORDER(struct s3_upload_part_out);
CHECK_ORDER(struct s3_complete_multipart_upload_in);
CHECK_ORDER(struct s3_complete_multipart_upload_out);
CHECK_ORDER(struct s3_checksum);
CHECK_ORDER(struct s3_part);
CHECK_ORDER(struct s3_object_part);
CHECK_ORDER(struct s3_completed_part);
CHECK_ORDER(struct s3_copy_object_result);
CHECK_ORDER(struct s3_copy_part_result);

enum {
    CHECKSUM_MEMBERS = 10,
};

int64_t s3_checksum_kind(struct str name)
{
    for (int kind = 0; kind < CHECKSUM_KIND_COUNT; kind++) {
        if (kinds[kind].name.len > 0 && str_eq_nocase(kinds[kind].name, name))
            return kind;
    }
    return CHECKSUM_KIND_COUNT;
}

struct str s3_checksum_name(int64_t kind)
{
    return kind < CHECKSUM_KIND_COUNT ? kinds[kind].name : (struct str){0};
}

struct str s3_checksum_member(int64_t kind, const struct str *members)
{
    return kind < CHECKSUM_KIND_COUNT ? members[kinds[kind].member] : (struct str){0};
}

void s3_show_checksum(int64_t kind, struct str value, struct str *members)
{
    if (kind < CHECKSUM_KIND_COUNT && str_is_set(value))
        members[kinds[kind].member] = value;
}

static int64_t kind_of_header(struct str name)
{
    for (int kind = 0; kind < CHECKSUM_KIND_COUNT; kind++) {
        if (kinds[kind].header.len > 0 && str_eq_nocase(kinds[kind].header, name))
            return kind;
    }
    return CHECKSUM_KIND_COUNT;
}

static enum status refuse_algorithm(struct call *call)
{
    return s3_fail(call, &S3_INVALID_REQUEST, NULL,
                   "Checksum algorithm provided is unsupported. Please try again with any of the "
                   "valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]");
}

enum status s3_check_algorithm(struct call *call, struct str name)
{
    if (!str_is_set(name) || s3_checksum_kind(name) < CHECKSUM_KIND_COUNT)
        return STATUS_DONE;
    return refuse_algorithm(call);
}

/* The members that are set: none, one, or too many. */
static enum status find_member(struct call *call, const struct str *members,
                               struct s3_checksum_wish *out)
{
    size_t given = 0;
    for (size_t i = 0; i < CHECKSUM_MEMBERS; i++)
        given += str_is_set(members[i]);
    for (int kind = 0; kind < CHECKSUM_KIND_COUNT; kind++) {
        if (kinds[kind].name.len > 0 && str_is_set(members[kinds[kind].member])) {
            out->kind = kind;
            out->value = members[kinds[kind].member];
        }
    }
    if (given > 1)
        return s3_fail(call, &S3_INVALID_REQUEST, NULL,
                       "Expecting a single x-amz-checksum- header. Multiple checksum Types are not "
                       "allowed.");
    return given == 1 && out->kind == CHECKSUM_KIND_COUNT ? refuse_algorithm(call) : STATUS_DONE;
}

static enum status check_value(struct call *call, const struct s3_checksum_wish *wish)
{
    struct str raw = {0};
    if (!str_is_set(wish->value) || (base64_decode(call->arena, wish->value, &raw) == 0 &&
                                     raw.len == checksum_size((enum checksum_kind)wish->kind)))
        return STATUS_DONE;
    return s3_fail(call, &S3_INVALID_REQUEST, NULL, "Value for " STR_FMT " header is invalid.",
                   STR_ARG(kinds[wish->kind].header));
}

enum status s3_read_checksum(struct call *call, const struct str *members, struct str algorithm,
                             struct str trailers, struct s3_checksum_wish *out)
{
    struct str name;
    *out = (struct s3_checksum_wish){.kind = CHECKSUM_KIND_COUNT};
    enum status status = s3_check_algorithm(call, algorithm);
    if (status == STATUS_DONE)
        status = find_member(call, members, out);
    if (status != STATUS_DONE)
        return status;
    while (str_split_next(&trailers, ',', &name)) {
        const int64_t kind = kind_of_header(str_trim(name));
        if (kind == CHECKSUM_KIND_COUNT)
            continue;
        out->kind = kind;
        out->is_in_trailer = true;
    }
    /* OBSERVED: the algorithm alone, without header or trailer. */
    if (str_is_set(algorithm) && out->kind == CHECKSUM_KIND_COUNT)
        return s3_fail(call, &S3_INVALID_REQUEST, NULL,
                       "x-amz-sdk-checksum-algorithm specified, but no corresponding "
                       "x-amz-checksum-* or x-amz-trailer headers were found.");
    return check_value(call, out);
}

/* The value that came behind the body. */
static struct str find_trailer(const struct call_body *body, int64_t kind)
{
    for (size_t i = 0; i < body->trailer_count; i++) {
        if (str_eq_nocase(body->trailers[i].name, kinds[kind].header))
            return body->trailers[i].value;
    }
    return (struct str){0};
}

static enum status check_md5(struct call *call, struct str content_md5,
                             const struct call_body *body)
{
    struct str raw = {0};
    if (!str_is_set(content_md5))
        return STATUS_DONE;
    enum status status = s3_check_md5_text(call, content_md5, &raw);
    if (status != STATUS_DONE || str_eq(raw, body->checksums[CHECKSUM_MD5]))
        return status;
    return s3_fail(
        call, &S3_BAD_DIGEST,
        &(struct s3_fault_details_error){
            .expected_digest = content_md5,
            .calculated_digest = base64_encode_str(call->arena, body->checksums[CHECKSUM_MD5])},
        "The Content-MD5 you specified did not match what we received.");
}

enum status s3_check_md5_text(struct call *call, struct str content_md5, struct str *out_raw)
{
    if (!str_is_set(content_md5) ||
        (base64_decode(call->arena, content_md5, out_raw) == 0 && out_raw->len == DIGEST_MD5_SIZE))
        return STATUS_DONE;
    return s3_fail(call, &S3_INVALID_DIGEST, NULL, "The Content-MD5 you specified was invalid.");
}

enum status s3_check_body(struct call *call, const struct call_body *body,
                          const struct s3_checksum_wish *wish, struct str content_md5,
                          struct str *out_value)
{
    struct s3_checksum_wish given = *wish;
    enum status status = check_md5(call, content_md5, body);
    if (status != STATUS_DONE)
        return status;
    if (given.is_in_trailer)
        given.value = find_trailer(body, given.kind);
    status = check_value(call, &given);
    if (status != STATUS_DONE)
        return status;
    const int64_t kind = given.kind < CHECKSUM_KIND_COUNT ? given.kind : CHECKSUM_CRC64NVME;
    *out_value = base64_encode_str(call->arena, body->checksums[kind]);
    if (!str_is_set(given.value) || str_eq(given.value, *out_value))
        return STATUS_DONE;
    return s3_fail(call, &S3_BAD_DIGEST, NULL,
                   "The " STR_FMT " you specified did not match the calculated checksum.",
                   STR_ARG(kinds[kind].name));
}

/* Of a buffered body, which is the request's as it came. */
static enum status check_text(struct call *call, int64_t kind, struct str value)
{
    unsigned char raw[CHECKSUM_MAX_SIZE];
    struct checksums sums;
    struct str name = kinds[kind].name;
    checksums_init(&sums, 1U << kind);
    checksums_update(&sums, call->raw_body);
    size_t size = checksums_final(&sums, (enum checksum_kind)kind, raw);
    if (str_eq(base64_encode_str(call->arena, str_of((const char *)raw, size)), value))
        return STATUS_DONE;
    return s3_fail(call, &S3_BAD_DIGEST, NULL,
                   "The " STR_FMT " you specified did not match the calculated checksum.",
                   STR_ARG(name));
}

enum status s3_check_buffered(struct call *call, bool is_required)
{
    size_t given = 0;
    enum status status = STATUS_DONE;
    if (!call->exchange)
        return STATUS_DONE;
    struct str md5 = http_header(call->exchange, "Content-MD5");
    if (str_is_set(md5)) {
        unsigned char computed[DIGEST_MD5_SIZE];
        struct str raw = {0};
        given++;
        status = s3_check_md5_text(call, md5, &raw);
        digest_md5(call->raw_body, computed);
        if (status == STATUS_DONE && memcmp(computed, raw.ptr, sizeof(computed)) != 0)
            status = s3_fail(call, &S3_BAD_DIGEST, NULL,
                             "The Content-MD5 you specified did not match what we received.");
    }
    for (int kind = 0; kind < CHECKSUM_KIND_COUNT && status == STATUS_DONE; kind++) {
        if (kinds[kind].header.len == 0)
            continue;
        struct str value =
            http_header(call->exchange, str_to_cstr(call->arena, kinds[kind].header));
        if (!str_is_set(value))
            continue;
        given++;
        status = check_text(call, kind, value);
    }
    /* AWS: DeleteObjects: "The Content-MD5 request header is required", or a checksum. */
    if (status == STATUS_DONE && is_required && given == 0)
        status = s3_fail(call, &S3_INVALID_REQUEST, NULL,
                         "Missing required header for this request: Content-MD5 OR "
                         "x-amz-checksum-*");
    return status;
}

struct str s3_checksum_type(const struct s3_object_row *object)
{
    if (object->checksum_kind >= CHECKSUM_KIND_COUNT)
        return (struct str){0};
    return object->is_composite ? STR("COMPOSITE") : STR("FULL_OBJECT");
}
