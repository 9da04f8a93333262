/* http_chunks_test.c — chunked bodies, whole and split, good and bad. */
#include "net/http_chunks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* Reads `input` in steps of `step` bytes. Returns the last event. */
static enum http_chunks_event read_chunks(struct str input, size_t step, char *out, size_t *out_len,
                                          size_t *out_left)
{
    struct http_chunks chunks = {0};
    enum http_chunks_event event = HTTP_CHUNKS_MORE;
    size_t at = 0;
    *out_len = 0;
    while (at < input.len && event == HTTP_CHUNKS_MORE) {
        struct str now = str_slice(input, at, step);
        size_t given = now.len;
        struct str piece = {0};
        event = http_chunks_next(&chunks, &now, &piece);
        while (event == HTTP_CHUNKS_DATA) {
            memcpy(out + *out_len, piece.ptr, piece.len);
            *out_len += piece.len;
            event = http_chunks_next(&chunks, &now, &piece);
        }
        at += given - now.len;
    }
    *out_left = input.len - at;
    return event;
}

static void reads_good_bodies_however_split(void **state)
{
    (void)state;
    static const struct {
        struct str in;
        const char *out;
        size_t left;
    } cases[] = {
        {STR_INIT("0\r\n\r\n"), "", 0},
        {STR_INIT("5\r\nhello\r\n0\r\n\r\n"), "hello", 0},
        {STR_INIT("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\nGET /"), "hello world", 5},
        {STR_INIT("00A\r\n0123456789\r\n000\r\n\r\n"), "0123456789", 0},
        {STR_INIT("1;name=value\r\nx\r\n0;a;b=\"c\"\r\n\r\n"), "x", 0},
        {STR_INIT("1\r\nx\r\n0\r\nTrailer: value\r\nOther:\r\n\r\n"), "x", 0},
        {STR_INIT("2\r\n\r\n\r\n0\r\n\r\n"), "\r\n", 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (size_t step = 1; step <= cases[i].in.len; step++) {
            char out[64];
            size_t len = 0;
            size_t left = 0;
            assert_int_equal(read_chunks(cases[i].in, step, out, &len, &left), HTTP_CHUNKS_END);
            assert_true(str_eq_cstr(str_of(out, len), cases[i].out));
            assert_int_equal(left, cases[i].left);
        }
    }
}

static void refuses_bad_bodies(void **state)
{
    (void)state;
    static const struct str cases[] = {
        STR_INIT("\r\n"),
        STR_INIT(";a\r\n"),
        STR_INIT("g\r\n"),
        STR_INIT("-1\r\n"),
        STR_INIT("0x5\r\nhello\r\n"),
        STR_INIT(" 5\r\nhello\r\n"),
        STR_INIT("5 \r\nhello\r\n"),
        STR_INIT("5\nhello\r\n"),
        STR_INIT("5\r\r\nhello\r\n"),
        STR_INIT("5\r\nhello\n0\r\n\r\n"),
        STR_INIT("5\r\nhelloX\r\n0\r\n\r\n"),
        STR_INIT("5;a\nhello"),
        STR_INIT("5;\x01\r\nhello"),
        STR_INIT("1000000000000000\r\n"),
        STR_INIT("00000000000000000005\r\nhello"),
        STR_INIT("0\r\n\n"),
        STR_INIT("0\r\n\rX"),
        STR_INIT("0\r\n folded\r\n\r\n"),
        STR_INIT("0\r\nno colon\r\n\r\n"),
        STR_INIT("0\r\n: x\r\n\r\n"),
        STR_INIT("0\r\nA : x\r\n\r\n"),
        STR_INIT("0\r\nA: x\ny\r\n\r\n"),
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (size_t step = 1; step <= cases[i].len; step++) {
            char out[64];
            size_t len = 0;
            size_t left = 0;
            if (read_chunks(cases[i], step, out, &len, &left) != HTTP_CHUNKS_BAD)
                fail_msg("case %zu in steps of %zu", i, step);
        }
    }
}

static void extensions_and_trailers_are_limited(void **state)
{
    (void)state;
    struct http_chunks chunks = {0};
    struct str piece = {0};
    struct str input = STR("1;");
    assert_int_equal(http_chunks_next(&chunks, &input, &piece), HTTP_CHUNKS_MORE);
    enum http_chunks_event event = HTTP_CHUNKS_MORE;
    size_t sent = 0;
    while (event == HTTP_CHUNKS_MORE && sent < 1024 * 1024) {
        input = STR("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
        sent += input.len;
        event = http_chunks_next(&chunks, &input, &piece);
    }
    assert_int_equal(event, HTTP_CHUNKS_BAD);
    assert_true(sent < 64 * 1024);
    input = STR("0\r\n\r\n");
    assert_int_equal(http_chunks_next(&chunks, &input, &piece), HTTP_CHUNKS_BAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_good_bodies_however_split),
        cmocka_unit_test(refuses_bad_bodies),
        cmocka_unit_test(extensions_and_trailers_are_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
