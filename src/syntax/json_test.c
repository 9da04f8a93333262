/* json_test.c — JSON against tables of texts, against itself, and against printf and strtod. */
#include <errno.h>
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/rand.h"
#include "syntax/json.h"

#define assert_str(actual, expected)                                                               \
    do {                                                                                           \
        struct str actual_ = (actual);                                                             \
        struct str expected_ = (expected);                                                         \
        if (!str_eq(actual_, expected_))                                                           \
            fail_msg("got '" STR_FMT "', wanted '" STR_FMT "'", STR_ARG(actual_),                  \
                     STR_ARG(expected_));                                                          \
    } while (0)

/* Reads the text with the pull reader to its end. Returns 0 or -EINVAL. */
static int pull_all(struct arena *arena, struct str text)
{
    struct json_reader reader;
    json_reader_init(&reader, arena, text);
    for (;;) {
        enum json_token token = json_read(&reader);
        if (token == JSON_TOKEN_END)
            return 0;
        if (token == JSON_TOKEN_ERROR) {
            assert_int_equal(json_read(&reader), JSON_TOKEN_ERROR); /* errors stay */
            assert_non_null(reader.error.message);
            return -EINVAL;
        }
    }
}

/* ---- What is JSON ------------------------------------------------------------------------------
 */

/* A text and what it is written back as; the same text when `written` is NULL. */
struct accept_case {
    struct str text;
    const char *written;
};

static const struct accept_case accepted[] = {
    {STR_INIT("null"), NULL},
    {STR_INIT("true"), NULL},
    {STR_INIT("false"), NULL},
    {STR_INIT(" null "), "null"},
    {STR_INIT("\t\n\r null\t\n\r "), "null"},
    /* numbers stay text */
    {STR_INIT("0"), NULL},
    {STR_INIT("-0"), NULL},
    {STR_INIT("1"), NULL},
    {STR_INIT("-1"), NULL},
    {STR_INIT("123456789"), NULL},
    {STR_INIT("9007199254740993"), NULL},
    {STR_INIT("123456789012345678901234567890"), NULL},
    {STR_INIT("1.10"), NULL},
    {STR_INIT("0.0"), NULL},
    {STR_INIT("-0.0"), NULL},
    {STR_INIT("1e5"), NULL},
    {STR_INIT("1E5"), NULL},
    {STR_INIT("1e+5"), NULL},
    {STR_INIT("1e-5"), NULL},
    {STR_INIT("1.5e05"), NULL},
    {STR_INIT("0e0"), NULL},
    {STR_INIT("1e400"), NULL},
    {STR_INIT("123.456e-789"), NULL},
    /* strings */
    {STR_INIT("\"\""), NULL},
    {STR_INIT("\"a\""), NULL},
    {STR_INIT("\"1234567\""), NULL},
    {STR_INIT("\"12345678\""), NULL},
    {STR_INIT("\"123456789abcdef0123456789\""), NULL},
    {STR_INIT("\"\\\"\\\\\\b\\f\\n\\r\\t\""), NULL},
    {STR_INIT("\"\\/\""), "\"/\""},
    {STR_INIT("\"/\""), NULL},
    {STR_INIT("\"\\u0041\""), "\"A\""},
    {STR_INIT("\"\\u00e9\""), "\"\xC3\xA9\""},
    {STR_INIT("\"\\u00E9\""), "\"\xC3\xA9\""},
    {STR_INIT("\"\\u20ac\""), "\"\xE2\x82\xAC\""},
    {STR_INIT("\"\\ud83d\\ude00\""), "\"\xF0\x9F\x98\x80\""},
    {STR_INIT("\"\\uD800\\uDC00\""), "\"\xF0\x90\x80\x80\""},
    {STR_INIT("\"\\uDBFF\\uDFFF\""), "\"\xF4\x8F\xBF\xBF\""},
    {STR_INIT("\"\\ud7ff\\ue000\""), "\"\xED\x9F\xBF\xEE\x80\x80\""},
    {STR_INIT("\"\\u0000\""), NULL},
    {STR_INIT("\"a\\u0000b\""), NULL},
    {STR_INIT("\"\\u001f\""), NULL},
    {STR_INIT("\"\\u007f\""), "\"\x7F\""},
    {STR_INIT("\"\x7F\""), NULL},
    {STR_INIT("\"\\uffff\""), "\"\xEF\xBF\xBF\""},
    {STR_INIT("\"\xC3\xA9\""), NULL},
    {STR_INIT("\"1234567\xC3\xA9\""), NULL},
    {STR_INIT("\"\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC\""), NULL},
    {STR_INIT("\"\xF0\x9F\x98\x80\""), NULL},
    {STR_INIT("\"\xE2\x80\xA8\xE2\x80\xA9\""), NULL},
    {STR_INIT("\"\xEF\xBF\xBE\""), NULL},
    {STR_INIT("\"// no comment\""), NULL},
    {STR_INIT("\"[{]},:\""), NULL},
    {STR_INIT("\"\\\\\""), NULL},
    {STR_INIT("\"\\\\\\\"\""), NULL},
    {STR_INIT("\"ab\\ncd\\u0041ef\""), "\"ab\\ncdAef\""},
    /* arrays */
    {STR_INIT("[]"), NULL},
    {STR_INIT("[ ]"), "[]"},
    {STR_INIT("[1]"), NULL},
    {STR_INIT("[1,2,3]"), NULL},
    {STR_INIT("[ 1 , 2 ]"), "[1,2]"},
    {STR_INIT("[[],[[]],[[],[]]]"), NULL},
    {STR_INIT("[null,true,false,0,\"\",[],{}]"), NULL},
    {STR_INIT("[\"a\",\n\"b\"]"), "[\"a\",\"b\"]"},
    /* objects */
    {STR_INIT("{}"), NULL},
    {STR_INIT("{ }"), "{}"},
    {STR_INIT("{\"a\":1}"), NULL},
    {STR_INIT("{ \"a\" : 1 , \"b\" : [ ] }"), "{\"a\":1,\"b\":[]}"},
    {STR_INIT("{\"\":0}"), NULL},
    {STR_INIT("{\"a\":{\"b\":{\"c\":{}}}}"), NULL},
    {STR_INIT("{\"\\u0061\":1}"), "{\"a\":1}"},
    {STR_INIT("{\"a\\u0000b\":1}"), NULL},
    {STR_INIT("{\"b\":1,\"a\":2}"), NULL},
    /* duplicates: the last value at the first place */
    {STR_INIT("{\"a\":1,\"a\":2}"), "{\"a\":2}"},
    {STR_INIT("{\"a\":1,\"b\":2,\"a\":[3]}"), "{\"a\":[3],\"b\":2}"},
    {STR_INIT("{\"a\":{\"x\":1},\"a\":null}"), "{\"a\":null}"},
    {STR_INIT("{\"a\":1,\"a\":2,\"a\":3,\"b\":4}"), "{\"a\":3,\"b\":4}"},
    {STR_INIT("{\"a\":1,\"\\u0061\":2}"), "{\"a\":2}"},
    {STR_INIT("[{\"a\":1,\"b\":0,\"b\":1},2]"), "[{\"a\":1,\"b\":1},2]"},
};

