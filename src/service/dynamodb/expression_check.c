/* expression_check.c — what AWS checks in a parsed expression before it looks at any item.
 *
 * OBSERVED: texts and their order as recorded from AWS by the tests of dynalite and by
 * nubo-db/dynamodb-conformance. A condition reports, for its first comparison or function that has
 * any: an undefined name or value, a wrong number of operands, operands that are the same path,
 * operands of a wrong type.
 */
#include <errno.h>

#include "base/arena.h"
#include "service/dynamodb/expression.h"
#include "service/dynamodb/parser.h"

enum {
    TEXT_MAX = 1 << 20, /* of paths and values in messages: expressions have 4 KB, values 400 KB */
};

static const char *const operator_texts[] = {
    [DDB_EQ] = "=",  [DDB_NE] = "<>", [DDB_LT] = "<",
    [DDB_LE] = "<=", [DDB_GT] = ">",  [DDB_GE] = ">=",
};

struct str ddb_operator_text(enum ddb_operator operator_)
{
    return str_from_cstr(operator_texts[operator_]);
}

struct str ddb_path_text(struct arena *arena, const struct ddb_path *path)
{
    struct buf text;
    buf_init(&text, arena, TEXT_MAX);
    buf_append_char(&text, '[');
    for (size_t i = 0; i < path->count; i++) {
        if (i > 0)
            buf_append(&text, STR(", "));
        if (str_is_set(path->steps[i].name))
            buf_append(&text, path->steps[i].name);
        else
            buf_append_format(&text, "[%u]", path->steps[i].index);
    }
    buf_append_char(&text, ']');
    return buf_str(&text);
}

static bool same_step(const struct ddb_step *a, const struct ddb_step *b)
{
    return str_is_set(a->name) == str_is_set(b->name) && str_eq(a->name, b->name) &&
           a->index == b->index;
}

static bool same_path(const struct ddb_path *a, const struct ddb_path *b)
{
    bool is_same = a->count == b->count;
    for (size_t i = 0; is_same && i < a->count; i++)
        is_same = same_step(&a->steps[i], &b->steps[i]);
    return is_same;
}

/* The type that an operand has whatever the item, or 0. */
static enum ddb_type static_type(const struct ddb_node *node)
{
    if (node->type == DDB_NODE_VALUE)
        return node->value.type;
    if (node->type != DDB_NODE_FUNCTION)
        return (enum ddb_type)0;
    if (node->function == DDB_SIZE || node->function == DDB_PLUS || node->function == DDB_MINUS)
        return DDB_N;
    return node->function == DDB_LIST_APPEND ? DDB_L : (enum ddb_type)0;
}

static struct str node_name(const struct ddb_node *node)
{
    if (node->type == DDB_NODE_COMPARE)
        return ddb_operator_text(node->operator_);
    if (node->type == DDB_NODE_FUNCTION)
        return node->text;
    return node->type == DDB_NODE_BETWEEN ? STR("BETWEEN") : STR("IN");
}

struct check {
    struct ddb_expressions *expressions;
    struct arena *arena;
    const char *what;
};

static int refuse(const struct check *check, struct str text)
{
    return ddb_refuse_expression(check->expressions, check->what, text);
}

static int refuse_type(const struct check *check, struct str name, struct str type)
{
    return refuse(check, str_format(check->arena,
                                    "Incorrect operand type for operator or function; operator or "
                                    "function: " STR_FMT ", operand type: " STR_FMT,
                                    STR_ARG(name), STR_ARG(type)));
}

static int check_defined(const struct check *check, const struct ddb_node *node)
{
    if (node->is_undefined && node->type == DDB_NODE_PATH)
        return refuse(check, str_format(check->arena,
                                        "An expression attribute name used in the document path "
                                        "is not defined; attribute name: " STR_FMT,
                                        STR_ARG(node->text)));
    if (node->is_undefined)
        return refuse(check, str_format(check->arena,
                                        "An expression attribute value used in expression is not "
                                        "defined; attribute value: " STR_FMT,
                                        STR_ARG(node->text)));
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < node->arg_count; i++)
        rc = check_defined(check, node->args[i]);
    return rc;
}

