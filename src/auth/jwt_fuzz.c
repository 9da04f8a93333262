/* jwt_fuzz.c — a line as token, the rest as key set: reading and checking end, and nothing verifies
 * that was not signed. */
#include "auth/jwt.h"
#include "base/arena.h"
#include "syntax/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct str rest = str_of((const char *)data, size);
    struct str token = {0};
    str_split_next(&rest, '\n', &token);
    struct jwt jwt = {0};
    struct json *keys = NULL;
    if (jwt_parse(arena, str_or(token, STR("")), &jwt) < 0)
        return 0;
    if (json_parse(arena, str_or(rest, STR("{}")), 0, &keys, NULL) == 0)
        (void)!jwt_verify(arena, &jwt, keys);
    return 0;
}
