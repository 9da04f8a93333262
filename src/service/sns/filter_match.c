/* filter_match.c — asks a compiled filter about a message. See filter.h.
 *
 * The conditions of an alternative walk down the message together: at an object each goes on
 * through the member that begins its path; those that go through the same member stay together, so
 * that below an array they are asked of one item after the other and hold in the same one. OBSERVED
 * (2024-05): a path fits members with dots in their names, too, in any grouping.
 *
 * Work is linear in the message for each alternative, except where members share dotted beginnings
 * ("a" beside "a.b"): then each way is tried, up to MAX_STEPS.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "service/sns/filter_private.h"
#include "syntax/json.h"

enum {
    MAX_STEPS = 500000, /* goals asked at values for one message; then it does not match */
    NUMBER_MAX = 64,
};

struct matcher {
    struct arena *arena;
    enum sns_filter_scope scope;
    unsigned steps;
};

/* A condition with what is left of its path. */
struct goal {
    const struct sns_condition *condition;
    struct str path;
};

static bool read_number(struct str text, double *out_value)
{
    char copy[NUMBER_MAX];
    if (text.len == 0 || text.len >= sizeof(copy))
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    char *end = NULL;
    *out_value = strtod(copy, &end);
    return *end == '\0';
}

static bool is_in_range(const struct sns_pattern *pattern, double value)
{
    bool is_above = pattern->is_low_open ? value > pattern->low : value >= pattern->low;
    bool is_below = pattern->is_high_open ? value < pattern->high : value <= pattern->high;
    return is_above && is_below;
}

static bool is_in_network(const struct sns_pattern *pattern, struct str text)
{
    char copy[INET6_ADDRSTRLEN];
    unsigned char address[SNS_ADDRESS_BYTES];
    if (text.len >= sizeof(copy))
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    if (inet_pton(pattern->address_bytes == 4 ? AF_INET : AF_INET6, copy, address) != 1)
        return false;
    for (unsigned bit = 0; bit < pattern->mask_bits; bit++) {
        unsigned char mask = (unsigned char)(0x80U >> (bit % 8));
        if ((address[bit / 8] & mask) != (pattern->address[bit / 8] & mask))
            return false;
    }
    return true;
}

static bool takes_text(const struct sns_pattern *pattern, struct str text)
{
    switch (pattern->kind) {
    case SNS_PATTERN_STRING:
        return str_eq(pattern->text, text);
    case SNS_PATTERN_PREFIX:
        return str_starts_with(text, pattern->text);
    case SNS_PATTERN_SUFFIX:
        return str_ends_with(text, pattern->text);
    case SNS_PATTERN_IGNORE_CASE:
        return str_eq_nocase(pattern->text, text);
    case SNS_PATTERN_CIDR:
        return is_in_network(pattern, text);
    case SNS_PATTERN_NUMBER:
    case SNS_PATTERN_NUMERIC:
    case SNS_PATTERN_TRUE:
    case SNS_PATTERN_FALSE:
    case SNS_PATTERN_NULL:
    case SNS_PATTERN_EXISTS:
    case SNS_PATTERN_MISSING:
    case SNS_PATTERN_ANYTHING_BUT:
        break;
    }
    return false;
}

/* Whether a value that is neither array nor object is what the pattern wants. */
static bool takes_scalar(const struct sns_pattern *pattern, const struct json *value)
{
    if (pattern->kind == SNS_PATTERN_EXISTS)
        return true;
    if (pattern->kind == SNS_PATTERN_ANYTHING_BUT) {
        for (size_t i = 0; i < pattern->other_count; i++) {
            if (takes_scalar(&pattern->others[i], value))
                return false;
        }
        return true;
    }
    double number = 0;
    switch (value->kind) {
    case JSON_NULL:
        return pattern->kind == SNS_PATTERN_NULL;
    case JSON_TRUE:
        return pattern->kind == SNS_PATTERN_TRUE;
    case JSON_FALSE:
        return pattern->kind == SNS_PATTERN_FALSE;
    case JSON_NUMBER:
        return (pattern->kind == SNS_PATTERN_NUMBER || pattern->kind == SNS_PATTERN_NUMERIC) &&
               read_number(value->text, &number) && is_in_range(pattern, number);
    case JSON_STRING:
        return takes_text(pattern, value->text);
    case JSON_ARRAY:
    case JSON_OBJECT:
        break;
    }
    return false;
}

static bool takes_any_of(const struct sns_condition *condition, const struct json *value)
{
    for (size_t i = 0; i < condition->pattern_count; i++) {
        if (takes_scalar(&condition->patterns[i], value))
            return true;
    }
    return false;
}

/* OBSERVED (2024-05): among attributes null stands for one that is not there. */
static bool takes_absence(const struct matcher *m, const struct sns_condition *condition)
{
    for (size_t i = 0; i < condition->pattern_count; i++) {
        enum sns_pattern_kind kind = condition->patterns[i].kind;
        if (kind == SNS_PATTERN_MISSING ||
            (kind == SNS_PATTERN_NULL && m->scope == SNS_FILTER_ATTRIBUTES))
            return true;
    }
    return false;
}

static bool all_take_absence(const struct matcher *m, const struct goal *goals, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!takes_absence(m, goals[i].condition))
            return false;
    }
    return true;
}

static bool meets(struct matcher *m, const struct json *value, const struct goal *goals,
                  size_t count);

/* What is left of the path behind the member's name: empty at its end, absent when it is not on the
 * way. */
static struct str rest_behind(struct str path, struct str name)
{
    if (str_eq(path, name))
        return STR("");
    if (path.len > name.len + 1 && str_starts_with(path, name) && path.ptr[name.len] == '.')
        return str_from(path, name.len + 1);
    return (struct str){0};
}

