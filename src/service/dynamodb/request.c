/* request.c — what requests on items have in common: which parameters go together, and the legacy
 * parameters, which become the same trees as expressions.
 *
 * OBSERVED: texts as recorded by the tests of dynalite.
 * AWS: "Legacy conditional parameters" (developer guide).
 */
#include <errno.h>

#include "base/arena.h"
#include "base/vec.h"
#include "service/dynamodb/item.h"

enum {
    LIST_TEXT_MAX = 4096, /* of parameter names */
};

static int refuse(struct str *out_message, struct str text)
{
    *out_message = text;
    return -EINVAL;
}

/* ---- which go together ---- */

static void add_name(struct buf *list, bool is_there, const char *name)
{
    if (!is_there)
        return;
    if (list->len > 0)
        buf_append(list, STR(", "));
    buf_append_cstr(list, name);
}

static bool is_given(const struct ddb_parameters *p, const char *name)
{
    const struct {
        const char *name;
        struct str text;
    } texts[] = {
        {"UpdateExpression", p->update},
        {"ConditionExpression", p->condition},
        {"FilterExpression", p->filter},
        {"KeyConditionExpression", p->key_condition},
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (str_eq_cstr(str_from_cstr(name), texts[i].name))
            return str_is_set(texts[i].text);
    return false;
}

static int check_values(struct arena *arena, const struct ddb_parameters *p,
                        struct str *out_message)
{
    struct buf list;
    if (!p->values || !p->values->is_set || p->value_user_count == 0)
        return 0;
    buf_init(&list, arena, LIST_TEXT_MAX);
    for (size_t i = 0; i < p->value_user_count; i++) {
        if (is_given(p, p->value_users[i]))
            return 0;
        if (i > 0)
            buf_append(&list, STR(" and "));
        buf_append_cstr(&list, p->value_users[i]);
    }
    return refuse(out_message,
                  str_format(arena,
                             "ExpressionAttributeValues can only be specified when using "
                             "expressions: " STR_FMT " %s null",
                             STR_ARG(buf_str(&list)), p->value_user_count > 1 ? "are" : "is"));
}

int ddb_check_parameters(struct arena *arena, const struct ddb_parameters *p,
                         struct str *out_message)
{
    struct buf expressions;
    struct buf others;
    buf_init(&expressions, arena, LIST_TEXT_MAX);
    buf_init(&others, arena, LIST_TEXT_MAX);
    add_name(&expressions, str_is_set(p->projection), "ProjectionExpression");
    add_name(&expressions, str_is_set(p->update), "UpdateExpression");
    add_name(&expressions, str_is_set(p->condition), "ConditionExpression");
    add_name(&expressions, str_is_set(p->filter), "FilterExpression");
    add_name(&expressions, str_is_set(p->key_condition), "KeyConditionExpression");
    if (expressions.len > 0) {
        add_name(&others, p->has_attributes_to_get, "AttributesToGet");
        add_name(&others, p->has_attribute_updates, "AttributeUpdates");
        add_name(&others, p->has_query_filter, "QueryFilter");
        add_name(&others, p->has_scan_filter, "ScanFilter");
        add_name(&others, p->has_expected, "Expected");
        add_name(&others, p->has_conditional_operator, "ConditionalOperator");
        /* KeyConditions go with expressions for everything but the key. */
        add_name(&others, p->has_key_conditions && str_is_set(p->key_condition), "KeyConditions");
        if (others.len > 0)
            return refuse(out_message,
                          str_format(arena,
                                     "Can not use both expression and non-expression parameters in "
                                     "the same request: Non-expression parameters: {" STR_FMT
                                     "} Expression parameters: {" STR_FMT "}",
                                     STR_ARG(buf_str(&others)), STR_ARG(buf_str(&expressions))));
    } else if (p->names && p->names->is_set) {
        return refuse(out_message, STR("ExpressionAttributeNames can only be specified when using "
                                       "expressions"));
    }
    return check_values(arena, p, out_message);
}

/* ---- legacy conditions ---- */

enum {
    TYPES_SCALAR = 1 << DDB_S | 1 << DDB_N | 1 << DDB_B,
    TYPES_SETS = 1 << DDB_SS | 1 << DDB_NS | 1 << DDB_BS,
    TYPES_TEXT = 1 << DDB_S | 1 << DDB_B,
    TYPES_DOCUMENT = 1 << DDB_L | 1 << DDB_M,
    TYPES_SINGLE = 1 << DDB_NULL | 1 << DDB_BOOL,
    TYPES_ALL = TYPES_SCALAR | TYPES_SETS | TYPES_DOCUMENT | TYPES_SINGLE,
    ANY_NUMBER = -1, /* of arguments, but one at least */
};

static const struct legacy_operator {
    struct str name;
    int arguments;
    int types;
    enum ddb_node_type node;
    enum ddb_operator operator_;
    enum ddb_function function;
    bool is_negated;
} legacy_operators[] = {
    {STR_INIT("EQ"), 1, TYPES_ALL, DDB_NODE_COMPARE, DDB_EQ, 0, false},
    {STR_INIT("NE"), 1, TYPES_ALL, DDB_NODE_COMPARE, DDB_NE, 0, false},
    {STR_INIT("LE"), 1, TYPES_SCALAR, DDB_NODE_COMPARE, DDB_LE, 0, false},
    {STR_INIT("LT"), 1, TYPES_SCALAR, DDB_NODE_COMPARE, DDB_LT, 0, false},
    {STR_INIT("GE"), 1, TYPES_SCALAR, DDB_NODE_COMPARE, DDB_GE, 0, false},
    {STR_INIT("GT"), 1, TYPES_SCALAR, DDB_NODE_COMPARE, DDB_GT, 0, false},
    {STR_INIT("NOT_NULL"), 0, 0, DDB_NODE_FUNCTION, 0, DDB_ATTRIBUTE_EXISTS, false},
    {STR_INIT("NULL"), 0, 0, DDB_NODE_FUNCTION, 0, DDB_ATTRIBUTE_NOT_EXISTS, false},
    {STR_INIT("CONTAINS"), 1, TYPES_SCALAR | TYPES_SINGLE, DDB_NODE_FUNCTION, 0, DDB_CONTAINS,
     false},
    {STR_INIT("NOT_CONTAINS"), 1, TYPES_SCALAR | TYPES_SINGLE, DDB_NODE_FUNCTION, 0, DDB_CONTAINS,
     true},
    {STR_INIT("BEGINS_WITH"), 1, TYPES_TEXT, DDB_NODE_FUNCTION, 0, DDB_BEGINS_WITH, false},
    {STR_INIT("IN"), ANY_NUMBER, TYPES_SCALAR, DDB_NODE_IN, 0, 0, false},
    {STR_INIT("BETWEEN"), 2, TYPES_SCALAR, DDB_NODE_BETWEEN, 0, 0, false},
};

static const struct legacy_operator *find_operator(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(legacy_operators); i++)
        if (str_eq(legacy_operators[i].name, name))
            return &legacy_operators[i];
    return NULL;
}

