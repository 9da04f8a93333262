/* multipart.h — multipart uploads. Private to the folder. */
#pragma once

#include "service/s3/store.h"

enum status s3_no_such_upload(struct call *call, struct str upload_id);
/* The upload of this bucket and key, or NULL. */
enum status s3_find_upload(struct call *call, struct str key, struct str upload_id,
                           struct s3_upload **out);
/* The same, or NoSuchUpload. */
enum status s3_get_upload(struct call *call, struct str key, struct str upload_id,
                          struct s3_upload **out);
/* Whether the request said which checksum the upload has; else it is CRC64NVME of the whole. */
bool s3_has_explicit_checksum(const struct s3_upload *upload);
enum status s3_check_part_number(struct call *call, struct opt_i32 number);
/* completed.c: remembers a completion; the one of this bucket and key, or NULL. */
enum status s3_keep_completed(struct call *call, const struct s3_completed *completed);
enum status s3_find_completed(struct call *call, struct str key, struct str upload_id,
                              struct s3_completed **out);
/* Removes an upload with what was uploaded: AbortMultipartUpload, lifecycle, DeleteBucket. */
enum status s3_abort_upload(struct call *call, const struct s3_upload *upload);
