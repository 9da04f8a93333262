/* expression_test.c — expressions over items written as short texts: results and messages.
 *
 * Messages are those that AWS gives (see expression_check.c and parser.c for their sources). Items
 * are built from a small language: see item_of.
 */
#include "service/dynamodb/expression.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/arena.h"
#include "syntax/json.h"

/* JSON to values: numbers are N, strings S, arrays L, objects M, null NULL, booleans BOOL; an
 * object with the one member "SS" or "NS" is a set. */
static struct ddb_value value_of(struct arena *arena, const struct json *json)
{
    struct ddb_value value = {0};
    const struct json *set = json_find_cstr(json, "SS");
    const bool is_number_set = !set && (set = json_find_cstr(json, "NS")) != NULL;
    if (set && set->kind == JSON_ARRAY) {
        value.type = is_number_set ? DDB_NS : DDB_SS;
        value.count = (uint32_t)set->count;
        value.items = arena_alloc_array(arena, set->count, sizeof(*value.items));
        uint32_t i = 0;
        for (const struct json *child = set->first; child; child = child->next)
            value.items[i++] = ddb_text_value(is_number_set ? DDB_N : DDB_S, child->text);
        return value;
    }
    switch (json->kind) {
    case JSON_NULL:
        value.type = DDB_NULL;
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        value.type = DDB_BOOL;
        value.is_true = json->kind == JSON_TRUE;
        break;
    case JSON_NUMBER:
        value = ddb_text_value(DDB_N, json->text);
        break;
    case JSON_STRING:
        value = ddb_text_value(DDB_S, json->text);
        break;
    case JSON_ARRAY:
        value.type = DDB_L;
        value.count = (uint32_t)json->count;
        value.items = arena_alloc_array(arena, json->count, sizeof(*value.items));
        uint32_t i = 0;
        for (const struct json *child = json->first; child; child = child->next)
            value.items[i++] = value_of(arena, child);
        break;
    case JSON_OBJECT:
        value.type = DDB_M;
        for (const struct json *child = json->first; child; child = child->next) {
            const struct ddb_value member = value_of(arena, child);
            ddb_map_set(arena, &value, child->key, &member);
        }
        break;
    }
    return value;
}

static struct ddb_value item_of(struct arena *arena, const char *text)
{
    struct json *json = NULL;
    assert_int_equal(json_parse(arena, str_from_cstr(text), 0, &json, NULL), 0);
    return value_of(arena, json);
}

static struct str text_of(struct arena *arena, const struct ddb_value *value)
{
    struct buf out;
    buf_init(&out, arena, 1 << 16);
    if (value->type <= DDB_B)
        buf_append(&out, value->text);
    else if (value->type == DDB_BOOL || value->type == DDB_NULL)
        buf_append(&out, ddb_type_name(value->type));
    else
        buf_append_char(&out, '(');
    for (uint32_t i = 0; i < value->count; i++) {
        if (i > 0)
            buf_append_char(&out, ' ');
        if (value->type == DDB_M)
            buf_append_format(&out, STR_FMT "=", STR_ARG(value->items[i].name));
        buf_append(&out, text_of(arena, &value->items[i]));
    }
    if (value->type > DDB_B && value->type <= DDB_L)
        buf_append_char(&out, ')');
    return buf_str(&out);
}

/* Placeholders of all tests: their values, and #n for "name", #a for "a". */
static const char placeholders[] =
    "{\":one\": 1, \":two\": 2, \":s\": \"abc\", \":b\": \"b\", \":t\": \"S\", \":x\": \"XX\", "
    "\":l\": [9], \":ss\": {\"SS\": [\"b\"]}, \":ns\": {\"NS\": [\"2\"]}, \":true\": true}";

static struct ddb_expressions context(struct arena *arena)
{
    static const struct dynamodb_expression_attribute_name_map_entry entries[] = {
        {STR_INIT("#n"), STR_INIT("name")},
        {STR_INIT("#a"), STR_INIT("a")},
    };
    struct dynamodb_expression_attribute_name_map *names = arena_alloc(arena, sizeof(*names));
    names->items = arena_alloc_array(arena, ARRAY_LEN(entries), sizeof(*names->items));
    for (size_t i = 0; i < ARRAY_LEN(entries); i++)
        names->items[i] = entries[i];
    names->count = ARRAY_LEN(entries);
    struct ddb_expressions expressions = {.arena = arena, .names = names};
    expressions.name_is_used = arena_alloc_array(arena, names->count, sizeof(bool));
    expressions.values = item_of(arena, placeholders);
    expressions.value_is_used = arena_alloc_array(arena, expressions.values.count, sizeof(bool));
    return expressions;
}