static size_t wanted_operands(enum ddb_function function)
{
    return function == DDB_ATTRIBUTE_EXISTS || function == DDB_ATTRIBUTE_NOT_EXISTS ||
                   function == DDB_SIZE
               ? 1
               : 2;
}

/* Inner functions first: they were read first. */
static int check_counts(const struct check *check, const struct ddb_node *node)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < node->arg_count; i++)
        rc = check_counts(check, node->args[i]);
    if (rc < 0)
        return rc;
    if (node->type == DDB_NODE_IN && node->arg_count > DDB_IN_OPERANDS_MAX + 1)
        return refuse(check, str_format(check->arena,
                                        "Incorrect number of operands for operator or function; "
                                        "operator or function: IN, number of operands: %zu",
                                        node->arg_count - 1));
    if (node->type != DDB_NODE_FUNCTION || node->arg_count == wanted_operands(node->function))
        return 0;
    return refuse(check, str_format(check->arena,
                                    "Incorrect number of operands for operator or function; "
                                    "operator or function: " STR_FMT ", number of operands: %zu",
                                    STR_ARG(node->text), node->arg_count));
}

static int check_distinct(const struct check *check, const struct ddb_node *node)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < node->arg_count; i++)
        rc = check_distinct(check, node->args[i]);
    if (rc < 0 || node->arg_count != 2 || node->type == DDB_NODE_IN ||
        node->args[0]->type != DDB_NODE_PATH || node->args[1]->type != DDB_NODE_PATH ||
        !same_path(&node->args[0]->path, &node->args[1]->path))
        return rc;
    return refuse(check,
                  str_format(check->arena,
                             "The first operand must be distinct from the remaining operands for "
                             "this operator or function; operator: " STR_FMT
                             ", first operand: " STR_FMT,
                             STR_ARG(node_name(node)),
                             STR_ARG(ddb_path_text(check->arena, &node->args[0]->path))));
}

static bool is_ordered(enum ddb_type type)
{
    return type == (enum ddb_type)0 || type == DDB_S || type == DDB_N || type == DDB_B;
}

/* "AttributeValue: {S:abc}" */
static struct str bound_text(struct arena *arena, const struct ddb_value *value)
{
    return str_format(arena, "AttributeValue: {" STR_FMT ":" STR_FMT "}",
                      STR_ARG(ddb_type_name(value->type)), STR_ARG(value->text));
}

static int check_between(const struct check *check, const struct ddb_node *node)
{
    for (size_t i = 0; i < node->arg_count; i++)
        if (!is_ordered(static_type(node->args[i])))
            return refuse_type(check, STR("BETWEEN"), ddb_type_name(static_type(node->args[i])));
    if (node->args[1]->type != DDB_NODE_VALUE || node->args[2]->type != DDB_NODE_VALUE)
        return 0;
    const struct ddb_value *low = &node->args[1]->value;
    const struct ddb_value *high = &node->args[2]->value;
    const struct str low_text = bound_text(check->arena, low);
    const struct str high_text = bound_text(check->arena, high);
    if (low->type != high->type)
        return refuse(check, str_format(check->arena,
                                        "The BETWEEN operator requires same data type for lower "
                                        "and upper bounds; lower bound operand: " STR_FMT
                                        ", upper bound operand: " STR_FMT,
                                        STR_ARG(low_text), STR_ARG(high_text)));
    if (ddb_value_compare(low, high) <= 0)
        return 0;
    return refuse(check, str_format(check->arena,
                                    "The BETWEEN operator requires upper bound to be greater than "
                                    "or equal to lower bound; lower bound operand: " STR_FMT
                                    ", upper bound operand: " STR_FMT,
                                    STR_ARG(low_text), STR_ARG(high_text)));
}

