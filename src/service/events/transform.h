/* transform.h — what a target gets of an event: a part of it (InputPath), or a text with parts of
 * it in places (InputTransformer). Pure.
 *
 * Docs: EventBridge user guide, "Transforming Amazon EventBridge target input".
 */
#pragma once

#include "base/buf.h"
#include "base/str.h"

struct arena;
struct json;

/* Paths: $, $.name, $.name[0], $['name'], $.list[*]. */
bool event_path_is_valid(struct str path);
/* The value at the path, or NULL when the event has none. Values of [*] are gathered in a new
 * array.
 */
const struct json *event_path_find(struct arena *arena, struct str path, const struct json *event);

struct event_path {
    struct str name;
    struct str path;
};

/* What the reserved variables stand for. */
struct event_variables {
    const struct json *event; /* <aws.events.event.json>, without detail: <aws.events.event> */
    struct str rule_arn;      /* <aws.events.rule-arn>, and its name: <aws.events.rule-name> */
    int64_t ingested_at_ms;   /* <aws.events.event.ingestion-time> */
};

/* The first placeholder of the template that is neither among `paths` nor reserved; absent: none.
 */
struct str event_template_unknown(struct str text, const struct event_path *paths, size_t count);
struct str event_template_fill(struct arena *arena, struct str text, const struct event_path *paths,
                               size_t count, const struct event_variables *variables);
