/* pattern.c — compiles event patterns to a tree of fields with matchers, and walks it with an
 * event.
 *
 * A pattern is an object whose leaves are arrays of matchers: a field matches when one of them
 * matches one of its values, an object when all its fields do, `$or` when one of its objects does.
 *
 * Arrays in events: a field whose value is an array has the values of all its items. Where the
 * pattern goes on into objects, all the fields inside must be met by one and the same item.
 * `exists` is about leaves: a field that is an object or an empty array does not exist, and
 * "exists": false asks for its absence in the whole event, not in one item.
 *
 * DEVIATION: letters outside ASCII have one case only in equals-ignore-case. AWS folds them by
 * Java's rules.
 */
#include "service/events/pattern.h"

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "syntax/json.h"

enum {
    MAX_NUMBER = 64,  /* digits of a number that is compared */
    MAX_SHOWN = 500,  /* Jackson cuts the source in its messages */
    MAX_ADDRESS = 46, /* INET6_ADDRSTRLEN */
    IPV4_BITS = 32,
    IPV6_BITS = 128,
};

enum matcher_kind {
    MATCH_EXACT,  /* a JSON scalar */
    MATCH_EXISTS, /* flag */
    MATCH_PREFIX, /* flag: without regard to case; so the next two */
    MATCH_SUFFIX,
    MATCH_EQUALS,
    MATCH_WILDCARD,
    MATCH_NUMERIC,
    MATCH_CIDR,
    MATCH_BUT, /* none of `others` */
};

struct matcher {
    struct matcher *next;
    enum matcher_kind kind;
    bool flag;
    const struct json *value; /* EXACT */
    struct str text;          /* PREFIX, SUFFIX, EQUALS, WILDCARD */
    double bottom;            /* NUMERIC */
    double top;
    bool has_bottom;
    bool has_top;
    bool is_open_bottom;
    bool is_open_top;
    unsigned char address[16]; /* CIDR */
    int address_bits;          /* 32 or 128 */
    int mask_bits;
    struct matcher *others; /* BUT */
};

struct node;

struct field {
    struct field *next;
    struct field *parent; /* the way to the root */
    struct str name;
    struct node *node;        /* the pattern goes on, */
    struct matcher *matchers; /* or ends here */
};

struct choice {
    struct choice *next;
    struct node *nodes; /* one of them must match */
};

struct node {
    struct node *next; /* in a choice */
    struct field *fields;
    struct choice *choices;
};

struct event_pattern {
    struct node *root;
};

struct compiler {
    struct arena *arena;
    struct str text;
    struct str *reason;
};

/* ---- Errors ---------------------------------------------------------------------------------- */

static void place_of(struct str text, size_t offset, size_t *out_line, size_t *out_column)
{
    *out_line = 1;
    *out_column = 1;
    for (size_t i = 0; i < offset && i < text.len; i++) {
        (*out_column)++;
        if (text.ptr[i] == '\n') {
            (*out_line)++;
            *out_column = 1;
        }
    }
}

/* OBSERVED (2023, errors of PutRule in issues of CDK and Terraform): the message of the JSON parser
 * that event-ruler uses, with the place behind the token. */
static int fail_at(struct compiler *compiler, size_t offset, struct str message)
{
    size_t line = 0;
    size_t column = 0;
    place_of(compiler->text, offset, &line, &column);
    bool is_cut = compiler->text.len > MAX_SHOWN;
    struct str shown = str_slice(compiler->text, 0, MAX_SHOWN);
    *compiler->reason =
        str_format(compiler->arena,
                   STR_FMT "\n at [Source: (String)\"" STR_FMT "\"%s; line: %zu, column: %zu]",
                   STR_ARG(message), STR_ARG(shown), is_cut ? "[truncated]" : "", line, column);
    return -EINVAL;
}