static void valid_json_is_read_and_written_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(accepted); i++) {
        AUTO(arena) struct arena *arena = arena_new();
        struct json *value = NULL;
        struct json_error error = {0};
        int rc = json_parse(arena, accepted[i].text, 0, &value, &error);
        if (rc != 0)
            fail_msg("refused '" STR_FMT "': %s", STR_ARG(accepted[i].text), error.message);
        struct str wanted =
            accepted[i].written ? str_from_cstr(accepted[i].written) : accepted[i].text;
        assert_str(json_to_str(arena, value), wanted);
        assert_int_equal(pull_all(arena, accepted[i].text), 0);
    }
}

/* A text, where parsing stops, and the reason. */
struct refuse_case {
    struct str text;
    size_t offset;
    const char *message;
};

static const char end_message[] = "unexpected end of input";
static const char character_message[] = "unexpected character";
static const char utf8_message[] = "invalid UTF-8";

static const struct refuse_case refused[] = {
    {STR_INIT(""), 0, end_message},
    {STR_INIT("  "), 2, end_message},
    {STR_INIT("nul"), 0, character_message},
    {STR_INIT("nulL"), 0, character_message},
    {STR_INIT("True"), 0, character_message},
    {STR_INIT("undefined"), 0, character_message},
    {STR_INIT("NaN"), 0, character_message},
    {STR_INIT("Infinity"), 0, character_message},
    {STR_INIT("-Infinity"), 1, "expected a digit"},
    {STR_INIT("nullx"), 4, "text after the value"},
    {STR_INIT("null null"), 5, "text after the value"},
    {STR_INIT("1 2"), 2, "text after the value"},
    {STR_INIT("[]]"), 2, "text after the value"},
    {STR_INIT("{}}"), 2, "text after the value"},
    {STR_INIT("{},"), 2, "text after the value"},
    {STR_INIT("\"a\" // comment"), 4, "text after the value"},
    {STR_INIT("null\0"), 4, "text after the value"},
    {STR_INIT("\0null"), 0, character_message},
    {STR_INIT("\xEF\xBB\xBF{}"), 0, character_message},
    {STR_INIT("\xC2\xA0null"), 0, character_message},
    {STR_INIT("\vnull"), 0, character_message},
    {STR_INIT("/* */1"), 0, character_message},
    {STR_INIT("'a'"), 0, character_message},
    {STR_INIT("a"), 0, character_message},
    {STR_INIT(","), 0, character_message},
    {STR_INIT(":"), 0, character_message},
    {STR_INIT("]"), 0, character_message},
    {STR_INIT("}"), 0, character_message},
    /* numbers */
    {STR_INIT("01"), 0, "leading zero"},
    {STR_INIT("-01"), 1, "leading zero"},
    {STR_INIT("00"), 0, "leading zero"},
    {STR_INIT("+1"), 0, character_message},
    {STR_INIT(".5"), 0, character_message},
    {STR_INIT("-"), 1, end_message},
    {STR_INIT("-a"), 1, "expected a digit"},
    {STR_INIT("--1"), 1, "expected a digit"},
    {STR_INIT("1."), 2, end_message},
    {STR_INIT("1.a"), 2, "expected a digit"},
    {STR_INIT("1.e5"), 2, "expected a digit"},
    {STR_INIT("-.5"), 1, "expected a digit"},
    {STR_INIT("1e"), 2, end_message},
    {STR_INIT("1e+"), 3, end_message},
    {STR_INIT("1e+-1"), 3, "expected a digit"},
    {STR_INIT("1ea"), 2, "expected a digit"},
    {STR_INIT("1e1.5"), 3, "text after the value"},
    {STR_INIT("1.2.3"), 3, "text after the value"},
    {STR_INIT("0x10"), 1, "text after the value"},
    {STR_INIT("1_000"), 1, "text after the value"},
    {STR_INIT("1 000"), 2, "text after the value"},
    {STR_INIT("[1a]"), 2, "expected ',' or ']'"},
    {STR_INIT("\xEF\xBC\x91"), 0, character_message},
    /* strings */
    {STR_INIT("\""), 1, end_message},
    {STR_INIT("\"a"), 2, end_message},
    {STR_INIT("\"abcdefghijklmnop"), 17, end_message},
    {STR_INIT("\"\\"), 2, end_message},
    {STR_INIT("\"\\\""), 3, end_message},
    {STR_INIT("\"\\a\""), 1, "invalid escape"},
    {STR_INIT("\"\\'\""), 1, "invalid escape"},
    {STR_INIT("\"\\x41\""), 1, "invalid escape"},
    {STR_INIT("\"\\0\""), 1, "invalid escape"},
    {STR_INIT("\"ab\\U0041\""), 3, "invalid escape"},
    {STR_INIT("\"\\\n\""), 1, "invalid escape"},
    {STR_INIT("\"\\u\""), 1, "invalid \\u escape"},
    {STR_INIT("\"\\u004\""), 1, "invalid \\u escape"},
    {STR_INIT("\"\\u00g0\""), 1, "invalid \\u escape"},
    {STR_INIT("\"\\u+041\""), 1, "invalid \\u escape"},
    {STR_INIT("\"\\ud800\""), 1, "invalid \\u escape"},
    {STR_INIT("\"\\ud800x\""), 1, "invalid \\u escape"},
    {STR_INIT("\"\\ud800\\n\""), 1, "invalid \\u escape"},
    {STR_INIT("\"\\ud800\\ud800\""), 1, "invalid \\u escape"},
    {STR_INIT("\"\\ud800\\u0041\""), 1, "invalid \\u escape"},
    {STR_INIT("\"\\udc00\""), 1, "invalid \\u escape"},
    {STR_INIT("\"\\udfff\\ud800\""), 1, "invalid \\u escape"},
    {STR_INIT("\"\n\""), 1, "control character in a string"},
    {STR_INIT("\"\t\""), 1, "control character in a string"},
    {STR_INIT("\"\0\""), 1, "control character in a string"},
    {STR_INIT("\"\x1F\""), 1, "control character in a string"},
    {STR_INIT("\"12345678\x01\""), 9, "control character in a string"},
    /* UTF-8 */
    {STR_INIT("\"\x80\""), 1, utf8_message},
    {STR_INIT("\"\xBF\""), 1, utf8_message},
    {STR_INIT("\"\xC3\""), 1, utf8_message},
    {STR_INIT("\"\xC3"), 1, utf8_message},
    {STR_INIT("\"\xC0\x80\""), 1, utf8_message},
    {STR_INIT("\"\xC1\xBF\""), 1, utf8_message},
    {STR_INIT("\"\xE0\x80\x80\""), 1, utf8_message},
    {STR_INIT("\"\xE0\x9F\xBF\""), 1, utf8_message},
    {STR_INIT("\"\xE2\x82\""), 1, utf8_message},
    {STR_INIT("\"\xE2\x28\xA1\""), 1, utf8_message},
    {STR_INIT("\"\xED\xA0\x80\""), 1, utf8_message},
    {STR_INIT("\"\xED\xBF\xBF\""), 1, utf8_message},
    {STR_INIT("\"\xF0\x80\x80\x80\""), 1, utf8_message},
    {STR_INIT("\"\xF0\x8F\xBF\xBF\""), 1, utf8_message},
    {STR_INIT("\"\xF0\x9F\x98\""), 1, utf8_message},
    {STR_INIT("\"\xF4\x90\x80\x80\""), 1, utf8_message},
    {STR_INIT("\"\xF5\x80\x80\x80\""), 1, utf8_message},
    {STR_INIT("\"\xFF\""), 1, utf8_message},
    {STR_INIT("\"\xFE\""), 1, utf8_message},
    {STR_INIT("\"1234567\xFF\""), 8, utf8_message},
    {STR_INIT("{\"\xFF\":1}"), 2, utf8_message},
    /* arrays */
    {STR_INIT("["), 1, end_message},
    {STR_INIT("[1"), 2, end_message},
    {STR_INIT("[1,"), 3, end_message},
    {STR_INIT("[1,]"), 3, character_message},
    {STR_INIT("[,1]"), 1, character_message},
    {STR_INIT("[,]"), 1, character_message},
    {STR_INIT("[1,,2]"), 3, character_message},
    {STR_INIT("[1 2]"), 3, "expected ',' or ']'"},
    {STR_INIT("[1}"), 2, "expected ',' or ']'"},
    {STR_INIT("[1:2]"), 2, "expected ',' or ']'"},
    {STR_INIT("[\"a\":1]"), 4, "expected ',' or ']'"},
    {STR_INIT("[[1]"), 4, end_message},
    {STR_INIT("[}"), 1, character_message},
    {STR_INIT("[nul]"), 1, character_message},
    /* objects */
    {STR_INIT("{"), 1, end_message},
    {STR_INIT("{]"), 1, "expected a key in quotes"},
    {STR_INIT("{1:2}"), 1, "expected a key in quotes"},
    {STR_INIT("{a:1}"), 1, "expected a key in quotes"},
    {STR_INIT("{'a':1}"), 1, "expected a key in quotes"},
    {STR_INIT("{null:1}"), 1, "expected a key in quotes"},
    {STR_INIT("{,}"), 1, "expected a key in quotes"},
    {STR_INIT("{\"a\""), 4, end_message},
    {STR_INIT("{\"a\" 1}"), 5, "expected ':'"},
    {STR_INIT("{\"a\",1}"), 4, "expected ':'"},
    {STR_INIT("{\"a\"}"), 4, "expected ':'"},
    {STR_INIT("{\"a\":"), 5, end_message},
    {STR_INIT("{\"a\":}"), 5, character_message},
    {STR_INIT("{\"a\"::1}"), 5, character_message},
    {STR_INIT("{\"a\":1"), 6, end_message},
    {STR_INIT("{\"a\":1,"), 7, end_message},
    {STR_INIT("{\"a\":1,}"), 7, "expected a key in quotes"},
    {STR_INIT("{\"a\":1,,}"), 7, "expected a key in quotes"},
    {STR_INIT("{\"a\":1 \"b\":2}"), 7, "expected ',' or '}'"},
    {STR_INIT("{\"a\":1]"), 6, "expected ',' or '}'"},
    {STR_INIT("{\"a\":1;\"b\":2}"), 6, "expected ',' or '}'"},
    {STR_INIT("{\"a\":[1}"), 7, "expected ',' or ']'"},
};