/* The first goal goes through the members that fit it, one way after the other, together with all
 * others that fit the same member; the remaining goals are then met likewise. */
static bool meets_in_object(struct matcher *m, const struct json *object, const struct goal *goals,
                            size_t count)
{
    if (count == 0)
        return true;
    m->steps += (unsigned)count;
    if (m->steps > MAX_STEPS)
        return false;
    bool is_on_the_way = false;
    struct goal *through = arena_alloc_array(m->arena, 2 * count, sizeof(*through));
    struct goal *others = through + count;
    for (const struct json *member = object->first; member; member = member->next) {
        if (!rest_behind(goals[0].path, member->key).ptr)
            continue;
        is_on_the_way = true;
        size_t through_count = 0;
        size_t other_count = 0;
        for (size_t i = 0; i < count; i++) {
            struct str rest = rest_behind(goals[i].path, member->key);
            if (rest.ptr)
                through[through_count++] = (struct goal){goals[i].condition, rest};
            else
                others[other_count++] = goals[i];
        }
        if (meets(m, member, through, through_count) &&
            meets_in_object(m, object, others, other_count))
            return true;
    }
    return !is_on_the_way && takes_absence(m, goals[0].condition) &&
           meets_in_object(m, object, goals + 1, count - 1);
}

/* Goals that end at an array each need one of its items, not the same one. */
static bool meets_in_array(struct matcher *m, const struct json *array, const struct goal *goals,
                           size_t count)
{
    struct goal *deeper = arena_alloc_array(m->arena, count + 1, sizeof(*deeper));
    size_t deeper_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (goals[i].path.len > 0) {
            deeper[deeper_count++] = goals[i];
            continue;
        }
        bool is_met = array->count == 0 && takes_absence(m, goals[i].condition);
        for (const struct json *item = array->first; item && !is_met; item = item->next)
            is_met = meets(m, item, &goals[i], 1);
        if (!is_met)
            return false;
    }
    if (deeper_count == 0)
        return true;
    for (const struct json *item = array->first; item; item = item->next) {
        if (meets(m, item, deeper, deeper_count))
            return true;
    }
    return array->count == 0 && all_take_absence(m, deeper, deeper_count);
}

/* Whether all goals are met at or below the value. Recursion is as deep as the message is nested,
 * which the JSON reader bounds. */
static bool meets(struct matcher *m, const struct json *value, const struct goal *goals,
                  size_t count)
{
    m->steps += (unsigned)count;
    if (m->steps > MAX_STEPS)
        return false;
    if (value->kind == JSON_ARRAY)
        return meets_in_array(m, value, goals, count);
    if (value->kind == JSON_OBJECT) {
        /* A path that ends at an object ends at no value. */
        struct goal *inside = arena_alloc_array(m->arena, count + 1, sizeof(*inside));
        size_t inside_count = 0;
        for (size_t i = 0; i < count; i++) {
            if (goals[i].path.len > 0)
                inside[inside_count++] = goals[i];
            else if (!takes_absence(m, goals[i].condition))
                return false;
        }
        return meets_in_object(m, value, inside, inside_count);
    }
    for (size_t i = 0; i < count; i++) {
        bool is_met = goals[i].path.len > 0 ? takes_absence(m, goals[i].condition)
                                            : takes_any_of(goals[i].condition, value);
        if (!is_met)
            return false;
    }
    return true;
}

static bool takes_message(struct arena *arena, const struct sns_filter *filter,
                          const struct json *message)
{
    struct matcher m = {.arena = arena, .scope = filter->scope};
    for (size_t i = 0; i < filter->count; i++) {
        const struct sns_alternative *alternative = &filter->alternatives[i];
        struct goal *goals = arena_alloc_array(arena, alternative->count + 1, sizeof(*goals));
        for (size_t g = 0; g < alternative->count; g++)
            goals[g] = (struct goal){&alternative->conditions[g], alternative->conditions[g].path};
        if (meets(&m, message, goals, alternative->count))
            return true;
    }
    return false;
}

bool sns_filter_takes_body(struct arena *arena, const struct sns_filter *filter, struct str body)
{
    if (sns_filter_is_empty(filter))
        return true;
    struct json *message = NULL;
    if (json_parse(arena, body, 0, &message, NULL) < 0 || message->kind != JSON_OBJECT)
        return false;
    return takes_message(arena, filter, message);
}

/* A number is one, an array of texts is its items, all else is text. */
static struct json *attribute_value(struct arena *arena,
                                    const struct sns_filter_attribute *attribute)
{
    struct json *value = NULL;
    double number = 0;
    if (str_starts_with(attribute->type, STR("Number")) && read_number(attribute->value, &number)) {
        value = json_new(arena, JSON_NUMBER);
        value->text = attribute->value;
        return value;
    }
    if (str_eq_cstr(attribute->type, "String.Array") &&
        json_parse(arena, attribute->value, 0, &value, NULL) == 0 && value->kind == JSON_ARRAY)
        return value;
    return json_new_string(arena, attribute->value);
}

bool sns_filter_takes_attributes(struct arena *arena, const struct sns_filter *filter,
                                 const struct sns_filter_attribute *attributes, size_t count)
{
    if (sns_filter_is_empty(filter))
        return true;
    struct json *message = json_new(arena, JSON_OBJECT);
    for (size_t i = 0; i < count; i++) {
        /* AWS: "Binary" attributes are ignored by filter policies. */
        if (!str_starts_with(attributes[i].type, STR("Binary")))
            json_append_member(message, attributes[i].name, attribute_value(arena, &attributes[i]));
    }
    return takes_message(arena, filter, message);
}
