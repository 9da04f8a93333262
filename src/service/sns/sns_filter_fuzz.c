/* sns_filter_fuzz.c — filter policies and messages from anywhere. Input: policy, a NUL byte,
 * message. */
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "service/sns/filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str input = str_of((const char *)data, size);
    ptrdiff_t split = str_index(input, '\0');
    struct str policy = split < 0 ? input : str_slice(input, 0, (size_t)split);
    struct str message = split < 0 ? STR("{}") : str_from(input, (size_t)split + 1);
    static const enum sns_filter_scope scopes[] = {SNS_FILTER_ATTRIBUTES, SNS_FILTER_BODY};
    AUTO(arena) struct arena *arena = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(scopes); i++) {
        struct sns_filter *filter = NULL;
        struct str problem = {0};
        if (sns_filter_parse(arena, policy, scopes[i], &filter, &problem) < 0) {
            CHECK(problem.len > 0 && !filter);
            continue;
        }
        const struct sns_filter_attribute attributes[] = {
            {STR("key"), STR("String"), message},
            {STR("n"), STR("Number"), message},
            {STR("list"), STR("String.Array"), message},
        };
        (void)sns_filter_takes_attributes(arena, filter, attributes, ARRAY_LEN(attributes));
        (void)sns_filter_takes_body(arena, filter, message);
    }
    return 0;
}
