/* expression.h — DynamoDB's expressions: conditions, filters, key conditions, projections, updates.
 *
 * One lexer and one parser make trees; names (#n) and values (:v) are looked up while parsing. The
 * legacy parameters (Expected, ScanFilter ...) and PartiQL make the same trees, so there is one
 * evaluator. Texts of errors are AWS's.
 */
#pragma once

#include "service/dynamodb/value.h"

enum {
    DDB_EXPRESSION_MAX = 4096,      /* AWS: "maximum length of any expression string is 4 KB" */
    DDB_OPERATORS_MAX = 300,        /* AWS: operators and functions in one expression */
    DDB_IN_OPERANDS_MAX = 100,      /* AWS: operands of IN */
    DDB_EXPRESSION_DEPTH_MAX = 300, /* parentheses and NOT: as many as there may be operators */
};

/* One step of a path: a member, or an element when `name` is absent. */
struct ddb_step {
    struct str name;
    uint32_t index;
};

struct ddb_path {
    struct ddb_step *steps;
    size_t count;
};

struct ddb_paths {
    struct ddb_path *items;
    size_t count;
};

enum ddb_node_type {
    DDB_NODE_AND,
    DDB_NODE_OR,
    DDB_NODE_NOT,
    DDB_NODE_COMPARE,
    DDB_NODE_BETWEEN,
    DDB_NODE_IN,
    DDB_NODE_FUNCTION, /* also + and - of updates */
    DDB_NODE_PATH,
    DDB_NODE_VALUE,
};

enum ddb_operator {
    DDB_EQ,
    DDB_NE,
    DDB_LT,
    DDB_LE,
    DDB_GT,
    DDB_GE,
};

enum ddb_function {
    DDB_ATTRIBUTE_EXISTS,
    DDB_ATTRIBUTE_NOT_EXISTS,
    DDB_ATTRIBUTE_TYPE,
    DDB_BEGINS_WITH,
    DDB_CONTAINS,
    DDB_SIZE,
    DDB_IF_NOT_EXISTS,
    DDB_LIST_APPEND,
    DDB_PLUS,
    DDB_MINUS,
    DDB_SET_ADD,    /* PartiQL */
    DDB_SET_DELETE, /* PartiQL */
    DDB_FUNCTION_UNKNOWN,
};

struct ddb_node {
    enum ddb_node_type type;
    enum ddb_operator operator_;
    enum ddb_function function;
    struct str text; /* function: its name as written; path and value: a placeholder's name */
    struct ddb_node **args;
    size_t arg_count;
    struct ddb_path path;
    struct ddb_value value;
    bool is_undefined; /* a placeholder that nobody defined */
};

enum ddb_action_type {
    DDB_SET,
    DDB_REMOVE,
    DDB_ADD,
    DDB_DELETE,
};

struct ddb_action {
    enum ddb_action_type type;
    struct ddb_path path;
    struct ddb_node *value; /* NULL: REMOVE */
};

struct ddb_update {
    struct ddb_action *items;
    size_t count;
};

/* What the expressions of one request share. */
struct ddb_expressions {
    struct arena *arena;
    const struct dynamodb_expression_attribute_name_map *names;
    bool *name_is_used;
    struct ddb_value values; /* a map, sorted by placeholder */
    bool *value_is_used;
    struct str message; /* of the first error */
};

/* Checks the placeholders and reads the values; either may be unset. All functions here return 0,
 * or -EINVAL with expressions->message set. `values` is like dynamodb_attribute_map. */
MUST_CHECK int ddb_expressions_init(struct ddb_expressions *expressions, struct arena *arena,
                                    const struct dynamodb_expression_attribute_name_map *names,
                                    const struct dynamodb_expression_attribute_value_map *values);
/* `what` names the parameter: "ConditionExpression". */
MUST_CHECK int ddb_parse_condition(struct ddb_expressions *expressions, const char *what,
                                   struct str text, struct ddb_node **out);
MUST_CHECK int ddb_parse_projection(struct ddb_expressions *expressions, struct str text,
                                    struct ddb_paths *out);
MUST_CHECK int ddb_parse_update(struct ddb_expressions *expressions, struct str text,
                                struct ddb_update *out);
/* After all were parsed: every placeholder must have been used. */
MUST_CHECK int ddb_expressions_finish(struct ddb_expressions *expressions);

/* reserved.c */
bool ddb_is_reserved(struct str word);

/* expression_check.c: what AWS checks in a parsed condition or update, beyond its syntax. `what` as
 * above. */
MUST_CHECK int ddb_check_condition(struct ddb_expressions *expressions, const char *what,
                                   const struct ddb_node *node);
MUST_CHECK int ddb_check_update(struct ddb_expressions *expressions,
                                const struct ddb_update *update);
MUST_CHECK int ddb_check_paths(struct ddb_expressions *expressions, const char *what,
                               const struct ddb_paths *paths);
/* The paths of an update, for ReturnValues. */
struct ddb_paths ddb_update_paths(struct arena *arena, const struct ddb_update *update);
/* "[a, [0], b]" as AWS's messages show a path. */
struct str ddb_path_text(struct arena *arena, const struct ddb_path *path);
struct str ddb_operator_text(enum ddb_operator operator_);

/* evaluate.c. `item` is a map; an item that does not exist is an empty one. */
bool ddb_evaluate(const struct ddb_node *node, const struct ddb_value *item);
/* The value at the path, or NULL. */
const struct ddb_value *ddb_path_find(const struct ddb_value *item, const struct ddb_path *path);
/* What the paths select of the item, as a new map. */
struct ddb_value ddb_project(struct arena *arena, const struct ddb_value *item,
                             const struct ddb_paths *paths);

/* expression_update.c. Applies the update to `item` (a map, whose arrays it may change: give it a
 * copy). Returns 0, or -EINVAL and AWS's text. */
MUST_CHECK int ddb_apply_update(struct arena *arena, const struct ddb_update *update,
                                struct ddb_value *item, struct str *out_message);

/* Building trees: for legacy parameters and PartiQL. */
struct ddb_node *ddb_node_new(struct arena *arena, enum ddb_node_type type, size_t arg_count);
struct ddb_node *ddb_node_name(struct arena *arena, struct str name);
struct ddb_node *ddb_node_value(struct arena *arena, const struct ddb_value *value);
struct ddb_node *ddb_node_join(struct arena *arena, enum ddb_node_type type, struct ddb_node *left,
                               struct ddb_node *right);
