/* range.h — the Range header. Pure. */
#pragma once

#include "base/str.h"

/* Reads "bytes=FIRST-LAST", "bytes=FIRST-" or "bytes=-SUFFIX" for a text of `size` bytes. 1: that
 * part is asked for; 0: all of it, since there is no header, it is malformed, or asks for several
 * parts, which S3 does not support (GetObject, "Range"); -ERANGE: nothing of it exists. */
MUST_CHECK int range_parse(struct str header, int64_t size, int64_t *out_first,
                           int64_t *out_length);
/* "bytes=FIRST-LAST" of x-amz-copy-source-range, both given. 0, -EINVAL, or -ERANGE when it goes
 * beyond the end. */
MUST_CHECK int range_parse_copy(struct str header, int64_t size, int64_t *out_first,
                                int64_t *out_length);
