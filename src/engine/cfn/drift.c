/* drift.c — how a live resource differs from its properties in the stack.
 *
 * AWS: "CloudFormation compares the current stack resource values to the expected values ... only
 * for properties that are explicitly set, either through the stack template or by specifying
 * template parameters" (user guide, "What is drift?"). Lists of a resource have no order here:
 * equal members are paired, members that have the same name (Key, PolicyName) are compared, what is
 * left over was added or removed.
 */
#include "engine/cfn/drift.h"

#include "base/arena.h"
#include "base/vec.h"
#include "engine/cfn/property.h"
#include "engine/cfn/run.h"
#include "syntax/json.h"

struct comparison {
    struct arena *arena;
    struct vec differences; /* of struct cfn_difference */
};

static struct str text_of(struct arena *arena, const struct json *value)
{
    if (!value)
        return STR("");
    return json_is_string(value) ? value->text : json_to_str(arena, value);
}

static void note(struct comparison *comparison, struct str path, const char *kind,
                 const struct json *expected, const struct json *actual)
{
    *(struct cfn_difference *)vec_push(&comparison->differences) = (struct cfn_difference){
        .path = path,
        .kind = kind,
        .expected = text_of(comparison->arena, expected),
        .actual = text_of(comparison->arena, actual),
    };
}

/* A document that one side has as text and the other as an object. */
static const struct json *as_object(struct arena *arena, const struct json *value)
{
    struct json *parsed = NULL;
    if (json_is_string(value) && str_starts_with(str_trim(value->text), STR("{")) &&
        json_parse(arena, value->text, 0, &parsed, NULL) == 0)
        return parsed;
    return value;
}

/* The member that tells list members apart; absent: they have none. */
static struct str name_of(const struct json *item)
{
    static const char *const names[] = {"Key", "PolicyName", "Name", "AttributeName", "IndexName"};
    for (size_t i = 0; json_is_object(item) && i < ARRAY_LEN(names); i++) {
        const struct json *name = json_find_cstr(item, names[i]);
        if (json_is_string(name))
            return name->text;
    }
    return (struct str){0};
}

static void compare(struct comparison *comparison, struct str path, const struct json *expected,
                    const struct json *actual);

/* Pairs members: 0 none yet, else 1 + the index of the other side. */
static void pair(const struct json *expected, const struct json *actual, bool by_name,
                 size_t *expected_pairs, size_t *actual_pairs)
{
    size_t i = 0;
    for (const struct json *item = expected->first; item; item = item->next, i++) {
        size_t j = 0;
        for (const struct json *other = actual->first; other && expected_pairs[i] == 0;
             other = other->next, j++) {
            bool is_same = by_name ? name_of(item).ptr && str_eq(name_of(item), name_of(other))
                                   : template_equal(item, other);
            if (actual_pairs[j] != 0 || !is_same)
                continue;
            expected_pairs[i] = j + 1;
            actual_pairs[j] = i + 1;
        }
    }
}

static const struct json *item_at(const struct json *list, size_t index)
{
    const struct json *item = list->first;
    while (index-- > 0)
        item = item->next;
    return item;
}

static void compare_lists(struct comparison *comparison, struct str path,
                          const struct json *expected, const struct json *actual)
{
    struct arena *arena = comparison->arena;
    size_t *expected_pairs = arena_alloc_array(arena, expected->count + 1, sizeof(size_t));
    size_t *actual_pairs = arena_alloc_array(arena, actual->count + 1, sizeof(size_t));
    pair(expected, actual, false, expected_pairs, actual_pairs);
    pair(expected, actual, true, expected_pairs, actual_pairs);
    size_t index = 0;
    for (const struct json *item = expected->first; item; item = item->next, index++) {
        struct str place = str_format(arena, STR_FMT "/%zu", STR_ARG(path), index);
        if (expected_pairs[index] == 0)
            note(comparison, place, "REMOVE", item, NULL);
        else
            compare(comparison, place, item, item_at(actual, expected_pairs[index] - 1));
    }
    index = 0;
    for (const struct json *item = actual->first; item; item = item->next, index++) {
        if (actual_pairs[index] == 0)
            note(comparison, str_format(arena, STR_FMT "/%zu", STR_ARG(path), index), "ADD", NULL,
                 item);
    }
}

static void compare_objects(struct comparison *comparison, struct str path,
                            const struct json *expected, const struct json *actual)
{
    for (const struct json *member = expected->first; member; member = member->next) {
        struct str place = str_concat3(comparison->arena, path, STR("/"), member->key);
        const struct json *other = json_find(actual, member->key);
        if (other)
            compare(comparison, place, member, other);
        else
            note(comparison, place, "REMOVE", member, NULL);
    }
    for (const struct json *member = actual->first; member; member = member->next) {
        if (!json_find(expected, member->key))
            note(comparison, str_concat3(comparison->arena, path, STR("/"), member->key), "ADD",
                 NULL, member);
    }
}

static void compare(struct comparison *comparison, struct str path, const struct json *expected,
                    const struct json *actual)
{
    expected = as_object(comparison->arena, expected);
    actual = as_object(comparison->arena, actual);
    if (template_equal(expected, actual))
        return;
    if (json_is_array(expected) && json_is_array(actual))
        compare_lists(comparison, path, expected, actual);
    else if (json_is_object(expected) && json_is_object(actual))
        compare_objects(comparison, path, expected, actual);
    else
        note(comparison, path, "NOT_EQUAL", expected, actual);
}

