/* filter_pattern.c — parsing and matching of filter patterns.
 *
 * A pattern becomes a list of terms, or one tree of comparisons (JSON), or a list of fields with a
 * tree each. What a comparison looks for is a value: text in which '*' stands for anything, a
 * number, or a regular expression, which is compiled into the pattern's arena.
 *
 * Docs: see the header. What the documentation leaves open is decided so: a term matches where no
 * letter, digit or '_' stands before or behind it ("contain the word"); a comparison with a member
 * that is not there does not hold, not even "!=".
 */
#define PCRE2_CODE_UNIT_WIDTH 8

#include "service/logs/filter_pattern.h"

#include <errno.h>
#include <math.h>
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/vec.h"
#include "syntax/json.h"

enum {
    MATCH_LIMIT = 100000, /* steps of a regular expression in one event */
    HEAP_LIMIT_KIB = 1024,
    MAX_NUMBER_TEXT = 64,
    MAX_FIELDS = 200,
};

enum value_kind {
    VALUE_TEXT,
    VALUE_REGEX,
    VALUE_NULL, /* IS NULL and its like: what must be there */
    VALUE_TRUE,
    VALUE_FALSE,
    VALUE_EXISTS,
    VALUE_NOT_EXISTS,
};

struct value {
    enum value_kind kind;
    struct str text;
    bool has_wildcard;
    bool is_number;
    double number;
    pcre2_code *code;
    pcre2_match_data *match;
    pcre2_match_context *limits;
};

enum operator_kind {
    OPERATOR_EQUAL,
    OPERATOR_NOT_EQUAL,
    OPERATOR_LESS,
    OPERATOR_GREATER,
    OPERATOR_NOT_GREATER,
    OPERATOR_NOT_LESS,
};

enum node_kind {
    NODE_COMPARE,
    NODE_AND,
    NODE_OR,
};

struct step {
    struct str name; /* absent: an index */
    int64_t index;   /* -1: any */
};

struct node {
    enum node_kind kind;
    struct node *left;
    struct node *right;
    enum operator_kind operator;
    struct value value;
    struct str selector; /* as written, for extraction */
    const struct step *steps;
    size_t step_count;
};

enum term_kind {
    TERM_REQUIRED,
    TERM_OPTIONAL,
    TERM_EXCLUDED,
};

struct term {
    enum term_kind kind;
    struct value value;
};

struct field {
    struct str name;
    bool is_rest; /* "..." */
    struct node *condition;
};

enum pattern_kind {
    PATTERN_TEXT,
    PATTERN_JSON,
    PATTERN_FIELDS,
};

struct filter_pattern {
    enum pattern_kind kind;
    const struct term *terms;
    size_t term_count;
    bool has_required;
    bool has_optional;
    struct node *root;
    const struct field *fields;
    size_t field_count;
    ptrdiff_t rest_at; /* index of "...", or -1 */
};

/* --- values --- */

struct parser {
    struct arena *arena;
    struct str text;
    size_t at;
    size_t depth;
    size_t node_count;
};

static void *allocate(size_t size, void *context)
{
    return arena_alloc(context, size);
}

static void forget(void *pointer, void *context)
{
    (void)pointer;
    (void)context;
}

/* AWS: letters, digits, these symbols and these operators; no parentheses. */
static bool is_regex_char(char c)
{
    bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    return is_letter || (c != '\0' && strchr(":_#=@/;,- ^$?[]{}|\\*+.", c));
}

static int compile(struct arena *arena, struct str text, struct value *out)
{
    int error = 0;
    PCRE2_SIZE offset = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (!is_regex_char(text.ptr[i]))
            return -EINVAL;
    }
    pcre2_general_context *memory = pcre2_general_context_create(allocate, forget, arena);
    pcre2_compile_context *compiling = pcre2_compile_context_create(memory);
    *out = (struct value){.kind = VALUE_REGEX, .text = text};
    out->code =
        pcre2_compile((PCRE2_SPTR)text.ptr, text.len, PCRE2_NEVER_UTF, &error, &offset, compiling);
    if (!out->code)
        return -EINVAL;
    out->match = pcre2_match_data_create(1, memory);
    out->limits = pcre2_match_context_create(memory);
    pcre2_set_match_limit(out->limits, MATCH_LIMIT);
    pcre2_set_heap_limit(out->limits, HEAP_LIMIT_KIB);
    return 0;
}

