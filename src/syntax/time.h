/* time.h — the time formats of AWS: RFC 3339, RFC 822/1123 (HTTP dates), epoch seconds, SigV4.
 *
 * All times are int64_t milliseconds since 1970-01-01T00:00:00Z, in the proleptic Gregorian
 * calendar, years 0001 to 9999. Leap seconds (":60") are read as the next second.
 */
#pragma once

#include "base/buf.h"
#include "base/str.h"

struct arena;

/* Broken-down UTC. */
struct civil_time {
    int year;  /* 1..9999 */
    int month; /* 1..12 */
    int day;   /* 1..31 */
    int hour;
    int minute;
    int second;
    int millisecond;
    int weekday; /* 0 = Sunday */
};

struct civil_time time_to_civil(int64_t time_ms);
int64_t time_from_civil(const struct civil_time *civil);

/* "2015-08-30T12:36:00Z", with ".123" only when there are milliseconds. */
void time_write_rfc3339(struct buf *out, int64_t time_ms);
struct str time_rfc3339(struct arena *arena, int64_t time_ms);
/* Always with three digits: "2015-08-30T12:36:00.000Z", as the query-protocol services write. */
struct str time_rfc3339_ms(struct arena *arena, int64_t time_ms);
/* "Sun, 30 Aug 2015 12:36:00 GMT" (milliseconds dropped). */
void time_write_http(struct buf *out, int64_t time_ms);
struct str time_http(struct arena *arena, int64_t time_ms);
/* "20150830T123600Z" and "20150830". */
struct str time_basic(struct arena *arena, int64_t time_ms);
/* "1440938160" or "1440938160.123". */
void time_write_epoch(struct buf *out, int64_t time_ms);

/* Readers take the whole text; 0 or -EINVAL. RFC 3339 accepts offsets ("+02:00"), lower-case t/z,
 * any number of fraction digits (cut to milliseconds). */
MUST_CHECK int time_parse_rfc3339(struct str text, int64_t *out_ms);
/* IMF-fixdate with optional fraction of seconds (Smithy http-date); RFC 850 and asctime forms too.
 */
MUST_CHECK int time_parse_http(struct str text, int64_t *out_ms);
MUST_CHECK int time_parse_basic(struct str text, int64_t *out_ms);
/* "1440938160", "1440938160.123", "1.44093816E9". */
MUST_CHECK int time_parse_epoch(struct str text, int64_t *out_ms);
