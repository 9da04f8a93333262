/* number_test.c — decimals: normal form, limits, order, sums, keys, sizes. */
#include "service/dynamodb/number.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/rand.h"

static struct ddb_number number(const char *text)
{
    struct ddb_number parsed = {0};
    assert_int_equal(ddb_number_parse(str_from_cstr(text), &parsed), DDB_NUMBER_OK);
    return parsed;
}

static void numbers_get_their_normal_form(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *normal;
    } cases[] = {
        {"0", "0"},
        {"-0", "0"},
        {"0.000", "0"},
        {"0e100000000000", "0"},
        {"1", "1"},
        {"+1", "1"},
        {"-1", "-1"},
        {"007", "7"},
        {"1.50", "1.5"},
        {".5", "0.5"},
        {"5.", "5"},
        {"1e3", "1000"},
        {"1E-3", "0.001"},
        {"-12.5e1", "-125"},
        {"123.456", "123.456"},
        {"1200", "1200"},
        {"0.00120", "0.0012"},
        {"1.23e1", "12.3"},
        {"100e-2", "1"},
        {"0042.1200", "42.12"},
        {"99999999999999999999999999999999999999", "99999999999999999999999999999999999999"},
        {"0.00000000000000000000000000000000000001", "0.00000000000000000000000000000000000001"},
    };
    AUTO(arena) struct arena *arena = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct ddb_number parsed = number(cases[i].text);
        assert_string_equal(str_to_cstr(arena, ddb_number_format(arena, &parsed)), cases[i].normal);
    }
    const struct ddb_number largest = number("1e125");
    const struct str text = ddb_number_format(arena, &largest);
    assert_int_equal(text.len, 126);
}

static void what_is_no_number_or_out_of_range_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum ddb_number_error error;
    } cases[] = {
        {"", DDB_NUMBER_INVALID},
        {"-", DDB_NUMBER_INVALID},
        {".", DDB_NUMBER_INVALID},
        {"1e", DDB_NUMBER_INVALID},
        {"1e+", DDB_NUMBER_INVALID},
        {"1.2.3", DDB_NUMBER_INVALID},
        {"abc", DDB_NUMBER_INVALID},
        {" 1", DDB_NUMBER_INVALID},
        {"1 ", DDB_NUMBER_INVALID},
        {"0x10", DDB_NUMBER_INVALID},
        {"1e126", DDB_NUMBER_OVERFLOW},
        {"-1e126", DDB_NUMBER_OVERFLOW},
        {"1e-131", DDB_NUMBER_UNDERFLOW},
        {"1e99999999999999999999", DDB_NUMBER_OVERFLOW},
        {"123456789012345678901234567890123456789", DDB_NUMBER_TOO_PRECISE},
        {"0.123456789012345678901234567890123456789", DDB_NUMBER_TOO_PRECISE},
        {"100000000000000000000000000000000000001", DDB_NUMBER_TOO_PRECISE},
    };
    struct ddb_number parsed;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(ddb_number_parse(str_from_cstr(cases[i].text), &parsed), cases[i].error);
    (void)number("1e125");
    (void)number("1e-130");
    (void)number("100000000000000000000000000000000000000000"); /* one significant digit */
}

static void sums_are_exact(void **state)
{
    (void)state;
    static const struct {
        const char *a;
        const char *b;
        const char *sum;
        const char *difference;
    } cases[] = {
        {"1", "2", "3", "-1"},
        {"0.1", "0.2", "0.3", "-0.1"},
        {"-5", "5", "0", "-10"},
        {"999", "1", "1000", "998"},
        {"1000", "0.001", "1000.001", "999.999"},
        {"-1.5", "-2.5", "-4", "1"},
        {"0", "0", "0", "0"},
        {"99999999999999999999999999999999999999", "1", "100000000000000000000000000000000000000",
         "99999999999999999999999999999999999998"},
    };
    AUTO(arena) struct arena *arena = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct ddb_number a = number(cases[i].a);
        const struct ddb_number b = number(cases[i].b);
        struct ddb_number result;
        assert_int_equal(ddb_number_add(&a, &b, false, &result), DDB_NUMBER_OK);
        assert_string_equal(str_to_cstr(arena, ddb_number_format(arena, &result)), cases[i].sum);
        assert_int_equal(ddb_number_add(&a, &b, true, &result), DDB_NUMBER_OK);
        assert_string_equal(str_to_cstr(arena, ddb_number_format(arena, &result)),
                            cases[i].difference);
    }
}

