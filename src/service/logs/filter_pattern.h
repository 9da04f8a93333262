/* filter_pattern.h — the filter patterns of CloudWatch Logs as a pure library.
 *
 * Docs: CloudWatch Logs user guide, "Filter pattern syntax for metric filters, subscription
 * filters, filter log events, and Live Tail". Three kinds, told by the first character:
 *
 *   ERROR ?WARN -debug "a phrase" %re.ex%     terms in any text
 *   { $.a.b = "x*" && ($.n > 3 || $.c IS NULL) }   members of JSON events
 *   [ip, user, ..., status = 4*, bytes > 1000]     fields that white space separates
 *
 * An empty pattern matches everything. A pattern lives in its arena, is immutable, and may be used
 * by one thread at a time (its regular expressions have scratch memory in it).
 */
#pragma once

#include "base/str.h"

struct arena;
struct filter_pattern;

enum {
    FILTER_PATTERN_MAX_DEPTH = 20,  /* of parentheses */
    FILTER_PATTERN_MAX_NODES = 200, /* terms, comparisons, fields */
};

/* Returns 0, or -EINVAL when the text is not a pattern. */
MUST_CHECK int filter_pattern_parse(struct arena *arena, struct str text,
                                    struct filter_pattern **out_pattern);
/* `scratch` is memory for the meantime; it is reset. */
bool filter_pattern_matches(const struct filter_pattern *pattern, struct arena *scratch,
                            struct str event);

/* What TestMetricFilter extracts from an event that matches: "$name" of each named field, or
 * "$.a.b" of each selector, with its value. Returns how many, at most `max`. */
struct filter_value {
    struct str name;
    struct str value;
};
size_t filter_pattern_extract(const struct filter_pattern *pattern, struct arena *arena,
                              struct str event, struct filter_value *out_values, size_t max);
