/* filter.h — filter policies of subscriptions as a pure library: text in, verdict out.
 *
 * Docs: SNS developer guide, "Amazon SNS message filtering". A policy is an object of keys with
 * arrays of acceptable values or operators; all keys must match, any value of a key will do. On the
 * message body keys nest, and a dot in a key is the same as a level. Arrays of the message match
 * when one of their items does; keys below one array must match in the same item.
 *
 * A policy is compiled into alternatives, each a list of conditions (path, patterns): `$or`
 * multiplies alternatives, and AWS's limit on combinations (150) bounds them. Everything lives in
 * the arena; a compiled filter is immutable.
 */
#pragma once

#include "base/str.h"

struct arena;
struct json;
struct sns_filter;

enum sns_filter_scope {
    SNS_FILTER_ATTRIBUTES,
    SNS_FILTER_BODY,
};

enum {
    SNS_FILTER_MAX_KEYS = 5,           /* AWS: attribute names; of a nested policy its top level */
    SNS_FILTER_MAX_COMBINATIONS = 150, /* AWS: values of all keys multiplied, with their levels */
    SNS_FILTER_MAX_BYTES = 256 * 1024, /* AWS: "The maximum size of a policy is 256 KB" */
};

/* Compiles a policy, whose text must live as long as the filter. Returns 0, or -EINVAL with
 * *out_message as SNS words it behind "Invalid parameter: ". "{}" gives a filter that lets
 * everything pass. */
MUST_CHECK int sns_filter_parse(struct arena *arena, struct str policy, enum sns_filter_scope scope,
                                struct sns_filter **out_filter, struct str *out_message);
/* True when the filter lets everything pass. */
bool sns_filter_is_empty(const struct sns_filter *filter);

/* A message's attribute, for the scope of that name. */
struct sns_filter_attribute {
    struct str name;
    struct str type; /* "String", "String.Array", "Number", "Binary", with anything behind a dot */
    struct str value;
};

bool sns_filter_takes_attributes(struct arena *arena, const struct sns_filter *filter,
                                 const struct sns_filter_attribute *attributes, size_t count);
/* A body that is no JSON object is never let through by a filter that is not empty. */
bool sns_filter_takes_body(struct arena *arena, const struct sns_filter *filter, struct str body);
