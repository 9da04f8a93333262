/* sns_public.h — what the program and other services need of SNS. */
#pragma once

#include "engine/events/delivery.h"
#include "engine/workflow/workflow.h"
#include "wire/service.h"

struct buf;
struct executor;
struct form;

extern const struct service sns_service;
/* Removes what has had its time: pending subscriptions, deduplication ids, captured messages. */
extern const struct workflow_kind sns_sweep_kind;

/* Topics take messages of other services. `delivery.extra` may have "Subject" (text),
 * "MessageGroupId", "MessageDeduplicationId" and "MessageAttributes" (as for SQS). */
extern const struct delivery_target sns_delivery_target;

/* Pages of the program (docs/sns.md). The certificate that signatures are verified with, by the
 * path
 * "/SimpleNotificationService-ID.pem"; absent: the path is none of that kind or names none. */
struct str sns_certificate_page(struct executor *executor, struct arena *arena, struct str path);
/* "sns/messages" (GET): messages to telephones, mailboxes and applications; "sns/opt-out" (POST).
 * Returns the HTTP status and fills `body` with JSON. */
int sns_page(struct executor *executor, struct arena *arena, struct str page, bool is_get,
             const struct form *query, struct buf *body);