/* Behind the first character of a text or bracket, behind the whole of a number or word. */
static int fail(struct compiler *compiler, const struct json *value, struct str message)
{
    size_t len = 1;
    if (value->kind == JSON_NUMBER)
        len = value->text.len;
    if (value->kind == JSON_NULL || value->kind == JSON_TRUE)
        len = 4;
    if (value->kind == JSON_FALSE)
        len = 5;
    return fail_at(compiler, value->offset + len, message);
}

static int fail_with(struct compiler *compiler, const struct json *value, const char *message,
                     struct str detail)
{
    return fail(compiler, value, str_concat(compiler->arena, str_from_cstr(message), detail));
}

/* At the closing bracket of an empty array or object. */
static int fail_empty(struct compiler *compiler, const struct json *value, struct str message)
{
    char close = json_is_array(value) ? ']' : '}';
    ptrdiff_t at = str_index(str_from(compiler->text, value->offset), close);
    return fail_at(compiler, value->offset + (at < 0 ? 0 : (size_t)at) + 1, message);
}

static struct str shown_value(struct compiler *compiler, const struct json *value)
{
    if (value->kind == JSON_ARRAY)
        return STR("[");
    if (value->kind == JSON_OBJECT)
        return STR("{");
    return json_is_string(value) ? value->text : json_to_str(compiler->arena, value);
}

/* ---- Numbers and addresses ------------------------------------------------------------------- */

static bool read_number(struct str text, double *out_number)
{
    char copy[MAX_NUMBER];
    if (text.len == 0 || text.len >= sizeof(copy))
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    char *end = NULL;
    *out_number = strtod(copy, &end);
    return *end == '\0' && isfinite(*out_number);
}

static bool read_address(struct str text, unsigned char out[16], int *out_bits)
{
    char copy[MAX_ADDRESS];
    if (text.len == 0 || text.len >= sizeof(copy))
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    if (inet_pton(AF_INET, copy, out) == 1) {
        *out_bits = IPV4_BITS;
        return true;
    }
    *out_bits = IPV6_BITS;
    return inet_pton(AF_INET6, copy, out) == 1;
}

static bool is_in_network(const struct matcher *matcher, struct str text)
{
    unsigned char address[16] = {0};
    int bits = 0;
    if (!read_address(text, address, &bits) || bits != matcher->address_bits)
        return false;
    int whole = matcher->mask_bits / 8;
    int rest = matcher->mask_bits % 8;
    if (memcmp(address, matcher->address, (size_t)whole) != 0)
        return false;
    unsigned mask = rest == 0 ? 0 : 0xFFU << (8 - rest) & 0xFFU;
    return whole == (int)sizeof(address) ||
           ((address[whole] ^ matcher->address[whole]) & mask) == 0;
}

/* ---- Compiling matchers ---------------------------------------------------------------------- */

static struct matcher *new_matcher(struct compiler *compiler, enum matcher_kind kind)
{
    struct matcher *matcher = arena_alloc(compiler->arena, sizeof(*matcher));
    matcher->kind = kind;
    return matcher;
}

static bool is_scalar(const struct json *value)
{
    return value->kind != JSON_ARRAY && value->kind != JSON_OBJECT;
}

/* AWS: "*" matches any characters, "\*" and "\\" themselves; the position counts the quote. */
static int check_wildcard(struct compiler *compiler, const struct json *value)
{
    struct str text = value->text;
    for (size_t i = 0; i < text.len; i++) {
        bool is_last = i + 1 == text.len;
        if (text.ptr[i] == '\\' && (is_last || (text.ptr[i + 1] != '*' && text.ptr[i + 1] != '\\')))
            return fail(compiler, value,
                        str_format(compiler->arena, "Invalid escape character at pos %zu", i + 1));
        if (text.ptr[i] == '\\')
            i++;
        else if (text.ptr[i] == '*' && !is_last && text.ptr[i + 1] == '*')
            return fail(
                compiler, value,
                str_format(compiler->arena, "Consecutive wildcard characters at pos %zu", i + 1));
    }
    return 0;
}

