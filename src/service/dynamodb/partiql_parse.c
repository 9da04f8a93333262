/* partiql_parse.c — the grammar of PartiQL statements.
 *
 *   statement  SELECT ( * | path, ... ) FROM source [ WHERE or ] [ ORDER BY path [ASC|DESC], ... ]
 *              | INSERT INTO source VALUE map
 *              | UPDATE source { SET path = value | REMOVE path } [ WHERE or ] [ returning ]
 *              | DELETE FROM source [ WHERE or ] [ returning ]
 *              | EXISTS ( SELECT ... )
 *   source     name [ . name ]
 *   or         and { OR and }       and   not { AND not }       not   [ NOT ] predicate
 *   predicate  operand ( comparator operand | BETWEEN operand AND operand | IN list
 *              | IS [NOT] ( MISSING | NULL ) ) | function | ( or )
 *   value      'text' | number | TRUE | FALSE | NULL | ? | [ value, ... ] | { 'name' : value, ... }
 *              | << value, ... >>
 *
 * Names are bare words or "quoted". OBSERVED: texts as recorded by nubo-db/dynamodb-conformance
 * (partiql).
 */
#include <errno.h>

#include "base/arena.h"
#include "base/vec.h"
#include "service/dynamodb/partiql.h"

enum {
    NESTING_MAX = 200, /* of parentheses and documents; values end sooner */
};

enum token_type {
    TOKEN_WORD,
    TOKEN_NAME,   /* "quoted" */
    TOKEN_STRING, /* 'quoted' */
    TOKEN_NUMBER,
    TOKEN_SYMBOL,
    TOKEN_INVALID,
    TOKEN_END,
};

struct token {
    enum token_type type;
    struct str text; /* unquoted */
};

struct parse {
    struct arena *arena;
    struct str source;
    size_t at;          /* behind the present token */
    struct token token; /* the present one */
    const struct dynamodb_prepared_statement_parameters *parameters;
    size_t parameter_count; /* used so far */
    unsigned depth;
    bool is_assignment; /* a value of SET: other functions than in a condition */
    bool has_failed;
    struct str message;
};

/* ---- tokens ---- */

static bool is_word_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$' || c == '@';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void fail(struct parse *parse, struct str message)
{
    if (!parse->has_failed)
        parse->message = message;
    parse->has_failed = true;
}

static void malformed(struct parse *parse)
{
    if (parse->token.type == TOKEN_END)
        fail(parse, STR("Statement wasn't well formed, can't be processed: Unexpected end of "
                        "statement"));
    else
        fail(parse,
             str_format(
                 parse->arena,
                 "Statement wasn't well formed, can't be processed: Unexpected token: " STR_FMT,
                 STR_ARG(parse->token.text)));
}

/* The text between quotes that start at `at`; doubled quotes stand for one. */
static struct token quoted(struct parse *parse, char quote)
{
    struct buf text;
    buf_init(&text, parse->arena, parse->source.len);
    size_t at = parse->at + 1;
    while (at < parse->source.len) {
        const char c = parse->source.ptr[at++];
        if (c == quote) {
            if (at == parse->source.len || parse->source.ptr[at] != quote) {
                parse->at = at;
                return (struct token){.type = quote == '"' ? TOKEN_NAME : TOKEN_STRING,
                                      .text = buf_str(&text)};
            }
            at++;
        }
        buf_append_char(&text, c);
    }
    parse->at = parse->source.len;
    return (struct token){.type = TOKEN_INVALID,
                          .text = str_from(parse->source, parse->source.len)};
}

static size_t number_length(struct str source, size_t start)
{
    size_t at = start;
    while (at < source.len && (is_digit(source.ptr[at]) || source.ptr[at] == '.'))
        at++;
    if (at < source.len && (source.ptr[at] == 'e' || source.ptr[at] == 'E')) {
        size_t exponent = at + 1;
        if (exponent < source.len && (source.ptr[exponent] == '-' || source.ptr[exponent] == '+'))
            exponent++;
        while (exponent < source.len && is_digit(source.ptr[exponent]))
            at = ++exponent;
    }
    return at - start;
}

