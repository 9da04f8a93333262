/* chunked_test.c — the examples of the S3 documentation in pieces of every size, and refusals. */
#include "auth/chunked.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"

static struct arena *arena;

static int set_up(void **state)
{
    (void)state;
    arena = arena_new();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

/* What came out of the decoder. */
struct sink {
    struct buf data;
    struct buf trailers; /* "name=value;" */
    int answer;          /* of the callbacks */
};

static int take_data(void *context, struct str data)
{
    struct sink *sink = context;
    buf_append(&sink->data, data);
    return sink->answer;
}

static int take_trailer(void *context, struct str name, struct str value)
{
    struct sink *sink = context;
    buf_append(&sink->trailers, name);
    buf_append_char(&sink->trailers, '=');
    buf_append(&sink->trailers, value);
    buf_append_char(&sink->trailers, ';');
    return sink->answer;
}

/* Decodes `body` in pieces of `step` bytes. */
static int decode(const struct aws_chunked_options *options, struct str body, size_t step,
                  struct sink *sink)
{
    *sink = (struct sink){.answer = sink->answer};
    buf_init(&sink->data, arena, 1 << 20);
    buf_init(&sink->trailers, arena, 1 << 20);
    struct aws_chunked *decoder = aws_chunked_new(arena, options, take_data, take_trailer, sink);
    for (size_t at = 0; at < body.len; at += step) {
        int rc = aws_chunked_feed(decoder, str_slice(body, at, step));
        if (rc < 0) {
            assert_int_equal(aws_chunked_feed(decoder, STR("x")), rc);
            assert_int_equal(aws_chunked_finish(decoder), rc);
            return rc;
        }
    }
    return aws_chunked_finish(decoder);
}

/* ---- the examples of the documentation ---- */

static const struct sig upload_sig = {
    .scheme = SIG_V4_HEADER,
    .payload = SIG_PAYLOAD_STREAMING,
    .date = STR_INIT("20130524"),
    .region = STR_INIT("us-east-1"),
    .service = STR_INIT("s3"),
    .terminator = STR_INIT("aws4_request"),
    .amz_date = STR_INIT("20130524T000000Z"),
    .signature = STR_INIT("4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"),
};

static struct aws_chunked_options upload_options(void)
{
    return (struct aws_chunked_options){
        .payload = SIG_PAYLOAD_STREAMING,
        .sig = &upload_sig,
        .secret_key = STR("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        .decoded_length = 66560,
    };
}

static void add_chunk(struct buf *body, size_t size, const char *signature)
{
    buf_append_format(body, "%zx", size);
    if (signature)
        buf_append_format(body, ";chunk-signature=%s", signature);
    buf_append_cstr(body, "\r\n");
    memset(buf_reserve(body, size + 1), 'a', size);
    body->len += size;
    if (size > 0)
        buf_append_cstr(body, "\r\n");
}

/* AWS: 65 KiB of 'a' in a chunk of 64 KiB and one of 1 KiB. */
static struct str upload_body(void)
{
    struct buf body;
    buf_init(&body, arena, 1 << 20);
    add_chunk(&body, 65536, "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648");
    add_chunk(&body, 1024, "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497");
    add_chunk(&body, 0, "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9");
    buf_append_cstr(&body, "\r\n");
    return buf_str(&body);
}

static const struct sig trailer_sig = {
    .scheme = SIG_V4_HEADER,
    .payload = SIG_PAYLOAD_STREAMING_TRAILER,
    .date = STR_INIT("20130524"),
    .region = STR_INIT("us-east-1"),
    .service = STR_INIT("s3"),
    .terminator = STR_INIT("aws4_request"),
    .amz_date = STR_INIT("20130524T000000Z"),
    .signature = STR_INIT("106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e"),
};

static struct aws_chunked_options trailer_options(void)
{
    return (struct aws_chunked_options){
        .payload = SIG_PAYLOAD_STREAMING_TRAILER,
        .sig = &trailer_sig,
        .secret_key = STR("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        .decoded_length = 66560,
        .trailer_names = STR("x-amz-checksum-crc32c"),
    };
}

static struct str trailer_body(const char *trailers)
{
    struct buf body;
    buf_init(&body, arena, 1 << 20);
    add_chunk(&body, 65536, "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2");
    add_chunk(&body, 1024, "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7");
    add_chunk(&body, 0, "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992");
    buf_append_cstr(&body, trailers);
    return buf_str(&body);
}

#define TRAILER_SIGNATURE                                                                          \
    "x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n"

static const size_t steps[] = {1, 2, 3, 7, 85, 86, 87, 1000, 65536, 1 << 20};

static void the_documented_upload_decodes_in_pieces_of_any_size(void **state)
{
    (void)state;
    struct aws_chunked_options options = upload_options();
    struct str body = upload_body();
    assert_int_equal(body.len, 66824); /* the Content-Length of the example */
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        struct sink sink = {0};
        assert_int_equal(decode(&options, body, steps[i], &sink), 0);
        assert_int_equal(sink.data.len, 66560);
        for (size_t at = 0; at < sink.data.len; at++)
            assert_int_equal(sink.data.ptr[at], 'a');
    }
}

static void the_documented_trailer_is_checked_and_handed_over(void **state)
{
    (void)state;
    struct aws_chunked_options options = trailer_options();
    static const char *const endings[] = {
        "x-amz-checksum-crc32c:sOO8/Q==\r\n" TRAILER_SIGNATURE "\r\n",
        "X-Amz-Checksum-Crc32c: sOO8/Q== \r\n" TRAILER_SIGNATURE "\r\n",
        "x-amz-checksum-crc32c:sOO8/Q==\n\r\n" TRAILER_SIGNATURE "\r\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
        for (size_t j = 0; j < ARRAY_LEN(steps); j++) {
            struct sink sink = {0};
            assert_int_equal(decode(&options, trailer_body(endings[i]), steps[j], &sink), 0);
            assert_int_equal(sink.data.len, 66560);
            assert_true(str_eq(buf_str(&sink.trailers), STR("x-amz-checksum-crc32c=sOO8/Q==;")));
        }
    }
}

static void changed_bytes_are_found(void **state)
{
    (void)state;
    struct aws_chunked_options options = upload_options();
    struct sink sink = {0};
    /* In data, in a signature, in the empty last chunk's signature. */
    static const size_t places[] = {100, 65625, 66000, 30, 66780};
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        struct str body = str_copy(arena, upload_body());
        char *bytes = str_to_cstr(arena, body);
        bytes[places[i]] = bytes[places[i]] == 'b' ? 'c' : 'b';
        int rc = decode(&options, str_of(bytes, body.len), 4096, &sink);
        assert_true(rc == -EKEYREJECTED || rc == -EINVAL);
    }
    options.secret_key = STR("another");
    assert_int_equal(decode(&options, upload_body(), 4096, &sink), -EKEYREJECTED);

    options = trailer_options();
    assert_int_equal(
        decode(&options,
               trailer_body("x-amz-checksum-crc32c:AAAA/Q==\r\n" TRAILER_SIGNATURE "\r\n"), 4096,
               &sink),
        -EKEYREJECTED);
    assert_int_equal(sink.trailers.len, 0);
    assert_int_equal(decode(&options, trailer_body("\r\n"), 4096, &sink), -EINVAL);
    assert_int_equal(
        decode(&options, trailer_body("x-amz-checksum-crc32c:sOO8/Q==\r\n\r\n"), 4096, &sink),
        -EINVAL);
}

static void a_truncated_body_is_refused_wherever_it_ends(void **state)
{
    (void)state;
    struct aws_chunked_options options = upload_options();
    struct str body = upload_body();
    for (size_t cut = 1; cut < 400; cut++) {
        struct sink sink = {0};
        assert_int_equal(decode(&options, str_slice(body, 0, body.len - cut), 50000, &sink),
                         -EINVAL);
    }
}

/* ---- unsigned bodies: framing alone ---- */

static void framing_is_checked(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        int64_t decoded_length;
        const char *names;
        int rc;
        const char *data;
        const char *trailers;
    } cases[] = {
        {"3\r\nabc\r\n0\r\n\r\n", 3, "", 0, "abc", ""},
        {"3\r\nabc\r\n0\r\n\r\n", -1, "", 0, "abc", ""},
        {"0\r\n\r\n", 0, "", 0, "", ""},
        {"00003;x=y\r\nabc\r\n0\r\n\r\n", 3, "", 0, "abc", ""},
        {"0\r\na:1\n\n", 0, "a", 0, "", "a=1;"},
        {"A\r\n0123456789\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n", 10,
         "x-amz-checksum-crc32", 0, "0123456789", "x-amz-checksum-crc32=AAAAAA==;"},
        {"0\r\na: 1\r\nB:2:3\r\n\r\n", 0, "b, a", 0, "", "a=1;b=2:3;"},
        {"0\r\na:\r\n\r\n\r\n\r\n", 0, "a", 0, "", "a=;"},
        /* lengths */
        {"3\r\nabc\r\n0\r\n\r\n", 4, "", -EINVAL, NULL, NULL},
        {"3\r\nabc\r\n0\r\n\r\n", 2, "", -EMSGSIZE, NULL, NULL},
        {"3\r\nabcd\r\n0\r\n\r\n", 4, "", -EINVAL, NULL, NULL},
        {"3\r\nab\r\n0\r\n\r\n", 3, "", -EINVAL, NULL, NULL},
        {"3\r\nabc\r\n3\r\nabc\r\n0\r\n\r\n", 6, "", -ERANGE, NULL, NULL},
        {"40000001\r\n", -1, "", -EMSGSIZE, NULL, NULL},
        {"ffffffffffffffffffffffff\r\n", -1, "", -EMSGSIZE, NULL, NULL},
        /* headers */
        {"", -1, "", -EINVAL, NULL, NULL},
        {"\r\n", -1, "", -EINVAL, NULL, NULL},
        {"3\nabc\r\n0\r\n\r\n", 3, "", -EINVAL, NULL, NULL},
        {"3\r\nabc\n0\r\n\r\n", 3, "", -EINVAL, NULL, NULL},
        {"g\r\n", -1, "", -EINVAL, NULL, NULL},
        {"-1\r\n", -1, "", -EINVAL, NULL, NULL},
        {"0x3\r\nabc\r\n0\r\n\r\n", -1, "", -EINVAL, NULL, NULL},
        {";chunk-signature=x\r\n", -1, "", -EINVAL, NULL, NULL},
        {"0;chunk-signature=x\r\n\r\n", -1, "", -EINVAL, NULL, NULL},
        /* ends and trailers */
        {"0\r\n", 0, "", -EINVAL, NULL, NULL},
        {"3\r\nabc\r\n", 3, "", -EINVAL, NULL, NULL},
        {"0\r\n\r\nx", 0, "", -EINVAL, NULL, NULL},
        {"0\r\n\r\nx\r\n", 0, "", -EINVAL, NULL, NULL},
        {"0\r\na:1\r\n\r\n", 0, "", -EINVAL, NULL, NULL},
        {"0\r\na\r\n\r\n", 0, "a", -EINVAL, NULL, NULL},
        {"0\r\n:1\r\n\r\n", 0, "a", -EINVAL, NULL, NULL},
        {"0\r\n\r\n", 0, "a", -ENODATA, NULL, NULL},
        {"0\r\na:1\r\n\r\n", 0, "a,b", -ENODATA, NULL, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct aws_chunked_options options = {
            .payload = SIG_PAYLOAD_UNSIGNED_TRAILER,
            .decoded_length = cases[i].decoded_length,
            .trailer_names = str_from_cstr(cases[i].names),
        };
        for (size_t step = 1; step < 40; step += 5) {
            struct sink sink = {0};
            int rc = decode(&options, str_from_cstr(cases[i].body), step, &sink);
            if (rc != cases[i].rc)
                fail_msg("case %zu, step %zu gave %d", i, step, rc);
            if (rc < 0)
                continue;
            assert_true(str_eq_cstr(buf_str(&sink.data), cases[i].data));
            assert_true(str_eq_cstr(buf_str(&sink.trailers), cases[i].trailers));
        }
    }
}

static void big_chunks_may_follow_each_other_and_a_small_one_ends(void **state)
{
    (void)state;
    const struct aws_chunked_options options = {
        .payload = SIG_PAYLOAD_UNSIGNED_TRAILER,
        .decoded_length = -1,
    };
    static const struct {
        size_t sizes[3];
        int rc;
    } cases[] = {
        {{8192, 8192, 1}, 0},
        {{8192, 8191, 8192}, -ERANGE},
        {{8191, 8192, 8192}, -ERANGE},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf body;
        buf_init(&body, arena, 1 << 20);
        for (size_t j = 0; j < ARRAY_LEN(cases[i].sizes); j++)
            add_chunk(&body, cases[i].sizes[j], NULL);
        add_chunk(&body, 0, NULL);
        buf_append_cstr(&body, "\r\n");
        struct sink sink = {0};
        assert_int_equal(decode(&options, buf_str(&body), 1000, &sink), cases[i].rc);
    }
}

static void lines_and_trailers_are_limited(void **state)
{
    (void)state;
    const struct aws_chunked_options options = {
        .payload = SIG_PAYLOAD_UNSIGNED_TRAILER,
        .decoded_length = -1,
        .trailer_names = STR("a"),
    };
    struct buf body;
    buf_init(&body, arena, 1 << 20);
    buf_append_cstr(&body, "0;");
    for (int i = 0; i < AWS_CHUNKED_MAX_LINE; i++)
        buf_append_char(&body, 'x');
    buf_append_cstr(&body, "\r\n\r\n");
    struct sink sink = {0};
    assert_int_equal(decode(&options, buf_str(&body), 1, &sink), -EMSGSIZE);
    assert_int_equal(decode(&options, buf_str(&body), 1 << 20, &sink), -EMSGSIZE);

    buf_clear(&body);
    buf_append_cstr(&body, "0\r\n");
    for (int i = 0; i <= AWS_CHUNKED_MAX_TRAILERS; i++)
        buf_append_cstr(&body, "a:1\r\n");
    assert_int_equal(decode(&options, buf_str(&body), 100, &sink), -EMSGSIZE);
    buf_clear(&body);
    buf_append_cstr(&body, "0\r\n");
    for (int i = 0; i < 2; i++) {
        buf_append_cstr(&body, "a:");
        for (int j = 0; j < AWS_CHUNKED_MAX_LINE / 2; j++)
            buf_append_char(&body, 'x');
        buf_append_cstr(&body, "\r\n");
    }
    assert_int_equal(decode(&options, buf_str(&body), 100, &sink), -EMSGSIZE);
}

static void an_error_of_the_consumer_stops_the_decoder(void **state)
{
    (void)state;
    struct aws_chunked_options options = {
        .payload = SIG_PAYLOAD_UNSIGNED_TRAILER,
        .decoded_length = -1,
        .trailer_names = STR("a"),
    };
    struct sink sink = {.answer = -ENOSPC};
    assert_int_equal(decode(&options, STR("3\r\nabc\r\n0\r\n\r\n"), 100, &sink), -ENOSPC);
    assert_int_equal(decode(&options, STR("0\r\na:1\r\n\r\n"), 100, &sink), -ENOSPC);
}

static void a_signed_stream_needs_its_signatures_and_has_no_trailers(void **state)
{
    (void)state;
    struct aws_chunked_options options = upload_options();
    options.decoded_length = -1;
    struct sink sink = {0};
    assert_int_equal(decode(&options, STR("0\r\n\r\n"), 100, &sink), -EINVAL);
    assert_int_equal(decode(&options, STR("0;chunk-signature=00\r\n\r\n"), 100, &sink), -EINVAL);
    struct str body = upload_body();
    struct str with_trailer =
        str_concat(arena, str_slice(body, 0, body.len - 2), STR("a:1\r\n\r\n"));
    assert_int_equal(decode(&options, with_trailer, 1 << 20, &sink), -EINVAL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_documented_upload_decodes_in_pieces_of_any_size),
        TEST(the_documented_trailer_is_checked_and_handed_over),
        TEST(changed_bytes_are_found),
        TEST(a_truncated_body_is_refused_wherever_it_ends),
        TEST(framing_is_checked),
        TEST(big_chunks_may_follow_each_other_and_a_small_one_ends),
        TEST(lines_and_trailers_are_limited),
        TEST(an_error_of_the_consumer_stops_the_decoder),
        TEST(a_signed_stream_needs_its_signatures_and_has_no_trailers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
