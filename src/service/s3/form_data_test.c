/* form_data_test.c — forms as browsers and SDKs send them, and broken ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>

#include "base/arena.h"
#include "service/s3/form_data.h"

static void assert_text(struct str text, const char *wanted)
{
    assert_true(str_eq_cstr(text, wanted));
}

static void test_a_boundary_is_read_from_the_content_type(void **state)
{
    (void)state;
    assert_text(form_data_boundary(STR("multipart/form-data; boundary=abc")), "abc");
    assert_text(form_data_boundary(STR("Multipart/Form-Data; charset=x; boundary=\"a b\"")), "a b");
    assert_null(form_data_boundary(STR("application/x-www-form-urlencoded")).ptr);
    assert_null(form_data_boundary(STR("multipart/form-data")).ptr);
}

static void test_fields_and_the_file_are_told_apart(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct form_data form = {0};
    struct str text = STR("--b\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\na/${filename}"
                          "\r\n--b\r\ncontent-disposition: form-data; name=\"file\"; "
                          "filename=\"x \\\"y\\\".txt\"\r\nContent-Type: text/plain\r\n\r\n"
                          "line\r\n--not\r\n\r\n--b--\r\n");
    assert_int_equal(form_data_parse(arena, STR("b"), text, &form), 0);
    assert_int_equal(form.part_count, 1);
    assert_text(form_data_find(&form, STR("KEY")), "a/${filename}");
    assert_text(form.file->filename, "x \"y\".txt");
    assert_text(form.file->content_type, "text/plain");
    assert_text(form.file->value, "line\r\n--not\r\n");
}

static void test_what_follows_the_file_is_ignored(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct form_data form = {0};
    struct str text = STR("--b\r\nContent-Disposition: form-data; name=file\r\n\r\n\r\n--b\r\n"
                          "Content-Disposition: form-data; name=acl\r\n\r\nx\r\n--b--");
    assert_int_equal(form_data_parse(arena, STR("b"), text, &form), 0);
    assert_int_equal(form.part_count, 0);
    assert_int_equal(form.file->value.len, 0);
}

static void test_a_broken_form_is_refused(void **state)
{
    (void)state;
    static const char *const broken[] = {
        "",
        "--c\r\n",
        "--b",
        "--b\r\n\r\nvalue\r\n--b--",
        "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nnever ends",
        "--bx\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nv\r\n--bx--",
    };
    AUTO(arena) struct arena *arena = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
        struct form_data form = {0};
        assert_int_equal(form_data_parse(arena, STR("b"), str_from_cstr(broken[i]), &form),
                         -EINVAL);
    }
}

static void test_too_much_before_the_file_is_refused(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    struct form_data form = {0};
    char *filler = arena_alloc_text(arena, FORM_DATA_MAX_HEAD + 1);
    for (size_t i = 0; i <= FORM_DATA_MAX_HEAD; i++)
        filler[i] = 'x';
    struct str text =
        str_format(arena,
                   "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n" STR_FMT
                   "\r\n--b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nv\r\n--b--",
                   FORM_DATA_MAX_HEAD, filler);
    assert_int_equal(form_data_parse(arena, STR("b"), text, &form), -E2BIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_boundary_is_read_from_the_content_type),
        cmocka_unit_test(test_fields_and_the_file_are_told_apart),
        cmocka_unit_test(test_what_follows_the_file_is_ignored),
        cmocka_unit_test(test_a_broken_form_is_refused),
        cmocka_unit_test(test_too_much_before_the_file_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
