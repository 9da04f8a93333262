/* services.h — the list of what this program is made of: services, workflows, identity, targets of
 * deliveries, listeners of events. */
#pragma once

#include "engine/events/delivery.h"
#include "engine/events/event.h"
#include "wire/identity.h"
#include "wire/service.h"

struct workflow_kind;

extern const struct workflow_kind *const workflow_kinds[];
extern const size_t workflow_kind_count;

/* Who knows the access keys: IAM and STS. */
extern const struct identity_source *const service_identity;