static void conditions_are_true_or_false(void **state)
{
    (void)state;
    static const char item_text[] =
        "{\"a\": 1, \"name\": \"abcdef\", \"l\": [1, \"b\", [2]], \"m\": {\"k\": {\"d\": 5}}, "
        "\"ss\": {\"SS\": [\"a\", \"b\"]}, \"n\": null, \"t\": true}";
    static const struct {
        const char *text;
        bool result;
    } cases[] = {
        {"a = :one", true},
        {"a = :two", false},
        {"a <> :two", true},
        {"absent <> :two", true},
        {"absent = :two", false},
        {"NOT a = :two", true},
        {"a < :two AND a >= :one", true},
        {"a > :two OR a <= :one", true},
        {"a = :two OR a = :one AND a = :two", false},
        {"(a = :two OR a = :one) AND a = :one", true},
        {"a BETWEEN :one AND :two", true},
        {"a IN (:two, :one)", true},
        {"a IN (:two, :s)", false},
        {"attribute_exists(m.k.d)", true},
        {"attribute_exists(m.k.e)", false},
        {"attribute_not_exists(l[5])", true},
        {"attribute_type(#n, :t)", true},
        {"begins_with(#n, :s)", true},
        {"begins_with(a, :s)", false},
        {"contains(#n, :b)", true},
        {"contains(ss, :b)", true},
        {"contains(l, :b)", true},
        {"contains(l, :two)", false},
        {"size(#n) > :two", true},
        {"size(l) = size(absent)", false},
        {"size(ss) = :two", true},
        {"l[2][0] = :two", true},
        {"(a) = (:one)", true},
        {"a<:two", true},
        {"#n < :one", false},
        {"n = :one", false},
        {"a between :one and :two aNd not a = :two", true},
    };
    AUTO(arena) struct arena *arena = arena_new();
    const struct ddb_value item = item_of(arena, item_text);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct ddb_expressions expressions = context(arena);
        struct ddb_node *node = NULL;
        int rc = ddb_parse_condition(&expressions, "ConditionExpression",
                                     str_from_cstr(cases[i].text), &node);
        if (rc < 0)
            fail_msg("%s: %s", cases[i].text, str_to_cstr(arena, expressions.message));
        if (ddb_evaluate(node, &item) != cases[i].result)
            fail_msg("%s is not %d", cases[i].text, cases[i].result);
    }
}

static void wrong_conditions_say_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *message;
    } cases[] = {
        {"", "The expression can not be empty;"},
        {"foo", "Syntax error; token: \"<EOF>\", near: \"foo\""},
        {"a-b", "Syntax error; token: \"-\", near: \"a-b\""},
        {"a = ", "Syntax error; token: \"<EOF>\", near: \"=\""},
        {"!!", "Syntax error; token: \"!\", near: \"!!\""},
        {"a = :one)", "Syntax error; token: \")\", near: \":one)\""},
        {"a = :one AND b", "Syntax error; token: \"<EOF>\", near: \"b\""},
        {"(a = :one AND b)", "Syntax error; token: \")\", near: \"b)\""},
        {"_a = :one", "Syntax error; token: \"_\", near: \"_a\""},
        {"((a = :one))", "The expression has redundant parentheses;"},
        {"((a) = :one)", NULL},
        {"nope(a)", "Invalid function name; function: nope"},
        {"size(a)",
         "The function is not allowed to be used this way in an expression; function: size"},
        {"attribute_exists(a) = :one", "The function is not allowed to be used this way in an "
                                       "expression; function: attribute_exists"},
        {"status = :one", "Attribute name is a reserved keyword; reserved keyword: status"},
        {"#zz = :one", "An expression attribute name used in the document path is not defined; "
                       "attribute name: #zz"},
        {"a = :zz", "An expression attribute value used in expression is not defined; attribute "
                    "value: :zz"},
        {"size(a, b) = :one", "Incorrect number of operands for operator or function; operator or "
                              "function: size, number of operands: 2"},
        {"a = #a", "The first operand must be distinct from the remaining operands for this "
                   "operator or function; operator: =, first operand: [a]"},
        {"attribute_exists(:one)",
         "Operator or function requires a document path; operator or function: attribute_exists"},
        {"begins_with(a, :one)", "Incorrect operand type for operator or function; operator or "
                                 "function: begins_with, operand type: N"},
        {"attribute_type(a, b)", "Incorrect operand type for operator or function; operator or "
                                 "function: attribute_type, operand type: "
                                 "{NS,SS,L,BS,N,M,B,BOOL,NULL,S}"},
        {"attribute_type(a, :x)", "Invalid attribute type name found; type: XX, valid types: "
                                  "{B,NULL,SS,BOOL,L,BS,N,NS,S,M}"},
        {"a < :true", "Incorrect operand type for operator or function; operator or function: <, "
                      "operand type: BOOL"},
        {"a BETWEEN :two AND :one",
         "The BETWEEN operator requires upper bound to be greater than or equal to lower bound; "
         "lower bound operand: AttributeValue: {N:2}, upper bound operand: AttributeValue: {N:1}"},
        {"a BETWEEN :two AND :s",
         "The BETWEEN operator requires same data type for lower and upper bounds; lower bound "
         "operand: AttributeValue: {N:2}, upper bound operand: AttributeValue: {S:abc}"},
    };
    AUTO(arena) struct arena *arena = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct ddb_expressions expressions = context(arena);
        struct ddb_node *node = NULL;
        int rc = ddb_parse_condition(&expressions, "FilterExpression", str_from_cstr(cases[i].text),
                                     &node);
        if (!cases[i].message) {
            assert_int_equal(rc, 0);
            continue;
        }
        assert_true(rc < 0);
        const char *message = str_to_cstr(arena, expressions.message);
        assert_string_equal(
            message, str_format(arena, "Invalid FilterExpression: %s", cases[i].message).ptr);
    }
}

