/* cloudformation_public.h — what the program and the engines need of CloudFormation. */
#pragma once

#include "engine/workflow/workflow.h"
#include "wire/service.h"

struct executor;
struct http_exchange;

extern const struct service cloudformation_service;
/* Answers of custom resources and signals of wait conditions: URLs of the program itself that
 * templates get. Answers the exchange and returns true, or false when the path is none of those. */
bool cloudformation_serve_callback(struct executor *executor, struct http_exchange *exchange);
/* Carries out stack operations. */
extern const struct workflow_kind cfn_stack_kind;
/* Carries out operations on stack sets. */
extern const struct workflow_kind cfn_set_kind;
