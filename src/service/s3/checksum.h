/* checksum.h — checksums of objects and parts. Private to the folder.
 *
 * `members` is the address of checksum_crc32 in a struct of the model, behind which the other nine
 * stand. Kinds are enum checksum_kind; CHECKSUM_KIND_COUNT is none.
 */
#pragma once

#include "net/http.h"
#include "service/s3/s3.h"

/* "SHA256" and the like, in any case. */
int64_t s3_checksum_kind(struct str name);
struct str s3_checksum_name(int64_t kind);
struct str s3_checksum_member(int64_t kind, const struct str *members);
/* Sets the member of the kind. */
void s3_show_checksum(int64_t kind, struct str value, struct str *members);
/* COMPOSITE, FULL_OBJECT; absent without a checksum. */
struct str s3_checksum_type(const struct s3_object_row *object);
/* Refuses an algorithm that S3 does not have. */
enum status s3_check_algorithm(struct call *call, struct str name);

/* What a request says about the checksum of its body. */
struct s3_checksum_wish {
    int64_t kind;
    struct str value;   /* base64 */
    bool is_in_trailer; /* comes behind the body */
};
/* From the headers: checksums, x-amz-sdk-checksum-algorithm, x-amz-trailer. */
enum status s3_read_checksum(struct call *call, const struct str *members, struct str algorithm,
                             struct str trailers, struct s3_checksum_wish *out);
/* Compares; *out_value is the checksum to keep (of the kind wished for, else CRC64NVME). */
enum status s3_check_body(struct call *call, const struct call_body *body,
                          const struct s3_checksum_wish *wish, struct str content_md5,
                          struct str *out_value);
/* Decodes Content-MD5; InvalidDigest. An absent one is right. */
enum status s3_check_md5_text(struct call *call, struct str content_md5, struct str *out_raw);
/* Compares what headers say with a buffered body. */
enum status s3_check_buffered(struct call *call, bool is_required);
