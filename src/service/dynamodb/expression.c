/* expression.c — the grammars of conditions, projections and updates.
 *
 *   condition   or
 *   or          and { OR and }              and    not { AND not }
 *   not         NOT primary | primary
 *   primary     operand comparator operand | operand BETWEEN operand AND operand
 *               | operand IN ( operand, ... ) | function | ( condition )
 *   projection  path { , path }
 *   update      { SET path = value, ... | REMOVE path, ... | ADD path :v, ... | DELETE path :v, ...
 * } value       operand | operand + operand | operand - operand
 *
 * An operand may stand in parentheses, too, so "(" does not tell what comes: a primary is read as a
 * condition that may turn out to be a bare operand.
 *
 * Docs: developer guide, "Condition and filter expressions, operators, and functions", "Update
 * expressions".
 */
#include "service/dynamodb/expression.h"

#include <errno.h>

#include "base/arena.h"
#include "service/dynamodb/parser.h"

struct ddb_node *ddb_node_new(struct arena *arena, enum ddb_node_type type, size_t arg_count)
{
    struct ddb_node *node = arena_alloc(arena, sizeof(*node));
    node->type = type;
    node->arg_count = arg_count;
    node->args = arena_alloc_array(arena, arg_count, sizeof(*node->args));
    return node;
}

struct ddb_node *ddb_node_join(struct arena *arena, enum ddb_node_type type, struct ddb_node *left,
                               struct ddb_node *right)
{
    struct ddb_node *node = ddb_node_new(arena, type, right ? 2 : 1);
    node->args[0] = left;
    if (right)
        node->args[1] = right;
    return node;
}

struct ddb_node *ddb_node_name(struct arena *arena, struct str name)
{
    struct ddb_node *node = ddb_node_new(arena, DDB_NODE_PATH, 0);
    node->path.steps = arena_alloc(arena, sizeof(*node->path.steps));
    node->path.steps[0].name = name;
    node->path.count = 1;
    return node;
}

struct ddb_node *ddb_node_value(struct arena *arena, const struct ddb_value *value)
{
    struct ddb_node *node = ddb_node_new(arena, DDB_NODE_VALUE, 0);
    node->value = *value;
    return node;
}

/* ---- what a request's expressions share ---- */

static bool is_placeholder(struct str key, char sigil)
{
    bool is_valid = key.len > 1 && key.ptr[0] == sigil;
    for (size_t i = 1; i < key.len; i++) {
        char c = key.ptr[i];
        is_valid &=
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    }
    return is_valid;
}

static int refuse_text(struct ddb_expressions *expressions, struct str text)
{
    expressions->message = text;
    return -EINVAL;
}

static int refuse_key(struct ddb_expressions *expressions, const char *what, struct str key)
{
    return refuse_text(expressions,
                       str_format(expressions->arena,
                                  "%s contains invalid key: Syntax error; key: \"" STR_FMT "\"",
                                  what, STR_ARG(key)));
}

static int read_names(struct ddb_expressions *expressions,
                      const struct dynamodb_expression_attribute_name_map *names)
{
    if (names->count == 0)
        return refuse_text(expressions, STR("ExpressionAttributeNames must not be empty"));
    for (size_t i = 0; i < names->count; i++)
        if (!is_placeholder(names->items[i].key, '#'))
            return refuse_key(expressions, "ExpressionAttributeNames", names->items[i].key);
    expressions->names = names;
    expressions->name_is_used = arena_alloc_array(expressions->arena, names->count, sizeof(bool));
    return 0;
}

static int read_values(struct ddb_expressions *expressions,
                       const struct dynamodb_expression_attribute_value_map *values)
{
    if (values->count == 0)
        return refuse_text(expressions, STR("ExpressionAttributeValues must not be empty"));
    for (size_t i = 0; i < values->count; i++)
        if (!is_placeholder(values->items[i].key, ':'))
            return refuse_key(expressions, "ExpressionAttributeValues", values->items[i].key);
    for (size_t i = 0; i < values->count; i++) {
        struct ddb_value value;
        struct str message = {0};
        if (ddb_value_from_api(expressions->arena, &values->items[i].value, &value, &message) < 0)
            return refuse_text(
                expressions, str_format(expressions->arena,
                                        "ExpressionAttributeValues contains invalid value: " STR_FMT
                                        " for key " STR_FMT,
                                        STR_ARG(message), STR_ARG(values->items[i].key)));
        ddb_map_set(expressions->arena, &expressions->values, values->items[i].key, &value);
    }
    expressions->value_is_used =
        arena_alloc_array(expressions->arena, expressions->values.count, sizeof(bool));
    return 0;
}