/* {"prefix": "a"} or {"prefix": {"equals-ignore-case": "a"}}. */
static int compile_affix(struct compiler *compiler, const struct json *expression,
                         struct matcher *matcher)
{
    const struct json *value = expression;
    const char *name = matcher->kind == MATCH_PREFIX ? "prefix" : "suffix";
    if (json_is_object(value)) {
        const struct json *inner = value->first;
        if (!inner)
            return fail(compiler, value,
                        matcher->kind == MATCH_PREFIX ? STR("Prefix expression name not found")
                                                      : STR("Suffix expression name not found"));
        if (!str_eq_cstr(inner->key, "equals-ignore-case"))
            return fail(compiler, inner,
                        str_format(compiler->arena, "Unsupported %s pattern: " STR_FMT, name,
                                   STR_ARG(inner->key)));
        if (!json_is_string(inner))
            return fail(compiler, inner, STR("equals-ignore-case match pattern must be a string"));
        if (inner->next)
            return fail(compiler, inner->next, STR("Only one key allowed in match expression"));
        matcher->flag = true;
        value = inner;
    }
    if (!json_is_string(value))
        return fail(compiler, value,
                    str_format(compiler->arena, "%s match pattern must be a string", name));
    matcher->text = value->text;
    return 0;
}

static int compile_text(struct compiler *compiler, const struct json *value, const char *name,
                        struct matcher *matcher)
{
    if (!json_is_string(value))
        return fail(compiler, value,
                    str_format(compiler->arena, "%s match pattern must be a string", name));
    matcher->text = value->text;
    return matcher->kind == MATCH_WILDCARD ? check_wildcard(compiler, value) : 0;
}

static int take_bound(struct compiler *compiler, const struct json *array, const struct json *item,
                      struct str operator, double * out_number)
{
    if (item && item->kind == JSON_NUMBER && read_number(item->text, out_number))
        return 0;
    struct str name = str_eq_cstr(operator, "=") ? STR("equals") : operator;
    return fail(compiler, item ? item : array,
                str_concat3(compiler->arena, STR("Value of "), name, STR(" must be numeric")));
}

/* [">=", 0, "<", 5]: the lower bound comes first, as in AWS. */
static int compile_numeric(struct compiler *compiler, const struct json *array,
                           struct matcher *matcher)
{
    if (!json_is_array(array))
        return fail(compiler, array, STR("Value of numeric must be an array."));
    const struct json *item = array->first;
    if (!item || !json_is_string(item))
        return fail_with(compiler, item ? item : array, "Invalid member in numeric match: ",
                         item ? shown_value(compiler, item) : STR("]"));
    struct str operator= item->text;
    bool is_lower = str_eq_cstr(operator, ">") || str_eq_cstr(operator, ">=");
    bool is_upper = str_eq_cstr(operator, "<") || str_eq_cstr(operator, "<=");
    bool is_equal = str_eq_cstr(operator, "=");
    if (!is_lower && !is_upper && !is_equal)
        return fail_with(compiler, item, "Unrecognized numeric range operator: ", operator);
    double number = 0;
    int rc = take_bound(compiler, array, item->next, operator, & number);
    if (rc < 0)
        return rc;
    item = item->next->next;
    matcher->has_bottom = is_lower || is_equal;
    matcher->has_top = is_upper || is_equal;
    matcher->bottom = number;
    matcher->top = number;
    matcher->is_open_bottom = str_eq_cstr(operator, ">");
    matcher->is_open_top = str_eq_cstr(operator, "<");
    if (!item)
        return 0;
    if (!is_lower)
        return fail(compiler, item, STR("Too many elements in numeric expression"));
    if (!json_is_string(item))
        return fail_with(compiler, item,
                         "Bad value in numeric range: ", shown_value(compiler, item));
    operator= item->text;
    if (!str_eq_cstr(operator, "<") && !str_eq_cstr(operator, "<="))
        return fail_with(compiler, item, "Bad numeric range operator: ", operator);
    rc = take_bound(compiler, array, item->next, operator, & matcher->top);
    if (rc < 0)
        return rc;
    matcher->has_top = true;
    matcher->is_open_top = str_eq_cstr(operator, "<");
    if (item->next->next)
        return fail(compiler, item->next->next, STR("Too many terms in numeric range expression"));
    if (matcher->bottom >= matcher->top)
        return fail(compiler, item->next, STR("Bottom must be less than top"));
    return 0;
}

