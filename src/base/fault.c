/* fault.c — one armed fault: its name, and how many passes are left until it strikes. */
#include "base/fault.h"

#ifdef VIRGA_FAULTS
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

static struct {
    char name[64];             /* "" : nothing is armed */
    _Atomic int64_t pass_left; /* strikes when it falls from 1 to 0 */
} armed;

static pthread_once_t is_read = PTHREAD_ONCE_INIT;

static void arm(const char *name_and_pass)
{
    struct str spec = str_from_cstr(name_and_pass);
    ptrdiff_t colon = str_last_index(spec, ':');
    int64_t pass = 0;
    if (colon <= 0 || (size_t)colon >= sizeof(armed.name) ||
        str_to_i64(str_from(spec, (size_t)colon + 1), &pass) < 0) {
        armed.name[0] = '\0';
        return;
    }
    memcpy(armed.name, spec.ptr, (size_t)colon);
    armed.name[colon] = '\0';
    atomic_store(&armed.pass_left, pass);
}

static void read_environment(void)
{
    arm(getenv("VIRGA_FAULT"));
}

void fault_configure(const char *name_and_pass)
{
    pthread_once(&is_read, read_environment);
    arm(name_and_pass);
}

bool fault_point(const char *name)
{
    pthread_once(&is_read, read_environment);
    if (armed.name[0] == '\0' || strcmp(armed.name, name) != 0)
        return false;
    return atomic_fetch_sub(&armed.pass_left, 1) == 1;
}
#endif
