/* time.c — calendar arithmetic and the readers and writers of AWS's time formats.
 *
 * Days are counted in a calendar whose years begin on 1 March: the leap day is then the last day of
 * the year, and the months before it have the fixed pattern 31 30 31 30 31 | 31 30 31 30 31 | 31.
 * No libc time function is used: they depend on the locale and the zone.
 *
 * RFC: 3339; 9110 section 5.6.7 (HTTP dates). Model: smithy.api#timestampFormat.
 */
#include "syntax/time.h"

#include <errno.h>

#include "base/arena.h"
#include "base/clock.h"

enum {
    MS_PER_SECOND = 1000,
    MS_PER_DAY = 86400 * MS_PER_SECOND,
    DAYS_PER_ERA = 146097,    /* 400 years, after which the calendar repeats */
    DAYS_TO_EPOCH = 719468,   /* from 0000-03-01 to 1970-01-01 */
    TIME_TEXT_MAX_BYTES = 48, /* the longest format has 29 */
};

static const int64_t first_ms = -62135596800000; /* 0001-01-01T00:00:00.000Z */
static const int64_t last_ms = 253402300799999;  /* 9999-12-31T23:59:59.999Z */

static const char *const month_names[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
static const char *const weekday_names[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char *const weekday_long_names[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                 "Thursday", "Friday", "Saturday"};

/* Quotient rounded down, for a positive divisor. */
static int64_t floor_div(int64_t value, int64_t divisor)
{
    return value / divisor - (value % divisor < 0);
}

static int64_t days_from_date(int year, int month, int day)
{
    int64_t march_year = month <= 2 ? year - 1 : year;
    int64_t march_month = month <= 2 ? month + 9 : month - 3;
    int64_t era = floor_div(march_year, 400);
    int64_t year_of_era = march_year - era * 400;
    int64_t day_of_year = (153 * march_month + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * DAYS_PER_ERA + day_of_era - DAYS_TO_EPOCH;
}

static void date_from_days(int64_t days, struct civil_time *civil)
{
    int64_t shifted = days + DAYS_TO_EPOCH;
    int64_t era = floor_div(shifted, DAYS_PER_ERA);
    int64_t day_of_era = shifted - era * DAYS_PER_ERA;
    /* Takes out the leap days that came before: one each 4 years, none each 100, one each 400. */
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (year_of_era * 365 + year_of_era / 4 - year_of_era / 100);
    int64_t march_month = (5 * day_of_year + 2) / 153;
    civil->day = (int)(day_of_year - (153 * march_month + 2) / 5 + 1);
    civil->month = (int)(march_month < 10 ? march_month + 3 : march_month - 9);
    civil->year = (int)(year_of_era + era * 400 + (civil->month <= 2));
    civil->weekday = (int)(((days % 7) + 11) % 7); /* 1970-01-01 was a Thursday */
}

/* Times outside of the years 1 to 9999 become the nearest one inside: four digits hold no more. */
struct civil_time time_to_civil(int64_t time_ms)
{
    int64_t ms = time_ms < first_ms ? first_ms : time_ms > last_ms ? last_ms : time_ms;
    int64_t days = floor_div(ms, MS_PER_DAY);
    int64_t ms_of_day = ms - days * MS_PER_DAY;
    struct civil_time civil = {
        .hour = (int)(ms_of_day / 3600000),
        .minute = (int)(ms_of_day / 60000 % 60),
        .second = (int)(ms_of_day / 1000 % 60),
        .millisecond = (int)(ms_of_day % 1000),
    };
    date_from_days(days, &civil);
    return civil;
}

int64_t time_from_civil(const struct civil_time *civil)
{
    int64_t days = days_from_date(civil->year, civil->month, civil->day);
    int64_t seconds = (int64_t)civil->hour * 3600 + civil->minute * 60 + civil->second;
    return days * MS_PER_DAY + seconds * MS_PER_SECOND + civil->millisecond;
}

/* ---- Writers ----------------------------------------------------------------------------------
 */

static void put_digits(char **at, int value, int width)
{
    for (int i = width - 1; i >= 0; i--) {
        (*at)[i] = (char)('0' + value % 10);
        value /= 10;
    }
    *at += width;
}

static void put_char(char **at, char c)
{
    *(*at)++ = c;
}

static void put_name(char **at, const char *name)
{
    for (; *name; name++)
        put_char(at, *name);
}

static void put_clock(char **at, const struct civil_time *civil)
{
    put_digits(at, civil->hour, 2);
    put_char(at, ':');
    put_digits(at, civil->minute, 2);
    put_char(at, ':');
    put_digits(at, civil->second, 2);
}

/* Each format_x writes at most TIME_TEXT_MAX_BYTES and returns the length. */
static size_t format_rfc3339(char *text, int64_t time_ms, bool always_ms)
{
    struct civil_time civil = time_to_civil(time_ms);
    char *at = text;
    put_digits(&at, civil.year, 4);
    put_char(&at, '-');
    put_digits(&at, civil.month, 2);
    put_char(&at, '-');
    put_digits(&at, civil.day, 2);
    put_char(&at, 'T');
    put_clock(&at, &civil);
    if (always_ms || civil.millisecond != 0) {
        put_char(&at, '.');
        put_digits(&at, civil.millisecond, 3);
    }
    put_char(&at, 'Z');
    return (size_t)(at - text);
}

static size_t format_http(char *text, int64_t time_ms)
{
    struct civil_time civil = time_to_civil(time_ms);
    char *at = text;
    put_name(&at, weekday_names[civil.weekday]);
    put_name(&at, ", ");
    put_digits(&at, civil.day, 2);
    put_char(&at, ' ');
    put_name(&at, month_names[civil.month - 1]);
    put_char(&at, ' ');
    put_digits(&at, civil.year, 4);
    put_char(&at, ' ');
    put_clock(&at, &civil);
    put_name(&at, " GMT");
    return (size_t)(at - text);
}

void time_write_rfc3339(struct buf *out, int64_t time_ms)
{
    char text[TIME_TEXT_MAX_BYTES];
    buf_append(out, str_of(text, format_rfc3339(text, time_ms, false)));
}

struct str time_rfc3339(struct arena *arena, int64_t time_ms)
{
    char text[TIME_TEXT_MAX_BYTES];
    return str_copy(arena, str_of(text, format_rfc3339(text, time_ms, false)));
}

struct str time_rfc3339_ms(struct arena *arena, int64_t time_ms)
{
    char text[TIME_TEXT_MAX_BYTES];
    return str_copy(arena, str_of(text, format_rfc3339(text, time_ms, true)));
}

void time_write_http(struct buf *out, int64_t time_ms)
{
    char text[TIME_TEXT_MAX_BYTES];
    buf_append(out, str_of(text, format_http(text, time_ms)));
}

struct str time_http(struct arena *arena, int64_t time_ms)
{
    char text[TIME_TEXT_MAX_BYTES];
    return str_copy(arena, str_of(text, format_http(text, time_ms)));
}

struct str time_basic(struct arena *arena, int64_t time_ms)
{
    struct civil_time civil = time_to_civil(time_ms);
    char text[TIME_TEXT_MAX_BYTES];
    char *at = text;
    put_digits(&at, civil.year, 4);
    put_digits(&at, civil.month, 2);
    put_digits(&at, civil.day, 2);
    put_char(&at, 'T');
    put_digits(&at, civil.hour, 2);
    put_digits(&at, civil.minute, 2);
    put_digits(&at, civil.second, 2);
    put_char(&at, 'Z');
    return str_copy(arena, str_of(text, (size_t)(at - text)));
}

void time_write_epoch(struct buf *out, int64_t time_ms)
{
    int64_t seconds = time_ms / MS_PER_SECOND;
    int milliseconds = (int)(time_ms % MS_PER_SECOND);
    if (milliseconds < 0)
        milliseconds = -milliseconds;
    if (time_ms < 0 && seconds == 0)
        buf_append_char(out, '-'); /* -0.5 s: the sign is lost in the seconds */
    buf_append_i64(out, seconds);
    if (milliseconds == 0)
        return;
    char text[8];
    char *at = text;
    put_char(&at, '.');
    put_digits(&at, milliseconds, 3);
    buf_append(out, str_of(text, (size_t)(at - text)));
}

/* ---- Readers ----------------------------------------------------------------------------------
 */

/* What is left of the text; the first mismatch makes all later steps fail. */
struct scanner {
    struct str rest;
    bool has_failed;
};

static bool peek_is(const struct scanner *scanner, char c)
{
    return !scanner->has_failed && scanner->rest.len > 0 && scanner->rest.ptr[0] == c;
}

static bool peek_is_digit(const struct scanner *scanner)
{
    return !scanner->has_failed && scanner->rest.len > 0 && scanner->rest.ptr[0] >= '0' &&
           scanner->rest.ptr[0] <= '9';
}

static char take_char(struct scanner *scanner)
{
    if (scanner->has_failed || scanner->rest.len == 0) {
        scanner->has_failed = true;
        return '\0';
    }
    char c = scanner->rest.ptr[0];
    scanner->rest = str_from(scanner->rest, 1);
    return c;
}

static bool take_if(struct scanner *scanner, char c)
{
    if (!peek_is(scanner, c))
        return false;
    take_char(scanner);
    return true;
}

static void expect(struct scanner *scanner, char c)
{
    if (!take_if(scanner, c))
        scanner->has_failed = true;
}

/* Exactly `width` digits. */
static int take_digits(struct scanner *scanner, int width)
{
    int value = 0;
    for (int i = 0; i < width; i++) {
        if (!peek_is_digit(scanner)) {
            scanner->has_failed = true;
            return 0;
        }
        value = value * 10 + (take_char(scanner) - '0');
    }
    return value;
}

/* Index of the name that comes next. */
static int take_name(struct scanner *scanner, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count && !scanner->has_failed; i++) {
        struct str name = str_from_cstr(names[i]);
        if (str_starts_with(scanner->rest, name)) {
            scanner->rest = str_from(scanner->rest, name.len);
            return (int)i;
        }
    }
    scanner->has_failed = true;
    return 0;
}

static int take_month(struct scanner *scanner)
{
    return take_name(scanner, month_names, ARRAY_LEN(month_names)) + 1;
}

/* ".123456" cut to milliseconds; 0 when there is no fraction. */
static int take_fraction(struct scanner *scanner)
{
    if (!take_if(scanner, '.'))
        return 0;
    if (!peek_is_digit(scanner))
        scanner->has_failed = true;
    int milliseconds = 0;
    int unit = 100;
    while (peek_is_digit(scanner)) {
        milliseconds += (take_char(scanner) - '0') * unit;
        unit /= 10;
    }
    return milliseconds;
}

/* "12:36:00" with an optional fraction. */
static void take_clock(struct scanner *scanner, struct civil_time *civil)
{
    civil->hour = take_digits(scanner, 2);
    expect(scanner, ':');
    civil->minute = take_digits(scanner, 2);
    expect(scanner, ':');
    civil->second = take_digits(scanner, 2);
    civil->millisecond = take_fraction(scanner);
}

/* "+02:00" or "+0200" behind the sign, in minutes. */
static int take_offset(struct scanner *scanner, bool with_colon)
{
    int hours = take_digits(scanner, 2);
    if (with_colon)
        expect(scanner, ':');
    int minutes = take_digits(scanner, 2);
    if (hours > 23 || minutes > 59)
        scanner->has_failed = true;
    return hours * 60 + minutes;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && is_leap);
}

static bool is_valid(const struct civil_time *civil)
{
    return civil->year >= 1 && civil->month >= 1 && civil->month <= 12 && civil->day >= 1 &&
           civil->day <= days_in_month(civil->year, civil->month) && civil->hour <= 23 &&
           civil->minute <= 59 && civil->second <= 60;
}

/* Checks that everything was read and made sense. `offset_minutes` is east of UTC. */
static int finish(const struct scanner *scanner, const struct civil_time *civil, int offset_minutes,
                  int64_t *out_ms)
{
    if (scanner->has_failed || scanner->rest.len > 0 || !is_valid(civil))
        return -EINVAL;
    int64_t ms = time_from_civil(civil) - (int64_t)offset_minutes * 60 * MS_PER_SECOND;
    if (ms < first_ms || ms > last_ms)
        return -EINVAL;
    *out_ms = ms;
    return 0;
}

int time_parse_rfc3339(struct str text, int64_t *out_ms)
{
    struct scanner scanner = {.rest = text};
    struct civil_time civil = {0};
    civil.year = take_digits(&scanner, 4);
    expect(&scanner, '-');
    civil.month = take_digits(&scanner, 2);
    expect(&scanner, '-');
    civil.day = take_digits(&scanner, 2);
    char separator = take_char(&scanner);
    if (separator != 'T' && separator != 't')
        return -EINVAL;
    take_clock(&scanner, &civil);
    int offset_minutes = 0;
    char zone = take_char(&scanner);
    if (zone == '+')
        offset_minutes = take_offset(&scanner, true);
    else if (zone == '-')
        offset_minutes = -take_offset(&scanner, true);
    else if (zone != 'Z' && zone != 'z')
        return -EINVAL;
    return finish(&scanner, &civil, offset_minutes, out_ms);
}

int time_parse_basic(struct str text, int64_t *out_ms)
{
    struct scanner scanner = {.rest = text};
    struct civil_time civil = {0};
    civil.year = take_digits(&scanner, 4);
    civil.month = take_digits(&scanner, 2);
    civil.day = take_digits(&scanner, 2);
    expect(&scanner, 'T');
    civil.hour = take_digits(&scanner, 2);
    civil.minute = take_digits(&scanner, 2);
    civil.second = take_digits(&scanner, 2);
    expect(&scanner, 'Z');
    return finish(&scanner, &civil, 0, out_ms);
}

/* "GMT", "UTC" or "+0000". AWS: S3 takes the numeric zone of RFC 822 in Date headers ("Tue, 27 Mar
 * 2007 19:36:42 +0000", S3 User Guide, signing and authenticating REST requests). */
static int take_http_zone(struct scanner *scanner)
{
    if (take_if(scanner, '+'))
        return take_offset(scanner, false);
    if (take_if(scanner, '-'))
        return -take_offset(scanner, false);
    static const char *const names[] = {"GMT", "UTC"};
    take_name(scanner, names, ARRAY_LEN(names));
    return 0;
}

/* RFC 9110: a two-digit year that seems over 50 years ahead is the latest past year ending so. */
static int full_year(int two_digits)
{
    int this_year = time_to_civil(clock_now_ms()).year;
    int year = this_year - this_year % 100 + two_digits;
    if (year > this_year + 50)
        return year - 100;
    return year;
}

/* "Sunday, 06-Nov-94 08:49:37 GMT" */
static int parse_rfc850(struct str text, int64_t *out_ms)
{
    struct scanner scanner = {.rest = text};
    struct civil_time civil = {0};
    take_name(&scanner, weekday_long_names, ARRAY_LEN(weekday_long_names));
    expect(&scanner, ',');
    expect(&scanner, ' ');
    civil.day = take_digits(&scanner, 2);
    expect(&scanner, '-');
    civil.month = take_month(&scanner);
    expect(&scanner, '-');
    civil.year = full_year(take_digits(&scanner, 2));
    expect(&scanner, ' ');
    take_clock(&scanner, &civil);
    expect(&scanner, ' ');
    int offset_minutes = take_http_zone(&scanner);
    return finish(&scanner, &civil, offset_minutes, out_ms);
}

/* "Sun Nov  6 08:49:37 1994" */
static int parse_asctime(struct str text, int64_t *out_ms)
{
    struct scanner scanner = {.rest = text};
    struct civil_time civil = {0};
    take_name(&scanner, weekday_names, ARRAY_LEN(weekday_names));
    expect(&scanner, ' ');
    civil.month = take_month(&scanner);
    expect(&scanner, ' ');
    civil.day = take_if(&scanner, ' ') ? take_digits(&scanner, 1) : take_digits(&scanner, 2);
    expect(&scanner, ' ');
    take_clock(&scanner, &civil);
    expect(&scanner, ' ');
    civil.year = take_digits(&scanner, 4);
    return finish(&scanner, &civil, 0, out_ms);
}

/* "Sun, 06 Nov 1994 08:49:37 GMT". RFC 822 also writes a day below 10 with one digit. */
static int parse_imf_fixdate(struct str text, int64_t *out_ms)
{
    struct scanner scanner = {.rest = text};
    struct civil_time civil = {0};
    take_name(&scanner, weekday_names, ARRAY_LEN(weekday_names));
    expect(&scanner, ',');
    expect(&scanner, ' ');
    civil.day = take_digits(&scanner, 1);
    if (peek_is_digit(&scanner))
        civil.day = civil.day * 10 + take_digits(&scanner, 1);
    expect(&scanner, ' ');
    civil.month = take_month(&scanner);
    expect(&scanner, ' ');
    civil.year = take_digits(&scanner, 4);
    expect(&scanner, ' ');
    take_clock(&scanner, &civil);
    expect(&scanner, ' ');
    int offset_minutes = take_http_zone(&scanner);
    return finish(&scanner, &civil, offset_minutes, out_ms);
}

int time_parse_http(struct str text, int64_t *out_ms)
{
    /* The place of the comma tells the three forms apart: none, behind "Sun", behind "Sunday". */
    ptrdiff_t comma = str_index(text, ',');
    if (comma < 0)
        return parse_asctime(text, out_ms);
    return comma == 3 ? parse_imf_fixdate(text, out_ms) : parse_rfc850(text, out_ms);
}

/* A decimal number as digits * 10^exponent. Digits beyond the 18th cannot reach the milliseconds of
 * a year below 10000 and only move the exponent. */
struct decimal {
    int64_t digits;
    int digit_count;
    int64_t exponent;
};

enum {
    DECIMAL_MAX_DIGITS = 18,
    EXPONENT_MAX = 1000000, /* larger ones say the same: out of range, or zero */
};

static void add_digit(struct decimal *decimal, int digit, bool is_fraction)
{
    if (decimal->digit_count == DECIMAL_MAX_DIGITS) {
        decimal->exponent += !is_fraction;
        return;
    }
    decimal->digits = decimal->digits * 10 + digit;
    decimal->digit_count += decimal->digits != 0; /* leading zeros do not count */
    decimal->exponent -= is_fraction;
}

static void take_decimal_digits(struct scanner *scanner, struct decimal *decimal, bool is_fraction)
{
    if (!peek_is_digit(scanner))
        scanner->has_failed = true;
    while (peek_is_digit(scanner))
        add_digit(decimal, take_char(scanner) - '0', is_fraction);
}

static int64_t take_exponent(struct scanner *scanner)
{
    bool is_negative = peek_is(scanner, '-');
    if (!take_if(scanner, '-'))
        take_if(scanner, '+');
    if (!peek_is_digit(scanner))
        scanner->has_failed = true;
    int64_t exponent = 0;
    while (peek_is_digit(scanner)) {
        exponent = exponent * 10 + (take_char(scanner) - '0');
        if (exponent > EXPONENT_MAX)
            exponent = EXPONENT_MAX;
    }
    return is_negative ? -exponent : exponent;
}

int time_parse_epoch(struct str text, int64_t *out_ms)
{
    struct scanner scanner = {.rest = text};
    struct decimal decimal = {0};
    bool is_negative = take_if(&scanner, '-');
    take_decimal_digits(&scanner, &decimal, false);
    if (take_if(&scanner, '.'))
        take_decimal_digits(&scanner, &decimal, true);
    if (take_if(&scanner, 'e') || take_if(&scanner, 'E'))
        decimal.exponent += take_exponent(&scanner);
    if (scanner.has_failed || scanner.rest.len > 0)
        return -EINVAL;
    int64_t ms = decimal.digits;
    int64_t scale = decimal.exponent + 3; /* seconds to milliseconds */
    for (; scale > 0 && ms != 0; scale--) {
        if (__builtin_mul_overflow(ms, (int64_t)10, &ms))
            return -EINVAL;
    }
    for (; scale < 0 && ms != 0; scale++)
        ms /= 10;
    if (is_negative)
        ms = -ms;
    if (ms < first_ms || ms > last_ms)
        return -EINVAL;
    *out_ms = ms;
    return 0;
}
