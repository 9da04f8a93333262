/* pattern.h — AllowedPattern: whether a whole value matches a regular expression. */
#pragma once

#include "base/str.h"

/* Returns 1 when the whole of `value` matches, 0 when not (also when the match exceeds its
 * budget), -EINVAL when the pattern does not compile. Thread-safe. */
MUST_CHECK int template_pattern_matches(struct str pattern, struct str value);
