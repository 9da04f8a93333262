/* insights_fuzz.c — texts of queries. */
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "service/logs/insights.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct insights_query query = {0};
    struct insights_error error = {0};
    int rc = insights_parse(arena, str_of((const char *)data, size), &query, &error);
    CHECK(rc == 0 || error.start <= error.end);
    return 0;
}
