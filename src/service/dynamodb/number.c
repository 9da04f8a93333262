/* number.c — DynamoDB's numbers: parse, print, order, add, encode as key.
 *
 * Digits are kept one per byte: numbers are short, and the arithmetic stays readable. Key encoding,
 * ordered by memcmp:
 *
 *   negative   00, 255 - (exponent + 130), (255 - pair) ..., FF
 *   zero       01
 *   positive   02, exponent + 130, pair ...
 *
 * A pair is two digits as d1 * 10 + d2 + 1; an odd last digit is a pair with 0. As the last digit
 * is never 0, a number whose pairs are the beginning of another's is the smaller one (in absolute
 * value), which is how memcmp sees it; negative ones end in FF so that it is the other way round.
 */
#include "service/dynamodb/number.h"

#include <string.h>

#include "base/arena.h"

enum {
    KEY_NEGATIVE = 0,
    KEY_ZERO = 1,
    KEY_POSITIVE = 2,
    KEY_END = 0xFF,
    BIAS = -DDB_NUMBER_EXPONENT_MIN,
    EXPONENT_TEXT_LIMIT = 1000000, /* of written exponents: far out of range either way */
    /* From 10^126 (a carry) down to the last digit of the smallest number. */
    COLUMNS = DDB_NUMBER_EXPONENT_MAX + 2 - DDB_NUMBER_EXPONENT_MIN + DDB_NUMBER_DIGITS_MAX,
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The exponent behind 'e'. False: there is none. */
static bool parse_exponent(struct str text, int64_t *out_exponent)
{
    bool is_negative = text.len > 0 && text.ptr[0] == '-';
    size_t at = text.len > 0 && (text.ptr[0] == '-' || text.ptr[0] == '+') ? 1 : 0;
    int64_t value = 0;
    if (at == text.len)
        return false;
    for (; at < text.len; at++) {
        if (!is_digit(text.ptr[at]))
            return false;
        if (value < EXPONENT_TEXT_LIMIT)
            value = value * 10 + (text.ptr[at] - '0');
    }
    *out_exponent = is_negative ? -value : value;
    return true;
}

/* Drops zeros at the end, checks the range. `significant` counts digits that did not fit, too. */
static enum ddb_number_error finish(struct ddb_number *number, size_t significant, int64_t exponent,
                                    struct ddb_number *out)
{
    if (number->count == 0) {
        *out = (struct ddb_number){0};
        return DDB_NUMBER_OK;
    }
    if (exponent > DDB_NUMBER_EXPONENT_MAX)
        return DDB_NUMBER_OVERFLOW;
    if (exponent < DDB_NUMBER_EXPONENT_MIN)
        return DDB_NUMBER_UNDERFLOW;
    if (significant > DDB_NUMBER_DIGITS_MAX)
        return DDB_NUMBER_TOO_PRECISE;
    while (number->digits[number->count - 1] == 0)
        number->count--;
    number->exponent = (int16_t)exponent;
    *out = *number;
    return DDB_NUMBER_OK;
}

enum ddb_number_error ddb_number_parse(struct str text, struct ddb_number *out)
{
    struct ddb_number number = {.is_negative = text.len > 0 && text.ptr[0] == '-'};
    size_t at = text.len > 0 && (text.ptr[0] == '-' || text.ptr[0] == '+') ? 1 : 0;
    size_t seen = 0;          /* digits of any kind */
    size_t length = 0;        /* digits since the first that is not 0 */
    size_t significant = 0;   /* the same up to the last that is not 0 */
    int64_t first_column = 0; /* power of ten of that first digit, as if no point came */
    int64_t point_shift = 0;  /* digits behind the point */
    bool has_point = false;
    for (; at < text.len; at++) {
        char c = text.ptr[at];
        if (c == '.' && !has_point) {
            has_point = true;
            continue;
        }
        if (!is_digit(c))
            break;
        seen++;
        point_shift += has_point;
        if (length == 0 && c == '0')
            continue;
        if (length < DDB_NUMBER_DIGITS_MAX)
            number.digits[number.count++] = (uint8_t)(c - '0');
        length++;
        if (c != '0')
            significant = length;
    }
    int64_t exponent = 0;
    if (seen == 0)
        return DDB_NUMBER_INVALID;
    if (at < text.len) {
        if ((text.ptr[at] != 'e' && text.ptr[at] != 'E') ||
            !parse_exponent(str_from(text, at + 1), &exponent))
            return DDB_NUMBER_INVALID;
    }
    first_column = (int64_t)length - 1 - point_shift;
    return finish(&number, significant, exponent + first_column, out);
}

/* OBSERVED: texts as recorded by the tests of dynalite. */
struct str ddb_number_error_text(struct arena *arena, enum ddb_number_error error, struct str text)
{
    switch (error) {
    case DDB_NUMBER_OVERFLOW:
        return STR("Number overflow. Attempting to store a number with magnitude larger than "
                   "supported range");
    case DDB_NUMBER_UNDERFLOW:
        return STR("Number underflow. Attempting to store a number with magnitude smaller than "
                   "supported range");
    case DDB_NUMBER_TOO_PRECISE:
        return STR("Attempting to store more than 38 significant digits in a Number");
    case DDB_NUMBER_INVALID:
        if (text.len > 0)
            return str_format(arena,
                              "The parameter cannot be converted to a numeric value: " STR_FMT,
                              STR_ARG(text));
        return STR("The parameter cannot be converted to a numeric value");
    case DDB_NUMBER_OK:
        break;
    }
    return (struct str){0};
}

struct str ddb_number_format(struct arena *arena, const struct ddb_number *number)
{
    if (number->count == 0)
        return STR("0");
    const int exponent = number->exponent;
    const int count = number->count;
    const size_t max = (size_t)(exponent < 0 ? -exponent : exponent) + (size_t)count + 4;
    char *text = arena_alloc_text(arena, max);
    size_t len = 0;
    if (number->is_negative)
        text[len++] = '-';
    if (exponent < 0) {
        text[len++] = '0';
        text[len++] = '.';
        for (int i = -1; i > exponent; i--)
            text[len++] = '0';
    }
    for (int i = 0; i < count || i <= exponent; i++) {
        if (i == exponent + 1 && exponent >= 0)
            text[len++] = '.';
        text[len++] = (char)('0' + (i < count ? number->digits[i] : 0));
    }
    return str_of(text, len);
}

/* Of absolute values. */
static int compare_magnitudes(const struct ddb_number *a, const struct ddb_number *b)
{
    if (a->count == 0 || b->count == 0)
        return (a->count > 0) - (b->count > 0);
    if (a->exponent != b->exponent)
        return a->exponent < b->exponent ? -1 : 1;
    size_t shorter = a->count < b->count ? a->count : b->count;
    int order = memcmp(a->digits, b->digits, shorter);
    return order != 0 ? order : (int)a->count - (int)b->count;
}

int ddb_number_compare(const struct ddb_number *a, const struct ddb_number *b)
{
    if (a->is_negative != b->is_negative)
        return a->is_negative ? -1 : 1;
    int order = compare_magnitudes(a, b);
    return a->is_negative ? -order : order;
}

/* Adds `sign` times the digits into columns; column 0 is 10^126. */
static void spread(const struct ddb_number *number, int sign, int8_t *columns)
{
    const int first = DDB_NUMBER_EXPONENT_MAX + 1 - number->exponent;
    for (int i = 0; i < number->count; i++)
        columns[first + i] = (int8_t)(columns[first + i] + sign * number->digits[i]);
}

enum ddb_number_error ddb_number_add(const struct ddb_number *a, const struct ddb_number *b,
                                     bool is_subtraction, struct ddb_number *out)
{
    const bool b_is_negative = b->is_negative != is_subtraction;
    const int order = compare_magnitudes(a, b);
    int8_t columns[COLUMNS] = {0};
    /* The larger one is added, so that the sum is not negative. */
    const bool is_negative = order >= 0 ? a->is_negative : b_is_negative;
    spread(a, a->is_negative == is_negative ? 1 : -1, columns);
    spread(b, b_is_negative == is_negative ? 1 : -1, columns);
    int carry = 0;
    for (int i = COLUMNS - 1; i >= 0; i--) {
        int value = columns[i] + carry;
        carry = value < 0 ? -1 : value / 10;
        columns[i] = (int8_t)(value - carry * 10);
    }
    struct ddb_number sum = {.is_negative = is_negative};
    int first = 0;
    while (first < COLUMNS && columns[first] == 0)
        first++;
    int last = COLUMNS - 1;
    while (last > first && columns[last] == 0)
        last--;
    if (first == COLUMNS) {
        *out = (struct ddb_number){0};
        return DDB_NUMBER_OK;
    }
    const int span = last - first + 1;
    const size_t significant = (size_t)span;
    for (int i = first; i <= last && sum.count < DDB_NUMBER_DIGITS_MAX; i++)
        sum.digits[sum.count++] = (uint8_t)columns[i];
    return finish(&sum, significant, DDB_NUMBER_EXPONENT_MAX + 1 - first, out);
}

size_t ddb_number_key(const struct ddb_number *number, unsigned char out[DDB_NUMBER_KEY_MAX])
{
    if (number->count == 0) {
        out[0] = KEY_ZERO;
        return 1;
    }
    const unsigned char flip = number->is_negative ? 0xFF : 0;
    size_t len = 0;
    out[len++] = number->is_negative ? KEY_NEGATIVE : KEY_POSITIVE;
    out[len++] = (unsigned char)((number->exponent + BIAS) ^ flip);
    for (size_t i = 0; i < number->count; i += 2) {
        int second = i + 1 < number->count ? number->digits[i + 1] : 0;
        out[len++] = (unsigned char)((number->digits[i] * 10 + second + 1) ^ flip);
    }
    if (number->is_negative)
        out[len++] = KEY_END;
    return len;
}

bool ddb_number_from_key(struct str key, struct ddb_number *out)
{
    struct ddb_number number = {0};
    const unsigned char *bytes = (const unsigned char *)key.ptr;
    if (key.len == 1 && bytes[0] == KEY_ZERO) {
        *out = number;
        return true;
    }
    if (key.len < 3 || key.len > DDB_NUMBER_KEY_MAX ||
        (bytes[0] != KEY_NEGATIVE && bytes[0] != KEY_POSITIVE))
        return false;
    number.is_negative = bytes[0] == KEY_NEGATIVE;
    const unsigned char flip = number.is_negative ? 0xFF : 0;
    size_t end = number.is_negative ? key.len - 1 : key.len;
    if (number.is_negative && bytes[end] != KEY_END)
        return false;
    number.exponent = (int16_t)((bytes[1] ^ flip) - BIAS);
    for (size_t i = 2; i < end; i++) {
        int pair = (bytes[i] ^ flip) - 1;
        if (pair < 0 || pair > 99 || number.count + 2 > DDB_NUMBER_DIGITS_MAX)
            return false;
        number.digits[number.count++] = (uint8_t)(pair / 10);
        number.digits[number.count++] = (uint8_t)(pair % 10);
    }
    while (number.count > 0 && number.digits[number.count - 1] == 0)
        number.count--;
    if (number.count == 0 || number.digits[0] == 0)
        return false;
    *out = number;
    return true;
}

/* OBSERVED: eu-west-2, August 2026 (public conformance suite nubo-db/dynamodb-conformance,
 * numberByteSize): one byte, one for each two significant digits before the point, the same behind
 * it, one for the minus. The developer guide's rule ("1 byte per two significant digits + 1 byte")
 * is the same but for digits on both sides of the point. */
size_t ddb_number_size(const struct ddb_number *number)
{
    if (number->count == 0)
        return 1;
    int before = number->exponent + 1;
    before = before < 0 ? 0 : before > number->count ? number->count : before;
    /* Zeros before the point that only hold places are not significant. */
    int significant_before = before;
    while (significant_before > 0 && number->digits[significant_before - 1] == 0)
        significant_before--;
    if (before < number->count)
        significant_before = before;
    int behind = number->count - before;
    const int size = 1 + (significant_before + 1) / 2 + (behind + 1) / 2 + number->is_negative;
    return (size_t)size;
}
