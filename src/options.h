/* options.h — configuration: one table for flags, environment and the config file.
 *
 * Precedence: flag, environment, config file, default. The file is `key = value` lines with the
 * names of the flags; '#' starts a comment. It is --config FILE, else $VIRGA_CONFIG, else
 * virga.conf in the data directory.
 */
#pragma once

#include "base/str.h"
#include "store/db.h"

struct arena;

struct options {
    int64_t port;
    int64_t dynamodb_port; /* 0: no second listener */
    bool dynamodb_throttle;
    struct str data_dir;
    bool ephemeral;
    int64_t workers;
    struct str store;      /* URL; empty: SQLite in the data directory */
    struct str durability; /* "process" or "full" */
    struct str region;
    int64_t xray_port; /* 0: none */
    struct str log_level;
    struct str log_format;
    bool log_requests;
    bool strict_auth;
    bool detach;
    struct str account; /* of `exec` and `env` */
    struct str config;
};

/* Reads `argv` (behind the command's name) up to the first operand or "--", then environment, file
 * and defaults. Returns the index of the first operand, or -EINVAL with *out_message. */
MUST_CHECK int options_read(struct arena *arena, int argc, char **argv, struct options *out,
                            struct str *out_message);
/* The help text of all options, one line each. */
void options_help(void);

/* What store_open wants. */
struct store_options options_store(const struct options *options);
