/* time_fuzz.c — any bytes through every reader: what is read can be written and read back. */
#include <string.h>

#include "base/arena.h"
#include "syntax/time.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_time(struct arena *arena, int64_t ms)
{
    int64_t second = ms - (ms % 1000 + 1000) % 1000;
    int64_t again = 0;
    CHECK(time_parse_rfc3339(time_rfc3339(arena, ms), &again) == 0 && again == ms);
    CHECK(time_parse_rfc3339(time_rfc3339_ms(arena, ms), &again) == 0 && again == ms);
    CHECK(time_parse_http(time_http(arena, ms), &again) == 0 && again == second);
    CHECK(time_parse_basic(time_basic(arena, ms), &again) == 0 && again == second);
    struct buf out;
    buf_init(&out, arena, 100);
    time_write_epoch(&out, ms);
    CHECK(time_parse_epoch(buf_str(&out), &again) == 0 && again == ms);
    struct civil_time civil = time_to_civil(ms);
    CHECK(time_from_civil(&civil) == ms);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int (*const readers[])(struct str, int64_t *) = {
        time_parse_rfc3339,
        time_parse_http,
        time_parse_basic,
        time_parse_epoch,
    };
    AUTO(arena) struct arena *arena = arena_new();
    struct str text = str_of((const char *)data, size);
    for (size_t i = 0; i < ARRAY_LEN(readers); i++) {
        int64_t ms = 0;
        if (readers[i](text, &ms) == 0)
            check_time(arena, ms);
    }
    if (size >= sizeof(int64_t)) { /* the writers take any number */
        int64_t ms = 0;
        memcpy(&ms, data, sizeof(ms));
        CHECK(time_rfc3339(arena, ms).len >= 20 && time_http(arena, ms).len == 29);
    }
    return 0;
}
