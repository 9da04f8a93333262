/* xml_test.c — the XML tree, its limits, and that what the writer escapes is read back. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "syntax/xml.h"

static void check_str(struct str actual, struct str expected)
{
    if (!str_eq(actual, expected))
        fail_msg("got '" STR_FMT "', wanted '" STR_FMT "'", STR_ARG(actual), STR_ARG(expected));
}

static struct xml_node *parse(struct arena *arena, struct str text)
{
    struct xml_node *root = NULL;
    struct xml_error error = {0};
    if (xml_parse(arena, text, &root, &error) != 0)
        fail_msg("refused: %s", error.message);
    return root;
}

static void elements_text_and_attributes_are_kept(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    const struct xml_node *root = parse(
        arena, STR("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- a comment -->\n"
                   "<Delete a=\"1\" b='&lt;&#x41;&quot;'><Object><Key>k&amp;1</Key></Object>"
                   "<Object><Key><![CDATA[<raw>]]></Key><VersionId/></Object><?pi x?></Delete>"));
    check_str(root->name, STR("Delete"));
    check_str(root->namespace_uri, STR(""));
    check_str(xml_attribute(root, STR("a")), STR("1"));
    check_str(xml_attribute(root, STR("b")), STR("<A\""));
    assert_false(str_is_set(xml_attribute(root, STR("c"))));
    const struct xml_node *object = xml_find(root, STR("Object"));
    assert_ptr_equal(object, root->first);
    check_str(xml_find_text(object, "Key"), STR("k&1"));
    assert_false(str_is_set(xml_find_text(object, "VersionId")));
    assert_ptr_equal(object->next, root->last);
    check_str(xml_find_text(object->next, "Key"), STR("<raw>"));
    assert_true(str_is_set(xml_find_text(object->next, "VersionId")));
    check_str(xml_find_text(object->next, "VersionId"), STR(""));
    assert_null(root->last->next);
    assert_null(xml_find(NULL, STR("x")));
    assert_false(str_is_set(xml_find_text(NULL, "x")));
    assert_false(str_is_set(xml_attribute(NULL, STR("x"))));
}

static void namespaces_are_cut_off_names_and_kept(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    const struct xml_node *root = parse(
        arena, STR("<s:Grantee xmlns:s=\"urn:one\" xmlns:xsi=\"urn:xsi\" xsi:type=\"User\" "
                   "type=\"plain\"><ID xmlns=\"urn:two\"><x/></ID><s:ID/><none/></s:Grantee>"));
    check_str(root->name, STR("Grantee"));
    check_str(root->namespace_uri, STR("urn:one"));
    check_str(root->attributes->name, STR("type"));
    check_str(root->attributes->prefix, STR("xsi"));
    check_str(root->attributes->value, STR("User"));
    check_str(root->attributes->next->prefix, STR(""));
    check_str(root->attributes->next->value, STR("plain"));
    check_str(root->first->name, STR("ID"));
    check_str(root->first->namespace_uri, STR("urn:two"));
    check_str(root->first->first->namespace_uri, STR("urn:two"));
    check_str(root->first->next->namespace_uri, STR("urn:one"));
    assert_ptr_equal(root->first->next->namespace_uri.ptr, root->namespace_uri.ptr);
    check_str(root->last->namespace_uri, STR(""));
}

static void text_around_children_is_joined(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    const struct xml_node *root = parse(arena, STR("<a>one<b>in</b>two\r\n<c>x<d/>y</c>\xC3\xA9"
                                                   "</a>"));
    check_str(root->text, STR("onetwo\n\xC3\xA9"));
    check_str(xml_find_text(root, "b"), STR("in"));
    check_str(xml_find_text(root, "c"), STR("xy"));
}

static void a_tree_outlives_the_text(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    const struct xml_node *root = NULL;
    {
        AUTO(arena) struct arena *brief = arena_new();
        root = parse(arena, str_copy(brief, STR("<a x='y' xmlns='urn:z'>text</a>")));
    }
    check_str(root->name, STR("a"));
    check_str(root->text, STR("text"));
    check_str(root->namespace_uri, STR("urn:z"));
    check_str(root->attributes->value, STR("y"));
}

static void malformed_documents_are_refused(void **state)
{
    (void)state;
    static const struct {
        struct str text;
        const char *message; /* when it is ours */
    } cases[] = {
        {{0}, NULL},
        {STR_INIT(""), NULL},
        {STR_INIT("   "), NULL},
        {STR_INIT("text"), NULL},
        {STR_INIT("<a>"), NULL},
        {STR_INIT("<a></b>"), NULL},
        {STR_INIT("<a/><b/>"), NULL},
        {STR_INIT("<a/>text"), NULL},
        {STR_INIT("<a b></a>"), NULL},
        {STR_INIT("<a b=c></a>"), NULL},
        {STR_INIT("<a b='1' b='2'/>"), NULL},
        {STR_INIT("<a>&unknown;</a>"), NULL},
        {STR_INIT("<a>&#0;</a>"), NULL},
        {STR_INIT("<a>&#x1;</a>"), NULL},
        {STR_INIT("<a>\x01</a>"), NULL},
        {STR_INIT("<a>\0</a>"), NULL},
        {STR_INIT("<a>\xFF</a>"), NULL},
        {STR_INIT("<a>\xED\xA0\x80</a>"), NULL},
        {STR_INIT("<p:a/>"), NULL},
        {STR_INIT("<a>]]></a>"), NULL},
        {STR_INIT("<a><!-- -- --></a>"), NULL},
        {STR_INIT("<a>\xE9</a>"), NULL},
        {STR_INIT("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a>\xE9</a>"), NULL},
        {STR_INIT("<!DOCTYPE a><a/>"), "a document type declaration is not allowed"},
        {STR_INIT("<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>"),
         "a document type declaration is not allowed"},
        {STR_INIT("<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>"),
         "a document type declaration is not allowed"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *arena = arena_new();
        struct xml_node *root = NULL;
        struct xml_error error = {0};
        if (xml_parse(arena, cases[i].text, &root, &error) != -EINVAL)
            fail_msg("accepted '" STR_FMT "'", STR_ARG(cases[i].text));
        assert_null(root);
        assert_non_null(error.message);
        if (cases[i].message)
            assert_string_equal(error.message, cases[i].message);
        assert_int_equal(xml_parse(arena, cases[i].text, &root, NULL), -EINVAL);
    }
}

