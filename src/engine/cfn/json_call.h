/* json_call.h — operations of services called with JSON, for adapters whose properties are the
 * operation's own members: the model says how the one becomes the other.
 */
#pragma once

#include "engine/cfn/resource.h"

/* Calls the operation as rc->principal with an input of JSON, whose members are named as in the
 * API; those that the operation does not know are left out. The input is checked against the model.
 * *out_output (may be NULL) gets the output as an object. Otherwise as resource_invoke. */
enum resource_result resource_call_json(struct resource_call *rc,
                                        const struct service_model *service,
                                        const struct operation *operation, const struct json *input,
                                        struct json **out_output, struct str *out_code);
