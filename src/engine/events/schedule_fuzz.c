/* schedule_fuzz.c — any bytes as an expression and as a time zone file; times only go forward. */
#include "base/arena.h"
#include "engine/events/schedule.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct str rest = str_of((const char *)data, size);
    struct str text = {0};
    if (!str_split_next(&rest, '\n', &text))
        return 0;
    const struct time_zone *zone = NULL;
    if (rest.ptr && time_zone_parse(arena, rest, &zone) < 0)
        zone = NULL;
    if (zone)
        (void)time_zone_offset_ms(zone, 1767225600000);
    struct schedule schedule = {0};
    if (schedule_parse(text, &schedule) < 0)
        return 0;
    int64_t now = 1767225600000; /* 2026 */
    for (int i = 0; i < 3 && now >= 0; i++) {
        int64_t next = schedule_next(&schedule, NULL, 0, now);
        CHECK(next < 0 || next > now);
        now = next;
    }
    return 0;
}
