/* conditional.h — If-Match and its relatives. Private to the folder. */
#pragma once

#include "service/s3/s3.h"

struct s3_conditions {
    struct str if_match;
    struct str if_none_match;
    struct opt_i64 if_modified_since;
    struct opt_i64 if_unmodified_since;
};
/* Of reads: PreconditionFailed, or NotModified with the headers of a 304. */
enum status s3_check_read(struct call *call, const struct s3_conditions *conditions,
                          const struct s3_object_row *object);
/* Of the source of a copy: PreconditionFailed. */
enum status s3_check_source(struct call *call, const struct s3_conditions *conditions,
                            const struct s3_object_row *object);
/* Of writes, over the current version. */
enum status s3_check_write(struct call *call, const struct s3_bucket_row *bucket, struct str key,
                           struct str if_match, struct str if_none_match);
/* Of deletes, over the version that would go (NULL: none). */
enum status s3_check_delete(struct call *call, struct str if_match, struct opt_i64 if_modified_at,
                            struct opt_i64 if_size, const struct s3_object_row *object);
