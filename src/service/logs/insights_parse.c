/* insights_parse.c — from the text of a query to its commands.
 *
 * A lexer with one token of look-ahead and a parser by recursive descent; a slash begins a regular
 * expression only where one may stand (behind like, =~ and in parse).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "service/logs/insights.h"

enum token_kind {
    TOKEN_END,
    TOKEN_NAME,
    TOKEN_FIELD, /* `quoted` */
    TOKEN_TEXT,
    TOKEN_NUMBER,
    TOKEN_DURATION, /* 5m */
    TOKEN_SYMBOL,
    TOKEN_BAD,
};

struct token {
    enum token_kind kind;
    struct str text;
    size_t start;
    size_t end;
};

struct parser {
    struct arena *arena;
    struct str text;
    size_t at;
    struct token token;
    size_t depth;
    size_t node_count;
    struct insights_error *error;
    bool has_failed;
    struct vec *aggregates; /* of the stats command being read */
};

/* --- tokens --- */

static bool is_name_char(char c, bool is_first)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '@' ||
           (!is_first && ((c >= '0' && c <= '9') || c == '.')) || (unsigned char)c >= 0x80;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static char char_at(const struct parser *parser, size_t at)
{
    return at < parser->text.len ? parser->text.ptr[at] : '\0';
}

static void skip_blank(struct parser *parser)
{
    for (;;) {
        while (parser->at < parser->text.len && strchr(" \t\r\n", parser->text.ptr[parser->at]))
            parser->at++;
        if (char_at(parser, parser->at) != '#')
            return;
        while (parser->at < parser->text.len && parser->text.ptr[parser->at] != '\n')
            parser->at++;
    }
}

/* A text between quotes, escapes undone; of a regular expression they stay, but for the slash. */
static bool read_until(struct parser *parser, char quote, bool keeps_escapes, struct str *out)
{
    char *text = arena_alloc_text(parser->arena, parser->text.len - parser->at + 1);
    size_t len = 0;
    while (parser->at < parser->text.len && parser->text.ptr[parser->at] != quote) {
        char c = parser->text.ptr[parser->at++];
        if (c == '\\' && parser->at < parser->text.len) {
            char next = parser->text.ptr[parser->at++];
            if (keeps_escapes && next != quote)
                text[len++] = c;
            c = next;
        }
        text[len++] = c;
    }
    *out = str_of(text, len);
    return char_at(parser, parser->at) == quote && parser->at++ < parser->text.len;
}

static void read_word(struct parser *parser, struct token *token)
{
    char first = char_at(parser, parser->at);
    bool is_number = is_digit(first);
    if (is_number) {
        while (is_digit(char_at(parser, parser->at)) || char_at(parser, parser->at) == '.')
            parser->at++;
        token->kind = TOKEN_NUMBER;
        while (is_name_char(char_at(parser, parser->at), true)) {
            token->kind = TOKEN_DURATION;
            parser->at++;
        }
    } else {
        while (is_name_char(char_at(parser, parser->at), false))
            parser->at++;
        token->kind = TOKEN_NAME;
    }
    token->text = str_slice(parser->text, token->start, parser->at - token->start);
}

static void advance(struct parser *parser)
{
    static const char *const symbols[] = {"!=", "<=", ">=", "=~", "=", "<", ">", "+", "-", "*",
                                          "/",  "^",  "%",  "(",  ")", ",", "|", "[", "]"};
    skip_blank(parser);
    struct token token = {.kind = TOKEN_BAD, .start = parser->at};
    char c = char_at(parser, parser->at);
    if (parser->at >= parser->text.len) {
        token.kind = TOKEN_END;
    } else if (c == '"' || c == '\'' || c == '`') {
        parser->at++;
        token.kind = read_until(parser, c, false, &token.text)
                         ? (c == '`' ? TOKEN_FIELD : TOKEN_TEXT)
                         : TOKEN_BAD;
    } else if (is_name_char(c, true) || is_digit(c)) {
        read_word(parser, &token);
    } else {
        for (size_t i = 0; i < ARRAY_LEN(symbols) && token.kind == TOKEN_BAD; i++) {
            struct str symbol = str_from_cstr(symbols[i]);
            if (!str_starts_with(str_from(parser->text, parser->at), symbol))
                continue;
            token.kind = TOKEN_SYMBOL;
            token.text = symbol;
            parser->at += symbol.len;
        }
        parser->at += token.kind == TOKEN_BAD;
    }
    token.end = parser->at;
    parser->token = token;
}