static void errors_have_line_and_column(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct xml_node *root = NULL;
    struct xml_error error = {0};
    assert_int_equal(xml_parse(arena, STR("<a>\n  <b></c>\n</a>"), &root, &error), -EINVAL);
    assert_int_equal(error.line, 2);
    assert_int_equal(error.column, 8);
    assert_string_equal(error.message, "mismatched tag");
}

static struct str repeated(struct arena *arena, const char *before, const char *piece, size_t count,
                           const char *after)
{
    struct buf out;
    buf_init(&out, arena, 16 * 1024 * 1024);
    buf_append_cstr(&out, before);
    for (size_t i = 0; i < count; i++)
        buf_append_cstr(&out, piece);
    buf_append_cstr(&out, after);
    return buf_str(&out);
}

static void depth_and_size_are_limited(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct xml_node *root = NULL;
    struct xml_error error = {0};
    struct str closing = repeated(arena, "", "</a>", XML_MAX_DEPTH, "");
    struct str deepest = str_concat(arena, repeated(arena, "", "<a>", XML_MAX_DEPTH, ""), closing);
    assert_int_equal(xml_parse(arena, deepest, &root, &error), 0);
    struct str deeper = repeated(arena, "", "<a>", XML_MAX_DEPTH + 1, "");
    assert_int_equal(xml_parse(arena, deeper, &root, &error), -E2BIG);
    assert_string_equal(error.message, "nested too deeply");
    struct str largest = repeated(arena, "<a>", "<b/>", XML_MAX_NODES - 1, "</a>");
    assert_int_equal(xml_parse(arena, largest, &root, &error), 0);
    struct str larger = repeated(arena, "<a c='1'>", "<b/>", XML_MAX_NODES - 1, "</a>");
    assert_int_equal(xml_parse(arena, larger, &root, &error), -E2BIG);
    assert_string_equal(error.message, "too many elements");
}

