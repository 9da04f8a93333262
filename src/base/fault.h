/* fault.h — places where a test makes the program fail as if the machine had.
 *
 * A program built with VIRGA_FAULTS reads VIRGA_FAULT="name:n" from its environment: the n-th pass
 * (from 1) of `fault_point("name")` says true once, and the caller acts as if its system call had
 * failed. In every other build the call is the constant false and costs nothing. Thread-safe.
 */
#pragma once

#include "base/base.h"

#ifdef VIRGA_FAULTS
bool fault_point(const char *name);
/* Replaces what the environment said; NULL: nothing fails. Counts from anew. For unit tests, which
 * call it while no other thread runs. */
void fault_configure(const char *name_and_pass);
#else
static inline bool fault_point(const char *name)
{
    (void)name;
    return false;
}

static inline void fault_configure(const char *name_and_pass)
{
    (void)name_and_pass;
}
#endif

/* True in builds in which fault points work. */
static inline bool fault_available(void)
{
#ifdef VIRGA_FAULTS
    return true;
#else
    return false;
#endif
}