static void *fail(struct parser *parser, const char *message)
{
    if (!parser->has_failed)
        *parser->error = (struct insights_error){.start = parser->token.start,
                                                 .end = parser->token.end,
                                                 .message = str_from_cstr(message)};
    parser->has_failed = true;
    return NULL;
}

static bool is_symbol(const struct parser *parser, const char *text)
{
    return parser->token.kind == TOKEN_SYMBOL && str_eq_cstr(parser->token.text, text);
}

static bool is_word(const struct parser *parser, const char *word)
{
    return parser->token.kind == TOKEN_NAME &&
           str_eq_nocase(parser->token.text, str_from_cstr(word));
}

static bool take_symbol(struct parser *parser, const char *text)
{
    bool is_there = is_symbol(parser, text);
    if (is_there)
        advance(parser);
    return is_there;
}

static bool take_word(struct parser *parser, const char *word)
{
    bool is_there = is_word(parser, word);
    if (is_there)
        advance(parser);
    return is_there;
}

/* --- expressions --- */

static struct insights_node *read_expression(struct parser *parser);

static struct insights_node *new_node(struct parser *parser, enum insights_node_kind kind,
                                      size_t arg_count)
{
    if (++parser->node_count > INSIGHTS_MAX_NODES)
        return fail(parser, "the query is too long");
    struct insights_node *node = arena_alloc(parser->arena, sizeof(*node));
    node->kind = kind;
    node->args = arena_alloc_array(parser->arena, arg_count + 1, sizeof(struct insights_node *));
    node->arg_count = arg_count;
    return node;
}

static struct insights_node *new_binary(struct parser *parser, struct str name,
                                        struct insights_node *left, struct insights_node *right)
{
    struct insights_node *node = left && right ? new_node(parser, INSIGHTS_BINARY, 2) : NULL;
    if (!node)
        return NULL;
    node->name = name;
    node->args[0] = left;
    node->args[1] = right;
    return node;
}

static struct insights_node *new_text(struct parser *parser, struct str text)
{
    struct insights_node *node = new_node(parser, INSIGHTS_CONSTANT, 0);
    if (node)
        node->value = (struct insights_value){.kind = INSIGHTS_TEXT, .text = text};
    return node;
}

/* The look-ahead is the slash that opens it. */
static struct insights_node *read_regex(struct parser *parser)
{
    struct str text = {0};
    parser->at = parser->token.start + 1;
    if (!read_until(parser, '/', true, &text))
        return fail(parser, "the regular expression has no end");
    struct insights_node *node = new_node(parser, INSIGHTS_REGEX, 0);
    if (!node)
        return NULL;
    node->regex = insights_compile(parser->arena, text);
    node->value.text = text;
    if (!node->regex)
        return fail(parser, "this is no regular expression");
    advance(parser);
    return node;
}

static bool is_aggregate(struct str name)
{
    static const char *const names[] = {
        "count",  "count_distinct", "sum",    "avg",    "min",        "max",       "pct",
        "stddev", "earliest",       "latest", "median", "sortsfirst", "sortslast",
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (str_eq_nocase(name, str_from_cstr(names[i])))
            return true;
    }
    return false;
}

/* Arguments in parentheses; "*" is none. */
static struct insights_node *read_call(struct parser *parser, struct str name)
{
    struct vec args;
    vec_init(&args, parser->arena, sizeof(struct insights_node *));
    advance(parser);
    (void)(is_symbol(parser, "*") && take_symbol(parser, "*"));
    while (!take_symbol(parser, ")")) {
        if (args.count > 0 && !take_symbol(parser, ","))
            return fail(parser, "a comma or a parenthesis is missing");
        struct insights_node *arg = read_expression(parser);
        if (!arg)
            return NULL;
        *(struct insights_node **)vec_push(&args) = arg;
    }
    bool aggregates = parser->aggregates && is_aggregate(name);
    struct insights_node *node =
        new_node(parser, aggregates ? INSIGHTS_AGGREGATE : INSIGHTS_CALL, 0);
    if (!node)
        return NULL;
    node->name = str_lower(parser->arena, name);
    node->args = args.items;
    node->arg_count = args.count;
    if (aggregates) {
        node->slot = parser->aggregates->count;
        *(struct insights_node **)vec_push(parser->aggregates) = node;
    }
    return node;
}