static void invalid_json_is_refused_with_place_and_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        AUTO(arena) struct arena *arena = arena_new();
        struct json *value = NULL;
        struct json_error error = {0};
        struct str text = refused[i].text;
        if (json_parse(arena, text, 0, &value, &error) != -EINVAL)
            fail_msg("accepted '" STR_FMT "'", STR_ARG(text));
        assert_null(value);
        if (error.offset != refused[i].offset || strcmp(error.message, refused[i].message) != 0)
            fail_msg("'" STR_FMT "': %zu %s, wanted %zu %s", STR_ARG(text), error.offset,
                     error.message, refused[i].offset, refused[i].message);
        assert_int_equal(pull_all(arena, text), -EINVAL);
        assert_int_equal(json_parse(arena, text, 0, &value, NULL), -EINVAL);
    }
}

static void an_absent_text_is_an_empty_one(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct json *value = NULL;
    struct json_error error = {0};
    assert_int_equal(json_parse(arena, (struct str){0}, 0, &value, &error), -EINVAL);
    assert_string_equal(error.message, end_message);
}

static void errors_have_line_and_column(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct json *value = NULL;
    struct json_error error = {0};
    struct str text = STR("{\n  \"a\": 1,\n  \"b\": x\n}");
    assert_int_equal(json_parse(arena, text, 0, &value, &error), -EINVAL);
    assert_int_equal(error.line, 3);
    assert_int_equal(error.column, 8);
    assert_int_equal(error.offset, 19);
}

