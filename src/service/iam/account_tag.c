/* account_tag.c — tags of providers, MFA devices and server certificates, which are no entities.
 *
 * The text is what tag.c writes: one JSON object, sorted by key. AWS: "Tag keys are
 * case-insensitive but case-preserving" ("Tags for AWS Identity and Access Management resources").
 */
#include "base/arena.h"
#include "service/iam/iam_account.h"

static bool has_key(const struct iam_tag_list_type *tags, size_t count, struct str key)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq_nocase(tags->items[i].key, key))
            return true;
    }
    return false;
}

/* The request's tags come last, so that rewriting the whole list sorts them in. The list was
 * checked alone first: reserved and doubled keys have their own errors. */
enum status iam_merge_tags(struct call *call, struct str *text,
                           const struct iam_tag_list_type *tags)
{
    struct str checked = {0};
    enum status status = iam_tags_from_request(call, tags, &checked);
    if (status != STATUS_DONE)
        return status;
    struct iam_tag_list_type present = {0};
    iam_tags_to_answer(call, *text, &present);
    struct iam_tag_list_type all = {
        .items =
            arena_alloc_array(call->arena, present.count + tags->count + 1, sizeof(*all.items)),
    };
    for (size_t i = 0; i < present.count; i++) {
        if (!has_key(tags, tags->count, present.items[i].key))
            all.items[all.count++] = present.items[i];
    }
    for (size_t i = 0; i < tags->count; i++)
        all.items[all.count++] = tags->items[i];
    /* OBSERVED: 2026-02, TagOpenIDConnectProvider, as other test suites recorded it. */
    if (all.count > IAM_MAX_TAGS)
        return call_fail(call, &IAM_LIMIT_EXCEEDED_EXCEPTION,
                         "The number of tags has reached the maximum limit.");
    return iam_tags_from_request(call, &all, text);
}

static bool is_dropped(const struct iam_tag_key_list_type *keys, struct str key)
{
    for (size_t i = 0; i < keys->count; i++) {
        if (str_eq_nocase(keys->items[i], key))
            return true;
    }
    return false;
}

enum status iam_drop_tags(struct call *call, struct str *text,
                          const struct iam_tag_key_list_type *keys)
{
    struct iam_tag_list_type present = {0};
    iam_tags_to_answer(call, *text, &present);
    size_t count = 0;
    for (size_t i = 0; i < present.count; i++) {
        if (!is_dropped(keys, present.items[i].key))
            present.items[count++] = present.items[i];
    }
    present.count = count;
    return iam_tags_from_request(call, &present, text);
}
