/* events_public.h — what the program needs of EventBridge. */
#pragma once

#include "engine/events/delivery.h"
#include "engine/events/event.h"
#include "engine/workflow/workflow.h"
#include "wire/service.h"

extern const struct service events_service;

/* Runs the schedule of one rule; its id is the rule's ARN. */
extern const struct workflow_kind events_rule_kind;
/* Removes what an archive need not keep any longer; its id is the archive's ARN. */
extern const struct workflow_kind events_archive_kind;
/* Sends the events of a replay; its id is the replay's ARN. */
extern const struct workflow_kind events_replay_kind;
/* Fetches the token of a connection; its id is the connection's ARN. */
extern const struct workflow_kind events_connection_kind;

/* Rules of the default bus look at the events that services put. */
extern const struct event_listener events_listener;

/* Buses and API destinations as targets. `extra` of an API destination: "HttpParameters" as in the
 * API, with values of the event in place. */
extern const struct delivery_target events_bus_target;
extern const struct delivery_target events_destination_target;