static struct token plain(struct parse *parse)
{
    static const char *const pairs[] = {"<<", ">>", "<>", "<=", ">=", "!="};
    const struct str source = parse->source;
    const char c = source.ptr[parse->at];
    const bool is_fraction = c == '.' && parse->at + 1 < source.len &&
                             is_digit(source.ptr[parse->at + 1]) &&
                             parse->token.type != TOKEN_WORD && parse->token.type != TOKEN_NAME;
    struct token token = {.type = TOKEN_INVALID};
    size_t len = 1;
    if (is_word_start(c)) {
        token.type = TOKEN_WORD;
        while (parse->at + len < source.len && (is_word_start(source.ptr[parse->at + len]) ||
                                                is_digit(source.ptr[parse->at + len])))
            len++;
    } else if (is_digit(c) || is_fraction) {
        token.type = TOKEN_NUMBER;
        len = number_length(source, parse->at);
    } else if (str_index(STR("()[]{},.:=<>!+-*?;"), c) >= 0) {
        token.type = TOKEN_SYMBOL;
        for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
            if (str_eq_cstr(str_slice(source, parse->at, 2), pairs[i]))
                len = 2;
    }
    token.text = str_slice(source, parse->at, len);
    parse->at += len;
    return token;
}

static void next(struct parse *parse)
{
    while (parse->at < parse->source.len && is_space(parse->source.ptr[parse->at]))
        parse->at++;
    if (parse->at == parse->source.len) {
        parse->token =
            (struct token){.type = TOKEN_END, .text = str_from(parse->source, parse->at)};
        return;
    }
    const char c = parse->source.ptr[parse->at];
    parse->token = c == '"' || c == '\'' ? quoted(parse, c) : plain(parse);
    if (parse->token.type == TOKEN_INVALID)
        malformed(parse);
}

static bool is_symbol(const struct parse *parse, const char *symbol)
{
    return !parse->has_failed && parse->token.type == TOKEN_SYMBOL &&
           str_eq_cstr(parse->token.text, symbol);
}

static bool is_word(const struct parse *parse, const char *word)
{
    return !parse->has_failed && parse->token.type == TOKEN_WORD &&
           str_eq_nocase(parse->token.text, str_from_cstr(word));
}

static bool take_symbol(struct parse *parse, const char *symbol)
{
    const bool is_there = is_symbol(parse, symbol);
    if (is_there)
        next(parse);
    return is_there;
}

static bool take_word(struct parse *parse, const char *word)
{
    const bool is_there = is_word(parse, word);
    if (is_there)
        next(parse);
    return is_there;
}

static void expect_symbol(struct parse *parse, const char *symbol)
{
    if (!take_symbol(parse, symbol))
        malformed(parse);
}

static void expect_word(struct parse *parse, const char *word)
{
    if (!take_word(parse, word))
        malformed(parse);
}

static bool enter(struct parse *parse)
{
    if (parse->depth++ < NESTING_MAX && !parse->has_failed)
        return true;
    malformed(parse);
    return false;
}

/* ---- values ---- */

static struct ddb_value parse_value(struct parse *parse, unsigned depth);

static struct ddb_value parse_parameter(struct parse *parse)
{
    struct ddb_value value = {.type = DDB_NULL};
    struct str message = {0};
    if (parse->parameter_count >= parse->parameters->count) {
        fail(parse, STR("Number of parameters in request and statement don't match."));
        return value;
    }
    if (ddb_value_from_api(parse->arena, &parse->parameters->items[parse->parameter_count++],
                           &value, &message) < 0)
        fail(parse, message);
    return value;
}

