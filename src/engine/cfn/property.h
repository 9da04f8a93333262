/* property.h — resource types as the engine sees them: looking them up, checking properties,
 * judging changes. For engine/cfn and service/cloudformation.
 */
#pragma once

#include "engine/cfn/resource.h"

/* The adapter of that type, or NULL. */
const struct resource_type *cfn_find_type(const struct call *call, struct str name);

/* Whether Fn::GetAtt may ask for the attribute. An entry that ends in '*' stands for any rest. */
bool cfn_type_has_attribute(const struct resource_type *type, struct str attribute);

/* Waits for the signals that the resource's CreationPolicy asks for, counted since the operation
 * made it: the answer of an adapter, with rc->state and rc->retry_at_ms. See signal.c. */
enum resource_result cfn_await_signals(struct resource_call *rc);

/* Checks `properties` against the rows and gives a copy with scalars coerced to what the rows say.
 * Returns 0, or -EINVAL with *out_message: what AWS tells of the first fault. */
MUST_CHECK int cfn_check_properties(struct arena *arena, const struct resource_type *type,
                                    const struct json *properties, struct json **out_properties,
                                    struct str *out_message);

enum cfn_effect {
    CFN_NO_CHANGE,
    CFN_IN_PLACE,
    CFN_REPLACE,
};

/* What the change of one top-level property between two checked objects means. UPDATE_CONDITIONAL
 * stays what it is: the type decides over all. */
enum update_behavior cfn_property_behavior(const struct resource_type *type, struct str name,
                                           const struct json *before, const struct json *after);

/* What going from `before` to `after` (checked) needs. */
enum cfn_effect cfn_effect_of(struct arena *arena, const struct resource_type *type,
                              const struct json *before, const struct json *after);
