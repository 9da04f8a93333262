/* tag.c — tags of users, roles, instance profiles and managed policies.
 *
 * Kept as one JSON object, sorted by key. AWS: "Tag keys are case-insensitive but
 * case-preserving": tagging "dept" replaces "Dept"; lists are sorted by key.
 */
#include "base/arena.h"
#include "service/iam/iam.h"
#include "syntax/json.h"

static struct json *parse(struct call *call, struct str text)
{
    struct json *object = NULL;
    int rc = json_parse(call->arena, text, 0, &object, NULL);
    CHECK(rc == 0); /* written by this file */
    return object;
}

/* Removes the member with this key whatever its case. */
static void remove_key(struct json *object, struct str key)
{
    for (const struct json *member = object->first; member; member = member->next) {
        if (str_eq_nocase(member->key, key)) {
            json_remove(object, member->key);
            return;
        }
    }
}

static int compare_keys(const void *a, const void *b)
{
    const struct json *const *left = a;
    const struct json *const *right = b;
    return str_compare((*left)->key, (*right)->key);
}

/* The object's text with its members sorted. */
static struct str sorted_text(struct call *call, const struct json *object)
{
    struct vec members;
    vec_init(&members, call->arena, sizeof(const struct json *));
    for (const struct json *member = object->first; member; member = member->next)
        *(const struct json **)vec_push(&members) = member;
    vec_sort(&members, compare_keys);
    struct json *sorted = json_new(call->arena, JSON_OBJECT);
    for (size_t i = 0; i < members.count; i++) {
        const struct json *const *member = vec_at(&members, i);
        json_append_member(sorted, (*member)->key, json_new_string(call->arena, (*member)->text));
    }
    return json_to_str(call->arena, sorted);
}

/* AWS: keys that start with "aws:" are reserved ("Tagging IAM resources"). CloudFormation tags with
 * such keys as a service. */
static enum status check_keys(struct call *call, const struct iam_tag_list_type *tags)
{
    for (size_t i = 0; i < tags->count; i++) {
        struct str key = tags->items[i].key;
        bool is_reserved = key.len >= 4 && str_eq_nocase(str_slice(key, 0, 4), STR("aws:"));
        if (is_reserved && call->via_service.len == 0)
            return call_fail(call, &IAM_INVALID_INPUT_EXCEPTION,
                             "Tag keys starting with 'aws:' are reserved for system use: " STR_FMT,
                             STR_ARG(key));
        for (size_t j = 0; j < i; j++) {
            if (str_eq_nocase(tags->items[j].key, key))
                return call_fail(call, &IAM_INVALID_INPUT_EXCEPTION,
                                 "Duplicate tag keys found. Please note that Tag keys are case "
                                 "insensitive.");
        }
    }
    return STATUS_DONE;
}

enum status iam_tags_from_request(struct call *call, const struct iam_tag_list_type *tags,
                                  struct str *out_text)
{
    enum status status = check_keys(call, tags);
    if (status != STATUS_DONE)
        return status;
    struct json *object = json_new(call->arena, JSON_OBJECT);
    for (size_t i = 0; i < tags->count; i++)
        json_append_member(object, tags->items[i].key,
                           json_new_string(call->arena, tags->items[i].value));
    *out_text = sorted_text(call, object);
    return STATUS_DONE;
}

void iam_tags_to_answer(struct call *call, struct str text, struct iam_tag_list_type *out_tags)
{
    const struct json *object = parse(call, text);
    out_tags->items = arena_alloc_array(call->arena, object->count + 1, sizeof(*out_tags->items));
    out_tags->count = 0;
    for (const struct json *member = object->first; member; member = member->next)
        out_tags->items[out_tags->count++] =
            (struct iam_tag){.key = member->key, .value = member->text};
}

static const char *tags_quota(enum iam_kind kind)
{
    static const char *const names[IAM_KIND_COUNT] = {
        [IAM_KIND_USER] = "TagsPerUser",     [IAM_KIND_GROUP] = "TagsPerGroup",
        [IAM_KIND_ROLE] = "TagsPerRole",     [IAM_KIND_PROFILE] = "TagsPerInstanceProfile",
        [IAM_KIND_POLICY] = "TagsPerPolicy",
    };
    return names[kind];
}

enum status iam_put_tags(struct call *call, struct iam_entity *entity,
                         const struct iam_tag_list_type *tags)
{
    enum status status = check_keys(call, tags);
    if (status != STATUS_DONE)
        return status;
    struct json *object = parse(call, entity->tags);
    for (size_t i = 0; i < tags->count; i++) {
        remove_key(object, tags->items[i].key);
        json_append_member(object, tags->items[i].key,
                           json_new_string(call->arena, tags->items[i].value));
    }
    if (object->count > IAM_MAX_TAGS)
        return call_fail(call, &IAM_LIMIT_EXCEEDED_EXCEPTION, "Cannot exceed quota for %s: %d",
                         tags_quota(entity->kind), IAM_MAX_TAGS);
    entity->tags = sorted_text(call, object);
    return iam_update_entity(call, entity, true);
}

enum status iam_remove_tags(struct call *call, struct iam_entity *entity,
                            const struct iam_tag_key_list_type *keys)
{
    struct json *object = parse(call, entity->tags);
    for (size_t i = 0; i < keys->count; i++)
        remove_key(object, keys->items[i]);
    entity->tags = sorted_text(call, object);
    return iam_update_entity(call, entity, true);
}

enum status iam_list_tags(struct call *call, struct str text, struct str marker,
                          struct opt_i32 max_items, struct iam_tag_list_type *out_tags,
                          struct opt_bool *out_is_truncated, struct str *out_marker)
{
    struct iam_range range = {0};
    enum status status = iam_page_begin(call, marker, max_items, &range);
    if (status != STATUS_DONE)
        return status;
    struct iam_tag_list_type all = {0};
    iam_tags_to_answer(call, text, &all);
    size_t start = 0;
    while (range.after.len > 0 && start < all.count &&
           str_compare(all.items[start].key, range.after) <= 0)
        start++;
    out_tags->items = all.items + start;
    out_tags->count = iam_page_count(range, all.count - start, out_is_truncated);
    out_tags->is_set = true;
    if (out_is_truncated->value)
        *out_marker = iam_page_marker(call, out_tags->items[out_tags->count - 1].key);
    return STATUS_DONE;
}
