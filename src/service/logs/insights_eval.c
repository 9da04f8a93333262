/* insights_eval.c — values, fields and functions of the query language, on one row.
 *
 * A value is text, a number, a time or nothing; text that reads as a number is one where a number
 * is wanted. Fields come from what commands computed, from the event, or from its JSON, which is
 * parsed when it is first asked for.
 *
 * Docs: CloudWatch Logs user guide, "CloudWatch Logs Insights language query syntax", "Supported
 * operations and functions".
 */
#define PCRE2_CODE_UNIT_WIDTH 8

#include "service/logs/insights_eval.h"

#include <math.h>
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "syntax/json.h"
#include "syntax/time.h"

enum {
    MATCH_LIMIT = 200000,
    HEAP_LIMIT_KIB = 1024,
    MAX_NUMBER_TEXT = 64,
    SECOND_MS = 1000,
};

/* --- regular expressions --- */

struct regex {
    pcre2_code *code;
    pcre2_match_data *match;
    pcre2_match_context *limits;
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

void *insights_compile(struct arena *arena, struct str text)
{
    int error = 0;
    PCRE2_SIZE offset = 0;
    pcre2_general_context *memory = pcre2_general_context_create(allocate, forget, arena);
    pcre2_compile_context *compiling = pcre2_compile_context_create(memory);
    struct regex *regex = arena_alloc(arena, sizeof(*regex));
    regex->code =
        pcre2_compile((PCRE2_SPTR)text.ptr, text.len, PCRE2_NEVER_UTF, &error, &offset, compiling);
    if (!regex->code)
        return NULL;
    regex->match = pcre2_match_data_create_from_pattern(regex->code, memory);
    regex->limits = pcre2_match_context_create(memory);
    pcre2_set_match_limit(regex->limits, MATCH_LIMIT);
    pcre2_set_heap_limit(regex->limits, HEAP_LIMIT_KIB);
    return regex;
}

static int match(const struct regex *regex, struct str text)
{
    return pcre2_match(regex->code, (PCRE2_SPTR)(text.ptr ? text.ptr : ""), text.len, 0, 0,
                       regex->match, regex->limits);
}

struct name_table {
    uint32_t count;
    uint32_t size;
    PCRE2_SPTR names;
};

static struct name_table names_of(const struct regex *regex)
{
    struct name_table table = {0};
    (void)pcre2_pattern_info(regex->code, PCRE2_INFO_NAMECOUNT, &table.count);
    (void)pcre2_pattern_info(regex->code, PCRE2_INFO_NAMEENTRYSIZE, &table.size);
    (void)pcre2_pattern_info(regex->code, PCRE2_INFO_NAMETABLE, &table.names);
    return table;
}

size_t insights_group_names(struct arena *arena, void *regex, const struct str **out_names)
{
    struct name_table table = names_of(regex);
    struct str *names = arena_alloc_array(arena, table.count, sizeof(*names));
    for (uint32_t i = 0; i < table.count; i++)
        names[i] =
            str_copy(arena, str_from_cstr((const char *)table.names + (size_t)i * table.size + 2));
    *out_names = names;
    return table.count;
}

/* --- values --- */

static const struct insights_value none = {.kind = INSIGHTS_NONE};

static struct insights_value of_text(struct str text)
{
    return str_is_set(text) ? (struct insights_value){.kind = INSIGHTS_TEXT, .text = text} : none;
}

struct insights_value insights_of_number(double number)
{
    return isfinite(number) ? (struct insights_value){.kind = INSIGHTS_NUMBER, .number = number}
                            : none;
}

static struct insights_value of_bool(bool value)
{
    return (struct insights_value){.kind = INSIGHTS_BOOL, .number = value};
}

bool insights_to_number(const struct insights_value *value, double *out)
{
    char copy[MAX_NUMBER_TEXT];
    char *end = NULL;
    if (value->kind == INSIGHTS_NUMBER || value->kind == INSIGHTS_TIME) {
        *out = value->number;
        return true;
    }
    if (value->kind != INSIGHTS_TEXT || value->text.len == 0 || value->text.len >= sizeof(copy))
        return false;
    memcpy(copy, value->text.ptr, value->text.len);
    copy[value->text.len] = '\0';
    if (!strchr("0123456789+-.", copy[0]) || strpbrk(copy, "xX"))
        return false;
    *out = strtod(copy, &end);
    return end == copy + value->text.len && isfinite(*out);
}

static bool is_true(const struct insights_value *value)
{
    return (value->kind == INSIGHTS_BOOL && value->number != 0) ||
           (value->kind == INSIGHTS_NUMBER && value->number != 0) ||
           (value->kind == INSIGHTS_TEXT && str_eq_cstr(value->text, "true"));
}

/* AWS: "2019-06-12 15:23:21.123". */
static struct str show_time(struct arena *arena, double number)
{
    struct str text = time_rfc3339_ms(arena, (int64_t)number);
    return str_concat3(arena, str_slice(text, 0, 10), STR(" "), str_slice(text, 11, 12));
}

static struct str show_number(struct arena *arena, double number)
{
    if (number == floor(number) && fabs(number) < 1e15)
        return str_format(arena, "%lld", (long long)number);
    struct str text = str_format(arena, "%.4f", number);
    while (text.ptr[text.len - 1] == '0')
        text.len--;
    if (text.ptr[text.len - 1] == '.')
        text.len--;
    return text;
}

struct str insights_to_text(struct arena *arena, const struct insights_value *value)
{
    switch (value->kind) {
    case INSIGHTS_NONE:
        break;
    case INSIGHTS_TEXT:
        return value->text;
    case INSIGHTS_NUMBER:
        return show_number(arena, value->number);
    case INSIGHTS_TIME:
        return show_time(arena, value->number);
    case INSIGHTS_BOOL:
        return value->number != 0 ? STR("1") : STR("0");
    }
    return (struct str){0};
}

/* Numbers before texts; nothing comes first. */
int insights_compare(const struct insights_value *a, const struct insights_value *b)
{
    double left = 0;
    double right = 0;
    if (a->kind == INSIGHTS_NONE || b->kind == INSIGHTS_NONE)
        return (a->kind != INSIGHTS_NONE) - (b->kind != INSIGHTS_NONE);
    bool is_left = insights_to_number(a, &left) || a->kind == INSIGHTS_BOOL;
    bool is_right = insights_to_number(b, &right) || b->kind == INSIGHTS_BOOL;
    if (a->kind == INSIGHTS_BOOL)
        left = a->number;
    if (b->kind == INSIGHTS_BOOL)
        right = b->number;
    if (is_left && is_right)
        return left < right ? -1 : left > right;
    if (is_left != is_right)
        return is_left ? -1 : 1;
    return str_compare(a->text, b->text);
}

/* --- rows --- */

/* "a.b.0" in the JSON of the message; a member of that whole name comes first. */
static struct insights_value find_member(struct arena *arena, const struct json *value,
                                         struct str name)
{
    const struct json *found = json_find(value, name);
    struct str rest = name;
    struct str piece = {0};
    while (!found && value && str_split_next(&rest, '.', &piece)) {
        int64_t index = 0;
        if (json_is_array(value) && str_to_i64(piece, &index) == 0) {
            value = value->first;
            for (; value && index > 0; index--)
                value = value->next;
        } else {
            value = json_find(value, piece);
        }
        found = rest.ptr ? NULL : value;
    }
    if (!found || found->kind == JSON_NULL)
        return none;
    if (json_is_string(found))
        return of_text(found->text);
    if (found->kind == JSON_TRUE || found->kind == JSON_FALSE)
        return of_text(found->kind == JSON_TRUE ? STR("true") : STR("false"));
    struct insights_value shown = of_text(json_to_str(arena, found));
    double number = 0;
    return found->kind == JSON_NUMBER && insights_to_number(&shown, &number)
               ? insights_of_number(number)
               : shown;
}

struct insights_value insights_find_field(struct insights_context *context,
                                          struct insights_row *row, struct str name)
{
    for (size_t i = row->cells.count; i-- > 0;) {
        const struct insights_cell *cell = vec_at(&row->cells, i);
        if (str_eq(cell->name, name))
            return cell->value;
    }
    if (!row->group)
        return none;
    if (str_eq_cstr(name, "@timestamp"))
        return (struct insights_value){.kind = INSIGHTS_TIME,
                                       .number = (double)row->event.key.at_ms};
    if (str_eq_cstr(name, "@ingestionTime"))
        return (struct insights_value){.kind = INSIGHTS_TIME,
                                       .number = (double)row->event.ingested_at_ms};
    if (str_eq_cstr(name, "@message"))
        return of_text(row->event.message);
    if (str_eq_cstr(name, "@logStream"))
        return of_text(row->stream);
    if (str_eq_cstr(name, "@log"))
        return of_text(
            str_concat3(context->scratch, row->group->scope.account, STR(":"), row->group->name));
    if (str_eq_cstr(name, "@ptr"))
        return of_text(log_key_write(context->scratch, &row->event.key));
    if (!row->is_parsed &&
        json_parse(context->scratch, row->event.message, 0, &row->json, NULL) < 0)
        row->json = NULL;
    row->is_parsed = true;
    return row->json ? find_member(context->scratch, row->json, name) : none;
}

/* --- evaluation --- */

/* Milliseconds of "5m", "1h", "30 s" as text. */
static double duration_of(const struct insights_value *value)
{
    static const struct {
        const char *unit;
        double ms;
    } units[] = {
        {"ms", 1},       {"s", SECOND_MS},  {"sec", SECOND_MS}, {"m", 60e3},
        {"min", 60e3},   {"h", 3600e3},     {"hr", 3600e3},     {"d", 86400e3},
        {"w", 604800e3}, {"mo", 2592000e3}, {"q", 7776000e3},   {"y", 31536000e3},
    };
    size_t digits = 0;
    while (digits < value->text.len && value->text.ptr[digits] >= '0' &&
           value->text.ptr[digits] <= '9')
        digits++;
    struct str unit = str_from(value->text, digits);
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        bool is_plural = unit.len > 1 && unit.ptr[unit.len - 1] == 's' &&
                         str_eq_cstr(str_slice(unit, 0, unit.len - 1), units[i].unit);
        if (is_plural || str_eq_cstr(unit, units[i].unit))
            return value->number * units[i].ms;
    }
    return 0;
}

