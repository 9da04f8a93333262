/* iterator.c — shard iterators as text: "ARN|1|base64(shard id, number, time)", AWS's form. */
#include <errno.h>

#include "base/arena.h"
#include "service/dynamodbstreams/dynamodbstreams.h"
#include "syntax/base64.h"

struct str iterator_write(struct arena *arena, const struct iterator *iterator)
{
    struct str place = str_format(arena, STR_FMT " %lld %lld", STR_ARG(iterator->shard_id),
                                  (long long)iterator->number, (long long)iterator->made_at_ms);
    return str_concat3(arena, iterator->stream_arn, STR("|1|"), base64_encode_str(arena, place));
}

int iterator_read(struct arena *arena, struct str text, struct iterator *out)
{
    struct str rest = text;
    struct str parts[2];
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (!str_split_next(&rest, '|', &parts[i]))
            return -EINVAL;
    }
    struct str place = {0};
    struct iterator iterator = {.stream_arn = parts[0]};
    if (!rest.ptr || base64_decode(arena, rest, &place) < 0)
        return -EINVAL;
    struct str number = {0};
    if (!str_split_next(&place, ' ', &iterator.shard_id) || !str_split_next(&place, ' ', &number) ||
        !place.ptr || str_to_i64(number, &iterator.number) < 0 ||
        str_to_i64(place, &iterator.made_at_ms) < 0)
        return -EINVAL;
    *out = iterator;
    return 0;
}
