/* yaml_test.c — the YAML tree: types, tags, positions, aliases, merges and limits. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "syntax/json.h"
#include "syntax/yaml.h"

static void check_str(struct str actual, const char *expected)
{
    if (!str_eq_cstr(actual, expected))
        fail_msg("got '" STR_FMT "', wanted '%s'", STR_ARG(actual), expected);
}

static struct yaml_node *parse(struct arena *arena, struct str text)
{
    struct yaml_node *root = NULL;
    struct yaml_error error = {0};
    if (yaml_parse(arena, text, &root, &error) != 0)
        fail_msg("'" STR_FMT "': line %u column %u: " STR_FMT, STR_ARG(text), error.line,
                 error.column, STR_ARG(error.message));
    return root;
}

static struct yaml_node *find(const struct yaml_node *mapping, const char *key)
{
    struct yaml_node *node = yaml_find(mapping, str_from_cstr(key));
    if (!node)
        fail_msg("no %s", key);
    return node;
}

static void plain_scalars_have_the_types_of_yaml_1_1(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum yaml_type type;
        const char *json;
    } cases[] = {
        {"~", YAML_NULL, "null"},
        {"null", YAML_NULL, "null"},
        {"Null", YAML_NULL, "null"},
        {"NULL", YAML_NULL, "null"},
        {"nULL", YAML_STRING, "\"nULL\""},
        {"true", YAML_BOOL, "true"},
        {"True", YAML_BOOL, "true"},
        {"TRUE", YAML_BOOL, "true"},
        {"yes", YAML_BOOL, "true"},
        {"Yes", YAML_BOOL, "true"},
        {"YES", YAML_BOOL, "true"},
        {"on", YAML_BOOL, "true"},
        {"On", YAML_BOOL, "true"},
        {"ON", YAML_BOOL, "true"},
        {"false", YAML_BOOL, "false"},
        {"False", YAML_BOOL, "false"},
        {"FALSE", YAML_BOOL, "false"},
        {"no", YAML_BOOL, "false"},
        {"No", YAML_BOOL, "false"},
        {"NO", YAML_BOOL, "false"},
        {"off", YAML_BOOL, "false"},
        {"Off", YAML_BOOL, "false"},
        {"OFF", YAML_BOOL, "false"},
        {"tRue", YAML_STRING, "\"tRue\""},
        {"y", YAML_STRING, "\"y\""},
        {"N", YAML_STRING, "\"N\""},
        {"0", YAML_INT, "0"},
        {"-0", YAML_INT, "-0"},
        {"12", YAML_INT, "12"},
        {"+12", YAML_INT, "12"},
        {"-12", YAML_INT, "-12"},
        {"1_000", YAML_INT, "1000"},
        {"123456789012", YAML_INT, "123456789012"},
        {"123456789012345678901234567890", YAML_INT, "123456789012345678901234567890"},
        {"0755", YAML_INT, "493"},
        {"-010", YAML_INT, "-8"},
        {"00", YAML_INT, "0"},
        {"0b101", YAML_INT, "5"},
        {"0x1F", YAML_INT, "31"},
        {"-0xff", YAML_INT, "-255"},
        {"0xFFFFFFFFFFFFFFFFF", YAML_INT, "\"0xFFFFFFFFFFFFFFFFF\""},
        {"1:30", YAML_INT, "90"},
        {"190:20:30", YAML_INT, "685230"},
        {"1:60", YAML_STRING, "\"1:60\""},
        {"089", YAML_STRING, "\"089\""},
        {"012345678901", YAML_STRING, "\"012345678901\""},
        {"0x", YAML_STRING, "\"0x\""},
        {"0xG", YAML_STRING, "\"0xG\""},
        {"0b2", YAML_STRING, "\"0b2\""},
        {"1.0", YAML_FLOAT, "1.0"},
        {"1.10", YAML_FLOAT, "1.10"},
        {"-1.5", YAML_FLOAT, "-1.5"},
        {"+.5", YAML_FLOAT, "0.5"},
        {".5", YAML_FLOAT, "0.5"},
        {"1.", YAML_FLOAT, "1.0"},
        {"01.5", YAML_FLOAT, "1.5"},
        {"0.5", YAML_FLOAT, "0.5"},
        {"1_0.2_5", YAML_FLOAT, "10.25"},
        {"1e3", YAML_FLOAT, "1e3"},
        {"1.5e+3", YAML_FLOAT, "1.5e+3"},
        {"1.e3", YAML_FLOAT, "1.0e3"},
        {"12e45678", YAML_FLOAT, "12e45678"},
        {"1:30.5", YAML_FLOAT, "90.5"},
        {".inf", YAML_FLOAT, "\".inf\""},
        {"-.INF", YAML_FLOAT, "\"-.INF\""},
        {".nan", YAML_FLOAT, "\".nan\""},
        {"-.nan", YAML_STRING, "\"-.nan\""},
        {".", YAML_STRING, "\".\""},
        {"._", YAML_STRING, "\"._\""},
        {"1e", YAML_STRING, "\"1e\""},
        {"e3", YAML_STRING, "\"e3\""},
        {"1.2.3", YAML_STRING, "\"1.2.3\""},
        {"_1", YAML_STRING, "\"_1\""},
        {"--1", YAML_STRING, "\"--1\""},
        {"+", YAML_STRING, "\"+\""},
        {"2012-10-17", YAML_STRING, "\"2012-10-17\""},
        {"2010-09-09T00:00:00Z", YAML_STRING, "\"2010-09-09T00:00:00Z\""},
        {"arn:aws:s3:::bucket", YAML_STRING, "\"arn:aws:s3:::bucket\""},
        {"=", YAML_STRING, "\"=\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *arena = arena_new();
        const struct yaml_node *node = parse(arena, str_from_cstr(cases[i].text));
        check_str(node->text, cases[i].text);
        assert_true(node->is_plain);
        if (node->type != cases[i].type)
            fail_msg("%s: type %d, wanted %d", cases[i].text, node->type, cases[i].type);
        check_str(json_to_str(arena, yaml_to_json(arena, node)), cases[i].json);
        struct str quoted = str_format(arena, "'%s'", cases[i].text);
        node = parse(arena, quoted);
        assert_int_equal(node->type, YAML_STRING);
        assert_false(node->is_plain);
        check_str(node->text, cases[i].text);
    }
}

static void core_tags_decide_the_type(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum yaml_type type;
        const char *json;
    } cases[] = {
        {"!!str 5", YAML_STRING, "\"5\""},
        {"!!str true", YAML_STRING, "\"true\""},
        {"!!str", YAML_STRING, "\"\""},
        {"!!int \"5\"", YAML_INT, "5"},
        {"!!int x", YAML_STRING, "\"x\""},
        {"!!float 5", YAML_FLOAT, "5"},
        {"!!float '1.5'", YAML_FLOAT, "1.5"},
        {"!!bool 'yes'", YAML_BOOL, "true"},
        {"!!null ''", YAML_NULL, "null"},
        {"!!binary aGk=", YAML_STRING, "\"aGk=\""},
        {"!!timestamp 2012-10-17", YAML_STRING, "\"2012-10-17\""},
        {"!<tag:yaml.org,2002:str> 7", YAML_STRING, "\"7\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *arena = arena_new();
        const struct yaml_node *node = parse(arena, str_from_cstr(cases[i].text));
        assert_int_equal(node->type, cases[i].type);
        check_str(node->tag, "");
        check_str(json_to_str(arena, yaml_to_json(arena, node)), cases[i].json);
    }
}

static void local_tags_and_positions_are_kept(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    const struct yaml_node *root = parse(arena, STR("# a template\n"
                                                    "A: !Ref B\n"
                                                    "C: !Sub\n"
                                                    "  - '${X}'\n"
                                                    "  - X: !GetAtt Y.Z\n"
                                                    "\xC3\xA9: !If [a, b]\n"
                                                    "Cond: !Condition x\n"
                                                    "M: !Map {k: v}\n"));
    const struct yaml_node *ref = find(root, "A");
    check_str(ref->tag, "!Ref");
    check_str(ref->text, "B");
    assert_int_equal(ref->line, 2);
    assert_int_equal(ref->column, 4);
    const struct yaml_node *sub = find(root, "C");
    assert_int_equal(sub->kind, YAML_SEQUENCE);
    check_str(sub->tag, "!Sub");
    assert_int_equal(sub->count, 2);
    assert_int_equal(sub->items[0]->line, 4);
    assert_int_equal(sub->items[0]->column, 5);
    check_str(find(sub->items[1], "X")->tag, "!GetAtt");
    check_str(find(root, "\xC3\xA9")->tag, "!If");
    assert_int_equal(find(root, "\xC3\xA9")->column, 4); /* in characters */
    assert_int_equal(root->pairs[2].key->line, 6);
    assert_int_equal(root->pairs[2].key->column, 1);
    check_str(find(root, "M")->tag, "!Map");
    assert_int_equal(root->line, 2);
    check_str(root->tag, "");
    assert_null(yaml_find(root, STR("missing")));
    assert_null(yaml_find(ref, STR("A")));
    assert_null(yaml_find(NULL, STR("A")));
}

