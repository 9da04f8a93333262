/* loop_private.h — what the other files of net need of a loop besides loop.h. */
#pragma once

#include "net/loop.h"

/* Work that is put off to the end of the iteration, behind the round end: finishing exchanges and
 * reading requests that were already received. Embedded in its owner. */
struct loop_hook {
    /* Returns true when it handed work up, so that another round end is due before sleeping. */
    bool (*settle)(void *context);
    void *context;
    struct loop_hook *next;
    struct loop_hook *previous;
};

void loop_add_hook(struct loop *loop, struct loop_hook *hook);
/* Also from inside a hook's own settle. */
void loop_remove_hook(struct loop *loop, struct loop_hook *hook);
