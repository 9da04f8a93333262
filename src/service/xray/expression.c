/* expression.c — reads filter expressions: a tokenizer and a recursive descent, which is bounded.
 *
 *   expression = and { "OR" and }       and = unary { "AND" unary }
 *   unary      = [ "!" | "NOT" ] primary
 *   primary    = "(" expression ")" | service | edge | keyword [ operator value ]
 *   service    = "service" "(" [ selector ] ")" [ "{" expression "}" ]
 *   edge       = "edge" "(" selector "," selector ")" [ "{" expression "}" ]
 *   selector   = text | "id" "(" [ part { "," part } ] ")" | nothing
 *   part       = [ "name" | "type" | "account.id" ":" ] text
 */
#include "service/xray/expression.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "service/xray/expression_private.h"

enum {
    NUMBER_MAX = 64,
};

enum token {
    TOKEN_END,
    TOKEN_BAD,
    TOKEN_WORD,   /* text */
    TOKEN_TEXT,   /* text, decoded */
    TOKEN_NUMBER, /* number */
    TOKEN_OPERATOR,
    TOKEN_MARK, /* one of ( ) { } [ ] , : ! */
};

struct reader {
    struct arena *arena;
    struct str source;
    size_t at;
    enum token token; /* the one that comes next */
    struct str text;
    double number;
    enum xray_operator operator;
    char mark;
    unsigned depth;
    struct str *out_message;
};

static int read_or(struct reader *r, struct xray_expression **out);

/* --- tokens --- */

static bool is_word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.';
}

static void read_word(struct reader *r)
{
    size_t start = r->at;
    while (r->at < r->source.len && is_word_char(r->source.ptr[r->at]))
        r->at++;
    r->text = str_slice(r->source, start, r->at - start);
    r->token = TOKEN_WORD;
}

static void read_number(struct reader *r)
{
    char copy[NUMBER_MAX];
    size_t start = r->at;
    r->at += r->source.ptr[r->at] == '-';
    while (r->at < r->source.len && ((r->source.ptr[r->at] >= '0' && r->source.ptr[r->at] <= '9') ||
                                     r->source.ptr[r->at] == '.'))
        r->at++;
    struct str text = str_slice(r->source, start, r->at - start);
    r->token = TOKEN_BAD;
    if (text.len >= sizeof(copy) || text.len == 0)
        return;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    char *end = NULL;
    r->number = strtod(copy, &end);
    if (*end == '\0' && end != copy)
        r->token = TOKEN_NUMBER;
}

static void read_text(struct reader *r)
{
    struct buf out;
    buf_init(&out, r->arena, XRAY_EXPRESSION_MAX_BYTES);
    r->token = TOKEN_BAD;
    for (r->at++; r->at < r->source.len && r->source.ptr[r->at] != '"'; r->at++) {
        bool is_escaped = r->source.ptr[r->at] == '\\' && r->at + 1 < r->source.len;
        r->at += is_escaped;
        buf_append_char(&out, r->source.ptr[r->at]);
    }
    if (r->at >= r->source.len)
        return;
    r->at++;
    r->text = buf_str(&out);
    r->token = TOKEN_TEXT;
}

static bool read_operator(struct reader *r)
{
    static const struct {
        struct str text;
        enum xray_operator operator;
    } operators[] = {
        {STR_INIT("!="), XRAY_UNEQUAL},  {STR_INIT("<="), XRAY_AT_MOST},
        {STR_INIT(">="), XRAY_AT_LEAST}, {STR_INIT("="), XRAY_EQUAL},
        {STR_INIT("<"), XRAY_LESS},      {STR_INIT(">"), XRAY_MORE},
    };
    for (size_t i = 0; i < ARRAY_LEN(operators); i++) {
        if (!str_starts_with(str_from(r->source, r->at), operators[i].text))
            continue;
        r->at += operators[i].text.len;
        r->operator= operators[i].operator;
        r->token = TOKEN_OPERATOR;
        return true;
    }
    return false;
}

static bool read_word_operator(struct reader *r)
{
    static const struct {
        const char *text;
        enum xray_operator operator;
    } operators[] = {
        {"CONTAINS", XRAY_CONTAINS}, {"BEGINSWITH", XRAY_BEGINSWITH}, {"ENDSWITH", XRAY_ENDSWITH}};
    for (size_t i = 0; i < ARRAY_LEN(operators); i++) {
        if (str_eq_nocase(r->text, str_from_cstr(operators[i].text))) {
            r->operator= operators[i].operator;
            r->token = TOKEN_OPERATOR;
            return true;
        }
    }
    return false;
}