int ddb_expressions_init(struct ddb_expressions *expressions, struct arena *arena,
                         const struct dynamodb_expression_attribute_name_map *names,
                         const struct dynamodb_expression_attribute_value_map *values)
{
    *expressions = (struct ddb_expressions){.arena = arena, .values = {.type = DDB_M}};
    int rc = names && names->is_set ? read_names(expressions, names) : 0;
    if (rc == 0 && values && values->is_set)
        rc = read_values(expressions, values);
    return rc;
}

static void add_key(struct buf *keys, struct str key)
{
    if (keys->len > 0)
        buf_append(keys, STR(", "));
    buf_append(keys, key);
}

int ddb_expressions_finish(struct ddb_expressions *expressions)
{
    enum { KEYS_MAX = 1 << 20 };
    struct buf keys;
    buf_init(&keys, expressions->arena, KEYS_MAX);
    for (size_t i = 0; expressions->names && i < expressions->names->count; i++)
        if (!expressions->name_is_used[i])
            add_key(&keys, expressions->names->items[i].key);
    if (keys.len > 0)
        return refuse_text(expressions,
                           str_format(expressions->arena,
                                      "Value provided in ExpressionAttributeNames unused in "
                                      "expressions: keys: {" STR_FMT "}",
                                      STR_ARG(buf_str(&keys))));
    for (uint32_t i = 0; i < expressions->values.count; i++)
        if (!expressions->value_is_used[i])
            add_key(&keys, expressions->values.items[i].name);
    if (keys.len > 0)
        return refuse_text(expressions,
                           str_format(expressions->arena,
                                      "Value provided in ExpressionAttributeValues unused in "
                                      "expressions: keys: {" STR_FMT "}",
                                      STR_ARG(buf_str(&keys))));
    return 0;
}

/* ---- conditions ---- */

static struct ddb_node *parse_or(struct ddb_parser *parser, bool may_be_bare);

static bool is_bare(const struct ddb_node *node)
{
    return node->type == DDB_NODE_PATH || node->type == DDB_NODE_VALUE;
}

static void note_misuse(struct ddb_parser *parser, const struct ddb_node *function)
{
    ddb_note_mistake(parser, DDB_MISTAKE_MISUSED_FUNCTION,
                     str_format(parser->arena,
                                "The function is not allowed to be used this way in an "
                                "expression; function: " STR_FMT,
                                STR_ARG(function->text)));
}

/* As operands only size() may stand; conditions by itself only the others. */
static void check_operand(struct ddb_parser *parser, const struct ddb_node *node)
{
    if (node->type == DDB_NODE_FUNCTION && node->function != DDB_SIZE)
        note_misuse(parser, node);
}

static void check_condition(struct ddb_parser *parser, const struct ddb_node *node)
{
    if (is_bare(node))
        ddb_syntax_error(parser);
    else if (node->type == DDB_NODE_FUNCTION && node->function == DDB_SIZE)
        note_misuse(parser, node);
}

static bool take_comparator(struct ddb_parser *parser, enum ddb_operator *out)
{
    static const struct {
        const char *text;
        enum ddb_operator operator_;
    } comparators[] = {
        {"=", DDB_EQ}, {"<>", DDB_NE}, {"<", DDB_LT}, {"<=", DDB_LE}, {">", DDB_GT}, {">=", DDB_GE},
    };
    for (size_t i = 0; i < ARRAY_LEN(comparators); i++) {
        if (ddb_take_symbol(parser, comparators[i].text)) {
            *out = comparators[i].operator_;
            return true;
        }
    }
    return false;
}

static struct ddb_node *parse_between(struct ddb_parser *parser, struct ddb_node *operand)
{
    struct ddb_node *node = ddb_node_new(parser->arena, DDB_NODE_BETWEEN, 3);
    parser->at++;
    node->args[0] = operand;
    node->args[1] = ddb_parse_operand(parser);
    if (!parser->has_failed && ddb_is_word(parser, "AND"))
        parser->at++;
    else
        ddb_syntax_error(parser);
    node->args[2] = ddb_parse_operand(parser);
    for (size_t i = 0; i < node->arg_count; i++)
        check_operand(parser, node->args[i]);
    return node;
}