static bool regex_matches(const struct value *value, struct str text)
{
    return pcre2_match(value->code, (PCRE2_SPTR)(text.ptr ? text.ptr : ""), text.len, 0, 0,
                       value->match, value->limits) >= 0;
}

static bool read_number(struct str text, double *out)
{
    char copy[MAX_NUMBER_TEXT];
    char *end = NULL;
    if (text.len == 0 || text.len >= sizeof(copy) ||
        !((text.ptr[0] >= '0' && text.ptr[0] <= '9') || strchr("+-.", text.ptr[0])))
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    if (strpbrk(copy, "xXpP"))
        return false;
    *out = strtod(copy, &end);
    return end == copy + text.len && isfinite(*out);
}

static struct value text_value(struct str text, bool is_quoted)
{
    struct value value = {.kind = VALUE_TEXT, .text = text};
    value.has_wildcard = str_index(text, '*') >= 0;
    value.is_number = !is_quoted && read_number(text, &value.number);
    return value;
}

/* '*' stands for any text. */
static bool wildcard_matches(struct str pattern, struct str text)
{
    size_t p = 0;
    size_t t = 0;
    size_t star = SIZE_MAX;
    size_t resume = 0;
    while (t < text.len) {
        if (p < pattern.len && pattern.ptr[p] == '*') {
            star = p++;
            resume = t;
        } else if (p < pattern.len && pattern.ptr[p] == text.ptr[t]) {
            p++;
            t++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            t = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.ptr[p] == '*')
        p++;
    return p == pattern.len;
}

static bool holds(enum operator_kind operator, double left, double right)
{
    switch (operator) {
    case OPERATOR_EQUAL:
        return left == right;
    case OPERATOR_NOT_EQUAL:
        return left != right;
    case OPERATOR_LESS:
        return left < right;
    case OPERATOR_GREATER:
        return left > right;
    case OPERATOR_NOT_GREATER:
        return left <= right;
    case OPERATOR_NOT_LESS:
        return left >= right;
    }
    return false;
}

/* Text of an event against a value; `number` when the text is one. */
static bool compare_text(const struct node *node, struct str text)
{
    const struct value *value = &node->value;
    double number = 0;
    bool is_equality = node->operator== OPERATOR_EQUAL || node->operator== OPERATOR_NOT_EQUAL;
    if (value->is_number && read_number(text, &number))
        return holds(node->operator, number, value->number);
    if (!is_equality)
        return false;
    bool is_equal = value->kind == VALUE_REGEX ? regex_matches(value, text)
                    : value->has_wildcard      ? wildcard_matches(value->text, text)
                                               : str_eq(value->text, text);
    return is_equal == (node->operator== OPERATOR_EQUAL);
}

/* --- parsing: what all kinds share --- */

static char peek(const struct parser *parser)
{
    return parser->at < parser->text.len ? parser->text.ptr[parser->at] : '\0';
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void skip_space(struct parser *parser)
{
    while (is_space(peek(parser)))
        parser->at++;
}

static bool take(struct parser *parser, const char *what)
{
    struct str rest = str_from(parser->text, parser->at);
    if (!str_starts_with(rest, str_from_cstr(what)))
        return false;
    parser->at += strlen(what);
    return true;
}

/* A word of the language: no letter may follow. */
static bool take_word(struct parser *parser, const char *word)
{
    size_t before = parser->at;
    skip_space(parser);
    size_t len = strlen(word);
    struct str found = str_slice(parser->text, parser->at, len);
    char next = parser->at + len < parser->text.len ? parser->text.ptr[parser->at + len] : ' ';
    bool is_end = is_space(next) || next == ')' || next == '}' || next == '&' || next == '|';
    if (str_eq_nocase(found, str_of(word, len)) && is_end) {
        parser->at += len;
        return true;
    }
    parser->at = before;
    return false;
}

/* Behind the opening quote. */
static int read_quoted(struct parser *parser, char quote, struct str *out)
{
    char *text = arena_alloc_text(parser->arena, parser->text.len - parser->at + 1);
    size_t len = 0;
    while (parser->at < parser->text.len && peek(parser) != quote) {
        if (peek(parser) == '\\' && parser->at + 1 < parser->text.len)
            parser->at++;
        text[len++] = parser->text.ptr[parser->at++];
    }
    if (parser->at == parser->text.len)
        return -EINVAL;
    parser->at++;
    *out = str_of(text, len);
    return 0;
}

/* Behind the opening '%'. */
static int read_regex(struct parser *parser, struct value *out)
{
    size_t start = parser->at;
    while (parser->at < parser->text.len && peek(parser) != '%')
        parser->at += peek(parser) == '\\' && parser->at + 1 < parser->text.len ? 2 : 1;
    if (parser->at >= parser->text.len || parser->at == start)
        return -EINVAL;
    struct str text = str_slice(parser->text, start, parser->at - start);
    parser->at++;
    return compile(parser->arena, text, out);
}

/* A quoted text, a %regular expression%, or a bare one up to one of `ends` or white space. */
static int read_value(struct parser *parser, const char *ends, struct value *out)
{
    struct str text = {0};
    skip_space(parser);
    char quote = peek(parser);
    if (quote == '"' || quote == '\'') {
        parser->at++;
        int rc = read_quoted(parser, quote, &text);
        *out = text_value(text, true);
        return rc;
    }
    if (take(parser, "%"))
        return read_regex(parser, out);
    size_t start = parser->at;
    while (parser->at < parser->text.len && !is_space(peek(parser)) &&
           !strchr(ends, peek(parser)) &&
           !str_starts_with(str_from(parser->text, parser->at), STR("&&")) &&
           !str_starts_with(str_from(parser->text, parser->at), STR("||")))
        parser->at++;
    text = str_slice(parser->text, start, parser->at - start);
    *out = text_value(text, false);
    return text.len > 0 ? 0 : -EINVAL;
}

static int read_operator(struct parser *parser, enum operator_kind *out)
{
    static const struct {
        const char *text;
        enum operator_kind operator;
    } operators[] = {
        {"!=", OPERATOR_NOT_EQUAL}, {"<=", OPERATOR_NOT_GREATER}, {">=", OPERATOR_NOT_LESS},
        {"=", OPERATOR_EQUAL},      {"<", OPERATOR_LESS},         {">", OPERATOR_GREATER},
    };
    skip_space(parser);
    for (size_t i = 0; i < ARRAY_LEN(operators); i++) {
        if (take(parser, operators[i].text)) {
            *out = operators[i].operator;
            return 0;
        }
    }
    return -EINVAL;
}

static struct node *new_node(struct parser *parser, enum node_kind kind)
{
    if (++parser->node_count > FILTER_PATTERN_MAX_NODES)
        return NULL;
    struct node *node = arena_alloc(parser->arena, sizeof(*node));
    node->kind = kind;
    return node;
}

/* "||" binds less than "&&". `read` reads one operand. */
typedef int operand_fn(struct parser *parser, struct node **out_node);

static int read_chain(struct parser *parser, operand_fn *read, bool is_or, struct node **out_node)
{
    struct node *left = NULL;
    int rc = is_or ? read_chain(parser, read, false, &left) : read(parser, &left);
    while (rc == 0) {
        skip_space(parser);
        if (!take(parser, is_or ? "||" : "&&"))
            break;
        struct node *node = new_node(parser, is_or ? NODE_OR : NODE_AND);
        if (!node)
            return -EINVAL;
        node->left = left;
        rc = is_or ? read_chain(parser, read, false, &node->right) : read(parser, &node->right);
        left = node;
    }
    *out_node = left;
    return rc;
}

/* --- { JSON } --- */

static bool is_member_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == ':' || c == '@' || (unsigned char)c >= 0x80;
}

/* Behind '[': an index, '*', or a quoted name. */
static int read_bracket(struct parser *parser, struct step *out)
{
    char quote = peek(parser);
    int rc = 0;
    if (quote == '"' || quote == '\'') {
        parser->at++;
        rc = read_quoted(parser, quote, &out->name);
    } else if (take(parser, "*")) {
        out->index = -1;
    } else {
        size_t start = parser->at;
        while (peek(parser) >= '0' && peek(parser) <= '9')
            parser->at++;
        rc = str_to_i64(str_slice(parser->text, start, parser->at - start), &out->index);
    }
    return rc == 0 && take(parser, "]") ? 0 : -EINVAL;
}

static int read_selector(struct parser *parser, struct node *node)
{
    struct vec steps;
    vec_init(&steps, parser->arena, sizeof(struct step));
    size_t start = parser->at;
    if (!take(parser, "$"))
        return -EINVAL;
    for (;;) {
        struct step step = {0};
        bool is_dot = take(parser, ".");
        if (take(parser, "[")) {
            if (read_bracket(parser, &step) < 0)
                return -EINVAL;
        } else if (is_dot) {
            size_t from = parser->at;
            while (is_member_char(peek(parser)))
                parser->at++;
            step.name = str_slice(parser->text, from, parser->at - from);
            if (step.name.len == 0)
                return -EINVAL;
        } else {
            break;
        }
        if (steps.count >= FILTER_PATTERN_MAX_NODES)
            return -EINVAL;
        *(struct step *)vec_push(&steps) = step;
    }
    node->selector = str_slice(parser->text, start, parser->at - start);
    node->steps = steps.items;
    node->step_count = steps.count;
    return steps.count > 0 ? 0 : -EINVAL;
}

static int read_json_comparison(struct parser *parser, struct node **out_node)
{
    struct node *node = new_node(parser, NODE_COMPARE);
    *out_node = node;
    if (!node || read_selector(parser, node) < 0)
        return -EINVAL;
    if (take_word(parser, "IS")) {
        node->value.kind = take_word(parser, "NULL")    ? VALUE_NULL
                           : take_word(parser, "TRUE")  ? VALUE_TRUE
                           : take_word(parser, "FALSE") ? VALUE_FALSE
                                                        : VALUE_TEXT;
        return node->value.kind == VALUE_TEXT ? -EINVAL : 0;
    }
    if (take_word(parser, "EXISTS")) {
        node->value.kind = VALUE_EXISTS;
        return 0;
    }
    if (take_word(parser, "NOT")) {
        node->value.kind = VALUE_NOT_EXISTS;
        return take_word(parser, "EXISTS") ? 0 : -EINVAL;
    }
    int rc = read_operator(parser, &node->operator);
    return rc < 0 ? rc : read_value(parser, ")}", &node->value);
}

static int read_json_operand(struct parser *parser, struct node **out_node)
{
    skip_space(parser);
    if (!take(parser, "("))
        return read_json_comparison(parser, out_node);
    if (++parser->depth > FILTER_PATTERN_MAX_DEPTH)
        return -EINVAL;
    int rc = read_chain(parser, read_json_operand, true, out_node);
    skip_space(parser);
    parser->depth--;
    return rc == 0 && take(parser, ")") ? 0 : -EINVAL;
}

static int parse_json(struct parser *parser, struct filter_pattern *pattern)
{
    pattern->kind = PATTERN_JSON;
    parser->at++;
    int rc = read_chain(parser, read_json_operand, true, &pattern->root);
    skip_space(parser);
    if (rc < 0 || !take(parser, "}"))
        return -EINVAL;
    skip_space(parser);
    return parser->at == parser->text.len ? 0 : -EINVAL;
}

/* --- [ fields ] --- */

static bool is_field_char(char c)
{
    return c != '\0' && !is_space(c) && !strchr(",=!<>&|]", c);
}

static struct str read_field_name(struct parser *parser)
{
    skip_space(parser);
    size_t start = parser->at;
    while (is_field_char(peek(parser)))
        parser->at++;
    return str_slice(parser->text, start, parser->at - start);
}

static int read_field_comparison(struct parser *parser, struct node **out_node)
{
    struct node *node = new_node(parser, NODE_COMPARE);
    *out_node = node;
    if (!node)
        return -EINVAL;
    node->selector = read_field_name(parser);
    int rc = read_operator(parser, &node->operator);
    return rc < 0 ? rc : read_value(parser, ",]", &node->value);
}

static int read_field(struct parser *parser, struct field *out)
{
    skip_space(parser);
    if (take(parser, "...")) {
        out->is_rest = true;
        return 0;
    }
    size_t start = parser->at;
    out->name = read_field_name(parser);
    skip_space(parser);
    if (peek(parser) == ',' || peek(parser) == ']')
        return 0;
    parser->at = start;
    return read_chain(parser, read_field_comparison, true, &out->condition);
}

static int parse_fields(struct parser *parser, struct filter_pattern *pattern)
{
    struct vec fields;
    vec_init(&fields, parser->arena, sizeof(struct field));
    pattern->kind = PATTERN_FIELDS;
    parser->at++;
    skip_space(parser);
    if (take(parser, "]")) /* "[]" matches everything */
        *(struct field *)vec_push(&fields) = (struct field){.is_rest = true};
    while (fields.count == 0 || parser->text.ptr[parser->at - 1] == ',') {
        if (fields.count >= FILTER_PATTERN_MAX_NODES || read_field(parser, vec_push(&fields)) < 0)
            return -EINVAL;
        skip_space(parser);
        if (!take(parser, ",") && !take(parser, "]"))
            return -EINVAL;
    }
    skip_space(parser);
    pattern->fields = fields.items;
    pattern->field_count = fields.count;
    pattern->rest_at = -1;
    for (size_t i = 0; i < fields.count; i++) {
        if (pattern->fields[i].is_rest && pattern->rest_at >= 0)
            return -EINVAL;
        if (pattern->fields[i].is_rest)
            pattern->rest_at = (ptrdiff_t)i;
    }
    return parser->at == parser->text.len ? 0 : -EINVAL;
}

/* --- terms --- */

static bool is_term_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           (unsigned char)c >= 0x80;
}

