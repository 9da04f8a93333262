/* expression_update.c — update expressions applied to an item.
 *
 * All values are computed from the item as it was; then the paths are changed. Elements keep their
 * indexes until all actions are done: removed ones become holes that are closed last, and elements
 * set beyond a list's end are appended in the order of their indexes.
 * AWS: "Update expressions" (developer guide).
 */
#include <errno.h>

#include "base/arena.h"
#include "base/vec.h"
#include "service/dynamodb/expression.h"

struct updating {
    struct arena *arena;
    const struct ddb_value *before; /* the item that operands are read from */
    struct ddb_value *item;
    struct vec appends; /* struct append */
    struct str message;
    bool has_holes;
};

/* A value for a place behind the end of a list. */
struct append {
    const struct ddb_path *path;
    struct ddb_value value;
};

static int refuse(struct updating *u, struct str text)
{
    u->message = text;
    return -EINVAL;
}

static int refuse_operand(struct updating *u)
{
    return refuse(u, STR("An operand in the update expression has an incorrect data type"));
}

/* ---- values ---- */

static int resolve(struct updating *u, const struct ddb_node *node, struct ddb_value *out);

static int add_numbers(struct updating *u, const struct ddb_value *a, const struct ddb_value *b,
                       bool is_subtraction, struct ddb_value *out)
{
    struct ddb_number left = {0};
    struct ddb_number right = {0};
    struct ddb_number sum = {0};
    if (a->type != DDB_N || b->type != DDB_N)
        return refuse_operand(u);
    CHECK(ddb_number_parse(a->text, &left) == DDB_NUMBER_OK);
    CHECK(ddb_number_parse(b->text, &right) == DDB_NUMBER_OK);
    enum ddb_number_error error = ddb_number_add(&left, &right, is_subtraction, &sum);
    if (error != DDB_NUMBER_OK)
        return refuse(u, ddb_number_error_text(u->arena, error, (struct str){0}));
    *out = ddb_number_value(u->arena, &sum);
    return 0;
}

static int append_lists(struct updating *u, const struct ddb_value *a, const struct ddb_value *b,
                        struct ddb_value *out)
{
    if (a->type != DDB_L || b->type != DDB_L)
        return refuse_operand(u);
    *out = (struct ddb_value){.type = DDB_L, .count = a->count + b->count};
    out->items = arena_alloc_array(u->arena, out->count, sizeof(*out->items));
    for (uint32_t i = 0; i < out->count; i++)
        out->items[i] = i < a->count ? a->items[i] : b->items[i - a->count];
    return 0;
}

static int resolve_function(struct updating *u, const struct ddb_node *node, struct ddb_value *out)
{
    struct ddb_value left;
    struct ddb_value right;
    if (node->function == DDB_IF_NOT_EXISTS) {
        const struct ddb_value *found = ddb_path_find(u->before, &node->args[0]->path);
        if (!found)
            return resolve(u, node->args[1], out);
        *out = *found;
        return 0;
    }
    int rc = resolve(u, node->args[0], &left);
    if (rc == 0)
        rc = resolve(u, node->args[1], &right);
    if (rc < 0)
        return rc;
    if (node->function == DDB_LIST_APPEND)
        return append_lists(u, &left, &right, out);
    if (node->function == DDB_PLUS || node->function == DDB_MINUS)
        return add_numbers(u, &left, &right, node->function == DDB_MINUS, out);
    if (!ddb_is_set(left.type) || left.type != right.type)
        return refuse_operand(u);
    *out = node->function == DDB_SET_ADD ? ddb_set_union(u->arena, &left, &right)
                                         : ddb_set_difference(u->arena, &left, &right);
    return 0;
}

static int resolve(struct updating *u, const struct ddb_node *node, struct ddb_value *out)
{
    if (node->type == DDB_NODE_VALUE) {
        *out = node->value;
        return 0;
    }
    if (node->type == DDB_NODE_FUNCTION)
        return resolve_function(u, node, out);
    const struct ddb_value *found = ddb_path_find(u->before, &node->path);
    if (!found)
        return refuse(u, STR("The provided expression refers to an attribute that does not exist "
                             "in the item"));
    *out = *found;
    return 0;
}

/* ---- places ---- */

/* What holds the last step of the path: a map for a name, a list for an index. */
static int find_parent(struct updating *u, const struct ddb_path *path, struct ddb_value **out)
{
    struct ddb_path parent_path = {.steps = path->steps, .count = path->count - 1};
    struct ddb_value *parent = u->item;
    for (size_t i = 0; parent && i < parent_path.count; i++) {
        const struct ddb_step *step = &parent_path.steps[i];
        if (str_is_set(step->name))
            parent = parent->type == DDB_M ? ddb_map_find(parent, step->name) : NULL;
        else
            parent = parent->type == DDB_L && step->index < parent->count
                         ? &parent->items[step->index]
                         : NULL;
    }
    const bool is_name = str_is_set(path->steps[path->count - 1].name);
    if (!parent || parent->type != (is_name ? DDB_M : DDB_L))
        return refuse(u, STR("The document path provided in the update expression is invalid for "
                             "update"));
    *out = parent;
    return 0;
}