static struct insights_node *read_number(struct parser *parser)
{
    struct insights_node *node = new_node(parser, INSIGHTS_CONSTANT, 0);
    if (!node)
        return NULL;
    const char *text = str_to_cstr(parser->arena, parser->token.text);
    bool is_duration = parser->token.kind == TOKEN_DURATION;
    node->value = (struct insights_value){.kind = is_duration ? INSIGHTS_TEXT : INSIGHTS_NUMBER,
                                          .text = parser->token.text,
                                          .number = strtod(text, NULL)};
    advance(parser);
    return node;
}

static struct insights_node *read_primary(struct parser *parser)
{
    struct token token = parser->token;
    struct insights_node *node = NULL;
    if (take_symbol(parser, "(")) {
        if (++parser->depth > INSIGHTS_MAX_DEPTH)
            return fail(parser, "the query is too deep");
        node = read_expression(parser);
        parser->depth--;
        return !node || take_symbol(parser, ")") ? node : fail(parser, "a parenthesis is missing");
    }
    if (token.kind == TOKEN_NUMBER || token.kind == TOKEN_DURATION)
        return read_number(parser);
    if (is_symbol(parser, "/"))
        return read_regex(parser);
    if (token.kind == TOKEN_TEXT) {
        advance(parser);
        return new_text(parser, token.text);
    }
    if (token.kind != TOKEN_NAME && token.kind != TOKEN_FIELD)
        return fail(parser, "a field, a function or a value is missing");
    advance(parser);
    if (token.kind == TOKEN_NAME && is_symbol(parser, "("))
        return read_call(parser, token.text);
    node = new_node(parser, INSIGHTS_FIELD, 0);
    if (node)
        node->name = token.text;
    return node;
}

static struct insights_node *read_unary(struct parser *parser)
{
    bool is_not = is_word(parser, "not");
    if (!is_not && !is_symbol(parser, "-"))
        return read_primary(parser);
    if (++parser->depth > INSIGHTS_MAX_DEPTH)
        return fail(parser, "the query is too deep");
    advance(parser);
    struct insights_node *node = new_node(parser, is_not ? INSIGHTS_NOT : INSIGHTS_NEGATE, 1);
    struct insights_node *operand = node ? read_unary(parser) : NULL;
    parser->depth--;
    if (!operand)
        return NULL;
    node->args[0] = operand;
    return node;
}

/* Operators by how much they bind, loosest last. */
static struct insights_node *read_level(struct parser *parser, int level)
{
    static const char *const levels[][3] = {{"^"}, {"*", "/", "%"}, {"+", "-"}};
    if (level < 0)
        return read_unary(parser);
    struct insights_node *left = read_level(parser, level - 1);
    while (left && parser->token.kind == TOKEN_SYMBOL) {
        struct str name = parser->token.text;
        bool is_mine = false;
        for (size_t i = 0; i < ARRAY_LEN(levels[0]); i++)
            is_mine |= levels[level][i] && str_eq_cstr(name, levels[level][i]);
        if (!is_mine)
            break;
        advance(parser);
        left = new_binary(parser, name, left, read_level(parser, level - 1));
    }
    return left;
}

static struct insights_node *read_list(struct parser *parser, struct insights_node *left,
                                       bool is_negated)
{
    struct vec args;
    vec_init(&args, parser->arena, sizeof(struct insights_node *));
    *(struct insights_node **)vec_push(&args) = left;
    if (!take_symbol(parser, "["))
        return fail(parser, "a list in brackets is missing");
    while (!take_symbol(parser, "]")) {
        if (args.count > 1 && !take_symbol(parser, ","))
            return fail(parser, "a comma or a bracket is missing");
        struct insights_node *item = read_level(parser, 2);
        if (!item)
            return NULL;
        *(struct insights_node **)vec_push(&args) = item;
    }
    struct insights_node *node = new_node(parser, INSIGHTS_IN, 0);
    if (!node)
        return NULL;
    node->is_negated = is_negated;
    node->args = args.items;
    node->arg_count = args.count;
    return node;
}

