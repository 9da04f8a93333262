/* evaluate.c — conditions and projections applied to an item.
 *
 * A comparison in which an operand does not exist, or types differ, is false; only <> is then true.
 * AWS: "Comparison operator and function reference"; OBSERVED: the cases as recorded by dynalite.
 */
#include "service/dynamodb/expression.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/vec.h"

static const struct ddb_value *find_step(const struct ddb_value *value, const struct ddb_step *step)
{
    if (str_is_set(step->name))
        return value->type == DDB_M ? ddb_map_find(value, step->name) : NULL;
    return value->type == DDB_L && step->index < value->count ? &value->items[step->index] : NULL;
}

const struct ddb_value *ddb_path_find(const struct ddb_value *item, const struct ddb_path *path)
{
    const struct ddb_value *value = item;
    for (size_t i = 0; value && i < path->count; i++)
        value = find_step(value, &path->steps[i]);
    return value;
}

/* ---- conditions ---- */

enum {
    SIZE_TEXT_MAX = 24,
};

/* Room for what an operand computes. */
struct scratch {
    struct ddb_value value;
    char text[SIZE_TEXT_MAX];
};

/* AWS: size() of a string is its length, of binary the bytes, of a set or document the members. */
static bool measure(const struct ddb_value *value, size_t *out_size)
{
    switch (value->type) {
    case DDB_S:
        *out_size = str_utf8_length(value->text);
        return true;
    case DDB_B:
        *out_size = value->text.len;
        return true;
    case DDB_SS:
    case DDB_NS:
    case DDB_BS:
    case DDB_L:
    case DDB_M:
        *out_size = value->count;
        return true;
    case DDB_N:
    case DDB_NULL:
    case DDB_BOOL:
        break;
    }
    return false;
}

static const struct ddb_value *operand(const struct ddb_node *node, const struct ddb_value *item,
                                       struct scratch *scratch)
{
    if (node->type == DDB_NODE_VALUE)
        return &node->value;
    if (node->type == DDB_NODE_PATH)
        return ddb_path_find(item, &node->path);
    struct scratch inner;
    size_t size = 0;
    const struct ddb_value *measured = operand(node->args[0], item, &inner);
    if (!measured || !measure(measured, &size))
        return NULL;
    char *end = scratch->text + sizeof(scratch->text);
    char *start = end;
    do {
        *--start = (char)('0' + size % 10);
        size /= 10;
    } while (size > 0);
    scratch->value = ddb_text_value(DDB_N, str_of(start, (size_t)(end - start)));
    return &scratch->value;
}

static bool compare(enum ddb_operator operator_, const struct ddb_value *a,
                    const struct ddb_value *b)
{
    if (operator_ == DDB_EQ || operator_ == DDB_NE)
        return (a && b && ddb_value_equal(a, b)) == (operator_ == DDB_EQ);
    if (!a || !b || a->type != b->type || a->type > DDB_B)
        return false;
    const int order = ddb_value_compare(a, b);
    return operator_ == DDB_LT   ? order < 0
           : operator_ == DDB_LE ? order <= 0
           : operator_ == DDB_GT ? order > 0
                                 : order >= 0;
}

static bool contains(const struct ddb_value *whole, const struct ddb_value *part)
{
    if ((whole->type == DDB_S || whole->type == DDB_B) && whole->type == part->type)
        return str_contains(whole->text, part->text);
    if ((whole->type == DDB_SS && part->type == DDB_S) ||
        (whole->type == DDB_NS && part->type == DDB_N) ||
        (whole->type == DDB_BS && part->type == DDB_B))
        return ddb_set_has(whole, part);
    for (uint32_t i = 0; whole->type == DDB_L && i < whole->count; i++)
        if (ddb_value_equal(&whole->items[i], part))
            return true;
    return false;
}

static bool evaluate_function(const struct ddb_node *node, const struct ddb_value *item)
{
    CHECK(node->function <= DDB_CONTAINS); /* the parsers let no other stand here */
    struct scratch scratch[2];
    const struct ddb_value *first = operand(node->args[0], item, &scratch[0]);
    const struct ddb_value *second =
        node->arg_count > 1 ? operand(node->args[1], item, &scratch[1]) : NULL;
    switch (node->function) {
    case DDB_ATTRIBUTE_EXISTS:
        return first != NULL;
    case DDB_ATTRIBUTE_NOT_EXISTS:
        return first == NULL;
    case DDB_ATTRIBUTE_TYPE:
        return first && second && str_eq(ddb_type_name(first->type), second->text);
    case DDB_BEGINS_WITH:
        return first && second && first->type == second->type &&
               (first->type == DDB_S || first->type == DDB_B) &&
               str_starts_with(first->text, second->text);
    case DDB_CONTAINS:
        return first && second && contains(first, second);
    case DDB_SIZE:
    case DDB_IF_NOT_EXISTS:
    case DDB_LIST_APPEND:
    case DDB_PLUS:
    case DDB_MINUS:
    case DDB_SET_ADD:
    case DDB_SET_DELETE:
    case DDB_FUNCTION_UNKNOWN:
        break;
    }
    return false;
}

