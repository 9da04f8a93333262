/* time_zone.c — the time zone database of the system: TZif files (RFC 8536) and the rule at their
 * end for all times behind the last transition.
 *
 * The rule is a POSIX TZ text. Of its dates only the form M3.5.0/2 is in use; a rule with another
 * form counts as standard time all year.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "engine/events/schedule.h"
#include "syntax/time.h"

#define ZONE_DIR "/usr/share/zoneinfo/"

enum {
    MAX_NAME = 64,
    MAX_FILE = 64 * 1024, /* the largest zone has 4 KiB */
    HEADER_BYTES = 44,
    MAX_PATH = sizeof(ZONE_DIR) + MAX_NAME,
    SECONDS_PER_DAY = 24 * 60 * 60,
};

/* A change of the offset within a year: day `weekday` of week `week` of `month`, at `seconds`. */
struct change {
    int month;
    int week;
    int weekday;
    int64_t seconds;
};

struct time_zone {
    const unsigned char *times; /* 8 bytes each, big-endian seconds */
    const unsigned char *types; /* one byte each */
    const unsigned char *infos; /* 6 bytes each: offset, is_dst, name */
    size_t time_count;
    size_t info_count;
    bool has_rule;
    bool has_summer;
    int64_t standard_s;
    int64_t summer_s;
    struct change summer_begins;
    struct change summer_ends;
};

static int64_t read_number(const unsigned char *bytes, size_t size)
{
    uint64_t number = bytes[0] & 0x80 ? UINT64_MAX : 0;
    for (size_t i = 0; i < size; i++)
        number = number << 8 | bytes[i];
    return (int64_t)number;
}

/* ---- The rule -------------------------------------------------------------------------------- */

static bool take_number(struct str *rest, int64_t *out_number)
{
    size_t len = 0;
    int64_t number = 0;
    while (len < rest->len && len < 4 && rest->ptr[len] >= '0' && rest->ptr[len] <= '9')
        number = number * 10 + (rest->ptr[len++] - '0');
    *rest = str_from(*rest, len);
    *out_number = number;
    return len > 0;
}

static bool take_char(struct str *rest, char c)
{
    bool is_there = rest->len > 0 && rest->ptr[0] == c;
    if (is_there)
        *rest = str_from(*rest, 1);
    return is_there;
}

/* CET or <+03>. */
static bool take_name(struct str *rest)
{
    size_t len = 0;
    bool is_quoted = take_char(rest, '<');
    while (len < rest->len) {
        char c = rest->ptr[len];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (is_quoted ? c == '>' : !is_letter)
            break;
        len++;
    }
    *rest = str_from(*rest, len);
    return len > 0 && (!is_quoted || take_char(rest, '>'));
}

/* [+-]hh[:mm[:ss]] */
static bool take_time(struct str *rest, int64_t *out_seconds)
{
    bool is_negative = take_char(rest, '-');
    int64_t hours = 0;
    int64_t minutes = 0;
    int64_t seconds = 0;
    if (!is_negative)
        (void)take_char(rest, '+');
    if (!take_number(rest, &hours))
        return false;
    if (take_char(rest, ':') && !take_number(rest, &minutes))
        return false;
    if (take_char(rest, ':') && !take_number(rest, &seconds))
        return false;
    int64_t all = hours * 3600 + minutes * 60 + seconds;
    *out_seconds = is_negative ? -all : all;
    return true;
}

static bool take_change(struct str *rest, struct change *out)
{
    int64_t month = 0;
    int64_t week = 0;
    int64_t weekday = 0;
    if (!take_char(rest, ',') || !take_char(rest, 'M') || !take_number(rest, &month) ||
        !take_char(rest, '.') || !take_number(rest, &week) || !take_char(rest, '.') ||
        !take_number(rest, &weekday) || month < 1 || month > 12 || week < 1 || week > 5 ||
        weekday > 6)
        return false;
    *out = (struct change){
        .month = (int)month, .week = (int)week, .weekday = (int)weekday, .seconds = 7200};
    return !take_char(rest, '/') || take_time(rest, &out->seconds);
}

/* AWS's zones are all of this form: CET-1CEST,M3.5.0,M10.5.0/3. */
static void read_rule(struct str text, struct time_zone *zone)
{
    struct str rest = text;
    int64_t west_s = 0;
    if (!take_name(&rest) || !take_time(&rest, &west_s))
        return;
    zone->has_rule = true;
    zone->standard_s = -west_s;
    zone->summer_s = zone->standard_s + 3600;
    if (!take_name(&rest))
        return;
    if (rest.len > 0 && rest.ptr[0] != ',') {
        if (!take_time(&rest, &west_s))
            return;
        zone->summer_s = -west_s;
    }
    zone->has_summer =
        take_change(&rest, &zone->summer_begins) && take_change(&rest, &zone->summer_ends);
}

