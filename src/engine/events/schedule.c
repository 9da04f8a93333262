/* schedule.c — reads schedule expressions and finds the next time that fits.
 *
 * A cron expression is six sets. The next time is found day by day from the start: a day fits by
 * its month and by day or weekday, then the first minute of it that fits and is a real local time
 * is taken.
 */
#include "engine/events/schedule.h"

#include <errno.h>

#include "syntax/time.h"

enum {
    MINUTE_MS = 60 * 1000,
    HOUR_MS = 60 * MINUTE_MS,
    DAY_MS = 24 * HOUR_MS,
    MAX_RATE = 10 * 1000 * 1000, /* far beyond AWS's; keeps the product in range */
    CRON_FIELDS = 6,
};

/* ---- Reading --------------------------------------------------------------------------------- */

static bool inside(struct str text, const char *name, struct str *out_inside)
{
    struct str prefix = str_from_cstr(name);
    if (!str_starts_with(text, prefix) || !str_ends_with(text, STR(")")))
        return false;
    *out_inside = str_slice(text, prefix.len, text.len - prefix.len - 1);
    return true;
}

/* AWS: "for a value of 1 the unit must be singular, for values greater than 1 plural". */
static int parse_rate(struct str text, struct schedule *out)
{
    static const struct {
        const char *one;
        const char *many;
        int64_t ms;
    } units[] = {
        {"minute", "minutes", MINUTE_MS},
        {"hour", "hours", HOUR_MS},
        {"day", "days", DAY_MS},
    };
    struct str rest = text;
    struct str number = {0};
    int64_t count = 0;
    if (!str_split_next(&rest, ' ', &number) || str_to_i64(number, &count) < 0 || count < 1 ||
        count > MAX_RATE)
        return -EINVAL;
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (rest.ptr && str_eq_cstr(rest, count == 1 ? units[i].one : units[i].many)) {
            out->kind = SCHEDULE_RATE;
            out->period_ms = count * units[i].ms;
            return 0;
        }
    }
    return -EINVAL;
}

/* at(2026-01-31T13:00:00) */
static int parse_at(struct str text, struct schedule *out)
{
    char copy[20];
    if (text.len != 19)
        return -EINVAL;
    for (size_t i = 0; i < text.len; i++)
        copy[i] = text.ptr[i];
    copy[19] = 'Z';
    out->kind = SCHEDULE_AT;
    return time_parse_rfc3339(str_of(copy, sizeof(copy)), &out->at_ms);
}

static const char *const month_names[] = {"JAN", "FEB", "MAR", "APR", "MAY", "JUN",
                                          "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"};
static const char *const day_names[] = {"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"};

/* One field: its range, and names that count from its first value. */
struct field {
    int64_t first;
    int64_t last;
    const char *const *names;
    size_t name_count;
};

static const struct field fields[CRON_FIELDS] = {
    {.first = 0, .last = 59},
    {.first = 0, .last = 23},
    {.first = 1, .last = 31},
    {.first = 1, .last = 12, .names = month_names, .name_count = ARRAY_LEN(month_names)},
    {.first = 1, .last = 7, .names = day_names, .name_count = ARRAY_LEN(day_names)},
    {.first = SCHEDULE_FIRST_YEAR, .last = SCHEDULE_LAST_YEAR},
};

static int parse_value(const struct field *field, struct str text, int64_t *out_value)
{
    for (size_t i = 0; i < field->name_count; i++) {
        if (str_eq_nocase(text, str_from_cstr(field->names[i]))) {
            *out_value = field->first + (int64_t)i;
            return 0;
        }
    }
    if (text.len == 0 || text.ptr[0] == '-' || str_to_i64(text, out_value) < 0)
        return -EINVAL;
    return *out_value >= field->first && *out_value <= field->last ? 0 : -EINVAL;
}