static struct str nested(struct arena *arena, size_t depth, const char *opening,
                         const char *closing, const char *inside)
{
    struct buf out;
    buf_init(&out, arena, 1024 * 1024);
    for (size_t i = 0; i < depth; i++)
        buf_append_cstr(&out, opening);
    buf_append_cstr(&out, inside);
    for (size_t i = 0; i < depth; i++)
        buf_append_cstr(&out, closing);
    return buf_str(&out);
}

static void depth_is_limited(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct json *value = NULL;
    struct json_error error = {0};
    struct str deepest = nested(arena, JSON_MAX_DEPTH, "[", "]", "1");
    assert_int_equal(json_parse(arena, deepest, 0, &value, &error), 0);
    assert_str(json_to_str(arena, value), deepest);
    assert_int_equal(pull_all(arena, deepest), 0);
    struct str mixed = nested(arena, JSON_MAX_DEPTH / 2, "[{\"k\":", "}]", "{}");
    assert_int_equal(json_parse(arena, mixed, 0, &value, &error), -E2BIG);
    assert_string_equal(error.message, "nested too deeply");
    assert_int_equal(pull_all(arena, mixed), -EINVAL);
    struct str huge = nested(arena, 100000, "[", "", "");
    assert_int_equal(json_parse(arena, huge, 0, &value, &error), -E2BIG);
    assert_int_equal(error.offset, JSON_MAX_DEPTH);
    struct json_reader reader;
    json_reader_init(&reader, arena, huge);
    assert_int_equal(json_read_tree(&reader, json_read(&reader), &value), -E2BIG);
}