static int compile_cidr(struct compiler *compiler, const struct json *value,
                        struct matcher *matcher)
{
    if (!json_is_string(value))
        return fail(compiler, value, STR("prefix match pattern must be a string"));
    ptrdiff_t slash = str_index(value->text, '/');
    if (slash < 0 || str_last_index(value->text, '/') != slash)
        return fail(compiler, value, STR("Malformed CIDR, one '/' required"));
    int64_t bits = 0;
    if (str_to_i64(str_from(value->text, (size_t)slash + 1), &bits) < 0)
        return fail(compiler, value, STR("Malformed CIDR, mask bits must be an integer"));
    if (bits < 0)
        return fail(compiler, value, STR("Malformed CIDR, mask bits must not be negative"));
    struct str address = str_slice(value->text, 0, (size_t)slash);
    if (!read_address(address, matcher->address, &matcher->address_bits))
        return fail_with(compiler, value, "Nonstandard IP address: ", address);
    if (bits > matcher->address_bits)
        return fail(compiler, value,
                    matcher->address_bits == IPV4_BITS ? STR("IPv4 mask bits must be < 32")
                                                       : STR("IPv6 mask bits must be < 128"));
    matcher->mask_bits = (int)bits;
    return 0;
}

/* ---- anything-but ---------------------------------------------------------------------------- */

static void add_other(struct matcher *matcher, struct matcher *other)
{
    other->next = matcher->others;
    matcher->others = other;
}

/* Plain values: all texts or all numbers. */
static int compile_but_values(struct compiler *compiler, const struct json *value,
                              struct matcher *matcher)
{
    bool has_number = false;
    bool has_string = false;
    const struct json *item = json_is_array(value) ? value->first : value;
    for (; item; item = json_is_array(value) ? item->next : NULL) {
        has_number |= item->kind == JSON_NUMBER;
        has_string |= item->kind == JSON_STRING;
        if (item->kind != JSON_NUMBER && item->kind != JSON_STRING)
            return fail(compiler, item,
                        STR("Inside anything but list, start|null|boolean is not supported."));
        struct matcher *other = new_matcher(compiler, MATCH_EXACT);
        other->value = item;
        add_other(matcher, other);
    }
    if (has_number == has_string)
        return fail(compiler, value,
                    STR("Inside anything but list, either all values are number or string, mixed "
                        "type is not supported"));
    return 0;
}

/* One text, or a list of them, under an operator. */
static int compile_but_texts(struct compiler *compiler, const struct json *value,
                             enum matcher_kind kind, struct matcher *matcher)
{
    bool is_affix = kind == MATCH_PREFIX || kind == MATCH_SUFFIX;
    const struct json *item = json_is_array(value) ? value->first : value;
    for (; item; item = json_is_array(value) ? item->next : NULL) {
        if (!json_is_string(item) && kind == MATCH_EQUALS)
            return fail(compiler, item,
                        STR("Inside anything-but/equals-ignore-case list, "
                            "number|start|null|boolean is not supported."));
        if (!json_is_string(item))
            return fail(compiler, item,
                        is_affix ? STR("prefix/suffix match pattern must be a string")
                                 : STR("wildcard match pattern must be a string"));
        if (is_affix && item->text.len == 0)
            return fail(compiler, item, STR("Null prefix/suffix not allowed"));
        if (kind == MATCH_WILDCARD && check_wildcard(compiler, item) < 0)
            return -EINVAL;
        struct matcher *other = new_matcher(compiler, kind);
        other->text = item->text;
        other->flag = kind == MATCH_EQUALS;
        add_other(matcher, other);
    }
    return 0;
}

