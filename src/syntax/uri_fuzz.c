/* uri_fuzz.c — any bytes as a coded text, as a form, and as text to code. */
#include "base/arena.h"
#include "syntax/uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_form(struct arena *arena, struct str text)
{
    struct form form = {0};
    if (form_parse(arena, text, true, &form) < 0)
        return;
    CHECK(form.count <= FORM_MAX_FIELDS);
    struct buf out; /* coded and parsed again, the form is the same */
    buf_init(&out, arena, text.len * 3 + 2);
    for (size_t i = 0; i < form.count; i++) {
        const struct form_field *field = &form.fields[i];
        CHECK(str_is_set(form_find(&form, field->name)));
        buf_append(&out, i > 0 ? STR("&") : STR(""));
        uri_encode(&out, field->name, false);
        buf_append(&out, field->has_equals ? STR("=") : STR(""));
        uri_encode(&out, field->value, true);
    }
    CHECK(!out.is_full);
    struct form again = {0};
    CHECK(form_parse(arena, buf_str(&out), true, &again) == 0 && again.count == form.count);
    for (size_t i = 0; i < form.count; i++) {
        CHECK(str_eq(form.fields[i].name, again.fields[i].name));
        CHECK(str_eq(form.fields[i].value, again.fields[i].value));
        CHECK(form.fields[i].has_equals == again.fields[i].has_equals);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct str text = str_of((const char *)data, size);
    struct str decoded = {0};
    struct str coded = uri_encode_str(arena, text, size % 2 == 0);
    CHECK(uri_decode(arena, coded, true, &decoded) == 0 && str_eq(decoded, text));
    if (uri_decode(arena, text, false, &decoded) == 0)
        CHECK(decoded.len <= size);
    check_form(arena, text);
    return 0;
}
