/* insights_run.c — rows through commands.
 *
 * Each event becomes a row and runs through the commands up to the first that needs all rows
 * (stats, sort, dedup, limit). Stats takes its rows in one by one; before the others they are
 * collected, the newest first, as AWS answers them. What follows works on the collected rows.
 */
#define PCRE2_CODE_UNIT_WIDTH 8

#include <errno.h>
#include <math.h>
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/map.h"
#include "service/logs/insights.h"
#include "syntax/json.h"
#include "syntax/time.h"

enum {
    MATCH_LIMIT = 200000,
    HEAP_LIMIT_KIB = 1024,
    MAX_GROUPS = 100000, /* of stats: memory */
    MAX_SAMPLES = 1000000,
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

static struct insights_value of_number(double number)
{
    return isfinite(number) ? (struct insights_value){.kind = INSIGHTS_NUMBER, .number = number}
                            : none;
}

static struct insights_value of_bool(bool value)
{
    return (struct insights_value){.kind = INSIGHTS_BOOL, .number = value};
}

static bool to_number(const struct insights_value *value, double *out)
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

static struct str to_text(struct arena *arena, const struct insights_value *value)
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
static int compare_values(const struct insights_value *a, const struct insights_value *b)
{
    double left = 0;
    double right = 0;
    if (a->kind == INSIGHTS_NONE || b->kind == INSIGHTS_NONE)
        return (a->kind != INSIGHTS_NONE) - (b->kind != INSIGHTS_NONE);
    bool is_left = to_number(a, &left) || a->kind == INSIGHTS_BOOL;
    bool is_right = to_number(b, &right) || b->kind == INSIGHTS_BOOL;
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

struct cell {
    struct str name;
    struct insights_value value;
};

struct row {
    struct log_event event;
    const struct log_group *group; /* NULL: a row of stats */
    struct str stream;
    struct vec cells; /* computed, the last of a name counts */
    struct json *json;
    bool is_parsed;
    const struct insights_value *slots; /* aggregates of the row's group */
};

struct run {
    struct call *call;
    struct arena *arena; /* of the result */
    struct arena *scratch;
    const struct insights_query *query;
    const struct insights_source *source;
    struct insights_result *result;
    const struct log_group *group;
    struct vec rows; /* of struct row */
    struct log_stream stream;
    size_t barrier; /* the first command that needs all rows */
    struct map groups;
    int rc;
};

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
    return found->kind == JSON_NUMBER && to_number(&shown, &number) ? of_number(number) : shown;
}

static struct insights_value find_field(struct run *run, struct row *row, struct str name)
{
    for (size_t i = row->cells.count; i-- > 0;) {
        const struct cell *cell = vec_at(&row->cells, i);
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
            str_concat3(run->scratch, row->group->scope.account, STR(":"), row->group->name));
    if (str_eq_cstr(name, "@ptr"))
        return of_text(log_key_write(run->scratch, &row->event.key));
    if (!row->is_parsed && json_parse(run->scratch, row->event.message, 0, &row->json, NULL) < 0)
        row->json = NULL;
    row->is_parsed = true;
    return row->json ? find_member(run->scratch, row->json, name) : none;
}

/* --- evaluation --- */

static struct insights_value evaluate(struct run *run, struct row *row,
                                      const struct insights_node *node);

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

static struct arguments evaluate_all(struct run *run, struct row *row,
                                     const struct insights_node *node)
{
    struct arguments arguments = {0};
    for (size_t i = 0; i < node->arg_count && i < ARRAY_LEN(arguments.values); i++) {
        arguments.values[i] = evaluate(run, row, node->args[i]);
        arguments.is_number[i] = to_number(&arguments.values[i], &arguments.numbers[i]);
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
        return of_number(fabs(x));
    if (is_named(node, "ceil"))
        return of_number(ceil(x));
    if (is_named(node, "floor"))
        return of_number(floor(x));
    if (is_named(node, "sqrt"))
        return of_number(sqrt(x));
    if (is_named(node, "log"))
        return of_number(log(x));
    bool is_greatest = is_named(node, "greatest");
    for (size_t i = 1; i < args->count; i++) {
        if (args->is_number[i] && (args->numbers[i] > x) == is_greatest)
            x = args->numbers[i];
    }
    return of_number(x);
}

static struct insights_value call_text(struct run *run, const struct insights_node *node,
                                       const struct arguments *args)
{
    struct arena *arena = run->scratch;
    struct str text = to_text(arena, &args->values[0]);
    struct str second = to_text(arena, &args->values[1]);
    if (is_named(node, "isempty"))
        return of_bool(text.len == 0);
    if (is_named(node, "isblank"))
        return of_bool(str_trim(text).len == 0);
    if (is_named(node, "ispresent"))
        return of_bool(args->values[0].kind != INSIGHTS_NONE);
    if (args->values[0].kind == INSIGHTS_NONE && !is_named(node, "concat"))
        return none;
    if (is_named(node, "strlen"))
        return of_number((double)str_utf8_length(text));
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
        return of_number(str_contains(text, second));
    if (is_named(node, "replace"))
        return of_text(second.len == 0
                           ? text
                           : str_replace(arena, text, second,
                                         str_or(to_text(arena, &args->values[2]), STR(""))));
    if (is_named(node, "substr")) {
        double start = args->is_number[1] && args->numbers[1] > 0 ? args->numbers[1] : 0;
        double len = args->is_number[2] && args->numbers[2] >= 0 ? args->numbers[2] : 1e9;
        return of_text(str_slice(text, (size_t)fmin(start, 1e9), (size_t)fmin(len, 1e9)));
    }
    for (size_t i = 1; i < args->count; i++)
        text = str_concat(arena, text, to_text(arena, &args->values[i]));
    return of_text(str_or(text, STR("")));
}

static struct insights_value call_time(struct run *run, struct row *row,
                                       const struct insights_node *node,
                                       const struct arguments *args)
{
    if (is_named(node, "now"))
        return of_number(floor((double)run->source->asked_at_ms / SECOND_MS));
    if (is_named(node, "bin"))
        return round_time((double)row->event.key.at_ms, duration_of(&args->values[0]), false);
    if (is_named(node, "datefloor") || is_named(node, "dateceil"))
        return round_time(args->numbers[0], duration_of(&args->values[1]),
                          is_named(node, "dateceil"));
    if (!args->is_number[0])
        return none;
    if (is_named(node, "frommillis"))
        return (struct insights_value){.kind = INSIGHTS_TIME, .number = args->numbers[0]};
    return of_number(args->numbers[0]); /* toMillis */
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

static struct insights_value call_function(struct run *run, struct row *row,
                                           const struct insights_node *node)
{
    const struct arguments args = evaluate_all(run, row, node);
    for (size_t i = 0; i < ARRAY_LEN(functions); i++) {
        if (!is_named(node, functions[i].name))
            continue;
        if (functions[i].group == 'n')
            return call_number(node, &args);
        if (functions[i].group == 's')
            return call_text(run, node, &args);
        if (functions[i].group == 't')
            return call_time(run, row, node, &args);
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
        return of_number(left + right);
    case '-':
        return of_number(left - right);
    case '*':
        return of_number(left * right);
    case '/':
        return right == 0 ? none : of_number(left / right);
    case '%':
        return right == 0 ? none : of_number(fmod(left, right));
    default:
        return of_number(pow(left, right));
    }
}

static struct insights_value evaluate_binary(struct run *run, struct row *row,
                                             const struct insights_node *node)
{
    struct insights_value left = evaluate(run, row, node->args[0]);
    if (is_named(node, "and"))
        return of_bool(is_true(&left) &&
                       is_true(&(struct insights_value[]){evaluate(run, row, node->args[1])}[0]));
    if (is_named(node, "or"))
        return of_bool(is_true(&left) ||
                       is_true(&(struct insights_value[]){evaluate(run, row, node->args[1])}[0]));
    struct insights_value right = evaluate(run, row, node->args[1]);
    double numbers[2] = {0};
    char first = node->name.ptr[0];
    if (strchr("+-*/%^", first)) {
        if (!to_number(&left, &numbers[0]) || !to_number(&right, &numbers[1]))
            return none;
        return arithmetic(first, numbers[0], numbers[1]);
    }
    if (left.kind == INSIGHTS_NONE || right.kind == INSIGHTS_NONE)
        return of_bool(first == '!' && left.kind != right.kind);
    int order = compare_values(&left, &right);
    bool has_equal = node->name.ptr[node->name.len - 1] == '=';
    if (first == '!')
        return of_bool(order != 0);
    return of_bool((has_equal && order == 0) || (first == '<' && order < 0) ||
                   (first == '>' && order > 0));
}

static struct insights_value evaluate_like(struct run *run, struct row *row,
                                           const struct insights_node *node)
{
    struct insights_value left = evaluate(run, row, node->args[0]);
    const struct insights_node *pattern = node->args[1];
    struct str text = to_text(run->scratch, &left);
    bool matches = false;
    if (left.kind == INSIGHTS_NONE)
        return of_bool(node->is_negated);
    if (pattern->kind == INSIGHTS_REGEX) {
        matches = match(pattern->regex, text) >= 0;
    } else {
        struct insights_value value = evaluate(run, row, pattern);
        matches = str_contains(text, to_text(run->scratch, &value));
    }
    return of_bool(matches != node->is_negated);
}

static struct insights_value evaluate(struct run *run, struct row *row,
                                      const struct insights_node *node)
{
    struct insights_value value = none;
    double number = 0;
    switch (node->kind) {
    case INSIGHTS_FIELD:
        return find_field(run, row, node->name);
    case INSIGHTS_CONSTANT:
        return node->value;
    case INSIGHTS_REGEX:
        return of_text(node->value.text);
    case INSIGHTS_CALL:
        return call_function(run, row, node);
    case INSIGHTS_AGGREGATE:
        return row->slots ? row->slots[node->slot] : none;
    case INSIGHTS_BINARY:
        return evaluate_binary(run, row, node);
    case INSIGHTS_LIKE:
        return evaluate_like(run, row, node);
    case INSIGHTS_NOT:
        value = evaluate(run, row, node->args[0]);
        return of_bool(!is_true(&value));
    case INSIGHTS_NEGATE:
        value = evaluate(run, row, node->args[0]);
        return to_number(&value, &number) ? of_number(-number) : none;
    case INSIGHTS_IN:
        break;
    }
    value = evaluate(run, row, node->args[0]);
    for (size_t i = 1; i < node->arg_count; i++) {
        struct insights_value item = evaluate(run, row, node->args[i]);
        if (value.kind != INSIGHTS_NONE && compare_values(&value, &item) == 0)
            return of_bool(!node->is_negated);
    }
    return of_bool(node->is_negated);
}

static void set_cell(struct row *row, struct str name, struct insights_value value)
{
    *(struct cell *)vec_push(&row->cells) = (struct cell){.name = name, .value = value};
}

/* --- parse --- */

static void parse_glob(struct row *row, const struct insights_command *command, struct str text)
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
        set_cell(row, command->names[i], of_text(str_slice(text, at, (size_t)end)));
        at += (size_t)end + piece.len;
    }
}

static void parse_regex(struct run *run, struct row *row, const struct insights_command *command,
                        struct str text)
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
            set_cell(row, command->names[i],
                     of_text(str_copy(run->scratch,
                                      str_slice(text, places[2 * group],
                                                places[2 * group + 1] - places[2 * group]))));
    }
}