/* A value, a range or everything, with an optional step: 5, 1-5, *, 0/15, 1-10/2. */
static int parse_part(const struct field *field, struct str part, uint64_t *set)
{
    struct str range = part;
    int64_t step = 1;
    int64_t from = field->first;
    int64_t to = field->last;
    ptrdiff_t slash = str_index(part, '/');
    if (slash >= 0) {
        range = str_slice(part, 0, (size_t)slash);
        if (str_to_i64(str_from(part, (size_t)slash + 1), &step) < 0 || step < 1)
            return -EINVAL;
    }
    ptrdiff_t dash = str_index(range, '-');
    int rc = 0;
    if (dash > 0) {
        rc = parse_value(field, str_slice(range, 0, (size_t)dash), &from);
        if (rc == 0)
            rc = parse_value(field, str_from(range, (size_t)dash + 1), &to);
    } else if (!str_eq_cstr(range, "*")) {
        rc = parse_value(field, range, &from);
        if (slash < 0)
            to = from;
    }
    if (rc < 0 || from > to)
        return -EINVAL;
    for (int64_t value = from; value <= to; value += step) {
        uint64_t bit = (uint64_t)(field->last > 63 ? value - field->first : value);
        set[bit / 64] |= 1ULL << (bit % 64);
    }
    return 0;
}

