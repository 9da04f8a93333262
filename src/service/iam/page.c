/* page.c — Marker and MaxItems of every list operation.
 *
 * A marker is the sort key of the last item that was given out, in base64: it stays good when items
 * come and go. AWS: MaxItems defaults to 100.
 */
#include "base/arena.h"
#include "service/iam/iam.h"
#include "syntax/base64.h"

enum {
    DEFAULT_MAX_ITEMS = 100,
};

enum status iam_page_begin(struct call *call, struct str marker, struct opt_i32 max_items,
                           struct iam_range *out_range)
{
    *out_range = (struct iam_range){
        .after = STR(""),
        .limit = (size_t)opt_i32_or(max_items, DEFAULT_MAX_ITEMS) + 1,
    };
    if (!marker.ptr)
        return STATUS_DONE;
    if (base64url_decode(call->arena, marker, &out_range->after) < 0 ||
        !str_is_utf8(out_range->after) || str_index(out_range->after, '\0') >= 0)
        return call_fail(call, &ERROR_VALIDATION, "Invalid Marker: " STR_FMT, STR_ARG(marker));
    return STATUS_DONE;
}

size_t iam_page_count(struct iam_range range, size_t count, struct opt_bool *out_is_truncated)
{
    size_t max = range.limit - 1;
    *out_is_truncated = opt_bool(count > max);
    return count > max ? max : count;
}

struct str iam_page_marker(struct call *call, struct str key)
{
    return base64url_encode_str(call->arena, key);
}

size_t iam_page_entities(struct call *call, struct iam_range range, const struct vec *entities,
                         struct opt_bool *out_is_truncated, struct str *out_marker)
{
    size_t count = iam_page_count(range, entities->count, out_is_truncated);
    if (!out_is_truncated->value)
        return count;
    const struct iam_entity *last = vec_at(entities, count - 1);
    *out_marker = iam_page_marker(call, str_lower(call->arena, last->name));
    return count;
}
