/* parser.c — tokens, paths and operands of DynamoDB's expressions.
 *
 * OBSERVED: a syntax error shows the token at which it stopped and the source from the token before
 * it to the one behind: `Syntax error; token: "-", near: "a-b"` (floci-io/floci #1512, real AWS),
 * `token: "<EOF>", near: "foo"`, `token: ":", near: "hits : incr"` (aws/aws-cdk #7591).
 */
#include "service/dynamodb/parser.h"

#include <errno.h>

#include "base/arena.h"

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_part(char c)
{
    return is_letter(c) || is_digit(c) || c == '_';
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static size_t run_length(struct str source, size_t start)
{
    size_t end = start;
    while (end < source.len && is_part(source.ptr[end]))
        end++;
    return end - start;
}

/* The token that starts at `at`. */
static struct ddb_token next_token(struct str source, size_t at)
{
    const char c = source.ptr[at];
    const char next = at + 1 < source.len ? source.ptr[at + 1] : '\0';
    size_t len = 1;
    enum ddb_token_type type = DDB_TOKEN_INVALID;
    if (is_letter(c)) {
        type = DDB_TOKEN_WORD;
        len = run_length(source, at);
    } else if (is_digit(c)) {
        type = DDB_TOKEN_NUMBER;
        while (at + len < source.len && is_digit(source.ptr[at + len]))
            len++;
    } else if ((c == '#' || c == ':') && is_part(next)) {
        type = c == '#' ? DDB_TOKEN_NAME : DDB_TOKEN_VALUE;
        len = 1 + run_length(source, at + 1);
    } else if (str_index(STR("()[].,+-=<>"), c) >= 0) {
        type = DDB_TOKEN_SYMBOL;
        len = (c == '<' && (next == '>' || next == '=')) || (c == '>' && next == '=') ? 2 : 1;
    }
    return (struct ddb_token){.type = type, .text = str_slice(source, at, len)};
}

void ddb_parser_init(struct ddb_parser *parser, struct ddb_expressions *expressions,
                     enum ddb_grammar grammar, struct str source)
{
    *parser = (struct ddb_parser){.expressions = expressions,
                                  .arena = expressions->arena,
                                  .grammar = grammar,
                                  .source = source};
    struct vec tokens;
    vec_init(&tokens, parser->arena, sizeof(struct ddb_token));
    size_t at = 0;
    while (at < source.len) {
        if (is_space(source.ptr[at])) {
            at++;
            continue;
        }
        struct ddb_token token = next_token(source, at);
        *(struct ddb_token *)vec_push(&tokens) = token;
        at += token.text.len;
    }
    *(struct ddb_token *)vec_push(&tokens) =
        (struct ddb_token){.type = DDB_TOKEN_END, .text = str_from(source, source.len)};
    parser->tokens = tokens.items;
}

const struct ddb_token *ddb_peek(const struct ddb_parser *parser)
{
    return &parser->tokens[parser->at];
}

bool ddb_is_symbol(const struct ddb_parser *parser, const char *symbol)
{
    const struct ddb_token *token = ddb_peek(parser);
    return token->type == DDB_TOKEN_SYMBOL && str_eq_cstr(token->text, symbol);
}

bool ddb_is_word(const struct ddb_parser *parser, const char *word)
{
    const struct ddb_token *token = ddb_peek(parser);
    return token->type == DDB_TOKEN_WORD && str_eq_nocase(token->text, str_from_cstr(word));
}

bool ddb_take_symbol(struct ddb_parser *parser, const char *symbol)
{
    bool is_there = !parser->has_failed && ddb_is_symbol(parser, symbol);
    parser->at += is_there;
    return is_there;
}

bool ddb_expect_symbol(struct ddb_parser *parser, const char *symbol)
{
    bool is_there = ddb_take_symbol(parser, symbol);
    if (!is_there)
        ddb_syntax_error(parser);
    return is_there;
}

void ddb_syntax_error(struct ddb_parser *parser)
{
    if (parser->has_failed)
        return;
    parser->has_failed = true;
    const struct ddb_token *token = ddb_peek(parser);
    const bool is_end = token->type == DDB_TOKEN_END;
    const struct ddb_token *first = parser->at > 0 ? token - 1 : token;
    const struct ddb_token *last = is_end                           ? first
                                   : token[1].type == DDB_TOKEN_END ? token
                                                                    : token + 1;
    const char *end = last->text.ptr + last->text.len;
    const struct str near = str_of(first->text.ptr, (size_t)(end - first->text.ptr));
    parser->syntax =
        str_format(parser->arena, "Syntax error; token: \"" STR_FMT "\", near: \"" STR_FMT "\"",
                   STR_ARG(is_end ? STR("<EOF>") : token->text), STR_ARG(near));
}

void ddb_note_mistake(struct ddb_parser *parser, enum ddb_mistake mistake, struct str text)
{
    if (!str_is_set(parser->mistakes[mistake]))
        parser->mistakes[mistake] = text;
}

bool ddb_enter(struct ddb_parser *parser)
{
    if (parser->depth++ < DDB_EXPRESSION_DEPTH_MAX)
        return true;
    ddb_syntax_error(parser);
    return false;
}

int ddb_refuse_expression(struct ddb_expressions *expressions, const char *what, struct str text)
{
    expressions->message =
        str_format(expressions->arena, "Invalid %s: " STR_FMT, what, STR_ARG(text));
    return -EINVAL;
}

int ddb_check_text(struct ddb_expressions *expressions, const char *what, struct str text)
{
    if (text.len == 0)
        return ddb_refuse_expression(expressions, what, STR("The expression can not be empty;"));
    if (text.len <= DDB_EXPRESSION_MAX)
        return 0;
    return ddb_refuse_expression(
        expressions, what,
        str_format(expressions->arena,
                   "Expression size has exceeded the maximum allowed size; expression size: %zu",
                   text.len));
}

/* ---- placeholders ---- */

static struct str resolve_name(struct ddb_parser *parser, struct str placeholder)
{
    const struct dynamodb_expression_attribute_name_map *names = parser->expressions->names;
    for (size_t i = 0; names && i < names->count; i++) {
        if (str_eq(names->items[i].key, placeholder)) {
            parser->expressions->name_is_used[i] = true;
            return names->items[i].value;
        }
    }
    ddb_note_mistake(parser, DDB_MISTAKE_NAME,
                     str_format(parser->arena,
                                "An expression attribute name used in the document path is not "
                                "defined; attribute name: " STR_FMT,
                                STR_ARG(placeholder)));
    return (struct str){0};
}

static struct ddb_node *parse_value(struct ddb_parser *parser)
{
    struct ddb_expressions *expressions = parser->expressions;
    struct ddb_node *node = ddb_node_new(parser->arena, DDB_NODE_VALUE, 0);
    node->text = ddb_peek(parser)->text;
    parser->at++;
    const struct ddb_value *value = ddb_map_find(&expressions->values, node->text);
    if (value) {
        expressions->value_is_used[value - expressions->values.items] = true;
        node->value = *value;
        node->value.name = (struct str){0};
        return node;
    }
    node->is_undefined = true;
    ddb_note_mistake(parser, DDB_MISTAKE_VALUE,
                     str_format(parser->arena,
                                "An expression attribute value used in expression is not defined; "
                                "attribute value: " STR_FMT,
                                STR_ARG(node->text)));
    return node;
}

/* ---- paths ---- */

static bool is_keyword(const struct ddb_parser *parser)
{
    static const char *const condition_words[] = {"AND", "OR", "NOT", "BETWEEN", "IN"};
    static const char *const update_words[] = {"SET", "REMOVE", "ADD", "DELETE"};
    for (size_t i = 0; parser->grammar == DDB_GRAMMAR_CONDITION && i < ARRAY_LEN(condition_words);
         i++)
        if (ddb_is_word(parser, condition_words[i]))
            return true;
    for (size_t i = 0; parser->grammar == DDB_GRAMMAR_UPDATE && i < ARRAY_LEN(update_words); i++)
        if (ddb_is_word(parser, update_words[i]))
            return true;
    return false;
}

/* A member's name, literal or by placeholder. */
static bool parse_member(struct ddb_parser *parser, struct ddb_node *path, struct vec *steps)
{
    const struct ddb_token *token = ddb_peek(parser);
    struct ddb_step step = {.name = token->text};
    if (token->type == DDB_TOKEN_NAME) {
        step.name = resolve_name(parser, token->text);
        if (!str_is_set(step.name)) {
            if (!path->is_undefined)
                path->text = token->text;
            path->is_undefined = true;
            step.name = token->text;
        }
    } else if (token->type != DDB_TOKEN_WORD || is_keyword(parser)) {
        ddb_syntax_error(parser);
        return false;
    } else if (ddb_is_reserved(token->text)) {
        ddb_note_mistake(
            parser, DDB_MISTAKE_RESERVED,
            str_format(parser->arena,
                       "Attribute name is a reserved keyword; reserved keyword: " STR_FMT,
                       STR_ARG(token->text)));
    }
    parser->at++;
    *(struct ddb_step *)vec_push(steps) = step;
    return true;
}

/* "[12]", the bracket being taken already. An index beyond 32 bits finds nothing anyway. */
static void parse_index(struct ddb_parser *parser, struct vec *steps)
{
    const struct ddb_token *token = ddb_peek(parser);
    if (token->type != DDB_TOKEN_NUMBER) {
        ddb_syntax_error(parser);
        return;
    }
    int64_t index = 0;
    if (str_to_i64(token->text, &index) < 0 || index > UINT32_MAX)
        index = UINT32_MAX;
    parser->at++;
    ddb_expect_symbol(parser, "]");
    *(struct ddb_step *)vec_push(steps) = (struct ddb_step){.index = (uint32_t)index};
}

/* The steps behind the first one. */
static struct ddb_node *parse_steps(struct ddb_parser *parser, struct ddb_node *path,
                                    struct vec *steps)
{
    while (!parser->has_failed) {
        if (ddb_take_symbol(parser, "["))
            parse_index(parser, steps);
        else if (ddb_take_symbol(parser, "."))
            (void)parse_member(parser, path, steps);
        else
            break;
    }
    path->path.steps = steps->items;
    path->path.count = steps->count;
    return path;
}

struct ddb_node *ddb_parse_path(struct ddb_parser *parser)
{
    struct ddb_node *path = ddb_node_new(parser->arena, DDB_NODE_PATH, 0);
    struct vec steps;
    vec_init(&steps, parser->arena, sizeof(struct ddb_step));
    if (!parse_member(parser, path, &steps))
        return path;
    return parse_steps(parser, path, &steps);
}

/* ---- operands ---- */

static const struct {
    const char *name;
    enum ddb_function function;
    bool is_for_updates;
} functions[] = {
    {"attribute_exists", DDB_ATTRIBUTE_EXISTS, false},
    {"attribute_not_exists", DDB_ATTRIBUTE_NOT_EXISTS, false},
    {"attribute_type", DDB_ATTRIBUTE_TYPE, false},
    {"begins_with", DDB_BEGINS_WITH, false},
    {"contains", DDB_CONTAINS, false},
    {"size", DDB_SIZE, false},
    {"if_not_exists", DDB_IF_NOT_EXISTS, true},
    {"list_append", DDB_LIST_APPEND, true},
};

static enum ddb_function find_function(struct ddb_parser *parser, struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(functions); i++)
        if (functions[i].is_for_updates == (parser->grammar == DDB_GRAMMAR_UPDATE) &&
            str_eq_cstr(name, functions[i].name))
            return functions[i].function;
    ddb_note_mistake(
        parser, DDB_MISTAKE_UNKNOWN_FUNCTION,
        str_format(parser->arena, "Invalid function name; function: " STR_FMT, STR_ARG(name)));
    return DDB_FUNCTION_UNKNOWN;
}