/* AWS: "Enclose exact phrases and terms that include non-alphanumeric characters in double
 * quotation marks". */
static int read_term(struct parser *parser, struct term *out)
{
    if (take(parser, "?"))
        out->kind = TERM_OPTIONAL;
    else if (take(parser, "-"))
        out->kind = TERM_EXCLUDED;
    if (take(parser, "%"))
        return read_regex(parser, &out->value);
    out->value.kind = VALUE_TEXT;
    if (take(parser, "\""))
        return read_quoted(parser, '"', &out->value.text);
    size_t start = parser->at;
    while (is_term_char(peek(parser)))
        parser->at++;
    out->value.text = str_slice(parser->text, start, parser->at - start);
    bool is_end = parser->at == parser->text.len || is_space(peek(parser));
    return out->value.text.len > 0 && is_end ? 0 : -EINVAL;
}

static int parse_terms(struct parser *parser, struct filter_pattern *pattern)
{
    struct vec terms;
    vec_init(&terms, parser->arena, sizeof(struct term));
    pattern->kind = PATTERN_TEXT;
    for (skip_space(parser); parser->at < parser->text.len; skip_space(parser)) {
        if (terms.count >= FILTER_PATTERN_MAX_NODES)
            return -EINVAL;
        struct term *term = vec_push(&terms);
        int rc = read_term(parser, term);
        if (rc < 0)
            return rc;
        pattern->has_required |= term->kind == TERM_REQUIRED;
        pattern->has_optional |= term->kind == TERM_OPTIONAL;
    }
    pattern->terms = terms.items;
    pattern->term_count = terms.count;
    return 0;
}