static void a_tree_inside_of_open_levels_shares_the_depth_limit(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct str text = nested(arena, JSON_MAX_DEPTH + 1, "[", "]", "");
    struct json_reader reader;
    json_reader_init(&reader, arena, text);
    enum json_token token = JSON_TOKEN_END;
    for (int i = 0; i < 50; i++)
        token = json_read(&reader);
    struct json *value = NULL;
    assert_int_equal(json_read_tree(&reader, token, &value), -E2BIG);
    text = nested(arena, JSON_MAX_DEPTH, "[", "]", "");
    json_reader_init(&reader, arena, text);
    for (int i = 0; i < 50; i++)
        token = json_read(&reader);
    assert_int_equal(json_read_tree(&reader, token, &value), 0);
    assert_int_equal(reader.depth, 49);
    for (int i = 0; i < 49; i++)
        assert_int_equal(json_read(&reader), JSON_TOKEN_END_ARRAY);
    assert_int_equal(json_read(&reader), JSON_TOKEN_END);
}

static void duplicate_keys_can_be_refused(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct json *value = NULL;
    struct json_error error = {0};
    struct str text = STR("{\"a\":1,\"b\":{\"c\":1,\"c\":2}}");
    assert_int_equal(json_parse(arena, text, JSON_REFUSE_DUPLICATES, &value, &error), -EINVAL);
    assert_string_equal(error.message, "duplicate key");
    assert_int_equal(error.offset, 22);
    text = STR("[{\"a\":1},{\"a\":1,\"b\":{\"a\":1}}]");
    assert_int_equal(json_parse(arena, text, JSON_REFUSE_DUPLICATES, &value, &error), 0);
}

/* Above FEW_MEMBERS duplicates are found by hashing. */
static void duplicates_among_many_keys_are_merged(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct buf out;
    buf_init(&out, arena, 1024 * 1024);
    for (int i = 0; i < 3000; i++)
        buf_append_format(&out, "%s\"key%d\":%d", i ? "," : "{", i % 1000, i);
    buf_append_char(&out, '}');
    struct json *value = NULL;
    assert_int_equal(json_parse(arena, buf_str(&out), 0, &value, NULL), 0);
    assert_int_equal(value->count, 1000);
    assert_str(value->first->text, STR("2000"));
    assert_str(value->last->text, STR("2999"));
    assert_null(value->last->next);
    assert_int_equal(json_parse(arena, buf_str(&out), JSON_REFUSE_DUPLICATES, &value, NULL),
                     -EINVAL);
}

static void nodes_know_their_offset_and_borrow_plain_text(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct str text = STR("{\"a\": \"plain\", \"b\": [1, \"x\\ny\"]}");
    struct json *value = NULL;
    assert_int_equal(json_parse(arena, text, 0, &value, NULL), 0);
    const struct json *a = json_find_cstr(value, "a");
    assert_int_equal(a->offset, 6);
    assert_ptr_equal(a->text.ptr, text.ptr + 7);
    const struct json *b = json_find_cstr(value, "b");
    assert_int_equal(b->offset, 20);
    assert_int_equal(b->count, 2);
    assert_int_equal(b->last->offset, 24);
    assert_str(b->last->text, STR("x\ny"));
}

/* ---- Trees -------------------------------------------------------------------------------------
 */

static struct json *parse(struct arena *arena, const char *text)
{
    struct json *value = NULL;
    assert_int_equal(json_parse(arena, str_from_cstr(text), 0, &value, NULL), 0);
    return value;
}

static void members_are_found(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    const struct json *value = parse(arena, "{\"s\":\"text\",\"n\":1,\"e\":\"\"}");
    assert_str(json_find_str(value, "s"), STR("text"));
    assert_false(str_is_set(json_find_str(value, "n")));
    assert_false(str_is_set(json_find_str(value, "missing")));
    assert_true(str_is_set(json_find_str(value, "e")));
    assert_null(json_find_cstr(NULL, "s"));
    assert_null(json_find_cstr(json_find_cstr(value, "s"), "s"));
    assert_true(json_is_object(value));
    assert_false(json_is_array(value));
    assert_false(json_is_string(NULL));
    assert_false(json_is_object(NULL));
    assert_false(json_is_array(NULL));
}

static void equality_ignores_the_order_of_members_only(void **state)
{
    (void)state;
    static const struct {
        const char *a;
        const char *b;
        bool is_equal;
    } cases[] = {
        {"null", "null", true},
        {"null", "false", false},
        {"1", "1", true},
        {"1", "1.0", false},
        {"1", "\"1\"", false},
        {"\"\\u0041\"", "\"A\"", true},
        {"[]", "{}", false},
        {"[1,2]", "[1,2]", true},
        {"[1,2]", "[2,1]", false},
        {"[1,2]", "[1]", false},
        {"{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}", true},
        {"{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":2}", false},
        {"{\"a\":1}", "{\"b\":1}", false},
        {"{\"a\":{\"x\":[1,{\"y\":2}]}}", "{\"a\":{\"x\":[1,{\"y\":2}]}}", true},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *arena = arena_new();
        const struct json *a = parse(arena, cases[i].a);
        const struct json *b = parse(arena, cases[i].b);
        assert_int_equal(json_equal(a, b), cases[i].is_equal);
        assert_int_equal(json_equal(b, a), cases[i].is_equal);
    }
    assert_true(json_equal(NULL, NULL));
}

