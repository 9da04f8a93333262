/* range_test.c — ranges as the RFC and UploadPartCopy have them. */
#include "service/s3/range.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

struct range_case {
    const char *header;
    int64_t size;
    int rc;
    int64_t first;
    int64_t length;
};

static void ranges_are_read_as_the_rfc_says(void **state)
{
    (void)state;
    static const struct range_case cases[] = {
        {"bytes=0-0", 10, 1, 0, 1},       {"bytes=2-5", 10, 1, 2, 4},
        {"Bytes=2-5", 10, 1, 2, 4},       {"bytes=5-", 10, 1, 5, 5},
        {"bytes=5-99", 10, 1, 5, 5},      {"bytes=-3", 10, 1, 7, 3},
        {"bytes=-30", 10, 1, 0, 10},      {"bytes=0-99999999999999999999", 10, 1, 0, 10},
        {"bytes=10-", 10, -ERANGE, 0, 0}, {"bytes=99999999999999999999-", 10, -ERANGE, 0, 0},
        {"bytes=-0", 10, -ERANGE, 0, 0},  {"bytes=0-", 0, -ERANGE, 0, 0},
        {"bytes=-1", 0, -ERANGE, 0, 0},   {"bytes=5-2", 10, 0, 0, 0},
        {"bytes=0-1,4-5", 10, 0, 0, 0},   {"bytes=", 10, 0, 0, 0},
        {"bytes=-", 10, 0, 0, 0},         {"bytes=a-b", 10, 0, 0, 0},
        {"items=0-1", 10, 0, 0, 0},       {"", 10, 0, 0, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t first = 0;
        int64_t length = 0;
        int rc = range_parse(str_from_cstr(cases[i].header), cases[i].size, &first, &length);
        assert_int_equal(rc, cases[i].rc);
        assert_int_equal(first, cases[i].first);
        assert_int_equal(length, cases[i].length);
    }
    int64_t first = 0;
    int64_t length = 0;
    assert_int_equal(range_parse((struct str){0}, 10, &first, &length), 0);
}

static void ranges_of_copies_are_complete_and_exact(void **state)
{
    (void)state;
    static const struct range_case cases[] = {
        {"bytes=0-9", 10, 0, 0, 10},       {"bytes=3-3", 10, 0, 3, 1},
        {"bytes=0-10", 10, -ERANGE, 0, 0}, {"bytes=3-", 10, -EINVAL, 0, 0},
        {"bytes=-3", 10, -EINVAL, 0, 0},   {"bytes=5-2", 10, -EINVAL, 0, 0},
        {"0-9", 10, -EINVAL, 0, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t first = 0;
        int64_t length = 0;
        int rc = range_parse_copy(str_from_cstr(cases[i].header), cases[i].size, &first, &length);
        assert_int_equal(rc, cases[i].rc);
        assert_int_equal(first, cases[i].first);
        assert_int_equal(length, cases[i].length);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_are_read_as_the_rfc_says),
        cmocka_unit_test(ranges_of_copies_are_complete_and_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
