/* log.h — one line per event to stderr, for people or as JSON lines.
 *
 * `log_event(LOG_INFO, "stack created", (struct log_field[]){{"stack", name}}, 1)`. Text in fields
 * is escaped, so outside bytes cannot forge lines. Thread-safe; a line is one write(2).
 */
#pragma once

#include "base/str.h"

enum log_level {
    LOG_DEBUG,
    LOG_INFO,
    LOG_WARN,
    LOG_ERROR,
};

enum log_format {
    LOG_HUMAN,
    LOG_JSON,
};

struct log_field {
    const char *name;
    struct str text; /* used when ptr is set, */
    int64_t number;  /* else this */
};

/* Set once before threads start. Lines go to `fd`. */
void log_configure(enum log_level least, enum log_format format, int fd);
bool log_enabled(enum log_level level);
void log_event(enum log_level level, const char *message, const struct log_field *fields,
               size_t field_count);
/* A line without fields. */
void log_message(enum log_level level, const char *format, ...) PRINTF_LIKE(2, 3);

/* Collects this thread's lines instead of writing each, until log_flush or a few KiB are together:
 * for workers, which flush once a round. Errors are written at once all the same. */
void log_hold(bool is_held);
void log_flush(void);