static void block_scalars_are_strings(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    const struct yaml_node *root = parse(arena, STR("a: |\n  123\n  456\nb: >-\n  x\n  y\n\n  z\n"
                                                    "c: \"\\u00e9\\n\\0\"\nd:\ne: |+\n  k\n\n"));
    check_str(find(root, "a")->text, "123\n456\n");
    assert_int_equal(find(root, "a")->type, YAML_STRING);
    assert_false(find(root, "a")->is_plain);
    check_str(find(root, "b")->text, "x y\nz");
    assert_true(str_eq(find(root, "c")->text, STR("\xC3\xA9\n\0")));
    assert_int_equal(find(root, "d")->type, YAML_NULL);
    check_str(find(root, "d")->text, "");
    check_str(find(root, "e")->text, "k\n\n");
}

static void documents_become_json(void **state)
{
    (void)state;
    static const struct {
        struct str text;
        const char *json;
    } cases[] = {
        {STR_INIT("a: 1\nb: [x, 2, null, ~]\nc: {d: yes}\n"),
         "{\"a\":1,\"b\":[\"x\",2,null,null],\"c\":{\"d\":true}}"},
        {STR_INIT("- a\n- - b\n  - c\n-\n"), "[\"a\",[\"b\",\"c\"],null]"},
        {STR_INIT("---\na: b\n...\n"), "{\"a\":\"b\"}"},
        {STR_INIT("%YAML 1.1\n---\na: b\n"), "{\"a\":\"b\"}"},
        {STR_INIT("\xEF\xBB\xBF"
                  "a: b\n"),
         "{\"a\":\"b\"}"},
        {STR_INIT("a: b\r\nc: d\r\n"), "{\"a\":\"b\",\"c\":\"d\"}"},
        {STR_INIT("1: a\ntrue: b\n? c\n: d\n"), "{\"1\":\"a\",\"true\":\"b\",\"c\":\"d\"}"},
        {STR_INIT("{}"), "{}"},
        {STR_INIT("[]"), "[]"},
        {STR_INIT("{a: b, c}"), "{\"a\":\"b\",\"c\":null}"},
        {STR_INIT("{\"a\": 'x', # comment\n b: 1}"), "{\"a\":\"x\",\"b\":1}"},
        {STR_INIT("!Sub x"), "\"x\""},
        /* aliases and merges */
        {STR_INIT("a: &x [1, 2]\nb: *x\n"), "{\"a\":[1,2],\"b\":[1,2]}"},
        {STR_INIT("a: &x k\n*x : v\n"), "{\"a\":\"k\",\"k\":\"v\"}"},
        {STR_INIT("a: &x 1\nb: &x 2\nc: *x\n"), "{\"a\":1,\"b\":2,\"c\":2}"},
        {STR_INIT("a: &x {p: 1, q: 2}\nb:\n  <<: *x\n  q: 3\n"),
         "{\"a\":{\"p\":1,\"q\":2},\"b\":{\"p\":1,\"q\":3}}"},
        {STR_INIT("b: {q: 3, <<: {p: 1, q: 2}, r: 4}"), "{\"b\":{\"q\":3,\"p\":1,\"r\":4}}"},
        {STR_INIT("<<: [{a: 1, b: 1}, {b: 2, c: 2}]\nc: 3\n"), "{\"a\":1,\"b\":1,\"c\":3}"},
        {STR_INIT("<<: {a: 1}\n<<: {a: 2, b: 2}\n"), "{\"a\":1,\"b\":2}"},
        {STR_INIT("a: &a {x: 1}\nb: &b {<<: *a, y: 2}\nc: {<<: *b, z: 3}\n"),
         "{\"a\":{\"x\":1},\"b\":{\"x\":1,\"y\":2},\"c\":{\"x\":1,\"y\":2,\"z\":3}}"},
        {STR_INIT("<<: []\na: 1\n"), "{\"a\":1}"},
        {STR_INIT("'<<': {a: 1}\n"), "{\"<<\":{\"a\":1}}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *arena = arena_new();
        const struct yaml_node *root = parse(arena, cases[i].text);
        check_str(json_to_str(arena, yaml_to_json(arena, root)), cases[i].json);
    }
}

static void json_is_read_with_its_own_rules(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    char long_key[2001] = {0};
    for (size_t i = 0; i < 2000; i++)
        long_key[i] = 'k';
    struct str text = str_format(arena,
                                 " {\n  \"%s\": \"\\ud83d\\ude00\",\n  \"\xC3\xA9\": [1, true, "
                                 "null, \"<<\"],\n\t\"<<\": {}, \"n\": 1e5, \"d\": \"2012\"}\n",
                                 long_key);
    const struct yaml_node *root = parse(arena, text);
    assert_int_equal(root->line, 1);
    assert_int_equal(root->column, 2);
    check_str(find(root, long_key)->text, "\xF0\x9F\x98\x80");
    const struct yaml_node *list = find(root, "\xC3\xA9");
    assert_int_equal(list->line, 3);
    assert_int_equal(list->column, 8);
    assert_int_equal(list->items[0]->type, YAML_INT);
    assert_true(list->items[0]->is_plain);
    assert_int_equal(list->items[1]->type, YAML_BOOL);
    assert_int_equal(list->items[2]->type, YAML_NULL);
    assert_int_equal(list->items[3]->type, YAML_STRING);
    assert_int_equal(list->items[3]->column, 24);
    assert_int_equal(find(root, "n")->type, YAML_FLOAT);
    assert_int_equal(find(root, "d")->type, YAML_STRING);
    assert_false(find(root, "d")->is_plain);
    assert_int_equal(find(root, "<<")->count, 0);
}

static void broken_documents_are_refused_with_place_and_reason(void **state)
{
    (void)state;
    static const struct {
        struct str text;
        uint32_t line;
        uint32_t column;
        const char *message;
    } cases[] = {
        {{0}, 1, 1, "expected a document, found none"},
        {STR_INIT(""), 1, 1, "expected a document, found none"},
        {STR_INIT("# nothing\n"), 2, 1, "expected a document, found none"},
        {STR_INIT("a: 1\n---\nb: 2\n"), 2, 1, "expected a single document"},
        {STR_INIT("a: 1\nb: 2\na: 3\n"), 3, 1, "duplicate key \"a\""},
        {STR_INIT("a: {b: 1, 'b': 2}\n"), 1, 11, "duplicate key \"b\""},
        {STR_INIT("{\"a\": 1, \"a\": 2}"), 1, 10, "duplicate key \"a\""},
        {STR_INIT("[a]: 1\n"), 1, 1, "a key must be a scalar"},
        {STR_INIT("? {a: b}\n: 1\n"), 1, 3, "a key must be a scalar"},
        {STR_INIT("a: *x\n"), 1, 4, "found undefined alias"},
        {STR_INIT("a: &x [1, *x]\n"), 1, 11, "found an alias to the node around it"},
        {STR_INIT("a: &x {b: {c: *x}}\n"), 1, 15, "found an alias to the node around it"},
        {STR_INIT("<<: 1\n"), 1, 5, "the value of << must be a mapping or a sequence of mappings"},
        {STR_INIT("<<: [{}, 1]\n"), 1, 5,
         "the value of << must be a mapping or a sequence of mappings"},
        {STR_INIT("a: [1, 2\n"), 2, 1, "did not find expected ',' or ']'"},
        {STR_INIT("a: 'x\n"), 2, 1, "found unexpected end of stream"},
        {STR_INIT("a: 1\n b: 2\n"), 2, 3, "mapping values are not allowed in this context"},
        {STR_INIT("a:\n\t- b\n"), 2, 1, "found character that cannot start any token"},
        {STR_INIT("a: \xFF\n"), 1, 4, "invalid leading UTF-8 octet"},
        {STR_INIT("a: b\nc: \x01\n"), 2, 4, "control characters are not allowed"},
        {STR_INIT("!foo!bar x"), 1, 1, "found undefined tag handle"},
        {STR_INIT("{\"a\": 1,, }"), 1, 9, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *arena = arena_new();
        struct yaml_node *root = NULL;
        struct yaml_error error = {0};
        if (yaml_parse(arena, cases[i].text, &root, &error) != -EINVAL)
            fail_msg("accepted '" STR_FMT "'", STR_ARG(cases[i].text));
        assert_null(root);
        if (error.line != cases[i].line || error.column != cases[i].column)
            fail_msg("'" STR_FMT "' fails at %u:%u with " STR_FMT, STR_ARG(cases[i].text),
                     error.line, error.column, STR_ARG(error.message));
        if (cases[i].message)
            check_str(error.message, cases[i].message);
        assert_int_equal(yaml_parse(arena, cases[i].text, &root, NULL), -EINVAL);
    }
}

static void many_keys_are_checked_too(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct buf out;
    buf_init(&out, arena, 1024 * 1024);
    for (int i = 0; i < 1000; i++)
        buf_append_format(&out, "key%d: %d\n", i, i);
    const struct yaml_node *root = parse(arena, buf_str(&out));
    assert_int_equal(root->count, 1000);
    check_str(find(root, "key999")->text, "999");
    buf_append_cstr(&out, "key500: x\n");
    struct yaml_node *none = NULL;
    struct yaml_error error = {0};
    assert_int_equal(yaml_parse(arena, buf_str(&out), &none, &error), -EINVAL);
    assert_int_equal(error.line, 1001);
}

static struct str repeated(struct arena *arena, const char *piece, size_t count)
{
    struct buf out;
    buf_init(&out, arena, 16 * 1024 * 1024);
    for (size_t i = 0; i < count; i++)
        buf_append_cstr(&out, piece);
    return buf_str(&out);
}

static void check_too_big(struct arena *arena, struct str text, const char *message)
{
    struct yaml_node *root = NULL;
    struct yaml_error error = {0};
    assert_int_equal(yaml_parse(arena, text, &root, &error), -E2BIG);
    check_str(error.message, message);
    assert_null(root);
}

static void depth_is_limited(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct str deepest = str_concat3(arena, repeated(arena, "[", YAML_MAX_DEPTH), STR("x"),
                                     repeated(arena, "]", YAML_MAX_DEPTH));
    parse(arena, deepest);
    struct str json = str_concat3(arena, repeated(arena, "[", YAML_MAX_DEPTH), STR("1"),
                                  repeated(arena, "]", YAML_MAX_DEPTH));
    parse(arena, json);
    check_too_big(arena, repeated(arena, "[", YAML_MAX_DEPTH + 1), "nested too deeply");
    check_too_big(arena, repeated(arena, "[", 50000), "nested too deeply");
    check_too_big(arena, repeated(arena, "{\"a\":", 50000), "nested too deeply");
    check_too_big(arena, repeated(arena, "- ", 400), "nested too deeply");
    check_too_big(arena, repeated(arena, "{a: ", 400), "nested too deeply");
}

/* 60 levels that stand for 120. */
static void aliases_count_for_the_depth(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct str open = repeated(arena, "[", 60);
    struct str close = repeated(arena, "]", 60);
    struct str text = str_format(arena, "a: &x " STR_FMT STR_FMT "\nb: " STR_FMT "*x" STR_FMT "\n",
                                 STR_ARG(open), STR_ARG(close), STR_ARG(open), STR_ARG(close));
    check_too_big(arena, text, "nested too deeply");
}

static void aliases_count_for_the_size(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct buf out; /* a billion laughs */
    buf_init(&out, arena, 10000);
    buf_append_cstr(&out, "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
    for (int i = 1; i < 9; i++) {
        buf_append_format(&out, "a%d: &a%d [", i, i);
        for (int k = 0; k < 10; k++)
            buf_append_format(&out, "%s*a%d", k ? "," : "", i - 1);
        buf_append_cstr(&out, "]\n");
    }
    check_too_big(arena, buf_str(&out), "too many nodes");
    struct str items = repeated(arena, "- a\n", YAML_MAX_NODES - 1);
    parse(arena, items);
    check_too_big(arena, str_concat(arena, items, STR("- a\n")), "too many nodes");
}

static void aliases_share_the_node(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    const struct yaml_node *root = parse(arena, STR("a: &x {k: v}\nb: *x\nc: {<<: *x}\n"));
    assert_ptr_equal(find(root, "a"), find(root, "b"));
    assert_ptr_equal(find(find(root, "c"), "k"), find(find(root, "a"), "k"));
}

static void a_tree_outlives_the_text(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    const struct yaml_node *root = NULL;
    const struct yaml_node *json = NULL;
    {
        AUTO(arena) struct arena *brief = arena_new();
        root = parse(arena, str_copy(brief, STR("a: !Ref b\n<<: {c: d}\n")));
        json = parse(arena, str_copy(brief, STR("{\"a\": [\"x\\ny\", 1]}")));
    }
    check_str(find(root, "a")->text, "b");
    check_str(find(root, "a")->tag, "!Ref");
    check_str(find(root, "c")->text, "d");
    check_str(find(json, "a")->items[0]->text, "x\ny");
    check_str(find(json, "a")->items[1]->text, "1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_scalars_have_the_types_of_yaml_1_1),
        cmocka_unit_test(core_tags_decide_the_type),
        cmocka_unit_test(local_tags_and_positions_are_kept),
        cmocka_unit_test(block_scalars_are_strings),
        cmocka_unit_test(documents_become_json),
        cmocka_unit_test(json_is_read_with_its_own_rules),
        cmocka_unit_test(broken_documents_are_refused_with_place_and_reason),
        cmocka_unit_test(many_keys_are_checked_too),
        cmocka_unit_test(depth_is_limited),
        cmocka_unit_test(aliases_count_for_the_depth),
        cmocka_unit_test(aliases_count_for_the_size),
        cmocka_unit_test(aliases_share_the_node),
        cmocka_unit_test(a_tree_outlives_the_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
