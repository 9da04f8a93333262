/* form_data_fuzz.c — any bytes as a form: the first line is the Content-Type, the rest the body. */
#include "base/arena.h"
#include "service/s3/form_data.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_inside(struct str whole, struct str part)
{
    CHECK(!part.ptr || part.len == 0 ||
          (part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct str text = str_of((const char *)data, size);
    ptrdiff_t end = str_index(text, '\n');
    struct str head = end < 0 ? text : str_slice(text, 0, (size_t)end);
    struct str body = end < 0 ? STR("") : str_from(text, (size_t)end + 1);
    struct str boundary = form_data_boundary(head);
    struct form_data form = {0};
    if (!boundary.ptr)
        boundary = STR("b");
    CHECK(boundary.len <= FORM_DATA_MAX_BOUNDARY);
    if (form_data_parse(arena, boundary, body, &form) < 0)
        return 0;
    CHECK(form.part_count <= FORM_DATA_MAX_PARTS);
    for (size_t i = 0; i < form.part_count; i++) {
        CHECK(form_data_find(&form, form.parts[i].name).ptr != NULL);
        check_inside(body, form.parts[i].value);
    }
    if (form.file)
        check_inside(body, form.file->value);
    return 0;
}
