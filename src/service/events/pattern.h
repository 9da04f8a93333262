/* pattern.h — event patterns: what a rule or an archive lets through. Pure: text in, answer out.
 *
 * Docs: EventBridge user guide, "Creating event patterns", "Comparison operators". The open source
 * of AWS's matcher (github.com/aws/event-ruler) is where the texts of the errors are from.
 */
#pragma once

#include "base/str.h"

struct arena;
struct json;
struct event_pattern;

/* Compiles a pattern into the arena; `text` is borrowed. Returns 0, or -EINVAL with *out_reason as
 * AWS words it behind "Event pattern is not valid. Reason: ". */
MUST_CHECK int event_pattern_compile(struct arena *arena, struct str text,
                                     const struct event_pattern **out_pattern,
                                     struct str *out_reason);
/* Whether the event (a JSON object) matches. Allocates nothing. */
bool event_pattern_matches(const struct event_pattern *pattern, const struct json *event);
