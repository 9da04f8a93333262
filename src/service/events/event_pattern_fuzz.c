/* event_pattern_fuzz.c — any bytes: a pattern, a line end, an event. A pattern that compiles gives
 * the same answer when it is written anew; one that does not says why.
 */
#include "base/arena.h"
#include "service/events/pattern.h"
#include "syntax/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct str rest = str_of((const char *)data, size);
    struct str text = {0};
    if (!str_split_next(&rest, '\n', &text))
        return 0;
    const struct event_pattern *pattern = NULL;
    struct str reason = {0};
    if (event_pattern_compile(arena, text, &pattern, &reason) < 0) {
        CHECK(reason.len > 0);
        return 0;
    }
    struct json *event = NULL;
    if (!rest.ptr || json_parse(arena, rest, 0, &event, NULL) < 0)
        return 0;
    bool matches = event_pattern_matches(pattern, event);
    struct json *tree = NULL;
    CHECK(json_parse(arena, text, 0, &tree, NULL) == 0);
    const struct event_pattern *again = NULL;
    CHECK(event_pattern_compile(arena, json_to_str(arena, tree), &again, &reason) == 0);
    CHECK(event_pattern_matches(again, event) == matches);
    return 0;
}