static void advance(struct reader *r)
{
    while (r->at < r->source.len && strchr(" \t\r\n", r->source.ptr[r->at]))
        r->at++;
    if (r->at >= r->source.len) {
        r->token = TOKEN_END;
        return;
    }
    char c = r->source.ptr[r->at];
    if (c == '"') {
        read_text(r);
    } else if ((c >= '0' && c <= '9') || c == '-') {
        read_number(r);
    } else if (is_word_char(c)) {
        read_word(r);
        (void)read_word_operator(r);
    } else if (read_operator(r)) {
        return;
    } else if (c != '\0' && strchr("(){}[],:!", c)) {
        r->mark = c;
        r->at++;
        r->token = TOKEN_MARK;
    } else {
        r->token = TOKEN_BAD;
    }
}

static bool is_mark(const struct reader *r, char mark)
{
    return r->token == TOKEN_MARK && r->mark == mark;
}

static bool is_word(const struct reader *r, const char *word)
{
    return r->token == TOKEN_WORD && str_eq_nocase(r->text, str_from_cstr(word));
}

static int refuse(const struct reader *r, const char *why)
{
    *r->out_message =
        str_format(r->arena, "Invalid filter expression: %s at position %zu", why, r->at);
    return -EINVAL;
}

static int expect_mark(struct reader *r, char mark)
{
    char why[] = "expected ' '";
    if (is_mark(r, mark)) {
        advance(r);
        return 0;
    }
    why[sizeof(why) - 3] = mark;
    return refuse(r, why);
}

/* --- service and edge --- */

static int read_part(struct reader *r, size_t index, struct xray_selector *out)
{
    struct str *const by_index[] = {&out->name, &out->type, &out->account};
    struct str *target = index < ARRAY_LEN(by_index) ? by_index[index] : NULL;
    if (r->token == TOKEN_WORD) {
        target = is_word(r, "name")         ? &out->name
                 : is_word(r, "type")       ? &out->type
                 : is_word(r, "account.id") ? &out->account
                                            : NULL;
        advance(r);
        int rc = target ? expect_mark(r, ':') : refuse(r, "unknown part of a service id");
        if (rc < 0)
            return rc;
    }
    if (!target || r->token != TOKEN_TEXT)
        return refuse(r, "expected a text");
    *target = r->text;
    advance(r);
    return 0;
}

static int read_selector(struct reader *r, struct xray_selector *out)
{
    if (r->token == TOKEN_TEXT) {
        out->name = r->text;
        advance(r);
        return 0;
    }
    if (!is_word(r, "id"))
        return 0;
    advance(r);
    int rc = expect_mark(r, '(');
    for (size_t index = 0; rc == 0 && !is_mark(r, ')'); index++) {
        if (index > 0)
            rc = expect_mark(r, ',');
        if (rc == 0)
            rc = read_part(r, index, out);
    }
    return rc < 0 ? rc : expect_mark(r, ')');
}

static int read_braces(struct reader *r, struct xray_expression *out)
{
    if (!is_mark(r, '{'))
        return 0;
    advance(r);
    int rc = read_or(r, &out->left);
    return rc < 0 ? rc : expect_mark(r, '}');
}

static int read_entity(struct reader *r, struct xray_expression *out, bool is_edge)
{
    out->term = is_edge ? XRAY_EDGE : XRAY_SERVICE;
    advance(r);
    int rc = expect_mark(r, '(');
    if (rc == 0)
        rc = read_selector(r, &out->source);
    if (rc == 0 && is_edge)
        rc = expect_mark(r, ',');
    if (rc == 0 && is_edge)
        rc = read_selector(r, &out->target);
    if (rc == 0)
        rc = expect_mark(r, ')');
    return rc < 0 ? rc : read_braces(r, out);
}

/* --- keywords --- */

enum keyword_kind {
    KEYWORD_FLAG,
    KEYWORD_NUMBER,
    KEYWORD_TEXT,
};

