/* commands.h — the subcommands beside `serve`. Each returns the program's exit code:
 * 0 done, 1 failed, 2 wrong usage, 3 nothing is running.
 */
#pragma once

#include "options.h"

enum exit_code {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_NOT_RUNNING = 3,
};

typedef int command_fn(struct arena *arena, const struct options *options, int argc, char **argv);

command_fn command_stop;
command_fn command_status;
command_fn command_exec;
command_fn command_env;
command_fn command_reset;
command_fn command_snapshot;
command_fn command_clock;
command_fn command_ca;
command_fn command_coverage;
