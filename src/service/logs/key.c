/* key.c — keys of events as text: 56 digits, as AWS's event ids are. In order of their digits they
 * are in order of their keys.
 */
#include <errno.h>

#include "base/arena.h"
#include "service/logs/logs.h"

enum {
    TIME_DIGITS = 14,
    STREAM_DIGITS = 19,
    SEQUENCE_DIGITS = 18,
    INDEX_DIGITS = 5,
    KEY_DIGITS = TIME_DIGITS + STREAM_DIGITS + SEQUENCE_DIGITS + INDEX_DIGITS,
};

static int compare(int64_t a, int64_t b)
{
    return a < b ? -1 : a > b;
}

int log_key_compare(const struct log_key *a, const struct log_key *b)
{
    int result = compare(a->at_ms, b->at_ms);
    if (result == 0)
        result = compare(a->stream_id, b->stream_id);
    if (result == 0)
        result = compare(a->sequence, b->sequence);
    return result != 0 ? result : compare(a->index, b->index);
}

struct str log_key_write(struct arena *arena, const struct log_key *key)
{
    return str_format(arena, "%014lld%019lld%018lld%05lld", (long long)key->at_ms,
                      (long long)key->stream_id, (long long)key->sequence, (long long)key->index);
}

int log_key_read(struct str text, struct log_key *out_key)
{
    struct log_key key = {0};
    if (text.len != KEY_DIGITS)
        return -EINVAL;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return -EINVAL;
    }
    if (str_to_i64(str_slice(text, 0, TIME_DIGITS), &key.at_ms) < 0 ||
        str_to_i64(str_slice(text, TIME_DIGITS, STREAM_DIGITS), &key.stream_id) < 0 ||
        str_to_i64(str_slice(text, TIME_DIGITS + STREAM_DIGITS, SEQUENCE_DIGITS), &key.sequence) <
            0 ||
        str_to_i64(str_from(text, KEY_DIGITS - INDEX_DIGITS), &key.index) < 0)
        return -EINVAL;
    *out_key = key;
    return 0;
}
