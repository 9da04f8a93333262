/* scheduler_public.h — what the program needs of EventBridge Scheduler. */
#pragma once

#include "engine/events/delivery.h"
#include "engine/workflow/workflow.h"
#include "wire/service.h"

extern const struct service scheduler_service;
/* Runs one schedule; its id is the schedule's ARN. */
extern const struct workflow_kind scheduler_kind;
/* arn:aws:scheduler:::aws-sdk:SERVICE:ACTION: any operation of a service here. The body is its
 * input as JSON. */
extern const struct delivery_target scheduler_universal_target;
