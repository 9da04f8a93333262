/* json_tree.c — looking into JSON trees, comparing and building them. */
#include <stdlib.h>

#include "base/arena.h"
#include "base/mem.h"
#include "syntax/json.h"

enum {
    FEW_MEMBERS = 32, /* above this, unordered objects are compared by sorting */
};

struct json *json_find(const struct json *value, struct str key)
{
    if (!json_is_object(value))
        return NULL;
    for (struct json *member = value->first; member; member = member->next) {
        if (str_eq(member->key, key))
            return member;
    }
    return NULL;
}

struct json *json_find_cstr(const struct json *value, const char *key)
{
    return json_find(value, str_from_cstr(key));
}

struct str json_find_str(const struct json *value, const char *key)
{
    const struct json *member = json_find_cstr(value, key);
    return json_is_string(member) ? member->text : (struct str){0};
}

bool json_is_string(const struct json *value)
{
    return value && value->kind == JSON_STRING;
}

bool json_is_object(const struct json *value)
{
    return value && value->kind == JSON_OBJECT;
}

bool json_is_array(const struct json *value)
{
    return value && value->kind == JSON_ARRAY;
}

/* ---- Equality ----------------------------------------------------------------------------------
 */

static int compare_members(const void *a, const void *b)
{
    const struct json *const *left = a;
    const struct json *const *right = b;
    return str_compare((*left)->key, (*right)->key);
}

/* The members sorted by key, on the heap. */
static const struct json **sorted_members_new(const struct json *object)
{
    const struct json **members = mem_new_array(object->count, sizeof(*members));
    size_t count = 0;
    for (const struct json *member = object->first; member; member = member->next)
        members[count++] = member;
    qsort(members, count, sizeof(*members), compare_members);
    return members;
}

static bool sorted_members_equal(const struct json *a, const struct json *b)
{
    AUTO(mem) const struct json **left = sorted_members_new(a);
    AUTO(mem) const struct json **right = sorted_members_new(b);
    for (size_t i = 0; i < a->count; i++) {
        if (!str_eq(left[i]->key, right[i]->key) || !json_equal(left[i], right[i]))
            return false;
    }
    return true;
}

static bool objects_equal(const struct json *a, const struct json *b)
{
    if (a->count > FEW_MEMBERS)
        return sorted_members_equal(a, b);
    const struct json *guess = b->first; /* usually the order is the same */
    for (const struct json *member = a->first; member; member = member->next) {
        const struct json *other =
            guess && str_eq(guess->key, member->key) ? guess : json_find(b, member->key);
        if (!other || !json_equal(member, other))
            return false;
        guess = other->next;
    }
    return true;
}

static bool arrays_equal(const struct json *a, const struct json *b)
{
    const struct json *other = b->first;
    for (const struct json *item = a->first; item; item = item->next, other = other->next) {
        if (!json_equal(item, other))
            return false;
    }
    return true;
}

bool json_equal(const struct json *a, const struct json *b)
{
    if (!a || !b)
        return a == b;
    if (a->kind != b->kind || a->count != b->count)
        return false;
    switch (a->kind) {
    case JSON_NULL:
    case JSON_FALSE:
    case JSON_TRUE:
        return true;
    case JSON_NUMBER:
    case JSON_STRING:
        return str_eq(a->text, b->text);
    case JSON_ARRAY:
        return arrays_equal(a, b);
    case JSON_OBJECT:
        return objects_equal(a, b);
    }
    return false;
}

/* ---- Building ----------------------------------------------------------------------------------
 */

struct json *json_new(struct arena *arena, enum json_kind kind)
{
    struct json *value = arena_alloc(arena, sizeof(*value));
    value->kind = kind;
    return value;
}

struct json *json_new_string(struct arena *arena, struct str text)
{
    struct json *value = json_new(arena, JSON_STRING);
    value->text = str_or(text, STR(""));
    return value;
}

struct json *json_new_number(struct arena *arena, int64_t number)
{
    struct json *value = json_new(arena, JSON_NUMBER);
    value->text = str_format(arena, "%lld", (long long)number);
    return value;
}

struct json *json_new_bool(struct arena *arena, bool is_true)
{
    return json_new(arena, is_true ? JSON_TRUE : JSON_FALSE);
}

void json_append(struct json *parent, struct json *child)
{
    child->next = NULL;
    if (parent->last)
        parent->last->next = child;
    else
        parent->first = child;
    parent->last = child;
    parent->count++;
}

void json_append_member(struct json *object, struct str key, struct json *value)
{
    CHECK(object->kind == JSON_OBJECT);
    value->key = key;
    json_append(object, value);
}

/* The link that points to the member `key`, and the member before it; NULL when there is none. */
static struct json **find_link(struct json *object, struct str key, struct json **out_before)
{
    CHECK(object->kind == JSON_OBJECT);
    struct json *before = NULL;
    struct json **link = &object->first;
    for (; *link; link = &(*link)->next) {
        if (str_eq((*link)->key, key)) {
            *out_before = before;
            return link;
        }
        before = *link;
    }
    return NULL;
}

void json_set(struct json *object, struct str key, struct json *value)
{
    struct json *before = NULL;
    struct json **link = find_link(object, key, &before);
    if (!link) {
        json_append_member(object, key, value);
        return;
    }
    struct json *old = *link;
    if (old == value)
        return;
    value->key = key;
    value->next = old->next;
    *link = value;
    if (object->last == old)
        object->last = value;
}

bool json_remove(struct json *object, struct str key)
{
    struct json *before = NULL;
    struct json **link = find_link(object, key, &before);
    if (!link)
        return false;
    struct json *old = *link;
    *link = old->next;
    if (object->last == old)
        object->last = before;
    object->count--;
    return true;
}

struct json *json_copy(struct arena *arena, const struct json *value)
{
    struct json *copy = json_new(arena, value->kind);
    copy->offset = value->offset;
    copy->key = str_copy(arena, value->key);
    copy->text = str_copy(arena, value->text);
    for (const struct json *child = value->first; child; child = child->next)
        json_append(copy, json_copy(arena, child));
    return copy;
}