static void put(struct updating *u, struct ddb_value *parent, const struct ddb_path *path,
                const struct ddb_value *value)
{
    const struct ddb_step *step = &path->steps[path->count - 1];
    const struct ddb_value copy = ddb_value_copy(u->arena, value);
    if (str_is_set(step->name)) {
        ddb_map_set(u->arena, parent, step->name, &copy);
        return;
    }
    if (step->index >= parent->count) {
        *(struct append *)vec_push(&u->appends) = (struct append){.path = path, .value = copy};
        return;
    }
    parent->items[step->index] = copy;
    parent->items[step->index].name = (struct str){0};
}

/* Holes in lists have type 0. */
static void take_away(struct updating *u, struct ddb_value *parent, const struct ddb_step *step)
{
    if (str_is_set(step->name)) {
        ddb_map_remove(parent, step->name);
    } else if (step->index < parent->count) {
        parent->items[step->index] = (struct ddb_value){0};
        u->has_holes = true;
    }
}

static void close_holes(struct ddb_value *value)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < value->count; i++) {
        if (value->items[i].type == 0)
            continue;
        close_holes(&value->items[i]);
        value->items[kept++] = value->items[i];
    }
    value->count = kept;
}

/* ---- actions ---- */

static const struct ddb_value *find_existing(const struct ddb_value *parent,
                                             const struct ddb_step *step)
{
    if (str_is_set(step->name))
        return ddb_map_find(parent, step->name);
    return step->index < parent->count ? &parent->items[step->index] : NULL;
}

static int apply_add(struct updating *u, const struct ddb_action *action, struct ddb_value *parent)
{
    const struct ddb_value *operand = &action->value->value;
    const struct ddb_value *existing =
        find_existing(parent, &action->path.steps[action->path.count - 1]);
    struct ddb_value sum = *operand;
    if (existing) {
        if (existing->type != operand->type)
            return refuse_operand(u);
        int rc = 0;
        if (operand->type == DDB_N)
            rc = add_numbers(u, existing, operand, false, &sum);
        else if (operand->type == DDB_L)
            rc = append_lists(u, existing, operand, &sum);
        else
            sum = ddb_set_union(u->arena, existing, operand);
        if (rc < 0)
            return rc;
    }
    put(u, parent, &action->path, &sum);
    return 0;
}

static int apply_delete(struct updating *u, const struct ddb_action *action,
                        struct ddb_value *parent)
{
    const struct ddb_step *step = &action->path.steps[action->path.count - 1];
    const struct ddb_value *existing = find_existing(parent, step);
    const struct ddb_value *operand = &action->value->value;
    if (!existing)
        return 0;
    if (existing->type != operand->type)
        return refuse_operand(u);
    const struct ddb_value rest = ddb_set_difference(u->arena, existing, operand);
    if (rest.count == 0)
        take_away(u, parent, step);
    else
        put(u, parent, &action->path, &rest);
    return 0;
}

static int apply_action(struct updating *u, const struct ddb_action *action,
                        const struct ddb_value *value)
{
    struct ddb_value *parent = NULL;
    int rc = find_parent(u, &action->path, &parent);
    if (rc < 0)
        return rc;
    switch (action->type) {
    case DDB_SET:
        /* PartiQL's set_delete may leave an empty set, which is then no attribute. */
        if (ddb_is_set(value->type) && value->count == 0)
            take_away(u, parent, &action->path.steps[action->path.count - 1]);
        else
            put(u, parent, &action->path, value);
        return 0;
    case DDB_REMOVE:
        take_away(u, parent, &action->path.steps[action->path.count - 1]);
        return 0;
    case DDB_ADD:
        return apply_add(u, action, parent);
    case DDB_DELETE:
        return apply_delete(u, action, parent);
    }
    return 0;
}

static int compare_appends(const void *a, const void *b)
{
    const struct ddb_path *left = ((const struct append *)a)->path;
    const struct ddb_path *right = ((const struct append *)b)->path;
    const uint32_t i = left->steps[left->count - 1].index;
    const uint32_t j = right->steps[right->count - 1].index;
    return i < j ? -1 : i > j;
}

static int append_all(struct updating *u)
{
    vec_sort(&u->appends, compare_appends);
    for (size_t i = 0; i < u->appends.count; i++) {
        const struct append *append = vec_at(&u->appends, i);
        struct ddb_value *list = NULL;
        int rc = find_parent(u, append->path, &list);
        if (rc < 0)
            return rc;
        struct ddb_value *items =
            arena_alloc_array(u->arena, list->count + (size_t)1, sizeof(*items));
        for (uint32_t j = 0; j < list->count; j++)
            items[j] = list->items[j];
        items[list->count] = append->value;
        items[list->count].name = (struct str){0};
        list->items = items;
        list->count++;
    }
    return 0;
}

int ddb_apply_update(struct arena *arena, const struct ddb_update *update, struct ddb_value *item,
                     struct str *out_message)
{
    const struct ddb_value before = ddb_value_copy(arena, item);
    struct updating u = {.arena = arena, .before = &before, .item = item};
    vec_init(&u.appends, arena, sizeof(struct append));
    struct ddb_value *values = arena_alloc_array(arena, update->count, sizeof(*values));
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < update->count; i++)
        if (update->items[i].type == DDB_SET)
            rc = resolve(&u, update->items[i].value, &values[i]);
    for (size_t i = 0; rc == 0 && i < update->count; i++)
        rc = apply_action(&u, &update->items[i], &values[i]);
    if (rc == 0)
        rc = append_all(&u);
    if (rc < 0) {
        *out_message = u.message;
        return rc;
    }
    if (u.has_holes)
        close_holes(item);
    return 0;
}
