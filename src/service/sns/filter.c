/* filter.c — compiles filter policies, with AWS's errors. See filter.h.
 *
 * OBSERVED (2024-05, us-east-1, and 2025-10 for the form of the place): texts of all errors, and
 * the columns that stand behind them. The column is where the parser of AWS (Jackson) stands:
 * behind the token, or for a text one behind its opening quote, since texts are read when asked
 * for.
 */
#include "service/sns/filter.h"

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/vec.h"
#include "service/sns/filter_private.h"
#include "syntax/json.h"

enum {
    MAX_DEPTH = 20, /* of nested keys: the combinations allow no more than a few */
    NUMBER_MAX = 64,
};

struct compiler {
    struct arena *arena;
    enum sns_filter_scope scope;
    struct str source;
    struct str *out_message;
};

/* --- errors --- */

static size_t text_end(struct str source, size_t at)
{
    for (at++; at < source.len && source.ptr[at] != '"'; at++)
        at += source.ptr[at] == '\\';
    return at + 1;
}

/* One behind the whole value. */
static size_t end_of(const struct compiler *c, const struct json *value)
{
    if (value->kind == JSON_STRING)
        return text_end(c->source, value->offset);
    if (value->kind == JSON_ARRAY || value->kind == JSON_OBJECT)
        return value->offset + 1;
    size_t lengths[] = {
        [JSON_NULL] = 4, [JSON_FALSE] = 5, [JSON_TRUE] = 4, [JSON_NUMBER] = value->text.len};
    return value->offset + lengths[value->kind];
}

/* Where AWS's parser stands when it has seen the value's first token. */
static size_t seen(const struct compiler *c, const struct json *value)
{
    return value->kind == JSON_STRING ? value->offset + 1 : end_of(c, value);
}

/* One behind the bracket that closes the array of which `last` is the last item. */
static size_t closed(const struct compiler *c, const struct json *array)
{
    size_t at = array->last ? end_of(c, array->last) : array->offset + 1;
    while (at < c->source.len && c->source.ptr[at] != ']')
        at++;
    return at + 1;
}

static int refuse_at(const struct compiler *c, size_t at, struct str what)
{
    size_t line = 1;
    size_t start = 0;
    for (size_t i = 0; i < at && i < c->source.len; i++) {
        if (c->source.ptr[i] == '\n') {
            line++;
            start = i + 1;
        }
    }
    *c->out_message = str_format(c->arena,
                                 "FilterPolicy: " STR_FMT
                                 "\n at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_"
                                 "LOCATION` disabled); line: %zu, column: %zu]",
                                 STR_ARG(what), line, at - start + 1);
    return -EINVAL;
}

static int refuse(const struct compiler *c, const char *what)
{
    *c->out_message = str_format(c->arena, "FilterPolicy: %s", what);
    return -EINVAL;
}

/* --- patterns --- */

static int read_number(struct str text, double *out_value)
{
    char copy[NUMBER_MAX];
    if (text.len == 0 || text.len >= sizeof(copy))
        return -ERANGE;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    *out_value = strtod(copy, NULL);
    return 0;
}

static int number_of(const struct compiler *c, const struct json *value, const char *operator,
                     size_t missing_at, double *out_value)
{
    if (value && value->kind == JSON_NUMBER && read_number(value->text, out_value) == 0)
        return 0;
    return refuse_at(c, value ? seen(c, value) : missing_at,
                     str_format(c->arena, "Value of %s must be numeric", operator));
}

/* The second half of a range: "<" or "<=" and its number. */
static int read_top(const struct compiler *c, const struct json *array, const struct json *operator,
                    struct sns_pattern * out)
{
    if (operator->kind != JSON_STRING)
        return refuse_at(c, seen(c, operator),
                         str_concat(c->arena, STR("Bad value in numeric range: "), operator->text));
    bool is_open = str_eq_cstr(operator->text, "<");
    if (!is_open && !str_eq_cstr(operator->text, "<="))
        return refuse_at(c, end_of(c, operator),
                         str_concat(c->arena, STR("Bad numeric range operator: "), operator->text));
    const struct json *value = operator->next;
    int rc = number_of(c, value, is_open ? "<" : "<=", closed(c, array), &out->high);
    if (rc < 0)
        return rc;
    out->is_high_open = is_open;
    if (value->next)
        return refuse_at(c, seen(c, value->next),
                         STR("Too many terms in numeric range expression"));
    if (out->low >= out->high)
        return refuse_at(c, closed(c, array), STR("Bottom must be less than top"));
    return 0;
}