int filter_pattern_parse(struct arena *arena, struct str text, struct filter_pattern **out_pattern)
{
    struct parser parser = {.arena = arena, .text = str_trim(text)};
    struct filter_pattern *pattern = arena_alloc(arena, sizeof(*pattern));
    char first = peek(&parser);
    parser.text = str_copy(arena, parser.text);
    int rc = first == '{'   ? parse_json(&parser, pattern)
             : first == '[' ? parse_fields(&parser, pattern)
                            : parse_terms(&parser, pattern);
    if (rc < 0)
        return -EINVAL;
    *out_pattern = pattern;
    return 0;
}

/* --- matching --- */

static bool is_word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* Where the term stands as a word of its own. */
static bool has_term(struct str text, struct str term)
{
    size_t at = 0;
    while (term.len > 0 && at + term.len <= text.len) {
        const char *found = memmem(text.ptr + at, text.len - at, term.ptr, term.len);
        if (!found)
            return false;
        size_t start = (size_t)(found - text.ptr);
        size_t end = start + term.len;
        bool is_start =
            start == 0 || !is_word_char(term.ptr[0]) || !is_word_char(text.ptr[start - 1]);
        bool is_end = end == text.len || !is_word_char(term.ptr[term.len - 1]) ||
                      !is_word_char(text.ptr[end]);
        if (is_start && is_end)
            return true;
        at = start + 1;
    }
    return term.len == 0;
}