static struct ddb_value parse_number(struct parse *parse, bool is_negative)
{
    struct ddb_number number = {0};
    const struct str text = parse->token.text;
    if (parse->token.type != TOKEN_NUMBER) {
        malformed(parse);
        return (struct ddb_value){.type = DDB_NULL};
    }
    const enum ddb_number_error error = ddb_number_parse(text, &number);
    if (error != DDB_NUMBER_OK)
        fail(parse, ddb_number_error_text(parse->arena, error, text));
    number.is_negative = is_negative && number.count > 0;
    next(parse);
    return ddb_number_value(parse->arena, &number);
}

static struct vec parse_values(struct parse *parse, const char *end, unsigned depth)
{
    struct vec values;
    vec_init(&values, parse->arena, sizeof(struct ddb_value));
    if (take_symbol(parse, end))
        return values;
    do {
        const struct ddb_value value = parse_value(parse, depth);
        *(struct ddb_value *)vec_push(&values) = value;
    } while (take_symbol(parse, ","));
    expect_symbol(parse, end);
    return values;
}

static struct ddb_value parse_map(struct parse *parse, unsigned depth)
{
    struct ddb_value map = {.type = DDB_M};
    if (take_symbol(parse, "}"))
        return map;
    do {
        const struct str name = parse->token.text;
        if (parse->token.type != TOKEN_STRING && parse->token.type != TOKEN_NAME)
            malformed(parse);
        next(parse);
        expect_symbol(parse, ":");
        const struct ddb_value value = parse_value(parse, depth);
        ddb_map_set(parse->arena, &map, name, &value);
    } while (take_symbol(parse, ","));
    expect_symbol(parse, "}");
    return map;
}

/* << >> of texts, of numbers or of bytes. */
static struct ddb_value parse_set(struct parse *parse, unsigned depth)
{
    const struct vec members = parse_values(parse, ">>", depth);
    struct ddb_value set = {.type = DDB_SS};
    struct str message = {0};
    struct dynamodb_attribute_value api = {0};
    struct str *texts = arena_alloc_array(parse->arena, members.count, sizeof(*texts));
    const enum ddb_type type =
        members.count > 0 ? ((const struct ddb_value *)members.items)[0].type : DDB_S;
    for (size_t i = 0; i < members.count; i++) {
        const struct ddb_value *member = vec_at(&members, i);
        if (member->type != type || type > DDB_B)
            fail(parse, STR("Statement wasn't well formed, can't be processed: Members of a set "
                            "must be strings, numbers or binary values of the same type"));
        texts[i] = member->text;
    }
    if (type == DDB_S)
        api.ss = (struct dynamodb_string_set_attribute_value){texts, members.count, true};
    else if (type == DDB_N)
        api.ns = (struct dynamodb_number_set_attribute_value){texts, members.count, true};
    else
        api.bs = (struct dynamodb_binary_set_attribute_value){texts, members.count, true};
    if (!parse->has_failed && ddb_value_from_api(parse->arena, &api, &set, &message) < 0)
        fail(parse, message);
    return set;
}

static struct ddb_value parse_list(struct parse *parse, unsigned depth)
{
    const struct vec items = parse_values(parse, "]", depth);
    return (struct ddb_value){.type = DDB_L, .count = (uint32_t)items.count, .items = items.items};
}

static struct ddb_value parse_value(struct parse *parse, unsigned depth)
{
    struct ddb_value value = {.type = DDB_NULL};
    if (depth > DDB_DEPTH_MAX) {
        fail(parse, STR("Nesting Levels have exceeded supported limits: Attributes in the item "
                        "have nested levels beyond supported limit"));
        return value;
    }
    if (parse->has_failed)
        return value;
    if (parse->token.type == TOKEN_STRING) {
        value = ddb_text_value(DDB_S, parse->token.text);
        next(parse);
        return value;
    }
    if (parse->token.type == TOKEN_NUMBER)
        return parse_number(parse, false);
    if (take_symbol(parse, "-"))
        return parse_number(parse, true);
    if (take_symbol(parse, "+"))
        return parse_number(parse, false);
    if (take_symbol(parse, "?"))
        return parse_parameter(parse);
    if (take_symbol(parse, "["))
        return parse_list(parse, depth + 1);
    if (take_symbol(parse, "{"))
        return parse_map(parse, depth + 1);
    if (take_symbol(parse, "<<"))
        return parse_set(parse, depth);
    if (is_word(parse, "TRUE") || is_word(parse, "FALSE")) {
        value = (struct ddb_value){.type = DDB_BOOL, .is_true = is_word(parse, "TRUE")};
        next(parse);
        return value;
    }
    if (!take_word(parse, "NULL"))
        malformed(parse);
    return value;
}