static struct ddb_node *parse_in(struct ddb_parser *parser, struct ddb_node *operand)
{
    struct ddb_node *node = ddb_node_new(parser->arena, DDB_NODE_IN, 0);
    struct vec args;
    vec_init(&args, parser->arena, sizeof(struct ddb_node *));
    *(struct ddb_node **)vec_push(&args) = operand;
    check_operand(parser, operand);
    parser->at++;
    ddb_expect_symbol(parser, "(");
    do {
        struct ddb_node *arg = ddb_parse_operand(parser);
        check_operand(parser, arg);
        *(struct ddb_node **)vec_push(&args) = arg;
    } while (ddb_take_symbol(parser, ","));
    ddb_expect_symbol(parser, ")");
    node->args = args.items;
    node->arg_count = args.count;
    return node;
}

/* What follows an operand, or the operand itself. */
static struct ddb_node *parse_relation(struct ddb_parser *parser, struct ddb_node *operand)
{
    enum ddb_operator comparator = DDB_EQ;
    if (parser->has_failed)
        return operand;
    if (take_comparator(parser, &comparator)) {
        struct ddb_node *node = ddb_node_join(parser->arena, DDB_NODE_COMPARE, operand, operand);
        node->operator_ = comparator;
        parser->operator_count++;
        node->args[1] = ddb_parse_operand(parser);
        check_operand(parser, node->args[0]);
        check_operand(parser, node->args[1]);
        return node;
    }
    const bool is_between = ddb_is_word(parser, "BETWEEN");
    if (!is_between && !ddb_is_word(parser, "IN"))
        return operand;
    parser->operator_count++;
    return is_between ? parse_between(parser, operand) : parse_in(parser, operand);
}

/* "(" condition ")", or a grouped operand with what follows it. */
static struct ddb_node *parse_group(struct ddb_parser *parser)
{
    const bool is_double = ddb_is_symbol(parser, "(");
    const size_t start = parser->at;
    struct ddb_node *node = parse_or(parser, true);
    ddb_expect_symbol(parser, ")");
    /* Only "((x))" is redundant, "((x) AND y)" is not: the inner group must end right here. */
    if (is_double && !parser->has_failed) {
        size_t level = 0;
        size_t at = start;
        do {
            const struct ddb_token *token = &parser->tokens[at];
            if (token->type == DDB_TOKEN_SYMBOL)
                level += str_eq_cstr(token->text, "(") - (size_t)str_eq_cstr(token->text, ")");
            at++;
        } while (level > 0);
        if (at == parser->at - 1)
            ddb_note_mistake(parser, DDB_MISTAKE_PARENTHESES,
                             STR("The expression has redundant parentheses;"));
    }
    return node;
}

/* A path goes on behind its parentheses: "(a).b". */
static struct ddb_node *extend_path(struct ddb_parser *parser, size_t start, struct ddb_node *node)
{
    if (parser->has_failed || node->type != DDB_NODE_PATH ||
        (!ddb_is_symbol(parser, ".") && !ddb_is_symbol(parser, "[")))
        return node;
    parser->at = start;
    return ddb_parse_operand(parser);
}

static struct ddb_node *parse_primary(struct ddb_parser *parser, bool may_be_bare)
{
    const size_t start = parser->at;
    struct ddb_node *node = NULL;
    if (ddb_take_symbol(parser, "("))
        node = extend_path(parser, start, parse_group(parser));
    else
        node = ddb_parse_operand(parser);
    if (is_bare(node) || node->type == DDB_NODE_FUNCTION)
        node = parse_relation(parser, node);
    if (is_bare(node) && !(may_be_bare && ddb_is_symbol(parser, ")")))
        ddb_syntax_error(parser);
    return node;
}

static struct ddb_node *parse_not(struct ddb_parser *parser, bool may_be_bare)
{
    if (parser->has_failed || !ddb_is_word(parser, "NOT"))
        return parse_primary(parser, may_be_bare);
    parser->at++;
    parser->operator_count++;
    if (!ddb_enter(parser))
        return ddb_node_new(parser->arena, DDB_NODE_VALUE, 0);
    struct ddb_node *operand = parse_not(parser, false);
    parser->depth--;
    check_condition(parser, operand);
    return ddb_node_join(parser->arena, DDB_NODE_NOT, operand, NULL);
}

/* A chain of AND or OR becomes one node, however long: so trees are no deeper than the text nests.
 */
