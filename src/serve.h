/* serve.h — the server: store, workers, door, signals. */
#pragma once

#include "options.h"

/* Runs until SIGTERM or SIGINT. Returns the program's exit code. */
int serve_run(const struct options *options);

/* What a running server wrote into DIR/virga.run. */
struct running {
    int64_t pid;
    int64_t port;
};

/* Reads the file and checks that the process lives. 0, or -ENOENT when nothing runs on `dir`. */
MUST_CHECK int serve_find(struct arena *arena, struct str dir, struct running *out_running);
