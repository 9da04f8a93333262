/* transform.c — JSON paths in their simple form, and templates with <placeholders>.
 *
 * A placeholder outside quotes becomes the JSON of its value; inside quotes its text, as it is.
 * AWS: "EventBridge doesn't escape values it extracts" (user guide, "Common issues with
 * transforming input"). OBSERVED (recorded answers in LocalStack's tests): an object inside a
 * quoted template loses its quotation marks, a list of texts is joined by commas.
 */
#include "service/events/transform.h"

#include "base/arena.h"
#include "syntax/json.h"
#include "syntax/time.h"

enum {
    MAX_OUTPUT =
        4 * 1024 * 1024, /* a template of 8 KiB with events of 1 MiB in it is none to serve */
};

/* ---- Paths ----------------------------------------------------------------------------------- */

enum step_kind {
    STEP_END,
    STEP_NAME,
    STEP_INDEX,
    STEP_ALL,
    STEP_BAD,
};

struct step {
    enum step_kind kind;
    struct str name;
    int64_t index;
};

static bool is_name_char(char c)
{
    return c != '.' && c != '[' && c != ']' && c != '\'' && c != '"' && c != ' ' && c != '*';
}

static struct step bracket_step(struct str *rest)
{
    struct step step = {.kind = STEP_BAD};
    ptrdiff_t close = str_index(*rest, ']');
    if (close < 2)
        return step;
    struct str inside = str_slice(*rest, 1, (size_t)close - 1);
    char quote = inside.ptr[0];
    bool is_quoted =
        (quote == '\'' || quote == '"') && inside.len >= 2 && inside.ptr[inside.len - 1] == quote;
    if (str_eq_cstr(inside, "*")) {
        step.kind = STEP_ALL;
    } else if (is_quoted) {
        step.kind = STEP_NAME;
        step.name = str_slice(inside, 1, inside.len - 2);
    } else if (str_to_i64(inside, &step.index) == 0 && step.index >= 0) {
        step.kind = STEP_INDEX;
    }
    *rest = str_from(*rest, (size_t)close + 1);
    return step;
}

/* Takes the next step off the path, which is behind its '$'. */
static struct step next_step(struct str *rest)
{
    if (rest->len == 0)
        return (struct step){.kind = STEP_END};
    if (rest->ptr[0] == '[')
        return bracket_step(rest);
    if (rest->ptr[0] != '.')
        return (struct step){.kind = STEP_BAD};
    size_t len = 1;
    while (len < rest->len && is_name_char(rest->ptr[len]))
        len++;
    bool is_all = len == 1 && rest->len > 1 && rest->ptr[1] == '*';
    struct step step = {
        .kind = is_all    ? STEP_ALL
                : len > 1 ? STEP_NAME
                          : STEP_BAD,
        .name = str_slice(*rest, 1, len - 1),
    };
    *rest = str_from(*rest, is_all ? 2 : len);
    return step;
}

bool event_path_is_valid(struct str path)
{
    if (path.len == 0 || path.ptr[0] != '$')
        return false;
    struct str rest = str_from(path, 1);
    for (;;) {
        enum step_kind kind = next_step(&rest).kind;
        if (kind == STEP_END)
            return true;
        if (kind == STEP_BAD)
            return false;
    }
}

static const struct json *item_at(const struct json *array, int64_t index)
{
    const struct json *item = json_is_array(array) ? array->first : NULL;
    while (item && index-- > 0)
        item = item->next;
    return item;
}

static const struct json *walk(struct arena *arena, struct str rest, const struct json *value)
{
    for (;;) {
        struct step step = next_step(&rest);
        if (!value || step.kind == STEP_END)
            return value;
        if (step.kind == STEP_NAME) {
            value = json_find(value, step.name);
        } else if (step.kind == STEP_INDEX) {
            value = item_at(value, step.index);
        } else if (step.kind == STEP_ALL && (json_is_array(value) || json_is_object(value))) {
            struct json *all = json_new(arena, JSON_ARRAY);
            for (const struct json *item = value->first; item; item = item->next) {
                const struct json *found = walk(arena, rest, item);
                if (found)
                    json_append(all, json_copy(arena, found));
            }
            return all;
        } else {
            return NULL;
        }
    }
}

const struct json *event_path_find(struct arena *arena, struct str path, const struct json *event)
{
    return path.len > 0 && path.ptr[0] == '$' ? walk(arena, str_from(path, 1), event) : NULL;
}

/* ---- Templates ------------------------------------------------------------------------------- */

