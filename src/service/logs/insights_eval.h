/* insights_eval.h — rows and what commands make of one. Private to this folder. */
#pragma once

#include "service/logs/insights.h"

struct insights_cell {
    struct str name;
    struct insights_value value;
};

struct insights_row {
    struct log_event event;
    const struct log_group *group; /* NULL: a row of stats */
    struct str stream;
    struct vec cells; /* computed, the last of a name counts */
    struct json *json;
    bool is_parsed;
    const struct insights_value *slots; /* aggregates of the row's group */
};

/* What evaluation needs besides the row. */
struct insights_context {
    struct arena *scratch; /* of values that are computed */
    int64_t asked_at_ms;
};

struct insights_value insights_of_number(double number);
bool insights_to_number(const struct insights_value *value, double *out);
/* Absent for no value. */
struct str insights_to_text(struct arena *arena, const struct insights_value *value);
/* Numbers before texts; nothing comes first. */
int insights_compare(const struct insights_value *a, const struct insights_value *b);
void insights_set_cell(struct insights_row *row, struct str name, struct insights_value value);
struct insights_value insights_find_field(struct insights_context *context,
                                          struct insights_row *row, struct str name);
struct insights_value insights_evaluate(struct insights_context *context, struct insights_row *row,
                                        const struct insights_node *node);
/* Runs fields, display, filter or parse on a row. False: it is filtered out. */
bool insights_apply(struct insights_context *context, struct insights_row *row,
                    const struct insights_command *command);