/* --- commands on one row --- */

/* False: the row is filtered out. */
static bool apply(struct run *run, struct row *row, const struct insights_command *command)
{
    struct insights_value value = none;
    switch (command->kind) {
    case INSIGHTS_FILTER:
        value = evaluate(run, row, command->node);
        return is_true(&value);
    case INSIGHTS_PARSE:
        value = evaluate(run, row, command->node);
        if (command->regex)
            parse_regex(run, row, command, to_text(run->scratch, &value));
        else
            parse_glob(row, command, to_text(run->scratch, &value));
        return true;
    case INSIGHTS_FIELDS:
    case INSIGHTS_DISPLAY:
        for (size_t i = 0; i < command->item_count; i++) {
            const struct insights_item *item = &command->items[i];
            if (item->node->kind != INSIGHTS_FIELD || !str_eq(item->node->name, item->name))
                set_cell(row, item->name, evaluate(run, row, item->node));
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

/* --- stats --- */

struct accumulator {
    double count;
    double sum;
    double square;
    struct insights_value least;
    struct insights_value greatest;
    struct vec samples; /* of double, for percentiles */
    struct map distinct;
    int64_t first_at;
    int64_t last_at;
    struct insights_value first;
    struct insights_value last;
};

struct group {
    struct insights_value *keys;
    struct accumulator *accumulators;
};

static struct insights_value keep(struct arena *arena, struct insights_value value)
{
    value.text = str_copy(arena, value.text);
    return value;
}

static void accumulate(struct run *run, struct row *row, const struct insights_node *node,
                       struct accumulator *into)
{
    struct insights_value value = none;
    double number = 0;
    if (node->arg_count > 0)
        value = evaluate(run, row, node->args[0]);
    if (node->arg_count > 0 && value.kind == INSIGHTS_NONE)
        return;
    bool is_number = to_number(&value, &number);
    into->count++;
    if (is_number) {
        into->sum += number;
        into->square += number * number;
    }
    if (into->least.kind == INSIGHTS_NONE || compare_values(&value, &into->least) < 0)
        into->least = keep(run->arena, value);
    if (into->greatest.kind == INSIGHTS_NONE || compare_values(&value, &into->greatest) > 0)
        into->greatest = keep(run->arena, value);
    if (is_number && (is_named(node, "pct") || is_named(node, "median")) &&
        into->samples.count < MAX_SAMPLES)
        *(double *)vec_push(&into->samples) = number;
    if (is_named(node, "count_distinct")) {
        struct str text = to_text(run->scratch, &value);
        if (!map_has(&into->distinct, text))
            (void)map_set(&into->distinct, str_copy(run->arena, text), into);
    }
    int64_t at = row->event.key.at_ms;
    if (into->first.kind == INSIGHTS_NONE || at < into->first_at) {
        into->first = keep(run->arena, value);
        into->first_at = at;
    }
    if (into->last.kind == INSIGHTS_NONE || at >= into->last_at) {
        into->last = keep(run->arena, value);
        into->last_at = at;
    }
}

static int compare_doubles(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return left < right ? -1 : left > right;
}

static struct insights_value percentile(struct accumulator *from, double percent)
{
    if (from->samples.count == 0)
        return none;
    vec_sort(&from->samples, compare_doubles);
    double place = percent / 100 * (double)(from->samples.count - 1);
    size_t low = (size_t)fmax(0, fmin(floor(place), (double)(from->samples.count - 1)));
    size_t high = low + 1 < from->samples.count ? low + 1 : low;
    double a = *(const double *)vec_at(&from->samples, low);
    double b = *(const double *)vec_at(&from->samples, high);
    return of_number(a + (b - a) * (place - (double)low));
}

static struct insights_value finish(const struct insights_node *node, struct accumulator *from)
{
    double mean = from->count > 0 ? from->sum / from->count : 0;
    if (is_named(node, "count"))
        return of_number(from->count);
    if (is_named(node, "count_distinct"))
        return of_number((double)from->distinct.count);
    if (from->count == 0)
        return none;
    if (is_named(node, "sum"))
        return of_number(from->sum);
    if (is_named(node, "avg"))
        return of_number(mean);
    if (is_named(node, "stddev"))
        return of_number(sqrt(fmax(0, from->square / from->count - mean * mean)));
    if (is_named(node, "min") || is_named(node, "sortsfirst"))
        return from->least;
    if (is_named(node, "max") || is_named(node, "sortslast"))
        return from->greatest;
    if (is_named(node, "earliest"))
        return from->first;
    if (is_named(node, "latest"))
        return from->last;
    if (is_named(node, "median"))
        return percentile(from, 50);
    return percentile(from, node->arg_count > 1 ? node->args[1]->value.number : 50);
}

static struct group *new_group(struct run *run, const struct insights_command *command,
                               const struct insights_value *keys)
{
    struct group *group = arena_alloc(run->arena, sizeof(*group));
    group->keys = arena_alloc_array(run->arena, command->by_count, sizeof(*group->keys));
    group->accumulators =
        arena_alloc_array(run->arena, command->aggregate_count, sizeof(*group->accumulators));
    for (size_t i = 0; i < command->by_count; i++)
        group->keys[i] = keep(run->arena, keys[i]);
    for (size_t i = 0; i < command->aggregate_count; i++) {
        vec_init(&group->accumulators[i].samples, run->arena, sizeof(double));
        map_init(&group->accumulators[i].distinct, run->arena);
    }
    return group;
}

static void add_to_group(struct run *run, struct row *row, const struct insights_command *command)
{
    struct insights_value *keys = arena_alloc_array(run->scratch, command->by_count, sizeof(*keys));
    struct str key = STR("");
    for (size_t i = 0; i < command->by_count; i++) {
        keys[i] = evaluate(run, row, command->by[i].node);
        key = str_concat3(run->scratch, key, STR("\x1f"), to_text(run->scratch, &keys[i]));
    }
    struct group *group = map_find(&run->groups, key);
    if (!group && run->groups.count < MAX_GROUPS) {
        group = new_group(run, command, keys);
        (void)map_set(&run->groups, str_copy(run->arena, key), group);
    }
    for (size_t i = 0; group && i < command->aggregate_count; i++)
        accumulate(run, row, command->aggregates[i], &group->accumulators[i]);
}

/* The groups become the rows. */
static void end_stats(struct run *run, const struct insights_command *command)
{
    vec_init(&run->rows, run->arena, sizeof(struct row));
    if (run->groups.count == 0 && command->by_count == 0)
        (void)map_set(&run->groups, STR(""), new_group(run, command, NULL));
    for (size_t i = 0; i < run->groups.count; i++) {
        struct group *group = run->groups.entries[i].value;
        struct insights_value *slots =
            arena_alloc_array(run->arena, command->aggregate_count, sizeof(*slots));
        struct row *row = vec_push(&run->rows);
        vec_init(&row->cells, run->arena, sizeof(struct cell));
        for (size_t a = 0; a < command->aggregate_count; a++)
            slots[a] = finish(command->aggregates[a], &group->accumulators[a]);
        row->slots = slots;
        for (size_t b = 0; b < command->by_count; b++)
            set_cell(row, command->by[b].name, group->keys[b]);
        for (size_t item = 0; item < command->item_count; item++)
            set_cell(row, command->items[item].name,
                     keep(run->arena, evaluate(run, row, command->items[item].node)));
    }
    map_init(&run->groups, run->arena);
}

/* --- sort, limit, dedup --- */

struct sorted {
    struct row row;
    struct insights_value *keys;
    size_t place;
    const struct insights_command *command;
};

static int compare_rows(const void *a, const void *b)
{
    const struct sorted *left = a;
    const struct sorted *right = b;
    for (size_t i = 0; i < left->command->item_count; i++) {
        int order = compare_values(&left->keys[i], &right->keys[i]);
        if (order != 0)
            return left->command->items[i].is_descending ? -order : order;
    }
    return left->place < right->place ? -1 : left->place > right->place;
}

static void sort_rows(struct run *run, const struct insights_command *command)
{
    size_t count = run->rows.count;
    struct sorted *sorted = arena_alloc_array(run->arena, count, sizeof(*sorted));
    for (size_t i = 0; i < count; i++) {
        sorted[i] = (struct sorted){
            .row = *(struct row *)vec_at(&run->rows, i), .place = i, .command = command};
        sorted[i].keys =
            arena_alloc_array(run->arena, command->item_count, sizeof(*sorted[i].keys));
        for (size_t k = 0; k < command->item_count; k++)
            sorted[i].keys[k] =
                keep(run->arena, evaluate(run, &sorted[i].row, command->items[k].node));
    }
    qsort(sorted, count, sizeof(*sorted), compare_rows);
    for (size_t i = 0; i < count; i++)
        *(struct row *)vec_at(&run->rows, i) = sorted[i].row;
}

static void dedup_rows(struct run *run, const struct insights_command *command)
{
    struct map seen;
    struct vec kept;
    map_init(&seen, run->arena);
    vec_init(&kept, run->arena, sizeof(struct row));
    for (size_t i = 0; i < run->rows.count; i++) {
        struct row *row = vec_at(&run->rows, i);
        struct str key = STR("");
        for (size_t k = 0; k < command->item_count; k++) {
            struct insights_value value = evaluate(run, row, command->items[k].node);
            key = str_concat3(run->arena, key, STR("\x1f"), to_text(run->arena, &value));
        }
        if (map_set(&seen, key, row))
            *(struct row *)vec_push(&kept) = *row;
    }
    run->rows = kept;
}

static void filter_rows(struct run *run, const struct insights_command *command)
{
    struct vec kept;
    vec_init(&kept, run->arena, sizeof(struct row));
    for (size_t i = 0; i < run->rows.count; i++) {
        struct row *row = vec_at(&run->rows, i);
        if (apply(run, row, command))
            *(struct row *)vec_push(&kept) = *row;
    }
    run->rows = kept;
}

static void run_on_rows(struct run *run, const struct insights_command *command)
{
    switch (command->kind) {
    case INSIGHTS_SORT:
        sort_rows(run, command);
        break;
    case INSIGHTS_DEDUP:
        dedup_rows(run, command);
        break;
    case INSIGHTS_LIMIT:
        if (run->rows.count > (size_t)command->limit)
            run->rows.count = (size_t)command->limit;
        break;
    case INSIGHTS_STATS:
        for (size_t i = 0; i < run->rows.count; i++)
            add_to_group(run, vec_at(&run->rows, i), command);
        end_stats(run, command);
        break;
    case INSIGHTS_FIELDS:
    case INSIGHTS_DISPLAY:
    case INSIGHTS_FILTER:
    case INSIGHTS_PARSE:
    case INSIGHTS_UNMASK:
        filter_rows(run, command);
        break;
    }
}

/* --- events --- */

/* What a row keeps must outlive the event. */
static void keep_row(struct run *run, struct row *row)
{
    struct row kept = *row;
    kept.event.message = str_copy(run->arena, row->event.message);
    kept.json = NULL;
    kept.is_parsed = false;
    vec_init(&kept.cells, run->arena, sizeof(struct cell));
    for (size_t i = 0; i < row->cells.count; i++) {
        const struct cell *cell = vec_at(&row->cells, i);
        set_cell(&kept, cell->name, keep(run->arena, cell->value));
    }
    *(struct row *)vec_push(&run->rows) = kept;
}

static bool find_stream(struct run *run, int64_t id)
{
    if (run->stream.id == id)
        return true;
    run->rc = logs_store_find_stream_by_id(run->call->db, run->arena, id, &run->stream);
    return run->rc >= 0;
}

static bool visit(void *context, const struct log_event *event)
{
    struct run *run = context;
    const struct insights_query *query = run->query;
    if (event->ingested_at_ms > run->source->asked_at_ms)
        return true;
    arena_reset(run->scratch);
    struct row row = {.event = *event, .group = run->group};
    vec_init(&row.cells, run->scratch, sizeof(struct cell));
    if (!find_stream(run, event->key.stream_id))
        return false;
    row.stream = run->stream.name;
    run->result->scanned++;
    run->result->bytes += (double)event->message.len;
    for (size_t i = 0; i < run->barrier; i++) {
        if (!apply(run, &row, &query->commands[i]))
            return true;
    }
    run->result->matched++;
    if (run->barrier < query->count && query->commands[run->barrier].kind == INSIGHTS_STATS)
        add_to_group(run, &row, &query->commands[run->barrier]);
    else if (run->rows.count < INSIGHTS_MAX_ROWS)
        keep_row(run, &row);
    return true;
}

static int compare_newest_first(const void *a, const void *b)
{
    const struct row *left = a;
    const struct row *right = b;
    return log_key_compare(&right->event.key, &left->event.key);
}

static bool is_streamed(enum insights_command_kind kind)
{
    return kind == INSIGHTS_FIELDS || kind == INSIGHTS_DISPLAY || kind == INSIGHTS_FILTER ||
           kind == INSIGHTS_PARSE || kind == INSIGHTS_UNMASK;
}

/* --- columns --- */

static void add_column(struct vec *columns, struct str name)
{
    for (size_t i = 0; i < columns->count; i++) {
        if (str_eq(*(struct str *)vec_at(columns, i), name))
            return;
    }
    *(struct str *)vec_push(columns) = name;
}

/* The last display or stats says which; without them, all that fields named. */
static struct vec columns_of(struct run *run)
{
    struct vec columns;
    vec_init(&columns, run->arena, sizeof(struct str));
    for (size_t i = 0; i < run->query->count; i++) {
        const struct insights_command *command = &run->query->commands[i];
        if (command->kind == INSIGHTS_DISPLAY || command->kind == INSIGHTS_STATS)
            vec_init(&columns, run->arena, sizeof(struct str));
        for (size_t b = 0; b < command->by_count; b++)
            add_column(&columns, command->by[b].name);
        bool shows = command->kind == INSIGHTS_FIELDS || command->kind == INSIGHTS_DISPLAY ||
                     command->kind == INSIGHTS_STATS;
        for (size_t item = 0; shows && item < command->item_count; item++)
            add_column(&columns, command->items[item].name);
    }
    if (columns.count == 0) {
        add_column(&columns, STR("@timestamp"));
        add_column(&columns, STR("@message"));
    }
    return columns;
}

static void show_row(struct run *run, struct row *row, const struct vec *columns,
                     struct logs_result_rows *out)
{
    out->items = arena_alloc_array(run->arena, columns->count + 1, sizeof(*out->items));
    out->is_set = true;
    for (size_t i = 0; i < columns->count; i++) {
        struct str name = *(const struct str *)vec_at(columns, i);
        struct insights_value value = find_field(run, row, name);
        struct str text = to_text(run->arena, &value);
        if (str_is_set(text))
            out->items[out->count++] =
                (struct logs_result_field){.field = name, .value = str_copy(run->arena, text)};
    }
    if (row->group)
        out->items[out->count++] = (struct logs_result_field){
            .field = STR("@ptr"), .value = log_key_write(run->arena, &row->event.key)};
}

int insights_run(struct call *call, const struct insights_query *query,
                 const struct insights_source *source, struct insights_result *out_result)
{
    AUTO(arena) struct arena *scratch = arena_new();
    struct run run = {.call = call,
                      .arena = call->arena,
                      .scratch = scratch,
                      .query = query,
                      .source = source,
                      .result = out_result};
    *out_result = (struct insights_result){0};
    vec_init(&run.rows, run.arena, sizeof(struct row));
    map_init(&run.groups, run.arena);
    while (run.barrier < query->count && is_streamed(query->commands[run.barrier].kind))
        run.barrier++;
    for (size_t i = 0; i < source->count; i++) {
        run.group = &source->groups[i];
        int rc = logs_each(call, &source->queries[i], visit, &run);
        if (rc < 0 || run.rc < 0)
            return rc < 0 ? rc : run.rc;
    }
    size_t next = run.barrier;
    if (next < query->count && query->commands[next].kind == INSIGHTS_STATS)
        end_stats(&run, &query->commands[next++]);
    else
        vec_sort(&run.rows, compare_newest_first);
    while (next < query->count)
        run_on_rows(&run, &query->commands[next++]);
    struct vec columns = columns_of(&run);
    size_t count = run.rows.count < source->limit ? run.rows.count : source->limit;
    out_result->rows.items = arena_alloc_array(run.arena, count, sizeof(*out_result->rows.items));
    out_result->rows.is_set = true;
    for (size_t i = 0; i < count; i++)
        show_row(&run, vec_at(&run.rows, i), &columns,
                 &out_result->rows.items[out_result->rows.count++]);
    return 0;
}
