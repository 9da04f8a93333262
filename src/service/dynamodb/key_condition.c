/* key_condition.c — key conditions as a range of rows.
 *
 * Each attribute of the hash needs "="; the attributes of the range follow from left to right, all
 * with "=" but the last, which may have any condition. As keys are ordered by memcmp, that is one
 * range of bytes: from `low` up to, but not including, `high`.
 *
 * OBSERVED: texts as recorded by the tests of dynalite. AWS: "Key condition expressions for the
 * Query operation" (developer guide).
 */
#include <errno.h>

#include "base/arena.h"
#include "service/dynamodb/item.h"

static int refuse(struct str *out_message, struct str text)
{
    *out_message = text;
    return -EINVAL;
}

/* ---- reading ---- */

static int refuse_operator(struct arena *arena, struct str name, struct str *out_message)
{
    return refuse(out_message,
                  str_format(arena, "Invalid operator used in KeyConditionExpression: " STR_FMT,
                             STR_ARG(name)));
}

/* "5 < a" is "a > 5". */
static const struct ddb_node *turn_around(struct arena *arena, const struct ddb_node *node)
{
    static const enum ddb_operator turned[] = {
        [DDB_EQ] = DDB_EQ, [DDB_NE] = DDB_NE, [DDB_LT] = DDB_GT,
        [DDB_LE] = DDB_GE, [DDB_GT] = DDB_LT, [DDB_GE] = DDB_LE,
    };
    struct ddb_node *copy = ddb_node_join(arena, DDB_NODE_COMPARE, node->args[1], node->args[0]);
    copy->operator_ = turned[node->operator_];
    return copy;
}

static int check_operands(const struct ddb_node *node, size_t *out_at, struct str *out_message)
{
    size_t found = 0;
    for (size_t i = 0; i < node->arg_count; i++) {
        if (node->args[i]->type == DDB_NODE_FUNCTION)
            return refuse(out_message,
                          STR("KeyConditionExpressions cannot contain nested operations"));
        if (node->args[i]->type != DDB_NODE_PATH)
            continue;
        if (found++ > 0)
            return refuse(out_message,
                          STR("Invalid condition in KeyConditionExpression: Multiple attribute "
                              "names used in one condition"));
        if (node->args[i]->path.count > 1)
            return refuse(out_message, STR("KeyConditionExpressions cannot have conditions on "
                                           "nested attributes"));
        *out_at = i;
    }
    if (found == 0)
        return refuse(out_message, STR("Invalid condition in KeyConditionExpression: No key "
                                       "attribute specified"));
    return 0;
}

static int check_kind(struct arena *arena, const struct ddb_node *node, struct str *out_message)
{
    if (node->type == DDB_NODE_OR)
        return refuse_operator(arena, STR("OR"), out_message);
    if (node->type == DDB_NODE_NOT)
        return refuse_operator(arena, STR("NOT"), out_message);
    if (node->type == DDB_NODE_IN)
        return refuse_operator(arena, STR("IN"), out_message);
    if (node->type == DDB_NODE_COMPARE && node->operator_ == DDB_NE)
        return refuse_operator(arena, STR("<>"), out_message);
    if (node->type == DDB_NODE_FUNCTION && node->function != DDB_BEGINS_WITH)
        return refuse_operator(arena, node->text, out_message);
    if (node->type != DDB_NODE_COMPARE && node->args[0]->type != DDB_NODE_PATH)
        return refuse(
            out_message,
            str_format(arena,
                       "Invalid condition in KeyConditionExpression: " STR_FMT
                       " operator must have the key attribute as its first operand",
                       STR_ARG(node->type == DDB_NODE_BETWEEN ? STR("BETWEEN") : node->text)));
    return 0;
}

static int add_condition(const struct ddb_node *node, struct ddb_key_conditions *out,
                         struct str *out_message)
{
    const struct str name = node->args[0]->path.steps[0].name;
    for (size_t i = 0; i < out->count; i++)
        if (str_eq(out->items[i].name, name))
            return refuse(out_message, STR("KeyConditionExpressions must only contain one "
                                           "condition per key"));
    if (out->count == ARRAY_LEN(out->items))
        return refuse(out_message, STR("Conditions can be of length 1 or 2 only"));
    out->items[out->count++] = (struct ddb_key_condition){.name = name, .node = node};
    return 0;
}