static struct ddb_node *parse_chain(struct ddb_parser *parser, enum ddb_node_type type,
                                    bool may_be_bare,
                                    struct ddb_node *(*parse)(struct ddb_parser *, bool))
{
    const char *word = type == DDB_NODE_AND ? "AND" : "OR";
    struct vec args;
    struct ddb_node *node = parse(parser, may_be_bare);
    if (parser->has_failed || !ddb_is_word(parser, word))
        return node;
    vec_init(&args, parser->arena, sizeof(struct ddb_node *));
    check_condition(parser, node);
    *(struct ddb_node **)vec_push(&args) = node;
    while (!parser->has_failed && ddb_is_word(parser, word)) {
        parser->at++;
        parser->operator_count++;
        node = parse(parser, false);
        check_condition(parser, node);
        *(struct ddb_node **)vec_push(&args) = node;
    }
    struct ddb_node *chain = ddb_node_new(parser->arena, type, 0);
    chain->args = args.items;
    chain->arg_count = args.count;
    return chain;
}

static struct ddb_node *parse_and(struct ddb_parser *parser, bool may_be_bare)
{
    return parse_chain(parser, DDB_NODE_AND, may_be_bare, parse_not);
}

static struct ddb_node *parse_or(struct ddb_parser *parser, bool may_be_bare)
{
    if (!ddb_enter(parser))
        return ddb_node_new(parser->arena, DDB_NODE_VALUE, 0);
    struct ddb_node *node = parse_chain(parser, DDB_NODE_OR, may_be_bare, parse_and);
    parser->depth--;
    return node;
}

/* The first mistake of those kinds, in that order. */
static int report(struct ddb_parser *parser, const char *what, const enum ddb_mistake *kinds,
                  size_t count)
{
    if (parser->has_failed)
        return ddb_refuse_expression(parser->expressions, what, parser->syntax);
    if (parser->operator_count > DDB_OPERATORS_MAX)
        return ddb_refuse_expression(
            parser->expressions, what,
            str_format(parser->arena,
                       "The expression contains more operators and functions than allowed; "
                       "operator count: %zu",
                       parser->operator_count));
    for (size_t i = 0; i < count; i++)
        if (str_is_set(parser->mistakes[kinds[i]]))
            return ddb_refuse_expression(parser->expressions, what, parser->mistakes[kinds[i]]);
    return 0;
}

static void expect_end(struct ddb_parser *parser)
{
    if (!parser->has_failed && ddb_peek(parser)->type != DDB_TOKEN_END)
        ddb_syntax_error(parser);
}

int ddb_parse_condition(struct ddb_expressions *expressions, const char *what, struct str text,
                        struct ddb_node **out)
{
    static const enum ddb_mistake order[] = {
        DDB_MISTAKE_PARENTHESES,
        DDB_MISTAKE_UNKNOWN_FUNCTION,
        DDB_MISTAKE_MISUSED_FUNCTION,
        DDB_MISTAKE_RESERVED,
    };
    struct ddb_parser parser;
    int rc = ddb_check_text(expressions, what, text);
    if (rc < 0)
        return rc;
    ddb_parser_init(&parser, expressions, DDB_GRAMMAR_CONDITION, text);
    struct ddb_node *node = parse_or(&parser, false);
    check_condition(&parser, node);
    expect_end(&parser);
    rc = report(&parser, what, order, ARRAY_LEN(order));
    if (rc == 0)
        rc = ddb_check_condition(expressions, what, node);
    if (rc == 0)
        *out = node;
    return rc;
}

/* ---- projections ---- */

int ddb_parse_projection(struct ddb_expressions *expressions, struct str text,
                         struct ddb_paths *out)
{
    static const enum ddb_mistake order[] = {DDB_MISTAKE_RESERVED, DDB_MISTAKE_NAME};
    static const char what[] = "ProjectionExpression";
    struct ddb_parser parser;
    struct vec paths;
    int rc = ddb_check_text(expressions, what, text);
    if (rc < 0)
        return rc;
    ddb_parser_init(&parser, expressions, DDB_GRAMMAR_PROJECTION, text);
    vec_init(&paths, expressions->arena, sizeof(struct ddb_path));
    do {
        *(struct ddb_path *)vec_push(&paths) = ddb_parse_path(&parser)->path;
    } while (ddb_take_symbol(&parser, ","));
    expect_end(&parser);
    rc = report(&parser, what, order, ARRAY_LEN(order));
    if (rc < 0)
        return rc;
    const struct ddb_paths found = {.items = paths.items, .count = paths.count};
    rc = ddb_check_paths(expressions, what, &found);
    if (rc == 0)
        *out = found;
    return rc;
}