static int compile_but(struct compiler *compiler, const struct json *value, struct matcher *matcher)
{
    static const struct {
        const char *name;
        enum matcher_kind kind;
    } operators[] = {
        {"equals-ignore-case", MATCH_EQUALS},
        {"prefix", MATCH_PREFIX},
        {"suffix", MATCH_SUFFIX},
        {"wildcard", MATCH_WILDCARD},
    };
    const struct json *inner = json_is_object(value) ? value->first : value;
    if (!inner)
        return fail(compiler, value, STR("Anything-But expression name not found"));
    size_t found = ARRAY_LEN(operators);
    for (size_t i = 0; json_is_object(value) && i < ARRAY_LEN(operators); i++) {
        if (str_eq_cstr(inner->key, operators[i].name))
            found = i;
    }
    if (json_is_object(value) && found == ARRAY_LEN(operators))
        return fail_with(compiler, inner, "Unsupported anything-but pattern: ", inner->key);
    if (!json_is_array(inner) && !json_is_string(inner) && inner->kind != JSON_NUMBER)
        return fail(compiler, inner,
                    STR("Value of anything-but must be an array or single string/number value."));
    if (json_is_object(value) && inner->next)
        return fail(compiler, inner->next, STR("Too many elements in numeric expression"));
    if (!json_is_object(value))
        return compile_but_values(compiler, inner, matcher);
    return compile_but_texts(compiler, inner, operators[found].kind, matcher);
}

static int compile_exists(struct compiler *compiler, const struct json *value,
                          struct matcher *matcher)
{
    if (value->kind != JSON_TRUE && value->kind != JSON_FALSE)
        return fail(compiler, value, STR("exists match pattern must be either true or false."));
    matcher->flag = value->kind == JSON_TRUE;
    return 0;
}

static int compile_equals(struct compiler *compiler, const struct json *value,
                          struct matcher *matcher)
{
    matcher->flag = true;
    return compile_text(compiler, value, "equals-ignore-case", matcher);
}

static int compile_wildcard(struct compiler *compiler, const struct json *value,
                            struct matcher *matcher)
{
    return compile_text(compiler, value, "wildcard", matcher);
}

static int compile_exact(struct compiler *compiler, const struct json *value,
                         struct matcher *matcher)
{
    return compile_text(compiler, value, "exact", matcher);
}

static const struct {
    const char *name;
    enum matcher_kind kind;
    int (*compile)(struct compiler *compiler, const struct json *value, struct matcher *matcher);
} expressions[] = {
    {"prefix", MATCH_PREFIX, compile_affix},
    {"suffix", MATCH_SUFFIX, compile_affix},
    {"exists", MATCH_EXISTS, compile_exists},
    {"equals-ignore-case", MATCH_EQUALS, compile_equals},
    {"wildcard", MATCH_WILDCARD, compile_wildcard},
    {"numeric", MATCH_NUMERIC, compile_numeric},
    {"cidr", MATCH_CIDR, compile_cidr},
    {"anything-but", MATCH_BUT, compile_but},
    {"exactly", MATCH_EQUALS, compile_exact},
};

static int compile_expression(struct compiler *compiler, const struct json *expression,
                              struct matcher **out_matcher)
{
    const struct json *value = expression->first;
    if (!value)
        return fail_empty(compiler, expression, STR("Match expression name not found"));
    for (size_t i = 0; i < ARRAY_LEN(expressions); i++) {
        if (!str_eq_cstr(value->key, expressions[i].name))
            continue;
        *out_matcher = new_matcher(compiler, expressions[i].kind);
        int rc = expressions[i].compile(compiler, value, *out_matcher);
        if (rc == 0 && value->next)
            return fail(compiler, value->next, STR("Only one key allowed in match expression"));
        return rc;
    }
    return fail_with(compiler, value, "Unrecognized match type ", value->key);
}

