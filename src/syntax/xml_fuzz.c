/* xml_fuzz.c — any bytes as a document, and any bytes as text that is written and read back. */
#include "base/arena.h"
#include "syntax/xml.h"

enum {
    BYTES_PER_BYTE =
        64, /* an element is 96 bytes and its shortest text "<a/>", with copied names */
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t depth_of(const struct xml_node *node)
{
    uint32_t deepest = 0;
    for (const struct xml_node *child = node->first; child; child = child->next) {
        uint32_t depth = depth_of(child);
        deepest = depth > deepest ? depth : deepest;
    }
    return deepest + 1;
}

/* Valid text comes back as it went in. */
static void check_written_text(struct arena *arena, struct str text)
{
    struct buf out;
    buf_init(&out, arena, text.len * 12 + 100);
    xml_write_declaration(&out);
    xml_open_with(&out, STR("a"), STR(" b=\""));
    out.len--; /* the attribute is not closed yet */
    xml_attribute_text(&out, text);
    buf_append(&out, STR("\">"));
    xml_text(&out, text);
    xml_close(&out, STR("a"));
    CHECK(!out.is_full);
    struct xml_node *root = NULL;
    CHECK(xml_parse(arena, buf_str(&out), &root, NULL) == 0);
    CHECK(str_eq(root->text, xml_attribute(root, STR("b"))));
    bool is_changed = str_contains(root->text, STR("\xEF\xBF\xBD"));
    CHECK(is_changed || str_eq(root->text, text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct str text = str_of((const char *)data, size);
    struct xml_node *root = NULL;
    struct xml_error error = {0};
    int rc = xml_parse(arena, text, &root, &error);
    CHECK(arena_used(arena) <= size * BYTES_PER_BYTE + 4096);
    if (rc == 0)
        CHECK(depth_of(root) <= XML_MAX_DEPTH);
    else
        CHECK(error.message && !root);
    check_written_text(arena, text);
    return 0;
}