static int check_arguments(struct arena *arena, const struct legacy_operator *operator_,
                           const struct ddb_value *values, size_t count, struct str *out_message)
{
    if (operator_->arguments == ANY_NUMBER ? count == 0 : count != (size_t)operator_->arguments)
        return refuse(out_message,
                      str_format(arena,
                                 "One or more parameter values were invalid: Invalid number of "
                                 "argument(s) for the " STR_FMT " ComparisonOperator",
                                 STR_ARG(operator_->name)));
    for (size_t i = 1; i < count; i++)
        if (values[i].type != values[0].type)
            return refuse(out_message, STR("One or more parameter values were invalid: "
                                           "AttributeValues inside AttributeValueList must be of "
                                           "same type"));
    for (size_t i = 0; i < count; i++)
        if (!(operator_->types & 1 << values[i].type))
            return refuse(out_message,
                          str_format(arena,
                                     "One or more parameter values were invalid: "
                                     "ComparisonOperator " STR_FMT " is not valid for " STR_FMT
                                     " AttributeValue type",
                                     STR_ARG(operator_->name),
                                     STR_ARG(ddb_type_name(values[i].type))));
    if (operator_->node == DDB_NODE_BETWEEN && ddb_value_compare(&values[0], &values[1]) > 0)
        return refuse(out_message, STR("The BETWEEN condition was provided a range where the lower "
                                       "bound is greater than the upper bound"));
    return 0;
}

static struct ddb_node *legacy_node(struct arena *arena, const struct legacy_operator *operator_,
                                    struct str attribute, const struct ddb_value *values,
                                    size_t count)
{
    struct ddb_node *node = ddb_node_new(arena, operator_->node, count + 1);
    node->operator_ = operator_->operator_;
    node->function = operator_->function;
    node->args[0] = ddb_node_name(arena, attribute);
    for (size_t i = 0; i < count; i++)
        node->args[i + 1] = ddb_node_value(arena, &values[i]);
    return operator_->is_negated ? ddb_node_join(arena, DDB_NODE_NOT, node, NULL) : node;
}