static int read_node(struct arena *arena, const struct ddb_node *node,
                     struct ddb_key_conditions *out, struct str *out_message)
{
    size_t at = 0;
    int rc = 0;
    if (node->type == DDB_NODE_AND) {
        for (size_t i = 0; rc == 0 && i < node->arg_count; i++)
            rc = read_node(arena, node->args[i], out, out_message);
        return rc;
    }
    rc = check_kind(arena, node, out_message);
    if (rc == 0)
        rc = check_operands(node, &at, out_message);
    if (rc < 0)
        return rc;
    return add_condition(at == 0 ? node : turn_around(arena, node), out, out_message);
}

int ddb_key_conditions_read(struct arena *arena, const struct ddb_node *node,
                            struct ddb_key_conditions *out, struct str *out_message)
{
    *out = (struct ddb_key_conditions){0};
    return read_node(arena, node, out, out_message);
}

int ddb_key_conditions_read_legacy(struct arena *arena,
                                   const struct dynamodb_key_conditions *conditions,
                                   struct ddb_key_conditions *out, struct str *out_message)
{
    struct dynamodb_filter_condition_map filter = {.count = conditions->count};
    struct ddb_node *all = NULL;
    *out = (struct ddb_key_conditions){0};
    if (conditions->count == 0 || conditions->count > ARRAY_LEN(out->items))
        return refuse(out_message, STR("Conditions can be of length 1 or 2 only"));
    filter.items = arena_alloc_array(arena, filter.count, sizeof(*filter.items));
    for (size_t i = 0; i < filter.count; i++) {
        filter.items[i].key = conditions->items[i].key;
        filter.items[i].value = conditions->items[i].value;
    }
    int rc = ddb_filter_condition(arena, &filter, (struct str){0}, &all, out_message);
    for (size_t i = 0; rc == 0 && i < all->arg_count; i++) {
        const struct ddb_node *node = all->args[i];
        const bool is_function = node->type == DDB_NODE_FUNCTION;
        if (node->type == DDB_NODE_NOT || node->type == DDB_NODE_IN ||
            (node->type == DDB_NODE_COMPARE && node->operator_ == DDB_NE) ||
            (is_function && node->function != DDB_BEGINS_WITH))
            return refuse(out_message, STR("Attempted conditional constraint is not an indexable "
                                           "operation"));
        rc = add_condition(node, out, out_message);
    }
    return rc;
}

/* ---- bytes ---- */

static const struct ddb_key_condition *find_condition(const struct ddb_key_conditions *conditions,
                                                      struct str name)
{
    for (size_t i = 0; i < conditions->count; i++)
        if (str_eq(conditions->items[i].name, name))
            return &conditions->items[i];
    return NULL;
}

static bool is_equality(const struct ddb_key_condition *condition)
{
    return condition->node->type == DDB_NODE_COMPARE && condition->node->operator_ == DDB_EQ;
}

static int check_types(struct arena *arena, const struct ddb_key_condition *condition,
                       enum ddb_type type, struct str *out_message)
{
    for (size_t i = 1; i < condition->node->arg_count; i++) {
        const struct ddb_value *value = &condition->node->args[i]->value;
        if (value->type != type)
            return refuse(out_message, STR("One or more parameter values were invalid: Condition "
                                           "parameter type does not match schema type"));
        if (type != DDB_N && value->text.len == 0)
            return refuse(out_message,
                          str_format(arena,
                                     "One or more parameter values are not valid. The "
                                     "AttributeValue for a key attribute cannot contain an empty "
                                     "%s value. Key: " STR_FMT,
                                     type == DDB_S ? "string" : "binary",
                                     STR_ARG(condition->name)));
    }
    return 0;
}

static int missed(struct arena *arena, struct str name, struct str *out_message)
{
    return refuse(
        out_message,
        str_format(arena, "Query condition missed key schema element: " STR_FMT, STR_ARG(name)));
}

/* The first bytes that do not begin with these, or absent when there are none. */
static struct str successor(struct arena *arena, struct str bytes)
{
    while (bytes.len > 0 && (unsigned char)bytes.ptr[bytes.len - 1] == 0xFF)
        bytes.len--;
    if (bytes.len == 0)
        return (struct str){0};
    char *copy = arena_alloc_text(arena, bytes.len);
    for (size_t i = 0; i < bytes.len; i++)
        copy[i] = bytes.ptr[i];
    copy[bytes.len - 1] = (char)((unsigned char)copy[bytes.len - 1] + 1);
    return str_of(copy, bytes.len);
}