static void large_objects_compare_in_any_order(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct json *up = json_new(arena, JSON_OBJECT);
    struct json *down = json_new(arena, JSON_OBJECT);
    for (int i = 0; i < 2000; i++) {
        struct str key = str_format(arena, "key-%d", i);
        json_append_member(up, key, json_new_number(arena, i));
        key = str_format(arena, "key-%d", 1999 - i);
        json_append_member(down, key, json_new_number(arena, 1999 - i));
    }
    assert_true(json_equal(up, down));
    json_set(down, STR("key-7"), json_new_number(arena, 8));
    assert_false(json_equal(up, down));
}

static void trees_can_be_built_and_changed(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct json *object = json_new(arena, JSON_OBJECT);
    json_append_member(object, STR("a"), json_new_string(arena, STR("x\"y")));
    json_append_member(object, STR("b"), json_new_number(arena, INT64_MIN));
    json_append_member(object, STR("c"), json_new_bool(arena, true));
    json_append_member(object, STR("d"), json_new(arena, JSON_NULL));
    assert_str(json_to_str(arena, object),
               STR("{\"a\":\"x\\\"y\",\"b\":-9223372036854775808,\"c\":true,\"d\":null}"));
    json_set(object, STR("b"), json_new_number(arena, 2));
    json_set(object, STR("d"), json_new_bool(arena, false));
    json_set(object, STR("e"), json_new(arena, JSON_ARRAY));
    assert_str(json_to_str(arena, object),
               STR("{\"a\":\"x\\\"y\",\"b\":2,\"c\":true,\"d\":false,\"e\":[]}"));
    assert_true(json_remove(object, STR("a")));
    assert_true(json_remove(object, STR("e")));
    assert_true(json_remove(object, STR("c")));
    assert_false(json_remove(object, STR("c")));
    assert_int_equal(object->count, 2);
    json_append_member(object, STR("f"), json_new_number(arena, 3));
    assert_str(json_to_str(arena, object), STR("{\"b\":2,\"d\":false,\"f\":3}"));
    assert_true(json_remove(object, STR("b")));
    assert_true(json_remove(object, STR("d")));
    assert_true(json_remove(object, STR("f")));
    assert_null(object->first);
    assert_null(object->last);
}

static void a_copy_outlives_the_original(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    const char *text = "{\"a\":[1,\"x\\ty\",{\"b\":null}],\"c\":\"plain\"}";
    struct json *copy = NULL;
    {
        AUTO(arena) struct arena *brief = arena_new();
        struct str source = str_copy(brief, str_from_cstr(text));
        struct json *value = NULL;
        assert_int_equal(json_parse(brief, source, 0, &value, NULL), 0);
        copy = json_copy(arena, value);
    }
    assert_str(json_to_str(arena, copy), str_from_cstr(text));
}

/* ---- Writing -----------------------------------------------------------------------------------
 */

static void trees_can_be_indented(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct buf out;
    buf_init(&out, arena, 1000);
    json_write(&out, parse(arena, "{\"a\":[1,{\"b\":{}}],\"c\":[]}"), 2);
    assert_str(buf_str(&out), STR("{\n  \"a\": [\n    1,\n    {\n      \"b\": {}\n    }\n  ],\n"
                                  "  \"c\": []\n}"));
}

