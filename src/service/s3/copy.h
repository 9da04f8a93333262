/* copy.h — what CopyObject and UploadPartCopy share. Private to the folder. */
#pragma once

#include "service/s3/conditional.h"

/* The version that x-amz-copy-source names, which may be read; conditions hold. */
enum status s3_find_source(struct call *call, const struct s3_conditions *conditions,
                           struct s3_object_row **out);
enum status s3_check_directive(struct call *call, const char *header, const char *what,
                               struct str value, bool *out_replaces);