static void updates_change_items(void **state)
{
    (void)state;
    static const char item_text[] = "{\"a\": 1, \"l\": [1, 2, 3], \"m\": {\"k\": 5}, "
                                    "\"ss\": {\"SS\": [\"a\", \"b\"]}}";
    static const struct {
        const char *text;
        const char *result; /* the item, or "!" and the message */
    } cases[] = {
        {"SET a = :two", "(a=2 l=(1 2 3) m=(k=5) ss=(a b))"},
        {"SET b = a + :two", "(a=1 b=3 l=(1 2 3) m=(k=5) ss=(a b))"},
        {"SET b = (a - :two)", "(a=1 b=-1 l=(1 2 3) m=(k=5) ss=(a b))"},
        {"SET a = :two, b = a", "(a=2 b=1 l=(1 2 3) m=(k=5) ss=(a b))"},
        {"SET c = if_not_exists(c, :one)", "(a=1 c=1 l=(1 2 3) m=(k=5) ss=(a b))"},
        {"SET a = if_not_exists(a, :two) + :one", "(a=2 l=(1 2 3) m=(k=5) ss=(a b))"},
        {"SET l = list_append(l, :l)", "(a=1 l=(1 2 3 9) m=(k=5) ss=(a b))"},
        {"SET l[1] = :s, l[9] = :one, l[7] = :two", "(a=1 l=(1 abc 3 2 1) m=(k=5) ss=(a b))"},
        {"REMOVE l[0], l[2]", "(a=1 l=(2) m=(k=5) ss=(a b))"},
        {"SET l[1] = :s REMOVE l[0]", "(a=1 l=(abc 3) m=(k=5) ss=(a b))"},
        {"REMOVE a, m.k, nothing", "(l=(1 2 3) m=() ss=(a b))"},
        {"ADD a :two, d :one, e :ss", "(a=3 d=1 e=(b) l=(1 2 3) m=(k=5) ss=(a b))"},
        {"ADD m.k :two", "(a=1 l=(1 2 3) m=(k=7) ss=(a b))"},
        {"DELETE ss :ss", "(a=1 l=(1 2 3) m=(k=5) ss=(a))"},
        {"set m.#n = :s remove a", "(l=(1 2 3) m=(k=5 name=abc) ss=(a b))"},
        {"SET z.y = :one",
         "!The document path provided in the update expression is invalid for update"},
        {"SET a = zz",
         "!The provided expression refers to an attribute that does not exist in the item"},
        {"SET a = m + :one", "!An operand in the update expression has an incorrect data type"},
        {"ADD m :one", "!An operand in the update expression has an incorrect data type"},
        {"DELETE a :ss", "!An operand in the update expression has an incorrect data type"},
    };
    AUTO(arena) struct arena *arena = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct ddb_expressions expressions = context(arena);
        struct ddb_value item = item_of(arena, item_text);
        struct ddb_update update;
        struct str message = {0};
        int rc = ddb_parse_update(&expressions, str_from_cstr(cases[i].text), &update);
        if (rc < 0)
            fail_msg("%s: %s", cases[i].text, str_to_cstr(arena, expressions.message));
        rc = ddb_apply_update(arena, &update, &item, &message);
        const struct str result =
            rc < 0 ? str_concat(arena, STR("!"), message) : text_of(arena, &item);
        assert_string_equal(str_to_cstr(arena, result), cases[i].result);
    }
}

