/* pattern.h — the regular expressions of models. Private to src/wire.
 */
#pragma once

#include "base/str.h"

/* Whether the whole of `text` matches `pattern`, a static string of a model. Compiled on first use
 * and cached per thread. A pattern that cannot be compiled matches everything; a text that takes
 * too many steps matches nothing. Thread-safe. */
bool pattern_matches(const char *pattern, struct str text);