static int parse_set(const struct field *field, struct str text, uint64_t *set)
{
    struct str rest = text;
    struct str part = {0};
    while (str_split_next(&rest, ',', &part)) {
        int rc = parse_part(field, part, set);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* L, LW, 15W, or a set. */
static int parse_days(struct str text, struct schedule *out)
{
    uint64_t set = 0;
    int64_t day = 0;
    out->is_last_day = str_eq_cstr(text, "L");
    out->is_last_work_day = str_eq_cstr(text, "LW");
    if (out->is_last_day || out->is_last_work_day)
        return 0;
    if (str_ends_with(text, STR("W"))) {
        int rc = parse_value(&fields[2], str_slice(text, 0, text.len - 1), &day);
        out->near_day = (int)day;
        return rc;
    }
    int rc = parse_set(&fields[2], text, &set);
    out->days = (uint32_t)set;
    return rc;
}

/* L (Saturday), 6L, 6#3, or a set. */
static int parse_weekdays(struct str text, struct schedule *out)
{
    uint64_t set = 0;
    int64_t day = 0;
    int64_t nth = 0;
    ptrdiff_t hash = str_index(text, '#');
    if (str_eq_cstr(text, "L")) {
        out->weekdays = 1U << 7;
        return 0;
    }
    if (str_ends_with(text, STR("L"))) {
        int rc = parse_value(&fields[4], str_slice(text, 0, text.len - 1), &day);
        out->last_weekday = (int)day;
        return rc;
    }
    if (hash > 0) {
        if (parse_value(&fields[4], str_slice(text, 0, (size_t)hash), &day) < 0 ||
            str_to_i64(str_from(text, (size_t)hash + 1), &nth) < 0 || nth < 1 || nth > 5)
            return -EINVAL;
        out->nth_weekday = (int)day;
        out->nth = (int)nth;
        return 0;
    }
    int rc = parse_set(&fields[4], text, &set);
    out->weekdays = (uint32_t)set;
    return rc;
}

static int parse_cron(struct str text, struct schedule *out)
{
    struct str parts[CRON_FIELDS];
    struct str rest = str_trim(text);
    struct str part = {0};
    size_t count = 0;
    while (str_split_next(&rest, ' ', &part)) {
        if (part.len == 0)
            continue;
        if (count == CRON_FIELDS)
            return -EINVAL;
        parts[count++] = part;
    }
    if (count < CRON_FIELDS)
        return -EINVAL;
    /* AWS: "You can't specify the Day-of-month and Day-of-week fields in the same cron expression.
     * If you specify a value or a * in one of the fields, you must use a ? in the other." */
    bool any_day = str_eq_cstr(parts[2], "?");
    bool any_weekday = str_eq_cstr(parts[4], "?");
    if (any_day == any_weekday)
        return -EINVAL;
    uint64_t hours = 0;
    uint64_t months = 0;
    out->kind = SCHEDULE_CRON;
    int rc = parse_set(&fields[0], parts[0], &out->minutes);
    if (rc == 0)
        rc = parse_set(&fields[1], parts[1], &hours);
    if (rc == 0)
        rc = any_day ? 0 : parse_days(parts[2], out);
    if (rc == 0)
        rc = parse_set(&fields[3], parts[3], &months);
    if (rc == 0)
        rc = any_weekday ? 0 : parse_weekdays(parts[4], out);
    if (rc == 0)
        rc = parse_set(&fields[5], parts[5], out->years);
    out->hours = (uint32_t)hours;
    out->months = (uint32_t)months;
    return rc;
}

int schedule_parse(struct str text, struct schedule *out_schedule)
{
    struct str body = {0};
    struct schedule schedule = {0};
    int rc = -EINVAL;
    if (inside(text, "rate(", &body))
        rc = parse_rate(body, &schedule);
    else if (inside(text, "cron(", &body))
        rc = parse_cron(body, &schedule);
    else if (inside(text, "at(", &body))
        rc = parse_at(body, &schedule);
    if (rc == 0)
        *out_schedule = schedule;
    return rc;
}

/* ---- Finding --------------------------------------------------------------------------------- */

static int month_length(int year, int month)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && is_leap ? 29 : lengths[month - 1];
}

/* The working day nearest to `day` in the same month. `weekday` is that of `day`, 0 for Sunday. */
static int nearest_work_day(int day, int weekday, int length)
{
    if (weekday == 6)
        return day > 1 ? day - 1 : day + 2;
    if (weekday == 0)
        return day < length ? day + 1 : day - 2;
    return day;
}

static bool fits_day(const struct schedule *schedule, const struct civil_time *date)
{
    int length = month_length(date->year, date->month);
    unsigned year = (unsigned)(date->year - SCHEDULE_FIRST_YEAR);
    int weekday = date->weekday + 1;
    if (date->year > SCHEDULE_LAST_YEAR || !(schedule->years[year / 64] >> year % 64 & 1) ||
        !(schedule->months >> date->month & 1))
        return false;
    /* The weekday of another day of this month, 0 for Sunday. */
    int last = (date->weekday + (length - date->day)) % 7;
    if (schedule->is_last_day)
        return date->day == length;
    if (schedule->is_last_work_day)
        return date->day == nearest_work_day(length, last, length);
    if (schedule->near_day > 0) {
        int near = schedule->near_day < length ? schedule->near_day : length;
        int at = ((date->weekday + (near - date->day)) % 7 + 7) % 7;
        return date->day == nearest_work_day(near, at, length);
    }
    if (schedule->last_weekday > 0)
        return weekday == schedule->last_weekday && date->day + 7 > length;
    if (schedule->nth_weekday > 0)
        return weekday == schedule->nth_weekday && (date->day - 1) / 7 + 1 == schedule->nth;
    if (schedule->weekdays != 0)
        return schedule->weekdays >> weekday & 1;
    return schedule->days >> date->day & 1;
}

/* The UTC of a local time: the first of two; -1 when the clocks skip it. */
static int64_t to_utc(const struct time_zone *zone, int64_t local_ms)
{
    if (!zone)
        return local_ms;
    int64_t best = -1;
    for (int64_t shift = -DAY_MS; shift <= DAY_MS; shift += DAY_MS) {
        int64_t utc = local_ms - time_zone_offset_ms(zone, local_ms + shift);
        bool is_real = utc + time_zone_offset_ms(zone, utc) == local_ms;
        if (is_real && (best < 0 || utc < best))
            best = utc;
    }
    return best;
}

static int64_t next_cron(const struct schedule *schedule, const struct time_zone *zone,
                         int64_t after_ms)
{
    int64_t local = after_ms + (zone ? time_zone_offset_ms(zone, after_ms) : 0);
    int64_t first = (local / MINUTE_MS + 1) * MINUTE_MS;
    for (int64_t day = first / DAY_MS * DAY_MS;; day += DAY_MS) {
        struct civil_time date = time_to_civil(day);
        if (date.year > SCHEDULE_LAST_YEAR)
            return -1;
        if (!fits_day(schedule, &date))
            continue;
        int64_t minute = day < first ? (first - day) / MINUTE_MS : 0;
        for (; minute < 24 * 60; minute++) {
            if (!(schedule->hours >> minute / 60 & 1) || !(schedule->minutes >> minute % 60 & 1))
                continue;
            int64_t utc = to_utc(zone, day + minute * MINUTE_MS);
            if (utc > after_ms)
                return utc;
        }
    }
}

int64_t schedule_next(const struct schedule *schedule, const struct time_zone *zone,
                      int64_t start_ms, int64_t after_ms)
{
    int64_t at_ms = -1;
    switch (schedule->kind) {
    case SCHEDULE_RATE:
        if (after_ms < start_ms)
            return start_ms + schedule->period_ms;
        return start_ms + ((after_ms - start_ms) / schedule->period_ms + 1) * schedule->period_ms;
    case SCHEDULE_AT:
        at_ms = to_utc(zone, schedule->at_ms);
        return at_ms > after_ms ? at_ms : -1;
    case SCHEDULE_CRON:
        break;
    }
    return next_cron(schedule, zone, after_ms < 0 ? 0 : after_ms);
}
