/* diff.c — what changed between two resolved objects. */
#include "engine/template/internal.h"

#include "base/arena.h"

static bool equal_objects(const struct json *a, const struct json *b)
{
    for (const struct json *member = a->first; member; member = member->next) {
        const struct json *other = json_find(b, member->key);
        if (!other || !template_equal(member, other))
            return false;
    }
    return true;
}

bool template_equal(const struct json *a, const struct json *b)
{
    if (is_scalar(a) && is_scalar(b))
        return str_eq(scalar_text(a), scalar_text(b));
    if (!a || !b || a->kind != b->kind || a->count != b->count)
        return false;
    if (a->kind == JSON_OBJECT)
        return equal_objects(a, b);
    const struct json *left = a->first;
    const struct json *right = b->first;
    for (; left; left = left->next, right = right->next) {
        if (!template_equal(left, right))
            return false;
    }
    return true;
}

void template_diff(struct arena *arena, const struct json *before, const struct json *after,
                   struct template_change **out_changes, size_t *out_count)
{
    struct vec changes;
    vec_init(&changes, arena, sizeof(struct template_change));
    for (const struct json *member = after ? after->first : NULL; member; member = member->next) {
        const struct json *old = json_find(before, member->key);
        if (old && template_equal(old, member))
            continue;
        *(struct template_change *)vec_push(&changes) = (struct template_change){
            .name = member->key,
            .kind = old ? TEMPLATE_MODIFIED : TEMPLATE_ADDED,
            .before = old,
            .after = member,
        };
    }
    for (const struct json *member = before ? before->first : NULL; member; member = member->next) {
        if (json_find(after, member->key))
            continue;
        *(struct template_change *)vec_push(&changes) = (struct template_change){
            .name = member->key,
            .kind = TEMPLATE_REMOVED,
            .before = member,
        };
    }
    *out_changes = changes.items;
    *out_count = changes.count;
}