static struct insights_value round_time(double at_ms, double step_ms, bool is_up)
{
    if (step_ms <= 0)
        return none;
    double steps = is_up ? ceil(at_ms / step_ms) : floor(at_ms / step_ms);
    return (struct insights_value){.kind = INSIGHTS_TIME, .number = steps * step_ms};
}

struct arguments {
    struct insights_value values[4];
    double numbers[4];
    bool is_number[4];
    size_t count;
};

static struct arguments evaluate_all(struct insights_context *context, struct insights_row *row,
                                     const struct insights_node *node)
{
    struct arguments arguments = {0};
    for (size_t i = 0; i < node->arg_count && i < ARRAY_LEN(arguments.values); i++) {
        arguments.values[i] = insights_evaluate(context, row, node->args[i]);
        arguments.is_number[i] = insights_to_number(&arguments.values[i], &arguments.numbers[i]);
        arguments.count++;
    }
    return arguments;
}

static bool is_named(const struct insights_node *node, const char *name)
{
    return str_eq_cstr(node->name, name);
}

static struct insights_value call_number(const struct insights_node *node,
                                         const struct arguments *args)
{
    double x = args->numbers[0];
    if (!args->is_number[0])
        return none;
    if (is_named(node, "abs"))
        return insights_of_number(fabs(x));
    if (is_named(node, "ceil"))
        return insights_of_number(ceil(x));
    if (is_named(node, "floor"))
        return insights_of_number(floor(x));
    if (is_named(node, "sqrt"))
        return insights_of_number(sqrt(x));
    if (is_named(node, "log"))
        return insights_of_number(log(x));
    bool is_greatest = is_named(node, "greatest");
    for (size_t i = 1; i < args->count; i++) {
        if (args->is_number[i] && (args->numbers[i] > x) == is_greatest)
            x = args->numbers[i];
    }
    return insights_of_number(x);
}