static int compile_matchers(struct compiler *compiler, const struct json *array,
                            struct field *field)
{
    if (array->count == 0)
        return fail_empty(compiler, array, STR("Empty arrays are not allowed"));
    for (const struct json *item = array->first; item; item = item->next) {
        struct matcher *matcher = NULL;
        if (json_is_array(item))
            return fail(compiler, item,
                        STR("Match value must be String, number, true, false, or null"));
        if (json_is_object(item)) {
            int rc = compile_expression(compiler, item, &matcher);
            if (rc < 0)
                return rc;
        } else {
            matcher = new_matcher(compiler, MATCH_EXACT);
            matcher->value = item;
        }
        matcher->next = field->matchers;
        field->matchers = matcher;
    }
    return 0;
}

/* ---- Compiling objects ----------------------------------------------------------------------- */

static int compile_node(struct compiler *compiler, const struct json *object, struct field *parent,
                        bool is_in_or, struct node **out_node);

/* AWS: inside $or the names of operators would be ambiguous. */
static bool is_reserved(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(expressions); i++) {
        if (str_eq_cstr(name, expressions[i].name))
            return true;
    }
    return false;
}

static int compile_choice(struct compiler *compiler, const struct json *array, struct field *parent,
                          struct node *node)
{
    if (!json_is_array(array))
        return fail(compiler, array, STR("It must be an Array followed with $or."));
    struct choice *choice = arena_alloc(compiler->arena, sizeof(*choice));
    for (const struct json *item = array->first; item; item = item->next) {
        struct node *one = NULL;
        if (!json_is_object(item))
            return fail(compiler, item,
                        STR("Only JSON object is allowed in array of $or relationship."));
        int rc = compile_node(compiler, item, parent, true, &one);
        if (rc < 0)
            return rc;
        one->next = choice->nodes;
        choice->nodes = one;
    }
    if (array->count < 2)
        return fail_empty(compiler, array,
                          STR("There must have at least 2 Objects in $or relationship."));
    choice->next = node->choices;
    node->choices = choice;
    return 0;
}

static int compile_field(struct compiler *compiler, const struct json *member, struct field *parent,
                         bool is_in_or, struct node *node)
{
    struct field *field = arena_alloc(compiler->arena, sizeof(*field));
    field->parent = parent;
    field->name = member->key;
    field->next = node->fields;
    node->fields = field;
    if (is_in_or && is_reserved(member->key))
        return fail(compiler, member,
                    str_concat(compiler->arena, member->key,
                               STR(" is Ruler reserved fieldName which cannot be used inside "
                                   "$or.")));
    if (json_is_object(member))
        return compile_node(compiler, member, field, is_in_or, &field->node);
    if (json_is_array(member))
        return compile_matchers(compiler, member, field);
    return fail(compiler, member,
                str_concat3(compiler->arena, STR("\""), member->key,
                            STR("\" must be an object or an array")));
}

static int compile_node(struct compiler *compiler, const struct json *object, struct field *parent,
                        bool is_in_or, struct node **out_node)
{
    if (object->count == 0)
        return fail_empty(compiler, object, STR("Empty objects are not allowed"));
    struct node *node = arena_alloc(compiler->arena, sizeof(*node));
    for (const struct json *member = object->first; member; member = member->next) {
        int rc = str_eq_cstr(member->key, "$or")
                     ? compile_choice(compiler, member, parent, node)
                     : compile_field(compiler, member, parent, is_in_or, node);
        if (rc < 0)
            return rc;
    }
    *out_node = node;
    return 0;
}