static int read_numeric(const struct compiler *c, const struct json *array, struct sns_pattern *out)
{
    if (array->kind != JSON_ARRAY)
        return refuse_at(c, seen(c, array), STR("Value of numeric must be an array."));
    const struct json *operator= array->first;
    if (!operator|| operator->kind != JSON_STRING)
        return refuse_at(c, operator? seen(c, operator) : closed(c, array),
                         str_concat(c->arena,
                                    STR("Invalid member in numeric match: "),
                                    operator? str_or(operator->text, STR("")) : STR("]")));
    static const struct {
        const char *text;
        const char *name;
    } operators[] = {{"=", "equals"}, {"<", "<"}, {"<=", "<="}, {">", ">"}, {">=", ">="}};
    size_t which = 0;
    while (which < ARRAY_LEN(operators) && !str_eq_cstr(operator->text, operators[which].text))
        which++;
    const struct json *value = operator->next;
    if (which == ARRAY_LEN(operators))
        return refuse_at(
            c, value ? seen(c, value) : closed(c, array),
            str_concat(c->arena, STR("Unrecognized numeric range operator: "), operator->text));
    double number = 0;
    int rc = number_of(c, value, operators[which].name, closed(c, array), &number);
    if (rc < 0)
        return rc;
    bool is_bottom = operators[which].text[0] == '>';
    bool is_top = operators[which].text[0] == '<';
    *out = (struct sns_pattern){
        .kind = SNS_PATTERN_NUMERIC,
        .low = is_top ? -INFINITY : number,
        .high = is_bottom ? INFINITY : number,
        .is_low_open = str_eq_cstr(operator->text, ">"),
        .is_high_open = str_eq_cstr(operator->text, "<"),
    };
    if (!value->next)
        return 0;
    if (!is_bottom)
        return refuse_at(c, seen(c, value->next), STR("Too many elements in numeric expression"));
    return read_top(c, array, value->next, out);
}

static int read_cidr(const struct compiler *c, const struct json *value, struct sns_pattern *out)
{
    /* OBSERVED (2024-05): the text speaks of a prefix. */
    if (value->kind != JSON_STRING)
        return refuse_at(c, seen(c, value), STR("prefix match pattern must be a string"));
    ptrdiff_t slash = str_index(value->text, '/');
    if (slash < 0 || str_index(str_from(value->text, (size_t)slash + 1), '/') >= 0)
        return refuse_at(c, end_of(c, value), STR("Malformed CIDR, one '/' required"));
    char address[INET6_ADDRSTRLEN] = "";
    int64_t bits = 0;
    if (str_to_i64(str_from(value->text, (size_t)slash + 1), &bits) < 0)
        return refuse_at(c, end_of(c, value), STR("Malformed CIDR, mask bits must be an integer"));
    if ((size_t)slash < sizeof(address))
        memcpy(address, value->text.ptr, (size_t)slash);
    bool is_ipv6 = str_index(str_slice(value->text, 0, (size_t)slash), ':') >= 0;
    *out = (struct sns_pattern){.kind = SNS_PATTERN_CIDR, .text = value->text};
    if (inet_pton(is_ipv6 ? AF_INET6 : AF_INET, address, out->address) != 1)
        return refuse_at(c, end_of(c, value),
                         str_format(c->arena, "Nonstandard IP address: " STR_FMT,
                                    STR_ARG(str_slice(value->text, 0, (size_t)slash))));
    out->address_bytes = is_ipv6 ? 16 : 4;
    if (bits < 0)
        return refuse_at(c, end_of(c, value),
                         STR("Malformed CIDR, mask bits must not be negative"));
    if ((size_t)bits > out->address_bytes * 8)
        return refuse_at(c, end_of(c, value),
                         is_ipv6 ? STR("IPv6 mask bits must be < 128")
                                 : STR("IPv4 mask bits must be < 32"));
    out->mask_bits = (unsigned)bits;
    return 0;
}