static struct insights_node *read_like(struct parser *parser, struct insights_node *left,
                                       bool is_negated)
{
    struct insights_node *right = read_primary(parser);
    struct insights_node *node = right ? new_node(parser, INSIGHTS_LIKE, 2) : NULL;
    if (!node)
        return NULL;
    node->is_negated = is_negated;
    node->args[0] = left;
    node->args[1] = right;
    return node;
}

static struct insights_node *read_comparison(struct parser *parser)
{
    static const char *const operators[] = {"=", "!=", "<", "<=", ">", ">="};
    struct insights_node *left = read_level(parser, 2);
    if (!left)
        return NULL;
    if (take_symbol(parser, "=~") || take_word(parser, "like"))
        return read_like(parser, left, false);
    if (take_word(parser, "in"))
        return read_list(parser, left, false);
    if (take_word(parser, "not")) {
        if (take_word(parser, "like"))
            return read_like(parser, left, true);
        return take_word(parser, "in") ? read_list(parser, left, true)
                                       : fail(parser, "like or in is missing");
    }
    for (size_t i = 0; i < ARRAY_LEN(operators); i++) {
        if (take_symbol(parser, operators[i]))
            return new_binary(parser, str_from_cstr(operators[i]), left, read_level(parser, 2));
    }
    return left;
}

static struct insights_node *read_logic(struct parser *parser, bool is_or)
{
    struct insights_node *left = is_or ? read_logic(parser, false) : read_comparison(parser);
    while (left && take_word(parser, is_or ? "or" : "and"))
        left = new_binary(parser, is_or ? STR("or") : STR("and"), left,
                          is_or ? read_logic(parser, false) : read_comparison(parser));
    return left;
}

static struct insights_node *read_expression(struct parser *parser)
{
    if (++parser->depth > INSIGHTS_MAX_DEPTH)
        return fail(parser, "the query is too deep");
    struct insights_node *node = read_logic(parser, true);
    parser->depth--;
    return node;
}

/* --- commands --- */

static bool is_end(const struct parser *parser)
{
    return parser->token.kind == TOKEN_END || is_symbol(parser, "|");
}

/* Expressions with aliases, up to the end of the command or "by". */
static void read_items(struct parser *parser, const struct insights_item **out, size_t *out_count)
{
    struct vec items;
    vec_init(&items, parser->arena, sizeof(struct insights_item));
    do {
        size_t start = parser->token.start;
        struct insights_node *node = read_expression(parser);
        if (!node)
            return;
        size_t end = parser->token.start;
        struct insights_item item = {
            .node = node,
            .name = str_trim(str_slice(parser->text, start, end - start)),
        };
        if (node->kind == INSIGHTS_FIELD)
            item.name = node->name;
        if (take_word(parser, "as")) {
            item.name = parser->token.text;
            if (parser->token.kind != TOKEN_NAME && parser->token.kind != TOKEN_FIELD)
                (void)fail(parser, "a name is missing behind as");
            advance(parser);
        }
        if (take_word(parser, "desc"))
            item.is_descending = true;
        else
            (void)take_word(parser, "asc");
        *(struct insights_item *)vec_push(&items) = item;
        (void)(is_end(parser) || is_word(parser, "by") || is_symbol(parser, ",") ||
               parser->token.kind == TOKEN_NAME || parser->token.kind == TOKEN_FIELD ||
               fail(parser, "this does not belong here"));
    } while (!parser->has_failed &&
             (take_symbol(parser, ",") || (!is_end(parser) && !is_word(parser, "by"))));
    *out = items.items;
    *out_count = items.count;
}

static void read_stats(struct parser *parser, struct insights_command *command)
{
    struct vec aggregates;
    vec_init(&aggregates, parser->arena, sizeof(struct insights_node *));
    parser->aggregates = &aggregates;
    read_items(parser, &command->items, &command->item_count);
    parser->aggregates = NULL;
    command->aggregates = aggregates.items;
    command->aggregate_count = aggregates.count;
    if (!parser->has_failed && take_word(parser, "by"))
        read_items(parser, &command->by, &command->by_count);
}