static int check_attribute_type(const struct check *check, const struct ddb_node *node)
{
    const enum ddb_type type = static_type(node->args[1]);
    if (type != DDB_S)
        return refuse_type(check, node->text,
                           type == 0 ? STR("{NS,SS,L,BS,N,M,B,BOOL,NULL,S}") : ddb_type_name(type));
    if (node->args[1]->type == DDB_NODE_VALUE && ddb_type_from_name(node->args[1]->value.text) != 0)
        return 0;
    return refuse(check, str_format(check->arena,
                                    "Invalid attribute type name found; type: " STR_FMT
                                    ", valid types: {B,NULL,SS,BOOL,L,BS,N,NS,S,M}",
                                    STR_ARG(node->args[1]->value.text)));
}

static int refuse_without_path(const struct check *check, const struct ddb_node *node)
{
    return refuse(check, str_format(check->arena,
                                    "Operator or function requires a document path; operator or "
                                    "function: " STR_FMT,
                                    STR_ARG(node->text)));
}

/* All operands whose type is known must be of one of the types. */
static int check_operand_types(const struct check *check, const struct ddb_node *node, int types)
{
    for (size_t i = 0; i < node->arg_count; i++) {
        const enum ddb_type type = static_type(node->args[i]);
        if (type != 0 && !(types & 1 << type))
            return refuse_type(check, node->text, ddb_type_name(type));
    }
    return 0;
}

static int check_function(const struct check *check, const struct ddb_node *node)
{
    const int measurable = ~(1 << DDB_N | 1 << DDB_BOOL | 1 << DDB_NULL);
    switch (node->function) {
    case DDB_ATTRIBUTE_EXISTS:
    case DDB_ATTRIBUTE_NOT_EXISTS:
    case DDB_IF_NOT_EXISTS:
        return node->args[0]->type == DDB_NODE_PATH ? 0 : refuse_without_path(check, node);
    case DDB_ATTRIBUTE_TYPE:
        return check_attribute_type(check, node);
    case DDB_BEGINS_WITH:
        return check_operand_types(check, node, 1 << DDB_S | 1 << DDB_B);
    case DDB_SIZE:
        return check_operand_types(check, node, measurable);
    case DDB_LIST_APPEND:
        return check_operand_types(check, node, 1 << DDB_L);
    case DDB_PLUS:
    case DDB_MINUS:
        return check_operand_types(check, node, 1 << DDB_N);
    case DDB_CONTAINS:
    case DDB_SET_ADD:
    case DDB_SET_DELETE:
    case DDB_FUNCTION_UNKNOWN:
        break;
    }
    return 0;
}

static int check_types(const struct check *check, const struct ddb_node *node)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < node->arg_count; i++)
        rc = check_types(check, node->args[i]);
    if (rc < 0)
        return rc;
    if (node->type == DDB_NODE_FUNCTION)
        return check_function(check, node);
    if (node->type == DDB_NODE_BETWEEN)
        return check_between(check, node);
    if (node->type != DDB_NODE_COMPARE || node->operator_ == DDB_EQ || node->operator_ == DDB_NE)
        return 0;
    for (size_t i = 0; i < node->arg_count; i++)
        if (!is_ordered(static_type(node->args[i])))
            return refuse_type(check, node_name(node), ddb_type_name(static_type(node->args[i])));
    return 0;
}

static int check_node(const struct check *check, const struct ddb_node *node)
{
    int rc = 0;
    if (node->type == DDB_NODE_AND || node->type == DDB_NODE_OR || node->type == DDB_NODE_NOT) {
        for (size_t i = 0; rc == 0 && i < node->arg_count; i++)
            rc = check_node(check, node->args[i]);
        return rc;
    }
    rc = check_defined(check, node);
    if (rc == 0)
        rc = check_counts(check, node);
    if (rc == 0)
        rc = check_distinct(check, node);
    if (rc == 0)
        rc = check_types(check, node);
    return rc;
}

int ddb_check_condition(struct ddb_expressions *expressions, const char *what,
                        const struct ddb_node *node)
{
    const struct check check = {
        .expressions = expressions, .arena = expressions->arena, .what = what};
    return check_node(&check, node);
}