/* ---- paths and operands ---- */

static struct ddb_node *parse_or(struct parse *parse);

static bool parse_name(struct parse *parse, struct str *out)
{
    if (parse->has_failed || (parse->token.type != TOKEN_WORD && parse->token.type != TOKEN_NAME)) {
        malformed(parse);
        return false;
    }
    *out = parse->token.text;
    next(parse);
    return true;
}

/* a.b[0]."c d"['e'] */
static struct ddb_node *parse_path(struct parse *parse)
{
    struct ddb_node *path = ddb_node_new(parse->arena, DDB_NODE_PATH, 0);
    struct ddb_step step = {0};
    struct vec steps;
    vec_init(&steps, parse->arena, sizeof(step));
    if (!parse_name(parse, &step.name))
        step.name = STR("");
    *(struct ddb_step *)vec_push(&steps) = step;
    for (;;) {
        step = (struct ddb_step){0};
        if (take_symbol(parse, ".")) {
            if (!parse_name(parse, &step.name))
                break;
        } else if (take_symbol(parse, "[")) {
            int64_t index = 0;
            if (parse->token.type == TOKEN_STRING)
                step.name = parse->token.text;
            else if (parse->token.type != TOKEN_NUMBER ||
                     str_to_i64(parse->token.text, &index) < 0 || index > UINT32_MAX)
                malformed(parse);
            step.index = (uint32_t)index;
            next(parse);
            expect_symbol(parse, "]");
        } else {
            break;
        }
        *(struct ddb_step *)vec_push(&steps) = step;
    }
    path->path = (struct ddb_path){.steps = steps.items, .count = steps.count};
    return path;
}