static void read_names(struct parser *parser, struct insights_command *command)
{
    struct vec names;
    vec_init(&names, parser->arena, sizeof(struct str));
    while (!is_end(parser) && !parser->has_failed) {
        if (parser->token.kind != TOKEN_NAME && parser->token.kind != TOKEN_FIELD)
            (void)fail(parser, "a name is missing");
        *(struct str *)vec_push(&names) = parser->token.text;
        advance(parser);
        (void)take_symbol(parser, ",");
    }
    command->names = names.items;
    command->name_count = names.count;
}

/* parse FIELD "a * b" as x   or   parse FIELD /(?<x>...)/; without a field: @message. */
static void read_parse(struct parser *parser, struct insights_command *command)
{
    if (parser->token.kind == TOKEN_TEXT || is_symbol(parser, "/")) {
        command->node = new_node(parser, INSIGHTS_FIELD, 0);
        if (command->node)
            command->node->name = STR("@message");
    } else {
        command->node = read_primary(parser);
    }
    if (!command->node)
        return;
    if (is_symbol(parser, "/")) {
        const struct insights_node *regex = read_regex(parser);
        if (regex)
            command->regex = regex->regex;
        if (regex)
            command->name_count =
                insights_group_names(parser->arena, regex->regex, &command->names);
        return;
    }
    size_t stars = 0;
    command->pattern = parser->token.text;
    if (parser->token.kind != TOKEN_TEXT)
        (void)fail(parser, "a pattern is missing");
    for (size_t i = 0; i < command->pattern.len; i++)
        stars += command->pattern.ptr[i] == '*';
    advance(parser);
    if (!take_word(parser, "as"))
        (void)fail(parser, "as is missing");
    read_names(parser, command);
    if (!parser->has_failed && command->name_count != stars)
        (void)fail(parser, "there must be as many names as asterisks");
}

static void read_limit(struct parser *parser, struct insights_command *command)
{
    if (parser->token.kind != TOKEN_NUMBER || str_to_i64(parser->token.text, &command->limit) < 0)
        (void)fail(parser, "a number is missing");
    advance(parser);
}

static void read_command(struct parser *parser, struct insights_command *command)
{
    static const struct {
        const char *word;
        enum insights_command_kind kind;
    } words[] = {
        {"fields", INSIGHTS_FIELDS}, {"display", INSIGHTS_DISPLAY}, {"filter", INSIGHTS_FILTER},
        {"stats", INSIGHTS_STATS},   {"sort", INSIGHTS_SORT},       {"limit", INSIGHTS_LIMIT},
        {"head", INSIGHTS_LIMIT},    {"parse", INSIGHTS_PARSE},     {"dedup", INSIGHTS_DEDUP},
        {"unmask", INSIGHTS_UNMASK}, {"order", INSIGHTS_SORT},      {"where", INSIGHTS_FILTER},
    };
    size_t index = 0;
    while (index < ARRAY_LEN(words) && !is_word(parser, words[index].word))
        index++;
    if (index == ARRAY_LEN(words)) {
        (void)fail(parser, "this is no command");
        return;
    }
    bool is_order = is_word(parser, "order");
    command->kind = words[index].kind;
    advance(parser);
    if (is_order)
        (void)take_word(parser, "by");
    if (command->kind == INSIGHTS_FILTER)
        command->node = read_expression(parser);
    else if (command->kind == INSIGHTS_STATS)
        read_stats(parser, command);
    else if (command->kind == INSIGHTS_LIMIT)
        read_limit(parser, command);
    else if (command->kind == INSIGHTS_PARSE)
        read_parse(parser, command);
    else
        read_items(parser, &command->items, &command->item_count);
}

int insights_parse(struct arena *arena, struct str text, struct insights_query *out_query,
                   struct insights_error *out_error)
{
    struct parser parser = {.arena = arena, .text = str_copy(arena, text), .error = out_error};
    struct vec commands;
    vec_init(&commands, arena, sizeof(struct insights_command));
    advance(&parser);
    while (parser.token.kind != TOKEN_END && !parser.has_failed) {
        if (take_symbol(&parser, "|"))
            continue;
        read_command(&parser, vec_push(&commands));
        if (!parser.has_failed && !is_end(&parser))
            (void)fail(&parser, "this does not belong here");
    }
    out_query->commands = commands.items;
    out_query->count = commands.count;
    return parser.has_failed ? -EINVAL : 0;
}