static void text_is_escaped_and_made_valid(void **state)
{
    (void)state;
    static const struct {
        struct str text;
        const char *written;
    } cases[] = {
        {STR_INIT(""), "\"\""},
        {STR_INIT("a/b"), "\"a/b\""},
        {STR_INIT("\"\\"), "\"\\\"\\\\\""},
        {STR_INIT("\0\x01\x1F\b\f\n\r\t"), "\"\\u0000\\u0001\\u001f\\b\\f\\n\\r\\t\""},
        {STR_INIT("12345678\n12345678"), "\"12345678\\n12345678\""},
        {STR_INIT("\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"),
         "\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\""},
        {STR_INIT("a\xFF"
                  "b"),
         "\"a\xEF\xBF\xBD"
         "b\""},
        {STR_INIT("\xC3"), "\"\xEF\xBF\xBD\""},
        {STR_INIT("\xED\xA0\x80"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *arena = arena_new();
        struct buf out;
        buf_init(&out, arena, 1000);
        json_write_string(&out, cases[i].text);
        assert_str(buf_str(&out), str_from_cstr(cases[i].written));
    }
}

static void the_writer_places_commas(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct buf out;
    buf_init(&out, arena, 1000);
    struct json_writer writer;
    json_writer_init(&writer, &out);
    json_begin_object(&writer);
    json_key(&writer, STR("a"));
    json_begin_array(&writer);
    json_i64(&writer, -5);
    json_f64(&writer, 0.5);
    json_begin_array(&writer);
    json_end_array(&writer);
    json_begin_object(&writer);
    json_end_object(&writer);
    json_null(&writer);
    json_end_array(&writer);
    json_key(&writer, STR("b"));
    json_bool(&writer, true);
    json_key(&writer, STR("c"));
    json_begin_object(&writer);
    json_key(&writer, STR("d"));
    json_string(&writer, STR("x"));
    json_end_object(&writer);
    json_key(&writer, STR("e"));
    json_number_text(&writer, STR("1.10"));
    json_key(&writer, STR("f"));
    json_value(&writer, parse(arena, "[1, 2]"));
    json_key(&writer, STR("g"));
    json_value(&writer, NULL);
    json_end_object(&writer);
    assert_str(buf_str(&out), STR("{\"a\":[-5,0.5,[],{},null],\"b\":true,\"c\":{\"d\":\"x\"},"
                                  "\"e\":1.10,\"f\":[1,2],\"g\":null}"));
    assert_int_equal(writer.depth, 0);
}

static struct str f64_text(struct arena *arena, double value)
{
    struct buf out;
    buf_init(&out, arena, 100);
    struct json_writer writer;
    json_writer_init(&writer, &out);
    json_f64(&writer, value);
    return buf_str(&out);
}

static void doubles_are_written_with_the_fewest_digits(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *written;
    } cases[] = {
        {0.0, "0"},
        {-0.0, "-0"},
        {1.0, "1"},
        {-1.0, "-1"},
        {0.1, "0.1"},
        {0.3, "0.3"},
        {0.1 + 0.2, "0.30000000000000004"},
        {1.5, "1.5"},
        {100.0, "100"},
        {123456.789, "123456.789"},
        {1440938160.123, "1440938160.123"},
        {1e15, "1000000000000000"},
        {9007199254740991.0, "9007199254740991"},
        {9007199254740992.0, "9007199254740992"},
        {1e20, "100000000000000000000"},
        {1e21, "1e+21"},
        {1.5e300, "1.5e+300"},
        {1e-6, "0.000001"},
        {1e-7, "1e-7"},
        {1.25e-6, "0.00000125"},
        {1e-8, "1e-8"},
        {5e-324, "5e-324"},
        {1e-323, "1e-323"},
        {2.2250738585072011e-308, "2.225073858507201e-308"},
        {2.2250738585072014e-308, "2.2250738585072014e-308"},
        {DBL_MAX, "1.7976931348623157e+308"},
        {5.9604644775390625e-08, "5.960464477539063e-8"}, /* 2^-24 */
        {9.5367431640625e-07, "9.5367431640625e-7"},      /* 2^-20 */
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *arena = arena_new();
        assert_str(f64_text(arena, cases[i].value), str_from_cstr(cases[i].written));
    }
    AUTO(arena) struct arena *arena = arena_new();
    assert_str(f64_text(arena, (double)NAN), STR("\"NaN\""));
    assert_str(f64_text(arena, (double)INFINITY), STR("\"Infinity\""));
    assert_str(f64_text(arena, -(double)INFINITY), STR("\"-Infinity\""));
}

static size_t count_digits(const char *text)
{
    size_t count = 0;
    size_t zeros = 0; /* trailing ones do not count */
    for (; *text && *text != 'e'; text++) {
        if (*text < '0' || *text > '9' || (count == 0 && *text == '0'))
            continue;
        zeros = *text == '0' ? zeros + 1 : 0;
        count++;
    }
    return count - zeros;
}

static void any_double_reads_back_and_none_is_longer_than_printf(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    for (int i = 0; i < 3000; i++) {
        uint64_t bits = 0;
        rand_bytes(&bits, sizeof(bits));
        if (i % 3 == 0)
            bits &= UINT64_C(0xFFF0000000000000); /* powers of two */
        double value = 0;
        memcpy(&value, &bits, sizeof(value));
        if (!isfinite(value))
            continue;
        const char *text = str_to_cstr(arena, f64_text(arena, value));
        double back = strtod(text, NULL);
        assert_memory_equal(&back, &value, sizeof(value));
        struct json *tree = NULL;
        assert_int_equal(json_parse(arena, str_from_cstr(text), 0, &tree, NULL), 0);
        for (int digits = 1; digits <= 17; digits++) {
            struct str other = str_format(arena, "%.*e", digits - 1, value);
            if (strtod(other.ptr, NULL) == value) {
                assert_true(count_digits(text) <= (size_t)digits);
                break;
            }
        }
        arena_reset(arena);
    }
}

/* ---- Pull reader -------------------------------------------------------------------------------
 */

static void the_reader_hands_out_tokens_in_order(void **state)
{
    (void)state;
    static const struct {
        enum json_token token;
        const char *text;
        size_t offset;
    } expected[] = {
        {JSON_TOKEN_BEGIN_OBJECT, NULL, 1},  {JSON_TOKEN_KEY, "a", 2},
        {JSON_TOKEN_BEGIN_ARRAY, NULL, 7},   {JSON_TOKEN_NUMBER, "1.0", 8},
        {JSON_TOKEN_STRING, "x\ny", 13},     {JSON_TOKEN_TRUE, NULL, 20},
        {JSON_TOKEN_FALSE, NULL, 25},        {JSON_TOKEN_NULL, NULL, 31},
        {JSON_TOKEN_END_ARRAY, NULL, 35},    {JSON_TOKEN_KEY, "b", 37},
        {JSON_TOKEN_BEGIN_OBJECT, NULL, 41}, {JSON_TOKEN_END_OBJECT, NULL, 42},
        {JSON_TOKEN_END_OBJECT, NULL, 43},   {JSON_TOKEN_END, NULL, 45},
        {JSON_TOKEN_END, NULL, 45},
    };
    AUTO(arena) struct arena *arena = arena_new();
    struct json_reader reader;
    json_reader_init(&reader, arena, STR(" {\"a\": [1.0, \"x\\ny\",true,false,null],\"b\":{}} "));
    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        assert_int_equal(json_read(&reader), expected[i].token);
        assert_int_equal(reader.token_offset, expected[i].offset);
        assert_str(reader.text, str_from_cstr(expected[i].text));
    }
}

