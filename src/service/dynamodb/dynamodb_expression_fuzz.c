/* dynamodb_expression_fuzz.c — any text as a condition, an update and a projection, applied to an
 * item when it is one.
 */
#include "base/arena.h"
#include "service/dynamodb/expression.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* {a: 1, b: "x", l: [{c: 2}], s: {"x"}} and the placeholders :a to :d with the same values. */
static void fill(struct arena *arena, struct ddb_value *map, const char *const names[4])
{
    const struct ddb_value number = ddb_text_value(DDB_N, STR("1"));
    const struct ddb_value text = ddb_text_value(DDB_S, STR("x"));
    struct ddb_value inner = {.type = DDB_M};
    struct ddb_value list = {.type = DDB_L, .count = 1};
    struct ddb_value set = {.type = DDB_SS, .count = 1};
    ddb_map_set(arena, &inner, STR("c"), &number);
    list.items = arena_alloc(arena, sizeof(*list.items));
    list.items[0] = inner;
    set.items = arena_alloc(arena, sizeof(*set.items));
    set.items[0] = text;
    *map = (struct ddb_value){.type = DDB_M};
    ddb_map_set(arena, map, str_from_cstr(names[0]), &number);
    ddb_map_set(arena, map, str_from_cstr(names[1]), &text);
    ddb_map_set(arena, map, str_from_cstr(names[2]), &list);
    ddb_map_set(arena, map, str_from_cstr(names[3]), &set);
}

static void init(struct arena *arena, struct ddb_expressions *expressions)
{
    static const char *const names[] = {":a", ":b", ":c", ":d"};
    static struct dynamodb_expression_attribute_name_map_entry name = {STR_INIT("#n"),
                                                                       STR_INIT("a")};
    static const struct dynamodb_expression_attribute_name_map map = {.items = &name, .count = 1};
    *expressions = (struct ddb_expressions){.arena = arena, .names = &map};
    fill(arena, &expressions->values, names);
    expressions->name_is_used = arena_alloc_array(arena, map.count, sizeof(bool));
    expressions->value_is_used = arena_alloc_array(arena, expressions->values.count, sizeof(bool));
}

static void try_update(struct arena *arena, struct ddb_expressions *expressions, struct str text,
                       const struct ddb_value *item)
{
    struct ddb_update update;
    struct str message = {0};
    if (ddb_parse_update(expressions, text, &update) < 0)
        return;
    struct ddb_value copy = ddb_value_copy(arena, item);
    const struct ddb_paths paths = ddb_update_paths(arena, &update);
    if (ddb_apply_update(arena, &update, &copy, &message) < 0) {
        CHECK(message.len > 0);
        return;
    }
    (void)ddb_project(arena, &copy, &paths);
    struct ddb_value again;
    CHECK(ddb_value_from_blob(arena, ddb_value_to_blob(arena, &copy), &again) == 0);
    CHECK(ddb_value_equal(&copy, &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"a", "b", "l", "s"};
    AUTO(arena) struct arena *arena = arena_new();
    const struct str text = str_of((const char *)data, size);
    struct ddb_expressions expressions;
    struct ddb_value item;
    struct ddb_node *node = NULL;
    struct ddb_paths paths;
    fill(arena, &item, names);
    init(arena, &expressions);
    if (ddb_parse_condition(&expressions, "FilterExpression", text, &node) == 0)
        (void)ddb_evaluate(node, &item);
    else
        CHECK(expressions.message.len > 0);
    init(arena, &expressions);
    if (ddb_parse_projection(&expressions, text, &paths) == 0)
        (void)ddb_project(arena, &item, &paths);
    init(arena, &expressions);
    try_update(arena, &expressions, text, &item);
    return 0;
}