static void wrong_updates_say_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *message;
    } cases[] = {
        {"INVALID SYNTAX HERE", "Syntax error; token: \"INVALID\", near: \"INVALID SYNTAX\""},
        {"SET a = hits : incr", "Syntax error; token: \":\", near: \"hits : incr\""},
        {"SET a", "Syntax error; token: \"<EOF>\", near: \"a\""},
        {"SET a = :one SET b = :one",
         "The \"SET\" section can only be used once in an update expression;"},
        {"SET a = :one, a.b = :two",
         "Two document paths overlap with each other; must remove or rewrite one of these paths; "
         "path one: [a], path two: [a, b]"},
        {"SET a[0] = :one REMOVE a.b",
         "Two document paths conflict with each other; must remove or rewrite one of these paths; "
         "path one: [a, [0]], path two: [a, b]"},
        {"ADD a :s", "Incorrect operand type for operator or function; operator: ADD, operand "
                     "type: STRING"},
        {"DELETE a :one", "Incorrect operand type for operator or function; operator: DELETE, "
                          "operand type: NUMBER"},
        {"SET a = list_append(:s, b)", "Incorrect operand type for operator or function; operator "
                                       "or function: list_append, operand type: S"},
        {"SET a = b + :s", "Incorrect operand type for operator or function; operator or function: "
                           "+, operand type: S"},
        {"SET a = size(b)", "Invalid function name; function: size"},
        {"SET a = if_not_exists(b)", "Incorrect number of operands for operator or function; "
                                     "operator or function: if_not_exists, number of operands: 1"},
        {"SET #zz = :one", "An expression attribute name used in the document path is not defined; "
                           "attribute name: #zz"},
        {"SET name = :one", "Attribute name is a reserved keyword; reserved keyword: name"},
    };
    AUTO(arena) struct arena *arena = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct ddb_expressions expressions = context(arena);
        struct ddb_update update;
        assert_true(ddb_parse_update(&expressions, str_from_cstr(cases[i].text), &update) < 0);
        assert_string_equal(
            str_to_cstr(arena, expressions.message),
            str_format(arena, "Invalid UpdateExpression: %s", cases[i].message).ptr);
    }
}

static void projections_select_parts(void **state)
{
    (void)state;
    static const char item_text[] = "{\"a\": 1, \"b\": 2, \"l\": [1, {\"x\": 5, \"y\": 6}, 3], "
                                    "\"m\": {\"k\": {\"d\": 5, \"e\": 6}, \"o\": 1}}";
    static const struct {
        const char *text;
        const char *result;
    } cases[] = {
        {"a", "(a=1)"},
        {"b, a, zz", "(a=1 b=2)"},
        {"m.k.d", "(m=(k=(d=5)))"},
        {"m.o, m.k.e", "(m=(k=(e=6) o=1))"},
        {"l[2], l[0]", "(l=(1 3))"},
        {"l[1].y, l[1].x", "(l=((x=5 y=6)))"},
        {"m.zz, l[7]", "()"},
        {"a.b", "()"},
    };
    AUTO(arena) struct arena *arena = arena_new();
    const struct ddb_value item = item_of(arena, item_text);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct ddb_expressions expressions = context(arena);
        struct ddb_paths paths;
        assert_int_equal(ddb_parse_projection(&expressions, str_from_cstr(cases[i].text), &paths),
                         0);
        const struct ddb_value part = ddb_project(arena, &item, &paths);
        assert_string_equal(str_to_cstr(arena, text_of(arena, &part)), cases[i].result);
    }
}

static void every_placeholder_must_be_used(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct ddb_expressions expressions = context(arena);
    struct ddb_node *node = NULL;
    assert_int_equal(ddb_parse_condition(&expressions, "ConditionExpression",
                                         STR("#n = :one AND #a = :two"), &node),
                     0);
    assert_true(ddb_expressions_finish(&expressions) < 0);
    assert_string_equal(str_to_cstr(arena, expressions.message),
                        "Value provided in ExpressionAttributeValues unused in expressions: keys: "
                        "{:b, :l, :ns, :s, :ss, :t, :true, :x}");
}

static void deep_nesting_ends_in_an_error(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct buf text;
    buf_init(&text, arena, DDB_EXPRESSION_MAX);
    while (!text.is_full)
        buf_append_char(&text, '(');
    struct ddb_expressions expressions = context(arena);
    struct ddb_node *node = NULL;
    assert_true(ddb_parse_condition(&expressions, "ConditionExpression", buf_str(&text), &node) <
                0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conditions_are_true_or_false),
        cmocka_unit_test(wrong_conditions_say_what_is_wrong),
        cmocka_unit_test(updates_change_items),
        cmocka_unit_test(wrong_updates_say_what_is_wrong),
        cmocka_unit_test(projections_select_parts),
        cmocka_unit_test(every_placeholder_must_be_used),
        cmocka_unit_test(deep_nesting_ends_in_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