int event_pattern_compile(struct arena *arena, struct str text,
                          const struct event_pattern **out_pattern, struct str *out_reason)
{
    struct compiler compiler = {.arena = arena, .text = text, .reason = out_reason};
    struct json *value = NULL;
    struct json_error error = {0};
    int rc = json_parse(arena, text, 0, &value, &error);
    if (rc == -E2BIG)
        return fail_at(&compiler, 0, STR("The pattern is nested too deeply"));
    if (rc < 0)
        return fail_at(&compiler, error.offset, str_from_cstr(error.message));
    if (!json_is_object(value))
        return fail(&compiler, value, STR("Filter is not an object"));
    struct event_pattern *pattern = arena_alloc(arena, sizeof(*pattern));
    rc = compile_node(&compiler, value, NULL, false, &pattern->root);
    if (rc == 0)
        *out_pattern = pattern;
    return rc;
}

/* ---- Matching values ------------------------------------------------------------------------- */

/* Equal as written or as numbers; whole numbers beyond a double's reach only as written. */
static bool equal_numbers(struct str a, struct str b)
{
    double left = 0;
    double right = 0;
    if (str_eq(a, b))
        return true;
    return read_number(a, &left) && read_number(b, &right) && left == right &&
           fabs(left) < 9007199254740992.0;
}

static bool equal_scalars(const struct json *a, const struct json *b)
{
    if (a->kind != b->kind)
        return false;
    if (a->kind == JSON_NUMBER)
        return equal_numbers(a->text, b->text);
    return a->kind != JSON_STRING || str_eq(a->text, b->text);
}

static bool is_in_range(const struct matcher *matcher, struct str text)
{
    double number = 0;
    if (!read_number(text, &number))
        return false;
    if (matcher->has_bottom &&
        (matcher->is_open_bottom ? number <= matcher->bottom : number < matcher->bottom))
        return false;
    return !matcher->has_top ||
           !(matcher->is_open_top ? number >= matcher->top : number > matcher->top);
}

/* Linear but for the last star that was passed, which takes one more character at each failure. */
static bool matches_wildcard(struct str pattern, struct str text)
{
    size_t at = 0;
    size_t in = 0;
    size_t star = SIZE_MAX;
    size_t after = 0;
    while (in < text.len) {
        bool is_star = at < pattern.len && pattern.ptr[at] == '*';
        bool is_escape = at + 1 < pattern.len && pattern.ptr[at] == '\\';
        size_t literal = is_escape ? at + 1 : at;
        if (is_star) {
            star = at++;
            after = in;
        } else if (literal < pattern.len && pattern.ptr[literal] == text.ptr[in]) {
            at = literal + 1;
            in++;
        } else if (star != SIZE_MAX) {
            at = star + 1;
            in = ++after;
        } else {
            return false;
        }
    }
    while (at < pattern.len && pattern.ptr[at] == '*')
        at++;
    return at == pattern.len;
}

static bool equal_texts(struct str a, struct str b, bool ignores_case)
{
    return ignores_case ? str_eq_nocase(a, b) : str_eq(a, b);
}

static bool matches_text(const struct matcher *matcher, struct str text)
{
    struct str wanted = matcher->text;
    size_t len = wanted.len < text.len ? wanted.len : text.len;
    switch (matcher->kind) {
    case MATCH_PREFIX:
        return equal_texts(str_slice(text, 0, len), wanted, matcher->flag);
    case MATCH_SUFFIX:
        return equal_texts(str_from(text, text.len - len), wanted, matcher->flag);
    case MATCH_EQUALS:
        return equal_texts(text, wanted, matcher->flag);
    case MATCH_WILDCARD:
        return matches_wildcard(wanted, text);
    case MATCH_CIDR:
        return is_in_network(matcher, text);
    case MATCH_EXACT:
    case MATCH_EXISTS:
    case MATCH_NUMERIC:
    case MATCH_BUT:
        break;
    }
    return false;
}