/* ---- paths that may not meet ---- */

enum meeting {
    MEETING_NONE,
    MEETING_OVERLAP,  /* one is the other, or holds it */
    MEETING_CONFLICT, /* one takes for a list what the other takes for a map */
};

static enum meeting meet(const struct ddb_path *a, const struct ddb_path *b)
{
    for (size_t i = 0; i < a->count && i < b->count; i++) {
        if (str_is_set(a->steps[i].name) != str_is_set(b->steps[i].name))
            return MEETING_CONFLICT;
        if (!same_step(&a->steps[i], &b->steps[i]))
            return MEETING_NONE;
    }
    return MEETING_OVERLAP;
}

int ddb_check_paths(struct ddb_expressions *expressions, const char *what,
                    const struct ddb_paths *paths)
{
    static const char *const verbs[] = {
        [MEETING_OVERLAP] = "overlap", [MEETING_CONFLICT] = "conflict"};
    struct arena *arena = expressions->arena;
    struct str conflict = {0};
    for (size_t i = 1; i < paths->count; i++) {
        for (size_t j = 0; j < i; j++) {
            const enum meeting meeting = meet(&paths->items[j], &paths->items[i]);
            if (meeting == MEETING_NONE || (meeting == MEETING_CONFLICT && conflict.len > 0))
                continue;
            const struct str text = str_format(
                arena,
                "Two document paths %s with each other; must remove or rewrite one of these "
                "paths; path one: " STR_FMT ", path two: " STR_FMT,
                verbs[meeting], STR_ARG(ddb_path_text(arena, &paths->items[j])),
                STR_ARG(ddb_path_text(arena, &paths->items[i])));
            if (meeting == MEETING_OVERLAP)
                return ddb_refuse_expression(expressions, what, text);
            conflict = text;
        }
    }
    return conflict.len > 0 ? ddb_refuse_expression(expressions, what, conflict) : 0;
}

/* ---- updates ---- */

struct ddb_paths ddb_update_paths(struct arena *arena, const struct ddb_update *update)
{
    struct ddb_paths paths = {.count = update->count};
    paths.items = arena_alloc_array(arena, update->count, sizeof(*paths.items));
    for (size_t i = 0; i < update->count; i++)
        paths.items[i] = update->items[i].path;
    return paths;
}

/* ADD takes numbers and sets, DELETE takes sets. */
static int check_action_operand(const struct check *check, const struct ddb_action *action)
{
    static const char *const long_names[] = {
        [DDB_S] = "STRING",     [DDB_N] = "NUMBER", [DDB_B] = "BINARY", [DDB_NULL] = "NULL",
        [DDB_BOOL] = "BOOLEAN", [DDB_L] = "LIST",   [DDB_M] = "MAP",
    };
    const enum ddb_type type = action->value->value.type;
    if (ddb_is_set(type) || (action->type == DDB_ADD && type == DDB_N))
        return 0;
    return refuse(check, str_format(check->arena,
                                    "Incorrect operand type for operator or function; operator: "
                                    "%s, operand type: %s",
                                    action->type == DDB_ADD ? "ADD" : "DELETE", long_names[type]));
}

int ddb_check_update(struct ddb_expressions *expressions, const struct ddb_update *update)
{
    static const char what[] = "UpdateExpression";
    const struct check check = {
        .expressions = expressions, .arena = expressions->arena, .what = what};
    const struct ddb_paths paths = ddb_update_paths(expressions->arena, update);
    int rc = ddb_check_paths(expressions, what, &paths);
    for (size_t i = 0; rc == 0 && i < update->count; i++)
        if (update->items[i].type == DDB_ADD || update->items[i].type == DDB_DELETE)
            rc = check_action_operand(&check, &update->items[i]);
    for (size_t i = 0; rc == 0 && i < update->count; i++) {
        if (update->items[i].type != DDB_SET)
            continue;
        rc = check_counts(&check, update->items[i].value);
        if (rc == 0)
            rc = check_types(&check, update->items[i].value);
    }
    return rc;
}