static enum ddb_function function_named(const struct parse *parse, struct str name)
{
    static const struct {
        const char *name;
        enum ddb_function function;
        bool is_assignment;
    } functions[] = {
        {"attribute_type", DDB_ATTRIBUTE_TYPE, false},
        {"begins_with", DDB_BEGINS_WITH, false},
        {"contains", DDB_CONTAINS, false},
        {"size", DDB_SIZE, false},
        {"attribute_exists", DDB_ATTRIBUTE_EXISTS, false},
        {"attribute_not_exists", DDB_ATTRIBUTE_NOT_EXISTS, false},
        {"if_not_exists", DDB_IF_NOT_EXISTS, true},
        {"list_append", DDB_LIST_APPEND, true},
        {"set_add", DDB_SET_ADD, true},
        {"set_delete", DDB_SET_DELETE, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(functions); i++)
        if (functions[i].is_assignment == parse->is_assignment &&
            str_eq_nocase(name, str_from_cstr(functions[i].name)))
            return functions[i].function;
    return DDB_FUNCTION_UNKNOWN;
}

static struct ddb_node *parse_operand(struct parse *parse);

static struct ddb_node *parse_function(struct parse *parse, enum ddb_function function)
{
    struct ddb_node *node = ddb_node_new(parse->arena, DDB_NODE_FUNCTION, 0);
    struct vec args;
    vec_init(&args, parse->arena, sizeof(struct ddb_node *));
    node->function = function;
    node->text = parse->token.text;
    next(parse);
    expect_symbol(parse, "(");
    do {
        struct ddb_node *arg = parse_operand(parse);
        if (!parse->is_assignment && arg->type == DDB_NODE_FUNCTION && arg->function != DDB_SIZE)
            malformed(parse);
        *(struct ddb_node **)vec_push(&args) = arg;
    } while (take_symbol(parse, ","));
    expect_symbol(parse, ")");
    node->args = args.items;
    node->arg_count = args.count;
    return node;
}

/* Whether a "(" follows the present word. */
static bool is_call(const struct parse *parse)
{
    size_t at = parse->at;
    while (at < parse->source.len && is_space(parse->source.ptr[at]))
        at++;
    return parse->token.type == TOKEN_WORD && at < parse->source.len &&
           parse->source.ptr[at] == '(';
}

static struct ddb_node *parse_operand(struct parse *parse)
{
    struct ddb_node *node = ddb_node_new(parse->arena, DDB_NODE_VALUE, 0);
    node->value.type = DDB_NULL;
    if (!enter(parse))
        return node;
    if (take_symbol(parse, "(")) {
        node = parse_operand(parse);
        expect_symbol(parse, ")");
    } else if (is_call(parse) && function_named(parse, parse->token.text) != DDB_FUNCTION_UNKNOWN) {
        node = parse_function(parse, function_named(parse, parse->token.text));
    } else if (parse->token.type == TOKEN_NAME ||
               (parse->token.type == TOKEN_WORD && !is_word(parse, "TRUE") &&
                !is_word(parse, "FALSE") && !is_word(parse, "NULL"))) {
        node = parse_path(parse);
    } else {
        node->value = parse_value(parse, 1);
    }
    parse->depth--;
    return node;
}

/* ---- conditions ---- */

static struct ddb_node *unary(struct parse *parse, enum ddb_function function,
                              struct ddb_node *operand)
{
    struct ddb_node *node = ddb_node_join(parse->arena, DDB_NODE_FUNCTION, operand, NULL);
    node->function = function;
    node->text = STR("IS");
    return node;
}

/* IS [NOT] MISSING, IS [NOT] NULL */
static struct ddb_node *parse_is(struct parse *parse, struct ddb_node *operand)
{
    const bool is_negated = take_word(parse, "NOT");
    struct ddb_node *node = NULL;
    if (operand->type != DDB_NODE_PATH)
        malformed(parse);
    if (take_word(parse, "MISSING"))
        return unary(parse, is_negated ? DDB_ATTRIBUTE_EXISTS : DDB_ATTRIBUTE_NOT_EXISTS, operand);
    expect_word(parse, "NULL");
    const struct ddb_value type = ddb_text_value(DDB_S, STR("NULL"));
    node = ddb_node_join(parse->arena, DDB_NODE_FUNCTION, operand,
                         ddb_node_value(parse->arena, &type));
    node->function = DDB_ATTRIBUTE_TYPE;
    node->text = STR("IS");
    return is_negated ? ddb_node_join(parse->arena, DDB_NODE_NOT, node, NULL) : node;
}

static struct ddb_node *parse_in(struct parse *parse, struct ddb_node *operand)
{
    struct vec args;
    vec_init(&args, parse->arena, sizeof(struct ddb_node *));
    *(struct ddb_node **)vec_push(&args) = operand;
    const bool is_bracket = take_symbol(parse, "[");
    if (!is_bracket)
        expect_symbol(parse, "(");
    do {
        struct ddb_node *arg = parse_operand(parse);
        *(struct ddb_node **)vec_push(&args) = arg;
    } while (take_symbol(parse, ","));
    expect_symbol(parse, is_bracket ? "]" : ")");
    struct ddb_node *node = ddb_node_new(parse->arena, DDB_NODE_IN, 0);
    node->args = args.items;
    node->arg_count = args.count;
    return node;
}

static bool take_comparator(struct parse *parse, enum ddb_operator *out)
{
    static const struct {
        const char *text;
        enum ddb_operator operator_;
    } comparators[] = {
        {"=", DDB_EQ},  {"<>", DDB_NE}, {"!=", DDB_NE}, {"<", DDB_LT},
        {"<=", DDB_LE}, {">", DDB_GT},  {">=", DDB_GE},
    };
    for (size_t i = 0; i < ARRAY_LEN(comparators); i++) {
        if (take_symbol(parse, comparators[i].text)) {
            *out = comparators[i].operator_;
            return true;
        }
    }
    return false;
}

static struct ddb_node *parse_relation(struct parse *parse, struct ddb_node *operand)
{
    enum ddb_operator comparator = DDB_EQ;
    /* Of functions only size() has a value; the others are conditions by themselves. */
    if (operand->type == DDB_NODE_FUNCTION && operand->function != DDB_SIZE)
        return operand;
    if (take_comparator(parse, &comparator)) {
        struct ddb_node *right = parse_operand(parse);
        if (right->type == DDB_NODE_FUNCTION && right->function != DDB_SIZE)
            malformed(parse);
        struct ddb_node *node = ddb_node_join(parse->arena, DDB_NODE_COMPARE, operand, right);
        node->operator_ = comparator;
        return node;
    }
    if (take_word(parse, "BETWEEN")) {
        struct ddb_node *node = ddb_node_new(parse->arena, DDB_NODE_BETWEEN, 3);
        node->args[0] = operand;
        node->args[1] = parse_operand(parse);
        expect_word(parse, "AND");
        node->args[2] = parse_operand(parse);
        return node;
    }
    if (take_word(parse, "IN"))
        return parse_in(parse, operand);
    if (take_word(parse, "IS"))
        return parse_is(parse, operand);
    malformed(parse);
    return operand;
}

static struct ddb_node *parse_predicate(struct parse *parse)
{
    if (take_symbol(parse, "(")) {
        /* A condition in parentheses; an operand in parentheses is not needed by anyone. */
        struct ddb_node *node = parse_or(parse);
        expect_symbol(parse, ")");
        return node;
    }
    return parse_relation(parse, parse_operand(parse));
}

static struct ddb_node *parse_not(struct parse *parse)
{
    if (!take_word(parse, "NOT"))
        return parse_predicate(parse);
    if (!enter(parse))
        return ddb_node_new(parse->arena, DDB_NODE_AND, 0);
    struct ddb_node *node = ddb_node_join(parse->arena, DDB_NODE_NOT, parse_not(parse), NULL);
    parse->depth--;
    return node;
}

static struct ddb_node *parse_chain(struct parse *parse, enum ddb_node_type type,
                                    struct ddb_node *(*part)(struct parse *))
{
    const char *word = type == DDB_NODE_AND ? "AND" : "OR";
    struct ddb_node *node = part(parse);
    struct vec args;
    if (!is_word(parse, word))
        return node;
    vec_init(&args, parse->arena, sizeof(struct ddb_node *));
    *(struct ddb_node **)vec_push(&args) = node;
    while (take_word(parse, word)) {
        node = part(parse);
        *(struct ddb_node **)vec_push(&args) = node;
    }
    struct ddb_node *chain = ddb_node_new(parse->arena, type, 0);
    chain->args = args.items;
    chain->arg_count = args.count;
    return chain;
}

static struct ddb_node *parse_and(struct parse *parse)
{
    return parse_chain(parse, DDB_NODE_AND, parse_not);
}

static struct ddb_node *parse_or(struct parse *parse)
{
    if (!enter(parse))
        return ddb_node_new(parse->arena, DDB_NODE_AND, 0);
    struct ddb_node *node = parse_chain(parse, DDB_NODE_OR, parse_and);
    parse->depth--;
    return node;
}

static void parse_where(struct parse *parse, struct ddb_statement *out)
{
    if (take_word(parse, "WHERE"))
        out->where = parse_or(parse);
}

/* ---- statements ---- */

static void parse_source(struct parse *parse, struct ddb_statement *out)
{
    (void)parse_name(parse, &out->table);
    if (take_symbol(parse, "."))
        (void)parse_name(parse, &out->index);
    if (is_symbol(parse, ".")) {
        fail(parse, STR("A path may contain at most 2 components in the FROM clause"));
        return;
    }
    if (!parse->has_failed &&
        (out->table.len == 0 || (str_is_set(out->index) && out->index.len == 0)))
        fail(parse, STR("Path component cannot be an empty string"));
}

static void parse_orders(struct parse *parse, struct ddb_statement *out)
{
    if (!take_word(parse, "ORDER"))
        return;
    expect_word(parse, "BY");
    do {
        struct ddb_order order = {0};
        (void)parse_name(parse, &order.name);
        order.is_descending = take_word(parse, "DESC");
        if (!order.is_descending)
            (void)take_word(parse, "ASC");
        if (out->order_count == DDB_STATEMENT_ORDERS_MAX)
            malformed(parse);
        else
            out->orders[out->order_count++] = order;
    } while (take_symbol(parse, ","));
}

static void parse_select(struct parse *parse, struct ddb_statement *out)
{
    struct vec paths;
    vec_init(&paths, parse->arena, sizeof(struct ddb_path));
    if (!take_symbol(parse, "*")) {
        out->has_paths = true;
        do {
            const struct ddb_path path = parse_path(parse)->path;
            *(struct ddb_path *)vec_push(&paths) = path;
        } while (take_symbol(parse, ","));
    }
    out->paths = (struct ddb_paths){.items = paths.items, .count = paths.count};
    expect_word(parse, "FROM");
    parse_source(parse, out);
    parse_where(parse, out);
    parse_orders(parse, out);
}

static void parse_insert(struct parse *parse, struct ddb_statement *out)
{
    expect_word(parse, "INTO");
    parse_source(parse, out);
    expect_word(parse, "VALUE");
    if (take_symbol(parse, "?"))
        out->item = parse_parameter(parse);
    else if (take_symbol(parse, "{"))
        out->item = parse_map(parse, 1);
    else
        malformed(parse);
    if (!parse->has_failed && out->item.type != DDB_M)
        malformed(parse);
}

/* Values of SET: operands and their sums. */
static struct ddb_node *parse_set_value(struct parse *parse)
{
    struct ddb_node *left = parse_operand(parse);
    if (!is_symbol(parse, "+") && !is_symbol(parse, "-"))
        return left;
    const bool is_plus = is_symbol(parse, "+");
    const struct str text = parse->token.text;
    next(parse);
    struct ddb_node *node =
        ddb_node_join(parse->arena, DDB_NODE_FUNCTION, left, parse_operand(parse));
    node->function = is_plus ? DDB_PLUS : DDB_MINUS;
    node->text = text;
    return node;
}

static void parse_update(struct parse *parse, struct ddb_statement *out)
{
    struct vec actions;
    vec_init(&actions, parse->arena, sizeof(struct ddb_action));
    parse_source(parse, out);
    while (is_word(parse, "SET") || is_word(parse, "REMOVE")) {
        const bool is_set = is_word(parse, "SET");
        next(parse);
        do {
            struct ddb_action action = {.type = is_set ? DDB_SET : DDB_REMOVE};
            action.path = parse_path(parse)->path;
            if (is_set) {
                expect_symbol(parse, "=");
                parse->is_assignment = true;
                action.value = parse_set_value(parse);
                parse->is_assignment = false;
            }
            *(struct ddb_action *)vec_push(&actions) = action;
        } while (take_symbol(parse, ","));
    }
    if (actions.count == 0)
        malformed(parse);
    out->update = (struct ddb_update){.items = actions.items, .count = actions.count};
    parse_where(parse, out);
}

struct str ddb_returning_text(enum ddb_returning returning)
{
    static const struct str texts[] = {
        [DDB_RETURNING_NOTHING] = STR_INIT(""),
        [DDB_RETURNING_ALL_OLD] = STR_INIT("RETURNING ALL OLD *"),
        [DDB_RETURNING_MODIFIED_OLD] = STR_INIT("RETURNING MODIFIED OLD *"),
        [DDB_RETURNING_ALL_NEW] = STR_INIT("RETURNING ALL NEW *"),
        [DDB_RETURNING_MODIFIED_NEW] = STR_INIT("RETURNING MODIFIED NEW *"),
    };
    return texts[returning];
}

static void parse_returning(struct parse *parse, struct ddb_statement *out)
{
    if (!take_word(parse, "RETURNING"))
        return;
    const bool is_modified = take_word(parse, "MODIFIED");
    if (!is_modified)
        expect_word(parse, "ALL");
    const bool is_old = take_word(parse, "OLD");
    if (!is_old)
        expect_word(parse, "NEW");
    expect_symbol(parse, "*");
    out->returning = is_old ? (is_modified ? DDB_RETURNING_MODIFIED_OLD : DDB_RETURNING_ALL_OLD)
                            : (is_modified ? DDB_RETURNING_MODIFIED_NEW : DDB_RETURNING_ALL_NEW);
    if (out->type == DDB_STATEMENT_DELETE && out->returning != DDB_RETURNING_ALL_OLD)
        fail(parse, str_format(parse->arena,
                               "Invalid returning clause: " STR_FMT
                               ". Only RETURNING ALL OLD * is allowed in DELETE statements.",
                               STR_ARG(ddb_returning_text(out->returning))));
}

static void parse_statement(struct parse *parse, struct ddb_statement *out)
{
    if (take_word(parse, "SELECT")) {
        out->type = DDB_SELECT;
        parse_select(parse, out);
    } else if (take_word(parse, "INSERT")) {
        out->type = DDB_INSERT;
        parse_insert(parse, out);
    } else if (take_word(parse, "UPDATE")) {
        out->type = DDB_STATEMENT_UPDATE;
        parse_update(parse, out);
        parse_returning(parse, out);
    } else if (take_word(parse, "DELETE")) {
        out->type = DDB_STATEMENT_DELETE;
        expect_word(parse, "FROM");
        parse_source(parse, out);
        parse_where(parse, out);
        parse_returning(parse, out);
    } else if (take_word(parse, "EXISTS")) {
        out->type = DDB_EXISTS;
        expect_symbol(parse, "(");
        expect_word(parse, "SELECT");
        parse_select(parse, out);
        expect_symbol(parse, ")");
    } else {
        malformed(parse);
    }
    (void)take_symbol(parse, ";");
    if (!parse->has_failed && parse->token.type != TOKEN_END)
        malformed(parse);
}

/* The rules of expressions hold, too; their texts come without what AWS puts in front there. */
static void check_statement(struct parse *parse, const struct ddb_statement *statement)
{
    static const char what[] = "";
    enum { PREFIX = sizeof("Invalid : ") - 1 };
    struct ddb_expressions expressions = {.arena = parse->arena};
    int rc = statement->where ? ddb_check_condition(&expressions, what, statement->where) : 0;
    if (rc == 0 && statement->type == DDB_STATEMENT_UPDATE)
        rc = ddb_check_update(&expressions, &statement->update);
    if (rc < 0 && str_starts_with(expressions.message, STR("Invalid : ")))
        fail(parse, str_from(expressions.message, PREFIX));
    else if (rc < 0)
        fail(parse, expressions.message);
}

int ddb_statement_parse(struct arena *arena, struct str text,
                        const struct dynamodb_prepared_statement_parameters *parameters,
                        struct ddb_statement *out, struct str *out_message)
{
    struct parse parse = {.arena = arena, .source = text, .parameters = parameters};
    struct ddb_statement statement = {0};
    next(&parse);
    if (!parse.has_failed)
        parse_statement(&parse, &statement);
    if (!parse.has_failed && parse.parameter_count != parameters->count)
        fail(&parse, STR("Number of parameters in request and statement don't match."));
    if (!parse.has_failed)
        check_statement(&parse, &statement);
    if (parse.has_failed) {
        *out_message = parse.message;
        return -EINVAL;
    }
    *out = statement;
    return 0;
}
