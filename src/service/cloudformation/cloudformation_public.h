/* cloudformation_public.h — what the program and the engines need of CloudFormation. */
#pragma once

#include "engine/workflow/workflow.h"
#include "wire/service.h"

struct arena;
struct executor;

extern const struct service cloudformation_service;
/* Where custom resources send their answers and wait conditions get their signals: ENDPOINT, this
 * path, and a token. */
#define CLOUDFORMATION_CALLBACK_PATH "/_virga/cfn/"
/* Takes what was sent to such a URL, in a transaction of its own. 0 or -errno; *out_refusal says
 * why it was not taken, and is absent when it was. */
MUST_CHECK int cloudformation_take_callback(struct executor *executor, struct arena *arena,
                                            struct str token, struct str body,
                                            struct str *out_refusal);
/* Carries out stack operations. */
extern const struct workflow_kind cfn_stack_kind;
/* Carries out operations on stack sets. */
extern const struct workflow_kind cfn_set_kind;