static struct insights_value call_text(struct insights_context *context,
                                       const struct insights_node *node,
                                       const struct arguments *args)
{
    struct arena *arena = context->scratch;
    struct str text = insights_to_text(arena, &args->values[0]);
    struct str second = insights_to_text(arena, &args->values[1]);
    if (is_named(node, "isempty"))
        return of_bool(text.len == 0);
    if (is_named(node, "isblank"))
        return of_bool(str_trim(text).len == 0);
    if (is_named(node, "ispresent"))
        return of_bool(args->values[0].kind != INSIGHTS_NONE);
    if (args->values[0].kind == INSIGHTS_NONE && !is_named(node, "concat"))
        return none;
    if (is_named(node, "strlen"))
        return insights_of_number((double)str_utf8_length(text));
    if (is_named(node, "toupper"))
        return of_text(str_upper(arena, text));
    if (is_named(node, "tolower"))
        return of_text(str_lower(arena, text));
    if (is_named(node, "trim"))
        return of_text(str_trim(text));
    if (is_named(node, "ltrim"))
        return of_text(str_from(text, (size_t)(str_trim(text).ptr - text.ptr)));
    if (is_named(node, "rtrim"))
        return of_text(
            str_slice(text, 0, (size_t)(str_trim(text).ptr - text.ptr) + str_trim(text).len));
    if (is_named(node, "strcontains"))
        return insights_of_number(str_contains(text, second));
    if (is_named(node, "replace"))
        return of_text(
            second.len == 0
                ? text
                : str_replace(arena, text, second,
                              str_or(insights_to_text(arena, &args->values[2]), STR(""))));
    if (is_named(node, "substr")) {
        double start = args->is_number[1] && args->numbers[1] > 0 ? args->numbers[1] : 0;
        double len = args->is_number[2] && args->numbers[2] >= 0 ? args->numbers[2] : 1e9;
        return of_text(str_slice(text, (size_t)fmin(start, 1e9), (size_t)fmin(len, 1e9)));
    }
    for (size_t i = 1; i < args->count; i++)
        text = str_concat(arena, text, insights_to_text(arena, &args->values[i]));
    return of_text(str_or(text, STR("")));
}