/* One scalar of the event. MATCH_EXISTS is the field's affair. */
static bool matches_scalar(const struct matcher *matcher, const struct json *value)
{
    switch (matcher->kind) {
    case MATCH_EXACT:
        return equal_scalars(matcher->value, value);
    case MATCH_NUMERIC:
        return value->kind == JSON_NUMBER && is_in_range(matcher, value->text);
    case MATCH_BUT:
        for (const struct matcher *other = matcher->others; other; other = other->next) {
            if (matches_scalar(other, value))
                return false;
        }
        return true;
    case MATCH_EXISTS:
        return false;
    case MATCH_PREFIX:
    case MATCH_SUFFIX:
    case MATCH_EQUALS:
    case MATCH_WILDCARD:
    case MATCH_CIDR:
        break;
    }
    return json_is_string(value) && matches_text(matcher, value->text);
}

/* A leaf: a scalar, or the scalars of an array. */
static bool has_leaf(const struct json *value)
{
    if (!value || json_is_object(value))
        return false;
    if (!json_is_array(value))
        return true;
    for (const struct json *item = value->first; item; item = item->next) {
        if (has_leaf(item))
            return true;
    }
    return false;
}

static bool matches_leaf(const struct matcher *matcher, const struct json *value)
{
    if (!json_is_array(value))
        return is_scalar(value) && matches_scalar(matcher, value);
    for (const struct json *item = value->first; item; item = item->next) {
        if (matches_leaf(matcher, item))
            return true;
    }
    return false;
}

/* ---- Matching objects ------------------------------------------------------------------------ */

/* Whether a leaf is anywhere at the way `field` describes. `ways` holds what is left to go. */
static bool exists_below(const struct json *value, const struct field *const *way, size_t depth)
{
    if (!value)
        return false;
    if (depth == 0)
        return has_leaf(value);
    if (json_is_object(value))
        return exists_below(json_find(value, way[0]->name), way + 1, depth - 1);
    for (const struct json *item = json_is_array(value) ? value->first : NULL; item;
         item = item->next) {
        if (exists_below(item, way, depth))
            return true;
    }
    return false;
}

static bool exists_in(const struct json *event, const struct field *field)
{
    const struct field *way[JSON_MAX_DEPTH];
    size_t depth = 0;
    for (const struct field *at = field; at; at = at->parent)
        way[JSON_MAX_DEPTH - ++depth] = at;
    return exists_below(event, way + JSON_MAX_DEPTH - depth, depth);
}

static bool matches_field(const struct field *field, const struct json *value,
                          const struct json *event)
{
    for (const struct matcher *matcher = field->matchers; matcher; matcher = matcher->next) {
        bool matches = false;
        if (matcher->kind == MATCH_EXISTS)
            matches = matcher->flag ? has_leaf(value) : !exists_in(event, field);
        else if (value)
            matches = matches_leaf(matcher, value);
        if (matches)
            return true;
    }
    return false;
}

static bool matches_node(const struct node *node, const struct json *value,
                         const struct json *event);

/* The value may be absent (NULL), a scalar (then nothing is below it) or an array of objects. */
static bool matches_any(const struct node *node, const struct json *value, const struct json *event)
{
    if (!json_is_array(value) || value->count == 0)
        return matches_node(node, value, event);
    for (const struct json *item = value->first; item; item = item->next) {
        if (matches_any(node, item, event))
            return true;
    }
    return false;
}

static bool matches_choice(const struct choice *choice, const struct json *value,
                           const struct json *event)
{
    for (const struct node *node = choice->nodes; node; node = node->next) {
        if (matches_node(node, value, event))
            return true;
    }
    return false;
}

static bool matches_node(const struct node *node, const struct json *value,
                         const struct json *event)
{
    for (const struct field *field = node->fields; field; field = field->next) {
        const struct json *member = json_find(value, field->name);
        if (!(field->node ? matches_any(field->node, member, event)
                          : matches_field(field, member, event)))
            return false;
    }
    for (const struct choice *choice = node->choices; choice; choice = choice->next) {
        if (!matches_choice(choice, value, event))
            return false;
    }
    return true;
}

bool event_pattern_matches(const struct event_pattern *pattern, const struct json *event)
{
    return matches_node(pattern->root, event, event);
}