static bool evaluate_relation(const struct ddb_node *node, const struct ddb_value *item)
{
    struct scratch scratch[3];
    const struct ddb_value *first = operand(node->args[0], item, &scratch[0]);
    const struct ddb_value *second = operand(node->args[1], item, &scratch[1]);
    if (node->type == DDB_NODE_COMPARE)
        return compare(node->operator_, first, second);
    if (node->type == DDB_NODE_BETWEEN)
        return compare(DDB_GE, first, second) &&
               compare(DDB_LE, first, operand(node->args[2], item, &scratch[2]));
    for (size_t i = 1; i < node->arg_count; i++)
        if (compare(DDB_EQ, first, operand(node->args[i], item, &scratch[1])))
            return true;
    return false;
}

bool ddb_evaluate(const struct ddb_node *node, const struct ddb_value *item)
{
    CHECK(node->type <= DDB_NODE_FUNCTION); /* an operand is no condition */
    switch (node->type) {
    case DDB_NODE_AND:
    case DDB_NODE_OR:
        for (size_t i = 0; i < node->arg_count; i++)
            if (ddb_evaluate(node->args[i], item) == (node->type == DDB_NODE_OR))
                return node->type == DDB_NODE_OR;
        return node->type == DDB_NODE_AND;
    case DDB_NODE_NOT:
        return !ddb_evaluate(node->args[0], item);
    case DDB_NODE_FUNCTION:
        return evaluate_function(node, item);
    case DDB_NODE_COMPARE:
    case DDB_NODE_BETWEEN:
    case DDB_NODE_IN:
        return evaluate_relation(node, item);
    case DDB_NODE_PATH:
    case DDB_NODE_VALUE:
        break;
    }
    return false;
}

/* ---- projections ---- */

struct projection {
    struct arena *arena;
    const struct ddb_paths *paths;
};

static bool project(const struct projection *p, const struct ddb_value *value, const size_t *chosen,
                    size_t chosen_count, size_t depth, struct ddb_value *out);

static int compare_names(const void *a, const void *b)
{
    const struct ddb_value *left = a;
    const struct ddb_value *right = b;
    return str_compare(left->name, right->name);
}

static bool is_same_step(const struct ddb_step *a, const struct ddb_step *b)
{
    return str_is_set(a->name) == str_is_set(b->name) && a->index == b->index &&
           str_eq(a->name, b->name);
}

struct element {
    uint32_t index;
    struct ddb_value value;
};

static int compare_elements(const void *a, const void *b)
{
    const struct element *left = a;
    const struct element *right = b;
    return left->index < right->index ? -1 : left->index > right->index;
}

/* Those of the chosen paths that go on with the step of the one at `first`; they are taken out of
 * the later rounds by the caller, who skips steps that came before. */
static size_t choose(const struct projection *p, const size_t *chosen, size_t count, size_t first,
                     size_t depth, size_t *out)
{
    const struct ddb_step *step = &p->paths->items[chosen[first]].steps[depth];
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        if (!is_same_step(&p->paths->items[chosen[i]].steps[depth], step))
            continue;
        if (i < first)
            return 0;
        out[found++] = chosen[i];
    }
    return found;
}

static bool project(const struct projection *p, const struct ddb_value *value, const size_t *chosen,
                    size_t chosen_count, size_t depth, struct ddb_value *out)
{
    for (size_t i = 0; i < chosen_count; i++) {
        if (p->paths->items[chosen[i]].count == depth) {
            *out = *value;
            return true;
        }
    }
    if (value->type != DDB_M && value->type != DDB_L)
        return false;
    struct vec found;
    vec_init(&found, p->arena, sizeof(struct element));
    size_t *subset = arena_alloc_array(p->arena, chosen_count, sizeof(*subset));
    for (size_t i = 0; i < chosen_count; i++) {
        const struct ddb_step *step = &p->paths->items[chosen[i]].steps[depth];
        const struct ddb_value *child = find_step(value, step);
        size_t count = child ? choose(p, chosen, chosen_count, i, depth, subset) : 0;
        struct element element = {.index = step->index};
        if (count == 0 || !project(p, child, subset, count, depth + 1, &element.value))
            continue;
        element.value.name = step->name;
        *(struct element *)vec_push(&found) = element;
    }
    if (found.count == 0)
        return false;
    if (value->type == DDB_L)
        vec_sort(&found, compare_elements);
    *out = (struct ddb_value){.type = value->type, .count = (uint32_t)found.count};
    out->items = arena_alloc_array(p->arena, found.count, sizeof(*out->items));
    for (size_t i = 0; i < found.count; i++)
        out->items[i] = ((const struct element *)found.items)[i].value;
    if (value->type == DDB_M)
        qsort(out->items, out->count, sizeof(*out->items), compare_names);
    return true;
}

struct ddb_value ddb_project(struct arena *arena, const struct ddb_value *item,
                             const struct ddb_paths *paths)
{
    const struct projection projection = {.arena = arena, .paths = paths};
    struct ddb_value out = {.type = DDB_M};
    size_t *chosen = arena_alloc_array(arena, paths->count, sizeof(*chosen));
    for (size_t i = 0; i < paths->count; i++)
        chosen[i] = i;
    (void)project(&projection, item, chosen, paths->count, 0, &out);
    return out;
}