static const struct {
    const char *name;
    enum xray_keyword keyword;
    enum keyword_kind kind;
} keywords[] = {
    {"ok", XRAY_OK, KEYWORD_FLAG},
    {"error", XRAY_ERROR, KEYWORD_FLAG},
    {"throttle", XRAY_THROTTLE, KEYWORD_FLAG},
    {"fault", XRAY_FAULT, KEYWORD_FLAG},
    {"partial", XRAY_PARTIAL, KEYWORD_FLAG},
    {"inferred", XRAY_INFERRED, KEYWORD_FLAG},
    {"first", XRAY_FIRST, KEYWORD_FLAG},
    {"last", XRAY_LAST, KEYWORD_FLAG},
    {"remote", XRAY_REMOTE, KEYWORD_FLAG},
    {"root", XRAY_ROOT, KEYWORD_FLAG},
    {"responsetime", XRAY_RESPONSETIME, KEYWORD_NUMBER},
    {"duration", XRAY_DURATION, KEYWORD_NUMBER},
    {"http.status", XRAY_HTTP_STATUS, KEYWORD_NUMBER},
    {"http.url", XRAY_HTTP_URL, KEYWORD_TEXT},
    {"http.method", XRAY_HTTP_METHOD, KEYWORD_TEXT},
    {"http.useragent", XRAY_HTTP_USERAGENT, KEYWORD_TEXT},
    {"http.clientip", XRAY_HTTP_CLIENTIP, KEYWORD_TEXT},
    {"user", XRAY_USER, KEYWORD_TEXT},
    {"name", XRAY_NAME, KEYWORD_TEXT},
    {"type", XRAY_TYPE, KEYWORD_TEXT},
    {"message", XRAY_MESSAGE, KEYWORD_TEXT},
    {"availabilityzone", XRAY_AVAILABILITYZONE, KEYWORD_TEXT},
    {"instance.id", XRAY_INSTANCE_ID, KEYWORD_TEXT},
    {"resource.arn", XRAY_RESOURCE_ARN, KEYWORD_TEXT},
};

static int read_value(struct reader *r, struct xray_expression *out)
{
    if (r->token == TOKEN_TEXT) {
        out->value_kind = XRAY_TEXT;
        out->text = r->text;
    } else if (r->token == TOKEN_NUMBER) {
        out->value_kind = XRAY_NUMBER;
        out->number = r->number;
    } else if (is_word(r, "true") || is_word(r, "false")) {
        out->value_kind = is_word(r, "true") ? XRAY_TRUE : XRAY_FALSE;
    } else {
        return refuse(r, "expected a value");
    }
    advance(r);
    return 0;
}

static int read_comparison(struct reader *r, struct xray_expression *out)
{
    if (r->token != TOKEN_OPERATOR)
        return refuse(r, "expected an operator");
    out->term = XRAY_COMPARE;
    out->operator= r->operator;
    advance(r);
    return read_value(r, out);
}

/* annotation.key, or annotation[key] with the key as word or text. */
static int read_annotation(struct reader *r, struct xray_expression *out)
{
    struct str prefix = STR("annotation.");
    out->keyword = XRAY_ANNOTATION;
    if (r->text.len > prefix.len) {
        out->key = str_from(r->text, prefix.len);
        advance(r);
    } else {
        advance(r);
        int rc = expect_mark(r, '[');
        if (rc < 0)
            return rc;
        if (r->token != TOKEN_WORD && r->token != TOKEN_TEXT)
            return refuse(r, "expected an annotation's key");
        out->key = r->text;
        advance(r);
        rc = expect_mark(r, ']');
        if (rc < 0)
            return rc;
    }
    if (r->token == TOKEN_OPERATOR)
        return read_comparison(r, out);
    out->term = XRAY_FLAG; /* the annotation is there */
    return 0;
}

static int read_group(struct reader *r, struct xray_expression *out)
{
    advance(r);
    int rc = read_comparison(r, out);
    if (rc < 0)
        return rc;
    if (out->value_kind != XRAY_TEXT || out->operator!= XRAY_EQUAL)
        return refuse(r, "groups are compared by = with a text");
    out->term = XRAY_GROUP;
    return 0;
}

static bool fits(enum keyword_kind kind, const struct xray_expression *expression)
{
    switch (kind) {
    case KEYWORD_FLAG:
        return expression->value_kind >= XRAY_TRUE && expression->operator<= XRAY_UNEQUAL;
    case KEYWORD_NUMBER:
        return expression->value_kind == XRAY_NUMBER && expression->operator<= XRAY_AT_LEAST;
    case KEYWORD_TEXT:
        break;
    }
    return expression->value_kind == XRAY_TEXT &&
           (expression->operator<= XRAY_UNEQUAL || expression->operator>= XRAY_CONTAINS);
}