/* ---- updates ---- */

static struct ddb_node *parse_set_value(struct ddb_parser *parser)
{
    struct ddb_node *left = ddb_parse_operand(parser);
    if (parser->has_failed || (!ddb_is_symbol(parser, "+") && !ddb_is_symbol(parser, "-")))
        return left;
    struct ddb_node *node = ddb_node_join(parser->arena, DDB_NODE_FUNCTION, left, left);
    node->text = ddb_peek(parser)->text;
    node->function = ddb_is_symbol(parser, "+") ? DDB_PLUS : DDB_MINUS;
    parser->operator_count++;
    parser->at++;
    node->args[1] = ddb_parse_operand(parser);
    return node;
}

/* "(" value ")" around all of it, or the value. */
static struct ddb_node *parse_set_group(struct ddb_parser *parser)
{
    const size_t start = parser->at;
    if (ddb_take_symbol(parser, "(")) {
        struct ddb_node *node = parse_set_value(parser);
        if (!parser->has_failed && node->type == DDB_NODE_FUNCTION && node->arg_count == 2 &&
            (node->function == DDB_PLUS || node->function == DDB_MINUS)) {
            ddb_expect_symbol(parser, ")");
            return node;
        }
        if (parser->has_failed)
            return node;
        parser->at = start; /* a grouped operand: more may follow */
    }
    return parse_set_value(parser);
}

static void parse_actions(struct ddb_parser *parser, enum ddb_action_type type, struct vec *actions)
{
    do {
        struct ddb_action action = {.type = type};
        action.path = ddb_parse_path(parser)->path;
        if (type == DDB_SET && ddb_expect_symbol(parser, "="))
            action.value = parse_set_group(parser);
        if (type == DDB_ADD || type == DDB_DELETE) {
            if (!parser->has_failed && ddb_peek(parser)->type == DDB_TOKEN_VALUE)
                action.value = ddb_parse_operand(parser);
            else
                ddb_syntax_error(parser);
        }
        *(struct ddb_action *)vec_push(actions) = action;
    } while (ddb_take_symbol(parser, ","));
}

static const char *const section_words[] = {
    [DDB_SET] = "SET", [DDB_REMOVE] = "REMOVE", [DDB_ADD] = "ADD", [DDB_DELETE] = "DELETE"};

static void parse_sections(struct ddb_parser *parser, struct vec *actions)
{
    bool is_seen[ARRAY_LEN(section_words)] = {false};
    do {
        size_t type = 0;
        while (type < ARRAY_LEN(section_words) && !ddb_is_word(parser, section_words[type]))
            type++;
        if (type == ARRAY_LEN(section_words)) {
            ddb_syntax_error(parser);
            return;
        }
        if (is_seen[type])
            ddb_note_mistake(parser, DDB_MISTAKE_SECTION,
                             str_format(parser->arena,
                                        "The \"%s\" section can only be used once in an update "
                                        "expression;",
                                        section_words[type]));
        is_seen[type] = true;
        parser->at++;
        parse_actions(parser, (enum ddb_action_type)type, actions);
    } while (!parser->has_failed && ddb_peek(parser)->type != DDB_TOKEN_END);
}

int ddb_parse_update(struct ddb_expressions *expressions, struct str text, struct ddb_update *out)
{
    static const enum ddb_mistake order[] = {
        DDB_MISTAKE_RESERVED, DDB_MISTAKE_UNKNOWN_FUNCTION, DDB_MISTAKE_SECTION, DDB_MISTAKE_NAME,
        DDB_MISTAKE_VALUE,
    };
    static const char what[] = "UpdateExpression";
    struct ddb_parser parser;
    struct vec actions;
    int rc = ddb_check_text(expressions, what, text);
    if (rc < 0)
        return rc;
    ddb_parser_init(&parser, expressions, DDB_GRAMMAR_UPDATE, text);
    vec_init(&actions, expressions->arena, sizeof(struct ddb_action));
    parse_sections(&parser, &actions);
    rc = report(&parser, what, order, ARRAY_LEN(order));
    if (rc < 0)
        return rc;
    const struct ddb_update update = {.items = actions.items, .count = actions.count};
    rc = ddb_check_update(expressions, &update);
    if (rc == 0)
        *out = update;
    return rc;
}