static struct insights_value call_time(struct insights_context *context, struct insights_row *row,
                                       const struct insights_node *node,
                                       const struct arguments *args)
{
    if (is_named(node, "now"))
        return insights_of_number(floor((double)context->asked_at_ms / SECOND_MS));
    if (is_named(node, "bin"))
        return round_time((double)row->event.key.at_ms, duration_of(&args->values[0]), false);
    if (is_named(node, "datefloor") || is_named(node, "dateceil"))
        return round_time(args->numbers[0], duration_of(&args->values[1]),
                          is_named(node, "dateceil"));
    if (!args->is_number[0])
        return none;
    if (is_named(node, "frommillis"))
        return (struct insights_value){.kind = INSIGHTS_TIME, .number = args->numbers[0]};
    return insights_of_number(args->numbers[0]); /* toMillis */
}

static const struct {
    const char *name;
    char group; /* n: numbers, s: text, t: time, c: coalesce */
} functions[] = {
    {"abs", 'n'},         {"ceil", 'n'},      {"floor", 'n'},     {"sqrt", 'n'},
    {"log", 'n'},         {"greatest", 'n'},  {"least", 'n'},     {"isempty", 's'},
    {"isblank", 's'},     {"ispresent", 's'}, {"strlen", 's'},    {"toupper", 's'},
    {"tolower", 's'},     {"trim", 's'},      {"ltrim", 's'},     {"rtrim", 's'},
    {"strcontains", 's'}, {"replace", 's'},   {"substr", 's'},    {"concat", 's'},
    {"now", 't'},         {"bin", 't'},       {"datefloor", 't'}, {"dateceil", 't'},
    {"frommillis", 't'},  {"tomillis", 't'},  {"coalesce", 'c'},
};

