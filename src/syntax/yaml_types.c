/* yaml_types.c — the types of plain scalars, and YAML data as JSON.
 *
 * AWS: "CloudFormation supports the YAML Version 1.1 specification with a few exceptions", among
 * them the timestamp tag (CloudFormation User Guide, template formats), so a date is a string.
 * The forms of numbers are those of the YAML 1.1 type repository (yaml.org/type/int.html,
 * float.html), with the two liberties of the Java reader that AWS runs: the sign of an exponent may
 * be left out and so may the point before an exponent. 12e45 is therefore a number.
 */
#include "syntax/yaml_types.h"

#include <stdlib.h>

#include "base/arena.h"
#include "syntax/json.h"

static bool is_one_of(struct str text, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq_cstr(text, words[i]))
            return true;
    }
    return false;
}

static bool is_null(struct str text)
{
    static const char *const words[] = {"", "~", "null", "Null", "NULL"};
    return is_one_of(text, words, ARRAY_LEN(words));
}

static bool is_true(struct str text)
{
    static const char *const words[] = {"true", "True", "TRUE", "yes", "Yes",
                                        "YES",  "on",   "On",   "ON"};
    return is_one_of(text, words, ARRAY_LEN(words));
}

static bool is_false(struct str text)
{
    static const char *const words[] = {"false", "False", "FALSE", "no", "No",
                                        "NO",    "off",   "Off",   "OFF"};
    return is_one_of(text, words, ARRAY_LEN(words));
}

/* ---- Forms of numbers --------------------------------------------------------------------------
 */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Value of a digit up to base 16, or 99. */
static unsigned digit_value(char c)
{
    if (is_digit(c))
        return (unsigned)(c - '0');
    if (c >= 'a' && c <= 'f')
        return (unsigned)(c - 'a') + 10;
    if (c >= 'A' && c <= 'F')
        return (unsigned)(c - 'A') + 10;
    return 99;
}

static struct str without_sign(struct str text)
{
    bool has_sign = text.len > 0 && (text.ptr[0] == '-' || text.ptr[0] == '+');
    return has_sign ? str_from(text, 1) : text;
}

/* How many characters from the start are digits of the base or underscores. */
static size_t digits_run(struct str text, unsigned base)
{
    size_t len = 0;
    while (len < text.len && (text.ptr[len] == '_' || digit_value(text.ptr[len]) < base))
        len++;
    return len;
}

/* The same, for decimal numbers, which begin with a real digit. */
static size_t decimal_run(struct str text)
{
    return text.len > 0 && is_digit(text.ptr[0]) ? digits_run(text, 10) : 0;
}

/* Length of ":30:15" (base 60, as in 190:30:15) at the start. */
static size_t sexagesimal_run(struct str text)
{
    size_t at = 0;
    while (at + 1 < text.len && text.ptr[at] == ':' && is_digit(text.ptr[at + 1])) {
        bool has_two = at + 2 < text.len && is_digit(text.ptr[at + 2]);
        if (has_two && text.ptr[at + 1] > '5')
            break;
        at += has_two ? 3 : 2;
    }
    return at;
}

/* The base that the prefix of an integer tells, and its digits; 10 may be followed by base 60. */
static unsigned integer_base(struct str unsigned_text, struct str *out_digits)
{
    static const struct {
        struct str prefix;
        unsigned base;
    } prefixes[] = {{STR_INIT("0b"), 2}, {STR_INIT("0x"), 16}, {STR_INIT("0"), 8}};
    *out_digits = unsigned_text;
    for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
        struct str prefix = prefixes[i].prefix;
        if (unsigned_text.len > prefix.len && str_starts_with(unsigned_text, prefix)) {
            *out_digits = str_from(unsigned_text, prefix.len);
            return prefixes[i].base;
        }
    }
    return 10;
}

