/* policy_value.c — the typed values of conditions: decimal numbers, dates, IP networks.
 *
 * All three readers take outside text of any form and say whether it is a value; what is no value
 * matches nothing.
 */
#include "auth/policy_private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

enum {
    MS_PER_SECOND = 1000,
    SECONDS_PER_DAY = 86400,
    IP_TEXT_MAX = 64,          /* longer than any address with its prefix length */
    DATE_YEAR_MAX = 292278993, /* the last year of 64-bit milliseconds: IAM's own limit */
    DATE_YEAR_MIN = -292275054,
    V4_BITS = 32,
    V6_BITS = 128,
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static size_t digit_count(struct str text)
{
    size_t count = 0;
    while (count < text.len && is_digit(text.ptr[count]))
        count++;
    return count;
}

int decimal_parse(struct str text, struct decimal *out_number)
{
    struct str rest = text;
    bool is_negative = rest.len > 0 && rest.ptr[0] == '-';
    if (is_negative || (rest.len > 0 && rest.ptr[0] == '+'))
        rest = str_from(rest, 1);
    struct str integer = str_slice(rest, 0, digit_count(rest));
    rest = str_from(rest, integer.len);
    struct str fraction = STR("");
    if (rest.len > 1 && rest.ptr[0] == '.') {
        fraction = str_slice(rest, 1, digit_count(str_from(rest, 1)));
        rest = str_from(rest, 1 + fraction.len);
    }
    if (rest.len > 0 || integer.len + fraction.len == 0)
        return -EINVAL;
    while (integer.len > 0 && integer.ptr[0] == '0')
        integer = str_from(integer, 1);
    while (fraction.len > 0 && fraction.ptr[fraction.len - 1] == '0')
        fraction.len--;
    *out_number = (struct decimal){
        .is_negative = is_negative && integer.len + fraction.len > 0, /* -0 is 0 */
        .integer = integer,
        .fraction = fraction,
    };
    return 0;
}

static int compare_magnitude(const struct decimal *a, const struct decimal *b)
{
    if (a->integer.len != b->integer.len)
        return a->integer.len < b->integer.len ? -1 : 1;
    int order = str_compare(a->integer, b->integer);
    return order != 0 ? order : str_compare(a->fraction, b->fraction);
}

int decimal_compare(const struct decimal *a, const struct decimal *b)
{
    if (a->is_negative != b->is_negative)
        return a->is_negative ? -1 : 1;
    return a->is_negative ? compare_magnitude(b, a) : compare_magnitude(a, b);
}

/* Days from 1970-01-01 in the proleptic Gregorian calendar, for any year that IAM takes. */
static int64_t days_from_civil(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static int64_t to_ms(int64_t seconds, int64_t ms)
{
    int64_t total = 0;
    if (__builtin_mul_overflow(seconds, (int64_t)MS_PER_SECOND, &total) ||
        __builtin_add_overflow(total, ms, &total))
        return seconds < 0 ? INT64_MIN : INT64_MAX;
    return total;
}

/* Takes a number of `least` to `most` within the digits at the start of *rest; `digits` of them, or
 * any number of them when it is 0. */
static bool take_number(struct str *rest, size_t digits, int64_t least, int64_t most,
                        int64_t *out_number)
{
    size_t count = digit_count(*rest);
    if (count == 0 || (digits != 0 && count != digits))
        return false;
    int64_t number = 0;
    if (str_to_i64(str_slice(*rest, 0, count), &number) < 0 || number < least || number > most)
        return false;
    *rest = str_from(*rest, count);
    *out_number = number;
    return true;
}

static bool take_char(struct str *rest, char c)
{
    if (rest->len == 0 || !str_eq_nocase(str_slice(*rest, 0, 1), str_of(&c, 1)))
        return false;
    *rest = str_from(*rest, 1);
    return true;
}

/* "Z", "+hh", "+hh:mm" or nothing. */
static bool take_zone(struct str *rest, int64_t *out_offset_s)
{
    *out_offset_s = 0;
    if (rest->len == 0 || take_char(rest, 'Z'))
        return true;
    bool is_west = rest->ptr[0] == '-';
    if (!is_west && rest->ptr[0] != '+')
        return false;
    *rest = str_from(*rest, 1);
    int64_t hours = 0;
    int64_t minutes = 0;
    if (!take_number(rest, 2, 0, 23, &hours))
        return false;
    if (rest->len > 0 && (!take_char(rest, ':') || !take_number(rest, 2, 0, 59, &minutes)))
        return false;
    *out_offset_s = (hours * 60 + minutes) * (is_west ? -60 : 60);
    return true;
}

static bool take_time(struct str *rest, int64_t *out_s, int64_t *out_ms)
{
    int64_t hour = 0;
    int64_t minute = 0;
    int64_t second = 0;
    int64_t offset_s = 0;
    if (rest->len > 0 && !take_number(rest, 0, 0, 23, &hour))
        return false;
    if (take_char(rest, ':')) {
        if (!take_number(rest, 0, 0, 59, &minute))
            return false;
        if (take_char(rest, ':') && !take_number(rest, 0, 0, 59, &second))
            return false;
    }
    if (rest->len > 0 && rest->ptr[0] == '.') {
        struct str fraction = str_from(*rest, 1);
        size_t digits = digit_count(fraction);
        if (digits == 0 || digits > 9) /* AWS: ten are refused (Moto's recorded cases) */
            return false;
        for (size_t i = 0, scale = 100; i < 3 && i < digits; i++, scale /= 10)
            *out_ms += (fraction.ptr[i] - '0') * (int64_t)scale;
        *rest = str_from(fraction, digits);
    }
    if (!take_zone(rest, &offset_s))
        return false;
    *out_s = hour * 3600 + minute * 60 + second - offset_s;
    return true;
}

/* IAM reads generously: parts may have any number of digits, and all but the year may be missing.
 */
static int parse_iso(struct str text, int64_t *out_ms)
{
    struct str rest = text;
    bool is_negative = rest.ptr[0] == '-';
    if (is_negative)
        rest = str_from(rest, 1);
    int64_t year = 0;
    int64_t month = 1;
    int64_t day = 1;
    int64_t seconds = 0;
    int64_t ms = 0;
    if (!take_number(&rest, 0, 0, is_negative ? -(int64_t)DATE_YEAR_MIN : DATE_YEAR_MAX, &year))
        return -EINVAL;
    if (take_char(&rest, '-')) {
        if (!take_number(&rest, 0, 1, 12, &month))
            return -EINVAL;
        if (take_char(&rest, '-') && !take_number(&rest, 0, 1, 31, &day))
            return -EINVAL;
    }
    if (take_char(&rest, 'T') && !take_time(&rest, &seconds, &ms))
        return -EINVAL;
    if (rest.len > 0)
        return -EINVAL;
    seconds += days_from_civil(is_negative ? -year : year, month, day) * SECONDS_PER_DAY;
    *out_ms = to_ms(seconds, ms);
    return 0;
}

/* AWS: text with a "T" or a "-" is a calendar date to IAM, all else seconds since 1970 that
 * fit 63 bits (Moto's recorded cases). */
int policy_date_parse(struct str text, int64_t *out_ms)
{
    if (text.len == 0)
        return -EINVAL;
    if (str_index(text, '-') >= 0 || str_index(text, 'T') >= 0 || str_index(text, 't') >= 0)
        return parse_iso(text, out_ms);
    int64_t seconds = 0;
    struct str rest = text;
    if (!take_number(&rest, 0, 0, INT64_MAX, &seconds) || rest.len > 0)
        return -EINVAL;
    *out_ms = to_ms(seconds, 0);
    return 0;
}

/* ::ffff:192.0.2.1 is what a dual-stack socket calls 192.0.2.1. */
static void unmap_v4(struct ip_range *range)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (range->prefix_bits < V6_BITS - V4_BITS || memcmp(range->bytes, mapped, 12) != 0)
        return;
    memmove(range->bytes, range->bytes + 12, 4);
    memset(range->bytes + 4, 0, IP_BYTES - 4);
    range->is_v6 = false;
    range->prefix_bits -= V6_BITS - V4_BITS;
}

int ip_range_parse(struct str text, struct ip_range *out_range)
{
    ptrdiff_t slash = str_index(text, '/');
    struct str address = slash < 0 ? text : str_slice(text, 0, (size_t)slash);
    if (address.len >= IP_TEXT_MAX || str_index(address, '\0') >= 0)
        return -EINVAL;
    char zero_ended[IP_TEXT_MAX] = {0};
    if (address.len > 0)
        memcpy(zero_ended, address.ptr, address.len);
    struct ip_range range = {.is_v6 = str_index(address, ':') >= 0};
    if (inet_pton(range.is_v6 ? AF_INET6 : AF_INET, zero_ended, range.bytes) != 1)
        return -EINVAL;
    int64_t bits = range.is_v6 ? V6_BITS : V4_BITS;
    if (slash >= 0) {
        struct str rest = str_from(text, (size_t)slash + 1);
        if (!take_number(&rest, 0, 0, bits, &bits) || rest.len > 0)
            return -EINVAL;
    }
    range.prefix_bits = (unsigned)bits;
    if (range.is_v6)
        unmap_v4(&range);
    *out_range = range;
    return 0;
}

bool ip_range_contains(const struct ip_range *range, const struct ip_range *address)
{
    if (range->is_v6 != address->is_v6 || address->prefix_bits < range->prefix_bits)
        return false;
    size_t whole = range->prefix_bits / 8;
    unsigned rest = range->prefix_bits % 8;
    if (memcmp(range->bytes, address->bytes, whole) != 0)
        return false;
    return rest == 0 || (range->bytes[whole] ^ address->bytes[whole]) >> (8 - rest) == 0;
}