static int read_text_pattern(const struct compiler *c, const struct json *value,
                             enum sns_pattern_kind kind, struct sns_pattern *out)
{
    if (value->kind != JSON_STRING)
        return refuse_at(c, seen(c, value),
                         str_concat(c->arena, value->key, STR(" match pattern must be a string")));
    *out = (struct sns_pattern){.kind = kind, .text = value->text};
    return 0;
}

/* A text, number, true, false or null. */
static int read_scalar(const struct compiler *c, const struct json *value, struct sns_pattern *out)
{
    static const enum sns_pattern_kind kinds[] = {
        [JSON_NULL] = SNS_PATTERN_NULL,     [JSON_FALSE] = SNS_PATTERN_FALSE,
        [JSON_TRUE] = SNS_PATTERN_TRUE,     [JSON_NUMBER] = SNS_PATTERN_NUMBER,
        [JSON_STRING] = SNS_PATTERN_STRING,
    };
    if (value->kind == JSON_ARRAY || value->kind == JSON_OBJECT)
        return refuse_at(c, seen(c, value),
                         STR("Match value must be String, number, true, false, or null"));
    *out = (struct sns_pattern){.kind = kinds[value->kind], .text = value->text};
    if (value->kind == JSON_NUMBER) {
        if (read_number(value->text, &out->low) < 0)
            return refuse_at(c, seen(c, value), STR("Match value is no number"));
        out->high = out->low;
    }
    return 0;
}