struct bounds {
    struct arena *arena;
    struct str prefix; /* bytes of the attributes that have "=" */
    bool is_part;      /* the range has several attributes */
};

static struct str encode(const struct bounds *bounds, const struct ddb_value *value)
{
    enum { VALUE_KEY_MAX = 1 << 20 };
    struct buf bytes;
    buf_init(&bytes, bounds->arena, VALUE_KEY_MAX);
    buf_append(&bytes, bounds->prefix);
    ddb_key_append(&bytes, value, bounds->is_part);
    return buf_str(&bytes);
}

/* The first bytes behind the key itself: of several attributes more may follow. */
static struct str behind(const struct bounds *bounds, const struct ddb_value *value)
{
    const struct str key = encode(bounds, value);
    return bounds->is_part ? successor(bounds->arena, key)
                           : str_concat(bounds->arena, key, str_of("\0", 1));
}

/* An encoded part without its end (00 01), so that longer ones begin with it. */
static struct str encode_beginning(const struct bounds *bounds, const struct ddb_value *value)
{
    enum { PART_END_BYTES = 2 };
    const struct str key = encode(bounds, value);
    return bounds->is_part ? str_slice(key, 0, key.len - PART_END_BYTES) : key;
}

static void bound(const struct bounds *bounds, const struct ddb_node *node, struct ddb_range *out)
{
    const struct ddb_value *value = &node->args[1]->value;
    if (node->type == DDB_NODE_FUNCTION) {
        out->low = encode_beginning(bounds, value);
        out->high = successor(bounds->arena, out->low);
        return;
    }
    if (node->type == DDB_NODE_BETWEEN) {
        out->low = encode(bounds, value);
        out->high = behind(bounds, &node->args[2]->value);
        return;
    }
    if (node->operator_ == DDB_EQ || node->operator_ == DDB_GE)
        out->low = encode(bounds, value);
    if (node->operator_ == DDB_GT)
        out->low = behind(bounds, value);
    if (node->operator_ == DDB_EQ || node->operator_ == DDB_LE)
        out->high = behind(bounds, value);
    if (node->operator_ == DDB_LT)
        out->high = encode(bounds, value);
}

static int apply_hash(struct arena *arena, const struct ddb_key_schema *keys,
                      const struct ddb_key_conditions *conditions, struct ddb_range *out,
                      struct str *out_message)
{
    enum { HASH_KEY_MAX = 1 << 20 };
    struct buf bytes;
    buf_init(&bytes, arena, HASH_KEY_MAX);
    for (size_t i = 0; i < keys->hash_count; i++) {
        const struct ddb_key_condition *condition = find_condition(conditions, keys->hash[i].name);
        if (!condition)
            return missed(arena, keys->hash[i].name, out_message);
        int rc = check_types(arena, condition, keys->hash[i].type, out_message);
        if (rc < 0)
            return rc;
        if (!is_equality(condition))
            return refuse(out_message, STR("Query key condition not supported"));
        ddb_key_append(&bytes, &condition->node->args[1]->value, keys->hash_count > 1);
    }
    out->hash = ddb_key_with_bucket(arena, buf_str(&bytes));
    return 0;
}

int ddb_key_conditions_apply(struct arena *arena, const struct ddb_key_schema *keys,
                             const struct ddb_key_conditions *conditions, struct ddb_range *out,
                             struct str *out_message)
{
    struct bounds bounds = {.arena = arena, .prefix = STR(""), .is_part = keys->range_count > 1};
    size_t used = keys->hash_count;
    if (keys->range_count == 0 && conditions->count > keys->hash_count)
        return refuse(out_message, STR("Query key condition not supported"));
    int rc = apply_hash(arena, keys, conditions, out, out_message);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < keys->range_count && used < conditions->count; i++, used++) {
        const struct ddb_key_condition *condition = find_condition(conditions, keys->range[i].name);
        if (!condition)
            return missed(arena, keys->range[i].name, out_message);
        rc = check_types(arena, condition, keys->range[i].type, out_message);
        if (rc < 0)
            return rc;
        if (used + 1 < conditions->count && !is_equality(condition))
            return refuse(out_message, STR("Query key condition not supported"));
        out->low = bounds.prefix;
        out->high = successor(arena, bounds.prefix);
        bound(&bounds, condition->node, out);
        bounds.prefix = encode(&bounds, &condition->node->args[1]->value);
    }
    return used < conditions->count ? refuse(out_message, STR("Query key condition not supported"))
                                    : 0;
}