static void long_namespace_names_are_refused(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct xml_node *root = NULL;
    struct xml_error error = {0};
    assert_int_equal(xml_parse(arena, repeated(arena, "<a xmlns='", "u", 1024, "'/>"), &root, NULL),
                     0);
    assert_int_equal(root->namespace_uri.len, 1024);
    struct str text = repeated(arena, "<a xmlns='", "u", 1025, "'/>");
    assert_int_equal(xml_parse(arena, text, &root, &error), -E2BIG);
    assert_string_equal(error.message, "namespace name too long");
}

/* ---- Writer -----------------------------------------------------------------------------------
 */

static void text_is_escaped(void **state)
{
    (void)state;
    static const struct {
        struct str text;
        const char *in_text;
        const char *in_attribute;
    } cases[] = {
        {{0}, "", ""},
        {STR_INIT("plain"), "plain", "plain"},
        {STR_INIT("&<>\"'"), "&amp;&lt;&gt;&quot;&apos;", "&amp;&lt;&gt;&quot;&apos;"},
        {STR_INIT("a\tb\nc\rd"), "a\tb\nc&#13;d", "a&#9;b&#10;c&#13;d"},
        {STR_INIT("\xC3\xA9\xF0\x9F\x98\x80\x7F"), "\xC3\xA9\xF0\x9F\x98\x80\x7F",
         "\xC3\xA9\xF0\x9F\x98\x80\x7F"},
        {STR_INIT("\0\x01\x1F"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD",
         "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
        {STR_INIT("a\xFFz"), "a\xEF\xBF\xBDz", "a\xEF\xBF\xBDz"},
        {STR_INIT("\xEF\xBF\xBE\xEF\xBF\xBF\xEF\xBF\xBD"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD",
         "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
        {STR_INIT("]]>"), "]]&gt;", "]]&gt;"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *arena = arena_new();
        struct buf out;
        buf_init(&out, arena, 1000);
        xml_text(&out, cases[i].text);
        check_str(buf_str(&out), str_from_cstr(cases[i].in_text));
        buf_clear(&out);
        xml_attribute_text(&out, cases[i].text);
        check_str(buf_str(&out), str_from_cstr(cases[i].in_attribute));
    }
}

static void what_is_written_is_read_back(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct str text = STR(" \t\r\n a & b < c > d \" ' ]]> \xE2\x82\xAC \r\r\n ");
    struct buf out;
    buf_init(&out, arena, 10000);
    xml_write_declaration(&out);
    struct buf attributes;
    buf_init(&attributes, arena, 1000);
    buf_append(&attributes, STR(" key=\""));
    xml_attribute_text(&attributes, text);
    buf_append(&attributes, STR("\""));
    xml_open_with(&out, STR("Result"), buf_str(&attributes));
    xml_element(&out, STR("Key"), text);
    xml_open(&out, STR("Empty"));
    xml_close(&out, STR("Empty"));
    xml_close(&out, STR("Result"));
    const struct xml_node *root = parse(arena, buf_str(&out));
    check_str(xml_attribute(root, STR("key")), text);
    check_str(xml_find_text(root, "Key"), text);
    check_str(xml_find_text(root, "Empty"), STR(""));
}

static void the_declaration_is_that_of_aws(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct buf out;
    buf_init(&out, arena, 1000);
    xml_write_declaration(&out);
    xml_element(&out, STR("A"), STR("1"));
    check_str(buf_str(&out), STR("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<A>1</A>"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elements_text_and_attributes_are_kept),
        cmocka_unit_test(namespaces_are_cut_off_names_and_kept),
        cmocka_unit_test(text_around_children_is_joined),
        cmocka_unit_test(a_tree_outlives_the_text),
        cmocka_unit_test(malformed_documents_are_refused),
        cmocka_unit_test(errors_have_line_and_column),
        cmocka_unit_test(depth_and_size_are_limited),
        cmocka_unit_test(long_namespace_names_are_refused),
        cmocka_unit_test(text_is_escaped),
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(the_declaration_is_that_of_aws),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
