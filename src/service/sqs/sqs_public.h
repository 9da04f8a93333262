/* sqs_public.h — what the program and the engines need of SQS. */
#pragma once

#include "engine/events/delivery.h"
#include "engine/workflow/workflow.h"
#include "wire/service.h"

extern const struct service sqs_service;
/* Moves messages between queues (StartMessageMoveTask), and removes what has expired. */
extern const struct workflow_kind sqs_move_kind;
extern const struct workflow_kind sqs_sweep_kind;
/* Queues as targets of other services: SendMessage (target.c). */
extern const struct delivery_target sqs_delivery_target;