static bool is_int(struct str text)
{
    struct str digits;
    unsigned base = integer_base(without_sign(text), &digits);
    if (base != 10)
        return digits_run(digits, base) == digits.len;
    size_t len = decimal_run(digits);
    if (len == 0)
        return false;
    return len + sexagesimal_run(str_from(digits, len)) == digits.len;
}

static bool is_infinity(struct str text)
{
    static const char *const words[] = {".inf", ".Inf", ".INF"};
    return is_one_of(without_sign(text), words, ARRAY_LEN(words));
}

static bool is_nan(struct str text)
{
    static const char *const words[] = {".nan", ".NaN", ".NAN"};
    return is_one_of(text, words, ARRAY_LEN(words));
}

/* Length of "e+10" at the start, or 0. */
static size_t exponent_run(struct str text)
{
    if (text.len == 0 || (text.ptr[0] != 'e' && text.ptr[0] != 'E'))
        return 0;
    size_t start = text.len > 1 && (text.ptr[1] == '-' || text.ptr[1] == '+') ? 2 : 1;
    size_t at = start;
    while (at < text.len && is_digit(text.ptr[at]))
        at++;
    return at > start ? at : 0;
}

/* The parts of a decimal or base-60 float; `sexagesimal` includes its colons. */
struct float_parts {
    struct str integer;
    struct str sexagesimal;
    bool has_point;
    struct str fraction;
    struct str exponent;
};

static bool split_float(struct str text, struct float_parts *out_parts)
{
    struct str rest = without_sign(text);
    struct float_parts parts = {0};
    parts.integer = str_slice(rest, 0, decimal_run(rest));
    rest = str_from(rest, parts.integer.len);
    parts.sexagesimal = str_slice(rest, 0, parts.integer.len ? sexagesimal_run(rest) : 0);
    rest = str_from(rest, parts.sexagesimal.len);
    parts.has_point = rest.len > 0 && rest.ptr[0] == '.';
    if (parts.has_point) {
        rest = str_from(rest, 1);
        parts.fraction = str_slice(rest, 0, digits_run(rest, 10));
        rest = str_from(rest, parts.fraction.len);
    }
    parts.exponent = str_slice(rest, 0, exponent_run(rest));
    bool has_digits = parts.integer.len > 0 || decimal_run(parts.fraction) > 0;
    bool is_float = parts.has_point || parts.exponent.len > 0;
    bool is_mixed = parts.sexagesimal.len > 0 && (!parts.has_point || parts.exponent.len > 0);
    *out_parts = parts;
    return has_digits && is_float && !is_mixed && parts.exponent.len == rest.len;
}

enum yaml_type yaml_resolve(struct str text)
{
    if (is_null(text))
        return YAML_NULL;
    if (is_true(text) || is_false(text))
        return YAML_BOOL;
    if (is_int(text))
        return YAML_INT;
    struct float_parts parts;
    if (split_float(text, &parts) || is_infinity(text) || is_nan(text))
        return YAML_FLOAT;
    return YAML_STRING;
}

/* ---- To JSON -----------------------------------------------------------------------------------
 */

static void append_digits(struct buf *out, struct str digits)
{
    for (size_t i = 0; i < digits.len; i++) {
        if (digits.ptr[i] != '_')
            buf_append_char(out, digits.ptr[i]);
    }
}

/* Without underscores and leading zeros, but at least one digit. */
static void append_integer_digits(struct buf *out, struct str digits)
{
    while (digits.len > 0 && (digits.ptr[0] == '0' || digits.ptr[0] == '_'))
        digits = str_from(digits, 1);
    if (digits.len == 0)
        buf_append_char(out, '0');
    append_digits(out, digits);
}

static bool add_digits(uint64_t *value, struct str digits, unsigned base)
{
    for (size_t i = 0; i < digits.len; i++) {
        if (digits.ptr[i] == '_')
            continue;
        if (__builtin_mul_overflow(*value, (uint64_t)base, value) ||
            __builtin_add_overflow(*value, (uint64_t)digit_value(digits.ptr[i]), value))
            return false;
    }
    return true;
}