static struct insights_value call_function(struct insights_context *context,
                                           struct insights_row *row,
                                           const struct insights_node *node)
{
    const struct arguments args = evaluate_all(context, row, node);
    for (size_t i = 0; i < ARRAY_LEN(functions); i++) {
        if (!is_named(node, functions[i].name))
            continue;
        if (functions[i].group == 'n')
            return call_number(node, &args);
        if (functions[i].group == 's')
            return call_text(context, node, &args);
        if (functions[i].group == 't')
            return call_time(context, row, node, &args);
        for (size_t a = 0; a < args.count; a++) {
            if (args.values[a].kind != INSIGHTS_NONE)
                return args.values[a];
        }
    }
    return none;
}

static struct insights_value arithmetic(char operator, double left, double right)
{
    switch (operator) {
    case '+':
        return insights_of_number(left + right);
    case '-':
        return insights_of_number(left - right);
    case '*':
        return insights_of_number(left * right);
    case '/':
        return right == 0 ? none : insights_of_number(left / right);
    case '%':
        return right == 0 ? none : insights_of_number(fmod(left, right));
    default:
        return insights_of_number(pow(left, right));
    }
}

static struct insights_value evaluate_binary(struct insights_context *context,
                                             struct insights_row *row,
                                             const struct insights_node *node)
{
    struct insights_value left = insights_evaluate(context, row, node->args[0]);
    if (is_named(node, "and"))
        return of_bool(is_true(&left) && is_true(&(struct insights_value[]){
                                             insights_evaluate(context, row, node->args[1])}[0]));
    if (is_named(node, "or"))
        return of_bool(is_true(&left) || is_true(&(struct insights_value[]){
                                             insights_evaluate(context, row, node->args[1])}[0]));
    struct insights_value right = insights_evaluate(context, row, node->args[1]);
    double numbers[2] = {0};
    char first = node->name.ptr[0];
    if (strchr("+-*/%^", first)) {
        if (!insights_to_number(&left, &numbers[0]) || !insights_to_number(&right, &numbers[1]))
            return none;
        return arithmetic(first, numbers[0], numbers[1]);
    }
    if (left.kind == INSIGHTS_NONE || right.kind == INSIGHTS_NONE)
        return of_bool(first == '!' && left.kind != right.kind);
    int order = insights_compare(&left, &right);
    bool has_equal = node->name.ptr[node->name.len - 1] == '=';
    if (first == '!')
        return of_bool(order != 0);
    return of_bool((has_equal && order == 0) || (first == '<' && order < 0) ||
                   (first == '>' && order > 0));
}

static struct insights_value evaluate_like(struct insights_context *context,
                                           struct insights_row *row,
                                           const struct insights_node *node)
{
    struct insights_value left = insights_evaluate(context, row, node->args[0]);
    const struct insights_node *pattern = node->args[1];
    struct str text = insights_to_text(context->scratch, &left);
    bool matches = false;
    if (left.kind == INSIGHTS_NONE)
        return of_bool(node->is_negated);
    if (pattern->kind == INSIGHTS_REGEX) {
        matches = match(pattern->regex, text) >= 0;
    } else {
        struct insights_value value = insights_evaluate(context, row, pattern);
        matches = str_contains(text, insights_to_text(context->scratch, &value));
    }
    return of_bool(matches != node->is_negated);
}