/* AWS: when required terms are there too, optional ones are ignored. */
static bool match_terms(const struct filter_pattern *pattern, struct str event)
{
    bool has_found_optional = false;
    for (size_t i = 0; i < pattern->term_count; i++) {
        const struct term *term = &pattern->terms[i];
        if (term->kind == TERM_OPTIONAL && (pattern->has_required || has_found_optional))
            continue;
        bool is_there = term->value.kind == VALUE_REGEX ? regex_matches(&term->value, event)
                                                        : has_term(event, term->value.text);
        if (is_there != (term->kind == TERM_REQUIRED) && term->kind != TERM_OPTIONAL)
            return false;
        has_found_optional |= is_there && term->kind == TERM_OPTIONAL;
    }
    return pattern->has_required || !pattern->has_optional || has_found_optional;
}

static bool compare_json(const struct node *node, const struct json *value)
{
    switch (node->value.kind) {
    case VALUE_NULL:
        return value && value->kind == JSON_NULL;
    case VALUE_TRUE:
        return value && value->kind == JSON_TRUE;
    case VALUE_FALSE:
        return value && value->kind == JSON_FALSE;
    case VALUE_EXISTS:
        return value != NULL;
    case VALUE_NOT_EXISTS:
        return value == NULL;
    case VALUE_TEXT:
    case VALUE_REGEX:
        break;
    }
    if (!value || value->kind == JSON_ARRAY || value->kind == JSON_OBJECT)
        return false;
    bool is_equality = node->operator== OPERATOR_EQUAL || node->operator== OPERATOR_NOT_EQUAL;
    if (value->kind == JSON_NUMBER || (value->kind == JSON_STRING && is_equality))
        return compare_text(node, value->text);
    if (value->kind == JSON_TRUE || value->kind == JSON_FALSE)
        return compare_text(node, value->kind == JSON_TRUE ? STR("true") : STR("false"));
    return false;
}