/* Value of "190:20:30". False when it does not fit. */
static bool sexagesimal_value(struct str text, uint64_t *out_value)
{
    uint64_t total = 0;
    struct str piece;
    while (str_split_next(&text, ':', &piece)) {
        uint64_t part = 0;
        if (!add_digits(&part, piece, 10) || __builtin_mul_overflow(total, (uint64_t)60, &total) ||
            __builtin_add_overflow(total, part, &total))
            return false;
    }
    *out_value = total;
    return true;
}

static bool append_int(struct buf *out, struct str unsigned_text)
{
    struct str digits;
    unsigned base = integer_base(unsigned_text, &digits);
    uint64_t value = 0;
    if (base == 10 && str_index(digits, ':') < 0) {
        append_integer_digits(out, digits); /* any length */
        return true;
    }
    if (base == 10 ? !sexagesimal_value(digits, &value) : !add_digits(&value, digits, base))
        return false;
    buf_append_format(out, "%llu", (unsigned long long)value);
    return true;
}

static bool append_float(struct buf *out, struct str text)
{
    struct float_parts parts;
    if (!split_float(text, &parts)) /* an integer that is tagged !!float, or an infinity, or NaN */
        return is_int(text) && append_int(out, without_sign(text));
    if (parts.sexagesimal.len > 0) {
        struct str whole = str_of(parts.integer.ptr, parts.integer.len + parts.sexagesimal.len);
        uint64_t value = 0;
        if (!sexagesimal_value(whole, &value))
            return false;
        buf_append_format(out, "%llu", (unsigned long long)value);
    } else {
        append_integer_digits(out, parts.integer);
    }
    if (parts.has_point) {
        buf_append_char(out, '.');
        size_t before = out->len;
        append_digits(out, parts.fraction);
        if (out->len == before)
            buf_append_char(out, '0');
    }
    buf_append(out, parts.exponent);
    return true;
}

/* A JSON number of the same value, or the text as a string where JSON has none: infinities, NaN,
 * and numbers in other bases beyond 64 bits. */
static struct json *number_to_json(struct arena *arena, const struct yaml_node *node)
{
    struct buf out;
    buf_init(&out, arena, node->text.len + 32); /* 0x and base 60 may grow by some digits */
    if (str_starts_with(node->text, STR("-")))
        buf_append_char(&out, '-');
    bool is_number = node->type == YAML_INT ? append_int(&out, without_sign(node->text))
                                            : append_float(&out, node->text);
    if (!is_number || out.is_full)
        return json_new_string(arena, node->text);
    struct json *number = json_new(arena, JSON_NUMBER);
    number->text = buf_str(&out);
    return number;
}

static struct json *scalar_to_json(struct arena *arena, const struct yaml_node *node)
{
    switch (node->type) {
    case YAML_NULL:
        return json_new(arena, JSON_NULL);
    case YAML_BOOL:
        return json_new_bool(arena, is_true(node->text));
    case YAML_INT:
    case YAML_FLOAT:
        return number_to_json(arena, node);
    case YAML_STRING:
        break;
    }
    return json_new_string(arena, node->text);
}

/* Recursion ends at YAML_MAX_DEPTH, which counts aliases as what they stand for. */
struct json *yaml_to_json(struct arena *arena, const struct yaml_node *node)
{
    if (node->kind == YAML_SCALAR)
        return scalar_to_json(arena, node);
    bool is_mapping = node->kind == YAML_MAPPING;
    struct json *value = json_new(arena, is_mapping ? JSON_OBJECT : JSON_ARRAY);
    for (size_t i = 0; i < node->count; i++) {
        if (is_mapping)
            json_append_member(value, node->pairs[i].key->text,
                               yaml_to_json(arena, node->pairs[i].value));
        else
            json_append(value, yaml_to_json(arena, node->items[i]));
    }
    return value;
}
