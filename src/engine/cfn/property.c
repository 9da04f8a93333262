/* property.c — properties against the rows of their type: unknown, missing, wrong kind; and what a
 * change of them means.
 *
 * A template may write 30 or "30", true or "true": CloudFormation takes both, so values are coerced
 * to what the row says. Docs: CloudFormation template reference; "Update behaviors of stack
 * resources".
 */
#include "engine/cfn/property.h"

#include <errno.h>

#include "base/arena.h"
#include "engine/template/template.h"
#include "syntax/json.h"
#include "wire/runtime.h"

enum {
    LIST_DEPTH_MAX = 20, /* objects inside objects in rows; our own tables, so only a safeguard */
};

struct check {
    struct arena *arena;
    struct str message;
    size_t depth;
    bool is_open; /* what has no row is taken as it is */
};

/* Whether a name, or one that ends in '*' and stands for any rest, is meant. */
static bool is_name(struct str known, struct str name)
{
    return str_eq(known, name) ||
           (str_ends_with(known, STR("*")) &&
            str_starts_with(name, str_slice(known, 0, known.len - 1)) && name.len >= known.len);
}

const struct resource_type *cfn_find_type(const struct call *call, struct str name)
{
    for (size_t i = 0; i < call->runtime->service_count; i++) {
        const struct service *service = call->runtime->services[i];
        for (size_t j = 0; j < service->resource_type_count; j++) {
            if (is_name(service->resource_types[j].name, name))
                return &service->resource_types[j];
        }
    }
    return NULL;
}

bool cfn_type_has_attribute(const struct resource_type *type, struct str attribute)
{
    for (size_t i = 0; i < type->attribute_count; i++) {
        if (is_name(type->attributes[i], attribute))
            return true;
    }
    return false;
}

static const struct resource_property *find_property(const struct resource_property *properties,
                                                     size_t count, struct str name)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq(properties[i].name, name))
            return &properties[i];
    }
    return NULL;
}

static int check_object(struct check *check, const struct resource_property *rows, size_t count,
                        const struct json *value, struct json **out_value);

/* OBSERVED: "Value of property Tags must be of type List". */
static int wrong_kind(struct check *check, const struct resource_property *row, const char *kind)
{
    check->message = str_format(check->arena, "Value of property " STR_FMT " must be %s",
                                STR_ARG(row->name), kind);
    return -EINVAL;
}

static bool is_number_text(struct str text, bool is_fraction_allowed)
{
    size_t at = text.len > 0 && text.ptr[0] == '-' ? 1 : 0;
    bool has_digit = false;
    for (; at < text.len; at++) {
        bool is_digit = text.ptr[at] >= '0' && text.ptr[at] <= '9';
        bool is_extra = text.ptr[at] == '.' || text.ptr[at] == 'e' || text.ptr[at] == 'E' ||
                        text.ptr[at] == '+' || text.ptr[at] == '-';
        if (!is_digit && !(is_fraction_allowed && is_extra))
            return false;
        has_digit = has_digit || is_digit;
    }
    return has_digit;
}

static int check_number(struct check *check, const struct resource_property *row,
                        const struct json *value, struct json **out_value)
{
    bool is_integer = row->type == PROPERTY_INTEGER;
    if ((value->kind != JSON_STRING && value->kind != JSON_NUMBER) ||
        !is_number_text(value->text, !is_integer))
        return wrong_kind(check, row, is_integer ? "of type Integer" : "of type Double");
    *out_value = json_new(check->arena, JSON_NUMBER);
    (*out_value)->text = value->text;
    return 0;
}

static int check_boolean(struct check *check, const struct resource_property *row,
                         const struct json *value, struct json **out_value)
{
    bool is_true = value->kind == JSON_TRUE ||
                   (value->kind == JSON_STRING && str_eq_nocase(value->text, STR("true")));
    bool is_false = value->kind == JSON_FALSE ||
                    (value->kind == JSON_STRING && str_eq_nocase(value->text, STR("false")));
    if (!is_true && !is_false)
        return wrong_kind(check, row, "of type Boolean");
    *out_value = json_new_bool(check->arena, is_true);
    return 0;
}

static int check_string(struct check *check, const struct resource_property *row,
                        const struct json *value, struct json **out_value)
{
    switch (value->kind) {
    case JSON_STRING:
    case JSON_NUMBER:
        *out_value = json_new_string(check->arena, value->text);
        return 0;
    case JSON_TRUE:
    case JSON_FALSE:
        *out_value =
            json_new_string(check->arena, value->kind == JSON_TRUE ? STR("true") : STR("false"));
        return 0;
    case JSON_NULL:
    case JSON_ARRAY:
    case JSON_OBJECT:
        break;
    }
    return wrong_kind(check, row, "of type String");
}

static int check_list(struct check *check, const struct resource_property *row,
                      const struct json *value, struct json **out_value)
{
    if (!json_is_array(value))
        return wrong_kind(check, row, "of type List");
    struct json *list = json_new(check->arena, JSON_ARRAY);
    for (const struct json *item = value->first; item; item = item->next) {
        struct json *checked = NULL;
        int rc = 0;
        if (row->member_count == 0)
            rc = check_string(check, row, item, &checked);
        else if (json_is_object(item))
            rc = check_object(check, row->members, row->member_count, item, &checked);
        else
            rc = wrong_kind(check, row, "a list of objects");
        if (rc < 0)
            return rc;
        json_append(list, checked);
    }
    *out_value = list;
    return 0;
}