/* Local seconds, as if UTC, of a change in a year. */
static int64_t change_in(const struct change *change, int year)
{
    const struct civil_time first = {.year = year, .month = change->month, .day = 1};
    int64_t first_ms = time_from_civil(&first);
    int skip = (change->weekday - time_to_civil(first_ms).weekday + 7) % 7;
    int64_t day = skip + 7 * (change->week - 1);
    while (time_to_civil(first_ms + day * SECONDS_PER_DAY * 1000).month != change->month)
        day -= 7;
    return first_ms / 1000 + day * SECONDS_PER_DAY + change->seconds;
}

static int64_t offset_by_rule(const struct time_zone *zone, int64_t utc_s)
{
    if (!zone->has_summer)
        return zone->standard_s;
    int year = time_to_civil((utc_s + zone->standard_s) * 1000).year;
    int64_t begins = change_in(&zone->summer_begins, year) - zone->standard_s;
    int64_t ends = change_in(&zone->summer_ends, year) - zone->summer_s;
    bool is_summer = begins < ends ? utc_s >= begins && utc_s < ends /* the north */
                                   : utc_s >= begins || utc_s < ends;
    return is_summer ? zone->summer_s : zone->standard_s;
}

/* ---- The file -------------------------------------------------------------------------------- */

struct counts {
    size_t utc;
    size_t standard;
    size_t leap;
    size_t time;
    size_t type;
    size_t name;
};

static int read_header(struct str bytes, struct counts *out)
{
    if (bytes.len < HEADER_BYTES || memcmp(bytes.ptr, "TZif", 4) != 0)
        return -EINVAL;
    size_t *const slots[] = {&out->utc,  &out->standard, &out->leap,
                             &out->time, &out->type,     &out->name};
    for (size_t i = 0; i < ARRAY_LEN(slots); i++) {
        int64_t count = read_number((const unsigned char *)bytes.ptr + 20 + 4 * i, 4);
        if (count < 0 || count > MAX_FILE)
            return -EINVAL;
        *slots[i] = (size_t)count;
    }
    return 0;
}

static size_t body_size(const struct counts *counts, size_t time_size)
{
    return counts->time * (time_size + 1) + counts->type * 6 + counts->name +
           counts->leap * (time_size + 4) + counts->standard + counts->utc;
}

int time_zone_parse(struct arena *arena, struct str bytes, const struct time_zone **out_zone)
{
    struct counts counts = {0};
    if (read_header(bytes, &counts) < 0 || bytes.ptr[4] < '2')
        return -EINVAL; /* all zones of this century have the second part, with 64-bit times */
    struct str rest = str_from(bytes, HEADER_BYTES + body_size(&counts, 4));
    if (read_header(rest, &counts) < 0 || counts.type == 0 ||
        rest.len < HEADER_BYTES + body_size(&counts, 8))
        return -EINVAL;
    struct str copy = str_copy(arena, rest);
    struct time_zone *zone = arena_alloc(arena, sizeof(*zone));
    zone->times = (const unsigned char *)copy.ptr + HEADER_BYTES;
    zone->types = zone->times + counts.time * 8;
    zone->infos = zone->types + counts.time;
    zone->time_count = counts.time;
    zone->info_count = counts.type;
    for (size_t i = 0; i < counts.time; i++) {
        if (zone->types[i] >= counts.type)
            return -EINVAL;
    }
    struct str footer = str_from(copy, HEADER_BYTES + body_size(&counts, 8));
    read_rule(str_trim(footer), zone);
    *out_zone = zone;
    return 0;
}

int64_t time_zone_offset_ms(const struct time_zone *zone, int64_t utc_ms)
{
    int64_t utc_s = utc_ms / 1000;
    size_t low = 0; /* the first transition that is later */
    size_t high = zone->time_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (read_number(zone->times + middle * 8, 8) <= utc_s)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == zone->time_count && zone->has_rule)
        return offset_by_rule(zone, utc_s) * 1000;
    size_t type = low == 0 ? 0 : zone->types[low - 1];
    return read_number(zone->infos + type * 6, 4) * 1000;
}

/* Names are paths below the database's folder and must stay there. */
static bool is_name(struct str name)
{
    bool is_valid = name.len > 0 && name.len <= MAX_NAME && name.ptr[0] != '/';
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        is_valid &= (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '_' || c == '-' || c == '+' || c == '/';
    }
    return is_valid;
}

int time_zone_load(struct arena *arena, struct str name, const struct time_zone **out_zone)
{
    if (!is_name(name))
        return -ENOENT;
    char path[MAX_PATH + 1];
    snprintf(path, sizeof(path), ZONE_DIR STR_FMT, STR_ARG(name));
    FILE *file = fopen(path, "re");
    if (!file)
        return -ENOENT;
    char *bytes = arena_alloc_text(arena, MAX_FILE);
    size_t len = fread(bytes, 1, MAX_FILE, file);
    fclose(file);
    return time_zone_parse(arena, str_of(bytes, len), out_zone) < 0 ? -ENOENT : 0;
}