static int read_values(struct arena *arena, const struct dynamodb_attribute_value_list *list,
                       struct ddb_value **out, struct str *out_message)
{
    struct ddb_value *values = arena_alloc_array(arena, list->count, sizeof(*values));
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < list->count; i++)
        rc = ddb_value_from_api(arena, &list->items[i], &values[i], out_message);
    *out = values;
    return rc;
}

static int refuse_attribute(struct arena *arena, const char *text, struct str attribute,
                            struct str *out_message)
{
    return refuse(out_message, str_format(arena,
                                          "One or more parameter values were invalid: %s for "
                                          "Attribute: " STR_FMT,
                                          text, STR_ARG(attribute)));
}

/* Without ComparisonOperator: Exists and Value. */
static int expected_plain(struct arena *arena, struct str name,
                          const struct dynamodb_expected_attribute_value *in, struct ddb_node **out,
                          struct str *out_message)
{
    if (in->attribute_value_list.is_set)
        return refuse_attribute(arena,
                                "AttributeValueList can only be used with a ComparisonOperator",
                                name, out_message);
    const bool must_exist = opt_bool_or(in->exists, true);
    if (must_exist && !in->value)
        return refuse_attribute(arena,
                                in->exists.is_set ? "Value must be provided when Exists is true"
                                                  : "Value must be provided when Exists is null",
                                name, out_message);
    if (!must_exist && in->value)
        return refuse_attribute(arena, "Value cannot be used when Exists is false", name,
                                out_message);
    if (!must_exist) {
        *out = legacy_node(arena, find_operator(STR("NULL")), name, NULL, 0);
        return 0;
    }
    struct ddb_value value;
    int rc = ddb_value_from_api(arena, in->value, &value, out_message);
    if (rc == 0)
        *out = legacy_node(arena, find_operator(STR("EQ")), name, &value, 1);
    return rc;
}

static int expected_one(struct arena *arena, struct str name,
                        const struct dynamodb_expected_attribute_value *in, struct ddb_node **out,
                        struct str *out_message)
{
    if (in->attribute_value_list.is_set && in->value)
        return refuse_attribute(arena, "Value and AttributeValueList cannot be used together", name,
                                out_message);
    if (!str_is_set(in->comparison_operator))
        return expected_plain(arena, name, in, out, out_message);
    if (in->exists.is_set)
        return refuse_attribute(arena, "Exists and ComparisonOperator cannot be used together",
                                name, out_message);
    const struct legacy_operator *operator_ = find_operator(in->comparison_operator);
    CHECK(operator_ != NULL); /* the wire layer knows the enum */
    if (operator_->arguments != 0 && !in->attribute_value_list.is_set && !in->value)
        return refuse(out_message,
                      str_format(arena,
                                 "One or more parameter values were invalid: Value or "
                                 "AttributeValueList must be used with ComparisonOperator: " STR_FMT
                                 " for Attribute: " STR_FMT,
                                 STR_ARG(in->comparison_operator), STR_ARG(name)));
    struct ddb_value single;
    struct ddb_value *values = &single;
    size_t count = in->value ? 1 : in->attribute_value_list.count;
    int rc = in->value ? ddb_value_from_api(arena, in->value, &single, out_message)
                       : read_values(arena, &in->attribute_value_list, &values, out_message);
    if (rc == 0)
        rc = check_arguments(arena, operator_, values, count, out_message);
    if (rc == 0)
        *out = legacy_node(arena, operator_, name, values, count);
    return rc;
}

static struct ddb_node *chain(struct arena *arena, struct str conditional_operator, size_t count)
{
    return ddb_node_new(arena, str_eq_cstr(conditional_operator, "OR") ? DDB_NODE_OR : DDB_NODE_AND,
                        count);
}

/* AWS: ConditionalOperator needs conditions to join. */
static int check_conditional_operator(struct str conditional_operator, size_t count,
                                      struct str *out_message)
{
    if (!str_is_set(conditional_operator) || count > 1)
        return 0;
    if (count == 0)
        return refuse(out_message, STR("One or more parameter values were invalid: "
                                       "ConditionalOperator cannot be used without Filter or "
                                       "Expected"));
    return refuse(out_message, STR("One or more parameter values were invalid: "
                                   "ConditionalOperator can only be used when Filter or Expected "
                                   "has two or more elements"));
}

