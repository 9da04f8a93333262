/* schedule.h — when: rate(), cron() and at() expressions, and time zones. Pure, but for the files
 * of the time zone database.
 *
 * Docs: EventBridge user guide, "Setting a schedule pattern"; EventBridge Scheduler user guide,
 * "Schedule types".
 */
#pragma once

#include "base/str.h"

struct arena;
struct time_zone;

enum schedule_kind {
    SCHEDULE_RATE,
    SCHEDULE_CRON,
    SCHEDULE_AT,
};

enum {
    SCHEDULE_FIRST_YEAR = 1970,
    SCHEDULE_LAST_YEAR = 2199, /* AWS: cron's years */
    SCHEDULE_YEAR_WORDS = (SCHEDULE_LAST_YEAR - SCHEDULE_FIRST_YEAR) / 64 + 1,
};

/* Sets of allowed values, one bit each; see schedule.c for the special days. */
struct schedule {
    enum schedule_kind kind;
    int64_t period_ms; /* rate */
    int64_t at_ms;     /* at: local time as if it were UTC */
    uint64_t minutes;
    uint32_t hours;
    uint32_t days; /* bit 1 to 31 */
    uint32_t months;
    uint32_t weekdays; /* bit 1 (Sunday) to 7 */
    uint64_t years[SCHEDULE_YEAR_WORDS];
    bool is_last_day;      /* L */
    bool is_last_work_day; /* LW */
    int near_day;          /* 15W: the working day nearest to the 15th; 0: none */
    int last_weekday;      /* 6L: the last Friday; 0: none */
    int nth_weekday, nth;  /* 6#3: the third Friday; 0: none */
};

/* Returns 0 or -EINVAL. */
MUST_CHECK int schedule_parse(struct str text, struct schedule *out_schedule);
/* The first time after `after_ms`, or -1 when there is none. `zone` NULL: UTC. A rate counts from
 * `start_ms`, its first time is one period later. AWS (Scheduler, "Daylight savings time"): a local
 * time that is skipped in spring is skipped, one that comes twice in autumn counts once. */
int64_t schedule_next(const struct schedule *schedule, const struct time_zone *zone,
                      int64_t start_ms, int64_t after_ms);

/* Loads "Europe/Berlin" from the system's time zone database into the arena. Returns 0, -ENOENT
 * when there is no such zone, or -EIO. */
MUST_CHECK int time_zone_load(struct arena *arena, struct str name,
                              const struct time_zone **out_zone);
/* From the bytes of a TZif file (RFC 8536). Returns 0 or -EINVAL. */
MUST_CHECK int time_zone_parse(struct arena *arena, struct str bytes,
                               const struct time_zone **out_zone);
/* What is to be added to UTC at that time. */
int64_t time_zone_offset_ms(const struct time_zone *zone, int64_t utc_ms);