/* Follows the steps from `value`; with "[*]" any item will do. */
static bool match_steps(const struct node *node, size_t step, const struct json *value)
{
    while (step < node->step_count && value) {
        const struct step *next = &node->steps[step++];
        if (str_is_set(next->name)) {
            value = json_find(value, next->name);
            continue;
        }
        const struct json *item = json_is_array(value) ? value->first : NULL;
        for (int64_t i = 0; item && next->index >= 0 && i < next->index; i++)
            item = item->next;
        if (next->index >= 0) {
            value = item;
            continue;
        }
        for (; item; item = item->next) {
            if (match_steps(node, step, item))
                return true;
        }
        value = NULL;
    }
    return compare_json(node, value);
}

static bool match_json(const struct node *node, const struct json *event)
{
    if (node->kind == NODE_AND)
        return match_json(node->left, event) && match_json(node->right, event);
    if (node->kind == NODE_OR)
        return match_json(node->left, event) || match_json(node->right, event);
    return match_steps(node, 0, event);
}

static bool match_field(const struct node *node, struct str text)
{
    if (node->kind == NODE_AND)
        return match_field(node->left, text) && match_field(node->right, text);
    if (node->kind == NODE_OR)
        return match_field(node->left, text) || match_field(node->right, text);
    return compare_text(node, text);
}

