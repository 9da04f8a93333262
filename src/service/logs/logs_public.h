/* logs_public.h — what the program, the engines and other services need of CloudWatch Logs. */
#pragma once

#include "engine/events/delivery.h"
#include "engine/workflow/workflow.h"
#include "wire/service.h"

extern const struct service logs_service;
/* Deletes what is older than its group's retention; its id is the group's ARN. */
extern const struct workflow_kind logs_retention_kind;
/* EventBridge and others deliver to "arn:aws:logs:REGION:ACCOUNT:log-group:NAME"; the body becomes
 * one event. No `extra`. */
extern const struct delivery_target logs_delivery_target;

struct logs_line {
    int64_t at_ms;
    struct str text;
};

/* Writes events to a stream, in the caller's transaction, as a service of Virga that needs no
 * permission for it (a function's output). Group and stream are made when they are not there.
 * `lines` are in order of time; at most 10,000 and 1 MiB a call, as PutLogEvents. STATUS_FAILED
 * only for a fault of the store, or CloudWatch Logs' own error for lines that break these rules. */
enum status logs_write(struct call *call, struct scope scope, struct str group, struct str stream,
                       const struct logs_line *lines, size_t count);
