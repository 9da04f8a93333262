/* filter_pattern_fuzz.c — a pattern in the first line, an event in the rest. */
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "service/logs/filter_pattern.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena *arena = arena_new();
    AUTO(arena) struct arena *scratch = arena_new();
    struct str rest = str_of((const char *)data, size);
    struct str text = {0};
    struct filter_pattern *pattern = NULL;
    struct filter_value values[16];
    if (!str_split_next(&rest, '\n', &text) || filter_pattern_parse(arena, text, &pattern) != 0)
        return 0;
    (void)filter_pattern_matches(pattern, scratch, rest);
    (void)filter_pattern_extract(pattern, arena, rest, values, 16);
    return 0;
}
