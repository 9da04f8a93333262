/* query_form.h — requests of awsQuery and ec2Query: form fields with dotted names to C values.
 * Private to the wire engines.
 */
#pragma once

#include "wire/engine.h"

/* Whether query string or body have an Action parameter. */
bool query_form_has_action(const struct wire_request *request);

/* The operation that Action names; *out_name is "" without one. */
const struct operation *query_form_find_operation(const struct service_model *service,
                                                  const struct wire_request *request,
                                                  struct arena *arena, struct str *out_name);

/* Decodes the request's parameters by the names of awsQuery, or of ec2Query. */
MUST_CHECK int query_form_decode(const struct wire_decoding *decoding, bool is_ec2, void *out);