struct insights_value insights_evaluate(struct insights_context *context, struct insights_row *row,
                                        const struct insights_node *node)
{
    struct insights_value value = none;
    double number = 0;
    switch (node->kind) {
    case INSIGHTS_FIELD:
        return insights_find_field(context, row, node->name);
    case INSIGHTS_CONSTANT:
        return node->value;
    case INSIGHTS_REGEX:
        return of_text(node->value.text);
    case INSIGHTS_CALL:
        return call_function(context, row, node);
    case INSIGHTS_AGGREGATE:
        return row->slots ? row->slots[node->slot] : none;
    case INSIGHTS_BINARY:
        return evaluate_binary(context, row, node);
    case INSIGHTS_LIKE:
        return evaluate_like(context, row, node);
    case INSIGHTS_NOT:
        value = insights_evaluate(context, row, node->args[0]);
        return of_bool(!is_true(&value));
    case INSIGHTS_NEGATE:
        value = insights_evaluate(context, row, node->args[0]);
        return insights_to_number(&value, &number) ? insights_of_number(-number) : none;
    case INSIGHTS_IN:
        break;
    }
    value = insights_evaluate(context, row, node->args[0]);
    for (size_t i = 1; i < node->arg_count; i++) {
        struct insights_value item = insights_evaluate(context, row, node->args[i]);
        if (value.kind != INSIGHTS_NONE && insights_compare(&value, &item) == 0)
            return of_bool(!node->is_negated);
    }
    return of_bool(node->is_negated);
}

void insights_set_cell(struct insights_row *row, struct str name, struct insights_value value)
{
    *(struct insights_cell *)vec_push(&row->cells) =
        (struct insights_cell){.name = name, .value = value};
}

/* --- parse --- */

static void parse_glob(struct insights_row *row, const struct insights_command *command,
                       struct str text)
{
    struct str rest = command->pattern;
    struct str piece = {0};
    size_t at = 0;
    (void)str_split_next(&rest, '*', &piece);
    ptrdiff_t found = str_find(text, piece);
    if (found < 0)
        return;
    at = (size_t)found + piece.len;
    for (size_t i = 0; i < command->name_count && str_split_next(&rest, '*', &piece); i++) {
        ptrdiff_t end = piece.len == 0 && !rest.ptr ? (ptrdiff_t)(text.len - at)
                                                    : str_find(str_from(text, at), piece);
        if (end < 0)
            return;
        insights_set_cell(row, command->names[i], of_text(str_slice(text, at, (size_t)end)));
        at += (size_t)end + piece.len;
    }
}

static void parse_regex(struct insights_context *context, struct insights_row *row,
                        const struct insights_command *command, struct str text)
{
    const struct regex *regex = command->regex;
    if (match(regex, text) < 0)
        return;
    struct name_table table = names_of(regex);
    const PCRE2_SIZE *places = pcre2_get_ovector_pointer(regex->match);
    for (uint32_t i = 0; i < table.count; i++) {
        PCRE2_SPTR entry = table.names + (size_t)i * table.size;
        size_t group = (size_t)entry[0] << 8 | entry[1];
        if (places[2 * group] != PCRE2_UNSET)
            insights_set_cell(
                row, command->names[i],
                of_text(str_copy(context->scratch,
                                 str_slice(text, places[2 * group],
                                           places[2 * group + 1] - places[2 * group]))));
    }
}

/* --- commands on one row --- */

/* False: the row is filtered out. */
bool insights_apply(struct insights_context *context, struct insights_row *row,
                    const struct insights_command *command)
{
    struct insights_value value = none;
    switch (command->kind) {
    case INSIGHTS_FILTER:
        value = insights_evaluate(context, row, command->node);
        return is_true(&value);
    case INSIGHTS_PARSE:
        value = insights_evaluate(context, row, command->node);
        if (command->regex)
            parse_regex(context, row, command, insights_to_text(context->scratch, &value));
        else
            parse_glob(row, command, insights_to_text(context->scratch, &value));
        return true;
    case INSIGHTS_FIELDS:
    case INSIGHTS_DISPLAY:
        for (size_t i = 0; i < command->item_count; i++) {
            const struct insights_item *item = &command->items[i];
            if (item->node->kind != INSIGHTS_FIELD || !str_eq(item->node->name, item->name))
                insights_set_cell(row, item->name, insights_evaluate(context, row, item->node));
        }
        return true;
    case INSIGHTS_STATS:
    case INSIGHTS_SORT:
    case INSIGHTS_LIMIT:
    case INSIGHTS_DEDUP:
    case INSIGHTS_UNMASK:
        break;
    }
    return true;
}
