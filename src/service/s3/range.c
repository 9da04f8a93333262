/* range.c — reading byte ranges.
 *
 * RFC 9110, 14.1.2: positions are inclusive; a last position beyond the end is the end; a last
 * before the first makes the header invalid, which means that it is not there.
 */
#include "service/s3/range.h"

#include <errno.h>

static bool is_digits(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
    }
    return text.len > 0;
}

/* Digits beyond 63 bits are beyond the end of anything. */
static int64_t read_position(struct str digits)
{
    int64_t value = 0;
    return str_to_i64(digits, &value) < 0 ? INT64_MAX : value;
}

/* Cuts "bytes=A-B". False when it is nothing of the kind. */
static bool split(struct str header, struct str *out_first, struct str *out_last)
{
    struct str unit = STR("bytes=");
    header = str_trim(header);
    if (header.len < unit.len || !str_eq_nocase(str_slice(header, 0, unit.len), unit))
        return false;
    struct str spec = str_trim(str_from(header, unit.len));
    ptrdiff_t dash = str_index(spec, '-');
    if (dash < 0)
        return false;
    *out_first = str_trim(str_slice(spec, 0, (size_t)dash));
    *out_last = str_trim(str_from(spec, (size_t)dash + 1));
    return (out_first->len == 0 || is_digits(*out_first)) &&
           (out_last->len == 0 || is_digits(*out_last)) && out_first->len + out_last->len > 0;
}

int range_parse(struct str header, int64_t size, int64_t *out_first, int64_t *out_length)
{
    struct str first_text = {0};
    struct str last_text = {0};
    if (!str_is_set(header) || !split(header, &first_text, &last_text))
        return 0;
    if (first_text.len == 0) {
        const int64_t suffix = read_position(last_text);
        if (suffix == 0 || size == 0)
            return -ERANGE;
        *out_length = suffix < size ? suffix : size;
        *out_first = size - *out_length;
        return 1;
    }
    const int64_t first = read_position(first_text);
    const int64_t last = last_text.len > 0 ? read_position(last_text) : INT64_MAX;
    if (last < first)
        return 0;
    if (first >= size)
        return -ERANGE;
    *out_first = first;
    *out_length = (last < size ? last + 1 : size) - first;
    return 1;
}

int range_parse_copy(struct str header, int64_t size, int64_t *out_first, int64_t *out_length)
{
    struct str first_text = {0};
    struct str last_text = {0};
    if (!split(header, &first_text, &last_text) || first_text.len == 0 || last_text.len == 0)
        return -EINVAL;
    const int64_t first = read_position(first_text);
    const int64_t last = read_position(last_text);
    if (last < first)
        return -EINVAL;
    if (last >= size)
        return -ERANGE;
    *out_first = first;
    *out_length = last - first + 1;
    return 0;
}
