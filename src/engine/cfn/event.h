/* event.h — stack events on the account's event bus: private to this folder. */
#pragma once

#include "engine/cfn/store.h"
#include "wire/call.h"

/* Puts the stack event on the default bus, if anybody listens there. */
enum status cfn_put_event(struct call *call, const struct cfn_stack *stack,
                          const struct cfn_event *event);