/* Tags without those that are CloudFormation's or come from the stack. */
static struct json *own_tags(struct arena *arena, const struct json *tags,
                             const struct json *expected, const struct json *stack_tags)
{
    struct json *own = json_new(arena, JSON_ARRAY);
    for (const struct json *tag = tags ? tags->first : NULL; tag; tag = tag->next) {
        struct str key = json_find_str(tag, "Key");
        bool is_foreign = str_starts_with(key, STR("aws:"));
        for (const struct json *other = stack_tags ? stack_tags->first : NULL; other && !is_foreign;
             other = other->next)
            is_foreign = template_equal(tag, other);
        for (const struct json *other = expected ? expected->first : NULL; other;
             other = other->next)
            is_foreign = is_foreign && !str_eq(json_find_str(other, "Key"), key);
        if (!is_foreign)
            json_append(own, json_copy(arena, tag));
    }
    return own;
}

static const struct resource_property *find_row(const struct resource_type *type, struct str name)
{
    for (size_t i = 0; i < type->property_count; i++) {
        if (str_eq(type->properties[i].name, name))
            return &type->properties[i];
    }
    return NULL;
}

/* Takes from what was read the members that the stack set, and from both what is never read back.
 */
static void narrow(struct arena *arena, const struct resource_type *type,
                   const struct cfn_resource *row, const struct json *live,
                   struct json **out_expected, struct json **out_actual)
{
    const struct json *wanted = json_find_cstr(row->applied, "Properties");
    struct json *expected = json_new(arena, JSON_OBJECT);
    struct json *actual = json_new(arena, JSON_OBJECT);
    for (const struct json *member = wanted ? wanted->first : NULL; member; member = member->next) {
        const struct resource_property *property = find_row(type, member->key);
        if ((property && property->is_write_only) || template_has_reference(member))
            continue;
        json_append_member(expected, member->key, json_copy(arena, member));
        const struct json *value = json_find(live, member->key);
        bool is_tags = type->accepts_tags && str_eq(member->key, STR("Tags"));
        if (is_tags)
            json_append_member(
                actual, member->key,
                own_tags(arena, value, member, json_find_cstr(row->applied, "StackTags")));
        else if (value)
            json_append_member(actual, member->key, json_copy(arena, value));
    }
    *out_expected = expected;
    *out_actual = actual;
}

enum status cfn_find_drift(struct call *call, const struct principal *principal,
                           const struct cfn_stack *stack, const struct cfn_resource *row,
                           struct cfn_drift *out_drift)
{
    const struct resource_type *type = cfn_find_type(call, row->type);
    struct cfn_drift drift = {.status = "NOT_CHECKED"};
    if (!type || !type->read || !row->applied) {
        *out_drift = drift;
        return STATUS_DONE;
    }
    struct resource_call rc =
        cfn_resource_call(call, principal, stack, row->logical_id, row->applied);
    struct json *live = NULL;
    enum resource_result result = type->read(&rc, &live);
    if (call->store_errno != 0)
        return call_fail_internal(call, call->store_errno, "read a resource");
    struct json *expected = NULL;
    struct json *actual = NULL;
    narrow(call->arena, type, row, live, &expected, &actual);
    drift.expected = json_to_str(call->arena, expected);
    if (result != RESOURCE_DONE) {
        drift.status = "DELETED";
        *out_drift = drift;
        return STATUS_DONE;
    }
    struct comparison comparison = {.arena = call->arena};
    vec_init(&comparison.differences, call->arena, sizeof(struct cfn_difference));
    compare_objects(&comparison, STR(""), expected, actual);
    drift.actual = json_to_str(call->arena, actual);
    drift.status = comparison.differences.count > 0 ? "MODIFIED" : "IN_SYNC";
    drift.differences = comparison.differences.items;
    drift.difference_count = comparison.differences.count;
    *out_drift = drift;
    return STATUS_DONE;
}

struct json *cfn_drift_to_json(struct arena *arena, const struct cfn_drift *drift, int64_t at_ms)
{
    struct json *object = json_new(arena, JSON_OBJECT);
    struct json *differences = json_new(arena, JSON_ARRAY);
    cfn_set_text(arena, object, "Status", str_from_cstr(drift->status));
    cfn_set_text(arena, object, "Expected", drift->expected);
    cfn_set_text(arena, object, "Actual", drift->actual);
    cfn_set_number(arena, object, "At", at_ms);
    for (size_t i = 0; i < drift->difference_count; i++) {
        struct json *item = json_new(arena, JSON_OBJECT);
        cfn_set_text(arena, item, "Path", drift->differences[i].path);
        cfn_set_text(arena, item, "Expected", drift->differences[i].expected);
        cfn_set_text(arena, item, "Actual", drift->differences[i].actual);
        cfn_set_text(arena, item, "Kind", str_from_cstr(drift->differences[i].kind));
        json_append(differences, item);
    }
    cfn_set(object, "Differences", differences);
    return object;
}
