/* insights.h — the query language of Logs Insights: parsed here, run over rows. Private to this
 * folder.
 *
 * Docs: CloudWatch Logs user guide, "CloudWatch Logs Insights language query syntax". Commands:
 * fields, display, filter, stats, sort, limit, parse, dedup, unmask. A query is a list of commands;
 * rows flow through them. Rows of events know @timestamp, @ingestionTime, @message, @logStream,
 * @log, @ptr and, when the message is JSON, its members ("a.b", "list.0"); what commands compute
 * comes before these.
 */
#pragma once

#include "base/str.h"
#include "base/vec.h"
#include "service/logs/logs.h"

struct arena;
struct json;

enum {
    INSIGHTS_MAX_NODES = 2000,
    INSIGHTS_MAX_DEPTH = 50,
    INSIGHTS_MAX_ROWS = 250000, /* kept for sorting: memory */
};

enum insights_kind {
    INSIGHTS_NONE,
    INSIGHTS_TEXT,
    INSIGHTS_NUMBER,
    INSIGHTS_TIME, /* milliseconds, shown as a date */
    INSIGHTS_BOOL,
};

struct insights_value {
    enum insights_kind kind;
    struct str text;
    double number;
};

enum insights_node_kind {
    INSIGHTS_FIELD,
    INSIGHTS_CONSTANT,
    INSIGHTS_REGEX,
    INSIGHTS_CALL,
    INSIGHTS_AGGREGATE,
    INSIGHTS_BINARY,
    INSIGHTS_NOT,
    INSIGHTS_NEGATE,
    INSIGHTS_LIKE, /* left like right; `is_negated`: not like */
    INSIGHTS_IN,
};

struct insights_node {
    enum insights_node_kind kind;
    struct str name; /* field, function, operator */
    struct insights_value value;
    bool is_negated;
    void *regex; /* compiled: insights_eval.c */
    size_t slot; /* of an aggregate in its command */
    struct insights_node **args;
    size_t arg_count;
};

struct insights_item {
    struct insights_node *node;
    struct str name; /* column: alias, or as it was written */
    bool is_descending;
};

enum insights_command_kind {
    INSIGHTS_FIELDS,
    INSIGHTS_DISPLAY,
    INSIGHTS_FILTER,
    INSIGHTS_STATS,
    INSIGHTS_SORT,
    INSIGHTS_LIMIT,
    INSIGHTS_PARSE,
    INSIGHTS_DEDUP,
    INSIGHTS_UNMASK,
};

struct insights_command {
    enum insights_command_kind kind;
    const struct insights_item *items;
    size_t item_count;
    const struct insights_item *by; /* stats */
    size_t by_count;
    struct insights_node **aggregates;
    size_t aggregate_count;
    struct insights_node *node; /* filter, parse: what is read */
    struct str pattern;         /* parse: with '*' */
    void *regex;                /* parse: with named groups */
    const struct str *names;    /* parse: of the '*' or of the groups */
    size_t name_count;
    int64_t limit;
};

struct insights_query {
    const struct insights_command *commands;
    size_t count;
};

/* Where and why a text is no query. */
struct insights_error {
    size_t start;
    size_t end;
    struct str message;
};

/* Returns 0 or -EINVAL with *out_error. */
MUST_CHECK int insights_parse(struct arena *arena, struct str text,
                              struct insights_query *out_query, struct insights_error *out_error);
/* Compiles a regular expression into the arena; NULL when it is none. */
void *insights_compile(struct arena *arena, struct str text);
/* Names of the groups of a compiled expression. */
size_t insights_group_names(struct arena *arena, void *regex, const struct str **out_names);

struct insights_result {
    struct logs_query_results rows;
    double matched;
    double scanned;
    double skipped; /* matched, but more than are kept */
    double bytes;
};
/* Runs the query over the events of groups. `queries` select them, `groups` are theirs. */
struct insights_source {
    const struct log_group *groups;
    const struct log_query *queries;
    size_t count;
    int64_t asked_at_ms; /* later events do not count */
    size_t limit;
};
MUST_CHECK int insights_run(struct call *call, const struct insights_query *query,
                            const struct insights_source *source,
                            struct insights_result *out_result);