static const struct str reserved[] = {
    STR_INIT("aws.events.rule-arn"),   STR_INIT("aws.events.rule-name"),
    STR_INIT("aws.events.event"),      STR_INIT("aws.events.event.ingestion-time"),
    STR_INIT("aws.events.event.json"),
};

static bool is_variable_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
}

/* The name of the placeholder that begins at `at`; absent when none does. */
static struct str placeholder_at(struct str text, size_t at)
{
    size_t end = at + 1;
    if (text.ptr[at] != '<')
        return (struct str){0};
    while (end < text.len && is_variable_char(text.ptr[end]))
        end++;
    bool is_closed = end < text.len && text.ptr[end] == '>' && end > at + 1;
    return is_closed ? str_slice(text, at + 1, end - at - 1) : (struct str){0};
}

static const struct event_path *find_path(struct str name, const struct event_path *paths,
                                          size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq(paths[i].name, name))
            return &paths[i];
    }
    return NULL;
}

struct str event_template_unknown(struct str text, const struct event_path *paths, size_t count)
{
    for (size_t at = 0; at < text.len; at++) {
        struct str name = placeholder_at(text, at);
        bool is_known = !name.ptr || find_path(name, paths, count);
        for (size_t i = 0; i < ARRAY_LEN(reserved); i++)
            is_known |= str_eq(name, reserved[i]);
        if (!is_known)
            return name;
    }
    return (struct str){0};
}

static const struct json *text_value(struct arena *arena, struct str text)
{
    return json_new_string(arena, text);
}

static const struct json *without_detail(struct arena *arena, const struct json *event)
{
    struct json *copy = json_copy(arena, event);
    json_remove(copy, STR("detail"));
    return copy;
}

/* The value of a placeholder. AWS: a path that the event does not have gives no value: it "won't
 * appear in the output". */
static const struct json *value_of(struct arena *arena, struct str name,
                                   const struct event_path *paths, size_t count,
                                   const struct event_variables *variables)
{
    const struct event_path *path = find_path(name, paths, count);
    if (path)
        return event_path_find(arena, path->path, variables->event);
    if (str_eq_cstr(name, "aws.events.rule-arn"))
        return text_value(arena, variables->rule_arn);
    if (str_eq_cstr(name, "aws.events.rule-name")) {
        ptrdiff_t slash = str_last_index(variables->rule_arn, '/');
        return text_value(arena, str_from(variables->rule_arn, (size_t)(slash + 1)));
    }
    if (str_eq_cstr(name, "aws.events.event.ingestion-time"))
        return text_value(arena, time_rfc3339(arena, variables->ingested_at_ms));
    if (str_eq_cstr(name, "aws.events.event.json"))
        return variables->event;
    if (str_eq_cstr(name, "aws.events.event"))
        return without_detail(arena, variables->event);
    return NULL;
}

static void write_unquoted(struct buf *out, const struct json *value)
{
    if (value)
        json_write(out, value, 0);
    else
        buf_append(out, STR("\"\""));
}

static void write_in_text(struct arena *arena, struct buf *out, const struct json *value,
                          bool is_json)
{
    if (!value)
        return;
    if (json_is_string(value)) {
        buf_append(out, value->text);
        return;
    }
    struct str text = json_to_str(arena, value);
    bool is_tree = json_is_object(value) || json_is_array(value);
    buf_append(out, is_tree && !is_json ? str_replace(arena, text, STR("\""), STR("")) : text);
}

struct str event_template_fill(struct arena *arena, struct str text, const struct event_path *paths,
                               size_t count, const struct event_variables *variables)
{
    struct buf out;
    buf_init(&out, arena, MAX_OUTPUT);
    struct str trimmed = str_trim(text);
    bool is_json = trimmed.len > 0 && (trimmed.ptr[0] == '{' || trimmed.ptr[0] == '[');
    bool is_in_text = false;
    for (size_t at = 0; at < text.len; at++) {
        struct str name = placeholder_at(text, at);
        if (!name.ptr) {
            bool is_escape = text.ptr[at] == '\\' && at + 1 < text.len;
            is_in_text ^= text.ptr[at] == '"';
            buf_append(&out, str_slice(text, at, is_escape ? 2 : 1));
            at += is_escape ? 1 : 0;
            continue;
        }
        const struct json *value = value_of(arena, name, paths, count, variables);
        if (is_in_text)
            write_in_text(arena, &out, value, is_json);
        else
            write_unquoted(&out, value);
        at += name.len + 1;
    }
    return buf_str(&out);
}