static void sums_out_of_range_are_refused(void **state)
{
    (void)state;
    struct ddb_number result;
    const struct ddb_number largest = number("9.9999999999999999999999999999999999999e125");
    const struct ddb_number one = number("1");
    const struct ddb_number far = number("1e100");
    const struct ddb_number unit = number("1e88");
    assert_int_equal(ddb_number_add(&largest, &unit, false, &result), DDB_NUMBER_OVERFLOW);
    assert_int_equal(ddb_number_add(&far, &one, false, &result), DDB_NUMBER_TOO_PRECISE);
}

/* Random digits, exponent and sign, as text. */
static const char *random_text(char out[64])
{
    const size_t digits = 1 + (size_t)rand_below(38);
    size_t len = 0;
    if (rand_below(2))
        out[len++] = '-';
    for (size_t i = 0; i < digits; i++)
        out[len++] = (char)('0' + rand_below(10));
    out[len++] = 'e';
    const int exponent = (int)rand_below(180) - 130;
    if (exponent < 0)
        out[len++] = '-';
    const int absolute = exponent < 0 ? -exponent : exponent;
    out[len++] = (char)('0' + absolute / 100);
    out[len++] = (char)('0' + absolute / 10 % 10);
    out[len++] = (char)('0' + absolute % 10);
    out[len] = '\0';
    return out;
}

static void keys_are_ordered_as_the_numbers_are(void **state)
{
    (void)state;
    enum { ROUNDS = 20000 };
    for (size_t i = 0; i < ROUNDS; i++) {
        char text[2][64];
        struct ddb_number numbers[2] = {0};
        unsigned char keys[2][DDB_NUMBER_KEY_MAX];
        size_t lengths[2];
        bool is_valid = true;
        for (size_t j = 0; j < 2; j++)
            is_valid &=
                ddb_number_parse(str_from_cstr(random_text(text[j])), &numbers[j]) == DDB_NUMBER_OK;
        if (rand_below(4) == 0) /* near ones */
            numbers[1].exponent = numbers[0].exponent;
        if (!is_valid || numbers[0].count == 0 || numbers[1].count == 0)
            continue;
        for (size_t j = 0; j < 2; j++) {
            struct ddb_number again;
            lengths[j] = ddb_number_key(&numbers[j], keys[j]);
            const struct str key = str_of((const char *)keys[j], lengths[j]);
            assert_true(ddb_number_from_key(key, &again));
            assert_int_equal(ddb_number_compare(&numbers[j], &again), 0);
        }
        const int order = ddb_number_compare(&numbers[0], &numbers[1]);
        const int key_order = str_compare(str_of((const char *)keys[0], lengths[0]),
                                          str_of((const char *)keys[1], lengths[1]));
        assert_int_equal((order > 0) - (order < 0), (key_order > 0) - (key_order < 0));
    }
}

/* OBSERVED: nubo-db/dynamodb-conformance, numberByteSize. */
static void sizes_are_those_that_aws_counts(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t size;
    } cases[] = {
        {"0", 1},
        {"1", 2},
        {"-1", 3},
        {"12", 2},
        {"123", 3},
        {"123456", 4},
        {"3.14159", 5},
        {"1E125", 2},
        {"100", 2},
        {"0.001", 2},
        {"12345678901234567890123456789012345678", 20},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct ddb_number parsed = number(cases[i].text);
        assert_int_equal(ddb_number_size(&parsed), cases[i].size);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_get_their_normal_form),
        cmocka_unit_test(what_is_no_number_or_out_of_range_is_refused),
        cmocka_unit_test(sums_are_exact),
        cmocka_unit_test(sums_out_of_range_are_refused),
        cmocka_unit_test(keys_are_ordered_as_the_numbers_are),
        cmocka_unit_test(sizes_are_those_that_aws_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