static void values_can_be_skipped(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct json_reader reader;
    json_reader_init(&reader, arena, STR("{\"a\":[1,[2,{}]],\"b\":{\"c\":[]},\"d\":1,\"e\":2}"));
    assert_int_equal(json_read(&reader), JSON_TOKEN_BEGIN_OBJECT);
    assert_int_equal(json_skip(&reader, json_read(&reader)), 0); /* from the key */
    assert_int_equal(json_read(&reader), JSON_TOKEN_KEY);
    assert_int_equal(json_skip(&reader, json_read(&reader)), 0); /* from the brace */
    assert_int_equal(json_read(&reader), JSON_TOKEN_KEY);
    assert_str(reader.text, STR("d"));
    assert_int_equal(json_skip(&reader, json_read(&reader)), 0); /* a scalar */
    assert_int_equal(json_read(&reader), JSON_TOKEN_KEY);
    assert_str(reader.text, STR("e"));
    assert_int_equal(json_read(&reader), JSON_TOKEN_NUMBER);
    assert_int_equal(json_skip(&reader, json_read(&reader)), -EINVAL); /* the closing brace */
    json_reader_init(&reader, arena, STR("{\"a\":[1,[2,{]],\"b\":1}"));
    assert_int_equal(json_skip(&reader, json_read(&reader)), -EINVAL);
    json_reader_init(&reader, arena, STR("[[1],2]"));
    assert_int_equal(json_skip(&reader, JSON_TOKEN_END), 0); /* nothing read yet */
    assert_int_equal(json_read(&reader), JSON_TOKEN_END);
}

static void the_reader_builds_trees_of_parts(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct json_reader reader;
    json_reader_init(&reader, arena, STR("[{\"a\":1,\"a\":2},\"x\",[],3]"));
    static const char *const parts[] = {"{\"a\":2}", "\"x\"", "[]", "3"};
    assert_int_equal(json_read(&reader), JSON_TOKEN_BEGIN_ARRAY);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        struct json *value = NULL;
        assert_int_equal(json_read_tree(&reader, json_read(&reader), &value), 0);
        assert_str(json_to_str(arena, value), str_from_cstr(parts[i]));
    }
    assert_int_equal(json_read(&reader), JSON_TOKEN_END_ARRAY);
    assert_int_equal(json_read(&reader), JSON_TOKEN_END);
    json_reader_init(&reader, arena, STR("{\"a\":[1,}"));
    struct json *value = NULL;
    assert_int_equal(json_read_tree(&reader, json_read(&reader), &value), -EINVAL);
    assert_int_equal(json_read(&reader), JSON_TOKEN_ERROR);
    assert_null(value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_json_is_read_and_written_back),
        cmocka_unit_test(invalid_json_is_refused_with_place_and_reason),
        cmocka_unit_test(an_absent_text_is_an_empty_one),
        cmocka_unit_test(errors_have_line_and_column),
        cmocka_unit_test(depth_is_limited),
        cmocka_unit_test(a_tree_inside_of_open_levels_shares_the_depth_limit),
        cmocka_unit_test(duplicate_keys_can_be_refused),
        cmocka_unit_test(duplicates_among_many_keys_are_merged),
        cmocka_unit_test(nodes_know_their_offset_and_borrow_plain_text),
        cmocka_unit_test(members_are_found),
        cmocka_unit_test(equality_ignores_the_order_of_members_only),
        cmocka_unit_test(large_objects_compare_in_any_order),
        cmocka_unit_test(trees_can_be_built_and_changed),
        cmocka_unit_test(a_copy_outlives_the_original),
        cmocka_unit_test(trees_can_be_indented),
        cmocka_unit_test(text_is_escaped_and_made_valid),
        cmocka_unit_test(the_writer_places_commas),
        cmocka_unit_test(doubles_are_written_with_the_fewest_digits),
        cmocka_unit_test(any_double_reads_back_and_none_is_longer_than_printf),
        cmocka_unit_test(the_reader_hands_out_tokens_in_order),
        cmocka_unit_test(values_can_be_skipped),
        cmocka_unit_test(the_reader_builds_trees_of_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
