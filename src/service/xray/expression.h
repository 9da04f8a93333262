/* expression.h — filter expressions over traces: a pure library.
 *
 * Docs: X-Ray developer guide, "Using filter expressions". Boolean keywords (ok, error, throttle,
 * fault, partial, inferred, first, last, remote, root), numbers (responsetime, duration,
 * http.status), texts (http.url, http.method, http.useragent, http.clientip, user, name, type,
 * message, availabilityzone, instance.id, resource.arn), annotation[key] or annotation.key,
 * service(...) and edge(..., ...) with an expression in braces, group.name and group.arn; AND, OR,
 * !, parentheses.
 */
#pragma once

#include "base/str.h"

struct arena;
struct xray_expression;
struct xray_node;
struct xray_actor;
struct xray_tree;

enum {
    XRAY_EXPRESSION_MAX_BYTES = 4096,
    XRAY_EXPRESSION_MAX_DEPTH = 32,
};

/* Compiles an expression, whose text must live as long. An empty one lets everything pass. Returns
 * 0, or -EINVAL with *out_message. */
MUST_CHECK int xray_expression_parse(struct arena *arena, struct str text,
                                     struct xray_expression **out_expression,
                                     struct str *out_message);
/* What group.name and group.arn need: the group's own expression. `find` returns its text, or an
 * absent text when there is no such group (then nothing matches). Returns as the above. */
typedef struct str xray_find_group_fn(void *context, struct str name_or_arn);
MUST_CHECK int xray_expression_resolve(struct arena *arena, struct xray_expression *expression,
                                       xray_find_group_fn *find, void *context,
                                       struct str *out_message);
bool xray_expression_takes(const struct xray_expression *expression, const struct xray_tree *trace);

/* For entity selectors, "service(...)" or "edge(..., ...)" alone: whether a node is what is meant.
 * False for any other expression. */
bool xray_expression_is_edge(const struct xray_expression *expression);
bool xray_expression_is_service(const struct xray_expression *expression);
bool xray_expression_selects(const struct xray_expression *expression,
                             const struct xray_tree *trace, const struct xray_node *node);
