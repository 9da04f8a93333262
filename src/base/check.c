/* check.c — what happens when our own code is wrong: say where, stop at once. */
#include <stdio.h>
#include <stdlib.h>

#include "base/base.h"

NO_RETURN void check_failed(const char *condition, const char *file, int line, const char *func)
{
    fprintf(stderr, "virga: check failed: %s (%s:%d, %s)\n", condition, file, line, func);
    abort();
}
