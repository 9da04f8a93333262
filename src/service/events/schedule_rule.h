/* schedule_rule.h — rules that run by the clock: private to this folder. */
#pragma once

#include "service/events/events.h"

/* Starts, moves or stops the workflow of the rule, as its schedule and state say. */
enum status events_schedule_rule(struct call *call, const struct events_bus_row *bus,
                                 const struct events_rule_row *rule);