static int read_keyword(struct reader *r, struct xray_expression *out)
{
    for (size_t i = 0; i < ARRAY_LEN(keywords); i++) {
        if (!is_word(r, keywords[i].name))
            continue;
        out->keyword = keywords[i].keyword;
        out->term = XRAY_FLAG;
        advance(r);
        if (keywords[i].kind == KEYWORD_FLAG && r->token != TOKEN_OPERATOR)
            return 0;
        int rc = read_comparison(r, out);
        if (rc < 0)
            return rc;
        return fits(keywords[i].kind, out)
                   ? 0
                   : refuse(r, "the keyword does not take this operator or value");
    }
    return refuse(r, "unknown keyword");
}

/* --- the tree --- */

static struct xray_expression *new_node(struct reader *r, enum xray_term term,
                                        struct xray_expression *left, struct xray_expression *right)
{
    struct xray_expression *node = arena_alloc(r->arena, sizeof(*node));
    *node = (struct xray_expression){.term = term, .left = left, .right = right};
    return node;
}

static int read_primary(struct reader *r, struct xray_expression **out)
{
    if (is_mark(r, '(')) {
        advance(r);
        int rc = read_or(r, out);
        return rc < 0 ? rc : expect_mark(r, ')');
    }
    if (r->token != TOKEN_WORD)
        return refuse(r, "expected a keyword");
    *out = new_node(r, XRAY_FLAG, NULL, NULL);
    if (is_word(r, "service") || is_word(r, "edge"))
        return read_entity(r, *out, is_word(r, "edge"));
    if (str_starts_with(r->text, STR("annotation")))
        return read_annotation(r, *out);
    if (is_word(r, "group.name") || is_word(r, "group.arn"))
        return read_group(r, *out);
    return read_keyword(r, *out);
}

static int read_unary(struct reader *r, struct xray_expression **out)
{
    bool is_negated = false;
    while (is_mark(r, '!') || is_word(r, "NOT")) {
        is_negated = !is_negated;
        advance(r);
    }
    int rc = read_primary(r, out);
    if (rc == 0 && is_negated)
        *out = new_node(r, XRAY_NOT, *out, NULL);
    return rc;
}

/* Chains grow to the right of a loop, so only parentheses and braces recurse. */
static int read_and(struct reader *r, struct xray_expression **out)
{
    int rc = read_unary(r, out);
    while (rc == 0 && is_word(r, "AND")) {
        struct xray_expression *right = NULL;
        advance(r);
        rc = read_unary(r, &right);
        if (rc == 0)
            *out = new_node(r, XRAY_AND, right, *out);
    }
    return rc;
}

static int read_or(struct reader *r, struct xray_expression **out)
{
    if (++r->depth > XRAY_EXPRESSION_MAX_DEPTH)
        return refuse(r, "nested too deep");
    int rc = read_and(r, out);
    while (rc == 0 && is_word(r, "OR")) {
        struct xray_expression *right = NULL;
        advance(r);
        rc = read_and(r, &right);
        if (rc == 0)
            *out = new_node(r, XRAY_OR, right, *out);
    }
    r->depth--;
    return rc;
}

int xray_expression_parse(struct arena *arena, struct str text,
                          struct xray_expression **out_expression, struct str *out_message)
{
    struct reader r = {.arena = arena, .source = text, .out_message = out_message};
    struct xray_expression *expression = NULL;
    if (text.len > XRAY_EXPRESSION_MAX_BYTES)
        return refuse(&r, "too long");
    advance(&r);
    if (r.token == TOKEN_END) {
        *out_expression = new_node(&r, XRAY_ALL, NULL, NULL);
        return 0;
    }
    int rc = read_or(&r, &expression);
    if (rc == 0 && r.token != TOKEN_END)
        rc = refuse(&r, "unexpected text");
    if (rc == 0)
        *out_expression = expression;
    return rc;
}

int xray_expression_resolve(struct arena *arena, struct xray_expression *expression,
                            xray_find_group_fn *find, void *context, struct str *out_message)
{
    /* Trees are as deep to the right as chains are long, so that way is walked in a loop. */
    for (struct xray_expression *at = expression; at; at = at->right) {
        int rc = 0;
        if (at->term == XRAY_GROUP) {
            struct str text = find(context, at->text);
            if (text.ptr)
                rc = xray_expression_parse(arena, text, &at->left, out_message);
        } else if (at->left) {
            rc = xray_expression_resolve(arena, at->left, find, context, out_message);
        }
        if (rc < 0)
            return rc;
    }
    return 0;
}

bool xray_expression_is_edge(const struct xray_expression *expression)
{
    return expression->term == XRAY_EDGE;
}

bool xray_expression_is_service(const struct xray_expression *expression)
{
    return expression->term == XRAY_SERVICE;
}