int ddb_expected_condition(struct arena *arena,
                           const struct dynamodb_expected_attribute_map *expected,
                           struct str conditional_operator, struct ddb_node **out,
                           struct str *out_message)
{
    *out = NULL;
    int rc = check_conditional_operator(conditional_operator, expected->count, out_message);
    if (rc < 0 || expected->count == 0)
        return rc;
    struct ddb_node *all = chain(arena, conditional_operator, expected->count);
    for (size_t i = 0; rc == 0 && i < expected->count; i++)
        rc = expected_one(arena, expected->items[i].key, &expected->items[i].value, &all->args[i],
                          out_message);
    *out = all;
    return rc;
}

int ddb_filter_condition(struct arena *arena, const struct dynamodb_filter_condition_map *filter,
                         struct str conditional_operator, struct ddb_node **out,
                         struct str *out_message)
{
    *out = NULL;
    int rc = check_conditional_operator(conditional_operator, filter->count, out_message);
    if (rc < 0 || filter->count == 0)
        return rc;
    struct ddb_node *all = chain(arena, conditional_operator, filter->count);
    for (size_t i = 0; i < filter->count; i++) {
        const struct dynamodb_condition *condition = &filter->items[i].value;
        const struct legacy_operator *operator_ = find_operator(condition->comparison_operator);
        struct ddb_value *values = NULL;
        CHECK(operator_ != NULL);
        rc = read_values(arena, &condition->attribute_value_list, &values, out_message);
        if (rc == 0)
            rc = check_arguments(arena, operator_, values, condition->attribute_value_list.count,
                                 out_message);
        if (rc < 0)
            return rc;
        all->args[i] = legacy_node(arena, operator_, filter->items[i].key, values,
                                   condition->attribute_value_list.count);
    }
    *out = all;
    return 0;
}

/* ---- legacy updates and projections ---- */

static int update_one(struct arena *arena, const struct dynamodb_attribute_updates_entry *in,
                      struct ddb_action *out, struct str *out_message)
{
    const bool is_delete = str_eq_cstr(in->value.action, "DELETE");
    const bool is_add = str_eq_cstr(in->value.action, "ADD");
    struct ddb_value value = {0};
    *out = (struct ddb_action){.path = ddb_node_name(arena, in->key)->path};
    if (!in->value.value && !is_delete)
        return refuse(out_message, STR("One or more parameter values were invalid: Only DELETE "
                                       "action is allowed when no attribute value is specified"));
    if (!in->value.value) {
        out->type = DDB_REMOVE;
        return 0;
    }
    int rc = ddb_value_from_api(arena, in->value.value, &value, out_message);
    if (rc < 0)
        return rc;
    if (is_delete && !ddb_is_set(value.type))
        return refuse(out_message,
                      str_format(arena,
                                 "One or more parameter values were invalid: DELETE "
                                 "action with value is not supported for the type " STR_FMT,
                                 STR_ARG(ddb_type_name(value.type))));
    if (is_add && !ddb_is_set(value.type) && value.type != DDB_L && value.type != DDB_N)
        return refuse(out_message, str_format(arena,
                                              "One or more parameter values were invalid: ADD "
                                              "action is not supported for the type " STR_FMT,
                                              STR_ARG(ddb_type_name(value.type))));
    out->type = is_delete ? DDB_DELETE : is_add ? DDB_ADD : DDB_SET;
    out->value = ddb_node_value(arena, &value);
    return 0;
}

int ddb_legacy_update(struct arena *arena, const struct dynamodb_attribute_updates *updates,
                      struct ddb_update *out, struct str *out_message)
{
    struct ddb_update update = {.count = updates->count};
    update.items = arena_alloc_array(arena, updates->count, sizeof(*update.items));
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < updates->count; i++)
        rc = update_one(arena, &updates->items[i], &update.items[i], out_message);
    *out = update;
    return rc;
}

int ddb_legacy_paths(struct arena *arena, const struct dynamodb_attribute_name_list *names,
                     struct ddb_paths *out, struct str *out_message)
{
    struct ddb_paths paths = {.count = names->count};
    paths.items = arena_alloc_array(arena, names->count, sizeof(*paths.items));
    for (size_t i = 0; i < names->count; i++) {
        for (size_t j = 0; j < i; j++)
            if (str_eq(names->items[i], names->items[j]))
                return refuse(out_message,
                              str_format(arena,
                                         "One or more parameter values were invalid: Duplicate "
                                         "value in attribute name: " STR_FMT,
                                         STR_ARG(names->items[i])));
        paths.items[i] = ddb_node_name(arena, names->items[i])->path;
    }
    *out = paths;
    return 0;
}
