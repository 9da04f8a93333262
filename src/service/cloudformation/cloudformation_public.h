/* cloudformation_public.h — what the program and the engines need of CloudFormation. */
#pragma once

#include "engine/workflow/workflow.h"
#include "wire/service.h"

extern const struct service cloudformation_service;
/* Carries out stack operations. */
extern const struct workflow_kind cfn_stack_kind;
