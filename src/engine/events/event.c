/* event.c — hands an event to every listener that the program lists, in the sender's transaction.
 */
#include "engine/events/event.h"

int event_is_wanted(struct call *call, struct scope scope)
{
    for (size_t i = 0; i < event_listener_count; i++) {
        int rc = event_listeners[i]->has_interest(call, scope);
        if (rc != 0)
            return rc;
    }
    return 0;
}

enum status event_put(struct call *call, struct scope scope, const struct event *event)
{
    for (size_t i = 0; i < event_listener_count; i++) {
        enum status status = event_listeners[i]->listen(call, scope, event);
        if (status != STATUS_DONE)
            return status;
    }
    return STATUS_DONE;
}