static int check_value(struct check *check, const struct resource_property *row,
                       const struct json *value, struct json **out_value)
{
    /* What it stands for is checked when it is there: task.c. */
    if (json_is_string(value) && template_has_reference(value)) {
        *out_value = json_new_string(check->arena, value->text);
        return 0;
    }
    switch (row->type) {
    case PROPERTY_STRING:
        return check_string(check, row, value, out_value);
    case PROPERTY_INTEGER:
    case PROPERTY_DOUBLE:
        return check_number(check, row, value, out_value);
    case PROPERTY_BOOLEAN:
        return check_boolean(check, row, value, out_value);
    case PROPERTY_LIST:
        return check_list(check, row, value, out_value);
    case PROPERTY_JSON:
        if (!json_is_object(value) && !json_is_string(value) && !json_is_array(value))
            return wrong_kind(check, row, "an object");
        *out_value = json_copy(check->arena, value);
        return 0;
    case PROPERTY_MAP:
        if (!json_is_object(value))
            return wrong_kind(check, row, "an object");
        *out_value = json_copy(check->arena, value);
        return 0;
    case PROPERTY_OBJECT:
        if (!json_is_object(value))
            return wrong_kind(check, row, "an object");
        return check_object(check, row->members, row->member_count, value, out_value);
    }
    CHECK(false);
    return -EINVAL;
}

static int check_object(struct check *check, const struct resource_property *rows, size_t count,
                        const struct json *value, struct json **out_value)
{
    CHECK(check->depth < LIST_DEPTH_MAX);
    check->depth++;
    struct json *object = json_new(check->arena, JSON_OBJECT);
    for (const struct json *member = value->first; member; member = member->next) {
        const struct resource_property *row = find_property(rows, count, member->key);
        if (!row && check->is_open) {
            json_append_member(object, member->key, json_copy(check->arena, member));
            continue;
        }
        if (!row) {
            check->message = str_format(check->arena, "Encountered unsupported property " STR_FMT,
                                        STR_ARG(member->key));
            return -EINVAL;
        }
        struct json *checked = NULL;
        int rc = check_value(check, row, member, &checked);
        if (rc < 0)
            return rc;
        json_append_member(object, member->key, checked);
    }
    for (size_t i = 0; i < count; i++) {
        if (!rows[i].is_required || json_find(object, rows[i].name))
            continue;
        /* OBSERVED: "Property PolicyDocument cannot be empty." */
        check->message = str_format(check->arena, "Property " STR_FMT " cannot be empty.",
                                    STR_ARG(rows[i].name));
        return -EINVAL;
    }
    check->depth--;
    *out_value = object;
    return 0;
}

int cfn_check_properties(struct arena *arena, const struct resource_type *type,
                         const struct json *properties, struct json **out_properties,
                         struct str *out_message)
{
    struct check check = {.arena = arena, .is_open = type->is_open};
    int rc =
        check_object(&check, type->properties, type->property_count, properties, out_properties);
    if (rc < 0)
        *out_message = check.message;
    return rc;
}

/* The gravest behaviour of what differs. Members of a list cannot be told apart, so a list has the
 * behaviour of its row. */
static enum update_behavior behavior_of(const struct resource_property *row,
                                        const struct json *before, const struct json *after)
{
    enum update_behavior worst = row->update;
    if (row->type != PROPERTY_OBJECT || !before || !after)
        return worst;
    for (size_t i = 0; i < row->member_count; i++) {
        const struct resource_property *member = &row->members[i];
        const struct json *old_value = json_find(before, member->name);
        const struct json *new_value = json_find(after, member->name);
        if (old_value && new_value ? template_equal(old_value, new_value) : old_value == new_value)
            continue;
        enum update_behavior update = behavior_of(member, old_value, new_value);
        if (update > worst)
            worst = update;
    }
    return worst;
}

enum update_behavior cfn_property_behavior(const struct resource_type *type, struct str name,
                                           const struct json *before, const struct json *after)
{
    const struct resource_property *row =
        find_property(type->properties, type->property_count, name);
    if (!row)
        return UPDATE_NO_INTERRUPTION;
    return type->update ? behavior_of(row, before, after) : UPDATE_REPLACEMENT;
}

enum cfn_effect cfn_effect_of(struct arena *arena, const struct resource_type *type,
                              const struct json *before, const struct json *after)
{
    struct template_change *changes = NULL;
    size_t count = 0;
    template_diff(arena, before, after, &changes, &count);
    enum cfn_effect effect = CFN_NO_CHANGE;
    for (size_t i = 0; i < count; i++) {
        switch (cfn_property_behavior(type, changes[i].name, changes[i].before, changes[i].after)) {
        case UPDATE_REPLACEMENT:
            return CFN_REPLACE;
        case UPDATE_CONDITIONAL:
            if (type->needs_replacement && type->needs_replacement(before, after))
                return CFN_REPLACE;
            break;
        case UPDATE_NO_INTERRUPTION:
        case UPDATE_SOME_INTERRUPTION:
            break;
        }
        effect = CFN_IN_PLACE;
    }
    return effect;
}