/* {"anything-but": "x"}, of a number, of a list of both, or of {"prefix": "x"}. */
static int read_anything_but(const struct compiler *c, const struct json *value,
                             struct sns_pattern *out)
{
    size_t count = value->kind == JSON_ARRAY ? value->count : 1;
    struct sns_pattern *others = arena_alloc_array(c->arena, count + 1, sizeof(*others));
    *out = (struct sns_pattern){
        .kind = SNS_PATTERN_ANYTHING_BUT, .others = others, .other_count = count};
    if (value->kind == JSON_OBJECT) {
        const struct json *inner = value->first;
        if (!inner)
            return refuse_at(c, seen(c, value), STR("Empty objects are not allowed"));
        if (inner->next)
            return refuse_at(c, seen(c, inner->next),
                             STR("Only one key allowed in match expression"));
        if (!str_eq_cstr(inner->key, "prefix"))
            return refuse_at(
                c, seen(c, inner),
                str_concat(c->arena, STR("Unsupported anything-but pattern: "), inner->key));
        return read_text_pattern(c, inner, SNS_PATTERN_PREFIX, &others[0]);
    }
    if (value->kind != JSON_ARRAY)
        return read_scalar(c, value, &others[0]);
    if (count == 0)
        return refuse_at(c, closed(c, value), STR("Empty arrays are not allowed"));
    size_t i = 0;
    for (const struct json *item = value->first; item; item = item->next) {
        int rc = read_scalar(c, item, &others[i++]);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int read_exists(const struct compiler *c, const struct json *value, struct sns_pattern *out)
{
    if (value->kind != JSON_TRUE && value->kind != JSON_FALSE)
        return refuse_at(c, seen(c, value),
                         STR("exists match pattern must be either true or false."));
    *out = (struct sns_pattern){.kind = value->kind == JSON_TRUE ? SNS_PATTERN_EXISTS
                                                                 : SNS_PATTERN_MISSING};
    return 0;
}

static bool is_operator(struct str name)
{
    static const struct str names[] = {
        STR_INIT("anything-but"), STR_INIT("cidr"),    STR_INIT("equals-ignore-case"),
        STR_INIT("exists"),       STR_INIT("numeric"), STR_INIT("prefix"),
        STR_INIT("suffix"),
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (str_eq(names[i], name))
            return true;
    }
    return false;
}

static int read_pattern(const struct compiler *c, const struct json *value, struct sns_pattern *out)
{
    if (value->kind != JSON_OBJECT)
        return read_scalar(c, value, out);
    const struct json *member = value->first;
    if (!member)
        return refuse_at(c, seen(c, value), STR("Empty objects are not allowed"));
    if (member->next && is_operator(member->key))
        return refuse_at(c, seen(c, member->next), STR("Only one key allowed in match expression"));
    if (str_eq_cstr(member->key, "anything-but"))
        return read_anything_but(c, member, out);
    if (str_eq_cstr(member->key, "cidr"))
        return read_cidr(c, member, out);
    if (str_eq_cstr(member->key, "equals-ignore-case"))
        return read_text_pattern(c, member, SNS_PATTERN_IGNORE_CASE, out);
    if (str_eq_cstr(member->key, "exists"))
        return read_exists(c, member, out);
    if (str_eq_cstr(member->key, "numeric"))
        return read_numeric(c, member, out);
    if (str_eq_cstr(member->key, "prefix"))
        return read_text_pattern(c, member, SNS_PATTERN_PREFIX, out);
    if (str_eq_cstr(member->key, "suffix"))
        return read_text_pattern(c, member, SNS_PATTERN_SUFFIX, out);
    return refuse_at(c, seen(c, member),
                     str_concat(c->arena, STR("Unrecognized match type "), member->key));
}

/* --- alternatives: vecs of struct sns_alternative until they are complete --- */

/* AWS: "$or" is the operator when its value is an array of two or more objects none of which has an
 * operator's name as a key; otherwise it is a key like any other. */
static bool is_or(const struct json *member)
{
    if (!str_eq_cstr(member->key, "$or") || member->kind != JSON_ARRAY || member->count < 2)
        return false;
    for (const struct json *item = member->first; item; item = item->next) {
        if (item->kind != JSON_OBJECT || !item->first)
            return false;
        for (const struct json *key = item->first; key; key = key->next) {
            if (is_operator(key->key))
                return false;
        }
    }
    return true;
}

/* AWS: "multiply the number of values in each array", each with its level of nesting; alternatives
 * add up. Saturates above the limit. */
static int64_t combinations(const struct json *object, int64_t level)
{
    if (level > MAX_DEPTH)
        return SNS_FILTER_MAX_COMBINATIONS + 1;
    int64_t product = 1;
    for (const struct json *member = object->first; member; member = member->next) {
        int64_t factor = 1;
        if (is_or(member)) {
            factor = 0;
            for (const struct json *item = member->first; item; item = item->next) {
                factor += combinations(item, level);
                if (factor > SNS_FILTER_MAX_COMBINATIONS)
                    return factor;
            }
        } else if (member->kind == JSON_ARRAY) {
            factor = (member->count > 0 ? (int64_t)member->count : 1) * level;
        } else if (member->kind == JSON_OBJECT) {
            factor = combinations(member, level + 1);
        }
        product *= factor;
        if (product > SNS_FILTER_MAX_COMBINATIONS)
            return product;
    }
    return product;
}

/* Keys with values, at all levels. */
static size_t count_keys(const struct json *object)
{
    size_t count = 0;
    for (const struct json *member = object->first; member; member = member->next) {
        if (is_or(member)) {
            for (const struct json *item = member->first; item; item = item->next)
                count += count_keys(item);
        } else {
            count += member->kind == JSON_OBJECT ? count_keys(member) : 1;
        }
    }
    return count;
}

static void add_alternative(struct vec *list, struct arena *arena, const struct sns_alternative *a,
                            const struct sns_alternative *b)
{
    size_t count = a->count + b->count;
    struct sns_condition *both = arena_alloc_array(arena, count + 1, sizeof(*both));
    for (size_t i = 0; i < a->count; i++)
        both[i] = a->conditions[i];
    for (size_t i = 0; i < b->count; i++)
        both[a->count + i] = b->conditions[i];
    *(struct sns_alternative *)vec_push(list) =
        (struct sns_alternative){.conditions = both, .count = count};
}

/* Every alternative of *list together with every one of `more`. */
static void multiply(const struct compiler *c, struct vec *list, const struct vec *more)
{
    struct vec product;
    vec_init(&product, c->arena, sizeof(struct sns_alternative));
    for (size_t i = 0; i < list->count; i++) {
        for (size_t j = 0; j < more->count; j++)
            add_alternative(&product, c->arena, vec_at(list, i), vec_at(more, j));
    }
    *list = product;
}

static int read_condition(const struct compiler *c, const struct json *array, struct str path,
                          struct vec *out)
{
    if (array->count == 0)
        return refuse_at(c, closed(c, array), STR("Empty arrays are not allowed"));
    struct sns_pattern *patterns = arena_alloc_array(c->arena, array->count, sizeof(*patterns));
    size_t count = 0;
    for (const struct json *item = array->first; item; item = item->next) {
        int rc = read_pattern(c, item, &patterns[count++]);
        if (rc < 0)
            return rc;
    }
    struct sns_condition *condition = arena_alloc(c->arena, sizeof(*condition));
    *condition = (struct sns_condition){.path = path, .patterns = patterns, .pattern_count = count};
    *(struct sns_alternative *)vec_push(out) =
        (struct sns_alternative){.conditions = condition, .count = 1};
    return 0;
}

static int read_object(const struct compiler *c, const struct json *object, struct str prefix,
                       struct vec *out);

static int read_member(const struct compiler *c, const struct json *member, struct str prefix,
                       struct vec *out)
{
    if (is_or(member)) {
        for (const struct json *item = member->first; item; item = item->next) {
            struct vec branch;
            int rc = read_object(c, item, prefix, &branch);
            if (rc < 0)
                return rc;
            for (size_t i = 0; i < branch.count; i++)
                *(struct sns_alternative *)vec_push(out) =
                    *(struct sns_alternative *)vec_at(&branch, i);
        }
        return 0;
    }
    struct str path =
        prefix.len > 0 ? str_concat3(c->arena, prefix, STR("."), member->key) : member->key;
    if (member->kind == JSON_ARRAY)
        return read_condition(c, member, path, out);
    if (member->kind != JSON_OBJECT)
        return refuse_at(c, seen(c, member),
                         str_format(c->arena, "\"" STR_FMT "\" must be an object or an array",
                                    STR_ARG(member->key)));
    if (c->scope == SNS_FILTER_ATTRIBUTES) {
        *c->out_message =
            STR("Filter policy scope MessageAttributes does not support nested filter policy");
        return -EINVAL;
    }
    if (!member->first)
        return refuse_at(c, seen(c, member), STR("Empty objects are not allowed"));
    return read_object(c, member, path, out);
}

static int read_object(const struct compiler *c, const struct json *object, struct str prefix,
                       struct vec *out)
{
    vec_init(out, c->arena, sizeof(struct sns_alternative));
    *(struct sns_alternative *)vec_push(out) = (struct sns_alternative){0};
    for (const struct json *member = object->first; member; member = member->next) {
        struct vec more;
        vec_init(&more, c->arena, sizeof(struct sns_alternative));
        int rc = read_member(c, member, prefix, &more);
        if (rc < 0)
            return rc;
        multiply(c, out, &more);
    }
    return 0;
}

int sns_filter_parse(struct arena *arena, struct str policy, enum sns_filter_scope scope,
                     struct sns_filter **out_filter, struct str *out_message)
{
    const struct compiler c = {
        .arena = arena, .scope = scope, .source = policy, .out_message = out_message};
    struct json *root = NULL;
    struct json_error error = {0};
    if (policy.len > SNS_FILTER_MAX_BYTES)
        return refuse(&c, "Filter policy is too long");
    if (json_parse(arena, policy, 0, &root, &error) < 0)
        return refuse_at(&c, error.offset,
                         str_format(arena, "failed to parse JSON. %s",
                                    error.message ? error.message : "the text is nested too deep"));
    if (root->kind != JSON_OBJECT)
        return refuse_at(&c, seen(&c, root), STR("Filter is not an object"));
    if (root->count > SNS_FILTER_MAX_KEYS)
        return refuse(&c, "Filter policy can not have more than 5 keys");
    /* Below $or a key with one value adds no combination, so keys are counted, too. */
    if (combinations(root, 1) > SNS_FILTER_MAX_COMBINATIONS ||
        count_keys(root) > SNS_FILTER_MAX_COMBINATIONS)
        return refuse(&c, "Filter policy is too complex");
    struct vec list;
    int rc = read_object(&c, root, STR(""), &list);
    if (rc < 0)
        return rc;
    struct sns_filter *filter = arena_alloc(arena, sizeof(*filter));
    *filter = (struct sns_filter){.scope = scope, .alternatives = list.items, .count = list.count};
    *out_filter = filter;
    return 0;
}

bool sns_filter_is_empty(const struct sns_filter *filter)
{
    return filter->count == 1 && filter->alternatives[0].count == 0;
}