/* name(operand, ...) */
static struct ddb_node *parse_function(struct ddb_parser *parser)
{
    struct ddb_node *node = ddb_node_new(parser->arena, DDB_NODE_FUNCTION, 0);
    node->text = ddb_peek(parser)->text;
    node->function = find_function(parser, node->text);
    parser->operator_count++;
    parser->at += 2;
    struct vec args;
    vec_init(&args, parser->arena, sizeof(struct ddb_node *));
    if (!ddb_enter(parser))
        return node;
    do {
        struct ddb_node *arg = ddb_parse_operand(parser);
        *(struct ddb_node **)vec_push(&args) = arg;
        if (parser->grammar == DDB_GRAMMAR_CONDITION && arg->type == DDB_NODE_FUNCTION &&
            arg->function != DDB_SIZE)
            ddb_note_mistake(parser, DDB_MISTAKE_MISUSED_FUNCTION,
                             str_format(parser->arena,
                                        "The function is not allowed to be used this way in an "
                                        "expression; function: " STR_FMT,
                                        STR_ARG(arg->text)));
    } while (ddb_take_symbol(parser, ","));
    parser->depth--;
    ddb_expect_symbol(parser, ")");
    node->args = args.items;
    node->arg_count = args.count;
    return node;
}

static struct ddb_node *parse_grouped(struct ddb_parser *parser)
{
    const bool is_double = ddb_take_symbol(parser, "(");
    struct ddb_node *node = NULL;
    if (!ddb_enter(parser))
        return ddb_node_new(parser->arena, DDB_NODE_VALUE, 0);
    node = ddb_parse_operand(parser);
    parser->depth--;
    ddb_expect_symbol(parser, ")");
    if (is_double && ddb_take_symbol(parser, ")"))
        ddb_note_mistake(parser, DDB_MISTAKE_PARENTHESES,
                         STR("The expression has redundant parentheses;"));
    else if (is_double)
        ddb_syntax_error(parser);
    if (node->type != DDB_NODE_PATH || (!ddb_is_symbol(parser, ".") && !ddb_is_symbol(parser, "[")))
        return node;
    struct vec steps;
    vec_init(&steps, parser->arena, sizeof(struct ddb_step));
    for (size_t i = 0; i < node->path.count; i++)
        *(struct ddb_step *)vec_push(&steps) = node->path.steps[i];
    return parse_steps(parser, node, &steps);
}

struct ddb_node *ddb_parse_operand(struct ddb_parser *parser)
{
    const struct ddb_token *token = ddb_peek(parser);
    if (parser->has_failed)
        return ddb_node_new(parser->arena, DDB_NODE_VALUE, 0);
    if (token->type == DDB_TOKEN_VALUE)
        return parse_value(parser);
    if (ddb_take_symbol(parser, "("))
        return parse_grouped(parser);
    if (token->type == DDB_TOKEN_WORD && !is_keyword(parser) && token[1].type == DDB_TOKEN_SYMBOL &&
        str_eq_cstr(token[1].text, "("))
        return parse_function(parser);
    return ddb_parse_path(parser);
}
