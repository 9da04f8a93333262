/* event_transform_fuzz.c — any bytes as path and as template: never more than what is there. */
#include "base/arena.h"
#include "service/events/transform.h"
#include "syntax/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char text[] = "{\"a\":[1,{\"b\":\"x\"}],\"detail\":{\"c\":null}}";
    AUTO(arena) struct arena *arena = arena_new();
    struct json *event = NULL;
    CHECK(json_parse(arena, str_from_cstr(text), 0, &event, NULL) == 0);
    struct str rest = str_of((const char *)data, size);
    struct str path = {0};
    if (!str_split_next(&rest, '\n', &path))
        return 0;
    bool is_valid = event_path_is_valid(path);
    const struct json *value = event_path_find(arena, path, event);
    CHECK(is_valid || !value || str_starts_with(path, STR("$")));
    const struct event_path paths[] = {{.name = STR("v"), .path = path}};
    const struct event_variables variables = {.event = event, .rule_arn = STR("arn:x/y")};
    struct str template = str_or(rest, STR(""));
    struct str unknown = event_template_unknown(template, paths, ARRAY_LEN(paths));
    struct str filled = event_template_fill(arena, template, paths, ARRAY_LEN(paths), &variables);
    CHECK(unknown.len <= template.len && filled.ptr);
    return 0;
}
