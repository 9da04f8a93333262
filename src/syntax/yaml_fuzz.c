/* yaml_fuzz.c — any bytes: limits hold with aliases written out, and the data is valid JSON. */
#include "base/arena.h"
#include "syntax/json.h"
#include "syntax/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Walks the tree as if there were no sharing. */
static size_t check_node(const struct yaml_node *node, uint32_t depth)
{
    CHECK(node->line > 0 && node->column > 0 && str_is_set(node->text) && str_is_set(node->tag));
    size_t total = 1;
    if (node->kind == YAML_SCALAR)
        return total;
    CHECK(depth < YAML_MAX_DEPTH);
    for (size_t i = 0; i < node->count; i++) {
        if (node->kind == YAML_SEQUENCE) {
            total += check_node(node->items[i], depth + 1);
            continue;
        }
        CHECK(node->pairs[i].key->kind == YAML_SCALAR);
        CHECK(yaml_find(node, node->pairs[i].key->text) == node->pairs[i].value);
        total += 1 + check_node(node->pairs[i].value, depth + 1);
    }
    return total;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum {
        INPUT_MAX = 16 * 1024, /* aliases make large trees of small texts: keep runs short */
    };
    if (size > INPUT_MAX)
        return 0;
    AUTO(arena) struct arena *arena = arena_new();
    struct str text = str_of((const char *)data, size);
    struct yaml_node *root = NULL;
    struct yaml_error error = {0};
    if (yaml_parse(arena, text, &root, &error) < 0) {
        CHECK(error.line > 0 && error.column > 0 && error.message.len > 0 && !root);
        return 0;
    }
    size_t total = check_node(root, 0);
    CHECK(total <= YAML_MAX_NODES);
    struct str written = json_to_str(arena, yaml_to_json(arena, root));
    struct json *json = NULL;
    struct json_error json_error = {0};
    CHECK(json_parse(arena, written, JSON_REFUSE_DUPLICATES, &json, &json_error) == 0);
    /* JSON read as YAML is the same data. */
    struct yaml_node *again = NULL;
    CHECK(yaml_parse(arena, written, &again, NULL) == 0);
    CHECK(check_node(again, 0) == total);
    return 0;
}