/* The fields of an event: white space between them; [...] and "..." are one. */
static size_t split_fields(struct str event, struct str *out_fields)
{
    size_t count = 0;
    size_t at = 0;
    while (count < MAX_FIELDS) {
        while (at < event.len && is_space(event.ptr[at]))
            at++;
        if (at >= event.len)
            break;
        char open = event.ptr[at];
        char close = open == '[' ? ']' : open == '"' ? '"' : '\0';
        size_t start = at + (close ? 1 : 0);
        size_t end = start;
        while (end < event.len && (close ? event.ptr[end] != close : !is_space(event.ptr[end])))
            end++;
        if (close && end == event.len) { /* not closed: a field like any other */
            start = at;
            for (end = at; end < event.len && !is_space(event.ptr[end]);)
                end++;
            close = '\0';
        }
        out_fields[count++] = str_slice(event, start, end - start);
        at = end + (close ? 1 : 0);
    }
    return count;
}

/* The pattern's field at `index` is which of the event's; negative: none. */
static ptrdiff_t place_of(const struct filter_pattern *pattern, size_t index, size_t count)
{
    if (pattern->rest_at < 0 || (ptrdiff_t)index < pattern->rest_at)
        return (ptrdiff_t)index;
    return (ptrdiff_t)count - (ptrdiff_t)(pattern->field_count - index);
}

static bool match_fields(const struct filter_pattern *pattern, struct str event)
{
    struct str fields[MAX_FIELDS];
    size_t count = split_fields(event, fields);
    bool fits =
        pattern->rest_at < 0 ? count == pattern->field_count : count + 1 >= pattern->field_count;
    for (size_t i = 0; fits && i < pattern->field_count; i++) {
        const struct field *field = &pattern->fields[i];
        if (field->condition)
            fits = match_field(field->condition, fields[place_of(pattern, i, count)]);
    }
    return fits;
}

bool filter_pattern_matches(const struct filter_pattern *pattern, struct arena *scratch,
                            struct str event)
{
    struct json *value = NULL;
    switch (pattern->kind) {
    case PATTERN_TEXT:
        return match_terms(pattern, event);
    case PATTERN_FIELDS:
        return match_fields(pattern, event);
    case PATTERN_JSON:
        break;
    }
    arena_reset(scratch);
    return json_parse(scratch, event, 0, &value, NULL) == 0 && json_is_object(value) &&
           match_json(pattern->root, value);
}

/* --- extraction --- */

static size_t extract_json(const struct node *node, struct arena *arena, const struct json *event,
                           struct filter_value *out, size_t count, size_t max)
{
    if (node->kind != NODE_COMPARE) {
        count = extract_json(node->left, arena, event, out, count, max);
        return extract_json(node->right, arena, event, out, count, max);
    }
    const struct json *value = event;
    for (size_t i = 0; i < node->step_count && value; i++) {
        const struct json *item = json_is_array(value) ? value->first : NULL;
        for (int64_t n = 0; item && n < node->steps[i].index; n++)
            item = item->next;
        value = str_is_set(node->steps[i].name) ? json_find(value, node->steps[i].name) : item;
    }
    for (size_t i = 0; i < count; i++) {
        if (str_eq(out[i].name, node->selector))
            return count;
    }
    if (!value || count == max)
        return count;
    out[count] = (struct filter_value){.name = node->selector,
                                       .value = json_is_string(value) ? value->text
                                                                      : json_to_str(arena, value)};
    return count + 1;
}

size_t filter_pattern_extract(const struct filter_pattern *pattern, struct arena *arena,
                              struct str event, struct filter_value *out_values, size_t max)
{
    struct json *value = NULL;
    size_t extracted = 0;
    if (pattern->kind == PATTERN_JSON && json_parse(arena, event, 0, &value, NULL) == 0)
        return extract_json(pattern->root, arena, value, out_values, 0, max);
    if (pattern->kind != PATTERN_FIELDS)
        return 0;
    struct str fields[MAX_FIELDS];
    size_t count = split_fields(event, fields);
    for (size_t i = 0; i < pattern->field_count && extracted < max; i++) {
        const struct field *field = &pattern->fields[i];
        ptrdiff_t place = place_of(pattern, i, count);
        struct str name = field->condition ? field->condition->selector : field->name;
        for (const struct node *node = field->condition; node && name.len == 0; node = node->left)
            name = node->selector;
        if (field->is_rest || place < 0 || (size_t)place >= count || name.len == 0)
            continue;
        out_values[extracted++] = (struct filter_value){.name = str_concat(arena, STR("$"), name),
                                                        .value = str_copy(arena, fields[place])};
    }
    return extracted;
}
